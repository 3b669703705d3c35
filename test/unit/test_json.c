/* test_json.c - what json_out writes, jansson reads back; what json_in refuses, and with which words;
 * json_walk reads what jansson reads, and nothing beyond its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_walk.h"
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

/* --- json_walk against jansson --------------------------------------------------------------------- */

static json_t *some_value(struct prng *p, int depth)
{
    switch (prng_below(p, depth > 3 ? 5 : 7)) {
    case 0: return json_true();
    case 1: return json_null();
    case 2: return json_integer((json_int_t)prng_u64(p));
    case 3: return json_integer((json_int_t)prng_below(p, 10));
    case 4: {
        char memory[64];
        struct buf b;
        buf_init_fixed(&b, memory, sizeof memory);
        for (uint64_t n = prng_below(p, 8); n > 0; n--)
            utf8_add(&b, prng_below(p, 3) ? (uint32_t)prng_below(p, 128)
                                          : (uint32_t)(0x10000 + prng_below(p, 0x1000)));
        return json_stringn(b.ptr, b.len);
    }
    case 5: {
        json_t *list = json_array();
        for (uint64_t n = prng_below(p, 4); n > 0; n--)
            json_array_append_new(list, some_value(p, depth + 1));
        return list;
    }
    default: {
        json_t *object = json_object();
        char key[8];
        for (uint64_t n = prng_below(p, 4); n > 0; n--) {
            snprintf(key, sizeof key, "%s%d", n == 2 ? "\"\\" : "k", (int)n);
            json_object_set_new(object, key, some_value(p, depth + 1));
        }
        return object;
    }
    }
}

static bool same(const json_t *tree, struct str text, struct buf *memory);

static bool same_members(const json_t *tree, struct json_walk *w, struct buf *memory)
{
    struct str key, value;
    size_t n = 0;
    for (json_walk_down(w); json_walk_next(w, &key); n++) {
        char name[64];
        const json_t *item = json_array_get(tree, n);
        if (json_is_object(tree)) {
            struct str plain = json_value_text((struct str){ key.ptr - 1, key.len + 2 }, memory);
            snprintf(name, sizeof name, "%.*s", STR_ARG(plain));
            item = json_object_get(tree, name);
        }
        if (!item || !json_walk_value(w, &value) || !same(item, value, memory))
            return false;
    }
    return n == (json_is_object(tree) ? json_object_size(tree) : json_array_size(tree));
}

static bool same(const json_t *tree, struct str text, struct buf *memory)
{
    if (json_is_object(tree) || json_is_array(tree)) {
        struct json_walk w;
        json_walk_begin(&w, text);
        return same_members(tree, &w, memory) && json_walk_end(&w) == 0;
    }
    if (json_is_string(tree)) {
        struct str s = json_value_text(text, memory);
        return s.len == json_string_length(tree) && memcmp(s.ptr, json_string_value(tree), s.len) == 0;
    }
    if (json_is_integer(tree))
        return json_value_i64(text) == json_integer_value(tree);
    return json_is_real(tree) || str_is(text, json_is_true(tree) ? "true" : json_is_false(tree) ? "false" : "null");
}

/* Everything is gone through, whatever it is, and no byte behind it is looked at (the sanitizer sees). */
static void walk_anything(struct str text, struct buf *memory)
{
    struct json_walk w;
    struct str value;
    json_walk_begin(&w, text);
    for (int steps = 0; steps < 10000 && w.code == 0 && w.depth < 60; steps++) {
        json_walk_down(&w);
        if (json_walk_next(&w, NULL) && w.at_value && *w.rest.ptr != '{' && *w.rest.ptr != '[' &&
            json_walk_value(&w, &value))
            (void)json_value_text(value, memory);
    }
    (void)json_walk_end(&w);
}

static void walks_as_jansson(void **state)
{
    static const size_t forms[] = { JSON_COMPACT, JSON_INDENT(3), JSON_ENSURE_ASCII };
    struct prng p;
    struct buf memory;
    int accepted = 0;
    (void)state;
    prng_init(&p, 5, 1);
    buf_init(&memory, 1 << 16);
    for (int i = 0; i < 3000; i++) {
        json_t *tree = json_object();
        json_object_set_new(tree, "a", some_value(&p, 0));
        json_object_set_new(tree, "b", some_value(&p, 0));
        char *text = json_dumps(tree, forms[i % 3]);
        assert_non_null(text);
        size_t len = strlen(text);
        assert_true(same(tree, str_of(text), &memory));
        json_decref(tree);
        char *copy = malloc(len); /* without room behind */
        assert_non_null(copy);
        for (int k = 0; k < 20; k++) {
            size_t n = k % 2 ? len : 1 + prng_below(&p, len);
            memcpy(copy, text, len); /* NOLINT(bugprone-not-null-terminated-result): bytes */
            copy[prng_below(&p, n)] = "\"\\{}[],: 0xu\n"[prng_below(&p, 13)];
            tree = json_loadb(copy, n, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
            accepted += tree != NULL;
            if (tree && !same(tree, (struct str){ copy, n }, &memory))
                fail_msg("read otherwise: %.*s", (int)n, copy);
            else if (tree)
                json_decref(tree);
            else
                walk_anything((struct str){ copy, n }, &memory);
        }
        free(copy);
        free(text);
    }
    assert_true(accepted > 1000);
    buf_finish(&memory);
}

static int walked(const char *text)
{
    struct json_walk w;
    json_walk_begin(&w, str_of(text));
    for (json_walk_down(&w); json_walk_next(&w, NULL);)
        ;
    return json_walk_end(&w);
}

static void walk_refuses(void **state)
{
    static const char *const bad[] = { "", " ", "7", "\"a\"", "{", "[", "{]", "[}", "{\"a\"}", "{\"a\":}", "{a:1}", "[1 2]", "[1,]", "[,1]",
                                       "{\"a\":1,}", "[1]]", "[1] x", "[\"a]", "[\"a\n\"]", "[[}]", "{\"a\":1 \"b\":2}" };
    char deep[2 * JSON_WALK_DEPTH_MAX + 10];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (walked(bad[i]) != E_CORRUPT)
            fail_msg("taken for JSON: %s", bad[i]);
    assert_int_equal(walked(" [ ] "), 0);
    assert_int_equal(walked("{\"a\":[1,{\"b\":\"]\"}],\"c\" : -1}\n"), 0);
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(walked(deep), E_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape), cmocka_unit_test(numbers), cmocka_unit_test(too_small_is_said), cmocka_unit_test(any_bytes),
        cmocka_unit_test(refusals), cmocka_unit_test(walks_as_jansson), cmocka_unit_test(walk_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
