/* invariant.h - what must always be true, kept apart from the core's own idea of it.
 *
 * A ledger is written from committed events and the core's answers to them, in order, and every start
 * and every change of state is judged by it: tables and sums of its own, no look at the core's.  The
 * machine's witness (machine.h) sees what really runs; the ledger sees what was promised.  Each rule
 * has a short word, named in doc/simulator.md, and a planted bug that it must name (`eoul sim mutants`).
 */
#ifndef EOUL_SIM_INVARIANT_H
#define EOUL_SIM_INVARIANT_H

#include "base/map.h"
#include "core/core.h"
#include "sim/hands.h"
#include "sim/verdict.h"

struct ledger_job {
    bool known;
    enum job_state state;
    uint32_t array, array_n; /* first id and number of tasks; 0: no array */
    uint32_t array_index;
    uint32_t owner, account;
    uint32_t gpus, gpu_type, cpus;
    uint64_t mem_mib;
    uint64_t name_key, command_key;
    int64_t told_mw;         /* power; 0: nobody said */
    uint32_t booked_w;       /* of the power cap; 0: does not run, or there was none */
    uint32_t flags;
    uint32_t preempt, made_way;
    uint32_t array_max;
    usec_t submit_at, begin_at, deadline_at;
    usec_t submit_boot_at;
    usec_t backoff_us;
    uint32_t retries_left, retries_used;
    size_t deps_at;
    uint32_t deps_n;
    uint32_t attempt;
    uint64_t gpu_mask;
    uint32_t op;             /* whoever asked for it */
    usec_t limit_us;         /* 0: none */
    usec_t start_boot_at;    /* of the first attempt that ran */
    usec_t run_boot_at;      /* when this attempt was first seen running; 0: it was not */
    usec_t last_boot_at;     /* of the last, or when it was gone before it began */
    usec_t not_before_boot_at;  /* back-off: may not start earlier */
    usec_t idle_from_boot_at;   /* may not be blamed for idling before: failed starts */
    bool begun;              /* its begin time has passed once */
    bool ever_ok, ever_bad, ever_started;
    bool stopping;           /* a STOP was sent for this attempt */
    bool making_way;         /* ... so that another can run */
    usec_t canary_us;        /* asked for; 0: none */
    bool canary;             /* its present attempt is one */
    bool proven, canary_held; /* one went well; one failed, and nobody has released it since */
    bool flex;               /* --flex: its owner agreed to a later start for this one */
    bool array_waits;        /* a todo was put before its whole array: a later run may wait for it too */
};

static inline bool ledger_busy(enum job_state s)
{
    return s == JOB_CONFIGURING || s == JOB_RUNNING || s == JOB_COMPLETING;
}

struct ledger_person {
    uint32_t running_max, gpus_max, queued_max;
    bool defer; /* agreed that starts are moved later */
    uint32_t running, gpus;
    uint32_t quota_hours, quota_days;
    usec_t *urgent_at; /* when urgent requests of theirs were taken */
    size_t urgent_n, urgent_size;
};

#define LEDGER_RUNS 10 /* the last of a kind whose power counts */
struct ledger_runs { /* of one owner, command and width: what they took */
    uint64_t command_key;
    uint32_t owner, gpus, n;
    uint32_t w[LEDGER_RUNS];
};
struct ledger_said {
    job_id job;
    uint32_t w;
};

struct ledger_moved { /* a start of which it is known that it was moved later */
    job_id job;
    uint32_t attempt; /* the last there was then */
    usec_t from_at;
};

struct ledger_run { /* of whoever had a quota of hours then; 0: they had none */
    uint32_t owner, account, gpus;
    usec_t from_at, until_at;
};

struct ledger_ack {
    uint64_t key;
    uint32_t op;
    job_id id;
};

struct invariant {
    struct verdict *verdict;
    struct ledger_job *jobs; /* by id */
    size_t jobs_size;
    job_id last_id;
    struct dep *deps;
    size_t deps_n, deps_size;
    struct ledger_person persons[CORE_PERSONS_MAX + 1];
    struct { bool known; uint32_t type; enum gpu_state state; } gpus[CORE_GPUS_MAX];
    uint64_t busy_mask;
    uint32_t cpus, cpus_busy;
    uint64_t mem_mib, mem_busy_mib;
    bool closed;
    uint32_t live, busy;
    usec_t idle_boot_at; /* when the last that ran ended */
    job_id *unbegun;         /* jobs whose begin time lies ahead */
    size_t unbegun_n, unbegun_size;
    struct ledger_ack *acks;
    size_t acks_n, acks_size;
    struct map ack_of_key;   /* submit key -> ack */
    struct map job_of_op;    /* who asked -> its (first) job */
    bool without_core_check; /* do not ask core_broken: planted bugs must be caught by the rules here */
    uint32_t stepped_n;      /* events the core was asked after */
    const struct core_event *ev; /* being judged, for sentences */
    usec_t wall_at, boot_at;
    struct span *would;      /* by job: another start, and the P90 of this one's end, as of its last decision (slack.c) */
    size_t would_size;
    usec_t boot_base_at;
    usec_t age_us;           /* of the settings; 0: not told */
    bool preempts;           /* running jobs that allow it make way ... */
    usec_t quantum_us;       /* ... once they have run so long */
    uint32_t defer;          /* of the settings */
    uint32_t urgent_week;    /* of the settings */
    bool canaries;           /* of the settings */
    bool shares;             /* the policy gives everybody a share of the GPUs */
    struct reservation reservations[RESERVATIONS_MAX];
    uint32_t reservations_n, last_reservation, types_max;
    struct ev_account accounts[ACCOUNTS_MAX + 1]; /* quotas.h */
    struct ledger_run *runs;
    size_t runs_n, runs_size;
    usec_t runs_off_us;      /* wall less boot time that they were kept under */
    struct boost boosts[BOOSTS_MAX];
    uint32_t boosts_n, last_boost;
    struct rate rates[CORE_RATES_MAX]; /* electricity (electric.h) */
    uint32_t rates_n;
    int64_t gpu_mw, watts_mw[CORE_GPUS_MAX];
    struct { /* the power cap (watts.h) */
        struct cap caps[CORE_CAPS_MAX];
        uint32_t caps_n;
        int64_t busy_w;
        struct ledger_runs *runs;
        size_t runs_n, runs_size;
        struct ledger_said *said; /* of starts not committed yet */
        size_t said_n, said_size;
    } watts;
    struct { /* the mode of the week (switched.h) */
        struct ev_settings settings; /* the core's, committed or not */
        bool known, pure;            /* the change of them under way is of the mode alone */
        usec_t stepped_at;           /* of the last event that the core was given */
        bool moves;                  /* committed: somebody's start may be moved ... */
        usec_t still_boot_at;        /* ... and since when not; 0: since ever */
        usec_t off_us, steady_boot_at; /* wall less boot time, and since when it is that */
        usec_t at_boot_at;           /* committed: when settings last changed */
        bool undecided;              /* nothing was decided since */
        struct plan_row *rows;       /* before a switch */
        size_t rows_n, rows_size;
        usec_t *late_us;             /* ... how long each of them may run */
        size_t late_size;
        struct ledger_moved *moved, *said; /* at the last switch; of starts not committed yet */
        size_t moved_n, moved_size, said_n, said_size;
    } switched;
    usec_t decided_boot_at;  /* last EVENT_DECIDE */
    uint64_t checks;
    struct hands hands;      /* hands-on work */
    struct explained *explained; /* what explanations are judged by (explained.h) */
};

void invariant_init(struct invariant *v, struct verdict *verdict);
void invariant_finish(struct invariant *v);

/* An event and the core's answer, committed.  Its boot time counts from `boot_base_at` of the world's
 * clock, which the ledger keeps to.  op: who asked (submits). */
void invariant_committed(struct invariant *v, const struct core_event *ev, usec_t boot_base_at,
                         uint32_t op, const struct core_update *updates, uint32_t n);
/* A submit was refused: it is not there. */
void invariant_refused(struct invariant *v, uint32_t op);
/* A submit was answered with this id. */
void invariant_answered(struct invariant *v, uint64_t key, uint32_t op, job_id id);
/* Right after core_step, before anything is committed. */
void invariant_stepped(struct invariant *v, const struct core *core, const struct core_event *ev,
                       const struct core_update *updates, uint32_t n);
/* A daemon has come back: does it know what was promised? */
void invariant_recovered(struct invariant *v, const struct core *core);
/* Before a turn at this time: was the machine idle since the last although a job could have run? */
void invariant_idle(struct invariant *v, usec_t wall_at, usec_t boot_at);
/* The plan of this moment is possible, and asking for it changed nothing. */
void invariant_plan(struct invariant *v, const struct core *core, usec_t wall_at, usec_t boot_at);
/* Every answered submit is on the disk as the job it was said to be. */
void invariant_acked(struct invariant *v);
/* Nothing more will go wrong and time was given: is everything over that can be? */
void invariant_settled(struct invariant *v);
/* Is everything that this todo waits for there?  For hands.c. */
/* NULL: there never was one. */
const struct ledger_job *invariant_job(const struct invariant *v, job_id id);
bool invariant_todo_ready(const struct invariant *v, job_id todo);
/* Might it still run, or end, by itself?  false for held ones and those whose conditions never come. */
bool invariant_can_run(const struct invariant *v, job_id job);

#endif
