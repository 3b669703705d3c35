/* Random lives of a core: invariants after every step, copies that agree, plans that match decisions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core_luck.h"

#define SEEDS  300
#define EVENTS 500

static void test_invariants(void **state)
{
    (void)state;
    uint64_t starts = 0, finals = 0, steps = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct luck l;
        luck_begin(&l, seed, 4);
        for (int i = 0; i < EVENTS; i++) {
            if (!luck_event(&l))
                continue;
            luck_apply(&l);
            steps++;
            const char *broken = core_broken(l.core);
            if (broken || l.wrong)
                fail_msg("seed %llu, event %d (%s): %s", (unsigned long long)seed, i,
                         event_word(l.ev.kind), broken ? broken : l.wrong);
            for (uint32_t u = 0; u < l.updates_n; u++) {
                starts += l.updates[u].kind == UPDATE_START;
                finals += l.updates[u].kind == UPDATE_STATE && job_state_is_final(l.updates[u].to);
            }
        }
        luck_end(&l);
    }
    /* A life in which nothing happens would prove nothing. */
    assert_true(steps > SEEDS * EVENTS / 2);
    assert_true(starts > SEEDS * 20 && finals > SEEDS * 20);
}

static char *saved_text(const struct core *core, size_t *ret_len)
{
    struct buf b;
    buf_init(&b, 64 << 20);
    core_save(core, &b);
    assert_int_equal(b.failed, 0);
    *ret_len = b.len;
    return b.ptr;
}

static struct core *loaded(const char *text, size_t len, void **ret_block)
{
    struct core_limits limits;
    struct err err = { 0 };
    struct str s = { text, len };
    assert_int_equal(core_load_limits(s, &limits, &err), 0);
    size_t size = core_size(&limits);
    *ret_block = aligned_alloc(16, size);
    assert_non_null(*ret_block);
    memset(*ret_block, 0x33, size);
    struct core *core = core_init(*ret_block, size, &limits);
    if (core_load(core, s, &err) != 0)
        fail_msg("%s", err.text);
    return core;
}

/* Save in the middle, load, then live on twice: same updates, same hash at every step. */
static void test_save_behaves_alike(void **state)
{
    (void)state;
    static struct core_update other[LUCK_UPDATES_MAX];
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct luck l;
        void *block;
        size_t len;
        luck_begin(&l, seed, 2000);
        for (int i = 0; i < 250; i++)
            if (luck_event(&l))
                luck_apply(&l);
        char *text = saved_text(l.core, &len);
        struct core *copy = loaded(text, len, &block);
        assert_true(core_hash(copy) == core_hash(l.core));
        for (int i = 0; i < 250; i++) {
            if (!luck_event(&l) || core_check(copy, &l.ev, NULL) != 0)
                continue;
            uint32_t n = core_step(copy, &l.ev, other, core_updates_max(copy, &l.ev));
            luck_apply(&l);
            assert_int_equal(n, l.updates_n);
            assert_memory_equal(other, l.updates, n * sizeof *other);
            if (core_hash(copy) != core_hash(l.core))
                fail_msg("seed %llu: copies part at %s", (unsigned long long)seed, event_word(l.ev.kind));
        }
        size_t again_len;
        free(text);
        text = saved_text(copy, &len);
        char *again = saved_text(l.core, &again_len);
        free(text);
        free(again);
        free(block);
        luck_end(&l);
    }
}

/* What core_plan draws as starting now is what a decision starts. */
static void test_plan_agrees(void **state)
{
    (void)state;
    uint64_t compared = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct luck l;
        luck_begin(&l, seed, 64);
        for (int i = 0; i < 300; i++) {
            if (!luck_event(&l))
                continue;
            if (l.ev.kind != EVENT_DECIDE) {
                luck_apply(&l);
                continue;
            }
            /* Timers are the decision's to fire: decide twice, draw before the second. */
            luck_apply(&l);
            if (!luck_event(&l))
                continue;
            if (l.ev.kind == EVENT_DECIDE)
                continue;
            luck_apply(&l);
            l.ev = (struct core_event){ .kind = EVENT_DECIDE, .wall_at = l.wall_at, .boot_at = l.boot_at };
            size_t size = core_plan_size(l.core);
            void *scratch = malloc(size);
            struct core_plan plan;
            uint64_t before = core_hash(l.core);
            usec_t wall_at, boot_at;
            core_deadline(l.core, &wall_at, &boot_at);
            bool quiet = wall_at > l.wall_at && boot_at > l.boot_at;
            assert_int_equal(core_plan(l.core, l.wall_at, l.boot_at, scratch, size, &plan), 0);
            assert_true(core_hash(l.core) == before);
            assert_int_equal(plan.rows_n, core_jobs_n(l.core));
            luck_apply(&l);
            if (quiet && l.ev.wall_at / (15 * USEC_PER_MIN) == plan.made_at / (15 * USEC_PER_MIN)) {
                uint32_t starting = 0, starts = 0;
                for (uint32_t r = 0; r < plan.rows_n; r++)
                    starting += plan.rows[r].state == JOB_PENDING && plan.rows[r].start_at == plan.made_at;
                struct core_plan last = core_last_plan(l.core);
                for (uint32_t u = 0; u < l.updates_n; u++) {
                    const struct core_update *up = &l.updates[u];
                    if (up->kind != UPDATE_START)
                        continue;
                    starts++;
                    assert_true(up->plan_row < last.rows_n);
                    assert_int_equal(last.rows[up->plan_row].job, up->job);
                    assert_true(last.rows[up->plan_row].start_at == l.wall_at);
                    assert_true(last.rows[up->plan_row].gpu_mask == up->gpus);
                    bool found = false;
                    for (uint32_t r = 0; r < plan.rows_n; r++)
                        found |= plan.rows[r].job == up->job && plan.rows[r].gpu_mask == up->gpus &&
                                 plan.rows[r].start_at == l.wall_at;
                    if (!found)
                        fail_msg("seed %llu: job %u starts and the plan did not say so",
                                 (unsigned long long)seed, up->job);
                }
                assert_int_equal(starting, starts);
                compared += starts;
            }
            free(scratch);
        }
        luck_end(&l);
    }
    assert_true(compared > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_invariants),
        cmocka_unit_test(test_save_behaves_alike),
        cmocka_unit_test(test_plan_agrees),
    };
    return cmocka_run_group_tests_name("core_life", tests, NULL, NULL);
}
