/* weight.h - whose wait counts how much (doc/planner.md, "Weights").
 *
 *     weight = the person's own  x  chain  x  fair
 *
 * chain: a result that is seen soon lets its owner go on soon; 1/(1 + expected time to eyes / 24 h), by
 * settings.chain_milli of its full strength.  fair: ((mean results + 3) / (owner's results + 3)) to the power of
 * settings.fair_milli/1000, between a fifth and five; results are jobs completed in the last 28 days,
 * an array or sweep counting as one: it is one request, however many points it has.  With settings.half_life_us
 * that is multiplied by
 *
 *     ((mean delay of own results + 10 min) / (that of the team's + 10 min)) ^ (fair_delay_milli/1000)
 *     ((mean GPU time of a person + 1 h) / (own GPU time + 1 h)) ^ (fair_gpu_milli/1000)
 *
 * from the falling sums of share.h, own results joined by ten of the team's mean delay; the product stays between
 * a fifth and five.  Both powers are times min(1, 4/3 x the part of the coming week in which the owner cannot look): it is
 * hours that spread delays unevenly, and where everybody is always there the order is that of smallest area.
 *
 * Counts change weights only on the ticks of estimate.h: otherwise every ending would change every value of
 * the queue.
 */
#ifndef EOUL_CORE_WEIGHT_H
#define EOUL_CORE_WEIGHT_H

#include "core/state.h"

#define WEIGHT_DAYS 28

void weight_result(struct core *c, uint32_t slot); /* this job is completed */
void weight_tick(struct core *c);
/* Of a person's jobs, in thousandths: own x fair. */
uint32_t weight_of_person(const struct core *c, uint32_t person);
/* The chain factor, in thousandths, of a result expected to be seen in eyes_us. */
uint32_t weight_chain(const struct core *c, usec_t eyes_us);

#endif
