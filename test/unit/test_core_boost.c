/* test_core_boost.c - work that an operator put before others': before whom, until when (boost.h). */
#include "core_desk.h"

#include "core/boost.h"

#define DAY USEC_PER_DAY
#define WHY UINT64_C(0x656e696c64616564) /* "deadline" */

static void begin(struct desk *d, uint32_t moves)
{
    desk_begin(d, 4, POLICY_BLEND);
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    s.estimates = ESTIMATES_TOLD;
    s.urgent_week = 2;
    s.search_moves = moves;
    s.age_us = 3 * DAY;
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
}

static struct ev_boost of(const struct desk *d, enum boost_kind kind, uint32_t target, usec_t length_us)
{
    return (struct ev_boost){ .boost = core_last_boost(d->core) + 1, .kind = kind, .target = target, .by = 9,
                              .until_at = d->wall_at + length_us, .reason0 = WHY };
}

static int boost(struct desk *d, struct ev_boost e)
{
    return desk_try(d, &(struct core_event){ .kind = EVENT_BOOST, .boost = e });
}

static int unboost(struct desk *d, uint32_t id)
{
    return desk_try(d, &(struct core_event){ .kind = EVENT_UNBOOST, .unboost = { .boost = id, .by = 9 } });
}

/* All GPUs are busy for an hour. */
static job_id busy(struct desk *d, uint32_t moves)
{
    begin(d, moves);
    job_id id = desk_submit(d, (struct ev_submit){ .owner = 3, .gpus = 4, .estimate_us = HOUR });
    desk_decide(d);
    desk_started(d, id);
    return id;
}

static job_id wide(struct desk *d, uint32_t owner, usec_t estimate_us, uint32_t flags)
{
    return desk_submit(d, (struct ev_submit){ .owner = owner, .gpus = 4, .estimate_us = estimate_us, .flags = flags });
}

static void hour_later(struct desk *d, job_id ends)
{
    desk_pass(d, HOUR);
    desk_ended(d, ends, END_EXIT, 0);
    desk_decide(d);
}

/* Before an urgent one and a shorter one: a job, a task, an array, a person's; and not when it is over or ended early. */
static void goes_first(uint32_t moves, enum boost_kind kind, usec_t length_us, bool early)
{
    static struct desk d;
    const struct range points = { 1, 3, 1 };
    job_id runs = busy(&d, moves);
    job_id small = wide(&d, 1, MIN, 0), urgent = wide(&d, 1, 2 * HOUR, JOB_URGENT);
    job_id array = desk_submit(&d, (struct ev_submit){ .owner = 2, .account = 5, .gpus = 4, .estimate_us = 40 * HOUR,
                                                       .tasks = &points, .tasks_n = 1 });
    (void)small;
    assert_int_equal(boost(&d, of(&d, kind, kind == BOOST_PERSON ? 2 : kind == BOOST_ACCOUNT ? 5 : kind == BOOST_JOB ? array + 1 : array,
                                  length_us)), 0);
    assert_int_equal(core_boost_of(d.core, array + 1, d.wall_at), 0);
    assert_int_equal(core_boost_of(d.core, array, d.wall_at), kind == BOOST_JOB ? CORE_NO_BOOST : 0);
    assert_int_equal(core_boost_of(d.core, urgent, d.wall_at), CORE_NO_BOOST);
    if (early)
        assert_int_equal(unboost(&d, 1), 0);
    hour_later(&d, runs);
    bool counts = length_us > HOUR && !early;
    job_id first = counts ? kind == BOOST_JOB ? array + 1 : array : urgent;
    assert_int_equal(desk_state(&d, first), JOB_CONFIGURING);
    assert_int_equal(core_boosts_n(d.core), counts);
    desk_end(&d);
}

/* What its owner sends first in another project does not go with the boosted one, before others' urgent work. */
static void test_first_is_not_boosted(void **state)
{
    (void)state;
    static struct desk d;
    job_id runs = busy(&d, 0);
    job_id urgent = wide(&d, 1, 2 * HOUR, JOB_URGENT);
    job_id sent = desk_submit(&d, (struct ev_submit){ .owner = 2, .account = 6, .gpus = 4, .estimate_us = HOUR });
    job_id boosted = desk_submit(&d, (struct ev_submit){ .owner = 2, .account = 5, .gpus = 4, .estimate_us = 9 * HOUR, .flags = JOB_HELD });
    assert_int_equal(boost(&d, of(&d, BOOST_ACCOUNT, 5, DAY)), 0);
    desk_do(&d, (struct core_event){ .kind = EVENT_FIRST, .first = { sent, 0, 0 } });
    desk_do(&d, (struct core_event){ .kind = EVENT_RELEASE, .release = { .job = boosted } });
    hour_later(&d, runs);
    assert_int_equal(desk_state(&d, boosted), JOB_CONFIGURING);
    desk_started(&d, boosted);
    desk_pass(&d, 9 * HOUR);
    desk_ended(&d, boosted, END_EXIT, 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, urgent), JOB_CONFIGURING);
    assert_int_equal(desk_state(&d, sent), JOB_PENDING);
    desk_end(&d);
}

static void test_goes_first(void **state)
{
    (void)state;
    for (uint32_t moves = 0; moves <= 8; moves += 8)
        for (int kind = 0; kind < BOOST_KIND_COUNT; kind++) {
            goes_first(moves, (enum boost_kind)kind, DAY, false);
            goes_first(moves, (enum boost_kind)kind, HOUR, false); /* ends at the very moment */
            goes_first(moves, (enum boost_kind)kind, DAY, true);
        }
}

/* The end counts by itself: in a plan of a later moment, with nothing having happened. */
static void test_end(void **state)
{
    (void)state;
    static struct desk d;
    job_id runs = busy(&d, 0);
    job_id other = wide(&d, 1, MIN, 0), late = wide(&d, 2, 40 * HOUR, 0);
    usec_t wall_at, boot_at;
    assert_int_equal(boost(&d, of(&d, BOOST_JOB, late, HOUR)), 0);
    desk_decide(&d);
    core_deadline(d.core, &wall_at, &boot_at);
    assert_true(wall_at <= d.wall_at + HOUR);
    for (int later = 0; later < 2; later++) {
        struct core_plan plan;
        size_t size = core_plan_size(d.core);
        void *scratch = malloc(size);
        usec_t by_us = later ? HOUR : 0;
        assert_int_equal(core_plan(d.core, d.wall_at + by_us, d.boot_at + by_us, scratch, size, &plan), 0);
        assert_int_equal(plan.rows[0].job, runs);
        assert_int_equal(plan.rows[1].job, later ? other : late);
        free(scratch);
    }
    desk_end(&d);
}

/* The longest wait stays what it is, and what an owner sends first is not boosted for that. */
static void test_before_it(void **state)
{
    (void)state;
    static struct desk d;
    job_id runs = busy(&d, 0);
    job_id old = wide(&d, 1, 50 * HOUR, 0);
    desk_pass(&d, 4 * DAY);
    job_id sent = wide(&d, 2, MIN, JOB_FIRST), lifted = wide(&d, 2, 60 * HOUR, 0);
    assert_int_equal(boost(&d, of(&d, BOOST_JOB, lifted, 20 * DAY)), 0);
    hour_later(&d, runs);
    assert_int_equal(desk_state(&d, old), JOB_CONFIGURING);
    desk_started(&d, old);
    hour_later(&d, old);
    assert_int_equal(desk_state(&d, lifted), JOB_CONFIGURING);
    assert_int_equal(desk_state(&d, sent), JOB_PENDING);
    desk_end(&d);
}

/* Among a boosted person's jobs the one sent first goes first. */
static void test_first_among(void **state)
{
    (void)state;
    static struct desk d;
    job_id runs = busy(&d, 0);
    wide(&d, 1, MIN, 0);
    wide(&d, 2, MIN, 0);
    job_id sent = wide(&d, 2, 60 * HOUR, JOB_FIRST);
    assert_int_equal(boost(&d, of(&d, BOOST_PERSON, 2, DAY)), 0);
    hour_later(&d, runs);
    assert_int_equal(desk_state(&d, sent), JOB_CONFIGURING);
    desk_end(&d);
}

/* Running work makes way for it, and it makes way for nothing that is not boosted. */
static void test_makes_way(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d, 0);
    job_id runs = desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 4, .estimate_us = 2 * HOUR,
                                                      .preempt = PREEMPT_CHECKPOINT });
    desk_decide(&d);
    desk_started(&d, runs);
    desk_pass(&d, HOUR);
    job_id lifted = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 4, .estimate_us = 40 * HOUR,
                                                        .preempt = PREEMPT_CHECKPOINT });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, runs), JOB_RUNNING);
    assert_int_equal(boost(&d, of(&d, BOOST_JOB, lifted, DAY)), 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, runs), JOB_COMPLETING);
    desk_do(&d, (struct core_event){ .kind = EVENT_ENDED, .ended = { .job = runs, .attempt = 1, .cause = END_STOPPED,
                                                                     .signal = 15 } });
    desk_decide(&d);
    desk_started(&d, lifted);
    wide(&d, 1, MIN, JOB_URGENT);
    desk_pass(&d, HOUR);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, lifted), JOB_RUNNING);
    desk_pass(&d, DAY); /* over: now it does */
    desk_decide(&d);
    assert_int_equal(desk_state(&d, lifted), JOB_COMPLETING);
    desk_end(&d);
}

/* A boost goes with its job, and has all it must have. */
static void test_refused(void **state)
{
    (void)state;
    static struct desk d;
    job_id runs = busy(&d, 0);
    struct ev_boost e = of(&d, BOOST_JOB, runs, DAY);
    struct ev_boost wrong[] = { e, e, e, e, e, e, e };
    wrong[0].by = 0;
    wrong[1].reason0 = 0;
    wrong[2].until_at = d.wall_at;
    wrong[3].until_at = d.wall_at + 32 * DAY;
    wrong[4].kind = BOOST_KIND_COUNT;
    wrong[5].target = runs + 1;
    wrong[6].kind = BOOST_ARRAY;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(boost(&d, wrong[i]), i < 4 ? E_INVALID : E_NOT_FOUND);
    assert_int_equal(unboost(&d, 1), E_NOT_FOUND);
    assert_int_equal(boost(&d, e), 0);
    assert_int_equal(boost(&d, of(&d, BOOST_JOB, runs, HOUR)), E_EXISTS); /* of this already */
    e.target = 1;
    assert_int_equal(boost(&d, e), E_EXISTS); /* that number again */
    for (uint32_t i = 2; i <= BOOSTS_MAX; i++)
        assert_int_equal(boost(&d, of(&d, BOOST_PERSON, i, DAY)), 0);
    assert_int_equal(boost(&d, of(&d, BOOST_PERSON, 1, DAY)), E_TOO_LARGE);
    hour_later(&d, runs);
    assert_int_equal(core_boosts_n(d.core), BOOSTS_MAX - 1);
    desk_end(&d);
}

static void test_saved(void **state)
{
    (void)state;
    static struct desk d;
    struct buf text;
    struct core_limits limits;
    struct boost was, is;
    job_id runs = busy(&d, 0), waits = wide(&d, 2, HOUR, 0);
    (void)runs;
    assert_int_equal(boost(&d, of(&d, BOOST_JOB, waits, DAY)), 0);
    assert_int_equal(boost(&d, of(&d, BOOST_PERSON, 1, DAY)), 0);
    assert_int_equal(unboost(&d, 2), 0);
    buf_init(&text, 1 << 20);
    core_save(d.core, &text);
    assert_int_equal(core_load_limits(buf_look(&text), &limits, NULL), 0);
    struct core *again = core_init(aligned_alloc(16, core_size(&limits)), core_size(&limits), &limits);
    assert_int_equal(core_load(again, buf_look(&text), NULL), 0);
    assert_int_equal(core_hash(again), core_hash(d.core));
    assert_null(core_broken(again));
    assert_int_equal(core_last_boost(again), 2);
    assert_true(core_boost_get(d.core, 0, &was) && core_boost_get(again, 0, &is));
    assert_memory_equal(&was, &is, sizeof was);
    assert_int_equal(core_boost_of(again, waits, d.wall_at), 0);
    again->boosts[0].reason11++;
    assert_int_not_equal(core_hash(again), core_hash(d.core));
    buf_finish(&text);
    free(again);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_first), cmocka_unit_test(test_first_is_not_boosted), cmocka_unit_test(test_end), cmocka_unit_test(test_before_it),
        cmocka_unit_test(test_first_among), cmocka_unit_test(test_makes_way), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
