/* spawn.h - execute one of our programs: own session, no signal blocked or ignored, given descriptors at given
 * numbers and no others, and in system mode as another user, the drop of rights proven before it runs.
 * from[i] becomes to[i] (from -1: that number is closed); to rises, from lies above all of it. */
#ifndef EOUL_LAUNCHER_SPAWN_H
#define EOUL_LAUNCHER_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

struct spawn_user {
    uid_t uid;
    gid_t gid;
    const uint32_t *groups; /* at most TICKET_GROUPS_MAX */
    uint32_t groups_n;
};

/* u NULL: with our own rights.  cgroup_fd -1: in our cgroup.  0 when it was executed, else errno. */
int spawn(const struct spawn_user *u, const char *path, char *const argv[], const int *from, const int *to,
          int n, int cgroup_fd, pid_t *ret_pid);

#endif
