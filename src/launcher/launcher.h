/* launcher.h - what the daemon may ask of the launcher, and what it answers.
 *
 * One SOCK_SEQPACKET socketpair, records of exactly sizeof(struct launcher_msg), descriptors beside
 * them.  No text, no lengths, no pointers: nothing here is parsed.  Answers carry the request's job and
 * attempt and come in the order of the requests, but for KILLED, which comes when the tree is gone (and
 * once before, if that takes longer than TREE_PROOF_US, with `value` 0).
 *
 * LAUNCH is a struct launcher_order.  In system mode the daemon connects to TICKET_SOCKET instead, the order has a
 * ticket, and READY brings a descriptor: the directory of the attempts.
 */
#ifndef EOUL_LAUNCHER_LAUNCHER_H
#define EOUL_LAUNCHER_LAUNCHER_H

#include <stdint.h>

#include "launcher/ticket.h"
#include "supervisor/guard.h"

#define LAUNCHER_MAGIC   0x726c6f65u
#define LAUNCHER_VERSION 2u
#define LAUNCHER_KILLS_MAX 4096u /* trees being killed at once: as many as attempts can be followed */

enum launcher_type {
    /* to the launcher */
    LAUNCHER_LAUNCH = 1, /* descriptors: request, [peer: one end of a socketpair for ctl records];
                          * from the launcher to a supervisor that waits: see engine/forked.h */
    LAUNCHER_CLAIM,      /* recovery: make the claim ourselves, the directory too if it is missing */
    LAUNCHER_KILLTREE,   /* recovery: kill what is left of an attempt */
    LAUNCHER_CLEAN,      /* remove its directory; no answer */
    LAUNCHER_SPAWN,      /* value: a role; descriptors: stdin, stdout */
    /* from the launcher */
    LAUNCHER_READY = 64, /* value: GUARD_* that attempts are kept to */
    LAUNCHER_LAUNCHED,   /* pid; descriptor: pidfd of the supervisor */
    LAUNCHER_FAILED,     /* error, stage: nothing runs */
    LAUNCHER_CLAIMED,    /* error: 0 ours: it never ran; EEXIST: it was claimed; else unknown */
    LAUNCHER_KILLED,     /* value: 1 tree is gone, 0 it is not (yet) */
    LAUNCHER_SPAWNED,    /* error, or pid and descriptor: pidfd */
};

enum launcher_role { LAUNCHER_PROBE, LAUNCHER_FETCH, LAUNCHER_ROLE_COUNT };

/* Descriptors the daemon starts it with; argv[1] is the directory of the programs. */
enum launcher_fd { LAUNCHER_SOCKET_FD = 3, LAUNCHER_ATTEMPTS_FD };

#define LAUNCHER_FDS_MAX 7 /* descriptors in one record: what a supervisor begins with */

struct launcher_msg {
    uint32_t magic;
    uint32_t version;
    uint32_t type;
    uint32_t job;
    uint32_t attempt;
    uint32_t value;
    int32_t error;  /* errno */
    uint32_t stage; /* enum attempt_stage */
    int32_t pid;
    uint32_t reserved;
    uint8_t uuid[16];
};
_Static_assert(sizeof(struct launcher_msg) == 56, "layout of a launcher record");

struct launcher_order {
    struct launcher_msg msg;
    uint32_t task; /* of an array, from 0: job - task is the job of the first */
    uint32_t reserved;
    struct guard_bounds bounds;
    struct ticket ticket;
};
_Static_assert(sizeof(struct launcher_order) == 488, "layout of a launch with its ticket");

/* Send and receive one record with its descriptors; both sides use these.
 * send: 0 or a negative E_*.  receive: 1 a record, 0 end of file, or negative E_* (E_BUSY: nothing there
 * with MSG_DONTWAIT; E_CORRUPT: not a record, its descriptors are closed).  fds is filled with -1 where
 * there is none; if there was no room for them in the receiver, with -1 and the record's error is
 * EMFILE: a request must be answered even then. */
int launcher_send(int socket_fd, const struct launcher_msg *m, const int *fds, int fd_n, int flags);
int launcher_receive(int socket_fd, struct launcher_msg *ret, int fds[LAUNCHER_FDS_MAX], int flags);
/* The same with or without a ticket (then it is all zero: nobody's). */
int launcher_send_order(int socket_fd, const struct launcher_order *o, const int *fds, int fd_n, int flags);
int launcher_receive_order(int socket_fd, struct launcher_order *ret, int fds[LAUNCHER_FDS_MAX], int flags);

#endif
