/* world.c - the loop, the clocks, and what people tell the daemon. */
#include "sim/world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "cal/civil.h"
#include "cal/spans.h"

#define WORLD_START_AT (1772409600 * USEC_PER_SEC) /* Monday 2 March 2026, 00:00 UTC */
#define WORLD_BOOT_AT  (1000 * USEC_PER_SEC)
#define WINDOWS_BACK_US (2 * USEC_PER_DAY) /* told from so long ago: a clock may step back */
#define WINDOWS_MAX    512

/* --- the truth about an attempt ------------------------------------------------------------------- */

static struct fate fate_drawn(const struct world *w, const struct op *key, uint32_t task,
                              uint32_t attempt)
{
    const struct world_op *op = w->ops[key->number - 1];
    struct fate fate = op->fate;
    struct prng p;
    prng_init(&p, hash_mix(hash_mix(w->options.seed, key->number), (uint64_t)task << 32 | attempt),
              LUCK_TRUTH);
    if (attempt <= op->fails_n)
        fate.code = 1;
    if (attempt <= op->no_launch_n)
        fate.kind = FATE_NEVER_LAUNCHES;
    if (attempt <= op->dies_n) {
        fate.kind = FATE_LOSES_SUPERVISOR;
        fate.run_us /= 2;
    }
    if (op->sound)
        return fate;
    const struct trouble *t = &w->trouble;
    if (luck_chance(&p, t->exit_1))
        fate.code = 1;
    if (luck_chance(&p, t->signal))
        fate.kind = FATE_SIGNAL;
    if (luck_chance(&p, t->oom))
        fate.kind = FATE_OOM;
    if (luck_chance(&p, t->no_launch))
        fate.kind = FATE_NEVER_LAUNCHES;
    if (luck_chance(&p, t->lost))
        fate.kind = FATE_LOSES_SUPERVISOR;
    if (luck_chance(&p, t->lingers))
        fate.linger_us = luck_between(&p, USEC_PER_MIN, 2 * USEC_PER_HOUR);
    if (luck_chance(&p, t->slow))
        fate.launch_us += luck_between(&p, USEC_PER_SEC, 3 * USEC_PER_MIN);
    if (fate.code || fate.kind == FATE_SIGNAL) /* what fails, often fails early */
        fate.run_us = luck_between(&p, 1, fate.run_us);
    return fate;
}

/* What is drawn may be stretched where nobody has seen it yet: a test of who knows what. */
static struct fate fate_of(void *world, const struct op *key, uint32_t task, uint32_t attempt)
{
    const struct world *w = world;
    struct fate fate = fate_drawn(w, key, task, attempt);
    usec_t end_at = usec_add(w->boot_at, usec_add(fate.launch_us, fate.run_us));
    if (w->options.double_after_boot_at && end_at > w->options.double_after_boot_at)
        fate.run_us *= 2;
    return fate;
}

static void answered(void *world, const struct op *key, int result, job_id id)
{
    struct world *w = world;
    struct world_op *op = w->ops[key->number - 1];
    op->answered = true;
    op->result = result;
    op->id = id;
    if (w->on_answer)
        w->on_answer(w, op);
}

static void committed(void *world, const struct core_event *ev, const struct core_update *updates,
                      uint32_t n)
{
    struct world *w = world;
    person_no who = ev->kind == EVENT_AVAIL ? (person_no)ev->avail.person : 0;
    if (who && who <= w->people_n) { /* the daemon reads them again */
        const struct world_person *p = &w->people[who - 1];
        outbox_hours(&w->outbox, who, &p->zone, &p->hours, p->away, p->away_n);
    }
    outbox_committed(&w->outbox, ev, updates, n, world_wall(w));
    if (w->on_commit)
        w->on_commit(w, ev, updates, n);
}

void world_clock(const struct world *w, usec_t wall_at, char ret[32])
{
    static const char days[7][4] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
    int64_t utc_s = floor_div(wall_at, USEC_PER_SEC);
    int64_t local_s = w->people_n ? zone_to_local_s(&w->people[0].zone, utc_s) : utc_s;
    struct civil c = civil_from_local_s(local_s);
    snprintf(ret, 32, "%s %02d:%02d:%02d", days[civil_weekday(civil_day_of(local_s))],
             (uint8_t)c.hour, (uint8_t)c.minute, (uint8_t)c.second);
}

static void trace(void *world, const char *line)
{
    struct world *w = world;
    char clock[32];
    world_clock(w, world_wall(w), clock);
    fprintf(w->options.trace, "%s  %s\n", clock, line);
}

/* --- life and death ------------------------------------------------------------------------------- */

void world_init(struct world *w, const struct world_options *options)
{
    memset(w, 0, sizeof(*w));
    w->options = *options;
    w->boot_at = w->jumped_boot_at = w->up_boot_at = WORLD_BOOT_AT;
    w->wall_offset_us = (options->wall_at ? options->wall_at : WORLD_START_AT) - w->boot_at;
    w->down_us = USEC_PER_SEC;
    prng_init(&w->luck, options->seed, LUCK_TEAM);
    invariant_init(&w->invariant, &w->verdict);
    outbox_init(&w->outbox, options->seed, options->bug, &w->verdict);
    struct shell_hooks hooks = { .world = w, .answer = answered, .fate = fate_of,
                                 .committed = committed,
                                 .trace = options->trace ? trace : NULL };
    shell_init(&w->shell, &w->machine, options->no_check ? NULL : &w->invariant, &w->verdict, &hooks);
    w->shell.box.mutant = options->mutant;
    w->shell.bug = options->bug;
    w->shell.keep_journal = !options->no_journal;
}

void world_finish(struct world *w)
{
    shell_finish(&w->shell);
    machine_finish(&w->machine);
    invariant_finish(&w->invariant);
    outbox_finish(&w->outbox);
    timers_finish(&w->timers);
    for (size_t i = 0; i < w->ops_n; i++) {
        free(w->ops[i]->windows);
        free(w->ops[i]->offers);
        free(w->ops[i]);
    }
    for (size_t i = 0; i < w->people_n; i++)
        free(w->people[i].away);
    free(w->ops);
    free(w->people);
    memset(w, 0, sizeof(*w));
}

usec_t world_wall(const struct world *w)
{
    return w->boot_at + w->wall_offset_us;
}

/* --- people --------------------------------------------------------------------------------------- */

struct world_person *world_person_add(struct world *w, const char *name, const struct zone *zone,
                                      struct str hours)
{
    w->people = sim_grow(w->people, &w->people_size, w->people_n + 1, sizeof(*w->people));
    struct world_person *p = &w->people[w->people_n];
    memset(p, 0, sizeof(*p));
    snprintf(p->name, sizeof(p->name), "%s", name);
    p->zone = *zone;
    if (hours_parse(hours, &p->hours, NULL) < 0)
        return NULL;
    w->people_n++;
    return p;
}

/* These hours minus the stretches away, as of now; out has room for 2 * WINDOWS_MAX. */
static size_t open_of(const struct world_person *p, const struct hours *hours, usec_t now_at,
                      struct span *out)
{
    struct span window = { now_at - WINDOWS_BACK_US, now_at + WORLD_HORIZON_US };
    struct span open[WINDOWS_MAX], away[64];
    size_t open_n = 0, out_n = 0, away_n = 0;
    if (hours_expand(hours, &p->zone, window, open, WINDOWS_MAX, &open_n) < 0)
        abort(); /* 16 days of at most 8 spans fit */
    for (size_t i = 0; i < p->away_n && away_n < 64; i++) {
        if (p->away[i].until_at > window.from_at)
            away[away_n++] = p->away[i];
    }
    away_n = spans_normalise(away, away_n);
    if (spans_subtract(open, open_n, away, away_n, out, 2 * WINDOWS_MAX, &out_n) < 0)
        abort();
    return out_n;
}

/* *ret is malloc'd. */
static size_t windows_of(const struct world_person *p, usec_t now_at, struct span **ret)
{
    struct span out[2 * WINDOWS_MAX];
    size_t n = open_of(p, &p->hours, now_at, out);
    *ret = calloc(n + 1, sizeof(**ret));
    if (!*ret)
        abort();
    memcpy(*ret, out, n * sizeof(*out));
    return n;
}

/* Stretches a day; a whole one that begins inside the focus hours is a block.  *ret is malloc'd. */
static size_t offers_of(const struct world_person *p, usec_t now_at, struct offer **ret)
{
    struct span out[2 * WINDOWS_MAX], blocks[2 * WINDOWS_MAX];
    size_t n = open_of(p, &p->work, now_at, out), made = 0;
    size_t blocks_n = open_of(p, &p->focus, now_at, blocks);
    *ret = calloc(4 * n + 64, sizeof(**ret)); /* an overnight stretch is cut at midnight */
    if (!*ret)
        abort();
    for (size_t i = 0; i < n; i++)
        while (out[i].from_at < out[i].until_at && made < 4 * n + 64) {
            int64_t day = civil_day_of(zone_to_local_s(&p->zone, out[i].from_at / USEC_PER_SEC));
            usec_t midnight_at =
                zone_edge_utc_s(&p->zone, (day + 1) * CIVIL_DAY_S) * USEC_PER_SEC;
            usec_t until_at = midnight_at > out[i].from_at ? usec_min(out[i].until_at, midnight_at)
                                                           : out[i].until_at;
            (*ret)[made++] = (struct offer){ out[i].from_at, until_at, day,
                                             spans_contain(blocks, blocks_n, out[i].from_at) };
            out[i].from_at = until_at;
        }
    return made;
}

static void avail_of(const struct world *w, person_no person, struct core_event *ev,
                     struct span **ret_windows)
{
    const struct world_person *p = &w->people[person - 1];
    ev->kind = EVENT_AVAIL;
    ev->avail.person = person;
    ev->avail.until_at = world_wall(w) + WORLD_HORIZON_US;
    ev->avail.windows_n = (uint32_t)windows_of(p, world_wall(w), ret_windows);
    ev->avail.windows = *ret_windows;
}

static void offer_of(const struct world *w, person_no person, struct core_event *ev,
                     struct offer **ret_offers)
{
    const struct world_person *p = &w->people[person - 1];
    ev->kind = EVENT_OFFER;
    ev->offer.person = person;
    ev->offer.until_at = world_wall(w) + WORLD_HORIZON_US;
    ev->offer.cap_us = p->cap_us;
    ev->offer.windows_n = (uint32_t)offers_of(p, world_wall(w), ret_offers);
    ev->offer.windows = *ret_offers;
}

void world_tell_hours(struct world *w, person_no person)
{
    if (w->people[person - 1].offers) {
        struct world_op *offer = world_op_new(w, EVENT_OFFER);
        offer_of(w, person, &offer->op.ev, &offer->offers);
        offer->once = true;
        world_send(w, offer);
    }
    struct world_op *op = world_op_new(w, EVENT_AVAIL);
    avail_of(w, person, &op->op.ev, &op->windows);
    op->once = true; /* the next renewal comes anyway */
    world_send(w, op);
}

void world_away(struct world *w, person_no person, usec_t from_at, usec_t until_at)
{
    struct world_person *p = &w->people[person - 1];
    p->away = sim_grow(p->away, &p->away_size, p->away_n + 1, sizeof(*p->away));
    p->away[p->away_n++] = (struct span){ from_at, until_at };
}

/* A made-up fortnight of prices, new every few hours. */
static void tariff_of(const struct world *w, struct rate rates[], struct core_event *ev)
{
    struct prng p;
    usec_t at = world_wall(w) / USEC_PER_HOUR * USEC_PER_HOUR;
    uint32_t n = 0;
    prng_init(&p, w->options.seed, LUCK_TARIFF);
    for (; n < CORE_RATES_MAX && at < world_wall(w) + 14 * USEC_PER_DAY; at += luck_between(&p, 1, 9) * USEC_PER_HOUR)
        rates[n++] = (struct rate){ at, luck_between(&p, 0, 400) * 1000 };
    *ev = (struct core_event){ .kind = EVENT_TARIFF, .tariff = { .until_at = at, .rates = rates, .rates_n = n,
        .hour_milli = luck_between(&p, 1, 60) * 1000000, .gpu_mw = 300000 } };
}

#define FULL_MW 400000 /* of each GPU */

/* A cap that most jobs fit under, the whole time or changing twice a day. */
static void cap_of(const struct world *w, uint32_t gpus_n, struct cap caps[], struct core_event *ev)
{
    struct prng p;
    usec_t at = world_wall(w);
    uint32_t n = 0;
    prng_init(&p, w->options.seed, LUCK_CAP);
    int64_t most_mw = FULL_MW * (int64_t)gpus_n;
    bool steps = luck_chance(&p, 500);
    for (; n < (steps ? 28 : 1); at += luck_between(&p, 8, 14) * USEC_PER_HOUR)
        caps[n++] = (struct cap){ at, most_mw * luck_between(&p, 25, 90) / 100 };
    *ev = (struct core_event){ .kind = EVENT_POWER, .power = { .until_at = at, .caps = caps, .caps_n = n } };
}

void world_found(struct world *w, const struct ev_settings *settings, uint32_t cpus,
                 uint64_t mem_mib, uint32_t gpus_n, const uint32_t *types,
                 const struct ev_person *limits, size_t limits_n)
{
    struct rate rates[CORE_RATES_MAX];
    struct cap caps[CORE_CAPS_MAX];
    size_t n = 0, max = 4 + gpus_n + limits_n + 2 * w->people_n;
    struct core_event *ev = calloc(max, sizeof(*ev));
    struct span **windows = calloc(w->people_n + 1, sizeof(*windows));
    struct offer **offers = calloc(w->people_n + 1, sizeof(*offers));
    if (!ev || !windows || !offers)
        abort();
    ev[n++] = (struct core_event){ .kind = EVENT_SETTINGS, .settings = *settings };
    ev[n++] = (struct core_event){ .kind = EVENT_MACHINE,
                                   .machine = { .cpus = cpus, .mem_mib = mem_mib } };
    for (uint32_t g = 0; g < gpus_n; g++)
        ev[n++] = (struct core_event){ .kind = EVENT_GPU,
            .gpu = { .gpu = g, .type = types ? types[g] : 1, .state = GPU_UP,
                     .watts_mw = FULL_MW } };
    for (size_t i = 0; i < limits_n; i++)
        ev[n++] = (struct core_event){ .kind = EVENT_PERSON, .person = limits[i] };
    for (size_t i = 0; i < w->people_n; i++)
        avail_of(w, (person_no)(i + 1), &ev[n++], &windows[i]);
    for (size_t i = 0; i < w->people_n; i++)
        if (w->people[i].offers)
            offer_of(w, (person_no)(i + 1), &ev[n++], &offers[i]);
    if (w->has_tariff)
        tariff_of(w, rates, &ev[n++]);
    if (w->has_cap)
        cap_of(w, gpus_n, caps, &ev[n++]);
    machine_init(&w->machine, gpus_n, &w->verdict);
    w->machine.now_boot_at = w->boot_at;
    shell_found(&w->shell, ev, n, world_wall(w), w->boot_at);
    for (size_t i = 0; i < w->people_n; i++) {
        free(windows[i]);
        free(offers[i]);
    }
    free(offers);
    free(windows);
    free(ev);
    world_at(w, w->boot_at + USEC_PER_DAY, WORLD_TIMER_HOURS, 0);
}

/* --- operations ----------------------------------------------------------------------------------- */

struct world_op *world_op_new(struct world *w, enum event_kind kind)
{
    struct world_op *op = calloc(1, sizeof(*op));
    if (!op)
        abort();
    w->ops = sim_grow(w->ops, &w->ops_size, w->ops_n + 1, sizeof(struct world_op *));
    w->ops[w->ops_n++] = op;
    op->world = w;
    op->op.number = (uint32_t)w->ops_n;
    op->op.ev.kind = kind;
    if (kind == EVENT_SUBMIT) {
        op->op.key = hash_u64(w->options.seed * 1000003 + w->ops_n) | 1;
        op->op.ev.submit.tasks = op->op.ranges;
        op->op.ev.submit.deps = op->op.deps;
    }
    if (kind == EVENT_TODO_ADD) {
        op->op.ev.todo_add.who = op->op.who;
        op->op.ev.todo_add.deps = op->op.deps;
        op->op.ev.todo_add.before = op->op.before;
    }
    return op;
}

void world_send(struct world *w, struct world_op *op)
{
    op->sent_n++;
    op->sent_boot_at = w->boot_at;
    if (w->shell.up)
        shell_send(&w->shell, &op->op);
    if (!op->once)
        world_at(w, w->boot_at + WORLD_RETRY_US, WORLD_TIMER_RETRY, op->op.number);
}

void world_at(struct world *w, usec_t boot_at, uint32_t kind, uint32_t what)
{
    timers_add(&w->timers, boot_at, kind, what);
}

void world_jump(struct world *w, usec_t delta_us)
{
    w->wall_offset_us += delta_us;
    w->jumped_boot_at = w->boot_at;
    if (w->options.trace)
        trace(w, "    the wall clock is set");
    for (size_t i = 0; i < w->people_n; i++) /* the daemon learns by its clock timer */
        world_tell_hours(w, (person_no)(i + 1));
}

void world_kill(struct world *w)
{
    if (!w->shell.up)
        return;
    shell_kill(&w->shell);
    world_at(w, w->boot_at + w->down_us, WORLD_TIMER_RESTART, 0);
}

void world_suspend(struct world *w, usec_t for_us)
{
    usec_t until_at = usec_add(w->boot_at, for_us);
    if (w->options.trace)
        trace(w, "    the machine is suspended");
    machine_suspend(&w->machine, until_at);
    outbox_run(&w->outbox, false, until_at, w->wall_offset_us); /* connections do not outlive it */
    w->boot_at = w->up_boot_at = until_at;
}

void world_power(struct world *w)
{
    world_kill(w);
    machine_power_cycle(&w->machine);
    w->shell.boot_base_at = w->boot_at; /* the boot clock begins anew */
}

/* --- the loop ------------------------------------------------------------------------------------- */

static void world_timer(struct world *w, const struct timer *t)
{
    struct world_op *op;
    switch (t->kind) {
    case WORLD_TIMER_RETRY:
        op = w->ops[t->what - 1];
        if (!op->answered)
            world_send(w, op);
        return;
    case WORLD_TIMER_RESTART:
        if (w->shell.up)
            return;
        shell_restart(&w->shell, world_wall(w), w->boot_at);
        w->up_boot_at = w->boot_at;
        return;
    case WORLD_TIMER_HOURS:
        for (size_t i = 0; i < w->people_n; i++)
            world_tell_hours(w, (person_no)(i + 1));
        world_at(w, w->boot_at + USEC_PER_DAY, WORLD_TIMER_HOURS, 0);
        return;
    case WORLD_TIMER_LOOK:
        if (w->shell.up && !w->options.no_check && w->shell.staged_n == 0) {
            invariant_plan(&w->invariant, w->shell.box.core, world_wall(w),
                           w->boot_at - w->shell.boot_base_at);
            w->looks++;
        }
        return;
    default:
        w->on_timer(w, t->kind, t->what);
    }
}

static usec_t next_at(const struct world *w)
{
    struct timer t;
    usec_t at = timers_first(&w->timers, &t) ? t.boot_at : USEC_NEVER;
    at = usec_min(at, machine_due(&w->machine));
    return usec_min(at, shell_due(&w->shell, world_wall(w), w->boot_at));
}

static void world_step(struct world *w, usec_t at)
{
    struct timer t;
    usec_t before_at = w->boot_at;
    at = usec_max(w->boot_at, at); /* not what was due while the machine was suspended */
    outbox_run(&w->outbox, w->shell.up, at, w->wall_offset_us);
    w->boot_at = at;
    bool calm = w->shell.up && w->boot_at - w->jumped_boot_at > USEC_PER_MIN
                && w->boot_at - w->up_boot_at > USEC_PER_MIN;
    if (calm && !w->options.no_check && w->boot_at > before_at && w->shell.staged_n == 0)
        invariant_idle(&w->invariant, world_wall(w), w->boot_at);
    machine_run(&w->machine, w->boot_at);
    while (timers_first(&w->timers, &t) && t.boot_at <= w->boot_at) {
        timers_pop(&w->timers);
        world_timer(w, &t);
    }
    if (!shell_turn(&w->shell, world_wall(w), w->boot_at))
        world_at(w, w->boot_at + w->down_us, WORLD_TIMER_RESTART, 0);
    outbox_run(&w->outbox, w->shell.up, w->boot_at, w->wall_offset_us);
    if (w->shell.up && !w->options.no_check && w->invariant.hands.todos_size && !w->shell.changed &&
        w->shell.staged_n == 0)
        hands_turned(&w->invariant, w->shell.box.core, world_wall(w));
    w->steps++;
    if (w->boot_at <= w->options.double_after_boot_at)
        w->rows_unseen = w->shell.store.journal.rows_n;
}

bool world_run(struct world *w, usec_t until_at)
{
    while (!w->verdict.broken) {
        usec_t at = next_at(w);
        if (at > until_at)
            break;
        world_step(w, at);
    }
    if (!w->verdict.broken && until_at != USEC_NEVER) {
        w->boot_at = usec_max(w->boot_at, until_at);
        w->machine.now_boot_at = w->boot_at;
    }
    return !w->verdict.broken;
}

static bool quiet(const struct world *w)
{
    usec_t wall_at, boot_at;
    if (!w->shell.up || machine_due(&w->machine) != USEC_NEVER)
        return false;
    core_deadline(w->shell.box.core, &wall_at, &boot_at);
    return wall_at == USEC_NEVER && boot_at == USEC_NEVER && w->shell.inbox_n == 0
           && !w->shell.changed;
}

bool world_settle(struct world *w, usec_t until_at)
{
    while (!w->verdict.broken && !quiet(w) && w->boot_at < until_at)
        world_run(w, usec_min(until_at, w->boot_at + USEC_PER_HOUR));
    return !w->verdict.broken;
}

uint64_t world_digest(const struct world *w)
{
    uint64_t h = hash_mix(w->boot_at ? 1 : 0, w->shell.store.journal.rows_n);
    for (size_t i = 0; i < w->shell.store.journal.rows_n; i++)
        h = hash_mix(h, w->shell.store.journal.rows[i].hash);
    h = hash_mix(hash_mix(h, w->outbox.messages), w->outbox.told.told);
    if (w->shell.store.journal.text.len)
        h = hash_bytes(h, w->shell.store.journal.text.ptr, w->shell.store.journal.text.len);
    return hash_mix(h, (uint64_t)w->boot_at);
}
