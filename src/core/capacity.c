/* capacity.c - see capacity.h. */
#include "core/capacity.h"

#include <assert.h>
#include <string.h>

#include "core/job.h"
#include "core/power.h"

/* --- rooms ------------------------------------------------------------------------------------ */

/* Type with most free; lowest on a tie. */
static uint32_t most_free(const struct room *r)
{
    uint32_t best = 1;
    for (uint32_t t = 2; t <= TYPES_MAX; t++)
        if (room_type(r, t) > room_type(r, best))
            best = t;
    return best;
}

static uint64_t gpus_of(uint32_t type, uint32_t n) { return (uint64_t)n << (8 * (type - 1)); }

void room_take(struct room *r, const struct needs *n, uint64_t *ret_gpus)
{
    uint64_t taken = 0;
    uint32_t left = n->gpus;
    assert(room_fits(r, n));
    while (left > 0) {
        uint32_t type = n->gpu_type ? n->gpu_type : most_free(r);
        uint32_t here = room_type(r, type) < left ? room_type(r, type) : left;
        r->gpus -= gpus_of(type, here);
        taken += gpus_of(type, here);
        left -= here;
    }
    r->cpus -= (int32_t)n->cpus;
    r->mem_mib -= (int32_t)n->mem_mib;
    r->watts -= (int32_t)n->watts;
    if (ret_gpus)
        *ret_gpus = taken;
}

void room_give(struct room *r, const struct room *more)
{
    r->gpus += more->gpus;
    r->cpus += more->cpus;
    r->mem_mib += more->mem_mib;
    r->watts += more->watts;
}

bool room_holds(const struct room *r, const struct room *other)
{
    for (uint32_t t = 1; t <= TYPES_MAX; t++)
        if (room_type(r, t) < room_type(other, t))
            return false;
    return r->cpus >= other->cpus && r->mem_mib >= other->mem_mib && (other->watts == 0 || r->watts >= other->watts);
}

void room_lose(struct room *r, const struct room *other)
{
    r->gpus -= other->gpus;
    r->cpus -= other->cpus;
    r->mem_mib -= other->mem_mib;
    r->watts -= other->watts;
}

/* --- the machine ------------------------------------------------------------------------------ */

void capacity_count(struct core *c)
{
    uint32_t mem = c->mem_mib > MEM_MAX_MIB ? MEM_MAX_MIB : (uint32_t)c->mem_mib;
    c->up = c->known = (struct room){ 0, (int32_t)c->cpus, (int32_t)mem, 0 };
    c->free = c->up;
    for (uint32_t i = 0; i < CORE_GPUS_MAX; i++) {
        const struct gpu *g = &c->gpus[i];
        if (!g->known || g->state == GPU_GONE)
            continue;
        c->known.gpus += gpus_of(g->type, 1);
        if (g->state != GPU_UP)
            continue;
        c->up.gpus += gpus_of(g->type, 1);
        if (g->job == NONE)
            c->free.gpus += gpus_of(g->type, 1);
    }
    for (uint32_t i = 0; i < c->busy_n; i++) {
        const struct job *j = &jobs_of(c)[busy_of(c)[i]];
        c->free.cpus -= (int32_t)j->cpus;
        c->free.mem_mib -= (int32_t)j->mem_mib;
    }
    power_count(c);
}

struct room capacity_of_job(const struct core *c, const struct job *j)
{
    struct room r = { 0, (int32_t)j->cpus, (int32_t)j->mem_mib, (int32_t)j->booked_w };
    for (uint64_t mask = j->gpu_mask; mask; mask &= mask - 1) {
        const struct gpu *g = &c->gpus[__builtin_ctzll(mask)];
        if (g->known && g->state == GPU_UP)
            r.gpus += gpus_of(g->type, 1);
    }
    return r;
}

uint64_t capacity_free_mask(const struct core *c)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < CORE_GPUS_MAX; i++)
        if (c->gpus[i].known && c->gpus[i].state == GPU_UP && c->gpus[i].job == NONE)
            mask |= UINT64_C(1) << i;
    return mask;
}

uint64_t capacity_pick(const struct core *c, uint64_t types, uint64_t free_mask)
{
    uint64_t wanted = types, picked = 0;
    for (uint64_t mask = free_mask; mask; mask &= mask - 1) {
        uint32_t gpu = (uint32_t)__builtin_ctzll(mask), shift = 8 * (c->gpus[gpu].type - 1);
        if ((wanted >> shift & 0xff) == 0)
            continue;
        wanted -= UINT64_C(1) << shift;
        picked |= UINT64_C(1) << gpu;
    }
    assert(wanted == 0);
    return picked;
}

void capacity_seize(struct core *c, uint32_t slot, uint64_t mask)
{
    struct job *j = &jobs_of(c)[slot];
    j->gpu_mask = mask;
    j->booked_w = power_of_job(c, j);
    c->busy_w += j->booked_w;
    for (; mask; mask &= mask - 1) {
        struct gpu *g = &c->gpus[__builtin_ctzll(mask)];
        assert(MUTANT(c, 1) || (g->known && g->state == GPU_UP && g->job == NONE));
        if (g->job == NONE)
            c->free.gpus -= gpus_of(g->type, 1);
        g->job = slot;
    }
    c->free.cpus -= (int32_t)j->cpus;
    c->free.mem_mib -= (int32_t)j->mem_mib;
    assert(c->free.cpus >= 0 && c->free.mem_mib >= 0);
}

void capacity_release(struct core *c, uint32_t slot)
{
    struct job *j = &jobs_of(c)[slot];
    for (uint64_t mask = j->gpu_mask; mask; mask &= mask - 1) {
        struct gpu *g = &c->gpus[__builtin_ctzll(mask)];
        assert(MUTANT(c, 1) || g->job == slot);
        if (g->job != slot)
            continue;
        g->job = NONE;
        if (g->known && g->state == GPU_UP)
            c->free.gpus += gpus_of(g->type, 1);
    }
    j->gpu_mask = 0;
    c->busy_w -= j->booked_w;
    j->booked_w = 0;
    c->free.cpus += (int32_t)j->cpus;
    c->free.mem_mib += (int32_t)j->mem_mib;
}

/* --- slots over time -------------------------------------------------------------------------- */

void profile_init(struct profile *p, struct profile_point *points, uint32_t max, usec_t from_at,
                  const struct room *room)
{
    assert(max > 0);
    *p = (struct profile){ points, 1, max, 0, room->gpus };
    points[0] = (struct profile_point){ from_at, *room };
}

void profile_add_later(struct profile *p, usec_t at, const struct room *more)
{
    struct profile_point *last = &p->points[p->n - 1];
    assert(at >= last->at);
    if (at > last->at) {
        assert(p->n < p->max);
        last[1] = (struct profile_point){ at, last->room };
        last++;
        p->n++;
    }
    room_give(&last->room, more);
    p->types |= more->gpus;
}

/* With any type the same GPUs must be free throughout, not just as many; where all are of one type that is the same. */
static bool is_mixed(const struct profile *p, const struct needs *needs)
{
    uint64_t types = p->types;
    return needs->gpus && !needs->gpu_type && (!types || types >> (__builtin_ctzll(types) & ~7) > UINT8_MAX);
}

/* Last point at or before t; the first if there is none.  In steps that double, from the last place on. */
static uint32_t profile_place(const struct profile *p, usec_t t)
{
    uint32_t low = p->last < p->n ? p->last : 0, high = low + 1, step = 1;
    if (p->points[low].at <= t) {
        while (high < p->n && p->points[high].at <= t) {
            low = high;
            high = step < p->n - high ? high + step : p->n;
            step *= 2;
        }
    } else {
        while (low > 0 && p->points[low].at > t) {
            high = low;
            low = step < low ? low - step : 0;
            step *= 2;
        }
    }
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (p->points[middle].at <= t)
            low = middle;
        else
            high = middle;
    }
    return low;
}

usec_t profile_find(const struct profile *p, const struct needs *needs, usec_t not_before,
                    usec_t length_us)
{
    uint32_t at = profile_place(p, not_before);
    bool mixed = is_mixed(p, needs);
    while (at < p->n) {
        if (!room_fits(&p->points[at].room, needs)) {
            at++;
            continue;
        }
        usec_t start = usec_max(p->points[at].at, not_before), end = usec_add(start, length_us);
        struct room least = p->points[at].room;
        uint32_t next = at + 1;
        while (next < p->n && p->points[next].at < end) {
            if (mixed)
                least = room_least(&least, &p->points[next].room);
            if (!room_fits(mixed ? &least : &p->points[next].room, needs))
                break;
            next++;
        }
        if (next == p->n || p->points[next].at >= end)
            return start;
        at = mixed ? at + 1 : next + 1;
    }
    return USEC_NEVER;
}

uint32_t profile_cut(struct profile *p, usec_t t)
{
    uint32_t at = p->last = profile_place(p, t);
    if (p->points[at].at == t)
        return at;
    assert(p->points[at].at < t);
    assert(p->n < p->max);
    memmove(p->points + at + 2, p->points + at + 1, (p->n - at - 1) * sizeof *p->points);
    p->points[at + 1] = (struct profile_point){ t, p->points[at].room };
    p->n++;
    return at + 1;
}

void profile_take(struct profile *p, const struct needs *needs, usec_t from_at, usec_t until_at)
{
    uint32_t from = profile_cut(p, from_at);
    uint32_t until = until_at == USEC_NEVER ? p->n : profile_cut(p, until_at);
    struct room least = p->points[from].room;
    uint64_t gpus = 0;
    bool mixed = is_mixed(p, needs); /* else the first point says of what type they are */
    for (uint32_t i = from + 1; i < until && mixed; i++)
        least = room_least(&least, &p->points[i].room);
    room_take(&least, needs, &gpus);
    for (uint32_t i = from; i < until; i++) {
        p->points[i].room.gpus -= gpus;
        p->points[i].room.cpus -= (int32_t)needs->cpus;
        p->points[i].room.mem_mib -= (int32_t)needs->mem_mib;
        p->points[i].room.watts -= (int32_t)needs->watts;
    }
}
