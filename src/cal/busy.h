/* busy.h - all that is kept of a calendar: when its owner is busy, and how.
 *
 * A list of stretches: sorted, disjoint, none empty, each with one meaning.  Where occurrences
 * overlap the stronger meaning counts (away, busy, tentative, present), and stretches that touch and
 * mean the same are one; so how many events there were, and how long each, cannot be seen any more.
 * Free time is not in it.
 *
 * Text form: "FROM/UNTIL/WORD,..." in UTC microseconds and the words of cal_busy_word; printing what
 * was parsed gives the same text.  Pure.
 */
#ifndef EOUL_CAL_BUSY_H
#define EOUL_CAL_BUSY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "cal/expand.h"

/* Limits of what is kept of one calendar. */
#define CALENDAR_NAME_MAX 64    /* bytes */
#define CALENDAR_PLACE_MAX 1024 /* a path or address */
#define CALENDAR_SELF_MAX 512   /* own addresses */
#define CALENDAR_BUSY_MAX 10000 /* stretches: 400 days of 25 */
#define CALENDAR_ISSUES_MAX 32  /* listed; all are counted */
#define CALENDAR_DETAIL_MAX 80  /* bytes of what is said beside an issue */
#define CALENDAR_MARKS_MAX 500 /* what a source said to tell a change by */
#define CALENDAR_DAYS 400       /* how far ahead it is read */

struct busy {
    usec_t from_at, until_at;
    enum cal_busy kind; /* never CAL_FREE */
};

const char *cal_busy_word(enum cal_busy kind); /* "busy"; static, and a message for tr() */
bool cal_busy_read(struct str word, enum cal_busy *ret);

/* What an expansion says about `window`, in at most `cap` (>= 8) stretches.  If there are more, the
 * shortest gaps between them are closed, the stronger meaning counts, and *ret_squeezed says so:
 * busier than it was, never freer. */
size_t busy_of(const struct cal_expansion *e, struct span window, struct busy *out, size_t cap,
               bool *ret_squeezed);

/* The same of stretches in any order, overlapping as they may (those of several calendars, or of a
 * calendar's single resources); sorts them in place.  out may not overlap them. */
size_t busy_of_parts(struct busy *parts, size_t n, struct span window, struct busy *out, size_t cap,
                     bool *ret_squeezed);

bool busy_is_normal(const struct busy *b, size_t n);

void busy_print(struct buf *out, const struct busy *b, size_t n);
/* E_INVALID: not in the form above; E_FULL: more than `cap`. */
int busy_parse(struct str text, struct busy *out, size_t cap, size_t *ret_n);

/* Place of the first stretch that ends after `at`; n if none does. */
size_t busy_after(const struct busy *b, size_t n, usec_t at);

#endif
