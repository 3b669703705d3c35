/* text.c - see text.h. */
#include "i18n/text.h"

static const char *const days[LANG_COUNT][7] = {
    { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" },
    { "일", "월", "화", "수", "목", "금", "토" },
};

static void two_digits(struct buf *out, unsigned value)
{
    buf_char(out, (char)('0' + value / 10 % 10));
    buf_char(out, (char)('0' + value % 10));
}

void text_duration(struct buf *out, enum lang lang, usec_t length_us)
{
    static const struct {
        usec_t us;
        const char *name[LANG_COUNT];
    } units[] = {
        { USEC_PER_DAY, { "d", "일" } },
        { USEC_PER_HOUR, { "h", "시간" } },
        { USEC_PER_MIN, { "m", "분" } },
        { USEC_PER_SEC, { "s", "초" } },
    };
    const size_t last = sizeof units / sizeof units[0] - 1;
    if (length_us == USEC_NEVER) {
        buf_c(out, tr(lang, "no limit"));
        return;
    }
    if (length_us < 0) {
        buf_char(out, '-');
        length_us = length_us == INT64_MIN ? INT64_MAX : -length_us;
    }
    size_t i = 0;
    while (i < last && length_us < units[i].us)
        i++;
    buf_i64(out, length_us / units[i].us);
    buf_c(out, units[i].name[lang]);
    usec_t rest = i < last ? length_us % units[i].us / units[i + 1].us : 0;
    if (rest > 0) {
        buf_char(out, ' ');
        buf_i64(out, rest);
        buf_c(out, units[i + 1].name[lang]);
    }
}

void text_number(struct buf *out, int64_t value)
{
    char digits[20];
    size_t n = 0;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        digits[n++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        buf_char(out, '-');
    while (n-- > 0) {
        buf_char(out, digits[n]);
        if (n > 0 && n % 3 == 0)
            buf_char(out, ',');
    }
}

void text_krw(struct buf *out, enum lang lang, int64_t mkrw)
{
    int64_t won = mkrw / 1000;
    int64_t rest = mkrw % 1000;
    if (rest >= 500)
        won++;
    else if (rest <= -500)
        won--;
    text_number(out, won);
    buf_c(out, lang == LANG_KO ? "원" : " won");
}

void text_mib(struct buf *out, uint64_t mib)
{
    static const char *const names[] = { " MiB", " GiB", " TiB" };
    size_t unit = 0;
    uint64_t scale = 1;
    while (unit < 2 && mib / scale >= 1024) {
        scale *= 1024;
        unit++;
    }
    buf_u64(out, mib / scale);
    uint64_t tenths = mib % scale * 10 / scale;
    if (tenths > 0) {
        buf_char(out, '.');
        buf_u64(out, tenths);
    }
    buf_c(out, names[unit]);
}

void text_watts(struct buf *out, uint32_t watts)
{
    uint32_t tenths = (watts + 50) / 100;
    if (watts < 1000) {
        buf_u64(out, watts);
        buf_c(out, " W");
        return;
    }
    buf_u64(out, tenths / 10);
    if (tenths % 10) {
        buf_char(out, '.');
        buf_u64(out, tenths % 10);
    }
    buf_c(out, " kW");
}

/* Days since 1970 to year, month, day: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
 * civil_from_days: years begin in March, so that the leap day is the last. */
struct text_civil text_civil_of(usec_t at, int32_t utc_offset_s)
{
    usec_t local = usec_add(at, utc_offset_s * USEC_PER_SEC);
    int64_t day_n = local / USEC_PER_DAY - (local % USEC_PER_DAY < 0);
    int64_t second = (local - day_n * USEC_PER_DAY) / USEC_PER_SEC;
    int64_t shifted = day_n + 719468; /* since 0000-03-01 */
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0: March */
    struct text_civil c = {
        .year = (int32_t)(year + era * 400 + (month >= 10)),
        .month = (uint8_t)(month < 10 ? month + 3 : month - 9),
        .day = (uint8_t)(day_of_year - (153 * month + 2) / 5 + 1),
        .weekday = (uint8_t)(((day_n + 4) % 7 + 7) % 7),
        .hour = (uint8_t)(second / 3600),
        .minute = (uint8_t)(second / 60 % 60),
        .second = (uint8_t)(second % 60),
    };
    return c;
}

static void put_date(struct buf *out, enum lang lang, const struct text_civil *c, bool year)
{
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    if (lang == LANG_KO) {
        if (year) {
            buf_i64(out, c->year);
            buf_c(out, "년 ");
        }
        buf_u64(out, c->month);
        buf_c(out, "월 ");
        buf_u64(out, c->day);
        buf_c(out, "일 (");
        buf_c(out, days[LANG_KO][c->weekday]);
        buf_char(out, ')');
        return;
    }
    buf_c(out, days[LANG_EN][c->weekday]);
    buf_char(out, ' ');
    buf_u64(out, c->day);
    buf_char(out, ' ');
    buf_c(out, months[c->month - 1]);
    if (year) {
        buf_char(out, ' ');
        buf_i64(out, c->year);
    }
}

void text_when(struct buf *out, enum lang lang, usec_t at, int32_t utc_offset_s,
               enum text_when form)
{
    struct text_civil c = text_civil_of(at, utc_offset_s);
    if (form == TEXT_DAY_TIME)
        buf_c(out, days[lang][c.weekday]);
    else if (form != TEXT_TIME)
        put_date(out, lang, &c, form == TEXT_FULL);
    if (form == TEXT_DATE)
        return;
    if (form != TEXT_TIME)
        buf_char(out, ' ');
    two_digits(out, c.hour);
    buf_char(out, ':');
    two_digits(out, c.minute);
}
