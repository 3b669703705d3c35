/* submit.c - see submit.h. */
#include "core/submit.h"

#include "core/canary.h"
#include "core/estimate.h"
#include "core/graph.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/power.h"
#include "core/queue.h"
#include "core/retry.h"
#include "core/setup.h"
#include "core/siblings.h"
#include "core/todo.h"
#include "core/urgent.h"

/* Tasks of a submit (1 for a plain job), or 0: wrong. */
static uint64_t tasks_of(const struct ev_submit *e)
{
    uint64_t n = 0;
    if (e->tasks_n == 0)
        return 1;
    for (uint32_t i = 0; i < e->tasks_n; i++) {
        const struct range *r = &e->tasks[i];
        if (r->step == 0 || r->from > r->until)
            return 0;
        n += (r->until - r->from) / r->step + 1;
    }
    return n;
}

/* The live job with the greatest id before this place; NULL. */
static const struct job *place_before(const struct core *c, uint32_t place)
{
    while (place-- > 0)
        if (ids_of(c)[place].slot != NONE)
            return &jobs_of(c)[ids_of(c)[place].slot];
    return NULL;
}

static bool is_one_task(const struct ev_submit *e)
{
    return e->tasks_n == 1 && e->tasks[0].until - e->tasks[0].from < e->tasks[0].step;
}

/* A further task of an array that is being submitted task by task, each with its own conditions. */
static bool joins(const struct ev_submit *e, const struct job *before)
{
    return is_one_task(e) && before && before->array_id == e->array && before->id + 1 == e->job;
}

static int check_ids(const struct core *c, const struct ev_submit *e, uint64_t tasks, struct err *err)
{
    if (e->job == 0 || e->job + tasks - 1 >= UINT32_MAX)
        return err_set(err, E_INVALID, "Job number %u cannot be used.", e->job);
    if (e->attempt == 0 && e->job <= c->last_id && !MUTANT(c, MUTANT_ID_AGAIN))
        return err_set(err, E_EXISTS, "Job number %u is not greater than %u, the last one.", e->job,
                       c->last_id);
    uint32_t place = job_place_after(c, e->job - 1);
    if (place < c->by_id_n && ids_of(c)[place].id < e->job + tasks)
        return err_set(err, E_STATE,
                       "Job %u is still in the queue; only an ended job can be queued "
                       "again.",
                       ids_of(c)[place].id);
    uint32_t todo = todo_place_after(c, e->job - 1);
    if (todo < c->todos_n && todos_of(c)[todo_ids_of(c)[todo]].id < e->job + tasks)
        return err_set(err, E_EXISTS, "Number %u is a todo's.", todos_of(c)[todo_ids_of(c)[todo]].id);
    /* Tasks of an array lie together; nothing else may come back under an id between them. */
    const struct job *before = place_before(c, place), *after = place < c->by_id_n
        ? &jobs_of(c)[ids_of(c)[place].slot] : NULL;
    if ((after && after->array_id && after->array_id <= e->job && after->array_id != e->array) ||
        (before && e->array && before->id >= e->array && before->array_id != e->array))
        return err_set(err, E_INVALID, "Job number %u lies among the tasks of another array.",
                       e->job);
    if ((e->tasks_n == 0) != (e->array == 0) || e->array > e->job ||
        (e->attempt == 0 && e->array && e->array != e->job && !joins(e, before)))
        return err_set(err, E_INVALID, "The array number %u does not go with job %u.", e->array,
                       e->job);
    return 0;
}

static int check_needs(const struct ev_submit *e, struct err *err)
{
    if (e->gpus > CORE_GPUS_MAX || e->gpu_type > TYPES_MAX)
        return err_by_rule(err, err_set(err, E_TOO_LARGE, "A job can ask for at most %d GPUs; this one asks for %u.",
                                        CORE_GPUS_MAX, e->gpus),
                           (struct err_rule){ .rule = REFUSED_GPUS, .limit = CORE_GPUS_MAX, .need = e->gpus });
    if (e->cpus < 1 || e->cpus > CPUS_MAX || e->mem_mib > MEM_MAX_MIB)
        return err_set(err, E_INVALID, "A job needs 1 to %u CPUs and at most %u MiB of memory.",
                       CPUS_MAX, MEM_MAX_MIB);
    if (e->limit_us < 0 || e->begin_at < 0 || e->deadline_at < 0 || e->backoff_us < 0 ||
        e->estimate_us < 0 || e->restart_us < 0)
        return err_set(err, E_INVALID, "Times and lengths of a job cannot be negative.");
    if (e->flags & ~(uint32_t)JOB_FLAGS_ALL || e->preempt >= PREEMPT_COUNT ||
        e->reviewer > CORE_PERSONS_MAX || e->account > ACCOUNTS_MAX)
        return err_set(err, E_INVALID, "The job's flags, preemption mode, reviewer or account are unknown.");
    return retry_check(e, err);
}

int submit_check(const struct core *c, const struct ev_submit *e, struct err *err)
{
    uint64_t tasks = tasks_of(e);
    int r;
    if (!c->settings_known)
        return err_set(err, E_STATE, "Settings must come before the first job.");
    if (tasks == 0)
        return err_set(err, E_INVALID,
                       "An array's ranges need from <= until and a step of at least 1.");
    if (tasks > CORE_ARRAY_MAX)
        return err_by_rule(err, err_set(err, E_TOO_LARGE, "An array can have at most %d tasks.", CORE_ARRAY_MAX),
                           (struct err_rule){ .rule = REFUSED_ARRAY, .limit = CORE_ARRAY_MAX, .need = (int64_t)tasks });
    if ((r = setup_check_person(e->owner, err)) < 0 || (r = setup_check_person(e->submitter, err)) < 0)
        return r;
    if ((r = check_ids(c, e, tasks, err)) < 0 || (r = check_needs(e, err)) < 0)
        return r;
    if ((r = graph_check(c, e->deps, e->deps_n, e->array, err)) < 0)
        return r;
    if ((r = power_check_submit(c, e, err)) < 0)
        return r;
    const struct person *p = &c->persons[e->owner];
    if (p->queued_max && !MUTANT(c, MUTANT_QUEUED_MAX) && p->queued + tasks > p->queued_max)
        return err_by_rule(err, err_set(err, E_LIMIT, "This person may have %u jobs waiting and has %u already.",
                                        p->queued_max, p->queued),
                           (struct err_rule){ .rule = REFUSED_WAITING, .limit = p->queued_max, .used = p->queued,
                                              .need = (int64_t)tasks });
    if (c->jobs_n + tasks > CORE_JOBS_MAX)
        return err_by_rule(err, err_set(err, E_TOO_LARGE, "The queue holds at most %d jobs.", CORE_JOBS_MAX),
                           (struct err_rule){ .rule = REFUSED_QUEUE, .limit = CORE_JOBS_MAX, .used = c->jobs_n,
                                              .need = (int64_t)tasks });
    bool per_task = e->attempt > 0 || e->tasks_n == 0;
    if (c->jobs_n + tasks > c->limits.jobs || (e->array && c->arrays_n >= c->arrays_max) ||
        c->deps_n + (per_task ? tasks : 1) * e->deps_n > c->limits.deps)
        return err_set(err, E_FULL, "The queue's memory must grow first.");
    return 0;
}

static void job_fill(struct job *j, const struct core *c, const struct ev_submit *e)
{
    j->owner = (uint16_t)e->owner;
    j->submitter = (uint16_t)e->submitter;
    j->preempt = (uint8_t)e->preempt;
    j->gpus = (uint8_t)e->gpus;
    j->gpu_type = (uint8_t)(MUTANT(c, MUTANT_GPU_TYPE) ? 0 : e->gpu_type);
    j->flags = e->flags;
    j->cpus = e->cpus;
    j->mem_mib = (uint32_t)e->mem_mib;
    j->limit_us = e->limit_us;
    j->submit_at = c->now_at;
    j->begin_at = e->begin_at;
    j->deadline_at = MUTANT(c, MUTANT_DEADLINE) ? e->deadline_at / 2 : e->deadline_at;
    j->nice = e->nice;
    j->backoff_us = e->backoff_us;
    j->attempt = e->attempt;
    j->retries_left = (uint16_t)e->retries;
    retry_set(j, e->retry_by, e->retry_by_n);
    j->command_key = e->command_key;
    j->name_key = e->name_key;
    j->restart_us = e->restart_us;
    j->estimate_us = usec_min(e->estimate_us, ESTIMATE_MAX_US);
    j->estimate_sd_milli = (uint16_t)(e->estimate_sd_milli < ESTIMATE_SD_MAX ? e->estimate_sd_milli : ESTIMATE_SD_MAX);
    j->flex_us = e->flex_us;
    j->canary_us = e->attempt ? 0 : e->canary_us; /* what comes back after its end has been tried */
    j->watts_mw = (uint32_t)e->watts_mw;
    j->reviewer = (uint16_t)e->reviewer;
    j->review_us = e->review_us;
    j->account = (uint8_t)e->account;
}

static void enter_task(struct core *c, const struct ev_submit *e, uint32_t id, uint32_t index,
                       uint32_t array, uint32_t first_seq, uint32_t singles, bool own_deps)
{
    uint32_t slot = job_add(c, id);
    struct job *j = &jobs_of(c)[slot];
    job_fill(j, c, e);
    j->array = array;
    j->array_id = e->array;
    j->array_index = index;
    j->first_seq = first_seq;
    j->singles = singles;
    if (array != NONE) {
        arrays_of(c)[array].live++;
        arrays_of(c)[array].unstarted++;
        canary_joins(c, slot);
    }
    job_timers(c, slot);
    job_close(c, j);
    if (own_deps)
        graph_add(c, slot, WAITER_JOB, e->deps, e->deps_n);
    queue_update(c, slot);
    if (e->attempt > 0) /* later ones of its name now have one more before them */
        graph_singles_shift(c, j, 1);
}

void submit_apply(struct core *c, const struct ev_submit *e)
{
    uint32_t array = e->array ? array_find(c, e->array) : NONE;
    uint32_t first_seq = e->flags & JOB_FIRST ? ++c->first_seq : 0, singles = 0, id = e->job;
    bool array_deps = e->array && e->attempt == 0 && !is_one_task(e);
    urgent_apply(c, e);
    if (e->array && array == NONE)
        array = siblings_array(c, e);
    if (e->flags & JOB_SINGLETON) {
        struct job like = { .id = e->job, .owner = (uint16_t)e->owner, .name_key = e->name_key };
        singles = graph_singles(c, &like);
    }
    if (array_deps) /* before the tasks: none of them is ever in line too early */
        graph_add(c, array, WAITER_ARRAY, e->deps, e->deps_n);
    if (e->tasks_n == 0)
        enter_task(c, e, id, 0, NONE, first_seq, singles, true);
    for (uint32_t i = 0; i < e->tasks_n; i++) {
        const struct range *r = &e->tasks[i];
        for (uint64_t index = r->from; index <= r->until; index += r->step) {
            enter_task(c, e, id++, (uint32_t)index, array, first_seq, singles, !array_deps);
            singles += e->flags & JOB_SINGLETON ? 1 : 0;
        }
    }
}
