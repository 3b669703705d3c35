/* urgent.c - see urgent.h. */
#include "sim/urgent.h"

#include <stdlib.h>

#include "sim/boosted.h"
#include "sim/timer.h"

#define BREAK(v, rule, ...) verdict_break((v)->verdict, rule, __VA_ARGS__)

void urgent_submit(struct invariant *v)
{
    const struct ev_submit *e = &v->ev->submit;
    struct ledger_person *p = &v->persons[e->owner];
    uint32_t used = 0;
    if (!v->urgent_week || !(e->flags & JOB_URGENT) || e->attempt > 0 || (e->array && e->array != e->job))
        return;
    p->urgent_at = sim_grow(p->urgent_at, &p->urgent_size, p->urgent_n + 1, sizeof(*p->urgent_at));
    p->urgent_at[p->urgent_n++] = v->wall_at;
    for (size_t i = 0; i < p->urgent_n; i++)
        used += p->urgent_at[i] > v->wall_at - 7 * USEC_PER_DAY;
    if (used > v->urgent_week)
        BREAK(v, "urgent-count", "person %u has %u urgent requests in seven days; %u are allowed", e->owner, used,
              v->urgent_week);
}

bool urgent_given(const struct invariant *v, enum front front, const struct core_update *updates, uint32_t n,
                  struct given *ret)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct ledger_job *j = updates[i].kind == UPDATE_START ? &v->jobs[updates[i].job] : NULL;
        if (!j || (front == FRONT_URGENT && j->flags & JOB_URGENT) || boosted_stands(v, updates[i].job, j))
            continue;
        if (j->flags & JOB_FIRST || v->wall_at - j->submit_at >= v->age_us || v->reservations_n)
            return false;
        ret->gpu_mask |= updates[i].gpus;
        ret->mem_mib += j->mem_mib;
        ret->cpus += j->cpus;
    }
    return true;
}

void urgent_finish(struct invariant *v)
{
    for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++)
        free(v->persons[i].urgent_at);
}
