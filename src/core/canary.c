/* canary.c - see canary.h. */
#include "core/canary.h"

#include "core/avail.h"
#include "core/change.h"
#include "core/each.h"
#include "core/estimate.h"
#include "core/mutant.h"
#include "core/queue.h"
#include "core/run.h"
#include "core/search.h"
#include "core/siblings.h"

usec_t canary_asked(const struct job *j) { return usec_min(usec_max(j->canary_us, 0), CORE_CANARY_MAX_US); }

uint32_t canary_wants(const struct core *c, const struct job *j)
{
    if (!c->settings.canary || j->flags & (JOBX_RAN | JOBX_CANARY) ||
        (j->flags & JOBX_PROVEN && !MUTANT(c, MUTANT_CANARY_AGAIN)))
        return 0;
    return (uint32_t)((canary_asked(j) + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

enum canary_state canary_of(const struct core *c, const struct job *j)
{
    return j->flags & JOBX_CANARY        ? CANARY_RUNS
         : j->flags & JOBX_HELD_CANARY ? CANARY_FAILED
         : j->flags & JOBX_PROVEN      ? CANARY_PASSED
         : canary_wants(c, j)          ? CANARY_WANTED : CANARY_NONE;
}

/* --- when ------------------------------------------------------------------------------------- */

/* The half hour after a submit counts (avail.h). */
static bool is_there(const struct core *c, const struct class_key *key, usec_t from_at, usec_t length_us)
{
    usec_t until_at = usec_add(from_at, length_us);
    return until_at <= class_presence_at(key) || until_at <= avail_present_until(c, key->owner, from_at);
}

static usec_t length_of(const struct class_key *key) { return (usec_t)key->canary_s * USEC_PER_SEC; }

bool canary_can(const struct core *c, const struct class_key *key, usec_t now_at)
{
    return key->canary_s && is_there(c, key, now_at, length_of(key));
}

/* Its processes need a moment to leave. */
static usec_t room_until(const struct run *r, const struct class_key *key)
{
    return usec_add(r->ctx->now_at, length_of(key) + STOP_GRACE_US);
}

static bool is_started(const struct run *r, uint32_t slot)
{
    for (uint32_t i = 0; i < r->d->starts_n; i++)
        if (r->d->starts[i].job == slot)
            return true;
    return false;
}

/* A sibling's canary stands for it: one that runs, or begins now. */
static bool sibling_tries(const struct run *r, const struct job *j)
{
    const struct core *c = r->ctx->core;
    for (uint32_t i = 0; j->array_id && i < c->busy_n + r->d->starts_n; i++) {
        bool now = i >= c->busy_n;
        const struct job *other = &jobs_of(c)[now ? r->d->starts[i - c->busy_n].job : busy_of(c)[i]];
        if (other->array_id == j->array_id && (now ? r->d->starts[i - c->busy_n].canary_us != 0
                                                   : (other->flags & JOBX_CANARY) != 0))
            return true;
    }
    return false;
}

/* When it is known to start, as this decision sees it; USEC_NEVER. */
static usec_t starts_at(const struct run *r, uint32_t slot)
{
    for (uint32_t i = 0; i < r->d->placed_n; i++)
        if (r->s->search->jobs[i].key.job == slot)
            return r->s->search->jobs[i].at;
    return slot == r->d->reserved ? r->d->reserved_at : USEC_NEVER;
}

/* Its canary would be worth having, and fits into what is free. */
static bool is_candidate(const struct run *r, const struct job_class *class, uint32_t slot)
{
    const struct core *c = r->ctx->core;
    const struct class_key *key = &class->key;
    struct needs needs = class_needs(c, key);
    uint32_t at = (uint32_t)(class - classes_of(c));
    usec_t start_at = starts_at(r, slot);
    return canary_can(c, key, r->ctx->now_at) && dispatch_fits_now(r, &needs) &&
           avail_present_until(c, key->owner, r->ctx->now_at) != USEC_NEVER &&
           dispatch_view(c, r->s, at)->node_us[NODES / 2] > length_of(key) &&
           (start_at == USEC_NEVER || !is_there(c, key, start_at, length_of(key))) &&
           !sibling_tries(r, &jobs_of(c)[slot]);
}

/* The next by id of the classes' heads that are not started: NONE if there is none. */
static uint32_t next_candidate(const struct run *r, job_id after)
{
    const struct core *c = r->ctx->core;
    uint32_t best = NONE;
    for (uint32_t i = 0; i < c->classes_n; i++) {
        const struct job_class *class = &classes_of(c)[classes_live_of(c)[i]];
        uint32_t slot = class->key.canary_s ? class->head : NONE;
        while (slot != NONE && (is_started(r, slot) || (jobs_of(c)[slot].id <= after && !class->key.array_id)))
            slot = jobs_of(c)[slot].next;
        if (slot == NONE || jobs_of(c)[slot].id <= after || (best != NONE && jobs_of(c)[best].id < jobs_of(c)[slot].id) ||
            !is_candidate(r, class, slot))
            continue;
        best = slot;
    }
    return best;
}

/* Room that nobody's place or reservation needs meanwhile, taken. */
static bool takes_gap(struct run *r, const struct class_key *key, const struct needs *needs)
{
    usec_t now_at = r->ctx->now_at, until_at = room_until(r, key);
    if (r->d->placed_n) {
        struct profile *p = &r->s->search->profile;
        if (p->n + 2 > p->max || profile_find(p, needs, now_at, until_at - now_at) != now_at)
            return false;
        profile_take(p, needs, now_at, until_at);
        return true;
    }
    return !r->blocked || (r->ctx->ops->overtakes && until_at <= r->d->reserved_at);
}

void canary_start(struct run *r)
{
    const struct core *c = r->ctx->core;
    uint32_t slot, begun = 0;
    if (r->quiet || c->canaries_n == 0)
        return;
    for (job_id after = 0; begun < CANARY_MOST && r->d->starts_n < STARTS_MAX &&
                           (slot = next_candidate(r, after)) != NONE; after = jobs_of(c)[slot].id) {
        const struct job_class *class = &classes_of(c)[jobs_of(c)[slot].class];
        struct needs needs = class_needs(c, &class->key);
        struct order_key key = { .job = slot, .class = jobs_of(c)[slot].class };
        if (dispatch_limited_now(r, class) != REASON_NONE || !takes_gap(r, &class->key, &needs))
            continue;
        dispatch_start(r, &key, &needs);
        r->d->starts[r->d->starts_n - 1].canary_us = length_of(&class->key);
        if (r->d->reserved == slot)
            r->d->reserved = NONE; /* it has a row already */
        begun++;
    }
}

usec_t canary_again(const struct run *r)
{
    const struct core *c = r->ctx->core;
    usec_t again_at = USEC_NEVER;
    for (uint32_t i = 0; c->canaries_n && i < c->classes_n; i++) {
        const struct class_key *key = &classes_of(c)[classes_live_of(c)[i]].key;
        if (!key->canary_s)
            continue;
        again_at = usec_min(again_at, avail_next_edge(c, key->owner, r->ctx->now_at));
        if (canary_can(c, key, r->ctx->now_at))
            again_at = usec_min(again_at, price_next_slot(r->ctx->now_at));
    }
    return usec_max(again_at, r->ctx->now_at + 1);
}

/* --- what becomes of it ----------------------------------------------------------------------- */

void canary_begins(struct job *j)
{
    j->flags |= JOBX_CANARY;
    if (canary_count(j) < UINT8_MAX)
        j->flags += 1u << JOBX_CANARIES_AT;
}

static void proven(struct core *c, uint32_t slot)
{
    struct job *j = &jobs_of(c)[slot];
    if (j->state == JOB_PENDING)
        queue_leave(c, slot); /* its class is another from now on */
    job_open(c, j);
    j->flags |= JOBX_PROVEN;
    job_close(c, j);
    queue_update(c, slot);
}

void canary_passed(struct core *c, uint32_t slot, struct out *out)
{
    struct each e;
    job_id id = jobs_of(c)[slot].id;
    change_pending(c, slot, REASON_CANARY, 0, out);
    for (bool more = each_first(c, id, 1, &e); more; more = each_next(c, &e))
        proven(c, e.slot);
}

void canary_failed(struct core *c, uint32_t slot, struct out *out)
{
    struct job *j = &jobs_of(c)[slot];
    uint32_t array = j->array;
    change_pending(c, slot, REASON_HELD_CANARY, 0, out);
    if (MUTANT(c, MUTANT_CANARY_FREE))
        return;
    if (array != NONE) {
        siblings_hold(c, array, JOBX_HELD_CANARY);
        return;
    }
    queue_leave(c, slot);
    job_open(c, j);
    j->flags |= JOB_HELD | JOBX_HELD_CANARY;
    job_close(c, j);
}

void canary_joins(struct core *c, uint32_t slot)
{
    const struct job *jobs = jobs_of(c);
    uint32_t before = job_find(c, jobs[slot].id - 1);
    if (before != NONE && jobs[before].array == jobs[slot].array && jobs[before].flags & JOBX_PROVEN)
        jobs_of(c)[slot].flags |= JOBX_PROVEN;
}

struct forecast canary_run(const struct core *c, const struct job *j)
{
    struct job run = *j;
    run.flags &= ~(uint32_t)JOBX_CANARY;
    return estimate_forecast(c, &run, 0, NULL);
}
