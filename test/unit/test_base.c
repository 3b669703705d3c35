/* test_base.c - the small tools everything stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/map.h"
#include "base/prng.h"
#include "base/str.h"
#include "base/usec.h"
#include "base/utf8.h"

static const char *to_korean(const char *format)
{
    return strcmp(format, "job %d is not known") == 0 ? "작업 %d번이 없습니다" : format;
}

static void err_carries_a_sentence_in_the_readers_language(void **state)
{
    (void)state;
    struct err err = { .translate = to_korean };
    assert_int_equal(err_set(&err, E_NOT_FOUND, "job %d is not known", 7), E_NOT_FOUND);
    assert_string_equal(err.text, "작업 7번이 없습니다");
    assert_int_equal(err_set(NULL, E_IO, "nobody listens"), E_IO);
    assert_int_equal(err_http_status(E_NOT_FOUND), 404);
    assert_int_equal(err_exit_status(E_USAGE), 2);
    assert_string_equal(err_word(-999), "internal");
}

static void err_text_is_cut_between_characters(void **state)
{
    (void)state;
    char name[1024] = "";
    for (int i = 0; i < 300; i++)
        strcat(name, "가");
    struct err err = { 0 };
    err_set(&err, E_INVALID, "x%s", name);
    assert_true(strlen(err.text) < ERR_TEXT_MAX);
    assert_true(utf8_valid(str_of(err.text)));
}

static void buf_stops_at_its_maximum_and_stays_failed(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    buf_c(&b, "0123456789");
    assert_int_equal(b.failed, 0);
    buf_char(&b, 'x');
    assert_int_equal(b.failed, E_TOO_LARGE);
    buf_clear(&b);
    buf_i64(&b, INT64_MIN);
    assert_int_equal(b.failed, E_TOO_LARGE); /* 20 characters do not fit in 10 */
    buf_finish(&b);

    char memory[8];
    buf_init_fixed(&b, memory, sizeof memory);
    buf_c(&b, "1234567");
    assert_int_equal(b.failed, 0);
    assert_string_equal(memory, "1234567");
    buf_char(&b, '8');
    assert_int_equal(b.failed, E_TOO_LARGE);
}

static void buf_writes_numbers(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 200);
    buf_i64(&b, INT64_MIN);
    buf_char(&b, ' ');
    buf_u64(&b, UINT64_MAX);
    buf_char(&b, ' ');
    buf_hex64(&b, 0xABCDEF);
    buf_printf(&b, " %d", 5);
    assert_string_equal(b.ptr, "-9223372036854775808 18446744073709551615 0000000000abcdef 5");
    buf_consume(&b, 21);
    assert_true(str_starts(buf_look(&b), "18446"));
    static const char *const here[] = { "127.0.0.1", "127.0.0.1:81", "LOCALHOST", "localhost:8080", "[::1]", "[::1]:5" };
    static const char *const elsewhere[] = { "127.0.0.1.nip.io", "127.evil.org", "localhost.example.com", "[::1].org", "12.7.0.1", "" };
    for (size_t i = 0; i < sizeof here / sizeof here[0]; i++) {
        assert_true(str_is_loopback(str_of(here[i])));
        assert_false(str_is_loopback(str_of(elsewhere[i])));
    }
    buf_finish(&b);
}

static void str_numbers_are_whole_and_bounded(void **state)
{
    (void)state;
    uint64_t u;
    int64_t i;
    assert_int_equal(str_u64(STR("18446744073709551615"), &u), 0);
    assert_true(u == UINT64_MAX);
    assert_int_equal(str_u64(STR("18446744073709551616"), &u), E_INVALID);
    assert_int_equal(str_u64(STR(""), &u), E_INVALID);
    assert_int_equal(str_u64(STR("12x"), &u), E_INVALID);
    assert_int_equal(str_i64(STR("-9223372036854775808"), &i), 0);
    assert_true(i == INT64_MIN);
    assert_int_equal(str_i64(STR("9223372036854775808"), &i), E_INVALID);
}

static void str_next_gives_every_piece(void **state)
{
    (void)state;
    struct str rest = STR("a,,b"), piece;
    assert_true(str_next(&rest, ',', &piece) && str_is(piece, "a"));
    assert_true(str_next(&rest, ',', &piece) && str_is(piece, ""));
    assert_true(str_next(&rest, ',', &piece) && str_is(piece, "b"));
    assert_false(str_next(&rest, ',', &piece));
    assert_true(str_is(str_trim(STR(" \t x y\r\n")), "x y"));
}

static void utf8_refuses_what_is_not(void **state)
{
    (void)state;
    assert_true(utf8_valid(STR("한글 ok 🙂")));
    assert_false(utf8_valid(STR("\xC0\x80")));         /* overlong */
    assert_false(utf8_valid(STR("\xED\xA0\x80")));     /* surrogate */
    assert_false(utf8_valid(STR("\xF4\x90\x80\x80"))); /* above U+10FFFF */
    assert_false(utf8_valid(STR("\xE3\x81")));         /* cut */
}

static void utf8_clean_disarms_terminals(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 200);
    utf8_clean(&b, STR("a\x1b]52;c\x07" "b\nc\xC2\x9B" "d\xE2\x80\xAE" "e\x9B"));
    assert_string_equal(b.ptr, "a\uFFFD]52;c\uFFFDb c\uFFFDd\uFFFDe\uFFFD");
    buf_finish(&b);
}

static void map_agrees_with_a_plain_array(void **state)
{
    (void)state;
    enum { KEYS = 500 };
    struct map m = { 0 };
    uint32_t plain[KEYS + 1] = { 0 };
    struct prng luck;
    prng_init(&luck, 1, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t key = 1 + prng_below(&luck, KEYS);
        if (prng_below(&luck, 3)) {
            plain[key] = (uint32_t)i + 1;
            assert_int_equal(map_set(&m, key, plain[key]), 0);
        } else {
            assert_int_equal(map_remove(&m, key), plain[key] != 0);
            plain[key] = 0;
        }
    }
    size_t used = 0;
    for (uint64_t key = 1; key <= KEYS; key++) {
        uint32_t value = 0;
        assert_int_equal(map_get(&m, key, &value), plain[key] != 0);
        assert_int_equal(value, plain[key]);
        used += plain[key] != 0;
    }
    assert_int_equal(m.used, used);
    map_finish(&m);
}

static void prng_is_the_same_everywhere(void **state)
{
    (void)state;
    struct prng a, b;
    prng_init(&a, 42, 1);
    prng_init(&b, 42, 1);
    uint64_t seen[10] = { 0 };
    for (int i = 0; i < 10000; i++) {
        assert_true(prng_u64(&a) == prng_u64(&b));
        uint64_t x = prng_below(&a, 10);
        assert_true(x == prng_below(&b, 10) && x < 10);
        seen[x]++;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(seen[i], 880, 1120); /* 4 standard deviations of a fair tenth */
}

static void a_replaced_file_is_whole(void **state)
{
    (void)state;
    char dir[] = "/tmp/eoul-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(io_replace_file(fd, "note", "one", 3, 0600), 0);
    assert_int_equal(io_replace_file(fd, "note", "twelve", 6, 0600), 0);
    struct buf b;
    buf_init(&b, 6);
    assert_int_equal(io_read_file(fd, "note", &b), 0);
    assert_string_equal(b.ptr, "twelve");
    buf_finish(&b);
    buf_init(&b, 5);
    assert_int_equal(io_read_file(fd, "note", &b), E_TOO_LARGE);
    buf_finish(&b);
    assert_int_equal(unlinkat(fd, "note", 0), 0);
    assert_int_equal(rmdir(dir), 0);
    close(fd);
}

static uint64_t hashed(const unsigned char *bytes, size_t len, size_t piece)
{
    struct hash_long h = { 0 };
    for (; len > piece; bytes += piece, len -= piece)
        hash_long_add(&h, bytes, piece);
    hash_long_add(&h, bytes, len);
    return hash_long_end(&h, 1);
}

static void a_long_hash_sees_every_byte_and_no_pieces(void **state)
{
    unsigned char bytes[1000];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7);
    for (size_t len = 0; len < sizeof bytes; len += 13) {
        uint64_t whole = hashed(bytes, len, sizeof bytes);
        assert_true(hashed(bytes, len, HASH_LONG_STEP) == whole);
        assert_true(hashed(bytes, len, 3 * HASH_LONG_STEP) == whole);
        assert_true(hashed(bytes, len + 1, sizeof bytes) != whole);
        for (size_t i = 0; i < len; i++) {
            bytes[i] ^= 1;
            assert_true(hashed(bytes, len, sizeof bytes) != whole);
            bytes[i] ^= 1;
        }
    }
}

static void times_saturate(void **state)
{
    (void)state;
    assert_true(usec_add(USEC_NEVER, -5) == USEC_NEVER);
    assert_true(usec_add(INT64_MAX - 1, 5) == USEC_NEVER);
    unsigned long long ticks;
    assert_int_equal(io_start_time(getpid(), &ticks), 0);
    assert_true(ticks > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(err_carries_a_sentence_in_the_readers_language),
        cmocka_unit_test(err_text_is_cut_between_characters),
        cmocka_unit_test(buf_stops_at_its_maximum_and_stays_failed),
        cmocka_unit_test(buf_writes_numbers),
        cmocka_unit_test(str_numbers_are_whole_and_bounded),
        cmocka_unit_test(str_next_gives_every_piece),
        cmocka_unit_test(utf8_refuses_what_is_not),
        cmocka_unit_test(utf8_clean_disarms_terminals),
        cmocka_unit_test(map_agrees_with_a_plain_array),
        cmocka_unit_test(prng_is_the_same_everywhere),
        cmocka_unit_test(a_replaced_file_is_whole),
        cmocka_unit_test(a_long_hash_sees_every_byte_and_no_pieces),
        cmocka_unit_test(times_saturate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
