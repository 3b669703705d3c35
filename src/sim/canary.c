/* canary.c - see canary.h. */
#include "sim/canary.h"

#define BREAK(v, rule, ...) verdict_break((v)->verdict, rule, __VA_ARGS__)

static struct ledger_job *task(struct invariant *v, job_id id, struct ledger_job *j, uint32_t i)
{
    return j->array_n ? &v->jobs[j->array + i] : &v->jobs[id];
}

void canary_begun(struct invariant *v, job_id id, struct ledger_job *j, usec_t length_us)
{
    uint32_t n = j->array_n ? j->array_n : 1;
    if (j->canary_us <= 0 || length_us > j->canary_us + USEC_PER_SEC)
        BREAK(v, "canary", "job %u has a canary of %lld s and asked for %lld", id, (long long)(length_us / USEC_PER_SEC),
              (long long)(j->canary_us / USEC_PER_SEC));
    if (j->ever_started)
        BREAK(v, "canary", "job %u has run and gets a canary", id);
    for (uint32_t i = 0; i < n; i++) {
        const struct ledger_job *t = task(v, id, j, i);
        if (t->known && t != j && t->canary && !job_state_is_final(t->state))
            BREAK(v, "canary", "job %u gets a canary beside another of its array", id);
    }
    if (j->proven)
        BREAK(v, "canary", "job %u gets another canary after one that went well", id);
    j->canary = true;
}

static bool went_well(const struct core_event *ev)
{
    return ev->kind == EVENT_ENDED &&
           (ev->ended.cause == END_TIME_LIMIT || (ev->ended.cause == END_EXIT && ev->ended.code == 0));
}

/* Nobody's fault: asked to stop, the GPU was taken, the daemon began anew, or its owner said --requeue. */
static bool says_nothing(const struct core_event *ev, const struct ledger_job *j)
{
    return j->stopping || (ev->kind == EVENT_ENDED && (ev->ended.cause == END_STOPPED || ev->ended.cause == END_GPU_BUSY)) ||
           (ev->kind == EVENT_START_FAILED && ev->start_failed.cause != END_LAUNCH) ||
           (ev->kind == EVENT_LOST && j->flags & JOB_REQUEUE);
}

void canary_back(struct invariant *v, job_id id, struct ledger_job *j, const struct core_update *u)
{
    bool well = went_well(v->ev);
    j->canary = false;
    if (says_nothing(v->ev, j))
        return;
    if (u->reason != (well ? REASON_CANARY : REASON_HELD_CANARY))
        BREAK(v, "canary-held", "the canary of job %u %s, and the job waits for %s", id, well ? "went well" : "failed",
              reason_word(u->reason));
    for (uint32_t i = 0; i < (j->array_n ? j->array_n : 1); i++) {
        struct ledger_job *t = task(v, id, j, i);
        if (!t->known || job_state_is_final(t->state))
            continue;
        if (well)
            t->proven = true;
        else if (t == j || t->state == JOB_PENDING)
            t->canary_held = true;
    }
}

void canary_final(struct invariant *v, job_id id, const struct ledger_job *j)
{
    const struct core_event *ev = v->ev;
    bool quarantine = (ev->kind == EVENT_ENDED && ev->ended.quarantine) || (ev->kind == EVENT_LOST && ev->lost.quarantine);
    if (j->canary && !j->stopping && !quarantine && !(ev->kind == EVENT_ENDED && ev->ended.cause == END_STOPPED))
        BREAK(v, "canary", "job %u is over with its canary", id);
}
