/* test_core_bound.c - the longest wait (doc/planner.md): whoever is over their age starts, whatever others do.
 *
 * The world is as hostile as it can be within the rules.  Others' jobs are forecast at five minutes, from a
 * history of short runs, and then run for their whole time limit; there are always more of them than there is
 * room for.  A wide job must begin within one and a half age limits and, for it and for each wide job before it, once the
 * longest time limit.  With settings.bounded 0 the same worlds break that, so the property is not idle. */
#include "core_desk.h"

#include "base/prng.h"

#define AGE      (6 * HOUR)
#define BOUND    (AGE + AGE / 2)
#define LIMIT    (10 * HOUR) /* the longest anybody asks for */
#define STEP     (5 * MIN)   /* ends are noticed so late at most */
#define WAITING  24u
#define WIDE_MAX 3

struct hostile {
    struct desk d;
    struct prng luck;
    uint32_t gpus;
    struct { job_id id; usec_t limit_us, started_at; } run[512];
    uint32_t run_n;
    job_id wide[WIDE_MAX];
    usec_t wide_at[WIDE_MAX], wide_started_at[WIDE_MAX], wide_limit_us[WIDE_MAX];
    uint32_t wide_n;
};

static void begin(struct hostile *h, uint64_t seed, bool bounded)
{
    static const enum policy policies[] = { POLICY_BLEND, POLICY_BLEND, POLICY_SAF, POLICY_SJF, POLICY_EASY };
    memset(h, 0, sizeof *h);
    prng_init(&h->luck, seed, 1);
    h->gpus = 2 + (uint32_t)prng_below(&h->luck, 7);
    desk_begin(&h->d, h->gpus, POLICY_BLEND);
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    s.policy = policies[seed % (sizeof policies / sizeof policies[0])];
    s.search_moves = seed % 2 ? 8 : 0;
    s.preempt = seed % 3 == 0;
    s.age_us = AGE;
    s.bounded = bounded;
    s.pool = 0; /* late failures would teach the forecast how long runs take */
    desk_do(&h->d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
    for (int i = 0; i < 12; i++)
        desk_history(&h->d, (struct ev_submit){ .owner = 2, .command_key = 7, .gpus = 1 }, 5 * MIN);
}

/* None of them grows old itself: who has waited for three hours gives up, and another comes. */
static void keep_up_the_queue(struct hostile *h)
{
    struct core_job j;
    for (job_id id = 0; core_job_after(h->d.core, id, &j); id = j.id)
        if (j.state == JOB_PENDING && j.owner == 2 && h->d.wall_at - j.submit_at >= AGE / 2)
            desk_do(&h->d, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { .job = j.id, .by = 2 } });
    while (core_count(h->d.core).pending < WAITING) {
        usec_t limit = (usec_t)(1 + prng_below(&h->luck, LIMIT / MIN)) * MIN;
        desk_submit(&h->d, (struct ev_submit){
            .owner = 2, .command_key = 7, .gpus = 1, .limit_us = limit,
            .preempt = prng_below(&h->luck, 6) ? PREEMPT_NEVER : PREEMPT_CHECKPOINT });
    }
}

static void note_starts(struct hostile *h)
{
    for (uint32_t i = 0; i < h->d.updates_n; i++) {
        const struct core_update *u = &h->d.updates[i];
        if (u->kind != UPDATE_START)
            continue;
        assert_true(h->run_n < 512);
        struct core_job j = desk_job(&h->d, u->job);
        h->run[h->run_n].id = u->job;
        h->run[h->run_n].limit_us = j.limit_us;
        h->run[h->run_n++].started_at = h->d.wall_at;
        for (uint32_t w = 0; w < h->wide_n; w++)
            if (h->wide[w] == u->job && !h->wide_started_at[w])
                h->wide_started_at[w] = h->d.wall_at;
    }
}

/* Everybody runs for all of their limit and then fails, which teaches the forecast nothing. */
static void end_some(struct hostile *h)
{
    for (uint32_t i = 0; i < h->run_n;) {
        struct core_job j = desk_job(&h->d, h->run[i].id);
        bool told = j.state == JOB_COMPLETING, over = h->d.wall_at >= h->run[i].started_at + h->run[i].limit_us;
        if (j.state == JOB_CONFIGURING)
            desk_started(&h->d, h->run[i].id);
        if (!told && !over) {
            i++;
            continue;
        }
        desk_ended(&h->d, h->run[i].id, told ? END_STOPPED : END_EXIT, told ? 0 : 1);
        h->run[i] = h->run[--h->run_n];
    }
}

/* The longest wait of the k-th wide job beyond what is promised; 0: none. */
static usec_t live(uint64_t seed, bool bounded)
{
    struct hostile h;
    usec_t worst = 0;
    begin(&h, seed, bounded);
    uint32_t wides = 1 + (uint32_t)prng_below(&h.luck, WIDE_MAX);
    usec_t end_at = h.d.wall_at + BOUND + 5 * LIMIT;
    for (; h.d.wall_at < end_at; desk_pass(&h.d, STEP)) {
        keep_up_the_queue(&h);
        if (h.wide_n < wides && prng_below(&h.luck, 20) == 0) {
            uint32_t gpus = h.gpus / 2 + 1 + (uint32_t)prng_below(&h.luck, h.gpus - h.gpus / 2);
            usec_t limit = (usec_t)(1 + prng_below(&h.luck, LIMIT / MIN)) * MIN;
            h.wide_at[h.wide_n] = h.d.wall_at;
            h.wide[h.wide_n++] = desk_submit(&h.d, (struct ev_submit){
                .owner = 1, .command_key = 9, .gpus = gpus > h.gpus ? h.gpus : gpus, .limit_us = limit });
        }
        end_some(&h);
        desk_decide(&h.d);
        note_starts(&h);
    }
    for (uint32_t w = 0; w < h.wide_n; w++) {
        usec_t started_at = h.wide_started_at[w] ? h.wide_started_at[w] : end_at;
        usec_t promised = BOUND + (usec_t)(w + 1) * (LIMIT + STEP);
        worst = usec_max(worst, started_at - h.wide_at[w] - promised);
    }
    desk_end(&h.d);
    return worst;
}

#define SEEDS 40

static void test_whoever_is_old_starts(void **state)
{
    (void)state;
    int broken_without = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        usec_t late = live(seed, true);
        if (late > 0)
            fail_msg("seed %d: a wide job began %d minutes after its longest wait", (int)seed, (int)(late / MIN));
        broken_without += live(seed, false) > 0;
    }
    print_message("without the bound %d of %d worlds break it\n", broken_without, SEEDS);
    assert_true(broken_without > 0);
}

/* Behind a reservation that is bound, room is still used: by what its limit ends in time, and beside it. */
static void test_room_is_still_used(void **state)
{
    (void)state;
    struct desk d;
    desk_begin(&d, 4, POLICY_BLEND);
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    s.age_us = AGE;
    desk_do(&d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
    job_id long_one = desk_submit(&d, (struct ev_submit){ .gpus = 2, .limit_us = 20 * HOUR,
                                                          .estimate_us = 20 * HOUR });
    desk_decide(&d);
    desk_started(&d, long_one);
    job_id wide = desk_submit(&d, (struct ev_submit){ .gpus = 3, .limit_us = HOUR });
    desk_pass(&d, BOUND + HOUR);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, wide), JOB_PENDING);
    /* forecast at a minute, but free to go on: one may stand beside the reserved job, two may not */
    job_id beside = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = MIN });
    job_id too_many = desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = MIN });
    job_id in_time = desk_submit(&d, (struct ev_submit){ .gpus = 1, .limit_us = 2 * HOUR });
    desk_decide(&d);
    assert_int_equal(desk_state(&d, beside), JOB_CONFIGURING);
    assert_int_equal(desk_state(&d, too_many), JOB_PENDING);
    assert_int_equal(desk_state(&d, in_time), JOB_CONFIGURING);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whoever_is_old_starts),
        cmocka_unit_test(test_room_is_still_used),
    };
    return cmocka_run_group_tests_name("core_bound", tests, NULL, NULL);
}
