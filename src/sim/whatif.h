/* whatif.h - `eoul whatif`: the same work on more GPUs, or in another order, and what each would come to.
 *
 * Every option (so many GPUs, this policy) runs the team's own jobs, first as they came (open loop: waiting, use of
 * GPUs, electricity), then as they would be asked for (closed loop: results per person-week).  The first policy on
 * the GPUs there are is what the others are compared with.  Money is of a year: the GPUs added by their price and
 * lifetime, electricity by the tariff.  With a goal the cheapest option that reaches it is named.
 *
 * Nobody is called outside their hours under any option: eoul has no notices that would.  What the table shows
 * instead is how many results come while their owner is away, and wait for the morning.
 */
#ifndef EOUL_SIM_WHATIF_H
#define EOUL_SIM_WHATIF_H

#include "sim/compare.h"

#define WHATIF_GPUS_MAX    8
#define WHATIF_OPTIONS_MAX (WHATIF_GPUS_MAX * COMPARE_POLICIES_MAX)

enum goal_what { GOAL_DELAY, GOAL_TTE, GOAL_WAIT, GOAL_RESULTS, GOAL_UTILISATION };
enum goal_of { GOAL_MEAN, GOAL_P50, GOAL_P90, GOAL_P95 };

struct goal {
    bool given;
    enum goal_what what;
    enum goal_of of;
    bool below;     /* else above */
    double value;   /* hours, results, or a share */
    char text[96];  /* as typed */
};

/* "p90 eyes delay < 4h", "mean time to eyes < 1d", "results > 20", "utilisation < 0.8". */
int goal_parse(struct str text, struct goal *ret, struct err *err);

struct whatif_options {
    const struct compare_options *compare; /* trace, policies, estimates, calendars, ... */
    struct { bool more; uint32_t n; } gpus[WHATIF_GPUS_MAX]; /* "+2" or "18" */
    uint32_t gpus_n;
    uint32_t have;          /* GPUs there are; 0: the trace says */
    double gpu_price, gpu_years;
    const char *svg;        /* file; NULL: none */
    struct goal goal;
};

int whatif_run(const struct whatif_options *o, enum lang lang);
/* argv[0] is "whatif"; an exit status. */
int whatif_main(int argc, char **argv, enum lang lang);

/* --- between whatif.c and whatif_draw.c ------------------------------------------------------------ */

struct whatif_row {
    uint32_t gpus;
    struct compare_policy policy;
    struct figures f;
    double results;         /* per person-week */
    double kwh_year, power_year, gpus_year; /* money: electricity, and of the GPUs added */
    double busy_by_hour[24];
    double goal_value;      /* what the goal is about */
    bool reaches;           /* the goal */
};

struct whatif_table {
    const struct whatif_row *rows;
    uint32_t rows_n;
    const char *currency;   /* of the tariff and the GPUs' price */
    const struct goal *goal;
    bool agreed;            /* blend moved everybody's starts */
    const char *power_cap;  /* of all rows, as typed; NULL: none */
    const struct whatif_row *uncapped; /* the first row without it */
    int best;               /* the cheapest that reaches the goal; -1 */
    int nearest;            /* to the goal */
    size_t jobs_n;
};

void whatif_draw_text(const struct whatif_table *t, enum lang lang, bool ascii, struct buf *out);
void whatif_draw_svg(const struct whatif_table *t, enum lang lang, struct buf *out);

#endif
