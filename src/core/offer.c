/* offer.c - see offer.h. */
#include "core/offer.h"

#include <assert.h>
#include <string.h>

const struct offer *offer_list(const struct core *c, uint32_t person, uint32_t *ret_n)
{
    const struct person *p = &c->persons[person];
    *ret_n = p->offers_n;
    return offers_of(c) + p->offers_at;
}

uint32_t offer_after(const struct core *c, uint32_t person, usec_t t)
{
    uint32_t n, low = 0;
    const struct offer *o = offer_list(c, person, &n);
    uint32_t high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (o[middle].until_at <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct offer *offer_at(const struct core *c, uint32_t person, usec_t t)
{
    uint32_t n, at = offer_after(c, person, t);
    const struct offer *o = offer_list(c, person, &n);
    return at < n && o[at].from_at <= t ? &o[at] : NULL;
}

/* --- keeping them ----------------------------------------------------------------------------- */

int offer_check(const struct core *c, const struct ev_offer *ev, struct err *err)
{
    if (ev->cap_us < 0)
        return err_set(err, E_INVALID, "A daily cap cannot be negative.");
    for (uint32_t i = 0; i < ev->windows_n; i++) {
        const struct offer *o = &ev->windows[i], *before = i ? o - 1 : NULL;
        if (o->from_at >= o->until_at || o->focus < 0 || o->focus > 1)
            return err_set(err, E_INVALID, "Offered stretch %u ends before it begins.", i + 1);
        if (before && (before->until_at > o->from_at || before->day > o->day))
            return err_set(err, E_INVALID, "Offered stretch %u does not follow the one before it; "
                           "stretches and their days must be sorted.", i + 1);
    }
    if (c->offers_n - c->persons[ev->person].offers_n + ev->windows_n > c->limits.offers)
        return err_set(err, E_FULL, "There is no room for %u more stretches.", ev->windows_n);
    return 0;
}

/* Slide everybody's stretches together at the front. */
static void offers_compact(struct core *c)
{
    struct offer *offers = offers_of(c);
    uint32_t to = 0, from = 0;
    for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++)
        c->persons[i].offers_room = c->persons[i].offers_n;
    for (;;) {
        struct person *next = NULL;
        for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++) {
            struct person *p = &c->persons[i];
            if (p->offers_n && p->offers_at >= from && (!next || p->offers_at < next->offers_at))
                next = p;
        }
        if (!next)
            break;
        from = next->offers_at + 1;
        memmove(offers + to, offers + next->offers_at, next->offers_n * sizeof *offers);
        next->offers_at = to;
        to += next->offers_n;
    }
    c->offers_used = to;
}

void offer_set(struct core *c, const struct ev_offer *ev)
{
    struct person *p = &c->persons[ev->person];
    c->offers_n = c->offers_n - p->offers_n + ev->windows_n;
    if (ev->windows_n > p->offers_room) {
        p->offers_n = p->offers_room = 0;
        if (c->limits.offers - c->offers_used < ev->windows_n)
            offers_compact(c);
        assert(c->limits.offers - c->offers_used >= ev->windows_n);
        p->offers_at = c->offers_used;
        p->offers_room = ev->windows_n;
        c->offers_used += ev->windows_n;
    }
    if (ev->windows_n)
        memcpy(offers_of(c) + p->offers_at, ev->windows, ev->windows_n * sizeof(struct offer));
    p->offers_n = ev->windows_n;
    p->offer_until_at = ev->until_at;
    p->cap_us = ev->cap_us;
    c->todos_stale = true;
}

bool offer_enter(struct core *c, uint32_t person, const struct offer *saved)
{
    struct person *p = &c->persons[person];
    if (c->offers_used >= c->limits.offers)
        return false;
    if (p->offers_n == 0)
        p->offers_at = c->offers_used;
    if (p->offers_at + p->offers_n != c->offers_used ||
        (p->offers_n && offers_of(c)[c->offers_used - 1].until_at > saved->from_at))
        return false;
    offers_of(c)[c->offers_used++] = *saved;
    p->offers_room = ++p->offers_n;
    c->offers_n++;
    return true;
}
