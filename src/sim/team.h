/* team.h - `eoul sim team`: policies compared on made-up teams, several seeds, with what can be had at best.
 *
 * Each seed is one team (office.h); every policy runs the very same jobs and people.  Ratios are means of the seeds'
 * ratios with half the width of their 95 % interval (Student's t).  The bound (bound.h) is of the same instances.
 * Estimates, calendars, checkpoints and tariff are compare.h's.
 */
#ifndef EOUL_SIM_TEAM_H
#define EOUL_SIM_TEAM_H

#include "sim/closed.h"
#include "sim/compare.h"
#include "sim/office.h"

#define TEAM_LOADS_MAX 8
#define TEAM_SEEDS_MAX 100
#define TEAM_WEEKS_MAX 110

struct team_options {
    enum office_family families[OFFICE_FAMILY_COUNT];
    uint32_t families_n;
    uint32_t gpus, people, weeks, seeds; /* gpus, people 0: the family's */
    uint64_t seed;
    double loads[TEAM_LOADS_MAX];        /* none: the family's */
    uint32_t loads_n;
    double spread;
    uint32_t misstate;                   /* so many people say other hours, one at a time (misstate.h); 0: nobody */
    double early_fail;                   /* so many jobs fail in their first minutes until they are mended (drive.h) */
    uint32_t canary_min;                 /* every job asks for a canary of so many minutes; 0: none does */
    const struct compare_options *compare;
};

struct team_figures {
    struct figures f;
    double results_per_person_week, results_worst_over_mean, results_jain; /* closed loop */
    double results_worst_share;          /* ... and beside its bound */
};

void team_defaults(struct team_options *t);
/* One option of the command line; false: not one of ours, or its value cannot be. */
bool team_option(struct team_options *t, const char *name, const char *value);
/* The power cap that is asked for stands before the family's; jobs that could never start under it are counted out. */
void team_cap(const struct compare_options *c, struct office *o);
/* One team, one policy. */
int team_one(const struct team_options *t, enum office_family family, double load, uint64_t seed,
             const struct compare_policy *policy, struct team_figures *ret, struct err *err);
/* All of them; prints a table or JSON.  An exit status. */
int team_run(const struct team_options *t, enum lang lang);

#endif
