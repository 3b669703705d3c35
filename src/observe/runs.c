/* runs.c - see runs.h. */
#include "observe/runs.h"

#include <string.h>

static bool same(const struct run *run, const struct sight *s)
{
    if (run->uid != s->uid)
        return false;
    if (run->attempt[0] || s->attempt[0])
        return strcmp(run->attempt, s->attempt) == 0;
    if (run->pid == s->pid)
        return run->ticks == s->ticks;
    if (run->group == s->group)
        return true;
    usec_t apart = s->start_at - run->newest_at;
    return run->parent && run->parent == s->parent && apart <= RUN_TOGETHER_US && -apart <= RUN_TOGETHER_US;
}

static struct run *find(struct runs *runs, const struct sight *s)
{
    for (uint32_t i = 0; i < runs->n; i++)
        if (same(&runs->at[i], s))
            return &runs->at[i];
    return NULL;
}

static struct run *enter(struct runs *runs, const struct sight *s)
{
    if (runs->n == RUNS_MAX) {
        runs->dropped++;
        return NULL;
    }
    struct run *run = &runs->at[runs->n++];
    *run = (struct run){ .uid = s->uid, .pid = s->pid, .parent = s->parent, .group = s->group, .ticks = s->ticks,
                         .start_at = s->start_at, .newest_at = s->start_at };
    memcpy(run->attempt, s->attempt, sizeof run->attempt);
    memcpy(run->command, s->command, sizeof run->command);
    return run;
}

static void see(struct runs *runs, const struct sight *s, usec_t now_at)
{
    struct run *run = find(runs, s);
    if (!run && !(run = enter(runs, s)))
        return;
    if (!run->seen)
        run->gpus = 0;
    run->seen = true;
    run->gpus |= UINT64_C(1) << (s->gpu & 63);
    run->start_at = usec_min(run->start_at, s->start_at);
    run->newest_at = usec_max(run->newest_at, s->start_at);
    run->seen_at = now_at;
    uint32_t n = (uint32_t)__builtin_popcountll(run->gpus);
    run->gpus_n = n > run->gpus_n ? n : run->gpus_n;
}

static uint32_t users_of(const struct runs *runs, uint32_t gpu)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < runs->n; i++)
        n += runs->at[i].seen && (runs->at[i].gpus >> gpu & 1);
    return n;
}

/* Several runs on one GPU share its power evenly: who draws how much, no driver says. */
static void weigh(struct runs *runs, const struct round *round)
{
    for (uint32_t i = 0; i < runs->n; i++) {
        struct run *run = &runs->at[i];
        int64_t sum = 0;
        bool known = run->seen;
        for (uint32_t g = 0; g < 64 && known; g++) {
            if (!(run->gpus >> g & 1))
                continue;
            known = round->gpu_mw[g] >= 0;
            sum += known ? round->gpu_mw[g] / users_of(runs, g) : 0;
        }
        if (known) {
            run->watts_mw_sum += (uint64_t)sum;
            run->watts_n++;
        }
    }
}

static void leave(struct runs *runs, uint32_t at) { runs->at[at] = runs->at[--runs->n]; }

void runs_round(struct runs *runs, const struct round *round, runs_ended *ended, void *data)
{
    for (uint32_t i = 0; i < runs->n; i++)
        runs->at[i].seen = false;
    for (uint32_t i = 0; i < round->sights_n; i++)
        see(runs, &round->sights[i], round->now_at);
    weigh(runs, round);
    for (uint32_t i = runs->n; i-- > 0;) {
        struct run *run = &runs->at[i];
        if (run->seen)
            continue;
        if (run->gpus & round->blind) {
            run->seen_at = round->now_at;
            continue;
        }
        /* A clock that was set back must not end it before it was seen. */
        ended(run, run->seen_at + usec_max(round->now_at - run->seen_at, 0) / 2, data);
        leave(runs, i);
    }
}

void runs_resume(struct runs *runs, bool (*alive)(const struct run *run, void *data), runs_ended *ended, void *data)
{
    for (uint32_t i = runs->n; i-- > 0;) {
        if (alive(&runs->at[i], data))
            continue;
        ended(&runs->at[i], runs->at[i].seen_at, data);
        leave(runs, i);
    }
}

void runs_forget(struct runs *runs, uint32_t uid)
{
    for (uint32_t i = runs->n; i-- > 0;)
        if (runs->at[i].uid == uid)
            leave(runs, i);
}

int64_t run_mean_mw(const struct run *run)
{
    return run->watts_n ? (int64_t)(run->watts_mw_sum / run->watts_n) : 0;
}
