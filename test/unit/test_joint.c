/* test_joint.c - people, GPUs, power and tariff as one problem: allowed, cheap, the same again.
 *
 * Tiny weeks are solved by trying every start of every task.  Larger ones are compared with optima that a
 * mixed integer solver proved (test/joint/optima.csv; prove.py there made it).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "sim/joint.h"
#include "sim/joint_referee.h"

struct run {
    struct joint week;
    struct joint_tables tables;
    struct problem problem;
    struct cheapest search;
    void *problem_block, *search_block;
    struct buf text;
};

/* 0, or the refusal's code. */
static int run_open(struct run *run, struct str text, uint64_t seed, struct err *err)
{
    memset(run, 0, sizeof(*run));
    int r = joint_read(text, &run->week, err);
    if (r < 0)
        return r;
    r = joint_tables(&run->week, &run->tables, err);
    if (r == 0)
        r = problem_check(&run->tables.input, err);
    if (r < 0)
        return r;
    run->problem_block = test_malloc(problem_size(&run->tables.input));
    r = problem_init(&run->problem, &run->tables.input, run->problem_block, err);
    struct costs costs = { run->tables.cost, run->tables.end };
    if (r == 0)
        r = cheapest_check(&run->problem, &costs, err);
    if (r < 0)
        return r;
    run->search_block = test_malloc(cheapest_size(&run->problem));
    cheapest_init(&run->search, &run->problem, &costs, seed, run->search_block);
    return 0;
}

static void run_close(struct run *run)
{
    if (run->search_block)
        test_free(run->search_block);
    if (run->problem_block)
        test_free(run->problem_block);
    joint_tables_finish(&run->tables);
    joint_finish(&run->week);
    buf_finish(&run->text);
}

/* The made-up week as text; the run reads it from there. */
static void made(struct buf *text, uint64_t seed, uint32_t tasks)
{
    struct joint week;
    joint_make(seed, tasks, &week);
    buf_init(text, JOINT_BYTES_MAX);
    joint_write(&week, text);
    joint_finish(&week);
    assert_int_equal(text->failed, 0);
}

static int64_t judged(struct str text, const struct cheapest *c)
{
    struct err err = { 0 };
    int64_t cost = -1;
    if (joint_referee_judge(text, c->best_start, c->problem->tasks_n, &cost, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(cost, c->best);
    assert_true(cost >= c->least);
    return cost;
}

/* --- tiny weeks: every start of every task ----------------------------------------------------------- */

static const char *tiny(struct prng *luck, struct buf *out)
{
    buf_clear(out);
    buf_c(out, "steps 14 minutes 60\nprice 100 # all day\nprice 30 from 8 until 12\n");
    buf_printf(out, "gpus %d\ngpus 1 from 3 until 6\nwatts %d\n", 1 + (int)prng_below(luck, 3),
               (4 + (int)prng_below(luck, 8)) * 100);
    buf_c(out, "person ana look 2-5 9-11 work 2-5 8-12\nperson bo look 0-3 7-14 work 1-3 6-9\n");
    for (int i = 1; i <= 4; i++) {
        const char *owner = prng_below(luck, 2) ? "ana" : "bo";
        if (prng_below(luck, 3) == 0)
            buf_printf(out, "todo %d length %d release %d owner %s wait %d%s\n", i, 1 + (int)prng_below(luck, 3),
                       (int)prng_below(luck, 3), owner, (int)prng_below(luck, 50), prng_below(luck, 2) ? " whole" : "");
        else
            buf_printf(out, "job %d length %d gpus 1 watts %d release %d owner %s wait %d\n", i,
                       1 + (int)prng_below(luck, 4), 100 * (int)prng_below(luck, 5), (int)prng_below(luck, 3), owner,
                       (int)prng_below(luck, 50));
        if (i > 1 && prng_below(luck, 3) == 0)
            buf_printf(out, "link %d %d\n", i - 1, i);
    }
    return out->ptr;
}

static int64_t by_hand(struct str text)
{
    int64_t best = INT64_MAX, cost;
    int32_t s[4];
    for (s[0] = 0; s[0] < 14; s[0]++)
        for (s[1] = 0; s[1] < 14; s[1]++)
            for (s[2] = 0; s[2] < 14; s[2]++)
                for (s[3] = 0; s[3] < 14; s[3]++)
                    if (joint_referee_judge(text, s, 4, &cost, NULL) == 0 && cost < best)
                        best = cost;
    return best;
}

static void tiny_weeks_are_solved(void **state)
{
    (void)state;
    struct prng luck;
    struct buf text;
    int possible = 0;
    prng_init(&luck, 20261125, 5);
    buf_init(&text, JOINT_BYTES_MAX);
    for (int k = 0; k < 15; k++) {
        struct run run;
        struct err err = { 0 };
        struct str week = str_of(tiny(&luck, &text));
        int64_t best = by_hand(week);
        if (run_open(&run, week, (uint64_t)k, &err) == 0)
            cheapest_run(&run.search, 20000, run.search.least);
        if (best == INT64_MAX) {
            assert_true(run.search.best == SCHEDULE_NEVER || run.search_block == NULL);
        } else {
            possible++;
            if (!run.search_block || run.search.best != best)
                fail_msg("%s\nbest %lld, found %lld\n%s", week.ptr, (long long)best, (long long)run.search.best, err.text);
            assert_int_equal(judged(week, &run.search), best);
        }
        run_close(&run);
    }
    assert_true(possible >= 6);
    buf_finish(&text);
}

/* --- made-up weeks ------------------------------------------------------------------------------------ */

static void plans_are_allowed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct run run;
        struct err err = { 0 };
        struct buf text, again;
        made(&text, 1000 + seed, (uint32_t)(5 + 9 * seed));
        bool possible = run_open(&run, buf_look(&text), seed, &err) == 0;
        buf_init(&again, JOINT_BYTES_MAX); /* what is written and read is written the same */
        joint_write(&run.week, &again);
        assert_string_equal(text.ptr, again.ptr);
        if (possible)
            cheapest_run(&run.search, 20000, run.search.least);
        else
            assert_true(err.text[0] != '\0'); /* luck can make a todo longer than any day's hours */
        if (possible && run.search.best != SCHEDULE_NEVER)
            judged(buf_look(&text), &run.search);
        run_close(&run);
        buf_finish(&text);
        buf_finish(&again);
    }
}

static void slices_do_not_matter(void **state)
{
    (void)state;
    struct run whole, sliced;
    struct err err = { 0 };
    struct buf text;
    made(&text, 3, 20);
    assert_int_equal(run_open(&whole, buf_look(&text), 9, &err), 0);
    assert_int_equal(run_open(&sliced, buf_look(&text), 9, &err), 0);
    cheapest_run(&whole.search, 30000, 0);
    for (uint64_t sum = 0, k = 1; sum < 30000; k++) {
        sum = sum + k % 17 < 30000 ? sum + k % 17 : 30000;
        cheapest_run(&sliced.search, sum, 0);
    }
    assert_int_equal(whole.search.steps, sliced.search.steps);
    assert_int_equal(whole.search.best, sliced.search.best);
    assert_memory_equal(whole.search.best_start, sliced.search.best_start, 20 * sizeof(int32_t));
    assert_memory_equal(whole.search.start, sliced.search.start, 20 * sizeof(int32_t));
    run_close(&whole);
    run_close(&sliced);
    buf_finish(&text);
}

/* More hours to look in never make the cheapest plan dearer. */
static void more_hours_cost_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct run less, more;
        struct err err = { 0 };
        struct joint week;
        struct buf text, wide;
        made(&text, seed, 8);
        joint_make(seed, 8, &week);
        for (uint32_t p = 0; p < week.people_n; p++)
            memset(week.people[p].look, 1, (size_t)week.steps);
        buf_init(&wide, JOINT_BYTES_MAX);
        joint_write(&week, &wide);
        assert_int_equal(run_open(&less, buf_look(&text), 1, &err), 0);
        assert_int_equal(run_open(&more, buf_look(&wide), 1, &err), 0);
        cheapest_run(&less.search, 60000, less.search.least);
        cheapest_run(&more.search, 60000, more.search.least);
        assert_true(more.search.best <= less.search.best);
        run_close(&less);
        run_close(&more);
        joint_finish(&week);
        buf_finish(&text);
        buf_finish(&wide);
    }
}

static void proved_optima(void **state)
{
    (void)state;
    const char *path = getenv("EOUL_OPTIMA");
    FILE *list = path ? fopen(path, "re") : NULL;
    char line[256];
    int seen = 0, hit = 0;
    if (!list)
        fail_msg("EOUL_OPTIMA does not name the list of optima");
    while (fgets(line, sizeof(line), list)) {
        unsigned long long seed, cost;
        unsigned tasks;
        if (sscanf(line, "%llu,%u,%llu,", &seed, &tasks, &cost) != 3)
            continue; /* heading, open, none */
        struct run run;
        struct err err = { 0 };
        struct buf text;
        made(&text, seed, tasks);
        assert_int_equal(run_open(&run, buf_look(&text), 1, &err), 0);
        cheapest_run(&run.search, 20000, (int64_t)cost);
        assert_true(run.search.best != SCHEDULE_NEVER);
        assert_true(judged(buf_look(&text), &run.search) >= (int64_t)cost); /* nobody is better than what has been proved */
        seen++;
        hit += run.search.best == (int64_t)cost;
        run_close(&run);
        buf_finish(&text);
    }
    fclose(list);
    print_message("%d of %d proved optima in 20000 iterations\n", hit, seen);
    assert_true(seen >= 50);
    assert_true(hit * 100 >= seen * 70); /* a second finds nearly all (test/joint/score.py); this is a smoke alarm */
}

/* --- what is not right -------------------------------------------------------------------------------- */

#define HEAD "steps 10 minutes 30\nprice 5\ngpus 1\nwatts 100\nperson a look 0-9 work 0-4\n"

static void bad_weeks_are_told(void **state)
{
    (void)state;
    static const struct { const char *text, *says; } cases[] = {
        { "", "there is no job and no todo in it" },
        { "gpus 1\n", "line 1: the first line must say \"steps N minutes N\"" },
        { "steps 0 minutes 30\n", "line 1: \"0\" stands where a whole number from 1 to 10000 is expected" },
        { "steps 5 minuts 30\n", "line 1: \"minuts\" is not understood there" },
        { "steps 5 minutes 30\nsteps 5 minutes 30\n", "line 2 says a second time how many steps there are" },
        { "steps 9 minutes 30\nprice 4 from 0 until 7\nperson a\njob 1 length 1 owner a\n",
          "step 7 has no price; say \"price WON from A until B\" for it" },
        { "steps 9 minutes 30\nprice 4 from 5 until 3\n", "line 2: \"3\" stands where a whole number from 5 to 9 is expected" },
        { HEAD "person a\n", "line 6: \"a\" is there already" },
        { HEAD "person b look 3\n", "line 6: \"3\" is not understood there" },
        { HEAD "person b 3-4\n", "line 6: \"3-4\" is not understood there" },
        { HEAD "person b look 4-3\n", "line 6: \"3\" stands where a whole number from 4 to 10 is expected" },
        { HEAD "job 2 length 1 owner a\n", "line 6: \"2\" stands where a whole number from 1 to 1 is expected" },
        { HEAD "job 1 owner a\n", "line 6: task 1 has no length" },
        { HEAD "job 1 length 1\n", "line 6: task 1 has no owner" },
        { HEAD "job 1 length 1 owner nobody\n", "line 6: there is no person \"nobody\" above" },
        { HEAD "todo 1 length 1 owner a gpus 1\n", "line 6: \"gpus\" is not understood there" },
        { HEAD "job 1 length 1 owner a whole\n", "line 6: \"whole\" is not understood there" },
        { HEAD "job 1 length -1 owner a\n", "line 6: \"-1\" stands where a whole number from 1 to 10000 is expected" },
        { HEAD "job 1 length 2 owner a\nlink 1 2\n", "line 7: \"2\" stands where a whole number from 1 to 1 is expected" },
        { HEAD "job 1 length 2 owner a\nlink 1 1\n", "The tasks wait for each other in a circle." },
        { HEAD "job 1 length 2 owner a gpus 2\n", "Task 1 needs 2 of resource 1, of which there are never more than 1." },
        { HEAD "job 1 length 11 owner a\n", "task 1 can be done nowhere between its release and the end of time" },
        { HEAD "todo 1 length 5 owner a\n", "task 1 can be done nowhere between its release and the end of time" },
        { HEAD "say 1\n", "line 6: \"say\" is not understood there" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = { 0 };
        struct run run;
        int r = run_open(&run, str_of(cases[i].text), 1, &err);
        assert_true(r < 0);
        assert_string_equal(err.text, cases[i].says);
        run_close(&run);
    }
}

/* A row that cannot be done in time is known before the search. */
static void impossible_rows_are_known(void **state)
{
    (void)state;
    struct run run;
    struct err err = { 0 };
    assert_int_equal(run_open(&run, STR(HEAD "job 1 length 6 owner a\ntodo 2 length 1 owner a\nlink 1 2\n"), 1, &err), 0);
    assert_true(run.search.least == SCHEDULE_NEVER);
    cheapest_run(&run.search, 1000, 0);
    assert_true(run.search.best == SCHEDULE_NEVER);
    run_close(&run);
}

static void the_referee_objects(void **state)
{
    (void)state;
    static const char week[] = HEAD "job 1 length 2 gpus 1 watts 60 release 1 owner a wait 7\n"
        "todo 2 length 2 release 0 owner a wait 3 whole\njob 3 length 1 watts 50 release 0 owner a wait 1\nlink 1 3\n"
        "todo 4 length 1 owner a\n";
    static const struct { int32_t start[4]; const char *says; } cases[] = {
        { { 0, 0, 4, 2 }, "task 1 starts at 0, before its release at 1" },
        { { 9, 0, 4, 2 }, "task 1 ends behind the end of time" },
        { { 1, 3, 4, 0 }, "task 2 is to be worked on at step 4, which is not offered" },
        { { 1, 5, 4, 0 }, "task 2 is to be worked on at step 5, which is not offered" },
        { { 1, 0, 2, 2 }, "task 3 starts at 2, before task 1 has ended at 3" },
        { { 1, 0, 4, 1 }, "at step 1, a has tasks 2 and 4 at once" },
    };
    struct err err = { 0 };
    int64_t cost;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(joint_referee_judge(str_of(week), cases[i].start, 4, &cost, &err), E_INVALID);
        assert_string_equal(err.text, cases[i].says);
    }
    /* By hand: job 1 is seen at 3: 2 steps x 7 x 30000, and 2 steps x 5 won x 60 W x 30.  Todo 2 is done at
     * 2: 2 x 3 x 30000.  Job 3 is seen at 5: 5 x 1 x 30000, and 5 x 50 x 30.  Todo 4 costs nothing. */
    assert_int_equal(joint_referee_judge(str_of(week), (int32_t[]){ 1, 0, 4, 2 }, 4, &cost, &err), 0);
    assert_int_equal(cost, 14 * 30000 + 18000 + 6 * 30000 + 5 * 30000 + 7500);
    assert_int_equal(joint_referee_judge(STR(HEAD "job 1 length 1 watts 60 owner a\njob 2 length 1 watts 50 owner a\n"),
                                         (int32_t[]){ 0, 0 }, 2, &cost, &err), E_INVALID);
    assert_string_equal(err.text, "at step 0, 110 W are in use; the cap is 100 W");
    assert_int_equal(joint_referee_judge(str_of(week), (int32_t[]){ 1, 0, 4 }, 3, &cost, &err), E_INVALID);
    assert_string_equal(err.text, "the file has more than 3 tasks");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny_weeks_are_solved),
        cmocka_unit_test(plans_are_allowed),
        cmocka_unit_test(slices_do_not_matter),
        cmocka_unit_test(more_hours_cost_nothing),
        cmocka_unit_test(proved_optima),
        cmocka_unit_test(bad_weeks_are_told),
        cmocka_unit_test(impossible_rows_are_known),
        cmocka_unit_test(the_referee_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
