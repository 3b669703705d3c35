/* slow_calendars.h - calendars made to keep a reader busy, the costliest we know.
 *
 * Each comes at the size at which it costs most within CAL_BYTES_MAX.  For the bench, and for the test
 * that none of them takes long.
 */
#ifndef EOUL_TEST_SLOW_CALENDARS_H
#define EOUL_TEST_SLOW_CALENDARS_H

#include "base/buf.h"

/* Write number n into an empty buf (of at least CAL_BYTES_MAX) and return its name; NULL when there are
 * no more. */
const char *slow_calendar(unsigned n, struct buf *out);

/* A year's worth of somebody's calendar as programs write it: 1,000 events, half of them series. */
void usual_calendar(uint64_t seed, struct buf *out);

#endif
