/* json_out.c - see json_out.h. */
#include "web/json_out.h"

#include <assert.h>
#include <string.h>

#include "base/usec.h"
#include "base/utf8.h"

void out_init(struct json_out *j, struct buf *out)
{
    *j = (struct json_out){ .out = out, .first = true };
}

static void before_value(struct json_out *j)
{
    if (j->key_open)
        j->key_open = false;
    else if (!j->first)
        buf_char(j->out, ',');
    j->first = false;
}

static void open_with(struct json_out *j, char opener, char closer)
{
    before_value(j);
    assert(j->depth < JSON_OUT_DEPTH_MAX);
    buf_char(j->out, opener);
    j->closers[j->depth++] = closer;
    j->first = true;
}

void out_object(struct json_out *j)
{
    open_with(j, '{', '}');
}

void out_array(struct json_out *j)
{
    open_with(j, '[', ']');
}

void out_end(struct json_out *j)
{
    assert(j->depth > 0);
    assert(!j->key_open);
    buf_char(j->out, j->closers[--j->depth]);
    j->first = false;
}

bool out_done(const struct json_out *j)
{
    return j->depth == 0 && !j->first && !j->key_open && !j->out->failed;
}

void out_key(struct json_out *j, const char *key)
{
    assert(j->depth > 0 && j->closers[j->depth - 1] == '}');
    assert(!j->key_open);
    if (!j->first)
        buf_char(j->out, ',');
    buf_char(j->out, '"');
    buf_c(j->out, key);
    buf_add(j->out, "\":", 2);
    j->first = false;
    j->key_open = true;
}

static void escape(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
    switch (c) {
    case '"': buf_add(out, "\\\"", 2); break;
    case '\\': buf_add(out, "\\\\", 2); break;
    case '\n': buf_add(out, "\\n", 2); break;
    case '\r': buf_add(out, "\\r", 2); break;
    case '\t': buf_add(out, "\\t", 2); break;
    default: buf_add(out, text, sizeof text);
    }
}

/* Runs of ordinary bytes are copied whole: names and commands are mostly that. */
static void add_escaped(struct buf *out, struct str s)
{
    size_t from = 0;
    for (size_t i = 0; i < s.len;) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            i++;
            continue;
        }
        buf_add(out, s.ptr + from, i - from);
        if (c <= 0x7f) {
            escape(out, c);
            i++;
        } else {
            struct str rest = str_slice(s, i, s.len);
            int32_t code_point = utf8_next(&rest);
            if (code_point < 0)
                buf_c(out, "\xEF\xBF\xBD");
            else
                buf_add(out, s.ptr + i, s.len - i - rest.len);
            i = s.len - rest.len;
        }
        from = i;
    }
    buf_add(out, s.ptr + from, s.len - from);
}

void out_str(struct json_out *j, struct str s)
{
    before_value(j);
    buf_char(j->out, '"');
    if (s.len > 0)
        add_escaped(j->out, s);
    buf_char(j->out, '"');
}

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || (unsigned char)s.ptr[i] >= 0x7f)
            return false;
    return true;
}

#define CLEAN_MAX 4096 /* a name, a command's first line; longer foreign text is cut for showing */

/* Apart from out_clean: its memory is zeroed at every call (-ftrivial-auto-var-init). */
static void __attribute__((noinline)) clean_slowly(struct json_out *j, struct str s)
{
    char memory[3 * CLEAN_MAX + 1]; /* a bad byte grows to three */
    struct buf clean;
    buf_init_fixed(&clean, memory, sizeof memory);
    utf8_clean(&clean, str_slice(s, 0, CLEAN_MAX));
    out_str(j, buf_look(&clean));
}

void out_clean(struct json_out *j, struct str s)
{
    if (is_plain(s))
        out_str(j, s);
    else
        clean_slowly(j, s);
}

void out_c(struct json_out *j, const char *c_string)
{
    if (c_string)
        out_str(j, str_of(c_string));
    else
        out_null(j);
}

void out_i64(struct json_out *j, int64_t value)
{
    before_value(j);
    buf_i64(j->out, value);
}

void out_u64(struct json_out *j, uint64_t value)
{
    before_value(j);
    buf_u64(j->out, value);
}

void out_bool(struct json_out *j, bool value)
{
    before_value(j);
    buf_c(j->out, value ? "true" : "false");
}

void out_null(struct json_out *j)
{
    before_value(j);
    buf_c(j->out, "null");
}

/* --- key and value at once ---------------------------------------------------------------------------
 *
 * A list of 10,000 rows is 250,000 of these: one reservation for both, nothing byte by byte. */

#define NUMBER_MAX 20 /* digits of 2^64, or 19 and a sign */

static char *open_pair(struct json_out *j, const char *key, size_t value_max, char **ret_start)
{
    size_t n = strlen(key);
    assert(j->depth > 0 && j->closers[j->depth - 1] == '}' && !j->key_open);
    char *at = buf_reserve(j->out, n + 4 + value_max);
    *ret_start = at;
    if (!at)
        return NULL; /* the buf says so at the end */
    if (!j->first)
        *at++ = ',';
    j->first = false;
    *at++ = '"';
    memcpy(at, key, n); /* NOLINT(bugprone-not-null-terminated-result): the quote ends it */
    at += n;
    *at++ = '"';
    *at++ = ':';
    return at;
}

static void put_number(struct json_out *j, const char *key, bool negative, uint64_t value)
{
    char digits[NUMBER_MAX], *start;
    size_t n = 0;
    char *at = open_pair(j, key, NUMBER_MAX + 1, &start);
    if (!at)
        return;
    do
        digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    if (negative)
        *at++ = '-';
    while (n > 0)
        *at++ = digits[--n];
    buf_added(j->out, (size_t)(at - start));
}

void out_put_i64(struct json_out *j, const char *key, int64_t value)
{
    put_number(j, key, value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void out_put_u64(struct json_out *j, const char *key, uint64_t value)
{
    put_number(j, key, false, value);
}

static bool needs_no_escape(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
            return false;
    }
    return true;
}

void out_put_str(struct json_out *j, const char *key, struct str s)
{
    char *start;
    if (!needs_no_escape(s)) {
        out_key(j, key);
        out_str(j, s);
        return;
    }
    char *at = open_pair(j, key, s.len + 2, &start);
    if (!at)
        return;
    *at++ = '"';
    if (s.len > 0)
        memcpy(at, s.ptr, s.len);
    at += s.len;
    *at++ = '"';
    buf_added(j->out, (size_t)(at - start));
}

void out_put_clean(struct json_out *j, const char *key, struct str s)
{
    if (needs_no_escape(s)) {
        out_put_str(j, key, s);
        return;
    }
    out_key(j, key);
    out_clean(j, s);
}

void out_put_c(struct json_out *j, const char *key, const char *c_string)
{
    if (c_string) {
        out_put_str(j, key, str_of(c_string));
        return;
    }
    out_key(j, key);
    out_null(j);
}

void out_put_bool(struct json_out *j, const char *key, bool value)
{
    out_key(j, key);
    out_bool(j, value);
}

void out_put_at(struct json_out *j, const char *key, int64_t at)
{
    out_put_i64(j, key, at == USEC_NEVER ? 0 : at);
}
