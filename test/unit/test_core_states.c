/* What becomes of jobs: every state with every event, dependencies, timers, limits. */
#include "core_desk.h"
#include "core/estimate.h"
#include "core/retry.h"
#include "core/state.h"

/* --- every state x every event ---------------------------------------------------------------- */

enum from { PENDING, HELD, CONFIGURING, RUNNING, CANCELLING, REQUEUING, FROM_COUNT };
static const char *const from_words[] = { "pending", "held", "configuring", "running", "cancelling", "requeuing" };

/* Bring job 1 to a state. */
static void bring(struct desk *d, enum from from, uint32_t retries, uint32_t flags)
{
    desk_begin(d, 1, POLICY_EASY);
    desk_submit(d, (struct ev_submit){ .gpus = 1, .retries = retries, .backoff_us = MIN,
                                       .flags = flags | (from == HELD ? JOB_HELD : 0) });
    if (from <= HELD)
        return;
    desk_decide(d);
    assert_int_equal(desk_state(d, 1), JOB_CONFIGURING);
    if (from == CONFIGURING)
        return;
    desk_started(d, 1);
    desk_pass(d, 10 * MIN);
    if (from == CANCELLING)
        desk_do(d, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { 1, 0, 1, 0 } });
    if (from == REQUEUING)
        desk_do(d, (struct core_event){ .kind = EVENT_REQUEUE, .requeue = { 1, 0, 1, 0 } });
}

#define REFUSED 99 /* core_check says E_STATE and nothing changes */
#define SAME    98 /* accepted; the state stays */
#define EV(name, ...) { .kind = EVENT_##name, __VA_ARGS__ }

static const struct {
    const char *what;
    struct core_event ev;
    int to[FROM_COUNT];
} table[] = {
    { "cancel", EV(CANCEL, .cancel = { 1, 0, 1, 0 }),
      { JOB_CANCELLED, JOB_CANCELLED, JOB_COMPLETING, JOB_COMPLETING, REFUSED, JOB_COMPLETING } },
    { "hold", EV(HOLD, .hold = { 1, 0, 0, 0 }),
      { SAME, SAME, REFUSED, REFUSED, REFUSED, REFUSED } },
    { "release", EV(RELEASE, .release = { 1, 0, 0, 0 }),
      { SAME, SAME, REFUSED, REFUSED, REFUSED, REFUSED } },
    { "first", EV(FIRST, .first = { 1, 0, 0 }),
      { SAME, SAME, REFUSED, REFUSED, REFUSED, REFUSED } },
    { "requeue", EV(REQUEUE, .requeue = { 1, 0, 1, 0 }),
      { REFUSED, REFUSED, JOB_COMPLETING, JOB_COMPLETING, REFUSED, SAME } },
    { "set nice", EV(SET, .set = { 1, 0, SET_NICE, 5, 0 }),
      { SAME, SAME, REFUSED, REFUSED, REFUSED, REFUSED } },
    { "set limit", EV(SET, .set = { 1, 0, SET_LIMIT_US, 5 * HOUR, 0 }),
      { SAME, SAME, SAME, SAME, REFUSED, SAME } },
    { "started", EV(STARTED, .started = { 1, 1, 0 }),
      { REFUSED, REFUSED, JOB_RUNNING, REFUSED, SAME, SAME } },
    { "started, another attempt", EV(STARTED, .started = { 1, 2, 0 }),
      { REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED } },
    { "start failed: launch", EV(START_FAILED, .start_failed = { 1, 1, END_LAUNCH, 0 }),
      { REFUSED, REFUSED, JOB_FAILED, REFUSED, JOB_CANCELLED, JOB_PENDING } },
    { "start failed: gpu busy", EV(START_FAILED, .start_failed = { 1, 1, END_GPU_BUSY, 0 }),
      { REFUSED, REFUSED, JOB_PENDING, REFUSED, JOB_CANCELLED, JOB_PENDING } },
    { "start failed: stopped", EV(START_FAILED, .start_failed = { 1, 1, END_STOPPED, 0 }),
      { REFUSED, REFUSED, JOB_PENDING, REFUSED, JOB_CANCELLED, JOB_PENDING } },
    { "ended: 0", EV(ENDED, .ended = { 1, 1, END_EXIT, 0, 0, 0, 0 }),
      { REFUSED, REFUSED, JOB_COMPLETED, JOB_COMPLETED, JOB_CANCELLED, JOB_PENDING } },
    { "ended: 3", EV(ENDED, .ended = { 1, 1, END_EXIT, 3, 0, 0, 0 }),
      { REFUSED, REFUSED, JOB_FAILED, JOB_FAILED, JOB_CANCELLED, JOB_PENDING } },
    { "ended: signal", EV(ENDED, .ended = { 1, 1, END_SIGNAL, 0, 9, 0, 0 }),
      { REFUSED, REFUSED, JOB_FAILED, JOB_FAILED, JOB_CANCELLED, JOB_PENDING } },
    { "ended: oom", EV(ENDED, .ended = { 1, 1, END_OOM, 0, 0, 0, 0 }),
      { REFUSED, REFUSED, JOB_OUT_OF_MEMORY, JOB_OUT_OF_MEMORY, JOB_CANCELLED, JOB_PENDING } },
    { "ended: time limit", EV(ENDED, .ended = { 1, 1, END_TIME_LIMIT, 0, 0, 0, 0 }),
      { REFUSED, REFUSED, JOB_TIMEOUT, JOB_TIMEOUT, JOB_CANCELLED, JOB_PENDING } },
    { "ended: launch", EV(ENDED, .ended = { 1, 1, END_LAUNCH, 0, 0, 0, 0 }),
      { REFUSED, REFUSED, JOB_FAILED, JOB_FAILED, JOB_CANCELLED, JOB_PENDING } },
    { "ended: gpu busy", EV(ENDED, .ended = { 1, 1, END_GPU_BUSY, 0, 0, 0, 0 }),
      { REFUSED, REFUSED, JOB_PENDING, JOB_FAILED, JOB_CANCELLED, JOB_PENDING } },
    { "ended: stopped", EV(ENDED, .ended = { 1, 1, END_STOPPED, 0, 15, 0, 0 }),
      { REFUSED, REFUSED, JOB_CANCELLED, JOB_CANCELLED, JOB_CANCELLED, JOB_PENDING } },
    { "ended, not proven gone", EV(ENDED, .ended = { 1, 1, END_EXIT, 3, 0, 1, 0 }),
      { REFUSED, REFUSED, JOB_FAILED, JOB_FAILED, JOB_CANCELLED, JOB_NODE_FAIL } },
    { "ended: launch, not proven gone", EV(ENDED, .ended = { 1, 1, END_LAUNCH, 0, 0, 1, 0 }),
      { REFUSED, REFUSED, JOB_FAILED, JOB_FAILED, JOB_CANCELLED, JOB_NODE_FAIL } },
    { "ended, another attempt", EV(ENDED, .ended = { 1, 7, END_EXIT, 0, 0, 0, 0 }),
      { REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED } },
    { "lost", EV(LOST, .lost = { 1, 1, 0, 0 }),
      { REFUSED, REFUSED, JOB_NODE_FAIL, JOB_NODE_FAIL, JOB_CANCELLED, JOB_PENDING } },
    { "lost, not proven gone", EV(LOST, .lost = { 1, 1, 1, 0 }),
      { REFUSED, REFUSED, JOB_NODE_FAIL, JOB_NODE_FAIL, JOB_CANCELLED, JOB_NODE_FAIL } },
    { "progress", EV(PROGRESS, .progress = { 1, 1, 500000, 0 }),
      { REFUSED, REFUSED, SAME, SAME, SAME, SAME } },
    { "decide", EV(DECIDE), { JOB_CONFIGURING, SAME, SAME, SAME, SAME, SAME } },
};

static void test_every_state_and_event(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof table / sizeof table[0]; row++)
        for (int from = 0; from < FROM_COUNT; from++) {
            static struct desk d;
            struct core_event ev = table[row].ev;
            bring(&d, (enum from)from, 0, 0);
            enum job_state before = desk_state(&d, 1), after = before;
            uint64_t hash = core_hash(d.core);
            int r = desk_try(&d, &ev), want = table[row].to[from];
            if (r == 0)
                for (uint32_t i = 0; i < d.updates_n; i++)
                    if (d.updates[i].kind == UPDATE_STATE) {
                        if (d.updates[i].from != after)
                            fail_msg("%s while %s: updates do not join", table[row].what, from_words[from]);
                        after = (enum job_state)d.updates[i].to;
                    }
            bool good = want == REFUSED ? r == E_STATE && core_hash(d.core) == hash
                                        : r == 0 && (int)after == (want == SAME ? (int)before : want);
            if (!good)
                fail_msg("%s while %s: code %d, state %s", table[row].what, from_words[from], r,
                         job_state_word(after));
            /* What the updates said is what is there. */
            enum job_state there = desk_state(&d, 1);
            assert_int_equal(there, job_state_is_final(after) ? JOB_NONE : after);
            desk_end(&d);
        }
}

/* --- what is out of range is refused in every state, and changes nothing ------------------------ */

static const struct {
    const char *what;
    struct core_event ev;
    int code;
} beyond[] = {
    { "scope of a cancel", EV(CANCEL, .cancel = { 1, 2, 1, 0 }), E_INVALID },
    { "scope of a hold", EV(HOLD, .hold = { 1, 2, 0, 0 }), E_INVALID },
    { "scope of a release", EV(RELEASE, .release = { 1, 2, 0, 0 }), E_INVALID },
    { "scope of a first", EV(FIRST, .first = { 1, 2, 0 }), E_INVALID },
    { "scope of a requeue", EV(REQUEUE, .requeue = { 1, 2, 1, 0 }), E_INVALID },
    { "scope of a set", EV(SET, .set = { 1, 2, SET_NICE, 5, 0 }), E_INVALID },
    { "cause of a failed start", EV(START_FAILED, .start_failed = { 1, 1, END_CAUSE_COUNT, 0 }), E_INVALID },
    { "cause of an end", EV(ENDED, .ended = { 1, 1, END_CAUSE_COUNT, 0, 0, 0, 0 }), E_INVALID },
    { "progress", EV(PROGRESS, .progress = { 1, 1, 1000001, 0 }), E_INVALID },
    { "a person's number", EV(PERSON, .person = { .person = 0 }), E_INVALID },
    { "whose hours", EV(AVAIL, .avail = { .person = CORE_PERSONS_MAX + 1 }), E_INVALID },
    { "who offers", EV(OFFER, .offer = { .person = 0 }), E_INVALID },
    { "CPUs of a machine", EV(MACHINE, .machine = { CPUS_MAX + 1, 1024 }), E_TOO_LARGE },
    { "kind of an event", { .kind = EVENT_COUNT }, E_INVALID },
};

static void test_beyond(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof beyond / sizeof beyond[0]; row++)
        for (int from = 0; from < FROM_COUNT; from++) {
            static struct desk d;
            struct core_event ev = beyond[row].ev;
            struct err err = { 0 };
            bring(&d, (enum from)from, 0, 0);
            uint64_t hash = core_hash(d.core);
            ev.wall_at = d.wall_at;
            ev.boot_at = d.boot_at;
            int r = core_check(d.core, &ev, &err);
            if (r != beyond[row].code || !err.text[0] || core_hash(d.core) != hash)
                fail_msg("%s while %s: code %d, \"%s\"", beyond[row].what, from_words[from], r, err.text);
            desk_end(&d);
        }
}

static void test_unknown_job(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 1, POLICY_EASY);
    for (size_t row = 0; row < sizeof table / sizeof table[0]; row++) {
        struct core_event ev = table[row].ev;
        if (ev.kind != EVENT_DECIDE)
            assert_int_equal(desk_try(&d, &ev), E_NOT_FOUND);
    }
    desk_end(&d);
}

/* --- stop, retry, quarantine ------------------------------------------------------------------ */

static void test_cancel_running_stops_then_frees(void **state)
{
    (void)state;
    static struct desk d;
    bring(&d, RUNNING, 3, 0);
    desk_do(&d, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { 1, 0, 1, 0 } });
    const struct core_update *stop = desk_update(&d, UPDATE_STOP, 1);
    assert_non_null(stop);
    assert_int_equal(stop->attempt, 1);
    assert_int_equal(core_count(d.core).gpus_busy, 1); /* not free before it is gone */
    desk_ended(&d, 1, END_STOPPED, 0);
    assert_int_equal(desk_state(&d, 1), JOB_NONE);
    assert_int_equal(core_count(d.core).gpus_busy, 0);
    desk_end(&d);
}

static void test_retries_back_off_doubling(void **state)
{
    (void)state;
    static struct desk d;
    bring(&d, RUNNING, 9, 0);
    for (uint32_t attempt = 1; attempt <= 9; attempt++) {
        usec_t wall_at, boot_at, wait = MIN << (attempt - 1 < 6 ? attempt - 1 : 6);
        desk_ended(&d, 1, END_EXIT, 1);
        assert_int_equal(desk_job(&d, 1).reason, REASON_BACKOFF);
        assert_int_equal(desk_job(&d, 1).retries_left, 9 - attempt);
        core_deadline(d.core, &wall_at, &boot_at);
        assert_true(boot_at == d.boot_at + wait);
        desk_pass(&d, wait - 1);
        desk_decide(&d);
        assert_int_equal(desk_state(&d, 1), JOB_PENDING);
        desk_pass(&d, 1);
        desk_decide(&d);
        assert_int_equal(desk_state(&d, 1), JOB_CONFIGURING);
        assert_int_equal(desk_job(&d, 1).attempt, attempt + 1);
        desk_started(&d, 1);
    }
    desk_ended(&d, 1, END_EXIT, 1);
    assert_int_equal(desk_state(&d, 1), JOB_NONE);
    desk_end(&d);
}

static void test_quarantine_until_up(void **state)
{
    (void)state;
    static struct desk d;
    struct core_gpu gpu;
    bring(&d, RUNNING, 5, JOB_REQUEUE);
    desk_do(&d, (struct core_event){ .kind = EVENT_ENDED, .ended = { 1, 1, END_EXIT, 1, 0, 1, 0 } });
    assert_int_equal(desk_state(&d, 1), JOB_NONE); /* retries or not: it may still be running */
    assert_true(core_gpu_get(d.core, 0, &gpu));
    assert_int_equal(gpu.state, GPU_QUARANTINED);
    job_id next = desk_submit(&d, (struct ev_submit){ .gpus = 1 });
    desk_decide(&d);
    assert_int_equal(desk_job(&d, next).reason, REASON_GPU_TAKEN);
    desk_do(&d, (struct core_event){ .kind = EVENT_GPU, .gpu = { 0, 1, GPU_UP, 0 } });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, next), JOB_CONFIGURING);
    desk_end(&d);
}

static void test_lost_waits_again_if_allowed(void **state)
{
    (void)state;
    static struct desk d;
    bring(&d, RUNNING, 0, JOB_REQUEUE);
    desk_do(&d, (struct core_event){ .kind = EVENT_LOST, .lost = { 1, 1, 0, 0 } });
    assert_int_equal(desk_state(&d, 1), JOB_PENDING);
    desk_decide(&d);
    assert_int_equal(desk_job(&d, 1).attempt, 2);
    desk_end(&d);
    bring(&d, RUNNING, 0, JOB_REQUEUE);
    desk_do(&d, (struct core_event){ .kind = EVENT_LOST, .lost = { 1, 1, 1, 0 } });
    assert_int_equal(desk_state(&d, 1), JOB_NONE); /* it may still be running: never twice */
    desk_end(&d);
}

static void test_short_run_unseen(void **state)
{
    (void)state;
    static struct desk d;
    bring(&d, CONFIGURING, 0, 0);
    desk_pass(&d, 5 * SEC);
    desk_ended(&d, 1, END_EXIT, 0);
    assert_int_equal(d.updates_n, 2);
    assert_int_equal(d.updates[0].to, JOB_RUNNING);
    assert_int_equal(d.updates[1].from, JOB_RUNNING);
    assert_int_equal(d.updates[1].to, JOB_COMPLETED);
    desk_end(&d);
}

static void test_requeued_under_its_id(void **state)
{
    (void)state;
    static struct desk d;
    bring(&d, RUNNING, 0, 0);
    desk_submit(&d, (struct ev_submit){ .gpus = 1 });
    desk_ended(&d, 1, END_EXIT, 1);
    desk_pass(&d, SEC);
    desk_submit(&d, (struct ev_submit){ .job = 1, .attempt = 1, .gpus = 1 });
    struct core_event again = { .kind = EVENT_SUBMIT,
                                .submit = { .job = 1, .attempt = 1, .owner = 1, .submitter = 1, .cpus = 1 } };
    assert_int_equal(desk_try(&d, &again), E_STATE);
    again.submit.job = 2;
    again.submit.attempt = 0;
    assert_int_equal(desk_try(&d, &again), E_EXISTS);
    desk_decide(&d);
    desk_started(&d, 2); /* submitted earlier than the requeue */
    desk_ended(&d, 2, END_EXIT, 0);
    desk_decide(&d);
    assert_int_equal(desk_job(&d, 1).attempt, 2);
    desk_end(&d);
}

/* --- times ------------------------------------------------------------------------------------ */

static void test_begin_time_and_deadline(void **state)
{
    (void)state;
    static struct desk d;
    usec_t wall_at, boot_at;
    desk_begin(&d, 0, POLICY_BLEND);
    usec_t begin_at = d.wall_at + HOUR;
    job_id a = desk_submit(&d, (struct ev_submit){ .begin_at = begin_at });
    job_id b = desk_submit(&d, (struct ev_submit){ .begin_at = begin_at + HOUR, .deadline_at = begin_at + 1 });
    desk_decide(&d);
    assert_int_equal(desk_job(&d, a).reason, REASON_BEGIN_TIME);
    core_deadline(d.core, &wall_at, &boot_at);
    assert_true(wall_at == begin_at && boot_at == USEC_NEVER);
    desk_pass(&d, HOUR);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, a), JOB_CONFIGURING);
    core_deadline(d.core, &wall_at, &boot_at);
    assert_true(wall_at == begin_at + 1);
    desk_pass(&d, 1);
    desk_decide(&d);
    const struct core_update *u = desk_update(&d, UPDATE_STATE, b);
    assert_non_null(u);
    assert_int_equal(u->to, JOB_DEADLINE);
    core_deadline(d.core, &wall_at, &boot_at);
    assert_true(wall_at == USEC_NEVER && boot_at == USEC_NEVER);
    desk_end(&d);
}

static void test_wall_clock_stepped_back(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 1, POLICY_BLEND);
    desk_submit(&d, (struct ev_submit){ .gpus = 1 });
    job_id b = desk_submit(&d, (struct ev_submit){ .gpus = 1, .begin_at = d.wall_at + HOUR });
    desk_pass(&d, HOUR);
    desk_decide(&d);
    d.wall_at -= 400 * USEC_PER_DAY;
    desk_started(&d, 1);
    desk_ended(&d, 1, END_EXIT, 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, b), JOB_CONFIGURING); /* its begin had come; it does not unhappen */
    desk_end(&d);
}

static void test_reboot_keeps_lengths(void **state)
{
    (void)state;
    static struct desk d;
    usec_t wall_at, boot_at;
    bring(&d, RUNNING, 1, 0);
    desk_decide(&d); /* the last that was heard: it has run for 10 minutes */
    d.boot_at = 5 * SEC;
    desk_decide(&d);
    assert_true(d.boot_at - desk_job(&d, 1).start_boot_at == 10 * MIN);
    desk_ended(&d, 1, END_EXIT, 1);
    core_deadline(d.core, &wall_at, &boot_at);
    assert_true(boot_at == 5 * SEC + MIN);
    d.boot_at = 2 * SEC; /* again, while it backs off */
    desk_decide(&d);
    core_deadline(d.core, &wall_at, &boot_at);
    assert_true(boot_at == 2 * SEC + MIN);
    desk_end(&d);
}

/* --- dependencies ----------------------------------------------------------------------------- */

enum fate { STILL_PENDING, STILL_RUNNING, OK, NOT_OK, CANCELLED_PENDING, FATE_COUNT };

static void meet_fate(struct desk *d, job_id job, enum fate fate)
{
    if (fate == STILL_PENDING)
        return;
    if (fate == CANCELLED_PENDING) {
        desk_do(d, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { job, 0, 1, 0 } });
        return;
    }
    desk_do(d, (struct core_event){ .kind = EVENT_RELEASE, .release = { job, 0, 0, 0 } });
    desk_decide(d);
    desk_started(d, job);
    if (fate != STILL_RUNNING)
        desk_ended(d, job, END_EXIT, fate == NOT_OK);
}

static void test_dependency_table(void **state)
{
    (void)state;
    enum { GO, WAIT, NEVER };
    static const int want[DEP_KIND_COUNT][FATE_COUNT] = {
        /*                  pending running ok  not-ok cancelled */
        [DEP_AFTER]      = { WAIT, GO,   GO,    GO,    GO },
        [DEP_AFTEROK]    = { WAIT, WAIT, GO,    NEVER, NEVER },
        [DEP_AFTERNOTOK] = { WAIT, WAIT, NEVER, GO,    GO },
        [DEP_AFTERANY]   = { WAIT, WAIT, GO,    GO,    GO },
    };
    for (uint32_t kind = 0; kind < DEP_KIND_COUNT; kind++)
        for (int fate = 0; fate < FATE_COUNT; fate++)
            for (int late = 0; late < 2; late++) { /* submitted before its target's fate, or after */
                static struct desk d;
                struct dep dep = { .kind = kind };
                desk_begin(&d, 0, POLICY_BLEND);
                job_id target = desk_submit(&d, (struct ev_submit){ .flags = JOB_HELD });
                dep.job = target;
                job_id waiter = 0;
                if (!late)
                    waiter = desk_submit(&d, (struct ev_submit){ .deps = &dep, .deps_n = 1 });
                meet_fate(&d, target, (enum fate)fate);
                if (late) {
                    if (desk_state(&d, target) == JOB_NONE)
                        dep.outcome = fate == OK ? DEP_OK : DEP_NOT_OK;
                    waiter = desk_submit(&d, (struct ev_submit){ .deps = &dep, .deps_n = 1 });
                }
                desk_decide(&d);
                struct core_job j = desk_job(&d, waiter);
                int got = j.state == JOB_CONFIGURING ? GO : j.reason == REASON_DEPENDENCY_NEVER ? NEVER : WAIT;
                if (got != want[kind][fate] || (got == WAIT && j.reason != REASON_DEPENDENCY))
                    fail_msg("kind %u, fate %d, late %d: %s, %s", kind, fate, late, job_state_word(j.state),
                             reason_word(j.reason));
                if (got == NEVER) /* it can still be cancelled */
                    desk_do(&d, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { waiter, 0, 1, 0 } });
                desk_end(&d);
            }
}

static void test_dependency_unknown_and_missing(void **state)
{
    (void)state;
    static struct desk d;
    struct dep dep = { .kind = DEP_AFTEROK, .job = 77, .outcome = DEP_UNKNOWN };
    desk_begin(&d, 0, POLICY_BLEND);
    desk_submit(&d, (struct ev_submit){ .deps = &dep, .deps_n = 1 });
    assert_int_equal(desk_job(&d, 1).reason, REASON_DEPENDENCY_NEVER); /* success is never guessed */
    dep.kind = DEP_AFTERANY;
    desk_submit(&d, (struct ev_submit){ .deps = &dep, .deps_n = 1 });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, 2), JOB_CONFIGURING);
    struct core_event ev = { .kind = EVENT_SUBMIT, .submit = { .job = 3, .owner = 1, .submitter = 1, .cpus = 1,
                             .deps = &dep, .deps_n = 1 } };
    dep.outcome = DEP_LIVE;
    assert_int_equal(desk_try(&d, &ev), E_NOT_FOUND);
    desk_end(&d);
}

/* afterok:1 ? afternotok:2 , afterany:3 */
static void test_dependency_groups(void **state)
{
    (void)state;
    for (int ok1 = 0; ok1 < 2; ok1++)
        for (int ok2 = 0; ok2 < 2; ok2++) {
            static struct desk d;
            struct dep deps[] = { { DEP_AFTEROK, 1, 0, 7, DEP_LIVE, 0 }, { DEP_AFTERNOTOK, 2, 0, 7, DEP_LIVE, 0 },
                                  { DEP_AFTERANY, 3, 0, 9, DEP_LIVE, 0 } };
            desk_begin(&d, 0, POLICY_BLEND);
            for (int i = 0; i < 3; i++)
                desk_submit(&d, (struct ev_submit){ .flags = JOB_HELD });
            job_id w = desk_submit(&d, (struct ev_submit){ .deps = deps, .deps_n = 3 });
            meet_fate(&d, 1, ok1 ? OK : NOT_OK);
            meet_fate(&d, 2, ok2 ? OK : NOT_OK);
            bool either = ok1 || !ok2;
            assert_int_equal(desk_job(&d, w).reason, either ? REASON_DEPENDENCY : REASON_DEPENDENCY_NEVER);
            meet_fate(&d, 3, NOT_OK);
            desk_decide(&d);
            assert_int_equal(desk_state(&d, w), either ? JOB_CONFIGURING : JOB_PENDING);
            desk_end(&d);
        }
}

static void test_dependency_on_array(void **state)
{
    (void)state;
    static const struct { uint32_t kind; bool fail_one; bool go; } rows[] = {
        { DEP_AFTEROK, false, true }, { DEP_AFTEROK, true, false }, { DEP_AFTERNOTOK, false, false },
        { DEP_AFTERNOTOK, true, true }, { DEP_AFTERANY, true, true }, { DEP_AFTERANY, false, true } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct desk d;
        struct range r = { 0, 4, 1 };
        desk_begin(&d, 0, POLICY_BLEND);
        job_id a = desk_submit(&d, (struct ev_submit){ .tasks = &r, .tasks_n = 1 });
        struct dep dep = { .kind = rows[i].kind, .job = a, .scope = 1 };
        struct range many = { 1, 3, 1 };
        job_id w = desk_submit(&d, (struct ev_submit){ .deps = &dep, .deps_n = 1, .tasks = &many, .tasks_n = 1 });
        desk_decide(&d);
        assert_int_equal(desk_count(&d, UPDATE_START), 5);
        for (job_id t = a; t < a + 5; t++) {
            assert_int_equal(desk_state(&d, w), JOB_PENDING);
            desk_ended(&d, t, END_EXIT, rows[i].fail_one && t == a + 2);
        }
        desk_decide(&d);
        for (job_id t = w; t < w + 3; t++)
            assert_int_equal(desk_state(&d, t), rows[i].go ? JOB_CONFIGURING : JOB_PENDING);
        desk_end(&d);
    }
}

static void test_dependency_delay(void **state)
{
    (void)state;
    static struct desk d;
    usec_t wall_at, boot_at;
    struct dep dep = { .kind = DEP_AFTER, .job = 1, .delay_s = 600 };
    desk_begin(&d, 0, POLICY_BLEND);
    desk_submit(&d, (struct ev_submit){ 0 });
    job_id w = desk_submit(&d, (struct ev_submit){ .deps = &dep, .deps_n = 1 });
    desk_decide(&d);
    desk_pass(&d, MIN);
    desk_started(&d, 1);
    core_deadline(d.core, &wall_at, &boot_at);
    assert_true(boot_at == d.boot_at + 600 * SEC);
    desk_pass(&d, 600 * SEC - 1);
    desk_decide(&d);
    assert_int_equal(desk_job(&d, w).reason, REASON_DEPENDENCY);
    desk_pass(&d, 1);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, w), JOB_CONFIGURING);
    desk_end(&d);
}

/* The last task to begin counts, also when one behind it ends without having begun. */
static void test_dependency_delay_of_array(void **state)
{
    (void)state;
    static struct desk d;
    struct range two = { 1, 2, 1 };
    desk_begin(&d, 0, POLICY_BLEND);
    job_id a = desk_submit(&d, (struct ev_submit){ .tasks = &two, .tasks_n = 1, .array_max = 1 });
    struct dep dep = { .kind = DEP_AFTER, .job = a, .scope = 1, .delay_s = 600 };
    job_id w = desk_submit(&d, (struct ev_submit){ .deps = &dep, .deps_n = 1 });
    desk_decide(&d);
    desk_started(&d, a);
    desk_pass(&d, MIN);
    desk_do(&d, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { a + 1, 0, 1, 0 } });
    desk_decide(&d);
    assert_int_equal(desk_job(&d, w).reason, REASON_DEPENDENCY);
    desk_pass(&d, 600 * SEC);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, w), JOB_CONFIGURING);
    desk_end(&d);
}

static void test_singleton(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 0, POLICY_BLEND);
    desk_submit(&d, (struct ev_submit){ .name_key = 5 });
    desk_submit(&d, (struct ev_submit){ .name_key = 5, .flags = JOB_SINGLETON });
    desk_submit(&d, (struct ev_submit){ .name_key = 5, .flags = JOB_SINGLETON });
    desk_submit(&d, (struct ev_submit){ .name_key = 5, .flags = JOB_SINGLETON, .owner = 2 });
    desk_submit(&d, (struct ev_submit){ .name_key = 6, .flags = JOB_SINGLETON });
    desk_decide(&d);
    assert_string_equal(desk_starts(&d), "1 4 5");
    assert_int_equal(desk_job(&d, 2).reason, REASON_SINGLETON);
    desk_ended(&d, 1, END_EXIT, 0);
    desk_decide(&d);
    assert_string_equal(desk_starts(&d), "2");
    desk_do(&d, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { 2, 0, 1, 0 } });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, 3), JOB_PENDING); /* 2 is not gone yet */
    desk_ended(&d, 2, END_STOPPED, 0);
    desk_decide(&d);
    assert_string_equal(desk_starts(&d), "3");
    desk_end(&d);
}

/* --- limits, holds, drains -------------------------------------------------------------------- */

static void test_array_limit(void **state)
{
    (void)state;
    static struct desk d;
    struct range r = { 10, 40, 10 };
    desk_begin(&d, 0, POLICY_BLEND);
    job_id a = desk_submit(&d, (struct ev_submit){ .tasks = &r, .tasks_n = 1, .array_max = 2 });
    job_id other = desk_submit(&d, (struct ev_submit){ 0 });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, a + 1), JOB_CONFIGURING);
    assert_int_equal(desk_state(&d, a + 2), JOB_PENDING);
    assert_int_equal(desk_job(&d, a + 2).reason, REASON_ARRAY_LIMIT);
    assert_int_equal(desk_job(&d, a + 2).array_index, 30);
    assert_int_equal(desk_state(&d, other), JOB_CONFIGURING); /* it does not stand in others' way */
    desk_ended(&d, a, END_EXIT, 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, a + 2), JOB_CONFIGURING);
    desk_do(&d, (struct core_event){ .kind = EVENT_SET, .set = { a + 3, 1, SET_ARRAY_MAX, 3, 0 } });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, a + 3), JOB_CONFIGURING);
    desk_end(&d);
}

static void test_person_limits(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 8, POLICY_BLEND);
    desk_do(&d, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = 1, .running_max = 2 } });
    desk_do(&d, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = 2, .gpus_max = 3 } });
    desk_do(&d, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = 3, .queued_max = 1 } });
    for (int i = 0; i < 3; i++)
        desk_submit(&d, (struct ev_submit){ .gpus = 1 });
    desk_submit(&d, (struct ev_submit){ .gpus = 2, .owner = 2 });
    desk_submit(&d, (struct ev_submit){ .gpus = 2, .owner = 2 });
    desk_submit(&d, (struct ev_submit){ .gpus = 1, .owner = 2, .nice = 50 });
    desk_decide(&d);
    assert_int_equal(desk_count(&d, UPDATE_START), 4);
    assert_int_equal(desk_job(&d, 3).reason, REASON_PERSON_RUNNING);
    assert_int_equal(desk_state(&d, 6), JOB_CONFIGURING); /* its one GPU is within what is left */
    assert_int_equal(desk_job(&d, 5).reason, REASON_PERSON_GPUS);
    desk_submit(&d, (struct ev_submit){ .owner = 3, .flags = JOB_HELD });
    struct core_event ev = { .kind = EVENT_SUBMIT, .submit = { .job = 8, .owner = 3, .submitter = 3, .cpus = 1 } };
    assert_int_equal(desk_try(&d, &ev), E_LIMIT);
    desk_end(&d);
}

static void test_hold_release_scope_and_admin(void **state)
{
    (void)state;
    static struct desk d;
    struct range r = { 0, 2, 1 };
    desk_begin(&d, 0, POLICY_BLEND);
    desk_submit(&d, (struct ev_submit){ .tasks = &r, .tasks_n = 1 });
    desk_do(&d, (struct core_event){ .kind = EVENT_HOLD, .hold = { 2, 1, 1, 0 } });
    assert_int_equal(core_count(d.core).held, 3);
    desk_decide(&d);
    assert_int_equal(desk_count(&d, UPDATE_START), 0);
    assert_int_equal(desk_job(&d, 1).reason, REASON_HELD_ADMIN);
    struct core_event user = { .kind = EVENT_RELEASE, .release = { 1, 0, 0, 0 } };
    assert_int_equal(desk_try(&d, &user), E_DENIED);
    desk_do(&d, (struct core_event){ .kind = EVENT_RELEASE, .release = { 2, 0, 1, 0 } });
    desk_decide(&d);
    assert_string_equal(desk_starts(&d), "2");
    desk_end(&d);
}

static void test_drained_queue_and_gpu(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 2, POLICY_BLEND);
    desk_do(&d, (struct core_event){ .kind = EVENT_QUEUE, .queue = { 1, 0 } });
    job_id a = desk_submit(&d, (struct ev_submit){ .gpus = 1 });
    desk_decide(&d);
    assert_int_equal(desk_job(&d, a).reason, REASON_QUEUE_CLOSED);
    desk_do(&d, (struct core_event){ .kind = EVENT_QUEUE, .queue = { 0, 0 } });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, a), JOB_CONFIGURING);
    desk_do(&d, (struct core_event){ .kind = EVENT_GPU, .gpu = { 0, 1, GPU_DRAINED, 0 } });
    job_id b = desk_submit(&d, (struct ev_submit){ .gpus = 2 }), c = desk_submit(&d, (struct ev_submit){ .gpus = 3 });
    desk_decide(&d);
    assert_int_equal(desk_job(&d, b).reason, REASON_GPU_TAKEN);
    assert_int_equal(desk_job(&d, c).reason, REASON_NEVER_FITS);
    desk_ended(&d, a, END_EXIT, 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, b), JOB_PENDING); /* the GPU that came back is drained */
    desk_do(&d, (struct core_event){ .kind = EVENT_GPU, .gpu = { 0, 1, GPU_UP, 0 } });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, b), JOB_CONFIGURING);
    desk_end(&d);
}

static void test_gpu_types(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 4, POLICY_BLEND);
    for (uint32_t i = 2; i < 6; i++)
        desk_do(&d, (struct core_event){ .kind = EVENT_GPU, .gpu = { i, 2, GPU_UP, 0 } });
    job_id a = desk_submit(&d, (struct ev_submit){ .gpus = 2, .gpu_type = 2 });
    job_id b = desk_submit(&d, (struct ev_submit){ .gpus = 2, .gpu_type = 1 });
    job_id c = desk_submit(&d, (struct ev_submit){ .gpus = 1, .gpu_type = 1 });
    job_id e = desk_submit(&d, (struct ev_submit){ .gpus = 2 });
    desk_decide(&d);
    uint64_t two = desk_job(&d, a).gpu_mask, one = desk_job(&d, b).gpu_mask | desk_job(&d, c).gpu_mask;
    assert_true((two & ~UINT64_C(0x3c)) == 0 && (one & ~UINT64_C(3)) == 0);
    assert_int_equal(desk_state(&d, b) == JOB_PENDING || desk_state(&d, c) == JOB_PENDING, 1);
    assert_int_equal(desk_state(&d, e), JOB_CONFIGURING); /* any type: not mixed while one has enough */
    assert_true((desk_job(&d, e).gpu_mask & ~UINT64_C(0x3c)) == 0);
    desk_end(&d);
}

static void test_set_running_limit_and_owner(void **state)
{
    (void)state;
    static struct desk d;
    bring(&d, RUNNING, 0, 0);
    desk_do(&d, (struct core_event){ .kind = EVENT_SET, .set = { 1, 0, SET_LIMIT_US, 3 * HOUR, 0 } });
    const struct core_update *u = desk_update(&d, UPDATE_LIMIT, 1);
    assert_non_null(u);
    assert_true(u->value == 3 * HOUR && u->attempt == 1);
    desk_do(&d, (struct core_event){ .kind = EVENT_SET, .set = { 1, 0, SET_OWNER, 4, 0 } });
    assert_int_equal(desk_job(&d, 1).owner, 4);
    static const struct { uint32_t field; int64_t value; } wrong[] = {
        { SET_GPUS, 65 }, { SET_CPUS, 0 }, { SET_OWNER, 0 }, { SET_LIMIT_US, -1 }, { SET_FIELD_COUNT, 1 } };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct core_event ev = { .kind = EVENT_SET, .set = { 1, 0, wrong[i].field, wrong[i].value, 0 } };
        assert_int_equal(desk_try(&d, &ev), E_INVALID);
    }
    desk_end(&d);
}

/* A signal goes to what runs of those that are meant, with its attempt; nothing of the core changes. */
static void test_signal(void **state)
{
    (void)state;
    static struct desk d;
    const struct range four = { 1, 4, 1 };
    desk_begin(&d, 2, POLICY_EASY);
    job_id other = desk_submit(&d, (struct ev_submit){ .flags = JOB_HELD });
    job_id first = desk_submit(&d, (struct ev_submit){ .gpus = 1, .tasks = &four, .tasks_n = 1 });
    struct core_event all = { .kind = EVENT_SIGNAL, .signal = { first, 1, 1, 10, SIGNAL_STEPS, 0 } };
    assert_int_equal(desk_try(&d, &all), E_STATE); /* nothing of it runs */
    desk_decide(&d);
    assert_int_equal(desk_try(&d, &all), E_STATE); /* two are starting */
    desk_started(&d, first);
    desk_started(&d, first + 1);
    uint64_t before = core_hash(d.core);
    desk_do(&d, all);
    assert_int_equal(desk_count(&d, UPDATE_SIGNAL), 2);
    const struct core_update *u = desk_update(&d, UPDATE_SIGNAL, first + 1);
    assert_non_null(u);
    assert_true(u->value == 10 && u->to == SIGNAL_STEPS && u->attempt == 1);
    assert_int_equal(d.updates_n, 2);
    assert_true(core_hash(d.core) == before);
    desk_do(&d, (struct core_event){ .kind = EVENT_SIGNAL, .signal = { first, 0, 1, 2, SIGNAL_MAIN, 0 } });
    assert_int_equal(d.updates_n, 1);
    static const struct { struct ev_signal s; int code; } wrong[] = {
        { { 1, 0, 1, 10, SIGNAL_MAIN, 0 }, E_STATE }, { { 99, 0, 1, 10, SIGNAL_MAIN, 0 }, E_NOT_FOUND },
        { { 2, 0, 1, 0, SIGNAL_MAIN, 0 }, E_INVALID }, { { 2, 0, 1, 65, SIGNAL_MAIN, 0 }, E_INVALID },
        { { 2, 0, 1, 10, SIGNAL_WHOM_COUNT, 0 }, E_INVALID }, { { 2, 2, 1, 10, SIGNAL_MAIN, 0 }, E_INVALID },
        { { 4, 0, 1, 10, SIGNAL_MAIN, 0 }, E_STATE } };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct core_event ev = { .kind = EVENT_SIGNAL, .signal = wrong[i].s };
        assert_int_equal(desk_try(&d, &ev), wrong[i].code);
    }
    assert_int_equal(desk_state(&d, other), JOB_PENDING);
    desk_end(&d);
}

static void test_submit_refusals(void **state)
{
    (void)state;
    static struct desk d;
    struct range bad = { 5, 4, 1 }, zero = { 1, 4, 0 }, big = { 0, CORE_ARRAY_MAX, 1 };
    static struct dep many[CORE_DEPS_MAX + 1];
    desk_begin(&d, 1, POLICY_BLEND);
    desk_submit(&d, (struct ev_submit){ .flags = JOB_HELD });
    struct ev_submit base = { .job = 2, .owner = 1, .submitter = 1, .cpus = 1 };
    struct range one = { 1, 1, 1 };
    struct { struct ev_submit s; int code; } rows[40];
    size_t n = 0;
#define ROW(error, ...) do { rows[n] = (__typeof__(rows[0])){ base, error }; struct ev_submit *s = &rows[n++].s; __VA_ARGS__; } while (0)
    ROW(E_INVALID, s->job = 0);
    ROW(E_EXISTS, s->job = 1);
    ROW(E_INVALID, s->owner = 0);
    ROW(E_INVALID, s->submitter = CORE_PERSONS_MAX + 1);
    ROW(E_INVALID, s->cpus = 0);
    ROW(E_TOO_LARGE, s->gpus = 65);
    ROW(E_TOO_LARGE, s->gpu_type = 9);
    ROW(E_INVALID, s->limit_us = -1);
    ROW(E_INVALID, s->flags = 1u << 20);
    ROW(E_INVALID, s->tasks = &bad; s->tasks_n = 1; s->array = 2);
    ROW(E_INVALID, s->tasks = &zero; s->tasks_n = 1; s->array = 2);
    ROW(E_TOO_LARGE, s->tasks = &big; s->tasks_n = 1; s->array = 2);
    ROW(E_INVALID, s->array = 2);
    ROW(E_TOO_LARGE, s->deps = many; s->deps_n = CORE_DEPS_MAX + 1);
    ROW(E_INVALID, s->job = UINT32_MAX);
    ROW(E_INVALID, s->tasks = &one; s->tasks_n = 1; s->array = 3); /* no array begins behind its task */
    ROW(E_INVALID, s->job = 5; s->tasks = &one; s->tasks_n = 1; s->array = 3); /* a task of no array there is */
    ROW(E_INVALID, s->cpus = CPUS_MAX + 1);
    ROW(E_INVALID, s->mem_mib = (uint64_t)MEM_MAX_MIB + 1);
    ROW(E_INVALID, s->begin_at = -1);
    ROW(E_INVALID, s->deadline_at = -1);
    ROW(E_INVALID, s->backoff_us = -1);
    ROW(E_INVALID, s->estimate_us = -1);
    ROW(E_INVALID, s->restart_us = -1);
    ROW(E_INVALID, s->preempt = PREEMPT_COUNT);
    ROW(E_INVALID, s->reviewer = CORE_PERSONS_MAX + 1);
    ROW(E_INVALID, s->account = ACCOUNTS_MAX + 1);
    ROW(E_TOO_LARGE, s->retries = RETRY_MAX + 1);
    assert_true(n <= sizeof rows / sizeof rows[0]);
#undef ROW
    for (size_t i = 0; i < n; i++) {
        struct core_event ev = { .kind = EVENT_SUBMIT, .submit = rows[i].s, .wall_at = d.wall_at };
        struct err err = { 0 };
        int r = core_check(d.core, &ev, &err);
        if (r != rows[i].code || !err.text[0])
            fail_msg("row %zu: %d %s", i, r, err.text);
    }
    desk_end(&d);
}

/* An array whose tasks come one by one, each with conditions of its own: in order, nothing between them. */
static void test_task_by_task(void **state)
{
    (void)state;
    static struct desk d;
    const struct range one = { 1, 1, 1 }, two = { 2, 2, 1 }, more = { 3, 4, 1 };
    struct core_event ev = { .kind = EVENT_SUBMIT, .submit = { .job = 4, .owner = 1, .submitter = 1, .cpus = 1,
                             .array = 3, .tasks = &one, .tasks_n = 1 } };
    desk_begin(&d, 1, POLICY_EASY);
    assert_int_equal(desk_try(&d, &ev), E_INVALID); /* there is nothing at all */
    ev.submit.job = 3;
    assert_int_equal(desk_try(&d, &ev), 0);
    ev.submit.tasks = &two;
    ev.submit.job = 5;
    assert_int_equal(desk_try(&d, &ev), E_INVALID); /* not the next one */
    ev.submit.job = 4;
    ev.submit.tasks = &more;
    assert_int_equal(desk_try(&d, &ev), E_INVALID); /* not one by one */
    ev.submit.tasks = &two;
    const struct dep first = { .kind = DEP_AFTEROK, .job = 3 };
    ev.submit.deps = &first;
    ev.submit.deps_n = 1;
    assert_int_equal(desk_try(&d, &ev), 0);
    desk_decide(&d);
    assert_string_equal(desk_starts(&d), "3");
    assert_int_equal(desk_job(&d, 4).reason, REASON_DEPENDENCY);
    assert_int_equal(desk_job(&d, 4).array_id, 3);
    assert_int_equal(desk_job(&d, 4).array_index, 2);
    ev.submit = (struct ev_submit){ .job = 6, .owner = 1, .submitter = 1, .cpus = 1, .array = 3, .tasks = &two, .tasks_n = 1 };
    desk_submit(&d, (struct ev_submit){ .flags = JOB_HELD }); /* 5: from here on nothing joins the array */
    assert_int_equal(desk_try(&d, &ev), E_INVALID);
    desk_do(&d, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { 5, 0, 1, 0 } });
    struct core_job after = { 0 };
    assert_true(core_job_after(d.core, 3, &after) && after.id == 4);
    assert_false(core_job_after(d.core, 4, &after));
    assert_false(core_job_after(d.core, UINT32_MAX, &after)); /* nothing is behind the last number */
    desk_end(&d);
}

/* A core that nobody told how to decide takes no job and decides nothing. */
static void test_settings_come_first(void **state)
{
    (void)state;
    const struct core_limits limits = { 4, 8, 8, 8, 4, 4 };
    struct err err = { 0 };
    void *block = aligned_alloc(16, core_size(&limits) / 16 * 16 + 16);
    struct core *c = core_init(block, core_size(&limits), &limits);
    const struct core_event decide = { .kind = EVENT_DECIDE },
                            submit = { .kind = EVENT_SUBMIT, .submit = { .job = 1, .owner = 1, .submitter = 1, .cpus = 1 } };
    assert_int_equal(core_check(c, &decide, &err), E_STATE);
    assert_string_equal(err.text, "Settings must come before a decision.");
    assert_int_equal(core_check(c, &submit, &err), E_STATE);
    assert_string_equal(err.text, "Settings must come before the first job.");
    free(block);
}

/* What does not fit into the memory there is may come when it has grown; what is over the limit never may. */
static void test_full_and_too_large(void **state)
{
    (void)state;
    const struct range one = { 1, 1, 1 }, most = { 1, CORE_ARRAY_MAX, 1 };
    static const struct core_limits sizes[] = { { 4, 8, 8, 8, 4, 4 }, { CORE_JOBS_MAX, 8, 8, 8, 4, 4 } };
    for (int large = 0; large < 2; large++) {
        struct desk d = { .wall_at = DESK_START, .boot_at = HOUR };
        void *block = aligned_alloc(16, core_size(&sizes[large]) / 16 * 16 + 16);
        d.core = core_init(block, core_size(&sizes[large]), &sizes[large]);
        desk_settings(&d, POLICY_FIFO, 0);
        struct core_event ev = { .kind = EVENT_SUBMIT, .wall_at = DESK_START, .boot_at = HOUR, .submit = {
            .owner = 1, .submitter = 1, .cpus = 1, .tasks = large ? &most : &one, .tasks_n = 1 } };
        int r, n = 0;
        struct core_update updates[4];
        for (;; n++) {
            ev.submit.job = ev.submit.array = core_last_id(d.core) + 1;
            if ((r = core_check(d.core, &ev, NULL)) < 0)
                break;
            assert_int_equal(core_step(d.core, &ev, updates, 4), 0);
        }
        assert_int_equal(r, large ? E_TOO_LARGE : E_FULL);
        assert_int_equal(n, large ? CORE_JOBS_MAX / CORE_ARRAY_MAX : 2); /* a small core has room for two arrays */
        free(block);
    }
}

/* A told spread wider than any that is told apart counts as the widest; a damaged budget is no budget; a signal's rule
 * is for that signal, however the shell says it. */
static void test_kept_within_bounds(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 1, POLICY_EASY);
    job_id wide = desk_submit(&d, (struct ev_submit){ .estimate_us = HOUR, .estimate_sd_milli = ESTIMATE_SD_MAX });
    job_id wider = desk_submit(&d, (struct ev_submit){ .estimate_us = HOUR, .estimate_sd_milli = 1000000 });
    struct forecast a, b;
    assert_true(core_forecast(d.core, wide, 0, &a) && core_forecast(d.core, wider, 0, &b));
    assert_true(a.p50_us == b.p50_us && a.p90_us == b.p90_us);
    desk_end(&d);
    static const struct { uint32_t rule; bool sound; } rules[] = {
        { 0, true }, { RETRY_OOM | 1u << 16, true }, { RETRY_OOM | RETRY_MAX << 16, true },
        { 1u << 16, false }, { RETRY_CAUSE_COUNT | 1u << 16, false }, { RETRY_OOM | (RETRY_MAX + 1) << 16, false } };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const struct job j = { .retry3 = rules[i].rule };
        assert_int_equal(retry_sound(&j), rules[i].sound);
    }
    const struct job killed = { .retry1 = RETRY_SIGNO | 9u << 8 | 1u << 16 };
    static const struct { struct retry_end end; bool again; } ends[] = {
        { { RETRY_SIGNAL, 9 }, true }, { { RETRY_SIGNAL, 15 }, false }, { { RETRY_EXIT, 137 }, true },
        { { RETRY_EXIT, 9 }, false }, { { RETRY_OOM, 9 }, false } };
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        assert_int_equal(retry_left(&killed, &ends[i].end), ends[i].again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state_and_event), cmocka_unit_test(test_beyond),
        cmocka_unit_test(test_unknown_job),
        cmocka_unit_test(test_cancel_running_stops_then_frees),
        cmocka_unit_test(test_retries_back_off_doubling),
        cmocka_unit_test(test_quarantine_until_up),
        cmocka_unit_test(test_lost_waits_again_if_allowed),
        cmocka_unit_test(test_short_run_unseen),
        cmocka_unit_test(test_requeued_under_its_id),
        cmocka_unit_test(test_begin_time_and_deadline),
        cmocka_unit_test(test_wall_clock_stepped_back),
        cmocka_unit_test(test_reboot_keeps_lengths),
        cmocka_unit_test(test_dependency_table),
        cmocka_unit_test(test_dependency_unknown_and_missing),
        cmocka_unit_test(test_dependency_groups),
        cmocka_unit_test(test_dependency_on_array),
        cmocka_unit_test(test_dependency_delay),
        cmocka_unit_test(test_dependency_delay_of_array),
        cmocka_unit_test(test_singleton),
        cmocka_unit_test(test_array_limit),
        cmocka_unit_test(test_person_limits),
        cmocka_unit_test(test_hold_release_scope_and_admin),
        cmocka_unit_test(test_drained_queue_and_gpu),
        cmocka_unit_test(test_gpu_types),
        cmocka_unit_test(test_set_running_limit_and_owner),
        cmocka_unit_test(test_signal),
        cmocka_unit_test(test_submit_refusals),
        cmocka_unit_test(test_task_by_task),
        cmocka_unit_test(test_settings_come_first),
        cmocka_unit_test(test_full_and_too_large),
        cmocka_unit_test(test_kept_within_bounds),
    };
    return cmocka_run_group_tests_name("core_states", tests, NULL, NULL);
}
