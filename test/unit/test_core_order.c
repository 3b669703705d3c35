/* In what order, and when: policies, properties 1 to 5 of the planner, reservations, plans, explanations. */
#include "core_desk.h"

#include "base/prng.h"
#include "core/avail.h"
#include "core/capacity.h"
#include "core/estimate.h"
#include "core/policy.h"
#include "core/rise.h"

/* --- orders ----------------------------------------------------------------------------------- */

/* Fill the one GPU, queue behind it, and read the order from the plan. */
static void order_of(struct desk *d, char *text, size_t size)
{
    struct desk_plan p = desk_plan(d);
    struct buf b;
    buf_init_fixed(&b, text, size);
    for (uint32_t i = 0; i < p.plan.rows_n; i++)
        if (p.plan.rows[i].state == JOB_PENDING) {
            if (b.len)
                buf_char(&b, ' ');
            buf_u64(&b, p.plan.rows[i].job);
        }
    free(p.scratch);
}

static void test_order_of_each_policy(void **state)
{
    (void)state;
    static const struct { enum policy policy; const char *order; } rows[] = {
        { POLICY_FIFO, "2 3 4 5" }, { POLICY_EASY, "2 3 4 5" },
        { POLICY_SJF, "4 3 5 2" },  /* limits: 2: 8 h, 3: 2 h, 4: 1 h, 5: 3 h */
        { POLICY_SAF, "3 5 4 2" },  /* x GPUs:    8      2        4      3 */
        { POLICY_BLEND, "3 5 4 2" }, /* everybody is always here */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct desk d;
        char text[100];
        desk_begin(&d, 4, rows[i].policy);
        /* Long history of long runs: every quantile lies above the limits. */
        for (int k = 0; k < 30; k++)
            desk_history(&d, (struct ev_submit){ .gpus = 4, .command_key = 1 }, 200 * HOUR);
        job_id base = desk_submit(&d, (struct ev_submit){ .gpus = 4, .command_key = 1 });
        desk_decide(&d);
        desk_submit(&d, (struct ev_submit){ .gpus = 1, .limit_us = 8 * HOUR });
        desk_submit(&d, (struct ev_submit){ .gpus = 1, .limit_us = 2 * HOUR });
        desk_submit(&d, (struct ev_submit){ .gpus = 4, .limit_us = 1 * HOUR });
        desk_submit(&d, (struct ev_submit){ .gpus = 1, .limit_us = 3 * HOUR });
        order_of(&d, text, sizeof text);
        /* Ids begin after the history: shift them to 1. */
        char want[100];
        struct buf b;
        buf_init_fixed(&b, want, sizeof want);
        for (const char *c = rows[i].order; *c; c++) {
            if (*c == ' ')
                buf_char(&b, ' ');
            else
                buf_u64(&b, base - 1 + (uint64_t)(*c - '0'));
        }
        if (strcmp(text, want) != 0)
            fail_msg("%s: %s, expected %s", policy_word(rows[i].policy), text, want);
        desk_end(&d);
    }
}

/* Whatever hours somebody says, the index of their job comes to the same over a week: hours say when it matters, not
 * how much.  Narrower hours that raised it on the average would pay for whoever misstates them. */
static void test_hours_move_priority_and_do_not_raise_it(void **state)
{
    static const struct { int from, until, days; } said[] = { /* the first: there round the clock */
        { 0, 24, 7 }, { 9, 18, 5 }, { 10, 16, 5 }, { 7, 21, 5 }, { 9, 13, 5 }, { 20, 23, 1 }, { 8, 9, 7 },
    };
    const usec_t step_us = 30 * MIN, week_us = 7 * USEC_PER_DAY;
    static struct desk d;
    double honest = 0;
    (void)state;
    desk_begin(&d, 1, POLICY_BLEND);
    for (uint32_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        struct span w[6 * 7];
        uint32_t n = 0;
        for (int day = 0; day < 6 * 7; day++)
            if (day % 7 < said[i].days)
                w[n++] = (struct span){ DESK_START + day * USEC_PER_DAY + said[i].from * HOUR,
                                        DESK_START + day * USEC_PER_DAY + said[i].until * HOUR };
        desk_avail(&d, i + 1, w, n, DESK_START + 6 * week_us);
        /* Every m x W is a whole number of steps. */
        struct policy_ctx ctx = { .core = d.core, .ops = policy_ops_of(d.core) };
        const struct class_key key = { .owner = (i + 1) & 511, .eyes = (i + 1) & 511, .gpus = 1 };
        double sum = 0, most = 0;
        for (usec_t at = DESK_START + week_us; at < DESK_START + 2 * week_us; at += step_us) {
            ctx.now_at = ctx.tick_at = at;
            policy_starts(&ctx, 20 * HOUR);
            struct class_view view = { .base_at = policy_base(&ctx, key.eyes), .area = 1000 * 3 * HOUR,
                                       .node_us = { 10 * MIN, HOUR, 3 * HOUR, 9 * HOUR, 20 * HOUR } };
            assert_true(view.base_at == at);
            double value = (double)ctx.ops->value(&ctx, &key, &view);
            sum += value;
            most = value > most ? value : most;
        }
        double mean = sum / (double)(week_us / step_us);
        honest = i == 0 ? mean : honest;
        if (mean < honest * 0.999 || mean > honest * 1.001)
            fail_msg("hours %d to %d on %d days: the index is %.4f of what it is for somebody always there", said[i].from,
                     said[i].until, said[i].days, mean / honest);
        assert_true(i == 0 || most > 1.05 * honest); /* it does move */
    }
    desk_end(&d);
}

/* What is remembered of a stretch of lengths is what each of them comes to, at its edges too; windows that change, and
 * another base or backlog, are seen. */
static void test_rises_are_remembered_as_they_are(void **state)
{
    static struct desk d;
    struct prng prng;
    uint32_t met = 0;
    (void)state;
    prng_init(&prng, 7, 7);
    desk_begin(&d, 1, POLICY_BLEND);
    for (uint32_t round = 0; round < 40; round++) {
        struct span w[12];
        usec_t at = DESK_START + (usec_t)prng_below(&prng, 10) * HOUR;
        for (uint32_t i = 0; i < 12; i++) {
            at += (usec_t)prng_below(&prng, 15) * HOUR; /* some touch */
            w[i].from_at = at;
            w[i].until_at = at += (usec_t)(1 + prng_below(&prng, 9)) * HOUR;
        }
        desk_avail(&d, 1 + round % 2, w, 12, at + ((usec_t)prng_below(&prng, 20) - 10) * HOUR);
        struct policy_ctx ctx = { .core = d.core, .ops = policy_ops_of(d.core), .deciding = true };
        ctx.now_at = ctx.tick_at = DESK_START + (usec_t)prng_below(&prng, 5 * 24) * HOUR;
        policy_starts(&ctx, (usec_t)(1 + prng_below(&prng, 3)) * 20 * HOUR);
        for (uint32_t i = 0; i < 2000; i++) {
            uint32_t person = 1 + (uint32_t)prng_below(&prng, 2);
            usec_t base_at = policy_base(&ctx, person), run_us = (usec_t)(1 + prng_below(&prng, 400)) * 15 * MIN;
            run_us += (usec_t)prng_below(&prng, 3) - 1;
            struct rise rise = rise_of_run(&ctx, person, base_at, 0, run_us);
            usec_t now_at = avail_eyes(d.core, person, base_at + run_us);
            int64_t sum = 0;
            for (int k = 1; k < POLICY_STARTS; k++)
                sum += (avail_eyes(d.core, person, base_at + ctx.start_us[k] + run_us) - now_at) * rise_inverse_60[k - 1];
            assert_true(rise.seen_at == now_at && rise.sum == sum);
            ctx.deciding = false; /* whoever only looks finds the same */
            struct rise alone = rise_of_run(&ctx, person, base_at, 0, run_us);
            ctx.deciding = true;
            assert_true(alone.seen_at == now_at && alone.sum == sum);
        }
        for (uint32_t i = 0; i < RISES_MAX; i++)
            met += d.core->rises[i].slope != 0;
    }
    assert_true(met > 0);
    desk_end(&d);
}

static void test_fifo_never_overtakes_easy_does(void **state)
{
    (void)state;
    for (int easy = 0; easy < 2; easy++) {
        static struct desk d;
        desk_begin(&d, 2, easy ? POLICY_EASY : POLICY_FIFO);
        desk_submit(&d, (struct ev_submit){ .gpus = 1, .limit_us = 4 * HOUR });
        desk_submit(&d, (struct ev_submit){ .gpus = 2, .limit_us = HOUR });
        desk_submit(&d, (struct ev_submit){ .gpus = 1, .limit_us = 10 * MIN });
        desk_decide(&d);
        assert_string_equal(desk_starts(&d), easy ? "1 3" : "1");
        assert_int_equal(desk_job(&d, 2).reason, REASON_RESOURCES);
        desk_end(&d);
    }
}

static void test_backfill_respects_the_reservation(void **state)
{
    (void)state;
    static struct desk d;
    desk_begin(&d, 2, POLICY_EASY);
    desk_submit(&d, (struct ev_submit){ .gpus = 1, .limit_us = 10 * MIN });
    desk_submit(&d, (struct ev_submit){ .gpus = 2, .limit_us = HOUR });
    desk_submit(&d, (struct ev_submit){ .gpus = 1, .limit_us = 11 * MIN }); /* a minute too long */
    desk_submit(&d, (struct ev_submit){ .gpus = 1, .limit_us = 10 * MIN }); /* just fits */
    desk_decide(&d);
    assert_string_equal(desk_starts(&d), "1 4");
    assert_int_equal(desk_job(&d, 3).reason, REASON_PRIORITY);
    struct core_plan last = core_last_plan(d.core);
    assert_int_equal(last.rows[last.rows_n - 1].job, 2);
    assert_true(last.rows[last.rows_n - 1].start_at == d.wall_at + 10 * MIN);
    desk_end(&d);
}

static void test_nice_and_first(void **state)
{
    (void)state;
    for (int policy = 0; policy < POLICY_COUNT; policy++) {
        static struct desk d;
        char text[100];
        desk_begin(&d, 1, (enum policy)policy);
        desk_submit(&d, (struct ev_submit){ .gpus = 1 });
        desk_decide(&d);
        desk_submit(&d, (struct ev_submit){ .gpus = 1, .owner = 2, .nice = 100 });
        desk_submit(&d, (struct ev_submit){ .gpus = 1, .owner = 3 });
        desk_submit(&d, (struct ev_submit){ .gpus = 1, .owner = 2 });
        desk_submit(&d, (struct ev_submit){ .gpus = 1, .owner = 3 });
        order_of(&d, text, sizeof text);
        assert_string_equal(text, "3 4 5 2");
        desk_do(&d, (struct core_event){ .kind = EVENT_FIRST, .first = { 5, 0, 0 } });
        order_of(&d, text, sizeof text);
        assert_string_equal(text, "5 3 4 2"); /* before its owner's best, which was the first of all */
        desk_do(&d, (struct core_event){ .kind = EVENT_FIRST, .first = { 2, 0, 0 } });
        order_of(&d, text, sizeof text);
        assert_string_equal(text, "5 3 2 4"); /* before its owner's others, not before other people's */
        desk_ended(&d, 1, END_EXIT, 0);
        desk_decide(&d);
        assert_string_equal(desk_starts(&d), "5");
        desk_end(&d);
    }
}

/* --- time-to-eyes ----------------------------------------------------------------------------- */

/* Two people, two jobs of three hours, one GPU, 15:00.  Whoever leaves at 18:00 is at a cliff now. */
static void test_hours_change_a_real_start(void **state)
{
    (void)state;
    for (int who = 1; who <= 2; who++) {
        static struct desk d;
        desk_begin(&d, 1, POLICY_BLEND);
        d.wall_at += 15 * HOUR - 40 * MIN;
        desk_hours(&d, 1, 9, who == 1 ? 18 : 23);
        desk_hours(&d, 2, 9, who == 2 ? 18 : 23);
        for (uint32_t p = 1; p <= 2; p++)
            desk_submit(&d, (struct ev_submit){ .gpus = 1, .owner = p, .limit_us = 3 * HOUR - 30 * MIN,
                                                .flags = JOB_HELD });
        desk_pass(&d, 40 * MIN); /* presence proved by submitting is over */
        for (uint32_t p = 1; p <= 2; p++)
            desk_do(&d, (struct core_event){ .kind = EVENT_RELEASE, .release = { p, 0, 0, 0 } });
        desk_decide(&d);
        assert_int_equal(desk_count(&d, UPDATE_START), 1);
        if (!desk_update(&d, UPDATE_START, (job_id)who))
            fail_msg("the cliff is person %d's, and %s starts", who, desk_starts(&d));
        desk_end(&d);
    }
}

static void random_world(struct desk *d, struct prng *p, enum policy policy, bool always_here)
{
    static const uint32_t widths[] = { 1, 1, 1, 2, 4, 8 };
    desk_begin(d, 8, policy);
    for (uint32_t person = 1; person <= 4; person++)
        if (!always_here)
            desk_hours(d, person, (int)(5 + prng_below(p, 6)), (int)(12 + prng_below(p, 11)));
    for (int i = 0; i < 12; i++)
        desk_history(d, (struct ev_submit){ .gpus = 1, .owner = (uint32_t)(1 + prng_below(p, 4)),
                                            .command_key = 1 + prng_below(p, 3) },
                     (usec_t)(1 + prng_below(p, 200)) * MIN);
    desk_submit(d, (struct ev_submit){ .gpus = 8, .limit_us = 2 * HOUR });
    desk_decide(d);
    for (int i = 0; i < 60; i++) {
        desk_pass(d, (usec_t)prng_below(p, 3) * SEC);
        desk_submit(d, (struct ev_submit){ .gpus = widths[prng_below(p, 6)],
            .owner = (uint32_t)(1 + prng_below(p, 4)), .command_key = 1 + prng_below(p, 3),
            .limit_us = prng_below(p, 2) ? (usec_t)(1 + prng_below(p, 600)) * MIN : 0 });
    }
    desk_decide(d);
}

/* Property 1. */
static void test_always_here_is_smallest_area_first(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        static struct desk a, b;
        struct prng p, q;
        char x[2000], y[2000];
        prng_init(&p, seed, 3);
        prng_init(&q, seed, 3);
        random_world(&a, &p, POLICY_BLEND, true);
        random_world(&b, &q, POLICY_SAF, true);
        order_of(&a, x, sizeof x);
        order_of(&b, y, sizeof y);
        assert_true(strlen(x) > 100);
        if (strcmp(x, y) != 0)
            fail_msg("seed %llu:\n%s\n%s", (unsigned long long)seed, x, y);
        desk_end(&a);
        desk_end(&b);
    }
}

/* Properties 2 and 4 on whole plans. */
static void test_plan_rows_hold(void **state)
{
    (void)state;
    uint32_t different = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        static struct desk d, saf;
        struct prng p, q;
        char x[2000], y[2000];
        prng_init(&p, seed, 4);
        prng_init(&q, seed, 4);
        random_world(&d, &p, POLICY_BLEND, false);
        random_world(&saf, &q, POLICY_SAF, false);
        order_of(&d, x, sizeof x);
        order_of(&saf, y, sizeof y);
        different += strcmp(x, y) != 0;
        desk_end(&saf);
        struct desk_plan plan = desk_plan(&d);
        for (uint32_t i = 0; i < plan.plan.rows_n; i++) {
            const struct plan_row *r = &plan.plan.rows[i];
            struct core_job j = desk_job(&d, r->job);
            usec_t length = r->end_p50_at - r->start_at;
            assert_true(r->eyes_at >= r->end_p50_at && r->eyes_late_at >= r->end_p90_at);
            assert_true(r->end_p10_at <= r->end_p50_at && r->end_p50_at <= r->end_p90_at);
            assert_true(r->start_at <= r->start_p90_at && r->number == i);
            /* Eyes recomputed from the windows: the end, or the next window, or presence by submitting. */
            usec_t eyes = core_eyes_at(d.core, j.owner, r->end_p50_at);
            if (r->end_p50_at < j.submit_at + 30 * MIN && r->end_p50_at >= j.submit_at)
                eyes = r->end_p50_at;
            assert_true(r->eyes_at == eyes);
            if (j.state == JOB_PENDING) /* D >= 0 */
                assert_true(r->eyes_at >= core_eyes_at(d.core, j.owner, j.submit_at + length) ||
                            r->end_p50_at < j.submit_at + 30 * MIN);
            /* No instant overbooks: at each start, what overlaps must fit. */
            uint32_t busy = 0;
            for (uint32_t k = 0; k < plan.plan.rows_n; k++) {
                const struct plan_row *o = &plan.plan.rows[k];
                if (o->start_at <= r->start_at && r->start_at < o->end_p50_at)
                    busy += desk_job(&d, o->job).gpus;
            }
            assert_true(busy <= 8);
        }
        free(plan.scratch);
        desk_end(&d);
    }
    assert_true(different > 20); /* the calendars did matter */
}

/* Property 3: eyes. */
static void test_eyes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        static struct desk d;
        struct prng p;
        struct span w[20], more[20];
        uint32_t n = 0;
        usec_t t = DESK_START;
        prng_init(&p, seed, 5);
        desk_begin(&d, 0, POLICY_BLEND);
        for (; n < 20; n++) {
            usec_t from = t + (usec_t)prng_below(&p, 10 * HOUR), until = from + 1 + (usec_t)prng_below(&p, 9 * HOUR);
            w[n] = (struct span){ from, until };
            t = until + 2;
            more[n] = (struct span){ from - (usec_t)prng_below(&p, 2), until + (usec_t)prng_below(&p, 2) };
        }
        desk_avail(&d, 1, w, n, t + HOUR);
        desk_avail(&d, 2, more, n, t + HOUR);
        usec_t last = 0;
        for (int i = 0; i < 400; i++) {
            usec_t at = DESK_START + (t + 2 * HOUR - DESK_START) / 400 * i, want = USEC_NEVER, until = at;
            for (uint32_t k = 0; k < n; k++)
                if (w[k].until_at > at && want == USEC_NEVER)
                    want = usec_max(at, w[k].from_at);
            want = at >= t + HOUR ? at : usec_min(want, t + HOUR);
            for (uint32_t k = 0; k < n; k++)
                if (w[k].from_at <= at && at < w[k].until_at)
                    until = w[k].until_at;
            until = at >= t + HOUR ? USEC_NEVER : until;
            usec_t eyes = core_eyes_at(d.core, 1, at);
            assert_true(eyes == want);
            assert_true(core_present_until(d.core, 1, at) == until);
            assert_true(eyes >= at && eyes >= last && core_eyes_at(d.core, 1, eyes) == eyes);
            assert_true(core_eyes_at(d.core, 2, at) <= eyes); /* more availability never later */
            assert_true(core_eyes_at(d.core, 9, at) == at);   /* nothing known: always here */
            last = eyes;
        }
        desk_end(&d);
    }
}

/* Property 5 and independence of the order of facts. */
static void test_order_of_facts_does_not_matter(void **state)
{
    (void)state;
    static struct desk a, b;
    desk_begin(&a, 0, POLICY_BLEND);
    desk_begin(&b, 0, POLICY_BLEND);
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t k = 5 - i;
        desk_do(&a, (struct core_event){ .kind = EVENT_GPU, .gpu = { i, 1 + i % 2, GPU_UP, 5 } });
        desk_do(&b, (struct core_event){ .kind = EVENT_GPU, .gpu = { k, 1 + k % 2, GPU_UP, 5 } });
        desk_hours(&a, i + 1, (int)(6 + i), 18);
        desk_hours(&b, k + 1, (int)(6 + k), 18);
    }
    assert_true(core_hash(a.core) == core_hash(b.core));
    for (int i = 0; i < 20; i++) {
        struct ev_submit s = { .gpus = 1 + (uint32_t)i % 3, .owner = 1 + (uint32_t)i % 6 };
        desk_submit(&a, s);
        desk_submit(&b, s);
    }
    desk_decide(&a);
    desk_decide(&b);
    struct desk_plan x = desk_plan(&a), y = desk_plan(&b);
    assert_int_equal(x.plan.rows_n, 20);
    assert_memory_equal(x.plan.rows, y.plan.rows, 20 * sizeof *x.plan.rows);
    free(x.scratch);
    free(y.scratch);
    desk_end(&a);
    desk_end(&b);
}

/* --- reservations ----------------------------------------------------------------------------- */

/* Lengths are known exactly (limits below every guess, jobs run to them).  Whoever is reserved for must start
 * no later than said, whatever was backfilled. */
static void test_backfill_never_delays(void **state)
{
    (void)state;
    uint32_t reservations = 0, backfills = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        static struct desk d;
        struct prng p;
        usec_t promised[400] = { 0 }, limits[400] = { 0 };
        struct { job_id job; usec_t end_at; } runs[64];
        uint32_t runs_n = 0;
        prng_init(&p, seed, 6);
        desk_begin(&d, 8, POLICY_EASY);
        for (job_id id = 1; id < 120; id++) {
            limits[id] = (usec_t)(30 + prng_below(&p, 800)) * SEC;
            desk_submit(&d, (struct ev_submit){ .gpus = (uint32_t)(1 + prng_below(&p, 8)), .limit_us = limits[id] });
        }
        while (core_jobs_n(d.core) > 0) {
            desk_decide(&d);
            bool jumped = false;
            for (uint32_t i = 0; i < d.updates_n; i++) {
                if (d.updates[i].kind != UPDATE_START)
                    continue;
                job_id job = d.updates[i].job, lowest = core_last_id(d.core);
                struct core_job j;
                if (promised[job] && d.wall_at > promised[job])
                    fail_msg("seed %llu: job %u starts %lld s late", (unsigned long long)seed, job,
                             (long long)((d.wall_at - promised[job]) / SEC));
                for (job_id at = 0; core_job_after(d.core, at, &j); at = j.id)
                    if (j.state == JOB_PENDING && j.id < lowest)
                        lowest = j.id;
                jumped |= job > lowest;
                runs[runs_n].job = job;
                runs[runs_n++].end_at = d.wall_at + limits[job];
            }
            backfills += jumped;
            struct core_plan last = core_last_plan(d.core);
            for (uint32_t i = 0; i < last.rows_n; i++)
                if (last.rows[i].start_at > d.wall_at && !promised[last.rows[i].job]) {
                    promised[last.rows[i].job] = last.rows[i].start_at;
                    reservations++;
                }
            uint32_t next = 0;
            for (uint32_t i = 1; i < runs_n; i++)
                if (runs[i].end_at < runs[next].end_at)
                    next = i;
            desk_pass(&d, runs[next].end_at - d.wall_at);
            desk_ended(&d, runs[next].job, END_STOPPED, 0); /* teaches no forecast */
            runs[next] = runs[--runs_n];
        }
        desk_end(&d);
    }
    assert_true(reservations > 1000 && backfills > 300);
}

/* A wide job under an endless stream of small ones starts once it has aged. */
static void test_nobody_starves(void **state)
{
    (void)state;
    for (int policy = 0; policy < POLICY_COUNT; policy++) {
        static struct desk d;
        const usec_t age = 6 * HOUR, longest = 10 * MIN;
        struct { job_id job; usec_t end_at; } runs[16];
        uint32_t runs_n = 0;
        usec_t started_at = 0, begun_at;
        desk_begin(&d, 4, (enum policy)policy);
        desk_settings(&d, (enum policy)policy, age);
        begun_at = d.wall_at;
        job_id wide = desk_submit(&d, (struct ev_submit){ .gpus = 4, .owner = 2, .limit_us = 20 * HOUR, .nice = 50 });
        for (int step = 0; step < 2000 && !started_at; step++) {
            while (core_count(d.core).pending < 8)
                desk_submit(&d, (struct ev_submit){ .gpus = 1, .limit_us = longest });
            desk_decide(&d);
            for (uint32_t i = 0; i < d.updates_n; i++)
                if (d.updates[i].kind == UPDATE_START) {
                    if (d.updates[i].job == wide)
                        started_at = d.wall_at;
                    runs[runs_n].job = d.updates[i].job;
                    runs[runs_n++].end_at = d.wall_at + longest;
                }
            if (started_at)
                break;
            uint32_t next = 0;
            for (uint32_t i = 1; i < runs_n; i++)
                if (runs[i].end_at < runs[next].end_at)
                    next = i;
            desk_pass(&d, runs[next].end_at - d.wall_at);
            desk_ended(&d, runs[next].job, END_EXIT, 0);
            runs[next] = runs[--runs_n];
        }
        if (!started_at || started_at > begun_at + age + 2 * longest)
            fail_msg("%s: the wide job starved", policy_word((enum policy)policy));
        desk_end(&d);
    }
}

/* --- the deadline says when to decide again --------------------------------------------------- */

static void test_refused_backfill_is_tried_again(void **state)
{
    (void)state;
    static struct desk d;
    usec_t wall_at, boot_at;
    desk_begin(&d, 2, POLICY_EASY);
    desk_submit(&d, (struct ev_submit){ .gpus = 1, .command_key = 9 });
    desk_decide(&d);
    desk_submit(&d, (struct ev_submit){ .gpus = 2, .limit_us = HOUR });
    desk_submit(&d, (struct ev_submit){ .gpus = 1, .limit_us = 3 * HOUR });
    desk_decide(&d);
    assert_string_equal(desk_starts(&d), ""); /* 1 is expected to end in an hour */
    int decisions = 0;
    while (desk_state(&d, 3) == JOB_PENDING && decisions++ < 1000) {
        core_deadline(d.core, &wall_at, &boot_at);
        assert_true(wall_at != USEC_NEVER && wall_at > d.wall_at);
        desk_pass(&d, wall_at - d.wall_at);
        desk_decide(&d);
    }
    /* 1 has outlived what it rested on: now it is expected to run for hours, and 3 fits before. */
    assert_int_equal(desk_state(&d, 3), JOB_CONFIGURING);
    desk_end(&d);
}

static void test_nothing_starts_before_the_deadline(void **state)
{
    (void)state;
    uint32_t asked = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        static struct desk d;
        struct prng p;
        prng_init(&p, seed, 8);
        random_world(&d, &p, POLICY_BLEND, false);
        for (int i = 0; i < 30; i++) {
            usec_t wall_at, boot_at;
            struct core_job j, running = { 0 };
            core_deadline(d.core, &wall_at, &boot_at);
            usec_t until = usec_min(wall_at, d.wall_at + 12 * HOUR);
            if (until > d.wall_at + 1) {
                usec_t t = d.wall_at, b = d.boot_at;
                desk_pass(&d, 1 + (usec_t)prng_below(&p, (uint64_t)(until - d.wall_at - 1)));
                struct desk_plan plan = desk_plan(&d);
                for (uint32_t k = 0; k < plan.plan.rows_n; k++)
                    if (plan.plan.rows[k].state == JOB_PENDING && plan.plan.rows[k].start_at == d.wall_at)
                        fail_msg("seed %llu: job %u could have started before the deadline",
                                 (unsigned long long)seed, plan.plan.rows[k].job);
                free(plan.scratch);
                asked++;
                d.wall_at = t;
                d.boot_at = b;
            }
            for (job_id at = 0; core_job_after(d.core, at, &j); at = j.id)
                if (j.state == JOB_CONFIGURING && (!running.id || prng_below(&p, 2)))
                    running = j;
            if (!running.id)
                break;
            desk_pass(&d, (usec_t)prng_below(&p, 40) * MIN);
            desk_ended(&d, running.id, END_EXIT, 0);
            desk_decide(&d);
        }
        desk_end(&d);
    }
    assert_true(asked > 300);
}

/* --- explanations, recomputed naively --------------------------------------------------------- */

static void test_explain(void **state)
{
    (void)state;
    uint32_t seen[REASON_COUNT] = { 0 };
    for (uint64_t seed = 1; seed <= 30; seed++) {
        static struct desk d;
        struct prng p;
        prng_init(&p, seed, 9);
        random_world(&d, &p, POLICY_BLEND, false);
        desk_submit(&d, (struct ev_submit){ .flags = JOB_HELD });
        struct dep dep = { .kind = DEP_AFTEROK, .job = core_last_id(d.core) };
        desk_submit(&d, (struct ev_submit){ .deps = &dep, .deps_n = 1 });
        desk_submit(&d, (struct ev_submit){ .begin_at = d.wall_at + 5 * HOUR });
        desk_do(&d, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = 1, .running_max = 1 } });
        desk_submit(&d, (struct ev_submit){ .gpus = 9 });
        desk_decide(&d);
        struct desk_plan plan = desk_plan(&d);
        struct core_job j;
        uint32_t line = 0;
        struct core_counts counts = core_count(d.core);
        for (uint32_t i = 0; i < plan.plan.rows_n; i++) {
            const struct plan_row *row = &plan.plan.rows[i];
            struct explanation e;
            assert_int_equal(core_explain(d.core, row->job, &plan.plan, &e), 0);
            j = desk_job(&d, row->job);
            seen[e.reason]++;
            assert_int_equal(e.reason, row->reason);
            assert_true(e.start_at == row->start_at && e.eyes_at == row->eyes_at);
            assert_int_equal(e.need_gpus, j.gpus);
            assert_int_equal(e.free_gpus, counts.gpus_up - counts.gpus_busy);
            assert_int_equal(e.up_gpus, 8);
            assert_int_equal(e.free_cpus, 64 - counts.cpus_busy);
            bool waits = e.reason == REASON_RESOURCES || e.reason == REASON_PRIORITY ||
                         e.reason == REASON_PERSON_RUNNING;
            assert_int_equal(e.position, waits ? ++line : 0);
            if (j.state == JOB_PENDING) {
                usec_t end = d.wall_at + e.forecast.p50_us;
                bool present = end < j.submit_at + 30 * MIN;
                assert_true(e.now_eyes_at == (present ? end : core_eyes_at(d.core, j.owner, end)));
            }
            switch (e.reason) {
            case REASON_RESOURCES: { /* the last end before its start */
                usec_t best = 0;
                job_id by = 0;
                for (uint32_t k = 0; k < plan.plan.rows_n; k++)
                    if (plan.plan.rows[k].state != JOB_PENDING && plan.plan.rows[k].end_p50_at <= row->start_at &&
                        plan.plan.rows[k].end_p50_at > best) {
                        best = plan.plan.rows[k].end_p50_at;
                        by = plan.plan.rows[k].job;
                    }
                assert_int_equal(e.blocker, by);
                assert_true(e.change_at == row->start_at);
                break;
            }
            case REASON_DEPENDENCY:
                assert_int_equal(e.blocker, dep.job);
                assert_true(e.change_at == USEC_NEVER); /* it is held */
                break;
            case REASON_BEGIN_TIME:
                assert_true(e.change_at == j.begin_at && e.start_at == j.begin_at);
                break;
            case REASON_PERSON_RUNNING: {
                uint32_t running = 0;
                struct core_job o;
                for (job_id at = 0; core_job_after(d.core, at, &o); at = o.id)
                    running += o.owner == 1 && o.state != JOB_PENDING;
                assert_int_equal(e.limit, 1);
                assert_int_equal(e.used, running);
                break;
            }
            default:
                break;
            }
        }
        struct explanation none;
        assert_int_equal(core_explain(d.core, 99999, &plan.plan, &none), E_NOT_FOUND);
        free(plan.scratch);
        desk_end(&d);
    }
    assert_true(seen[REASON_RESOURCES] > 10 && seen[REASON_PRIORITY] > 100 && seen[REASON_HELD_USER] == 30);
    assert_true(seen[REASON_DEPENDENCY] == 30 && seen[REASON_BEGIN_TIME] == 30);
    assert_true(seen[REASON_NEVER_FITS] == 30 && seen[REASON_PERSON_RUNNING] > 10);
}

/* --- forecasts -------------------------------------------------------------------------------- */

static void test_logarithms(void **state)
{
    (void)state;
    assert_int_equal(log2_fixed(1), 0);
    assert_int_equal(log2_fixed(1024), 10 * LOG_ONE);
    assert_int_equal(exp2_fixed(20 * LOG_ONE), 1 << 20);
    int32_t last = 0;
    for (uint64_t v = 1; v < UINT64_C(1) << 50; v += v / 7 + 1) {
        int32_t l = log2_fixed(v);
        uint64_t back = exp2_fixed(l);
        assert_true(l >= last);
        assert_true(back <= v + 1 && (v < 4096 || v - back <= v / 600)); /* 1/512 of an octave: 0.14% */
        last = l;
    }
}

static void test_forecast(void **state)
{
    (void)state;
    static struct desk d;
    struct forecast f;
    desk_begin(&d, 1, POLICY_BLEND);
    job_id id = desk_submit(&d, (struct ev_submit){ .gpus = 1, .owner = 2, .command_key = 7 });
    assert_true(core_forecast(d.core, id, 0, &f));
    assert_int_equal(f.source, FORECAST_GUESS);
    assert_int_equal(f.history_n, 0);
    assert_true(llabs(f.p50_us - HOUR) < HOUR / 500);
    desk_do(&d, (struct core_event){ .kind = EVENT_CANCEL, .cancel = { id, 0, 2, 0 } });
    for (int i = 0; i < 10; i++)
        desk_history(&d, (struct ev_submit){ .gpus = 1, .owner = 2, .command_key = 7 }, (10 + i) * MIN);
    id = desk_submit(&d, (struct ev_submit){ .gpus = 1, .owner = 2, .command_key = 7 });
    core_forecast(d.core, id, 0, &f);
    assert_int_equal(f.source, FORECAST_OWN);
    assert_true(f.p50_us > 13 * MIN && f.p50_us < 16 * MIN);
    assert_true(f.p10_us >= 9 * MIN && f.p90_us <= 20 * MIN);
    core_forecast(d.core, id, 17 * MIN, &f); /* it has outlived most */
    assert_true(f.p10_us > 17 * MIN && f.p50_us > 17 * MIN);
    usec_t last = 0;
    for (usec_t ran = 0; ran < 100 * HOUR; ran = ran * 5 / 4 + MIN) {
        core_forecast(d.core, id, ran, &f);
        assert_true(f.p10_us >= ran && f.p10_us <= f.p50_us && f.p50_us <= f.p90_us);
        assert_true(f.p50_us >= last); /* surviving never shortens it */
        last = f.p50_us;
    }
    job_id other = desk_submit(&d, (struct ev_submit){ .gpus = 1, .owner = 2, .command_key = 8 });
    core_forecast(d.core, other, 0, &f);
    assert_int_equal(f.source, FORECAST_PERSON);
    job_id team = desk_submit(&d, (struct ev_submit){ .gpus = 1, .owner = 3, .command_key = 8 });
    core_forecast(d.core, team, 0, &f);
    assert_int_equal(f.source, FORECAST_TEAM);
    job_id limited = desk_submit(&d, (struct ev_submit){ .gpus = 1, .owner = 2, .command_key = 7, .limit_us = 5 * MIN });
    core_forecast(d.core, limited, 0, &f);
    assert_true(f.p10_us == 5 * MIN && f.p90_us == 5 * MIN);
    desk_end(&d);
}

/* --- slots over time against a naive table ---------------------------------------------------- */

static void test_profile(void **state)
{
    (void)state;
    enum { T = 200, JOBS = 60 };
    for (uint64_t seed = 1; seed <= 80; seed++) {
        struct prng p;
        static struct profile_point points[3 * JOBS];
        struct profile profile;
        struct room all = { 0x0403, 16, 1000 };
        uint32_t used[2][T] = { { 0 } }, cpus[T] = { 0 };
        prng_init(&p, seed, 10);
        profile_init(&profile, points, 3 * JOBS, 0, &all);
        for (int i = 0; i < JOBS; i++) {
            struct needs n = { (uint8_t)(1 + prng_below(&p, 3)), (uint8_t)(1 + prng_below(&p, 2)),
                               (uint32_t)(1 + prng_below(&p, 6)), 0 };
            usec_t length = 1 + (usec_t)prng_below(&p, 20), from = (usec_t)prng_below(&p, 30), want = -1;
            uint32_t have = n.gpu_type == 1 ? 3 : 4;
            for (usec_t s = from; s + length < T && want < 0; s++) {
                bool fits = true;
                for (usec_t t = s; t < s + length; t++)
                    fits &= used[n.gpu_type - 1][t] + n.gpus <= have && cpus[t] + n.cpus <= 16;
                want = fits ? s : -1;
            }
            usec_t got = profile_find(&profile, &n, from, length);
            if (want < 0)
                break;
            assert_true(got == want);
            profile_take(&profile, &n, got, got + length);
            for (usec_t t = got; t < got + length; t++) {
                used[n.gpu_type - 1][t] += n.gpus;
                cpus[t] += n.cpus;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_each_policy),
        cmocka_unit_test(test_hours_move_priority_and_do_not_raise_it),
        cmocka_unit_test(test_rises_are_remembered_as_they_are),
        cmocka_unit_test(test_fifo_never_overtakes_easy_does),
        cmocka_unit_test(test_backfill_respects_the_reservation),
        cmocka_unit_test(test_nice_and_first),
        cmocka_unit_test(test_hours_change_a_real_start),
        cmocka_unit_test(test_always_here_is_smallest_area_first),
        cmocka_unit_test(test_plan_rows_hold),
        cmocka_unit_test(test_eyes),
        cmocka_unit_test(test_order_of_facts_does_not_matter),
        cmocka_unit_test(test_backfill_never_delays),
        cmocka_unit_test(test_nobody_starves),
        cmocka_unit_test(test_refused_backfill_is_tried_again),
        cmocka_unit_test(test_nothing_starts_before_the_deadline),
        cmocka_unit_test(test_explain),
        cmocka_unit_test(test_logarithms),
        cmocka_unit_test(test_forecast),
        cmocka_unit_test(test_profile),
    };
    return cmocka_run_group_tests_name("core_order", tests, NULL, NULL);
}
