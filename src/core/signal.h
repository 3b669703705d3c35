/* signal.h - signals to running jobs.  The core keeps nothing of them: that the journal says who sent what to
 * whom, and that only what runs is meant, is all there is to it. */
#ifndef EOUL_CORE_SIGNAL_H
#define EOUL_CORE_SIGNAL_H

#include "core/state.h"

/* E_INVALID, E_NOT_FOUND, or E_STATE if nothing of it runs. */
int signal_check(const struct core *c, const struct ev_signal *ev, struct err *err);
/* An UPDATE_SIGNAL for each running job that is meant. */
void signal_apply(const struct core *c, const struct ev_signal *ev, struct out *out);

#endif
