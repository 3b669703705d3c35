/* text.h - lengths, numbers, money and dates as people read them, in English and Korean.
 *
 * Times arrive as UTC with the offset of the reader's zone at that instant (cal/ knows zones); nothing
 * here asks the system.  For --json and the journal write plain numbers instead.  Pure.
 */
#ifndef EOUL_I18N_TEXT_H
#define EOUL_I18N_TEXT_H

#include "base/buf.h"
#include "base/usec.h"
#include "i18n/tr.h"

/* The two largest units, rounded down: "1h 20m" / "1시간 20분", "2d 3h" / "2일 3시간", "42s" / "42초";
 * under a second "0s".  Negative lengths get a minus sign.  USEC_NEVER is "no limit" / "제한 없음". */
void text_duration(struct buf *out, enum lang lang, usec_t length_us);

/* 1,234,567 */
void text_number(struct buf *out, int64_t value);

/* Thousandths of a won, rounded to the won: "1,234 won" / "1,234원". */
void text_krw(struct buf *out, enum lang lang, int64_t mkrw);

/* "64 GiB", "1.5 GiB", "512 MiB" */
void text_mib(struct buf *out, uint64_t mib);

/* "450 W", "5.2 kW", "12 kW" */
void text_watts(struct buf *out, uint32_t watts);

/* A civil time in the proleptic Gregorian calendar. */
struct text_civil {
    int32_t year;
    uint8_t month, day;      /* 1.. */
    uint8_t weekday;         /* 0: Sunday */
    uint8_t hour, minute, second;
};
struct text_civil text_civil_of(usec_t at, int32_t utc_offset_s);

enum text_when {
    TEXT_TIME,      /* "09:05" */
    TEXT_DAY_TIME,  /* "Tue 09:05" / "화 09:05" */
    TEXT_DATE,      /* "Tue 24 Nov" / "11월 24일 (화)" */
    TEXT_DATE_TIME, /* "Tue 24 Nov 09:05" / "11월 24일 (화) 09:05" */
    TEXT_FULL,      /* "Tue 24 Nov 2026 09:05" / "2026년 11월 24일 (화) 09:05" */
};
void text_when(struct buf *out, enum lang lang, usec_t at, int32_t utc_offset_s,
               enum text_when form);

#endif
