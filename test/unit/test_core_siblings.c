/* Tasks of one array that fail alike, retries by cause, and the stop rule's cancel. */
#include "core_desk.h"

#include "base/buf.h"

static const struct range ten = { 1, 10, 1 };

/* An array of ten on one GPU; its first task is started. */
static void begin(struct desk *d, struct ev_submit s)
{
    desk_begin(d, 1, POLICY_EASY);
    s.gpus = 1;
    s.tasks = &ten;
    s.tasks_n = 1;
    desk_submit(d, s);
}

static job_id next(struct desk *d)
{
    desk_decide(d);
    for (job_id id = 1; id <= 10; id++)
        if (desk_state(d, id) == JOB_CONFIGURING) {
            desk_started(d, id);
            desk_pass(d, MIN);
            return id;
        }
    return 0;
}

static void end(struct desk *d, job_id id, enum end_cause cause, int32_t code, uint32_t signal)
{
    desk_do(d, (struct core_event){ .kind = EVENT_ENDED, .ended = {
        .job = id, .attempt = desk_job(d, id).attempt, .cause = cause, .code = code, .signal = signal } });
}

/* The letters say how one task after another ends: 0 well, 1 2 exit codes, s signal 9, o out of memory,
 * t time limit, l lost; then so many wait, held. */
static void test_hold_after(void **state)
{
    static const struct { uint32_t after; const char *ends; uint32_t held; } rows[] = {
        { 3, "111", 7 }, { 3, "11", 0 }, { 3, "1101", 0 }, { 3, "110111", 4 }, { 3, "112", 0 },
        { 3, "11222", 5 }, { 2, "ss", 8 }, { 2, "s1s1", 0 }, { 2, "oo", 8 }, { 2, "tt", 8 },
        { 2, "llllll", 0 }, { 2, "1l1", 7 }, { 1, "0001", 6 }, { 0, "111111111", 0 }, { 3, "121212121", 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct desk d;
        begin(&d, (struct ev_submit){ .hold_after = rows[i].after });
        for (const char *c = rows[i].ends; *c; c++) {
            job_id id = next(&d);
            assert_true(id > 0);
            if (*c == 'l')
                desk_do(&d, (struct core_event){ .kind = EVENT_LOST, .lost = { id, 1, 0, 0 } });
            else
                end(&d, id, *c == 's' ? END_SIGNAL : *c == 'o' ? END_OOM : *c == 't' ? END_TIME_LIMIT
                    : END_EXIT, *c >= '0' && *c <= '9' ? *c - '0' : 0, *c == 's' ? 9 : 0);
        }
        if (core_count(d.core).held != rows[i].held)
            fail_msg("%s after %u: %u held", rows[i].ends, rows[i].after, core_count(d.core).held);
        desk_decide(&d);
        assert_int_equal(desk_count(&d, UPDATE_START) > 0, rows[i].held == 0 && strlen(rows[i].ends) < 10);
        desk_end(&d);
    }
}

static void test_release_counts_anew(void **state)
{
    static struct desk d;
    (void)state;
    begin(&d, (struct ev_submit){ .hold_after = 2 });
    desk_ended(&d, next(&d), END_EXIT, 7);
    desk_ended(&d, next(&d), END_EXIT, 7);
    assert_int_equal(desk_job(&d, 3).reason, REASON_HELD_FAILURES);
    struct desk_plan p = desk_plan(&d);
    struct explanation x;
    assert_int_equal(core_explain(d.core, 3, &p.plan, &x), 0);
    assert_int_equal(x.limit, 2);
    free(p.scratch);
    desk_do(&d, (struct core_event){ .kind = EVENT_RELEASE, .release = { 1 + 2, 1, 0, 0 } });
    assert_int_equal(core_count(d.core).held, 0);
    desk_ended(&d, next(&d), END_EXIT, 7);
    assert_int_equal(core_count(d.core).held, 0);
    desk_ended(&d, next(&d), END_EXIT, 7);
    assert_int_equal(core_count(d.core).held, 6);
    /* Held by hand afterwards it is held by hand. */
    desk_do(&d, (struct core_event){ .kind = EVENT_RELEASE, .release = { 5, 0, 0, 0 } });
    desk_do(&d, (struct core_event){ .kind = EVENT_HOLD, .hold = { 5, 0, 0, 0 } });
    assert_int_equal(desk_job(&d, 5).reason, REASON_HELD_USER);
    desk_end(&d);
}

/* A task that is tried again counts once; another array's failures do not count at all. */
static void test_own_retries_do_not_count(void **state)
{
    static struct desk d;
    (void)state;
    begin(&d, (struct ev_submit){ .hold_after = 2, .retries = 5, .array_max = 1 });
    for (int i = 0; i < 4; i++) {
        job_id id = next(&d);
        assert_int_equal(id, 1); /* no back-off: it is first in line again */
        desk_ended(&d, id, END_EXIT, 1);
        assert_int_equal(core_count(d.core).held, 0);
    }
    desk_ended(&d, next(&d), END_EXIT, 0);
    desk_ended(&d, next(&d), END_EXIT, 1);
    assert_int_equal(core_count(d.core).held, 0);
    desk_end(&d);
}

static struct core *saved_and_loaded(struct desk *d)
{
    struct buf text;
    struct core_limits limits;
    struct err err = { 0 };
    buf_init(&text, 1 << 20);
    core_save(d->core, &text);
    assert_int_equal(core_load_limits(buf_look(&text), &limits, &err), 0);
    size_t size = core_size(&limits);
    struct core *again = core_init(aligned_alloc(16, size), size, &limits);
    if (core_load(again, buf_look(&text), &err) != 0)
        fail_msg("%s", err.text);
    assert_true(core_hash(again) == core_hash(d->core));
    buf_finish(&text);
    return again;
}

/* The count and the rules survive a restart. */
static void test_saved(void **state)
{
    static struct desk d;
    static const struct retry rules[] = { { RETRY_CODE, 75, 2 }, { RETRY_NODE, 0, 1 } };
    (void)state;
    begin(&d, (struct ev_submit){ .hold_after = 2, .retry_by = rules, .retry_by_n = 2 });
    desk_ended(&d, next(&d), END_EXIT, 75);
    struct core *again = saved_and_loaded(&d);
    free(d.core);
    d.core = again;
    assert_int_equal(desk_state(&d, 1), JOB_PENDING);
    desk_ended(&d, next(&d), END_EXIT, 75); /* task 1 again: not another sibling */
    assert_int_equal(core_count(d.core).held, 0);
    desk_ended(&d, next(&d), END_EXIT, 75); /* its rule is used up */
    assert_int_equal(desk_state(&d, 1), JOB_NONE);
    desk_ended(&d, next(&d), END_EXIT, 75);
    assert_int_equal(core_count(d.core).held, 9); /* task 2 waits for its retry, held with the rest */
    again = saved_and_loaded(&d);
    free(again);
    desk_end(&d);
}

/* --- retries by cause ---------------------------------------------------------------------------- */

static void test_retry_by_cause(void **state)
{
    static const struct {
        uint32_t retries;
        struct retry rules[RETRY_RULES_MAX];
        enum end_cause cause;
        int32_t code;
        uint32_t signal;
        uint32_t attempts; /* made until it is over, always ending so */
    } rows[] = {
        { 2, { { 0 } }, END_EXIT, 1, 0, 3 },
        { 2, { { 0 } }, END_OOM, 0, 0, 3 },
        { 2, { { 0 } }, END_TIME_LIMIT, 0, 0, 1 },
        { 2, { { RETRY_OOM, 0, 0 } }, END_OOM, 0, 0, 1 },
        { 2, { { RETRY_OOM, 0, 0 } }, END_EXIT, 1, 0, 3 },
        { 0, { { RETRY_CODE, 75, 4 } }, END_EXIT, 75, 0, 5 },
        { 0, { { RETRY_CODE, 75, 4 } }, END_EXIT, 74, 0, 1 },
        { 1, { { RETRY_EXIT, 0, 2 }, { RETRY_CODE, 3, 0 } }, END_EXIT, 3, 0, 1 },
        { 1, { { RETRY_EXIT, 0, 2 }, { RETRY_CODE, 3, 0 } }, END_EXIT, 4, 0, 3 },
        { 1, { { RETRY_EXIT, 0, 2 }, { RETRY_CODE, 3, 0 } }, END_SIGNAL, 0, 11, 2 },
        { 0, { { RETRY_SIGNO, 7, 2 } }, END_SIGNAL, 0, 7, 3 },
        { 0, { { RETRY_SIGNO, 7, 2 } }, END_EXIT, 135, 0, 3 }, /* as a shell reports it */
        { 0, { { RETRY_SIGNO, 7, 2 } }, END_SIGNAL, 0, 9, 1 },
        { 0, { { RETRY_SIGNAL, 0, 1 }, { RETRY_SIGNO, 9, 3 } }, END_SIGNAL, 0, 9, 4 },
        { 0, { { RETRY_TIME, 0, 1 } }, END_TIME_LIMIT, 0, 0, 2 },
        { 0, { { RETRY_LAUNCH, 0, 1 } }, END_LAUNCH, 0, 0, 2 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct desk d;
        uint32_t n = 0, attempts = 0;
        while (n < RETRY_RULES_MAX && rows[i].rules[n].cause)
            n++;
        desk_begin(&d, 1, POLICY_EASY);
        desk_submit(&d, (struct ev_submit){ .gpus = 1, .retries = rows[i].retries, .retry_by = rows[i].rules,
                                            .retry_by_n = n });
        for (;; attempts++) {
            desk_decide(&d);
            if (desk_state(&d, 1) != JOB_CONFIGURING)
                break;
            desk_started(&d, 1);
            desk_pass(&d, MIN);
            end(&d, 1, rows[i].cause, rows[i].code, rows[i].signal);
        }
        if (attempts != rows[i].attempts || desk_state(&d, 1) != JOB_NONE)
            fail_msg("row %zu: %u attempts", i, attempts);
        desk_end(&d);
    }
}

/* A lost run is paid by its rule, with the back-off, and never while its processes may be there. */
static void test_retry_lost(void **state)
{
    static struct desk d;
    static const struct retry rule = { RETRY_NODE, 0, 2 };
    (void)state;
    desk_begin(&d, 1, POLICY_EASY);
    desk_submit(&d, (struct ev_submit){ .gpus = 1, .retry_by = &rule, .retry_by_n = 1, .backoff_us = 10 * MIN });
    for (uint32_t i = 0; i < 3; i++) {
        desk_decide(&d);
        if (i > 0) {
            assert_int_equal(desk_job(&d, 1).reason, REASON_BACKOFF);
            desk_pass(&d, 10 * MIN * i - SEC); /* ten, then twenty minutes */
            desk_decide(&d);
            assert_int_equal(desk_state(&d, 1), JOB_PENDING);
            desk_pass(&d, SEC);
            desk_decide(&d);
        }
        assert_int_equal(desk_job(&d, 1).attempt, i + 1);
        desk_started(&d, 1);
        desk_do(&d, (struct core_event){ .kind = EVENT_LOST, .lost = { 1, i + 1, 0, 0 } });
    }
    assert_int_equal(desk_update(&d, UPDATE_STATE, 1)->to, JOB_NODE_FAIL);
    desk_submit(&d, (struct ev_submit){ .gpus = 1, .retry_by = &rule, .retry_by_n = 1 });
    desk_decide(&d);
    desk_started(&d, 2);
    desk_do(&d, (struct core_event){ .kind = EVENT_LOST, .lost = { 2, 1, 1, 0 } });
    assert_int_equal(desk_state(&d, 2), JOB_NONE);
    desk_end(&d);
}

static void test_wrong_rules(void **state)
{
    static const struct retry wrong[] = { { RETRY_NONE, 0, 1 }, { RETRY_CAUSE_COUNT, 0, 1 }, { RETRY_CODE, 0, 1 },
                                          { RETRY_CODE, 256, 1 }, { RETRY_OOM, 3, 1 },
                                          { RETRY_OOM, 0, RETRY_MAX + 1 } };
    static const struct retry many[RETRY_RULES_MAX + 1];
    static struct desk d;
    (void)state;
    desk_begin(&d, 1, POLICY_EASY);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct core_event ev = { .kind = EVENT_SUBMIT, .submit = { .job = 1, .owner = 1, .submitter = 1, .cpus = 1,
                                 .retry_by = &wrong[i], .retry_by_n = 1 } };
        assert_int_equal(desk_try(&d, &ev), E_INVALID);
    }
    struct core_event ev = { .kind = EVENT_SUBMIT, .submit = { .job = 1, .owner = 1, .submitter = 1, .cpus = 1,
                             .retry_by = many, .retry_by_n = RETRY_RULES_MAX + 1 } };
    assert_int_equal(desk_try(&d, &ev), E_TOO_LARGE);
    desk_end(&d);
}

/* --- the stop rule -------------------------------------------------------------------------------- */

/* A point given up by its sweep's rule is stopped, and is no failure to whoever waits for the sweep. */
static void test_stop_rule(void **state)
{
    static struct desk d;
    static const struct range two = { 0, 1, 1 };
    static const struct dep ok = { .kind = DEP_AFTEROK, .job = 1, .scope = 1 };
    (void)state;
    for (uint32_t rule = 0; rule < 2; rule++) {
        desk_begin(&d, 2, POLICY_EASY);
        desk_submit(&d, (struct ev_submit){ .gpus = 1, .tasks = &two, .tasks_n = 1, .hold_after = 1 });
        desk_submit(&d, (struct ev_submit){ .gpus = 1, .deps = &ok, .deps_n = 1 });
        desk_decide(&d);
        desk_started(&d, 1);
        desk_started(&d, 2);
        desk_do(&d, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { .job = 2, .rule = rule } });
        assert_int_equal(desk_job(&d, 2).reason, rule ? REASON_STOP_RULE : REASON_CANCELLED);
        struct core *again = saved_and_loaded(&d);
        free(d.core);
        d.core = again;
        desk_ended(&d, 2, END_STOPPED, 0);
        assert_int_equal(desk_update(&d, UPDATE_STATE, 2)->to, JOB_CANCELLED);
        assert_int_equal(desk_update(&d, UPDATE_STATE, 2)->reason, rule ? REASON_STOP_RULE : REASON_CANCELLED);
        desk_ended(&d, 1, END_EXIT, 0);
        desk_decide(&d);
        assert_int_equal(desk_state(&d, 3), rule ? JOB_CONFIGURING : JOB_PENDING);
        desk_end(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hold_after), cmocka_unit_test(test_release_counts_anew),
        cmocka_unit_test(test_own_retries_do_not_count), cmocka_unit_test(test_saved),
        cmocka_unit_test(test_retry_by_cause), cmocka_unit_test(test_retry_lost),
        cmocka_unit_test(test_wrong_rules), cmocka_unit_test(test_stop_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
