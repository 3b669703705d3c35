/* ticket.c - see ticket.h. */
#include "client/ticket.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"

#define TRIES 3 /* a launcher that is flooded drops whoever came first and did not ask at once */

const char *ticket_socket(void)
{
    const char *named = getenv("EOUL_LAUNCHER");
    return named && named[0] == '/' ? named : TICKET_SOCKET;
}

/* One connection, one question: 1 an answer, 0 it was closed unanswered, or E_*. */
static int ask_once(const struct ticket_ask *ask, struct ticket_answer *ret, struct err *err)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    const char *path = ticket_socket();
    if (strlen(path) >= sizeof name.sun_path)
        return err_set(err, E_TOO_LARGE, "EOUL_LAUNCHER is too long for a socket: \"%.60s...\".", path);
    memcpy(name.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof name) < 0) {
        int code = err_set(err, io_from_errno(errno) == E_NOT_FOUND ? E_UNAVAILABLE : io_from_errno(errno),
                           "The launcher at \"%s\" cannot be asked for a ticket: %s; is eoul-launcher running?",
                           path, strerror(errno));
        io_close(&fd);
        return code;
    }
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    ssize_t n = send(fd, ask, sizeof *ask, MSG_NOSIGNAL);
    if (n == (ssize_t)sizeof *ask)
        n = poll(&ready, 1, (int)(TICKET_ANSWER_US / USEC_PER_MSEC)) == 1 ? recv(fd, ret, sizeof *ret, 0) : 0;
    io_close(&fd);
    return n == (ssize_t)sizeof *ret && ret->magic == TICKET_MAGIC;
}

int ticket_get(const uint8_t hash[32], uint32_t tasks, struct ticket *ret, struct err *err)
{
    struct ticket_ask ask = { .magic = TICKET_MAGIC, .version = TICKET_VERSION, .tasks = tasks };
    struct ticket_answer answer = { 0 };
    int code = 0;
    memcpy(ask.hash, hash, sizeof ask.hash);
    for (int i = 0; i < TRIES && code == 0; i++)
        code = ask_once(&ask, &answer, err);
    if (code < 0)
        return code;
    if (code == 0)
        return err_set(err, E_UNAVAILABLE, "The launcher at \"%s\" does not answer; try again.", ticket_socket());
    switch (answer.error) {
    case 0:
        *ret = answer.ticket;
        return 0;
    case EPERM:
        return err_set(err, E_DENIED, "root's jobs are not run by eoul; submit as the user who needs the result.");
    case E2BIG:
        return err_set(err, E_DENIED, "You are in more than %u groups; eoul cannot pass them on to a job.",
                       TICKET_GROUPS_MAX);
    default:
        return err_set(err, io_from_errno(answer.error), "The launcher gives no ticket: %s.",
                       strerror(answer.error));
    }
}

void ticket_print(struct buf *out, const struct ticket *t)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = (const unsigned char *)t;
    for (size_t i = 0; i < sizeof *t; i++) {
        buf_char(out, digits[bytes[i] >> 4]);
        buf_char(out, digits[bytes[i] & 15]);
    }
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int ticket_read(struct str text, struct ticket *ret)
{
    unsigned char bytes[sizeof *ret];
    if (text.len != 2 * sizeof bytes)
        return E_INVALID;
    for (size_t i = 0; i < sizeof bytes; i++) {
        int high = nibble(text.ptr[2 * i]), low = nibble(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return E_INVALID;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    memcpy(ret, bytes, sizeof bytes);
    return ret->magic == TICKET_MAGIC && ret->version == TICKET_VERSION ? 0 : E_INVALID;
}
