/* explained.c - see explained.h. */
#include "sim/explained.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/conditions.h"
#include "sim/lengths.h"
#include "sim/quotas.h"
#include "sim/slack.h"
#include "sim/timer.h"
#include "sim/watts.h"

#define TOLD_MAX_US  (3650 * USEC_PER_DAY)
#define LOOKED_AT    6                   /* jobs of a plan: explaining each would be work squared */
#define TICK_US      (15 * USEC_PER_MIN) /* weights change on these */
#define SHARE_PARTS  64                  /* sums fall in so many steps of a half-life */
#define DELAY_MAX_US (7.0 * 24 * 3600e6) /* of one result */
#define LEAST_RESULTS 0.05               /* the core counts in whole numbers, and what has nearly fallen to nothing not at all */
#define CUT_RESULTS  (93.0 / 65536)      /* 1/(1 - 2^(-1/64)) parts of 1/65536, the most that cuts add up to */
#define NEAR         0.015               /* of a factor: the core counts in logarithms of 1/512 */

#define BREAK(v, rule, ...) verdict_break((v)->verdict, rule, __VA_ARGS__)

struct known_job {
    uint32_t submitter, reviewer;
    usec_t restart_us;
    usec_t told_us, kept_us, moved_at; /* moved_at: as said when it was first looked at moved; 0: it was not */
    uint32_t told_sd_milli;
    usec_t run_boot_at, run_at; /* of this attempt: decided, or seen running */
    usec_t would_us; /* with its owner's word it would have begun so much later */
    bool plain; /* it could have started from its submit on, and one attempt is all it had */
};

struct known_person {
    struct span *windows;
    size_t windows_n, windows_size;
    usec_t until_at;
    uint32_t weight_milli;
    int64_t step;                         /* the sums are as of it; 0: there are none yet */
    double gpu_us, results;
    double delay_least_us, delay_most_us; /* what is not plain may have been kept out all the time, or none of it */
    double fair_least, fair_most;         /* factors at the last tick */
    uint32_t ended_n;                     /* runs that a forecast may rest on */
    uint32_t would_n, right_n;            /* that would have been moved later, and seen as soon */
};

struct explained {
    struct ev_settings settings;
    bool settings_known;
    int64_t tick;
    usec_t latest_at; /* that any clock has said */
    struct known_person persons[CORE_PERSONS_MAX + 1];
    struct known_job *jobs;
    size_t jobs_size;
    struct lengths *lengths;
};

static struct explained *of(struct invariant *v)
{
    if (!v->explained) {
        v->explained = calloc(1, sizeof *v->explained);
        if (!v->explained)
            abort();
        for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++)
            v->explained->persons[i].fair_least = v->explained->persons[i].fair_most = 1;
    }
    return v->explained;
}

/* --- when somebody can look ------------------------------------------------------------------------ */

static usec_t person_eyes(const struct known_person *p, usec_t t)
{
    if (t >= p->until_at)
        return t;
    for (size_t i = 0; i < p->windows_n; i++)
        if (t < p->windows[i].until_at) {
            usec_t from_at = t > p->windows[i].from_at ? t : p->windows[i].from_at;
            return from_at < p->until_at ? from_at : p->until_at;
        }
    return p->until_at;
}

usec_t explained_job_eyes(struct invariant *v, job_id id, usec_t t)
{
    const struct explained *x = of(v);
    const struct ledger_job *j = invariant_job(v, id);
    uint32_t whose = x->jobs[id].reviewer ? x->jobs[id].reviewer : j->owner;
    bool present = whose == x->jobs[id].submitter && x->settings.presence_us > 0;
    if (t == USEC_NEVER)
        return t;
    if (present && t >= j->submit_at && t < j->submit_at + x->settings.presence_us)
        return t;
    usec_t at = person_eyes(&x->persons[whose], t);
    return present && t < j->submit_at && j->submit_at < at ? j->submit_at : at;
}

bool explained_presence_over(struct invariant *v, job_id id)
{
    usec_t until_at = invariant_job(v, id)->submit_at + of(v)->settings.presence_us;
    return v->wall_at < until_at && until_at <= of(v)->latest_at;
}

/* The part of the coming week in which a person cannot look. */
static double absent(const struct known_person *p, usec_t now_at)
{
    usec_t until_at = now_at + 7 * USEC_PER_DAY, here_us = 0;
    if (until_at > p->until_at)
        here_us += until_at - (p->until_at > now_at ? p->until_at : now_at);
    for (size_t i = 0; i < p->windows_n; i++) {
        usec_t from_at = p->windows[i].from_at > now_at ? p->windows[i].from_at : now_at;
        usec_t to_at = p->windows[i].until_at < until_at ? p->windows[i].until_at : until_at;
        to_at = to_at < p->until_at ? to_at : p->until_at;
        here_us += to_at > from_at ? to_at - from_at : 0;
    }
    return 1 - (double)here_us / (7.0 * USEC_PER_DAY);
}

/* --- what everybody has had ----------------------------------------------------------------------- */

static void fall(const struct explained *x, struct known_person *p, usec_t now_at)
{
    usec_t part_us = x->settings.half_life_us / SHARE_PARTS;
    int64_t step = now_at / (part_us > 0 ? part_us : 1);
    if (step <= p->step)
        return;
    double left = p->step ? exp2(-(double)(step - p->step) / SHARE_PARTS) : 1;
    p->step = step;
    p->gpu_us *= left;
    p->results *= left;
    p->delay_least_us *= left;
    p->delay_most_us *= left;
}

struct team {
    double gpu_us, results, delay_least_us, delay_most_us;
    uint32_t people;
};

static struct team team_of(const struct explained *x)
{
    struct team t = { 0 };
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++) {
        const struct known_person *p = &x->persons[i];
        t.gpu_us += p->gpu_us;
        t.results += p->results;
        t.delay_least_us += p->delay_least_us;
        t.delay_most_us += p->delay_most_us;
        t.people += p->step != 0;
    }
    return t;
}

static double clipped(double factor)
{
    return factor < 0.2 ? 0.2 : factor > 5 ? 5 : factor;
}

/* Above over below, each with room, to a power. */
static double factor(double above, double below, double room, double power_milli)
{
    return clipped(pow((above + room) / (below + room), power_milli / 1000));
}

/* Mean delay of a person's results, joined by ten of the team's mean, if own results were so late and the team's mean is
 * this. */
static double own_mean(const struct known_person *p, double delay_us, double mean_us)
{
    return (delay_us + 10 * mean_us) / (p->results + 10);
}

static double hours(const struct known_person *p, usec_t now_at)
{
    double part = absent(p, now_at) * 4 / 3;
    return part > 1 ? 1 : part < 0 ? 0 : part;
}

static void tick(struct explained *x, usec_t now_at)
{
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++)
        if (x->persons[i].step)
            fall(x, &x->persons[i], now_at);
    struct team t = team_of(x);
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++) {
        struct known_person *p = &x->persons[i];
        p->fair_least = p->fair_most = 1;
        if (!p->step || (!x->settings.fair_delay_milli && !x->settings.fair_gpu_milli))
            continue;
        double part = hours(p, now_at), gpu = factor(t.gpu_us / t.people, p->gpu_us, 3600e6, x->settings.fair_gpu_milli * part);
        double least = 1, most = 1;
        if (t.results > 0) {
            double mean_least = t.delay_least_us / t.results, mean_most = t.delay_most_us / t.results;
            double power = x->settings.fair_delay_milli * part;
            least = factor(own_mean(p, p->delay_least_us, mean_most), mean_most, 600e6, power);
            most = factor(own_mean(p, p->delay_most_us, mean_least), mean_least, 600e6, power);
        }
        p->fair_least = clipped(least * gpu);
        p->fair_most = clipped(most * gpu);
    }
}

/* --- events ------------------------------------------------------------------------------------------ */

static void submitted(struct invariant *v, struct explained *x)
{
    const struct ev_submit *e = &v->ev->submit;
    uint32_t tasks = 0;
    for (uint32_t i = 0; i < e->tasks_n; i++)
        tasks += (e->tasks[i].until - e->tasks[i].from) / e->tasks[i].step + 1;
    tasks = tasks ? tasks : 1;
    x->jobs = sim_grow(x->jobs, &x->jobs_size, e->job + tasks + 1, sizeof *x->jobs);
    for (uint32_t i = 0; i < tasks; i++)
        x->jobs[e->job + i] = (struct known_job){
            .submitter = e->submitter, .reviewer = e->reviewer, .restart_us = e->restart_us,
            .told_us = e->estimate_us, .told_sd_milli = e->estimate_sd_milli,
            .plain = e->deps_n == 0 && e->begin_at <= v->wall_at && e->attempt == 0 &&
                     !(e->flags & (JOB_HELD | JOB_HELD_ADMIN | JOB_SINGLETON)) };
}

/* What is done to a job, or to all of its array: it is plain no more, and a field may change. */
static void touched(struct invariant *v, struct explained *x, job_id id, uint32_t scope, const struct ev_set *set)
{
    const struct ledger_job *j = invariant_job(v, id);
    job_id first = j && scope && j->array_n ? j->array : id, n = j && scope && j->array_n ? j->array_n : 1;
    for (job_id i = first; j && i < first + n; i++) {
        x->jobs[i].plain = false;
        if (set && set->field == SET_REVIEWER)
            x->jobs[i].reviewer = (uint32_t)set->value;
    }
}

static void windows_told(struct explained *x, const struct ev_avail *e)
{
    struct known_person *p = &x->persons[e->person];
    p->windows = sim_grow(p->windows, &p->windows_size, e->windows_n + 1, sizeof *p->windows);
    if (e->windows_n)
        memcpy(p->windows, e->windows, e->windows_n * sizeof *p->windows);
    p->windows_n = e->windows_n;
    p->until_at = e->until_at;
}

/* What a restart of it costs: nothing where nothing is kept. */
static usec_t restart(const struct explained *x, const struct known_job *k)
{
    return !k->kept_us ? 0 : k->restart_us ? k->restart_us : x->settings.restart_us;
}

static struct lengths_job length_of(const struct explained *x, job_id id)
{
    const struct known_job *k = &x->jobs[id];
    return (struct lengths_job){ id, k->told_us, k->told_sd_milli, k->kept_us, restart(x, k) };
}

void explained_event(struct invariant *v)
{
    struct explained *x = of(v);
    const struct core_event *ev = v->ev;
    int64_t now_tick = v->wall_at / TICK_US;
    x->latest_at = v->wall_at > x->latest_at ? v->wall_at : x->latest_at;
    if (now_tick != x->tick) {
        x->tick = now_tick;
        lengths_tick(&x->lengths);
        if (x->settings_known)
            tick(x, v->wall_at);
    }
    switch (ev->kind) {
    case EVENT_SETTINGS:
        x->settings = ev->settings;
        x->settings_known = true;
        break;
    case EVENT_PROGRESS: {
        job_id id = ev->progress.job;
        struct lengths_job length = length_of(x, id);
        lengths_progress(&x->lengths, v, &x->settings, &length, usec_max(v->boot_at - x->jobs[id].run_boot_at, 0),
                         ev->progress.done_ppm);
        break;
    }
    case EVENT_AVAIL: windows_told(x, &ev->avail); break;
    case EVENT_PERSON: x->persons[ev->person.person].weight_milli = ev->person.weight_milli; break;
    case EVENT_SUBMIT: submitted(v, x); break;
    case EVENT_HOLD: touched(v, x, ev->hold.job, ev->hold.scope, NULL); break;
    case EVENT_RELEASE: touched(v, x, ev->release.job, ev->release.scope, NULL); break;
    case EVENT_SET: touched(v, x, ev->set.job, ev->set.scope, &ev->set); break;
    case EVENT_TODO_ADD:
        for (uint32_t i = 0; i < ev->todo_add.before_n; i++)
            touched(v, x, ev->todo_add.before[i].job, ev->todo_add.before[i].scope, NULL);
        break;
    default: break;
    }
}

/* It ended well or by its limit: a result, this much later than on an empty machine. */
static void result(struct invariant *v, struct explained *x, job_id id, const struct ledger_job *j)
{
    struct known_person *p = &x->persons[j->owner];
    usec_t ran_us = v->boot_at - x->jobs[id].run_boot_at;
    usec_t least_at = explained_job_eyes(v, id, j->submit_at + (ran_us > 0 ? ran_us : 0));
    double delay_us = (double)(explained_job_eyes(v, id, v->wall_at) - least_at);
    delay_us = delay_us < 0 ? 0 : delay_us > DELAY_MAX_US ? DELAY_MAX_US : delay_us;
    fall(x, p, v->wall_at);
    p->results++;
    p->delay_least_us += x->jobs[id].plain ? delay_us : 0;
    p->delay_most_us += x->jobs[id].plain ? delay_us : DELAY_MAX_US;
}

/* It made way in the time it was given, and what it had done is kept. */
static void kept(const struct invariant *v, const struct explained *x, struct known_job *k)
{
    usec_t worked_us = v->boot_at - k->run_boot_at - restart(x, k);
    if (v->ev->kind == EVENT_ENDED && v->ev->ended.signal != 9 && worked_us > 0)
        k->kept_us += worked_us;
}

static void began(const struct invariant *v, struct known_job *k)
{
    k->run_boot_at = v->boot_at;
    k->run_at = v->wall_at;
}

void explained_would(struct invariant *v, job_id id, usec_t later_us)
{
    if (id < of(v)->jobs_size)
        of(v)->jobs[id].would_us = later_us / USEC_PER_SEC * USEC_PER_SEC;
}

/* Had it run as long from the start it would have had, would it have been seen as soon? */
static void would_have(struct invariant *v, struct explained *x, job_id id, const struct ledger_job *j)
{
    const struct known_job *k = &x->jobs[id];
    usec_t ran_us = v->boot_at > k->run_boot_at ? v->boot_at - k->run_boot_at : 0;
    if (!k->would_us || !x->settings.calibrate)
        return;
    x->persons[j->owner].would_n++;
    x->persons[j->owner].right_n +=
        explained_job_eyes(v, id, k->run_at + k->would_us + ran_us) <= explained_job_eyes(v, id, v->wall_at);
}

void explained_update(struct invariant *v, const struct core_update *u)
{
    struct explained *x = of(v);
    const struct ledger_job *j = invariant_job(v, u->job);
    bool was = u->from == JOB_CONFIGURING || u->from == JOB_RUNNING || u->from == JOB_COMPLETING;
    bool is = u->to == JOB_CONFIGURING || u->to == JOB_RUNNING || u->to == JOB_COMPLETING;
    if (!j || u->kind != UPDATE_STATE)
        return;
    struct lengths_job length = length_of(x, u->job);
    if (u->to == JOB_CONFIGURING)
        lengths_begins(&x->lengths, v, &x->settings, &length);
    if (u->to == JOB_CONFIGURING || (u->to == JOB_RUNNING && v->ev->kind != EVENT_ENDED))
        began(v, &x->jobs[u->job]);
    if (!was || is)
        return;
    if (u->to == JOB_PENDING && u->reason == REASON_PREEMPTED && j->preempt == PREEMPT_CHECKPOINT)
        kept(v, x, &x->jobs[u->job]);
    const struct ev_ended *e = v->ev->kind == EVENT_ENDED ? &v->ev->ended : NULL;
    if (e)
        lengths_ended(&x->lengths, v, &x->settings, &length, usec_max(v->boot_at - x->jobs[u->job].run_boot_at, 0), u);
    bool by_limit = e && e->job == u->job && e->cause == END_TIME_LIMIT && u->reason == REASON_TIME_LIMIT;
    bool failed = e && e->job == u->job && e->cause != END_STOPPED && !j->canary && x->settings.pool; /* late: one more run */
    x->persons[j->owner].ended_n += u->to == JOB_COMPLETED || by_limit || failed;
    if (u->to == JOB_COMPLETED || by_limit)
        would_have(v, x, u->job, j);
    if (x->settings.half_life_us == 0)
        return;
    if (u->to == JOB_COMPLETED || by_limit)
        result(v, x, u->job, j);
    if (u->from != JOB_CONFIGURING && j->gpus > 0) {
        usec_t ran_us = v->boot_at - x->jobs[u->job].run_boot_at;
        fall(x, &x->persons[j->owner], v->wall_at);
        x->persons[j->owner].gpu_us += (double)j->gpus * (double)(ran_us > 0 ? ran_us : 0);
    }
    x->jobs[u->job].plain = false; /* a further attempt is another matter */
}

void explained_rebooted(struct invariant *v, usec_t off_us)
{
    struct explained *x = of(v);
    for (job_id id = 1; id <= v->last_id && id < x->jobs_size; id++)
        x->jobs[id].run_boot_at = usec_add(x->jobs[id].run_boot_at, off_us);
}

void explained_finish(struct invariant *v)
{
    struct explained *x = v->explained;
    for (uint32_t i = 0; x && i <= CORE_PERSONS_MAX; i++)
        free(x->persons[i].windows);
    if (x)
        free(x->jobs);
    if (x)
        lengths_destroy(x->lengths);
    free(x);
}

/* --- of a person ------------------------------------------------------------------------------------- */

static bool between(double said, double least, double most, double room)
{
    return said >= least * (1 - NEAR) - room && said <= most * (1 + NEAR) + room;
}

static void judge_delay(struct invariant *v, const struct core_weight *w, uint32_t person, const struct team *t, double part)
{
    const struct explained *x = of(v);
    const struct known_person *p = &x->persons[person];
    /* The core cuts a sum to whole parts whenever it falls, which makes few results fewer. */
    double counted = t->results - t->people * CUT_RESULTS;
    if (counted < LEAST_RESULTS)
        return;
    double mean_least = t->delay_least_us / t->results, mean_most = t->delay_most_us / counted;
    if (!between((double)w->team_delay_us, mean_least, mean_most, 1e6))
        BREAK(v, "why-weight", "the team's results are said to come %.0f s late, and come %.0f to %.0f s late",
              (double)w->team_delay_us / 1e6, mean_least / 1e6, mean_most / 1e6);
    if (!between((double)w->delay_us, own_mean(p, p->delay_least_us, mean_least), own_mean(p, p->delay_most_us, mean_most), 1e6))
        BREAK(v, "why-weight", "results of person %u are said to come %.0f s late", person, (double)w->delay_us / 1e6);
    double is = 1000 * factor((double)w->delay_us, (double)w->team_delay_us, 600e6, x->settings.fair_delay_milli * part);
    if (!between(w->delay_milli, is, is, 5))
        BREAK(v, "why-weight", "delay is said to count %u thousandths for person %u, and counts %.0f", w->delay_milli, person, is);
}

static void judge_weight(struct invariant *v, const struct core *core, uint32_t person)
{
    const struct explained *x = of(v);
    const struct known_person *p = &x->persons[person];
    struct core_weight w = core_weight(core, (person_no)person);
    struct team t = team_of(x);
    uint32_t own = p->weight_milli ? p->weight_milli : 1000;
    if (w.own_milli != own || fabs((double)w.all_milli - (double)own * w.fair_milli / 1000) > 1 + own / 1000.0)
        BREAK(v, "why-weight", "jobs of person %u are said to count %u thousandths, %u of them configured", person, w.all_milli,
              w.own_milli);
    if (x->settings.half_life_us == 0 || (!x->settings.fair_delay_milli && !x->settings.fair_gpu_milli))
        return;
    if (x->settings.fair_milli == 0 && !between(w.fair_milli, 1000 * p->fair_least, 1000 * p->fair_most, 8))
        BREAK(v, "why-weight", "jobs of person %u are said to count %u thousandths for fairness, and count %.0f to %.0f", person,
              w.fair_milli, 1000 * p->fair_least, 1000 * p->fair_most);
    if (!p->step)
        return;
    double part = hours(p, v->wall_at); /* of the last event: the core knows no other time */
    if (fabs(w.hours_milli - 1000 * part) > 5)
        BREAK(v, "why-weight", "the hours of person %u are said to leave %u thousandths, and leave %.0f", person, w.hours_milli,
              1000 * part);
    if (!between((double)w.gpu_us, p->gpu_us, p->gpu_us, 1e6) ||
        !between((double)w.team_gpu_us, t.gpu_us / t.people, t.gpu_us / t.people, 1e6))
        BREAK(v, "why-weight", "person %u is said to have had %.0f s of GPU time, a person of the team %.0f s; it is %.0f s and "
              "%.0f s", person, (double)w.gpu_us / 1e6, (double)w.team_gpu_us / 1e6, p->gpu_us / 1e6, t.gpu_us / t.people / 1e6);
    double is = 1000 * factor(t.gpu_us / t.people, p->gpu_us, 3600e6, x->settings.fair_gpu_milli * part);
    if (!between(w.gpu_milli, is, is, 5))
        BREAK(v, "why-weight", "GPU time is said to count %u thousandths for person %u, and counts %.0f", w.gpu_milli, person, is);
    judge_delay(v, &w, person, &t, part);
}

static void judge_urgent(struct invariant *v, const struct core *core, uint32_t person, usec_t now_at)
{
    const struct ledger_person *p = &v->persons[person];
    struct core_urgent u = core_urgent(core, (person_no)person, now_at);
    uint32_t used = 0;
    for (size_t i = 0; i < p->urgent_n; i++)
        used += p->urgent_at[i] + 7 * USEC_PER_DAY > now_at;
    if (v->urgent_week && used <= 8 && u.used != used)
        BREAK(v, "why", "person %u is said to have used %u urgent submits in seven days, and used %u", person, u.used, used);
}

/* --- of a job ------------------------------------------------------------------------------------------ */

static void same(struct invariant *v, job_id id, const char *what, int64_t said, int64_t is)
{
    if (said != is)
        BREAK(v, "why", "job %u: %s is said to be %" PRId64 ", and is %" PRId64, id, what, said, is);
}

static void judge_room(struct invariant *v, job_id id, const struct ledger_job *j, const struct core_counts *all,
                       const struct explanation *e)
{
    uint32_t up = 0, unused = 0, down[GPU_STATE_COUNT] = { 0 };
    for (uint32_t g = 0; g < CORE_GPUS_MAX; g++) {
        if (!v->gpus[g].known || (j->gpu_type && v->gpus[g].type != j->gpu_type))
            continue;
        down[v->gpus[g].state]++;
        up += v->gpus[g].state == GPU_UP;
        unused += v->gpus[g].state == GPU_UP && !(v->busy_mask >> g & 1);
    }
    same(v, id, "GPUs it needs", e->need_gpus, j->gpus);
    same(v, id, "CPUs it needs", e->need_cpus, j->cpus);
    same(v, id, "memory it needs", (int64_t)e->need_mem_mib, (int64_t)j->mem_mib);
    same(v, id, "GPUs that are up", e->up_gpus, up);
    same(v, id, "GPUs that are free", e->free_gpus, unused);
    same(v, id, "drained GPUs", e->drained_gpus, down[GPU_DRAINED]);
    same(v, id, "GPUs used by others", e->foreign_gpus, down[GPU_FOREIGN]);
    same(v, id, "GPUs in quarantine", e->quarantined_gpus, down[GPU_QUARANTINED]);
    if (e->free_cpus) /* of what the core takes the machine for: that is judged at starts */
        same(v, id, "CPUs in use", all->cpus_n - e->free_cpus, v->cpus_busy);
    if (e->free_mem_mib)
        same(v, id, "memory in use", (int64_t)(all->mem_mib - e->free_mem_mib), (int64_t)v->mem_busy_mib);
}

static void judge_times(struct invariant *v, job_id id, const struct ledger_job *j, const struct explanation *e, usec_t now_at)
{
    const struct explained *x = of(v);
    bool waits = j->state == JOB_PENDING;
    if (waits) {
        same(v, id, "when it would be seen", e->now_eyes_at, explained_job_eyes(v, id, now_at + e->forecast.p50_us));
        same(v, id, "when it would be seen late", e->now_eyes_late_at, explained_job_eyes(v, id, now_at + e->forecast.p90_us));
    }
    if (j->canary) { /* what is seen is the run's result, some time behind its end */
        if (e->eyes_at < explained_job_eyes(v, id, e->end_p50_at) || e->eyes_late_at < e->eyes_at)
            BREAK(v, "why", "job %u, whose canary runs, is said to be seen before that is over", id);
        return;
    }
    if (e->end_p50_at != USEC_NEVER)
        same(v, id, "when it is seen", e->eyes_at, explained_job_eyes(v, id, e->end_p50_at));
    if (e->end_p90_at != USEC_NEVER)
        same(v, id, "when it is seen late", e->eyes_late_at, explained_job_eyes(v, id, e->end_p90_at));
    if (waits && e->start_at != USEC_NEVER && (e->start_at < now_at || e->start_p10_at < now_at || e->start_p90_at < e->start_p10_at))
        BREAK(v, "why", "job %u is said to start before now, or sooner if others run long", id);
    if (e->last_good_at != USEC_NEVER) {
        usec_t end_at = e->last_good_at + e->forecast.p50_us, seen_at = explained_job_eyes(v, id, end_at);
        bool last = seen_at == e->eyes_at && explained_job_eyes(v, id, end_at + 1) > e->eyes_at;
        if (e->last_good_at > e->start_at && (slack_waited_for(v, id) ? seen_at > e->eyes_at : !last)) /* others may want it sooner */
            BREAK(v, "why", "job %u: its last good start is not the last that is as good", id);
    }
    same(v, id, "its deadline", e->deadline_at, j->deadline_at);
    same(v, id, "the start that keeps its deadline", e->last_start_at,
         j->deadline_at ? j->deadline_at - e->forecast.p90_us : USEC_NEVER);
    same(v, id, "when it goes first", e->aged_at, x->settings.age_us ? j->submit_at + x->settings.age_us : USEC_NEVER);
    same(v, id, "that it goes first", e->aged, waits && x->settings.age_us && now_at - j->submit_at >= x->settings.age_us);
}

static bool is_line(const struct plan_row *r)
{
    return r->state == JOB_PENDING &&
           (r->reason == REASON_NONE || r->reason == REASON_RESOURCES || r->reason == REASON_POWER || r->reason == REASON_PRIORITY ||
            r->reason == REASON_ARRAY_LIMIT || r->reason == REASON_PERSON_RUNNING || r->reason == REASON_PERSON_GPUS ||
            r->reason == REASON_ACCOUNT_GPUS || r->reason == REASON_QUOTA_HOURS);
}

static void judge_place(struct invariant *v, const struct core_plan *plan, const struct plan_row *row, const struct ledger_job *j,
                        const struct explanation *e)
{
    uint32_t place = 0, passed = 0;
    for (uint32_t i = 0; i < plan->rows_n && is_line(row); i++) {
        const struct plan_row *r = &plan->rows[i];
        const struct ledger_job *o = invariant_job(v, r->job);
        bool runs = r->state != JOB_PENDING, before = r <= row;
        bool own = r->job == row->job || (j->array_n && o->array_n && o->array == j->array);
        place += before && is_line(r);
        passed += before && (runs || is_line(r)) && r->job > row->job && !own;
    }
    same(v, row->job, "its place in line", e->position, place);
    same(v, row->job, "how many passed it", e->passed, passed);
}

/* Is the reason one that the ledger sees, too? */
static void judge_reason(struct invariant *v, job_id id, const struct ledger_job *j, const struct explanation *e)
{
    const struct ledger_person *p = &v->persons[j->owner];
    uint32_t tasks = 0;
    bool right = true;
    for (uint32_t i = 0; i < j->array_n; i++) {
        enum job_state s = v->jobs[j->array + i].state;
        tasks += s == JOB_CONFIGURING || s == JOB_RUNNING || s == JOB_COMPLETING;
    }
    switch (e->reason) {
    case REASON_HELD_USER: case REASON_HELD_FAILURES: right = (j->flags & JOB_HELD) != 0; break;
    case REASON_HELD_ADMIN: right = (j->flags & JOB_HELD_ADMIN) != 0; break;
    case REASON_BEGIN_TIME:
        right = !j->begun;
        same(v, id, "when it may begin", e->change_at, j->begin_at);
        break;
    case REASON_DEPENDENCY: right = j->deps_n > 0 || j->array_waits; break;
    case REASON_QUEUE_CLOSED: right = v->closed; break;
    case REASON_ARRAY_LIMIT:
        same(v, id, "tasks of its array at once", e->limit, j->array_max);
        same(v, id, "tasks of its array that run", e->used, tasks);
        break;
    case REASON_PERSON_RUNNING:
        same(v, id, "jobs its person may run", e->limit, p->running_max);
        same(v, id, "jobs its person runs", e->used, p->running);
        break;
    case REASON_PERSON_GPUS:
        same(v, id, "GPUs its person may use", e->limit, p->gpus_max);
        same(v, id, "GPUs its person uses", e->used, p->gpus);
        break;
    case REASON_ACCOUNT_GPUS:
        same(v, id, "GPUs its account may use", e->limit, v->accounts[j->account].gpus_max);
        same(v, id, "GPUs its account uses", e->used, quotas_gpus(v, j->account));
        break;
    case REASON_QUOTA_HOURS:
        same(v, id, "GPU-hours of the quota", e->limit,
             e->account ? v->accounts[j->account].quota_hours : p->quota_hours);
        break;
    case REASON_RESERVED: right = v->reservations_n > 0; break;
    case REASON_DEFERRED: right = v->defer != 0 && !(j->flags & (JOB_NOW | JOB_URGENT)); break;
    case REASON_BACKOFF: right = j->not_before_boot_at > 0 || j->idle_from_boot_at > 0; break;
    default: break;
    }
    if (!right)
        BREAK(v, "why", "job %u is said to wait for \"%s\", and does not", id, reason_word(e->reason));
}

static void judge_blocker(struct invariant *v, const struct explanation *e)
{
    const struct ledger_job *o = e->blocker && !e->blocker_started ? invariant_job(v, e->blocker) : NULL;
    if (e->blocker_tasks) {
        uint32_t live = 0;
        for (uint32_t i = 0; o && i < o->array_n; i++)
            live += !job_state_is_final(v->jobs[o->array + i].state);
        same(v, e->job, "tasks it waits for", e->blocker_tasks, live);
    }
    if (o && job_state_is_final(o->state) && e->reason != REASON_DEPENDENCY_NEVER)
        BREAK(v, "why", "job %u is said to wait for job %u, which is %s", e->job, e->blocker, job_state_word(o->state));
}

/* How much a forecast says it rests on: no more than there was. */
static void judge_history(struct invariant *v, job_id id, const struct ledger_job *j, const struct forecast *f)
{
    uint32_t all = 0, most = 0;
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++)
        all += of(v)->persons[i].ended_n;
    switch (f->source) {
    case FORECAST_OWN: most = 30; break;
    case FORECAST_PERSON: most = 10; break;
    case FORECAST_TEAM: most = 5; break;
    case FORECAST_LIMIT: most = 15; break;
    case FORECAST_GUESS: case FORECAST_TOLD: case FORECAST_PROGRESS: break;
    }
    uint32_t had = f->source == FORECAST_TEAM ? all : of(v)->persons[j->owner].ended_n;
    if (f->source_n > f->history_n || f->source_n > most || f->source_n > had)
        BREAK(v, "why", "job %u's forecast is said to rest on %u runs, %u of them \"%d\", and there were %u", id, f->history_n,
              f->source_n, (int)f->source, had);
    if (f->p10_us > f->p50_us || f->p50_us > f->p90_us)
        BREAK(v, "why", "job %u is said to run longer often than seldom", id);
}

/* A told length without a spread is taken to the microsecond, less what is kept and with what a restart costs. */
static void judge_length(struct invariant *v, job_id id, const struct ledger_job *j, const struct forecast *f)
{
    const struct explained *x = of(v);
    const struct known_job *k = &x->jobs[id];
    usec_t left_us = k->told_us - k->kept_us;
    if (j->limit_us && f->p90_us > j->limit_us)
        BREAK(v, "why", "job %u is said to run beyond its limit", id);
    if (x->settings.calibrate > 1) /* given as wide as the last ones were off */
        return;
    if (x->settings.estimates != ESTIMATES_TOLD || !k->told_us || k->told_sd_milli || k->told_us > TOLD_MAX_US)
        return;
    usec_t length_us = (left_us > USEC_PER_SEC ? left_us : USEC_PER_SEC) + restart(x, k);
    length_us = j->limit_us && j->limit_us < length_us ? j->limit_us : length_us;
    same(v, id, "how long it runs", f->p50_us, length_us);
    same(v, id, "how long it runs at most nine times in ten", f->p90_us, length_us);
}

/* Since when its start is moved: between its submit and now, and always the same. */
static void judge_moved(struct invariant *v, job_id id, const struct ledger_job *j, usec_t now_at, const struct explanation *e)
{
    struct known_job *k = &of(v)->jobs[id];
    if (!e->moved_from_at)
        return;
    if (k->moved_at)
        same(v, id, "since when its start is moved", e->moved_from_at, k->moved_at);
    else if (now_at >= of(v)->latest_at && (e->moved_from_at < j->submit_at - USEC_PER_SEC || e->moved_from_at > now_at))
        BREAK(v, "why", "job %u is said to be moved from before its submit, or from a time to come", id);
    k->moved_at = e->moved_from_at;
}

/* How many of its GPUs others have only because its start is moved: GPU by GPU, as the ledger has them. */
static void judge_freed(struct invariant *v, const struct core *core, const struct core_plan *plan, const struct ledger_job *j,
                        const struct explanation *e)
{
    int64_t room = 0, theirs = 0;
    struct core_gpu g;
    for (uint32_t gpu = 0; gpu < CORE_GPUS_MAX; gpu++) {
        if (!core_gpu_get(core, gpu, &g) || g.state != GPU_UP || (j->gpu_type && g.type != j->gpu_type))
            continue;
        room++;
        for (uint32_t i = 0; i < plan->rows_n; i++) {
            const struct ledger_job *o = invariant_job(v, plan->rows[i].job);
            if (plan->rows[i].state == JOB_PENDING || !o || !(o->gpu_mask >> gpu & 1))
                continue;
            room--;
            theirs += o->owner != j->owner && plan->rows[i].start_at >= e->moved_from_at;
            break;
        }
    }
    int64_t lacking = (int64_t)j->gpus > room ? (int64_t)j->gpus - room : 0, least = lacking < theirs ? lacking : theirs;
    bool still = e->moved_from_at && plan->made_at < usec_add(e->moved_from_at, e->forecast.p50_us);
    same(v, e->job, "what of its GPUs others have", e->freed_gpus, still ? least < j->gpus ? least : j->gpus : 0);
}

static void judge_job(struct invariant *v, const struct core *core, const struct core_plan *plan, const struct plan_row *row)
{
    struct explanation e;
    const struct ledger_job *j = invariant_job(v, row->job);
    if (!j)
        return; /* another rule says so */
    if (core_explain(core, row->job, plan, &e) < 0) {
        BREAK(v, "why", "job %u cannot be explained", row->job);
        return;
    }
    same(v, row->job, "its reason", e.reason, row->reason);
    same(v, row->job, "its start", e.start_at, row->start_at);
    if (row->state != JOB_COMPLETING) /* what is still going is counted by the core when it is gone */
        same(v, row->job, "how often it made way", e.made_way, j->made_way);
    if (e.kept_us && j->preempt != PREEMPT_CHECKPOINT)
        BREAK(v, "why", "job %u keeps work although it cannot", row->job);
    struct core_counts all = core_count(core);
    judge_room(v, row->job, j, &all, &e);
    watts_explained(v, plan, &e, j);
    judge_times(v, row->job, j, &e, plan->made_at);
    judge_place(v, plan, row, j, &e);
    judge_reason(v, row->job, j, &e);
    judge_blocker(v, &e);
    judge_history(v, row->job, j, &e.forecast);
    if (row->state == JOB_PENDING)
        judge_length(v, row->job, j, &e.forecast);
    struct lengths_job length = length_of(of(v), row->job);
    if (row->state != JOB_COMPLETING) /* see below */
        lengths_judge(&of(v)->lengths, v, &of(v)->settings, &length, row->state == JOB_PENDING ? 0
                      : usec_max(v->boot_at - of(v)->jobs[row->job].run_boot_at, 0), &e.forecast);
    judge_moved(v, row->job, j, plan->made_at, &e);
    judge_freed(v, core, plan, j, &e);
    if (row->state != JOB_COMPLETING) {
        same(v, row->job, "what it keeps of its work", e.kept_us, of(v)->jobs[row->job].kept_us);
        same(v, row->job, "what its restart costs", e.restart_us, restart(of(v), &of(v)->jobs[row->job]));
    }
}

static void judge_would(struct invariant *v, const struct core *core, uint32_t person)
{
    const struct known_person *p = &of(v)->persons[person];
    struct core_calibration c = core_calibration(core, (person_no)person);
    if (c.would != p->would_n || c.right != p->right_n)
        BREAK(v, "would", "%u starts of person %u are said to have been moved later with their word, %u of them seen as soon; "
              "they are %u and %u", c.would, person, c.right, p->would_n, p->right_n);
}

void explained_plan(struct invariant *v, const struct core *core, const struct core_plan *plan)
{
    uint32_t stride = plan->rows_n / LOOKED_AT + 1;
    uint32_t first = (uint32_t)(plan->made_at / USEC_PER_SEC % stride);
    for (uint32_t i = 0; i < plan->rows_n; i++) /* and at all that say how far they are: few do */
        if (i % stride == first || (plan->rows[i].state == JOB_RUNNING && lengths_progressed(of(v)->lengths, plan->rows[i].job)))
            judge_job(v, core, plan, &plan->rows[i]);
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++)
        judge_would(v, core, i);
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++)
        if (of(v)->persons[i].step || of(v)->persons[i].windows_n || v->persons[i].urgent_n) {
            judge_weight(v, core, i);
            judge_urgent(v, core, i, plan->made_at);
        }
}
