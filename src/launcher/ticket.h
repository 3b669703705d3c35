/* ticket.h - system mode: the proof that a user asked for a job.
 *
 * Whoever submits shows the hash of what is to run (spec_order_hash) to the launcher's socket and gets a ticket:
 * who it was, as the kernel says (SO_PEERCRED, SO_PEERGROUPS), the hash, how many tasks, how long it is good for,
 * and a MAC over all of it.  The daemon keeps tickets and shows one for each start.
 *
 * A ticket is good for one job: its first start binds it to that job's number.  Each task of it may be started
 * TICKET_STARTS times (retries, requeues), each attempt once.  So that nothing can be played again, a file for
 * each ticket, named by its nonce in a directory that only root may enter, remembers:
 *
 *     job of the first task (uint32), number of tasks (uint32),
 *     then for each task: the last attempt (uint32), how many starts (uint32)
 *
 * All records are of fixed size, in host byte order (they never leave the machine).
 */
#ifndef EOUL_LAUNCHER_TICKET_H
#define EOUL_LAUNCHER_TICKET_H

#include <stdint.h>

#include "base/str.h"
#include "base/usec.h"

#define TICKET_MAGIC      0x6b74756fu
#define TICKET_VERSION    1u
#define TICKET_TASKS_MAX  100000u              /* of an array: SPEC_ARRAY_MAX */
#define TICKET_STARTS     100u                 /* of one task */
#define TICKET_GROUPS_MAX 64u                  /* supplementary groups: whoever is in more is refused */
#define TICKET_GOOD_US    (400 * USEC_PER_DAY) /* a job may wait over a year's holidays, a leaked store not for ever */
#define TICKET_SOCKET     "/run/eoul-launcher/socket"
#define TICKET_KEY_BYTES  32

struct ticket {
    uint32_t magic;
    uint32_t version;
    uint32_t uid;
    uint32_t gid;
    uint32_t tasks;
    uint32_t groups_n;
    int64_t expires_wall_at;
    uint8_t hash[32];
    uint8_t nonce[16];
    uint32_t groups[TICKET_GROUPS_MAX]; /* those of the process that asked; unused ones 0 */
    uint8_t mac[32];                    /* HMAC-SHA256 of all before it */
};
_Static_assert(sizeof(struct ticket) == 368, "layout of a ticket");

struct ticket_ask { /* to the launcher, one a connection (SOCK_SEQPACKET) */
    uint32_t magic;
    uint32_t version;
    uint32_t tasks;
    uint32_t reserved;
    uint8_t hash[32];
};
_Static_assert(sizeof(struct ticket_ask) == 48, "layout of a request for a ticket");

struct ticket_answer {
    uint32_t magic;
    uint32_t version;
    int32_t error; /* errno; EPERM: this user may not submit; E2BIG: in too many groups */
    uint32_t reserved;
    struct ticket ticket;
};
_Static_assert(sizeof(struct ticket_answer) == 384, "layout of an answer with a ticket");

/* The launcher's. */
void ticket_sign(struct ticket *t, const uint8_t key[TICKET_KEY_BYTES]);
/* 0, or why not: EBADMSG (not a ticket of ours, or altered), ESTALE (expired), EPERM (root's). */
int ticket_check(const struct ticket *t, const uint8_t key[TICKET_KEY_BYTES], usec_t wall_at);
/* Write down, synced, that it is used for this attempt.  0, or why it may not be: EALREADY (that attempt or a
 * later one was started), EPERM (another job's ticket, no such task), EDQUOT (too often), or the disk's errno. */
int ticket_use(int spent_fd, const struct ticket *t, uint32_t job, uint32_t attempt, uint32_t task);
/* Forget those that have expired. */
void ticket_clean(int spent_fd, usec_t wall_at);

#endif
