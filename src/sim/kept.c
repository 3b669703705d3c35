/* kept.c - see kept.h. */
#include "sim/kept.h"

#include <string.h>

#define BREAK(v, rule, ...) verdict_break((v)->verdict, rule, __VA_ARGS__)

static bool is_busy(enum job_state s)
{
    return s == JOB_CONFIGURING || s == JOB_RUNNING || s == JOB_COMPLETING;
}

static void forget(struct invariant *v, uint32_t at)
{
    v->reservations_n--;
    memmove(v->reservations + at, v->reservations + at + 1, (v->reservations_n - at) * sizeof(*v->reservations));
}

void kept_event(struct invariant *v)
{
    const struct ev_reserve *e = &v->ev->reserve;
    if (v->ev->kind == EVENT_UNRESERVE) {
        for (uint32_t i = v->reservations_n; i-- > 0;)
            if (v->reservations[i].id == v->ev->unreserve.reservation)
                forget(v, i);
        return;
    }
    if (e->reservation <= v->last_reservation)
        BREAK(v, "id-new", "a reservation got number %u although %u is taken", e->reservation, v->last_reservation);
    v->last_reservation = e->reservation;
    if (v->reservations_n == RESERVATIONS_MAX)
        BREAK(v, "id-new", "there are more reservations than there may be");
    else
        v->reservations[v->reservations_n++] = (struct reservation){
            .id = e->reservation, .person = e->person, .gpus = e->gpus, .gpu_type = e->gpu_type,
            .from_at = e->from_at, .until_at = e->until_at };
}

void kept_tick(struct invariant *v)
{
    for (uint32_t i = v->reservations_n; i-- > 0;)
        if (v->reservations[i].until_at <= v->wall_at)
            forget(v, i);
}

/* May a job still run at t, as far as its limit goes?  What has none is not counted before it is there: by when it
 * is gone is a forecast, which is none of the ledger's. */
static bool runs_at(const struct invariant *v, const struct ledger_job *j, usec_t t)
{
    usec_t ran_us = j->state == JOB_RUNNING ? v->boot_at - j->last_boot_at : 0;
    return is_busy(j->state) && (t <= v->wall_at || (j->state != JOB_COMPLETING && j->limit_us && v->wall_at + j->limit_us - ran_us > t));
}

static uint32_t gpus_of_type(const struct invariant *v, uint64_t mask, uint32_t type)
{
    uint32_t n = 0;
    for (uint32_t g = 0; g < CORE_GPUS_MAX; g++)
        n += (mask >> g & 1) && v->gpus[g].known && v->gpus[g].state == GPU_UP && (!type || v->gpus[g].type == type);
    return n;
}

/* GPUs of this type (0: of none in particular) that are kept for people at t beyond what their own jobs have, as if
 * job `but` were not there. */
static uint32_t held_at(const struct invariant *v, usec_t t, uint32_t type, job_id but)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < v->reservations_n; i++) {
        const struct reservation *r = &v->reservations[i];
        uint32_t own = 0;
        if (r->from_at > t || r->until_at <= t || r->gpu_type != type)
            continue;
        for (job_id k = 1; k <= v->last_id; k++)
            if (k != but && v->jobs[k].known && v->jobs[k].owner == r->person && runs_at(v, &v->jobs[k], t))
                own += gpus_of_type(v, v->jobs[k].gpu_mask, type);
        held += own < r->gpus ? r->gpus - own : 0;
    }
    return held;
}

/* How many of the GPUs that are kept at t are not there. */
static uint32_t short_at(const struct invariant *v, usec_t t, job_id but)
{
    uint32_t spare = 0, missing = 0, held_any = held_at(v, t, 0, but);
    for (uint32_t type = 1; type <= v->types_max; type++) {
        uint32_t held = held_at(v, t, type, but), left = gpus_of_type(v, ~UINT64_C(0), type);
        for (job_id k = 1; k <= v->last_id; k++)
            if (k != but && v->jobs[k].known && runs_at(v, &v->jobs[k], t)) {
                uint32_t has = gpus_of_type(v, v->jobs[k].gpu_mask, type);
                left -= has < left ? has : left;
            }
        missing += held > left ? held - left : 0;
        spare += left > held ? left - held : 0;
    }
    return missing + (held_any > spare ? held_any - spare : 0);
}

void kept_judge(struct invariant *v, job_id id, const struct ledger_job *j)
{
    for (uint32_t i = 0; i < v->reservations_n; i++) {
        const struct reservation *r = &v->reservations[i];
        usec_t t = r->from_at > v->wall_at ? r->from_at : v->wall_at;
        if (r->person == j->owner || r->until_at <= v->wall_at || !runs_at(v, j, t))
            continue;
        uint32_t with = short_at(v, t, 0), without = short_at(v, t, id);
        if (with > without)
            BREAK(v, "reserved", "job %u starts, and of the GPUs that are kept for others %u are missing, not %u", id,
                  with, without);
    }
}

/* Might what is kept for others keep it waiting, on a machine that is idle? */
bool kept_may_block(const struct invariant *v, const struct ledger_job *j, usec_t wall_at)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < v->reservations_n; i++)
        if (v->reservations[i].person != j->owner && v->reservations[i].until_at > wall_at)
            held += v->reservations[i].gpus;
    return j->gpus && held && held + j->gpus > gpus_of_type(v, ~UINT64_C(0), j->gpu_type);
}
