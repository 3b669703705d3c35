/* joint_make.c - made-up weeks for joint.h.
 *
 * Two to four people at their desks, some of whom look again in the evening or on Saturday; two to eight
 * GPUs, some drained for half a day; a power cap that is tighter by day; a tariff of three levels as
 * offices here have; single jobs, jobs in a row, and todos before and behind jobs, all submitted from
 * Monday to Wednesday.  Numbers are drawn so that GPUs, watts, people and tariff all bind somewhere.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/joint.h"

#define MINUTES 30
#define DAY 48
#define DAYS 7

static int32_t between(struct prng *luck, int32_t low, int32_t high)
{
    return low + (int32_t)prng_below(luck, (uint64_t)high - (uint64_t)low + 1);
}

static bool chance(struct prng *luck, uint32_t percent) { return prng_below(luck, 100) < percent; }

static void *zeroed(size_t n, size_t each)
{
    void *block = calloc(n + 1, each);
    if (!block)
        abort();
    return block;
}

static void fill(uint8_t *steps, int32_t from, int32_t until, uint8_t with)
{
    for (int32_t t = from; t < until; t++)
        steps[t] = with;
}

static void make_person(struct joint *j, struct prng *luck)
{
    static const char *const names[] = { "mina", "joon", "sora", "taeho" };
    struct joint_person *p = &j->people[j->people_n];
    bool evenings = chance(luck, 50), saturdays = chance(luck, 30);
    int32_t from = between(luck, 16, 20), until = between(luck, 34, 38);
    memcpy(p->name, names[j->people_n], strlen(names[j->people_n]) + 1);
    p->look = zeroed((size_t)j->steps, 1);
    p->work = zeroed((size_t)j->steps, 1);
    for (int32_t d = 0; d < 5; d++) {
        if (d > 0 && chance(luck, 10))
            continue; /* a day off */
        int32_t day = d * DAY;
        fill(p->look, day + from, day + until, 1);
        fill(p->work, day + from, day + 24, 1);
        fill(p->work, day + 26, day + until, 1); /* noon to one is lunch */
        if (chance(luck, 40)) { /* a meeting */
            int32_t at = day + between(luck, from, until - 4);
            fill(p->work, at, at + between(luck, 1, 4), 0);
        }
        if (evenings)
            fill(p->look, day + 40, day + 44, 1);
    }
    if (saturdays)
        fill(p->look, 5 * DAY + 20, 5 * DAY + 24, 1);
    j->people_n++;
}

static void make_machine(struct joint *j, struct prng *luck, int32_t *ret_gpus, int32_t *ret_cap)
{
    int32_t gpus = between(luck, 2, 8), night = between(luck, 60, 75), middle = between(luck, 100, 130);
    int32_t peak = between(luck, 150, 200), cap = gpus * between(luck, 22, 36) * 10 / 50 * 50;
    bool tight = chance(luck, 60);
    cap = cap < 400 ? 400 : cap;
    for (int32_t t = 0; t < j->steps; t++) {
        int32_t hour = t % DAY, day = t / DAY;
        bool office = day < 5 && hour >= 18 && hour < 36;
        bool dear = day < 5 && ((hour >= 22 && hour < 24) || (hour >= 26 && hour < 34));
        bool cheap = day == 6 || hour < 16 || hour >= 44;
        j->gpus[t] = gpus;
        j->watts[t] = office && tight ? cap * 7 / 10 : cap;
        j->price[t] = dear ? peak : cheap ? night : middle;
    }
    if (chance(luck, 30)) { /* drained for half a day */
        int32_t from = between(luck, 20, 100);
        for (int32_t t = from; t < from + 24; t++)
            j->gpus[t] = gpus - 1 - (gpus > 3);
    }
    *ret_gpus = gpus;
    *ret_cap = cap;
}

static struct joint_task make_job(struct prng *luck, int32_t gpus, int32_t cap)
{
    struct joint_task t = { 0 };
    uint64_t width = prng_below(luck, 100), length = prng_below(luck, 100);
    t.gpus = width < 62 ? 1 : width < 80 ? 2 : width < 94 ? 4 : 8;
    while (t.gpus > gpus)
        t.gpus /= 2;
    t.watts = t.gpus * between(luck, 5, 8) * 50;
    while (t.watts > cap) {
        t.gpus /= 2;
        t.watts /= 2;
    }
    t.length = length < 50 ? between(luck, 1, 4) : length < 85 ? between(luck, 4, 12) : between(luck, 16, 36);
    return t;
}

static struct joint_task make_todo(struct prng *luck)
{
    struct joint_task t = { .todo = true };
    t.length = chance(luck, 60) ? between(luck, 1, 3) : between(luck, 4, 10);
    t.whole = t.length <= 3 && chance(luck, 50);
    return t;
}

/* One to three tasks in a row: the last is waited for, the others hardly. */
static void make_row(struct joint *j, struct prng *luck, uint32_t tasks, int32_t gpus, int32_t cap)
{
    uint64_t kind = prng_below(luck, 100);
    uint32_t n = kind < 40 ? 1 : kind < 70 ? 2 : 3;
    uint32_t owner = (uint32_t)prng_below(luck, j->people_n);
    int32_t release = between(luck, 0, 2) * DAY + between(luck, 18, 34);
    for (uint32_t k = 0; k < n && j->tasks_n < tasks; k++) {
        /* job; job job or todo job; todo job todo */
        bool todo = (n == 2 && kind >= 55 && k == 0) || (n == 3 && k != 1);
        struct joint_task t = todo ? make_todo(luck) : make_job(luck, gpus, cap);
        t.owner = owner;
        t.release = release;
        t.wait = (int64_t)between(luck, 2, 40) * 500;
        if (k + 1 < n)
            t.wait /= 10;
        if (k > 0)
            j->links[j->links_n++] = (struct schedule_link){ j->tasks_n - 1, j->tasks_n };
        j->tasks[j->tasks_n++] = t;
    }
}

void joint_make(uint64_t seed, uint32_t tasks, struct joint *ret)
{
    struct joint j = { .steps = DAYS * DAY, .minutes = MINUTES };
    struct prng luck;
    int32_t gpus, cap;
    prng_init(&luck, seed, tasks);
    j.gpus = zeroed((size_t)j.steps, sizeof(int32_t));
    j.watts = zeroed((size_t)j.steps, sizeof(int32_t));
    j.price = zeroed((size_t)j.steps, sizeof(int32_t));
    j.tasks = zeroed(tasks, sizeof(*j.tasks));
    j.links = zeroed(tasks, sizeof(*j.links));
    make_machine(&j, &luck, &gpus, &cap);
    for (int32_t people = between(&luck, 2, 4); people > 0; people--)
        make_person(&j, &luck);
    while (j.tasks_n < tasks)
        make_row(&j, &luck, tasks, gpus, cap);
    *ret = j;
}
