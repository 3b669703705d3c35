/* civil.c - see civil.h. */
#include "cal/civil.h"

bool civil_is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int civil_month_days(int year, int month)
{
    static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return month == 2 && civil_is_leap(year) ? 29 : days[month - 1];
}

int civil_year_days(int year) { return civil_is_leap(year) ? 366 : 365; }

/* Years start in March here, so that the leap day is the last of its year (Hinnant). */
int64_t civil_day(int year, int month, int day)
{
    int64_t y = month <= 2 ? (int64_t)year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468 + day - 1;
}

void civil_from_day(int64_t day, int *ret_year, int *ret_month, int *ret_day)
{
    int64_t z = day + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *ret_day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *ret_month = month;
    *ret_year = (int)(yoe + era * 400 + (month <= 2 ? 1 : 0));
}

int64_t civil_local_s(struct civil c)
{
    int second = c.second > 59 ? 59 : c.second;
    return civil_day(c.year, c.month, c.day) * CIVIL_DAY_S + c.hour * 3600 + c.minute * 60 + second;
}

struct civil civil_from_local_s(int64_t local_s)
{
    struct civil c;
    int of_day = (int)floor_mod(local_s, CIVIL_DAY_S);
    civil_from_day(civil_day_of(local_s), &c.year, &c.month, &c.day);
    c.hour = of_day / 3600;
    c.minute = of_day / 60 % 60;
    c.second = of_day % 60;
    return c;
}

/* 1970-01-01 was a Thursday. */
enum weekday civil_weekday(int64_t day) { return (enum weekday)floor_mod(day + THURSDAY, 7); }

int64_t civil_nth_weekday(int year, int month, int n, enum weekday weekday)
{
    int64_t first = civil_day(year, month, 1);
    int64_t day = first + floor_mod((int)weekday - (int)civil_weekday(first), 7) + 7 * (n - 1);
    while (day >= first + civil_month_days(year, month))
        day -= 7;
    return day;
}

int64_t civil_week1(int year, enum weekday start)
{
    int64_t fourth = civil_day(year, 1, 4); /* always in week 1 */
    return fourth - floor_mod((int)civil_weekday(fourth) - (int)start, 7);
}

bool civil_valid(struct civil c)
{
    return c.year >= CIVIL_YEAR_MIN && c.year <= CIVIL_YEAR_MAX && c.month >= 1 && c.month <= 12 &&
           c.day >= 1 && c.day <= civil_month_days(c.year, c.month) && c.hour >= 0 &&
           c.hour <= 23 && c.minute >= 0 && c.minute <= 59 && c.second >= 0 && c.second <= 60;
}
