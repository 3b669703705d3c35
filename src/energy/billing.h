/* billing.h - the tariff a team names, with what it needs to be asked: its zone's clock and its holidays.
 *
 * A tariff (tariff.h) is named by the name of one that is built in (tariffs/) or by the path of its file.  The list of
 * public holidays that it bills as Sundays is /etc/eoul/holidays/COUNTRY.txt, else the one that is built in
 * (holidays/).  The daemon and the simulator read and ask both here, so a what-if pays what the live plan pays.
 *
 * billing_load reads files; the rest is pure.  A struct billing owns its memory until billing_destroy, which
 * accepts NULL.
 */
#ifndef EOUL_ENERGY_BILLING_H
#define EOUL_ENERGY_BILLING_H

#include "base/buf.h"
#include "cal/holiday.h"
#include "cal/tzif.h"
#include "energy/tariff.h"

#define BILLING_BUILT_IN "kepco-industrial-b-high-a-2"

struct billing {
    struct tariff tariff;
    struct holidays holidays;           /* none where no list is known */
    char trouble[ERR_TEXT_MAX];         /* what holidays bill as is not known for all that was asked; empty: it is */
    struct holiday day[HOLIDAYS_MAX];
    struct buf text;                    /* of the list: names point into it */
};

bool billing_is_built_in(const char *name);
int billing_load(const char *named, struct billing **ret, struct err *err);
void billing_destroy(struct billing *b);

/* Are the holidays known of the days until then?  If not, b->trouble says so, in err's language (err->translate). */
void billing_check_holidays(struct billing *b, const struct zone *zone, int64_t until_s,
                            const char *(*translate)(const char *));

/* The price of a kWh at an instant (seconds, UTC), in thousandths of the currency. */
int64_t billing_milli(const struct billing *b, const struct zone *zone, int64_t at_s);
/* Steps of one price each for [from_s, until_s), by quarters of an hour: no zone's hours begin elsewhere.  Returns
 * until when they tell it: until_s, or less if no further step fits. */
int64_t billing_steps(const struct billing *b, const struct zone *zone, int64_t from_s, int64_t until_s,
                      struct tariff_steps *steps);

#endif
