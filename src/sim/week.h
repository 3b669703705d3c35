/* week.h - one seed: a made-up team's week, with at least 200 submits, people whose hours change and
 * things that break; then calm, until nothing is left that could run.
 */
#ifndef EOUL_SIM_WEEK_H
#define EOUL_SIM_WEEK_H

#include "sim/world.h"

struct week_result {
    struct verdict verdict;
    usec_t wall_at;      /* when it broke, or ended */
    char clock[32];
    uint64_t digest;
    uint64_t rows, decisions, restarts, submits, ops, faults, hours_changes, switches, starts, lost, checks,
        looks, rows_unseen, pieces, told, messages;
    uint32_t jobs;
};

struct week_options {
    uint64_t seed;
    uint32_t mutant;
    enum shell_bug bug;
    FILE *trace;
    FILE *journal;      /* the whole journal goes there at the end; NULL: nowhere */
    bool with_snapshot;
    bool twice;         /* run it again and compare */
    bool without_core_check; /* invariant.h */
    usec_t double_after_boot_at; /* world.h */
};

/* Returns false if an invariant broke. */
bool week_run(const struct week_options *options, struct week_result *ret);

#endif
