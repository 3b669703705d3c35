/* capacity.h - GPUs by type, CPUs, memory and watts: what is there, what a job takes, and slots over time.
 *
 * A `room` counts free GPUs by type in the bytes of one word (type t in byte t-1; at most 64 each).
 * A job that asks for any type takes from the type with most free, the lower number on a tie, and
 * mixes types only if no type alone has enough.
 *
 * A `profile` is a sorted array of (time, room): the room from that time until the next entry's.
 * Reservations only take, so "no fit before" hints stay true while a plan is made.  Searching and
 * cutting are linear in the entries they pass; near a plan's frontier that is a few.  Where an entry lies is sought
 * from the last place outwards: in a plan of 100,000 rows the next is a few entries on, and the whole is 7 MB.
 */
#ifndef EOUL_CORE_CAPACITY_H
#define EOUL_CORE_CAPACITY_H

#include "core/state.h"

static inline uint32_t room_type(const struct room *r, uint32_t type)
{
    return (uint32_t)(r->gpus >> (8 * (type - 1))) & 0xff;
}
/* Of a type; 0: all. */
static inline uint32_t room_gpus(const struct room *r, uint32_t type)
{
    if (type)
        return room_type(r, type);
    /* Sum of eight bytes; 8 * 64 does not fit a byte, so pairs first. */
    uint64_t pairs = (r->gpus & 0x00ff00ff00ff00ffu) + ((r->gpus >> 8) & 0x00ff00ff00ff00ffu);
    return (uint32_t)((pairs * 0x0001000100010001u) >> 48);
}

static inline bool room_fits(const struct room *r, const struct needs *n)
{
    return (int64_t)n->cpus <= r->cpus && (int64_t)n->mem_mib <= r->mem_mib &&
           (n->watts == 0 || (int64_t)n->watts <= r->watts) &&
           (n->gpus == 0 || n->gpus <= room_gpus(r, n->gpu_type));
}
/* Take n out; says which types in *ret_gpus (packed as a room).  n must fit. */
void room_take(struct room *r, const struct needs *n, uint64_t *ret_gpus);
void room_give(struct room *r, const struct room *more);
bool room_holds(const struct room *r, const struct room *other); /* all of it, type by type */
void room_lose(struct room *r, const struct room *other);        /* r must hold it */
/* Byte-wise minimum and so on: what is free in both. */
static inline struct room room_least(const struct room *a, const struct room *b)
{
    struct room least = { 0, a->cpus < b->cpus ? a->cpus : b->cpus,
                          a->mem_mib < b->mem_mib ? a->mem_mib : b->mem_mib,
                          a->watts < b->watts ? a->watts : b->watts };
    if (a->gpus == b->gpus) {
        least.gpus = a->gpus;
        return least;
    }
    /* Counts are below 128: bit 7 of each byte of a + 128 - b tells whether a >= b there. */
    uint64_t tops = 0x8080808080808080u, more = (((a->gpus | tops) - b->gpus) & tops) >> 7;
    uint64_t mask = more * 0xff;
    least.gpus = (b->gpus & mask) | (a->gpus & ~mask);
    return least;
}

/* The machine's rooms from the GPUs and jobs as they are; free never counts what is not UP. */
void capacity_count(struct core *c);
/* Room given back when this job ends: its GPUs that are UP, its CPUs and memory. */
struct room capacity_of_job(const struct core *c, const struct job *j);
/* As many GPUs of each type (packed as a room) of `free_mask`, lowest numbers first. */
uint64_t capacity_pick(const struct core *c, uint64_t types, uint64_t free_mask);
uint64_t capacity_free_mask(const struct core *c);
/* Give the job its GPUs, CPUs and memory, or take them back. */
void capacity_seize(struct core *c, uint32_t slot, uint64_t mask);
void capacity_release(struct core *c, uint32_t slot);

struct profile_point {
    usec_t at;
    struct room room;
};
struct profile {
    struct profile_point *points; /* the caller's */
    uint32_t n, max;
    uint32_t last; /* place of the last one cut: where the next is looked for first, whatever it says */
    uint64_t types; /* of GPUs that are in any room of it: the sum of bits of their counts; 0: not known */
};
void profile_init(struct profile *p, struct profile_point *points, uint32_t max, usec_t from_at,
                  const struct room *room);
/* From `at` on there is this much more. Points must be added in time order. */
void profile_add_later(struct profile *p, usec_t at, const struct room *more);
/* Earliest start >= not_before at which `needs` fit for length_us; USEC_NEVER if none. */
usec_t profile_find(const struct profile *p, const struct needs *needs, usec_t not_before,
                    usec_t length_us);
/* Make t, not before the first, a point of its own; returns its place. */
uint32_t profile_cut(struct profile *p, usec_t t);
/* Take them for [from_at, until_at); they must fit. */
void profile_take(struct profile *p, const struct needs *needs, usec_t from_at, usec_t until_at);

#endif
