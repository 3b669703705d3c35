/* peers.c - see peers.h. */
#include "supervisor/peers.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"

static void ask_for_senders(int fd)
{
    const int yes = 1;
    if (fd >= 0) /* if it fails no record has a sender, and nobody may run or type anything */
        (void)setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
}

void peers_init(struct peers *p, int listen_fd, int first_fd)
{
    ask_for_senders(listen_fd);
    ask_for_senders(first_fd);
    p->listen_fd = listen_fd;
    p->daemon_uid = geteuid();
    for (int i = 0; i < PEERS_MAX; i++)
        p->fds[i] = -1;
    p->fds[0] = first_fd;
}

int peers_accept(struct peers *p)
{
    int fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return -1;
    ask_for_senders(fd);
    struct ucred who;
    socklen_t len = sizeof who;
    bool mine = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
                (who.uid == geteuid() || who.uid == 0 || who.uid == p->daemon_uid);
    for (int i = 0; mine && i < PEERS_MAX; i++)
        if (p->fds[i] < 0) {
            p->fds[i] = fd;
            return i;
        }
    io_close(&fd);
    return -1;
}

static bool send_message(struct peers *p, int place, const struct msghdr *header)
{
    ssize_t n;
    while ((n = sendmsg(p->fds[place], header, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0 && errno == EINTR)
        ;
    if (n == (ssize_t)sizeof(struct wire_msg))
        return true;
    io_close(&p->fds[place]);
    return false;
}

bool peers_send(struct peers *p, int place, struct wire_msg *m)
{
    return peers_send_fd(p, place, m, -1);
}

bool peers_send_fd(struct peers *p, int place, struct wire_msg *m, int fd)
{
    union { /* aligned for a header */
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = { { 0 } };
    struct iovec part = { .iov_base = m, .iov_len = sizeof *m };
    struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
    m->magic = WIRE_MAGIC;
    m->version = WIRE_VERSION;
    if (fd >= 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&header);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    return send_message(p, place, &header);
}

int peers_meet(struct peers *p, const char *name, uid_t uid)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct ucred who;
    socklen_t len = sizeof who;
    size_t n = strlen(name);
    if (n == 0 || n >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path + 1, name, n); /* behind a NUL: no file, gone with its listener */
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ask_for_senders(fd); /* before anybody can send */
    bool good = fd >= 0 &&
                connect(fd, (const struct sockaddr *)&address,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)) == 0 &&
                getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.uid == uid;
    for (int i = 0; good && i < PEERS_MAX; i++)
        if (p->fds[i] < 0) {
            p->fds[i] = fd;
            return i;
        }
    io_close(&fd);
    return -1;
}

void peers_tell(struct peers *p, struct wire_msg *m)
{
    for (int i = 0; i < PEERS_MAX; i++)
        if (p->fds[i] >= 0)
            (void)peers_send(p, i, m);
}

/* ... and whose they are. */
static void take_control(struct msghdr *header, int ret_fds[WIRE_FDS], uid_t *ret_uid)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof(struct ucred))) {
            struct ucred sender;
            memcpy(&sender, CMSG_DATA(c), sizeof sender);
            *ret_uid = sender.uid;
        }
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len <= CMSG_LEN(0))
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); /* the room allows no more than WIRE_FDS */
        memcpy(ret_fds, CMSG_DATA(c), (n < WIRE_FDS ? n : WIRE_FDS) * sizeof(int));
    }
}

int peers_receive(struct peers *p, int place, struct wire_msg *ret, int ret_fds[WIRE_FDS], bool *ret_own)
{
    union { /* aligned for a header */
        char bytes[CMSG_SPACE(WIRE_FDS * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr header;
    } control;
    struct iovec part = { .iov_base = ret, .iov_len = sizeof *ret };
    struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes };
    uid_t sender = (uid_t)-1;
    ssize_t n;
    for (int i = 0; i < WIRE_FDS; i++)
        ret_fds[i] = -1;
    while ((n = recvmsg(p->fds[place], &header, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n <= 0) {
        io_close(&p->fds[place]);
        return 0;
    }
    take_control(&header, ret_fds, &sender);
    *ret_own = p->daemon_uid == geteuid() || sender == geteuid() || sender == 0;
    /* A record of another size or from a newer daemon than we understand: not for us. */
    if (n == (ssize_t)sizeof *ret && ret->magic == WIRE_MAGIC && ret->version >= 1)
        return 1;
    for (int i = 0; i < WIRE_FDS; i++)
        io_close(&ret_fds[i]);
    return 0;
}
