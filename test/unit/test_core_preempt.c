/* Jobs that make way: who does, for whom, when, what of their work is kept, and what told estimates say. */
#include "core_desk.h"

#include "core_luck.h"

static void settings(struct desk *d, enum policy policy, uint32_t preempt)
{
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = {
        .policy = policy, .plan_depth = 16, .presence_us = 30 * MIN, .runtime_guess_us = HOUR,
        .preempt = preempt, .advantage_milli = 1400, .quantum_us = 10 * MIN, .restart_us = 2 * MIN,
        .estimates = ESTIMATES_TOLD } });
}

static job_id submit(struct desk *d, uint32_t gpus, usec_t told_us, enum preempt_mode preempt)
{
    return desk_submit(d, (struct ev_submit){ .gpus = gpus, .estimate_us = told_us,
                                              .preempt = preempt, .command_key = 1 });
}

static void run(struct desk *d, job_id id)
{
    desk_decide(d);
    assert_int_equal(desk_state(d, id), JOB_CONFIGURING);
    desk_started(d, id);
}

/* Told to stop, it is gone in 20 s, by this signal. */
static void leaves(struct desk *d, job_id id, uint32_t signal)
{
    desk_pass(d, 20 * SEC);
    desk_do(d, (struct core_event){ .kind = EVENT_ENDED, .ended = {
        .job = id, .attempt = desk_job(d, id).attempt, .cause = END_STOPPED, .signal = signal } });
}

static const struct core_update *made_way(struct desk *d, job_id id)
{
    const struct core_update *u = desk_update(d, UPDATE_STOP, id);
    if (!u)
        return NULL;
    assert_int_equal(u->reason, REASON_PREEMPTED);
    assert_int_equal(desk_state(d, id), JOB_COMPLETING);
    assert_int_equal(desk_job(d, id).reason, REASON_PREEMPTED);
    return u;
}

static usec_t forecast(struct desk *d, job_id id)
{
    struct forecast f;
    assert_true(core_forecast(d->core, id, 0, &f));
    return f.p50_us;
}

static void test_makes_way_and_goes_on(void **state)
{
    (void)state;
    static const enum policy policies[] = { POLICY_BLEND, POLICY_SRSF, POLICY_SAF, POLICY_SJF, POLICY_LAS };
    for (size_t i = 0; i < 5; i++) {
        static struct desk d;
        desk_begin(&d, 2, policies[i]);
        settings(&d, policies[i], 1);
        job_id lengthy = submit(&d, 2, 10 * HOUR, PREEMPT_CHECKPOINT);
        run(&d, lengthy);
        desk_pass(&d, HOUR);
        job_id brief = submit(&d, 1, 10 * MIN, PREEMPT_NEVER);
        desk_decide(&d);
        assert_non_null(made_way(&d, lengthy));
        assert_int_equal(made_way(&d, lengthy)->value, brief);
        assert_int_equal(desk_state(&d, brief), JOB_PENDING);
        desk_decide(&d); /* once is enough, and nobody else gets the room */
        assert_null(desk_update(&d, UPDATE_STOP, lengthy));
        leaves(&d, lengthy, 15);
        assert_int_equal(desk_state(&d, lengthy), JOB_PENDING);
        assert_int_equal(desk_update(&d, UPDATE_STATE, lengthy)->reason, REASON_PREEMPTED);
        /* An hour and 20 s are done; a restart is to be paid. */
        assert_int_equal(forecast(&d, lengthy), 9 * HOUR + 2 * MIN - 20 * SEC);
        desk_decide(&d);
        assert_string_equal(desk_starts(&d), brief == 2 ? "2" : "?");
        desk_started(&d, brief);
        desk_pass(&d, 10 * MIN);
        desk_ended(&d, brief, END_EXIT, 0);
        run(&d, lengthy);
        assert_int_equal(desk_job(&d, lengthy).attempt, 2);
        desk_pass(&d, 9 * HOUR + 2 * MIN - 20 * SEC);
        desk_ended(&d, lengthy, END_EXIT, 0);
        assert_int_equal(desk_state(&d, lengthy), JOB_NONE);
        /* History knows the whole run. */
        settings(&d, policies[i], 1);
        job_id next = desk_submit(&d, (struct ev_submit){ .gpus = 2, .command_key = 1 });
        struct forecast f;
        core_forecast(d.core, next, 0, &f);
        assert_int_equal(f.source, FORECAST_OWN);
        assert_true(f.p50_us > 9 * HOUR + 58 * MIN && f.p50_us < 10 * HOUR + 2 * MIN);
        desk_end(&d);
    }
}

static void test_who_does_not(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 2, POLICY_SRSF);
    settings(&d, POLICY_SRSF, 1);
    job_id lengthy = submit(&d, 2, 10 * HOUR, PREEMPT_NEVER);
    run(&d, lengthy);
    desk_pass(&d, HOUR);
    submit(&d, 1, 10 * MIN, PREEMPT_NEVER);
    desk_decide(&d);
    assert_int_equal(d.updates_n, 0); /* it did not allow it */
    desk_end(&d);

    desk_begin(&d, 2, POLICY_SRSF);
    settings(&d, POLICY_SRSF, 0);
    lengthy = submit(&d, 2, 10 * HOUR, PREEMPT_CHECKPOINT);
    run(&d, lengthy);
    desk_pass(&d, HOUR);
    submit(&d, 1, 10 * MIN, PREEMPT_NEVER);
    desk_decide(&d);
    assert_int_equal(d.updates_n, 0); /* the team does not do it */
    settings(&d, POLICY_SRSF, 1);
    desk_decide(&d);
    assert_non_null(made_way(&d, lengthy));
    desk_end(&d);

    /* FIFO and EASY go by arrival: nobody who came later is worth more. */
    desk_begin(&d, 2, POLICY_EASY);
    settings(&d, POLICY_EASY, 1);
    lengthy = submit(&d, 2, 10 * HOUR, PREEMPT_CHECKPOINT);
    run(&d, lengthy);
    desk_pass(&d, HOUR);
    submit(&d, 1, 10 * MIN, PREEMPT_NEVER);
    desk_decide(&d);
    assert_int_equal(d.updates_n, 0);
    desk_end(&d);

    /* What is nearly as short as the rest is not worth a restart: 1.4 times and the restart count. */
    desk_begin(&d, 1, POLICY_SRSF);
    settings(&d, POLICY_SRSF, 1);
    lengthy = submit(&d, 1, 2 * HOUR, PREEMPT_CHECKPOINT);
    run(&d, lengthy);
    desk_pass(&d, HOUR);
    submit(&d, 1, 45 * MIN, PREEMPT_NEVER);
    desk_decide(&d);
    assert_int_equal(d.updates_n, 0);
    submit(&d, 1, 41 * MIN, PREEMPT_NEVER); /* 60 / 1.4 x 60 / 62 = 41.47 min */
    desk_decide(&d);
    assert_non_null(made_way(&d, lengthy));
    desk_end(&d);
}

static void test_quantum(void **state)
{
    (void)state;
    static struct desk d;
    usec_t wall_at, boot_at;
    desk_begin(&d, 1, POLICY_SRSF);
    settings(&d, POLICY_SRSF, 1);
    job_id lengthy = submit(&d, 1, 10 * HOUR, PREEMPT_CHECKPOINT);
    run(&d, lengthy);
    usec_t due_at = d.wall_at + 10 * MIN;
    desk_pass(&d, 3 * MIN);
    submit(&d, 1, 10 * MIN, PREEMPT_NEVER);
    for (int i = 0; i < 20 && !desk_update(&d, UPDATE_STOP, lengthy); i++) {
        desk_decide(&d);
        if (desk_update(&d, UPDATE_STOP, lengthy))
            break;
        core_deadline(d.core, &wall_at, &boot_at);
        assert_true(wall_at > d.wall_at && wall_at <= due_at);
        desk_pass(&d, wall_at - d.wall_at);
    }
    assert_non_null(made_way(&d, lengthy));
    assert_int_equal(d.wall_at, due_at);
    leaves(&d, lengthy, 15);
    desk_decide(&d);
    desk_started(&d, 2);
    desk_pass(&d, 10 * MIN);
    desk_ended(&d, 2, END_EXIT, 0);
    run(&d, lengthy);
    submit(&d, 1, 10 * MIN, PREEMPT_NEVER);
    desk_pass(&d, 11 * MIN); /* a resumed attempt has its restart to do first */
    desk_decide(&d);
    assert_int_equal(desk_count(&d, UPDATE_STOP), 0);
    desk_pass(&d, MIN);
    desk_decide(&d);
    assert_non_null(made_way(&d, lengthy));
    desk_end(&d);
}

/* A job that makes way in the end, and what its forecast is then. */
static usec_t left_after(enum preempt_mode mode, uint32_t signal)
{
    static struct desk d;
    desk_begin(&d, 1, POLICY_SRSF);
    settings(&d, POLICY_SRSF, 1);
    job_id lengthy = submit(&d, 1, 10 * HOUR, mode);
    run(&d, lengthy);
    desk_pass(&d, HOUR);
    submit(&d, 1, 10 * MIN, PREEMPT_NEVER);
    desk_decide(&d);
    assert_non_null(made_way(&d, lengthy));
    leaves(&d, lengthy, signal);
    usec_t us = forecast(&d, lengthy);
    desk_end(&d);
    return us;
}

static void test_what_is_kept(void **state)
{
    (void)state;
    assert_int_equal(left_after(PREEMPT_CHECKPOINT, 15), 9 * HOUR + 2 * MIN - 20 * SEC);
    assert_int_equal(left_after(PREEMPT_CHECKPOINT, 0), 9 * HOUR + 2 * MIN - 20 * SEC);
    assert_int_equal(left_after(PREEMPT_CHECKPOINT, 9), 10 * HOUR); /* killed: nothing is sure */
    assert_int_equal(left_after(PREEMPT_REQUEUE, 15), 10 * HOUR);
}

static void test_ends_of_whoever_was_told(void **state)
{
    (void)state;
    static const struct { enum end_cause cause; int32_t code; enum job_state is; } table[] = {
        { END_EXIT, 0, JOB_NONE },    /* it was done before it heard */
        { END_EXIT, 3, JOB_NONE },    /* it failed, as it would have */
        { END_STOPPED, 0, JOB_PENDING },
        { END_TIME_LIMIT, 0, JOB_NONE },
    };
    for (size_t i = 0; i < 4; i++)
        for (int cancelled = 0; cancelled < 2; cancelled++) {
            static struct desk d;
            desk_begin(&d, 1, POLICY_SRSF);
            settings(&d, POLICY_SRSF, 1);
            job_id lengthy = submit(&d, 1, 10 * HOUR, PREEMPT_CHECKPOINT);
            run(&d, lengthy);
            desk_pass(&d, HOUR);
            submit(&d, 1, 10 * MIN, PREEMPT_NEVER);
            desk_decide(&d);
            if (cancelled)
                desk_do(&d, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { .job = lengthy } });
            desk_ended(&d, lengthy, table[i].cause, table[i].code);
            assert_int_equal(desk_state(&d, lengthy), cancelled ? JOB_NONE : table[i].is);
            if (!cancelled && table[i].is == JOB_NONE && table[i].code == 0 && table[i].cause == END_EXIT)
                assert_int_equal(desk_update(&d, UPDATE_STATE, lengthy)->to, JOB_COMPLETED);
            desk_end(&d);
        }
}

/* Told to make way before anybody heard that it began, and it never did: only its own fault ends it. */
static void test_told_before_it_began(void **state)
{
    (void)state;
    static const struct { enum end_cause cause; enum job_state is; } table[] = {
        { END_STOPPED, JOB_PENDING }, { END_GPU_BUSY, JOB_PENDING }, { END_LAUNCH, JOB_NONE } };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        static struct desk d;
        desk_begin(&d, 1, POLICY_SRSF);
        settings(&d, POLICY_SRSF, 1);
        job_id lengthy = submit(&d, 1, 10 * HOUR, PREEMPT_CHECKPOINT);
        run(&d, lengthy);
        desk_pass(&d, HOUR);
        submit(&d, 1, 10 * MIN, PREEMPT_NEVER);
        desk_decide(&d);
        assert_non_null(made_way(&d, lengthy));
        desk_do(&d, (struct core_event){ .kind = EVENT_START_FAILED, .start_failed = { lengthy, 1, table[i].cause, 0 } });
        const struct core_update *u = desk_update(&d, UPDATE_STATE, lengthy);
        assert_non_null(u);
        assert_int_equal(desk_state(&d, lengthy), table[i].is);
        assert_int_equal(u->reason, table[i].is == JOB_NONE ? REASON_LAUNCH_FAILED : REASON_PREEMPTED);
        desk_end(&d);
    }
}

/* What begins anew each time loses everything each time: not for ever. */
static void test_requeue_ends(void **state)
{
    (void)state;
    static struct desk d;
    int times = 0;
    desk_begin(&d, 1, POLICY_SRSF);
    settings(&d, POLICY_SRSF, 1);
    job_id lengthy = submit(&d, 1, 10 * HOUR, PREEMPT_REQUEUE);
    for (int i = 0; i < 6; i++) {
        run(&d, lengthy);
        desk_pass(&d, 15 * MIN);
        job_id brief = submit(&d, 1, 10 * MIN, PREEMPT_NEVER);
        desk_decide(&d);
        if (!made_way(&d, lengthy))
            break;
        times++;
        leaves(&d, lengthy, 15);
        run(&d, brief);
        desk_pass(&d, 10 * MIN);
        desk_ended(&d, brief, END_EXIT, 0);
    }
    assert_int_equal(times, 3);
    desk_end(&d);
}

/* Only as many make way as are needed, those that count least. */
static void test_the_least(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 4, POLICY_SRSF);
    settings(&d, POLICY_SRSF, 1);
    job_id jobs[4];
    for (int i = 0; i < 4; i++)
        jobs[i] = submit(&d, 1, (usec_t)(i == 2 ? 9 : i == 0 ? 8 : 6) * HOUR, PREEMPT_CHECKPOINT);
    desk_decide(&d);
    for (int i = 0; i < 4; i++)
        desk_started(&d, jobs[i]);
    desk_pass(&d, 20 * MIN);
    job_id brief = submit(&d, 2, 10 * MIN, PREEMPT_NEVER);
    desk_decide(&d);
    assert_int_equal(desk_count(&d, UPDATE_STOP), 2);
    assert_non_null(made_way(&d, jobs[0]));
    assert_non_null(made_way(&d, jobs[2]));
    leaves(&d, jobs[0], 15);
    desk_decide(&d); /* one GPU is free and promised: it waits for the other */
    assert_int_equal(d.updates_n, 0);
    leaves(&d, jobs[2], 15);
    desk_decide(&d);
    assert_string_equal(desk_starts(&d), "5");
    assert_int_equal(brief, 5);
    desk_end(&d);
}

/* Behind a reservation whoever keeps its work may use what would stand idle, and makes way in time. */
static void test_fills(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 4, POLICY_SRSF);
    settings(&d, POLICY_SRSF, 1);
    job_id busy = submit(&d, 2, 5 * HOUR, PREEMPT_NEVER);
    run(&d, busy);
    job_id wide = submit(&d, 4, HOUR, PREEMPT_NEVER);
    job_id never = submit(&d, 2, 20 * HOUR, PREEMPT_NEVER), keeps = submit(&d, 2, 30 * HOUR, PREEMPT_CHECKPOINT);
    desk_decide(&d);
    assert_string_equal(desk_starts(&d), "4");
    assert_int_equal(desk_state(&d, never), JOB_PENDING);
    desk_started(&d, keeps);
    desk_pass(&d, 5 * HOUR);
    desk_ended(&d, busy, END_EXIT, 0);
    desk_decide(&d);
    assert_non_null(made_way(&d, keeps));
    assert_int_equal(made_way(&d, keeps)->value, wide);
    assert_int_equal(desk_count(&d, UPDATE_START), 0);
    leaves(&d, keeps, 15);
    desk_decide(&d);
    assert_string_equal(desk_starts(&d), "2");
    desk_end(&d);
}

/* A job that hangs on after it was told to leave does not keep the rest of the room for ever. */
static void test_hangs_on(void **state)
{
    (void)state;
    static struct desk d;
    usec_t wall_at, boot_at;
    desk_begin(&d, 4, POLICY_SRSF);
    settings(&d, POLICY_SRSF, 1);
    job_id lengthy = submit(&d, 3, 10 * HOUR, PREEMPT_CHECKPOINT);
    run(&d, lengthy);
    desk_pass(&d, HOUR);
    submit(&d, 4, 10 * MIN, PREEMPT_NEVER);
    desk_decide(&d);
    assert_non_null(made_way(&d, lengthy));
    job_id small = submit(&d, 1, 3 * HOUR, PREEMPT_NEVER);
    desk_decide(&d);
    assert_int_equal(d.updates_n, 0); /* its GPU is promised */
    core_deadline(d.core, &wall_at, &boot_at);
    assert_true(wall_at <= d.wall_at + 5 * MIN);
    desk_pass(&d, 5 * MIN);
    desk_do(&d, (struct core_event){ .kind = EVENT_SET, .set = { .job = small, .field = SET_LIMIT_US,
                                                                 .value = 20 * SEC } });
    desk_decide(&d);
    assert_string_equal(desk_starts(&d), "3");
    desk_end(&d);
}

/* --- told estimates --------------------------------------------------------------------------- */

static struct forecast told(enum estimates_mode mode, usec_t told_us, uint32_t sd_milli, usec_t ran_us)
{
    static struct desk d;
    struct forecast f;
    desk_begin(&d, 1, POLICY_SAF);
    desk_do(&d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = {
        .policy = POLICY_SAF, .plan_depth = 16, .runtime_guess_us = HOUR, .estimates = mode } });
    desk_history(&d, (struct ev_submit){ .command_key = 7 }, 6 * HOUR);
    job_id id = desk_submit(&d, (struct ev_submit){ .command_key = 7, .estimate_us = told_us,
                                                    .estimate_sd_milli = sd_milli });
    assert_true(core_forecast(d.core, id, ran_us, &f));
    desk_end(&d);
    return f;
}

static void test_told(void **state)
{
    (void)state;
    struct forecast f = told(ESTIMATES_TOLD, 90 * MIN, 0, 0);
    assert_true(f.p10_us == 90 * MIN && f.p50_us == 90 * MIN && f.p90_us == 90 * MIN);
    assert_int_equal(f.source, FORECAST_TOLD);
    f = told(ESTIMATES_TOLD, 90 * MIN, 0, 89 * MIN);
    assert_int_equal(f.p50_us, 90 * MIN); /* to the end: it is taken at its word */
    f = told(ESTIMATES_TOLD, 90 * MIN, 0, 91 * MIN);
    assert_true(f.p50_us > 91 * MIN);
    /* Log-normal, sd .5: tenths at e^(-1.28 x .5) and e^(1.28 x .5). */
    f = told(ESTIMATES_TOLD, 100 * MIN, 500, 0);
    assert_true(f.p50_us > 99 * MIN && f.p50_us < 101 * MIN);
    assert_true(f.p10_us > 50 * MIN && f.p10_us < 56 * MIN);
    assert_true(f.p90_us > 180 * MIN && f.p90_us < 200 * MIN);
    /* The longer it ran, the longer it will: never less than it has. */
    usec_t last = 0;
    for (usec_t ran = 0; ran < 20 * HOUR; ran += 7 * MIN) {
        f = told(ESTIMATES_TOLD, 100 * MIN, 500, ran);
        assert_true(f.p10_us >= ran && f.p10_us <= f.p50_us && f.p50_us <= f.p90_us);
        assert_true(f.p50_us >= last);
        last = f.p50_us;
    }
    f = told(ESTIMATES_HISTORY, 90 * MIN, 0, 0);
    assert_int_equal(f.source, FORECAST_OWN);
    assert_true(f.p50_us > 5 * HOUR);
    f = told(ESTIMATES_BOTH, 90 * MIN, 300, 0); /* one run of 6 h, and somebody who says 90 min */
    assert_true(f.p50_us > 80 * MIN && f.p50_us < 6 * HOUR && f.p90_us >= 5 * HOUR);
}

/* Where nobody allows it, preemption switched on changes nothing. */
static void test_off_is_off(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct luck a, b;
        luck_begin(&a, seed, 64);
        luck_begin(&b, seed, 64);
        for (int i = 0; i < 300; i++) {
            bool ok = luck_event(&a);
            assert_int_equal(ok, luck_event(&b));
            if (!ok)
                continue;
            if (a.ev.kind == EVENT_SUBMIT)
                a.ev.submit.preempt = b.ev.submit.preempt = PREEMPT_NEVER;
            luck_apply(&a);
            luck_apply(&b);
            if (i == 0) {
                struct core_event ev = { .kind = EVENT_SETTINGS, .settings = {
                    .seed = seed, .policy = POLICY_BLEND, .plan_depth = 8, .presence_us = 30 * MIN,
                    .runtime_guess_us = HOUR, .preempt = 0, .advantage_milli = 1400 } };
                luck_do(&a, &ev);
                ev.settings.preempt = 1;
                luck_do(&b, &ev);
            }
            assert_int_equal(a.updates_n, b.updates_n);
            assert_memory_equal(a.updates, b.updates, a.updates_n * sizeof *a.updates);
        }
        luck_end(&a);
        luck_end(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_makes_way_and_goes_on),
        cmocka_unit_test(test_who_does_not),
        cmocka_unit_test(test_quantum),
        cmocka_unit_test(test_what_is_kept),
        cmocka_unit_test(test_ends_of_whoever_was_told),
        cmocka_unit_test(test_told_before_it_began),
        cmocka_unit_test(test_requeue_ends),
        cmocka_unit_test(test_the_least),
        cmocka_unit_test(test_fills),
        cmocka_unit_test(test_hangs_on),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_off_is_off),
    };
    return cmocka_run_group_tests_name("core_preempt", tests, NULL, NULL);
}
