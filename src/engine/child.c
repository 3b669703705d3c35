/* child.c - see child.h. */
#include "engine/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "engine/programs.h"

#define IO_CLASS_IDLE (3 << 13) /* of ioprio_set(2), which has no header */
#define IO_WHO_PROCESS 1
#define LOWEST_NICE 19
#define CPU_GRACE_S 5

static void bound(__rlimit_resource_t what, rlim_t soft, rlim_t hard)
{
    const struct rlimit r = { soft, hard };
    (void)setrlimit(what, &r);
}

static void lower(const struct child_bounds *b)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)io_write_all(fd, "1000", 4);
    io_close(&fd);
    (void)setpriority(PRIO_PROCESS, 0, LOWEST_NICE);
    (void)syscall(SYS_ioprio_set, IO_WHO_PROCESS, 0, IO_CLASS_IDLE);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    bound(RLIMIT_CPU, b->cpu_s, b->cpu_s + CPU_GRACE_S);
    bound(RLIMIT_CORE, 0, 0);
    bound(RLIMIT_FSIZE, 0, 0);
    bound(RLIMIT_NPROC, 0, 0);
#ifndef __SANITIZE_ADDRESS__ /* whose shadow is larger than any bound */
    bound(RLIMIT_DATA, b->memory, b->memory);
#endif
}

/* Only calls that are safe after fork.  Never returns. */
static void __attribute__((noreturn)) become(const char *path, char *const argv[], char *const env[], int in_fd, int out_fd,
                                             pid_t parent, const struct child_bounds *b)
{
    sigset_t none;
    int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)setsid();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(126);
    for (int signo = 1; signo < NSIG; signo++)
        (void)signal(signo, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Through high numbers: none may be overwritten before it is moved. */
    in_fd = fcntl(in_fd, F_DUPFD_CLOEXEC, 3);
    out_fd = fcntl(out_fd, F_DUPFD_CLOEXEC, 3);
    null_fd = fcntl(null_fd, F_DUPFD_CLOEXEC, 3);
    if (in_fd < 0 || out_fd < 0 || null_fd < 0 || dup2(in_fd, 0) < 0 || dup2(out_fd, 1) < 0 || dup2(null_fd, 2) < 0 ||
        syscall(SYS_close_range, 3u, ~0u, 0) < 0 || chdir("/") < 0)
        _exit(126);
    lower(b);
    execve(path, argv, env);
    _exit(127);
}

int child_start(const char *libexec, char *const argv[], int stdin_fd, const struct child_bounds *bounds,
                struct child *ret, struct err *err)
{
    char path[PATH_MAX + 64], *env[PROGRAMS_ENV_MAX + 1];
    int out[2];
    *ret = (struct child){ .pidfd = -1, .out_fd = -1 };
    int r = programs_directory(libexec, path, PATH_MAX);
    if (r < 0)
        return err_set(err, r, "cannot find out where the programs of eoul are");
    size_t n = strlen(path);
    snprintf(path + n, sizeof path - n, "/%s", argv[0]);
    if (access(path, X_OK) < 0)
        return err_set(err, io_from_errno(errno), "cannot run \"%s\": %s", path, strerror(errno));
    if (pipe2(out, O_CLOEXEC) < 0)
        return err_set(err, io_from_errno(errno), "cannot make a pipe: %s", strerror(errno));
    programs_environment(env);
    pid_t self = getpid(), pid = fork();
    if (pid == 0)
        become(path, argv, env, stdin_fd, out[1], self, bounds);
    int error = errno;
    io_close(&out[1]);
    *ret = (struct child){ .pid = pid < 0 ? 0 : pid, .out_fd = out[0],
                           .pidfd = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0) };
    if (ret->pidfd >= 0 && fcntl(ret->out_fd, F_SETFL, O_NONBLOCK) == 0)
        return 0;
    error = pid < 0 ? error : errno;
    child_kill(ret);
    if (pid > 0)
        (void)waitpid(pid, NULL, 0);
    io_close(&ret->pidfd);
    io_close(&ret->out_fd);
    ret->pid = 0;
    return err_set(err, io_from_errno(error), "cannot start \"%s\": %s", path, strerror(error));
}

/* Not reaped yet, so neither number can be somebody else's. */
void child_kill(const struct child *c)
{
    if (c->pid <= 0)
        return;
    (void)kill(c->pid, SIGKILL); /* before it has a session, too */
    (void)kill(-c->pid, SIGKILL);
}

bool child_reap(struct child *c, int *ret_status)
{
    if (c->pid <= 0 || waitpid(c->pid, ret_status, WNOHANG) != c->pid)
        return false;
    c->pid = 0;
    io_close(&c->pidfd);
    io_close(&c->out_fd);
    return true;
}
