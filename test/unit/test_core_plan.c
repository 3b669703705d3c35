/* Starts by plan: places and orders (search.h), starts moved later (defer.h), prices, weights. */
#include "core_desk.h"

#include "core/avail.h"
#include "core/capacity.h"
#include "core/defer.h"
#include "core/price.h"
#include "core/search.h"
#include "core/weight.h"
#include "core_luck.h"

static const struct ev_settings plain = {
    .policy = POLICY_BLEND, .plan_depth = 16, .presence_us = 30 * MIN, .runtime_guess_us = HOUR,
    .estimates = ESTIMATES_TOLD, .price_milli = 400, .search_window = 32, .search_moves = 8 };

static void set(struct desk *d, struct ev_settings s)
{
    desk_do(d, (struct core_event){ .kind = EVENT_SETTINGS, .settings = s });
}

static void agrees(struct desk *d, uint32_t person)
{
    desk_do(d, (struct core_event){ .kind = EVENT_PERSON, .person = { .person = person, .defer = 1 } });
}

/* Told lengths are exact here. */
static job_id submit(struct desk *d, uint32_t gpus, usec_t told_us, uint32_t flags)
{
    return desk_submit(d, (struct ev_submit){ .gpus = gpus, .estimate_us = told_us, .flags = flags,
                                              .command_key = 1 });
}

/* --- starts moved later ----------------------------------------------------------------------- */

struct later {
    uint32_t defer, flags, preempt, moves;
    usec_t flex_us, deadline_at, told_us, at; /* at: submitted so long after midnight */
    bool agreed, history, dependent, others;
};

/* One job on an idle machine of two GPUs, its owner there from 9 to 18: when does it start? */
static usec_t start_of(const struct later *l, job_id *ret_id, struct desk *d)
{
    struct ev_settings s = plain;
    desk_begin(d, 2, POLICY_BLEND);
    s.defer = l->defer;
    s.search_moves = l->moves;
    desk_hours(d, 1, 9, 18);
    if (l->history) {
        set(d, s);
        desk_history(d, (struct ev_submit){ .gpus = 1, .command_key = 1, .flags = JOB_NOW,
                                            .estimate_us = HOUR }, HOUR);
        desk_pass(d, -HOUR);
        d->boot_at += HOUR;
    }
    set(d, s);
    if (l->agreed)
        agrees(d, 1);
    desk_pass(d, l->at);
    job_id id = desk_submit(d, (struct ev_submit){
        .gpus = 1, .estimate_us = l->told_us, .flags = l->flags, .command_key = 1,
        .flex_us = l->flex_us, .deadline_at = l->deadline_at, .preempt = l->preempt });
    if (l->dependent)
        desk_submit(d, (struct ev_submit){ .gpus = 1, .deps_n = 1,
            .deps = &(struct dep){ .kind = DEP_AFTEROK, .job = id, .outcome = DEP_LIVE } });
    for (int i = 0; i < 500; i++) {
        usec_t wall_at, boot_at;
        desk_decide(d);
        if (desk_state(d, id) != JOB_PENDING)
            break;
        core_deadline(d->core, &wall_at, &boot_at);
        if (wall_at == USEC_NEVER)
            break;
        assert_int_equal(desk_job(d, id).reason, REASON_DEFERRED);
        desk_pass(d, usec_max(wall_at - d->wall_at, 1));
    }
    assert_int_equal(desk_state(d, id), JOB_CONFIGURING);
    if (ret_id)
        *ret_id = id;
    usec_t start_at = d->wall_at - DESK_START;
    if (!ret_id)
        desk_end(d);
    return start_at;
}

static uint32_t freed_gpus(struct desk *d, job_id id)
{
    size_t size = core_plan_size(d->core);
    void *memory = aligned_alloc(16, (size + 15) & ~(size_t)15);
    struct core_plan plan;
    struct explanation e = { 0 };
    assert_int_equal(core_plan(d->core, d->wall_at, d->boot_at, memory, size, &plan), 0);
    assert_int_equal(core_explain(d->core, id, &plan, &e), 0);
    assert_int_equal(e.reason, REASON_DEFERRED);
    free(memory);
    return e.freed_gpus;
}

/* Both GPUs could be its own since 10:00; it starts in the evening.  What others run meanwhile had no room otherwise. */
static void test_what_others_have_of_a_later_start(void **state)
{
    (void)state;
    static struct desk d;
    struct ev_settings s = plain;
    desk_begin(&d, 2, POLICY_BLEND);
    s.defer = 1;
    s.calibrate = 1; /* from when it is moved is kept for that */
    desk_hours(&d, 1, 9, 18);
    desk_hours(&d, 2, 9, 18);
    set(&d, s);
    for (uint32_t gpus = 1; gpus <= 2; gpus++)
        desk_history(&d, (struct ev_submit){ .gpus = gpus, .command_key = 1, .flags = JOB_NOW, .estimate_us = HOUR }, HOUR);
    desk_pass(&d, -2 * HOUR);
    d.boot_at += 2 * HOUR;
    set(&d, s);
    agrees(&d, 1);
    desk_pass(&d, 10 * HOUR);
    job_id id = desk_submit(&d, (struct ev_submit){ .gpus = 2, .estimate_us = 12 * HOUR, .flags = JOB_CLEAN_TREE, .command_key = 1 });
    desk_decide(&d);
    assert_int_equal(freed_gpus(&d, id), 0); /* nobody wants them */
    desk_pass(&d, 20 * USEC_PER_MIN);
    desk_submit(&d, (struct ev_submit){ .owner = 2, .submitter = 2, .gpus = 1, .estimate_us = HOUR, .flags = JOB_NOW });
    desk_decide(&d);
    assert_int_equal(freed_gpus(&d, id), 1); /* one is free still: of its two one would have been missing */
    desk_submit(&d, (struct ev_submit){ .gpus = 1, .estimate_us = HOUR, .flags = JOB_NOW });
    desk_decide(&d);
    assert_int_equal(freed_gpus(&d, id), 1); /* the other runs work of its own owner */
    desk_end(&d);
}

static void test_waits_for_the_night(void **state)
{
    (void)state;
    static struct desk d;
    for (uint32_t moves = 0; moves <= 8; moves += 8) {
        /* 12 h from 10:00 end at 22:00 and are seen at 9:00: from 18:00 on nobody else may want the GPU. */
        struct later l = { .defer = 1, .flags = JOB_CLEAN_TREE, .moves = moves, .told_us = 12 * HOUR,
                           .at = 10 * HOUR, .agreed = true, .history = true };
        assert_int_equal(start_of(&l, NULL, &d), 18 * HOUR);
        /* 16 h have slack until 17:00 only: as late as the slack allows is the cheapest. */
        l.told_us = 16 * HOUR;
        assert_int_equal(start_of(&l, NULL, &d), 17 * HOUR);
        /* 2 h end while the owner is there: no slack. */
        l.told_us = 2 * HOUR;
        assert_int_equal(start_of(&l, NULL, &d), 10 * HOUR);
        /* ... unless the owner gives some, and it is cheaper then. */
        l.flex_us = 24 * HOUR;
        l.told_us = 7 * HOUR;
        assert_true(start_of(&l, NULL, &d) == 10 * HOUR || start_of(&l, NULL, &d) >= 17 * HOUR);
        l.flex_us = 0;
        l.told_us = 12 * HOUR;
        /* Who is not moved. */
        l.flags = JOB_CLEAN_TREE | JOB_NOW;
        assert_int_equal(start_of(&l, NULL, &d), 10 * HOUR);
        l.flags = JOB_CLEAN_TREE | JOB_URGENT;
        assert_int_equal(start_of(&l, NULL, &d), 10 * HOUR);
        l.flags = JOB_CLEAN_TREE | JOB_FIRST;
        assert_int_equal(start_of(&l, NULL, &d), 10 * HOUR);
        l.flags = 0; /* its code may change until then */
        assert_int_equal(start_of(&l, NULL, &d), 10 * HOUR);
        l.flags = JOB_CLEAN_TREE;
        l.agreed = false;
        assert_int_equal(start_of(&l, NULL, &d), 10 * HOUR);
        l.flex_us = 1; /* agreed for this one */
        assert_int_equal(start_of(&l, NULL, &d), 18 * HOUR);
        l.flex_us = 0;
        l.agreed = true;
        l.history = false; /* a script that has not yet succeeded */
        assert_int_equal(start_of(&l, NULL, &d), 10 * HOUR);
        l.history = true;
        l.defer = 0;
        assert_int_equal(start_of(&l, NULL, &d), 10 * HOUR);
        l.defer = 1;
        l.dependent = true; /* something goes on when it ends */
        assert_int_equal(start_of(&l, NULL, &d), 10 * HOUR);
        l.dependent = false;
        l.deadline_at = DESK_START + 26 * HOUR; /* 14:00 to 02:00 is the last chance */
        assert_int_equal(start_of(&l, NULL, &d), 14 * HOUR);
        l.deadline_at = 0;
        /* For comparisons everybody's. */
        l = (struct later){ .defer = 2, .moves = moves, .told_us = 12 * HOUR, .at = 10 * HOUR };
        assert_int_equal(start_of(&l, NULL, &d), 18 * HOUR);
    }
}

/* A job that waits in its slack starts the moment it is over its age. */
static void test_age_ends_it(void **state)
{
    (void)state;
    for (uint32_t moves = 0; moves <= 8; moves += 8) {
        static struct desk d;
        struct ev_settings s = plain;
        usec_t wall_at, boot_at;
        desk_begin(&d, 2, POLICY_BLEND);
        s.defer = 2;
        s.search_moves = moves;
        s.age_us = 100 * MIN;
        set(&d, s);
        desk_hours(&d, 1, 9, 18);
        desk_pass(&d, 10 * HOUR);
        job_id id = submit(&d, 1, 12 * HOUR, 0);
        for (int i = 0; i < 20 && desk_state(&d, id) == JOB_PENDING; i++) {
            desk_decide(&d);
            core_deadline(d.core, &wall_at, &boot_at);
            if (desk_state(&d, id) == JOB_PENDING)
                desk_pass(&d, wall_at - d.wall_at);
        }
        assert_int_equal(desk_state(&d, id), JOB_CONFIGURING);
        assert_int_equal(d.wall_at, DESK_START + 10 * HOUR + 100 * MIN);
        desk_end(&d);
    }
}

static void test_the_plan_shows_it(void **state)
{
    (void)state;
    static struct desk d;
    for (uint32_t moves = 0; moves <= 8; moves += 8) {
        struct ev_settings s = plain;
        desk_begin(&d, 2, POLICY_BLEND);
        s.defer = 2;
        s.search_moves = moves;
        set(&d, s);
        desk_hours(&d, 1, 9, 18);
        desk_pass(&d, 10 * HOUR);
        job_id id = submit(&d, 1, 12 * HOUR, 0);
        desk_decide(&d);
        for (int i = 0; i < 3; i++) {
            struct desk_plan p = desk_plan(&d);
            const struct plan_row *row = desk_row(&p, id);
            assert_int_equal(row->reason, REASON_DEFERRED);
            assert_int_equal(row->start_at, DESK_START + 18 * HOUR);
            assert_int_equal(row->eyes_at, DESK_START + 33 * HOUR);
            struct explanation e;
            core_explain(d.core, id, &p.plan, &e);
            assert_int_equal(e.reason, REASON_DEFERRED);
            assert_int_equal(e.now_eyes_at, e.eyes_at); /* its owner loses nothing */
            free(p.scratch);
            desk_pass(&d, 5 * MIN);
        }
        desk_end(&d);
    }
}

/* Whatever is moved: the P90 of when it is seen stays where it was, but for what the owner gave. */
static void test_p90_stays(void **state)
{
    (void)state;
    uint32_t moved = 0;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct luck l;
        luck_begin(&l, seed, 64);
        for (int i = 0; i < 250; i++) {
            if (!luck_event(&l))
                continue;
            luck_apply(&l);
            if (i % 10)
                continue;
            size_t size = core_plan_size(l.core);
            void *scratch = malloc(size);
            struct core_plan plan;
            assert_int_equal(core_plan(l.core, l.wall_at, l.boot_at, scratch, size, &plan), 0);
            for (uint32_t r = 0; r < plan.rows_n; r++) {
                const struct plan_row *row = &plan.rows[r];
                struct core_job j;
                if (row->reason != REASON_DEFERRED || row->start_at == USEC_NEVER)
                    continue;
                assert_true(core_job_get(l.core, row->job, &j));
                assert_false(j.flags & (JOB_NOW | JOB_URGENT | JOB_FIRST));
                moved++;
            }
            free(scratch);
        }
        luck_end(&l);
    }
    assert_true(moved > 0);

    /* On the cost function itself, over every start in the slack. */
    static struct desk d;
    struct prng p;
    prng_init(&p, 5, 5);
    desk_begin(&d, 4, POLICY_BLEND);
    set(&d, plain);
    desk_hours(&d, 1, 9, 18);
    for (int i = 0; i < 2000; i++) {
        struct class_key key = { .owner = 1, .eyes = 1, .gpus = 2, .cpus = 1,
                                 .flex_us = prng_below(&p, 3) * (uint64_t)HOUR & ((UINT64_C(1) << 44) - 1) };
        struct class_view view = { .weight_milli = 1000 };
        struct price_table prices;
        usec_t now_at = DESK_START + (usec_t)prng_below(&p, 7 * 24 * 60) * MIN, late_us = 0;
        for (int k = 0; k < NODES; k++)
            view.node_us[k] = late_us += (usec_t)(1 + prng_below(&p, 600)) * MIN;
        price_make(&prices, d.core, now_at);
        usec_t until_at = defer_until(d.core, &key, &view, now_at);
        usec_t best_at = defer_best(d.core, &prices, &key, &view, now_at, USEC_NEVER);
        usec_t seen_at = core_eyes_at(d.core, 1, now_at + late_us);
        assert_true(best_at >= now_at && best_at <= until_at);
        assert_true(core_eyes_at(d.core, 1, best_at + late_us) <= seen_at + key.flex_us);
        assert_true(core_eyes_at(d.core, 1, until_at + late_us) <= seen_at + key.flex_us);
        uint32_t w = avail_window(d.core, 1, now_at), v = w;
        assert_true(defer_cost(d.core, &prices, &key, &view, best_at, &w) <=
                    defer_cost(d.core, &prices, &key, &view, now_at, &v));
    }
    desk_end(&d);
}

/* --- prices ----------------------------------------------------------------------------------- */

static void test_prices(void **state)
{
    (void)state;
    static struct desk d;
    struct price_table p;
    desk_begin(&d, 1, POLICY_BLEND);
    price_make(&p, d.core, DESK_START);
    assert_int_equal(price_until(&p, DESK_START + 5 * HOUR), 0); /* nobody is known */
    desk_hours(&d, 1, 9, 18);
    desk_hours(&d, 2, 9, 13);
    for (int at = 0; at < 24; at++) {
        price_make(&p, d.core, DESK_START + at * HOUR + 7 * MIN);
        assert_int_equal(p.from_at, DESK_START + at * HOUR);
        for (int from = at; from < 40; from++) {
            usec_t want = 0;
            for (int h = from; h < from + 3; h++)
                want += (h % 24 >= 9 && h % 24 < 13 ? HOUR : h % 24 >= 13 && h % 24 < 18 ? HOUR / 2 : 0);
            usec_t got = price_until(&p, DESK_START + (from + 3) * HOUR) -
                         price_until(&p, DESK_START + from * HOUR);
            assert_int_equal(got, want);
        }
    }
    /* Never back, never faster than time, in and far behind the table. */
    usec_t last = 0;
    for (usec_t t = DESK_START; t < DESK_START + 12 * USEC_PER_DAY; t += 11 * MIN) {
        usec_t now = price_until(&p, t);
        assert_true(now >= last && now - last <= 11 * MIN);
        last = now;
    }
    desk_end(&d);
}

/* --- orders ----------------------------------------------------------------------------------- */

/* The total delay of a plan's waiting jobs until they are seen, in us. */
static usec_t plan_cost(struct desk *d)
{
    struct desk_plan p = desk_plan(d);
    usec_t sum = 0;
    for (uint32_t i = 0; i < p.plan.rows_n; i++)
        sum += p.plan.rows[i].eyes_at - d->wall_at;
    free(p.scratch);
    return sum;
}

static void test_search_helps(void **state)
{
    (void)state;
    usec_t with = 0, without = 0;
    uint32_t better = 0, worse = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        static struct desk d;
        struct prng p;
        usec_t cost[2];
        for (uint32_t moves = 0; moves < 2; moves++) {
            struct ev_settings s = plain;
            prng_init(&p, seed, 1);
            desk_begin(&d, 8, POLICY_BLEND);
            s.seed = seed;
            s.search_moves = moves * 40;
            s.price_milli = 0;
            set(&d, s);
            for (uint32_t person = 1; person <= 4; person++)
                desk_hours(&d, person, 8 + (int)prng_below(&p, 3), 17 + (int)prng_below(&p, 3));
            desk_pass(&d, (9 + (usec_t)prng_below(&p, 8)) * HOUR);
            for (int i = 0; i < 20; i++)
                desk_submit(&d, (struct ev_submit){
                    .gpus = 1u << prng_below(&p, 4), .owner = 1 + (uint32_t)prng_below(&p, 4),
                    .estimate_us = (usec_t)(10 + prng_below(&p, 600)) * MIN });
            desk_decide(&d);
            cost[moves] = plan_cost(&d);
            desk_end(&d);
        }
        without += cost[0];
        with += cost[1];
        better += cost[1] < cost[0];
        worse += cost[1] > cost[0];
    }
    assert_true(with < without);
    assert_true(better > 3 * worse);
}

/* The places that a search answers with are those its order gets from one fresh pass over the machine, however many
 * orders were tried on the way, and however much of the best one was taken over by the next. */
static void test_places_of_the_order(void **state)
{
    (void)state;
    static struct profile_point points[SEARCH_POINTS];
    uint32_t waited = 0, moved = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        static struct desk d;
        struct prng p;
        struct ev_settings s = plain;
        prng_init(&p, seed, 5);
        desk_begin(&d, 8, POLICY_BLEND);
        s.seed = seed;
        s.search_moves = 60;
        s.defer = seed % 2 ? 2 : 0;
        set(&d, s);
        for (uint32_t person = 1; person <= 4; person++)
            desk_hours(&d, person, 8 + (int)prng_below(&p, 3), 17 + (int)prng_below(&p, 3));
        desk_pass(&d, (9 + (usec_t)prng_below(&p, 8)) * HOUR);
        for (int i = 0; i < 24; i++)
            desk_submit(&d, (struct ev_submit){ .gpus = 1u << prng_below(&p, 4), .owner = 1 + (uint32_t)prng_below(&p, 4),
                                                .estimate_us = (usec_t)(10 + prng_below(&p, 600)) * MIN });
        desk_decide(&d);
        const struct search *found = search_of(d.core);
        struct profile fresh = { points, found->machine.n, SEARCH_POINTS, 0, found->machine.types };
        memcpy(points, found->base, found->machine.n * sizeof *points);
        assert_int_equal(found->n, 24);
        for (uint32_t i = 0; i < found->n; i++) {
            const struct search_job *j = &found->jobs[found->order[i]];
            assert_true(j->fits_at == profile_find(&fresh, &j->needs, d.wall_at, j->length_us));
            assert_true(j->at == j->fits_at || (s.defer && j->at == profile_find(&fresh, &j->needs, j->at, j->length_us)));
            profile_take(&fresh, &j->needs, j->at, j->at + j->length_us);
            waited += j->fits_at > d.wall_at;
            moved += j->at > j->fits_at;
        }
        desk_end(&d);
    }
    assert_true(waited > 600 && moved > 20);
}

/* 48 tries find another order than 8 where run times are known, and are not made where they are roughly known. */
static void test_tries_where_known(void **state)
{
    (void)state;
    uint32_t others[2] = { 0 };
    for (uint64_t seed = 1; seed <= 40; seed++)
        for (uint32_t rough = 0; rough < 2; rough++) {
            uint8_t order[2][SEARCH_MAX];
            for (uint32_t many = 0; many < 2; many++) {
                static struct desk d;
                struct prng p;
                struct ev_settings s = plain;
                prng_init(&p, seed, 7);
                desk_begin(&d, 8, POLICY_BLEND);
                s.seed = seed;
                s.search_moves = many ? 48 : 8;
                set(&d, s);
                desk_hours(&d, 1, 9, 18);
                desk_pass(&d, 10 * HOUR);
                for (int i = 0; i < 20; i++)
                    desk_submit(&d, (struct ev_submit){
                        .gpus = 1u << prng_below(&p, 4), .owner = 1, .estimate_sd_milli = rough ? 500 : 0,
                        .estimate_us = (usec_t)(10 + prng_below(&p, 600)) * MIN });
                desk_decide(&d);
                assert_int_equal(search_of(d.core)->n, 20);
                memcpy(order[many], search_of(d.core)->order, 20);
                desk_end(&d);
            }
            others[rough] += memcmp(order[0], order[1], 20) != 0;
        }
    assert_true(others[0] > 20);
    assert_int_equal(others[1], 0);
}

/* Same state, same seed: the same plan; and deciding again before the deadline starts nothing. */
static void test_again(void **state)
{
    (void)state;
    uint32_t plans = 0;
    for (uint64_t seed = 1; seed <= 120; seed++) {
        struct luck l;
        luck_begin(&l, seed, 64);
        luck_do(&l, &(struct core_event){ .kind = EVENT_SETTINGS, .settings = {
            .seed = seed, .policy = seed % 3 ? POLICY_BLEND : POLICY_SRSF, .plan_depth = 8,
            .presence_us = 30 * MIN, .runtime_guess_us = HOUR, .preempt = 1, .advantage_milli = 1400,
            .quantum_us = 5 * MIN, .restart_us = MIN, .defer = seed % 2 ? 2 : 0, .price_milli = 400,
            .search_window = 16, .search_moves = seed % 4 != 1 ? 5 : 0 } });
        for (int i = 0; i < 250; i++) {
            usec_t wall_at, boot_at;
            if (!luck_event(&l))
                continue;
            luck_apply(&l);
            if (l.ev.kind != EVENT_DECIDE)
                continue;
            core_deadline(l.core, &wall_at, &boot_at);
            if (wall_at <= l.wall_at || boot_at <= l.boot_at)
                continue;
            usec_t room_us = usec_min(wall_at - l.wall_at, boot_at - l.boot_at);
            usec_t by = (usec_t)prng_below(&l.prng, (uint64_t)usec_min(room_us, USEC_PER_DAY));
            size_t size = core_plan_size(l.core);
            void *a = malloc(size), *b = malloc(size);
            struct core_plan x, y;
            memset(a, 1, size);
            memset(b, 2, size);
            core_plan(l.core, l.wall_at + by, l.boot_at + by, a, size, &x);
            core_plan(l.core, l.wall_at + by, l.boot_at + by, b, size, &y);
            assert_int_equal(x.rows_n, y.rows_n);
            for (uint32_t r = 0; r < x.rows_n; r++) {
                assert_memory_equal(&x.rows[r], &y.rows[r], sizeof x.rows[r]);
                if (x.rows[r].state == JOB_PENDING) /* nothing starts now */
                    assert_true(x.rows[r].start_at > l.wall_at + by);
            }
            free(a);
            free(b);
            plans++;
            l.wall_at += by;
            l.boot_at += by;
            luck_do(&l, &(struct core_event){ .kind = EVENT_DECIDE });
            for (uint32_t u = 0; u < l.updates_n; u++)
                assert_true(l.updates[u].kind == UPDATE_TODO || l.updates[u].kind == UPDATE_STATE);
        }
        luck_end(&l);
    }
    assert_true(plans > 1000);
}

/* Aged jobs and those sent first are not ordered by anybody. */
static void test_fixed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        static struct desk d;
        struct prng p;
        struct ev_settings s = plain;
        prng_init(&p, seed, 3);
        desk_begin(&d, 4, POLICY_BLEND);
        s.seed = seed;
        s.age_us = 5 * HOUR;
        s.search_moves = 30;
        set(&d, s);
        job_id busy = submit(&d, 4, 6 * HOUR, 0);
        desk_decide(&d);
        desk_started(&d, busy);
        job_id old = submit(&d, 3, 20 * HOUR, 0);
        desk_pass(&d, 6 * HOUR);
        for (int i = 0; i < 12; i++)
            submit(&d, 1 + (uint32_t)prng_below(&p, 3), (usec_t)(1 + prng_below(&p, 300)) * MIN, 0);
        desk_ended(&d, busy, END_EXIT, 0);
        desk_decide(&d);
        assert_int_equal(desk_state(&d, old), JOB_CONFIGURING);
        desk_end(&d);
    }
}

/* --- weights ---------------------------------------------------------------------------------- */

static void results(struct desk *d, uint32_t person, int n)
{
    for (int i = 0; i < n; i++)
        desk_history(d, (struct ev_submit){ .owner = person, .gpus = 1, .command_key = 9,
                                            .estimate_us = MIN }, MIN);
}

/* A sweep of twenty points is one request, and weighs as one result. */
static void test_fair_sweep(void **state)
{
    (void)state;
    static struct desk d;
    struct ev_settings s = plain;
    const struct range points = { 1, 20, 1 };
    desk_begin(&d, 1, POLICY_BLEND);
    s.search_moves = 0;
    s.fair_milli = 1000;
    set(&d, s);
    results(&d, 2, 1);
    job_id first = desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 1, .command_key = 9, .estimate_us = MIN,
                                                       .tasks = &points, .tasks_n = 1 });
    for (job_id id = first; id < first + 20; id++) {
        desk_decide(&d);
        desk_started(&d, id);
        desk_pass(&d, MIN);
        desk_ended(&d, id, END_EXIT, 0);
    }
    desk_pass(&d, 15 * MIN);
    desk_decide(&d);
    assert_int_equal(weight_of_person(d.core, 1), weight_of_person(d.core, 2));
    results(&d, 1, 3); /* by themselves each is one */
    desk_pass(&d, 15 * MIN);
    desk_decide(&d);
    assert_true(weight_of_person(d.core, 1) < weight_of_person(d.core, 2));
    desk_end(&d);
}

static void test_fair(void **state)
{
    (void)state;
    static struct desk d;
    struct ev_settings s = plain;
    desk_begin(&d, 1, POLICY_BLEND);
    s.search_moves = 0;
    s.fair_milli = 1000;
    set(&d, s);
    results(&d, 1, 37);
    results(&d, 2, 1);
    desk_pass(&d, 15 * MIN);
    desk_decide(&d); /* mean 19: weights 22/40 and 22/4 -> 5 at most */
    assert_in_range(weight_of_person(d.core, 1), 545, 555);
    assert_int_equal(weight_of_person(d.core, 2), 5000);
    assert_int_equal(weight_of_person(d.core, 3), 1000);
    job_id busy = submit(&d, 1, HOUR, 0);
    desk_decide(&d);
    desk_started(&d, busy);
    desk_submit(&d, (struct ev_submit){ .owner = 1, .gpus = 1, .estimate_us = HOUR });
    job_id second = desk_submit(&d, (struct ev_submit){ .owner = 2, .gpus = 1, .estimate_us = 2 * HOUR });
    desk_pass(&d, HOUR);
    desk_ended(&d, busy, END_EXIT, 0);
    desk_decide(&d);
    assert_int_equal(desk_state(&d, second), JOB_CONFIGURING);
    desk_pass(&d, 29 * USEC_PER_DAY); /* what is four weeks ago counts no more */
    desk_decide(&d);
    assert_int_equal(weight_of_person(d.core, 1), 1000);
    desk_end(&d);
}

static void test_chain(void **state)
{
    (void)state;
    static struct desk d;
    struct ev_settings s = plain;
    desk_begin(&d, 1, POLICY_BLEND);
    assert_int_equal(weight_chain(d.core, 100 * HOUR), 1000);
    s.chain_milli = 1000;
    set(&d, s);
    assert_int_equal(weight_chain(d.core, 0), 1000);
    assert_int_equal(weight_chain(d.core, 24 * HOUR), 500);
    assert_int_equal(weight_chain(d.core, 72 * HOUR), 250);
    s.chain_milli = 500;
    set(&d, s);
    assert_int_equal(weight_chain(d.core, 24 * HOUR), 750);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_others_have_of_a_later_start),
        cmocka_unit_test(test_waits_for_the_night),
        cmocka_unit_test(test_age_ends_it),
        cmocka_unit_test(test_the_plan_shows_it),
        cmocka_unit_test(test_p90_stays),
        cmocka_unit_test(test_prices),
        cmocka_unit_test(test_search_helps),
        cmocka_unit_test(test_places_of_the_order),
        cmocka_unit_test(test_tries_where_known),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_fair),
        cmocka_unit_test(test_fair_sweep),
        cmocka_unit_test(test_chain),
    };
    return cmocka_run_group_tests_name("core_plan", tests, NULL, NULL);
}
