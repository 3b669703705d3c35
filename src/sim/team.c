/* team.c - see team.h. */
#include "sim/team.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/capped.h"
#include "sim/progress.h"

/* --- options -------------------------------------------------------------------------------------- */

void team_defaults(struct team_options *t)
{
    *t = (struct team_options){ .families = { OFFICE_16 }, .families_n = 1, .weeks = 10, .seeds = 1, .seed = 1,
                                .spread = 0.5 };
}

static bool real(struct str s, double low, double high, double *ret)
{
    usec_t milli; /* a decimal number, read as seconds are */
    if (!trace_seconds(s, &milli))
        return false;
    *ret = (double)milli / 1e6;
    return *ret >= low && *ret <= high;
}

static bool loads_of(struct team_options *t, struct str text)
{
    struct str piece;
    t->loads_n = 0;
    while (str_next(&text, ',', &piece))
        if (t->loads_n == TEAM_LOADS_MAX || !real(piece, 0.05, 3, &t->loads[t->loads_n++]))
            return false;
    return t->loads_n > 0;
}

static bool families_of(struct team_options *t, struct str text)
{
    struct str piece;
    t->families_n = 0;
    while (str_next(&text, ',', &piece))
        if (t->families_n == OFFICE_FAMILY_COUNT || office_family_parse(piece, &t->families[t->families_n++]) < 0)
            return false;
    return t->families_n > 0;
}

static bool small(struct str s, uint64_t low, uint64_t high, uint32_t *ret)
{
    uint64_t n;
    if (str_u64(s, &n) < 0 || n < low || n > high)
        return false;
    *ret = (uint32_t)n;
    return true;
}

bool team_option(struct team_options *t, const char *name, const char *value)
{
    struct str s = str_of(value);
    if (!value)
        return false;
    if (strcmp(name, "--family") == 0)
        return families_of(t, s);
    if (strcmp(name, "--load") == 0)
        return loads_of(t, s);
    if (strcmp(name, "--spread") == 0)
        return real(s, 0, 2, &t->spread);
    if (strcmp(name, "--gpus") == 0)
        return small(s, 1, TRACE_GPUS_MAX, &t->gpus);
    if (strcmp(name, "--people") == 0)
        return small(s, 1, DRIVE_PERSONS_MAX, &t->people);
    if (strcmp(name, "--weeks") == 0)
        return small(s, 2, TEAM_WEEKS_MAX, &t->weeks);
    if (strcmp(name, "--early-fail") == 0)
        return real(s, 0, 1, &t->early_fail);
    if (strcmp(name, "--canary") == 0)
        return small(s, 0, (uint32_t)(CORE_CANARY_MAX_US / USEC_PER_MIN), &t->canary_min);
    if (strcmp(name, "--misstate") == 0)
        return small(s, 1, DRIVE_PERSONS_MAX, &t->misstate);
    return false;
}

/* --- one team ------------------------------------------------------------------------------------- */

void team_cap(const struct compare_options *c, struct office *o)
{
    if (c->power_cap) {
        o->capped = true;
        o->cap = c->cap;
    }
    if (o->capped)
        capped_fit(&o->trace, &o->cap, c->watts);
}

static void make(const struct team_options *t, enum office_family family, double load, uint64_t seed,
                 struct office_options *ret_options, struct office *ret)
{
    *ret_options = (struct office_options){ .family = family, .gpus = t->gpus, .people = t->people, .weeks = t->weeks,
                                            .load = load, .spread = t->spread, .seed = seed };
    office_make(ret_options, ret);
    struct compare_options mark = *t->compare;
    mark.seed = seed;
    team_cap(&mark, ret);
    compare_mark(&ret->trace, &mark);
    if (mark.sessions)
        presence_add_sessions(&ret->trace, &ret->presence);
}

static usec_t closed_from(const struct office *office) { return office->presence.from_at + 2 * USEC_PER_DAY; }

static int closed_best(const struct office_options *oo, const struct office *office, struct closed_result *ret, struct err *err)
{
    struct closed_plan plan;
    usec_t from_at = closed_from(office);
    closed_of_office(oo, office, &plan);
    int r = closed_at_best(&plan, &office->trace, &office->presence, from_at, from_at + (usec_t)oo->weeks * 7 * USEC_PER_DAY, ret, err);
    closed_plan_finish(&plan);
    return r;
}

static int run_team(const struct team_options *t, const struct office_options *oo, const struct office *office,
                    const struct compare_policy *policy, const struct billing *billing, const struct closed_result *best,
                    struct team_figures *ret, struct err *err)
{
    const struct compare_options *c = t->compare;
    struct drive_options d = { .policy = policy->policy, .preempt = policy->preempt, .gpus = office->gpus,
                               .seed = oo->seed, .estimates = c->estimates, .sigma = c->sigma, .no_eta = c->no_eta,
                               .mode = c->mode, .weekly = c->weekly, .agreed = c->agreed,
                               .settings = &c->settings, .billing = billing,
                               .zone = &office->zone, .person_hour = c->person_hour, .gpu_watts = c->watts, .cap = office->capped ? &office->cap : NULL,
                               .early_fail = t->early_fail, .canary_us = t->canary_min * USEC_PER_MIN };
    struct figures_options f = { .zone = &office->zone, .billing = billing,
                                 .gpu_watts = c->watts, .cap = d.cap, .gpus = office->gpus };
    *ret = (struct team_figures){ 0 };
    if (!c->closed_loop) {
        struct drive_result run;
        int r = drive_run(&office->trace, &office->presence, &d, NULL, &run, err);
        if (r < 0)
            return r;
        figures_make(&run, &office->presence, &f, &ret->f);
        drive_result_finish(&run);
        return 0;
    }
    struct closed_plan plan;
    struct closed_result closed;
    usec_t from_at = closed_from(office);
    f.until_at = from_at + (usec_t)oo->weeks * 7 * USEC_PER_DAY;
    closed_of_office(oo, office, &plan);
    int r = closed_run(&plan, &office->trace, &office->presence, &d, from_at, f.until_at, &closed, err);
    closed_plan_finish(&plan);
    if (r < 0)
        return r;
    figures_make(&closed.run, &office->presence, &f, &ret->f);
    ret->results_per_person_week = closed.results_per_person_week;
    ret->results_worst_over_mean = closed.results_worst_over_mean;
    ret->results_jain = closed.results_jain;
    if (best)
        ret->results_worst_share = closed_worst_share(&closed, best);
    closed_result_finish(&closed);
    return 0;
}

int team_one(const struct team_options *t, enum office_family family, double load, uint64_t seed,
             const struct compare_policy *policy, struct team_figures *ret, struct err *err)
{
    struct office_options oo;
    struct office office;
    make(t, family, load, seed, &oo, &office);
    int r = run_team(t, &oo, &office, policy, NULL, NULL, ret, err);
    office_finish(&office);
    return r;
}

/* --- many ----------------------------------------------------------------------------------------- */

struct cell { /* one seed */
    struct team_figures by_policy[COMPARE_POLICIES_MAX];
    struct compare_bound bound;
    bool interrupts; /* some jobs may be interrupted */
    uint32_t jobs, gpus, people;
    int64_t cap_mw; /* the highest; 0: no cap */
};

struct ratio {
    double mean, half; /* half the width of the 95 % interval; 0 with one seed */
};

/* Student's t at 97.5 % for n - 1 degrees of freedom. */
static double student(uint32_t n)
{
    static const double t[] = { 0, 0, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16,
                                2.14, 2.13, 2.12, 2.11, 2.10, 2.09 };
    return n < sizeof t / sizeof t[0] ? t[n] : 1.96 + 2.5 / n;
}

static struct ratio ratio_of(const double *values, uint32_t n)
{
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += values[i];
    double mean = sum / n;
    for (uint32_t i = 0; i < n; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return (struct ratio){ mean, n > 1 ? student(n) * sqrt(squares / (n - 1) / n) : 0 };
}

enum what { TTE, DELAY, PRICE, RESULTS };

static double value(const struct team_figures *f, enum what what)
{
    switch (what) {
    case TTE: return f->f.tte_mean_h;
    case DELAY: return f->f.delay_mean_h;
    case PRICE: return f->f.cost_per_kwh;
    case RESULTS: return f->results_per_person_week;
    }
    return 0;
}

/* Policy `a` by policy `b`, seed by seed. */
static struct ratio against(const struct cell *cells, uint32_t n, uint32_t a, uint32_t b, enum what what)
{
    double values[TEAM_SEEDS_MAX] = { 0 };
    for (uint32_t i = 0; i < n; i++) {
        double below = value(&cells[i].by_policy[b], what);
        values[i] = below > 0 ? value(&cells[i].by_policy[a], what) / below : 1;
    }
    return ratio_of(values, n);
}

/* Of the seeds of which it can be said; NAN: of none. */
static struct ratio by_bound(const struct team_options *t, const struct cell *cells, uint32_t a)
{
    double values[TEAM_SEEDS_MAX] = { 0 };
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->seeds; i++) {
        const struct team_figures *f = &cells[i].by_policy[a];
        double ratio = compare_by_bound(t->compare, &cells[i].bound, cells[i].jobs, t->compare->policies[a].preempt && cells[i].interrupts,
                                        &f->f, f->results_per_person_week);
        if (!isnan(ratio))
            values[n++] = ratio;
    }
    return n ? ratio_of(values, n) : (struct ratio){ NAN, 0 };
}

static void print_bounds(const struct team_options *t, const struct cell *cells, enum lang lang)
{
    struct compare_bound b = { 0 };
    for (uint32_t i = 0; i < t->seeds; i++) {
        b.h += cells[i].bound.h / t->seeds;
        b.preemptive_h += cells[i].bound.preemptive_h / t->seeds;
        b.results_per_person_week += cells[i].bound.results_per_person_week / t->seeds;
    }
    compare_print_bound(t->compare, &b, lang);
}

static struct figures mean_of(const struct cell *cells, uint32_t n, uint32_t a, struct team_figures *ret)
{
    struct figures m = { 0 };
    *ret = (struct team_figures){ 0 };
    for (uint32_t i = 0; i < n; i++) {
        const struct figures *f = &cells[i].by_policy[a].f;
#define ADD(name) m.name += f->name / n
        ADD(tte_mean_h); ADD(tte_p50_h); ADD(tte_p90_h); ADD(tte_p95_h); ADD(delay_mean_h); ADD(delay_p50_h);
        ADD(delay_p90_h); ADD(delay_p95_h); ADD(jct_mean_h); ADD(wait_mean_h); ADD(utilisation);
        ADD(off_hours_share); ADD(gpu_h); ADD(lost_gpu_h); ADD(kwh); ADD(cost); ADD(cost_per_kwh); ADD(jain);
        ADD(worst_over_mean); ADD(eta_p10_coverage); ADD(eta_octaves); ADD(eta_p50_coverage); ADD(eta_p90_coverage); ADD(wall_s);
        ADD(run_p50_coverage); ADD(run_p90_coverage); ADD(pinball_p50); ADD(pinball_p90); ADD(pinball_last_two);
#undef ADD
        if (f->eta_users) {
            m.eta_p90_least = m.eta_users ? fmin(m.eta_p90_least, f->eta_p90_least) : f->eta_p90_least;
            m.eta_p90_most = fmax(m.eta_p90_most, f->eta_p90_most);
        }
        m.peak_kw = fmax(m.peak_kw, f->peak_kw);
        m.booked_peak_kw = fmax(m.booked_peak_kw, f->booked_peak_kw);
        m.over_cap_h += f->over_cap_h;
        m.over_booked += f->over_booked;
        m.eta_users += f->eta_users;
        m.eta_users_well += f->eta_users_well;
        m.pinball_n += f->pinball_n;
        m.jobs += f->jobs;
        m.preemptions += f->preemptions;
        m.dropped += f->dropped;
        m.unfinished += f->unfinished;
        m.eta_n += f->eta_n;
        m.owners += f->owners;
        m.events += f->events;
        m.decisions += f->decisions;
        for (int w = 0; w < MODE_COUNT; w++)
            m.mode_weeks[w] += f->mode_weeks[w];
        ret->results_per_person_week += cells[i].by_policy[a].results_per_person_week / n;
        ret->results_worst_over_mean += cells[i].by_policy[a].results_worst_over_mean / n;
        ret->results_jain += cells[i].by_policy[a].results_jain / n;
        ret->results_worst_share += cells[i].by_policy[a].results_worst_share / n;
    }
    ret->f = m;
    return m;
}

/* Place of a policy that others are compared with; -1. */
static int place_of(const struct team_options *t, const char *word)
{
    for (uint32_t i = 0; i < t->compare->policies_n; i++)
        if (strcmp(t->compare->policies[i].word, word) == 0)
            return (int)i;
    return -1;
}

static const char *const peers[] = { "easy", "sjf", "saf", "srsf" };
#define PEERS (sizeof peers / sizeof peers[0])

static void print_ratio(const struct ratio *r)
{
    if (isnan(r->mean)) {
        printf(" %14s", "-");
        return;
    }
    printf(" %6.3f+-%.3f", r->mean, r->half);
}

static void print_table(const struct team_options *t, enum office_family family, double load, const struct cell *cells,
                        enum lang lang)
{
    bool closed = t->compare->closed_loop;
    printf(tr(lang, "%s: %u people, %u GPUs, load %.2f, %u weeks, %u seeds from %" PRIu64 ", %u jobs a seed; hours\n"),
           office_family_word(family), cells[0].people, cells[0].gpus, load, t->weeks, t->seeds, t->seed, cells[0].jobs);
    if (t->compare->bound)
        print_bounds(t, cells, lang);
    if (cells[0].cap_mw)
        printf(tr(lang, "under a power cap of at most %.2f kW\n"), (double)cells[0].cap_mw / 1e6);
    printf("%-9s %8s %8s %8s %8s %6s %6s %6s %6s %8s", "policy", "tte_mean", "tte_p95", "delay", "jct", "util", "price",
           "jain", "worst", "preempt");
    if (closed)
        printf(" %8s %8s %6s", "results", "worst", "jain");
    if (cells[0].cap_mw)
        printf(" %7s %6s", "peak_kw", "over_h");
    for (size_t k = 0; k < PEERS; k++)
        if (place_of(t, peers[k]) >= 0)
            printf(" %9s%-5s", closed ? "results/" : "tte/", peers[k]);
    if (place_of(t, "saf") >= 0 && !closed)
        printf(" %14s %14s", "delay/saf", "price/saf");
    if (t->compare->bound)
        printf(" %14s", closed ? "results/best" : "tte/bound");
    putchar('\n');
    for (uint32_t a = 0; a < t->compare->policies_n; a++) {
        struct team_figures m;
        struct figures f = mean_of(cells, t->seeds, a, &m);
        printf("%-9s %8.2f %8.2f %8.2f %8.2f %6.3f %6.1f %6.3f %6.2f %8.0f", t->compare->policies[a].word, f.tte_mean_h,
               f.tte_p95_h, f.delay_mean_h, f.jct_mean_h, f.utilisation, f.cost_per_kwh, f.jain, f.worst_over_mean,
               (double)f.preemptions / t->seeds);
        if (closed)
            printf(" %8.2f %8.2f %6.3f", m.results_per_person_week, m.results_worst_over_mean, m.results_jain);
        if (cells[0].cap_mw)
            printf(" %7.2f %6.2f", f.peak_kw, f.over_cap_h);
        for (size_t k = 0; k < PEERS; k++) {
            int b = place_of(t, peers[k]);
            if (b >= 0) {
                struct ratio r = against(cells, t->seeds, a, (uint32_t)b, closed ? RESULTS : TTE);
                print_ratio(&r);
            }
        }
        int saf = place_of(t, "saf");
        if (saf >= 0 && !closed) {
            struct ratio delay = against(cells, t->seeds, a, (uint32_t)saf, DELAY);
            struct ratio price = against(cells, t->seeds, a, (uint32_t)saf, PRICE);
            print_ratio(&delay);
            print_ratio(&price);
        }
        if (t->compare->bound) {
            struct ratio r = by_bound(t, cells, a);
            print_ratio(&r);
        }
        putchar('\n');
    }
    fflush(stdout);
}

static json_t *ratio_json(struct ratio r)
{
    if (isnan(r.mean))
        return json_null();
    return json_pack("{s:f,s:f}", "mean", r.mean, "half_width_95", r.half);
}

/* Seed by seed: what another run of the same teams can be put beside. */
static json_t *by_seed_json(const struct team_options *t, const struct cell *cells, uint32_t a, enum what what)
{
    json_t *seeds = json_array();
    for (uint32_t i = 0; i < t->seeds; i++)
        json_array_append_new(seeds, json_real(value(&cells[i].by_policy[a], what)));
    return seeds;
}

static void bounds_json(const struct team_options *t, const struct cell *cells, json_t *to)
{
    json_t *h = json_array(), *preemptive = json_array(), *results = json_array(), *worst = json_array();
    for (uint32_t i = 0; i < t->seeds; i++) {
        json_array_append_new(h, json_real(cells[i].bound.h));
        json_array_append_new(preemptive, json_real(cells[i].bound.preemptive_h));
        json_array_append_new(results, json_real(cells[i].bound.results_per_person_week));
        json_array_append_new(worst, json_real(cells[i].bound.results_worst_over_mean));
    }
    if (t->compare->closed_loop) {
        json_object_set(to, "results_at_best_by_seed", results);
        json_object_set(to, "worst_over_mean_at_best_by_seed", worst);
    } else {
        json_object_set(to, "bound_h_by_seed", h);
        json_object_set(to, "bound_preemptive_h_by_seed", preemptive);
    }
    json_decref(h);
    json_decref(preemptive);
    json_decref(results);
    json_decref(worst);
}

static json_t *json_of(const struct team_options *t, enum office_family family, double load, const struct cell *cells,
                       const struct billing *billing)
{
    json_t *j = json_object(), *policies = json_array();
    json_object_set_new(j, "family", json_string(office_family_word(family)));
    json_object_set_new(j, "load", json_real(load));
    json_object_set_new(j, "gpus", json_integer(cells[0].gpus));
    json_object_set_new(j, "people", json_integer(cells[0].people));
    json_object_set_new(j, "weeks", json_integer(t->weeks));
    json_object_set_new(j, "first_seed", json_integer((json_int_t)t->seed));
    json_object_set_new(j, "seeds", json_integer(t->seeds));
    compare_json_how(t->compare, j);
    json_object_set_new(j, "power_cap_kw", cells[0].cap_mw ? json_real((double)cells[0].cap_mw / 1e6) : json_null());
    for (uint32_t a = 0; a < t->compare->policies_n; a++) {
        struct team_figures m;
        (void)mean_of(cells, t->seeds, a, &m);
        json_t *p = compare_json(&t->compare->policies[a], &m.f, billing);
        if (t->compare->closed_loop) {
            json_object_set_new(p, "results_per_person_week", json_real(m.results_per_person_week));
            json_object_set_new(p, "results_worst_over_mean", json_real(m.results_worst_over_mean));
            json_object_set_new(p, "results_jain", json_real(m.results_jain));
            if (t->compare->bound)
                json_object_set_new(p, "results_worst_share", isnan(m.results_worst_share) ? json_null() : json_real(m.results_worst_share));
        }
        for (size_t k = 0; k < PEERS; k++) {
            char name[32];
            int b = place_of(t, peers[k]);
            if (b < 0)
                continue;
            snprintf(name, sizeof(name), "tte_over_%s", peers[k]);
            json_object_set_new(p, name, ratio_json(against(cells, t->seeds, a, (uint32_t)b, TTE)));
            snprintf(name, sizeof(name), "delay_over_%s", peers[k]);
            json_object_set_new(p, name, ratio_json(against(cells, t->seeds, a, (uint32_t)b, DELAY)));
            snprintf(name, sizeof(name), "price_over_%s", peers[k]);
            json_object_set_new(p, name, ratio_json(against(cells, t->seeds, a, (uint32_t)b, PRICE)));
            if (t->compare->closed_loop) {
                snprintf(name, sizeof(name), "results_over_%s", peers[k]);
                json_object_set_new(p, name, ratio_json(against(cells, t->seeds, a, (uint32_t)b, RESULTS)));
            }
        }
        if (t->compare->bound)
            json_object_set_new(p, t->compare->closed_loop ? "results_over_best" : "tte_over_bound",
                                ratio_json(by_bound(t, cells, a)));
        json_object_set_new(p, "tte_mean_h_by_seed", by_seed_json(t, cells, a, TTE));
        if (t->compare->closed_loop)
            json_object_set_new(p, "results_per_person_week_by_seed", by_seed_json(t, cells, a, RESULTS));
        json_array_append_new(policies, p);
    }
    if (t->compare->bound)
        bounds_json(t, cells, j);
    json_object_set_new(j, "policies", policies);
    return j;
}

/* All policies on one seed, and how good it could be. */
static int run_seed(const struct team_options *t, enum office_family family, double load, uint64_t seed,
                    const struct billing *billing, struct cell *ret, struct err *err)
{
    struct office_options oo;
    struct office office;
    struct closed_result best = { 0 };
    double best_h = INFINITY;
    int r = 0;
    make(t, family, load, seed, &oo, &office);
    *ret = (struct cell){ .jobs = (uint32_t)office.trace.jobs_n, .gpus = office.gpus, .people = office.people,
                          .cap_mw = office.capped ? capped_most_mw(&office.cap) : 0 };
    bool at_best = t->compare->bound && t->compare->closed_loop;
    if (at_best)
        r = closed_best(&oo, &office, &best, err);
    for (uint32_t a = 0; a < t->compare->policies_n && r == 0; a++) {
        r = run_team(t, &oo, &office, &t->compare->policies[a], billing, at_best ? &best : NULL, &ret->by_policy[a], err);
        best_h = fmin(best_h, ret->by_policy[a].f.tte_mean_h);
    }
    ret->interrupts = trace_interrupts(&office.trace);
    if (at_best)
        ret->bound = (struct compare_bound){ .results_per_person_week = best.results_per_person_week,
                                             .results_worst_over_mean = best.results_worst_over_mean };
    else if (r == 0 && t->compare->bound)
        ret->bound = compare_bound_of(t->compare, &office.trace, &office.presence, office.gpus, office.capped ? &office.cap : NULL,
                                      &office.zone, best_h);
    closed_result_finish(&best);
    office_finish(&office);
    return r;
}

int team_run(const struct team_options *t, enum lang lang)
{
    struct err err = { .translate = tr_of(lang) };
    struct cell *cells = calloc(t->seeds, sizeof(*cells));
    struct billing *billing = NULL;
    json_t *all = json_array();
    if (!cells)
        abort();
    uint32_t loads_n = t->loads_n ? t->loads_n : 1, at = 0, of = t->families_n * loads_n * t->seeds;
    int r = compare_billing(t->compare->tariff, &billing, &err);
    for (uint32_t i = 0; i < t->families_n && r == 0; i++) {
        for (uint32_t l = 0; l < loads_n && r == 0; l++) {
            double load = t->loads_n ? t->loads[l] : t->families[i] == OFFICE_OVERLOAD ? 1.1 : 0.7;
            for (uint32_t s = 0; s < t->seeds && r == 0; s++) {
                struct progress progress;
                progress_begin(&progress, t->compare->quiet || t->compare->json, office_family_word(t->families[i]),
                               at++, of);
                progress.begun_s -= 1;
                progress_jobs(&progress, 0, 1);
                r = run_seed(t, t->families[i], load, t->seed + s, billing, &cells[s], &err);
                progress_end(&progress);
            }
            if (r == 0 && t->compare->json)
                json_array_append_new(all, json_of(t, t->families[i], load, cells, billing));
            else if (r == 0)
                print_table(t, t->families[i], load, cells, lang);
        }
    }
    if (r == 0 && t->compare->json) {
        json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        putchar('\n');
    }
    if (r < 0)
        fprintf(stderr, "eoul sim: %s\n", err.text);
    json_decref(all);
    free(cells);
    billing_destroy(billing);
    return err_exit_status(r);
}
