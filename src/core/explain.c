/* explain.c - why is this job where it is: the numbers behind a reason (core_explain).
 *
 * Everything is worked out from the state and the plan given: nothing is remembered for explaining,
 * so a sentence can never be older than the numbers in it.  Text is the shell's.  O(rows of the
 * plan).
 */
#include "core/avail.h"
#include "core/capacity.h"
#include "core/estimate.h"
#include "core/graph.h"
#include "core/job.h"
#include "core/queue.h"
#include "core/rates.h"
#include "core/reserve.h"

static const struct plan_row *row_of(const struct core_plan *plan, job_id job)
{
    for (uint32_t i = 0; i < plan->rows_n; i++)
        if (plan->rows[i].job == job)
            return &plan->rows[i];
    return NULL;
}

/* When a todo is expected to be done; USEC_NEVER. */
static usec_t todo_end(const struct core_plan *plan, job_id todo)
{
    usec_t end_at = USEC_NEVER;
    for (uint32_t i = 0; i < plan->todo_rows_n; i++)
        if (plan->todo_rows[i].todo == todo) /* its last piece */
            end_at = plan->todo_rows[i].until_at;
    return end_at;
}

/* In line: nothing but room, turn or a limit keeps it. */
static bool in_line(const struct plan_row *row)
{
    switch (row->reason) {
    case REASON_NONE: case REASON_RESOURCES: case REASON_PRIORITY: case REASON_ARRAY_LIMIT:
    case REASON_PERSON_RUNNING: case REASON_PERSON_GPUS:
        return row->state == JOB_PENDING;
    default:
        return false;
    }
}

static uint32_t position(const struct core_plan *plan, const struct plan_row *row)
{
    uint32_t n = 0;
    if (!in_line(row))
        return 0;
    for (const struct plan_row *r = plan->rows; r <= row; r++)
        n += in_line(r);
    return n;
}

/* The running job whose expected end is the last before this row's start: its end makes the room.
 */
static job_id room_maker(const struct core_plan *plan, const struct plan_row *row)
{
    const struct plan_row *best = NULL;
    for (uint32_t i = 0; i < plan->rows_n; i++) {
        const struct plan_row *r = &plan->rows[i];
        bool busy =
            r->state == JOB_CONFIGURING || r->state == JOB_RUNNING || r->state == JOB_COMPLETING;
        if (busy && r->end_p50_at <= row->start_at && (!best || r->end_p50_at > best->end_p50_at))
            best = r;
    }
    return best ? best->job : 0;
}

static job_id row_before(const struct core_plan *plan, const struct plan_row *row)
{
    while (row-- > plan->rows)
        if (in_line(row))
            return row->job;
    return 0;
}

static job_id namesake(const struct core *c, const struct job *j)
{
    const struct id_entry *ids = ids_of(c);
    for (uint32_t at = 0; at < c->by_id_n && ids[at].id < j->id; at++) {
        const struct job *other = ids[at].slot == NONE ? NULL : &jobs_of(c)[ids[at].slot];
        if (other && other->owner == j->owner && other->name_key == j->name_key)
            return other->id;
    }
    return 0;
}

static void explain_reason(const struct core *c, const struct job *j, const struct core_plan *plan,
                           const struct plan_row *row, struct explanation *e)
{
    const struct person *p = &c->persons[j->owner];
    const struct plan_row *other;
    e->change_at = e->start_at;
    switch (e->reason) {
    case REASON_RESOURCES:
        e->blocker = row ? room_maker(plan, row) : 0;
        break;
    case REASON_PRIORITY:
        e->blocker = row ? row_before(plan, row) : 0;
        break;
    case REASON_DEPENDENCY: case REASON_DEPENDENCY_NEVER: case REASON_SINGLETON:
        e->blocker = e->reason == REASON_SINGLETON ? namesake(c, j) : graph_waits_for(c, j);
        other = e->blocker ? row_of(plan, e->blocker) : NULL;
        e->change_at = e->reason == REASON_DEPENDENCY_NEVER ? USEC_NEVER
                     : other ? other->end_p50_at : todo_end(plan, e->blocker);
        break;
    case REASON_BEGIN_TIME:
        e->change_at = j->begin_at;
        break;
    case REASON_ARRAY_LIMIT:
        e->limit = arrays_of(c)[j->array].max;
        e->used = arrays_of(c)[j->array].busy;
        break;
    case REASON_HELD_FAILURES:
        e->limit = arrays_of(c)[j->array].hold_after;
        break;
    case REASON_RESERVED: {
        usec_t length_us = j->limit_us ? j->limit_us : e->forecast.p90_us;
        uint32_t at = reserve_reason(c, j, length_us, plan->made_at,
                                     usec_add(c->now_boot_at, usec_max(plan->made_at - c->now_at, 0)), &e->change_at);
        e->reservation = at == NONE ? 0 : c->reservations[at].id;
        break;
    }
    case REASON_PERSON_RUNNING:
        e->limit = p->running_max;
        e->used = p->running;
        break;
    case REASON_PERSON_GPUS:
        e->limit = p->gpus_max;
        e->used = p->gpus;
        break;
    default:
        break;
    }
}

/* What waiting for its start changes in the price of its electricity. */
static void explain_cost(const struct core *c, const struct job *j, const struct core_plan *plan, struct explanation *e)
{
    if (!rates_known(c) || j->gpus == 0 || j->state != JOB_PENDING || e->start_at == USEC_NEVER)
        return;
    e->power_mw = rates_gpu_mw(c, j->gpu_type) * j->gpus;
    e->now_cost_milli = rates_cost_milli(c, e->power_mw, plan->made_at, usec_add(plan->made_at, e->forecast.p50_us));
    e->start_cost_milli = rates_cost_milli(c, e->power_mw, e->start_at, usec_add(e->start_at, e->forecast.p50_us));
}

int core_explain(const struct core *c, job_id job, const struct core_plan *plan,
                 struct explanation *ret)
{
    uint32_t slot = job_find(c, job);
    if (slot == NONE)
        return E_NOT_FOUND;
    const struct job *j = &jobs_of(c)[slot];
    const struct plan_row *row = row_of(plan, job);
    bool busy = job_is_busy(j);
    struct explanation e = {
        .reason = row ? row->reason : queue_reason(c, j), .job = job,
        .need_gpus = j->gpus, .free_gpus = room_gpus(&c->free, j->gpu_type),
        .up_gpus = room_gpus(&c->up, j->gpu_type), .need_cpus = j->cpus,
        .free_cpus = c->free.cpus > 0 ? (uint32_t)c->free.cpus : 0, .need_mem_mib = j->mem_mib,
        .free_mem_mib = c->free.mem_mib > 0 ? (uint64_t)c->free.mem_mib : 0,
        .start_at = USEC_NEVER, .start_late_at = USEC_NEVER, .end_p50_at = USEC_NEVER,
        .end_p90_at = USEC_NEVER, .eyes_at = USEC_NEVER, .eyes_late_at = USEC_NEVER };
    e.forecast =
        estimate_forecast(c, j, busy ? usec_max(c->now_boot_at - j->start_boot_at, 0) : 0, NULL);
    if (row) {
        e.position = position(plan, row);
        e.start_at = row->start_at;
        e.start_late_at = row->start_late_at;
        e.end_p50_at = row->end_p50_at;
        e.end_p90_at = row->end_p90_at;
        e.eyes_at = row->eyes_at;
        e.eyes_late_at = row->eyes_late_at;
    }
    e.now_eyes_at =
        busy ? e.eyes_at : avail_job_eyes(c, j, usec_add(plan->made_at, e.forecast.p50_us));
    e.now_eyes_late_at =
        busy ? e.eyes_late_at : avail_job_eyes(c, j, usec_add(plan->made_at, e.forecast.p90_us));
    explain_cost(c, j, plan, &e);
    explain_reason(c, j, plan, row, &e);
    *ret = e;
    return 0;
}
