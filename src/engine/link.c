/* link.c - see link.h. */
#include "engine/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "engine/local.h"
#include "engine/programs.h"
#include "launcher/launcher.h"

#define CONNECT_AGAIN_MS 20

static void __attribute__((noreturn)) become_launcher(int socket_fd, int attempts_fd,
                                                      const char *programs)
{
    char path[4200], *kept[PROGRAMS_ENV_MAX + 1];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setsid();
    /* Through high numbers: neither may be overwritten before it is moved. */
    int s = fcntl(socket_fd, F_DUPFD, 16), a = fcntl(attempts_fd, F_DUPFD, 16);
    struct launcher_msg m = { .type = LAUNCHER_FAILED, .error = EMFILE };
    if (s >= 0 && a >= 0 && dup2(s, LAUNCHER_SOCKET_FD) >= 0 &&
        dup2(a, LAUNCHER_ATTEMPTS_FD) >= 0) {
        (void)syscall(SYS_close_range, LAUNCHER_ATTEMPTS_FD + 1u, ~0u, 0);
        snprintf(path, sizeof path, "%s/eoul-launcher", programs);
        programs_environment(kept);
        execle(path, "eoul-launcher", programs, (char *)NULL, kept);
        m.error = errno;
        socket_fd = LAUNCHER_SOCKET_FD;
    }
    (void)launcher_send(socket_fd, &m, NULL, 0, 0);
    _exit(127);
}

static int wait_ready(struct launcher_link *l, const char *programs, struct err *err)
{
    struct pollfd p = { .fd = l->socket_fd, .events = POLLIN };
    usec_t until = io_boot_now() + LOCAL_HANDOVER_US_MAX;
    struct launcher_msg m;
    int fds[LAUNCHER_FDS_MAX], r;
    for (;;) {
        usec_t left = until - io_boot_now();
        if (left <= 0)
            return err_set(err, E_BUSY, "the launcher of an earlier eould on this state directory has "
                                        "not gone yet; try again, or end that process");
        if (poll(&p, 1, (int)(left / USEC_PER_MSEC) + 1) > 0)
            break;
    }
    r = launcher_receive(l->socket_fd, &m, fds, 0);
    if (r == 1 && m.type == LAUNCHER_READY) {
        l->guards = m.value;
        if (l->attempts_fd < 0)
            l->attempts_fd = fds[0];
        return 0;
    }
    if (r == 1 && m.type == LAUNCHER_FAILED)
        return err_set(err, io_from_errno(m.error), "cannot start \"%s/eoul-launcher\": %s", programs,
                       strerror(m.error));
    return err_set(err, E_UNAVAILABLE, "\"%s/eoul-launcher\" ended before it was ready", programs);
}

/* A launcher that still has another daemon hangs up; one that is being started is not there yet. */
int link_connect(const char *path, struct launcher_link *l, struct err *err)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    usec_t until = io_boot_now() + LOCAL_HANDOVER_US_MAX;
    *l = (struct launcher_link){ .socket_fd = -1, .attempts_fd = -1 };
    if (strlen(path) >= sizeof name.sun_path)
        return err_set(err, E_TOO_LARGE, "the path of the launcher's socket is too long: %.60s...", path);
    memcpy(name.sun_path, path, strlen(path) + 1);
    for (;;) {
        int error = 0, r = 0;
        l->socket_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (l->socket_fd < 0 || connect(l->socket_fd, (struct sockaddr *)&name, sizeof name) < 0)
            error = errno;
        else if ((r = wait_ready(l, path, err)) == 0)
            return 0;
        io_close(&l->socket_fd);
        if (io_boot_now() >= until && r == E_BUSY)
            return err_set(err, E_BUSY, "the launcher at %s does not answer", path);
        if (io_boot_now() >= until)
            return error ? err_set(err, E_UNAVAILABLE, "the launcher at %s cannot be reached: %s; is "
                                   "eoul-launcher running?", path, strerror(error))
                         : err_set(err, E_BUSY, "the launcher at %s serves another eould", path);
        (void)poll(NULL, 0, CONNECT_AGAIN_MS);
    }
}

int link_fork(const char *libexec, int attempts_fd, struct launcher_link *l, struct err *err)
{
    char programs[4096];
    int pair[2];
    *l = (struct launcher_link){ .socket_fd = -1, .attempts_fd = attempts_fd };
    int r = programs_directory(libexec, programs, sizeof programs);
    if (r < 0)
        return err_set(err, r, "cannot find out where the programs of eoul are");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_set(err, io_from_errno(errno), "cannot make a socket: %s", strerror(errno));
    l->socket_fd = pair[0];
    l->pid = fork();
    if (l->pid == 0)
        become_launcher(pair[1], attempts_fd, programs);
    io_close(&pair[1]);
    if (l->pid < 0)
        return err_set(err, io_from_errno(errno), "cannot fork: %s", strerror(errno));
    return wait_ready(l, programs, err);
}
