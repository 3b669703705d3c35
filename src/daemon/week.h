/* week.h - the mode of the week: which order serves this team best, asked of its own last four weeks.
 *
 * With `mode: weekly` (the default) and policy blend, eoul-sim is run once a week as a child (engine/child.h): it plays the
 * last four whole weeks, to Sunday midnight of the machine's zone, under each mode (sim/weekly.h), and says which did best.
 *
 *     hourly: is there a week that was not replayed?
 *         └─▶ gather: ended jobs of nine weeks, a few hundred at a time, as a journal; hours as they were told, as far as
 *                 is known; who agreed, limits and quotas as they are now; and what the jobs met (history.h)
 *         └─▶ run: eoul-sim mode on that, in no hurry; at most one, at most RUN_US_MAX, gone with the daemon
 *         └─▶ answer: in a turn, EVENT_SETTINGS if the mode is another, and what was found out into the store
 *
 * A child that fails, hangs, or says something else is forgotten and tried again later; the mode stays.  A team with too
 * little history keeps the mode it has, at first `later`.  While the clock is in doubt (believed.h) nothing is begun.
 * When people could look is gone after a week (doc/data.md).  So a week is played once, when it is over, by the hours that
 * were told in it (passed.h), and kept are its sums by mode and day, which tell of nobody; in the next three weeks they are
 * handed to the child (--week).  They are forgotten when the machine or a setting is another.  A week that could not be
 * played then, and what was in line at its beginning, goes by the hours of today, less the absences and appointments
 * that are still known.
 * What it answers is about the team, never about a person.
 */
#ifndef EOUL_DAEMON_WEEK_H
#define EOUL_DAEMON_WEEK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/usec.h"
#include "core/mode.h"

struct daemon;

enum week_state {
    WEEK_NONE,    /* no week is over since this team began */
    WEEK_LITTLE,  /* too little history */
    WEEK_PICKED,  /* by the weeks below */
    WEEK_STATE_COUNT
};
const char *week_state_word(enum week_state state);

struct week_now {
    bool of_blend;           /* false: the policy has no modes, and the rest is nothing */
    bool weekly;             /* picked; false: eoul.yaml says which */
    enum mode mode;          /* in use */
    usec_t since_at;
    enum week_state state;   /* of the last replay that was answered */
    usec_t until_at;         /* the end of its last week; 0: none */
    uint32_t weeks, results; /* that said something */
    int64_t seen_mh[MODE_COUNT]; /* mean time until seen, in thousandths of hours */
    bool failed;             /* the last try since the start failed, and is made again */
    bool running;
};

/* Before the first turn. */
int week_load(struct daemon *d, struct err *err);
void week_finish(struct daemon *d);
enum mode week_mode(const struct daemon *d); /* which the core is to be told */
void daemon_week(const struct daemon *d, struct week_now *ret);

/* In a turn. */
bool week_waits(const struct daemon *d);               /* for a turn: there is an answer */
int week_turn(struct daemon *d, struct err *err);      /* at the start and when it waits */
void week_committed(struct daemon *d);
void week_rolled_back(struct daemon *d);                /* what the store says */

/* At the end of each wake-up. */
void week_step(struct daemon *d);

/* settings.c: what the core is told in that mode, but for the seed. */
struct ev_settings settings_of(const struct daemon *d, enum mode mode);

#endif
