/* chain.c - see chain.h. */
#include "core/chain.h"

#include <string.h>

#include "core/avail.h"
#include "core/band.h"
#include "core/canary.h"
#include "core/estimate.h"
#include "core/graph.h"
#include "core/job.h"
#include "core/odds.h"
#include "core/plan.h"

#define CHAIN_ROUNDS_MAX 64                 /* of links that lead to a later number */
#define CHAIN_STEPS_MAX  UINT64_C(20000000) /* points of the profile looked at: some 50 ms */

/* --- when is what it waits for there? --------------------------------------------------------- */

/* Start or end of one job; USEC_NEVER: not known (yet). */
static usec_t job_point(const struct chain *ch, uint32_t slot, bool start)
{
    const struct plan_row *row = &ch->rows[ch->row_of[slot]];
    if (ch->odds)
        return odds_point(ch->odds, slot, start);
    if (!ch->tried[slot]) /* its times are of an earlier run */
        return USEC_NEVER;
    if (row->reason == REASON_CANARY) { /* the run behind it, if that comes at once */
        struct forecast run = canary_run(ch->c, &jobs_of(ch->c)[slot]);
        usec_t after_at = ch->late ? row->end_p90_at : row->end_p50_at;
        return start ? after_at : usec_add(after_at, ch->late ? run.p90_us : run.p50_us);
    }
    if (start)
        return ch->late ? row->start_p90_at : row->start_at;
    return ch->late ? row->end_p90_at : row->end_p50_at;
}

static usec_t array_point(const struct chain *ch, uint32_t array, bool start)
{
    const struct core *c = ch->c;
    usec_t at = 0;
    for (uint32_t place = job_place_after(c, arrays_of(c)[array].id - 1); place < c->by_id_n && at != USEC_NEVER; place++) {
        uint32_t slot = ids_of(c)[place].slot;
        if (slot == NONE)
            continue;
        if (jobs_of(c)[slot].array != array)
            break;
        at = usec_max(at, job_point(ch, slot, start));
    }
    return at;
}

static usec_t node_at(const struct chain *ch, const struct dep_node *n)
{
    const struct core *c = ch->c;
    bool start = n->kind == DEP_AFTER;
    uint32_t slot = job_find(c, n->target);
    usec_t at = USEC_NEVER;
    if (n->state == NODE_MET)
        return 0;
    if (n->state == NODE_DELAY)
        return usec_add(ch->now_at, usec_max(n->due_boot_at - ch->boot_at, 0));
    if (n->state == NODE_NEVER || n->kind == DEP_AFTERNOTOK)
        return USEC_NEVER; /* nobody forecasts a failure */
    if (n->scope) {
        uint32_t array = array_find(c, n->target);
        at = array == NONE ? USEC_NEVER : array_point(ch, array, start);
    } else if (slot != NONE) {
        at = job_point(ch, slot, start);
    } else if (todo_find(c, n->target) != NONE) {
        at = ch->todos.ends_at[todo_place_after(c, n->target - 1)];
    }
    return start ? usec_add(at, (usec_t)n->delay_s * USEC_PER_SEC) : at;
}

/* "and" over groups of the earliest of each.  Groups are numbered from 0. */
static usec_t list_at(const struct chain *ch, uint32_t first)
{
    const struct core *c = ch->c;
    usec_t at[CORE_DEPS_MAX], all = 0;
    uint32_t n = 0;
    for (uint32_t node = first; node != NONE; node = deps_of(c)[node].next_of_waiter) {
        uint32_t group = deps_of(c)[node].group;
        for (; n <= group && n < CORE_DEPS_MAX; n++)
            at[n] = USEC_NEVER;
        if (group < CORE_DEPS_MAX)
            at[group] = usec_min(at[group], node_at(ch, &deps_of(c)[node]));
    }
    for (uint32_t node = first; node != NONE; node = deps_of(c)[node].next_of_waiter)
        if (deps_of(c)[node].group < CORE_DEPS_MAX)
            all = usec_max(all, at[deps_of(c)[node].group]);
    return all;
}

/* --- placing ---------------------------------------------------------------------------------- */

static bool is_blocked_by_others(const struct job *j, const struct plan_row *row)
{
    return j->state == JOB_PENDING && row->reason == REASON_DEPENDENCY;
}

static usec_t job_ready_at(struct chain *ch, const struct job *j)
{
    usec_t at = usec_max(list_at(ch, j->deps), usec_max(j->begin_at, ch->now_at + 1));
    if (j->array == NONE)
        return at;
    const struct array *a = &arrays_of(ch->c)[j->array];
    if (ch->array != j->array) {
        ch->array = j->array;
        ch->array_n = 0;
        ch->array_at = list_at(ch, a->deps);
    }
    return usec_max(at, ch->array_at);
}

static bool place_job(struct chain *ch, uint32_t slot)
{
    const struct core *c = ch->c;
    const struct job *j = &jobs_of(c)[slot];
    struct plan_row *row = &ch->rows[ch->row_of[slot]];
    struct needs needs = job_needs(c, j);
    struct forecast plain = estimate_forecast(c, j, 0, NULL), told = band_forecast(c, j, 0);
    struct lengths l = { told.p10_us, told.p50_us, told.p90_us };
    usec_t length_us = ch->late ? plain.p90_us : plain.p50_us, from_at = job_ready_at(ch, j);
    uint32_t together = j->array == NONE ? 0 : arrays_of(c)[j->array].max;
    if (from_at == USEC_NEVER)
        return false;
    ch->tried[slot] = 1;
    if (together) /* waves of as many as may run, as for those that can begin */
        from_at = usec_add(from_at, (usec_t)(ch->array_n++ / together) * length_us);
    if (c->closed || !room_fits(&c->up, &needs) || ch->steps > CHAIN_STEPS_MAX)
        return false;
    ch->steps += ch->profile->n;
    usec_t start_at = profile_find(ch->profile, &needs, from_at, length_us);
    if (start_at == USEC_NEVER)
        return false;
    profile_take(ch->profile, &needs, start_at, usec_add(start_at, length_us));
    plan_row_times(c, j, row, ch->late ? row->start_at : start_at,
                   ch->late ? usec_max(row->start_at, start_at) : start_at, &l);
    return true;
}

usec_t chain_place(struct chain *ch, struct profile *p, uint32_t slot, usec_t length_us)
{
    const struct job *j = &jobs_of(ch->c)[slot];
    struct needs needs = job_needs(ch->c, j);
    ch->array = NONE;
    usec_t from_at = job_ready_at(ch, j);
    usec_t start_at = from_at == USEC_NEVER || !room_fits(&ch->c->up, &needs) ? USEC_NEVER : profile_find(p, &needs, from_at, length_us);
    if (start_at != USEC_NEVER)
        profile_take(p, &needs, start_at, usec_add(start_at, length_us));
    return start_at;
}

static bool place_todo(struct chain *ch, uint32_t at)
{
    const struct core *c = ch->c;
    const struct todo *t = &todos_of(c)[todo_ids_of(c)[at]];
    usec_t from_at = list_at(ch, t->deps);
    if (from_at == USEC_NEVER)
        return false;
    ch->todos_tried[at] = true;
    return todo_plan_waiting(&ch->todos, at, from_at) != USEC_NEVER;
}

static bool round_of(struct chain *ch)
{
    const struct core *c = ch->c;
    bool placed = false;
    ch->array = NONE;
    for (uint32_t at = 0; at < c->todos_n; at++) {
        const struct todo *t = &todos_of(c)[todo_ids_of(c)[at]];
        if (!ch->todos_tried[at] && t->dep_state == DEPS_WAIT)
            placed |= place_todo(ch, at);
    }
    for (uint32_t at = 0; at < c->by_id_n && ch->steps <= CHAIN_STEPS_MAX; at++) {
        uint32_t slot = ids_of(c)[at].slot;
        if (slot == NONE || ch->tried[slot])
            continue;
        placed |= place_job(ch, slot);
    }
    return placed;
}

void chain_run(struct chain *ch, struct profile *profile, bool late)
{
    ch->profile = profile;
    ch->late = late;
    ch->steps = 0;
    for (uint32_t at = 0; at < ch->c->by_id_n; at++) {
        uint32_t slot = ids_of(ch->c)[at].slot;
        if (slot != NONE)
            ch->tried[slot] = !is_blocked_by_others(&jobs_of(ch->c)[slot],
                                                    &ch->rows[ch->row_of[slot]]);
    }
    memset(ch->todos_tried, 0, ch->c->todos_n * sizeof *ch->todos_tried);
    for (uint32_t i = 0; i < CHAIN_ROUNDS_MAX && round_of(ch); i++)
        ;
}
