/* power.h - electricity as room: a cap on what jobs take together, and what each takes (doc/planner.md, "Power").
 *
 * The cap is steps over time (EVENT_POWER): what a breaker bears or a contract allows, perhaps less at some hours.
 * Watts are then one more count of every room and every job's needs (capacity.h), so order, backfill, reservations,
 * making way and the plan's places see them as they see CPUs.  Without a cap every job needs 0 W and nothing differs.
 *
 * A job takes what its owner says; else the P90 of what its group's last runs took (EVENT_ENDED.watts_mw); else what
 * the GPUs it asks for take at full load.  What is booked when it starts stays booked until it ends.  GPUs that
 * somebody else uses, or whose job is not proven gone, count with their full load.
 *
 * A start must fit under the cap of now, and under each lower one that comes while it may still run (by its time
 * limit, else nine times in ten):
 *
 *     at each instant s at which a step begins before the job is surely gone:
 *         watts booked by jobs that may still run at s <= cap of s
 *
 * What runs already when a cap falls goes on: only what may make way can be asked to.  Pure.
 */
#ifndef EOUL_CORE_POWER_H
#define EOUL_CORE_POWER_H

#include "core/capacity.h"

int power_check(const struct ev_power *e, struct err *err);
/* A submit that can never fit under the cap, as far as is known of its power. */
int power_check_submit(const struct core *c, const struct ev_submit *e, struct err *err);
void power_apply(struct core *c, const struct ev_power *e);
/* One saved step behind the others; false: it does not fit. */
bool power_enter(struct core *c, const struct cap *cap);
uint64_t power_hash(const struct core *c); /* their share of the core's sum */
uint64_t power_samples_hash(uint64_t h, const struct power_samples *s);

static inline bool power_capped(const struct core *c) { return c->caps.n > 0; }
uint32_t power_cap_w(const struct core *c, usec_t at);
/* What the next attempt is expected to take; 0 without a cap. */
uint32_t power_of_class(const struct core *c, const struct class_key *key);
uint32_t power_of_job(const struct core *c, const struct job *j);
/* The same, whether there is a cap or not, and what it rests on. */
uint32_t power_expected(const struct core *c, const struct job *j, enum power_source *ret_source);
/* Of what has no history: so many GPUs of a type (0: any) at full load. */
uint32_t power_full_w(const struct core *c, uint32_t gpus, uint32_t type);
/* A finished run took at most so much. */
void power_record(struct power_samples *s, int64_t mw);

/* What jobs and others have booked, and what is left under the cap; less than nothing when a cap has fallen. */
uint32_t power_foreign_w(const struct core *c);
int32_t power_free_w(const struct core *c, usec_t at);
/* Would it not even fit alone under the cap of now? */
bool power_barred(const struct core *c, uint32_t watts, usec_t at);
/* The machine's rooms get their watts; the shell's GPUs or cap have changed. */
void power_count(struct core *c);

/* Lower caps to come, as a decision sees them. */
struct power_view {
    uint32_t n;
    struct {
        usec_t at;
        int32_t left_w;
    } edges[CORE_CAPS_MAX];
};
void power_look(const struct core *c, usec_t now_at, usec_t boot_at, struct power_view *ret);
void power_started(struct power_view *v, uint32_t watts, usec_t gone_at);
bool power_blocks(const struct power_view *v, uint32_t watts, usec_t gone_at);
/* Do watts that fit at `at` with free_w left fit until then, nobody else ending? */
bool power_fits_ahead(const struct core *c, int32_t free_w, uint32_t watts, usec_t at, usec_t until_at);
/* Steps to come change the room of a profile that begins at its first point. */
void power_cut(const struct core *c, struct profile *p);
/* The next step after t; USEC_NEVER. */
usec_t power_next_step(const struct core *c, usec_t t);

#endif
