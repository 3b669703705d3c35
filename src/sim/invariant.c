/* invariant.c - the ledger and its rules. */
#include "sim/invariant.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/boosted.h"
#include "sim/canary.h"
#include "sim/conditions.h"
#include "sim/electric.h"
#include "sim/explained.h"
#include "sim/kept.h"
#include "sim/quotas.h"
#include "sim/sampled.h"
#include "sim/slack.h"
#include "sim/switched.h"
#include "sim/urgent.h"
#include "sim/timer.h"
#include "sim/watts.h"


void invariant_init(struct invariant *v, struct verdict *verdict)
{
    memset(v, 0, sizeof(*v));
    v->verdict = verdict;
}

void invariant_finish(struct invariant *v)
{
    free(v->jobs);
    free(v->deps);
    free(v->would);
    free(v->unbegun);
    free(v->acks);
    urgent_finish(v);
    watts_finish(v);
    quotas_finish(v);
    hands_finish(&v->hands);
    explained_finish(v);
    switched_finish(v);
    map_finish(&v->ack_of_key);
    map_finish(&v->job_of_op);
    memset(v, 0, sizeof(*v));
}

#define BREAK(v, rule, ...) verdict_break((v)->verdict, rule, __VA_ARGS__)

/* --- the table of legal changes ------------------------------------------------------------------ */

#define S(state) (1u << (state))
#define ENDS (S(JOB_COMPLETED) | S(JOB_FAILED) | S(JOB_CANCELLED) | S(JOB_TIMEOUT) \
              | S(JOB_OUT_OF_MEMORY) | S(JOB_NODE_FAIL))
static const uint32_t legal[JOB_STATE_COUNT] = {
    /* waiting: it starts, or it ends without having run */
    [JOB_PENDING] = S(JOB_CONFIGURING) | S(JOB_CANCELLED) | S(JOB_DEADLINE),
    /* an end may be the first thing heard of it after a restart */
    [JOB_CONFIGURING] = S(JOB_RUNNING) | S(JOB_COMPLETING) | S(JOB_PENDING) | ENDS,
    [JOB_RUNNING] = S(JOB_COMPLETING) | S(JOB_PENDING) | ENDS,
    [JOB_COMPLETING] = S(JOB_PENDING) | ENDS,
};

static struct ledger_job *job_of(struct invariant *v, job_id id)
{
    return id > 0 && id <= v->last_id && v->jobs[id].known ? &v->jobs[id] : NULL;
}

const struct ledger_job *invariant_job(const struct invariant *v, job_id id)
{
    return id > 0 && id <= v->last_id && v->jobs[id].known ? &v->jobs[id] : NULL;
}

static uint32_t array_busy(const struct invariant *v, const struct ledger_job *j)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < j->array_n; i++)
        n += ledger_busy(v->jobs[j->array + i].state);
    return n;
}

bool invariant_todo_ready(const struct invariant *v, job_id todo)
{
    return conditions_met(v, &v->jobs[todo], v->boot_at, false);
}

/* --- events -------------------------------------------------------------------------------------- */

/* One more condition of one job or todo, which keeps those it has. */
static void ledger_before_one(struct invariant *v, struct ledger_job *j, job_id todo)
{
    uint32_t old_n = j->deps_n, group = 0;
    v->deps = sim_grow(v->deps, &v->deps_size, v->deps_n + old_n + 1, sizeof(*v->deps));
    struct dep *deps = v->deps + v->deps_n;
    memmove(deps, v->deps + j->deps_at, old_n * sizeof(*deps));
    for (uint32_t i = 0; i < old_n; i++)
        if (deps[i].group >= group)
            group = deps[i].group + 1;
    deps[old_n] = (struct dep){ .kind = DEP_AFTEROK, .job = todo, .group = group };
    j->deps_at = v->deps_n;
    j->deps_n = old_n + 1;
    v->deps_n += old_n + 1;
}

/* With scope 1 of every task of an array, each of which may have had conditions of its own. */
static void ledger_before(struct invariant *v, const struct before *b, job_id todo)
{
    struct ledger_job *first = &v->jobs[b->job];
    uint32_t n = b->scope && first->array_n ? first->array_n : 1;
    for (uint32_t i = 0; i < n; i++) {
        ledger_before_one(v, &v->jobs[b->job + i], todo);
        v->jobs[b->job + i].array_waits |= b->scope;
    }
}

static void ledger_submit(struct invariant *v, uint32_t op)
{
    const struct ev_submit *e = &v->ev->submit;
    uint32_t tasks = 0, index = 0, range = 0;
    for (uint32_t i = 0; i < e->tasks_n; i++)
        tasks += (e->tasks[i].until - e->tasks[i].from) / e->tasks[i].step + 1;
    bool array = tasks > 0;
    uint32_t known;
    tasks = array ? tasks : 1;
    if (e->attempt == 0 && op && map_get(&v->job_of_op, op, &known))
        BREAK(v, "same-key", "one submit became job %u and then job %u", known, e->job);
    else if (e->attempt == 0 && op && map_set(&v->job_of_op, op, e->job) < 0)
        abort();
    if (e->attempt == 0 && e->job <= v->last_id)
        BREAK(v, "id-new", "a submit got id %u although %u is taken", e->job, v->last_id);
    v->jobs = sim_grow(v->jobs, &v->jobs_size, e->job + tasks + 1, sizeof(*v->jobs));
    for (job_id id = v->last_id + 1; id < e->job + tasks; id++)
        v->jobs[id] = (struct ledger_job){ 0 };
    v->deps = sim_grow(v->deps, &v->deps_size, v->deps_n + e->deps_n + 1, sizeof(*v->deps));
    if (e->deps_n)
        memcpy(v->deps + v->deps_n, e->deps, e->deps_n * sizeof(*v->deps));
    for (uint32_t i = 0; i < tasks; i++) {
        struct ledger_job *j = &v->jobs[e->job + i], old = *j;
        if (array && i == 0)
            index = e->tasks[0].from;
        *j = (struct ledger_job){
            .known = true, .state = JOB_PENDING, .array = e->array, .array_n = array ? tasks : 0,
            .array_index = index, .owner = e->owner, .account = e->account, .gpus = e->gpus, .gpu_type = e->gpu_type,
            .cpus = e->cpus, .mem_mib = e->mem_mib, .name_key = e->name_key, .command_key = e->command_key,
            .told_mw = e->watts_mw, .flags = e->flags,
            .preempt = e->preempt, .array_max = e->array_max, .submit_at = v->wall_at, .submit_boot_at = v->boot_at, .begin_at = e->begin_at,
            .deadline_at = e->deadline_at, .backoff_us = e->backoff_us, .retries_left = e->retries,
            .flex = e->flex_us > 0, .limit_us = e->limit_us, .canary_us = v->canaries ? e->canary_us : 0,
            .deps_at = v->deps_n, .deps_n = e->deps_n, .attempt = e->attempt, .op = op,
        };
        if (array && (index += e->tasks[range].step) > e->tasks[range].until
            && range + 1 < e->tasks_n)
            index = e->tasks[++range].from;
        if (e->attempt > 0) { /* an ended job, asked to run again under its id */
            if (!job_state_is_final(old.state))
                BREAK(v, "transition", "job %u is submitted again while it is %s", e->job,
                      job_state_word(old.state));
            j->array = old.array, j->array_n = old.array_n, j->array_index = old.array_index;
            j->ever_ok = old.ever_ok, j->ever_bad = old.ever_bad;
            j->ever_started = old.ever_started, j->start_boot_at = old.start_boot_at;
            j->op = old.op;
            j->array_waits = old.array_waits;
            for (uint32_t t = 0; t < j->array_n; t++) /* its array's, while it lives, whatever was asked for */
                if (j->array + t != e->job && v->jobs[j->array + t].known &&
                    !job_state_is_final(v->jobs[j->array + t].state))
                    j->array_max = v->jobs[j->array + t].array_max;
        }
        if (j->begin_at > v->wall_at) {
            v->unbegun = sim_grow(v->unbegun, &v->unbegun_size, v->unbegun_n + 1, sizeof(job_id));
            v->unbegun[v->unbegun_n++] = e->job + i;
        } else {
            j->begun = true;
        }
        v->live++;
    }
    v->deps_n += e->deps_n;
    if (e->job + tasks - 1 > v->last_id)
        v->last_id = e->job + tasks - 1;
    const struct ledger_person *p = &v->persons[e->owner];
    if (p->queued_max) {
        uint32_t queued = 0;
        for (job_id id = 1; id <= v->last_id; id++)
            queued += v->jobs[id].known && v->jobs[id].owner == e->owner
                      && v->jobs[id].state == JOB_PENDING;
        if (queued > p->queued_max)
            BREAK(v, "person-queued", "person %u has %u jobs waiting; %u are allowed", e->owner,
                  queued, p->queued_max);
    }
}

/* Hands-on work takes a number, and may be put before jobs that wait. */
static void ledger_todo(struct invariant *v)
{
    const struct ev_todo_add *e = &v->ev->todo_add;
    if (e->todo <= v->last_id)
        BREAK(v, "id-new", "a todo got number %u although %u is taken", e->todo, v->last_id);
    v->jobs = sim_grow(v->jobs, &v->jobs_size, e->todo + 1, sizeof(*v->jobs));
    for (job_id id = v->last_id + 1; id <= e->todo; id++)
        v->jobs[id] = (struct ledger_job){ 0 };
    v->last_id = e->todo;
    v->deps = sim_grow(v->deps, &v->deps_size, v->deps_n + e->deps_n + 1, sizeof(*v->deps));
    v->jobs[e->todo].deps_at = v->deps_n;
    v->jobs[e->todo].deps_n = e->deps_n;
    if (e->deps_n)
        memcpy(v->deps + v->deps_n, e->deps, e->deps_n * sizeof(*v->deps));
    v->deps_n += e->deps_n;
    for (uint32_t i = 0; i < e->before_n; i++)
        ledger_before(v, &e->before[i], e->todo);
}

/* Run fn on the job, or with scope 1 on every live task of its array. */
static void each_scoped(struct invariant *v, job_id id, uint32_t scope,
                        void (*fn)(struct invariant *v, struct ledger_job *j, job_id id))
{
    struct ledger_job *first = job_of(v, id);
    if (!first)
        return;
    if (!scope || !first->array) {
        fn(v, first, id);
        return;
    }
    for (uint32_t i = 0; i < first->array_n; i++) {
        job_id task = first->array + i;
        if (!job_state_is_final(v->jobs[task].state))
            fn(v, &v->jobs[task], task);
    }
}

static void do_hold(struct invariant *v, struct ledger_job *j, job_id id)
{
    (void)id;
    if (j->state == JOB_PENDING)
        j->flags |= v->ev->hold.admin ? JOB_HELD_ADMIN : JOB_HELD;
}

/* A release by the owner leaves an operator's hold in place. */
static void do_release(struct invariant *v, struct ledger_job *j, job_id id)
{
    (void)id;
    j->flags &= ~(uint32_t)(v->ev->release.admin ? JOB_HELD_ADMIN | JOB_HELD : JOB_HELD);
    j->canary_held = false;
}

static void do_first(struct invariant *v, struct ledger_job *j, job_id id)
{
    (void)v;
    (void)id;
    j->flags |= JOB_FIRST;
}

static void do_set(struct invariant *v, struct ledger_job *j, job_id id)
{
    int64_t value = v->ev->set.value;
    if (v->ev->set.field == SET_LIMIT_US)
        j->limit_us = value;
    if (ledger_busy(j->state) && v->ev->set.field != SET_OWNER && v->ev->set.field != SET_REVIEWER &&
        v->ev->set.field != SET_ARRAY_MAX)
        return; /* too late for this task of an array */
    switch ((enum set_field)v->ev->set.field) {
    case SET_BEGIN_AT:
        j->begin_at = value;
        j->begun = value <= v->wall_at;
        if (!j->begun) {
            v->unbegun = sim_grow(v->unbegun, &v->unbegun_size, v->unbegun_n + 1, sizeof(job_id));
            v->unbegun[v->unbegun_n++] = id;
        }
        break;
    case SET_DEADLINE_AT:
        j->deadline_at = value;
        break;
    case SET_ARRAY_MAX:
        for (uint32_t i = 0; i < j->array_n; i++)
            v->jobs[j->array + i].array_max = (uint32_t)value;
        break;
    case SET_GPUS:
        j->gpus = (uint32_t)value;
        break;
    case SET_CPUS:
        j->cpus = (uint32_t)value;
        break;
    case SET_MEM_MIB:
        j->mem_mib = (uint64_t)value;
        break;
    case SET_OWNER:
        if (ledger_busy(j->state)) {
            v->persons[j->owner].running--;
            v->persons[j->owner].gpus -= j->gpus;
            v->persons[value].running++;
            v->persons[value].gpus += j->gpus;
        }
        j->owner = (uint32_t)value;
        break;
    case SET_LIMIT_US:
    case SET_NICE:
    case SET_REVIEWER: /* the ledger keeps no hours: who looks changes the order, which is not its affair */
    case SET_FIELD_COUNT:
        break;
    }
}

/* Processes not proven gone: the core takes those GPUs out of use by itself that are not already. */
static void ledger_quarantine(struct invariant *v, job_id id, bool quarantine)
{
    const struct ledger_job *j = invariant_job(v, id);
    for (uint32_t g = 0; j && quarantine && g < CORE_GPUS_MAX; g++) {
        if ((j->gpu_mask >> g & 1) && v->gpus[g].state == GPU_UP)
            v->gpus[g].state = GPU_QUARANTINED;
    }
}

static void ledger_event(struct invariant *v, uint32_t op)
{
    const struct core_event *ev = v->ev;
    for (size_t i = 0; i < v->unbegun_n;) {
        struct ledger_job *j = &v->jobs[v->unbegun[i]];
        j->begun |= v->wall_at >= j->begin_at;
        if (j->begun)
            v->unbegun[i] = v->unbegun[--v->unbegun_n];
        else
            i++;
    }
    switch (ev->kind) {
    case EVENT_SETTINGS:
        switched_event(v);
        v->age_us = ev->settings.age_us;
        v->preempts = ev->settings.preempt != 0;
        v->quantum_us = ev->settings.quantum_us;
        v->defer = ev->settings.defer;
        v->urgent_week = ev->settings.urgent_week;
        v->canaries = ev->settings.canary != 0;
        v->shares = ev->settings.policy == POLICY_BOOKED;
        break;
    case EVENT_FIRST:
        each_scoped(v, ev->first.job, ev->first.scope, do_first);
        break;
    case EVENT_MACHINE:
        v->cpus = ev->machine.cpus;
        v->mem_mib = ev->machine.mem_mib;
        break;
    case EVENT_GPU:
        v->gpus[ev->gpu.gpu].known = true;
        v->gpus[ev->gpu.gpu].type = ev->gpu.type;
        v->types_max = ev->gpu.type > v->types_max ? ev->gpu.type : v->types_max;
        v->gpus[ev->gpu.gpu].state = ev->gpu.state;
        electric_event(v);
        break;
    case EVENT_TARIFF:
        electric_event(v);
        break;
    case EVENT_POWER:
        watts_event(v);
        break;
    case EVENT_QUEUE:
        v->closed = ev->queue.closed;
        break;
    case EVENT_PERSON:
        v->persons[ev->person.person].running_max = ev->person.running_max;
        v->persons[ev->person.person].gpus_max = ev->person.gpus_max;
        v->persons[ev->person.person].queued_max = ev->person.queued_max;
        v->persons[ev->person.person].defer = ev->person.defer != 0;
        quotas_event(v);
        break;
    case EVENT_ACCOUNT:
        quotas_event(v);
        break;
    case EVENT_SUBMIT:
        ledger_submit(v, op);
        urgent_submit(v);
        break;
    case EVENT_HOLD:
        each_scoped(v, ev->hold.job, ev->hold.scope, do_hold);
        break;
    case EVENT_RELEASE:
        each_scoped(v, ev->release.job, ev->release.scope, do_release);
        break;
    case EVENT_SET:
        each_scoped(v, ev->set.job, ev->set.scope, do_set);
        break;
    case EVENT_ENDED:
        ledger_quarantine(v, ev->ended.job, ev->ended.quarantine);
        break;
    case EVENT_LOST:
        ledger_quarantine(v, ev->lost.job, ev->lost.quarantine);
        break;
    case EVENT_START_FAILED: {
        struct ledger_job *j = job_of(v, ev->start_failed.job);
        if (j) /* the core may let it wait a moment; the rule on idling is patient with it */
            j->idle_from_boot_at = v->boot_at + 10 * USEC_PER_MIN;
        break;
    }
    case EVENT_DECIDE:
        v->decided_boot_at = v->boot_at;
        kept_tick(v);
        break;
    case EVENT_TODO_ADD:
        ledger_todo(v);
        break;
    case EVENT_RESERVE: case EVENT_UNRESERVE:
        kept_event(v);
        break;
    case EVENT_BOOST: case EVENT_UNBOOST:
        boosted_event(v);
        break;
    default:
        break;
    }
}

/* --- updates ------------------------------------------------------------------------------------- */

static void judge_end(struct invariant *v, job_id id, const struct ledger_job *j,
                      const struct core_update *u)
{
    const struct core_event *ev = v->ev;
    bool clean = ev->kind == EVENT_ENDED && ev->ended.job == id && ev->ended.cause == END_EXIT
                 && ev->ended.code == 0;
    if (u->to == JOB_COMPLETED && !clean)
        BREAK(v, "honest-end", "job %u is called COMPLETED by \"%s\"", id, event_word(ev->kind));
    if (u->to == JOB_FAILED && u->reason == REASON_EXIT_CODE && j->retries_left > 0 && !j->stopping)
        BREAK(v, "retry-owed", "job %u failed for good with %u retries left", id, j->retries_left);
    if (u->to == JOB_DEADLINE && v->wall_at < j->deadline_at)
        BREAK(v, "deadline", "job %u is past a deadline that lies ahead", id);
}

/* Back to the queue: by a retry that was owed, by a request, by luck lost. */
static void judge_again(struct invariant *v, job_id id, struct ledger_job *j,
                        const struct core_update *u)
{
    const struct core_event *ev = v->ev;
    if (ev->kind == EVENT_LOST && !(j->flags & JOB_REQUEUE) && !j->stopping)
        BREAK(v, "lost-again", "job %u was lost and may run again without its owner's word", id);
    bool never_ran = ev->kind == EVENT_START_FAILED && ev->start_failed.cause == END_LAUNCH;
    if ((ev->kind != EVENT_ENDED && !never_ran) || u->reason == REASON_REQUEUED || u->reason == REASON_PREEMPTED)
        return; /* one that failed by itself while it was told to make way has spent a retry all the same */
    if (!never_ran && ev->ended.cause == END_EXIT && ev->ended.code == 0)
        BREAK(v, "success-final", "job %u ended well and is queued again", id);
    if (j->retries_left == 0) {
        BREAK(v, "retry-count", "job %u gets a retry it does not have", id);
        return;
    }
    uint32_t fold = j->retries_used < 6 ? j->retries_used : 6;
    j->retries_left--;
    j->retries_used++;
    j->not_before_boot_at = v->boot_at + (j->backoff_us << fold);
}

static void take(struct invariant *v, struct ledger_job *j, int sign)
{
    struct ledger_person *p = &v->persons[j->owner];
    if (sign > 0) {
        v->busy++, p->running++, p->gpus += j->gpus;
        v->cpus_busy += j->cpus, v->mem_busy_mib += j->mem_mib;
    } else {
        v->busy--, p->running--, p->gpus -= j->gpus;
        v->idle_boot_at = v->boot_at;
        v->cpus_busy -= j->cpus, v->mem_busy_mib -= j->mem_mib;
        v->watts.busy_w -= j->booked_w, j->booked_w = 0;
        v->busy_mask &= ~j->gpu_mask;
        j->gpu_mask = 0;
    }
}

static void ledger_state(struct invariant *v, const struct core_update *u)
{
    struct ledger_job *j = job_of(v, u->job);
    if (!j) {
        BREAK(v, "transition", "job %u changes state and was never submitted", u->job);
        return;
    }
    if (job_state_is_final(j->state))
        BREAK(v, "final", "job %u is %s and becomes %s", u->job, job_state_word(j->state),
              job_state_word(u->to));
    if (j->state != u->from)
        BREAK(v, "transition", "job %u goes from %s, but it is %s", u->job, job_state_word(u->from),
              job_state_word(j->state));
    if (!(legal[u->from] & S(u->to)))
        BREAK(v, "transition", "job %u goes from %s to %s", u->job, job_state_word(u->from),
              job_state_word(u->to));
    bool was = ledger_busy(j->state), is = ledger_busy(u->to);
    if (was && !is && j->run_boot_at)
        quotas_left(v, j);
    j->run_boot_at = u->to == JOB_RUNNING ? v->boot_at : u->to == JOB_COMPLETING ? j->run_boot_at : 0;
    if (was && !is)
        take(v, j, -1);
    else if (is && !was)
        take(v, j, +1);
    if (job_state_is_final(u->to)) {
        judge_end(v, u->job, j, u);
        watts_ended(v, j, (enum job_state)u->to);
        canary_final(v, u->job, j);
        j->ever_ok |= u->to == JOB_COMPLETED;
        j->ever_bad |= u->to != JOB_COMPLETED;
        if (j->state == JOB_PENDING || j->state == JOB_CONFIGURING || (j->canary && !j->ever_started))
            j->last_boot_at = v->boot_at; /* gone before it began: who waits for a begin counts from here */
        v->live--;
    } else if (u->to == JOB_PENDING && j->canary) {
        canary_back(v, u->job, j, u);
    } else if (u->to == JOB_PENDING) {
        judge_again(v, u->job, j, u);
    } else if (j->canary) {
        j->last_boot_at = v->boot_at; /* it begins nothing */
    } else if (u->to == JOB_RUNNING || (u->to == JOB_COMPLETING && !j->ever_started)) {
        if (!j->ever_started)
            j->start_boot_at = v->boot_at;
        j->last_boot_at = v->boot_at;
        j->ever_started = true;
    }
    j->state = u->to;
    if (!ledger_busy(j->state))
        j->stopping = j->making_way = false;
}

static void judge_gpus(struct invariant *v, const struct core_update *u, const struct ledger_job *j)
{
    if ((uint32_t)__builtin_popcountll(u->gpus) != j->gpus)
        BREAK(v, "gpu-count", "job %u asks for %u GPUs and gets %d", u->job, j->gpus,
              __builtin_popcountll(u->gpus));
    if (u->gpus & v->busy_mask)
        BREAK(v, "gpu-twice", "job %u gets GPUs %#" PRIx64 " of which %#" PRIx64 " are taken", u->job,
              u->gpus, u->gpus & v->busy_mask);
    for (uint32_t g = 0; g < CORE_GPUS_MAX; g++) {
        if (!(u->gpus >> g & 1))
            continue;
        if (!v->gpus[g].known || v->gpus[g].state != GPU_UP)
            BREAK(v, "gpu-down", "job %u gets GPU %u, which is not up", u->job, g);
        if (j->gpu_type && v->gpus[g].type != j->gpu_type)
            BREAK(v, "gpu-type", "job %u asks for GPUs of type %u and gets GPU %u", u->job,
                  j->gpu_type, g);
    }
}

/* A start: everything that could forbid it. */
static void ledger_start(struct invariant *v, const struct core_update *u)
{
    struct ledger_job *j = job_of(v, u->job);
    if (!j || j->state != JOB_CONFIGURING) {
        BREAK(v, "transition", "job %u is started while it is %s", u->job,
              j ? job_state_word(j->state) : "unknown");
        return;
    }
    const struct ledger_person *p = &v->persons[j->owner];
    if (u->attempt != j->attempt + 1)
        BREAK(v, "start-once", "job %u starts attempt %u after attempt %u", u->job, u->attempt,
              j->attempt);
    if (j->canary_held)
        BREAK(v, "canary-held", "the canary of job %u failed, and it starts", u->job);
    if (j->flags & (JOB_HELD | JOB_HELD_ADMIN))
        BREAK(v, "hold", "job %u is held and starts", u->job);
    if (!j->begun)
        BREAK(v, "begin", "job %u starts before its begin time", u->job);
    if (j->deadline_at && v->wall_at >= j->deadline_at)
        BREAK(v, "deadline", "job %u starts after its deadline", u->job);
    if (v->boot_at < j->not_before_boot_at)
        BREAK(v, "backoff", "job %u starts %" PRId64 " s before its back-off is over", u->job,
              (j->not_before_boot_at - v->boot_at) / USEC_PER_SEC);
    if (!conditions_met(v, j, v->boot_at, false))
        BREAK(v, "dependency", "job %u starts before its conditions are met", u->job);
    if (!conditions_single(v, u->job, j))
        BREAK(v, "singleton", "job %u starts beside another of its name", u->job);
    if (v->closed)
        BREAK(v, "closed", "job %u starts although the queue is drained", u->job);
    if (p->running_max && p->running > p->running_max)
        BREAK(v, "person-running", "job %u is number %u of person %u; %u may run", u->job, p->running,
              j->owner, p->running_max);
    if (j->gpus && p->gpus_max && p->gpus > p->gpus_max)
        BREAK(v, "person-gpus", "with job %u person %u has %u GPUs; %u are allowed", u->job, j->owner,
              p->gpus, p->gpus_max);
    quotas_judge(v, u->job, j);
    if (j->array_max && array_busy(v, j) > j->array_max)
        BREAK(v, "array-max", "job %u is task %u at once; %u may be", u->job, array_busy(v, j),
              j->array_max);
    if (v->cpus_busy > v->cpus)
        BREAK(v, "cpus", "with job %u %u CPUs are in use of %u", u->job, v->cpus_busy, v->cpus);
    if (v->mem_busy_mib > v->mem_mib)
        BREAK(v, "memory", "with job %u %" PRIu64 " MiB are in use of %" PRIu64, u->job,
              v->mem_busy_mib, v->mem_mib);
    judge_gpus(v, u, j);
    if (u->value)
        canary_begun(v, u->job, j, u->value);
    slack_begun(v, u->job, j);
    switched_begun(v, u->job, j);
    j->attempt = u->attempt;
    j->gpu_mask = u->gpus;
    v->busy_mask |= u->gpus;
    watts_start(v, u->job, j);
    kept_judge(v, u->job, j);
}

/* Who makes way has allowed it, has had its quantum, and does so for somebody who waits. */
static void ledger_stop(struct invariant *v, const struct core_update *u, struct ledger_job *j)
{
    const struct ledger_job *other = invariant_job(v, (job_id)u->value);
    j->stopping = true;
    if (u->reason != REASON_PREEMPTED) { /* a person's word comes over it: it makes way for nobody now */
        j->made_way -= j->making_way;
        j->making_way = false;
        return;
    }
    j->making_way = true;
    if (!v->preempts || j->preempt == PREEMPT_NEVER)
        BREAK(v, "preempt", "job %u makes way although it is not allowed", u->job);
    if (v->boot_at - j->last_boot_at < v->quantum_us)
        BREAK(v, "preempt", "job %u makes way after %" PRId64 " s", u->job,
              (v->boot_at - j->last_boot_at) / USEC_PER_SEC);
    if (++j->made_way > 3 && j->preempt == PREEMPT_REQUEUE)
        BREAK(v, "preempt", "job %u, which begins anew each time, makes way %u times", u->job,
              j->made_way);
    if (!other || other->state != JOB_PENDING)
        BREAK(v, "preempt", "job %u makes way for job %u, which does not wait", u->job,
              (job_id)u->value);
}

/* A signal reaches what runs of the jobs that were meant, and nothing else. */
static void ledger_signal(struct invariant *v, const struct core_update *u, const struct ledger_job *j)
{
    const struct ev_signal *ev = &v->ev->signal;
    const struct ledger_job *meant = v->ev->kind == EVENT_SIGNAL ? invariant_job(v, ev->job) : NULL;
    if (!meant || u->value != ev->signal || u->to != ev->whom)
        BREAK(v, "signal", "job %u is to be sent signal %" PRId64 ", which nobody asked for", u->job, u->value);
    else if (!j || (u->job != ev->job && (!ev->scope || !j->array || j->array != meant->array)))
        BREAK(v, "signal", "a signal for job %u is to be sent to job %u", ev->job, u->job);
    else if (j->state != JOB_RUNNING || u->attempt != j->attempt)
        BREAK(v, "signal", "attempt %u of job %u does not run and is to be sent a signal", u->attempt, u->job);
}

/* The machine was started anew: what it was off is not part of any wait that was counted.  The core sees it by a boot
 * clock that went back; where the new one is further on than the old one was, an attempt that is found lost then seems
 * to have run by the clocks as they stand, and is told of so. */
static void ledger_rebooted(struct invariant *v, usec_t off_us, usec_t base_us, bool is_seen)
{
    for (job_id id = 1; id <= v->last_id; id++) {
        struct ledger_job *j = &v->jobs[id];
        if (j->not_before_boot_at > v->boot_at)
            j->not_before_boot_at += off_us;
        if (j->idle_from_boot_at > v->boot_at)
            j->idle_from_boot_at += off_us;
        j->last_boot_at += off_us;
        j->run_boot_at += j->run_boot_at ? off_us : 0;
    }
    explained_rebooted(v, is_seen ? off_us : base_us);
}

/* How sure is the ledger that this waiting job may start, were there room? */
enum may { MAY_NOT, MAY_PERHAPS, MAY_SURELY };
static enum may may_start(const struct invariant *v, job_id id, const struct ledger_job *j,
                          bool started)
{
    const struct ledger_person *p = &v->persons[j->owner];
    uint32_t up = 0;
    for (uint32_t g = 0; g < CORE_GPUS_MAX; g++)
        up += v->gpus[g].known && v->gpus[g].state == GPU_UP
              && (!j->gpu_type || v->gpus[g].type == j->gpu_type);
    if (j->flags & (JOB_HELD | JOB_HELD_ADMIN) || j->canary_held || !j->begun || v->closed
        || v->boot_at < j->not_before_boot_at || j->gpus > up || j->cpus > v->cpus
        || j->mem_mib > v->mem_mib || !conditions_met(v, j, v->boot_at, false) || !conditions_single(v, id, j))
        return MAY_NOT;
    if ((p->running_max && p->running >= p->running_max)
        || (j->gpus && p->gpus_max && p->gpus + j->gpus > p->gpus_max)
        || (j->array_max && array_busy(v, j) >= j->array_max))
        return started ? MAY_PERHAPS : MAY_NOT; /* it may have had the reservation until a start of its
                                                 * owner's in this very decision */
    if (quotas_may_hold(v, j) || !watts_ever_fit(v, j)) /* what needs a higher cap than the lowest may hold a place */
        return MAY_PERHAPS;
    if (v->reservations_n && j->gpus)
        return MAY_PERHAPS; /* by what runs and for how long, which depends on forecasts */
    if (v->shares && p->gpus > 0)
        return MAY_PERHAPS; /* how much is the owner's share the ledger does not work out */
    return v->boot_at >= j->idle_from_boot_at && conditions_clear(v, j) && conditions_met(v, j, v->boot_at, true)
               ? MAY_SURELY : MAY_PERHAPS;
}

static bool fits_without(const struct invariant *v, const struct ledger_job *j, struct given given)
{
    uint32_t free = 0;
    for (uint32_t g = 0; g < CORE_GPUS_MAX; g++)
        free += v->gpus[g].known && v->gpus[g].state == GPU_UP && !((v->busy_mask & ~given.gpu_mask) >> g & 1)
                && (!j->gpu_type || v->gpus[g].type == j->gpu_type);
    return j->gpus <= free && watts_fit(v, j) && v->cpus_busy + j->cpus <= v->cpus + given.cpus
           && v->mem_busy_mib + j->mem_mib <= v->mem_mib + given.mem_mib;
}

static bool fits_now(const struct invariant *v, const struct ledger_job *j)
{
    return fits_without(v, j, (struct given){ 0 });
}

/* Whoever has waited age_us goes before all others, the longest wait first: after a decision the first of
 * them does not still wait beside room for it. */
static void judge_age(struct invariant *v, bool started)
{
    const struct ledger_job *best = NULL;
    job_id best_id = 0;
    enum may best_may = MAY_NOT;
    for (job_id id = 1; id <= v->last_id; id++) {
        const struct ledger_job *j = invariant_job(v, id);
        if (!j || j->state != JOB_PENDING || v->wall_at - j->submit_at < v->age_us
            || (best && best->submit_at <= j->submit_at))
            continue;
        enum may may = may_start(v, id, j, started);
        if (may != MAY_NOT)
            best = j, best_id = id, best_may = may;
    }
    if (best_may != MAY_SURELY || !fits_now(v, best))
        return;
    for (job_id id = 1; id <= v->last_id; id++) { /* unless somebody put another before his own, which
                                                     * then stands where his longest wait does */
        const struct ledger_job *j = invariant_job(v, id);
        if (j && j->state == JOB_PENDING && j->flags & JOB_FIRST)
            return;
    }
    BREAK(v, "age", "job %u has waited longest and over its age, there is room, and it waits", best_id);
}

static bool in_front(const struct invariant *v, job_id id, const struct ledger_job *j, enum front front)
{
    return front == FRONT_URGENT ? (j->flags & JOB_URGENT) != 0 : boosted_stands(v, id, j);
}

/* The only urgent (boosted) job that waits does not wait beside room for it, nor for room that this decision gave to
 * others, unless somebody is to go before it. */
static void judge_front(struct invariant *v, enum front front, const struct core_update *updates, uint32_t n)
{
    struct given given = { 0 };
    job_id only = 0;
    for (job_id id = 1; id <= v->last_id; id++) {
        const struct ledger_job *j = invariant_job(v, id);
        if (!j || j->state != JOB_PENDING)
            continue;
        if (j->flags & JOB_FIRST || v->wall_at - j->submit_at >= v->age_us ||
            (front == FRONT_URGENT && boosted_stands(v, id, j)))
            return;
        if (!in_front(v, id, j, front) || may_start(v, id, j, n > 0) == MAY_NOT)
            continue;
        if (only)
            return;
        only = id;
    }
    if (!urgent_given(v, front, updates, n, &given))
        return;
    const struct ledger_job *j = only ? invariant_job(v, only) : NULL;
    if (!j || may_start(v, only, j, n > 0) != MAY_SURELY || !fits_without(v, j, given))
        return;
    if (front == FRONT_URGENT)
        BREAK(v, "urgent", "job %u is urgent, there is room or was before others got it, and it waits", only);
    else
        BREAK(v, "boost", "job %u is boosted, there is room or was before others got it, and it waits", only);
}

void invariant_committed(struct invariant *v, const struct core_event *ev, usec_t boot_base_at,
                         uint32_t op, const struct core_update *updates, uint32_t n)
{
    usec_t boot_at = ev->boot_at + boot_base_at;
    if (boot_base_at != v->boot_base_at)
        ledger_rebooted(v, boot_at - v->boot_at, boot_base_at - v->boot_base_at,
                        ev->boot_at < v->boot_at - v->boot_base_at);
    v->ev = ev;
    v->wall_at = ev->wall_at;
    v->boot_at = boot_at;
    v->boot_base_at = boot_base_at;
    v->checks += n + 1;
    ledger_event(v, op);
    explained_event(v);
    hands_event(v, ev);
    for (uint32_t i = 0; i < n; i++) {
        const struct core_update *u = &updates[i];
        struct ledger_job *j = job_of(v, u->job);
        explained_update(v, u);
        if (u->kind == UPDATE_TODO)
            hands_update(v, u);
        else if (u->kind == UPDATE_STATE)
            ledger_state(v, u);
        else if (u->kind == UPDATE_START)
            ledger_start(v, u);
        else if (u->kind == UPDATE_SIGNAL)
            ledger_signal(v, u, j);
        else if (u->kind == UPDATE_STOP && j && ledger_busy(j->state))
            ledger_stop(v, u, j);
    }
    if (ev->kind == EVENT_DECIDE) {
        watts_decided(v);
        switched_decided(v);
    }
    if (ev->kind == EVENT_DECIDE && v->age_us > 0 && v->live > v->busy)
        judge_age(v, n > 0);
    if (ev->kind == EVENT_DECIDE && v->boosts_n) {
        boosted_tick(v);
        judge_front(v, FRONT_BOOSTED, updates, n);
    }
    if (ev->kind == EVENT_DECIDE && v->urgent_week)
        judge_front(v, FRONT_URGENT, updates, n);
    v->ev = NULL;
}

/* --- promises ------------------------------------------------------------------------------------ */

void invariant_answered(struct invariant *v, uint64_t key, uint32_t op, job_id id)
{
    uint32_t known;
    if (key && map_get(&v->ack_of_key, key, &known)) {
        if (v->acks[known].id != id)
            BREAK(v, "same-key", "a submit is job %u and, sent again under its key, job %u",
                  v->acks[known].id, id);
        return;
    }
    v->acks = sim_grow(v->acks, &v->acks_size, v->acks_n + 1, sizeof(*v->acks));
    if (key && map_set(&v->ack_of_key, key, (uint32_t)v->acks_n) < 0)
        abort();
    v->acks[v->acks_n++] = (struct ledger_ack){ .key = key, .op = op, .id = id };
}

void invariant_refused(struct invariant *v, uint32_t op)
{
    uint32_t job;
    if (map_get(&v->job_of_op, op, &job))
        BREAK(v, "refused-there", "a submit was refused, and is job %u", job);
}

void invariant_acked(struct invariant *v)
{
    for (size_t i = 0; i < v->acks_n; i++) {
        const struct ledger_job *j = invariant_job(v, v->acks[i].id);
        if (!j || j->op != v->acks[i].op)
            BREAK(v, "acked-there", "job %u was promised and is not there", v->acks[i].id);
    }
}

void invariant_recovered(struct invariant *v, const struct core *core)
{
    uint32_t live = 0;
    struct core_job c;
    invariant_acked(v);
    for (job_id id = 0; core_job_after(core, id, &c); id = c.id) {
        const struct ledger_job *j = invariant_job(v, c.id);
        live++;
        if (!j || j->state != c.state || j->attempt != c.attempt)
            BREAK(v, "recovered", "after a restart job %u is %s, attempt %u; it was %s, attempt %u",
                  c.id, job_state_word(c.state), c.attempt, j ? job_state_word(j->state) : "unknown",
                  j ? j->attempt : 0);
        else if (ledger_busy(j->state) && c.gpu_mask != j->gpu_mask)
            BREAK(v, "recovered", "after a restart job %u has other GPUs", c.id);
    }
    hands_recovered(v, core);
    boosted_recovered(v, core);
    if (live != v->live)
        BREAK(v, "recovered", "after a restart %u jobs are live; it were %u", live, v->live);
}

#define HASH_EVERY 16 /* events: at each one it would be two fifths of all time */

void invariant_stepped(struct invariant *v, const struct core *core, const struct core_event *ev,
                       const struct core_update *updates, uint32_t n)
{
    bool hash = v->stepped_n++ % HASH_EVERY == 0;
    const char *broken = v->without_core_check ? NULL : hash ? core_broken(core) : core_broken_but_hash(core);
    if (broken)
        BREAK(v, "core", "after \"%s\" the core says: %s", event_word(ev->kind), broken);
    if (ev->kind == EVENT_SETTINGS)
        switched_after(v, core, ev, n);
    v->switched.stepped_at = ev->wall_at;
    if (ev->kind != EVENT_DECIDE)
        return;
    boosted_stepped(v, core, ev->wall_at);
    struct core_plan plan = core_last_plan(core);
    for (uint32_t i = 0; i < n; i++) {
        const struct core_update *u = &updates[i];
        const struct plan_row *row = NULL;
        if (u->kind != UPDATE_START)
            continue;
        watts_stepped(v, core, u->job);
        slack_started(v, core, u);
        switched_started(v, core, u);
        for (uint32_t r = 0; r < plan.rows_n && !row; r++) {
            if (plan.rows[r].number == u->plan_row)
                row = &plan.rows[r];
        }
        if (!row || row->job != u->job || row->start_at != ev->wall_at || row->gpu_mask != u->gpus)
            BREAK(v, "plan-row", "job %u starts, and row %u of the plan does not say so", u->job,
                  u->plan_row);
    }
}

/* --- looking -------------------------------------------------------------------------------------- */

void invariant_plan(struct invariant *v, const struct core *core, usec_t wall_at, usec_t boot_at)
{
    size_t size = core_plan_size(core);
    void *scratch = aligned_alloc(16, (size + 15) & ~(size_t)15);
    struct core_plan plan;
    uint64_t before = core_hash(core);
    uint32_t rows = 0;
    if (!scratch)
        abort();
    if (core_plan_odds(core, wall_at, boot_at, &(struct core_odds_ask){ 0, 0 }, scratch, size, &plan) < 0) {
        BREAK(v, "plan", "there is no plan");
        free(scratch);
        return;
    }
    for (uint32_t i = 0; i < plan.rows_n; i++) {
        const struct plan_row *r = &plan.rows[i];
        const struct ledger_job *j = invariant_job(v, r->job);
        rows++;
        if (!j || j->state != r->state)
            BREAK(v, "plan", "the plan has job %u as %s", r->job, job_state_word(r->state));
        else if (r->state == JOB_PENDING && r->start_at != USEC_NEVER
                 && (r->start_at < wall_at || r->end_p50_at < r->start_p50_at
                     || r->eyes_at < r->end_p50_at || r->eyes_late_at < r->eyes_at))
            BREAK(v, "plan", "the plan's times of job %u are out of order", r->job);
        else if (ledger_busy(r->state) && r->gpu_mask != j->gpu_mask)
            BREAK(v, "plan", "the plan has job %u on other GPUs than it has", r->job);
    }
    hands_plan(v, &plan, wall_at);
    electric_plan(v, core, &plan);
    explained_plan(v, core, &plan);
    slack_plan(v, core, &plan);
    switched_plan(v, &plan);
    sampled_plan(v, core, &plan, wall_at, boot_at);
    if (rows != v->live)
        BREAK(v, "plan", "the plan has %u rows for %u live jobs", rows, v->live);
    if (core_hash(core) != before)
        BREAK(v, "look-only", "looking at the plan changed the core");
    free(scratch);
}
