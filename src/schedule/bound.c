/* bound.c - see bound.h. */
#include "schedule/bound.h"

static int32_t longest_chain(const struct problem *p)
{
    int32_t longest = 0;
    for (uint32_t i = 0; i < p->tasks_n; i++) {
        int32_t chain = p->head[i] + p->length[i] + p->tail[i];
        longest = chain > longest ? chain : longest;
    }
    return longest;
}

/* Work on resource r of tasks that start at `head` or later and have `tail` or more behind them. */
static int64_t work_between(const struct problem *p, uint32_t r, int32_t head, int32_t tail)
{
    int64_t work = 0;
    for (uint32_t i = 0; i < p->tasks_n; i++)
        if (p->head[i] >= head && p->tail[i] >= tail)
            work += (int64_t)p->amount[(size_t)i * p->resources_n + r] * p->length[i];
    return work;
}

/* For each head among the tasks' and each tail, but at most some hundreds of each: the bound stays
 * valid if a pair is left out. */
static int32_t spread_work(const struct problem *p, uint32_t r)
{
    enum { EACH_MAX = 300 };
    uint32_t stride = p->tasks_n / EACH_MAX + 1;
    int32_t bound = 0, capacity = p->capacity[r];
    if (capacity == 0)
        return 0;
    for (uint32_t i = 0; i < p->tasks_n; i += stride) {
        for (uint32_t j = 0; j < p->tasks_n; j += stride) {
            int64_t work = work_between(p, r, p->head[i], p->tail[j]);
            int64_t ends = p->head[i] + (work + capacity - 1) / capacity + p->tail[j];
            if (work > 0 && ends > bound)
                bound = (int32_t)ends;
        }
    }
    return bound;
}

static bool together(const struct problem *p, uint32_t a, uint32_t b)
{
    for (uint32_t r = 0; r < p->resources_n; r++)
        if (p->amount[(size_t)a * p->resources_n + r] > p->capacity[r] - p->amount[(size_t)b * p->resources_n + r])
            return false;
    return true;
}

/* One after the other whatever comes first: from task `first` on, greedily in the problem's order,
 * those that fit beside none of the chosen.  Least head + all lengths + least tail. */
static int32_t one_by_one(const struct problem *p, uint32_t first)
{
    uint16_t chosen[SCHEDULE_RESOURCES_MAX]; /* more would rarely be found */
    uint32_t chosen_n = 1;
    int64_t sum = p->length[first];
    int32_t head = p->head[first], tail = p->tail[first];
    chosen[0] = (uint16_t)first;
    for (uint32_t k = 0; k < p->tasks_n && chosen_n < SCHEDULE_RESOURCES_MAX; k++) {
        uint32_t i = (first + 1 + k) % p->tasks_n;
        bool fits = i == first || p->length[i] == 0;
        for (uint32_t c = 0; c < chosen_n && !fits; c++)
            fits = together(p, i, chosen[c]);
        if (fits)
            continue;
        chosen[chosen_n++] = (uint16_t)i;
        sum += p->length[i];
        head = p->head[i] < head ? p->head[i] : head;
        tail = p->tail[i] < tail ? p->tail[i] : tail;
    }
    return (int32_t)(head + sum + tail);
}

int32_t bound_makespan(const struct problem *p)
{
    int32_t bound = longest_chain(p);
    for (uint32_t r = 0; r < p->resources_n; r++) {
        int32_t spread = spread_work(p, r);
        bound = spread > bound ? spread : bound;
    }
    for (uint32_t i = 0; i < p->tasks_n; i++) {
        int32_t chain = one_by_one(p, i);
        bound = chain > bound ? chain : bound;
    }
    return bound;
}
