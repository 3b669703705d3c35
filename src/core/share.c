/* share.c - see share.h. */
#include "core/share.h"

#include "base/hash.h"
#include "core/avail.h"
#include "core/estimate.h"
#include "core/job.h"
#include "core/person.h"
#include "core/queue.h"

#define STEP_FACTOR 4248701965u /* 2^(32 - 1/64) */

static uint64_t fallen(uint64_t sum, uint64_t steps)
{
    uint64_t halves = steps / SHARE_STEPS;
    if (halves > 63)
        return 0;
    sum >>= halves;
    for (uint64_t i = steps % SHARE_STEPS; i > 0; i--)
        sum = (uint64_t)((unsigned __int128)sum * STEP_FACTOR >> 32);
    return sum;
}

/* As of now; is it another than before? */
static bool fall(const struct core *c, struct share *s)
{
    int64_t step = c->now_at / usec_max(c->settings.half_life_us / SHARE_STEPS, 1);
    if (step <= s->step)
        return false;
    if (s->step == 0)
        s->step = step;
    uint64_t steps = (uint64_t)(step - s->step);
    s->step = step;
    s->gpu_us = fallen(s->gpu_us, steps);
    s->delay_us = fallen(s->delay_us, steps);
    s->results = fallen(s->results, steps);
    return true;
}

void share_let_in(struct core *c, uint32_t slot)
{
    struct job *j = &jobs_of(c)[slot];
    bool was = j->class != NONE;
    queue_update(c, slot);
    if (c->settings.half_life_us == 0 || was || j->class == NONE)
        return;
    usec_t s = usec_max(c->now_at - j->submit_at, 0) / USEC_PER_SEC;
    job_open(c, j);
    j->ready_s = s >= UINT32_MAX ? UINT32_MAX : (uint32_t)s;
    job_close(c, j);
}

void share_used(struct core *c, const struct job *j)
{
    struct share *s = &c->persons[j->owner].share;
    if (c->settings.half_life_us == 0 || j->state == JOB_CONFIGURING || j->gpus == 0)
        return;
    (void)fall(c, s);
    s->gpu_us += (uint64_t)j->gpus * (uint64_t)usec_min(usec_max(c->now_boot_at - j->start_boot_at, 0), ESTIMATE_MAX_US);
    person_changed(c, j->owner);
}

void share_result(struct core *c, const struct job *j, usec_t ran_us)
{
    struct share *s = &c->persons[j->owner].share;
    if (c->settings.half_life_us == 0)
        return;
    usec_t ready_at = usec_add(j->submit_at, (usec_t)j->ready_s * USEC_PER_SEC);
    usec_t least_at = avail_job_eyes(c, j, usec_add(ready_at, estimate_work_us(c, j, ran_us)));
    usec_t delay_us = avail_job_eyes(c, j, c->now_at) - least_at;
    (void)fall(c, s);
    s->delay_us += (uint64_t)usec_min(usec_max(delay_us, 0), SHARE_DELAY_MAX_US);
    s->results += SHARE_ONE;
    person_changed(c, j->owner);
}

void share_tick(struct core *c)
{
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++)
        if (c->persons[i].share.step && fall(c, &c->persons[i].share))
            person_changed(c, i);
}

uint64_t share_hash(uint64_t h, const struct share *s)
{
    h = hash_mix(hash_mix(h, (uint64_t)s->step), s->gpu_us);
    return hash_mix(hash_mix(h, s->delay_us), s->results);
}
