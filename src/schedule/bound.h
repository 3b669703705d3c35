/* bound.h - no schedule is shorter than this.
 *
 * The largest of: the longest chain of links; for each resource, release h and tail q, the work of the
 * tasks that cannot start before h and are followed by q more, spread over all there is of it
 * (the energetic argument of Baptiste, Le Pape and Nuijten 1999 on heads and tails); and chains of
 * tasks that pairwise do not fit beside each other (Mingozzi et al. 1998, greedily chosen).
 * Weak where capacities change: the most there ever is counts.
 */
#ifndef EOUL_SCHEDULE_BOUND_H
#define EOUL_SCHEDULE_BOUND_H

#include "schedule/problem.h"

int32_t bound_makespan(const struct problem *p);

#endif
