/* event.h - everything that can happen to the core, and everything it may answer.  THE one list.
 *
 * An event is a fact from outside with its two times (wall and boot clock).  The core's answer is a
 * list of updates.  Names, the journal's text form, the replay and doc/events.md come from the lists
 * below; add a field here and nowhere else.  Events are inputs: whatever the core can work out for
 * itself (who starts, what a state becomes) is never in one.
 *
 * Journal form (event_print/event_parse): one line, `kind wall=... boot=... field=value ...`, decimal
 * numbers; a list is `a/b/c,a/b/c`.  Fields that are zero are left out; a field this build does not
 * know is refused (E_NEWER), so an old eoul never misreads a newer journal.  The round trip is exact.
 *
 * Some job fields were carried from the first day, before anything looked at them (review_us; canary_us counts for
 * nothing without EV_SETTINGS.canary).
 *
 * Preemption has no event of its own.  A decision answers STATE (RUNNING to COMPLETING, for
 * REASON_PREEMPTED) and STOP (for the same reason); the shell ends the attempt as for any STOP and says
 * ENDED with END_STOPPED; the job is PENDING again, for REASON_PREEMPTED, and its next START has the
 * next attempt number.  What of its work is kept: PREEMPT_CHECKPOINT keeps all of an attempt that left
 * within its grace (ENDED's signal is not 9), and pays restart_us at the beginning of the next;
 * PREEMPT_REQUEUE keeps nothing.  An attempt that ends by itself before the STOP reaches it has ended.
 *
 * A told estimate (estimate_us with estimate_sd_milli in EV_SUBMIT) is what somebody says of the whole
 * run: its median and the standard deviation of its natural logarithm, in thousandths (500: two runs of
 * three lie within a factor of 1.65; 0: taken at its word).  EV_SETTINGS.estimates says what it counts
 * beside what was learned from earlier runs.  Pure.
 */
#ifndef EOUL_CORE_EVENT_H
#define EOUL_CORE_EVENT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"

/* --- small words ------------------------------------------------------------------------------ */

typedef uint32_t job_id;    /* 1..; never reused; array tasks have consecutive ones; jobs and todos
                             * draw from one sequence, so a number names one thing */
typedef uint16_t person_no; /* 1..; index into the team, given by the shell; 0: nobody */

/* Slurm's job states.  CONFIGURING: start committed, supervisor not yet past its claim. */
#define JOB_STATE_LIST(X) \
    X(JOB_NONE, "NONE", "") \
    X(JOB_PENDING, "PENDING", "PD") X(JOB_CONFIGURING, "CONFIGURING", "CF") \
    X(JOB_RUNNING, "RUNNING", "R") X(JOB_COMPLETING, "COMPLETING", "CG") \
    X(JOB_COMPLETED, "COMPLETED", "CD") X(JOB_FAILED, "FAILED", "F") \
    X(JOB_CANCELLED, "CANCELLED", "CA") X(JOB_TIMEOUT, "TIMEOUT", "TO") \
    X(JOB_OUT_OF_MEMORY, "OUT_OF_MEMORY", "OOM") X(JOB_NODE_FAIL, "NODE_FAIL", "NF") \
    X(JOB_DEADLINE, "DEADLINE", "DL")
enum job_state {
#define X(name, word, letters) name,
    JOB_STATE_LIST(X)
#undef X
    JOB_STATE_COUNT
};
static inline int job_state_is_final(enum job_state s) { return s >= JOB_COMPLETED; }

/* Why a waiting job waits, or why a job ended as it did (Slurm's words where Slurm has one). */
#define REASON_LIST(X) \
    X(REASON_NONE, "None") \
    X(REASON_RESOURCES, "Resources")         /* first in line: waits for GPUs, CPUs or memory */ \
    X(REASON_PRIORITY, "Priority")           /* others come first */ \
    X(REASON_DEPENDENCY, "Dependency") \
    X(REASON_DEPENDENCY_NEVER, "DependencyNeverSatisfied") \
    X(REASON_BEGIN_TIME, "BeginTime") \
    X(REASON_HELD_USER, "JobHeldUser") \
    X(REASON_HELD_ADMIN, "JobHeldAdmin") \
    X(REASON_ARRAY_LIMIT, "JobArrayTaskLimit") \
    X(REASON_PERSON_RUNNING, "QOSMaxJobsPerUserLimit") \
    X(REASON_PERSON_GPUS, "QOSMaxGRESPerUser") \
    X(REASON_BACKOFF, "RetryBackoff")        /* failed, waits before its next attempt */ \
    X(REASON_SINGLETON, "Singleton") \
    X(REASON_QUEUE_CLOSED, "PartitionDown")  /* the queue is drained */ \
    X(REASON_NEVER_FITS, "BadConstraints")   /* asks for more than the machine has at present */ \
    X(REASON_GPU_TAKEN, "ReqNodeNotAvail")   /* its GPUs are drained, foreign or quarantined */ \
    X(REASON_DEFERRED, "Deferred")           /* start moved later inside its slack */ \
    X(REASON_STARTING, "Starting") \
    X(REASON_EXIT_CODE, "NonZeroExitCode") X(REASON_SIGNAL, "RaisedSignal") \
    X(REASON_TIME_LIMIT, "TimeLimit") X(REASON_OOM, "OutOfMemory") \
    X(REASON_CANCELLED, "Cancelled") X(REASON_LOST, "Lost") \
    X(REASON_LAUNCH_FAILED, "JobLaunchFailure") X(REASON_DEADLINE, "DeadLine") \
    X(REASON_REQUEUED, "Requeued") \
    X(REASON_HELD_FAILURES, "JobHeldFailures") /* so many tasks of its array failed alike in a row */ \
    X(REASON_STOP_RULE, "SweepStopRule")       /* its sweep's rule gave it up for better points */ \
    X(REASON_PREEMPTED, "Preempted")         /* made way for another; waits for room again */ \
    X(REASON_RESERVED, "Reservation")        /* it might still hold GPUs that are kept for somebody */ \
    X(REASON_POWER, "PowerNotAvail")         /* first in line: waits for watts under the power cap alone */ \
    X(REASON_ACCOUNT_GPUS, "AssocGrpGRES")   /* its account has as many GPUs as it may */ \
    X(REASON_QUOTA_HOURS, "AssocGrpGRESMinutes") /* its account or owner has used up its GPU-hours */ \
    X(REASON_CANARY, "Canary")               /* what runs is its canary; of a change to PENDING: it went well */ \
    X(REASON_HELD_CANARY, "JobHeldCanary")   /* its canary failed, or that of its array */
enum reason {
#define X(name, word) name,
    REASON_LIST(X)
#undef X
    REASON_COUNT
};

enum gpu_state { GPU_UP, GPU_DRAINED, GPU_FOREIGN, GPU_QUARANTINED, GPU_GONE, GPU_STATE_COUNT };

/* How an attempt ended, as its supervisor saw it. */
#define END_CAUSE_LIST(X) \
    X(END_EXIT, "exit") X(END_SIGNAL, "signal") X(END_TIME_LIMIT, "time-limit") \
    X(END_STOPPED, "stopped") /* because an UPDATE_STOP asked for it */ \
    X(END_OOM, "oom") \
    X(END_LAUNCH, "launch")     /* cwd, output file or exec failed: never ran */ \
    X(END_GPU_BUSY, "gpu-busy") /* a GPU's lock is held by somebody else: never ran */
enum end_cause {
#define X(name, word) name,
    END_CAUSE_LIST(X)
#undef X
    END_CAUSE_COUNT
};

enum dep_kind { DEP_AFTER, DEP_AFTEROK, DEP_AFTERNOTOK, DEP_AFTERANY, DEP_KIND_COUNT };
/* What the shell knows at submit of a job that is no longer live. */
enum dep_outcome { DEP_LIVE, DEP_OK, DEP_NOT_OK, DEP_UNKNOWN, DEP_OUTCOME_COUNT };

/* One condition.  Those with the same group number are alternatives ('?'); groups are joined by
 * "and" (','). */
struct dep {
    uint32_t kind;    /* enum dep_kind */
    uint32_t job;     /* a job, or with scope 1 the array it belongs to: all its tasks */
    uint32_t scope;
    uint32_t group;
    uint32_t outcome; /* enum dep_outcome */
    uint32_t delay_s; /* DEP_AFTER: seconds after its start */
};

/* How often an attempt that ended so is made again.  The narrowest rule counts: of the code or signal
 * itself, else of the cause, else ev_submit.retries. */
enum retry_cause { RETRY_NONE, RETRY_EXIT, RETRY_CODE, RETRY_SIGNAL, RETRY_SIGNO, RETRY_OOM,
                   RETRY_NODE /* lost */, RETRY_TIME, RETRY_LAUNCH, RETRY_CAUSE_COUNT };
struct retry {
    uint32_t cause; /* enum retry_cause */
    uint32_t code;  /* RETRY_CODE: the exit code, RETRY_SIGNO: the signal; else 0 */
    uint32_t n;     /* further attempts, at most RETRY_MAX */
};
#define RETRY_MAX       10000u
#define RETRY_RULES_MAX 4u /* sixteen bytes of each job */

struct range { /* array indices from..until inclusive, by step >= 1 */
    uint32_t from;
    uint32_t until;
    uint32_t step;
};

/* Which processes of a running attempt a signal is for.  STEPS: of a script what it started, not its shell
 * (if it runs nothing, the shell all the same); of a command all. */
enum signal_whom { SIGNAL_MAIN, SIGNAL_TREE, SIGNAL_STEPS, SIGNAL_WHOM_COUNT };
#define SIGNAL_NUMBER_MAX 64

enum preempt_mode { PREEMPT_NEVER, PREEMPT_REQUEUE, PREEMPT_CHECKPOINT, PREEMPT_COUNT };
enum estimates_mode {
    ESTIMATES_BOTH,    /* a told estimate joins the history, as a few own runs would */
    ESTIMATES_TOLD,    /* where there is a told estimate, it is all that counts */
    ESTIMATES_HISTORY, /* told estimates are not listened to */
    ESTIMATES_COUNT
};
enum job_flags {
    JOB_HELD = 1 << 0,       /* submitted with --hold, or held by its owner */
    JOB_HELD_ADMIN = 1 << 1,
    JOB_REQUEUE = 1 << 2,    /* may run again after LOST (its owner said --requeue) */
    JOB_NOW = 1 << 3,        /* --now: never defer */
    JOB_URGENT = 1 << 4,
    JOB_SINGLETON = 1 << 5,
    JOB_CLEAN_TREE = 1 << 6, /* its code is committed or snapshotted: may be deferred */
    JOB_FIRST = 1 << 7,      /* goes before its owner's other jobs */
    JOB_FLAGS_ALL = (1 << 8) - 1,
};

/* Hands-on work.  A todo is live while OPEN; its record goes in the step that ends it. */
#define TODO_STATE_LIST(X) \
    X(TODO_NONE, "NONE") X(TODO_OPEN, "OPEN") X(TODO_DONE, "DONE") X(TODO_DROPPED, "DROPPED")
enum todo_state {
#define X(name, word) name,
    TODO_STATE_LIST(X)
#undef X
    TODO_STATE_COUNT
};

/* Why an open todo has no time, or when it will have one. */
#define TODO_WAIT_LIST(X) \
    X(TODO_WAIT_NONE, "None")                  /* it has a time */ \
    X(TODO_WAIT_DEPENDENCY, "Dependency")      /* planned behind what it waits for */ \
    X(TODO_WAIT_NEVER, "DependencyNeverSatisfied") \
    X(TODO_WAIT_DECLINED, "Declined")          /* by everybody who was asked */ \
    X(TODO_WAIT_ACCEPT, "Acceptance")          /* at a time its person does not offer */ \
    X(TODO_WAIT_HOURS, "NoOfferedHours")       /* nothing offered as far as is known */ \
    X(TODO_WAIT_ROOM, "NoRoom")                /* no piece of offered time takes it */
enum todo_wait {
#define X(name, word) name,
    TODO_WAIT_LIST(X)
#undef X
    TODO_WAIT_COUNT
};

enum todo_flags {
    TODO_ACCEPTED = 1 << 0, /* its person said yes, or gave it to themself */
    TODO_REVIEW = 1 << 1,   /* of a job's result: dropped when that can never come */
    TODO_FLAGS_ALL = (1 << 2) - 1,
};
enum boost_kind { BOOST_JOB, BOOST_ARRAY /* all its tasks */, BOOST_PERSON, BOOST_ACCOUNT /* a project */, BOOST_KIND_COUNT };
/* Why it was given, in words: bytes, padded with 0. */
#define BOOST_REASON(F) F(uint64_t, reason0) F(uint64_t, reason1) F(uint64_t, reason2) F(uint64_t, reason3) \
    F(uint64_t, reason4) F(uint64_t, reason5) F(uint64_t, reason6) F(uint64_t, reason7) F(uint64_t, reason8) \
    F(uint64_t, reason9) F(uint64_t, reason10) F(uint64_t, reason11)
#define BOOST_REASON_MAX 96 /* bytes */

#define TODO_WHO_MAX 8 /* people one todo may be offered to */

struct number {  /* of a person */
    uint32_t n;
};
struct rate {    /* of electricity */
    usec_t from_at;    /* until the next one's */
    int64_t kwh_milli; /* a kWh, in thousandths of the tariff's currency; may be negative */
};
struct cap {     /* on the power of all jobs together */
    usec_t from_at;    /* until the next one's */
    int64_t mw;
};
struct before {  /* who is to wait for this todo */
    uint32_t job;   /* a todo, a job, or with scope 1 an array */
    uint32_t scope;
};
/* A stretch of time offered for hands-on work.  `day` counts the person's local days (any origin):
 * the daily cap is kept by it.  A focus block (focus 1) stays whole: it is given to one todo that
 * fills at least half of it, or to none. */
struct offer {
    usec_t from_at;
    usec_t until_at;
    int64_t day;
    int64_t focus;
};

/* --- the events ------------------------------------------------------------------------------- */
/* F(type, name): a number.  L(struct, name): a list, `const struct ... *name; uint32_t name_n`,
 * borrowed from whoever made the event. */

#define EV_SETTINGS(F, L) /* the numbers of the policy; the first event of every journal */ \
    F(uint64_t, seed) \
    F(uint32_t, policy)         /* enum policy in core.h */ \
    F(uint32_t, plan_depth)     /* rows placed in full at each decision */ \
    F(usec_t, presence_us)      /* submitting proves presence for this long (30 min) */ \
    F(usec_t, runtime_guess_us) /* median run time assumed without any history */ \
    F(usec_t, age_us)           /* a job that has waited this long goes first */ \
    F(uint32_t, estimates)      /* enum estimates_mode */ \
    F(uint32_t, booked_gpus)    /* POLICY_BOOKED: GPUs of each person; 0: an equal share */ \
    F(uint32_t, chain_milli)    /* POLICY_BLEND: how much a result that is seen soon counts for more, \
                                 * because work goes on sooner; 0: not at all, 1000: in full */ \
    F(uint32_t, fair_milli)     /* ... how much whoever had fewer results lately goes first; 0: not at \
                                 * all, 1000: in inverse proportion */ \
    F(uint32_t, preempt)        /* 1: running jobs that allow it make way; 0: none does */ \
    F(uint32_t, advantage_milli) /* a running job counts for so much more than a waiting one */ \
    F(usec_t, quantum_us)       /* an attempt is not preempted before it has run so long */ \
    F(usec_t, restart_us)       /* cost of a restart of jobs that tell none */ \
    F(uint32_t, defer)          /* whose starts may be moved later: 0 nobody's, 1 those who agreed and \
                                 * whose script has succeeded (core/defer.h), 2 everybody's */ \
    F(uint32_t, price_milli)    /* person-hours, in thousandths, that a GPU-hour is worth while \
                                 * everybody is there */ \
    F(uint32_t, search_window)  /* POLICY_BLEND: jobs that get the best order found, at most 64 ... */ \
    F(uint32_t, search_moves)   /* ... in so many tries; 0: the index alone orders */ \
    F(uint32_t, bounded)        /* 1: behind a job at half as long again as its age nothing begins that could \
                                 * outlast its reservation, whatever is forecast (dispatch.h) */ \
    F(uint32_t, calibrate)      /* 1: forecasts are scored, and starts moved later only while they hold \
                                 * (calibrate.h); 2: and are given as wide as the last were off (band.h) */ \
    F(usec_t, half_life_us)     /* what people have had lately counts half after this (share.h); 0: not kept */ \
    F(uint32_t, fair_delay_milli) /* POLICY_BLEND: how much whoever was shown results later goes first */ \
    F(uint32_t, fair_gpu_milli) /* ... how much whoever had less GPU time does */ \
    F(uint32_t, urgent_week)    /* urgent submits of each person in seven days, at most 8; 0: the flag moves \
                                 * nobody forward and is not counted (urgent.h) */ \
    F(uint32_t, canary)         /* 1: jobs that ask for a canary get one (canary.h) */ \
    F(uint32_t, slack)          /* 2: what others wait for is moved later inside the slack of them all (slack.h); 1: the \
                                 * same, but tasks of an array all count as their first, were they changed since or not; 0: it is not moved */ \
    F(uint32_t, would)          /* 1: it is counted what would have been moved of those who have not agreed (would.h) */ \
    F(uint32_t, pool)           /* 1: forecasts from history know runs of the same person and time limit, runs that failed \
                                 * late, and count new runs for more than old ones (estimate.h) */ \
    F(uint32_t, odds)           /* samples that odds of start, end and eyes are told from, 64 to 256 (odds.h); 0: two passes of the plan */
#define EV_MACHINE(F, L) F(uint32_t, cpus) F(uint64_t, mem_mib)
#define EV_GPU(F, L) /* a GPU, new or changed */ \
    F(uint32_t, gpu)   /* 0..63, the core's number for it */ \
    F(uint32_t, type)  /* small number for its model, 1.. */ \
    F(uint32_t, state) /* enum gpu_state */ \
    F(int64_t, watts_mw)
#define EV_QUEUE(F, L) F(uint32_t, closed) /* drained: running work goes on, nothing starts */
#define EV_PERSON(F, L) /* limits; 0: none */ \
    F(uint32_t, person) F(uint32_t, running_max) F(uint32_t, gpus_max) F(uint32_t, queued_max) \
    F(uint32_t, weight_milli) \
    F(uint32_t, defer) /* 1: starts of this person's jobs may be moved later inside their slack */ \
    F(uint32_t, quota_hours) F(uint32_t, quota_days) /* GPU-hours in so many days (quota.h); 0: no quota */
#define EV_ACCOUNT(F, L) /* a project: what all of its jobs together may have (quota.h); 0: no quota */ \
    F(uint32_t, account) F(uint32_t, gpus_max) F(uint32_t, quota_hours) F(uint32_t, quota_days)
#define EV_AVAIL(F, L) /* when a person can look: look hours minus busy, away and here applied */ \
    F(uint32_t, person) \
    F(usec_t, until_at) /* the windows are known until here; eyes later than that are taken as here */ \
    L(span, windows)    /* sorted, disjoint, UTC */
#define EV_OFFER(F, L) /* when a person offers to work: work hours minus busy and away; replaces */ \
    F(uint32_t, person) \
    F(usec_t, until_at) /* known until here; nothing is offered later */ \
    F(usec_t, cap_us)   /* planned hands-on time of a day; 0: no cap */ \
    L(offer, windows)   /* sorted, disjoint, UTC; days do not fall */
#define EV_SUBMIT(F, L) \
    F(uint32_t, job)         /* id of the (first) job: greater than every id before it, unless attempt > 0 */ \
    F(uint32_t, attempt)     /* attempts already made (an ended job requeued under its id), else 0 */ \
    F(uint32_t, owner)       /* whose job it is; they look at the result, if no reviewer does */ \
    F(uint32_t, submitter) \
    F(uint64_t, command_key) /* hash of command or script name: run time history groups by it */ \
    F(uint64_t, name_key)    /* hash of the job name: singleton */ \
    F(uint32_t, flags)       /* enum job_flags */ \
    F(uint32_t, gpus) F(uint32_t, gpu_type) /* 0: any */ \
    F(uint32_t, cpus)        /* at least 1 */ \
    F(uint64_t, mem_mib) \
    F(usec_t, limit_us)      /* time limit; 0: none */ \
    F(usec_t, begin_at) F(usec_t, deadline_at) /* 0: none */ \
    F(int32_t, nice)         /* smaller first among one owner's jobs; scales the index */ \
    F(uint32_t, retries)     /* further attempts after a failure */ \
    F(usec_t, backoff_us)    /* before the first retry; doubles each time, at most 64 fold */ \
    F(uint32_t, array)       /* id by which the array is known (its first job's first id); 0: no array */ \
    F(uint32_t, array_max)   /* %N: so many at once; 0: any */ \
    F(uint32_t, hold_after)  /* so many of its tasks failing alike in a row hold the rest; 0: never */ \
    F(uint32_t, preempt)     /* enum preempt_mode */ \
    F(usec_t, restart_us)    /* measured cost of a restart; 0: the settings' */ \
    F(usec_t, estimate_us)   /* told run time (median), see above; 0: none */ \
    F(uint32_t, estimate_sd_milli) \
    F(usec_t, flex_us) \
    F(usec_t, canary_us)     /* a short run while its owner is there, if the long one waits (canary.h); 0: none */ \
    F(int64_t, watts_mw)     /* of all its GPUs together; 0: nobody has said */ \
    F(uint32_t, reviewer)    /* who looks at the result instead of its owner; 0: nobody */ \
    F(usec_t, review_us) \
    F(uint32_t, account)     /* the project it is for; 0: none */ \
    L(range, tasks)          /* array indices; the i-th has id job + i; none: one plain job */ \
    L(dep, deps) \
    L(retry, retry_by)       /* by cause; they go before `retries` */
/* scope 0: this job; 1: every live task of the array it belongs to */
#define EV_CANCEL(F, L) F(uint32_t, job) F(uint32_t, scope) F(uint32_t, by) \
    F(uint32_t, rule) /* 1: by its sweep's stop rule, not by a person; no failure for who waits for it */
#define EV_HOLD(F, L) F(uint32_t, job) F(uint32_t, scope) F(uint32_t, admin)
#define EV_RELEASE(F, L) F(uint32_t, job) F(uint32_t, scope) F(uint32_t, admin)
#define EV_FIRST(F, L) F(uint32_t, job) F(uint32_t, scope)
#define EV_REQUEUE(F, L) /* a running job: stop it and let it wait again under its id */ \
    F(uint32_t, job) F(uint32_t, scope) F(uint32_t, by)
#define EV_SET(F, L) F(uint32_t, job) F(uint32_t, scope) \
    F(uint32_t, field) /* enum set_field */ F(int64_t, value)
#define EV_SIGNAL(F, L) /* a signal to what runs of it, which goes on being what it is */ \
    F(uint32_t, job) F(uint32_t, scope) F(uint32_t, by) \
    F(uint32_t, signal) /* 1..SIGNAL_NUMBER_MAX */ F(uint32_t, whom) /* enum signal_whom */
#define EV_STARTED(F, L) /* the supervisor is past its claim: the job runs */ \
    F(uint32_t, job) F(uint32_t, attempt)
#define EV_START_FAILED(F, L) /* proven never to have run */ \
    F(uint32_t, job) F(uint32_t, attempt) F(uint32_t, cause) /* enum end_cause */
#define EV_ENDED(F, L) F(uint32_t, job) F(uint32_t, attempt) \
    F(uint32_t, cause) F(int32_t, code) F(uint32_t, signal) \
    F(uint32_t, quarantine) /* 1: the process tree is not proven gone; its GPUs stay out of use */ \
    F(int64_t, watts_mw)    /* the most its GPUs took together, over a minute; 0: not known */
#define EV_LOST(F, L) /* claimed, gone, and nobody knows how it ended */ \
    F(uint32_t, job) F(uint32_t, attempt) F(uint32_t, quarantine)
#define EV_PROGRESS(F, L) F(uint32_t, job) F(uint32_t, attempt) F(uint32_t, done_ppm)
#define EV_TODO_ADD(F, L) \
    F(uint32_t, todo)        /* greater than every job's and todo's number before it */ \
    F(uint32_t, by)          /* who asks for it */ \
    F(uint32_t, flags)       /* enum todo_flags */ \
    F(usec_t, takes_us)      \
    F(usec_t, min_chunk_us)  /* pieces no shorter than this; takes_us: in one piece */ \
    F(usec_t, not_before_at) F(usec_t, deadline_at) /* 0: none */ \
    F(usec_t, at_at)         /* at this very time; 0: whenever it fits */ \
    F(int64_t, at_day)       /* the local day of that */ \
    L(number, who)           /* any one of these */ \
    L(dep, deps) L(before, before)
#define EV_TODO_DONE(F, L) F(uint32_t, todo) F(uint32_t, by)
#define EV_TODO_DROP(F, L) F(uint32_t, todo) F(uint32_t, by)
#define EV_TODO_ACCEPT(F, L) F(uint32_t, todo) F(uint32_t, by)
#define EV_TODO_DECLINE(F, L) F(uint32_t, todo) F(uint32_t, by)
#define EV_TODO_SNOOZE(F, L) /* not before then; what was moved by hand is free again */ \
    F(uint32_t, todo) F(uint32_t, by) F(usec_t, until_at)
#define EV_TODO_MOVE(F, L) /* by hand: exactly then, whatever the plan thinks */ \
    F(uint32_t, todo) F(uint32_t, by) F(usec_t, at_at) /* 0: free again */ F(int64_t, at_day)
#define EV_TODO_SET(F, L) F(uint32_t, todo) F(uint32_t, field) /* enum todo_field */ \
    F(int64_t, value)
#define EV_RESERVE(F, L) /* GPUs are kept free for a person (reserve.h) */ \
    F(uint32_t, reservation) /* greater than every one before it */ \
    F(uint32_t, person) F(uint32_t, gpus) F(uint32_t, gpu_type) /* 0: any */ \
    F(usec_t, from_at) F(usec_t, until_at) \
    F(uint64_t, name0) F(uint64_t, name1) F(uint64_t, name2) F(uint64_t, name3) /* its bytes, for people */
#define EV_UNRESERVE(F, L) F(uint32_t, reservation) F(uint32_t, by)
#define EV_BOOST(F, L) /* an operator puts work before others' (boost.h) */ \
    F(uint32_t, boost)     /* greater than every one before it */ \
    F(uint32_t, kind)      /* enum boost_kind */ F(uint32_t, target) \
    F(uint32_t, by) F(usec_t, until_at) BOOST_REASON(F)
#define EV_UNBOOST(F, L) F(uint32_t, boost) F(uint32_t, by)
#define EV_TARIFF(F, L) /* what electricity costs, as far as that is known (price.h); replaces */ \
    F(usec_t, until_at)    /* known until here; the same price goes on behind it */ \
    F(int64_t, hour_milli) /* what an hour of a person is worth beside it, in the same currency; 0: no tariff */ \
    F(int64_t, gpu_mw)     /* of a GPU that tells no power */ \
    L(rate, rates)         /* ascending; the first holds before it, too */
#define EV_POWER(F, L) /* the most that jobs may take together, as far as that is known (power.h); replaces */ \
    F(usec_t, until_at)    /* known until here; the same cap goes on behind it */ \
    L(cap, caps)           /* ascending; the first holds before it, too; none: no cap */
#define EV_DECIDE(F, L) /* the end of a turn: who starts now?  Its times say all. */

#define EVENT_LIST(X) \
    X(SETTINGS, settings, EV_SETTINGS) X(MACHINE, machine, EV_MACHINE) X(GPU, gpu, EV_GPU) \
    X(QUEUE, queue, EV_QUEUE) X(PERSON, person, EV_PERSON) X(AVAIL, avail, EV_AVAIL) \
    X(SUBMIT, submit, EV_SUBMIT) X(CANCEL, cancel, EV_CANCEL) X(HOLD, hold, EV_HOLD) \
    X(RELEASE, release, EV_RELEASE) X(FIRST, first, EV_FIRST) X(REQUEUE, requeue, EV_REQUEUE) \
    X(SET, set, EV_SET) X(STARTED, started, EV_STARTED) \
    X(START_FAILED, start_failed, EV_START_FAILED) X(ENDED, ended, EV_ENDED) \
    X(LOST, lost, EV_LOST) X(PROGRESS, progress, EV_PROGRESS) X(DECIDE, decide, EV_DECIDE) \
    X(OFFER, offer, EV_OFFER) X(TODO_ADD, todo_add, EV_TODO_ADD) \
    X(TODO_DONE, todo_done, EV_TODO_DONE) X(TODO_DROP, todo_drop, EV_TODO_DROP) \
    X(TODO_ACCEPT, todo_accept, EV_TODO_ACCEPT) X(TODO_DECLINE, todo_decline, EV_TODO_DECLINE) \
    X(TODO_SNOOZE, todo_snooze, EV_TODO_SNOOZE) X(TODO_MOVE, todo_move, EV_TODO_MOVE) \
    X(TODO_SET, todo_set, EV_TODO_SET) X(SIGNAL, signal, EV_SIGNAL) \
    X(RESERVE, reserve, EV_RESERVE) X(UNRESERVE, unreserve, EV_UNRESERVE) \
    X(TARIFF, tariff, EV_TARIFF) X(BOOST, boost, EV_BOOST) X(UNBOOST, unboost, EV_UNBOOST) \
    X(POWER, power, EV_POWER) X(ACCOUNT, account, EV_ACCOUNT)

enum set_field { SET_LIMIT_US, SET_NICE, SET_BEGIN_AT, SET_DEADLINE_AT, SET_ARRAY_MAX, SET_GPUS,
                 SET_CPUS, SET_MEM_MIB, SET_OWNER, SET_REVIEWER /* 0: the owner looks */, SET_FIELD_COUNT };

enum todo_field { TODO_SET_TAKES_US, TODO_SET_MIN_CHUNK_US, TODO_SET_DEADLINE_AT,
                  TODO_SET_NOT_BEFORE_AT, TODO_SET_WHO /* for good: a person's number */,
                  TODO_SET_WORKED_US, TODO_FIELD_COUNT };

enum event_kind {
#define X(NAME, name, FIELDS) EVENT_##NAME,
    EVENT_LIST(X)
#undef X
    EVENT_COUNT
};

#define EV_F(type, name) type name;
#define EV_L(type, name) const struct type *name; uint32_t name##_n;
#define X(NAME, name, FIELDS) struct ev_##name { FIELDS(EV_F, EV_L) char unused_; };
EVENT_LIST(X)
#undef X
#undef EV_F
#undef EV_L

struct core_event {
    enum event_kind kind;
    usec_t wall_at;
    usec_t boot_at;
    union {
#define X(NAME, name, FIELDS) struct ev_##name name;
        EVENT_LIST(X)
#undef X
    };
};

/* --- the answers ------------------------------------------------------------------------------ */

/* State changes are complete: a shell that knew every job's state before knows it after. */
#define UPDATE_LIST(X) \
    X(UPDATE_STATE, "state") /* the job went from -> to for reason (submits are not announced) */ \
    X(UPDATE_START, "start") /* launch this attempt on these GPUs; comes after its STATE */ \
    X(UPDATE_STOP, "stop")   /* end this attempt: TERM, grace, KILL; its ENDED will follow */ \
    X(UPDATE_LIMIT, "limit") /* the running attempt's time limit is now `value` us (0: none) */ \
    X(UPDATE_SIGNAL, "signal") /* send signal `value` to `to` (enum signal_whom) of the attempt; at most once */ \
    X(UPDATE_TODO, "todo")   /* todo `job` is now `to` (enum todo_state), by person `value` (0: by itself);
                              * `reason`: enum todo_wait */
enum update_kind {
#define X(name, word) name,
    UPDATE_LIST(X)
#undef X
    UPDATE_COUNT
};

struct core_update {
    uint8_t kind;
    uint8_t from, to;   /* enum job_state */
    uint8_t reason;     /* enum reason */
    uint32_t attempt;
    job_id job;
    uint32_t plan_row;  /* START: number of its row in core_last_plan() */
    uint64_t gpus;      /* START: bit i is the core's GPU i */
    int64_t value;      /* LIMIT: the limit; STOP for REASON_PREEMPTED: the job it makes way for;
                         * START: length of a canary, 0: a run */
};

/* --- text ------------------------------------------------------------------------------------- */

const char *event_word(enum event_kind kind);
const char *job_state_word(enum job_state state);    /* "PENDING" */
const char *job_state_letters(enum job_state state); /* "PD" */
const char *reason_word(enum reason reason);
const char *end_cause_word(enum end_cause cause);
const char *update_word(enum update_kind kind);
const char *todo_state_word(enum todo_state state);
const char *todo_wait_word(enum todo_wait wait);

/* Appends one line without newline. */
void event_print(struct buf *out, const struct core_event *ev);

/* Lists are written to `memory` (aligned to 8; EVENT_LIST_BYTES(line.len) always suffices) and
 * borrowed by *ret_ev.  E_INVALID, E_NEWER (unknown kind or field), E_FULL. */
#define EVENT_LIST_BYTES(line_len) ((line_len) * sizeof(struct dep) / 2 + 64)
int event_parse(struct str line, void *memory, size_t size, struct core_event *ret_ev,
                struct err *err);

#endif
