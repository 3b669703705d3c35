/* core.c - events to functions: check each, then apply it.
 *
 * check_* may refuse and change nothing; apply_* cannot fail.  Every change of a job stands between
 * job_open and job_close (hash and sums); what becomes of its state is change.h's.
 */
#include "core/core.h"

#include <assert.h>

#include "core/avail.h"
#include "core/boost.h"
#include "core/band.h"
#include "core/calibrate.h"
#include "core/canary.h"
#include "core/capacity.h"
#include "core/change.h"
#include "core/each.h"
#include "core/estimate.h"
#include "core/graph.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/offer.h"
#include "core/person.h"
#include "core/plan.h"
#include "core/queue.h"
#include "core/power.h"
#include "core/rates.h"
#include "core/quota.h"
#include "core/reserve.h"
#include "core/retry.h"
#include "core/setup.h"
#include "core/share.h"
#include "core/siblings.h"
#include "core/signal.h"
#include "core/state.h"
#include "core/submit.h"
#include "core/todo.h"
#include "core/urgent.h"
#include "core/weight.h"
#include "core/would.h"

/* --- what people do to jobs ------------------------------------------------------------------- */

static int not_found(struct err *err, job_id id)
{
    return err_set(err, E_NOT_FOUND, "Job %u is not in the queue.", id);
}

/* At least one of the jobs meant must be in a state the verb can work on. */
static int check_each(const struct core *c, job_id id, uint32_t scope, bool pending, bool busy,
                      struct err *err)
{
    struct each e;
    enum job_state state = JOB_NONE;
    if (scope > 1)
        return err_set(err, E_INVALID, "A scope is 0 (this job) or 1 (its array), not %u.", scope);
    if (!each_first(c, id, scope, &e))
        return not_found(err, id);
    do {
        const struct job *j = &jobs_of(c)[e.slot];
        state = (enum job_state)j->state;
        if ((pending && state == JOB_PENDING) ||
            (busy && job_is_busy(j) && !(state == JOB_COMPLETING && change_stop_is_final(j))))
            return 0;
    } while (each_next(c, &e));
    return err_by_rule(err, err_set(err, E_STATE, "Job %u is %s; that cannot be done to it now.", id, job_state_word(state)),
                       (struct err_rule){ .rule = REFUSED_STATE, .need = state });
}

static void apply_cancel(struct core *c, const struct ev_cancel *ev, struct out *out)
{
    struct each e;
    for (bool more = each_first(c, ev->job, ev->scope, &e); more; more = each_next(c, &e)) {
        if (jobs_of(c)[e.slot].state == JOB_PENDING)
            change_final(c, e.slot, JOB_CANCELLED,
                     ev->rule ? REASON_STOP_RULE : REASON_CANCELLED, out);
        else
            change_stop(c, e.slot, ev->rule ? STOP_RULE : STOP_CANCEL, out);
    }
}

static void apply_requeue(struct core *c, const struct ev_requeue *ev, struct out *out)
{
    struct each e;
    for (bool more = each_first(c, ev->job, ev->scope, &e); more; more = each_next(c, &e)) {
        const struct job *j = &jobs_of(c)[e.slot];
        if (job_is_busy(j) && !(j->state == JOB_COMPLETING && change_stop_is_final(j)))
            change_stop(c, e.slot, STOP_REQUEUE, out);
    }
}

static int check_release(const struct core *c, const struct ev_release *ev, struct err *err)
{
    int r = check_each(c, ev->job, ev->scope, true, false, err);
    uint32_t slot = job_find(c, ev->job);
    if (r == 0 && !ev->scope && !ev->admin && jobs_of(c)[slot].flags & JOB_HELD_ADMIN)
        return err_by_rule(err, err_set(err, E_DENIED, "Job %u is held by an administrator.", ev->job),
                           (struct err_rule){ .rule = REFUSED_ADMIN_HOLD });
    return r;
}

/* Set and clear flags of every pending job meant; first_seq > 0 sends them first. */
static void apply_flags(struct core *c, job_id id, uint32_t scope, uint32_t set, uint32_t clear,
                        uint32_t first_seq)
{
    struct each e;
    for (bool more = each_first(c, id, scope, &e); more; more = each_next(c, &e)) {
        struct job *j = &jobs_of(c)[e.slot];
        if (j->state != JOB_PENDING)
            continue;
        bool let_in = (j->flags & clear) != 0;
        queue_leave(c, e.slot);
        job_open(c, j);
        j->flags = (j->flags | set) & ~clear;
        j->first_seq = first_seq ? first_seq : j->first_seq;
        job_close(c, j);
        if (let_in)
            share_let_in(c, e.slot);
        else
            queue_update(c, e.slot);
    }
}

static int check_set(const struct core *c, const struct ev_set *ev, struct err *err)
{
    static const struct { int64_t min, max; bool busy_too; } may[SET_FIELD_COUNT] = {
        [SET_LIMIT_US] = { 0, INT64_MAX, true }, [SET_NICE] = { INT32_MIN, INT32_MAX, false },
        [SET_BEGIN_AT] = { 0, INT64_MAX, false }, [SET_DEADLINE_AT] = { 0, INT64_MAX, false },
        [SET_ARRAY_MAX] = { 0, UINT32_MAX, true }, [SET_GPUS] = { 0, CORE_GPUS_MAX, false },
        [SET_CPUS] = { 1, CPUS_MAX, false }, [SET_MEM_MIB] = { 0, MEM_MAX_MIB, false },
        [SET_OWNER] = { 1, CORE_PERSONS_MAX, true }, [SET_REVIEWER] = { 0, CORE_PERSONS_MAX, true },
    };
    if (ev->field >= SET_FIELD_COUNT)
        return err_set(err, E_INVALID, "There is no field number %u to set.", ev->field);
    if (ev->value < may[ev->field].min || ev->value > may[ev->field].max)
        return err_by_rule(err, err_set(err, E_INVALID, "The value is not within %lld to %lld.",
                                        (long long)may[ev->field].min, (long long)may[ev->field].max),
                           (struct err_rule){ .rule = REFUSED_RANGE, .limit = may[ev->field].max, .used = may[ev->field].min,
                                              .need = ev->value });
    int r = check_each(c, ev->job, ev->scope, true, may[ev->field].busy_too, err);
    if (r == 0 && ev->field == SET_ARRAY_MAX && array_of(c, ev->job) == NONE)
        return err_set(err, E_STATE, "Job %u is not an array.", ev->job);
    return r;
}

static void set_owner(struct core *c, uint32_t slot, uint16_t owner)
{
    struct job *j = &jobs_of(c)[slot];
    graph_singles_shift(c, j, -1);
    quota_stale(c, &c->persons[j->owner].up); /* what it uses counts for another */
    quota_stale(c, &c->persons[owner].up);
    job_open(c, j);
    j->owner = owner;
    j->singles = j->flags & JOB_SINGLETON ? graph_singles(c, j) : 0;
    job_close(c, j);
    graph_singles_shift(c, j, 1);
}

static void set_field(struct core *c, uint32_t slot, enum set_field field, int64_t value,
                      struct out *out)
{
    struct job *j = &jobs_of(c)[slot];
    bool pending = j->state == JOB_PENDING;
    if (!pending && field != SET_LIMIT_US && field != SET_OWNER && field != SET_REVIEWER)
        return;
    if (field == SET_OWNER) {
        if (pending)
            queue_leave(c, slot);
        set_owner(c, slot, (uint16_t)value);
        queue_update(c, slot);
        return;
    }
    if (pending)
        queue_leave(c, slot);
    job_open(c, j);
    switch (field) {
    case SET_LIMIT_US: j->limit_us = value; break;
    case SET_NICE: j->nice = (int32_t)value; break;
    case SET_BEGIN_AT: j->begin_at = value; j->flags &= ~(uint32_t)JOBX_BEGUN; break;
    case SET_DEADLINE_AT: j->deadline_at = value; break;
    case SET_GPUS: j->gpus = (uint8_t)value; break;
    case SET_CPUS: j->cpus = (uint32_t)value; break;
    case SET_MEM_MIB: j->mem_mib = (uint32_t)value; break;
    case SET_REVIEWER: j->reviewer = (uint16_t)value; break;
    case SET_OWNER: case SET_ARRAY_MAX: case SET_FIELD_COUNT: break;
    }
    job_timers(c, slot);
    job_close(c, j);
    queue_update(c, slot);
    if (!pending && field == SET_LIMIT_US && !(j->flags & JOBX_CANARY))
        change_tell(out, UPDATE_LIMIT, j)->value = value;
}

static void apply_set(struct core *c, const struct ev_set *ev, struct out *out)
{
    struct each e;
    if (ev->field == SET_ARRAY_MAX) {
        uint32_t array = array_of(c, ev->job);
        array_open(c, array);
        arrays_of(c)[array].max = (uint32_t)ev->value;
        array_close(c, array);
        return;
    }
    for (bool more = each_first(c, ev->job, ev->scope, &e); more; more = each_next(c, &e))
        set_field(c, e.slot, (enum set_field)ev->field, ev->value, out);
}

/* --- what becomes of attempts ----------------------------------------------------------------- */

static int check_attempt(const struct core *c, job_id id, uint32_t attempt, bool running_too,
                         struct err *err)
{
    uint32_t slot = job_find(c, id);
    if (slot == NONE)
        return not_found(err, id);
    const struct job *j = &jobs_of(c)[slot];
    if (j->attempt != attempt || !job_is_busy(j))
        return err_set(err, E_STATE, "Attempt %u of job %u is not under way.", attempt, id);
    if (j->state == JOB_RUNNING && !running_too)
        return err_set(err, E_STATE, "Attempt %u of job %u runs already.", attempt, id);
    return 0;
}

static void apply_start_failed(struct core *c, uint32_t slot, enum end_cause cause, struct out *out)
{
    const struct job *j = &jobs_of(c)[slot];
    if (change_stop_is_final(j))
        change_cancelled(c, slot, out);
    else if (j->intent == STOP_REQUEUE)
        change_pending(c, slot, REASON_REQUEUED, 0, out);
    else if (j->intent == STOP_PREEMPT && (cause == END_STOPPED || cause == END_GPU_BUSY))
        change_pending(c, slot, REASON_PREEMPTED, 0, out);
    else if (cause == END_GPU_BUSY)
        change_pending(c, slot, REASON_GPU_TAKEN, GPU_BUSY_BACKOFF_US, out);
    else if (cause == END_STOPPED) /* by a restart of the shell, not by a fault of its own */
        change_pending(c, slot, REASON_REQUEUED, 0, out);
    else if (j->flags & JOBX_CANARY)
        canary_failed(c, slot, out);
    else
        change_failed(c, slot, &(struct failure){ JOB_FAILED, REASON_LAUNCH_FAILED, { RETRY_LAUNCH, 0 }, true },
               out);
}

/* However it ended: who is asked three times is asked no more. */
static void made_way(struct core *c, uint32_t slot)
{
    struct job *j = &jobs_of(c)[slot];
    job_open(c, j);
    j->preempted_n = (uint16_t)(j->preempted_n + (j->preempted_n < UINT16_MAX));
    job_close(c, j);
}

/* It made way.  What it had done is kept if it says it can keep it and left within its grace; work
 * is what history counts, so a resumed run is forecast and recorded as one run. */
static void preempted(struct core *c, uint32_t slot, usec_t ran_us, bool in_grace, struct out *out)
{
    struct job *j = &jobs_of(c)[slot];
    job_open(c, j);
    if (j->preempt == PREEMPT_CHECKPOINT && in_grace)
        j->done_us = usec_min(estimate_work_us(c, j, ran_us), ESTIMATE_MAX_US);
    job_close(c, j);
    made_way(c, slot);
    change_pending(c, slot, REASON_PREEMPTED, 0, out);
}

static void apply_ended(struct core *c, const struct ev_ended *ev, struct out *out)
{
    uint32_t slot = job_find(c, ev->job);
    const struct job *j = &jobs_of(c)[slot];
    enum end_cause cause = (enum end_cause)ev->cause;
    bool sure = !ev->quarantine || MUTANT(c, MUTANT_QUARANTINE); /* never run again what may still be running */
    if ((cause == END_LAUNCH || cause == END_GPU_BUSY) && j->state != JOB_RUNNING && sure) {
        apply_start_failed(c, slot, cause, out);
        return;
    }
    if (j->state == JOB_CONFIGURING) /* so short that nobody saw it start */ {
        usec_t start_at = j->start_at, start_boot_at = j->start_boot_at;
        change_started(c, slot, out);
        job_open(c, j);
        jobs_of(c)[slot].start_at = start_at;
        jobs_of(c)[slot].start_boot_at = start_boot_at;
        job_close(c, j);
    }
    usec_t ran_us = usec_max(c->now_boot_at - j->start_boot_at, 0);
    if (ev->quarantine)
        change_quarantine(c, j);
    if (change_stop_is_final(j) && MUTANT(c, MUTANT_STUCK)) {
        return;
    } else if (change_stop_is_final(j)) {
        change_cancelled(c, slot, out);
    } else if (j->intent == STOP_REQUEUE) {
        if (sure)
            change_pending(c, slot, REASON_REQUEUED, 0, out);
        else
            change_final(c, slot, JOB_NODE_FAIL, REASON_LOST, out);
    } else if (j->intent == STOP_PREEMPT && cause == END_STOPPED) {
        if (sure)
            preempted(c, slot, ran_us, ev->signal != 9, out);
        else
            change_final(c, slot, JOB_NODE_FAIL, REASON_LOST, out);
    } else if (j->flags & JOBX_CANARY && cause != END_STOPPED) {
        if (!sure)
            change_final(c, slot, JOB_NODE_FAIL, REASON_LOST, out);
        else if (cause == END_TIME_LIMIT || (cause == END_EXIT && ev->code == 0))
            canary_passed(c, slot, out);
        else
            canary_failed(c, slot, out);
    } else if (cause == END_EXIT && ev->code == 0 && MUTANT(c, MUTANT_SUCCESS_AGAIN)) {
        change_pending(c, slot, REASON_NONE, 0, out);
    } else if (cause == END_EXIT && ev->code == 0) {
        calibrate_ended(c, j, ran_us, false);
        band_ended(c, j, cause, ran_us);
        share_result(c, j, ran_us);
        estimate_record(c, j, ran_us, ev->watts_mw);
        if (c->settings.fair_milli)
            weight_result(c, slot);
        siblings_went_well(c, slot);
        change_final(c, slot, JOB_COMPLETED, REASON_NONE, out);
    } else if (cause == END_STOPPED) {
        change_final(c, slot, JOB_CANCELLED, REASON_CANCELLED, out);
    } else {
        struct failure f = retry_failure(ev);
        if (j->intent == STOP_PREEMPT)
            made_way(c, slot);
        band_ended(c, j, cause, ran_us);
        if (cause == END_TIME_LIMIT) {
            calibrate_ended(c, j, ran_us, true);
            share_result(c, j, ran_us);
            estimate_record(c, j, ran_us, ev->watts_mw);
        } else
            estimate_record_failure(c, j, cause, ran_us);
        change_failed(c, slot, &f, out);
    }
}

static void apply_lost(struct core *c, const struct ev_lost *ev, struct out *out)
{
    uint32_t slot = job_find(c, ev->job);
    const struct job *j = &jobs_of(c)[slot];
    bool sure = !ev->quarantine || MUTANT(c, MUTANT_QUARANTINE);
    if (ev->quarantine)
        change_quarantine(c, j);
    if (change_stop_is_final(j))
        change_cancelled(c, slot, out);
    else if (sure && j->intent == STOP_PREEMPT) { /* it was to run again; its checkpoints are its own */
        made_way(c, slot);
        change_pending(c, slot, REASON_PREEMPTED, 0, out);
    } else if (MUTANT(c, MUTANT_GUESS_SUCCESS))
        change_final(c, slot, JOB_COMPLETED, REASON_NONE, out);
    else if (sure && (j->intent == STOP_REQUEUE || j->flags & JOB_REQUEUE || MUTANT(c, MUTANT_LOST_AGAIN)))
        change_pending(c, slot, REASON_REQUEUED, 0, out);
    else if (sure && j->flags & JOBX_CANARY)
        canary_failed(c, slot, out);
    else
        change_failed(c, slot, &(struct failure){ JOB_NODE_FAIL, REASON_LOST, { RETRY_NODE, 0 }, sure }, out);
}

/* --- deciding --------------------------------------------------------------------------------- */

static void timers_due(struct core *c, struct out *out)
{
    uint32_t slot;
    while ((slot = job_next_wall(c)) != NONE && job_wall_due(&jobs_of(c)[slot]) <= c->now_at) {
        struct job *j = &jobs_of(c)[slot];
        if (j->deadline_at && j->deadline_at <= c->now_at) {
            change_final(c, slot, JOB_DEADLINE, REASON_DEADLINE, out);
            continue;
        }
        job_open(c, j);
        j->flags |= JOBX_BEGUN;
        job_timers(c, slot);
        job_close(c, j);
        share_let_in(c, slot);
    }
    while ((slot = job_next_boot(c)) != NONE && job_boot_due(&jobs_of(c)[slot]) <= c->now_boot_at) {
        struct job *j = &jobs_of(c)[slot];
        job_open(c, j);
        j->backoff_until_boot_at = 0;
        job_timers(c, slot);
        job_close(c, j);
        queue_update(c, slot);
    }
    graph_delays(c, c->now_boot_at);
}

static void start_job(struct core *c, const struct start *start, uint32_t plan_row, struct out *out)
{
    struct job *j = &jobs_of(c)[start->job];
    job_open(c, j);
    band_starts(c, j, start->canary_us != 0);
    queue_leave(c, start->job);
    j->attempt++;
    if (start->canary_us)
        canary_begins(j);
    change_tell_state(out, j, JOB_CONFIGURING, start->canary_us ? REASON_CANARY : REASON_STARTING);
    j->start_at = c->now_at;
    j->start_boot_at = c->now_boot_at;
    if (start->canary_us)
        j->promised_s = 0; /* it says nothing of how long the run takes */
    else
        calibrate_started(c, j, c->plan_rows[plan_row].end_p90_at - c->now_at);
    would_started(j, start, c->now_at);
    capacity_seize(c, start->job, start->gpu_mask);
    if (j->array != NONE)
        arrays_of(c)[j->array].busy++;
    job_to(c, start->job, JOB_CONFIGURING);
    job_close(c, j);
    for (int i = 0; i < (MUTANT(c, MUTANT_START_TWICE) && j->id % 64 == 63 ? 2 : 1); i++) {
        struct core_update *u = change_tell(out, UPDATE_START, j);
        u->plan_row = MUTANT(c, MUTANT_PLAN_ROW) ? plan_row + 1 : plan_row;
        u->gpus = start->gpu_mask;
        u->value = start->canary_us;
    }
}

static void apply_decide(struct core *c, struct out *out)
{
    struct dispatch d;
    usec_t wall_at, boot_at;
    core_deadline(c, &wall_at, &boot_at);
    c->quiet &= wall_at > c->now_at && boot_at > c->now_boot_at;
    timers_due(c, out);
    reserve_tick(c);
    boost_tick(c);
    todo_decide(c, out);
    plan_decide(c, &d);
    for (uint32_t i = 0; i < d.stops_n; i++) {
        change_stop(c, d.stops[i].job, STOP_PREEMPT, out);
        out->at[out->n - 1].value = jobs_of(c)[d.stops[i].claim].id;
    }
    for (uint32_t i = 0; i < d.starts_n; i++)
        start_job(c, &d.starts[i], i, out);
    if (d.deferred)
        calibrate_deferred(c);
    band_foresee(c);
    c->again_at = d.again_at;
    c->quiet = core_looks_ahead(c);
    c->decisions++;
}

/* --- the two doors ---------------------------------------------------------------------------- */

int core_check(const struct core *c, const struct core_event *ev, struct err *err)
{
    assert(c->magic == CORE_MAGIC);
    int r;
    if (MUTANT(c, MUTANT_CHECK))
        ((struct core *)(uintptr_t)c)->sum++;
    switch (ev->kind) {
    case EVENT_SETTINGS: return setup_check_settings(&ev->settings, err);
    case EVENT_MACHINE:
        if (ev->machine.cpus > CPUS_MAX)
            return err_set(err, E_TOO_LARGE, "A machine has at most %u CPUs here.", CPUS_MAX);
        return 0;
    case EVENT_GPU: return setup_check_gpu(&ev->gpu, err);
    case EVENT_QUEUE: return 0;
    case EVENT_PERSON:
        r = setup_check_person(ev->person.person, err);
        return r < 0 ? r : quota_check_hours(ev->person.quota_hours, ev->person.quota_days, err);
    case EVENT_AVAIL:
        r = setup_check_person(ev->avail.person, err);
        return r < 0 ? r : avail_check(c, &ev->avail, err);
    case EVENT_SUBMIT:
        r = submit_check(c, &ev->submit, err);
        return r < 0 ? r : urgent_check(c, &ev->submit, ev->wall_at, err);
    case EVENT_CANCEL: return check_each(c, ev->cancel.job, ev->cancel.scope, true, true, err);
    case EVENT_HOLD: return check_each(c, ev->hold.job, ev->hold.scope, true, false, err);
    case EVENT_RELEASE: return check_release(c, &ev->release, err);
    case EVENT_FIRST: return check_each(c, ev->first.job, ev->first.scope, true, false, err);
    case EVENT_REQUEUE: return check_each(c, ev->requeue.job, ev->requeue.scope, false, true, err);
    case EVENT_SET: return check_set(c, &ev->set, err);
    case EVENT_SIGNAL: return signal_check(c, &ev->signal, err);
    case EVENT_STARTED: return check_attempt(c, ev->started.job, ev->started.attempt, false, err);
    case EVENT_START_FAILED:
        if (ev->start_failed.cause >= END_CAUSE_COUNT)
            return err_set(err, E_INVALID, "There is no cause number %u.", ev->start_failed.cause);
        return check_attempt(c, ev->start_failed.job, ev->start_failed.attempt, false, err);
    case EVENT_ENDED:
        if (ev->ended.cause >= END_CAUSE_COUNT)
            return err_set(err, E_INVALID, "There is no cause number %u.", ev->ended.cause);
        return check_attempt(c, ev->ended.job, ev->ended.attempt, true, err);
    case EVENT_LOST: return check_attempt(c, ev->lost.job, ev->lost.attempt, true, err);
    case EVENT_PROGRESS:
        if (ev->progress.done_ppm > 1000000)
            return err_set(err, E_INVALID, "Progress of %u ppm is more than all.",
                           ev->progress.done_ppm);
        return check_attempt(c, ev->progress.job, ev->progress.attempt, true, err);
    case EVENT_DECIDE:
        return c->settings_known ? 0
                                 : err_set(err, E_STATE, "Settings must come before a decision.");
    case EVENT_RESERVE: return reserve_check(c, &ev->reserve, err);
    case EVENT_UNRESERVE: return reserve_check_remove(c, &ev->unreserve, err);
    case EVENT_ACCOUNT: return quota_check(&ev->account, err);
    case EVENT_BOOST: return boost_check(c, &ev->boost, ev->wall_at, err);
    case EVENT_UNBOOST: return boost_check_remove(c, &ev->unboost, err);
    case EVENT_TARIFF: return rates_check(&ev->tariff, err);
    case EVENT_POWER: return power_check(&ev->power, err);
    case EVENT_OFFER:
        r = setup_check_person(ev->offer.person, err);
        return r < 0 ? r : offer_check(c, &ev->offer, err);
    case EVENT_TODO_ADD: case EVENT_TODO_DONE: case EVENT_TODO_DROP: case EVENT_TODO_ACCEPT:
    case EVENT_TODO_DECLINE: case EVENT_TODO_SNOOZE: case EVENT_TODO_MOVE: case EVENT_TODO_SET:
        return todo_check(c, ev, err);
    case EVENT_COUNT: break;
    }
    return err_set(err, E_INVALID, "There is no event number %u.", (unsigned)ev->kind);
}

/* The boot clock went back: the machine was started anew.  Lengths already run or waited stay. */
static void rebooted(struct core *c, usec_t boot_at)
{
    usec_t shift = boot_at - c->now_boot_at;
    for (uint32_t at = 0; at < c->by_id_n; at++) {
        if (ids_of(c)[at].slot == NONE)
            continue;
        struct job *j = &jobs_of(c)[ids_of(c)[at].slot];
        if (!job_is_busy(j) && !j->backoff_until_boot_at)
            continue;
        job_open(c, j);
        if (job_is_busy(j))
            j->start_boot_at += shift;
        if (j->stop_boot_at)
            j->stop_boot_at += shift;
        if (j->backoff_until_boot_at)
            j->backoff_until_boot_at = usec_max(j->backoff_until_boot_at + shift, 1);
        job_close(c, j);
    }
    graph_shift_delays(c, shift);
}

static void apply_progress(struct core *c, const struct ev_progress *ev)
{
    struct job *j = &jobs_of(c)[job_find(c, ev->job)];
    job_open(c, j);
    j->done_ppm = estimate_progress(c, j, ev->done_ppm);
    job_close(c, j);
}

static void apply(struct core *c, const struct core_event *ev, struct out *out)
{
    switch (ev->kind) {
    case EVENT_SETTINGS: setup_settings(c, &ev->settings); break;
    case EVENT_MACHINE:
        c->cpus = MUTANT(c, MUTANT_CPUS) ? 2 * ev->machine.cpus : ev->machine.cpus;
        c->mem_mib = MUTANT(c, MUTANT_MEMORY) ? 2 * ev->machine.mem_mib : ev->machine.mem_mib;
        capacity_count(c);
        estimate_renew(c); /* areas are shares of the machine */
        break;
    case EVENT_GPU: setup_gpu(c, &ev->gpu); break;
    case EVENT_QUEUE: c->closed = ev->queue.closed != 0; break;
    case EVENT_PERSON: setup_person(c, &ev->person); break;
    case EVENT_AVAIL:
        avail_set(c, &ev->avail);
        person_changed(c, ev->avail.person);
        break;
    case EVENT_SUBMIT: submit_apply(c, &ev->submit); break;
    case EVENT_CANCEL: apply_cancel(c, &ev->cancel, out); break;
    case EVENT_HOLD:
        apply_flags(c, ev->hold.job, ev->hold.scope, ev->hold.admin ? JOB_HELD_ADMIN : JOB_HELD, 0,
                    0);
        break;
    case EVENT_RELEASE:
        apply_flags(c, ev->release.job, ev->release.scope, 0,
                    JOB_HELD | JOBX_HELD_FAILURES | JOBX_HELD_CANARY | (ev->release.admin ? JOB_HELD_ADMIN : 0), 0);
        break;
    case EVENT_FIRST:
        apply_flags(c, ev->first.job, ev->first.scope, JOB_FIRST, 0, ++c->first_seq);
        break;
    case EVENT_REQUEUE: apply_requeue(c, &ev->requeue, out); break;
    case EVENT_SET: apply_set(c, &ev->set, out); break;
    case EVENT_SIGNAL: signal_apply(c, &ev->signal, out); break;
    case EVENT_STARTED: change_started(c, job_find(c, ev->started.job), out); break;
    case EVENT_START_FAILED:
        apply_start_failed(c, job_find(c, ev->start_failed.job),
                           (enum end_cause)ev->start_failed.cause, out);
        break;
    case EVENT_ENDED: apply_ended(c, &ev->ended, out); break;
    case EVENT_LOST: apply_lost(c, &ev->lost, out); break;
    case EVENT_PROGRESS: apply_progress(c, &ev->progress); break;
    case EVENT_DECIDE: apply_decide(c, out); break;
    case EVENT_RESERVE: reserve_apply(c, &ev->reserve); break;
    case EVENT_UNRESERVE: reserve_apply_remove(c, &ev->unreserve); break;
    case EVENT_ACCOUNT: quota_account(c, &ev->account); break;
    case EVENT_BOOST: boost_apply(c, &ev->boost); break;
    case EVENT_UNBOOST: boost_apply_remove(c, &ev->unboost); break;
    case EVENT_TARIFF: rates_apply(c, &ev->tariff); break;
    case EVENT_POWER: power_apply(c, &ev->power); break;
    case EVENT_OFFER:
        offer_set(c, &ev->offer);
        person_changed(c, ev->offer.person);
        break;
    case EVENT_TODO_ADD: case EVENT_TODO_DONE: case EVENT_TODO_DROP: case EVENT_TODO_ACCEPT:
    case EVENT_TODO_DECLINE: case EVENT_TODO_SNOOZE: case EVENT_TODO_MOVE: case EVENT_TODO_SET:
        todo_apply(c, ev, out);
        break;
    case EVENT_COUNT: break;
    }
}

uint32_t core_updates_max(const struct core *c, const struct core_event *ev)
{
    uint32_t scope = 0, id = 0;
    switch (ev->kind) {
    case EVENT_CANCEL: scope = ev->cancel.scope; id = ev->cancel.job; break;
    case EVENT_REQUEUE: scope = ev->requeue.scope; id = ev->requeue.job; break;
    case EVENT_SET: scope = ev->set.scope; id = ev->set.job; break;
    case EVENT_SIGNAL: scope = ev->signal.scope; id = ev->signal.job; break;
    case EVENT_DECIDE: {
        uint32_t pending = c->state_n[JOB_PENDING];
        return 3 * (pending < STARTS_MAX ? pending : STARTS_MAX) + c->deadlines_n +
               2 * (c->busy_n < STOPS_MAX ? c->busy_n : STOPS_MAX) + c->todos_n;
    }
    default: return 4;
    }
    uint32_t array = scope ? array_of(c, id) : NONE;
    return 2 * (array == NONE ? 1 : arrays_of(c)[array].live) + 2;
}

uint32_t core_step(struct core *c, const struct core_event *ev, struct core_update *updates,
                   uint32_t max)
{
    struct out out = { updates, 0, max };
    assert(core_check(c, ev, NULL) == 0);
    assert(max >= core_updates_max(c, ev));
    if (ev->boot_at < c->now_boot_at)
        rebooted(c, ev->boot_at);
    c->todos_stale |= c->todos_n && ev->wall_at < c->now_at; /* what was under way is to come again */
    c->now_at = ev->wall_at;
    c->now_boot_at = ev->boot_at;
    estimate_tick(c, c->now_at);
    if (power_capped(c))
        power_count(c); /* steps of the cap that are over count no more */
    quota_tick(c);
    c->quiet &= ev->kind == EVENT_DECIDE;
    apply(c, ev, &out);
    quota_know(c);
    return out.n;
}

void core_deadline(const struct core *c, usec_t *ret_wall_at, usec_t *ret_boot_at)
{
    uint32_t wall = job_next_wall(c), boot = job_next_boot(c);
    if (MUTANT(c, MUTANT_TIMER))
        wall = NONE;
    *ret_wall_at =
        usec_min(wall == NONE ? USEC_NEVER : job_wall_due(&jobs_of(c)[wall]), c->again_at);
    *ret_wall_at = MUTANT(c, MUTANT_LOOP) ? c->now_at : usec_min(usec_min(*ret_wall_at, todo_due(c)),
                                                             usec_min(quota_due(c), usec_min(reserve_due(c), boost_due(c))));
    *ret_boot_at = usec_min(boot == NONE ? USEC_NEVER : job_boot_due(&jobs_of(c)[boot]),
                            graph_next_delay(c));
}
