/* job.c - see job.h. */
#include "supervisor/job.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "supervisor/fault.h"
#include "supervisor/wire.h"

#define BEFORE_S 10  /* for a look at the code: a large tree takes git a second or two */
#define ALIVE_FD 197 /* where the job finds the inherited lock: out of the way of shells and scripts */

static void fail(int report_fd, uint32_t stage)
{
    struct job_failure f = { .stage = stage, .error = errno };
    (void)io_write_all(report_fd, &f, sizeof f); /* shorter than PIPE_BUF: whole or not at all */
    _exit(127);
}

static void default_signals(void)
{
    /* What supervise.c ignores; everything else came as default from the launcher. */
    static const int ignored[] = { SIGPIPE, SIGHUP, SIGINT, SIGXFSZ };
    sigset_t none;
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        (void)signal(ignored[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void write_oom_score(int score)
{
    char text[16];
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    int len = snprintf(text, sizeof text, "%d", score);
    if (fd >= 0 && len > 0)
        (void)io_write_all(fd, text, (size_t)len); /* lowering may be refused: then it stays */
    io_close(&fd);
}

/* A hard limit may only go down; a soft one is cut to what we may give, as login programs do. */
static int set_limits(const struct request *r)
{
    for (uint32_t i = 0; i < r->limit_n; i++) {
        struct rlimit now, want = r->limits[i].value;
        __rlimit_resource_t resource = (__rlimit_resource_t)r->limits[i].resource;
        if (setrlimit(resource, &want) == 0)
            continue;
        if (errno != EPERM || getrlimit(resource, &now) < 0)
            return -1;
        want.rlim_max = now.rlim_max;
        if (want.rlim_cur > want.rlim_max)
            want.rlim_cur = want.rlim_max;
        if (setrlimit(resource, &want) < 0)
            return -1;
    }
    return 0;
}

/* 0 1 2 as given, the lock at its place, everything else gone at exec. */
static int place_descriptors(const struct job_setup *s, int *report_fd)
{
    int from[3] = { s->stdin_fd, s->stdout_fd, s->stderr_fd };
    /* Nothing we still need may lie where we dup to. */
    for (int i = 0; i < 3; i++)
        if (from[i] < 3 && (from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3)) < 0)
            return -1;
    int report = fcntl(*report_fd, F_DUPFD_CLOEXEC, 3);
    if (report < 0)
        return -1;
    *report_fd = report;
    for (int i = 0; i < 3; i++)
        if (dup2(from[i], i) < 0)
            return -1;
    if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
        return -1;
    if (s->alive_fd >= 0 && dup2(s->alive_fd, ALIVE_FD) < 0) {
        int low = dup(s->alive_fd); /* a small RLIMIT_NOFILE: anywhere then */
        if (low < 0)
            return -1;
    }
    return 0;
}

static void add_variables(const struct job_setup *s, char job[32], char attempt[64])
{
    const struct request *r = s->request;
    snprintf(job, 32, "EOUL_JOB_ID=%u", (unsigned)s->job);
    snprintf(attempt, 64, "EOUL_ATTEMPT=%s", s->uuid);
    r->env[r->envc] = job;
    r->env[r->envc + 1] = attempt;
    r->env[r->envc + 2] = NULL;
}

extern char **environ;

/* A word to the job's owner before it runs.  Whatever becomes of it, the job runs. */
static void look_before(const char *program)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)alarm(BEFORE_S);
        execl(program, "eoul", "code-check", (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void __attribute__((noreturn)) child(const struct job_setup *s, int report_fd, pid_t parent)
{
    const struct request *r = s->request;
    static char job[32], attempt[64];
    default_signals();
    /* If the supervisor dies, so does the command: nobody could say any more how it ended. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        fail(report_fd, STAGE_FORK);
    (void)setsid();
    if (s->is_pty && ioctl(s->stdin_fd, TIOCSCTTY, 0) < 0)
        fail(report_fd, STAGE_PTY);
    if (r->oom_score)
        write_oom_score(r->oom_score);
    if (r->nice && setpriority(PRIO_PROCESS, 0, r->nice) < 0 && errno != EACCES && errno != EPERM)
        fail(report_fd, STAGE_LIMITS);
    if (fchdir(s->cwd_fd) < 0)
        fail(report_fd, STAGE_CWD);
    umask(r->umask);
    if (place_descriptors(s, &report_fd) < 0)
        fail(report_fd, STAGE_FORK);
    if (set_limits(r) < 0) /* last: a small limit must not break our own steps */
        fail(report_fd, STAGE_LIMITS);
    add_variables(s, job, attempt);
    environ = (char **)(uintptr_t)r->env; /* execvp looks for the command in the job's PATH */
    if (r->before)
        look_before(r->before);
    FAULT("exec-child");
    execvp(s->script ? s->script : r->argv[0], (char *const *)(uintptr_t)r->argv);
    fail(report_fd, STAGE_EXEC);
    _exit(127);
}

/* fork() into the cgroup, with a pidfd, if the kernel can do it at once (5.7). */
static pid_t fork_into(int cgroup_fd, int *ret_pidfd)
{
    struct clone_args args = {
        .flags = CLONE_PIDFD | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uintptr_t)ret_pidfd,
        .exit_signal = SIGCHLD,
        .cgroup = cgroup_fd >= 0 ? (unsigned)cgroup_fd : 0,
    };
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

int job_start(const struct job_setup *s, pid_t *ret_pid, int *ret_pidfd, struct job_failure *failure)
{
    int report[2], pidfd = -1;
    *failure = (struct job_failure){ .stage = STAGE_FORK };
    if (pipe2(report, O_CLOEXEC) < 0) {
        failure->error = errno;
        return -1;
    }
    FAULT("exec-before");
    pid_t parent = getpid();
    pid_t pid = fork_into(s->cgroup_fd, &pidfd);
    if (pid == 0)
        child(s, report[1], parent);
    if (pid < 0) {
        failure->error = errno;
        io_close(&report[0]);
        io_close(&report[1]);
        return -1;
    }
    io_close(&report[1]);
    ssize_t n;
    struct job_failure said;
    while ((n = read(report[0], &said, sizeof said)) < 0 && errno == EINTR)
        ;
    io_close(&report[0]);
    if (n == (ssize_t)sizeof said) {
        *failure = said;
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        io_close(&pidfd);
        return -1;
    }
    FAULT("exec-after");
    *failure = (struct job_failure){ 0 };
    *ret_pid = pid;
    *ret_pidfd = pidfd;
    return 0;
}
