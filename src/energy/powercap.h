/* powercap.h - a cap on power as people write it: one for the whole time, and others for some hours of the week.
 *
 *     6 kW
 *     6 kW; 4 kW Mon-Fri 10:00-12:00,13:00-18:00; 4500 W Sat 10:00-18:00
 *
 * Powers are W or kW, at least 1 W and at most 1000 kW; hours are those of cal/hours.h, one entry each.  Where several
 * entries hold, the last one counts.  Local time is the caller's zone.  Pure.
 */
#ifndef EOUL_ENERGY_POWERCAP_H
#define EOUL_ENERGY_POWERCAP_H

#include "base/err.h"
#include "base/str.h"
#include "cal/hours.h"
#include "cal/tzif.h"
#include "energy/tariff.h"

#define POWERCAP_PARTS_MAX 8 /* entries with hours: a step of the plan begins with each */

struct powercap {
    int64_t base_mw;
    uint32_t n;
    struct {
        int64_t mw;
        struct hours hours;
    } part[POWERCAP_PARTS_MAX];
};

int powercap_parse(struct str text, struct powercap *ret, struct err *err);
int64_t powercap_mw(const struct powercap *p, const struct zone *zone, int64_t at_s);
/* Steps of one cap each for [from_s, until_s), by quarters of an hour; their price is the cap in mW.  Returns until when
 * they tell it. */
int64_t powercap_steps(const struct powercap *p, const struct zone *zone, int64_t from_s, int64_t until_s,
                       struct tariff_steps *steps);

#endif
