/* sight.h - one look at the GPUs: eoul-probe's answer and what /proc says of its processes.
 *
 * The probe may hang in the driver, so it is a process of its own: a look that takes over SIGHT_US_MAX kills it, and
 * the next look starts another.  Everything that cannot be seen is left out and said: GPUs whose processes cannot be
 * listed are in `blind`, users that cannot be told are UINT32_MAX.
 */
#ifndef EOUL_OBSERVE_SIGHT_H
#define EOUL_OBSERVE_SIGHT_H

#include <sys/types.h>

#include "base/err.h"
#include "observe/runs.h"
#include "probe/probe.h"

#define SIGHT_US_MAX (20 * USEC_PER_SEC)
#define SIGHTS_MAX   4096 /* processes on GPUs at once */

struct sight_source {
    pid_t pid;  /* of the probe; 0: none */
    int in, out;
    uint64_t number;
    struct probe_reader reader;
};

struct look {
    struct round round; /* round.sights is sights */
    struct sight sights[SIGHTS_MAX];
    uint32_t gpus_n;
    uint32_t left_out;  /* processes beyond SIGHTS_MAX */
    enum probe_state state;
    char why[256];      /* of a state that is not PROBE_READY */
};

void sight_init(struct sight_source *s);
/* Fills *ret; E_UNAVAILABLE with a sentence if the probe does not answer. */
int sight_look(struct sight_source *s, struct look *ret, struct err *err);
void sight_finish(struct sight_source *s);

#endif
