/* tariff.h - what a kWh costs when: a dated table of prices by month, weekday and hour, as text.
 *
 *     name      KEPCO industrial (B), high voltage A, option II
 *     currency  KRW
 *     source    where the numbers are from
 *     holidays  KR                            public holidays of that list are billed as Sundays
 *     from      2026-04-16                    a block; it holds until the next one's date
 *     6-8         mon-fri  08-15   163.8      months, weekdays, hours, price of a kWh
 *     11,12,1,2   daily    22-08   123.0      hours may go over midnight: 22 to 24 and 0 to 8 of such days
 *
 * Within a block a later line wins over an earlier one (a general line, then exceptions), but must leave it some
 * hour; every hour of every weekday of every month must have a price.  Else the tariff is refused, and the line or the
 * gap named.  `#` begins a comment.
 * Before the first block its prices are taken.  Energy prices only:
 * no base fee, no taxes.  Which days are holidays is the caller's to know: it asks for them as Sundays.  Prices may
 * be negative.  Pure.
 */
#ifndef EOUL_ENERGY_TARIFF_H
#define EOUL_ENERGY_TARIFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define TARIFF_BLOCKS_MAX 16
#define TARIFF_TEXT_MAX   (256 * 1024)
#define TARIFF_KWH_MOST_MILLI 100000000 /* as the core has it: no currency needs more, and sums stay in 63 bits */

struct tariff_block {
    uint32_t from_date;               /* 20260416 */
    int64_t price_milli[12][7][24];   /* thousandths of the currency for a kWh */
};

struct tariff { /* plain memory: copy it freely */
    char name[96], currency[8], source[160], holidays[8];
    uint32_t blocks_n;
    struct tariff_block block[TARIFF_BLOCKS_MAX];
};

/* On failure err names the line, or the hours without a price; *ret is then of no use. */
int tariff_parse(struct str text, struct tariff *ret, struct err *err);
/* The price of a kWh at a local date (20260416), weekday (0: Monday) and hour, in thousandths of the
 * currency. */
int64_t tariff_milli(const struct tariff *t, uint32_t date, uint32_t weekday, uint32_t hour);

/* Steps of one price each, from hours in their order. */
struct tariff_step {
    int64_t from_s;      /* seconds of whatever clock the caller counts by */
    int64_t price_milli;
};
struct tariff_steps {
    struct tariff_step *at; /* the caller's memory */
    uint32_t n, max;
};
/* One more hour, which begins at from_s; false: no room for another step. */
bool tariff_step_add(struct tariff_steps *steps, const struct tariff *t, int64_t from_s, uint32_t date,
                     uint32_t weekday, uint32_t hour);

#endif
