/* setup.c - see setup.h. */
#include "core/setup.h"

#include "core/capacity.h"
#include "core/estimate.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/person.h"
#include "core/queue.h"
#include "core/quota.h"

int setup_check_settings(const struct ev_settings *e, struct err *err)
{
    if (e->policy >= POLICY_COUNT)
        return err_set(err, E_INVALID, "There is no policy number %u.", e->policy);
    if (e->presence_us < 0 || e->runtime_guess_us < 0 || e->age_us < 0 || e->quantum_us < 0 ||
        e->restart_us < 0 || e->half_life_us < 0)
        return err_set(err, E_INVALID, "Lengths in the settings cannot be negative.");
    if (e->price_milli > 10000 || e->defer > 2)
        return err_set(err, E_INVALID, "A GPU-hour is worth at most ten person-hours, and starts are moved "
                       "later in way 0, 1 or 2.");
    if (e->urgent_week > URGENT_MAX)
        return err_set(err, E_INVALID, "At most %d urgent submits in seven days can be allowed.", URGENT_MAX);
    if (e->estimates >= ESTIMATES_COUNT)
        return err_set(err, E_INVALID, "There is no way number %u to use told estimates.",
                       e->estimates);
    if (e->preempt > 1 || (e->preempt && (e->advantage_milli < 1000 || e->advantage_milli > 100000)))
        return err_set(err, E_INVALID, "With preemption a running job's advantage is 1000 (none) to "
                       "100000 thousandths, not %u.", e->advantage_milli);
    return 0;
}

void setup_settings(struct core *c, const struct ev_settings *e)
{
    uint32_t defer = c->settings_known && MUTANT(c, MUTANT_MODE_MOVES) ? c->settings.defer : e->defer;
    c->settings = *e;
    c->settings.defer = defer;
    if (c->settings_known && MUTANT(c, MUTANT_MODE_TOLD))
        c->settings.calibrate = 0;
    c->settings_known = true;
    estimate_renew(c);
    /* presence_us is part of the classes' keys: hang every pending job anew. */
    for (uint32_t at = 0; at < c->by_id_n; at++) {
        uint32_t slot = ids_of(c)[at].slot;
        if (slot == NONE || jobs_of(c)[slot].state != JOB_PENDING)
            continue;
        if (MUTANT(c, MUTANT_MODE_FORGETS)) {
            job_open(c, &jobs_of(c)[slot]);
            jobs_of(c)[slot].deferred_s = 0;
            job_close(c, &jobs_of(c)[slot]);
        }
        queue_leave(c, slot);
        queue_update(c, slot);
    }
}

int setup_check_gpu(const struct ev_gpu *e, struct err *err)
{
    if (e->gpu >= CORE_GPUS_MAX)
        return err_set(err, E_TOO_LARGE,
                       "GPU number %u is over the limit: a team has at most %d GPUs.", e->gpu,
                       CORE_GPUS_MAX);
    if (e->type < 1 || e->type > TYPES_MAX)
        return err_set(err, E_TOO_LARGE, "GPU model number %u is not within 1 to %d.", e->type,
                       TYPES_MAX);
    if (e->state >= GPU_STATE_COUNT)
        return err_set(err, E_INVALID, "There is no GPU state number %u.", e->state);
    return 0;
}

void setup_gpu(struct core *c, const struct ev_gpu *e)
{
    struct gpu *g = &c->gpus[e->gpu];
    c->sum -= gpu_hash(c, e->gpu);
    g->known = true;
    g->type = e->type;
    g->state = (uint8_t)(MUTANT(c, MUTANT_GPU_DOWN) && e->state == GPU_DRAINED ? GPU_UP : e->state);
    g->watts_mw = e->watts_mw;
    c->sum += gpu_hash(c, e->gpu);
    capacity_count(c);
    estimate_renew(c); /* areas are shares of the machine */
}

int setup_check_person(uint32_t person, struct err *err)
{
    if (person < 1 || person > CORE_PERSONS_MAX)
        return err_set(err, E_INVALID, "Person number %u is not within 1 to %d.", person,
                       CORE_PERSONS_MAX);
    return 0;
}

void setup_person(struct core *c, const struct ev_person *e)
{
    struct person *p = &c->persons[e->person];
    p->known = true;
    p->running_max = e->running_max;
    p->gpus_max = e->gpus_max;
    p->queued_max = e->queued_max;
    p->weight_milli = e->weight_milli;
    p->defer = e->defer != 0;
    p->quota = (struct quota){ e->quota_hours, e->quota_days };
    quota_stale(c, &p->up);
    p->value_version++;
    person_changed(c, e->person);
}
