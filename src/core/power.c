/* power.c - see power.h. */
#include "core/power.h"

#include <string.h>

#include "base/hash.h"
#include "core/estimate.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/reserve.h"

#define CAP_MOST_MW INT64_C(1000000000) /* a megawatt: sums of watts stay in 31 bits */
#define FULL_MW     300000              /* of a GPU of which nobody has said anything: a card of the middle */

/* --- the cap -------------------------------------------------------------------------------------- */

int power_check(const struct ev_power *e, struct err *err)
{
    if (e->caps_n > CORE_CAPS_MAX)
        return err_set(err, E_TOO_LARGE, "A power cap has at most %d steps at a time, not %u.", CORE_CAPS_MAX, e->caps_n);
    for (uint32_t i = 0; i < e->caps_n; i++) {
        if (i > 0 && e->caps[i].from_at <= e->caps[i - 1].from_at)
            return err_set(err, E_INVALID, "The steps of a power cap must ascend.");
        if (e->caps[i].mw < 0 || e->caps[i].mw > CAP_MOST_MW)
            return err_set(err, E_TOO_LARGE, "A power cap is 0 to 1000 kW.");
    }
    return 0;
}

/* Nothing while there is none: old journals keep their hashes. */
uint64_t power_hash(const struct core *c)
{
    const struct caps *p = &c->caps;
    if (p->n == 0)
        return 0;
    uint64_t h = hash_mix(hash_mix('w', p->n), (uint64_t)p->until_at);
    for (uint32_t i = 0; i < p->n; i++)
        h = hash_mix(hash_mix(h, (uint64_t)p->at[i].from_at), (uint64_t)p->at[i].mw);
    return h;
}

void power_apply(struct core *c, const struct ev_power *e)
{
    c->sum -= power_hash(c);
    memset(&c->caps, 0, sizeof c->caps);
    c->caps.until_at = e->until_at;
    c->caps.n = e->caps_n;
    for (uint32_t i = 0; i < e->caps_n; i++)
        c->caps.at[i] = e->caps[i];
    c->sum += power_hash(c);
    power_count(c);
}

bool power_enter(struct core *c, const struct cap *cap)
{
    struct caps *p = &c->caps;
    if (p->n == CORE_CAPS_MAX || (p->n > 0 && cap->from_at <= p->at[p->n - 1].from_at) || cap->mw < 0 ||
        cap->mw > CAP_MOST_MW)
        return false;
    c->sum -= power_hash(c);
    p->at[p->n++] = *cap;
    c->sum += power_hash(c);
    power_count(c);
    return true;
}

/* The first step holds before it, the last behind it. */
static uint32_t step_at(const struct core *c, usec_t at)
{
    uint32_t i = c->caps.n - 1;
    while (i > 0 && c->caps.at[i].from_at > at)
        i--;
    return i;
}

static uint32_t step_w(const struct core *c, uint32_t step) { return (uint32_t)(c->caps.at[step].mw / 1000); }

uint32_t power_cap_w(const struct core *c, usec_t at) { return power_capped(c) ? step_w(c, step_at(c, at)) : 0; }

static uint32_t most_w(const struct core *c)
{
    uint32_t most = 0;
    for (uint32_t i = power_capped(c) ? step_at(c, c->now_at) : 0; i < c->caps.n; i++)
        most = step_w(c, i) > most ? step_w(c, i) : most;
    return most;
}

usec_t power_next_step(const struct core *c, usec_t t)
{
    for (uint32_t i = 1; i < c->caps.n; i++)
        if (c->caps.at[i].from_at > t)
            return c->caps.at[i].from_at;
    return USEC_NEVER;
}

/* --- what a job takes ----------------------------------------------------------------------------- */

static uint32_t whole_w(int64_t mw) { return mw <= 0 ? 0 : (uint32_t)((mw + 999) / 1000); }

static int64_t full_mw(const struct core *c, uint32_t type)
{
    int64_t most = 0;
    for (uint32_t i = 0; i < CORE_GPUS_MAX; i++)
        if (c->gpus[i].known && (!type || c->gpus[i].type == type)) {
            int64_t mw = c->gpus[i].watts_mw > 0 ? c->gpus[i].watts_mw : FULL_MW;
            most = mw > most ? mw : most;
        }
    return most ? most : FULL_MW;
}

uint32_t power_full_w(const struct core *c, uint32_t gpus, uint32_t type) { return gpus * whole_w(full_mw(c, type)); }

void power_record(struct power_samples *s, int64_t mw)
{
    uint32_t w = whole_w(mw < CAP_MOST_MW ? mw : CAP_MOST_MW);
    if (w == 0) /* nobody has looked */
        return;
    if (s->n == POWER_SAMPLES) {
        memmove(s->w, s->w + 1, (POWER_SAMPLES - 1) * sizeof s->w[0]);
        s->n--;
    }
    s->w[s->n++] = w;
}

uint64_t power_samples_hash(uint64_t h, const struct power_samples *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        h = hash_mix(h ^ (i + 1), s->w[i]);
    return h;
}

/* Nine of ten took no more; of fewer than ten the most. */
static uint32_t p90_w(const struct core *c, const struct power_samples *s)
{
    uint32_t most = 0, second = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->w[i] >= most) {
            second = most;
            most = s->w[i];
        } else if (s->w[i] > second) {
            second = s->w[i];
        }
    }
    if (MUTANT(c, MUTANT_POWER_LESS))
        return most / 2;
    return s->n < POWER_SAMPLES ? most : second;
}

struct whose { /* all that the answer rests on */
    uint64_t group_key;
    uint32_t told_w, gpus, gpu_type;
};

static uint32_t expected(const struct core *c, const struct whose *w, enum power_source *ret_source)
{
    uint32_t at = w->told_w ? NONE : estimate_find(c, w->group_key);
    if (w->told_w) {
        *ret_source = POWER_TOLD;
        return w->told_w;
    }
    if (at != NONE && groups_of(c)[at].power.n > 0) {
        *ret_source = POWER_HISTORY;
        return p90_w(c, &groups_of(c)[at].power);
    }
    *ret_source = POWER_FULL;
    return power_full_w(c, w->gpus, w->gpu_type);
}

uint32_t power_of_class(const struct core *c, const struct class_key *key)
{
    enum power_source source;
    return power_capped(c) ? expected(c, &(struct whose){ key->group_key, key->told_w, key->gpus, key->gpu_type }, &source)
                           : 0;
}

uint32_t power_expected(const struct core *c, const struct job *j, enum power_source *ret_source)
{
    return expected(c, &(struct whose){ estimate_key(j->owner, j->command_key, j->gpus), whole_w(j->watts_mw), j->gpus,
                                        j->gpu_type }, ret_source);
}

uint32_t power_of_job(const struct core *c, const struct job *j)
{
    enum power_source source;
    return power_capped(c) ? power_expected(c, j, &source) : 0;
}

int power_check_submit(const struct core *c, const struct ev_submit *e, struct err *err)
{
    enum power_source source;
    if (e->watts_mw < 0 || e->watts_mw > CAP_MOST_MW)
        return err_set(err, E_INVALID, "A job takes 0 to 1000 kW.");
    if (!power_capped(c) || e->attempt > 0)
        return 0;
    uint32_t w = expected(c, &(struct whose){ estimate_key(e->owner, e->command_key, e->gpus), whole_w(e->watts_mw), e->gpus,
                                              e->gpu_type }, &source);
    if (w <= most_w(c))
        return 0;
    const struct err_rule rule = { .rule = REFUSED_POWER, .limit = most_w(c), .used = 1 + source, .need = w };
    if (source == POWER_TOLD)
        return err_by_rule(err, err_set(err, E_TOO_LARGE, "This job is said to take %u W; the power cap is %u W, so it could never "
                                        "start.", w, most_w(c)), rule);
    if (source == POWER_HISTORY)
        return err_by_rule(err, err_set(err, E_TOO_LARGE, "Runs like this one took %u W; the power cap is %u W, so it could never "
                                        "start. Say with --watts what it takes if that is less.", w, most_w(c)), rule);
    return err_by_rule(err, err_set(err, E_TOO_LARGE, "%u such GPUs take %u W at full load; the power cap is %u W, so it could "
                                    "never start. Say with --watts what it takes if that is less.", e->gpus, w, most_w(c)),
                       rule);
}

/* --- what is left --------------------------------------------------------------------------------- */

uint32_t power_foreign_w(const struct core *c)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < CORE_GPUS_MAX && power_capped(c); i++) {
        const struct gpu *g = &c->gpus[i];
        if (g->known && g->job == NONE && (g->state == GPU_FOREIGN || g->state == GPU_QUARANTINED))
            sum += whole_w(g->watts_mw > 0 ? g->watts_mw : FULL_MW);
    }
    return sum;
}

int32_t power_free_w(const struct core *c, usec_t at)
{
    return power_capped(c) ? (int32_t)power_cap_w(c, at) - (int32_t)c->busy_w - (int32_t)power_foreign_w(c) : 0;
}

bool power_barred(const struct core *c, uint32_t watts, usec_t at)
{
    return watts && (int64_t)watts + power_foreign_w(c) > power_cap_w(c, at);
}

void power_count(struct core *c)
{
    c->known.watts = (int32_t)most_w(c);
    c->up.watts = c->known.watts - (int32_t)power_foreign_w(c);
    c->busy_w = 0;
    for (uint32_t i = 0; i < c->busy_n; i++)
        c->busy_w += jobs_of(c)[busy_of(c)[i]].booked_w;
}

/* --- caps to come --------------------------------------------------------------------------------- */

void power_look(const struct core *c, usec_t now_at, usec_t boot_at, struct power_view *ret)
{
    int32_t foreign_w = (int32_t)power_foreign_w(c);
    ret->n = 0;
    for (uint32_t i = 1; i < c->caps.n; i++) {
        usec_t at = c->caps.at[i].from_at;
        if (at <= now_at)
            continue;
        int32_t left_w = (int32_t)step_w(c, i) - foreign_w;
        for (uint32_t k = 0; k < c->busy_n; k++) {
            const struct job *j = &jobs_of(c)[busy_of(c)[k]];
            if (j->booked_w && reserve_gone_at(c, j, now_at, boot_at) > at)
                left_w -= (int32_t)j->booked_w;
        }
        ret->edges[ret->n].at = at;
        ret->edges[ret->n++].left_w = left_w;
    }
}

void power_started(struct power_view *v, uint32_t watts, usec_t gone_at)
{
    for (uint32_t i = 0; i < v->n && v->edges[i].at < gone_at; i++)
        v->edges[i].left_w -= (int32_t)watts;
}

bool power_blocks(const struct power_view *v, uint32_t watts, usec_t gone_at)
{
    for (uint32_t i = 0; i < v->n && watts && v->edges[i].at < gone_at; i++)
        if (v->edges[i].left_w < (int32_t)watts)
            return true;
    return false;
}

bool power_fits_ahead(const struct core *c, int32_t free_w, uint32_t watts, usec_t at, usec_t until_at)
{
    int32_t now_w = (int32_t)power_cap_w(c, at);
    for (uint32_t i = 1; i < c->caps.n && watts; i++)
        if (c->caps.at[i].from_at > at && c->caps.at[i].from_at < until_at &&
            free_w + (int32_t)step_w(c, i) - now_w < (int32_t)watts)
            return false;
    return true;
}

void power_cut(const struct core *c, struct profile *p)
{
    usec_t now_at = p->points[0].at;
    int32_t now_w = (int32_t)power_cap_w(c, now_at);
    for (uint32_t i = 1; i < c->caps.n; i++) {
        if (c->caps.at[i].from_at <= now_at)
            continue;
        uint32_t from = profile_cut(p, c->caps.at[i].from_at);
        int32_t more = (int32_t)step_w(c, i) - now_w;
        for (uint32_t at = from; at < p->n; at++)
            p->points[at].room.watts += more;
        now_w += more;
    }
}
