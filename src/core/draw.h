/* draw.h - a plan being drawn: shared by its two passes (plan.c) and the samples (odds.h), no one else.
 *
 * A drawing holds this moment's decision, the order of all that wait, and a row for each.  Jobs are placed into a
 * profile one after another in that order, each at the earliest time after now that those before it leave; where a
 * start is moved later, reserved for, or waits for a limit's next wave, not before that.  All of that is draw_place:
 * whoever draws only says how long each runs.
 */
#ifndef EOUL_CORE_DRAW_H
#define EOUL_CORE_DRAW_H

#include "core/capacity.h"
#include "core/chain.h"
#include "core/dispatch.h"
#include "core/search.h"

#define DRAW_UNKNOWN (-1)

struct hints;
struct odds; /* odds.h */

struct draw {
    const struct core *c;
    struct policy_ctx ctx;
    struct scratch s;
    struct dispatch d;
    size_t kept;
    struct plan_row *rows;
    uint32_t rows_n;
    struct order_key *order, *order_other; /* jobs to be placed, and room to sort them */
    uint32_t order_n;
    uint32_t placed_n; /* so many of them have places of the plan's search */
    const struct search_job *placed[SEARCH_MAX];
    usec_t *class_hint;                    /* by class: the last of it went there */
    usec_t *class_later;                   /* by class: where defer.h would have its start; DRAW_UNKNOWN: not asked yet */
    uint32_t *class_seen;                  /* by class: how many were placed */
    struct hints *hints;
    struct profile_point *points;
    uint32_t points_max;
    uint32_t *row_of;                      /* by job slot */
    struct chain *chain;
    char *todo_memory;
    struct todo_row *todo_rows;
    uint32_t todo_rows_n;
    struct odds *odds;
};

/* What keeps the i-th in line from a place, however long anybody runs. */
struct draw_wish {
    struct needs needs;
    uint32_t class;
    usec_t wave_at, deferred_at;
    usec_t from_at;  /* the latest of these, of its quota's days and of a reservation; USEC_NEVER */
    usec_t fits_us;  /* a lower cap is to come: there must be room for so long at least */
    bool anywhere;   /* nothing but room decides */
};
struct draw_wish draw_wish(struct draw *d, uint32_t i, usec_t after_now, usec_t wave_us);
/* Before each pass through the order. */
void draw_begin(struct draw *d);
/* Before one through its first n, whose wishes are known. */
void draw_again(struct draw *d, const struct draw_wish *wishes, uint32_t n);
/* The machine from now on: running jobs and this moment's starts end then (sorted); what is reserved and capped. */
void draw_machine(struct draw *d, struct profile *p, const struct busy_end *ends, uint32_t n, const usec_t *starts_us);
/* What was not started now starts later than now: at the next change, or when deciding again helps. */
usec_t draw_after_now(const struct draw *d, const struct profile *p);
/* A place for a run of that length, taken; USEC_NEVER. */
usec_t draw_place(struct draw *d, struct profile *p, const struct draw_wish *w, usec_t after_now, usec_t length_us);

#endif
