/* child.h - a program of ours as a child of the daemon itself, for work that may take its time.
 *
 * It has the daemon's rights and less of everything else: a session of its own, descriptors 0 1 2 and no others, our own
 * settings as its environment, nice 19 and idle I/O, first to go when memory is short, no new privileges, no file that it
 * may write, no process that it may start, and bounds on memory and processor time.  It dies with its parent.  What the
 * system refuses of this it has not, and the caller's own clock ends it at the latest: the unit of system mode allows no
 * change of priorities (@resources; allowed, the daemon would be rated 1.6 instead of 1.5), so nice and I/O stay as they are there.
 *
 * Not by the launcher: that one starts what must have other rights than the daemon, and is kept small for it.  nice 19 and
 * not SCHED_IDLE: where jobs keep every CPU busy that would be no time at all.
 */
#ifndef EOUL_ENGINE_CHILD_H
#define EOUL_ENGINE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct child_bounds {
    unsigned cpu_s;
    size_t memory; /* bytes it may write to */
};

struct child {
    pid_t pid;  /* 0: none */
    int pidfd;  /* readable when it is gone */
    int out_fd; /* ours of the pipe that is its standard output, non-blocking */
};

/* argv[0] is the program's name, looked for where the others are (libexec as for the engine).  stdin_fd is borrowed. */
int child_start(const char *libexec, char *const argv[], int stdin_fd, const struct child_bounds *bounds,
                struct child *ret, struct err *err);
/* It and what it may have started; it is still to be reaped. */
void child_kill(const struct child *c);
/* Has it ended?  Then it is reaped and its descriptors are closed; *ret_status is waitpid's. */
bool child_reap(struct child *c, int *ret_status);

#endif
