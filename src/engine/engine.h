/* engine.h - who makes jobs run: start, signal, ask, adopt.
 *
 * The daemon decides and commits; an engine acts and reports facts.  local.c runs jobs on this
 * machine, slurm.c hands them to Slurm, sim.c pretends.  All calls return at once; what came of them
 * arrives as events from engine_next.
 *
 * Rules for the caller
 *   - STARTING(job, attempt) is on disk before engine_start.  A pair is started at most once, ever.
 *   - After a restart call engine_recover for each attempt that is not known to be over.  Exactly one
 *     of STARTED, ENDED, START_FAILED, NEVER_STARTED or LOST answers (ENDED may follow STARTED).
 *   - Commit what an event says, then engine_forget.  Until then the facts stay on disk and
 *     engine_recover says them again: every call and every event may be repeated without harm.
 *   - Watch engine_fd for reading; when it is ready call engine_poll, then engine_next until false.
 *     engine_start may have queued events too: drain before sleeping.
 *
 *   start ─▶ STARTED ─▶ ENDED ───────────────▶ forget
 *     │         │  ╰──▶ ENDED(quarantine) ─▶ RELEASED ─▶ forget
 *     │         ╰─────▶ LOST ──▶ (quarantine ─▶ RELEASED) ─▶ forget
 *     ├─▶ START_FAILED (proven never to have run) ─▶ forget
 *     ╰─▶ recover only: NEVER_STARTED ─▶ forget
 */
#ifndef EOUL_ENGINE_ENGINE_H
#define EOUL_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/usec.h"
#include "launcher/ticket.h"
#include "supervisor/guard.h"
#include "supervisor/wire.h" /* attempt_cause, attempt_stage */

#define ENGINE_EVENT_LIST(X) \
    X(ENGINE_STARTED, "started")             /* past its claim, executed */ \
    X(ENGINE_ENDED, "ended")                 /* cause, code, signal, usage */ \
    X(ENGINE_START_FAILED, "start-failed")   /* cause LAUNCH (stage, error, detail) or GPU_BUSY */ \
    X(ENGINE_NEVER_STARTED, "never-started") /* recovery proved it; it can never start any more */ \
    X(ENGINE_LOST, "lost")                   /* started, and nobody knows how it ended */ \
    X(ENGINE_RELEASED, "released")           /* the tree of a quarantined attempt is gone at last */ \
    X(ENGINE_DOWN, "down")                   /* the engine itself broke (launcher died): no further
                                                start will work; running attempts go on.  Restart. */
enum engine_event_kind {
#define X(code, word) code,
    ENGINE_EVENT_LIST(X)
#undef X
    ENGINE_EVENT_COUNT
};

struct engine_event {
    enum engine_event_kind kind;
    uint32_t job;
    uint32_t attempt;
    usec_t wall_at;          /* when it happened; for a recovered end, long before it is read */
    usec_t boot_at;
    usec_t started_wall_at;  /* 0: not known */
    usec_t started_boot_at;
    uint32_t cause;          /* enum attempt_cause */
    uint32_t stage;          /* enum attempt_stage */
    int32_t error;           /* errno of that stage */
    int32_t code;            /* exit code */
    int32_t signal;          /* signal it died of, or 0 */
    bool core_dumped;
    bool quarantine;         /* its processes are not proven gone: its GPUs stay out of use until
                                RELEASED */
    bool recovered;          /* an answer to engine_recover, not news */
    int32_t pid;             /* STARTED: the command's process */
    usec_t user_us;
    usec_t system_us;
    int64_t max_rss_kib;
    uint64_t output_bytes;
    uint64_t output_lost;    /* bytes that reached no file (disk full, cap) */
    char detail[WIRE_DETAIL_MAX]; /* the path or GPU that failed, may be empty */
};

struct engine_start {
    uint32_t job;
    uint32_t attempt;
    uint8_t uuid[16]; /* random name of this attempt; EOUL_ATTEMPT in the job's environment */
    int request_fd;   /* supervisor/request.h; borrowed */
    bool has_ticket;  /* system mode: the proof that its user asked for it */
    struct guard_bounds bounds; /* what the launcher's cgroup keeps it to */
    uint32_t task;    /* ... and for which task of it, from 0 */
    struct ticket ticket;
};

struct engine_capacity { /* GPUs come from the probe or the configuration, not from here */
    uint32_t cpus;
    uint64_t mem_mib;
};

struct engine_use { /* of the terminal of a running attempt, known to ten seconds */
    usec_t input_boot_at, output_boot_at; /* when somebody typed, when it printed last; 0: never */
    uint32_t terminals;                   /* attached to it */
};

struct engine;
struct engine_ops {
    const char *name; /* "local", "slurm", "sim" */
    int (*start)(struct engine *e, const struct engine_start *start, struct err *err);
    int (*signal)(struct engine *e, uint32_t job, uint32_t attempt, int signo, enum wire_whom whom);
    int (*stop)(struct engine *e, uint32_t job, uint32_t attempt, usec_t grace_us);
    int (*set_limit)(struct engine *e, uint32_t job, uint32_t attempt, usec_t limit_us);
    int (*recover)(struct engine *e, uint32_t job, uint32_t attempt);
    int (*forget)(struct engine *e, uint32_t job, uint32_t attempt);
    int (*capacity)(struct engine *e, struct engine_capacity *ret);
    int (*use)(struct engine *e, uint32_t job, uint32_t attempt, struct engine_use *ret);
    int (*contact)(struct engine *e, uint32_t job, uint32_t attempt);
    int (*fd)(const struct engine *e);
    int (*poll)(struct engine *e);
    bool (*next)(struct engine *e, struct engine_event *ret_event);
    void (*destroy)(struct engine *e);
};
struct engine { /* first member of each engine's own struct */
    const struct engine_ops *ops;
};

/* 0: an event will follow.  E_EXISTS: that attempt was started before.  E_UNAVAILABLE: the engine is
 * down.  Otherwise nothing was started and nothing will be. */
static inline int engine_start(struct engine *e, const struct engine_start *s, struct err *err)
{
    return e->ops->start(e, s, err);
}
/* A signal to the command's main process, to all processes of the attempt, or to what a script started. */
static inline int engine_signal(struct engine *e, uint32_t job, uint32_t attempt, int signo, enum wire_whom whom)
{
    return e->ops->signal(e, job, attempt, signo, whom);
}
/* SIGTERM, grace_us (0: the request's own), SIGKILL; ends as ATTEMPT_STOPPED.  An attempt that is not
 * known is E_NOT_FOUND (it is over, or was never started or recovered here). */
static inline int engine_stop(struct engine *e, uint32_t job, uint32_t attempt, usec_t grace_us)
{
    return e->ops->stop(e, job, attempt, grace_us);
}
/* Time limit counted from its start; 0: none. */
static inline int engine_set_limit(struct engine *e, uint32_t job, uint32_t attempt, usec_t limit_us)
{
    return e->ops->set_limit(e, job, attempt, limit_us);
}
static inline int engine_recover(struct engine *e, uint32_t job, uint32_t attempt)
{
    return e->ops->recover(e, job, attempt);
}
/* The end is committed: its directory may go. */
static inline int engine_forget(struct engine *e, uint32_t job, uint32_t attempt)
{
    return e->ops->forget(e, job, attempt);
}
static inline int engine_capacity(struct engine *e, struct engine_capacity *ret)
{
    return e->ops->capacity(e, ret);
}
/* How its terminal is used, from memory; E_NOT_FOUND: it does not run here, or has no terminal. */
static inline int engine_use(struct engine *e, uint32_t job, uint32_t attempt, struct engine_use *ret)
{
    return e->ops->use ? e->ops->use(e, job, attempt, ret) : E_NOT_FOUND;
}
/* A new connection to whoever runs the attempt, for a client to speak wire.h on: a descriptor, the
 * caller's; or E_NOT_FOUND, E_UNAVAILABLE. */
static inline int engine_contact(struct engine *e, uint32_t job, uint32_t attempt)
{
    return e->ops->contact ? e->ops->contact(e, job, attempt) : E_UNSUPPORTED;
}
static inline int engine_fd(const struct engine *e) { return e->ops->fd(e); }
static inline int engine_poll(struct engine *e) { return e->ops->poll(e); }
static inline bool engine_next(struct engine *e, struct engine_event *ret_event)
{
    return e->ops->next(e, ret_event);
}
static inline void engine_destroy(struct engine *e)
{
    if (e)
        e->ops->destroy(e);
}

#endif
