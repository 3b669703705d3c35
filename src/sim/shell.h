/* shell.h - the other shell around the core: the daemon's turn under virtual time, and its crashes.
 *
 *     operations and facts that arrived since the last turn
 *         └─▶ each: core_check ─▶ journal row ─▶ core_step
 *     EVENT_DECIDE if anything changed or a deadline is due
 *     (crash?) COMMIT (crash?) answers (crash?) act: start, (crash?) stop, limit, forget
 *
 * What survives a crash is struct store and nothing else; everything else is built again from it and
 * from what the machine says to machine_recover.  The invariants are told what was committed, what was
 * answered and what the core said, at the moment it happened.
 *
 * Whoever makes an op keeps it in place until the world ends; the store remembers ops by number only.
 */
#ifndef EOUL_SIM_SHELL_H
#define EOUL_SIM_SHELL_H

#include "sim/invariant.h"
#include "sim/journal.h"
#include "sim/machine.h"

#define OP_RANGES_MAX 4
#define OP_DEPS_MAX   8
#define OP_BEFORE_MAX 2
#define SHELL_PEOPLE_MAX 64

enum shell_bug { /* planted in this shell, each to be caught by an invariant (test/unit/test_sim.c) */
    SHELL_SOUND,
    BUG_ANSWER_EARLY,    /* answers before the commit */
    BUG_ACT_EARLY,       /* starts jobs before the commit */
    BUG_NO_CLAIM,        /* attempts are not exclusive and recovery starts them again */
    BUG_FORGET_KEYS,     /* submit keys do not survive a restart */
    BUG_REPLAY_SHORT,    /* a restart does not read the last row */
    BUG_FORGET_EARLY,    /* facts are dropped before they are committed */
    BUG_FREE_EARLY,      /* quarantined GPUs are declared free at once */
    BUG_GUESS,           /* recovery says "never started" of what it does not know */
    BUG_TELL_FATE,       /* something but the journal decides: two runs differ */
    BUG_NO_RELEASE,      /* a quarantine never ends */
    BUG_NOTICE_HOURS,    /* everybody is taken to look at all times (outbox.c) */
    BUG_NOTICE_LATE,     /* the outbox sleeps ten minutes too long */
    BUG_NOTICE_TWICE,    /* rows that came stay */
    BUG_NOTICE_LOST,     /* rows that did not come go */
    BUG_NOTICE_AGAIN,    /* a service is asked again at once */
    BUG_REFUSE_IO,       /* after an I/O error it says "refused" of what it does not know */
    SHELL_BUG_COUNT
};
const char *shell_bug_word(enum shell_bug bug);
const char *shell_bug_rule(enum shell_bug bug); /* the rule that must name it */

enum crash_point { CRASH_NONE, CRASH_BEFORE_COMMIT, CRASH_AFTER_COMMIT, CRASH_AFTER_ANSWER,
                   CRASH_IN_ACT, CRASH_POINT_COUNT };

/* A commit that failed with an I/O error: nobody knows what is on the disk, but whoever reads it again. */
enum io_error { IO_SOUND, IO_NOTHING_THERE, IO_ALL_THERE };

struct op {
    struct core_event ev; /* times and, for a submit, the id are filled in by the turn */
    uint64_t key;         /* submit: its key; 0: none */
    uint32_t number;      /* the maker's */
    struct range ranges[OP_RANGES_MAX];
    struct dep deps[OP_DEPS_MAX];
    struct number who[TODO_WHO_MAX]; /* todo_add */
    struct before before[OP_BEFORE_MAX];
};

/* --- what is on the disk -------------------------------------------------------------------------- */
struct store_request {
    job_id id;
    uint32_t tasks;
    uint32_t op;
};
struct store_attempt {
    job_id job;
    uint32_t number;
    uint64_t gpus;
    bool over;       /* its end is committed; kept while it is quarantined */
    bool quarantine;
};
struct store {
    struct journal journal;
    struct map keys;          /* submit key -> index of its request */
    struct store_request *requests;
    size_t requests_n, requests_size;
    struct map outcomes;      /* final jobs -> enum job_state */
    struct store_attempt *attempts; /* open ones */
    size_t attempts_n, attempts_size;
    uint64_t drained;         /* GPUs */
};

/* --- the running daemon --------------------------------------------------------------------------- */
struct staged { /* an event of this turn, not yet committed */
    struct core_event ev;
    const struct op *op;
    uint64_t hash;
    size_t updates_at;
    uint32_t updates_n;
};

struct shell_hooks {
    void *world;
    /* An operation is answered: 0 and its id, or E_*. */
    void (*answer)(void *world, const struct op *op, int result, job_id id);
    struct fate (*fate)(void *world, const struct op *op, uint32_t task, uint32_t attempt);
    /* An event and its updates are on the disk. */
    void (*committed)(void *world, const struct core_event *ev, const struct core_update *updates,
                      uint32_t n);
    void (*trace)(void *world, const char *line); /* NULL: nobody reads it */
};

struct shell {
    struct shell_hooks hooks;
    struct store store;
    struct machine *machine;
    struct invariant *invariant;
    struct verdict *verdict;
    struct core_box box;
    bool up;
    bool keep_journal;       /* false: no rows, no hashes, no crashes (long comparisons) */
    enum shell_bug bug;
    enum crash_point crash;  /* for the next turn that has something to commit */
    uint32_t crash_after;    /* CRASH_IN_ACT: so many acts are done first */
    bool disk_full;          /* the next commit fails */
    enum io_error io_error;  /* of the next commit; the daemon ends itself without an answer */
    usec_t wall_at, boot_at; /* of this turn; boot_at is the world's */
    usec_t boot_base_at;     /* when the machine was last started: the core's boot time counts from it */
    uint64_t quarantined;    /* GPUs, from store.attempts */
    uint64_t drained;        /* GPUs; the store has it after the commit */
    uint64_t luck;           /* BUG_TELL_FATE: what must not matter */

    const struct op **inbox;
    size_t inbox_n, inbox_size;
    struct staged *staged;
    size_t staged_n, staged_size;
    struct core_update *updates;
    size_t updates_n, updates_size;
    struct { const struct op *op; int result; job_id id; } *answers;
    size_t answers_n, answers_size;
    struct fact *facts; /* taken in this turn, forgotten after its commit */
    size_t facts_n, facts_size;
    bool changed;
    uint64_t turns, decisions, restarts;
};

void shell_init(struct shell *s, struct machine *machine, struct invariant *invariant,
                struct verdict *verdict, const struct shell_hooks *hooks);
void shell_finish(struct shell *s);

/* First start: settings, machine, GPUs and people as events of a first turn. */
void shell_found(struct shell *s, const struct core_event *events, size_t n, usec_t wall_at,
                 usec_t boot_at);
void shell_send(struct shell *s, const struct op *op);
/* Let a turn happen.  false: the daemon crashed in it; call shell_restart when it is to come back. */
bool shell_turn(struct shell *s, usec_t wall_at, usec_t boot_at);
void shell_kill(struct shell *s);
void shell_restart(struct shell *s, usec_t wall_at, usec_t boot_at);
/* When a turn is due without anything arriving; on the boot clock, given the present times. */
usec_t shell_due(const struct shell *s, usec_t wall_at, usec_t boot_at);

/* Which op made a job, and which of its tasks it is; NULL: not a committed job. */
const struct store_request *store_request_of(const struct store *st, job_id job);

#endif
