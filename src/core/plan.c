/* plan.c - see plan.h. */
#include "core/plan.h"

#include <assert.h>
#include <string.h>

#include "core/avail.h"
#include "core/band.h"
#include "core/boost.h"
#include "core/canary.h"
#include "core/capacity.h"
#include "core/defer.h"
#include "core/draw.h"
#include "core/estimate.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/odds.h"
#include "core/order.h"
#include "core/power.h"
#include "core/queue.h"
#include "core/quota.h"
#include "core/reserve.h"
#include "core/search.h"
#include "core/would.h"

/* --- one row ---------------------------------------------------------------------------------- */

static struct lengths view_lengths(const struct class_view *view)
{
    return (struct lengths){ view->node_us[0], view->node_us[NODES / 2], view->node_us[NODES - 1] };
}

/* As they are told: places are by the plain ones. */
static struct lengths node_lengths(const struct forecast_nodes *nodes)
{
    return (struct lengths){ nodes->us[0], nodes->us[NODES / 2], nodes->us[NODES - 1] };
}

static void row_ends(struct plan_row *row, usec_t start_at, usec_t late_at, const struct lengths *l)
{
    row->start_at = row->start_p10_at = row->start_p50_at = start_at;
    row->start_p90_at = late_at;
    row->end_p10_at = usec_add(start_at, l->p10_us);
    row->end_p50_at = usec_add(start_at, l->p50_us);
    row->end_p90_at = usec_add(late_at, l->p90_us);
}

void plan_row_times(const struct core *c, const struct job *j, struct plan_row *row, usec_t start_at,
                    usec_t late_at, const struct lengths *l)
{
    row_ends(row, start_at, late_at, l);
    row->eyes_at =
        row->end_p50_at == USEC_NEVER ? USEC_NEVER : avail_job_eyes(c, j, row->end_p50_at);
    row->eyes_p10_at = row->end_p10_at == USEC_NEVER ? USEC_NEVER : avail_job_eyes(c, j, row->end_p10_at);
    row->eyes_late_at = row->end_p90_at == USEC_NEVER ? USEC_NEVER
                      : avail_job_eyes(c, j, row->end_p90_at);
}

static void row_begin(struct plan_row *row, const struct core *c, const struct job *j,
                      uint32_t number)
{
    *row = (struct plan_row){ .job = j->id, .number = number, .state = (enum job_state)j->state,
                              .reason = queue_reason(c, j), .gpu_mask = j->gpu_mask };
}

static void row_start(struct plan_row *row, const struct core *c, const struct policy_ctx *ctx,
                      const struct start *start, const struct class_view *view, uint32_t number)
{
    const struct job *j = &jobs_of(c)[start->job];
    struct forecast_nodes given = band_view(c, &classes_of(c)[j->class].key, view);
    struct lengths l = node_lengths(&given), canary = { start->canary_us, start->canary_us, start->canary_us };
    row_begin(row, c, j, number);
    row->reason = start->canary_us ? REASON_CANARY : REASON_NONE;
    row->gpu_mask = start->gpu_mask;
    row->index = view->value;
    plan_row_times(c, j, row, ctx->now_at, ctx->now_at, start->canary_us ? &canary : &l);
}

/* --- deciding --------------------------------------------------------------------------------- */

void plan_decide(struct core *c, struct dispatch *ret)
{
    struct policy_ctx ctx;
    struct scratch s = { .keys = keys_of(c), .ends = ends_of(c), .marks = marks_of(c),
                         .search = search_of(c) };
    queue_unwatch(c, c->now_at -
                         ESTIMATE_TICK_US); /* ticks are no coarser: the index sees none of it */
    policy_begin(&ctx, c, c->now_at, c->now_boot_at);
    ctx.deciding = true;
    ctx.ordered = order_ready(c, &ctx);
    dispatch_run(c, &ctx, &s, ret);
    would_look(c, &ctx, &s, ret);
    c->w_level = ctx.level;
    c->plan_number = c->decisions + 1;
    c->plan_made_at = c->now_at;
    c->plan_rows_n = 0;
    for (uint32_t i = 0; i < ret->starts_n; i++) {
        const struct job *j = &jobs_of(c)[ret->starts[i].job];
        row_start(&c->plan_rows[c->plan_rows_n], c, &ctx, &ret->starts[i],
                  &classes_of(c)[j->class].view, c->plan_rows_n);
        c->plan_rows_n++;
    }
    if (ret->reserved != NONE) {
        const struct job *j = &jobs_of(c)[ret->reserved];
        const struct class_view *view = &classes_of(c)[j->class].view;
        struct lengths l = view_lengths(view);
        struct plan_row *row = &c->plan_rows[c->plan_rows_n];
        row_begin(row, c, j, c->plan_rows_n++);
        row->reason = view->reason == REASON_POWER ? REASON_POWER : REASON_RESOURCES;
        row->index = view->value;
        plan_row_times(c, j, row, ret->reserved_at, ret->reserved_at, &l);
    }
}

struct core_plan core_last_plan(const struct core *c)
{
    return (struct core_plan){ .number = c->plan_number, .made_at = c->plan_made_at,
                               .rows_n = c->plan_rows_n, .rows = c->plan_rows };
}

/* --- drawing everything ----------------------------------------------------------------------- */

/* "No fit before": a profile only loses room, so where one job found no earlier place, none that
 * needs as much for as long will.  Kept by width and by length in octaves; later starts drive out
 * earlier. */
#define HINT_WIDTHS  64 /* direct-mapped by type and GPUs */
#define HINT_OCTAVES 48
struct hint {
    usec_t length_us, start_at; /* start_at 0: nothing known */
    uint32_t cpus, mem_mib, watts;
};
struct hints {
    uint16_t width[HINT_WIDTHS];
    struct hint at[HINT_WIDTHS][HINT_OCTAVES];
};

static uint32_t octave(usec_t length_us)
{
    uint32_t o = length_us > 0 ? 63 - (uint32_t)__builtin_clzll((uint64_t)length_us) : 0;
    return o < HINT_OCTAVES ? o : HINT_OCTAVES - 1;
}

static struct hint *hints_of(struct hints *h, const struct needs *n)
{
    uint16_t width = (uint16_t)(n->gpu_type * (CORE_GPUS_MAX + 1) + n->gpus);
    uint32_t slot = width % HINT_WIDTHS;
    if (h->width[slot] != width) {
        h->width[slot] = width;
        memset(h->at[slot], 0, sizeof h->at[slot]);
    }
    return h->at[slot];
}

static usec_t hint_get(struct hints *h, const struct needs *n, usec_t length_us)
{
    const struct hint *at = hints_of(h, n);
    usec_t from = 0;
    for (uint32_t o = 0; o <= octave(length_us); o++)
        if (at[o].start_at > from && at[o].length_us <= length_us && at[o].cpus <= n->cpus &&
            at[o].mem_mib <= n->mem_mib && at[o].watts <= n->watts)
            from = at[o].start_at;
    return from;
}

static void hint_put(struct hints *h, const struct needs *n, usec_t length_us, usec_t start_at)
{
    struct hint *at = &hints_of(h, n)[octave(length_us)];
    if (start_at > at->start_at)
        *at = (struct hint){ length_us, start_at, n->cpus, n->mem_mib, n->watts };
}

static size_t part(size_t *at, size_t item, size_t n)
{
    size_t here = *at;
    *at += (item * n + 15) / 16 * 16;
    return here;
}

/* Where the parts of a drawing lie in its scratch; returns the size of all. */
static size_t draw_layout(const struct core *c, char *base, struct draw *d)
{
    size_t at = 0, jobs = c->jobs_n, classes = c->classes_used;
    d->points_max = (uint32_t)(3 * jobs + 2 * RESERVATIONS_MAX + CORE_CAPS_MAX + 8);
    size_t rows = part(&at, sizeof(struct plan_row), jobs);
    size_t todo_rows = part(&at, sizeof(struct todo_row), (size_t)c->todos_n * TODO_PARTS_MAX);
    d->kept = at; /* what a plan is; the rest is only for making it */
    size_t order = part(&at, sizeof(struct order_key), jobs);
    size_t other = part(&at, sizeof(struct order_key), jobs);
    size_t keys = part(&at, sizeof(struct order_key), c->classes_n + c->busy_n);
    size_t marks = part(&at, sizeof(uint8_t), c->busy_n);
    size_t search = part(&at, sizeof(struct search), 1);
    size_t views = part(&at, sizeof(struct class_view), classes);
    size_t ends = part(&at, sizeof(struct busy_end), jobs);
    size_t hint = part(&at, sizeof(usec_t), classes);
    size_t later = part(&at, sizeof(usec_t), classes);
    size_t seen = part(&at, sizeof(uint32_t), classes);
    size_t hints = part(&at, sizeof(struct hints), 1);
    size_t points = part(&at, sizeof(struct profile_point), d->points_max);
    size_t row_of = part(&at, sizeof(uint32_t), c->jobs_used);
    size_t chain = part(&at, sizeof(struct chain), 1);
    size_t tried = part(&at, 1, c->jobs_used);
    size_t todo_memory = part(&at, todo_plan_size(c->todos_n), 1);
    d->odds = odds_layout(c, base, &at);
    if (!base)
        return at + 16;
    d->rows = (struct plan_row *)(base + rows);
    d->order = (struct order_key *)(base + order);
    d->order_other = (struct order_key *)(base + other);
    d->s.keys = (struct order_key *)(base + keys);
    d->s.marks = (uint8_t *)(base + marks);
    d->s.search = (struct search *)(base + search);
    d->s.views = (struct class_view *)(base + views);
    d->s.ends = (struct busy_end *)(base + ends);
    d->class_hint = (usec_t *)(base + hint);
    d->class_later = (usec_t *)(base + later);
    d->class_seen = (uint32_t *)(base + seen);
    d->hints = (struct hints *)(base + hints);
    d->points = (struct profile_point *)(base + points);
    d->row_of = (uint32_t *)(base + row_of);
    d->chain = (struct chain *)(base + chain);
    d->chain->tried = (uint8_t *)(base + tried);
    d->todo_memory = base + todo_memory;
    d->todo_rows = (struct todo_row *)(base + todo_rows);
    return at + 16;
}

size_t core_plan_size(const struct core *c)
{
    struct draw d;
    return draw_layout(c, NULL, &d);
}

/* Bottom-up merge sort; the order is total.  Jobs of a class come in order, so short parts mostly are. */
static void order_sort(struct draw *d)
{
    struct order_key *from = d->order, *to = d->order_other;
    for (uint32_t width = 1; width < d->order_n; width *= 2) {
        for (uint32_t low = 0; low < d->order_n; low += 2 * width) {
            uint32_t middle = low + width < d->order_n ? low + width : d->order_n;
            uint32_t high = middle + width < d->order_n ? middle + width : d->order_n;
            uint32_t a = low, b = middle;
            if (middle == high || dispatch_before(&from[middle - 1], &from[middle])) {
                memcpy(to + low, from + low, (high - low) * sizeof *to);
                continue;
            }
            for (uint32_t i = low; i < high; i++)
                to[i] = b == high || (a < middle && !dispatch_before(&from[b], &from[a]))
                            ? from[a++]
                            : from[b++];
        }
        struct order_key *swap = from;
        from = to;
        to = swap;
    }
    d->order = from;
    d->order_other = to;
}

static bool started_now(const struct draw *d, uint32_t slot)
{
    for (uint32_t i = 0; i < d->d.starts_n; i++)
        if (d->d.starts[i].job == slot)
            return true;
    return false;
}

static void draw_busy(struct draw *d)
{
    const struct core *c = d->c;
    for (uint32_t at = 0; at < c->by_id_n; at++) {
        uint32_t slot = ids_of(c)[at].slot;
        if (slot == NONE || !job_is_busy(&jobs_of(c)[slot]))
            continue;
        const struct job *j = &jobs_of(c)[slot];
        struct plan_row *row = &d->rows[d->rows_n];
        usec_t ran = usec_max(d->ctx.boot_at - j->start_boot_at, 0);
        struct forecast f = band_forecast(c, j, ran);
        struct lengths l = { f.p10_us - ran, f.p50_us - ran, f.p90_us - ran };
        d->row_of[slot] = d->rows_n;
        row_begin(row, c, j, d->rows_n++);
        plan_row_times(c, j, row, d->ctx.now_at, d->ctx.now_at, &l);
        row->start_at = row->start_p10_at = row->start_p50_at = row->start_p90_at = j->start_at;
        if (j->flags & JOBX_CANARY) { /* its end is the canary's; what is seen is the run's, if that comes at once */
            struct forecast run = canary_run(c, j);
            row->eyes_at = avail_job_eyes(c, j, usec_add(row->end_p50_at, run.p50_us));
            row->eyes_late_at = usec_max(avail_job_eyes(c, j, usec_add(row->end_p90_at, run.p90_us)), row->eyes_at);
        }
    }
}

static void draw_starts(struct draw *d)
{
    for (uint32_t i = 0; i < d->d.starts_n; i++) {
        const struct job *j = &jobs_of(d->c)[d->d.starts[i].job];
        row_start(&d->rows[d->rows_n], d->c, &d->ctx, &d->d.starts[i],
                  dispatch_view(d->c, &d->s, j->class), d->rows_n);
        d->row_of[d->d.starts[i].job] = d->rows_n;
        d->rows_n++;
    }
}

static bool is_placed(const struct draw *d, uint32_t slot)
{
    for (uint32_t i = 0; i < d->d.placed_n; i++)
        if (d->s.search->jobs[i].key.job == slot)
            return true;
    return false;
}

/* The jobs of the plan's window in the order found for them, before all others. */
static void draw_placed_first(struct draw *d)
{
    struct order_key *to = d->order_other;
    uint32_t n = 0;
    if (d->d.placed_n == 0)
        return;
    for (uint32_t i = 0; i < d->d.placed_n; i++) {
        const struct search_job *j = &d->s.search->jobs[d->s.search->order[i]];
        if (started_now(d, j->key.job))
            continue;
        d->placed[n] = j;
        to[n++] = j->key;
    }
    d->placed_n = n;
    for (uint32_t i = 0; i < d->order_n; i++)
        if (!is_placed(d, d->order[i].job))
            to[n++] = d->order[i];
    assert(n == d->order_n);
    d->order_other = d->order;
    d->order = to;
}

/* A start moved later inside its slack is drawn there; 0: it is not.  All of a class that the search has not placed want
 * the same, and to look through what waits for them takes long: it is asked once. */
static usec_t draw_deferred(struct draw *d, uint32_t row, const struct order_key *key,
                            enum reason reason)
{
    const struct core *c = d->c;
    const struct search_job *placed = row < d->placed_n ? d->placed[row] : NULL;
    usec_t *known = &d->class_later[key->class];
    if (placed)
        return placed->at != USEC_NEVER && placed->at > placed->fits_at ? placed->at : 0;
    if (reason != REASON_DEFERRED)
        return 0;
    if (*known == DRAW_UNKNOWN) {
        struct price_table *prices = &d->s.search->prices;
        if (!prices->from_at)
            price_make(prices, c, d->ctx.now_at);
        const struct job_class *class = &classes_of(c)[key->class];
        const struct class_view *view = dispatch_view(c, &d->s, key->class);
        *known = defer_best(c, prices, &class->key, view, d->ctx.now_at, dispatch_latest(c, class, view, d->ctx.now_at));
    }
    return *known;
}

/* Owners' bests, for jobs sent first. */
static void draw_order(struct draw *d)
{
    const struct core *c = d->c;
    struct order_key best[CORE_PERSONS_MAX + 1];
    bool any_first = false;
    for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++)
        best[i].job = NONE;
    for (uint32_t i = 0; i < c->classes_n; i++) {
        uint32_t at = classes_live_of(c)[i];
        const struct job_class *class = &classes_of(c)[at];
        struct order_key key =
            dispatch_key(&d->ctx, dispatch_view(c, &d->s, at), class->head, NULL);
        struct order_key *b = &best[class->key.owner];
        any_first |= class->key.first_seq != 0;
        if (key.tier == TIER_URGENT || class->key.boosted || boost_of_account(c, class->key.account, d->ctx.now_at))
            continue; /* as in run_views() */
        if (b->job == NONE || dispatch_before(&key, b))
            *b = key;
    }
    for (uint32_t i = 0; i < c->classes_n; i++) {
        uint32_t at = classes_live_of(c)[i];
        const struct job_class *class = &classes_of(c)[at];
        const struct order_key *b = any_first ? &best[class->key.owner] : NULL;
        for (uint32_t slot = class->head; slot != NONE; slot = jobs_of(c)[slot].next)
            if (d->d.starts_n == 0 || !started_now(d, slot))
                d->order[d->order_n++] =
                    dispatch_key(&d->ctx, dispatch_view(c, &d->s, at), slot, b);
    }
    order_sort(d);
    draw_placed_first(d);
}

void draw_machine(struct draw *d, struct profile *p, const struct busy_end *ends, uint32_t n, const usec_t *starts_us)
{
    const struct core *c = d->c;
    struct room room = c->free;
    room.watts = power_free_w(c, d->ctx.now_at);
    profile_init(p, d->points, d->points_max, d->ctx.now_at, &room);
    for (uint32_t i = 0; i < n; i++) {
        struct room back = capacity_of_job(c, &jobs_of(c)[ends[i].job]);
        profile_add_later(p, ends[i].at, &back);
    }
    for (uint32_t i = 0; i < d->d.starts_n; i++) {
        struct needs needs = job_needs(c, &jobs_of(c)[d->d.starts[i].job]);
        profile_take(p, &needs, d->ctx.now_at, usec_add(d->ctx.now_at, starts_us[i]));
    }
    reserve_cut(c, p);
    power_cut(c, p);
}

/* Runs end at P50, or with late at P90. */
static void draw_profile(struct draw *d, struct profile *p, bool late)
{
    const struct core *c = d->c;
    usec_t starts_us[STARTS_MAX];
    uint32_t n = dispatch_ends(c, d->ctx.now_at, d->ctx.boot_at, late, d->s.ends, NULL);
    for (uint32_t i = 0; i < d->d.starts_n; i++)
        starts_us[i] = dispatch_view(c, &d->s, jobs_of(c)[d->d.starts[i].job].class)->node_us[late ? NODES - 1 : NODES / 2];
    draw_machine(d, p, d->s.ends, n, starts_us);
}

usec_t draw_after_now(const struct draw *d, const struct profile *p)
{
    usec_t next = p->n > 1 ? p->points[1].at : USEC_NEVER;
    return usec_max(usec_min(next, d->d.again_at), d->ctx.now_at + 1);
}

/* Limits of persons and arrays, roughly: waves of as many as may run, each as long as one run. */
static usec_t draw_wave(const struct draw *d, uint32_t class, uint32_t seen, usec_t length_us)
{
    const struct core *c = d->c;
    const struct class_key *key = &classes_of(c)[class].key;
    const struct person *p = &c->persons[key->owner];
    uint32_t together = p->running_max ? p->running_max : UINT32_MAX;
    if (p->gpus_max && key->gpus && p->gpus_max / key->gpus < together)
        together = p->gpus_max / key->gpus;
    uint32_t of_account = c->accounts[key->account].gpus_max;
    if (of_account && key->gpus && of_account / key->gpus < together)
        together = of_account / key->gpus;
    uint32_t array = key->array_id ? jobs_of(c)[classes_of(c)[class].head].array : NONE;
    if (array != NONE) {
        uint32_t max = arrays_of(c)[array].max;
        if (max && max < together)
            together = max;
    }
    if (together == UINT32_MAX)
        return 0;
    if (together == 0)
        return USEC_NEVER;
    const struct asks asks = { .owner = key->owner, .account = key->account, .gpus = key->gpus, .array = array };
    uint64_t waves = seen / together + (dispatch_limited(c, &asks) != REASON_NONE);
    return usec_add(d->ctx.now_at, (usec_t)waves * length_us);
}

/* Room is what the first of its class waits for; those behind wait for their turn. */
static bool draw_is_behind(const struct draw *d, const struct order_key *key, enum reason reason)
{
    if (key->job == d->d.reserved)
        return false;
    return reason == REASON_RESOURCES ||
           (reason == REASON_POWER && classes_of(d->c)[key->class].head != key->job);
}

/* Those who wait for room wait as much longer than planned as others did. */
static void draw_wait(const struct draw *d, const struct job *j, const struct class_view *view,
                      const struct forecast_nodes *given, struct plan_row *row)
{
    struct band_times t;
    if (row->start_at == USEC_NEVER || !band_wait(d->c, view->area, d->ctx.now_at, row->start_at, given, &t))
        return;
    row->start_p90_at = t.start_p90_at;
    row->end_p50_at = t.end_p50_at;
    row->end_p90_at = t.end_p90_at;
    row->eyes_at = avail_job_eyes(d->c, j, row->end_p50_at);
    row->eyes_late_at = avail_job_eyes(d->c, j, row->end_p90_at);
}

/* Records of those in line lie all over the memory: on their way while others before them get their places. */
#define FETCH_AHEAD 12
#define LINE_SIZE   64
static inline void draw_fetch(const struct draw *d, uint32_t at)
{
    if (at >= d->order_n)
        return;
    const char *job = (const char *)&jobs_of(d->c)[d->order[at].job];
    const char *view = (const char *)dispatch_view(d->c, &d->s, d->order[at].class);
    const char *class = (const char *)&classes_of(d->c)[d->order[at].class];
    for (size_t i = 0; i < sizeof(struct job); i += LINE_SIZE)
        __builtin_prefetch(job + i);
    __builtin_prefetch(view);
    __builtin_prefetch(view + LINE_SIZE);
    __builtin_prefetch(class);
    __builtin_prefetch(class + LINE_SIZE);
}

void draw_begin(struct draw *d)
{
    memset(d->class_hint, 0, d->c->classes_used * sizeof *d->class_hint);
    memset(d->class_seen, 0, d->c->classes_used * sizeof *d->class_seen);
    memset(d->hints->width, 0xff, sizeof d->hints->width); /* no width is that: each is cleared when it is met */
}

void draw_again(struct draw *d, const struct draw_wish *wishes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        d->class_hint[wishes[i].class] = 0;
    memset(d->hints->width, 0xff, sizeof d->hints->width); /* no width is that: each is cleared when it is met */
}

struct draw_wish draw_wish(struct draw *d, uint32_t i, usec_t after_now, usec_t wave_us)
{
    const struct core *c = d->c;
    const struct order_key *key = &d->order[i];
    const struct job *j = &jobs_of(c)[key->job];
    const struct class_view *view = dispatch_view(c, &d->s, key->class);
    enum reason reason = (enum reason)view->reason;
    struct draw_wish w = { .needs = job_needs(c, j), .class = key->class };
    usec_t surely_us = j->limit_us ? j->limit_us : view->node_us[NODES - 1];
    w.wave_at = draw_wave(d, key->class, d->class_seen[key->class]++, wave_us);
    w.deferred_at = draw_deferred(d, i, key, reason);
    w.from_at = usec_max(w.wave_at, w.deferred_at);
    if (reason == REASON_QUOTA_HOURS)
        w.from_at = usec_max(w.from_at, quota_free_at(c, j->owner, j->account));
    if (reason == REASON_RESERVED) {
        usec_t free_at;
        reserve_reason(c, j, surely_us, d->ctx.now_at, d->ctx.boot_at, &free_at);
        w.from_at = usec_max(w.from_at, free_at);
    }
    if (c->closed || !room_fits(&c->up, &w.needs))
        w.from_at = USEC_NEVER;
    w.fits_us = reason == REASON_POWER ? surely_us : 0;
    /* Only where the search was free to go anywhere does it say something about others. */
    w.anywhere = w.wave_at <= after_now && w.deferred_at <= after_now && reason != REASON_RESERVED;
    return w;
}

usec_t draw_place(struct draw *d, struct profile *p, const struct draw_wish *w, usec_t after_now, usec_t length_us)
{
    usec_t start_at = USEC_NEVER, from_at = usec_max(usec_max(d->class_hint[w->class], after_now), w->from_at);
    if (from_at != USEC_NEVER) {
        usec_t not_before = usec_max(from_at, hint_get(d->hints, &w->needs, length_us));
        start_at = profile_find(p, &w->needs, not_before, usec_max(length_us, w->fits_us));
        if (start_at != USEC_NEVER && w->anywhere && w->fits_us == 0)
            hint_put(d->hints, &w->needs, length_us, start_at);
    }
    if (start_at != USEC_NEVER)
        profile_take(p, &w->needs, start_at, usec_add(start_at, length_us));
    if (w->deferred_at <= after_now)
        d->class_hint[w->class] = start_at;
    return start_at;
}

static void draw_places(struct draw *d, struct profile *p, bool late)
{
    const struct core *c = d->c;
    uint32_t first_row = d->rows_n;
    draw_profile(d, p, late);
    usec_t after_now = draw_after_now(d, p);
    draw_begin(d);
    for (uint32_t i = 0; i < d->order_n; i++) {
        draw_fetch(d, i + FETCH_AHEAD);
        const struct order_key *key = &d->order[i];
        const struct job *j = &jobs_of(c)[key->job];
        const struct class_view *view = dispatch_view(c, &d->s, key->class);
        struct forecast_nodes given = band_view(c, &classes_of(c)[key->class].key, view);
        struct lengths told = node_lengths(&given);
        usec_t length_us = view->node_us[late ? NODES - 1 : NODES / 2];
        enum reason reason = (enum reason)view->reason;
        struct draw_wish wish = draw_wish(d, i, after_now, length_us);
        usec_t start_at = draw_place(d, p, &wish, after_now, length_us);
        struct plan_row *row = &d->rows[first_row + i];
        if (late) {
            plan_row_times(c, j, row, row->start_at, usec_max(row->start_at, start_at), &told);
            if (wish.wave_at <= after_now && wish.deferred_at <= after_now && reason != REASON_RESERVED && reason != REASON_QUOTA_HOURS)
                draw_wait(d, j, view, &given, row);
            continue;
        }
        d->row_of[key->job] = first_row + i;
        row_begin(row, c, j, first_row + i);
        row->reason = c->closed ? REASON_QUEUE_CLOSED
                      : draw_is_behind(d, key, reason) ? REASON_PRIORITY : reason;
        if (!c->closed && i < d->placed_n)
            row->reason = wish.deferred_at ? REASON_DEFERRED : key->job != d->d.reserved ? REASON_PRIORITY
                        : reason == REASON_POWER ? REASON_POWER : REASON_RESOURCES;
        row->index = view->value;
        if (row->reason == REASON_DEFERRED && wish.deferred_at) {
            row->moved_from_at = i < d->placed_n ? d->placed[i]->fits_at : d->ctx.now_at;
            row->moved_to_at = wish.deferred_at;
        }
        row_ends(row, start_at, start_at, &told); /* when it is seen: in the second pass */
    }
}

/* Not in line: held, blocked by others, or by time.  Their rows follow those of the jobs in line. */
static void draw_blocked(struct draw *d)
{
    const struct core *c = d->c;
    d->rows_n += d->order_n;
    for (uint32_t at = 0; at < c->by_id_n; at++) {
        uint32_t slot = ids_of(c)[at].slot;
        if (slot == NONE || jobs_of(c)[slot].state != JOB_PENDING || jobs_of(c)[slot].class != NONE)
            continue;
        const struct job *j = &jobs_of(c)[slot];
        struct plan_row *row = &d->rows[d->rows_n];
        struct forecast f = band_forecast(c, j, 0);
        struct lengths l = { f.p10_us, f.p50_us, f.p90_us };
        usec_t start_at = USEC_NEVER;
        d->row_of[slot] = d->rows_n;
        row_begin(row, c, j, d->rows_n++);
        if (row->reason == REASON_BEGIN_TIME)
            start_at = usec_max(j->begin_at, d->ctx.now_at + 1);
        else if (row->reason == REASON_BACKOFF)
            start_at =
                usec_add(d->ctx.now_at, usec_max(j->backoff_until_boot_at - d->ctx.boot_at, 1));
        plan_row_times(c, j, row, start_at, start_at, &l);
    }
}

/* What waits for others, todos and jobs.  The places of those in line must be in the profile. */
static void draw_chain(struct draw *d, struct profile *p, bool late)
{
    const struct core *c = d->c;
    struct chain *ch = d->chain;
    if (!late) {
        uint8_t *tried = ch->tried;
        *ch = (struct chain){ .c = c, .now_at = d->ctx.now_at, .boot_at = d->ctx.boot_at,
                              .rows = d->rows, .row_of = d->row_of, .tried = tried };
    }
    todo_plan_begin(&ch->todos, c, d->ctx.now_at, d->todo_memory, c->todos_n);
    todo_plan_ready(&ch->todos);
    chain_run(ch, p, late);
    if (late) {
        for (uint32_t i = 0; i < d->todo_rows_n; i++) {
            struct todo_row *row = &d->todo_rows[i];
            usec_t end_at = ch->todos.ends_at[todo_place_after(c, row->todo - 1)];
            row->late_until_at = usec_max(row->until_at, end_at);
        }
        return;
    }
    for (uint32_t at = 0; at < c->todos_n; at++)
        d->todo_rows_n += todo_plan_rows(&ch->todos, at, d->todo_rows + d->todo_rows_n);
}

static int draw_all(const struct core *c, usec_t wall_at, usec_t boot_at, const struct core_odds_ask *ask, void *scratch,
                    size_t size, struct core_plan *ret)
{
    struct draw d;
    struct profile p;
    memset(&d, 0, offsetof(struct draw, d));
    d.rows_n = d.order_n = d.todo_rows_n = d.placed_n = 0;
    d.c = c;
    size_t skew = (16 - (uintptr_t)scratch % 16) % 16;
    if (size < draw_layout(c, (char *)scratch + skew, &d))
        return E_FULL;
    for (uint32_t i = 0; i < c->classes_n; i++) {
        uint32_t at = classes_live_of(c)[i];
        d.s.views[at] = classes_of(c)[at].view;
        d.s.views[at].reason = REASON_NONE;
        d.class_later[at] = DRAW_UNKNOWN;
    }
    policy_begin(&d.ctx, c, wall_at, boot_at);
    dispatch_run(c, &d.ctx, &d.s, &d.d);
    d.d.starts_n = d.d.runs_n; /* a canary is over soon: drawn is what it is for */
    draw_busy(&d);
    draw_starts(&d);
    draw_order(&d);
    uint32_t in_line = d.rows_n;
    draw_places(&d, &p, false);
    draw_blocked(&d);
    assert(d.rows_n == c->jobs_n);
    draw_chain(&d, &p, false);
    if (ask)
        odds_sample(&d, ask->first, ask->last);
    d.rows_n = in_line;
    draw_places(&d, &p, true);
    d.rows_n = c->jobs_n;
    draw_chain(&d, &p, true);
    if (MUTANT(c, MUTANT_LOOK))
        ((struct core *)(uintptr_t)c)->sum++;
    d.rows_n -= MUTANT(c, MUTANT_PLAN) && d.rows_n > 0;
    *ret = (struct core_plan){ c->decisions, wall_at, d.rows_n, d.rows, d.todo_rows_n, d.todo_rows,
                               skew + d.kept };
    if (ask)
        ret->odds = odds_tell(&d);
    return 0;
}

int core_plan(const struct core *c, usec_t wall_at, usec_t boot_at, void *scratch, size_t size, struct core_plan *ret)
{
    return draw_all(c, wall_at, boot_at, NULL, scratch, size, ret);
}

int core_plan_odds(const struct core *c, usec_t wall_at, usec_t boot_at, const struct core_odds_ask *ask, void *scratch,
                   size_t size, struct core_plan *ret)
{
    return draw_all(c, wall_at, boot_at, ask, scratch, size, ret);
}
