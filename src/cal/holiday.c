/* holiday.c - see holiday.h. */
#include "cal/holiday.h"

#include "cal/civil.h"
#include "cal/shown.h"

static const char *const words[HOLIDAY_KINDS] = { "public", "substitute", "election", "temporary" };

const char *holiday_word(enum holiday_kind kind)
{
    return kind < HOLIDAY_KINDS ? words[kind] : "";
}

static bool read_number(struct str s, size_t from, size_t until, int *ret)
{
    uint64_t n;
    if (str_u64(str_slice(s, from, until), &n) < 0)
        return false;
    *ret = (int)n;
    return true;
}

/* "2026-12-25" */
static bool read_day(struct str s, int64_t *ret)
{
    struct civil c = { 0 };
    if (s.len != 10 || s.ptr[4] != '-' || s.ptr[7] != '-' || !read_number(s, 0, 4, &c.year) ||
        !read_number(s, 5, 7, &c.month) || !read_number(s, 8, 10, &c.day) || !civil_valid(c))
        return false;
    *ret = civil_day(c.year, c.month, c.day);
    return true;
}

static bool read_kind(struct str word, enum holiday_kind *ret)
{
    for (unsigned i = 0; i < HOLIDAY_KINDS; i++)
        if (str_is(word, words[i])) {
            *ret = (enum holiday_kind)i;
            return true;
        }
    return false;
}

static bool read_known(struct str rest, struct holidays *h)
{
    struct str from, until;
    return str_next(&rest, ' ', &from) && str_next(&rest, ' ', &until) && rest.len == 0 &&
           read_day(from, &h->known_from_day) && read_day(until, &h->known_until_day) &&
           h->known_from_day <= h->known_until_day;
}

static bool read_holiday(struct str word, struct str rest, struct holiday *ret)
{
    struct str kind;
    if (!read_day(word, &ret->day) || !str_next(&rest, ' ', &kind) || !read_kind(kind, &ret->kind))
        return false;
    ret->name = str_trim(rest);
    return ret->name.len > 0;
}

static void sort_last(struct holidays *h)
{
    struct holiday last = h->days[h->n - 1];
    size_t i = h->n - 1;
    for (; i > 0 && h->days[i - 1].day > last.day; i--)
        h->days[i] = h->days[i - 1];
    h->days[i] = last;
}

/* One line that is not empty; false: it cannot be read. */
static bool read_line(struct str line, struct holidays *h, size_t cap)
{
    struct str word, rest = line;
    if (!str_next(&rest, ' ', &word))
        return false;
    rest = str_trim(rest);
    if (str_is(word, "zone")) {
        h->zone = rest;
        return rest.len > 0;
    }
    if (str_is(word, "known"))
        return read_known(rest, h);
    if (h->n == cap || !read_holiday(word, rest, &h->days[h->n]))
        return false;
    h->n++;
    sort_last(h);
    return true;
}

int holidays_parse(struct str text, struct holiday *days, size_t cap, struct holidays *ret,
                   struct err *err)
{
    struct holidays h = { .days = days, .known_from_day = 1 };
    struct str line;
    for (unsigned number = 1; str_next(&text, '\n', &line); number++) {
        line = str_trim(line);
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        struct shown said = shown(line);
        if (!read_line(line, &h, cap))
            return err_set(err, E_INVALID,
                           "Line %u of the holidays, \"%.*s\", is none; write \"2026-12-25 public "
                           "Christmas\", \"zone Asia/Seoul\" or \"known 2026-01-01 2026-12-31\".",
                           number, SHOWN_ARG(said));
    }
    if (h.zone.len == 0 || h.known_from_day > h.known_until_day)
        return err_set(err, E_INVALID,
                       "The list of holidays needs a line \"zone\" and a line \"known\".");
    *ret = h;
    return 0;
}

static size_t first_from(const struct holidays *h, int64_t day)
{
    size_t low = 0, high = h->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (h->days[middle].day < day)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool holiday_on(const struct holidays *h, int64_t day, enum holiday_use use)
{
    for (size_t i = first_from(h, day); i < h->n && h->days[i].day == day; i++)
        if (use == HOLIDAY_FOR_PEOPLE || h->days[i].kind != HOLIDAY_TEMPORARY)
            return true;
    return false;
}

size_t holidays_busy(const struct holidays *h, const struct zone *zone, struct span window,
                     struct busy *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n && n < cap; i++) {
        int64_t local_s = h->days[i].day * CIVIL_DAY_S;
        struct busy b = { zone_edge_utc_s(zone, local_s) * USEC_PER_SEC,
                          zone_edge_utc_s(zone, local_s + CIVIL_DAY_S) * USEC_PER_SEC, CAL_AWAY };
        if (b.until_at <= window.from_at || b.from_at >= window.until_at)
            continue;
        if (n > 0 && out[n - 1].until_at >= b.from_at)
            out[n - 1].until_at = b.until_at;
        else
            out[n++] = b;
    }
    return n;
}
