/* conditions.c - see conditions.h. */
#include "sim/conditions.h"

/* Could one target meet it, having been what it has been?  A start may be judged by the first time its
 * target ran, or by any other; `surely` asks whether nobody could think otherwise. */
static bool target_met(const struct ledger_job *t, const struct dep *d, usec_t boot_at, bool surely)
{
    usec_t delay_us = (usec_t)d->delay_s * USEC_PER_SEC;
    switch ((enum dep_kind)d->kind) {
    case DEP_AFTEROK:
        return surely ? t->state == JOB_COMPLETED : t->ever_ok;
    case DEP_AFTERNOTOK:
        return surely ? job_state_is_final(t->state) && t->state != JOB_COMPLETED : t->ever_bad;
    case DEP_AFTERANY:
        return surely ? job_state_is_final(t->state) : t->ever_ok || t->ever_bad;
    case DEP_AFTER:
        if (surely)
            return t->state != JOB_PENDING && t->state != JOB_CONFIGURING
                   && boot_at >= t->last_boot_at + delay_us;
        return t->ever_ok || t->ever_bad
               || (t->ever_started && boot_at >= t->start_boot_at + delay_us);
    case DEP_KIND_COUNT:
        break;
    }
    return false;
}

/* Of an array every task must have ended well for afterok, must have ended for afterany, must have
 * begun for after; one that ended badly is enough for afternotok once all have ended (of which, when
 * some tasks were asked to run again, nobody can be sure). */
static bool dep_met(const struct invariant *v, const struct dep *d, usec_t boot_at, bool surely)
{
    const struct ledger_job *first = invariant_job(v, d->job);
    const struct hands_todo *todo = hands_of(v, d->job);
    if (todo) { /* done is its start and its good end, dropped its bad one; one that was over when it was named is waited
                 * for no longer, as a job */
        bool delayed = d->kind == DEP_AFTER && d->outcome == DEP_LIVE;
        usec_t delay_us = delayed ? (usec_t)d->delay_s * USEC_PER_SEC : 0;
        bool over = todo->state != TODO_OPEN && boot_at >= todo->end_boot_at + delay_us;
        return d->kind == DEP_AFTEROK ? todo->state == TODO_DONE
             : d->kind == DEP_AFTERNOTOK ? todo->state == TODO_DROPPED : over;
    }
    if (!first)
        return true; /* not ours to judge: a job from before this world */
    if (!d->scope)
        return target_met(first, d, boot_at, surely);
    bool all = true, any_bad = false;
    for (uint32_t i = 0; i < first->array_n; i++) {
        const struct ledger_job *t = invariant_job(v, d->job + i);
        any_bad |= t->ever_bad;
        if (d->kind == DEP_AFTERNOTOK)
            all &= (t->ever_ok || t->ever_bad) && !surely;
        else
            all &= target_met(t, d, boot_at, surely);
    }
    return d->kind == DEP_AFTERNOTOK ? all && any_bad : all;
}

bool conditions_met(const struct invariant *v, const struct ledger_job *j, usec_t boot_at,
                     bool surely)
{
    for (uint32_t i = 0; i < j->deps_n; i++) {
        const struct dep *d = &v->deps[j->deps_at + i];
        bool met = false;
        for (uint32_t k = 0; k < j->deps_n; k++) {
            const struct dep *other = &v->deps[j->deps_at + k];
            if (other->group == d->group)
                met |= dep_met(v, other, boot_at, surely);
        }
        if (!met)
            return false;
    }
    return true;
}

bool conditions_clear(const struct invariant *v, const struct ledger_job *j)
{
    if (j->ever_started && j->array_waits)
        return false;
    for (uint32_t i = 0; i < j->deps_n; i++) {
        const struct dep *d = &v->deps[j->deps_at + i];
        const struct ledger_job *t = invariant_job(v, d->job);
        for (uint32_t k = 0; t && k < (d->scope ? t->array_n : 1); k++) {
            const struct ledger_job *one = invariant_job(v, d->job + k);
            if (one->ever_ok && one->ever_bad)
                return false;
        }
    }
    return true;
}

bool conditions_single(const struct invariant *v, job_id id, const struct ledger_job *j)
{
    if (!(j->flags & JOB_SINGLETON))
        return true;
    for (job_id other = 1; other < id; other++) {
        const struct ledger_job *o = invariant_job(v, other);
        if (!o || o->owner != j->owner || o->name_key != j->name_key)
            continue;
        if (!job_state_is_final(o->state))
            return false;
    }
    return true;
}
