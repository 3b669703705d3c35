/* test_json.c - what json_out writes, jansson reads back; what json_in refuses, and with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "base/prng.h"
#include "base/utf8.h"
#include "web/json_in.h"
#include "web/json_out.h"

static void shape(void **state)
{
    char memory[256];
    struct buf b;
    struct json_out j;
    (void)state;
    buf_init_fixed(&b, memory, sizeof memory);
    out_init(&j, &b);
    out_object(&j);
    out_put_i64(&j, "a", -1);
    out_key(&j, "b");
    out_array(&j);
    out_u64(&j, UINT64_MAX);
    out_bool(&j, true);
    out_null(&j);
    out_array(&j);
    out_end(&j);
    out_object(&j);
    out_end(&j);
    out_end(&j);
    out_put_at(&j, "never", INT64_MAX);
    out_put_c(&j, "none", NULL);
    assert_false(out_done(&j));
    out_end(&j);
    assert_true(out_done(&j));
    assert_string_equal(memory, "{\"a\":-1,\"b\":[18446744073709551615,true,null,[],{}],"
                                "\"never\":0,\"none\":null}");
}

static void numbers(void **state)
{
    static const int64_t values[] = { 0, 1, -1, 9, 10, INT64_MAX - 1, INT64_MIN, -1000000 };
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char memory[128];
        struct buf b;
        struct json_out j;
        buf_init_fixed(&b, memory, sizeof memory);
        out_init(&j, &b);
        out_object(&j);
        out_put_i64(&j, "one", values[i]);
        out_put_str(&j, "two", STR("a\"b"));
        out_put_clean(&j, "three", STR("c"));
        out_end(&j);
        json_t *back = json_loadb(b.ptr, b.len, 0, NULL);
        assert_non_null(back);
        assert_true(json_integer_value(json_object_get(back, "one")) == values[i]);
        assert_string_equal(json_string_value(json_object_get(back, "two")), "a\"b");
        assert_string_equal(json_string_value(json_object_get(back, "three")), "c");
        json_decref(back);
    }
}

static void too_small_is_said(void **state)
{
    char memory[8];
    struct buf b;
    struct json_out j;
    (void)state;
    buf_init_fixed(&b, memory, sizeof memory);
    out_init(&j, &b);
    out_str(&j, STR("more than eight"));
    assert_false(out_done(&j));
}

/* Any bytes at all give JSON that jansson accepts; valid UTF-8 without NUL comes back the same. */
static void any_bytes(void **state)
{
    struct prng luck;
    (void)state;
    prng_init(&luck, 20261124, 1);
    for (int round = 0; round < 20000; round++) {
        char bytes[24], memory[512];
        struct buf b;
        struct json_out j;
        size_t n = prng_below(&luck, sizeof bytes + 1);
        for (size_t i = 0; i < n; i++) {
            static const char likely[] = "\"\\\n\r\t\x1b\x7f\xc3\xa9\xed\x95\x9c\xe2\x80\xae/a";
            bytes[i] = prng_below(&luck, 2) ? likely[prng_below(&luck, sizeof likely - 1)]
                                            : (char)(1 + prng_below(&luck, 255));
        }
        struct str s = { bytes, n };
        buf_init_fixed(&b, memory, sizeof memory);
        out_init(&j, &b);
        out_array(&j);
        out_str(&j, s);
        out_clean(&j, s);
        out_end(&j);
        assert_true(out_done(&j));
        json_t *back = json_loadb(b.ptr, b.len, 0, NULL);
        assert_non_null(back);
        json_t *exact = json_array_get(back, 0);
        if (utf8_valid(s)) {
            assert_int_equal(json_string_length(exact), n);
            assert_memory_equal(json_string_value(exact), bytes, n);
        }
        const char *clean = json_string_value(json_array_get(back, 1));
        assert_null(strpbrk(clean, "\n\r\t\x1b\x7f"));
        assert_null(strstr(clean, "\xe2\x80\xae")); /* right-to-left override */
        json_decref(back);
    }
}

static void wants(const char *body, int code, const char *sentence)
{
    struct json_in_field f[] = { { "name", JSON_IN_STR, true, NULL },
                                 { "n", JSON_IN_INT, false, NULL },
                                 { "list", JSON_IN_ARRAY, false, NULL } };
    struct err err = { 0 };
    json_t *root = NULL;
    int got = json_in_parse(str_of(body), &root, &err);
    if (got == 0)
        got = json_in_object(root, "request", f, 3, &err);
    assert_int_equal(got, code);
    if (code < 0)
        assert_string_equal(err.text, sentence);
    json_decref(root);
}

static void refusals(void **state)
{
    (void)state;
    wants("{\"name\":\"x\",\"n\":3,\"list\":[1]}", 0, NULL);
    wants("{\"name\":\"x\",\"n\":null}", 0, NULL);
    wants("", E_INVALID, "\"name\" is missing in request.");
    wants("[]", E_INVALID, "The request must be one JSON object, such as {}.");
    wants("{\"name\":1}", E_INVALID, "\"name\" in request must be a string.");
    wants("{\"name\":\"x\",\"n\":1.5}", E_INVALID, "\"n\" in request must be a whole number.");
    wants("{\"name\":\"x\",\"list\":{}}", E_INVALID, "\"list\" in request must be a list.");
    wants("{\"name\":\"x\",\"nmae\":1}", E_INVALID,
          "There is no field \"nmae\" in request; it may have: name, n, list.");
    wants("{\"name\":\"a\",\"name\":\"b\"}", E_INVALID,
          "The request is not valid JSON: duplicate object key near '\"name\"' (line 1, column 18).");
    wants("{\"name\":\"a\"} x", E_INVALID,
          "The request is not valid JSON: end of file expected near 'x' (line 1, column 14).");
    wants("{\"name\":\"\\u0000\"}", E_INVALID,
          "The request is not valid JSON: \\u0000 is not allowed without JSON_ALLOW_NUL near "
          "'\"\\u0000\"' (line 1, column 16).");
    wants("{\"name\":\"\xff\"}", E_INVALID,
          "The request is not valid JSON: unable to decode byte 0xff near '\"' "
          "(line 1, column 9).");
    wants("{\"name\":[[[[[[[[[[]]]]]]]]]]}", E_TOO_LARGE,
          "The request's JSON is nested deeper than 8 levels.");
    wants("{\"name\":\"[[[[[[[[[[[[\\\"[[[[[[[\"}", 0, NULL); /* brackets in a string do not nest */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape), cmocka_unit_test(numbers), cmocka_unit_test(too_small_is_said), cmocka_unit_test(any_bytes),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
