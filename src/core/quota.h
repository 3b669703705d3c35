/* quota.h - how much of the machine a person, or an account (a project), may have (doc/planner.md, "Quotas").
 *
 * Two kinds, in Slurm's terms: GPUs at once (GrpTRES=gres/gpu=N of an account, MaxTRESPerUser of a person), and GPU-hours
 * in the last so many days (GrpTRESMins).  Both are asked when a job would start, and of nothing that runs: a quota that
 * is lowered, or used up meanwhile, stops nothing.  A job that a quota holds is no candidate, so it has no reservation
 * either and no GPU stands idle for it.
 *
 * GPU time is kept by days of wall time (UTC), today and the QUOTA_DAYS_MAX - 1 before it, of persons and accounts that
 * have a quota of hours; an attempt counts in the days in which it ran, what runs now up to the last event.  What was
 * kept under a clock that then goes back by days is taken as used today, so that it does go some time.  Without any quota
 * nothing is kept and nothing asked.  Pure.
 */
#ifndef EOUL_CORE_QUOTA_H
#define EOUL_CORE_QUOTA_H

#include "core/state.h"

int quota_check(const struct ev_account *e, struct err *err);
int quota_check_hours(uint32_t hours, uint32_t days, struct err *err);
void quota_account(struct core *c, const struct ev_account *e);
/* An attempt leaves the machine. */
void quota_used(struct core *c, const struct job *j);

/* Is it used up?  Asked of every job in line, so it is found out for each quota once an event: quota_tick when time has
 * passed, quota_stale when something changed it, quota_know at the end of that event. */
void quota_tick(struct core *c);
void quota_stale(struct core *c, struct used_up *up);
void quota_know(struct core *c);
bool quota_known_well(const struct core *c); /* check.c: what is known is so */

/* The quota that keeps one more job of so many GPUs from starting, with so many GPUs given to its account by this
 * decision already; REASON_NONE. */
enum reason quota_limited(const struct core *c, uint32_t owner, uint32_t account, uint32_t gpus, uint32_t more_gpus);
/* When a quota of hours that holds such a job lets it go as far as is known; 0: none does. */
usec_t quota_free_at(const struct core *c, uint32_t owner, uint32_t account);
/* When a quota of hours that is used up may let somebody go; USEC_NEVER. */
usec_t quota_due(const struct core *c);

bool quota_is_used(const struct usage *u);
uint64_t quota_usage_hash(uint64_t h, const struct usage *u);
uint64_t account_hash(const struct core *c, uint32_t account);
void account_changed(struct core *c, uint32_t account);

#endif
