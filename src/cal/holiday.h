/* holiday.h - a list of public holidays: text in, days out.
 *
 * One text file a country (holidays/KR.txt says its form in its head).  People are away on every day of
 * it; electricity tariffs have a calendar of their own, for which temporary holidays are working days
 * (holiday_on says which is meant).  Pure; names stay in the text.
 */
#ifndef EOUL_CAL_HOLIDAY_H
#define EOUL_CAL_HOLIDAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "cal/busy.h"
#include "cal/tzif.h"

#define HOLIDAYS_MAX 4000         /* days of one list: a hundred years of forty */
#define HOLIDAY_FILE_MAX (512u << 10)

enum holiday_kind { HOLIDAY_PUBLIC, HOLIDAY_SUBSTITUTE, HOLIDAY_ELECTION, HOLIDAY_TEMPORARY, HOLIDAY_KINDS };
const char *holiday_word(enum holiday_kind kind); /* "public" */

struct holiday {
    int64_t day; /* since 1970-01-01 */
    enum holiday_kind kind;
    struct str name;
};

struct holidays {
    struct str zone;                        /* "Asia/Seoul" */
    int64_t known_from_day, known_until_day; /* the last one included */
    struct holiday *days;                   /* sorted; two may fall on one day */
    size_t n;
};

/* `days` is memory for `cap`; the names point into `text`.  The sentence names the line. */
int holidays_parse(struct str text, struct holiday *days, size_t cap, struct holidays *ret,
                   struct err *err);

enum holiday_use { HOLIDAY_FOR_PEOPLE, HOLIDAY_FOR_TARIFFS };
/* Is that day one?  Days outside what is known are not. */
bool holiday_on(const struct holidays *h, int64_t day, enum holiday_use use);

/* Each day as time away, midnight to midnight in `zone`, within `window`; out has room for `cap`. */
size_t holidays_busy(const struct holidays *h, const struct zone *zone, struct span window,
                     struct busy *out, size_t cap);

#endif
