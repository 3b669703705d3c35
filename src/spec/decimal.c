/* decimal.c - see decimal.h. */
#include "spec/decimal.h"

#include "base/err.h"

#define DIGITS_MAX 18
#define EXPONENT_MAX 300
#define PLAIN_MAX 15   /* zeros or digits before it is written with an exponent */
#define PLAIN_SMALL -4 /* 0.0001, but 1e-05, as Python prints them */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static int parse_exponent(struct str s, int32_t *ret)
{
    int64_t e;
    if (s.len > 1 && s.ptr[0] == '+' && is_digit(s.ptr[1]))
        s = str_slice(s, 1, s.len);
    if (str_i64(s, &e) < 0 || e > EXPONENT_MAX || e < -EXPONENT_MAX)
        return E_INVALID;
    *ret = (int32_t)e;
    return 0;
}

int decimal_parse(struct str text, struct decimal *ret)
{
    struct decimal d = { .whole = true };
    size_t i = 0, digits = 0, significant = 0;
    bool minus = text.len > 0 && text.ptr[0] == '-', point = false;
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        i++;
    for (; i < text.len && (is_digit(text.ptr[i]) || (text.ptr[i] == '.' && !point)); i++) {
        if (text.ptr[i] == '.') {
            point = true;
            continue;
        }
        digits++;
        significant += significant > 0 || text.ptr[i] != '0';
        if (significant > DIGITS_MAX)
            return E_INVALID;
        d.m = d.m * 10 + (text.ptr[i] - '0');
        d.e -= point;
    }
    if (digits == 0)
        return E_INVALID;
    d.whole = !point && i == text.len;
    if (i < text.len) {
        int32_t e;
        if ((text.ptr[i] != 'e' && text.ptr[i] != 'E') ||
            parse_exponent(str_slice(text, i + 1, text.len), &e) < 0)
            return E_INVALID;
        d.e += e;
    }
    if (minus)
        d.m = -d.m;
    *ret = d;
    return 0;
}

static void put_zeros(struct buf *out, int32_t n)
{
    while (n-- > 0)
        buf_char(out, '0');
}

void decimal_print(struct buf *out, struct decimal d)
{
    char memory[32];
    struct buf digits;
    uint64_t m = d.m < 0 ? 0 - (uint64_t)d.m : (uint64_t)d.m;
    if (m == 0) {
        buf_char(out, '0');
        return;
    }
    for (; m % 10 == 0; m /= 10)
        d.e++;
    buf_init_fixed(&digits, memory, sizeof memory);
    buf_u64(&digits, m);
    struct str s = buf_look(&digits);
    int32_t n = (int32_t)s.len, first = n - 1 + d.e; /* power of its first digit */
    if (d.m < 0)
        buf_char(out, '-');
    if (first < PLAIN_SMALL || first >= PLAIN_MAX) {
        buf_char(out, s.ptr[0]);
        if (n > 1)
            buf_char(out, '.');
        buf_str(out, str_slice(s, 1, s.len));
        buf_c(out, first < 0 ? "e-" : "e+");
        int32_t size = first < 0 ? -first : first;
        put_zeros(out, size < 10);
        buf_i64(out, size);
    } else if (d.e >= 0) {
        buf_str(out, s);
        put_zeros(out, d.e);
    } else if (first < 0) {
        buf_c(out, "0.");
        put_zeros(out, -first - 1);
        buf_str(out, s);
    } else {
        buf_str(out, str_slice(s, 0, (size_t)first + 1));
        buf_char(out, '.');
        buf_str(out, str_slice(s, (size_t)first + 1, s.len));
    }
}

double decimal_double(struct decimal d)
{
    double value = (double)d.m;
    for (; d.e > 0; d.e--)
        value *= 10;
    for (; d.e < 0; d.e++)
        value /= 10;
    return value;
}

static bool down_to(struct decimal *d, int32_t e)
{
    while (d->e > e && d->m != 0) {
        if (__builtin_mul_overflow(d->m, 10, &d->m))
            return false;
        d->e--;
    }
    d->e = e;
    return true;
}

bool decimal_align(struct decimal *a, struct decimal *b)
{
    int32_t e = a->e < b->e ? a->e : b->e;
    return down_to(a, e) && down_to(b, e);
}
