/* urgent.h - the ledger's share of urgent submits (invariant.h): no more of them in seven days than are allowed.
 * Written from committed events alone. */
#ifndef EOUL_SIM_URGENT_H
#define EOUL_SIM_URGENT_H

#include "sim/invariant.h"

void urgent_submit(struct invariant *v); /* EVENT_SUBMIT */
void urgent_finish(struct invariant *v);

#endif
