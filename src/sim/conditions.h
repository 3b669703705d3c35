/* conditions.h - the ledger's share of what a job or todo waits for (invariant.h). */
#ifndef EOUL_SIM_CONDITIONS_H
#define EOUL_SIM_CONDITIONS_H

#include "sim/invariant.h"

/* Are its conditions met, having been what they have been?  `surely`: could nobody think otherwise? */
bool conditions_met(const struct invariant *v, const struct ledger_job *j, usec_t boot_at, bool surely);
/* Are they beyond doubt?  What its array waits for a task waits for again, as long as the array
 * lives; and a target that ended well once and badly another time (asked to run again)
 * met or broke a condition depending on when it was looked at: nobody is blamed for waiting then. */
bool conditions_clear(const struct invariant *v, const struct ledger_job *j);
/* Has every earlier job of that owner and name ended, if it asks for that? */
bool conditions_single(const struct invariant *v, job_id id, const struct ledger_job *j);

#endif
