/* dispatch.h - who starts now?  (doc/planner.md, "Order")
 *
 * Takes jobs in the total order of state.h.  Those that fit start.  The first that does not gets a
 * reservation at the earliest instant at which running jobs, ending as forecast (P50), leave it
 * room; behind it a job starts only if it fits now and either ends by its P90 (or limit) before
 * that instant, or fits beside the reserved job (EASY backfill).  POLICY_FIFO stops at the first.
 *
 * Jobs that may make way (preempt.h) stand in the same order as those that wait, and their room is as
 * good as free to whoever stands before them.  Who fits only then has a *claim*: it takes that room out of
 * the sum, and a runner whose room is gone when its turn comes is told to make way.  The claim starts in a
 * later decision, when the room is there.  The reservation stays for whoever does not even fit so.
 *
 * With settings.bounded a job that has waited half as long again as its age has a latest start (doc/planner.md,
 * "The longest wait"): if the reservation is its, a job behind it starts only if its *time limit* ends it before, if it can be asked to
 * make way by then, or if the reserved job fits beside it and everything else that began since, even when
 * all of that goes on for ever.  Forecasts, which may be wrong, have no say; and there is no search.
 *
 * With settings.search_moves the first jobs in line are planned together instead (run.h).  With
 * settings.defer a start may be moved later inside its slack (defer.h).  Both look at the very instant: so
 * that a decision repeated at once changes nothing, nothing starts while nothing has happened and the
 * last decision's again_at has not come (core.quiet).
 *
 * Pure looking: core.c applies the result; core_plan makes the same call to draw the same starts.
 * Work is linear in classes, not in jobs; where values stand still, in the logarithm of their number (order.h).
 */
#ifndef EOUL_CORE_DISPATCH_H
#define EOUL_CORE_DISPATCH_H

#include "core/policy.h"
#include "core/state.h"

#define STOP_GRACE_US (30 * USEC_PER_SEC) /* a job told to stop is expected gone by then */

struct scratch { /* memory of one dispatch, sized for this core */
    struct class_view *views;  /* by class slot; NULL: those in the core's classes are renewed */
    struct order_key *keys;    /* one per class in use, then one per busy job */
    struct busy_end *ends;     /* one per busy job, start and claim */
    uint8_t *marks;            /* one per busy job */
    struct search *search;     /* places of the plan, if there is one */
};

struct start {
    uint32_t job; /* slot */
    uint64_t gpu_mask;
    uint64_t types; /* how many of each type, packed as a room */
    usec_t canary_us; /* it is a canary, so long; 0: a run */
    usec_t would_at;  /* would.h; 0: now */
};
struct claim {
    uint32_t job;
    uint64_t types;
};
struct stop {
    uint32_t job, claim; /* slots: who makes way, for whom */
};

struct dispatch {
    struct start starts[STARTS_MAX];
    uint32_t starts_n, runs_n; /* the first runs_n are runs, those behind them canaries */
    struct claim claims[CLAIMS_MAX];
    uint32_t claims_n;
    struct stop stops[STOPS_MAX];
    uint32_t stops_n;
    uint32_t reserved;        /* slot of the first that does not fit, NONE */
    usec_t reserved_at;
    uint32_t placed_n;        /* places in scratch.search (order[0..placed_n)), those that start included */
    bool deferred;            /* some class may stand as moved later */
    usec_t again_at;          /* deciding again may start more then, though nothing happens */
};

void dispatch_run(const struct core *c, struct policy_ctx *ctx, const struct scratch *s,
                  struct dispatch *ret);

/* Place in the total order; best may be NULL (no job sent first). */
struct order_key dispatch_key(const struct policy_ctx *ctx, const struct class_view *view,
                              uint32_t job, const struct order_key *best);
bool dispatch_aged(const struct policy_ctx *ctx, usec_t submit_at);
/* Has it waited so long that forecasts have no say any more?  How long that is. */
bool dispatch_bound(const struct policy_ctx *ctx, usec_t submit_at);
usec_t dispatch_bound_us(const struct core *c);
bool dispatch_before(const struct order_key *a, const struct order_key *b);

static inline const struct class_view *dispatch_view(const struct core *c, const struct scratch *s,
                                                     uint32_t class)
{
    return s->views ? &s->views[class] : &classes_of(c)[class].view;
}
/* Until when a start of this class's jobs may be moved for the sake of what waits for any of them; USEC_NEVER. */
usec_t dispatch_latest(const struct core *c, const struct job_class *class, const struct class_view *view, usec_t now_at);
/* Expected ends of busy jobs at a quantile (50 or 90), sorted; `holds` also says until when. */
uint32_t dispatch_ends(const struct core *c, usec_t now_at, usec_t boot_at, bool late,
                       struct busy_end *ends, usec_t *ret_holds_at);
/* Room no start can have, whoever ends: never fits, or only on GPUs that are not UP. */
enum reason dispatch_impossible(const struct core *c, const struct needs *needs);
/* Who wants one more job of so many GPUs to start, and what this decision has given them already. */
struct asks {
    uint32_t owner, account, gpus, array; /* array: slot, NONE */
    uint32_t more_running, more_gpus, more_tasks, more_of_account;
};
/* A limit or quota of its person, account or array that keeps it from starting. */
enum reason dispatch_limited(const struct core *c, const struct asks *a);

#endif
