/* when.h - instants and lengths as people say them.
 *
 * Relative to a given now and zone, never to a clock of our own.  Understood, in any case:
 *   days      today, tomorrow, yesterday, 오늘, 내일, 모레, 글피, 어제; fri, next tue, 금요일, 다음
 * 주 화; 2026-11-24, 11/24, 11/24/26, 11.24.26, 112426 (MMDDYY, as Slurm), 2026년 11월 24일, 24
 * nov, nov 24 times     18:30, 9am, 9시 반, 오후 3시, noon, midnight, fika (15:00), teatime
 * (16:00), elevenses halves    morning, afternoon, evening, 오전, 오후, 저녁 after a day or alone
 * (today) both      tue 9:00, 금 오후, tomorrow 14:00, 내일 9시, 2026-11-24T09:00[:00][Z|+09:00]
 *   offsets   now, 지금, now+2h, +90m, now+1hour, now+60 (seconds, as Slurm), in 3h, 3시간 뒤,
 * @UNIXTIME A clock time alone is its next occurrence (as Slurm); a weekday is today if that still
 * lies ahead, else the next one; a month and day without year likewise.  MMDD alone is refused as
 * ambiguous with HHMM. Pure.  Refusals are one sentence with an example.
 */
#ifndef EOUL_CAL_WHEN_H
#define EOUL_CAL_WHEN_H

#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"
#include "cal/tzif.h"

#define WHEN_TEXT_MAX 128          /* bytes; what a person says is short */
#define WHEN_LENGTH_MAX_US (3660 * USEC_PER_DAY) /* ten years; longer is a slip of the keyboard */

enum when_grain { WHEN_INSTANT, WHEN_HALF_DAY, WHEN_DAY };

/* What was named: an instant, or a stretch of a day ("fri", "금 오후") of which at is the start. */
struct when {
    usec_t at;
    usec_t until_at; /* end of what was named; == at for an instant */
    enum when_grain grain;
};

int when_parse(struct str text, const struct zone *zone, usec_t now_at, struct when *ret,
               struct err *err);

/* A stretch of time: "until tue 9:00" and "for 3h" (both from now), "fri" and "금 오후" (what they
 * name), "mon 9:00 ~ wed 18:00", "13:00-15:00", "2026-12-24 to 2026-12-26" (the last day included),
 * "내일까지", "3시간 동안".  An instant alone is refused: it has no length. */
int when_parse_span(struct str text, const struct zone *zone, usec_t now_at, struct span *ret,
                    struct err *err);

/* "3h", "90m", "1h30m", "1:30:00", "2d", "2 days", "3시간", "1시간 30분", "2주"; > 0.  "for" may precede.
 * A bare number is refused: people mean different units. */
int when_parse_length(struct str text, usec_t *ret_us, struct err *err);

#endif
