/* habit.c - see habit.h. */
#include "cal/habit.h"

#include <stdlib.h>
#include <string.h>

#define HOURS_MIN_MIN (4 * 60)
#define DAY_BEGINS_S  (5 * 3600)
#define DAY_MIN       1440

void habit_note(struct habit_day *days, size_t *n, const struct zone *zone, usec_t at)
{
    int64_t local_s = zone_to_local_s(zone, floor_div(at, USEC_PER_SEC)) - DAY_BEGINS_S;
    int32_t clock_s = (int32_t)floor_mod(local_s, CIVIL_DAY_S);
    int64_t number = civil_day_of(local_s);
    if (*n == 0 || days[*n - 1].number != number)
        days[(*n)++] = (struct habit_day){ number, clock_s, clock_s };
    struct habit_day *d = &days[*n - 1];
    d->last_s = clock_s > d->last_s ? clock_s : d->last_s;
}

static int by_first(const void *a, const void *b)
{
    const struct habit_day *x = a, *y = b;
    return x->first_s < y->first_s ? -1 : x->first_s > y->first_s;
}

static int by_last(const void *a, const void *b)
{
    const struct habit_day *x = a, *y = b;
    return x->last_s < y->last_s ? -1 : x->last_s > y->last_s;
}

/* The weekdays that count, each with the same hours. */
static bool enter(struct hours *ret, const uint32_t count[7], int64_t weeks, int32_t from_min, int32_t until_min)
{
    uint32_t most = 0;
    bool any = false;
    memset(ret, 0, sizeof *ret);
    for (int i = 0; i < 7; i++)
        most = count[i] > most ? count[i] : most;
    for (int i = 0; i < 7; i++) {
        if ((int64_t)count[i] * 4 < weeks || count[i] * 3 < most)
            continue;
        int day = from_min >= DAY_MIN ? (i + 1) % 7 : i;
        int32_t shift = from_min >= DAY_MIN ? DAY_MIN : 0;
        ret->day[day].span[ret->day[day].n++] = (struct hours_span){
            (uint16_t)(from_min - shift), (uint16_t)(until_min - shift) };
        any = true;
    }
    return any;
}

bool habit_hours(struct habit_day *days, size_t n, struct hours *ret)
{
    uint32_t count[7] = { 0 };
    if (n < HABIT_DAYS_MIN)
        return false;
    int64_t weeks = (days[n - 1].number - days[0].number) / 7 + 1;
    for (size_t i = 0; i < n; i++)
        count[civil_weekday(days[i].number)]++;
    qsort(days, n, sizeof *days, by_first);
    int32_t from_min = days[n / 10].first_s / 60;
    qsort(days, n, sizeof *days, by_last);
    int32_t until_min = days[n - 1 - n / 10].last_s / 60 + 30;
    if (until_min < from_min + HOURS_MIN_MIN)
        until_min = from_min + HOURS_MIN_MIN;
    if (until_min > from_min + DAY_MIN)
        until_min = from_min + DAY_MIN;
    return enter(ret, count, weeks, from_min + DAY_BEGINS_S / 60, until_min + DAY_BEGINS_S / 60);
}
