/* reserve.h - GPUs kept free for somebody at some time (doc/planner.md, "Reservations").
 *
 * From from_at until until_at the person has at least so many GPUs: what their own running jobs use counts, the
 * rest is held.  Nobody else's job starts if, by its time limit (its P90 where it has none), it may still hold
 * then what is held; and of what waits, the person's own jobs that fit into the held GPUs go first.  A
 * reservation says how many GPUs, not which.  What ran before it was made is not stopped.
 *
 *     at each instant s at which a reservation begins, or now inside one:
 *         GPUs that are up - GPUs of jobs that may still run at s >= sum of what is held at s
 *
 * A start must not make that sum fall shorter.  Edges suffice: between them jobs only end.  Work of a decision is
 * edges x reservations for each class looked at, and nothing where there is none.  Pure.
 */
#ifndef EOUL_CORE_RESERVE_H
#define EOUL_CORE_RESERVE_H

#include "core/capacity.h"
#include "core/dispatch.h"

int reserve_check(const struct core *c, const struct ev_reserve *e, struct err *err);
void reserve_apply(struct core *c, const struct ev_reserve *e);
int reserve_check_remove(const struct core *c, const struct ev_unreserve *e, struct err *err);
void reserve_apply_remove(struct core *c, const struct ev_unreserve *e);
/* Those that are over go. */
void reserve_tick(struct core *c);
/* When the next begins or ends; USEC_NEVER. */
usec_t reserve_due(const struct core *c);
uint64_t reserve_hash(const struct core *c, uint64_t h);
/* Enter one as it was saved (load only); false: it cannot be. */
bool reserve_enter(struct core *c, const struct reservation *r);

/* What is held, as a decision sees it. */
struct reserve_edge {
    usec_t at;
    struct room room;              /* of GPUs: up, and held by no job that may still run then */
    uint8_t used[RESERVATIONS_MAX]; /* GPUs that the person of each has then, as far as it counts */
    uint32_t active;               /* bit i: reservation i holds then */
};
struct reserve_view {
    uint32_t n;
    struct reserve_edge edges[RESERVATIONS_MAX];
};
void reserve_look(const struct core *c, usec_t now_at, usec_t boot_at, struct reserve_view *ret);
/* A start (or a claim) with GPUs of these types, that ends by ends_at. */
void reserve_started(const struct core *c, struct reserve_view *v, uint32_t owner, uint64_t types, usec_t ends_at);
/* Would it take what is held? */
bool reserve_blocks(const struct core *c, const struct reserve_view *v, uint32_t owner, uint64_t types, usec_t ends_at);
/* Leave of `room` what no reservation of a model needs while a job runs until ends_at. */
void reserve_spare(const struct core *c, const struct reserve_view *v, uint32_t owner, usec_t ends_at, struct room *room);
/* The types of GPUs for a job of any model: those first that reservations of its owner name.  `room` fits it. */
uint64_t reserve_own_first(const struct core *c, const struct reserve_view *v, uint32_t owner,
                           const struct needs *needs, struct room room);
/* By when a running job is surely gone: its limit, or without one nine times in ten. */
usec_t reserve_gone_at(const struct core *c, const struct job *j, usec_t now_at, usec_t boot_at);
/* Does a job of this owner use GPUs held for them now? */
bool reserve_serves(const struct core *c, uint32_t owner, uint32_t gpus, usec_t now_at);
/* Has this person a reservation, now or later? */
bool reserve_owns(const struct core *c, uint32_t person);
/* Take what is reserved out of a profile that begins at its first point: for drawing places. */
void reserve_cut(const struct core *c, struct profile *p);
/* The reservation (its place) that keeps a job of this length from starting now, and when it may start for
 * all reservations care; NONE, now_at. */
uint32_t reserve_reason(const struct core *c, const struct job *j, usec_t length_us, usec_t now_at, usec_t boot_at,
                        usec_t *ret_until_at);

#endif
