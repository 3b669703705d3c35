/* slurm_step.c - `srun --jobid=J COMMAND`: a step inside a job that runs, started by its supervisor.
 *
 * The supervisor runs this very program as srun inside the job (supervisor/step.h), so that ranks, labels and
 * shares of GPUs are those of any step.  Without --pty our 0 1 2 are the step's.  With it we keep a terminal
 * between ours and the step's: ours is raw meanwhile, its size follows, and keys such as Ctrl-C are the step's.
 * Signals we get go to the step; when we go it is told to end; the job's end is its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/meet.h"
#include "cli/session.h"
#include "cli/slurm.h"

#define ANSWER_US (10 * USEC_PER_SEC)
#define BLOCK     16384

struct outside {
    struct cli *cli;
    const char *job;
    int ctl_fd, signal_fd;
    int master_fd;          /* -1: no terminal between */
    bool keys_over, over;
    int status;             /* wait status */
    struct termios modes;
};

/* "program NUL srun NUL word NUL ..." */
static int command_file(struct cli *cli, int argc, char **words)
{
    char program[4096];
    struct buf text;
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    int fd = memfd_create("eoul-step", MFD_CLOEXEC);
    if (n <= 0 || fd < 0) {
        io_close(&fd);
        return err_set(&cli->err, E_IO, "The step cannot be prepared: %s.", strerror(errno));
    }
    program[n] = '\0';
    buf_init(&text, 1u << 20);
    buf_add(&text, program, (size_t)n + 1);
    buf_add(&text, "srun", sizeof "srun");
    for (int i = 0; i < argc; i++)
        buf_add(&text, words[i], strlen(words[i]) + 1);
    int r = text.failed ? text.failed : io_write_all(fd, text.ptr, text.len);
    buf_finish(&text);
    if (r < 0) {
        io_close(&fd);
        return err_set(&cli->err, r, "The command is too long for a step; put it into a script.");
    }
    return fd;
}

static int send_step(struct outside *o, int in, int out, int err, int command, bool terminal)
{
    union { /* aligned for a header */
        char bytes[CMSG_SPACE(WIRE_FDS * sizeof(int))];
        struct cmsghdr header;
    } control = {{0}};
    const int fds[WIRE_FDS] = {in, out, err, command};
    struct wire_msg m = {.magic = WIRE_MAGIC, .version = WIRE_VERSION, .type = WIRE_STEP, .arg = terminal};
    struct iovec part = {.iov_base = &m, .iov_len = sizeof m};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(c), fds, sizeof fds);
    ssize_t n;
    while ((n = sendmsg(o->ctl_fd, &header, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    return n == (ssize_t)sizeof m ? 0
                                  : err_set(&o->cli->err, io_from_errno(errno), "Job %s cannot be reached: %s.", o->job,
                                            strerror(errno));
}

/* Started, or why not. */
static int await_start(struct outside *o)
{
    struct cli *cli = o->cli;
    usec_t until = io_boot_now() + ANSWER_US;
    for (;;) {
        struct wire_msg m;
        int fd = -1;
        usec_t left = until - io_boot_now();
        int r = meet_hear(o->ctl_fd, left > 0 ? left : 0, &m, &fd);
        io_close(&fd);
        if (r != 1)
            return err_set(&cli->err, E_UNAVAILABLE,
                           "Whoever runs job %s does not answer, or is of an eoul that knows no steps from outside.", o->job);
        if (m.type == WIRE_STEP_STARTED)
            return 0;
        if (m.type == WIRE_REFUSED && m.arg == EUSERS)
            return err_set(&cli->err, E_FULL, "Job %s has as many steps from outside as there can be.", o->job);
        if ((m.type == WIRE_REFUSED && m.arg == ESRCH) || m.type == WIRE_ENDED || m.type == WIRE_FAILED)
            return err_set(&cli->err, E_STATE, "Job %s does not run now.", o->job);
        if (m.type == WIRE_REFUSED)
            return err_set(&cli->err, io_from_errno((int)m.arg), "The step cannot be started in job %s: %s.", o->job,
                           strerror((int)m.arg));
    }
}

/* --- while it runs --------------------------------------------------------------------------------- */

static void follow_size(const struct outside *o)
{
    struct winsize size;
    if (o->master_fd >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
        (void)ioctl(o->master_fd, TIOCSWINSZ, &size);
}

static void pass_signals(const struct outside *o)
{
    struct signalfd_siginfo info;
    while (read(o->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGWINCH)
            follow_size(o);
        else
            (void)meet_tell(o->ctl_fd, WIRE_STEP_SIGNAL, info.ssi_signo, 0);
    }
}

/* false: that side has no more to say. */
static bool copy(int from, int to)
{
    char block[BLOCK];
    ssize_t n = read(from, block, sizeof block);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    return n > 0 && io_write_all(to, block, (size_t)n) == 0;
}

static void hear(struct outside *o)
{
    struct wire_msg m;
    int fd = -1;
    int r = meet_hear(o->ctl_fd, 0, &m, &fd);
    io_close(&fd);
    if (r == 1 && m.type == WIRE_STEP_ENDED)
        o->status = (int)m.arg;
    if (r == 0 || (r == 1 && m.type == WIRE_STEP_ENDED))
        o->over = true;
    if (r == 0) /* the supervisor is gone, and the step with it */
        o->status = SIGKILL;
}

static void stay(struct outside *o)
{
    while (!o->over) {
        struct pollfd set[] = {
            {.fd = o->ctl_fd, .events = POLLIN},
            {.fd = o->signal_fd, .events = POLLIN},
            {.fd = o->master_fd, .events = POLLIN},
            {.fd = o->master_fd >= 0 && !o->keys_over ? STDIN_FILENO : -1, .events = POLLIN},
        };
        if (poll(set, sizeof set / sizeof set[0], -1) < 0)
            continue; /* EINTR */
        if (set[1].revents)
            pass_signals(o);
        if (set[2].revents && !copy(o->master_fd, STDOUT_FILENO))
            io_close(&o->master_fd); /* its end of the terminal is closed */
        if (set[3].revents && o->master_fd >= 0 && !copy(STDIN_FILENO, o->master_fd))
            o->keys_over = true;
        if (set[0].revents)
            hear(o);
    }
    /* what it printed last is in the terminal still */
    struct pollfd rest = {.fd = o->master_fd, .events = POLLIN};
    while (o->master_fd >= 0 && poll(&rest, 1, 0) > 0 && copy(o->master_fd, STDOUT_FILENO))
        ;
}

static void catch_signals(struct outside *o, sigset_t *old)
{
    static const int caught[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH};
    sigset_t mask;
    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        sigaddset(&mask, caught[i]);
    sigprocmask(SIG_BLOCK, &mask, old);
    o->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_terminal(struct outside *o, int *ret_slave)
{
    int unlock = 0;
    o->master_fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    *ret_slave = o->master_fd >= 0 && ioctl(o->master_fd, TIOCSPTLCK, &unlock) == 0
                     ? ioctl(o->master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)
                     : -1;
    if (*ret_slave < 0 || tcgetattr(STDIN_FILENO, &o->modes) < 0)
        return err_set(&o->cli->err, io_from_errno(errno), "A terminal for the step cannot be made: %s.", strerror(errno));
    (void)tcsetattr(*ret_slave, TCSANOW, &o->modes); /* it begins as ours is */
    follow_size(o);
    return 0;
}

static int run(struct outside *o, int command, bool terminal)
{
    int slave = -1, in = STDIN_FILENO, out = STDOUT_FILENO, err = STDERR_FILENO;
    struct termios raw;
    sigset_t old;
    int r = terminal ? open_terminal(o, &slave) : 0;
    if (r == 0 && terminal)
        in = out = err = slave;
    if (r == 0)
        r = send_step(o, in, out, err, command, terminal);
    io_close(&slave);
    if (r == 0)
        r = await_start(o);
    if (r < 0)
        return r;
    if (terminal) {
        raw = o->modes;
        cfmakeraw(&raw);
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    }
    catch_signals(o, &old);
    stay(o);
    if (terminal)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &o->modes);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return 0;
}

int slurm_step(struct cli *cli, const char *job, bool pty, int argc, char **words)
{
    struct outside o = {.cli = cli, .job = job, .ctl_fd = -1, .signal_fd = -1, .master_fd = -1};
    struct meet meet = {.listen_fd = -1, .came_fd = -1};
    cli->cmd = cmd_find("attach");
    int command = -1, r = cli_check_id(cli, job);
    if (r == 0)
        r = command = command_file(cli, argc, words);
    if (r >= 0)
        r = meet_open(cli, &meet);
    if (r == 0)
        r = meet_job(cli, &meet, job, &o.ctl_fd);
    if (r == 0)
        r = run(&o, command, pty && session_is_possible());
    meet_close(&meet);
    io_close(&command);
    io_close(&o.ctl_fd);
    io_close(&o.signal_fd);
    io_close(&o.master_fd);
    if (r < 0)
        return cli_fail(cli);
    return WIFSIGNALED(o.status) ? 128 + WTERMSIG(o.status) : WEXITSTATUS(o.status);
}
