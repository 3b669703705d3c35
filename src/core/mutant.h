/* mutant.h - planted bugs, so that the simulator's invariants can show that they catch them.
 * Only the library core_mutant has this function; the real core has no trace of them. */
#ifndef EOUL_CORE_MUTANT_H
#define EOUL_CORE_MUTANT_H

#include "core/core.h"

/* X(number name, the word for a command line, the rule of the simulator's ledger that must name it) */
#define MUTANT_LIST(X) \
    X(MUTANT_NONE, "none", "") \
    X(MUTANT_GPU_TWICE, "gpu-twice", "gpu-twice") /* gives out a GPU that is taken */ \
    X(MUTANT_START_TWICE, "start-twice", "start-once") /* announces an attempt's start twice */ \
    X(MUTANT_DEPENDENCY, "dependency-ignored", "dependency") \
    X(MUTANT_HOLD, "hold-ignored", "hold") \
    X(MUTANT_AGE, "age-changed", "replay") /* only order, updates and hash differ */ \
    X(MUTANT_REQUEUE_LOST, "requeue-forgotten", "replay") /* a job to be run again vanishes */ \
    X(MUTANT_TODO_OVERLAP, "todo-overlap", "todo-overlap") /* two todos of a person at one time */ \
    X(MUTANT_TODO_HOURS, "todo-hours", "todo-hours") /* half an hour beyond what is offered */ \
    X(MUTANT_TODO_CAP, "todo-cap", "todo-cap") /* the daily cap ignored */ \
    X(MUTANT_TODO_EARLY, "todo-early", "todo-dependency") /* before what it waits for */ \
    X(MUTANT_TODO_PIN, "todo-pin", "todo-pin") /* a move by hand ignored */ \
    X(MUTANT_PREEMPT, "preempt-unasked", "preempt") /* jobs that allow no preemption make way */ \
    /* From here on the ledger alone is asked. */ \
    X(MUTANT_BEGIN, "begin-ignored", "begin") \
    X(MUTANT_SINGLETON, "singleton-ignored", "singleton") \
    X(MUTANT_BACKOFF, "backoff-ignored", "backoff") \
    X(MUTANT_RUNNING_MAX, "running-max-ignored", "person-running") \
    X(MUTANT_GPUS_MAX, "gpus-max-ignored", "person-gpus") \
    X(MUTANT_QUEUED_MAX, "queued-max-ignored", "person-queued") \
    X(MUTANT_ARRAY_MAX, "array-max-ignored", "array-max") \
    X(MUTANT_CLOSED, "drain-ignored", "closed") \
    X(MUTANT_DEADLINE, "deadline-early", "deadline") /* gives up long before it */ \
    X(MUTANT_CPUS, "cpus-doubled", "cpus") \
    X(MUTANT_MEMORY, "memory-doubled", "memory") \
    X(MUTANT_GPU_COUNT, "gpu-missing", "gpu-count") /* a start lacks one of its GPUs */ \
    X(MUTANT_GPU_TYPE, "gpu-type-ignored", "gpu-type") \
    X(MUTANT_GPU_DOWN, "gpu-drained-used", "gpu-down") \
    X(MUTANT_ID_AGAIN, "id-again", "id-new") /* a number is given a second time */ \
    X(MUTANT_RETRY_ENDLESS, "retry-endless", "retry-count") \
    X(MUTANT_RETRY_DENIED, "retry-denied", "retry-owed") \
    X(MUTANT_LOST_AGAIN, "lost-again", "lost-again") /* runs again without its owner's word */ \
    X(MUTANT_QUARANTINE, "quarantine-again", "no-overlap") /* ... beside what may still live */ \
    X(MUTANT_SUCCESS_AGAIN, "success-again", "success-final") \
    X(MUTANT_GUESS_SUCCESS, "success-guessed", "honest-end") /* a lost attempt called COMPLETED */ \
    X(MUTANT_FINAL, "end-told-twice", "final") \
    X(MUTANT_TRANSITION, "start-told-twice", "transition") \
    X(MUTANT_CHECK, "check-changes", "check-only") /* refusing an event changes something */ \
    X(MUTANT_LOOK, "look-changes", "look-only") /* so does drawing a plan */ \
    X(MUTANT_LOOP, "deadline-always", "deadline-loop") /* asks for decision after decision */ \
    X(MUTANT_TIMER, "timer-forgotten", "idle") /* nothing is due for a job that may begin later */ \
    X(MUTANT_STUCK, "cancel-unfinished", "stuck") /* a cancelled job's end is not taken */ \
    X(MUTANT_AGE_NEVER, "age-ignored", "age") \
    X(MUTANT_PLAN, "plan-short", "plan") /* a job is left out of the plan */ \
    X(MUTANT_PLAN_ROW, "plan-row-wrong", "plan-row") \
    X(MUTANT_TODO_ASKED, "todo-declined", "todo-asked") /* declining is not heard */ \
    X(MUTANT_TODO_FOCUS, "todo-focus-shared", "todo-focus") \
    X(MUTANT_TODO_THERE, "todo-undone", "todo-there") /* done, and still open */ \
    X(MUTANT_SIGNAL, "signal-waiting", "signal") /* to tasks that do not run, too */ \
    X(MUTANT_COST, "cost-flat", "electricity") /* the first price is taken for the whole run */ \
    X(MUTANT_RESERVE, "reserve-ignored", "reserved") /* gives out what is kept for somebody */ \
    X(MUTANT_POWER, "power-ignored", "power") /* starts as if nobody took any */ \
    X(MUTANT_POWER_LESS, "power-halved", "power-expected") /* books half of what runs took */ \
    X(MUTANT_URGENT_COUNT, "urgent-endless", "urgent-count") \
    X(MUTANT_URGENT_LAST, "urgent-ignored", "urgent") \
    X(MUTANT_BOOST_LAST, "boost-ignored", "boost") \
    X(MUTANT_BOOST_ENDLESS, "boost-endless", "boost-end") /* counts beyond its end */ \
    X(MUTANT_BOOST_MUTE, "boost-unexplained", "boost-told") /* taken without a name or a reason */ \
    X(MUTANT_WHY_PLACE, "why-place", "why") /* one job too few is said to come before */ \
    X(MUTANT_WHY_EYES, "why-eyes", "why") /* "if it started now" is said for a lucky run */ \
    X(MUTANT_WHY_POWER, "why-power", "why") /* GPUs that others use are left out of the watts in use */ \
    X(MUTANT_WHY_WEIGHT, "why-weight", "why-weight") /* GPU time is compared with half the team */ \
    X(MUTANT_ACCOUNT_GPUS, "account-gpus-ignored", "account-gpus") \
    X(MUTANT_QUOTA_HOURS, "quota-hours-ignored", "quota-hours") \
    X(MUTANT_CANARY_FREE, "canary-failure-ignored", "canary-held") \
    X(MUTANT_CANARY_AGAIN, "canary-forgotten", "canary") /* one that went well is made again */ \
    X(MUTANT_SLACK_LINK, "slack-of-a-link", "slack") /* a start is moved as if nothing waited for it */ \
    X(MUTANT_WOULD, "would-beyond-slack", "would") /* of a start that would have been moved half a day more is said */ \
    X(MUTANT_MODE_MOVES, "mode-moves", "mode") /* who moves starts goes on in a mode that moves none */ \
    X(MUTANT_MODE_FORGETS, "mode-forgets", "mode-switch") /* a switch forgets whose start was moved */ \
    X(MUTANT_MODE_TOLD, "mode-untold", "mode-switch") /* ... and by how much forecasts were off: what is told is another */ \
    X(MUTANT_POOL_OLD, "pool-old-runs", "length") /* a group's oldest runs count as its newest do */ \
    X(MUTANT_PROGRESS, "progress-halved", "length") /* a run is taken to be half as far as it says */ \
    X(MUTANT_ODDS, "odds-short", "odds") /* what is said of nine cases in ten holds in fewer */
#define MUTANT_BY_ITSELF_MAX MUTANT_PREEMPT /* up to here core_broken, people or hashes notice it too */
enum mutant {
#define X(name, word, rule) name,
    MUTANT_LIST(X)
#undef X
    MUTANT_COUNT
};

#ifdef EOUL_MUTANTS
void core_mutant_set(struct core *core, enum mutant mutant);
#endif

#endif
