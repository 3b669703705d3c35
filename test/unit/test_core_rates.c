/* test_core_rates.c - what electricity costs (rates.h): whom it moves, what it does not, saved and refused. */
#include "core_desk.h"

static const struct ev_settings plain = {
    .policy = POLICY_BLEND, .plan_depth = 16, .presence_us = 30 * MIN, .runtime_guess_us = HOUR,
    .estimates = ESTIMATES_TOLD, .price_milli = 400, .search_window = 32, .defer = 2 };

static void tariff(struct desk *d, const struct rate *rates, uint32_t n, int64_t hour_milli)
{
    desk_do(d, (struct core_event){ .kind = EVENT_TARIFF, .tariff = { .until_at = d->wall_at + 30 * USEC_PER_DAY, .rates = rates,
        .rates_n = n, .hour_milli = hour_milli, .gpu_mw = 400000 } });
}

/* When does a job of two GPUs start that is submitted at 19:00 and told three hours, its owner there from 9 to 18? */
static usec_t start_of(uint32_t moves, const struct rate *rates, uint32_t n, struct desk *d)
{
    struct ev_settings s = plain;
    desk_begin(d, 2, POLICY_BLEND);
    s.search_moves = moves;
    desk_hours(d, 1, 9, 18);
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
    desk_pass(d, 19 * HOUR);
    if (n)
        tariff(d, rates, n, 30000000);
    job_id id = desk_submit(d, (struct ev_submit){ .gpus = 2, .estimate_us = 3 * HOUR, .command_key = 1 });
    for (int i = 0; i < 200 && desk_state(d, id) == JOB_PENDING; i++) {
        usec_t wall_at, boot_at;
        desk_decide(d);
        core_deadline(d->core, &wall_at, &boot_at);
        if (desk_state(d, id) == JOB_PENDING)
            desk_pass(d, usec_max(usec_min(wall_at, boot_at) - d->wall_at, 1));
        assert_null(core_broken(d->core));
    }
    assert_int_equal(desk_state(d, id), JOB_CONFIGURING);
    return d->wall_at - DESK_START;
}

/* Nobody is there either way: only the price tells the hours apart. */
static void test_cheaper_hours(void **state)
{
    (void)state;
    static struct desk d;
    const struct rate rates[] = { { DESK_START, 164000 }, { DESK_START + 23 * HOUR, 123000 },
                                  { DESK_START + 33 * HOUR, 205000 } };
    const struct rate flat[] = { { DESK_START, 164000 } };
    for (uint32_t moves = 0; moves <= 8; moves += 8) {
        assert_int_equal(start_of(moves, NULL, 0, &d), 19 * HOUR); /* no tariff: no reason to wait */
        desk_end(&d);
        assert_int_equal(start_of(moves, flat, 1, &d), 19 * HOUR);
        desk_end(&d);
        assert_int_equal(start_of(moves, rates, 3, &d), 23 * HOUR);
        desk_end(&d);
    }
}

/* Cheap hours that lie behind the slack do not move it there. */
static void test_slack_stays(void **state)
{
    (void)state;
    static struct desk d;
    const struct rate rates[] = { { DESK_START, 500000 }, { DESK_START + 34 * HOUR, 1000 } };
    usec_t start_at = start_of(8, rates, 2, &d);
    assert_true(start_at + 3 * HOUR <= 33 * HOUR);
    desk_end(&d);
}

static void test_said_in_numbers(void **state)
{
    (void)state;
    static struct desk d;
    const struct rate rates[] = { { DESK_START, 164000 }, { DESK_START + 23 * HOUR, 123000 } };
    struct explanation x;
    struct ev_settings s = plain;
    desk_begin(&d, 2, POLICY_BLEND);
    s.search_moves = 8;
    desk_hours(&d, 1, 9, 18);
    desk_do(&d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
    desk_pass(&d, 19 * HOUR);
    tariff(&d, rates, 2, 30000000);
    job_id id = desk_submit(&d, (struct ev_submit){ .gpus = 2, .estimate_us = 3 * HOUR, .command_key = 1 });
    desk_decide(&d);
    struct desk_plan p = desk_plan(&d);
    assert_int_equal(core_explain(d.core, id, &p.plan, &x), 0);
    free(p.scratch);
    assert_int_equal(x.reason, REASON_DEFERRED);
    assert_int_equal(x.start_at, DESK_START + 23 * HOUR);
    assert_int_equal(x.power_mw, 800000);         /* the desk's GPUs tell no power */
    assert_int_equal(x.now_cost_milli, 393600);   /* 0.8 kW x 3 h x 164 */
    assert_int_equal(x.start_cost_milli, 295200); /* ... x 123 */
    tariff(&d, NULL, 0, 0);
    p = desk_plan(&d);
    assert_int_equal(core_explain(d.core, id, &p.plan, &x), 0);
    free(p.scratch);
    assert_int_equal(x.power_mw, 0); /* nothing is known any more */
    desk_end(&d);
}

static void test_saved(void **state)
{
    (void)state;
    static struct desk d;
    const struct rate rates[] = { { DESK_START, -5000 }, { DESK_START + 23 * HOUR, 123000 } };
    struct core_limits limits;
    struct buf text, again;
    struct err err = { 0 };
    desk_begin(&d, 2, POLICY_BLEND);
    uint64_t before = core_hash(d.core);
    tariff(&d, rates, 2, 30000000);
    assert_true(core_hash(d.core) != before);
    buf_init(&text, 1 << 20);
    buf_init(&again, 1 << 20);
    core_save(d.core, &text);
    assert_int_equal(core_load_limits(buf_look(&text), &limits, &err), 0);
    void *block = aligned_alloc(16, core_size(&limits));
    struct core *back = core_init(block, core_size(&limits), &limits);
    assert_int_equal(core_load(back, buf_look(&text), &err), 0);
    assert_true(core_hash(back) == core_hash(d.core));
    core_save(back, &again);
    assert_true(str_eq(buf_look(&text), buf_look(&again)));
    assert_int_equal(core_tariff(back).rates_n, 2);
    assert_int_equal(core_tariff(back).rates[0].kwh_milli, -5000);
    free(block);
    buf_finish(&text);
    buf_finish(&again);
    desk_end(&d);
}

static void test_refused(void **state)
{
    (void)state;
    static struct desk d;
    static struct rate many[CORE_RATES_MAX + 1];
    const struct rate back[] = { { 5, 1 }, { 5, 2 } }, dear[] = { { 5, 200000000 } };
    desk_begin(&d, 2, POLICY_BLEND);
    for (uint32_t i = 0; i <= CORE_RATES_MAX; i++)
        many[i] = (struct rate){ i, 1 };
    const struct ev_tariff wrong[] = {
        { .hour_milli = 30000000, .rates = back, .rates_n = 2 }, { .hour_milli = 30000000, .rates = dear, .rates_n = 1 },
        { .hour_milli = 1 }, { .hour_milli = -1 }, { .gpu_mw = -1 }, { .gpu_mw = 6000000 },
        { .hour_milli = 30000000, .rates = many, .rates_n = CORE_RATES_MAX + 1 } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct core_event ev = { .kind = EVENT_TARIFF, .tariff = wrong[i] };
        uint64_t before = core_hash(d.core);
        assert_true(desk_try(&d, &ev) < 0);
        assert_true(core_hash(d.core) == before);
    }
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cheaper_hours), cmocka_unit_test(test_slack_stays), cmocka_unit_test(test_said_in_numbers),
        cmocka_unit_test(test_saved), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
