/* turn.c - one turn of the daemon: drain, step, commit, answer, act; see daemon.h.
 *
 *             wake
 *               │  engine events, operations, people and deadlines that are due
 *               ▼
 *   ┌──▶ BEGIN, each through the core, EVENT_DECIDE ──▶ COMMIT ──ok──▶ answers ──▶ acts ──▶ sleep
 *   │                                                  │
 *   │ once: rebuild the core, refuse the submits,      ├─ disk full
 *   └────────── free the ballast ◀─────────────────────┤
 *                                                      ╰─ anything else: no answer, abort.
 *
 * Nothing here is lost when it fails: engine events stay in d->engine_events until they are
 * committed, and on the disk of their attempts until then anyway.
 */
#include <assert.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/io.h"
#include "daemon/calendars.h"
#include "daemon/feeds.h"
#include "daemon/internal.h"
#include "daemon/trade.h"
#include "daemon/links.h"
#include "web/web.h"

#define OPS_PER_TURN 512u   /* bounds how long the first of a crowd waits for the last */
#define SHARE_JOBS    1000u /* one user's of a turn; or one operation, which is whole: some 20 ms that others wait */
#define COPY_JOBS     40u   /* of the core, copied before a submit of many (state_mark) while one job is taken in */
#define SHARES_MAX    64u   /* users who have a part in one turn; further ones have theirs in the next */
#define PLAN_HUGE    (4u << 20) /* bytes of a plan from which large pages are asked for: 9,000 small ones were a fifth of it */
#define PLAN_AGE_US  USEC_PER_SEC /* a plan that nothing has changed is shown again for so long */
#define STARTS_WAIT_US (20 * USEC_PER_MSEC) /* see starts_wait */
#define ABORT_STATUS 70     /* EX_SOFTWARE: the store is not to be trusted by this process any more */

static const char *const op_words[OP_KIND_COUNT] = {
#define X(kind, word) [kind] = word,
    OP_LIST(X)
#undef X
};

const char *op_word(enum op_kind kind) { return kind < OP_KIND_COUNT ? op_words[kind] : "?"; }

void turn_abort(struct daemon *d, int code, const char *where)
{
    log_line("abort", "where=%s code=%s sqlite=\"%s\"", where, err_word(code),
             store_last_error(d->store));
    _exit(ABORT_STATUS); /* no destructor may touch the store or the launcher's socket in order */
}

void daemon_no_memory(const char *where)
{
    log_line("abort", "where=%s code=%s", where, err_word(E_NO_MEMORY));
    _exit(ABORT_STATUS);
}

int daemon_enqueue(struct daemon *d, struct op *op)
{
    if (d->stopping)
        return E_UNAVAILABLE;
    if (d->ops_n >= OP_QUEUE_MAX)
        return E_BUSY;
    op->next = NULL;
    op->result = 0;
    *d->ops_end = op;
    d->ops_end = &op->next;
    d->ops_n++;
    return 0;
}

/* --- what follows from an event ------------------------------------------------------------------ */

static struct act *act_add(struct daemon *d, enum act_kind kind, uint32_t job, uint32_t attempt)
{
    struct act *a = list_add(&d->acts, sizeof *a);
    if (a) {
        a->kind = (uint8_t)kind;
        a->job = job;
        a->attempt = attempt;
    }
    return a;
}

static int starts(struct daemon *d, const struct core_update *u)
{
    struct act *a = act_add(d, ACT_START, u->job, u->attempt);
    if (!a)
        return E_NO_MEMORY;
    if (getrandom(a->uuid, sizeof a->uuid, 0) != (ssize_t)sizeof a->uuid)
        return E_IO;
    a->gpus = u->gpus;
    struct core_plan plan = core_last_plan(d->core);
    struct core_trade trade;
    char memory[TRADE_TEXT_MAX];
    struct buf text;
    struct store_attempt row = { .job = u->job, .number = u->attempt, .gpus = u->gpus,
                                 .decided_at = d->now.wall_at, .canary_us = u->value };
    if (u->plan_row < plan.rows_n)
        row.plan_start_at = plan.rows[u->plan_row].start_at;
    memcpy(row.uuid, a->uuid, sizeof row.uuid);
    buf_init_fixed(&text, memory, sizeof memory);
    if (core_trade(d->core, u, &trade))
        trade_print(&text, &trade);
    row.trade = buf_look(&text);
    return store_attempt_add(d->store, &row);
}

/* A job that ended without our having seen it before the step: what its request says is all there is,
 * and all there was, as it never ran. */
static int ended_unseen(struct daemon *d, const struct core_update *u, struct ended_row *ret)
{
    struct store_request r;
    int code = store_request_get(d->store, u->job, &r);
    if (code < 0)
        return code;
    *ret = (struct ended_row){ 0 };
    ret->job = (struct core_job){ .id = u->job, .owner = (person_no)r.owner, .cpus = 1,
                                  .submitter = (person_no)r.submitter, .submit_at = r.submit_at,
                                  .attempt = u->attempt };
    if (r.array) {
        ret->job.array_id = r.id;
        ranges_index(r.ranges, u->job - r.id, &ret->job.array_index);
    }
    return 0;
}

static int ends(struct daemon *d, const struct core_update *u, const struct ended_row *row,
                uint32_t request)
{
    const struct core_job *j = &row->job;
    const struct engine_event *e = d->current;
    struct store_job out = {
        .id = j->id, .request = request, .array_id = j->array_id, .array_index = j->array_index,
        .owner = j->owner, .submitter = j->submitter,
        .state = str_of(job_state_word((enum job_state)u->to)),
        .reason = str_of(reason_word((enum reason)u->reason)), .attempts = j->attempt,
        .gpus = j->gpus, .cpus = j->cpus, .gpu_mask = j->gpu_mask, .mem_mib = j->mem_mib,
        .submit_at = j->submit_at, .begin_at = j->begin_at, .deadline_at = j->deadline_at,
        .start_at = j->start_at, .end_at = d->last_wall_at, .limit_us = j->limit_us, .nice = j->nice,
        .account = j->account,
        .watts_mw = watts_most(d, j->id, j->attempt),
    };
    if (e && e->job == j->id && e->recovered && e->wall_at && e->wall_at < out.end_at)
        out.end_at = e->wall_at; /* long before it was read */
    if (e && e->job == j->id && e->kind == ENGINE_ENDED) {
        out.exit_code = e->code;
        out.signal = e->signal;
    }
    return store_job_put(d->store, &out);
}

static int state_update(struct daemon *d, const struct core_update *u, uint64_t seq,
                        const struct ended_row *ended, uint32_t ended_n)
{
    struct daemon_change *c = list_add(&d->changes, sizeof *c);
    struct live_request *r = index_find(&d->index, u->job);
    if (!c || !r)
        return c ? E_INTERNAL : E_NO_MEMORY;
    *c = (struct daemon_change){ .job = u->job, .n = 1, .to = u->to };
    r->version = seq;
    if (!job_state_is_final((enum job_state)u->to))
        return notices_job(d, u, r->owner, r->array ? r->id : 0);
    struct ended_row unseen;
    const struct ended_row *row = NULL;
    for (uint32_t low = 0, high = ended_n; low < high;) { /* in id order */
        uint32_t middle = low + (high - low) / 2;
        if (ended[middle].job.id == u->job) {
            row = &ended[middle];
            break;
        }
        if (ended[middle].job.id < u->job)
            low = middle + 1;
        else
            high = middle;
    }
    if (!row) {
        int code = ended_unseen(d, u, &unseen);
        if (code < 0)
            return code;
        row = &unseen;
    }
    uint32_t request = r->id;
    person_no looks = row->job.reviewer;
    int told = notices_job(d, u, r->owner, r->array ? r->id : 0);
    if (told == 0 && looks && looks != r->owner) /* whoever looks at it for its owner */
        told = notices_job(d, u, looks, r->array ? r->id : 0);
    index_ended(&d->index, r);
    snapshots_look(d);
    return told < 0 ? told : ends(d, u, row, request);
}

int turn_updates(struct daemon *d, const struct core_event *ev, uint64_t seq,
                 const struct core_update *u, uint32_t n, const struct ended_row *ended,
                 uint32_t ended_n)
{
    int code = 0;
    if (ev->kind != EVENT_DECIDE)
        d->decide = true;
    for (uint32_t i = 0; i < n && code == 0; i++) {
        struct act *a;
        switch ((enum update_kind)u[i].kind) {
        case UPDATE_STATE: code = state_update(d, &u[i], seq, ended, ended_n); break;
        case UPDATE_START: code = starts(d, &u[i]); break;
        case UPDATE_STOP:
            if (!act_add(d, ACT_STOP, u[i].job, u[i].attempt))
                code = E_NO_MEMORY;
            else if (u[i].reason == REASON_PREEMPTED)
                code = store_attempt_way(d->store, u[i].job, u[i].attempt, (uint32_t)u[i].value);
            break;
        case UPDATE_LIMIT:
            a = act_add(d, ACT_LIMIT, u[i].job, u[i].attempt);
            if (!a)
                code = E_NO_MEMORY;
            else
                a->value = u[i].value;
            break;
        case UPDATE_SIGNAL:
            a = act_add(d, ACT_SIGNAL, u[i].job, u[i].attempt);
            if (!a)
                code = E_NO_MEMORY;
            else
                a->value = u[i].value, a->whom = u[i].to;
            break;
        case UPDATE_TODO: code = todos_ended(d, &u[i]); break;
        case UPDATE_COUNT: assert(!"no such update");
        }
    }
    return code < 0 ? store_failed(d->store) ? store_failed(d->store) : code : 0;
}

/* --- one try ------------------------------------------------------------------------------------- */

static bool deadline_due(const struct daemon *d)
{
    usec_t wall_at, boot_at;
    core_deadline(d->core, &wall_at, &boot_at);
    return wall_at <= d->now.wall_at || boot_at <= d->now.boot_at;
}

static void run_kind(struct daemon *d, struct op *op)
{
    switch (op->kind) {
    case OP_SUBMIT: op->result = submit_op(d, op); break;
    case OP_TODO:
        if (op->for_person.len && !daemon_is_operator(d, &op->peer))
            op->result = err_set(&op->err, E_DENIED,
                                 "Only whoever runs this daemon may act for another person.");
        else
            op->result = todos_op(d, op);
        break;
    case OP_ME:
        if (op->for_person.len && !daemon_is_operator(d, &op->peer))
            op->result = err_set(&op->err, E_DENIED,
                                 "Only whoever runs this daemon may act for another person.");
        else
            op->result = op->me.change->forget         ? forget_op(d, op, &op->err)
                         : op->me.change->handover.len ? handover_op(d, op)
                                                       : people_change(d->people, d, op, &op->err);
        break;
    case OP_LINK: op->result = links_op(d, op); break;
    case OP_RESERVE:
        if (op->for_person.len && !daemon_is_operator(d, &op->peer))
            op->result = err_set(&op->err, E_DENIED,
                                 "Only whoever runs this daemon may act for another person.");
        else
            op->result = reserve_op(d, op);
        break;
    case OP_BOOST: op->result = boost_op(d, op); break;
    case OP_FEED: op->result = feeds_op(d, op); break;
    case OP_CHANNEL: op->result = notices_op(d, op); break;
    case OP_CALENDAR: op->result = calendars_change(d->people, d, op, &op->err); break;
    default:
        op->result = control_op(d, op);
    }
}

static void run_op(struct daemon *d, struct op *op)
{
    err_clear(&op->err);
    op->changed = 0;
    op->again = false;
    op->result = op->tap ? taps_check(d, op) : roles_check(d, op);
    if (op->result == 0)
        run_kind(d, op);
    if (op->result == 0 && op->tap)
        op->result = taps_spend(d, op);
    if (op->result < 0)
        refusals_note(d, op);
}

/* Everything of this turn into the open transaction, and the commit. */
static int turn_try(struct daemon *d, struct op *ops)
{
    d->changes.n = 0;
    d->acts.n = 0;
    d->turn_events = 0;
    d->broken = 0;
    d->decide = deadline_due(d);
    int code = store_begin(d->store);
    if (code < 0)
        return code;
    d->in_turn = true;
    struct err err = { 0 };
    for (uint32_t i = 0; i < d->engine_events.n; i++)
        run_engine_event(d, (struct engine_event *)d->engine_events.at + i, NULL);
    for (struct own_event *o = d->own; o; o = o->next)
        run_engine_event(d, &o->ev, o->message);
    if (people_due(d->people) <= d->now.wall_at && people_refresh(d->people, d, &err) < 0 &&
        !store_failed(d->store))
        log_line("people", "error=\"%s\"", err.text);
    if (d->tariff_due_at <= d->now.wall_at && tariffs_refresh(d, &err) < 0 && !d->broken)
        log_line("tariff", "error=\"%s\"", err.text);
    if (week_waits(d) && week_turn(d, &err) < 0 && !d->broken)
        d->broken = E_INTERNAL; /* half of it is told */
    if (d->look_due && gpus_look(d, &err) < 0 && !d->broken)
        log_line("gpus", "error=\"%s\"", err.text);
    if (d->marks_changed && !d->broken && !d->disk_full)
        marks_tell(d);
    for (struct op *op = ops; op; op = op->next)
        run_op(d, op);
    if (d->decide && !d->broken)
        code = backup_hold(d, &err);
    if (d->decide && !d->broken && code == 0)
        code = state_decide(d);
    if (!d->broken && code == 0)
        code = refusals_write(d);
    d->in_turn = false;
    if (code == 0)
        code = d->broken;
    if (code < 0 && !store_failed(d->store)) {
        store_rollback(d->store);
        return code;
    }
    FAULT("commit-before");
    code = store_commit(d->store);
    FAULT("commit-after");
    return code;
}

static void refuse_full(struct daemon *d, struct op *ops)
{
    for (struct op *op = ops; op; op->refusal = 0, op = op->next)
        if (op->kind == OP_SUBMIT && submit_known(d, op))
            op->result = 0;
        else
            op->result = err_set(&op->err, E_NO_SPACE,
                                 "The disk that holds %s is full; nothing was changed. Free some space and "
                                 "try again.", d->place.state);
}

static void rebuild(struct daemon *d)
{
    struct err err = { 0 };
    store_rollback(d->store);
    marks_rolled_back(d);
    notices_forget(d);
    week_rolled_back(d);
    refusals_rolled_back(d);
    int code = state_rebuild(d, &err);
    if (code < 0) {
        log_line("rebuild", "error=\"%s\"", err.text);
        turn_abort(d, code, "rebuild");
    }
    reload_rolled_back(d);
    d->now.boot_at = usec_max(d->now.boot_at, d->last_boot_at);
}

/* 0, or E_NO_SPACE if not even endings could be written: they are tried again later. */
static int turn_full(struct daemon *d, struct op *ops)
{
    log_line("disk", "state=full action=\"refuse submits, free the ballast\"");
    rebuild(d);
    d->disk_full = true;
    store_ballast_free(d->store);
    int code = turn_try(d, ops);
    if (code == E_NO_SPACE) {
        rebuild(d);
        refuse_full(d, ops);
        d->acts.n = d->changes.n = 0;
    }
    return code;
}

/* --- the turn ------------------------------------------------------------------------------------ */

void turn_drain(struct daemon *d)
{
    struct engine_event ev;
    while (d->engine && d->engine_events.n < ENGINE_BATCH_MAX && engine_next(d->engine, &ev)) {
        struct engine_event *to = list_add(&d->engine_events, sizeof ev);
        if (!to)
            turn_abort(d, E_NO_MEMORY, "engine");
        *to = ev;
    }
}

struct share { /* of this turn */
    uid_t uid;
    uint32_t jobs;
    bool is_used; /* what else this user wants waits for the next turn, in its order */
};

static struct share *share_of(struct share *shares, uint32_t *n, uid_t uid)
{
    for (uint32_t i = 0; i < *n; i++)
        if (shares[i].uid == uid)
            return &shares[i];
    if (*n == SHARES_MAX)
        return NULL;
    shares[*n] = (struct share){ .uid = uid };
    return &shares[(*n)++];
}

static bool fits(struct daemon *d, struct share *s, const struct op *op)
{
    uint32_t jobs = op->kind == OP_SUBMIT ? op->submit.items_n : 1;
    if (!s || s->is_used)
        return false;
    if (jobs > 1)
        jobs += core_jobs_n(d->core) / COPY_JOBS;
    s->is_used = s->jobs && s->jobs + jobs > SHARE_JOBS;
    if (!s->is_used)
        s->jobs += jobs;
    return !s->is_used;
}

/* The operations of this turn: everybody's in the order they came, and of nobody's more than a share, so that who
 * sends a hundred thousand waits for the others' turns and not they for him. */
static struct op *take_ops(struct daemon *d)
{
    struct share shares[SHARES_MAX];
    uint32_t shares_n = 0;
    struct op *first = NULL, **end = &first, **at = &d->ops;
    for (uint32_t n = 0; *at && n < OPS_PER_TURN;) {
        struct op *op = *at;
        if (!fits(d, share_of(shares, &shares_n, op->peer.uid), op)) {
            at = &op->next;
            continue;
        }
        *at = op->next;
        *end = op;
        end = &op->next;
        d->ops_n--;
        n++;
    }
    *end = NULL;
    while (*at)
        at = &(*at)->next;
    d->ops_end = at;
    return first;
}

static void answer(struct op *ops)
{
    while (ops) {
        struct op *next = ops->next;
        ops->next = NULL;
        ops->done(ops, ops->context);
        ops = next;
    }
}

static void drop_own(struct daemon *d)
{
    while (d->own) {
        struct own_event *o = d->own;
        d->own = o->next;
        free(o);
    }
    d->own_end = &d->own;
}

static void deadline_fired(struct loop_timer *t, void *data)
{
    (void)t, (void)data; /* waking up is all: the turn looks itself */
}

void turn_set_deadline(struct daemon *d)
{
    usec_t wall_at, boot_at;
    core_deadline(d->core, &wall_at, &boot_at);
    wall_at = usec_min(wall_at, usec_min(people_due(d->people), d->tariff_due_at));
    usec_t at = usec_min(boot_at, refusals_due(d));
    if (wall_at != USEC_NEVER)
        at = usec_min(at, usec_add(d->now.boot_at,
                                   usec_max(wall_at - d->now.wall_at, 0)));
    if (at == USEC_NEVER) {
        loop_timer_cancel(d->loop, &d->deadline);
        return;
    }
    /* A decision that was due and had nothing to do must not be asked for without end. */
    usec_t soonest = d->now.boot_at + (d->turn_events ? 0 : USEC_PER_SEC);
    loop_timer_set(d->loop, &d->deadline, usec_max(at, soonest), deadline_fired, d);
}

static void act_all(struct daemon *d)
{
    FAULT("act-before");
    for (uint32_t i = 0; i < d->acts.n; i++)
        run_act(d, (struct act *)d->acts.at + i);
    d->acts.n = 0;
    FAULT("act-after");
}

/* Nobody waits for the news that a job was started, and the end of a short one is right behind it: alone,
 * it waits a moment for a turn that is made anyway.  A commit less for each short job. */
static bool starts_wait(struct daemon *d)
{
    for (uint32_t i = 0; i < d->engine_events.n; i++) {
        const struct engine_event *e = (struct engine_event *)d->engine_events.at + i;
        if (e->kind != ENGINE_STARTED || e->recovered)
            return false;
    }
    if (!d->starts_until_boot_at)
        d->starts_until_boot_at = d->now.boot_at + STARTS_WAIT_US;
    return d->engine_events.n < ENGINE_BATCH_MAX && d->now.boot_at < d->starts_until_boot_at &&
           loop_timer_set(d->loop, &d->starts, d->starts_until_boot_at, deadline_fired, d) == 0;
}

static bool work_waits(struct daemon *d)
{
    return d->ops || d->own || (d->engine_events.n && !starts_wait(d)) || deadline_due(d) ||
           d->look_due || week_waits(d) || refusals_wait(d) || people_due(d->people) <= d->now.wall_at || d->tariff_due_at <= d->now.wall_at;
}

bool turn_run(struct loop *l, void *data)
{
    struct daemon *d = data;
    d->now = loop_now(l);
    turn_drain(d);
    d->turn_events = 0;
    bool marks = marks_look(d);
    bool turns = work_waits(d) || marks;
    if (turns) {
        struct op *ops = take_ops(d);
        int code = turn_try(d, ops);
        if (code == E_NO_SPACE)
            code = turn_full(d, ops);
        if (code < 0 && code != E_NO_SPACE)
            turn_abort(d, code, "commit");
        d->stuck = code < 0; /* until the disk has room again (keep.c tries), or somebody asks */
        if (code == 0) {
            d->engine_events.n = 0;
            d->starts_until_boot_at = 0;
            drop_own(d);
            marks_committed(d);
            week_committed(d);
            refusals_committed(d);
            reload_committed(d);
            notices_look(d); /* hours may have changed */
        }
        answer(ops);
        act_all(d);
        if (d->change_hook && d->changes.n)
            d->change_hook(d->changes.at, d->changes.n, d->change_data);
        d->changes.n = 0;
    }
    turn_set_deadline(d);
    fetch_step(d);
    notices_step(d);
    week_step(d);
    web_before_sleep(d->web);
    if (turns || d->retain_due) /* of a store at rest, too, what is old goes */
        keep_step(d); /* last: nobody waits for it */
    if (d->stopping && (!d->stop_when_idle || core_jobs_n(d->core) == 0)) {
        loop_quit(l, 0);
        return false;
    }
    return d->ops || (d->own && !d->stuck);
}

static int first_try(struct daemon *d, struct err *err)
{
    d->acts.n = d->changes.n = 0;
    d->turn_events = 0;
    d->broken = 0;
    d->now.boot_at = usec_max(d->now.boot_at, d->last_boot_at);
    int code = store_begin(d->store);
    d->in_turn = true;
    for (uint32_t i = 0; i < d->engine_events.n && code == 0 && !d->broken; i++)
        run_engine_event(d, (struct engine_event *)d->engine_events.at + i, NULL);
    if (code == 0)
        code = state_save_clock(d);
    if (code == 0)
        code = gpus_tell(d, err);
    if (code == 0)
        code = accounts_tell(d, err);
    if (code == 0)
        code = people_refresh(d->people, d, err);
    if (code == 0)
        code = tariffs_refresh(d, err);
    if (code == 0)
        code = backup_hold(d, err);
    if (code == 0)
        code = state_decide(d);
    d->in_turn = false;
    if (code == 0)
        code = d->broken;
    if (store_failed(d->store))
        code = store_failed(d->store);
    if (code == 0)
        code = store_commit(d->store);
    else
        store_rollback(d->store);
    return code;
}

int turn_first(struct daemon *d, struct err *err)
{
    d->now = loop_now(d->loop);
    int code = first_try(d, err);
    if (code == E_NO_SPACE) { /* a daemon must come up on a full disk: endings wait to be written */
        log_line("disk", "state=full");
        store_ballast_free(d->store);
        d->disk_full = true;
        look_finish(d);
        rebuild(d);
        code = first_try(d, err);
    }
    if (code == 0) {
        d->engine_events.n = 0;
        act_all(d);
    }
    d->changes.n = 0;
    if (code < 0 && err && !err->text[0])
        err_set(err, code, "the first turn could not be written down: %s",
                store_last_error(d->store));
    return code;
}

void daemon_on_change(struct daemon *d,
                      void (*hook)(const struct daemon_change *changes, uint32_t n, void *data),
                      void *data)
{
    d->change_hook = hook;
    d->change_data = data;
}

void turn_finish(struct daemon *d)
{
    marks_finish(d);
    drop_own(d);
    list_finish(&d->engine_events);
    list_finish(&d->changes);
    list_finish(&d->acts);
    list_finish(&d->acts_later);
}

/* --- looking ------------------------------------------------------------------------------------- */

const struct core *daemon_core(const struct daemon *d) { return d->core; }
struct store *daemon_store(struct daemon *d) { return d->store; }
struct people *daemon_people(struct daemon *d) { return d->people; }
const struct config *daemon_config(const struct daemon *d) { return d->config; }
const char *daemon_config_path(const struct daemon *d) { return d->config_path; }
struct loop *daemon_loop(struct daemon *d) { return d->loop; }

struct loop_now daemon_now(const struct daemon *d)
{
    if (d->in_turn)
        return d->now;
    struct loop_now now = loop_now(d->loop);
    return now;
}

/* A plan of 100,000 rows is 9 MB, and making it takes 30: pages of its own, given back when it is made, and
 * when it is old. */
static size_t whole_pages(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

void plan_drop(struct daemon *d)
{
    d->plan_fresh = false;
    if (d->plan_memory)
        munmap(d->plan_memory, d->plan_size);
    d->plan_memory = NULL;
}

static void plan_old(struct loop_timer *t, void *data)
{
    (void)t;
    plan_drop(data);
    (void)malloc_trim(0); /* what the answers were made of */
}

int daemon_plan(struct daemon *d, struct core_plan *ret)
{
    struct loop_now now = daemon_now(d);
    usec_t age_us = now.wall_at - d->plan.made_at;
    if (d->plan_fresh && age_us >= 0 && age_us < PLAN_AGE_US) {
        *ret = d->plan;
        return 0;
    }
    plan_drop(d);
    size_t size = whole_pages(core_plan_size(d->core));
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return E_NO_MEMORY;
    if (size >= PLAN_HUGE)
        (void)madvise(memory, size, MADV_HUGEPAGE); /* where the kernel has none it is slower, no more */
    d->plan_memory = memory;
    d->plan_size = size;
    const struct core_odds_ask all = { 0, 0 };
    int code = core_plan_odds(d->core, now.wall_at, now.boot_at, &all, memory, size, &d->plan);
    if (code < 0) {
        plan_drop(d);
        return code;
    }
    size_t kept = whole_pages(d->plan.kept);
    if (kept < size && munmap((char *)memory + kept, size - kept) == 0)
        d->plan_size = kept;
    d->plan.odds = (struct core_odds){ 0 }; /* they lay behind the rows */
    d->plan_fresh = true;
    loop_timer_set(d->loop, &d->plan_timer, loop_now(d->loop).boot_at + PLAN_AGE_US, plan_old, d);
    *ret = d->plan;
    return 0;
}
