/* attempt.c - see attempt.h. */
#include "engine/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/io.h"

void attempt_name(uint32_t job, uint32_t attempt, char ret[ATTEMPT_NAME_MAX])
{
    snprintf(ret, ATTEMPT_NAME_MAX, "%u.%u", (unsigned)job, (unsigned)attempt);
}

void attempt_uuid(const uint8_t uuid[16], char ret[37])
{
    static const char digits[] = "0123456789abcdef";
    char *at = ret;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[uuid[i] >> 4];
        *at++ = digits[uuid[i] & 15];
    }
    *at = 0;
}

int attempt_open(int attempts_fd, uint32_t job, uint32_t attempt)
{
    char name[ATTEMPT_NAME_MAX];
    attempt_name(job, attempt, name);
    int fd = openat(attempts_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? io_from_errno(errno) : fd;
}

static int open_plain(int dir_fd, const char *name, int flags)
{
    int fd = openat(dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    return fd < 0 ? io_from_errno(errno) : fd;
}

static int read_record(int dir_fd, const char *name, off_t at, void *record, size_t size)
{
    int fd = open_plain(dir_fd, name, O_RDONLY);
    if (fd < 0)
        return fd;
    ssize_t n = pread(fd, record, size, at);
    int r = n < 0 ? io_from_errno(errno) : (size_t)n < size ? E_CORRUPT : 0;
    io_close(&fd);
    return r;
}

static int version_check(uint32_t magic, uint32_t version)
{
    if (magic != WIRE_MAGIC || version < WIRE_VERSION_OLDEST)
        return E_CORRUPT;
    return version > WIRE_VERSION ? E_NEWER : 0;
}

int attempt_read_head(int dir_fd, struct wire_head *ret)
{
    struct wire_head head;
    int r = read_record(dir_fd, "lock", 0, &head, sizeof head);
    if (r == 0)
        r = version_check(head.magic, head.version);
    if (r < 0)
        return r;
    head.cgroup[sizeof head.cgroup - 1] = 0;
    head.boot_id[sizeof head.boot_id - 1] = 0;
    *ret = head;
    return 0;
}

int attempt_read_exit(int dir_fd, struct wire_exit *ret)
{
    struct wire_exit record;
    int r = read_record(dir_fd, "exit", WIRE_EXIT_AT, &record, sizeof record);
    if (r == 0)
        r = version_check(record.magic, record.version);
    if (r == 0 && record.checksum != hash_bytes(0, &record, offsetof(struct wire_exit, checksum)))
        r = E_CORRUPT;
    if (r < 0)
        return r;
    record.end.detail[WIRE_DETAIL_MAX - 1] = 0;
    *ret = record;
    return 0;
}

int attempt_read_status(int dir_fd, struct wire_status *ret)
{
    struct wire_status status;
    int r = read_record(dir_fd, "lock", WIRE_STATUS_AT, &status, sizeof status);
    if (r == 0)
        r = version_check(status.magic, status.version);
    if (r < 0)
        return r;
    status.boot_id[sizeof status.boot_id - 1] = 0;
    *ret = status;
    return 0;
}

bool attempt_locked(int dir_fd)
{
    int fd = open_plain(dir_fd, "lock", O_RDONLY);
    if (fd < 0)
        return false;
    /* Ask, do not take: taking it for a moment could make a starting supervisor give up. */
    struct flock look = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int r = fcntl(fd, F_OFD_GETLK, &look);
    io_close(&fd);
    return r == 0 && look.l_type != F_UNLCK;
}

bool attempt_alive_held(int dir_fd)
{
    struct flock look = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = open_plain(dir_fd, "alive", O_RDONLY);
    bool held = fd >= 0 && fcntl(fd, F_OFD_GETLK, &look) == 0 && look.l_type != F_UNLCK;
    io_close(&fd);
    return held;
}

bool attempt_claimed(int dir_fd)
{
    struct stat st;
    return fstatat(dir_fd, "claim", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Append ring bytes [from, until) of the output. */
static int ring_copy(int fd, uint32_t size, uint64_t from, uint64_t until, struct buf *out)
{
    while (from < until) {
        size_t at = (size_t)(from % size);
        size_t run = size - at < until - from ? size - at : (size_t)(until - from);
        char *room = buf_reserve(out, run);
        if (!room)
            return out->failed;
        ssize_t n = pread(fd, room, run, (off_t)(WIRE_RING_AT + at));
        if (n < 0)
            return io_from_errno(errno);
        if ((size_t)n < run)
            memset(room + n, 0, run - (size_t)n); /* cut short at its end: never happens, see tail */
        buf_added(out, run);
        from += run;
    }
    return 0;
}

int attempt_read_tail(int dir_fd, size_t max, struct buf *out, uint64_t *ret_total)
{
    struct wire_tail head;
    int fd = open_plain(dir_fd, "lock", O_RDONLY);
    if (fd < 0)
        return fd;
    int r = E_CORRUPT;
    if (pread(fd, &head, sizeof head, WIRE_TAIL_AT) != sizeof head ||
        version_check(head.magic, head.version) < 0 || head.ring_size == 0 ||
        head.ring_size > (16u << 20))
        goto out;
    uint64_t keep = head.written < head.ring_size ? head.written : head.ring_size;
    if (keep > max)
        keep = max;
    if (keep > out->max - out->len)
        keep = out->max - out->len;
    size_t before = out->len;
    uint64_t from = head.written - keep;
    r = ring_copy(fd, head.ring_size, from, head.written, out);
    struct wire_tail after;
    if (r == 0 && pread(fd, &after, sizeof after, WIRE_TAIL_AT) == sizeof after &&
        after.written > head.ring_size && from < after.written - head.ring_size) {
        /* The writer went on while we copied: what it overwrote is not ours to show. */
        uint64_t lost = after.written - head.ring_size - from;
        size_t drop = lost < keep ? (size_t)lost : (size_t)keep;
        memmove(out->ptr + before, out->ptr + before + drop, out->len - before - drop);
        out->len -= drop;
        out->ptr[out->len] = 0;
    }
    if (r == 0)
        *ret_total = head.written;
out:
    io_close(&fd);
    return r;
}

int attempt_read_room(int dir_fd, uint32_t *ret_mib)
{
    struct wire_tail head;
    int fd = open_plain(dir_fd, "lock", O_RDONLY);
    if (fd < 0)
        return fd;
    ssize_t n = pread(fd, &head, sizeof head, WIRE_TAIL_AT);
    io_close(&fd);
    if (n != sizeof head || version_check(head.magic, head.version) < 0)
        return E_CORRUPT;
    if (head.free_mib1 == 0)
        return E_NOT_FOUND;
    *ret_mib = head.free_mib1 - 1;
    return 0;
}

#define MARKS_TRIES 4 /* a write takes microseconds */

int attempt_read_marks(int dir_fd, struct wire_marks *ret)
{
    struct wire_marks w;
    int fd = open_plain(dir_fd, "lock", O_RDONLY);
    int r = fd < 0 ? fd : E_CORRUPT;
    for (int i = 0; i < MARKS_TRIES && fd >= 0 && r == E_CORRUPT; i++) {
        if (pread(fd, &w, sizeof w, WIRE_MARKS_AT) != sizeof w)
            break;
        if (w.magic == 0)
            r = E_NOT_FOUND;
        else if (version_check(w.magic, w.version) == 0 && w.text_len < sizeof w.text &&
                 w.checksum == hash_bytes(w.changes, &w.text_len,
                                          sizeof w - offsetof(struct wire_marks, text_len)))
            r = 0;
    }
    io_close(&fd);
    if (r == 0)
        *ret = w;
    return r;
}

static const char *word(const char *const *words, uint32_t count, uint32_t value)
{
    return value < count ? words[value] : "unknown";
}

const char *attempt_cause_word(uint32_t cause)
{
    static const char *const words[] = {
#define X(code, w) w,
        ATTEMPT_CAUSE_LIST(X)
#undef X
    };
    return word(words, ATTEMPT_CAUSE_COUNT, cause);
}

const char *attempt_stage_word(uint32_t stage)
{
    static const char *const words[] = {
#define X(code, w) w,
        ATTEMPT_STAGE_LIST(X)
#undef X
    };
    return word(words, ATTEMPT_STAGE_COUNT, stage);
}

const char *attempt_phase_word(uint32_t phase)
{
    static const char *const words[] = {
#define X(code, w) w,
        ATTEMPT_PHASE_LIST(X)
#undef X
    };
    return word(words, ATTEMPT_PHASE_COUNT, phase);
}

/* What the system calls a failure, in the language of err. */
static const char *system_says(int error, const struct err *err)
{
    static const struct { int error; const char *text; } known[] = {
        { ENOENT, N_("No such file or directory") }, { EACCES, N_("Permission denied") },
        { EPERM, N_("Operation not permitted") }, { ENOTDIR, N_("Not a directory") },
        { EISDIR, N_("Is a directory") }, { ENOEXEC, N_("Exec format error") },
        { ENOSPC, N_("No space left on device") }, { EDQUOT, N_("Disk quota exceeded") },
        { EROFS, N_("Read-only file system") }, { ELOOP, N_("Too many levels of symbolic links") },
        { ENAMETOOLONG, N_("File name too long") }, { E2BIG, N_("Argument list too long") },
        { ENOMEM, N_("Cannot allocate memory") }, { EAGAIN, N_("Resource temporarily unavailable") },
        { EMFILE, N_("Too many open files") }, { EIO, N_("Input/output error") },
        { ETXTBSY, N_("Text file busy") }, { ESTALE, N_("Stale file handle") },
        { EEXIST, N_("File exists") }, { EINVAL, N_("Invalid argument") },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].error == error)
            return err->translate ? err->translate(known[i].text) : known[i].text;
    return strerror(error);
}

static void explain_ticket(int error, struct err *err)
{
    switch (error) {
    case ESTALE:
        err_set(err, E_DENIED, "its ticket has expired: it waited too long; submit it again");
        return;
    case EALREADY:
        err_set(err, E_DENIED, "its ticket was used for this run before");
        return;
    case EDQUOT:
        err_set(err, E_DENIED, "it was started as often as its ticket allows; submit it again");
        return;
    case EBADMSG:
        err_set(err, E_DENIED, "its ticket is not one that the launcher gave out; submit it again");
        return;
    default:
        err_set(err, E_DENIED, "it is not what its user asked for, so it was not started");
        return;
    }
}

void attempt_explain(uint32_t cause, uint32_t stage, int error, const char *detail, struct err *err)
{
    const char *why = system_says(error, err);
    if (cause == ATTEMPT_GPU_BUSY) {
        err_set(err, E_BUSY, "somebody else runs on GPU \"%s\" (its lock is held)", detail);
        return;
    }
    int code = io_from_errno(error);
    switch (stage) {
    case STAGE_CWD:
        err_set(err, code, "cannot enter the working directory \"%s\": %s", detail, why);
        return;
    case STAGE_STDIN:
        err_set(err, code, "cannot open the input file \"%s\": %s", detail, why);
        return;
    case STAGE_STDOUT:
        err_set(err, code, "cannot write the output file \"%s\": %s", detail, why);
        return;
    case STAGE_STDERR:
        err_set(err, code, "cannot write the error file \"%s\": %s", detail, why);
        return;
    case STAGE_EXEC:
        err_set(err, code, "cannot execute \"%s\": %s", detail, why);
        return;
    case STAGE_PTY:
        err_set(err, code, "cannot give the job a terminal: %s", why);
        return;
    case STAGE_TICKET:
        explain_ticket(error, err);
        return;
    case STAGE_LIMITS:
        err_set(err, code, "cannot set the limits of the job (%s): %s", detail, why);
        return;
    case STAGE_GPU:
        err_set(err, code, "cannot take the lock of GPU \"%s\": %s", detail, why);
        return;
    default:
        err_set(err, code, "the job could not be started (step \"%s\"): %s",
                attempt_stage_word(stage), why);
        return;
    }
}
