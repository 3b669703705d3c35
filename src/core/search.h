/* search.h - places for the first jobs in line, and a better order than the index alone finds.
 *
 * The jobs of a window are given places one after another: each the earliest that the profile of running
 * jobs and places before it allows, or inside its slack a later one that costs less (defer.h).  What an
 * order costs is the weighted sum of its jobs' costs at their places.  Tried are the order of the index,
 * smallest area first, and settings.search_moves changes of the best so far (two jobs exchanged, one moved,
 * three moved), drawn from one stream seeded by settings.seed and the decision's number.  Jobs that are aged
 * or were sent first, and all before them, keep their places in line.
 *
 * An order tried begins like the best so far up to its first change: those places are taken over and not sought again.
 *
 * So many are made where run times are known: where all jobs of the window together are at P90 at most a quarter longer than
 * at P50.  Else no more than eight are: an order that many others were passed over for is then best by chance (measured:
 * doc/planner.md).
 *
 * Work is bounded by moves x window x entries of the profile.
 *
 * Memory is the caller's: one struct search.  Pure looking.
 */
#ifndef EOUL_CORE_SEARCH_H
#define EOUL_CORE_SEARCH_H

#include "core/capacity.h"
#include "core/policy.h"
#include "core/price.h"

#define SEARCH_MAX      64  /* jobs in a window */
#define SEARCH_BUSY_MAX 256 /* running jobs; with more (CPU jobs only) there is no search */
#define SEARCH_POINTS   (SEARCH_BUSY_MAX + 2 * RESERVATIONS_MAX + CORE_CAPS_MAX + 2 * SEARCH_MAX + 2)
#define SEARCH_BACKFILL 64  /* further jobs that may start beside the window */
#define SEARCH_SLOTS    256 /* later starts whose cost is remembered: a little over DEFER_MAX_US */

struct search_job {
    struct order_key key;
    const struct class_key *like;
    const struct class_view *view;
    struct needs needs;
    usec_t length_us; /* P50 */
    bool may_wait;    /* its start may be moved later */
    bool waited_for;  /* ... inside the slack of what waits for it */
    uint32_t weight_milli;
    int64_t least;    /* what it costs at least: eyes of a start at once */
    uint32_t window;  /* its owner's first window that ends after the first instant */
    uint32_t slots_n; /* slots[0..slots_n) hold costs of starts at the beginnings of slots */
    uint32_t slot_window;
    /* the answer */
    usec_t fits_at;   /* earliest place at its turn; USEC_NEVER: none */
    usec_t at;        /* its place: fits_at, or later by its own choice */
    int64_t cost;     /* of that place */
    /* the same in the best order so far */
    usec_t best_fits_at, best_at;
    int64_t best_cost;
};

struct search {
    struct price_table prices;
    struct search_job jobs[SEARCH_MAX];
    uint32_t n, fixed_n;              /* the first fixed_n stay where they are */
    uint8_t order[SEARCH_MAX], tried[SEARCH_MAX];
    int64_t slots[SEARCH_MAX][SEARCH_SLOTS]; /* slot i begins i half hours after prices.from_at */
    struct profile_point base[SEARCH_POINTS], points[SEARCH_POINTS + 2 * SEARCH_BACKFILL];
    struct profile machine;           /* base: running jobs, free room */
    struct profile profile;           /* points: with all places of `order` taken */
};

/* Places for jobs[0..n), in the order `order` afterwards.  No place is before not_before_at. */
void search_run(struct search *s, const struct core *c, usec_t not_before_at);

#endif
