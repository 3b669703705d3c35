/* mode.c - see mode.h. */
#include "sim/mode.h"

#include <math.h>
#include <stdlib.h>

#include "sim/figures.h"
#include "sim/timer.h"

/* --- a week --------------------------------------------------------------------------------------- */

struct known {
    usec_t submit_at;
    uint32_t number; /* in the run that asks */
};

static int by_submit(const void *a, const void *b)
{
    const struct known *x = a, *y = b;
    return x->submit_at < y->submit_at   ? -1
           : x->submit_at > y->submit_at ? 1
           : x->number < y->number       ? -1
                                         : x->number > y->number;
}

struct week {
    struct trace trace; /* borrows the people */
    struct drive_told *told;
};

/* What was submitted in the week and its lead-in, and had ended by its end. */
static void week_make(const struct drive_job *jobs, size_t jobs_n, const struct trace *people, usec_t until_at,
                      struct week *ret)
{
    usec_t from_at = until_at - MODE_WEEK_US - MODE_LEAD_US;
    struct known *known = NULL;
    size_t n = 0, size = 0;
    for (size_t i = 0; i < jobs_n; i++) {
        const struct drive_job *j = &jobs[i];
        if (j->what.submit_at < from_at || j->end_at == 0 || j->end_at > until_at)
            continue;
        known = sim_grow(known, &size, n + 1, sizeof *known);
        known[n++] = (struct known){ j->what.submit_at, (uint32_t)i };
    }
    *ret = (struct week){ .trace = *people };
    ret->trace.jobs = calloc(n + 1, sizeof *ret->trace.jobs);
    ret->told = calloc(n + 1, sizeof *ret->told);
    if (!ret->trace.jobs || !ret->told)
        abort();
    ret->trace.jobs_n = n;
    if (n)
        qsort(known, n, sizeof *known, by_submit);
    for (size_t i = 0; i < n; i++) {
        ret->trace.jobs[i] = jobs[known[i].number].what;
        ret->told[i] = jobs[known[i].number].known;
    }
    free(known);
}

static void week_finish(struct week *w)
{
    free(w->trace.jobs);
    free(w->told);
}

/* When all else was over, and the week. */
static usec_t last_end(const struct drive_result *run, usec_t until_at)
{
    for (size_t i = 0; i < run->jobs_n; i++)
        until_at = usec_max(until_at, run->jobs[i].end_at);
    return until_at;
}

/* Dropped at its deadline is no gain: as if it had begun then.  What could never start, of which no order is the better, as if
 * it had begun after all else. */
static usec_t end_of(const struct drive_job *j, usec_t last_at)
{
    if (j->end_at)
        return j->end_at;
    return usec_add(j->dropped ? usec_max(j->what.deadline_at, j->what.submit_at) : last_at, j->what.run_us);
}

static int play(const struct week *w, const struct presence *told, const struct drive_options *options,
                enum mode mode, usec_t from_at, struct mode_week *ret, struct err *err)
{
    struct ev_settings settings = options->settings ? *options->settings : CORE_SETTINGS_DEFAULT;
    struct drive_options o = *options;
    struct drive_result run;
    mode_apply(mode, options->preempt, &o.policy, &settings);
    o.settings = &settings;
    o.mode = mode;
    o.weekly = o.foresee = false;
    o.no_eta = true;
    o.from_at = o.until_at = o.double_after_at = 0;
    o.told = w->told;
    if (o.estimates == ESTIMATE_HISTORY)
        o.estimates = ESTIMATE_SIGMA;
    if (o.agreed && settings.defer) /* which commands have succeeded before, a replay of ten days does not know */
        settings.defer = 2;
    int r = drive_run(&w->trace, told, &o, NULL, &run, err);
    if (r < 0)
        return r;
    usec_t last_at = last_end(&run, from_at + MODE_WEEK_US);
    ret->jobs = 0;
    for (size_t i = 0; i < run.jobs_n; i++) {
        const struct trace_job *job = &run.jobs[i].what;
        usec_t since = job->submit_at - from_at;
        if (since < 0) /* of the lead-in */
            continue;
        usec_t seen_us = figures_seen_at(told, job, end_of(&run.jobs[i], last_at)) - job->submit_at;
        ret->seen_h[mode][usec_min(since / USEC_PER_DAY, 6)] += (double)seen_us / (double)USEC_PER_HOUR;
        ret->jobs++;
    }
    drive_result_finish(&run);
    return 0;
}

int mode_play(const struct drive_job *jobs, size_t jobs_n, const struct trace *people, const struct presence *presence,
              const struct drive_options *options, usec_t until_at, struct mode_week *ret, struct err *err)
{
    struct presence told = *presence; /* borrowed */
    struct week w;
    usec_t from_at = until_at - MODE_WEEK_US;
    size_t counted = 0;
    int r = 0;
    told.truth = told.known;
    *ret = (struct mode_week){ 0 };
    week_make(jobs, jobs_n, people, until_at, &w);
    for (size_t i = 0; i < w.trace.jobs_n; i++)
        counted += w.trace.jobs[i].submit_at >= from_at;
    for (int m = 0; m < MODE_COUNT && r == 0 && counted >= MODE_JOBS_MIN; m++)
        r = play(&w, &told, options, (enum mode)m, from_at, ret, err);
    week_finish(&w);
    return r;
}

/* --- the choice ----------------------------------------------------------------------------------- */

/* By how much `other` is better than `now`, if that is more than MODE_LOSS and more than chance; else 0. */
static double better_by(const struct mode_choice *c, enum mode now, enum mode other)
{
    double sum = 0, gain = 0, squares = 0;
    for (uint32_t i = 0; i < MODE_WEEKS && i < c->weeks_n; i++) {
        for (int day = 0; day < 7; day++) {
            double one = c->weeks[i].seen_h[now][day] - c->weeks[i].seen_h[other][day];
            sum += c->weeks[i].seen_h[now][day];
            gain += one;
            squares += one * one;
        }
    }
    return gain > sum * MODE_LOSS && gain > sqrt(squares) ? gain : 0;
}

void mode_note(struct mode_choice *c, const struct mode_week *week)
{
    if (week->jobs > 0)
        c->weeks[c->weeks_n++ % MODE_WEEKS] = *week;
}

bool mode_pick(struct mode_choice *c)
{
    enum mode now = c->mode;
    double most = 0;
    for (int m = 0; m < MODE_COUNT; m++) {
        double gain = better_by(c, now, (enum mode)m);
        if (gain > most) {
            most = gain;
            c->mode = (enum mode)m;
        }
    }
    return c->mode != now;
}

bool mode_add(struct mode_choice *c, const struct mode_week *week)
{
    mode_note(c, week);
    return week->jobs > 0 && mode_pick(c);
}
