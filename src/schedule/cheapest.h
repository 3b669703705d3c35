/* cheapest.h - the schedule that costs least, where each start of each task has its price.
 *
 * The caller gives a table: what it costs if task i starts at step s, and when it then ends.  The table
 * carries whatever the caller knows: until when somebody waits for the result, electricity while the
 * task runs, hours in which a person works on it (a start outside costs SCHEDULE_NEVER; work that pauses
 * overnight ends later).  Costs add up; links, releases and room are the problem's.  Starting later may be
 * cheaper, so pushing tasks together (place.h) is not enough.
 *
 * The search takes out a few tasks that have to do with each other and puts them back one by one at
 * their cheapest start, now and then passing over one that would do (Christiaens and Vanden Berghe
 * 2020, "slack induction by string removals", for routes; here for starts).  Mostly the first of them is
 * pushed to where it costs noticeably more, which makes room for the others.  A worse schedule is kept
 * with a chance that falls in cycles of doubling length (Kirkpatrick et al. 1983, Luby et al. 1993).
 *
 * One step is one task put back.  The same input, seed and sum of steps give the same schedule,
 * whatever the slices.  Pure; memory is the caller's (cheapest_size bytes, 8-byte aligned).
 */
#ifndef EOUL_SCHEDULE_CHEAPEST_H
#define EOUL_SCHEDULE_CHEAPEST_H

#include "base/prng.h"
#include "schedule/problem.h"

#define SCHEDULE_NEVER    INT64_MAX             /* a task cannot start then */
#define SCHEDULE_COST_MAX ((int64_t)1 << 48)    /* of one start; 4,000 of them add up without overflow */
#define SCHEDULE_CELLS_MAX (1u << 25)           /* tasks x steps: 0.6 GB of tables at most */

/* Borrowed as long as the search lives.  Row i has horizon + 1 entries. */
struct costs {
    const int64_t *cost; /* 0..SCHEDULE_COST_MAX, or SCHEDULE_NEVER */
    const int32_t *end;  /* NULL: start + length.  Never falls along a row; start..horizon where allowed */
};

struct cheapest {
    const struct problem *problem;
    struct costs costs;
    struct prng luck;
    int64_t least;        /* every task at its cheapest start by links alone: nothing costs less.
                           * SCHEDULE_NEVER: by links alone there is no schedule, and none is looked for */
    int64_t best;         /* SCHEDULE_NEVER until there is a schedule */
    int32_t *best_start;  /* [tasks_n] */
    uint64_t steps;
    /* the schedule being changed */
    int64_t now;
    int32_t *start;       /* [tasks_n], -1: taken out */
    uint64_t *room;       /* free now */
    bool complete;
    /* the chance for worse ones */
    int64_t heat, heat_first;
    uint64_t cycle_steps, cycle_until;
    /* tables made once */
    int32_t *by_cost;     /* [tasks_n][horizon + 1] starts, cheapest first, those allowed only */
    int32_t *by_cost_n;   /* [tasks_n] */
    int32_t *next_start;  /* [tasks_n][horizon + 2] first allowed start at or after; horizon + 1: none */
    int32_t *last_start;  /* the same: last allowed start at or before; -1: none */
    int32_t *first, *last; /* [tasks_n] window of starts by links and releases alone */
    uint16_t *rank;       /* [tasks_n] place in the problem's order */
    /* scratch */
    int32_t *early, *late, *old_start;
    uint16_t *out, *queue;
    uint32_t out_n;
    uint8_t *mark;
};

/* Is the table one?  E_INVALID with a sentence for a cost or an end out of range. */
int cheapest_check(const struct problem *p, const struct costs *costs, struct err *err);
size_t cheapest_size(const struct problem *p);
/* The input must have passed cheapest_check. */
void cheapest_init(struct cheapest *c, const struct problem *p, const struct costs *costs, uint64_t seed,
                   void *block);
/* Spend steps until `steps` in all have been spent (a few more: a change is not left half made), or
 * the best costs `enough` or less. */
void cheapest_run(struct cheapest *c, uint64_t steps, int64_t enough);

#endif
