/* slack.h - the ledger's share of starts that are moved later (invariant.h, core/slack.h).
 *
 * Rule "slack": where a plan says that a start is moved, neither the likely (P50) nor the late (P90) time at which anything
 * that waits for it is seen moves with it, nor the late time at which the job itself is seen, unless its owner gave
 * --flex; and where it is said until when a start is as good, that is so for what waits for it, too.  Followed from committed conditions, link by link; of those that wait for other things beside it, or whose target
 * has been run before, nothing is said.  Lengths are the core's forecasts, which nobody can know better. */
#ifndef EOUL_SIM_SLACK_H
#define EOUL_SIM_SLACK_H

#include "sim/invariant.h"

/* Does anything that has not ended wait for this job? */
bool slack_waited_for(struct invariant *v, job_id id);
/* Rule "would": what a start is said to have been moved to, had its owner agreed, is of somebody who has not, may be moved by
 * all other conditions, and is seen as soon nine times in ten. */
void slack_started(struct invariant *v, const struct core *core, const struct core_update *start);
void slack_begun(struct invariant *v, job_id id, const struct ledger_job *j); /* that start is committed */
void slack_plan(struct invariant *v, const struct core *core, const struct core_plan *plan);

#endif
