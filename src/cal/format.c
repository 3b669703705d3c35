/* format.c - see format.h. */
#include "cal/format.h"

#include "cal/civil.h"

static const char *const weekday_names[2][7] = {
    { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" },
    { "월", "화", "수", "목", "금", "토", "일" },
};

static const char *const month_names[12] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

const char *cal_weekday_name(enum cal_language language, int weekday)
{
    return weekday_names[language][weekday % 7];
}

static void two(struct buf *out, int value)
{
    buf_char(out, (char)('0' + value / 10 % 10));
    buf_char(out, (char)('0' + value % 10));
}

static void add_clock(struct buf *out, const struct civil *c)
{
    two(out, c->hour);
    buf_char(out, ':');
    two(out, c->minute);
}

/* "24 Nov" / "11월 24일" */
static void add_month_day(struct buf *out, enum cal_language language, const struct civil *c)
{
    if (language == CAL_KOREAN) {
        buf_i64(out, c->month);
        buf_c(out, "월 ");
        buf_i64(out, c->day);
        buf_c(out, "일");
    } else {
        buf_i64(out, c->day);
        buf_char(out, ' ');
        buf_c(out, month_names[c->month - 1]);
    }
}

static void add_date(struct buf *out, enum cal_language language, const struct civil *c)
{
    const char *weekday =
        cal_weekday_name(language, (int)civil_weekday(civil_day(c->year, c->month, c->day)));
    if (language == CAL_KOREAN) {
        buf_i64(out, c->year);
        buf_c(out, "년 ");
        add_month_day(out, language, c);
        buf_c(out, " (");
        buf_c(out, weekday);
        buf_char(out, ')');
    } else {
        buf_c(out, weekday);
        buf_char(out, ' ');
        add_month_day(out, language, c);
        buf_char(out, ' ');
        buf_i64(out, c->year);
    }
}

static void add_iso(struct buf *out, const struct civil *c, int32_t offset_s)
{
    int offset_min = (offset_s < 0 ? -offset_s : offset_s) / 60;
    two(out, c->year / 100);
    two(out, c->year % 100);
    buf_char(out, '-');
    two(out, c->month);
    buf_char(out, '-');
    two(out, c->day);
    buf_char(out, 'T');
    add_clock(out, c);
    buf_char(out, ':');
    two(out, c->second);
    if (offset_s == 0) {
        buf_char(out, 'Z');
        return;
    }
    buf_char(out, offset_s < 0 ? '-' : '+');
    two(out, offset_min / 60);
    buf_char(out, ':');
    two(out, offset_min % 60);
}

/* The day as seen from now: nothing for today, a word, a weekday within the week, else the date. */
static void add_near_day(struct buf *out, enum cal_language language, const struct civil *c,
                         int64_t day, int64_t today)
{
    int this_year, month, mday;
    bool korean = language == CAL_KOREAN;
    civil_from_day(today, &this_year, &month, &mday);
    if (day == today)
        return;
    if (day == today + 1)
        buf_c(out, korean ? "내일" : "tomorrow");
    else if (day == today - 1)
        buf_c(out, korean ? "어제" : "yesterday");
    else if (day > today && day < today + 7)
        buf_c(out, cal_weekday_name(language, (int)civil_weekday(day)));
    else if (c->year == this_year)
        add_month_day(out, language, c);
    else
        add_date(out, language, c);
    buf_char(out, ' ');
}

static int64_t local_of(const struct zone *zone, usec_t at)
{
    return zone_to_local_s(zone, floor_div(at, USEC_PER_SEC));
}

static bool add_never(struct buf *out, enum cal_language language, usec_t at)
{
    if (at != USEC_NEVER)
        return false;
    buf_c(out, language == CAL_KOREAN ? "없음" : "never");
    return true;
}

void cal_format(struct buf *out, const struct zone *zone, enum cal_language language,
                enum cal_style style, usec_t at, usec_t now_at)
{
    if (add_never(out, language, at))
        return;
    int64_t local_s = local_of(zone, at);
    struct civil c = civil_from_local_s(local_s);
    switch (style) {
    case CAL_ISO:
        add_iso(out, &c, zone_offset_s(zone, floor_div(at, USEC_PER_SEC)));
        return;
    case CAL_DATE:
        add_date(out, language, &c);
        return;
    case CAL_FULL:
        add_date(out, language, &c);
        buf_char(out, ' ');
        break;
    case CAL_SHORT:
        add_near_day(out, language, &c, civil_day_of(local_s),
                     civil_day_of(local_of(zone, now_at)));
        break;
    case CAL_TIME:
        break;
    }
    add_clock(out, &c);
}

void cal_format_range(struct buf *out, const struct zone *zone, enum cal_language language,
                      enum cal_style style, struct span span, usec_t now_at)
{
    bool korean = language == CAL_KOREAN;
    cal_format(out, zone, language, style, span.from_at, now_at);
    bool never = span.until_at == USEC_NEVER;
    int64_t from_day = civil_day_of(local_of(zone, span.from_at));
    int64_t until_s = never ? 0 : local_of(zone, span.until_at);
    bool same_day = !never && civil_day_of(until_s) == from_day;
    if (style == CAL_ISO) {
        buf_char(out, '/');
        cal_format(out, zone, language, style, span.until_at, now_at);
    } else if (style == CAL_DATE) {
        /* Half-open: until midnight names the day before. */
        usec_t last_at = never ? span.until_at : usec_max(span.until_at - 1, span.from_at);
        if (!never && civil_day_of(local_of(zone, last_at)) == from_day)
            return;
        buf_c(out, korean ? " ~ " : " - ");
        cal_format(out, zone, language, style, last_at, now_at);
    } else if (same_day) {
        buf_char(out, korean ? '~' : '-');
        cal_format(out, zone, language, CAL_TIME, span.until_at, now_at);
    } else if (!never && until_s == (from_day + 1) * CIVIL_DAY_S) {
        buf_c(out, korean ? "~24:00" : "-24:00");
    } else {
        buf_c(out, korean ? " ~ " : " - ");
        /* From another day to today: "yesterday 22:00 - 09:00" would read as yesterday's 09:00. */
        if (style == CAL_SHORT && !never &&
            civil_day_of(until_s) == civil_day_of(local_of(zone, now_at)))
            buf_c(out, korean ? "오늘 " : "today ");
        cal_format(out, zone, language, style, span.until_at, now_at);
    }
}

void cal_format_length(struct buf *out, enum cal_language language, usec_t length_us)
{
    static const struct {
        usec_t us;
        const char *name[2];
    } units[] = {
        { USEC_PER_DAY, { " d", "일" } },
        { USEC_PER_HOUR, { " h", "시간" } },
        { USEC_PER_MIN, { " min", "분" } },
        { USEC_PER_SEC, { " s", "초" } },
    };
    int u = 0;
    if (length_us < 0) {
        buf_char(out, '-');
        length_us = length_us == INT64_MIN ? INT64_MAX : -length_us;
    }
    while (u < 3 && length_us < units[u].us)
        u++;
    usec_t small = u < 3 ? units[u + 1].us : units[u].us;
    length_us = usec_add(length_us, small / 2) / small * small;
    if (u > 0 && length_us >= units[u - 1].us) /* 59 min 59.9 s is 1 h */
        u--;
    buf_i64(out, length_us / units[u].us);
    buf_c(out, units[u].name[language]);
    if (u < 3 && length_us % units[u].us >= units[u + 1].us) {
        buf_char(out, ' ');
        buf_i64(out, length_us % units[u].us / units[u + 1].us);
        buf_c(out, units[u + 1].name[language]);
    }
}
