/* feed.h - a calendar stream as read, before anything is expanded.  Between feed.c, vtimezone.c,
 * expand.c and vtodo.c only.
 *
 * All of it lives in the arena or points into the input bytes.  Rules stay text until they are
 * needed: a struct rrule is large and most events have none.
 */
#ifndef EOUL_CAL_FEED_H
#define EOUL_CAL_FEED_H

#include "cal/arena.h"
#include "cal/expand.h"
#include "cal/ics.h"

#define FEED_ZONE_NONE UINT16_MAX
#define FEED_ZONE_PARTS_MAX 4096 /* VTIMEZONEs and their observances: a few per zone */
#define FEED_RULES_MAX 8 /* RRULEs of one event; more than one is already rare */

struct moment {
    int64_t local_s;
    enum ics_kind kind : 8;
    uint16_t zone; /* index into feed.zones when ICS_ZONED */
};

struct date_node { /* one value of RDATE, EXDATE or (utc) FREEBUSY */
    struct date_node *next;
    struct moment at, end;
    struct ics_duration duration;
    enum { DATE_ALONE, DATE_WITH_END, DATE_WITH_DURATION } form;
};

struct rule_node {
    struct rule_node *next;
    struct str text;
    bool excludes; /* EXRULE of RFC 2445 */
};

enum feed_component { FEED_EVENT, FEED_AVAILABILITY, FEED_AVAILABLE };

struct event {
    struct event *next;
    struct event *parent;  /* of AVAILABLE: its VAVAILABILITY */
    enum feed_component component;
    uint32_t line, order;
    struct str uid;
    struct moment start, end, recurrence_id;
    struct ics_duration duration;
    bool has_start, has_end, has_duration, has_recurrence_id, and_future;
    bool bad_time, bad_line, unended, all_day_flag;
    enum cal_status status;
    enum cal_transp transp;
    enum cal_busy outlook;     /* X-MICROSOFT-CDO-BUSYSTATUS */
    bool has_outlook;
    enum { PART_NONE, PART_DECLINED, PART_SOFT, PART_OTHER } part; /* own PARTSTAT */
    int priority;              /* VAVAILABILITY: 1 highest, 9 lowest, 0 below all */
    int64_t sequence, stamp_s; /* SEQUENCE, DTSTAMP: which of two versions counts */
    uint16_t default_zone;     /* X-WR-TIMEZONE, or FEED_ZONE_NONE */
    struct rule_node *rules;
    struct date_node *rdates, *exdates;
};

struct observance { /* STANDARD or DAYLIGHT */
    struct observance *next;
    int64_t start_s;
    bool has_start, has_from, has_to;
    int32_t from_s, to_s;
    struct str rule;
    struct date_node *rdates;
};

struct embedded_zone { /* VTIMEZONE */
    struct embedded_zone *next;
    struct str tzid;
    struct observance *observances;
};

struct zone_slot {
    struct str name;
    const struct zone *zone; /* NULL: not known */
};

struct feed {
    const struct cal_settings *settings;
    struct arena arena;
    struct cal_expansion *out;
    size_t occurrences_max;
    char *scratch;
    struct event *events, **last_event;
    uint32_t n_events, n_dates, n_zone_parts;
    bool todos;       /* each VTODO is read as an event, DUE as its end, and VEVENTs are passed over */
    bool is_calendar; /* the BEGIN of a component we know was seen */
    struct embedded_zone *embedded;
    struct zone_slot zones[CAL_ZONES_MAX];
    uint16_t n_zones, last_zone;
    int64_t steps_left;
    bool full; /* the arena is used up */
    unsigned counts[CAL_ISSUE_CODES]; /* each feed-wide issue is said once */
};

void feed_issue(struct feed *f, enum cal_issue_code code, uint32_t line, struct str uid,
                struct str detail);

/* Read the whole stream; what is not understood becomes issues. */
void feed_read(struct feed *f, struct str bytes);

/* Find every zone named: by find_zone, else by the VTIMEZONE of that name. */
void feed_resolve_zones(struct feed *f);

/* The zone of a moment of this event; never NULL.  Unknown: it is the person's own, for want of another. */
const struct zone *feed_zone_of(const struct feed *f, const struct event *e, const struct moment *m);
bool feed_zone_unknown(const struct feed *f, const struct moment *m);
int64_t feed_utc_s(const struct feed *f, const struct event *e, const struct moment *m);

/* A VTIMEZONE as a zone that is right from 60 years before the window to 2 years after it. */
bool vtimezone_build(struct feed *f, const struct embedded_zone *embedded, struct zone *ret);

/* Append if it touches the window; counts what does not fit as an issue. */
void feed_emit(struct feed *f, const struct cal_occurrence *o);

#endif
