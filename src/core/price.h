/* price.h - what an hour of a GPU costs those who come later (doc/planner.md, "Starting later").
 *
 * Somebody who sits at a desk may want a GPU any minute; at night nobody does.  A GPU-hour therefore has a
 * price in person-hours: settings.price_milli thousandths of the share of people who can look then, from
 * the calendars alone.  It is asked of whoever starts something, and gained by whoever starts it later.
 *
 * Electricity joins that price where a tariff is known (rates.h): a kWh is worth as much of a person's time as
 * its money buys (EVENT_TARIFF.hour_milli).  That is little beside people, so it decides between starts that are
 * nearly equal for them.
 *
 * The table is sums over slots of half an hour from a slot's beginning on; beyond its end nobody is
 * expected.  A function of the state and of the instant it begins at.  Pure.
 */
#ifndef EOUL_CORE_PRICE_H
#define EOUL_CORE_PRICE_H

#include "core/state.h"

#define PRICE_SLOT_US (30 * USEC_PER_MIN)
#define PRICE_SLOTS   480 /* ten days: five to start later in, and five of run time that are told apart */

struct price_table {
    usec_t from_at;
    int64_t sum_us[PRICE_SLOTS + 1]; /* share of people present, summed over time: us of "everybody" */
    bool has_tariff;
    int64_t kw_us[PRICE_SLOTS + 1];  /* what a kW costs, summed over time: us of a person */
    int64_t type_w[TYPES_MAX + 1];   /* watts of the mean GPU of a type; 0: of any */
};

/* Beginning at the slot that holds now_at. */
void price_make(struct price_table *p, const struct core *c, usec_t now_at);
/* Presence summed until t, in us of "everybody": between two instants 0 <= difference <= their distance. */
static inline int64_t price_until(const struct price_table *p, usec_t t)
{
    usec_t off = usec_max(t - p->from_at, 0);
    if (off >= PRICE_SLOTS * PRICE_SLOT_US)
        return p->sum_us[PRICE_SLOTS];
    const int64_t *sum = &p->sum_us[off / PRICE_SLOT_US];
    return sum[0] + (sum[1] - sum[0]) / USEC_PER_MIN * (off % PRICE_SLOT_US / 30);
}
/* The same of electricity for a kW.  Behind the table it costs what it cost in the table's mean: a long run is
 * not cheaper for ending beyond it. */
static inline int64_t price_kw_until(const struct price_table *p, usec_t t)
{
    usec_t off = usec_max(t - p->from_at, 0);
    if (off >= PRICE_SLOTS * PRICE_SLOT_US)
        return p->kw_us[PRICE_SLOTS] + p->kw_us[PRICE_SLOTS] / PRICE_SLOTS *
               usec_min(off / PRICE_SLOT_US - PRICE_SLOTS, 100 * PRICE_SLOTS);
    const int64_t *sum = &p->kw_us[off / PRICE_SLOT_US];
    return sum[0] + (sum[1] - sum[0]) * (off % PRICE_SLOT_US / USEC_PER_SEC) / (PRICE_SLOT_US / USEC_PER_SEC);
}
/* Slot boundaries after t. */
static inline usec_t price_next_slot(usec_t t)
{
    usec_t over = t % PRICE_SLOT_US;
    return t - (over < 0 ? over + PRICE_SLOT_US : over) + PRICE_SLOT_US;
}

#endif
