/* figures.c - a run's figures.  GPUs in use are laid out on a grid of half hours once; prices, hours of the week
 * and shares are sums over it. */
#include "sim/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cal/civil.h"
#include "sim/capped.h"

#define STEP_US (30 * USEC_PER_MIN)
#define HOUR    ((double)USEC_PER_HOUR)

struct grid {
    usec_t from_at;
    size_t n;
    double *gpus;  /* in use, mean over the half hour */
    double *milli; /* watts over it, in mean mW */
};

/* Adds `amount` over [from_at, until_at): a difference at the whole steps, parts at both ends.  The sums are
 * made by grid_close. */
static void grid_add(double *to, const struct grid *g, usec_t from_at, usec_t until_at, double amount)
{
    usec_t from = from_at - g->from_at, until = until_at - g->from_at;
    size_t a = (size_t)(from / STEP_US), b = (size_t)(until / STEP_US);
    double a_part = (double)(from % STEP_US) / (double)STEP_US;
    double b_part = (double)(until % STEP_US) / (double)STEP_US;
    /* As differences of the running sum: the step at `a` has 1 - a_part of it, from the next on all. */
    to[a] += amount * (1 - a_part);
    to[a + 1] += amount * a_part;
    to[b] -= amount * (1 - b_part);
    to[b + 1] -= amount * b_part;
}

static void grid_close(double *at, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += at[i];
        at[i] = sum;
    }
}

static void grid_make(const struct drive_result *run, double gpu_watts, struct grid *g)
{
    g->from_at = run->from_at - run->from_at % STEP_US - STEP_US;
    g->n = (size_t)((run->until_at - g->from_at) / STEP_US) + 3;
    g->gpus = calloc(g->n + 2, sizeof(*g->gpus));
    g->milli = calloc(g->n + 2, sizeof(*g->milli));
    if (!g->gpus || !g->milli)
        abort();
    for (size_t i = 0; i < run->intervals_n; i++) {
        const struct drive_interval *v = &run->intervals[i];
        const struct trace_job *w = &run->jobs[v->job].what;
        double milli = w->watts_mw ? (double)w->watts_mw : gpu_watts * 1000 * v->gpus;
        grid_add(g->gpus, g, v->from_at, v->until_at, v->gpus);
        grid_add(g->milli, g, v->from_at, v->until_at, milli);
    }
    grid_close(g->gpus, g->n);
    grid_close(g->milli, g->n);
}

/* --- people --------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double quantile(const double *sorted, size_t n, double q)
{
    if (n == 0)
        return 0;
    size_t at = (size_t)ceil(q * (double)n);
    return sorted[at > 0 ? at - 1 : 0];
}

struct owner {
    double delay_h;
    uint32_t jobs, eta_n, eta_p90;
};

usec_t figures_seen_at(const struct presence *p, const struct trace_job *w, usec_t t)
{
    if (t >= w->submit_at && t < w->submit_at + PRESENCE_SUBMIT_US)
        return t;
    return presence_eyes(&p->truth[w->user], p->until_at, t);
}

static void fairness(const struct owner *owners, size_t n, double mean_h, struct figures *f)
{
    double sum = 0, squares = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        if (owners[i].jobs < FIGURES_JOBS_MIN)
            continue;
        double x = owners[i].delay_h / owners[i].jobs;
        sum += x;
        squares += x * x;
        worst = x > worst ? x : worst;
        f->owners++;
    }
    f->jain = squares > 0 ? sum * sum / (f->owners * squares) : 1;
    f->worst_over_mean = mean_h > 0 ? worst / mean_h : 1;
}

/* --- forecasts ------------------------------------------------------------------------------------ */

/* One job's, into sums. */
static void forecast(const struct drive_job *j, struct owner *owner, struct figures *f)
{
    if (j->eta_p50_at) {
        f->eta_n++;
        f->eta_p10_coverage += j->end_at <= j->eta_p10_at;
        f->eta_octaves += log2((double)usec_max(j->eta_p90_at - j->what.submit_at, 1) / (double)usec_max(j->eta_p10_at - j->what.submit_at, 1));
        f->eta_p50_coverage += j->end_at <= j->eta_p50_at;
        f->eta_p90_coverage += j->end_at <= j->eta_p90_at;
        owner->eta_n++;
        owner->eta_p90 += j->end_at <= j->eta_p90_at;
    }
    if (j->run_p50_us <= 0 || j->last_two_us <= 0)
        return;
    double run = log((double)j->what.run_us), p50 = run - log((double)j->run_p50_us),
           p90 = run - log((double)j->run_p90_us), last = run - log((double)j->last_two_us);
    f->pinball_n++;
    f->run_p50_coverage += p50 <= 0;
    f->run_p90_coverage += p90 <= 0;
    f->pinball_p50 += fabs(p50) / 2;
    f->pinball_p90 += p90 > 0 ? 0.9 * p90 : -0.1 * p90;
    f->pinball_last_two += fabs(last) / 2;
}

static void forecasts(const struct owner *owners, size_t n, struct figures *f)
{
    double etas = f->eta_n ? f->eta_n : 1, runs = f->pinball_n ? f->pinball_n : 1;
    f->eta_p10_coverage /= etas;
    f->eta_octaves /= etas;
    f->eta_p50_coverage /= etas;
    f->eta_p90_coverage /= etas;
    f->run_p50_coverage /= runs;
    f->run_p90_coverage /= runs;
    f->pinball_p50 /= runs;
    f->pinball_p90 /= runs;
    f->pinball_last_two /= runs;
    for (size_t i = 0; i < n; i++) {
        if (owners[i].eta_n < FIGURES_ETA_MIN)
            continue;
        double part = (double)owners[i].eta_p90 / owners[i].eta_n;
        f->eta_p90_least = f->eta_users ? fmin(f->eta_p90_least, part) : part;
        f->eta_p90_most = fmax(f->eta_p90_most, part);
        f->eta_users_well += part >= 0.80 && part <= 0.97;
        f->eta_users++;
    }
}

static void people(const struct drive_result *run, const struct presence *p,
                   const struct figures_options *o, struct figures *f)
{
    double *tte = calloc(run->jobs_n + 1, sizeof(*tte)), *delay = calloc(run->jobs_n + 1, sizeof(*delay));
    struct owner *owners = calloc(p->users_n + 1, sizeof(*owners));
    size_t n = 0;
    double tte_sum = 0, delay_sum = 0, jct = 0, wait = 0;
    if (!tte || !delay || !owners)
        abort();
    for (size_t i = 0; i < run->jobs_n; i++) {
        const struct drive_job *j = &run->jobs[i];
        const struct trace_job *w = &j->what;
        if (w->submit_at < o->from_at)
            continue;
        f->preemptions += j->preemptions;
        f->dropped += j->dropped;
        if (!j->end_at) {
            f->unfinished += !j->dropped;
            continue;
        }
        usec_t seen_at = figures_seen_at(p, w, j->end_at), floor_at = figures_seen_at(p, w, w->submit_at + w->run_us);
        tte[n] = (double)(seen_at - w->submit_at) / HOUR;
        delay[n] = (double)(seen_at - floor_at) / HOUR;
        f->off_hours_ends += seen_at > j->end_at;
        owners[w->user].delay_h += delay[n];
        owners[w->user].jobs++;
        tte_sum += tte[n];
        delay_sum += delay[n++];
        jct += (double)(j->end_at - w->submit_at) / HOUR;
        wait += (double)(j->start_at - w->submit_at) / HOUR;
        forecast(j, &owners[w->user], f);
    }
    double jobs = n ? (double)n : 1;
    qsort(tte, n, sizeof(*tte), by_value);
    qsort(delay, n, sizeof(*delay), by_value);
    f->jobs = (uint32_t)n;
    f->tte_mean_h = tte_sum / jobs;
    f->tte_p50_h = quantile(tte, n, 0.5);
    f->tte_p90_h = quantile(tte, n, 0.9);
    f->tte_p95_h = quantile(tte, n, 0.95);
    f->delay_mean_h = delay_sum / jobs;
    f->delay_p50_h = quantile(delay, n, 0.5);
    f->delay_p90_h = quantile(delay, n, 0.9);
    f->delay_p95_h = quantile(delay, n, 0.95);
    f->jct_mean_h = jct / jobs;
    f->wait_mean_h = wait / jobs;
    forecasts(owners, p->users_n, f);
    fairness(owners, p->users_n, f->delay_mean_h, f);
    free(tte);
    free(delay);
    free(owners);
}

/* --- machines ------------------------------------------------------------------------------------- */

static bool office_hour(uint32_t hour_of_week)
{
    return hour_of_week < 5 * 24 && hour_of_week % 24 >= 9 && hour_of_week % 24 < 18;
}

static void machines(const struct drive_result *run, const struct figures_options *o, struct figures *f)
{
    struct grid g;
    double off = 0, counted[FIGURES_HOURS] = { 0 }, within = 0, work_h = 0;
    usec_t last_at = run->from_at;
    grid_make(run, o->gpu_watts, &g);
    for (size_t i = 0; i < run->jobs_n; i++)
        last_at = usec_max(last_at, run->jobs[i].what.submit_at);
    usec_t until_at = o->until_at ? o->until_at : usec_max(last_at, run->from_at + STEP_US);
    for (size_t i = 0; i < g.n; i++) {
        usec_t at = g.from_at + (usec_t)i * STEP_US;
        int64_t local_s = zone_to_local_s(o->zone, floor_div(at, USEC_PER_SEC));
        int64_t day = civil_day_of(local_s);
        uint32_t hour = (uint32_t)(floor_mod(local_s, CIVIL_DAY_S) / 3600);
        uint32_t weekday = civil_weekday(day), of_week = weekday * 24 + hour;
        double kwh = g.milli[i] / 1e6 * 0.5;
        f->gpu_h += g.gpus[i] * 0.5;
        f->kwh += kwh;
        if (!office_hour(of_week))
            off += g.gpus[i] * 0.5;
        /* The first and last half hour may lie in part outside: that part does not count. */
        usec_t inside = usec_min(at + STEP_US, until_at) - usec_max(at, run->from_at);
        double part = inside > 0 ? (double)inside / (double)STEP_US : 0;
        f->busy_by_hour[of_week] += g.gpus[i] * part;
        counted[of_week] += part;
        if (o->billing && kwh > 0)
            f->cost += kwh * (double)billing_milli(o->billing, o->zone, floor_div(at, USEC_PER_SEC)) / 1000;
    }
    for (int h = 0; h < FIGURES_HOURS; h++)
        f->busy_by_hour[h] /= counted[h] > 0 ? counted[h] * o->gpus : 1;
    for (size_t i = 0; i < run->intervals_n; i++) {
        const struct drive_interval *v = &run->intervals[i];
        usec_t us = usec_min(v->until_at, until_at) - usec_max(v->from_at, run->from_at);
        within += us > 0 ? (double)us / HOUR * v->gpus : 0;
    }
    for (size_t i = 0; i < run->jobs_n; i++)
        if (run->jobs[i].end_at)
            work_h += (double)run->jobs[i].what.run_us / HOUR * run->jobs[i].what.gpus;
    f->lost_gpu_h = f->gpu_h > work_h + 1e-6 ? f->gpu_h - work_h : 0;
    f->utilisation = within / (o->gpus * (double)(until_at - run->from_at) / HOUR);
    f->off_hours_share = f->gpu_h > 0 ? off / f->gpu_h : 0;
    f->cost_per_kwh = f->kwh > 0 ? f->cost / f->kwh : 0;
    free(g.gpus);
    free(g.milli);
}

void figures_make(const struct drive_result *run, const struct presence *presence,
                  const struct figures_options *options, struct figures *ret)
{
    memset(ret, 0, sizeof(*ret));
    people(run, presence, options, ret);
    machines(run, options, ret);
    if (options->cap)
        capped_draw(run, options->gpu_watts, options->cap, options->zone, &ret->peak_kw, &ret->over_cap_h);
    ret->booked_peak_kw = run->booked_w_max / 1000.0;
    ret->over_booked = run->over_booked;
    memcpy(ret->mode_weeks, run->mode_weeks, sizeof ret->mode_weeks);
    ret->wall_s = run->wall_s;
    ret->events = run->events;
    ret->decisions = run->decisions;
}
