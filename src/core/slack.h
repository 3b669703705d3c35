/* slack.h - how far may a start be moved before something that waits for it is seen later?
 *
 * A backward pass through dependents (doc/planner.md, "Starting later").  Whatever waits for a job, for its end or its
 * start, and whatever waits for that, is followed as if it began the moment it may: at P50 of all lengths and at P90.
 * What is left of each until its owner looks (nothing while they are there), of a todo until somebody offers time for
 * it, and of a deadline, is its slack; a --begin on the way adds what it leaves.  The least of all is the slack of what
 * they wait for: neither the likely nor the late time at which any of them is seen moves.  Other conditions, and room
 * that is not there, only make things wait longer, and the time something is seen never falls with the time it begins:
 * what holds link by link holds beside them, too.
 *
 * PLANNER's "the end of a chain counts, not of a link" is kept on the safe side: each link counts.  What a job's owner
 * gave with --flex is of that job alone.  Who waits for a name (--dependency=singleton) leaves no slack, nor does a
 * chain of more than SLACK_DEPTH links or SLACK_NODES conditions.
 *
 * Pure looking; work is bounded by SLACK_NODES, and a scan of all jobs where singletons wait.
 */
#ifndef EOUL_CORE_SLACK_H
#define EOUL_CORE_SLACK_H

#include "core/state.h"

#define SLACK_DEPTH   16  /* links that are followed */
#define SLACK_NODES   256 /* conditions, tasks and waves that are looked at: some 50 us */
#define SLACK_MEMBERS 256 /* like jobs that are asked one by one */

struct slack_lengths { /* of the run that would be moved */
    usec_t p50_us, p90_us;
};

/* The latest start, given one at start_at, that what waits for this job's end or start allows; USEC_NEVER: nothing waits. */
usec_t slack_until(const struct core *c, uint32_t slot, const struct slack_lengths *l, usec_t start_at);
/* The same for all waiting jobs of a class together: the least. */
usec_t slack_until_all(const struct core *c, const struct job_class *class, const struct slack_lengths *l, usec_t start_at);
/* Does another job wait until this one, of its owner and name, is over? */
bool slack_single(const struct core *c, const struct job *j);

#endif
