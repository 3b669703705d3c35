/* Short runs, while their owner is there, of jobs that wait (core/canary.h). */
#include "core_desk.h"

#include "base/buf.h"

/* Owners from 9 to 18 each day, electricity that is cheap from 18:00 on; it is 10:00. */
static void begin(struct desk *d, uint32_t gpus)
{
    struct span windows[20];
    desk_begin(d, gpus, POLICY_BLEND);
    for (int i = 0; i < 20; i++)
        windows[i] = (struct span){ DESK_START + i * 24 * HOUR + 9 * HOUR, DESK_START + i * 24 * HOUR + 18 * HOUR };
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    s.seed = 1;
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
    for (uint32_t p = 1; p <= 3; p++)
        desk_do(d, (struct core_event){ .kind = EVENT_AVAIL, .avail = {
            .person = p, .until_at = DESK_START + 20 * 24 * HOUR, .windows = windows, .windows_n = 20 } });
    struct rate night[] = { { DESK_START, 900000 }, { DESK_START + 18 * HOUR, 1000 } };
    desk_do(d, (struct core_event){ .kind = EVENT_TARIFF, .tariff = {
        .until_at = DESK_START + 20 * 24 * HOUR, .hour_milli = 30000000, .rates = night, .rates_n = 2 } });
    desk_pass(d, 10 * HOUR);
}

static struct ev_submit lengthy(void)
{
    return (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR, .canary_us = 10 * MIN, .command_key = 7,
                               .flags = JOB_CLEAN_TREE, .flex_us = 1, .retries = 2 };
}

static usec_t canary_begun(struct desk *d, job_id id)
{
    desk_decide(d);
    const struct core_update *u = desk_update(d, UPDATE_START, id);
    return u ? u->value : -1;
}

/* It may be moved into the night and never ran: its canary comes at once, in time, and then it waits, proven. */
static void test_before_the_night(void **state)
{
    static struct desk d;
    (void)state;
    begin(&d, 2);
    job_id id = desk_submit(&d, lengthy());
    assert_int_equal(desk_job(&d, id).canary, CANARY_WANTED);
    assert_int_equal(canary_begun(&d, id), 10 * MIN);
    assert_int_equal(desk_update(&d, UPDATE_STATE, id)->reason, REASON_CANARY);
    struct core_job j = desk_job(&d, id);
    assert_int_equal(j.canary, CANARY_RUNS);
    assert_int_equal(j.limit_us, 10 * MIN);
    desk_started(&d, id);
    assert_int_equal(desk_job(&d, id).reason, REASON_CANARY);
    desk_pass(&d, 10 * MIN);
    desk_ended(&d, id, END_TIME_LIMIT, 0);
    assert_int_equal(desk_update(&d, UPDATE_STATE, id)->to, JOB_PENDING);
    assert_int_equal(desk_update(&d, UPDATE_STATE, id)->reason, REASON_CANARY);
    j = desk_job(&d, id);
    assert_int_equal(j.canary, CANARY_PASSED);
    assert_int_equal(j.limit_us, 0);
    assert_int_equal(j.retries_left, 2);
    assert_int_equal(j.canaries_n, 1);
    assert_int_equal(canary_begun(&d, id), -1); /* there is room: its start is moved all the same */
    assert_int_equal(desk_job(&d, id).reason, REASON_DEFERRED);
    for (int i = 0; i < 100 && desk_state(&d, id) == JOB_PENDING; i++) {
        desk_pass(&d, 30 * MIN);
        desk_decide(&d);
    }
    assert_true(d.wall_at - DESK_START >= 17 * HOUR + 30 * MIN);
    const struct core_update *u = desk_update(&d, UPDATE_START, id);
    assert_int_equal(u->value, 0);
    assert_int_equal(u->attempt, 2);
    struct forecast f; /* ten minutes of it are in no history */
    assert_true(core_forecast(d.core, id, 0, &f));
    assert_int_equal(f.source, FORECAST_TOLD);
    assert_int_equal(core_calibration(d.core, 1).scored, 0);
    desk_end(&d);
}

/* How an attempt ends, as letters (0 well, 1 code, l lost, n never launched, t its length, o memory, b the GPU is
 * taken), and whether the job is then held. */
static void test_what_fails_is_held(void **state)
{
    static const struct { char end; enum canary_state then; uint32_t flags; } rows[] = {
        { '0', CANARY_PASSED, 0 }, { 't', CANARY_PASSED, 0 }, { '1', CANARY_FAILED, 0 }, { 'o', CANARY_FAILED, 0 },
        { 'n', CANARY_FAILED, 0 }, { 'l', CANARY_FAILED, 0 }, { 'l', CANARY_WANTED, JOB_REQUEUE }, { 'b', CANARY_WANTED, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct desk d;
        char end = rows[i].end;
        begin(&d, 2);
        struct ev_submit s = lengthy();
        s.flags |= rows[i].flags;
        job_id id = desk_submit(&d, s);
        assert_int_equal(canary_begun(&d, id), 10 * MIN);
        if (end == 'n' || end == 'b') {
            desk_do(&d, (struct core_event){ .kind = EVENT_START_FAILED, .start_failed = {
                id, 1, end == 'n' ? END_LAUNCH : END_GPU_BUSY, 0 } });
        } else {
            desk_started(&d, id);
            desk_pass(&d, MIN);
            if (end == 'l')
                desk_do(&d, (struct core_event){ .kind = EVENT_LOST, .lost = { id, 1, 0, 0 } });
            else
                desk_ended(&d, id, end == 't' ? END_TIME_LIMIT : end == 'o' ? END_OOM : END_EXIT, end == '1');
        }
        struct core_job j = desk_job(&d, id);
        assert_int_equal(j.state, JOB_PENDING);
        if (j.canary != rows[i].then || (j.reason == REASON_HELD_CANARY) != (j.canary == CANARY_FAILED))
            fail_msg("after %c: %s", end, reason_word(j.reason));
        assert_int_equal(j.retries_left, 2);
        desk_pass(&d, 9 * HOUR); /* the night */
        desk_decide(&d);
        assert_int_equal(desk_state(&d, id), j.canary == CANARY_FAILED ? JOB_PENDING : JOB_CONFIGURING);
        if (j.canary != CANARY_FAILED)
            assert_int_equal(desk_update(&d, UPDATE_START, id)->value, 0);
        if (j.canary == CANARY_FAILED) { /* mended: it may start, and is tried again while its owner is there */
            desk_do(&d, (struct core_event){ .kind = EVENT_RELEASE, .release = { id, 0, 0, 0 } });
            assert_int_equal(desk_job(&d, id).canary, CANARY_WANTED);
        }
        desk_end(&d);
    }
}

/* A trial that was stopped from outside, or whose processes are not proven gone, proves nothing and is not run again. */
static void test_ends_that_prove_nothing(void **state)
{
    static const struct { struct ev_ended ended; enum job_state to; enum reason reason; } rows[] = {
        { { 0, 1, END_STOPPED, 0, 15, 0, 0 }, JOB_CANCELLED, REASON_CANCELLED },
        { { 0, 1, END_EXIT, 0, 0, 1, 0 }, JOB_NODE_FAIL, REASON_LOST },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct desk d;
        begin(&d, 2);
        struct core_event ev = { .kind = EVENT_ENDED, .ended = rows[i].ended };
        job_id id = ev.ended.job = desk_submit(&d, lengthy());
        assert_int_equal(canary_begun(&d, id), 10 * MIN);
        desk_started(&d, id);
        desk_do(&d, (struct core_event){ .kind = EVENT_SET, .set = { id, 0, SET_LIMIT_US, HOUR, 0 } });
        assert_int_equal(d.updates_n, 0); /* the run's limit, not the trial's */
        assert_int_equal(desk_job(&d, id).limit_us, 10 * MIN);
        desk_do(&d, ev);
        assert_int_equal(desk_update(&d, UPDATE_STATE, id)->to, rows[i].to);
        assert_int_equal(desk_update(&d, UPDATE_STATE, id)->reason, rows[i].reason);
        assert_int_equal(desk_state(&d, id), JOB_NONE);
        desk_end(&d);
    }
}

/* Nobody there for it, nothing asked, not allowed, hardly longer than its trial: it starts for good. */
static void test_not_for_everybody(void **state)
{
    static struct desk d;
    (void)state;
    for (int i = 0; i < 4; i++) {
        begin(&d, 2);
        struct ev_submit s = lengthy();
        if (i == 0) /* nobody is there until it is over, the half hour after the submit included */
            s.submitter = 2, desk_pass(&d, 7 * HOUR + 55 * MIN);
        s.canary_us = i == 1 ? 0 : s.canary_us;
        s.estimate_us = i == 2 ? 9 * MIN : s.estimate_us;
        if (i == 3) {
            struct ev_settings no = CORE_SETTINGS_DEFAULT;
            no.canary = 0;
            desk_do(&d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = no });
        }
        job_id id = desk_submit(&d, s);
        assert_int_equal(canary_begun(&d, id), 0);
        desk_end(&d);
    }
}

/* One task of an array stands for all; who waits for its start is not begun by it. */
static void test_one_for_an_array(void **state)
{
    static struct desk d;
    static const struct range three = { 1, 3, 1 };
    (void)state;
    for (int fails = 0; fails < 2; fails++) {
        begin(&d, 2);
        job_id day = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 1, .estimate_us = 20 * HOUR });
        desk_decide(&d);
        desk_started(&d, day);
        /* The second GPU is free, and kept for whoever wants both: they come when the first ends. */
        struct ev_submit s = lengthy();
        s.gpus = 2, s.owner = 3, s.canary_us = 0, s.flex_us = 0, s.estimate_us = HOUR;
        job_id wide = desk_submit(&d, s);
        desk_do(&d, (struct core_event){ .kind = EVENT_FIRST, .first = { wide, 0, 0 } });
        s = lengthy();
        s.tasks = &three, s.tasks_n = 1, s.estimate_us = 40 * HOUR, s.flex_us = 0;
        job_id array = desk_submit(&d, s);
        struct dep after = { .kind = DEP_AFTER, .job = array };
        job_id behind = desk_submit(&d, (struct ev_submit){ .gpus = 1, .owner = 2, .deps = &after, .deps_n = 1 });
        desk_decide(&d);
        uint32_t canaries = 0;
        job_id tried = 0;
        for (job_id id = array; id < array + 3; id++)
            if (desk_update(&d, UPDATE_START, id) && desk_update(&d, UPDATE_START, id)->value)
                canaries++, tried = id;
        assert_int_equal(canaries, 1);
        desk_started(&d, tried);
        assert_int_equal(desk_job(&d, behind).reason, REASON_DEPENDENCY);
        desk_decide(&d);
        assert_int_equal(desk_count(&d, UPDATE_START), 0);
        desk_pass(&d, MIN);
        desk_ended(&d, tried, END_EXIT, fails);
        for (job_id id = array; id < array + 3; id++)
            assert_int_equal(desk_job(&d, id).canary, fails ? CANARY_FAILED : CANARY_PASSED);
        assert_int_equal(core_count(d.core).held, fails ? 3 : 0);
        desk_end(&d);
    }
}

/* Its end is not put off by a new limit, it makes way for nobody, and cancelling it ends the job. */
static void test_it_is_short(void **state)
{
    static struct desk d;
    (void)state;
    begin(&d, 2);
    struct ev_submit s = lengthy();
    s.preempt = PREEMPT_CHECKPOINT, s.flex_us = 0;
    job_id big = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 1, .estimate_us = 30 * HOUR });
    desk_decide(&d);
    desk_started(&d, big);
    s.preempt = PREEMPT_NEVER, s.flex_us = 1;
    job_id id = desk_submit(&d, s);
    assert_int_equal(canary_begun(&d, id), 10 * MIN);
    desk_started(&d, id);
    desk_do(&d, (struct core_event){ .kind = EVENT_SET, .set = { id, 0, SET_LIMIT_US, 30 * HOUR } });
    assert_int_equal(desk_count(&d, UPDATE_LIMIT), 0);
    assert_int_equal(desk_job(&d, id).limit_us, 10 * MIN);
    desk_do(&d, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { .job = id, .by = 1 } });
    desk_ended(&d, id, END_STOPPED, 0);
    assert_int_equal(desk_state(&d, id), JOB_NONE);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_the_night),    cmocka_unit_test(test_what_fails_is_held), cmocka_unit_test(test_ends_that_prove_nothing),
        cmocka_unit_test(test_not_for_everybody),   cmocka_unit_test(test_one_for_an_array),
        cmocka_unit_test(test_it_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
