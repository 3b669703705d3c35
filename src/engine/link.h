/* link.h - how the engine gets its launcher: in personal mode one that it forks, in system mode one that root runs.
 *
 * Either way there is a socket (SOCK_SEQPACKET, the launcher's messages) and the directory of the attempts.  Both
 * wait until the launcher says that it is ready, LOCAL_HANDOVER_US_MAX at most: one of an earlier daemon on the
 * same state has first to go.  On an error nothing is left open but what *l names, which is the caller's to close. */
#ifndef EOUL_ENGINE_LINK_H
#define EOUL_ENGINE_LINK_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct launcher_link {
    int socket_fd;
    int attempts_fd; /* link_fork: as given; link_connect: the launcher's, handed over */
    pid_t pid;       /* link_fork: our child, also on an error; else 0 */
    uint32_t guards; /* GUARD_*: what the launcher's cgroups keep attempts to; 0: it has none */
};

/* libexec: where the programs of eoul are, NULL: beside this one. */
int link_fork(const char *libexec, int attempts_fd, struct launcher_link *l, struct err *err);
/* E_UNAVAILABLE: nobody there; E_BUSY: it serves another daemon. */
int link_connect(const char *path, struct launcher_link *l, struct err *err);

#endif
