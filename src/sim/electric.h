/* electric.h - the ledger's share of electricity: what `eoul why` says a run costs, worked out again.
 *
 * From the committed tariff, GPUs and plan rows alone, minute by minute, where the core adds up steps. */
#ifndef EOUL_SIM_ELECTRIC_H
#define EOUL_SIM_ELECTRIC_H

#include "sim/invariant.h"

void electric_event(struct invariant *v); /* EVENT_TARIFF, EVENT_GPU */
/* Of the first jobs that wait for a start: is the price of each explanation right? */
void electric_plan(struct invariant *v, const struct core *core, const struct core_plan *plan);

#endif
