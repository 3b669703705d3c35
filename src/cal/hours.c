/* hours.c - see hours.h. */
#include "cal/hours.h"

#include "cal/shown.h"
#include "cal/spans.h"
#include "cal/words.h"

#define DAY_MIN 1440
#define ALL_DAYS 0x7fu

static const char *const day_names[7] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

static int refuse(struct err *err, struct str rest)
{
    struct shown text = shown(rest);
    if (text.len == 0)
        return err_set(err, E_INVALID,
                       "the hours end too early; write for example 'Mon-Fri 09:00-18:00'");
    return err_set(err, E_INVALID,
                   "'%.*s' cannot be read as hours; write for example 'Mon-Fri 09:00-18:00; "
                   "Sat 10:00-14:00'",
                   SHOWN_ARG(text));
}

static bool take_dash(struct str *s)
{
    static const char *const dashes[] = { "-", "~", "–", "—", "〜", "～", "to", "부터", NULL };
    return words_take_any(s, dashes);
}

/* mon | mon-fri | weekdays | ..., as a bit set. */
static bool take_day_term(struct str *s, unsigned *ret_days)
{
    static const char *const every[] = { "daily", "everyday", "every day", "매일", NULL };
    static const char *const weekdays[] = { "weekdays", "weekday", "평일", "주중", NULL };
    static const char *const weekends[] = { "weekends", "weekend", "주말", NULL };
    enum weekday from, until;
    if (words_take_any(s, every)) {
        *ret_days = ALL_DAYS;
    } else if (words_take_any(s, weekdays)) {
        *ret_days = 0x1f;
    } else if (words_take_any(s, weekends)) {
        *ret_days = 0x60;
    } else if (words_take_weekday(s, &from)) {
        struct str rest = *s;
        *ret_days = 1u << from;
        if (take_dash(&rest) && words_take_weekday(&rest, &until)) {
            for (unsigned day = from; day != until; day = (day + 1) % 7)
                *ret_days |= 1u << day;
            *ret_days |= 1u << until;
            *s = rest;
        }
    } else {
        return false;
    }
    return true;
}

/* One or more terms, separated by ',' or '/' or nothing at all (월수금). */
static bool take_days(struct str *s, unsigned *ret_days)
{
    unsigned term;
    if (!take_day_term(s, ret_days))
        return false;
    for (;;) {
        struct str rest = *s;
        words_skip_blanks(&rest);
        if (rest.len > 0 && (rest.ptr[0] == ',' || rest.ptr[0] == '/'))
            rest = str_slice(rest, 1, rest.len);
        if (!take_day_term(&rest, &term))
            break;
        *ret_days |= term;
        *s = rest;
    }
    words_take(s, ":"); /* "Mon: 9-12" */
    return true;
}

static bool take_span(struct str *s, struct hours_span *ret)
{
    struct words_clock from, until;
    struct str rest = *s;
    if (!words_take_clock(&rest, &from) || !take_dash(&rest) || !words_take_clock(&rest, &until))
        return false;
    words_take(&rest, "까지");
    int a = from.s / 60, b = until.s / 60;
    if (from.s % 60 || until.s % 60 || a == DAY_MIN || a == b)
        return false;
    *ret = (struct hours_span){ (uint16_t)a, (uint16_t)(b > a ? b : b + DAY_MIN) };
    *s = rest;
    return true;
}

/* Keep the day's spans sorted, disjoint and not touching. */
static int add_span(struct hours *h, int day, struct hours_span add, struct err *err)
{
    struct hours_span merged[HOURS_SPANS_MAX + 1];
    unsigned n = 0;
    for (unsigned i = 0; i < h->day[day].n; i++) {
        struct hours_span s = h->day[day].span[i];
        if (s.until_min < add.from_min) {
            merged[n++] = s;
        } else if (s.from_min > add.until_min) {
            merged[n++] = add;
            add = s;
        } else {
            if (s.from_min < add.from_min)
                add.from_min = s.from_min;
            if (s.until_min > add.until_min)
                add.until_min = s.until_min;
        }
    }
    merged[n++] = add;
    if (n > HOURS_SPANS_MAX)
        return err_set(err, E_TOO_LARGE, "a day can have at most %d spans of hours; '%s' has more",
                       HOURS_SPANS_MAX, day_names[day]);
    for (unsigned i = 0; i < n; i++)
        if (merged[i].until_min - merged[i].from_min > DAY_MIN)
            return err_set(err, E_INVALID,
                           "the hours of '%s' cover more than a day; give the next day its own",
                           day_names[day]);
    h->day[day].n = n;
    for (unsigned i = 0; i < n; i++)
        h->day[day].span[i] = merged[i];
    return 0;
}

static int take_entry(struct str *s, struct hours *h, struct err *err)
{
    unsigned days;
    if (!take_days(s, &days)) {
        struct str rest = *s;
        struct hours_span span;
        if (take_span(&rest, &span))
            return err_set(
                err, E_INVALID,
                "say on which days the hours are; write for example 'Mon-Fri 09:00-18:00'");
        return refuse(err, *s);
    }
    for (;;) {
        struct hours_span span;
        if (!take_span(s, &span))
            return refuse(err, *s);
        for (int day = 0; day < 7; day++) {
            int r = (days >> day & 1) ? add_span(h, day, span, err) : 0;
            if (r < 0)
                return r;
        }
        if (!words_take(s, ","))
            return 0;
        struct str peek = *s;
        if (take_day_term(&peek, &days)) /* "Mon 9-12, Tue 9-12": the next entry */
            return 0;
    }
}

int hours_parse(struct str text, struct hours *ret, struct err *err)
{
    static const char *const none[] = { "none", "없음", NULL };
    struct hours h = { 0 };
    struct str rest = str_trim(text);
    if (text.len > HOURS_TEXT_MAX)
        return err_set(err, E_TOO_LARGE, "hours can be at most %d bytes of text; these have %zu",
                       HOURS_TEXT_MAX, text.len);
    if (rest.len == 0)
        return refuse(err, rest);
    if (words_take_any(&rest, none)) {
        if (str_trim(rest).len > 0)
            return refuse(err, rest);
        *ret = h;
        return 0;
    }
    while (rest.len > 0) {
        int r = take_entry(&rest, &h, err);
        if (r < 0)
            return r;
        struct str before = rest;
        words_skip_blanks(&rest);
        while (rest.len > 0 && (rest.ptr[0] == ';' || rest.ptr[0] == '\n')) {
            rest = str_slice(rest, 1, rest.len);
            words_skip_blanks(&rest);
        }
        unsigned days;
        struct str peek = rest;
        if (rest.len > 0 && before.len == rest.len && !take_day_term(&peek, &days))
            return refuse(err, rest);
    }
    *ret = h;
    return 0;
}

static bool same_day(const struct hours *h, int a, int b)
{
    if (h->day[a].n != h->day[b].n)
        return false;
    for (unsigned i = 0; i < h->day[a].n; i++)
        if (h->day[a].span[i].from_min != h->day[b].span[i].from_min ||
            h->day[a].span[i].until_min != h->day[b].span[i].until_min)
            return false;
    return true;
}

static void print_minute(struct buf *out, unsigned minute)
{
    buf_char(out, (char)('0' + minute / 600));
    buf_char(out, (char)('0' + minute / 60 % 10));
    buf_char(out, ':');
    buf_char(out, (char)('0' + minute / 10 % 6));
    buf_char(out, (char)('0' + minute % 10));
}

/* The days of `set`, neighbours as ranges: "Mon-Wed,Fri". */
static void print_days(struct buf *out, unsigned set)
{
    bool first = true;
    for (int day = 0; day < 7; day++) {
        int last = day;
        if (!(set >> day & 1))
            continue;
        while (last + 1 < 7 && (set >> (last + 1) & 1))
            last++;
        if (!first)
            buf_char(out, ',');
        first = false;
        buf_c(out, day_names[day]);
        if (last > day) {
            buf_char(out, last > day + 1 ? '-' : ',');
            buf_c(out, day_names[last]);
        }
        day = last;
    }
}

void hours_print(const struct hours *h, struct buf *out)
{
    unsigned done = 0;
    for (int day = 0; day < 7; day++) {
        unsigned set = 0;
        if (h->day[day].n == 0 || (done >> day & 1))
            continue;
        for (int other = day; other < 7; other++)
            if (same_day(h, day, other))
                set |= 1u << other;
        if (done)
            buf_c(out, "; ");
        done |= set;
        print_days(out, set);
        for (unsigned i = 0; i < h->day[day].n; i++) {
            unsigned until = h->day[day].span[i].until_min;
            buf_char(out, i == 0 ? ' ' : ',');
            print_minute(out, h->day[day].span[i].from_min);
            buf_char(out, '-');
            print_minute(out, until > DAY_MIN ? until - DAY_MIN : until);
        }
    }
    if (!done)
        buf_c(out, "none");
}

static int64_t day_of_instant(const struct zone *zone, usec_t at)
{
    return civil_day_of(zone_to_local_s(zone, floor_div(at, USEC_PER_SEC)));
}

int hours_expand(const struct hours *h, const struct zone *zone, struct span window,
                 struct span *out, size_t cap, size_t *ret_n)
{
    size_t n = 0;
    if (window.until_at <= window.from_at) {
        *ret_n = 0;
        return 0;
    }
    if (window.until_at / USEC_PER_DAY - window.from_at / USEC_PER_DAY > HOURS_DAYS_MAX)
        return E_TOO_LARGE;
    int64_t last = day_of_instant(zone, window.until_at) + 1;
    for (int64_t day = day_of_instant(zone, window.from_at) - 2; day <= last; day++) {
        enum weekday weekday = civil_weekday(day);
        for (unsigned i = 0; i < h->day[weekday].n; i++) {
            struct hours_span s = h->day[weekday].span[i];
            int64_t midnight = day * CIVIL_DAY_S;
            struct span utc = {
                zone_edge_utc_s(zone, midnight + s.from_min * 60) * USEC_PER_SEC,
                zone_edge_utc_s(zone, midnight + s.until_min * 60) * USEC_PER_SEC,
            };
            utc.from_at = usec_max(utc.from_at, window.from_at);
            utc.until_at = usec_min(utc.until_at, window.until_at);
            if (utc.from_at >= utc.until_at)
                continue;
            if (n == cap)
                return E_FULL;
            out[n++] = utc;
        }
    }
    *ret_n = spans_normalise(out, n);
    return 0;
}
