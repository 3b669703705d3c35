/* boost.h - work that an operator put before others', until some time (doc/planner.md, "Boosts").
 *
 * A boost is of a job, of all tasks of an array, of a person's work, or of a project's (account); it has who gave it, a reason in words and an end,
 * or it is refused.  What is boosted stands before all that is not, but for jobs over their age and those that GPUs are
 * reserved for, so the longest wait that is promised stays what it is; among what is boosted the policy decides.  A
 * boost that is over, or whose job is, goes at the next decision, and one past its end moves nobody even before that.
 *
 * A class of like jobs is told by `boosted` in its key: a job or task named by a boost is like no other.  A person's
 * or account's boost needs none, a class has one of each.  Looking is a walk over at most BOOSTS_MAX, and nothing where there is none.
 * Pure.
 */
#ifndef EOUL_CORE_BOOST_H
#define EOUL_CORE_BOOST_H

#include "core/state.h"

int boost_check(const struct core *c, const struct ev_boost *e, usec_t now_at, struct err *err);
void boost_apply(struct core *c, const struct ev_boost *e);
int boost_check_remove(const struct core *c, const struct ev_unboost *e, struct err *err);
void boost_apply_remove(struct core *c, const struct ev_unboost *e);
/* Those that are over go, and those whose job is. */
void boost_tick(struct core *c);
/* When the next is over; USEC_NEVER. */
usec_t boost_due(const struct core *c);
uint64_t boost_hash(const struct core *c, uint64_t h);
/* Enter one as it was saved (load only, before the jobs); false: it cannot be. */
bool boost_enter(struct core *c, const struct boost *b);

/* Does a boost name this very job, or its array? */
bool boost_names(const struct core *c, const struct job *j);
/* Is this project's work boosted at that time?  0, no project: never. */
bool boost_of_account(const struct core *c, uint32_t account, usec_t now_at);
/* Does a job of such a class stand before others at that time? */
bool boost_stands(const struct core *c, const struct class_key *key, uint32_t id, usec_t now_at);

#endif
