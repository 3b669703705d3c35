/* notices.h - the outbox: who is told what, where, and when.
 *
 * A person adds channels (ntfy, a web hook, mail, ...).  What happens to their jobs and todos becomes a
 * row for each channel in the transaction of what happened, so nothing is told that did not happen and
 * nothing that happened is forgotten.  A row leaves when the person can look: at once if they can now,
 * else with all others at the first moment they can, as one message.  Only kinds that the person opted
 * into for a channel (page) leave at any time.
 *
 *     row ─▶ can its person look? ─no─▶ their next look hours
 *              │ yes, or a page
 *              ▼
 *     eoul-fetch, a process of its own ─▶ arrived: the rows go
 *              ╰─ trouble: later, less and less often, as the service says (Retry-After); after
 *                 NOTICE_EXPIRE_US they go
 *
 * Whoever wants them gets the morning's and the evening's brief on a channel, made when it is sent; one
 * that could not be delivered while it was of use is not told later.
 *
 * A delivery may come twice (eoul was killed between the service's answer and the commit); each carries
 * an id that is the same both times.
 */
#ifndef EOUL_DAEMON_NOTICES_H
#define EOUL_DAEMON_NOTICES_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"
#include "brief/brief.h"
#include "core/core.h"
#include "notice/outbox.h"

struct calendar_secrets;
struct daemon;
struct notices;
struct op;

#define CHANNELS_MAX 8       /* of one person */
#define CHANNEL_NAME_MAX 32
#define CHANNEL_PAGE_MAX 120 /* kinds, separated by commas */

enum channel_action { CHANNEL_ADD, CHANNEL_REMOVE, CHANNEL_TEST, CHANNEL_TOLD /* of notices.c only */ };
struct channel_change { /* OP_CHANNEL */
    enum channel_action action;
    struct str name;
    enum channel_kind kind;  /* ADD */
    struct str address, user, secret, page;
    struct str brief;        /* "morning,evening"; empty: none */
    /* TOLD: to whom, up to which row, and how it went */
    person_no person;
    uint64_t last;
    bool only_pages;
    enum brief_kind told;    /* a brief was sent, and no rows */
    struct str trouble;      /* empty: it arrived */
    usec_t again_us;
};

/* The channels of the store; before the first turn's commit.  Delivering begins with notices_start. */
int notices_load(struct daemon *d, struct err *err);
void notices_start(struct daemon *d);
void notices_step(struct daemon *d);   /* at the end of each wake-up: send what is due */
void notices_finish(struct daemon *d);
/* Hours or the time of day may be others now: look at what is due again. */
void notices_look(struct daemon *d);
/* After the core was rebuilt from the store: read the channels again. */
void notices_forget(struct daemon *d);

/* --- in a turn ---------------------------------------------------------------------------------- */
/* OP_CHANNEL.  A refusal changes nothing. */
int notices_op(struct daemon *d, struct op *op);
/* Every channel of a person, what waits there, and how it is reached. */
int notices_remove_all(struct daemon *d, person_no no, struct err *err);
/* A job came to this state. */
int notices_job(struct daemon *d, const struct core_update *u, person_no owner, job_id array);
/* Todo `id` is asked of somebody, or over. */
/* It runs and seems to hang. */
int notices_stalled(struct daemon *d, job_id job);
int notices_todo(struct daemon *d, enum notice_kind kind, job_id id, person_no whom);

/* --- answers.c: what can be tapped ---------------------------------------------------------------- */
struct answers {
    person_no no;
    enum lang lang;
    usec_t now_at;
    bool possible;           /* there is a door (web/door.h) */
    uint32_t todos_n, jobs_n;
    size_t n;
    struct notice_answer at[NOTICE_ANSWERS_MAX];
    char labels[NOTICE_ANSWERS_MAX][160], urls[NOTICE_ANSWERS_MAX][NOTICE_URL_MAX];
};
void answers_begin(struct daemon *d, struct answers *a, person_no no, enum lang lang, usec_t now_at);
void answers_todo(struct daemon *d, struct answers *a, job_id id, bool asked /* and may say no */);
void answers_held(struct daemon *d, struct answers *a, job_id id);
void answers_brief(struct daemon *d, struct answers *a);

/* Under what credentials.c keeps a channel's address. */
struct str notices_secret_name(struct str name, char memory[CHANNEL_NAME_MAX + 2]);

/* --- looking ------------------------------------------------------------------------------------ */
struct channel {
    const char *name, *place, *page, *brief;
    const char *trouble; /* trouble: a word of fetch/trouble.h or "status N" */
    enum channel_kind kind;
    usec_t trouble_at, next_at;  /* next_at: when what waits is sent; 0: nothing waits */
    uint32_t waiting;
    bool sending;
};
/* In the order of their names. */
/* briefs.c: a person's look hours around now; a brief of theirs.  `out` has room for PEOPLE_WINDOWS_MAX. */
int briefs_windows(struct daemon *d, person_no no, usec_t now_at, struct span *out, size_t *ret_n);
/* commands: what to type stands in it. */
int briefs_write(struct daemon *d, person_no no, bool morning, bool commands, struct buf *title, struct buf *out);

bool notices_channel(struct daemon *d, person_no no, uint32_t i, struct channel *ret);

#endif
