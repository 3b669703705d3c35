/* utf8.c - see utf8.h.  Well-formedness after Unicode 15, table 3-7. */
#include "base/utf8.h"

int32_t utf8_next(struct str *rest)
{
    const unsigned char *p = (const unsigned char *)rest->ptr;
    size_t len = rest->len;
    size_t need;
    uint32_t cp, least;
    if (p[0] < 0x80) {
        rest->ptr++;
        rest->len--;
        return p[0];
    }
    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        need = 1, cp = p[0] & 0x1Fu, least = 0x80;
    } else if ((p[0] & 0xF0) == 0xE0) {
        need = 2, cp = p[0] & 0x0Fu, least = 0x800;
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        need = 3, cp = p[0] & 0x07u, least = 0x10000;
    } else {
        goto ill;
    }
    if (len < need + 1)
        goto ill;
    for (size_t i = 1; i <= need; i++) {
        if ((p[i] & 0xC0) != 0x80)
            goto ill;
        cp = cp << 6 | (p[i] & 0x3Fu);
    }
    if (cp < least || cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
        goto ill;
    rest->ptr += need + 1;
    rest->len -= need + 1;
    return (int32_t)cp;
ill:
    rest->ptr++;
    rest->len--;
    return -1;
}

bool utf8_valid(struct str s)
{
    while (s.len > 0)
        if (utf8_next(&s) < 0)
            return false;
    return true;
}

void utf8_add(struct buf *b, uint32_t cp)
{
    char c[4];
    size_t n;
    if (cp < 0x80) {
        c[0] = (char)cp;
        n = 1;
    } else if (cp < 0x800) {
        c[0] = (char)(0xC0 | cp >> 6);
        c[1] = (char)(0x80 | (cp & 0x3F));
        n = 2;
    } else if (cp < 0x10000) {
        c[0] = (char)(0xE0 | cp >> 12);
        c[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        c[2] = (char)(0x80 | (cp & 0x3F));
        n = 3;
    } else {
        c[0] = (char)(0xF0 | cp >> 18);
        c[1] = (char)(0x80 | (cp >> 12 & 0x3F));
        c[2] = (char)(0x80 | (cp >> 6 & 0x3F));
        c[3] = (char)(0x80 | (cp & 0x3F));
        n = 4;
    }
    buf_add(b, c, n);
}

static bool is_dangerous(int32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp <= 0x9F) || cp == 0x061C || cp == 0x200E || cp == 0x200F ||
           (cp >= 0x2028 && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xFEFF;
}

void utf8_clean(struct buf *out, struct str foreign)
{
    while (foreign.len > 0) {
        size_t plain = 0; /* most text is ASCII */
        while (plain < foreign.len && foreign.ptr[plain] >= ' ' && foreign.ptr[plain] < 0x7F)
            plain++;
        buf_str(out, str_slice(foreign, 0, plain));
        foreign = str_slice(foreign, plain, foreign.len);
        if (foreign.len == 0)
            return;
        int32_t cp = utf8_next(&foreign);
        if (cp == '\n' || cp == '\t')
            buf_char(out, ' ');
        else if (is_dangerous(cp))
            utf8_add(out, 0xFFFD);
        else
            utf8_add(out, (uint32_t)cp);
    }
}
