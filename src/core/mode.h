/* mode.h - the three orders that a week may be run in (doc/planner.md, "The mode of the week").
 *
 *     later   blend, and starts of those who agreed are moved inside their slack
 *     plan    blend, nobody's start is moved
 *     area    smallest expected area first; where jobs make way, smallest remaining area
 *
 * The core knows none of them: it is told settings, and a mode is a way to fill these in.  Here because the live daemon and
 * the simulator must mean the same by one word; which of them serves a team best is found out in sim/mode.h.  Pure.
 */
#ifndef EOUL_CORE_MODE_H
#define EOUL_CORE_MODE_H

#include <stdbool.h>

#include "core/core.h"

#define MODE_WEEKS    4  /* whole weeks that are replayed */
#define MODE_JOBS_MIN 20 /* a week with fewer results says nothing */

enum mode { MODE_LATER, MODE_PLAN, MODE_AREA, MODE_COUNT };

const char *mode_word(enum mode mode);
int mode_parse(struct str word, enum mode *ret); /* 0 or E_INVALID */

/* The policy and settings of blend under that mode. */
void mode_apply(enum mode mode, bool preempt, uint32_t *policy, struct ev_settings *settings);

#endif
