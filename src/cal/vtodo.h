/* vtodo.h - one resource of a CalDAV list as a todo, and the same resource ticked.
 *
 * A resource holds one UID (RFC 4791 section 4.1).  What is taken of a VTODO: its title, from when and
 * until when, how long it takes, how much of it is done, whether it is over.  One with CLASS PRIVATE or
 * CONFIDENTIAL gives no title.  One that repeats (RRULE, RDATE, RECURRENCE-ID) is refused: which
 * occurrence a tick is about, each program writes in its own way.
 *
 *     DUE with a time   that instant; a date: the end of that day, in the zone of the calendar or person
 *     DTSTART           from then; of no meaning when it is not before the end (Apple writes both alike)
 *     DTSTART+DURATION  until then, if there is no DUE
 *     ESTIMATED-DURATION (draft-ietf-calext-ical-tasks), else a DURATION of at most 12 hours without
 *                       days: how long it takes
 *     over              STATUS COMPLETED or CANCELLED; without STATUS a COMPLETED or PERCENT-COMPLETE:100
 *
 * Ticking changes STATUS, COMPLETED, PERCENT-COMPLETE, LAST-MODIFIED, DTSTAMP and SEQUENCE of the
 * VTODO (RFC 5546 section 2.1.4: a changed STATUS is a new sequence; where there is an ORGANIZER the
 * number is theirs and stays).  Every other byte stays: alarms, zones, unknown properties, folding,
 * line ends.  Bytes are untrusted; the caller lends the memory.  Pure, as expand.h is.
 */
#ifndef EOUL_CAL_VTODO_H
#define EOUL_CAL_VTODO_H

#include "base/buf.h"
#include "cal/expand.h"

#define VTODO_TITLE_MAX 200 /* bytes; longer ones are cut between characters */
#define VTODO_MEMORY (1u << 20) /* at least; CAL_MEMORY is enough for every resource */

enum vtodo_state {
    VTODO_NONE,      /* no todo: an event, a journal */
    VTODO_OPEN, VTODO_DONE, VTODO_CANCELLED,
    VTODO_REFUSED,   /* `issue` says why */
};

struct vtodo {
    enum vtodo_state state;
    enum cal_issue_code issue; /* REFUSED; and with has_issue of one that is read all the same */
    bool has_issue;
    uint32_t line;             /* of that */
    char detail[64];           /* the name of a zone */
    uint64_t id;               /* of its UID, wherever it lies; never 0 */
    bool secret;               /* CLASS: no title */
    char title[VTODO_TITLE_MAX + 1]; /* clean UTF-8 of one line; may be empty */
    usec_t begin_at, due_at;   /* 0: not said */
    usec_t takes_us;           /* of all of it; 0: not said */
    int percent;               /* done of it, 0 to 99 */
};

/* E_INVALID: no calendar.  E_TOO_LARGE, E_FULL: as cal_expand. */
int vtodo_read(struct str bytes, const struct cal_settings *settings, void *memory, size_t size,
               struct vtodo *ret);

/* The resource as done since done_at, written at now_at.  0; E_STATE: it is over already; E_INVALID:
 * nothing that can be ticked.  `out` may fail by its maximum: see out->failed. */
int vtodo_tick(struct str bytes, usec_t done_at, usec_t now_at, void *memory, size_t size,
               struct buf *out);

#endif
