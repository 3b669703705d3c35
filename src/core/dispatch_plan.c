/* dispatch_plan.c - starts by plan: see run.h and search.h. */
#include <assert.h>

#include "core/capacity.h"
#include "core/defer.h"
#include "core/run.h"
#include "core/search.h"

/* The only type there is, or 0.  Where all GPUs are alike "any" is that type, which is quicker found. */
static uint8_t only_type(const struct core *c)
{
    for (uint8_t type = 1; type <= TYPES_MAX; type++)
        if (room_type(&c->known, type) && room_type(&c->known, type) == room_gpus(&c->known, 0))
            return type;
    return 0;
}

/* The machine as it frees itself, running jobs ending as forecast (P50), none before the next instant. */
static void machine(struct run *r)
{
    const struct core *c = r->ctx->core;
    struct search *s = r->s->search;
    uint32_t n = dispatch_ends(c, r->ctx->now_at, r->ctx->boot_at, false, r->s->ends, &r->holds_at);
    profile_init(&s->machine, s->base, SEARCH_POINTS, r->ctx->now_at, &r->free);
    for (uint32_t i = 0; i < n; i++) {
        struct room back = capacity_of_job(c, &jobs_of(c)[r->s->ends[i].job]);
        profile_add_later(&s->machine, usec_max(r->s->ends[i].at, r->ctx->now_at + 1), &back);
    }
    reserve_cut(c, &s->machine);
    power_cut(c, &s->machine);
}

/* The first jobs in line leave the heap for the window. */
static void window(struct run *r)
{
    const struct core *c = r->ctx->core;
    struct search *s = r->s->search;
    uint32_t max = c->settings.search_window < SEARCH_MAX ? c->settings.search_window : SEARCH_MAX;
    uint8_t only = only_type(c);
    s->n = s->fixed_n = 0;
    while (r->n > 0 && s->n < max) {
        struct search_job *j = &s->jobs[s->n++];
        *j = (struct search_job){ .key = r->s->keys[0] };
        j->like = &classes_of(c)[j->key.class].key;
        j->view = dispatch_view(c, r->s, j->key.class);
        j->needs = class_needs(c, j->like);
        if (j->needs.gpus && only)
            j->needs.gpu_type = only;
        j->length_us = j->view->node_us[NODES / 2];
        j->may_wait = dispatch_may_wait(r, &j->key);
        j->waited_for = jobs_of(c)[j->key.job].dependents != NONE;
        if (j->key.tier != TIER_OTHERS || j->like->first_seq)
            s->fixed_n = s->n;
        dispatch_advance(r, false);
    }
}

/* What its class shows: the head's own reason, or that others come first. */
static void say(struct run *r, const struct search_job *j)
{
    const struct core *c = r->ctx->core;
    bool later = j->at != USEC_NEVER && j->at > j->fits_at;
    r->deferred |= later;
    if (!later && r->d->reserved == NONE) {
        r->d->reserved = j->key.job;
        r->d->reserved_at = j->at;
        dispatch_reason(r, j->key.class, dispatch_lacks(&r->free, &j->needs));
    } else if (classes_of(c)[j->key.class].head == j->key.job) {
        dispatch_reason(r, j->key.class, later ? REASON_DEFERRED : REASON_PRIORITY);
    }
}

/* Start those whose place is now; does one have to wait?  *ret_next_at: the first place to come.  The next
 * instant is none: who stands there waits for a run that has outlived its forecast (machine), whose end is
 * told. */
static bool start_placed(struct run *r, usec_t *ret_next_at)
{
    struct search *s = r->s->search;
    const struct core *c = r->ctx->core;
    bool waits = false;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct search_job *j = &s->jobs[s->order[i]];
        enum reason reason = dispatch_limited_now(r, &classes_of(c)[j->key.class]);
        if (j->at > r->ctx->now_at) {
            waits = true;
            if (j->at > r->ctx->now_at + 1)
                *ret_next_at = usec_min(*ret_next_at, j->at);
            say(r, j);
        } else if (reason != REASON_NONE) {
            dispatch_reason(r, j->key.class, reason);
        } else if (!r->quiet && dispatch_fits_now(r, &j->needs)) {
            dispatch_start(r, &j->key, &j->needs);
        }
    }
    return waits;
}

/* Behind the window whoever fits now and is gone (P90) before its room is needed. */
static void start_beside(struct run *r)
{
    struct search *s = r->s->search;
    const struct core *c = r->ctx->core;
    for (uint32_t started = 0; r->n > 0 && started < SEARCH_BACKFILL && !r->quiet;) {
        struct order_key key = r->s->keys[0];
        const struct job_class *class = &classes_of(c)[key.class];
        struct needs needs = class_needs(c, &class->key);
        usec_t length_us = dispatch_view(c, r->s, key.class)->node_us[NODES - 1];
        usec_t now_at = r->ctx->now_at;
        if (!room_fits(&r->free, &r->least))
            return;
        bool start = dispatch_fits_now(r, &needs) && dispatch_limited_now(r, class) == REASON_NONE &&
                     profile_find(&s->profile, &needs, now_at, length_us) == now_at;
        if (start) {
            profile_take(&s->profile, &needs, now_at, usec_add(now_at, length_us));
            dispatch_start(r, &key, &needs);
            started++;
        }
        dispatch_advance(r, !start);
    }
}

/* Whoever waits inside their slack keeps a place, and somebody who may not wait can be behind it: the
 * machine does not stand idle for that.  The first in line that moved itself starts now after all. */
static void start_if_idle(struct run *r)
{
    struct search *s = r->s->search;
    const struct core *c = r->ctx->core;
    const struct search_job *first = NULL;
    bool behind = false;
    if (r->quiet || c->busy_n > 0 || r->d->starts_n > 0)
        return;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct search_job *j = &s->jobs[s->order[i]];
        if (j->at <= r->ctx->now_at || j->at == USEC_NEVER ||
            dispatch_limited_now(r, &classes_of(c)[j->key.class]) != REASON_NONE)
            continue;
        if (j->at == j->fits_at)
            behind = true;
        else if (!first && j->fits_at <= r->ctx->now_at && dispatch_fits_now(r, &j->needs))
            first = j;
    }
    if (behind && first)
        dispatch_start(r, &first->key, &first->needs);
}

static bool anybody_fits(const struct run *r)
{
    const struct core *c = r->ctx->core;
    for (uint32_t i = 0; i < c->classes_n; i++) {
        const struct job_class *class = &classes_of(c)[classes_live_of(c)[i]];
        struct needs needs = class_needs(c, &class->key);
        if (room_fits(&r->free, &needs) && dispatch_limited_now(r, class) == REASON_NONE)
            return true;
    }
    return false;
}

/* Somebody is long over their age, or has GPUs kept for them, and may start but for room: what they are to get is not
 * the search's to move, and its places leave out what is reserved, for whomever. */
static bool anybody_before_all(const struct run *r)
{
    const struct core *c = r->ctx->core;
    if (!c->settings.bounded && c->reservations_n == 0)
        return false;
    for (uint32_t i = 0; i < c->classes_n; i++) {
        const struct job_class *class = &classes_of(c)[classes_live_of(c)[i]];
        struct needs needs = class_needs(c, &class->key);
        bool aged = dispatch_bound(r->ctx, class->head_submit_at) && !power_barred(c, needs.watts, r->ctx->now_at);
        if ((aged || (needs.gpus && reserve_owns(c, class->key.owner))) &&
            dispatch_impossible(c, &needs) == REASON_NONE && dispatch_limited_now(r, class) == REASON_NONE)
            return true;
    }
    return false;
}

bool dispatch_plan(struct run *r)
{
    const struct core *c = r->ctx->core;
    usec_t next_at = USEC_NEVER;
    if (!c->settings.search_moves || !c->settings.search_window || !r->ctx->ops->uses_index ||
        c->busy_n > SEARCH_BUSY_MAX || r->makes_way || r->runners_n > 0 ||
        r->pool.gpus != r->free.gpus || anybody_before_all(r))
        return false;
    if (r->ctx->deciding && !anybody_fits(r))
        return false; /* nothing can start: the order and one reservation say all there is to say */
    dispatch_candidates(r, true);
    if (r->n == 0)
        return true;
    price_make(&r->s->search->prices, c, r->ctx->now_at);
    machine(r);
    window(r);
    search_run(r->s->search, c, r->quiet ? r->ctx->now_at + 1 : r->ctx->now_at);
    r->d->placed_n = r->s->search->n;
    bool waits = start_placed(r, &next_at);
    start_beside(r);
    start_if_idle(r);
    /* A place comes, a forecast falls, a slot begins, somebody grows old: until then the same plan would
     * be made again. */
    if (waits || r->n > 0 || r->refused)
        r->d->again_at = usec_min(usec_min(next_at, r->holds_at),
                                  usec_min(price_next_slot(r->ctx->now_at), dispatch_next_age(r)));
    r->d->again_at = usec_min(r->d->again_at, power_next_step(c, r->ctx->now_at));
    return true;
}
