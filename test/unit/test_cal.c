/* test_cal.c - zones, hours, spans, and what people say; the cases are in test/tables/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/prng.h"
#include "cal/civil.h"
#include "cal/format.h"
#include "cal/habit.h"
#include "cal/holiday.h"
#include "cal/hours.h"
#include "cal/spans.h"
#include "cal/tzif.h"
#include "cal/when.h"
#include "cal/zone_load.h"
#include "test/lib/table.h"

struct scene {
    struct zone zone;
    usec_t now_at;
    const char *file;
    unsigned failures;
};

static void same(struct scene *s, unsigned line, struct str left, struct str want, const char *got)
{
    if (!str_is(want, got)) {
        print_error("%s:%u: '%.*s': wanted '%.*s', got '%s'\n", s->file, line, STR_ARG(left),
                    STR_ARG(want), got);
        s->failures++;
    }
}

static usec_t instant(struct str text)
{
    struct zone utc;
    struct when w;
    zone_init_fixed(&utc, 0);
    assert_int_equal(when_parse(text, &utc, 0, &w, NULL), 0);
    return w.at;
}

static bool setting(struct scene *s, struct str left, struct str right)
{
    if (right.ptr)
        return false;
    if (str_starts(left, "zone "))
        assert_int_equal(zone_load(str_slice(left, 5, left.len), &s->zone, NULL, NULL), 0);
    else if (str_starts(left, "now "))
        s->now_at = instant(str_slice(left, 4, left.len));
    else
        fail_msg("%s: '%.*s' is neither case nor setting", s->file, STR_ARG(left));
    return true;
}

static const char *span_text(struct scene *s, struct span span, char *memory, size_t size)
{
    struct buf b;
    buf_init_fixed(&b, memory, size);
    cal_format(&b, &s->zone, CAL_ENGLISH, CAL_ISO, span.from_at, 0);
    if (span.until_at != span.from_at) {
        buf_c(&b, " .. ");
        cal_format(&b, &s->zone, CAL_ENGLISH, CAL_ISO, span.until_at, 0);
    }
    return memory;
}

static void check_sentence(struct scene *s, unsigned line, const struct err *err)
{
    if (err->text[0] == 0 || strchr(err->text, '\n')) {
        print_error("%s:%u: the refusal has no sentence\n", s->file, line);
        s->failures++;
    }
}

static void when_case(void *data, unsigned line, struct str left, struct str right)
{
    struct scene *s = data;
    struct err err = { 0 };
    struct when w;
    char got[128];
    if (setting(s, left, right))
        return;
    if (when_parse(left, &s->zone, s->now_at, &w, &err) < 0) {
        same(s, line, left, right, "refused");
        check_sentence(s, line, &err);
    } else {
        same(s, line, left, right,
             span_text(s, (struct span){ w.at, w.until_at }, got, sizeof(got)));
    }
}

static void people_say_when(void **state)
{
    (void)state;
    struct scene s = { .file = "when.txt" };
    table_each(s.file, 80, when_case, &s);
    assert_int_equal(s.failures, 0);
}

static void when_span_case(void *data, unsigned line, struct str left, struct str right)
{
    struct scene *s = data;
    struct err err = { 0 };
    struct span span;
    char got[128];
    if (setting(s, left, right))
        return;
    if (when_parse_span(left, &s->zone, s->now_at, &span, &err) < 0) {
        same(s, line, left, right, "refused");
        check_sentence(s, line, &err);
    } else {
        same(s, line, left, right, span_text(s, span, got, sizeof(got)));
    }
}

static void people_say_from_when_until_when(void **state)
{
    (void)state;
    struct scene s = { .file = "when_span.txt" };
    table_each(s.file, 24, when_span_case, &s);
    assert_int_equal(s.failures, 0);
}

static void length_case(void *data, unsigned line, struct str left, struct str right)
{
    struct scene *s = data;
    struct err err = { 0 };
    struct buf b;
    char got[64];
    usec_t us;
    buf_init_fixed(&b, got, sizeof(got));
    if (when_parse_length(left, &us, &err) < 0) {
        buf_c(&b, "refused");
        check_sentence(s, line, &err);
    } else {
        buf_i64(&b, us / USEC_PER_SEC);
    }
    same(s, line, left, right, got);
}

static void people_say_how_long(void **state)
{
    (void)state;
    struct scene s = { .file = "length.txt" };
    table_each(s.file, 24, length_case, &s);
    assert_int_equal(s.failures, 0);
}

static void hours_case(void *data, unsigned line, struct str left, struct str right)
{
    struct scene *s = data;
    struct err err = { 0 };
    struct hours h, again;
    struct buf b;
    char got[512];
    buf_init_fixed(&b, got, sizeof(got));
    if (hours_parse(left, &h, &err) < 0) {
        same(s, line, left, right, "refused");
        check_sentence(s, line, &err);
        return;
    }
    hours_print(&h, &b);
    same(s, line, left, right, got);
    memset(&again, 0, sizeof(again));
    if (hours_parse(buf_look(&b), &again, NULL) < 0) {
        same(s, line, left, right, "printed hours that cannot be read again");
        return;
    }
    char twice[512];
    buf_init_fixed(&b, twice, sizeof(twice));
    hours_print(&again, &b);
    assert_string_equal(got, twice);
}

static void hours_are_read_and_printed(void **state)
{
    (void)state;
    struct scene s = { .file = "hours.txt" };
    table_each(s.file, 30, hours_case, &s);
    assert_int_equal(s.failures, 0);
}

static void local_time_case(void *data, unsigned line, struct str left, struct str right)
{
    static const char *const fits[] = { "once", "twice", "gap" };
    struct scene *s = data;
    struct str rest = left, name;
    struct zone utc;
    int64_t utc_s;
    char got[128];
    struct buf b;
    assert_true(str_next(&rest, '|', &name));
    buf_init_fixed(&b, got, sizeof(got));
    zone_init_fixed(&utc, 0);
    if (zone_load(str_trim(name), &s->zone, NULL, NULL) < 0) {
        buf_c(&b, "unknown");
    } else {
        enum zone_fit fit =
            zone_to_utc_s(&s->zone, instant(str_trim(rest)) / USEC_PER_SEC, &utc_s);
        cal_format(&b, &utc, CAL_ENGLISH, CAL_ISO, utc_s * USEC_PER_SEC, 0);
        buf_char(&b, ' ');
        buf_c(&b, fits[fit]);
    }
    same(s, line, left, right, got);
}

static void local_times_become_instants(void **state)
{
    (void)state;
    struct scene s = { .file = "local_time.txt" };
    table_each(s.file, 30, local_time_case, &s);
    assert_int_equal(s.failures, 0);
}

static void days_and_dates_agree_over_800_years(void **state)
{
    (void)state;
    int64_t day = civil_day(1600, 1, 1);
    assert_int_equal(civil_day(1970, 1, 1), 0);
    assert_int_equal(civil_weekday(0), THURSDAY);
    for (int year = 1600; year < 2400; year++) {
        for (int month = 1; month <= 12; month++) {
            for (int mday = 1; mday <= civil_month_days(year, month); mday++, day++) {
                int y, m, d;
                assert_int_equal(civil_day(year, month, mday), day);
                civil_from_day(day, &y, &m, &d);
                assert_true(y == year && m == month && d == mday);
            }
        }
        assert_int_equal(day, civil_day(year + 1, 1, 1));
    }
    assert_int_equal(civil_week1(2026, MONDAY), civil_day(2025, 12, 29));
    assert_int_equal(civil_week1(2021, MONDAY), civil_day(2021, 1, 4));
}

/* Every instant maps to a local time that maps back to it, or to the earlier of its two. */
static void zones_round_trip(void **state)
{
    static const char *const names[] = { "Asia/Seoul", "Europe/Berlin", "America/New_York",
                                         "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Gaza",
                                         "America/Sao_Paulo", "Antarctica/Troll", "Asia/Tehran" };
    (void)state;
    struct prng luck;
    prng_init(&luck, 7, 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct zone z;
        assert_int_equal(zone_load(str_of(names[i]), &z, NULL, NULL), 0);
        for (int n = 0; n < 20000; n++) {
            int64_t utc = (int64_t)prng_below(&luck, 6000000000ull) - 1000000000, back;
            enum zone_fit fit = zone_to_utc_s(&z, zone_to_local_s(&z, utc), &back);
            assert_int_not_equal(fit, ZONE_GAP);
            if (fit == ZONE_ONCE)
                assert_int_equal(back, utc);
            else
                assert_true(back <= utc && utc - back <= 3 * 3600);
        }
    }
}

static void zone_bytes_are_not_trusted(void **state)
{
    (void)state;
    struct zone z = { .n = -7 };
    struct err err = { 0 };
    char file[200] = "TZif2";
    assert_int_equal(tzif_parse(STR("not a zone"), &z, &err), E_CORRUPT);
    assert_int_equal(tzif_parse((struct str){ file, sizeof(file) }, &z, &err), E_CORRUPT);
    memset(file + 20, 0xff, 24);
    assert_int_equal(tzif_parse((struct str){ file, sizeof(file) }, &z, &err), E_CORRUPT);
    assert_int_equal(z.n, -7);
    assert_int_equal(tzif_parse_posix(STR("EST5EDT,M3.2.0,M11.1.0"), &z, &err), 0);
    assert_int_equal(zone_offset_s(&z, 1795483800), -5 * 3600);
    assert_int_equal(tzif_parse_posix(STR("<+0330>-3:30<+0430>,J79/24,J263/24"), &z, &err), 0);
    assert_int_equal(zone_offset_s(&z, 1795483800), 12600);
    assert_int_equal(tzif_parse_posix(STR("XXX3EDT4,0/0,J365/23"), &z, &err),
                     0); /* always summer */
    assert_int_equal(zone_offset_s(&z, 1795483800), -4 * 3600);
    assert_int_equal(zone_offset_s(&z, 1798761600), -4 * 3600);
    assert_int_equal(tzif_parse_posix(STR("EST5EDT,M13.2.0,M11.1.0"), &z, &err), E_INVALID);
    assert_int_equal(tzif_parse_posix(STR(""), &z, &err), E_INVALID);
}

/* Weekdays of `weeks` weeks from Monday 2 March 2026: something at `first` and at `last` minutes of that day. */
static bool habit_of(int weeks, int first_min, int last_min, int weekdays, char ret[64])
{
    struct zone z;
    struct habit_day days[100];
    struct hours h;
    struct buf text;
    size_t n = 0;
    usec_t monday = instant(STR("2026-03-01T15:00:00Z")); /* midnight in Seoul */
    buf_init_fixed(&text, ret, 64);
    assert_int_equal(zone_load(STR("Asia/Seoul"), &z, NULL, NULL), 0);
    for (int day = 0; day < 7 * weeks; day++) {
        if (day % 7 >= weekdays)
            continue;
        habit_note(days, &n, &z, monday + day * USEC_PER_DAY + first_min * USEC_PER_MIN);
        habit_note(days, &n, &z, monday + day * USEC_PER_DAY + last_min * USEC_PER_MIN);
    }
    if (!habit_hours(days, n, &h))
        return false;
    hours_print(&h, &text);
    buf_char(&text, '\0');
    return true;
}

static void habits_are_hours(void **state)
{
    char text[64];
    (void)state;
    assert_true(habit_of(4, 10 * 60 + 7, 19 * 60 + 40, 5, text));
    assert_string_equal(text, "Mon-Fri 10:07-20:10");
    assert_true(habit_of(4, 14 * 60, 25 * 60 + 30, 6, text)); /* until half past one */
    assert_string_equal(text, "Mon-Sat 14:00-02:00");
    assert_true(habit_of(4, 9 * 60, 9 * 60 + 5, 5, text)); /* four hours at least */
    assert_string_equal(text, "Mon-Fri 09:00-13:00");
    assert_false(habit_of(1, 10 * 60, 18 * 60, 5, text)); /* five days tell nothing */
}

static void hours_follow_the_clock_change(void **state)
{
    (void)state;
    struct zone z;
    struct hours h;
    struct span out[64];
    size_t n;
    assert_int_equal(zone_load(STR("Europe/Berlin"), &z, NULL, NULL), 0);
    assert_int_equal(hours_parse(STR("daily 22:00-04:00"), &h, NULL), 0);
    struct span window = {instant(STR("2026-03-27T12:00:00Z")),
                          instant(STR("2026-03-30T12:00:00Z"))};
    assert_int_equal(hours_expand(&h, &z, window, out, 64, &n), 0);
    assert_int_equal(n, 3);
    assert_int_equal(out[0].until_at - out[0].from_at, 6 * USEC_PER_HOUR);
    assert_int_equal(out[1].until_at - out[1].from_at, 5 * USEC_PER_HOUR); /* the short night */
    assert_int_equal(out[2].from_at, instant(STR("2026-03-29T22:00:00+02:00")));
    /* An edge in the gap is the jump. */
    assert_int_equal(hours_parse(STR("sun 00:00-02:30"), &h, NULL), 0);
    assert_int_equal(hours_expand(&h, &z, window, out, 64, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(out[0].until_at, instant(STR("2026-03-29T01:00:00Z")));
    /* Windows cut, and memory is counted. */
    assert_int_equal(hours_parse(STR("daily 00:00-24:00"), &h, NULL), 0);
    assert_int_equal(hours_expand(&h, &z, window, out, 64, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(out[0].from_at, window.from_at);
    assert_int_equal(out[0].until_at, window.until_at);
    assert_int_equal(hours_expand(&h, &z, window, out, 2, &n), E_FULL);
    window.until_at = window.from_at + 20000 * USEC_PER_DAY;
    assert_int_equal(hours_expand(&h, &z, window, out, 64, &n), E_TOO_LARGE);
}

#define LINE_LENGTH 64 /* the algebra is checked point by point on a small line */

static size_t random_set(struct prng *luck, struct span *out, uint64_t *ret_bits)
{
    size_t n = prng_below(luck, 8);
    *ret_bits = 0;
    for (size_t i = 0; i < n; i++) {
        out[i].from_at = (usec_t)prng_below(luck, LINE_LENGTH);
        out[i].until_at = out[i].from_at + (usec_t)prng_below(luck, 12);
        for (usec_t t = out[i].from_at; t < out[i].until_at && t < LINE_LENGTH; t++)
            *ret_bits |= 1ull << t;
        out[i].until_at = usec_min(out[i].until_at, LINE_LENGTH);
    }
    return spans_normalise(out, n);
}

static uint64_t bits_of(const struct span *s, size_t n)
{
    uint64_t bits = 0;
    assert_true(spans_is_normal(s, n));
    for (usec_t t = 0; t < LINE_LENGTH; t++)
        if (spans_contain(s, n, t))
            bits |= 1ull << t;
    return bits;
}

static void spans_obey_set_algebra(void **state)
{
    (void)state;
    struct prng luck;
    prng_init(&luck, 11, 0);
    for (int round = 0; round < 20000; round++) {
        struct span a[8], b[8], out[16];
        uint64_t bits_a, bits_b;
        size_t n, na = random_set(&luck, a, &bits_a), nb = random_set(&luck, b, &bits_b);
        assert_true(bits_of(a, na) == bits_a);
        assert_int_equal(spans_union(a, na, b, nb, out, 16, &n), 0);
        assert_true(bits_of(out, n) == (bits_a | bits_b));
        assert_int_equal(spans_intersect(a, na, b, nb, out, 16, &n), 0);
        assert_true(bits_of(out, n) == (bits_a & bits_b));
        assert_int_equal(spans_subtract(a, na, b, nb, out, 16, &n), 0);
        assert_true(bits_of(out, n) == (bits_a & ~bits_b));
        assert_int_equal(spans_total_us(out, n), __builtin_popcountll(bits_a & ~bits_b));
        if (n > 1)
            assert_int_equal(spans_subtract(a, na, b, nb, out, n - 1, &n), E_FULL);
    }
}

static void check_format(const struct zone *z, enum cal_language language, enum cal_style style,
                         const char *from, const char *until, const char *want)
{
    char got[256];
    struct buf b;
    usec_t now_at = instant(STR("2026-11-24T10:30:00+09:00"));
    buf_init_fixed(&b, got, sizeof(got));
    if (until)
        cal_format_range(&b, z, language, style,
                         (struct span){ instant(str_of(from)), instant(str_of(until)) }, now_at);
    else
        cal_format(&b, z, language, style, instant(str_of(from)), now_at);
    assert_string_equal(got, want);
}

static void times_read_well_in_both_languages(void **state)
{
    (void)state;
    struct zone z;
    assert_int_equal(zone_load(STR("Asia/Seoul"), &z, NULL, NULL), 0);
    const char *t = "2026-11-24T09:05:00+09:00";
    check_format(&z, CAL_KOREAN, CAL_FULL, t, NULL, "2026년 11월 24일 (화) 09:05");
    check_format(&z, CAL_ENGLISH, CAL_FULL, t, NULL, "Tue 24 Nov 2026 09:05");
    check_format(&z, CAL_ENGLISH, CAL_ISO, t, NULL, "2026-11-24T09:05:00+09:00");
    check_format(&z, CAL_ENGLISH, CAL_SHORT, t, NULL, "09:05");
    check_format(&z, CAL_ENGLISH, CAL_SHORT, "2026-11-25T09:05:00+09:00", NULL, "tomorrow 09:05");
    check_format(&z, CAL_KOREAN, CAL_SHORT, "2026-11-25T09:05:00+09:00", NULL, "내일 09:05");
    check_format(&z, CAL_KOREAN, CAL_SHORT, "2026-11-23T23:59:00+09:00", NULL, "어제 23:59");
    check_format(&z, CAL_ENGLISH, CAL_SHORT, "2026-11-30T09:05:00+09:00", NULL, "Mon 09:05");
    check_format(&z, CAL_KOREAN, CAL_SHORT, "2026-11-30T09:05:00+09:00", NULL, "월 09:05");
    check_format(&z, CAL_ENGLISH, CAL_SHORT, "2026-12-01T09:05:00+09:00", NULL, "1 Dec 09:05");
    check_format(&z, CAL_KOREAN, CAL_SHORT, "2026-12-01T09:05:00+09:00", NULL, "12월 1일 09:05");
    check_format(&z, CAL_ENGLISH, CAL_SHORT, "2027-01-01T00:00:00+09:00", NULL,
                 "Fri 1 Jan 2027 00:00");
    check_format(&z, CAL_KOREAN, CAL_FULL, t, "2026-11-24T10:00:00+09:00",
                 "2026년 11월 24일 (화) 09:05~10:00");
    check_format(&z, CAL_ENGLISH, CAL_SHORT, "2026-11-24T22:00:00+09:00",
                 "2026-11-25T04:00:00+09:00", "22:00 - tomorrow 04:00");
    check_format(&z, CAL_ENGLISH, CAL_SHORT, "2026-11-23T22:00:00+09:00",
                 "2026-11-24T04:00:00+09:00", "yesterday 22:00 - today 04:00");
    check_format(&z, CAL_KOREAN, CAL_DATE, "2026-12-24T00:00:00+09:00", "2026-12-27T00:00:00+09:00",
                 "2026년 12월 24일 (목) ~ 2026년 12월 26일 (토)");
    check_format(&z, CAL_KOREAN, CAL_DATE, "2026-12-24T00:00:00+09:00", "2026-12-25T00:00:00+09:00",
                 "2026년 12월 24일 (목)");
    check_format(&z, CAL_KOREAN, CAL_FULL, "2026-11-24T12:00:00+09:00", "2026-11-25T00:00:00+09:00",
                 "2026년 11월 24일 (화) 12:00~24:00");
}

static void lengths_have_two_units(void **state)
{
    static const struct {
        usec_t us;
        const char *english, *korean;
    } cases[] = {
        { 45 * USEC_PER_SEC, "45 s", "45초" },
        { 0, "0 s", "0초" },
        { USEC_PER_MIN, "1 min", "1분" },
        { 200 * USEC_PER_MIN, "3 h 20 min", "3시간 20분" },
        { USEC_PER_HOUR - 1, "1 h", "1시간" },
        { 51 * USEC_PER_HOUR, "2 d 3 h", "2일 3시간" },
        { -90 * USEC_PER_MIN, "-1 h 30 min", "-1시간 30분" },
        { USEC_PER_DAY, "1 d", "1일" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char got[64];
        struct buf b;
        buf_init_fixed(&b, got, sizeof(got));
        cal_format_length(&b, CAL_ENGLISH, cases[i].us);
        assert_string_equal(got, cases[i].english);
        buf_init_fixed(&b, got, sizeof(got));
        cal_format_length(&b, CAL_KOREAN, cases[i].us);
        assert_string_equal(got, cases[i].korean);
    }
}

/* People are away on every holiday; electricity knows no temporary one; outside of what is known there is none. */
static void holidays_are_meant_for_people_or_tariffs(void **state)
{
    static const char text[] = "zone Asia/Seoul\nknown 2025-01-01 2025-12-31\n"
                               "2025-01-27 temporary 임시공휴일\n2025-01-28 public 설날\n"
                               "2025-05-06 substitute 대체공휴일\n2025-06-03 temporary one\n"
                               "2025-06-03 election 대통령 선거일\n";
    static const struct {
        int month, day;
        bool people, tariffs;
    } cases[] = {
        { 1, 26, false, false }, { 1, 27, true, false }, { 1, 28, true, true }, { 1, 29, false, false },
        { 5, 6, true, true },    { 6, 3, true, true },   { 12, 31, false, false },
    };
    struct holiday days[8];
    struct holidays h;
    struct err err = { 0 };
    (void)state;
    assert_int_equal(holidays_parse(str_of(text), days, 8, &h, &err), 0);
    assert_int_equal(h.n, 5);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t day = civil_day(2025, cases[i].month, cases[i].day);
        assert_int_equal(holiday_on(&h, day, HOLIDAY_FOR_PEOPLE), cases[i].people);
        assert_int_equal(holiday_on(&h, day, HOLIDAY_FOR_TARIFFS), cases[i].tariffs);
    }
    assert_false(holiday_on(&h, civil_day(2024, 1, 28), HOLIDAY_FOR_PEOPLE));
    assert_false(holiday_on(&h, civil_day(2026, 1, 28), HOLIDAY_FOR_PEOPLE));
    /* Each is a day away in its zone, midnight to midnight; days that touch are one stretch. */
    struct zone seoul;
    struct busy busy[8];
    assert_int_equal(tzif_parse_posix(STR("KST-9"), &seoul, NULL), 0);
    usec_t from_at = (civil_day(2025, 1, 1) * CIVIL_DAY_S - 9 * 3600) * USEC_PER_SEC;
    size_t n = holidays_busy(&h, &seoul, (struct span){ from_at, from_at + 90 * USEC_PER_DAY }, busy, 8);
    assert_int_equal(n, 1);
    assert_int_equal(busy[0].from_at, from_at + 26 * USEC_PER_DAY);
    assert_int_equal(busy[0].until_at, from_at + 28 * USEC_PER_DAY);
    assert_int_equal(busy[0].kind, CAL_AWAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(habits_are_hours),
        cmocka_unit_test(days_and_dates_agree_over_800_years),
        cmocka_unit_test(local_times_become_instants),
        cmocka_unit_test(zones_round_trip),
        cmocka_unit_test(zone_bytes_are_not_trusted),
        cmocka_unit_test(spans_obey_set_algebra),
        cmocka_unit_test(hours_are_read_and_printed),
        cmocka_unit_test(hours_follow_the_clock_change),
        cmocka_unit_test(people_say_when),
        cmocka_unit_test(people_say_from_when_until_when),
        cmocka_unit_test(people_say_how_long),
        cmocka_unit_test(times_read_well_in_both_languages),
        cmocka_unit_test(lengths_have_two_units),
        cmocka_unit_test(holidays_are_meant_for_people_or_tariffs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
