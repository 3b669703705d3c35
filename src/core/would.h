/* would.h - what would have been moved, had its owner agreed?
 *
 * Whether to let starts be moved later (defer.h) is the owner's to say, after they have seen for a while what it would
 * bring.  So at the start of a job that all but its owner's word would have let be moved, the start it would have had
 * instead is noted, and when it has ended well (or by its time limit) looked at again: had it run as long from then,
 * would its owner have seen it as soon?  Both are counted for each person.
 *
 * Noted is what the moment shows: the cheapest start inside the slack, as if there were room.  Work is bounded by
 * WOULD_MOST starts a decision; nothing here changes one.  Nothing is kept without settings.would.
 */
#ifndef EOUL_CORE_WOULD_H
#define EOUL_CORE_WOULD_H

#include "core/dispatch.h"

#define WOULD_MOST 32 /* starts of one decision that are looked at: a millisecond */

/* Note in the decision's starts when each would have begun. */
void would_look(const struct core *c, const struct policy_ctx *ctx, const struct scratch *s, struct dispatch *d);
/* Between job_open and job_close: an attempt starts. */
void would_started(struct job *j, const struct start *start, usec_t now_at);
/* When it would have started instead; 0: then. */
usec_t would_start_at(const struct job *j);
void would_ended(struct core *c, const struct job *j, usec_t ran_us);

#endif
