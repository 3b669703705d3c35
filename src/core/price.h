/* price.h - what an hour of a GPU costs those who come later (doc/planner.md, "Starting later").
 *
 * Somebody who sits at a desk may want a GPU any minute; at night nobody does.  A GPU-hour therefore has a
 * price in person-hours: settings.price_milli thousandths of the share of people who can look then, from
 * the calendars alone.  It is asked of whoever starts something, and gained by whoever starts it later.
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
/* Slot boundaries after t. */
static inline usec_t price_next_slot(usec_t t)
{
    usec_t over = t % PRICE_SLOT_US;
    return t - (over < 0 ? over + PRICE_SLOT_US : over) + PRICE_SLOT_US;
}

#endif
