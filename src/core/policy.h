/* policy.h - in what order are jobs taken?  One interface; a file per policy.
 *
 * A policy gives every class of like jobs a value: larger goes first.  The rest of the order is
 * common (dispatch.c): jobs that have waited age_us go before all others in the order of their submits;
 * a job sent first stands before its owner's best; ties go to the smaller area where the policy
 * says so, then to the earlier submit.
 *
 * Values are functions of the state and of *quantised* time: now is cut down to a tick (1, 5 or 15
 * minutes, by the backlog) or to the owner's last window edge since, and the backlog W moves in
 * steps of 1.25 with hysteresis.  Between ticks nothing is computed again, and a copy of the state
 * computes the same.
 */
#ifndef EOUL_CORE_POLICY_H
#define EOUL_CORE_POLICY_H

#include "core/state.h"

#define POLICY_STARTS 7 /* now, and six parts of the backlog later (policy_blend.c) */

struct policy_ctx {
    const struct core *core;
    const struct policy_ops *ops;
    usec_t now_at, boot_at;
    usec_t tick_us, tick_at; /* now, cut down */
    uint32_t level;
    usec_t w_us;   /* backlog: how long the queued work keeps all GPUs busy, at least 15 min */
    usec_t start_us[POLICY_STARTS]; /* so long after the base is each start that a value looks at, in order */
    bool deciding; /* forecasts may be kept in the core; not when only looking */
    bool ordered;  /* the kept order (order.h) is up to date, and decides */
    /* Per person who looks: tick_at, or their last window edge since; 0: not worked out yet. */
    usec_t base_at[CORE_PERSONS_MAX + 1];
    /* ... and with it their first window that ends after the base, and after each later start that a value looks at. */
    uint32_t window[CORE_PERSONS_MAX + 1][POLICY_STARTS];
};

struct policy_ops {
    bool overtakes;     /* backfill behind the reservation */
    bool area_ties;
    bool uses_index;    /* its value depends on time and backlog */
    bool shares;        /* nobody has more than their share of the GPUs at once */
    int64_t (*value)(const struct policy_ctx *ctx, const struct class_key *key,
                     struct class_view *view); /* view->base_at stands for now */
};
extern const struct policy_ops policy_blend, policy_fifo, policy_easy, policy_sjf, policy_saf,
    policy_srsf, policy_las, policy_booked;

/* Views are kept per class and renewed when what they were made from has changed: in the core's
 * classes when deciding, in a copy when only looking. */
void policy_begin(struct policy_ctx *ctx, const struct core *c, usec_t now_at, usec_t boot_at);
/* The area of a view that has its node_us. */
void policy_area(const struct core *c, uint32_t gpus, uint32_t cpus, struct class_view *view);
/* Now as the values of whoever looks see it: the tick, or their last window edge since. */
usec_t policy_base(struct policy_ctx *ctx, uint32_t person);
/* Has what its forecast was made from changed since? */
static inline bool policy_is_stale(const struct policy_ctx *ctx, const struct class_view *view)
{
    const struct core *c = ctx->core;
    return view->epoch != core_epoch(c) ||
           (view->group != NONE && groups_of(c)[view->group].version != view->group_version);
}
/* Forecast part of a view; whoever goes through all that wait asks first whether it is stale. */
void policy_forecast(const struct policy_ctx *ctx, const struct class_key *key,
                     struct class_view *view);
/* The backlog is w_us long: starts that a value looks at, and nobody's base yet. */
void policy_starts(struct policy_ctx *ctx, usec_t w_us);
/* Choose the backlog step from the area queued (milli-GPU x us). */
void policy_backlog(struct policy_ctx *ctx, unsigned __int128 area);
/* Its value, if what that was made from has changed since. */
void policy_value(struct policy_ctx *ctx, const struct class_key *key, struct class_view *view);

/* Milli-GPUs a job counts for: its GPUs, or its share of the CPUs in GPUs if it needs none. */
uint32_t policy_width_milli(const struct core *c, uint32_t gpus, uint32_t cpus);
/* After `now`, when values may next change though nothing happens. */
usec_t policy_next_tick(const struct policy_ctx *ctx);

const struct policy_ops *policy_ops_of(const struct core *c);

/* GPUs of one person where the policy shares them out: settings, or equally among the people known. */
uint32_t policy_share(const struct core *c);

/* nice: 0 leaves it, 100 halves, -100 doubles. */
int64_t policy_nice(int64_t value, int32_t nice);

#endif
