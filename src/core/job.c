/* job.c - see job.h. */
#include "core/job.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "core/power.h"

uint64_t job_hash(const struct job *j)
{
    uint64_t h = 'j';
#define F(type, name) h = hash_mix(h, (uint64_t)j->name);
    JOB_FIELDS(F)
#undef F
    uint64_t place = 0;
#define F(type, name) place++; if (j->name) h = hash_mix(h ^ place, (uint64_t)j->name);
    JOB_FIELDS_LATER(F)
#undef F
    return h;
}

/* Everything that is a sum over the live jobs. */
static void account(struct core *c, const struct job *j, uint32_t sign)
{
    struct person *p = &c->persons[j->owner];
    c->sum += sign == 1 ? job_hash(j) : 0 - job_hash(j);
    if (j->state == JOB_PENDING) {
        p->queued += sign;
        c->held_n += j->flags & (JOB_HELD | JOB_HELD_ADMIN) ? sign : 0;
        c->deadlines_n += j->deadline_at ? sign : 0;
        c->singletons_n += j->flags & JOB_SINGLETON ? sign : 0;
        p->singletons += j->flags & JOB_SINGLETON ? sign : 0;
    } else {
        assert(job_is_busy(j)); /* a final one is opened before it ends, and never closed again */
        p->running += sign;
        p->gpus += sign * j->gpus;
        c->accounts[j->account].gpus += sign * j->gpus;
    }
}

void job_open(struct core *c, const struct job *j) { account(c, j, UINT32_MAX); }
void job_close(struct core *c, const struct job *j) { account(c, j, 1); }

struct needs job_needs(const struct core *c, const struct job *j)
{
    return (struct needs){ j->gpus, j->gpu_type, j->cpus, j->mem_mib, power_of_job(c, j) };
}

/* --- ids -------------------------------------------------------------------------------------- */
/* A sorted array rather than a hash table: ids arrive in order, listing in id order is part of the
 * contract, and seventeen steps find one of 100,000. */

static uint32_t ids_lower(const struct core *c, job_id id)
{
    const struct id_entry *ids = ids_of(c);
    uint32_t low = 0, high = c->by_id_n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ids[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t job_find(const struct core *c, job_id id)
{
    uint32_t at = ids_lower(c, id);
    const struct id_entry *ids = ids_of(c);
    return at < c->by_id_n && ids[at].id == id ? ids[at].slot : NONE;
}

uint32_t job_place_after(const struct core *c, job_id after)
{
    const struct id_entry *ids = ids_of(c);
    uint32_t at = after == UINT32_MAX ? c->by_id_n : ids_lower(c, after + 1);
    while (at < c->by_id_n && ids[at].slot == NONE)
        at++;
    return at;
}

static void ids_sweep(struct core *c)
{
    struct id_entry *ids = ids_of(c);
    uint32_t to = 0;
    if (c->by_id_dead <= (c->by_id_n - c->by_id_dead) / IDS_DEAD_SHARE + 64)
        return;
    for (uint32_t from = 0; from < c->by_id_n; from++)
        if (ids[from].slot != NONE)
            ids[to++] = ids[from];
    c->by_id_n = to;
    c->by_id_dead = 0;
}

static void ids_enter(struct core *c, job_id id, uint32_t slot)
{
    struct id_entry *ids = ids_of(c);
    uint32_t at = ids_lower(c, id);
    if (at < c->by_id_n && ids[at].id == id) { /* ended, and now requeued under its id */
        assert(ids[at].slot == NONE);
        ids[at].slot = slot;
        c->by_id_dead--;
        return;
    }
    assert(c->by_id_n < c->by_id_max);
    memmove(ids + at + 1, ids + at, (c->by_id_n - at) * sizeof *ids);
    ids[at] = (struct id_entry){ id, slot };
    c->by_id_n++;
}

uint32_t job_add(struct core *c, job_id id)
{
    struct job *jobs = jobs_of(c);
    uint32_t slot = c->jobs_free;
    if (slot != NONE) {
        c->jobs_free = jobs[slot].class;
    } else {
        assert(c->jobs_used < c->limits.jobs);
        slot = c->jobs_used++;
    }
    struct job *j = &jobs[slot];
    memset(j, 0, sizeof *j);
    j->id = id;
    j->state = JOB_PENDING;
    j->array = j->deps = j->dependents = j->class = j->prev = j->next = NONE;
    j->heap_wall = j->heap_boot = NONE;
    ids_enter(c, id, slot);
    c->jobs_n++;
    c->state_n[JOB_PENDING]++;
    if (id > c->last_id)
        c->last_id = id;
    return slot;
}

void job_free(struct core *c, uint32_t slot)
{
    struct job *j = &jobs_of(c)[slot];
    uint32_t at = ids_lower(c, j->id);
    assert(job_state_is_final((enum job_state)j->state));
    assert(j->class == NONE && j->deps == NONE && j->dependents == NONE);
    assert(j->heap_wall == NONE && j->heap_boot == NONE);
    assert(ids_of(c)[at].slot == slot);
    c->state_n[j->state]--;
    ids_of(c)[at].slot = NONE;
    c->by_id_dead++;
    j->id = 0;
    j->class = c->jobs_free;
    c->jobs_free = slot;
    c->jobs_n--;
    ids_sweep(c);
}

/* --- timers: two binary heaps of slots -------------------------------------------------------- */

usec_t job_wall_due(const struct job *j)
{
    usec_t due = USEC_NEVER;
    if (j->state != JOB_PENDING)
        return due;
    if (j->begin_at && !(j->flags & JOBX_BEGUN))
        due = j->begin_at;
    if (j->deadline_at)
        due = usec_min(due, j->deadline_at);
    return due;
}

usec_t job_boot_due(const struct job *j)
{
    return j->state == JOB_PENDING && j->backoff_until_boot_at ? j->backoff_until_boot_at
                                                               : USEC_NEVER;
}

struct heap {
    uint32_t *at, *n;
    bool boot;
};

static struct heap heap_of(struct core *c, bool boot)
{
    return boot ? (struct heap){ boot_heap_of(c), &c->boot_n, true }
                : (struct heap){ wall_heap_of(c), &c->wall_n, false };
}

static uint32_t *heap_place(struct core *c, struct heap h, uint32_t slot)
{
    struct job *j = &jobs_of(c)[slot];
    return h.boot ? &j->heap_boot : &j->heap_wall;
}

/* Ties by id: which of two due jobs comes first must not depend on the heap's past. */
static bool heap_before(const struct core *c, struct heap h, uint32_t a, uint32_t b)
{
    const struct job *x = &jobs_of(c)[a], *y = &jobs_of(c)[b];
    usec_t at = h.boot ? job_boot_due(x) : job_wall_due(x);
    usec_t bt = h.boot ? job_boot_due(y) : job_wall_due(y);
    return at != bt ? at < bt : x->id < y->id;
}

static void heap_put(struct core *c, struct heap h, uint32_t place, uint32_t slot)
{
    h.at[place] = slot;
    *heap_place(c, h, slot) = place;
}

static void heap_settle(struct core *c, struct heap h, uint32_t place)
{
    uint32_t slot = h.at[place];
    while (place > 0 && heap_before(c, h, slot, h.at[(place - 1) / 2])) {
        heap_put(c, h, place, h.at[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= *h.n)
            break;
        if (child + 1 < *h.n && heap_before(c, h, h.at[child + 1], h.at[child]))
            child++;
        if (!heap_before(c, h, h.at[child], slot))
            break;
        heap_put(c, h, place, h.at[child]);
        place = child;
    }
    heap_put(c, h, place, slot);
}

static void heap_set(struct core *c, bool boot, uint32_t slot, bool in)
{
    struct heap h = heap_of(c, boot);
    uint32_t *place = heap_place(c, h, slot);
    if (in && *place == NONE) {
        assert(*h.n < c->limits.jobs);
        heap_put(c, h, (*h.n)++, slot);
        heap_settle(c, h, *place);
    } else if (in) {
        heap_settle(c, h, *place);
    } else if (*place != NONE) {
        uint32_t hole = *place, last = h.at[--*h.n];
        *place = NONE;
        if (last != slot) {
            heap_put(c, h, hole, last);
            heap_settle(c, h, hole);
        }
    }
}

void job_timers(struct core *c, uint32_t slot)
{
    const struct job *j = &jobs_of(c)[slot];
    heap_set(c, false, slot, job_wall_due(j) != USEC_NEVER);
    heap_set(c, true, slot, job_boot_due(j) != USEC_NEVER);
}

uint32_t job_next_wall(const struct core *c) { return c->wall_n ? wall_heap_of(c)[0] : NONE; }
uint32_t job_next_boot(const struct core *c) { return c->boot_n ? boot_heap_of(c)[0] : NONE; }

/* --- states ----------------------------------------------------------------------------------- */

/* Busy jobs stand in a list; a job's place in it is kept in prev, which classes use for pending
 * ones. */
static void busy_enter(struct core *c, uint32_t slot)
{
    jobs_of(c)[slot].prev = c->busy_n;
    busy_of(c)[c->busy_n++] = slot;
}

static void busy_leave(struct core *c, uint32_t slot)
{
    struct job *jobs = jobs_of(c);
    uint32_t place = jobs[slot].prev, last = busy_of(c)[--c->busy_n];
    assert(busy_of(c)[place] == slot || place == c->busy_n);
    busy_of(c)[place] = last;
    jobs[last].prev = place;
    jobs[slot].prev = NONE;
}

void job_to(struct core *c, uint32_t slot, enum job_state to)
{
    struct job *j = &jobs_of(c)[slot];
    bool was_busy = job_is_busy(j);
    assert(j->class == NONE);
    assert(!job_state_is_final((enum job_state)j->state));
    c->state_n[j->state]--;
    c->state_n[to]++;
    j->state = (uint8_t)to;
    if (!was_busy && job_is_busy(j))
        busy_enter(c, slot);
    if (was_busy && !job_is_busy(j))
        busy_leave(c, slot);
    job_timers(c, slot);
}
