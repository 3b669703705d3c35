/* odds.h - how early, how late?  Start, end and eyes from samples of what may come (doc/planner.md, "When will it end").
 *
 * A plan's places are where jobs come to lie if each runs for its P50.  Here settings.odds times (64 to 256) every run is
 * drawn, and those in line are placed again in the same order by the same rules (draw.h): widths, models, CPUs,
 * memory, watts, reservations, waves of a limit, starts moved later, and behind them what depends on them.  What a job
 * is told are the 10, 50 and 90 % points of its starts, of its ends and of when these are seen.
 *
 *   draws   from the pool that the forecast rests on, given how long a run has lasted.  Of each job's n draws one lies in
 *           each n-th part of the pool (a Latin hypercube), in an order of luck: its own points are then as exact
 *           as its forecast's.  Each job has a stream of its own, of the team's seed, the number of the last decision and its
 *           number: whoever asks again, or of one alone, gets the same.
 *   who     all that run or start now, the first in line and what depends on those, so that samples x places are no more
 *           than ODDS_PLACES_MAX.  All others are told what the two passes say (plan.h): a row says which.
 *   wider   samples know nothing of who comes tomorrow and goes before.  Of those who wait for room the samples' waits, in
 *           their order, are at least as far out as the waits of the last months were off (band.h), and in the middle just that;
 *           runs are told as wide as they were off.
 *
 * Not sampled, so no odds: who has no place (held, a condition that nobody can see the end of), canaries, tasks whose number at once is
 * limited behind a condition, and all with more than SEARCH_BUSY_MAX jobs running.  People's hours are taken as the plan has
 * them: a job behind a todo moves with its own run alone.  A run is placed by the length that was drawn, as if that were
 * known: a scheduler that does not know it fills gaps less well.
 *
 * Looking only, in the caller's scratch; bounded work, nothing is kept.
 */
#ifndef EOUL_CORE_ODDS_H
#define EOUL_CORE_ODDS_H

#include "core/draw.h"

#define ODDS_LEAST      64u
#define ODDS_MOST       256u
#define ODDS_PLACES_MAX 16384u /* samples x jobs that wait: some 15 ms */
#define ODDS_CHAINED    64u    /* of these so many may depend on others */

/* Memory for them in a drawing's scratch, at *at; base NULL: only how much. */
struct odds *odds_layout(const struct core *c, char *base, size_t *at);
/* With the rows of the first pass and its chain there, before the second: draw and place.  Whoever is not of jobs first to
 * last (0, 0: all) is sampled only for their sake. */
void odds_sample(struct draw *d, job_id first, job_id last);
/* After the second pass: write what the samples say into the rows.  The samples, as long as the scratch is. */
struct core_odds odds_tell(struct draw *d);

/* Start or end of a job in the sample under way; USEC_NEVER: it is not sampled. */
usec_t odds_point(const struct odds *o, uint32_t slot, bool start);

/* The value of n sorted ones that so many of a thousand are at most. */
static inline uint32_t odds_rank(uint32_t n, uint32_t permille) { return (n * permille + 999) / 1000 - 1; }

#endif
