/* spawn.c - see spawn.h. */
#include "launcher/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "launcher/ticket.h"

extern char **environ; /* only what is ours: main.c saw to it */

/* Drop, then prove it: all three of each kind are the user's, and there is no way back. */
static bool drop(const struct spawn_user *u)
{
    uid_t r, e, v;
    gid_t gr, ge, gv;
    gid_t have[TICKET_GROUPS_MAX];
    if (u->uid == 0 || setgroups(u->groups_n, u->groups) < 0 || setresgid(u->gid, u->gid, u->gid) < 0 ||
        setresuid(u->uid, u->uid, u->uid) < 0)
        return false;
    if (getresuid(&r, &e, &v) < 0 || r != u->uid || e != u->uid || v != u->uid)
        return false;
    if (getresgid(&gr, &ge, &gv) < 0 || gr != u->gid || ge != u->gid || gv != u->gid)
        return false;
    if (getgroups(TICKET_GROUPS_MAX, have) != (int)u->groups_n ||
        memcmp(have, u->groups, u->groups_n * sizeof have[0]) != 0)
        return false;
    if (setresuid(0, 0, 0) == 0 || seteuid(0) == 0)
        return false;
    return u->gid == 0 || (setresgid(0, 0, 0) < 0 && setegid(0) < 0);
}

static void __attribute__((noreturn)) child(const struct spawn_user *u, const char *path, char *const argv[],
                                            const int *from, const int *to, int n, int report_fd)
{
    sigset_t none;
    (void)setsid();
    for (int signo = 1; signo < NSIG; signo++)
        (void)signal(signo, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_DUMPABLE, 0);
    errno = 0;
    for (int i = 0; i < n; i++) {
        if (from[i] >= 0 && dup2(from[i], to[i]) < 0)
            goto fail;
        if (from[i] < 0)
            close(to[i]);
    }
    const int report_at = to[n - 1] < 2 ? 3 : to[n - 1] + 1; /* 0 1 2 stay */
    if (dup3(report_fd, report_at, O_CLOEXEC) < 0)
        goto fail;
    report_fd = report_at;
    if (syscall(SYS_close_range, (unsigned)report_fd + 1, ~0u, 0) < 0)
        goto fail;
    if (u && !drop(u)) {
        errno = errno ? errno : EPERM;
        goto fail;
    }
    execve(path, argv, environ);
fail:
    (void)io_write_all(report_fd, &errno, sizeof errno);
    _exit(127);
}

int spawn(const struct spawn_user *u, const char *path, char *const argv[], const int *from,
                 const int *to, int n, int cgroup_fd, pid_t *ret_pid)
{
    struct clone_args args = { .flags = cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0, .exit_signal = SIGCHLD,
                               .cgroup = cgroup_fd >= 0 ? (unsigned)cgroup_fd : 0 };
    int report[2], error = 0;
    if (pipe2(report, O_CLOEXEC) < 0)
        return errno;
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        child(u, path, argv, from, to, n, report[1]);
    error = pid < 0 ? errno : 0;
    io_close(&report[1]);
    if (pid > 0) {
        ssize_t got;
        int said = 0;
        while ((got = read(report[0], &said, sizeof said)) < 0 && errno == EINTR)
            ;
        if (got == (ssize_t)sizeof said)
            error = said ? said : EPERM;
    }
    io_close(&report[0]);
    *ret_pid = pid;
    return error;
}
