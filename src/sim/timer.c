/* timer.c - a binary heap. */
#include "sim/timer.h"

#include <stdio.h>
#include <stdlib.h>

void *sim_grow(void *old, size_t *size, size_t n, size_t item)
{
    if (n <= *size)
        return old;
    size_t more = *size ? *size : 16;
    while (more < n)
        more *= 2;
    void *p = reallocarray(old, more, item);
    if (!p) {
        fprintf(stderr, "eoul-sim: out of memory\n");
        abort();
    }
    *size = more;
    return p;
}

static bool before(const struct timer *a, const struct timer *b)
{
    return a->boot_at != b->boot_at ? a->boot_at < b->boot_at : a->order < b->order;
}

void timers_add(struct timers *t, usec_t boot_at, uint32_t kind, uint32_t what)
{
    t->heap = sim_grow(t->heap, &t->size, t->n + 1, sizeof(*t->heap));
    struct timer new = { .boot_at = boot_at, .order = t->order++, .kind = kind, .what = what };
    size_t i = t->n++;
    while (i > 0 && before(&new, &t->heap[(i - 1) / 2])) {
        t->heap[i] = t->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    t->heap[i] = new;
}

bool timers_first(const struct timers *t, struct timer *ret)
{
    if (t->n == 0)
        return false;
    *ret = t->heap[0];
    return true;
}

void timers_pop(struct timers *t)
{
    struct timer last = t->heap[--t->n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= t->n)
            break;
        if (child + 1 < t->n && before(&t->heap[child + 1], &t->heap[child]))
            child++;
        if (!before(&t->heap[child], &last))
            break;
        t->heap[i] = t->heap[child];
        i = child;
    }
    if (t->n)
        t->heap[i] = last;
}

void timers_finish(struct timers *t)
{
    free(t->heap);
    *t = (struct timers){ 0 };
}
