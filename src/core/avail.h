/* avail.h - when a person can look at a result.
 *
 * Input is windows already in UTC, sorted, disjoint (the shell makes them).  eyes(t) is t inside a
 * window, else the start of the next one.  From until_at on nothing is known and the person is
 * taken as here; somebody without any windows is always here.  Two finish times with the same eyes
 * are worth the same to their owner.
 *
 * Submitting proves presence: [submit_at, submit_at + presence_us) counts for that job alone, and
 * only if its owner submitted it.
 */
#ifndef EOUL_CORE_AVAIL_H
#define EOUL_CORE_AVAIL_H

#include "core/state.h"

int avail_check(const struct core *c, const struct ev_avail *ev, struct err *err);
void avail_set(struct core *c, const struct ev_avail *ev);

usec_t avail_eyes(const struct core *c, uint32_t person, usec_t t);
usec_t avail_present_until(const struct core *c, uint32_t person, usec_t t);
/* Place of the first of a person's windows that ends after t. */
uint32_t avail_window(const struct core *c, uint32_t person, usec_t t);
/* Latest edge (start or end of a window) in (after, until], or `after` if none. */
usec_t avail_last_edge(const struct core *c, uint32_t person, usec_t after, usec_t until);
/* First edge after t; USEC_NEVER. */
usec_t avail_next_edge(const struct core *c, uint32_t person, usec_t t);
/* How much of [from, from + length) the person cannot look, in thousandths; what is not known counts as here. */
uint32_t avail_absent_milli(const struct core *c, uint32_t person, usec_t from, usec_t length);
/* Who looks at its result: its reviewer, else its owner. */
uint32_t avail_whose(const struct job *j);
/* Eyes of one job: its own presence included. */
usec_t avail_job_eyes(const struct core *c, const struct job *j, usec_t t);
usec_t avail_presence_until(const struct core *c, const struct job *j); /* 0: none */

#endif
