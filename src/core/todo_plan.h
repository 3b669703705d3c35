/* todo_plan.h - todos into the hours their people offer.
 *
 * A plan is built in two steps: what stands fast (pieces under way, pins), and then one todo after
 * the other into the earliest offered time that takes it.  Each piece lies inside one offered
 * stretch, begins on a multiple of TODO_STEP_US, overlaps no other piece of its person, and keeps
 * its person's daily cap; a focus block takes one todo that fills at least half of it, or none.
 * Pins of those who accepted stand wherever they are.
 *
 * The order: what holds up the most GPU time per hour of hands-on work first, then the earlier
 * deadline (its own, or that of what waits for it), then the lower number.  If some deadline is
 * missed that way, the same with the deadlines first is tried, and kept if it misses fewer.
 *
 * A decision places what can begin (todo_plan_ready).  Drawing goes on with todo_plan_waiting for
 * those that wait for others, as their ends become known; these never displace what can begin.
 *
 * Memory is todo_plan_size(todos) bytes of the caller's.  Work is todos x (stretches + pieces).
 */
#ifndef EOUL_CORE_TODO_PLAN_H
#define EOUL_CORE_TODO_PLAN_H

#include "core/todo.h"

#define TODO_PARTS_MAX (CORE_CHUNKS_MAX + 2) /* one may be under way, one may be a rest */

struct todo_piece {
    struct todo_row row;
    uint32_t next;         /* of its person, in time; NONE */
    uint32_t next_of_todo; /* likewise */
};
struct todo_order {       /* one that can begin */
    int64_t held_up;      /* GPU time behind it per hour of work */
    usec_t deadline_at;   /* effective; USEC_NEVER */
    uint32_t id, at;      /* its place in todo_ids_of() */
};
struct todo_plan {
    const struct core *c;
    usec_t now_at;
    struct todo_piece *pieces;
    uint32_t pieces_n, pieces_max;
    uint32_t fixed_n;     /* the first so many pieces stand fast */
    struct todo_order *order;
    uint32_t order_n;
    /* by place in todo_ids_of() */
    uint32_t *firsts;     /* its earliest piece, NONE */
    usec_t *ends_at;      /* end of its last piece; USEC_NEVER: no time */
    enum todo_wait *waits;
    uint32_t heads[CORE_PERSONS_MAX + 1];
};

size_t todo_plan_size(uint32_t todos);
/* Enter what stands fast.  `todos` says how many the memory was sized for. */
void todo_plan_begin(struct todo_plan *p, const struct core *c, usec_t now_at, char *memory,
                     uint32_t todos);
void todo_plan_ready(struct todo_plan *p);
/* One that waits for others until about then.  Its end, or USEC_NEVER. */
usec_t todo_plan_waiting(struct todo_plan *p, uint32_t at, usec_t from_at);

/* The earliest piece of the todo at this place; NULL. */
const struct todo_row *todo_plan_first(const struct todo_plan *p, uint32_t at);
/* Its pieces in time, at most TODO_PARTS_MAX; parts are numbered. */
uint32_t todo_plan_rows(const struct todo_plan *p, uint32_t at, struct todo_row *out);

#endif
