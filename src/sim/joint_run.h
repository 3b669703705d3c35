/* joint_run.h - `eoul sim joint`: a team's week as one problem, and the schedule that costs least.
 *
 *     eoul sim joint FILE... [--seconds S | --iterations N] [--seed N] [--json] [--starts]
 *     eoul sim joint --make SEED --tasks N        write a made-up week (joint.h has the format)
 *
 * For each file what the cheapest schedule found costs, what every schedule costs at least, and whether
 * the referee, who reads the file on its own, finds it right and the same sum.  With --json each file
 * is one object on one line:
 *
 *     instance, file, tasks, cost (in 1/60000 won), won, lower_bound, optimal, feasible, iterations,
 *     seed, seconds and, with --starts, starts
 */
#ifndef EOUL_SIM_JOINT_RUN_H
#define EOUL_SIM_JOINT_RUN_H

#include "i18n/tr.h"

/* argv[0] is the verb.  An exit status. */
int joint_main(int argc, char **argv, enum lang language);

#endif
