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
#include "core/weight.h"

/* m as parts of 20, and 60/m: the sum over m of (60/m) x mW is then 6 x 60 W. */
static const struct { int64_t of_20, inverse_60; } steps[] = {
    { 2, 600 }, { 5, 240 }, { 10, 120 }, { 20, 60 }, { 30, 40 }, { 40, 30 },
};
#define STEPS 6

/* Sum over the quantiles of eyes(start + p_k), and of how late that is.  Both the quantiles and the
 * windows are sorted, so one cursor walks the windows; *first, at or before the first that ends after the
 * earliest end, is moved on to it: a later start begins there. */
static __int128 cost(const struct core *c, const struct class_key *key, usec_t presence_at,
                     const struct class_view *view, usec_t start_at, uint32_t *first)
{
    const struct person *p = &c->persons[key->eyes];
    const struct span *w = spans_of(c) + p->spans_at;
    uint32_t window = *first;
    __int128 sum = 0;
    usec_t late_at = key->deadline_at && core_looks_ahead(c) ? key->deadline_at : USEC_NEVER;
    for (int i = 0; i < NODES; i++) {
        usec_t t = start_at + view->node_us[i];
        if (t < presence_at || t >= p->until_at) {
            sum += t;
        } else {
            while (window < p->spans_n && w[window].until_at <= t)
                window++;
            usec_t eyes_at = window == p->spans_n ? p->until_at : usec_max(t, w[window].from_at);
            sum += usec_min(eyes_at, p->until_at);
        }
        if (i == 0)
            *first = window;
        if (t > late_at)
            sum += TARDY_WEIGHT * (t - late_at);
    }
    return sum;
}

static int64_t value(const struct policy_ctx *ctx, const struct class_key *key,
                     struct class_view *view)
{
    const struct core *c = ctx->core;
    usec_t base = view->base_at;
    usec_t presence_at = class_presence_at(key) > base ? class_presence_at(key) : 0;
    uint32_t window = avail_window(c, key->eyes, base);
    __int128 now = cost(c, key, presence_at, view, base, &window), sum = 0;
    for (int i = 0; i < STEPS; i++) {
        usec_t later = base + ctx->w_us / 20 * steps[i].of_20;
        sum += (cost(c, key, presence_at, view, later, &window) - now) * steps[i].inverse_60;
    }
    unsigned __int128 slope = ((unsigned __int128)sum << 20) /
                              ((unsigned __int128)ctx->w_us * (STEPS * 60 * NODES));
    view->weight_milli = weight_of_person(c, key->owner);
    if (c->settings.chain_milli)
        view->weight_milli = (uint32_t)((uint64_t)view->weight_milli *
                                        weight_chain(c, (usec_t)(now / NODES) - base) / 1000);
    slope = slope * view->weight_milli / 1000;
    if (slope >> 62)
        slope = (unsigned __int128)1 << 62;
    unsigned __int128 index = (slope << 64) / (uint64_t)view->area;
    return policy_nice(index > INT64_MAX ? INT64_MAX : (int64_t)index, key->nice);
}

const struct policy_ops policy_blend = {
    .overtakes = true, .area_ties = true, .uses_index = true, .value = value };
