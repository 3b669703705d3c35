/* policy_blend.c - order by time-to-eyes (doc/planner.md, "Order").
 *
 *     cost(s) = mean over run time quantiles p_k of eyes(owner, s + p_k)
 *     index   = mean over m in {.1 .25 .5 1 1.5 2} of [cost(now + mW) - cost(now)] / (mW) / area
 *               x weight
 *
 * How much later would its owner see it for each hour it waits, per GPU-hour it takes?  A long
 * backlog W tends to smallest area first; with a short one, jobs near a cliff (the last start
 * before their owner leaves) come first and jobs whose result waits for the owner anyway come last.
 *
 * Fixed point: slope in 1/2^20 (always available: exactly 2^20), index = slope x 2^64 / area.  Sums
 * are 128-bit; the index is cut at INT64_MAX.  Equal slopes divide to the order of areas; jobs the
 * rounding puts level are told apart by area itself, so with everybody always here the order
 * *is* smallest-area-first.
 */
#include "core/avail.h"
#include "core/defer.h"
#include "core/policy.h"
#include "core/rise.h"
#include "core/weight.h"

#define STEPS (POLICY_STARTS - 1)

/* Sum over the quantiles of eyes(start + p_k), and of how late that is.  Both the quantiles and the
 * windows are sorted, so one cursor walks the windows, from the first that ends after the start. */
static __int128 cost(const struct core *c, const struct class_key *key, usec_t presence_at, const struct class_view *view,
                     usec_t start_at, uint32_t window)
{
    const struct person *p = &c->persons[key->eyes];
    const struct span *w = spans_of(c) + p->spans_at;
    __int128 sum = 0;
    usec_t late_at = key->deadline_at && core_looks_ahead(c) ? key->deadline_at : USEC_NEVER;
    for (int i = 0; i < NODES; i++) {
        usec_t t = start_at + view->node_us[i];
        __int128 seen_at = t;
        if (t >= presence_at && t < p->until_at) {
            while (window < p->spans_n && w[window].until_at <= t)
                window++;
            seen_at = usec_min(window == p->spans_n ? p->until_at : usec_max(t, w[window].from_at), p->until_at);
        }
        if (t > late_at)
            seen_at += TARDY_WEIGHT * (t - late_at);
        sum += seen_at;
    }
    return sum;
}

/* Sum over the quantiles of eyes now, and over the starts of how much more it is then, times 60/m: the sum over m of
 * (60/m) x mW is 6 x 60 W. */
struct rises {
    __int128 now, sum;
};

/* Of runs by themselves in 64 bits (rise.h), where nothing is due and all is near.  Where a limit cuts quantiles, several
 * are one. */
static bool is_near(const struct core *c, const struct policy_ctx *ctx, const struct class_key *key,
                    const struct class_view *view, usec_t base_at)
{
    return !key->deadline_at && ctx->w_us < RISE_WITHIN_US / 2 && view->node_us[NODES - 1] < RISE_WITHIN_US &&
           base_at < RISE_LATEST_AT && base_at > -RISE_LATEST_AT &&
           c->persons[key->eyes].until_at - base_at < RISE_WITHIN_US;
}

static struct rises rises_of(const struct policy_ctx *ctx, const struct class_key *key, const struct class_view *view)
{
    const struct core *c = ctx->core;
    usec_t base_at = view->base_at;
    usec_t presence_at = class_presence_at(key) > base_at ? class_presence_at(key) : 0;
    const uint32_t *window = ctx->window[key->eyes];
    if (!is_near(c, ctx, key, view, base_at)) {
        struct rises r = { cost(c, key, presence_at, view, base_at, window[0]), 0 };
        for (int i = 0; i < STEPS; i++)
            r.sum += (cost(c, key, presence_at, view, base_at + ctx->start_us[i + 1], window[i + 1]) - r.now) *
                     rise_inverse_60[i];
        return r;
    }
    struct rise one = rise_of_run(ctx, key->eyes, base_at, presence_at, view->node_us[0]), all = one;
    for (int k = 1; k < NODES; k++) {
        if (view->node_us[k] != view->node_us[k - 1])
            one = rise_of_run(ctx, key->eyes, base_at, presence_at, view->node_us[k]);
        all.seen_at += one.seen_at;
        all.sum += one.sum;
    }
    return (struct rises){ all.seen_at, all.sum };
}

static int64_t value(const struct policy_ctx *ctx, const struct class_key *key,
                     struct class_view *view)
{
    const struct core *c = ctx->core;
    struct rises rise = rises_of(ctx, key, view);
    unsigned __int128 slope = ((unsigned __int128)rise.sum << 20) /
                              ((unsigned __int128)ctx->w_us * (STEPS * 60 * NODES));
    view->weight_milli = weight_of_person(c, key->owner);
    if (c->settings.chain_milli)
        view->weight_milli = (uint32_t)((uint64_t)view->weight_milli *
                                        weight_chain(c, (usec_t)(rise.now / NODES) - view->base_at) / 1000);
    if (slope < (uint64_t)1 << 32)
        slope = (uint64_t)slope * view->weight_milli / 1000;
    else
        slope = slope * view->weight_milli / 1000;
    if (slope >> 62)
        slope = (unsigned __int128)1 << 62;
    unsigned __int128 index = (slope << 64) / (uint64_t)view->area;
    return policy_nice(index > INT64_MAX ? INT64_MAX : (int64_t)index, key->nice);
}

const struct policy_ops policy_blend = {
    .overtakes = true, .area_ties = true, .uses_index = true, .value = value };
