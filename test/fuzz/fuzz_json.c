/* fuzz_json.c - JSON both ways: any text we write is read back, any request is read or refused.
 *
 * The first byte says which: as a string to write, or as a request's body.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "web/json_in.h"
#include "web/json_out.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static void write_and_read(struct str s)
{
    struct buf b;
    struct json_out j;
    buf_init(&b, 1 << 22);
    out_init(&j, &b);
    out_object(&j);
    out_put_str(&j, "exact", s);
    out_put_clean(&j, "clean", s);
    out_key(&j, "list");
    out_array(&j);
    out_str(&j, s);
    out_clean(&j, s);
    out_end(&j);
    out_end(&j);
    must(out_done(&j));
    must(utf8_valid(buf_look(&b)));
    json_t *back = json_loadb(b.ptr, b.len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    must(back != NULL);
    json_t *exact = json_object_get(back, "exact");
    if (utf8_valid(s))
        must(json_string_length(exact) == s.len &&
             (s.len == 0 || memcmp(json_string_value(exact), s.ptr, s.len) == 0));
    must(json_equal(exact, json_array_get(json_object_get(back, "list"), 0)));
    json_decref(back);
    buf_finish(&b);
}

static void read_request(struct str s)
{
    struct json_in_field f[] = { { "jobs", JSON_IN_ARRAY, true, NULL },
                                 { "key", JSON_IN_STR, false, NULL },
                                 { "nice", JSON_IN_INT, false, NULL } };
    struct err err = { 0 };
    json_t *root = NULL;
    int code = json_in_parse(s, &root, &err);
    if (code == 0)
        code = json_in_object(root, "request", f, 3, &err);
    if (code < 0) {
        must(err.text[0] != '\0');
    } else {
        must(json_is_array(f[0].value));
        must(memchr(json_in_str(&f[1]).ptr ? json_in_str(&f[1]).ptr : "", '\0',
                    json_in_str(&f[1]).len) == NULL);
    }
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str s = { (const char *)data + 1, size - 1 };
    if (data[0] & 1)
        write_and_read(s);
    else
        read_request(s);
    return 0;
}
