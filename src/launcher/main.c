/* main.c - eoul-launcher: starts everything, decides nothing.
 *
 * Forked and executed by the daemon before its store opens, so that the daemon itself never forks.  It
 * makes attempt directories and cgroups, starts a supervisor for each attempt, and does the two steps
 * of recovery that must not be the daemon's: the claim in the place of a supervisor that never started,
 * and killing what a dead supervisor left behind.  When the daemon goes it drains its messages and goes
 * too; supervisors stay.  A lock on attempts/.launcher keeps the next one waiting until then: two
 * launchers could start one attempt twice.
 *
 * Personal mode: one user's rights, and a supervisor is a fork of the launcher: starting a static program costs
 * several times as much (most of it CPUID in a virtual machine, before main).  EOUL_REEXEC=1: it is executed.
 *
 * System mode (--system): the only root process, a service of its own that outlives daemons.  Attempts are started
 * for whoever's ticket the daemon shows (ticket.h, system.h), by executing eoul-supervisor with that user's rights
 * (spawn.h).  Fixed records only, nothing foreign is parsed, no network, shell or look-up of names, a clean environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/sha256.h"
#include "engine/attempt.h"
#include "engine/forked.h"
#include "supervisor/cgroup.h"
#include "launcher/launcher.h"
#include "launcher/spawn.h"
#include "launcher/system.h"
#include "supervisor/claim.h"
#include "supervisor/fault.h"
#include "supervisor/supervisor.h"
#include "supervisor/tree.h"

#define LOW_FDS FORKED_LOW_FDS /* kept taken, so that ours never lie where a child's are placed */
#define CLEANS_MAX 4096u                /* more than that are removed at once */
#define CLEAN_QUIET_US USEC_PER_SEC     /* after the last request */
#define FULL_MS 2000                    /* on a full disk, for an attempt that is just over */
#define CLEAN_BATCH 16u                 /* then so many between two looks at the socket */
#define BACKLOG 16    /* connections to a supervisor that has not accepted yet */

struct killing { /* a tree on its way out */
    uint32_t job;
    uint32_t attempt;
    int dir_fd;      /* of the attempt; -1: this place is free */
    int cgroup_fd;
    int events_fd;
    int pidfd;       /* one of those still there */
    usec_t look_boot_at; /* when to look again without being told */
    bool told;           /* that it is not gone */
    struct wire_head head;
    uint8_t uuid[16];
};

struct launcher {
    struct forked forked; /* personal mode: supervisors */
    int socket_fd; /* the daemon's; -1: none is there (system mode) */
    int attempts_fd;
    int signal_fd;
    int timer_fd;
    bool reexec;
    struct system *system; /* NULL: personal mode */
    struct cgroup_place place; /* of the cgroups of attempts */
    char boot_id[40];
    const char *programs;
    struct { uint32_t job, attempt; } cleans[CLEANS_MAX]; /* directories to remove when it is quiet */
    uint32_t clean_n;
    usec_t clean_boot_at; /* 0: nothing to remove */
    struct killing kills[LAUNCHER_KILLS_MAX];
    uint32_t kill_n; /* places used so far, free ones included */
};

static void answer(struct launcher *l, struct launcher_msg *m, int fd)
{
    /* Blocking on purpose: a daemon that does not read cannot lose an answer.  If it is gone, the
     * next receive says so. */
    (void)launcher_send(l->socket_fd, m, &fd, fd >= 0, 0);
}

/* --- removing ---------------------------------------------------------------------------------- */

static void clean(struct launcher *l, uint32_t job, uint32_t attempt)
{
    static const char *const names[] = { "ctl", "script", "alive", "exit.new", "exit", "claim",
                                         "lock" };
    char name[ATTEMPT_NAME_MAX];
    struct wire_head head;
    int fd = attempt_open(l->attempts_fd, job, attempt);
    if (fd >= 0 && !attempt_locked(fd)) {
        if (l->system && attempt_read_head(fd, &head) == 0 && head.cgroup[0])
            cgroup_remove(head.cgroup);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            (void)unlinkat(fd, names[i], 0);
        attempt_name(job, attempt, name);
        (void)unlinkat(l->attempts_fd, name, AT_REMOVEDIR);
        if (l->system)
            system_clean(l->system, job, attempt);
    }
    io_close(&fd);
}

static void clean_some(struct launcher *l, uint32_t n)
{
    for (; n > 0 && l->clean_n > 0; n--, l->clean_n--)
        clean(l, l->cleans[l->clean_n - 1].job, l->cleans[l->clean_n - 1].attempt);
    if (l->clean_n == 0)
        l->clean_boot_at = 0;
}

/* --- starting --------------------------------------------------------------------------------- */

struct files { /* of a new attempt; all closed after the supervisor has them */
    int dir_fd;
    int lock_fd;
    int listen_fd;
    int cgroup_fd;
    int above_fd;  /* system mode: the cgroup in which the supervisor itself lives */
    int script_fd; /* system mode */
};
#define NO_FILES { -1, -1, -1, -1, -1, -1 }

static int make_listener(int dir_fd)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d/ctl", dir_fd);
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&name, sizeof name) < 0 || listen(fd, BACKLOG) < 0))
        io_close(&fd);
    return fd;
}

static int write_head(struct launcher *l, const struct launcher_order *o, const struct spawn_user *u,
                      struct files *f)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    struct wire_head head = { .magic = WIRE_MAGIC, .version = WIRE_VERSION, .job = o->msg.job,
                              .attempt = o->msg.attempt, .wall_at = io_wall_now() };
    memcpy(head.uuid, o->msg.uuid, sizeof head.uuid);
    memcpy(head.boot_id, l->boot_id, sizeof head.boot_id);
    f->lock_fd = openat(f->dir_fd, "lock", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    /* Locked here on the description the supervisor inherits: there is no moment without a lock
     * between this and its death. */
    if (f->lock_fd < 0 || fcntl(f->lock_fd, F_OFD_SETLK, &lock) < 0)
        return -1;
    if (l->place.guards) {
        f->cgroup_fd = u ? cgroup_make_for(&l->place, head.uuid, u->uid, &o->bounds, head.cgroup, &f->above_fd)
                         : cgroup_make(&l->place, head.uuid, &o->bounds, head.cgroup);
        if (f->cgroup_fd < 0 && l->place.guards != GUARD_TREE)
            return -1; /* not without the guards that were promised; else by attempt id and inherited lock */
    }
    return io_pwrite_all(f->lock_fd, &head, sizeof head, 0) < 0 ? -1 : 0;
}

static int make_files(struct launcher *l, const struct launcher_order *o, const struct spawn_user *u,
                      struct files *f)
{
    char name[ATTEMPT_NAME_MAX];
    attempt_name(o->msg.job, o->msg.attempt, name);
    if (mkdirat(l->attempts_fd, name, 0700) < 0)
        return -1;
    FAULT("mkdir");
    f->dir_fd = openat(l->attempts_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (f->dir_fd < 0 || write_head(l, o, u, f) < 0)
        return -1;
    f->listen_fd = make_listener(f->dir_fd);
    FAULT("files");
    if (f->listen_fd < 0 || !u)
        return f->listen_fd < 0 ? -1 : 0;
    f->script_fd = system_script(l->system, o->msg.job, o->msg.attempt, u->uid, u->gid);
    return f->script_fd < 0 ? -1 : system_give(l->system, f->dir_fd, f->lock_fd, u->uid);
}

static void close_files(struct files *f)
{
    io_close(&f->dir_fd);
    io_close(&f->lock_fd);
    io_close(&f->listen_fd);
    io_close(&f->cgroup_fd);
    io_close(&f->above_fd);
    io_close(&f->script_fd);
}

static int execute_supervisor(struct launcher *l, const struct launcher_order *o, const struct spawn_user *u,
                              int above_fd, const int from[], pid_t *ret_pid)
{
    static const int to[FORKED_FDS_N] = { FORKED_FDS };
    char program[] = "eoul-supervisor", name[ATTEMPT_NAME_MAX], path[PATH_MAX], hash[SHA256_HEX], task[16], uid[16];
    attempt_name(o->msg.job, o->msg.attempt, name); /* for ps only */
    sha256_hex(o->ticket.hash, hash);
    snprintf(task, sizeof task, "%u", (unsigned)o->task);
    snprintf(uid, sizeof uid, "%u", u ? (unsigned)l->system->daemon_uid : 0);
    char *argv[] = { program, name, u ? hash : NULL, task, uid, NULL };
    if (snprintf(path, sizeof path, "%s/%s", l->programs, program) >= (int)sizeof path)
        return ENAMETOOLONG;
    return spawn(u, path, argv, from, to, FORKED_FDS_N, above_fd, ret_pid);
}

static int start_supervisor(struct launcher *l, const struct launcher_order *o, const struct spawn_user *u,
                            const struct files *f, const int fds[LAUNCHER_FDS_MAX], pid_t *ret_pid,
                            int *ret_pidfd)
{
    const int from[] = { fds[0], f->dir_fd, f->lock_fd, f->listen_fd, fds[1], f->cgroup_fd, f->script_fd };
    if (!u && !l->reexec)
        return forked_start(&l->forked, o->msg.job, o->msg.attempt, from, ret_pid, ret_pidfd);
    int error = execute_supervisor(l, o, u, f->above_fd, from, ret_pid);
    if (error == 0) /* ours and not waited for: cannot be another */
        *ret_pidfd = (int)syscall(SYS_pidfd_open, *ret_pid, 0);
    return error;
}

static bool reap(struct launcher *l)
{
    bool any = false;
    struct signalfd_siginfo info;
    while (read(l->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        ;
    while (waitpid(-1, NULL, WNOHANG) > 0) /* supervisors, and orphans of dead ones */
        any = true;
    return any;
}

/* As make_files; on a full disk only after everything that waits to be removed is gone. */
static int make_room_and_files(struct launcher *l, const struct launcher_order *o, const struct spawn_user *u,
                               struct files *f)
{
    if (make_files(l, o, u, f) == 0)
        return 0;
    if (errno != ENOSPC || l->clean_n == 0)
        return -1;
    struct pollfd ended = { .fd = l->signal_fd, .events = POLLIN };
    int error = ENOSPC;
    clean_some(l, CLEANS_MAX);
    do { /* whoever has told its end holds what was removed until its sync is done */
        (void)reap(l);
        close_files(f);
        clean(l, o->msg.job, o->msg.attempt); /* what of it was made before the disk was full */
        if (make_files(l, o, u, f) == 0)
            return 0;
        error = errno;
    } while (error == ENOSPC && poll(&ended, 1, FULL_MS) > 0);
    errno = error;
    return -1;
}

/* May this be started at all?  0 or errno; only then is anything made. */
static int check_ticket(struct launcher *l, const struct launcher_order *o)
{
    const struct launcher_msg *m = &o->msg;
    int error = ticket_check(&o->ticket, l->system->key, io_wall_now());
    return error ? error : ticket_use(l->system->spent_fd, &o->ticket, m->job, m->attempt, o->task);
}

static void launch(struct launcher *l, struct launcher_order *o, const int fds[LAUNCHER_FDS_MAX])
{
    struct launcher_msg *m = &o->msg;
    struct files f = NO_FILES;
    const struct spawn_user user = { o->ticket.uid, o->ticket.gid, o->ticket.groups, o->ticket.groups_n };
    const struct spawn_user *u = l->system ? &user : NULL;
    pid_t pid = 0;
    int pidfd = -1;
    FAULT("launch");
    if (l->clean_boot_at)
        l->clean_boot_at = io_boot_now() + CLEAN_QUIET_US;
    m->type = LAUNCHER_FAILED;
    m->stage = STAGE_DIRECTORY;
    errno = 0;
    if (fds[0] < 0) {
        m->error = m->error ? m->error : EBADMSG;
    } else if (u && (m->error = check_ticket(l, o)) != 0) {
        m->stage = STAGE_TICKET;
    } else if (make_room_and_files(l, o, u, &f) < 0) {
        m->error = errno ? errno : EIO;
    } else {
        m->stage = STAGE_SPAWN;
        m->error = start_supervisor(l, o, u, &f, fds, &pid, &pidfd);
        FAULT("spawned");
    }
    if (m->error == 0) {
        m->type = LAUNCHER_LAUNCHED;
        m->pid = pid;
    }
    close_files(&f);
    answer(l, m, pidfd);
    FAULT("launched");
    io_close(&pidfd);
}

static void start_helper(struct launcher *l, struct launcher_msg *m, const int fds[LAUNCHER_FDS_MAX])
{
    static char probe[] = "eoul-probe", fetch[] = "eoul-fetch";
    static char *const names[LAUNCHER_ROLE_COUNT] = { probe, fetch };
    static const int to[] = { 0, 1 };
    pid_t pid = 0;
    int pidfd = -1;
    m->type = LAUNCHER_SPAWNED;
    m->error = m->error ? m->error : EINVAL;
    if (m->value < LAUNCHER_ROLE_COUNT && fds[0] >= 0 && fds[1] >= 0) {
        char *argv[] = { names[m->value], NULL }, path[PATH_MAX];
        const struct spawn_user user = { l->system ? l->system->helper_uid : 0,
                                         l->system ? l->system->helper_gid : 0, NULL, 0 };
        snprintf(path, sizeof path, "%s/%s", l->programs, names[m->value]);
        m->error = spawn(l->system ? &user : NULL, path, argv, fds, to, 2, -1, &pid);
    }
    if (m->error == 0) {
        m->pid = pid;
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    }
    answer(l, m, pidfd);
    io_close(&pidfd);
}

/* --- recovery --------------------------------------------------------------------------------- */

static void claim(struct launcher *l, struct launcher_msg *m)
{
    char name[ATTEMPT_NAME_MAX];
    attempt_name(m->job, m->attempt, name);
    m->type = LAUNCHER_CLAIMED;
    m->error = 0;
    errno = 0;
    /* The directory too: without it nothing would stop a launch that is still on its way. */
    if (mkdirat(l->attempts_fd, name, 0700) < 0 && errno != EEXIST)
        m->error = errno;
    int fd = m->error ? -1 : attempt_open(l->attempts_fd, m->job, m->attempt);
    int r = fd < 0 ? fd : claim_take(fd);
    if (r < 0 && m->error == 0)
        m->error = r == E_EXISTS ? EEXIST : errno ? errno : EIO;
    io_close(&fd);
    answer(l, m, -1);
}

/* Kill once more and look: true when nothing of it is left. */
static bool kill_step(struct killing *k)
{
    struct tree_mark mark = { 0 };
    attempt_uuid(k->head.uuid, mark.uuid);
    mark.has_alive = fstatat(k->dir_fd, "alive", &mark.alive, AT_SYMLINK_NOFOLLOW) == 0;
    if (k->cgroup_fd >= 0)
        (void)tree_cgroup_kill(k->cgroup_fd);
    io_close(&k->pidfd);
    (void)tree_marked_signal(&mark, SIGKILL, &k->pidfd);
    bool empty = k->events_fd < 0 || tree_cgroup_empty(k->events_fd) == 1;
    return empty && k->pidfd < 0 && !attempt_alive_held(k->dir_fd);
}

static void kill_close(struct killing *k)
{
    if (k->head.cgroup[0])
        (void)rmdir(k->head.cgroup);
    io_close(&k->dir_fd);
    io_close(&k->cgroup_fd);
    io_close(&k->events_fd);
    io_close(&k->pidfd);
}

static void kill_tell(struct launcher *l, const struct killing *k, uint32_t gone, int error)
{
    struct launcher_msg m = { .type = LAUNCHER_KILLED, .job = k->job, .attempt = k->attempt,
                              .value = gone, .error = error };
    answer(l, &m, -1);
}

static struct killing *kill_place(struct launcher *l)
{
    for (uint32_t i = 0; i < l->kill_n; i++)
        if (l->kills[i].dir_fd < 0)
            return &l->kills[i];
    return l->kill_n < LAUNCHER_KILLS_MAX ? &l->kills[l->kill_n++] : NULL;
}

static void kill_tree(struct launcher *l, const struct launcher_msg *m)
{
    struct killing k = { .job = m->job, .attempt = m->attempt, .cgroup_fd = -1, .events_fd = -1,
                         .pidfd = -1 };
    k.dir_fd = attempt_open(l->attempts_fd, m->job, m->attempt);
    /* Without a readable head from this boot there was a power cut or a reboot since (the head is
     * written before the supervisor exists): no process of it can be left. */
    if (k.dir_fd < 0 || attempt_read_head(k.dir_fd, &k.head) < 0 ||
        strcmp(k.head.boot_id, l->boot_id) != 0) {
        io_close(&k.dir_fd);
        kill_tell(l, &k, 1, 0);
        return;
    }
    if (k.head.cgroup[0] && l->system)
        cgroup_above(k.head.cgroup); /* whoever moved itself out of its own is still below this one */
    if (k.head.cgroup[0])
        k.cgroup_fd = open(k.head.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (k.cgroup_fd >= 0)
        k.events_fd = tree_cgroup_events(k.cgroup_fd);
    struct killing *place = NULL;
    if (kill_step(&k)) {
        kill_tell(l, &k, 1, 0);
        kill_close(&k);
    } else if (!(place = kill_place(l))) {
        kill_tell(l, &k, 0, EAGAIN);
        kill_close(&k);
    } else {
        k.look_boot_at = io_boot_now() + tree_patience(TREE_PROOF_US);
        *place = k;
    }
}

/* Removing inodes makes it expensive to make new ones for a while (ext4 walks over all that were deleted
 * lately), so not in the middle of an array.  What is left when we go, the next daemon removes. */
static void clean_later(struct launcher *l, const struct launcher_msg *m)
{
    if (l->clean_n == CLEANS_MAX) {
        clean(l, m->job, m->attempt);
        return;
    }
    l->cleans[l->clean_n].job = m->job;
    l->cleans[l->clean_n++].attempt = m->attempt;
    l->clean_boot_at = io_boot_now() + CLEAN_QUIET_US;
}

/* --- the loop --------------------------------------------------------------------------------- */

/* One record of the daemon; false at its end. */
static bool serve(struct launcher *l)
{
    struct launcher_order o;
    int fds[LAUNCHER_FDS_MAX];
    int r = launcher_receive_order(l->socket_fd, &o, fds, MSG_DONTWAIT);
    if (r == 0)
        return false;
    if (r < 0)
        return r == E_BUSY || r == E_CORRUPT;
    switch (o.msg.type) {
    case LAUNCHER_LAUNCH: launch(l, &o, fds); break;
    case LAUNCHER_CLAIM: claim(l, &o.msg); break;
    case LAUNCHER_KILLTREE: kill_tree(l, &o.msg); break;
    case LAUNCHER_CLEAN: clean_later(l, &o.msg); break;
    case LAUNCHER_SPAWN: start_helper(l, &o.msg, fds); break;
    default: break;
    }
    for (int i = 0; i < LAUNCHER_FDS_MAX; i++)
        io_close(&fds[i]);
    return true;
}

static void watch_kills(struct launcher *l, const struct pollfd *set)
{
    usec_t now = io_boot_now();
    for (uint32_t i = 0; i < l->kill_n; i++) {
        struct killing *k = &l->kills[i];
        if (k->dir_fd < 0)
            continue;
        bool due = k->look_boot_at <= now;
        if (!set[2 * i].revents && !set[2 * i + 1].revents && !due)
            continue;
        if (kill_step(k)) {
            kill_tell(l, k, 1, 0);
            kill_close(k);
        } else if (due) {
            if (!k->told)
                kill_tell(l, k, 0, 0);
            k->told = true;
            k->look_boot_at = now + tree_patience(TREE_AGAIN_US);
        }
    }
}

static void arm_timer(struct launcher *l)
{
    usec_t at = l->clean_boot_at;
    for (uint32_t i = 0; i < l->kill_n; i++)
        if (l->kills[i].dir_fd >= 0 && (at == 0 || l->kills[i].look_boot_at < at))
            at = l->kills[i].look_boot_at;
    struct itimerspec spec = { .it_value = { .tv_sec = at / USEC_PER_SEC,
                                             .tv_nsec = at % USEC_PER_SEC * 1000 } };
    (void)timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void say_ready(struct launcher *l)
{
    struct launcher_msg ready = { .type = LAUNCHER_READY, .value = l->place.guards };
    answer(l, &ready, l->system ? l->attempts_fd : -1);
}

/* System mode: somebody connected or asks.  A daemon that comes while one is there waits: it tries again. */
static void serve_system(struct launcher *l)
{
    int fd;
    system_serve(l->system, &fd);
    if (l->socket_fd < 0 && fd >= 0) {
        l->socket_fd = fd;
        fd = -1;
        say_ready(l);
    }
    io_close(&fd);
}

static void run(struct launcher *l)
{
    enum { KILLS = 4 };
    static struct pollfd set[KILLS + 2 * LAUNCHER_KILLS_MAX];
    for (;;) {
        set[0] = (struct pollfd){ .fd = l->socket_fd, .events = POLLIN };
        set[1] = (struct pollfd){ .fd = l->signal_fd, .events = POLLIN };
        set[2] = (struct pollfd){ .fd = l->timer_fd, .events = POLLIN };
        set[3] = (struct pollfd){ .fd = l->system ? l->system->epoll_fd : -1, .events = POLLIN };
        for (uint32_t i = 0; i < l->kill_n; i++) {
            bool used = l->kills[i].dir_fd >= 0;
            set[KILLS + 2 * i] = (struct pollfd){ .fd = used ? l->kills[i].events_fd : -1,
                                              .events = POLLPRI };
            set[KILLS + 1 + 2 * i] = (struct pollfd){ .fd = used ? l->kills[i].pidfd : -1,
                                              .events = POLLIN };
        }
        arm_timer(l);
        int n = poll(set, KILLS + 2 * l->kill_n, l->forked.due ? FORKED_AFTER_MS : -1);
        bool ended = n > 0 && set[1].revents && reap(l);
        if (n == 0 || (ended && !set[0].revents))
            forked_ahead(&l->forked);
        if (n <= 0)
            continue;
        uint64_t times;
        if (set[2].revents)
            (void)!read(l->timer_fd, &times, sizeof times);
        watch_kills(l, set + KILLS);
        if (set[0].revents && !serve(l)) {
            if (!l->system)
                return;
            io_close(&l->socket_fd);
        }
        if (set[3].revents)
            serve_system(l);
        if (!set[0].revents && l->clean_boot_at && l->clean_boot_at <= io_boot_now())
            clean_some(l, CLEAN_BATCH);
    }
}

/* --- beginning -------------------------------------------------------------------------------- */

static int move_up(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, LOW_FDS);
    close(fd);
    return high;
}

/* Take every low number, so that dup2 in a child never hits a descriptor it still needs. */
static int fill_low(void)
{
    int fd;
    while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd < LOW_FDS)
        ;
    bool full = fd >= 0;
    io_close(&fd);
    return full ? 0 : -1;
}

static int begin(struct launcher *l, const struct system_places *places, const char **ret_what)
{
    if (l->system) {
        l->socket_fd = -1;
        l->system->listen_fd = places->activated ? move_up(LAUNCHER_SOCKET_FD) : -1;
        if (fill_low() < 0 || system_open(l->system, places, ret_what) < 0)
            return -1;
        l->attempts_fd = l->system->attempts_fd;
    } else {
        l->socket_fd = move_up(LAUNCHER_SOCKET_FD);
        l->attempts_fd = move_up(LAUNCHER_ATTEMPTS_FD);
        if (l->socket_fd < 0 || l->attempts_fd < 0 || fill_low() < 0)
            return -1;
    }
    *ret_what = "attempts/.launcher";
    int lock = openat(l->attempts_fd, ".launcher", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return -1;
    while (flock(lock, LOCK_EX) < 0) /* until the one before us has drained its messages and gone */
        if (errno != EINTR)
            return -1;
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    l->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    l->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (l->signal_fd < 0 || l->timer_fd < 0 || io_boot_id(l->boot_id) < 0)
        return -1;
    (void)cgroup_find(&l->place); /* none: its guards are 0 */
    return 0;
}

/* --system and what may stand behind it: false if it is not understood.  Only root can have said it. */
static bool read_places(int argc, char **argv, struct system_places *p)
{
    static const char *const names[] = { "--state", "--socket", "--daemon", "--helper" };
    const char **const values[] = { &p->state, &p->socket, &p->daemon, &p->helper };
    bool good = strcmp(argv[2], "--system") == 0 && geteuid() == 0;
    for (int i = 3; good && i < argc; i++) {
        size_t k = 0;
        while (k < 4 && strcmp(argv[i], names[k]) != 0)
            k++;
        if (k < 4 && ++i < argc)
            *values[k] = argv[i];
        else
            good = p->activated = k == 4 && strcmp(argv[i], "--activated") == 0;
    }
    return good;
}

/* What programs of ours may know of how we were started.  (Personal mode: the daemon gave us only that.) */
static void keep_environment(void)
{
    char **to = environ;
    for (char **from = environ; *from; from++)
        if (strncmp(*from, "EOUL_", 5) == 0)
            *to++ = *from;
    *to = NULL;
}

static void become_calm(void)
{
    umask(077);
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL); /* whatever we were started with; KILL and STOP refuse */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN); /* ^C at the daemon's terminal is the daemon's business */
    (void)signal(SIGHUP, SIG_IGN);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int main(int argc, char **argv)
{
    static struct launcher l;
    static struct system system;
    struct system_places places = { SYSTEM_STATE, TICKET_SOCKET, SYSTEM_DAEMON_STATE, SYSTEM_HELPER_STATE, false };
    bool is_system = argc > 2;
    if (is_system ? !read_places(argc, argv, &places) : argc < 2 || fcntl(LAUNCHER_SOCKET_FD, F_GETFD) < 0) {
        static const char usage[] = "eoul-launcher is started by eould, or by root with --system; not by hand.\n";
        (void)!write(2, usage, sizeof usage - 1);
        return 2;
    }
    fault_init();
    become_calm();
    if (is_system)
        keep_environment();
    if (chdir("/") < 0)
        return 1;
    l.system = is_system ? &system : NULL;
    l.programs = argv[1];
    l.reexec = getenv("EOUL_REEXEC") != NULL;
    /* What ps shows; the kernel puts them in a row. */
    forked_init(&l.forked, argv[0], (size_t)(argv[1] + strlen(argv[1]) + 1 - argv[0]), !l.system && !l.reexec);
    const char *what = "its descriptors";
    if (begin(&l, &places, &what) < 0) {
        fprintf(stderr, "eoul-launcher: cannot begin: %s: %s\n", what, strerror(errno));
        return 1;
    }
    if (!is_system)
        say_ready(&l);
    run(&l);
    return 0;
}
