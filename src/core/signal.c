/* signal.c - see signal.h. */
#include "core/signal.h"

#include <assert.h>

#include "core/each.h"
#include "core/mutant.h"

int signal_check(const struct core *c, const struct ev_signal *ev, struct err *err)
{
    struct each e;
    if (ev->signal == 0 || ev->signal > SIGNAL_NUMBER_MAX)
        return err_set(err, E_INVALID, "There is no signal %u: they go from 1 to %d.", ev->signal,
                       SIGNAL_NUMBER_MAX);
    if (ev->whom >= SIGNAL_WHOM_COUNT || ev->scope > 1)
        return err_set(err, E_INVALID, "A signal goes to 0, 1 or 2 of one job or its array, not to %u of %u.",
                       ev->whom, ev->scope);
    if (!each_first(c, ev->job, ev->scope, &e))
        return err_set(err, E_NOT_FOUND, "There is no job %u.", ev->job);
    do
        if (jobs_of(c)[e.slot].state == JOB_RUNNING)
            return 0;
    while (each_next(c, &e));
    return err_set(err, E_STATE, "Job %u does not run now, so there is nothing to send a signal to.", ev->job);
}

void signal_apply(const struct core *c, const struct ev_signal *ev, struct out *out)
{
    struct each e;
    for (bool more = each_first(c, ev->job, ev->scope, &e); more; more = each_next(c, &e)) {
        const struct job *j = &jobs_of(c)[e.slot];
        if (j->state != JOB_RUNNING && !MUTANT(c, MUTANT_SIGNAL))
            continue;
        assert(out->n < out->max);
        out->at[out->n++] = (struct core_update){ .kind = UPDATE_SIGNAL, .attempt = j->attempt, .job = j->id,
                                                  .to = (uint8_t)ev->whom, .value = ev->signal };
    }
}
