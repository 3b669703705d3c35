/* ics.h - iCalendar text as content lines: RFC 5545 section 3.1, read forgivingly.
 *
 * The reader goes once through the bytes and gives one unfolded line at a time: name, parameters,
 * value, as slices of the input or, where a line was folded, of the scratch memory lent to it (then
 * valid until the next line only: copy what must stay).  Accepted as programs write it: a BOM, LF
 * alone, CR alone if there is no LF, blank lines, trailing blanks, names in any case.  A line
 * longer than the scratch memory is cut and marked.  Bytes are untrusted and need not be UTF-8;
 * nothing here looks into free text.  Pure; time is linear in the bytes.
 */
#ifndef EOUL_CAL_ICS_H
#define EOUL_CAL_ICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define ICS_LINE_MAX                                                                               \
    (64 * 1024) /* scratch: longest folded line read whole (EXDATE lists have some KB) */

struct ics_reader {
    struct str rest;
    char newline;
    char *scratch;
    size_t scratch_size;
    uint32_t line; /* of the input, from 1 */
};

struct ics_line {
    struct str name;   /* "DTSTART" */
    struct str params; /* "TZID=Asia/Seoul;VALUE=DATE-TIME" */
    struct str value;
    uint32_t number;   /* the line of the input it begins on */
    bool cut;          /* longer than the scratch memory */
    bool malformed;    /* no colon, or no name */
};

void ics_begin(struct ics_reader *r, struct str bytes, char *scratch, size_t scratch_size);
bool ics_next(struct ics_reader *r, struct ics_line *ret);

/* The value of a parameter, without quotes; false if there is none of that name. */
bool ics_param(struct str params, const char *name, struct str *ret_value);

/* ---- values ---- */

enum ics_kind { ICS_DATE, ICS_FLOATING, ICS_UTC, ICS_ZONED };

/* A DATE or DATE-TIME as written; ICS_ZONED is set by whoever knows the TZID. */
struct ics_when {
    int64_t local_s; /* a date: its midnight */
    enum ics_kind kind;
};

/* 20261124, 20261124T090500[Z], and what programs write for it: with - and :, without seconds. */
bool ics_read_when(struct str value, struct ics_when *ret);
void ics_print_when(struct buf *out, struct ics_when when); /* basic form */

/* A DURATION in days (nominal: they follow the clock) and seconds (exact). */
struct ics_duration {
    int64_t days;
    int64_t s;
};

bool ics_read_duration(struct str value, struct ics_duration *ret);

#endif
