/* siblings.c - see siblings.h. */
#include "core/siblings.h"

#include "core/graph.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/queue.h"

uint32_t siblings_array(struct core *c, const struct ev_submit *ev)
{
    uint32_t array = array_add(c, ev->array, ev->array_max);
    array_open(c, array);
    arrays_of(c)[array].hold_after = ev->hold_after;
    array_close(c, array);
    return array;
}

void siblings_hold(struct core *c, uint32_t array, uint32_t why)
{
    const struct id_entry *ids = ids_of(c);
    for (uint32_t at = job_place_after(c, arrays_of(c)[array].id - 1); at < c->by_id_n; at++) {
        uint32_t slot = ids[at].slot;
        if (slot == NONE)
            continue;
        struct job *j = &jobs_of(c)[slot];
        if (j->array != array)
            break;
        if (j->state != JOB_PENDING)
            continue;
        queue_leave(c, slot);
        job_open(c, j);
        j->flags |= JOB_HELD | why;
        job_close(c, j);
    }
}

static void count(struct core *c, uint32_t array, uint32_t alike, uint32_t n)
{
    array_open(c, array);
    arrays_of(c)[array].alike = alike;
    arrays_of(c)[array].alike_n = n;
    array_close(c, array);
}

void siblings_failed(struct core *c, uint32_t slot, const struct retry_end *end, bool first)
{
    const struct job *j = &jobs_of(c)[slot];
    const struct array *a = j->array == NONE ? NULL : &arrays_of(c)[j->array];
    uint32_t alike = end->cause << 16 | (end->code & 0xffff);
    if (!a || a->hold_after == 0 || !first || end->cause == RETRY_NODE)
        return;
    uint32_t n = a->alike == alike ? a->alike_n + 1 : 1;
    if (n >= a->hold_after) {
        count(c, j->array, 0, 0);
        if (!MUTANT(c, MUTANT_HOLD))
            siblings_hold(c, j->array, JOBX_HELD_FAILURES);
    } else {
        count(c, j->array, alike, n);
    }
}

void siblings_went_well(struct core *c, uint32_t slot)
{
    const struct job *j = &jobs_of(c)[slot];
    if (j->array != NONE && arrays_of(c)[j->array].alike_n)
        count(c, j->array, 0, 0);
}
