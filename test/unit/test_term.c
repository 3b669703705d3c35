/* test_term.c - the modes a stream of output leaves behind, what is left out of a copy, and the key
 * that detaches.  Streams are cut at every place: where a read ends must not matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "term/key.h"
#include "term/vt.h"

#define ALL (VT_DROP_QUERIES | VT_DROP_ALT | VT_DROP_NOISE)

/* The copy of `in`, fed in pieces of `piece` bytes. */
static char *pass(struct vt *v, const char *in, size_t len, size_t piece, unsigned drop, size_t *ret_n)
{
    char *out = calloc(1, len + VT_HELD_MAX + 1);
    size_t n = 0;
    assert_non_null(out);
    vt_init(v);
    for (size_t at = 0; at < len; at += piece) {
        char *part = malloc(piece + VT_HELD_MAX);
        size_t now = len - at < piece ? len - at : piece;
        assert_non_null(part);
        size_t got = vt_pass(v, in + at, now, drop, part);
        assert_true(got <= now + VT_HELD_MAX && n + got <= len);
        memcpy(out + n, part, got);
        n += got;
        free(part);
    }
    *ret_n = n;
    return out;
}

static void check(const char *in, unsigned drop, const char *want)
{
    size_t len = strlen(in);
    for (size_t piece = 1; piece <= len; piece++) {
        struct vt v;
        size_t n;
        char *out = pass(&v, in, len, piece, drop, &n);
        if (n != strlen(want) || memcmp(out, want, n) != 0)
            fail_msg("pieces of %zu: wanted \"%s\", got \"%.*s\"", piece, want, (int)n, out);
        assert_int_equal(v.fed, len);
        free(out);
    }
}

static void what_is_not_dropped_passes_unchanged(void **state)
{
    (void)state;
    static const char *const streams[] = {
        "plain\r\n한글 \033[1;31mred\033[m\t\b", "\033]0;title\a\033]8;;http://x\033\\link\033]8;;\033\\",
        "\033Pq#0;2;0;0;0~-\033\\", "\033(0lqk\033(B", "\033[38:2::1:2:3m", "a\033[3\030b",
    };
    check("\033[\r1mx", 0, "\033[\r1mx");
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        check(streams[i], 0, streams[i]);
        check(streams[i], VT_DROP_QUERIES | VT_DROP_ALT, streams[i]);
    }
}

static void questions_are_left_out(void **state)
{
    (void)state;
    static const char *const questions[] = {
        "\033[c", "\033[0c", "\033[>c", "\033[=c", "\033[6n", "\033[?6n", "\033[5n", "\033[>q", "\033[?u",
        "\033[?2026$p", "\033[4$p", "\033[18t", "\033[14;2t", "\033]11;?\a", "\033]10;?\033\\",
        "\033]4;1;?\a", "\033]52;c;?\a", "\033P+q544e\033\\", "\033P$qm\033\\", "\033Z", "\005",
        "\033[?4m", "\033[?2;1;0S", "\033_Gi=1,a=q;AAAA\033\\", "\033[x",
    };
    static const char *const others[] = {
        "\033[>4;2m", "\033[22;0t", "\033[23t", "\033]11;#ff0000\a", "\033[>1u", "\033[!p", "\033[2 q",
        "\033]0;what?\a", "\033P0;1|17/ab\033\\", "\033[>1n", "\033[?7c", "\033[u", "\033[s", "\033[3S",
    };
    char in[128], out[128];
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        snprintf(in, sizeof in, "before%safter", questions[i]);
        check(in, VT_DROP_QUERIES, "beforeafter");
        check(in, 0, in);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        snprintf(out, sizeof out, "before%safter", others[i]);
        check(out, VT_DROP_QUERIES, out);
    }
    check("x\a\033]52;c;QUJD\a\033[3Jy\033]9;done\033\\", VT_DROP_NOISE, "xy");
}

static void the_alternate_screen_is_left_out(void **state)
{
    (void)state;
    check("$ vim\r\n\033[?1049h\033[2Jfile\033[?25l\033[31m~\033[?25h\033[?1049l$ ", ALL, "$ vim\r\n$ ");
    check("a\033[?47hb\033[?47lc\033[?1047hd", ALL, "ac");
    static const struct { const char *in; bool alt; } begins[] = {
        { "~\r\n\033[?1049l$ vim\033[?1049h", true }, { "$ \033[?1049h~\033[?1049l", false }, { "$ ls", false },
    };
    for (size_t i = 0; i < 3; i++) {
        struct vt v;
        vt_init(&v);
        (void)vt_pass(&v, begins[i].in, strlen(begins[i].in), 0, NULL);
        assert_int_equal(vt_began_alt(&v), begins[i].alt);
    }
}

static void long_sequences_are_no_questions(void **state)
{
    (void)state;
    size_t len = 100000, n;
    char *in = malloc(len + 1);
    struct vt v;
    assert_non_null(in);
    memset(in, 'A', len);
    memcpy(in, "\033]1337;File=:", 13);
    in[len - 1] = '\a';
    in[len] = 0;
    for (size_t piece = 1; piece <= len; piece = piece * 7 + 1) {
        char *out = pass(&v, in, len, piece, ALL, &n);
        assert_int_equal(n, len);
        assert_memory_equal(out, in, len);
        assert_true(vt_is_whole(&v));
        free(out);
    }
    memcpy(in, "\033_Gf=100,a=T;", 13); /* a picture would be answered: it goes as a whole */
    in[len - 2] = '\033';
    in[len - 1] = '\\';
    for (size_t piece = 1; piece <= len; piece = piece * 7 + 1) {
        char *out = pass(&v, in, len, piece, ALL, &n);
        assert_int_equal(n, 0);
        assert_true(vt_is_whole(&v));
        free(out);
    }
    free(in);
}

/* Modes are right if what vt_enter says leads to the same modes, and what vt_leave says to none. */
static void check_modes(const char *in, const char *enter, const char *leave)
{
    struct vt v, again;
    size_t n;
    char said[VT_MODES_MAX], *copy = pass(&v, in, strlen(in), 3, 0, &n);
    free(copy);
    size_t len = vt_enter(&v.modes, said);
    if (enter)
        assert_true(len == strlen(enter) && memcmp(said, enter, len) == 0);
    vt_init(&again);
    (void)vt_pass(&again, said, len, 0, NULL);
    assert_memory_equal(&again.modes, &v.modes, sizeof v.modes);
    len = vt_leave(&v.modes, said);
    if (leave)
        assert_true(len == strlen(leave) && memcmp(said, leave, len) == 0);
    (void)vt_pass(&again, said, len, 0, NULL);
    struct vt_modes none = { 0 };
    assert_memory_equal(&again.modes, &none, sizeof none);
}

static void modes_are_followed(void **state)
{
    (void)state;
    check_modes("text", "", "\033[m");
    check_modes("\033[?1049h\033[?25l\033[?1002;1006h\033[?2004h\033=\033[?1h",
                "\033[?1049h\033=\033[?1h\033[?25l\033[?1002h\033[?1006h\033[?2004h",
                "\033[?1l\033[?25h\033[?1002l\033[?1006l\033[?2004l\033>\033[m\033[?1049l");
    check_modes("\033[?1049h\033[?1049l\033[?25l\033[?25h\033[?7l\033[?7h", "", NULL);
    check_modes("\033[3;20r\033[4h\033(0\016\033[4 q\033[>4;2m\033[>1u\033[>5u", NULL, NULL);
    check_modes("\033[5r", "\033[5;r", NULL);
    check_modes("\033[3;20r\033[r\033(0\033(B\016\017\033[>1u\033[<u\033[>4;1m\033[>4m", "", "\033[m");
    check_modes("\033[?1049h\033[?1000h\033[3;4r\033c", "", "\033[m");
    check_modes("\033[?6h\033[?25l\033[4h\033=\033[!p", "", "\033[m");
    check_modes("\033[<99999u\033[>1u\033[>1u\033[>1u\033[>1u\033[>1u\033[>1u\033[>1u\033[>1u\033[>1u", NULL, NULL);
}

/* Everything at once must fit, in both directions. */
static void all_modes_fit(void **state)
{
    (void)state;
    struct vt_modes m = { .changed = (UINT32_C(1) << VT_MODE_COUNT) - 1, .top = 65535, .bottom = 65535,
                          .charset = '0', .cursor_shape = 255, .other_keys = 255, .keys_n = VT_KEYS_MAX };
    char said[VT_MODES_MAX];
    memset(m.keys, 255, sizeof m.keys);
    assert_true(vt_enter(&m, said) > 100);
    assert_true(vt_leave(&m, said) > 100);
}

static void a_wipe_is_found(void **state)
{
    (void)state;
    static const struct { const char *in; uint64_t at; } cases[] = {
        { "abc\033[2Jx", 3 }, { "ab\033[H\033[2Jx", 2 }, { "ab\033[H\033[m\033[Jx", 2 },
        { "ab\033[H\033[31mx\033[J", 0 }, { "ab\033[5;5H\033[J", 0 }, { "abc\033cdef", 3 },
        { "abcd\033[?1049hx", 4 }, { "ab\033[1;1H\033[J\033[Hq\033[J", 2 }, { "ab\033[K\033[1J", 0 },
        { "a\033[?1049h\033[1;24r\033[H\033[2J", 16 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t piece = 1; piece < 9; piece++) {
            struct vt v;
            size_t n;
            free(pass(&v, cases[i].in, strlen(cases[i].in), piece, 0, &n));
            if (v.wiped_at != cases[i].at)
                fail_msg("case %zu: %llu instead of %llu", i, (unsigned long long)v.wiped_at,
                         (unsigned long long)cases[i].at);
        }
}

/* Any bytes: nothing breaks, nothing grows, and with nothing to drop all of it comes out. */
static void noise_does_no_harm(void **state)
{
    (void)state;
    static const char alphabet[] = "\033[[]]P_\\?;;>=0123456789hlmrJHuqcnpt$ (B\a\016\017\030\005x\n\xec\x95";
    struct prng p;
    prng_init(&p, 7, 0);
    for (int round = 0; round < 20000; round++) {
        char in[400];
        struct vt a, b;
        size_t len = (size_t)prng_below(&p, sizeof in - 1) + 1, n, m;
        for (size_t i = 0; i < len; i++)
            in[i] = alphabet[prng_below(&p, sizeof alphabet - 1)];
        char *out = pass(&a, in, len, len, 0, &n);
        assert_int_equal(n, len);
        assert_memory_equal(out, in, n);
        free(out);
        out = pass(&b, in, len, (size_t)prng_below(&p, 9) + 1, 0, &m);
        assert_int_equal(m, len);
        assert_memory_equal(&a.modes, &b.modes, sizeof a.modes);
        assert_int_equal(a.wiped_at, b.wiped_at);
        free(out);
        /* dropping does not depend on where the reads end either */
        char *one = pass(&a, in, len, len, ALL, &n);
        char *two = pass(&b, in, len, (size_t)prng_below(&p, 9) + 1, ALL, &m);
        assert_int_equal(n, m);
        assert_memory_equal(one, two, n);
        free(one);
        free(two);
    }
}

/* --- the key ------------------------------------------------------------------------------------ */

static void keys_are_read(void **state)
{
    (void)state;
    static const struct { const char *text; const char *shown; } good[] = {
        { "ctrl-\\", "Ctrl-\\" }, { "^]", "Ctrl-]" }, { "C-b d", "Ctrl-B d" }, { "Ctrl-a", "Ctrl-A" },
        { "none", "none" }, { "ctrl-b D", "Ctrl-B D" }, { " ^^ ", "Ctrl-^" }, { "^_", "Ctrl-_" },
    };
    static const char *const bad[] = { "", "x", "ctrl-", "ctrl-i", "^M", "^[", "ctrl-1", "ctrl-b dd",
                                       "한", "ctrl-가", "^b \001" };
    struct key key;
    char shown[KEY_TEXT_MAX];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(key_parse(str_of(good[i].text), &key, NULL), 0);
        key_print(&key, shown);
        assert_string_equal(shown, good[i].shown);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = { 0 };
        assert_int_equal(key_parse(str_of(bad[i]), &key, &err), E_INVALID);
        assert_non_null(strstr(err.text, "ctrl-]"));
    }
}

/* Typed in pieces of any size: what goes on, and how much of the input until the key. */
static void type(const char *key, const char *typed, const char *sent, int until)
{
    size_t len = strlen(typed);
    for (size_t piece = 1; piece <= len; piece++) {
        struct key_watch w = { 0 };
        char out[512], held[KEY_HELD_MAX];
        size_t n = 0, taken = 0, at = 0;
        bool found = false;
        assert_int_equal(key_parse(str_of(key), &w.key, NULL), 0);
        while (at < len && !found) {
            size_t now = len - at < piece ? len - at : piece, got;
            found = key_pass(&w, typed + at, now, out + n, &got, &taken);
            n += got;
            at += taken;
        }
        if (!found) {
            size_t more = key_flush(&w, held);
            memcpy(out + n, held, more);
            n += more;
        }
        assert_int_equal(found, until >= 0);
        if (found)
            assert_int_equal(at, until);
        if (n != strlen(sent) || memcmp(out, sent, n) != 0)
            fail_msg("pieces of %zu: sent \"%.*s\"", piece, (int)n, out);
    }
}

static void the_key_is_found(void **state)
{
    (void)state;
    type("ctrl-\\", "ls\r\034more", "ls\r", 4);
    type("ctrl-\\", "한글 \033[A\033[B\033OP\033", "한글 \033[A\033[B\033OP\033", -1);
    type("ctrl-\\", "x\033[92;5uy", "x", 8);
    type("ctrl-\\", "x\033[92;5:1uy", "x", 10);
    type("ctrl-\\", "x\033[27;5;92~y", "x", 11);
    type("ctrl-\\", "\033[92;6u\033[93;5u\033\033[92;5u", "\033[92;6u\033[93;5u\033", 22);
    type("ctrl-b d", "\002c\002\002\002dx", "\002c\002", 6);
    type("ctrl-b d", "\033[98;5ud", "", 8);
    type("ctrl-a", "\033[97;5u", "", 7);
    type("none", "\034\002d", "\034\002d", -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_dropped_passes_unchanged),
        cmocka_unit_test(questions_are_left_out),
        cmocka_unit_test(the_alternate_screen_is_left_out),
        cmocka_unit_test(long_sequences_are_no_questions),
        cmocka_unit_test(modes_are_followed),
        cmocka_unit_test(all_modes_fit),
        cmocka_unit_test(a_wipe_is_found),
        cmocka_unit_test(noise_does_no_harm),
        cmocka_unit_test(keys_are_read),
        cmocka_unit_test(the_key_is_found),
    };
    return cmocka_run_group_tests_name("term", tests, NULL, NULL);
}
