/* band.h - how wide a forecast is said, from how far off the last ones were (doc/planner.md, "When will it end").
 *
 * Two things make a job end later than its plan says: its run is longer than runs like it were, and it waits longer than
 * the plan says, because whoever comes later may go before it and nobody knows who comes.  Neither is modelled; both are
 * seen, and the next forecasts are given as far from the plan as the last ones turned out to be (split conformal
 * prediction over a sliding window):
 *
 *   runs   log2(run / forecast) of a person's last 30 runs, and of the team's until they have ten.  P50 is moved by
 *          their middle as far as it is surely off (by more than a tenth of the runs, which is its standard error), P90
 *          by their 90 % point, but it is never brought nearer: thirty runs can be lucky.  What failed ended, too.
 *   waits  log2((waited + 1 min) / (planned + 1 min)) of the last 60 first starts that had to wait, apart by GPU-hours asked:
 *          under 1, 4, 16, and more.  Large jobs are overtaken, small ones overtake.
 *
 * A job's planned wait is worked out once, in the decision that finds it in line: the place that the order of the index gives
 * it, among the first BAND_LINE, running jobs ending at P50.  Not scored are jobs that a limit keeps out of line,
 * whose start was moved later, those that come when more than BAND_CLASSES kinds wait, and all under policies without an
 * index: there not every value is as of now (order.h), and the waits of a plan stay what the plan says.
 *
 * With settings.calibrate 2; with less nothing is kept, and forecasts are given as they are.  What decides keeps to the
 * plain forecasts, but for later starts (defer.h), which may not move the P90 that people are told.  Pure.
 */
#ifndef EOUL_CORE_BAND_H
#define EOUL_CORE_BAND_H

#include "core/state.h"

#define BAND_LINE    64  /* jobs placed to know one's wait */
#define BAND_CLASSES 256 /* ... and kinds of jobs looked at for it */
#define BAND_RUNS    10u /* of a person, or team, before they count */
#define BAND_LEAST   20u /* waits before they count: of a size, else of all sizes */
#define BAND_FLOOR_US USEC_PER_MIN /* waits that differ by less are alike */

/* After a decision: how long will those wait that are new in line? */
void band_foresee(struct core *c);
/* It is about to leave the line for an attempt, and open (job.h). */
void band_starts(struct core *c, struct job *j, bool canary);
/* It ended after an attempt of ran_us, well or not. */
void band_ended(struct core *c, const struct job *j, enum end_cause cause, usec_t ran_us);

/* From the plain forecast of an attempt that has run for ran_us to the one that is given. */
void band_nodes(const struct core *c, uint32_t person, usec_t limit_us, usec_t ran_us, struct forecast_nodes *nodes);
/* The same for lengths at n levels (estimate_levels), rising; `given` is the forecast (band_forecast) of that attempt. */
void band_levels(const struct core *c, person_no person, usec_t ran_us, const struct forecast *given, const uint32_t *level,
                 uint32_t n, usec_t *us);
/* The forecast that is given of a class's runs; its P90 alone. */
struct forecast_nodes band_view(const struct core *c, const struct class_key *key, const struct class_view *view);
usec_t band_p90(const struct core *c, const struct class_key *key, const struct class_view *view);
/* estimate_forecast of this job, as it is given. */
struct forecast band_forecast(const struct core *c, const struct job *j, usec_t ran_us);

struct band_times {
    usec_t start_p90_at, end_p50_at, end_p90_at;
};
/* Of a job of that area (struct class_view) whose place is start_at and whose run takes `run`; false: too little is known. */
bool band_wait(const struct core *c, int64_t area, usec_t now_at, usec_t start_at, const struct forecast_nodes *run,
               struct band_times *ret);

/* Is it known how far off waits are?  Then: when a job of that area starts whose place is start_at, so many times in a
 * thousand (less than 1000) at the latest; a fifth of what may be at a time. */
bool band_knows_waits(const struct core *c);
usec_t band_wait_at(const struct core *c, int64_t area, usec_t now_at, usec_t start_at, uint32_t of_thousand);

uint64_t band_hash(const struct core *c); /* the team's share of the core's sum */
uint64_t band_hash_person(uint64_t h, const struct person *p);
/* As loaded: what is derived from it. */
void band_renew(struct core *c);

#endif
