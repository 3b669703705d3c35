/* busy.c - see busy.h. */
#include "cal/busy.h"

#include <assert.h>

#define KINDS (CAL_AWAY + 1)
#define GAP_FIRST USEC_PER_MIN /* of squeezing; doubles */

static const char *const words[KINDS] = { N_("free"), N_("present"), N_("tentative"), N_("busy"),
                                          N_("away") };

const char *cal_busy_word(enum cal_busy kind)
{
    return words[kind];
}

bool cal_busy_read(struct str word, enum cal_busy *ret)
{
    for (unsigned i = 0; i < KINDS; i++)
        if (str_is(word, words[i])) {
            *ret = (enum cal_busy)i;
            return true;
        }
    return false;
}

/* --- from occurrences --------------------------------------------------------------------------- */

static size_t close_gaps(struct busy *b, size_t n, usec_t gap_us) /* n > 0 */
{
    size_t last = 0;
    for (size_t i = 1; i < n; i++) {
        if (b[i].from_at - b[last].until_at > gap_us) {
            b[++last] = b[i];
            continue;
        }
        b[last].until_at = b[i].until_at;
        b[last].kind = b[i].kind > b[last].kind ? b[i].kind : b[last].kind;
    }
    return last + 1;
}

/* Fewer than three quarters, so that it is done a bounded number of times. */
static size_t squeeze(struct busy *b, size_t n, size_t cap)
{
    usec_t gap_us = 0;
    while (n > cap - cap / 4) {
        n = close_gaps(b, n, gap_us);
        gap_us = gap_us ? gap_us * 2 : GAP_FIRST;
    }
    return n;
}

struct sweep {
    struct busy *out;
    size_t n, cap;
    bool squeezed;
    struct span window;
    usec_t at;            /* everything before is written */
    usec_t until_at[KINDS]; /* latest end seen, by meaning */
};

/* Does it go on with the last one's meaning where that ends? */
static bool continues(struct sweep *s, const struct busy *b)
{
    struct busy *last = s->out + s->n;
    if (s->n == 0 || (--last)->until_at < b->from_at || last->kind != b->kind)
        return false;
    last->until_at = b->until_at;
    return true;
}

static void add(struct sweep *s, usec_t until_at, enum cal_busy kind)
{
    struct busy b = { usec_max(s->at, s->window.from_at), usec_min(until_at, s->window.until_at),
                      kind };
    if (b.from_at >= b.until_at || continues(s, &b))
        return;
    if (s->n == s->cap) {
        s->n = squeeze(s->out, s->n, s->cap);
        s->squeezed = true;
        if (continues(s, &b))
            return;
    }
    s->out[s->n++] = b;
}

/* Write what holds from s->at to `to_at`: no occurrence starts in between. */
static void advance(struct sweep *s, usec_t to_at)
{
    for (int k = CAL_AWAY; k > CAL_FREE; k--) {
        if (s->until_at[k] <= s->at || s->at >= to_at)
            continue;
        usec_t until_at = usec_min(s->until_at[k], to_at);
        add(s, until_at, (enum cal_busy)k);
        s->at = until_at;
        /* What is stronger has ended, or it would have been written first. */
    }
    s->at = usec_max(s->at, to_at);
}

static void sweep_begin(struct sweep *s, struct span window, struct busy *out, size_t cap)
{
    assert(cap >= 8);
    *s = (struct sweep){ .out = out, .cap = cap, .window = window, .at = INT64_MIN };
    for (int k = 0; k < KINDS; k++)
        s->until_at[k] = INT64_MIN;
}

/* In the order of their starts. */
static void sweep_take(struct sweep *s, usec_t from_at, usec_t until_at, enum cal_busy kind)
{
    if (kind == CAL_FREE || from_at >= until_at)
        return;
    advance(s, from_at);
    s->until_at[kind] = usec_max(s->until_at[kind], until_at);
}

static size_t sweep_end(struct sweep *s, bool *ret_squeezed)
{
    advance(s, INT64_MAX);
    *ret_squeezed = s->squeezed;
    return s->n;
}

size_t busy_of(const struct cal_expansion *e, struct span window, struct busy *out, size_t cap,
               bool *ret_squeezed)
{
    struct sweep s;
    sweep_begin(&s, window, out, cap);
    for (size_t i = 0; i < e->n; i++)
        sweep_take(&s, e->occurrences[i].from_at, e->occurrences[i].until_at, e->occurrences[i].busy);
    return sweep_end(&s, ret_squeezed);
}

static void sift_down(struct busy *b, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && b[child].from_at < b[child + 1].from_at)
            child++;
        if (b[root].from_at >= b[child].from_at)
            return;
        struct busy swap = b[root];
        b[root] = b[child];
        b[child] = swap;
    }
}

/* Heapsort, as in spans.c. */
static void sort_by_start(struct busy *b, size_t n)
{
    for (size_t root = n / 2; root-- > 0;)
        sift_down(b, root, n);
    for (size_t last = n; last-- > 1;) {
        struct busy swap = b[0];
        b[0] = b[last];
        b[last] = swap;
        sift_down(b, 0, last);
    }
}

size_t busy_of_parts(struct busy *parts, size_t n, struct span window, struct busy *out, size_t cap,
                     bool *ret_squeezed)
{
    struct sweep s;
    sort_by_start(parts, n);
    sweep_begin(&s, window, out, cap);
    for (size_t i = 0; i < n; i++)
        sweep_take(&s, parts[i].from_at, parts[i].until_at, parts[i].kind);
    return sweep_end(&s, ret_squeezed);
}

bool busy_is_normal(const struct busy *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (b[i].until_at <= b[i].from_at || b[i].kind <= CAL_FREE || b[i].kind > CAL_AWAY ||
            (i > 0 && (b[i].from_at < b[i - 1].until_at ||
                       (b[i].from_at == b[i - 1].until_at && b[i].kind == b[i - 1].kind))))
            return false;
    return true;
}

size_t busy_after(const struct busy *b, size_t n, usec_t at)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (b[middle].until_at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- text ----------------------------------------------------------------------------------------- */

void busy_print(struct buf *out, const struct busy *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_char(out, ',');
        buf_i64(out, b[i].from_at);
        buf_char(out, '/');
        buf_i64(out, b[i].until_at);
        buf_char(out, '/');
        buf_c(out, words[b[i].kind]);
    }
}

static bool read_one(struct str text, struct busy *ret)
{
    struct str from, until;
    int64_t from_at = 0, until_at = 0;
    if (!str_next(&text, '/', &from) || !str_next(&text, '/', &until) ||
        str_i64(from, &from_at) < 0 || str_i64(until, &until_at) < 0 ||
        !cal_busy_read(text, &ret->kind))
        return false;
    ret->from_at = from_at;
    ret->until_at = until_at;
    return true;
}

int busy_parse(struct str text, struct busy *out, size_t cap, size_t *ret_n)
{
    struct str one;
    size_t n = 0;
    while (str_next(&text, ',', &one)) {
        if (n == cap)
            return E_FULL;
        if (!read_one(one, &out[n++]))
            return E_INVALID;
    }
    if (!busy_is_normal(out, n))
        return E_INVALID;
    *ret_n = n;
    return 0;
}
