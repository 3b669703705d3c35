/* week.c - what a team does in a week, and what goes wrong meanwhile. */
#include "sim/week.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "core/mode.h"
#include "sim/faults.h"

#define WEEK_US      (7 * USEC_PER_DAY)
#define WEEK_SUBMITS 200 /* at least */
#define WEEK_CALM_MAX_US (90 * USEC_PER_DAY) /* a queue that is not empty then is stuck */

enum { T_SUBMIT = FAULTS_KINDS, T_COMMAND, T_TODO, T_ANSWER, T_RESERVE, T_BOOST, T_QUOTA, T_HOURS, T_UNDRAIN, T_OPEN, T_MODE };

struct week {
    struct world world;
    struct faults faults;
    struct prng client, hands, reserve, boost, quota, mode;
    struct ev_settings settings; /* of the mode that the team began with */
    uint32_t gpus_n, cpus, types_n;
    uint64_t mem_mib;
    usec_t run_median_us;
    usec_t ends_boot_at;
    struct week_result *result;
};

static const char *const zones[] = {
    "KST-9", "UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "IST-5:30",
};
static const char *const hours[] = {
    "Mon-Fri 09:00-18:00", "Mon-Fri 09:00-12:00,13:00-18:00", "Mon-Thu 22:00-04:00",
    "daily 08:00-23:00", "Tue,Thu 10:00-16:00", "Mon-Fri 07:00-11:00,20:00-23:00",
    "daily 00:00-24:00", "none",
};
#define N(array) (sizeof(array) / sizeof(*(array)))

/* --- the team ------------------------------------------------------------------------------------- */

static void week_people(struct week *k)
{
    struct prng *p = &k->world.luck;
    size_t n = (size_t)luck_between(p, 3, 8);
    for (size_t i = 0; i < n; i++) {
        struct zone zone;
        char name[24];
        snprintf(name, sizeof(name), "p%zu", i + 1);
        if (tzif_parse_posix(str_of(zones[prng_below(p, N(zones))]), &zone, NULL) < 0
            || !world_person_add(&k->world, name, &zone, str_of(hours[prng_below(p, N(hours))])))
            abort();
    }
}

/* Four of five offer some of their hours for work by hand. */
static void week_work(struct week *k, struct world_person *who)
{
    static const char *const work[] = {
        "Mon-Fri 13:00-17:00", "Mon-Fri 09:00-12:00,13:00-18:00", "Tue,Thu 10:00-16:00",
        "Mon-Thu 22:00-02:00", "daily 08:00-10:30", "Mon-Fri 09:30-11:00,15:00-17:45",
    };
    static const char *const focus[] = { "none", "none", "Tue,Thu 09:00-12:00", "daily 13:00-17:00" };
    struct prng *p = &k->hands;
    who->offers = luck_chance(p, 800);
    if (hours_parse(str_of(work[prng_below(p, N(work))]), &who->work, NULL) < 0 ||
        hours_parse(str_of(focus[prng_below(p, N(focus))]), &who->focus, NULL) < 0)
        abort();
    who->cap_us = luck_chance(p, 300) ? 0 : luck_between(p, 2, 8) * 30 * USEC_PER_MIN;
}

/* Where people are told things; one in four nowhere. */
static void week_channels(struct week *k)
{
    static const char *const pages[] = { "", "", "job-failed", "job-failed,todo-asked", "job-done,job-held" };
    struct outbox *o = &k->world.outbox;
    struct prng *p = &o->luck;
    for (size_t i = 0; i < k->world.people_n; i++)
        for (uint64_t n = luck_chance(p, 250) ? 0 : 1 + prng_below(p, 2); n > 0; n--)
            outbox_channel(o, &(struct outbox_channel){
                .person = (person_no)(i + 1), .page = pages[prng_below(p, N(pages))],
                .morning = luck_chance(p, 500), .evening = luck_chance(p, 500) });
}

static void week_found(struct week *k)
{
    static const uint32_t sizes[] = { 1, 2, 4, 8, 8, 16 };
    struct prng *p = &k->world.luck;
    uint32_t types[MACHINE_GPUS_MAX];
    struct ev_person limits[4];
    size_t limits_n = 0;
    k->gpus_n = sizes[prng_below(p, N(sizes))];
    k->types_n = luck_chance(p, 300) ? 2 : 1;
    k->cpus = k->gpus_n * (uint32_t)luck_between(p, 4, 16);
    k->mem_mib = (uint64_t)k->gpus_n * (uint64_t)luck_between(p, 16, 128) * 1024;
    for (uint32_t g = 0; g < k->gpus_n; g++)
        types[g] = 1 + (uint32_t)prng_below(p, k->types_n);
    for (uint32_t i = 1; i <= 3 && luck_chance(p, 400); i++)
        limits[limits_n++] = (struct ev_person){ .person = i,
            .running_max = luck_chance(p, 500) ? (uint32_t)luck_between(p, 1, 6) : 0,
            .gpus_max = luck_chance(p, 500) ? (uint32_t)luck_between(p, 1, k->gpus_n) : 0,
            .queued_max = luck_chance(p, 300) ? (uint32_t)luck_between(p, 5, 60) : 0,
            .defer = luck_chance(p, 700) };
    struct ev_settings settings = {
        .seed = k->world.options.seed,
        .policy = luck_chance(p, 500) ? POLICY_BLEND : (uint32_t)prng_below(p, POLICY_COUNT),
        .plan_depth = (uint32_t)luck_between(p, 1, 40),
        .presence_us = 30 * USEC_PER_MIN,
        .runtime_guess_us = luck_between(p, 10, 180) * USEC_PER_MIN,
        .age_us = luck_between(p, 1, 72) * USEC_PER_HOUR,
        .estimates = (uint32_t)prng_below(p, ESTIMATES_COUNT),
        .preempt = luck_chance(p, 700),
        .advantage_milli = (uint32_t)luck_between(p, 1000, 2000),
        .quantum_us = luck_between(p, 0, 20) * USEC_PER_MIN,
        .restart_us = luck_between(p, 0, 5) * USEC_PER_MIN,
        .defer = (uint32_t)prng_below(p, 3),
        .price_milli = (uint32_t)luck_between(p, 0, 800),
        .search_window = (uint32_t)luck_between(p, 1, 70),
        .search_moves = luck_chance(p, 500) ? (uint32_t)luck_between(p, 1, 10) : 0,
        .chain_milli = luck_chance(p, 300) ? (uint32_t)luck_between(p, 0, 1000) : 0,
        .fair_milli = luck_chance(p, 500) ? (uint32_t)luck_between(p, 0, 1000) : 0,
        .half_life_us = luck_chance(p, 700) ? luck_between(p, 1, 72) * USEC_PER_HOUR : 0,
        .fair_delay_milli = (uint32_t)luck_between(p, 0, 2000),
        .fair_gpu_milli = luck_chance(p, 500) ? (uint32_t)luck_between(p, 0, 1000) : 0,
        .urgent_week = (uint32_t)(k->world.options.seed % 3), /* no draw: weeks stay what they were */
        .bounded = k->world.options.seed % 4 != 0,
        .calibrate = k->world.options.seed % 5 == 0 ? 0 : 1 + (k->world.options.seed % 5 != 1),
        .canary = k->world.options.seed % 4 != 3,
        .slack = k->world.options.seed % 7 ? 2 : 0,
        .would = k->world.options.seed % 8 != 0,
        .pool = k->world.options.seed % 6 != 5,
        .odds = k->world.options.seed % 9 != 0 ? 64 + (uint32_t)(k->world.options.seed % 64) : 0,
    };
    week_people(k);
    for (size_t i = 0; i < k->world.people_n; i++)
        week_work(k, &k->world.people[i]);
    week_channels(k);
    k->world.has_tariff = k->world.options.seed % 3 != 0;
    k->world.has_cap = k->world.options.seed % 5 == 2; /* no draw: weeks without one stay what they were */
    k->settings = settings;
    world_found(&k->world, &settings, k->cpus, k->mem_mib, k->gpus_n, types, limits, limits_n);
    /* 250 submits of about two jobs of about two GPUs fill 30 to 110 % of the week */
    int64_t room_us = (int64_t)k->gpus_n * WEEK_US / 800;
    k->run_median_us = room_us * luck_between(p, 20, 70) / 100;
}

/* --- submits -------------------------------------------------------------------------------------- */

static person_no somebody(struct week *k)
{
    return (person_no)(1 + prng_below(&k->client, k->world.people_n));
}

/* One of the last jobs, live or not; 0: none yet. */
static job_id some_job(struct week *k)
{
    job_id last = k->world.invariant.last_id;
    uint64_t back = prng_below(&k->client, luck_chance(&k->client, 800) ? 12 : 200);
    return last == 0 ? 0 : back < last ? last - (job_id)back : 1;
}

static void put_needs(struct week *k, struct ev_submit *e)
{
    struct prng *p = &k->client;
    uint32_t roll = (uint32_t)prng_below(p, 100);
    e->gpus = roll < 8 ? 0 : roll < 65 ? 1 : roll < 83 ? 2 : roll < 94 ? 4 : 8;
    if (e->gpus > k->gpus_n)
        e->gpus = 1;
    if (luck_chance(p, 5))
        e->gpus = 64; /* never fits */
    if (e->gpus && luck_chance(p, 150))
        e->gpu_type = 1 + (uint32_t)prng_below(p, k->types_n);
    e->cpus = 1 + (uint32_t)prng_below(p, 4);
    if (luck_chance(p, 300))
        e->mem_mib = (uint64_t)luck_between(p, 1, (int64_t)(k->mem_mib / 2));
    if (!k->world.has_cap || k->world.invariant.last_id % 3 == 0) /* else it is left to history and full load */
        e->watts_mw = 300000 * (int64_t)e->gpus;
}

static void put_options(struct week *k, struct ev_submit *e)
{
    struct prng *p = &k->client;
    usec_t now_at = world_wall(&k->world);
    if (luck_chance(p, 60))
        e->flags |= JOB_HELD;
    if (luck_chance(p, 250))
        e->flags |= JOB_REQUEUE;
    if (luck_chance(p, 40))
        e->flags |= JOB_SINGLETON;
    if (luck_chance(p, 30))
        e->flags |= JOB_FIRST;
    if (luck_chance(p, 80))
        e->begin_at = now_at + luck_between(p, -USEC_PER_HOUR, 2 * USEC_PER_DAY);
    if (luck_chance(p, 40))
        e->deadline_at = now_at + luck_between(p, USEC_PER_HOUR, 3 * USEC_PER_DAY);
    if (luck_chance(p, 200)) {
        e->retries = (uint32_t)luck_between(p, 1, 4);
        e->backoff_us = luck_between(p, 0, 10 * USEC_PER_MIN);
    }
    if (luck_chance(p, 700))
        e->flags |= JOB_CLEAN_TREE;
    if (luck_chance(p, 100))
        e->flags |= JOB_NOW;
    if (hash_mix(k->world.options.seed, (uint64_t)now_at) % 20 == 0)
        e->flags |= JOB_URGENT;
    if (luck_chance(p, 100))
        e->flex_us = luck_between(p, 0, 12) * USEC_PER_HOUR;
    if (luck_chance(p, 100))
        e->nice = (int32_t)luck_between(p, -100, 100);
    /* No draw of its own: weeks that failed once stay the weeks they were. */
    if (hash_mix(k->world.options.seed + 1, (uint64_t)now_at) % 4 == 0)
        e->canary_us = (1 + now_at % 20) * USEC_PER_MIN;
    if (e->cpus == 4 && e->gpus == 1)
        e->reviewer = e->owner % (uint32_t)k->world.people_n + 1;
    e->account = luck_chance(&k->quota, 500) ? (uint32_t)luck_between(&k->quota, 1, 3) : 0;
}

static void put_array(struct week *k, struct ev_submit *e, struct range *ranges)
{
    struct prng *p = &k->client;
    uint32_t from = (uint32_t)prng_below(p, 10);
    if (!luck_chance(p, 120))
        return;
    ranges[0] = (struct range){ from, from + (uint32_t)prng_below(p, 10), 1 };
    e->tasks_n = 1;
    if (luck_chance(p, 300)) {
        ranges[1] = (struct range){ from + 20, from + 20 + (uint32_t)prng_below(p, 12), 3 };
        e->tasks_n = 2;
    }
    if (luck_chance(p, 500))
        e->array_max = (uint32_t)luck_between(p, 1, 4);
}

static void put_deps(struct week *k, struct ev_submit *e, struct dep *deps)
{
    struct prng *p = &k->client;
    if (!luck_chance(p, 200))
        return;
    uint32_t n = (uint32_t)luck_between(p, 1, 3), group = 0;
    for (uint32_t i = 0; i < n; i++) {
        job_id on = some_job(k);
        if (!on)
            return;
        const struct ledger_job *j = &k->world.invariant.jobs[on];
        struct dep *d = &deps[e->deps_n++];
        group += i > 0 && luck_chance(p, 600);
        *d = (struct dep){ .kind = luck_chance(p, 500) ? DEP_AFTEROK
                                                       : (uint32_t)prng_below(p, DEP_KIND_COUNT),
                           .job = on, .group = group };
        if (j->array && luck_chance(p, 600)) {
            d->job = j->array;
            d->scope = 1;
        }
        if (d->kind == DEP_AFTER && luck_chance(p, 300))
            d->delay_s = (uint32_t)luck_between(p, 1, 600);
    }
}

static void put_fate(struct week *k, struct world_op *op, struct ev_submit *e)
{
    struct prng *p = &k->client;
    op->fate = (struct fate){
        .launch_us = luck_between(p, 1000, 400000),
        .run_us = luck_lognormal(p, k->run_median_us, 1.2),
        .grace_us = luck_between(p, 10000, 20 * USEC_PER_SEC),
    };
    op->fate.run_us = usec_min(op->fate.run_us, 2 * USEC_PER_DAY);
    if (luck_chance(p, 100)) /* a test of two seconds */
        op->fate.run_us = luck_between(p, 1000, 2 * USEC_PER_SEC);
    if (luck_chance(p, 600))
        e->limit_us = op->fate.run_us / 10 * luck_between(p, 9, 40);
    if (luck_chance(p, 500)) { /* it may make way; half of those keep their work */
        e->preempt = luck_chance(p, 500) ? PREEMPT_CHECKPOINT : PREEMPT_REQUEUE;
        op->fate.resumes = e->preempt == PREEMPT_CHECKPOINT;
        op->fate.restart_us = luck_between(p, 0, 5 * USEC_PER_MIN);
    }
    if (luck_chance(p, 300)) {
        e->estimate_us = usec_max(op->fate.run_us / 10 * luck_between(p, 2, 30), 1);
        e->estimate_sd_milli = (uint32_t)luck_between(p, 0, 1000);
    }
    if (luck_chance(p, 60))
        op->fails_n = (uint32_t)luck_between(p, 1, 3);
}

static void week_submit(struct week *k)
{
    struct prng *p = &k->client;
    struct world_op *op = world_op_new(&k->world, EVENT_SUBMIT);
    struct ev_submit *e = &op->op.ev.submit;
    e->owner = somebody(k);
    e->submitter = luck_chance(p, 900) ? e->owner : somebody(k);
    e->command_key = hash_mix(e->owner, prng_below(p, 6));
    e->name_key = 1 + prng_below(p, 20);
    put_needs(k, e);
    put_options(k, e);
    put_array(k, e, op->op.ranges);
    put_deps(k, e, op->op.deps);
    put_fate(k, op, e);
    k->result->submits++;
    world_send(&k->world, op);
    if (luck_chance(p, 40)) /* an impatient client sends it twice */
        world_send(&k->world, op);
}

/* --- hands-on work -------------------------------------------------------------------------------- */

/* One of the last numbers: a job or a todo, at times an array as a whole; 0: none yet. */
static job_id some_work(struct week *k, uint32_t *ret_scope)
{
    struct prng *p = &k->hands;
    job_id last = k->world.invariant.last_id;
    uint64_t back = prng_below(p, 20);
    job_id id = last == 0 ? 0 : back < last ? last - (job_id)back : 1;
    *ret_scope = 0;
    if (id && k->world.invariant.jobs[id].known && k->world.invariant.jobs[id].array &&
        luck_chance(p, 600)) {
        *ret_scope = 1;
        return k->world.invariant.jobs[id].array;
    }
    return id;
}

static void week_todo(struct week *k)
{
    struct prng *p = &k->hands;
    struct world_op *op = world_op_new(&k->world, EVENT_TODO_ADD);
    struct ev_todo_add *e = &op->op.ev.todo_add;
    usec_t now_at = world_wall(&k->world);
    uint32_t people = (uint32_t)k->world.people_n;
    op->once = true; /* it has no key: asked again it would be another */
    e->by = 1 + (uint32_t)prng_below(p, people);
    e->who_n = luck_chance(p, 800) ? 1 : 2;
    op->op.who[0].n = 1 + (uint32_t)prng_below(p, people);
    op->op.who[1].n = op->op.who[0].n % people + 1;
    e->takes_us = luck_between(p, 1, 48) * 5 * USEC_PER_MIN;
    e->min_chunk_us = luck_chance(p, 400)
        ? e->takes_us : usec_max(e->takes_us / luck_between(p, 1, 8), 5 * USEC_PER_MIN);
    e->not_before_at = luck_chance(p, 150) ? now_at + luck_between(p, 0, 48) * USEC_PER_HOUR : 0;
    e->deadline_at = luck_chance(p, 300) ? now_at + luck_between(p, 1, 96) * USEC_PER_HOUR : 0;
    if (luck_chance(p, 100)) {
        e->at_at = now_at + luck_between(p, 0, 72) * USEC_PER_HOUR;
        e->at_day = e->at_at / USEC_PER_DAY;
    }
    while (e->deps_n < 2 && luck_chance(p, 350)) {
        struct dep *d = &op->op.deps[e->deps_n];
        *d = (struct dep){ .kind = luck_chance(p, 800) ? DEP_AFTEROK : DEP_AFTERANY, .group = e->deps_n };
        d->job = some_work(k, &d->scope);
        e->deps_n += d->job != 0;
        if (!d->job)
            break;
    }
    e->flags = e->deps_n && luck_chance(p, 300) ? TODO_REVIEW : 0;
    if (luck_chance(p, 250)) {
        op->op.before[0].job = some_work(k, &op->op.before[0].scope);
        e->before_n = op->op.before[0].job != 0;
    }
    world_send(&k->world, op);
}

/* Mostly people do what is planned when it is planned; at times they answer, move, put off. */
static void week_answer(struct week *k)
{
    static const enum event_kind kinds[] = {
        EVENT_TODO_DONE, EVENT_TODO_DONE, EVENT_TODO_DONE, EVENT_TODO_DONE, EVENT_TODO_DROP,
        EVENT_TODO_ACCEPT, EVENT_TODO_ACCEPT, EVENT_TODO_DECLINE, EVENT_TODO_SNOOZE, EVENT_TODO_MOVE,
        EVENT_TODO_MOVE, EVENT_TODO_SET,
    };
    struct prng *p = &k->hands;
    const struct invariant *v = &k->world.invariant;
    usec_t now_at = world_wall(&k->world);
    job_id id = 0;
    for (uint32_t i = 0; i < 40 && v->last_id; i++) {
        id = v->last_id - (job_id)prng_below(p, v->last_id < 150 ? v->last_id : 150);
        const struct hands_todo *t = hands_of(v, id);
        if (t && t->state == TODO_OPEN)
            break;
    }
    const struct hands_todo *t = hands_of(v, id);
    if (!t || t->state != TODO_OPEN)
        return;
    struct world_op *op = world_op_new(&k->world, kinds[prng_below(p, N(kinds))]);
    struct core_event *ev = &op->op.ev;
    uint32_t by = t->who_n ? t->who[prng_below(p, t->who_n)] : t->by;
    op->once = true;
    ev->todo_done = (struct ev_todo_done){ .todo = id, .by = by };
    if (ev->kind == EVENT_TODO_SNOOZE)
        ev->todo_snooze.until_at = now_at + luck_between(p, 1, 48) * USEC_PER_HOUR;
    if (ev->kind == EVENT_TODO_MOVE) {
        ev->todo_move.at_at = luck_chance(p, 800) ? now_at + luck_between(p, 0, 480) * 6 * USEC_PER_MIN : 0;
        ev->todo_move.at_day = ev->todo_move.at_at / USEC_PER_DAY;
    }
    if (ev->kind == EVENT_TODO_SET) {
        bool takes = luck_chance(p, 500);
        ev->todo_set = (struct ev_todo_set){ .todo = id, .field = takes ? TODO_SET_TAKES_US : TODO_SET_WHO,
            .value = takes ? luck_between(p, 1, 24) * 10 * USEC_PER_MIN
                           : 1 + (int64_t)prng_below(p, k->world.people_n) };
    }
    world_send(&k->world, op);
}

/* --- GPUs kept for somebody ------------------------------------------------------------------------ */

/* For some hours, today or tomorrow; one in five is given up again. */
static void week_reserve(struct week *k)
{
    struct prng *p = &k->reserve;
    const struct invariant *v = &k->world.invariant;
    usec_t from_at = world_wall(&k->world) + luck_between(p, -1, 24) * 30 * USEC_PER_MIN;
    bool remove = v->reservations_n && luck_chance(p, 200);
    struct world_op *op = world_op_new(&k->world, remove ? EVENT_UNRESERVE : EVENT_RESERVE);
    op->once = true;
    if (remove)
        op->op.ev.unreserve = (struct ev_unreserve){
            .reservation = v->reservations[prng_below(p, v->reservations_n)].id, .by = 1 };
    else
        op->op.ev.reserve = (struct ev_reserve){
            .reservation = v->last_reservation + 1, .person = 1 + (uint32_t)prng_below(p, k->world.people_n),
            .gpus = (uint32_t)luck_between(p, 1, k->gpus_n),
            .gpu_type = luck_chance(p, 200) ? 1 + (uint32_t)prng_below(p, k->types_n) : 0,
            .from_at = from_at, .until_at = from_at + luck_between(p, 1, 24) * 30 * USEC_PER_MIN };
    world_send(&k->world, op);
}

/* --- quotas ----------------------------------------------------------------------------------------- */

/* What one of three accounts, or somebody, may have from now on; or as much as they like again. */
static void week_quota(struct week *k)
{
    struct prng *p = &k->quota;
    bool of_person = luck_chance(p, 300);
    struct world_op *op = world_op_new(&k->world, of_person ? EVENT_PERSON : EVENT_ACCOUNT);
    uint32_t person = 1 + (uint32_t)prng_below(p, k->world.people_n), gpu_hours = (uint32_t)luck_between(p, 1, 12) * k->gpus_n;
    const struct ledger_person *who = &k->world.invariant.persons[person];
    gpu_hours = luck_chance(p, 600) ? gpu_hours : 0;
    uint32_t days = gpu_hours ? (uint32_t)luck_between(p, 1, 4) : 0;
    op->once = true;
    if (of_person)
        op->op.ev.person = (struct ev_person){ .person = person, .running_max = who->running_max,
            .gpus_max = who->gpus_max, .queued_max = who->queued_max, .defer = who->defer, .quota_hours = gpu_hours,
            .quota_days = days };
    else
        op->op.ev.account = (struct ev_account){ .account = 1 + (uint32_t)prng_below(p, 3), .quota_hours = gpu_hours,
            .gpus_max = luck_chance(p, 600) ? (uint32_t)luck_between(p, 1, k->gpus_n) : 0, .quota_days = days };
    world_send(&k->world, op);
}

/* Everybody may have what there is. */
static void lift_quotas(struct world *w)
{
    for (uint32_t i = 1; i <= 3; i++) {
        struct world_op *op = world_op_new(w, EVENT_ACCOUNT);
        op->op.ev.account = (struct ev_account){ .account = i };
        world_send(w, op);
    }
    for (uint32_t i = 1; i <= w->people_n; i++) {
        const struct ledger_person *who = &w->invariant.persons[i];
        struct world_op *op = who->quota_hours ? world_op_new(w, EVENT_PERSON) : NULL;
        if (!op)
            continue;
        op->op.ev.person = (struct ev_person){ .person = i, .running_max = who->running_max, .gpus_max = who->gpus_max,
                                               .queued_max = who->queued_max, .defer = who->defer };
        world_send(w, op);
    }
}

/* --- operators' boosts ------------------------------------------------------------------------------ */

/* Of one of the last jobs, of somebody or of an account, for up to a day; one in five is ended early, and some lack what they must
 * have, or name what is not there. */
static void week_boost(struct week *k)
{
    struct prng *p = &k->boost;
    const struct invariant *v = &k->world.invariant;
    bool remove = v->boosts_n && luck_chance(p, 200);
    struct world_op *op = world_op_new(&k->world, remove ? EVENT_UNBOOST : EVENT_BOOST);
    uint32_t kind = (uint32_t)prng_below(p, BOOST_KIND_COUNT);
    job_id job = v->last_id - (job_id)prng_below(p, v->last_id < 12 ? v->last_id + 1 : 12);
    op->once = true;
    if (remove)
        op->op.ev.unboost = (struct ev_unboost){ .boost = v->boosts[prng_below(p, v->boosts_n)].id, .by = 1 };
    else
        op->op.ev.boost = (struct ev_boost){
            .boost = v->last_boost + 1, .kind = kind, .by = luck_chance(p, 950),
            .target = kind == BOOST_PERSON ? 1 + (uint32_t)prng_below(p, k->world.people_n)
                      : kind == BOOST_ACCOUNT ? 1 + (uint32_t)prng_below(p, 3)
                      : kind == BOOST_ARRAY && job && v->jobs[job].array ? v->jobs[job].array : job,
            .until_at = world_wall(&k->world) + luck_between(p, -1, 24) * USEC_PER_HOUR,
            .reason0 = luck_chance(p, 950) ? 0x656e696c64616564 : 0 };
    world_send(&k->world, op);
}

/* --- the mode of the week --------------------------------------------------------------------------- */

/* Another is picked, by what a week of replays said: settings, and nothing else, told beside somebody's hours for a new day.
 * Or an operator writes one into eoul.yaml and has it read again, where another number may have changed, too, and everybody's
 * hours are told anew. */
static void week_mode(struct week *k)
{
    struct prng *p = &k->mode;
    bool by_hand = luck_chance(p, 300);
    struct world_op *op = world_op_new(&k->world, EVENT_SETTINGS);
    struct ev_settings *e = &op->op.ev.settings;
    *e = k->settings;
    mode_apply((enum mode)prng_below(p, MODE_COUNT), e->preempt, &e->policy, e);
    op->once = true;
    if (by_hand && luck_chance(p, 500))
        e->age_us = k->settings.age_us = luck_between(p, 1, 72) * USEC_PER_HOUR;
    for (size_t i = 0; i < (by_hand ? k->world.people_n : 1); i++)
        world_tell_hours(&k->world, (person_no)(i + 1));
    k->result->switches++;
    world_send(&k->world, op);
}

/* --- other commands ------------------------------------------------------------------------------- */

static void week_set(struct week *k, struct ev_set *e)
{
    struct prng *p = &k->client;
    usec_t now_at = world_wall(&k->world);
    e->field = (uint32_t)prng_below(p, SET_FIELD_COUNT);
    switch ((enum set_field)e->field) {
    case SET_LIMIT_US: e->value = luck_between(p, USEC_PER_MIN, USEC_PER_DAY); break;
    case SET_NICE: e->value = luck_between(p, -50, 50); break;
    case SET_BEGIN_AT: e->value = now_at + luck_between(p, -USEC_PER_HOUR, USEC_PER_DAY); break;
    case SET_DEADLINE_AT: e->value = now_at + luck_between(p, USEC_PER_HOUR, USEC_PER_DAY); break;
    case SET_ARRAY_MAX: e->value = luck_between(p, 0, 5); break;
    case SET_GPUS: e->value = luck_between(p, 0, k->gpus_n); break;
    case SET_CPUS: e->value = luck_between(p, 1, 4); break;
    case SET_MEM_MIB: e->value = luck_between(p, 0, (int64_t)(k->mem_mib / 2)); break;
    case SET_OWNER: case SET_REVIEWER: e->value = somebody(k); break;
    case SET_FIELD_COUNT: break;
    }
}

/* An ended job under its old id, attempts counted on. */
static void week_resubmit(struct week *k, job_id id)
{
    const struct ledger_job *j = &k->world.invariant.jobs[id];
    const struct store_request *r = store_request_of(&k->world.shell.store, id);
    if (!r || !job_state_is_final(j->state))
        return;
    const struct world_op *first = k->world.ops[r->op - 1];
    struct world_op *op = world_op_new(&k->world, EVENT_SUBMIT);
    op->op.ev = first->op.ev;
    op->op.key = 0;
    op->once = true;
    op->fate = first->fate;
    struct ev_submit *e = &op->op.ev.submit;
    e->job = id;
    e->attempt = j->attempt;
    e->flags &= ~(uint32_t)JOB_HELD;
    e->begin_at = e->deadline_at = 0;
    e->deps_n = 0;
    e->deps = NULL;
    e->tasks = op->op.ranges;
    if (j->array) {
        e->array = j->array;
        e->tasks_n = 1;
        op->op.ranges[0] = (struct range){ j->array_index, j->array_index, 1 };
    }
    if (e->attempt > 0)
        world_send(&k->world, op);
}

/* Only what runs says how far it is: the job itself, else the last of those before it that does. */
static void week_progress(const struct week *k, job_id id, struct ev_progress *e)
{
    const struct ledger_job *jobs = k->world.invariant.jobs;
    job_id at = id;
    while (at > 1 && jobs[at].state != JOB_RUNNING)
        at--;
    at = jobs[at].state == JOB_RUNNING ? at : id;
    *e = (struct ev_progress){ .job = at, .attempt = jobs[at].attempt, .done_ppm = 100000 * (1 + at % 9) };
}

static void week_command(struct week *k)
{
    static const enum event_kind kinds[] = {
        EVENT_CANCEL, EVENT_CANCEL, EVENT_CANCEL, EVENT_HOLD, EVENT_HOLD, EVENT_RELEASE,
        EVENT_RELEASE, EVENT_RELEASE, EVENT_FIRST, EVENT_REQUEUE, EVENT_REQUEUE, EVENT_SET,
        EVENT_SET, EVENT_SET, EVENT_GPU, EVENT_QUEUE, EVENT_PERSON, EVENT_PROGRESS, EVENT_SUBMIT,
        EVENT_SIGNAL,
    };
    struct prng *p = &k->client;
    job_id id = some_job(k);
    if (!id)
        return;
    const struct ledger_job *j = &k->world.invariant.jobs[id];
    uint32_t scope = j->array && luck_chance(p, 400);
    enum event_kind kind = kinds[prng_below(p, N(kinds))];
    k->result->ops++;
    if (kind == EVENT_SUBMIT) {
        week_resubmit(k, id);
        return;
    }
    struct world_op *op = world_op_new(&k->world, kind);
    struct core_event *ev = &op->op.ev;
    usec_t soon_at = k->world.boot_at + luck_between(p, USEC_PER_MIN, 12 * USEC_PER_HOUR);
    switch (kind) {
    case EVENT_CANCEL: ev->cancel = (struct ev_cancel){ .job = id, .scope = scope, .by = 1 }; break;
    case EVENT_HOLD: ev->hold = (struct ev_hold){ .job = id, .scope = scope, .admin = luck_chance(p, 200) }; break;
    case EVENT_RELEASE: ev->release = (struct ev_release){ .job = id, .scope = scope, .admin = luck_chance(p, 500) }; break;
    case EVENT_FIRST: ev->first = (struct ev_first){ .job = id, .scope = scope }; break;
    case EVENT_REQUEUE: ev->requeue = (struct ev_requeue){ .job = id, .scope = scope, .by = 1 }; break;
    case EVENT_SET:
        ev->set = (struct ev_set){ .job = id, .scope = scope };
        week_set(k, &ev->set);
        break;
    case EVENT_SIGNAL:
        ev->signal = (struct ev_signal){ .job = id, .scope = scope, .by = 1,
            .signal = (uint32_t)(1 + prng_below(p, SIGNAL_NUMBER_MAX)), .whom = (uint32_t)prng_below(p, SIGNAL_WHOM_COUNT) };
        break;
    case EVENT_PROGRESS: week_progress(k, id, &ev->progress); break;
    case EVENT_GPU:
        ev->gpu = (struct ev_gpu){ .gpu = (uint32_t)prng_below(p, k->gpus_n), .state = GPU_DRAINED };
        world_at(&k->world, soon_at, T_UNDRAIN, ev->gpu.gpu);
        break;
    case EVENT_QUEUE:
        ev->queue.closed = 1;
        world_at(&k->world, soon_at, T_OPEN, 0);
        break;
    case EVENT_PERSON:
        ev->person = (struct ev_person){ .person = somebody(k),
            .running_max = (uint32_t)prng_below(p, 8), .gpus_max = (uint32_t)prng_below(p, k->gpus_n + 1) };
        break;
    default: break;
    }
    world_send(&k->world, op);
}

static void undrain(struct week *k, uint32_t gpu)
{
    struct world_op *op = world_op_new(&k->world, EVENT_GPU);
    op->op.ev.gpu = (struct ev_gpu){ .gpu = gpu, .state = GPU_UP };
    world_send(&k->world, op);
}

static void open_queue(struct week *k)
{
    struct world_op *op = world_op_new(&k->world, EVENT_QUEUE);
    world_send(&k->world, op);
}

static void week_hours(struct week *k)
{
    struct prng *p = &k->client;
    person_no who = somebody(k);
    usec_t now_at = world_wall(&k->world);
    k->result->hours_changes++;
    if (luck_chance(p, 500)) {
        usec_t from_at = now_at + luck_between(p, 0, USEC_PER_DAY);
        world_away(&k->world, who, from_at, from_at + luck_between(p, 1, 72) * USEC_PER_HOUR);
    } else if (hours_parse(str_of(hours[prng_below(p, N(hours))]),
                           &k->world.people[who - 1].hours, NULL) < 0) {
        abort();
    }
    if (luck_chance(&k->hands, 300))
        week_work(k, &k->world.people[who - 1]);
    world_tell_hours(&k->world, who);
}

/* --- the timers ----------------------------------------------------------------------------------- */

static void week_timer(struct world *w, uint32_t kind, uint32_t what)
{
    struct week *k = w->user;
    if (faults_timer(&k->faults, kind, what))
        return;
    if (kind == T_SUBMIT)
        week_submit(k);
    else if (kind == T_COMMAND)
        week_command(k);
    else if (kind == T_TODO)
        week_todo(k);
    else if (kind == T_ANSWER)
        week_answer(k);
    else if (kind == T_RESERVE)
        week_reserve(k);
    else if (kind == T_BOOST)
        week_boost(k);
    else if (kind == T_QUOTA)
        week_quota(k);
    else if (kind == T_MODE)
        week_mode(k);
    else if (kind == T_HOURS)
        week_hours(k);
    else if (kind == T_UNDRAIN)
        undrain(k, what);
    else if (kind == T_OPEN)
        open_queue(k);
}

/* --- the week ------------------------------------------------------------------------------------- */

static void week_plan(struct week *k)
{
    struct prng *p = &k->client;
    struct world *w = &k->world;
    usec_t begin_at = w->boot_at;
    usec_t last_us = WEEK_US - USEC_PER_HOUR;
    uint32_t submits = WEEK_SUBMITS + (uint32_t)prng_below(p, 60);
    k->ends_boot_at = begin_at + WEEK_US;
    for (uint32_t i = 0; i < submits;) {
        usec_t at = begin_at + luck_between(p, 0, last_us);
        uint32_t burst = luck_chance(p, 200) ? (uint32_t)luck_between(p, 2, 8) : 1;
        for (uint32_t b = 0; b < burst; b++, i++) /* at times the very same moment: one turn */
            world_at(w, at + (usec_t)b * luck_between(p, 0, 2) * 500000, T_SUBMIT, 0);
    }
    for (uint32_t i = 0; i < 120; i++)
        world_at(w, begin_at + luck_between(p, 0, last_us), T_COMMAND, 0);
    for (uint32_t i = 0; i < 40; i++)
        world_at(w, begin_at + luck_between(&k->hands, 0, last_us), T_TODO, 0);
    for (uint32_t i = 0; i < 60; i++)
        world_at(w, begin_at + luck_between(&k->hands, 0, last_us), T_ANSWER, 0);
    for (uint32_t i = 0; i < 16; i++)
        world_at(w, begin_at + luck_between(&k->reserve, 0, last_us), T_RESERVE, 0);
    for (uint32_t i = 0; i < 20; i++)
        world_at(w, begin_at + luck_between(&k->boost, 0, last_us), T_BOOST, 0);
    for (uint32_t i = 0; i < 8; i++)
        world_at(w, begin_at + luck_between(&k->quota, 0, last_us), T_QUOTA, 0);
    for (uint32_t i = 0; i < 5; i++)
        world_at(w, begin_at + luck_between(p, 0, last_us), T_HOURS, 0);
    for (uint32_t i = 0; k->settings.policy == POLICY_BLEND && i < 6; i++) /* no other policy has modes */
        world_at(w, begin_at + luck_between(&k->mode, 0, last_us), T_MODE, 0);
    faults_plan(&k->faults, k->gpus_n, begin_at, last_us);
    for (uint32_t i = 0; i < 24; i++)
        world_at(w, begin_at + luck_between(&k->faults.first, 0, WEEK_US), WORLD_TIMER_LOOK, 0);
}

/* Faults stop, what people closed they open; held jobs are let go. */
static void week_calm(struct week *k)
{
    struct world *w = &k->world;
    faults_end(&k->faults);
    w->outbox.sound = true;
    world_run(w, w->boot_at + USEC_PER_DAY); /* clients that still ask get their answers */
    memset(&w->trouble, 0, sizeof(w->trouble));
    for (uint32_t g = 0; g < k->gpus_n; g++)
        undrain(k, g);
    open_queue(k);
    lift_quotas(w);
    for (job_id id = 1; id <= w->invariant.last_id; id++) {
        const struct ledger_job *j = &w->invariant.jobs[id];
        const struct hands_todo *t = hands_of(&w->invariant, id);
        if (t && t->state == TODO_OPEN) { /* what is still to do by hand, somebody does */
            struct world_op *op = world_op_new(w, EVENT_TODO_DONE);
            op->op.ev.todo_done = (struct ev_todo_done){ .todo = id, .by = t->by };
            world_send(w, op);
        }
        if (!j->known || j->state != JOB_PENDING)
            continue;
        if (j->flags & (JOB_HELD | JOB_HELD_ADMIN)) {
            struct world_op *op = world_op_new(w, EVENT_RELEASE);
            op->op.ev.release = (struct ev_release){ .job = id, .admin = 1 };
            world_send(w, op);
        }
        if (!j->begun) { /* asked for while the clock was years ahead */
            struct world_op *op = world_op_new(w, EVENT_SET);
            usec_t most_at = world_wall(w) + 3 * USEC_PER_DAY;
            op->op.ev.set = (struct ev_set){ .job = id, .field = SET_BEGIN_AT,
                                             .value = usec_min(j->begin_at, most_at) };
            world_send(w, op);
        }
    }
}

/* What is left can never run: cancelled, and then nothing is left. */
static void week_end(struct week *k)
{
    struct world *w = &k->world;
    for (job_id id = 1; id <= w->invariant.last_id; id++) {
        const struct ledger_job *j = &w->invariant.jobs[id];
        if (!j->known || job_state_is_final(j->state))
            continue;
        struct world_op *op = world_op_new(w, EVENT_CANCEL);
        op->op.ev.cancel = (struct ev_cancel){ .job = id, .by = 1 };
        world_send(w, op);
    }
    world_run(w, w->boot_at + USEC_PER_HOUR);
    if (!w->verdict.broken && w->invariant.live > 0)
        verdict_break(&w->verdict, "stuck", "%u jobs are live after everything was cancelled",
                      w->invariant.live);
}

/* The whole journal from its first row gives the same core, hash by hash. */
static void week_replay(struct week *k)
{
    struct world *w = &k->world;
    struct core_box box = { 0 }; /* the sound core, whatever wrote the journal */
    struct err err = { 0 };
    uint64_t seq = 0;
    if (w->verdict.broken)
        return;
    core_box_init(&box, &BOX_SMALL);
    if (journal_replay(&w->shell.store.journal, 0, &box, &seq, &err) < 0)
        verdict_break(&w->verdict, "replay", "row %lu of the whole journal: %s", (unsigned long)seq,
                      err.text);
    core_box_finish(&box);
}

/* A trace of a broken week ends with what the core thinks of everything that is live. */
static void trace_queue(const struct world *w)
{
    struct core_job j;
    if (!w->options.trace || !w->verdict.broken || !w->shell.up)
        return;
    for (job_id id = 0; core_job_after(w->shell.box.core, id, &j); id = j.id)
        fprintf(w->options.trace, "    job %u of %u: %s (%s), %u GPUs of type %u, %u CPUs, %lu MiB\n",
                j.id, j.owner, job_state_word(j.state), reason_word(j.reason), j.gpus, j.gpu_type,
                j.cpus, (unsigned long)j.mem_mib);
}

static void week_report(struct week *k)
{
    struct world *w = &k->world;
    trace_queue(w);
    struct week_result *r = k->result;
    r->verdict = w->verdict;
    r->wall_at = world_wall(w);
    world_clock(w, r->wall_at, r->clock);
    r->digest = world_digest(w);
    r->rows = w->shell.store.journal.rows_n;
    r->decisions = w->shell.decisions;
    r->restarts = w->shell.restarts;
    r->faults = k->faults.n;
    r->starts = w->machine.starts;
    r->lost = w->machine.lost;
    r->checks = w->invariant.checks;
    r->looks = w->looks;
    r->rows_unseen = w->rows_unseen;
    r->jobs = w->invariant.last_id;
    r->pieces = w->invariant.hands.pieces;
    r->told = w->outbox.told.told;
    r->messages = w->outbox.messages;
}

static void week_once(const struct week_options *options, uint64_t run, struct week_result *ret)
{
    struct week *k = calloc(1, sizeof(*k));
    if (!k)
        abort();
    *ret = (struct week_result){ 0 };
    k->result = ret;
    world_init(&k->world, &(struct world_options){ .seed = options->seed, .mutant = options->mutant,
                                                   .bug = options->bug, .trace = options->trace,
                                                   .double_after_boot_at = options->double_after_boot_at });
    k->world.user = k;
    k->world.on_timer = week_timer;
    k->world.shell.luck = run;
    k->world.invariant.without_core_check = options->without_core_check;
    k->world.trouble = (struct trouble){ .exit_1 = 60, .signal = 15, .oom = 10, .no_launch = 15,
                                         .lost = 15, .lingers = 60, .slow = 20 };
    prng_init(&k->client, options->seed, LUCK_CLIENT);
    faults_init(&k->faults, &k->world, options->seed);
    prng_init(&k->hands, options->seed, LUCK_HANDS);
    prng_init(&k->reserve, options->seed, LUCK_RESERVE);
    prng_init(&k->boost, options->seed, LUCK_BOOST);
    prng_init(&k->quota, options->seed, LUCK_QUOTA);
    prng_init(&k->mode, options->seed, LUCK_MODE);
    week_found(k);
    week_plan(k);
    if (world_run(&k->world, k->ends_boot_at)) {
        week_calm(k);
        world_settle(&k->world, k->ends_boot_at + WEEK_CALM_MAX_US);
    }
    if (!k->world.verdict.broken)
        invariant_settled(&k->world.invariant);
    if (!k->world.verdict.broken)
        week_end(k);
    week_replay(k);
    week_report(k);
    if (options->journal && run == 0)
        journal_export(&k->world.shell.store.journal, options->with_snapshot, options->journal);
    world_finish(&k->world);
    free(k);
}

bool week_run(const struct week_options *options, struct week_result *ret)
{
    struct week_options again = *options;
    struct week_result second;
    week_once(options, 0, ret);
    if (ret->verdict.broken || !options->twice)
        return !ret->verdict.broken;
    again.trace = NULL;
    week_once(&again, 1, &second);
    if (second.digest != ret->digest)
        verdict_break(&ret->verdict, "same-seed", "a second run of the same seed went another way");
    return !ret->verdict.broken;
}
