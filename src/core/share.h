/* share.h - what each person has had lately: GPU time, and delay of results (doc/planner.md, "Weights").
 *
 * Three sums per person, halved every settings.half_life_us: GPU-microseconds used, results (SHARE_ONE each),
 * and how much later they were seen than on an empty machine,
 *
 *     eyes(end) - eyes(ready + work),   at most SHARE_DELAY_MAX_US each,
 *
 * where ready is when the job could first have started (its begin time, what it waits for and holds passed).
 * Sums are fed by events only and fall in steps of 1/64 half-life of wall time, counted from the epoch, so that
 * they do not depend on when somebody looks.  A clock that goes back lets them stand.
 */
#ifndef EOUL_CORE_SHARE_H
#define EOUL_CORE_SHARE_H

#include "core/state.h"

#define SHARE_ONE          (1u << 16)
#define SHARE_DELAY_MAX_US (7 * USEC_PER_DAY)
#define SHARE_STEPS        64 /* of a half-life */

/* queue_update, after something that kept this job out of line is over. */
void share_let_in(struct core *c, uint32_t slot);
/* An attempt leaves the machine. */
void share_used(struct core *c, const struct job *j);
/* A job has ended well, or by its limit, after an attempt of ran_us. */
void share_result(struct core *c, const struct job *j, usec_t ran_us);
/* Everybody's sums are as of now. */
void share_tick(struct core *c);
uint64_t share_hash(uint64_t h, const struct share *s);

#endif
