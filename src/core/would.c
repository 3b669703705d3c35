/* would.c - see would.h. */
#include "core/would.h"

#include "core/avail.h"
#include "core/band.h"
#include "core/defer.h"
#include "core/mutant.h"
#include "core/search.h"
#include "core/slack.h"

/* Of a run that starts now: a later start that is cheaper, as far as nobody but its owner is in the way. */
static usec_t begins_at(const struct core *c, const struct policy_ctx *ctx, struct price_table *prices, uint32_t slot)
{
    const struct job *j = &jobs_of(c)[slot];
    const struct job_class *class = &classes_of(c)[j->class];
    const struct class_view *view = &class->view;
    struct forecast_nodes told = band_view(c, &class->key, view);
    struct slack_lengths lengths = { told.us[NODES / 2], told.us[NODES - 1] };
    if (j->array != NONE || (c->settings.preempt && j->preempt != PREEMPT_NEVER) ||
        !defer_would(c, &class->key, view, ctx->now_at) || dispatch_key(ctx, view, slot, NULL).tier != TIER_OTHERS ||
        slack_single(c, j))
        return 0;
    if (!prices->from_at)
        price_make(prices, c, ctx->now_at);
    usec_t at = defer_best(c, prices, &class->key, view, ctx->now_at, slack_until(c, slot, &lengths, ctx->now_at));
    if (at - ctx->now_at < WOULD_LEAST_US)
        return 0;
    return MUTANT(c, MUTANT_WOULD) ? at + USEC_PER_DAY / 2 : at;
}

void would_look(const struct core *c, const struct policy_ctx *ctx, const struct scratch *s, struct dispatch *d)
{
    if (!c->settings.would || !ctx->ops->uses_index)
        return;
    for (uint32_t i = 0; i < d->runs_n && i < WOULD_MOST; i++)
        d->starts[i].would_at = begins_at(c, ctx, &s->search->prices, d->starts[i].job);
}

void would_started(struct job *j, const struct start *start, usec_t now_at)
{
    if (j->flags & JOBX_WOULD)
        j->deferred_s = 0; /* of an earlier attempt */
    j->flags &= ~(uint32_t)JOBX_WOULD;
    if (!start->would_at || j->deferred_s)
        return; /* what was moved while its owner agreed is counted as that */
    j->flags |= JOBX_WOULD;
    j->deferred_s = (uint32_t)((start->would_at - now_at) / USEC_PER_SEC); /* DEFER_MAX_US at most */
}

usec_t would_start_at(const struct job *j)
{
    return j->flags & JOBX_WOULD ? usec_add(j->start_at, (usec_t)j->deferred_s * USEC_PER_SEC) : 0;
}

void would_ended(struct core *c, const struct job *j, usec_t ran_us)
{
    struct person *p = &c->persons[j->owner];
    if (!(j->flags & JOBX_WOULD))
        return;
    usec_t seen_at = avail_job_eyes(c, j, c->now_at);
    usec_t otherwise_at = avail_job_eyes(c, j, usec_add(would_start_at(j), ran_us));
    bool as_soon = otherwise_at <= seen_at;
    p->would_n += p->would_n < UINT32_MAX;
    p->would_right_n += as_soon && p->would_right_n < UINT32_MAX;
}
