/* urgent.h - the ledger's share of urgent submits (invariant.h): no more of them in seven days than are allowed.
 * Written from committed events alone. */
#ifndef EOUL_SIM_URGENT_H
#define EOUL_SIM_URGENT_H

#include "sim/invariant.h"

struct given { /* by starts that are to be thought away */
    uint64_t gpu_mask, mem_mib;
    uint32_t cpus;
};
enum front { FRONT_BOOSTED, FRONT_URGENT };
/* What this decision gave to jobs that are not boosted (urgent or boosted); false: one of them may stand before those. */
bool urgent_given(const struct invariant *v, enum front front, const struct core_update *updates, uint32_t n,
                  struct given *ret);

void urgent_submit(struct invariant *v); /* EVENT_SUBMIT */
void urgent_finish(struct invariant *v);

#endif
