/* test_capped.c - a workload under a power cap (src/sim/capped.h): never more than the cap by what was known, who can never
 * start, what is learned, and the bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sim/bound.h"
#include "sim/capped.h"
#include "sim/figures.h"
#include "sim/office.h"

#define MONDAY_AT ((usec_t)TRACE_MONDAY_DAY * USEC_PER_DAY)

static struct zone utc;

static struct powercap cap_of(const char *text)
{
    struct powercap cap;
    struct err err = { 0 };
    if (capped_parse(str_of(text), &cap, &err) < 0)
        fail_msg("%s", err.text);
    return cap;
}

static void test_words(void **state)
{
    (void)state;
    struct powercap cap;
    struct err err = { 0 };
    assert_int_equal(cap_of("6").base_mw, 6000000);
    assert_int_equal(cap_of(" 3.5 ").base_mw, 3500000);
    assert_int_equal(cap_of("450 W").base_mw, 450000);
    cap = cap_of("3 kW; 4 kW Mon-Fri 10:00-18:00");
    assert_int_equal(cap.n, 1);
    assert_int_equal(capped_most_mw(&cap), 4000000);
    assert_true(capped_parse(STR("6x"), &cap, &err) < 0);
    assert_true(capped_parse(STR(""), &cap, &err) < 0);
    assert_true(capped_parse(STR("3..5"), &cap, &err) < 0);
    assert_non_null(strstr(err.text, "6 kW; 4 kW Mon-Fri 10:00-18:00"));
}

static void read_csv(const char *text, struct trace *t, struct presence *p)
{
    struct err err = { 0 };
    if (trace_read(str_of(text), "it", &(struct trace_options){ .zone = &utc }, t, &err) < 0)
        fail_msg("%s", err.text);
    struct presence_options o = { .kind = PRESENCE_ALWAYS, .zone = &utc, .until_at = MONDAY_AT + 100 * USEC_PER_DAY };
    assert_int_equal(presence_make(t, &o, p, NULL), 0);
}

static void drive(const struct trace *t, const struct presence *p, struct drive_options o, struct drive_result *r)
{
    struct err err = { 0 };
    o.zone = &utc;
    o.gpu_watts = 300;
    o.check = true;
    if (drive_run(t, p, &o, NULL, r, &err) < 0)
        fail_msg("%s", err.text);
}

/* What is drawn at an instant, from the raw intervals. */
static int64_t drawn_mw(const struct drive_result *r, usec_t at)
{
    int64_t sum = 0;
    for (size_t i = 0; i < r->intervals_n; i++)
        if (r->intervals[i].from_at <= at && at < r->intervals[i].until_at)
            sum += capped_job_mw(&r->jobs[r->intervals[i].job].what, 300);
    return sum;
}

/* The most beyond the cap, at every start and at every hour, when a step may begin. */
static int64_t most_beyond_mw(const struct drive_result *r, const struct powercap *cap)
{
    int64_t most = INT64_MIN;
    for (size_t i = 0; i < r->intervals_n; i++) {
        for (usec_t at = r->intervals[i].from_at; at < r->intervals[i].until_at; at = (at / USEC_PER_HOUR + 1) * USEC_PER_HOUR) {
            int64_t beyond = drawn_mw(r, at) - powercap_mw(cap, &utc, at / USEC_PER_SEC);
            most = beyond > most ? beyond : most;
        }
    }
    return most;
}

/* Every order, with and without interrupting, run times known exactly: never above, neither by the plan's own figures nor by
 * what was drawn.  Without the cap it would have been. */
static void test_never_above(void **state)
{
    (void)state;
    struct powercap flat = cap_of("0.9"), steps = cap_of("1 kW; 800 W Mon-Fri 10:00-18:00");
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct office f;
        struct drive_result r;
        office_make(&(struct office_options){ .family = OFFICE_CAPPED, .gpus = 4, .weeks = 2, .load = 0.6, .spread = 0.5,
                                              .seed = seed }, &f);
        assert_int_equal(f.cap.base_mw, 680000);
        capped_fit(&f.trace, &steps, 300);
        assert_true(f.trace.jobs_n > 50);
        capped_fit(&f.trace, &flat, 300);
        for (enum policy policy = 0; policy < POLICY_COUNT; policy++) {
            for (int how = 0; how < 3; how++) { /* the steps, the flat one, the flat one and jobs make way */
                const struct powercap *cap = how == 0 ? &steps : &flat;
                double peak_kw, over_h;
                for (size_t i = 0; i < f.trace.jobs_n; i++)
                    f.trace.jobs[i].checkpoint = how == 2;
                drive(&f.trace, &f.presence, (struct drive_options){ .policy = policy, .preempt = how == 2, .gpus = 4, .cap = cap }, &r);
                assert_int_equal(r.over_booked, 0);
                assert_true(r.booked_w_max > 0);
                assert_true(most_beyond_mw(&r, cap) <= 0);
                capped_draw(&r, 300, cap, &utc, &peak_kw, &over_h);
                assert_true(over_h <= 0 && peak_kw > 0.7 && peak_kw <= 1.0);
                drive_result_finish(&r);
            }
        }
        drive(&f.trace, &f.presence, (struct drive_options){ .policy = POLICY_EASY, .gpus = 4 }, &r);
        assert_true(most_beyond_mw(&r, &flat) > 0);
        drive_result_finish(&r);
        office_finish(&f);
    }
}

/* Two GPUs at full load are 600 W; these runs take 400.  Two of them fit under 900 W as soon as one has been seen. */
static void test_learns(void **state)
{
    (void)state;
    struct trace t;
    struct presence p;
    struct drive_result r;
    struct powercap cap = cap_of("900 W");
    read_csv("submit,runtime,gpus,user,command,watts\n"
             "0,600,2,ann,train,400\n0,600,2,ann,train,400\n0,600,2,ann,train,400\n", &t, &p);
    drive(&t, &p, (struct drive_options){ .policy = POLICY_EASY, .gpus = 8, .estimates = ESTIMATE_HISTORY, .cap = &cap }, &r);
    assert_int_equal(r.jobs[0].start_at, MONDAY_AT);
    assert_int_equal(r.jobs[1].start_at, MONDAY_AT + 600 * USEC_PER_SEC);
    assert_int_equal(r.jobs[2].start_at, MONDAY_AT + 600 * USEC_PER_SEC);
    assert_int_equal(r.booked_w_max, 800);
    drive_result_finish(&r);
    /* Told beforehand, as with --watts, two begin at once. */
    drive(&t, &p, (struct drive_options){ .policy = POLICY_EASY, .gpus = 8, .estimates = ESTIMATE_EXACT, .cap = &cap }, &r);
    assert_int_equal(r.jobs[1].start_at, MONDAY_AT);
    assert_int_equal(r.jobs[2].start_at, MONDAY_AT + 600 * USEC_PER_SEC);
    drive_result_finish(&r);
    /* More GPUs than the core numbers: watts are counted all the same. */
    drive(&t, &p, (struct drive_options){ .policy = POLICY_EASY, .gpus = 100, .estimates = ESTIMATE_HISTORY, .cap = &cap }, &r);
    assert_int_equal(r.jobs[1].start_at, MONDAY_AT);
    assert_int_equal(r.jobs[2].start_at, MONDAY_AT + 600 * USEC_PER_SEC);
    drive_result_finish(&r);
    presence_finish(&p);
    trace_finish(&t);
}

/* More than was booked: the figures say so. */
static void test_drawn(void **state)
{
    (void)state;
    struct trace t;
    struct presence p;
    struct drive_result r;
    struct powercap cap = cap_of("700 W");
    double peak_kw, over_h;
    read_csv("submit,runtime,gpus,user,command,watts\n0,7200,1,ann,a,600\n0,3600,1,bob,b,300\n0,60,1,cy,c,800\n0,60,1,cy,c,699.5\n", &t, &p);
    capped_fit(&t, &cap, 300);
    assert_int_equal(t.jobs_n, 3);
    assert_int_equal(t.faults_n, 1);
    assert_string_equal(t.faults[0], "Line 4 takes 800 W; the power cap is 700 W, so it could never start.");
    drive(&t, &p, (struct drive_options){ .policy = POLICY_EASY, .gpus = 8, .estimates = ESTIMATE_LIMIT, .cap = &cap }, &r);
    capped_draw(&r, 300, &cap, &utc, &peak_kw, &over_h);
    assert_int_equal(r.over_booked, 0); /* 300 W each, as far as anybody knew */
    assert_float_equal(peak_kw, 1.2995, 1e-9);
    assert_float_equal(over_h, 61.0F / 60, 1e-6F);
    drive_result_finish(&r);
    presence_finish(&p);
    trace_finish(&t);
}

/* No plan under the cap is better than the bound, which says more than that of the GPUs alone. */
static void test_bound(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct office f;
        struct drive_result r;
        struct figures figures;
        double bound_h, gpus_h;
        office_make(&(struct office_options){ .family = OFFICE_CAPPED, .gpus = 8, .weeks = 2, .load = 0.8, .spread = 0.5,
                                              .seed = seed }, &f);
        capped_fit(&f.trace, &f.cap, 300);
        for (size_t i = 0; i < f.trace.jobs_n; i++)
            f.trace.jobs[i].checkpoint = true;
        for (int preempt = 0; preempt < 2; preempt++) {
            drive(&f.trace, &f.presence, (struct drive_options){ .policy = preempt ? POLICY_SRSF : POLICY_SAF, .preempt = preempt,
                                                                 .gpus = 8, .cap = &f.cap }, &r);
            figures_make(&r, &f.presence, &(struct figures_options){ .zone = &f.zone, .gpus = 8, .cap = &f.cap, .gpu_watts = 300 },
                         &figures);
            struct bound_options b = { .gpus = 8, .steps = 150, .preemptive = preempt, .cap = &f.cap, .zone = &f.zone,
                .gpu_watts = 300, .target_us = figures.tte_mean_h * (double)USEC_PER_HOUR * (double)f.trace.jobs_n };
            bound_h = bound_tte_h(&f.trace, &f.presence, &b);
            b.cap = NULL;
            gpus_h = bound_tte_h(&f.trace, &f.presence, &b);
            assert_true(bound_h <= figures.tte_mean_h + 1e-9);
            assert_true(bound_h > gpus_h * 1.005);
            drive_result_finish(&r);
        }
        office_finish(&f);
    }
}

int main(void)
{
    zone_init_fixed(&utc, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words), cmocka_unit_test(test_never_above), cmocka_unit_test(test_learns),
        cmocka_unit_test(test_drawn), cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
