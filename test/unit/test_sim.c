/* test_sim.c - the simulator itself: can its rules fail, does it read what it should, does it cheat? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/replay.h"
#include "sim/story.h"
#include "sim/team.h"
#include "sim/week.h"

/* --- the ledger: every rule, broken by hand ------------------------------------------------------- */

struct bench {
    struct invariant v;
    struct verdict verdict;
    usec_t at;
};

static void put(struct bench *b, struct core_event ev, const struct core_update *u, uint32_t n)
{
    b->at += USEC_PER_SEC;
    ev.wall_at = ev.boot_at = b->at;
    invariant_committed(&b->v, &ev, 0, 1 + b->v.last_id, u, n);
}

static void submit(struct bench *b, struct ev_submit e)
{
    e.job = b->v.last_id + 1;
    e.owner = e.owner ? e.owner : 1;
    e.cpus = e.cpus ? e.cpus : 1;
    e.array = e.tasks_n ? e.job : 0;
    put(b, (struct core_event){ .kind = EVENT_SUBMIT, .submit = e }, NULL, 0);
}

static struct core_update to(job_id job, enum job_state from, enum job_state state)
{
    return (struct core_update){ .kind = UPDATE_STATE, .job = job, .from = (uint8_t)from,
                                 .to = (uint8_t)state };
}

static void start(struct bench *b, job_id job, uint32_t attempt, uint64_t gpus)
{
    struct core_update u[] = {
        to(job, JOB_PENDING, JOB_CONFIGURING),
        { .kind = UPDATE_START, .job = job, .attempt = attempt, .gpus = gpus },
    };
    put(b, (struct core_event){ .kind = EVENT_DECIDE }, u, 2);
}

static void started(struct bench *b, job_id job)
{
    struct core_update u = to(job, JOB_CONFIGURING, JOB_RUNNING);
    put(b, (struct core_event){ .kind = EVENT_STARTED, .started = { .job = job, .attempt = 1 } }, &u, 1);
}

static void ended(struct bench *b, job_id job, int32_t code, struct core_update u)
{
    put(b, (struct core_event){ .kind = EVENT_ENDED,
                                .ended = { .job = job, .attempt = 1, .code = code } }, &u, 1);
}

static void begin(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    b->at = 1000 * USEC_PER_SEC;
    invariant_init(&b->v, &b->verdict);
    put(b, (struct core_event){ .kind = EVENT_MACHINE, .machine = { .cpus = 4, .mem_mib = 1000 } }, NULL, 0);
    for (uint32_t g = 0; g < 3; g++)
        put(b, (struct core_event){ .kind = EVENT_GPU,
                .gpu = { .gpu = g, .type = 1 + g / 2, .state = GPU_UP } }, NULL, 0);
}

/* The rule that broke, or "". */
static void expect(struct bench *b, const char *rule)
{
    assert_string_equal(b->verdict.broken ? b->verdict.rule : "", rule);
    invariant_finish(&b->v);
}

static void a_sound_life_breaks_nothing(void **state)
{
    struct bench b;
    (void)state;
    begin(&b);
    submit(&b, (struct ev_submit){ .gpus = 1 });
    submit(&b, (struct ev_submit){ .gpus = 2, .deps_n = 1,
                                   .deps = &(struct dep){ .kind = DEP_AFTEROK, .job = 1 } });
    start(&b, 1, 1, 1);
    started(&b, 1);
    ended(&b, 1, 0, to(1, JOB_RUNNING, JOB_COMPLETED));
    start(&b, 2, 1, 3);
    started(&b, 2);
    ended(&b, 2, 0, to(2, JOB_RUNNING, JOB_COMPLETED));
    invariant_answered(&b.v, 7, 1, 1); /* put() numbers who asks: the first submit is 1 */
    invariant_settled(&b.v);
    expect(&b, "");
}

static void a_broken_promise_is_named(void **state)
{
    struct bench b;
    (void)state;
    begin(&b);
    submit(&b, (struct ev_submit){ .gpus = 1, .flags = JOB_HELD });
    invariant_answered(&b.v, 7, 1, 1);
    invariant_answered(&b.v, 8, 2, 2); /* never committed */
    invariant_settled(&b.v);
    expect(&b, "acked-there");
}

/* One wrong start each. */
static void every_forbidden_start_is_named(void **state)
{
    const struct range tasks = { 0, 2, 1 };
    const struct dep on_first = { .kind = DEP_AFTEROK, .job = 1 };
    const usec_t later_at = 5000 * USEC_PER_SEC;
    const struct {
        const char *rule;
        struct ev_submit e;
        uint32_t attempt;
        uint64_t gpus;
    } cases[] = {
        { "", { .gpus = 1 }, 1, 2 },
        { "hold", { .gpus = 1, .flags = JOB_HELD }, 1, 2 },
        { "hold", { .gpus = 1, .flags = JOB_HELD_ADMIN }, 1, 2 },
        { "begin", { .gpus = 1, .begin_at = later_at }, 1, 2 },
        { "deadline", { .gpus = 1, .deadline_at = 1 }, 1, 2 },
        { "dependency", { .gpus = 1, .deps = &on_first, .deps_n = 1 }, 1, 2 },
        { "singleton", { .gpus = 1, .name_key = 9, .flags = JOB_SINGLETON }, 1, 2 },
        { "person-running", { .gpus = 1, .owner = 2 }, 1, 2 },
        { "person-gpus", { .gpus = 2, .owner = 3 }, 1, 6 },
        { "array-max", { .gpus = 1, .array_max = 1, .tasks = &tasks, .tasks_n = 1, .owner = 4 }, 1, 2 },
        { "cpus", { .gpus = 1, .cpus = 4 }, 1, 2 },
        { "memory", { .gpus = 1, .mem_mib = 1001 }, 1, 2 },
        { "gpu-count", { .gpus = 2 }, 1, 2 },
        { "gpu-twice", { .gpus = 1 }, 1, 1 },
        { "gpu-down", { .gpus = 1 }, 1, 8 },
        { "gpu-type", { .gpus = 1, .gpu_type = 2 }, 1, 2 },
        { "start-once", { .gpus = 1 }, 2, 2 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct bench b;
        begin(&b);
        put(&b, (struct core_event){ .kind = EVENT_PERSON,
                .person = { .person = 2, .running_max = 1 } }, NULL, 0);
        put(&b, (struct core_event){ .kind = EVENT_PERSON,
                .person = { .person = 3, .gpus_max = 1 } }, NULL, 0);
        submit(&b, (struct ev_submit){ .gpus = 1, .name_key = 9 }); /* 1: runs on GPU 0 */
        start(&b, 1, 1, 1);
        submit(&b, (struct ev_submit){ .owner = 2 }); /* 2: runs without GPUs */
        if (strcmp(cases[i].rule, "person-running") == 0)
            start(&b, 2, 1, 0);
        submit(&b, cases[i].e); /* 3 */
        if (strcmp(cases[i].rule, "array-max") == 0)
            start(&b, 4, 1, 4);
        assert_false(b.verdict.broken);
        start(&b, 3, cases[i].attempt, cases[i].gpus);
        expect(&b, cases[i].rule);
    }
}

static void a_drained_queue_starts_nothing(void **state)
{
    struct bench b;
    (void)state;
    begin(&b);
    submit(&b, (struct ev_submit){ .gpus = 1 });
    put(&b, (struct core_event){ .kind = EVENT_QUEUE, .queue = { .closed = 1 } }, NULL, 0);
    start(&b, 1, 1, 1);
    expect(&b, "closed");
}

/* One wrong end each, of a job that runs as its first attempt. */
static void every_dishonest_end_is_named(void **state)
{
    const struct {
        const char *rule;
        uint32_t retries;
        int32_t code;
        enum job_state from, to;
        enum reason reason;
    } cases[] = {
        { "", 0, 0, JOB_RUNNING, JOB_COMPLETED, REASON_NONE },
        { "honest-end", 0, 1, JOB_RUNNING, JOB_COMPLETED, REASON_NONE },
        { "retry-owed", 1, 1, JOB_RUNNING, JOB_FAILED, REASON_EXIT_CODE },
        { "", 1, 1, JOB_RUNNING, JOB_PENDING, REASON_EXIT_CODE },
        { "retry-count", 0, 1, JOB_RUNNING, JOB_PENDING, REASON_EXIT_CODE },
        { "success-final", 1, 0, JOB_RUNNING, JOB_PENDING, REASON_NONE },
        { "transition", 0, 0, JOB_PENDING, JOB_COMPLETED, REASON_NONE },
        { "transition", 0, 0, JOB_RUNNING, JOB_CONFIGURING, REASON_NONE },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct bench b;
        begin(&b);
        submit(&b, (struct ev_submit){ .gpus = 1, .retries = cases[i].retries });
        start(&b, 1, 1, 1);
        started(&b, 1);
        struct core_update u = to(1, cases[i].from, cases[i].to);
        u.reason = (uint8_t)cases[i].reason;
        ended(&b, 1, cases[i].code, u);
        expect(&b, cases[i].rule);
    }
}

static void the_longest_wait_is_not_passed_by(void **state)
{
    (void)state;
    for (uint32_t first = 0; first < 2; first++) {
        struct bench b;
        begin(&b);
        put(&b, (struct core_event){ .kind = EVENT_SETTINGS,
                .settings = { .age_us = USEC_PER_MIN } }, NULL, 0);
        submit(&b, (struct ev_submit){ .gpus = 1 });
        b.at += USEC_PER_HOUR;
        submit(&b, (struct ev_submit){ .gpus = 1 });
        start(&b, first ? 1 : 2, 1, 1);
        expect(&b, first ? "" : "age");
    }
}

static void what_is_over_stays_over(void **state)
{
    struct bench b;
    (void)state;
    begin(&b);
    submit(&b, (struct ev_submit){ .gpus = 1 });
    struct core_update u = to(1, JOB_PENDING, JOB_CANCELLED);
    put(&b, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { .job = 1 } }, &u, 1);
    u = to(1, JOB_CANCELLED, JOB_PENDING);
    put(&b, (struct core_event){ .kind = EVENT_DECIDE }, &u, 1);
    expect(&b, "final");
}

static void a_backoff_is_waited_for(void **state)
{
    struct bench b;
    (void)state;
    begin(&b);
    submit(&b, (struct ev_submit){ .gpus = 1, .retries = 1, .backoff_us = USEC_PER_MIN });
    start(&b, 1, 1, 1);
    started(&b, 1);
    ended(&b, 1, 1, to(1, JOB_RUNNING, JOB_PENDING));
    start(&b, 1, 2, 1);
    expect(&b, "backoff");
}

static void a_lost_job_needs_its_owners_word(void **state)
{
    (void)state;
    for (uint32_t requeue = 0; requeue < 2; requeue++) {
        struct bench b;
        begin(&b);
        submit(&b, (struct ev_submit){ .gpus = 1, .flags = requeue ? JOB_REQUEUE : 0 });
        start(&b, 1, 1, 1);
        started(&b, 1);
        struct core_update u = to(1, JOB_RUNNING, JOB_PENDING);
        put(&b, (struct core_event){ .kind = EVENT_LOST, .lost = { .job = 1, .attempt = 1 } }, &u, 1);
        expect(&b, requeue ? "" : "lost-again");
    }
}

static void an_idle_machine_and_a_starved_job_are_named(void **state)
{
    struct bench b;
    (void)state;
    begin(&b);
    submit(&b, (struct ev_submit){ .gpus = 1 });
    invariant_idle(&b.v, b.at + USEC_PER_HOUR, b.at + USEC_PER_HOUR);
    expect(&b, "idle");
    begin(&b);
    submit(&b, (struct ev_submit){ .gpus = 1, .begin_at = 9000 * USEC_PER_SEC });
    invariant_idle(&b.v, b.at + USEC_PER_HOUR, b.at + USEC_PER_HOUR);
    assert_false(b.verdict.broken);
    invariant_settled(&b.v);
    expect(&b, "starved");
    begin(&b);
    submit(&b, (struct ev_submit){ .gpus = 1 });
    start(&b, 1, 1, 1);
    invariant_settled(&b.v);
    expect(&b, "stuck");
}

static void one_key_is_one_job(void **state)
{
    struct bench b;
    (void)state;
    begin(&b);
    submit(&b, (struct ev_submit){ .gpus = 1 });
    invariant_answered(&b.v, 7, 1, 1);
    invariant_answered(&b.v, 7, 1, 1);
    assert_false(b.verdict.broken);
    invariant_answered(&b.v, 7, 1, 2);
    expect(&b, "same-key");
}

/* --- the machine as witness ----------------------------------------------------------------------- */

static void the_witness_sees_double_use(void **state)
{
    const struct fate hour = { .run_us = USEC_PER_HOUR };
    const struct {
        const char *rule;
        job_id job;
        uint32_t attempt;
        uint64_t gpus;
    } cases[] = {
        { "", 2, 1, 2 }, { "gpu-twice", 2, 1, 1 }, { "no-overlap", 1, 2, 2 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct verdict verdict = { 0 };
        struct machine m;
        machine_init(&m, 2, &verdict);
        assert_int_equal(machine_start(&m, 1, 1, 1, 0, &hour), 0);
        assert_int_equal(machine_start(&m, 1, 1, 1, 0, &hour), E_EXISTS);
        machine_run(&m, USEC_PER_SEC);
        assert_int_equal(machine_start(&m, cases[i].job, cases[i].attempt, cases[i].gpus, 0, &hour), 0);
        machine_run(&m, 2 * USEC_PER_SEC);
        assert_string_equal(verdict.broken ? verdict.rule : "", cases[i].rule);
        machine_finish(&m);
    }
}

/* --- journals ------------------------------------------------------------------------------------- */

static char *journal_of(uint64_t seed, bool with_snapshot, size_t *ret_len)
{
    char *text = NULL;
    struct week_result result;
    FILE *out = open_memstream(&text, ret_len);
    assert_non_null(out);
    struct week_options week = { .seed = seed, .journal = out, .with_snapshot = with_snapshot };
    assert_true(week_run(&week, &result));
    assert_int_equal(fclose(out), 0);
    return text;
}

/* The rules of notices judge something: people are told, most things with others. */
static void people_are_told_in_a_week(void **state)
{
    uint64_t told = 0, messages = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct week_result result;
        assert_true(week_run(&(struct week_options){ .seed = seed }, &result));
        told += result.told;
        messages += result.messages;
    }
    assert_true(told > 500 && messages > 200);
}

static void a_journal_replays_whole_and_from_its_snapshot(void **state)
{
    (void)state;
    for (int snapshot = 0; snapshot < 2; snapshot++) {
        struct err err = { 0 };
        struct replay_result result;
        size_t len;
        char *text = journal_of(11, snapshot, &len);
        assert_int_equal(strstr(text, "\nsnapshot ") != NULL, snapshot);
        int r = replay_text((struct str){ text, len }, 0, &result, &err);
        assert_string_equal(err.text, "");
        assert_int_equal(r, 0);
        assert_true(result.events > (snapshot ? 0 : 1000));
        free(text);
    }
}

/* Change one thing in row `seq`: the replay names that row. */
static void a_changed_row_is_named(void **state)
{
    struct err err = { 0 };
    struct replay_result result;
    size_t len;
    char *text = journal_of(6, false, &len), *row, *gpus = NULL;
    (void)state;
    for (row = strchr(text, '\n') + 1; *row; row = strchr(row, '\n') + 1) {
        gpus = strstr(row, " gpus=1 ");
        if (gpus && gpus < strchr(row, '\n') && atol(row) > 100 && strstr(row, " submit ") < gpus)
            break;
    }
    assert_true(*row);
    gpus[6] = '0';
    uint64_t seq = strtoull(row, NULL, 10);
    assert_int_equal(replay_text((struct str){ text, len }, 0, &result, &err), E_CORRUPT);
    assert_int_equal(result.seq, seq);
    assert_non_null(strstr(err.text, "differs"));
    free(text);
}

static void what_is_no_journal_is_refused_in_a_sentence(void **state)
{
    static const struct { const char *text; int code; const char *says; } cases[] = {
        { "", E_INVALID, "no event" },
        { "hello\n", E_INVALID, "Line 1" },
        { "eoul-journal 2\n", E_NEWER, "eoul-journal 2" },
        { "eoul-journal 1\nsnapshot 1 0000000000000000 900\nabc\n", E_INVALID, "before its 900 bytes" },
        { "eoul-journal 1\nsnapshot x\n", E_INVALID, "Line 2" },
        { "1 00000000000000000 decide wall=1 boot=1\n", E_INVALID, "Line 1" },
        { "1 000000000000000g decide wall=1 boot=1\n", E_INVALID, "Line 1" },
        { "1 0000000000000000 dream wall=1 boot=1\n", E_NEWER, "dream" },
        { "eoul-journal 1\nsnapshot 1 0000000000000000 3\nabc\n", E_CORRUPT, "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct err err = { 0 };
        struct replay_result result;
        int r = replay_text(str_of(cases[i].text), 0, &result, &err);
        assert_int_equal(r, cases[i].code);
        assert_non_null(strstr(err.text, cases[i].says));
        assert_true(err.text[0] != 0);
    }
}

/* --- nobody knows a run time before it is over ---------------------------------------------------- */

/* Run times that end after T are doubled: every row up to T must be the same, and some after it not.  Up to T there is in
 * some of the weeks all that decides: another mode, reservations, boosts, a power cap, quotas. */
static void doubling_unseen_run_times_changes_no_earlier_row(void **state)
{
    static const char *const kinds[] = { " settings ", " reserve ", " boost ", " power ", " account ", " avail " };
    uint32_t seen[sizeof kinds / sizeof kinds[0]] = { 0 };
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        char *text[2] = { 0 };
        size_t len[2] = { 0 }, same = 0, rows = 0;
        uint64_t unseen = 0;
        usec_t at = 1000 * USEC_PER_SEC + 3 * USEC_PER_DAY;
        for (int i = 0; i < 2; i++) {
            struct week_result result;
            FILE *out = open_memstream(&text[i], &len[i]);
            struct week_options week = { .seed = seed, .journal = out,
                                         .double_after_boot_at = i ? at : 0 };
            assert_true(week_run(&week, &result));
            fclose(out);
            unseen = result.rows_unseen;
        }
        while (same < len[0] && same < len[1] && text[0][same] == text[1][same])
            same++;
        assert_true(same < len[0]); /* the doubling did something */
        for (size_t i = 0; i < same; i++)
            rows += text[0][i] == '\n';
        assert_true(unseen > 500);
        assert_true(rows - 1 >= unseen); /* the first line is no row */
        text[0][same] = 0;
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            for (const char *c = text[0]; (c = strstr(c, kinds[k])); c++)
                seen[k]++;
        free(text[0]);
        free(text[1]);
    }
    assert_true(seen[0] > 4 + 3); /* one each week, and switches */
    for (size_t k = 1; k < sizeof kinds / sizeof kinds[0]; k++)
        assert_true(seen[k] > 0);
}

/* --- stories -------------------------------------------------------------------------------------- */

#define TEAM "team mina UTC  work Mon-Fri 09:00-18:00  gpus 1\n"
#define DAY TEAM "09:00 submit A by mina, 1h\n"
#define END "expect finally A COMPLETED\n"

static void a_story_that_cannot_be_read_says_which_line_and_why(void **state)
{
    static const struct { const char *text, *says; } cases[] = {
        { "", "needs a \"team\" line" },
        { TEAM, "needs a \"team\" line" },
        { "09:00 submit A by mina, 1h\n", "Line 1 comes before any \"team\" line" },
        { "team mina Nowhere/Land  gpus 1\n", "no time zone \"Nowhere/Land\"" },
        { "team mina UTC  work all day long\n", "are not hours" },
        { "team mina UTC  gpus many\n", "\"gpus\" takes a number" },
        { "policy best\n", "no policy \"best\"" },
        { "starts tomorrow\n", "starts 2026-03-02" },
        { TEAM "9 o'clock submit A by mina, 1h\n", "\"9\" is not a time" },
        { TEAM "09:61 submit A by mina, 1h\n", "is not a time" },
        { TEAM "09:00 submit A by joon, 1h\n", "\"joon\", who is not in the team" },
        { TEAM "09:00 submit A by mina\n", "how long the job runs" },
        { TEAM "09:00 submit A by mina, 1h, loudly\n", "\"loudly\" is nothing a job" },
        { TEAM "09:00 submit A by mina, 1h, array 6-1\n", "is nothing a job" },
        { TEAM "09:00 submit A by mina, 1h, afterok B\n", "the job \"B\", which no line before" },
        { DAY "09:00 submit A by mina, 1h\n", "a job \"A\" already" },
        { DAY "08:00 cancel A\n", "goes back in time" },
        { DAY "10:00 cancel B\n", "the job \"B\"" },
        { DAY "10:00 cancel A_3\n", "the job \"A_3\"" },
        { DAY "10:00 sing\n", "\"sing\" is nothing that happens" },
        { DAY "10:00 drain gpu 7\n", "drain (or undrain)" },
        { DAY "10:00 gpu 0 is tired\n", "gpu 0 is taken" },
        { DAY "10:00 daemon naps\n", "daemon dies" },
        { DAY "10:00 set A colour red\n", "set takes" },
        { DAY "expect 09:00 A start\n", "without saying why" },
        { DAY "expect 09:00 A dance  why: joy\n", "what is expected is" },
        { DAY "expect 09:00 A waits Godot  why: he said so\n", "what is expected is" },
        { DAY "expect finally A DONE\n", "expect finally A COMPLETED" },
        { "past mina train\n", "who is not in the team" },
        { TEAM "past mina train\n", "past mina train, 6h, 5 times" },
        { TEAM "limit mina beers 2\n", "a limit is written" },
        { "age soon\n", "write a length" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct err err = { 0 };
        struct story_result result;
        struct story_options options = { 0 };
        int r = story_run_text("test", str_of(cases[i].text), &options, &result, &err);
        assert_int_equal(r, E_INVALID);
        if (!strstr(err.text, cases[i].says))
            fail_msg("case %zu says: %s", i, err.text);
    }
}

static void a_story_that_goes_otherwise_fails_in_a_sentence(void **state)
{
    static const struct { const char *text; uint32_t failed; const char *says; } cases[] = {
        { DAY END, 0, "" },
        { DAY "expect 09:01 A start  why: wrong\n", 1, "A should start at Mon 09:01:00; it does at Mon 09:00:00" },
        { DAY "expect 10:00 A end FAILED  why: wrong\n", 1, "should end as FAILED; it is COMPLETED" },
        { DAY "expect 09:00 A waits Priority  why: wrong\n", 1, "should wait for Priority; it is RUNNING" },
        { DAY "expect finally A COMPLETED, 2 attempts\n", 1, "should have 2 attempts; it had 1" },
        { DAY "expect 10:30 A seen  why: wrong\n", 1, "should be seen at Mon 10:30:00; it is at Mon 10:00:00" },
        { TEAM "09:00 submit A by mina, 1h, held\nexpect 09:00 A start  why: wrong\n" END, 2,
          "and never does" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct err err = { 0 };
        struct story_result result;
        FILE *out = tmpfile();
        struct story_options options = { .out = out };
        assert_int_equal(story_run_text("test", str_of(cases[i].text), &options, &result, &err), 0);
        assert_int_equal(result.failed, cases[i].failed);
        if (!strstr(result.first, cases[i].says))
            fail_msg("case %zu says: %s", i, result.first);
        fclose(out);
    }
}

/* --- policies ------------------------------------------------------------------------------------- */

static void a_team_is_the_same_twice_and_saf_waits_less_than_easy(void **state)
{
    struct compare_options compare;
    struct team_options team;
    struct team_figures easy, again, saf;
    struct compare_policy p[2];
    (void)state;
    compare_defaults(&compare);
    team_defaults(&team);
    team.compare = &compare;
    team.weeks = 3;
    team.gpus = 8;
    assert_true(compare_policy_parse(STR("easy"), &p[0]) && compare_policy_parse(STR("saf"), &p[1]));
    assert_int_equal(team_one(&team, OFFICE_16, 0.8, 1, &p[0], &easy, NULL), 0);
    assert_int_equal(team_one(&team, OFFICE_16, 0.8, 1, &p[0], &again, NULL), 0);
    assert_int_equal(team_one(&team, OFFICE_16, 0.8, 1, &p[1], &saf, NULL), 0);
    easy.f.wall_s = again.f.wall_s = 0;
    assert_memory_equal(&easy, &again, sizeof(easy));
    assert_true(easy.f.jobs > 100 && easy.f.jobs == saf.f.jobs);
    assert_true(easy.f.delay_mean_h >= 0 && saf.f.delay_mean_h >= 0);
    assert_true(easy.f.utilisation > 0.3 && easy.f.utilisation <= 1.0);
    assert_true(saf.f.tte_mean_h < easy.f.tte_mean_h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_life_breaks_nothing),
        cmocka_unit_test(a_broken_promise_is_named),
        cmocka_unit_test(every_forbidden_start_is_named),
        cmocka_unit_test(a_drained_queue_starts_nothing),
        cmocka_unit_test(every_dishonest_end_is_named),
        cmocka_unit_test(the_longest_wait_is_not_passed_by),
        cmocka_unit_test(what_is_over_stays_over),
        cmocka_unit_test(a_backoff_is_waited_for),
        cmocka_unit_test(a_lost_job_needs_its_owners_word),
        cmocka_unit_test(an_idle_machine_and_a_starved_job_are_named),
        cmocka_unit_test(one_key_is_one_job),
        cmocka_unit_test(the_witness_sees_double_use),
        cmocka_unit_test(people_are_told_in_a_week),
        cmocka_unit_test(a_journal_replays_whole_and_from_its_snapshot),
        cmocka_unit_test(a_changed_row_is_named),
        cmocka_unit_test(what_is_no_journal_is_refused_in_a_sentence),
        cmocka_unit_test(doubling_unseen_run_times_changes_no_earlier_row),
        cmocka_unit_test(a_story_that_cannot_be_read_says_which_line_and_why),
        cmocka_unit_test(a_story_that_goes_otherwise_fails_in_a_sentence),
        cmocka_unit_test(a_team_is_the_same_twice_and_saf_waits_less_than_easy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
