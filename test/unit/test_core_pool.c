/* test_core_pool.c - whose runs a forecast from history rests on, and how much each counts (estimate.h). */
#include "core_desk.h"

static void pooled(struct desk *d, uint32_t pool)
{
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    s.calibrate = 0; /* plain forecasts */
    s.pool = pool;
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
}

static void begin(struct desk *d, uint32_t pool)
{
    desk_begin(d, 4, POLICY_BLEND);
    pooled(d, pool);
}

static void run(struct desk *d, uint64_t command, usec_t limit_us, usec_t takes_us, int32_t code)
{
    job_id id = desk_submit(d, (struct ev_submit){ .command_key = command, .gpus = 1, .limit_us = limit_us, .flags = JOB_NOW });
    desk_decide(d);
    desk_started(d, id);
    desk_pass(d, takes_us);
    desk_ended(d, id, END_EXIT, code);
}

static usec_t middle(struct desk *d, uint64_t command, usec_t limit_us)
{
    struct forecast f;
    job_id id = desk_submit(d, (struct ev_submit){ .command_key = command, .gpus = 1, .limit_us = limit_us, .flags = JOB_HELD });
    assert_true(core_forecast(d->core, id, 0, &f));
    return f.p50_us;
}

static struct forecast running(struct desk *d, job_id id, usec_t ran_us)
{
    struct forecast f;
    assert_true(core_forecast(d->core, id, ran_us, &f));
    return f;
}

/* A new command: its owner's runs under the same limit say more of it than all of theirs together. */
static void test_same_limit(void **state)
{
    (void)state;
    for (uint32_t pool = 0; pool <= 1; pool++) {
        struct desk d;
        begin(&d, pool);
        for (uint64_t i = 0; i < 20; i++)
            run(&d, 100 + i, i % 4 == 0 ? 8 * HOUR : 4 * HOUR, i % 4 == 0 ? 6 * HOUR : 10 * MIN, 0);
        desk_pass(&d, HOUR); /* a tick shows the last */
        desk_decide(&d);
        job_id eight = desk_submit(&d, (struct ev_submit){ .command_key = 7, .gpus = 1, .limit_us = 8 * HOUR, .flags = JOB_HELD });
        struct forecast f = running(&d, eight, 0);
        assert_int_equal(f.source, pool ? FORECAST_LIMIT : FORECAST_PERSON);
        assert_int_equal(f.source_n, pool ? 5 : 10);
        assert_int_equal(f.history_n, pool ? 20 : 15);
        usec_t of_eight = middle(&d, 7, 8 * HOUR), of_four = middle(&d, 8, 4 * HOUR);
        assert_in_range(of_four, 9 * MIN, 11 * MIN);
        if (pool)
            assert_in_range(of_eight, 350 * MIN, 370 * MIN);
        else
            assert_int_equal(of_eight, of_four);
        desk_end(&d);
    }
}

/* Runs under a limit say something to other commands from the next quarter of an hour on, and are saved until then. */
static void test_shown_on_ticks(void **state)
{
    (void)state;
    struct desk d;
    struct core_limits limits;
    struct buf text;
    begin(&d, 1);
    for (uint64_t i = 0; i < 20; i++)
        run(&d, 100 + i, 8 * HOUR, MIN, 0);
    desk_pass(&d, HOUR);
    for (uint64_t i = 0; i < 12; i++)
        run(&d, 200 + i, 8 * HOUR, 20 * SEC, 0);
    assert_in_range(middle(&d, 7, 8 * HOUR), 55 * SEC, 65 * SEC);
    buf_init(&text, 1u << 20);
    core_save(d.core, &text);
    assert_int_equal(core_load_limits(buf_look(&text), &limits, NULL), 0);
    size_t size = core_size(&limits);
    void *block = aligned_alloc(16, size);
    assert_non_null(block);
    struct core *again = core_init(block, size, &limits);
    assert_int_equal(core_load(again, buf_look(&text), NULL), 0);
    assert_true(core_hash(again) == core_hash(d.core));
    free(d.core);
    d.core = again;
    assert_in_range(middle(&d, 7, 8 * HOUR), 55 * SEC, 65 * SEC);
    desk_pass(&d, HOUR);
    desk_decide(&d);
    assert_in_range(middle(&d, 7, 8 * HOUR), 19 * SEC, 21 * SEC);
    buf_finish(&text);
    desk_end(&d);
}

/* What fails early says nothing of how long runs take; what fails late was waited for as any other. */
static void test_failures(void **state)
{
    (void)state;
    for (uint32_t pool = 0; pool <= 1; pool++) {
        struct desk d;
        begin(&d, pool);
        for (int i = 0; i < 6; i++)
            run(&d, 7, 0, HOUR, 0);
        for (int i = 0; i < 10; i++)
            run(&d, 7, 0, SEC, 1);
        assert_in_range(middle(&d, 7, 0), 59 * MIN, 61 * MIN);
        for (int i = 0; i < 10; i++)
            run(&d, 7, 0, 5 * HOUR, 1);
        usec_t want = pool ? 5 * HOUR : HOUR;
        assert_in_range(middle(&d, 7, 0), want - 2 * MIN, want + 2 * MIN);
        for (int i = 0; i < 3; i++)
            run(&d, 8, 0, 5 * HOUR, 1);
        assert_false(core_succeeded(d.core, 1, 8, 1)); /* it has history, and no success */
        run(&d, 8, 0, 5 * HOUR, 0);
        assert_true(core_succeeded(d.core, 1, 8, 1));
        run(&d, 8, 0, 6 * HOUR, 1);
        assert_true(core_succeeded(d.core, 1, 8, 1));
        desk_end(&d);
    }
}

/* What never ran, and what fails while it is to make way, says nothing of how long its like takes. */
static void test_failures_of_others(void **state)
{
    (void)state;
    struct desk d;
    begin(&d, 1);
    for (int i = 0; i < 3; i++)
        run(&d, 7, 0, HOUR, 0);
    for (int i = 0; i < 6; i++) {
        job_id id = desk_submit(&d, (struct ev_submit){ .command_key = 7, .gpus = 1, .flags = JOB_NOW });
        desk_decide(&d);
        desk_started(&d, id);
        desk_pass(&d, 5 * HOUR);
        desk_ended(&d, id, i % 2 ? END_LAUNCH : END_GPU_BUSY, 0);
        assert_int_equal(desk_state(&d, id), JOB_NONE);
    }
    assert_in_range(middle(&d, 7, 0), 59 * MIN, 61 * MIN);
    run(&d, 7, 0, 5 * HOUR, 1); /* and what ran and failed does */
    job_id like = desk_submit(&d, (struct ev_submit){ .command_key = 7, .gpus = 1, .flags = JOB_HELD });
    assert_int_equal(running(&d, like, 0).source_n, 4);
    desk_end(&d);

    begin(&d, 1);
    desk_do(&d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = {
        .policy = POLICY_SRSF, .plan_depth = 16, .presence_us = 30 * MIN, .runtime_guess_us = HOUR, .preempt = 1,
        .advantage_milli = 1400, .quantum_us = 10 * MIN, .restart_us = 2 * MIN, .estimates = ESTIMATES_TOLD, .pool = 1 } });
    job_id way = desk_submit(&d, (struct ev_submit){ .command_key = 7, .gpus = 4, .estimate_us = 10 * HOUR,
                                                     .preempt = PREEMPT_CHECKPOINT });
    desk_decide(&d);
    desk_started(&d, way);
    desk_pass(&d, HOUR);
    desk_submit(&d, (struct ev_submit){ .command_key = 8, .gpus = 4, .estimate_us = 10 * MIN });
    desk_decide(&d);
    assert_non_null(desk_update(&d, UPDATE_STOP, way));
    desk_ended(&d, way, END_EXIT, 1);
    assert_int_equal(desk_state(&d, way), JOB_NONE);
    way = desk_submit(&d, (struct ev_submit){ .command_key = 7, .gpus = 4, .flags = JOB_HELD });
    assert_int_equal(running(&d, way, 0).source, FORECAST_GUESS);
    desk_end(&d);
}

/* Who works on something else now is followed: eight new runs outweigh twenty old ones. */
static void test_new_ones_count_more(void **state)
{
    (void)state;
    for (uint32_t pool = 0; pool <= 1; pool++) {
        struct desk d;
        begin(&d, pool);
        for (int i = 0; i < 20; i++)
            run(&d, 7, 0, HOUR, 0);
        for (int i = 0; i < 8; i++)
            run(&d, 7, 0, 4 * HOUR, 0);
        usec_t want = pool ? 4 * HOUR : HOUR;
        assert_in_range(middle(&d, 7, 0), want - 2 * MIN, want + 2 * MIN);
        desk_end(&d);
    }
}

static void says(struct desk *d, job_id id, uint32_t done_ppm)
{
    desk_do(d, (struct core_event){ .kind = EVENT_PROGRESS, .progress = { id, desk_job(d, id).attempt, done_ppm } });
}

/* How far it says it is outweighs how long its like took; what it said is forgotten when it begins anew. */
static void test_progress(void **state)
{
    (void)state;
    for (uint32_t pool = 0; pool <= 1; pool++) {
        struct desk d;
        begin(&d, pool);
        for (int i = 0; i < 10; i++)
            run(&d, 7, 0, HOUR, 0);
        job_id id = desk_submit(&d, (struct ev_submit){ .command_key = 7, .gpus = 1, .flags = JOB_NOW | JOB_REQUEUE });
        desk_decide(&d);
        desk_started(&d, id);
        says(&d, id, 10000); /* in no time: that is no pace */
        assert_in_range(running(&d, id, 0).p50_us, 59 * MIN, 61 * MIN);
        desk_pass(&d, 30 * MIN);
        assert_in_range(running(&d, id, 30 * MIN).p50_us, 59 * MIN, 61 * MIN);
        says(&d, id, 100000);
        struct forecast f = running(&d, id, 30 * MIN);
        assert_int_equal(f.source, pool ? FORECAST_PROGRESS : FORECAST_OWN);
        assert_int_equal(f.source_n, pool ? 0 : 10);
        assert_int_equal(f.history_n, 25);
        if (pool) {
            assert_in_range(f.p50_us, 255 * MIN, 315 * MIN); /* a tenth in half an hour is five hours */
            assert_in_range(f.p90_us, 360 * MIN, 540 * MIN);
        } else {
            assert_in_range(f.p50_us, 59 * MIN, 61 * MIN);
        }
        desk_pass(&d, 15 * MIN);
        says(&d, id, 900000); /* it went faster than that */
        f = running(&d, id, 45 * MIN);
        if (pool)
            assert_in_range(f.p90_us, 45 * MIN, 60 * MIN);
        pooled(&d, 0); /* what it has said counts no more than it would have */
        assert_in_range(running(&d, id, 45 * MIN).p50_us, 59 * MIN, 61 * MIN);
        pooled(&d, pool);
        desk_do(&d, (struct core_event){ .kind = EVENT_REQUEUE, .requeue = { .job = id, .by = 1 } });
        desk_ended(&d, id, END_STOPPED, 0);
        assert_int_equal(desk_state(&d, id), JOB_PENDING);
        assert_in_range(running(&d, id, 0).p50_us, 59 * MIN, 61 * MIN);
        desk_end(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_limit), cmocka_unit_test(test_shown_on_ticks), cmocka_unit_test(test_failures), cmocka_unit_test(test_failures_of_others),
        cmocka_unit_test(test_new_ones_count_more), cmocka_unit_test(test_progress),
    };
    return cmocka_run_group_tests_name("core_pool", tests, NULL, NULL);
}
