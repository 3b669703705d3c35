/* meet.h - the place where a client waits for the supervisor of a job.
 *
 * An abstract SOCK_SEQPACKET socket with a name of 128 random bits.  A job submitted with that name is met
 * there at its start, before its program runs, so nothing it prints is missed (supervisor/request.h); to a
 * job that runs the daemon introduces us (POST /v1/jobs/ID/attach).  Both sides look at who the other is:
 * we take nobody but ourselves, root, and the user the daemon runs as.  The name goes with the process.
 */
#ifndef EOUL_CLI_MEET_H
#define EOUL_CLI_MEET_H

#include "cli/cli.h"
#include "supervisor/wire.h"

#define MEET_NAME_SIZE 40

struct meet {
    int listen_fd; /* -1: not open */
    uid_t daemon_uid;
    char name[MEET_NAME_SIZE];
    int came_fd;   /* -1: nobody has come (follow.h) */
    bool asks;     /* ... by the daemon's introduction: it gives nothing unasked */
};

int meet_open(struct cli *cli, struct meet *ret);
void meet_close(struct meet *m); /* accepts one that is not open */
/* Who the daemon is, while we are connected to it. */
void meet_learn(const struct cli *cli, struct meet *m);
/* The connection of whoever came: a descriptor of the caller's, or -1: nobody. */
int meet_accept(const struct meet *m);
/* Ask the daemon to bring us together with a running job: a connection to its supervisor in *ret_fd. */
int meet_job(struct cli *cli, struct meet *m, const char *id, int *ret_fd);

/* Records of wire.h.  hear: 1 and *ret with its descriptor or -1; 0: the other side is gone;
 * E_BUSY: nothing came in time. */
int meet_tell(int fd, uint32_t type, int64_t arg, int64_t arg2);
int meet_hear(int fd, usec_t timeout_us, struct wire_msg *ret, int *ret_fd);

#endif
