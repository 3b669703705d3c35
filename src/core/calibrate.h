/* calibrate.h - do forecasts come true, and does moving a start later cost what it must not?
 *
 * When an attempt starts, the P90 of its run is noted; when it ends well (or its time limit ends it), it is scored: did it
 * end by then?  The last 200 scores are kept of each person and of the team, a bit each.  Nine of ten should be hits.
 *
 * Starts of a person's jobs are moved later (defer.h) only while that holds for them: with 20 scores or more, of the
 * last 50 at least four in five.  A job that was moved is looked at again when it ends: had it run as long from when it
 * was first moved, would its owner have seen it earlier (by more than its --flex)?  That is a missed look.
 *
 * Failures say nothing about a run time and are not scored.  Nothing is kept with settings.calibrate 0.
 */
#ifndef EOUL_CORE_CALIBRATE_H
#define EOUL_CORE_CALIBRATE_H

#include "core/state.h"

#define CALIBRATE_LEAST 20u /* scores before they are believed */
#define CALIBRATE_LAST  50u /* of these at least ... */
#define CALIBRATE_HOLDS_PERCENT 80u /* nine in ten is aimed at; of 50 by luck alone fewer than 40 one time in 50 */

/* An attempt starts; its run should be over by then nine times in ten. */
void calibrate_started(struct core *c, struct job *j, usec_t p90_us);
/* It ended well, or by its time limit. */
void calibrate_ended(struct core *c, const struct job *j, usec_t ran_us, bool by_limit);
/* At the end of a decision: who waits because their start was moved later. */
void calibrate_deferred(struct core *c);
bool calibrate_holds(const struct core *c, uint32_t person);
uint64_t calibrate_hash(uint64_t h, const struct hits *hits);

#endif
