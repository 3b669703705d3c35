/* hours.h - the hours a person writes down: "Mon-Fri 09:00-18:00; Sat 10:00-14:00".
 *
 * Grammar: entries separated by ';' or a new line; an entry is days, then spans separated by ','.
 *   days   mon, Monday, 월, 월요일; ranges mon-fri, 월~금; lists mon,wed and 월수금; daily 매일,
 *          weekdays 평일, weekends 주말
 *   spans  9-12, 09:00-18:30, 22:00-04:00 (until the next morning), 00:00-24:00, 9am-6pm,
 *          9시-18시 30분, 오전 9시~오후 6시
 * "none" (없음) is no hours at all.  A day named twice has the spans of both.  hours_print writes the
 * shortest equal text; parsing that gives the same hours.
 * Pure.  Refusals are one sentence.
 */
#ifndef EOUL_CAL_HOURS_H
#define EOUL_CAL_HOURS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"
#include "cal/civil.h"
#include "cal/tzif.h"

#define HOURS_SPANS_MAX 8     /* per weekday; people split a day in two or three */
#define HOURS_TEXT_MAX 1024   /* bytes of text that are read */
#define HOURS_DAYS_MAX 3700   /* days one expansion may cover: ten years */

struct hours_span {
    uint16_t from_min;  /* 0..1439 after local midnight of the weekday */
    uint16_t until_min; /* > from_min, at most from_min + 1440: may end on the next day */
};

struct hours {
    struct {
        unsigned n;
        struct hours_span span[HOURS_SPANS_MAX]; /* sorted, disjoint, not touching */
    } day[7]; /* by enum weekday, Monday first */
};

int hours_parse(struct str text, struct hours *ret, struct err *err);
void hours_print(const struct hours *hours, struct buf *out); /* English names; "none" when empty */

/* The hours inside [window.from_at, window.until_at) as normalised spans.  A local time skipped by
 * the clock is the instant of the jump, one that occurs twice is its first.  E_FULL when `cap`
 * spans do not suffice (days x spans per day do), E_TOO_LARGE over HOURS_DAYS_MAX. */
int hours_expand(const struct hours *hours, const struct zone *zone, struct span window,
                 struct span *out, size_t cap, size_t *ret_n);

#endif
