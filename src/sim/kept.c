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

/* A moment that is looked at.  By when a job without a limit is gone is a forecast, which is none of the ledger's: they
 * are all there then, or all gone. */
struct moment {
    usec_t t;
    bool unlimited_stay;
    job_id but; /* as if this job were not there; 0: none */
};

/* May it still run then, as far as its limit goes? */
static bool runs_at(const struct invariant *v, job_id id, const struct moment *m)
{
    const struct ledger_job *j = &v->jobs[id];
    if (id == m->but || !j->known || !is_busy(j->state))
        return false;
    usec_t ran_us = j->state == JOB_RUNNING ? v->boot_at - j->last_boot_at : 0;
    usec_t ends_at = j->limit_us ? v->wall_at + j->limit_us - ran_us : m->unlimited_stay ? USEC_NEVER : v->wall_at;
    return m->t <= v->wall_at || (j->state != JOB_COMPLETING && ends_at > m->t);
}

static uint32_t gpus_of_type(const struct invariant *v, uint64_t mask, uint32_t type)
{
    uint32_t n = 0;
    for (uint32_t g = 0; g < CORE_GPUS_MAX; g++)
        n += (mask >> g & 1) && v->gpus[g].known && v->gpus[g].state == GPU_UP && (!type || v->gpus[g].type == type);
    return n;
}

/* GPUs of this type (0: of any) that a person's own jobs have then. */
static uint32_t own_at(const struct invariant *v, const struct moment *m, uint32_t person, uint32_t type)
{
    uint32_t own = 0;
    for (job_id k = 1; k <= v->last_id; k++)
        if (v->jobs[k].owner == person && runs_at(v, k, m))
            own += gpus_of_type(v, v->jobs[k].gpu_mask, type);
    return own;
}

/* GPUs of this type (0: of none in particular) that are reserved for a person at t. */
static uint32_t reserved_at(const struct invariant *v, usec_t t, uint32_t person, uint32_t type)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < v->reservations_n; i++) {
        const struct reservation *r = &v->reservations[i];
        if (r->person == person && r->from_at <= t && r->until_at > t && r->gpu_type == type)
            n += r->gpus;
    }
    return n;
}

/* Of those, what is kept for a person beyond what their own jobs have.  What they have counts once: first for
 * reservations that name its type. */
static uint32_t held_for(const struct invariant *v, const struct moment *m, uint32_t person, uint32_t type)
{
    uint32_t reserved = reserved_at(v, m->t, person, type);
    if (reserved == 0)
        return 0;
    uint32_t own = own_at(v, m, person, type);
    for (uint32_t other = 1; type == 0 && other <= v->types_max; other++) {
        uint32_t named = reserved_at(v, m->t, person, other), have = own_at(v, m, person, other);
        own -= named < have ? named : have;
    }
    return own < reserved ? reserved - own : 0;
}

/* ... for everybody. */
static uint32_t held_at(const struct invariant *v, const struct moment *m, uint32_t type)
{
    uint32_t held = 0;
    for (uint32_t person = 1; person <= CORE_PERSONS_MAX; person++)
        held += held_for(v, m, person, type);
    return held;
}

/* How many of the GPUs that are kept are not there then. */
static uint32_t short_at(const struct invariant *v, const struct moment *m)
{
    uint32_t spare = 0, missing = 0, held_any = held_at(v, m, 0);
    for (uint32_t type = 1; type <= v->types_max; type++) {
        uint32_t held = held_at(v, m, type), left = gpus_of_type(v, ~UINT64_C(0), type);
        for (job_id k = 1; k <= v->last_id; k++)
            if (runs_at(v, k, m)) {
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
        uint32_t with = 0, without = 0;
        bool harms = r->person != j->owner && r->until_at > v->wall_at;
        for (int stay = 0; stay < 2 && harms; stay++) {
            const struct moment all = { t, stay != 0, 0 }, less = { t, stay != 0, id }, limits = { t, false, 0 };
            with = short_at(v, &all);
            without = short_at(v, &less);
            harms = runs_at(v, id, &limits) && with > without;
        }
        if (harms)
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
