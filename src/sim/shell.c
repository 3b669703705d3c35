/* shell.c - the turn, the commit, the crash and the way back. */
#include "sim/shell.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sim/switched.h"
#include "sim/timer.h"

#define SNAPSHOT_ROWS 256 /* rows between snapshots: many restarts in a week replay a part */
#define DECIDES_MAX   64  /* decisions in a row without an event between: more is a loop */

const char *shell_bug_word(enum shell_bug bug)
{
    static const char *const words[SHELL_BUG_COUNT] = {
        "sound", "answer-early", "act-early", "no-claim", "forget-keys", "replay-short",
        "forget-early", "free-early", "guess", "tell-fate", "no-release",
        "notice-hours", "notice-late", "notice-twice", "notice-lost", "notice-again",
        "refuse-io",
    };
    return (unsigned)bug < SHELL_BUG_COUNT ? words[bug] : "?";
}

const char *shell_bug_rule(enum shell_bug bug)
{
    static const char *const rules[SHELL_BUG_COUNT] = {
        "", "acked-there", "start-once", "start-once", "same-key", "recovered", "starved",
        "gpu-twice", "never-ran", "same-seed", "gpu-back",
        "notice-hours", "notice-late", "notice-twice", "notice-lost", "notice-again",
        "refused-there",
    };
    return (unsigned)bug < SHELL_BUG_COUNT ? rules[bug] : "?";
}

void shell_init(struct shell *s, struct machine *machine, struct invariant *invariant,
                struct verdict *verdict, const struct shell_hooks *hooks)
{
    memset(s, 0, sizeof(*s));
    s->hooks = *hooks;
    s->machine = machine;
    s->invariant = invariant;
    s->verdict = verdict;
    s->keep_journal = true;
    journal_init(&s->store.journal);
}

void shell_finish(struct shell *s)
{
    journal_finish(&s->store.journal);
    map_finish(&s->store.keys);
    map_finish(&s->store.outcomes);
    free(s->store.requests);
    free(s->store.attempts);
    core_box_finish(&s->box);
    free(s->inbox);
    free(s->staged);
    free(s->updates);
    free(s->answers);
    free(s->facts);
    memset(s, 0, sizeof(*s));
}

/* --- tracing -------------------------------------------------------------------------------------- */

static void trace_event(struct shell *s, const struct core_event *ev)
{
    if (!s->hooks.trace)
        return;
    struct buf line;
    buf_init(&line, 1 << 16);
    event_print(&line, ev);
    if (!line.failed)
        s->hooks.trace(s->hooks.world, line.ptr);
    buf_finish(&line);
}

static void trace_update(struct shell *s, const struct core_update *u)
{
    char line[160];
    if (!s->hooks.trace)
        return;
    if (u->kind == UPDATE_STATE)
        snprintf(line, sizeof(line), "    -> job %u %s -> %s (%s)", u->job, job_state_word(u->from),
                 job_state_word(u->to), reason_word(u->reason));
    else
        snprintf(line, sizeof(line), "    -> %s job %u attempt %u gpus %#" PRIx64 " value %" PRId64,
                 update_word(u->kind), u->job, u->attempt, u->gpus, u->value);
    s->hooks.trace(s->hooks.world, line);
}

static void trace_word(struct shell *s, const char *word)
{
    if (s->hooks.trace)
        s->hooks.trace(s->hooks.world, word);
}

/* --- the store ------------------------------------------------------------------------------------ */

const struct store_request *store_request_of(const struct store *st, job_id job)
{
    size_t low = 0, high = st->requests_n;
    while (low < high) { /* ids rise */
        size_t middle = (low + high) / 2;
        if (st->requests[middle].id + st->requests[middle].tasks <= job)
            low = middle + 1;
        else
            high = middle;
    }
    return low < st->requests_n && st->requests[low].id <= job ? &st->requests[low] : NULL;
}

static struct store_attempt *attempt_row(struct store *st, job_id job, uint32_t number)
{
    for (size_t i = 0; i < st->attempts_n; i++) {
        if (st->attempts[i].job == job && st->attempts[i].number == number)
            return &st->attempts[i];
    }
    return NULL;
}

static uint32_t tasks_of(const struct ev_submit *e)
{
    uint32_t tasks = 0;
    for (uint32_t i = 0; i < e->tasks_n; i++)
        tasks += (e->tasks[i].until - e->tasks[i].from) / e->tasks[i].step + 1;
    return tasks ? tasks : 1;
}

static void keep_request(struct shell *s, const struct staged *st)
{
    struct store *store = &s->store;
    if (st->ev.submit.attempt > 0)
        return; /* an ended job again: its request is there */
    store->requests = sim_grow(store->requests, &store->requests_size, store->requests_n + 1,
                               sizeof(*store->requests));
    if (st->op->key && map_set(&store->keys, st->op->key, (uint32_t)store->requests_n) < 0)
        abort();
    store->requests[store->requests_n++] = (struct store_request){
        .id = st->ev.submit.job, .tasks = tasks_of(&st->ev.submit), .op = st->op->number };
}

static void keep_attempt(struct shell *s, const struct core_update *u)
{
    struct store *store = &s->store;
    store->attempts = sim_grow(store->attempts, &store->attempts_size, store->attempts_n + 1,
                               sizeof(*store->attempts));
    store->attempts[store->attempts_n++] = (struct store_attempt){
        .job = u->job, .number = u->attempt, .gpus = u->gpus };
}

static void drop_attempt(struct store *store, struct store_attempt *a)
{
    if (a)
        *a = store->attempts[--store->attempts_n];
}

/* The rows of an attempt that is over: gone, or kept for its quarantine. */
static void keep_end(struct shell *s, const struct core_event *ev)
{
    job_id job = 0;
    uint32_t number = 0;
    bool quarantine = false;
    if (ev->kind == EVENT_ENDED)
        job = ev->ended.job, number = ev->ended.attempt, quarantine = ev->ended.quarantine;
    else if (ev->kind == EVENT_LOST)
        job = ev->lost.job, number = ev->lost.attempt, quarantine = ev->lost.quarantine;
    else if (ev->kind == EVENT_START_FAILED)
        job = ev->start_failed.job, number = ev->start_failed.attempt;
    struct store_attempt *a = job ? attempt_row(&s->store, job, number) : NULL;
    if (a && quarantine)
        a->over = a->quarantine = true;
    else
        drop_attempt(&s->store, a);
}

/* "Proven never to have run": the machine knows better. */
static void judge_never(struct shell *s, const struct core_event *ev)
{
    if (ev->kind != EVENT_START_FAILED)
        return;
    const struct attempt *a = machine_find(s->machine, ev->start_failed.job, ev->start_failed.attempt);
    if (a && a->claims > 0)
        verdict_break(s->verdict, "never-ran", "job %u attempt %u is said never to have run, and did",
                      a->job, a->number);
}

/* The quarantines that are over, whether their beginning was committed before or in this very turn. */
static void keep_released(struct shell *s)
{
    for (size_t i = 0; i < s->facts_n && s->bug != BUG_NO_RELEASE; i++) {
        if (s->facts[i].kind == FACT_RELEASED)
            drop_attempt(&s->store, attempt_row(&s->store, s->facts[i].job, s->facts[i].attempt));
    }
}

static uint32_t end_of_todo(const struct core_update *u) { return u->to == TODO_DONE ? JOB_COMPLETED : JOB_CANCELLED; }

/* Everything the turn staged, at once: the commit. */
static void commit(struct shell *s)
{
    s->store.drained = s->drained;
    for (size_t i = 0; i < s->staged_n; i++) {
        const struct staged *st = &s->staged[i];
        const struct core_update *updates = s->updates + st->updates_at;
        if (s->keep_journal)
            journal_add(&s->store.journal, &st->ev, st->hash);
        if (st->ev.kind == EVENT_SUBMIT)
            keep_request(s, st);
        judge_never(s, &st->ev);
        keep_end(s, &st->ev);
        for (uint32_t k = 0; k < st->updates_n; k++) {
            const struct core_update *u = &updates[k];
            if (u->kind == UPDATE_START)
                keep_attempt(s, u);
            if (u->kind == UPDATE_STATE && job_state_is_final(u->to)
                && (map_set(&s->store.outcomes, u->job, u->to) < 0))
                abort();
            if (u->kind == UPDATE_TODO && map_set(&s->store.outcomes, u->job, end_of_todo(u)) < 0)
                abort();
        }
        if (s->invariant)
            invariant_committed(s->invariant, &st->ev, s->boot_base_at,
                                st->op ? st->op->number : 0, updates, st->updates_n);
        s->hooks.committed(s->hooks.world, &st->ev, updates, st->updates_n);
    }
    keep_released(s);
    if (s->keep_journal
        && s->store.journal.rows_n >= s->store.journal.snapshot_seq + SNAPSHOT_ROWS)
        journal_snapshot(&s->store.journal, s->box.core);
}

/* --- taking events -------------------------------------------------------------------------------- */

static int give(struct shell *s, struct core_event *ev, const struct op *op)
{
    struct err err = { 0 };
    uint32_t n;
    ev->wall_at = s->wall_at;
    ev->boot_at = s->boot_at - s->boot_base_at;
    uint64_t before = s->invariant ? core_hash(s->box.core) : 0;
    int r = core_box_check(&s->box, ev, &err);
    if (r < 0) {
        trace_event(s, ev);
        trace_word(s, err.text);
        if (s->invariant && core_hash(s->box.core) != before)
            verdict_break(s->verdict, "check-only", "a refused \"%s\" changed the core",
                          event_word(ev->kind));
        if (r == E_FULL)
            verdict_break(s->verdict, "core", "core_check says E_FULL after growing");
        return r;
    }
    if (s->invariant && ev->kind == EVENT_SETTINGS)
        switched_before(s->invariant, s->box.core, ev);
    const struct core_update *updates = core_box_step(&s->box, ev, &n);
    if (s->invariant)
        invariant_stepped(s->invariant, s->box.core, ev, updates, n);
    s->staged = sim_grow(s->staged, &s->staged_size, s->staged_n + 1, sizeof(*s->staged));
    s->updates = sim_grow(s->updates, &s->updates_size, s->updates_n + n + 1, sizeof(*s->updates));
    if (n)
        memcpy(s->updates + s->updates_n, updates, n * sizeof(*updates));
    s->staged[s->staged_n++] = (struct staged){
        .ev = *ev, .op = op, .hash = s->keep_journal ? core_hash(s->box.core) : 0,
        .updates_at = s->updates_n, .updates_n = n };
    s->updates_n += n;
    s->changed = true;
    trace_event(s, ev);
    for (uint32_t i = 0; i < n; i++)
        trace_update(s, &updates[i]);
    return 0;
}

static void answer_later(struct shell *s, const struct op *op, int result, job_id id)
{
    s->answers = sim_grow(s->answers, &s->answers_size, s->answers_n + 1, sizeof(*s->answers));
    s->answers[s->answers_n].op = op;
    s->answers[s->answers_n].result = result;
    s->answers[s->answers_n].id = id;
    s->answers_n++;
}

/* How a job or todo ended: in this very turn, which its transaction sees, or before it. */
static bool ended_as(const struct shell *s, job_id id, uint32_t *ret_state)
{
    for (size_t i = s->updates_n; i-- > 0;) {
        const struct core_update *u = &s->updates[i];
        if (u->job != id || (u->kind != UPDATE_TODO && (u->kind != UPDATE_STATE || !job_state_is_final(u->to))))
            continue;
        *ret_state = u->kind == UPDATE_TODO ? end_of_todo(u) : u->to;
        return true;
    }
    return map_get(&s->store.outcomes, id, ret_state);
}

/* What is known of conditions on jobs that have ended. */
static void fill_outcomes(struct shell *s, const struct op *op, uint32_t deps_n, struct dep *deps)
{
    memcpy(deps, op->deps, sizeof(op->deps));
    for (uint32_t i = 0; i < deps_n; i++) {
        struct core_job job;
        struct core_todo todo;
        uint32_t state, ok = 0, bad = 0, live = 0, n = 1;
        const struct store_request *r = store_request_of(&s->store, deps[i].job);
        if (deps[i].scope && r)
            n = r->tasks;
        for (uint32_t k = 0; k < n; k++) {
            if (core_job_get(s->box.core, deps[i].job + k, &job) ||
                core_todo_get(s->box.core, deps[i].job + k, &todo))
                live++;
            else if (ended_as(s, deps[i].job + k, &state))
                ok += state == JOB_COMPLETED, bad += state != JOB_COMPLETED;
        }
        if (bad && deps[i].kind == DEP_AFTEROK)
            live = 0; /* a task that failed decides for its array, whatever runs again */
        deps[i].outcome = live ? DEP_LIVE : bad ? DEP_NOT_OK : ok ? DEP_OK : DEP_UNKNOWN;
    }
}

static bool lingers(const struct shell *s, job_id job)
{
    for (size_t i = 0; i < s->store.attempts_n; i++) {
        if (s->store.attempts[i].job == job && s->store.attempts[i].over)
            return true;
    }
    for (size_t i = 0; i < s->staged_n; i++) { /* quarantined in this very turn */
        const struct core_event *ev = &s->staged[i].ev;
        if ((ev->kind == EVENT_ENDED && ev->ended.job == job && ev->ended.quarantine)
            || (ev->kind == EVENT_LOST && ev->lost.job == job && ev->lost.quarantine))
            return true;
    }
    return false;
}

static void take_submit(struct shell *s, const struct op *op, struct core_event *ev)
{
    uint32_t known;
    static _Thread_local struct dep deps[OP_DEPS_MAX]; /* lent to the event until its commit below */
    if (op->key && map_get(&s->store.keys, op->key, &known) && ev->submit.attempt == 0) {
        answer_later(s, op, 0, s->store.requests[known].id);
        return;
    }
    for (size_t i = 0; op->key && i < s->staged_n; i++) { /* twice in one turn */
        if (s->staged[i].ev.kind == EVENT_SUBMIT && s->staged[i].op->key == op->key) {
            answer_later(s, op, 0, s->staged[i].ev.submit.job);
            return;
        }
    }
    if (ev->submit.attempt == 0) {
        ev->submit.job = core_last_id(s->box.core) + 1;
        if (ev->submit.tasks_n)
            ev->submit.array = ev->submit.job;
    }
    if (ev->submit.attempt > 0 && lingers(s, ev->submit.job)) {
        answer_later(s, op, E_STATE, 0); /* what may still be running is not started again */
        return;
    }
    fill_outcomes(s, op, ev->submit.deps_n, deps);
    ev->submit.deps = deps;
    int r = give(s, ev, op);
    if (r == 0) /* deps is used again: what is staged borrows the op's, with the outcomes in them */
        memcpy(((struct op *)op)->deps, deps, sizeof(deps));
    if (r == 0)
        s->staged[s->staged_n - 1].ev.submit.deps = op->deps;
    answer_later(s, op, r, r == 0 ? ev->submit.job : 0);
}

/* What is staged borrows the op's conditions, with the outcomes in them. */
static void take_todo(struct shell *s, const struct op *op, struct core_event *ev)
{
    struct dep deps[OP_DEPS_MAX];
    ev->todo_add.todo = core_last_id(s->box.core) + 1;
    fill_outcomes(s, op, ev->todo_add.deps_n, deps);
    ev->todo_add.deps = deps;
    int r = give(s, ev, op);
    if (r == 0) {
        memcpy(((struct op *)op)->deps, deps, sizeof(deps));
        s->staged[s->staged_n - 1].ev.todo_add.deps = op->deps;
    }
    answer_later(s, op, r, r == 0 ? ev->todo_add.todo : 0);
}

static uint32_t gpu_state_of(const struct shell *s, uint32_t gpu)
{
    uint64_t bit = (uint64_t)1 << gpu;
    if (s->machine->gone[gpu])
        return GPU_GONE;
    if (s->quarantined & bit)
        return GPU_QUARANTINED;
    if (s->machine->foreign[gpu])
        return GPU_FOREIGN;
    return s->drained & bit ? GPU_DRAINED : GPU_UP;
}

/* Tell the core what has changed about these GPUs since it was told. */
static void look_at_gpus(struct shell *s, uint64_t mask)
{
    for (uint32_t g = 0; g < s->machine->gpus_n; g++) {
        struct core_gpu known;
        if (!(mask >> g & 1) || !core_gpu_get(s->box.core, g, &known))
            continue;
        struct core_event ev = { .kind = EVENT_GPU,
            .gpu = { .gpu = g, .type = known.type, .state = gpu_state_of(s, g),
                     .watts_mw = known.watts_mw } };
        if (known.state != ev.gpu.state)
            give(s, &ev, NULL);
    }
}

static void take_op(struct shell *s, const struct op *op)
{
    struct core_event ev = op->ev;
    if (ev.kind == EVENT_SUBMIT) {
        take_submit(s, op, &ev);
        return;
    }
    if (ev.kind == EVENT_TODO_ADD) {
        take_todo(s, op, &ev);
        return;
    }
    if (ev.kind == EVENT_GPU) { /* an operator's drain or undrain */
        uint64_t bit = (uint64_t)1 << ev.gpu.gpu;
        s->drained = ev.gpu.state == GPU_DRAINED ? s->drained | bit : s->drained & ~bit;
        look_at_gpus(s, bit);
        answer_later(s, op, 0, 0);
        return;
    }
    answer_later(s, op, give(s, &ev, op), 0);
}

static void count_quarantine(struct shell *s)
{
    s->quarantined = 0;
    for (size_t i = 0; i < s->store.attempts_n; i++) {
        if (s->store.attempts[i].quarantine)
            s->quarantined |= s->store.attempts[i].gpus;
    }
}

static void take_released(struct shell *s, const struct fact *f)
{
    if (s->bug == BUG_NO_RELEASE)
        return;
    s->quarantined &= ~f->gpus; /* a GPU has one user, so one quarantine */
    look_at_gpus(s, f->gpus);
}

/* What its GPUs took, as a probe would have seen: much alike for runs of one command, and of some nobody knows.  Told
 * only under a power cap, where it matters. */
static int64_t watts_of(const struct shell *s, const struct fact *f)
{
    struct core_job j;
    if (core_power(s->box.core).caps_n == 0 || f->cause != END_EXIT || f->code != 0 ||
        !core_job_get(s->box.core, f->job, &j) || f->job % 7 == 0)
        return 0;
    return j.gpus * (int64_t)(150000 + hash_mix(3, j.command_key) % 200000 + hash_mix(5, f->job) % 20000);
}

/* A fact of the machine is an event of the core, unless the core knows it already. */
static void take_fact(struct shell *s, const struct fact *f)
{
    struct core_event ev = { 0 };
    switch (f->kind) {
    case FACT_STARTED:
        ev.kind = EVENT_STARTED;
        ev.started.job = f->job;
        ev.started.attempt = f->attempt;
        break;
    case FACT_START_FAILED:
    case FACT_NEVER_STARTED: /* nobody's fault: no retry is used up */
        ev.kind = EVENT_START_FAILED;
        ev.start_failed.job = f->job;
        ev.start_failed.attempt = f->attempt;
        ev.start_failed.cause = f->kind == FACT_NEVER_STARTED ? END_STOPPED : f->cause;
        break;
    case FACT_ENDED:
        ev.kind = EVENT_ENDED;
        ev.ended.job = f->job;
        ev.ended.attempt = f->attempt;
        ev.ended.cause = f->cause;
        ev.ended.code = f->code;
        ev.ended.signal = (uint32_t)f->signal;
        ev.ended.quarantine = f->quarantine && s->bug != BUG_FREE_EARLY;
        ev.ended.watts_mw = watts_of(s, f);
        break;
    case FACT_LOST:
        ev.kind = EVENT_LOST;
        ev.lost.job = f->job;
        ev.lost.attempt = f->attempt;
        ev.lost.quarantine = f->quarantine && s->bug != BUG_FREE_EARLY;
        break;
    case FACT_RELEASED:
        take_released(s, f);
        return;
    case FACT_GPU:
        look_at_gpus(s, f->gpus);
        return;
    }
    struct core_job job;
    if (!core_job_get(s->box.core, f->job, &job) || job.attempt != f->attempt
        || (f->kind == FACT_STARTED && job.state != JOB_CONFIGURING) || job.state == JOB_PENDING)
        return; /* said before */
    uint64_t gpus = job.gpu_mask;
    give(s, &ev, NULL);
    if (f->quarantine)
        s->quarantined |= gpus;
    if (f->kind == FACT_START_FAILED)
        look_at_gpus(s, gpus); /* somebody else's work may be there */
}

/* --- the turn ------------------------------------------------------------------------------------- */

static bool decision_due(const struct shell *s)
{
    usec_t wall_at, boot_at;
    core_deadline(s->box.core, &wall_at, &boot_at);
    return s->wall_at >= wall_at || s->boot_at - s->boot_base_at >= boot_at;
}

static void decide(struct shell *s)
{
    for (int i = 0; s->changed || decision_due(s); i++) {
        struct core_event ev = { .kind = EVENT_DECIDE };
        if (i == DECIDES_MAX) {
            verdict_break(s->verdict, "deadline-loop", "core_deadline asks for decision after decision");
            return;
        }
        give(s, &ev, NULL);
        s->changed = false;
        s->decisions++;
    }
}

static void answer_all(struct shell *s)
{
    for (size_t i = 0; i < s->answers_n; i++) {
        const struct op *op = s->answers[i].op;
        if (s->invariant && op->ev.kind == EVENT_SUBMIT && s->answers[i].result == 0
            && op->ev.submit.attempt == 0)
            invariant_answered(s->invariant, op->key, op->number, s->answers[i].id);
        s->hooks.answer(s->hooks.world, op, s->answers[i].result, s->answers[i].id);
    }
    s->answers_n = 0;
}

static void act_start(struct shell *s, job_id id, uint32_t attempt, uint64_t gpus)
{
    const struct store_request *r = store_request_of(&s->store, id);
    struct core_job job;
    if (!r && s->bug == BUG_ACT_EARLY)
        return; /* not even this shell can start what has no request */
    assert(r);
    usec_t limit = core_job_get(s->box.core, id, &job) ? job.limit_us : 0;
    uint32_t number = r->op;
    struct op key = { .number = number };
    struct fate fate = s->hooks.fate(s->hooks.world, &key, id - r->id, attempt);
    if (machine_start(s->machine, id, attempt, gpus, limit, &fate) < 0)
        verdict_break(s->verdict, "start-once", "job %u attempt %u is started again", id, attempt);
}

/* The attempt's directory may go once its end is committed and its processes are gone. */
static void forget(struct shell *s, const struct fact *f)
{
    bool over = f->kind == FACT_RELEASED || f->kind == FACT_START_FAILED
                || f->kind == FACT_NEVER_STARTED
                || ((f->kind == FACT_ENDED || f->kind == FACT_LOST) && !f->quarantine);
    if (over)
        machine_forget(s->machine, f->job, f->attempt);
}

/* Idempotent, as after a restart some of it is done again.  Returns false where a crash cuts it off. */
static bool act(struct shell *s, bool crash)
{
    uint32_t done = 0;
    for (size_t i = 0; i < s->updates_n; i++) {
        const struct core_update *u = &s->updates[i];
        if (u->kind == UPDATE_STATE || u->kind == UPDATE_TODO || u->kind == UPDATE_SIGNAL)
            continue; /* what a program does on a signal is its own affair: how it ends is in its fate */
        if (crash && done++ == s->crash_after)
            return false;
        if (u->kind == UPDATE_START)
            act_start(s, u->job, u->attempt, u->gpus);
        else if (u->kind == UPDATE_STOP)
            machine_stop(s->machine, u->job, u->attempt);
        else if (u->kind == UPDATE_LIMIT)
            machine_limit(s->machine, u->job, u->attempt, u->value);
    }
    for (size_t i = 0; i < s->facts_n; i++)
        forget(s, &s->facts[i]);
    return !crash;
}

static void turn_clear(struct shell *s)
{
    s->staged_n = s->updates_n = s->answers_n = s->facts_n = s->inbox_n = 0;
    s->changed = false;
}

static void refuse_all(struct shell *s, int code)
{
    size_t n = s->inbox_n;
    for (size_t i = 0; i < n; i++) {
        const struct op *op = s->inbox[i];
        uint32_t known;
        bool submit = op->ev.kind == EVENT_SUBMIT && op->ev.submit.attempt == 0;
        if (submit && op->key && code == E_NO_SPACE && map_get(&s->store.keys, op->key, &known)) {
            s->hooks.answer(s->hooks.world, op, 0, s->store.requests[known].id); /* it is there since it was asked before */
            continue;
        }
        if (submit && s->invariant)
            invariant_refused(s->invariant, op->number);
        s->hooks.answer(s->hooks.world, op, code, 0);
    }
}

/* SQLITE_FULL: nothing of the turn is there.  The core is built again from the store, submits and
 * commands are refused, facts are asked for again. */
static void disk_full(struct shell *s)
{
    s->disk_full = false;
    trace_word(s, "    disk full: the turn is rolled back");
    refuse_all(s, E_NO_SPACE);
    turn_clear(s);
    core_box_finish(&s->box);
    machine_deaf(s->machine);
    shell_restart(s, s->wall_at, s->boot_at);
}

/* Clients get no answer, and ask again; acts are done when the store has been read again. */
static void io_error(struct shell *s)
{
    trace_word(s, s->io_error == IO_ALL_THERE ? "    I/O error at the commit, which is there" :
                                                "    I/O error at the commit, which is not there");
    if (s->io_error == IO_ALL_THERE)
        commit(s);
    s->io_error = IO_SOUND;
    if (s->bug == BUG_REFUSE_IO)
        refuse_all(s, E_IO);
    shell_kill(s);
}

static void take_all(struct shell *s)
{
    struct fact f;
    for (size_t i = 0; i < s->inbox_n; i++)
        take_op(s, s->inbox[i]);
    while (machine_next(s->machine, &f)) {
        s->facts = sim_grow(s->facts, &s->facts_size, s->facts_n + 1, sizeof(*s->facts));
        s->facts[s->facts_n++] = f;
        take_fact(s, &f);
        if (s->bug == BUG_FORGET_EARLY)
            forget(s, &f);
    }
    decide(s);
}

/* What a careless daemon would do before its commit. */
static void planted_early(struct shell *s)
{
    if (s->bug == BUG_ANSWER_EARLY)
        answer_all(s);
    if (s->bug == BUG_ACT_EARLY)
        act(s, false);
    if (s->bug == BUG_TELL_FATE && s->box.core) {
        struct core_event ev = { .kind = EVENT_PERSON,
            .person = { .person = 1, .weight_milli = 1000 + (uint32_t)(s->luck++ % 2) } };
        give(s, &ev, NULL);
    }
}

bool shell_turn(struct shell *s, usec_t wall_at, usec_t boot_at)
{
    if (!s->up)
        return true;
    s->wall_at = wall_at;
    s->boot_at = boot_at;
    take_all(s);
    if (s->staged_n == 0) {
        keep_released(s);
        answer_all(s);
        turn_clear(s);
        return true;
    }
    s->turns++;
    enum crash_point crash = s->crash;
    s->crash = CRASH_NONE;
    planted_early(s);
    if (crash == CRASH_BEFORE_COMMIT) {
        shell_kill(s);
        return false;
    }
    if (s->disk_full) {
        disk_full(s);
        return true;
    }
    if (s->io_error) {
        io_error(s);
        return false;
    }
    commit(s);
    if (crash == CRASH_AFTER_COMMIT) {
        shell_kill(s);
        return false;
    }
    answer_all(s);
    if (crash == CRASH_AFTER_ANSWER || !act(s, crash == CRASH_IN_ACT)) {
        shell_kill(s);
        return false;
    }
    turn_clear(s);
    return true;
}

void shell_send(struct shell *s, const struct op *op)
{
    s->inbox = sim_grow(s->inbox, &s->inbox_size, s->inbox_n + 1, sizeof(*s->inbox));
    s->inbox[s->inbox_n++] = op;
}

usec_t shell_due(const struct shell *s, usec_t wall_at, usec_t boot_at)
{
    usec_t wall_due, boot_due;
    if (!s->up)
        return USEC_NEVER;
    if (s->inbox_n || s->changed || s->machine->facts_at < s->machine->facts_n)
        return boot_at;
    core_deadline(s->box.core, &wall_due, &boot_due);
    boot_due = usec_add(boot_due, s->boot_base_at);
    if (wall_due != USEC_NEVER)
        boot_due = usec_min(boot_due, usec_add(boot_at, usec_max(wall_due - wall_at, 0)));
    return usec_max(boot_due, boot_at);
}

/* --- beginnings ----------------------------------------------------------------------------------- */

void shell_found(struct shell *s, const struct core_event *events, size_t n, usec_t wall_at,
                 usec_t boot_at)
{
    s->up = true;
    s->wall_at = wall_at;
    s->boot_at = boot_at;
    s->machine->no_claim = s->bug == BUG_NO_CLAIM;
    core_box_init(&s->box, &BOX_SMALL);
    for (size_t i = 0; i < n; i++) {
        struct core_event ev = events[i];
        if (give(s, &ev, NULL) < 0)
            verdict_break(s->verdict, "core", "the first \"%s\" is refused", event_word(ev.kind));
    }
    commit(s);
    turn_clear(s);
}

void shell_kill(struct shell *s)
{
    trace_word(s, "    the daemon dies");
    s->up = false;
    s->crash = CRASH_NONE;
    turn_clear(s);
    core_box_finish(&s->box);
    machine_deaf(s->machine);
}

/* The acts that a crash may have cut off, again; then ask the machine about every attempt. */
static void recover_attempts(struct shell *s)
{
    for (size_t i = 0; i < s->store.attempts_n; i++) {
        const struct store_attempt a = s->store.attempts[i];
        struct core_job job;
        bool live = core_job_get(s->box.core, a.job, &job) && job.attempt == a.number;
        if (s->bug == BUG_NO_CLAIM && live && !a.over && !machine_find(s->machine, a.job, a.number))
            act_start(s, a.job, a.number, a.gpus);
        if (s->bug == BUG_NO_CLAIM && live && job.state == JOB_CONFIGURING)
            act_start(s, a.job, a.number, a.gpus);
        if (s->bug == BUG_GUESS && live && job.state == JOB_CONFIGURING) {
            take_fact(s, &(struct fact){ .kind = FACT_NEVER_STARTED, .job = a.job,
                                         .attempt = a.number });
            continue;
        }
        machine_recover(s->machine, a.job, a.number);
        if (!live || a.over)
            continue;
        machine_limit(s->machine, a.job, a.number, job.limit_us);
        if (job.state == JOB_COMPLETING)
            machine_stop(s->machine, a.job, a.number);
    }
}

void shell_restart(struct shell *s, usec_t wall_at, usec_t boot_at)
{
    struct err err = { 0 };
    uint64_t seq = 0;
    s->restarts++;
    s->wall_at = wall_at;
    s->boot_at = boot_at;
    if (s->bug == BUG_REPLAY_SHORT && s->store.journal.rows_n > s->store.journal.snapshot_seq)
        s->store.journal.rows_n--;
    if (s->bug == BUG_FORGET_KEYS)
        map_finish(&s->store.keys);
    int r = journal_open(&s->store.journal, &s->box, &seq, &err);
    if (r < 0) {
        verdict_break(s->verdict, "replay", "reading row %" PRIu64 " again: %s", seq, err.text);
        core_box_finish(&s->box);
        return;
    }
    s->up = true;
    trace_word(s, "    the daemon is back");
    if (s->invariant)
        invariant_recovered(s->invariant, s->box.core);
    count_quarantine(s);
    s->drained = s->store.drained;
    s->machine->heard = true;
    recover_attempts(s);
    look_at_gpus(s, UINT64_MAX);
    s->changed = true;
}
