/* history.h - the team's last nine weeks as a journal that eoul-sim can read: what a replay of the week is given.
 *
 * Not the daemon's own journal, which is kept for days only, but the same form (event.h): for each person their windows as
 * they were told in the last seven days (passed.h) and before that as they are planned now (people_planned), and whether
 * they agreed to later starts; for each ended job one submit, one start and
 * one end.  Of a job that was interrupted the run is what was kept of it.  A job that waited for its begin time, for others,
 * or for its hold to end counts from when nothing but its place in line kept it (attempt's trade).  Beside them what they met
 * (met.h); and of limits and quotas those of now.
 *
 * Nine weeks: four to replay, three days before each week, and four more from which the forecasts of then are learned.
 * Without GPUs the CPUs are the slots.  Made in steps, so that clients are answered meanwhile.
 */
#ifndef EOUL_DAEMON_HISTORY_H
#define EOUL_DAEMON_HISTORY_H

#include <stdint.h>

#include "base/str.h"
#include "base/usec.h"

#define HISTORY_US       (59 * USEC_PER_DAY)
#define HISTORY_JOBS_MAX 20000u /* the newest; a team of fifty has half as many */

struct daemon;
struct history;

/* Of what ended before until_at. */
int history_create(struct daemon *d, usec_t until_at, struct history **ret);
void history_destroy(struct history *h); /* accepts NULL */
int history_step(struct history *h);     /* 1: it is complete, 0: there is more; E_* */
struct str history_text(const struct history *h);
uint32_t history_recent(const struct history *h); /* jobs of the four weeks */
uint32_t history_gpus(const struct daemon *d);    /* GPUs there are, or slots */

#endif
