/* slow_calendars.c - see slow_calendars.h. */
#include "slow_calendars.h"

#include "base/prng.h"
#include "cal/expand.h"

static void event(struct buf *b, unsigned uid, const char *start, const char *lines)
{
    buf_printf(b, "BEGIN:VEVENT\r\nUID:%u\r\nDTSTART%s\r\n%sEND:VEVENT\r\n", uid, start, lines);
}

static void numbers(struct buf *b, const char *part, int from, int until)
{
    buf_printf(b, "%s=", part);
    for (int i = from; i <= until; i++)
        if (i != 0)
            buf_printf(b, "%s%d", i == from ? "" : ",", i);
}

/* The same lines in as many events as count. */
static void many(struct buf *b, const char *start, const char *lines)
{
    for (unsigned i = 0; i < CAL_EVENTS_MAX && b->len + 9000 < CAL_BYTES_MAX; i++)
        event(b, i, start, lines);
}

static void repeat(struct buf *b, const char *text)
{
    size_t len = str_of(text).len;
    while (b->len + len < CAL_BYTES_MAX)
        buf_add(b, text, len);
}

static void every_part(struct buf *b)
{
    char lines[8192];
    struct buf rule;
    buf_init_fixed(&rule, lines, sizeof(lines));
    buf_c(&rule, "RRULE:FREQ=YEARLY;");
    numbers(&rule, "BYMONTHDAY", 1, 31);
    numbers(&rule, ";BYYEARDAY", -366, 366);
    numbers(&rule, ";BYWEEKNO", 1, 53);
    numbers(&rule, ";BYHOUR", 1, 23);
    numbers(&rule, ";BYMINUTE", 1, 59);
    numbers(&rule, ";BYSETPOS", -366, 366);
    buf_c(&rule, "\r\n");
    many(b, ":19000101T000000Z", lines);
}

static void overrides(struct buf *b, bool future)
{
    for (unsigned i = 0; i < CAL_EVENTS_MAX / 2; i++) {
        char start[64], lines[128];
        unsigned year = i / 336 % 100, month = i / 28 % 12 + 1, day = i % 28 + 1;
        struct buf s;
        buf_init_fixed(&s, start, sizeof(start));
        buf_printf(&s, ":20%02u%02u%02uT090000Z", year, month, day);
        if (future || i == 0)
            event(b, 1, start, "SEQUENCE:9\r\nRRULE:FREQ=DAILY\r\n");
        buf_init_fixed(&s, lines, sizeof(lines));
        buf_printf(&s, "RECURRENCE-ID%s%s\r\n", future ? ";RANGE=THISANDFUTURE" : "", start);
        event(b, 1, start, lines);
    }
}

static void zones(struct buf *b)
{
    for (unsigned i = 0; i < 4000; i++)
        buf_printf(
            b,
            "BEGIN:VTIMEZONE\r\nTZID:Z%u\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\n"
            "TZOFFSETFROM:+0900\r\nTZOFFSETTO:+0900\r\nRRULE:FREQ=SECONDLY\r\nEND:STANDARD\r\n"
            "END:VTIMEZONE\r\n",
            i % 60);
    for (unsigned i = 0; i < 60; i++) {
        char start[64];
        struct buf s;
        buf_init_fixed(&s, start, sizeof(start));
        buf_printf(&s, ";TZID=Z%u:20261101T090000", i);
        event(b, i, start, "");
    }
}

const char *slow_calendar(unsigned n, struct buf *b)
{
    buf_clear(b);
    buf_c(b, "BEGIN:VCALENDAR\r\n");
    switch (n) {
    case 0:
        many(b, ":20261101T090000Z", "RRULE:FREQ=SECONDLY\r\n");
        return "every second";
    case 1:
        many(b, ":20000101T000000Z", "RRULE:FREQ=DAILY\r\n");
        return "every day";
    case 2:
        many(b, ";TZID=Europe/Berlin:20000101T000000", "RRULE:FREQ=DAILY\r\n");
        return "every day in a zone";
    case 3:
        many(b, ":00010101T000000Z",
             "RRULE:FREQ=YEARLY;COUNT=1000;BYWEEKNO=53;BYDAY=MO;BYMONTHDAY=29\r\n");
        return "counted weeks";
    case 4:
        every_part(b);
        return "every part in full";
    case 5:
        many(b, ":20200101T090000Z",
             "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE\r\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE\r\nRRULE:FREQ="
             "WEEKLY;BYDAY=MO,TU,WE\r\n"
             "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE\r\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE\r\nRRULE:FREQ="
             "WEEKLY;BYDAY=MO,TU,WE\r\n");
        return "six rules each";
    case 6:
        buf_c(b, "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261101T090000Z\r\nRRULE:FREQ=DAILY\r\n");
        repeat(b, "EXDATE:20261105T090000Z\r\n");
        return "exceptions";
    case 7:
        overrides(b, false);
        return "overrides";
    case 8:
        overrides(b, true);
        return "overrides of the future";
    case 9:
        zones(b);
        return "zones of seconds";
    case 10:
        repeat(b, "BEGIN:VAVAILABILITY\r\nBEGIN:AVAILABLE\r\nDTSTART:20261101T090000Z\r\nDURATION:"
                  "PT1H\r\n"
                  "RRULE:FREQ=HOURLY\r\nEND:AVAILABLE\r\nEND:VAVAILABILITY\r\n");
        return "availabilities";
    case 11:
        repeat(b, "BEGIN:X\n");
        return "nesting";
    case 12:
        buf_c(b, "BEGIN:VEVENT\r\n");
        repeat(b, "T:\n");
        return "short lines";
    case 13:
        buf_c(b, "BEGIN:VEVENT\r\nUID:");
        repeat(b, "\n x");
        return "folds";
    case 14:
        repeat(b, "\n");
        return "nothing";
    default:
        return NULL;
    }
}

void usual_calendar(uint64_t seed, struct buf *b)
{
    static const char *const rules[] = {
        "",
        "",
        "",
        "",
        "",
        "RRULE:FREQ=WEEKLY;BYDAY=MO,WE\r\n",
        "RRULE:FREQ=MONTHLY;BYDAY=2TU\r\n",
        "RRULE:FREQ=DAILY;UNTIL=20270301T000000Z\r\n",
        "RRULE:FREQ=YEARLY\r\n",
        "RRULE:FREQ=WEEKLY;COUNT=60\r\n",
    };
    struct prng luck;
    prng_init(&luck, seed, 0);
    buf_clear(b);
    buf_c(b, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-TIMEZONE:Asia/Seoul\r\n");
    for (unsigned i = 0; i < 1000; i++) {
        const char *rule = rules[prng_below(&luck, 10)];
        unsigned year = 2018 + (unsigned)prng_below(&luck, 10),
                 month = 1 + (unsigned)prng_below(&luck, 12);
        unsigned day = 1 + (unsigned)prng_below(&luck, 28),
                 hour = 8 + (unsigned)prng_below(&luck, 12);
        buf_printf(b, "BEGIN:VEVENT\r\nDTSTAMP:20260101T000000Z\r\nUID:%llu-%u@example.org\r\n"
                      "DTSTART;TZID=Asia/Seoul:%04u%02u%02uT%02u0000\r\nDURATION:PT1H\r\n%s",
                   (unsigned long long)seed, i, year, month, day, hour, rule);
        if (rule[0] && prng_below(&luck, 3) == 0)
            buf_printf(b, "EXDATE;TZID=Asia/Seoul:%04u%02u%02uT%02u0000\r\n", year, month, day,
                       hour);
        buf_printf(
            b,
            "SUMMARY:meeting %u about something\r\nDESCRIPTION:what was said the last time and "
            "what "
            "is to be\r\n  said this time\\, with a link\\; and who comes\r\nTRANSP:OPAQUE\r\n"
            "STATUS:CONFIRMED\r\nSEQUENCE:0\r\nEND:VEVENT\r\n",
            i);
    }
    buf_c(b, "END:VCALENDAR\r\n");
}
