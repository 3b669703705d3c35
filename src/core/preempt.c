/* preempt.c - see preempt.h. */
#include "core/preempt.h"

#include <string.h>

#include "core/avail.h"
#include "core/boost.h"
#include "core/capacity.h"
#include "core/dispatch.h"
#include "core/estimate.h"
#include "core/mutant.h"
#include "core/queue.h"
#include "core/urgent.h"

bool preempt_leaving(const struct job *j, usec_t boot_at)
{
    return j->state == JOB_COMPLETING && j->intent == STOP_PREEMPT &&
           boot_at - j->stop_boot_at < PREEMPT_PATIENCE_US;
}

/* The rest of its run as the policies look at it. */
static struct class_view rest_view(const struct policy_ctx *ctx, const struct job *j, usec_t ran_us,
                                   usec_t base_at)
{
    const struct core *c = ctx->core;
    struct class_view view = { .base_at = base_at };
    struct forecast_nodes nodes;
    estimate_rest(c, j, ran_us, &nodes, NULL);
    for (int i = 0; i < NODES; i++)
        view.node_us[i] = usec_max(nodes.us[i] - ran_us, USEC_PER_SEC);
    policy_area(c, j->gpus, j->cpus, &view);
    return view;
}

/* Larger by num/den, whatever its sign. */
static int64_t favour(int64_t value, __int128 num, __int128 den)
{
    __int128 favoured = value < 0 ? value * den / num : value * num / den;
    return favoured > INT64_MAX ? INT64_MAX : (int64_t)favoured;
}

/* What is sent first stands before its owner's best, running or not. */
static struct order_key sent_first(const struct order_key *key, const struct job *j,
                                   const struct order_key *best)
{
    if (!j->first_seq || !best || best[j->owner].job == NONE)
        return *key;
    struct order_key before = best[j->owner];
    before.first_seq = j->first_seq;
    before.job = key->job;
    before.class = NONE;
    before.own_id = j->id;
    return dispatch_before(&before, key) ? before : *key;
}

static struct order_key runner_key(struct policy_ctx *ctx, uint32_t slot, usec_t ran_us)
{
    const struct core *c = ctx->core;
    const struct job *j = &jobs_of(c)[slot];
    struct class_key like = queue_class_key(c, j);
    struct class_view view = rest_view(ctx, j, ran_us, policy_base(ctx, avail_whose(j)));
    struct order_key key = { .submit_at = j->submit_at, .id = j->id, .own_id = j->id, .job = slot,
                             .class = NONE,
                             .tier = boost_stands(c, &like, j->id, ctx->now_at) ? TIER_BOOSTED
                                     : urgent_stands(c, j->flags) ? TIER_URGENT : TIER_OTHERS };
    if (dispatch_aged(ctx, j->submit_at)) {
        key.tier = TIER_BEFORE_ALL;
        return key;
    }
    usec_t lost_us = j->restart_us ? j->restart_us : c->settings.restart_us;
    if (j->preempt == PREEMPT_REQUEUE)
        lost_us = usec_add(lost_us, ran_us);
    like.done_us = estimate_work_us(c, j, ran_us); /* what it has had so far */
    key.value = ctx->ops->value(ctx, &like, &view);
    key.value = favour(key.value, c->settings.advantage_milli, 1000);
    key.value = favour(key.value, (__int128)view_mean_us(&view) + lost_us, view_mean_us(&view));
    key.area = ctx->ops->area_ties ? view.area : 0;
    return key;
}

/* How long its attempt must have run: a resumed one has its restart behind it by then, so that every
 * attempt brings it forward.  USEC_NEVER: it makes way no more. */
static usec_t patience(const struct core *c, const struct job *j)
{
    if (j->preempt == PREEMPT_REQUEUE && j->preempted_n >= PREEMPT_ANEW_MAX)
        return USEC_NEVER;
    return usec_add(c->settings.quantum_us, estimate_restart_us(c, j));
}

uint32_t preempt_runners(struct policy_ctx *ctx, const struct order_key *best,
                         struct order_key *runners, uint8_t *marks, struct room *ret_room,
                         usec_t *ret_again_at)
{
    const struct core *c = ctx->core;
    uint32_t n = 0;
    usec_t again_us = USEC_NEVER, since_tick_us = ctx->now_at - ctx->tick_at;
    *ret_room = (struct room){ 0 };
    for (uint32_t i = 0; i < c->busy_n; i++) {
        const struct job *j = &jobs_of(c)[busy_of(c)[i]];
        usec_t ran_us = usec_max(ctx->boot_at - j->start_boot_at, 0);
        bool leaving = preempt_leaving(j, ctx->boot_at);
        marks[i] = 0;
        if (leaving)
            again_us = usec_min(again_us, j->stop_boot_at + PREEMPT_PATIENCE_US - ctx->boot_at);
        if (!leaving && (!c->settings.preempt || j->state != JOB_RUNNING || j->flags & JOBX_CANARY ||
                         (j->preempt == PREEMPT_NEVER && !MUTANT(c, MUTANT_PREEMPT))))
            continue;
        usec_t patience_us = patience(c, j);
        if (!leaving && ran_us < patience_us) {
            again_us = usec_min(again_us, patience_us == USEC_NEVER ? USEC_NEVER
                                                                    : patience_us - ran_us);
            continue;
        }
        struct room room = capacity_of_job(c, j);
        room_give(ret_room, &room);
        marks[i] = 1;
        if (leaving)
            continue;
        struct order_key key = runner_key(ctx, busy_of(c)[i], usec_max(ran_us - since_tick_us, 0));
        key = sent_first(&key, j, best);
        uint32_t at = n++; /* few: insertion keeps them in order */
        for (; at > 0 && dispatch_before(&key, &runners[at - 1]); at--)
            runners[at] = runners[at - 1];
        runners[at] = key;
    }
    *ret_again_at = usec_add(ctx->now_at, again_us);
    return n;
}
