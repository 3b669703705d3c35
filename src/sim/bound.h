/* bound.h - how short could the mean time-to-eyes be at best?  A bound that no scheduler can beat.
 *
 * The capacity of the GPUs is priced out (Lagrangian of the time-indexed relaxation): at any prices pi(t) >= 0 of a
 * GPU-hour, sum over jobs of [the cheapest start: eyes(s + p) - r + g x integral of pi over the run] minus GPUs x
 * integral of pi is at most the optimum.  Prices are of half hours and improved by subgradient steps; stopping early
 * only weakens the bound.  Every start is considered, not only those on the grid: the cost is piecewise linear in
 * the start, so its least value is at a corner (both ends on the grid or at an edge of the owner's windows).
 *
 * Under a power cap watts are priced out beside the GPUs, by their own prices of the same half hours (the highest cap of
 * each).  That is a bound for plans that never draw more than the cap: those of run times known exactly, and under a cap
 * that does not change all whose plan knows the watts.
 *
 * Preemptive: any p hours of quarter hours before the completion may be bought, without a price for interrupting.
 * Run times are the true ones (clairvoyant), so the bound holds for any estimates.  GPUs are one pool.
 */
#ifndef EOUL_SIM_BOUND_H
#define EOUL_SIM_BOUND_H

#include "energy/powercap.h"
#include "sim/presence.h"

struct bound_options {
    uint32_t gpus;
    uint32_t steps;       /* of the subgradient: 0 is the bound without capacity */
    double target_us;     /* sum of time-to-eyes of a known schedule: sets the size of steps */
    bool preemptive;
    const struct powercap *cap; /* of watts, in zone; NULL: none */
    const struct zone *zone;
    double gpu_watts;     /* of jobs that tell none */
};

/* Mean hours, over all jobs of the trace. */
double bound_tte_h(const struct trace *t, const struct presence *p, const struct bound_options *o);

#endif
