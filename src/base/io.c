/* io.c - see io.h. */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

int io_from_errno(int error)
{
    switch (error) {
    case 0: return 0;
    case ENOENT: case ENOTDIR: return E_NOT_FOUND;
    case EEXIST: return E_EXISTS;
    case EACCES: case EPERM: case EROFS: return E_DENIED;
    case ENOSPC: case EDQUOT: return E_NO_SPACE;
    case ENOMEM: return E_NO_MEMORY;
    case EAGAIN: case EBUSY: case EMFILE: case ENFILE: return E_BUSY;
    case ECONNREFUSED: return E_UNAVAILABLE;
    case ETIMEDOUT: return E_TIMEOUT;
    default: return E_IO;
    }
}

static int failed(void) { return io_from_errno(errno ? errno : EIO); }

int io_write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed();
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int io_pwrite_all(int fd, const void *bytes, size_t len, off_t at)
{
    const char *from = bytes;
    while (len > 0) {
        ssize_t n = pwrite(fd, from, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed();
        from += n;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int io_read_to_end(int fd, struct buf *out)
{
    for (;;) {
        size_t room = out->max - out->len < 4096 ? out->max - out->len : 4096;
        char extra;
        char *at = room ? buf_reserve(out, room) : &extra;
        if (!at)
            return out->failed;
        ssize_t n = read(fd, at, room ? room : 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed();
        if (n == 0)
            return 0;
        if (!room)
            return E_TOO_LARGE;
        buf_added(out, (size_t)n);
    }
}

int io_read_file(int dir_fd, const char *path, struct buf *out)
{
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return failed();
    int r = io_read_to_end(fd, out);
    io_close(&fd);
    return r;
}

int io_fsync(int fd)
{
    while (fsync(fd) < 0)
        if (errno != EINTR)
            return failed();
    return 0;
}

int io_fsync_dir(int dir_fd) { return io_fsync(dir_fd); }

int io_replace_file(int dir_fd, const char *name, const void *bytes, size_t len, mode_t mode)
{
    char temporary[256];
    int n = snprintf(temporary, sizeof temporary, ".%s.new", name);
    if (n < 0 || (size_t)n >= sizeof temporary)
        return E_TOO_LARGE;
    int fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return failed();
    int r = io_write_all(fd, bytes, len);
    if (r == 0)
        r = io_fsync(fd);
    io_close(&fd);
    if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
        r = failed();
    if (r == 0) {
        int dir = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = dir < 0 ? failed() : io_fsync_dir(dir);
        io_close(&dir);
    } else {
        int saved = errno;
        unlinkat(dir_fd, temporary, 0);
        errno = saved;
    }
    return r;
}

void io_close(int *fd)
{
    if (*fd < 0)
        return;
    int saved = errno;
    close(*fd); /* never retried: on Linux the descriptor is gone even after EINTR */
    *fd = -1;
    errno = saved;
}

static usec_t now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (usec_t)t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

usec_t io_wall_now(void) { return now(CLOCK_REALTIME); }
usec_t io_boot_now(void) { return now(CLOCK_BOOTTIME); }

int io_boot_id(char ret_id[37])
{
    char text[64];
    struct buf b;
    buf_init_fixed(&b, text, sizeof text);
    int r = io_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &b);
    if (r < 0)
        return r;
    if (b.len < 36)
        return E_CORRUPT;
    memcpy(ret_id, text, 36);
    ret_id[36] = '\0';
    return 0;
}

int io_start_time(pid_t pid, unsigned long long *ret_ticks)
{
    char path[64], text[1024];
    struct buf b;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    buf_init_fixed(&b, text, sizeof text);
    int r = io_read_file(AT_FDCWD, path, &b);
    if (r < 0)
        return r;
    const char *at = strrchr(text, ')'); /* the name may hold anything, ')' included */
    if (!at)
        return E_CORRUPT;
    for (int field = 2; field < 22 && at; field++) /* starttime is field 22 */
        at = strchr(at + 1, ' ');
    if (!at)
        return E_CORRUPT;
    *ret_ticks = strtoull(at + 1, NULL, 10);
    return 0;
}
