/* feed.h - a person's plan as an iCalendar stream that others subscribe to (RFC 5545, RFC 7986).
 *
 * Events in and what was published last; the stream to publish now out.  The old stream is all the memory
 * there is: an event that is as it was keeps its DTSTAMP and SEQUENCE, one that changed gets the next
 * SEQUENCE, one that is gone before its time is there as cancelled for FEED_KEEP_US, one that is over stays
 * for as long.  So the same plan gives the same bytes, and a server's ETag and 304 are right by themselves.
 *
 * Times are UTC, lines are folded at 75 bytes and not inside a character, lines end in CRLF.  Pure.
 */
#ifndef EOUL_FEED_FEED_H
#define EOUL_FEED_FEED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/usec.h"

#define FEED_KEEP_US (7 * USEC_PER_DAY)
#define FEED_EVENTS_MAX 1000      /* of one person; the comparison with the old ones is quadratic */
#define FEED_BYTES_MAX (2u << 20)
#define FEED_UID_MAX 64

struct feed_event {
    const char *uid;       /* the same at each writing: letters, digits, - . @ */
    const char *title;     /* clean UTF-8; each may be "" */
    const char *text, *link;
    usec_t from_at, until_at;
    bool busy;             /* it takes its owner's time */
};
struct feed {
    const char *name;      /* of the calendar */
    usec_t now_at;
    const struct feed_event *events;
    size_t events_n;
};

/* Appends the stream to an empty `out`; *ret_changed: it differs from `old`.  E_STATE: `old` is no feed of
 * eoul; E_TOO_LARGE. */
int feed_write(struct buf *out, const struct feed *f, struct str old, bool *ret_changed, struct err *err);

#endif
