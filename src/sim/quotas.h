/* quotas.h - the ledger's share of quotas (invariant.h): GPUs at once of an account, GPU-hours in some days of an account
 * or a person.  Written from committed events alone; used time is added up from the runs themselves, not by days.
 *
 * Under a clock that was set, what had been used by the old one is left out: the core may know more of it. */
#ifndef EOUL_SIM_QUOTAS_H
#define EOUL_SIM_QUOTAS_H

#include "sim/invariant.h"

void quotas_event(struct invariant *v); /* EVENT_ACCOUNT, EVENT_PERSON */
void quotas_left(struct invariant *v, const struct ledger_job *j); /* its attempt, which ran, leaves the machine */
void quotas_judge(struct invariant *v, job_id id, const struct ledger_job *j); /* it starts */
/* May a quota keep it waiting beside room? */
bool quotas_may_hold(const struct invariant *v, const struct ledger_job *j);
uint32_t quotas_gpus(const struct invariant *v, uint32_t account); /* that its jobs have now */
void quotas_finish(struct invariant *v);

#endif
