/* met.h - what jobs met, written down for the replay of their week (history.h): GPUs in and out of use, a closed queue,
 * reservations, boosts.  Not hours, which are another matter (passed.h), nor limits and quotas: the replay asks what serves
 * next week, and takes those of now.  Nor what a reservation or a boost is called and who made or ended it. */
#ifndef EOUL_DAEMON_MET_H
#define EOUL_DAEMON_MET_H

#include "core/event.h"

struct daemon;

/* In a turn: an event was stepped. */
int met_note(struct daemon *d, const struct core_event *ev);

#endif
