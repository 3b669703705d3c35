/* feeds.h - feeds by address: a person's plan for calendars that subscribe to it.
 *
 * A feed is opened by a token of 160 random bits in its address; the store has the token's hash, so nobody
 * can read an address from it, and removing the row closes the feed.  What was published last is a file of
 * the state directory (FEED_DIR), which is all that SEQUENCE and DTSTAMP need (feed/feed.h).
 *
 * Adding and removing works inside a turn only; looking any time outside.
 */
#ifndef EOUL_DAEMON_FEEDS_H
#define EOUL_DAEMON_FEEDS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "core/event.h"

struct daemon;
struct op;

#define FEEDS_MAX 8         /* of one person */
#define FEED_NAME_MAX 32
#define FEED_TOKEN_BYTES 20 /* 160 bits */
#define FEED_TOKEN_TEXT (2 * FEED_TOKEN_BYTES)
#define FEED_DIR "feeds"

struct feed_change { /* OP_FEED */
    bool remove;
    struct str name;
    bool busy;          /* only when the person is busy by hand, without names */
    struct str hash;    /* feeds_hash of its token */
};
int feeds_op(struct daemon *d, struct op *op);
/* All feeds of this person. */
int feeds_remove_all(struct daemon *d, person_no no, struct err *err);

/* 64 letters and a NUL. */
void feeds_hash(struct str token, char ret[65]);
/* The stream that this token opens, made anew, appended to `out`.  E_NOT_FOUND. */
int feeds_read(struct daemon *d, struct str token, struct buf *out);
/* The whole plan of a person whose page link (links.h) this token opens; the caller has checked that. */
int feeds_of_link(struct daemon *d, person_no no, struct str token, struct buf *out);
/* What was published under this hash goes. */
void feeds_forget(struct daemon *d, const char *hash);

#endif
