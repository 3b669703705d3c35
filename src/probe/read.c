/* read.c - the daemon's side of probe.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "probe/probe.h"

int probe_read(struct probe_reader *r, int fd, struct probe_record *ret)
{
    while (r->len < sizeof r->bytes) {
        ssize_t n = read(fd, r->bytes + r->len, sizeof r->bytes - r->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : io_from_errno(errno);
        if (n == 0)
            return r->len ? E_CORRUPT : E_UNAVAILABLE;
        r->len += (size_t)n;
    }
    memcpy(ret, r->bytes, sizeof *ret);
    r->len = 0;
    if (ret->magic != PROBE_MAGIC || ret->version != PROBE_VERSION)
        return E_CORRUPT;
    /* Texts come from a driver and from other people's processes: end them ourselves. */
    switch (ret->kind) {
    case PROBE_GPU:
    case PROBE_XID:
        ret->gpu.uuid[sizeof ret->gpu.uuid - 1] = 0;
        ret->gpu.name[sizeof ret->gpu.name - 1] = 0;
        return 1;
    case PROBE_PROCESS:
        ret->process.gpu_uuid[sizeof ret->process.gpu_uuid - 1] = 0;
        ret->process.attempt[sizeof ret->process.attempt - 1] = 0;
        ret->process.command[sizeof ret->process.command - 1] = 0;
        return 1;
    case PROBE_HELLO:
    case PROBE_ROUND:
        ret->text[sizeof ret->text - 1] = 0;
        return 1;
    default:
        return E_CORRUPT;
    }
}

int probe_ask(int fd, uint32_t period_ms, uint64_t number)
{
    struct probe_ask ask = { .magic = PROBE_MAGIC, .period_ms = period_ms, .number = number };
    return io_write_all(fd, &ask, sizeof ask);
}
