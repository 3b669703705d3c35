/* socket.c - the socket clients connect to.
 *
 * Who connects is asked of the kernel (SO_PEERCRED, SO_PEERGROUPS); who may: in personal mode the
 * person and root, in a team's its group besides, in system mode whoever has a role (roles.c).  A directory that is cleaned away under us is made
 * again: inotify tells of it, and SIGUSR1 asks for it.
 *
 * One descriptor is kept in reserve: when there are no others, it is given up for a moment to accept
 * and turn away, so that a client never hangs in the backlog.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "daemon/internal.h"
#include "web/web.h"

#define BACKLOG       1024
#define ACCEPT_BATCH  64u /* connections taken before others get their turn */
#define AGAIN_US      (100 * USEC_PER_MSEC)
#define AGAIN_US_MAX  (60 * USEC_PER_SEC)

struct listener {
    struct daemon *d;
    struct loop_watch socket; /* fd -1: none */
    struct loop_watch notify;
    struct loop_timer again;
    usec_t again_us;
    int spare_fd;
    dev_t dev;                /* of the socket we bound */
    ino_t ino;
};

/* --- accepting -------------------------------------------------------------------------------------- */

static bool in_group(int fd, const struct ucred *cred, gid_t gid)
{
    gid_t groups[256];
    socklen_t size = sizeof groups;
    if (cred->gid == gid)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
        return false;
    for (size_t i = 0; i < size / sizeof groups[0]; i++)
        if (groups[i] == gid)
            return true;
    return false;
}

static void turn_away(int fd, const char *status, const char *body)
{
    char memory[512];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_printf(&text, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
               "Connection: close\r\n\r\n%s", status, strlen(body), body);
    if (!text.failed && send(fd, text.ptr, text.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        errno = 0; /* they were told, or did not want to know */
    close(fd);
}

static void take(struct daemon *d, int fd)
{
    struct ucred cred;
    socklen_t size = sizeof cred;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0) {
        close(fd);
        return;
    }
    struct op_peer peer = { .uid = cred.uid, .gid = cred.gid, .pid = cred.pid };
    bool may = d->system ? roles_of(d, cred.uid) != ROLE_NONE
                         : daemon_is_operator(d, &peer) || (d->team && in_group(fd, &cred, d->team_gid));
    if (!may) {
        turn_away(fd, "403 Forbidden", "{\"error\":{\"code\":\"denied\",\"message\":"
                  "\"This daemon belongs to somebody else.\"}}");
        return;
    }
    web_take_connection(d->web, fd, &peer);
}

static bool out_of_descriptors(struct listener *l)
{
    io_close(&l->spare_fd);
    int fd = accept4(l->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        turn_away(fd, "503 Service Unavailable", "{\"error\":{\"code\":\"busy\",\"message\":"
                  "\"Too many connections are open; try again in a moment.\"}}");
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

static void ready(struct loop_watch *w, uint32_t events, void *data)
{
    struct listener *l = data;
    (void)events;
    for (uint32_t i = 0; i < ACCEPT_BATCH && w->loop; i++) {
        int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            take(l->d, fd);
        else if ((errno != EMFILE && errno != ENFILE) || !out_of_descriptors(l))
            return; /* empty, or aborted by its client: the next wake-up tells */
    }
}

/* --- making ----------------------------------------------------------------------------------------- */

static void close_socket(struct listener *l)
{
    int fd = l->socket.loop ? l->socket.fd : -1;
    loop_watch_remove(&l->socket);
    io_close(&fd);
}

/* A socket that answers is another daemon's (of another state directory): not ours to replace. */
static bool somebody_answers(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answers = fd >= 0 &&
                   (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
                    errno == EAGAIN);
    io_close(&fd);
    return answers;
}

static int bind_at(struct daemon *d, int fd, const struct sockaddr_un *address, struct err *err)
{
    const char *path = address->sun_path;
    int bound = bind(fd, (const struct sockaddr *)address, sizeof *address);
    if (bound < 0 && errno == EADDRINUSE) {
        if (somebody_answers(address))
            return err_set(err, E_BUSY, "another daemon already answers at %s", path);
        unlink(path); /* left by one that was killed */
        bound = bind(fd, (const struct sockaddr *)address, sizeof *address);
    }
    if (bound < 0)
        return err_set(err, io_from_errno(errno), "cannot make the socket %s: %s", path,
                       strerror(errno));
    if (d->team && (lchown(path, (uid_t)-1, d->team_gid) < 0 || chmod(path, 0660) < 0))
        return err_set(err, io_from_errno(errno), "cannot give the socket %s to the team's group: %s",
                       path, strerror(errno));
    if (d->system && chmod(path, 0666) < 0) /* who it is, the kernel says; what they may, roles.c */
        return err_set(err, io_from_errno(errno), "cannot open the socket %s to users: %s", path, strerror(errno));
    if (listen(fd, BACKLOG) < 0)
        return err_set(err, io_from_errno(errno), "cannot listen at %s: %s", path, strerror(errno));
    return 0;
}

static int make(struct listener *l, struct err *err)
{
    struct daemon *d = l->d;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct stat st;
    if (d->place.mode == PLACE_NAMED)
        mkdir(d->place.run_dir, 0700); /* as named; open_run says what is wrong with it */
    int dir_fd = place_open_run(&d->place, err);
    if (dir_fd < 0)
        return dir_fd;
    int code = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    memcpy(address.sun_path, d->place.socket, sizeof address.sun_path);
    if (fd < 0)
        code = err_set(err, io_from_errno(errno), "cannot make a socket: %s", strerror(errno));
    else
        code = bind_at(d, fd, &address, err);
    if (code == 0 && stat(d->place.socket, &st) == 0) {
        l->dev = st.st_dev;
        l->ino = st.st_ino;
    }
    if (code == 0) {
        close_socket(l);
        code = loop_watch_add(d->loop, &l->socket, fd, LOOP_READ, ready, l);
        if (code < 0)
            err_set(err, code, "cannot wait for clients");
    }
    if (code == 0) {
        if (inotify_add_watch(l->notify.fd, d->place.run_dir,
                              IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF) < 0)
            log_line("socket", "error=\"cannot watch %s: %s\"", d->place.run_dir, strerror(errno));
        fd = -1;
    }
    io_close(&fd);
    io_close(&dir_fd);
    return code;
}

static bool is_there(const struct listener *l)
{
    struct stat st;
    return stat(l->d->place.socket, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino;
}

static void again_fired(struct loop_timer *t, void *data)
{
    struct listener *l = data;
    struct err err = { 0 };
    (void)t;
    if (is_there(l))
        return;
    int code = make(l, &err);
    if (code == 0) {
        l->again_us = AGAIN_US;
        log_line("socket", "path=%s state=made-again", l->d->place.socket);
        return;
    }
    log_line("socket", "path=%s error=\"%s\"", l->d->place.socket, err.text);
    l->again_us = usec_min(l->again_us * 2, AGAIN_US_MAX);
    loop_timer_set(l->d->loop, &l->again, loop_now(l->d->loop).boot_at + l->again_us, again_fired, l);
}

void socket_again(struct daemon *d)
{
    if (d->listener)
        again_fired(NULL, d->listener);
}

static void noticed(struct loop_watch *w, uint32_t events, void *data)
{
    char memory[4096] __attribute__((aligned(8)));
    struct listener *l = data;
    (void)events;
    while (read(w->fd, memory, sizeof memory) > 0)
        ;
    if (!is_there(l)) /* in a moment: whoever cleans may not be done */
        loop_timer_set(l->d->loop, &l->again, loop_now(l->d->loop).boot_at + l->again_us,
                       again_fired, l);
}

int socket_open(struct daemon *d, struct err *err)
{
    struct listener *l = calloc(1, sizeof *l);
    if (!l)
        return err_set(err, E_NO_MEMORY, "out of memory");
    l->d = d;
    l->again_us = AGAIN_US;
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    d->listener = l;
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int code = fd < 0 ? io_from_errno(errno)
                      : loop_watch_add(d->loop, &l->notify, fd, LOOP_READ, noticed, l);
    if (code < 0) {
        io_close(&fd);
        return err_set(err, code, "cannot watch the directory of the socket: %s", strerror(errno));
    }
    return make(l, err);
}

void socket_close(struct daemon *d)
{
    struct listener *l = d->listener;
    if (!l)
        return;
    loop_timer_cancel(d->loop, &l->again);
    int fd = l->notify.loop ? l->notify.fd : -1;
    loop_watch_remove(&l->notify);
    io_close(&fd);
    if (l->socket.loop && is_there(l))
        unlink(d->place.socket);
    close_socket(l);
    io_close(&l->spare_fd);
    free(l);
    d->listener = NULL;
}
