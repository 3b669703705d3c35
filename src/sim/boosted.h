/* boosted.h - the ledger's share of boosts (invariant.h): work that an operator put before others'.
 * Written from committed events alone; what the core has kept of them is compared at decisions and restarts. */
#ifndef EOUL_SIM_BOOSTED_H
#define EOUL_SIM_BOOSTED_H

#include "sim/invariant.h"

void boosted_event(struct invariant *v); /* EVENT_BOOST, EVENT_UNBOOST */
/* After a decision: those that are over, or whose job is, count no more. */
void boosted_tick(struct invariant *v);
bool boosted_stands(const struct invariant *v, job_id id, const struct ledger_job *j);
/* After a decision's step at this time the core keeps none that is over; after a restart it keeps just these. */
void boosted_stepped(struct invariant *v, const struct core *core, usec_t wall_at);
void boosted_recovered(struct invariant *v, const struct core *core);

#endif
