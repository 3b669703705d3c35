/* usec.h - instants and lengths in microseconds.
 *
 * usec_t is a signed 64-bit count.  Instants (names end in _at) are UTC since 1970 on the wall clock
 * or, where the name says boot, since boot on CLOCK_BOOTTIME.  Lengths end in _us.  Intervals are
 * half-open: [from_at, until_at).  USEC_NEVER is later than every instant.
 */
#ifndef EOUL_BASE_USEC_H
#define EOUL_BASE_USEC_H

#include <stdint.h>

typedef int64_t usec_t;

#define USEC_PER_MSEC ((usec_t)1000)
#define USEC_PER_SEC  ((usec_t)1000000)
#define USEC_PER_MIN  (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MIN)
#define USEC_PER_DAY  (24 * USEC_PER_HOUR)
#define USEC_NEVER    INT64_MAX

struct span { /* half-open */
    usec_t from_at;
    usec_t until_at;
};

/* Saturating sum: USEC_NEVER stays USEC_NEVER. */
static inline usec_t usec_add(usec_t a, usec_t b)
{
    usec_t sum;
    if (a == USEC_NEVER || b == USEC_NEVER)
        return USEC_NEVER;
    return __builtin_add_overflow(a, b, &sum) ? (a > 0 ? USEC_NEVER : INT64_MIN) : sum;
}

static inline usec_t usec_min(usec_t a, usec_t b) { return a < b ? a : b; }
static inline usec_t usec_max(usec_t a, usec_t b) { return a > b ? a : b; }

#endif
