/* message.c - records with descriptors; see launcher.h. */
#include "launcher/launcher.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"

union control {
    struct cmsghdr head;
    char space[CMSG_SPACE(sizeof(int) * LAUNCHER_FDS_MAX)];
};

static int send_record(int socket_fd, struct launcher_msg *out, size_t size, const int *fds, int fd_n, int flags)
{
    union control control = { 0 };
    out->magic = LAUNCHER_MAGIC;
    out->version = LAUNCHER_VERSION;
    struct iovec io = { out, size };
    struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1 };
    if (fd_n > 0) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)fd_n);
        struct cmsghdr *c = &control.head;
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)fd_n);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)fd_n);
    }
    ssize_t n;
    while ((n = sendmsg(socket_fd, &message, MSG_NOSIGNAL | flags)) < 0 && errno == EINTR)
        ;
    return n == (ssize_t)size ? 0 : io_from_errno(n < 0 ? errno : EIO);
}

int launcher_send(int socket_fd, const struct launcher_msg *m, const int *fds, int fd_n, int flags)
{
    struct launcher_msg out = *m;
    return send_record(socket_fd, &out, sizeof out, fds, fd_n, flags);
}

int launcher_send_order(int socket_fd, const struct launcher_order *o, const int *fds, int fd_n, int flags)
{
    struct launcher_order out = *o;
    return send_record(socket_fd, &out.msg, sizeof out, fds, fd_n, flags);
}

static void take_fds(struct msghdr *message, int fds[LAUNCHER_FDS_MAX])
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (i < LAUNCHER_FDS_MAX && fds[i] < 0)
                fds[i] = fd;
            else
                close(fd);
        }
    }
}

/* A record of sizeof *ret bytes, or, when there is room for a ticket, one with it. */
static int receive(int socket_fd, struct launcher_msg *ret, size_t room, int fds[LAUNCHER_FDS_MAX], int flags)
{
    union control control;
    struct iovec io = { ret, room };
    struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.space,
                              .msg_controllen = sizeof control.space };
    for (int i = 0; i < LAUNCHER_FDS_MAX; i++)
        fds[i] = -1;
    ssize_t n;
    while ((n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC | flags)) < 0 && errno == EINTR)
        ;
    if (n < 0)
        return errno == ECONNRESET ? 0 : io_from_errno(errno);
    if (n == 0)
        return 0;
    take_fds(&message, fds);
    bool record = (n == (ssize_t)sizeof *ret || n == (ssize_t)room) && !(message.msg_flags & MSG_TRUNC) &&
                  ret->magic == LAUNCHER_MAGIC && ret->version == LAUNCHER_VERSION;
    if (record && !(message.msg_flags & MSG_CTRUNC))
        return 1;
    for (int i = 0; i < LAUNCHER_FDS_MAX; i++)
        io_close(&fds[i]);
    if (!record)
        return E_CORRUPT;
    ret->error = EMFILE;
    return 1;
}

int launcher_receive(int socket_fd, struct launcher_msg *ret, int fds[LAUNCHER_FDS_MAX], int flags)
{
    return receive(socket_fd, ret, sizeof *ret, fds, flags);
}

int launcher_receive_order(int socket_fd, struct launcher_order *ret, int fds[LAUNCHER_FDS_MAX], int flags)
{
    memset(ret, 0, sizeof *ret);
    return receive(socket_fd, &ret->msg, sizeof *ret, fds, flags);
}
