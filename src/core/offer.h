/* offer.h - the time people offer for hands-on work.
 *
 * Input is stretches already in UTC, sorted and disjoint, each with the number of its local day (the
 * shell makes them: work hours minus busy, buffers and away).  Nothing is offered beyond what is
 * known, and nothing by who never said: free time is not work time unless offered.
 */
#ifndef EOUL_CORE_OFFER_H
#define EOUL_CORE_OFFER_H

#include "core/state.h"

int offer_check(const struct core *c, const struct ev_offer *ev, struct err *err);
void offer_set(struct core *c, const struct ev_offer *ev);

const struct offer *offer_list(const struct core *c, uint32_t person, uint32_t *ret_n);
/* Place of the first stretch that ends after t; their number if none. */
uint32_t offer_after(const struct core *c, uint32_t person, usec_t t);
/* The stretch that holds t; NULL. */
const struct offer *offer_at(const struct core *c, uint32_t person, usec_t t);

/* Enter a stretch as it was saved (load only); false: it does not follow the last. */
bool offer_enter(struct core *c, uint32_t person, const struct offer *saved);

#endif
