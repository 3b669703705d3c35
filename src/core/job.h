/* job.h - the table of live jobs: records, ids, states, timers, who runs.
 *
 *                submit
 *                  |            hold, release, dependencies, begin time: stays PENDING
 *                  v
 *        +----- PENDING <---------------------------------------------+
 *        |         | decide: START                                    |
 *        |         v                                                  |
 *        |    CONFIGURING --start failed: gpu busy, or retries left-->+
 *        |      |  |  | started                                       |
 *        |      |  |  v                                               |
 *        |      |  | RUNNING --failed, retries left; lost, --requeue->+
 *        |      |  |  |  | cancel, requeue; decide: STOP              |
 *        |      |  +--|--+--> COMPLETING --ended after making way---->+
 *        v      v     v         |
 *      CANCELLED, DEADLINE, COMPLETED, FAILED, TIMEOUT, OUT_OF_MEMORY, NODE_FAIL (final)
 *
 * A final job's record is freed in the same step; its id is never used for another.
 * Every change of a saved field stands between job_open and job_close, which keep the core's hash
 * and sums.
 */
#ifndef EOUL_CORE_JOB_H
#define EOUL_CORE_JOB_H

#include "core/state.h"

uint64_t job_hash(const struct job *j);
void job_open(struct core *c, const struct job *j);  /* before a change */
void job_close(struct core *c, const struct job *j); /* after it */

uint32_t job_find(const struct core *c, job_id id); /* slot or NONE */
/* First entry with an id > after that is live: its place in ids_of(), or by_id_n. */
uint32_t job_place_after(const struct core *c, job_id after);

/* A zeroed record entered under `id`; its state is PENDING.  job_close is the caller's. */
uint32_t job_add(struct core *c, job_id id);
void job_free(struct core *c, uint32_t slot);

/* The only place a state changes.  Counts, the list of busy jobs and timers follow. */
void job_to(struct core *c, uint32_t slot, enum job_state to);

/* Put the job where its begin, deadline and back-off say. */
void job_timers(struct core *c, uint32_t slot);
usec_t job_wall_due(const struct job *j);
usec_t job_boot_due(const struct job *j);
/* Earliest timer, slot NONE if none. */
uint32_t job_next_wall(const struct core *c);
uint32_t job_next_boot(const struct core *c);

struct needs job_needs(const struct core *c, const struct job *j);

#endif
