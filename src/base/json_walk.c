/* json_walk.c - see json_walk.h. */
#include "base/json_walk.h"

#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip(struct str *s, size_t n)
{
    s->ptr += n;
    s->len -= n;
}

static void skip_blanks(struct str *s)
{
    while (s->len && is_blank(*s->ptr))
        skip(s, 1);
}

/* Bytes of the string that begins here, quotes included; 0: it has no end, or holds a control character. */
static size_t string_len(struct str s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] == '"')
            return i + 1;
        if ((unsigned char)s.ptr[i] < ' ')
            return 0;
        if (s.ptr[i] == '\\')
            i++;
    }
    return 0;
}

static bool is_mark(char c)
{
    return c == ',' || c == ':' || c == ']' || c == '}' || c == '[' || c == '{' || c == '"';
}

/* A number or a word: what stands there up to the next mark. */
static size_t plain_len(struct str s)
{
    size_t n = 0;
    while (n < s.len && !is_blank(s.ptr[n]) && !is_mark(s.ptr[n]))
        n++;
    return n;
}

static size_t nested_len(struct str s)
{
    char closers[JSON_WALK_DEPTH_MAX];
    size_t depth = 0;
    for (size_t i = 0; i < s.len;) {
        char c = s.ptr[i];
        size_t n = 1;
        if (c == '"')
            n = string_len(str_slice(s, i, s.len));
        else if ((c == '{' || c == '[') && depth < JSON_WALK_DEPTH_MAX)
            closers[depth++] = c == '{' ? '}' : ']';
        else if (c == '{' || c == '[' || ((c == '}' || c == ']') && c != closers[--depth]))
            return 0;
        if (n == 0)
            return 0;
        i += n;
        if (depth == 0)
            return i;
    }
    return 0;
}

static bool refuse(struct json_walk *w)
{
    w->code = E_CORRUPT;
    w->at_value = false;
    return false;
}

void json_walk_begin(struct json_walk *w, struct str text)
{
    w->rest = str_trim(text);
    w->code = 0;
    w->depth = 0;
    w->first = false;
    w->at_value = true;
    if (w->rest.len == 0)
        refuse(w);
}

void json_walk_down(struct json_walk *w)
{
    char c = w->at_value ? *w->rest.ptr : '\0';
    if (w->code < 0 || (c != '{' && c != '[') || w->depth == JSON_WALK_DEPTH_MAX) {
        refuse(w);
        return;
    }
    w->closers[w->depth++] = c == '{' ? '}' : ']';
    w->first = true;
    w->at_value = false;
    skip(&w->rest, 1);
}

bool json_walk_value(struct json_walk *w, struct str *ret)
{
    if (w->code < 0 || !w->at_value)
        return refuse(w);
    char c = *w->rest.ptr;
    size_t n = c == '"' ? string_len(w->rest) : c == '{' || c == '[' ? nested_len(w->rest)
                                                                      : plain_len(w->rest);
    if (n == 0)
        return refuse(w);
    *ret = str_slice(w->rest, 0, n);
    skip(&w->rest, n);
    w->at_value = false;
    return true;
}

/* A value must stand here. */
static bool arrive(struct json_walk *w)
{
    skip_blanks(&w->rest);
    if (w->rest.len == 0)
        return refuse(w);
    w->at_value = true;
    return true;
}

static bool take_key(struct json_walk *w, struct str *ret)
{
    size_t n = *w->rest.ptr == '"' ? string_len(w->rest) : 0;
    if (n == 0)
        return refuse(w);
    *ret = str_slice(w->rest, 1, n - 1);
    skip(&w->rest, n);
    skip_blanks(&w->rest);
    if (w->rest.len == 0 || *w->rest.ptr != ':')
        return refuse(w);
    skip(&w->rest, 1);
    return arrive(w);
}

bool json_walk_next(struct json_walk *w, struct str *ret_key)
{
    struct str unwanted, key = { "", 0 };
    if (w->code < 0 || w->depth == 0 || (w->at_value && !json_walk_value(w, &unwanted)))
        return refuse(w);
    char closer = w->closers[w->depth - 1];
    skip_blanks(&w->rest);
    if (w->rest.len == 0)
        return refuse(w);
    if (*w->rest.ptr == closer) {
        skip(&w->rest, 1);
        w->depth--;
        w->first = false;
        return false;
    }
    if (!w->first && *w->rest.ptr != ',')
        return refuse(w);
    if (!w->first)
        skip(&w->rest, 1);
    w->first = false;
    if (!arrive(w) || (closer == '}' && !take_key(w, &key)))
        return false;
    if (ret_key)
        *ret_key = key;
    return true;
}

int json_walk_end(struct json_walk *w)
{
    struct str unwanted;
    if (w->code == 0 && w->at_value && !json_walk_value(w, &unwanted))
        return w->code;
    skip_blanks(&w->rest);
    if (w->depth > 0 || w->rest.len > 0)
        refuse(w);
    return w->code;
}

/* --- values ---------------------------------------------------------------------------------------- */

int64_t json_value_i64(struct str value)
{
    int64_t n = 0;
    return str_i64(value, &n) == 0 ? n : 0;
}

static int hex4(struct str s)
{
    int value = 0;
    if (s.len < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        char c = s.ptr[i];
        int digit = c >= '0' && c <= '9' ? c - '0'
                  : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Behind "\u": one character, of two such where the first is half of one. */
static bool unescape_u(struct str *s, struct buf *out)
{
    int first = hex4(*s), second;
    if (first < 0)
        return false;
    skip(s, 4);
    if (first < 0xd800 || first > 0xdfff) {
        utf8_add(out, (uint32_t)first);
        return true;
    }
    if (first > 0xdbff || s->len < 6 || s->ptr[0] != '\\' || s->ptr[1] != 'u')
        return false;
    second = hex4(str_slice(*s, 2, 6));
    if (second < 0xdc00 || second > 0xdfff)
        return false;
    skip(s, 6);
    utf8_add(out, 0x10000 + ((uint32_t)(first - 0xd800) << 10) + (uint32_t)(second - 0xdc00));
    return true;
}

static bool unescape(struct str *s, struct buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *which;
    skip(s, 1);
    if (s->len == 0)
        return false;
    char c = *s->ptr;
    skip(s, 1);
    if (c == 'u')
        return unescape_u(s, out);
    which = c ? strchr(from, c) : NULL;
    if (which)
        buf_char(out, to[which - from]);
    return which != NULL;
}

struct str json_value_text(struct str value, struct buf *memory)
{
    static const struct str nothing = { "", 0 };
    if (value.len < 2 || *value.ptr != '"')
        return nothing;
    struct str s = str_slice(value, 1, value.len - 1);
    ptrdiff_t plain = str_find(s, '\\');
    if (plain < 0)
        return s;
    buf_clear(memory);
    for (; plain >= 0; plain = str_find(s, '\\')) {
        buf_str(memory, str_slice(s, 0, (size_t)plain));
        skip(&s, (size_t)plain);
        if (!unescape(&s, memory))
            return nothing;
    }
    buf_str(memory, s);
    return memory->failed ? nothing : buf_look(memory);
}
