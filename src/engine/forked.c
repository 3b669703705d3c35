/* forked.c - see forked.h. */
#include "engine/forked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "launcher/launcher.h"

_Static_assert(FORKED_FDS_N <= LAUNCHER_FDS_MAX, "they come with one record");

static void set_title(struct forked *f, const char *text)
{
    memset(f->title, 0, f->title_size);
    snprintf(f->title, f->title_size, "%s", text);
}

/* --- in the child ----------------------------------------------------------------------------- */

static void be_apart(void)
{
    (void)setsid();
    (void)prctl(PR_SET_NAME, "eoul-supervisor");
}

/* From here on another program in all but the name of its file. */
static void __attribute__((noreturn)) become_supervisor(struct forked *f, uint32_t job, uint32_t attempt,
                                                        const int from[FORKED_FDS_N])
{
    static const int to[FORKED_FDS_N] = { FORKED_FDS };
    char title[64];
    snprintf(title, sizeof title, "eoul-supervisor %u.%u", (unsigned)job, (unsigned)attempt);
    set_title(f, title);
    for (int i = 0; i < FORKED_FDS_N; i++) {
        if (from[i] >= 0 && dup2(from[i], to[i]) < 0)
            _exit(127);
        if (from[i] < 0)
            close(to[i]);
    }
    /* Everything of the launcher goes: its socket, its lock, other attempts. */
    if (syscall(SYS_close_range, (unsigned)SUPERVISOR_FD_COUNT, ~0u, 0) < 0)
        _exit(127);
    _exit(supervisor_main(NULL));
}

static void __attribute__((noreturn)) wait_for_attempt(struct forked *f, int socket_fd)
{
    struct launcher_msg m;
    int fds[LAUNCHER_FDS_MAX], from[FORKED_FDS_N], n = 0;
    be_apart();
    set_title(f, "eoul-supervisor waiting");
    /* The low numbers stay taken, so that nothing that comes lies where it is to be put. */
    if (dup2(socket_fd, FORKED_LOW_FDS) < 0 ||
        syscall(SYS_close_range, FORKED_LOW_FDS + 1u, ~0u, 0) < 0 ||
        launcher_receive(FORKED_LOW_FDS, &m, fds, 0) != 1)
        _exit(0);
    for (int i = 0; i < FORKED_FDS_N; i++)
        from[i] = m.value >> i & 1 ? fds[n++] : -1;
    if (n > 0 && fds[n - 1] < 0)
        _exit(127); /* no room for all of them */
    become_supervisor(f, m.job, m.attempt, from);
}

/* --- in the launcher -------------------------------------------------------------------------- */

void forked_init(struct forked *f, char *title, size_t title_size, bool wanted)
{
    *f = (struct forked){ .title = title, .title_size = title_size, .wanted = wanted, .due = wanted,
                          .pidfd = -1, .socket_fd = -1 };
}

static void drop(struct forked *f)
{
    io_close(&f->socket_fd); /* it ends, if it has not */
    io_close(&f->pidfd);
}

void forked_ahead(struct forked *f)
{
    int pair[2];
    bool due = f->due && f->socket_fd < 0;
    f->due = false;
    if (!due || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return;
    f->pid = fork();
    if (f->pid == 0)
        wait_for_attempt(f, pair[1]);
    io_close(&pair[1]);
    f->socket_fd = pair[0];
    f->pidfd = f->pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, f->pid, 0);
    if (f->pidfd < 0)
        drop(f);
}

/* Give it to the one that waits. */
static bool give(struct forked *f, uint32_t job, uint32_t attempt, const int from[FORKED_FDS_N], pid_t *ret_pid,
                 int *ret_pidfd)
{
    struct launcher_msg order = { .type = LAUNCHER_LAUNCH, .job = job, .attempt = attempt };
    int fds[FORKED_FDS_N], n = 0;
    for (int i = 0; i < FORKED_FDS_N; i++)
        if (from[i] >= 0) {
            order.value |= 1u << i;
            fds[n++] = from[i];
        }
    bool given = f->socket_fd >= 0 && launcher_send(f->socket_fd, &order, fds, n, MSG_DONTWAIT) == 0;
    if (given) {
        *ret_pid = f->pid;
        *ret_pidfd = f->pidfd;
        f->pidfd = -1;
    }
    drop(f);
    return given;
}

int forked_start(struct forked *f, uint32_t job, uint32_t attempt, const int from[FORKED_FDS_N], pid_t *ret_pid,
                 int *ret_pidfd)
{
    f->due = f->wanted;
    if (give(f, job, attempt, from, ret_pid, ret_pidfd))
        return 0;
    *ret_pid = fork();
    if (*ret_pid == 0) {
        be_apart();
        become_supervisor(f, job, attempt, from);
    }
    if (*ret_pid < 0)
        return errno;
    *ret_pidfd = (int)syscall(SYS_pidfd_open, *ret_pid, 0); /* ours and not waited for: cannot be another */
    return 0;
}
