/* rrule.c - stepping through a rule; see rrule.h.
 *
 * A period (year, month, ..., second) is tried at a time: its days become bits, its times of a day
 * three masks, and the values are the cross product in order, or the BYSETPOS positions in it,
 * found by counting bits rather than by listing values: a year of seconds costs nothing extra.
 * Rules finer than a day jump over months, days, hours and minutes that their BY parts exclude.
 */
#include "cal/rrule.h"

#include <string.h>

struct day_info {
    int year, month, mday;
    int month_days, year_day, year_days; /* year_day from 0 */
    int64_t day;
};

static bool bit64(const uint64_t *words, int n) { return words[n / 64] >> (n % 64) & 1; }
static bool any6(const uint64_t *words)
{
    return words[0] | words[1] | words[2] | words[3] | words[4] | words[5];
}

static bool spend(struct rrule_iter *it, int64_t steps)
{
    it->steps_left -= steps;
    if (it->steps_left < 0)
        it->failed = true;
    return !it->failed;
}

/* ---- which days ---- */

static bool month_day_matches(const struct rrule *r, const struct day_info *d)
{
    if (!(r->month_day | r->month_day_end))
        return true;
    if ((r->month_day >> d->mday & 1) || (r->month_day_end >> (d->month_days - d->mday + 1) & 1))
        return true;
    /* RFC 7529: the 31st of a shorter month is its last day. */
    return r->skip == RRULE_BACKWARD && d->mday == d->month_days && d->mday < 31 &&
           r->month_day >> (d->mday + 1);
}

static bool weekday_matches(const struct rrule_iter *it, const struct day_info *d)
{
    const struct rrule *r = &it->rule;
    enum weekday w = civil_weekday(d->day);
    if (!r->weekday && !r->weekday_n)
        return true;
    if (r->weekday >> w & 1)
        return true;
    if (r->freq < RRULE_MONTHLY)
        return r->nth[w] | r->nth_end[w];
    int n = (it->nth_in_month ? d->mday - 1 : d->year_day) / 7 + 1;
    int end = (it->nth_in_month ? d->month_days - d->mday : d->year_days - 1 - d->year_day) / 7 + 1;
    return (r->nth[w] >> n & 1) || (r->nth_end[w] >> end & 1);
}

/* Everything but BYMONTH, BYMONTHDAY and BYWEEKNO (fill_weeks). */
static bool rest_matches(const struct rrule_iter *it, const struct day_info *d)
{
    const struct rrule *r = &it->rule;
    if ((any6(r->year_day) || any6(r->year_day_end)) && !bit64(r->year_day, d->year_day + 1) &&
        !bit64(r->year_day_end, d->year_days - d->year_day))
        return false;
    return weekday_matches(it, d);
}

static struct day_info day_info(int64_t day)
{
    struct day_info d = { .day = day };
    civil_from_day(day, &d.year, &d.month, &d.mday);
    d.month_days = civil_month_days(d.year, d.month);
    d.year_day = (int)(day - civil_day(d.year, 1, 1));
    d.year_days = civil_year_days(d.year);
    return d;
}

static bool day_matches(const struct rrule_iter *it, int64_t day)
{
    if (!it->filters_days)
        return true;
    struct day_info d = day_info(day);
    return (!it->rule.month || (it->rule.month >> d.month & 1)) &&
           month_day_matches(&it->rule, &d) && rest_matches(it, &d);
}

static void set_day(struct rrule_iter *it, int64_t day)
{
    int64_t n = day - it->day0;
    it->days[n / 64] |= 1ull << (n % 64);
}

/* The matching days of one month, at most 31 days of arithmetic: one step. */
static void fill_month(struct rrule_iter *it, int year, int month)
{
    const struct rrule *r = &it->rule;
    if (r->month && !(r->month >> month & 1))
        return;
    if (!spend(it, 1))
        return;
    struct day_info d = day_info(civil_day(year, month, 1));
    for (; d.mday <= d.month_days; d.mday++, d.day++, d.year_day++)
        if (month_day_matches(r, &d) && rest_matches(it, &d))
            set_day(it, d.day);
    /* RFC 7529: the 31st of a shorter month is the first of the next. */
    if (r->skip == RRULE_FORWARD && d.month_days < 31 && r->month_day >> (d.month_days + 1)) {
        d = day_info(d.day);
        if (rest_matches(it, &d))
            set_day(it, d.day);
    }
}

/* The matching days of the weeks that lie in a year, wholly or in part: a week is never cut at New
 * Year.  What two years share comes out once (values only ascend). */
static void fill_weeks(struct rrule_iter *it, int year)
{
    const struct rrule *r = &it->rule;
    int64_t week1[4]; /* of the year before to two years after: where the numbers start anew */
    int64_t first = civil_day(year, 1, 1), last = civil_day(year, 12, 31);
    if (!spend(it, 12))
        return;
    for (int y = 0; y < 4; y++)
        week1[y] = civil_week1(year - 1 + y, r->week_start);
    int64_t start = first - floor_mod((int)civil_weekday(first) - (int)r->week_start, 7);
    for (int y = 0; start <= last; start += 7) {
        while (start >= week1[y + 1])
            y++;
        int week = (int)((start - week1[y]) / 7) + 1, weeks = (int)((week1[y + 1] - week1[y]) / 7);
        if (!(r->week >> week & 1) && !(r->week_end >> (weeks - week + 1) & 1))
            continue;
        for (int64_t day = start; day < start + 7; day++)
            if (day_matches(it, day))
                set_day(it, day);
    }
}

/* ---- periods ---- */

static int64_t start_week(const struct rrule_iter *it)
{
    int64_t day = civil_day_of(it->start_s);
    return day - floor_mod((int)civil_weekday(day) - (int)it->rule.week_start, 7);
}

static int64_t start_month(const struct rrule_iter *it)
{
    int year, month, mday;
    civil_from_day(civil_day_of(it->start_s), &year, &month, &mday);
    return (int64_t)year * 12 + month - 1;
}

static int64_t unit_s(enum rrule_freq freq)
{
    return freq == RRULE_SECONDLY ? 1 : freq == RRULE_MINUTELY ? 60 : freq == RRULE_HOURLY ? 3600
           : freq == RRULE_DAILY ? CIVIL_DAY_S : 7 * CIVIL_DAY_S;
}

/* Where a period of days or less begins. */
static int64_t period_start_s(const struct rrule_iter *it, int64_t period)
{
    int64_t unit = unit_s(it->rule.freq);
    int64_t origin = it->rule.freq == RRULE_WEEKLY ? start_week(it) * CIVIL_DAY_S
                                                   : floor_div(it->start_s, unit) * unit;
    return origin + period * it->rule.interval * unit;
}

/* The first period, after the present one, that does not begin before at_s. */
static void jump_to(struct rrule_iter *it, int64_t at_s)
{
    int64_t each = unit_s(it->rule.freq) * it->rule.interval;
    int64_t ahead = at_s - period_start_s(it, it->period);
    it->period += ahead > each ? (ahead + each - 1) / each : 1;
}

static int64_t next_month_s(const struct rrule *r, int64_t day)
{
    int year, month, mday;
    civil_from_day(day, &year, &month, &mday);
    do {
        month = month % 12 + 1;
        year += month == 1;
    } while (!(r->month >> month & 1));
    return civil_day(year, month, 1) * CIVIL_DAY_S;
}

/* A period of a day or less: either its day and time masks, or a jump to where it may match. */
static bool load_fine(struct rrule_iter *it)
{
    const struct rrule *r = &it->rule;
    int64_t at = period_start_s(it, it->period), day = civil_day_of(at);
    int of_day = (int)(at - day * CIVIL_DAY_S);
    int hour = of_day / 3600, minute = of_day / 60 % 60, second = of_day % 60;
    if (!day_matches(it, day)) {
        int year, month, mday;
        civil_from_day(day, &year, &month, &mday);
        bool month_out = r->month && !(r->month >> month & 1);
        jump_to(it, month_out ? next_month_s(r, day) : (day + 1) * CIVIL_DAY_S);
        return false;
    }
    if (r->freq <= RRULE_HOURLY && r->hour && !(r->hour >> hour & 1)) {
        jump_to(it, at - of_day % 3600 + 3600);
        return false;
    }
    if (r->freq <= RRULE_MINUTELY && r->minute && !(r->minute >> minute & 1)) {
        jump_to(it, at - second + 60);
        return false;
    }
    it->period++;
    if (r->freq == RRULE_SECONDLY && r->second && !(r->second >> second & 1))
        return false;
    it->day0 = day;
    it->days[0] = 1;
    it->hours = r->freq <= RRULE_HOURLY ? 1u << hour : r->hour;
    it->minutes = r->freq <= RRULE_MINUTELY ? 1ull << minute : r->minute;
    it->seconds = r->freq == RRULE_SECONDLY ? 1ull << second : r->second;
    return true;
}

/* Fill the masks of the present period and go to the next; true if it may hold values.  Sets done
 * when the period lies behind the end. */
static bool load_period(struct rrule_iter *it)
{
    const struct rrule *r = &it->rule;
    int64_t last_day = civil_day_of(it->until_s);
    memset(it->days, 0, sizeof(it->days));
    if (!spend(it, 1))
        return false;
    if (r->freq == RRULE_YEARLY) {
        int64_t year = start_month(it) / 12 + it->period++ * r->interval;
        bool weeks = r->week | r->week_end;
        if (year > CIVIL_YEAR_MAX ||
            (it->day0 = civil_day((int)year, 1, 1) - (weeks ? 6 : 0)) > last_day) {
            it->done = true;
            return false;
        }
        if (weeks)
            fill_weeks(it, (int)year);
        for (int month = 1; !weeks && month <= 12; month++)
            fill_month(it, (int)year, month);
    } else if (r->freq == RRULE_MONTHLY) {
        int64_t month = start_month(it) + it->period++ * r->interval;
        if (month / 12 > CIVIL_YEAR_MAX ||
            (it->day0 = civil_day((int)(month / 12), (int)(month % 12) + 1, 1)) > last_day) {
            it->done = true;
            return false;
        }
        fill_month(it, (int)(month / 12), (int)(month % 12) + 1);
    } else {
        if (period_start_s(it, it->period) > it->until_s) {
            it->done = true;
            return false;
        }
        if (r->freq < RRULE_WEEKLY)
            return load_fine(it);
        it->day0 = civil_day_of(period_start_s(it, it->period++));
        for (int d = 0; d < 7; d++)
            if (day_matches(it, it->day0 + d))
                set_day(it, it->day0 + d);
    }
    it->hours = r->hour;
    it->minutes = r->minute;
    it->seconds = r->second;
    return true;
}

/* ---- values of a period ---- */

static int next_bit(uint64_t mask, int from)
{
    mask = from < 64 ? mask >> from : 0;
    return mask ? from + __builtin_ctzll(mask) : -1;
}

static int next_day(const struct rrule_iter *it, int from)
{
    for (int w = from / 64; w < 7; w++) {
        int bit = next_bit(it->days[w], w == from / 64 ? from % 64 : 0);
        if (bit >= 0)
            return w * 64 + bit;
    }
    return -1;
}

static int nth_bit(uint64_t mask, uint32_t n)
{
    while (n-- > 0)
        mask &= mask - 1;
    return __builtin_ctzll(mask);
}

static int nth_day(const struct rrule_iter *it, uint32_t n)
{
    for (int w = 0;; w++) {
        uint32_t here = (uint32_t)__builtin_popcountll(it->days[w]);
        if (n < here)
            return w * 64 + nth_bit(it->days[w], n);
        n -= here;
    }
}

/* The BYSETPOS positions that exist in this period, ascending: a merge of those counted from the
 * front and those from the end. */
static void load_positions(struct rrule_iter *it)
{
    int64_t total = 0, front = 1, end = 366;
    for (int w = 0; w < 7; w++)
        total += __builtin_popcountll(it->days[w]);
    total *= (int64_t)__builtin_popcount(it->hours) * __builtin_popcountll(it->minutes) *
             __builtin_popcountll(it->seconds);
    it->n_pos = it->at_pos = 0;
    for (;;) {
        while (front <= 366 && !bit64(it->rule.setpos, (int)front))
            front++;
        while (end > 0 && (!bit64(it->rule.setpos_end, (int)end) || end > total))
            end--;
        int64_t a = front <= 366 && front <= total ? front - 1 : INT64_MAX;
        int64_t b = end > 0 ? total - end : INT64_MAX;
        if (a == INT64_MAX && b == INT64_MAX)
            break;
        it->pos[it->n_pos++] = (uint32_t)(a < b ? a : b);
        front += a <= b;
        end -= b <= a;
    }
    spend(it, 4 + it->n_pos / 8);
}

/* Begin with the values that are not before low_s, so that nothing is listed to be thrown away. */
static void load_cursor(struct rrule_iter *it)
{
    int64_t low_day = civil_day_of(it->low_s);
    int of_day = (int)floor_mod(it->low_s, CIVIL_DAY_S);
    bool inside = low_day >= it->day0;
    bool beyond = low_day - it->day0 >= 7 * 64;
    it->day = beyond ? 7 * 64 : inside ? (int)(low_day - it->day0) : 0;
    it->hour = inside && !beyond ? of_day / 3600 : 0;
    it->minute = inside && !beyond ? of_day / 60 % 60 : 0;
    it->second = inside && !beyond ? of_day % 60 : 0;
    int day = next_day(it, it->day);
    if (day != it->day)
        it->hour = it->minute = it->second = 0;
    it->day = day;
}

static int64_t value_of(const struct rrule_iter *it, int day, int hour, int minute, int second)
{
    return (it->day0 + day) * CIVIL_DAY_S + hour * 3600 + minute * 60 + second;
}

/* The next of the cross product days x hours x minutes x seconds; false when the period is over. */
static bool next_of_product(struct rrule_iter *it, int64_t *ret)
{
    while (it->day >= 0) {
        int hour = next_bit(it->hours, it->hour);
        if (hour != it->hour)
            it->minute = it->second = 0;
        if (hour < 0) {
            it->day = next_day(it, it->day + 1);
            it->hour = 0;
            continue;
        }
        it->hour = hour;
        int minute = next_bit(it->minutes, it->minute);
        if (minute != it->minute)
            it->second = 0;
        if (minute < 0) {
            it->hour++;
            it->minute = 0;
            continue;
        }
        it->minute = minute;
        int second = next_bit(it->seconds, it->second);
        if (second < 0) {
            it->minute++;
            it->second = 0;
            continue;
        }
        *ret = value_of(it, it->day, hour, minute, second);
        it->second = second + 1;
        return true;
    }
    return false;
}

static bool next_of_positions(struct rrule_iter *it, int64_t *ret)
{
    uint32_t minutes = (uint32_t)__builtin_popcountll(it->minutes);
    uint32_t seconds = (uint32_t)__builtin_popcountll(it->seconds);
    uint32_t per_day = (uint32_t)__builtin_popcount(it->hours) * minutes * seconds;
    if (it->at_pos == it->n_pos)
        return false;
    uint32_t pos = it->pos[it->at_pos++], of_day = pos % per_day;
    *ret = value_of(
        it, nth_day(it, pos / per_day), nth_bit(it->hours, of_day / (minutes * seconds)),
        nth_bit(it->minutes, of_day / seconds % minutes), nth_bit(it->seconds, of_day % seconds));
    return true;
}

/* ---- the iterator ---- */

/* What the start implies where the rule is silent (RFC 5545: "information ... is taken from
 * DTSTART"). */
static void fill_in(struct rrule *r, struct civil start)
{
    bool days = r->month_day | r->month_day_end || any6(r->year_day) || any6(r->year_day_end) ||
                r->weekday || r->weekday_n;
    bool weeks = r->week | r->week_end;
    uint8_t weekday = (uint8_t)(1u << civil_weekday(civil_day(start.year, start.month, start.day)));
    if (r->freq == RRULE_WEEKLY && !days)
        r->weekday = weekday;
    else if (r->freq == RRULE_YEARLY && weeks && !days)
        r->weekday = weekday;
    else if (r->freq >= RRULE_MONTHLY && !days)
        r->month_day = 1u << start.day;
    /* A day of the month alone in a yearly rule is in the month of the start, as its hour would be:
     * a birthday, not twelve a year. */
    if (r->freq == RRULE_YEARLY && !weeks && !r->month && !r->weekday && !r->weekday_n &&
        !any6(r->year_day) && !any6(r->year_day_end))
        r->month = 1u << start.month;
    if (r->freq > RRULE_HOURLY && !r->hour)
        r->hour = 1u << start.hour;
    if (r->freq > RRULE_MINUTELY && !r->minute)
        r->minute = 1ull << start.minute;
    if (r->freq > RRULE_SECONDLY && !r->second)
        r->second = 1ull << start.second;
}

int rrule_begin(struct rrule_iter *it, const struct rrule *rule, int64_t start_s, bool all_day,
                int64_t until_s, int64_t steps, struct err *err)
{
    if (all_day && rule->freq < RRULE_DAILY)
        return err_set(err, E_INVALID,
                       "An all-day event cannot recur by hours, minutes or seconds.");
    memset(it, 0, sizeof(*it));
    it->rule = *rule;
    if (all_day) { /* Google and Outlook leave BYHOUR in rules of events that became all-day */
        it->rule.hour = 1;
        it->rule.minute = it->rule.second = 1;
    }
    fill_in(&it->rule, civil_from_local_s(start_s));
    const struct rrule *r = &it->rule;
    it->nth_in_month = rule->freq == RRULE_MONTHLY || rule->month;
    it->has_setpos = any6(r->setpos) || any6(r->setpos_end);
    it->filters_days = r->month | r->month_day | r->month_day_end || any6(r->year_day) ||
                       any6(r->year_day_end) || r->weekday || r->weekday_n;
    it->start_s = it->low_s = start_s;
    it->last_s = INT64_MIN;
    it->until_s = civil_day(CIVIL_YEAR_MAX, 12, 31) * CIVIL_DAY_S;
    if (until_s < it->until_s)
        it->until_s = until_s;
    if (r->until_kind != RRULE_UNTIL_NONE && r->until_s < it->until_s)
        it->until_s = r->until_s;
    it->steps_left = steps;
    return 0;
}

void rrule_seek(struct rrule_iter *it, int64_t from_s)
{
    const struct rrule *r = &it->rule;
    if (r->count || from_s <= it->low_s || it->loaded)
        return;
    it->low_s = from_s;
    if (r->freq >= RRULE_MONTHLY) {
        int year, month, mday;
        civil_from_day(civil_day_of(from_s), &year, &month, &mday);
        int64_t ahead = r->freq == RRULE_YEARLY ? year - start_month(it) / 12
                                                : (int64_t)year * 12 + month - 1 - start_month(it);
        it->period =
            ahead / r->interval - 1; /* one back: SKIP=FORWARD and weeks reach into the next */
    } else {
        it->period = (from_s - period_start_s(it, 0)) / (unit_s(r->freq) * r->interval) - 1;
    }
    if (it->period < 0)
        it->period = 0;
}

int rrule_next(struct rrule_iter *it, int64_t *ret_local_s)
{
    int64_t value = 0;
    for (;;) {
        if (it->failed)
            return E_LIMIT;
        if (it->done || (it->rule.count && it->given >= it->rule.count))
            return 0;
        if (!it->loaded) {
            if (!load_period(it))
                continue;
            it->loaded = true;
            if (it->has_setpos)
                load_positions(it);
            else
                load_cursor(it);
            continue;
        }
        if (!(it->has_setpos ? next_of_positions(it, &value) : next_of_product(it, &value))) {
            it->loaded = false;
            continue;
        }
        if (!spend(it, 1) || value < it->low_s || value <= it->last_s)
            continue;
        if (value > it->until_s) {
            it->done = true;
            continue;
        }
        it->last_s = value;
        it->given++;
        *ret_local_s = value;
        return 1;
    }
}

void rrule_uncount(struct rrule_iter *it)
{
    if (it->given > 0)
        it->given--;
}
