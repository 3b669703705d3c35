/* Hands-on work: where todos land in their people's hours, what moves them, what they hold up. */
#include "core_desk.h"
#include "core_luck.h"

#define H(hours) (DESK_START + (usec_t)((hours) * 60) * MIN) /* hours since Monday 00:00 */
#define DAYS 10

/* Person offers [from, until) o'clock on the next DAYS days. */
static void offer(struct desk *d, uint32_t person, uint32_t from, uint32_t until, usec_t cap_us)
{
    struct offer windows[DAYS];
    for (uint32_t i = 0; i < DAYS; i++)
        windows[i] = (struct offer){ H(24 * i + from), H(24 * i + until), i, 0 };
    desk_do(d, (struct core_event){ .kind = EVENT_OFFER, .offer = {
        .person = person, .until_at = H(24 * DAYS), .cap_us = cap_us, .windows = windows,
        .windows_n = DAYS } });
}

/* By person 1 for person 1, in one piece, unless said otherwise. */
static job_id add(struct desk *d, struct ev_todo_add e)
{
    static struct number one;
    e.todo = core_last_id(d->core) + 1;
    e.by = e.by ? e.by : 1;
    one.n = e.by;
    if (!e.who_n) {
        e.who = &one;
        e.who_n = 1;
    }
    e.min_chunk_us = e.min_chunk_us ? e.min_chunk_us : e.takes_us;
    desk_do(d, (struct core_event){ .kind = EVENT_TODO_ADD, .todo_add = e });
    return e.todo;
}

static struct core_todo todo(struct desk *d, job_id id)
{
    struct core_todo t;
    assert_true(core_todo_get(d->core, id, &t));
    return t;
}

static void is_at(struct desk *d, job_id id, usec_t from_at, usec_t until_at)
{
    struct core_todo t = todo(d, id);
    if (t.next_from_at != from_at || t.next_until_at != until_at)
        fail_msg("todo %u is at %.2f to %.2f, not %.2f to %.2f (hours since Monday); it waits for %s", id,
                 (double)(t.next_from_at - DESK_START) / HOUR, (double)(t.next_until_at - DESK_START) / HOUR,
                 (double)(from_at - DESK_START) / HOUR, (double)(until_at - DESK_START) / HOUR,
                 todo_wait_word(t.wait));
}

static void at(struct desk *d, double hour)
{
    usec_t to = H(hour);
    desk_pass(d, to - d->wall_at);
    desk_decide(d);
}

static int refused(struct desk *d, struct core_event ev)
{
    int r = desk_try(d, &ev);
    assert_true(r < 0);
    return r;
}

static struct core_event answer(enum event_kind kind, job_id id, uint32_t by, usec_t instant)
{
    struct core_event ev = { .kind = kind };
    if (kind == EVENT_TODO_MOVE)
        ev.todo_move = (struct ev_todo_move){ id, by, instant, (instant - DESK_START) / USEC_PER_DAY, 0 };
    else
        ev.todo_snooze = (struct ev_todo_snooze){ id, by, instant, 0 };
    return ev;
}

static const struct todo_row *todo_row(const struct desk_plan *r, job_id id, uint32_t part)
{
    for (uint32_t i = 0; i < r->plan.todo_rows_n; i++)
        if (r->plan.todo_rows[i].todo == id && r->plan.todo_rows[i].part == part)
            return &r->plan.todo_rows[i];
    return NULL;
}

/* --- where it lands ------------------------------------------------------------------------------ */

static void test_into_offered_hours(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 1, POLICY_EASY);
    job_id a = add(&d, (struct ev_todo_add){ .takes_us = HOUR });
    desk_decide(&d);
    is_at(&d, a, 0, 0);
    assert_int_equal(todo(&d, a).wait, TODO_WAIT_HOURS); /* nothing offered: nothing taken */
    offer(&d, 1, 9, 12, 0);
    at(&d, 1);
    is_at(&d, a, H(9), H(10));
    job_id b = add(&d, (struct ev_todo_add){ .takes_us = 90 * MIN });
    job_id c = add(&d, (struct ev_todo_add){ .takes_us = HOUR });
    at(&d, 1.5);
    is_at(&d, b, H(10), H(11.5));
    is_at(&d, c, H(33), H(34)); /* half an hour is left on Monday; it goes in one piece */
    /* Late on Monday the step is five minutes, from now on. */
    at(&d, 11.55);
    desk_do(&d, answer(EVENT_TODO_DONE, a, 1, 0));
    desk_do(&d, answer(EVENT_TODO_DONE, b, 1, 0));
    job_id e = add(&d, (struct ev_todo_add){ .takes_us = 10 * MIN });
    desk_decide(&d);
    is_at(&d, e, H(11.5) + 5 * MIN, H(11.5) + 15 * MIN);
    desk_end(&d);
}

static void test_under_way_stays_and_passes(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 1, POLICY_EASY);
    offer(&d, 1, 9, 18, 0);
    job_id a = add(&d, (struct ev_todo_add){ .takes_us = 2 * HOUR });
    job_id train = desk_submit(&d, (struct ev_submit){ .gpus = 1, .deps_n = 1,
        .deps = &(struct dep){ .kind = DEP_AFTEROK, .job = a } });
    at(&d, 8);
    assert_int_equal(desk_state(&d, train), JOB_PENDING);
    assert_int_equal(desk_job(&d, train).reason, REASON_DEPENDENCY);
    at(&d, 10); /* a decision in the midst of it moves nothing */
    is_at(&d, a, H(9), H(11));
    usec_t wall_at, boot_at;
    core_deadline(d.core, &wall_at, &boot_at);
    assert_int_equal(wall_at, H(11));
    at(&d, 11); /* over, and nobody said done: a quarter more */
    is_at(&d, a, H(11), H(11.5));
    assert_int_equal(todo(&d, a).left_us, 30 * MIN);
    desk_do(&d, answer(EVENT_TODO_DONE, a, 1, 0));
    assert_int_equal(desk_update(&d, UPDATE_TODO, a)->to, TODO_DONE);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, train), JOB_CONFIGURING);
    struct core_todo gone;
    assert_false(core_todo_get(d.core, a, &gone));
    desk_end(&d);
}

static void test_split_and_cap(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 0, POLICY_EASY);
    offer(&d, 1, 9, 18, 3 * HOUR);
    job_id a = add(&d, (struct ev_todo_add){ .takes_us = 5 * HOUR, .min_chunk_us = HOUR });
    job_id b = add(&d, (struct ev_todo_add){ .takes_us = 4 * HOUR });
    at(&d, 1);
    struct desk_plan r = desk_plan(&d);
    const struct todo_row *one = todo_row(&r, a, 1), *two = todo_row(&r, a, 2);
    assert_true(one && two && one->parts == 2);
    assert_true(one->from_at == H(9) && one->until_at == H(12));
    assert_true(two->from_at == H(33) && two->until_at == H(35));
    assert_null(todo_row(&r, b, 1));
    assert_int_equal(todo(&d, b).wait, TODO_WAIT_ROOM); /* four hours in one piece, three a day */
    free(r.scratch);
    /* What passed today counts: at noon there is nothing left of Monday. */
    at(&d, 12);
    job_id c = add(&d, (struct ev_todo_add){ .takes_us = 30 * MIN });
    desk_decide(&d);
    assert_true(todo(&d, c).next_from_at >= H(33));
    /* Two hours are left; pieces of at least one: never three quarters and a rest of a quarter. */
    desk_do(&d, (struct core_event){ .kind = EVENT_TODO_SET, .todo_set = { a, TODO_SET_WORKED_US, 0, 0 } });
    desk_do(&d, (struct core_event){ .kind = EVENT_TODO_SET, .todo_set = { a, TODO_SET_TAKES_US, 210 * MIN, 0 } });
    desk_decide(&d);
    r = desk_plan(&d);
    one = todo_row(&r, a, 1);
    two = todo_row(&r, a, 2);
    assert_true(one->until_at - one->from_at == 150 * MIN && two->until_at - two->from_at == HOUR);
    free(r.scratch);
    desk_end(&d);
}

static void test_focus_block_stays_whole(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 0, POLICY_EASY);
    const struct offer windows[] = { { H(9), H(12), 0, 1 }, { H(14), H(15), 0, 0 } };
    desk_do(&d, (struct core_event){ .kind = EVENT_OFFER, .offer = {
        .person = 1, .until_at = H(24), .windows = windows, .windows_n = 2 } });
    job_id small = add(&d, (struct ev_todo_add){ .takes_us = 20 * MIN });
    job_id big = add(&d, (struct ev_todo_add){ .takes_us = 2 * HOUR });
    job_id bigger = add(&d, (struct ev_todo_add){ .takes_us = 2 * HOUR });
    at(&d, 1);
    is_at(&d, small, H(14), H(14) + 20 * MIN); /* not into the block, though it comes first */
    is_at(&d, big, H(9), H(11));
    is_at(&d, bigger, 0, 0);                   /* one todo a block */
    desk_end(&d);
}

static void test_deadlines(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 1, POLICY_EASY);
    offer(&d, 1, 9, 10, 0);
    job_id any = add(&d, (struct ev_todo_add){ .takes_us = HOUR });
    job_id soon = add(&d, (struct ev_todo_add){ .takes_us = HOUR, .deadline_at = H(12) });
    at(&d, 1);
    is_at(&d, soon, H(9), H(10));
    is_at(&d, any, H(33), H(34));
    /* What holds up a GPU goes first, unless a deadline would be missed that way. */
    job_id holds = add(&d, (struct ev_todo_add){ .takes_us = HOUR });
    desk_submit(&d, (struct ev_submit){ .gpus = 1, .deps_n = 1,
        .deps = &(struct dep){ .kind = DEP_AFTEROK, .job = holds } });
    desk_decide(&d);
    is_at(&d, soon, H(9), H(10));
    is_at(&d, holds, H(33), H(34));
    is_at(&d, any, H(57), H(58));
    desk_end(&d);
}

static void test_any_of(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 0, POLICY_EASY);
    offer(&d, 1, 13, 18, 0);
    offer(&d, 2, 9, 12, 0);
    const struct number both[] = { { 1 }, { 2 } };
    struct ev_todo_add e = { .by = 3, .takes_us = 2 * HOUR, .who = both, .who_n = 2 };
    job_id a = add(&d, e), b = add(&d, e), c = add(&d, e);
    at(&d, 1);
    is_at(&d, a, H(9), H(11));
    assert_int_equal(todo(&d, a).next_who, 2);
    is_at(&d, b, H(13), H(15));
    is_at(&d, c, H(15), H(17));
    desk_do(&d, answer(EVENT_TODO_DECLINE, a, 2, 0));
    desk_decide(&d);
    assert_int_equal(todo(&d, a).next_who, 1);
    desk_do(&d, answer(EVENT_TODO_ACCEPT, b, 2, 0));
    desk_decide(&d);
    is_at(&d, b, H(9), H(11));
    assert_int_equal(todo(&d, b).who_n, 1);
    assert_int_equal(refused(&d, answer(EVENT_TODO_ACCEPT, b, 1, 0)), E_DENIED);
    desk_do(&d, answer(EVENT_TODO_DECLINE, b, 2, 0));
    desk_decide(&d);
    assert_int_equal(todo(&d, b).wait, TODO_WAIT_DECLINED);
    is_at(&d, b, 0, 0);
    desk_end(&d);
}

/* --- by hand ------------------------------------------------------------------------------------- */

static void test_move_is_a_pin(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 0, POLICY_EASY);
    offer(&d, 1, 9, 18, HOUR);
    job_id a = add(&d, (struct ev_todo_add){ .takes_us = 2 * HOUR, .min_chunk_us = HOUR });
    job_id b = add(&d, (struct ev_todo_add){ .takes_us = HOUR });
    at(&d, 1);
    desk_do(&d, answer(EVENT_TODO_MOVE, a, 1, H(20))); /* in the evening, over the cap, in one piece */
    desk_decide(&d);
    is_at(&d, a, H(20), H(22));
    is_at(&d, b, H(33), H(34)); /* and that is more than Monday's hour */
    assert_int_equal(refused(&d, answer(EVENT_TODO_MOVE, b, 1, H(21))), E_STATE);
    assert_int_equal(refused(&d, answer(EVENT_TODO_MOVE, b, 2, H(23))), E_DENIED);
    desk_do(&d, (struct core_event){ .kind = EVENT_OFFER, .offer = { .person = 1 } });
    desk_decide(&d);
    is_at(&d, a, H(20), H(22)); /* a calendar may say what it likes */
    desk_do(&d, answer(EVENT_TODO_MOVE, a, 1, 0));
    desk_decide(&d);
    is_at(&d, a, 0, 0);
    desk_end(&d);
}

static void test_pin_cuts_what_is_under_way(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 0, POLICY_EASY);
    offer(&d, 1, 9, 18, 0);
    job_id a = add(&d, (struct ev_todo_add){ .takes_us = 3 * HOUR, .min_chunk_us = HOUR });
    job_id b = add(&d, (struct ev_todo_add){ .takes_us = HOUR });
    at(&d, 9.5);
    is_at(&d, a, H(9.5), H(12.5));
    at(&d, 10);
    desk_do(&d, answer(EVENT_TODO_MOVE, b, 1, H(11)));
    desk_decide(&d);
    is_at(&d, a, H(9.5), H(11));
    is_at(&d, b, H(11), H(12));
    at(&d, 12);
    is_at(&d, a, H(12), H(13.5));
    desk_end(&d);
}

static void test_snooze(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 0, POLICY_EASY);
    offer(&d, 1, 9, 18, 0);
    job_id a = add(&d, (struct ev_todo_add){ .takes_us = HOUR });
    at(&d, 9);
    at(&d, 9.5);
    desk_do(&d, answer(EVENT_TODO_SNOOZE, a, 1, H(14)));
    desk_decide(&d);
    is_at(&d, a, H(14), H(14.5)); /* half of it had passed */
    desk_end(&d);
}

static void test_asked_at_a_time(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 0, POLICY_EASY);
    offer(&d, 1, 9, 18, 0);
    const struct number one = { 1 };
    struct ev_todo_add e = { .by = 2, .takes_us = HOUR, .who = &one, .who_n = 1, .at_at = H(14), .at_day = 0 };
    job_id inside = add(&d, e);
    e.at_at = H(20);
    job_id outside = add(&d, e);
    at(&d, 1);
    is_at(&d, inside, H(14), H(15));
    is_at(&d, outside, 0, 0);
    assert_int_equal(todo(&d, outside).wait, TODO_WAIT_ACCEPT);
    desk_do(&d, answer(EVENT_TODO_ACCEPT, outside, 1, 0));
    desk_decide(&d);
    is_at(&d, outside, H(20), H(21));
    /* Away at two: what others set there is no longer there; it waits for another time or a yes. */
    const struct offer morning = { H(9), H(12), 0, 0 };
    desk_do(&d, (struct core_event){ .kind = EVENT_OFFER, .offer = {
        .person = 1, .until_at = H(24), .windows = &morning, .windows_n = 1 } });
    desk_decide(&d);
    is_at(&d, inside, 0, 0);
    desk_end(&d);
}

static void test_calendar_changes(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 0, POLICY_EASY);
    offer(&d, 1, 9, 18, 0);
    job_id a = add(&d, (struct ev_todo_add){ .takes_us = 2 * HOUR, .min_chunk_us = HOUR });
    at(&d, 9);
    at(&d, 10); /* one hour has passed when somebody calls them away until three */
    const struct offer rest = { H(15), H(18), 0, 0 };
    desk_do(&d, (struct core_event){ .kind = EVENT_OFFER, .offer = {
        .person = 1, .until_at = H(24), .windows = &rest, .windows_n = 1 } });
    desk_decide(&d);
    is_at(&d, a, H(15), H(16));
    desk_end(&d);
}

/* --- one graph ----------------------------------------------------------------------------------- */

/* Label in the afternoon, train over night, look at it in the morning. */
static void test_chain_over_a_night(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 1, POLICY_EASY);
    struct ev_submit train = { .gpus = 1, .command_key = 7 };
    for (int i = 0; i < 5; i++)
        desk_history(&d, train, 9 * HOUR);
    desk_pass(&d, DESK_START - d.wall_at);
    offer(&d, 1, 13, 18, 0);
    offer(&d, 2, 9, 12, 0);
    job_id label = add(&d, (struct ev_todo_add){ .takes_us = 2 * HOUR });
    train.deps = &(struct dep){ .kind = DEP_AFTEROK, .job = label };
    train.deps_n = 1;
    job_id trained = desk_submit(&d, train);
    const struct number reviewer = { 2 };
    job_id review = add(&d, (struct ev_todo_add){ .takes_us = 20 * MIN, .who = &reviewer, .who_n = 1,
        .flags = TODO_REVIEW, .deps = &(struct dep){ .kind = DEP_AFTEROK, .job = trained }, .deps_n = 1 });
    at(&d, 12);
    struct desk_plan r = desk_plan(&d);
    assert_true(todo_row(&r, label, 1)->from_at == H(13) && todo_row(&r, label, 1)->until_at == H(15));
    assert_int_equal(desk_row(&r, trained)->start_at, H(15));
    usec_t end_at = desk_row(&r, trained)->end_p50_at;
    assert_true(end_at > H(23) && end_at < H(25));
    assert_int_equal(todo_row(&r, review, 1)->from_at, H(33)); /* not at midnight */
    assert_true(todo_row(&r, review, 1)->asked);
    struct explanation e;
    assert_int_equal(core_explain(d.core, trained, &r.plan, &e), 0);
    assert_int_equal(e.blocker, label);
    assert_int_equal(e.change_at, H(15));
    free(r.scratch);
    at(&d, 15);
    desk_do(&d, answer(EVENT_TODO_DONE, label, 1, 0));
    desk_decide(&d);
    desk_started(&d, trained);
    at(&d, 20);
    is_at(&d, review, 0, 0); /* planned, but nothing to keep yet */
    assert_int_equal(todo(&d, review).wait, TODO_WAIT_DEPENDENCY);
    at(&d, 24);
    desk_ended(&d, trained, END_EXIT, 0);
    desk_decide(&d);
    is_at(&d, review, H(33), H(33) + 20 * MIN);
    desk_end(&d);
}

static void test_review_of_nothing_is_dropped(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 1, POLICY_EASY);
    job_id train = desk_submit(&d, (struct ev_submit){ .gpus = 1 });
    struct ev_todo_add e = { .takes_us = 20 * MIN, .deps_n = 1,
        .deps = &(struct dep){ .kind = DEP_AFTEROK, .job = train } };
    job_id plain = add(&d, e);
    e.flags = TODO_REVIEW;
    job_id review = add(&d, e);
    desk_decide(&d);
    desk_started(&d, train);
    desk_ended(&d, train, END_EXIT, 1);
    desk_decide(&d);
    assert_int_equal(desk_update(&d, UPDATE_TODO, review)->to, TODO_DROPPED);
    assert_int_equal(todo(&d, plain).wait, TODO_WAIT_NEVER);
    desk_end(&d);
}

static void test_before(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 1, POLICY_EASY);
    job_id blocker = desk_submit(&d, (struct ev_submit){ .gpus = 1 });
    desk_decide(&d);
    desk_started(&d, blocker);
    job_id first = desk_submit(&d, (struct ev_submit){ .gpus = 1 });
    job_id second = desk_submit(&d, (struct ev_submit){ .gpus = 1, .deps_n = 1,
        .deps = &(struct dep){ .kind = DEP_AFTEROK, .job = first } });
    const struct range tasks = { 0, 2, 1 };
    job_id array = desk_submit(&d, (struct ev_submit){ .gpus = 1, .tasks = &tasks, .tasks_n = 1 });
    job_id a = add(&d, (struct ev_todo_add){ .takes_us = HOUR, .before_n = 2,
        .before = (struct before[]){ { first, 0 }, { array, 1 } } });
    desk_decide(&d);
    assert_int_equal(desk_job(&d, first).reason, REASON_DEPENDENCY);
    assert_int_equal(desk_job(&d, array + 1).reason, REASON_DEPENDENCY);
    /* after the second and before the first, which the second waits for */
    const struct number one = { 1 };
    struct core_event circle = { .kind = EVENT_TODO_ADD, .todo_add = { .todo = core_last_id(d.core) + 1, .by = 1,
        .takes_us = HOUR, .min_chunk_us = HOUR, .who = &one, .who_n = 1, .deps_n = 1, .before_n = 1,
        .deps = &(struct dep){ .kind = DEP_AFTEROK, .job = second }, .before = &(struct before){ first, 0 } } };
    assert_int_equal(refused(&d, circle), E_INVALID);
    circle.todo_add.before = &(struct before){ a, 0 };
    assert_int_equal(refused(&d, circle), E_INVALID); /* the first waits for a */
    circle.todo_add.before = &(struct before){ blocker, 0 };
    assert_int_equal(refused(&d, circle), E_STATE);   /* runs already */
    circle.todo_add.before = &(struct before){ second, 0 };
    assert_int_equal(refused(&d, circle), E_INVALID);
    desk_ended(&d, blocker, END_EXIT, 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, first), JOB_PENDING);
    desk_do(&d, answer(EVENT_TODO_DONE, a, 1, 0));
    desk_decide(&d);
    assert_int_equal(desk_state(&d, first), JOB_CONFIGURING);
    assert_int_not_equal(desk_job(&d, array).reason, REASON_DEPENDENCY);
    /* One that is dropped is not done: what was to come after it never does. */
    job_id b = add(&d, (struct ev_todo_add){ .takes_us = HOUR, .before_n = 1,
        .before = &(struct before){ second, 0 } });
    desk_do(&d, answer(EVENT_TODO_DROP, b, 1, 0));
    desk_decide(&d);
    assert_int_equal(desk_job(&d, second).reason, REASON_DEPENDENCY_NEVER);
    desk_end(&d);
}

/* --- declining costs nothing ---------------------------------------------------------------------- */

/* Two like lives; in one of them the person declines.  All else about them is the same. */
static void test_declining_costs_nothing(void **state)
{
    (void)state;
    static struct desk d[2];
    const struct number one = { 1 };
    job_id own[2];
    for (int i = 0; i < 2; i++) {
        desk_begin(&d[i], 1, POLICY_BLEND);
        offer(&d[i], 1, 9, 18, 3 * HOUR);
        job_id asked = add(&d[i], (struct ev_todo_add){ .by = 2, .takes_us = HOUR, .who = &one, .who_n = 1 });
        desk_submit(&d[i], (struct ev_submit){ .gpus = 1 });
        desk_submit(&d[i], (struct ev_submit){ .gpus = 1 });
        desk_submit(&d[i], (struct ev_submit){ .gpus = 1, .owner = 2 });
        desk_decide(&d[i]);
        desk_do(&d[i], answer(i ? EVENT_TODO_DECLINE : EVENT_TODO_DROP, asked, 1, 0));
        own[i] = add(&d[i], (struct ev_todo_add){ .takes_us = 2 * HOUR });
        at(&d[i], 8);
    }
    is_at(&d[0], own[0], H(9), H(11));
    is_at(&d[1], own[1], H(9), H(11));
    struct desk_plan a = desk_plan(&d[0]), b = desk_plan(&d[1]);
    assert_int_equal(a.plan.rows_n, b.plan.rows_n);
    for (uint32_t i = 0; i < a.plan.rows_n; i++) {
        assert_int_equal(a.plan.rows[i].job, b.plan.rows[i].job);
        assert_int_equal(a.plan.rows[i].start_at, b.plan.rows[i].start_at);
        assert_int_equal(a.plan.rows[i].index, b.plan.rows[i].index);
    }
    free(a.scratch);
    free(b.scratch);
    desk_end(&d[0]);
    desk_end(&d[1]);
}

/* --- whatever happens ----------------------------------------------------------------------------- */

static const struct offer *offer_over(const struct core *c, const struct todo_row *row)
{
    uint32_t n;
    usec_t cap_us;
    const struct offer *o = core_offers(c, row->person, &n, &cap_us);
    for (uint32_t i = 0; i < n; i++)
        if (o[i].from_at <= row->from_at && row->until_at <= o[i].until_at)
            return &o[i];
    return NULL;
}

/* Every row of a drawing, not only the next pieces that core_broken knows. */
static const char *rows_wrong(const struct core *c, const struct core_plan *plan)
{
    for (uint32_t i = 0; i < plan->todo_rows_n; i++) {
        const struct todo_row *row = &plan->todo_rows[i];
        struct core_todo t;
        uint32_t n;
        usec_t cap_us, day_us = 0;
        bool fixed = row->under_way || (row->pinned && !row->asked);
        if (!core_todo_get(c, row->todo, &t) || row->from_at >= row->until_at || row->late_until_at < row->until_at)
            return "a row makes no sense";
        core_offers(c, row->person, &n, &cap_us);
        const struct offer *o = offer_over(c, row);
        if (!fixed && !o)
            return "a piece outside offered hours";
        if (!fixed && !row->pinned && row->from_at < t.not_before_at)
            return "a piece before it may be";
        if (!row->pinned && row->part < row->parts && !row->under_way &&
            row->until_at - row->from_at < t.min_chunk_us && row->until_at - row->from_at < t.left_us)
            return "a piece shorter than the least";
        for (uint32_t k = 0; k < plan->todo_rows_n; k++) {
            const struct todo_row *other = &plan->todo_rows[k];
            if (other->person != row->person)
                continue;
            if (k != i && other->from_at < row->until_at && row->from_at < other->until_at)
                return "two pieces at one time";
            if (k != i && !fixed && o->focus && other->from_at < o->until_at && o->from_at < other->until_at)
                return "two pieces in a focus block";
            day_us += other->day == row->day ? other->until_at - other->from_at : 0;
        }
        if (!fixed && cap_us && day_us > cap_us)
            return "a day over its cap";
    }
    return NULL;
}

/* A waiting thing is never drawn before the forecast end of one single thing it waits for. */
static const char *order_wrong(const struct core *c, const struct desk_plan *r)
{
    for (uint32_t i = 0; i < r->plan.todo_rows_n; i++) {
        const struct todo_row *row = &r->plan.todo_rows[i];
        struct core_todo t;
        core_todo_get(c, row->todo, &t);
        if (t.wait == TODO_WAIT_NEVER && !row->pinned && !row->under_way)
            return "a piece of what can never be";
        if (t.wait == TODO_WAIT_DEPENDENCY && row->under_way)
            return "under way before what it waits for";
    }
    return NULL;
}

static void test_whatever_happens(void **state)
{
    (void)state;
    uint64_t rows = 0, waiting_rows = 0, chained = 0;
    for (uint64_t seed = 1; seed <= 120; seed++) {
        struct luck l;
        luck_begin(&l, seed, 64);
        for (int i = 0; i < 500; i++) {
            if (!luck_event(&l))
                continue;
            luck_apply(&l);
            if (l.ev.kind != EVENT_DECIDE)
                continue;
            struct desk_plan r;
            size_t size = core_plan_size(l.core);
            r.scratch = malloc(size);
            assert_int_equal(core_plan(l.core, l.wall_at, l.boot_at, r.scratch, size, &r.plan), 0);
            const char *wrong = rows_wrong(l.core, &r.plan);
            wrong = wrong ? wrong : order_wrong(l.core, &r);
            if (wrong)
                fail_msg("seed %llu, event %d: %s", (unsigned long long)seed, i, wrong);
            rows += r.plan.todo_rows_n;
            for (uint32_t k = 0; k < r.plan.todo_rows_n; k++) {
                struct core_todo t;
                core_todo_get(l.core, r.plan.todo_rows[k].todo, &t);
                waiting_rows += t.wait == TODO_WAIT_DEPENDENCY;
            }
            for (uint32_t k = 0; k < r.plan.rows_n; k++)
                chained += r.plan.rows[k].reason == REASON_DEPENDENCY && r.plan.rows[k].start_at != USEC_NEVER;
            free(r.scratch);
        }
        luck_end(&l);
    }
    print_message("%llu pieces, %llu of them behind others; %llu jobs drawn behind others\n",
                  (unsigned long long)rows, (unsigned long long)waiting_rows, (unsigned long long)chained);
    assert_true(rows > 5000 && waiting_rows > 200 && chained > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_into_offered_hours),
        cmocka_unit_test(test_under_way_stays_and_passes),
        cmocka_unit_test(test_split_and_cap),
        cmocka_unit_test(test_focus_block_stays_whole),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_any_of),
        cmocka_unit_test(test_move_is_a_pin),
        cmocka_unit_test(test_pin_cuts_what_is_under_way),
        cmocka_unit_test(test_snooze),
        cmocka_unit_test(test_asked_at_a_time),
        cmocka_unit_test(test_calendar_changes),
        cmocka_unit_test(test_chain_over_a_night),
        cmocka_unit_test(test_review_of_nothing_is_dropped),
        cmocka_unit_test(test_before),
        cmocka_unit_test(test_declining_costs_nothing),
        cmocka_unit_test(test_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
