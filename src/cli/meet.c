/* meet.c - see meet.h. */
#include "cli/meet.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"

#define PREFIX "eoul-"
#define CONTACT_US (5 * USEC_PER_SEC) /* the daemon had sent it before it answered */

static int make_name(char ret[MEET_NAME_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return -1;
    memcpy(ret, PREFIX, sizeof PREFIX - 1);
    char *at = ret + sizeof PREFIX - 1;
    for (size_t i = 0; i < sizeof bytes; i++) {
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    *at = '\0';
    return 0;
}
_Static_assert(sizeof PREFIX + 32 <= MEET_NAME_SIZE, "the name fits");

int meet_open(struct cli *cli, struct meet *ret)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct meet m = {.listen_fd = -1, .came_fd = -1, .daemon_uid = geteuid()};
    if (make_name(m.name) == 0)
        m.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    size_t n = strlen(m.name);
    memcpy(address.sun_path + 1, m.name, n); /* behind a NUL: abstract */
    if (m.listen_fd < 0 ||
        bind(m.listen_fd, (const struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)) < 0 ||
        listen(m.listen_fd, 4) < 0) {
        int error = errno;
        io_close(&m.listen_fd);
        return err_set(&cli->err, io_from_errno(error), "A socket to meet the job on cannot be made: %s.",
                       strerror(error));
    }
    *ret = m;
    return 0;
}

void meet_close(struct meet *m)
{
    io_close(&m->listen_fd);
    io_close(&m->came_fd);
}

void meet_learn(const struct cli *cli, struct meet *m)
{
    struct ucred who;
    socklen_t len = sizeof who;
    if (http_fd(&cli->http) >= 0 && getsockopt(cli->http.fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0)
        m->daemon_uid = who.uid;
}

int meet_accept(const struct meet *m)
{
    struct ucred who;
    socklen_t len = sizeof who;
    int fd = accept4(m->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0 && (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 ||
                    (who.uid != geteuid() && who.uid != 0 && who.uid != m->daemon_uid)))
        io_close(&fd);
    return fd;
}

int meet_job(struct cli *cli, struct meet *m, const char *id, int *ret_fd)
{
    char path[64];
    json_t *answer = NULL, *body = json_object();
    struct wire_msg message;
    int fd, contact_fd = -1;
    json_object_set_new(body, "meet", json_string(m->name));
    snprintf(path, sizeof path, "/v1/jobs/%.40s/attach", id);
    int r = cli_call(cli, "POST", path, body, &answer);
    json_decref(answer);
    json_decref(body);
    if (r < 0)
        return r;
    meet_learn(cli, m);
    fd = meet_accept(m);
    if (fd >= 0 && meet_hear(fd, CONTACT_US, &message, &contact_fd) == 1 && message.type != WIRE_CONTACT)
        io_close(&contact_fd);
    io_close(&fd);
    if (contact_fd < 0)
        return err_set(&cli->err, E_UNAVAILABLE, "The daemon did not bring the connection to job %s.", id);
    *ret_fd = contact_fd;
    return 0;
}

/* --- records --------------------------------------------------------------------------------------- */

int meet_tell(int fd, uint32_t type, int64_t arg, int64_t arg2)
{
    struct wire_msg m = {.magic = WIRE_MAGIC, .version = WIRE_VERSION, .type = type, .arg = arg, .arg2 = arg2};
    ssize_t n;
    while ((n = send(fd, &m, sizeof m, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    return n == (ssize_t)sizeof m ? 0 : io_from_errno(n < 0 ? errno : EIO);
}

int meet_hear(int fd, usec_t timeout_us, struct wire_msg *ret, int *ret_fd)
{
    union { /* aligned for a header */
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    usec_t until = io_boot_now() + timeout_us;
    for (;;) {
        struct iovec part = {.iov_base = ret, .iov_len = sizeof *ret};
        struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
                                .msg_controllen = sizeof control.bytes};
        ssize_t n = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        usec_t left = until - io_boot_now();
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (left <= 0)
                return E_BUSY;
            (void)poll(&p, 1, (int)(left / USEC_PER_MSEC) + 1);
            continue;
        }
        if (n <= 0)
            return 0;
        struct cmsghdr *c = CMSG_FIRSTHDR(&header);
        int got = -1;
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof got))
            memcpy(&got, CMSG_DATA(c), sizeof got);
        if (n == (ssize_t)sizeof *ret && ret->magic == WIRE_MAGIC) {
            *ret_fd = got;
            return 1;
        }
        io_close(&got); /* of a newer version: not for us */
    }
}
