/* cgroup.c - see cgroup.h. */
#include "supervisor/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/str.h"
#include "supervisor/tree.h"

/* Our own path in the v2 hierarchy: the line "0::PATH". */
static int own_path(char *ret, size_t size)
{
    char text[4096];
    struct buf b;
    buf_init_fixed(&b, text, sizeof text);
    if (io_read_file(AT_FDCWD, "/proc/self/cgroup", &b) < 0)
        return E_NOT_FOUND;
    struct str rest = buf_look(&b), line;
    while (str_next(&rest, '\n', &line)) {
        if (!str_starts(line, "0::/") || line.len - 3 >= size)
            continue;
        memcpy(ret, line.ptr + 3, line.len - 3);
        ret[line.len - 3] = 0;
        return strstr(ret, "..") ? E_UNSUPPORTED : 0; /* outside our cgroup namespace */
    }
    return E_NOT_FOUND;
}

/* Run a process in it that ends at once: the only honest test of the rights. */
static int try_out(int dir_fd)
{
    struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD,
                               .cgroup = (unsigned)dir_fd };
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        _exit(0);
    if (pid < 0)
        return io_from_errno(errno);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return faccessat(dir_fd, "cgroup.kill", W_OK, 0) < 0 ? E_UNSUPPORTED : 0;
}

static int try_place(struct cgroup_place *p, bool of_jobs_alone)
{
    char path[256];
    snprintf(path, sizeof path, "%s/eoul-try-%d", p->path, (int)getpid());
    if (mkdir(path, 0755) < 0)
        return io_from_errno(errno);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int at = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || at < 0 ? io_from_errno(errno) : try_out(fd);
    p->guards = r == 0 ? guard_begin(at, fd, of_jobs_alone) : 0;
    io_close(&fd);
    io_close(&at);
    (void)rmdir(path);
    return r;
}

static bool is_cgroup2(const char *path)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

int cgroup_find(struct cgroup_place *ret)
{
    static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
    const char *named = getenv("EOUL_CGROUP");
    char own[CGROUP_PATH_MAX];
    *ret = (struct cgroup_place){ 0 };
    if (getenv("EOUL_NO_CGROUP"))
        return E_UNSUPPORTED;
    if (named && is_cgroup2(named) && strlen(named) < sizeof ret->path) {
        memcpy(ret->path, named, strlen(named) + 1);
        if (try_place(ret, true) == 0)
            return 0;
    }
    int r = own_path(own, sizeof own);
    if (r < 0)
        return r;
    r = E_UNSUPPORTED;
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        if (!is_cgroup2(mounts[i]))
            continue;
        int len = snprintf(ret->path, sizeof ret->path, "%s%s", mounts[i], own[1] ? own : "");
        if (len < 0 || (size_t)len >= sizeof ret->path)
            return E_TOO_LARGE;
        return try_place(ret, false);
    }
    return r;
}

static int make(const char *place, const uint8_t uuid[16], char ret_path[256])
{
    char *at = ret_path + snprintf(ret_path, 256, "%s/eoul-", place);
    for (int i = 0; i < 16; i++)
        at += snprintf(at, 3, "%02x", uuid[i]);
    /* One that is there is of this attempt's first try, when the disk was full: nobody is in it. */
    if (mkdir(ret_path, 0755) < 0 && errno != EEXIST) {
        ret_path[0] = 0;
        return io_from_errno(errno);
    }
    int fd = open(ret_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        int saved = errno;
        (void)rmdir(ret_path);
        ret_path[0] = 0;
        errno = saved;
        return io_from_errno(saved);
    }
    return fd;
}

int cgroup_make(const struct cgroup_place *p, const uint8_t uuid[16], const struct guard_bounds *b, char ret_path[256])
{
    int fd = make(p->path, uuid, ret_path);
    if (fd >= 0 && (guard_limit(fd, b, p->guards) < 0 || guard_devices(fd, b, p->guards) < 0)) {
        int saved = errno;
        io_close(&fd);
        (void)rmdir(ret_path);
        ret_path[0] = 0;
        errno = saved;
        return io_from_errno(saved);
    }
    return fd;
}

/* A supervisor without rights opens files in it by name, which the launcher's umask would keep it from. */
static int open_for_all(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fchmod(fd, 0755) < 0)
        io_close(&fd);
    return fd;
}

/* One place of a user's: entering it, and killing what is in it, becomes their right. */
static int lend(const char *path, uid_t uid, bool may_kill)
{
    int fd = open_for_all(path);
    if (fd < 0 || fchownat(fd, "cgroup.procs", uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 ||
        (may_kill && fchownat(fd, "cgroup.kill", uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0))
        io_close(&fd);
    return fd;
}

/* GPUs are filtered outside, so that whoever moves itself out of `job` has gained nothing. */
int cgroup_make_for(const struct cgroup_place *p, const uint8_t uuid[16], uid_t uid, const struct guard_bounds *b,
                    char ret_path[256], int *ret_above_fd)
{
    char outside[256], above[256];
    int fd = make(p->path, uuid, outside);
    if (fd < 0)
        return fd;
    bool guarded = guard_delegate(fd, p->guards) == 0 && guard_devices(fd, b, p->guards) == 0;
    io_close(&fd);
    snprintf(above, sizeof above, "%.240s/supervisor", outside); /* CGROUP_PATH_MAX leaves room */
    snprintf(ret_path, 256, "%.240s/job", outside);
    int outer = guarded ? lend(outside, uid, false) : -1;
    if (outer >= 0 && (mkdir(above, 0755) == 0 || errno == EEXIST) &&
        (mkdir(ret_path, 0755) == 0 || errno == EEXIST)) {
        *ret_above_fd = open_for_all(above);
        fd = *ret_above_fd < 0 ? -1 : lend(ret_path, uid, true);
        if (fd >= 0 && guard_limit(fd, b, p->guards) < 0)
            io_close(&fd);
    }
    io_close(&outer);
    if (fd < 0) {
        int saved = errno;
        io_close(ret_above_fd);
        cgroup_remove(ret_path);
        ret_path[0] = 0;
        errno = saved;
        return io_from_errno(saved);
    }
    return fd;
}

void cgroup_above(char path[256])
{
    char *slash = strrchr(path, '/');
    if (slash && strcmp(slash, "/job") == 0)
        *slash = 0;
}

void cgroup_remove(const char *path)
{
    char above[256], one[300];
    snprintf(above, sizeof above, "%s", path);
    cgroup_above(above);
    int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        (void)tree_cgroup_kill(fd); /* the attempt is over: nobody should be left */
    io_close(&fd);
    (void)rmdir(path);
    snprintf(one, sizeof one, "%s/supervisor", above);
    (void)rmdir(one);
    (void)rmdir(above);
}
