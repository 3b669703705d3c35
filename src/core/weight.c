/* weight.c - see weight.h. */
#include "core/weight.h"

#include <string.h>

#include "core/avail.h"
#include "core/estimate.h"
#include "core/graph.h"
#include "core/mutant.h"
#include "core/person.h"
#include "core/policy.h"
#include "core/share.h"

#define ROOM      3 /* results that everybody is taken to have: nobody's first one changes the world */
#define FAIR_MIN  200
#define FAIR_MAX  5000
#define LOG_MOST  (4 * LOG_ONE) /* 16 fold: beyond FAIR_MAX, within what exp2_fixed holds */

#define ROOM_SHARE    10 /* results whose delay is the team's, that everybody is taken to have had */
#define ROOM_DELAY_US ((uint64_t)10 * USEC_PER_MIN)  /* ... and less apart than this counts little */
#define ROOM_GPU_US   ((uint64_t)USEC_PER_HOUR)

static int64_t day_of(usec_t t) { return t / USEC_PER_DAY - (t % USEC_PER_DAY < 0); }

/* Forget days that are over; the last of `daily` is today. */
static void roll(struct person *p, int64_t today)
{
    struct samples *daily = &p->daily;
    int64_t days = today - p->daily_day;
    if (daily->n == 0 || days < 0 || days >= WEIGHT_DAYS) {
        if (days == 0)
            return;
        memset(daily, 0, sizeof *daily);
        daily->n = WEIGHT_DAYS;
    } else if (days > 0) {
        memmove(daily->log, daily->log + days, (WEIGHT_DAYS - (size_t)days) * sizeof *daily->log);
        memset(daily->log + WEIGHT_DAYS - days, 0, (size_t)days * sizeof *daily->log);
    }
    p->daily_day = today;
}

void weight_result(struct core *c, uint32_t slot)
{
    const struct job *j = &jobs_of(c)[slot];
    uint32_t person = j->owner;
    if (j->array != NONE) {
        if (arrays_of(c)[j->array].counted)
            return;
        array_open(c, j->array);
        arrays_of(c)[j->array].counted = 1;
        array_close(c, j->array);
    }
    struct person *p = &c->persons[person];
    int64_t today = day_of(c->now_at);
    if (p->daily.n == 0)
        p->daily_day = today - WEIGHT_DAYS; /* nothing is known of the days before */
    roll(p, today);
    int16_t *n = &p->daily.log[WEIGHT_DAYS - 1];
    *n = (int16_t)(*n + (*n < INT16_MAX));
    person_changed(c, person);
}

static uint32_t results(const struct person *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->daily.n; i++)
        n += (uint16_t)p->daily.log[i];
    return n;
}

/* x^(power/1000) in thousandths, for x = above/below. */
static uint32_t power(uint64_t above, uint64_t below, uint32_t power_milli)
{
    int64_t log = (int64_t)(log2_fixed(above) - log2_fixed(below)) * power_milli / 1000;
    log = log > LOG_MOST ? LOG_MOST : log < -LOG_MOST ? -LOG_MOST : log;
    uint64_t milli = exp2_fixed((int32_t)(log + 20 * LOG_ONE)) * 1000 >> 20;
    return milli < FAIR_MIN ? FAIR_MIN : milli > FAIR_MAX ? FAIR_MAX : (uint32_t)milli;
}

struct team_share { /* of everybody together */
    unsigned __int128 delay_us;
    uint64_t gpu_us, results;
    uint32_t people;
};

static struct team_share share_of_team(const struct core *c)
{
    struct team_share t = { 0 };
    if (c->settings.half_life_us == 0 || c->settings.fair_delay_milli + c->settings.fair_gpu_milli == 0)
        return t;
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++) {
        const struct share *s = &c->persons[i].share;
        t.delay_us += s->delay_us;
        t.gpu_us += s->gpu_us;
        t.results += s->results;
        t.people += s->step != 0;
    }
    return t;
}

/* The part of a power that somebody's hours leave, in thousandths: all of it for whoever is away for three quarters of the
 * coming week or more, none for whoever is always here. */
static uint32_t part_of_hours(const struct core *c, uint32_t person)
{
    uint32_t milli = avail_absent_milli(c, person, c->now_at, 7 * USEC_PER_DAY) * 4 / 3;
    return milli < 1000 ? milli : 1000;
}

/* What delay and GPU time say of somebody, and of what. */
static void by_share(const struct core *c, const struct team_share *team, uint32_t person, struct core_weight *w)
{
    const struct share *s = &c->persons[person].share;
    w->hours_milli = part_of_hours(c, person);
    uint32_t by_delay = (c->settings.fair_delay_milli < 4000 ? c->settings.fair_delay_milli : 4000) * w->hours_milli / 1000;
    uint32_t by_gpu = (c->settings.fair_gpu_milli < 4000 ? c->settings.fair_gpu_milli : 4000) * w->hours_milli / 1000;
    uint64_t gpu_us = team->gpu_us / (MUTANT(c, MUTANT_WHY_WEIGHT) ? 2 * team->people : team->people);
    w->gpu_us = s->gpu_us;
    w->team_gpu_us = gpu_us;
    if (team->results) {
        uint64_t mean_us = (uint64_t)(team->delay_us * SHARE_ONE / team->results);
        unsigned __int128 delay_us = (unsigned __int128)s->delay_us + ROOM_SHARE * (unsigned __int128)mean_us;
        uint64_t own_us = (uint64_t)(delay_us * SHARE_ONE / (s->results + ROOM_SHARE * SHARE_ONE));
        w->delay_us = own_us;
        w->team_delay_us = mean_us;
        if (by_delay)
            w->delay_milli = power(own_us + ROOM_DELAY_US, mean_us + ROOM_DELAY_US, by_delay);
    }
    if (by_gpu)
        w->gpu_milli = power(gpu_us + ROOM_GPU_US, s->gpu_us + ROOM_GPU_US, by_gpu);
}

struct team_results { /* of everybody who has any */
    uint64_t all, people;
};

static struct team_results results_of_team(const struct core *c)
{
    struct team_results t = { 0 };
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++)
        if (c->persons[i].daily.n) {
            t.all += results(&c->persons[i]);
            t.people++;
        }
    return t;
}

static struct core_weight worked_out(const struct core *c, const struct team_results *done, const struct team_share *team,
                                     uint32_t person)
{
    const struct person *p = &c->persons[person];
    uint32_t fair_milli = c->settings.fair_milli < 2000 ? c->settings.fair_milli : 2000;
    struct core_weight w = { .results_milli = 1000, .delay_milli = 1000, .gpu_milli = 1000, .fair_milli = 1000 };
    w.own_milli = p->weight_milli ? p->weight_milli : 1000;
    w.results = results(p);
    if (done->people)
        w.team_results_milli = done->all * 1000 / done->people;
    if (p->daily.n && fair_milli)
        w.results_milli = power(w.team_results_milli + ROOM * 1000, (w.results + ROOM) * UINT64_C(1000), fair_milli);
    uint64_t fair = w.results_milli;
    if (p->share.step && team->people) {
        by_share(c, team, person, &w);
        fair = fair * w.delay_milli / 1000;
        fair = fair * w.gpu_milli / 1000;
        fair = fair < FAIR_MIN ? FAIR_MIN : fair > FAIR_MAX ? FAIR_MAX : fair;
    }
    w.fair_milli = (uint32_t)fair;
    return w;
}

void weight_tick(struct core *c)
{
    share_tick(c);
    int64_t today = day_of(c->now_at);
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++) {
        struct person *p = &c->persons[i];
        if (p->daily.n == 0 || p->daily_day == today)
            continue;
        roll(p, today);
        person_changed(c, i);
    }
    struct team_results done = results_of_team(c);
    struct team_share team = share_of_team(c);
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++) {
        struct person *p = &c->persons[i];
        bool counted = (p->daily.n && c->settings.fair_milli) || (p->share.step && team.people);
        uint32_t fair = counted ? worked_out(c, &done, &team, i).fair_milli : 0;
        if (fair == p->fair_milli)
            continue;
        p->fair_milli = fair;
        p->value_version++;
        person_changed(c, i);
    }
}

struct core_weight core_weight(const struct core *c, person_no person)
{
    struct core_weight w = { 0 };
    if (person == 0 || person > CORE_PERSONS_MAX)
        return w;
    struct team_results done = results_of_team(c);
    struct team_share team = share_of_team(c);
    w = worked_out(c, &done, &team, person);
    w.fair_milli = c->persons[person].fair_milli ? c->persons[person].fair_milli : 1000;
    w.all_milli = weight_of_person(c, person);
    w.counts = policy_ops_of(c)->uses_index;
    return w;
}

uint32_t weight_of_person(const struct core *c, uint32_t person)
{
    const struct person *p = &c->persons[person];
    uint64_t own = p->weight_milli ? p->weight_milli : 1000, fair = p->fair_milli ? p->fair_milli : 1000;
    uint64_t weight = own * fair / 1000;
    return weight < 1 ? 1 : weight > 1000000 ? 1000000 : (uint32_t)weight;
}

uint32_t weight_chain(const struct core *c, usec_t eyes_us)
{
    uint64_t full = (uint64_t)(1000 * USEC_PER_DAY / (USEC_PER_DAY + usec_max(eyes_us, 0)));
    uint32_t part = c->settings.chain_milli < 1000 ? c->settings.chain_milli : 1000;
    return (uint32_t)(((1000 - part) * 1000 + part * full) / 1000);
}
