/* siblings.h - tasks of one array that fail alike: the rest is held instead of burning the night.
 *
 * An array submitted with hold_after n counts, over its tasks, first failures of the same kind (cause
 * and exit code or signal) with no success between them.  At the n-th every waiting task of the array
 * is held (JOB_HELD with JOBX_HELD_FAILURES) and the count begins anew; what runs goes on.  `release`
 * ends the hold.  A task counts once, at its first failure: its own retries are not its siblings'
 * trouble.  A lost attempt, a cancel and a stop rule say nothing and change nothing.
 */
#ifndef EOUL_CORE_SIBLINGS_H
#define EOUL_CORE_SIBLINGS_H

#include "core/retry.h"

/* A new array with what its submit says of it. */
uint32_t siblings_array(struct core *c, const struct ev_submit *ev);
/* A task failed; it waits again, or is not yet ended.  first: it never failed before. */
void siblings_failed(struct core *c, uint32_t slot, const struct retry_end *end, bool first);
void siblings_went_well(struct core *c, uint32_t slot);
/* Hold every waiting task; `why` is the JOBX_HELD_* that says so. */
void siblings_hold(struct core *c, uint32_t array, uint32_t why);

#endif
