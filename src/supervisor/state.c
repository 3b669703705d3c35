/* state.c - see state.h. */
#include "supervisor/state.h"

#include <assert.h>

#define STAY(phase) { DO_NOTHING, (phase) }

/* A main process that ends while others live goes to LEFTOVERS; SIGKILL there is KILLING again, which
 * by then no longer waits for the main process but only for the tree. */
static const struct state_rule rules[PHASE_QUARANTINE + 1][STATE_EVENT_COUNT] = {
    [PHASE_RUNNING] = {
        [SV_MAIN_ENDED] = { DO_LEFTOVERS, PHASE_LEFTOVERS },
        [SV_TREE_EMPTY] = { DO_FINISH, PHASE_OVER },
        [SV_LIMIT] = { DO_TERM_LIMIT, PHASE_STOPPING },
        [SV_WARN] = { DO_WARN, PHASE_RUNNING },
        [SV_STOP] = { DO_TERM_STOP, PHASE_STOPPING },
        [SV_KILL] = { DO_KILL_STOP, PHASE_KILLING },
        [SV_DEADLINE] = STAY(PHASE_RUNNING),
    },
    [PHASE_STOPPING] = {
        [SV_MAIN_ENDED] = { DO_LEFTOVERS, PHASE_LEFTOVERS },
        [SV_TREE_EMPTY] = { DO_FINISH, PHASE_OVER },
        [SV_LIMIT] = STAY(PHASE_STOPPING),
        [SV_WARN] = STAY(PHASE_STOPPING),
        [SV_STOP] = { DO_AGAIN, PHASE_STOPPING },
        [SV_KILL] = { DO_KILL, PHASE_KILLING },
        [SV_DEADLINE] = { DO_KILL, PHASE_KILLING },
    },
    [PHASE_KILLING] = {
        [SV_MAIN_ENDED] = STAY(PHASE_KILLING),
        [SV_TREE_EMPTY] = { DO_FINISH, PHASE_OVER },
        [SV_LIMIT] = STAY(PHASE_KILLING),
        [SV_WARN] = STAY(PHASE_KILLING),
        [SV_STOP] = STAY(PHASE_KILLING),
        [SV_KILL] = { DO_KILL, PHASE_KILLING },
        [SV_DEADLINE] = { DO_QUARANTINE, PHASE_QUARANTINE },
    },
    [PHASE_LEFTOVERS] = {
        [SV_MAIN_ENDED] = STAY(PHASE_LEFTOVERS),
        [SV_TREE_EMPTY] = { DO_FINISH, PHASE_OVER },
        [SV_LIMIT] = STAY(PHASE_LEFTOVERS),
        [SV_WARN] = STAY(PHASE_LEFTOVERS),
        [SV_STOP] = { DO_AGAIN, PHASE_LEFTOVERS },
        [SV_KILL] = { DO_KILL, PHASE_KILLING },
        [SV_DEADLINE] = { DO_KILL, PHASE_KILLING },
    },
    [PHASE_QUARANTINE] = {
        [SV_MAIN_ENDED] = STAY(PHASE_QUARANTINE),
        [SV_TREE_EMPTY] = { DO_FINISH, PHASE_OVER },
        [SV_LIMIT] = STAY(PHASE_QUARANTINE),
        [SV_WARN] = STAY(PHASE_QUARANTINE),
        [SV_STOP] = STAY(PHASE_QUARANTINE),
        [SV_KILL] = { DO_QUARANTINE, PHASE_QUARANTINE },
        [SV_DEADLINE] = { DO_QUARANTINE, PHASE_QUARANTINE },
    },
};

struct state_rule state_rule(enum attempt_phase phase, enum state_event event)
{
    assert(phase >= PHASE_RUNNING && phase <= PHASE_QUARANTINE);
    assert(event < STATE_EVENT_COUNT);
    struct state_rule rule = rules[phase][event];
    assert(rule.next >= PHASE_RUNNING); /* every place of the table is filled: no row starts with 0 */
    return rule;
}
