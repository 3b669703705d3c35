/* tzif.h - a time zone: from the bytes of a TZif file to instants and back.
 *
 * A struct zone is plain memory (about 7 KB, no pointers: copy it freely).  It holds the
 * transitions of the file and the rule of its footer for all years after them (RFC 8536, POSIX TZ
 * with the version 3 extensions: hours -167..167).  Rules for times that a change of the
 * clock makes odd:
 *   - a local time that occurs twice is the first of the two (RFC 5545 section 3.3.5);
 *   - a local time in a gap is read with the offset before the gap, and the answer says so:
 *     occurrences of a rule in a gap are then skipped by the caller, single events kept.
 * Leap seconds ("right/" files) are refused: instants are POSIX time.
 * Pure: bytes in, values out; bytes are untrusted.
 */
#ifndef EOUL_CAL_TZIF_H
#define EOUL_CAL_TZIF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"

#define ZONE_TRANSITIONS_MAX 512 /* the fullest file of tzdata 2025b, Asia/Hebron, has 310 */
#define ZONE_TYPES_MAX 64        /* ... has 10; fat files at most 30 */
#define ZONE_FILE_MAX (64 * 1024) /* the largest real file is 4 KB */
#define ZONE_OFFSET_MAX_S (26 * 3600) /* RFC 8536: offsets are within -25:59:59..25:59:59 */

/* When in a year a POSIX TZ rule changes the clock. */
struct zone_change {
    char form;     /* 'M' m.w.d, 'J' day 1..365 never counting 29 February, 'N' day 0..365 */
    int month, week, weekday; /* weekday 0 = Sunday, as POSIX */
    int day;
    int time_s;    /* seconds after local midnight, may be negative or over a day */
};

struct zone {
    int n;                                /* transitions */
    int64_t at_s[ZONE_TRANSITIONS_MAX];   /* UTC, ascending */
    int32_t offset_s[ZONE_TRANSITIONS_MAX]; /* east of UTC, from at_s[i] on */
    int32_t first_offset_s;               /* before at_s[0] */
    bool has_rule;                        /* else the last offset stays for ever */
    bool has_dst;                         /* in the rule */
    int32_t std_offset_s, dst_offset_s;
    struct zone_change dst_from, dst_until;
};

enum zone_fit { ZONE_ONCE, ZONE_TWICE, ZONE_GAP };

/* Read a TZif file (versions 1 to 4).  On failure *ret is untouched. */
int tzif_parse(struct str bytes, struct zone *ret, struct err *err);

/* Read a POSIX TZ string such as "KST-9" or "EST5EDT,M3.2.0,M11.1.0" as a whole zone. */
int tzif_parse_posix(struct str text, struct zone *ret, struct err *err);

void zone_init_fixed(struct zone *zone, int32_t offset_s); /* UTC is offset 0 */

int32_t zone_offset_s(const struct zone *zone, int64_t utc_s);
int64_t zone_to_local_s(const struct zone *zone, int64_t utc_s);
enum zone_fit zone_to_utc_s(const struct zone *zone, int64_t local_s, int64_t *ret_utc_s);

/* As zone_to_utc_s, but a time inside a gap is the instant at which the clock jumped: what an edge
 * of somebody's hours means ("open until 02:30" ends when 02:00 becomes 03:00). */
int64_t zone_edge_utc_s(const struct zone *zone, int64_t local_s);

/* The Monday 0:00 local that is utc_s, or the last before it. */
int64_t zone_week_s(const struct zone *zone, int64_t utc_s);

/* The stretch of one offset around utc_s: [*ret_from, *ret_until), INT64_MIN/MAX when open. */
int32_t zone_stretch(const struct zone *zone, int64_t utc_s, int64_t *ret_from, int64_t *ret_until);

#endif
