/* believed.h - the time of day by which old rows may go.
 *
 * A clock that is wrong for a minute (a battery that is empty, a hand that slipped) must not delete a year of history.
 * The difference between wall and boot clock is believed while it moves by less than BELIEVED_STEP_US; one that is
 * further off has to stand for BELIEVED_AFTER_US of running first, and until then time goes on from what was believed.
 * Pure: no clock is read here. */
#ifndef EOUL_DAEMON_BELIEVED_H
#define EOUL_DAEMON_BELIEVED_H

#include <stdbool.h>

#include "base/usec.h"

#define BELIEVED_STEP_US  USEC_PER_DAY
#define BELIEVED_AFTER_US (12 * USEC_PER_HOUR)
#define BELIEVED_GAP_US   (8 * USEC_PER_DAY) /* a machine may have been off for so long without a doubt */

struct believed {
    usec_t offset_us;  /* wall - boot, as it is believed */
    usec_t other_us;   /* ... as it is claimed */
    usec_t since_at;   /* boot: since when it is claimed; 0: no doubt */
};

/* At a start.  last_at: of the last thing that was written down before; 0: nothing was.  A clock that is behind it is
 * believed: if it is wrong, the less goes. */
void believed_begin(struct believed *b, usec_t last_at, usec_t wall_at, usec_t boot_at);
/* The time of day to go by now. */
usec_t believed_now(struct believed *b, usec_t wall_at, usec_t boot_at);
/* How far the clock is ahead of what is believed (behind it: below 0); 0: it is believed. */
usec_t believed_doubt_us(const struct believed *b, usec_t wall_at, usec_t boot_at);

#endif
