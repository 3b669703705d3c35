/* forked.h - supervisors as forks of the launcher: personal mode, where all have the rights of one user.
 *
 * One is forked ahead, when there is time, and waits for its attempt: a record LAUNCHER_LAUNCH on a socket of its
 * own, whose `value` has a bit for each descriptor that came with it.  It ends when the launcher does.  If it is
 * killed before it read that record, the attempt has no claim: it never started.  Never used by root. */
#ifndef EOUL_ENGINE_FORKED_H
#define EOUL_ENGINE_FORKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/supervisor.h"

#define FORKED_LOW_FDS 16  /* descriptors that the launcher keeps taken, so that none of its own lies there */
#define FORKED_AFTER_MS 50 /* without a request, or when an attempt ended: then there is time to make one ahead
                            * (it would take that time from one that is just beginning) */
#define FORKED_FDS_N 7
#define FORKED_FDS /* what a supervisor begins with, in this order */ \
    SUPERVISOR_REQUEST_FD, SUPERVISOR_DIR_FD, SUPERVISOR_LOCK_FD, SUPERVISOR_LISTEN_FD, SUPERVISOR_PEER_FD, \
        SUPERVISOR_CGROUP_FD, SUPERVISOR_SCRIPT_FD

struct forked {
    char *title; /* the memory of argv, which ps shows */
    size_t title_size;
    bool wanted; /* one ahead at all */
    bool due;    /* none was made since the last start */
    pid_t pid;   /* of the one that waits */
    int pidfd;
    int socket_fd; /* -1: there is none */
};

void forked_init(struct forked *f, char *title, size_t title_size, bool wanted);
void forked_ahead(struct forked *f); /* make one now, if that is due */
/* Start the supervisor of an attempt with from[i] (-1: none) as the i-th of FORKED_FDS.  errno or 0. */
int forked_start(struct forked *f, uint32_t job, uint32_t attempt, const int from[FORKED_FDS_N], pid_t *ret_pid,
                 int *ret_pidfd);

#endif
