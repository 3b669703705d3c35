/* test_closed.c - the closed loop, and what is the best that there can be. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/closed.h"
#include "sim/compare.h"

#define MONDAY_AT ((usec_t)TRACE_MONDAY_DAY * USEC_PER_DAY) /* in UTC */

static struct zone utc;

static void calendars(const struct trace *t, enum presence_kind kind, struct presence *p)
{
    struct presence_options o = { .kind = kind, .zone = &utc, .until_at = MONDAY_AT + 200 * USEC_PER_DAY };
    assert_int_equal(presence_make(t, &o, p, NULL), 0);
}

/* Two people, one GPU, one batch each that comes again: counted by hand. */
static void test_closed(void **state)
{
    (void)state;
    struct trace t;
    struct presence p;
    struct closed_plan plan;
    struct closed_result r;
    struct err err = { 0 };
    /* Monday 09:00 UTC, 2 h; think 1 h (12:00); the next is asked for after 1 h of presence, and so on. */
    assert_int_equal(trace_read(STR("submit,runtime,gpus,user\n32400,7200,1,ann\n43200,7200,1,ann\n"), "it",
                                &(struct trace_options){ .zone = &utc }, &t, &err), 0);
    calendars(&t, PRESENCE_OFFICE, &p);
    closed_of_trace(&t, &p, &plan);
    assert_int_equal(plan.chains_n, 1);
    assert_int_equal(plan.batches_n, 2);
    assert_int_equal(plan.batches[1].think_us, USEC_PER_HOUR);
    assert_int_equal(plan.chains[0].again_us, USEC_PER_MIN); /* the trace ends with its last submit: hardly any */
    plan.chains[0].again_us = 0;
    struct drive_options o = { .policy = POLICY_EASY, .gpus = 1, .check = true };
    assert_int_equal(closed_run(&plan, &t, &p, &o, MONDAY_AT, MONDAY_AT + 7 * USEC_PER_DAY, &r, &err), 0);
    /* 9-11, 12-14, then the first again at once: 14-16, 17-19 seen Tuesday 9:00, 9-11 ... */
    assert_int_equal(r.run.jobs[0].end_at, MONDAY_AT + 11 * USEC_PER_HOUR);
    assert_int_equal(r.run.jobs[1].what.submit_at, MONDAY_AT + 12 * USEC_PER_HOUR);
    assert_int_equal(r.run.jobs[2].what.submit_at, MONDAY_AT + 14 * USEC_PER_HOUR);
    assert_int_equal(r.run.jobs[3].what.submit_at, MONDAY_AT + 17 * USEC_PER_HOUR);
    assert_int_equal(r.run.jobs[4].what.submit_at, MONDAY_AT + 33 * USEC_PER_HOUR);
    assert_int_equal(r.seen, 19); /* four a day; Friday's last is seen on the Monday after */
    assert_float_equal(r.results_per_person_week, 19, 1e-9);
    struct closed_result best; /* alone on a GPU nobody waits */
    assert_int_equal(closed_at_best(&plan, &t, &p, MONDAY_AT, MONDAY_AT + 7 * USEC_PER_DAY, &best, &err), 0);
    assert_float_equal(best.results_per_person_week, 19, 1e-9);
    assert_float_equal(closed_worst_share(&r, &best), 1, 1e-9);
    closed_result_finish(&r);
    closed_result_finish(&best);
    closed_plan_finish(&plan);
    presence_finish(&p);
    trace_finish(&t);
}

/* One has half of what they would have without waiting, one a quarter, and a third has no work. */
static void test_closed_share(void **state)
{
    (void)state;
    uint64_t had[] = { 10, 0, 3 }, could[] = { 20, 0, 12 };
    struct closed_result r = { .seen = 13, .by_user = had, .users_n = 3 }, best = { .seen = 32, .by_user = could, .users_n = 3 };
    assert_true(fabs(closed_worst_share(&r, &best) - 0.25 / (13.0 / 32)) < 1e-12);
    had[2] = 0;
    r.seen = 10;
    assert_true(closed_worst_share(&r, &best) <= 0);
}

/* However many GPUs there are, and whatever the order, nobody has more results than if nobody ever waited. */
static void test_closed_at_best(void **state)
{
    (void)state;
    struct err err = { 0 };
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct office_options oo = { .family = OFFICE_16, .people = 4, .gpus = 4, .weeks = 2, .load = 1.5, .seed = seed };
        struct office f;
        struct closed_plan plan;
        struct closed_result best;
        double narrow = 0;
        office_make(&oo, &f);
        closed_of_office(&oo, &f, &plan);
        usec_t from_at = f.presence.from_at, until_at = from_at + 14 * USEC_PER_DAY;
        assert_int_equal(closed_at_best(&plan, &f.trace, &f.presence, from_at, until_at, &best, &err), 0);
        for (uint32_t gpus = 8; gpus <= 64; gpus *= 8) {
            for (int policy = 0; policy < 2; policy++) {
                struct closed_result r;
                struct drive_options o = { .policy = policy ? POLICY_EASY : POLICY_SAF, .gpus = gpus, .seed = seed,
                                           .estimates = ESTIMATE_EXACT, .no_eta = true };
                assert_int_equal(closed_run(&plan, &f.trace, &f.presence, &o, from_at, until_at, &r, &err), 0);
                for (size_t u = 0; u < r.users_n; u++)
                    assert_true(r.by_user[u] <= best.by_user[u]);
                assert_true(closed_worst_share(&r, &best) <= 1 + 1e-9);
                narrow = gpus == 8 ? r.results_per_person_week : narrow;
                closed_result_finish(&r);
            }
        }
        assert_true(best.results_per_person_week > narrow); /* eight GPUs are few for them: waiting costs results */
        closed_result_finish(&best);
        closed_plan_finish(&plan);
        office_finish(&f);
    }
}

/* Jobs that were dropped are in the bound and not in the mean: nothing is said then, rather than "as good as can be". */
static void test_by_bound(void **state)
{
    (void)state;
    struct compare_options o = { 0 };
    struct compare_bound b = { .h = 2, .preemptive_h = 1, .results_per_person_week = 40 };
    struct figures f = { .jobs = 10, .tte_mean_h = 3 };
    struct closed_result none = { 0 };
    assert_float_equal(compare_by_bound(&o, &b, 10, false, &f, 0), 1.5, 1e-9);
    assert_float_equal(compare_by_bound(&o, &b, 10, true, &f, 0), 3, 1e-9);
    assert_true(isnan(compare_by_bound(&o, &b, 11, false, &f, 0)));
    assert_true(isnan(compare_by_bound(&o, &(struct compare_bound){ 0 }, 10, false, &f, 0)));
    o.closed_loop = true;
    assert_float_equal(compare_by_bound(&o, &b, 11, false, &f, 30), 0.75, 1e-9);
    assert_true(isnan(closed_worst_share(&none, &none)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed), cmocka_unit_test(test_closed_share), cmocka_unit_test(test_closed_at_best),
        cmocka_unit_test(test_by_bound),
    };
    zone_init_fixed(&utc, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
