/* problem.h - tasks that share limited things: what a schedule must keep to, packed for fast search.
 *
 * Time is counted in whole steps from 0 to `horizon`; the caller says what a step is (one unit of a
 * benchmark file, 15 minutes of a team's week).  A task has a length, may not start before its
 * release, starts after the tasks linked before it have ended, and takes a fixed amount of each
 * resource while it runs.  What a resource has may change from step to step: people in their hours,
 * GPUs not drained, watts under a cap that differs at night.
 *
 * The free amounts of all resources at one step stand side by side in `words_n` 64-bit words, each in a
 * lane one bit wider than its capacity needs; that bit (`guard`) catches the borrow, so that "does it
 * fit at this step" is one subtraction for all resources of a word.  Twelve resources of a usual
 * benchmark, or 16 GPUs, 12 people and 8 kW in steps of 100 W, are one word.
 *
 * Memory: one block from the caller (problem_size), 8-byte aligned, borrowed until the caller drops it.
 * Pure: no clock, no allocation, no floats.
 */
#ifndef EOUL_SCHEDULE_PROBLEM_H
#define EOUL_SCHEDULE_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SCHEDULE_TASKS_MAX     4000      /* a search over more would not get through one generation a second */
#define SCHEDULE_RESOURCES_MAX 64
#define SCHEDULE_STEPS_MAX     (1 << 20) /* 8 MiB a word; a pass reads it once */
#define SCHEDULE_WORDS_MAX     8
#define SCHEDULE_AMOUNT_MAX    (1 << 30)

struct schedule_link {     /* `after` starts when `before` has ended, or later */
    uint32_t before, after;
};
struct schedule_demand {   /* several of one task on one resource add up */
    uint32_t task, resource;
    int32_t amount;
};
struct schedule_capacity { /* from this step on; sorted by resource, then step, each from step 0 */
    uint32_t resource;
    int32_t from, amount;
};

/* What the caller says.  Borrowed during problem_size and problem_init only. */
struct schedule_input {
    uint32_t tasks_n, resources_n, links_n, demands_n, capacities_n;
    int32_t horizon;                 /* every task must have ended by then */
    const int32_t *lengths;          /* [tasks_n]; 0 takes no room */
    const int32_t *releases;         /* [tasks_n], or NULL: all 0 */
    const struct schedule_link *links;
    const struct schedule_demand *demands;
    const struct schedule_capacity *capacities;
};

struct problem {
    uint32_t tasks_n, resources_n, words_n;
    int32_t horizon;
    bool steady;                     /* capacities never change */
    int32_t *length, *release;       /* [tasks_n] */
    int32_t *amount;                 /* [tasks_n][resources_n] */
    int32_t *capacity;               /* [resources_n] the most there ever is */
    int64_t *work;                   /* [resources_n] sum of length x amount */
    uint32_t *before_at, *after_at;  /* [tasks_n + 1] into before, after */
    uint16_t *before, *after;        /* [links_n] */
    uint16_t *order;                 /* [tasks_n] a task stands behind those before it */
    int32_t *head;                   /* [tasks_n] earliest start by links and releases alone */
    int32_t *tail;                   /* [tasks_n] longest chain from a task's end to the last end */
    uint64_t *need;                  /* [tasks_n][words_n] */
    uint64_t *room;                  /* [horizon][words_n] */
    uint64_t guard[SCHEDULE_WORDS_MAX];
    uint8_t lane_word[SCHEDULE_RESOURCES_MAX], lane_shift[SCHEDULE_RESOURCES_MAX];
};

/* Is it a problem at all?  E_INVALID (with a sentence that counts tasks and resources from 1) for a
 * number out of range, a task that needs more than there ever is, or links that go round;
 * E_TOO_LARGE past the limits above. */
int problem_check(const struct schedule_input *in, struct err *err);
/* Bytes for problem_init; the input must have passed problem_check's limits. */
size_t problem_size(const struct schedule_input *in);
/* 0, or E_INVALID for links that go round. */
int problem_init(struct problem *p, const struct schedule_input *in, void *block, struct err *err);

#endif
