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
    free(block);
    buf_finish(&b);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores), cmocka_unit_test(test_the_last_count),
        cmocka_unit_test(test_moved_while_they_hold), cmocka_unit_test(test_missed_mornings),
        cmocka_unit_test(test_saved),
    };
    return cmocka_run_group_tests_name("core_calibrate", tests, NULL, NULL);
}
