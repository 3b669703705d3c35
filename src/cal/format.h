/* format.h - instants, ranges and lengths for people to read, in English and Korean.
 *
 * Own formatter: strftime follows the process locale, and the daemon speaks to many people.  The
 * zone is the reader's.  Pure; text goes to a struct buf whose limits hold.
 */
#ifndef EOUL_CAL_FORMAT_H
#define EOUL_CAL_FORMAT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/usec.h"
#include "cal/tzif.h"

enum cal_language { CAL_ENGLISH, CAL_KOREAN };

enum cal_style {
    CAL_FULL,  /* Tue 24 Nov 2026 09:05    2026년 11월 24일 (화) 09:05 */
    CAL_SHORT, /* near now: 09:05, tomorrow 09:05, Tue 09:05, 24 Nov 09:05; 내일 09:05, 화 09:05,
                  11월 24일 09:05 */
    CAL_DATE,  /* Tue 24 Nov 2026          2026년 11월 24일 (화) */
    CAL_TIME,  /* 09:05 */
    CAL_ISO,   /* 2026-11-24T09:05:00+09:00, for programs; the same in both languages */
};

/* now_at is used by CAL_SHORT only. USEC_NEVER prints "never" / "없음". */
void cal_format(struct buf *out, const struct zone *zone, enum cal_language language,
                enum cal_style style, usec_t at, usec_t now_at);

/* "Tue 24 Nov 2026 09:05-10:00", "2026년 11월 24일 (화) 09:05~10:00"; both dates when they differ. */
void cal_format_range(struct buf *out, const struct zone *zone, enum cal_language language,
                      enum cal_style style, struct span span, usec_t now_at);

/* Two largest units: "2 d 3 h", "3 h 20 min", "45 s"; "2일 3시간", "3시간 20분", "45초"; rounded to the
 * smaller one. Negative lengths get a minus sign. */
void cal_format_length(struct buf *out, enum cal_language language, usec_t length_us);

/* Mon..Sun, 월..일; static. */
const char *cal_weekday_name(enum cal_language language, int weekday);

#endif
