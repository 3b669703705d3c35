/* each.h - the one job that an event names, or every live task of its array, in id order.
 *
 *     for (bool more = each_first(c, id, scope, &e); more; more = each_next(c, &e))
 *
 * The id, not the place, is kept: a task may end during the walk.
 */
#ifndef EOUL_CORE_EACH_H
#define EOUL_CORE_EACH_H

#include "core/graph.h"
#include "core/job.h"
#include "core/state.h"

struct each {
    uint32_t array; /* NONE: one job */
    uint32_t slot;
    job_id id;
};

static inline bool each_next(const struct core *c, struct each *e)
{
    uint32_t at;
    if (e->array == NONE)
        return false;
    at = job_place_after(c, e->id);
    if (at >= c->by_id_n)
        return false;
    e->slot = ids_of(c)[at].slot;
    e->id = ids_of(c)[at].id;
    return jobs_of(c)[e->slot].array == e->array;
}

static inline bool each_first(const struct core *c, job_id id, uint32_t scope, struct each *e)
{
    *e = (struct each){.array = scope ? array_of(c, id) : NONE, .slot = job_find(c, id), .id = id};
    if (e->array == NONE)
        return e->slot != NONE;
    e->id = arrays_of(c)[e->array].id - 1;
    return each_next(c, e);
}

#endif
