/* weekly.h - `eoul sim mode`: the last four whole weeks of a log under each mode (mode.h), and which serves best.
 *
 * The live daemon runs it once a week as a child of its own (daemon/week.h) and reads its --json; a person sees a table.
 * What was known of a job's length when it was submitted is what the core would have forecast then: the whole log is run
 * once, in the mode in use, and its forecasts are kept.  When a job ended is as the log says, where it does.  Weeks end on
 * Mondays at 0:00 of the zone, so that a table says "to Sunday".
 */
#ifndef EOUL_SIM_WEEKLY_H
#define EOUL_SIM_WEEKLY_H

#include "i18n/tr.h"
#include "sim/mode.h"

struct weekly_week {
    usec_t until_at;
    struct mode_week score; /* jobs 0: fewer than MODE_JOBS_MIN results */
};

struct weekly {
    enum mode now, best;      /* in use, and what should be */
    usec_t until_at;          /* the end of the last of them */
    uint32_t weeks, jobs;     /* that say something, and the results in them */
    double seen_h[MODE_COUNT]; /* mean time until seen of those results; 0 without any */
    struct weekly_week week[MODE_WEEKS]; /* oldest first */
};

/* The Monday 0:00 of the zone that is `at` or the last before it. */
usec_t weekly_end(const struct zone *zone, usec_t at);

struct weekly_known { /* weeks that need not be played: what an earlier answer said of them */
    struct weekly_week week[MODE_WEEKS];
    uint32_t n;
};

/* `trace` is the log up to `until_at`; `options` are those of a run in the mode in use. */
int weekly_weigh(const struct trace *trace, const struct presence *presence, const struct drive_options *options,
                 const struct weekly_known *known, usec_t until_at, struct weekly *ret, struct err *err);

int weekly_main(int argc, char **argv, enum lang lang);

#endif
