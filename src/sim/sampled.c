/* sampled.c - see sampled.h. */
#include "sim/sampled.h"

#include "sim/explained.h"

#define LOOKED_AT 3 /* samples of a plan whose use of the machine is added up: the work grows with the square of the jobs */

#define BREAK(v, rule, ...) verdict_break((v)->verdict, rule, __VA_ARGS__)

struct look {
    struct invariant *v;
    const struct core *core;
    const struct core_plan *plan;
    const struct core_odds *odds;
    usec_t wall_at, boot_at;
};

static usec_t start_of(const struct look *l, uint32_t job, uint32_t k) { return l->odds->start_at[(size_t)job * l->odds->samples_n + k]; }
static usec_t run_of(const struct look *l, uint32_t job, uint32_t k) { return l->odds->run_us[(size_t)job * l->odds->samples_n + k]; }
static usec_t told_of(const struct look *l, uint32_t job, uint32_t k) { return l->odds->told_us[(size_t)job * l->odds->samples_n + k]; }

/* --- what is said ----------------------------------------------------------------------------------- */

enum of { OF_START, OF_END };

/* Samples before `at`, or by then. */
static uint32_t samples_by(const struct look *l, uint32_t job, enum of of, usec_t at, bool before)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < l->odds->samples_n; k++) {
        usec_t is_at = start_of(l, job, k) + (of == OF_END ? told_of(l, job, k) : 0);
        n += before ? is_at < at : is_at <= at;
    }
    return n;
}

/* The first instant by which so many of ten samples are. */
static void judge_point(const struct look *l, uint32_t job, enum of of, const char *what, usec_t at, uint32_t of_ten)
{
    uint32_t n = l->odds->samples_n;
    uint32_t by = samples_by(l, job, of, at, false), before = samples_by(l, job, of, at, true);
    if (10 * by < of_ten * n || 10 * before >= of_ten * n)
        BREAK(l->v, "odds", "job %u is said to %s by %ld s from now in %u of 10 cases: that is so in %u of %u samples, and in %u before",
              l->odds->jobs[job].job, what, (long)((at - l->wall_at) / USEC_PER_SEC), of_ten, by, n, before);
}

static void judge_told(const struct look *l, uint32_t job)
{
    const struct core_odds_job *of = &l->odds->jobs[job];
    const struct plan_row *row = &l->plan->rows[of->row];
    uint32_t n = l->odds->samples_n;
    usec_t sums[3] = { row->end_p10_at, row->end_p50_at, row->end_p90_at };
    if (row->start_p10_at > row->start_p50_at || row->start_p50_at > row->start_p90_at || sums[0] > sums[1] || sums[1] > sums[2])
        BREAK(l->v, "odds", "job %u is said to start or end later in one case of ten than in nine", of->job);
    if (row->eyes_p10_at != explained_job_eyes(l->v, of->job, sums[0]) || row->eyes_at != explained_job_eyes(l->v, of->job, sums[1]) ||
        row->eyes_late_at != explained_job_eyes(l->v, of->job, sums[2]))
        BREAK(l->v, "odds", "job %u is said to be seen at a time that is not that of its end", of->job);
    if (of->waits_for_room) {
        if (10 * samples_by(l, job, OF_START, row->start_p90_at, false) < 9 * n ||
            10 * samples_by(l, job, OF_START, row->start_p10_at, true) >= n)
            BREAK(l->v, "odds", "job %u is said to start in a narrower time than its samples do", of->job);
        return;
    }
    for (uint32_t i = 0; i < 3; i++)
        judge_point(l, job, OF_END, "end", sums[i], i * 4 + 1);
    if (job < l->odds->busy_n)
        return;
    judge_point(l, job, OF_START, "start", row->start_p10_at, 1);
    judge_point(l, job, OF_START, "start", row->start_p50_at, 5);
    judge_point(l, job, OF_START, "start", row->start_p90_at, 9);
}

/* --- what may be ------------------------------------------------------------------------------------ */

/* Of the samples' runs about a tenth, half and nine tenths are no longer than the forecast says: one part of them either way. */
static void judge_draws(const struct look *l, uint32_t job, usec_t ran_us)
{
    const struct core_odds_job *of = &l->odds->jobs[job];
    struct forecast f;
    if (!core_forecast(l->core, of->job, ran_us, &f))
        return;
    const usec_t said[3] = { f.p10_us - ran_us, f.p50_us - ran_us, f.p90_us - ran_us };
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t n = l->odds->samples_n, by = 0, before = 0, of_ten = i * 4 + 1;
        for (uint32_t k = 0; k < n; k++) {
            by += told_of(l, job, k) <= said[i];
            before += told_of(l, job, k) < said[i];
        }
        if (10 * by + 10 < of_ten * n || 10 * before > of_ten * n + 10)
            BREAK(l->v, "odds", "job %u is forecast to run for %ld s more in %u of 10 cases: that is so in %u of %u samples, and less in %u",
                  of->job, (long)(said[i] / USEC_PER_SEC), of_ten, by, n, before);
    }
}

static void judge_runs(const struct look *l, uint32_t job)
{
    const struct core_odds_job *of = &l->odds->jobs[job];
    const struct ledger_job *j = invariant_job(l->v, of->job);
    struct core_job is;
    if (!j || !core_job_get(l->core, of->job, &is) || j->state == JOB_COMPLETING)
        return; /* of that one nobody waits for its forecast */
    usec_t ran_us = job < l->odds->busy_n && l->boot_at > is.start_boot_at ? l->boot_at - is.start_boot_at : 0;
    for (uint32_t k = 0; k < l->odds->samples_n; k++) {
        if (run_of(l, job, k) < 0 || told_of(l, job, k) < 0 ||
            (j->limit_us && !of->canary && ran_us < j->limit_us && ran_us + run_of(l, job, k) > j->limit_us))
            BREAK(l->v, "odds", "a sample of job %u runs beyond its limit, or less than it has", of->job);
        if (job >= l->odds->busy_n && of->told && start_of(l, job, k) < l->wall_at)
            BREAK(l->v, "odds", "a sample of job %u starts in the past", of->job);
    }
    if (of->told)
        judge_draws(l, job, ran_us);
}

/* Whoever waits for the end of one other thing alone begins no sooner in any sample. */
static void judge_waits(const struct look *l, uint32_t job)
{
    const struct ledger_job *j = invariant_job(l->v, l->odds->jobs[job].job);
    for (uint32_t i = 0; j && l->odds->jobs[job].told && i < j->deps_n; i++) {
        const struct dep *d = &l->v->deps[j->deps_at + i];
        const struct ledger_job *target = d->outcome == DEP_LIVE && !d->scope ? invariant_job(l->v, d->job) : NULL;
        bool alone = target && d->kind != DEP_AFTER && !target->ever_ok && !target->ever_bad; /* else it is met, and stays so */
        for (uint32_t other = 0; other < j->deps_n; other++)
            alone &= other == i || l->v->deps[j->deps_at + other].group != d->group;
        for (uint32_t to = 0; alone && to < l->odds->jobs_n; to++)
            for (uint32_t k = 0; l->odds->jobs[to].job == d->job && k < l->odds->samples_n; k++)
                if (start_of(l, job, k) < start_of(l, to, k) + run_of(l, to, k))
                    BREAK(l->v, "odds", "a sample of job %u starts before job %u, which it waits for, ends", l->odds->jobs[job].job, d->job);
    }
}

static uint32_t up_of(const struct invariant *v, uint64_t mask)
{
    uint32_t n = 0;
    for (uint32_t g = 0; g < CORE_GPUS_MAX; g++)
        n += mask >> g & 1 && v->gpus[g].known && v->gpus[g].state == GPU_UP;
    return n;
}

/* All that run at the start of one of them. */
static void judge_room(const struct look *l, uint32_t job, uint32_t k)
{
    struct invariant *v = l->v;
    usec_t at = start_of(l, job, k);
    uint64_t gpus = 0, cpus = 0, mem_mib = 0;
    for (uint32_t i = 0; i < l->odds->jobs_n; i++) {
        const struct ledger_job *j = invariant_job(v, l->odds->jobs[i].job);
        if (!j || start_of(l, i, k) > at || start_of(l, i, k) + run_of(l, i, k) <= at)
            continue;
        gpus += i < l->odds->busy_n ? up_of(v, j->gpu_mask) : j->gpus;
        cpus += j->cpus;
        mem_mib += j->mem_mib;
    }
    if (gpus > up_of(v, UINT64_MAX) || cpus > v->cpus || mem_mib > v->mem_mib)
        BREAK(v, "odds", "a sample has job %u start where %lu GPUs, %lu CPUs and %lu MiB are in use", l->odds->jobs[job].job,
              (unsigned long)gpus, (unsigned long)cpus, (unsigned long)mem_mib);
}

void sampled_plan(struct invariant *v, const struct core *core, const struct core_plan *plan, usec_t wall_at, usec_t boot_at)
{
    const struct look l = { v, core, plan, &plan->odds, wall_at, boot_at };
    uint32_t told = 0;
    for (uint32_t job = 0; job < l.odds->jobs_n; job++) {
        const struct plan_row *row = &plan->rows[l.odds->jobs[job].row];
        judge_runs(&l, job);
        judge_waits(&l, job);
        if (row->samples) {
            judge_told(&l, job);
            told++;
        }
        for (uint32_t i = 0; i < LOOKED_AT && job >= l.odds->busy_n && l.odds->jobs[job].told; i++)
            judge_room(&l, job, (uint32_t)((plan->number + i * 31) % l.odds->samples_n));
    }
    for (uint32_t i = 0; i < plan->rows_n; i++)
        told -= plan->rows[i].samples != 0;
    if (told)
        BREAK(v, "odds", "odds are told of samples that there are not");
}
