/* spans.c - see spans.h. */
#include "cal/spans.h"

#include "base/err.h"

static bool span_less(struct span a, struct span b)
{
    return a.from_at != b.from_at ? a.from_at < b.from_at : a.until_at < b.until_at;
}

static void sift_down(struct span *s, size_t root, size_t n)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= n)
            return;
        if (child + 1 < n && span_less(s[child], s[child + 1]))
            child++;
        if (!span_less(s[root], s[child]))
            return;
        struct span swap = s[root];
        s[root] = s[child];
        s[child] = swap;
        root = child;
    }
}

/* Heapsort: bounded, in place, and qsort may allocate.  Sorted input, the usual case, is noticed.
 */
static void sort_spans(struct span *s, size_t n)
{
    size_t i = 1;
    while (i < n && !span_less(s[i], s[i - 1]))
        i++;
    if (i >= n)
        return;
    for (size_t root = n / 2; root-- > 0;)
        sift_down(s, root, n);
    for (size_t last = n - 1; last > 0; last--) {
        struct span swap = s[0];
        s[0] = s[last];
        s[last] = swap;
        sift_down(s, 0, last);
    }
}

size_t spans_normalise(struct span *s, size_t n)
{
    size_t kept = 0;
    sort_spans(s, n);
    for (size_t i = 0; i < n; i++) {
        if (s[i].until_at <= s[i].from_at)
            continue;
        if (kept > 0 && s[i].from_at <= s[kept - 1].until_at)
            s[kept - 1].until_at = usec_max(s[kept - 1].until_at, s[i].until_at);
        else
            s[kept++] = s[i];
    }
    return kept;
}

size_t spans_squeeze(struct span *s, size_t n, size_t want)
{
    for (usec_t gap_us = USEC_PER_MIN; n > want; gap_us *= 2) { /* ends: a gap is under 2^63 us */
        size_t kept = 1;
        for (size_t i = 1; i < n; i++) {
            if (s[i].from_at - s[kept - 1].until_at <= gap_us)
                s[kept - 1].until_at = s[i].until_at;
            else
                s[kept++] = s[i];
        }
        n = kept;
        if (gap_us > INT64_MAX / 4)
            break;
    }
    return n;
}

bool spans_is_normal(const struct span *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i].until_at <= s[i].from_at || (i > 0 && s[i].from_at <= s[i - 1].until_at))
            return false;
    return true;
}

int spans_union(const struct span *a, size_t na, const struct span *b, size_t nb,
                struct span *out, size_t cap, size_t *ret_n)
{
    size_t i = 0, k = 0, n = 0;
    while (i < na || k < nb) {
        struct span next = k >= nb || (i < na && !span_less(b[k], a[i])) ? a[i++] : b[k++];
        if (n > 0 && next.from_at <= out[n - 1].until_at) {
            out[n - 1].until_at = usec_max(out[n - 1].until_at, next.until_at);
        } else {
            if (n == cap)
                return E_FULL;
            out[n++] = next;
        }
    }
    *ret_n = n;
    return 0;
}

int spans_intersect(const struct span *a, size_t na, const struct span *b, size_t nb,
                    struct span *out, size_t cap, size_t *ret_n)
{
    size_t i = 0, k = 0, n = 0;
    while (i < na && k < nb) {
        struct span both = { usec_max(a[i].from_at, b[k].from_at),
                             usec_min(a[i].until_at, b[k].until_at) };
        if (both.from_at < both.until_at) {
            if (n == cap)
                return E_FULL;
            out[n++] = both;
        }
        if (a[i].until_at < b[k].until_at)
            i++;
        else
            k++;
    }
    *ret_n = n;
    return 0;
}

int spans_subtract(const struct span *a, size_t na, const struct span *b, size_t nb,
                   struct span *out, size_t cap, size_t *ret_n)
{
    size_t k = 0, n = 0;
    for (size_t i = 0; i < na; i++) {
        struct span rest = a[i];
        while (k < nb && b[k].until_at <= rest.from_at)
            k++;
        for (size_t m = k; m < nb && b[m].from_at < rest.until_at; m++) {
            if (b[m].from_at > rest.from_at) {
                if (n == cap)
                    return E_FULL;
                out[n++] = (struct span){ rest.from_at, b[m].from_at };
            }
            rest.from_at = b[m].until_at;
            if (rest.from_at >= rest.until_at)
                break;
            k = m + 1;
        }
        if (rest.from_at < rest.until_at) {
            if (n == cap)
                return E_FULL;
            out[n++] = rest;
        }
    }
    *ret_n = n;
    return 0;
}

usec_t spans_total_us(const struct span *s, size_t n)
{
    usec_t total = 0;
    for (size_t i = 0; i < n; i++)
        total = usec_add(total, s[i].until_at - s[i].from_at);
    return total;
}

bool spans_contain(const struct span *s, size_t n, usec_t at)
{
    size_t lo = 0, hi = n; /* the first span that ends after `at` */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s[mid].until_at <= at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && s[lo].from_at <= at;
}
