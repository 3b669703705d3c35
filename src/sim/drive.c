/* drive.c - the loop: the next instant, everything that happens at it, one decision. */
#include "sim/drive.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "cal/civil.h"
#include "sim/box.h"
#include "sim/capped.h"
#include "sim/luck.h"
#include "sim/mode.h"
#include "sim/timer.h"

#define BOOT_AT         (1000 * USEC_PER_SEC)
#define TOLD_AHEAD_US   (60 * USEC_PER_DAY) /* PEOPLE_HORIZON_DAYS of the daemon */
#define TOLD_EVERY_US   (14 * USEC_PER_DAY)
#define ETA_PLACES      3u       /* places in samples that cost as much as a row */
#define ETA_ROWS        200000u  /* rows of plans drawn for ETAs in one run: bounds their cost to about half a second */
#define BREAKS_US_MAX   (5 * USEC_PER_MIN)  /* a broken job is found out by then */
#define MENDS_US        (30 * USEC_PER_MIN) /* of its owner's time */
#define PROGRESS_EVERY  256
#define NORMAL_P90      1.2816   /* of the standard normal distribution */
#define SAME_INSTANT    100000   /* decisions at one instant; more is a loop */
#define NOTHING_US      (400 * USEC_PER_DAY) /* so long without a run: what waits will never start.  Caps come round within a year */

enum { T_END, T_SUBMIT, T_WINDOWS, T_WEEK, T_CAP, T_MET, T_RIGHT, T_MENDED };

struct drive {
    const struct trace *trace;
    const struct presence *presence;
    const struct drive_options *options;
    const struct drive_hooks *hooks;
    struct core_box box;
    struct timers timers;
    struct drive_job *jobs;
    size_t jobs_n, jobs_size;
    uint32_t *of_id; /* job number of each id */
    size_t of_id_size;
    struct drive_interval *intervals;
    size_t intervals_n, intervals_size;
    struct core_update *decided; /* of the last decision: outlive the events that answer them */
    size_t decided_size;
    void *plan;
    size_t plan_size;
    struct last_two { usec_t run_us[2]; } *last_two; /* by user: their last runs, 0: none yet */
    usec_t wall_at, boot_offset_us;
    size_t next;              /* of the trace's jobs: not yet submitted */
    job_id first_id, last_id; /* submitted at this instant */
    size_t over, running;
    usec_t hopeless_at;       /* what waits then, nothing running, never starts */
    size_t later;             /* jobs of hooks that are not yet submitted */
    uint64_t eta_rows, events, decisions, preemptions, dropped, over_booked;
    uint32_t booked_w_max;
    struct mode_choice choice;
    uint32_t mode_weeks[MODE_COUNT];
    bool slots;               /* more GPUs than the core knows one by one */
    int r;
    struct err *err;
};

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

usec_t drive_now(const struct drive *d) { return d->wall_at; }

const struct drive_job *drive_job_of(const struct drive *d, uint32_t job) { return &d->jobs[job]; }

/* --- events --------------------------------------------------------------------------------------- */

/* Updates are lent until the next step. */
static const struct core_update *step(struct drive *d, struct core_event *ev, uint32_t *ret_n)
{
    *ret_n = 0;
    if (d->r < 0)
        return NULL;
    ev->wall_at = d->wall_at;
    ev->boot_at = d->wall_at - d->boot_offset_us;
    d->r = core_box_check(&d->box, ev, d->err);
    if (d->r < 0)
        return NULL;
    d->events++;
    return core_box_step(&d->box, ev, ret_n);
}

static void step_only(struct drive *d, struct core_event *ev)
{
    uint32_t n;
    (void)step(d, ev, &n);
}

static void tell_windows(struct drive *d)
{
    usec_t until_at = usec_min(d->wall_at + TOLD_AHEAD_US, d->presence->until_at);
    for (size_t u = 0; u < d->trace->users_n; u++) {
        const struct windows *w = &d->presence->known[u];
        size_t from = 0, to;
        if (w->always)
            continue;
        while (from < w->n && w->spans[from].until_at <= d->wall_at - USEC_PER_DAY)
            from++;
        for (to = from; to < w->n && w->spans[to].from_at < until_at;)
            to++;
        step_only(d, &(struct core_event){ .kind = EVENT_AVAIL,
            .avail = { .person = (uint32_t)u + 1, .until_at = until_at, .windows = w->spans + from,
                       .windows_n = (uint32_t)(to - from) } });
    }
    if (until_at < d->presence->until_at)
        timers_add(&d->timers, d->wall_at + TOLD_EVERY_US, T_WINDOWS, 0);
}

/* As a daemon tells it: ahead as far as windows are. */
static void tell_tariff(struct drive *d)
{
    const struct drive_options *o = d->options;
    struct tariff_step steps[CORE_RATES_MAX];
    struct rate rates[CORE_RATES_MAX];
    struct tariff_steps s = { steps, 0, CORE_RATES_MAX };
    int64_t at_s = d->wall_at / USEC_PER_SEC / 3600 * 3600;
    if (!o->billing || o->person_hour <= 0)
        return;
    at_s = billing_steps(o->billing, o->zone, at_s, at_s + TOLD_AHEAD_US / USEC_PER_SEC, &s);
    for (uint32_t i = 0; i < s.n; i++)
        rates[i] = (struct rate){ steps[i].from_s * USEC_PER_SEC, steps[i].price_milli };
    step_only(d, &(struct core_event){ .kind = EVENT_TARIFF, .tariff = { .until_at = at_s * USEC_PER_SEC,
        .hour_milli = (int64_t)(o->person_hour * 1000), .gpu_mw = (int64_t)(o->gpu_watts * 1000),
        .rates = rates, .rates_n = s.n } });
}

/* Anew when half of what was told is over: a start looks ahead for as long as it may run. */
static void tell_cap(struct drive *d)
{
    struct capped_steps s;
    if (!d->options->cap)
        return;
    capped_steps(d->options->cap, d->options->zone, d->wall_at, &s);
    step_only(d, &(struct core_event){ .kind = EVENT_POWER, .power = { .until_at = s.until_at, .caps = s.at, .caps_n = s.n } });
    if (d->options->cap->n)
        timers_add(&d->timers, d->wall_at + (s.until_at - d->wall_at) / 2, T_CAP, 0);
}

static void tell_settings(struct drive *d)
{
    const struct drive_options *o = d->options;
    struct ev_settings s = o->settings ? *o->settings : CORE_SETTINGS_DEFAULT;
    s.seed = o->seed;
    s.policy = o->policy;
    s.preempt = o->preempt;
    s.estimates = o->estimates == ESTIMATE_HISTORY ? ESTIMATES_HISTORY : ESTIMATES_TOLD;
    if (o->policy == POLICY_BLEND)
        mode_apply(d->choice.mode, o->preempt, &s.policy, &s);
    step_only(d, &(struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
}

/* A week is over: what would each mode have made of it? */
static void week(struct drive *d)
{
    struct mode_week score;
    d->mode_weeks[d->choice.mode]++;
    timers_add(&d->timers, d->wall_at + MODE_WEEK_US, T_WEEK, 0);
    d->r = mode_play(d->jobs, d->jobs_n, d->trace, d->presence, d->options, d->wall_at, &score, d->err);
    if (d->r == 0 && mode_add(&d->choice, &score))
        tell_settings(d);
}

static void found(struct drive *d)
{
    const struct drive_options *o = d->options;
    tell_settings(d);
    step_only(d, &(struct core_event){ .kind = EVENT_MACHINE,
                                       .machine = { .cpus = o->gpus, .mem_mib = 1 << 20 } });
    for (uint32_t g = 0; g < o->gpus && !d->slots; g++)
        step_only(d, &(struct core_event){ .kind = EVENT_GPU,
                                           .gpu = { .gpu = g, .type = 1, .state = GPU_UP,
                                                    .watts_mw = o->cap ? llround(o->gpu_watts * 1000) : 0 } });
    for (uint32_t u = 0; u < d->trace->users_n; u++)
        step_only(d, &(struct core_event){ .kind = EVENT_PERSON, .person = { .person = u + 1, .defer = o->agreed } });
    if (o->policy == POLICY_BLEND && o->weekly)
        timers_add(&d->timers, d->wall_at + MODE_WEEK_US, T_WEEK, 0);
    tell_windows(d);
    tell_tariff(d);
    tell_cap(d);
}

/* --- what jobs met, out of a journal ----------------------------------------------------------------- */

static uint32_t person_of(const struct drive *d, uint32_t person)
{
    for (size_t u = 0; u < d->trace->users_n && person; u++)
        if (d->trace->users[u].limits.person == person)
            return (uint32_t)u + 1;
    return 0;
}

/* Of people without jobs, and without a number here: one beyond those who have some, or everyone else's. */
static uint32_t reserver(const struct drive *d, uint32_t person)
{
    uint32_t known = person_of(d, person), spare = (uint32_t)d->trace->users_n + 1;
    return known ? known : spare <= CORE_PERSONS_MAX ? spare : spare - 1;
}

/* The most that one job asked for that is theirs (user) or for that project (account): what ran once could. */
static uint32_t widest(const struct drive *d, uint32_t user, uint32_t account)
{
    uint32_t most = 0;
    for (size_t i = 0; i < d->trace->jobs_n; i++) {
        const struct trace_job *w = &d->trace->jobs[i];
        if (account ? w->account == account : w->user == user)
            most = w->gpus > most ? w->gpus : most;
    }
    return most;
}

/* A limit of now that is less than what ran under another one: it would wait for ever. */
static void let_in(uint32_t *gpus_max, uint32_t most)
{
    if (*gpus_max && *gpus_max < most)
        *gpus_max = most;
}

static job_id job_of(const struct drive *d, uint32_t id)
{
    for (size_t i = 0; i < d->jobs_n && id; i++)
        if (d->jobs[i].what.id == id)
            return d->jobs[i].id;
    return 0;
}

/* In numbers of this run; false: it is of nothing that is in it. */
static bool here(const struct drive *d, struct core_event *ev)
{
    switch (ev->kind) {
    case EVENT_GPU:
        ev->gpu.type = 1;
        ev->gpu.watts_mw = d->options->cap ? llround(d->options->gpu_watts * 1000) : 0;
        return !d->slots && ev->gpu.gpu < d->options->gpus;
    case EVENT_ACCOUNT: let_in(&ev->account.gpus_max, widest(d, 0, ev->account.account)); return true;
    case EVENT_RESERVE:
        ev->reserve.gpu_type = 0;
        ev->reserve.person = reserver(d, ev->reserve.person);
        return !d->slots;
    case EVENT_BOOST:
        if (ev->boost.kind == BOOST_PERSON)
            ev->boost.target = person_of(d, ev->boost.target);
        else if (ev->boost.kind == BOOST_JOB)
            ev->boost.target = job_of(d, ev->boost.target);
        ev->boost.by = 1; /* who and why are not handed on (met.h); the core wants somebody and something */
        ev->boost.reason0 = 1;
        return ev->boost.kind != BOOST_ARRAY && ev->boost.target != 0;
    default: return true;
    }
}

/* The core may refuse it: what it was about may not be there, or not any more. */
static void meet(struct drive *d, const struct trace_met *m)
{
    struct core_event ev = m->ev;
    uint32_t n;
    if (d->r < 0 || !here(d, &ev))
        return;
    ev.wall_at = d->wall_at;
    ev.boot_at = d->wall_at - d->boot_offset_us;
    if (core_box_check(&d->box, &ev, NULL) < 0)
        return;
    d->events++;
    (void)core_box_step(&d->box, &ev, &n);
}

/* Of what came before only that which still holds; and all is put right when what is known ends, lest a GPU that
 * was drained then is so for ever. */
static void met_begin(struct drive *d)
{
    const struct trace *t = d->trace;
    for (size_t u = 0; u < t->users_n; u++) {
        struct core_event ev = { .kind = EVENT_PERSON, .person = t->users[u].limits };
        ev.person.person = (uint32_t)u + 1;
        ev.person.defer = d->options->agreed;
        let_in(&ev.person.gpus_max, widest(d, (uint32_t)u, 0));
        if (t->users[u].limits.person)
            step_only(d, &ev);
    }
    for (size_t i = 0; i < t->met_n; i++) {
        const struct trace_met *m = &t->met[i];
        if (m->at > d->wall_at)
            timers_add(&d->timers, m->at, T_MET, (uint32_t)i);
        else if (m->until_at == 0 || m->until_at > d->wall_at)
            meet(d, m);
    }
    if (t->met_n == 0)
        return;
    usec_t right_at = usec_max(t->met[t->met_n - 1].at, t->jobs[t->jobs_n - 1].submit_at) + USEC_PER_DAY;
    timers_add(&d->timers, right_at, T_RIGHT, 0);
    d->hopeless_at = right_at + NOTHING_US;
}

static void put_right(struct drive *d)
{
    meet(d, &(struct trace_met){ .ev = { .kind = EVENT_QUEUE } });
    for (uint32_t g = 0; g < d->options->gpus && !d->slots; g++)
        meet(d, &(struct trace_met){ .ev = { .kind = EVENT_GPU, .gpu = { .gpu = g, .state = GPU_UP } } });
}

/* What the core is told of its length. */
static void estimate(const struct drive *d, uint32_t job, struct drive_job *j)
{
    struct prng p;
    if (d->options->told) {
        j->told = d->options->told[job];
        return;
    }
    switch (d->options->estimates) {
    case ESTIMATE_EXACT: j->told.estimate_us = j->what.run_us; break;
    case ESTIMATE_SIGMA: /* drawn by job: one more job changes nobody else's */
        prng_init(&p, hash_mix(d->options->seed, job), LUCK_CLIENT);
        j->told.estimate_us = usec_max(luck_lognormal(&p, j->what.run_us, d->options->sigma), USEC_PER_SEC);
        j->told.estimate_us = usec_min(j->told.estimate_us, TRACE_RUN_MAX_US);
        j->told.estimate_sd_milli = (uint32_t)lround(d->options->sigma * 1000);
        break;
    case ESTIMATE_LIMIT: j->told.estimate_us = j->what.limit_us; break;
    case ESTIMATE_HISTORY: break;
    }
}

static uint32_t enter(struct drive *d, const struct trace_job *what)
{
    d->jobs = sim_grow(d->jobs, &d->jobs_size, d->jobs_n + 1, sizeof(*d->jobs));
    uint32_t job = (uint32_t)d->jobs_n++;
    d->jobs[job] = (struct drive_job){ .what = *what };
    if (d->options->early_fail > 0) {
        struct prng p;
        prng_init(&p, hash_mix(d->options->seed, job), LUCK_TRUTH);
        usec_t breaks_us = luck_between(&p, USEC_PER_SEC, BREAKS_US_MAX);
        if (luck_unit(&p) < d->options->early_fail && breaks_us < what->run_us)
            d->jobs[job].breaks_us = breaks_us;
    }
    estimate(d, job, &d->jobs[job]);
    return job;
}

uint32_t drive_submit(struct drive *d, const struct trace_job *what)
{
    assert(what->submit_at >= d->wall_at);
    uint32_t job = enter(d, what);
    timers_add(&d->timers, what->submit_at, T_SUBMIT, job);
    d->later++;
    return job;
}

/* What is thought of its length, which is all that a week's replay may know of it, and what would be said without any
 * model: the user's last two runs. */
static void foresee(struct drive *d, uint32_t job)
{
    struct drive_job *j = &d->jobs[job];
    const struct last_two *last = &d->last_two[j->what.user];
    struct forecast f;
    struct core_watts w;
    j->known = j->told;
    if ((d->options->no_eta && !d->options->weekly && !d->options->foresee) || !core_forecast(d->box.core, j->id, 0, &f))
        return;
    if (d->options->estimates == ESTIMATE_HISTORY) {
        double spread = log((double)usec_max(f.p90_us, 1) / (double)usec_max(f.p50_us, 1)) / NORMAL_P90;
        j->known = (struct drive_told){ usec_max(f.p50_us, 1), (uint32_t)lround(spread * 1000), 0 };
    }
    j->known.watts_mw = core_watts(d->box.core, j->id, &w) && w.source != POWER_FULL ? (int64_t)w.w * 1000 : 0;
    if (d->options->no_eta)
        return;
    j->run_p50_us = f.p50_us;
    j->run_p90_us = f.p90_us;
    j->last_two_us = last->run_us[1] ? (last->run_us[0] + last->run_us[1]) / 2 : last->run_us[0];
}

/* Of a week that is played again, and of what people really said: no more than that, lest the run be told what only its end
 * shows.  Nor more than the highest cap: the queue would refuse it, and it ran. */
static int64_t known_mw(const struct drive *d, const struct trace_job *w, int64_t mw)
{
    const struct drive_options *o = d->options;
    int64_t full_mw = (int64_t)ceil(o->gpu_watts) * 1000 * w->gpus;
    if (!o->cap)
        return mw;
    int64_t most_mw = capped_most_mw(o->cap) / 1000 * 1000;
    if (mw == 0 && (d->slots || full_mw > most_mw))
        mw = full_mw;
    return usec_min(mw, most_mw);
}

/* What its owner says it takes.  Where run times are not told, neither is this, unless the queue would refuse the job for
 * its GPUs' full load, or knows no GPUs whose full load that could be. */
static int64_t said_mw(const struct drive *d, const struct drive_job *j)
{
    const struct drive_options *o = d->options;
    const struct trace_job *w = &j->what;
    if (o->told || d->trace->told)
        return known_mw(d, w, o->told ? j->told.watts_mw : w->said_mw);
    bool told = o->estimates == ESTIMATE_EXACT || o->estimates == ESTIMATE_SIGMA || d->slots;
    if (!o->cap)
        return w->watts_mw;
    if (!told && (int64_t)ceil(o->gpu_watts) * w->gpus <= capped_most_mw(o->cap) / 1000)
        return 0;
    return capped_job_mw(w, o->gpu_watts);
}

static void submit(struct drive *d, uint32_t job)
{
    const struct drive_job *j = &d->jobs[job];
    const struct trace_job *w = &j->what;
    /* Without a program's name, runs with one limit are taken as runs of one program. */
    uint64_t command = w->command ? w->command : hash_mix(4, (uint64_t)w->limit_us) | 1;
    struct core_event ev = { .kind = EVENT_SUBMIT, .submit = {
        .job = ++d->last_id, .owner = w->user + 1, .submitter = w->user + 1, .cpus = 1,
        .gpus = w->gpus, .command_key = command, .name_key = command,
        .deadline_at = w->deadline_at, .restart_us = w->restart_us,
        .preempt = w->checkpoint ? PREEMPT_CHECKPOINT : PREEMPT_NEVER,
        .estimate_us = j->told.estimate_us, .estimate_sd_milli = j->told.estimate_sd_milli,
        .watts_mw = said_mw(d, j), .account = w->account, .canary_us = d->options->canary_us,
        .flags = (d->options->agreed ? JOB_CLEAN_TREE : 0) | (w->stays ? JOB_NOW : 0) } };
    if (d->options->estimates == ESTIMATE_LIMIT || d->options->estimates == ESTIMATE_HISTORY || d->options->told)
        ev.submit.limit_us = w->limit_us;
    d->hopeless_at = usec_max(d->hopeless_at, usec_add(d->wall_at, NOTHING_US));
    if (d->slots) {
        ev.submit.cpus = w->gpus;
        ev.submit.gpus = 0;
        ev.submit.command_key = hash_mix(command, w->gpus) | 1; /* groups are by width */
    }
    d->of_id = sim_grow(d->of_id, &d->of_id_size, (size_t)d->last_id + 1, sizeof(*d->of_id));
    d->of_id[d->last_id] = job;
    d->jobs[job].id = d->last_id;
    if (!d->first_id)
        d->first_id = d->last_id;
    step_only(d, &ev);
    foresee(d, job);
}

/* --- attempts ------------------------------------------------------------------------------------- */

static void runs(struct drive *d, struct drive_job *j, bool yes)
{
    j->running = yes;
    d->running = yes ? d->running + 1 : d->running - 1;
    d->hopeless_at = usec_max(d->hopeless_at, usec_add(d->wall_at, NOTHING_US));
}

static void begin(struct drive *d, const struct core_update *u)
{
    uint32_t job = d->of_id[u->job];
    struct drive_job *j = &d->jobs[job];
    usec_t usual_us = (d->options->settings ? *d->options->settings : CORE_SETTINGS_DEFAULT).restart_us;
    usec_t restart_us = j->what.restart_us ? j->what.restart_us : usual_us;
    j->overhead_us = j->kept_us > 0 ? restart_us : 0;
    usec_t left_us = j->breaks_us ? j->breaks_us : j->what.run_us - j->kept_us + j->overhead_us;
    j->canary = u->value > 0;
    if (j->canary)
        left_us = usec_min(left_us, u->value);
    if (d->options->double_after_at && d->wall_at + left_us > d->options->double_after_at)
        left_us *= 2;
    if (j->start_at == 0 && !j->canary)
        j->start_at = d->wall_at;
    j->attempts++;
    runs(d, j, true);
    j->attempt_at = d->wall_at;
    j->due_at = d->wall_at + left_us;
    timers_add(&d->timers, j->due_at, T_END, job);
    step_only(d, &(struct core_event){ .kind = EVENT_STARTED,
                                       .started = { .job = u->job, .attempt = u->attempt } });
}

static void used(struct drive *d, uint32_t job)
{
    const struct drive_job *j = &d->jobs[job];
    d->intervals = sim_grow(d->intervals, &d->intervals_size, d->intervals_n + 1, sizeof(*d->intervals));
    d->intervals[d->intervals_n++] = (struct drive_interval){ j->attempt_at, d->wall_at, job, j->what.gpus };
}

static void over(struct drive *d, uint32_t job)
{
    d->over++;
    if (d->hooks && d->hooks->over)
        d->hooks->over(d->hooks->user, d, job);
    if (d->hooks && d->hooks->progress && d->over % PROGRESS_EVERY == 0)
        d->hooks->progress(d->hooks->user, d->over, d->jobs_n);
}

/* It is found out, by a run or by its canary.  Of a run nothing is left in the queue: the mended job is another. */
static void broke(struct drive *d, uint32_t job)
{
    struct drive_job *j = &d->jobs[job];
    bool canary = j->canary;
    step_only(d, &(struct core_event){ .kind = EVENT_ENDED, .ended = {
        .job = j->id, .attempt = j->attempts, .cause = END_EXIT, .code = 1 } });
    used(d, job);
    runs(d, j, false);
    j->canary = false;
    j->breaks_us = 0;
    timers_add(&d->timers, presence_after(&d->presence->truth[j->what.user], d->presence->until_at, d->wall_at, MENDS_US),
               T_MENDED, job);
    if (canary)
        return;
    j->id = 0;
    j->attempts = 0;
    d->later++;
}

static void canary_over(struct drive *d, uint32_t job)
{
    struct drive_job *j = &d->jobs[job];
    used(d, job);
    runs(d, j, false);
    j->canary = false;
    step_only(d, &(struct core_event){ .kind = EVENT_ENDED, .ended = {
        .job = j->id, .attempt = j->attempts, .cause = END_TIME_LIMIT } });
}

static void mended(struct drive *d, uint32_t job)
{
    struct drive_job *j = &d->jobs[job];
    if (j->id) {
        step_only(d, &(struct core_event){ .kind = EVENT_RELEASE, .release = { .job = j->id } });
        return;
    }
    d->later--;
    submit(d, job);
}

static void end(struct drive *d, uint32_t job)
{
    struct drive_job *j = &d->jobs[job];
    if (j->breaks_us && d->wall_at - j->attempt_at >= j->breaks_us) {
        broke(d, job);
        return;
    }
    if (j->canary) {
        canary_over(d, job);
        return;
    }
    bool at_limit = j->what.failed && j->what.limit_us && j->what.run_us >= j->what.limit_us;
    step_only(d, &(struct core_event){ .kind = EVENT_ENDED, .ended = {
        .job = j->id, .attempt = j->attempts, .cause = at_limit ? END_TIME_LIMIT : END_EXIT,
        .code = j->what.failed ? 1 : 0,
        .watts_mw = d->options->cap ? capped_job_mw(&j->what, d->options->gpu_watts) : 0 } });
    used(d, job);
    runs(d, j, false);
    j->end_at = d->wall_at;
    struct last_two *last = &d->last_two[j->what.user];
    *last = (struct last_two){ { j->what.run_us, last->run_us[0] } };
    over(d, job);
}

/* Told to make way: at once, with all its work kept if it can. */
static void stop(struct drive *d, const struct core_update *u)
{
    uint32_t job = d->of_id[u->job];
    struct drive_job *j = &d->jobs[job];
    assert(j->running && u->reason == REASON_PREEMPTED);
    used(d, job);
    if (j->what.checkpoint)
        j->kept_us += usec_max(d->wall_at - j->attempt_at - j->overhead_us, 0);
    runs(d, j, false);
    j->preemptions++;
    d->preemptions++;
    step_only(d, &(struct core_event){ .kind = EVENT_ENDED, .ended = {
        .job = u->job, .attempt = j->attempts, .cause = END_STOPPED, .signal = 15 } });
}

/* --- looking -------------------------------------------------------------------------------------- */

/* When do those that have just been submitted end?  Looked at as long as rows are left for this part of
 * the run, so that looks are spread over it. */
static void look(struct drive *d)
{
    uint64_t due = (uint64_t)ETA_ROWS * (d->over + 1) / (d->jobs_n + 1);
    struct core_plan plan;
    if (d->options->no_eta || d->eta_rows > due)
        return;
    size_t size = core_plan_size(d->box.core);
    d->plan = sim_grow(d->plan, &d->plan_size, size, 1);
    const struct core_odds_ask ask = { d->first_id, d->last_id };
    if (core_plan_odds(d->box.core, d->wall_at, d->wall_at - d->boot_offset_us, &ask, d->plan, size, &plan) < 0)
        return;
    d->eta_rows += plan.rows_n + plan.odds.samples_n * (plan.odds.jobs_n - plan.odds.busy_n) / ETA_PLACES;
    for (uint32_t i = 0; i < plan.rows_n; i++) {
        const struct plan_row *row = &plan.rows[i];
        if (row->job < d->first_id || row->job > d->last_id || row->end_p50_at == USEC_NEVER)
            continue;
        struct drive_job *j = &d->jobs[d->of_id[row->job]];
        j->eta_p10_at = row->end_p10_at;
        j->eta_p50_at = row->end_p50_at;
        j->eta_p90_at = row->end_p90_at;
    }
}

static void checked(struct drive *d)
{
    const char *broken = d->options->check ? core_broken(d->box.core) : NULL;
    if (broken)
        d->r = err_set(d->err, E_INTERNAL, "The core's own check fails: %s", broken);
}

/* --- the loop ------------------------------------------------------------------------------------- */

static void dropped(struct drive *d, uint32_t job)
{
    d->jobs[job].dropped = true;
    d->dropped++;
    over(d, job);
}

/* By the plan's own figures what has started fits under the cap. */
static void booked(struct drive *d, bool started)
{
    struct core_power_use use = core_power_use(d->box.core, d->wall_at);
    d->booked_w_max = use.booked_w > d->booked_w_max ? use.booked_w : d->booked_w_max;
    d->over_booked += started && use.booked_w > use.cap_w;
}

/* Returns whether it is to be asked again at once: somebody made way. */
static bool decide(struct drive *d)
{
    uint32_t n;
    bool again = false, started = false;
    const struct core_update *lent = step(d, &(struct core_event){ .kind = EVENT_DECIDE }, &n);
    d->decisions++;
    if (n) {
        d->decided = sim_grow(d->decided, &d->decided_size, n, sizeof(*d->decided));
        memcpy(d->decided, lent, n * sizeof(*lent));
    }
    for (uint32_t i = 0; i < n && d->r == 0; i++) {
        const struct core_update *u = &d->decided[i];
        if (u->kind == UPDATE_START) {
            begin(d, u);
            started = true;
        } else if (u->kind == UPDATE_STOP) {
            stop(d, u);
            again = true;
        } else if (u->kind == UPDATE_STATE && u->to == JOB_DEADLINE) {
            dropped(d, d->of_id[u->job]);
        }
    }
    if (d->options->cap)
        booked(d, started);
    checked(d);
    return again && d->r == 0;
}

static void timer_due(struct drive *d, const struct timer *t)
{
    struct drive_job *j = &d->jobs[t->what];
    switch (t->kind) {
    case T_END:
        if (j->running && j->due_at == t->boot_at)
            end(d, t->what);
        break;
    case T_MENDED: mended(d, t->what); break;
    case T_SUBMIT:
        d->later--;
        submit(d, t->what);
        break;
    case T_WINDOWS:
        tell_windows(d);
        tell_tariff(d);
        break;
    case T_WEEK: week(d); break;
    case T_CAP: tell_cap(d); break;
    case T_MET: meet(d, &d->trace->met[t->what]); break;
    case T_RIGHT: put_right(d); break;
    default: break;
    }
}

static usec_t core_due(const struct drive *d)
{
    usec_t wall, boot;
    core_deadline(d->box.core, &wall, &boot);
    return usec_min(wall, boot == USEC_NEVER ? USEC_NEVER : boot + d->boot_offset_us);
}

static bool something_left(const struct drive *d)
{
    return d->next < d->trace->jobs_n || d->later > 0 || core_jobs_n(d->box.core) > 0;
}

/* Everything due at wall_at, then decisions until nothing changes. */
static void instant(struct drive *d)
{
    struct timer t;
    uint32_t decisions = 0;
    d->first_id = 0;
    while (timers_first(&d->timers, &t) && t.boot_at <= d->wall_at) {
        timers_pop(&d->timers);
        timer_due(d, &t);
    }
    while (d->next < d->trace->jobs_n && d->trace->jobs[d->next].submit_at <= d->wall_at)
        submit(d, (uint32_t)d->next++);
    while (d->r == 0 && (decide(d) || core_due(d) <= d->wall_at)) {
        if (++decisions > SAME_INSTANT)
            d->r = err_set(d->err, E_INTERNAL, "The core wants to decide for ever at one instant.");
    }
    if (d->first_id && d->r == 0)
        look(d);
}

/* Neither does anything run nor is anything to come but what comes round, and it came round often enough. */
static bool hopeless(const struct drive *d, usec_t next_at)
{
    return d->running == 0 && d->later == 0 && d->next == d->trace->jobs_n && next_at > d->hopeless_at;
}

static int run(struct drive *d)
{
    usec_t until_at = d->options->until_at ? d->options->until_at : USEC_NEVER;
    for (size_t i = 0; i < d->trace->jobs_n; i++)
        enter(d, &d->trace->jobs[i]);
    found(d);
    if (d->trace->jobs_n)
        met_begin(d);
    if (d->hooks && d->hooks->begin)
        d->hooks->begin(d->hooks->user, d);
    while (d->r == 0) {
        struct timer t;
        usec_t next_at = timers_first(&d->timers, &t) ? t.boot_at : USEC_NEVER;
        if (d->next < d->trace->jobs_n)
            next_at = usec_min(next_at, d->trace->jobs[d->next].submit_at);
        next_at = usec_min(next_at, core_due(d));
        if (next_at == USEC_NEVER || next_at > until_at)
            break;
        if (t.kind >= T_WINDOWS && next_at == t.boot_at && !something_left(d))
            break; /* nothing but what comes round is left */
        if (hopeless(d, next_at))
            break;
        d->wall_at = usec_max(next_at, d->wall_at);
        instant(d);
    }
    if (d->options->until_at && d->r == 0) { /* what still runs has used its GPUs so far */
        d->wall_at = usec_max(d->wall_at, until_at);
        for (size_t i = 0; i < d->jobs_n; i++)
            if (d->jobs[i].running)
                used(d, (uint32_t)i);
    }
    return d->r;
}

int drive_run(const struct trace *trace, const struct presence *presence,
              const struct drive_options *options, const struct drive_hooks *hooks,
              struct drive_result *ret, struct err *err)
{
    struct core_limits limits = CORE_FIRST_LIMITS;
    struct drive d = { .trace = trace, .presence = presence, .options = options, .hooks = hooks,
                       .err = err, .choice.mode = options->mode, .slots = options->gpus > CORE_GPUS_MAX };
    double begin_s = seconds_now();
    if (d.slots && options->policy == POLICY_BOOKED)
        return err_set(err, E_UNSUPPORTED, "The policy booked needs GPUs with numbers: at most %d.",
                       CORE_GPUS_MAX);
    if (trace->users_n > CORE_PERSONS_MAX)
        return err_set(err, E_TOO_LARGE, "A workload has at most %d users here.", CORE_PERSONS_MAX);
    if (options->preempt && options->settings && options->settings->quantum_us == 0 && options->settings->restart_us == 0)
        return err_set(err, E_INVALID, "With preemption the quantum or the cost of a restart must be more than 0: else jobs make way "
                       "for each other for ever.");
    limits.groups = 4096; /* a long trace has many programs */
    d.last_two = calloc(trace->users_n + 1, sizeof(*d.last_two));
    if (!d.last_two)
        abort();
    core_box_init(&d.box, &limits);
    d.wall_at = options->from_at ? options->from_at : trace->jobs_n ? trace->jobs[0].submit_at : presence->from_at;
    d.boot_offset_us = d.wall_at - BOOT_AT;
    usec_t from_at = d.wall_at;
    int r = run(&d);
    if (r == 0)
        *ret = (struct drive_result){ .jobs = d.jobs, .jobs_n = d.jobs_n, .intervals = d.intervals,
            .intervals_n = d.intervals_n, .from_at = from_at,
            .until_at = d.wall_at, .events = d.events, .decisions = d.decisions,
            .preemptions = d.preemptions, .dropped = d.dropped, .booked_w_max = d.booked_w_max,
            .over_booked = d.over_booked, .hash = core_hash(d.box.core),
            .mode_weeks = { d.mode_weeks[0], d.mode_weeks[1], d.mode_weeks[2] },
            .wall_s = seconds_now() - begin_s };
    else
        free(d.jobs), free(d.intervals);
    core_box_finish(&d.box);
    timers_finish(&d.timers);
    free(d.of_id);
    free(d.decided);
    free(d.plan);
    free(d.last_two);
    return r;
}

void drive_result_finish(struct drive_result *r)
{
    free(r->jobs);
    free(r->intervals);
    *r = (struct drive_result){ 0 };
}
