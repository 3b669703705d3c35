/* step.h - commands that a client starts inside a running attempt (srun --jobid).
 *
 * A step has the job's environment, directory, limits and cgroup, is a child of the supervisor and so one of the
 * attempt's processes: it ends with the job, and the job is not over before it has ended.  Its 0 1 2 are
 * descriptors of the client's, which may be the slave of a terminal that the client keeps; whoever started it may
 * send it signals, is told how it ended, and takes it along when it goes (SIGTERM).  Nothing of a step is kept
 * anywhere.  Steps start only while the job runs.
 */
#ifndef EOUL_SUPERVISOR_STEP_H
#define EOUL_SUPERVISOR_STEP_H

#include <stdint.h>
#include <sys/types.h>

#include "supervisor/wire.h"

#define STEPS_MAX      8        /* at once; fewer than peers, so that the daemon can always come back */
#define STEP_BYTES_MAX 65536u   /* program and words; a longer command belongs into a script */
#define STEP_WORDS_MAX 2048u

struct supervisor;

struct steps {
    struct step {
        pid_t pid;      /* 0: this place is free */
        int place;      /* of its client among the peers; -1: gone */
    } at[STEPS_MAX];
    char text[STEP_BYTES_MAX];
    const char *argv[STEP_WORDS_MAX + 1];
};

/* WIRE_STEP of a peer with its descriptors, which are closed.  It is told WIRE_STEP_STARTED or WIRE_REFUSED. */
void steps_start(struct supervisor *s, int place, const struct wire_msg *m, int fds[WIRE_FDS]);
void steps_signal(struct supervisor *s, int place, int signo);
/* A child was reaped: tells its client if it was a step. */
void steps_reaped(struct supervisor *s, pid_t pid, int status);
/* End the steps whose client is gone; before new peers are taken. */
void steps_sweep(struct supervisor *s);

#endif
