/* form.c - see form.h. */
#include "web/form.h"

#include "base/utf8.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The next letter of an escaped text; -1: none such. */
static int next(struct str *s)
{
    char c = s->ptr[0];
    size_t len = 1;
    int value = (unsigned char)c;
    if (c == '+') {
        value = ' ';
    } else if (c == '%') {
        int high = s->len > 2 ? hex(s->ptr[1]) : -1, low = s->len > 2 ? hex(s->ptr[2]) : -1;
        if (high < 0 || low < 0)
            return -1;
        value = high << 4 | low;
        len = 3;
    }
    *s = str_slice(*s, len, s->len);
    return value;
}

static bool decode(struct str s, char *ret, size_t size)
{
    size_t n = 0;
    while (s.len > 0) {
        int c = next(&s);
        if (c < ' ' || c == 0x7f || n + 1 >= size)
            return false;
        ret[n++] = (char)c;
    }
    ret[n] = '\0';
    return true;
}

bool form_get(struct str body, const char *name, char *ret, size_t size)
{
    struct str field, key;
    ret[0] = '\0';
    while (body.len && str_next(&body, '&', &field)) {
        ptrdiff_t sign = str_find(field, '=');
        key = sign < 0 ? field : str_slice(field, 0, (size_t)sign);
        if (!str_is(key, name))
            continue;
        struct str value = sign < 0 ? (struct str){ "", 0 } : str_slice(field, (size_t)sign + 1, field.len);
        if (decode(value, ret, size) && utf8_valid(str_of(ret)))
            return true;
        ret[0] = '\0';
        return false;
    }
    return false;
}

void form_html(struct buf *out, struct str foreign)
{
    struct buf clean;
    buf_init(&clean, foreign.len * 4 + 64);
    utf8_clean(&clean, foreign);
    struct str s = buf_look(&clean);
    for (size_t i = 0; i < s.len; i++)
        switch (s.ptr[i]) {
        case '&': buf_c(out, "&amp;"); break;
        case '<': buf_c(out, "&lt;"); break;
        case '>': buf_c(out, "&gt;"); break;
        case '"': buf_c(out, "&quot;"); break;
        case '\'': buf_c(out, "&#39;"); break;
        default: buf_char(out, s.ptr[i]);
        }
    if (clean.failed)
        out->failed = clean.failed;
    buf_finish(&clean);
}
