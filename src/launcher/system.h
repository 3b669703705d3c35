/* system.h - what the launcher is in system mode besides: root, for many users.
 *
 * Places (made here, root's; nothing in them is named by anybody else):
 *
 *     /var/lib/eoul-launcher/            0711
 *         key                            0600  signs tickets
 *         spent/                         0700  which were used (ledger.h)
 *         attempts/                      0750  root and the daemon's group; no job's user may enter
 *             JOB.ATTEMPT/               0750  the job's user and the daemon's group: a supervisor works in it
 *                                              through a descriptor; its job has none, and no way in by name
 *         scripts/                       0711
 *             JOB.ATTEMPT/script               the job's user may read, write and run it, nothing more: the
 *                                              directory around it is root's
 *     /run/eoul-launcher/socket          0666  who connects is asked of the kernel
 *
 * Whoever connects as the daemon's user gets what launcher.h offers; everybody else may ask for a ticket, once
 * a connection.  The daemon's user is the owner of its state directory, that of probe and fetch the owner of
 * theirs: no name is looked up, so nothing of NSS runs here.
 */
#ifndef EOUL_LAUNCHER_SYSTEM_H
#define EOUL_LAUNCHER_SYSTEM_H

#include <stdbool.h>
#include <sys/types.h>

#include "launcher/launcher.h"
#include "launcher/ticket.h"

#define SYSTEM_STATE        "/var/lib/eoul-launcher"
#define SYSTEM_DAEMON_STATE "/var/lib/eoul"
#define SYSTEM_HELPER_STATE "/var/lib/eoul-fetch"
#define SYSTEM_CLIENTS_MAX  256 /* connections that have not asked yet; one more, and the oldest goes */

struct system_places { /* from the command line: root's own words */
    const char *state, *socket, *daemon, *helper;
    bool activated; /* descriptor 3 is the socket, from systemd */
};

struct system_client {
    int fd; /* -1: free */
    uid_t uid;
    gid_t gid;
};

struct system {
    int epoll_fd; /* ready: call system_serve */
    int listen_fd;
    int spent_fd;
    int scripts_fd;
    int attempts_fd;
    uid_t daemon_uid, helper_uid; /* helper_uid 0: there is none */
    gid_t daemon_gid, helper_gid;
    uint8_t key[TICKET_KEY_BYTES];
    struct system_client clients[SYSTEM_CLIENTS_MAX];
    uint64_t clients_so_far;
};

/* All: 0 (a descriptor) or -1 with errno; *ret_what names what it was about. */
int system_open(struct system *s, const struct system_places *places, const char **ret_what);

void system_serve(struct system *s, int *ret_daemon_fd); /* tickets; -1: no daemon has connected */

/* Files of a new attempt become its user's and the daemon's group's, as above; its empty script. */
int system_give(const struct system *s, int dir_fd, int lock_fd, uid_t uid);
int system_script(const struct system *s, uint32_t job, uint32_t attempt, uid_t uid, gid_t gid);
void system_clean(const struct system *s, uint32_t job, uint32_t attempt);

#endif
