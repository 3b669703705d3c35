/* peers.h - who listens to a supervisor: the daemon, and whoever connects to `ctl`.
 * A peer that does not read what it is sent is dropped; it connects again when it wants to.
 *
 * The daemon makes connections for others (WIRE_CONTACT), so a connection does not say who speaks.  The kernel does, of
 * each record (SO_PASSCRED): what runs or types something is taken from the job's own user and root alone. */
#ifndef EOUL_SUPERVISOR_PEERS_H
#define EOUL_SUPERVISOR_PEERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "supervisor/wire.h"

#define PEERS_MAX 12 /* the daemon, its successor, attached terminals, some followers */

struct peers {
    int listen_fd;
    uid_t daemon_uid; /* system mode: may connect beside our own user and root; else our own */
    int fds[PEERS_MAX]; /* -1: free */
};

void peers_init(struct peers *p, int listen_fd, int first_fd);
/* Take a new connection from the same uid or root: its place, or -1. */
int peers_accept(struct peers *p);
bool peers_send(struct peers *p, int place, struct wire_msg *m);
bool peers_send_fd(struct peers *p, int place, struct wire_msg *m, int fd); /* with a copy of fd */
void peers_tell(struct peers *p, struct wire_msg *m); /* to all */
/* Connect to the abstract socket `name` if a process of `uid` listens there: the new peer's place, or -1.
 * (daemon/attach.c meets clients in the same way.) */
int peers_meet(struct peers *p, const char *name, uid_t uid);
/* One command: 1 and *ret, with the descriptors that came along, the caller's to close (-1: none); 0: nothing, or
 * the peer is gone and closed.  *ret_own: it may run and type as the job's user; in personal mode and in a team, where the
 * daemon is that user and lets in whom it will, always. */
int peers_receive(struct peers *p, int place, struct wire_msg *ret, int ret_fds[WIRE_FDS], bool *ret_own);

#endif
