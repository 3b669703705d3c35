/* closed.h - the closed loop: the next run is asked for when the last result has been looked at.
 *
 * In an open loop a better policy only shortens waiting; here people get more done.  Each person follows some
 * *chains* of work at once.  A chain is batches of jobs: when the last result of a batch is seen, its owner thinks for
 * a while (of time they are there) and submits the next one.  Results per person-week are results seen within the
 * run by people and weeks.
 *
 * From a trace: a user's submits within ten minutes are a batch; a batch joins a chain whose last batch had, in the
 * trace without any waiting, been seen by then (the one seen last), or begins another; thinking is what lay between, in
 * time of presence.  A chain that is through begins again: at the trace's end its beginning follows.  From an office: CHAINS_OFFICE chains each,
 * with batches and scripts of that team, thinking an hour (log-normal, log-sd 1).
 */
#ifndef EOUL_SIM_CLOSED_H
#define EOUL_SIM_CLOSED_H

#include "sim/drive.h"
#include "sim/office.h"

#define CHAINS_OFFICE 3
#define CHAINS_MAX    8 /* of one user of a trace */

struct closed_batch {
    uint32_t first, n;  /* of plan.jobs; their submit_at is after the batch's own beginning */
    usec_t think_us;    /* before it */
};

struct closed_chain {
    uint32_t user;
    uint32_t first, n;  /* of plan.batches */
    usec_t first_at;
    usec_t again_us;    /* thinking before it begins again */
};

struct closed_plan {
    struct trace_job *jobs;
    struct closed_batch *batches;
    struct closed_chain *chains;
    size_t jobs_n, jobs_size, batches_n, batches_size, chains_n, chains_size;
};

void closed_of_trace(const struct trace *t, const struct presence *p, struct closed_plan *ret);
/* `office` was made with the same options. */
void closed_of_office(const struct office_options *o, const struct office *office, struct closed_plan *ret);
void closed_plan_finish(struct closed_plan *plan);

struct closed_result {
    struct drive_result run;
    uint64_t seen;                  /* results looked at within the run */
    double results_per_person_week;
    double results_worst_over_mean; /* the person with the fewest, by the mean */
    double results_jain;
    uint64_t *by_user;              /* `seen` of each; users_n of them, the trace's */
    size_t users_n;
};

void closed_result_finish(struct closed_result *r);

/* Users and presence are `t`'s; its jobs are not run. */
int closed_run(const struct closed_plan *plan, const struct trace *t, const struct presence *p,
               const struct drive_options *o, usec_t from_at, usec_t until_at, struct closed_result *ret,
               struct err *err);
/* The same if nobody ever waited for a GPU, which no machine and no order can beat: every batch begins when
 * its chain comes to it, and a chain that is nowhere later has nowhere fewer results. */
int closed_at_best(const struct closed_plan *plan, const struct trace *t, const struct presence *p, usec_t from_at,
                   usec_t until_at, struct closed_result *ret, struct err *err);
/* Of whom waiting takes most: the least share that anybody has of their own results at best, by that of all together.
 * People differ in results though nobody waits, by their hours and the length of their runs; in this only by waiting.
 * NAN: nobody has any. */
double closed_worst_share(const struct closed_result *r, const struct closed_result *best);

#endif
