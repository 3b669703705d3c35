/* look.c - the daemon's half of eoul-probe: which GPUs the driver sees, and who is on them.
 *
 * At start one round says which GPUs there are.  Later the probe is asked before each start that
 * takes GPUs (the start waits for the answer, at most ROUND_US) and now and then for figures and for
 * people who came without asking.  The probe may hang for ever: then it is killed and started again, and the
 * start goes ahead: the lock files still keep those out who use them.
 *
 * A process is foreign unless it belongs to an attempt (its uuid is in its environment or cgroup).
 * A GPU a job of ours has is not looked at: leftovers there are the supervisor's business.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "daemon/internal.h"
#include "engine/local.h"
#include "probe/probe.h"

#define ROUND_US      (2 * USEC_PER_SEC)  /* NVML answers in milliseconds, or is ill */
#define FIRST_US      (5 * USEC_PER_SEC)  /* loading a driver that slept */
#define PERIOD_MS     10000u
#define AGAIN_US_MAX  (10 * USEC_PER_MIN) /* between starts of a probe that keeps failing */

struct look {
    struct daemon *d;
    int in_fd, out_fd, pidfd;   /* ours of the pipes */
    struct probe_reader reader;
    struct loop_watch watch;
    struct loop_timer patience; /* running while a round is awaited */
    struct loop_timer again;
    usec_t again_us;
    uint64_t asked, answered;
    struct list waiting;        /* struct waiting: starts that wait for a round */
    bool round_open;
    struct probe_gpu round[PROBE_GPUS_MAX];
    uint32_t round_n;
    bool foreign[PROBE_GPUS_MAX];
    uid_t foreign_uid[PROBE_GPUS_MAX];
    enum probe_state state;
    bool hello;
};

struct waiting {
    struct act act;
    uint64_t round;
};

/* --- the process ------------------------------------------------------------------------------------ */

static void probe_end(struct look *k)
{
    loop_watch_remove(&k->watch);
    loop_timer_cancel(k->d->loop, &k->patience);
    if (k->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, k->pidfd, SIGKILL, NULL, 0);
    io_close(&k->pidfd);
    io_close(&k->in_fd);
    io_close(&k->out_fd);
    memset(&k->reader, 0, sizeof k->reader);
    k->round_open = k->hello = false;
}

static int probe_begin(struct look *k, struct err *err)
{
    int in[2] = { -1, -1 };
    int out[2] = { -1, -1 };
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0) {
        io_close(&in[0]);
        io_close(&in[1]);
        return err_set(err, io_from_errno(errno), "cannot make a pipe: %s", strerror(errno));
    }
    int code = engine_local_spawn(k->d->engine, LOCAL_PROBE, in[0], out[1], &k->pidfd, err);
    io_close(&in[0]);
    io_close(&out[1]);
    if (code < 0) {
        io_close(&in[1]);
        io_close(&out[0]);
        return code;
    }
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    k->in_fd = in[1];
    k->out_fd = out[0];
    return 0;
}

/* --- rounds ------------------------------------------------------------------------------------------ */

static struct probe_gpu *in_round(struct look *k, const char *uuid, uint32_t *ret_at)
{
    for (uint32_t i = 0; i < k->round_n; i++)
        if (strncmp(k->round[i].uuid, uuid, sizeof k->round[i].uuid) == 0) {
            *ret_at = i;
            return &k->round[i];
        }
    return NULL;
}

static void take_record(struct look *k, const struct probe_record *r)
{
    uint32_t at;
    switch ((enum probe_kind)r->kind) {
    case PROBE_HELLO:
        k->hello = true;
        k->state = (enum probe_state)r->state;
        break;
    case PROBE_GPU:
        if (!k->round_open) {
            k->round_open = true;
            k->round_n = 0;
        }
        if (k->round_n < PROBE_GPUS_MAX) {
            k->foreign[k->round_n] = false;
            k->round[k->round_n] = r->gpu;
            k->round[k->round_n].uuid[sizeof r->gpu.uuid - 1] = '\0';
            k->round[k->round_n++].name[sizeof r->gpu.name - 1] = '\0';
        }
        break;
    case PROBE_PROCESS:
        if (!r->process.attempt[0] && in_round(k, r->process.gpu_uuid, &at)) {
            k->foreign[at] = true;
            k->foreign_uid[at] = r->process.uid;
        }
        break;
    case PROBE_XID:
        log_line("gpu", "uuid=%.95s xid=%" PRIu64, r->gpu.uuid, r->value);
        break;
    case PROBE_ROUND:
        if (!k->round_open)
            k->round_n = 0; /* a round without GPUs */
        k->round_open = false;
        k->answered = r->value;
        break;
    }
}

/* What a round says, into the table; look_due if the core must hear of it. */
static void take_round(struct look *k)
{
    struct daemon *d = k->d;
    for (uint32_t i = 0; i < d->gpus_n; i++) {
        struct gpu *g = &d->gpus[i];
        struct core_gpu now;
        uint32_t at;
        struct probe_gpu *p = in_round(k, g->uuid, &at);
        bool present = p && !(p->flags & PROBE_GPU_LOST);
        bool ours = core_gpu_get(d->core, i, &now) && now.job != 0;
        bool seen = present && !ours && k->foreign[at];
        if (present != g->present || seen != g->seen_foreign)
            d->look_due = true;
        g->present = present;
        g->seen_foreign = seen;
        if (seen)
            g->seen_uid = k->foreign_uid[at];
        if (!p)
            continue;
        g->index = p->index;
        g->memory_mib = p->memory_total_mib;
        g->memory_used_mib = p->memory_used_mib;
        g->power_mw = p->power_mw;
        g->utilisation = p->busy_ppm < 0 ? -1 : p->busy_ppm / 10000;
    }
    watts_round(d);
}

/* --- starts that wait ---------------------------------------------------------------------------------- */

static void start_or_not(struct daemon *d, const struct act *a)
{
    for (uint32_t i = 0; i < d->gpus_n; i++) {
        if (!(a->gpus >> i & 1) || !d->gpus[i].seen_before_start)
            continue;
        struct engine_event ev = { .kind = ENGINE_START_FAILED, .job = a->job,
                                   .attempt = a->attempt, .cause = ATTEMPT_GPU_BUSY,
                                   .stage = STAGE_GPU, .wall_at = d->now.wall_at };
        memcpy(ev.detail, d->gpus[i].uuid, sizeof d->gpus[i].uuid);
        run_own_event(d, &ev, NULL);
        return;
    }
    run_start(d, a);
}

/* The GPUs of a waiting start are "ours" in the core already, so ask the round itself. */
static void mark_before_start(struct look *k)
{
    for (uint32_t i = 0; i < k->d->gpus_n; i++) {
        uint32_t at;
        struct gpu *g = &k->d->gpus[i];
        g->seen_before_start = k->round_n && in_round(k, g->uuid, &at) && k->foreign[at];
        if (g->seen_before_start)
            g->seen_uid = k->foreign_uid[at];
    }
}

static void serve_waiting(struct look *k, bool all)
{
    struct list waiting = k->waiting;
    k->waiting = (struct list){ 0 };
    if (all)
        for (uint32_t i = 0; i < k->d->gpus_n; i++)
            k->d->gpus[i].seen_before_start = false;
    else
        mark_before_start(k);
    for (uint32_t i = 0; i < waiting.n; i++) {
        struct waiting *w = (struct waiting *)waiting.at + i;
        if (w->act.kind == ACT_NONE)
            continue; /* cancelled meanwhile */
        if (all || w->round <= k->answered) {
            start_or_not(k->d, &w->act);
            continue;
        }
        struct waiting *later = list_add(&k->waiting, sizeof *later);
        if (!later)
            turn_abort(k->d, E_NO_MEMORY, "start");
        *later = *w;
    }
    list_finish(&waiting);
}

static void begin_later(struct look *k);

static void impatient(struct loop_timer *t, void *data)
{
    struct look *k = data;
    (void)t;
    log_line("probe", "state=hangs action=kill");
    probe_end(k);
    serve_waiting(k, true);
    begin_later(k);
}

static void ask(struct look *k)
{
    if (k->in_fd < 0 || probe_ask(k->in_fd, PERIOD_MS, ++k->asked) < 0)
        return;
    if (!k->patience.place)
        loop_timer_set(k->d->loop, &k->patience, loop_now(k->d->loop).boot_at + ROUND_US, impatient, k);
}

static void ready(struct loop_watch *w, uint32_t events, void *data)
{
    struct look *k = data;
    struct probe_record r;
    int code;
    (void)events;
    while ((code = probe_read(&k->reader, w->fd, &r)) == 1) {
        take_record(k, &r);
        if (r.kind != PROBE_ROUND)
            continue;
        take_round(k);
        if (k->answered >= k->asked)
            loop_timer_cancel(k->d->loop, &k->patience);
        k->again_us = USEC_PER_SEC;
        serve_waiting(k, false);
    }
    if (code < 0) {
        log_line("probe", "state=gone code=%s", err_word(code));
        probe_end(k);
        serve_waiting(k, true);
        begin_later(k);
    }
}

static int watch(struct look *k)
{
    return loop_watch_add(k->d->loop, &k->watch, k->out_fd, LOOP_READ, ready, k);
}

static void again_fired(struct loop_timer *t, void *data)
{
    struct look *k = data;
    struct err err = { 0 };
    (void)t;
    if (probe_begin(k, &err) < 0 || watch(k) < 0) {
        probe_end(k);
        begin_later(k);
        return;
    }
    ask(k);
}

static void begin_later(struct look *k)
{
    loop_timer_set(k->d->loop, &k->again, loop_now(k->d->loop).boot_at + k->again_us, again_fired, k);
    k->again_us = usec_min(k->again_us * 2, AGAIN_US_MAX);
}

/* --- outside -------------------------------------------------------------------------------------------- */

bool look_before_start(struct daemon *d, const struct act *a)
{
    struct look *k = d->look_probe;
    if (!k || k->in_fd < 0 || a->gpus == 0)
        return false;
    ask(k);
    struct waiting *w = list_add(&k->waiting, sizeof *w);
    if (!w)
        turn_abort(d, E_NO_MEMORY, "start");
    *w = (struct waiting){ .act = *a, .round = k->asked };
    return true;
}

bool look_stop(struct daemon *d, const struct act *a)
{
    struct look *k = d->look_probe;
    struct waiting *w = k ? k->waiting.at : NULL;
    for (uint32_t i = 0; k && i < k->waiting.n; i++)
        if (w[i].act.job == a->job && w[i].act.attempt == a->attempt && w[i].act.kind != ACT_NONE) {
            w[i].act.kind = ACT_NONE;
            return true;
        }
    return false;
}

/* The first round, before anybody is served: waited for. */
static bool first_round(struct look *k)
{
    usec_t until = io_boot_now() + FIRST_US;
    struct probe_record r;
    probe_ask(k->in_fd, 0, ++k->asked);
    while (io_boot_now() < until) {
        struct pollfd p = { .fd = k->out_fd, .events = POLLIN };
        poll(&p, 1, (int)((until - io_boot_now()) / USEC_PER_MSEC) + 1);
        int code;
        while ((code = probe_read(&k->reader, k->out_fd, &r)) == 1) {
            take_record(k, &r);
            if (k->hello && k->state != PROBE_READY)
                return false;
            if (r.kind == PROBE_ROUND)
                return true;
        }
        if (code < 0)
            return false;
    }
    return false;
}

int look_begin(struct daemon *d)
{
    struct look *k = calloc(1, sizeof *k);
    struct err err = { 0 };
    if (!k)
        return E_NO_MEMORY;
    k->d = d;
    k->in_fd = k->out_fd = k->pidfd = -1;
    k->again_us = USEC_PER_SEC;
    d->look_probe = k;
    int code = probe_begin(k, &err);
    if (code < 0) {
        log_line("probe", "error=\"%s\"", err.text);
    } else if (!first_round(k) || k->round_n == 0) {
        if (k->hello && k->state == PROBE_NO_DRIVER)
            d->driver_silent = true;
        log_line("probe", "state=%s", k->hello ? k->state == PROBE_NO_LIBRARY ? "no-library" : "no-gpus"
                                               : "no-answer");
        code = E_UNAVAILABLE;
    } else {
        return 0;
    }
    look_finish(d);
    return code;
}

int look_each(struct daemon *d,
              int (*gpu)(struct daemon *d, const char *uuid, const char *model, uint32_t index,
                         uint32_t minor1, int64_t watts_mw))
{
    struct look *k = d->look_probe;
    for (uint32_t i = 0; i < k->round_n; i++) {
        const struct probe_gpu *p = &k->round[i];
        int code = p->flags & PROBE_GPU_LOST ? 0 : gpu(d, p->uuid, p->name, p->index, p->minor1,
                                                       p->power_limit_mw > 0 ? p->power_limit_mw : 0);
        if (code < 0)
            return code;
    }
    take_round(k);
    int code = watch(k);
    if (code == 0)
        ask(k);
    return code;
}

void look_finish(struct daemon *d)
{
    struct look *k = d->look_probe;
    if (!k)
        return;
    probe_end(k);
    loop_timer_cancel(d->loop, &k->again);
    list_finish(&k->waiting);
    free(k);
    d->look_probe = NULL;
}
