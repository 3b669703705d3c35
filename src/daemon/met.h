/* met.h - what jobs met, written down for the replay of their week (history.h): GPUs in and out of use, a closed queue,
 * reservations, boosts.  Not hours, which are another matter (passed.h), nor limits and quotas: the replay asks what serves
 * next week, and takes those of now. */
#ifndef EOUL_DAEMON_MET_H
#define EOUL_DAEMON_MET_H

#include "base/str.h"
#include "core/event.h"

struct daemon;

/* In a turn: an event was stepped, and is this line of the journal. */
int met_note(struct daemon *d, const struct core_event *ev, struct str line);

#endif
