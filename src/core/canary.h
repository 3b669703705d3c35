/* canary.h - a short run, while its owner is there, that proves that a job starts at all.
 *
 * A job that waits for the night fails at one in the morning for a path that is wrong, and its owner learns of it
 * at nine.  One submitted with --canary is started early instead, for a few minutes and in a gap that nobody
 * needs, and ended at that length:
 *
 *     PENDING --decide: START with a length--> CONFIGURING --> RUNNING --ended at its length, or exit 0--> PENDING
 *                                                                 |                    (JOBX_PROVEN: it passed)
 *                                                                 `--anything else--> PENDING, held
 *                                                                                      (JOBX_HELD_CANARY)
 *
 * It is an attempt like others: a number of its own, started at most once, cancelled, signalled and lost like any.
 * But it is no run.  It spends no retry, enters no history of run times, scores no forecast, begins nothing for
 * whoever waits for the job's start, and is never asked to make way.  A lost one holds its job too, unless the owner
 * said --requeue; processes that are not proven gone end the job, as they do after any attempt.
 *
 * Who gets one: a job that asks for it, has not run yet and has not had one that went well; of an array one task
 * stands for all.  When: it cannot start now (no room, or moved later), its GPUs are free until the canary is over
 * without delaying anybody's place, and its owner is there until then; not where its own start is known to come while
 * they are, nor for a run that is hardly longer.
 */
#ifndef EOUL_CORE_CANARY_H
#define EOUL_CORE_CANARY_H

#include "core/state.h"

struct run;

#define CANARY_MOST 16 /* canaries begun in one decision */

static inline uint32_t canary_count(const struct job *j) /* of its attempts */
{
    return j->flags >> JOBX_CANARIES_AT & UINT8_MAX;
}
usec_t canary_asked(const struct job *j); /* 0: none */
/* Seconds of the canary that this job still wants; 0: none. */
uint32_t canary_wants(const struct core *c, const struct job *j);
enum canary_state canary_of(const struct core *c, const struct job *j);

/* Does a job of this class still want one, and is its owner there for it from now on? */
bool canary_can(const struct core *c, const struct class_key *key, usec_t now_at);

/* Behind the starts of a decision, those of canaries; when there may be others though nothing happens. */
void canary_start(struct run *r);
usec_t canary_again(const struct run *r);

/* An attempt begins as one (between job_open and job_close). */
void canary_begins(struct job *j);
void canary_passed(struct core *c, uint32_t slot, struct out *out);
void canary_failed(struct core *c, uint32_t slot, struct out *out);
/* A task enters an array: what its siblings proved holds for it. */
void canary_joins(struct core *c, uint32_t slot);

/* How long the run behind it is expected to take. */
struct forecast canary_run(const struct core *c, const struct job *j);

#endif
