/* job.c - see job.h. */
#include "supervisor/job.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "supervisor/fault.h"
#include "supervisor/wire.h"

extern char **environ;

#define BUSY_MS 10     /* between two tries to execute a script that is open for writing */
#define BUSY_TRIES 1000 /* ten seconds: a launcher that has died has closed it, too */
#define BEFORE_S 10     /* for a look at the code: a large tree takes git a second or two */
#define ALIVE_FD 197    /* where the job finds the inherited lock: out of the way of shells and scripts */

/* At the low end of the child's stack, which is shared even where our memory is copied. */
struct launch {
    const struct job_setup *setup;
    pid_t parent;
    struct job_failure failure; /* written by the child */
};

#define STACK_BYTES (64u * 1024) /* execvp needs PATH_MAX, and argv once more where there is no #! */

static int fail(struct launch *l, uint32_t stage)
{
    l->failure = (struct job_failure){ .stage = stage, .error = errno };
    return 127;
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
static int place_descriptors(const struct job_setup *s)
{
    int from[3] = { s->stdin_fd, s->stdout_fd, s->stderr_fd };
    /* Nothing we still need may lie where we dup to. */
    for (int i = 0; i < 3; i++)
        if (from[i] < 3 && (from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3)) < 0)
            return -1;
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

/* The child.  What it changes of our memory is its environment and errno; the rest of a process (signals,
 * descriptors, directory, umask) it has for itself. */
static int child(void *data)
{
    struct launch *l = data;
    const struct job_setup *s = l->setup;
    const struct request *r = s->request;
    static char job[32], attempt[64];
    default_signals();
    /* If the supervisor dies, so does the command: nobody could say any more how it ended. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != l->parent)
        return fail(l, STAGE_FORK);
    (void)setsid();
    if (s->is_pty && ioctl(s->stdin_fd, TIOCSCTTY, 0) < 0)
        return fail(l, STAGE_PTY);
    if (r->oom_score)
        write_oom_score(r->oom_score);
    if (r->nice && setpriority(PRIO_PROCESS, 0, r->nice) < 0 && errno != EACCES && errno != EPERM)
        return fail(l, STAGE_LIMITS);
    if (fchdir(s->cwd_fd) < 0)
        return fail(l, STAGE_CWD);
    umask(r->umask);
    if (place_descriptors(s) < 0)
        return fail(l, STAGE_FORK);
    if (set_limits(r) < 0) /* last: a small limit must not break our own steps */
        return fail(l, STAGE_LIMITS);
    add_variables(s, job, attempt);
    environ = (char **)(uintptr_t)r->env; /* execvp looks for the command in the job's PATH */
    if (r->before)
        look_before(r->before);
    FAULT("exec-child");
    /* In system mode the script's file was made by the launcher, which may not have come to closing it yet: Linux
     * executes nothing that anybody has open for writing, and tells nobody when that is over. */
    int tries = 0;
    do
        execvp(s->script ? s->script : r->argv[0], (char *const *)(uintptr_t)r->argv);
    while (errno == ETXTBSY && s->script && tries++ < BUSY_TRIES && poll(NULL, 0, BUSY_MS) == 0);
    return fail(l, STAGE_EXEC);
}

static long clone3_copy(struct clone_args *args, int (*run)(void *), void *data)
{
    long ret = syscall(SYS_clone3, args, sizeof *args);
    if (ret == 0)
        _exit(run(data));
    return ret;
}

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) /* that would remember the frames left at exec */
/* clone3() in our memory, on a stack of its own, which the C library has for clone() only. */
static long clone3_shared(struct clone_args *args, int (*run)(void *), void *data)
{
    long ret;
    args->flags |= CLONE_VM;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t" /* the outermost frame */
                     "mov %[data], %%rdi\n\t"
                     "call *%[run]\n\t"
                     "mov %%eax, %%edi\n\t"
                     "mov %[leave], %%eax\n\t"
                     "syscall\n\t"
                     "1:"
                     : "=a"(ret)
                     : "a"((long)SYS_clone3), "D"(args), "S"(sizeof *args), [run] "r"(run),
                       [data] "r"(data), [leave] "i"(SYS_exit)
                     : "rcx", "r11", "cc", "memory");
    if (ret >= 0)
        return ret;
    errno = (int)-ret;
    return -1;
}
#else
static long clone3_shared(struct clone_args *args, int (*run)(void *), void *data)
{
    args->stack = args->stack_size = 0;
    return clone3_copy(args, run, data);
}
#endif

/* In the cgroup from its first moment; -1 and errno if there is no such process. */
static pid_t begin(struct launch *l, size_t size, int cgroup_fd, int *ret_pidfd)
{
    char **own = environ;
    struct clone_args args = {
        .flags = CLONE_PIDFD | CLONE_VFORK | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uintptr_t)ret_pidfd, .exit_signal = SIGCHLD,
        .cgroup = cgroup_fd >= 0 ? (unsigned)cgroup_fd : 0,
    };
    if (l->setup->request->before) /* it forks: not on a stack that two would have then */
        return (pid_t)clone3_copy(&args, child, l);
    args.stack = (uintptr_t)(l + 1);
    args.stack_size = size - sizeof *l;
    pid_t pid = (pid_t)clone3_shared(&args, child, l);
    environ = own;
    return pid;
}

int job_start(const struct job_setup *s, pid_t *ret_pid, int *ret_pidfd, struct job_failure *failure)
{
    int pidfd = -1;
    size_t size = sizeof(struct launch) + STACK_BYTES;
    for (const char **word = s->request->argv + 1; *word; word++) /* the first is always there */
        size += sizeof *word;
    size = (size + 4095) & ~(size_t)4095;
    struct launch *l = mmap(NULL, size, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *failure = (struct job_failure){ .stage = STAGE_FORK };
    if (l == MAP_FAILED) {
        failure->error = errno;
        return -1;
    }
    *l = (struct launch){ .setup = s, .parent = getpid() };
    FAULT("exec-before");
    pid_t pid = begin(l, size, s->cgroup_fd, &pidfd);
    failure->error = pid < 0 ? errno : 0;
    if (pid > 0)
        *failure = l->failure;
    (void)munmap(l, size);
    if (pid > 0 && failure->stage)
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    if (failure->stage) {
        io_close(&pidfd);
        return -1;
    }
    FAULT("exec-after");
    *ret_pid = pid;
    *ret_pidfd = pidfd;
    return 0;
}
