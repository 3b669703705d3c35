/* rrule_parse.c - reading and writing rules; see rrule.h. */
#include "cal/rrule.h"

#include <string.h>

#include "cal/ics.h"
#include "cal/shown.h"

static const char *const freq_names[] = { "SECONDLY", "MINUTELY", "HOURLY", "DAILY",
                                          "WEEKLY", "MONTHLY", "YEARLY" };
static const char *const skip_names[] = { "OMIT", "BACKWARD", "FORWARD" };
static const char *const weekday_names[] = { "MO", "TU", "WE", "TH", "FR", "SA", "SU" };

static int look_up(struct str value, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (str_is_nocase(value, names[i]))
            return i;
    return -1;
}

/* [+-]digits within min..max; zero only if min is 0. */
static bool read_int(struct str s, int min, int max, int *ret)
{
    bool negative = false;
    uint64_t value;
    s = str_trim(s);
    if (s.len > 0 && (s.ptr[0] == '+' || s.ptr[0] == '-')) {
        negative = s.ptr[0] == '-';
        s = str_slice(s, 1, s.len);
    }
    if (s.len > 10 || str_u64(s, &value) < 0 || value > (uint64_t)max || (value == 0 && min != 0))
        return false;
    if (negative && min >= 0)
        return false;
    *ret = negative ? -(int)value : (int)value;
    return true;
}

/* A list of numbers into bits; negative ones into end, which is NULL where they are forbidden. */
static bool read_bits(struct str list, int min, int max, uint64_t *bits, uint64_t *end)
{
    struct str piece;
    int value = 0;
    while (str_next(&list, ',', &piece)) {
        if (!read_int(piece, end ? -max : min, max, &value))
            return false;
        if (value < 0)
            end[-value / 64] |= 1ull << (-value % 64);
        else
            bits[value / 64] |= 1ull << (value % 64);
    }
    return true;
}

static bool read_bits32(struct str list, int min, int max, uint32_t *bits, uint32_t *end)
{
    uint64_t b = 0, e = 0;
    bool ok = read_bits(list, min, max, &b, end ? &e : NULL);
    *bits = (uint32_t)b;
    if (end)
        *end = (uint32_t)e;
    return ok;
}

static bool read_weekdays(struct str list, struct rrule *r)
{
    struct str piece;
    while (str_next(&list, ',', &piece)) {
        int n = 0;
        piece = str_trim(piece);
        if (piece.len < 2)
            return false;
        int weekday = look_up(str_slice(piece, piece.len - 2, piece.len), weekday_names, 7);
        if (weekday < 0)
            return false;
        if (piece.len > 2 && !read_int(str_slice(piece, 0, piece.len - 2), -53, 53, &n))
            return false;
        if (n == 0)
            r->weekday |= (uint8_t)(1u << weekday);
        else if (n > 0)
            r->nth[weekday] |= 1ull << n;
        else
            r->nth_end[weekday] |= 1ull << -n;
        r->weekday_n = r->weekday_n || n != 0;
    }
    return true;
}

static bool read_until(struct str value, struct rrule *r)
{
    struct ics_when when;
    if (!ics_read_when(value, &when))
        return false;
    r->until_s = when.local_s;
    r->until_kind = when.kind == ICS_UTC ? RRULE_UNTIL_UTC
                    : when.kind == ICS_DATE ? RRULE_UNTIL_DATE : RRULE_UNTIL_LOCAL;
    if (when.kind == ICS_DATE)
        r->until_s += CIVIL_DAY_S - 1;
    return true;
}

enum part { FREQ, UNTIL, COUNT, INTERVAL, BYSECOND, BYMINUTE, BYHOUR, BYDAY, BYMONTHDAY, BYYEARDAY,
            BYWEEKNO, BYMONTH, BYSETPOS, WKST, RSCALE, SKIP, PARTS };
static const char *const part_names[PARTS] = {
    "FREQ", "UNTIL", "COUNT", "INTERVAL", "BYSECOND", "BYMINUTE", "BYHOUR", "BYDAY", "BYMONTHDAY",
    "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS", "WKST", "RSCALE", "SKIP",
};

static bool read_part(enum part part, struct str value, struct rrule *r)
{
    int n = 0;
    bool ok = true;
    switch (part) {
    case FREQ:
        ok = (n = look_up(value, freq_names, 7)) >= 0;
        r->freq = (enum rrule_freq)n;
        break;
    case UNTIL:
        return read_until(value, r);
    case COUNT:
        if (str_is(value, "-1")) /* Confluence writes it for "no limit" */
            break;
        ok = read_int(value, 1, 1000000000, &n);
        r->count = (uint32_t)n;
        break;
    case INTERVAL:
        ok = read_int(value, 1, 1000000000, &n);
        r->interval = (uint32_t)(n > RRULE_INTERVAL_MAX ? RRULE_INTERVAL_MAX : n);
        break;
    case BYSECOND:
        ok = read_bits(value, 0, 60, &r->second, NULL);
        if (r->second >> 60 & 1)
            r->second = (r->second & ~(1ull << 60)) | 1ull << 59;
        break;
    case BYMINUTE:
        return read_bits(value, 0, 59, &r->minute, NULL);
    case BYHOUR:
        return read_bits32(value, 0, 23, &r->hour, NULL);
    case BYDAY:
        return read_weekdays(value, r);
    case BYMONTHDAY:
        return read_bits32(value, 1, 31, &r->month_day, &r->month_day_end);
    case BYYEARDAY:
        return read_bits(value, 1, 366, r->year_day, r->year_day_end);
    case BYWEEKNO:
        return read_bits(value, 1, 53, &r->week, &r->week_end);
    case BYMONTH:
        return read_bits32(value, 1, 12, &r->month, NULL);
    case BYSETPOS:
        return read_bits(value, 1, 366, r->setpos, r->setpos_end);
    case WKST:
        ok = (n = look_up(value, weekday_names, 7)) >= 0;
        r->week_start = (enum weekday)n;
        break;
    case RSCALE:
        return true; /* checked by the caller */
    case SKIP:
        ok = (n = look_up(value, skip_names, 3)) >= 0;
        r->skip = (enum rrule_skip)n;
        break;
    case PARTS:
        break;
    }
    return ok;
}

static int refuse(struct err *err, struct str piece)
{
    struct shown quoted = shown(piece);
    return err_set(err, E_INVALID, "'%.*s' cannot be part of a recurrence rule.",
                   SHOWN_ARG(quoted));
}

int rrule_parse(struct str text, struct rrule *ret, struct err *err)
{
    static const struct rrule plain = { .interval = 1, .week_start = MONDAY };
    struct rrule r = plain;
    unsigned seen = 0;
    struct str piece;
    if (text.len > RRULE_TEXT_MAX)
        return err_set(err, E_TOO_LARGE, "A recurrence rule is at most %d bytes; this one has %zu.",
                       RRULE_TEXT_MAX, text.len);
    text = str_trim(text);
    if (str_is_nocase(str_slice(text, 0, 6), "RRULE:"))
        text = str_slice(text, 6, text.len);
    while (str_next(&text, ';', &piece)) {
        ptrdiff_t equals = str_find(piece, '=');
        if (str_trim(piece).len == 0)
            continue; /* a trailing ';' is common */
        if (equals < 0)
            return refuse(err, piece);
        struct str name = str_trim(str_slice(piece, 0, (size_t)equals));
        struct str value = str_trim(str_slice(piece, (size_t)equals + 1, piece.len));
        int part = look_up(name, part_names, PARTS);
        if (part < 0 && name.len > 2 && (name.ptr[0] | 32) == 'x' && name.ptr[1] == '-')
            continue;
        if (part < 0 || value.len == 0 || (seen >> part & 1) ||
            !read_part((enum part)part, value, &r))
            return refuse(err, piece);
        if (part == RSCALE && !str_is_nocase(value, "GREGORIAN")) {
            struct shown quoted = shown(value);
            return err_set(err, E_UNSUPPORTED,
                           "Rules in the calendar '%.*s' are not understood; only GREGORIAN is.",
                           SHOWN_ARG(quoted));
        }
        seen |= 1u << part;
    }
    if (!(seen >> FREQ & 1))
        return err_set(err, E_INVALID, "A recurrence rule needs FREQ, for example FREQ=WEEKLY.");
    if ((seen >> BYWEEKNO & 1) && r.freq != RRULE_YEARLY)
        return err_set(err, E_INVALID, "BYWEEKNO is only possible with FREQ=YEARLY.");
    if ((seen >> SKIP & 1) && !(seen >> RSCALE & 1))
        return err_set(err, E_INVALID, "SKIP is only possible with RSCALE.");
    *ret = r;
    return 0;
}

/* ---- writing ---- */

static void list_item(struct buf *out, bool *first)
{
    if (!*first)
        buf_char(out, ',');
    *first = false;
}

static void print_bits(struct buf *out, const char *name, const uint64_t *bits, const uint64_t *end,
                       int max)
{
    bool first = true;
    uint64_t any = 0;
    for (int w = 0; w <= max / 64; w++)
        any |= bits[w] | (end ? end[w] : 0);
    if (!any)
        return;
    buf_char(out, ';');
    buf_c(out, name);
    buf_char(out, '=');
    for (int n = 0; n <= max; n++) {
        if (bits[n / 64] >> (n % 64) & 1) {
            list_item(out, &first);
            buf_i64(out, n);
        }
    }
    for (int n = max; end && n > 0; n--) {
        if (end[n / 64] >> (n % 64) & 1) {
            list_item(out, &first);
            buf_i64(out, -n);
        }
    }
}

static void print_weekdays(struct buf *out, const struct rrule *r)
{
    bool first = true;
    if (!r->weekday && !r->weekday_n)
        return;
    buf_c(out, ";BYDAY=");
    for (int d = 0; d < 7; d++) {
        if (r->weekday >> d & 1) {
            list_item(out, &first);
            buf_c(out, weekday_names[d]);
        }
        for (int n = -53; n <= 53; n++) {
            if (!(n < 0 ? r->nth_end[d] >> -n & 1 : r->nth[d] >> n & 1))
                continue;
            list_item(out, &first);
            buf_i64(out, n);
            buf_c(out, weekday_names[d]);
        }
    }
}

void rrule_print(const struct rrule *r, struct buf *out)
{
    uint64_t hour = r->hour, month = r->month, mday = r->month_day, mday_end = r->month_day_end;
    if (r->skip != RRULE_OMIT)
        buf_c(out, "RSCALE=GREGORIAN;");
    buf_c(out, "FREQ=");
    buf_c(out, freq_names[r->freq]);
    if (r->until_kind != RRULE_UNTIL_NONE) {
        buf_c(out, ";UNTIL=");
        ics_print_when(out, (struct ics_when){ r->until_s,
                       r->until_kind == RRULE_UNTIL_UTC ? ICS_UTC
                       : r->until_kind == RRULE_UNTIL_DATE ? ICS_DATE : ICS_FLOATING });
    }
    if (r->count) {
        buf_c(out, ";COUNT=");
        buf_u64(out, r->count);
    }
    if (r->interval != 1) {
        buf_c(out, ";INTERVAL=");
        buf_u64(out, r->interval);
    }
    print_bits(out, "BYMONTH", &month, NULL, 12);
    print_bits(out, "BYWEEKNO", &r->week, &r->week_end, 53);
    print_bits(out, "BYYEARDAY", r->year_day, r->year_day_end, 366);
    print_bits(out, "BYMONTHDAY", &mday, &mday_end, 31);
    print_weekdays(out, r);
    print_bits(out, "BYHOUR", &hour, NULL, 23);
    print_bits(out, "BYMINUTE", &r->minute, NULL, 59);
    print_bits(out, "BYSECOND", &r->second, NULL, 59);
    print_bits(out, "BYSETPOS", r->setpos, r->setpos_end, 366);
    if (r->week_start != MONDAY) {
        buf_c(out, ";WKST=");
        buf_c(out, weekday_names[r->week_start]);
    }
    if (r->skip != RRULE_OMIT) {
        buf_c(out, ";SKIP=");
        buf_c(out, skip_names[r->skip]);
    }
}
