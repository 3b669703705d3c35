/* rrule.h - a recurrence rule: read, and stepped through in zone-less local time.
 *
 * All of RFC 5545 section 3.3.10, and of RFC 7529 RSCALE=GREGORIAN with SKIP; another RSCALE is
 * refused. Values come out ascending, each once, never before the start.  Whether the start itself
 * belongs to the set although the rule does not give it is the caller's matter (expand.h).
 *
 * Bounded: everything costs steps (a month's days looked at, a period tried, a value given: one
 * each, under a microsecond), and when they are used up the answer is E_LIMIT.  No input, however
 * written, does more work than its steps.  Nothing recurses, nothing allocates: rule and iterator
 * are plain memory.  Pure.
 *
 * Where the RFC leaves things open: ordinals in BYDAY count for MONTHLY and YEARLY only and are
 * ignored elsewhere; BYYEARDAY and BYMONTHDAY limit where the RFC forbids them; BYMONTHDAY alone in
 * a yearly rule is in the month of the start; a week of BYWEEKNO belongs to every year it touches;
 * second 60 is 59; COUNT counts what the rule gives.
 */
#ifndef EOUL_CAL_RRULE_H
#define EOUL_CAL_RRULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "cal/civil.h"

#define RRULE_TEXT_MAX 8192   /* every BY part in full fits in 5 KB */
#define RRULE_STEPS_MAX 20000 /* per event: daily for 54 years */
#define RRULE_INTERVAL_MAX 1000000 /* larger ones never come round before year 9999 */
#define RRULE_SETPOS_MAX (2 * 366) /* every position from the front and from the end */

enum rrule_freq { RRULE_SECONDLY, RRULE_MINUTELY, RRULE_HOURLY, RRULE_DAILY, RRULE_WEEKLY,
                  RRULE_MONTHLY, RRULE_YEARLY };
enum rrule_skip { RRULE_OMIT, RRULE_BACKWARD, RRULE_FORWARD };
enum rrule_until { RRULE_UNTIL_NONE, RRULE_UNTIL_DATE, RRULE_UNTIL_LOCAL, RRULE_UNTIL_UTC };

/* Sets are bit masks: bit n is value n; _end sets count from the end: bit n is value -n. */
struct rrule {
    enum rrule_freq freq;
    enum rrule_skip skip;
    enum rrule_until until_kind;
    enum weekday week_start;
    uint32_t interval;
    uint32_t count;            /* 0: no COUNT */
    int64_t until_s;           /* seconds as written; of a DATE its last second */
    uint64_t second, minute;   /* 0: no such part */
    uint32_t hour, month;
    uint32_t month_day, month_day_end;
    uint8_t weekday;           /* BYDAY without ordinal */
    bool weekday_n;            /* some BYDAY has one */
    uint64_t nth[7], nth_end[7];
    uint64_t week, week_end;
    uint64_t year_day[6], year_day_end[6];
    uint64_t setpos[6], setpos_end[6];
};

/* On refusal one sentence, E_INVALID or (RSCALE) E_UNSUPPORTED. */
int rrule_parse(struct str text, struct rrule *ret, struct err *err);

/* The rule in canonical form; parsing that gives the same rule. */
void rrule_print(const struct rrule *rule, struct buf *out);

struct rrule_iter {
    struct rrule rule;         /* with what the start implies filled in */
    bool nth_in_month;         /* BYDAY ordinals count in the month, else in the year */
    int64_t start_s, until_s;
    int64_t low_s;             /* nothing before this is of interest */
    int64_t steps_left;
    uint32_t given;            /* towards COUNT */
    int64_t period;            /* the next to try, in intervals from the start */
    bool loaded, done, failed;
    bool has_setpos, filters_days;
    /* the present period: days as bits from day0, times of a day as bits of hour, minute, second */
    int64_t day0;
    uint64_t days[7];
    int day;                   /* bit to give next */
    uint32_t hours;
    uint64_t minutes, seconds;
    int hour, minute, second;  /* to give next */
    uint32_t n_pos, at_pos;    /* BYSETPOS: positions in this period, ascending */
    uint32_t pos[RRULE_SETPOS_MAX];
    int64_t last_s;
};

/* Start at start_s (midnight of its day for an all-day start) and give values up to until_s at
 * most; the rule's own UNTIL counts too if it is a date or local time, and so does a UTC one as if
 * it were local unless the caller clears until_kind and compares instants itself. E_INVALID: times
 * asked of an all-day start. */
int rrule_begin(struct rrule_iter *it, const struct rrule *rule, int64_t start_s, bool all_day,
                int64_t until_s, int64_t steps, struct err *err);

/* Values before from_s are of no interest: skip what can be skipped (nothing if there is a COUNT).
 */
void rrule_seek(struct rrule_iter *it, int64_t from_s);

/* The value last given does not count towards COUNT (a local time that does not exist). */
void rrule_uncount(struct rrule_iter *it);

/* 1 and the next value, 0 at the end, E_LIMIT when the steps are used up (and for ever after). */
int rrule_next(struct rrule_iter *it, int64_t *ret_local_s);

#endif
