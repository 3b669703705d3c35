/* test_core_odds.c - odds of start, end and eyes from samples (odds.h). */
#include "core_desk.h"

#include "base/prng.h"

static void begin(struct desk *d, uint32_t gpus, uint32_t samples, enum estimates_mode estimates)
{
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    desk_begin(d, gpus, POLICY_BLEND);
    s.estimates = estimates;
    s.odds = samples;
    s.seed = 7;
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
    desk_hours(d, 1, 9, 18);
    desk_hours(d, 2, 9, 18);
}

static struct desk_plan odds(struct desk *d, job_id first, job_id last)
{
    struct desk_plan p;
    size_t size = core_plan_size(d->core);
    uint64_t before = core_hash(d->core);
    p.scratch = malloc(size);
    assert_non_null(p.scratch);
    memset(p.scratch, 0x55, size);
    assert_int_equal(core_plan_odds(d->core, d->wall_at, d->boot_at, &(struct core_odds_ask){ first, last }, p.scratch, size, &p.plan), 0);
    assert_int_equal(core_hash(d->core), before);
    return p;
}

/* So many runs of a command, between half an hour and two hours. */
static void history(struct desk *d, uint32_t owner, uint64_t key, int n)
{
    for (int i = 0; i < n; i++) {
        job_id id = desk_submit(d, (struct ev_submit){ .owner = owner, .command_key = key, .gpus = 1, .flags = JOB_NOW });
        desk_decide(d);
        desk_started(d, id);
        desk_pass(d, (30 + (i * 37) % 90) * MIN);
        desk_ended(d, id, END_EXIT, 0);
    }
}

static job_id submit(struct desk *d, uint32_t owner, uint32_t gpus, usec_t told_us)
{
    return desk_submit(d, (struct ev_submit){ .owner = owner, .command_key = 5, .gpus = gpus, .estimate_us = told_us, .flags = JOB_NOW });
}

static void same_row(const struct plan_row *a, const struct plan_row *b)
{
    assert_int_equal(a->start_p10_at, b->start_p10_at);
    assert_int_equal(a->start_p90_at, b->start_p90_at);
    assert_int_equal(a->end_p10_at, b->end_p10_at);
    assert_int_equal(a->end_p50_at, b->end_p50_at);
    assert_int_equal(a->end_p90_at, b->end_p90_at);
    assert_int_equal(a->eyes_late_at, b->eyes_late_at);
}

/* A queue of six behind two that run, with a history of two hours' spread. */
static void queue(struct desk *d, uint32_t samples, job_id ids[8])
{
    begin(d, 2, samples, ESTIMATES_HISTORY);
    history(d, 1, 5, 30);
    for (int i = 0; i < 8; i++) {
        ids[i] = submit(d, 1 + (uint32_t)i % 2, i == 4 ? 2 : 1, 0);
        if (i == 1) {
            desk_decide(d);
            desk_started(d, ids[0]);
            desk_started(d, ids[1]);
        }
    }
    desk_pass(d, 10 * MIN);
    desk_decide(d);
}

static void test_in_order_and_alike(void **state)
{
    (void)state;
    struct desk d;
    job_id ids[8];
    queue(&d, 64, ids);
    struct desk_plan p = odds(&d, 0, 0), again = odds(&d, 0, 0), plain = desk_plan(&d);
    bool spread = false;
    for (int i = 0; i < 8; i++) {
        const struct plan_row *r = desk_row(&p, ids[i]), *of = desk_row(&plain, ids[i]);
        assert_int_equal(r->samples, 64);
        assert_int_equal(of->samples, 0);
        assert_int_equal(r->start_at, of->start_at); /* odds move no place */
        assert_true(r->start_p10_at <= r->start_p50_at && r->start_p50_at <= r->start_p90_at);
        assert_true(r->end_p10_at <= r->end_p50_at && r->end_p50_at <= r->end_p90_at);
        assert_true(r->eyes_p10_at <= r->eyes_at && r->eyes_at <= r->eyes_late_at);
        if (i > 1)
            assert_true(r->start_p10_at > d.wall_at);
        spread |= r->start_p10_at < r->start_at && r->start_at < r->start_p90_at;
        same_row(r, desk_row(&again, ids[i]));
    }
    assert_true(spread);
    free(p.scratch);
    free(again.scratch);
    free(plain.scratch);
    desk_end(&d);
}

/* Another seed draws others; those asked for alone are told what all are. */
static void test_seed_and_part(void **state)
{
    (void)state;
    struct desk d;
    job_id ids[8];
    queue(&d, 64, ids);
    struct desk_plan all = odds(&d, 0, 0), one = odds(&d, ids[5], ids[5]);
    bool told = desk_row(&one, ids[5])->samples == 64;
    assert_true(told);
    assert_true(one.plan.odds.jobs_n <= all.plan.odds.jobs_n);
    same_row(desk_row(&all, ids[5]), desk_row(&one, ids[5]));
    usec_t before_at = desk_row(&all, ids[6])->end_p90_at;
    free(all.scratch);
    free(one.scratch);
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    s.estimates = ESTIMATES_HISTORY;
    bool differs = false;
    for (uint64_t seed = 8; seed < 12; seed++) {
        s.seed = seed;
        desk_do(&d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
        struct desk_plan p = odds(&d, 0, 0);
        differs |= desk_row(&p, ids[6])->end_p90_at != before_at;
        free(p.scratch);
    }
    assert_true(differs);
    desk_end(&d);
}

/* More samples come closer to one another. */
static void test_converges(void **state)
{
    (void)state;
    double off[2] = { 0, 0 };
    for (int many = 0; many < 2; many++) {
        struct desk d;
        job_id ids[8];
        struct ev_settings s = CORE_SETTINGS_DEFAULT;
        queue(&d, many ? 256 : 64, ids);
        s.estimates = ESTIMATES_HISTORY;
        s.odds = many ? 256 : 64;
        double sum[8] = { 0 }, squares[8] = { 0 };
        for (uint64_t seed = 1; seed <= 60; seed++) {
            s.seed = seed;
            desk_do(&d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
            struct desk_plan p = odds(&d, 0, 0);
            for (int i = 2; i < 8; i++) {
                const struct plan_row *r = desk_row(&p, ids[i]);
                double x = (double)(r->start_p10_at + r->start_p50_at + r->start_p90_at - 3 * d.wall_at) / (double)MIN;
                sum[i] += x;
                squares[i] += x * x;
            }
            free(p.scratch);
        }
        for (int i = 2; i < 8; i++)
            off[many] += squares[i] / 60 - sum[i] / 60 * (sum[i] / 60);
        desk_end(&d);
    }
    assert_true(off[1] < off[0]);
}

/* Known to the microsecond there is nothing to draw: all three are the plan's own place. */
static void test_exact(void **state)
{
    (void)state;
    struct desk d;
    job_id ids[8];
    begin(&d, 2, 64, ESTIMATES_TOLD);
    for (int i = 0; i < 8; i++)
        ids[i] = submit(&d, 1, i % 3 == 2 ? 2 : 1, (1 + i) * HOUR);
    desk_decide(&d);
    struct desk_plan p = odds(&d, 0, 0);
    for (int i = 0; i < 8; i++) {
        const struct plan_row *r = desk_row(&p, ids[i]);
        assert_int_equal(r->samples, 64);
        assert_int_equal(r->start_p10_at, r->start_at);
        assert_int_equal(r->start_p50_at, r->start_at);
        assert_int_equal(r->start_p90_at, r->start_at);
        assert_int_equal(r->end_p10_at, r->end_p90_at);
        assert_int_equal(r->end_p50_at, r->start_at + (1 + i) * HOUR);
        assert_int_equal(r->eyes_p10_at, core_eyes_at(d.core, 1, r->end_p10_at));
    }
    free(p.scratch);
    desk_end(&d);
}

static int by_time(const void *a, const void *b)
{
    usec_t x = *(const usec_t *)a, y = *(const usec_t *)b;
    return (x > y) - (x < y);
}

/* Eyes of the samples, sorted, are the eyes of the sorted samples: so a row's are those of its ends. */
static void test_eyes_of_samples(void **state)
{
    (void)state;
    struct desk d;
    job_id ids[8];
    queue(&d, 64, ids);
    desk_pass(&d, 5 * HOUR); /* the half hours after the submits are over */
    struct desk_plan p = odds(&d, 0, 0);
    const struct core_odds *o = &p.plan.odds;
    for (uint32_t job = 0; job < o->jobs_n; job++) {
        usec_t eyes[64];
        struct core_job j;
        assert_true(core_job_get(d.core, o->jobs[job].job, &j));
        for (uint32_t k = 0; k < 64; k++)
            eyes[k] = core_eyes_at(d.core, j.owner, o->start_at[job * 64 + k] + o->told_us[job * 64 + k]);
        qsort(eyes, 64, sizeof *eyes, by_time);
        const struct plan_row *r = desk_row(&p, j.id);
        assert_int_equal(r->eyes_p10_at, eyes[6]);
        assert_int_equal(r->eyes_at, eyes[31]);
        assert_int_equal(r->eyes_late_at, eyes[57]);
    }
    free(p.scratch);
    desk_end(&d);
}

/* In each sample: who depends begins when that has ended, what is reserved stays free, and under a cap no more runs than it bears. */
static void test_rules_kept(void **state)
{
    (void)state;
    struct desk d;
    begin(&d, 4, 64, ESTIMATES_HISTORY);
    history(&d, 1, 5, 30);
    const struct cap cap[] = { { d.wall_at, 700 * 1000 } };
    desk_do(&d, (struct core_event){ .kind = EVENT_POWER, .power = { .until_at = d.wall_at + 30 * USEC_PER_DAY, .caps = cap, .caps_n = 1 } });
    usec_t from_at = d.wall_at + 3 * HOUR, until_at = d.wall_at + 6 * HOUR;
    desk_do(&d, (struct core_event){ .kind = EVENT_RESERVE, .reserve = {
        .reservation = 1, .person = 2, .gpus = 3, .from_at = from_at, .until_at = until_at } });
    job_id first = submit(&d, 1, 1, 0), wide = submit(&d, 1, 2, 0), waits[4];
    desk_decide(&d);
    for (int i = 0; i < 4; i++)
        waits[i] = submit(&d, 1, 2, 0);
    const struct dep after[] = { { .kind = DEP_AFTEROK, .job = first } };
    job_id behind = desk_submit(&d, (struct ev_submit){ .owner = 1, .command_key = 5, .gpus = 1, .deps = after, .deps_n = 1 });
    struct desk_plan p = odds(&d, 0, 0);
    const struct core_odds *o = &p.plan.odds;
    assert_int_equal(desk_row(&p, behind)->samples, 64);
    for (uint32_t k = 0; k < 64; k++) {
        usec_t first_end_at = 0, behind_at = 0;
        for (uint32_t a = 0; a < o->jobs_n; a++) {
            usec_t at = o->start_at[a * 64 + k], end_at = at + o->run_us[a * 64 + k];
            uint32_t gpus = 0;
            if (o->jobs[a].job == first)
                first_end_at = end_at;
            if (o->jobs[a].job == behind)
                behind_at = at;
            for (uint32_t b = 0; b < o->jobs_n; b++) {
                struct core_job j;
                assert_true(core_job_get(d.core, o->jobs[b].job, &j));
                if (o->start_at[b * 64 + k] <= at && o->start_at[b * 64 + k] + o->run_us[b * 64 + k] > at)
                    gpus += j.gpus;
            }
            assert_true(gpus <= 4);
            for (int i = 0; i < 4; i++)
                if (o->jobs[a].job == waits[i]) { /* 2 of 4, and 3 are kept */
                    assert_true(end_at <= from_at || at >= until_at);
                    assert_true(gpus * 300 <= 700);
                }
        }
        assert_true(behind_at >= first_end_at && first_end_at > 0);
    }
    (void)wide;
    free(p.scratch);
    desk_end(&d);
}

/* Where nothing can be known nothing is told: held, behind a failure, or the queue is closed. */
static void test_no_odds(void **state)
{
    (void)state;
    struct desk d;
    begin(&d, 1, 64, ESTIMATES_HISTORY);
    history(&d, 1, 5, 12);
    job_id runs = submit(&d, 1, 1, 0);
    desk_decide(&d);
    job_id held = desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 1, .flags = JOB_HELD });
    const struct dep not[] = { { .kind = DEP_AFTERNOTOK, .job = runs } };
    job_id fails = desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 1, .deps = not, .deps_n = 1 });
    job_id waits = submit(&d, 1, 1, 0);
    struct desk_plan p = odds(&d, 0, 0);
    assert_int_equal(desk_row(&p, held)->samples, 0);
    assert_int_equal(desk_row(&p, held)->start_p90_at, USEC_NEVER);
    assert_int_equal(desk_row(&p, fails)->samples, 0);
    assert_int_equal(desk_row(&p, fails)->end_p10_at, USEC_NEVER);
    assert_int_equal(desk_row(&p, waits)->samples, 64);
    free(p.scratch);
    desk_do(&d, (struct core_event){ .kind = EVENT_QUEUE, .queue = { .closed = 1 } });
    p = odds(&d, 0, 0);
    assert_int_equal(desk_row(&p, waits)->samples, 0);
    assert_int_equal(desk_row(&p, waits)->start_p10_at, USEC_NEVER);
    free(p.scratch);
    desk_end(&d);
}

/* So many samples times so many places at most: beyond them the passes are told. */
static void test_bounded(void **state)
{
    (void)state;
    struct desk d;
    begin(&d, 1, 64, ESTIMATES_HISTORY);
    for (int i = 0; i < 400; i++)
        submit(&d, 1, 1, 0);
    desk_decide(&d);
    struct desk_plan p = odds(&d, 0, 0);
    uint32_t sampled = 0;
    for (uint32_t i = 0; i < p.plan.rows_n; i++) {
        assert_int_equal(p.plan.rows[i].samples, i <= 256 ? 64 : 0); /* one starts */
        sampled += p.plan.rows[i].samples != 0;
    }
    assert_int_equal(sampled, 257);
    free(p.scratch);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order_and_alike), cmocka_unit_test(test_seed_and_part), cmocka_unit_test(test_converges),
        cmocka_unit_test(test_exact), cmocka_unit_test(test_eyes_of_samples), cmocka_unit_test(test_rules_kept),
        cmocka_unit_test(test_no_odds), cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
