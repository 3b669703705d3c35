/* watch.c - from "runs" to "over": wait, ask the table, act.  See state.h for what happens when. */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "engine/attempt.h"
#include "supervisor/fault.h"
#include "supervisor/state.h"
#include "supervisor/tree.h"

/* What is left when the command is over was not waited for by anybody: a short time to tidy up. */
#define LEFTOVER_GRACE_US (2 * USEC_PER_SEC)
/* For a job at its limit of processes that is told to end: what a fork bomb loses to SIGTERM it has made again the next
 * moment, and it takes the others' CPUs for as long as it is waited for. */
#define CROWDED_GRACE_US (2 * USEC_PER_SEC)
#define HANG_UP_LOOK_US (250 * USEC_PER_MSEC)
#define TELL_USE_US (10 * USEC_PER_SEC) /* how exactly others know when a terminal was used last */
#define DRAIN_US (5 * USEC_PER_SEC)     /* for the last words to somebody who reads slowly */

enum slot { /* places in the poll set */
    AT_SIGNAL, AT_TIMER, AT_LISTEN, AT_OUT, AT_ERR, AT_CGROUP, AT_STRAY, AT_PEERS,
    AT_TERMINAL = AT_PEERS + PEERS_MAX,
    AT_COUNT = AT_TERMINAL + TERMINAL_POLLS
};

struct watch {
    struct supervisor *s;
    int signal_fd;
    int timer_fd;
    usec_t boot_at; /* of this wake-up */
};

static void handle(struct watch *w, enum state_event event);

/* --- the tree --------------------------------------------------------------------------------- */

static void mark_of(const struct supervisor *s, struct tree_mark *ret)
{
    *ret = (struct tree_mark){ 0 };
    memcpy(ret->uuid, s->uuid, sizeof ret->uuid);
    ret->has_alive = fstatat(s->dir_fd, "alive", &ret->alive, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Somebody holds the inherited lock though none of our descendants is left: it was handed on. */
static bool alive_held(const struct supervisor *s)
{
    struct flock look = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (s->cgroup_fd >= 0)
        return false;
    int fd = openat(s->dir_fd, "alive", O_RDONLY | O_CLOEXEC);
    bool held = fd >= 0 && fcntl(fd, F_OFD_GETLK, &look) == 0 && look.l_type != F_UNLCK;
    io_close(&fd);
    return held;
}

static bool tree_empty(const struct supervisor *s)
{
    if (!s->main_ended || !s->children_gone)
        return false;
    if (s->events_fd >= 0 && tree_cgroup_empty(s->events_fd) != 1)
        return false;
    return !alive_held(s);
}

static void kill_all(struct supervisor *s)
{
    if (s->cgroup_fd >= 0)
        (void)tree_cgroup_kill(s->cgroup_fd);
    /* Also by descent: without a cgroup it is the only way, and with one a job that has the rights may
     * have moved itself elsewhere. */
    bool in_cgroup = s->events_fd >= 0 && tree_cgroup_empty(s->events_fd) == 0;
    if (!in_cgroup && !s->children_gone)
        (void)tree_descendants_signal(getpid(), 0, SIGKILL);
    if (!in_cgroup && s->children_gone && s->stray_pidfd < 0) {
        struct tree_mark mark;
        mark_of(s, &mark);
        (void)tree_marked_signal(&mark, SIGKILL, &s->stray_pidfd);
    }
}

static void term_all(struct supervisor *s)
{
    (void)tree_descendants_signal(getpid(), 0, SIGTERM);
    (void)tree_descendants_signal(getpid(), 0, SIGCONT); /* a stopped process hears nothing */
    s->told_to_end = true;
}

/* A shell at a terminal ignores SIGTERM; when everything it started has gone, it is told that its
 * terminal is going, and then it goes.  Not earlier: it would pass that on to what still tidies up. */
static void hang_up(struct supervisor *s, usec_t boot_at)
{
    bool asked = s->request.pty && !s->main_ended && s->status.phase == PHASE_STOPPING;
    s->hang_up_boot_at = 0;
    if (!asked || !tree_ignores(s->status.pid, SIGTERM))
        return;
    if (tree_descendants_signal(getpid(), s->status.pid, 0) == 0)
        (void)syscall(SYS_pidfd_send_signal, s->main_pidfd, SIGHUP, NULL, 0);
    s->hang_up_boot_at = usec_add(boot_at, HANG_UP_LOOK_US);
}

static void signal_main(struct supervisor *s, int signo)
{
    if (!s->main_ended)
        (void)syscall(SYS_pidfd_send_signal, s->main_pidfd, signo, NULL, 0);
}

/* To what a script started rather than to its shell, which would only die of it (Slurm signals the steps,
 * not the batch shell); a script that runs nothing is told itself. */
static void signal_steps(struct supervisor *s, int signo)
{
    if (tree_descendants_signal(getpid(), s->request.script.len ? s->status.pid : 0, signo) == 0)
        signal_main(s, signo);
}

/* --signal */
static void warn(struct supervisor *s)
{
    const struct request *r = &s->request;
    if (r->warn_main_only)
        signal_main(s, r->warn_signal);
    else
        signal_steps(s, r->warn_signal);
    s->warned = true;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void record_usage(struct supervisor *s)
{
    struct rusage u;
    if (getrusage(RUSAGE_CHILDREN, &u) < 0)
        return;
    s->end.user_us = u.ru_utime.tv_sec * USEC_PER_SEC + u.ru_utime.tv_usec;
    s->end.system_us = u.ru_stime.tv_sec * USEC_PER_SEC + u.ru_stime.tv_usec;
    s->end.max_rss_kib = u.ru_maxrss;
}

static void judge(struct supervisor *s)
{
    uint64_t oom = 0;
    if (s->cgroup_fd >= 0)
        (void)tree_cgroup_oom_kills(s->cgroup_fd, &oom);
    bool well = s->end.code == 0 && s->end.signal == 0;
    if (s->stop_cause)
        s->end.cause = s->stop_cause;
    else if (oom > 0 && !well)
        s->end.cause = ATTEMPT_OOM;
    else
        s->end.cause = s->end.signal ? ATTEMPT_SIGNAL : ATTEMPT_EXIT;
    s->end.output_bytes = s->output.total;
    s->end.output_lost = s->output.lost;
    record_usage(s);
}

static void say_quarantine(struct supervisor *s)
{
    if (s->quarantined)
        return;
    s->quarantined = true;
    judge(s);
    if (!s->main_ended) {
        s->end.ended_wall_at = io_wall_now();
        s->end.ended_boot_at = io_boot_now();
    }
    struct wire_msg m = { .type = WIRE_ENDED, .end = s->end };
    m.end.flags |= WIRE_END_QUARANTINE;
    peers_tell(&s->peers, &m);
}

static void reap(struct watch *w)
{
    struct supervisor *s = w->s;
    int status;
    pid_t pid;
    bool main_now = false;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0 || (pid < 0 && errno == EINTR)) {
        steps_reaped(s, pid, status);
        if (pid != s->status.pid || s->main_ended)
            continue;
        s->main_ended = main_now = true;
        s->end.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        s->end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        s->end.flags |= WIFSIGNALED(status) && WCOREDUMP(status) ? WIRE_END_CORE : 0;
        s->end.ended_wall_at = io_wall_now();
        s->end.ended_boot_at = w->boot_at;
    }
    /* Only now, and only as long as we start nobody: no child means no descendant at all. */
    s->children_gone = pid < 0 && errno == ECHILD;
    if (tree_empty(s))
        handle(w, SV_TREE_EMPTY);
    else if (main_now)
        handle(w, SV_MAIN_ENDED);
    else if (s->status.phase == PHASE_KILLING)
        kill_all(s); /* children of the dead are ours now: they may not have been in the last look */
}

/* --- acting ----------------------------------------------------------------------------------- */

static void begin_term(struct watch *w, uint32_t cause)
{
    struct supervisor *s = w->s;
    bool crowded = s->cgroup_fd >= 0 && tree_cgroup_crowded(s->cgroup_fd);
    s->stop_cause = cause;
    term_all(s);
    s->deadline_boot_at = usec_add(w->boot_at, crowded ? usec_min(s->grace_us, CROWDED_GRACE_US) : s->grace_us);
    hang_up(s, w->boot_at);
}

static void act(struct watch *w, enum state_action action)
{
    struct supervisor *s = w->s;
    switch (action) {
    case DO_NOTHING: return;
    case DO_TERM_LIMIT: begin_term(w, ATTEMPT_TIME_LIMIT); return;
    case DO_TERM_STOP: begin_term(w, ATTEMPT_STOPPED); return;
    case DO_AGAIN:
        s->deadline_boot_at = usec_min(s->deadline_boot_at, usec_add(w->boot_at, s->grace_us));
        return;
    case DO_WARN: warn(s); return;
    case DO_LEFTOVERS:
        if (s->told_to_end)
            return; /* they were told with the command, and keep what is left of its time */
        term_all(s);
        s->deadline_boot_at =
            usec_add(w->boot_at, usec_min(s->request.grace_us, LEFTOVER_GRACE_US));
        return;
    case DO_KILL_STOP:
        s->stop_cause = ATTEMPT_STOPPED;
        /* fall through */
    case DO_KILL:
        kill_all(s);
        s->deadline_boot_at = usec_add(w->boot_at, tree_patience(TREE_PROOF_US));
        return;
    case DO_QUARANTINE:
        say_quarantine(s);
        kill_all(s);
        s->deadline_boot_at = usec_add(w->boot_at, tree_patience(TREE_AGAIN_US));
        return;
    case DO_FINISH:
        output_finish(&s->output);
        judge(s);
        supervisor_finish(s, WIRE_ENDED);
        terminal_drain(&s->terminal, DRAIN_US);
        return;
    }
}

static void handle(struct watch *w, enum state_event event)
{
    struct supervisor *s = w->s;
    if (s->status.phase == PHASE_OVER)
        return;
    struct state_rule rule = state_rule(s->status.phase, event);
    bool moved = rule.next != s->status.phase;
    /* The phase first: what the action tells others must already be true. */
    if (moved && rule.next != PHASE_OVER)
        supervisor_phase(s, rule.next);
    act(w, rule.action);
    if (rule.next == PHASE_OVER)
        s->status.phase = PHASE_OVER;
    else if (moved) {
        struct wire_msg m = { .type = WIRE_STATUS, .status = s->status };
        peers_tell(&s->peers, &m);
    }
}

static void set_limit(struct supervisor *s, usec_t limit_us)
{
    s->status.limit_us = limit_us;
    s->limit_boot_at = limit_us > 0 ? usec_add(s->status.started_boot_at, limit_us) : 0;
}

/* Runs or types something as the job's user. */
static bool acts_as_user(uint32_t type)
{
    return type == WIRE_ATTACH || type == WIRE_SIZE || type == WIRE_STEP || type == WIRE_STEP_SIGNAL;
}

static void command(struct watch *w, int place, const struct wire_msg *m, int fds[WIRE_FDS], bool own)
{
    struct supervisor *s = w->s;
    if (!own && acts_as_user(m->type)) {
        struct wire_msg refused = { .type = WIRE_REFUSED, .arg = EPERM };
        (void)peers_send(&s->peers, place, &refused);
        return;
    }
    switch (m->type) {
    case WIRE_SIGNAL:
        if (m->arg <= 0 || m->arg >= NSIG)
            return;
        if (m->arg2 == WIRE_TO_STEPS)
            signal_steps(s, (int)m->arg);
        else if (m->arg2)
            (void)tree_descendants_signal(getpid(), 0, (int)m->arg);
        else
            signal_main(s, (int)m->arg);
        return;
    case WIRE_TERM:
        s->grace_us = m->arg > 0 ? m->arg : s->request.grace_us;
        handle(w, SV_STOP);
        return;
    case WIRE_KILL: handle(w, SV_KILL); return;
    case WIRE_SET_LIMIT:
        if (m->arg >= 0) {
            set_limit(s, m->arg);
            supervisor_phase(s, s->status.phase);
        }
        return;
    case WIRE_ATTACH:
        terminal_attach(&s->terminal, &s->peers, place, m->arg, m->arg2, w->boot_at);
        return;
    case WIRE_STEP: steps_start(s, place, m, fds); return;
    case WIRE_STEP_SIGNAL:
        if (m->arg > 0 && m->arg < NSIG)
            steps_signal(s, place, (int)m->arg);
        return;
    case WIRE_SIZE: terminal_size(&s->terminal, place, m->arg, m->arg2, w->boot_at); return;
    default: return;
    }
}

/* When its terminal was used last, and by how many: others are told now and then, and at once when
 * somebody comes or goes. */
static usec_t use_at(const struct supervisor *s)
{
    return usec_max(s->terminal.input_boot_at, s->terminal.output_boot_at);
}

static void tell_use(struct watch *w)
{
    struct supervisor *s = w->s;
    uint32_t attached = terminal_attached(&s->terminal);
    bool used = use_at(s) > s->told_boot_at && w->boot_at >= s->told_boot_at + TELL_USE_US;
    if (s->status.phase == PHASE_OVER || (attached == s->status.terminals && !used))
        return;
    s->status.terminals = attached;
    s->status.input_boot_at = s->terminal.input_boot_at;
    s->status.output_boot_at = s->terminal.output_boot_at;
    s->told_boot_at = w->boot_at;
    supervisor_phase(s, s->status.phase);
    for (int i = 0; i < PEERS_MAX; i++) {
        struct wire_msg m = { .type = WIRE_STATUS, .status = s->status };
        if (s->peers.fds[i] >= 0 && !terminal_is_client(&s->terminal, i))
            (void)peers_send(&s->peers, i, &m);
    }
}

/* --- waiting ---------------------------------------------------------------------------------- */

static usec_t earlier(usec_t a, usec_t b) { return a == 0 || (b != 0 && b < a) ? b : a; }

static bool is_running(const struct supervisor *s) { return s->status.phase == PHASE_RUNNING; }

static usec_t warn_at(const struct supervisor *s)
{
    const struct request *r = &s->request;
    if (!r->warn_signal || s->warned || !s->limit_boot_at || !is_running(s))
        return 0;
    usec_t at = s->limit_boot_at - r->warn_before_us;
    return at > 0 ? at : 1;
}

/* The timer counts on the boot clock, as limits do: poll's own timeout stands still in suspend. */
static void arm_timer(struct watch *w)
{
    struct supervisor *s = w->s;
    usec_t at = earlier(s->deadline_boot_at, s->output.pause_until_boot_at);
    at = earlier(earlier(at, s->hang_up_boot_at), s->terminal.size_again_boot_at);
    if (use_at(s) > s->told_boot_at)
        at = earlier(at, usec_max(s->told_boot_at + TELL_USE_US, 1));
    if (is_running(s))
        at = earlier(earlier(at, s->limit_boot_at), warn_at(s));
    struct itimerspec spec = { .it_value = { .tv_sec = at / USEC_PER_SEC,
                                             .tv_nsec = at % USEC_PER_SEC * 1000 } };
    (void)timerfd_settime(w->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void timers(struct watch *w)
{
    struct supervisor *s = w->s;
    uint64_t times;
    (void)!read(w->timer_fd, &times, sizeof times);
    usec_t at = warn_at(s);
    if (at && at <= w->boot_at)
        handle(w, SV_WARN);
    if (is_running(s) && s->limit_boot_at && s->limit_boot_at <= w->boot_at)
        handle(w, SV_LIMIT);
    if (s->deadline_boot_at && s->deadline_boot_at <= w->boot_at) {
        s->deadline_boot_at = 0;
        /* The end of somebody we cannot see sends no event: look before giving up once more. */
        handle(w, tree_empty(s) ? SV_TREE_EMPTY : SV_DEADLINE);
    }
    if (s->output.pause_until_boot_at && s->output.pause_until_boot_at <= w->boot_at)
        s->output.pause_until_boot_at = 0;
    if (s->hang_up_boot_at && s->hang_up_boot_at <= w->boot_at)
        hang_up(s, w->boot_at);
    terminal_timer(&s->terminal, w->boot_at);
}

static void fill(const struct watch *w, struct pollfd set[AT_COUNT])
{
    const struct supervisor *s = w->s;
    bool rest = s->output.pause_until_boot_at != 0;
    for (int i = 0; i < AT_COUNT; i++)
        set[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
    set[AT_SIGNAL].fd = w->signal_fd;
    set[AT_TIMER].fd = w->timer_fd;
    set[AT_LISTEN].fd = s->peers.listen_fd;
    set[AT_OUT].fd = rest ? -1 : s->output.pipes[0];
    set[AT_ERR].fd = rest ? -1 : s->output.pipes[1];
    set[AT_CGROUP].fd = s->events_fd;
    set[AT_CGROUP].events = POLLPRI;
    set[AT_STRAY].fd = s->stray_pidfd;
    for (int i = 0; i < PEERS_MAX; i++)
        set[AT_PEERS + i].fd = s->peers.fds[i];
    terminal_fill(&s->terminal, set + AT_TERMINAL);
}

static void signals(struct watch *w)
{
    struct signalfd_siginfo info;
    bool child = false;
    while (read(w->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        child |= info.ssi_signo == SIGCHLD;
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGURG) /* the machine goes down, or somebody wants us gone */
            handle(w, SV_STOP);
    }
    if (child)
        reap(w);
}

static void serve_peers(struct watch *w, const struct pollfd set[AT_COUNT])
{
    struct supervisor *s = w->s;
    struct wire_msg m;
    int fds[WIRE_FDS];
    bool own = false;
    for (int i = 0; i < PEERS_MAX; i++)
        if (set[AT_PEERS + i].revents && s->peers.fds[i] == set[AT_PEERS + i].fd &&
            peers_receive(&s->peers, i, &m, fds, &own)) {
            command(w, i, &m, fds, own);
            for (int k = 0; k < WIRE_FDS; k++) /* what nobody took */
                io_close(&fds[k]);
        }
    terminal_sweep(&s->terminal, &s->peers); /* before a newcomer takes such a place */
    steps_sweep(s);
    int place = set[AT_LISTEN].revents ? peers_accept(&s->peers) : -1;
    if (place < 0)
        return;
    m = (struct wire_msg){ .type = WIRE_STATUS, .status = s->status };
    if (peers_send(&s->peers, place, &m) && s->quarantined) {
        m = (struct wire_msg){ .type = WIRE_ENDED, .end = s->end };
        m.end.flags |= WIRE_END_QUARANTINE;
        (void)peers_send(&s->peers, place, &m);
    }
}

void supervisor_watch(struct supervisor *s)
{
    struct watch w = { .s = s };
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGURG);
    w.signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    w.timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    s->grace_us = s->request.grace_us;
    set_limit(s, s->request.limit_us);
    if (w.signal_fd < 0 || w.timer_fd < 0) {
        /* No descriptors left: we cannot watch, so it must not run.  Rather a wait that hangs on
         * nothing but the job than a job without a limit. */
        s->stop_cause = ATTEMPT_STOPPED;
        kill_all(s);
        while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
            ;
        s->main_ended = true;
        output_finish(&s->output);
        judge(s);
        supervisor_finish(s, WIRE_ENDED);
        return;
    }
    while (s->status.phase != PHASE_OVER) {
        struct pollfd set[AT_COUNT];
        arm_timer(&w);
        fill(&w, set);
        if (poll(set, AT_COUNT, -1) < 0)
            continue; /* EINTR, or a moment without kernel memory */
        w.boot_at = io_boot_now();
        for (int i = 0; i < 2; i++)
            if (set[AT_OUT + i].revents)
                output_pump(&s->output, i, w.boot_at);
        terminal_serve(&s->terminal, set + AT_TERMINAL, w.boot_at);
        if (set[AT_SIGNAL].revents)
            signals(&w);
        if (set[AT_STRAY].revents)
            io_close(&s->stray_pidfd);
        if (set[AT_CGROUP].revents) /* reading it is what makes it quiet again */
            (void)tree_cgroup_empty(s->events_fd);
        if ((set[AT_CGROUP].revents || set[AT_STRAY].revents) && s->status.phase != PHASE_OVER &&
            tree_empty(s))
            handle(&w, SV_TREE_EMPTY);
        timers(&w);
        if (s->status.phase != PHASE_OVER)
            serve_peers(&w, set);
        tell_use(&w);
        terminal_sweep(&s->terminal, &s->peers); /* who could not be told is gone, and nothing else may wake us for it */
        steps_sweep(s);
    }
}
