/* cheapest.c - see cheapest.h. */
#include "schedule/cheapest.h"

#include <assert.h>
#include <string.h>

#define OUT_MAX 16          /* tasks taken out at once, and at most about half of a small problem */
#define BLINK_PERMILLE 60   /* starts passed over although they would do */
#define CYCLE_FIRST 5000    /* steps of the first cycle of cooling */
#define PUSH_SCALES 7       /* pushes from an eighth of the heat to eight times: minutes and nights */
#define COOLINGS 64         /* times the heat falls in a cycle, to 1/850 of where it began */

/* --- tables ----------------------------------------------------------------------------------- */

static void *take(char **at, size_t n, size_t each)
{
    void *here = *at;
    *at += (n * each + 7) / 8 * 8;
    return here;
}

static size_t lay(struct cheapest *c, const struct problem *p, char *block)
{
    char *at = block;
    size_t n = p->tasks_n, row = (size_t)p->horizon + 1;
    c->room = take(&at, (size_t)p->horizon * p->words_n, sizeof *c->room);
    c->by_cost = take(&at, n * row, sizeof *c->by_cost);
    c->next_start = take(&at, n * (row + 1), sizeof *c->next_start);
    c->last_start = take(&at, n * (row + 1), sizeof *c->last_start);
    c->by_cost_n = take(&at, n, sizeof *c->by_cost_n);
    c->start = take(&at, n, sizeof *c->start);
    c->best_start = take(&at, n, sizeof *c->best_start);
    c->old_start = take(&at, n, sizeof *c->old_start);
    c->first = take(&at, n, sizeof *c->first);
    c->last = take(&at, n, sizeof *c->last);
    c->early = take(&at, n, sizeof *c->early);
    c->late = take(&at, n, sizeof *c->late);
    c->rank = take(&at, n, sizeof *c->rank);
    c->out = take(&at, n, sizeof *c->out);
    c->queue = take(&at, n, sizeof *c->queue);
    c->mark = take(&at, n, sizeof *c->mark);
    return (size_t)(at - block);
}

size_t cheapest_size(const struct problem *p)
{
    struct cheapest c;
    char here[8];
    return lay(&c, p, here);
}

static int64_t cost_at(const struct cheapest *c, uint32_t i, int32_t s)
{
    return c->costs.cost[(size_t)i * ((size_t)c->problem->horizon + 1) + (size_t)s];
}

static int32_t end_at(const struct costs *costs, const struct problem *p, uint32_t i, int32_t s)
{
    if (!costs->end)
        return s + p->length[i];
    return costs->end[(size_t)i * ((size_t)p->horizon + 1) + (size_t)s];
}

static int32_t next_start(const struct cheapest *c, uint32_t i, int32_t from)
{
    return c->next_start[(size_t)i * ((size_t)c->problem->horizon + 2) + (size_t)from];
}

/* Last allowed start from which task i has ended by `until`; -1: none. */
static int32_t last_start(const struct cheapest *c, uint32_t i, int32_t until)
{
    const struct problem *p = c->problem;
    int32_t low = -1, high = p->horizon; /* low: ends in time, or before the first */
    if (!c->costs.end) {
        low = until - p->length[i];
    } else {
        while (low < high) {
            int32_t middle = low + (high - low + 1) / 2;
            if (end_at(&c->costs, p, i, middle) <= until)
                low = middle;
            else
                high = middle - 1;
        }
    }
    return low < 0 ? -1 : c->last_start[(size_t)i * ((size_t)p->horizon + 2) + (size_t)low];
}

/* Heapsort of starts by (cost, start): no allocation, no worst case. */
static bool dearer(const int64_t *cost, int32_t a, int32_t b)
{
    return cost[a] != cost[b] ? cost[a] > cost[b] : a > b;
}

static void sift(const int64_t *cost, int32_t *heap, int32_t at, int32_t n)
{
    int32_t moved = heap[at];
    for (int32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && dearer(cost, heap[child + 1], heap[child]))
            child++;
        if (!dearer(cost, heap[child], moved))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static void sort_starts(const int64_t *cost, int32_t *starts, int32_t n)
{
    for (int32_t at = n / 2; at-- > 0;)
        sift(cost, starts, at, n);
    while (n > 1) {
        int32_t top = starts[0];
        starts[0] = starts[--n];
        starts[n] = top;
        sift(cost, starts, 0, n);
    }
}

static void fill_row(struct cheapest *c, uint32_t i)
{
    const struct problem *p = c->problem;
    size_t row = (size_t)p->horizon + 1;
    const int64_t *cost = c->costs.cost + i * row;
    int32_t *starts = c->by_cost + i * row, n = 0, none = p->horizon + 1;
    int32_t *next = c->next_start + i * (row + 1), *last = c->last_start + i * (row + 1);
    next[none] = none;
    for (int32_t s = p->horizon; s >= 0; s--)
        next[s] = cost[s] == SCHEDULE_NEVER || s < p->release[i] ? next[s + 1] : s;
    for (int32_t s = 0; s <= p->horizon; s++) {
        last[s] = next[s] == s ? s : s > 0 ? last[s - 1] : -1;
        if (next[s] == s)
            starts[n++] = s;
    }
    last[none] = last[p->horizon];
    sort_starts(cost, starts, n);
    c->by_cost_n[i] = n;
}

/* Windows of starts for tasks with no schedule yet; false if one is empty. */
static bool fill_windows(struct cheapest *c)
{
    const struct problem *p = c->problem;
    bool possible = true;
    for (uint32_t k = 0; k < p->tasks_n; k++) {
        uint32_t i = p->order[k];
        int32_t from = p->release[i];
        c->rank[i] = (uint16_t)k;
        for (uint32_t b = p->before_at[i]; b < p->before_at[i + 1]; b++) {
            uint32_t before = p->before[b];
            int32_t end = c->first[before] > p->horizon ? c->first[before]
                                                        : end_at(&c->costs, p, before, c->first[before]);
            from = end > from ? end : from;
        }
        c->first[i] = from > p->horizon ? p->horizon + 1 : next_start(c, i, from);
    }
    for (uint32_t k = p->tasks_n; k-- > 0;) {
        uint32_t i = p->order[k];
        int32_t until = p->horizon;
        for (uint32_t a = p->after_at[i]; a < p->after_at[i + 1]; a++)
            until = c->last[p->after[a]] < until ? c->last[p->after[a]] : until;
        c->last[i] = until < 0 ? -1 : last_start(c, i, until);
        possible = possible && c->first[i] <= c->last[i];
    }
    return possible;
}

int cheapest_check(const struct problem *p, const struct costs *costs, struct err *err)
{
    size_t row = (size_t)p->horizon + 1;
    if (p->tasks_n * row > SCHEDULE_CELLS_MAX)
        return err_set(err, E_TOO_LARGE, "%u tasks times %d steps are too many starts to price; at most %u are possible.",
                       p->tasks_n, p->horizon, SCHEDULE_CELLS_MAX);
    for (uint32_t i = 0; i < p->tasks_n; i++) {
        int32_t last = 0;
        for (int32_t s = 0; s <= p->horizon; s++) {
            int64_t cost = costs->cost[i * row + (size_t)s];
            int32_t end = end_at(costs, p, i, s);
            if (cost != SCHEDULE_NEVER &&
                (cost < 0 || cost > SCHEDULE_COST_MAX || end < s || end > p->horizon))
                return err_set(err, E_INVALID, "Task %u has a cost or an end out of range for a start at step %d.",
                               i + 1, s);
            if (end < last)
                return err_set(err, E_INVALID, "Task %u would end earlier if it started later, at step %d.",
                               i + 1, s);
            last = end;
        }
    }
    return 0;
}

static int64_t cheapest_within(const struct cheapest *c, uint32_t i, int32_t from, int32_t until)
{
    const int32_t *starts = c->by_cost + (size_t)i * ((size_t)c->problem->horizon + 1);
    for (int32_t k = 0; k < c->by_cost_n[i]; k++)
        if (starts[k] >= from && starts[k] <= until)
            return cost_at(c, i, starts[k]);
    return SCHEDULE_NEVER;
}

void cheapest_init(struct cheapest *c, const struct problem *p, const struct costs *costs, uint64_t seed,
                   void *block)
{
    memset(c, 0, sizeof *c);
    c->problem = p;
    c->costs = *costs;
    lay(c, p, block);
    prng_init(&c->luck, seed, 0);
    for (uint32_t i = 0; i < p->tasks_n; i++)
        fill_row(c, i);
    bool possible = fill_windows(c);
    c->best = SCHEDULE_NEVER;
    c->least = 0;
    for (uint32_t i = 0; i < p->tasks_n; i++) {
        c->start[i] = -1;
        if (possible)
            c->least += cheapest_within(c, i, c->first[i], c->last[i]);
    }
    if (!possible)
        c->least = SCHEDULE_NEVER;
    memcpy(c->room, p->room, (size_t)p->horizon * p->words_n * sizeof *c->room);
    memset(c->mark, 0, p->tasks_n);
}

static uint32_t below(struct cheapest *c, uint32_t bound)
{
    return (uint32_t)prng_below(&c->luck, bound);
}

/* --- in and out ------------------------------------------------------------------------------- */

static bool fits(const struct cheapest *c, uint32_t i, int32_t from, int32_t until)
{
    const struct problem *p = c->problem;
    uint32_t words = p->words_n;
    const uint64_t *need = p->need + (size_t)i * words;
    for (size_t at = (size_t)from * words; at < (size_t)until * words; at += words)
        for (uint32_t w = 0; w < words; w++)
            if ((((c->room[at + w] | p->guard[w]) - need[w]) & p->guard[w]) != p->guard[w])
                return false;
    return true;
}

static void put_in(struct cheapest *c, uint32_t i, int32_t s)
{
    const struct problem *p = c->problem;
    uint32_t words = p->words_n;
    const uint64_t *need = p->need + (size_t)i * words;
    size_t until = (size_t)end_at(&c->costs, p, i, s) * words;
    for (size_t at = (size_t)s * words; at < until; at += words)
        for (uint32_t w = 0; w < words; w++)
            c->room[at + w] -= need[w];
    c->start[i] = s;
    c->now += cost_at(c, i, s);
}

static void take_out(struct cheapest *c, uint32_t i)
{
    const struct problem *p = c->problem;
    uint32_t words = p->words_n;
    const uint64_t *need = p->need + (size_t)i * words;
    int32_t s = c->start[i];
    size_t until = (size_t)end_at(&c->costs, p, i, s) * words;
    for (size_t at = (size_t)s * words; at < until; at += words)
        for (uint32_t w = 0; w < words; w++)
            c->room[at + w] += need[w];
    c->start[i] = -1;
    c->now -= cost_at(c, i, s);
}

/* Windows of the tasks that are out (c->out, by rank): between what is in and, through each other, what
 * they wait for.  False if one is empty. */
static bool windows(struct cheapest *c)
{
    const struct problem *p = c->problem;
    for (uint32_t k = 0; k < c->out_n; k++) {
        uint32_t i = c->out[k];
        int32_t from = c->first[i];
        if (c->start[i] >= 0)
            continue;
        for (uint32_t b = p->before_at[i]; b < p->before_at[i + 1]; b++) {
            uint32_t before = p->before[b];
            int32_t s = c->start[before] >= 0 ? c->start[before] : c->early[before];
            int32_t end = end_at(&c->costs, p, before, s);
            from = end > from ? end : from;
        }
        c->early[i] = next_start(c, i, from);
        if (c->early[i] > c->last[i])
            return false;
    }
    for (uint32_t k = c->out_n; k-- > 0;) {
        uint32_t i = c->out[k];
        int32_t until = p->horizon;
        if (c->start[i] >= 0)
            continue;
        for (uint32_t a = p->after_at[i]; a < p->after_at[i + 1]; a++) {
            uint32_t after = p->after[a];
            int32_t s = c->start[after] >= 0 ? c->start[after] : c->late[after];
            until = s < until ? s : until;
        }
        c->late[i] = last_start(c, i, until);
        if (c->late[i] < c->early[i])
            return false;
    }
    return true;
}

/* Put task i where it is cheapest among the starts that cost at least `floor`, passing over one now and
 * then; below the floor only if there is nothing else.  False if there is no place. */
static bool put_cheapest(struct cheapest *c, uint32_t i, int64_t floor, uint32_t blink)
{
    const int32_t *starts = c->by_cost + (size_t)i * ((size_t)c->problem->horizon + 1);
    int32_t passed = -1;
    for (int32_t k = 0; k < c->by_cost_n[i]; k++) {
        int32_t s = starts[k];
        if (s < c->early[i] || s > c->late[i] || !fits(c, i, s, end_at(&c->costs, c->problem, i, s)))
            continue;
        if (cost_at(c, i, s) < floor || (blink && below(c, 1000) < blink)) {
            passed = passed < 0 ? s : passed;
            continue;
        }
        put_in(c, i, s);
        return true;
    }
    if (passed < 0)
        return false;
    put_in(c, i, passed);
    return true;
}

/* Sort c->out by rank: insertion, for a few. */
static void out_sort(struct cheapest *c)
{
    for (uint32_t k = 1; k < c->out_n; k++) {
        uint16_t i = c->out[k];
        uint32_t at = k;
        for (; at > 0 && c->rank[c->out[at - 1]] > c->rank[i]; at--)
            c->out[at] = c->out[at - 1];
        c->out[at] = i;
    }
}

static void shuffle(struct cheapest *c, uint16_t *list, uint32_t n)
{
    for (uint32_t k = n; k > 1; k--) {
        uint32_t other = below(c, k);
        uint16_t kept = list[k - 1];
        list[k - 1] = list[other];
        list[other] = kept;
    }
}

/* heat x (an exponential variate).  -log2 of a uniform number is its leading zeros and, near enough,
 * what its next bits leave of one. */
static int64_t variate(struct cheapest *c)
{
    uint64_t luck = prng_u64(&c->luck) | 1;
    int zeros = __builtin_clzll(luck);
    int64_t fraction = (int64_t)(luck << zeros >> 55) & 255;
    int64_t bits = (int64_t)zeros * 256 + 255 - fraction; /* in 1/256 */
    return (int64_t)(((__int128)c->heat * bits) >> 8);
}

/* Put back all that are out, in an order of luck; the first may be pushed away from where it is cheapest,
 * so that the others find room there.  False if one found no place: those stay out. */
static bool put_back(struct cheapest *c, bool push, uint32_t blink)
{
    memcpy(c->queue, c->out, c->out_n * sizeof *c->queue);
    shuffle(c, c->queue, c->out_n);
    for (uint32_t k = 0; k < c->out_n; k++) {
        int64_t floor = 0;
        c->steps++;
        if (!windows(c))
            return false;
        if (k == 0 && push)
            floor = cheapest_within(c, c->queue[0], c->early[c->queue[0]], c->late[c->queue[0]]) +
                    (variate(c) << below(c, PUSH_SCALES)) / 8;
        if (!put_cheapest(c, c->queue[k], floor, blink))
            return false;
    }
    return true;
}

/* --- which ones ------------------------------------------------------------------------------- */

static void choose(struct cheapest *c, uint32_t i)
{
    if (c->mark[i])
        return;
    c->mark[i] = 1;
    c->out[c->out_n++] = (uint16_t)i;
}

/* Somebody linked to task i, or i. */
static uint32_t neighbour(struct cheapest *c, uint32_t i)
{
    const struct problem *p = c->problem;
    uint32_t before_n = p->before_at[i + 1] - p->before_at[i], after_n = p->after_at[i + 1] - p->after_at[i];
    if (before_n + after_n == 0)
        return i;
    uint32_t k = below(c, before_n + after_n);
    return k < before_n ? p->before[p->before_at[i] + k] : p->after[p->after_at[i] + k - before_n];
}

/* The task among a few at random whose time is nearest to i's. */
static uint32_t beside(struct cheapest *c, uint32_t i)
{
    uint32_t nearest = i;
    int32_t least = INT32_MAX;
    for (uint32_t k = 0; k < 4; k++) {
        uint32_t other = below(c, c->problem->tasks_n);
        int32_t apart = c->start[other] - c->start[i];
        apart = apart < 0 ? -apart : apart;
        if (!c->mark[other] && apart < least) {
            least = apart;
            nearest = other;
        }
    }
    return nearest;
}

/* Fill c->out with tasks that have to do with each other. */
static void choose_some(struct cheapest *c)
{
    uint32_t n = c->problem->tasks_n, most = n < 2 * OUT_MAX ? n / 2 + 1 : OUT_MAX;
    uint32_t wanted = 1 + below(c, most), at = below(c, n);
    bool chains = below(c, 4) == 0; /* whole rows of linked tasks, so that rows can change places */
    c->out_n = 0;
    choose(c, at);
    for (uint32_t tries = 0; c->out_n < wanted && tries < 4 * OUT_MAX; tries++) {
        uint32_t from = c->out[below(c, c->out_n)], dice = below(c, 10);
        if (chains && tries < 2 * OUT_MAX)
            dice = 0;
        choose(c, dice < 3 ? neighbour(c, from) : dice < 8 ? beside(c, from) : below(c, n));
    }
    for (uint32_t k = 0; k < c->out_n; k++)
        c->mark[c->out[k]] = 0;
    out_sort(c);
}

/* --- rounds ----------------------------------------------------------------------------------- */

static void keep_best(struct cheapest *c)
{
    if (c->now >= c->best)
        return;
    c->best = c->now;
    memcpy(c->best_start, c->start, c->problem->tasks_n * sizeof *c->start);
}

/* A first schedule: everybody in an order of luck that respects links; those that find no place make
 * room by beginning again. */
static void begin(struct cheapest *c)
{
    const struct problem *p = c->problem;
    assert(p->tasks_n > 0);
    for (uint32_t i = 0; i < p->tasks_n; i++)
        if (c->start[i] >= 0)
            take_out(c, i);
    c->out_n = p->tasks_n;
    memcpy(c->out, p->order, p->tasks_n * sizeof *c->out);
    c->complete = put_back(c, false, 0);
    if (!c->complete)
        return;
    keep_best(c);
    c->heat_first = (c->now - c->least) / (4 * (int64_t)p->tasks_n) + 1;
    c->cycle_steps = CYCLE_FIRST;
    c->cycle_until = c->steps + c->cycle_steps;
    c->heat = c->heat_first;
}

static void undo(struct cheapest *c)
{
    for (uint32_t k = 0; k < c->out_n; k++)
        if (c->start[c->out[k]] >= 0)
            take_out(c, c->out[k]);
    for (uint32_t k = 0; k < c->out_n; k++)
        put_in(c, c->out[k], c->old_start[c->out[k]]);
}

static void cool(struct cheapest *c)
{
    if (c->steps >= c->cycle_until) { /* again from the best, for longer */
        for (uint32_t i = 0; i < c->problem->tasks_n; i++)
            take_out(c, i);
        for (uint32_t i = 0; i < c->problem->tasks_n; i++)
            put_in(c, i, c->best_start[i]);
        c->cycle_steps *= 2;
        c->cycle_until = c->steps + c->cycle_steps;
    }
    assert(c->cycle_steps > 0 && c->cycle_until > c->steps);
    uint64_t left = (c->cycle_until - c->steps) * COOLINGS / c->cycle_steps; /* COOLINGS at first */
    c->heat = c->heat_first;
    for (uint64_t k = left; k < COOLINGS; k++) /* 0.9^64 is 1/850 */
        c->heat = c->heat * 9 / 10;
}

static void change(struct cheapest *c)
{
    cool(c);
    choose_some(c);
    int64_t before = c->now;
    for (uint32_t k = 0; k < c->out_n; k++) {
        c->old_start[c->out[k]] = c->start[c->out[k]];
        take_out(c, c->out[k]);
    }
    if (!put_back(c, below(c, 4) != 0, BLINK_PERMILLE) || c->now - before > variate(c))
        undo(c);
    else
        keep_best(c);
}

void cheapest_run(struct cheapest *c, uint64_t steps, int64_t enough)
{
    if (c->least == SCHEDULE_NEVER)
        return;
    while (c->steps < steps && c->best > enough) {
        if (c->complete)
            change(c);
        else
            begin(c);
    }
}
