/* rates.c - see rates.h. */
#include "core/rates.h"

#include <string.h>

#include "base/hash.h"
#include "core/mutant.h"

#define LONGEST_S (100 * 86400)

int rates_check(const struct ev_tariff *e, struct err *err)
{
    if (e->rates_n > CORE_RATES_MAX)
        return err_set(err, E_TOO_LARGE, "A tariff has at most %d steps at a time, not %u.", CORE_RATES_MAX, e->rates_n);
    if (e->hour_milli < 0 || (e->hour_milli > 0 && e->hour_milli < RATES_HOUR_LEAST) || e->hour_milli > INT64_MAX / 2)
        return err_set(err, E_INVALID, "An hour of a person is worth at least one unit of the tariff's currency.");
    if (e->gpu_mw < 0 || e->gpu_mw > 5000000)
        return err_set(err, E_INVALID, "A GPU takes 0 to 5000 W.");
    for (uint32_t i = 0; i < e->rates_n; i++) {
        if (i > 0 && e->rates[i].from_at <= e->rates[i - 1].from_at)
            return err_set(err, E_INVALID, "The steps of a tariff must ascend.");
        if (e->rates[i].kwh_milli > RATES_KWH_MOST || e->rates[i].kwh_milli < -RATES_KWH_MOST)
            return err_set(err, E_TOO_LARGE, "A kWh costs at most %d of the currency.", RATES_KWH_MOST / 1000);
    }
    return 0;
}

/* A share of the core's sum, so that events need not hash the steps anew.  Nothing while there are none: old
 * journals keep their hashes. */
uint64_t rates_hash(const struct core *c)
{
    const struct rates *r = &c->rates;
    if (r->n == 0 && r->hour_milli == 0)
        return 0;
    uint64_t h = hash_mix(hash_mix('r', r->n), (uint64_t)r->until_at);
    h = hash_mix(hash_mix(h, (uint64_t)r->hour_milli), (uint64_t)r->gpu_mw);
    for (uint32_t i = 0; i < r->n; i++)
        h = hash_mix(hash_mix(h, (uint64_t)r->at[i].from_at), (uint64_t)r->at[i].kwh_milli);
    return h;
}

void rates_apply(struct core *c, const struct ev_tariff *e)
{
    c->sum -= rates_hash(c);
    c->rates.until_at = e->until_at;
    c->rates.hour_milli = e->hour_milli;
    c->rates.gpu_mw = e->gpu_mw;
    c->rates.n = e->rates_n;
    memset(c->rates.at, 0, sizeof c->rates.at);
    for (uint32_t i = 0; i < e->rates_n; i++)
        c->rates.at[i] = e->rates[i];
    c->sum += rates_hash(c);
}

bool rates_enter(struct core *c, const struct rate *rate)
{
    struct rates *r = &c->rates;
    if (r->n == CORE_RATES_MAX || (r->n > 0 && rate->from_at <= r->at[r->n - 1].from_at))
        return false;
    c->sum -= rates_hash(c);
    r->at[r->n++] = *rate;
    c->sum += rates_hash(c);
    return true;
}

/* In whole seconds and watt-hours: a price holds for hours.  64 GPUs of 5 kW for 100 days at the highest price
 * stay in 63 bits. */
int64_t rates_cost_milli(const struct core *c, int64_t mw, usec_t from_at, usec_t until_at)
{
    const struct rates *r = &c->rates;
    int64_t cost = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        usec_t begin_at = i == 0 ? from_at : usec_max(r->at[i].from_at, from_at);
        usec_t end_at = i + 1 < r->n ? usec_min(r->at[i + 1].from_at, until_at) : until_at;
        if (end_at <= begin_at)
            continue;
        int64_t s = usec_min((end_at - begin_at) / USEC_PER_SEC, LONGEST_S);
        cost += mw * s / 3600000 * r->at[MUTANT(c, MUTANT_COST) ? 0 : i].kwh_milli / 1000;
    }
    return cost;
}

int64_t rates_gpu_mw(const struct core *c, uint32_t type)
{
    int64_t sum = 0, n = 0;
    for (uint32_t i = 0; i < CORE_GPUS_MAX; i++) {
        const struct gpu *g = &c->gpus[i];
        if (!g->known || (type && g->type != type))
            continue;
        sum += g->watts_mw > 0 ? g->watts_mw : c->rates.gpu_mw;
        n++;
    }
    return n ? sum / n : c->rates.gpu_mw;
}
