/* powercap.c - see powercap.h. */
#include "energy/powercap.h"

#include <string.h>

#include "cal/civil.h"

#define MOST_MW   INT64_C(1000000000)
#define QUARTER_S 900

/* "6 kW", "4.5kW", "4500 W" at the beginning of *rest, which is what follows. */
static bool power_of(struct str *rest, int64_t *ret_mw)
{
    struct str s = str_trim(*rest);
    uint64_t whole = 0, part = 0;
    size_t n = 0, dot = 0;
    while (n < s.len && ((s.ptr[n] >= '0' && s.ptr[n] <= '9') || (s.ptr[n] == '.' && !dot && n > 0))) {
        dot = s.ptr[n] == '.' ? n : dot;
        n++;
    }
    struct str digits = str_slice(s, 0, n), after = str_trim(str_slice(s, n, s.len));
    struct str behind = dot ? str_slice(digits, dot + 1, n) : (struct str){ 0 };
    if (n == 0 || str_u64(dot ? str_slice(digits, 0, dot) : digits, &whole) < 0 || whole > 1000000 || behind.len > 3 ||
        (dot && str_u64(behind, &part) < 0))
        return false;
    for (size_t i = behind.len; i < 3; i++)
        part *= 10;
    size_t word = 0;
    while (word < after.len && after.ptr[word] != ' ' && after.ptr[word] != '\t')
        word++;
    bool kilo = str_is_nocase(str_slice(after, 0, word), "kW");
    if (!kilo && !str_is_nocase(str_slice(after, 0, word), "W"))
        return false;
    *ret_mw = (int64_t)(whole * 1000 + part) * (kilo ? 1000 : 1);
    *rest = str_trim(str_slice(after, word, after.len));
    return *ret_mw >= 1000 && *ret_mw <= MOST_MW;
}

int powercap_parse(struct str text, struct powercap *ret, struct err *err)
{
    struct powercap p = { 0 };
    struct str entry;
    for (bool first = true; str_next(&text, ';', &entry); first = false) {
        int64_t mw;
        struct err why = { .translate = err ? err->translate : NULL };
        if (!power_of(&entry, &mw) || first != (entry.len == 0))
            return err_set(err, E_INVALID, "A power cap is written as 6 kW, or with others for some hours as 6 kW; 4 kW "
                           "Mon-Fri 10:00-18:00, from 1 W to 1000 kW.");
        if (first) {
            p.base_mw = mw;
            continue;
        }
        if (p.n == POWERCAP_PARTS_MAX)
            return err_set(err, E_TOO_LARGE, "A power cap has at most %d entries with hours.", POWERCAP_PARTS_MAX);
        p.part[p.n].mw = mw;
        if (hours_parse(entry, &p.part[p.n].hours, &why) < 0)
            return err_set(err, E_INVALID, "The hours of a power cap cannot be used: %s", why.text);
        p.n++;
    }
    if (p.base_mw == 0)
        return err_set(err, E_INVALID, "A power cap is written as 6 kW, or with others for some hours as 6 kW; 4 kW "
                       "Mon-Fri 10:00-18:00, from 1 W to 1000 kW.");
    *ret = p;
    return 0;
}

/* Of this day, or of the day before if its hours go over midnight. */
static bool within(const struct hours *h, int64_t local_s)
{
    int64_t day = civil_day_of(local_s), minute = floor_mod(local_s, CIVIL_DAY_S) / 60;
    for (int back = 0; back < 2; back++, minute += 24 * 60) {
        uint32_t weekday = (uint32_t)civil_weekday(day - back);
        for (unsigned i = 0; i < h->day[weekday].n; i++)
            if (minute >= h->day[weekday].span[i].from_min && minute < h->day[weekday].span[i].until_min)
                return true;
    }
    return false;
}

int64_t powercap_mw(const struct powercap *p, const struct zone *zone, int64_t at_s)
{
    int64_t local_s = zone_to_local_s(zone, at_s);
    for (uint32_t i = p->n; i-- > 0;)
        if (within(&p->part[i].hours, local_s))
            return p->part[i].mw;
    return p->base_mw;
}

int64_t powercap_steps(const struct powercap *p, const struct zone *zone, int64_t from_s, int64_t until_s,
                       struct tariff_steps *steps)
{
    for (; from_s < until_s; from_s += QUARTER_S) {
        int64_t mw = powercap_mw(p, zone, from_s);
        if (steps->n > 0 && steps->at[steps->n - 1].price_milli == mw)
            continue;
        if (steps->n == steps->max)
            return from_s;
        steps->at[steps->n++] = (struct tariff_step){ from_s, mw };
    }
    return until_s;
}
