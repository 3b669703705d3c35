/* change.h - a job's way from state to state (the diagram of job.h), each step announced.
 *
 * Every change of a state is told by one STATE update, before it is made; every change of a record stands between
 * job_open and job_close.  Whoever calls has asked whether it may be; nothing here refuses.
 */
#ifndef EOUL_CORE_CHANGE_H
#define EOUL_CORE_CHANGE_H

#include "core/retry.h"
#include "core/state.h"

/* One more update about the job, with its attempt; the caller fills in the rest. */
struct core_update *change_tell(struct out *out, enum update_kind kind, const struct job *j);
void change_tell_state(struct out *out, const struct job *j, enum job_state to, enum reason reason);

/* It is over: its record is freed, its slot is nobody's. */
void change_final(struct core *c, uint32_t slot, enum job_state to, enum reason reason, struct out *out);
/* Back into the queue for another attempt. */
void change_pending(struct core *c, uint32_t slot, enum reason reason, usec_t backoff_us, struct out *out);
/* An attempt failed: try again if its owner allowed that, else it is over. */
void change_failed(struct core *c, uint32_t slot, const struct failure *f, struct out *out);
/* The supervisor is past its claim. */
void change_started(struct core *c, uint32_t slot, struct out *out);

/* Stop what runs; `intent` says what it will be when it is gone. */
void change_stop(struct core *c, uint32_t slot, enum stop_intent intent, struct out *out);
bool change_stop_is_final(const struct job *j);
/* It was to stop for good, and is gone. */
void change_cancelled(struct core *c, uint32_t slot, struct out *out);

/* The process tree is not proven gone: its GPUs stay out of use until somebody says UP. */
void change_quarantine(struct core *c, const struct job *j);

#endif
