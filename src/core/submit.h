/* submit.h - a job or an array enters the queue.
 *
 * An array comes in one event, or task by task under its number, each task with conditions of its own; an ended job
 * may come back under its id (attempt > 0), a task into its array if that still lives.
 */
#ifndef EOUL_CORE_SUBMIT_H
#define EOUL_CORE_SUBMIT_H

#include "core/state.h"

/* E_INVALID, E_EXISTS, E_STATE, E_LIMIT, E_TOO_LARGE, or E_FULL: the block must grow first. */
int submit_check(const struct core *c, const struct ev_submit *e, struct err *err);
void submit_apply(struct core *c, const struct ev_submit *e);

#endif
