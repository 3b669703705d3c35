/* dispatch.c - see dispatch.h. */
#include "core/dispatch.h"

#include <assert.h>
#include <string.h>

#include "core/avail.h"
#include "core/band.h"
#include "core/boost.h"
#include "core/canary.h"
#include "core/capacity.h"
#include "core/defer.h"
#include "core/estimate.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/order.h"
#include "core/preempt.h"
#include "core/quota.h"
#include "core/run.h"
#include "core/search.h"
#include "core/slack.h"
#include "core/urgent.h"

/* --- the total order -------------------------------------------------------------------------- */

bool dispatch_before(const struct order_key *a, const struct order_key *b)
{
    if (a->tier != b->tier)
        return a->tier < b->tier;
    if (a->value != b->value)
        return a->value > b->value;
    if (a->area != b->area)
        return a->area < b->area;
    if (a->submit_at != b->submit_at)
        return a->submit_at < b->submit_at;
    if (a->id != b->id)
        return a->id < b->id;
    if (a->first_seq != b->first_seq)
        return a->first_seq > b->first_seq;
    return a->own_id < b->own_id;
}

bool dispatch_aged(const struct policy_ctx *ctx, usec_t submit_at)
{
    const struct core *c = ctx->core;
    usec_t age_us = MUTANT(c, MUTANT_AGE) ? c->settings.age_us / 16 : c->settings.age_us;
    return age_us > 0 && !MUTANT(c, MUTANT_AGE_NEVER) && ctx->now_at - submit_at >= age_us;
}

/* Between its age limit and half as long again a job stands before all others, and forecasts are still believed:
 * most start then, and nothing stands idle for it. */
usec_t dispatch_bound_us(const struct core *c)
{
    return usec_add(c->settings.age_us, c->settings.age_us / 2);
}

bool dispatch_bound(const struct policy_ctx *ctx, usec_t submit_at)
{
    const struct core *c = ctx->core;
    return c->settings.bounded && c->settings.age_us && ctx->now_at - submit_at >= dispatch_bound_us(c);
}

/* Field by field where it is to lie: thousands are made in a decision, and a copy would wait for each. */
static void key_make(const struct policy_ctx *ctx, const struct class_view *view,
                     uint32_t class, uint32_t job, uint32_t id, usec_t submit_at,
                     const struct order_key *best, struct order_key *ret)
{
    const struct core *c = ctx->core;
    ret->value = ret->area = 0;
    ret->submit_at = submit_at;
    ret->id = ret->own_id = id;
    ret->first_seq = 0;
    ret->job = job;
    ret->class = class;
    ret->tier = TIER_OTHERS;
    const struct class_key *like = &classes_of(c)[class].key;
    if (dispatch_aged(ctx, submit_at) ||
        (c->reservations_n && reserve_serves(c, like->owner, like->gpus, ctx->now_at))) {
        ret->tier = TIER_BEFORE_ALL;
    } else {
        if (c->boosts_n && boost_stands(c, like, id, ctx->now_at))
            ret->tier = TIER_BOOSTED;
        else if (urgent_stands(c, like->flags) && !MUTANT(c, MUTANT_URGENT_LAST))
            ret->tier = TIER_URGENT;
        ret->value = view->value;
        ret->area = ctx->ops->area_ties ? view->area : 0;
    }
    if (like->first_seq && best && best->job != NONE && ret->tier != TIER_URGENT &&
        !(ret->tier == TIER_BOOSTED && best->tier > TIER_BOOSTED)) {
        *ret = *best;
        ret->first_seq = like->first_seq;
        ret->job = job;
        ret->class = class;
        ret->own_id = id;
    }
}

struct order_key dispatch_key(const struct policy_ctx *ctx, const struct class_view *view,
                              uint32_t job, const struct order_key *best)
{
    const struct job *j = &jobs_of(ctx->core)[job];
    struct order_key key;
    key_make(ctx, view, j->class, job, j->id, j->submit_at, best, &key);
    return key;
}

static void head_key(const struct policy_ctx *ctx, const struct class_view *view,
                     uint32_t class, const struct order_key *best, struct order_key *ret)
{
    const struct job_class *k = &classes_of(ctx->core)[class];
    key_make(ctx, view, class, k->head, k->head_id, k->head_submit_at, best, ret);
}

/* --- a heap of candidates, best on top -------------------------------------------------------- */

static void sift_down(struct order_key *keys, uint32_t n, uint32_t at)
{
    struct order_key key = keys[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= n)
            break;
        if (child + 1 < n && dispatch_before(&keys[child + 1], &keys[child]))
            child++;
        if (!dispatch_before(&keys[child], &key))
            break;
        keys[at] = keys[child];
        at = child;
    }
    keys[at] = key;
}

/* --- limits ----------------------------------------------------------------------------------- */

enum reason dispatch_impossible(const struct core *c, const struct needs *needs)
{
    if (room_fits(&c->up, needs))
        return REASON_NONE;
    if ((int64_t)needs->watts > c->up.watts)
        return REASON_POWER;
    return room_fits(&c->known, needs) ? REASON_GPU_TAKEN : REASON_NEVER_FITS;
}

enum reason dispatch_limited(const struct core *c, const struct asks *a)
{
    const struct person *p = &c->persons[a->owner];
    if (p->running_max && !MUTANT(c, MUTANT_RUNNING_MAX) && p->running + a->more_running >= p->running_max)
        return REASON_PERSON_RUNNING;
    if (a->gpus && p->gpus_max && !MUTANT(c, MUTANT_GPUS_MAX) && p->gpus + a->more_gpus + a->gpus > p->gpus_max)
        return REASON_PERSON_GPUS;
    if (a->gpus && p->gpus + a->more_gpus > 0 && policy_ops_of(c)->shares &&
        p->gpus + a->more_gpus + a->gpus > policy_share(c))
        return REASON_PERSON_GPUS;
    if (a->array != NONE) {
        const struct array *array = &arrays_of(c)[a->array];
        if (array->max && !MUTANT(c, MUTANT_ARRAY_MAX) && array->busy + a->more_tasks >= array->max)
            return REASON_ARRAY_LIMIT;
    }
    return quota_limited(c, a->owner, a->account, a->gpus, a->more_of_account);
}

static void count(const struct core *c, uint32_t slot, const struct class_key *key, struct asks *a)
{
    const struct job *j = &jobs_of(c)[slot];
    a->more_running += j->owner == key->owner;
    a->more_gpus += j->owner == key->owner ? j->gpus : 0;
    a->more_tasks += j->array_id == key->array_id;
    a->more_of_account += j->account == key->account ? j->gpus : 0;
}

/* No limit or quota can keep it from starting: asked of all that wait, so without a look at any. */
static bool unlimited(const struct run *r, const struct class_key *key)
{
    const struct person *p = &r->ctx->core->persons[key->owner];
    return !p->running_max && !p->gpus_max && !p->quota.hours && !key->array_id && !key->account && !r->ctx->ops->shares;
}

/* The same, with what this decision has started and promised so far. */
static enum reason limited(const struct core *c, const struct dispatch *d,
                           const struct job_class *class)
{
    const struct class_key *key = &class->key;
    struct asks a = { .owner = key->owner, .account = key->account, .gpus = key->gpus,
                      .array = key->array_id ? jobs_of(c)[class->head].array : NONE };
    const struct person *p = &c->persons[key->owner];
    if (p->running_max || p->gpus_max || key->array_id || policy_ops_of(c)->shares || c->accounts[key->account].gpus_max)
        for (uint32_t i = 0; i < d->starts_n + d->claims_n; i++)
            count(c, i < d->starts_n ? d->starts[i].job : d->claims[i - d->starts_n].job, key, &a);
    return dispatch_limited(c, &a);
}

/* --- when running jobs end -------------------------------------------------------------------- */

static bool end_before(const struct busy_end *a, const struct busy_end *b)
{
    return a->at != b->at ? a->at < b->at : a->id < b->id;
}

static void ends_sift(struct busy_end *ends, uint32_t n, uint32_t at)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= n)
            return;
        if (child + 1 < n && end_before(&ends[child], &ends[child + 1]))
            child++;
        if (!end_before(&ends[at], &ends[child]))
            return;
        struct busy_end swap = ends[at];
        ends[at] = ends[child];
        ends[child] = swap;
        at = child;
    }
}

#define MOVES_PER_END 8 /* of a list that is nearly sorted: dearer than that, the heap is better */

/* Insertion, as long as it is cheap: the list comes as it was sorted the last time, but for what has begun or is
 * expected to last longer since.  false: sorted in part. */
static bool ends_insert(struct busy_end *ends, uint32_t n)
{
    uint32_t moves = 0;
    for (uint32_t i = 1; i < n; i++) {
        struct busy_end end = ends[i];
        uint32_t at = i;
        for (; at > 0 && end_before(&end, &ends[at - 1]); at--, moves++)
            ends[at] = ends[at - 1];
        ends[at] = end;
        if (moves > MOVES_PER_END * n)
            return false;
    }
    return true;
}

static void ends_sort(struct busy_end *ends, uint32_t n) /* the order is total, so stability is moot */
{
    if (ends_insert(ends, n))
        return;
    for (uint32_t i = n / 2; i-- > 0;)
        ends_sift(ends, n, i);
    for (uint32_t i = n; i-- > 1;) {
        struct busy_end swap = ends[0];
        ends[0] = ends[i];
        ends[i] = swap;
        ends_sift(ends, i, 0);
    }
}

uint32_t dispatch_ends(const struct core *c, usec_t now_at, usec_t boot_at, bool late,
                       struct busy_end *ends, usec_t *ret_holds_at)
{
    usec_t holds_at = USEC_NEVER;
    for (uint32_t i = 0; i < c->busy_n; i++) {
        const struct job *j = &jobs_of(c)[busy_of(c)[i]];
        usec_t ran = usec_max(boot_at - j->start_boot_at, 0), holds_us, end_at;
        if (j->state == JOB_COMPLETING) {
            end_at = usec_add(now_at, STOP_GRACE_US);
        } else {
            end_at = usec_add(now_at, estimate_length(c, j, ran, late, &holds_us) - ran);
            if (holds_us != USEC_NEVER)
                holds_at = usec_min(holds_at, usec_add(now_at, usec_max(holds_us - ran, 1)));
        }
        ends[i] = (struct busy_end){ end_at, busy_of(c)[i], j->id };
    }
    ends_sort(ends, c->busy_n);
    if (ret_holds_at)
        *ret_holds_at = holds_at;
    return c->busy_n;
}

/* A start or a claim of this decision, as something that ends as forecast. */
static struct busy_end promised_end(const struct policy_ctx *ctx, const struct scratch *s,
                                    uint32_t slot)
{
    const struct core *c = ctx->core;
    const struct class_view *view = dispatch_view(c, s, jobs_of(c)[slot].class);
    return (struct busy_end){ usec_add(ctx->now_at, view->node_us[NODES / 2]), slot,
                              jobs_of(c)[slot].id };
}

/* The room that comes back when it ends. */
static struct room end_room(const struct core *c, const struct dispatch *d, uint32_t slot)
{
    struct room back = capacity_of_job(c, &jobs_of(c)[slot]);
    if (job_is_busy(&jobs_of(c)[slot]))
        return back;
    for (uint32_t i = 0; i < d->starts_n; i++)
        if (d->starts[i].job == slot)
            back.gpus = d->starts[i].types;
    for (uint32_t i = 0; i < d->claims_n; i++)
        if (d->claims[i].job == slot)
            back.gpus = d->claims[i].types;
    back.watts = (int32_t)power_of_job(c, &jobs_of(c)[slot]);
    return back;
}

/* What a change of the power cap from one instant to another adds to a room. */
static int32_t cap_more_w(const struct core *c, usec_t from_at, usec_t until_at)
{
    return power_capped(c) ? (int32_t)power_cap_w(c, until_at) - (int32_t)power_cap_w(c, from_at) : 0;
}

/* The next look at their ends finds them nearly sorted.  The list's order is nobody's business else, but marks are by
 * place: not while there are any. */
static void busy_as_sorted(struct core *c, const struct busy_end *ends, const uint8_t *marks)
{
    for (uint32_t i = 0; i < c->busy_n; i++)
        if (marks[i])
            return;
    for (uint32_t i = 0; i < c->busy_n; i++) {
        busy_of(c)[i] = ends[i].job;
        jobs_of(c)[ends[i].job].prev = i;
    }
}

/* Earliest instant at which `needs` fit for length_us when busy jobs and this decision's starts and claims end as
 * forecast, and what is left beside them then.  Marked jobs are left out: their room is in `room`. */
static usec_t reserve(const struct policy_ctx *ctx, const struct scratch *s,
                      const struct dispatch *d, const struct needs *needs, usec_t length_us, struct room room,
                      struct room *ret_beside, usec_t *ret_holds_at)
{
    const struct core *c = ctx->core;
    uint32_t n = 0, busy = dispatch_ends(c, ctx->now_at, ctx->boot_at, false, s->ends, ret_holds_at);
    if (ctx->deciding)
        busy_as_sorted((struct core *)c, s->ends, s->marks);
    for (uint32_t i = 0; i < busy; i++)
        if (!s->marks[jobs_of(c)[s->ends[i].job].prev])
            s->ends[n++] = s->ends[i];
    for (uint32_t i = 0; i < d->starts_n; i++)
        s->ends[n++] = promised_end(ctx, s, d->starts[i].job);
    for (uint32_t i = 0; i < d->claims_n; i++)
        s->ends[n++] = promised_end(ctx, s, d->claims[i].job);
    if (d->starts_n + d->claims_n)
        ends_sort(s->ends, n);
    /* At each end and at each step of the power cap, whichever comes next. */
    usec_t at = ctx->now_at;
    for (uint32_t i = 0;;) {
        usec_t next_at = usec_min(i < n ? s->ends[i].at : USEC_NEVER, power_next_step(c, at));
        if (next_at == USEC_NEVER)
            break;
        room.watts += cap_more_w(c, at, next_at);
        for (at = next_at; i < n && s->ends[i].at <= at; i++) {
            struct room back = end_room(c, d, s->ends[i].job);
            room_give(&room, &back);
        }
        if (room_fits(&room, needs) && power_fits_ahead(c, room.watts, needs->watts, at, usec_add(at, length_us))) {
            room_take(&room, needs, NULL);
            *ret_beside = room;
            return at;
        }
    }
    return USEC_NEVER; /* not reached for what fits an empty machine, but a machine may shrink */
}

/* --- the decision ----------------------------------------------------------------------------- */

static struct order_key run_key(struct run *r, uint32_t class, uint32_t job)
{
    const struct core *c = r->ctx->core;
    const struct class_key *key = &classes_of(c)[class].key;
    const struct order_key *best = r->has_best && key->first_seq ? &r->best[key->owner] : NULL;
    return dispatch_key(r->ctx, dispatch_view(c, r->s, class), job, best);
}

void dispatch_reason(struct run *r, uint32_t class, enum reason reason)
{
    ((struct class_view *)dispatch_view(r->ctx->core, r->s, class))->reason = (uint8_t)reason;
    if (r->ctx->ordered)
        order_said((struct core *)r->ctx->core, class);
}

/* By when a job of the class that begins now is gone: its limit, or without one nine times in ten. */
static usec_t run_gone_at(const struct run *r, uint32_t class)
{
    const struct core *c = r->ctx->core;
    usec_t limit_us = classes_of(c)[class].key.limit_us;
    return usec_add(r->ctx->now_at, limit_us ? limit_us : dispatch_view(c, r->s, class)->node_us[NODES - 1]);
}

/* The types its GPUs would be of: those with most room, or of what is not kept for somebody, or those first that are
 * kept for its owner; false: all that fit are in the way.  Of a free machine if it does not fit now. */
static bool run_types(const struct run *r, uint32_t class, const struct needs *needs, uint64_t *ret_types)
{
    const struct core *c = r->ctx->core;
    struct room room = room_least(&r->free, &r->pool), left;
    uint32_t owner = classes_of(c)[class].key.owner;
    usec_t gone_at = run_gone_at(r, class);
    *ret_types = 0;
    if (!room_fits(&room, needs))
        room = c->up;
    if (!room_fits(&room, needs))
        return true;
    left = room;
    room_take(&left, needs, ret_types);
    if (!reserve_blocks(c, &r->reserve, owner, *ret_types, gone_at))
        return true;
    if (needs->gpu_type)
        return false;
    left = room;
    reserve_spare(c, &r->reserve, owner, gone_at, &left);
    if (room_fits(&left, needs)) {
        room_take(&left, needs, ret_types);
        if (!reserve_blocks(c, &r->reserve, owner, *ret_types, gone_at))
            return true;
    }
    *ret_types = reserve_own_first(c, &r->reserve, owner, needs, room);
    return !reserve_blocks(c, &r->reserve, owner, *ret_types, gone_at);
}

enum reason dispatch_limited_now(const struct run *r, const struct job_class *class)
{
    const struct core *c = r->ctx->core;
    enum reason reason = unlimited(r, &class->key) ? REASON_NONE : limited(c, r->d, class);
    uint32_t at = (uint32_t)(class - classes_of(c));
    if (reason == REASON_NONE && r->power.n && power_blocks(&r->power, power_of_class(c, &class->key), run_gone_at(r, at)))
        return REASON_POWER;
    if (reason != REASON_NONE || r->reserve.n == 0 || class->key.gpus == 0)
        return reason;
    struct needs needs = class_needs(c, &class->key);
    uint64_t types;
    return run_types(r, at, &needs, &types) ? REASON_NONE : REASON_RESERVED;
}

bool dispatch_may_wait(const struct run *r, const struct order_key *key)
{
    const struct core *c = r->ctx->core;
    const struct job_class *class = &classes_of(c)[key->class];
    return key->tier == TIER_OTHERS && !class->key.array_id &&
           defer_may(c, &class->key, dispatch_view(c, r->s, key->class), r->ctx->now_at) &&
           (c->settings.slack ? !slack_single(c, &jobs_of(c)[key->job]) : jobs_of(c)[key->job].dependents == NONE);
}

usec_t dispatch_latest(const struct core *c, const struct job_class *class, const struct class_view *view, usec_t now_at)
{
    struct forecast_nodes told = band_view(c, &class->key, view);
    struct slack_lengths lengths = { told.us[NODES / 2], told.us[NODES - 1] };
    return c->settings.slack ? slack_until_all(c, class, &lengths, now_at) : USEC_NEVER;
}

/* Is its start worth moving to a later time of its slack?  Not of one that can be asked to make way. */
static bool run_defers(struct run *r, const struct order_key *key)
{
    const struct core *c = r->ctx->core;
    const struct class_key *like = &classes_of(c)[key->class].key;
    if (!c->settings.defer || !r->ctx->ops->uses_index || (c->settings.preempt && like->preempt != PREEMPT_NEVER) ||
        !dispatch_may_wait(r, key))
        return false;
    if (!r->s->search->prices.from_at)
        price_make(&r->s->search->prices, c, r->ctx->now_at);
    const struct class_view *view = dispatch_view(c, r->s, key->class);
    usec_t now_at = r->ctx->now_at, latest_at = dispatch_latest(c, &classes_of(c)[key->class], view, now_at);
    return defer_best(c, &r->s->search->prices, like, view, now_at, latest_at) > now_at;
}

/* Bring every class's view up to date; find each owner's best if somebody was sent first.  The backlog is known when all
 * have been seen, and its step seldom another than before: then values are made once more. */
static void run_views(struct run *r, struct policy_ctx *ctx)
{
    const struct core *c = ctx->core;
    unsigned __int128 area = 0;
    uint32_t level = ctx->level;
    for (uint32_t i = 0; i < c->classes_n; i++) {
        uint32_t at = classes_live_of(c)[i];
        const struct job_class *class = &classes_of(c)[at];
        struct class_view *view = (struct class_view *)dispatch_view(c, r->s, at);
        if (policy_is_stale(ctx, view))
            policy_forecast(ctx, &class->key, view);
        policy_value(ctx, &class->key, view);
        area += (unsigned __int128)view->area * class->n;
        r->has_best |= class->key.first_seq != 0;
        r->makes_way |= c->settings.preempt && class->key.preempt != PREEMPT_NEVER;
    }
    policy_backlog(ctx, area);
    for (uint32_t i = 0; i < c->classes_n && ctx->level != level; i++) {
        uint32_t at = classes_live_of(c)[i];
        policy_value(ctx, &classes_of(c)[at].key, (struct class_view *)dispatch_view(c, r->s, at));
    }
    for (uint32_t i = 0; i < c->busy_n; i++)
        r->has_best |= jobs_of(c)[busy_of(c)[i]].first_seq != 0;
    if (!r->has_best)
        return;
    for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++)
        r->best[i].job = NONE;
    for (uint32_t i = 0; i < c->classes_n; i++) {
        uint32_t at = classes_live_of(c)[i];
        const struct job_class *class = &classes_of(c)[at];
        struct order_key key;
        head_key(ctx, dispatch_view(c, r->s, at), at, NULL, &key);
        struct order_key *best = &r->best[class->key.owner];
        if (key.tier == TIER_URGENT || class->key.boosted || boost_of_account(c, class->key.account, ctx->now_at))
            continue; /* what is sent first is neither urgent nor boosted for that */
        if (best->job == NONE || dispatch_before(&key, best))
            *best = key;
    }
}

/* Of those that have no room only the best matters: is this one known to stand behind it, without a key of its own? */
static bool behind_waiting(const struct run *r, const struct job_class *class, const struct class_view *view)
{
    const struct core *c = r->ctx->core;
    return r->has_waiting && !r->has_best && !c->boosts_n && !c->reservations_n && !urgent_stands(c, class->key.flags) &&
           !dispatch_aged(r->ctx, class->head_submit_at) &&
           (r->waiting.tier < TIER_OTHERS || view->value < r->waiting.value);
}

/* Candidates: heads that fit now, in a heap; of the others only the best matters. */
void dispatch_candidates(struct run *r, bool all)
{
    const struct core *c = r->ctx->core;
    for (uint32_t i = 0; i < c->classes_n; i++) {
        uint32_t at = classes_live_of(c)[i];
        const struct job_class *class = &classes_of(c)[at];
        struct needs needs = class_needs(c, &class->key);
        enum reason reason = dispatch_impossible(c, &needs);
        usec_t aged_at = usec_add(class->head_submit_at, c->settings.age_us);
        if (c->settings.age_us && aged_at > r->ctx->now_at)
            r->ages_at = usec_min(r->ages_at, aged_at);
        r->looks[class->key.eyes] = true;
        if (reason == REASON_NONE) {
            reason = dispatch_limited_now(r, class);
            /* forecasts of what runs may change that */
            r->refused |= reason == REASON_RESERVED || reason == REASON_POWER;
        }
        const struct class_view *view = dispatch_view(c, r->s, at);
        const struct order_key *best =
            r->has_best && class->key.first_seq ? &r->best[class->key.owner] : NULL;
        struct order_key *key = &r->s->keys[r->n]; /* its place if it is a candidate */
        bool fits = all || room_fits(&r->pool, &needs), keyed = c->settings.defer || fits || !behind_waiting(r, class, view);
        if (reason == REASON_NONE && keyed)
            head_key(r->ctx, view, at, best, key);
        if (reason == REASON_NONE && !all && run_defers(r, key)) {
            reason = REASON_DEFERRED;
            r->deferred = true;
        }
        dispatch_reason(r, at, reason == REASON_NONE ? REASON_PRIORITY : reason);
        if (reason != REASON_NONE)
            continue;
        if (fits) {
            r->n++;
            r->least.gpus = needs.gpus < r->least.gpus ? needs.gpus : r->least.gpus;
            r->least.cpus = needs.cpus < r->least.cpus ? needs.cpus : r->least.cpus;
            r->least.mem_mib = needs.mem_mib < r->least.mem_mib ? needs.mem_mib : r->least.mem_mib;
            r->least.watts = needs.watts < r->least.watts ? needs.watts : r->least.watts;
        } else if (keyed && (!r->has_waiting || dispatch_before(key, &r->waiting))) {
            r->waiting = *key;
            r->has_waiting = true;
        }
    }
    for (uint32_t i = r->n / 2; i-- > 0;)
        sift_down(r->s->keys, r->n, i);
}

/* May whoever runs with this mode be asked to go at any time, without losing work? */
static bool run_may_ask(const struct core *c, uint32_t preempt)
{
    return c->settings.preempt && preempt == PREEMPT_CHECKPOINT;
}

/* What is left beside a job that is bound to start and whatever began since it is.  What ran before ends by its
 * limit; what has begun since and ends by its limit before the reservation is out of the way too. */
static struct room run_outlast(const struct run *r, usec_t aged_at, const struct needs *needs)
{
    const struct core *c = r->ctx->core;
    const struct room none = { 0, 0, 0, 0 };
    struct room left = c->up;
    if (!room_fits(&left, needs))
        return none;
    room_take(&left, needs, NULL);
    for (uint32_t i = 0; i < c->busy_n; i++) {
        const struct job *j = &jobs_of(c)[busy_of(c)[i]];
        usec_t ran_us = usec_max(r->ctx->boot_at - j->start_boot_at, 0);
        usec_t limit_us = job_limit(j);
        usec_t ends_at = limit_us ? usec_add(r->ctx->now_at, usec_max(limit_us - ran_us, 0)) : USEC_NEVER;
        struct room room = capacity_of_job(c, j);
        if (j->start_at < aged_at || ends_at <= r->d->reserved_at || run_may_ask(c, j->preempt))
            continue;
        if (!room_holds(&left, &room))
            return none;
        room_lose(&left, &room);
    }
    for (uint32_t i = 0; i < r->d->starts_n; i++) {
        const struct job *j = &jobs_of(c)[r->d->starts[i].job];
        struct room room = { r->d->starts[i].types, (int32_t)j->cpus, (int32_t)j->mem_mib, (int32_t)power_of_job(c, j) };
        if (!room_holds(&left, &room))
            return none;
        room_lose(&left, &room);
    }
    return left;
}

enum reason dispatch_lacks(const struct room *room, const struct needs *needs)
{
    struct needs but_power = *needs;
    but_power.watts = 0;
    return !room_fits(room, needs) && room_fits(room, &but_power) ? REASON_POWER : REASON_RESOURCES;
}

void dispatch_reserve(struct run *r, const struct order_key *key)
{
    const struct core *c = r->ctx->core;
    struct needs needs = class_needs(c, &classes_of(c)[key->class].key);
    r->blocked = true;
    r->d->reserved = key->job;
    usec_t length_us = dispatch_view(c, r->s, key->class)->node_us[NODES / 2];
    r->d->reserved_at = reserve(r->ctx, r->s, r->d, &needs, length_us, r->pool, &r->beside, &r->holds_at);
    dispatch_reason(r, key->class, dispatch_lacks(&r->pool, &needs));
    usec_t submit_at = jobs_of(c)[key->job].submit_at;
    /* What waits for a higher cap waits for no job: others need not keep out of its way by their limits. */
    r->bounded = dispatch_bound(r->ctx, submit_at) && !power_barred(c, needs.watts, r->ctx->now_at);
    if (r->bounded)
        r->outlast = run_outlast(r, usec_add(submit_at, dispatch_bound_us(c)), &needs);
}

/* A job that keeps its work may use what would stand idle until the reservation, and makes way then: if
 * it may be asked to by then. */
static bool run_fills(const struct run *r, uint32_t class)
{
    const struct core *c = r->ctx->core;
    usec_t least_us = usec_add(c->settings.quantum_us, STOP_GRACE_US);
    return run_may_ask(c, classes_of(c)[class].key.preempt) &&
           r->d->reserved_at - r->ctx->now_at >= least_us;
}

/* Behind a reservation: may this one start without delaying it?  take: it does, if it may. */
bool dispatch_backfills(struct run *r, uint32_t class, const struct needs *needs, bool take)
{
    const struct class_view *view = dispatch_view(r->ctx->core, r->s, class);
    usec_t limit_us = classes_of(r->ctx->core)[class].key.limit_us;
    limit_us = limit_us ? limit_us : USEC_NEVER;
    if (!r->ctx->ops->overtakes)
        return false;
    if (r->d->reserved_at == USEC_NEVER)
        return true;
    if (usec_add(r->ctx->now_at, r->bounded ? limit_us : view->node_us[NODES - 1]) <= r->d->reserved_at)
        return true;
    if (run_fills(r, class))
        return true;
    if (!room_fits(&r->beside, needs) || (r->bounded && !room_fits(&r->outlast, needs)))
        return false;
    if (!take)
        return true;
    room_take(&r->beside, needs, NULL);
    if (r->bounded)
        room_take(&r->outlast, needs, NULL);
    return true;
}

bool dispatch_fits_now(const struct run *r, const struct needs *needs)
{
    struct room both = room_least(&r->free, &r->pool);
    return room_fits(&both, needs);
}

/* GPUs of a start: of the types that are free and promised to nobody. */
void dispatch_start(struct run *r, const struct order_key *key, const struct needs *needs)
{
    const struct core *c = r->ctx->core;
    struct start *start = &r->d->starts[r->d->starts_n++];
    struct room both = room_least(&r->free, &r->pool);
    uint64_t pool =
        MUTANT(c, MUTANT_GPU_TWICE) && c->decisions % 16 == 7 ? ~UINT64_C(0) : r->free_mask;
    if (pool != r->free_mask) {
        pool = 0;
        for (uint32_t i = 0; i < CORE_GPUS_MAX; i++)
            pool |= (uint64_t)(c->gpus[i].known && c->gpus[i].state == GPU_UP) << i;
    }
    if (r->reserve.n == 0 || needs->gpus == 0)
        room_take(&both, needs, &start->types);
    else
        run_types(r, key->class, needs, &start->types);
    start->job = key->job;
    start->canary_us = start->would_at = 0;
    start->gpu_mask = capacity_pick(c, start->types, pool);
    if (MUTANT(c, MUTANT_GPU_COUNT))
        start->gpu_mask &= start->gpu_mask - 1;
    r->free_mask &= ~start->gpu_mask;
    struct room taken = { start->types, (int32_t)needs->cpus, (int32_t)needs->mem_mib, (int32_t)needs->watts };
    power_started(&r->power, needs->watts, run_gone_at(r, key->class));
    room_lose(&r->free, &taken);
    room_lose(&r->pool, &taken);
    reserve_started(c, &r->reserve, classes_of(c)[key->class].key.owner, start->types, run_gone_at(r, key->class));
}

/* --- runners ---------------------------------------------------------------------------------- */

/* Its turn: there is still room for it where it is, or it makes way for the last claim before it. */
static void run_keep(struct run *r, const struct order_key *key)
{
    const struct core *c = r->ctx->core;
    const struct job *j = &jobs_of(c)[key->job];
    struct room room = capacity_of_job(c, j);
    if (room_holds(&r->pool, &room) || r->d->claims_n == 0) { /* a cap that fell asks nobody to go */
        room_lose(&r->pool, &room);
        r->s->marks[j->prev] = 0;
    } else if (r->d->stops_n < STOPS_MAX) {
        r->d->stops[r->d->stops_n++] =
            (struct stop){ key->job, r->d->claims[r->d->claims_n - 1].job };
    }
}

/* Whoever stands before `key` (NULL: all): runners keep their room or make way, the best of those that
 * did not fit from the start gets the reservation. */
void dispatch_runners(struct run *r, const struct order_key *key)
{
    for (;;) {
        const struct order_key *runner =
            r->runners_at < r->runners_n ? &r->runners[r->runners_at] : NULL;
        const struct order_key *waiting = !r->blocked && r->has_waiting ? &r->waiting : NULL;
        bool first = runner && (!waiting || dispatch_before(runner, waiting));
        const struct order_key *next = first ? runner : waiting;
        if (!next || (key && !dispatch_before(next, key)))
            return;
        if (first) {
            r->runners_at++;
            run_keep(r, runner);
        } else {
            dispatch_reserve(r, waiting);
        }
    }
}

static void run_claim(struct run *r, const struct order_key *key, const struct needs *needs)
{
    const struct core *c = r->ctx->core;
    struct claim *claim = &r->d->claims[r->d->claims_n++];
    claim->job = key->job;
    room_take(&r->pool, needs, &claim->types);
    power_started(&r->power, needs->watts, run_gone_at(r, key->class));
    reserve_started(c, &r->reserve, classes_of(c)[key->class].key.owner, claim->types, run_gone_at(r, key->class));
    dispatch_reason(r, key->class, REASON_RESOURCES);
}

/* The next job of a class whose head was just started takes its place in the heap, or the class
 * leaves. */
void dispatch_advance(struct run *r, bool class_done)
{
    const struct core *c = r->ctx->core;
    struct order_key *top = &r->s->keys[0];
    uint32_t next = class_done ? NONE : jobs_of(c)[top->job].next;
    if (next == NONE)
        *top = r->s->keys[--r->n];
    else
        *top = run_key(r, top->class, next);
    if (r->n > 1)
        sift_down(r->s->keys, r->n, 0);
}

void dispatch_enter_next(struct run *r, const struct order_key *started)
{
    struct order_key *keys = r->s->keys;
    uint32_t next = jobs_of(r->ctx->core)[started->job].next, at = r->n;
    if (next == NONE)
        return;
    struct order_key key = run_key(r, started->class, next);
    for (r->n++; at > 0 && dispatch_before(&key, &keys[(at - 1) / 2]); at = (at - 1) / 2)
        keys[at] = keys[(at - 1) / 2];
    keys[at] = key;
}

/* The best candidate's turn; true: it has started or will, and the next of its class may follow. */
bool dispatch_one(struct run *r, const struct order_key *key)
{
    const struct core *c = r->ctx->core;
    const struct job_class *class = &classes_of(c)[key->class];
    struct needs needs = class_needs(c, &class->key);
    enum reason reason = dispatch_limited_now(r, class);
    if (reason != REASON_NONE) {
        dispatch_reason(r, key->class, reason);
        return false;
    }
    if (!room_fits(&r->pool, &needs)) {
        if (!r->blocked)
            dispatch_reserve(r, key);
        return false;
    }
    bool now = dispatch_fits_now(r, &needs);
    if (r->quiet || (!now && r->d->claims_n == CLAIMS_MAX) ||
        (r->blocked && !dispatch_backfills(r, key->class, &needs, true))) {
        r->refused = true;
        return false;
    }
    if (now && r->d->starts_n == STARTS_MAX) {
        r->d->again_at = r->ctx->now_at;
        return false;
    }
    if (now)
        dispatch_start(r, key, &needs);
    else
        run_claim(r, key, &needs);
    return true;
}

/* May this candidate still start, or its class have more said of it than that others come first? */
static bool run_hopeful(struct run *r, const struct order_key *key)
{
    const struct core *c = r->ctx->core;
    const struct class_key *like = &classes_of(c)[key->class].key;
    const struct person *p = &c->persons[like->owner];
    struct needs needs = class_needs(c, like);
    return p->running_max || p->gpus_max || like->array_id ||
           (room_fits(&r->pool, &needs) && dispatch_backfills(r, key->class, &needs, false));
}

/* Behind a reservation room and time only shrink: of thousands that fit the pool few can start, and they
 * need not be taken from the heap one by one. */
static void run_sieve(struct run *r)
{
    uint32_t n = 0;
    r->sieved = true;
    for (uint32_t i = 0; i < r->n; i++)
        if (run_hopeful(r, &r->s->keys[i]))
            r->s->keys[n++] = r->s->keys[i];
    r->n = n;
    for (uint32_t i = r->n / 2; i-- > 0;)
        sift_down(r->s->keys, r->n, i);
}

static void run_loop(struct run *r)
{
    while (r->n > 0) {
        struct order_key key = r->s->keys[0];
        dispatch_runners(r, &key);
        bool start = dispatch_one(r, &key);
        if (r->d->again_at != USEC_NEVER)
            return; /* no room for more starts in one decision: the next one comes at once */
        dispatch_advance(r, !start);
        if (r->blocked && r->refused && !r->quiet && !r->sieved && r->runners_at == r->runners_n &&
            r->reserve.n == 0 && r->power.n == 0 && !r->ctx->ops->shares)
            run_sieve(r);
        if (r->blocked && !room_fits(&r->pool, &r->least))
            break; /* of thousands that fit at first, none does any more */
    }
    dispatch_runners(r, NULL);
}

usec_t dispatch_next_age(const struct run *r)
{
    const struct core *c = r->ctx->core;
    usec_t next_at = USEC_NEVER;
    if (c->settings.age_us == 0)
        return next_at;
    for (uint32_t i = 0; i < c->classes_n; i++) {
        uint32_t slot = classes_of(c)[classes_live_of(c)[i]].head;
        while (slot != NONE && dispatch_aged(r->ctx, jobs_of(c)[slot].submit_at))
            slot = jobs_of(c)[slot].next;
        if (slot != NONE)
            next_at = usec_min(next_at, usec_add(jobs_of(c)[slot].submit_at, c->settings.age_us));
    }
    return next_at;
}

/* Something fits but was refused.  Refusals change when values are computed again, when somebody
 * grows old, or when a running job outlives what its forecast rests on (the reservation moves). */
static usec_t run_refused_again(struct run *r)
{
    const struct core *c = r->ctx->core;
    usec_t again = usec_min(usec_min(policy_next_tick(r->ctx), r->holds_at), r->runners_again_at);
    if (r->ctx->ordered) {
        usec_t age_us = c->settings.age_us;
        if (age_us)
            again = usec_min(again, usec_add(order_next_to_age((struct core *)c, again - age_us), age_us));
        return usec_max(again, r->ctx->now_at + 1);
    }
    again = usec_min(again, r->ages_at);
    for (uint32_t i = 0; i <= CORE_PERSONS_MAX && r->ctx->ops->uses_index; i++)
        if (r->looks[i])
            again = usec_min(again, avail_next_edge(c, i, r->ctx->now_at));
    return usec_max(again, r->ctx->now_at + 1);
}

/* Whoever waits may displace somebody without anything happening: by values that move, or when an
 * attempt has run for its quantum. */
static bool may_change(const struct run *r)
{
    return r->runners_n > 0 || r->runners_again_at != USEC_NEVER;
}

/* When deciding again may start more though nothing happens. */
static usec_t run_again(struct run *r)
{
    usec_t now_at = r->ctx->now_at, again_at = r->d->again_at;
    if (again_at != USEC_NEVER)
        return again_at;
    if (r->refused || (r->blocked && may_change(r)))
        again_at = run_refused_again(r);
    if (r->deferred)
        again_at = usec_min(again_at, usec_min(price_next_slot(now_at), dispatch_next_age(r)));
    again_at = usec_min(again_at, power_next_step(r->ctx->core, now_at));
    return again_at;
}

void dispatch_run(const struct core *c, struct policy_ctx *ctx, const struct scratch *s,
                  struct dispatch *ret)
{
    struct run r;
    memset(&r, 0, offsetof(struct run, best));
    ret->starts_n = ret->runs_n = ret->claims_n = ret->stops_n = ret->placed_n = 0;
    ret->reserved = NONE;
    ret->reserved_at = ret->again_at = USEC_NEVER;
    r.ctx = ctx;
    r.s = s;
    r.d = ret;
    r.free = c->free;
    r.free.watts = MUTANT(c, MUTANT_POWER) ? c->up.watts : power_free_w(c, ctx->now_at);
    r.free_mask = capacity_free_mask(c);
    r.holds_at = r.ages_at = USEC_NEVER;
    r.least = (struct needs){ UINT8_MAX, 0, UINT32_MAX, UINT32_MAX, UINT32_MAX };
    r.quiet = c->quiet && ctx->now_at < c->again_at;
    s->search->prices.from_at = 0; /* not made */
    reserve_look(c, ctx->now_at, ctx->boot_at, &r.reserve);
    power_look(c, ctx->now_at, ctx->boot_at, &r.power);
    if (ctx->ordered)
        policy_backlog(ctx, c->order.area);
    else
        run_views(&r, ctx);
    ret->deferred = c->classes_n > 0; /* what was said before stands */
    if ((c->closed && !MUTANT(c, MUTANT_CLOSED)) || c->classes_n == 0)
        return;
    r.runners = s->keys + (ctx->ordered && c->classes_n > ORDER_NEXT_MAX ? ORDER_NEXT_MAX : c->classes_n);
    r.runners_n = preempt_runners(ctx, r.has_best ? r.best : NULL, r.runners, s->marks, &r.pool,
                                  &r.runners_again_at);
    room_give(&r.pool, &r.free);
    if (ctx->ordered) {
        dispatch_walk(&r);
    } else if (!dispatch_plan(&r)) {
        dispatch_candidates(&r, false);
        run_loop(&r);
    }
    ret->deferred = r.deferred;
    ret->runs_n = ret->starts_n;
    canary_start(&r);
    ret->again_at = r.quiet ? c->again_at : usec_min(run_again(&r), canary_again(&r));
}
