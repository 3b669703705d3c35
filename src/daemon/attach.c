/* attach.c - bringing people to the terminals of running jobs, and knowing how those are used.
 *
 * Whoever attaches speaks with the job's supervisor and not with the daemon, so that a restart of the daemon
 * is not noticed.  The way there: the client listens on an abstract socket with a name nobody can guess and
 * tells it in its request; the daemon, which may speak to every supervisor, connects there, sees by
 * SO_PEERCRED that it is the same user who asked, and sends a connection to the supervisor as a descriptor.
 * Nothing here waits: neither connect nor send block on such a socket.
 *
 * Not chosen: a descriptor beside the HTTP answer (the library writes to the socket, not we), and the
 * supervisor's own socket (in a team the job runs as somebody else than who submitted it).
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/io.h"
#include "daemon/internal.h"
#include "supervisor/wire.h"

static int connect_client(uid_t uid, struct str name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct ucred who;
    socklen_t len = sizeof who;
    if (name.len == 0 || name.len >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path + 1, name.ptr, name.len); /* behind a NUL: abstract */
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool good = fd >= 0 &&
                connect(fd, (const struct sockaddr *)&address,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + name.len)) == 0 &&
                getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.uid == uid;
    if (!good)
        io_close(&fd);
    return fd;
}

static bool send_contact(int to_fd, job_id id, uint32_t attempt, int contact_fd)
{
    union { /* aligned for a header */
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = { { 0 } };
    struct wire_msg m = { .magic = WIRE_MAGIC, .version = WIRE_VERSION, .type = WIRE_CONTACT, .arg = id,
                          .arg2 = attempt };
    struct iovec part = { .iov_base = &m, .iov_len = sizeof m };
    struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes };
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof contact_fd);
    memcpy(CMSG_DATA(c), &contact_fd, sizeof contact_fd);
    ssize_t n;
    while ((n = sendmsg(to_fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0 && errno == EINTR)
        ;
    return n == (ssize_t)sizeof m;
}

int daemon_introduce(struct daemon *d, job_id id, uid_t uid, struct str name, struct err *err)
{
    struct core_job job;
    if (!core_job_get(d->core, id, &job) || job.state == JOB_PENDING)
        return err_set(err, E_STATE, "Job %u does not run, so nobody can be attached to it.", id);
    int contact_fd = engine_contact(d->engine, id, job.attempt);
    if (contact_fd < 0)
        return err_set(err, contact_fd == E_NOT_FOUND ? E_STATE : contact_fd,
                       "Whoever runs job %u does not answer at this moment; try again.", id);
    int fd = connect_client(uid, name);
    bool sent = fd >= 0 && send_contact(fd, id, job.attempt, contact_fd);
    io_close(&fd);
    io_close(&contact_fd);
    if (!sent)
        return err_set(err, E_UNAVAILABLE,
                       "Nobody of yours waits at \"%.*s\" on this machine; attach from outside of containers "
                       "with a network of their own.",
                       (int)(name.len < 64 ? name.len : 64), name.ptr);
    return 0;
}

bool daemon_use(const struct daemon *d, job_id id, uint32_t attempt, struct daemon_use *ret)
{
    struct engine_use use;
    if (engine_use(d->engine, id, attempt, &use) < 0)
        return false;
    usec_t last_at = usec_max(use.input_boot_at, use.output_boot_at), now_at = io_boot_now();
    *ret = (struct daemon_use){ .attached = use.terminals };
    ret->idle_us = last_at > 0 && now_at > last_at ? now_at - last_at : 0;
    return true;
}
