/* timer.h - what happens when, in a made-up world: a heap ordered by (instant, order of asking).
 *
 * Two things due at the same instant come in the order they were asked for, so a run is the same
 * every time.  Timers are never taken back: whoever asked looks whether they still matter.
 * timers_finish frees the heap and accepts a zeroed one.  Running out of memory ends the program: a
 * simulator has nobody to tell.
 */
#ifndef EOUL_SIM_TIMER_H
#define EOUL_SIM_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"

struct timer {
    usec_t boot_at;
    uint64_t order;
    uint32_t kind; /* the asker's own */
    uint32_t what;
};

struct timers {
    struct timer *heap;
    size_t n, size;
    uint64_t order;
};

void timers_add(struct timers *t, usec_t boot_at, uint32_t kind, uint32_t what);
bool timers_first(const struct timers *t, struct timer *ret);
void timers_pop(struct timers *t);
void timers_finish(struct timers *t);

/* realloc to room for n items at least; ends the program when there is none. */
void *sim_grow(void *old, size_t *size, size_t n, size_t item);

#endif
