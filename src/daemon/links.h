/* links.h - what opens a door for somebody without an account: a page of their own, or one answer.
 *
 * A *page link* is a token of 160 random bits; the store has its hash, so nobody can read an address from
 * it, and removing the row closes the page.  Who opens it acts as its person and as nobody else.
 *
 * An *answer link* (a tap) stands in a notice and gives one answer to one thing, once, until it expires.  It
 * says whose answer it is, which, to what and until when, and is signed (HMAC-SHA256, 160 bits of it) with a
 * key of that person that stands in a file of mode 0600.  So composing a notice writes nothing, the same
 * notice sent twice has the same links, and a new key closes all older ones.  That an answer was given is a
 * row of the store in the transaction of what it did.
 *
 * Changing works inside a turn only; looking any time outside.
 */
#ifndef EOUL_DAEMON_LINKS_H
#define EOUL_DAEMON_LINKS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"
#include "core/core.h"
#include "daemon/feeds.h"

struct daemon;
struct op;

#define LINKS_MAX 4          /* of one person: a phone, a tablet, a desk */
#define LINK_TOKEN_BYTES FEED_TOKEN_BYTES  /* one kind of token: 160 bits */
#define LINK_TOKEN_TEXT (2 * LINK_TOKEN_BYTES)
#define LINKS_KEY "::links"  /* under which credentials.c keeps a person's key; no channel has that name */

struct link_change { /* OP_LINK: of op->for_person or the peer */
    bool remove;
    uint64_t id;      /* remove: which */
    struct str hash;  /* else: of the new one's token */
};
int links_op(struct daemon *d, struct op *op);
/* All links of this person, and the key of their answers. */
int links_remove_all(struct daemon *d, person_no no, struct err *err);

/* Whose page this token opens.  E_NOT_FOUND. */
int links_open(struct daemon *d, struct str token, person_no *ret);
/* Links by number; a refusal of `each` ends it. */
struct link {
    uint64_t id;
    person_no person;
    usec_t add_at;
    struct str hash;  /* of its token; borrowed */
};
int links_each(struct daemon *d, int (*each)(const struct link *l, void *data), void *data);

/* --- one answer ------------------------------------------------------------------------------------ */

/* X(action, word) */
#define TAP_LIST(X) \
    X(TAP_DONE, "done") X(TAP_SNOOZE, "later") X(TAP_ACCEPT, "accept") X(TAP_DECLINE, "decline") \
    X(TAP_RELEASE, "run")   /* a held job may start: tonight, if it fits */ \
    X(TAP_AWAY, "away")
enum tap_action {
#define X(action, word) action,
    TAP_LIST(X)
#undef X
    TAP_COUNT
};
const char *tap_word(enum tap_action action);

#define TAP_TEXT_MAX 128
#define TAP_US (7 * USEC_PER_DAY) /* a notice is answered within a week or by the page */

struct tap {
    person_no person;
    enum tap_action action;
    uint32_t subject;            /* a todo or a job; 0: nothing */
    usec_t expire_at;            /* whole seconds */
    char text[TAP_TEXT_MAX];     /* what stands in the address */
};
/* Signs t: fills in its text.  Makes the person's key at first use. */
int taps_sign(struct daemon *d, struct tap *t);
/* E_NOT_FOUND: not ours; E_TIMEOUT: it has expired; E_EXISTS: that answer was given. */
int taps_read(struct daemon *d, struct str text, struct tap *ret);
/* In a turn: before and after what op->tap does. */
int taps_check(struct daemon *d, struct op *op);
int taps_spend(struct daemon *d, struct op *op);

#endif
