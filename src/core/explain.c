/* explain.c - why is this job where it is: the numbers behind a reason (core_explain).
 *
 * Everything is worked out from the state and the plan given: nothing is remembered for explaining,
 * so a sentence can never be older than the numbers in it.  Text is the shell's.  O(rows of the
 * plan).
 */
#include "core/avail.h"
#include "core/band.h"
#include "core/capacity.h"
#include "core/estimate.h"
#include "core/graph.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/power.h"
#include "core/queue.h"
#include "core/rates.h"
#include "core/reserve.h"
#include "core/slack.h"
#include "core/would.h"

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
    case REASON_NONE: case REASON_RESOURCES: case REASON_POWER: case REASON_PRIORITY: case REASON_ARRAY_LIMIT:
    case REASON_PERSON_RUNNING: case REASON_PERSON_GPUS: case REASON_ACCOUNT_GPUS: case REASON_QUOTA_HOURS:
        return row->state == JOB_PENDING;
    default:
        return false;
    }
}

static uint32_t position(const struct core *c, const struct core_plan *plan, const struct plan_row *row)
{
    uint32_t n = 0;
    if (!in_line(row))
        return 0;
    for (const struct plan_row *r = plan->rows; r <= row; r++)
        n += in_line(r);
    return MUTANT(c, MUTANT_WHY_PLACE) && n > 1 ? n - 1 : n;
}

static bool busy_row(const struct plan_row *r)
{
    return r->state == JOB_CONFIGURING || r->state == JOB_RUNNING || r->state == JOB_COMPLETING;
}

/* Whose ends make room for a job. */
enum makers { MAKERS_BUSY, MAKERS_ALL, MAKERS_OWN, MAKERS_ARRAY, MAKERS_ACCOUNT };

static bool makes_room(const struct core *c, const struct job *j, const struct plan_row *r, enum makers who)
{
    if (who == MAKERS_ALL)
        return r->job != j->id;
    if (!busy_row(r))
        return false;
    uint32_t slot = who == MAKERS_BUSY ? NONE : job_find(c, r->job);
    if (slot == NONE)
        return who == MAKERS_BUSY;
    if (who == MAKERS_ACCOUNT)
        return jobs_of(c)[slot].account == j->account && jobs_of(c)[slot].gpus;
    return who == MAKERS_OWN ? jobs_of(c)[slot].owner == j->owner : jobs_of(c)[slot].array == j->array;
}

/* The job whose expected end is the last before this row's start: its end makes the room.  Of those that count for a
 * limit the first to end, if none is. */
static job_id room_maker(const struct core *c, const struct job *j, const struct core_plan *plan,
                         const struct plan_row *row, enum makers who)
{
    const struct plan_row *best = NULL, *first = NULL;
    for (uint32_t i = 0; i < plan->rows_n; i++) {
        const struct plan_row *r = &plan->rows[i];
        if (r->end_p50_at == USEC_NEVER || !makes_room(c, j, r, who))
            continue;
        if (!first || r->end_p50_at < first->end_p50_at)
            first = r;
        if (r->end_p50_at <= row->start_at && (!best || r->end_p50_at > best->end_p50_at))
            best = r;
    }
    if (!best && (who == MAKERS_OWN || who == MAKERS_ARRAY || who == MAKERS_ACCOUNT))
        best = first;
    return best ? best->job : 0;
}

/* Jobs that came later and are served before it; tasks of its own array are itself. */
static uint32_t passed_by(const struct core *c, const struct job *j, const struct core_plan *plan, const struct plan_row *row)
{
    uint32_t n = 0;
    if (!in_line(row))
        return 0;
    for (const struct plan_row *r = plan->rows; r < row; r++) {
        if (r->job < j->id || (!busy_row(r) && !in_line(r)))
            continue;
        uint32_t slot = j->array == NONE ? NONE : job_find(c, r->job);
        n += slot == NONE || jobs_of(c)[slot].array != j->array;
    }
    return n;
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

/* Of an array: the task that is expected to end last, or whose end nobody knows. */
static void explain_array(const struct core *c, job_id array, const struct core_plan *plan, struct explanation *e)
{
    uint32_t slot = array_of(c, array);
    e->change_at = 0;
    for (uint32_t i = 0; i < plan->rows_n && slot != NONE; i++) {
        const struct plan_row *r = &plan->rows[i];
        uint32_t job = job_find(c, r->job);
        if (job == NONE || jobs_of(c)[job].array != slot)
            continue;
        e->blocker_tasks++;
        if (r->end_p50_at > e->change_at || e->blocker_tasks == 1) {
            e->blocker = r->job;
            e->change_at = r->end_p50_at;
        }
    }
}

static void explain_dependency(const struct core *c, const struct job *j, const struct core_plan *plan, struct explanation *e)
{
    struct waited w = graph_waited(c, j);
    const struct plan_row *other = w.target ? row_of(plan, w.target) : NULL;
    e->blocker = w.target;
    e->blocker_starts = w.start;
    if (w.due_boot_at) {
        e->blocker_started = true;
        e->change_at = usec_add(c->now_at, usec_max(w.due_boot_at - c->now_boot_at, 0));
    } else if (w.array) {
        explain_array(c, w.target, plan, e);
    } else {
        e->change_at = other ? (w.start ? other->start_at : other->end_p50_at) : todo_end(plan, w.target);
    }
}

static void explain_reason(const struct core *c, const struct job *j, const struct core_plan *plan,
                           const struct plan_row *row, struct explanation *e)
{
    const struct person *p = &c->persons[j->owner];
    const struct plan_row *other;
    e->change_at = e->start_at;
    switch (e->reason) {
    case REASON_RESOURCES: case REASON_POWER:
        e->blocker = row ? room_maker(c, j, plan, row, MAKERS_BUSY) : 0;
        break;
    case REASON_PRIORITY:
        e->blocker = row ? room_maker(c, j, plan, row, MAKERS_ALL) : 0;
        break;
    case REASON_DEPENDENCY:
        explain_dependency(c, j, plan, e);
        break;
    case REASON_DEPENDENCY_NEVER:
        e->blocker = graph_waited(c, j).target;
        e->change_at = USEC_NEVER;
        break;
    case REASON_SINGLETON:
        e->blocker = namesake(c, j);
        other = e->blocker ? row_of(plan, e->blocker) : NULL;
        e->change_at = other ? other->end_p50_at : USEC_NEVER;
        break;
    case REASON_BEGIN_TIME:
        e->change_at = j->begin_at;
        break;
    case REASON_ARRAY_LIMIT:
        e->limit = arrays_of(c)[j->array].max;
        e->used = arrays_of(c)[j->array].busy;
        e->blocker = row ? room_maker(c, j, plan, row, MAKERS_ARRAY) : 0;
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
        e->blocker = row ? room_maker(c, j, plan, row, MAKERS_OWN) : 0;
        break;
    case REASON_PERSON_GPUS:
        e->limit = p->gpus_max;
        e->used = p->gpus;
        e->blocker = row ? room_maker(c, j, plan, row, MAKERS_OWN) : 0;
        break;
    case REASON_ACCOUNT_GPUS:
        e->account = j->account;
        e->limit = c->accounts[j->account].gpus_max;
        e->used = c->accounts[j->account].gpus;
        e->blocker = row ? room_maker(c, j, plan, row, MAKERS_ACCOUNT) : 0;
        break;
    case REASON_QUOTA_HOURS: {
        struct core_quota q = core_account_quota(c, j->account), own = core_person_quota(c, j->owner);
        e->account = q.free_at >= own.free_at ? j->account : 0; /* the one that holds it longer */
        q = e->account ? q : own;
        e->limit = q.hours;
        e->used = (uint32_t)(q.used_us / USEC_PER_HOUR);
        e->quota_days = q.days;
        e->change_at = q.free_at ? q.free_at : USEC_NEVER;
        break;
    }
    default:
        break;
    }
}

static void explain_gpus(const struct core *c, const struct job *j, struct explanation *e)
{
    for (uint32_t i = 0; i < CORE_GPUS_MAX; i++) {
        const struct gpu *g = &c->gpus[i];
        if (!g->known || (j->gpu_type && g->type != j->gpu_type))
            continue;
        e->drained_gpus += g->state == GPU_DRAINED;
        e->foreign_gpus += g->state == GPU_FOREIGN;
        e->quarantined_gpus += g->state == GPU_QUARANTINED;
    }
}

/* GPUs of a type that are up; 0: of any. */
static uint64_t up_mask(const struct core *c, uint32_t type)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < CORE_GPUS_MAX; i++)
        if (c->gpus[i].known && c->gpus[i].state == GPU_UP && (!type || c->gpus[i].type == type))
            mask |= UINT64_C(1) << i;
    return mask;
}

/* What a later start gives others at this moment: had it begun when it could have, and run as long as it should, those who began
 * since could not all have begun.  As many of its GPUs as were then missing, and as others' new work has. */
static uint32_t freed(const struct core *c, const struct job *j, const struct core_plan *plan, const struct explanation *e)
{
    uint64_t up = up_mask(c, j->gpu_type), used = 0, since = 0;
    if (!e->moved_from_at || plan->made_at >= usec_add(e->moved_from_at, e->forecast.p50_us))
        return 0;
    for (uint32_t i = 0; i < plan->rows_n; i++) {
        const struct plan_row *r = &plan->rows[i];
        uint32_t slot = busy_row(r) ? job_find(c, r->job) : NONE;
        if (slot == NONE)
            continue;
        used |= r->gpu_mask & up;
        since |= r->start_at >= e->moved_from_at && jobs_of(c)[slot].owner != j->owner ? r->gpu_mask & up : 0;
    }
    int missing = __builtin_popcountll(used) + j->gpus - __builtin_popcountll(up), others = __builtin_popcountll(since);
    missing = missing < others ? missing : others;
    missing = missing < j->gpus ? missing : j->gpus;
    return missing > 0 ? (uint32_t)missing : 0;
}

/* Until when a start is as good, and from when it is due. */
static void explain_bounds(const struct core *c, const struct job *j, const struct core_plan *plan, struct explanation *e)
{
    usec_t now_at = plan->made_at;
    bool chained = (j->array != NONE && (j->dependents != NONE || arrays_of(c)[j->array].dependents != NONE)) ||
                   slack_single(c, j);
    struct slack_lengths lengths = { e->forecast.p50_us, e->forecast.p90_us };
    e->aged_at = c->settings.age_us ? usec_add(j->submit_at, c->settings.age_us) : USEC_NEVER;
    e->aged = j->state == JOB_PENDING && e->aged_at <= now_at;
    e->deadline_at = j->deadline_at;
    e->last_start_at = j->deadline_at ? j->deadline_at - e->forecast.p90_us : USEC_NEVER;
    e->last_good_at = USEC_NEVER;
    if (j->state == JOB_PENDING && !chained && e->start_at != USEC_NEVER && e->eyes_at != USEC_NEVER)
        e->last_good_at = usec_max(usec_min(e->eyes_at - e->forecast.p50_us,
                                            slack_until(c, (uint32_t)(j - jobs_of(c)), &lengths, e->start_at)), e->start_at);
    if (e->reason == REASON_DEFERRED && job_deferred_s(j))
        e->moved_from_at = usec_add(j->submit_at, (usec_t)(job_deferred_s(j) - 1) * USEC_PER_SEC);
    e->freed_gpus = freed(c, j, plan, e);
    e->made_way = j->preempted_n;
    e->kept_us = j->done_us;
    e->restart_us = j->done_us ? estimate_restart_us(c, j) : 0;
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

static uint32_t passed_over(const struct core *c, const struct job *j)
{
    const struct id_entry *ids = ids_of(c);
    uint32_t n = 0;
    for (uint32_t at = 0; at < c->by_id_n && at < TRADE_LOOKS && ids[at].id < j->id; at++) {
        const struct job *other = ids[at].slot == NONE ? NULL : &jobs_of(c)[ids[at].slot];
        n += other && other->class != NONE && (j->array == NONE || other->array != j->array);
    }
    return n;
}

/* Another start, had its owner agreed. */
static void would_have(const struct core *c, const struct job *j, const struct plan_row *row, usec_t run_us, struct core_trade *t)
{
    t->would_at = would_start_at(j);
    if (!t->would_at || !j->gpus || !rates_known(c))
        return;
    int64_t mw = rates_gpu_mw(c, j->gpu_type) * j->gpus;
    t->cost_milli = rates_cost_milli(c, mw, row->start_at, usec_add(row->start_at, run_us));
    t->would_cost_milli = rates_cost_milli(c, mw, t->would_at, usec_add(t->would_at, run_us));
}

bool core_trade(const struct core *c, const struct core_update *start, struct core_trade *ret)
{
    uint32_t slot = job_find(c, start->job);
    if (slot == NONE || start->plan_row >= c->plan_rows_n || c->plan_rows[start->plan_row].job != start->job)
        return false;
    const struct job *j = &jobs_of(c)[slot];
    const struct plan_row *row = &c->plan_rows[start->plan_row];
    struct core_trade t = {
        .ready_at = usec_add(j->submit_at, (usec_t)j->ready_s * USEC_PER_SEC),
        .end_p50_at = row->end_p50_at, .end_p90_at = row->end_p90_at,
        .eyes_at = row->eyes_at, .eyes_late_at = row->eyes_late_at, .passed = passed_over(c, j) };
    struct forecast f = estimate_forecast(c, j, 0, NULL);
    t.history_n = f.history_n;
    if (job_deferred_s(j))
        t.moved_from_at = usec_add(j->submit_at, (usec_t)(job_deferred_s(j) - 1) * USEC_PER_SEC);
    if (job_deferred_s(j) && j->gpus && rates_known(c) && c->rates.at[0].from_at <= t.moved_from_at) {
        int64_t mw = rates_gpu_mw(c, j->gpu_type) * j->gpus;
        t.cost_milli = rates_cost_milli(c, mw, row->start_at, usec_add(row->start_at, f.p50_us));
        t.moved_cost_milli = rates_cost_milli(c, mw, t.moved_from_at, usec_add(t.moved_from_at, f.p50_us));
    }
    would_have(c, j, row, f.p50_us, &t);
    *ret = t;
    return true;
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
        .start_at = USEC_NEVER, .start_p10_at = USEC_NEVER, .start_p50_at = USEC_NEVER, .start_p90_at = USEC_NEVER, .end_p50_at = USEC_NEVER,
        .end_p90_at = USEC_NEVER, .eyes_at = USEC_NEVER, .eyes_late_at = USEC_NEVER };
    e.forecast = band_forecast(c, j, busy ? usec_max(c->now_boot_at - j->start_boot_at, 0) : 0);
    if (row) {
        e.position = position(c, plan, row);
        e.passed = passed_by(c, j, plan, row);
        e.start_at = row->start_at;
        e.start_p10_at = row->start_p10_at;
        e.start_p50_at = row->start_p50_at;
        e.start_p90_at = row->start_p90_at;
        e.samples = row->samples;
        e.end_p50_at = row->end_p50_at;
        e.end_p90_at = row->end_p90_at;
        e.eyes_at = row->eyes_at;
        e.eyes_late_at = row->eyes_late_at;
    }
    e.now_eyes_at =
        busy ? e.eyes_at : avail_job_eyes(c, j, usec_add(plan->made_at, MUTANT(c, MUTANT_WHY_EYES) ? e.forecast.p10_us : e.forecast.p50_us));
    e.now_eyes_late_at =
        busy ? e.eyes_late_at : avail_job_eyes(c, j, usec_add(plan->made_at, e.forecast.p90_us));
    explain_bounds(c, j, plan, &e);
    explain_gpus(c, j, &e);
    explain_cost(c, j, plan, &e);
    if (power_capped(c)) {
        e.need_w = busy ? j->booked_w : power_of_job(c, j);
        e.used_w = c->busy_w + (MUTANT(c, MUTANT_WHY_POWER) ? 0 : power_foreign_w(c));
        e.cap_w = power_cap_w(c, plan->made_at);
    }
    explain_reason(c, j, plan, row, &e);
    *ret = e;
    return 0;
}
