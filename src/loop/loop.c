/* loop.c - see loop.h. */
#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"

#define BATCH 128       /* descriptors served in one wake-up; the rest waits for the next */
#define TIMERS_MAX 65536u /* more is a leak, not a load */

struct signal_hook {
    void (*caught)(int signo, void *data);
    void *data;
};

struct loop {
    int epoll_fd;
    int timer_fd;  /* boot clock: the earliest timer */
    int clock_fd;  /* wall clock: readable when it was set */
    int signal_fd;
    bool quit;
    int code;
    struct loop_now now;
    usec_t armed_at; /* what timer_fd is set to; 0: not */
    sigset_t mask;
    struct signal_hook signals[NSIG];
    bool (*before_sleep)(struct loop *, void *);
    void *before_sleep_data;
    void (*clock_step)(struct loop *, void *);
    void *clock_step_data;
    struct loop_timer **heap; /* places 1..timer_n; the earliest at 1 */
    uint32_t timer_n;
    uint32_t timer_size;
    struct epoll_event batch[BATCH];
    int batch_n;
    int batch_at; /* being served: a watch removed meanwhile is struck out behind it */
};

static void look_at_clocks(struct loop *l)
{
    l->now = (struct loop_now){ .wall_at = io_wall_now(), .boot_at = io_boot_now() };
}

struct loop_now loop_now(const struct loop *l) { return l->now; }

void loop_quit(struct loop *l, int code)
{
    l->quit = true;
    l->code = code;
}

void loop_before_sleep(struct loop *l, bool (*hook)(struct loop *, void *), void *data)
{
    l->before_sleep = hook;
    l->before_sleep_data = data;
}

void loop_on_clock_step(struct loop *l, void (*hook)(struct loop *, void *), void *data)
{
    l->clock_step = hook;
    l->clock_step_data = data;
}

/* --- descriptors ------------------------------------------------------------------------------ */

static uint32_t to_epoll(uint32_t interest)
{
    return (interest & LOOP_READ ? EPOLLIN : 0u) | (interest & LOOP_WRITE ? EPOLLOUT : 0u) |
           (interest & LOOP_HANGUP ? EPOLLRDHUP : 0u) | (interest & LOOP_PRI ? EPOLLPRI : 0u);
}

static uint32_t from_epoll(uint32_t events)
{
    return (events & EPOLLIN ? LOOP_READ : 0u) | (events & EPOLLOUT ? LOOP_WRITE : 0u) |
           (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP) ? LOOP_HANGUP : 0u) |
           (events & EPOLLPRI ? LOOP_PRI : 0u);
}

int loop_watch_add(struct loop *l, struct loop_watch *w, int fd, uint32_t interest,
                   void (*ready)(struct loop_watch *, uint32_t, void *), void *data)
{
    struct epoll_event e = { .events = to_epoll(interest), .data.ptr = w };
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
        return io_from_errno(errno);
    *w = (struct loop_watch){ .fd = fd, .interest = interest, .ready = ready, .data = data, .loop = l };
    return 0;
}

int loop_watch_set(struct loop_watch *w, uint32_t interest)
{
    struct epoll_event e = { .events = to_epoll(interest), .data.ptr = w };
    assert(w->loop);
    if (w->interest == interest)
        return 0;
    if (epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_MOD, w->fd, &e) < 0)
        return io_from_errno(errno);
    w->interest = interest;
    return 0;
}

void loop_watch_remove(struct loop_watch *w)
{
    struct loop *l = w->loop;
    if (!l)
        return;
    /* Fails if the descriptor was closed first; then the kernel took it out already. */
    (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    for (int i = l->batch_at; i < l->batch_n; i++)
        if (l->batch[i].data.ptr == w)
            l->batch[i].data.ptr = NULL; /* fetched, but its memory may be gone by its turn */
    w->loop = NULL;
}

/* --- timers ----------------------------------------------------------------------------------- */

static void put(struct loop *l, uint32_t place, struct loop_timer *t)
{
    l->heap[place] = t;
    t->place = place;
}

static void rise(struct loop *l, struct loop_timer *t, uint32_t place)
{
    for (; place > 1 && l->heap[place / 2]->boot_at > t->boot_at; place /= 2)
        put(l, place, l->heap[place / 2]);
    put(l, place, t);
}

static void sink(struct loop *l, struct loop_timer *t, uint32_t place)
{
    for (;;) {
        uint32_t child = 2 * place;
        if (child < l->timer_n && l->heap[child + 1]->boot_at < l->heap[child]->boot_at)
            child++;
        if (child > l->timer_n || l->heap[child]->boot_at >= t->boot_at)
            break;
        put(l, place, l->heap[child]);
        place = child;
    }
    put(l, place, t);
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
    uint32_t place = t->place;
    if (place == 0)
        return;
    assert(l->heap[place] == t);
    struct loop_timer *last = l->heap[l->timer_n--];
    t->place = 0;
    if (last == t)
        return;
    if (place > 1 && l->heap[place / 2]->boot_at > last->boot_at)
        rise(l, last, place);
    else
        sink(l, last, place);
}

int loop_timer_set(struct loop *l, struct loop_timer *t, usec_t boot_at,
                   void (*fire)(struct loop_timer *, void *), void *data)
{
    loop_timer_cancel(l, t);
    if (l->timer_n + 2 > l->timer_size) {
        uint32_t size = l->timer_size ? l->timer_size * 2 : 64;
        if (size > TIMERS_MAX)
            return E_FULL;
        struct loop_timer **grown = realloc(l->heap, size * sizeof(struct loop_timer *));
        if (!grown)
            return E_NO_MEMORY;
        l->heap = grown;
        l->timer_size = size;
    }
    *t = (struct loop_timer){ .boot_at = boot_at, .fire = fire, .data = data };
    rise(l, t, ++l->timer_n);
    return 0;
}

/* Fire what is due.  A timer set again by its own callback for now or earlier waits for the next turn:
 * descriptors must not starve. */
static void fire_timers(struct loop *l)
{
    uint32_t due_max = l->timer_n;
    while (due_max-- > 0 && l->timer_n > 0 && l->heap[1]->boot_at <= l->now.boot_at && !l->quit) {
        struct loop_timer *t = l->heap[1];
        loop_timer_cancel(l, t);
        t->fire(t, t->data);
    }
}

static void arm(struct loop *l)
{
    usec_t at = l->timer_n && l->heap[1]->boot_at != USEC_NEVER ? usec_max(l->heap[1]->boot_at, 1) : 0;
    if (at == l->armed_at)
        return;
    struct itimerspec spec = { .it_value = { .tv_sec = at / USEC_PER_SEC,
                                             .tv_nsec = at % USEC_PER_SEC * 1000 } };
    if (timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0)
        l->armed_at = at;
}

/* --- signals and the wall clock ---------------------------------------------------------------- */

int loop_signal(struct loop *l, int signo, void (*caught)(int signo, void *data), void *data)
{
    if (signo <= 0 || signo >= NSIG)
        return E_INVALID;
    sigset_t mask = l->mask;
    sigaddset(&mask, signo);
    if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
        return io_from_errno(errno);
    int fd = signalfd(l->signal_fd, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return io_from_errno(errno);
    if (l->signal_fd < 0) {
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = &l->signal_fd };
        if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) {
            int r = io_from_errno(errno);
            close(fd);
            return r;
        }
    }
    l->signal_fd = fd;
    l->mask = mask;
    l->signals[signo] = (struct signal_hook){ caught, data };
    return 0;
}

static void take_signals(struct loop *l)
{
    struct signalfd_siginfo info;
    while (read(l->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo < NSIG && l->signals[info.ssi_signo].caught)
            l->signals[info.ssi_signo].caught((int)info.ssi_signo, l->signals[info.ssi_signo].data);
}

/* A timer in the far future that is cancelled whenever somebody sets the clock. */
static void watch_clock(struct loop *l)
{
    struct itimerspec never = { .it_value = { .tv_sec = INT32_MAX } };
    (void)timerfd_settime(l->clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static void clock_was_set(struct loop *l)
{
    uint64_t times;
    (void)!read(l->clock_fd, &times, sizeof times); /* ECANCELED, which is the message */
    watch_clock(l);
    if (l->clock_step)
        l->clock_step(l, l->clock_step_data);
}

/* --- running ---------------------------------------------------------------------------------- */

static void serve(struct loop *l, const struct epoll_event *e)
{
    uint64_t times;
    if (e->data.ptr == NULL) {
        return;
    } else if (e->data.ptr == &l->timer_fd) {
        l->armed_at = 0;
        (void)!read(l->timer_fd, &times, sizeof times);
    } else if (e->data.ptr == &l->clock_fd) {
        clock_was_set(l);
    } else if (e->data.ptr == &l->signal_fd) {
        take_signals(l);
    } else {
        struct loop_watch *w = e->data.ptr;
        w->ready(w, from_epoll(e->events), w->data);
    }
}

static int turn(struct loop *l, bool sleep)
{
    arm(l);
    int n = epoll_wait(l->epoll_fd, l->batch, BATCH, sleep ? -1 : 0);
    if (n < 0 && errno != EINTR)
        return io_from_errno(errno);
    look_at_clocks(l);
    l->batch_n = n < 0 ? 0 : n;
    for (int i = 0; i < l->batch_n && !l->quit; i++) {
        l->batch_at = i + 1;
        struct epoll_event e = l->batch[i];
        serve(l, &e);
    }
    l->batch_n = 0;
    fire_timers(l);
    return 0;
}

int loop_run(struct loop *l)
{
    l->quit = false;
    look_at_clocks(l);
    for (;;) {
        bool more = l->before_sleep && l->before_sleep(l, l->before_sleep_data);
        if (l->quit)
            return l->code;
        int r = turn(l, !more);
        if (r < 0)
            return r;
    }
}

static int watch_own(struct loop *l, int *fd)
{
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = fd };
    return *fd < 0 || epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, *fd, &e) < 0 ? io_from_errno(errno) : 0;
}

int loop_create(struct loop **ret)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l)
        return E_NO_MEMORY;
    l->signal_fd = -1;
    sigemptyset(&l->mask);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    l->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    int r = l->epoll_fd < 0 ? io_from_errno(errno) : 0;
    if (r == 0)
        r = watch_own(l, &l->timer_fd);
    if (r == 0)
        r = watch_own(l, &l->clock_fd);
    if (r < 0) {
        loop_destroy(l);
        return r;
    }
    watch_clock(l);
    look_at_clocks(l);
    *ret = l;
    return 0;
}

void loop_destroy(struct loop *l)
{
    if (!l)
        return;
    io_close(&l->signal_fd);
    io_close(&l->clock_fd);
    io_close(&l->timer_fd);
    io_close(&l->epoll_fd);
    free(l->heap);
    free(l);
}
