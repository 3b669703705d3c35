/* check.c - every invariant of the core (doc/events.md), recomputed from the records alone. */
#include "core/avail.h"
#include "core/band.h"
#include "core/capacity.h"
#include "core/estimate.h"
#include "core/graph.h"
#include "core/job.h"
#include "core/order.h"
#include "core/offer.h"
#include "core/person.h"
#include "core/power.h"
#include "core/queue.h"
#include "core/quota.h"
#include "core/rates.h"
#include "core/todo.h"

static const char *check_ids(const struct core *c)
{
    const struct id_entry *ids = ids_of(c);
    uint32_t live = 0, dead = 0;
    for (uint32_t i = 0; i < c->by_id_n; i++) {
        if (i > 0 && ids[i - 1].id >= ids[i].id)
            return "Job ids are not in order.";
        if (ids[i].slot == NONE) {
            dead++;
            continue;
        }
        live++;
        if (ids[i].slot >= c->jobs_used || jobs_of(c)[ids[i].slot].id != ids[i].id)
            return "An id leads to another job's record.";
    }
    if (live != c->jobs_n || dead != c->by_id_dead)
        return "The number of live jobs is not kept.";
    return NULL;
}

static const char *check_gpus(const struct core *c)
{
    uint64_t taken = 0;
    for (uint32_t at = 0; at < c->by_id_n; at++) {
        if (ids_of(c)[at].slot == NONE)
            continue;
        const struct job *j = &jobs_of(c)[ids_of(c)[at].slot];
        if (!job_is_busy(j)) {
            if (j->gpu_mask)
                return "A job that does not run holds GPUs.";
            continue;
        }
        if (j->gpu_mask & taken)
            return "A GPU is given to two jobs.";
        taken |= j->gpu_mask;
        if (__builtin_popcountll(j->gpu_mask) != j->gpus)
            return "A running job has another number of GPUs than it asked for.";
        for (uint64_t mask = j->gpu_mask; mask; mask &= mask - 1) {
            const struct gpu *g = &c->gpus[__builtin_ctzll(mask)];
            if (!g->known || g->job != ids_of(c)[at].slot)
                return "A running job's GPU does not know it.";
        }
    }
    for (uint32_t i = 0; i < CORE_GPUS_MAX; i++)
        if ((c->gpus[i].job != NONE) != (taken >> i & 1))
            return "A GPU is kept for a job that does not run on it.";
    return NULL;
}

/* Sums over the live jobs. */
static const char *check_sums(const struct core *c)
{
    uint32_t state_n[JOB_STATE_COUNT] = { 0 }, held = 0, deadlines = 0, singletons = 0;
    uint32_t running[CORE_PERSONS_MAX + 1] = { 0 }, gpus[CORE_PERSONS_MAX + 1] = { 0 };
    uint32_t queued[CORE_PERSONS_MAX + 1] = { 0 }, single[CORE_PERSONS_MAX + 1] = { 0 }, of_account[ACCOUNTS_MAX + 1] = { 0 };
    int64_t cpus = c->up.cpus, mem = c->up.mem_mib;
    uint64_t booked = 0;
    for (uint32_t at = 0; at < c->by_id_n; at++) {
        if (ids_of(c)[at].slot == NONE)
            continue;
        const struct job *j = &jobs_of(c)[ids_of(c)[at].slot];
        bool pending = j->state == JOB_PENDING, busy = job_is_busy(j);
        if (!pending && !busy)
            return "A live job is in no live state.";
        state_n[j->state]++;
        held += pending && j->flags & (JOB_HELD | JOB_HELD_ADMIN);
        deadlines += pending && j->deadline_at;
        singletons += pending && j->flags & JOB_SINGLETON;
        queued[j->owner] += pending;
        single[j->owner] += pending && j->flags & JOB_SINGLETON;
        running[j->owner] += busy;
        gpus[j->owner] += busy ? j->gpus : 0;
        of_account[j->account] += busy ? j->gpus : 0;
        cpus -= busy ? j->cpus : 0;
        mem -= busy ? j->mem_mib : 0;
        if (!busy && j->booked_w)
            return "A job that does not run has power booked.";
        booked += j->booked_w;
    }
    for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++) {
        const struct person *p = &c->persons[i];
        if (p->running != running[i] || p->gpus != gpus[i] || p->queued != queued[i] || p->singletons != single[i])
            return "A person's running and waiting jobs are miscounted.";
    }
    for (uint32_t i = 0; i <= ACCOUNTS_MAX; i++)
        if (c->accounts[i].gpus != of_account[i])
            return "An account's GPUs are miscounted.";
    if (!quota_known_well(c))
        return "A quota is used up and not known to be, or the other way round.";
    for (uint32_t i = 0; i < JOB_STATE_COUNT; i++)
        if (c->state_n[i] != state_n[i])
            return "Jobs are miscounted by state.";
    if (held != c->held_n || deadlines != c->deadlines_n || singletons != c->singletons_n)
        return "Held jobs, deadlines or singletons are miscounted.";
    if (cpus != c->free.cpus || mem != c->free.mem_mib)
        return "Free CPUs or memory are miscounted.";
    if (booked != c->busy_w)
        return "The power that is booked is miscounted.";
    return NULL;
}

static uint64_t conditions_hash(const struct core *c, uint32_t first)
{
    uint64_t sum = 0;
    for (uint32_t n = first; n != NONE; n = deps_of(c)[n].next_of_waiter)
        sum += node_hash(c, &deps_of(c)[n]);
    return sum;
}

static const char *check_hash(const struct core *c)
{
    uint64_t sum = rates_hash(c) + band_hash(c) + power_hash(c);
    for (uint32_t at = 0; at < c->by_id_n; at++) {
        uint32_t slot = ids_of(c)[at].slot;
        if (slot != NONE)
            sum += job_hash(&jobs_of(c)[slot]) + conditions_hash(c, jobs_of(c)[slot].deps);
    }
    for (uint32_t i = 0; i < c->arrays_used; i++)
        if (arrays_of(c)[i].id)
            sum += array_hash(&arrays_of(c)[i]) + conditions_hash(c, arrays_of(c)[i].deps);
    for (uint32_t i = 0; i < c->todos_n; i++) {
        const struct todo *t = &todos_of(c)[todo_ids_of(c)[i]];
        sum += todo_hash(t) + conditions_hash(c, t->deps);
    }
    for (uint32_t i = 0; i < c->groups_used; i++)
        sum += groups_of(c)[i].key ? group_hash(&groups_of(c)[i]) : 0;
    for (uint32_t i = 0; i < CORE_GPUS_MAX; i++)
        sum += gpu_hash(c, i);
    for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++)
        sum += person_hash(c, i);
    for (uint32_t i = 0; i <= ACCOUNTS_MAX; i++)
        sum += account_hash(c, i);
    persons_settle((struct core *)c);
    return sum == c->sum ? NULL : "The incremental hash is not the hash of the records.";
}

static const char *check_room(const struct core *c)
{
    uint64_t up = 0, free = 0;
    for (uint32_t i = 0; i < CORE_GPUS_MAX; i++) {
        const struct gpu *g = &c->gpus[i];
        if (!g->known || g->state != GPU_UP)
            continue;
        up += UINT64_C(1) << (8 * (g->type - 1));
        free += g->job == NONE ? UINT64_C(1) << (8 * (g->type - 1)) : 0;
    }
    return up == c->up.gpus && free == c->free.gpus ? NULL : "Free GPUs are miscounted.";
}

/* In line exactly if nothing blocks it, and lists in their order. */
static const char *check_queue(const struct core *c)
{
    uint32_t in_classes = 0;
    for (uint32_t at = 0; at < c->by_id_n; at++) {
        uint32_t slot = ids_of(c)[at].slot;
        if (slot == NONE)
            continue;
        const struct job *j = &jobs_of(c)[slot];
        bool in_line = j->state == JOB_PENDING && queue_blocked(c, j) == REASON_NONE;
        if (in_line && j->class == NONE)
            return "A job that could start is forgotten by the queue.";
        if (!in_line && j->class != NONE)
            return "A job stands in line that may not start.";
        in_classes += in_line;
        if (j->state == JOB_PENDING && j->dep_state != graph_state(c, j->deps))
            return "A job's dependencies were not judged again.";
        if ((job_wall_due(j) != USEC_NEVER) != (j->heap_wall != NONE) ||
            (job_boot_due(j) != USEC_NEVER) != (j->heap_boot != NONE))
            return "A job's timer is not set.";
        if (j->flags & JOB_SINGLETON && j->state == JOB_PENDING &&
            j->singles != graph_singles(c, j))
            return "A singleton's namesakes are miscounted.";
    }
    for (uint32_t i = 0; i < c->classes_n; i++) {
        const struct job_class *class = &classes_of(c)[classes_live_of(c)[i]];
        uint32_t n = 0, last = NONE;
        for (uint32_t slot = class->head; slot != NONE; slot = jobs_of(c)[slot].next, n++) {
            const struct job *j = &jobs_of(c)[slot], *l = last == NONE ? NULL : &jobs_of(c)[last];
            if (j->class != classes_live_of(c)[i] || j->prev != last)
                return "A class's list is torn.";
            if (l &&
                (l->submit_at > j->submit_at || (l->submit_at == j->submit_at && l->id > j->id)))
                return "A class's list is out of order.";
            last = slot;
        }
        if (n != class->n || n == 0 || class->tail != last)
            return "A class is miscounted.";
        in_classes -= n;
    }
    return in_classes == 0 ? NULL : "A class holds a job that is not in line.";
}

static const char *check_timers(const struct core *c)
{
    for (uint32_t i = 1; i < c->wall_n; i++)
        if (job_wall_due(&jobs_of(c)[wall_heap_of(c)[i]]) <
            job_wall_due(&jobs_of(c)[wall_heap_of(c)[(i - 1) / 2]]))
            return "The timers on the wall clock are out of order.";
    for (uint32_t i = 1; i < c->boot_n; i++)
        if (job_boot_due(&jobs_of(c)[boot_heap_of(c)[i]]) <
            job_boot_due(&jobs_of(c)[boot_heap_of(c)[(i - 1) / 2]]))
            return "The timers on the boot clock are out of order.";
    return NULL;
}

static const char *check_arrays(const struct core *c)
{
    for (uint32_t i = 0; i < c->arrays_used; i++) {
        const struct array *a = &arrays_of(c)[i];
        uint32_t live = 0, busy = 0, unstarted = 0;
        if (a->id == 0)
            continue;
        for (uint32_t at = job_place_after(c, a->id - 1); at < c->by_id_n; at++) {
            if (ids_of(c)[at].slot == NONE)
                continue;
            const struct job *j = &jobs_of(c)[ids_of(c)[at].slot];
            if (j->array != i)
                break;
            live++;
            busy += job_is_busy(j);
            unstarted += !(j->flags & JOBX_RAN);
        }
        if (live == 0 || live != a->live || busy != a->busy || unstarted != a->unstarted)
            return "An array's tasks are miscounted.";
        if (a->dep_state != graph_state(c, a->deps))
            return "An array's dependencies were not judged again.";
    }
    return NULL;
}

/* Pieces as the last decision kept them.  One that has begun was sound when it was planned. */
static const char *check_piece(const struct core *c, const struct todo *t)
{
    const struct offer *o = offer_at(c, t->next_who, t->next_from_at);
    bool own = t->pin_at && t->flags & TODO_ACCEPTED;
    if (t->next_from_at >= t->next_until_at)
        return "A todo's next piece ends before it begins.";
    if (t->next_from_at <= c->now_at)
        return NULL;
    if (t->dep_state != DEPS_MET)
        return "A todo has a time before what it waits for.";
    if (own && t->next_from_at != t->pin_at)
        return "A todo is not where its person put it.";
    if (!own && (!o || t->next_until_at > o->until_at))
        return "A todo lies outside its person's offered hours.";
    if (t->next_from_at < t->not_before_at && t->next_from_at != t->pin_at)
        return "A todo comes before it may.";
    return NULL;
}

/* A piece that is still to come keeps its day within the cap. */
static bool over_cap(const struct core *c, const struct todo *t)
{
    const struct person *p = &c->persons[t->next_who];
    usec_t sum_us = p->worked_day == t->next_day ? p->worked_us : 0;
    if (p->cap_us == 0 || t->next_from_at <= c->now_at || (t->pin_at && t->flags & TODO_ACCEPTED))
        return false;
    for (uint32_t i = 0; i < c->todos_n; i++) {
        const struct todo *other = &todos_of(c)[todo_ids_of(c)[i]];
        if (other->next_who == t->next_who && other->next_day == t->next_day)
            sum_us += other->next_until_at - other->next_from_at;
    }
    return sum_us > p->cap_us;
}

static const char *check_todos(const struct core *c)
{
    for (uint32_t i = 0; i < c->todos_n; i++) {
        const struct todo *t = &todos_of(c)[todo_ids_of(c)[i]];
        if (i && t->id <= todos_of(c)[todo_ids_of(c)[i - 1]].id)
            return "Todos are out of order.";
        if (job_find(c, t->id) != NONE)
            return "A job and a todo have one number.";
        if (t->dep_state != graph_state(c, t->deps))
            return "A todo's dependencies were not judged again.";
        const char *broken = t->next_who && !c->todos_stale ? check_piece(c, t) : NULL;
        if (broken)
            return broken;
        if (t->next_who && !c->todos_stale && over_cap(c, t))
            return "A person's day holds more than its cap.";
        for (uint32_t k = 0; k < i && t->next_who && !c->todos_stale; k++) {
            const struct todo *other = &todos_of(c)[todo_ids_of(c)[k]];
            if (other->next_who == t->next_who && other->next_from_at < t->next_until_at &&
                t->next_from_at < other->next_until_at)
                return "A person has two todos at one time.";
        }
    }
    return NULL;
}

const char *core_broken_but_hash(const struct core *c)
{
    const char *broken = check_ids(c);
    if (!broken)
        broken = check_gpus(c);
    if (!broken)
        broken = check_sums(c);
    if (!broken)
        broken = check_room(c);
    if (!broken)
        broken = check_queue(c);
    if (!broken)
        broken = order_broken(c);
    if (!broken)
        broken = check_timers(c);
    if (!broken)
        broken = check_arrays(c);
    if (!broken)
        broken = check_todos(c);
    return broken;
}

const char *core_broken(const struct core *c)
{
    const char *broken = core_broken_but_hash(c);
    return broken ? broken : check_hash(c);
}
