/* order.h - classes of waiting jobs in the order of the decision, kept from one decision to the next.
 *
 * Where a policy's values do not move with time (all but POLICY_BLEND) an event changes the place of few classes.
 * Those in order hang in a treap by (tier, value, head's submit, head's id); of each subtree is known the least that
 * any class in it needs of GPUs, CPUs, memory and time, and its earliest submit. Whoever looks for the next that could
 * start passes over whole subtrees in which none can (dispatch_walk.c); work grows with the logarithm of the queue.
 *
 *     classes_live:  | new, or changed since: not in the treap | in the treap |
 *                    0                                      order.new_n    classes_n
 *
 * A class leaves the treap before anything changes that its place or its sums hang on (order_touch), and is entered
 * again by the next decision.  Entering costs more than a look: when there is news of more than ORDER_STEP and one in
 * ORDER_PART (a tick with news of run times, a restart) the order is dropped, and ORDER_LOOKS decisions look at all
 * classes before it is made anew.  A move into a larger block is news but once: it is made anew at once.
 *
 * A look at all needs a key for each class, the kept order needs few: its nodes lie in the upper part of the table of
 * keys, and whoever looks at all drops them.
 *
 * Who is passed over waits for others (REASON_PRIORITY), also where a claim of this decision would take its owner over a
 * limit; nothing else tells a decision by the order from a look at all (test/unit/test_core_kept.c).
 *
 * Priorities of the treap are a mixed slot: its shape is no state, and no decision depends on it.  All derived.
 */
#ifndef EOUL_CORE_ORDER_H
#define EOUL_CORE_ORDER_H

#include "core/policy.h"

#define ORDER_STEP     512 /* half a millisecond */
#define ORDER_PART     16  /* ... and the cost of a look at sixteen is that of entering one */
#define ORDER_LOOKS    256 /* making it anew is the cost of ten looks: of one decision in so many */
#define ORDER_NEXT_MAX (STARTS_MAX + CLAIMS_MAX) /* keys of those that come after a start in its class */

/* Bring it up to date for a decision; false: it cannot be used for this one. */
bool order_ready(struct core *c, struct policy_ctx *ctx);
/* Nobody is in it any more. */
void order_drop(struct core *c);
/* This class's reason is another than that its turn has not come. */
void order_said(struct core *c, uint32_t class);
/* The earliest submit, if it is before until_at, of a class's first job that is not over its age; USEC_NEVER. */
usec_t order_next_to_age(struct core *c, usec_t until_at);

/* Which of the widths of a node; what a length is there: an eighth of an octave, never more than it is, so that a <= b
 * makes code(a) <= code(b). */
uint32_t order_width(uint32_t width);
uint8_t order_late_code(usec_t late_us);

/* For queue.c: a class has come; it, its first job or their number is about to change; it goes. */
void order_came(struct core *c, uint32_t class);
void order_touch(struct core *c, uint32_t class);
void order_goes(struct core *c, uint32_t class);

/* NULL, or what is wrong with it. */
const char *order_broken(const struct core *c);

#endif
