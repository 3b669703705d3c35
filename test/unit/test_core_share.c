/* test_core_share.c - GPU time and delay of results that people have had lately, and whose jobs they move (share.h). */
#include "core_desk.h"

#include "core/person.h"
#include "core/share.h"
#include "core/weight.h"

#define DAY USEC_PER_DAY

static void settings(struct desk *d, usec_t half_life_us, uint32_t by_delay, uint32_t by_gpu)
{
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    s.estimates = ESTIMATES_TOLD;
    s.defer = 0;
    s.half_life_us = half_life_us;
    s.fair_delay_milli = by_delay;
    s.fair_gpu_milli = by_gpu;
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
}

static void begin(struct desk *d)
{
    desk_begin(d, 4, POLICY_BLEND);
    settings(d, 64 * DAY, 1000, 0); /* sums fall at the beginning of each day */
    d->wall_at = d->wall_at / DAY * DAY + DAY;
}

static const struct share *share(const struct desk *d, uint32_t person) { return &d->core->persons[person].share; }

/* Ends after it has waited and run so long. */
static job_id run(struct desk *d, struct ev_submit s, usec_t waits_us, usec_t runs_us)
{
    job_id id = desk_submit(d, s);
    desk_pass(d, waits_us);
    desk_decide(d);
    assert_int_equal(desk_state(d, id), JOB_CONFIGURING);
    desk_started(d, id);
    desk_pass(d, runs_us);
    desk_ended(d, id, END_EXIT, 0);
    return id;
}

static void test_sums(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d);
    run(&d, (struct ev_submit){ .owner = 1, .gpus = 2, .estimate_us = HOUR }, 2 * HOUR, 3 * HOUR);
    assert_int_equal(share(&d, 1)->gpu_us, 6 * HOUR);
    assert_int_equal(share(&d, 1)->delay_us, 2 * HOUR); /* always there: what it waited */
    assert_int_equal(share(&d, 1)->results, SHARE_ONE);
    run(&d, (struct ev_submit){ .owner = 1, .estimate_us = HOUR }, HOUR, HOUR); /* no GPU, but a result */
    assert_int_equal(share(&d, 1)->gpu_us, 6 * HOUR);
    assert_int_equal(share(&d, 1)->delay_us, 3 * HOUR);
    assert_int_equal(share(&d, 1)->results, 2 * SHARE_ONE);
    assert_int_equal(share(&d, 2)->step, 0);
    desk_end(&d);
}

/* A failure is no result, but it has used a GPU; so has each attempt. */
static void test_failures(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d);
    job_id id = desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 1, .estimate_us = HOUR, .retries = 1 });
    for (int i = 0; i < 2; i++) {
        desk_decide(&d);
        desk_started(&d, id);
        desk_pass(&d, HOUR);
        desk_ended(&d, id, END_EXIT, 1);
    }
    assert_int_equal(desk_state(&d, id), JOB_NONE);
    assert_int_equal(share(&d, 1)->gpu_us, 2 * HOUR);
    assert_int_equal(share(&d, 1)->results, 0);
    desk_end(&d);
}

/* Delay is of being seen: an evening's wait that costs nobody anything is none. */
static void test_delay_is_of_eyes(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d);
    desk_hours(&d, 1, 9, 18);
    desk_pass(&d, 17 * HOUR);
    run(&d, (struct ev_submit){ .owner = 1, .gpus = 1, .estimate_us = HOUR }, 2 * HOUR, 2 * HOUR);
    assert_int_equal(share(&d, 1)->delay_us, 0); /* 19:00 or 21:00: seen at nine */
    desk_pass(&d, 19 * HOUR); /* 16:00 */
    run(&d, (struct ev_submit){ .owner = 1, .gpus = 1, .estimate_us = HOUR }, 2 * HOUR, HOUR);
    assert_int_equal(share(&d, 1)->delay_us, 16 * HOUR); /* 17:00, and it was nine the next day */
    desk_end(&d);
}

/* What somebody waits for by their own word is no delay: begin time, hold, what goes before. */
static void test_ready(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d);
    run(&d, (struct ev_submit){ .owner = 1, .gpus = 1, .estimate_us = HOUR, .begin_at = d.wall_at + 5 * HOUR }, 5 * HOUR,
        HOUR);
    assert_int_equal(share(&d, 1)->delay_us, 0);
    job_id held = desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 1, .estimate_us = HOUR, .flags = JOB_HELD });
    const struct dep after = { .kind = DEP_AFTERANY, .job = held };
    job_id last = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 1, .estimate_us = HOUR, .deps = &after,
                                                      .deps_n = 1 });
    desk_pass(&d, 7 * HOUR);
    desk_do(&d, (struct core_event){ .kind = EVENT_RELEASE, .release = { .job = held } });
    desk_pass(&d, HOUR);
    desk_decide(&d);
    desk_started(&d, held);
    desk_pass(&d, HOUR);
    desk_ended(&d, held, END_EXIT, 0);
    assert_int_equal(share(&d, 1)->delay_us, HOUR);
    desk_pass(&d, 2 * HOUR);
    desk_decide(&d);
    desk_started(&d, last);
    desk_pass(&d, HOUR);
    desk_ended(&d, last, END_EXIT, 0);
    assert_int_equal(share(&d, 2)->delay_us, 2 * HOUR);
    desk_end(&d);
}

/* In 64 steps by half, whoever looks how often. */
static void test_half_life(void **state)
{
    (void)state;
    static struct desk often, seldom;
    uint64_t gpu_us = 0;
    begin(&often);
    begin(&seldom);
    run(&often, (struct ev_submit){ .owner = 1, .gpus = 4, .estimate_us = HOUR }, HOUR, 10 * HOUR);
    run(&seldom, (struct ev_submit){ .owner = 1, .gpus = 4, .estimate_us = HOUR }, HOUR, 10 * HOUR);
    for (int day = 1; day <= 64; day++) {
        gpu_us = share(&often, 1)->gpu_us;
        desk_pass(&often, DAY);
        desk_decide(&often);
        assert_true(share(&often, 1)->gpu_us < gpu_us);
    }
    desk_pass(&seldom, 64 * DAY);
    desk_decide(&seldom);
    assert_in_range(share(&often, 1)->gpu_us, 20 * HOUR - 1000, 20 * HOUR + 1000);
    assert_in_range(share(&seldom, 1)->gpu_us, 20 * HOUR - 1000, 20 * HOUR + 1000);
    assert_in_range(share(&often, 1)->results, SHARE_ONE / 2 - 64, SHARE_ONE / 2);
    often.wall_at -= 10 * DAY; /* the clock goes back: they stand */
    gpu_us = share(&often, 1)->gpu_us;
    desk_decide(&often);
    assert_int_equal(share(&often, 1)->gpu_us, gpu_us);
    desk_pass(&often, 5000 * DAY);
    desk_decide(&often);
    assert_int_equal(share(&often, 1)->gpu_us, 0);
    desk_end(&often);
    desk_end(&seldom);
}

/* Six hours a day from now on, for a month: away for three quarters of the week. */
static void six_hours_a_day(struct desk *d, uint32_t person)
{
    struct span w[30];
    for (int i = 0; i < 30; i++)
        w[i] = (struct span){ d->wall_at + i * DAY, d->wall_at + i * DAY + 6 * HOUR };
    desk_avail(d, person, w, 30, w[29].until_at);
}

/* Who was made to wait goes before who was not. */
static void test_delay_moves(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d);
    for (int i = 0; i < 10; i++) {
        run(&d, (struct ev_submit){ .owner = 1, .gpus = 1, .estimate_us = HOUR }, 0, HOUR);
        run(&d, (struct ev_submit){ .owner = 2, .gpus = 1, .estimate_us = HOUR }, 3 * HOUR, HOUR);
    }
    desk_pass(&d, 15 * MIN);
    desk_decide(&d);
    assert_int_equal(weight_of_person(d.core, 1), 1000); /* always there: the order is that of area */
    assert_int_equal(weight_of_person(d.core, 2), 1000);
    six_hours_a_day(&d, 1);
    six_hours_a_day(&d, 2);
    desk_pass(&d, 15 * MIN);
    desk_decide(&d);
    assert_true(weight_of_person(d.core, 1) < 700);
    assert_in_range(weight_of_person(d.core, 2), 1300, 1500); /* (10 x 3 h + 10 x 1.5 h) / 20, and ten minutes */
    assert_int_equal(weight_of_person(d.core, 3), 1000);
    job_id busy = desk_submit(&d, (struct ev_submit){ .owner = 3, .gpus = 4, .estimate_us = HOUR });
    desk_decide(&d);
    desk_started(&d, busy);
    (void)desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 4, .estimate_us = HOUR });
    job_id second = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 4, .estimate_us = HOUR + 10 * MIN });
    desk_pass(&d, HOUR);
    desk_ended(&d, busy, END_EXIT, 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, second), JOB_CONFIGURING);
    settings(&d, 64 * DAY, 0, 0); /* kept, and listened to no more */
    desk_pass(&d, 15 * MIN);
    desk_decide(&d);
    assert_int_equal(weight_of_person(d.core, 2), 1000);
    desk_end(&d);
}

static void test_gpu_time_moves(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d);
    settings(&d, 64 * DAY, 0, 1000);
    run(&d, (struct ev_submit){ .owner = 1, .gpus = 4, .estimate_us = HOUR }, 0, 10 * HOUR);
    run(&d, (struct ev_submit){ .owner = 2, .gpus = 1, .estimate_us = HOUR }, 0, HOUR);
    six_hours_a_day(&d, 1);
    six_hours_a_day(&d, 2);
    desk_pass(&d, 15 * MIN);
    desk_decide(&d);
    assert_in_range(weight_of_person(d.core, 1), 520, 530); /* (20.5 + 1) / (40 + 1) */
    assert_int_equal(weight_of_person(d.core, 2), 5000);
    desk_end(&d);
}

static void test_saved(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d);
    run(&d, (struct ev_submit){ .owner = 1, .gpus = 2, .estimate_us = HOUR }, HOUR, HOUR);
    desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 2, .begin_at = d.wall_at + HOUR });
    desk_pass(&d, HOUR);
    desk_decide(&d);
    struct buf text;
    buf_init(&text, 1 << 20);
    core_save(d.core, &text);
    struct core_limits limits;
    assert_int_equal(core_load_limits(buf_look(&text), &limits, NULL), 0);
    void *block = aligned_alloc(16, core_size(&limits));
    struct core *again = core_init(block, core_size(&limits), &limits);
    assert_int_equal(core_load(again, buf_look(&text), NULL), 0);
    assert_int_equal(core_hash(again), core_hash(d.core));
    assert_int_equal(again->persons[1].share.gpu_us, 2 * HOUR);
    again->persons[1].share.gpu_us++; /* the hash covers them: decisions depend on them */
    assert_int_not_equal(person_hash(again, 1), person_hash(d.core, 1));
    buf_finish(&text);
    free(block);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums), cmocka_unit_test(test_failures), cmocka_unit_test(test_delay_is_of_eyes),
        cmocka_unit_test(test_ready), cmocka_unit_test(test_half_life), cmocka_unit_test(test_delay_moves),
        cmocka_unit_test(test_gpu_time_moves), cmocka_unit_test(test_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
