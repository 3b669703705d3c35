/* evolve.c - see evolve.h. */
#include "schedule/evolve.h"

#include <assert.h>
#include <string.h>

#define CHILD EVOLVE_POPULATION
#define MOVED_PERMILLE 50 /* tasks of a child that change their place; measured against 5 to 100 */
#define CUTS 3            /* stretches tried for the one with most in use */
#define IDLE_MAX (30 * EVOLVE_POPULATION) /* rounds without gain until a new population */
#define SHARE_ONE 4096

/* --- memory ----------------------------------------------------------------------------------- */

static void *take(char **at, size_t n, size_t each)
{
    void *here = *at;
    *at += (n * each + 7) / 8 * 8;
    return here;
}

static size_t lay(struct evolve *e, const struct problem *p, char *block, char **ret_place)
{
    char *at = block;
    size_t n = p->tasks_n, members = EVOLVE_POPULATION + 1;
    *ret_place = take(&at, 1, place_size(p));
    e->print = take(&at, members, sizeof *e->print);
    e->use = take(&at, (size_t)p->horizon + 1, sizeof *e->use);
    e->makespan = take(&at, members, sizeof *e->makespan);
    e->start = take(&at, members * n, sizeof *e->start);
    e->best_start = take(&at, n, sizeof *e->best_start);
    e->due = take(&at, n, sizeof *e->due);
    e->share = take(&at, n, sizeof *e->share);
    e->back = take(&at, n, sizeof *e->back);
    e->mark = take(&at, n, sizeof *e->mark);
    e->order = take(&at, members * n, sizeof *e->order);
    e->list = take(&at, n, sizeof *e->list);
    return (size_t)(at - block);
}

size_t evolve_size(const struct problem *p)
{
    struct evolve e;
    char here[8], *place;
    return lay(&e, p, here, &place);
}

void evolve_init(struct evolve *e, const struct problem *p, uint64_t seed, void *block)
{
    char *place;
    int32_t longest = 0;
    memset(e, 0, sizeof *e);
    e->problem = p;
    lay(e, p, block, &place);
    place_init(&e->place, p, place);
    prng_init(&e->luck, seed, 0);
    e->best = EVOLVE_NONE;
    for (uint32_t i = 0; i < p->tasks_n; i++) {
        int32_t chain = p->head[i] + p->length[i] + p->tail[i];
        longest = chain > longest ? chain : longest;
    }
    for (uint32_t i = 0; i < p->tasks_n; i++) {
        int64_t share = 0;
        for (uint32_t r = 0; r < p->resources_n; r++)
            if (p->capacity[r])
                share += (int64_t)p->amount[(size_t)i * p->resources_n + r] * SHARE_ONE / p->capacity[r];
        e->share[i] = (int32_t)share; /* at most SHARE_ONE for each resource */
        e->due[i] = longest - p->tail[i];
    }
}

static int32_t *start_of(struct evolve *e, uint32_t member)
{
    return e->start + (size_t)member * e->problem->tasks_n;
}

static uint16_t *order_of(struct evolve *e, uint32_t member)
{
    return e->order + (size_t)member * e->problem->tasks_n;
}

static uint32_t below(struct evolve *e, uint32_t bound)
{
    return (uint32_t)prng_below(&e->luck, bound);
}

/* --- a schedule from an order ----------------------------------------------------------------- */

static uint64_t print_of(const int32_t *start, uint32_t n)
{
    uint64_t print = 0x9e3779b97f4a7c15u;
    for (uint32_t i = 0; i < n; i++) {
        print = (print ^ (uint64_t)(uint32_t)start[i]) * 0xff51afd7ed558ccdu;
        print ^= print >> 32;
    }
    return print;
}

static void keep_best(struct evolve *e, int32_t makespan, const int32_t *start)
{
    if (makespan >= e->best)
        return;
    e->best = makespan;
    memcpy(e->best_start, start, e->problem->tasks_n * sizeof *start);
}

/* Build the member's schedule from its order, push it to the end and back, and take its new order. */
static void build(struct evolve *e, uint32_t member)
{
    int32_t *start = start_of(e, member);
    uint16_t *order = order_of(e, member);
    int32_t makespan = place_earliest(&e->place, order, start);
    e->steps++;
    if (makespan < 0) {
        e->makespan[member] = EVOLVE_NONE;
        e->print[member] = prng_u64(&e->luck); /* not like any other */
        return;
    }
    place_by_end(&e->place, start, e->list);
    int32_t first = place_latest(&e->place, e->list, makespan, e->back);
    assert(first >= 0); /* each task could stay where it was */
    place_by_start(&e->place, e->back, e->list);
    makespan = place_earliest(&e->place, e->list, start);
    assert(makespan >= 0);
    e->steps += 2;
    place_by_start(&e->place, start, order);
    e->makespan[member] = makespan;
    e->print[member] = print_of(start, e->problem->tasks_n);
    keep_best(e, makespan, start);
}

/* --- first members ---------------------------------------------------------------------------- */

/* An order in which each next task wins a tournament of `size` among those that are ready: the
 * earliest latest finish. */
static void sample(struct evolve *e, uint16_t *order, uint32_t size)
{
    const struct problem *p = e->problem;
    uint32_t *waits = e->mark, ready_n = 0;
    uint16_t *ready = e->list;
    for (uint32_t i = 0; i < p->tasks_n; i++) {
        waits[i] = p->before_at[i + 1] - p->before_at[i];
        if (waits[i] == 0)
            ready[ready_n++] = (uint16_t)i;
    }
    for (uint32_t k = 0; k < p->tasks_n; k++) {
        uint32_t won = below(e, ready_n);
        for (uint32_t other = 1; other < size; other++) {
            uint32_t against = below(e, ready_n);
            if (e->due[ready[against]] < e->due[ready[won]])
                won = against;
        }
        uint16_t i = ready[won];
        ready[won] = ready[--ready_n];
        order[k] = i;
        for (uint32_t a = p->after_at[i]; a < p->after_at[i + 1]; a++)
            if (--waits[p->after[a]] == 0)
                ready[ready_n++] = p->after[a];
    }
}

static void fill_one(struct evolve *e)
{
    const struct problem *p = e->problem;
    uint32_t member = e->filled++;
    if (member == 0 && e->generations == 0) { /* the rule itself, without luck */
        for (uint32_t i = 0; i < p->tasks_n; i++)
            e->back[i] = e->due[i] - p->length[i];
        place_by_start(&e->place, e->back, order_of(e, member));
        e->generations = 1;
    } else {
        sample(e, order_of(e, member), 2 + below(e, 3));
    }
    build(e, member);
}

/* --- children --------------------------------------------------------------------------------- */

/* A stretch of the mother's order: of a few at random, the one in whose time most was in use. */
static void cut(struct evolve *e, uint32_t mother, uint32_t *ret_from, uint32_t *ret_until)
{
    const struct problem *p = e->problem;
    const int32_t *start = start_of(e, mother);
    const uint16_t *order = order_of(e, mother);
    int32_t makespan = e->makespan[mother];
    int64_t most = -1;
    uint32_t n = p->tasks_n;
    memset(e->use, 0, ((size_t)makespan + 1) * sizeof *e->use);
    for (uint32_t i = 0; i < n; i++) {
        e->use[start[i]] += e->share[i];
        e->use[start[i] + p->length[i]] -= e->share[i];
    }
    int64_t now = 0, sum = 0;
    for (int32_t t = 0; t <= makespan; t++) { /* use[t]: all that was used before t */
        now += e->use[t];
        e->use[t] = sum;
        sum += now;
    }
    *ret_from = 0;
    *ret_until = n;
    for (uint32_t k = 0; k < CUTS; k++) {
        uint32_t size = n / 4 + below(e, n / 2 + 1);
        uint32_t from = below(e, n - size + 1), until = from + size;
        int32_t from_at = start[order[from < n ? from : n - 1]];
        int32_t until_at = until < n ? start[order[until]] : makespan;
        if (until_at <= from_at)
            continue;
        int64_t used = (e->use[until_at] - e->use[from_at]) / (until_at - from_at);
        if (used > most) {
            most = used;
            *ret_from = from;
            *ret_until = until;
        }
    }
}

/* The mother's order, but from `from` to `until` those not yet there as the father has them. */
static void cross(struct evolve *e, uint32_t mother, uint32_t father, uint32_t from, uint32_t until)
{
    uint32_t n = e->problem->tasks_n, k = 0, *there = e->mark;
    const uint16_t *hers = order_of(e, mother), *his = order_of(e, father);
    uint16_t *child = order_of(e, CHILD);
    memset(there, 0, n * sizeof *there);
    for (; k < from; k++) {
        child[k] = hers[k];
        there[hers[k]] = 1;
    }
    for (uint32_t j = 0; k < until; j++) {
        if (there[his[j]])
            continue;
        child[k++] = his[j];
        there[his[j]] = 1;
    }
    for (uint32_t j = 0; k < n; j++)
        if (!there[hers[j]])
            child[k++] = hers[j];
}

/* Move the k-th task of the order to a place between those it waits for and those that wait for it. */
static void move(struct evolve *e, uint16_t *order, uint32_t k)
{
    const struct problem *p = e->problem;
    uint32_t n = p->tasks_n, low = k, high = k + 1, *linked = e->mark;
    uint16_t i = order[k];
    memset(linked, 0, n * sizeof *linked);
    for (uint32_t a = p->after_at[i]; a < p->after_at[i + 1]; a++)
        linked[p->after[a]] = 1;
    for (uint32_t b = p->before_at[i]; b < p->before_at[i + 1]; b++)
        linked[p->before[b]] = 1;
    while (high < n && !linked[order[high]])
        high++;
    while (low > 0 && !linked[order[low - 1]])
        low--;
    uint32_t to = low + below(e, high - low);
    if (to > k)
        memmove(order + k, order + k + 1, (to - k) * sizeof *order);
    else
        memmove(order + to + 1, order + to, (k - to) * sizeof *order);
    order[to] = i;
}

/* Put the child in the place of one of the worst, if it is new and not worse. */
static void settle(struct evolve *e)
{
    uint32_t worst = 0;
    for (uint32_t i = 0; i < EVOLVE_POPULATION; i++) {
        if (e->print[i] == e->print[CHILD])
            return;
        if (e->makespan[i] > e->makespan[worst] ||
            (e->makespan[i] == e->makespan[worst] && below(e, 3) == 0))
            worst = i;
    }
    if (e->makespan[CHILD] > e->makespan[worst])
        return;
    if (e->makespan[CHILD] < e->makespan[worst])
        e->idle = 0;
    size_t n = e->problem->tasks_n;
    e->makespan[worst] = e->makespan[CHILD];
    e->print[worst] = e->print[CHILD];
    memcpy(start_of(e, worst), start_of(e, CHILD), n * sizeof *e->start);
    memcpy(order_of(e, worst), order_of(e, CHILD), n * sizeof *e->order);
}

/* The better of two at random. */
static uint32_t parent(struct evolve *e)
{
    uint32_t a = below(e, EVOLVE_POPULATION), b = below(e, EVOLVE_POPULATION);
    return e->makespan[b] < e->makespan[a] ? b : a;
}

static void round_of_life(struct evolve *e)
{
    uint32_t mother = parent(e), father = parent(e), from = 0, until = e->problem->tasks_n;
    if (mother == father)
        father = (mother + 1) % EVOLVE_POPULATION;
    if (e->makespan[mother] != EVOLVE_NONE)
        cut(e, mother, &from, &until);
    cross(e, mother, father, from, until);
    uint16_t *order = order_of(e, CHILD);
    for (uint32_t k = 0; k < e->problem->tasks_n; k++)
        if (below(e, 1000) < MOVED_PERMILLE)
            move(e, order, k);
    build(e, CHILD);
    settle(e);
    if (++e->idle > IDLE_MAX) {
        e->idle = 0;
        e->filled = 0;
        e->generations++;
    }
}

void evolve_run(struct evolve *e, uint64_t steps, int32_t enough)
{
    while (e->steps < steps && e->best > enough) {
        if (e->filled < EVOLVE_POPULATION)
            fill_one(e);
        else
            round_of_life(e);
    }
}

void evolve_offer(struct evolve *e, const int32_t *start)
{
    const struct problem *p = e->problem;
    int32_t makespan = 0;
    for (uint32_t i = 0; i < p->tasks_n; i++) {
        int32_t end = start[i] + p->length[i];
        makespan = end > makespan ? end : makespan;
    }
    keep_best(e, makespan, start);
    if (e->filled < EVOLVE_POPULATION)
        return;
    memcpy(start_of(e, CHILD), start, p->tasks_n * sizeof *start);
    place_by_start(&e->place, start, order_of(e, CHILD));
    e->makespan[CHILD] = makespan;
    e->print[CHILD] = print_of(start, p->tasks_n);
    settle(e);
}
