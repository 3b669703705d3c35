/* switched.h - the ledger's share of the mode of the week (core/mode.h): what may not come of a switch in the middle of one.
 *
 * Rule "mode-switch": settings that differ from the last in nothing but the mode start and stop nobody by themselves; what
 * runs keeps its GPUs and all that was told of its end and of when it is seen (P10, P50, P90); nobody's run time is forecast
 * another; and a start that had been moved is, when it comes, still said to have been, since the same instant: what that
 * cost its owner is counted (core/calibrate.h) whatever mode it comes in.
 * Rule "mode": in a mode that moves nobody's start (plan, area) no plan moves one, nobody waits to be started later, and no
 * start that comes was first moved since.
 *
 * What is told moves with time by itself: a switch is judged where the core has just been told something else at the same
 * instant.  What starts and waits is judged when it is committed; of a clock that was set since, nothing is said.
 */
#ifndef EOUL_SIM_SWITCHED_H
#define EOUL_SIM_SWITCHED_H

#include "sim/invariant.h"

/* Around core_step: what an EVENT_SETTINGS finds, and what it leaves; n updates came of it. */
void switched_before(struct invariant *v, const struct core *core, const struct core_event *ev);
void switched_after(struct invariant *v, const struct core *core, const struct core_event *ev, uint32_t n);
/* Right after a decision's step, of each start; the same when it is committed. */
void switched_started(struct invariant *v, const struct core *core, const struct core_update *start);
void switched_begun(struct invariant *v, job_id id, const struct ledger_job *j);
void switched_event(struct invariant *v);   /* EVENT_SETTINGS is committed; before the ledger takes it */
void switched_decided(struct invariant *v); /* EVENT_DECIDE is */
void switched_plan(struct invariant *v, const struct core_plan *plan);
void switched_finish(struct invariant *v);

#endif
