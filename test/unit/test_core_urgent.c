/* test_core_urgent.c - urgent submits: how many, and before whom (urgent.h). */
#include "core_desk.h"

#include "core/person.h"
#include "core/urgent.h"

#define DAY USEC_PER_DAY

static void begin(struct desk *d, uint32_t urgent_week, uint32_t moves)
{
    desk_begin(d, 4, POLICY_BLEND);
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    s.estimates = ESTIMATES_TOLD;
    s.urgent_week = urgent_week;
    s.search_moves = moves;
    s.age_us = 3 * DAY;
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
}

static job_id urgent(struct desk *d, uint32_t owner, uint32_t gpus)
{
    return desk_submit(d, (struct ev_submit){ .owner = owner, .gpus = gpus, .estimate_us = 10 * HOUR,
                                              .flags = JOB_URGENT });
}

static int one_more(struct desk *d, uint32_t owner)
{
    return desk_try(d, &(struct core_event){ .kind = EVENT_SUBMIT, .submit = {
        .job = core_last_id(d->core) + 1, .owner = owner, .submitter = owner, .cpus = 1, .flags = JOB_URGENT } });
}

static void test_allowance(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d, 2, 0);
    usec_t first_at = d.wall_at;
    urgent(&d, 1, 1);
    desk_pass(&d, DAY);
    const struct range points = { 1, 20, 1 };
    job_id sweep = desk_submit(&d, (struct ev_submit){ .owner = 1, .flags = JOB_URGENT, .tasks = &points, .tasks_n = 1 });
    struct core_urgent u = core_urgent(d.core, 1, d.wall_at);
    assert_int_equal(u.used, 2); /* twenty points are one request */
    assert_int_equal(u.most, 2);
    assert_int_equal(u.free_at, first_at + 7 * DAY);
    assert_int_equal(one_more(&d, 1), E_LIMIT);
    assert_int_equal(core_urgent(d.core, 2, d.wall_at).used, 0);
    assert_int_equal(one_more(&d, 2), 0); /* each has their own */
    desk_do(&d, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { .job = sweep, .scope = 1 } });
    assert_int_equal(one_more(&d, 1), E_LIMIT); /* withdrawn, and used */
    desk_submit(&d, (struct ev_submit){ .owner = 1 });
    d.wall_at = first_at + 7 * DAY - 1;
    assert_int_equal(one_more(&d, 1), E_LIMIT);
    d.wall_at = first_at + 7 * DAY; /* nothing has happened since: the submit brings the time */
    assert_int_equal(one_more(&d, 1), 0);
    assert_int_equal(one_more(&d, 1), E_LIMIT);
    desk_end(&d);
}

static void test_not_counted(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d, 0, 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(one_more(&d, 1), 0);
    assert_int_equal(core_urgent(d.core, 1, d.wall_at).used, 0);
    struct core_event ev = { .kind = EVENT_SETTINGS, .settings = CORE_SETTINGS_DEFAULT };
    ev.settings.urgent_week = URGENT_MAX + 1;
    assert_int_equal(desk_try(&d, &ev), E_INVALID);
    desk_end(&d);
}

/* A long wide job that is urgent, and a short one that is not: with the search and without it. */
static void goes_first(uint32_t moves, uint32_t urgent_week)
{
    static struct desk d;
    begin(&d, urgent_week, moves);
    job_id busy = desk_submit(&d, (struct ev_submit){ .owner = 3, .gpus = 4, .estimate_us = HOUR });
    desk_decide(&d);
    desk_started(&d, busy);
    job_id small = desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 4, .estimate_us = HOUR });
    job_id first = urgent(&d, 2, 4);
    desk_pass(&d, HOUR);
    desk_ended(&d, busy, END_EXIT, 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, urgent_week ? first : small), JOB_CONFIGURING);
    desk_end(&d);
}

static void test_goes_first(void **state)
{
    (void)state;
    goes_first(0, 2);
    goes_first(8, 2);
    goes_first(0, 0);
    goes_first(8, 0);
}

/* Whoever is over their age goes before, and what an owner sends first is not urgent for that. */
static void test_before_it(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d, 2, 0);
    job_id busy = desk_submit(&d, (struct ev_submit){ .owner = 3, .gpus = 4, .estimate_us = 80 * HOUR });
    desk_decide(&d);
    desk_started(&d, busy);
    job_id old = desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 4, .estimate_us = 50 * HOUR });
    desk_pass(&d, 80 * HOUR);
    job_id sent = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 4, .estimate_us = HOUR, .flags = JOB_FIRST });
    job_id first = urgent(&d, 2, 4);
    desk_ended(&d, busy, END_EXIT, 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, old), JOB_CONFIGURING);
    desk_started(&d, old);
    desk_pass(&d, HOUR);
    desk_ended(&d, old, END_EXIT, 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, first), JOB_CONFIGURING);
    assert_int_equal(desk_state(&d, sent), JOB_PENDING);
    desk_end(&d);
}

/* Running work that allows it makes way for it, and an urgent run for nothing that is not. */
static void test_makes_way(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d, 2, 0);
    job_id runs = desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 4, .estimate_us = 2 * HOUR,
                                                      .preempt = PREEMPT_CHECKPOINT });
    desk_decide(&d);
    desk_started(&d, runs);
    desk_pass(&d, HOUR);
    job_id first = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 4, .estimate_us = 40 * HOUR,
                                                       .flags = JOB_URGENT, .preempt = PREEMPT_CHECKPOINT });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, runs), JOB_COMPLETING);
    desk_do(&d, (struct core_event){ .kind = EVENT_ENDED, .ended = { .job = runs, .attempt = 1, .cause = END_STOPPED,
                                                                     .signal = 15 } });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, first), JOB_CONFIGURING);
    desk_started(&d, first);
    desk_pass(&d, HOUR);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, first), JOB_RUNNING);
    desk_end(&d);
}

static void test_saved(void **state)
{
    (void)state;
    static struct desk d;
    struct buf text;
    struct core_limits limits;
    begin(&d, URGENT_MAX, 0);
    for (uint32_t i = 0; i < URGENT_MAX; i++) {
        urgent(&d, 1, 1);
        desk_pass(&d, HOUR);
    }
    assert_int_equal(one_more(&d, 1), E_LIMIT);
    desk_decide(&d);
    buf_init(&text, 1 << 20);
    core_save(d.core, &text);
    assert_int_equal(core_load_limits(buf_look(&text), &limits, NULL), 0);
    struct core *again = core_init(aligned_alloc(16, core_size(&limits)), core_size(&limits), &limits);
    assert_int_equal(core_load(again, buf_look(&text), NULL), 0);
    assert_int_equal(core_hash(again), core_hash(d.core));
    assert_int_equal(core_urgent(again, 1, d.wall_at).used, URGENT_MAX);
    again->persons[1].urgent.at[3]++;
    assert_int_not_equal(person_hash(again, 1), person_hash(d.core, 1));
    buf_finish(&text);
    free(again);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowance), cmocka_unit_test(test_not_counted), cmocka_unit_test(test_goes_first),
        cmocka_unit_test(test_before_it), cmocka_unit_test(test_makes_way), cmocka_unit_test(test_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
