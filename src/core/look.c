/* look.c - copies for those who look; nothing here changes anything. */
#include "core/avail.h"
#include "core/band.h"
#include "core/canary.h"
#include "core/capacity.h"
#include "core/estimate.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/person.h"
#include "core/power.h"
#include "core/graph.h"
#include "core/offer.h"
#include "core/queue.h"
#include "core/todo.h"

static void copy(const struct core *c, const struct job *j, struct core_job *ret)
{
    *ret = (struct core_job){
        .id = j->id, .array_id = j->array_id, .array_index = j->array_index,
        .array_max = j->array == NONE ? 0 : arrays_of(c)[j->array].max,
        .owner = j->owner, .submitter = j->submitter, .reviewer = j->reviewer, .account = j->account, .state = (enum job_state)j->state,
        .reason = queue_reason(c, j), .flags = j->flags & JOB_FLAGS_ALL, .gpus = j->gpus,
        .gpu_type = j->gpu_type, .cpus = j->cpus, .mem_mib = j->mem_mib, .limit_us = job_limit(j),
        .nice = j->nice, .submit_at = j->submit_at, .begin_at = j->begin_at,
        .deadline_at = j->deadline_at, .start_at = j->start_at, .start_boot_at = j->start_boot_at,
        .backoff_until_boot_at = j->backoff_until_boot_at, .attempt = j->attempt,
        .retries_left = j->retries_left, .gpu_mask = j->gpu_mask, .command_key = j->command_key,
        .name_key = j->name_key, .canary_us = canary_asked(j), .canaries_n = canary_count(j),
        .canary = canary_of(c, j) };
}

uint32_t core_jobs_n(const struct core *c) { return c->jobs_n; }
job_id core_last_id(const struct core *c) { return c->last_id - (MUTANT(c, MUTANT_ID_AGAIN) && c->last_id % 64 == 63); }

bool core_job_get(const struct core *c, job_id id, struct core_job *ret)
{
    uint32_t slot = job_find(c, id);
    if (slot == NONE)
        return false;
    copy(c, &jobs_of(c)[slot], ret);
    return true;
}

bool core_job_after(const struct core *c, job_id after, struct core_job *ret)
{
    uint32_t place = job_place_after(c, after);
    if (place >= c->by_id_n)
        return false;
    copy(c, &jobs_of(c)[ids_of(c)[place].slot], ret);
    return true;
}

struct core_waiting core_waiting(const struct core *c, person_no person)
{
    if (person > CORE_PERSONS_MAX)
        return (struct core_waiting){ 0 };
    return (struct core_waiting){ .n = c->persons[person].queued, .most = c->persons[person].queued_max };
}

struct core_counts core_count(const struct core *c)
{
    struct core_counts n = {.pending = c->state_n[JOB_PENDING],
                            .held = c->held_n,
                            .starting = c->state_n[JOB_CONFIGURING],
                            .running = c->state_n[JOB_RUNNING],
                            .completing = c->state_n[JOB_COMPLETING],
                            .gpus_n = room_gpus(&c->known, 0),
                            .gpus_up = room_gpus(&c->up, 0),
                            .cpus_n = c->cpus,
                            .mem_mib = c->mem_mib,
                            .cpus_busy = (uint32_t)(c->up.cpus - c->free.cpus),
                            .mem_busy_mib = (uint64_t)(c->up.mem_mib - c->free.mem_mib)};
    for (uint32_t i = 0; i < CORE_GPUS_MAX; i++)
        n.gpus_busy += c->gpus[i].job != NONE;
    return n;
}

bool core_gpu_get(const struct core *c, uint32_t gpu, struct core_gpu *ret)
{
    if (gpu >= CORE_GPUS_MAX || !c->gpus[gpu].known)
        return false;
    const struct gpu *g = &c->gpus[gpu];
    *ret = (struct core_gpu){ g->type, (enum gpu_state)g->state,
                              g->job == NONE ? 0 : jobs_of(c)[g->job].id, g->watts_mw };
    return true;
}

usec_t core_eyes_at(const struct core *c, person_no person, usec_t t)
{
    return person > CORE_PERSONS_MAX ? t : avail_eyes(c, person, t);
}

usec_t core_present_until(const struct core *c, person_no person, usec_t t)
{
    return person > CORE_PERSONS_MAX ? USEC_NEVER : avail_present_until(c, person, t);
}

static void copy_todo(const struct core *c, const struct todo *t, struct core_todo *ret)
{
    *ret = (struct core_todo){
        .id = t->id, .by = t->by, .who_n = t->who_n, .flags = t->flags,
        .wait = (enum todo_wait)t->wait, .blocker = graph_todo_waits_for(c, t),
        .added_at = t->added_at, .takes_us = t->takes_us, .min_chunk_us = t->min_chunk_us,
        .left_us = todo_now(c, t, c->now_at).left_us, .not_before_at = t->not_before_at,
        .deadline_at = t->deadline_at, .pin_at = t->pin_at, .next_from_at = t->next_from_at,
        .next_until_at = t->next_until_at, .next_who = t->next_who };
    for (uint32_t i = 0; i < t->who_n; i++)
        ret->who[i] = (person_no)todo_who(t, i);
}

uint32_t core_todos_n(const struct core *c) { return c->todos_n; }

bool core_todo_get(const struct core *c, job_id id, struct core_todo *ret)
{
    uint32_t slot = todo_find(c, id);
    if (slot != NONE)
        copy_todo(c, &todos_of(c)[slot], ret);
    return slot != NONE;
}

bool core_todo_after(const struct core *c, job_id after, struct core_todo *ret)
{
    uint32_t at = todo_place_after(c, after);
    if (at < c->todos_n)
        copy_todo(c, &todos_of(c)[todo_ids_of(c)[at]], ret);
    return at < c->todos_n;
}

const struct offer *core_offers(const struct core *c, person_no person, uint32_t *ret_n,
                                usec_t *ret_cap_us)
{
    *ret_n = 0;
    *ret_cap_us = 0;
    if (person > CORE_PERSONS_MAX)
        return NULL;
    *ret_cap_us = c->persons[person].cap_us;
    return offer_list(c, person, ret_n);
}

struct ev_tariff core_tariff(const struct core *c)
{
    return (struct ev_tariff){ .until_at = c->rates.until_at, .hour_milli = c->rates.hour_milli,
                               .gpu_mw = c->rates.gpu_mw, .rates = c->rates.at, .rates_n = c->rates.n };
}

struct ev_power core_power(const struct core *c)
{
    return (struct ev_power){ .until_at = c->caps.until_at, .caps = c->caps.at, .caps_n = c->caps.n };
}

bool core_watts(const struct core *c, job_id job, struct core_watts *ret)
{
    uint32_t slot = job_find(c, job);
    if (slot == NONE)
        return false;
    ret->w = power_expected(c, &jobs_of(c)[slot], &ret->source);
    if (jobs_of(c)[slot].booked_w)
        ret->w = jobs_of(c)[slot].booked_w;
    return true;
}

struct core_power_use core_power_use(const struct core *c, usec_t at)
{
    if (!power_capped(c))
        return (struct core_power_use){ 0 };
    return (struct core_power_use){ power_cap_w(c, at), c->busy_w, power_foreign_w(c) };
}

bool core_forecast(const struct core *c, job_id job, usec_t ran_us, struct forecast *ret)
{
    uint32_t slot = job_find(c, job);
    if (slot == NONE)
        return false;
    *ret = band_forecast(c, &jobs_of(c)[slot], ran_us);
    return true;
}

bool core_succeeded(const struct core *c, person_no owner, uint64_t command_key, uint32_t gpus)
{
    return estimate_succeeded(c, estimate_find(c, estimate_key(owner, command_key, gpus)));
}

uint64_t core_hash(const struct core *c)
{
    persons_settle((struct core *)c); /* derived: to look says nothing else for it */
    return c->sum + head_hash(c);
}
