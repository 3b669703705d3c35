/* Sweeps: points of a table, text with {names} in it; and what a job says of itself (marks.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/prng.h"
#include "spec/decimal.h"
#include "spec/marks.h"
#include "spec/option.h"
#include "spec/sweep.h"
#include "test/lib/table.h"

#define WORDS_MAX 64
#define SEED 7

/* Words as a shell makes them: blanks, "..." */
static uint32_t split(struct str text, struct buf *memory, const char **argv)
{
    size_t at[WORDS_MAX];
    uint32_t n = 0;
    for (size_t i = 0; i < text.len;) {
        while (i < text.len && text.ptr[i] == ' ')
            i++;
        if (i == text.len)
            break;
        assert_true(n < WORDS_MAX);
        at[n++] = memory->len;
        for (bool quoted = false; i < text.len && (quoted || text.ptr[i] != ' '); i++)
            if (text.ptr[i] == '"')
                quoted = !quoted;
            else
                buf_char(memory, text.ptr[i]);
        buf_char(memory, '\0');
    }
    for (uint32_t i = 0; i < n; i++)
        argv[i] = memory->ptr + at[i];
    return n;
}

/* What a client does with a command line, and the daemon with what it sends. */
static int settled(struct str words, struct spec *ret, struct err *err)
{
    static const char *const command[] = { "train", "{lr}" };
    const char *argv[WORDS_MAX];
    struct buf memory, text;
    struct spec spec;
    buf_init(&memory, 65536);
    buf_init(&text, SPEC_PRINT_MAX);
    struct option_scan scan = { .argv = argv, .n = split(words, &memory, argv) };
    spec_init(&spec);
    spec_init(ret);
    int r = option_apply_all(&spec, &scan, err);
    if (r == 0)
        r = spec_set_argv(&spec, command, 2, err);
    if (r == 0)
        r = sweep_settle(&spec, SEED, err);
    if (r == 0)
        r = spec_check(&spec, NULL, err);
    if (r == 0) {
        spec_print(&text, &spec);
        assert_int_equal(text.failed, 0);
        r = spec_parse(ret, buf_look(&text), err);
        if (r < 0 || spec_check(ret, NULL, err) < 0)
            fail_msg("what was settled is not taken: %s", err->text);
    }
    spec_finish(&spec);
    buf_finish(&memory);
    buf_finish(&text);
    return r;
}

static void put_point(struct buf *out, const struct sweep *s, uint32_t point)
{
    for (uint32_t i = 0; i < s->params_n; i++) {
        buf_c(out, i ? " " : "");
        buf_str(out, s->param[i].name);
        buf_char(out, '=');
        sweep_value(s, i, point, out);
    }
}

static void describe(struct buf *out, const struct spec *spec)
{
    struct sweep s;
    assert_int_equal(sweep_open(&s, spec, NULL), 0);
    assert_int_equal(s.points, spec->array.tasks);
    buf_u64(out, s.points);
    buf_char(out, ':');
    for (uint32_t i = 0; i < s.points; i++) {
        if (i == 6 && s.points > 7) {
            buf_c(out, "; ...");
            i = (uint32_t)s.points - 1;
        }
        buf_c(out, i ? "; " : " ");
        put_point(out, &s, i);
    }
    sweep_close(&s);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void each_sweep(void *data, unsigned line, struct str left, struct str right)
{
    struct spec spec;
    struct err err = { 0 };
    struct buf got;
    buf_init(&got, 1 << 20);
    double start = seconds();
    if (settled(left, &spec, &err) < 0) {
        buf_c(&got, "! ");
        buf_c(&got, err.text);
    } else {
        describe(&got, &spec);
    }
    assert_true(seconds() - start < 0.2);
    spec_finish(&spec);
    if (data)
        printf("%.*s => %.*s\n", STR_ARG(left), STR_ARG(buf_look(&got)));
    else if (!str_eq(buf_look(&got), right))
        fail_msg("sweep.txt:%u: %.*s\n  expected %.*s\n  got      %.*s", line, STR_ARG(left), STR_ARG(right),
                 STR_ARG(buf_look(&got)));
    buf_finish(&got);
}

static void points_are_those_of_the_table(void **state)
{
    (void)state;
    table_each("sweep.txt", 50, each_sweep, NULL);
}

/* --- text ------------------------------------------------------------------------------------------ */

static void names_in_braces(void **state)
{
    static const struct { const char *text, *want; enum sweep_use use; } rows[] = {
        { "--lr={lr}", "--lr=0.1", SWEEP_TEXT }, { "{lr}{lr}", "0.10.1", SWEEP_TEXT },
        { "{lr", "{lr", SWEEP_TEXT }, { "lr}", "lr}", SWEEP_TEXT }, { "{x}", "{x}", SWEEP_TEXT },
        { "${lr}", "${lr}", SWEEP_TEXT }, { "$ {lr}", "$ 0.1", SWEEP_TEXT },
        { "{{lr}}", "{lr}", SWEEP_TEXT }, { "{{lr}", "{0.1", SWEEP_TEXT }, { "{{{lr}}}", "{{lr}}", SWEEP_TEXT },
        { "{print $1} {lr}", "{print $1} 0.1", SWEEP_TEXT }, { "{m}", "a/b%c", SWEEP_TEXT },
        { "out/{m}-%j.log", "out/a_b%%c-%j.log", SWEEP_FILE }, { "{}", "{}", SWEEP_TEXT }, { "", "", SWEEP_TEXT },
        { "{lr}}", "0.1}", SWEEP_TEXT }, { "{ lr }", "{ lr }", SWEEP_TEXT },
    };
    struct spec spec;
    struct sweep s;
    struct err err = { 0 };
    (void)state;
    assert_int_equal(settled(STR("--param lr=0.1,0.2 --param m=a/b%c"), &spec, &err), 0);
    assert_int_equal(sweep_open(&s, &spec, &err), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;
        buf_init(&out, 4096);
        sweep_expand(&s, 0, str_of(rows[i].text), rows[i].use, &out);
        if (!str_is(buf_look(&out), rows[i].want))
            fail_msg("%s: %.*s", rows[i].text, STR_ARG(buf_look(&out)));
        buf_finish(&out);
    }
    struct buf env;
    buf_init(&env, 4096);
    sweep_environ(&s, 1, STR("ALL,RUN=r-{lr},X=1,TWO='{lr},{m}'"), &env);
    static const char want[] = "EOUL_PARAM_lr=0.2\0EOUL_PARAM_m=a/b%c\0RUN=r-0.2\0TWO=0.2,a/b%c";
    assert_int_equal(env.len, sizeof want);
    assert_memory_equal(env.ptr, want, sizeof want);
    buf_finish(&env);
    assert_true(sweep_is_used(&s, 0, &spec));
    assert_false(sweep_is_used(&s, 1, &spec));
    sweep_close(&s);
    spec_finish(&spec);
}

static void unused_parameters_are_said(void **state)
{
    static const char *const command[] = { "sh", "-c", "echo {a} $EOUL_PARAM_b" };
    struct spec spec;
    struct err err = { 0 };
    (void)state;
    spec_init(&spec);
    for (const char *const *p = (const char *const[]){ "a=1,2", "b=1", "c.d=1", NULL }; *p; p++)
        assert_int_equal(option_apply(&spec, option_find(STR("param")), str_of(*p), SPEC_FROM_COMMAND, 0, &err), 0);
    assert_int_equal(spec_set_argv(&spec, command, 3, &err), 0);
    assert_int_equal(sweep_settle(&spec, 1, &err), 0);
    assert_int_equal(spec.notes_n, 1);
    assert_non_null(strstr(spec.notes[0].text.ptr, "{c.d} stands nowhere"));
    assert_int_equal(spec.hold_after, SWEEP_HOLD_AFTER);
    spec_finish(&spec);
}

/* Every draw is within its range, and all of a listed grid are different. */
static void draws_are_within(void **state)
{
    struct spec spec;
    struct sweep s;
    struct err err = { 0 };
    (void)state;
    assert_int_equal(settled(STR("--param lr=1e-5..1e-1:log --param x=-1.0..2.0 --param n=1..9 --random 2000"), &spec, &err), 0);
    assert_int_equal(sweep_open(&s, &spec, &err), 0);
    unsigned low = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        double v[3];
        for (uint32_t k = 0; k < 3; k++) {
            struct buf b;
            buf_init(&b, 64);
            sweep_value(&s, k, i, &b);
            assert_true(marks_number(buf_look(&b), &v[k]));
            buf_finish(&b);
        }
        assert_true(v[0] >= 0.99999e-5 && v[0] <= 0.100001 && v[1] >= -1 && v[1] <= 2 && v[2] >= 1 && v[2] <= 9);
        low += v[0] < 1e-3;
    }
    assert_true(low > 900 && low < 1100); /* half of the logarithm */
    sweep_close(&s);
    spec_finish(&spec);
    assert_int_equal(settled(STR("--param a=1..300 --param b=1..300 --random 5000"), &spec, &err), 0);
    assert_int_equal(sweep_open(&s, &spec, &err), 0);
    static uint8_t seen[300][300];
    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < 5000; i++) {
        uint64_t v[2];
        for (uint32_t k = 0; k < 2; k++) {
            struct buf b;
            buf_init(&b, 64);
            sweep_value(&s, k, i, &b);
            assert_int_equal(str_u64(buf_look(&b), &v[k]), 0);
            buf_finish(&b);
        }
        assert_int_equal(seen[v[0] - 1][v[1] - 1]++, 0);
    }
    sweep_close(&s);
    spec_finish(&spec);
}

/* A daemon gets texts from anybody. */
static void what_was_not_settled_is_refused(void **state)
{
    static const char *const texts[] = {
        "argv=true\nparam=a=1..5:1\narray=0-5\n", "argv=true\nparam=a=1..5:1\n", "argv=true\nparam=a=1..5:*2\narray=0-2\n",
        "argv=true\nrandom=3\nparam=a=1,2\narray=0-2\n", "argv=true\nrandom=3\nparam=a=1..3:1\narray=0-2\n",
        "argv=true\nparam=a=0.0..1.0\narray=0\n", "argv=true\nparam==1\narray=0\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct spec spec;
        struct err err = { 0 };
        spec_init(&spec);
        assert_int_equal(spec_parse(&spec, str_of(texts[i]), &err), 0);
        assert_true(spec_check(&spec, NULL, &err) < 0);
        assert_true(err.text[0] != '\0');
        spec_finish(&spec);
    }
}

/* --- decimals --------------------------------------------------------------------------------------- */

static void decimals(void **state)
{
    static const char *const rows[][2] = {
        { "1", "1" }, { "-1", "-1" }, { "+1", "1" }, { "0.50", "0.5" }, { ".5", "0.5" }, { "1e3", "1000" },
        { "1e-4", "0.0001" }, { "1e-5", "1e-05" }, { "1.5e-7", "1.5e-07" }, { "-0", "0" }, { "1e15", "1e+15" },
        { "123456789012345", "123456789012345" }, { "1e300", "1e+300" }, { "0.001", "0.001" },
    };
    static const char *const wrong[] = { "", "-", ".", "1e", "1e+", "e5", "1.2.3", "1x", "1e301", " 1", "0x10",
                                         "1234567890123456789" };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct decimal d;
        struct buf out;
        buf_init(&out, 512);
        assert_int_equal(decimal_parse(str_of(rows[i][0]), &d), 0);
        decimal_print(&out, d);
        assert_string_equal(out.ptr, rows[i][1]);
        buf_finish(&out);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct decimal d;
        assert_true(decimal_parse(str_of(wrong[i]), &d) < 0);
    }
}

/* --- marks ------------------------------------------------------------------------------------------- */

static struct str pattern;

static void unescape(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '\\' && i + 1 < s.len && strchr("nrt", s.ptr[i + 1])) {
            i++;
            buf_char(out, s.ptr[i] == 'n' ? '\n' : s.ptr[i] == 'r' ? '\r' : '\t');
        } else {
            buf_char(out, s.ptr[i]);
        }
}

static void describe_marks(struct buf *out, const struct marks *m)
{
    for (uint32_t i = 0; i < m->results_n; i++) {
        buf_c(out, i ? " " : "");
        buf_c(out, m->result[i].name);
        buf_char(out, '=');
        buf_c(out, m->result[i].value);
    }
    buf_c(out, m->results_n ? "; " : "nothing; ");
    if (m->done_ppm == MARKS_UNKNOWN)
        buf_char(out, '-');
    else
        decimal_print(out, (struct decimal){ .m = m->done_ppm, .e = -4 });
}

static void each_mark(void *data, unsigned line, struct str left, struct str right)
{
    static struct marks m;
    struct buf text, got;
    if (!right.ptr) {
        static char kept[128];
        struct buf b;
        buf_init_fixed(&b, kept, sizeof kept);
        buf_str(&b, str_trim(str_slice(left, sizeof "pattern" - 1, left.len)));
        pattern = buf_look(&b);
        return;
    }
    buf_init(&text, 65536);
    buf_init(&got, 65536);
    unescape(&text, left);
    marks_init(&m, pattern);
    /* In pieces of every size it is the same. */
    for (size_t piece = 1; piece <= text.len + 1; piece += piece < 8 ? 1 : 7) {
        marks_init(&m, pattern);
        for (size_t i = 0; i < text.len; i += piece)
            marks_feed(&m, 0, text.ptr + i, text.len - i < piece ? text.len - i : piece);
        marks_end(&m);
        buf_clear(&got);
        describe_marks(&got, &m);
        if (data)
            break;
        if (!str_eq(buf_look(&got), right))
            fail_msg("marks.txt:%u: %.*s\n  expected %.*s\n  got      %.*s", line, STR_ARG(left), STR_ARG(right),
                     STR_ARG(buf_look(&got)));
    }
    if (data)
        printf("%.*s => %.*s\n", STR_ARG(left), STR_ARG(buf_look(&got)));
    buf_finish(&text);
    buf_finish(&got);
}

static void marks_are_those_of_the_table(void **state)
{
    (void)state;
    table_each("marks.txt", 50, each_mark, NULL);
}

/* A bomb after the line, without a newline, on the other stream, of any bytes: the result stays. */
static void marks_survive_a_bomb(void **state)
{
    static struct marks m, before;
    static char bomb[1 << 20];
    struct prng luck;
    (void)state;
    prng_init(&luck, 20261125, 1);
    marks_init(&m, STR("val: {v} *"));
    marks_feed(&m, 0, "eoul:result loss=0.5\neoul:result cut=1", 36);
    for (size_t i = 0; i < sizeof bomb; i++) /* no letters: it may say nothing by chance */
        bomb[i] = (char)(prng_below(&luck, 32) == 0 ? '\n' : (int)prng_below(&luck, 64));
    before = m;
    double start = seconds();
    for (int i = 0; i < 64; i++)
        marks_feed(&m, 1, bomb, sizeof bomb);
    printf("scanned %.0f MB/s\n", 64 * (double)sizeof bomb / 1e6 / (seconds() - start));
    memset(bomb, 'x', sizeof bomb);
    for (int i = 0; i < 64; i++)
        marks_feed(&m, 0, bomb, sizeof bomb);
    marks_end(&m);
    assert_int_equal(m.version, before.version);
    assert_int_equal(m.results_n, 1); /* the cut line went on to be something else */
    assert_string_equal(m.result[0].value, "0.5");
    memset(bomb, '%', sizeof bomb);
    start = seconds();
    for (size_t i = 0; i + 2 < sizeof bomb; i += 3)
        memcpy(bomb + i, "1%|", 3);
    marks_feed(&m, 0, bomb, sizeof bomb);
    assert_true(seconds() - start < 1);
}

static void marks_hold_words_only(void **state)
{
    static struct marks m;
    struct prng luck;
    static const char *const parts[] = { "eoul:result ", "eoul:progress ", "=", "a", "\x1b[31m", "\n", "0.5", "%|",
                                         "/", "9", "step ", " ", "\xff", "한", "epoch ", "," };
    (void)state;
    prng_init(&luck, 4, 2);
    for (int round = 0; round < 20000; round++) {
        marks_init(&m, round % 2 ? STR("a={x}") : STR(""));
        for (int i = 0; i < 30; i++) {
            const char *p = parts[prng_below(&luck, sizeof parts / sizeof parts[0])];
            marks_feed(&m, i % 2 && round % 3 == 0, p, strlen(p));
        }
        marks_end(&m);
        assert_true(m.done_ppm <= 1000000 || m.done_ppm == MARKS_UNKNOWN);
        assert_true(m.results_n <= MARKS_RESULTS_MAX);
        for (uint32_t i = 0; i < m.results_n; i++)
            for (const char *c = m.result[i].value; *c; c++)
                assert_true((unsigned char)*c > ' ' && *c != 0x7f);
    }
}

/* A job's user may write anything into the file its marks are read from. */
static void marks_from_a_file(void **state)
{
    static const char *const wrong[] = { "a", "a=", "a=1", "=1\n", "a\n", "a b=1\n", "a=1 2\n", "a=\x1b[0m\n", "a=\xff\n",
                                         "\"a\":1,\"b=1\n", "a=1\n\n", "a=1\n1=2\n" };
    char many[512] = "";
    (void)state;
    assert_true(marks_text_sound(STR("")));
    assert_true(marks_text_sound(STR("a=1\nb/c.d-e=\xed\x95\x9c\"\n")));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (marks_text_sound(str_of(wrong[i])))
            fail_msg("%s", wrong[i]);
    for (unsigned i = 0; i <= MARKS_RESULTS_MAX; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "a%u=1\n", i);
    assert_false(marks_text_sound(str_of(many)));
    snprintf(many, sizeof many, "a=%0*d\n", (int)MARKS_VALUE_MAX, 1);
    assert_false(marks_text_sound(str_of(many)));
}

static void numbers_of_values(void **state)
{
    double v;
    (void)state;
    assert_true(marks_number(STR("0.1234567890123456789012345"), &v) && v > 0.1234567 && v < 0.1234568);
    assert_true(marks_number(STR("-inf"), &v) && v < 0);
    assert_true(marks_number(STR("1e-3"), &v) && v > 0.00099 && v < 0.00101);
    assert_true(marks_number(STR("12345678901234567.125"), &v) && v > 1.2e16);
    assert_false(marks_number(STR("nan"), &v) && v == v);
    assert_false(marks_number(STR("3 x"), &v));
    assert_false(marks_number(STR("1e999"), &v));
    assert_false(marks_number(STR(""), &v));
    assert_false(marks_number(STR("high"), &v));
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--show") == 0) {
        table_each("sweep.txt", 0, each_sweep, argv);
        table_each("marks.txt", 0, each_mark, argv);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_those_of_the_table), cmocka_unit_test(names_in_braces),
        cmocka_unit_test(unused_parameters_are_said), cmocka_unit_test(draws_are_within),
        cmocka_unit_test(what_was_not_settled_is_refused), cmocka_unit_test(decimals),
        cmocka_unit_test(marks_are_those_of_the_table), cmocka_unit_test(marks_survive_a_bomb),
        cmocka_unit_test(marks_hold_words_only), cmocka_unit_test(marks_from_a_file), cmocka_unit_test(numbers_of_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
