/* lengths.h - the ledger's share of run times: every length that an explanation rests on, worked out again.
 *
 * Rule "length".  Kept from committed events alone, in floating point: which runs ended and how long they were, the groups that
 * the core would know them by, what of them has been shown, what was said of runs that began and how far off
 * that was.  From these come P10, P50 and P90 of a run, and must be what is said.  Where a run is within a rounding of another number that
 * decides (what is done already, a failure that is just late), nobody can say which way the core went: what rests on it is
 * judged no more.  Where much of a run is kept, a rounding of the whole is a good part of what is left: what was said of it,
 * and how far off that was, is then known between a least and a most.
 */
#ifndef EOUL_SIM_LENGTHS_H
#define EOUL_SIM_LENGTHS_H

#include "sim/invariant.h"

struct lengths;
void lengths_destroy(struct lengths *l); /* accepts NULL */

struct lengths_job { /* what explained.c knows of a job */
    job_id id;
    usec_t told_us;
    uint32_t told_sd_milli;
    usec_t kept_us, restart_us; /* restart_us: what its next one costs */
};

/* An event on a new tick, by the settings of before it. */
void lengths_tick(struct lengths **l);
/* An attempt begins, or a canary. */
void lengths_begins(struct lengths **l, const struct invariant *v, const struct ev_settings *s, const struct lengths_job *job);
/* It says how far it is, having run for ran_us. */
void lengths_progress(struct lengths **l, const struct invariant *v, const struct ev_settings *s, const struct lengths_job *job,
                      usec_t ran_us, uint32_t done_ppm);
/* Has it, since it began? */
bool lengths_progressed(const struct lengths *l, job_id id);
/* It was gone after ran_us, with this update; right after EVENT_ENDED. */
void lengths_ended(struct lengths **l, const struct invariant *v, const struct ev_settings *s, const struct lengths_job *job,
                   usec_t ran_us, const struct core_update *u);
/* What is said of it when it has run for ran_us. */
void lengths_judge(struct lengths **l, const struct invariant *v, const struct ev_settings *s, const struct lengths_job *job,
                   usec_t ran_us, const struct forecast *said);

#endif
