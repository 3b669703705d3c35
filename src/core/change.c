/* change.c - see change.h. */
#include "core/change.h"

#include <assert.h>

#include "core/capacity.h"
#include "core/graph.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/person.h"
#include "core/queue.h"
#include "core/quota.h"
#include "core/share.h"
#include "core/siblings.h"

/* --- updates ---------------------------------------------------------------------------------- */

struct core_update *change_tell(struct out *out, enum update_kind kind, const struct job *j)
{
    assert(out->n < out->max);
    struct core_update *u = &out->at[out->n++];
    *u = (struct core_update){ .kind = (uint8_t)kind, .attempt = j->attempt, .job = j->id };
    return u;
}

void change_tell_state(struct out *out, const struct job *j, enum job_state to, enum reason reason)
{
    struct core_update *u = change_tell(out, UPDATE_STATE, j);
    u->from = j->state;
    u->to = (uint8_t)to;
    u->reason = (uint8_t)reason;
}

/* --- state changes ---------------------------------------------------------------------------- */

static void leave_machine(struct core *c, uint32_t slot)
{
    struct job *j = &jobs_of(c)[slot];
    if (!job_is_busy(j))
        return;
    share_used(c, j);
    quota_used(c, j);
    capacity_release(c, slot);
    if (j->array != NONE)
        arrays_of(c)[j->array].busy--;
}

static void first_run(struct core *c, struct job *j)
{
    if (j->flags & JOBX_RAN)
        return;
    j->flags |= JOBX_RAN;
    if (j->array != NONE)
        arrays_of(c)[j->array].unstarted--;
}

void change_final(struct core *c, uint32_t slot, enum job_state to, enum reason reason, struct out *out)
{
    struct job *j = &jobs_of(c)[slot];
    bool never_ran = !(j->flags & JOBX_RAN);
    change_tell_state(out, j, to, reason);
    job_open(c, j);
    queue_leave(c, slot);
    leave_machine(c, slot);
    job_to(c, slot, to);
    graph_drop(c, slot, WAITER_JOB);
    graph_singles_shift(c, j, -1);
    if (j->array != NONE) {
        struct array *a = &arrays_of(c)[j->array];
        array_open(c, j->array);
        a->live--;
        a->failed += to != JOB_COMPLETED && reason != REASON_STOP_RULE;
        array_close(c, j->array);
        first_run(c, j);
    }
    graph_ended(c, slot, never_ran);
    uint32_t array = j->array;
    if (MUTANT(c, MUTANT_FINAL) && to == JOB_COMPLETED)
        change_tell_state(out, j, to, reason);
    job_free(c, slot);
    if (array != NONE)
        array_free_if_done(c, array);
}

void change_pending(struct core *c, uint32_t slot, enum reason reason, usec_t backoff_us, struct out *out)
{
    struct job *j = &jobs_of(c)[slot];
    change_tell_state(out, j, JOB_PENDING, reason);
    job_open(c, j);
    leave_machine(c, slot);
    j->intent = STOP_NONE;
    j->flags &= ~(uint32_t)JOBX_CANARY;
    j->start_at = j->start_boot_at = j->stop_boot_at = 0;
    j->done_ppm = 0;
    if (j->flags & JOB_SINGLETON) /* an earlier one may have come back under its id meanwhile */
        j->singles = graph_singles(c, j);
    j->backoff_until_boot_at =
        backoff_us > 0 && !MUTANT(c, MUTANT_BACKOFF) ? usec_max(usec_add(c->now_boot_at, backoff_us), 1) : 0;
    job_to(c, slot, JOB_PENDING);
    job_close(c, j);
    if (!MUTANT(c, MUTANT_REQUEUE_LOST))
        queue_update(c, slot);
}

void change_failed(struct core *c, uint32_t slot, const struct failure *f, struct out *out)
{
    struct job *j = &jobs_of(c)[slot];
    if (!f->may_retry || !retry_left(j, &f->end) || MUTANT(c, MUTANT_RETRY_DENIED)) {
        siblings_failed(c, slot, &f->end, j->retries_used == 0);
        change_final(c, slot, f->state, f->reason, out);
        return;
    }
    bool first = j->retries_used == 0;
    usec_t backoff = j->backoff_us;
    for (uint32_t i = 0; i < j->retries_used && i < BACKOFF_FOLD_MAX; i++)
        backoff = usec_add(backoff, backoff);
    job_open(c, j);
    if (!MUTANT(c, MUTANT_RETRY_ENDLESS))
        retry_spend(j, &f->end);
    j->retries_used = (uint8_t)(j->retries_used + (j->retries_used < UINT8_MAX));
    job_close(c, j);
    change_pending(c, slot, f->reason, backoff, out);
    siblings_failed(c, slot, &f->end, first); /* held with them, if it comes to that */
}

bool change_stop_is_final(const struct job *j)
{
    return j->intent == STOP_CANCEL || j->intent == STOP_RULE;
}

static enum reason stop_reason(uint32_t intent)
{
    return intent == STOP_CANCEL ? REASON_CANCELLED
         : intent == STOP_RULE ? REASON_STOP_RULE
         : intent == STOP_PREEMPT ? REASON_PREEMPTED : REASON_REQUEUED;
}

void change_cancelled(struct core *c, uint32_t slot, struct out *out)
{
    change_final(c, slot, JOB_CANCELLED, stop_reason(jobs_of(c)[slot].intent), out);
}

void change_stop(struct core *c, uint32_t slot, enum stop_intent intent, struct out *out)
{
    struct job *j = &jobs_of(c)[slot];
    enum reason reason = stop_reason(intent);
    if (j->state != JOB_COMPLETING)
        change_tell_state(out, j, JOB_COMPLETING, reason);
    change_tell(out, UPDATE_STOP, j)->reason = (uint8_t)reason;
    job_open(c, j);
    j->intent = (uint8_t)intent;
    j->stop_boot_at = intent == STOP_PREEMPT ? usec_max(c->now_boot_at, 1) : 0;
    if (j->state != JOB_COMPLETING)
        job_to(c, slot, JOB_COMPLETING);
    job_close(c, j);
}

void change_started(struct core *c, uint32_t slot, struct out *out)
{
    struct job *j = &jobs_of(c)[slot];
    bool configuring = j->state == JOB_CONFIGURING;
    for (int i = 0; configuring && i < (MUTANT(c, MUTANT_TRANSITION) ? 2 : 1); i++)
        change_tell_state(out, j, JOB_RUNNING, j->flags & JOBX_CANARY ? REASON_CANARY : REASON_NONE);
    job_open(c, j);
    j->start_at = c->now_at;
    j->start_boot_at = c->now_boot_at;
    bool canary = j->flags & JOBX_CANARY; /* who waits for its start waits for the run's */
    if (!canary)
        first_run(c, j);
    if (configuring)
        job_to(c, slot, JOB_RUNNING);
    job_close(c, j);
    if (!canary)
        graph_started(c, slot);
}

void change_quarantine(struct core *c, const struct job *j)
{
    for (uint64_t mask = j->gpu_mask; mask; mask &= mask - 1) {
        uint32_t gpu = (uint32_t)__builtin_ctzll(mask);
        if (c->gpus[gpu].state != GPU_UP)
            continue;
        c->sum -= gpu_hash(c, gpu);
        c->gpus[gpu].state = (uint8_t)GPU_QUARANTINED;
        c->sum += gpu_hash(c, gpu);
    }
    capacity_count(c);
}
