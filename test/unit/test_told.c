/* test_told.c - the ledger of notices (src/sim/told.h): what is alike, and for how long it waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "sim/told.h"

#define MONDAY_AT (20514 * (usec_t)USEC_PER_DAY)
#define CHANNEL   0
#define TODO      7

struct world {
    struct told told;
    struct verdict verdict;
};

/* The todo is given to person 1 again, by whom who asked for it. */
static void ask(struct world *w, usec_t at)
{
    const struct core_event ev = { .kind = EVENT_TODO_SET,
                                   .todo_set = { .todo = TODO, .field = TODO_SET_WHO, .value = 1 } };
    told_committed(&w->told, &ev, NULL, 0, at);
}

static void begin(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->told.verdict = &w->verdict;
    told_channel_add(&w->told, 1, "", false, false);
    const struct core_event ev = { .kind = EVENT_TODO_ADD, .todo_add = { .todo = TODO, .by = 2 } };
    told_committed(&w->told, &ev, NULL, 0, MONDAY_AT);
}

/* The first rule that is broken when so many are said to wait; "": none. */
static const char *rests(struct world *w, uint32_t n, usec_t at)
{
    uint32_t waiting[TOLD_CHANNELS_MAX] = { [CHANNEL] = n };
    w->verdict = (struct verdict){ 0 };
    told_rests(&w->told, waiting, at, USEC_NEVER);
    return w->verdict.rule;
}

static void leaves_in_vain(struct world *w, bool heard, usec_t at)
{
    told_leaves(&w->told, CHANNEL, false, BRIEF_NONE, at);
    told_answered(&w->told, heard, false, 0, at + USEC_PER_MIN);
}

/* Alike and waiting together: they go a month after the last of them. */
static void test_a_month_after_the_last(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    ask(&w, MONDAY_AT);
    ask(&w, MONDAY_AT + 2 * USEC_PER_DAY);
    leaves_in_vain(&w, true, MONDAY_AT + 31 * USEC_PER_DAY);
    assert_string_equal(rests(&w, 2, MONDAY_AT + 31 * USEC_PER_DAY), "");
    assert_string_equal(rests(&w, 1, MONDAY_AT + 31 * USEC_PER_DAY), "notice-lost");
    leaves_in_vain(&w, true, MONDAY_AT + 32 * USEC_PER_DAY);
    assert_string_equal(rests(&w, 0, MONDAY_AT + 33 * USEC_PER_DAY), "");
    told_finish(&w.told);
}

/* One comes about while the others are on their way, to a service that refuses them: their month is not longer for it. */
static void test_while_others_are_on_their_way(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    ask(&w, MONDAY_AT);
    ask(&w, MONDAY_AT);
    told_leaves(&w.told, CHANNEL, false, BRIEF_NONE, MONDAY_AT + 2 * USEC_PER_DAY);
    ask(&w, MONDAY_AT + 2 * USEC_PER_DAY);
    told_answered(&w.told, true, false, 0, MONDAY_AT + 2 * USEC_PER_DAY);
    assert_string_equal(rests(&w, 3, MONDAY_AT + 2 * USEC_PER_DAY), "");
    leaves_in_vain(&w, true, MONDAY_AT + 31 * USEC_PER_DAY);
    assert_string_equal(rests(&w, 1, MONDAY_AT + 31 * USEC_PER_DAY), "");
    assert_string_equal(rests(&w, 3, MONDAY_AT + 31 * USEC_PER_DAY), "notice-twice");
    assert_string_equal(rests(&w, 0, MONDAY_AT + 31 * USEC_PER_DAY), "notice-lost");
    told_finish(&w.told);
}

/* The groups of alike are one to whom is told: in number, wherever an entry puts them. */
static void test_all_of_them_are_told(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    ask(&w, MONDAY_AT);
    told_leaves(&w.told, CHANNEL, true, BRIEF_NONE, MONDAY_AT);
    ask(&w, MONDAY_AT);
    told_answered(&w.told, true, true, 0, MONDAY_AT);
    assert_string_equal(rests(&w, 2, MONDAY_AT), "");
    told_leaves(&w.told, CHANNEL, false, BRIEF_NONE, MONDAY_AT);
    w.told.version++; /* no matter when */
    const struct told_group one = { .kind = NOTICE_ASKED, .of = TODO, .n = 1 };
    const struct told_group two = { .kind = NOTICE_ASKED, .of = TODO, .n = 2 };
    told_arrives(&w.told, &two, 1, MONDAY_AT);
    told_arrives(&w.told, (struct told_group[]){ one, one }, 2, MONDAY_AT);
    assert_string_equal(w.verdict.rule, "");
    told_arrives(&w.told, &one, 1, MONDAY_AT);
    assert_string_equal(w.verdict.rule, "notice-lost");
    w.verdict = (struct verdict){ 0 };
    told_arrives(&w.told, (struct told_group[]){ two, one }, 2, MONDAY_AT);
    assert_string_equal(w.verdict.rule, "notice-twice");
    told_answered(&w.told, true, true, 0, MONDAY_AT);
    assert_string_equal(rests(&w, 0, MONDAY_AT), "");
    told_finish(&w.told);
}

/* A daemon that dies takes its message along: what comes about after that is with what waits. */
static void test_not_heard(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    ask(&w, MONDAY_AT);
    leaves_in_vain(&w, false, MONDAY_AT);
    ask(&w, MONDAY_AT + 2 * USEC_PER_DAY);
    leaves_in_vain(&w, true, MONDAY_AT + 31 * USEC_PER_DAY);
    assert_string_equal(rests(&w, 2, MONDAY_AT + 31 * USEC_PER_DAY), "");
    told_finish(&w.told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_month_after_the_last),
        cmocka_unit_test(test_while_others_are_on_their_way),
        cmocka_unit_test(test_all_of_them_are_told),
        cmocka_unit_test(test_not_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
