/* odds.c - see odds.h. */
#include "core/odds.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/prng.h"
#include "core/avail.h"
#include "core/band.h"
#include "core/estimate.h"
#include "core/job.h"
#include "core/mutant.h"

#define STREAM UINT64_C(0x6f646473) /* apart from the search's, which has the number of the decision alone */

struct odds {
    uint32_t n;               /* samples; 0: none */
    uint32_t busy_n, starts_n, line_n, chained_n, jobs_n; /* in this order; jobs_n: all */
    uint32_t sample;          /* under way */
    job_id first, last;       /* who is told; 0, 0: all */
    struct core_odds_job *jobs;
    struct draw_wish *wishes; /* of those in line */
    usec_t *start_at, *run_us, *told_us; /* job * n + sample; runs from then on: as drawn, and as they are told */
    uint32_t *of_slot;        /* by job slot: number in jobs; NONE */
    struct busy_end *ends;
};

/* --- memory ----------------------------------------------------------------------------------- */

static uint32_t samples_of(const struct core *c)
{
    uint32_t n = c->settings.odds;
    return n == 0 || c->busy_n > SEARCH_BUSY_MAX ? 0 : n < ODDS_LEAST ? ODDS_LEAST : n > ODDS_MOST ? ODDS_MOST : n;
}

static uint32_t least(size_t a, uint32_t b) { return a < b ? (uint32_t)a : b; }

static char *part(char *base, size_t *at, size_t bytes)
{
    char *here = base ? base + *at : NULL;
    *at += (bytes + 15) / 16 * 16;
    return here;
}

struct odds *odds_layout(const struct core *c, char *base, size_t *at)
{
    uint32_t n = samples_of(c), waiting = n ? least(c->jobs_n, ODDS_PLACES_MAX / n) : 0;
    size_t jobs = (size_t)c->busy_n + least(c->jobs_n, STARTS_MAX) + waiting, all = n ? jobs * n : 0;
    struct odds *o = (struct odds *)part(base, at, sizeof *o);
    struct odds parts = { .n = n };
    parts.jobs = (struct core_odds_job *)part(base, at, n ? jobs * sizeof *parts.jobs : 0);
    parts.wishes = (struct draw_wish *)part(base, at, waiting * sizeof *parts.wishes);
    parts.start_at = (usec_t *)part(base, at, all * sizeof(usec_t));
    parts.run_us = (usec_t *)part(base, at, all * sizeof(usec_t));
    parts.told_us = (usec_t *)part(base, at, all * sizeof(usec_t));
    parts.of_slot = (uint32_t *)part(base, at, n ? c->jobs_used * sizeof(uint32_t) : 0);
    parts.ends = (struct busy_end *)part(base, at, n ? c->busy_n * sizeof(struct busy_end) : 0);
    if (o)
        *o = parts;
    return o;
}

/* --- draws ------------------------------------------------------------------------------------ */

static bool is_asked(const struct odds *o, job_id id) { return o->last == 0 || (id >= o->first && id <= o->last); }

/* n lengths from now on of a job that has run for ran_us. */
static void draw_runs(struct odds *o, const struct core *c, uint32_t job, usec_t ran_us)
{
    const struct job *j = &jobs_of(c)[o->jobs[job].slot];
    struct prng luck;
    uint32_t level[ODDS_MOST];
    usec_t run[ODDS_MOST], told[ODDS_MOST];
    struct forecast given;
    usec_t *to_run = &o->run_us[(size_t)job * o->n], *to_told = &o->told_us[(size_t)job * o->n];
    /* A stream of each job's own: whoever else is drawn changes nothing. */
    prng_init(&luck, c->settings.seed, hash_mix(hash_mix(STREAM, c->decisions), j->id));
    for (uint32_t k = 0; k < o->n; k++)
        level[k] = (k * LEVEL_ONE + (uint32_t)prng_below(&luck, LEVEL_ONE)) / o->n;
    estimate_levels(c, j, ran_us, level, o->n, run);
    memcpy(told, run, o->n * sizeof *told);
    if (is_asked(o, j->id)) {
        given = band_forecast(c, j, ran_us);
        band_levels(c, j->owner, ran_us, &given, level, o->n, told);
    }
    for (uint32_t k = 0; k < o->n && job_limit(j); k++)
        told[k] = usec_max(usec_min(told[k], job_limit(j)), ran_us);
    for (uint32_t k = 0; k < o->n; k++) { /* as if shuffled: the k-th goes to a place among the first k + 1 */
        uint32_t to = (uint32_t)prng_below(&luck, k + 1);
        to_run[k] = to_run[to];
        to_told[k] = to_told[to];
        to_run[to] = run[k] - ran_us;
        to_told[to] = told[k] - ran_us;
    }
}

static uint32_t enter(struct odds *o, const struct draw *d, uint32_t slot)
{
    uint32_t job = o->jobs_n++;
    o->jobs[job] = (struct core_odds_job){ .job = jobs_of(d->c)[slot].id, .slot = slot, .row = d->row_of[slot] };
    o->of_slot[slot] = job;
    return job;
}

/* Those that go within a moment, whatever was forecast, too. */
static void enter_machine(struct odds *o, const struct draw *d, bool all)
{
    const struct core *c = d->c;
    for (uint32_t i = 0; i < c->busy_n; i++) {
        const struct job *j = &jobs_of(c)[busy_of(c)[i]];
        if (!all && !is_asked(o, j->id))
            continue;
        uint32_t job = enter(o, d, busy_of(c)[i]);
        usec_t *run_us = &o->run_us[(size_t)job * o->n];
        draw_runs(o, c, job, usec_max(d->ctx.boot_at - j->start_boot_at, 0));
        for (uint32_t k = 0; k < o->n; k++) {
            run_us[k] = j->state == JOB_COMPLETING ? STOP_GRACE_US : run_us[k];
            o->start_at[(size_t)job * o->n + k] = d->ctx.now_at;
        }
        o->jobs[job].canary = j->flags & JOBX_CANARY;
        o->jobs[job].told = !o->jobs[job].canary;
    }
    o->busy_n = o->jobs_n;
    for (uint32_t i = 0; i < d->d.starts_n; i++) {
        if (!all && !is_asked(o, jobs_of(c)[d->d.starts[i].job].id))
            continue;
        uint32_t job = enter(o, d, d->d.starts[i].job);
        draw_runs(o, c, job, 0);
        for (uint32_t k = 0; k < o->n; k++)
            o->start_at[(size_t)job * o->n + k] = d->ctx.now_at;
        o->jobs[job].told = true; /* canaries are none of the drawn starts */
    }
    o->starts_n = o->jobs_n - o->busy_n;
}

/* What depends on others, in the order of the plan: whatever a job waits for begins before it. */
static void enter_chained(struct odds *o, const struct draw *d, uint32_t most)
{
    const struct core *c = d->c;
    uint32_t first = o->jobs_n;
    for (uint32_t at = 0; at < d->rows_n; at++) {
        const struct plan_row *row = &d->rows[at];
        uint32_t slot = row->reason == REASON_DEPENDENCY && row->start_at != USEC_NEVER ? job_find(c, row->job) : NONE;
        if (slot == NONE || (jobs_of(c)[slot].array != NONE && arrays_of(c)[jobs_of(c)[slot].array].max))
            continue;
        uint32_t place = o->jobs_n;
        if (o->jobs_n - first == most) {
            if (row->start_at >= d->rows[o->jobs[place - 1].row].start_at)
                continue;
            o->of_slot[o->jobs[--o->jobs_n].slot] = NONE;
            place--;
        }
        enter(o, d, slot);
        struct core_odds_job entry = o->jobs[place];
        for (; place > first && d->rows[o->jobs[place - 1].row].start_at > row->start_at; place--)
            o->jobs[place] = o->jobs[place - 1];
        o->jobs[place] = entry;
    }
    for (uint32_t job = first; job < o->jobs_n; job++) {
        o->of_slot[o->jobs[job].slot] = job;
        o->jobs[job].told = true;
        draw_runs(o, c, job, 0);
    }
    o->chained_n = o->jobs_n - first;
}

/* How many in line must be placed for the sake of those asked for; all, if they are not in line. */
static uint32_t line_needed(const struct draw *d, job_id first, job_id last)
{
    const struct core *c = d->c;
    uint32_t needed = 0;
    for (uint32_t i = 0; i < d->order_n && last; i++)
        if (jobs_of(c)[d->order[i].job].id >= first && jobs_of(c)[d->order[i].job].id <= last)
            needed = i + 1;
    return last ? needed : d->order_n;
}

static bool asks_chained(const struct draw *d, job_id first, job_id last)
{
    bool any = last == 0;
    for (uint32_t at = 0; at < d->rows_n && !any; at++)
        any = d->rows[at].reason == REASON_DEPENDENCY && d->rows[at].job >= first && d->rows[at].job <= last;
    return any;
}

static void enter_line(struct odds *o, struct draw *d, uint32_t n)
{
    const struct core *c = d->c;
    draw_begin(d);
    for (uint32_t i = 0; i < n; i++) {
        const struct class_view *view = dispatch_view(c, &d->s, d->order[i].class);
        uint32_t job = enter(o, d, d->order[i].job);
        enum reason reason = (enum reason)view->reason;
        struct draw_wish *w = &o->wishes[i];
        *w = draw_wish(d, i, d->ctx.now_at + 1, view->node_us[NODES / 2]);
        o->jobs[job].told = true;
        o->jobs[job].waits_for_room = w->wave_at <= d->ctx.now_at && w->deferred_at <= d->ctx.now_at && reason != REASON_RESERVED &&
                                      reason != REASON_QUOTA_HOURS;
        draw_runs(o, c, job, 0);
    }
    o->line_n = n;
}

/* --- one sample ------------------------------------------------------------------------------- */

usec_t odds_point(const struct odds *o, uint32_t slot, bool start)
{
    uint32_t job = o->of_slot[slot];
    if (job == NONE || !o->jobs[job].told)
        return USEC_NEVER;
    size_t at = (size_t)job * o->n + o->sample;
    return start ? o->start_at[at] : usec_add(o->start_at[at], o->run_us[at]);
}

static void machine(struct odds *o, struct draw *d, struct profile *p)
{
    usec_t starts_us[STARTS_MAX];
    for (uint32_t i = 0; i < o->busy_n; i++) {
        const struct core_odds_job *job = &o->jobs[i];
        struct busy_end end = { usec_add(d->ctx.now_at, o->run_us[(size_t)i * o->n + o->sample]), job->slot, job->job };
        uint32_t at = i;
        for (; at > 0 && o->ends[at - 1].at > end.at; at--)
            o->ends[at] = o->ends[at - 1];
        o->ends[at] = end;
    }
    for (uint32_t i = 0; i < o->starts_n; i++)
        starts_us[i] = o->run_us[(size_t)(o->busy_n + i) * o->n + o->sample];
    draw_machine(d, p, o->ends, o->busy_n, starts_us);
}

/* Placed in the same order; who finds no place in one sample is told the plan's passes. */
static void sample(struct odds *o, struct draw *d)
{
    struct profile p;
    uint32_t first = o->busy_n + o->starts_n;
    machine(o, d, &p);
    usec_t after_now = draw_after_now(d, &p);
    draw_again(d, o->wishes, o->line_n);
    for (uint32_t i = 0; i < o->line_n + o->chained_n; i++) {
        struct core_odds_job *job = &o->jobs[first + i];
        size_t at = (size_t)(first + i) * o->n + o->sample;
        usec_t start_at = USEC_NEVER;
        if (i < o->line_n)
            start_at = draw_place(d, &p, &o->wishes[i], after_now, o->run_us[at]);
        else if (job->told)
            start_at = chain_place(d->chain, &p, job->slot, o->run_us[at]);
        o->start_at[at] = start_at;
        job->told &= start_at != USEC_NEVER;
    }
}

void odds_sample(struct draw *d, job_id first, job_id last)
{
    struct odds *o = d->odds;
    const struct core *c = d->c;
    if (o->n == 0 || c->closed)
        return;
    uint32_t most = ODDS_PLACES_MAX / o->n, needed = line_needed(d, first, last);
    bool chained = asks_chained(d, first, last) && d->order_n < most;
    o->first = first;
    o->last = last;
    memset(o->of_slot, 0xff, c->jobs_used * sizeof *o->of_slot);
    enter_machine(o, d, needed || chained);
    enter_line(o, d, chained ? d->order_n : least(needed, most));
    if (chained)
        enter_chained(o, d, least(most - o->line_n, ODDS_CHAINED));
    if (o->line_n + o->chained_n == 0)
        return;
    d->chain->odds = o;
    for (o->sample = 0; o->sample < o->n; o->sample++)
        sample(o, d);
    d->chain->odds = NULL;
}

/* --- what is told ----------------------------------------------------------------------------- */

static void sort(usec_t *at, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        usec_t one = at[i];
        uint32_t to = i;
        for (; to > 0 && at[to - 1] > one; to--)
            at[to] = at[to - 1];
        at[to] = one;
    }
}

/* The sorted waits, as far out as waits were off.  In the middle it is that alone which counts: there it is told whether it is
 * mostly overtaken or overtakes, which samples do not know. */
static void widen(const struct core *c, int64_t area, usec_t now_at, usec_t plan_at, usec_t *at, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        uint32_t permille = (2 * k + 1) * 500 / n;
        usec_t by_band = band_wait_at(c, area, now_at, plan_at, permille);
        at[k] = permille < 300 ? usec_min(at[k], by_band) : permille > 700 ? usec_max(at[k], by_band) : by_band;
    }
    for (uint32_t k = n / 2; k + 1 < n; k++)
        at[k + 1] = usec_max(at[k + 1], at[k]);
    for (uint32_t k = n / 2; k > 0; k--)
        at[k - 1] = usec_min(at[k - 1], at[k]);
}

static void tell(struct odds *o, const struct draw *d, uint32_t job)
{
    const struct core *c = d->c;
    const struct core_odds_job *of = &o->jobs[job];
    const struct job *j = &jobs_of(c)[of->slot];
    struct plan_row *row = &d->rows[of->row];
    const usec_t *start_at = &o->start_at[(size_t)job * o->n], *told_us = &o->told_us[(size_t)job * o->n];
    usec_t starts[ODDS_MOST] = { 0 }, ends[ODDS_MOST] = { 0 };
    uint16_t by[ODDS_MOST] = { 0 };
    for (uint32_t k = 0; k < o->n; k++) { /* sorted by start, with the sample it is of */
        uint32_t to = k;
        for (; to > 0 && starts[to - 1] > start_at[k]; to--) {
            starts[to] = starts[to - 1];
            by[to] = by[to - 1];
        }
        starts[to] = start_at[k];
        by[to] = (uint16_t)k;
    }
    if (of->waits_for_room && band_knows_waits(c) && row->start_at - d->ctx.now_at >= USEC_PER_SEC)
        widen(c, classes_of(c)[j->class].view.area, d->ctx.now_at, row->start_at, starts, o->n);
    for (uint32_t k = 0; k < o->n; k++)
        ends[k] = usec_add(starts[k], told_us[by[k]]);
    sort(ends, o->n);
    uint32_t low = odds_rank(o->n, 100), middle = odds_rank(o->n, 500), high = odds_rank(o->n, 900);
    high -= MUTANT(c, MUTANT_ODDS) ? o->n / 8 : 0;
    if (job >= o->busy_n) {
        row->start_p10_at = starts[low];
        row->start_p50_at = starts[middle];
        row->start_p90_at = starts[high];
    }
    row->end_p10_at = ends[low];
    row->end_p50_at = ends[middle];
    row->end_p90_at = ends[high];
    /* Eyes never decrease: those of the sorted ends are the sorted eyes of all samples. */
    row->eyes_p10_at = avail_job_eyes(c, j, ends[low]);
    row->eyes_at = avail_job_eyes(c, j, ends[middle]);
    row->eyes_late_at = avail_job_eyes(c, j, ends[high]);
    row->samples = (uint16_t)o->n;
    row->history_n = (uint16_t)estimate_history(c, j);
}

struct core_odds odds_tell(struct draw *d)
{
    struct odds *o = d->odds;
    for (uint32_t job = 0; job < o->jobs_n; job++)
        if (o->jobs[job].told && is_asked(o, o->jobs[job].job) && d->rows[o->jobs[job].row].start_at != USEC_NEVER)
            tell(o, d, job);
    return (struct core_odds){ o->jobs_n ? o->n : 0, o->jobs_n, o->busy_n, o->jobs, o->start_at, o->run_us, o->told_us };
}
