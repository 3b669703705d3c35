/* sampled.h - the ledger's share of odds (invariant.h, core/odds.h).
 *
 * Rule "odds": what a plan says of start, end and eyes in one, five and nine of ten cases is what its samples come to, counted
 * again here, and the samples are possible: nobody starts before now, or before what they wait for has ended; nobody runs beyond
 * their limit; the GPUs, CPUs and memory that are there hold all that run at once; and runs are drawn as wide as
 * their forecast says.  Where waits are widened by how far off others' were, which is not kept here, the samples' own points
 * must lie inside. */
#ifndef EOUL_SIM_SAMPLED_H
#define EOUL_SIM_SAMPLED_H

#include "sim/invariant.h"

void sampled_plan(struct invariant *v, const struct core *core, const struct core_plan *plan, usec_t wall_at, usec_t boot_at);

#endif
