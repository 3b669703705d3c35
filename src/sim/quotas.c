/* quotas.c - see quotas.h. */
#include "sim/quotas.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/timer.h"

#define BREAK(v, rule, ...) verdict_break((v)->verdict, rule, __VA_ARGS__)
#define ROUNDING_US (5 * USEC_PER_MIN) /* of GPU time: the core counts hundredths of seconds */

static bool is_busy(enum job_state s)
{
    return s == JOB_CONFIGURING || s == JOB_RUNNING || s == JOB_COMPLETING;
}

void quotas_event(struct invariant *v)
{
    const struct core_event *ev = v->ev;
    if (ev->kind == EVENT_ACCOUNT)
        v->accounts[ev->account.account] = ev->account;
    else
        v->persons[ev->person.person].quota_hours = ev->person.quota_hours,
        v->persons[ev->person.person].quota_days = ev->person.quota_days;
}

void quotas_left(struct invariant *v, const struct ledger_job *j)
{
    usec_t off_us = v->wall_at - v->boot_at;
    if (off_us != v->runs_off_us) /* the clock was set */
        v->runs_n = 0;
    v->runs_off_us = off_us;
    bool owner = v->persons[j->owner].quota_hours, account = j->account && v->accounts[j->account].quota_hours;
    if (j->gpus == 0 || (!owner && !account))
        return;
    v->runs = sim_grow(v->runs, &v->runs_size, v->runs_n + 1, sizeof(*v->runs));
    v->runs[v->runs_n++] = (struct ledger_run){
        .owner = owner ? j->owner : 0, .account = account ? j->account : 0, .gpus = j->gpus,
        .from_at = v->wall_at - (v->boot_at - j->run_boot_at), .until_at = v->wall_at };
}

static usec_t overlap(usec_t from_at, usec_t until_at, usec_t since_at)
{
    usec_t begins_at = from_at > since_at ? from_at : since_at;
    return until_at > begins_at ? until_at - begins_at : 0;
}

/* GPU time in the last days, today included, of an owner or (0) an account. */
static usec_t used_us(const struct invariant *v, uint32_t owner, uint32_t account, uint32_t days)
{
    usec_t since_at = (v->wall_at / USEC_PER_DAY - (int64_t)days + 1) * USEC_PER_DAY, sum_us = 0;
    for (size_t i = 0; i < v->runs_n && v->wall_at - v->boot_at == v->runs_off_us; i++) {
        const struct ledger_run *r = &v->runs[i];
        if (owner ? r->owner == owner : r->account == account)
            sum_us += overlap(r->from_at, r->until_at, since_at) * r->gpus;
    }
    for (job_id id = 1; id <= v->last_id; id++) {
        const struct ledger_job *j = &v->jobs[id];
        if (j->known && j->run_boot_at && (owner ? j->owner == owner : j->account == account))
            sum_us += overlap(v->wall_at - (v->boot_at - j->run_boot_at), v->wall_at, since_at) * j->gpus;
    }
    return sum_us;
}

uint32_t quotas_gpus(const struct invariant *v, uint32_t account)
{
    uint32_t n = 0;
    for (job_id id = 1; id <= v->last_id; id++)
        n += v->jobs[id].known && is_busy(v->jobs[id].state) && v->jobs[id].account == account ? v->jobs[id].gpus : 0;
    return n;
}

void quotas_judge(struct invariant *v, job_id id, const struct ledger_job *j)
{
    const struct ev_account *a = &v->accounts[j->account];
    const struct ledger_person *p = &v->persons[j->owner];
    if (j->gpus == 0)
        return;
    if (j->account && a->gpus_max && quotas_gpus(v, j->account) > a->gpus_max)
        BREAK(v, "account-gpus", "with job %u account %u has %u GPUs; %u are allowed", id, j->account,
              quotas_gpus(v, j->account), a->gpus_max);
    usec_t of_account = a->quota_hours && j->account ? used_us(v, 0, j->account, a->quota_days) : 0;
    usec_t of_owner = p->quota_hours ? used_us(v, j->owner, 0, p->quota_days) : 0;
    if (a->quota_hours && of_account >= a->quota_hours * USEC_PER_HOUR + ROUNDING_US)
        BREAK(v, "quota-hours", "job %u starts when account %u has used %" PRId64 " GPU-hours of %u", id, j->account,
              of_account / USEC_PER_HOUR, a->quota_hours);
    else if (p->quota_hours && of_owner >= p->quota_hours * USEC_PER_HOUR + ROUNDING_US)
        BREAK(v, "quota-hours", "job %u starts when person %u has used %" PRId64 " GPU-hours of %u", id, j->owner,
              of_owner / USEC_PER_HOUR, p->quota_hours);
}

bool quotas_may_hold(const struct invariant *v, const struct ledger_job *j)
{
    const struct ev_account *a = &v->accounts[j->account];
    return j->gpus && (v->persons[j->owner].quota_hours || (j->account && (a->quota_hours || a->gpus_max)));
}

void quotas_finish(struct invariant *v) { free(v->runs); }
