/* test_core_kept.c - the order kept between decisions (order.h) decides as a look at all that wait does.
 *
 * Before each decision the state is saved and loaded: whoever has just been loaded knows no order, and with more than
 * ORDER_STEP kinds waiting looks at all of them.  Both decide; all that they say must be the same. */
#include "core_desk.h"

#include "base/prng.h"
#include "core/order.h"

#define KINDS 700 /* no two jobs alike: more than ORDER_STEP */
_Static_assert(KINDS > ORDER_STEP + 100, "a fresh core must not make the order at once");

struct kept {
    struct desk d;
    struct prng prng;
    job_id running[64];
    uint32_t running_n;
};

static void submit(struct kept *k)
{
    static const uint32_t widths[] = { 1, 1, 1, 2, 2, 4, 8, 0, 16 };
    struct ev_submit s = { .owner = (uint32_t)(1 + prng_below(&k->prng, 5)),
        .gpus = widths[prng_below(&k->prng, 9)], .cpus = (uint32_t)(1 + prng_below(&k->prng, 4)),
        .command_key = 1 + prng_below(&k->prng, 3), .mem_mib = 1024 * prng_below(&k->prng, 8),
        .estimate_us = MIN + (usec_t)prng_below(&k->prng, 10 * HOUR) };
    if (prng_below(&k->prng, 3) == 0)
        s.limit_us = s.estimate_us + HOUR;
    if (prng_below(&k->prng, 10) == 0)
        s.nice = (int32_t)prng_below(&k->prng, 50);
    if (prng_below(&k->prng, 4) == 0)
        s.preempt = PREEMPT_CHECKPOINT;
    desk_submit(&k->d, s);
}

static struct core *fresh(const struct core *c)
{
    struct buf b;
    struct core_limits limits;
    buf_init(&b, 8 << 20);
    core_save(c, &b);
    assert_int_equal(core_load_limits(buf_look(&b), &limits, NULL), 0);
    limits.jobs = 2000;
    size_t size = core_size(&limits);
    void *block = aligned_alloc(16, size);
    assert_non_null(block);
    struct core *copy = core_init(block, size, &limits);
    assert_int_equal(core_load(copy, buf_look(&b), NULL), 0);
    buf_finish(&b);
    return copy;
}

/* Who is passed over waits for others, and that a claim of its owner's would be over a limit is not said. */
static void same(const struct core *a, const struct core *b, bool preempt)
{
    usec_t a_wall, a_boot, b_wall, b_boot;
    struct core_job x, y;
    core_deadline(a, &a_wall, &a_boot);
    core_deadline(b, &b_wall, &b_boot);
    assert_true(core_hash(a) == core_hash(b) && a_wall == b_wall && a_boot == b_boot);
    for (job_id at = 0; core_job_after(a, at, &x); at = x.id) {
        assert_true(core_job_get(b, x.id, &y));
        assert_true(x.reason == y.reason || (preempt && x.reason == REASON_PRIORITY && y.reason == REASON_PERSON_GPUS));
    }
}

static void decide(struct kept *k, bool preempt, bool *ret_kept)
{
    static struct core_update updates[4096];
    struct desk *d = &k->d;
    struct core *copy = fresh(d->core);
    struct core_event ev = { .kind = EVENT_DECIDE, .wall_at = d->wall_at, .boot_at = d->boot_at };
    uint32_t n = core_step(copy, &ev, updates, core_updates_max(copy, &ev));
    desk_decide(d);
    assert_int_equal(n, d->updates_n);
    for (uint32_t i = 0; i < n; i++) {
        assert_memory_equal(&updates[i], &d->updates[i], sizeof updates[i]);
        if (updates[i].kind == UPDATE_START)
            k->running[k->running_n++] = updates[i].job;
    }
    same(d->core, copy, preempt);
    assert_true(copy->order.root == NONE || copy->classes_n <= ORDER_STEP);
    *ret_kept = d->core->order.root != NONE;
    free(copy);
    for (uint32_t i = 0; i < k->running_n; i++)
        if (desk_state(d, k->running[i]) == JOB_CONFIGURING)
            desk_started(d, k->running[i]);
}

static void one_ends(struct kept *k)
{
    if (k->running_n == 0)
        return;
    uint32_t i = (uint32_t)prng_below(&k->prng, k->running_n);
    bool stops = desk_state(&k->d, k->running[i]) == JOB_COMPLETING;
    desk_ended(&k->d, k->running[i], stops ? END_STOPPED : END_EXIT, 0);
    k->running[i] = k->running[--k->running_n];
}

static void run(enum policy policy, bool preempt, uint64_t seed)
{
    static struct kept k;
    uint32_t kept_n = 0;
    bool kept;
    desk_begin(&k.d, 16, policy);
    prng_init(&k.prng, seed, 1);
    k.running_n = 0;
    desk_do(&k.d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = { .policy = policy, .plan_depth = 16,
        .presence_us = 30 * MIN, .runtime_guess_us = HOUR, .age_us = 12 * HOUR, .bounded = 1,
        .estimates = ESTIMATES_TOLD, .preempt = preempt, .advantage_milli = 1400, .quantum_us = 10 * MIN } });
    desk_do(&k.d, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = 2, .gpus_max = 4 } });
    for (int i = 0; i < KINDS; i++) {
        desk_pass(&k.d, MIN); /* they grow old one by one */
        submit(&k);
        if (i % 200 == 199)
            decide(&k, preempt, &kept);
    }
    for (int i = 0; i < 150; i++) {
        desk_pass(&k.d, (usec_t)prng_below(&k.prng, 15 * MIN));
        if (prng_below(&k.prng, 5) < 3)
            one_ends(&k);
        if (prng_below(&k.prng, 5) < 3)
            submit(&k);
        if (i == 120) /* news that makes the order worthless: it is not made anew at once */
            desk_do(&k.d, (struct core_event){ .kind = EVENT_GPU, .gpu = { 15, 1, GPU_DRAINED, 0 } });
        assert_true(i > 0 || kept);
        decide(&k, preempt, &kept);
        kept_n += kept;
    }
    assert_true(k.d.core->classes_n > ORDER_STEP);
    assert_int_equal(kept_n, 120);
    desk_end(&k.d);
}

static void test_decides_the_same(void **state)
{
    (void)state;
    static const enum policy policies[] = { POLICY_EASY, POLICY_FIFO, POLICY_SJF, POLICY_SAF, POLICY_LAS };
    for (uint64_t i = 0; i < sizeof policies / sizeof policies[0]; i++)
        run(policies[i], false, 10 + i);
}

static void test_decides_the_same_when_somebody_makes_way(void **state)
{
    (void)state;
    run(POLICY_EASY, true, 20);
    run(POLICY_SRSF, true, 21);
}

/* Where values move with time there is none. */
static void test_not_for_blend(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 1, POLICY_BLEND);
    for (int i = 0; i < 3; i++)
        desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = HOUR + i });
    desk_decide(&d);
    assert_true(d.core->order.root == NONE);
    desk_settings(&d, POLICY_EASY, 0);
    desk_decide(&d);
    assert_true(d.core->order.root != NONE);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decides_the_same),
        cmocka_unit_test(test_decides_the_same_when_somebody_makes_way),
        cmocka_unit_test(test_not_for_blend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
