/* place.c - see place.h.
 *
 * Room is looked for backwards through the window a task would take: the first step without room, seen
 * from the window's end, rules out all starts up to it, so that full stretches are crossed a task's
 * length at a time (the idea of Boyer and Moore's string search).
 */
#include "schedule/place.h"

#include <string.h>

size_t place_size(const struct problem *p)
{
    return (size_t)p->horizon * p->words_n * sizeof(uint64_t) +
           ((size_t)p->horizon + 3) / 2 * 2 * sizeof(uint32_t);
}

void place_init(struct place *s, const struct problem *p, void *block)
{
    size_t words = (size_t)p->horizon * p->words_n;
    s->problem = p;
    s->room = block;
    s->count = (uint32_t *)(void *)((char *)block + words * sizeof *s->room);
    s->dirty_until = 0;
    memcpy(s->room, p->room, words * sizeof *s->room);
}

static void room_reset(struct place *s)
{
    const struct problem *p = s->problem;
    memcpy(s->room, p->room, (size_t)s->dirty_until * p->words_n * sizeof *s->room);
    s->dirty_until = 0;
}

static inline bool fits(const uint64_t *room, const uint64_t *need, const uint64_t *guard,
                        uint32_t words)
{
    for (uint32_t w = 0; w < words; w++)
        if ((((room[w] | guard[w]) - need[w]) & guard[w]) != guard[w])
            return false;
    return true;
}

static inline bool nothing(const uint64_t *need, uint32_t words)
{
    for (uint32_t w = 0; w < words; w++)
        if (need[w])
            return false;
    return true;
}

static inline void seize(uint64_t *room, const uint64_t *need, int32_t from, int32_t until,
                         uint32_t words)
{
    for (size_t at = (size_t)from * words; at < (size_t)until * words; at += words)
        for (uint32_t w = 0; w < words; w++)
            room[at + w] -= need[w];
}

/* The passes are written once for any number of words; the compiler makes one that knows it is one. */
static inline int32_t earliest(struct place *s, const uint16_t *order, int32_t *start, uint32_t words)
{
    const struct problem *p = s->problem;
    uint64_t *const room = s->room;
    int32_t makespan = 0;
    room_reset(s);
    for (uint32_t k = 0; k < p->tasks_n; k++) {
        uint32_t i = order[k];
        const uint64_t *need = p->need + (size_t)i * words;
        int32_t length = p->length[i], at = p->release[i];
        for (uint32_t b = p->before_at[i]; b < p->before_at[i + 1]; b++) {
            uint32_t before = p->before[b];
            int32_t end = start[before] + p->length[before];
            at = end > at ? end : at;
        }
        if (length > p->horizon - at)
            return -1;
        if (!nothing(need, words)) {
            for (int32_t t = at + length - 1; t >= at; t--) {
                if (fits(room + (size_t)t * words, need, p->guard, words))
                    continue;
                at = t + 1;
                if (length > p->horizon - at)
                    return -1;
                t = at + length; /* and one down */
            }
            seize(room, need, at, at + length, words);
            if (at + length > s->dirty_until)
                s->dirty_until = at + length;
        }
        start[i] = at;
        makespan = at + length > makespan ? at + length : makespan;
    }
    return makespan;
}

static inline int32_t latest(struct place *s, const uint16_t *order, int32_t until, int32_t *start,
                             uint32_t words)
{
    const struct problem *p = s->problem;
    uint64_t *const room = s->room;
    int32_t first = until;
    room_reset(s);
    s->dirty_until = until;
    for (uint32_t k = 0; k < p->tasks_n; k++) {
        uint32_t i = order[k];
        const uint64_t *need = p->need + (size_t)i * words;
        int32_t length = p->length[i], end = until;
        for (uint32_t a = p->after_at[i]; a < p->after_at[i + 1]; a++)
            end = start[p->after[a]] < end ? start[p->after[a]] : end;
        if (end - length < p->release[i])
            return -1;
        if (!nothing(need, words)) {
            for (int32_t t = end - length; t < end; t++) {
                if (fits(room + (size_t)t * words, need, p->guard, words))
                    continue;
                end = t;
                if (end - length < p->release[i])
                    return -1;
                t = end - length - 1; /* and one up */
            }
            seize(room, need, end - length, end, words);
        }
        start[i] = end - length;
        first = end - length < first ? end - length : first;
    }
    return first;
}

int32_t place_earliest(struct place *s, const uint16_t *order, int32_t *start)
{
    uint32_t words = s->problem->words_n;
    return words == 1 ? earliest(s, order, start, 1) : earliest(s, order, start, words);
}

int32_t place_latest(struct place *s, const uint16_t *order, int32_t until, int32_t *start)
{
    uint32_t words = s->problem->words_n;
    return words == 1 ? latest(s, order, until, start, 1) : latest(s, order, until, start, words);
}

/* --- orders ----------------------------------------------------------------------------------- */

void place_by_start(struct place *s, const int32_t *start, uint16_t *order)
{
    const struct problem *p = s->problem;
    uint32_t n = p->tasks_n;
    int32_t low = p->horizon, high = 0;
    for (uint32_t i = 0; i < n; i++) {
        low = start[i] < low ? start[i] : low;
        high = start[i] > high ? start[i] : high;
    }
    uint32_t *count = s->count;
    memset(count, 0, ((size_t)(high - low) + 2) * sizeof *count);
    for (uint32_t i = 0; i < n; i++)
        count[start[i] - low + 1]++;
    for (int32_t t = 0; t < high - low; t++)
        count[t + 1] += count[t];
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = p->order[k];
        order[count[start[i] - low]++] = (uint16_t)i;
    }
}

void place_by_end(struct place *s, const int32_t *start, uint16_t *order)
{
    const struct problem *p = s->problem;
    uint32_t n = p->tasks_n;
    int32_t low = p->horizon, high = 0;
    for (uint32_t i = 0; i < n; i++) {
        int32_t end = start[i] + p->length[i];
        low = end < low ? end : low;
        high = end > high ? end : high;
    }
    uint32_t *count = s->count;
    memset(count, 0, ((size_t)(high - low) + 2) * sizeof *count);
    for (uint32_t i = 0; i < n; i++)
        count[high - (start[i] + p->length[i]) + 1]++;
    for (int32_t t = 0; t < high - low; t++)
        count[t + 1] += count[t];
    for (uint32_t k = n; k-- > 0;) {
        uint32_t i = p->order[k];
        order[count[high - (start[i] + p->length[i])]++] = (uint16_t)i;
    }
}
