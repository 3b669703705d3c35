/* luck.h - the dice of a made-up world.
 *
 * One seed, several streams: what people do, what machines do and what breaks are drawn apart, so that
 * a change in one does not reshuffle the others.  Whole numbers only, but for luck_lognormal, whose
 * result is rounded to a microsecond and goes nowhere but into a fate.
 */
#ifndef EOUL_SIM_LUCK_H
#define EOUL_SIM_LUCK_H

#include <math.h>
#include <stdbool.h>

#include "base/prng.h"
#include "base/usec.h"

enum luck_stream { LUCK_TEAM = 1, LUCK_CLIENT, LUCK_MACHINE, LUCK_FAULT, LUCK_LOOK, LUCK_TRUTH,
                   LUCK_HANDS, LUCK_RESERVE, LUCK_NOTICE, LUCK_TARIFF, LUCK_BOOST, LUCK_CAP, LUCK_QUOTA,
                   LUCK_FAULT_LATER, LUCK_MODE };

static inline bool luck_chance(struct prng *p, uint32_t per_mille)
{
    return prng_below(p, 1000) < per_mille;
}

/* Uniform in [low, high]. */
static inline int64_t luck_between(struct prng *p, int64_t low, int64_t high)
{
    return low + (int64_t)prng_below(p, (uint64_t)(high - low) + 1);
}

static inline double luck_unit(struct prng *p) /* (0, 1] */
{
    return ((double)(prng_u64(p) >> 11) + 1.0) / 9007199254740992.0;
}

static inline double luck_normal(struct prng *p) /* Box and Muller 1958 */
{
    return sqrt(-2.0 * log(luck_unit(p))) * cos(2.0 * 3.14159265358979323846 * luck_unit(p));
}

static inline usec_t luck_lognormal(struct prng *p, usec_t median_us, double log_sd)
{
    double us = (double)median_us * exp(log_sd * luck_normal(p));
    return us < 1.0 ? 1 : us > 9e17 ? (usec_t)9e17 : (usec_t)us;
}

#endif
