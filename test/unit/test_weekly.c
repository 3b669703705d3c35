/* test_weekly.c - what a journal was told of people, and the last four weeks of it under each mode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cal/civil.h"
#include "core/event.h"
#include "sim/luck.h"
#include "sim/weekly.h"

#define MONDAY_AT ((usec_t)TRACE_MONDAY_DAY * USEC_PER_DAY) /* in UTC */
#define WEEKS     6

static struct zone utc;

/* --- a journal -------------------------------------------------------------------------------------- */

struct journal {
    struct buf text;
    uint32_t line;
};

static void put(struct journal *j, usec_t at, struct core_event ev)
{
    ev.wall_at = at;
    ev.boot_at = at - MONDAY_AT + USEC_PER_DAY;
    buf_printf(&j->text, "%u %016x ", ++j->line, 0);
    event_print(&j->text, &ev);
    buf_char(&j->text, '\n');
}

static void begin(struct journal *j)
{
    *j = (struct journal){ 0 };
    buf_init(&j->text, 1u << 22);
    buf_c(&j->text, "eoul-journal 1\n");
}

static void windows(struct journal *j, usec_t at, uint32_t person, const struct span *s, uint32_t n)
{
    put(j, at, (struct core_event){ .kind = EVENT_AVAIL, .avail = { .person = person, .until_at = s[n - 1].until_at,
                                                                    .windows = s, .windows_n = n } });
}

static void agree(struct journal *j, uint32_t person)
{
    put(j, MONDAY_AT, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = person, .defer = 1 } });
}

/* As `what`, begun an hour after its submit. */
static void ran(struct journal *j, usec_t submit_at, usec_t run_us, int64_t took_mw, struct ev_submit what)
{
    usec_t start_at = submit_at + USEC_PER_HOUR;
    what.submitter = what.owner;
    what.command_key = what.owner;
    what.cpus = 1;
    put(j, submit_at, (struct core_event){ .kind = EVENT_SUBMIT, .submit = what });
    put(j, start_at, (struct core_event){ .kind = EVENT_STARTED, .started = { .job = what.job, .attempt = 1 } });
    put(j, start_at + run_us, (struct core_event){ .kind = EVENT_ENDED, .ended = { .job = what.job, .attempt = 1, .watts_mw = took_mw } });
}

static void job(struct journal *j, uint32_t id, uint32_t owner, uint32_t flags, usec_t submit_at, usec_t start_at, usec_t end_at)
{
    assert_int_equal(start_at, submit_at + USEC_PER_HOUR);
    ran(j, submit_at, end_at - start_at, 0, (struct ev_submit){ .job = id, .owner = owner, .flags = flags, .gpus = 1 });
}

static void read_told(const struct journal *j, struct trace *t)
{
    struct err err = { 0 };
    assert_int_equal(j->text.failed, 0);
    if (trace_read(buf_look(&j->text), "a test", &(struct trace_options){ .format = TRACE_JOURNAL, .zone = &utc, .told = true }, t,
                   &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(t->faults_n, 0);
}

/* Later words replace what was said of the time from then on, and nothing before it. */
static void test_told(void **state)
{
    (void)state;
    const usec_t h = USEC_PER_HOUR;
    const struct span first[] = { { MONDAY_AT + 9 * h, MONDAY_AT + 18 * h }, { MONDAY_AT + 33 * h, MONDAY_AT + 42 * h } };
    const struct span second[] = { { MONDAY_AT + 9 * h, MONDAY_AT + 12 * h }, { MONDAY_AT + 13 * h, MONDAY_AT + 15 * h } };
    struct journal j;
    struct trace t;
    begin(&j);
    windows(&j, MONDAY_AT, 1, first, 2);
    windows(&j, MONDAY_AT + 11 * h, 1, second, 2);
    agree(&j, 1);
    job(&j, 1, 1, JOB_CLEAN_TREE, MONDAY_AT + h, MONDAY_AT + 2 * h, MONDAY_AT + 5 * h);
    job(&j, 2, 1, 0, MONDAY_AT + h, MONDAY_AT + 2 * h, MONDAY_AT + 5 * h);
    job(&j, 3, 1, JOB_CLEAN_TREE | JOB_NOW, MONDAY_AT + h, MONDAY_AT + 2 * h, MONDAY_AT + 5 * h);
    job(&j, 4, 2, JOB_CLEAN_TREE, MONDAY_AT + h, MONDAY_AT + 2 * h, MONDAY_AT + 5 * h);
    read_told(&j, &t);
    const struct trace_user *u = &t.users[0];
    assert_int_equal(u->look_n, 3);
    assert_int_equal(u->look[0].from_at, MONDAY_AT + 9 * h);
    assert_int_equal(u->look[0].until_at, MONDAY_AT + 11 * h);
    assert_int_equal(u->look[1].from_at, MONDAY_AT + 11 * h);
    assert_int_equal(u->look[1].until_at, MONDAY_AT + 12 * h);
    assert_int_equal(u->look[2].from_at, MONDAY_AT + 13 * h);
    assert_null(t.users[1].look);
    assert_int_equal(t.jobs_n, 4);
    for (size_t i = 0; i < t.jobs_n; i++) { /* only the first was to be moved at all */
        assert_int_equal(t.jobs[i].stays, i > 0);
        assert_int_equal(t.jobs[i].end_at, MONDAY_AT + 5 * h);
        assert_int_equal(t.jobs[i].run_us, 3 * h);
    }
    trace_finish(&t);
    buf_finish(&j.text);
}

/* --- weeks ------------------------------------------------------------------------------------------ */

/* Weeks end on Mondays, by the clock on the wall. */
static void test_ends(void **state)
{
    (void)state;
    struct zone east;
    zone_init_fixed(&east, 9 * 3600);
    assert_int_equal(weekly_end(&utc, MONDAY_AT), MONDAY_AT);
    assert_int_equal(weekly_end(&utc, MONDAY_AT - 1), MONDAY_AT - MODE_WEEK_US);
    assert_int_equal(weekly_end(&utc, MONDAY_AT + MODE_WEEK_US - 1), MONDAY_AT);
    assert_int_equal(weekly_end(&east, MONDAY_AT), MONDAY_AT - 9 * USEC_PER_HOUR);
    assert_int_equal(weekly_end(&east, MONDAY_AT + 6 * USEC_PER_DAY + 15 * USEC_PER_HOUR), MONDAY_AT + 6 * USEC_PER_DAY +
                     15 * USEC_PER_HOUR);
}

static uint32_t last;

/* Four people on two GPUs: short runs by day, and long ones, more than fit. */
static void team(struct journal *j, bool agreed)
{
    struct prng p;
    prng_init(&p, 5, LUCK_CLIENT);
    begin(j);
    last = 0;
    for (uint32_t person = 1; person <= 4; person++) {
        struct span s[WEEKS * 7 + 7];
        uint32_t n = 0;
        for (uint32_t day = 0; day < WEEKS * 7 + 7; day++)
            if (day % 7 < 5)
                s[n++] = (struct span){ MONDAY_AT + day * USEC_PER_DAY + 9 * USEC_PER_HOUR, MONDAY_AT + day * USEC_PER_DAY + 18 * USEC_PER_HOUR };
        windows(j, MONDAY_AT, person, s, n);
        if (agreed)
            agree(j, person);
    }
    for (uint32_t day = 0; day < WEEKS * 7; day++) {
        for (uint32_t k = 0; k < 8 && day % 7 < 5; k++) {
            usec_t at = MONDAY_AT + day * USEC_PER_DAY + 9 * USEC_PER_HOUR + luck_between(&p, 0, 8 * USEC_PER_HOUR);
            usec_t run_us = luck_lognormal(&p, k % 4 == 0 ? 5 * USEC_PER_HOUR : USEC_PER_HOUR, 0.8);
            job(j, ++last, 1 + k % 4, JOB_CLEAN_TREE, at, at + USEC_PER_HOUR, at + USEC_PER_HOUR + run_us);
        }
    }
}

static const struct powercap *cap; /* of the runs to come; NULL: none */

static void weigh_knowing(struct trace *t, enum mode now, const struct weekly_known *known, usec_t until_at, struct weekly *ret)
{
    struct presence p;
    struct err err = { 0 };
    struct presence_options po = { .kind = PRESENCE_TOLD, .zone = &utc, .until_at = until_at + 90 * USEC_PER_DAY };
    struct drive_options o = { .policy = POLICY_BLEND, .gpus = 2, .seed = 1, .estimates = ESTIMATE_HISTORY, .mode = now,
                               .agreed = true, .zone = &utc, .cap = cap, .gpu_watts = 300 };
    assert_int_equal(presence_make(t, &po, &p, &err), 0);
    if (weekly_weigh(t, &p, &o, known, until_at, ret, &err) < 0)
        fail_msg("%s", err.text);
    presence_finish(&p);
}

static void weigh(struct trace *t, enum mode now, usec_t until_at, struct weekly *ret)
{
    weigh_knowing(t, now, &(struct weekly_known){ 0 }, until_at, ret);
}

/* A week that was played when it was over is not played again, whatever is said of it now: the hours of then are gone. */
static void test_known(void **state)
{
    (void)state;
    struct journal j;
    struct trace t;
    struct weekly whole, part;
    struct weekly_known known = { .n = 2 };
    usec_t until_at = MONDAY_AT + (WEEKS - 1) * MODE_WEEK_US;
    team(&j, true);
    read_told(&j, &t);
    weigh(&t, MODE_LATER, until_at, &whole);
    known.week[0] = whole.week[1];
    known.week[1] = whole.week[2];
    weigh_knowing(&t, MODE_LATER, &known, until_at, &part);
    assert_memory_equal(&part, &whole, sizeof whole);
    for (uint32_t u = 0; u < t.users_n; u++) /* everybody says other hours now */
        t.users[u].look_n /= 3;
    known.week[0].score.seen_h[MODE_AREA][3] += 7;
    weigh_knowing(&t, MODE_LATER, &known, until_at, &part);
    assert_memory_equal(&part.week[2], &whole.week[2], sizeof whole.week[2]);
    assert_true(fabs(part.week[1].score.seen_h[MODE_AREA][3] - whole.week[1].score.seen_h[MODE_AREA][3] - 7) < 1e-9);
    assert_memory_not_equal(&part.week[3], &whole.week[3], sizeof whole.week[3]);
    trace_finish(&t);
    buf_finish(&j.text);
}

/* What the jobs of the last week met changes what is made of that week, and of no other. */
static void met(const char *what, const struct core_event *first, const struct core_event *then, usec_t then_us)
{
    struct journal j;
    struct trace t;
    struct weekly without, with;
    usec_t until_at = MONDAY_AT + (WEEKS - 1) * MODE_WEEK_US, from_at = until_at - MODE_WEEK_US;
    team(&j, true);
    read_told(&j, &t);
    weigh(&t, MODE_LATER, until_at, &without);
    trace_finish(&t);
    for (uint32_t g = 0; g < 2; g++)
        put(&j, MONDAY_AT, (struct core_event){ .kind = EVENT_GPU, .gpu = { .gpu = g, .type = 1, .state = GPU_UP } });
    put(&j, from_at, *first);
    if (then)
        put(&j, from_at + then_us, *then);
    read_told(&j, &t);
    weigh(&t, MODE_LATER, until_at, &with);
    trace_finish(&t);
    buf_finish(&j.text);
    for (int i = 0; i < MODE_WEEKS - 1; i++)
        if (memcmp(&with.week[i], &without.week[i], sizeof with.week[i]) != 0)
            fail_msg("%s changes week %d", what, i);
    if (with.week[MODE_WEEKS - 1].score.seen_h[MODE_PLAN][1] == without.week[MODE_WEEKS - 1].score.seen_h[MODE_PLAN][1])
        fail_msg("%s changes nothing", what);
    if (with.week[MODE_WEEKS - 1].score.jobs != without.week[MODE_WEEKS - 1].score.jobs)
        fail_msg("%s loses results", what);
}

static void test_met(void **state)
{
    (void)state;
    const usec_t at = MONDAY_AT + (WEEKS - 2) * MODE_WEEK_US;
    const struct core_event drained = { .kind = EVENT_GPU, .gpu = { .gpu = 1, .type = 1, .state = GPU_DRAINED } },
        up = { .kind = EVENT_GPU, .gpu = { .gpu = 1, .type = 1, .state = GPU_UP } },
        closed = { .kind = EVENT_QUEUE, .queue = { .closed = 1 } }, open = { .kind = EVENT_QUEUE },
        reserve = { .kind = EVENT_RESERVE, .reserve = { .reservation = 1, .person = 4, .gpus = 2, .from_at = at,
                                                        .until_at = at + 2 * USEC_PER_DAY } },
        of_another = { .kind = EVENT_RESERVE, .reserve = { .reservation = 1, .person = 9, .gpus = 2, .from_at = at,
                                                           .until_at = at + 2 * USEC_PER_DAY } },
        boost = { .kind = EVENT_BOOST, .boost = { .boost = 1, .kind = BOOST_PERSON, .target = 1,
                                                  .until_at = at + 3 * USEC_PER_DAY } }; /* as daemon/met.h hands it on */
    met("a GPU that is drained", &drained, &up, 3 * USEC_PER_DAY);
    met("one that stays so", &drained, NULL, 0);
    met("a closed queue", &closed, &open, 2 * USEC_PER_DAY);
    met("one that stays so", &closed, NULL, 0);
    met("a reservation", &reserve, NULL, 0);
    met("a reservation of somebody without a job", &of_another, NULL, 0);
    met("a boost", &boost, NULL, 0);
}

/* What people may have is that of now: it holds in every week. */
static void test_limits(void **state)
{
    (void)state;
    struct journal j;
    struct trace t;
    struct weekly without, with;
    usec_t until_at = MONDAY_AT + (WEEKS - 1) * MODE_WEEK_US;
    team(&j, true);
    read_told(&j, &t);
    weigh(&t, MODE_LATER, until_at, &without);
    trace_finish(&t);
    put(&j, MONDAY_AT, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = 1, .defer = 1, .running_max = 1 } });
    put(&j, MONDAY_AT, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = 2, .defer = 1, .quota_hours = 2, .quota_days = 1 } });
    read_told(&j, &t);
    weigh(&t, MODE_LATER, until_at, &with);
    for (int i = 0; i < MODE_WEEKS; i++)
        assert_memory_not_equal(&with.week[i].score, &without.week[i].score, sizeof with.week[i].score);
    trace_finish(&t);
    buf_finish(&j.text);
}

/* Of a week whose jobs ran under a greater limit, for one person and for one project. */
static void lowered(uint32_t gpus_max, struct weekly *ret)
{
    struct journal j;
    struct trace t;
    usec_t until_at = MONDAY_AT + (WEEKS - 1) * MODE_WEEK_US;
    team(&j, true);
    for (uint32_t i = 0; i < WEEKS * 4; i++)
        ran(&j, MONDAY_AT + i / 4 * MODE_WEEK_US + i % 4 * USEC_PER_DAY + 12 * USEC_PER_HOUR, USEC_PER_HOUR, 0,
            (struct ev_submit){ .job = ++last, .owner = 1 + i % 2, .flags = JOB_CLEAN_TREE, .gpus = 2, .account = i % 2 ? 3 : 0 });
    put(&j, MONDAY_AT, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = 1, .defer = 1, .gpus_max = gpus_max } });
    put(&j, MONDAY_AT, (struct core_event){ .kind = EVENT_ACCOUNT, .account = { .account = 3, .gpus_max = gpus_max } });
    read_told(&j, &t);
    weigh(&t, MODE_LATER, until_at, ret);
    trace_finish(&t);
    buf_finish(&j.text);
}

static void test_lowered(void **state)
{
    (void)state;
    struct weekly one, two, none;
    lowered(1, &one);
    lowered(2, &two);
    lowered(0, &none);
    assert_memory_equal(&one, &two, sizeof one);
    assert_memory_not_equal(&two, &none, sizeof two); /* it is a limit yet */
}

/* What no hour's cap has room for ends neither the weeks nor the week that it is of, and is nobody's gain. */
static void test_never(void **state)
{
    (void)state;
    struct powercap weekends;
    struct err err = { 0 };
    struct journal j;
    struct trace t;
    struct weekly without, with;
    usec_t until_at = MONDAY_AT + (WEEKS - 1) * MODE_WEEK_US;
    if (powercap_parse(STR("0.7 kW; 1 kW Sat 10:00-11:00"), &weekends, &err) < 0)
        fail_msg("%s", err.text);
    cap = &weekends;
    team(&j, true);
    read_told(&j, &t);
    weigh(&t, MODE_LATER, until_at, &without);
    trace_finish(&t);
    ran(&j, until_at - 6 * USEC_PER_DAY, 5 * USEC_PER_HOUR, 900000,
        (struct ev_submit){ .job = ++last, .owner = 1, .gpus = 1, .watts_mw = 900000, .limit_us = 5 * USEC_PER_HOUR });
    read_told(&j, &t);
    weigh(&t, MODE_LATER, until_at, &with);
    cap = NULL;
    trace_finish(&t);
    buf_finish(&j.text);
    const struct mode_week *a = &without.week[MODE_WEEKS - 1].score, *b = &with.week[MODE_WEEKS - 1].score;
    assert_int_equal(b->jobs, a->jobs + 1);
    for (int m = 0; m < MODE_COUNT; m++)
        assert_true(b->seen_h[m][1] - a->seen_h[m][1] > 6 * 24);
}

/* Beside what others run: somebody with one job in the last week, of which this is said and which took that. */
static void drawn(int64_t before_mw, int64_t said_mw, int64_t took_mw, struct weekly *ret)
{
    struct powercap half;
    struct err err = { 0 };
    struct journal j;
    struct trace t;
    usec_t until_at = MONDAY_AT + (WEEKS - 1) * MODE_WEEK_US;
    if (powercap_parse(STR("0.5 kW"), &half, &err) < 0)
        fail_msg("%s", err.text);
    team(&j, true);
    for (int i = 0; i < 10; i++)
        ran(&j, MONDAY_AT + (2 * i - 22) * USEC_PER_HOUR, USEC_PER_HOUR, before_mw, (struct ev_submit){ .job = ++last, .owner = 5, .gpus = 1 });
    ran(&j, until_at - 6 * USEC_PER_DAY + 10 * USEC_PER_HOUR, 9 * USEC_PER_HOUR, took_mw,
        (struct ev_submit){ .job = ++last, .owner = 5, .gpus = 1, .watts_mw = said_mw });
    read_told(&j, &t);
    assert_int_equal(t.jobs[t.jobs_n - 1].said_mw, 0);
    cap = &half;
    weigh(&t, MODE_LATER, until_at, ret);
    cap = NULL;
    trace_finish(&t);
    buf_finish(&j.text);
}

/* What a run took is known when it has ended; before, what was said, or what runs before it took. */
static void test_drawn(void **state)
{
    (void)state;
    struct weekly full, took, said, before;
    drawn(300000, 0, 300000, &full);
    drawn(300000, 0, 100000, &took);
    drawn(300000, 100000, 300000, &said);
    drawn(100000, 0, 300000, &before);
    assert_memory_equal(&took.week[MODE_WEEKS - 1], &full.week[MODE_WEEKS - 1], sizeof took.week[0]);
    assert_memory_not_equal(&said.week[MODE_WEEKS - 1], &full.week[MODE_WEEKS - 1], sizeof took.week[0]);
    assert_memory_equal(&said.week[MODE_WEEKS - 1], &before.week[MODE_WEEKS - 1], sizeof took.week[0]);
}

/* All three are played whichever is in use, the means are those of the weeks, and the future says nothing. */
static void test_weigh(void **state)
{
    (void)state;
    struct journal j;
    struct trace t;
    struct weekly a, b, early;
    usec_t until_at = MONDAY_AT + (WEEKS - 1) * MODE_WEEK_US;
    team(&j, true);
    read_told(&j, &t);
    weigh(&t, MODE_LATER, until_at, &a);
    assert_int_equal(a.weeks, MODE_WEEKS);
    assert_int_equal(a.week[0].until_at, until_at - 3 * MODE_WEEK_US);
    uint32_t jobs = 0;
    double later_h = 0;
    for (int i = 0; i < MODE_WEEKS; i++) {
        jobs += a.week[i].score.jobs;
        for (int day = 0; day < 7; day++)
            later_h += a.week[i].score.seen_h[MODE_LATER][day];
    }
    assert_int_equal(a.jobs, jobs);
    assert_true(fabs(a.seen_h[MODE_LATER] - later_h / jobs) < 1e-9);
    assert_true(a.seen_h[MODE_LATER] != a.seen_h[MODE_PLAN] && a.seen_h[MODE_PLAN] != a.seen_h[MODE_AREA]);
    for (size_t i = 0; i < t.jobs_n; i++) /* what had not ended by then may have any length */
        if (t.jobs[i].end_at > until_at)
            t.jobs[i].run_us *= 2;
    weigh(&t, MODE_LATER, until_at, &b);
    assert_memory_equal(&a, &b, sizeof a);
    weigh(&t, MODE_AREA, until_at, &b);
    assert_int_equal(b.now, MODE_AREA);
    assert_true(b.seen_h[MODE_LATER] != b.seen_h[MODE_AREA] && b.seen_h[MODE_PLAN] != b.seen_h[MODE_AREA]);
    weigh(&t, MODE_PLAN, MONDAY_AT, &early);
    assert_int_equal(early.weeks + early.jobs, 0);
    assert_int_equal(early.best, MODE_PLAN); /* too little history: it stays */
    trace_finish(&t);
    buf_finish(&j.text);
}

/* Where nobody agreed, nobody's start is moved in `later` either: it is `plan`. */
static void test_nobody_agreed(void **state)
{
    (void)state;
    struct journal j;
    struct trace t;
    struct weekly w;
    team(&j, false);
    read_told(&j, &t);
    weigh(&t, MODE_LATER, MONDAY_AT + WEEKS * MODE_WEEK_US, &w);
    assert_int_equal(w.weeks, MODE_WEEKS);
    assert_true(fabs(w.seen_h[MODE_LATER] - w.seen_h[MODE_PLAN]) < 1e-9);
    trace_finish(&t);
    buf_finish(&j.text);
}

int main(void)
{
    zone_init_fixed(&utc, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told), cmocka_unit_test(test_ends), cmocka_unit_test(test_weigh),
        cmocka_unit_test(test_nobody_agreed), cmocka_unit_test(test_known), cmocka_unit_test(test_met), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_lowered), cmocka_unit_test(test_never), cmocka_unit_test(test_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
