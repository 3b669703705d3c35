/* core_desk.h - a core driven by hand, for tests that say exactly what happens.  Header only.
 * A fresh desk has settings, a machine of `gpus` GPUs of type 1 (64 CPUs, 64 GiB), clocks at DESK_START and
 * 1 h since boot.  Refused events fail the test unless asked for with desk_refused. */
#ifndef EOUL_TEST_CORE_DESK_H
#define EOUL_TEST_CORE_DESK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/core.h"

#define DESK_START 1767571200000000 /* 2026-01-05 00:00 UTC, a Monday */
#define HOUR USEC_PER_HOUR
#define MIN  USEC_PER_MIN
#define SEC  USEC_PER_SEC

struct desk {
    struct core *core;
    usec_t wall_at, boot_at;
    struct core_update updates[4096];
    uint32_t updates_n;
};

static inline int desk_try(struct desk *d, struct core_event *ev)
{
    ev->wall_at = d->wall_at;
    ev->boot_at = d->boot_at;
    int r = core_check(d->core, ev, NULL);
    if (r == 0) {
        assert_true(core_updates_max(d->core, ev) <= 4096);
        d->updates_n = core_step(d->core, ev, d->updates, core_updates_max(d->core, ev));
        const char *broken = core_broken(d->core);
        if (broken)
            fail_msg("%s: %s", event_word(ev->kind), broken);
    }
    return r;
}

static inline void desk_do(struct desk *d, struct core_event ev)
{
    int r = desk_try(d, &ev);
    if (r != 0)
        fail_msg("event %s refused: %s", event_word(ev.kind), err_word(r));
}

static inline void desk_settings(struct desk *d, enum policy policy, usec_t age_us)
{
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = {
        .policy = policy, .plan_depth = 16, .presence_us = 30 * MIN, .runtime_guess_us = HOUR,
        .age_us = age_us } });
}

static inline void desk_begin(struct desk *d, uint32_t gpus, enum policy policy)
{
    struct core_limits limits = { 2000, 512, 2048, 256, 64, 512 };
    size_t size = core_size(&limits);
    void *block = aligned_alloc(16, size);
    assert_non_null(block);
    memset(block, 0x77, size);
    memset(d, 0, sizeof *d);
    d->core = core_init(block, size, &limits);
    d->wall_at = DESK_START;
    d->boot_at = HOUR;
    desk_settings(d, policy, 0);
    desk_do(d, (struct core_event){ .kind = EVENT_MACHINE, .machine = { 64, 65536 } });
    for (uint32_t i = 0; i < gpus; i++)
        desk_do(d, (struct core_event){ .kind = EVENT_GPU, .gpu = { i, 1, GPU_UP, 0 } });
}

static inline void desk_end(struct desk *d) { free(d->core); }

static inline void desk_pass(struct desk *d, usec_t us)
{
    d->wall_at += us;
    d->boot_at += us;
}

/* Owner 1, one CPU, next id, unless said otherwise.  Returns the first id. */
static inline job_id desk_submit(struct desk *d, struct ev_submit s)
{
    s.job = s.job ? s.job : core_last_id(d->core) + 1;
    s.owner = s.owner ? s.owner : 1;
    s.submitter = s.submitter ? s.submitter : s.owner;
    s.cpus = s.cpus ? s.cpus : 1;
    if (s.tasks_n && !s.array)
        s.array = s.job;
    desk_do(d, (struct core_event){ .kind = EVENT_SUBMIT, .submit = s });
    return s.job;
}

static inline void desk_decide(struct desk *d) { desk_do(d, (struct core_event){ .kind = EVENT_DECIDE }); }

static inline struct core_job desk_job(struct desk *d, job_id id)
{
    struct core_job j = { 0 };
    if (!core_job_get(d->core, id, &j))
        j.state = JOB_NONE;
    return j;
}

static inline enum job_state desk_state(struct desk *d, job_id id) { return desk_job(d, id).state; }

static inline void desk_started(struct desk *d, job_id id)
{
    desk_do(d, (struct core_event){ .kind = EVENT_STARTED, .started = { id, desk_job(d, id).attempt, 0 } });
}

static inline void desk_ended(struct desk *d, job_id id, enum end_cause cause, int32_t code)
{
    desk_do(d, (struct core_event){ .kind = EVENT_ENDED, .ended = {
        .job = id, .attempt = desk_job(d, id).attempt, .cause = cause, .code = code } });
}

/* A finished run of this length teaches the forecast: submit, start, end. */
static inline void desk_history(struct desk *d, struct ev_submit s, usec_t ran_us)
{
    job_id id = desk_submit(d, s);
    desk_decide(d);
    assert_int_equal(desk_state(d, id), JOB_CONFIGURING);
    desk_started(d, id);
    desk_pass(d, ran_us);
    desk_ended(d, id, END_EXIT, 0);
}

static inline const struct core_update *desk_update(struct desk *d, enum update_kind kind, job_id job)
{
    for (uint32_t i = 0; i < d->updates_n; i++)
        if (d->updates[i].kind == kind && d->updates[i].job == job)
            return &d->updates[i];
    return NULL;
}

static inline uint32_t desk_count(struct desk *d, enum update_kind kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->updates_n; i++)
        n += d->updates[i].kind == kind;
    return n;
}

/* Job ids of the last decision's starts, in order, as text: "3 1 2". */
static inline const char *desk_starts(struct desk *d)
{
    static char text[512];
    struct buf b;
    buf_init_fixed(&b, text, sizeof text);
    for (uint32_t i = 0; i < d->updates_n; i++)
        if (d->updates[i].kind == UPDATE_START) {
            if (b.len)
                buf_char(&b, ' ');
            buf_u64(&b, d->updates[i].job);
        }
    return text;
}

static inline void desk_avail(struct desk *d, uint32_t person, const struct span *w, uint32_t n, usec_t until_at)
{
    desk_do(d, (struct core_event){ .kind = EVENT_AVAIL, .avail = {
        .person = person, .until_at = until_at, .windows = w, .windows_n = n } });
}

/* Every day from..until o'clock UTC, for 14 days. */
static inline void desk_hours(struct desk *d, uint32_t person, int from, int until)
{
    struct span w[14];
    for (int i = 0; i < 14; i++)
        w[i] = (struct span){ DESK_START + i * USEC_PER_DAY + from * HOUR,
                              DESK_START + i * USEC_PER_DAY + until * HOUR };
    desk_avail(d, person, w, 14, DESK_START + 14 * USEC_PER_DAY);
}

struct desk_plan {
    struct core_plan plan;
    void *scratch;
};
static inline struct desk_plan desk_plan(struct desk *d)
{
    struct desk_plan p;
    size_t size = core_plan_size(d->core);
    p.scratch = malloc(size);
    assert_non_null(p.scratch);
    assert_int_equal(core_plan(d->core, d->wall_at, d->boot_at, p.scratch, size, &p.plan), 0);
    return p;
}
static inline const struct plan_row *desk_row(const struct desk_plan *p, job_id id)
{
    for (uint32_t i = 0; i < p->plan.rows_n; i++)
        if (p->plan.rows[i].job == id)
            return &p->plan.rows[i];
    fail_msg("job %u has no row", id);
    return NULL;
}

#endif
