/* story.c - a story told by the real core, and compared with what was expected. */
#include "sim/story.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "cal/civil.h"
#include "sim/world.h"

#define STORY_AFTER_US (40 * USEC_PER_DAY) /* what is not over so long after the last line never is */
#define PAST_GAP_US    (10 * USEC_PER_MIN)

enum { T_ACTION = WORLD_KINDS, T_SAMPLE, T_PAST };

struct change { /* what was committed about a job */
    job_id job;
    usec_t wall_at;
    bool start;
    uint32_t state;
    uint64_t gpus;
};

struct story_run {
    struct world world;
    const struct story *story;
    struct story_expect *expects;
    struct world_op *submits[STORY_JOBS_MAX]; /* of story.jobs */
    struct change *changes;
    size_t changes_n, changes_size;
    const struct story_options *options;
    struct story_result *result;
};

/* --- actions -------------------------------------------------------------------------------------- */

static job_id id_of(const struct story_run *t, struct story_target target)
{
    const struct world_op *op = t->submits[target.job];
    if (!op || !op->id)
        return 0;
    return op->id + (target.task ? target.index - t->story->jobs[target.job].tasks.from : 0);
}

static bool ids_known(const struct story_run *t, const struct story_job *j)
{
    for (uint32_t i = 0; i < j->deps_n; i++) {
        if (!id_of(t, (struct story_target){ .job = j->deps[i].job }))
            return false;
    }
    return true;
}

static void act_submit(struct story_run *t, uint32_t number)
{
    const struct story_job *j = &t->story->jobs[number];
    struct world_op *op = world_op_new(&t->world, EVENT_SUBMIT);
    struct ev_submit *e = &op->op.ev.submit;
    e->owner = e->submitter = j->owner;
    e->account = j->account;
    e->command_key = j->command_key;
    e->name_key = j->command_key;
    e->flags = j->flags;
    e->gpus = j->gpus;
    e->cpus = j->cpus;
    e->mem_mib = j->mem_mib;
    e->limit_us = j->limit_us;
    e->begin_at = j->begin_at;
    e->deadline_at = j->deadline_at;
    e->nice = j->nice;
    e->reviewer = j->reviewer;
    e->retries = j->retries;
    e->backoff_us = j->backoff_us;
    e->array_max = j->array_max;
    op->op.ranges[0] = j->tasks;
    e->tasks_n = j->tasks.step ? 1 : 0;
    for (uint32_t i = 0; i < j->deps_n; i++) {
        struct story_target on = { .job = j->deps[i].job };
        op->op.deps[i] = (struct dep){ .kind = j->deps[i].kind, .scope = j->deps[i].whole,
                                       .job = id_of(t, on) + j->deps[i].index, .group = i };
    }
    e->deps_n = j->deps_n;
    op->sound = true;
    op->fate = (struct fate){ .launch_us = 50000, .run_us = j->run_us, .grace_us = USEC_PER_SEC };
    op->fails_n = j->fails_n;
    op->dies_n = j->dies_n;
    op->no_launch_n = j->no_launch_n;
    t->submits[number] = op;
    world_send(&t->world, op);
}

static void act_on_job(struct story_run *t, const struct story_action *a)
{
    static const enum event_kind kinds[] = {
        [ACT_CANCEL] = EVENT_CANCEL, [ACT_HOLD] = EVENT_HOLD, [ACT_RELEASE] = EVENT_RELEASE,
        [ACT_REQUEUE] = EVENT_REQUEUE, [ACT_FIRST] = EVENT_FIRST, [ACT_SET] = EVENT_SET,
    };
    struct world_op *op = world_op_new(&t->world, kinds[a->act]);
    struct core_event *ev = &op->op.ev;
    job_id id = id_of(t, a->target);
    uint32_t scope = !a->target.task && t->story->jobs[a->target.job].tasks.step;
    person_no by = t->story->jobs[a->target.job].owner;
    if (a->act == ACT_CANCEL)
        ev->cancel = (struct ev_cancel){ .job = id, .scope = scope, .by = by };
    else if (a->act == ACT_HOLD)
        ev->hold = (struct ev_hold){ .job = id, .scope = scope };
    else if (a->act == ACT_RELEASE)
        ev->release = (struct ev_release){ .job = id, .scope = scope };
    else if (a->act == ACT_REQUEUE)
        ev->requeue = (struct ev_requeue){ .job = id, .scope = scope, .by = by };
    else if (a->act == ACT_FIRST)
        ev->first = (struct ev_first){ .job = id, .scope = scope };
    else
        ev->set = (struct ev_set){ .job = id, .scope = scope, .field = a->field, .value = a->value };
    world_send(&t->world, op);
}

static void act_on_machine(struct story_run *t, const struct story_action *a)
{
    struct world *w = &t->world;
    struct world_op *op;
    struct core_job job;
    switch (a->act) {
    case ACT_DRAIN_GPU:
    case ACT_UNDRAIN_GPU:
        op = world_op_new(w, EVENT_GPU);
        op->op.ev.gpu = (struct ev_gpu){ .gpu = a->gpu,
                                         .state = a->act == ACT_DRAIN_GPU ? GPU_DRAINED : GPU_UP };
        world_send(w, op);
        break;
    case ACT_DRAIN_QUEUE:
    case ACT_UNDRAIN_QUEUE:
        op = world_op_new(w, EVENT_QUEUE);
        op->op.ev.queue.closed = a->act == ACT_DRAIN_QUEUE;
        world_send(w, op);
        break;
    case ACT_GPU_TAKEN:
    case ACT_GPU_FREE:
        machine_foreign(&w->machine, a->gpu, a->act == ACT_GPU_TAKEN);
        break;
    case ACT_SUPERVISOR:
        if (w->shell.up && core_job_get(w->shell.box.core, id_of(t, a->target), &job))
            machine_kill_supervisor(&w->machine, job.id, job.attempt);
        break;
    case ACT_POWER:
        world_power(w);
        break;
    case ACT_DAEMON_DIES:
        world_kill(w);
        break;
    case ACT_CRASH:
        w->shell.crash = (enum crash_point)a->crash;
        break;
    case ACT_DISK_FULL:
        w->shell.disk_full = true;
        break;
    case ACT_ACCOUNT:
        op = world_op_new(w, EVENT_ACCOUNT);
        op->op.ev.account = a->account;
        world_send(w, op);
        break;
    default:
        break;
    }
}

static void act(struct story_run *t, const struct story_action *a)
{
    if (a->act == ACT_SUBMIT && !ids_known(t, &t->story->jobs[a->target.job])) {
        /* of the same moment as what it waits for: its id is known a turn later */
        world_at(&t->world, t->world.boot_at + USEC_PER_MSEC, T_ACTION, (uint32_t)(a - t->story->actions));
    } else if (a->act == ACT_SUBMIT) {
        act_submit(t, a->target.job);
    } else if (a->act <= ACT_SET) {
        act_on_job(t, a);
    } else if (a->act == ACT_AWAY) {
        world_away(&t->world, a->person, a->wall_at, a->until_at);
        world_tell_hours(&t->world, a->person);
    } else if (a->act == ACT_WORKS) {
        if (hours_parse(str_of(a->hours), &t->world.people[a->person - 1].hours, NULL) == 0)
            world_tell_hours(&t->world, a->person);
    } else {
        act_on_machine(t, a);
    }
}

/* --- watching ------------------------------------------------------------------------------------- */

static void sample(struct story_run *t, struct story_expect *e)
{
    struct core_job job;
    job_id id = id_of(t, e->target);
    e->seen = false;
    if (!t->world.shell.up || !id)
        return;
    e->seen = true;
    if (core_job_get(t->world.shell.box.core, id, &job)) {
        e->seen_state = job.state;
        e->seen_reason = job.reason;
        return;
    }
    for (size_t i = 0; i < t->changes_n; i++) {
        if (t->changes[i].job == id && !t->changes[i].start)
            e->seen_state = t->changes[i].state;
    }
}

static void past_run(struct story_run *t, uint32_t i)
{
    struct world_op *op = world_op_new(&t->world, EVENT_SUBMIT);
    struct ev_submit *e = &op->op.ev.submit;
    e->owner = e->submitter = t->story->past[i].owner;
    e->command_key = e->name_key = t->story->past[i].command_key;
    e->gpus = t->story->past[i].gpus;
    e->cpus = 1;
    op->sound = true;
    op->fate = (struct fate){ .run_us = t->story->past[i].run_us };
    world_send(&t->world, op);
}

static void on_timer(struct world *w, uint32_t kind, uint32_t what)
{
    struct story_run *t = w->user;
    if (kind == T_ACTION)
        act(t, &t->story->actions[what]);
    else if (kind == T_SAMPLE)
        sample(t, &t->expects[what]);
    else
        past_run(t, what);
}

static void on_commit(struct world *w, const struct core_event *ev, const struct core_update *updates,
                      uint32_t n)
{
    struct story_run *t = w->user;
    for (uint32_t i = 0; i < n; i++) {
        const struct core_update *u = &updates[i];
        if (u->kind != UPDATE_STATE && u->kind != UPDATE_START)
            continue;
        t->changes = sim_grow(t->changes, &t->changes_size, t->changes_n + 1, sizeof(*t->changes));
        t->changes[t->changes_n++] = (struct change){
            .job = u->job, .wall_at = ev->wall_at, .start = u->kind == UPDATE_START,
            .state = u->to, .gpus = u->gpus };
    }
}

/* --- comparing ------------------------------------------------------------------------------------ */

static void __attribute__((format(printf, 3, 4)))
not_told(struct story_run *t, const struct story_expect *e, const char *format, ...)
{
    char what[300];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    t->result->failed++;
    char name[STORY_NAME_MAX + 16];
    const struct story_job *j = &t->story->jobs[e->target.job];
    if (e->target.task)
        snprintf(name, sizeof(name), "%s_%u", j->name, e->target.index);
    else
        snprintf(name, sizeof(name), "%s", j->name);
    char line[sizeof(t->result->first)];
    snprintf(line, sizeof(line), "line %u: %s %s", e->line, name, what);
    if (t->result->failed == 1)
        memcpy(t->result->first, line, sizeof(line));
    fprintf(t->options->out ? t->options->out : stderr, "%s: %s\n", t->story->title, line);
}

static bool in_grain(const struct story_expect *e, usec_t at)
{
    return at >= e->wall_at && at < e->wall_at + e->grain_us;
}

/* The change that fits, else the nearest of its kind for the sentence. */
static const struct change *nearest(const struct story_run *t, const struct story_expect *e, bool start)
{
    const struct change *best = NULL;
    job_id id = id_of(t, e->target);
    for (size_t i = 0; i < t->changes_n; i++) {
        const struct change *c = &t->changes[i];
        if (c->job != id || c->start != start || (!start && !job_state_is_final(c->state)))
            continue;
        if (!best || llabs(c->wall_at - e->wall_at) < llabs(best->wall_at - e->wall_at))
            best = c;
    }
    return best;
}

static void compare_change(struct story_run *t, const struct story_expect *e)
{
    char wanted[32], got[32];
    bool start = e->kind == EXPECT_START;
    const struct change *c = nearest(t, e, start);
    const char *verb = start ? "start" : "end";
    world_clock(&t->world, e->wall_at, wanted);
    if (!c) {
        not_told(t, e, "should %s at %s and never does", verb, wanted);
        return;
    }
    world_clock(&t->world, c->wall_at, got);
    if (!in_grain(e, c->wall_at))
        not_told(t, e, "should %s at %s; it does at %s", verb, wanted, got);
    else if (start && e->on_gpu && !(c->gpus >> e->gpu & 1))
        not_told(t, e, "should start on GPU %u; it has %#" PRIx64, e->gpu, c->gpus);
    else if (!start && c->state != e->state)
        not_told(t, e, "should end as %s; it is %s", job_state_word((enum job_state)e->state),
                 job_state_word((enum job_state)c->state));
}

static void compare_sample(struct story_run *t, const struct story_expect *e)
{
    if (!e->seen)
        not_told(t, e, "is not known at that time");
    else if (e->kind == EXPECT_WAITS && e->seen_state != JOB_PENDING)
        not_told(t, e, "should wait for %s; it is %s", reason_word((enum reason)e->reason),
                 job_state_word((enum job_state)e->seen_state));
    else if (e->kind == EXPECT_WAITS && e->seen_reason != e->reason)
        not_told(t, e, "should wait for %s; it waits for %s", reason_word((enum reason)e->reason),
                 reason_word((enum reason)e->seen_reason));
    else if (e->kind == EXPECT_IS && e->seen_state != e->state)
        not_told(t, e, "should be %s; it is %s", job_state_word((enum job_state)e->state),
                 job_state_word((enum job_state)e->seen_state));
}

static void compare_finally(struct story_run *t, const struct story_expect *e)
{
    job_id id = id_of(t, e->target);
    uint32_t state = JOB_PENDING, starts = 0;
    for (size_t i = 0; i < t->changes_n; i++) {
        if (t->changes[i].job != id)
            continue;
        if (t->changes[i].start)
            starts++;
        else
            state = t->changes[i].state;
    }
    if (!id)
        not_told(t, e, "was never taken");
    else if (state != e->state)
        not_told(t, e, "should be %s in the end; it is %s", job_state_word((enum job_state)e->state),
                 job_state_word((enum job_state)state));
    else if (e->attempts_given && starts != e->attempts)
        not_told(t, e, "should have %u attempts; it had %u", e->attempts, starts);
}

/* When its owner can look: by their windows as they are at the end of the story. */
static void compare_seen(struct story_run *t, const struct story_expect *e)
{
    char wanted[32], got[32];
    const struct change *c = nearest(t, e, false);
    if (!c) {
        not_told(t, e, "never ends");
        return;
    }
    const struct story_job *j = &t->story->jobs[e->target.job];
    usec_t eyes_at = core_eyes_at(t->world.shell.box.core, j->reviewer ? j->reviewer : j->owner,
                                  c->wall_at);
    world_clock(&t->world, e->wall_at, wanted);
    world_clock(&t->world, eyes_at, got);
    if (!in_grain(e, eyes_at))
        not_told(t, e, "should be seen at %s; it is at %s", wanted, got);
}

static void compare(struct story_run *t)
{
    for (uint32_t i = 0; i < t->story->expects_n; i++) {
        const struct story_expect *e = &t->expects[i];
        t->result->expects++;
        if (e->kind == EXPECT_START || e->kind == EXPECT_END)
            compare_change(t, e);
        else if (e->kind == EXPECT_FINALLY)
            compare_finally(t, e);
        else if (e->kind == EXPECT_SEEN)
            compare_seen(t, e);
        else
            compare_sample(t, e);
    }
}

/* --- telling -------------------------------------------------------------------------------------- */

static usec_t past_us(const struct story *s)
{
    usec_t sum = 0;
    for (uint32_t i = 0; i < s->past_n; i++)
        sum += (usec_t)s->past[i].times * (s->past[i].run_us + PAST_GAP_US);
    return (sum / USEC_PER_DAY + 1) * USEC_PER_DAY;
}

static usec_t story_begin(const struct story *s)
{
    return zone_edge_utc_s(&s->people[0].zone, s->first_day * CIVIL_DAY_S) * USEC_PER_SEC;
}

static void found(struct story_run *t)
{
    const struct story *s = t->story;
    struct ev_person limits[STORY_PEOPLE_MAX];
    for (uint32_t i = 0; i < s->people_n; i++) {
        const struct story_person *p = &s->people[i];
        world_person_add(&t->world, p->name, &p->zone, str_of(p->hours));
        limits[i] = (struct ev_person){ .person = i + 1, .running_max = p->running_max,
                                        .gpus_max = p->gpus_max, .queued_max = p->queued_max };
    }
    struct ev_settings settings = {
        .seed = 1, .policy = s->policy, .plan_depth = 64, .presence_us = 30 * USEC_PER_MIN,
        .runtime_guess_us = s->guess_us, .age_us = s->age_us };
    world_found(&t->world, &settings, s->cpus ? s->cpus : 64, s->mem_mib ? s->mem_mib : 256 * 1024,
                s->gpus, NULL, limits, s->people_n);
}

static void plan_timers(struct story_run *t)
{
    const struct story *s = t->story;
    struct world *w = &t->world;
    usec_t to_boot = w->boot_at - world_wall(w), at = w->boot_at;
    for (uint32_t i = 0; i < s->past_n; i++) {
        for (uint32_t k = 0; k < s->past[i].times; k++) {
            world_at(w, at, T_PAST, i);
            at += s->past[i].run_us + PAST_GAP_US;
        }
    }
    for (uint32_t i = 0; i < s->actions_n; i++)
        world_at(w, s->actions[i].wall_at + to_boot, T_ACTION, i);
    for (uint32_t i = 0; i < s->expects_n; i++) {
        const struct story_expect *e = &t->expects[i];
        if (e->kind == EXPECT_WAITS || e->kind == EXPECT_IS) /* inside its minute, after what begins it */
            world_at(w, e->wall_at + to_boot + e->grain_us - 1, T_SAMPLE, i);
    }
}

int story_run_text(const char *name, struct str text, const struct story_options *options,
                   struct story_result *ret, struct err *err)
{
    struct story *s = calloc(1, sizeof(*s));
    struct story_run *t = calloc(1, sizeof(*t));
    int r = 0;
    *ret = (struct story_result){ 0 };
    if (!s || !t)
        r = err_set(err, E_NO_MEMORY, "There is not enough memory for this story.");
    if (r == 0)
        r = story_parse(text, s, err);
    if (r < 0) {
        free(s);
        free(t);
        return r;
    }
    if (!s->title[0])
        snprintf(s->title, sizeof(s->title), "%s", name);
    t->story = s;
    t->expects = s->expects;
    t->options = options;
    t->result = ret;
    world_init(&t->world, &(struct world_options){ .seed = 1, .trace = options->trace,
        .mutant = options->mutant, .wall_at = story_begin(s) - past_us(s) });
    t->world.user = t;
    t->world.on_timer = on_timer;
    t->world.on_commit = on_commit;
    found(t);
    plan_timers(t);
    usec_t last_at = s->last_at + t->world.boot_at - world_wall(&t->world);
    if (world_run(&t->world, last_at + USEC_PER_MIN))
        world_settle(&t->world, last_at + STORY_AFTER_US);
    if (t->world.verdict.broken) {
        ret->failed++;
        snprintf(ret->first, sizeof(ret->first), "%s: %s", t->world.verdict.rule,
                 t->world.verdict.text);
        fprintf(options->out ? options->out : stderr, "%s: %s\n", s->title, ret->first);
    } else {
        compare(t);
    }
    world_finish(&t->world);
    free(t->changes);
    free(t);
    story_finish(s);
    free(s);
    return 0;
}

int story_run_file(const char *path, const struct story_options *options, struct story_result *ret,
                   struct err *err)
{
    struct buf text;
    buf_init(&text, STORY_BYTES_MAX);
    *ret = (struct story_result){ 0 };
    int r = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        r = err_set(err, E_NOT_FOUND, "The story \"%s\" cannot be opened: %m.", path);
    if (r == 0 && (r = io_read_to_end(fd, &text)) < 0)
        err_set(err, r, "The story \"%s\" cannot be read: %s.", path, err_word(r));
    if (r == 0)
        r = story_run_text(path, buf_look(&text), options, ret, err);
    io_close(&fd);
    buf_finish(&text);
    return r;
}
