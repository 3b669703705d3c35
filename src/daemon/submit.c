/* submit.c - OP_SUBMIT: the text of a request becomes rows and an event.
 *
 * All items of a call are taken or none: more than one are one part of the turn that can be taken
 * back (state_mark).  A key that is known gives the ids of its first use and adds nothing.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "cal/when.h"
#include "daemon/internal.h"
#include "spec/spec.h"

#define CANARY_US_DEFAULT (10 * USEC_PER_MIN) /* as --canary without a length */
#define BACKOFF_US_DEFAULT (30 * USEC_PER_SEC) /* before the first retry, if nobody says */
#define RANGES_MAX         (1u << 20)

struct who { /* the persons of one call */
    person_no owner, submitter;
};

/* --- from the spec to the event ------------------------------------------------------------------ */

static const struct zone *zone_of(struct daemon *d, person_no no)
{
    struct person p;
    return people_get(d->people, no, &p) && p.zone ? p.zone : people_system_zone(d->people);
}

static int instant(struct daemon *d, struct str text, person_no owner, usec_t *ret_at,
                   struct err *err)
{
    struct when when;
    *ret_at = 0;
    if (text.len == 0)
        return 0;
    int code = when_parse(text, zone_of(d, owner), d->now.wall_at, &when, err);
    if (code == 0)
        *ret_at = when.at;
    return code;
}

static int times(struct daemon *d, const struct spec *spec, person_no owner, struct ev_submit *ev,
                 struct err *err)
{
    int code = spec_begin(spec, d->now.wall_at, &ev->begin_at, err);
    if (code == E_UNSUPPORTED)
        code = instant(d, spec->begin, owner, &ev->begin_at, err);
    if (code == 0)
        code = instant(d, spec->deadline, owner, &ev->deadline_at, err);
    if (code == 0 && ev->deadline_at && ev->deadline_at <= d->now.wall_at)
        code = err_set(err, E_INVALID, "The deadline \"%.*s\" is already over.",
                       STR_ARG(spec->deadline));
    ev->limit_us = spec->time_us == USEC_NEVER ? 0 : spec->time_us;
    return code;
}

static int needs(struct daemon *d, const struct spec_need *need, struct ev_submit *ev, struct err *err)
{
    /* Exclusive: every GPU that can be used now; a drained one must not keep it waiting for ever. */
    ev->gpus = need->all_gpus ? core_count(d->core).gpus_up : need->gpus;
    if (ev->gpus < need->gpus)
        ev->gpus = need->gpus;
    ev->cpus = need->all_cpus ? d->cpus : need->cpus;
    ev->mem_mib = need->all_mem ? d->mem_mib : need->mem_mib;
    if (need->gpu_type.len == 0)
        return 0;
    ev->gpu_type = gpus_type_named(d, need->gpu_type);
    if (ev->gpu_type)
        return 0;
    return err_set(err, E_INVALID, "This machine has no GPU called \"%.*s\"; `eoul gpus` lists what it has.",
                   STR_ARG(need->gpu_type));
}

uint32_t submit_flags(const struct spec *spec)
{
    uint32_t f = 0;
    f |= spec->hold ? JOB_HELD : 0;
    f |= spec->requeue == SPEC_REQUEUE_YES ? JOB_REQUEUE : 0;
    f |= spec->now ? JOB_NOW : 0;
    f |= spec->urgent ? JOB_URGENT : 0;
    f |= spec->code_clean || spec->snapshot ? JOB_CLEAN_TREE : 0;
    for (uint32_t i = 0; i < spec->deps.n; i++)
        f |= spec->deps.dep[i].kind == SPEC_SINGLETON ? JOB_SINGLETON : 0;
    return f;
}

static int people_in(struct daemon *d, const struct spec *spec, struct ev_submit *ev, struct err *err)
{
    struct str name = spec->review.person.len ? spec->review.person : spec->reviewer;
    ev->review_us = spec->review.length_us;
    if (name.len == 0)
        return 0;
    ev->reviewer = people_find_name(d->people, name);
    return ev->reviewer ? 0 : err_set(err, E_NOT_FOUND, "Nobody here is called \"%.*s\".",
                                      STR_ARG(name));
}

static const uint32_t preempt_of[] = { [SPEC_PREEMPT_DEFAULT] = PREEMPT_NEVER,
                                       [SPEC_PREEMPT_NEVER] = PREEMPT_NEVER,
                                       [SPEC_PREEMPT_REQUEUE] = PREEMPT_REQUEUE,
                                       [SPEC_PREEMPT_CHECKPOINT] = PREEMPT_CHECKPOINT };

_Static_assert(SPEC_RETRY_RULES_MAX <= RETRY_RULES_MAX, "every rule has its place");

static void retry_rules(const struct spec *spec, struct ev_submit *ev, struct retry rules[])
{
    static const uint32_t causes[][2] = { /* any, this one */
        [SPEC_RETRY_EXIT] = { RETRY_EXIT, RETRY_CODE }, [SPEC_RETRY_SIGNAL] = { RETRY_SIGNAL, RETRY_SIGNO },
        [SPEC_RETRY_OOM] = { RETRY_OOM, RETRY_OOM }, [SPEC_RETRY_NODE] = { RETRY_NODE, RETRY_NODE },
        [SPEC_RETRY_TIME] = { RETRY_TIME, RETRY_TIME }, [SPEC_RETRY_LAUNCH] = { RETRY_LAUNCH, RETRY_LAUNCH },
    };
    for (uint32_t i = 0; i < spec->retry.rules_n; i++) {
        const struct spec_retry_rule *r = &spec->retry.rule[i];
        rules[i] = (struct retry){ .cause = causes[r->cause][r->code != 0], .code = r->code, .n = r->n };
    }
    bool any = spec->retry.n || spec->retry.rules_n;
    ev->retry_by = rules;
    ev->retry_by_n = spec->retry.rules_n;
    ev->retries = spec->retry.n;
    ev->backoff_us = any && !spec->retry.backoff_us ? BACKOFF_US_DEFAULT : spec->retry.backoff_us;
}

/* Whoever agreed to later starts has what never succeeded tried before it may be moved into the night, where its submit says
 * that it may be run twice.  Who said nothing of the kind must ask: a script may find its own leavings. */
static usec_t canary_of(struct daemon *d, const struct spec *spec, const struct ev_submit *ev)
{
    struct person p;
    bool may_be_moved = ev->flags & JOB_CLEAN_TREE && !(ev->flags & (JOB_NOW | JOB_URGENT)) && ev->preempt == PREEMPT_NEVER;
    if (spec->canary_us || !may_be_moved || !(ev->flags & JOB_REQUEUE) ||
        core_succeeded(d->core, (person_no)ev->owner, ev->command_key, ev->gpus) ||
        !people_get(d->people, (person_no)ev->owner, &p) || !p.defer)
        return spec->canary_us;
    return CANARY_US_DEFAULT;
}

int submit_fill(struct daemon *d, const struct spec *spec, person_no owner, person_no submitter,
                struct ev_submit *ev, struct retry rules[RETRY_RULES_MAX], struct err *err)
{
    struct spec_need need;
    int code = spec_check(spec, &need, err);
    if (code == 0)
        code = needs(d, &need, ev, err);
    if (code == 0)
        code = times(d, spec, owner, ev, err);
    if (code == 0)
        code = people_in(d, spec, ev, err);
    if (code == 0)
        code = accounts_of_submit(d, spec->account, owner, &ev->account, err);
    ev->job = (core_last_id(d->core) > d->id_floor ? core_last_id(d->core) : d->id_floor) + 1;
    ev->owner = owner;
    ev->submitter = submitter;
    ev->command_key = spec_command_key(spec);
    ev->name_key = spec_name_key(spec);
    ev->flags = submit_flags(spec);
    ev->nice = spec->nice;
    retry_rules(spec, ev, rules);
    ev->hold_after = spec->array.range_n ? spec->hold_after : 0;
    ev->array = spec->array.range_n ? ev->job : 0;
    ev->array_max = spec->array.max;
    ev->preempt = preempt_of[spec->preempt];
    ev->flex_us = spec->flex_us;
    ev->canary_us = canary_of(d, spec, ev);
    ev->watts_mw = (int64_t)spec->watts * 1000;
    return code;
}

/* --- writing it ----------------------------------------------------------------------------------- */

static void print_ranges(struct buf *out, const struct spec_array *array)
{
    for (uint32_t i = 0; i < array->range_n; i++) {
        const struct spec_range *r = &array->range[i];
        if (i)
            buf_char(out, ',');
        buf_u64(out, r->from);
        if (r->until != r->from) {
            buf_char(out, '-');
            buf_u64(out, r->until);
        }
        if (r->step > 1) {
            buf_char(out, ':');
            buf_u64(out, r->step);
        }
    }
}

static int store_rows(struct daemon *d, const struct op *op, const struct op_item *item,
                      const struct spec *spec, const struct ev_submit *ev, uint32_t call,
                      struct str env, struct err *err)
{
    struct buf ranges;
    buf_init(&ranges, RANGES_MAX);
    print_ranges(&ranges, &spec->array);
    struct store_request r = {
        .id = ev->job, .tasks = item->ret_tasks, .array = ev->array != 0, .call = call,
        .uid = op->peer.uid, .gid = op->peer.gid, .owner = ev->owner, .submitter = ev->submitter,
        .submit_at = d->now.wall_at, .name = spec_name(spec), .ranges = buf_look(&ranges),
        .spec = item->spec,
    };
    int code = ranges.failed;
    if (code == 0 && env.len)
        code = store_env_put(d->store, env, &r.env);
    if (code == 0)
        code = store_request_add(d->store, &r);
    if (code == 0)
        code = index_add(&d->index, &r, r.tasks, 0);
    buf_finish(&ranges);
    if (code < 0)
        d->broken = err_set(err, code, "The request could not be written down.");
    return code;
}

/* aftercorr: task i waits for task i of another array.  The core knows no such thing, and need not:
 * each task is then an event of its own, joined to the array by its id. */
static int submit_tasks(struct daemon *d, struct core_event *ev, const struct spec *spec,
                        struct dep *deps, uint32_t deps_n, const uint32_t corr[], uint32_t corr_n,
                        struct err *err)
{
    uint32_t first = ev->submit.job;
    for (uint32_t i = 0; i < spec->array.tasks; i++) {
        uint32_t index = spec_array_index(&spec->array, i);
        const struct range one = { index, index, 1 };
        struct dep mine[SPEC_DEPS_MAX];
        memcpy(mine, deps, deps_n * sizeof *deps);
        for (uint32_t k = 0; k < corr_n; k++) {
            int code = deps_corresponding(d, &mine[corr[k]], index, err);
            if (code < 0)
                return code;
        }
        ev->submit.job = first + i;
        ev->submit.tasks = &one;
        ev->submit.tasks_n = 1;
        ev->submit.deps = mine;
        int code = daemon_event(d, ev, err);
        if (code < 0)
            return code;
    }
    return 0;
}

static bool asks_review(const struct spec *spec)
{
    return spec->review.person.len && spec->review.length_us > 0;
}

/* --review kim:20m: a todo that follows it. */
static int review(struct daemon *d, const struct spec *spec, const struct who *who,
                  struct op_item *item, struct err *err)
{
    person_no reviewer = people_find_name(d->people, spec->review.person);
    char memory[TODO_TITLE_MAX + 1];
    struct buf name;
    buf_init_fixed(&name, memory, sizeof memory);
    buf_str(&name, str_slice(spec_name(spec), 0, TODO_TITLE_MAX));
    return todos_review(d, item->ret_id, spec->array.range_n != 0, name.ptr ? name.ptr : "",
                        who->submitter, reviewer, spec->review.length_us, &item->ret_review, err);
}

static int submit_spec(struct daemon *d, const struct op *op, struct op_item *item,
                       struct spec *spec, const struct who *who, uint32_t call, struct str env,
                       struct err *err)
{
    struct core_event ev = { .kind = EVENT_SUBMIT };
    struct dep deps[SPEC_DEPS_MAX];
    struct retry rules[RETRY_RULES_MAX];
    uint32_t corr[SPEC_DEPS_MAX];
    uint32_t deps_n = 0;
    uint32_t corr_n = 0;
    int code = submit_fill(d, spec, who->owner, who->submitter, &ev.submit, rules, err);
    item->ret_gpus = ev.submit.gpus;
    if (code == 0)
        code = deps_resolve(d, spec, deps, &deps_n, corr, &corr_n, err);
    if (code < 0)
        return code;
    struct range *ranges = spec_alloc(spec, (spec->array.range_n + 1) * sizeof *ranges);
    if (!ranges)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for this request.");
    for (uint32_t i = 0; i < spec->array.range_n; i++)
        ranges[i] = (struct range){ spec->array.range[i].from, spec->array.range[i].until,
                                    spec->array.range[i].step };
    ev.submit.tasks = ranges;
    ev.submit.tasks_n = spec->array.range_n;
    ev.submit.deps = deps;
    ev.submit.deps_n = deps_n;
    if (d->system)
        code = roles_check_ticket(op, spec, env, spec->array.range_n ? spec->array.tasks : 1, err);
    if (code < 0)
        return code;
    item->ret_id = ev.submit.job;
    item->ret_tasks = spec->array.range_n ? spec->array.tasks : 1;
    uint32_t first = call ? call : item->ret_id;
    if ((corr_n || asks_review(spec)) && !d->marked_block)
        code = state_mark(d, err);
    if (code == 0)
        code = state_check(d, &ev, err); /* the last thing that may refuse, but for aftercorr */
    if (code == 0)
        code = store_rows(d, op, item, spec, &ev.submit, first, env, err);
    if (code < 0)
        return code;
    code = corr_n ? submit_tasks(d, &ev, spec, deps, deps_n, corr, corr_n, err)
                  : daemon_event(d, &ev, err);
    return code == 0 && asks_review(spec) ? review(d, spec, who, item, err) : code;
}

static int submit_item(struct daemon *d, const struct op *op, uint32_t i, const struct who *who,
                       uint32_t call, struct str env, struct err *err)
{
    struct spec spec;
    struct op_item *item = &op->submit.items[i];
    spec_init(&spec);
    int code = spec_parse(&spec, item->spec, err);
    if (code == E_CORRUPT) /* damaged on disk it would be that; from a client it is just wrong */
        code = err->code = E_INVALID;
    if (code == 0)
        code = submit_spec(d, op, item, &spec, who, call, env, err);
    spec_finish(&spec);
    return code;
}

/* --- keys ------------------------------------------------------------------------------------------ */

static uint64_t digest(const struct op *op)
{
    uint64_t h = op->submit.items_n;
    for (uint32_t i = 0; i < op->submit.items_n; i++)
        h = hash_bytes(h, op->submit.items[i].spec.ptr, op->submit.items[i].spec.len);
    return h;
}

struct again {
    struct op *op;
    uint32_t n;
};

static int again_item(uint32_t id, uint32_t tasks, void *data)
{
    struct again *a = data;
    if (a->n < a->op->submit.items_n) {
        a->op->submit.items[a->n].ret_id = id;
        a->op->submit.items[a->n].ret_tasks = tasks;
    }
    a->n++;
    return 0;
}

/* 1: this key is known and the op answered; 0: it is new. */
static int known_key(struct daemon *d, struct op *op)
{
    uint32_t call = 0;
    uint64_t was = 0;
    if (op->submit.key.len == 0)
        return 0;
    if (op->submit.key.len > OP_KEY_MAX)
        return err_set(&op->err, E_TOO_LARGE, "A submit key has at most %u bytes.", OP_KEY_MAX);
    int code = store_key_get(d->store, op->peer.uid, op->submit.key, &call, &was);
    if (code == E_NOT_FOUND)
        return 0;
    if (code < 0)
        return err_set(&op->err, code, "The submit key could not be looked up.");
    if (was != digest(op))
        return err_set(&op->err, E_EXISTS,
                       "The submit key \"%.*s\" was used for another request (job %u).",
                       STR_ARG(op->submit.key), call);
    struct again a = { .op = op };
    code = store_call_each(d->store, call, again_item, &a);
    if (code < 0)
        return err_set(&op->err, code, "The submit key could not be looked up.");
    op->again = true;
    return 1;
}

bool submit_known(struct daemon *d, struct op *op) { return known_key(d, op) == 1; }

/* --- the operation ---------------------------------------------------------------------------------- */

static int persons(struct daemon *d, struct op *op, struct who *who)
{
    int code = people_of_uid(d->people, d, op->peer.uid, &who->submitter, &op->err);
    if (code < 0)
        return code;
    who->owner = who->submitter;
    if (op->for_person.len == 0)
        return 0;
    if (!daemon_is_operator(d, &op->peer))
        return err_set(&op->err, E_DENIED,
                       "Only whoever runs this daemon may act for another person.");
    return people_named(d->people, d, op->for_person, &who->owner, &op->err);
}

static int submit_items(struct daemon *d, struct op *op, const struct who *who)
{
    struct str env = { 0 };
    uint32_t call = 0;
    for (uint32_t i = 0; i < op->submit.items_n; i++) {
        struct op_item *item = &op->submit.items[i];
        op->item = i;
        if (item->env.ptr)
            env = item->env;
        if (env.len > OP_ENV_MAX)
            return err_set(&op->err, E_TOO_LARGE, "The environment has %zu bytes; at most %u are kept.",
                           env.len, OP_ENV_MAX);
        int code = submit_item(d, op, i, who, call, env, &op->err);
        if (code < 0)
            return code;
        if (i == 0)
            call = item->ret_id;
    }
    if (op->submit.key.len) {
        int code = store_key_add(d->store, op->peer.uid, op->submit.key, call, digest(op),
                                 d->now.wall_at);
        if (code < 0)
            return d->broken = err_set(&op->err, code, "The submit key could not be written down.");
    }
    return 0;
}

static int tell_changes(struct daemon *d, struct op *op)
{
    uint64_t seq = store_journal_last(d->store);
    for (uint32_t i = 0; i < op->submit.items_n; i++) {
        struct op_item *item = &op->submit.items[i];
        struct live_request *r = index_find(&d->index, item->ret_id);
        struct daemon_change *c = list_add(&d->changes, sizeof *c);
        if (!r || !c)
            return d->broken = err_set(&op->err, E_NO_MEMORY, "The answer could not be made.");
        *c = (struct daemon_change){ .job = item->ret_id, .n = item->ret_tasks, .to = JOB_PENDING };
        r->version = seq;
        op->changed += item->ret_tasks;
    }
    return 0;
}

/* The decision that would follow, in a core that is thrown away after it: nobody acts on it. */
static int decide_unseen(struct daemon *d)
{
    struct core_event ev = { .kind = EVENT_DECIDE, .wall_at = d->now.wall_at,
                             .boot_at = usec_max(d->now.boot_at, d->last_boot_at) };
    uint32_t max = core_updates_max(d->core, &ev);
    struct core_update *updates = calloc(max, sizeof *updates);
    int code = updates ? core_check(d->core, &ev, NULL) : E_NO_MEMORY;
    if (code == 0)
        core_step(d->core, &ev, updates, max);
    free(updates);
    return code;
}

static int item_order(const void *key, const void *item)
{
    uint32_t job = *(const uint32_t *)key, id = ((const struct op_item *)item)->ret_id;
    return (job > id) - (job < id);
}

/* What the plan then says of jobs that are not to stay. */
static int forecast(struct daemon *d, struct op *op)
{
    const struct core_odds_ask all = { 0, 0 };
    struct core_plan plan = { 0 };
    struct core_job j;
    int code = decide_unseen(d);
    size_t size = core_plan_size(d->core);
    void *memory = aligned_alloc(16, (size + 15) & ~(size_t)15);
    if (code == 0)
        code = memory ? core_plan_odds(d->core, d->now.wall_at, d->now.boot_at, &all, memory, size, &plan) : E_NO_MEMORY;
    for (uint32_t i = 0; i < op->submit.items_n; i++)
        op->submit.items[i].ret_forecast = (struct op_forecast){
            .start_at = USEC_NEVER, .end_p10_at = USEC_NEVER, .end_p50_at = USEC_NEVER, .end_p90_at = USEC_NEVER,
            .eyes_at = USEC_NEVER, .cpus = core_job_get(d->core, op->submit.items[i].ret_id, &j) ? j.cpus : 0 };
    for (uint32_t k = 0; code == 0 && k < plan.rows_n; k++) {
        const struct plan_row *row = &plan.rows[k];
        struct op_item *item = bsearch(&row->job, op->submit.items, op->submit.items_n, sizeof *item, item_order);
        if (item && core_job_get(d->core, row->job, &j))
            item->ret_forecast = (struct op_forecast){
                .reason = (uint8_t)row->reason, .start_at = row->start_at, .end_p10_at = row->end_p10_at,
                .end_p50_at = row->end_p50_at, .end_p90_at = row->end_p90_at,
                .eyes_at = daemon_eyes_shown(d, &op->peer, &j, row->eyes_at, row->end_p50_at),
                .gpus = row->gpu_mask, .cpus = item->ret_forecast.cpus };
    }
    free(memory);
    return code < 0 ? err_set(&op->err, code, "The plan of this moment cannot be made.") : 0;
}

/* --test-only: whatever is checked at a submit is, and the plan is asked; then all of it is taken back. */
static int submit_test(struct daemon *d, struct op *op)
{
    struct who who;
    bool decide = d->decide;
    int code = persons(d, op, &who); /* a person who is new here stays known */
    if (code == 0)
        code = state_mark(d, &op->err);
    if (code < 0)
        return code;
    code = submit_items(d, op, &who);
    if (code == 0)
        code = forecast(d, op);
    if (d->broken)
        state_unmark(d);
    else
        state_back(d);
    d->decide = decide;
    return code;
}

int submit_op(struct daemon *d, struct op *op)
{
    struct who who;
    if (op->submit.test && op->submit.items_n > 0 && op->submit.items_n <= OP_ITEMS_MAX)
        return submit_test(d, op);
    int code = op->submit.items_n == 0 || op->submit.items_n > OP_ITEMS_MAX
                   ? err_set(&op->err, E_INVALID, "A submit holds 1 to %u jobs; this one holds %u.",
                             OP_ITEMS_MAX, op->submit.items_n)
                   : known_key(d, op);
    if (code != 0)
        return code < 0 ? code : 0;
    if (d->disk_full) /* not before: what is there already, whoever asks again may know */
        return err_set(&op->err, E_NO_SPACE,
                       "The disk that holds %s is full; nothing was submitted. Free some space and submit again.",
                       d->place.state);
    code = persons(d, op, &who);
    if (code == 0 && op->submit.items_n > 1) /* a single one changes nothing before it is certain */
        code = state_mark(d, &op->err);
    if (code < 0)
        return code;
    code = submit_items(d, op, &who);
    if (code == 0)
        code = tell_changes(d, op);
    if (!d->marked_block)
        return code;
    if (code < 0 && !d->broken)
        state_back(d);
    else
        state_unmark(d);
    return code;
}
