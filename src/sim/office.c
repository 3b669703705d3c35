/* office.c - see office.h. */
#include "sim/office.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sim/drive.h"
#include "sim/luck.h"
#include "sim/timer.h"

#define CAPPED_GPU_MW  INT64_C(300000) /* of a GPU at full load */
#define CAPPED_EACH_MW INT64_C(170000) /* the cap of the family, by the number of GPUs: they draw 210 on average */
#define SCRIPTS_EACH 8
#define RENEWED      250 /* per mille of scripts, each week */
#define AFTER_US     (184 * USEC_PER_DAY)

static const char *const words[] = {
#define X(name, word) word,
    OFFICE_FAMILY_LIST(X)
#undef X
};

const char *office_family_word(enum office_family family) { return words[family]; }

int office_family_parse(struct str word, enum office_family *ret)
{
    for (enum office_family f = 0; f < OFFICE_FAMILY_COUNT; f++) {
        if (str_is(word, words[f])) {
            *ret = f;
            return 0;
        }
    }
    return E_INVALID;
}

struct script {
    uint64_t command;
    uint32_t gpus;
    usec_t median_us;
    int64_t watts_mw;   /* 0: nobody says */
};

struct maker {
    const struct office_options *o;
    struct office *office;
    struct prng luck;
    double load;
    usec_t begin_at;          /* Monday 00:00 in the first zone */
    struct zone zones[2];
    struct hours *hours;      /* by person */
    struct script *scripts;   /* [week][person][SCRIPTS_EACH] */
    uint64_t commands;
};

static usec_t midnight(const struct zone *zone, uint32_t day)
{
    int64_t utc_s;
    (void)zone_to_utc_s(zone, ((int64_t)TRACE_MONDAY_DAY + day) * CIVIL_DAY_S, &utc_s);
    return utc_s * USEC_PER_SEC;
}

static const struct zone *zone_of(const struct maker *m, uint32_t person)
{
    return &m->zones[m->o->family == OFFICE_ZONES && person % 2];
}

/* --- people --------------------------------------------------------------------------------------- */

/* Days off of one person; with leaves of a week or two, and three days on which everybody is away. */
static struct span *days_off(struct maker *m, uint32_t person, uint32_t days, size_t *ret_n)
{
    const struct zone *zone = zone_of(m, person);
    bool leave = m->o->family == OFFICE_LEAVE;
    struct span *off = calloc(days + 1, sizeof(*off));
    uint32_t from = leave ? (uint32_t)luck_between(&m->luck, 7, (int64_t)m->o->weeks * 7) : 0;
    uint32_t until = leave ? from + (uint32_t)luck_between(&m->luck, 5, 14) : 0;
    uint32_t holiday = m->o->weeks * 7 / 2 / 7 * 7; /* Monday to Wednesday in the middle */
    if (!off)
        abort();
    for (uint32_t d = 0; d < days; d++) {
        bool away = luck_chance(&m->luck, leave ? 120 : 60) || (d >= from && d < until);
        away |= leave && d >= holiday && d < holiday + 3;
        if (away)
            off[(*ret_n)++] = (struct span){ midnight(zone, d), midnight(zone, d + 1) };
    }
    return off;
}

static void make_people(struct maker *m)
{
    struct office *f = m->office;
    struct presence *p = &f->presence;
    uint32_t days = m->o->weeks * 7 + 190;
    p->users_n = f->people;
    p->known = p->truth = calloc(f->people + 1, sizeof(*p->known));
    m->hours = calloc(f->people + 1, sizeof(*m->hours));
    if (!p->known || !m->hours)
        abort();
    p->from_at = m->begin_at - 2 * USEC_PER_DAY;
    p->until_at = m->begin_at + (usec_t)m->o->weeks * 7 * USEC_PER_DAY + AFTER_US;
    for (uint32_t i = 0; i < f->people; i++) {
        char name[16];
        size_t off_n = 0;
        uint16_t from = (uint16_t)(9 * 60 + luck_between(&m->luck, -60, 60));
        uint16_t until = (uint16_t)(18 * 60 + luck_between(&m->luck, -60, 60));
        snprintf(name, sizeof(name), "p%u", i + 1);
        (void)trace_user(&f->trace, str_of(name));
        for (int d = 0; d < 5; d++) {
            m->hours[i].day[d].n = 1;
            m->hours[i].day[d].span[0] = (struct hours_span){ from, until };
        }
        struct span *off = days_off(m, i, days, &off_n);
        if (m->o->family == OFFICE_ALWAYS)
            p->known[i].always = true;
        else
            presence_of_hours(&p->known[i], &m->hours[i], zone_of(m, i), off, off_n, p->from_at, p->until_at);
        free(off);
    }
}

/* --- work ----------------------------------------------------------------------------------------- */

static uint32_t width(struct maker *m)
{
    uint64_t roll = prng_below(&m->luck, 100);
    uint32_t w = roll < 62 ? 1 : roll < 80 ? 2 : roll < 94 ? 4 : 8;
    return w <= m->office->gpus ? w : 1;
}

static struct script new_script(struct maker *m)
{
    uint64_t roll = prng_below(&m->luck, 100);
    bool many_long = m->o->family == OFFICE_LONG;
    usec_t median;
    double sd, within = m->o->spread;
    if (many_long) {
        sd = roll < 60 ? 0.8 : 0.6;
        median = roll < 25 ? 20 * USEC_PER_MIN : roll < 60 ? 3 * USEC_PER_HOUR : roll < 85 ? 14 * USEC_PER_HOUR
                                                                                        : 30 * USEC_PER_HOUR;
    } else {
        sd = roll < 60 ? 1.0 : roll < 88 ? 0.8 : 0.6;
        median = roll < 60 ? 8 * USEC_PER_MIN : roll < 88 ? 3 * USEC_PER_HOUR : 14 * USEC_PER_HOUR;
    }
    double between = sd > within ? sqrt(sd * sd - within * within) : 0;
    return (struct script){ .command = ++m->commands, .gpus = width(m),
                            .median_us = luck_lognormal(&m->luck, median, between) };
}

/* A script fills its GPUs to some part, all its runs about alike. */
static int64_t script_watts(struct maker *m, uint32_t gpus)
{
    return m->o->family == OFFICE_CAPPED ? gpus * CAPPED_GPU_MW / 100 * luck_between(&m->luck, 40, 100) : 0;
}

static int64_t run_watts(struct maker *m, const struct script *s)
{
    int64_t full_mw = s->gpus * CAPPED_GPU_MW;
    int64_t mw = s->watts_mw ? s->watts_mw / 100 * luck_between(&m->luck, 95, 105) : 0;
    return mw < full_mw ? mw : full_mw;
}

static void make_scripts(struct maker *m)
{
    size_t each = (size_t)m->office->people * SCRIPTS_EACH;
    m->scripts = calloc(each * m->o->weeks + 1, sizeof(*m->scripts));
    if (!m->scripts)
        abort();
    for (size_t i = 0; i < each * m->o->weeks; i++) {
        bool renewed = i < each || luck_chance(&m->luck, RENEWED);
        m->scripts[i] = renewed ? new_script(m) : m->scripts[i - each];
        if (renewed)
            m->scripts[i].watts_mw = script_watts(m, m->scripts[i].gpus);
    }
}

/* When in the day: at the desk or in the evening; any time for people who are always there. */
static usec_t clock_of(struct maker *m)
{
    if (m->o->family == OFFICE_ALWAYS)
        return luck_between(&m->luck, 0, USEC_PER_DAY - 1);
    if (luck_chance(&m->luck, 150))
        return luck_between(&m->luck, 18 * USEC_PER_HOUR, 25 * USEC_PER_HOUR);
    return luck_between(&m->luck, 9 * USEC_PER_HOUR, 18 * USEC_PER_HOUR);
}

/* A day of the run: weekdays, but for people who know none; near a deadline twice as many. */
static uint32_t day_of(struct maker *m)
{
    uint32_t week = (uint32_t)prng_below(&m->luck, m->o->weeks);
    if (m->o->family == OFFICE_DEADLINE && luck_chance(&m->luck, 250))
        week = m->o->weeks * (luck_chance(&m->luck, 500) ? 1 : 2) / 3;
    week = week < m->o->weeks ? week : m->o->weeks - 1;
    return week * 7 + (uint32_t)prng_below(&m->luck, m->o->family == OFFICE_ALWAYS ? 7 : 5);
}

/* Runs of one submission: one, a burst, or a sweep. */
static uint32_t runs(struct maker *m, struct script *s)
{
    if (m->o->family == OFFICE_SWEEPS && luck_chance(&m->luck, 300)) {
        s->gpus = 1;
        s->median_us = usec_min(s->median_us, 3 * USEC_PER_HOUR);
        return (uint32_t)luck_between(&m->luck, 10, 60);
    }
    return luck_chance(&m->luck, 250) ? (uint32_t)luck_between(&m->luck, 2, 6) : 1;
}

static void make_work(struct maker *m)
{
    struct office *f = m->office;
    double room = (double)f->gpus * m->o->weeks * 7 * (double)USEC_PER_DAY * m->load, area = 0;
    while (area < room) {
        uint32_t person = (uint32_t)prng_below(&m->luck, f->people), day = day_of(m);
        usec_t at = midnight(zone_of(m, person), day) + clock_of(m);
        size_t pick = ((size_t)(day / 7) * f->people + person) * SCRIPTS_EACH + prng_below(&m->luck, SCRIPTS_EACH);
        struct script s = m->scripts[pick];
        uint32_t n = runs(m, &s);
        for (uint32_t i = 0; i < n; i++) {
            usec_t run_us = usec_max(USEC_PER_SEC, luck_lognormal(&m->luck, s.median_us, m->o->spread));
            *trace_add(&f->trace) = (struct trace_job){
                .submit_at = at + (usec_t)i * USEC_PER_SEC, .run_us = run_us, .command = hash_mix(5, s.command) | 1,
                .user = person, .gpus = s.gpus, .watts_mw = run_watts(m, &s) };
            f->trace.users[person].jobs++;
            area += (double)run_us * s.gpus;
        }
    }
    /* A made-up job's line is its number, so that the sort has one answer. */
    for (size_t i = 0; i < f->trace.jobs_n; i++)
        f->trace.jobs[i].line = (uint32_t)i + 1;
    trace_sort(&f->trace);
    f->trace.rows = f->trace.jobs_n;
}

void office_make(const struct office_options *o, struct office *ret)
{
    struct maker m = { .o = o, .office = ret };
    bool big = o->family == OFFICE_64;
    memset(ret, 0, sizeof(*ret));
    ret->gpus = o->gpus ? o->gpus : big ? 64 : 16;
    ret->people = o->people ? o->people : o->gpus ? (o->gpus * 3 / 4 < 2 ? 2 : o->gpus * 3 / 4) : big ? 32 : 12;
    ret->people = ret->people > DRIVE_PERSONS_MAX ? DRIVE_PERSONS_MAX : ret->people;
    m.load = o->load > 0 ? o->load : o->family == OFFICE_OVERLOAD ? 1.1 : 0.7;
    prng_init(&m.luck, hash_mix(o->seed, o->family), LUCK_TEAM);
    if (tzif_parse_posix(STR("KST-9"), &m.zones[0], NULL) < 0
        || tzif_parse_posix(STR("CET-1CEST,M3.5.0,M10.5.0/3"), &m.zones[1], NULL) < 0)
        abort();
    ret->zone = m.zones[0];
    m.begin_at = midnight(&m.zones[0], 0);
    ret->capped = o->family == OFFICE_CAPPED;
    ret->cap.base_mw = ret->gpus * CAPPED_EACH_MW;
    make_people(&m);
    make_scripts(&m);
    make_work(&m);
    free(m.hours);
    free(m.scripts);
}

void office_finish(struct office *o)
{
    trace_finish(&o->trace);
    presence_finish(&o->presence);
}
