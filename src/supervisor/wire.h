/* wire.h - every byte layout of an attempt: its files, its control socket, its words.
 *
 * An attempt (one run of a job) lives in a directory of its own, STATE/attempts/JOB.ATTEMPT/:
 *
 *   lock     the attempt's record; locked (open file description lock) for as long as the supervisor
 *            lives.  All but the ring is reserved on disk before the claim: the exit cannot fail for
 *            want of space
 *              at 0               struct wire_head, written by the launcher
 *              at WIRE_STATUS_AT  struct wire_status, for whoever wants to look; not synced, proves
 *                                 nothing
 *              at WIRE_EXIT_AT    struct wire_exit; counts only once the name `exit` is there
 *              at WIRE_TAIL_AT    struct wire_tail, and at WIRE_RING_AT the ring of the last output
 *              at WIRE_MARKS_AT   struct wire_marks: results and progress out of all of the output
 *   claim    making this name, which only one can, synced, is the point of no return
 *   exit     this name there means: the attempt is over, its process tree is gone, wire_exit is valid
 *   alive    without a cgroup only: a lock whose descriptor the job's processes inherit
 *   ctl      listening SOCK_SEQPACKET socket; speaks struct wire_msg
 *   script   the batch script, if the job has one
 *
 * claim and exit are further names (hard links) of lock where the file system has them, files of their
 * own where it has not: link() is as exclusive as O_EXCL, and making inodes is what an attempt costs.
 *
 * doc/attempts.md tells the story with its numbered steps.  All layouts are fixed in size, in host
 * byte order (they never leave the machine) and carry magic and version: a daemon understands the
 * supervisors of WIRE_VERSION_OLDEST and later, because they outlive its upgrade.  New fields are
 * taken from the reserved space, which is zero.  An attempt of a newer version (somebody went back) is left alone, and
 * said: it runs on, and the daemon that knows it finds it again.
 */
#ifndef EOUL_SUPERVISOR_WIRE_H
#define EOUL_SUPERVISOR_WIRE_H

#include <stdint.h>

#define WIRE_MAGIC          0x6c756f65u /* "eoul" */
#ifndef WIRE_VERSION /* test/next builds the next one */
#define WIRE_VERSION        1
#endif
#define WIRE_VERSION_OLDEST 1

#define WIRE_DETAIL_MAX 256        /* a path or GPU named in a failure, cut there, NUL-terminated */
#define WIRE_TAIL_SIZE  (64 * 1024) /* bytes of last output kept for the daemon */

#define WIRE_STATUS_AT 512 /* places in `lock` */
#define WIRE_EXIT_AT   1024
#define WIRE_TAIL_AT   2048
#define WIRE_MARKS_AT  2560
#define WIRE_RING_AT   4096

/* X(code, word) - why an attempt ended. */
#define ATTEMPT_CAUSE_LIST(X) \
    X(ATTEMPT_NONE, "none") \
    X(ATTEMPT_EXIT, "exit")             /* by itself; code says how */ \
    X(ATTEMPT_SIGNAL, "signal")         /* by a signal that nobody here sent */ \
    X(ATTEMPT_TIME_LIMIT, "time-limit") \
    X(ATTEMPT_STOPPED, "stopped")       /* the daemon said TERM */ \
    X(ATTEMPT_OOM, "oom")               /* its cgroup counted an out-of-memory kill */ \
    X(ATTEMPT_LAUNCH, "launch")         /* never ran: stage and error say where it stuck */ \
    X(ATTEMPT_GPU_BUSY, "gpu-busy")     /* never ran: somebody holds the lock of a GPU */
enum attempt_cause {
#define X(code, word) code,
    ATTEMPT_CAUSE_LIST(X)
#undef X
    ATTEMPT_CAUSE_COUNT
};

/* X(code, word) - where a launch stuck.  Those up to STAGE_CLAIM come before the point of no
 * return. */
#define ATTEMPT_STAGE_LIST(X) \
    X(STAGE_NONE, "none") \
    X(STAGE_DIRECTORY, "directory") /* the launcher: attempt directory and its files */ \
    X(STAGE_SPAWN, "spawn")         /* the launcher: starting the supervisor */ \
    X(STAGE_REQUEST, "request")     /* the request is damaged */ \
    X(STAGE_LOCK, "lock") \
    X(STAGE_GPU, "gpu") \
    X(STAGE_CWD, "cwd") \
    X(STAGE_STDIN, "stdin") \
    X(STAGE_STDOUT, "stdout") \
    X(STAGE_STDERR, "stderr") \
    X(STAGE_SCRIPT, "script") \
    X(STAGE_CLAIM, "claim") \
    X(STAGE_FORK, "fork") \
    X(STAGE_LIMITS, "limits") \
    X(STAGE_EXEC, "exec") \
    X(STAGE_PTY, "terminal") /* before the claim, too; its number is newer than its place */ \
    X(STAGE_TICKET, "ticket") /* before everything: the launcher or supervisor will not, it was not asked for */
enum attempt_stage {
#define X(code, word) code,
    ATTEMPT_STAGE_LIST(X)
#undef X
    ATTEMPT_STAGE_COUNT
};

/* X(code, word) - what a supervisor is doing. */
#define ATTEMPT_PHASE_LIST(X) \
    X(PHASE_PREPARING, "preparing")     /* before the claim */ \
    X(PHASE_STARTING, "starting")       /* claimed, the command is not yet executed */ \
    X(PHASE_RUNNING, "running") \
    X(PHASE_STOPPING, "stopping")       /* SIGTERM sent, grace is running */ \
    X(PHASE_KILLING, "killing")         /* SIGKILL sent */ \
    X(PHASE_LEFTOVERS, "leftovers")     /* the command ended, processes of it are still there */ \
    X(PHASE_QUARANTINE, "quarantine")   /* they do not die; GPUs stay locked */ \
    X(PHASE_OVER, "over")
enum attempt_phase {
#define X(code, word) code,
    ATTEMPT_PHASE_LIST(X)
#undef X
    ATTEMPT_PHASE_COUNT
};

/* First in `lock`; what recovery needs when nobody is left to ask. */
struct wire_head {
    uint32_t magic;
    uint32_t version;
    uint32_t job;
    uint32_t attempt;
    uint8_t uuid[16];
    char boot_id[40];
    int64_t wall_at;
    char cgroup[256]; /* directory of the job's cgroup; empty: none, look for EOUL_ATTEMPT */
    uint8_t reserved[64];
};
_Static_assert(sizeof(struct wire_head) == 400, "layout of lock");

/* How it went.  Part of `exit`, `status` and WIRE_ENDED. */
struct wire_end {
    uint32_t cause;      /* enum attempt_cause */
    uint32_t stage;      /* enum attempt_stage, with ATTEMPT_LAUNCH */
    int32_t error;       /* errno, with ATTEMPT_LAUNCH */
    int32_t code;        /* exit code of the command */
    int32_t signal;      /* or the signal it died of */
    uint32_t flags;      /* WIRE_END_* */
    int64_t started_wall_at;
    int64_t started_boot_at;
    int64_t ended_wall_at;
    int64_t ended_boot_at;
    int64_t user_us;     /* of the whole tree, as far as the supervisor reaped it */
    int64_t system_us;
    int64_t max_rss_kib; /* of its largest process */
    uint64_t output_bytes;
    uint64_t output_lost; /* bytes that could not be written (disk full, cap) */
    uint8_t reserved[32];
    char detail[WIRE_DETAIL_MAX];
};
#define WIRE_END_CORE       1u /* the command dumped core */
#define WIRE_END_QUARANTINE 2u /* processes of it were still there when this was sent */
_Static_assert(sizeof(struct wire_end) == 384, "layout of the end of an attempt");

struct wire_exit {
    uint32_t magic;
    uint32_t version;
    uint32_t job;
    uint32_t attempt;
    uint8_t uuid[16];
    struct wire_end end;
    uint64_t checksum; /* hash_bytes of all before it */
};
_Static_assert(sizeof(struct wire_exit) == 424, "layout of exit");
_Static_assert(WIRE_EXIT_AT + sizeof(struct wire_exit) <= WIRE_TAIL_AT, "places do not overlap");

struct wire_status {
    uint32_t magic;
    uint32_t version;
    uint32_t job;
    uint32_t attempt;
    uint8_t uuid[16];
    char boot_id[40];
    uint32_t phase;            /* enum attempt_phase */
    int32_t supervisor_pid;
    uint64_t supervisor_ticks; /* its start time: with the boot id, this names the process for ever */
    int32_t pid;               /* the command; 0: not yet */
    uint32_t reserved0;
    uint64_t ticks;
    int64_t started_wall_at;
    int64_t started_boot_at;
    int64_t limit_us;          /* 0: none */
    int64_t input_boot_at;     /* of its terminal: when somebody typed last; 0: never */
    int64_t output_boot_at;    /* ... and when it printed last */
    uint32_t terminals;        /* attached to it */
    uint32_t flags;            /* WIRE_STATUS_* */
    uint8_t reserved[8];
};
#define WIRE_STATUS_PTY 1u     /* it has a terminal of its own; if not, the three above are 0 */
_Static_assert(sizeof(struct wire_status) == 160, "layout of status");

/* Head of the ring; its magic is 0 while the ring is not whole.  Byte n of the output is at n modulo
 * ring_size.  A reader copies, then reads `written` again and drops what was overwritten meanwhile. */
struct wire_tail {
    uint32_t magic;
    uint32_t version;
    uint64_t written; /* bytes of output so far, also those the ring has forgotten */
    uint32_t ring_size;
    uint32_t free_mib1; /* free MiB where stdout goes, plus 1; 0: not known */
};

/* What the job said of itself (spec/marks.h), read out of every byte it wrote: no later output can push
 * it out.  Rewritten as a whole in the reserved part of the file; a reader that meets a write in the
 * middle sees it by the checksum and reads again. */
struct wire_marks {
    uint32_t magic;     /* 0: it has said nothing yet */
    uint32_t version;
    uint32_t changes;   /* rises with each change */
    uint32_t done_ppm;  /* UINT32_MAX: not known */
    uint64_t checksum;  /* hash_bytes of all behind it, with `changes` as seed */
    uint32_t text_len;
    uint32_t reserved;
    char text[1224];    /* name=value, one a line, in the order they first came */
};
_Static_assert(WIRE_TAIL_AT + sizeof(struct wire_tail) <= WIRE_MARKS_AT, "places do not overlap");
_Static_assert(WIRE_MARKS_AT + sizeof(struct wire_marks) <= WIRE_RING_AT, "places do not overlap");

/* --- the control socket ------------------------------------------------------------------------
 * Records of exactly sizeof(struct wire_msg).  The supervisor sends WIRE_STATUS at once to whoever
 * connects, and then each change to everybody; commands may come from any peer of the same uid (or
 * root), in system mode also from the daemon's, which may stop and signal a job but neither type nor start a step.  A record it does not understand is ignored; a peer that does not read is dropped.
 *
 * A terminal is attached by WIRE_ATTACH; the answer carries a descriptor, a stream socket: what the job
 * prints comes out of it, what is written to it is typed.  First comes what was printed lately, so that
 * the screen looks as it did.  The stream ends when either socket is closed by the client, and after the
 * job's last byte.  The window has the size of whoever typed, came or changed it last. */
enum wire_type {
    WIRE_STATUS = 1,  /* to peer: status */
    WIRE_RUNNING,     /* to peer: status; claimed and executed */
    WIRE_ENDED,       /* to peer: end; the last record (but after QUARANTINE: see flags) */
    WIRE_FAILED,      /* to peer: end; never ran, the last record */
    WIRE_ATTACHED,    /* to peer, with a descriptor: the terminal */
    WIRE_STDIN,       /* to peer, with a descriptor: the job's standard input, to write and close */
    WIRE_REFUSED,     /* to peer: not attached, or no step; arg: ENOTTY no terminal, EUSERS too many, or errno;
                       * of a step arg2 is the stage */
    WIRE_CONTACT,     /* from the daemon to a client that waits on a socket of its own, with a descriptor: a
                       * connection to the supervisor; arg is the job, arg2 the attempt */
    WIRE_STEP_STARTED, /* to peer: its step runs; arg is the process */
    WIRE_STEP_ENDED,   /* to peer: its step is over; arg is its wait status */
    WIRE_SIGNAL = 64, /* to supervisor: send `arg` (a signal) to whom arg2 says (enum wire_whom) */
    WIRE_TERM,        /* to supervisor: stop it: SIGTERM, arg us of grace (0: as requested), SIGKILL */
    WIRE_KILL,        /* to supervisor: SIGKILL now */
    WIRE_SET_LIMIT,   /* to supervisor: limit of arg us from its start; 0: none */
    WIRE_ATTACH,      /* to supervisor: attach a terminal of arg rows and arg2 columns */
    WIRE_SIZE,        /* to supervisor: it has arg rows and arg2 columns now */
    WIRE_STEP,        /* to supervisor, with WIRE_FDS descriptors (0 1 2, and a file "program NUL word NUL ..."):
                       * start a step (step.h); arg 1: 0 is a terminal to control it by */
    WIRE_STEP_SIGNAL, /* to supervisor: send arg, a signal, to the step of this peer */
};

/* Whom a signal is for.  A supervisor older than STEPS takes it as TREE. */
enum wire_whom {
    WIRE_TO_MAIN,  /* the command's first process */
    WIRE_TO_TREE,  /* all processes of the attempt */
    WIRE_TO_STEPS, /* of a script what it started, or its shell if that is nothing; of a command all */
};

#define WIRE_FDS 4 /* descriptors one record may bring */

struct wire_msg {
    uint32_t magic;
    uint32_t version;
    uint32_t type;
    uint32_t reserved;
    int64_t arg;
    int64_t arg2;
    union {
        struct wire_status status;
        struct wire_end end;
    };
};
_Static_assert(sizeof(struct wire_msg) == 416, "layout of a control record");

#endif
