/* search.c - see search.h. */
#include "core/search.h"

#include <string.h>

#include "base/prng.h"
#include "core/avail.h"
#include "core/band.h"
#include "core/defer.h"
#include "core/slack.h"

#define COMPLETION_PART 32       /* a completion counts for so little beside its being seen: 3 % */
/* With a tariff the completion of a job that may wait counts for nothing, so that some won can move it; but only
 * while the window is no more than so long's work of the machine: else room later is worth more than electricity. */
#define IDLE_US (24 * USEC_PER_HOUR)
#define SURE_PART        4       /* run times are known: at P90 the window's jobs are at most a quarter longer than at P50 */
#define TRIES_UNSURE     8       /* ... and so many tries at most where they are not */
#define NO_PLACE (INT64_MAX / 256) /* cost of a job that fits nowhere; 64 of them still add up */

struct look {
    struct search *s;
    const struct core *c;
    usec_t not_before_at;
    bool may_idle;
};

/* What a start costs above the least it can, in us of a person x NODES, weighted. */
static int64_t cost(const struct look *l, const struct search_job *j, usec_t start_at,
                    uint32_t *window)
{
    int64_t above = defer_cost(l->c, &l->s->prices, j->like, j->view, start_at, window) - j->least;
    if (!j->may_wait || !l->may_idle)
        above += (start_at - l->not_before_at) * NODES / COMPLETION_PART;
    if (above >= NO_PLACE / j->weight_milli)
        return NO_PLACE;
    return j->weight_milli == 1000 ? above : above * (int64_t)j->weight_milli / 1000;
}

/* The same at the beginning of a slot: asked for in every order tried, worked out once, one after
 * another. */
static int64_t slot_cost(const struct look *l, struct search_job *j, usec_t at)
{
    const struct search *s = l->s;
    int64_t *kept = l->s->slots[j - s->jobs];
    uint64_t slot = (uint64_t)(at - s->prices.from_at) / (uint64_t)PRICE_SLOT_US;
    if (slot >= SEARCH_SLOTS)
        return NO_PLACE;
    for (; j->slots_n <= slot; j->slots_n++) {
        usec_t start_at = s->prices.from_at + (usec_t)j->slots_n * PRICE_SLOT_US;
        kept[j->slots_n] =
            start_at < l->not_before_at ? NO_PLACE : cost(l, j, start_at, &j->slot_window);
    }
    return kept[slot];
}

/* A later start in its slack that costs less, where it fits. */
static int64_t later(const struct look *l, const struct profile *p, struct search_job *j,
                     int64_t best)
{
    usec_t until_at = defer_until(l->c, j->like, j->view, j->fits_at);
    if (j->waited_for) {
        struct forecast_nodes told = band_view(l->c, j->like, j->view);
        struct slack_lengths lengths = { told.us[NODES / 2], told.us[NODES - 1] };
        until_at = usec_min(until_at, slack_until(l->c, j->key.job, &lengths, j->fits_at));
    }
    int64_t least = (int64_t)NODES * defer_least(&l->s->prices) * j->weight_milli / 1000;
    for (usec_t at = price_next_slot(j->fits_at); at <= until_at; at += PRICE_SLOT_US) {
        int64_t c = slot_cost(l, j, at);
        if (c < best - least && profile_find(p, &j->needs, at, j->length_us) == at) {
            best = c;
            least = 0;
            j->at = at;
        }
    }
    return best;
}

static void take(struct profile *p, const struct search_job *j, usec_t at)
{
    if (at != USEC_NEVER)
        profile_take(p, &j->needs, at, usec_add(at, j->length_us));
}

static int64_t place(const struct look *l, struct profile *p, struct search_job *j)
{
    j->at = j->fits_at = profile_find(p, &j->needs, l->not_before_at, j->length_us);
    if (j->fits_at == USEC_NEVER)
        return NO_PLACE;
    uint32_t window = j->window;
    int64_t best = cost(l, j, j->fits_at, &window);
    if (j->may_wait)
        best = later(l, p, j, best);
    take(p, j, j->at);
    return best;
}

/* An order that begins like the best so far: as far as they agree, its places are known. */
static uint32_t alike(const struct search *s, const uint8_t *order)
{
    uint32_t i = 0;
    while (i < s->n && order[i] == s->order[i])
        i++;
    return i;
}

/* What this order costs, which begins like the best so far for `known` jobs; more than `most` is not told apart. */
static int64_t evaluate(const struct look *l, const uint8_t *order, uint32_t known, int64_t most)
{
    struct search *s = l->s;
    int64_t sum = 0;
    s->profile = (struct profile){ s->points, s->machine.n, sizeof s->points / sizeof *s->points, 0, s->machine.types };
    memcpy(s->points, s->base, s->machine.n * sizeof *s->points);
    for (uint32_t i = 0; i < s->n && sum <= most; i++) {
        struct search_job *j = &s->jobs[order[i]];
        if (i < known) {
            sum += j->best_cost;
            take(&s->profile, j, j->best_at);
        } else {
            j->cost = place(l, &s->profile, j);
            sum += j->cost;
        }
    }
    return sum;
}

/* The order just evaluated to its end is the best so far, from its job `known` on. */
static void keep(struct search *s, const uint8_t *order, uint32_t known)
{
    for (uint32_t i = known; i < s->n; i++) {
        struct search_job *j = &s->jobs[order[i]];
        s->order[i] = order[i];
        j->best_at = j->at;
        j->best_fits_at = j->fits_at;
        j->best_cost = j->cost;
    }
}

/* The places are those of the best order, and the profile has all of them taken. */
static void settle(const struct look *l)
{
    struct search *s = l->s;
    evaluate(l, s->order, s->n, INT64_MAX);
    for (uint32_t i = 0; i < s->n; i++) {
        s->jobs[i].at = s->jobs[i].best_at;
        s->jobs[i].fits_at = s->jobs[i].best_fits_at;
    }
}

static void by_area(const struct search *s, uint8_t *order)
{
    for (uint32_t i = s->fixed_n + 1; i < s->n; i++) {
        uint8_t job = order[i];
        uint32_t at = i;
        for (; at > s->fixed_n && s->jobs[order[at - 1]].view->area > s->jobs[job].view->area; at--)
            order[at] = order[at - 1];
        order[at] = job;
    }
}

static void move_one(struct prng *luck, const struct search *s, uint8_t *order)
{
    uint32_t from = s->fixed_n + (uint32_t)prng_below(luck, s->n - s->fixed_n);
    uint32_t to = s->fixed_n + (uint32_t)prng_below(luck, s->n - s->fixed_n);
    uint8_t job = order[from];
    if (from < to)
        memmove(order + from, order + from + 1, to - from);
    else
        memmove(order + to + 1, order + to, from - to);
    order[to] = job;
}

static void change(struct prng *luck, const struct search *s, uint8_t *order)
{
    uint32_t kind = (uint32_t)prng_below(luck, 3);
    if (kind == 0) {
        uint32_t a = s->fixed_n + (uint32_t)prng_below(luck, s->n - s->fixed_n);
        uint32_t b = s->fixed_n + (uint32_t)prng_below(luck, s->n - s->fixed_n);
        uint8_t job = order[a];
        order[a] = order[b];
        order[b] = job;
        return;
    }
    for (uint32_t i = 0; i < (kind == 1 ? 1 : 3); i++)
        move_one(luck, s, order);
}

/* Everybody has the place they would have had the machine to themselves: no order does better. */
static bool all_at_once(const struct look *l)
{
    for (uint32_t i = 0; i < l->s->n; i++)
        if (l->s->jobs[i].fits_at != l->not_before_at)
            return false;
    return true;
}

static bool may_idle(const struct search *s, const struct core *c)
{
    int64_t area = 0, most = IDLE_US * 1000 * room_gpus(&c->up, 0);
    for (uint32_t i = 0; i < s->n && area <= most; i++)
        area += s->jobs[i].view->area;
    return s->prices.has_tariff && area <= most;
}

static uint32_t tries(const struct search *s, const struct core *c)
{
    int64_t likely_us = 0, late_us = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        likely_us += s->jobs[i].view->node_us[NODES / 2];
        late_us += s->jobs[i].view->node_us[NODES - 1];
    }
    if (late_us - likely_us <= likely_us / SURE_PART || c->settings.search_moves < TRIES_UNSURE)
        return c->settings.search_moves;
    return TRIES_UNSURE;
}

void search_run(struct search *s, const struct core *c, usec_t not_before_at)
{
    struct look l = { s, c, not_before_at, may_idle(s, c) };
    struct prng luck;
    for (uint32_t i = 0; i < s->n; i++) {
        struct search_job *j = &s->jobs[i];
        s->order[i] = (uint8_t)i;
        j->window = j->slot_window = avail_window(c, j->like->eyes, not_before_at);
        j->least = defer_eyes(c, &s->prices, j->like, j->view, not_before_at, &j->window);
        int64_t weight = policy_nice(j->view->weight_milli, j->like->nice);
        j->weight_milli = weight < 1 ? 1 : weight > 1000000 ? 1000000 : (uint32_t)weight;
    }
    int64_t best = evaluate(&l, s->order, 0, INT64_MAX);
    if (all_at_once(&l) || s->n - s->fixed_n < 2)
        return;
    keep(s, s->order, 0);
    prng_init(&luck, c->settings.seed, c->decisions);
    for (uint32_t i = 0, n = tries(s, c); i <= n; i++) {
        memcpy(s->tried, s->order, s->n);
        if (i == 0)
            by_area(s, s->tried);
        else
            change(&luck, s, s->tried);
        uint32_t known = alike(s, s->tried);
        int64_t sum = known == s->n ? best : evaluate(&l, s->tried, known, best);
        if (sum < best) {
            best = sum;
            keep(s, s->tried, known);
        }
    }
    settle(&l);
}
