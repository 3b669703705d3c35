/* message.h - what the daemon asks of eoul-fetch, and what it answers.
 *
 * A stream socket pair (stdin and stdout of eoul-fetch are one end of it).  A message is a head of
 * fixed size and `len` bytes of fields; a field is a tag, a length and so many bytes.  Each ask has a
 * number that its answer repeats; eoul-fetch works on one ask at a time, in their order, so the
 * daemon asks when the last one is answered and gives each a time limit: over it, it is killed and
 * started again.
 *
 * The first message says what the process is for, and it shuts itself in accordingly (sandbox.h):
 * FETCH_FILES reads files and has no network, FETCH_NETWORK has the network and no files.  Notices
 * (FETCH_NOTICE) get a network process of their own, so that a slow calendar never holds one up; they
 * use the same fields: URL, USER, PASSWORD, and BODY and HEADER (lines); for a mail FROM and TO.
 *
 * A third kind (FETCH_COMMANDS) runs programs that people are told by (command.h): the same FETCH_NOTICE, URL is the
 * program, BODY its input.  It reads no foreign byte, and is not shut in.
 *
 * Passwords and secret addresses are in asks only: never in an answer, an argument or a log.
 */
#ifndef EOUL_FETCH_MESSAGE_H
#define EOUL_FETCH_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define FETCH_MAGIC   0x66726f65u
#define FETCH_VERSION 1u
#define FETCH_LEN_MAX (2u << 20) /* an answer of 10,000 busy times has half a megabyte */

#define FETCH_TICKS_MAX 16  /* of one ask: each is two or three requests */
#define FETCH_ITEMS_MAX 200 /* open todos of a list: more than a person will do this month */

enum fetch_kind {
    FETCH_FILES = 1, FETCH_NETWORK, /* what for; no answer */
    FETCH_CALENDAR,                 /* read this calendar */
    FETCH_NOTICE,                   /* deliver this */
    FETCH_COMMANDS,                 /* what for: running programs; no answer */
    FETCH_DONE = 64,                /* the answer to either */
};

/* X(tag): numbers never change their meaning. */
#define FETCH_TAG_LIST(X) \
    /* asks */ \
    X(KIND)      /* file, directory, holidays, url or caldav */ \
    X(URL)       /* or path */ \
    X(USER) X(PASSWORD) \
    X(KEY)       /* names the calendar: what is remembered of it between asks is under this */ \
    X(SELF)      /* own addresses, separated by commas */ \
    X(ZONE) \
    X(FROM_AT) X(UNTIL_AT) /* the window to read */ \
    X(MARKS)     /* as the last answer gave them; empty: read all of it */ \
    /* answers */ \
    X(TROUBLE)   /* trouble.h; empty or absent: it went well */ \
    X(SAME)      /* nothing has changed since MARKS: the copy holds; no further fields but MARKS */ \
    X(BUSY)      /* busy_print */ \
    X(EVENTS) X(ISSUES_N) \
    X(ISSUE)     /* "WORD LINE DETAIL", once for each listed */ \
    X(KNOWN_UNTIL_AT) \
    /* notices */ \
    X(METHOD) X(HEADER) X(BODY) X(STATUS) X(RETRY_AFTER_S) \
    X(FROM) X(TO) /* of a mail */ \
    /* lists of todos: in an ask what is to be ticked, "ID DONE_AT" each, at most FETCH_TICKS_MAX */ \
    X(TICK) \
    /* in its answer, with SAME too: "ID", ticked, or not there any more; "ID TROUBLE DETAIL": not yet */ \
    X(TICKED) \
    X(ITEM)      /* an open one: "ID BEGIN_AT DUE_AT TAKES_US PERCENT SECRET TITLE", 0: not said; at most FETCH_ITEMS_MAX */ \
    X(OVER)      /* those that are done: their IDs, separated by commas */
enum fetch_tag {
    FETCH_TAG_NONE,
#define X(tag) FETCH_##tag##_TAG,
    FETCH_TAG_LIST(X)
#undef X
    FETCH_TAGS
};

struct fetch_head {
    uint32_t magic, version;
    uint32_t kind;
    uint32_t number;
    uint32_t len;
    uint32_t reserved[3];
};

void fetch_field(struct buf *out, enum fetch_tag tag, struct str value);
void fetch_field_i64(struct buf *out, enum fetch_tag tag, int64_t value);
/* The next field; false at the end or at what is none. */
bool fetch_next(struct str *rest, enum fetch_tag *ret_tag, struct str *ret_value);
/* The first field of that tag, or an empty str. */
struct str fetch_get(struct str fields, enum fetch_tag tag);
int64_t fetch_get_i64(struct str fields, enum fetch_tag tag, int64_t otherwise);

/* IDs of todos: 16 hexadecimal digits, never 0. */
bool fetch_id(struct str text, uint64_t *ret);

/* Send all of it; waits if it must (asks are small, answers are waited for).  0 or E_*. */
int fetch_send(int fd, enum fetch_kind kind, uint32_t number, struct str fields);

struct fetch_reader { /* zeroed to begin with */
    struct fetch_head head;
    size_t head_len;
    struct buf fields;
};
/* Read on.  1: a whole message is in head and fields, until the next call; 0: nothing more yet (a
 * descriptor that does not wait); E_UNAVAILABLE: the other end is gone; E_CORRUPT. */
int fetch_receive(struct fetch_reader *r, int fd);
void fetch_reader_finish(struct fetch_reader *r);

#endif
