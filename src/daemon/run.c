/* run.c - attempts: what the engine says becomes rows and events; what the core wants is done.
 *
 *   core START ─ committed ─▶ engine_start ─▶ STARTED ─▶ ENDED ─ committed ─▶ tail kept, forget
 *                                 │ (restart: engine_recover asks what became of it)
 *                                 ╰▶ START_FAILED, NEVER_STARTED, LOST
 *
 * The core is the judge of what still matters: an event it refuses is one that was committed before
 * (the engine repeats until it is told to forget), so it is only cleaned up after.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "daemon/internal.h"
#include "daemon/message.h"
#include "engine/attempt.h"
#include "engine/local.h"

#define ANSWERS_US (150 * USEC_PER_MSEC) /* part of "back in service within 500 ms" */

static const uint32_t end_of_cause[ATTEMPT_CAUSE_COUNT] = {
    [ATTEMPT_NONE] = END_LAUNCH, [ATTEMPT_EXIT] = END_EXIT, [ATTEMPT_SIGNAL] = END_SIGNAL,
    [ATTEMPT_TIME_LIMIT] = END_TIME_LIMIT, [ATTEMPT_STOPPED] = END_STOPPED,
    [ATTEMPT_OOM] = END_OOM, [ATTEMPT_LAUNCH] = END_LAUNCH, [ATTEMPT_GPU_BUSY] = END_GPU_BUSY,
};

static uint32_t end_cause_of(const struct engine_event *e)
{
    if (e->kind == ENGINE_NEVER_STARTED)
        return END_STOPPED; /* by a restart, not by any fault of its own: it waits again */
    return e->cause < ATTEMPT_CAUSE_COUNT ? end_of_cause[e->cause] : END_LAUNCH;
}

/* --- acts to follow -------------------------------------------------------------------------------- */

static struct act *follow(struct daemon *d, enum act_kind kind, const struct engine_event *e)
{
    struct act *a = list_add(&d->acts, sizeof *a);
    if (!a) {
        d->broken = E_NO_MEMORY;
        return NULL;
    }
    a->kind = (uint8_t)kind;
    a->job = e->job;
    a->attempt = e->attempt;
    return a;
}

static void forget_after(struct daemon *d, const struct engine_event *e)
{
    struct act *a = e->quarantine ? NULL : follow(d, ACT_FORGET, e);
    if (a)
        a->keep_tail = e->output_bytes > 0;
}

/* --- events of the engine --------------------------------------------------------------------------- */

/* A recovered fact lies in the past, and so does a start whose news waited (turn.c): a job that was over by
 * then still ran for a time.  The core is told when it was, as far as its own time allows. */
static int tell(struct daemon *d, const struct engine_event *e, struct core_event *ev, usec_t wall_at)
{
    struct err err = { 0 };
    usec_t boot_at = d->now.boot_at;
    if (wall_at && (e->recovered || ev->kind == EVENT_STARTED)) {
        wall_at = usec_min(usec_max(wall_at, d->last_wall_at), d->now.wall_at);
        boot_at -= d->now.wall_at - wall_at;
    } else {
        wall_at = d->now.wall_at;
    }
    int code = state_event_at(d, ev, wall_at, boot_at, &err);
    if (code < 0 && !d->broken && code != E_STATE && code != E_NOT_FOUND)
        log_line("refused", "job=%u attempt=%u event=%s error=\"%s\"", e->job, e->attempt,
                 event_word(ev->kind), err.text);
    return code;
}

static int started(struct daemon *d, const struct engine_event *e)
{
    struct core_event ev = { .kind = EVENT_STARTED };
    struct core_job j;
    ev.started = (struct ev_started){ .job = e->job, .attempt = e->attempt };
    int code = tell(d, e, &ev, e->wall_at);
    if (code == 0) {
        usec_t at = e->started_wall_at ? e->started_wall_at : d->now.wall_at;
        store_attempt_running(d->store, e->job, e->attempt, at);
    }
    if (code == 0 || e->recovered)
        marks_follow(d, e->job, e->attempt);
    if (d->broken || !e->recovered || !core_job_get(d->core, e->job, &j) || j.attempt != e->attempt)
        return 0;
    /* What was asked of it before the restart may not have reached it. */
    if (j.state == JOB_COMPLETING)
        follow(d, ACT_STOP, e);
    struct act *limit = follow(d, ACT_LIMIT, e);
    if (limit)
        limit->value = j.limit_us;
    return 0;
}

static enum store_attempt_state state_after(enum engine_event_kind kind)
{
    switch (kind) {
    case ENGINE_ENDED: return ATTEMPT_ENDED;
    case ENGINE_LOST: return ATTEMPT_LOST;
    default: return ATTEMPT_NEVER_STARTED;
    }
}

static void write_end(struct daemon *d, const struct engine_event *e, const struct core_job *before,
                      const char *message)
{
    char memory[ERR_TEXT_MAX];
    if (!message && e->kind == ENGINE_START_FAILED) {
        struct buf kept;
        buf_init_fixed(&kept, memory, sizeof memory);
        message_of_launch(&kept, e->cause, e->stage, e->error, e->detail);
        message = memory;
    }
    struct store_attempt a = {
        .job = e->job, .number = e->attempt, .state = state_after(e->kind), .open = e->quarantine,
        .start_at = e->started_wall_at, .end_at = e->wall_at ? e->wall_at : d->now.wall_at,
        .exit_code = e->code, .signal = e->signal, .user_us = e->user_us,
        .system_us = e->system_us, .rss_max_kib = e->max_rss_kib, .output_bytes = e->output_bytes,
        .output_lost = e->output_lost, .message = str_of(message),
        .cause = str_of(end_cause_word((enum end_cause)end_cause_of(e))),
    };
    if (!a.start_at && before->state != JOB_CONFIGURING && e->kind != ENGINE_START_FAILED)
        a.start_at = before->start_at;
    if (e->kind == ENGINE_LOST)
        a.cause = STR("lost");
    if (e->kind == ENGINE_NEVER_STARTED)
        a.cause = STR("never-started");
    store_attempt_end(d->store, &a);
}

static void end_event(const struct daemon *d, const struct engine_event *e, struct core_event *ev)
{
    switch (e->kind) {
    case ENGINE_ENDED:
        ev->kind = EVENT_ENDED;
        ev->ended = (struct ev_ended){ .job = e->job, .attempt = e->attempt,
                                       .cause = end_cause_of(e), .code = e->code,
                                       .signal = (uint32_t)(e->signal > 0 ? e->signal : 0),
                                       .quarantine = e->quarantine,
                                       .watts_mw = watts_most(d, e->job, e->attempt) };
        break;
    case ENGINE_LOST:
        ev->kind = EVENT_LOST;
        ev->lost = (struct ev_lost){ .job = e->job, .attempt = e->attempt,
                                     .quarantine = e->quarantine };
        break;
    default:
        ev->kind = EVENT_START_FAILED;
        ev->start_failed = (struct ev_start_failed){ .job = e->job, .attempt = e->attempt,
                                                     .cause = end_cause_of(e) };
    }
}

static int over(struct daemon *d, struct engine_event *e, const char *message)
{
    struct core_job before = { 0 };
    struct core_event ev = { 0 };
    bool live = core_job_get(d->core, e->job, &before) && before.attempt == e->attempt;
    if (live && before.state == JOB_CONFIGURING && e->kind == ENGINE_ENDED) {
        ev.kind = EVENT_STARTED; /* it ended so soon, or while nobody listened */
        ev.started = (struct ev_started){ .job = e->job, .attempt = e->attempt };
        tell(d, e, &ev, e->started_wall_at);
    }
    if (live && before.state != JOB_CONFIGURING && e->kind == ENGINE_NEVER_STARTED) {
        /* It was seen running, so its directory was taken away, not never claimed. */
        e->kind = ENGINE_LOST;
        d->broken = d->broken ? d->broken : backup_doubt(d, e->job);
    }
    /* Nobody here asked for it: the machine went down around it, or somebody ended its supervisor. */
    if (live && before.state != JOB_COMPLETING && e->kind == ENGINE_ENDED && e->cause == ATTEMPT_STOPPED)
        e->kind = ENGINE_LOST;
    end_event(d, e, &ev);
    d->current = e;
    int code = live && !d->broken ? tell(d, e, &ev, e->wall_at) : E_STATE;
    d->current = NULL;
    if (d->broken)
        return d->broken;
    if (code == 0) {
        write_end(d, e, &before, message);
        if (e->kind == ENGINE_ENDED || e->kind == ENGINE_LOST)
            marks_over(d, e->job, e->attempt, e->kind == ENGINE_ENDED && e->output_bytes == 0);
        if (e->kind == ENGINE_START_FAILED && e->cause == ATTEMPT_GPU_BUSY)
            gpus_busy(d, e->detail);
    } else if (!e->quarantine) {
        store_attempt_close(d->store, e->job, e->attempt);
    }
    forget_after(d, e);
    return 0;
}

struct mask_of {
    uint32_t attempt;
    uint64_t gpus;
};

static int find_mask(const struct store_attempt *a, void *data)
{
    struct mask_of *m = data;
    if (a->number == m->attempt)
        m->gpus = a->gpus;
    return 0;
}

/* The last process of a quarantined attempt is gone: its GPUs may be used again. */
static int released(struct daemon *d, const struct engine_event *e)
{
    struct mask_of m = { .attempt = e->attempt };
    struct err err = { 0 };
    store_attempt_close(d->store, e->job, e->attempt);
    int code = store_attempts_each(d->store, e->job, find_mask, &m);
    for (uint32_t i = 0; i < d->gpus_n && code == 0; i++)
        if (m.gpus >> i & 1)
            code = gpus_changed(d, i, &err);
    follow(d, ACT_FORGET, e);
    log_line("released", "job=%u attempt=%u", e->job, e->attempt);
    return code;
}

int run_engine_event(struct daemon *d, struct engine_event *e, const char *message)
{
    switch (e->kind) {
    case ENGINE_STARTED: return started(d, e);
    case ENGINE_RELEASED: return released(d, e);
    case ENGINE_DOWN:
        log_line("engine", "state=down action=restart");
        d->stopping = d->restart = true;
        return 0;
    default: return over(d, e, message);
    }
}

void run_own_event(struct daemon *d, const struct engine_event *ev, const char *message)
{
    struct own_event *o = calloc(1, sizeof *o);
    if (!o)
        turn_abort(d, E_NO_MEMORY, "event");
    o->ev = *ev;
    struct buf text;
    buf_init_fixed(&text, o->message, sizeof o->message);
    buf_c(&text, message ? message : "");
    *d->own_end = o;
    d->own_end = &o->next;
}

/* --- acts ---------------------------------------------------------------------------------------- */

static void could_not_start(struct daemon *d, const struct act *a, struct err *err)
{
    struct engine_event ev = { .kind = ENGINE_START_FAILED, .job = a->job, .attempt = a->attempt,
                               .cause = ATTEMPT_LAUNCH, .stage = STAGE_REQUEST,
                               .wall_at = d->now.wall_at, .boot_at = d->now.boot_at };
    run_own_event(d, &ev, err->text);
}

static void again_fired(struct loop_timer *t, void *data)
{
    struct daemon *d = data;
    (void)t;
    struct list later = d->acts_later;
    d->acts_later = (struct list){ 0 };
    for (uint32_t i = 0; i < later.n; i++)
        run_act(d, (struct act *)later.at + i); /* GPUs are looked at again */
    list_finish(&later);
}

static void start_later(struct daemon *d, const struct act *a)
{
    struct act *later = list_add(&d->acts_later, sizeof *later);
    if (!later)
        turn_abort(d, E_NO_MEMORY, "start");
    *later = *a;
    loop_timer_set(d->loop, &d->again, loop_now(d->loop).boot_at + START_AGAIN_US, again_fired, d);
}

/* Failures that say nothing about the job: too many open files, no memory, the engine's table full. */
static bool is_passing(int code)
{
    return code == E_BUSY || code == E_NO_MEMORY || code == E_FULL || code == E_LIMIT ||
           code == E_NO_SPACE;
}

void run_start(struct daemon *d, const struct act *a)
{
    struct err err = { 0 };
    struct engine_start s = { .job = a->job, .attempt = a->attempt, .request_fd = -1 };
    FAULT("start-before");
    int code = request_of_attempt(d, a->job, a->gpus, &s, &err);
    if (code == 0) {
        memcpy(s.uuid, a->uuid, sizeof s.uuid);
        code = engine_start(d->engine, &s, &err);
        io_close(&s.request_fd);
    }
    FAULT("start-after");
    if (code == 0 || code == E_UNAVAILABLE) /* the engine is down: recovery will say */
        return;
    if (code == E_EXISTS)
        engine_recover(d->engine, a->job, a->attempt);
    else if (is_passing(code))
        start_later(d, a);
    else
        could_not_start(d, a, &err);
    if (code != E_EXISTS)
        log_line("start", "job=%u attempt=%u code=%s error=\"%s\"", a->job, a->attempt,
                 err_word(code), err.text);
}

static void stop(struct daemon *d, const struct act *a)
{
    FAULT("stop-before");
    int code = engine_stop(d->engine, a->job, a->attempt, 0);
    if (code == 0 || code == E_UNAVAILABLE)
        return;
    bool waited = look_stop(d, a);
    struct act *later = d->acts_later.at;
    for (uint32_t i = 0; i < d->acts_later.n; i++) {
        if (later[i].job != a->job || later[i].attempt != a->attempt || later[i].kind != ACT_START)
            continue;
        later[i].kind = ACT_NONE;
        waited = true;
    }
    struct engine_event ev = { .kind = ENGINE_NEVER_STARTED, .job = a->job, .attempt = a->attempt };
    if (waited)
        run_own_event(d, &ev, NULL);
}

/* Never again after a restart: a program that saves on SIGUSR1 does so once for one request. */
static void send_signal(struct daemon *d, const struct act *a)
{
    static const enum wire_whom whom[SIGNAL_WHOM_COUNT] = { [SIGNAL_MAIN] = WIRE_TO_MAIN, [SIGNAL_TREE] = WIRE_TO_TREE,
                                                            [SIGNAL_STEPS] = WIRE_TO_STEPS };
    int code = engine_signal(d->engine, a->job, a->attempt, (int)a->value, whom[a->whom]);
    log_line("signal", "job=%u attempt=%u signal=%d code=%s", a->job, a->attempt, (int)a->value,
             code < 0 ? err_word(code) : "sent");
}

void run_act(struct daemon *d, const struct act *a)
{
    switch ((enum act_kind)a->kind) {
    case ACT_NONE: break;
    case ACT_START:
        if (!look_before_start(d, a))
            run_start(d, a);
        break;
    case ACT_STOP: stop(d, a); break;
    case ACT_LIMIT: engine_set_limit(d->engine, a->job, a->attempt, a->value); break;
    case ACT_SIGNAL: send_signal(d, a); break;
    case ACT_FORGET:
        if (a->keep_tail)
            keep_tail(d, a->job, a->attempt);
        engine_forget(d->engine, a->job, a->attempt);
        break;
    }
}

/* --- after a restart ------------------------------------------------------------------------------- */

struct recovery {
    struct daemon *d;
    struct map open; /* job << 32 | attempt: 1 */
    uint32_t n;
};

static uint64_t key_of(uint32_t job, uint32_t attempt) { return (uint64_t)job << 32 | attempt; }

static int recover_one(const struct store_attempt *a, void *data)
{
    struct recovery *r = data;
    FAULT("recover");
    r->n++;
    int code = map_set(&r->open, key_of(a->job, a->number), 1);
    if (code == 0)
        code = engine_recover(r->d->engine, a->job, a->number);
    if (code < 0)
        log_line("recover", "job=%u attempt=%u code=%s", a->job, a->number, err_word(code));
    return 0;
}

/* A job that runs by the journal but has no row for its attempt: nobody can be asked. */
static void lost_without_row(struct recovery *r)
{
    struct core_job j;
    for (job_id after = 0; core_job_after(r->d->core, after, &j); after = j.id) {
        uint32_t there;
        if (j.state == JOB_PENDING || map_get(&r->open, key_of(j.id, j.attempt), &there))
            continue;
        struct engine_event ev = { .kind = ENGINE_LOST, .job = j.id, .attempt = j.attempt };
        log_line("recover", "job=%u attempt=%u state=no-row", j.id, j.attempt);
        run_own_event(r->d, &ev, NULL);
    }
}

/* Directories whose end was committed just before a crash. */
static void forget_leftovers(struct recovery *r)
{
    int fd = openat(engine_local_attempts(r->d->engine), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        io_close(&fd);
        return;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        struct str name = str_of(e->d_name);
        struct str first;
        uint64_t job, attempt;
        uint32_t there;
        if (!str_next(&name, '.', &first) || str_u64(first, &job) < 0 ||
            str_u64(name, &attempt) < 0 || job > UINT32_MAX || attempt > UINT32_MAX ||
            map_get(&r->open, key_of((uint32_t)job, (uint32_t)attempt), &there))
            continue;
        engine_forget(r->d->engine, (uint32_t)job, (uint32_t)attempt);
    }
    closedir(dir);
}

static int earlier(const void *a, const void *b)
{
    usec_t x = ((const struct engine_event *)a)->wall_at, y = ((const struct engine_event *)b)->wall_at;
    return (x > y) - (x < y);
}

/* Most attempts answer at once (their exit is there, or their supervisor is): waiting a moment lets the
 * first decision rest on facts, and lets ends of the past come before it, in their order. */
static void await_answers(struct recovery *r)
{
    struct daemon *d = r->d;
    usec_t until = io_boot_now() + ANSWERS_US;
    uint32_t answered = 0;
    while (answered < r->n && io_boot_now() < until) {
        struct pollfd p = { .fd = engine_fd(d->engine), .events = POLLIN };
        poll(&p, 1, (int)((until - io_boot_now()) / USEC_PER_MSEC) + 1);
        engine_poll(d->engine);
        turn_drain(d);
        answered = d->engine_events.n;
    }
    qsort(d->engine_events.at, d->engine_events.n, sizeof(struct engine_event), earlier);
}

int run_recover(struct daemon *d, struct err *err)
{
    struct recovery r = { .d = d };
    int code = store_attempts_open(d->store, recover_one, &r);
    if (code < 0)
        err_set(err, code, "the open attempts cannot be read: %s", store_last_error(d->store));
    if (code == 0) {
        lost_without_row(&r);
        forget_leftovers(&r);
        if (r.n) {
            await_answers(&r);
            log_line("recover", "attempts=%u answers=%u", r.n, d->engine_events.n);
        }
    }
    map_finish(&r.open);
    return code;
}
