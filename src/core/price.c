/* price.c - see price.h. */
#include "core/price.h"

#include <string.h>

#define KWH_HOURS_MOST 1 /* a kWh counts for at most so many hours of a person: sums stay in 63 bits */

#include "core/avail.h"
#include "core/rates.h"

/* Windows count for the slots whose middle they cover: a slot is half an hour, a price a rough thing. */
static uint32_t slot_of(const struct price_table *p, usec_t t)
{
    usec_t slot = (usec_max(t - p->from_at, 0) + PRICE_SLOT_US / 2) / PRICE_SLOT_US;
    return slot > PRICE_SLOTS ? PRICE_SLOTS : (uint32_t)slot;
}

/* Each slot at the price of its beginning: steps are at whole hours, or nearly. */
static void electricity(struct price_table *p, const struct core *c)
{
    const struct rates *r = &c->rates;
    p->has_tariff = rates_known(c);
    if (!p->has_tariff)
        return;
    for (uint32_t type = 0; type <= TYPES_MAX; type++)
        p->type_w[type] = rates_gpu_mw(c, type) / 1000;
    p->kw_us[0] = 0;
    for (uint32_t i = 0, step = 0; i < PRICE_SLOTS; i++) {
        usec_t at = p->from_at + (usec_t)i * PRICE_SLOT_US;
        while (step + 1 < r->n && r->at[step + 1].from_at <= at)
            step++;
        int64_t us = r->at[step].kwh_milli * (PRICE_SLOT_US / 1000) / r->hour_milli * 1000;
        int64_t most = KWH_HOURS_MOST * PRICE_SLOT_US;
        p->kw_us[i + 1] = p->kw_us[i] + (us > most ? most : us < -most ? -most : us);
    }
}

void price_make(struct price_table *p, const struct core *c, usec_t now_at)
{
    int32_t change[PRICE_SLOTS + 1];
    uint32_t people = 0;
    memset(change, 0, sizeof change);
    p->from_at = price_next_slot(now_at) - PRICE_SLOT_US;
    usec_t end_at = p->from_at + PRICE_SLOTS * PRICE_SLOT_US;
    for (uint32_t person = 1; person <= CORE_PERSONS_MAX; person++) {
        const struct person *o = &c->persons[person];
        const struct span *w = spans_of(c) + o->spans_at;
        if (o->spans_n == 0) /* nothing is known of when they look: they are not waited for */
            continue;
        people++;
        for (uint32_t i = avail_window(c, person, p->from_at);
             i < o->spans_n && w[i].from_at < end_at; i++) {
            change[slot_of(p, w[i].from_at)]++;
            change[slot_of(p, w[i].until_at)]--;
        }
    }
    int32_t present = 0;
    p->sum_us[0] = 0;
    for (uint32_t i = 0; i < PRICE_SLOTS; i++) {
        present += change[i];
        p->sum_us[i + 1] =
            p->sum_us[i] + (people ? (int64_t)present * PRICE_SLOT_US / (int64_t)people : 0);
    }
    electricity(p, c);
}
