/* local.c - see local.h.  One attempt goes through these steps, here:
 *
 *   start ─▶ LAUNCHING ─ launched ─▶ FOLLOWING ─ ended/failed ─▶ (event, gone)
 *                │ failed: EEXIST        │ end of file, nothing said
 *                ▼                       ▼
 *   recover ─▶ look ◀──────────────── DYING (waits for the supervisor's pidfd)
 *                │ lock held ─▶ connect ─▶ FOLLOWING, or DYING, or AGAIN (a moment later)
 *                │ exit there ─▶ (event, gone)
 *                ▼ else
 *             CLAIMING ─ ours ─▶ NEVER_STARTED, gone
 *                │ it was claimed: look at lock and exit once more, then
 *                ▼
 *             KILLING ─ tree gone ─▶ LOST, gone     (not gone: LOST with quarantine, RELEASED later)
 */
#include "engine/local.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/map.h"
#include "engine/attempt.h"
#include "engine/link.h"
#include "launcher/launcher.h"

#define AGAIN_US (5 * USEC_PER_MSEC) /* a lock without a supervisor to ask: a moment in its birth or death */
#define NEWER_AGAIN_US (30 * USEC_PER_SEC)
#define CLAIM_AGAIN_US USEC_PER_SEC  /* the claim could not be made (disk full): a few more times */
#define CLAIM_TRIES_MAX 30
#define SPAWN_US_MAX (2 * USEC_PER_SEC)
#define CLOSE_US_MAX (2 * USEC_PER_SEC)
#define BATCH 64 /* epoll events taken at once */

enum step { FREE, LAUNCHING, FOLLOWING, DYING, AGAIN, CLAIMING, KILLING };

struct followed {
    enum step step;
    uint32_t job;
    uint32_t attempt;
    uint32_t generation; /* of this place: an epoll event of its predecessor is not for it */
    int peer_fd;
    int pidfd;
    bool pidfd_watched;
    bool launch_open;    /* the launcher has not answered yet */
    bool recovered;
    bool started_told;
    bool quarantined;
    uint32_t claim_tries;
    usec_t again_boot_at;
    bool stop_pending;
    usec_t stop_grace_us;
    bool limit_pending;
    usec_t limit_us;
    bool has_terminal;
    bool newer; /* of a later version of the protocol: not ours to follow, claim or kill */
    struct engine_use use;
};

struct local {
    struct engine engine;
    int epoll_fd;
    int socket_fd; /* -1: the launcher is gone */
    int attempts_fd;
    int timer_fd;
    pid_t launcher_pid;
    uint32_t guards;
    struct followed *places;
    uint32_t place_n;
    uint32_t free_hint;
    uint32_t active;
    struct map index; /* job and attempt -> place */
    struct engine_event *events;
    uint32_t event_head;
    uint32_t event_n;
    uint32_t event_size;
    bool spawn_waiting;
    uint32_t spawn_sequence;
    struct launcher_msg spawn_answer;
    int spawn_pidfd;
};

enum watched { ON_LAUNCHER, ON_TIMER, ON_PEER, ON_PIDFD };

static void look(struct local *l, struct followed *f);

static struct local *local_of(struct engine *e) { return (struct local *)e; }

static uint64_t key_of(uint32_t job, uint32_t attempt)
{
    return ((uint64_t)job << 32 | attempt) + 1; /* never 0 */
}

/* --- events ----------------------------------------------------------------------------------- */

/* The queue grows; a place for each attempt is made when the attempt is taken on, so that a fact is
 * never lost for want of memory: up to three per attempt, and DOWN. */
static int events_reserve(struct local *l)
{
    uint32_t need = l->event_n + 3 * (l->active + 1) + 1;
    if (need <= l->event_size)
        return 0;
    uint32_t size = l->event_size ? l->event_size : 64;
    while (size < need)
        size *= 2;
    struct engine_event *grown = calloc(size, sizeof *grown);
    if (!grown)
        return E_NO_MEMORY;
    for (uint32_t i = 0; i < l->event_n; i++)
        grown[i] = l->events[(l->event_head + i) % l->event_size];
    free(l->events);
    l->events = grown;
    l->event_head = 0;
    l->event_size = size;
    return 0;
}

static struct engine_event *event_add(struct local *l, enum engine_event_kind kind)
{
    if (l->event_n == l->event_size && events_reserve(l) < 0)
        abort(); /* a fact would be lost: better to come back and read it again from the disk */
    struct engine_event *e = &l->events[(l->event_head + l->event_n++) % l->event_size];
    *e = (struct engine_event){ .kind = kind, .wall_at = io_wall_now(), .boot_at = io_boot_now() };
    return e;
}

static struct engine_event *event_of(struct local *l, struct followed *f, enum engine_event_kind kind)
{
    struct engine_event *e = event_add(l, kind);
    e->job = f->job;
    e->attempt = f->attempt;
    e->recovered = f->recovered;
    return e;
}

static void event_end(struct local *l, struct followed *f, const struct wire_end *end)
{
    bool ran = end->cause != ATTEMPT_LAUNCH && end->cause != ATTEMPT_GPU_BUSY;
    struct engine_event *e = event_of(l, f, !ran ? ENGINE_START_FAILED :
                                            f->quarantined ? ENGINE_RELEASED : ENGINE_ENDED);
    e->wall_at = end->ended_wall_at;
    e->boot_at = end->ended_boot_at;
    e->started_wall_at = end->started_wall_at;
    e->started_boot_at = end->started_boot_at;
    e->cause = end->cause;
    e->stage = end->stage;
    e->error = end->error;
    e->code = end->code;
    e->signal = end->signal;
    e->core_dumped = end->flags & WIRE_END_CORE;
    e->quarantine = end->flags & WIRE_END_QUARANTINE;
    e->user_us = end->user_us;
    e->system_us = end->system_us;
    e->max_rss_kib = end->max_rss_kib;
    e->output_bytes = end->output_bytes;
    e->output_lost = end->output_lost;
    memcpy(e->detail, end->detail, sizeof e->detail);
    e->detail[sizeof e->detail - 1] = 0;
}

/* --- places ----------------------------------------------------------------------------------- */

static struct followed *find(struct local *l, uint32_t job, uint32_t attempt)
{
    uint32_t place;
    assert(l->places);
    return map_get(&l->index, key_of(job, attempt), &place) ? &l->places[place] : NULL;
}

static int take_place(struct local *l, uint32_t job, uint32_t attempt, struct followed **ret)
{
    uint32_t place = l->free_hint;
    assert(l->places);
    while (place < l->place_n && l->places[place].step != FREE)
        place++;
    if (place == LOCAL_ATTEMPTS_MAX)
        return E_FULL;
    if (events_reserve(l) < 0 || map_set(&l->index, key_of(job, attempt), place) < 0)
        return E_NO_MEMORY;
    if (place == l->place_n)
        l->place_n++;
    l->free_hint = place + 1;
    l->active++;
    struct followed *f = &l->places[place];
    uint32_t generation = f->generation + 1;
    *f = (struct followed){ .step = LAUNCHING, .job = job, .attempt = attempt, .peer_fd = -1,
                            .pidfd = -1, .generation = generation };
    *ret = f;
    return 0;
}

static void leave_place(struct local *l, struct followed *f)
{
    uint32_t place = (uint32_t)(f - l->places);
    io_close(&f->peer_fd); /* closing takes it out of the epoll set: nobody else has it */
    io_close(&f->pidfd);
    map_remove(&l->index, key_of(f->job, f->attempt));
    f->step = FREE;
    l->active--;
    if (place < l->free_hint)
        l->free_hint = place;
}

static uint64_t tag_of(const struct local *l, const struct followed *f, enum watched what)
{
    uint64_t place = f ? (uint64_t)(f - l->places) : 0;
    uint64_t generation = f ? f->generation & 0xffffff : 0;
    return generation << 32 | place << 8 | what;
}

static int watch(struct local *l, struct followed *f, enum watched what, int fd)
{
    struct epoll_event e = { .events = EPOLLIN, .data.u64 = tag_of(l, f, what) };
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? io_from_errno(errno) : 0;
}

static void again(struct local *l, struct followed *f, usec_t after_us)
{
    f->step = AGAIN;
    f->again_boot_at = io_boot_now() + after_us;
    usec_t first = f->again_boot_at;
    for (uint32_t i = 0; i < l->place_n; i++)
        if (l->places[i].step == AGAIN)
            first = usec_min(first, l->places[i].again_boot_at);
    struct itimerspec spec = { .it_value = { .tv_sec = first / USEC_PER_SEC,
                                             .tv_nsec = first % USEC_PER_SEC * 1000 } };
    (void)timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* --- the launcher ----------------------------------------------------------------------------- */

static void launcher_answer(struct local *l, const struct launcher_msg *m, int *fd);

static void launcher_gone(struct local *l)
{
    if (l->socket_fd < 0)
        return;
    io_close(&l->socket_fd);
    (void)event_add(l, ENGINE_DOWN);
}

/* Take all answers there are. */
static void launcher_read(struct local *l)
{
    struct launcher_msg m;
    int fds[LAUNCHER_FDS_MAX];
    while (l->socket_fd >= 0) {
        int r = launcher_receive(l->socket_fd, &m, fds, MSG_DONTWAIT);
        if (r == E_BUSY)
            return;
        if (r == 0 || (r < 0 && r != E_CORRUPT)) {
            launcher_gone(l);
            return;
        }
        if (r == 1)
            launcher_answer(l, &m, &fds[0]);
        for (int i = 0; i < LAUNCHER_FDS_MAX; i++)
            io_close(&fds[i]);
    }
}

/* Ask without ever blocking against a launcher that blocks on us: while its queue is full, wait until
 * it takes more; answers stay in the socket until engine_poll, unless they are what it waits for. */
static int ask_with(struct local *l, const struct launcher_order *o, bool is_order, const int *fds, int fd_n)
{
    while (l->socket_fd >= 0) {
        int r = is_order ? launcher_send_order(l->socket_fd, o, fds, fd_n, MSG_DONTWAIT)
                         : launcher_send(l->socket_fd, &o->msg, fds, fd_n, MSG_DONTWAIT);
        if (r == 0)
            return 0;
        if (r != E_BUSY)
            break;
        struct pollfd p = { .fd = l->socket_fd, .events = POLLIN | POLLOUT };
        (void)poll(&p, 1, -1);
        if (p.revents & POLLIN)
            launcher_read(l);
    }
    launcher_gone(l);
    return E_UNAVAILABLE;
}

static int ask(struct local *l, const struct launcher_msg *m, const int *fds, int fd_n)
{
    const struct launcher_order o = { .msg = *m };
    return ask_with(l, &o, false, fds, fd_n);
}

static int ask_about(struct local *l, const struct followed *f, enum launcher_type type)
{
    struct launcher_msg m = { .type = type, .job = f->job, .attempt = f->attempt };
    return ask(l, &m, NULL, 0);
}

/* --- following -------------------------------------------------------------------------------- */

static int tell(struct followed *f, uint32_t type, int64_t arg, int64_t arg2)
{
    struct wire_msg m = { .magic = WIRE_MAGIC, .version = WIRE_VERSION, .type = type, .arg = arg,
                          .arg2 = arg2 };
    ssize_t n;
    while ((n = send(f->peer_fd, &m, sizeof m, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0 && errno == EINTR)
        ;
    return n == (ssize_t)sizeof m ? 0 : io_from_errno(n < 0 ? errno : EIO);
}

static void tell_pending(struct followed *f)
{
    if (f->stop_pending)
        f->stop_pending = tell(f, WIRE_TERM, f->stop_grace_us, 0) < 0;
    if (f->limit_pending)
        f->limit_pending = tell(f, WIRE_SET_LIMIT, f->limit_us, 0) < 0;
}

static void tell_started(struct local *l, struct followed *f, const struct wire_status *status)
{
    if (f->started_told || status->phase < PHASE_RUNNING || status->phase == PHASE_OVER)
        return;
    f->started_told = true;
    struct engine_event *e = event_of(l, f, ENGINE_STARTED);
    e->wall_at = e->started_wall_at = status->started_wall_at;
    e->boot_at = e->started_boot_at = status->started_boot_at;
    e->pid = status->pid;
}

static void note_use(struct followed *f, const struct wire_status *status)
{
    f->has_terminal = status->flags & WIRE_STATUS_PTY;
    f->use = (struct engine_use){ status->input_boot_at, status->output_boot_at, status->terminals };
}

/* The supervisor stopped speaking.  Its pidfd says when it is really gone (then its lock is free and
 * its exit, if any, is there). */
static void dying(struct local *l, struct followed *f)
{
    io_close(&f->peer_fd);
    f->step = DYING;
    if (f->pidfd >= 0 && !f->pidfd_watched) {
        f->pidfd_watched = true;
        if (watch(l, f, ON_PIDFD, f->pidfd) < 0)
            again(l, f, AGAIN_US);
    } else if (f->pidfd < 0 && !f->launch_open) {
        again(l, f, AGAIN_US);
    } /* else: LAUNCHED is on its way and brings the pidfd */
}

/* One record; false when the attempt was left. */
static bool peer_record(struct local *l, struct followed *f, const struct wire_msg *m)
{
    switch (m->type) {
    case WIRE_STATUS:
    case WIRE_RUNNING:
        note_use(f, &m->status);
        tell_started(l, f, &m->status);
        return true;
    case WIRE_ENDED:
        if (m->end.flags & WIRE_END_QUARANTINE) {
            if (!f->quarantined)
                event_end(l, f, &m->end);
            f->quarantined = true;
            return true;
        }
        event_end(l, f, &m->end);
        leave_place(l, f);
        return false;
    case WIRE_FAILED:
        if (m->end.stage == STAGE_CLAIM && m->end.error == EEXIST) {
            dying(l, f); /* somebody else made the claim: the disk says what became of it */
            return false;
        }
        event_end(l, f, &m->end);
        leave_place(l, f);
        return false;
    default:
        return true;
    }
}

static void peer_read(struct local *l, struct followed *f)
{
    struct wire_msg m;
    for (;;) {
        ssize_t n = recv(f->peer_fd, &m, sizeof m, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            dying(l, f);
            return;
        }
        if (n != (ssize_t)sizeof m || m.magic != WIRE_MAGIC || m.version < WIRE_VERSION_OLDEST)
            continue;
        if (!peer_record(l, f, &m))
            return;
    }
}

/* --- recovery --------------------------------------------------------------------------------- */

static int connect_to(const struct local *l, const struct followed *f)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d/%u.%u/ctl", l->attempts_fd,
             (unsigned)f->job, (unsigned)f->attempt);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) < 0)
        io_close(&fd);
    return fd;
}

/* A pidfd of the supervisor named in `status`, if it still is that process. */
static int supervisor_pidfd(int dir_fd)
{
    struct wire_status status;
    char boot_id[37];
    unsigned long long ticks;
    if (attempt_read_status(dir_fd, &status) < 0 || io_boot_id(boot_id) < 0 ||
        strcmp(boot_id, status.boot_id) != 0)
        return -1;
    int pidfd = (int)syscall(SYS_pidfd_open, status.supervisor_pid, 0);
    if (pidfd >= 0 && (io_start_time(status.supervisor_pid, &ticks) < 0 ||
                       ticks != status.supervisor_ticks))
        io_close(&pidfd);
    return pidfd;
}

static void adopt(struct local *l, struct followed *f, int dir_fd)
{
    if (f->pidfd < 0)
        f->pidfd = supervisor_pidfd(dir_fd);
    f->peer_fd = connect_to(l, f);
    if (f->peer_fd >= 0 && watch(l, f, ON_PEER, f->peer_fd) == 0) {
        f->step = FOLLOWING;
        tell_pending(f);
        return;
    }
    /* Locked, but nobody listens: it is about to go. */
    dying(l, f);
}

/* Settled by what is on disk?  True if the attempt is adopted or over. */
static bool settle(struct local *l, struct followed *f, int dir_fd)
{
    struct wire_exit record;
    if (attempt_locked(dir_fd)) {
        adopt(l, f, dir_fd);
        return true;
    }
    /* In this order: while it was locked the exit could still appear, now it cannot. */
    if (attempt_read_exit(dir_fd, &record) < 0)
        return false;
    event_end(l, f, &record.end);
    leave_place(l, f);
    return true;
}

static void look(struct local *l, struct followed *f)
{
    io_close(&f->peer_fd);
    io_close(&f->pidfd);
    f->pidfd_watched = false;
    struct wire_head head;
    int dir_fd = attempt_open(l->attempts_fd, f->job, f->attempt);
    f->newer = dir_fd >= 0 && attempt_read_head(dir_fd, &head) == E_NEWER;
    if (f->newer) {
        again(l, f, NEWER_AGAIN_US);
    } else if (dir_fd < 0 && dir_fd != E_NOT_FOUND) {
        again(l, f, CLAIM_AGAIN_US); /* out of descriptors, or the disk does not answer */
    } else if (dir_fd < 0 || !settle(l, f, dir_fd)) {
        f->step = CLAIMING;
        (void)ask_about(l, f, LAUNCHER_CLAIM); /* launcher gone: DOWN was said, the next daemon asks */
    }
    io_close(&dir_fd);
}

static void claimed(struct local *l, struct followed *f, int error)
{
    if (f->step != CLAIMING)
        return;
    if (error == 0) {
        (void)event_of(l, f, ENGINE_NEVER_STARTED);
        leave_place(l, f);
        return;
    }
    if (error != EEXIST && ++f->claim_tries < CLAIM_TRIES_MAX) {
        again(l, f, CLAIM_AGAIN_US);
        return;
    }
    int dir_fd = attempt_open(l->attempts_fd, f->job, f->attempt);
    if (dir_fd < 0 || !settle(l, f, dir_fd)) {
        f->step = KILLING;
        (void)ask_about(l, f, LAUNCHER_KILLTREE);
    }
    io_close(&dir_fd);
}

static void killed(struct local *l, struct followed *f, uint32_t gone)
{
    if (f->step != KILLING)
        return;
    struct engine_event *e;
    if (!f->quarantined) {
        e = event_of(l, f, ENGINE_LOST);
        e->quarantine = !gone;
        f->quarantined = !gone;
    } else if (gone) {
        (void)event_of(l, f, ENGINE_RELEASED);
    }
    if (gone)
        leave_place(l, f);
}

static void launched(struct local *l, struct followed *f, int *fd)
{
    f->launch_open = false;
    if (f->step == LAUNCHING)
        f->step = FOLLOWING;
    if (f->pidfd < 0) {
        f->pidfd = *fd;
        *fd = -1;
    }
    if (f->step == DYING) /* its words came faster than the launcher's */
        dying(l, f);
}

static void launch_failed(struct local *l, struct followed *f, const struct launcher_msg *m)
{
    f->launch_open = false;
    /* Its directory was there before, or the launcher is not sure: then only the disk can prove that
     * it never ran. */
    if (m->stage == STAGE_DIRECTORY && m->error == EEXIST) {
        look(l, f);
        return;
    }
    struct engine_event *e = event_of(l, f, ENGINE_START_FAILED);
    e->cause = ATTEMPT_LAUNCH;
    e->stage = m->stage;
    e->error = m->error;
    leave_place(l, f);
}

static void launcher_answer(struct local *l, const struct launcher_msg *m, int *fd)
{
    if (m->type == LAUNCHER_SPAWNED && (!l->spawn_waiting || m->job != l->spawn_sequence))
        return; /* too late: nobody waits for that one any more */
    if (m->type == LAUNCHER_SPAWNED) {
        l->spawn_waiting = false;
        l->spawn_answer = *m;
        l->spawn_pidfd = *fd;
        *fd = -1;
        return;
    }
    struct followed *f = find(l, m->job, m->attempt);
    if (!f)
        return; /* over already: its last word was faster */
    switch (m->type) {
    case LAUNCHER_LAUNCHED: launched(l, f, fd); return;
    case LAUNCHER_FAILED: launch_failed(l, f, m); return;
    case LAUNCHER_CLAIMED: claimed(l, f, m->error); return;
    case LAUNCHER_KILLED: killed(l, f, m->value); return;
    default: return;
    }
}

/* --- the vtable ------------------------------------------------------------------------------- */

static int local_start(struct engine *e, const struct engine_start *start, struct err *err)
{
    struct local *l = local_of(e);
    struct followed *f;
    int pair[2];
    if (find(l, start->job, start->attempt))
        return err_set(err, E_EXISTS, "attempt %u of job %u was started before",
                       (unsigned)start->attempt, (unsigned)start->job);
    if (l->socket_fd < 0)
        return err_set(err, E_UNAVAILABLE, "the launcher is gone; nothing can be started");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return err_set(err, io_from_errno(errno), "cannot make a socket to start job %u: %s",
                       (unsigned)start->job, strerror(errno));
    int r = take_place(l, start->job, start->attempt, &f);
    if (r < 0) {
        io_close(&pair[0]);
        io_close(&pair[1]);
        return err_set(err, r, "cannot follow more than %u running attempts", LOCAL_ATTEMPTS_MAX);
    }
    struct launcher_order o = { .msg = { .type = LAUNCHER_LAUNCH, .job = start->job, .attempt = start->attempt },
                                .task = start->task, .bounds = start->bounds, .ticket = start->ticket };
    memcpy(o.msg.uuid, start->uuid, sizeof o.msg.uuid);
    const int fds[2] = { start->request_fd, pair[1] };
    f->peer_fd = pair[0];
    f->launch_open = true;
    r = watch(l, f, ON_PEER, pair[0]);
    if (r == 0)
        r = ask_with(l, &o, true, fds, 2);
    io_close(&pair[1]);
    if (r < 0) {
        leave_place(l, f);
        return err_set(err, r, "cannot ask the launcher to start job %u", (unsigned)start->job);
    }
    return 0;
}

static int local_signal(struct engine *e, uint32_t job, uint32_t attempt, int signo, enum wire_whom whom)
{
    struct followed *f = find(local_of(e), job, attempt);
    if (!f)
        return E_NOT_FOUND;
    return f->peer_fd < 0 ? E_BUSY : tell(f, WIRE_SIGNAL, signo, whom);
}

static int local_stop(struct engine *e, uint32_t job, uint32_t attempt, usec_t grace_us)
{
    struct followed *f = find(local_of(e), job, attempt);
    if (!f)
        return E_NOT_FOUND;
    f->stop_grace_us = grace_us;
    f->stop_pending = f->peer_fd < 0 || tell(f, WIRE_TERM, grace_us, 0) < 0;
    return 0;
}

static int local_set_limit(struct engine *e, uint32_t job, uint32_t attempt, usec_t limit_us)
{
    struct followed *f = find(local_of(e), job, attempt);
    if (!f)
        return E_NOT_FOUND;
    if (limit_us < 0)
        return E_INVALID;
    f->limit_us = limit_us;
    f->limit_pending = f->peer_fd < 0 || tell(f, WIRE_SET_LIMIT, limit_us, 0) < 0;
    return 0;
}

static int local_recover(struct engine *e, uint32_t job, uint32_t attempt)
{
    struct local *l = local_of(e);
    struct followed *f;
    if (find(l, job, attempt))
        return 0; /* followed already: its answer is on its way */
    int r = take_place(l, job, attempt, &f);
    if (r < 0)
        return r;
    f->recovered = true;
    look(l, f);
    return 0;
}

static int local_forget(struct engine *e, uint32_t job, uint32_t attempt)
{
    struct local *l = local_of(e);
    if (find(l, job, attempt))
        return E_STATE;
    struct launcher_msg m = { .type = LAUNCHER_CLEAN, .job = job, .attempt = attempt };
    return ask(l, &m, NULL, 0);
}

static int local_capacity(struct engine *e, struct engine_capacity *ret)
{
    (void)e;
    cpu_set_t set;
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) :
               (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (cpus <= 0 || pages <= 0 || size <= 0)
        return E_IO;
    ret->cpus = (uint32_t)cpus;
    ret->mem_mib = (uint64_t)pages * (uint64_t)size >> 20;
    return 0;
}

static int local_use(struct engine *e, uint32_t job, uint32_t attempt, struct engine_use *ret)
{
    const struct followed *f = find(local_of(e), job, attempt);
    if (!f || !f->has_terminal)
        return E_NOT_FOUND;
    *ret = f->use;
    return 0;
}

static int local_contact(struct engine *e, uint32_t job, uint32_t attempt)
{
    struct local *l = local_of(e);
    const struct followed *f = find(l, job, attempt);
    if (!f)
        return E_NOT_FOUND;
    int fd = connect_to(l, f);
    return fd < 0 ? E_UNAVAILABLE : fd;
}

static int local_fd(const struct engine *e) { return ((const struct local *)e)->epoll_fd; }

static void timer_fired(struct local *l)
{
    uint64_t times;
    (void)!read(l->timer_fd, &times, sizeof times);
    usec_t now = io_boot_now();
    for (uint32_t i = 0; i < l->place_n; i++) {
        struct followed *f = &l->places[i];
        if (f->step != AGAIN)
            continue;
        if (f->again_boot_at <= now)
            look(l, f);
        else
            again(l, f, f->again_boot_at - now);
    }
}

static void dispatch(struct local *l, uint64_t tag)
{
    enum watched what = (enum watched)(tag & 0xff);
    uint32_t place = (uint32_t)(tag >> 8 & 0xffffff);
    struct followed *f = place < l->place_n ? &l->places[place] : NULL;
    if (what == ON_LAUNCHER)
        launcher_read(l);
    else if (what == ON_TIMER)
        timer_fired(l);
    else if (!f || f->step == FREE || (f->generation & 0xffffff) != tag >> 32)
        return; /* left earlier in this batch */
    else if (what == ON_PEER && f->peer_fd >= 0)
        peer_read(l, f);
    else if (what == ON_PIDFD && f->pidfd >= 0)
        look(l, f);
}

static int local_poll(struct engine *e)
{
    struct local *l = local_of(e);
    struct epoll_event events[BATCH];
    int n;
    do {
        n = epoll_wait(l->epoll_fd, events, BATCH, 0);
        if (n < 0 && errno != EINTR)
            return io_from_errno(errno);
        for (int i = 0; i < n; i++)
            dispatch(l, events[i].data.u64);
    } while (n == BATCH);
    return 0;
}

static bool local_next(struct engine *e, struct engine_event *ret_event)
{
    struct local *l = local_of(e);
    if (l->event_n == 0)
        return false;
    *ret_event = l->events[l->event_head];
    l->event_head = (l->event_head + 1) % l->event_size;
    l->event_n--;
    return true;
}

/* --- open and close --------------------------------------------------------------------------- */

/* The launcher goes when its socket does; wait for it a little, so that no zombie stays. */
static void wait_for_launcher(pid_t pid)
{
    int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (pidfd < 0)
        return;
    struct pollfd p = { .fd = pidfd, .events = POLLIN };
    (void)poll(&p, 1, (int)(CLOSE_US_MAX / USEC_PER_MSEC));
    (void)waitpid(pid, NULL, WNOHANG);
    io_close(&pidfd);
}

static void local_destroy(struct engine *e)
{
    struct local *l = local_of(e);
    for (uint32_t i = 0; i < l->place_n; i++)
        if (l->places[i].step != FREE)
            leave_place(l, &l->places[i]);
    io_close(&l->socket_fd);
    wait_for_launcher(l->launcher_pid);
    io_close(&l->epoll_fd);
    io_close(&l->attempts_fd);
    io_close(&l->timer_fd);
    map_finish(&l->index);
    free(l->places);
    free(l->events);
    free(l);
}

static const struct engine_ops local_ops = {
    .name = "local", .start = local_start, .signal = local_signal, .stop = local_stop,
    .set_limit = local_set_limit, .recover = local_recover, .forget = local_forget,
    .capacity = local_capacity, .use = local_use, .contact = local_contact, .fd = local_fd, .poll = local_poll, .next = local_next,
    .destroy = local_destroy,
};

static void take_link(struct local *l, const struct launcher_link *link)
{
    l->socket_fd = link->socket_fd;
    l->attempts_fd = link->attempts_fd;
    l->launcher_pid = link->pid;
    l->guards = link->guards;
}

static int open_attempts(struct local *l, const struct engine_local_options *o, struct err *err)
{
    if (o->launcher) {
        struct launcher_link link;
        int r = link_connect(o->launcher, &link, err);
        take_link(l, &link);
        return r;
    }
    if (mkdirat(o->state_fd, "attempts", 0700) < 0 && errno != EEXIST)
        return err_set(err, io_from_errno(errno), "cannot make the directory \"attempts\" in the "
                                                  "state directory: %s", strerror(errno));
    l->attempts_fd = openat(o->state_fd, "attempts", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return 0;
}

static int open_parts(struct local *l, const struct engine_local_options *o, struct err *err)
{
    int r = open_attempts(l, o, err);
    if (r < 0)
        return r;
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    l->places = calloc(LOCAL_ATTEMPTS_MAX, sizeof *l->places); /* touched only as far as used */
    if (l->attempts_fd < 0 || l->epoll_fd < 0 || l->timer_fd < 0 || !l->places ||
        events_reserve(l) < 0 || watch(l, NULL, ON_TIMER, l->timer_fd) < 0)
        return err_set(err, io_from_errno(errno ? errno : ENOMEM),
                       "cannot open the local engine: %s", strerror(errno ? errno : ENOMEM));
    return 0;
}

int engine_local_open(const struct engine_local_options *o, struct engine **ret, struct err *err)
{
    struct local *l = calloc(1, sizeof *l);
    if (!l)
        return err_set(err, E_NO_MEMORY, "out of memory");
    l->engine.ops = &local_ops;
    l->epoll_fd = l->socket_fd = l->attempts_fd = l->timer_fd = l->spawn_pidfd = -1;
    int r = open_parts(l, o, err);
    if (r == 0 && !o->launcher) {
        struct launcher_link link;
        r = link_fork(o->libexec, l->attempts_fd, &link, err);
        take_link(l, &link);
    }
    if (r == 0 && watch(l, NULL, ON_LAUNCHER, l->socket_fd) < 0)
        r = err_set(err, io_from_errno(errno), "cannot watch the launcher: %s", strerror(errno));
    if (r < 0) {
        local_destroy(&l->engine);
        return r;
    }
    *ret = &l->engine;
    return 0;
}

int engine_local_spawn(struct engine *e, enum local_role role, int stdin_fd, int stdout_fd,
                       int *ret_pidfd, struct err *err)
{
    static const uint32_t roles[LOCAL_ROLE_COUNT] = { LAUNCHER_PROBE, LAUNCHER_FETCH };
    struct local *l = local_of(e);
    assert(e->ops == &local_ops);
    assert(!l->spawn_waiting);
    struct launcher_msg m = { .type = LAUNCHER_SPAWN, .value = roles[role],
                              .job = ++l->spawn_sequence };
    const int fds[2] = { stdin_fd, stdout_fd };
    usec_t until = io_boot_now() + SPAWN_US_MAX;
    l->spawn_waiting = true;
    int r = ask(l, &m, fds, 2);
    while (r == 0 && l->spawn_waiting && l->socket_fd >= 0 && io_boot_now() < until) {
        struct pollfd p = { .fd = l->socket_fd, .events = POLLIN };
        (void)poll(&p, 1, (int)((until - io_boot_now()) / USEC_PER_MSEC) + 1);
        if (p.revents)
            launcher_read(l);
    }
    if (l->spawn_waiting) {
        l->spawn_waiting = false;
        return err_set(err, E_UNAVAILABLE, "the launcher does not answer");
    }
    if (l->spawn_answer.error)
        return err_set(err, io_from_errno(l->spawn_answer.error), "cannot start a helper program: %s",
                       strerror(l->spawn_answer.error));
    *ret_pidfd = l->spawn_pidfd;
    l->spawn_pidfd = -1;
    return 0;
}

int engine_local_attempts(const struct engine *e) { return ((const struct local *)e)->attempts_fd; }
uint32_t engine_local_active(const struct engine *e) { return ((const struct local *)e)->active; }
bool engine_local_has_cgroup(const struct engine *e) { return engine_local_guards(e) != 0; }

uint32_t engine_local_newer(const struct engine *e)
{
    const struct local *l = (const struct local *)e;
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->place_n; i++)
        n += l->places[i].step != FREE && l->places[i].newer;
    return n;
}

uint32_t engine_local_guards(const struct engine *e) { return ((const struct local *)e)->guards; }
