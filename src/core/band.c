/* band.c - see band.h. */
#include "core/band.h"

#include <string.h>

#include "base/hash.h"
#include "core/capacity.h"
#include "core/dispatch.h"
#include "core/estimate.h"
#include "core/job.h"
#include "core/person.h"
#include "core/policy.h"
#include "core/power.h"
#include "core/reserve.h"
#include "core/search.h"

#define NEW_US USEC_PER_MIN /* a job that comes into line later than this after its submit waited for something else */
#define OFF_MOST (16 * LOG_ONE)

static const uint32_t permille[NODES] = { 100, 300, 500, 700, 900 };

/* --- how far off ------------------------------------------------------------------------------ */

static int32_t log_of(usec_t us) { return log2_fixed((uint64_t)usec_max(us, USEC_PER_SEC)); }

static int32_t off(int32_t got_log, int32_t said_log)
{
    int32_t log = got_log - said_log;
    return log < -OFF_MOST ? -OFF_MOST : log > OFF_MOST ? OFF_MOST : log;
}

static usec_t times_exp2(usec_t us, int32_t log)
{
    return log == 0 ? us : usec_min((usec_t)exp2_fixed(log2_fixed((uint64_t)usec_max(us, 1)) + log), ESTIMATE_MAX_US);
}

/* Sorted, with the room of `n` more. */
static uint32_t sorted(int16_t *to, uint32_t n, const struct samples *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t at = n++;
        for (; at > 0 && to[at - 1] > s->log[i]; at--)
            to[at] = to[at - 1];
        to[at] = s->log[i];
    }
    return n;
}

/* The value that the next one is at most, so many times in a thousand, if it is one more of the same: of n it is number
 * (n + 1) x part, rounded outwards.  n > 0. */
static int32_t quantile(const int16_t *of, uint32_t n, uint32_t part)
{
    uint32_t low = (n + 1) * part / 1000, high = ((n + 1) * part + 999) / 1000;
    low = low < 1 ? 1 : low > n ? n : low;
    high = high < 1 ? 1 : high > n ? n : high;
    return part == 500 ? (of[low - 1] + of[high - 1]) / 2 : of[(part < 500 ? low : high) - 1];
}

/* --- runs ------------------------------------------------------------------------------------- */

static void runs_renew(struct off_runs *o)
{
    int16_t of[SAMPLES_OWN];
    uint32_t n = sorted(of, 0, &o->p50);
    int32_t low = n < BAND_RUNS ? 0 : quantile(of, n, 400), high = n < BAND_RUNS ? 0 : quantile(of, n, 600);
    o->p50_log = (int16_t)(low > 0 ? low : high < 0 ? high : 0);
    n = sorted(of, 0, &o->p90);
    o->p90_log = n < BAND_RUNS ? 0 : (int16_t)quantile(of, n, 900);
    o->p90_log = o->p90_log > 0 ? o->p90_log : 0;
}

static void runs_add(struct off_runs *o, int32_t p50, int32_t p90)
{
    samples_add(&o->p50, p50);
    samples_add(&o->p90, p90);
    runs_renew(o);
}

void band_ended(struct core *c, const struct job *j, enum end_cause cause, usec_t ran_us)
{
    if (c->settings.calibrate < 2 || j->said_p90_log == 0 || cause == END_LAUNCH || cause == END_GPU_BUSY)
        return;
    int32_t p50 = off(log_of(ran_us), j->said_p50_log), p90 = off(log_of(ran_us), j->said_p90_log);
    c->sum -= band_hash(c);
    runs_add(&c->off, p50, p90);
    c->sum += band_hash(c);
    runs_add(&c->persons[j->owner].off, p50, p90);
    person_changed(c, j->owner);
}

static const struct off_runs *runs_of(const struct core *c, uint32_t person)
{
    const struct off_runs *own = &c->persons[person].off;
    return own->p50.n < BAND_RUNS ? &c->off : own;
}

void band_nodes(const struct core *c, uint32_t person, usec_t limit_us, usec_t ran_us, struct forecast_nodes *nodes)
{
    const struct off_runs *o = runs_of(c, person);
    int32_t log[NODES] = { o->p50_log, o->p50_log, o->p50_log, (o->p50_log + o->p90_log) / 2, o->p90_log };
    if (c->settings.calibrate < 2 || (o->p50_log == 0 && o->p90_log == 0))
        return;
    for (int i = 0; i < NODES; i++) {
        usec_t us = usec_add(ran_us, times_exp2(usec_max(nodes->us[i] - ran_us, USEC_PER_SEC), log[i]));
        us = limit_us ? usec_max(usec_min(us, limit_us), ran_us) : us;
        nodes->us[i] = i ? usec_max(us, nodes->us[i - 1]) : us;
    }
}

/* Between the nodes in a straight line, beyond them as at the last. */
static int32_t between(const int32_t log[NODES], uint32_t of_thousand)
{
    if (of_thousand <= permille[0])
        return log[0];
    for (int k = 1; k < NODES; k++)
        if (of_thousand <= permille[k])
            return log[k - 1] + (log[k] - log[k - 1]) * (int32_t)(of_thousand - permille[k - 1]) / (int32_t)(permille[k] - permille[k - 1]);
    return log[NODES - 1];
}

/* By how much a level moves lies between how much its two nodes do, and where it comes to lie between the P10, P50 and P90 around it. */
void band_levels(const struct core *c, person_no person, usec_t ran_us, const struct forecast *given, const uint32_t *level,
                 uint32_t n, usec_t *us)
{
    const struct off_runs *o = runs_of(c, person);
    const int32_t log[NODES] = { o->p50_log, o->p50_log, o->p50_log, (o->p50_log + o->p90_log) / 2, o->p90_log };
    if (c->settings.calibrate < 2 || (o->p50_log == 0 && o->p90_log == 0))
        return;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t of_thousand = (uint32_t)((uint64_t)level[k] * 1000 / LEVEL_ONE);
        usec_t low_us = of_thousand < 100 ? ran_us : of_thousand < 500 ? given->p10_us : of_thousand < 900 ? given->p50_us : given->p90_us;
        usec_t high_us = of_thousand < 100 ? given->p10_us : of_thousand < 500 ? given->p50_us : of_thousand < 900 ? given->p90_us : USEC_NEVER;
        us[k] = usec_add(ran_us, times_exp2(usec_max(us[k] - ran_us, USEC_PER_SEC), between(log, of_thousand)));
        us[k] = usec_min(usec_max(us[k], low_us), high_us);
        us[k] = k ? usec_max(us[k], us[k - 1]) : us[k];
    }
}

struct forecast_nodes band_view(const struct core *c, const struct class_key *key, const struct class_view *view)
{
    struct forecast_nodes nodes;
    memcpy(nodes.us, view->node_us, sizeof nodes.us);
    band_nodes(c, key->owner, key->limit_us, 0, &nodes);
    return nodes;
}

usec_t band_p90(const struct core *c, const struct class_key *key, const struct class_view *view)
{
    const struct off_runs *o = runs_of(c, key->owner);
    usec_t us = view->node_us[NODES - 1];
    if (c->settings.calibrate < 2)
        return key->limit_us ? usec_min(us, key->limit_us) : us;
    if (o->p90_log < o->p50_log) /* the middle, moved further, may come to lie behind it */
        return band_view(c, key, view).us[NODES - 1];
    us = times_exp2(usec_max(us, USEC_PER_SEC), o->p90_log);
    return key->limit_us ? usec_min(us, key->limit_us) : us;
}

struct forecast band_forecast(const struct core *c, const struct job *j, usec_t ran_us)
{
    struct forecast f = estimate_forecast(c, j, ran_us, NULL);
    struct forecast_nodes nodes = { { f.p10_us, f.p10_us, f.p50_us, f.p50_us, f.p90_us } };
    band_nodes(c, j->owner, job_limit(j), ran_us, &nodes);
    f.p10_us = nodes.us[0];
    f.p50_us = nodes.us[NODES / 2];
    f.p90_us = nodes.us[NODES - 1];
    return f;
}

/* --- waits ------------------------------------------------------------------------------------ */

static uint32_t size_of(int64_t area)
{
    int64_t hours = area / 1000 / USEC_PER_HOUR;
    return hours < 1 ? 0 : hours < 4 ? 1 : hours < 16 ? 2 : 3;
}

static void waits_quantiles(const int16_t *of, uint32_t n, int16_t ret[NODES])
{
    for (int k = 0; k < NODES; k++)
        ret[k] = (int16_t)quantile(of, n, permille[k]);
}

static uint32_t waits_sorted(int16_t *to, uint32_t n, const struct off_waits *w)
{
    return sorted(to, sorted(to, n, &w->older), &w->newer);
}

/* Of a size with too few of its own, those of all. */
static void waits_renew(struct core *c)
{
    int16_t of[BAND_SIZES * 2 * SAMPLES_OWN];
    uint32_t all = 0;
    for (int s = 0; s < BAND_SIZES; s++)
        all += c->waits[s].older.n + c->waits[s].newer.n;
    c->waits_known = all >= BAND_LEAST;
    for (int s = 0; s < BAND_SIZES && c->waits_known; s++) {
        uint32_t n = waits_sorted(of, 0, &c->waits[s]);
        if (n < BAND_LEAST)
            for (uint32_t other = n = 0; other < BAND_SIZES; other++)
                n = waits_sorted(of, n, &c->waits[other]);
        waits_quantiles(of, n, c->waits[s].log);
    }
}

static void waited(struct core *c, const struct job *j)
{
    if (j->attempt > 0 || j->promised_s == 0 || j->deferred_s || j->ready_s || j->class == NONE)
        return;
    struct off_waits *w = &c->waits[size_of(classes_of(c)[j->class].view.area)];
    usec_t planned_us = (usec_t)(j->promised_s - 1) * USEC_PER_SEC;
    c->sum -= band_hash(c);
    if (w->newer.n == SAMPLES_OWN)
        samples_add(&w->older, w->newer.log[0]);
    samples_add(&w->newer, off(log_of(usec_max(c->now_at - j->submit_at, 0) + BAND_FLOOR_US), log_of(planned_us + BAND_FLOOR_US)));
    c->sum += band_hash(c);
    waits_renew(c);
}

void band_starts(struct core *c, struct job *j, bool canary)
{
    const struct class_view *view = &classes_of(c)[j->class].view;
    if (c->settings.calibrate < 2)
        return;
    if (!canary) /* that is no start yet */
        waited(c, j);
    j->said_p50_log = canary ? 0 : (uint16_t)log_of(view->node_us[NODES / 2]);
    j->said_p90_log = canary ? 0 : (uint16_t)log_of(view->node_us[NODES - 1]);
}

static usec_t stretched(usec_t wait_us, int32_t log)
{
    return usec_max(times_exp2(wait_us + BAND_FLOOR_US, log) - BAND_FLOOR_US, 0);
}

bool band_knows_waits(const struct core *c) { return c->settings.calibrate >= 2 && c->waits_known; }

usec_t band_wait_at(const struct core *c, int64_t area, usec_t now_at, usec_t start_at, uint32_t of_thousand)
{
    return usec_add(now_at, stretched(start_at - now_at, c->waits[size_of(area)].log[of_thousand * NODES / 1000]));
}

/* All pairs of a wait and a run, each a fifth of what may be: the middle one of the sums, and that which nine of ten are
 * not beyond. */
bool band_wait(const struct core *c, int64_t area, usec_t now_at, usec_t start_at, const struct forecast_nodes *run,
               struct band_times *ret)
{
    usec_t sum[NODES * NODES], wait_us = start_at - now_at;
    const struct off_waits *w = &c->waits[size_of(area)];
    uint32_t n = 0;
    if (c->settings.calibrate < 2 || !c->waits_known || wait_us < USEC_PER_SEC)
        return false;
    for (int k = 0; k < NODES; k++) {
        usec_t starts_us = stretched(wait_us, w->log[k]);
        for (int i = 0; i < NODES; i++) {
            usec_t us = starts_us + run->us[i];
            uint32_t at = n++;
            for (; at > 0 && sum[at - 1] > us; at--)
                sum[at] = sum[at - 1];
            sum[at] = us;
        }
    }
    ret->start_p90_at = usec_max(usec_add(now_at, stretched(wait_us, w->log[NODES - 1])), start_at);
    ret->end_p50_at = usec_max(usec_add(now_at, sum[NODES * NODES / 2]), usec_add(start_at, run->us[0]));
    ret->end_p90_at = usec_max(usec_add(now_at, sum[NODES * NODES * 9 / 10]), ret->end_p50_at);
    return true;
}

/* --- what will they wait? --------------------------------------------------------------------- */

static bool is_new(const struct core *c, const struct job *j)
{
    return j->attempt == 0 && j->promised_s == 0 && j->deferred_s == 0 && c->now_at - j->submit_at <= NEW_US;
}

/* A class's newest is its last. */
static bool anybody_new(const struct core *c)
{
    for (uint32_t i = 0; i < c->classes_n; i++)
        if (is_new(c, &jobs_of(c)[classes_of(c)[classes_live_of(c)[i]].tail]))
            return true;
    return false;
}

/* The first in line, sorted; returns how many. */
static uint32_t line(const struct core *c, const struct policy_ctx *ctx, struct order_key keys[BAND_LINE])
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->classes_n; i++) {
        const struct job_class *class = &classes_of(c)[classes_live_of(c)[i]];
        uint32_t slot = class->head, array = class->key.array_id ? jobs_of(c)[slot].array : NONE;
        const struct asks asks = { .owner = class->key.owner, .account = class->key.account, .gpus = class->key.gpus,
                                   .array = array };
        if (dispatch_limited(c, &asks) != REASON_NONE)
            continue;
        for (; slot != NONE; slot = jobs_of(c)[slot].next) {
            struct order_key key = dispatch_key(ctx, &class->view, slot, NULL);
            if (n == BAND_LINE && !dispatch_before(&key, &keys[n - 1]))
                break; /* nor is anybody behind it in its class */
            uint32_t at = n < BAND_LINE ? n++ : n - 1;
            for (; at > 0 && dispatch_before(&key, &keys[at - 1]); at--)
                keys[at] = keys[at - 1];
            keys[at] = key;
        }
    }
    return n;
}

static void machine(const struct core *c, struct profile *p)
{
    struct search *s = search_of(c);
    struct room room = c->free;
    room.watts = power_free_w(c, c->now_at);
    uint32_t n = dispatch_ends(c, c->now_at, c->now_boot_at, false, ends_of(c), NULL);
    profile_init(p, s->points, sizeof s->points / sizeof *s->points, c->now_at, &room);
    for (uint32_t i = 0; i < n; i++) {
        struct room back = capacity_of_job(c, &jobs_of(c)[ends_of(c)[i].job]);
        profile_add_later(p, usec_max(ends_of(c)[i].at, c->now_at + 1), &back);
    }
    reserve_cut(c, p);
    power_cut(c, p);
}

void band_foresee(struct core *c)
{
    struct order_key keys[BAND_LINE];
    struct policy_ctx ctx;
    struct profile p;
    if (c->settings.calibrate < 2 || !policy_ops_of(c)->uses_index || c->closed || c->classes_n > BAND_CLASSES ||
        c->busy_n > SEARCH_BUSY_MAX || !anybody_new(c))
        return;
    policy_begin(&ctx, c, c->now_at, c->now_boot_at);
    uint32_t n = line(c, &ctx, keys);
    machine(c, &p);
    for (uint32_t i = 0; i < n; i++) {
        struct job *j = &jobs_of(c)[keys[i].job];
        if (classes_of(c)[j->class].view.reason == REASON_DEFERRED)
            continue; /* of its kind only the first is noted as moved */
        struct needs needs = job_needs(c, j);
        usec_t length_us = classes_of(c)[j->class].view.node_us[NODES / 2];
        usec_t start_at = room_fits(&c->up, &needs) ? profile_find(&p, &needs, c->now_at + 1, length_us) : USEC_NEVER;
        if (start_at == USEC_NEVER)
            continue;
        profile_take(&p, &needs, start_at, usec_add(start_at, length_us));
        usec_t s = (start_at - c->now_at) / USEC_PER_SEC + 1;
        if (!is_new(c, j))
            continue;
        job_open(c, j);
        j->promised_s = s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
        job_close(c, j);
    }
}

/* --- state ------------------------------------------------------------------------------------ */

static uint64_t runs_hash(uint64_t h, const struct off_runs *o)
{
    return hash_bytes(hash_bytes(h, &o->p50, sizeof o->p50), &o->p90, sizeof o->p90);
}

/* A share of the core's sum, nothing while nothing is kept. */
uint64_t band_hash(const struct core *c)
{
    uint64_t h = 0;
    if (c->off.p50.n)
        h = runs_hash(hash_mix('b', 0), &c->off);
    for (uint32_t s = 0; s < BAND_SIZES; s++) {
        const struct off_waits *w = &c->waits[s];
        if (w->newer.n)
            h += hash_bytes(hash_bytes(hash_mix('w', s), &w->older, sizeof w->older), &w->newer, sizeof w->newer);
    }
    return h;
}

uint64_t band_hash_person(uint64_t h, const struct person *p)
{
    return p->off.p50.n ? runs_hash(h ^ 'b', &p->off) : h;
}

void band_renew(struct core *c)
{
    runs_renew(&c->off);
    for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++)
        if (c->persons[i].off.p50.n)
            runs_renew(&c->persons[i].off);
    waits_renew(c);
}
