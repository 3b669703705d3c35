/* local.h - the engine that runs jobs on this machine, through the launcher.
 *
 * Personal mode: engine_local_open forks, and must come before the store is opened and before any thread exists.
 * (The daemon's other child, child.h, executes at once and keeps nothing.)  It does not return until the launcher of an
 * earlier daemon on the same state directory is gone (it drains its messages and exits at the death of its daemon): two
 * launchers on one directory could start one attempt twice.  Bounded: E_BUSY after LOCAL_HANDOVER_US_MAX.
 *
 * System mode: nothing is forked; the launcher is there already, or systemd starts it when it is connected to.
 * Each start needs a ticket.
 *
 * The engine owns its descriptors; the state directory's descriptor stays the caller's.
 */
#ifndef EOUL_ENGINE_LOCAL_H
#define EOUL_ENGINE_LOCAL_H

#include "engine/engine.h"

#define LOCAL_HANDOVER_US_MAX (10 * USEC_PER_SEC)
#define LOCAL_ATTEMPTS_MAX 4096u /* attempts followed at once: more than any one machine runs */

enum local_role { LOCAL_PROBE, LOCAL_FETCH, LOCAL_ROLE_COUNT };

struct engine_local_options {
    int state_fd;             /* STATE directory; attempts/ is made in it (0700) */
    const char *launcher;     /* system mode: the socket of the launcher, a service of its own; else NULL */
    const char *libexec;      /* where eoul-launcher and its like are; NULL: beside this program */
};

int engine_local_open(const struct engine_local_options *o, struct engine **ret, struct err *err);

/* Start a helper program (eoul-probe, eoul-fetch) with the given stdin and stdout (borrowed) and a
 * clean environment.  Answers within a second or fails.  *ret_pidfd is the caller's: kill through it,
 * wait on it; the launcher reaps. */
int engine_local_spawn(struct engine *e, enum local_role role, int stdin_fd, int stdout_fd,
                       int *ret_pidfd, struct err *err);

/* The directory of the attempts, the engine's. */
int engine_local_attempts(const struct engine *e);

/* Attempts this engine follows at the moment (started or recovered, not over). */
uint32_t engine_local_active(const struct engine *e);

/* True if attempts run in cgroups here; false: by attempt id and inherited lock. */
bool engine_local_has_cgroup(const struct engine *e);
/* Attempts that a newer eoul started: they run on, but nothing is known of them here. */
uint32_t engine_local_newer(const struct engine *e);
uint32_t engine_local_guards(const struct engine *e); /* what attempts are kept to, GUARD_* */

#endif
