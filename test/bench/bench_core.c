/* bench_core.c - how fast the core decides.  Prints `name<TAB>value<TAB>unit<TAB>target<TAB>ok|short`.
 *
 * Queues: "mixed" are single jobs of 12 people with 25 commands each, widths and limits as in office16
 * (doc/planner.md), submitted over a week; "array" is one array; "apart" is the worst case, every
 * job with a limit of its own, so that no two share a class.  "quotas": every person and every of 63 projects has
 * GPU-hours, projects GPUs too, and a quarter of the projects have used theirs up; jobs are for any of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/prng.h"
#include "core/core.h"

#define START 1767225600000000
#define DECISIONS 2000

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* the core never waits; neighbours must not count */
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void line(const char *name, double value, const char *unit, double target)
{
    printf("%s\t%.3f\t%s\t<= %g\t%s\n", name, value, unit, target, value <= target ? "ok" : "short");
}

/* What is aimed at, and what must be kept at the least: a line of each. */
static void line_both(const char *name, double value, const char *unit, double target, double must)
{
    char label[100];
    line(name, value, unit, target);
    if (must <= target)
        return;
    snprintf(label, sizeof label, "%s_must", name);
    line(label, value, unit, must);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

struct world {
    struct core *core;
    struct prng prng;
    usec_t wall_at;
    struct core_update *updates;
    struct { job_id job; uint32_t attempt; } runs[4096];
    uint32_t runs_n;
};

static void do_event(struct world *w, struct core_event *ev)
{
    ev->wall_at = w->wall_at;
    ev->boot_at = w->wall_at - START;
    int r = core_check(w->core, ev, NULL);
    if (r != 0) {
        fprintf(stderr, "bench_core: event %s refused: %d\n", event_word(ev->kind), r);
        exit(1);
    }
    uint32_t n = core_step(w->core, ev, w->updates, core_updates_max(w->core, ev));
    for (uint32_t i = 0; i < n; i++)
        if (w->updates[i].kind == UPDATE_START && w->runs_n < 4096) {
            w->runs[w->runs_n].job = w->updates[i].job;
            w->runs[w->runs_n++].attempt = w->updates[i].attempt;
        }
}

/* As a daemon has them: with the search, fair weights, later starts and forecasts from history. */
static struct ev_settings live(enum policy policy)
{
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    s.policy = policy;
    return s;
}

static void world_begin(struct world *w, uint32_t jobs, enum policy policy)
{
    struct core_limits limits = { jobs, 64, 4096, 2048 };
    size_t size = core_size(&limits);
    memset(w, 0, sizeof *w);
    prng_init(&w->prng, 1, 1);
    w->core = core_init(aligned_alloc(16, size), size, &limits);
    w->updates = calloc(400000, sizeof *w->updates);
    w->wall_at = START;
    do_event(w, &(struct core_event){ .kind = EVENT_SETTINGS, .settings = live(policy) });
    do_event(w, &(struct core_event){ .kind = EVENT_MACHINE, .machine = { 128, 1 << 20 } });
    for (uint32_t i = 0; i < 16; i++)
        do_event(w, &(struct core_event){ .kind = EVENT_GPU, .gpu = { i, 1, GPU_UP, 0 } });
    for (uint32_t p = 1; p <= 12; p++) {
        struct span windows[60];
        for (uint32_t d = 0; d < 60; d++) {
            usec_t from = START + (usec_t)d * USEC_PER_DAY + (usec_t)prng_below(&w->prng, 120) * USEC_PER_MIN;
            windows[d] = (struct span){ from, from + 9 * USEC_PER_HOUR };
        }
        do_event(w, &(struct core_event){ .kind = EVENT_AVAIL, .avail = {
            .person = p, .until_at = START + 60 * USEC_PER_DAY, .windows = windows, .windows_n = 60 } });
    }
}

static void quotas(struct world *w)
{
    for (uint32_t p = 1; p <= 12; p++)
        do_event(w, &(struct core_event){ .kind = EVENT_PERSON, .person = { .person = p, .weight_milli = 1000,
            .quota_hours = 1000000, .quota_days = QUOTA_DAYS_MAX } });
    for (uint32_t i = 1; i <= ACCOUNTS_MAX; i++)
        do_event(w, &(struct core_event){ .kind = EVENT_ACCOUNT, .account = { .account = i, .gpus_max = 1 + i % 8,
            .quota_hours = i % 4 == 0 ? 1 : 1000000, .quota_days = QUOTA_DAYS_MAX } });
}

static void world_end(struct world *w)
{
    free(w->core);
    free(w->updates);
}

enum kind { ARRAY, MIXED, APART, MIXED_QUOTAS, APART_QUOTAS };

static void submit_mixed(struct world *w, uint32_t n, enum kind kind)
{
    static const uint32_t widths[] = { 1, 1, 1, 1, 1, 1, 2, 2, 4, 8 };
    static const int hours[] = { 0, 1, 4, 12, 24, 48 };
    for (uint32_t i = 0; i < n; i++) {
        struct core_event ev = { .kind = EVENT_SUBMIT };
        uint32_t owner = (uint32_t)(1 + prng_below(&w->prng, 12)), command = (uint32_t)prng_below(&w->prng, 25);
        w->wall_at += 7 * USEC_PER_DAY / n;
        ev.submit = (struct ev_submit){ .job = core_last_id(w->core) + 1, .owner = owner, .submitter = owner,
            .command_key = command + 1, .gpus = widths[command % 10], .cpus = 2,
            .limit_us = (usec_t)hours[command % 6] * USEC_PER_HOUR };
        if (kind >= MIXED_QUOTAS)
            ev.submit.account = (uint32_t)(1 + prng_below(&w->prng, ACCOUNTS_MAX));
        if (kind == APART || kind == APART_QUOTAS)
            ev.submit.limit_us = USEC_PER_HOUR + (usec_t)i * USEC_PER_SEC;
        do_event(w, &ev);
    }
}

static void submit_array(struct world *w, uint32_t n)
{
    struct range range = { 0, n - 1, 1 };
    struct core_event ev = { .kind = EVENT_SUBMIT, .submit = { .job = 1, .owner = 1, .submitter = 1,
        .command_key = 7, .gpus = 1, .cpus = 1, .array = 1, .tasks = &range, .tasks_n = 1 } };
    do_event(w, &ev);
}

/* One job ends, one decision follows; both are timed. */
static void cycles(struct world *w, uint32_t n, double *times, double *decides)
{
    do_event(w, &(struct core_event){ .kind = EVENT_DECIDE });
    for (uint32_t i = 0; i < n; i++) {
        if (w->runs_n == 0) {
            fprintf(stderr, "bench_core: nothing runs\n");
            exit(1);
        }
        uint32_t k = (uint32_t)prng_below(&w->prng, w->runs_n);
        struct core_event ended = { .kind = EVENT_ENDED, .ended = { .job = w->runs[k].job,
                                    .attempt = w->runs[k].attempt } };
        struct core_event decide = { .kind = EVENT_DECIDE };
        w->runs[k] = w->runs[--w->runs_n];
        w->wall_at += (usec_t)prng_below(&w->prng, 60 * USEC_PER_SEC);
        double t0 = now_ms();
        do_event(w, &ended);
        double t1 = now_ms();
        do_event(w, &decide);
        double t2 = now_ms();
        times[i] = t2 - t0;
        decides[i] = t2 - t1;
        if (!core_jobs_n(w->core))
            break;
    }
    qsort(times, n, sizeof *times, by_value);
    qsort(decides, n, sizeof *decides, by_value);
}

static void plan_time(struct world *w, const char *name, bool odds, double target, double must)
{
    size_t size = core_plan_size(w->core);
    void *scratch = malloc(size);
    struct core_plan plan;
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        double t = now_ms();
        const struct core_odds_ask all = { 0, 0 };
        if ((odds ? core_plan_odds(w->core, w->wall_at, w->wall_at - START, &all, scratch, size, &plan)
                  : core_plan(w->core, w->wall_at, w->wall_at - START, scratch, size, &plan)) != 0)
            exit(1);
        double took = now_ms() - t;
        best = took < best ? took : best;
    }
    free(scratch);
    line_both(name, best, "ms", target, must);
}

struct targets {
    double p99, p99_must, worst, plan, plan_must; /* ms */
};

static void queue_bench(const char *name, uint32_t n, enum kind kind, struct targets t_ms)
{
    static struct world w;
    static double times[DECISIONS], decides[DECISIONS];
    char label[80];
    double t = now_ms();
    world_begin(&w, n, POLICY_BLEND);
    if (kind >= MIXED_QUOTAS)
        quotas(&w);
    if (kind == ARRAY)
        submit_array(&w, n);
    else
        submit_mixed(&w, n, kind);
    double submit_ms = now_ms() - t;
    cycles(&w, DECISIONS, times, decides);
    snprintf(label, sizeof label, "core_%s_submit_all", name);
    line(label, submit_ms, "ms", (double)n * 0.01);
    snprintf(label, sizeof label, "core_%s_decide_p50", name);
    line(label, decides[DECISIONS / 2], "ms", t_ms.p99);
    snprintf(label, sizeof label, "core_%s_decide_p99", name);
    line_both(label, decides[DECISIONS * 99 / 100], "ms", t_ms.p99, t_ms.p99_must);
    snprintf(label, sizeof label, "core_%s_decide_worst", name);
    line(label, decides[DECISIONS - 1], "ms", t_ms.worst);
    snprintf(label, sizeof label, "core_%s_ended_decide_p50", name);
    line(label, times[DECISIONS / 2], "ms", t_ms.p99);
    snprintf(label, sizeof label, "core_%s_plan_all", name);
    plan_time(&w, label, false, t_ms.plan, t_ms.plan_must);
    snprintf(label, sizeof label, "core_%s_plan_odds", name);
    plan_time(&w, label, true, t_ms.plan + 25, t_ms.plan_must + 25);
    t = now_ms();
    struct buf b;
    buf_init(&b, 200 << 20);
    core_save(w.core, &b);
    snprintf(label, sizeof label, "core_%s_save", name);
    line(label, now_ms() - t, "ms", (double)n * 0.01);
    struct core_limits limits;
    t = now_ms();
    core_load_limits(buf_look(&b), &limits, NULL);
    size_t size = core_size(&limits);
    void *block = aligned_alloc(16, size);
    struct core *copy = core_init(block, size, &limits);
    if (core_load(copy, buf_look(&b), NULL) != 0)
        exit(1);
    snprintf(label, sizeof label, "core_%s_load", name);
    line(label, now_ms() - t, "ms", (double)n * 0.01);
    free(block);
    buf_finish(&b);
    world_end(&w);
}

int main(void)
{
    const struct targets array = { 0.5, 5, 5, 25, 50 }, mixed = { 2, 5, 20, 25, 50 }, apart = { 2, 5, 50, 25, 50 };
    queue_bench("array_10000", 10000, ARRAY, array);
    queue_bench("mixed_10000", 10000, MIXED, mixed);
    queue_bench("apart_10000", 10000, APART, apart);
    queue_bench("mixed_10000_quotas", 10000, MIXED_QUOTAS, mixed);
    queue_bench("apart_10000_quotas", 10000, APART_QUOTAS, apart);
    queue_bench("array_100000", 100000, ARRAY, (struct targets){ 5, 5, 50, 100, 100 });
    queue_bench("mixed_100000", 100000, MIXED, (struct targets){ 20, 20, 50, 100, 100 });
    struct core_limits limits = { 1, 1, 1, 1 }, more = { 100001, 1, 1, 1 };
    line("core_bytes_per_job_room", (double)(core_size(&more) - core_size(&limits)) / 100000, "B", 600);
    return 0;
}
