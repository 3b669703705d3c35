/* civil.h - dates and clock times without a zone.
 *
 * Local time is a plain count: seconds since 1970-01-01T00:00:00 *as read off a wall clock*
 * (local_s), days since 1970-01-01 (day).  It becomes an instant only through a zone (tzif.h).
 * Proleptic Gregorian calendar, years CIVIL_YEAR_MIN..CIVIL_YEAR_MAX; a leap second (:60) reads as
 * :59. Algorithms: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".  Pure; nothing
 * fails but civil_valid.
 */
#ifndef EOUL_CAL_CIVIL_H
#define EOUL_CAL_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

#define CIVIL_YEAR_MIN 1
#define CIVIL_YEAR_MAX 9999 /* what iCalendar can write */
#define CIVIL_DAY_S 86400

enum weekday { MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY };

struct civil {
    int year;
    int month;  /* 1..12 */
    int day;    /* 1..31 */
    int hour;   /* 0..23 */
    int minute;
    int second;
};

bool civil_is_leap(int year);
int civil_month_days(int year, int month); /* month 1..12 */
int civil_year_days(int year);             /* 365 or 366 */

/* Any month 1..12 and any day number: day 0 is the last of the month before. */
int64_t civil_day(int year, int month, int day);
void civil_from_day(int64_t day, int *ret_year, int *ret_month, int *ret_day);

int64_t civil_local_s(struct civil c);
struct civil civil_from_local_s(int64_t local_s);

enum weekday civil_weekday(int64_t day);

/* The day of the month that is the n-th `weekday` (n 1..5; 5 = the last, as POSIX TZ has it). */
int64_t civil_nth_weekday(int year, int month, int n, enum weekday weekday);

/* The day on which week 1 of `year` starts, for weeks that start on `start` and of which the first
 * has at least four days in the year (ISO 8601 with MONDAY, RFC 5545 with WKST). */
int64_t civil_week1(int year, enum weekday start);

bool civil_valid(struct civil c);

/* Quotient and remainder that round down, so that days before 1970 work. */
static inline int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return a % b < 0 ? q - 1 : q;
}

static inline int64_t floor_mod(int64_t a, int64_t b)
{
    int64_t m = a % b;
    return m < 0 ? m + b : m;
}

static inline int64_t civil_day_of(int64_t local_s) { return floor_div(local_s, CIVIL_DAY_S); }

#endif
