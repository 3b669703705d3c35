/* retry.h - what a failed attempt comes to, and which of a job's budgets pays for another one.
 *
 * A job has a common budget (retries_left) and up to RETRY_RULES_MAX rules, each with its own, packed
 * into retry0..3 as cause | code << 8 | attempts left << 16.  The narrowest rule that fits decides
 * alone: of the exit code or signal, else of the cause, else the common budget.  A lost attempt and a
 * time limit are paid by rules only: whoever says "retry 3" means failures of the command.
 */
#ifndef EOUL_CORE_RETRY_H
#define EOUL_CORE_RETRY_H

#include "core/state.h"

struct retry_end {  /* how it ended */
    uint32_t cause; /* RETRY_EXIT, _SIGNAL, _OOM, _NODE, _TIME, _LAUNCH */
    uint32_t code;  /* exit code or signal */
};
struct failure {
    enum job_state state; /* if it is not tried again */
    enum reason reason;
    struct retry_end end;
    bool may_retry;       /* false: its processes are not proven gone */
};
/* Of an attempt that ended badly, and not because it was told to. */
struct failure retry_failure(const struct ev_ended *ev);

int retry_check(const struct ev_submit *ev, struct err *err);
void retry_set(struct job *j, const struct retry *rules, uint32_t n);
bool retry_left(const struct job *j, const struct retry_end *end);
void retry_spend(struct job *j, const struct retry_end *end); /* of what retry_left found */
bool retry_sound(const struct job *j);                        /* as loaded */

#endif
