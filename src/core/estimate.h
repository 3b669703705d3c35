/* estimate.h - how long will it run?  (doc/planner.md, "Run times")
 *
 * Finished runs are kept as log2 of their length, the last 30 of each group: own (owner, command,
 * width), owner and time limit, person, team.  A forecast is a quantile of the pooled sample: own runs
 * and the last 15 shown of the same limit weigh most, the person's last 10 less, the team's last 5 a little,
 * and a guess (the configured median, spread over a factor of 16) almost nothing; so a group without
 * history shrinks to its parents.  Of each group every eighth run further back weighs half: who
 * changes what they do is followed.  Given that a run has already lasted, shorter ones leave the
 * pool.  A time limit caps the result.
 *
 * A run that failed is one more run, unless it failed early: sooner than nine of ten of its pool end, or it never
 * ran, or it failed while it was to make way: that was not its own doing.
 * With settings.pool 0, as in journals from before, there are no runs of a limit and of failures, and old
 * runs weigh what new ones do.
 *
 * How far a running job says it is joins the pool with settings.pool: the whole run is then the work of that moment by that part,
 * and what is left of it log-normal around that, as 16 samples that outweigh all the rest.  Nothing under a hundredth
 * or ten seconds is listened to.
 *
 * A told estimate (event.h) joins the pool as a log-normal of 16 samples, or is the pool, as the
 * settings say; told alone without a spread it is taken to the microsecond.
 *
 * Runs are counted in work: what an attempt that made way had done is kept (job.done_us), and the next
 * one is expected to take restart_us more than the rest.
 *
 * Fixed point: logs are log2(us) in 1/512 (LOG_ONE), good to 0.14%.  All arithmetic is integer.
 *
 * An own run counts at once.  What a limit's, a person's and the team's runs say to *other* groups is renewed
 * only on ticks of 15 minutes of wall time (and at once while they are few): otherwise each ending
 * would change every forecast of the queue.
 */
#ifndef EOUL_CORE_ESTIMATE_H
#define EOUL_CORE_ESTIMATE_H

#include "core/state.h"

#define LOG_ONE 512
#define ESTIMATE_TICK_US (15 * USEC_PER_MIN)
#define ESTIMATE_MAX_US  (3650 * USEC_PER_DAY) /* sums with instants stay far from overflow */
#define ESTIMATE_SD_MAX  5000 /* thousandths; wider ones count as this */

int32_t log2_fixed(uint64_t value);   /* of 0: 0 */
uint64_t exp2_fixed(int32_t log);
void samples_add(struct samples *s, int32_t log); /* a full one forgets its oldest */

uint64_t estimate_key(uint32_t owner, uint64_t command_key, uint32_t gpus);

/* Whose next attempt?  Work that is done and kept shortens it, what a restart costs lengthens it. */
struct ask {
    uint32_t owner, group; /* group: estimate_find's answer */
    usec_t told_us;        /* told median of the whole run; 0: none */
    uint32_t told_sd_milli;
    usec_t done_us;        /* work done and kept before this attempt */
    usec_t restart_us;     /* with done_us 0: 0 */
    usec_t limit_us;       /* its time limit: whose runs count; 0: none */
    uint32_t progress;     /* estimate_progress of what it said; 0: nothing */
};
/* Quantiles of that attempt's length, without a limit.  With `keep` those of whole runs are kept
 * beside the group (or person) for the next asker; only looking never writes. */
void estimate_nodes(const struct core *c, const struct ask *ask, bool keep,
                    struct forecast_nodes *ret);

/* What job.done_ppm is to be when it says so: the part, and from bit 20 on what the whole run then comes to. */
uint32_t estimate_progress(const struct core *c, const struct job *j, uint32_t done_ppm);
/* What a restart of this job costs: 0 for one that has nothing to resume. */
usec_t estimate_restart_us(const struct core *c, const struct job *j);
/* Work done when its attempt has run for ran_us: kept from earlier ones, and since the restart. */
usec_t estimate_work_us(const struct core *c, const struct job *j, usec_t ran_us);

/* Quantiles of this attempt's length given that it has run for ran_us: nodes[k] >= ran_us.  The answer
 * stays until *ret_holds_us of running (may be NULL; USEC_NEVER: for good). */
void estimate_rest(const struct core *c, const struct job *j, usec_t ran_us,
                   struct forecast_nodes *ret, usec_t *ret_holds_us);
/* P50 of them, or with late P90: all that whoever waits for its end wants to know. */
usec_t estimate_length(const struct core *c, const struct job *j, usec_t ran_us, bool late, usec_t *ret_holds_us);
/* The same as P10, P50, P90 with what they rest on. */
struct forecast estimate_forecast(const struct core *c, const struct job *j, usec_t ran_us,
                                  usec_t *ret_holds_us);

/* Finished runs that a forecast of this job rests on. */
uint32_t estimate_history(const struct core *c, const struct job *j);
/* At these levels, n of them rising, of LEVEL_ONE: the length that such a part of its runs does not exceed, given that it has
 * run for ran_us.  What samples are drawn by (odds.h). */
#define LEVEL_ONE 65536u
void estimate_levels(const struct core *c, const struct job *j, usec_t ran_us, const uint32_t *level, uint32_t n, usec_t *ret);

/* An attempt that ran for ran_us was the whole rest of the run, and took mw (0: nobody knows). */
void estimate_record(struct core *c, const struct job *j, usec_t ran_us, int64_t mw);
void estimate_record_failure(struct core *c, const struct job *j, enum end_cause cause, usec_t ran_us);
/* Has a run of this group (estimate_find's answer) ended well? */
bool estimate_succeeded(const struct core *c, uint32_t group);
/* On a new tick, show persons' and team's runs to the others. */
void estimate_tick(struct core *c, usec_t now_at);

void estimate_renew(struct core *c);  /* settings or machine changed: every forecast is made anew */
void estimate_rehash(struct core *c); /* rebuild the key table */
uint32_t estimate_find(const struct core *c, uint64_t key);
/* Enter a group as it was saved (load only). */
struct group *estimate_enter(struct core *c, uint64_t key);
uint64_t group_hash(const struct group *g);

#endif
