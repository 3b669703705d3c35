/* core_luck.c - see core_luck.h. */
#include "core_luck.h"

#include <stdlib.h>
#include <string.h>

#define START_WALL 1767225600000000 /* 2026-01-01 */

static uint64_t below(struct luck *l, uint64_t n) { return prng_below(&l->prng, n); }

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

int luck_check(struct luck *l, struct err *err)
{
    int r = core_check(l->core, &l->ev, err);
    while (r == E_FULL) {
        struct core_limits limits = core_limits_for(l->core, &l->ev);
        size_t size = core_size(&limits);
        void *bigger = must(aligned_alloc(16, size));
        memset(bigger, 0xaa, size); /* nothing may rely on clean memory */
        l->core = core_grow(bigger, size, &limits, l->core);
        free(l->block);
        l->block = bigger;
        l->block_size = size;
        r = core_check(l->core, &l->ev, err);
    }
    return r;
}

static struct luck_run *run_of(struct luck *l, job_id job)
{
    for (uint32_t i = 0; i < l->runs_n; i++)
        if (l->runs[i].job == job)
            return &l->runs[i];
    return NULL;
}

static void run_gone(struct luck *l, job_id job)
{
    struct luck_run *r = run_of(l, job);
    if (r)
        *r = l->runs[--l->runs_n];
}

/* The engine's own books: it knows nothing of the core but its updates. */
static void books(struct luck *l)
{
    if (l->ev.kind == EVENT_ENDED)
        run_gone(l, l->ev.ended.job);
    if (l->ev.kind == EVENT_LOST)
        run_gone(l, l->ev.lost.job);
    if (l->ev.kind == EVENT_START_FAILED)
        run_gone(l, l->ev.start_failed.job);
    if (l->ev.kind == EVENT_STARTED && run_of(l, l->ev.started.job))
        run_of(l, l->ev.started.job)->started = true;
    for (uint32_t i = 0; i < l->updates_n; i++) {
        const struct core_update *u = &l->updates[i];
        if (u->kind == UPDATE_STOP && run_of(l, u->job))
            run_of(l, u->job)->stopping = true;
        else if (u->kind == UPDATE_STOP)
            l->wrong = "a stop for what does not run";
        if (u->kind != UPDATE_START)
            continue;
        if (run_of(l, u->job))
            l->wrong = "a job started while it runs";
        for (uint32_t k = 0; k < l->runs_n; k++)
            if (l->runs[k].gpus & u->gpus)
                l->wrong = "a GPU given twice";
        if (l->runs_n < LUCK_RUNNING_MAX)
            l->runs[l->runs_n++] = (struct luck_run){ u->job, u->attempt, u->gpus, l->boot_at, false, false };
    }
}

void luck_apply(struct luck *l)
{
    uint32_t max = core_updates_max(l->core, &l->ev);
    if (max > LUCK_UPDATES_MAX)
        abort();
    l->updates_n = core_step(l->core, &l->ev, l->updates, max);
    books(l);
}

void luck_do(struct luck *l, const struct core_event *ev)
{
    struct err err = { 0 };
    l->ev = *ev;
    l->ev.wall_at = l->wall_at;
    l->ev.boot_at = l->boot_at;
    if (luck_check(l, &err) != 0)
        abort();
    luck_apply(l);
}

static void machine(struct luck *l)
{
    luck_do(l, &(struct core_event){ .kind = EVENT_MACHINE, .machine = { (uint32_t)(4 + below(l, 60)), 65536 } });
    l->gpus = (uint32_t)below(l, 13);
    l->types = (uint32_t)(1 + below(l, 3));
    for (uint32_t i = 0; i < l->gpus; i++)
        luck_do(l, &(struct core_event){ .kind = EVENT_GPU,
            .gpu = { i, (uint32_t)(1 + below(l, l->types)), GPU_UP, 300000 } });
}

static void avail(struct luck *l, uint32_t person)
{
    usec_t day = l->wall_at / USEC_PER_DAY * USEC_PER_DAY;
    uint32_t n = (uint32_t)below(l, 15);
    for (uint32_t i = 0; i < n; i++) {
        usec_t from = day + (usec_t)i * USEC_PER_DAY + (usec_t)(6 + below(l, 8)) * USEC_PER_HOUR;
        l->windows[i] = (struct span){ from, from + (usec_t)(1 + below(l, 9)) * USEC_PER_HOUR };
    }
    l->ev.kind = EVENT_AVAIL;
    l->ev.avail = (struct ev_avail){ .person = person, .until_at = day + (usec_t)n * USEC_PER_DAY,
                                     .windows = l->windows, .windows_n = n };
}

void luck_begin(struct luck *l, uint64_t seed, uint32_t jobs_room)
{
    struct core_limits limits = { jobs_room, 8, 16, 8 };
    memset(l, 0, sizeof *l);
    prng_init(&l->prng, seed, 1);
    l->block_size = core_size(&limits);
    l->block = must(aligned_alloc(16, l->block_size));
    memset(l->block, 0x55, l->block_size);
    l->core = core_init(l->block, l->block_size, &limits);
    l->updates = must(calloc(LUCK_UPDATES_MAX, sizeof *l->updates));
    l->wall_at = START_WALL + (usec_t)below(l, 7 * 24) * USEC_PER_HOUR;
    l->boot_at = (usec_t)below(l, 1000) * USEC_PER_SEC;
    l->persons = (uint32_t)(1 + below(l, 6));
    l->next_id = (job_id)(1 + below(l, 5));
    luck_do(l, &(struct core_event){ .kind = EVENT_SETTINGS, .settings = {
        .seed = seed, .policy = below(l, 2) ? POLICY_BLEND : (uint32_t)below(l, POLICY_COUNT),
        .plan_depth = 16, .presence_us = 30 * USEC_PER_MIN,
        .runtime_guess_us = USEC_PER_HOUR, .age_us = (usec_t)below(l, 3) * USEC_PER_DAY,
        .preempt = below(l, 4) != 0, .advantage_milli = (uint32_t)(1000 + below(l, 1000)),
        .quantum_us = (usec_t)below(l, 3) * 5 * USEC_PER_MIN, .restart_us = USEC_PER_MIN,
        .estimates = (uint32_t)below(l, ESTIMATES_COUNT), .defer = (uint32_t)below(l, 3),
        .price_milli = (uint32_t)below(l, 3) * 300, .search_window = (uint32_t)below(l, 40),
        .search_moves = (uint32_t)below(l, 3) * 4, .chain_milli = (uint32_t)below(l, 3) * 500,
        .fair_milli = (uint32_t)below(l, 3) * 500, .half_life_us = (usec_t)below(l, 3) * USEC_PER_DAY,
        .fair_delay_milli = (uint32_t)below(l, 3) * 1000, .fair_gpu_milli = (uint32_t)below(l, 2) * 500, .urgent_week = (uint32_t)below(l, 3) } });
    machine(l);
}

void luck_end(struct luck *l)
{
    free(l->block);
    free(l->updates);
    memset(l, 0, sizeof *l);
}

/* --- what may happen -------------------------------------------------------------------------- */

static job_id some_job(struct luck *l)
{
    struct core_job j;
    if (!core_job_after(l->core, (job_id)below(l, l->next_id + 1), &j) && !core_job_after(l->core, 0, &j))
        return 1;
    return j.id;
}

static void submit(struct luck *l)
{
    static const uint32_t widths[] = { 0, 1, 1, 1, 2, 4, 8 };
    uint32_t tasks = 1;
    struct ev_submit *e = &l->ev.submit;
    l->ev.kind = EVENT_SUBMIT;
    *e = (struct ev_submit){
        .job = l->next_id, .owner = (uint32_t)(1 + below(l, l->persons)), .command_key = below(l, 6),
        .name_key = below(l, 3), .gpus = widths[below(l, 7)], .cpus = (uint32_t)(1 + below(l, 4)),
        .mem_mib = below(l, 3) ? 0 : below(l, 8192), .retries = below(l, 4) ? 0 : (uint32_t)below(l, 4),
        .backoff_us = (usec_t)below(l, 120) * USEC_PER_SEC, .nice = below(l, 5) ? 0 : (int32_t)below(l, 200) };
    e->submitter = below(l, 8) ? e->owner : (uint32_t)(1 + below(l, l->persons));
    e->gpu_type = e->gpus && !below(l, 4) ? (uint32_t)(1 + below(l, l->types)) : 0;
    e->preempt = (uint32_t)below(l, PREEMPT_COUNT);
    e->restart_us = below(l, 3) ? 0 : (usec_t)below(l, 10) * USEC_PER_MIN;
    if (below(l, 2)) {
        e->estimate_us = (usec_t)(1 + below(l, 600)) * USEC_PER_MIN;
        e->estimate_sd_milli = (uint32_t)below(l, 3) * 400;
    }
    e->flex_us = below(l, 4) ? 0 : (usec_t)below(l, 10) * USEC_PER_HOUR;
    e->limit_us = below(l, 3) ? 0 : (usec_t)(1 + below(l, 48)) * USEC_PER_HOUR;
    e->flags = (below(l, 12) ? 0 : JOB_HELD) | (below(l, 3) ? 0 : JOB_REQUEUE) |
               (below(l, 12) ? 0 : JOB_SINGLETON) | (below(l, 25) ? 0 : JOB_FIRST) |
               (below(l, 2) ? JOB_CLEAN_TREE : 0) | (below(l, 9) ? 0 : JOB_NOW);
    e->begin_at = below(l, 8) ? 0 : l->wall_at + (usec_t)below(l, 600) * USEC_PER_MIN;
    e->deadline_at = below(l, 12) ? 0 : l->wall_at + (usec_t)below(l, 6000) * USEC_PER_MIN;
    if (!below(l, 4)) {
        uint32_t from = (uint32_t)below(l, 5), n = (uint32_t)(1 + below(l, 20)), step = (uint32_t)(1 + below(l, 3));
        l->tasks[0] = (struct range){ from, from + (n - 1) * step, step };
        l->tasks[1] = (struct range){ 900, 900, 1 };
        e->tasks = l->tasks;
        e->tasks_n = (uint32_t)(1 + below(l, 2));
        e->array = e->job;
        e->array_max = below(l, 2) ? (uint32_t)below(l, 4) : 0;
        e->hold_after = below(l, 2) ? (uint32_t)below(l, 4) : 0;
        tasks = n + e->tasks_n - 1;
    }
    if (!below(l, 4)) {
        e->retry_by = l->retries;
        e->retry_by_n = (uint32_t)(1 + below(l, RETRY_RULES_MAX));
        for (uint32_t i = 0; i < e->retry_by_n; i++) {
            l->retries[i] = (struct retry){ .cause = (uint32_t)(1 + below(l, RETRY_CAUSE_COUNT - 1)),
                                            .n = (uint32_t)below(l, 3) };
            if (l->retries[i].cause == RETRY_CODE || l->retries[i].cause == RETRY_SIGNO)
                l->retries[i].code = (uint32_t)(1 + below(l, 9));
        }
    }
    if (!below(l, 3)) {
        e->deps = l->deps;
        e->deps_n = (uint32_t)(1 + below(l, 4));
        for (uint32_t i = 0; i < e->deps_n; i++) {
            struct core_job j;
            bool live = core_job_get(l->core, some_job(l), &j);
            l->deps[i] = (struct dep){ .kind = (uint32_t)below(l, DEP_KIND_COUNT), .job = j.id,
                .group = (uint32_t)below(l, 2), .outcome = DEP_LIVE,
                .delay_s = below(l, 2) ? 0 : (uint32_t)below(l, 600) };
            if (live && j.array_id && below(l, 2)) {
                l->deps[i].scope = 1;
                l->deps[i].job = j.array_id;
            }
            if (!live || !below(l, 6)) {
                l->deps[i].job = 1;
                l->deps[i].scope = 0;
                l->deps[i].outcome = (uint32_t)(1 + below(l, 3));
            }
        }
    }
    l->next_id += tasks;
}

/* An ended job comes back under its id. */
static void resubmit(struct luck *l)
{
    submit(l);
    l->next_id = core_last_id(l->core) + 1;
    l->ev.submit.job = (job_id)(1 + below(l, l->next_id));
    l->ev.submit.attempt = (uint32_t)(1 + below(l, 3));
    l->ev.submit.tasks_n = 0;
    l->ev.submit.array = 0;
    l->ev.submit.array_max = 0;
}

static void engine(struct luck *l)
{
    struct luck_run *r = &l->runs[below(l, l->runs_n)];
    if (!r->started && below(l, 8)) {
        l->ev.kind = EVENT_STARTED;
        l->ev.started = (struct ev_started){ r->job, r->attempt, 0 };
    } else if (!r->started && below(l, 2)) {
        l->ev.kind = EVENT_START_FAILED;
        l->ev.start_failed = (struct ev_start_failed){ r->job, r->attempt,
                                                       below(l, 2) ? END_LAUNCH : END_GPU_BUSY, 0 };
    } else if (below(l, 30) == 0) {
        l->ev.kind = EVENT_LOST;
        l->ev.lost = (struct ev_lost){ r->job, r->attempt, (uint32_t)!below(l, 3), 0 };
    } else {
        l->ev.kind = EVENT_ENDED;
        l->ev.ended = (struct ev_ended){ .job = r->job, .attempt = r->attempt };
        switch (r->stopping ? 6 : below(l, 8)) {
        case 0: l->ev.ended.code = 1 + (int32_t)below(l, 3); break;
        case 1: l->ev.ended.cause = END_SIGNAL; l->ev.ended.signal = 11; break;
        case 2: l->ev.ended.cause = below(l, 2) ? END_OOM : END_TIME_LIMIT; break;
        case 6: l->ev.ended.cause = r->stopping ? END_STOPPED : END_EXIT; break;
        default: break;
        }
        if (l->ev.ended.cause == END_STOPPED)
            l->ev.ended.signal = below(l, 4) ? 15 : 9;
        l->ev.ended.quarantine = below(l, 40) == 0;
    }
}

static void people(struct luck *l)
{
    job_id job = some_job(l);
    uint32_t scope = below(l, 4) == 0;
    switch (below(l, 10)) {
    case 8:
        l->ev.kind = EVENT_SIGNAL;
        l->ev.signal = (struct ev_signal){ job, scope, 1, (uint32_t)(1 + below(l, SIGNAL_NUMBER_MAX)),
                                           (uint32_t)below(l, SIGNAL_WHOM_COUNT), 0 };
        break;
    case 0: l->ev.kind = EVENT_CANCEL; l->ev.cancel = (struct ev_cancel){ job, scope, 1, below(l, 4) == 0, 0 }; break;
    case 1: l->ev.kind = EVENT_HOLD; l->ev.hold = (struct ev_hold){ job, scope, !below(l, 4), 0 }; break;
    case 2: case 3:
        l->ev.kind = EVENT_RELEASE;
        l->ev.release = (struct ev_release){ job, scope, (uint32_t)below(l, 2), 0 };
        break;
    case 4: l->ev.kind = EVENT_FIRST; l->ev.first = (struct ev_first){ job, scope, 0 }; break;
    case 5: l->ev.kind = EVENT_REQUEUE; l->ev.requeue = (struct ev_requeue){ job, scope, 1, 0 }; break;
    case 6: avail(l, (uint32_t)(1 + below(l, l->persons))); break;
    case 7:
        l->ev.kind = EVENT_PERSON;
        l->ev.person = (struct ev_person){ .person = (uint32_t)(1 + below(l, l->persons)),
            .running_max = below(l, 2) ? 0 : (uint32_t)below(l, 5),
            .gpus_max = below(l, 2) ? 0 : (uint32_t)below(l, 9),
            .queued_max = below(l, 6) ? 0 : 40, .weight_milli = (uint32_t)below(l, 3) * 700, .defer = (uint32_t)below(l, 2) };
        break;
    default: {
        static const int64_t most[SET_FIELD_COUNT] = {
            [SET_LIMIT_US] = USEC_PER_DAY, [SET_NICE] = 300, [SET_ARRAY_MAX] = 4, [SET_GPUS] = 5,
            [SET_CPUS] = 4, [SET_MEM_MIB] = 4096, [SET_OWNER] = 6, [SET_REVIEWER] = 6 };
        uint32_t field = (uint32_t)below(l, SET_FIELD_COUNT);
        int64_t value = field == SET_BEGIN_AT || field == SET_DEADLINE_AT
            ? l->wall_at + (int64_t)below(l, USEC_PER_DAY) : (int64_t)below(l, (uint64_t)most[field] + 1);
        l->ev.kind = EVENT_SET;
        l->ev.set = (struct ev_set){ job, scope, field, value, 0 };
    }
    }
}

/* Two stretches a day, the first sometimes a focus block; some offer nothing. */
static void offer(struct luck *l, uint32_t person)
{
    usec_t day = l->wall_at / USEC_PER_DAY * USEC_PER_DAY;
    uint32_t days = (uint32_t)below(l, 15), n = 0;
    for (uint32_t i = 0; i < days; i++) {
        usec_t from = day + (usec_t)i * USEC_PER_DAY + (usec_t)(84 + below(l, 48)) * 5 * USEC_PER_MIN;
        usec_t until = from + (usec_t)(1 + below(l, 300)) * USEC_PER_MIN;
        if (below(l, 6) == 0)
            continue;
        l->offers[n++] = (struct offer){ from, until, i + day / USEC_PER_DAY, below(l, 5) == 0 };
        from = until + (usec_t)below(l, 90) * USEC_PER_MIN;
        l->offers[n++] = (struct offer){ from, from + (usec_t)(1 + below(l, 240)) * USEC_PER_MIN,
                                         i + day / USEC_PER_DAY, 0 };
    }
    l->ev.kind = EVENT_OFFER;
    l->ev.offer = (struct ev_offer){ .person = person, .until_at = day + (usec_t)days * USEC_PER_DAY,
                                     .cap_us = (usec_t)below(l, 5) * USEC_PER_HOUR,
                                     .windows = l->offers, .windows_n = n };
}

static job_id some_todo(struct luck *l)
{
    struct core_todo t;
    if (!core_todo_after(l->core, (job_id)below(l, l->next_id + 1), &t) && !core_todo_after(l->core, 0, &t))
        return 1;
    return t.id;
}

/* What a new one waits for and what waits for it: jobs, todos, arrays. */
static uint32_t some_work(struct luck *l, uint32_t *ret_scope)
{
    struct core_job j;
    job_id id = below(l, 2) ? some_todo(l) : some_job(l);
    *ret_scope = 0;
    if (!core_job_get(l->core, id, &j) || !j.array_id || below(l, 2))
        return id;
    *ret_scope = 1;
    return j.array_id;
}

static void todo_add(struct luck *l)
{
    struct ev_todo_add *e = &l->ev.todo_add;
    l->ev.kind = EVENT_TODO_ADD;
    *e = (struct ev_todo_add){ .todo = l->next_id, .by = (uint32_t)(1 + below(l, l->persons)),
                               .takes_us = (usec_t)(1 + below(l, 60)) * 5 * USEC_PER_MIN,
                               .who = l->who, .who_n = (uint32_t)(1 + below(l, 2)) };
    l->who[0].n = (uint32_t)(1 + below(l, l->persons));
    l->who[1].n = l->who[0].n % l->persons + 1;
    if (l->persons == 1)
        e->who_n = 1;
    e->min_chunk_us = below(l, 2) ? e->takes_us : usec_max(e->takes_us / (usec_t)(1 + below(l, 8)), USEC_PER_MIN);
    e->flags = below(l, 5) ? 0 : TODO_REVIEW;
    e->not_before_at = below(l, 4) ? 0 : l->wall_at + (usec_t)below(l, 3000) * USEC_PER_MIN;
    e->deadline_at = below(l, 2) ? 0 : l->wall_at + (usec_t)below(l, 6000) * USEC_PER_MIN;
    e->at_at = below(l, 6) ? 0 : l->wall_at + (usec_t)below(l, 3000) * USEC_PER_MIN;
    e->at_day = e->at_at / USEC_PER_DAY;
    for (e->deps_n = 0; e->deps_n < 2 && below(l, 2); e->deps_n++) {
        l->deps[e->deps_n] = (struct dep){ .kind = (uint32_t)below(l, DEP_KIND_COUNT),
                                           .group = (uint32_t)below(l, 2) };
        l->deps[e->deps_n].job = some_work(l, &l->deps[e->deps_n].scope);
    }
    e->deps = l->deps;
    if (!below(l, 3)) {
        l->before[0].job = some_work(l, &l->before[0].scope);
        e->before = l->before;
        e->before_n = 1;
    }
}

static void todos(struct luck *l)
{
    struct core_todo t = { 0 };
    job_id id = some_todo(l);
    uint32_t by = core_todo_get(l->core, id, &t) && below(l, 10) ? t.who[0] : 1;
    switch (below(l, 14)) {
    case 0: l->ev.kind = EVENT_TODO_DROP; l->ev.todo_drop = (struct ev_todo_drop){ id, by, 0 }; break;
    case 1: l->ev.kind = EVENT_TODO_ACCEPT; l->ev.todo_accept = (struct ev_todo_accept){ id, by, 0 }; break;
    case 2: l->ev.kind = EVENT_TODO_DECLINE; l->ev.todo_decline = (struct ev_todo_decline){ id, by, 0 }; break;
    case 3:
        l->ev.kind = EVENT_TODO_SNOOZE;
        l->ev.todo_snooze = (struct ev_todo_snooze){ id, by, l->wall_at + (usec_t)below(l, USEC_PER_DAY), 0 };
        break;
    case 4: case 5:
        l->ev.kind = EVENT_TODO_MOVE;
        l->ev.todo_move.todo = id;
        l->ev.todo_move.by = by;
        l->ev.todo_move.at_at = below(l, 5) ? l->wall_at + (usec_t)below(l, 2 * USEC_PER_DAY) : 0;
        l->ev.todo_move.at_day = l->ev.todo_move.at_at / USEC_PER_DAY;
        break;
    case 6: {
        uint32_t field = (uint32_t)below(l, TODO_FIELD_COUNT);
        static const int64_t most[TODO_FIELD_COUNT] = {
            [TODO_SET_TAKES_US] = USEC_PER_HOUR * 6, [TODO_SET_MIN_CHUNK_US] = USEC_PER_HOUR * 2,
            [TODO_SET_WHO] = 6, [TODO_SET_WORKED_US] = USEC_PER_HOUR };
        int64_t value = most[field] ? (int64_t)below(l, (uint64_t)most[field] + 1)
                                    : l->wall_at + (int64_t)below(l, USEC_PER_DAY);
        l->ev.kind = EVENT_TODO_SET;
        l->ev.todo_set = (struct ev_todo_set){ id, field, value, 0 };
        break;
    }
    case 7: offer(l, (uint32_t)(1 + below(l, l->persons))); break;
    case 8: case 9:
        l->ev.kind = EVENT_TODO_DONE;
        l->ev.todo_done = (struct ev_todo_done){ id, by, 0 };
        break;
    default: todo_add(l);
    }
    l->next_id += l->ev.kind == EVENT_TODO_ADD;
}

static void reserve(struct luck *l)
{
    struct reservation r;
    uint32_t n = core_reservations_n(l->core);
    usec_t from_at = l->wall_at + (usec_t)below(l, 12) * USEC_PER_HOUR - USEC_PER_HOUR;
    if (n && below(l, 3) == 0 && core_reservation_get(l->core, (uint32_t)below(l, n), &r)) {
        l->ev.kind = EVENT_UNRESERVE;
        l->ev.unreserve = (struct ev_unreserve){ r.id, 1, 0 };
        return;
    }
    l->ev.kind = EVENT_RESERVE;
    l->ev.reserve = (struct ev_reserve){
        .reservation = core_last_reservation(l->core) + 1, .person = (uint32_t)(1 + below(l, l->persons)),
        .gpus = (uint32_t)(1 + below(l, 4)), .gpu_type = (uint32_t)below(l, 3), .from_at = from_at,
        .until_at = from_at + (usec_t)(1 + below(l, 8)) * USEC_PER_HOUR, .name0 = 0x6f6d6564 };
}

static void boost(struct luck *l)
{
    struct boost b;
    uint32_t n = core_boosts_n(l->core), kind = (uint32_t)below(l, BOOST_KIND_COUNT);
    if (n && below(l, 3) == 0 && core_boost_get(l->core, (uint32_t)below(l, n), &b)) {
        l->ev.kind = EVENT_UNBOOST;
        l->ev.unboost = (struct ev_unboost){ b.id, 1, 0 };
        return;
    }
    struct core_job j = { 0 };
    core_job_get(l->core, some_job(l), &j);
    l->ev.kind = EVENT_BOOST;
    l->ev.boost = (struct ev_boost){
        .boost = core_last_boost(l->core) + 1, .kind = kind, .by = 1, .reason0 = 0x656e696c64616564,
        .target = kind == BOOST_PERSON ? (uint32_t)(1 + below(l, l->persons)) : kind == BOOST_ARRAY ? j.array_id : j.id,
        .until_at = l->wall_at + (usec_t)(1 + below(l, 8)) * USEC_PER_HOUR };
}

static void world(struct luck *l)
{
    if (below(l, 6) == 0) {
        boost(l);
        return;
    }
    if (below(l, 4) == 0) {
        reserve(l);
        return;
    }
    if (below(l, 6) == 0) {
        static struct rate rates[4];
        for (uint32_t i = 0; i < 4; i++)
            rates[i] = (struct rate){ l->wall_at + (usec_t)(i * (1 + below(l, 3))) * USEC_PER_HOUR + (usec_t)i,
                                      (int64_t)below(l, 400) * 1000 - 20000 };
        l->ev.kind = EVENT_TARIFF;
        l->ev.tariff = (struct ev_tariff){ .until_at = l->wall_at + USEC_PER_DAY, .gpu_mw = 300000,
            .hour_milli = below(l, 4) ? 30000000 : 0, .rates = rates, .rates_n = (uint32_t)below(l, 5) };
        return;
    }
    if (below(l, 3) == 0) {
        l->ev.kind = EVENT_QUEUE;
        l->ev.queue = (struct ev_queue){ below(l, 4) == 0, 0 };
    } else if (l->gpus) {
        uint32_t gpu = (uint32_t)below(l, l->gpus);
        struct core_gpu now;
        core_gpu_get(l->core, gpu, &now);
        l->ev.kind = EVENT_GPU;
        l->ev.gpu = (struct ev_gpu){ gpu, now.type, below(l, 3) ? GPU_UP : (uint32_t)below(l, GPU_STATE_COUNT),
                                     now.watts_mw, 0 };
    } else {
        l->ev.kind = EVENT_QUEUE;
        l->ev.queue = (struct ev_queue){ 0, 0 };
    }
}

static void clocks(struct luck *l)
{
    usec_t by = (usec_t)below(l, 4) ? (usec_t)below(l, 10 * USEC_PER_SEC)
                                    : (usec_t)below(l, 2 * USEC_PER_HOUR);
    l->wall_at += by;
    l->boot_at += by;
    if (below(l, 200) == 0)
        l->wall_at += (usec_t)below(l, 2 * USEC_PER_DAY) - USEC_PER_DAY;
    if (below(l, 400) == 0)
        l->boot_at = (usec_t)below(l, 60 * USEC_PER_SEC);
}

bool luck_event(struct luck *l)
{
    uint64_t dice = below(l, 100);
    clocks(l);
    memset(&l->ev, 0, sizeof l->ev);
    if (dice < 24)
        submit(l);
    else if (dice < 26)
        resubmit(l);
    else if (dice < 58 && l->runs_n)
        engine(l);
    else if (dice < 72)
        people(l);
    else if (dice < 75)
        world(l);
    else if (dice < 83)
        todos(l);
    else
        l->ev.kind = EVENT_DECIDE;
    l->ev.wall_at = l->wall_at;
    l->ev.boot_at = l->boot_at;
    if (luck_check(l, NULL) == 0)
        return true;
    l->next_id = core_last_id(l->core) + 1;
    return false;
}
