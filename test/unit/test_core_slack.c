/* The slack of what others wait for: a start moved later moves nothing behind it (slack.h). */
#include "core_desk.h"

#include "base/prng.h"
#include "core/slack.h"

static void begin(struct desk *d, uint32_t moves)
{
    desk_begin(d, 4, POLICY_BLEND);
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = {
        .policy = POLICY_BLEND, .plan_depth = 16, .presence_us = 30 * MIN, .runtime_guess_us = HOUR,
        .estimates = ESTIMATES_TOLD, .price_milli = 400, .search_window = 32, .search_moves = moves, .defer = 2, .slack = 2 } });
    desk_hours(d, 1, 9, 18);
    desk_hours(d, 2, 9, 18);
    desk_pass(d, 10 * HOUR);
}

static job_id waits(struct desk *d, uint32_t owner, usec_t told_us, const struct dep *dep)
{
    return desk_submit(d, (struct ev_submit){ .owner = owner, .gpus = 1, .estimate_us = told_us, .deps = dep, .deps_n = 1 });
}

/* Hours after midnight at which the first job starts, whatever happens else. */
static int start_of(struct desk *d, job_id id)
{
    for (int i = 0; i < 500 && desk_state(d, id) == JOB_PENDING; i++) {
        usec_t wall_at, boot_at;
        desk_decide(d);
        if (desk_state(d, id) != JOB_PENDING)
            break;
        core_deadline(d->core, &wall_at, &boot_at);
        assert_int_not_equal(wall_at, USEC_NEVER);
        desk_pass(d, usec_max(wall_at - d->wall_at, 1));
    }
    assert_int_equal(desk_state(d, id), JOB_CONFIGURING);
    int hours = (int)((d->wall_at - DESK_START) / HOUR);
    desk_end(d);
    return hours;
}

static void test_each_link_counts(void **state)
{
    (void)state;
    static struct desk d;
    for (uint32_t moves = 0; moves <= 8; moves += 8) {
        job_id a;
        struct dep after_a = { .kind = DEP_AFTEROK, .outcome = DEP_LIVE };
        /* 12 h from 10:00: alone it waits for 18:00, when the GPUs are nobody's. */
        begin(&d, moves);
        a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
        assert_int_equal(start_of(&d, a), 18);
        /* One hour behind it fits beside it before 9:00: from 18:00 it would end at 7:00. */
        begin(&d, moves);
        a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
        waits(&d, 2, HOUR, &after_a);
        assert_int_equal(start_of(&d, a), 18);
        /* Eight hours behind it are seen at 9:00 only if it starts by 13:00. */
        begin(&d, moves);
        a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
        waits(&d, 2, 8 * HOUR, &after_a);
        assert_int_equal(start_of(&d, a), 13);
        /* Of a chain, the end of the chain. */
        begin(&d, moves);
        a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
        after_a.job = waits(&d, 1, 4 * HOUR, &after_a);
        waits(&d, 2, 4 * HOUR, &after_a);
        assert_int_equal(start_of(&d, a), 13);
        /* Whose result would come while its owner is there waits for nobody: 12 + 13 h end at 11:00. */
        begin(&d, moves);
        a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
        waits(&d, 2, 13 * HOUR, &after_a);
        assert_int_equal(start_of(&d, a), 10);
        /* It may not begin before 5:00 anyway, and lasts four hours: that the first ends by then is enough. */
        begin(&d, moves);
        a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
        desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 1, .estimate_us = 4 * HOUR, .deps = &after_a, .deps_n = 1,
                                            .begin_at = DESK_START + 29 * HOUR });
        assert_int_equal(start_of(&d, a), 17);
        /* Who waits for its start, and would show something now, leaves nothing. */
        begin(&d, moves);
        after_a.kind = DEP_AFTER;
        a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
        waits(&d, 2, HOUR, &after_a);
        assert_int_equal(start_of(&d, a), 10);
        /* Nor does a deadline behind it that is met only so: 12 + 2 h by midnight. */
        begin(&d, moves);
        after_a.kind = DEP_AFTERANY;
        a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
        desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 1, .estimate_us = 2 * HOUR, .deps = &after_a, .deps_n = 1,
                                            .deadline_at = DESK_START + 24 * HOUR });
        assert_int_equal(start_of(&d, a), 10);
    }
}

static void test_arrays_names_and_many(void **state)
{
    (void)state;
    static struct desk d;
    struct range tasks = { 1, 4, 1 };
    struct dep after_a = { .kind = DEP_AFTEROK, .outcome = DEP_LIVE };
    for (uint32_t moves = 0; moves <= 8; moves += 8) {
        /* Four tasks of two hours, two at once: four hours. */
        begin(&d, moves);
        job_id a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
        desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 1, .estimate_us = 2 * HOUR, .deps = &after_a, .deps_n = 1,
                                            .tasks = &tasks, .tasks_n = 1, .array_max = 2 });
        assert_int_equal(start_of(&d, a), 17);
        /* ... of which one was changed since: nobody knows what holds of all. */
        begin(&d, moves);
        a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
        job_id first = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 1, .estimate_us = 2 * HOUR, .deps = &after_a,
                                                           .deps_n = 1, .tasks = &tasks, .tasks_n = 1, .array_max = 2 });
        desk_do(&d, (struct core_event){ .kind = EVENT_SET, .set = { .job = first + 2, .field = SET_NICE, .value = 10 } });
        assert_int_equal(start_of(&d, a), 10);
        /* Its namesake waits for it. */
        begin(&d, moves);
        a = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR, .name_key = 7 });
        desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = HOUR, .name_key = 7, .flags = JOB_SINGLETON | JOB_NOW });
        assert_int_equal(start_of(&d, a), 10);
        /* More than anybody follows: not moved, rather than moved without a look. */
        begin(&d, moves);
        a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
        for (int i = 0; i < SLACK_DEPTH + 1; i++)
            after_a.job = waits(&d, 2, MIN, &after_a);
        assert_int_equal(start_of(&d, a), 10);
        begin(&d, moves);
        a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
        for (int i = 0; i <= SLACK_NODES; i++)
            waits(&d, 2, MIN, &after_a);
        assert_int_equal(start_of(&d, a), 10);
    }
}

/* A todo behind it keeps the time it would have had. */
static void test_todos(void **state)
{
    (void)state;
    static struct desk d;
    for (uint32_t moves = 0; moves <= 8; moves += 8) {
        for (int from = 4; from <= 9; from += 5) { /* somebody labels images from 4:00, or from 9:00 */
            struct offer offered[] = { { DESK_START + 9 * HOUR, DESK_START + 12 * HOUR, 1, 0 },
                                       { DESK_START + (24 + from) * HOUR, DESK_START + 36 * HOUR, 2, 0 } };
            struct number who = { 2 };
            begin(&d, moves);
            desk_do(&d, (struct core_event){ .kind = EVENT_OFFER, .offer = {
                .person = 2, .until_at = DESK_START + 14 * USEC_PER_DAY, .windows = offered, .windows_n = 2 } });
            struct dep after_a = { .kind = DEP_AFTEROK, .outcome = DEP_LIVE };
            job_id a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
            desk_do(&d, (struct core_event){ .kind = EVENT_TODO_ADD, .todo_add = {
                .todo = a + 1, .by = 2, .takes_us = HOUR, .min_chunk_us = HOUR, .who = &who, .who_n = 1, .deps = &after_a, .deps_n = 1 } });
            assert_int_equal(start_of(&d, a), from == 4 ? 16 : 18);
        }
    }
}

/* Whatever is moved in made-up weeks: what is behind it is seen when it would have been (each link by itself). */
static void test_nothing_behind_moves(void **state)
{
    (void)state;
    uint32_t moved = 0, bound = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        static struct desk d;
        struct prng p;
        struct { job_id id, after; person_no owner; usec_t told_us; } links[6];
        int n = 2 + (int)(seed % 5);
        prng_init(&p, seed, 9);
        begin(&d, seed % 2 ? 8 : 0);
        desk_hours(&d, 2, 12, 20);
        for (int i = 0; i < n; i++) {
            struct dep dep = { .kind = DEP_AFTEROK, .outcome = DEP_LIVE };
            links[i].owner = (person_no)(1 + prng_below(&p, 2));
            links[i].told_us = (usec_t)(10 + prng_below(&p, i ? 150 : 900)) * MIN;
            links[i].after = dep.job = i ? links[prng_below(&p, (uint64_t)i)].id : 0;
            links[i].id = desk_submit(&d, (struct ev_submit){ .owner = links[i].owner, .gpus = 1, .flags = i ? JOB_NOW : 0,
                .estimate_us = links[i].told_us, .deps = &dep, .deps_n = i ? 1 : 0, .submitter = 3 });
        }
        desk_decide(&d);
        struct desk_plan plan = desk_plan(&d);
        const struct plan_row *row = desk_row(&plan, links[0].id);
        usec_t from[6], to[6];
        for (int i = 0; i < n && row->moved_to_at; i++) {
            from[i] = i ? 0 : row->moved_from_at;
            to[i] = i ? 0 : row->moved_to_at;
            for (int k = 0; k < i; k++)
                if (links[k].id == links[i].after) {
                    from[i] = from[k];
                    to[i] = to[k];
                }
            from[i] += links[i].told_us;
            to[i] += links[i].told_us;
            assert_int_equal(core_eyes_at(d.core, links[i].owner, from[i]), core_eyes_at(d.core, links[i].owner, to[i]));
        }
        moved += row->moved_to_at != 0;
        bound += row->moved_to_at == 0 && core_eyes_at(d.core, links[0].owner, d.wall_at + links[0].told_us) >
                                              d.wall_at + links[0].told_us + 8 * HOUR;
        free(plan.scratch);
        desk_end(&d);
    }
    assert_true(moved > 20);
    assert_true(bound > 5); /* alone it would have been */
}

/* Without the setting it is as it was: what others wait for is not moved. */
static void test_old_journals(void **state)
{
    (void)state;
    static struct desk d;
    begin(&d, 8);
    desk_do(&d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = {
        .policy = POLICY_BLEND, .plan_depth = 16, .presence_us = 30 * MIN, .runtime_guess_us = HOUR, .defer = 2,
        .estimates = ESTIMATES_TOLD, .price_milli = 400, .search_window = 32, .search_moves = 8 } });
    struct dep after_a = { .kind = DEP_AFTEROK, .outcome = DEP_LIVE };
    job_id a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
    waits(&d, 2, HOUR, &after_a);
    assert_int_equal(start_of(&d, a), 10);
}

/* The last good start of a job that others wait for is theirs too. */
static void test_last_good(void **state)
{
    (void)state;
    static struct desk d;
    struct explanation e;
    begin(&d, 8);
    struct dep after_a = { .kind = DEP_AFTEROK, .outcome = DEP_LIVE };
    job_id a = after_a.job = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = 12 * HOUR });
    waits(&d, 2, 8 * HOUR, &after_a);
    desk_decide(&d);
    struct desk_plan p = desk_plan(&d);
    assert_int_equal(core_explain(d.core, a, &p.plan, &e), 0);
    assert_int_equal(e.last_good_at, DESK_START + 13 * HOUR);
    free(p.scratch);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_link_counts), cmocka_unit_test(test_arrays_names_and_many),
        cmocka_unit_test(test_todos), cmocka_unit_test(test_nothing_behind_moves),
        cmocka_unit_test(test_old_journals), cmocka_unit_test(test_last_good) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
