/* explained.h - the ledger's share of explanations: every number that `eoul why` and `eoul me` rest on, worked out again.
 *
 * Rules "why" (of a job: place, times, room, limits, who is in the way), "why-weight" and "would" (of a person).  From committed
 * events alone: windows, sums that fall and who was kept out are kept here a second time, in floating point.  Work is that
 * of a few jobs of each plan, another few each time.  Prices are electric.h's, lengths of runs lengths.h's.  What is taken from
 * the core: the plan's rows, which rules of their own judge.
 */
#ifndef EOUL_SIM_EXPLAINED_H
#define EOUL_SIM_EXPLAINED_H

#include "sim/invariant.h"

void explained_event(struct invariant *v);  /* any, before its updates */
void explained_update(struct invariant *v, const struct core_update *u); /* before the ledger's own state changes */
void explained_rebooted(struct invariant *v, usec_t off_us); /* the machine was off so long */
void explained_plan(struct invariant *v, const struct core *core, const struct core_plan *plan);
/* When whoever looks at this job's result sees it, if it comes then. */
usec_t explained_job_eyes(struct invariant *v, job_id id, usec_t t);
/* Has the half hour after its submit been over, by a clock that is set back since?  The core then counts it no more. */
bool explained_presence_over(struct invariant *v, job_id id);
/* Its start, had its owner agreed, would have been so much later; 0: it would not. */
void explained_would(struct invariant *v, job_id id, usec_t later_us);
void explained_finish(struct invariant *v);

#endif
