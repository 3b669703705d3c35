/* tariff.c - see tariff.h. */
#include "energy/tariff.h"

#include <string.h>

#include "cal/civil.h"

#define NO_PRICE  INT64_MIN

static const char *const weekdays[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

/* The next word of a line; blanks are spaces and tabs. */
static struct str word_of(struct str *rest)
{
    size_t n = 0;
    *rest = str_trim(*rest);
    while (n < rest->len && rest->ptr[n] != ' ' && rest->ptr[n] != '\t')
        n++;
    struct str word = str_slice(*rest, 0, n);
    *rest = str_trim(str_slice(*rest, n, rest->len));
    return word;
}

/* "6-8", "11,12,1,2", "11-2": a set of 1..12. */
static bool months_of(struct str s, uint32_t *ret)
{
    struct str piece;
    *ret = 0;
    while (str_next(&s, ',', &piece)) {
        ptrdiff_t dash = str_find(piece, '-');
        uint64_t from, until;
        if (str_u64(dash < 0 ? piece : str_slice(piece, 0, (size_t)dash), &from) < 0)
            return false;
        until = from;
        if (dash >= 0 && str_u64(str_slice(piece, (size_t)dash + 1, piece.len), &until) < 0)
            return false;
        if (from < 1 || from > 12 || until < 1 || until > 12)
            return false;
        for (uint64_t m = from;; m = m % 12 + 1) {
            *ret |= 1u << (m - 1);
            if (m == until)
                break;
        }
    }
    return *ret != 0;
}

static int weekday_of(struct str s)
{
    for (int i = 0; i < 7; i++)
        if (str_is_nocase(s, weekdays[i]))
            return i;
    return -1;
}

static bool days_of(struct str s, uint32_t *ret)
{
    struct str piece;
    *ret = 0;
    if (str_is_nocase(s, "daily")) {
        *ret = 0x7f;
        return true;
    }
    while (str_next(&s, ',', &piece)) {
        ptrdiff_t dash = str_find(piece, '-');
        int from = weekday_of(dash < 0 ? piece : str_slice(piece, 0, (size_t)dash));
        int until = dash < 0 ? from : weekday_of(str_slice(piece, (size_t)dash + 1, piece.len));
        if (from < 0 || until < 0)
            return false;
        for (int d = from;; d = (d + 1) % 7) {
            *ret |= 1u << d;
            if (d == until)
                break;
        }
    }
    return *ret != 0;
}

/* "22-08": a set of hours 0..23. */
static bool hours_of(struct str s, uint32_t *ret)
{
    ptrdiff_t dash = str_find(s, '-');
    uint64_t from, until;
    if (dash < 0 || str_u64(str_slice(s, 0, (size_t)dash), &from) < 0
        || str_u64(str_slice(s, (size_t)dash + 1, s.len), &until) < 0 || from > 23 || until > 24
        || from == until)
        return false;
    *ret = 0;
    for (uint64_t h = from; h != until && h % 24 != until; h = (h + 1) % 24) {
        *ret |= 1u << h;
        if (h == 23 && until == 24)
            break;
    }
    return true;
}

/* "163.8" in thousandths. */
static bool price_of(struct str s, int64_t *ret)
{
    bool minus = s.len > 0 && s.ptr[0] == '-';
    struct str digits = minus ? str_slice(s, 1, s.len) : s;
    ptrdiff_t dot = str_find(digits, '.');
    uint64_t whole, part = 0;
    struct str after = dot < 0 ? (struct str){ 0 } : str_slice(digits, (size_t)dot + 1, digits.len);
    if (str_u64(dot < 0 ? digits : str_slice(digits, 0, (size_t)dot), &whole) < 0 || after.len > 3
        || (dot >= 0 && str_u64(after, &part) < 0) || whole > UINT32_MAX)
        return false;
    for (size_t i = after.len; i < 3; i++)
        part *= 10;
    *ret = (int64_t)(whole * 1000 + part) * (minus ? -1 : 1);
    return true;
}

/* "2026-04-16" as 20260416. */
static bool date_of(struct str s, uint32_t *ret)
{
    uint64_t year, month, day;
    if (s.len != 10 || s.ptr[4] != '-' || s.ptr[7] != '-' || str_u64(str_slice(s, 0, 4), &year) < 0
        || str_u64(str_slice(s, 5, 7), &month) < 0 || str_u64(str_slice(s, 8, 10), &day) < 0
        || month < 1 || month > 12 || day < 1 || day > (uint64_t)civil_month_days((int)year, (int)month))
        return false;
    *ret = (uint32_t)(year * 10000 + month * 100 + day);
    return true;
}

static void keep(char *to, size_t size, struct str s)
{
    size_t n = s.len < size ? s.len : size - 1;
    memcpy(to, s.ptr, n);
    to[n] = '\0';
}

#define HOURS (12 * 7 * 24) /* of months and weekdays */

/* Which line of the last block each hour has its price from; each line has at least one. */
struct origin {
    uint16_t of[HOURS];          /* 0: none yet, else a place in: */
    uint16_t hours[HOURS + 1];   /* how many a line has */
    uint32_t line[HOURS + 1];    /* its number in the text */
    uint16_t n;
};

/* The hour gets its price from the newest line.  A line that loses its last hour says something that is never true: a
 * slip, most likely a general line below its exceptions. */
static int origin_take(struct origin *o, int hour, struct err *err)
{
    uint16_t was = o->of[hour];
    o->of[hour] = o->n;
    o->hours[o->n]++;
    if (was == 0 || --o->hours[was] > 0)
        return 0;
    return err_set(err, E_INVALID, "Line %u of the tariff has no effect: line %u gives the last of its hours another "
                   "price. Write general lines first, their exceptions below.", o->line[was], o->line[o->n]);
}

static int read_from(struct tariff *t, struct origin *o, struct str rest, uint32_t line, struct err *err)
{
    uint32_t date;
    if (!date_of(rest, &date))
        return err_set(err, E_INVALID, "Line %u of the tariff: \"from\" needs a date such as 2026-04-16.",
                       line);
    if (t->blocks_n == TARIFF_BLOCKS_MAX)
        return err_set(err, E_TOO_LARGE, "Line %u of the tariff: there are more than %d dates.", line,
                       TARIFF_BLOCKS_MAX);
    if (t->blocks_n && t->block[t->blocks_n - 1].from_date >= date)
        return err_set(err, E_INVALID, "Line %u of the tariff: its date is not after the one before.",
                       line);
    struct tariff_block *b = &t->block[t->blocks_n++];
    b->from_date = date;
    memset(o, 0, sizeof *o);
    for (int i = 0; i < HOURS; i++)
        b->price_milli[i / (7 * 24)][i / 24 % 7][i % 24] = NO_PRICE;
    return 0;
}

static int read_prices(struct tariff *t, struct origin *o, struct str first, struct str rest, uint32_t line,
                       struct err *err)
{
    uint32_t months, days, hours;
    int64_t price;
    int r = 0;
    struct str day_word = word_of(&rest), hour_word = word_of(&rest), price_word = word_of(&rest);
    if (t->blocks_n == 0)
        return err_set(err, E_INVALID, "Line %u of the tariff: a \"from DATE\" must come before prices.",
                       line);
    if (!months_of(first, &months) || !days_of(day_word, &days) || !hours_of(hour_word, &hours)
        || !price_of(price_word, &price) || rest.len)
        return err_set(err, E_INVALID, "Line %u of the tariff should be months, weekdays, hours and a "
                       "price, such as \"6-8 mon-fri 08-15 163.8\".", line);
    if (price > TARIFF_KWH_MOST_MILLI || price < -TARIFF_KWH_MOST_MILLI)
        return err_set(err, E_TOO_LARGE, "Line %u of the tariff: a kWh costs at most %d of the currency, either way.", line,
                       TARIFF_KWH_MOST_MILLI / 1000);
    o->line[++o->n] = line;
    for (int i = 0; i < HOURS && r == 0; i++) {
        int m = i / (7 * 24), d = i / 24 % 7, h = i % 24;
        if (!(months >> m & 1 && days >> d & 1 && hours >> h & 1))
            continue;
        t->block[t->blocks_n - 1].price_milli[m][d][h] = price;
        r = origin_take(o, i, err);
    }
    return r;
}

static int gaps(const struct tariff *t, struct err *err)
{
    for (uint32_t i = 0; i < t->blocks_n; i++) {
        uint32_t date = t->block[i].from_date;
        for (int m = 0; m < 12; m++)
            for (int d = 0; d < 7; d++)
                for (int h = 0; h < 24; h++)
                    if (t->block[i].price_milli[m][d][h] == NO_PRICE)
                        return err_set(err, E_INVALID, "The tariff from %04u-%02u-%02u has no price for "
                                       "month %d, %s, %02d:00.", date / 10000, date / 100 % 100,
                                       date % 100, m + 1, weekdays[d], h);
    }
    return 0;
}

int tariff_parse(struct str text, struct tariff *ret, struct err *err)
{
    static const struct tariff empty;
    struct origin origin = { .n = 0 };
    struct str line;
    uint32_t number = 0;
    int r = 0;
    *ret = empty;
    if (text.len > TARIFF_TEXT_MAX)
        return err_set(err, E_TOO_LARGE, "A tariff has at most %d bytes.", TARIFF_TEXT_MAX);
    while (r == 0 && str_next(&text, '\n', &line)) {
        ptrdiff_t hash = str_find(line, '#');
        number++;
        if (hash >= 0)
            line = str_slice(line, 0, (size_t)hash);
        struct str first = word_of(&line);
        if (first.len == 0)
            continue;
        if (str_is(first, "name"))
            keep(ret->name, sizeof(ret->name), line);
        else if (str_is(first, "currency"))
            keep(ret->currency, sizeof(ret->currency), line);
        else if (str_is(first, "source"))
            keep(ret->source, sizeof(ret->source), line);
        else if (str_is(first, "holidays"))
            keep(ret->holidays, sizeof(ret->holidays), line);
        else if (str_is(first, "from"))
            r = read_from(ret, &origin, line, number, err);
        else
            r = read_prices(ret, &origin, first, line, number, err);
    }
    if (r == 0 && (ret->blocks_n == 0 || !ret->currency[0]))
        r = err_set(err, E_INVALID, "A tariff needs a line \"currency\" and one \"from DATE\" with prices.");
    return r == 0 ? gaps(ret, err) : r;
}

int64_t tariff_milli(const struct tariff *t, uint32_t date, uint32_t weekday, uint32_t hour)
{
    uint32_t i = t->blocks_n;
    while (i > 1 && t->block[i - 1].from_date > date)
        i--;
    return t->block[i - 1].price_milli[date / 100 % 100 - 1][weekday][hour];
}

bool tariff_step_add(struct tariff_steps *steps, const struct tariff *t, int64_t from_s, uint32_t date,
                     uint32_t weekday, uint32_t hour)
{
    int64_t price_milli = tariff_milli(t, date, weekday, hour);
    if (steps->n > 0 && steps->at[steps->n - 1].price_milli == price_milli)
        return true;
    if (steps->n == steps->max)
        return false;
    steps->at[steps->n++] = (struct tariff_step){ from_s, price_milli };
    return true;
}
