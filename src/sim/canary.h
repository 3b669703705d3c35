/* canary.h - the ledger's share of canaries: short runs before long ones (invariant.h, core/canary.h).
 *
 * Written from committed events alone.  One begins only for a job that asked for it, has not run and has not had
 * one that went well, one at a time of an array, and for no longer than was asked; one that fails keeps its job, and
 * all that wait of its array, until somebody releases them; one that goes well spends nothing. */
#ifndef EOUL_SIM_CANARY_H
#define EOUL_SIM_CANARY_H

#include "sim/invariant.h"

void canary_begun(struct invariant *v, job_id id, struct ledger_job *j, usec_t length_us);
/* An attempt that was one is over and the job waits again, or is over with it. */
void canary_back(struct invariant *v, job_id id, struct ledger_job *j, const struct core_update *u);
void canary_final(struct invariant *v, job_id id, const struct ledger_job *j);

#endif
