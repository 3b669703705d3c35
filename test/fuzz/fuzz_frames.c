/* fuzz_frames.c - bytes between our own programs, as somebody else might send them: the request of a supervisor, an
 * order in it (system mode), a ticket, a record of the launcher.
 *
 * The first byte says which.  Requests are made of the rest as records, so that lengths are right often enough to
 * get further.  A request that is accepted has a program, a directory and no NUL in its strings; an order that was
 * not signed is never accepted.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "client/ticket.h"
#include "launcher/launcher.h"
#include "supervisor/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static int sealed(const void *bytes, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    must(fd >= 0 && io_write_all(fd, bytes, size) == 0);
    must(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0);
    return fd;
}

static void check_request(int fd)
{
    struct request r;
    struct order_terms terms = { .task = 0 }; /* the hash of nothing anybody can find */
    struct err err = { 0 };
    if (request_read(fd, &r) == 0) {
        if (r.order.len) {
            must(r.argc == 0 && r.facts.len > 0 && !r.script.len && !r.cwd);
            must(order_take(&r, &terms, &err) < 0);
            must(r.order.len > 0);
        } else {
            must(r.argc > 0 && r.cwd && r.cwd[0] == '/' && r.argv[r.argc] == NULL);
            must(order_take(&r, &terms, &err) < 0);
        }
        request_finish(&r);
    }
    close(fd);
}

/* "KEY LENGTH BYTES" again and again: a key by number, up to 255 bytes of value. */
static void build_request(const uint8_t *data, size_t size)
{
    struct request_builder b;
    int fd;
    request_begin(&b);
    while (size >= 2) {
        size_t len = data[1] < size - 2 ? data[1] : size - 2;
        request_add(&b, (enum request_key)(data[0] % REQUEST_KEY_COUNT), (struct str){ (const char *)data + 2, len });
        data += 2 + len;
        size -= 2 + len;
    }
    if (request_seal(&b, &fd) == 0)
        check_request(fd);
}

static void check_ticket(struct str text)
{
    struct ticket t;
    struct buf again;
    char memory[2 * sizeof t + 1];
    if (ticket_read(text, &t) < 0)
        return;
    buf_init_fixed(&again, memory, sizeof memory);
    ticket_print(&again, &t);
    must(str_eq(buf_look(&again), text));
}

static void check_launcher(const uint8_t *data, size_t size)
{
    int pair[2], fds[LAUNCHER_FDS_MAX];
    struct launcher_order o;
    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    if (size > 0 && size < 4096 && send(pair[0], data, size, 0) == (ssize_t)size) {
        int r = launcher_receive_order(pair[1], &o, fds, MSG_DONTWAIT);
        must(r == 1 || r < 0);
        must(r < 0 || size == sizeof o || size == sizeof o.msg);
    }
    close(pair[0]);
    close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0] % 4) {
    case 0: check_request(sealed(data + 1, size - 1)); break;
    case 1: build_request(data + 1, size - 1); break;
    case 2: check_ticket((struct str){ (const char *)data + 1, size - 1 }); break;
    default: check_launcher(data + 1, size - 1);
    }
    return 0;
}
