/* urgent.h - `--urgent` as an allowance: so many submits per person in seven days go before others' jobs.
 *
 * With settings.urgent_week each person may submit so many urgent requests (an array or sweep is one) within any
 * seven days of wall time; one more is refused, with the time at which the next is free.  Who withdraws an urgent job
 * has used it all the same.  An urgent job stands before all that are not, but for those over their age and those
 * that GPUs are reserved for; among urgent ones the policy decides.  Without the setting the flag keeps a start from
 * being moved later, and nothing else.
 *
 * Seven days that roll, not a week of the calendar: no zone has to be known, and there is no Monday to wait for.
 */
#ifndef EOUL_CORE_URGENT_H
#define EOUL_CORE_URGENT_H

#include "core/state.h"

/* E_LIMIT if this submit is one too many. */
int urgent_check(const struct core *c, const struct ev_submit *e, usec_t now_at, struct err *err);
void urgent_apply(struct core *c, const struct ev_submit *e);
/* Does a job with these flags stand before others? */
static inline bool urgent_stands(const struct core *c, uint32_t flags)
{
    return c->settings.urgent_week && flags & JOB_URGENT;
}
uint64_t urgent_hash(uint64_t h, const struct urgent *u);

#endif
