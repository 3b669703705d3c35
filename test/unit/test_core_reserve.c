/* test_core_reserve.c - GPUs kept free for somebody (reserve.h). */
#include "core_desk.h"

static struct ev_reserve at(uint32_t id, uint32_t person, uint32_t gpus, usec_t from_at, usec_t until_at)
{
    return (struct ev_reserve){ .reservation = id, .person = person, .gpus = gpus, .from_at = from_at,
                                .until_at = until_at };
}

static void reserve(struct desk *d, struct ev_reserve e)
{
    desk_do(d, (struct core_event){ .kind = EVENT_RESERVE, .reserve = e });
}

static int refused(struct desk *d, struct ev_reserve e)
{
    struct core_event ev = { .kind = EVENT_RESERVE, .reserve = e };
    return desk_try(d, &ev);
}

static void begin(struct desk *d, uint32_t gpus, uint32_t moves)
{
    desk_begin(d, gpus, POLICY_BLEND);
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    s.search_moves = moves;
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
}

static enum reason why(struct desk *d, job_id id, struct explanation *ret)
{
    struct desk_plan p = desk_plan(d);
    assert_int_equal(core_explain(d->core, id, &p.plan, ret), 0);
    free(p.scratch);
    return ret->reason;
}

/* By its limit a job is out of the way, or is not; without one its forecast counts. */
static void others_stay_out(uint32_t moves)
{
    struct desk d;
    struct explanation x;
    begin(&d, 4, moves);
    for (int i = 0; i < 10; i++)
        desk_history(&d, (struct ev_submit){ .owner = 2, .command_key = 5, .gpus = 1 }, 10 * MIN);
    usec_t from_at = d.wall_at + 4 * HOUR;
    reserve(&d, at(1, 1, 3, from_at, from_at + 2 * HOUR));
    job_id in_time = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 2, .limit_us = 3 * HOUR });
    job_id too_long = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 2, .limit_us = 5 * HOUR });
    job_id small = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 1, .limit_us = 9 * HOUR });
    job_id forecast = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 1, .command_key = 5 });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, in_time), JOB_CONFIGURING);
    assert_int_equal(desk_state(&d, small), JOB_CONFIGURING); /* one is left beside the three */
    assert_int_equal(desk_state(&d, forecast), JOB_CONFIGURING);
    assert_int_equal(desk_state(&d, too_long), JOB_PENDING);
    assert_int_equal(why(&d, too_long, &x), REASON_RESERVED);
    assert_int_equal(x.reservation, 1);
    assert_true(x.change_at >= from_at + 2 * HOUR);
    struct desk_plan p = desk_plan(&d);
    assert_true(desk_row(&p, too_long)->start_at >= from_at + 2 * HOUR);
    free(p.scratch);
    desk_end(&d);
}

static void test_others_stay_out(void **state)
{
    (void)state;
    others_stay_out(0);
    others_stay_out(8);
}

/* Inside it its person's jobs come first, and go on beyond it; when it is over, or given up, all is as ever. */
static void its_person(uint32_t moves)
{
    struct desk d;
    usec_t wall_at, boot_at;
    begin(&d, 2, moves);
    usec_t from_at = d.wall_at + HOUR;
    reserve(&d, at(1, 1, 1, from_at, from_at + HOUR));
    reserve(&d, at(2, 3, 1, from_at + 10 * HOUR, from_at + 11 * HOUR));
    job_id other = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 2, .limit_us = 90 * MIN });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, other), JOB_PENDING);
    core_deadline(d.core, &wall_at, &boot_at);
    assert_true(wall_at <= from_at);
    d.wall_at = from_at;
    d.boot_at += HOUR;
    job_id own = desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 1, .limit_us = 3 * HOUR });
    job_id second = desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 1, .limit_us = 30 * MIN });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, own) == JOB_CONFIGURING || desk_state(&d, second) == JOB_CONFIGURING, true);
    assert_int_equal(desk_state(&d, other), JOB_PENDING);
    core_deadline(d.core, &wall_at, &boot_at);
    assert_true(wall_at <= from_at + HOUR);
    assert_int_equal(core_reservations_n(d.core), 2);
    desk_do(&d, (struct core_event){ .kind = EVENT_UNRESERVE, .unreserve = { .reservation = 2, .by = 3 } });
    desk_pass(&d, HOUR);
    desk_decide(&d);
    assert_int_equal(core_reservations_n(d.core), 0);
    desk_end(&d);
}

static void test_its_person(void **state)
{
    (void)state;
    its_person(0);
    its_person(8);
}

/* What its person runs counts first for the reservation that only it can serve: the other one is kept besides. */
static void own_by_type(uint32_t moves)
{
    struct desk d;
    begin(&d, 4, moves);
    for (uint32_t gpu = 2; gpu < 4; gpu++)
        desk_do(&d, (struct core_event){ .kind = EVENT_GPU, .gpu = { .gpu = gpu, .type = 2, .state = GPU_UP } });
    job_id own = desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 2, .gpu_type = 1, .limit_us = 20 * HOUR });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, own), JOB_CONFIGURING);
    usec_t from_at = d.wall_at + HOUR;
    struct ev_reserve typed = at(2, 1, 2, from_at, from_at + HOUR);
    typed.gpu_type = 1;
    reserve(&d, at(1, 1, 2, from_at, from_at + HOUR));
    reserve(&d, typed);
    job_id other = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 2, .gpu_type = 2, .limit_us = 2 * HOUR });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, other), JOB_PENDING);
    job_id brief = desk_submit(&d, (struct ev_submit){ .owner = 3, .gpus = 2, .gpu_type = 2, .limit_us = HOUR / 2 });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, brief), JOB_CONFIGURING);
    desk_end(&d);
}

static void test_own_by_type(void **state)
{
    (void)state;
    own_by_type(0);
    own_by_type(8);
}

/* It begins and ends by itself: the core asks for a decision then, and the one that waited starts. */
static void test_it_ends(void **state)
{
    (void)state;
    struct desk d;
    usec_t wall_at, boot_at;
    begin(&d, 2, 8);
    usec_t from_at = d.wall_at + HOUR;
    reserve(&d, at(7, 1, 2, from_at, from_at + HOUR));
    job_id other = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 1, .limit_us = 2 * HOUR });
    for (int i = 0; i < 1000 && desk_state(&d, other) == JOB_PENDING; i++) {
        desk_decide(&d);
        if (desk_state(&d, other) != JOB_PENDING)
            break;
        core_deadline(d.core, &wall_at, &boot_at);
        assert_true(wall_at > d.wall_at && wall_at < USEC_NEVER);
        desk_pass(&d, wall_at - d.wall_at);
    }
    assert_int_equal(d.wall_at, from_at + HOUR);
    desk_end(&d);
}

static void test_refusals(void **state)
{
    (void)state;
    struct desk d;
    begin(&d, 4, 0);
    usec_t h = HOUR, t = d.wall_at;
    assert_int_equal(refused(&d, at(1, 0, 1, t, t + h)), E_INVALID);
    assert_int_equal(refused(&d, at(1, 1, 0, t, t + h)), E_INVALID);
    assert_int_equal(refused(&d, at(1, 1, 1, t + h, t + h)), E_INVALID);
    assert_int_equal(refused(&d, at(1, 1, 1, t - 2 * h, t - h)), E_INVALID);
    assert_int_equal(refused(&d, at(1, 1, 5, t, t + h)), E_TOO_LARGE);
    assert_int_equal(refused(&d, at(1, 1, 1, t, t + 40 * USEC_PER_DAY)), E_TOO_LARGE);
    struct ev_reserve other_type = at(1, 1, 1, t, t + h);
    other_type.gpu_type = 2;
    assert_int_equal(refused(&d, other_type), E_TOO_LARGE);
    reserve(&d, at(1, 1, 2, t + 2 * h, t + 4 * h));
    assert_int_equal(refused(&d, at(1, 1, 1, t, t + h)), E_EXISTS);
    reserve(&d, at(2, 2, 2, t + 3 * h, t + 6 * h));
    assert_int_equal(refused(&d, at(3, 3, 1, t, t + 9 * h)), E_LIMIT); /* four of four from the third hour */
    reserve(&d, at(3, 3, 1, t + 4 * h, t + 9 * h));
    struct core_event gone = { .kind = EVENT_UNRESERVE, .unreserve = { .reservation = 9 } };
    assert_int_equal(desk_try(&d, &gone), E_NOT_FOUND);
    desk_end(&d);
}

/* A core that was saved and loaded has them too, and the same hash. */
static void test_saved(void **state)
{
    (void)state;
    struct desk d;
    struct buf b;
    struct core_limits limits;
    struct reservation r;
    begin(&d, 4, 8);
    struct ev_reserve e = at(3, 2, 2, d.wall_at + HOUR, d.wall_at + 3 * HOUR);
    e.name0 = 0x6f6d6564;
    reserve(&d, e);
    desk_decide(&d);
    buf_init(&b, 1 << 20);
    core_save(d.core, &b);
    assert_int_equal(core_load_limits(buf_look(&b), &limits, NULL), 0);
    void *block = aligned_alloc(16, core_size(&limits));
    struct core *again = core_init(block, core_size(&limits), &limits);
    assert_int_equal(core_load(again, buf_look(&b), NULL), 0);
    assert_true(core_hash(again) == core_hash(d.core));
    assert_true(core_reservation_get(again, 0, &r));
    assert_int_equal(r.id, 3);
    assert_int_equal(r.person, 2);
    assert_int_equal(r.name0, 0x6f6d6564);
    assert_int_equal(core_last_reservation(again), 3);
    free(block);
    buf_finish(&b);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_others_stay_out), cmocka_unit_test(test_its_person), cmocka_unit_test(test_it_ends),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_saved), cmocka_unit_test(test_own_by_type),
    };
    return cmocka_run_group_tests_name("core_reserve", tests, NULL, NULL);
}
