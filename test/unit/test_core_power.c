/* test_core_power.c - watts under a cap (power.h). */
#include "core_desk.h"

static void cap(struct desk *d, const struct cap *caps, uint32_t n)
{
    desk_do(d, (struct core_event){ .kind = EVENT_POWER, .power = { .until_at = d->wall_at + 14 * USEC_PER_DAY,
        .caps = caps, .caps_n = n } });
}

static void cap_of(struct desk *d, int64_t w) { cap(d, &(struct cap){ d->wall_at, w * 1000 }, 1); }

static void begin(struct desk *d, uint32_t gpus, uint32_t moves)
{
    desk_begin(d, gpus, POLICY_BLEND);
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    s.search_moves = moves;
    s.bounded = 0;
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
}

static enum reason why(struct desk *d, job_id id, struct explanation *ret)
{
    struct desk_plan p = desk_plan(d);
    assert_int_equal(core_explain(d->core, id, &p.plan, ret), 0);
    free(p.scratch);
    return ret->reason;
}

static job_id one(struct desk *d, uint32_t command, int64_t w, usec_t limit_us)
{
    return desk_submit(d, (struct ev_submit){ .gpus = 1, .command_key = command, .watts_mw = w * 1000, .limit_us = limit_us,
                                              .estimate_us = limit_us });
}

static uint32_t watts(struct desk *d, job_id id)
{
    struct core_watts w;
    assert_true(core_watts(d->core, id, &w));
    return w.w;
}

/* Four GPUs, 1000 W: two jobs of 400 W run, the third waits for one of them, a fourth of 200 W starts beside. */
static void jobs_wait_for_watts(uint32_t moves)
{
    struct desk d;
    struct explanation x;
    begin(&d, 4, moves);
    cap_of(&d, 1000);
    job_id a = one(&d, 1, 400, 2 * HOUR), b = one(&d, 2, 400, 3 * HOUR);
    desk_decide(&d);
    desk_started(&d, a);
    desk_started(&d, b);
    job_id c = one(&d, 3, 400, HOUR), e = one(&d, 4, 200, HOUR);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, c), JOB_PENDING);
    assert_int_equal(desk_state(&d, e), JOB_CONFIGURING);
    assert_int_equal(why(&d, c, &x), REASON_POWER);
    assert_int_equal(desk_job(&d, c).reason, REASON_POWER);
    assert_int_equal(x.need_w, 400);
    assert_int_equal(x.used_w, 1000);
    assert_int_equal(x.cap_w, 1000);
    assert_true(x.free_gpus == 1);
    struct desk_plan p = desk_plan(&d);
    usec_t start_at = desk_row(&p, c)->start_at;
    assert_true(start_at >= d.wall_at + HOUR && start_at <= d.wall_at + 2 * HOUR);
    free(p.scratch);
    struct core_power_use use = core_power_use(d.core, d.wall_at);
    assert_int_equal(use.booked_w, 1000);
    desk_pass(&d, HOUR);
    desk_ended(&d, a, END_EXIT, 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, c), JOB_CONFIGURING);
    desk_end(&d);
}

static void test_jobs_wait_for_watts(void **state)
{
    (void)state;
    jobs_wait_for_watts(0);
    jobs_wait_for_watts(8);
}

/* The first that does not fit for power has a reservation that sees watts: what would still hold them then waits. */
static void test_reservation_sees_watts(void **state)
{
    (void)state;
    struct desk d;
    struct explanation x;
    desk_begin(&d, 4, POLICY_EASY);
    cap_of(&d, 1000);
    job_id a = one(&d, 1, 600, 2 * HOUR);
    desk_decide(&d);
    desk_started(&d, a);
    job_id wide = one(&d, 2, 900, HOUR);
    job_id longer = one(&d, 3, 300, 5 * HOUR), shorter = one(&d, 4, 300, HOUR);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, wide), JOB_PENDING);
    assert_int_equal(desk_state(&d, longer), JOB_PENDING); /* 300 + 900 W would be too much then */
    assert_int_equal(desk_state(&d, shorter), JOB_CONFIGURING);
    assert_int_equal(why(&d, wide, &x), REASON_POWER);
    assert_int_equal(x.blocker, a);
    job_id little = one(&d, 5, 100, 5 * HOUR); /* 100 + 900 W are not */
    desk_decide(&d);
    assert_int_equal(desk_state(&d, little), JOB_CONFIGURING);
    desk_end(&d);
}

/* What it says, else what its last runs took, else what its GPUs take; the last of these is booked while it runs. */
static void test_where_watts_come_from(void **state)
{
    (void)state;
    struct desk d;
    struct core_watts w;
    begin(&d, 2, 0);
    desk_do(&d, (struct core_event){ .kind = EVENT_GPU, .gpu = { 0, 1, GPU_UP, 450000 } });
    desk_do(&d, (struct core_event){ .kind = EVENT_GPU, .gpu = { 1, 1, GPU_UP, 450000 } });
    cap_of(&d, 2000);
    for (int64_t i = 1; i <= 12; i++) {
        job_id id = one(&d, 7, 0, HOUR);
        assert_true(core_watts(d.core, id, &w));
        assert_int_equal(w.source, i == 1 ? POWER_FULL : POWER_HISTORY);
        /* of 100, 110, ...: of fewer than ten the most, of the last ten the ninth */
        assert_int_equal(w.w, i == 1 ? 450 : i <= 10 ? 90 + 10 * (i - 1) : 70 + 10 * i);
        desk_decide(&d);
        desk_started(&d, id);
        uint32_t booked = watts(&d, id);
        assert_int_equal(core_power_use(d.core, d.wall_at).booked_w, booked);
        desk_pass(&d, 10 * MIN);
        desk_do(&d, (struct core_event){ .kind = EVENT_ENDED, .ended = { .job = id, .attempt = 1, .cause = END_EXIT,
            .watts_mw = (90 + 10 * i) * 1000 - 500 } });
        assert_int_equal(core_power_use(d.core, d.wall_at).booked_w, 0);
    }
    job_id told = one(&d, 7, 123, HOUR);
    assert_true(core_watts(d.core, told, &w));
    assert_int_equal(w.source, POWER_TOLD);
    assert_int_equal(w.w, 123);
    desk_end(&d);
}

/* What can never fit is refused at once, with the reason; a cap that is raised lets it in. */
static void test_never_fits(void **state)
{
    (void)state;
    struct desk d;
    begin(&d, 4, 0);
    cap_of(&d, 500);
    struct core_event ev = { .kind = EVENT_SUBMIT, .submit = { .job = 1, .owner = 1, .submitter = 1, .cpus = 1, .gpus = 2 } };
    struct err err = { 0 };
    assert_int_equal(core_check(d.core, &ev, &err), E_TOO_LARGE);
    assert_string_equal(err.text, "2 such GPUs take 600 W at full load; the power cap is 500 W, so it could never start. Say "
                                  "with --watts what it takes if that is less.");
    ev.submit.watts_mw = 501000;
    assert_int_equal(core_check(d.core, &ev, &err), E_TOO_LARGE);
    assert_string_equal(err.text, "This job is said to take 501 W; the power cap is 500 W, so it could never start.");
    ev.submit.watts_mw = 500000;
    assert_int_equal(core_check(d.core, &ev, &err), 0);
    struct cap day[2] = { { d.wall_at, 500000 }, { d.wall_at + HOUR, 700000 } };
    ev.submit.watts_mw = 0;
    cap(&d, day, 2);
    assert_int_equal(core_check(d.core, &ev, &err), 0);
    /* In line already when the cap falls: it waits for power, and nobody waits for it. */
    job_id wide = desk_submit(&d, (struct ev_submit){ .gpus = 2 });
    struct explanation x;
    cap_of(&d, 500);
    job_id small = one(&d, 2, 0, HOUR);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, small), JOB_CONFIGURING);
    assert_int_equal(why(&d, wide, &x), REASON_POWER);
    assert_true(x.start_at == USEC_NEVER);
    assert_true(x.need_w > x.cap_w);
    cap(&d, NULL, 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, wide), JOB_CONFIGURING);
    desk_end(&d);
}

/* By day 500 W, by night 1000: what might still run then does not begin, and begins when the night does. */
static void lower_by_day(uint32_t moves)
{
    struct desk d;
    struct explanation x;
    usec_t wall_at, boot_at;
    begin(&d, 4, moves);
    usec_t morning = d.wall_at + 6 * HOUR, evening = d.wall_at + 18 * HOUR;
    struct cap caps[3] = { { d.wall_at, 1000000 }, { morning, 500000 }, { evening, 1000000 } };
    cap(&d, caps, 3);
    job_id into_the_day = one(&d, 1, 500, 9 * HOUR), in_time = one(&d, 2, 500, 5 * HOUR);
    desk_decide(&d);
    desk_started(&d, into_the_day);
    desk_started(&d, in_time);
    job_id wide = one(&d, 3, 800, 2 * HOUR);
    desk_pass(&d, 5 * HOUR);
    desk_ended(&d, in_time, END_EXIT, 0);
    job_id too_long = one(&d, 4, 300, 4 * HOUR), short_enough = one(&d, 5, 300, 30 * MIN);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, too_long), JOB_PENDING);
    assert_int_equal(desk_state(&d, short_enough), JOB_CONFIGURING);
    assert_int_equal(why(&d, too_long, &x), REASON_POWER);
    struct desk_plan p = desk_plan(&d);
    assert_true(desk_row(&p, wide)->start_at >= evening);
    assert_true(desk_row(&p, too_long)->start_at > morning);
    free(p.scratch);
    desk_started(&d, short_enough);
    desk_pass(&d, 30 * MIN);
    desk_ended(&d, short_enough, END_EXIT, 0);
    desk_pass(&d, 3 * HOUR + 30 * MIN);
    desk_ended(&d, into_the_day, END_EXIT, 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, too_long), JOB_CONFIGURING);
    assert_int_equal(desk_state(&d, wide), JOB_PENDING);
    desk_started(&d, too_long);
    desk_pass(&d, 4 * HOUR);
    desk_ended(&d, too_long, END_EXIT, 0);
    desk_decide(&d);
    core_deadline(d.core, &wall_at, &boot_at);
    assert_true(wall_at <= evening);
    desk_pass(&d, evening - d.wall_at);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, wide), JOB_CONFIGURING);
    desk_end(&d);
}

static void test_lower_by_day(void **state)
{
    (void)state;
    lower_by_day(0);
    lower_by_day(8);
}

/* Others' GPUs count with their full load. */
static void test_others_take_power(void **state)
{
    (void)state;
    struct desk d;
    begin(&d, 4, 0);
    cap_of(&d, 700);
    desk_do(&d, (struct core_event){ .kind = EVENT_GPU, .gpu = { 3, 1, GPU_FOREIGN, 350000 } });
    job_id a = one(&d, 1, 300, HOUR), b = one(&d, 2, 300, HOUR);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, a) == JOB_CONFIGURING, desk_state(&d, b) == JOB_PENDING);
    assert_int_equal(core_power_use(d.core, d.wall_at).foreign_w, 350);
    desk_do(&d, (struct core_event){ .kind = EVENT_GPU, .gpu = { 3, 1, GPU_UP, 350000 } });
    desk_decide(&d);
    assert_int_equal(desk_count(&d, UPDATE_START), 1);
    desk_end(&d);
}

/* Whoever may make way makes room of watts as of GPUs; a cap that falls alone stops nobody. */
static void test_making_way_for_watts(void **state)
{
    (void)state;
    struct desk d;
    begin(&d, 4, 0);
    cap_of(&d, 1000);
    job_id slow = desk_submit(&d, (struct ev_submit){ .gpus = 1, .watts_mw = 700000, .estimate_us = 40 * HOUR, .owner = 2,
                                                      .preempt = PREEMPT_CHECKPOINT });
    desk_decide(&d);
    desk_started(&d, slow);
    desk_pass(&d, HOUR);
    cap_of(&d, 600);
    desk_decide(&d);
    assert_null(desk_update(&d, UPDATE_STOP, slow));
    cap_of(&d, 1000);
    job_id quick = one(&d, 3, 600, 10 * MIN);
    desk_decide(&d);
    assert_non_null(desk_update(&d, UPDATE_STOP, slow));
    desk_ended(&d, slow, END_STOPPED, 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, quick), JOB_CONFIGURING);
    assert_int_equal(desk_state(&d, slow), JOB_PENDING);
    desk_end(&d);
}

/* Saved and loaded it is the same, books and history included. */
static void test_kept(void **state)
{
    (void)state;
    struct desk d;
    begin(&d, 4, 0);
    struct cap caps[2] = { { d.wall_at, 1000000 }, { d.wall_at + 10 * HOUR, 500000 } };
    cap(&d, caps, 2);
    job_id past = one(&d, 7, 0, HOUR);
    desk_decide(&d);
    desk_started(&d, past);
    desk_pass(&d, MIN);
    desk_do(&d, (struct core_event){ .kind = EVENT_ENDED, .ended = { .job = past, .attempt = 1, .cause = END_EXIT,
        .watts_mw = 211000 } });
    job_id a = one(&d, 7, 0, HOUR), b = one(&d, 1, 900, HOUR);
    desk_decide(&d);
    desk_started(&d, a);
    struct buf saved;
    struct core_limits limits;
    struct err err = { 0 };
    buf_init(&saved, 1 << 20);
    core_save(d.core, &saved);
    assert_int_equal(core_load_limits(buf_look(&saved), &limits, &err), 0);
    size_t size = core_size(&limits);
    struct core *again = core_init(aligned_alloc(16, size), size, &limits);
    assert_int_equal(core_load(again, buf_look(&saved), &err), 0);
    assert_true(core_hash(again) == core_hash(d.core));
    assert_null(core_broken(again));
    assert_int_equal(core_power_use(again, d.wall_at).booked_w, 211);
    assert_int_equal(core_power(again).caps_n, 2);
    struct core_watts w;
    assert_true(core_watts(again, b, &w));
    assert_int_equal(w.w, 900);
    buf_finish(&saved);
    free(again);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_wait_for_watts), cmocka_unit_test(test_reservation_sees_watts),
        cmocka_unit_test(test_where_watts_come_from), cmocka_unit_test(test_never_fits),
        cmocka_unit_test(test_lower_by_day), cmocka_unit_test(test_others_take_power),
        cmocka_unit_test(test_making_way_for_watts), cmocka_unit_test(test_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
