/* rates.h - what electricity costs, as the shell last told it (EVENT_TARIFF).
 *
 * Steps of one price each, ascending; the first holds before it and the last behind it.  Where they come
 * from (months, weekdays, holidays, zones) is the shell's; the core sees instants and whole numbers.
 * price.h turns them into a price of GPU time.  Pure.
 */
#ifndef EOUL_CORE_RATES_H
#define EOUL_CORE_RATES_H

#include "core/state.h"

/* An hour of a person is worth at least this, and a kWh costs at most so much more: sums stay in 63 bits. */
#define RATES_HOUR_LEAST 1000
#define RATES_KWH_MOST   100000000

int rates_check(const struct ev_tariff *e, struct err *err);
void rates_apply(struct core *c, const struct ev_tariff *e);
/* One saved step behind the others; false: it does not fit. */
bool rates_enter(struct core *c, const struct rate *rate);

uint64_t rates_hash(const struct core *c); /* their share of the core's sum */

static inline bool rates_known(const struct core *c)
{
    return c->rates.n > 0 && c->rates.hour_milli > 0;
}
/* What `mw` from from_at until until_at cost, in thousandths of the currency. */
int64_t rates_cost_milli(const struct core *c, int64_t mw, usec_t from_at, usec_t until_at);
/* Power of the mean GPU of a type (0: of any). */
int64_t rates_gpu_mw(const struct core *c, uint32_t type);

#endif
