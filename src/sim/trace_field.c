/* trace_field.c - one field of a trace: instants and lengths as logs write them.
 *
 *     2026-03-02T09:00:00[.25][Z|+09:00], a blank for the T, seconds left out: without an offset local
 *     20260302T090000Z    the short form of the same
 *     1800 or 1800.5      seconds after TRACE_MONDAY_DAY 00:00 local; from 10^9 on since 1970, UTC
 *     01:30:00  2-03:04:05  02:03    lengths as Slurm writes them (the last: minutes and seconds)
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cal/civil.h"
#include "sim/trace.h"

#define UNIX_FROM_S 1000000000.0

/* A plain decimal number; no sign but minus, no exponent, nothing after it. */
static bool number(struct str s, double *ret)
{
    uint64_t whole = 0;
    double part = 0, unit = 0.1;
    bool minus = s.len > 0 && s.ptr[0] == '-', digits = false;
    size_t i = minus;
    for (; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++) {
        if (whole > UINT64_MAX / 10 - 10)
            return false;
        whole = whole * 10 + (uint64_t)(s.ptr[i] - '0');
        digits = true;
    }
    if (i < s.len && s.ptr[i] == '.') {
        for (i++; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++, unit /= 10) {
            part += (s.ptr[i] - '0') * unit;
            digits = true;
        }
    }
    if (!digits || i != s.len)
        return false;
    *ret = minus ? -((double)whole + part) : (double)whole + part;
    return true;
}

static bool clock_length(struct str s, usec_t *ret)
{
    uint64_t part[4] = { 0 }; /* days, hours, minutes, seconds */
    struct str piece, rest = s;
    ptrdiff_t dash = str_find(s, '-'), dot;
    int n = 0;
    uint64_t field[3];
    if (dash > 0) {
        if (str_u64(str_slice(s, 0, (size_t)dash), &part[0]) < 0)
            return false;
        rest = str_slice(s, (size_t)dash + 1, s.len);
    }
    if ((dot = str_find(rest, '.')) > 0)
        rest = str_slice(rest, 0, (size_t)dot); /* "00:01.123": Slurm's milliseconds */
    while (str_next(&rest, ':', &piece)) {
        if (n == 3 || str_u64(piece, &field[n]) < 0)
            return false;
        n++;
    }
    if (dash > 0 && n >= 1) { /* D-HH[:MM[:SS]] */
        for (int i = 0; i < n; i++)
            part[1 + i] = field[i];
    } else if (n >= 2) { /* [HH:]MM:SS */
        for (int i = 0; i < n; i++)
            part[4 - n + i] = field[i];
    } else {
        return false;
    }
    if (part[0] > 100000 || part[1] > 100000 || part[2] > 100000 || part[3] > 100000)
        return false;
    *ret = (usec_t)part[0] * USEC_PER_DAY + (usec_t)part[1] * USEC_PER_HOUR +
           (usec_t)part[2] * USEC_PER_MIN + (usec_t)part[3] * USEC_PER_SEC;
    return true;
}

bool trace_seconds(struct str s, usec_t *ret)
{
    double value;
    s = str_trim(s);
    if (str_find(s, ':') > 0)
        return clock_length(s, ret);
    if (!number(s, &value) || value < -1e15 || value > 1e12)
        return false;
    *ret = (usec_t)llround(value * 1e6);
    return true;
}

static bool digits(struct str s, size_t at, size_t n, int *ret)
{
    uint64_t value;
    if (at + n > s.len || str_u64(str_slice(s, at, at + n), &value) < 0)
        return false;
    *ret = (int)value;
    return true;
}

/* "Z", "+09", "+0900", "+09:00" */
static bool offset(struct str s, int64_t *ret_s)
{
    int hours, minutes = 0;
    if (str_is(s, "Z") || str_is(s, "z")) {
        *ret_s = 0;
        return true;
    }
    if (s.len < 3 || (s.ptr[0] != '+' && s.ptr[0] != '-') || !digits(s, 1, 2, &hours))
        return false;
    if (s.len == 6 ? s.ptr[3] != ':' || !digits(s, 4, 2, &minutes)
                   : s.len == 5 ? !digits(s, 3, 2, &minutes) : s.len != 3)
        return false;
    *ret_s = (hours * 60 + minutes) * (s.ptr[0] == '-' ? -60 : 60);
    return hours <= 24 && minutes < 60;
}

/* "20260302T090000Z", the short form of ISO 8601, written out. */
static struct str spelled_out(struct str s, char out[48])
{
    static const char places[] = "0000-00-00T00:00:00";
    size_t from = 0, to = 0;
    if (s.len < 15 || s.len > 40 || s.ptr[8] != 'T')
        return s;
    for (; places[to]; to++)
        out[to] = places[to] == '-' || places[to] == ':' ? places[to] : s.ptr[from++];
    memcpy(out + to, s.ptr + from, s.len - from);
    return (struct str){ out, to + s.len - from };
}

static bool civil_text(struct str s, const struct zone *zone, usec_t *ret)
{
    char out[48];
    s = spelled_out(s, out);
    struct civil c = { 0 };
    size_t at = 16;
    usec_t part_us = 0;
    int64_t offset_s, utc_s;
    if (s.len < 10 || s.ptr[4] != '-' || s.ptr[7] != '-' || !digits(s, 0, 4, &c.year)
        || !digits(s, 5, 2, &c.month) || !digits(s, 8, 2, &c.day))
        return false;
    if (s.len > 10) {
        if (s.len < 16 || (s.ptr[10] != 'T' && s.ptr[10] != ' ') || s.ptr[13] != ':'
            || !digits(s, 11, 2, &c.hour) || !digits(s, 14, 2, &c.minute))
            return false;
        if (s.len > 16 && s.ptr[16] == ':') {
            if (!digits(s, 17, 2, &c.second))
                return false;
            at = 19;
        }
    } else {
        at = 10;
    }
    if (at < s.len && s.ptr[at] == '.') {
        usec_t unit = USEC_PER_SEC / 10;
        for (at++; at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9'; at++, unit /= 10)
            part_us += (s.ptr[at] - '0') * unit;
    }
    if (!civil_valid(c))
        return false;
    int64_t local_s = civil_local_s(c);
    struct str tail = str_trim(str_slice(s, at, s.len));
    if (tail.len == 0)
        (void)zone_to_utc_s(zone, local_s, &utc_s);
    else if (offset(tail, &offset_s))
        utc_s = local_s - offset_s;
    else
        return false;
    *ret = utc_s * USEC_PER_SEC + part_us;
    return true;
}

bool trace_when(struct str s, const struct zone *zone, usec_t *ret)
{
    double value;
    int64_t monday_s;
    s = str_trim(s);
    if (!number(s, &value))
        return civil_text(s, zone, ret);
    if (value < 0 || value > 1e11)
        return false;
    if (value >= UNIX_FROM_S) {
        *ret = (usec_t)llround(value * 1e6);
        return true;
    }
    (void)zone_to_utc_s(zone, (int64_t)TRACE_MONDAY_DAY * CIVIL_DAY_S, &monday_s);
    *ret = monday_s * USEC_PER_SEC + (usec_t)llround(value * 1e6);
    return true;
}
