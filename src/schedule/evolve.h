/* evolve.h - short schedules by evolution: a search that can be stopped at any time.
 *
 * A population of task orders with their schedules.  Each round takes two parents, keeps the order of
 * one but for a stretch in which the tasks come in the other's order, moves a few tasks, builds the
 * schedule and pushes it together backwards and forwards (place.h); the child takes the place of one
 * of the worst if it is not worse than that and not there already.  Where rounds no longer bring
 * anything, the population begins anew and the best schedule is kept aside.
 *
 * After Hartmann 1998 (activity lists, two-point crossover), Valls, Ballestin and Quintanilla 2008
 * (justification of every child), Debels and Vanhoucke 2007 (the stretch is cut where resources are
 * well used).  First schedules are sampled by latest finish (Kolisch 1996) through tournaments.
 *
 * One step is one pass over all tasks.  The same problem, seed and sum of steps give the same
 * schedules, whatever the slices they are spent in.  Pure; memory is the caller's (evolve_size bytes,
 * 8-byte aligned).
 */
#ifndef EOUL_SCHEDULE_EVOLVE_H
#define EOUL_SCHEDULE_EVOLVE_H

#include "base/prng.h"
#include "schedule/place.h"

#define EVOLVE_POPULATION 120
#define EVOLVE_NONE INT32_MAX /* makespan of a schedule that could not be completed */

struct evolve {
    const struct problem *problem;
    struct place place;
    struct prng luck;
    uint32_t filled;          /* members that have a schedule yet */
    uint32_t idle;            /* rounds without a better member */
    uint64_t steps;           /* spent so far */
    uint64_t generations;     /* populations begun */
    int32_t *makespan;        /* [EVOLVE_POPULATION + 1]; the last is the child being made */
    uint64_t *print;          /* the same: hash of the starts */
    int32_t *start;           /* [EVOLVE_POPULATION + 1][tasks_n] */
    uint16_t *order;          /* [EVOLVE_POPULATION + 1][tasks_n] */
    int32_t best;             /* EVOLVE_NONE until there is one */
    int32_t *best_start;      /* [tasks_n] */
    int32_t *due;             /* latest finish by links alone */
    int32_t *share;           /* of all resources that a task takes while it runs, in 1/4096 */
    int64_t *use;             /* [horizon + 1] scratch: shares used up to a step */
    int32_t *back;            /* scratch: starts pushed to the end */
    uint16_t *list;           /* scratch */
    uint32_t *mark;           /* scratch */
};

size_t evolve_size(const struct problem *p);
void evolve_init(struct evolve *e, const struct problem *p, uint64_t seed, void *block);
/* Spend steps until `steps` in all have been spent (a few more: a child is not left half made) or the
 * best makespan is `enough` or less. */
void evolve_run(struct evolve *e, uint64_t steps, int32_t enough);
/* A schedule from elsewhere (start[tasks_n], valid) becomes the best if it is shorter, and a member. */
void evolve_offer(struct evolve *e, const int32_t *start);

#endif
