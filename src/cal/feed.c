/* feed.c - reading a calendar stream; see feed.h. */
#include "cal/feed.h"

#include <string.h>

#include "cal/civil.h"

#define SAME_ZONE_MAX 4 /* VTIMEZONEs of one name that are tried */
#define DEPTH_MAX 8 /* components nest three deep; what is deeper is skipped */

enum component { C_NONE, C_CALENDAR, C_EVENT, C_TIMEZONE, C_OBSERVANCE, C_FREEBUSY, C_AVAILABILITY,
                 C_AVAILABLE, C_OTHER };

struct reading {
    struct feed *f;
    enum component stack[DEPTH_MAX];
    struct str names[DEPTH_MAX];
    unsigned depth; /* may exceed DEPTH_MAX: those levels are C_OTHER */
    struct event *event, *availability;
    struct event freebusy; /* a VFREEBUSY needs no place among the events */
    struct embedded_zone *zone;
    struct observance *observance;
    uint16_t default_zone;
};

void feed_issue(struct feed *f, enum cal_issue_code code, uint32_t line, struct str uid,
                struct str detail)
{
    struct cal_expansion *out = f->out;
    f->counts[code]++;
    out->n_issues_all++;
    if (out->n_issues < CAL_ISSUES_MAX)
        out->issues[out->n_issues++] = (struct cal_issue){ code, line, uid, detail };
}

static void feed_wide_issue(struct feed *f, enum cal_issue_code code, uint32_t line)
{
    if (f->counts[code] == 0)
        feed_issue(f, code, line, (struct str){ "", 0 }, (struct str){ "", 0 });
}

void feed_emit(struct feed *f, const struct cal_occurrence *o)
{
    struct span w = f->settings->window;
    bool touches = o->from_at == o->until_at ? o->from_at >= w.from_at && o->from_at < w.until_at
                                             : o->from_at < w.until_at && o->until_at > w.from_at;
    if (!touches)
        return;
    if (f->out->n == f->occurrences_max) {
        feed_wide_issue(f, CAL_ISSUE_OCCURRENCES, 0);
        return;
    }
    f->out->occurrences[f->out->n++] = *o;
}

static void *take(struct feed *f, size_t size)
{
    void *p = arena_take(&f->arena, 1, size);
    if (p == NULL)
        f->full = true;
    return p;
}

/* A slice that stays: unfolded text lies in the scratch memory and must be copied out. */
static struct str keep(struct feed *f, struct str s)
{
    return s.ptr >= f->scratch && s.ptr < f->scratch + ICS_LINE_MAX ? arena_str(&f->arena, s) : s;
}

/* ---- values ---- */

static uint16_t zone_index(struct feed *f, struct str name)
{
    name = str_trim(name);
    if (f->last_zone < f->n_zones && str_eq(f->zones[f->last_zone].name, name))
        return f->last_zone; /* feeds repeat themselves */
    for (uint16_t i = 0; i < f->n_zones; i++)
        if (str_eq(f->zones[i].name, name))
            return f->last_zone = i;
    if (f->n_zones == CAL_ZONES_MAX)
        return FEED_ZONE_NONE;
    f->zones[f->n_zones].name = keep(f, name);
    return f->n_zones++;
}

static bool read_moment(struct feed *f, struct str value, uint16_t zone, bool has_zone,
                        struct moment *ret)
{
    struct ics_when when;
    (void)f;
    if (!ics_read_when(value, &when))
        return false;
    *ret = (struct moment){ when.local_s, when.kind, FEED_ZONE_NONE };
    if (when.kind == ICS_FLOATING && has_zone)
        *ret = (struct moment){ when.local_s, ICS_ZONED, zone };
    return true;
}

static bool line_zone(struct feed *f, const struct ics_line *line, uint16_t *ret_zone)
{
    struct str name;
    *ret_zone = FEED_ZONE_NONE;
    if (!ics_param(line->params, "TZID", &name) || str_trim(name).len == 0)
        return false;
    *ret_zone = zone_index(f, name);
    return true;
}

static bool line_moment(struct feed *f, const struct ics_line *line, struct moment *ret)
{
    uint16_t zone;
    bool has_zone = line_zone(f, line, &zone);
    return read_moment(f, line->value, zone, has_zone, ret);
}

/* "a/b" as start and end or start and duration. */
static bool read_period(struct feed *f, struct str value, uint16_t zone, bool has_zone,
                        struct date_node *ret)
{
    ptrdiff_t slash = str_find(value, '/');
    struct str start = slash < 0 ? value : str_slice(value, 0, (size_t)slash);
    if (!read_moment(f, start, zone, has_zone, &ret->at))
        return false;
    ret->form = DATE_ALONE;
    if (slash < 0)
        return true;
    struct str end = str_slice(value, (size_t)slash + 1, value.len);
    if (ics_read_duration(end, &ret->duration))
        ret->form = DATE_WITH_DURATION;
    else if (read_moment(f, end, zone, has_zone, &ret->end))
        ret->form = DATE_WITH_END;
    else
        return false;
    return true;
}

/* A comma separated list onto *list; false if a value could not be read. */
static bool line_dates(struct feed *f, const struct ics_line *line, struct date_node **list)
{
    struct str rest = line->value, piece;
    uint16_t zone;
    bool has_zone = line_zone(f, line, &zone), ok = !line->cut;
    while (str_next(&rest, ',', &piece)) {
        struct date_node node = { .next = *list };
        if (str_trim(piece).len == 0)
            continue;
        if (!read_period(f, str_trim(piece), zone, has_zone, &node)) {
            ok = false;
            continue;
        }
        if (f->n_dates == CAL_DATES_MAX) {
            feed_wide_issue(f, CAL_ISSUE_DATES, line->number);
            return true;
        }
        struct date_node *kept = take(f, sizeof(*kept));
        if (kept == NULL)
            return false;
        *kept = node;
        *list = kept;
        f->n_dates++;
    }
    return ok;
}

static void add_rule(struct feed *f, struct event *e, const struct ics_line *line, bool excludes)
{
    unsigned n = 0;
    for (struct rule_node *r = e->rules; r; r = r->next)
        n++;
    if (str_trim(line->value).len == 0) /* "RRULE:" alone is how some write "none" */
        return;
    struct rule_node *rule = n < FEED_RULES_MAX ? take(f, sizeof(*rule)) : NULL;
    if (rule == NULL || line->cut) {
        e->bad_line = true;
        return;
    }
    *rule = (struct rule_node){ e->rules, keep(f, line->value), excludes };
    e->rules = rule;
}

/* ---- properties ---- */

enum property {
    P_NONE,
    P_UID,
    P_DTSTART,
    P_DTEND,
    P_DUE,
    P_DURATION,
    P_RRULE,
    P_EXRULE,
    P_RDATE,
    P_EXDATE,
    P_RECURRENCE_ID,
    P_STATUS,
    P_TRANSP,
    P_SEQUENCE,
    P_DTSTAMP,
    P_ATTENDEE,
    P_BUSYSTATUS,
    P_ALLDAY,
    P_PRIORITY,
    P_FREEBUSY,
    P_TZID,
    P_FROM,
    P_TO,
    P_WR_TIMEZONE,
    P_BUSYTYPE,
    P_BEGIN,
    P_END
};

static enum property property_of(struct str name)
{
#define NAME(text, property) { text, sizeof(text) - 1, property }
    static const struct {
        const char *name;
        size_t len;
        enum property property;
    } table[] = {
        NAME("UID", P_UID),
        NAME("DTSTART", P_DTSTART),
        NAME("DTEND", P_DTEND),
        NAME("DUE", P_DUE),
        NAME("DURATION", P_DURATION),
        NAME("RRULE", P_RRULE),
        NAME("EXRULE", P_EXRULE),
        NAME("RDATE", P_RDATE),
        NAME("EXDATE", P_EXDATE),
        NAME("RECURRENCE-ID", P_RECURRENCE_ID),
        NAME("STATUS", P_STATUS),
        NAME("TRANSP", P_TRANSP),
        NAME("SEQUENCE", P_SEQUENCE),
        NAME("DTSTAMP", P_DTSTAMP),
        NAME("ATTENDEE", P_ATTENDEE),
        NAME("X-MICROSOFT-CDO-BUSYSTATUS", P_BUSYSTATUS),
        NAME("X-MICROSOFT-CDO-ALLDAYEVENT", P_ALLDAY),
        NAME("PRIORITY", P_PRIORITY),
        NAME("FREEBUSY", P_FREEBUSY),
        NAME("TZID", P_TZID),
        NAME("TZOFFSETFROM", P_FROM),
        NAME("TZOFFSETTO", P_TO),
        NAME("X-WR-TIMEZONE", P_WR_TIMEZONE),
        NAME("BUSYTYPE", P_BUSYTYPE),
        NAME("BEGIN", P_BEGIN),
        NAME("END", P_END),
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (name.len == table[i].len && (name.ptr[0] & ~32) == table[i].name[0] &&
            str_is_nocase(name, table[i].name))
            return table[i].property;
    return P_NONE;
#undef NAME
}

/* Which of the words, in any case; -1 if none. */
static int word(struct str value, const char *const *words)
{
    value = str_trim(value);
    for (int i = 0; words[i]; i++)
        if (str_is_nocase(value, words[i]))
            return i;
    return -1;
}

/* Equal but for the case of ASCII letters. */
static bool same_word(struct str a, struct str b)
{
    for (size_t i = 0; i < a.len && a.len == b.len; i++) {
        char x = a.ptr[i], y = b.ptr[i];
        if ((x >= 'A' && x <= 'Z' ? x | 32 : x) != (y >= 'A' && y <= 'Z' ? y | 32 : y))
            return false;
    }
    return a.len == b.len;
}

static void read_attendee(struct feed *f, struct event *e, const struct ics_line *line)
{
    struct str address = str_trim(line->value), part;
    if (str_is_nocase(str_slice(address, 0, 7), "mailto:"))
        address = str_slice(address, 7, address.len);
    for (unsigned i = 0; i < f->settings->n_addresses; i++) {
        if (!same_word(f->settings->address[i], address) ||
            !ics_param(line->params, "PARTSTAT", &part))
            continue;
        e->part = str_is_nocase(part, "DECLINED") ? PART_DECLINED
                  : str_is_nocase(part, "TENTATIVE") || str_is_nocase(part, "NEEDS-ACTION")
                      ? PART_SOFT : PART_OTHER;
    }
}

static void read_status(struct event *e, struct str value)
{
    static const char *const words[] = { "TENTATIVE", "CONFIRMED", "CANCELLED", "CANCELED", NULL };
    int n = word(value, words);
    e->status = n < 0 ? CAL_STATUS_NONE : n == 3 ? CAL_CANCELLED : (enum cal_status)(n + 1);
}

static void read_outlook(struct event *e, struct str value)
{
    static const char *const words[] = {"FREE", "WORKINGELSEWHERE", "TENTATIVE", "BUSY", "OOF",
                                        NULL};
    int n = word(value, words);
    if (n >= 0) {
        e->has_outlook = true;
        e->outlook = (enum cal_busy)n;
    }
}

static int64_t read_number(struct str value)
{
    int64_t n;
    return str_i64(str_trim(value), &n) == 0 ? n : 0;
}

static void event_line(struct feed *f, struct event *e, enum property property,
                       const struct ics_line *line)
{
    static const char *const transps[] = { "OPAQUE", "TRANSPARENT", NULL };
    struct str range;
    struct moment stamp;
    switch (property == P_DUE && f->todos ? P_DTEND : property) {
    case P_UID:
        e->uid = keep(f, str_trim(line->value));
        break;
    case P_DTSTART:
        e->has_start = line_moment(f, line, &e->start);
        e->bad_time |= !e->has_start;
        break;
    case P_DTEND:
        e->has_end = line_moment(f, line, &e->end);
        e->bad_time |= !e->has_end;
        break;
    case P_DURATION:
        e->has_duration = ics_read_duration(line->value, &e->duration);
        e->bad_time |= !e->has_duration;
        break;
    case P_RRULE:
    case P_EXRULE:
        add_rule(f, e, line, property == P_EXRULE);
        break;
    case P_RDATE:
        e->bad_time |= !line_dates(f, line, &e->rdates);
        break;
    case P_EXDATE:
        e->bad_time |= !line_dates(f, line, &e->exdates);
        break;
    case P_RECURRENCE_ID:
        e->has_recurrence_id = line_moment(f, line, &e->recurrence_id);
        e->bad_time |= !e->has_recurrence_id;
        e->and_future = ics_param(line->params, "RANGE", &range) &&
                        str_is_nocase(range, "THISANDFUTURE");
        break;
    case P_STATUS:
        read_status(e, line->value);
        break;
    case P_TRANSP:
        e->transp = (enum cal_transp)(word(line->value, transps) + 1);
        break;
    case P_SEQUENCE:
        e->sequence = read_number(line->value);
        break;
    case P_DTSTAMP:
        if (line_moment(f, line, &stamp))
            e->stamp_s = stamp.local_s;
        break;
    case P_ATTENDEE:
        read_attendee(f, e, line);
        break;
    case P_BUSYSTATUS:
        read_outlook(e, line->value);
        break;
    case P_ALLDAY:
        e->all_day_flag = str_is_nocase(str_trim(line->value), "TRUE");
        break;
    case P_PRIORITY:
        e->priority = (int)(read_number(line->value) % 10);
        break;
    case P_BUSYTYPE:
        e->outlook = str_is_nocase(str_trim(line->value), "BUSY-TENTATIVE") ? CAL_SOFT
                     : str_is_nocase(str_trim(line->value), "BUSY") ? CAL_BUSY : CAL_AWAY;
        e->has_outlook = true;
        break;
    default:
        break;
    }
}

/* +hhmm[ss] */
static bool read_offset(struct str value, int32_t *ret_s)
{
    value = str_trim(value);
    uint64_t n;
    if (value.len < 5 || (value.ptr[0] != '+' && value.ptr[0] != '-') ||
        str_u64(str_slice(value, 1, value.len), &n) < 0 || (value.len != 5 && value.len != 7))
        return false;
    if (value.len == 5)
        n *= 100;
    int32_t s = (int32_t)(n / 10000 * 3600 + n / 100 % 100 * 60 + n % 100);
    if (n % 100 > 59 || n / 100 % 100 > 59 || s >= ZONE_OFFSET_MAX_S)
        return false;
    *ret_s = value.ptr[0] == '-' ? -s : s;
    return true;
}

static void observance_line(struct feed *f, struct observance *o, enum property property,
                            const struct ics_line *line)
{
    struct moment start = { 0 };
    switch (property) {
    case P_DTSTART:
        o->has_start = line_moment(f, line, &start);
        o->start_s = start.local_s;
        break;
    case P_FROM:
        o->has_from = read_offset(line->value, &o->from_s);
        break;
    case P_TO:
        o->has_to = read_offset(line->value, &o->to_s);
        break;
    case P_RRULE:
        o->rule = keep(f, line->value);
        break;
    case P_RDATE:
        line_dates(f, line, &o->rdates);
        break;
    default:
        break;
    }
}

/* VFREEBUSY periods are UTC by definition: they can be given out at once. */
static void freebusy_line(struct feed *f, struct event *e, const struct ics_line *line)
{
    size_t mark = f->arena.used;
    uint32_t dates = f->n_dates;
    uint16_t zones = f->n_zones;
    struct date_node *list = NULL;
    struct str type;
    enum cal_busy busy = CAL_BUSY;
    if (ics_param(line->params, "FBTYPE", &type))
        busy = str_is_nocase(type, "FREE") ? CAL_FREE
               : str_is_nocase(type, "BUSY-TENTATIVE") ? CAL_SOFT
               : str_is_nocase(type, "BUSY-UNAVAILABLE") ? CAL_AWAY : CAL_BUSY;
    if (!line_dates(f, line, &list))
        e->bad_time = true;
    for (struct date_node *d = list; d; d = d->next) {
        int64_t end = d->form == DATE_WITH_END
                          ? d->end.local_s
                          : d->at.local_s + d->duration.days * CIVIL_DAY_S + d->duration.s;
        if (d->at.kind != ICS_UTC || d->form == DATE_ALONE || end < d->at.local_s ||
            end - d->at.local_s > CAL_LENGTH_DAYS_MAX * CIVIL_DAY_S ||
            (d->form == DATE_WITH_END && d->end.kind != ICS_UTC)) {
            e->bad_time = true;
            continue;
        }
        struct cal_occurrence o = {
            .from_at = d->at.local_s * USEC_PER_SEC, .until_at = end * USEC_PER_SEC,
            .from_local_s = d->at.local_s, .until_local_s = end, .uid = e->uid,
            .kind = CAL_KIND_UTC, .busy = busy, .source = CAL_FREEBUSY,
        };
        feed_emit(f, &o);
    }
    f->n_dates = dates;
    if (f->n_zones == zones) /* else a zone's name was kept behind them */
        f->arena.used = mark;
}

/* ---- components ---- */

static enum component component_of(const struct feed *f, struct str name)
{
    static const char *const names[] = { "VCALENDAR", "VEVENT", "VTODO", "VTIMEZONE", "STANDARD", "DAYLIGHT",
                                         "VFREEBUSY", "VAVAILABILITY", "AVAILABLE", NULL };
    const enum component event = f->todos ? C_OTHER : C_EVENT, todo = f->todos ? C_EVENT : C_OTHER;
    const enum component components[] = { C_CALENDAR, event, todo, C_TIMEZONE, C_OBSERVANCE,
                                          C_OBSERVANCE, C_FREEBUSY, C_AVAILABILITY, C_AVAILABLE };
    int n = word(name, names);
    return n < 0 ? C_OTHER : components[n];
}

static enum component top(const struct reading *r)
{
    if (r->depth == 0)
        return C_NONE;
    return r->depth > DEPTH_MAX ? C_OTHER : r->stack[r->depth - 1];
}

static struct event *new_event(struct reading *r, enum feed_component component, uint32_t line)
{
    struct feed *f = r->f;
    if (f->n_events == CAL_EVENTS_MAX) {
        feed_wide_issue(f, CAL_ISSUE_EVENTS, line);
        return NULL;
    }
    struct event *e = take(f, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->component = component;
    e->line = line;
    e->order = f->n_events++;
    e->default_zone = r->default_zone;
    e->unended = true; /* until its END is seen */
    e->uid = (struct str){ "", 0 };
    if (component == FEED_AVAILABILITY)
        e->outlook = CAL_AWAY; /* BUSYTYPE's default, RFC 7953 */
    *f->last_event = e;
    f->last_event = &e->next;
    return e;
}

static void close_component(struct reading *r, bool properly)
{
    switch (top(r)) {
    case C_EVENT:
    case C_FREEBUSY:
        if (r->event && properly)
            r->event->unended = false;
        if (r->event && top(r) == C_FREEBUSY && r->event->bad_time)
            feed_issue(r->f, CAL_ISSUE_TIME, r->event->line, r->event->uid, (struct str){ "", 0 });
        r->event = NULL;
        break;
    case C_AVAILABLE:
        if (r->event && properly)
            r->event->unended = false;
        r->event = NULL;
        break;
    case C_AVAILABILITY:
        if (r->availability && properly)
            r->availability->unended = false;
        r->availability = NULL;
        break;
    case C_TIMEZONE:
        r->zone = NULL;
        break;
    case C_OBSERVANCE:
        r->observance = NULL;
        break;
    case C_CALENDAR:
        r->default_zone = FEED_ZONE_NONE;
        break;
    default:
        break;
    }
    r->depth--;
}

static void open_component(struct reading *r, const struct ics_line *line)
{
    struct feed *f = r->f;
    enum component c = component_of(f, line->value);
    /* These stand in a calendar only: their BEGIN ends whatever was left open before. */
    if (c == C_EVENT || c == C_FREEBUSY || c == C_AVAILABILITY || c == C_TIMEZONE ||
        c == C_CALENDAR)
        while (r->depth > 0 && top(r) != C_CALENDAR)
            close_component(r, false);
    enum component in = top(r);
    if (r->depth < DEPTH_MAX) {
        r->stack[r->depth] = c;
        r->names[r->depth] = keep(f, str_trim(line->value));
    }
    r->depth++;
    f->is_calendar = f->is_calendar || c != C_OTHER; /* single components without VCALENDAR exist */
    if (c == C_EVENT) {
        r->event = new_event(r, FEED_EVENT, line->number);
    } else if (c == C_FREEBUSY) {
        r->freebusy = (struct event){ .line = line->number, .uid = { "", 0 } };
        r->event = &r->freebusy;
    } else if (c == C_AVAILABILITY) {
        r->availability = new_event(r, FEED_AVAILABILITY, line->number);
    } else if (c == C_AVAILABLE && in == C_AVAILABILITY && r->availability) {
        r->event = new_event(r, FEED_AVAILABLE, line->number);
        if (r->event)
            r->event->parent = r->availability;
    } else if ((c == C_TIMEZONE || c == C_OBSERVANCE) && f->n_zone_parts++ >= FEED_ZONE_PARTS_MAX) {
        feed_wide_issue(f, CAL_ISSUE_ZONE_RULES, line->number);
    } else if (c == C_TIMEZONE && (r->zone = take(f, sizeof(*r->zone)))) {
        r->zone->next = f->embedded;
        f->embedded = r->zone;
    } else if (c == C_OBSERVANCE && r->zone && (r->observance = take(f, sizeof(*r->observance)))) {
        r->observance->next = r->zone->observances;
        r->zone->observances = r->observance;
    }
}

/* END closes the nearest component of its name and everything left open inside; a stray one
 * nothing. */
static void end_component(struct reading *r, const struct ics_line *line)
{
    struct str name = str_trim(line->value);
    if (r->depth > DEPTH_MAX) {
        r->depth--;
        return;
    }
    for (unsigned at = r->depth; at > 0; at--) {
        if (!same_word(r->names[at - 1], name))
            continue;
        while (r->depth > at)
            close_component(r, false);
        close_component(r, true);
        return;
    }
}

static void read_line(struct reading *r, const struct ics_line *line)
{
    enum property property = property_of(line->name);
    if (line->malformed && r->event && top(r) == C_EVENT && property != P_NONE)
        r->event->bad_line = true;
    if (property == P_BEGIN)
        open_component(r, line);
    else if (property == P_END)
        end_component(r, line);
    if (property == P_NONE || property == P_BEGIN || property == P_END)
        return;
    switch (top(r)) {
    case C_CALENDAR:
        if (property == P_WR_TIMEZONE && str_trim(line->value).len > 0)
            r->default_zone = zone_index(r->f, line->value);
        break;
    case C_EVENT:
    case C_AVAILABLE:
        if (r->event)
            event_line(r->f, r->event, property, line);
        break;
    case C_AVAILABILITY:
        if (r->availability)
            event_line(r->f, r->availability, property, line);
        break;
    case C_FREEBUSY:
        if (r->event && property == P_UID)
            r->event->uid = keep(r->f, str_trim(line->value));
        else if (r->event && property == P_FREEBUSY)
            freebusy_line(r->f, r->event, line);
        break;
    case C_TIMEZONE:
        if (r->zone && property == P_TZID)
            r->zone->tzid = keep(r->f, str_trim(line->value));
        break;
    case C_OBSERVANCE:
        if (r->observance)
            observance_line(r->f, r->observance, property, line);
        break;
    default:
        break;
    }
}

void feed_read(struct feed *f, struct str bytes)
{
    struct ics_reader reader;
    struct ics_line line;
    struct reading r = { .f = f, .default_zone = FEED_ZONE_NONE };
    ics_begin(&reader, bytes, f->scratch, ICS_LINE_MAX);
    f->last_event = &f->events;
    while (!f->full && ics_next(&reader, &line))
        read_line(&r, &line);
    while (r.depth > 0)
        close_component(&r, false);
}

void feed_resolve_zones(struct feed *f)
{
    for (uint16_t i = 0; i < f->n_zones; i++) {
        struct zone_slot *slot = &f->zones[i];
        slot->zone = f->settings->find_zone
                         ? f->settings->find_zone(f->settings->find_data, slot->name)
                         : NULL;
        unsigned tried = 0;
        for (struct embedded_zone *e = f->embedded; e && slot->zone == NULL; e = e->next) {
            if (!str_eq(e->tzid, slot->name) || tried++ >= SAME_ZONE_MAX)
                continue;
            struct zone *built = take(f, sizeof(*built));
            if (built && vtimezone_build(f, e, built))
                slot->zone = built;
            else
                feed_issue(f, CAL_ISSUE_ZONE_RULES, 0, (struct str){ "", 0 }, slot->name);
        }
    }
}
