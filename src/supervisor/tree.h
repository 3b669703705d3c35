/* tree.h - all processes of an attempt: find them, signal them, prove that they are gone.
 *
 * With a cgroup (v2) the kernel keeps the list: cgroup.kill and cgroup.events.  Without one there are
 * two ways, depending on who asks.  The supervisor is the subreaper of all it started, so they are the
 * descendants of its process, and waitpid saying ECHILD proves there are none.  The launcher, when a
 * supervisor is dead, looks in /proc for EOUL_ATTEMPT=<uuid> in an environment or for the attempt's
 * `alive` file among the open descriptors; a process that cleared both is the stated limit.
 *
 * Signals go through pidfds whose process was looked at again after opening: never to a pid that was
 * reused meanwhile.
 */
#ifndef EOUL_SUPERVISOR_TREE_H
#define EOUL_SUPERVISOR_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/usec.h"

#define TREE_PIDS_MAX 32768u /* processes looked at in one pass; the default pid_max */
/* After SIGKILL: longer than this means stuck in the kernel, or somebody we cannot see; say so, keep the
 * GPUs, and look again from time to time.  Tests hurry ($EOUL_HURRY: a twentieth). */
#define TREE_PROOF_US (10 * USEC_PER_SEC)
#define TREE_AGAIN_US (30 * USEC_PER_SEC)
usec_t tree_patience(usec_t us);

#define TREE_PASSES_MAX 64u  /* passes over /proc until no new process is found */

/* Who belongs to it, for the launcher. */
struct tree_mark {
    char uuid[37];
    bool has_alive;
    struct stat alive;
};

/* --- with a cgroup: dir_fd is its directory --- */
int tree_cgroup_kill(int dir_fd);          /* SIGKILL to all, also to those forking at the moment */
int tree_cgroup_events(int dir_fd);        /* descriptor: POLLPRI when populated changes */
int tree_cgroup_empty(int events_fd);      /* 1, 0 or negative */
int tree_cgroup_oom_kills(int dir_fd, uint64_t *ret); /* E_NOT_FOUND without memory controller */
/* It has (but for a sixteenth) as many processes as it may have: a fork bomb, or as good as one. */
bool tree_cgroup_crowded(int dir_fd);

/* --- by descent: everything below `root`, root itself not included ---
 * Send signo to all but `except` (0: no exception); returns how many were reached.  For SIGKILL all
 * are stopped first, again and again until no new one appears, so that a fork bomb cannot outrun us. */
int tree_descendants_signal(pid_t root, pid_t except, int signo);

/* Does this process ignore the signal?  Interactive shells ignore SIGTERM. */
bool tree_ignores(pid_t pid, int signo);

/* --- by mark: for the launcher --- */
/* Signal all; *ret_pidfd is one of those found to wait for (-1: none found), the caller's to close. */
int tree_marked_signal(const struct tree_mark *mark, int signo, int *ret_pidfd);

#endif
