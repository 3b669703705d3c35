/* mode.h - which order (core/mode.h) serves this team best, picked anew each week by replaying its own last four
 * (doc/planner.md, "The mode of the week").
 *
 * When a week is over it is played once under each of them, on an empty machine from three days before it, with what had
 * ended by its end: a job that had not is left out, because nobody knows how long it takes. What could never start in the
 * replay counts as if it had begun after all else. Its score is the sum of the times until seen of what was submitted in it,
 * by the hours that were told. The scores of the last four weeks are added up, and the order in use goes when another one's
 * sum is more than 1 % below, and by more than the days of those weeks differ by chance (the root of the sum of the days'
 * squared differences): one burst that came out well proves nothing.
 * Until a week is over, nothing is known against `later`.
 *
 * Weeks are played one by one, not four at once, so that each is played once only: what stood in line before its lead-in
 * is not in it, for any of the three.
 */
#ifndef EOUL_SIM_MODE_H
#define EOUL_SIM_MODE_H

#include "sim/drive.h"

#define MODE_WEEK_US  (7 * USEC_PER_DAY)
#define MODE_LEAD_US  (3 * USEC_PER_DAY)
#define MODE_LOSS     0.01 /* more than this is lost: the order goes */

struct mode_week {
    double seen_h[MODE_COUNT][7]; /* sums over the results of what was submitted on each day */
    uint32_t jobs;                /* 0: it says nothing */
};

/* Plays the week that ends at `until_at`.  `jobs` hold what is known of all jobs then, in any order; `options` are those of
 * the run that asks. */
int mode_play(const struct drive_job *jobs, size_t jobs_n, const struct trace *people, const struct presence *presence,
              const struct drive_options *options, usec_t until_at, struct mode_week *ret, struct err *err);

struct mode_choice {
    enum mode mode;
    struct mode_week weeks[MODE_WEEKS]; /* the oldest is overwritten */
    uint32_t weeks_n;                   /* ever added */
};

/* One week more (one that says nothing is none); the mode stays. */
void mode_note(struct mode_choice *c, const struct mode_week *week);
/* Look at the weeks that were noted; returns whether the mode is another now. */
bool mode_pick(struct mode_choice *c);
/* Both. */
bool mode_add(struct mode_choice *c, const struct mode_week *week);

#endif
