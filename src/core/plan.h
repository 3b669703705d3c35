/* plan.h - rows: what starts now, what is reserved, and where everything else goes.
 *
 * The decision (dispatch.h) comes first and is drawn as it is: rows of a START begin at the
 * decision's own time.  All other waiting jobs are then placed in the total order, each at the
 * earliest time after now that the profile of running jobs, starts and places before it allows; run
 * times at P50. A second pass at P90 gives start_p90_at.  What waits for others follows (chain.h).
 * Nothing here decides anything.
 */
#ifndef EOUL_CORE_PLAN_H
#define EOUL_CORE_PLAN_H

#include "core/dispatch.h"

/* Decide, keep the rows of it in the core. */
void plan_decide(struct core *c, struct dispatch *ret);

struct lengths { /* of a whole run */
    usec_t p10_us, p50_us, p90_us;
};
/* Fill in a row's times from its starts. */
void plan_row_times(const struct core *c, const struct job *j, struct plan_row *row, usec_t start_at,
                    usec_t late_at, const struct lengths *l);

#endif
