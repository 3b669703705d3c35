/* str.c - see str.h. */
#include "base/str.h"

#include <string.h>

#include "base/err.h"

struct str str_of(const char *c_string)
{
    return (struct str){ c_string ? c_string : "", c_string ? strlen(c_string) : 0 };
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_is(struct str a, const char *c_string) { return str_eq(a, str_of(c_string)); }

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

bool str_is_nocase(struct str a, const char *c_string)
{
    struct str b = str_of(c_string);
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool str_is_loopback(struct str host)
{
    ptrdiff_t colon = str_starts(host, "[") ? -1 : str_find(host, ':');
    struct str name = colon < 0 ? host : str_slice(host, 0, (size_t)colon);
    bool number = str_starts(name, "127.");
    for (size_t i = 0; number && i < name.len; i++)
        number = name.ptr[i] == '.' || (name.ptr[i] >= '0' && name.ptr[i] <= '9');
    return number || str_is_nocase(name, "localhost") || str_is(name, "[::1]") || str_starts(name, "[::1]:");
}

bool str_starts(struct str s, const char *prefix)
{
    size_t len = strlen(prefix);
    return s.len >= len && memcmp(s.ptr, prefix, len) == 0;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct str str_slice(struct str s, size_t from, size_t until)
{
    if (until > s.len)
        until = s.len;
    if (from > until)
        from = until;
    return (struct str){ s.ptr + from, until - from };
}

ptrdiff_t str_find(struct str s, char c)
{
    const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return at ? at - s.ptr : -1;
}

bool str_next(struct str *rest, char separator, struct str *ret_piece)
{
    if (!rest->ptr)
        return false;
    if (rest->len == 0) {
        rest->ptr = NULL; /* said once: an empty tail after a separator is a piece, then the end */
        return false;
    }
    ptrdiff_t at = str_find(*rest, separator);
    if (at < 0) {
        *ret_piece = *rest;
        *rest = (struct str){ NULL, 0 };
        return true;
    }
    *ret_piece = str_slice(*rest, 0, (size_t)at);
    *rest = str_slice(*rest, (size_t)at + 1, rest->len);
    return true;
}

int str_u64(struct str s, uint64_t *ret)
{
    uint64_t value = 0;
    if (s.len == 0)
        return E_INVALID;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return E_INVALID;
        uint64_t digit = (uint64_t)(s.ptr[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return E_INVALID;
        value = value * 10 + digit;
    }
    *ret = value;
    return 0;
}

int str_i64(struct str s, int64_t *ret)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t value;
    if (str_u64(negative ? str_slice(s, 1, s.len) : s, &value) < 0)
        return E_INVALID;
    if (value > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return E_INVALID;
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return 0;
}
