/* watts.h - the ledger's share of the power cap (invariant.h): what each start takes, and that all together stay under it.
 *
 * What a start books is the core's word, and judged: it must be what the submit said, else the P90 of what the ledger saw
 * runs of its owner, command and width take, else the GPUs' full load.  All else is from committed events and answers
 * alone.
 */
#ifndef EOUL_SIM_WATTS_H
#define EOUL_SIM_WATTS_H

#include "sim/invariant.h"

void watts_event(struct invariant *v); /* EVENT_POWER */
/* What the core says it books, right after its step: judged when the start is committed. */
void watts_stepped(struct invariant *v, const struct core *core, job_id job);
void watts_start(struct invariant *v, job_id job, struct ledger_job *j);
void watts_ended(struct invariant *v, struct ledger_job *j, enum job_state to); /* before it changes */
/* Of the cap of now: does it fit beside what runs?  true where there is none. */
bool watts_fit(const struct invariant *v, const struct ledger_job *j);
/* Alone on the machine under the lowest cap? */
bool watts_ever_fit(const struct invariant *v, const struct ledger_job *j);
/* The numbers of power in an explanation; the reason is PowerNotAvail only where watts, now or under a cap to come, are
 * too few. */
void watts_explained(struct invariant *v, const struct core_plan *plan, const struct explanation *e,
                     const struct ledger_job *j);
/* A decision is committed: what the core said of its starts has been used. */
void watts_decided(struct invariant *v);
/* Does somebody wait for a higher cap than that of now?  Then others may have to keep out of their way. */
bool watts_barred(const struct invariant *v);
void watts_finish(struct invariant *v);

#endif
