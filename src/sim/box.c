/* box.c - memory for the core. */
#include "sim/box.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef EOUL_MUTANTS
#include "core/mutant.h"
#endif
#include "sim/timer.h"

const struct core_limits BOX_SMALL = { .jobs = 16, .deps = 8, .spans = 32, .groups = 8 };

bool core_box_has_mutants(void)
{
#ifdef EOUL_MUTANTS
    return true;
#else
    return false;
#endif
}

static void *block_new(const struct core_limits *limits, size_t *ret_size)
{
    size_t size = (core_size(limits) + 15) & ~(size_t)15;
    void *block = aligned_alloc(16, size);
    if (!block) {
        fprintf(stderr, "eoul-sim: out of memory\n");
        abort();
    }
    *ret_size = size;
    return block;
}

static void plant(struct core_box *box)
{
#ifdef EOUL_MUTANTS
    core_mutant_set(box->core, (enum mutant)box->mutant);
#else
    assert(box->mutant == 0);
#endif
}

void core_box_init(struct core_box *box, const struct core_limits *limits)
{
    size_t size;
    box->limits = *limits;
    box->block = block_new(limits, &size);
    box->core = core_init(box->block, size, limits);
    plant(box);
}

int core_box_load(struct core_box *box, struct str saved, struct err *err)
{
    struct core_limits limits;
    int r = core_load_limits(saved, &limits, err);
    if (r < 0)
        return r;
    core_box_init(box, &limits);
    r = core_load(box->core, saved, err);
    plant(box);
    return r;
}

void core_box_finish(struct core_box *box)
{
    free(box->block);
    free(box->updates);
    *box = (struct core_box){ .mutant = box->mutant };
}

static void grow_for(struct core_box *box, const struct core_event *ev)
{
    struct core_limits limits = core_limits_for(box->core, ev);
    size_t size;
    void *block = block_new(&limits, &size);
    box->core = core_grow(block, size, &limits, box->core);
    free(box->block);
    box->block = block;
    box->limits = limits;
}

int core_box_check(struct core_box *box, const struct core_event *ev, struct err *err)
{
    int r = core_check(box->core, ev, err);
    for (int tries = 0; r == E_FULL && tries < 8; tries++) { /* one growth per table is enough */
        grow_for(box, ev);
        if (err)
            err_clear(err);
        r = core_check(box->core, ev, err);
    }
    return r;
}

const struct core_update *core_box_step(struct core_box *box, const struct core_event *ev,
                                        uint32_t *ret_n)
{
    uint32_t max = core_updates_max(box->core, ev);
    box->updates = sim_grow(box->updates, &box->updates_size, max + 1, sizeof(*box->updates));
    *ret_n = core_step(box->core, ev, box->updates, max);
    return box->updates;
}
