/* seeds.h - many weeks, on several cores; and whether every planted bug is caught.
 *
 * Each worker is a process: a seed that ends it (an assertion of the core) is that seed's failure and
 * the others go on.
 */
#ifndef EOUL_SIM_SEEDS_H
#define EOUL_SIM_SEEDS_H

#include "sim/week.h"

struct seeds_options {
    uint64_t first;
    uint32_t n;
    uint32_t jobs;      /* processes */
    uint32_t twice;     /* every so many-th seed is run twice and compared; 0: none */
    uint32_t mutant;
    enum shell_bug bug;
    bool verbose;       /* a line for each seed */
    bool stop_at_first;
    bool without_core_check; /* invariant.h */
    FILE *out;          /* NULL: say nothing */
};

struct seeds_result {
    uint32_t run, failed;
    uint64_t first_failed; /* 0: none */
    char rule[VERDICT_RULE_MAX]; /* of the lowest failed seed */
};

#define SEEDS_JOBS_MAX 64

int seeds_run(const struct seeds_options *options, struct seeds_result *ret);

/* Every planted bug of core and shell, each on up to `seeds` seeds; a line each.  Returns how many
 * were not caught. */
uint32_t seeds_mutants(uint64_t first, uint32_t seeds, FILE *out);

#endif
