/* caldav.h - a CalDAV server: find the calendars, then what changed since the last time; tick todos (tick.h).
 *
 *   address ── PROPFIND ──▶ a calendar? ──▶ that one
 *       │                   else current-user-principal ▶ calendar-home-set ▶ its calendars
 *       ╰─ neither: /.well-known/caldav (RFC 6764), once
 *   each calendar ── sync-collection (RFC 6578) ──▶ changed, gone ── calendar-multiget ──▶ new contents
 *        │  token not known any more: from the start      no sync here: PROPFIND of all ETags
 *
 * What is remembered between two asks (tokens, ETags, busy times of each resource) is in this
 * process only: nothing of a server's paths reaches the store.  After CALDAV_DAYS, or in a new process,
 * all is read again, because the window has moved.  `expand` is never asked for: servers do it wrong.
 */
#ifndef EOUL_FETCH_CALDAV_H
#define EOUL_FETCH_CALDAV_H

#include "fetch/collect.h"
#include "fetch/http.h"

#define CALDAV_COLLECTIONS_MAX 16
#define CALDAV_RESOURCES_MAX 20000u   /* of one collection */
#define CALDAV_BUSY_MAX 500000u       /* stretches remembered of one calendar: 12 MB */
#define CALDAV_REMEMBERED_MAX 256     /* calendars; then the oldest is forgotten */
#define CALDAV_DAYS 7
#define CALDAV_BATCH 100              /* resources asked for at once */

struct caldav; /* what is remembered */

struct caldav *caldav_new(void);
void caldav_free(struct caldav *all);

/* Read the calendar of `ask`; *ret_same: nothing changed since its MARKS.  ret_marks has room for 64. */
enum trouble caldav_read(struct caldav *all, struct http *h, struct str ask, struct collect *c,
                         bool *ret_same, char *ret_marks, long *detail);

#endif
