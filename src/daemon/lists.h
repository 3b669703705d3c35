/* lists.h - todos that stand in a CalDAV list: read as their owner's own, and ticked there.
 *
 * A list is a calendar of the kind "todos" (calendars.h).  What eoul-fetch answers is brought together
 * with the rows of `listed`, one for each todo of the list that eoul knows:
 *
 *     in the list       row          what follows
 *     open, new         -            a todo of its owner, as if they had typed it
 *     open, changed     OPEN         what the list changed is set; a move by hand stays
 *     done              OPEN         done here
 *     gone, cancelled   OPEN         dropped here
 *     open              TICK         done here, not told yet: goes out with the next ask, until the list has it
 *     done, gone        TICK         the row goes
 *     open              LEFT         dropped or declined here: stays away as long as the list has it
 *
 * OPEN becomes TICK or LEFT in the transaction of the todo's end, so no crash loses a tick; it is not
 * told before it is written, and told again until the list has it.  The back-off of one that the server
 * refuses is in its row; that of a server that does not answer is the calendar's.
 */
#ifndef EOUL_DAEMON_LISTS_H
#define EOUL_DAEMON_LISTS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"
#include "core/event.h"

struct calendar_change;
struct daemon;

#define LIST_TAKES_US (30 * USEC_PER_MIN) /* of a todo that does not say, in a list that does not either */
#define LIST_TAKES_US_MAX (400 * USEC_PER_HOUR) /* as the core has it */

struct list_item { /* an open todo, as eoul-fetch found it */
    uint64_t id;
    usec_t begin_at, due_at, takes_us; /* 0: not said */
    int64_t percent;
    bool secret;
    struct str title; /* empty: none, or secret */
};
struct list_ticked {
    uint64_t id;
    struct str trouble; /* empty: it is done there */
};

/* --- for calendars.c, in a turn ------------------------------------------------------------------- */

/* What came of reading a list.  *ret_room: all of it could be taken. */
int lists_read(struct daemon *d, const struct calendar_change *c, usec_t takes_us, bool *ret_room, struct err *err);
/* Its open todos are dropped, and what it was to be told is forgotten. */
int lists_remove(struct daemon *d, person_no no, struct str name, struct err *err);

struct list_waiting { /* for telling the list */
    uint32_t n;
    usec_t next_at;   /* the first of them may be tried then */
    char trouble[40]; /* of the last try of one; empty: not tried yet, or none */
};
int lists_waiting(struct daemon *d, person_no no, struct str name, struct list_waiting *ret);

/* --- for todos.c ---------------------------------------------------------------------------------- */
int lists_todo_ended(struct daemon *d, job_id todo, enum todo_state to);

/* --- for fetch.c ---------------------------------------------------------------------------------- */
/* The ticks that an ask takes along; `all`: also those whose time has not come. */
int lists_put_ticks(struct daemon *d, person_no no, struct str name, bool all, struct buf *fields);

#endif
