/* notice.h - what a person is told, and how each channel wants to hear it.
 *
 * Items in (what happened, to which job or todo), a title and lines of text out; then, for one channel,
 * the request that delivers them: address, header lines, body.  What it is sent with and when is the
 * daemon's affair.  All strings are clean UTF-8; names of jobs are foreign text and are escaped as each
 * channel needs.  No clock and no I/O.
 *
 * Secrets (addresses of web hooks, topics, keys) come from the caller and go into the request, nowhere
 * else.
 */
#ifndef EOUL_NOTICE_NOTICE_H
#define EOUL_NOTICE_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/usec.h"
#include "cal/tzif.h"
#include "i18n/tr.h"

#define NOTICE_ITEMS_MAX 200       /* named in one message; more are a number */
#define NOTICE_TEXT_MAX (60u << 10)
#define NOTICE_PLACE_MAX 300
#define NOTICE_ADDRESS_MAX 2000

/* X(kind, word): what happened. */
#define NOTICE_KIND_LIST(X) \
    X(NOTICE_DONE, "job-done") X(NOTICE_FAILED, "job-failed") \
    X(NOTICE_HELD, "job-held")       /* tasks of its array failed alike, or its canary did: it waits for its owner */ \
    X(NOTICE_STALLED, "job-stalled") /* it runs and does not get on */ \
    X(NOTICE_ASKED, "todo-asked")    /* somebody asks this person for it */ \
    X(NOTICE_TICKED, "todo-done")    /* what this person asked for is done */ \
    X(NOTICE_DROPPED, "todo-dropped") \
    X(NOTICE_TEST, "test")
enum notice_kind {
#define X(kind, word) kind,
    NOTICE_KIND_LIST(X)
#undef X
    NOTICE_KINDS
};
const char *notice_kind_word(enum notice_kind kind);
bool notice_kind_read(struct str word, enum notice_kind *ret);

struct notice_item {
    enum notice_kind kind;
    uint32_t n;           /* so many of this array's tasks; 1: one */
    const char *id;       /* "12", "12_3" */
    const char *name;     /* of the job or todo */
    const char *state, *reason;
    int32_t exit_code, signal;
    usec_t at;
};

struct notice_text {
    enum lang lang;
    const struct zone *zone;
    usec_t now_at;
    const struct notice_item *items;
    size_t items_n;
    size_t more;          /* happened too, and are not in items */
};
void notice_title(struct buf *out, const struct notice_text *t);
/* A line each, and at the end how many more. */
void notice_lines(struct buf *out, const struct notice_text *t);

/* --- when ------------------------------------------------------------------------------------------ */

#define NOTICE_AGAIN_US (30 * USEC_PER_SEC)  /* after a first trouble; doubles */
#define NOTICE_AGAIN_US_MAX USEC_PER_HOUR
#define NOTICE_MARGIN_US (30 * USEC_PER_SEC) /* nothing is begun that might end after look hours */

struct notice_wait { /* of one channel */
    bool pages, others;   /* those that may come at any time wait; the others do */
    usec_t not_before_at; /* after a trouble: what a service asks for holds for all that it is sent */
};
/* An instant that is to be waited for, 0 if it is none: a clock that was set back does not keep a notice for ever. */
usec_t notice_hold_at(usec_t at, usec_t now_at);
/* When to send, now_at at the earliest; *ret_only_pages: only what may come at any time.  `look` are the
 * person's look hours from now on, sorted and disjoint.  USEC_NEVER: not as far as they are known. */
usec_t notice_due_at(const struct notice_wait *w, const struct span *look, size_t look_n, usec_t now_at,
                     bool *ret_only_pages);
/* How long to wait after so many tries in vain; said_us: what the service asked for, or 0. */
usec_t notice_again_us(uint32_t tries, usec_t said_us);

/* --- channels ------------------------------------------------------------------------------------- */

/* X(kind, word, bytes of text it takes).  A little under what each says it takes. */
#define NOTICE_CHANNEL_LIST(X) \
    X(CHANNEL_WEBHOOK, "webhook", 60000) X(CHANNEL_NTFY, "ntfy", 3900) X(CHANNEL_SLACK, "slack", 3900) \
    X(CHANNEL_DISCORD, "discord", 1900) X(CHANNEL_TEAMS, "teams", 20000) \
    X(CHANNEL_KAKAOWORK, "kakaowork", 3900) X(CHANNEL_SMTP, "smtp", 60000) \
    X(CHANNEL_COMMAND, "command", 60000) /* a program of this machine, the message on its stdin */
enum channel_kind {
#define X(kind, word, bytes) kind,
    NOTICE_CHANNEL_LIST(X)
#undef X
    CHANNEL_KINDS
};
const char *channel_kind_word(enum channel_kind kind);
bool channel_kind_read(struct str word, enum channel_kind *ret);

struct notice_channel {
    enum channel_kind kind;
    struct str address;   /* see notice_address_check */
    struct str user, secret;
};
/* May this be an address of that kind?  *place is what a list may show of it: scheme and host.
 *   webhook, slack, discord, teams   https://...
 *   ntfy                             https://SERVER/TOPIC
 *   kakaowork                        the conversation's number; or https://SERVER/PATH#NUMBER
 *   smtp                             smtps://SERVER/ME@EXAMPLE.ORG (465), or smtp:// (587, STARTTLS)
 *   command                          /PATH/OF/A/PROGRAM, shown whole */
int notice_address_check(enum channel_kind kind, struct str address, struct str secret,
                         char ret_place[NOTICE_PLACE_MAX], struct err *err);

/* A link that gives one answer, and what it is called (a name may stand in it).  The address is ours: letters, digits
 * and : / . - only. */
#define NOTICE_ANSWERS_MAX 6u
#define NOTICE_URL_MAX 400u
struct notice_answer {
    const char *label, *url;
};

struct notice_message {
    const char *id;       /* the same at every try: a receiver may drop what it has seen */
    struct str title, text;
    bool page;
    usec_t now_at;
    const struct notice_answer *answers;
    size_t answers_n;     /* at most NOTICE_ANSWERS_MAX */
};
struct notice_request {
    struct buf url, body;
    struct buf headers;   /* a line each, ended by '\n' */
    struct buf from, to;  /* smtp only */
};
/* The bufs are initialized here; notice_request_finish wipes and frees them.  E_TOO_LARGE, E_NO_MEMORY. */
int notice_request(const struct notice_channel *c, const struct notice_message *m,
                   struct notice_request *ret);
void notice_request_finish(struct notice_request *r);
/* Did it arrive, by the answer's status and body?  Of a command the status is its exit status. */
bool notice_arrived(enum channel_kind kind, int64_t status, struct str body);

#endif
