/* run.h - one decision under way: what dispatch.c and dispatch_plan.c share.  Nobody else includes it.
 *
 * Three ways to hand out the room, one total order:
 *
 *     run_loop  (dispatch.c)       job by job: starts, claims, one reservation, backfill behind it
 *     dispatch_walk  (dispatch_walk.c)  the same by the order kept from decision to decision, where values stand still
 *     dispatch_plan  (dispatch_plan.c)  the first jobs in line get places in a plan and its best order found;
 *                                  those whose place is now start, others may beside them
 *
 * The plan is made by POLICY_BLEND where nobody, running or waiting, makes way: with jobs that do, the
 * order alone is as good (doc/planner.md), and whoever fits nowhere keeps the one reservation.
 */
#ifndef EOUL_CORE_RUN_H
#define EOUL_CORE_RUN_H

#include "core/dispatch.h"
#include "core/power.h"
#include "core/reserve.h"

struct run {
    const struct policy_ctx *ctx;
    const struct scratch *s;
    struct dispatch *d;
    struct room free, beside;
    struct room pool;        /* free, and what runners that are not reached yet and leaving jobs have */
    uint64_t free_mask;
    struct order_key *runners;
    uint32_t runners_n, runners_at; /* at: those before it are kept or told to make way */
    usec_t runners_again_at;
    uint32_t n;              /* candidates in s->keys, a heap: best on top */
    bool quiet;              /* nothing has happened since the last decision: nothing starts */
    bool blocked, refused;
    bool sieved;             /* of the candidates those are left that may start behind the reservation */
    bool bounded;            /* the reservation is of a job long over its age: who starts behind it is bound to */
    struct room outlast;     /* ... leave it room, or fits in here: what it and what began since leave */
    bool deferred;           /* some start was moved later */
    bool makes_way;          /* some waiting job allows it */
    struct order_key waiting; /* best of those that did not fit from the start */
    bool has_waiting;
    struct needs least;       /* no candidate needs less of anything */
    struct reserve_view reserve; /* what is held for somebody */
    struct power_view power;  /* lower caps to come */
    usec_t holds_at;          /* forecasts of running jobs stand until then */
    usec_t ages_at;           /* the first of those in line that are not over their age is then */
    bool looks[CORE_PERSONS_MAX + 1]; /* somebody in line is theirs to look at */
    bool has_best;
    struct order_key best[CORE_PERSONS_MAX + 1]; /* each owner's first; job NONE: none */
};

static inline struct needs class_needs(const struct core *c, const struct class_key *key)
{
    return (struct needs){ key->gpus, key->gpu_type, key->cpus, key->mem_mib, power_capped(c) ? power_of_class(c, key) : 0 };
}

void dispatch_reason(struct run *r, uint32_t class, enum reason reason);
/* Of one more job of the class, with what this decision has started and promised so far. */
enum reason dispatch_limited_now(const struct run *r, const struct job_class *class);
/* What a job that does not fit waits for: watts, if all the rest is there, or the rest. */
enum reason dispatch_lacks(const struct room *room, const struct needs *needs);
/* Make the heap of heads: those that fit (with `all` those that do not, too) and are not limited. */
void dispatch_candidates(struct run *r, bool all);
/* The next job of the top's class takes its place, or the class leaves. */
void dispatch_advance(struct run *r, bool class_done);
/* GPUs of a start: of the types that are free and promised to nobody. */
void dispatch_start(struct run *r, const struct order_key *key, const struct needs *needs);
bool dispatch_fits_now(const struct run *r, const struct needs *needs);
/* May the job's start be moved later at all? */
bool dispatch_may_wait(const struct run *r, const struct order_key *key);

/* When the next of those in line grows old: from then on it stands first and is moved no more. */
usec_t dispatch_next_age(const struct run *r);

/* Whoever stands before `key` (NULL: all): runners keep their room or make way, the best of those that
 * did not fit from the start gets the reservation. */
void dispatch_runners(struct run *r, const struct order_key *key);
void dispatch_reserve(struct run *r, const struct order_key *key);
/* The best candidate's turn; true: it has started or will, and the next of its class may follow. */
bool dispatch_one(struct run *r, const struct order_key *key);
/* Behind a reservation: may this one start without delaying it?  take: it does, if it may. */
bool dispatch_backfills(struct run *r, uint32_t class, const struct needs *needs, bool take);
/* The next of its class takes a place among the candidates. */
void dispatch_enter_next(struct run *r, const struct order_key *started);
/* By the kept order; for ctx->ordered. */
void dispatch_walk(struct run *r);

/* The plan's way; false: not here (see above). */
bool dispatch_plan(struct run *r);

#endif
