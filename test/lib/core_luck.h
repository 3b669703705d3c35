/* core_luck.h - a core under a random but reproducible life, for tests: a fake engine that starts what
 * is decided and ends it when its time has come, and people who do anything they may.
 *
 * luck_life makes one; luck_event gives the next event (already accepted by core_check, the block grown
 * when it had to); luck_apply steps it and keeps the fake engine's books.  Aborts on no memory. */
#ifndef EOUL_TEST_CORE_LUCK_H
#define EOUL_TEST_CORE_LUCK_H

#include "base/prng.h"
#include "core/core.h"

#define LUCK_RUNNING_MAX 512
#define LUCK_UPDATES_MAX 200000

struct luck_run {
    job_id job;
    uint32_t attempt;
    uint64_t gpus;
    usec_t start_boot_at;
    bool started, stopping;
};

struct luck {
    struct prng prng;
    struct core *core;
    void *block;
    size_t block_size;
    usec_t wall_at, boot_at;
    uint32_t persons, gpus, types;
    job_id next_id;
    struct luck_run runs[LUCK_RUNNING_MAX];
    uint32_t runs_n;
    struct core_update *updates;
    uint32_t updates_n;
    struct core_event ev;
    struct range tasks[3];
    struct dep deps[4];
    struct retry retries[RETRY_RULES_MAX];
    struct span windows[32];
    struct number who[TODO_WHO_MAX];
    struct before before[2];
    struct offer offers[64];
    const char *wrong; /* a double start or an impossible update seen by the books */
};

void luck_begin(struct luck *l, uint64_t seed, uint32_t jobs_room);
void luck_end(struct luck *l);
/* Make the next event; returns false if the one thought of was refused (l->ev is then not to be used). */
bool luck_event(struct luck *l);
/* Check, growing the block as asked. */
int luck_check(struct luck *l, struct err *err);
void luck_apply(struct luck *l);
/* One event of one's own, applied. */
void luck_do(struct luck *l, const struct core_event *ev);

#endif
