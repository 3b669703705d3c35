/* The journal's text form: every event kind with random values goes round exactly; damage is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "core/event.h"

#define LIST_MAX 5

static struct span spans[LIST_MAX];
static struct range ranges[LIST_MAX];
static struct dep deps[LIST_MAX];
static struct number numbers[LIST_MAX];
static struct before befores[LIST_MAX];
static struct offer offers[LIST_MAX];
static struct retry retries[LIST_MAX];
static struct rate rates[LIST_MAX];
static struct cap caps[LIST_MAX];
static struct cap caps[LIST_MAX];

/* Small, zero and extreme values all matter. */
static uint64_t luck(struct prng *p)
{
    switch (prng_below(p, 4)) {
    case 0: return 0;
    case 1: return prng_below(p, 100);
    case 2: return prng_u64(p);
    default: return UINT64_C(1) << prng_below(p, 64);
    }
}

static void fill(struct prng *p, void *at, size_t size)
{
    for (size_t i = 0; i + 4 <= size; i += 4) {
        uint32_t v = (uint32_t)luck(p);
        memcpy((char *)at + i, &v, 4);
    }
}

static void random_event(struct prng *p, enum event_kind kind, struct core_event *ev)
{
    memset(ev, 0, sizeof *ev);
    ev->kind = kind;
    ev->wall_at = (usec_t)luck(p);
    ev->boot_at = (usec_t)luck(p);
    fill(p, spans, sizeof spans);
    fill(p, ranges, sizeof ranges);
    fill(p, deps, sizeof deps);
    fill(p, numbers, sizeof numbers);
    fill(p, befores, sizeof befores);
    fill(p, offers, sizeof offers);
    fill(p, retries, sizeof retries);
    fill(p, rates, sizeof rates);
    fill(p, caps, sizeof caps);
    switch (kind) {
#define F(type, field) e->field = (type)luck(p);
#define L(type, field) \
    e->field##_n = (uint32_t)prng_below(p, LIST_MAX + 1); \
    e->field = e->field##_n ? list_##type : NULL;
#define list_span spans
#define list_range ranges
#define list_dep deps
#define list_number numbers
#define list_before befores
#define list_offer offers
#define list_retry retries
#define list_rate rates
#define list_cap caps
#define X(NAME, name, FIELDS) case EVENT_##NAME: { struct ev_##name *e = &ev->name; (void)e; FIELDS(F, L) break; }
    EVENT_LIST(X)
#undef X
#undef F
#undef L
    case EVENT_COUNT: break;
    }
}

/* Equality field by field; pointers by what they show. */
static void assert_same(const struct core_event *a, const struct core_event *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(a->wall_at == b->wall_at && a->boot_at == b->boot_at);
    switch (a->kind) {
#define F(type, field) assert_true(x->field == y->field);
#define L(type, field) \
    assert_int_equal(x->field##_n, y->field##_n); \
    if (x->field##_n) \
        assert_memory_equal(x->field, y->field, x->field##_n * sizeof *x->field);
#define X(NAME, name, FIELDS) \
    case EVENT_##NAME: { \
        const struct ev_##name *x = &a->name, *y = &b->name; \
        (void)x; (void)y; \
        FIELDS(F, L) \
        break; \
    }
    EVENT_LIST(X)
#undef X
#undef F
#undef L
    case EVENT_COUNT: break;
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++)
        for (int kind = 0; kind < EVENT_COUNT; kind++) {
            struct prng p;
            struct core_event ev, back;
            char first[4096], second[4096];
            _Alignas(8) char memory[EVENT_LIST_BYTES(4096)];
            struct buf b, c;
            prng_init(&p, seed, (uint64_t)kind);
            random_event(&p, (enum event_kind)kind, &ev);
            buf_init_fixed(&b, first, sizeof first);
            event_print(&b, &ev);
            assert_int_equal(b.failed, 0);
            assert_int_equal(event_parse(buf_look(&b), memory, EVENT_LIST_BYTES(b.len), &back, NULL), 0);
            assert_same(&ev, &back);
            buf_init_fixed(&c, second, sizeof second);
            event_print(&c, &back);
            assert_string_equal(first, second);
        }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct { const char *line; int code; } table[] = {
        { "", E_INVALID },
        { "decide", E_INVALID },
        { "decide wall=1", E_INVALID },
        { "decide wall=1 boot=1 boot=1", E_INVALID },
        { "decide wall=1 boot=x", E_INVALID },
        { "decide wall=1  boot=2", E_INVALID },
        { "decide wall=1 boot=2 moon=3", E_NEWER },
        { "frobnicate wall=1 boot=2", E_NEWER },
        { "machine wall=1 boot=2 cpus=4294967296", E_INVALID },
        { "machine wall=1 boot=2 cpus=-1", E_INVALID },
        { "machine wall=1 boot=2 cpus=", E_INVALID },
        { "machine wall=1 boot=2 =5", E_INVALID },
        { "submit wall=1 boot=2 nice=2147483648", E_INVALID },
        { "submit wall=1 boot=2 nice=-2147483649", E_INVALID },
        { "submit wall=1 boot=2 tasks=1/2", E_INVALID },
        { "submit wall=1 boot=2 tasks=1/x/3", E_INVALID },
        { "submit wall=1 boot=2 tasks=1/2/3,,4/5/6", E_INVALID },
        { "submit wall=1 boot=2 tasks=1/2/3/4", E_INVALID },
        { "submit wall=1 boot=2 tasks=", E_INVALID },
        { "avail wall=1 boot=2 windows=1/2,", E_INVALID },
        { "avail wall=1 boot=2 windows=1/2/", E_INVALID },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct core_event ev;
        struct err err = { 0 };
        _Alignas(8) char memory[4096];
        int r = event_parse(str_of(table[i].line), memory, sizeof memory, &ev, &err);
        if (r != table[i].code)
            fail_msg("%s: %d", table[i].line, r);
        assert_true(err.text[0] != '\0');
    }
    struct core_event ev;
    _Alignas(8) char small[16];
    assert_int_equal(event_parse(STR("avail wall=1 boot=2 windows=1/2,3/4"), small, sizeof small, &ev,
                                 NULL), E_FULL);
    /* Memory that begins beside a boundary and ends before the next one holds nothing. */
    assert_int_equal(event_parse(STR("avail wall=1 boot=2 windows=1/2"), small + 1, 3, &ev, NULL), E_FULL);
}

static void test_written_form(void **state)
{
    (void)state;
    struct span w[] = { { 10, 20 }, { -5, 40 } };
    struct core_event ev = { .kind = EVENT_AVAIL, .wall_at = 7, .boot_at = 8,
                             .avail = { .person = 3, .until_at = 99, .windows = w, .windows_n = 2 } };
    char text[200];
    struct buf b;
    buf_init_fixed(&b, text, sizeof text);
    event_print(&b, &ev);
    assert_string_equal(text, "avail wall=7 boot=8 person=3 until_at=99 windows=10/20,-5/40");
    assert_string_equal(job_state_word(JOB_PENDING), "PENDING");
    assert_string_equal(job_state_letters(JOB_OUT_OF_MEMORY), "OOM");
    assert_string_equal(reason_word(REASON_BACKOFF), "RetryBackoff");
    assert_string_equal(event_word(EVENT_START_FAILED), "start_failed");
}

#define CHECK_WORDS(word, type, first, count) \
    do { \
        for (int a = (first); a < (count); a++) { \
            assert_true(word((type)a)[0] != '\0' && word((type)a)[0] != '?'); \
            for (int b = (first); b < a; b++) \
                assert_string_not_equal(word((type)a), word((type)b)); \
        } \
        assert_string_equal(word((type)(count)), "?"); \
        assert_string_equal(word((type)-1), "?"); \
    } while (0)

/* Journal, API and people know things by these words: each thing has one of its own, and a number out of a damaged
 * record has none. */
static void test_words(void **state)
{
    (void)state;
    CHECK_WORDS(event_word, enum event_kind, 0, EVENT_COUNT);
    CHECK_WORDS(job_state_word, enum job_state, 0, JOB_STATE_COUNT);
    CHECK_WORDS(job_state_letters, enum job_state, 1, JOB_STATE_COUNT);
    CHECK_WORDS(reason_word, enum reason, 0, REASON_COUNT);
    CHECK_WORDS(end_cause_word, enum end_cause, 0, END_CAUSE_COUNT);
    CHECK_WORDS(update_word, enum update_kind, 0, UPDATE_COUNT);
    CHECK_WORDS(todo_state_word, enum todo_state, 0, TODO_STATE_COUNT);
    CHECK_WORDS(todo_wait_word, enum todo_wait, 0, TODO_WAIT_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_written_form),
    };
    return cmocka_run_group_tests_name("core_event", tests, NULL, NULL);
}
