/* test_core_calibrate.c - forecasts are scored, and starts are moved later only while they hold (calibrate.h). */
#include "core_desk.h"

static void begin(struct desk *d, uint32_t defer)
{
    desk_begin(d, 4, POLICY_BLEND);
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    s.defer = defer;
    s.estimates = ESTIMATES_TOLD;
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
    desk_do(d, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = 1, .defer = 1 } });
    desk_hours(d, 1, 9, 18);
    desk_hours(d, 2, 9, 18);
}

/* A run that was told to take an hour, and takes this long. */
static void run(struct desk *d, uint32_t owner, usec_t takes_us, usec_t limit_us)
{
    job_id id = desk_submit(d, (struct ev_submit){ .owner = owner, .command_key = 7, .gpus = 1, .estimate_us = HOUR,
                                                   .limit_us = limit_us, .flags = JOB_NOW });
    desk_decide(d);
    assert_int_equal(desk_state(d, id), JOB_CONFIGURING);
    desk_started(d, id);
    desk_pass(d, takes_us);
    desk_ended(d, id, limit_us && takes_us >= limit_us ? END_TIME_LIMIT : END_EXIT, 0);
}

static void counts(struct desk *d, person_no who, uint32_t scored, uint32_t inside)
{
    struct core_calibration c = core_calibration(d->core, who);
    assert_int_equal(c.scored, scored);
    assert_int_equal(c.inside, inside);
}

static void test_scores(void **state)
{
    (void)state;
    struct desk d;
    begin(&d, 1);
    counts(&d, 1, 0, 0);
    run(&d, 1, 59 * MIN, 0);
    counts(&d, 1, 1, 1);
    run(&d, 1, 61 * MIN, 0);
    counts(&d, 1, 2, 1);
    run(&d, 2, 30 * MIN, 0);
    counts(&d, 1, 2, 1);
    counts(&d, 0, 3, 2);
    run(&d, 2, 20 * MIN, 20 * MIN); /* its limit ends it, as the forecast, cut there, said */
    counts(&d, 2, 2, 2);
    run(&d, 2, 2 * HOUR, 2 * HOUR); /* ... which it did not */
    counts(&d, 2, 3, 2);
    job_id failed = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 1, .estimate_us = HOUR, .flags = JOB_NOW });
    desk_decide(&d);
    desk_started(&d, failed);
    desk_ended(&d, failed, END_EXIT, 3); /* says nothing about how long it takes */
    counts(&d, 2, 3, 2);
    desk_end(&d);
}

/* The last 200 count: what is older goes, one by one. */
static void test_the_last_count(void **state)
{
    (void)state;
    struct desk d;
    begin(&d, 1);
    for (int i = 0; i < 10; i++)
        run(&d, 1, 2 * HOUR, 0);
    for (int i = 0; i < 195; i++)
        run(&d, 1, MIN, 0);
    counts(&d, 1, 200, 195);
    for (int i = 0; i < 5; i++)
        run(&d, 1, MIN, 0);
    counts(&d, 1, 200, 200);
    desk_end(&d);
}

static job_id evening(struct desk *d)
{
    d->wall_at = (d->wall_at / USEC_PER_DAY + 1) * USEC_PER_DAY + 19 * HOUR;
    desk_hours(d, 2, 9, 22); /* somebody else is there until ten and may want a GPU any minute */
    return desk_submit(d, (struct ev_submit){ .owner = 1, .command_key = 7, .gpus = 1, .estimate_us = HOUR,
                                              .flags = JOB_CLEAN_TREE });
}

/* Its owner agreed and is away until the morning; while forecasts hold, the start is moved. */
static void moved_while_they_hold(bool hold)
{
    struct desk d;
    begin(&d, 1);
    for (int i = 0; i < 20; i++)
        run(&d, 1, hold || i % 2 ? 30 * MIN : 90 * MIN, 0);
    assert_int_equal(core_calibration(d.core, 1).holds, hold);
    job_id id = evening(&d);
    desk_pass(&d, HOUR); /* the half hour of presence after a submit is over */
    desk_decide(&d);
    assert_int_equal(desk_state(&d, id), hold ? JOB_PENDING : JOB_CONFIGURING);
    desk_end(&d);
}

static void test_moved_while_they_hold(void **state)
{
    (void)state;
    moved_while_they_hold(true);
    moved_while_they_hold(false);
}

/* A start that was moved, and a run longer than anybody thought: the morning is missed, and counted. */
static void missed(usec_t takes_us, uint32_t want)
{
    struct desk d;
    usec_t wall_at, boot_at;
    begin(&d, 1);
    for (int i = 0; i < 20; i++)
        run(&d, 1, 30 * MIN, 0);
    job_id id = evening(&d);
    desk_pass(&d, HOUR);
    for (int i = 0; i < 200 && desk_state(&d, id) == JOB_PENDING; i++) {
        desk_decide(&d);
        core_deadline(d.core, &wall_at, &boot_at);
        if (desk_state(&d, id) == JOB_PENDING)
            desk_pass(&d, usec_max(wall_at - d.wall_at, 1));
    }
    assert_int_equal(desk_state(&d, id), JOB_CONFIGURING);
    desk_started(&d, id);
    desk_pass(&d, takes_us);
    desk_ended(&d, id, END_EXIT, 0);
    struct core_calibration c = core_calibration(d.core, 1);
    assert_int_equal(c.moved, 1);
    assert_int_equal(c.missed, want);
    desk_end(&d);
}

static void test_missed_mornings(void **state)
{
    (void)state;
    missed(HOUR, 0);
    missed(12 * HOUR, 1);
}

static usec_t p90_of_next(struct desk *d, uint32_t owner)
{
    struct forecast f;
    job_id id = desk_submit(d, (struct ev_submit){ .owner = owner, .command_key = 7, .gpus = 1, .estimate_us = HOUR, .flags = JOB_HELD });
    assert_true(core_forecast(d->core, id, 0, &f));
    assert_true(f.p10_us <= f.p50_us && f.p50_us <= f.p90_us);
    return f.p90_us;
}

static void test_saved(void **state)
{
    (void)state;
    struct desk d;
    struct buf b;
    struct core_limits limits;
    begin(&d, 1);
    for (int i = 0; i < 70; i++)
        run(&d, 1, i % 3 ? MIN : 90 * MIN, 0);
    evening(&d);
    desk_pass(&d, HOUR);
    desk_decide(&d);
    buf_init(&b, 1 << 20);
    core_save(d.core, &b);
    assert_int_equal(core_load_limits(buf_look(&b), &limits, NULL), 0);
    void *block = aligned_alloc(16, core_size(&limits));
    struct core *again = core_init(block, core_size(&limits), &limits);
    assert_int_equal(core_load(again, buf_look(&b), NULL), 0);
    assert_true(core_hash(again) == core_hash(d.core));
    struct core_calibration x = core_calibration(d.core, 1), y = core_calibration(again, 1);
    assert_true(x.scored == 70 && x.scored == y.scored && x.inside == y.inside && x.holds == y.holds);
    usec_t p90_us = p90_of_next(&d, 1);
    assert_true(p90_us > HOUR); /* one in three took longer */
    free(d.core);
    d.core = again;
    assert_int_equal(p90_of_next(&d, 1), p90_us);
    buf_finish(&b);
    desk_end(&d);
}

/* Thirty runs of a person, one in five of them twice as long as said: nine of ten is twice as long, and the middle stays. */
static void test_runs_widen(void **state)
{
    (void)state;
    struct desk d;
    struct forecast f;
    begin(&d, 1);
    for (int i = 0; i < 30; i++)
        run(&d, 1, i % 5 ? HOUR : 2 * HOUR, 0);
    assert_in_range(p90_of_next(&d, 1), 119 * MIN, 121 * MIN);
    assert_true(core_forecast(d.core, core_last_id(d.core), 0, &f));
    assert_int_equal(f.p50_us, HOUR);
    for (int i = 0; i < 30; i++)
        run(&d, 2, HOUR / 4, 0); /* theirs are shorter: the middle comes nearer, but never the 90 % point */
    assert_int_equal(p90_of_next(&d, 2), HOUR);
    assert_true(core_forecast(d.core, core_last_id(d.core), 0, &f));
    assert_in_range(f.p50_us, 14 * MIN, 16 * MIN);
    assert_in_range(p90_of_next(&d, 1), 119 * MIN, 121 * MIN); /* each has their own */
    desk_end(&d);
}

static void test_not_widened_when_not_asked(void **state)
{
    (void)state;
    struct desk d;
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    begin(&d, 1);
    s.calibrate = 1;
    s.estimates = ESTIMATES_TOLD;
    desk_do(&d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
    for (int i = 0; i < 30; i++)
        run(&d, 1, 2 * HOUR, 0);
    assert_int_equal(p90_of_next(&d, 1), HOUR);
    desk_end(&d);
}

/* Somebody else has all GPUs, for an hour as they said, or longer; who waits for them then runs for an hour. */
static void wait_for(struct desk *d, usec_t takes_us)
{
    struct ev_submit all = { .owner = 2, .gpus = 4, .estimate_us = HOUR, .flags = JOB_NOW };
    job_id first = desk_submit(d, all);
    desk_decide(d);
    desk_started(d, first);
    all.owner = 1;
    job_id waits = desk_submit(d, all);
    desk_decide(d);
    desk_pass(d, takes_us);
    desk_ended(d, first, END_EXIT, 0);
    desk_decide(d);
    assert_int_equal(desk_state(d, waits), JOB_CONFIGURING);
    desk_started(d, waits);
    desk_pass(d, HOUR);
    desk_ended(d, waits, END_EXIT, 0);
}

/* A plan that says an hour of waiting, and one in three waits three: so does the next forecast, and its middle stays an hour. */
static void test_waits_widen(void **state)
{
    (void)state;
    struct desk d;
    begin(&d, 1);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < (round ? 30 : 0); i++)
            wait_for(&d, i % 3 ? HOUR : 3 * HOUR);
        job_id first = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 4, .estimate_us = HOUR, .flags = JOB_NOW });
        desk_decide(&d);
        desk_started(&d, first);
        job_id waits = desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 4, .estimate_us = HOUR, .flags = JOB_NOW });
        struct desk_plan p = desk_plan(&d);
        const struct plan_row *row = desk_row(&p, waits);
        usec_t at = d.wall_at;
        assert_int_equal(row->start_at - at, HOUR);
        assert_in_range(row->end_p50_at - at, 2 * HOUR - MIN, 2 * HOUR + 5 * MIN);
        if (round == 0) {
            assert_int_equal(row->start_p90_at - at, HOUR);
            assert_int_equal(row->end_p90_at - at, 2 * HOUR);
        } else {
            assert_in_range(row->start_p90_at - at, 170 * MIN, 190 * MIN);
            assert_in_range(row->end_p90_at - at, 230 * MIN, 250 * MIN);
        }
        assert_true(row->eyes_late_at >= row->end_p90_at && row->eyes_late_at >= row->eyes_at);
        free(p.scratch);
        desk_ended(&d, first, END_EXIT, 0);
        desk_do(&d, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { .job = waits } });
    }
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores), cmocka_unit_test(test_the_last_count),
        cmocka_unit_test(test_moved_while_they_hold), cmocka_unit_test(test_missed_mornings),
        cmocka_unit_test(test_saved),
        cmocka_unit_test(test_runs_widen), cmocka_unit_test(test_not_widened_when_not_asked), cmocka_unit_test(test_waits_widen),
    };
    return cmocka_run_group_tests_name("core_calibrate", tests, NULL, NULL);
}
