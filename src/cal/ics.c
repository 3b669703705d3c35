/* ics.c - see ics.h. */
#include "cal/ics.h"

#include <string.h>

#include "cal/civil.h"

#define DURATION_NUMBER_MAX                                                                        \
    100000000 /* seconds in three years; absurd lengths are refused by expand */

void ics_begin(struct ics_reader *r, struct str bytes, char *scratch, size_t scratch_size)
{
    if (bytes.len >= 3 && memcmp(bytes.ptr, "\xef\xbb\xbf", 3) == 0)
        bytes = str_slice(bytes, 3, bytes.len);
    bool lf = bytes.len > 0 && memchr(bytes.ptr, '\n', bytes.len) != NULL;
    *r = (struct ics_reader){ bytes, lf ? '\n' : '\r', scratch, scratch_size, 1 };
}

/* Most names have no blanks around them: look before calling. */
static struct str trim_rarely(struct str s)
{
    bool clean = s.len == 0 || (s.ptr[0] > ' ' && s.ptr[s.len - 1] > ' ');
    return clean ? s : str_trim(s);
}

/* One line of the input, without its end. */
static struct str take_raw(struct ics_reader *r)
{
    const char *end = memchr(r->rest.ptr, r->newline, r->rest.len);
    size_t len = end ? (size_t)(end - r->rest.ptr) : r->rest.len;
    struct str line = { r->rest.ptr, len };
    r->rest = str_slice(r->rest, end ? len + 1 : len, r->rest.len);
    r->line++;
    while (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Blank lines mean nothing and are dropped here, so that a continuation behind one (Mozilla wrote
 * such files) is still one. */
static bool is_folded(struct ics_reader *r)
{
    size_t n = 0;
    while (n < r->rest.len && (r->rest.ptr[n] == '\n' || r->rest.ptr[n] == '\r'))
        r->line += r->rest.ptr[n++] == r->newline;
    r->rest = str_slice(r->rest, n, r->rest.len);
    return r->rest.len > 0 && (r->rest.ptr[0] == ' ' || r->rest.ptr[0] == '\t');
}

/* Join a line and its continuations into the scratch memory.  Bytes are joined, not characters:
 * programs fold inside of UTF-8 sequences. */
static struct str unfold(struct ics_reader *r, struct str line, bool *ret_cut)
{
    size_t used = 0;
    for (;;) {
        size_t room = r->scratch_size - used, take = line.len < room ? line.len : room;
        memcpy(r->scratch + used, line.ptr, take);
        used += take;
        *ret_cut = *ret_cut || take < line.len;
        if (!is_folded(r))
            return (struct str){ r->scratch, used };
        line = take_raw(r);
        line = str_slice(line, 1, line.len);
    }
}

/* name *(";" param) ":" value, where a quoted parameter may hold ':' and ';'. */
static void split(struct str text, struct ics_line *ret)
{
    size_t i = 0, name_end;
    bool quoted = false;
    while (i < text.len && text.ptr[i] != ';' && text.ptr[i] != ':')
        i++;
    name_end = i;
    while (i < text.len && (text.ptr[i] != ':' || quoted)) {
        if (text.ptr[i] == '"')
            quoted = !quoted;
        i++;
    }
    if (i == text.len && quoted) /* a quote that never ends: the first colon will do */
        for (i = name_end; i < text.len && text.ptr[i] != ':';)
            i++;
    ret->name = trim_rarely((struct str){ text.ptr, name_end });
    ret->params = name_end < i ? str_slice(text, name_end + 1, i) : (struct str){ "", 0 };
    ret->value = str_slice(text, i + 1, text.len);
    ret->malformed = i >= text.len || ret->name.len == 0;
    if (i >= text.len)
        ret->value = (struct str){ "", 0 };
}

bool ics_next(struct ics_reader *r, struct ics_line *ret)
{
    while (r->rest.len > 0) {
        *ret = (struct ics_line){ .number = r->line };
        struct str line = take_raw(r);
        if (is_folded(r))
            line = unfold(r, line, &ret->cut);
        if (trim_rarely(line).len == 0)
            continue;
        split(line, ret);
        return true;
    }
    return false;
}

bool ics_param(struct str params, const char *name, struct str *ret_value)
{
    while (params.len > 0) {
        size_t i = 0;
        bool quoted = false;
        while (i < params.len && (params.ptr[i] != ';' || quoted)) {
            if (params.ptr[i] == '"')
                quoted = !quoted;
            i++;
        }
        struct str one = str_slice(params, 0, i);
        params = str_slice(params, i + 1, params.len);
        ptrdiff_t equals = str_find(one, '=');
        if (equals < 0 || !str_is_nocase(str_trim(str_slice(one, 0, (size_t)equals)), name))
            continue;
        struct str value = str_trim(str_slice(one, (size_t)equals + 1, one.len));
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = str_slice(value, 1, value.len - 1);
        *ret_value = value;
        return true;
    }
    return false;
}

/* ---- values ---- */

/* Exactly n digits, with an optional separator before them. */
static bool take_fixed(struct str *s, char separator, unsigned n, int *ret)
{
    int value = 0;
    if (separator && s->len > 0 && s->ptr[0] == separator)
        *s = str_slice(*s, 1, s->len);
    if (s->len < n)
        return false;
    for (unsigned i = 0; i < n; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9')
            return false;
        value = value * 10 + (s->ptr[i] - '0');
    }
    *s = str_slice(*s, n, s->len);
    *ret = value;
    return true;
}

bool ics_read_when(struct str value, struct ics_when *ret)
{
    struct str s = str_trim(value);
    struct civil c = { 0 };
    if (!take_fixed(&s, 0, 4, &c.year) || !take_fixed(&s, '-', 2, &c.month) ||
        !take_fixed(&s, '-', 2, &c.day))
        return false;
    *ret = (struct ics_when){ .kind = ICS_DATE };
    if (s.len > 0) {
        if ((s.ptr[0] | 32) != 't' && s.ptr[0] != ' ')
            return false;
        s = str_slice(s, 1, s.len);
        if (!take_fixed(&s, 0, 2, &c.hour) || !take_fixed(&s, ':', 2, &c.minute))
            return false;
        if (s.len > 0 && (s.ptr[0] | 32) != 'z' && !take_fixed(&s, ':', 2, &c.second))
            return false;
        ret->kind = ICS_FLOATING;
        if (s.len == 1 && (s.ptr[0] | 32) == 'z')
            ret->kind = ICS_UTC;
        else if (s.len > 0)
            return false;
    }
    if (!civil_valid(c))
        return false;
    ret->local_s = civil_local_s(c);
    return true;
}

static void digits(struct buf *out, int value, int n)
{
    for (int scale = n == 4 ? 1000 : 10; scale > 0; scale /= 10)
        buf_char(out, (char)('0' + value / scale % 10));
}

void ics_print_when(struct buf *out, struct ics_when when)
{
    struct civil c = civil_from_local_s(when.local_s);
    digits(out, c.year, 4);
    digits(out, c.month, 2);
    digits(out, c.day, 2);
    if (when.kind == ICS_DATE)
        return;
    buf_char(out, 'T');
    digits(out, c.hour, 2);
    digits(out, c.minute, 2);
    digits(out, c.second, 2);
    if (when.kind == ICS_UTC)
        buf_char(out, 'Z');
}

bool ics_read_duration(struct str value, struct ics_duration *ret)
{
    struct str s = str_trim(value);
    struct ics_duration d = { 0 };
    bool negative = false, time = false, any = false;
    if (s.len > 0 && (s.ptr[0] == '+' || s.ptr[0] == '-')) {
        negative = s.ptr[0] == '-';
        s = str_slice(s, 1, s.len);
    }
    if (s.len == 0 || (s.ptr[0] | 32) != 'p')
        return false;
    s = str_slice(s, 1, s.len);
    while (s.len > 0) {
        int64_t n = 0;
        size_t i = 0;
        if ((s.ptr[0] | 32) == 't' && !time) {
            time = true;
            s = str_slice(s, 1, s.len);
            continue;
        }
        for (; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++)
            if ((n = n * 10 + (s.ptr[i] - '0')) > DURATION_NUMBER_MAX)
                return false;
        if (i == 0 || i == s.len)
            return false;
        char unit = (char)(s.ptr[i] | 32);
        if (unit == 'w' && !time)
            d.days += 7 * n;
        else if (unit == 'd' && !time)
            d.days += n;
        else if (unit == 'h' && time)
            d.s += 3600 * n;
        else if (unit == 'm' && time)
            d.s += 60 * n;
        else if (unit == 's' && time)
            d.s += n;
        else
            return false;
        any = true;
        s = str_slice(s, i + 1, s.len);
    }
    if (!any)
        return false;
    *ret = negative ? (struct ics_duration){ -d.days, -d.s } : d;
    return true;
}
