/* state.h - what a supervisor does when: one table, and nothing else decides.
 *
 *                       .-- limit, stop --> STOPPING --.
 *   (claimed, executed) |                     | grace  | main ends
 *        RUNNING -------+-- kill ---------> KILLING ---+--------> LEFTOVERS --- tree empty --> OVER
 *                       |                     |   ^                  | grace                    ^
 *                       `-- main ends --------|---|------------------'                          |
 *                                             v   | again                                       |
 *                                         QUARANTINE -------- tree empty -----------------------'
 *
 * Pure: state and event in, action out.  The loop does the I/O.
 */
#ifndef EOUL_SUPERVISOR_STATE_H
#define EOUL_SUPERVISOR_STATE_H

#include "supervisor/wire.h"

/* X(event, what) */
#define STATE_EVENT_LIST(X) \
    X(SV_MAIN_ENDED, "the command's process ended") \
    X(SV_TREE_EMPTY, "no process of the attempt is left, the command included") \
    X(SV_LIMIT, "the time limit is reached") \
    X(SV_WARN, "the time for --signal has come") \
    X(SV_STOP, "the daemon said: stop it") \
    X(SV_KILL, "the daemon said: kill it") \
    X(SV_DEADLINE, "the time given for dying is over")
enum state_event {
#define X(event, what) event,
    STATE_EVENT_LIST(X)
#undef X
    STATE_EVENT_COUNT
};

/* What the loop then does.  The state that follows stands in the table beside it. */
enum state_action {
    DO_NOTHING,
    DO_TERM_LIMIT,  /* cause TIME_LIMIT; SIGTERM to all, deadline in grace */
    DO_TERM_STOP,   /* cause STOPPED; the same */
    DO_AGAIN,       /* a second stop: its grace counts if it ends earlier */
    DO_WARN,        /* the signal of --signal */
    DO_LEFTOVERS,   /* SIGTERM to what is left, unless it was told before; short deadline */
    DO_KILL,        /* SIGKILL to all, deadline for the proof */
    DO_KILL_STOP,   /* cause STOPPED; the same */
    DO_QUARANTINE,  /* tell the daemon; keep the GPU locks; try again at longer intervals */
    DO_FINISH,      /* record the exit, tell, leave */
};

struct state_rule {
    uint8_t action; /* enum state_action */
    uint8_t next;   /* enum attempt_phase */
};

/* The rule for an event in a phase.  Phases outside RUNNING..QUARANTINE have no events. */
struct state_rule state_rule(enum attempt_phase phase, enum state_event event);

#endif
