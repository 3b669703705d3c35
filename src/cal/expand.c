/* expand.c - from events to occurrences; see expand.h.
 *
 * Events are grouped by UID: masters (without RECURRENCE-ID) and overrides.  A master's set is
 * collected as instances - original local time and instant - then
 *     rules + RDATE + DTSTART  - EXDATE - EXRULE  - (overridden)  + overrides,
 * shifted where an override holds for THISANDFUTURE.  Everything is sorted arrays and binary
 * search, so that a feed made to be slow is not.
 */
#include "cal/expand.h"

#include <string.h>

#include "base/hash.h"
#include "cal/civil.h"
#include "cal/feed.h"
#include "cal/rrule.h"
#include "cal/spans.h"

#define NO_END INT64_MIN
#define OVERLAP_S (4 * 3600) /* two equal local times are never further apart */
#define AVAILABILITIES_MAX 32

#define N_(sentence) sentence /* marks it for the catalogue, as in i18n/tr.h; cal uses base only */

static const struct zone zone_utc; /* all zero: offset 0 for ever */

struct length {
    int64_t days, s;
    bool exact; /* s counts in UTC; else days follow the local clock, and then s in UTC */
};

struct instance {
    int64_t utc_s, local_s; /* local: in the master's zone, as the rule has it */
    int64_t end_utc_s;      /* of an RDATE period; else NO_END */
};

struct instances {
    struct instance *at;
    size_t n, cap;
};

struct keys { /* sorted */
    int64_t *at;
    size_t n;
};

struct override {
    int64_t key; /* UTC second of the original start, or its local day (is_day) */
    struct event *event;
};

struct group {
    struct event **events;
    size_t n;
    struct event *master; /* the first that counts; NULL if there are overrides only */
    struct keys instants, days;  /* original starts of the overrides */
    struct keys gone, gone_days; /* EXDATEs of the master */
    struct override *future; /* THISANDFUTURE, by original start */
    size_t n_future;
    int64_t future_reach_s;  /* the farthest any of them moves or lasts */
};

/* ---- words ---- */

const char *cal_issue_text(enum cal_issue_code code)
{
    static const char *const texts[] = {
#define X(code, text) text,
        CAL_ISSUE_LIST(X)
#undef X
    };
    return code < CAL_ISSUE_CODES ? texts[code] : "";
}

const char *cal_issue_word(enum cal_issue_code code)
{
    static const char *const words[] = {
        "no-start", "bad-end", "bad-time", "unknown-zone", "bad-rule", "rscale", "over-budget",
        "broken-off", "bad-line", "too-many-dates", "too-many-occurrences", "too-many-events",
        "zone-rules", "no-calendar", "too-dense", "repeats", "no-single-todo", "too-many-todos",
    };
    _Static_assert(sizeof(words) / sizeof(words[0]) == CAL_ISSUE_CODES, "a word for each issue");
    return code < CAL_ISSUE_CODES ? words[code] : "";
}

bool cal_issue_read(struct str word, enum cal_issue_code *ret)
{
    for (unsigned i = 0; i < CAL_ISSUE_CODES; i++)
        if (str_is(word, cal_issue_word((enum cal_issue_code)i))) {
            *ret = (enum cal_issue_code)i;
            return true;
        }
    return false;
}

static void issue(struct feed *f, enum cal_issue_code code, const struct event *e,
                  struct str detail)
{
    feed_issue(f, code, e->line, e->uid, detail);
}

static const struct str nothing = { "", 0 };

/* ---- sorting pointers, keys, instances: one heapsort over an index pair of functions ---- */

struct sortable {
    void *data;
    bool (*less)(const void *data, size_t a, size_t b);
    void (*swap)(void *data, size_t a, size_t b);
};

static void sift(struct sortable s, size_t root, size_t n)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= n)
            return;
        if (child + 1 < n && s.less(s.data, child, child + 1))
            child++;
        if (!s.less(s.data, root, child))
            return;
        s.swap(s.data, root, child);
        root = child;
    }
}

static void sort(struct sortable s, size_t n)
{
    size_t i = 1;
    while (i < n && !s.less(s.data, i, i - 1))
        i++;
    if (i >= n)
        return; /* sorted already: the usual case */
    for (size_t root = n / 2; root-- > 0;)
        sift(s, root, n);
    for (size_t last = n - 1; last > 0; last--) {
        s.swap(s.data, 0, last);
        sift(s, 0, last);
    }
}

#define SORT_FUNCTIONS(name, type, LESS) \
    static bool name##_less(const void *data, size_t i, size_t k) \
    { \
        type const *a = (type const *)data + i; \
        type const *b = (type const *)data + k; \
        return LESS; \
    } \
    static void name##_swap(void *data, size_t i, size_t k) \
    { \
        type *array = data; \
        type held = array[i]; \
        array[i] = array[k]; \
        array[k] = held; \
    } \
    static void name##_sort(type *array, size_t n) \
    { \
        sort((struct sortable){ array, name##_less, name##_swap }, n); \
    }

static int compare_str(struct str a, struct str b)
{
    if (a.ptr == b.ptr && a.len == b.len)
        return 0;
    int c = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return c ? c : a.len < b.len ? -1 : a.len > b.len;
}

/* Masters before overrides; the version that counts last. */
static bool event_before(const struct event *a, const struct event *b)
{
    int c = compare_str(a->uid, b->uid);
    if (c)
        return c < 0;
    if (a->has_recurrence_id != b->has_recurrence_id)
        return b->has_recurrence_id;
    if (!a->has_recurrence_id && a->start.local_s != b->start.local_s)
        return a->start.local_s < b->start.local_s;
    if (a->has_recurrence_id && a->recurrence_id.local_s != b->recurrence_id.local_s)
        return a->recurrence_id.local_s < b->recurrence_id.local_s;
    if (a->sequence != b->sequence)
        return a->sequence < b->sequence;
    return a->stamp_s != b->stamp_s ? a->stamp_s < b->stamp_s : a->order < b->order;
}

static bool occurrence_before(const struct cal_occurrence *a, const struct cal_occurrence *b)
{
    if (a->from_at != b->from_at)
        return a->from_at < b->from_at;
    if (a->until_at != b->until_at)
        return a->until_at < b->until_at;
    return compare_str(a->uid, b->uid) < 0;
}

SORT_FUNCTIONS(events, struct event *, event_before(*a, *b))
SORT_FUNCTIONS(keys, int64_t, *a < *b)
SORT_FUNCTIONS(instances, struct instance,
               a->utc_s != b->utc_s ? a->utc_s < b->utc_s : a->end_utc_s > b->end_utc_s)
SORT_FUNCTIONS(overrides, struct override, a->key < b->key)
SORT_FUNCTIONS(occurrences, struct cal_occurrence, occurrence_before(a, b))

static bool has_key(const struct keys *keys, int64_t key)
{
    size_t lo = 0, hi = keys->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (keys->at[mid] < key)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < keys->n && keys->at[lo] == key;
}

/* ---- zones and times ---- */

static bool has_default_zone(const struct feed *f, const struct event *e)
{
    return e->default_zone != FEED_ZONE_NONE && f->zones[e->default_zone].zone != NULL;
}

static const struct zone *default_zone(const struct feed *f, const struct event *e)
{
    return has_default_zone(f, e) ? f->zones[e->default_zone].zone : f->settings->zone;
}

const struct zone *feed_zone_of(const struct feed *f, const struct event *e, const struct moment *m)
{
    if (m->kind == ICS_UTC)
        return &zone_utc;
    if (m->kind == ICS_ZONED && m->zone != FEED_ZONE_NONE && f->zones[m->zone].zone)
        return f->zones[m->zone].zone;
    return default_zone(f, e);
}

bool feed_zone_unknown(const struct feed *f, const struct moment *m)
{
    return m->kind == ICS_ZONED && (m->zone == FEED_ZONE_NONE || f->zones[m->zone].zone == NULL);
}

int64_t feed_utc_s(const struct feed *f, const struct event *e, const struct moment *m)
{
    int64_t utc;
    zone_to_utc_s(feed_zone_of(f, e, m), m->local_s, &utc);
    return utc;
}

/* RDATE, EXDATE and RECURRENCE-ID as an instant: a time without zone is in that of the event. */
static int64_t utc_beside(const struct feed *f, const struct event *master, const struct moment *m)
{
    struct moment as = *m;
    if (as.kind == ICS_FLOATING) {
        as.kind = master->start.kind == ICS_DATE ? ICS_FLOATING : master->start.kind;
        as.zone = master->start.zone;
    }
    return feed_utc_s(f, master, &as);
}

/* The local day a value beside an event means: as written; a UTC time on the event's clock
 * (Exchange), but UTC midnight beside an all-day event is the date itself (Google). */
static int64_t day_beside(const struct feed *f, const struct event *master, const struct moment *m)
{
    if (m->kind != ICS_UTC ||
        (master->start.kind == ICS_DATE && floor_mod(m->local_s, CIVIL_DAY_S) == 0))
        return civil_day_of(m->local_s);
    return civil_day_of(zone_to_local_s(feed_zone_of(f, master, &master->start), m->local_s));
}

/* Start and end of different types: the one that knows more about time wins (a date with a time is
 * a midnight, a time without zone is in the zone of the other). */
static void reconcile(struct event *e)
{
    if (e->start.kind == ICS_DATE && e->has_duration && e->duration.s % CIVIL_DAY_S == 0) {
        e->duration.days += e->duration.s / CIVIL_DAY_S; /* PT86400S, as Google wrote it */
        e->duration.s = 0;
    }
    if (e->start.kind == ICS_DATE && e->has_duration && e->duration.s != 0)
        e->start.kind = ICS_FLOATING;
    if (!e->has_end || e->start.kind == e->end.kind)
        return;
    bool start_knows =
        e->end.kind == ICS_DATE || (e->end.kind == ICS_FLOATING && e->start.kind != ICS_DATE);
    struct moment *from = start_knows ? &e->start : &e->end,
                  *to = start_knows ? &e->end : &e->start;
    bool unknown = to->kind == ICS_DATE || to->kind == ICS_FLOATING;
    if (unknown) {
        to->kind = from->kind;
        to->zone = from->zone;
    }
}

static bool sensible(int64_t length_s)
{
    return length_s >= 0 && length_s <= CAL_LENGTH_DAYS_MAX * (int64_t)CIVIL_DAY_S;
}

/* How long the event is; false if that makes no sense. */
static bool length_of(const struct feed *f, const struct event *e, struct length *ret)
{
    *ret = (struct length){ .days = e->start.kind == ICS_DATE && !e->has_duration };
    if (e->has_end) {
        bool local = (e->start.kind == ICS_DATE || e->start.kind == ICS_FLOATING) &&
                     (e->end.kind == ICS_DATE || e->end.kind == ICS_FLOATING);
        int64_t s = local ? e->end.local_s - e->start.local_s
                          : feed_utc_s(f, e, &e->end) - feed_utc_s(f, e, &e->start);
        if (e->start.kind == ICS_DATE) {
            /* DTEND on the day of DTSTART is what many programs write for one day. */
            ret->days = s == 0 ? 1 : floor_div(s + CIVIL_DAY_S - 1, CIVIL_DAY_S);
        } else {
            *ret = (struct length){ .s = s, .exact = true };
        }
    } else if (e->has_duration) {
        *ret = (struct length){ .days = e->duration.days, .s = e->duration.s };
    }
    return ret->days >= 0 && sensible(ret->days * CIVIL_DAY_S + ret->s);
}

static enum cal_busy busy_of(const struct event *e)
{
    if (e->transp == CAL_TRANSPARENT &&
        !(e->has_outlook && (e->outlook == CAL_PRESENT || e->outlook == CAL_AWAY)))
        return CAL_FREE;
    if (e->part == PART_DECLINED || (e->has_outlook && e->outlook == CAL_FREE))
        return CAL_FREE;
    if (e->has_outlook && (e->outlook == CAL_PRESENT || e->outlook == CAL_AWAY))
        return e->outlook;
    if (e->status == CAL_TENTATIVE || e->part == PART_SOFT ||
        (e->has_outlook && e->outlook == CAL_SOFT))
        return CAL_SOFT;
    return e->start.kind == ICS_DATE || e->all_day_flag ? CAL_AWAY : CAL_BUSY;
}

/* Give out one occurrence of e that starts at local_s/utc_s. */
static void emit(struct feed *f, const struct event *e, int64_t local_s, int64_t utc_s,
                 int64_t end_utc_s, struct length length)
{
    const struct zone *zone = feed_zone_of(f, e, &e->start);
    int64_t end_local_s = local_s + length.days * CIVIL_DAY_S + length.s;
    if (e->status == CAL_CANCELLED)
        return;
    if (end_utc_s != NO_END) {
        end_local_s = zone_to_local_s(zone, end_utc_s);
    } else if (e->start.kind == ICS_DATE || e->start.kind == ICS_FLOATING) {
        zone_to_utc_s(zone, end_local_s, &end_utc_s);
    } else {
        end_utc_s = utc_s;
        if (length.days)
            zone_to_utc_s(zone, local_s + length.days * CIVIL_DAY_S, &end_utc_s);
        end_utc_s += length.s;
    }
    struct cal_occurrence o = {
        .from_at = utc_s * USEC_PER_SEC,
        .until_at = (end_utc_s < utc_s ? utc_s : end_utc_s) * USEC_PER_SEC,
        .from_local_s = local_s,
        .until_local_s = end_local_s,
        .uid = e->uid,
        .kind = e->start.kind == ICS_DATE ? CAL_KIND_DATE
                : e->start.kind == ICS_FLOATING && !has_default_zone(f, e) ? CAL_KIND_FLOATING
                                                                           : CAL_KIND_UTC,
        .busy = busy_of(e),
        .status = e->status,
        .transp = e->transp,
        .source = e->component == FEED_EVENT ? CAL_EVENT : CAL_AVAILABILITY,
        .doubtful = feed_zone_unknown(f, &e->start),
    };
    feed_emit(f, &o);
}

/* The event itself, at its own start. */
static void emit_single(struct feed *f, const struct event *e)
{
    struct length length;
    if (!e->has_start || !length_of(f, e, &length))
        return;
    emit(f, e, e->start.local_s, feed_utc_s(f, e, &e->start), NO_END, length);
}

/* ---- one master ---- */

static bool add_instance(struct feed *f, struct instances *list, struct instance i)
{
    if (list->n == list->cap) { /* the list is the last thing in the arena: it grows in place */
        size_t more = list->cap ? list->cap : 64;
        if (arena_take(&f->arena, more, sizeof(i)) == NULL)
            return false;
        list->cap += more;
    }
    list->at[list->n++] = i;
    return true;
}

/* Values of one rule between the bounds; false if over budget, CAL_ISSUE_* in *ret_why. */
static bool add_rule(struct feed *f, const struct event *e, struct str text, int64_t from_s,
                     int64_t until_s, int64_t *steps, struct instances *list,
                     enum cal_issue_code *ret_why)
{
    const struct zone *zone = feed_zone_of(f, e, &e->start);
    bool all_day = e->start.kind == ICS_DATE, zoned = e->start.kind == ICS_ZONED;
    int64_t local_s, until_utc_s = INT64_MAX;
    struct rrule rule;
    struct rrule_iter it;
    *ret_why = CAL_ISSUE_BUDGET;
    if (*steps <= 0)
        return false;
    int r = rrule_parse(text, &rule, NULL);
    *steps -= 16 + (int64_t)text.len / 4; /* reading it was work too */
    *ret_why = r == E_UNSUPPORTED ? CAL_ISSUE_RSCALE : CAL_ISSUE_RULE;
    if (r < 0)
        return false;
    if (rule.until_kind == RRULE_UNTIL_UTC && zoned) { /* instants are compared below, exactly */
        until_utc_s = rule.until_s;
        rule.until_s = zone_to_local_s(zone, until_utc_s) + OVERLAP_S;
    } else if (rule.until_kind != RRULE_UNTIL_NONE && all_day) { /* the day written, to its end */
        rule.until_s = (civil_day_of(rule.until_s) + 1) * CIVIL_DAY_S - 1;
    }
    if (rrule_begin(&it, &rule, e->start.local_s, all_day, until_s, *steps, NULL) < 0)
        return false;
    rrule_seek(&it, from_s);
    while ((r = rrule_next(&it, &local_s)) == 1) {
        struct instance i = { .local_s = local_s, .end_utc_s = NO_END };
        if (zone_to_utc_s(zone, local_s, &i.utc_s) == ZONE_GAP && !all_day) {
            rrule_uncount(&it); /* RFC 5545: what does not exist is ignored and not counted */
            continue;
        }
        if (i.utc_s > until_utc_s)
            break;
        if (local_s >= from_s && !add_instance(f, list, i))
            r = E_LIMIT;
        if (r < 0)
            break;
    }
    *steps = it.steps_left > 0 ? it.steps_left : 0;
    *ret_why = CAL_ISSUE_BUDGET;
    return r >= 0;
}

static int64_t end_of_rdate(const struct feed *f, const struct event *e, const struct date_node *d,
                            int64_t utc_s)
{
    struct moment end = d->end;
    if (end.kind == ICS_DATE)
        end.kind = ICS_FLOATING;
    if (d->form == DATE_WITH_END)
        return utc_beside(f, e, &end);
    if (d->form == DATE_WITH_DURATION)
        return utc_s + d->duration.days * CIVIL_DAY_S + d->duration.s;
    return NO_END;
}

static bool add_rdates(struct feed *f, const struct event *e, struct instances *list)
{
    const struct zone *zone = feed_zone_of(f, e, &e->start);
    for (const struct date_node *d = e->rdates; d; d = d->next) {
        struct moment at = d->at;
        if (e->start.kind == ICS_DATE)
            at = (struct moment){ day_beside(f, e, &at) * CIVIL_DAY_S, ICS_DATE, FEED_ZONE_NONE };
        else if (at.kind == ICS_DATE && d->form != DATE_ALONE) /* "19970101/19970102": midnights */
            at.kind = ICS_FLOATING;
        else if (at.kind == ICS_DATE) /* a day for a timed series: at the series' time of day */
            at = (struct moment){at.local_s + floor_mod(e->start.local_s, CIVIL_DAY_S),
                                 ICS_FLOATING, FEED_ZONE_NONE};
        struct instance i = { .utc_s = utc_beside(f, e, &at) };
        i.local_s = zone_to_local_s(zone, i.utc_s);
        i.end_utc_s = e->start.kind == ICS_DATE ? NO_END : end_of_rdate(f, e, d, i.utc_s);
        if (i.end_utc_s != NO_END && !sensible(i.end_utc_s - i.utc_s)) {
            issue(f, CAL_ISSUE_END, e, nothing);
            continue;
        }
        if (!add_instance(f, list, i))
            return false;
    }
    return true;
}

/* The EXDATEs of an event as instants and as days. */
static bool collect_exdates(struct feed *f, const struct event *e, struct keys *instants,
                            struct keys *days)
{
    size_t n = 0;
    for (const struct date_node *d = e->exdates; d; d = d->next)
        n++;
    *instants = (struct keys){ arena_take(&f->arena, n, sizeof(int64_t)), 0 };
    *days = (struct keys){ arena_take(&f->arena, n, sizeof(int64_t)), 0 };
    if (instants->at == NULL || days->at == NULL)
        return false;
    for (const struct date_node *d = e->exdates; d; d = d->next) {
        if (d->at.kind == ICS_DATE || e->start.kind == ICS_DATE)
            days->at[days->n++] = day_beside(f, e, &d->at);
        else
            instants->at[instants->n++] = utc_beside(f, e, &d->at);
    }
    keys_sort(instants->at, instants->n);
    keys_sort(days->at, days->n);
    return true;
}

/* The override for THISANDFUTURE in force at an original start, or NULL. */
static const struct event *future_at(const struct group *g, int64_t utc_s)
{
    const struct event *found = NULL;
    for (size_t lo = 0, hi = g->n_future; lo < hi;) {
        size_t mid = lo + (hi - lo) / 2;
        if (g->future[mid].key <= utc_s) {
            found = g->future[mid].event;
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return found;
}

/* An instance under a THISANDFUTURE override: moved by as much as the override moved its own. */
static void emit_shifted(struct feed *f, const struct event *master, const struct event *by,
                         const struct instance *i)
{
    struct length length;
    int64_t utc_s;
    if (!by->has_start || !length_of(f, by, &length))
        return;
    struct moment origin = by->recurrence_id;
    int64_t origin_local_s =
        zone_to_local_s(feed_zone_of(f, by, &by->start), utc_beside(f, master, &origin));
    if (by->start.kind == ICS_DATE)
        origin_local_s = day_beside(f, master, &origin) * CIVIL_DAY_S;
    const struct zone *zone = feed_zone_of(f, by, &by->start);
    int64_t here = by->start.kind == ICS_DATE ? civil_day_of(i->local_s) * CIVIL_DAY_S
                                              : zone_to_local_s(zone, i->utc_s);
    int64_t local_s = here + by->start.local_s - origin_local_s;
    zone_to_utc_s(zone, local_s, &utc_s);
    emit(f, by, local_s, utc_s, NO_END, length);
}

static void emit_instances(struct feed *f, const struct event *e, const struct group *g,
                           struct instances *list, const struct keys *gone,
                           const struct keys *gone_days, const struct instances *excluded,
                           struct length length)
{
    size_t x = 0;
    int64_t last_utc = INT64_MIN;
    instances_sort(list->at, list->n);
    for (size_t n = 0; n < list->n; n++) {
        const struct instance *i = &list->at[n];
        int64_t day = civil_day_of(i->local_s);
        if (i->utc_s == last_utc)
            continue;
        last_utc = i->utc_s;
        while (x < excluded->n && excluded->at[x].utc_s < i->utc_s)
            x++;
        if (x < excluded->n && excluded->at[x].utc_s == i->utc_s)
            continue;
        if (has_key(gone, i->utc_s) || has_key(gone_days, day) || has_key(&g->instants, i->utc_s) ||
            has_key(&g->days, day))
            continue;
        const struct event *by = future_at(g, i->utc_s);
        if (by)
            emit_shifted(f, e, by, i);
        else
            emit(f, e, i->local_s, i->utc_s, i->end_utc_s, length);
    }
}

static void expand_master(struct feed *f, const struct event *e, const struct group *g)
{
    struct length length;
    size_t mark = f->arena.used;
    struct instances excluded = { 0 }, list = { 0 };
    struct keys gone = g->gone, gone_days = g->gone_days;
    enum cal_issue_code why = CAL_ISSUE_BUDGET;
    bool ok = true;
    if (!length_of(f, e, &length)) {
        issue(f, CAL_ISSUE_END, e, nothing);
        return;
    }
    int64_t reach = length.days * CIVIL_DAY_S + length.s + g->future_reach_s + 2 * CIVIL_DAY_S;
    int64_t from_s = f->settings->window.from_at / USEC_PER_SEC - reach;
    int64_t until_s = f->settings->window.until_at / USEC_PER_SEC + reach;
    int64_t steps = f->steps_left < RRULE_STEPS_MAX ? f->steps_left : RRULE_STEPS_MAX,
            before = steps;
    if (e != g->master)
        ok = collect_exdates(f, e, &gone, &gone_days);
    excluded.at = arena_end(&f->arena);
    for (const struct rule_node *r = e->rules; ok && r; r = r->next)
        if (r->excludes)
            ok = add_rule(f, e, r->text, from_s, until_s, &steps, &excluded, &why);
    instances_sort(excluded.at, excluded.n);
    /* DTSTART goes first: what one rule gives behind it is then sorted already. */
    list.at = arena_end(&f->arena);
    bool fits = add_instance(f, &list,
                             (struct instance){feed_utc_s(f, e, &e->start), e->start.local_s, NO_END});
    for (const struct rule_node *r = e->rules; ok && r; r = r->next) {
        if (r->excludes)
            continue;
        ok = add_rule(f, e, r->text, from_s, until_s, &steps, &list, &why);
    }
    ok = ok && add_rdates(f, e, &list);
    if (e->rules && e->rules->next) /* several rules' values have to be put in order */
        steps -= 4 * (int64_t)list.n;
    f->steps_left -= before - steps;
    if (!ok || !fits) {
        issue(f, ok ? CAL_ISSUE_BUDGET : why, e, nothing);
        list.n = fits ? 1 : 0;
    }
    if (fits)
        emit_instances(f, e, g, &list, &gone, &gone_days, &excluded, length);
    f->arena.used = mark;
}

/* ---- groups ---- */

/* Say what is wrong with an event, once, most important first. */
static void note_defects(struct feed *f, const struct event *e)
{
    if (!e->has_start && !(e->component == FEED_AVAILABILITY && !e->bad_time))
        issue(f, CAL_ISSUE_NO_START, e, nothing);
    else if (feed_zone_unknown(f, &e->start))
        issue(f, CAL_ISSUE_ZONE, e,
              e->start.zone == FEED_ZONE_NONE ? nothing : f->zones[e->start.zone].name);
    else if (e->bad_time)
        issue(f, CAL_ISSUE_TIME, e, nothing);
    else if (e->unended)
        issue(f, CAL_ISSUE_NO_END, e, nothing);
    else if (e->bad_line)
        issue(f, CAL_ISSUE_LINE, e, nothing);
}

/* How far from the window original starts may lie and still matter, because of this override. */
static int64_t reach_of(const struct feed *f, const struct event *o)
{
    struct length length;
    if (!o->has_start || !length_of(f, o, &length))
        return 0;
    int64_t shift = o->start.local_s - o->recurrence_id.local_s;
    return (shift < 0 ? -shift : shift) + length.days * CIVIL_DAY_S + length.s;
}

static bool prepare_overrides(struct feed *f, struct group *g)
{
    const struct event *m = g->master;
    g->instants.at = arena_take(&f->arena, g->n, sizeof(int64_t));
    g->days.at = arena_take(&f->arena, g->n, sizeof(int64_t));
    g->future = arena_take(&f->arena, g->n, sizeof(struct override));
    if (!g->instants.at || !g->days.at || !g->future)
        return false;
    for (size_t i = 0; i < g->n; i++) {
        struct event *o = g->events[i];
        if (!o->has_recurrence_id)
            continue;
        if (o->recurrence_id.kind == ICS_DATE || m->start.kind == ICS_DATE)
            g->days.at[g->days.n++] = day_beside(f, m, &o->recurrence_id);
        else
            g->instants.at[g->instants.n++] = utc_beside(f, m, &o->recurrence_id);
        if (!o->and_future)
            continue;
        g->future[g->n_future++] = (struct override){ utc_beside(f, m, &o->recurrence_id), o };
        int64_t reach = reach_of(f, o);
        g->future_reach_s = reach > g->future_reach_s ? reach : g->future_reach_s;
    }
    if (!collect_exdates(f, m, &g->gone, &g->gone_days))
        return false;
    keys_sort(g->instants.at, g->instants.n);
    keys_sort(g->days.at, g->days.n);
    overrides_sort(g->future, g->n_future);
    return true;
}

/* Is there a later version of the same thing behind event i of the group? */
static bool superseded(const struct group *g, size_t i)
{
    if (i + 1 >= g->n)
        return false;
    const struct event *a = g->events[i], *b = g->events[i + 1];
    if (a->has_recurrence_id != b->has_recurrence_id)
        return false;
    const struct moment *x = a->has_recurrence_id ? &a->recurrence_id : &a->start;
    const struct moment *y = b->has_recurrence_id ? &b->recurrence_id : &b->start;
    return x->local_s == y->local_s && x->kind == y->kind && x->zone == y->zone;
}

/* Does the master's set still hold what the override changed? */
static bool in_set(struct feed *f, const struct group *g, const struct event *o)
{
    const struct event *m = g->master;
    size_t mark = f->arena.used;
    int64_t utc = utc_beside(f, m, &o->recurrence_id), day = day_beside(f, m, &o->recurrence_id);
    bool by_day = o->recurrence_id.kind == ICS_DATE || m->start.kind == ICS_DATE, found = false;
    int64_t at_s = by_day ? day * CIVIL_DAY_S : zone_to_local_s(feed_zone_of(f, m, &m->start), utc);
    int64_t steps = f->steps_left < RRULE_STEPS_MAX ? f->steps_left : RRULE_STEPS_MAX,
            before = steps;
    enum cal_issue_code why;
    if (has_key(&g->gone, utc) || has_key(&g->gone_days, day))
        return false;
    if (f->steps_left <= 0)
        return true;
    struct instances list = { .at = arena_end(&f->arena) };
    bool ok = add_instance(f, &list,
                           (struct instance){feed_utc_s(f, m, &m->start), m->start.local_s, NO_END});
    for (const struct rule_node *r = m->rules; ok && r; r = r->next)
        if (!r->excludes)
            ok = add_rule(f, m, r->text, at_s, at_s + CIVIL_DAY_S, &steps, &list, &why);
    ok = ok && add_rdates(f, m, &list);
    steps -= (int64_t)list.n;
    for (size_t i = 0; ok && i < list.n && !found; i++)
        found = by_day ? civil_day_of(list.at[i].local_s) == day : list.at[i].utc_s == utc;
    f->steps_left -= before - steps;
    f->arena.used = mark;
    return found || !ok;
}

/* A version of the master that is newer than the override and no longer has the occurrence: it was
 * deleted after it was changed, and the override is a leftover. */
static bool is_leftover(struct feed *f, const struct group *g, const struct event *o)
{
    return g->master && g->master->sequence > o->sequence && !in_set(f, g, o);
}

static void expand_group(struct feed *f, struct event **events, size_t n)
{
    size_t mark = f->arena.used;
    struct group g = { .events = events, .n = n };
    for (size_t i = 0; i < n; i++) {
        note_defects(f, events[i]);
        reconcile(events[i]);
        if (!events[i]->has_recurrence_id && events[i]->has_start && !superseded(&g, i) &&
            !g.master)
            g.master = events[i];
    }
    if (g.master && !prepare_overrides(f, &g)) {
        issue(f, CAL_ISSUE_BUDGET, g.master, nothing);
        g.n_future = g.instants.n = g.days.n = 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct event *e = events[i];
        struct length length;
        if (!e->has_start || superseded(&g, i))
            continue;
        if (!e->has_recurrence_id)
            expand_master(f, e, &g);
        else if (is_leftover(f, &g, e))
            continue;
        else if (length_of(f, e, &length))
            emit_single(f, e);
        else
            issue(f, CAL_ISSUE_END, e, nothing);
    }
    f->arena.used = mark;
}

static int expand_events(struct feed *f)
{
    struct event **events = arena_take(&f->arena, f->n_events, sizeof(struct event *));
    size_t n = 0, from = 0;
    if (events == NULL)
        return E_FULL;
    for (struct event *e = f->events; e; e = e->next)
        if (e->component == FEED_EVENT)
            events[n++] = e;
    events_sort(events, n);
    for (size_t i = 1; i <= n; i++) {
        /* Without a UID nothing belongs together. */
        if (i < n && events[from]->uid.len > 0 && str_eq(events[i]->uid, events[from]->uid))
            continue;
        expand_group(f, events + from, i - from);
        from = i;
    }
    return 0;
}

/* ---- VAVAILABILITY ---- */

/* Take what was emitted since `mark_n` back, as normalised spans in the arena. */
static size_t take_spans(struct feed *f, size_t mark_n, struct span **ret)
{
    size_t n = f->out->n - mark_n;
    struct span *spans = arena_take(&f->arena, n, sizeof(*spans));
    for (size_t i = 0; spans && i < n; i++)
        spans[i] = (struct span){ f->out->occurrences[mark_n + i].from_at,
                                  f->out->occurrences[mark_n + i].until_at };
    f->out->n = mark_n;
    *ret = spans;
    return spans ? spans_normalise(spans, n) : 0;
}

static void emit_unavailable(struct feed *f, const struct event *v, struct span span)
{
    struct cal_occurrence o = {
        .from_at = span.from_at, .until_at = span.until_at,
        .from_local_s = floor_div(span.from_at, USEC_PER_SEC),
        .until_local_s = floor_div(span.until_at, USEC_PER_SEC),
        .uid = v->uid, .kind = CAL_KIND_UTC, .busy = v->outlook,
        .source = CAL_AVAILABILITY,
    };
    feed_emit(f, &o);
}

/* One VAVAILABILITY: its bounds minus its AVAILABLE times minus what a higher priority covers. */
static bool expand_availability(struct feed *f, const struct event *v, struct span **covered,
                                size_t *n_covered)
{
    static const struct group alone;
    size_t mark_n = f->out->n, n_open, n_left, n_rest, n_now;
    struct length length;
    struct span bounds = f->settings->window, *open;
    if (v->has_start)
        bounds.from_at = usec_max(bounds.from_at, feed_utc_s(f, v, &v->start) * USEC_PER_SEC);
    if (v->has_start && (v->has_end || v->has_duration) && length_of(f, v, &length)) {
        int64_t end = feed_utc_s(f, v, &v->start) + length.days * CIVIL_DAY_S + length.s;
        bounds.until_at = usec_min(bounds.until_at, end * USEC_PER_SEC);
    }
    if (bounds.from_at >= bounds.until_at)
        return true;
    for (const struct event *a = f->events; a; a = a->next)
        if (a->parent == v && a->has_start)
            expand_master(f, a, &alone);
    n_open = take_spans(f, mark_n, &open);
    size_t cap = n_open + *n_covered + 2;
    struct span *left = arena_take(&f->arena, cap, sizeof(*left));
    struct span *rest = arena_take(&f->arena, cap, sizeof(*rest));
    struct span *now = arena_take(&f->arena, cap, sizeof(*now));
    if (!open || !left || !rest || !now ||
        spans_subtract(&bounds, 1, open, n_open, left, cap, &n_left) ||
        spans_subtract(left, n_left, *covered, *n_covered, rest, cap, &n_rest) ||
        spans_union(*covered, *n_covered, &bounds, 1, now, cap, &n_now))
        return false;
    for (size_t i = 0; i < n_rest; i++)
        emit_unavailable(f, v, rest[i]);
    *covered = now;
    *n_covered = n_now;
    return true;
}

/* Highest priority first: 1 to 9, then 0. */
static void expand_availabilities(struct feed *f)
{
    struct span *covered = NULL;
    size_t n_covered = 0, seen = 0;
    for (int rank = 1; rank <= 10; rank++) {
        for (const struct event *v = f->events; v; v = v->next) {
            if (v->component != FEED_AVAILABILITY || v->priority != rank % 10)
                continue;
            note_defects(f, v);
            if (++seen > AVAILABILITIES_MAX || !expand_availability(f, v, &covered, &n_covered)) {
                issue(f, CAL_ISSUE_BUDGET, v, nothing);
                return;
            }
        }
    }
}

/* ---- the whole ---- */

static bool init_feed(struct feed *f, void *memory, size_t size, struct cal_expansion *out)
{
    arena_init(&f->arena, memory, size);
    f->scratch = arena_take(&f->arena, ICS_LINE_MAX, 1);
    out->issues = arena_take(&f->arena, CAL_ISSUES_MAX, sizeof(struct cal_issue));
    if (!f->scratch || !out->issues)
        return false;
    /* Half of what is left for occurrences, if the block is smaller than CAL_MEMORY. */
    size_t fit = (size - f->arena.used) / 2 / sizeof(struct cal_occurrence);
    f->occurrences_max = fit < CAL_OCCURRENCES_MAX ? fit : CAL_OCCURRENCES_MAX;
    f->arena.used = (f->arena.used + 15) & ~(size_t)15;
    out->occurrences = (struct cal_occurrence *)(f->arena.memory + f->arena.used);
    f->arena.used += f->occurrences_max * sizeof(struct cal_occurrence); /* not zeroed: 8 MB */
    return f->arena.used <= f->arena.size && fit >= 16;
}

int cal_expand(struct str bytes, const struct cal_settings *settings, void *memory, size_t size,
               struct cal_expansion *ret, struct err *err)
{
    struct cal_expansion out = { 0 };
    struct feed f = { .settings = settings, .out = &out, .steps_left = CAL_STEPS_MAX };
    if (bytes.len > CAL_BYTES_MAX)
        return err_set(err, E_TOO_LARGE, "A calendar can have at most %u MB; this one is larger.",
                       CAL_BYTES_MAX / 1000000);
    if (!init_feed(&f, memory, size, &out))
        return err_set(err, E_FULL, "The calendar needs more memory than one calendar may use.");
    feed_read(&f, bytes);
    memset(f.scratch, 0, ICS_LINE_MAX); /* folded titles went through it */
    if (!f.is_calendar)
        return err_set(
            err, E_INVALID,
            "This is not a calendar: there is no line BEGIN:VCALENDAR; give an .ics file.");
    if (f.full)
        return err_set(err, size < CAL_MEMORY ? E_FULL : E_TOO_LARGE,
                       "The calendar needs more memory than one calendar may use.");
    feed_resolve_zones(&f);
    int r = expand_events(&f);
    if (r < 0)
        return err_set(err, size < CAL_MEMORY ? E_FULL : E_TOO_LARGE,
                       "The calendar needs more memory than one calendar may use.");
    expand_availabilities(&f);
    occurrences_sort(out.occurrences, out.n);
    out.n_events = f.n_events;
    *ret = out;
    return 0;
}

int cal_busy_spans(const struct cal_expansion *e, enum cal_busy least, struct span *out, size_t cap,
                   size_t *ret_n)
{
    size_t n = 0;
    for (size_t i = 0; i < e->n; i++) {
        struct span s = { e->occurrences[i].from_at, e->occurrences[i].until_at };
        if (e->occurrences[i].busy < least || s.from_at >= s.until_at)
            continue;
        if (n > 0 && s.from_at <= out[n - 1].until_at) { /* they come sorted by start */
            out[n - 1].until_at = usec_max(out[n - 1].until_at, s.until_at);
            continue;
        }
        if (n == cap)
            return E_FULL;
        out[n++] = s;
    }
    *ret_n = n;
    return 0;
}
