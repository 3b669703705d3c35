/* store.h - what eoul knows for good: one SQLite database, one connection, one writer.
 *
 * STATE/eoul.db holds the journal (every event the core was given, with the core's hash after it),
 * snapshots of the core, and tables for whatever is looked up by name: requests, attempts, ended
 * jobs, people, GPUs.  doc/data.md says what is kept where and for how long.
 *
 * Rules: exactly one connection in the whole system, held under a lock
 * file (a second store_open says E_BUSY); WAL with synchronous=FULL; constant SQL with bound values;
 * network file systems refused; a newer store refused untouched (E_NEWER).
 *
 * A transaction is a turn: store_begin, any writes, store_commit.  Failures are of two kinds:
 *   E_NO_SPACE  the disk is full: the transaction is rolled back, nothing of it is there, everything
 *               acknowledged before is.
 *   E_IO, E_CORRUPT, E_NO_MEMORY  nobody knows what is on the disk.  Give no answer, abort, start
 *               again, read again (a COMMIT whose fsync failed may yet be there after a crash).
 * After the first failure in a transaction every further write returns it again, so a turn may check
 * once, at store_commit.
 *
 * Strings and blobs handed out by the each/get functions live until the callback returns or the next
 * call on the store; everything passed in is borrowed.  The store knows neither core nor daemon:
 * states, reasons and causes are words, instants are usec_t.
 */
#ifndef EOUL_STORE_STORE_H
#define EOUL_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"

#define STORE_FILE            "eoul.db"  /* in the state directory */
#define STORE_BALLAST_BYTES   (4u << 20) /* freed on a full disk: room for thousands of endings */
#define STORE_CACHE_KIB       2048u      /* page cache: part of the 20 MB a daemon may take */
#define STORE_LINE_MAX        (4u << 20) /* one journal line (a person's windows, 256 conditions) */
#define STORE_SNAPSHOT_MAX    (512u << 20)

struct store;

struct store_options {
    const char *dir;             /* STATE, absolute; exists, owned by us, 0700 */
    bool network_fs;             /* true: do not refuse a network file system (tests only) */
    const char *vfs;             /* an SQLite VFS by name (tests), NULL: the default */
    const struct store_migration *migrations; /* tests; NULL: the real ones */
    uint32_t migrations_n;
};
struct store_migration { /* from version i to i + 1, in one transaction with the version number */
    const char *sql;
};

/* E_BUSY: another daemon has it (its pid is in the sentence); E_STATE: another program has the file open;
 * E_NEWER; E_UNSUPPORTED: network file system; E_DENIED: wrong owner or mode; E_CORRUPT; E_NO_SPACE; E_IO. */
int store_open(const struct store_options *o, struct store **ret, struct err *err);
void store_close(struct store *s); /* accepts NULL; rolls back what is open */

/* The same in two steps: the lock settles a start race before anything else is made (the launcher
 * must be forked before the database is open).  The descriptor holds the lock until it closes. */
int store_lock(const char *dir, int *ret_lock_fd, struct err *err);
int store_open_locked(const struct store_options *o, int take_lock_fd, struct store **ret,
                      struct err *err);

const char *store_last_error(const struct store *s); /* SQLite's own words, for the log */
int store_failed(const struct store *s); /* the transaction's first failure, or 0 */

/* --- transactions ------------------------------------------------------------------------------ */
int store_begin(struct store *s);
int store_commit(struct store *s);
void store_rollback(struct store *s);
/* A part of a transaction that can be taken back alone; no nesting. */
int store_mark(struct store *s);
int store_back(struct store *s);
int store_unmark(struct store *s);
bool store_in_transaction(const struct store *s);
/* Outside a transaction, when nobody waits for an answer: move the write-ahead log into the database
 * once it is long.  Fails as a commit does. */
int store_tidy(struct store *s);
/* Outside a transaction: give the log the length it will have, so that commits need not.  Only a help:
 * after a failure they do. */
int store_log_room(struct store *s);

/* A full disk: free the ballast (once); make it again (E_NO_SPACE while it does not fit). */
void store_ballast_free(struct store *s);
int store_ballast_make(struct store *s);

/* --- journal and snapshots --------------------------------------------------------------------- */
int store_journal_add(struct store *s, struct str line, usec_t wall_at, uint64_t hash,
                      uint64_t *ret_seq);
/* Last sequence number; 0: none. */
uint64_t store_journal_last(const struct store *s);

struct store_journal_row {
    uint64_t seq;
    usec_t wall_at;
    uint64_t hash; /* of the core after it */
    struct str line;
};
/* Rows with seq > after, in order; a callback's negative return ends the walk and is returned. */
int store_journal_each(struct store *s, uint64_t after,
                       int (*row)(const struct store_journal_row *row, void *data), void *data);

struct store_snapshot {
    uint64_t seq;  /* of the last event in it */
    usec_t wall_at;
    uint64_t hash;
    struct str text; /* core_save */
};
int store_snapshot_add(struct store *s, const struct store_snapshot *snapshot);
/* The newest (before == 0) or the newest older than `before`; E_NOT_FOUND: none. */
int store_snapshot_get(struct store *s, uint64_t before, struct store_snapshot *ret);

/* Text for `eoul sim --replay`: `eoul-journal 1`, then `snapshot SEQ HASH BYTES` newline and that
 * many bytes and a newline (absent if the journal is whole from its start), then a line
 * `SEQ HASH EVENT` for every row after it.  From the oldest snapshot kept (whole), or the newest. */
int store_journal_export(struct store *s, int fd, bool whole, struct err *err);

/* --- requests: one row for each submitted item, an array is one -------------------------------- */
struct store_request {
    uint32_t id;         /* its first job */
    uint32_t tasks;      /* jobs id .. id + tasks - 1 */
    bool array;
    uint32_t call;       /* id of the first request of the same submit */
    uint32_t uid, gid;
    uint32_t owner, submitter; /* persons */
    usec_t submit_at;
    int64_t env;         /* store_env_put's number; 0: none */
    struct str name;
    struct str ranges;   /* array indices, "1-5,7"; empty: one plain job */
    struct str spec;     /* canonical text */
};
int store_request_add(struct store *s, const struct store_request *r);
/* The request that job `id` belongs to; E_NOT_FOUND. */
int store_request_last(struct store *s, uint32_t *ret); /* the greatest job number there is; 0: none */
int store_request_get(struct store *s, uint32_t id, struct store_request *ret);
/* Give back memory the last store_request_get lent (it also goes with the next call). */
void store_reset(struct store *s);

int store_env_put(struct store *s, struct str block, int64_t *ret_env); /* NUL-separated NAME=value */
int store_env_get(struct store *s, int64_t env, struct buf *out);

/* Submit keys: the same key of the same user names the same call.  `digest` tells another request
 * under an old key. */
int store_key_add(struct store *s, uint32_t uid, struct str key, uint32_t call, uint64_t digest,
                  usec_t wall_at);
int store_key_get(struct store *s, uint32_t uid, struct str key, uint32_t *ret_call,
                  uint64_t *ret_digest); /* E_NOT_FOUND */
int store_call_each(struct store *s, uint32_t call,
                    int (*item)(uint32_t id, uint32_t tasks, void *data), void *data);

/* --- attempts ----------------------------------------------------------------------------------- */
#define STORE_ATTEMPT_STATES(X) X(STARTING) X(RUNNING) X(ENDED) X(NEVER_STARTED) X(LOST)
enum store_attempt_state {
#define X(word) ATTEMPT_##word,
    STORE_ATTEMPT_STATES(X)
#undef X
    ATTEMPT_STATE_COUNT
};
const char *store_attempt_word(enum store_attempt_state state);

struct store_attempt {
    uint32_t job;
    uint32_t number;
    uint8_t uuid[16];
    enum store_attempt_state state;
    uint64_t gpus;          /* mask of the daemon's GPU numbers */
    usec_t decided_at;      /* STARTING was committed */
    usec_t plan_start_at;   /* the start its plan row promised */
    usec_t start_at, end_at;
    usec_t canary_us;       /* it is a canary, so long; 0: a run */
    int32_t exit_code, signal;
    bool open;              /* not over: STARTING, RUNNING, or ended in quarantine */
    usec_t user_us, system_us;
    int64_t rss_max_kib;
    uint64_t output_bytes, output_lost;
    struct str cause;       /* end_cause_word */
    struct str message;     /* of one that never ran: what was in the way (engine/attempt.h reads it) */
    struct str trade;       /* what its start rested on (daemon/trade.h); empty: of an older eoul */
    uint32_t way_for;       /* it was told to make way for this job; 0: it was not */
};
int store_attempt_add(struct store *s, const struct store_attempt *a);   /* STARTING */
int store_attempt_running(struct store *s, uint32_t job, uint32_t number, usec_t start_at);
int store_attempt_end(struct store *s, const struct store_attempt *a);   /* all but gpus, uuid, decided_at */
int store_attempt_note(struct store *s, uint32_t job, uint32_t number, struct str message); /* while it is open */
int store_attempt_way(struct store *s, uint32_t job, uint32_t number, uint32_t way_for);
int store_attempt_close(struct store *s, uint32_t job, uint32_t number); /* not open any more */
int store_attempts_each(struct store *s, uint32_t job,
                        int (*row)(const struct store_attempt *a, void *data), void *data);
/* Those that made way for a job. */
int store_attempts_way(struct store *s, uint32_t way_for,
                       int (*row)(const struct store_attempt *a, void *data), void *data);
/* Those a restart must ask the engine about: STARTING, RUNNING or quarantined. */
int store_attempts_open(struct store *s,
                        int (*row)(const struct store_attempt *a, void *data), void *data);

/* --- ended jobs --------------------------------------------------------------------------------- */
struct store_job {
    uint32_t id;
    uint32_t request;
    uint32_t array_id;      /* 0: no array task */
    uint32_t array_index;
    uint32_t owner, submitter;
    struct str state, reason; /* words */
    uint32_t attempts;
    uint32_t gpus, cpus;
    uint64_t gpu_mask;
    uint64_t mem_mib;
    usec_t submit_at, begin_at, deadline_at, start_at, end_at, limit_us;
    int32_t nice;
    int32_t exit_code, signal;
    struct str name;        /* read from its request */
    uint32_t account;       /* the project it was for (daemon/accounts.h); 0: none */
    int64_t watts_mw;       /* what its GPUs took at most, together, in its last attempt; 0: not known */
};
int store_job_put(struct store *s, const struct store_job *j);
int store_job_remove(struct store *s, uint32_t id); /* requeued under its id: live again */
int store_job_get(struct store *s, uint32_t id, struct store_job *ret); /* E_NOT_FOUND */
/* Newest end first; end_at < before_at (USEC_NEVER: all); owner and account 0: any; limit 0: all. */
int store_jobs_each(struct store *s, uint32_t owner, uint32_t account, usec_t before_at, uint32_t limit,
                    int (*row)(const struct store_job *j, void *data), void *data);
int store_jobs_of_request(struct store *s, uint32_t request,
                          int (*row)(const struct store_job *j, void *data), void *data);
uint64_t store_jobs_count(struct store *s, uint32_t owner, uint32_t account);

/* --- what jobs met --------------------------------------------------------------------------------- */
struct store_met {          /* schema_met.sql says what each is */
    usec_t wall_at, until_at;
    struct str what, line;
};
/* Where there are too many the oldest go: of one `what` those beyond STORE_MET_SAME_MAX, and of what ends by itself
 * those beyond STORE_MET_MAX, looked at each STORE_MET_LOOK rows. */
#define STORE_MET_SAME_MAX 512u   /* a GPU that comes and goes nine times a day */
#define STORE_MET_MAX      10000u /* reservations and boosts: 170 a day; with 64 GPUs 5 MiB */
#define STORE_MET_LOOK     64u
int store_met_add(struct store *s, const struct store_met *m);
/* At most `limit` rows behind *seq, in the order in which it happened; *seq goes on to the last of them. */
int store_met_each(struct store *s, int64_t *seq, uint32_t limit, int (*row)(const struct store_met *m, void *data),
                   void *data);
/* *ret: the one behind which there are the newest `rows`; 0: there are no more. */
int store_met_newest(struct store *s, uint32_t rows, int64_t *ret);

/* --- what jobs say of themselves ------------------------------------------------------------------ */
struct store_result {
    uint32_t job, attempt;
    usec_t at;              /* when it was read */
    int64_t done_ppm;       /* -1: it did not say */
    struct str text;        /* name=value, one a line */
    struct str rung;        /* the compared value when it was first judged; empty: not yet */
};
int store_result_put(struct store *s, const struct store_result *r); /* in place of an older one */
/* Of jobs from .. from + n - 1, in order. */
int store_results_each(struct store *s, uint32_t from, uint32_t n,
                       int (*row)(const struct store_result *r, void *data), void *data);

/* --- people and GPUs ---------------------------------------------------------------------------- */
struct store_person {
    uint32_t no;            /* person_no, 1.. */
    int64_t uid;            /* -1: no Unix user */
    struct str name, lang, zone, hours, work, focus; /* empty: not set */
    struct str leaves;      /* schema_todos.sql */
    usec_t here_until_at;   /* 0: none */
    usec_t cap_us;          /* 0: not set */
    usec_t buffer_us;       /* -1: not set */
    bool defer;             /* agreed that starts are moved later */
};
int store_person_put(struct store *s, const struct store_person *p); /* new or changed */
int store_persons_each(struct store *s, int (*row)(const struct store_person *p, void *data),
                       void *data);

/* Hands-on work.  Rows outlive their todo as jobs outlive their run. */
struct store_todo {
    uint32_t id;
    uint32_t asker;
    struct str who;         /* persons who were asked, "3,4" */
    struct str title, link;
    uint32_t review_of;     /* a job; 0: no review */
    usec_t takes_us, add_at;
    struct str state, reason; /* words; the state is OPEN when added */
    usec_t end_at;
    uint32_t end_by;        /* 0: nobody */
};
int store_todo_add(struct store *s, const struct store_todo *t);
int store_todo_end(struct store *s, uint32_t id, struct str state, struct str reason, usec_t end_at,
                   uint32_t by);
int store_todo_get(struct store *s, uint32_t id, struct store_todo *ret); /* E_NOT_FOUND */
/* Newest end first, at most `limit`. */
int store_todos_ended(struct store *s, uint32_t limit,
                      int (*row)(const struct store_todo *t, void *data), void *data);
int store_todo_title(struct store *s, uint32_t id, struct str title); /* another one */
int store_todo_forget(struct store *s, uint32_t id);
/* What this person called work by hand that is over, and its links, go; the rows stay. */
int store_todos_unname(struct store *s, uint32_t asker);

struct store_calendar {     /* schema2.sql says what each is */
    uint32_t person;
    struct str name, kind, place, self, trouble, issues, marks, busy;
    usec_t read_at, tried_at, until_at;
    usec_t takes_us;
    uint32_t events, issues_n;
};
int store_calendar_put(struct store *s, const struct store_calendar *c); /* new or changed */
/* Only how the last try went. */
int store_calendar_tried(struct store *s, uint32_t person, struct str name, usec_t read_at,
                         usec_t tried_at, struct str trouble, struct str marks);
int store_calendar_remove(struct store *s, uint32_t person, struct str name);
int store_calendars_each(struct store *s, int (*row)(const struct store_calendar *c, void *data),
                         void *data);

struct store_listed {       /* schema_lists.sql says what each is */
    uint32_t person;
    struct str list;
    uint64_t item;
    uint32_t todo;
    struct str state, trouble;
    usec_t begin_at, due_at, takes_us, done_at, next_at;
    uint32_t tries;
};
int store_listed_put(struct store *s, const struct store_listed *l); /* new or changed */
int store_listed_remove(struct store *s, uint32_t person, struct str list, uint64_t item);
int store_listed_of_todo(struct store *s, uint32_t todo, struct store_listed *ret); /* lent; E_NOT_FOUND */
int store_listed_each(struct store *s, uint32_t person, struct str list,
                      int (*row)(const struct store_listed *l, void *data), void *data);

struct store_channel {      /* schema_notices.sql and schema_briefs.sql say what each is */
    uint32_t person;
    struct str name, kind, place, page, trouble, brief;
    usec_t add_at, trouble_at, morning_at, evening_at;
};
int store_channel_put(struct store *s, const struct store_channel *c); /* new or changed */
int store_channel_remove(struct store *s, uint32_t person, struct str name); /* with what waits for it */
int store_channels_each(struct store *s, int (*row)(const struct store_channel *c, void *data),
                        void *data);

struct store_notice {
    uint64_t id;            /* of add: given */
    uint32_t person;
    struct str channel, kind, dedupe;
    uint32_t subject, n;
    bool page;
    usec_t made_at, expire_at;
    uint32_t tries;
};
/* One that waits with the same dedupe is counted up and moves to the end. */
int store_notice_add(struct store *s, const struct store_notice *n);
struct store_waiting {      /* what one channel waits with */
    uint32_t person;
    struct str channel;
    bool page;
    uint32_t n;
    usec_t not_before_at;
};
int store_notices_waiting(struct store *s, int (*row)(const struct store_waiting *w, void *data),
                          void *data);
/* Oldest first, at most `limit`. */
int store_notices_each(struct store *s, uint32_t person, struct str channel, bool only_pages,
                       uint32_t limit, int (*row)(const struct store_notice *n, void *data), void *data);
/* Up to and with id `last`: they go; or they wait until then. */
int store_notices_told(struct store *s, uint32_t person, struct str channel, bool only_pages,
                       uint64_t last);
int store_notices_later(struct store *s, uint32_t person, struct str channel, bool only_pages,
                        uint64_t last, usec_t not_before_at);
/* Its service works: nothing waits on account of what it said before. */
int store_notices_free(struct store *s, uint32_t person, struct str channel);
int store_notices_expire(struct store *s, usec_t now_at);

struct store_refusal {      /* schema_refusals.sql says what each is */
    uint32_t id, uid, times, person, job, tasks, gpus;
    usec_t at, last_at, change_at, from_at, until_at;
    int64_t limit, used, need;
    struct str operation, code, rule, model, asked, sentence;
};
int store_refusal_put(struct store *s, const struct store_refusal *r); /* new, or in the place of that id */
int store_refusal_remove(struct store *s, uint32_t id);
int store_refusals_each(struct store *s, int (*row)(const struct store_refusal *r, void *data), void *data); /* by id */

struct store_feed {         /* schema_feeds.sql says what each is */
    uint32_t person;
    struct str name, hash;
    bool busy;
    usec_t add_at;
};
int store_feed_put(struct store *s, const struct store_feed *f); /* new, or in the place of that name */
int store_feed_remove(struct store *s, uint32_t person, struct str name);
int store_feed_find(struct store *s, struct str hash, struct store_feed *ret); /* E_NOT_FOUND */
int store_feeds_each(struct store *s, int (*row)(const struct store_feed *f, void *data), void *data);

struct store_link {         /* schema_links.sql says what each is */
    uint64_t id;            /* of add: given */
    uint32_t person;
    struct str hash;
    usec_t add_at;
};
int store_link_add(struct store *s, const struct store_link *l);
int store_link_remove(struct store *s, uint64_t id);
int store_link_find(struct store *s, struct str hash, struct store_link *ret); /* E_NOT_FOUND */
int store_links_each(struct store *s, int (*row)(const struct store_link *l, void *data), void *data);
/* An answer that was tapped, by the hash of what opened it. */
int store_tap_put(struct store *s, struct str hash, usec_t expire_at);
int store_tap_find(struct store *s, struct str hash); /* 0: it was; E_NOT_FOUND */
int store_taps_expire(struct store *s, usec_t now_at);

struct store_gpu {
    uint32_t no;            /* 0..63, kept for its UUID for ever */
    uint32_t type;          /* 1..; kept for its model */
    bool drained;
    struct str uuid, model;
};
int store_gpu_put(struct store *s, const struct store_gpu *g);
int store_gpus_each(struct store *s, int (*row)(const struct store_gpu *g, void *data), void *data);

/* --- small things by name ----------------------------------------------------------------------- */
int store_meta_put(struct store *s, const char *key, struct str value);
int store_meta_get(struct store *s, const char *key, struct buf *out); /* E_NOT_FOUND */

/* --- keeping --------------------------------------------------------------------------------------*/
struct store_retention {
    usec_t journal_us;   /* journal rows and snapshots older than this go; the snapshot that starts
                          * the kept range stays */
    usec_t jobs_us;      /* ended jobs older than this go with their attempts and requests */
    uint32_t jobs_max;   /* and the oldest beyond this number */
    usec_t keys_us;      /* submit keys */
    usec_t met_us;       /* what jobs met, unless it still held then */
};
/* One bounded step in a transaction of its own (at most `rows` rows of each table); *ret_more: call
 * again soon.  is_live says whether a request still has live jobs. */
int store_retain(struct store *s, const struct store_retention *r, usec_t now_at, uint32_t rows,
                 bool (*is_live)(uint32_t request, void *data), void *data, bool *ret_more);

/* Copy the whole store to a new file through the backup API of this connection: whole and on disk, or
 * not there at all.  `replace`: a file of that name goes when the new one is whole, else E_EXISTS.
 * E_NO_SPACE, E_IO, ... with a sentence. */
int store_backup(struct store *s, const char *path, bool replace, struct err *err);
/* The same in steps, while others wait to be answered.  No transaction may be open at a step.  step: 0
 * there is more, 1 done, E_* it failed (destroy takes what is there away). */
#define STORE_COPY_PAGES 256 /* 1 MiB: a step is a few milliseconds */
struct store_copy;
int store_copy_create(struct store *s, const char *path, bool replace, struct store_copy **ret,
                      struct err *err);
int store_copy_step(struct store_copy *c, int pages, struct err *err);
void store_copy_destroy(struct store_copy *c); /* NULL is fine; before store_close */
/* PRAGMA quick_check; E_CORRUPT with its first complaint. */
int store_check(struct store *s, struct err *err);

#endif
