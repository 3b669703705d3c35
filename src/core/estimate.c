/* estimate.c - see estimate.h. */
#include "core/estimate.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "core/mutant.h"
#include "core/person.h"
#include "core/power.h"
#include "core/weight.h"

/* Weights of one run in the pool.  30 own runs outweigh everything else ten to one; two or three
 * are still mostly the person's. */
#define WEIGHT_OWN    8
#define WEIGHT_LIMIT  8
#define WEIGHT_PERSON 2
#define WEIGHT_TEAM   1
#define WEIGHT_GUESS  1
#define GUESS_SPREAD  (2 * LOG_ONE) /* the guess is three runs: a quarter, the median, four times */
#define WEIGHT_TOLD   2             /* of each of its samples: together about four own runs */
#define TOLD_SAMPLES  16
#define WEIGHT_PROGRESS 16
#define PROGRESS_BITS 20            /* of a part in millionths; above them the log2 of the whole run in 1/64 */
#define PROGRESS_STEP (LOG_ONE / 64)
#define PROGRESS_LEAST 10000u       /* what starts a run is no measure of how it goes on */
#define PROGRESS_LEAST_US (10 * USEC_PER_SEC)
#define PROGRESS_SD   350           /* of the rest, as a told spread */
#define POOL_MAX (SAMPLES_OWN + SAMPLES_LIMIT + SAMPLES_PERSON + SAMPLES_TEAM + 3 + 2 * TOLD_SAMPLES)
#define FEW 10u                     /* until a pool has this many runs, news is shown at once */
#define OUTLIVED_STEP (LOG_ONE / 4) /* past every known run: forecasts move in steps of 2^(1/4) */

/* --- fixed-point logarithm -------------------------------------------------------------------- */

#define LOG_BITS 9
_Static_assert(LOG_ONE == 1 << LOG_BITS, "a bit of the fraction by each squaring");

/* Integer part from the highest bit; each fraction bit by squaring the mantissa (Q31). */
int32_t log2_fixed(uint64_t value)
{
    if (value == 0)
        return 0;
    int32_t whole = 63 - __builtin_clzll(value), fraction = 0;
    uint64_t m = whole >= 31 ? value >> (whole - 31) : value << (31 - whole);
    for (int i = 0; i < LOG_BITS; i++) {
        m = (m * m) >> 31;
        uint32_t bit = (uint32_t)(m >> 32); /* nobody can foretell it: no branch */
        m >>= bit;
        fraction = fraction << 1 | (int32_t)bit;
    }
    return whole * LOG_ONE + fraction;
}

/* 2^(i / LOG_ONE) in Q32: for each bit of i, from the highest, times 2^(2^-k), k = 1..9, cut down. */
#define TIMES(m, root) ((uint64_t)(((unsigned __int128)(m) * (root)) >> 32))
#define POWERS_1(m) (m), TIMES(m, 0x10058c86eu)
#define POWERS_2(m) POWERS_1(m), POWERS_1(TIMES(m, 0x100b1afa6u))
#define POWERS_3(m) POWERS_2(m), POWERS_2(TIMES(m, 0x10163da9fu))
#define POWERS_4(m) POWERS_3(m), POWERS_3(TIMES(m, 0x102c9a3e7u))
#define POWERS_5(m) POWERS_4(m), POWERS_4(TIMES(m, 0x1059b0d31u))
#define POWERS_6(m) POWERS_5(m), POWERS_5(TIMES(m, 0x10b5586d0u))
#define POWERS_7(m) POWERS_6(m), POWERS_6(TIMES(m, 0x1172b83c8u))
#define POWERS_8(m) POWERS_7(m), POWERS_7(TIMES(m, 0x1306fe0a3u))
#define POWERS_9(m) POWERS_8(m), POWERS_8(TIMES(m, 0x16a09e668u))
static const uint64_t powers[LOG_ONE] = { POWERS_9(UINT64_C(1) << 32) };

uint64_t exp2_fixed(int32_t log)
{
    if (log < 0)
        return 0;
    int32_t whole = log / LOG_ONE;
    uint64_t m = powers[log % LOG_ONE];
    if (whole >= 62)
        return UINT64_C(1) << 62;
    return whole >= 32 ? m << (whole - 32) : m >> (32 - whole);
}

/* --- pools ------------------------------------------------------------------------------------ */

struct pool {
    struct { int16_t log; uint16_t weight; } at[POOL_MAX];
    uint32_t n;
    int32_t over; /* what has been done by now: a run of that length or less says nothing of how it goes on */
};

/* Sorted as it is filled.  Most of the known runs are shorter than what has run for a while; to leave them out here
 * makes a decision beside many running jobs twice as fast. */
static void pool_one(struct pool *p, int32_t log, uint32_t weight)
{
    if (log <= p->over)
        return;
    uint32_t i = p->n++;
    assert(p->n <= POOL_MAX);
    for (; i > 0 && p->at[i - 1].log > log; i--)
        p->at[i] = p->at[i - 1];
    p->at[i].log = (int16_t)log;
    p->at[i].weight = (uint16_t)weight;
}

/* What a run weighs by how many of its group have ended since, in 1/64: 2^(-n/8). */
#define WHOLE 64
static const uint8_t aged[SAMPLES_OWN] = { 64, 59, 54, 49, 45, 41, 38, 35, 32, 29, 27, 25, 23, 21, 19,
                                           17, 16, 15, 13, 12, 11, 10, 10, 9, 8, 7, 7, 6, 6, 5 };

/* The newest `max` of a group, without the `less` newest. */
static void pool_add(const struct core *c, struct pool *p, const struct samples *s, uint32_t less, uint32_t max, uint32_t weight)
{
    uint32_t n = s->n - less, from = n > max ? n - max : 0;
    for (uint32_t i = from; i < n; i++)
        pool_one(p, s->log[i], weight * (c->settings.pool ? aged[MUTANT(c, MUTANT_POOL_OLD) ? i - from : n - 1 - i] : WHOLE));
}

/* Middles of fifteen equally likely parts of a normal distribution, in thousandths, and something far
 * out, for what has outlived the fifteen. */
static const int32_t normal_milli[TOLD_SAMPLES] = { -1834, -1282, -967, -728, -524, -341, -168, 0,
                                                    168, 341, 524, 728, 967, 1282, 1834, 2500 };
#define LOG2_E_MILLI 1443 /* told spreads are of the natural logarithm */

static void pool_told(struct pool *p, usec_t median_us, uint32_t sd_milli)
{
    int32_t middle = log2_fixed((uint64_t)median_us);
    int64_t sd = usec_min(sd_milli, ESTIMATE_SD_MAX);
    for (int i = 0; i < TOLD_SAMPLES; i++) {
        int64_t off = normal_milli[i] * sd * LOG2_E_MILLI * LOG_ONE / 1000 / 1000 / 1000;
        int64_t log = middle + off < 0 ? 0 : middle + off;
        pool_one(p, log > INT16_MAX ? INT16_MAX : (int32_t)log,
                 WHOLE * (i + 1 == TOLD_SAMPLES ? 1 : WEIGHT_TOLD));
    }
}

static void pool_progress(struct pool *p, uint32_t progress)
{
    usec_t all_us = (usec_t)exp2_fixed((int32_t)(progress >> PROGRESS_BITS) * PROGRESS_STEP);
    uint32_t ppm = progress & ((1u << PROGRESS_BITS) - 1);
    usec_t done_us = (usec_t)((__int128)all_us * ppm / 1000000), rest_us = usec_max(all_us - done_us, USEC_PER_SEC);
    for (int i = 0; i < TOLD_SAMPLES; i++) {
        int64_t off = (int64_t)normal_milli[i] * PROGRESS_SD * LOG2_E_MILLI * LOG_ONE / 1000 / 1000 / 1000;
        usec_t us = usec_add(done_us, (usec_t)exp2_fixed(log2_fixed((uint64_t)rest_us) + (int32_t)off));
        pool_one(p, log2_fixed((uint64_t)us), i + 1 == TOLD_SAMPLES ? WHOLE * WEIGHT_PROGRESS / 2 : WHOLE * WEIGHT_PROGRESS);
    }
}

static bool told_counts(const struct core *c, const struct ask *ask)
{
    return ask->told_us > 0 && c->settings.estimates != ESTIMATES_HISTORY;
}

/* A told length that is taken at its word. */
static bool told_exactly(const struct core *c, const struct ask *ask)
{
    return told_counts(c, ask) && c->settings.estimates == ESTIMATES_TOLD && ask->told_sd_milli == 0;
}

static uint64_t limit_key(uint32_t owner, usec_t limit_us)
{
    uint64_t key = hash_mix(hash_mix(hash_mix('l', owner), (uint64_t)limit_us), 'l');
    return key ? key : 1;
}

/* The group of its owner's runs of its limit; NONE. */
static uint32_t limit_group(const struct core *c, const struct ask *ask)
{
    return ask->limit_us && c->settings.pool ? estimate_find(c, limit_key(ask->owner, ask->limit_us)) : NONE;
}

/* What it said while runs were pooled otherwise stays with it. */
static bool progress_counts(const struct core *c, const struct ask *ask)
{
    return c->settings.pool && ask->progress >> PROGRESS_BITS;
}

/* The runs that count for what has run for longer than `over` (a logarithm; -1: all). */
static void pool_make(const struct core *c, const struct ask *ask, int32_t over, struct pool *p)
{
    int32_t guess = log2_fixed((uint64_t)usec_max(c->settings.runtime_guess_us, USEC_PER_SEC));
    p->n = 0;
    p->over = over;
    if (told_counts(c, ask)) {
        pool_told(p, ask->told_us, ask->told_sd_milli);
        if (c->settings.estimates == ESTIMATES_TOLD)
            return;
    }
    if (progress_counts(c, ask))
        pool_progress(p, ask->progress);
    if (ask->group != NONE)
        pool_add(c, p, &groups_of(c)[ask->group].samples, 0, SAMPLES_OWN, WEIGHT_OWN);
    uint32_t limit = limit_group(c, ask);
    if (limit != NONE)
        pool_add(c, p, &groups_of(c)[limit].samples, groups_of(c)[limit].unshown, SAMPLES_LIMIT, WEIGHT_LIMIT);
    pool_add(c, p, &c->persons[ask->owner].shown, 0, SAMPLES_PERSON, WEIGHT_PERSON);
    pool_add(c, p, &c->team_shown, 0, SAMPLES_TEAM, WEIGHT_TEAM);
    for (int i = -1; i <= 1; i++)
        pool_one(p, guess + i * GUESS_SPREAD, WHOLE * WEIGHT_GUESS);
}

static const uint32_t node_permille[NODES] = { 100, 300, 500, 700, 900 };

/* Of each node the smallest sample at or below which lies that part of the weight.  n > 0. */
static void pool_quantiles(const struct pool *p, int32_t ret_log[NODES])
{
    uint64_t total = 0, below = p->at[0].weight;
    uint32_t at = 0;
    for (uint32_t i = 0; i < p->n; i++)
        total += p->at[i].weight;
    for (int k = 0; k < NODES; k++) {
        while (below * 1000 < total * node_permille[k] && at + 1 < p->n)
            below += p->at[++at].weight;
        ret_log[k] = p->at[at].log;
    }
}

static usec_t length(int32_t log)
{
    return usec_min(usec_max((usec_t)exp2_fixed(log), USEC_PER_SEC), ESTIMATE_MAX_US);
}

static void whole_nodes(const struct core *c, const struct ask *ask, usec_t work_us, struct forecast_nodes *ret,
                        usec_t *ret_holds_us);

/* --- the table of groups ---------------------------------------------------------------------- */

uint64_t estimate_key(uint32_t owner, uint64_t command_key, uint32_t gpus)
{
    uint64_t key = hash_mix(hash_mix(owner, command_key), gpus);
    return key ? key : 1; /* 0 marks a free record */
}

uint64_t group_hash(const struct group *g)
{
    uint64_t h = hash_mix(hash_mix('g', g->key), (uint64_t)g->used_seq << 32 | g->failed_n);
    if (g->unshown || g->unproven) /* older stores have neither, and keep their hash */
        h = hash_mix(h ^ 'u', (uint64_t)g->unshown << 1 | g->unproven);
    return power_samples_hash(hash_bytes(h, &g->samples, sizeof g->samples), &g->power);
}

uint32_t estimate_find(const struct core *c, uint64_t key)
{
    uint32_t at = group_buckets_of(c)[key & (c->group_buckets - 1)];
    while (at != NONE && groups_of(c)[at].key != key)
        at = groups_of(c)[at].next;
    return at;
}

void estimate_rehash(struct core *c)
{
    uint32_t *buckets = group_buckets_of(c);
    memset(buckets, 0xff, c->group_buckets * sizeof *buckets);
    for (uint32_t i = 0; i < c->groups_used; i++) {
        struct group *g = &groups_of(c)[i];
        if (g->key == 0)
            continue;
        g->next = buckets[g->key & (c->group_buckets - 1)];
        buckets[g->key & (c->group_buckets - 1)] = i;
    }
}

/* Slot of the group that was used least recently, unlinked and forgotten. */
static uint32_t group_evict(struct core *c)
{
    struct group *groups = groups_of(c);
    uint32_t oldest = NONE;
    for (uint32_t i = 0; i < c->groups_used; i++)
        if (groups[i].key && (oldest == NONE || groups[i].used_seq < groups[oldest].used_seq))
            oldest = i;
    uint32_t *link = &group_buckets_of(c)[groups[oldest].key & (c->group_buckets - 1)];
    while (*link != oldest)
        link = &groups[*link].next;
    *link = groups[oldest].next;
    c->sum -= group_hash(&groups[oldest]);
    return oldest;
}

/* Versions are drawn from one counter: one can then never be met again in another group's record.
 */
static uint32_t next_version(struct core *c) { return ++c->version; }

struct group *estimate_enter(struct core *c, uint64_t key)
{
    uint32_t at = c->groups_used < c->limits.groups ? c->groups_used++ : group_evict(c);
    struct group *g = &groups_of(c)[at];
    uint32_t *bucket = &group_buckets_of(c)[key & (c->group_buckets - 1)];
    memset(g, 0, sizeof *g);
    g->key = key;
    g->next = *bucket;
    g->version = next_version(c);
    *bucket = at;
    c->group_epoch++;
    return g;
}

void samples_add(struct samples *s, int32_t log)
{
    if (s->n == SAMPLES_OWN) {
        memmove(s->log, s->log + 1, (SAMPLES_OWN - 1) * sizeof s->log[0]);
        s->n--;
    }
    s->log[s->n++] = (int16_t)log;
}

/* One more run of that group. */
static struct group *group_open(struct core *c, uint64_t key)
{
    uint32_t at = estimate_find(c, key);
    if (at == NONE)
        return estimate_enter(c, key);
    c->sum -= group_hash(&groups_of(c)[at]);
    return &groups_of(c)[at];
}

static void group_close(struct core *c, struct group *g)
{
    g->used_seq = ++c->group_seq;
    g->version = next_version(c);
    c->sum += group_hash(g);
}

static void record_own(struct core *c, const struct job *j, int32_t log, bool well, int64_t mw)
{
    struct group *g = group_open(c, estimate_key(j->owner, j->command_key, j->gpus));
    g->unproven = !well && (g->samples.n == 0 || g->unproven);
    samples_add(&g->samples, log);
    power_record(&g->power, mw);
    group_close(c, g);
}

static bool limit_waits(const struct core *c, uint32_t owner, usec_t limit_us)
{
    bool waits = false;
    for (uint32_t i = 0; i < c->classes_n && !waits; i++) {
        const struct class_key *key = &classes_of(c)[classes_live_of(c)[i]].key;
        waits = key->owner == owner && key->limit_us == limit_us;
    }
    return waits;
}

static void record_limit(struct core *c, const struct job *j, int32_t log)
{
    if (!c->settings.pool || !j->limit_us)
        return;
    struct group *g = group_open(c, limit_key(j->owner, j->limit_us));
    samples_add(&g->samples, log);
    if (++g->unshown > SAMPLES_LIMIT || g->samples.n <= FEW) {
        g->unshown = 0;
        c->shown_epoch += limit_waits(c, j->owner, j->limit_us); /* else it is news to nobody in line */
    }
    group_close(c, g);
}

static void record(struct core *c, const struct job *j, usec_t work_us, bool well, int64_t mw)
{
    int32_t log = log2_fixed((uint64_t)usec_max(work_us, USEC_PER_MSEC));
    record_own(c, j, log, well, mw);
    record_limit(c, j, log);
    struct person *p = &c->persons[j->owner];
    samples_add(&p->samples, log);
    if (p->shown.n < FEW) {
        p->shown = p->samples;
        c->shown_epoch++;
    }
    person_changed(c, j->owner);
    samples_add(&c->team, log);
    if (c->team_shown.n < FEW) {
        c->team_shown = c->team;
        c->shown_epoch++;
    }
}

void estimate_record(struct core *c, const struct job *j, usec_t ran_us, int64_t mw)
{
    record(c, j, estimate_work_us(c, j, ran_us), true, mw);
}

/* Of its own doing, and no sooner than nine of ten of its like end: one more run. */
static bool failed_late(const struct core *c, const struct job *j, enum end_cause cause, uint32_t group, usec_t work_us)
{
    struct forecast_nodes nodes;
    bool own = cause != END_LAUNCH && cause != END_GPU_BUSY && j->intent != STOP_PREEMPT;
    if (!c->settings.pool || !own)
        return false;
    whole_nodes(c, &(struct ask){ .owner = j->owner, .group = group, .limit_us = j->limit_us }, 0, &nodes, NULL);
    return work_us >= nodes.us[0];
}

void estimate_record_failure(struct core *c, const struct job *j, enum end_cause cause, usec_t ran_us)
{
    usec_t work_us = estimate_work_us(c, j, ran_us);
    uint32_t at = estimate_find(c, estimate_key(j->owner, j->command_key, j->gpus));
    if (failed_late(c, j, cause, at, work_us)) {
        record(c, j, work_us, false, 0);
        return;
    }
    if (at == NONE)
        return;
    struct group *g = &groups_of(c)[at];
    c->sum -= group_hash(g);
    g->failed_n += g->failed_n < UINT32_MAX;
    c->sum += group_hash(g);
}

bool estimate_succeeded(const struct core *c, uint32_t group)
{
    return group != NONE && groups_of(c)[group].samples.n > 0 && !groups_of(c)[group].unproven;
}

/* --- forecasts -------------------------------------------------------------------------------- */

usec_t estimate_restart_us(const struct core *c, const struct job *j)
{
    if (j->done_us == 0)
        return 0;
    return j->restart_us ? j->restart_us : c->settings.restart_us;
}

usec_t estimate_work_us(const struct core *c, const struct job *j, usec_t ran_us)
{
    return usec_add(j->done_us, usec_max(ran_us - estimate_restart_us(c, j), 0));
}

uint32_t estimate_progress(const struct core *c, const struct job *j, uint32_t done_ppm)
{
    usec_t work_us = estimate_work_us(c, j, usec_max(c->now_boot_at - j->start_boot_at, 0));
    if (!c->settings.pool || j->flags & JOBX_CANARY || done_ppm < PROGRESS_LEAST || work_us < PROGRESS_LEAST_US)
        return done_ppm;
    int32_t log = log2_fixed((uint64_t)work_us) + log2_fixed(1000000) - log2_fixed(MUTANT(c, MUTANT_PROGRESS) ? done_ppm / 2 : done_ppm);
    return done_ppm | (uint32_t)((log + PROGRESS_STEP / 2) / PROGRESS_STEP) << PROGRESS_BITS;
}

/* The first length whose logarithm is at least `log`. */
static usec_t crossing(int32_t log)
{
    uint64_t us = exp2_fixed(log);
    while (log2_fixed(us) < log)
        us += us / 4096 + 1; /* rounding puts it a fraction of a step too early at most */
    return (usec_t)us;
}

/* Quantiles of the whole run given `work` is done; *ret_holds_us: of work, as estimate_rest, if somebody asks. */
static void whole_nodes(const struct core *c, const struct ask *ask, usec_t work_us,
                        struct forecast_nodes *ret, usec_t *ret_holds_us)
{
    struct pool pool;
    if (told_exactly(c, ask) && work_us < ask->told_us) {
        for (int i = 0; i < NODES; i++)
            ret->us[i] = usec_min(ask->told_us, ESTIMATE_MAX_US);
        if (ret_holds_us)
            *ret_holds_us = ask->told_us;
        return;
    }
    int32_t work = work_us > 0 ? log2_fixed((uint64_t)work_us) : -1;
    pool_make(c, ask, work, &pool);
    if (pool.n > 0) {
        int32_t logs[NODES];
        pool_quantiles(&pool, logs);
        for (int i = 0; i < NODES; i++)
            ret->us[i] = length(logs[i]);
        if (ret_holds_us)
            *ret_holds_us = crossing(pool.at[0].log);
        return;
    }
    /* It has outlived all we know: the longer it ran, the longer it may. */
    static const int32_t beyond[NODES] = { 0, LOG_ONE / 4, LOG_ONE / 2, LOG_ONE, LOG_ONE * 3 / 2 };
    int32_t step = (work / OUTLIVED_STEP + 1) * OUTLIVED_STEP;
    for (int i = 0; i < NODES; i++)
        ret->us[i] = length(step + beyond[i]);
    if (ret_holds_us)
        *ret_holds_us = crossing(step);
}

/* From whole runs to this attempt: less what is kept, more what its restart costs. */
static void attempt_nodes(struct forecast_nodes *nodes, usec_t done_us, usec_t restart_us,
                          usec_t ran_us)
{
    for (int i = 0; i < NODES; i++)
        nodes->us[i] = usec_max(usec_max(nodes->us[i] - done_us, USEC_PER_SEC) + restart_us, ran_us);
}

void estimate_nodes(const struct core *c, const struct ask *ask, bool keep,
                    struct forecast_nodes *ret)
{
    struct group *own = ask->group == NONE ? NULL : &groups_of(c)[ask->group];
    const struct forecast_memo *known = own ? &own->memo : &c->persons[ask->owner].memo;
    uint32_t version = own ? own->version : 0, limit = limit_group(c, ask);
    uint32_t limit_version = limit == NONE ? 0 : groups_of(c)[limit].version; /* most limits are nobody's else */
    bool plain = ask->done_us == 0 && !told_counts(c, ask);
    if (plain && known->shown_epoch == c->shown_epoch && known->version == version && known->limit_version == limit_version) {
        *ret = known->nodes;
        return;
    }
    whole_nodes(c, ask, ask->done_us, ret, NULL);
    if (plain && keep)
        *(struct forecast_memo *)known = (struct forecast_memo){ c->shown_epoch, version, limit_version, *ret };
    if (!plain)
        attempt_nodes(ret, ask->done_us, ask->restart_us, 0);
}

static struct ask ask_of(const struct core *c, const struct job *j)
{
    bool told_alone = c->settings.estimates == ESTIMATES_TOLD && j->estimate_us > 0; /* nobody asks for history */
    return (struct ask){
        .owner = j->owner,
        .group = told_alone ? NONE : estimate_find(c, estimate_key(j->owner, j->command_key, j->gpus)),
        .told_us = j->estimate_us, .told_sd_milli = j->estimate_sd_milli, .done_us = j->done_us,
        .restart_us = estimate_restart_us(c, j), .limit_us = j->limit_us, .progress = j->done_ppm };
}

static void rest(const struct core *c, const struct job *j, const struct ask *ask, usec_t ran_us,
                 struct forecast_nodes *ret, usec_t *ret_holds_us)
{
    usec_t holds_us, limit_us = job_limit(j);
    whole_nodes(c, ask, estimate_work_us(c, j, ran_us), ret, ret_holds_us ? &holds_us : NULL);
    attempt_nodes(ret, ask->done_us, ask->restart_us, ran_us);
    for (int i = 0; i < NODES && limit_us; i++)
        ret->us[i] = usec_max(usec_min(ret->us[i], limit_us), ran_us);
    if (!ret_holds_us)
        return;
    holds_us = usec_add(holds_us - ask->done_us, ask->restart_us);
    if (core_looks_ahead(c) && limit_us > ran_us) /* from its limit on it is expected to end at any moment */
        holds_us = usec_min(holds_us, limit_us);
    *ret_holds_us = holds_us;
}

void estimate_rest(const struct core *c, const struct job *j, usec_t ran_us,
                   struct forecast_nodes *ret, usec_t *ret_holds_us)
{
    struct ask ask = ask_of(c, j);
    rest(c, j, &ask, ran_us, ret, ret_holds_us);
}

void estimate_levels(const struct core *c, const struct job *j, usec_t ran_us, const uint32_t *level, uint32_t n, usec_t *ret)
{
    struct pool pool = { .n = 0 };
    struct ask ask = ask_of(c, j);
    struct forecast_nodes nodes;
    usec_t limit_us = job_limit(j), work_us = estimate_work_us(c, j, ran_us), holds_us;
    uint64_t total = 0, below;
    uint32_t at = 0;
    bool exact = told_exactly(c, &ask) && work_us < ask.told_us;
    if (!exact)
        pool_make(c, &ask, work_us > 0 ? log2_fixed((uint64_t)work_us) : -1, &pool);
    if (pool.n == 0) /* told to the microsecond, or outlived: what five nodes say, a fifth each */
        whole_nodes(c, &ask, work_us, &nodes, &holds_us);
    for (uint32_t i = 0; i < pool.n; i++)
        total += pool.at[i].weight;
    below = pool.n ? pool.at[0].weight : 0;
    usec_t here_us = pool.n ? length(pool.at[0].log) : 0;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t from = at;
        while (pool.n && below * LEVEL_ONE < total * level[k] && at + 1 < pool.n)
            below += pool.at[++at].weight;
        here_us = at == from ? here_us : length(pool.at[at].log);
        usec_t us = pool.n ? here_us : nodes.us[level[k] * NODES / LEVEL_ONE];
        us = usec_max(usec_max(us - ask.done_us, USEC_PER_SEC) + ask.restart_us, ran_us);
        ret[k] = limit_us ? usec_max(usec_min(us, limit_us), ran_us) : us;
    }
}

usec_t estimate_length(const struct core *c, const struct job *j, usec_t ran_us, bool late, usec_t *ret_holds_us)
{
    struct forecast_nodes nodes;
    struct ask ask = ask_of(c, j);
    usec_t limit_us = job_limit(j);
    if (!told_exactly(c, &ask) || estimate_work_us(c, j, ran_us) >= ask.told_us || limit_us) {
        rest(c, j, &ask, ran_us, &nodes, ret_holds_us);
        return nodes.us[late ? NODES - 1 : NODES / 2];
    }
    /* Told to the microsecond, and without a limit all quantiles are one: a machine full of such jobs is looked through
     * at each event. */
    if (ret_holds_us)
        *ret_holds_us = usec_add(ask.told_us - ask.done_us, ask.restart_us);
    return usec_max(usec_max(usec_min(ask.told_us, ESTIMATE_MAX_US) - ask.done_us, USEC_PER_SEC) + ask.restart_us, ran_us);
}

/* What of each group is in the pool. */
struct known_runs {
    uint32_t own, limit, person, team;
};

static uint32_t at_most(uint32_t n, uint32_t most) { return n < most ? n : most; }

static struct known_runs known_runs(const struct core *c, const struct job *j)
{
    struct ask ask = { .owner = j->owner, .limit_us = j->limit_us };
    uint32_t own = estimate_find(c, estimate_key(j->owner, j->command_key, j->gpus)), limit = limit_group(c, &ask);
    return (struct known_runs){
        .own = own == NONE ? 0 : groups_of(c)[own].samples.n,
        .limit = limit == NONE ? 0 : at_most(groups_of(c)[limit].samples.n - groups_of(c)[limit].unshown, SAMPLES_LIMIT),
        .person = at_most(c->persons[j->owner].shown.n, SAMPLES_PERSON),
        .team = at_most(c->team_shown.n, SAMPLES_TEAM) };
}

/* A command is mostly given the same limit: its own runs and those of the limit are then the same. */
static uint32_t all_runs(const struct known_runs *k) { return (k->own > k->limit ? k->own : k->limit) + k->person + k->team; }

uint32_t estimate_history(const struct core *c, const struct job *j)
{
    struct known_runs known = known_runs(c, j);
    return all_runs(&known);
}

struct forecast estimate_forecast(const struct core *c, const struct job *j, usec_t ran_us,
                                  usec_t *ret_holds_us)
{
    struct ask ask = ask_of(c, j);
    struct forecast_nodes nodes;
    struct known_runs known = known_runs(c, j);
    rest(c, j, &ask, ran_us, &nodes, ret_holds_us);
    struct forecast f = { .p10_us = nodes.us[0], .p50_us = nodes.us[NODES / 2],
                          .p90_us = nodes.us[NODES - 1] };
    bool told_alone = told_counts(c, &ask) && c->settings.estimates == ESTIMATES_TOLD;
    if (told_alone || (told_counts(c, &ask) && known.own == 0 && !progress_counts(c, &ask))) {
        f.source = FORECAST_TOLD;
        return f;
    }
    f.history_n = all_runs(&known);
    f.source = progress_counts(c, &ask) ? FORECAST_PROGRESS : known.own ? FORECAST_OWN : known.limit ? FORECAST_LIMIT
             : known.person ? FORECAST_PERSON : known.team ? FORECAST_TEAM : FORECAST_GUESS;
    f.source_n = f.source == FORECAST_PROGRESS ? 0 : known.own ? known.own : known.limit ? known.limit
               : known.person ? known.person : known.team;
    return f;
}

void estimate_tick(struct core *c, usec_t now_at)
{
    usec_t tick = now_at - ((now_at % ESTIMATE_TICK_US) + ESTIMATE_TICK_US) % ESTIMATE_TICK_US;
    if (tick == c->shown_at)
        return;
    c->shown_at = tick;
    weight_tick(c);
    for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++) {
        struct person *p = &c->persons[i];
        if (memcmp(&p->shown, &p->samples, sizeof p->shown) != 0) {
            p->shown = p->samples;
            c->shown_epoch++;
            person_changed(c, i);
        }
    }
    for (uint32_t i = 0; c->settings.pool && i < c->groups_used; i++) {
        struct group *g = &groups_of(c)[i];
        if (g->unshown) {
            c->sum -= group_hash(g);
            g->unshown = 0;
            c->sum += group_hash(g);
            c->shown_epoch++;
        }
    }
    if (memcmp(&c->team_shown, &c->team, sizeof c->team) != 0) {
        c->team_shown = c->team;
        c->shown_epoch++;
    }
}

void estimate_renew(struct core *c)
{
    c->shown_epoch++;
    c->renew_epoch++;
    for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++)
        c->persons[i].value_version++; /* and so are values, also of forecasts that stay what they were */
}
