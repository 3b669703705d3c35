/* rules.c - see rules.h. */
#include "test/lib/rules.h"

#include <libical/ical.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cal/ics.h"
#include "cal/rrule.h"

uint64_t rule_below(struct rule_luck *l, uint64_t n)
{
    if (l->prng)
        return prng_below(l->prng, n);
    uint64_t value = 0;
    for (uint64_t reach = 1; reach < n && l->left > 0; reach *= 256, l->left--)
        value = value * 256 + *l->bytes++;
    return value % n;
}

static const char *const freqs[] = { "SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY",
                                     "YEARLY" };
static const char *const days[] = { "MO", "TU", "WE", "TH", "FR", "SA", "SU" };

/* Sorted and each value once: libical 3.0 does neither for BYHOUR, BYMINUTE and BYSECOND. */
static void list(struct rule_luck *luck, struct buf *b, const char *part, int low, int high,
                 unsigned most, bool negative)
{
    bool set[800] = { false };
    bool first = true;
    for (unsigned n = 1 + (unsigned)rule_below(luck, most); n > 0; n--) {
        int value = low + (int)rule_below(luck, (uint64_t)(high - low + 1));
        set[400 + (negative && rule_below(luck, 4) == 0 ? -value : value)] = true;
    }
    buf_printf(b, ";%s=", part);
    for (int i = 0; i < 800; i++) {
        if (!set[i])
            continue;
        if (!first)
            buf_char(b, ',');
        first = false;
        buf_i64(b, i - 400);
    }
}

static void weekdays(struct rule_luck *luck, struct buf *b, bool ordinals, int most)
{
    unsigned set = 1 + (unsigned)rule_below(luck, 127);
    bool first = true;
    buf_c(b, ";BYDAY=");
    for (int d = 0; d < 7; d++) {
        if (!(set >> d & 1))
            continue;
        if (!first)
            buf_char(b, ',');
        first = false;
        if (ordinals)
            buf_i64(b, (rule_below(luck, 3) == 0 ? -1 : 1) *
                           (1 + (int64_t)rule_below(luck, (uint64_t)most)));
        buf_c(b, days[d]);
    }
}

/* Left out, because libical 3.0.16 has it wrong (our answers to these are tables in rrule.txt):
 *   - BYSETPOS below MONTHLY, and together with parts of the time of day: it counts days only;
 *   - negative BYMONTHDAY below MONTHLY: ignored;
 *   - the part of the same name as FREQ (MINUTELY and BYMINUTE): values repeat, the interval is
 * lost;
 *   - BYYEARDAY together with BYMONTH: gives nothing;
 *   - negative BYMONTHDAY or BYYEARDAY together with BYSETPOS: they are not put in order first;
 *   - WEEKLY with INTERVAL and a WKST behind Monday: a first week that began before the start is
 * lost;
 *   - SECONDLY with days or hours excluded: gives up after 1,000 steps. */
void rules_make(struct rule_luck *luck, struct buf *b)
{
    unsigned freq = (unsigned)rule_below(luck, 7);
    bool coarse = freq >= 5, times = false, month = false;
    bool positions = coarse && rule_below(luck, 3) == 0;
    buf_printf(b, "FREQ=%s", freqs[freq]);
    if (rule_below(luck, 2))
        buf_printf(b, ";INTERVAL=%u", 1 + (unsigned)rule_below(luck, 5));
    if (freq > 0 && rule_below(luck, 3) == 0)
        list(luck, b, "BYMONTH", 1, 12, 4, false), month = true;
    unsigned which = freq > 0 ? (unsigned)rule_below(luck, 5) : 5;
    if (which == 0 && freq != 4)
        list(luck, b, "BYMONTHDAY", 1, 31, 4, coarse && !positions);
    else if (which == 1)
        weekdays(luck, b, coarse && rule_below(luck, 2), 4);
    else if (which == 2 && freq == 6 && !month)
        list(luck, b, "BYYEARDAY", 1, 366, 4, !positions);
    if (freq > 0 && freq != 2 && rule_below(luck, 4) == 0)
        list(luck, b, "BYHOUR", 0, 23, 3, false), times = true;
    if (freq > 1 && rule_below(luck, 4) == 0)
        list(luck, b, "BYMINUTE", 0, 59, 3, false), times = true;
    if (freq > 0 && rule_below(luck, 6) == 0)
        list(luck, b, "BYSECOND", 0, 59, 3, false), times = true;
    if (positions && !times)
        list(luck, b, "BYSETPOS", 1, 6, 2, true);
    if (freq != 4 && rule_below(luck, 4) == 0)
        buf_printf(b, ";WKST=%s", days[rule_below(luck, 7)]);
}

static unsigned ours(const struct rrule *rule, int64_t start_s, int64_t until_s, int64_t *values,
                     bool *over)
{
    struct rrule_iter it;
    unsigned n = 0;
    int r = 0;
    if (rrule_begin(&it, rule, start_s, false, until_s, 100000, NULL) < 0)
        abort();
    while (n < RULES_VALUES && (r = rrule_next(&it, &values[n])) == 1)
        n++;
    *over = r < 0;
    return n;
}

static unsigned theirs(const char *text, int64_t start_s, int64_t until_s, int64_t *values)
{
    struct civil c = civil_from_local_s(start_s);
    struct icaltimetype start = { .year = c.year, .month = c.month, .day = c.day, .hour = c.hour,
                                  .minute = c.minute, .second = c.second };
    struct icalrecurrencetype rule = icalrecurrencetype_from_string(text);
    icalrecur_iterator *it = icalrecur_iterator_new(rule, start);
    unsigned n = 0;
    for (struct icaltimetype t;
         it && n < RULES_VALUES && !icaltime_is_null_time(t = icalrecur_iterator_next(it));) {
        values[n] =
            civil_local_s((struct civil){t.year, t.month, t.day, t.hour, t.minute, t.second});
        if (values[n] > until_s)
            break;
        if (values[n] >= start_s)
            n++;
    }
    if (it)
        icalrecur_iterator_free(it);
    return n;
}

static const char *compare(struct rule_luck *luck, struct rules_case *c)
{
    struct rrule rule;
    struct buf out;
    bool over;
    buf_init_fixed(&out, c->text, sizeof c->text);
    rules_make(luck, &out);
    c->start_s = civil_day(2020, 1, 1) * CIVIL_DAY_S + (int64_t)rule_below(luck, 4 * 366 * CIVIL_DAY_S);
    if (rrule_parse(buf_look(&out), &rule, NULL) < 0)
        return "refused";
    /* Ten years are enough, and libical gives up by itself on rules that never come. */
    int64_t until = c->start_s + 3660ll * CIVIL_DAY_S;
    c->n = ours(&rule, c->start_s, until, c->ours, &over);
    if (over || c->n == 0)
        return NULL;
    /* A start outside of the rule is undefined in RFC 5545: begin with what the rule gives, and
     * since that may imply other days and times, once more. */
    c->start_s = c->ours[0];
    c->n = ours(&rule, c->start_s, until, c->ours, &over);
    if (over || c->n == 0 || c->ours[0] != c->start_s)
        return NULL;
    until = c->n == RULES_VALUES ? c->ours[c->n - 1] : until;
    c->m = theirs(c->text, c->start_s, until, c->theirs);
    c->compared = true;
    return c->n == c->m && memcmp(c->ours, c->theirs, c->n * sizeof c->ours[0]) == 0 ? NULL : "differ";
}

const char *rules_compare(struct rule_luck *luck, struct rules_case *ret)
{
    ret->compared = false;
    ret->n = ret->m = 0;
    return compare(luck, ret);
}
