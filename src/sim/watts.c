/* watts.c - see watts.h. */
#include "sim/watts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/timer.h"

#define FULL_MW 300000 /* what a GPU takes of which nothing is known (doc/planner.md, "Electricity") */
#define BREAK(v, rule, ...) verdict_break((v)->verdict, rule, __VA_ARGS__)

void watts_event(struct invariant *v)
{
    const struct ev_power *e = &v->ev->power;
    v->watts.caps_n = e->caps_n;
    for (uint32_t i = 0; i < e->caps_n; i++)
        v->watts.caps[i] = e->caps[i];
}

static int64_t cap_at_w(const struct invariant *v, usec_t t)
{
    int64_t w = v->watts.caps_n ? v->watts.caps[0].mw / 1000 : 0;
    for (uint32_t i = 0; i < v->watts.caps_n; i++)
        if (v->watts.caps[i].from_at <= t)
            w = v->watts.caps[i].mw / 1000;
    return w;
}

/* GPUs of others, and of what is not proven gone. */
static int64_t others_w(const struct invariant *v)
{
    int64_t sum = 0;
    for (uint32_t g = 0; g < CORE_GPUS_MAX; g++)
        if (v->gpus[g].known && !(v->busy_mask >> g & 1) &&
            (v->gpus[g].state == GPU_FOREIGN || v->gpus[g].state == GPU_QUARANTINED))
            sum += (v->watts_mw[g] + 999) / 1000;
    return sum;
}

/* --- what a run takes --------------------------------------------------------------------------------- */

static struct ledger_runs *runs_of(const struct invariant *v, const struct ledger_job *j)
{
    for (size_t i = 0; i < v->watts.runs_n; i++) {
        struct ledger_runs *r = &v->watts.runs[i];
        if (r->owner == j->owner && r->command_key == j->command_key && r->gpus == j->gpus)
            return r;
    }
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t full_w(const struct invariant *v, const struct ledger_job *j)
{
    int64_t full = 0;
    for (uint32_t g = 0; g < CORE_GPUS_MAX; g++)
        if (v->gpus[g].known && (!j->gpu_type || v->gpus[g].type == j->gpu_type) && v->watts_mw[g] > full)
            full = v->watts_mw[g];
    if (full == 0) /* of a kind that is not there now */
        full = FULL_MW;
    return j->gpus * ((full + 999) / 1000);
}

/* The ninth of the last ten, the most of fewer. */
static int64_t p90_w(const struct ledger_runs *r, uint32_t last_n)
{
    uint32_t sorted[LEDGER_RUNS];
    memcpy(sorted, r->w + r->n - last_n, last_n * sizeof(*sorted));
    qsort(sorted, last_n, sizeof(*sorted), by_size);
    return sorted[last_n == LEDGER_RUNS ? last_n - 2 : last_n - 1];
}

/* May the core expect that?  It forgets kinds that were not run for long, and learns them anew: so many of the last runs
 * count as it has seen since, or none. */
static bool may_expect(const struct invariant *v, const struct ledger_job *j, int64_t w)
{
    const struct ledger_runs *r = runs_of(v, j);
    if (j->told_mw)
        return w == (j->told_mw + 999) / 1000;
    for (uint32_t n = 1; r && n <= r->n; n++)
        if (w == p90_w(r, n))
            return true;
    return w == full_w(v, j);
}

/* The most that it may expect. */
static int64_t most_w(const struct invariant *v, const struct ledger_job *j)
{
    const struct ledger_runs *r = runs_of(v, j);
    int64_t most = full_w(v, j);
    if (j->told_mw)
        return (j->told_mw + 999) / 1000;
    for (uint32_t i = 0; r && i < r->n; i++)
        most = r->w[i] > most ? r->w[i] : most;
    return most;
}

void watts_ended(struct invariant *v, struct ledger_job *j, enum job_state to)
{
    const struct core_event *ev = v->ev;
    if (ev->kind != EVENT_ENDED || to != JOB_COMPLETED || ev->ended.watts_mw <= 0)
        return;
    struct ledger_runs *r = runs_of(v, j);
    if (!r) {
        v->watts.runs = sim_grow(v->watts.runs, &v->watts.runs_size, v->watts.runs_n + 1, sizeof(*r));
        r = &v->watts.runs[v->watts.runs_n++];
        *r = (struct ledger_runs){ .command_key = j->command_key, .owner = j->owner, .gpus = j->gpus };
    }
    if (r->n == LEDGER_RUNS)
        memmove(r->w, r->w + 1, --r->n * sizeof(*r->w));
    r->w[r->n++] = (uint32_t)((ev->ended.watts_mw + 999) / 1000);
}

/* --- starts ------------------------------------------------------------------------------------------- */

void watts_stepped(struct invariant *v, const struct core *core, job_id job)
{
    struct core_watts w;
    if (core_power(core).caps_n == 0 || !core_watts(core, job, &w))
        return;
    v->watts.said = sim_grow(v->watts.said, &v->watts.said_size, v->watts.said_n + 1, sizeof(*v->watts.said));
    v->watts.said[v->watts.said_n++] = (struct ledger_said){ job, w.w };
}

/* Until when it may run, as far as its limit tells; 0: it has none, or is going. */
static usec_t limit_at(const struct invariant *v, const struct ledger_job *j)
{
    if (!j->limit_us || j->state == JOB_COMPLETING)
        return 0;
    usec_t ran_us = j->state == JOB_RUNNING ? v->boot_at - j->last_boot_at : 0;
    return v->wall_at + usec_max(j->limit_us - ran_us, 0);
}

/* What runs with this start, and may still run then by its limit, stays under a cap that begins while it may run. */
static void judge_steps(struct invariant *v, job_id job, const struct ledger_job *j)
{
    usec_t end_at = limit_at(v, j);
    for (uint32_t i = 1; i < v->watts.caps_n; i++) {
        usec_t at = v->watts.caps[i].from_at;
        int64_t sum = others_w(v);
        if (at <= v->wall_at || at >= end_at)
            continue;
        for (job_id id = 1; id <= v->last_id; id++) {
            const struct ledger_job *other = invariant_job(v, id);
            if (other && other->booked_w && limit_at(v, other) > at)
                sum += other->booked_w;
        }
        if (sum > v->watts.caps[i].mw / 1000)
            BREAK(v, "power", "with job %u %" PRId64 " W may still be in use when the cap is %" PRId64 " W", job, sum,
                  v->watts.caps[i].mw / 1000);
    }
}

void watts_start(struct invariant *v, job_id job, struct ledger_job *j)
{
    const struct ledger_said *said = NULL;
    if (v->watts.caps_n == 0)
        return;
    for (size_t i = v->watts.said_n; i > 0 && !said; i--)
        if (v->watts.said[i - 1].job == job)
            said = &v->watts.said[i - 1];
    j->booked_w = said ? said->w : (uint32_t)most_w(v, j);
    if (said && !may_expect(v, j, said->w))
        BREAK(v, "power-expected", "job %u starts with %u W booked; its owner said %" PRId64 " mW, and its like took other "
              "watts", job, said->w, j->told_mw);
    v->watts.busy_w += j->booked_w;
    int64_t sum = v->watts.busy_w + others_w(v);
    if (j->booked_w && sum > cap_at_w(v, v->wall_at))
        BREAK(v, "power", "with job %u %" PRId64 " W are in use of %" PRId64, job, sum, cap_at_w(v, v->wall_at));
    if (j->booked_w)
        judge_steps(v, job, j);
}

bool watts_fit(const struct invariant *v, const struct ledger_job *j)
{
    int64_t w = v->watts.caps_n ? most_w(v, j) : 0;
    return w == 0 || (v->watts.caps_n == 1 && v->watts.busy_w + others_w(v) + w <= cap_at_w(v, v->wall_at));
}

bool watts_ever_fit(const struct invariant *v, const struct ledger_job *j)
{
    int64_t w = v->watts.caps_n ? most_w(v, j) : 0;
    for (uint32_t i = 0; i < v->watts.caps_n && w; i++)
        if (others_w(v) + w > v->watts.caps[i].mw / 1000)
            return false;
    return true;
}

bool watts_barred(const struct invariant *v)
{
    for (job_id id = 1; id <= v->last_id && v->watts.caps_n > 1; id++) {
        const struct ledger_job *j = invariant_job(v, id);
        if (j && j->state == JOB_PENDING && most_w(v, j) + others_w(v) > cap_at_w(v, v->wall_at))
            return true;
    }
    return false;
}

/* What the plan starts at once may take: it is not booked yet, and nobody behind it gets it. */
static int64_t starting_w(const struct invariant *v, const struct core_plan *plan)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < plan->rows_n; i++) {
        const struct plan_row *row = &plan->rows[i];
        const struct ledger_job *j = row->state == JOB_PENDING && row->start_at <= plan->made_at ? invariant_job(v, row->job) : NULL;
        sum += j ? most_w(v, j) : 0;
    }
    return sum;
}

void watts_explained(struct invariant *v, const struct core_plan *plan, const struct explanation *e, const struct ledger_job *j)
{
    int64_t used_w = v->watts.busy_w + others_w(v), cap_w = cap_at_w(v, plan->made_at);
    bool waits = j->state == JOB_PENDING;
    if (v->watts.caps_n == 0) {
        if (e->need_w || e->used_w || e->cap_w || e->reason == REASON_POWER)
            BREAK(v, "why", "job %u: watts are told, and there is no power cap", e->job);
        return;
    }
    if (e->cap_w != cap_w)
        BREAK(v, "why", "job %u: the power cap is said to be %u W, and is %" PRId64, e->job, e->cap_w, cap_w);
    if (e->used_w != used_w)
        BREAK(v, "why", "job %u: %u W are said to be in use, and %" PRId64 " are", e->job, e->used_w, used_w);
    if (waits ? !may_expect(v, j, e->need_w) : e->need_w != j->booked_w)
        BREAK(v, "why", "job %u is said to take %u W; its owner said %" PRId64 " mW, %u W are booked, and its like took other watts",
              e->job, e->need_w, j->told_mw, j->booked_w);
    if (e->reason == REASON_POWER && (e->need_w == 0 || (used_w + starting_w(v, plan) + e->need_w <= cap_w && v->watts.caps_n == 1)))
        BREAK(v, "why", "job %u is said to wait for watts, and %" PRId64 " of %" PRId64 " are in use", e->job, used_w, cap_w);
}

void watts_decided(struct invariant *v) { v->watts.said_n = 0; }

void watts_finish(struct invariant *v)
{
    free(v->watts.runs);
    free(v->watts.said);
}
