/* chain.h - the plan of what waits for others: jobs behind jobs and todos, todos behind both.
 *
 * A chain is followed link by link: whatever has a forecast end lets those that wait for it be
 * placed, jobs into the room the others left, todos into the time the others left.  What waits never
 * displaces what can begin.  Alternatives ("?") take the earliest that is known.  What hangs on a
 * thing without a forecast (held, declined, never) gets none.
 *
 * A drawing runs the chain twice, with ends at P50 and at P90.  Work is bounded in steps
 * (CHAIN_STEPS_MAX); jobs beyond it have no forecast.
 */
#ifndef EOUL_CORE_CHAIN_H
#define EOUL_CORE_CHAIN_H

#include "core/capacity.h"
#include "core/todo_plan.h"

struct odds;

struct chain {
    const struct core *c;
    usec_t now_at, boot_at;
    struct plan_row *rows;
    const uint32_t *row_of;   /* by job slot */
    uint8_t *tried;           /* by job slot: placed, or nothing to be done */
    struct todo_plan todos;
    bool todos_tried[CORE_TODOS_MAX];
    bool late;
    struct profile *profile;  /* what is left beside all that can begin */
    uint64_t steps;
    /* of the array whose tasks were looked at last */
    uint32_t array, array_n;
    usec_t array_at;
    const struct odds *odds;  /* a sample is under way: times are its own (odds.h); NULL */
};

/* Place everything that waits.  Rows of blocked jobs are there already, without times; with `late`
 * their late times are filled in beside those of the first run. */
void chain_run(struct chain *ch, struct profile *profile, bool late);
/* In a sample: a place for one of them, taken; USEC_NEVER: not all that it waits for is sampled, or there is none. */
usec_t chain_place(struct chain *ch, struct profile *p, uint32_t slot, usec_t length_us);

#endif
