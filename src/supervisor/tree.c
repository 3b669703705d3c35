/* tree.c - see tree.h. */
#include "supervisor/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/str.h"

usec_t tree_patience(usec_t us) { return getenv("EOUL_HURRY") ? us / 20 : us; }

/* --- cgroup ----------------------------------------------------------------------------------- */

static ssize_t read_at(int dir_fd, const char *name, char *text, size_t size)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, text, size - 1);
    io_close(&fd);
    text[n > 0 ? n : 0] = 0;
    return n;
}

int tree_cgroup_kill(int dir_fd)
{
    int fd = openat(dir_fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return io_from_errno(errno);
    int r = io_write_all(fd, "1", 1);
    io_close(&fd);
    return r;
}

int tree_cgroup_events(int dir_fd)
{
    int fd = openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? io_from_errno(errno) : fd;
}

/* The value of a line "key number" in the small text of a cgroup file. */
static int keyed_value(const char *text, const char *key, uint64_t *ret)
{
    struct str rest = str_of(text), line, word;
    while (str_next(&rest, '\n', &line))
        if (str_next(&line, ' ', &word) && str_is(word, key))
            return str_u64(line, ret);
    return E_NOT_FOUND;
}

int tree_cgroup_empty(int events_fd)
{
    char text[256];
    uint64_t populated;
    ssize_t n = pread(events_fd, text, sizeof text - 1, 0);
    if (n < 0)
        return errno == ENODEV ? 1 : io_from_errno(errno); /* ENODEV: the cgroup was removed */
    text[n] = 0;
    int r = keyed_value(text, "populated", &populated);
    return r < 0 ? r : populated == 0;
}

int tree_cgroup_oom_kills(int dir_fd, uint64_t *ret)
{
    char text[512];
    if (read_at(dir_fd, "memory.events", text, sizeof text) < 0)
        return E_NOT_FOUND;
    return keyed_value(text, "oom_kill", ret);
}

/* The number in a file of one, or E_*: "max" is none. */
static int number_at(int dir_fd, const char *name, uint64_t *ret)
{
    char text[32];
    ssize_t n = read_at(dir_fd, name, text, sizeof text);
    if (n <= 0)
        return E_NOT_FOUND;
    return str_u64((struct str){ text, strcspn(text, "\n") }, ret);
}

bool tree_cgroup_crowded(int dir_fd)
{
    uint64_t now, most;
    return number_at(dir_fd, "pids.max", &most) == 0 && number_at(dir_fd, "pids.current", &now) == 0 &&
           now >= most - most / 16;
}

/* --- processes -------------------------------------------------------------------------------- */

struct process {
    pid_t pid;
    pid_t parent;
    unsigned long long ticks;
    bool found;
    bool done;
};

/* Parent and start time from /proc/PID/stat.  The name in it may hold anything, so count from the
 * last ')'. */
static int read_stat(int proc_fd, const char *pid, struct process *ret)
{
    char path[48], text[1024];
    snprintf(path, sizeof path, "%s/stat", pid);
    if (read_at(proc_fd, path, text, sizeof text) <= 0)
        return E_NOT_FOUND;
    const char *after = strrchr(text, ')');
    if (!after)
        return E_CORRUPT;
    struct str rest = str_of(after + 1), word;
    uint64_t value;
    int field = 2;
    while (field < 22 && str_next(&rest, ' ', &word)) {
        if (word.len == 0)
            continue;
        field++;
        if (field == 4 && str_u64(word, &value) == 0)
            ret->parent = (pid_t)value;
        if (field == 22 && str_u64(word, &value) == 0) {
            ret->ticks = value;
            return 0;
        }
    }
    return E_CORRUPT;
}

static bool is_number(const char *name)
{
    return name[0] >= '1' && name[0] <= '9' && strspn(name, "0123456789") == strlen(name);
}

/* All processes of the machine, at most TREE_PIDS_MAX; the memory is the caller's to free. */
static struct process *list_all(uint32_t *ret_n)
{
    DIR *proc = opendir("/proc");
    struct process *all = calloc(TREE_PIDS_MAX, sizeof *all);
    uint32_t n = 0;
    struct dirent *entry;
    while (proc && all && n < TREE_PIDS_MAX && (entry = readdir(proc))) {
        uint64_t pid;
        if (!is_number(entry->d_name) || str_u64(str_of(entry->d_name), &pid) < 0)
            continue;
        all[n].pid = (pid_t)pid;
        if (read_stat(dirfd(proc), entry->d_name, &all[n]) == 0)
            n++;
    }
    if (proc)
        closedir(proc);
    *ret_n = n;
    return all;
}

/* The process seen as `p`, if it is still that one: a pidfd, or -1. */
static int open_same(const struct process *p)
{
    int pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    if (pidfd < 0)
        return -1;
    unsigned long long ticks;
    if (io_start_time(p->pid, &ticks) < 0 || ticks != p->ticks)
        io_close(&pidfd);
    return pidfd;
}

static bool signal_same(const struct process *p, int signo)
{
    int pidfd = open_same(p);
    if (pidfd < 0)
        return false;
    bool reached = syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0) == 0;
    io_close(&pidfd);
    return reached;
}

/* Mark everything below root.  Parents may stand after their children in the list: go round until
 * nothing changes (depth of the tree, in practice a few rounds). */
static void mark_descendants(struct process *all, uint32_t n, pid_t root)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = 0; i < n; i++) {
            if (all[i].found || all[i].pid == root)
                continue;
            bool mine = all[i].parent == root;
            for (uint32_t k = 0; k < n && !mine; k++)
                mine = all[k].found && all[k].pid == all[i].parent;
            if (mine)
                all[i].found = changed = true;
        }
    }
}

static int signal_pass(pid_t root, pid_t except, int signo)
{
    uint32_t n;
    struct process *all = list_all(&n);
    int reached = 0;
    if (all)
        mark_descendants(all, n, root);
    for (uint32_t i = 0; all && i < n; i++)
        if (all[i].found && all[i].pid != except)
            reached += signal_same(&all[i], signo);
    free(all);
    return reached;
}

int tree_descendants_signal(pid_t root, pid_t except, int signo)
{
    if (signo != SIGKILL)
        return signal_pass(root, except, signo);
    int before = -1;
    for (uint32_t pass = 0; pass < TREE_PASSES_MAX; pass++) {
        int now = signal_pass(root, except, SIGSTOP);
        if (now <= before)
            break;
        before = now;
    }
    return signal_pass(root, except, SIGKILL);
}

bool tree_ignores(pid_t pid, int signo)
{
    char path[48], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if (read_at(AT_FDCWD, path, text, sizeof text) <= 0)
        return false;
    const char *mask = strstr(text, "\nSigIgn:");
    return mask && strtoull(mask + 8, NULL, 16) >> (signo - 1) & 1;
}

/* --- by mark ---------------------------------------------------------------------------------- */

#define ENVIRON_MAX (8u << 20) /* Linux allows about 6 MiB */

static bool environ_has(int proc_fd, const char *pid, const char *uuid)
{
    char path[48], want[64];
    static char text[1 << 16];
    int want_len = snprintf(want, sizeof want, "EOUL_ATTEMPT=%s", uuid);
    snprintf(path, sizeof path, "%s/environ", pid);
    int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    /* In windows that overlap, so that the mark is not missed where two of them meet. */
    size_t keep = 0, total = 0;
    bool has = false;
    ssize_t n;
    while (!has && total < ENVIRON_MAX &&
           (n = read(fd, text + keep, sizeof text - keep)) > 0) {
        size_t len = keep + (size_t)n;
        has = memmem(text, len, want, (size_t)want_len) != NULL;
        keep = len < (size_t)want_len ? len : (size_t)want_len;
        memmove(text, text + len - keep, keep);
        total += (size_t)n;
    }
    io_close(&fd);
    return has;
}

static bool descriptors_have(int proc_fd, const char *pid, const struct stat *file)
{
    char path[48];
    snprintf(path, sizeof path, "%s/fd", pid);
    int fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        io_close(&fd);
        return false;
    }
    bool has = false;
    struct dirent *entry;
    struct stat st;
    while (!has && (entry = readdir(dir)))
        has = is_number(entry->d_name) + (entry->d_name[0] == '0') &&
              fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && st.st_dev == file->st_dev &&
              st.st_ino == file->st_ino;
    closedir(dir);
    return has;
}

static int marked_pass(const struct tree_mark *mark, int signo, int *ret_pidfd)
{
    uint32_t n;
    int reached = 0;
    int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct process *all = list_all(&n);
    for (uint32_t i = 0; all && i < n; i++) {
        char pid[16];
        snprintf(pid, sizeof pid, "%d", (int)all[i].pid);
        if (all[i].pid == getpid() ||
            (!environ_has(proc_fd, pid, mark->uuid) &&
             !(mark->has_alive && descriptors_have(proc_fd, pid, &mark->alive))))
            continue;
        int pidfd = open_same(&all[i]);
        if (pidfd < 0)
            continue;
        reached += syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0) == 0;
        if (ret_pidfd && *ret_pidfd < 0)
            *ret_pidfd = pidfd;
        else
            io_close(&pidfd);
    }
    free(all);
    io_close(&proc_fd);
    return reached;
}

int tree_marked_signal(const struct tree_mark *mark, int signo, int *ret_pidfd)
{
    *ret_pidfd = -1;
    int before = -1;
    for (uint32_t pass = 0; signo == SIGKILL && pass < TREE_PASSES_MAX; pass++) {
        int now = marked_pass(mark, SIGSTOP, NULL);
        if (now <= before || now == 0)
            break;
        before = now;
    }
    return marked_pass(mark, signo, ret_pidfd);
}
