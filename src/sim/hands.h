/* hands.h - the ledger of hands-on work: what people offered, what was asked of them, when it lies.
 *
 * Part of the ledger (invariant.h), kept apart from the core's own idea of it: written from committed
 * events, asked after every turn where each todo's next piece lies, and at every look where all of the
 * plan's pieces do.  Rules: todo-hours, todo-overlap, todo-cap, todo-dependency, todo-pin, todo-asked,
 * todo-there, todo-focus (doc/simulator.md).
 *
 * A condition on a todo is judged beside those on jobs (invariant.c): done is ended well, dropped is not.
 */
#ifndef EOUL_SIM_HANDS_H
#define EOUL_SIM_HANDS_H

#include "core/core.h"

struct invariant;

struct hands_todo {
    enum todo_state state;   /* TODO_NONE: no todo has this number */
    uint32_t who[TODO_WHO_MAX], who_n;
    uint32_t by, flags;
    usec_t takes_us, min_chunk_us, not_before_at;
    usec_t pin_at;           /* and accepted: exactly there */
    uint32_t pin_who;
    bool pin_begun;          /* its time has come once: it binds nobody any more */
    usec_t end_boot_at;
};

struct hands_offers {
    struct offer *at;
    uint32_t n;
    usec_t cap_us;
};

struct hands {
    struct hands_todo *todos; /* by number */
    size_t todos_size;
    uint32_t live;
    struct hands_offers offers[CORE_PERSONS_MAX + 1];
    uint64_t pieces;          /* judged */
};

void hands_finish(struct hands *h);
void hands_event(struct invariant *v, const struct core_event *ev);
void hands_update(struct invariant *v, const struct core_update *u);
/* Nothing is staged: where do the core's next pieces lie? */
void hands_turned(struct invariant *v, const struct core *core, usec_t wall_at);
/* All pieces of a plan. */
void hands_plan(struct invariant *v, const struct core_plan *plan, usec_t wall_at);
/* A restart: the core knows the same todos. */
void hands_recovered(struct invariant *v, const struct core *core);

/* The todo of that number; NULL: it is none. */
const struct hands_todo *hands_of(const struct invariant *v, job_id id);

#endif
