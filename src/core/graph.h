/* graph.h - what waits for what: conditions on jobs, todos and arrays as wholes; singletons.
 *
 * A condition (struct dep_node) hangs in two lists: its waiter's, and that of the job or array it
 * waits for.  It is decided once, when its target starts or ends, and then keeps its answer.
 * Conditions of one group are alternatives, groups are joined by "and".  An array's conditions
 * belong to the array: 10,000 tasks share them.
 *
 *     after       met when the target has started, or was cancelled before; + delay_s later
 *     afterok     met when it completed; of an array: all its tasks
 *     afternotok  met when it ended otherwise; of an array: all ended, at least one otherwise
 *     afterany    met when it has ended; of an array: all its tasks
 *
 * A todo starts and ends when it is done (that is success), or is dropped (that is not).  Submits
 * name what is there already, so their graph has no circle; what a todo is put before (event.h) is
 * asked for one.
 */
#ifndef EOUL_CORE_GRAPH_H
#define EOUL_CORE_GRAPH_H

#include "core/state.h"

int graph_check(const struct core *c, const struct dep *deps, uint32_t n, uint32_t array,
                struct err *err);
/* May all of before[] wait for a new todo with these conditions? */
int graph_check_before(const struct core *c, const struct ev_todo_add *ev, struct err *err);

/* Arrays. */
uint32_t array_find(const struct core *c, uint32_t id); /* a live one, or NONE */
uint32_t array_add(struct core *c, uint32_t id, uint32_t max);
void array_free_if_done(struct core *c, uint32_t array);
void array_open(struct core *c, uint32_t array);  /* around changes of saved fields */
void array_close(struct core *c, uint32_t array);
uint64_t array_hash(const struct array *a);
/* The array `id` belongs to or names; NONE. */
uint32_t array_of(const struct core *c, job_id id);

/* Further conditions of a waiter (a slot of its kind's table), joined to those it has by "and". */
void graph_add(struct core *c, uint32_t waiter, enum waiter_kind kind, const struct dep *deps,
               uint32_t n);
void graph_drop(struct core *c, uint32_t waiter, enum waiter_kind kind);
/* Its state from its conditions; with DEPS_MET they are dropped. */
void graph_judge(struct core *c, uint32_t waiter, enum waiter_kind kind);

void graph_started(struct core *c, uint32_t slot);
/* The job's record still stands, in its final state.  never_ran: cancelled before it started. */
void graph_ended(struct core *c, uint32_t slot, bool never_ran);
void graph_todo_ended(struct core *c, uint32_t todo, bool done); /* its record still stands */

/* Delays of `after`. */
void graph_delays(struct core *c, usec_t boot_at);
usec_t graph_next_delay(const struct core *c);
void graph_shift_delays(struct core *c, usec_t by); /* the boot clock began anew */

/* Earlier live jobs of the same owner and name. */
uint32_t graph_singles(const struct core *c, const struct job *j);
/* A job with this owner and name ended (-1) or came (+1) before those with a greater id. */
void graph_singles_shift(struct core *c, const struct job *j, int32_t by);

/* What the kept state should be, and a target it still waits for (job or array id; 0: none). */
enum dep_state graph_state(const struct core *c, uint32_t first_condition);
/* The first condition that a job still waits for; target 0: none. */
struct waited {
    job_id target;       /* a job or todo, or with `array` all tasks of that array */
    bool array;
    bool start;          /* for its start, not its end */
    usec_t due_boot_at;  /* it has started: so long it waits still; 0: it has not */
};
struct waited graph_waited(const struct core *c, const struct job *j);
job_id graph_todo_waits_for(const struct core *c, const struct todo *t);

uint64_t node_hash(const struct core *c, const struct dep_node *n);

/* Enter a condition as it was saved (load only). */
void graph_enter(struct core *c, const struct dep_node *saved);

#endif
