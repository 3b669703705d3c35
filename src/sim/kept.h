/* kept.h - the ledger's share of reservations: GPUs that are kept for somebody (invariant.h).
 *
 * Written from committed events alone.  A start is judged by what it leaves, now and at the beginning of each
 * reservation that its time limit lets it reach. */
#ifndef EOUL_SIM_KEPT_H
#define EOUL_SIM_KEPT_H

#include "sim/invariant.h"

void kept_event(struct invariant *v); /* EVENT_RESERVE, EVENT_UNRESERVE */
void kept_tick(struct invariant *v);  /* at a decision: those that are over go */
void kept_judge(struct invariant *v, job_id id, const struct ledger_job *j); /* it starts */
/* Might what is kept for others keep it waiting, on a machine that is idle? */
bool kept_may_block(const struct invariant *v, const struct ledger_job *j, usec_t wall_at);

#endif
