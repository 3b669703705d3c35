/* avail.c - see avail.h. */
#include "core/avail.h"

#include <assert.h>
#include <string.h>

static const struct span *windows(const struct core *c, uint32_t person, uint32_t *ret_n)
{
    const struct person *p = &c->persons[person];
    *ret_n = p->spans_n;
    return spans_of(c) + p->spans_at;
}

/* First window that ends after t. */
static uint32_t window_after(const struct span *w, uint32_t n, usec_t t)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (w[middle].until_at <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t avail_window(const struct core *c, uint32_t person, usec_t t)
{
    uint32_t n;
    const struct span *w = windows(c, person, &n);
    return window_after(w, n, t);
}

usec_t avail_eyes(const struct core *c, uint32_t person, usec_t t)
{
    const struct person *p = &c->persons[person];
    uint32_t n;
    const struct span *w = windows(c, person, &n);
    if (t >= p->until_at)
        return t;
    uint32_t at = window_after(w, n, t);
    if (at == n)
        return p->until_at;
    return usec_min(usec_max(t, w[at].from_at), p->until_at);
}

usec_t avail_present_until(const struct core *c, uint32_t person, usec_t t)
{
    const struct person *p = &c->persons[person];
    uint32_t n;
    const struct span *w = windows(c, person, &n);
    if (t >= p->until_at)
        return USEC_NEVER;
    uint32_t at = window_after(w, n, t);
    if (at == n || w[at].from_at > t)
        return t;
    return w[at].until_at >= p->until_at ? USEC_NEVER : w[at].until_at;
}

usec_t avail_last_edge(const struct core *c, uint32_t person, usec_t after, usec_t until)
{
    uint32_t n;
    const struct span *w = windows(c, person, &n);
    usec_t last = after, end_at = c->persons[person].until_at;
    uint32_t at = window_after(w, n, until); /* windows before it have ended */
    if (at > 0)
        last = usec_max(last, w[at - 1].until_at);
    if (at < n && w[at].from_at <= until)
        last = usec_max(last, w[at].from_at);
    if (end_at <= until)
        last = usec_max(last, end_at);
    return last;
}

usec_t avail_next_edge(const struct core *c, uint32_t person, usec_t t)
{
    uint32_t n;
    const struct span *w = windows(c, person, &n);
    usec_t end_at = c->persons[person].until_at, next = end_at > t ? end_at : USEC_NEVER;
    uint32_t at = window_after(w, n, t);
    if (at == n)
        return next;
    return usec_min(next, w[at].from_at > t ? w[at].from_at : w[at].until_at);
}

uint32_t avail_absent_milli(const struct core *c, uint32_t person, usec_t from, usec_t length)
{
    usec_t until_at = usec_min(usec_add(from, length), c->persons[person].until_at), absent_us = 0;
    for (usec_t t = from; t < until_at;) {
        usec_t here_at = usec_min(avail_eyes(c, person, t), until_at);
        absent_us += here_at - t;
        if (here_at >= until_at)
            break;
        t = avail_present_until(c, person, here_at);
    }
    return length > 0 ? (uint32_t)(absent_us / usec_max(length / 1000, 1)) : 0;
}

uint32_t avail_whose(const struct job *j)
{
    return j->reviewer ? j->reviewer : j->owner;
}

usec_t avail_presence_until(const struct core *c, const struct job *j)
{
    return avail_whose(j) == j->submitter ? usec_add(j->submit_at, c->settings.presence_us) : 0;
}

usec_t avail_job_eyes(const struct core *c, const struct job *j, usec_t t)
{
    if (t >= j->submit_at && t < avail_presence_until(c, j))
        return t;
    usec_t eyes = avail_eyes(c, avail_whose(j), t);
    /* A clock stepped back: the submit may lie ahead, and its presence with it. */
    return t < j->submit_at && avail_presence_until(c, j) ? usec_min(eyes, j->submit_at) : eyes;
}

/* --- keeping windows -------------------------------------------------------------------------- */

int avail_check(const struct core *c, const struct ev_avail *ev, struct err *err)
{
    for (uint32_t i = 0; i < ev->windows_n; i++) {
        const struct span *w = &ev->windows[i];
        if (w->from_at >= w->until_at)
            return err_set(err, E_INVALID, "Window %u ends before it begins.", i + 1);
        if (i > 0 && ev->windows[i - 1].until_at > w->from_at)
            return err_set(err, E_INVALID, "Window %u begins before the one before it has ended; "
                           "windows must be sorted and must not overlap.", i + 1);
    }
    if (c->spans_n - c->persons[ev->person].spans_n + ev->windows_n > c->limits.spans)
        return err_set(err, E_FULL, "There is no room for %u more windows.", ev->windows_n);
    return 0;
}

/* Slide every person's windows together at the front. */
static void spans_compact(struct core *c)
{
    struct span *spans = spans_of(c);
    uint32_t to = 0, from = 0;
    for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++)
        c->persons[i].spans_room = c->persons[i].spans_n; /* room of nobody's windows is given up */
    for (;;) {
        struct person *next = NULL;
        for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++) {
            struct person *p = &c->persons[i];
            if (p->spans_n && p->spans_at >= from && (!next || p->spans_at < next->spans_at))
                next = p;
        }
        if (!next)
            break;
        from = next->spans_at + 1;
        memmove(spans + to, spans + next->spans_at, next->spans_n * sizeof *spans);
        next->spans_at = to;
        to += next->spans_n;
    }
    c->spans_used = to;
}

void avail_set(struct core *c, const struct ev_avail *ev)
{
    struct person *p = &c->persons[ev->person];
    c->spans_n = c->spans_n - p->spans_n + ev->windows_n;
    if (ev->windows_n > p->spans_room) {
        p->spans_n = p->spans_room = 0;
        if (c->limits.spans - c->spans_used < ev->windows_n)
            spans_compact(c);
        assert(c->limits.spans - c->spans_used >= ev->windows_n);
        p->spans_at = c->spans_used;
        p->spans_room = ev->windows_n;
        c->spans_used += ev->windows_n;
    }
    if (ev->windows_n)
        memcpy(spans_of(c) + p->spans_at, ev->windows, ev->windows_n * sizeof(struct span));
    p->spans_n = ev->windows_n;
    p->until_at = ev->until_at;
    p->value_version++;
}
