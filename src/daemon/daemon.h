/* daemon.h - the live shell around the core: operations in, one commit a turn, answers and acts out.
 *
 * A turn (daemon_turn, the loop's before-sleep hook):
 *
 *     operations and engine events that arrived since the last turn
 *         └─▶ each: check ─▶ journal row and table rows ─▶ core_step
 *     EVENT_DECIDE if anything changed or a deadline is due
 *     COMMIT (one fsync for all of them)        nothing changed: no commit
 *         ├─▶ op->done for each operation       answers only after the commit
 *         └─▶ act: start, stop, limit, forget   idempotent; repeated after a restart
 *
 * Whoever serves people (src/web) makes a struct op, fills in who asks and what, and hands it to
 * daemon_enqueue; `done` is called later, never from inside daemon_enqueue.  The op and everything
 * it points to stay the caller's and must live until then.  A caller that has gone away must still
 * wait for done (op->context may say that nobody listens any more).
 *
 * Reading needs no operation: daemon_core and the look-ups below are valid any time outside a turn's
 * callbacks into SQLite, that is whenever web code runs.  They show only what is committed: web code
 * never runs between core_step and COMMIT.
 */
#ifndef EOUL_DAEMON_DAEMON_H
#define EOUL_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "core/core.h"
#include "loop/loop.h"
#include "store/store.h"

struct daemon;
struct people;
struct config;

#define OP_ITEMS_MAX   20000u       /* jobs in one submit call */
#define OP_KEY_MAX     64u
#define OP_ENV_MAX     (2u << 20)   /* bytes of one environment */
#define OP_QUEUE_MAX   20000u       /* operations waiting for a turn; more are refused E_BUSY */

/* X(kind, word) */
#define OP_LIST(X) \
    X(OP_SUBMIT, "submit") X(OP_CANCEL, "cancel") X(OP_HOLD, "hold") X(OP_RELEASE, "release") \
    X(OP_FIRST, "first") X(OP_REQUEUE, "requeue") X(OP_SET, "set") \
    X(OP_SIGNAL, "signal")   /* a signal to what runs */ \
    X(OP_CODE, "code")       /* a job says at its start what its code is now */ \
    X(OP_GPU_DRAIN, "drain")     /* gpu, or the queue: running work goes on */ \
    X(OP_GPU_UNDRAIN, "undrain") \
    X(OP_ME, "me")               /* language, zone, hours, away, here: people.c does it */ \
    X(OP_CALENDAR, "calendar")   /* calendars.c does it */ \
    X(OP_FEED, "feed")           /* feeds.c does it */ \
    X(OP_LINK, "link")           /* links.c does it */ \
    X(OP_CHANNEL, "channel")     /* notices.c does it */ \
    X(OP_TODO, "todo")           /* todos.c does it */ \
    X(OP_RESERVE, "reserve")     /* reserve.c does it */ \
    X(OP_BOOST, "boost")         /* boost.c does it */ \
    X(OP_RELOAD, "reload")       /* reload.c does it */ \
    X(OP_DOWN, "down")
enum op_kind {
#define X(kind, word) kind,
    OP_LIST(X)
#undef X
    OP_KIND_COUNT
};
const char *op_word(enum op_kind kind);

struct op_peer { /* from SO_PEERCRED, nowhere else */
    uid_t uid;
    gid_t gid;
    pid_t pid;
};

struct op_item { /* one job or array of a submit */
    struct str spec;      /* spec_print's text */
    struct str env;       /* NAME=value strings, each ended by NUL; ptr NULL: as the item before */
    uint32_t ret_id;      /* the answer */
    uint32_t ret_tasks;
    uint32_t ret_review;  /* the todo of its --review; 0: none */
    uint32_t ret_gpus;    /* that it asks for, also where it is refused */
    struct op_forecast {  /* with `test`: what the plan would say of its (first) job */
        uint8_t reason;      /* enum reason */
        usec_t start_at, end_p10_at, end_p50_at, end_p90_at, eyes_at; /* USEC_NEVER: not to be said */
        uint64_t gpus;
        uint32_t cpus;
    } ret_forecast;
};

/* Which job: id as people write it, resolved inside the turn: "12", "12_3"; an array's own id means
 * all its tasks. */
struct op {
    enum op_kind kind;
    struct op_peer peer;
    struct str for_person;       /* act for this person (personal and team owner only); empty: oneself */
    bool of_many;                /* one of a batch: what is refused is told there, and not kept */
    person_no by_link;           /* a link of this person was opened (links.h): peer is nobody; 0: none */
    const struct tap *tap;       /* ... to give this one answer, once; NULL: their page */

    union {
        struct {
            struct str key;      /* empty: none */
            struct op_item *items;
            uint32_t items_n;
            bool test;           /* --test-only: all of it, and then back to what was before */
        } submit;
        struct {
            struct str id;
            enum set_field field; /* OP_SET */
            int64_t value;
            bool only_failed;     /* OP_REQUEUE: ended tasks that failed, and nothing else */
            uint32_t signal;      /* OP_SIGNAL */
            enum signal_whom whom;
            struct str code;      /* OP_CODE: as spec.code has it of the submit */
        } job;
        struct {
            struct str id;       /* number, UUID, or "queue" */
        } gpu;
        struct {
            const struct person_change *change; /* people.h */
        } me;
        struct {
            const struct calendar_change *change; /* calendars.h */
        } calendar;
        struct {
            const struct channel_change *change; /* notices.h */
        } channel;
        struct {
            const struct feed_change *change; /* feeds.h */
        } feed;
        struct {
            const struct link_change *change; /* links.h */
        } link;
        struct {
            const struct todo_change *change; /* todos.h */
            job_id ret_id;
        } todo;
        struct {
            const struct reserve_change *change; /* reserve.h */
            uint32_t ret_id;
        } reserve;
        struct {
            const struct boost_change *change; /* boost.h */
            uint32_t ret_id;
        } boost;
        struct {
            uint64_t changed, at_start; /* the answer: settings (config_setting) that hold now, or at the next start */
        } reload;
        struct {
            bool cancel_jobs;
        } down;
    };

    /* the answer */
    int result;                  /* 0 or E_*; err then has the sentence */
    struct err err;              /* the caller sets err.translate */
    uint32_t item;               /* submit: which item was refused */
    bool again;                  /* submit: the key was known */
    uint32_t changed;            /* how many jobs it changed */
    uint32_t refusal;            /* refused, and kept to be explained (refusal.h): its number; 0: not */

    void (*done)(struct op *op, void *context);
    void *context;

    struct op *next;             /* the daemon's, until done */
};

/* Queue an operation for this turn.  0, or E_BUSY / E_UNAVAILABLE (stopping): then done is not
 * called. */
int daemon_enqueue(struct daemon *d, struct op *op);
/* Memory has run out where nobody can go on without it: end, and be started again.  Nothing committed is lost. */
_Noreturn void daemon_no_memory(const char *where);

/* --- looking ------------------------------------------------------------------------------------ */
const struct core *daemon_core(const struct daemon *d);
struct store *daemon_store(struct daemon *d);
struct people *daemon_people(struct daemon *d);
const struct config *daemon_config(const struct daemon *d);
const char *daemon_config_path(const struct daemon *d); /* "": none */
struct loop *daemon_loop(struct daemon *d);
struct loop_now daemon_now(const struct daemon *d);
/* The plan since the last change, at most a second old; valid until the web code returns. */
int daemon_plan(struct daemon *d, struct core_plan *ret);

struct job_ref { /* "12" or "12_3" resolved */
    job_id id;        /* the job, or the array's first */
    uint32_t request; /* id of its request */
    uint32_t tasks;   /* jobs it means, from id on */
    bool whole_array; /* "12" and 12 is an array */
};
/* Live or ended.  E_INVALID, E_NOT_FOUND with a sentence. */
int daemon_job_find(struct daemon *d, struct str text, struct job_ref *ret, struct err *err);

struct job_info { /* what lists need of a live job; strings live as long as the job */
    uint32_t request;
    uint32_t tasks;
    uid_t uid;
    person_no owner, submitter;
    bool array;
    const char *name;
    uint64_t version; /* journal number of the turn that last changed it (a restart may raise it) */
};
bool daemon_job_info(const struct daemon *d, job_id id, struct job_info *ret);

/* May this peer see argv, environment and output of the request / act on it? */
bool daemon_may(const struct daemon *d, const struct op_peer *peer, uid_t request_uid);
void daemon_operators(const struct daemon *d, struct buf *out); /* their names, the first few */
bool daemon_is_operator(const struct daemon *d, const struct op_peer *peer);
bool daemon_lets_in(const struct daemon *d, const struct op_peer *peer); /* has this user any way in?  Roles change at a reload */
/* privacy.c: how much of a job of this submitter and owner this peer may see.  NULL: the daemon itself, all. */
enum config_shown daemon_shown(const struct daemon *d, const struct op_peer *peer, int64_t submitter_uid,
                               person_no owner);

/* Of when a result is seen: whoever looks at it (and who acts for them, if they have no account) sees it exactly,
 * all others, operators too, in quarters of an hour.  end_at: of the same forecast; somebody who is there then sees it at once. */
#define HOURS_GRAIN_US (15 * USEC_PER_MIN) /* of what others may know of somebody's day */
usec_t daemon_eyes_shown(const struct daemon *d, const struct op_peer *peer, const struct core_job *job,
                         usec_t eyes_at, usec_t end_at);

/* Appends the last output of the job's present or last attempt (at most 64 KiB). */
int daemon_tail(struct daemon *d, job_id id, size_t max, struct buf *out, uint64_t *ret_total);

/* attach.c.  Bring a client together with the supervisor of a running job: it waits on the abstract socket
 * `name` (SOCK_SEQPACKET), must be a process of `uid`, and gets a connection (WIRE_CONTACT). */
int daemon_introduce(struct daemon *d, job_id id, uid_t uid, struct str name, struct err *err);
/* How the terminal of a running job is used; false: it has none, or does not run. */
struct daemon_use {
    usec_t idle_us;           /* since somebody typed or it printed; known to ten seconds */
    uint32_t attached;
};
bool daemon_use(const struct daemon *d, job_id id, uint32_t attempt, struct daemon_use *ret);

/* What the running jobs among from .. from + n - 1 last said of themselves, in no order (ended ones:
 * store_results_each). */
struct daemon_marks {
    job_id job;
    struct str text;          /* name=value, one a line */
    int64_t done_ppm;         /* -1: not known */
    usec_t stalled_at;        /* it seems to hang: since its last step; 0: it does not */
};
/* It runs and seems to hang: since its last step; 0: it does not. */
usec_t daemon_stalled_at(const struct daemon *d, job_id id);
void daemon_marks_each(struct daemon *d, job_id from, uint32_t n,
                       void (*each)(const struct daemon_marks *m, void *data), void *data);

struct daemon_gpu {
    const char *uuid;
    const char *model;
    bool drained, gone;
    uid_t foreign_uid;        /* of whoever holds it outside, if foreign */
    bool foreign;
    const char *foreign_name; /* or NULL */
    int64_t memory_mib, memory_used_mib, power_mw, utilisation; /* -1: not known */
};
uint32_t daemon_gpus_n(const struct daemon *d); /* numbers 0 .. n-1; the core knows their state */
const char *daemon_gpu_model(const struct daemon *d, uint32_t type); /* by the core's type number; "": none */
bool daemon_gpu_get(const struct daemon *d, uint32_t no, struct daemon_gpu *ret);

struct daemon_status {
    const char *mode;         /* "personal", "team", "system" */
    const char *socket_path;
    const char *state_dir;
    const char *gpu_source;   /* "nvml", "declared" or "none" */
    const char *lock_dir;
    pid_t pid;
    uid_t owner_uid;
    usec_t started_at;
    uint64_t journal_seq;
    uint64_t hash;
    bool queue_closed;
    bool stopping;
    bool disk_full;
    enum policy policy;
};
/* The mode of the week: daemon/week.h has the struct. */
struct week_now;
void daemon_week(const struct daemon *d, struct week_now *ret);
/* Of the tariff; NULL: none is known.  Borrowed. */
const char *daemon_currency(const struct daemon *d);
/* The power cap as eoul.yaml has it; NULL: there is none. */
const char *daemon_power_cap(const struct daemon *d);
void daemon_status(const struct daemon *d, struct daemon_status *ret);
/* What the kernel keeps attempts to here, a word each (supervisor/guard.h): NULL behind the last. */
const char *daemon_guard(const struct daemon *d, uint32_t i);
/* Sentences an operator should know now (disk full, state moved to /var/tmp, engine down...), in the
 * language of `translate`. */
void daemon_notes(struct daemon *d, const char *(*translate)(const char *),
                  void (*note)(const char *sentence, void *data), void *data);

/* Called after each commit, when the answers are out: which jobs changed (STATE updates of the turn,
 * submits included as PENDING).  For long polls and events to pages. */
struct daemon_change {
    job_id job;
    uint32_t n;               /* jobs job .. job + n - 1 (a submitted array is one change) */
    uint8_t to;               /* enum job_state */
};
void daemon_on_change(struct daemon *d,
                      void (*hook)(const struct daemon_change *changes, uint32_t n, void *data),
                      void *data);

/* Write a copy of the store to a new file, as the daemon's user.  Not inside a turn. */
int daemon_backup(struct daemon *d, struct str path, uint64_t *ret_bytes, struct err *err);

/* --- inside a turn (people.c and the daemon's own parts) ------------------------------------------ */

/* Give the core an event in the open transaction: check, journal, step.  Its times are set here.
 * A refusal changes nothing. */
int daemon_event(struct daemon *d, struct core_event *ev, struct err *err);

/* What the daemon asks of people.c (src/daemon/people.h):
 *   int people_of_uid(struct people *, struct daemon *, uid_t, person_no *ret, struct err *)
 *       the person of a Unix user, made (row, EVENT_PERSON, EVENT_AVAIL) at first contact
 *   int people_named(struct people *, struct daemon *, struct str name, person_no *ret, struct err *)
 *       the same by name, for --for
 *   int people_change(struct people *, struct daemon *, const struct op *op, struct err *)
 *       OP_ME; called inside a turn, uses store_person_put and daemon_event
 *   usec_t people_due(const struct people *)  wall time when windows must be extended or a mark
 *       (away, here) ends; people_refresh(people, daemon, err) is then called inside a turn
 *   const char *people_name(const struct people *, person_no)
 * and of web (src/web/web.h):
 *   int web_create(struct web **ret, struct daemon *, struct loop *);  void web_destroy(struct web *)
 *   void web_take_connection(struct web *, int fd, const struct op_peer *)   the daemon listens,
 *       accepts, asks SO_PEERCRED and checks who may connect; web speaks HTTP on what it is given
 *   void web_before_sleep(struct web *)  after each turn: push out the answers that done() made
 */

#endif
