/* marks.c - what running jobs say of themselves: read from their supervisors' files, kept in the store,
 * told to the core; and the stop rules of sweeps, which go by it.
 *
 *     its file was written, or time tells (stall, room, stop rule) ─▶ look, outside of a turn
 *     look ─ something new ─▶ turn: rows, EVENT_PROGRESS
 *         ╰─ a point has come to its sweep's mark ─▶ turn: its value kept, the worst ones cancelled
 *     end of an attempt ─▶ turn: read once more, written with the end
 *
 * A supervisor reads results and progress out of every byte of output (spec/marks.h), so looking late
 * or not at all for a while (a restart) loses nothing.  How often is bounded: a look at most every
 * LOOK_YOUNG_US or LOOK_US, a row of a job at most every ROW_US, its progress at most every PROGRESS_US and by
 * PROGRESS_PPM, all in one commit a look.  A run that says nothing wakes nobody: from its first look on inotify
 * tells when its file was written (short runs never come to that), and where that cannot be had it is looked at.
 *
 * A job that does not get on any more (stall.h) is noted, and what its --on-stall says is done: nothing
 * more, back in line, or an end by SIGABRT (which lets it say where it was), then SIGKILL.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/io.h"
#include "daemon/internal.h"
#include "daemon/room.h"
#include "daemon/stall.h"
#include "daemon/stoprule.h"
#include "engine/attempt.h"
#include "engine/local.h"
#include "spec/marks.h"
#include "spec/spec.h"

#define LOOK_YOUNG_US USEC_PER_SEC       /* while an attempt is younger than YOUNG_US */
#define LOOK_US       (5 * USEC_PER_SEC)
#define YOUNG_US      USEC_PER_MIN
#define ROW_US        (5 * USEC_PER_SEC)
#define PROGRESS_US   (10 * USEC_PER_SEC)
#define PROGRESS_PPM  10000u             /* one per cent: a run tells a hundred times at most */
#define UNKNOWN       MARKS_UNKNOWN
#define RULES_MAX     256u               /* requests remembered, most of them to have no rule */
#define ROOM_LOOKS    10                 /* at the room of its disk, in a window */
#define ABORT_US      (10 * USEC_PER_SEC) /* a job that hangs has so long to end by SIGABRT */

struct marked { /* an attempt under way */
    uint32_t job, attempt, request;
    int watch;               /* inotify's number; 0: none yet, -1: there is none to be had */
    bool written;            /* since the last look, or for all we know */
    usec_t since_boot_at;
    uint32_t changes;        /* of what was read last */
    uint32_t done_ppm;
    uint32_t told_ppm;       /* to the core */
    usec_t told_boot_at, row_boot_at;
    bool row_due, tell_due, mark_due;
    char *text;              /* "name=value\n"...; NULL: none */
    char rung[MARKS_VALUE_MAX]; /* its value at the mark; empty: not there yet */
    struct stall stall;
    usec_t stalled_at;       /* wall time of its last step, if it hangs; 0: it does not */
    usec_t abort_boot_at;    /* when it was told to end by a signal; 0: it was not */
    bool stall_due, abort_due;
    struct room_watch room;
    usec_t room_boot_at;     /* when it was looked at */
    bool room_told, room_stale; /* stale: its file was written since */
};

struct stop_rule { /* of a sweep's request */
    uint32_t request;
    uint32_t share_ppm;      /* 0: it has no rule */
    bool maximize;
    struct spec_after after;
    char metric[SPEC_NAME_MAX + 1];
    struct list values;      /* struct stop_point: all that came to the mark */
};

/* --- the two lists ------------------------------------------------------------------------------- */

static struct marked *find(const struct daemon *d, uint32_t job)
{
    struct marked *m = d->marks.at;
    for (uint32_t i = 0; i < d->marks.n; i++)
        if (m[i].job == job)
            return &m[i];
    return NULL;
}

static void drop(struct daemon *d, struct marked *m)
{
    struct marked *all = d->marks.at;
    if (m->watch > 0)
        inotify_rm_watch(d->marks_files.fd, m->watch); /* fails where its directory is gone, and the watch with it */
    free(m->text);
    *m = all[--d->marks.n];
}

static void drop_rules(struct daemon *d)
{
    struct stop_rule *r = d->stop_rules.at;
    for (uint32_t i = 0; i < d->stop_rules.n; i++)
        list_finish(&r[i].values);
    d->stop_rules.n = 0;
}

void marks_finish(struct daemon *d)
{
    while (d->marks.n)
        drop(d, d->marks.at);
    list_finish(&d->marks);
    drop_rules(d);
    list_finish(&d->stop_rules);
    int fd = d->marks_files.loop ? d->marks_files.fd : -1;
    loop_watch_remove(&d->marks_files);
    io_close(&fd);
}

static int read_rung(const struct store_result *r, void *data)
{
    struct marked *m = data;
    struct buf rung;
    if (r->attempt != m->attempt)
        return 0;
    buf_init_fixed(&rung, m->rung, sizeof m->rung);
    buf_str(&rung, r->rung);
    return 0;
}

static void look_fired(struct loop_timer *t, void *data)
{
    (void)t;
    ((struct daemon *)data)->marks_due = true;
}

static struct stop_rule *rule_of(struct daemon *d, uint32_t request);

/* Its progress is worth telling the core. */
static bool is_far(const struct marked *m)
{
    return m->done_ppm != UNKNOWN &&
           (m->told_ppm == UNKNOWN || m->done_ppm >= m->told_ppm + PROGRESS_PPM ||
            m->done_ppm + PROGRESS_PPM <= m->told_ppm);
}

/* The earliest that it is worth another look. */
static usec_t look_soonest(const struct marked *m, usec_t now)
{
    return now + (m->since_boot_at + YOUNG_US > now ? LOOK_YOUNG_US : LOOK_US);
}

/* When the next look is due though nobody writes; USEC_NEVER. */
static usec_t look_due(struct daemon *d, const struct marked *m, usec_t now)
{
    usec_t soonest = look_soonest(m, now), at = m->watch > 0 && !m->written ? USEC_NEVER : soonest;
    if (m->row_due)
        at = usec_min(at, m->row_boot_at + ROW_US);
    if (is_far(m))
        at = usec_min(at, m->told_boot_at + PROGRESS_US);
    if (m->abort_boot_at)
        at = usec_min(at, m->abort_boot_at + usec_min(ABORT_US, d->stall_least_us));
    if (!m->stalled_at && m->stall.steps >= STALL_STEPS)
        at = usec_min(at, stall_overdue_at(&m->stall, d->stall_least_us));
    if (m->room_stale || m->room_told)
        at = usec_min(at, m->room_boot_at + d->room_window_us / ROOM_LOOKS);
    if (m->text && !m->rung[0] && rule_of(d, m->request))
        at = usec_min(at, soonest);
    return at == USEC_NEVER ? at : usec_max(at, soonest);
}

static void look_later(struct daemon *d)
{
    usec_t now = loop_now(d->loop).boot_at, at = USEC_NEVER;
    const struct marked *m = d->marks.at;
    for (uint32_t i = 0; i < d->marks.n; i++)
        at = usec_min(at, look_due(d, &m[i], now));
    if (at == USEC_NEVER)
        loop_timer_cancel(d->loop, &d->marks_timer);
    else
        loop_timer_set(d->loop, &d->marks_timer, at, look_fired, d);
}

/* Which files were written?  False: none of those we look at. */
static bool take_news(struct daemon *d)
{
    _Alignas(struct inotify_event) char memory[4096];
    ssize_t n;
    bool any = false;
    while ((n = read(d->marks_files.fd, memory, sizeof memory)) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const void *)(memory + at);
            struct marked *m = d->marks.at;
            for (uint32_t i = 0; i < d->marks.n; i++)
                if (m[i].watch == e->wd && !(e->mask & IN_IGNORED))
                    any = m[i].written = true;
            at += (ssize_t)(sizeof *e + e->len);
        }
    return any;
}

/* A look as soon as one is due, which takes all news until then: no more of it wakes us. */
static void files_written(struct loop_watch *w, uint32_t events, void *data)
{
    struct daemon *d = data;
    (void)events;
    if (!take_news(d))
        return;
    look_later(d);
    loop_watch_set(w, 0);
}

/* From now on be told when it is written; what was written before is read by the look that this begins. */
static void watch_file(struct daemon *d, struct marked *m)
{
    char path[64];
    m->watch = -1;
    if (!d->marks_files.loop) {
        int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (fd < 0 || loop_watch_add(d->loop, &d->marks_files, fd, LOOP_READ, files_written, d) < 0) {
            io_close(&fd);
            return;
        }
    }
    int dir = attempt_open(engine_local_attempts(d->engine), m->job, m->attempt);
    snprintf(path, sizeof path, "/proc/self/fd/%d/lock", dir);
    int watch = dir < 0 ? -1 : inotify_add_watch(d->marks_files.fd, path, IN_MODIFY | IN_DONT_FOLLOW);
    m->watch = watch > 0 ? watch : -1;
    io_close(&dir);
}

void marks_follow(struct daemon *d, uint32_t job, uint32_t attempt)
{
    const struct live_request *r = index_find(&d->index, job);
    struct marked *m = find(d, job);
    if (m && m->attempt == attempt)
        return;
    if (m)
        drop(d, m);
    m = r ? list_add(&d->marks, sizeof *m) : NULL;
    if (!m)
        return; /* without memory it is read at its end */
    const char *said = getenv("EOUL_STALL_S"); /* for tests: nobody waits ten minutes for one */
    uint64_t least_s;
    d->stall_least_us = said && str_u64(str_of(said), &least_s) == 0 && least_s < 3600
        ? (usec_t)least_s * USEC_PER_SEC : STALL_LEAST_US;
    d->room_window_us = usec_min(d->stall_least_us, ROOM_WINDOW_US);
    *m = (struct marked){ .job = job, .attempt = attempt, .request = r->id, .done_ppm = UNKNOWN,
                          .told_ppm = UNKNOWN, .since_boot_at = d->now.boot_at, .written = true,
                          .row_boot_at = -ROW_US, .told_boot_at = -PROGRESS_US };
    store_results_each(d->store, job, 1, read_rung, m);
    usec_t at = look_soonest(m, d->now.boot_at);
    if (!d->marks_timer.place || d->marks_timer.boot_at > at)
        loop_timer_set(d->loop, &d->marks_timer, at, look_fired, d);
}

/* --- reading --------------------------------------------------------------------------------------- */

static int read_file(const struct daemon *d, uint32_t job, uint32_t attempt, struct wire_marks *ret)
{
    int dir = attempt_open(engine_local_attempts(d->engine), job, attempt);
    int code = dir < 0 ? dir : attempt_read_marks(dir, ret);
    /* The job's own user can write that file: what is no result never gets further. */
    if (code == 0 && (!marks_text_sound((struct str){ ret->text, ret->text_len }) ||
                      (ret->done_ppm > 1000000 && ret->done_ppm != UNKNOWN)))
        code = E_CORRUPT;
    io_close(&dir);
    return code;
}

static void take(struct marked *m, const struct wire_marks *w)
{
    char *text = strndup(w->text, w->text_len);
    if (!text)
        return; /* next time */
    m->row_due = m->row_due || (text[0] && (!m->text || strcmp(m->text, text) != 0));
    free(m->text);
    m->text = text;
    m->done_ppm = w->done_ppm;
    m->changes = w->changes;
}

/* --- does it still get on? ------------------------------------------------------------------------- */

static bool gpus_idle(const struct daemon *d, uint64_t mask)
{
    for (; mask; mask &= mask - 1) {
        const struct gpu *g = &d->gpus[__builtin_ctzll(mask)];
        if (g->utilisation < 0 || g->utilisation >= STALL_GPU_PERCENT)
            return false;
    }
    return true;
}

static bool hangs(struct daemon *d, struct marked *m, usec_t now)
{
    struct core_job j;
    usec_t least_us = d->stall_least_us, idle_us = usec_min(STALL_IDLE_US, least_us);
    if (!stall_overdue(&m->stall, least_us, now) || !core_job_get(d->core, m->job, &j) ||
        j.state != JOB_RUNNING)
        return false;
    int dir = attempt_open(engine_local_attempts(d->engine), m->job, m->attempt);
    int64_t cpu_us = dir < 0 ? -1 : stall_cpu(dir);
    io_close(&dir);
    return stall_hangs(&m->stall, cpu_us, gpus_idle(d, j.gpu_mask), idle_us, now);
}

static void look_at_steps(struct daemon *d, struct marked *m, usec_t now)
{
    if (m->done_ppm != UNKNOWN)
        stall_step(&m->stall, m->done_ppm, now);
    if (m->stalled_at && m->stall.step_boot_at == now) {
        log_line("stall", "job=%u attempt=%u over=1", m->job, m->attempt);
        m->stalled_at = 0;
    }
    m->abort_due = m->abort_boot_at && now >= m->abort_boot_at + usec_min(ABORT_US, d->stall_least_us);
    m->stall_due = !m->stalled_at && hangs(d, m, now);
}

/* How long the disk that it writes to will last. */
static void look_at_room(struct daemon *d, struct marked *m, usec_t now)
{
    uint32_t mib;
    if (m->room_boot_at && now < m->room_boot_at + d->room_window_us / ROOM_LOOKS)
        return;
    m->room_boot_at = now;
    m->room_stale = false;
    int dir = attempt_open(engine_local_attempts(d->engine), m->job, m->attempt);
    if (dir >= 0 && attempt_read_room(dir, &mib) == 0)
        room_seen(&m->room, mib, d->room_window_us, now);
    io_close(&dir);
    if (room_short(&m->room) != m->room_told)
        log_line("room", "job=%u free_mib=%u left_min=%" PRId64, m->job, m->room.mib,
                 m->room.left_us / USEC_PER_MIN);
    m->room_told = room_short(&m->room);
}

static uint8_t on_stall_of(struct daemon *d, uint32_t request)
{
    struct store_request row;
    struct spec spec;
    uint8_t on_stall = SPEC_STALL_WARN;
    spec_init(&spec);
    if (store_request_get(d->store, request, &row) == 0 && spec_parse(&spec, row.spec, NULL) == 0)
        on_stall = spec.on_stall;
    spec_finish(&spec);
    store_reset(d->store);
    return on_stall;
}

/* In a turn.  An end by a signal is no change of ours: it comes back as any end does, and retries count. */
static int stalled(struct daemon *d, struct marked *m)
{
    struct core_event ev = { .kind = EVENT_REQUEUE };
    struct err err = { 0 };
    uint8_t what = on_stall_of(d, m->request);
    usec_t waited_us = d->now.boot_at - m->stall.step_boot_at;
    m->stalled_at = d->now.wall_at - waited_us;
    if (what == SPEC_STALL_REQUEUE && m->attempt >= STALL_ATTEMPTS_MAX)
        what = SPEC_STALL_FAIL;
    log_line("stall", "job=%u attempt=%u steps=%u waited_s=%" PRId64 " longest_s=%" PRId64 " do=%s", m->job,
             m->attempt, m->stall.steps, waited_us / USEC_PER_SEC, m->stall.longest_us / USEC_PER_SEC,
             what == SPEC_STALL_FAIL ? "fail" : what == SPEC_STALL_REQUEUE ? "requeue" : "warn");
    ev.requeue = (struct ev_requeue){ .job = m->job };
    if (what == SPEC_STALL_REQUEUE)
        daemon_event(d, &ev, &err); /* refused: it has just ended */
    else if (what == SPEC_STALL_FAIL && engine_signal(d->engine, m->job, m->attempt, SIGABRT, WIRE_TO_TREE) == 0)
        m->abort_boot_at = d->now.boot_at;
    return notices_stalled(d, m->job);
}

/* --- how far a point is ------------------------------------------------------------------------------ */

/* Of its own run, in ppm: as it says, else by the forecast from earlier runs; UNKNOWN. */
static uint32_t done_of(const struct daemon *d, const struct marked *m, usec_t ran_us)
{
    struct forecast f;
    if (m->done_ppm != UNKNOWN)
        return m->done_ppm;
    if (!core_forecast(d->core, m->job, ran_us, &f) || f.source != FORECAST_OWN || f.p50_us <= 0)
        return UNKNOWN;
    return ran_us >= f.p50_us ? 1000000 : (uint32_t)((__int128)ran_us * 1000000 / f.p50_us);
}

static int read_point(const struct store_result *r, void *data)
{
    struct stop_rule *rule = data;
    struct str text;
    struct stop_point p = { .job = r->job };
    char line[MARKS_VALUE_MAX + 2];
    struct buf b;
    if (r->rung.len == 0)
        return 0;
    buf_init_fixed(&b, line, sizeof line);
    buf_c(&b, "v=");
    buf_str(&b, r->rung);
    struct stop_point *to = list_add(&rule->values, sizeof *to);
    if (!to)
        return E_NO_MEMORY;
    stoprule_value(buf_look(&b), (struct str){ 0 }, &text, &p.value);
    *to = p;
    return 0;
}

/* The rule of a request, read when its first point is looked at; NULL: none. */
static struct stop_rule *rule_of(struct daemon *d, uint32_t request)
{
    struct stop_rule *r = d->stop_rules.at;
    struct store_request row;
    struct spec spec;
    for (uint32_t i = 0; i < d->stop_rules.n; i++)
        if (r[i].request == request)
            return r[i].share_ppm ? &r[i] : NULL;
    if (d->stop_rules.n >= RULES_MAX)
        drop_rules(d); /* those in use are read again */
    r = list_add(&d->stop_rules, sizeof *r);
    if (!r)
        return NULL;
    r->request = request;
    spec_init(&spec);
    if (store_request_get(d->store, request, &row) == 0 && spec_parse(&spec, row.spec, NULL) == 0 &&
        spec.params.n) {
        struct str metric = spec.maximize.len ? spec.maximize : spec.minimize;
        r->share_ppm = spec.stop_worst_ppm;
        r->maximize = spec.maximize.len > 0;
        r->after = spec.after;
        memcpy(r->metric, metric.ptr ? metric.ptr : "", metric.len);
        if (r->share_ppm && store_results_each(d->store, row.id, row.tasks, read_point, r) < 0)
            r->share_ppm = 0;
    }
    spec_finish(&spec);
    store_reset(d->store);
    return r->share_ppm ? r : NULL;
}

static bool at_mark(struct daemon *d, const struct marked *m, const struct stop_rule *rule)
{
    struct core_job j;
    struct str text;
    double value;
    if (m->rung[0] || !m->text || !core_job_get(d->core, m->job, &j) || j.state != JOB_RUNNING)
        return false;
    usec_t ran_us = usec_max(loop_now(d->loop).boot_at - j.start_boot_at, 0);
    uint32_t done = rule->after.ppm ? done_of(d, m, ran_us) : UNKNOWN;
    if (rule->after.ppm ? done == UNKNOWN || done < rule->after.ppm : ran_us < rule->after.us)
        return false;
    return stoprule_value(str_of(m->text), str_of(rule->metric), &text, &value);
}

/* --- the look ------------------------------------------------------------------------------------------ */

bool marks_look(struct daemon *d)
{
    usec_t now = loop_now(d->loop).boot_at;
    struct wire_marks w;
    bool any = false;
    if (!d->marks_due)
        return d->marks_changed;
    d->marks_due = d->marks_changed = false;
    if (d->marks_files.loop)
        (void)take_news(d);
    struct marked *m = d->marks.at;
    for (uint32_t i = 0; i < d->marks.n; i++, m++) {
        if (!m->watch)
            watch_file(d, m);
        bool read = m->written || m->watch < 0;
        m->room_stale |= read;
        m->written = false;
        if (read && read_file(d, m->job, m->attempt, &w) == 0 && w.changes != m->changes)
            take(m, &w);
        look_at_steps(d, m, now);
        look_at_room(d, m, now);
        const struct stop_rule *rule = m->text ? rule_of(d, m->request) : NULL;
        m->tell_due = is_far(m) && now >= m->told_boot_at + PROGRESS_US;
        m->mark_due = rule && at_mark(d, m, rule);
        any = any || m->tell_due || m->mark_due || m->stall_due || m->abort_due || (m->row_due && now >= m->row_boot_at + ROW_US);
    }
    look_later(d);
    if (d->marks_files.loop)
        loop_watch_set(&d->marks_files, LOOP_READ);
    d->marks_changed = any && !d->disk_full;
    return d->marks_changed;
}

/* --- in a turn ------------------------------------------------------------------------------------------ */

static int put_row(struct daemon *d, const struct marked *m)
{
    return store_result_put(d->store, &(struct store_result){
        .job = m->job, .attempt = m->attempt, .at = d->now.wall_at,
        .done_ppm = m->done_ppm == UNKNOWN ? -1 : (int64_t)m->done_ppm, .text = str_of(m->text),
        .rung = str_of(m->rung) });
}

/* Its value at the mark is kept, in place of one of an earlier attempt. */
static int keep_value(struct marked *m, struct stop_rule *rule)
{
    struct str text;
    struct stop_point p = { .job = m->job }, *at = rule->values.at;
    uint32_t i = 0;
    struct buf rung;
    if (!stoprule_value(str_of(m->text), str_of(rule->metric), &text, &p.value))
        return 0;
    buf_init_fixed(&rung, m->rung, sizeof m->rung);
    buf_str(&rung, text);
    while (i < rule->values.n && at[i].job != m->job)
        i++;
    if (i == rule->values.n && !list_add(&rule->values, sizeof *at))
        return E_NO_MEMORY;
    ((struct stop_point *)rule->values.at)[i] = p;
    return 0;
}

static void stop_worst(struct daemon *d, struct stop_rule *rule)
{
    struct stop_point *p = rule->values.at;
    uint32_t n = stoprule_worst(p, rule->values.n, rule->share_ppm, rule->maximize);
    for (uint32_t i = 0; i < n; i++) {
        struct core_job j;
        const struct marked *m = find(d, p[i].job);
        if (!m || !core_job_get(d->core, p[i].job, &j) || j.state != JOB_RUNNING)
            continue;
        uint32_t done = done_of(d, m, usec_max(d->now.boot_at - j.start_boot_at, 0));
        if (done != UNKNOWN && done >= STOPRULE_HALF)
            continue;
        struct core_event ev = { .kind = EVENT_CANCEL };
        struct err err = { 0 };
        ev.cancel = (struct ev_cancel){ .job = p[i].job, .rule = 1 };
        if (daemon_event(d, &ev, &err) == 0)
            log_line("stop-rule", "sweep=%u job=%u points=%u", rule->request, p[i].job, rule->values.n);
    }
}

static void tell(struct daemon *d, struct marked *m)
{
    struct core_event ev = { .kind = EVENT_PROGRESS };
    struct err err = { 0 };
    ev.progress = (struct ev_progress){ .job = m->job, .attempt = m->attempt, .done_ppm = m->done_ppm };
    daemon_event(d, &ev, &err); /* refused: it has just ended */
}

void marks_tell(struct daemon *d)
{
    struct marked *m = d->marks.at;
    struct list rules = { 0 };
    int code = 0;
    for (uint32_t i = 0; i < d->marks.n && code == 0 && !d->broken; i++) {
        struct stop_rule *rule = m[i].mark_due ? rule_of(d, m[i].request) : NULL;
        if (m[i].stall_due)
            code = stalled(d, &m[i]);
        if (m[i].abort_due)
            engine_signal(d->engine, m[i].job, m[i].attempt, SIGKILL, WIRE_TO_TREE);
        if (rule && code == 0)
            code = keep_value(&m[i], rule);
        if (code == 0 && m[i].tell_due)
            tell(d, &m[i]);
        if (code == 0 && (m[i].tell_due || m[i].mark_due || m[i].row_due))
            code = put_row(d, &m[i]);
        uint32_t *request = rule && code == 0 ? list_add(&rules, sizeof *request) : NULL;
        if (request)
            *request = rule->request;
    }
    for (uint32_t i = 0; i < rules.n && code == 0 && !d->broken; i++) {
        struct stop_rule *rule = rule_of(d, ((uint32_t *)rules.at)[i]);
        if (rule && (i == 0 || ((uint32_t *)rules.at)[i - 1] != rule->request))
            stop_worst(d, rule);
    }
    list_finish(&rules);
    if (code < 0 && !store_failed(d->store))
        d->broken = code;
}

void marks_committed(struct daemon *d)
{
    struct marked *m = d->marks.at;
    if (!d->marks_changed || d->disk_full)
        return;
    d->marks_changed = false;
    for (uint32_t i = 0; i < d->marks.n; i++, m++) {
        if (m->tell_due) {
            m->told_ppm = m->done_ppm;
            m->told_boot_at = d->now.boot_at;
        }
        if (m->tell_due || m->mark_due || m->row_due)
            m->row_boot_at = d->now.boot_at;
        m->tell_due = m->mark_due = m->row_due = m->stall_due = m->abort_due = false;
    }
}

void marks_rolled_back(struct daemon *d)
{
    struct marked *m = d->marks.at;
    for (uint32_t i = 0; i < d->marks.n; i++) {
        if (m[i].mark_due)
            m[i].rung[0] = '\0';
        if (m[i].stall_due)
            m[i].stalled_at = 0; /* found again at the next look */
    }
    drop_rules(d); /* read again from what is really there */
}

void marks_over(struct daemon *d, uint32_t job, uint32_t attempt, bool silent)
{
    struct wire_marks w;
    struct marked *m = find(d, job);
    if (silent && !m)
        return;
    marks_follow(d, job, attempt); /* so short that nobody saw it start */
    m = find(d, job);
    if (!m || m->attempt != attempt)
        return;
    if (!silent && read_file(d, job, attempt, &w) == 0)
        take(m, &w);
    if (m->text)
        put_row(d, m);
    drop(d, m);
}

job_id marks_stalled_after(const struct daemon *d, job_id id)
{
    const struct marked *m = d->marks.at;
    job_id next = 0;
    for (uint32_t i = 0; i < d->marks.n; i++)
        if (m[i].stalled_at && m[i].job > id && (next == 0 || m[i].job < next))
            next = m[i].job;
    return next;
}

usec_t daemon_stalled_at(const struct daemon *d, job_id id)
{
    const struct marked *m = find(d, id);
    return m ? m->stalled_at : 0;
}

job_id marks_room_least(const struct daemon *d, uint32_t *ret_mib, usec_t *ret_left_us)
{
    const struct marked *m = d->marks.at, *worst = NULL;
    for (uint32_t i = 0; i < d->marks.n; i++)
        if (room_short(&m[i].room) &&
            (!worst || m[i].room.mib < worst->room.mib ||
             (m[i].room.mib == worst->room.mib && m[i].job < worst->job)))
            worst = &m[i];
    if (!worst)
        return 0;
    *ret_mib = worst->room.mib;
    *ret_left_us = worst->room.left_us;
    return worst->job;
}

/* --- looking at them --------------------------------------------------------------------------------------- */

void daemon_marks_each(struct daemon *d, job_id from, uint32_t n,
                       void (*each)(const struct daemon_marks *m, void *data), void *data)
{
    const struct marked *m = d->marks.at;
    for (uint32_t i = 0; i < d->marks.n; i++)
        if ((m[i].text || m[i].stalled_at) && m[i].job >= from && m[i].job - from < n)
            each(&(struct daemon_marks){ .job = m[i].job, .text = str_of(m[i].text),
                                         .stalled_at = m[i].stalled_at,
                                         .done_ppm = m[i].done_ppm == UNKNOWN ? -1 : (int64_t)m[i].done_ppm },
                 data);
}
