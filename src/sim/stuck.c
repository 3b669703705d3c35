/* stuck.c - the ledger's share of what must not stand still (invariant.h): a machine with work for it, a job that could run,
 * a GPU that nothing is wrong with. */
#include <inttypes.h>

#include "sim/conditions.h"
#include "sim/invariant.h"
#include "sim/kept.h"
#include "sim/quotas.h"
#include "sim/watts.h"

#define SLOT_US (30 * USEC_PER_MIN) /* starts that are moved begin with one (doc/planner.md) */
#define IDLE_GRACE_US (2 * USEC_PER_SEC) /* a turn may come this much after what caused it */
#define BREAK(v, rule, ...) verdict_break((v)->verdict, rule, __VA_ARGS__)

/* Could it start on an idle machine at this moment? */
static bool could_run(const struct invariant *v, job_id id, const struct ledger_job *j,
                      usec_t wall_at, usec_t boot_at)
{
    const struct ledger_person *p = &v->persons[j->owner];
    uint32_t up = 0;
    if (j->state != JOB_PENDING || j->flags & (JOB_HELD | JOB_HELD_ADMIN) || j->canary_held || v->closed)
        return false;
    if ((!j->begun && wall_at < j->begin_at) || boot_at < j->not_before_boot_at
        || boot_at < j->idle_from_boot_at || (j->deadline_at && wall_at >= j->deadline_at))
        return false;
    if ((p->gpus_max && j->gpus > p->gpus_max) || j->cpus > v->cpus || j->mem_mib > v->mem_mib || !watts_ever_fit(v, j) ||
        quotas_may_hold(v, j))
        return false;
    for (uint32_t g = 0; g < CORE_GPUS_MAX; g++)
        up += v->gpus[g].known && v->gpus[g].state == GPU_UP
              && (!j->gpu_type || v->gpus[g].type == j->gpu_type);
    return j->gpus <= up && conditions_clear(v, j) && conditions_met(v, j, boot_at, true) && conditions_single(v, id, j);
}

/* May its start be moved later inside its slack?  Nobody else's idles a machine. */
static bool may_wait(const struct invariant *v, const struct ledger_job *j, usec_t wall_at)
{
    if (!v->defer || j->flags & (JOB_NOW | JOB_URGENT | JOB_FIRST) ||
        (v->age_us && wall_at - j->submit_at >= v->age_us))
        return false;
    return v->defer > 1 || ((v->persons[j->owner].defer || j->flex) && j->flags & JOB_CLEAN_TREE);
}

/* A start that may be moved begins with a slot, and who has no room before it waits for that, too. */
void invariant_idle(struct invariant *v, usec_t wall_at, usec_t boot_at)
{
    bool movable = false;
    if (v->busy > 0 || v->live == 0 || watts_barred(v))
        return;
    for (job_id id = 1; id <= v->last_id && v->defer && !movable; id++) {
        const struct ledger_job *j = invariant_job(v, id);
        movable = j && could_run(v, id, j, wall_at, boot_at) && may_wait(v, j, wall_at);
    }
    if (movable && boot_at - v->idle_boot_at <= SLOT_US + IDLE_GRACE_US)
        return;
    for (job_id id = 1; id <= v->last_id; id++) {
        const struct ledger_job *j = invariant_job(v, id);
        if (j && could_run(v, id, j, wall_at - IDLE_GRACE_US, boot_at - IDLE_GRACE_US)
            && !may_wait(v, j, wall_at - IDLE_GRACE_US) && !kept_may_block(v, j, wall_at - IDLE_GRACE_US))
            BREAK(v, "idle", "the machine is idle and job %u, which could run, waits", id);
    }
}

/* Its conditions can still come true, as far as what it waits for can still run. */
bool invariant_can_run(const struct invariant *v, job_id id)
{
    const struct ledger_job *j = invariant_job(v, id);
    if (!j || job_state_is_final(j->state))
        return false;
    return could_run(v, id, j, j->deadline_at ? v->wall_at : USEC_NEVER, USEC_NEVER);
}

void invariant_settled(struct invariant *v)
{
    invariant_acked(v);
    for (uint32_t g = 0; g < CORE_GPUS_MAX; g++) {
        if (v->gpus[g].known && v->gpus[g].state != GPU_UP)
            BREAK(v, "gpu-back", "GPU %u is not given back although nothing is wrong with it", g);
    }
    for (job_id id = 1; id <= v->last_id; id++) {
        const struct ledger_job *j = invariant_job(v, id);
        if (!j || job_state_is_final(j->state))
            continue;
        if (ledger_busy(j->state))
            BREAK(v, "stuck", "job %u is %s for ever", id, job_state_word(j->state));
        else if (could_run(v, id, j, j->deadline_at ? v->wall_at : USEC_NEVER, USEC_NEVER))
            BREAK(v, "starved", "job %u could run and never does", id);
    }
}
