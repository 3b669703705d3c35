/* What would have been moved of somebody who has not agreed: noted at the start, judged at the end (would.h). */
#include "core_desk.h"

static job_id submit(struct desk *d, usec_t told_us, uint32_t flags)
{
    return desk_submit(d, (struct ev_submit){ .gpus = 1, .command_key = 7, .estimate_us = told_us, .flags = flags });
}

/* 10:00 on a Monday; person 1 looks from 9 to 18 and has run this command before. */
static void begin(struct desk *d, uint32_t defer, bool history)
{
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    desk_begin(d, 4, POLICY_BLEND);
    s.defer = defer;
    s.estimates = ESTIMATES_TOLD;
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
    desk_hours(d, 1, 9, 18);
    if (history)
        desk_history(d, (struct ev_submit){ .gpus = 1, .command_key = 7, .flags = JOB_NOW, .estimate_us = HOUR }, HOUR);
    desk_pass(d, DESK_START + 10 * HOUR - d->wall_at);
}

/* It starts at once, whatever would have been; returns hours after midnight of the other start, 0: none. */
static int would(struct desk *d, job_id id)
{
    struct core_trade t;
    desk_decide(d);
    const struct core_update *u = desk_update(d, UPDATE_START, id);
    assert_non_null(u);
    assert_true(core_trade(d->core, u, &t));
    return t.would_at ? (int)((t.would_at - DESK_START) / HOUR) : 0;
}

static struct core_calibration ends(struct desk *d, job_id id, usec_t takes_us)
{
    desk_started(d, id);
    desk_pass(d, takes_us);
    desk_ended(d, id, END_EXIT, 0);
    return core_calibration(d->core, 1);
}

static void test_noted_and_judged(void **state)
{
    (void)state;
    static struct desk d;
    /* 12 h end at 22:00 and are seen at 9:00: from 18:00 they would have been as well. */
    begin(&d, 1, true);
    job_id id = submit(&d, 12 * HOUR, JOB_CLEAN_TREE);
    assert_int_equal(would(&d, id), 18);
    struct core_calibration c = ends(&d, id, 12 * HOUR);
    assert_int_equal(c.would, 1);
    assert_int_equal(c.right, 1);
    assert_int_equal(c.moved, 0);
    desk_end(&d);
    /* It took 16 hours, and would have been seen at 10:00 instead of 9:00. */
    begin(&d, 1, true);
    id = submit(&d, 12 * HOUR, JOB_CLEAN_TREE);
    assert_int_equal(would(&d, id), 18);
    c = ends(&d, id, 16 * HOUR);
    assert_int_equal(c.would, 1);
    assert_int_equal(c.right, 0);
    desk_end(&d);
    /* What fails says nothing. */
    begin(&d, 1, true);
    id = submit(&d, 12 * HOUR, JOB_CLEAN_TREE);
    assert_int_equal(would(&d, id), 18);
    desk_started(&d, id);
    desk_pass(&d, 12 * HOUR);
    desk_ended(&d, id, END_EXIT, 1);
    assert_int_equal(core_calibration(d.core, 1).would, 0);
    desk_end(&d);
}

static void test_only_what_a_word_would_move(void **state)
{
    (void)state;
    static struct desk d;
    const struct { uint32_t defer, flags; bool history; usec_t told_us; } none[] = {
        { 0, JOB_CLEAN_TREE, true, 12 * HOUR },            /* nobody's starts are moved here */
        { 1, 0, true, 12 * HOUR },                         /* its code may change */
        { 1, JOB_CLEAN_TREE, false, 12 * HOUR },           /* it has never succeeded */
        { 1, JOB_CLEAN_TREE | JOB_NOW, true, 12 * HOUR },
        { 1, JOB_CLEAN_TREE | JOB_URGENT, true, 12 * HOUR },
        { 1, JOB_CLEAN_TREE | JOB_FIRST, true, 12 * HOUR },
        { 1, JOB_CLEAN_TREE, true, 2 * HOUR },             /* it is seen at once */
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        begin(&d, none[i].defer, none[i].history);
        assert_int_equal(would(&d, submit(&d, none[i].told_us, none[i].flags)), 0);
        desk_end(&d);
    }
    /* Whoever agreed has it moved, and nothing is noted. */
    begin(&d, 1, true);
    desk_do(&d, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = 1, .defer = 1 } });
    job_id id = submit(&d, 12 * HOUR, JOB_CLEAN_TREE);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, id), JOB_PENDING);
    desk_pass(&d, 8 * HOUR);
    assert_int_equal(would(&d, id), 0);
    struct core_calibration c = ends(&d, id, 12 * HOUR);
    assert_int_equal(c.would, 0);
    assert_int_equal(c.moved, 1);
    desk_end(&d);
}

/* What waits for it bounds the other start, too. */
static void test_with_something_behind_it(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d, 1, true);
    job_id id = submit(&d, 12 * HOUR, JOB_CLEAN_TREE);
    desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 8 * HOUR, .deps_n = 1,
        .deps = &(struct dep){ .kind = DEP_AFTEROK, .job = id, .outcome = DEP_LIVE } });
    assert_int_equal(would(&d, id), 13);
    desk_end(&d);
}

/* In won: the night's price instead of the day's. */
static void test_what_it_would_have_cost(void **state)
{
    (void)state;
    static struct desk d;
    struct core_trade t;
    const struct rate rates[] = { { DESK_START, 200000 }, { DESK_START + 18 * HOUR, 100000 }, { DESK_START + 33 * HOUR, 200000 } };
    begin(&d, 1, true);
    desk_do(&d, (struct core_event){ .kind = EVENT_TARIFF, .tariff = {
        .until_at = DESK_START + 60 * USEC_PER_DAY, .hour_milli = 30000000, .gpu_mw = 500000, .rates = rates, .rates_n = 3 } });
    job_id id = submit(&d, 12 * HOUR, JOB_CLEAN_TREE);
    desk_decide(&d);
    assert_true(core_trade(d.core, desk_update(&d, UPDATE_START, id), &t));
    assert_int_equal(t.would_at, DESK_START + 18 * HOUR);
    assert_int_equal(t.cost_milli, 8 * 100000 + 4 * 50000);
    assert_int_equal(t.would_cost_milli, 12 * 50000);
    assert_int_equal(t.moved_cost_milli, 0);
    desk_end(&d);
}

static void test_saved(void **state)
{
    (void)state;
    static struct desk d;
    struct buf b;
    struct core_limits limits;
    begin(&d, 1, true);
    job_id id = submit(&d, 12 * HOUR, JOB_CLEAN_TREE);
    assert_int_equal(would(&d, id), 18);
    ends(&d, id, 12 * HOUR);
    desk_pass(&d, DESK_START + 34 * HOUR - d.wall_at);
    id = submit(&d, 12 * HOUR, JOB_CLEAN_TREE);
    assert_int_equal(would(&d, id), 42);
    buf_init(&b, 1 << 20);
    core_save(d.core, &b);
    assert_int_equal(core_load_limits(buf_look(&b), &limits, NULL), 0);
    void *block = aligned_alloc(16, core_size(&limits));
    struct core *again = core_init(block, core_size(&limits), &limits);
    assert_int_equal(core_load(again, buf_look(&b), NULL), 0);
    assert_true(core_hash(again) == core_hash(d.core));
    assert_int_equal(core_calibration(again, 1).would, 1);
    assert_int_equal(core_calibration(again, 1).right, 1);
    free(block);
    buf_finish(&b);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noted_and_judged), cmocka_unit_test(test_only_what_a_word_would_move),
        cmocka_unit_test(test_with_something_behind_it), cmocka_unit_test(test_what_it_would_have_cost),
        cmocka_unit_test(test_saved) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
