/* system.c - see system.h. */
#include "launcher/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "engine/attempt.h"

enum { BACKLOG = 256, BATCH = 32 };
#define LISTEN_TAG UINT64_MAX

/* --- places ------------------------------------------------------------------------------------ */

/* A directory of root's that nobody else may write to. */
static int own_directory(int at_fd, const char *path, mode_t mode, gid_t gid)
{
    struct stat st;
    if (mkdirat(at_fd, path, 0700) < 0 && errno != EEXIST)
        return -1;
    int fd = openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) < 0 || st.st_uid != 0 || (st.st_mode & 0022)) {
        errno = errno && st.st_uid == 0 && !(st.st_mode & 0022) ? errno : EPERM;
        io_close(&fd);
    } else if (fchown(fd, 0, gid) < 0 || fchmod(fd, mode) < 0) {
        io_close(&fd);
    }
    return fd;
}

static int make_key(int dir_fd, uint8_t key[TICKET_KEY_BYTES])
{
    if (getrandom(key, TICKET_KEY_BYTES, 0) != TICKET_KEY_BYTES)
        return -1;
    return io_replace_file(dir_fd, "key", key, TICKET_KEY_BYTES, 0600) < 0 ? -1 : 0;
}

static int load_key(int dir_fd, uint8_t key[TICKET_KEY_BYTES])
{
    struct stat st;
    int fd = openat(dir_fd, "key", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? make_key(dir_fd, key) : -1;
    bool good = fstat(fd, &st) == 0 && st.st_uid == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0077) == 0 &&
                read(fd, key, TICKET_KEY_BYTES) == TICKET_KEY_BYTES;
    io_close(&fd);
    errno = EPERM;
    return good ? 0 : -1;
}

static int owner_of(const char *path, uid_t *ret_uid, gid_t *ret_gid)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return -1;
    errno = EPERM;
    if (!S_ISDIR(st.st_mode) || st.st_uid == 0)
        return -1;
    *ret_uid = st.st_uid;
    *ret_gid = st.st_gid;
    return 0;
}

static int listen_at(const char *path)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof name.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(name.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)unlink(path); /* the directory is root's, and only one launcher holds the lock of the attempts */
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&name, sizeof name) < 0 || chmod(path, 0666) < 0 ||
                    listen(fd, BACKLOG) < 0))
        io_close(&fd);
    return fd;
}

static int watch(const struct system *s, int fd, uint64_t tag)
{
    struct epoll_event e = { .events = EPOLLIN, .data.u64 = tag };
    return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

static int open_directories(struct system *s, const struct system_places *p, const char **ret_what)
{
    *ret_what = p->daemon;
    if (owner_of(p->daemon, &s->daemon_uid, &s->daemon_gid) < 0)
        return -1;
    if (owner_of(p->helper, &s->helper_uid, &s->helper_gid) < 0)
        s->helper_uid = 0; /* then no probe and no fetch: said when one is asked for */
    *ret_what = p->state;
    int fd = own_directory(AT_FDCWD, p->state, 0711, 0);
    if (fd < 0)
        return -1;
    s->spent_fd = own_directory(fd, "spent", 0700, 0);
    s->scripts_fd = own_directory(fd, "scripts", 0711, 0);
    s->attempts_fd = own_directory(fd, "attempts", 0750, s->daemon_gid);
    int r = s->spent_fd < 0 || s->scripts_fd < 0 || s->attempts_fd < 0 ? -1 : load_key(fd, s->key);
    io_close(&fd);
    return r;
}

int system_open(struct system *s, const struct system_places *p, const char **ret_what)
{
    for (int i = 0; i < SYSTEM_CLIENTS_MAX; i++)
        s->clients[i].fd = -1;
    if (open_directories(s, p, ret_what) < 0)
        return -1;
    ticket_clean(s->spent_fd, io_wall_now());
    *ret_what = p->socket;
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->listen_fd = s->listen_fd < 0 ? listen_at(p->socket) : s->listen_fd;
    bool good = s->epoll_fd >= 0 && s->listen_fd >= 0 && fcntl(s->listen_fd, F_SETFL, O_NONBLOCK) == 0; /* systemd's waits */
    return good ? watch(s, s->listen_fd, LISTEN_TAG) : -1;
}

/* --- tickets ------------------------------------------------------------------------------------ */

/* Exactly what the kernel says of the process that connected. */
static int fill_ticket(const struct system_client *c, const struct ticket_ask *ask, struct ticket *t)
{
    gid_t groups[TICKET_GROUPS_MAX];
    socklen_t size = sizeof groups;
    if (c->uid == 0)
        return EPERM; /* root needs no queue, and root's jobs would make a hole of every mistake here */
    if (ask->tasks == 0 || ask->tasks > TICKET_TASKS_MAX)
        return EINVAL;
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
        return errno == ERANGE ? E2BIG : errno;
    *t = (struct ticket){ .magic = TICKET_MAGIC, .version = TICKET_VERSION, .uid = c->uid, .gid = c->gid,
                          .tasks = ask->tasks, .groups_n = (uint32_t)(size / sizeof groups[0]),
                          .expires_wall_at = io_wall_now() + TICKET_GOOD_US };
    memcpy(t->hash, ask->hash, sizeof t->hash);
    memcpy(t->groups, groups, size);
    return getrandom(t->nonce, sizeof t->nonce, 0) == (ssize_t)sizeof t->nonce ? 0 : EIO;
}

static void answer(const struct system *s, struct system_client *c)
{
    struct ticket_ask ask;
    struct ticket_answer a = { .magic = TICKET_MAGIC, .version = TICKET_VERSION };
    ssize_t n = recv(c->fd, &ask, sizeof ask, MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == (ssize_t)sizeof ask && ask.magic == TICKET_MAGIC) {
        a.error = ask.version == TICKET_VERSION ? fill_ticket(c, &ask, &a.ticket) : EPROTONOSUPPORT;
        if (a.error == 0)
            ticket_sign(&a.ticket, s->key);
        else
            memset(&a.ticket, 0, sizeof a.ticket);
        (void)send(c->fd, &a, sizeof a, MSG_DONTWAIT | MSG_NOSIGNAL); /* one record: it fits or they left */
    }
    io_close(&c->fd);
}

static void take(struct system *s, int fd, int *ret_daemon_fd)
{
    struct ucred who;
    socklen_t size = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0) {
        io_close(&fd);
        return;
    }
    if (who.uid == s->daemon_uid) {
        io_close(ret_daemon_fd); /* two in one batch: the later one is the living one */
        *ret_daemon_fd = fd;
        return;
    }
    struct system_client *c = &s->clients[s->clients_so_far++ % SYSTEM_CLIENTS_MAX];
    io_close(&c->fd); /* whoever connected so long ago and has not asked */
    *c = (struct system_client){ .fd = fd, .uid = who.uid, .gid = who.gid };
    answer(s, c); /* mostly the question is there already */
    if (c->fd >= 0 && watch(s, fd, (uint64_t)(c - s->clients)) < 0)
        io_close(&c->fd);
}

void system_serve(struct system *s, int *ret_daemon_fd)
{
    struct epoll_event events[BATCH];
    int n = epoll_wait(s->epoll_fd, events, BATCH, 0);
    *ret_daemon_fd = -1;
    for (int i = 0; i < n; i++) {
        if (events[i].data.u64 != LISTEN_TAG) {
            struct system_client *c = &s->clients[events[i].data.u64];
            if (c->fd >= 0)
                answer(s, c); /* one that took the place within this batch has not asked: EAGAIN */
            continue;
        }
        for (int k = 0; k < BATCH; k++) {
            int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (fd < 0)
                break;
            take(s, fd, ret_daemon_fd);
        }
    }
}

/* --- files of an attempt ------------------------------------------------------------------------- */

int system_give(const struct system *s, int dir_fd, int lock_fd, uid_t uid)
{
    if (fchown(lock_fd, uid, s->daemon_gid) < 0 || fchmod(lock_fd, 0640) < 0 ||
        fchownat(dir_fd, "ctl", uid, s->daemon_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        fchmodat(dir_fd, "ctl", 0660, 0) < 0 || fchown(dir_fd, uid, s->daemon_gid) < 0 ||
        fchmod(dir_fd, 0750) < 0)
        return -1;
    return 0;
}

int system_script(const struct system *s, uint32_t job, uint32_t attempt, uid_t uid, gid_t gid)
{
    char name[ATTEMPT_NAME_MAX];
    attempt_name(job, attempt, name);
    int dir = own_directory(s->scripts_fd, name, 0711, 0);
    int fd = dir < 0 ? -1 : openat(dir, "script", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0700);
    if (fd >= 0 && (fchown(fd, uid, gid) < 0 || fchmod(fd, 0700) < 0))
        io_close(&fd);
    io_close(&dir);
    return fd;
}

void system_clean(const struct system *s, uint32_t job, uint32_t attempt)
{
    char path[ATTEMPT_NAME_MAX + sizeof "/script"], name[ATTEMPT_NAME_MAX];
    attempt_name(job, attempt, name);
    snprintf(path, sizeof path, "%s/script", name);
    (void)unlinkat(s->scripts_fd, path, 0);
    (void)unlinkat(s->scripts_fd, name, AT_REMOVEDIR);
}
