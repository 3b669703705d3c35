/* test_core_quota.c - what a person or an account may have: GPUs at once, GPU-hours in some days (quota.h). */
#include "core_desk.h"

#include "core/quota.h"

#define DAY USEC_PER_DAY

static void begin(struct desk *d, uint32_t moves)
{
    desk_begin(d, 4, POLICY_BLEND);
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    s.estimates = ESTIMATES_TOLD;
    s.search_moves = moves;
    s.defer = 0;
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
}

static void account(struct desk *d, uint32_t no, uint32_t gpus, uint32_t hours, uint32_t days)
{
    desk_do(d, (struct core_event){ .kind = EVENT_ACCOUNT, .account = {
        .account = no, .gpus_max = gpus, .quota_hours = hours, .quota_days = days } });
}

static job_id job(struct desk *d, uint32_t owner, uint32_t no, uint32_t gpus, usec_t estimate_us)
{
    return desk_submit(d, (struct ev_submit){ .owner = owner, .account = no, .gpus = gpus, .estimate_us = estimate_us });
}

static struct explanation why(struct desk *d, job_id id)
{
    struct explanation x;
    struct desk_plan p = desk_plan(d);
    assert_int_equal(core_explain(d->core, id, &p.plan, &x), 0);
    free(p.scratch);
    return x;
}

/* Two GPUs for the account, whoever asks; nobody else stands behind what it holds. */
static void gpus_at_once(uint32_t moves)
{
    static struct desk d;
    begin(&d, moves);
    account(&d, 1, 2, 0, 0);
    job_id first = job(&d, 1, 1, 1, 3 * HOUR), wide = job(&d, 2, 1, 2, HOUR), second = job(&d, 2, 1, 1, 2 * HOUR);
    job_id third = job(&d, 1, 1, 1, 3 * HOUR), free_of_it = job(&d, 1, 0, 1, 9 * HOUR), other = job(&d, 3, 2, 1, 9 * HOUR);
    desk_decide(&d);
    for (int i = 0; i < 3; i++) { /* as the daemon would, after each start */
        for (job_id id = first; id <= other; id++)
            if (desk_state(&d, id) == JOB_CONFIGURING)
                desk_started(&d, id);
        desk_decide(&d);
    }
    assert_int_equal(core_account_quota(d.core, 1).gpus, 2);
    assert_int_equal(desk_state(&d, free_of_it), JOB_RUNNING);
    assert_int_equal(desk_state(&d, other), JOB_RUNNING);
    uint32_t waiting = 0;
    for (job_id id = first; id <= third; id++) {
        if (desk_state(&d, id) != JOB_PENDING)
            continue;
        struct explanation x = why(&d, id);
        assert_int_equal(x.reason, REASON_ACCOUNT_GPUS);
        assert_int_equal(x.account, 1);
        assert_int_equal(x.limit, 2);
        assert_int_equal(x.used, 2);
        assert_true(x.blocker && desk_job(&d, x.blocker).account == 1);
        assert_true(x.start_at > d.wall_at && x.start_at <= d.wall_at + 9 * HOUR);
        waiting++;
    }
    (void)wide;
    (void)second;
    assert_true(waiting >= 1);
    account(&d, 1, 1, 0, 0); /* less than it has: what runs goes on */
    desk_decide(&d);
    assert_int_equal(core_account_quota(d.core, 1).gpus, 2);
    desk_end(&d);
}

static void test_gpus_at_once(void **state)
{
    (void)state;
    gpus_at_once(0);
    gpus_at_once(8);
}

/* The widest in line is held by its account: nobody waits for it, and it has no reservation. */
static void test_holds_no_reservation(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d, 0);
    account(&d, 1, 2, 0, 0);
    job_id busy = job(&d, 3, 0, 2, 2 * HOUR), held = job(&d, 1, 1, 4, HOUR), behind = job(&d, 2, 0, 2, 50 * HOUR);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, busy), JOB_CONFIGURING);
    assert_int_equal(desk_state(&d, held), JOB_PENDING);
    assert_int_equal(desk_state(&d, behind), JOB_CONFIGURING);
    assert_int_equal(why(&d, held).reason, REASON_ACCOUNT_GPUS);
    assert_int_equal(why(&d, held).start_at, USEC_NEVER); /* four at once it never gets */
    desk_end(&d);
}

static void run(struct desk *d, job_id id, usec_t us)
{
    desk_decide(d);
    assert_int_equal(desk_state(d, id), JOB_CONFIGURING);
    desk_started(d, id);
    desk_pass(d, us);
    desk_ended(d, id, END_EXIT, 0);
}

/* 20 GPU-hours in three days, of an account or a person: used up they hold starts until the day that used them is out. */
static void hours(bool of_person)
{
    static struct desk d;
    begin(&d, 0);
    if (of_person)
        desk_do(&d, (struct core_event){ .kind = EVENT_PERSON,
                                         .person = { .person = 1, .quota_hours = 20, .quota_days = 3 } });
    else
        account(&d, 1, 0, 20, 3);
    run(&d, job(&d, 1, !of_person, 2, 5 * HOUR), 5 * HOUR); /* 10, on the first day */
    job_id runs = job(&d, 1, !of_person, 1, 30 * HOUR);
    desk_decide(&d);
    desk_started(&d, runs);
    desk_pass(&d, 10 * HOUR); /* and 10 that run */
    job_id held = job(&d, 1, !of_person, 1, HOUR), other = job(&d, 2, 0, 1, HOUR);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, runs), JOB_RUNNING);
    assert_int_equal(desk_state(&d, other), JOB_CONFIGURING);
    struct explanation x = why(&d, held);
    assert_int_equal(x.reason, REASON_QUOTA_HOURS);
    assert_int_equal(x.account, !of_person);
    assert_int_equal(x.limit, 20);
    assert_int_equal(x.used, 20);
    assert_int_equal(x.quota_days, 3);
    assert_int_equal(x.change_at, DESK_START + 3 * DAY);
    assert_int_equal(x.start_at, DESK_START + 3 * DAY);
    desk_started(&d, other);
    desk_ended(&d, other, END_EXIT, 0);
    desk_ended(&d, runs, END_EXIT, 0);
    usec_t wall_at, boot_at;
    core_deadline(d.core, &wall_at, &boot_at);
    assert_int_equal(wall_at, DESK_START + DAY);
    d.boot_at += DESK_START + 3 * DAY - 1 - d.wall_at;
    d.wall_at = DESK_START + 3 * DAY - 1;
    desk_decide(&d);
    assert_int_equal(desk_state(&d, held), JOB_PENDING);
    desk_pass(&d, 1);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, held), JOB_CONFIGURING);
    desk_end(&d);
}

/* A run that is somebody else's from now on: the quota it used up is free again, and the other's may be used up. */
static void test_changes_hands(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d, 0);
    for (uint32_t i = 1; i <= 2; i++)
        desk_do(&d, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = i, .quota_hours = 20, .quota_days = 3 } });
    job_id runs = job(&d, 1, 0, 3, 10 * HOUR);
    desk_decide(&d);
    desk_started(&d, runs);
    desk_pass(&d, 7 * HOUR);
    job_id waits = job(&d, 1, 0, 1, HOUR);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, waits), JOB_PENDING);
    desk_do(&d, (struct core_event){ .kind = EVENT_SET, .set = { runs, 0, SET_OWNER, 2, 0 } });
    job_id others = job(&d, 2, 0, 1, HOUR);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, waits), JOB_CONFIGURING);
    assert_int_equal(desk_state(&d, others), JOB_PENDING);
    assert_int_equal(why(&d, others).reason, REASON_QUOTA_HOURS);
    desk_end(&d);
}

static void test_hours(void **state)
{
    (void)state;
    hours(false);
    hours(true);
}

/* An attempt counts in the days in which it ran. */
static void test_days(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d, 0);
    account(&d, 1, 0, 1000, 2);
    desk_pass(&d, 20 * HOUR);
    run(&d, job(&d, 1, 1, 3, 10 * HOUR), 10 * HOUR); /* four hours on the first day, six on the second */
    assert_int_equal(core_account_quota(d.core, 1).used_us, 30 * HOUR);
    desk_pass(&d, DAY);
    desk_decide(&d);
    assert_int_equal(core_account_quota(d.core, 1).used_us, 18 * HOUR);
    desk_pass(&d, DAY);
    desk_decide(&d);
    assert_int_equal(core_account_quota(d.core, 1).used_us, 0);
    d.wall_at -= 5 * DAY; /* the clock goes back: what is used then is of the last day that was kept */
    run(&d, job(&d, 1, 1, 1, HOUR), HOUR);
    assert_int_equal(core_account_quota(d.core, 1).used_us, 31 * HOUR);
    desk_end(&d);
}

/* Accounts and persons that may have what there is: the plan, its numbers and all its places are those without any. */
static void test_unlimited(void **state)
{
    (void)state;
    for (uint32_t moves = 0; moves <= 8; moves += 8) {
        static struct desk d[2];
        struct desk_plan plan[2];
        for (int with = 0; with < 2; with++) {
            begin(&d[with], moves);
            for (uint32_t i = 1; i <= 3; i++) {
                if (with)
                    account(&d[with], i, i == 2 ? CORE_GPUS_MAX : 0, i == 3 ? 1000000 : 0, i == 3 ? 31 : 0);
                desk_do(&d[with], (struct core_event){ .kind = EVENT_PERSON, .person = {
                    .person = i, .quota_hours = with ? 1000000 : 0, .quota_days = with ? 31 : 0 } });
            }
            for (uint32_t i = 0; i < 40; i++) {
                job(&d[with], 1 + i % 3, with ? i % 4 : 0, 1 + i * 7 % 4, (usec_t)(1 + i * 13 % 9) * HOUR);
                if (i % 5 == 4)
                    desk_decide(&d[with]);
            }
            plan[with] = desk_plan(&d[with]);
        }
        assert_int_equal(plan[0].plan.rows_n, plan[1].plan.rows_n);
        assert_memory_equal(plan[0].plan.rows, plan[1].plan.rows, plan[0].plan.rows_n * sizeof(struct plan_row));
        for (int with = 0; with < 2; with++) {
            free(plan[with].scratch);
            desk_end(&d[with]);
        }
    }
}

static void test_refused(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d, 0);
    struct core_event ev = { .kind = EVENT_ACCOUNT, .account = { .account = 0 } };
    assert_int_equal(desk_try(&d, &ev), E_INVALID);
    ev.account.account = ACCOUNTS_MAX + 1;
    assert_int_equal(desk_try(&d, &ev), E_INVALID);
    ev.account = (struct ev_account){ .account = 1, .quota_hours = 5 };
    assert_int_equal(desk_try(&d, &ev), E_INVALID);
    ev.account.quota_days = QUOTA_DAYS_MAX + 1;
    assert_int_equal(desk_try(&d, &ev), E_INVALID);
    desk_end(&d);
}

static void test_saved(void **state)
{
    (void)state;
    static struct desk d;
    struct buf text;
    struct core_limits limits;
    begin(&d, 0);
    uint64_t none = core_hash(d.core);
    account(&d, 1, 3, 100, 31);
    account(&d, 2, 0, 0, 0);
    desk_do(&d, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = 1, .quota_hours = 90, .quota_days = 7 } });
    assert_int_not_equal(core_hash(d.core), none);
    run(&d, job(&d, 1, 1, 2, 5 * HOUR), 30 * HOUR);
    job_id runs = job(&d, 1, 1, 1, 5 * HOUR);
    desk_decide(&d);
    desk_started(&d, runs);
    buf_init(&text, 1 << 20);
    core_save(d.core, &text);
    assert_int_equal(core_load_limits(buf_look(&text), &limits, NULL), 0);
    struct core *again = core_init(aligned_alloc(16, core_size(&limits)), core_size(&limits), &limits);
    assert_int_equal(core_load(again, buf_look(&text), NULL), 0);
    assert_int_equal(core_hash(again), core_hash(d.core));
    assert_null(core_broken(again));
    assert_int_equal(core_account_quota(again, 1).gpus, 1);
    assert_int_equal(core_account_quota(again, 1).used_us, core_account_quota(d.core, 1).used_us);
    assert_int_equal(core_person_quota(again, 1).used_us, 60 * HOUR);
    buf_finish(&text);
    free(again);
    desk_end(&d);
}

/* The day on which a person's quota has room again wakes the queue, also of a core that was loaded. */
static void test_wakes_when_loaded(void **state)
{
    (void)state;
    static struct desk d;
    struct buf text;
    struct core_limits limits;
    usec_t wall_at, boot_at, again_wall_at, again_boot_at;
    begin(&d, 0);
    desk_do(&d, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = 1, .quota_hours = 20, .quota_days = 3 } });
    run(&d, job(&d, 1, 0, 4, 6 * HOUR), 6 * HOUR);
    job_id waits = job(&d, 1, 0, 1, HOUR);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, waits), JOB_PENDING);
    core_deadline(d.core, &wall_at, &boot_at);
    assert_int_not_equal(wall_at, USEC_NEVER);
    buf_init(&text, 1 << 20);
    core_save(d.core, &text);
    assert_int_equal(core_load_limits(buf_look(&text), &limits, NULL), 0);
    struct core *again = core_init(aligned_alloc(16, core_size(&limits)), core_size(&limits), &limits);
    assert_int_equal(core_load(again, buf_look(&text), NULL), 0);
    core_deadline(again, &again_wall_at, &again_boot_at);
    assert_int_equal(again_wall_at, wall_at);
    buf_finish(&text);
    free(again);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gpus_at_once), cmocka_unit_test(test_holds_no_reservation), cmocka_unit_test(test_hours), cmocka_unit_test(test_changes_hands),
        cmocka_unit_test(test_days), cmocka_unit_test(test_unlimited), cmocka_unit_test(test_refused), cmocka_unit_test(test_saved),
        cmocka_unit_test(test_wakes_when_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
