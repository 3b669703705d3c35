/* internal.h - what the files of src/daemon share.  Nobody else includes it.
 *
 *   main.c      arguments, places, order of starting and stopping
 *   turn.c      the turn: drain, step, commit, answer, act
 *   state.c     the core's memory; events in; snapshot, replay, rebuild
 *   submit.c    OP_SUBMIT: text to events
 *   deps.c      what a submit or a todo waits for
 *   todos.c     OP_TODO: hands-on work
 *   reserve.c   OP_RESERVE: GPUs kept for somebody
 *   accounts.c  projects: their numbers, members and quotas
 *   boost.c     OP_BOOST: work that an operator put before others'
 *   reload.c    OP_RELOAD: eoul.yaml read again
 *   control.c   the other operations
 *   run.c       engine events in, updates out: attempts
 *   marks.c     results and progress of running jobs, stop rules of sweeps; stall.c: jobs that hang
 *   request.c   what a supervisor is asked to run
 *   index.c     names of live jobs, looking jobs up
 *   settings.c  the policy's numbers
 *   week.c      the mode of the week, and the child that finds it out; history.c: what that one is given
 *   gpus.c      which GPUs there are, their numbers, their locks
 *   tariffs.c   what electricity costs
 *   look.c      asking eoul-probe
 *   fetch.c     asking eoul-fetch for calendars; credentials.c: what opens them
 *   feeds.c     plans for calendars that subscribe; links.c: pages and answers of people without an account
 *   notices.c   the outbox: asking eoul-fetch to deliver; briefs.c: what briefs are made of;
 *               answers.c: what can be tapped
 *   socket.c    listening, accepting, the socket made again
 *   believed.c  the time of day by which old rows go
 *   keep.c      snapshots, retention, tails: what is done when nobody waits
 *   roles.c     system mode: who may do what
 *   refusal.c   what was refused, kept to be explained; refusal_now.c: the same rule asked now
 *   log.c       logfmt
 */
#ifndef EOUL_DAEMON_INTERNAL_H
#define EOUL_DAEMON_INTERNAL_H

#include "base/map.h"
#include "client/place.h"
#include "daemon/believed.h"
#include "daemon/config.h"
#include "daemon/daemon.h"
#include "daemon/notices.h"
#include "daemon/met.h"
#include "daemon/passed.h"
#include "daemon/people.h"
#include "daemon/refusal.h"
#include "daemon/accounts.h"
#include "daemon/boost.h"
#include "daemon/reserve.h"
#include "daemon/todos.h"
#include "daemon/week.h"
#include "engine/engine.h"
#include "supervisor/fault.h"

#define COPY_US_MAX          USEC_PER_DAY /* an hourly copy is no older */
#define SNAPSHOT_US_MAX      USEC_PER_DAY /* ... and a day, so that the journal can be cut */
#define SNAPSHOT_EVENTS_MIN  2000u  /* between snapshots: bounds what a restart replays */
#define ENGINE_BATCH_MAX     4096u  /* engine events of one turn: bounds a turn's length */
#define TAIL_BYTES           (64u << 10)
#define RESTORE_US           (10 * USEC_PER_SEC) /* between tries to get the ballast back */
#define RETAIN_US            USEC_PER_HOUR
#define START_AGAIN_US       USEC_PER_SEC        /* a start that failed for want of descriptors */

/* --- index.c: requests with live jobs ------------------------------------------------------------ */
struct live_request {
    uint32_t id, tasks;
    uint32_t live;      /* 0: gone, swept later */
    uid_t uid;
    person_no owner, submitter;
    bool array;
    uint64_t version;
    char name[];
};
struct live_index {
    struct live_request **at; /* by id */
    uint32_t n, size, dead;
};
struct live_request *index_find(const struct live_index *x, job_id id); /* live or just ended */
int index_add(struct live_index *x, const struct store_request *r, uint32_t live, uint64_t version);
void index_ended(struct live_index *x, struct live_request *r);
void index_back(struct live_index *x, job_id last); /* forget requests after `last` */
void index_clear(struct live_index *x);
int index_rebuild(struct daemon *d, struct err *err);

/* --- gpus.c -------------------------------------------------------------------------------------- */
struct gpu {
    char uuid[96];
    char model[96];
    uint32_t type;
    bool drained;
    bool present;       /* detected or declared now */
    uint32_t index;     /* the driver's number now */
    uint32_t minor1;    /* N + 1 of its /dev/nvidiaN; 0: not known */
    bool foreign;       /* its lock is held outside */
    bool seen_foreign;  /* the driver saw a process that is not ours */
    bool seen_before_start;
    uid_t seen_uid;     /* UINT32_MAX: not to be seen from here */
    uid_t foreign_uid;
    char foreign_name[64];
    int64_t memory_mib, memory_used_mib, power_mw, utilisation;
    int64_t watts_mw;   /* at full load, for the plan */
};

/* --- the daemon ---------------------------------------------------------------------------------- */
enum act_kind { ACT_NONE, ACT_START, ACT_STOP, ACT_LIMIT, ACT_SIGNAL, ACT_FORGET };
struct act {            /* decided and committed, still to be done */
    uint8_t kind;
    bool keep_tail;     /* FORGET: its last output is worth keeping */
    uint8_t whom;       /* SIGNAL: enum signal_whom */
    uint32_t job, attempt;
    uint64_t gpus;
    usec_t value;       /* LIMIT: the limit; SIGNAL: its number */
    uint8_t uuid[16];
};

struct own_event {      /* of our own making, as if the engine had said it */
    struct engine_event ev;
    struct own_event *next;
    char message[ERR_TEXT_MAX];
};

struct ended_row {      /* a core_job that became final in this turn, to be written as a job row */
    struct core_job job;
    int32_t exit_code, signal;
};

struct list {           /* a growing array; LIST_ADD keeps its memory from turn to turn */
    void *at;
    uint32_t n, size;
};
/* A new zeroed element, or NULL. */
void *list_add(struct list *l, size_t element);
void list_finish(struct list *l);

struct daemon {
    struct accounts accounts;
    struct loop *loop;
    struct store *store;
    struct config *config;      /* what holds now */
    struct people *people;
    struct web *web;
    struct engine *engine;
    struct place place;
    const char *mode;
    char config_path[PLACE_PATH_MAX]; /* "": there is none to be read */
    bool config_named;          /* ... and it was named: it must be there */
    struct config *config_start, *config_before; /* reload.c */
    struct op reload_wanted;    /* by a signal */
    bool reload_asked;
    int state_fd;
    bool team;
    gid_t team_gid;
    bool system;                /* many users, each job with its submitter's rights: see roles.c */
    struct roles *roles;        /* system mode */
    bool foreground;
    bool accept_divergence;

    /* time */
    struct loop_now now;        /* of this turn */
    usec_t last_wall_at, last_boot_at; /* of the last event */
    usec_t started_at;
    char boot_id[37];

    /* core */
    void *block;
    size_t block_size;
    struct core_limits limits;
    struct core *core;
    struct core_update *updates;
    uint32_t updates_size;
    uint64_t events_since_snapshot;
    usec_t snapshot_at;       /* of the newest; the start where there is none */
    struct buf line;
    void *marked_block;         /* copy to go back to; see state_mark */
    size_t marked_size;
    struct core_limits marked_limits;
    bool queue_closed;

    /* turn */
    struct op *ops, **ops_end;
    uint32_t ops_n;
    struct own_event *own, **own_end;
    struct list engine_events;  /* struct engine_event: taken, not yet committed */
    usec_t starts_until_boot_at; /* until when news of starts waits for other news; 0: there is none */
    struct list changes;        /* struct daemon_change */
    struct list acts;           /* struct act: of this turn */
    struct list acts_later;     /* to be tried again at start_again */
    uint32_t turn_events;
    bool in_turn;
    bool disk_full;             /* the ballast is spent: no submits */
    bool stuck;                 /* even endings could not be written */
    int broken;                 /* something half done: this turn cannot be committed */
    bool decide;                /* something changed or is due */
    bool stopping;
    bool stop_when_idle;        /* down with its jobs: stop once none is left */
    bool restart;               /* stop, then execute ourselves again */
    int exit_code;
    uint32_t turn_changes_marked, turn_acts_marked;
    struct engine_event *current; /* whose consequences are being written */
    void (*change_hook)(const struct daemon_change *, uint32_t, void *);
    void *change_data;

    /* plan of this moment */
    void *plan_memory;
    size_t plan_size;
    struct core_plan plan;
    bool plan_fresh;
    struct loop_timer plan_timer; /* it is old then */

    struct list marks;      /* marks.c: attempts whose output is read */
    struct list stop_rules;
    struct loop_timer marks_timer;
    struct loop_watch marks_files; /* inotify: their supervisors' files */
    bool marks_due, marks_changed;
    usec_t stall_least_us, room_window_us; /* stall.h, room.h; EOUL_STALL_S for tests */

    struct live_index index;
    struct gpu gpus[CORE_GPUS_MAX];
    uint32_t gpus_n;
    const char *gpu_source;
    char lock_dir[128];
    int lock_dir_fd;
    struct loop_watch lock_fd_watch;
    struct loop_timer look;
    bool look_due;
    struct look *look_probe;    /* NULL: no probe */
    bool driver_silent;         /* the library is there, the driver does not answer */
    char tariff_currency[8];    /* tariffs.c; "": no tariff could be read since the start */
    char tariff_trouble[LANG_COUNT][ERR_TEXT_MAX];
    struct watts {              /* of a running attempt, under the first of its GPUs (watts.c) */
        job_id job;
        uint32_t attempt;
        usec_t at;
        int64_t mean_mw, most_mw;
    } watts[CORE_GPUS_MAX];
    usec_t tariff_due_at;
    char types[8][96];          /* models by type number less one */
    uint32_t types_n;
    uint32_t cpus;
    uint64_t mem_mib;

    struct loop_timer deadline, starts, restore, retain, again, quit;
    struct loop_watch engine_watch;
    bool retain_due;
    struct believed believed;   /* by which old rows go */
    usec_t believed_at;         /* kept in the store; 0: not yet in this run */
    uint32_t tails_n;
    char slurm_dir[512];        /* links by Slurm's names, first in a job's PATH; "": not installed */
    struct listener *listener;
    struct fetch *fetch;        /* who reads calendars */
    struct week *week;          /* the mode of the week */
    struct passed *passed;      /* when people could look lately */
    struct notices *notices;    /* what is to be told; who delivers it */
    struct refusals *refusals;  /* what was refused, to be explained */

    /* copies; see backup.c */
    struct loop_timer snapshots; /* frozen trees of code */
    struct loop_timer copy_timer;
    usec_t copy_every_us;
    struct store_copy *copy;    /* an hourly one under way */
    uint64_t copied_seq;        /* journal number at the last one */
    job_id id_floor;            /* numbers up to here were given out before a restore */
    bool restored_new;          /* first start after a restore: hold what waits */
    struct list restored;       /* job_id: ran in the restored copy, not yet settled */
};

/* --- state.c ------------------------------------------------------------------------------------- */
int state_load(struct daemon *d, struct err *err);    /* from snapshot and journal */
int state_rebuild(struct daemon *d, struct err *err); /* again, after a rolled-back turn */
void state_finish(struct daemon *d);
/* Give the core an event at the given times: grow, check, journal, step; its updates are worked on. */
int state_event_at(struct daemon *d, struct core_event *ev, usec_t wall_at, usec_t boot_at,
                   struct err *err);
/* Would it be refused now?  Changes nothing. */
int state_check(struct daemon *d, struct core_event *ev, struct err *err);
/* EVENT_DECIDE: journaled only if it changed anything. */
int state_decide(struct daemon *d);
/* Several events as one: state_back takes back everything since the mark, rows included. */
int state_mark(struct daemon *d, struct err *err);
int state_back(struct daemon *d);
int state_unmark(struct daemon *d);
int state_snapshot(struct daemon *d);
int state_save_clock(struct daemon *d);

/* --- turn.c -------------------------------------------------------------------------------------- */
bool turn_run(struct loop *l, void *data);
/* The first turn of a start: machine, GPUs, people, and a decision.  Nobody listens yet. */
int turn_first(struct daemon *d, struct err *err);
void turn_drain(struct daemon *d); /* take what the engine says */
/* The consequences of one event: rows, acts, changes. */
int turn_updates(struct daemon *d, const struct core_event *ev, uint64_t seq,
                 const struct core_update *u, uint32_t n, const struct ended_row *ended,
                 uint32_t ended_n);
void turn_set_deadline(struct daemon *d);
void plan_drop(struct daemon *d); /* the rows daemon_plan gave out go */
void turn_finish(struct daemon *d);
_Noreturn void turn_abort(struct daemon *d, int code, const char *where);

/* --- reload.c ------------------------------------------------------------------------------------ */
/* The configuration of this daemon's file, or the defaults where there need be none. */
int reload_read(struct daemon *d, struct config **ret, struct err *err);
int reload_op(struct daemon *d, struct op *op); /* in a turn */
void reload_committed(struct daemon *d);
void reload_rolled_back(struct daemon *d); /* what held before holds */
void reload_by_signal(struct daemon *d);
void reload_finish(struct daemon *d);

/* --- operations ---------------------------------------------------------------------------------- */
int submit_op(struct daemon *d, struct op *op);
/* Its key is one of the store's: the op has the ids of the first use, and there is nothing to refuse. */
bool submit_known(struct daemon *d, struct op *op);
int control_op(struct daemon *d, struct op *op);
struct spec;
/* The event a spec means: everything but the array's tasks and the conditions.  The event points into
 * `rules`. */
uint32_t submit_flags(const struct spec *spec); /* enum job_flags */
int submit_fill(struct daemon *d, const struct spec *spec, person_no owner, person_no submitter,
                struct ev_submit *ev, struct retry rules[RETRY_RULES_MAX], struct err *err);
/* Conditions for the core; corr[] names those that each task of the array has with the task of the
 * same index (aftercorr), to be made by deps_corresponding. */
int deps_resolve(struct daemon *d, const struct spec *spec, struct dep *out, uint32_t *ret_n,
                 uint32_t *corr, uint32_t *ret_corr_n, struct err *err);
int deps_corresponding(struct daemon *d, struct dep *dep, uint32_t index, struct err *err);
/* What is known of the outcome of dep->job (scope 1: of all its array), a job or a todo. */
int deps_outcome(struct daemon *d, struct dep *dep, struct err *err);
/* The i-th task's array index of a request, from its stored ranges; tasks counted from 0. */
bool ranges_index(struct str ranges, uint32_t i, uint32_t *ret_index);
bool ranges_place(struct str ranges, uint32_t index, uint32_t *ret_i);

/* --- run.c, request.c ---------------------------------------------------------------------------- */
int run_engine_event(struct daemon *d, struct engine_event *ev, const char *message);
void run_act(struct daemon *d, const struct act *a);
void run_start(struct daemon *d, const struct act *a); /* after the look */
int run_recover(struct daemon *d, struct err *err);
void run_own_event(struct daemon *d, const struct engine_event *ev, const char *message);
void request_links(struct daemon *d); /* once: where Slurm's names are */
int request_of_attempt(struct daemon *d, uint32_t job, uint64_t gpus, struct engine_start *ret, struct err *err);

/* --- marks.c ------------------------------------------------------------------------------------- */
void marks_follow(struct daemon *d, uint32_t job, uint32_t attempt); /* it runs */
/* In a turn: read for the last time; silent: it printed nothing. */
void marks_over(struct daemon *d, uint32_t job, uint32_t attempt, bool silent);
bool marks_look(struct daemon *d);      /* if it is time; true: a turn has something to write */
void marks_tell(struct daemon *d);      /* in a turn */
void marks_committed(struct daemon *d);
void marks_rolled_back(struct daemon *d);
job_id marks_stalled_after(const struct daemon *d, job_id id); /* the next that seems to hang; 0: none */
/* The running job whose disk has least room, if that will not do; 0: none.  Time 0: no rate is known. */
job_id marks_room_least(const struct daemon *d, uint32_t *ret_mib, usec_t *ret_left_us);
void marks_finish(struct daemon *d);

/* --- gpus.c -------------------------------------------------------------------------------------- */
int gpus_load(struct daemon *d, struct err *err);   /* the table, before the first turn */
int gpus_tell_settings(struct daemon *d, struct err *err); /* in a turn: what the policy and the machine are, if it changed */
int gpus_tell(struct daemon *d, struct err *err);   /* in a turn: these, and: detected and declared ones */
int gpus_drain(struct daemon *d, uint32_t no, bool drained, struct err *err);
/* Free its quarantine, note a foreign holder, ...: tell the core what state it is in now. */
int gpus_changed(struct daemon *d, uint32_t no, struct err *err);
void gpus_busy(struct daemon *d, const char *uuid); /* its lock is somebody else's */
int gpus_look(struct daemon *d, struct err *err);   /* at those that were foreign */
void gpus_watch(struct daemon *d);
void gpus_finish(struct daemon *d);
uint32_t gpus_type_named(const struct daemon *d, struct str name); /* 0: none */

/* --- settings.c, week.c (week.h) ------------------------------------------------------------------ */
int settings_tell(struct daemon *d, struct err *err); /* in a turn: at the start, and when the mode is another */

/* --- tariffs.c ----------------------------------------------------------------------------------- */
/* Could the prices of this configuration be read? */
int tariffs_check(struct daemon *d, const struct config *config, struct err *err);
int tariffs_refresh(struct daemon *d, struct err *err); /* in a turn: at the start, at a reload, and when tariff_due_at has come */
/* A round of the probe: what do running jobs take?  The most of an attempt so far, in mW; 0: not known. */
void watts_round(struct daemon *d);
int64_t watts_most(const struct daemon *d, job_id job, uint32_t attempt);
/* What is wrong with the tariff, in that language; NULL: nothing. */
const char *tariffs_trouble(const struct daemon *d, const char *(*translate)(const char *));

/* --- look.c -------------------------------------------------------------------------------------- */
int look_begin(struct daemon *d);  /* the first round is there; else E_* and no probe */
int look_each(struct daemon *d,
              int (*gpu)(struct daemon *d, const char *uuid, const char *model, uint32_t index, uint32_t minor1,
                         int64_t watts_mw));
/* true: the start waits for a look at its GPUs and will be done after it. */
bool look_before_start(struct daemon *d, const struct act *a);
bool look_stop(struct daemon *d, const struct act *a); /* it waited, and will not start */
void look_finish(struct daemon *d);

/* --- fetch.c -------------------------------------------------------------------------------------- */
int fetch_start(struct daemon *d); /* E_NO_MEMORY: without it no calendar would be read until the next start */
void fetch_step(struct daemon *d);   /* at the end of each wake-up: ask what is due */
void fetch_finish(struct daemon *d);

/* --- forget.c ------------------------------------------------------------------------------------ */
int forget_op(struct daemon *d, const struct op *op, struct err *err); /* OP_ME with `forget` */

/* --- handover.c ---------------------------------------------------------------------------------- */
int handover_op(struct daemon *d, struct op *op); /* OP_ME with `handover` */

/* --- socket.c ------------------------------------------------------------------------------------ */
int socket_open(struct daemon *d, struct err *err);
void socket_again(struct daemon *d); /* SIGUSR1 */
void socket_close(struct daemon *d);

/* --- keep.c -------------------------------------------------------------------------------------- */
void keep_begin(struct daemon *d);
void keep_start(struct daemon *d);
void keep_fired(struct loop_timer *t, void *data);
void keep_step(struct daemon *d);    /* after a turn */
void keep_tail(struct daemon *d, uint32_t job, uint32_t attempt);
int keep_tail_read(struct daemon *d, uint32_t job, uint32_t attempt, size_t max, struct buf *out,
                   uint64_t *ret_total);

/* --- snapshots.c --------------------------------------------------------------------------------- */
void snapshots_look(struct daemon *d); /* soon: take away frozen trees that nobody needs */

/* --- backup.c ------------------------------------------------------------------------------------ */
void backup_start(struct daemon *d);  /* the hourly copies */
void backup_stop(struct daemon *d);
int backup_load(struct daemon *d);    /* is the store a restored one? */
/* In a turn, before each decision: hold what a restored store only believes to be waiting. */
int backup_hold(struct daemon *d, struct err *err);
/* In a turn: nothing is left to tell how this job ended.  If it waits again, it is held. */
int backup_doubt(struct daemon *d, job_id job);
/* Put the copy `file` in the place of the store in `state`, while no daemon runs (E_BUSY else).
 * E_STATE: a job runs whose end the copy would not know. */
int backup_restore(const char *state, int state_fd, const char *file, struct err *err);

/* --- roles.c ------------------------------------------------------------------------------------- */
int roles_load(struct daemon *d, struct err *err);
void roles_forget(struct daemon *d);
enum config_role roles_of(const struct daemon *d, uid_t uid); /* ROLE_USER outside system mode */
/* In a turn: may this peer ask for this at all? */
int roles_check(const struct daemon *d, struct op *op);
/* System mode: does the ticket in it say that this user asked for just this? */
int roles_check_ticket(const struct op *op, const struct spec *spec, struct str env, uint32_t tasks, struct err *err);

/* --- log.c --------------------------------------------------------------------------------------- */
/* One record: "at=... what=WHAT " and the formatted fields; text fields through log_str. */
void log_open(struct daemon *d);
void log_line(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
