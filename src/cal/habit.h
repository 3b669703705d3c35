/* habit.h - usual days and hours, from the instants at which somebody did something.
 *
 * A day begins at 05:00 local time: work until two belongs to the evening before.  Hours are from the tenth part of the
 * days' first instants to half an hour behind the tenth from the end of their last ones, four hours at least; a weekday
 * counts if it was used in a quarter of the weeks and a third as often as the most used one.  Fewer than
 * HABIT_DAYS_MIN days tell nothing.  Pure.
 */
#ifndef EOUL_CAL_HABIT_H
#define EOUL_CAL_HABIT_H

#include <stdbool.h>

#include "cal/hours.h"

#define HABIT_DAYS_MIN 8

struct habit_day { /* with something in it */
    int64_t number;
    int32_t first_s, last_s; /* after the day's begin */
};

/* One instant more; they come in order.  `days` has room for *n + 1. */
void habit_note(struct habit_day *days, size_t *n, const struct zone *zone, usec_t at);
/* false: too little is known.  Sorts `days`. */
bool habit_hours(struct habit_day *days, size_t n, struct hours *ret);

#endif
