/* lengths.c - see lengths.h.  Lengths are log2 of microseconds here. */
#include "sim/lengths.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/box.h"
#include "sim/timer.h"

#define KEPT       30    /* runs of a group */
#define ROUNDING   0.006 /* the core counts in 1/512 */
#define NEAR       0.02  /* of a length */
#define OFF_RUNS   10    /* of a person's, before they count alone */
#define LONGEST_US ((double)(3650 * USEC_PER_DAY))
#define TOLD_PARTS 15

#define BREAK(v, rule, ...) verdict_break((v)->verdict, rule, __VA_ARGS__)

struct runs {
    double log[KEPT];
    uint32_t n;
};

struct kind { /* of one owner, command and width; with a limit: of one owner and limit */
    uint32_t owner, gpus;
    uint64_t command_key;
    usec_t limit_us;
    struct runs runs;
    uint32_t unshown;
    uint64_t used; /* the one used longest ago makes room; 0: free */
};

enum edge { LEAST, MOST }; /* between them the core's rounding leaves it */

struct off { /* log2 of a run by what was said of it */
    struct runs p50, p90;
};

struct said {
    double p50[2], p90[2]; /* by edge; 0: nothing */
    double all_us[2], done; /* by how far it said it is: the whole run, at least and at most, and the part; 0: it did not */
};

struct lengths {
    struct kind *kinds;
    uint64_t uses;
    struct runs persons[CORE_PERSONS_MAX + 1], persons_shown[CORE_PERSONS_MAX + 1], team, team_shown;
    struct off off[CORE_PERSONS_MAX + 1][2]; /* by edge; 0: of everybody */
    struct said *said;                       /* by job */
    size_t said_size;
    bool unsure;                             /* something was too near to call */
};

static struct lengths *of(struct lengths **l)
{
    if (!*l)
        *l = calloc(1, sizeof **l);
    if (*l && !(*l)->kinds)
        (*l)->kinds = calloc(BOX_SMALL.groups, sizeof *(*l)->kinds);
    if (!*l || !(*l)->kinds)
        abort();
    return *l;
}

void lengths_destroy(struct lengths *l)
{
    if (l) {
        free(l->kinds);
        free(l->said);
    }
    free(l);
}

static void add(struct runs *r, double log)
{
    if (r->n == KEPT)
        memmove(r->log, r->log + 1, --r->n * sizeof *r->log);
    r->log[r->n++] = log;
}

/* --- what has ended ---------------------------------------------------------------------------------- */

static struct kind *find(struct lengths *l, const struct ledger_job *j, bool by_limit)
{
    for (uint32_t i = 0; i < BOX_SMALL.groups; i++) {
        struct kind *k = &l->kinds[i];
        if (!k->used || k->owner != j->owner || (k->limit_us != 0) != by_limit)
            continue;
        if (by_limit ? k->limit_us == j->limit_us : k->command_key == j->command_key && k->gpus == j->gpus)
            return k;
    }
    return NULL;
}

static struct kind *enter(struct lengths *l, const struct ledger_job *j, bool by_limit)
{
    struct kind *k = find(l, j, by_limit);
    if (!k) {
        k = &l->kinds[0];
        for (uint32_t i = 1; i < BOX_SMALL.groups && k->used; i++)
            if (l->kinds[i].used < k->used)
                k = &l->kinds[i];
        *k = (struct kind){ .owner = j->owner, .gpus = by_limit ? 0 : j->gpus, .command_key = by_limit ? 0 : j->command_key,
                            .limit_us = by_limit ? j->limit_us : 0 };
    }
    k->used = ++l->uses;
    return k;
}

static void record(struct lengths *l, const struct ledger_job *j, const struct ev_settings *s, usec_t work_us)
{
    double log = log2((double)usec_max(work_us, USEC_PER_MSEC));
    add(&enter(l, j, false)->runs, log);
    if (s->pool && j->limit_us) {
        struct kind *k = enter(l, j, true);
        add(&k->runs, log);
        if (++k->unshown > 15 || k->runs.n <= 10)
            k->unshown = 0;
    }
    add(&l->persons[j->owner], log);
    if (l->persons_shown[j->owner].n < 10)
        l->persons_shown[j->owner] = l->persons[j->owner];
    add(&l->team, log);
    if (l->team_shown.n < 10)
        l->team_shown = l->team;
}

void lengths_tick(struct lengths **at)
{
    struct lengths *l = of(at);
    memcpy(l->persons_shown, l->persons, sizeof l->persons);
    l->team_shown = l->team;
    for (uint32_t i = 0; i < BOX_SMALL.groups; i++)
        l->kinds[i].unshown = 0;
}

/* --- the pool ---------------------------------------------------------------------------------------- */

struct part {
    double log;
    uint32_t weight;
};
struct parts {
    struct part at[4 * KEPT + 2 * TOLD_PARTS + 5];
    uint32_t n;
};

static void put(struct parts *p, double log, double weight)
{
    p->at[p->n++] = (struct part){ log, (uint32_t)lround(weight) };
}

static void put_runs(struct parts *p, const struct ev_settings *s, const struct runs *r, uint32_t unshown, uint32_t most,
                     double weight)
{
    uint32_t n = r->n - unshown;
    for (uint32_t age = 0; age < n && age < most; age++)
        put(p, r->log[n - 1 - age], weight * (double)lround(64 * (s->pool ? exp2(-(double)age / 8) : 1)));
}

/* Of a normal distribution the point below which lies this part. */
static double normal(double part)
{
    double low = -8, high = 8;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (erfc(-middle / sqrt(2)) / 2 < part)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void put_told(struct parts *p, const struct lengths_job *job)
{
    double middle = log2((double)job->told_us), sd = (job->told_sd_milli < 5000 ? job->told_sd_milli : 5000) / 1000.0 / log(2);
    for (int i = 0; i <= TOLD_PARTS; i++) {
        double log = middle + sd * (i < TOLD_PARTS ? normal((i + .5) / TOLD_PARTS) : 2.5);
        put(p, log < 0 ? 0 : log > INT16_MAX / 512.0 ? INT16_MAX / 512.0 : log, i < TOLD_PARTS ? 128 : 64);
    }
}

static void put_progress(struct parts *p, const struct said *said, enum edge edge)
{
    double all_us = said->all_us[edge], done_us = all_us * said->done, rest_us = fmax(all_us - done_us, (double)USEC_PER_SEC);
    for (int i = 0; i <= TOLD_PARTS; i++)
        put(p, log2(done_us + rest_us * exp(0.35 * (i < TOLD_PARTS ? normal((i + .5) / TOLD_PARTS) : 2.5))),
            i < TOLD_PARTS ? 1024 : 512);
}

static int by_log(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    return x->log < y->log ? -1 : x->log > y->log;
}

static void pool(struct lengths *l, const struct ledger_job *j, const struct ev_settings *s, const struct lengths_job *job,
                 bool runs, enum edge edge, struct parts *p)
{
    p->n = 0;
    if (job->told_us > 0 && s->estimates != ESTIMATES_HISTORY)
        put_told(p, job);
    if (p->n == 0 || s->estimates != ESTIMATES_TOLD) {
        const struct kind *own = find(l, j, false), *limit = s->pool && j->limit_us ? find(l, j, true) : NULL;
        const struct said *said = runs && job->id < l->said_size ? &l->said[job->id] : NULL;
        double guess = log2((double)usec_max(s->runtime_guess_us, USEC_PER_SEC));
        if (said && said->all_us[edge] > 0 && s->pool)
            put_progress(p, said, edge);
        if (own)
            put_runs(p, s, &own->runs, 0, 30, 8);
        if (limit)
            put_runs(p, s, &limit->runs, limit->unshown, 15, 8);
        put_runs(p, s, &l->persons_shown[j->owner], 0, 10, 2);
        put_runs(p, s, &l->team_shown, 0, 5, 1);
        for (int i = -1; i <= 1; i++)
            put(p, guess + 2 * i, 64);
    }
    qsort(p->at, p->n, sizeof *p->at, by_log);
}

struct three {
    double us[3]; /* P10, P50, P90 */
};
static const uint32_t permille[3] = { 100, 500, 900 };

/* Of the whole run, when so much is done; false: too near to call. */
static bool whole(const struct parts *p, usec_t work_us, struct three *ret)
{
    double work = work_us > 0 ? log2((double)work_us) : -1;
    uint64_t total = 0;
    uint32_t first = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        if (work_us > 0 && fabs(p->at[i].log - work) < ROUNDING)
            return false;
        first += p->at[i].log <= work;
    }
    for (uint32_t i = first; i < p->n; i++)
        total += p->at[i].weight;
    double step = (floor(work * 4) + 1) / 4;
    static const double beyond[3] = { 0, 0.5, 1.5 };
    for (int k = 0; k < 3; k++) {
        uint64_t below = 0;
        double log = step + beyond[k];
        for (uint32_t i = first; i < p->n && below * 1000 < total * permille[k]; i++) {
            below += p->at[i].weight;
            log = p->at[i].log;
        }
        ret->us[k] = fmin(fmax(exp2(log), (double)USEC_PER_SEC), LONGEST_US);
    }
    return total > 0 || fabs(work * 4 - round(work * 4)) > 4 * ROUNDING;
}

/* Of this attempt; its limit cuts it.  A rounding of the whole run may be most of what is left when much is kept. */
static bool attempt(struct lengths *l, const struct invariant *v, const struct ev_settings *s, const struct lengths_job *job,
                    usec_t ran_us, enum edge edge, struct three *ret)
{
    const struct ledger_job *j = invariant_job(v, job->id);
    struct parts p;
    usec_t worked_us = usec_max(ran_us - job->restart_us, 0), work_us = job->kept_us + worked_us;
    bool alone = job->told_us > 0 && s->estimates == ESTIMATES_TOLD && job->told_sd_milli == 0;
    if (alone && work_us < job->told_us) {
        for (int k = 0; k < 3; k++)
            ret->us[k] = fmin((double)job->told_us, LONGEST_US);
    } else {
        pool(l, j, s, job, ran_us > 0, edge, &p);
        if (!whole(&p, work_us, ret))
            return false;
        for (int k = 0; k < 3 && job->kept_us; k++)
            ret->us[k] *= exp2(edge == MOST ? ROUNDING : -ROUNDING);
    }
    for (int k = 0; k < 3; k++) {
        double us = fmax(ret->us[k] - (double)job->kept_us, (double)USEC_PER_SEC) + (double)job->restart_us;
        us = fmax(us, (double)ran_us);
        ret->us[k] = j->limit_us ? fmax(fmin(us, (double)j->limit_us), (double)ran_us) : us;
    }
    return true;
}

/* --- how far off ------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Number (n + 1) x part of them, rounded down or up. */
static double ranked(const struct runs *r, uint32_t part, bool up)
{
    double sorted[KEPT];
    memcpy(sorted, r->log, sizeof sorted);
    qsort(sorted, r->n, sizeof *sorted, by_value);
    uint32_t at = ((r->n + 1) * part + (up ? 999 : 0)) / 1000;
    return sorted[(at < 1 ? 1 : at > r->n ? r->n : at) - 1];
}

/* From the plain forecast to the one that is given. */
static void widen(const struct lengths *l, uint32_t owner, usec_t limit_us, usec_t ran_us, enum edge edge, struct three *t)
{
    const struct off *o = &l->off[l->off[owner][edge].p50.n < OFF_RUNS ? 0 : owner][edge];
    if (o->p50.n < OFF_RUNS)
        return;
    double low = ranked(&o->p50, 400, false), high = ranked(&o->p50, 600, true);
    double middle = low > 0 ? low : high < 0 ? high : 0, late = fmax(ranked(&o->p90, 900, true), 0);
    double logs[4] = { middle, middle, (middle + late) / 2, late }, us[4] = { t->us[0], t->us[1], t->us[1], t->us[2] };
    for (int k = 0; k < 4; k++) {
        us[k] = (double)ran_us + fmin(fmax(us[k] - (double)ran_us, (double)USEC_PER_SEC) * exp2(logs[k]), LONGEST_US);
        us[k] = limit_us ? fmax(fmin(us[k], (double)limit_us), (double)ran_us) : us[k];
        us[k] = k ? fmax(us[k], us[k - 1]) : us[k];
    }
    *t = (struct three){ { us[0], us[1], us[3] } };
}

static double clipped(double off)
{
    return off < -16 ? -16 : off > 16 ? 16 : off;
}

static void score(struct lengths *l, const struct ev_settings *s, uint32_t owner, const struct said *said, usec_t ran_us)
{
    double ran = log2((double)usec_max(ran_us, USEC_PER_SEC));
    if (s->calibrate < 2 || said->p90[LEAST] == 0)
        return;
    for (uint32_t i = 0; i < 4; i++) {
        enum edge edge = i % 2 ? MOST : LEAST, other = i % 2 ? LEAST : MOST; /* least off is it from the longest */
        struct off *o = &l->off[i / 2 ? owner : 0][edge];
        add(&o->p50, clipped(ran - said->p50[other]));
        add(&o->p90, clipped(ran - said->p90[other]));
    }
}

/* --- what happens ------------------------------------------------------------------------------------ */

void lengths_begins(struct lengths **at, const struct invariant *v, const struct ev_settings *s, const struct lengths_job *job)
{
    struct lengths *l = of(at);
    struct three t[2];
    l->said = sim_grow(l->said, &l->said_size, job->id + 1, sizeof *l->said);
    l->said[job->id] = (struct said){ 0 };
    if (s->calibrate < 2 || invariant_job(v, job->id)->canary)
        return;
    if (!attempt(l, v, s, job, 0, LEAST, &t[LEAST]) || !attempt(l, v, s, job, 0, MOST, &t[MOST])) {
        l->unsure = true;
        return;
    }
    for (int edge = LEAST; edge <= MOST; edge++) {
        l->said[job->id].p50[edge] = log2(fmax(t[edge].us[1], 1e6));
        l->said[job->id].p90[edge] = log2(fmax(t[edge].us[2], 1e6));
    }
}

void lengths_progress(struct lengths **at, const struct invariant *v, const struct ev_settings *s, const struct lengths_job *job,
                      usec_t ran_us, uint32_t done_ppm)
{
    struct lengths *l = of(at);
    usec_t work_us = job->kept_us + usec_max(ran_us - job->restart_us, 0);
    l->said = sim_grow(l->said, &l->said_size, job->id + 1, sizeof *l->said);
    struct said *said = &l->said[job->id];
    said->done = done_ppm / 1e6;
    said->all_us[LEAST] = said->all_us[MOST] = 0;
    if (!s->pool || invariant_job(v, job->id)->canary || done_ppm < 10000 || work_us < 10 * USEC_PER_SEC)
        return;
    double log = 64 * log2((double)work_us / said->done), off = 64 * 1.5 / 512; /* kept in 1/64 of an octave, of three rounded to 1/512 */
    said->all_us[LEAST] = exp2(round(log - off) / 64);
    said->all_us[MOST] = exp2(round(log + off) / 64);
}

bool lengths_progressed(const struct lengths *l, job_id id)
{
    return l && id < l->said_size && l->said[id].all_us[LEAST] > 0;
}

/* Did it fail?  Then it is scored, and a run if it was late and of its own doing. */
static bool failed(const struct ev_ended *e, const struct core_update *u)
{
    if (u->to == JOB_CANCELLED || u->to == JOB_NODE_FAIL || u->reason == REASON_REQUEUED || u->reason == REASON_PREEMPTED)
        return false;
    if (e->cause == END_STOPPED)
        return false;
    return u->from == JOB_RUNNING || e->quarantine || (e->cause != END_LAUNCH && e->cause != END_GPU_BUSY);
}

void lengths_ended(struct lengths **at, const struct invariant *v, const struct ev_settings *s, const struct lengths_job *job,
                   usec_t ran_us, const struct core_update *u)
{
    struct lengths *l = of(at);
    const struct ledger_job *j = invariant_job(v, job->id);
    const struct ev_ended *e = &v->ev->ended;
    usec_t work_us = job->kept_us + usec_max(ran_us - job->restart_us, 0);
    bool well = u->to == JOB_COMPLETED, limit = e->cause == END_TIME_LIMIT && u->reason == REASON_TIME_LIMIT;
    if (v->ev->kind != EVENT_ENDED || e->job != job->id || j->canary || (!well && !failed(e, u)))
        return;
    struct said said = job->id < l->said_size ? l->said[job->id] : (struct said){ 0 };
    if (e->cause != END_LAUNCH && e->cause != END_GPU_BUSY)
        score(l, s, j->owner, &said, ran_us);
    struct lengths_job like = { .id = job->id };
    struct parts p;
    struct three t;
    if (well || limit) {
        record(l, j, s, work_us);
        return;
    }
    if (!s->pool || e->cause == END_LAUNCH || e->cause == END_GPU_BUSY || j->making_way)
        return; /* it never ran, or was not to go on */
    pool(l, j, s, &like, false, LEAST, &p);
    whole(&p, 0, &t);
    if (fabs(log2(fmax((double)work_us, 1)) - log2(t.us[0])) < ROUNDING)
        l->unsure = true;
    else if ((double)work_us >= t.us[0])
        record(l, j, s, work_us);
}

static uint32_t at_most(uint32_t n, uint32_t most) { return n < most ? n : most; }

/* What a length is said to be taken from, and how many runs of it. */
static void judge_source(struct lengths *l, const struct invariant *v, const struct ev_settings *s, const struct lengths_job *job,
                         usec_t ran_us, const struct forecast *said)
{
    const struct ledger_job *j = invariant_job(v, job->id);
    const struct kind *own = find(l, j, false), *limit = s->pool && j->limit_us ? find(l, j, true) : NULL;
    bool told = job->told_us > 0 && s->estimates != ESTIMATES_HISTORY, alone = told && s->estimates == ESTIMATES_TOLD;
    bool progress = s->pool && ran_us > 0 && lengths_progressed(l, job->id);
    const struct { enum forecast_source source; bool is; uint32_t n; } sources[] = {
        { FORECAST_TOLD, alone, 0 },
        { FORECAST_PROGRESS, progress, 0 },
        { FORECAST_OWN, own && own->runs.n, own ? own->runs.n : 0 },
        { FORECAST_TOLD, told, 0 },
        { FORECAST_LIMIT, limit && limit->runs.n > limit->unshown, limit ? at_most(limit->runs.n - limit->unshown, 15) : 0 },
        { FORECAST_PERSON, l->persons_shown[j->owner].n > 0, at_most(l->persons_shown[j->owner].n, 10) },
        { FORECAST_TEAM, l->team_shown.n > 0, at_most(l->team_shown.n, 5) },
        { FORECAST_GUESS, true, 0 },
    };
    size_t i = 0;
    while (!sources[i].is)
        i++;
    if (said->source != sources[i].source || said->source_n != sources[i].n)
        BREAK(v, "length", "job %u's length is said to be of %u runs of source %d, and is of %u of source %d", job->id,
              said->source_n, (int)said->source, sources[i].n, (int)sources[i].source);
}

void lengths_judge(struct lengths **at, const struct invariant *v, const struct ev_settings *s, const struct lengths_job *job,
                   usec_t ran_us, const struct forecast *said)
{
    struct lengths *l = of(at);
    const struct ledger_job *j = invariant_job(v, job->id);
    struct three is[2];
    if (l->unsure || j->canary)
        return;
    judge_source(l, v, s, job, ran_us, said);
    for (int edge = LEAST; edge <= MOST; edge++) {
        if (!attempt(l, v, s, job, ran_us, (enum edge)edge, &is[edge]))
            return;
        if (s->calibrate > 1)
            widen(l, j->owner, j->limit_us, ran_us, (enum edge)edge, &is[edge]);
    }
    usec_t us[3] = { said->p10_us, said->p50_us, said->p90_us };
    for (int k = 0; k < 3; k++) {
        double least = fmin(is[LEAST].us[k], is[MOST].us[k]), most = fmax(is[LEAST].us[k], is[MOST].us[k]);
        double near = fmin(fmax((double)us[k], least), most);
        double room = NEAR * (fmax((double)us[k], near) + (double)job->kept_us) + 2e6;
        if (fabs((double)us[k] - near) > room)
            BREAK(v, "length", "job %u is said to run %.0f s at P%u, after %.0f s, and by what ended it is %.0f s", job->id,
                  (double)us[k] / 1e6, permille[k] / 10, (double)ran_us / 1e6, near / 1e6);
    }
}
