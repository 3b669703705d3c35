/* rcpsp.h - `eoul sim rcpsp`: published project scheduling benchmarks through the planner's search.
 *
 *     eoul sim rcpsp FILE... [--seconds S | --iterations N] [--seed N] [--json] [--starts]
 *
 * For each file a line with the shortest schedule found (src/schedule), a lower bound, and whether the
 * referee, who reads the file on its own, finds the schedule right.  --seconds is processor time, handed
 * to the search in slices of iterations; with --iterations the same seed gives the same schedule.
 * With --json each file is one object on one line:
 *
 *     instance, file, jobs, makespan, lower_bound, optimal, feasible, iterations, seed, seconds
 *     and, with --starts, starts: the start of each job, in the file's order
 *
 * A file that cannot be read gets a sentence on standard error, the others are done, and the exit
 * status is 1.
 */
#ifndef EOUL_SIM_RCPSP_H
#define EOUL_SIM_RCPSP_H

#include "i18n/tr.h"

/* argv[0] is the verb.  An exit status. */
int rcpsp_main(int argc, char **argv, enum lang language);

#endif
