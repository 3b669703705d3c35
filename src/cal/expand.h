/* expand.h - a calendar file in, occurrences out.
 *
 * Reads one iCalendar stream (RFC 5545, RFC 7953; as programs write it) and lists what touches a
 * window, sorted by start, end and UID.  Rules are stepped through in zone-less local time, RDATEs
 * added, EXDATEs removed, overrides applied by (UID, original start), and only then times become
 * UTC, once.
 *
 * Privacy: titles, places, people and descriptions are never copied, kept or shown.  What leaves is
 * times, kind, UID, status and transparency, and the name of a time zone that is not known.
 *
 * Budgets hold for any input: bytes, events, dates, steps and occurrences have the limits below,
 * and the caller's block is all the memory used.  An event over budget, in an unknown zone or
 * without sense is listed among the issues: never silently UTC, never silently free.  Over budget
 * means that its base time alone is kept; an unknown zone, that it is read in the person's zone and
 * marked doubtful.
 *
 * UIDs in the result point into the input bytes or the block: keep both as long as the result.
 * Pure, except that zones are asked for by name through find_zone.
 */
#ifndef EOUL_CAL_EXPAND_H
#define EOUL_CAL_EXPAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"
#include "cal/tzif.h"

/* 8 MB of feed (over 10,000 events as Google writes them) and 21 MB of memory make 29 MB; the
 * costliest inputs known (test/bench) stay under 200 ms. */
#define CAL_BYTES_MAX (8u * 1000 * 1000)
#define CAL_MEMORY (21u * 1000 * 1000)  /* enough for the limits below */
#define CAL_EVENTS_MAX 20000
#define CAL_DATES_MAX 60000             /* RDATE, EXDATE and FREEBUSY values of a feed */
#define CAL_OCCURRENCES_MAX 100000
#define CAL_STEPS_MAX 1000000           /* of a feed; of an event RRULE_STEPS_MAX */
#define CAL_ZONES_MAX 64                /* different TZIDs in a feed */
#define CAL_ISSUES_MAX 256              /* listed; all are counted */
#define CAL_LENGTH_DAYS_MAX 3660ll      /* longer events are refused as absurd */
#define CAL_ADDRESSES_MAX 8

enum cal_kind { CAL_KIND_DATE, CAL_KIND_FLOATING, CAL_KIND_UTC };
enum cal_status { CAL_STATUS_NONE, CAL_TENTATIVE, CAL_CONFIRMED, CAL_CANCELLED };
enum cal_transp { CAL_TRANSP_NONE, CAL_OPAQUE, CAL_TRANSPARENT };
enum cal_source { CAL_EVENT, CAL_FREEBUSY, CAL_AVAILABILITY };

/* What an occurrence means for its owner's time. */
enum cal_busy { CAL_FREE, CAL_PRESENT, CAL_SOFT, CAL_BUSY, CAL_AWAY };

struct cal_occurrence {
    usec_t from_at, until_at;               /* UTC */
    int64_t from_local_s, until_local_s;    /* as written, for dates and floating times */
    struct str uid;
    enum cal_kind kind : 8;
    enum cal_busy busy : 8;
    enum cal_status status : 8;
    enum cal_transp transp : 8;
    enum cal_source source : 8;
    bool doubtful;                          /* its zone is not known */
};

/* The sentences are whole, for tr(). */
#define CAL_ISSUE_LIST(X) \
    X(CAL_ISSUE_NO_START,     N_("The event has no start that can be read.")) \
    X(CAL_ISSUE_END,          N_("The event ends before it begins, or lasts longer than ten years.")) \
    X(CAL_ISSUE_TIME,         N_("A date or time of the event cannot be read.")) \
    X(CAL_ISSUE_ZONE,         N_("The time zone of the event is not known; it is read in your own zone.")) \
    X(CAL_ISSUE_RULE,         N_("The recurrence rule cannot be read; only the first occurrence counts.")) \
    X(CAL_ISSUE_RSCALE,       N_("The rule uses a calendar that is not understood; only the first occurrence counts.")) \
    X(CAL_ISSUE_BUDGET,       N_("The event recurs too often to be followed; only the first occurrence counts.")) \
    X(CAL_ISSUE_NO_END,       N_("The text of the event breaks off; what could be read of it counts.")) \
    X(CAL_ISSUE_LINE,         N_("A line of the event is too long or not understood.")) \
    X(CAL_ISSUE_DATES,        N_("The calendar has too many single dates; some are left out.")) \
    X(CAL_ISSUE_OCCURRENCES,  N_("The calendar has too many occurrences; the last ones are left out.")) \
    X(CAL_ISSUE_EVENTS,       N_("The calendar has too many events; the last ones are left out.")) \
    X(CAL_ISSUE_ZONE_RULES,   N_("The rules of an embedded time zone cannot be followed.")) \
    X(CAL_ISSUE_FILE,         N_("A file of the directory, or a resource of the server, is no calendar.")) \
    X(CAL_ISSUE_DENSE,        N_("The busy times are too many to keep apart; the shortest gaps between them count as busy.")) \
    X(CAL_ISSUE_REPEATS,      N_("The todo repeats; eoul takes only todos that are done once.")) \
    X(CAL_ISSUE_NO_TODO,      N_("The resource is not exactly one todo with a UID.")) \
    X(CAL_ISSUE_TODOS,        N_("The list has more open todos than eoul takes; those that are due last are left out."))

enum cal_issue_code {
#define X(code, text) code,
    CAL_ISSUE_LIST(X)
#undef X
    CAL_ISSUE_CODES
};

struct cal_issue {
    enum cal_issue_code code;
    uint32_t line;     /* of the input, where the event begins */
    struct str uid;    /* may be empty */
    struct str detail; /* CAL_ISSUE_ZONE: the TZID; else empty */
};

/* The sentence of an issue, in English, to be passed through tr(); static. */
const char *cal_issue_text(enum cal_issue_code code);
const char *cal_issue_word(enum cal_issue_code code); /* "no-start"; static, for programs */
bool cal_issue_read(struct str word, enum cal_issue_code *ret);

struct cal_settings {
    struct span window;
    const struct zone *zone; /* the person's: floating and all-day times without X-WR-TIMEZONE */
    const struct zone *(*find_zone)(void *data, struct str name); /* NULL: not known */
    void *find_data;
    struct str address[CAL_ADDRESSES_MAX]; /* own e-mail addresses: whose PARTSTAT counts */
    unsigned n_addresses;
};

struct cal_expansion {
    struct cal_occurrence *occurrences; /* CANCELLED ones are not among them */
    size_t n;
    struct cal_issue *issues;
    size_t n_issues, n_issues_all; /* listed, counted */
    uint32_t n_events;
};

/* `memory` is a block of `size` bytes; with CAL_MEMORY no real calendar within the limits needs
 * more. Fails, with a sentence, only if the stream as a whole is too large or made to need more
 * (E_TOO_LARGE), is no calendar (E_INVALID), or a block smaller than CAL_MEMORY does not suffice
 * (E_FULL). */
int cal_expand(struct str bytes, const struct cal_settings *settings, void *memory, size_t size,
               struct cal_expansion *ret, struct err *err);

/* The occurrences of at least `least` as normalised spans: what the core needs.  E_FULL as spans.h.
 */
int cal_busy_spans(const struct cal_expansion *e, enum cal_busy least, struct span *out, size_t cap,
                   size_t *ret_n);

#endif
