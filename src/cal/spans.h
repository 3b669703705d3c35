/* spans.h - sets of time as sorted, disjoint, non-empty spans, and their algebra.
 *
 * All functions but spans_normalise expect normalised input and give normalised output.  The
 * caller lends the memory; `cap` is its size in spans, and E_FULL with nothing promised about the
 * contents is the answer when it does not suffice (|a| + |b| spans always do).  out may not overlap
 * an input.  Pure.
 */
#ifndef EOUL_CAL_SPANS_H
#define EOUL_CAL_SPANS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/usec.h"

/* Sort, drop the empty, merge what touches or overlaps; in place, n log n, no extra memory. */
size_t spans_normalise(struct span *spans, size_t n);
/* Close the shortest gaps until at most `want` (>= 1) are left; returns how many are. */
size_t spans_squeeze(struct span *spans, size_t n, size_t want);
bool spans_is_normal(const struct span *spans, size_t n);

int spans_union(const struct span *a, size_t na, const struct span *b, size_t nb,
                struct span *out, size_t cap, size_t *ret_n);
int spans_intersect(const struct span *a, size_t na, const struct span *b, size_t nb,
                    struct span *out, size_t cap, size_t *ret_n);
int spans_subtract(const struct span *a, size_t na, const struct span *b, size_t nb,
                   struct span *out, size_t cap, size_t *ret_n);

usec_t spans_total_us(const struct span *spans, size_t n);
bool spans_contain(const struct span *spans, size_t n, usec_t at);

#endif
