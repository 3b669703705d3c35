/* stoprule.h - which points of a sweep are given up: --stop-worst SHARE --after PART.
 *
 * A point comes to its mark once: when it has done PART of its run (by what it says of its progress;
 * if it says nothing, by the forecast from earlier runs of the same command), or has run for PART if
 * that is a time.  The value of its compared result at that moment is kept.  Each time a point comes
 * to the mark, all that ever did are compared: with n of them the worst floor(n x SHARE) are to stop.
 * Nothing is stopped before STOPRULE_LEAST points have come, and none that is past half of its run.
 * "nan" is worse than any number; of two alike the later id is worse.
 *
 * So a point is measured by those that came before it, and again by those that come after; whoever runs
 * side by side is judged alike.  If the good points come first, more than SHARE are stopped, if the bad
 * ones do, fewer: like the median rule of Vizier, and for the same reason, it waits for nobody.  Pure.
 */
#ifndef EOUL_DAEMON_STOPRULE_H
#define EOUL_DAEMON_STOPRULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define STOPRULE_LEAST 4u      /* fewer say nothing about what is usual */
#define STOPRULE_HALF  500000u /* ppm of a run: what is past it is let go on */

struct stop_point {
    uint32_t job;
    double value; /* NaN allowed */
};

/* Order them worst first and return how many at the front are to stop. */
uint32_t stoprule_worst(struct stop_point *points, uint32_t n, uint32_t share_ppm, bool maximize);

/* The value of `name` (empty: the first) in "name=value" lines; false: it is not there, or no number
 * and not nan. */
bool stoprule_value(struct str text, struct str name, struct str *ret_text, double *ret);

#endif
