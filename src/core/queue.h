/* queue.h - the pending jobs that nothing but room and turn keeps from starting, in classes.
 * See state.h: classes make a decision cheap and can never change it. */
#ifndef EOUL_CORE_QUEUE_H
#define EOUL_CORE_QUEUE_H

#include "core/state.h"

/* Why a pending job is not in line at all (held, dependency, begin time, ...); REASON_NONE if it
 * is. */
enum reason queue_blocked(const struct core *c, const struct job *j);

/* The class of jobs it is like. */
struct class_key queue_class_key(const struct core *c, const struct job *j);

/* Put the job where it belongs after any change to it: call between job_open and job_close or
 * outside, but before its class key fields change call queue_leave. */
void queue_update(struct core *c, uint32_t slot);
void queue_leave(struct core *c, uint32_t slot);
/* Presences that ended by then count no more; classes that differed only by them become one.  The
 * instant is state: a clock stepped back must not make two copies differ. */
void queue_unwatch(struct core *c, usec_t until_at);
void queue_rehash(struct core *c);
/* Why a live job is where it is, as of the last decision. */
enum reason queue_reason(const struct core *c, const struct job *j);

#endif
