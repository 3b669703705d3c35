/* defer.h - what a start costs, and whether a later one costs less (doc/planner.md, "Starting later").
 *
 * The cost of starting at s is, summed over the quantiles p_k of the job's run time,
 *
 *     eyes(owner, s + p_k)  +  tardiness of s + p_k  +  price of its GPUs from s to s + p_k
 *
 * in microseconds of a person, NODES times over.  A start may be moved later, on a grid of half hours, only
 * inside its slack: the P90 of when its owner sees the result does not move (by more than --flex), nor does what waits
 * for it (slack.h).
 *
 * Who may be moved at all: settings.defer 0 nobody; 1 jobs whose owner agreed (person.defer, or for this one by
 * --flex), whose forecasts hold (calibrate.h), whose command has succeeded before, or whose canary has or still can
 * (canary.h), and whose code is committed or snapshotted; 2 everybody's, for comparisons.  Never one with --now or
 * --urgent, sent first, or over its age.
 */
#ifndef EOUL_CORE_DEFER_H
#define EOUL_CORE_DEFER_H

#include "core/policy.h"
#include "core/price.h"

#define DEFER_MAX_US   (5 * USEC_PER_DAY)
#define DEFER_LEAST_US USEC_PER_MIN /* of a person, per quantile: less is not worth a move */
#define WOULD_LEAST_US USEC_PER_MIN /* a start that would be moved by less is the same */
#define TARDY_WEIGHT   3            /* an hour late is as bad as three hours of waiting */

/* ... and with a tariff this: some won are, if nobody waits for it. */
#define DEFER_LEAST_TARIFF_US USEC_PER_SEC
static inline usec_t defer_least(const struct price_table *p)
{
    return p->has_tariff ? DEFER_LEAST_TARIFF_US : DEFER_LEAST_US;
}

/* May jobs of this class be moved?  Not asked of aged ones. */
bool defer_may(const struct core *c, const struct class_key *key, const struct class_view *view, usec_t now_at);

/* ... had its owner agreed, who has not? */
bool defer_would(const struct core *c, const struct class_key *key, const struct class_view *view, usec_t now_at);

/* `window` is a cursor over the owner's windows: at or before the first that ends after start_at
 * (avail_window), moved on to it; ascending starts may hand it on. */
int64_t defer_cost(const struct core *c, const struct price_table *p, const struct class_key *key,
                   const struct class_view *view, usec_t start_at, uint32_t *window);
/* The part of it that is eyes and tardiness: never less for a later start. */
int64_t defer_eyes(const struct core *c, const struct price_table *p, const struct class_key *key,
                   const struct class_view *view, usec_t start_at, uint32_t *window);
/* The latest start, given one at start_at, that keeps the P90 of eyes; start_at if there is no slack. */
usec_t defer_until(const struct core *c, const struct class_key *key, const struct class_view *view,
                   usec_t start_at);
/* The cheapest start from now on as if there were always room, for the sake of what waits for it no later than
 * latest_at (slack.h); now_at unless a later one is cheaper. */
usec_t defer_best(const struct core *c, const struct price_table *p, const struct class_key *key,
                  const struct class_view *view, usec_t now_at, usec_t latest_at);

#endif
