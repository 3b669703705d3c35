/* control.c - every operation but submit and me: one event on one job or array, a drain, a stop. */
#include <string.h>

#include "daemon/internal.h"
#include "daemon/message.h"
#include "spec/spec.h"

/* --- jobs ------------------------------------------------------------------------------------------ */

static int may_change(struct daemon *d, const struct op *op, const struct job_ref *ref, struct err *err)
{
    struct store_request r;
    int code = store_request_get(d->store, ref->request, &r);
    uid_t uid = code == 0 ? r.uid : 0;
    person_no owner = code == 0 ? (person_no)r.owner : 0;
    store_reset(d->store);
    if (code < 0)
        return err_set(err, code, "Job %u cannot be looked up.", ref->id);
    if (op->by_link) /* all that a link may do with a job is to let it start */
        return op->kind == OP_RELEASE && owner == op->by_link
                   ? 0 : err_set(err, E_DENIED, "Job %u belongs to somebody else.", ref->id);
    if (!daemon_may(d, &op->peer, uid))
        return err_by_rule(err, err_set(err, E_DENIED, "Job %u belongs to somebody else.", ref->id),
                           (struct err_rule){ .rule = REFUSED_OTHERS });
    return 0;
}

static uint32_t live_tasks(const struct daemon *d, const struct job_ref *ref)
{
    const struct live_request *r = index_find(&d->index, ref->id);
    struct core_job j;
    if (ref->whole_array)
        return r ? r->live : 0;
    return core_job_get(d->core, ref->id, &j) ? 1 : 0;
}

static void job_event(const struct op *op, const struct job_ref *ref, bool is_operator,
                      person_no by, struct core_event *ev)
{
    uint32_t scope = ref->whole_array;
    switch (op->kind) {
    case OP_CANCEL:
        ev->kind = EVENT_CANCEL;
        ev->cancel = (struct ev_cancel){ .job = ref->id, .scope = scope, .by = by };
        break;
    case OP_HOLD:
        ev->kind = EVENT_HOLD;
        ev->hold = (struct ev_hold){ .job = ref->id, .scope = scope };
        break;
    case OP_RELEASE:
        ev->kind = EVENT_RELEASE;
        ev->release = (struct ev_release){ .job = ref->id, .scope = scope, .admin = is_operator };
        break;
    case OP_FIRST:
        ev->kind = EVENT_FIRST;
        ev->first = (struct ev_first){ .job = ref->id, .scope = scope };
        break;
    case OP_SIGNAL:
        ev->kind = EVENT_SIGNAL;
        ev->signal = (struct ev_signal){ .job = ref->id, .scope = scope, .by = by, .signal = op->job.signal,
                                         .whom = op->job.whom };
        break;
    case OP_REQUEUE:
        ev->kind = EVENT_REQUEUE;
        ev->requeue = (struct ev_requeue){ .job = ref->id, .scope = scope, .by = by };
        break;
    default:
        ev->kind = EVENT_SET;
        ev->set = (struct ev_set){ .job = ref->id, .scope = scope, .field = op->job.field,
                                   .value = op->job.value };
    }
}

/* --- an ended job again ----------------------------------------------------------------------------- */

struct again {
    struct list ids; /* struct again_job */
    bool only_failed;
};
struct again_job {
    uint32_t id, index, attempts;
};

static int again_collect(const struct store_job *j, void *data)
{
    struct again *a = data;
    bool failed = !str_is(j->state, job_state_word(JOB_COMPLETED)) &&
        !str_is(j->state, job_state_word(JOB_CANCELLED));
    if (a->only_failed && !failed)
        return 0;
    struct again_job *to = list_add(&a->ids, sizeof *to);
    if (!to)
        return E_NO_MEMORY;
    *to = (struct again_job){ j->id, j->array_index, j->attempts };
    return 0;
}

static int attempt_is_open(const struct store_attempt *a, void *data)
{
    *(bool *)data |= a->open;
    return 0;
}

/* While processes of an old attempt are not proven gone, a new one could run beside them. */
static int again_allowed(struct daemon *d, struct op *op, uint32_t id)
{
    bool open = false;
    int code = store_attempts_each(d->store, id, attempt_is_open, &open);
    if (code < 0 && code != E_NOT_FOUND)
        return err_set(&op->err, code, "Job %u cannot be looked up.", id);
    if (open)
        return err_set(&op->err, E_STATE, "Processes of job %u's last run are not proven gone; it can be "
                       "requeued when they are (eoul gpus shows the quarantine).", id);
    return 0;
}

static int again_one(struct daemon *d, struct op *op, const struct job_ref *ref,
                     const struct again_job *a)
{
    struct core_event ev = { .kind = EVENT_SUBMIT };
    const struct range one = { a->index, a->index, 1 };
    struct retry rules[RETRY_RULES_MAX];
    struct spec spec;
    struct store_request r;
    spec_init(&spec);
    int code = again_allowed(d, op, a->id);
    if (code == 0)
        code = store_request_get(d->store, ref->request, &r);
    if (code == 0)
        code = spec_parse(&spec, r.spec, &op->err);
    if (code == 0)
        code = submit_fill(d, &spec, (person_no)r.owner, (person_no)r.submitter, &ev.submit, rules,
                           &op->err);
    if (code < 0)
        goto out;
    code = store_request_get(d->store, ref->request, &r); /* the calls above took its memory back */
    if (code < 0)
        goto out;
    ev.submit.job = a->id;
    ev.submit.attempt = a->attempts ? a->attempts : 1; /* 0 would be a new job; one that never ran skips a number */
    ev.submit.array = r.array ? r.id : 0;
    ev.submit.tasks = &one;
    ev.submit.tasks_n = r.array ? 1 : 0;
    ev.submit.flags &= ~(uint32_t)JOB_HELD;
    ev.submit.begin_at = 0; /* it was met, and what it waited for is over too */
    if (ev.submit.deadline_at && ev.submit.deadline_at <= d->now.wall_at)
        ev.submit.deadline_at = 0;
    code = state_check(d, &ev, &op->err);
    if (code < 0)
        goto out;
    r.owner = ev.submit.owner;
    code = index_add(&d->index, &r, 1, store_journal_last(d->store) + 1);
    if (code == 0)
        code = store_job_remove(d->store, a->id);
    struct daemon_change *c = list_add(&d->changes, sizeof *c);
    if (c)
        *c = (struct daemon_change){ .job = a->id, .n = 1, .to = JOB_PENDING };
    if (code < 0 || !c)
        d->broken = code = err_set(&op->err, code < 0 ? code : E_NO_MEMORY,
                                   "The change could not be written down.");
    else
        code = daemon_event(d, &ev, &op->err);
out:
    spec_finish(&spec);
    return code;
}

/* requeue: live tasks stop and wait again; ended ones are submitted again under their ids. */
static int requeue_ended(struct daemon *d, struct op *op, const struct job_ref *ref)
{
    struct again a = { .only_failed = op->job.only_failed };
    int code = store_jobs_of_request(d->store, ref->request, again_collect, &a);
    if (code == 0 || code == E_NOT_FOUND)
        code = 0;
    for (uint32_t i = 0; i < a.ids.n && code == 0; i++) {
        const struct again_job *j = (struct again_job *)a.ids.at + i;
        if (!ref->whole_array && j->id != ref->id)
            continue;
        code = again_one(d, op, ref, j);
        op->changed += code == 0;
    }
    list_finish(&a.ids);
    return code;
}

/* --- the code at the start ------------------------------------------------------------------------------ */

/* Kept with the attempt if it is not what was submitted.  Said by the job's own user in its own start. */
static int code_op(struct daemon *d, struct op *op, const struct job_ref *ref)
{
    struct store_request r;
    struct core_job j;
    struct spec spec;
    char memory[ERR_TEXT_MAX];
    struct buf text;
    if (ref->whole_array || !core_job_get(d->core, ref->id, &j) ||
        (j.state != JOB_CONFIGURING && j.state != JOB_RUNNING))
        return err_set(&op->err, E_STATE, "Job %u does not start now.", ref->id);
    spec_init(&spec);
    buf_init_fixed(&text, memory, sizeof memory);
    int code = store_request_get(d->store, ref->request, &r);
    if (code == 0)
        code = spec_parse(&spec, r.spec, &op->err);
    if (code < 0)
        err_set(&op->err, code, "Job %u cannot be looked up.", ref->id);
    if (code == 0 && spec.code.len && !str_eq(spec.code, op->job.code)) {
        message_of_code(&text, spec.code, op->job.code);
        op->changed = 1;
        code = store_attempt_note(d->store, ref->id, j.attempt, buf_look(&text));
        if (code < 0)
            d->broken = err_set(&op->err, code, "The change could not be written down.");
    }
    spec_finish(&spec);
    return code;
}

/* --- one operation on jobs ---------------------------------------------------------------------------- */

static int job_op(struct daemon *d, struct op *op)
{
    struct job_ref ref;
    struct core_event ev = { 0 };
    person_no by = op->by_link ? op->by_link : people_find_uid(d->people, op->peer.uid);
    int code = daemon_job_find(d, op->job.id, &ref, &op->err);
    if (code == 0)
        code = may_change(d, op, &ref, &op->err);
    if (code < 0)
        return code;
    if (op->kind == OP_CODE)
        return code_op(d, op, &ref);
    uint32_t live = live_tasks(d, &ref);
    if (op->kind == OP_REQUEUE) {
        code = requeue_ended(d, op, &ref);
        if (code == 0 && op->job.only_failed && op->changed == 0)
            code = err_set(&op->err, E_STATE, "Nothing of job %.*s has failed.", STR_ARG(op->job.id));
        if (code < 0 || live == 0 || op->job.only_failed)
            return code;
    } else if (live == 0) {
        return err_by_rule(&op->err, err_set(&op->err, E_STATE, "Job %.*s is already over.", STR_ARG(op->job.id)),
                           (struct err_rule){ .rule = REFUSED_STATE });
    }
    uint32_t acts = d->acts.n;
    job_event(op, &ref, daemon_is_operator(d, &op->peer), by, &ev);
    code = daemon_event(d, &ev, &op->err);
    if (code == E_STATE && op->kind == OP_REQUEUE && op->changed)
        code = 0; /* the ended ones were the point */
    if (code == 0) /* a signal is for those of them that run */
        op->changed += op->kind == OP_SIGNAL ? d->acts.n - acts : live;
    return code;
}

/* --- draining ------------------------------------------------------------------------------------------ */

static int queue_op(struct daemon *d, struct op *op)
{
    bool closed = op->kind == OP_GPU_DRAIN;
    struct core_event ev = { .kind = EVENT_QUEUE };
    ev.queue.closed = closed;
    int code = daemon_event(d, &ev, &op->err);
    if (code < 0)
        return code;
    code = store_meta_put(d->store, "queue_closed", closed ? STR("1") : STR("0"));
    if (code < 0)
        return d->broken = err_set(&op->err, code, "The change could not be written down.");
    d->queue_closed = closed;
    op->changed = 1;
    return 0;
}

static int gpu_op(struct daemon *d, struct op *op)
{
    if (!daemon_is_operator(d, &op->peer))
        return err_by_rule(&op->err, err_set(&op->err, E_DENIED, "Only whoever runs this daemon may drain."),
                           (struct err_rule){ .rule = REFUSED_OPERATOR });
    if (str_is(op->gpu.id, "queue"))
        return queue_op(d, op);
    uint64_t no = UINT64_MAX;
    str_u64(op->gpu.id, &no);
    for (uint32_t i = 0; i < d->gpus_n; i++)
        if (no == i || str_is(op->gpu.id, d->gpus[i].uuid))
            return op->changed = 1, gpus_drain(d, i, op->kind == OP_GPU_DRAIN, &op->err);
    if (d->gpus_n == 0)
        return err_set(&op->err, E_NOT_FOUND, "This machine has no GPU; `queue` names the whole queue.");
    return err_set(&op->err, E_NOT_FOUND,
                   "There is no GPU \"%.*s\": write a number from 0 to %u, a UUID, or `queue`.",
                   (int)(op->gpu.id.len < 64 ? op->gpu.id.len : 64), op->gpu.id.ptr, d->gpus_n - 1);
}

/* --- stopping ------------------------------------------------------------------------------------------- */

static int down_op(struct daemon *d, struct op *op)
{
    if (!daemon_is_operator(d, &op->peer))
        return err_by_rule(&op->err, err_set(&op->err, E_DENIED, "Only whoever runs this daemon may stop it."),
                           (struct err_rule){ .rule = REFUSED_OPERATOR });
    if (!op->down.cancel_jobs) {
        d->stopping = true;
        return 0;
    }
    struct core_job j;
    for (job_id after = 0; core_job_after(d->core, after, &j); after = j.id) {
        if (j.state == JOB_COMPLETING)
            continue;
        struct core_event ev = { .kind = EVENT_CANCEL };
        ev.cancel.job = j.id;
        int code = daemon_event(d, &ev, &op->err);
        if (code < 0)
            return code;
        op->changed++;
    }
    d->stopping = true; /* turn.c waits for the ends of what was running */
    d->stop_when_idle = true;
    return 0;
}

int control_op(struct daemon *d, struct op *op)
{
    switch (op->kind) {
    case OP_GPU_DRAIN: case OP_GPU_UNDRAIN: return gpu_op(d, op);
    case OP_RELOAD: return reload_op(d, op);
    case OP_DOWN: return down_op(d, op);
    default: return job_op(d, op);
    }
}
