/* todo.h - hands-on work: who is asked, how long it takes, when it is their turn.
 *
 *       todo_add                    todo_set, accept, decline, snooze, move: stays OPEN
 *          |
 *          v      todo_done
 *        OPEN -----------------> DONE
 *          |      todo_drop
 *          +-------------------> DROPPED     (a review also when its result can never come)
 *
 * Todos are planned into the hours their people offer (todo_plan.h).  A decision keeps of that plan
 * each todo's next piece.  When the piece's time comes it is *under way* and stays where it is, cut
 * short only where the hour is no longer offered; when its time has passed it counts as worked.  A
 * todo whose whole time has passed without a `done` is expected to need a quarter more, and again.
 *
 * Who moves a todo by hand pins it: it stays there, offered or not, until its time has passed.  What
 * others put at a fixed time holds only inside offered hours and the cap until it is accepted.
 * Declining takes a person off the list and has no other consequence.
 *
 * Every change of a saved field stands between todo_open and todo_close (the core's hash).
 */
#ifndef EOUL_CORE_TODO_H
#define EOUL_CORE_TODO_H

#include "core/state.h"

#define TODO_STEP_US (5 * USEC_PER_MIN) /* pieces begin on multiples of this */

uint32_t todo_find(const struct core *c, job_id id); /* slot or NONE */
/* First of todo_ids_of() whose todo has an id > after; todos_n if none. */
uint32_t todo_place_after(const struct core *c, job_id after);
uint32_t todo_who(const struct todo *t, uint32_t i); /* the i-th person asked */

uint64_t todo_hash(const struct todo *t);
void todo_open(struct core *c, const struct todo *t);
void todo_close(struct core *c, const struct todo *t);

/* Events TODO_*: may refuse and changes nothing; then changes and cannot fail. */
int todo_check(const struct core *c, const struct core_event *ev, struct err *err);
void todo_apply(struct core *c, const struct core_event *ev, struct out *out);

/* At a decision: what time has done to todos, then their plan, if anything changed or is due. */
void todo_decide(struct core *c, struct out *out);
/* When a decision next has something to do here; USEC_NEVER. */
usec_t todo_due(const struct core *c);

/* How it stands at an instant, nothing changed: a piece that is over is worked, one that has begun
 * is under way for as long as it may be. */
struct todo_now {
    usec_t worked_us, left_us;      /* left: expected to be still needed, the piece under way too */
    usec_t from_at, until_at;       /* under way; 0 */
    uint32_t who;
    int64_t day;
    usec_t passed_us;               /* of the piece that has just ended; 0 */
};
struct todo_now todo_now(const struct core *c, const struct todo *t, usec_t now_at);

/* Enter a record as it was saved (load only); false: damaged. */
bool todo_enter(struct core *c, const struct todo *saved);

#endif
