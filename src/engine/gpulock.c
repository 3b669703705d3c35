/* gpulock.c - see gpulock.h. */
#include "engine/gpulock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/str.h"

#define NOTE_MAX 128 /* what a holder writes about itself */

/* The directory must be one that strangers cannot play with: root's or one's own, or sticky. */
static int open_directory(const char *path)
{
    if (mkdir(path, 01777) == 0)
        (void)chmod(path, 01777); /* the umask had its say at mkdir; a race with a stranger only */
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return io_from_errno(errno);
    struct stat st;
    if (fstat(fd, &st) < 0 || ((st.st_mode & 0022) && !(st.st_mode & S_ISVTX))) {
        io_close(&fd);
        return E_DENIED;
    }
    return fd;
}

int gpulock_directory(void)
{
    const char *named = getenv("EOUL_LOCK_DIR");
    if (named && named[0])
        return open_directory(named);
    /* Everybody must come to the same answer, so it may not depend on who asks: what counts is
     * whether /run/lock is there for all, not whether this user may write to it. */
    struct stat st;
    if (stat("/run/lock", &st) == 0 && (st.st_mode & 0002)) {
        int fd = open_directory("/run/lock/eoul");
        if (fd >= 0)
            return fd;
    }
    return open_directory("/tmp/eoul-lock");
}

static int name_check(const char *gpu)
{
    size_t len = strlen(gpu);
    if (len == 0 || len > GPULOCK_NAME_MAX || gpu[0] == '.')
        return E_INVALID;
    for (size_t i = 0; i < len; i++) {
        char c = gpu[i];
        int fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '-' || c == '_' || c == '.';
        if (!fine)
            return E_INVALID;
    }
    return 0;
}

/* The file of a GPU, made if need be: a descriptor or a negative E_*. */
static int open_file(int dir_fd, const char *gpu, int make)
{
    int r = name_check(gpu);
    if (r < 0)
        return r;
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
    int fd = openat(dir_fd, gpu, flags);
    if (fd < 0 && errno == ENOENT && make) {
        fd = openat(dir_fd, gpu, flags | O_CREAT | O_EXCL, 0666);
        if (fd >= 0)
            (void)fchmod(fd, 0666); /* whatever the umask: others must be able to lock it */
        else if (errno == EEXIST)
            fd = openat(dir_fd, gpu, flags);
    }
    if (fd < 0)
        return io_from_errno(errno);
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        io_close(&fd);
        return E_DENIED;
    }
    return fd;
}

static void read_note(int fd, struct gpulock_holder *ret)
{
    char text[NOTE_MAX + 1];
    *ret = (struct gpulock_holder){ .uid = (uid_t)-1 };
    ssize_t n = pread(fd, text, NOTE_MAX, 0);
    if (n <= 0)
        return;
    struct str rest = { text, (size_t)n }, line, word;
    if (!str_next(&rest, '\n', &line))
        return;
    uint64_t value[3];
    for (int i = 0; i < 3; i++)
        if (!str_next(&line, ' ', &word) || str_u64(word, &value[i]) < 0 || value[i] > UINT32_MAX)
            return;
    *ret = (struct gpulock_holder){ (uid_t)value[0], (pid_t)value[1], (uint32_t)value[2] };
}

int gpulock_take(int dir_fd, const char *gpu, const struct gpulock_holder *self,
                 struct gpulock_holder *ret_holder)
{
    int fd = open_file(dir_fd, gpu, 1);
    if (fd < 0)
        return fd;
    int r;
    while ((r = flock(fd, LOCK_EX | LOCK_NB)) < 0 && errno == EINTR)
        ;
    if (r < 0) {
        r = errno == EWOULDBLOCK ? E_BUSY : io_from_errno(errno);
        if (ret_holder)
            read_note(fd, ret_holder);
        io_close(&fd);
        return r;
    }
    char note[NOTE_MAX];
    int len = snprintf(note, sizeof note, "%u %d %u\n", (unsigned)self->uid, (int)self->pid,
                       (unsigned)self->job);
    /* The note is a courtesy: a full disk must not cost the lock. */
    if (ftruncate(fd, 0) == 0 && len > 0)
        (void)io_pwrite_all(fd, note, (size_t)len, 0);
    return fd;
}

/* flock() has no "who holds it" call; /proc/locks lists the holders by device and inode. */
static int held_by_proc(const struct stat *st)
{
    FILE *f = fopen("/proc/locks", "re");
    if (!f)
        return -1;
    char line[256], want[64];
    snprintf(want, sizeof want, " %02x:%02x:%llu ", major(st->st_dev), minor(st->st_dev),
             (unsigned long long)st->st_ino);
    int held = 0;
    while (!held && fgets(line, sizeof line, f))
        held = strstr(line, "FLOCK") && !strstr(line, "->") && strstr(line, want);
    fclose(f);
    return held;
}

int gpulock_look(int dir_fd, const char *gpu, struct gpulock_holder *ret_holder)
{
    int fd = open_file(dir_fd, gpu, 0);
    if (fd == E_NOT_FOUND)
        return 0; /* nobody ever locked it */
    if (fd < 0)
        return fd;
    struct stat st;
    int held = fstat(fd, &st) < 0 ? -1 : held_by_proc(&st);
    if (held < 0) { /* no /proc: a shared lock for a moment is the only question left */
        held = flock(fd, LOCK_SH | LOCK_NB) < 0;
        if (!held)
            flock(fd, LOCK_UN);
    }
    if (held && ret_holder) {
        read_note(fd, ret_holder);
        if (ret_holder->uid == (uid_t)-1) {
            /* Somebody's `flock FILE command`: the owner of the file is the best guess there is
             * only if they made it; say "unknown" instead. */
            ret_holder->pid = 0;
        }
    }
    io_close(&fd);
    return held;
}
