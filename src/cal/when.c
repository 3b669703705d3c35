/* when.c - see when.h. */
#include "cal/when.h"

#include "cal/civil.h"
#include "cal/shown.h"
#include "cal/words.h"

#define UNIX_MAX_S 253402300799 /* the end of the year 9999 */

struct reading {
    const struct zone *zone;
    usec_t now_at;
    usec_t base_at; /* "the next" counts from here: now, or the start of the range being read */
    bool bare_ok;   /* "12" may be a time: the end of "fri 9-12" */
};

/* A day as named: exact, or one of a series of which the next counts. */
enum day_kind { DAY_EXACT, DAY_WEEKLY, DAY_YEARLY };

struct day_read {
    enum day_kind kind;
    int64_t day;
    int month, mday; /* DAY_YEARLY */
};

/* ---- lengths ---- */

static bool take_unit(struct str *s, usec_t *ret_us)
{
    static const char *const names[][9] = {
        { "s", "sec", "secs", "second", "seconds", "초" },
        { "m", "min", "mins", "minute", "minutes", "분" },
        { "h", "hr", "hrs", "hour", "hours", "시간" },
        { "d", "day", "days", "일" },
        { "w", "wk", "week", "weeks", "주일", "주" },
    };
    static const usec_t us[] = { USEC_PER_SEC, USEC_PER_MIN, USEC_PER_HOUR, USEC_PER_DAY,
                                 7 * USEC_PER_DAY };
    for (int u = 0; u < 5; u++) {
        if (words_take_any(s, names[u])) {
            *ret_us = us[u];
            return true;
        }
    }
    return false;
}

/* "3", "1.5" in thousandths. */
static bool take_decimal(struct str *s, int64_t *ret_milli)
{
    int64_t whole, part = 0;
    unsigned digits = 0;
    struct str rest = *s;
    if (!words_take_digits(&rest, 7, &whole, NULL))
        return false;
    if (rest.len > 1 && rest.ptr[0] == '.' && rest.ptr[1] >= '0' && rest.ptr[1] <= '9') {
        rest = str_slice(rest, 1, rest.len);
        if (!words_take_digits(&rest, 3, &part, &digits))
            return false;
        for (; digits < 3; digits++)
            part *= 10;
    }
    *ret_milli = whole * 1000 + part;
    *s = rest;
    return true;
}

/* One or more number-unit pairs, or H:MM:SS. */
static bool take_length(struct str *s, usec_t *ret_us)
{
    usec_t total = 0;
    bool any = false;
    struct str rest = *s;
    int64_t h, m, sec;
    if (words_take_digits(&rest, 5, &h, NULL) && words_take(&rest, ":") &&
        words_take_digits(&rest, 2, &m, NULL) && words_take(&rest, ":") &&
        words_take_digits(&rest, 2, &sec, NULL) && m < 60 && sec < 60) {
        *ret_us = h * USEC_PER_HOUR + m * USEC_PER_MIN + sec * USEC_PER_SEC;
        *s = rest;
        return *ret_us <= WHEN_LENGTH_MAX_US;
    }
    for (rest = *s;;) {
        int64_t milli;
        usec_t unit;
        struct str next = rest;
        if (!take_decimal(&next, &milli) || !take_unit(&next, &unit))
            break;
        if (unit == USEC_PER_HOUR && words_take(&next, "반"))
            milli += 500;
        total = usec_add(total, milli * (unit / 1000));
        if (total > WHEN_LENGTH_MAX_US)
            return false;
        rest = next;
        any = true;
    }
    if (!any)
        return false;
    *ret_us = total;
    *s = rest;
    return true;
}

int when_parse_length(struct str text, usec_t *ret_us, struct err *err)
{
    struct str rest = str_trim(text);
    struct shown quoted = shown(text);
    usec_t us;
    int64_t number;
    if (text.len > WHEN_TEXT_MAX)
        return err_set(err, E_TOO_LARGE, "a length of time is at most %d bytes of text",
                       WHEN_TEXT_MAX);
    words_take(&rest, "for");
    struct str bare = rest;
    if (words_take_digits(&bare, 9, &number, NULL) && str_trim(bare).len == 0)
        return err_set(err, E_INVALID, "'%.*s' has no unit; write for example '%lldm' or '%lldh'",
                       SHOWN_ARG(quoted), (long long)(number ? number : 30), (long long)(number ? number : 2));
    bool ok = take_length(&rest, &us);
    if (ok)
        words_take(&rest, "동안");
    if (!ok || str_trim(rest).len > 0)
        return err_set(err, E_INVALID,
                       "'%.*s' is not a length of time up to ten years; write for example 90m, 3h, "
                       "1h30m or 2d",
                       SHOWN_ARG(quoted));
    if (us <= 0)
        return err_set(err, E_INVALID, "a length of time must be more than nothing; this one is 0");
    *ret_us = us;
    return 0;
}

/* ---- days ---- */

static bool take_month_name(struct str *s, int *ret_month)
{
    static const char *const names[12][5] = {
        { "january", "jan" }, { "february", "feb" }, { "march", "mar" },
        { "april", "apr" },   { "may" },             { "june", "jun" },
        { "july", "jul" },    { "august", "aug" },   { "september", "sept", "sep" },
        { "october", "oct" }, { "november", "nov" }, { "december", "dec" },
    };
    for (int m = 0; m < 12; m++) {
        if (words_take_any(s, names[m])) {
            *ret_month = m + 1;
            return true;
        }
    }
    return false;
}

static bool set_date(struct day_read *ret, int64_t year, int64_t month, int64_t mday,
                     unsigned year_digits)
{
    if (year_digits == 2)
        year += 2000;
    struct civil c = {
        .year = year_digits ? (int)year : 2000, .month = (int)month, .day = (int)mday};
    if ((year_digits != 0 && year_digits != 2 && year_digits != 4) || !civil_valid(c))
        return false;
    *ret = (struct day_read){ .kind = year_digits ? DAY_EXACT : DAY_YEARLY,
                              .day = civil_day(c.year, c.month, c.day),
                              .month = c.month, .mday = c.day };
    return true;
}

/* 2026-11-24, 11/24[/26], 11.24.26, 112426; 2026년 11월 24일, 11월 24일. */
static bool take_numeric_date(struct str *s, struct day_read *ret)
{
    struct str rest = *s;
    int64_t a, b, c = 0;
    unsigned digits, year_digits = 0;
    if (!words_take_digits(&rest, 6, &a, &digits) || rest.len == 0)
        return digits == 6 && rest.len == 0 && set_date(ret, a % 100, a / 10000, a / 100 % 100, 2)
                   ? (*s = rest, true)
                   : false;
    if (digits == 6) {
        *s = rest;
        return set_date(ret, a % 100, a / 10000, a / 100 % 100, 2);
    }
    if (digits == 4 && words_take(&rest, "-")) {
        if (!words_take_digits(&rest, 2, &b, NULL) || !words_take(&rest, "-") ||
            !words_take_digits(&rest, 2, &c, NULL) || !set_date(ret, a, b, c, 4))
            return false;
    } else if (digits == 4 && words_take(&rest, "년")) {
        if (!words_take_digits(&rest, 2, &b, NULL) || !words_take(&rest, "월") ||
            !words_take_digits(&rest, 2, &c, NULL) || !words_take(&rest, "일") ||
            !set_date(ret, a, b, c, 4))
            return false;
    } else if (digits <= 2 && words_take(&rest, "월")) {
        if (!words_take_digits(&rest, 2, &b, NULL) || !words_take(&rest, "일") ||
            !set_date(ret, 0, a, b, 0))
            return false;
    } else if (digits <= 2 && (rest.ptr[0] == '/' || rest.ptr[0] == '.')) {
        char separator = rest.ptr[0];
        rest = str_slice(rest, 1, rest.len);
        if (!words_take_digits(&rest, 2, &b, NULL))
            return false;
        if (rest.len > 1 && rest.ptr[0] == separator && rest.ptr[1] >= '0' && rest.ptr[1] <= '9') {
            rest = str_slice(rest, 1, rest.len);
            if (!words_take_digits(&rest, 4, &c, &year_digits))
                return false;
        }
        if (!set_date(ret, c, a, b, year_digits))
            return false;
    } else {
        return false;
    }
    *s = rest;
    return true;
}

/* "24 nov [2026]", "nov 24[, 2026]" */
static bool take_named_date(struct str *s, struct day_read *ret)
{
    struct str rest = *s;
    int month;
    int64_t mday, year = 0;
    unsigned digits = 0;
    if (words_take_digits(&rest, 2, &mday, NULL)) {
        if (!take_month_name(&rest, &month))
            return false;
    } else if (!take_month_name(&rest, &month) || !words_take_digits(&rest, 2, &mday, NULL)) {
        return false;
    }
    struct str more = rest;
    words_take(&more, ",");
    if (words_take_digits(&more, 4, &year, &digits) && digits == 4)
        rest = more;
    else
        digits = 0;
    *s = rest;
    return set_date(ret, year, month, mday, digits);
}

static int64_t local_now_s(const struct reading *r, usec_t at)
{
    return zone_to_local_s(r->zone, floor_div(at, USEC_PER_SEC));
}

static bool take_day(struct str *s, const struct reading *r, struct day_read *ret)
{
    static const char *const relative[][4] = {
        { "today", "오늘" }, { "tomorrow", "내일" }, { "모레" }, { "글피" }, { "yesterday", "어제" },
    };
    static const int days_ahead[] = { 0, 1, 2, 3, -1 };
    static const char *const next[] = { "next", "다음 주", "다음주", NULL };
    static const char *const this[] = { "this", "이번 주", "이번주", NULL };
    enum weekday weekday;
    int64_t today = civil_day_of(local_now_s(r, r->now_at));
    for (int i = 0; i < 5; i++) {
        if (words_take_any(s, relative[i])) {
            *ret = (struct day_read){ .kind = DAY_EXACT, .day = today + days_ahead[i] };
            return true;
        }
    }
    struct str rest = *s;
    bool is_next = words_take_any(&rest, next);
    if (!is_next)
        words_take_any(&rest, this);
    if (words_take_weekday(&rest, &weekday)) {
        int64_t base = civil_day_of(local_now_s(r, r->base_at));
        *s = rest;
        if (is_next) {
            int64_t monday = today - (int64_t)civil_weekday(today) + 7;
            *ret = (struct day_read){ .kind = DAY_EXACT, .day = monday + (int64_t)weekday };
        } else {
            int64_t ahead = floor_mod((int)weekday - (int)civil_weekday(base), 7);
            *ret = (struct day_read){ .kind = DAY_WEEKLY, .day = base + ahead };
        }
        return true;
    }
    return take_numeric_date(s, ret) || take_named_date(s, ret);
}

/* ---- times of the day ---- */

static bool take_clock(struct str *s, int *ret_s, bool bare_ok)
{
    static const struct {
        const char *word;
        int hour;
    } breaks[] = { { "fika", 15 }, { "teatime", 16 }, { "elevenses", 11 } }; /* as Slurm's parser */
    struct words_clock clock;
    struct str rest = *s;
    for (int i = 0; i < 3; i++) {
        if (words_take(s, breaks[i].word)) {
            *ret_s = breaks[i].hour * 3600;
            return true;
        }
    }
    if (!words_take_clock(&rest, &clock) || (clock.bare && !bare_ok))
        return false;
    *ret_s = clock.s;
    *s = rest;
    return true;
}

static bool take_half(struct str *s, int *ret_from_s, int *ret_until_s)
{
    static const char *const morning[] = { "morning", "오전", "아침", NULL };
    static const char *const afternoon[] = { "afternoon", "오후", NULL };
    static const char *const evening[] = { "evening", "저녁", NULL };
    *ret_until_s = CIVIL_DAY_S;
    if (words_take_any(s, morning)) {
        *ret_from_s = 0;
        *ret_until_s = 12 * 3600;
    } else if (words_take_any(s, afternoon)) {
        *ret_from_s = 12 * 3600;
    } else if (words_take_any(s, evening)) {
        *ret_from_s = 18 * 3600;
    } else {
        return false;
    }
    return true;
}

/* ---- together ---- */

static struct when on_day(const struct reading *r, int64_t day, int from_s, int until_s,
                          enum when_grain grain)
{
    int64_t at, until;
    zone_to_utc_s(r->zone, day * CIVIL_DAY_S + from_s, &at);
    until = at;
    if (grain != WHEN_INSTANT)
        until = zone_edge_utc_s(r->zone, day * CIVIL_DAY_S + until_s);
    if (grain != WHEN_INSTANT)
        at = zone_edge_utc_s(r->zone, day * CIVIL_DAY_S + from_s);
    return (struct when){ at * USEC_PER_SEC, until * USEC_PER_SEC, grain };
}

/* Still ahead of base: an instant later than it, or a stretch that has not ended. */
static bool ahead(const struct reading *r, struct when w) { return w.until_at > r->base_at; }

static struct when resolve(const struct reading *r, const struct day_read *day, int from_s,
                           int until_s, enum when_grain grain)
{
    struct when w = on_day(r, day->day, from_s, until_s, grain);
    if (day->kind == DAY_WEEKLY && !ahead(r, w))
        return on_day(r, day->day + 7, from_s, until_s, grain);
    if (day->kind != DAY_YEARLY)
        return w;
    int year, month, mday;
    civil_from_day(civil_day_of(local_now_s(r, r->base_at)), &year, &month, &mday);
    for (int y = year; y < year + 9; y++) { /* 29 February may be eight years away */
        if (day->mday > civil_month_days(y, day->month))
            continue;
        w = on_day(r, civil_day(y, day->month, day->mday), from_s, until_s, grain);
        if (ahead(r, w))
            return w;
    }
    return w;
}

/* "Z", "+09:00" right after an ISO time. */
static bool take_iso_offset(struct str *s, int32_t *ret_s)
{
    struct str rest = *s;
    int64_t hours, minutes = 0;
    unsigned digits;
    if (rest.len > 0 && (rest.ptr[0] | 32) == 'z' && words_take(&rest, "z")) {
        *s = rest;
        *ret_s = 0;
        return true;
    }
    if (rest.len < 3 || (rest.ptr[0] != '+' && rest.ptr[0] != '-'))
        return false;
    int sign = rest.ptr[0] == '-' ? -1 : 1;
    rest = str_slice(rest, 1, rest.len);
    if (!words_take_digits(&rest, 4, &hours, &digits))
        return false;
    if (digits == 4) {
        minutes = hours % 100;
        hours /= 100;
    } else if (digits != 2 ||
               (words_take(&rest, ":") && !words_take_digits(&rest, 2, &minutes, NULL))) {
        return false;
    }
    if (hours > 14 || minutes > 59)
        return false;
    *ret_s = (int32_t)(sign * (hours * 3600 + minutes * 60));
    *s = rest;
    return true;
}

/* now[+LENGTH], +LENGTH, in LENGTH, LENGTH later, @SECONDS. */
static bool take_offset(struct str *s, const struct reading *r, struct when *ret)
{
    static const char *const now[] = { "now", "지금", NULL };
    static const char *const later[] = { "later", "from now", "뒤", "후", "있다가", NULL };
    struct str rest = *s;
    usec_t us = 0;
    int64_t seconds;
    bool is_now = words_take_any(&rest, now);
    bool plus = words_take(&rest, "+");
    if (is_now && !plus) {
        ;
    } else if (plus || words_take(&rest, "in")) {
        if (!take_length(&rest, &us)) {
            if (!is_now || !words_take_digits(&rest, 9, &seconds, NULL))
                return false;
            us = seconds * USEC_PER_SEC;
        }
    } else if (words_take(&rest, "@")) {
        if (!words_take_digits(&rest, 12, &seconds, NULL) || seconds > UNIX_MAX_S)
            return false;
        *s = rest;
        *ret = (struct when){ seconds * USEC_PER_SEC, seconds * USEC_PER_SEC, WHEN_INSTANT };
        return true;
    } else if (!take_length(&rest, &us) || !words_take_any(&rest, later)) {
        return false;
    }
    *s = rest;
    *ret = (struct when){ usec_add(r->now_at, us), usec_add(r->now_at, us), WHEN_INSTANT };
    return true;
}

static bool take_when(struct str *s, const struct reading *r, struct when *ret)
{
    struct day_read day;
    struct str rest = *s;
    int from_s, until_s = 0;
    int32_t offset_s;
    if (take_offset(&rest, r, ret)) {
        *s = rest;
        return true;
    }
    rest = *s;
    if (take_day(&rest, r, &day)) {
        bool iso = rest.len > 0 && (rest.ptr[0] | 32) == 't';
        struct str clock = rest;
        if (iso)
            clock = str_slice(clock, 1, clock.len);
        else
            words_take(&clock, "at");
        if (take_clock(&clock, &from_s, !iso)) {
            *ret = resolve(r, &day, from_s, from_s, WHEN_INSTANT);
            if (iso && take_iso_offset(&clock, &offset_s)) {
                ret->at = (day.day * CIVIL_DAY_S + from_s - offset_s) * USEC_PER_SEC;
                ret->until_at = ret->at;
            }
            rest = clock;
        } else if (iso) {
            return false;
        } else if (take_half(&rest, &from_s, &until_s)) {
            *ret = resolve(r, &day, from_s, until_s, WHEN_HALF_DAY);
        } else {
            *ret = resolve(r, &day, 0, CIVIL_DAY_S, WHEN_DAY);
        }
        *s = rest;
        return true;
    }
    /* No day first: a clock time or a half, then perhaps the day. */
    enum when_grain grain = WHEN_INSTANT;
    if (!take_clock(&rest, &from_s, r->bare_ok)) {
        if (!take_half(&rest, &from_s, &until_s))
            return false;
        grain = WHEN_HALF_DAY;
    }
    *s = rest;
    words_take(&rest, "on");
    if (take_day(&rest, r, &day)) {
        *s = rest;
    } else {
        int64_t today = civil_day_of(local_now_s(r, r->base_at));
        day = (struct day_read){ .kind = DAY_EXACT, .day = today };
        if (!ahead(r, on_day(r, today, from_s, until_s, grain)))
            day.day++;
    }
    *ret = resolve(r, &day, from_s, until_s, grain);
    return true;
}

int when_parse(struct str text, const struct zone *zone, usec_t now_at, struct when *ret,
               struct err *err)
{
    struct reading r = { .zone = zone, .now_at = now_at, .base_at = now_at };
    struct str rest = str_trim(text);
    struct shown quoted = shown(text);
    struct when w;
    if (text.len > WHEN_TEXT_MAX)
        return err_set(err, E_TOO_LARGE, "a time is at most %d bytes of text", WHEN_TEXT_MAX);
    if (!take_when(&rest, &r, &w) || str_trim(rest).len > 0)
        return err_set(
            err, E_INVALID,
            "'%.*s' is not a time; write for example 18:30, 'tue 9:00', 'tomorrow 14:00', "
            "2026-11-24T09:00 or now+2h",
            SHOWN_ARG(quoted));
    *ret = w;
    return 0;
}

/* ---- stretches ---- */

static bool read_span(struct str rest, struct reading *r, struct span *ret)
{
    static const char *const through[] = { "through", "thru", NULL };
    static const char *const separators[] = {"~",  "-",  "–",     "—",    "～",
                                             "..", "to", "until", "부터", NULL};
    struct when a, b;
    usec_t us;
    struct str start = rest;
    if ((words_take(&rest, "for") || true) && take_length(&rest, &us)) {
        words_take(&rest, "동안");
        *ret = (struct span){ r->now_at, usec_add(r->now_at, us) };
        if (str_trim(rest).len == 0)
            return true;
    }
    rest = start;
    bool until = words_take(&rest, "until") || words_take(&rest, "till");
    bool inclusive = !until && words_take_any(&rest, through);
    if (!take_when(&rest, r, &a))
        return false;
    if (words_take(&rest, "까지"))
        until = inclusive = true;
    if (until || inclusive) {
        *ret = (struct span){ r->now_at, inclusive ? a.until_at : a.at };
        return str_trim(rest).len == 0;
    }
    *ret = (struct span){ a.at, a.until_at };
    if (str_trim(rest).len == 0)
        return a.grain != WHEN_INSTANT;
    if (words_take(&rest, "for") && take_length(&rest, &us)) {
        ret->until_at = usec_add(a.at, us);
        return str_trim(rest).len == 0;
    }
    if (!words_take_any(&rest, separators) && !words_take_any(&rest, through))
        return false;
    r->base_at = a.at;
    r->bare_ok = a.grain == WHEN_INSTANT;
    if (!take_when(&rest, r, &b))
        return false;
    words_take(&rest, "까지");
    ret->until_at = b.until_at;
    return str_trim(rest).len == 0;
}

int when_parse_span(struct str text, const struct zone *zone, usec_t now_at, struct span *ret,
                    struct err *err)
{
    struct reading r = { .zone = zone, .now_at = now_at, .base_at = now_at };
    struct shown quoted = shown(text);
    struct span span;
    if (text.len > WHEN_TEXT_MAX)
        return err_set(err, E_TOO_LARGE, "a stretch of time is at most %d bytes of text",
                       WHEN_TEXT_MAX);
    if (!read_span(str_trim(text), &r, &span))
        return err_set(
            err, E_INVALID,
            "'%.*s' is not a stretch of time; write for example 'until tue 9:00', 'for 3h', "
            "'fri afternoon' or 'mon 9:00 ~ wed 18:00'",
            SHOWN_ARG(quoted));
    if (span.until_at <= span.from_at)
        return err_set(err, E_INVALID, "'%.*s' ends before it begins; give an end that is later",
                       SHOWN_ARG(quoted));
    *ret = span;
    return 0;
}
