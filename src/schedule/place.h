/* place.h - from an order of tasks to a schedule, and a schedule pushed together.
 *
 * place_earliest is the serial schedule generation scheme (Kelley 1963): in the order given, each task
 * starts as soon as those before it have ended and there is room for all of it.  place_latest is the
 * same from the other end.  One after the other, in the order of ends and then of starts, they never
 * make a schedule longer and often make it shorter: forward-backward improvement (Li and Willis 1992)
 * or double justification (Valls, Ballestin and Quintanilla 2005).
 *
 * A `struct place` is scratch for one problem: the free room while a schedule is made.  The caller owns
 * its memory (place_size bytes, 8-byte aligned).
 */
#ifndef EOUL_SCHEDULE_PLACE_H
#define EOUL_SCHEDULE_PLACE_H

#include "schedule/problem.h"

struct place {
    const struct problem *problem;
    uint64_t *room;      /* [horizon][words_n] free now */
    uint32_t *count;     /* [horizon + 2] for sorting by time */
    int32_t dirty_until; /* from here on room is the problem's */
};

size_t place_size(const struct problem *p);
void place_init(struct place *s, const struct problem *p, void *block);

/* Starts by this order, in which nobody stands before one they wait for.  Returns the makespan, or -1
 * if there is no room before the horizon.  start[tasks_n] is written. */
int32_t place_earliest(struct place *s, const uint16_t *order, int32_t *start);
/* The same from the other end: the order is read as given (last tasks first), everything ends by
 * `until`.  Returns the earliest start, or -1 if there is no room after 0. */
int32_t place_latest(struct place *s, const uint16_t *order, int32_t until, int32_t *start);

/* Orders by the starts, ascending, or by the ends, descending; ties by the rank of the tasks in the
 * problem's own order, so that nobody stands before one they wait for. */
void place_by_start(struct place *s, const int32_t *start, uint16_t *order);
void place_by_end(struct place *s, const int32_t *start, uint16_t *order);

#endif
