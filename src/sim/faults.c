/* faults.c - see faults.h. */
#include "sim/faults.h"

#define FAULTS_LEAST 5 /* a week, of the first stream */

enum fault { FAULT_CRASH, FAULT_KILL, FAULT_DISK_FULL, FAULT_CLOCK, FAULT_POWER, FAULT_FOREIGN, FAULT_SUPERVISOR,
             FAULT_COUNT };
enum later { LATER_IO, LATER_SUSPEND, LATER_GPU, LATER_COUNT };

void faults_init(struct faults *f, struct world *world, uint64_t seed)
{
    *f = (struct faults){ .world = world };
    prng_init(&f->first, seed, LUCK_FAULT);
    prng_init(&f->later, seed, LUCK_FAULT_LATER);
}

void faults_plan(struct faults *f, uint32_t gpus_n, usec_t from_at, usec_t for_us)
{
    uint32_t n = FAULTS_LEAST + (uint32_t)prng_below(&f->first, 12);
    f->gpus_n = gpus_n;
    for (uint32_t i = 0; i < n; i++)
        world_at(f->world, from_at + luck_between(&f->first, 0, for_us), FAULTS_FIRST, 0);
    n = 2 + (uint32_t)prng_below(&f->later, 4);
    for (uint32_t i = 0; i < n; i++)
        world_at(f->world, from_at + luck_between(&f->later, 0, for_us), FAULTS_LATER, 0);
}

static void kill_some_supervisor(struct machine *m)
{
    size_t n = m->attempts_n;
    for (size_t i = 0; i < n; i++) {
        const struct attempt *a = &m->attempts[n - 1 - i];
        if (a->stage == AT_RUNNING && machine_kill_supervisor(m, a->job, a->number))
            return;
    }
}

static void set_clock(struct faults *f)
{
    static const usec_t most[] = { USEC_PER_MIN, USEC_PER_HOUR, USEC_PER_DAY, 400 * USEC_PER_DAY };
    usec_t max = most[prng_below(&f->first, sizeof(most) / sizeof(*most))];
    usec_t delta = luck_between(&f->first, -max, max);
    f->clock_off_us += delta;
    world_jump(f->world, delta);
}

static usec_t down_us(struct prng *p)
{
    return luck_chance(p, 700) ? USEC_PER_SEC : luck_between(p, 1, 6 * 3600) * USEC_PER_SEC;
}

static void first_fault(struct faults *f)
{
    struct prng *p = &f->first;
    struct world *w = f->world;
    uint32_t gpu = (uint32_t)prng_below(p, f->gpus_n);
    w->down_us = down_us(p);
    switch ((enum fault)prng_below(p, FAULT_COUNT)) {
    case FAULT_CRASH:
        w->shell.crash = (enum crash_point)luck_between(p, CRASH_BEFORE_COMMIT, CRASH_IN_ACT);
        w->shell.crash_after = (uint32_t)prng_below(p, 3);
        break;
    case FAULT_KILL:
        world_kill(w);
        break;
    case FAULT_DISK_FULL:
        w->shell.disk_full = true;
        break;
    case FAULT_CLOCK:
        set_clock(f);
        break;
    case FAULT_POWER:
        world_power(w);
        break;
    case FAULT_FOREIGN:
        machine_foreign(&w->machine, gpu, true);
        world_at(w, w->boot_at + luck_between(p, 1, 720) * USEC_PER_MIN, FAULTS_FOREIGN_ENDS, gpu);
        break;
    case FAULT_SUPERVISOR:
        kill_some_supervisor(&w->machine);
        break;
    case FAULT_COUNT:
        break;
    }
}

static void later_fault(struct faults *f)
{
    struct prng *p = &f->later;
    struct world *w = f->world;
    uint32_t gpu = (uint32_t)prng_below(p, f->gpus_n);
    switch ((enum later)prng_below(p, LATER_COUNT)) {
    case LATER_IO:
        w->down_us = down_us(p);
        w->shell.io_error = luck_chance(p, 500) ? IO_NOTHING_THERE : IO_ALL_THERE;
        break;
    case LATER_SUSPEND:
        world_suspend(w, luck_between(p, 1, 12 * 60) * USEC_PER_MIN);
        break;
    case LATER_GPU:
        machine_gpu_gone(&w->machine, gpu, true);
        world_at(w, w->boot_at + luck_between(p, 1, 2 * 24 * 60) * USEC_PER_MIN, FAULTS_GPU_BACK, gpu);
        break;
    case LATER_COUNT:
        break;
    }
}

bool faults_timer(struct faults *f, uint32_t kind, uint32_t what)
{
    struct machine *m = &f->world->machine;
    if (kind >= FAULTS_KINDS)
        return false;
    f->n += kind == FAULTS_FIRST || kind == FAULTS_LATER;
    if (kind == FAULTS_FIRST)
        first_fault(f);
    else if (kind == FAULTS_LATER)
        later_fault(f);
    else if (kind == FAULTS_FOREIGN_ENDS)
        machine_foreign(m, what, false);
    else if (kind == FAULTS_GPU_BACK)
        machine_gpu_gone(m, what, false);
    return true;
}

void faults_end(struct faults *f)
{
    struct shell *s = &f->world->shell;
    if (f->clock_off_us)
        world_jump(f->world, -f->clock_off_us);
    s->crash = CRASH_NONE;
    s->disk_full = false;
    s->io_error = IO_SOUND;
    for (uint32_t g = 0; g < f->gpus_n; g++) {
        machine_foreign(&f->world->machine, g, false);
        machine_gpu_gone(&f->world->machine, g, false);
    }
}
