/* words.h - the words people use for days and clock times, English and Korean, for hours.c and
 * when.c.
 *
 * Each words_take_* takes one thing off the front of *s (after blanks) and says whether it was
 * there; *s is untouched if not.  ASCII letters match in any case and only as whole words.  Pure.
 */
#ifndef EOUL_CAL_WORDS_H
#define EOUL_CAL_WORDS_H

#include <stdbool.h>

#include "base/str.h"
#include "cal/civil.h"

void words_skip_blanks(struct str *s);
bool words_take(struct str *s, const char *word);
bool words_take_any(struct str *s, const char *const *words); /* NULL-terminated */

/* A run of 1 to `digits_max` digits that no further digit follows. */
bool words_take_digits(struct str *s, unsigned digits_max, int64_t *ret, unsigned *ret_digits);

/* mon, Tuesday, 수, 목요일.  A single Korean letter only if it stands alone (월요일, 월, "월 9시"). */
bool words_take_weekday(struct str *s, enum weekday *ret);

struct words_clock {
    int s;     /* seconds after midnight, 0..86400 (24:00) */
    bool bare; /* only a number: "9" */
};

/* 9, 9:30, 09:00:30, 9am, 9:30 pm, 9시, 9시 30분, 9시 반, 오후 3시, noon, midnight (0:00), 정오, 자정. */
bool words_take_clock(struct str *s, struct words_clock *ret);

#endif
