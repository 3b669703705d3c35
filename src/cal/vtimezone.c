/* vtimezone.c - an embedded VTIMEZONE as a struct zone; see feed.h.
 *
 * RFC 5545 section 3.6.5: each STANDARD or DAYLIGHT begins at the onsets its DTSTART, RDATEs and
 * RRULE give in the local time of TZOFFSETFROM, and lasts until the next onset of any.  Only onsets
 * near the window matter, so the rules are stepped from HISTORY_YEARS before it; what lies further
 * back has the offset before the first of them.
 */
#include "cal/feed.h"

#include "cal/civil.h"
#include "cal/rrule.h"

#define HISTORY_YEARS 60
#define FUTURE_YEARS 2
#define ONSETS_MAX 4096 /* collected before the last ZONE_TRANSITIONS_MAX of them are kept */
#define YEAR_S (366ll * CIVIL_DAY_S)

struct onset {
    int64_t at_s; /* UTC */
    int32_t from_s, to_s;
};

struct onsets {
    struct onset *at;
    size_t n;
};

static bool add_onset(struct onsets *list, const struct observance *o, int64_t local_s)
{
    if (list->n == ONSETS_MAX)
        return false;
    list->at[list->n++] = (struct onset){ local_s - o->from_s, o->from_s, o->to_s };
    return true;
}

static bool add_rule(struct feed *f, struct onsets *list, const struct observance *o)
{
    struct rrule rule;
    struct rrule_iter it;
    int64_t local_s;
    struct span w = f->settings->window;
    if (rrule_parse(o->rule, &rule, NULL) < 0)
        return false;
    if (rule.until_kind == RRULE_UNTIL_UTC) {
        rule.until_s += o->from_s;
        rule.until_kind = RRULE_UNTIL_LOCAL;
    }
    int64_t steps = f->steps_left < RRULE_STEPS_MAX ? f->steps_left : RRULE_STEPS_MAX;
    rrule_begin(&it, &rule, o->start_s, false, w.until_at / USEC_PER_SEC + FUTURE_YEARS * YEAR_S,
                steps, NULL);
    rrule_seek(&it, w.from_at / USEC_PER_SEC - HISTORY_YEARS * YEAR_S);
    int r;
    bool fits = true;
    while (fits && (r = rrule_next(&it, &local_s)) == 1)
        fits = add_onset(list, o, local_s);
    f->steps_left -= steps - (it.steps_left > 0 ? it.steps_left : 0);
    return fits && r == 0;
}

static bool onset_less(struct onset a, struct onset b) { return a.at_s < b.at_s; }

static void sort_onsets(struct onset *a, size_t n)
{
    for (size_t gap = n / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11) { /* Shell's sort */
        for (size_t i = gap; i < n; i++) {
            struct onset moving = a[i];
            size_t k = i;
            for (; k >= gap && onset_less(moving, a[k - gap]); k -= gap)
                a[k] = a[k - gap];
            a[k] = moving;
        }
    }
}

static bool collect(struct feed *f, const struct embedded_zone *embedded, struct onsets *list)
{
    for (const struct observance *o = embedded->observances; o; o = o->next) {
        if (!o->has_start || !o->has_from || !o->has_to || !add_onset(list, o, o->start_s))
            return false;
        for (const struct date_node *d = o->rdates; d; d = d->next)
            if (!add_onset(list, o,
                           d->at.kind == ICS_UTC ? d->at.local_s + o->from_s : d->at.local_s))
                return false;
        if (o->rule.len > 0 && !add_rule(f, list, o))
            return false;
    }
    return list->n > 0;
}

bool vtimezone_build(struct feed *f, const struct embedded_zone *embedded, struct zone *ret)
{
    size_t mark = f->arena.used;
    struct onsets list = { arena_take(&f->arena, ONSETS_MAX, sizeof(struct onset)), 0 };
    bool ok = list.at != NULL && collect(f, embedded, &list);
    if (ok) {
        size_t first = list.n > ZONE_TRANSITIONS_MAX ? list.n - ZONE_TRANSITIONS_MAX : 0;
        sort_onsets(list.at, list.n);
        zone_init_fixed(ret, list.at[first].from_s);
        for (size_t i = first; i < list.n; i++) {
            if (ret->n > 0 && ret->at_s[ret->n - 1] == list.at[i].at_s)
                ret->n--;
            ret->at_s[ret->n] = list.at[i].at_s;
            ret->offset_s[ret->n++] = list.at[i].to_s;
        }
    }
    f->arena.used = mark;
    return ok;
}
