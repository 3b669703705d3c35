/* compare.c - see compare.h. */
#include "sim/compare.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "sim/bound.h"
#include "sim/capped.h"
#include "sim/closed.h"
#include "sim/luck.h"
#include "sim/mode.h"
#include "sim/progress.h"
#include "sim/workload.h"

#define HEAD_MAX 4096

/* --- options -------------------------------------------------------------------------------------- */

void compare_defaults(struct compare_options *o)
{
    static const char *const words[] = { "easy", "sjf", "saf", "srsf", "las", "blend" };
    *o = (struct compare_options){ .calendars = "office", .estimates = ESTIMATE_HISTORY, .seed = 1,
                                   .weekly = true, .agreed = true, .watts = 300,
                                   .settings = CORE_SETTINGS_DEFAULT };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        o->policies_n += compare_policy_parse(str_of(words[i]), &o->policies[o->policies_n]);
}

bool compare_policy_parse(struct str word, struct compare_policy *ret)
{
    struct str name = word;
    bool without = word.len > 3 && str_is(str_slice(word, word.len - 3, word.len), "-np");
    bool with = word.len > 2 && !without && str_is(str_slice(word, word.len - 2, word.len), "-p");
    if (without || with)
        name = str_slice(word, 0, word.len - (without ? 3 : 2));
    if (word.len >= sizeof(ret->word) || policy_parse(name, &ret->policy) < 0)
        return false;
    memcpy(ret->word, word.ptr, word.len);
    ret->word[word.len] = '\0';
    /* Where orders come from papers, they are as there: only these three interrupt. */
    ret->preempt = with || (!without && (ret->policy == POLICY_BLEND || ret->policy == POLICY_SRSF
                                         || ret->policy == POLICY_LAS));
    return true;
}

static bool policies_of(struct compare_options *o, struct str text)
{
    struct str word;
    o->policies_n = 0;
    while (str_next(&text, ',', &word)) {
        if (o->policies_n == COMPARE_POLICIES_MAX
            || !compare_policy_parse(str_trim(word), &o->policies[o->policies_n]))
            return false;
        o->policies_n++;
    }
    return o->policies_n > 0;
}

static bool real(struct str s, double max, double *ret)
{
    usec_t milli; /* a decimal number, read as seconds are */
    if (!trace_seconds(s, &milli) || milli < 0)
        return false;
    *ret = (double)milli / 1e6;
    return *ret <= max;
}

static bool estimates_of(struct compare_options *o, struct str s)
{
    if (str_is(s, "exact"))
        o->estimates = ESTIMATE_EXACT;
    else if (str_is(s, "limit"))
        o->estimates = ESTIMATE_LIMIT;
    else if (str_is(s, "history"))
        o->estimates = ESTIMATE_HISTORY;
    else if (str_starts(s, "sigma:") && real(str_slice(s, 6, s.len), 5, &o->sigma))
        o->estimates = ESTIMATE_SIGMA;
    else
        return false;
    return true;
}

/* "4h", "90m", "3600" */
static bool length(struct str s, usec_t *ret)
{
    usec_t unit = USEC_PER_SEC, value;
    if (s.len && s.ptr[s.len - 1] == 'h')
        unit = USEC_PER_HOUR;
    else if (s.len && s.ptr[s.len - 1] == 'm')
        unit = USEC_PER_MIN;
    if (unit != USEC_PER_SEC)
        s = str_slice(s, 0, s.len - 1);
    if (!trace_seconds(s, &value) || value < 0 || value > 1000000 * USEC_PER_SEC)
        return false;
    *ret = value / USEC_PER_SEC * unit;
    return true;
}

static bool checkpoint_of(struct compare_options *o, struct str s)
{
    if (str_is(s, "trace"))
        o->checkpoint = CHECKPOINT_TRACE;
    else if (str_is(s, "none"))
        o->checkpoint = CHECKPOINT_NONE;
    else if (str_is(s, "all"))
        o->checkpoint = CHECKPOINT_ALL;
    else if (str_starts(s, "over:") && length(str_slice(s, 5, s.len), &o->checkpoint_over_us))
        o->checkpoint = CHECKPOINT_OVER;
    else if (real(s, 1, &o->checkpoint_share))
        o->checkpoint = CHECKPOINT_SHARE;
    else
        return false;
    return true;
}

/* "search_moves=100": any number of the core's settings, as they stand in event.h. */
static bool setting(struct compare_options *o, struct str s)
{
    struct str word = { 0 }, number = s;
    int64_t value;
    if (!str_next(&number, '=', &word) || str_i64(number, &value) < 0)
        return false;
#define F(type, name) \
    if (str_is(word, #name)) { \
        o->settings.name = (type)value; \
        return true; \
    }
    EV_SETTINGS(F, F)
#undef F
    return false;
}

bool compare_option(struct compare_options *o, const char *name, const char *value, bool *ret_took, struct err *err)
{
    struct str s = str_of(value);
    uint64_t n;
    *ret_took = false;
    if (strcmp(name, "--json") == 0)
        return o->json = true;
    if (strcmp(name, "--closed-loop") == 0)
        return o->closed_loop = true;
    if (strcmp(name, "--no-eta") == 0)
        return o->no_eta = true;
    if (strcmp(name, "--quiet") == 0)
        return o->quiet = true;
    *ret_took = true;
    if (!value)
        return false;
    if (strcmp(name, "--format") == 0)
        return o->format_given = trace_format_parse(s, &o->format) == 0;
    if (strcmp(name, "--team") == 0)
        return (o->team = value)[0] != '\0';
    if (strcmp(name, "--gpus") == 0) {
        bool fits = str_u64(s, &n) == 0 && n >= 1 && n <= TRACE_GPUS_MAX;
        o->gpus = fits ? (uint32_t)n : 0;
        return fits;
    }
    if (strcmp(name, "--policy") == 0)
        return policies_of(o, s);
    if (strcmp(name, "--estimates") == 0)
        return estimates_of(o, s);
    if (strcmp(name, "--calendars") == 0)
        return (o->calendars = value)[0] != '\0';
    if (strcmp(name, "--mode") == 0) {
        o->mode = MODE_LATER;
        return (o->weekly = str_is(s, "weekly")) || mode_parse(s, &o->mode) == 0;
    }
    if (strcmp(name, "--agreed") == 0)
        return (o->agreed = str_is(s, "everybody")) || str_is(s, "nobody");
    if (strcmp(name, "--presence") == 0)
        return (o->sessions = strcmp(value, "sessions") == 0) || strcmp(value, "calendar") == 0;
    if (strcmp(name, "--checkpoint") == 0)
        return checkpoint_of(o, s);
    if (strcmp(name, "--zone") == 0)
        return (o->zone = value)[0] != '\0';
    if (strcmp(name, "--tariff") == 0)
        return (o->tariff = value)[0] != '\0';
    if (strcmp(name, "--watts") == 0)
        return real(s, 10000, &o->watts);
    if (strcmp(name, "--power-cap") == 0 && str_is(s, "none"))
        return (o->power_cap = NULL) == NULL;
    if (strcmp(name, "--power-cap") == 0)
        return capped_parse(s, &o->cap, err) == 0 && (o->power_cap = value)[0] != '\0';
    if (strcmp(name, "--person-hour") == 0)
        return real(s, 1e9, &o->person_hour);
    if (strcmp(name, "--seed") == 0)
        return str_u64(s, &o->seed) == 0;
    if (strcmp(name, "--shake") == 0)
        return real(s, 1, &o->shake);
    if (strcmp(name, "--bound") == 0) {
        o->bound = str_u64(s, &n) == 0 && n <= 100000;
        o->bound_steps = o->bound ? (uint32_t)n : 0;
        return o->bound;
    }
    if (strcmp(name, "--set") == 0)
        return setting(o, s);
    return false;
}

const struct powercap *compare_cap(const struct compare_options *o) { return o->power_cap ? &o->cap : NULL; }

/* --- what it needs -------------------------------------------------------------------------------- */

int compare_billing(const char *name, struct billing **ret, struct err *err)
{
    *ret = NULL;
    if (name && strcmp(name, "none") == 0)
        return 0;
    return billing_load(name ? name : BILLING_BUILT_IN, ret, err);
}

void compare_mark(struct trace *t, const struct compare_options *o)
{
    struct prng p;
    for (size_t i = 0; i < t->jobs_n; i++) {
        struct trace_job *j = &t->jobs[i];
        switch (o->checkpoint) {
        case CHECKPOINT_TRACE: break;
        case CHECKPOINT_NONE: j->checkpoint = false; break;
        case CHECKPOINT_ALL: j->checkpoint = true; break;
        case CHECKPOINT_OVER: j->checkpoint = j->run_us > o->checkpoint_over_us; break;
        case CHECKPOINT_SHARE:
            prng_init(&p, hash_mix(o->seed, i), LUCK_FAULT);
            j->checkpoint = luck_unit(&p) <= o->checkpoint_share;
            break;
        }
    }
}

void compare_shake(struct trace *t, double shake, uint64_t seed)
{
    usec_t most = (usec_t)(shake * (double)USEC_PER_HOUR);
    struct prng p;
    if (shake <= 0)
        return;
    prng_init(&p, seed, LUCK_TRUTH);
    for (size_t i = 0; i < t->jobs_n; i++) {
        struct trace_job *j = &t->jobs[i];
        j->submit_at = usec_max(j->submit_at + luck_between(&p, -most, most), 0);
        j->run_us = usec_min(usec_max(luck_lognormal(&p, j->run_us, shake), USEC_PER_SEC), TRACE_RUN_MAX_US);
    }
    trace_sort(t);
}

struct compare_bound compare_bound_of(const struct compare_options *o, const struct trace *t, const struct presence *p,
                                      uint32_t gpus, const struct powercap *cap, const struct zone *zone, double best_h)
{
    struct bound_options b = { .gpus = gpus, .steps = o->bound_steps,
                               .target_us = best_h * (double)USEC_PER_HOUR * (double)t->jobs_n,
                               .cap = cap, .zone = zone, .gpu_watts = o->watts };
    struct compare_bound ret = { .h = bound_tte_h(t, p, &b) };
    b.preemptive = true;
    ret.preemptive_h = bound_tte_h(t, p, &b);
    return ret;
}

double compare_by_bound(const struct compare_options *o, const struct compare_bound *b, size_t jobs, bool interrupts,
                        const struct figures *f, double results_per_person_week)
{
    double least = interrupts ? b->preemptive_h : b->h;
    if (o->closed_loop)
        return b->results_per_person_week > 0 ? results_per_person_week / b->results_per_person_week : NAN;
    return least > 0 && f->jobs == jobs ? f->tte_mean_h / least : NAN;
}

void compare_print_bound(const struct compare_options *o, const struct compare_bound *b, enum lang lang)
{
    if (o->closed_loop)
        printf(tr(lang, "at best: %.2f results per person-week, if nobody ever waited\n"), b->results_per_person_week);
    else
        printf(tr(lang, "at best: %.2f without interrupting, %.2f with\n"), b->h, b->preemptive_h);
}

struct compare {
    const struct compare_options *o;
    enum lang lang;
    struct compare_bound bound;
    struct workload w;
    struct closed_plan plan;     /* closed loop */
    struct figures figures[COMPARE_POLICIES_MAX];
    double results[COMPARE_POLICIES_MAX]; /* per person-week; closed loop */
};

static int run_closed(struct compare *c, uint32_t i, const struct drive_options *d, struct figures_options *f,
                      struct err *err)
{
    const struct trace *t = &c->w.trace;
    struct closed_result closed;
    f->until_at = workload_weeks_until(&c->w);
    int r = closed_run(&c->plan, t, &c->w.presence, d, t->jobs[0].submit_at, f->until_at, &closed, err);
    if (r < 0)
        return r;
    figures_make(&closed.run, &c->w.presence, f, &c->figures[i]);
    c->results[i] = closed.results_per_person_week;
    closed_result_finish(&closed);
    return 0;
}

static int run_one(struct compare *c, uint32_t i, struct err *err)
{
    const struct compare_options *o = c->o;
    const struct workload *w = &c->w;
    struct drive_options d = { .policy = o->policies[i].policy, .preempt = o->policies[i].preempt,
        .gpus = w->gpus, .seed = o->seed, .estimates = o->estimates, .sigma = o->sigma,
        .mode = o->mode, .weekly = o->weekly, .agreed = o->agreed, .no_eta = o->no_eta,
        .settings = &o->settings, .billing = w->billing, .zone = &w->zone,
        .person_hour = o->person_hour, .gpu_watts = o->watts, .cap = compare_cap(o) };
    struct figures_options f = { .zone = &w->zone, .billing = w->billing,
                                 .gpu_watts = o->watts, .cap = d.cap, .gpus = w->gpus };
    if (o->closed_loop)
        return run_closed(c, i, &d, &f, err);
    struct drive_result run;
    struct progress progress;
    struct drive_hooks hooks = { .user = &progress, .progress = progress_jobs };
    progress_begin(&progress, o->quiet || o->json, o->policies[i].word, i, o->policies_n);
    int r = drive_run(&w->trace, &w->presence, &d, &hooks, &run, err);
    progress_end(&progress);
    if (r < 0)
        return r;
    figures_make(&run, &w->presence, &f, &c->figures[i]);
    drive_result_finish(&run);
    return 0;
}

static double by_bound(const struct compare *c, uint32_t i)
{
    return compare_by_bound(c->o, &c->bound, c->w.trace.jobs_n, c->o->policies[i].preempt && trace_interrupts(&c->w.trace),
                            &c->figures[i], c->results[i]);
}

static int find_bound(struct compare *c, struct err *err)
{
    const struct workload *w = &c->w;
    double best_h = INFINITY;
    if (c->o->closed_loop) {
        struct closed_result best;
        int r = closed_at_best(&c->plan, &w->trace, &w->presence, w->trace.jobs[0].submit_at, workload_weeks_until(w), &best, err);
        if (r == 0) {
            c->bound.results_per_person_week = best.results_per_person_week;
            closed_result_finish(&best);
        }
        return r;
    }
    for (uint32_t i = 0; i < c->o->policies_n; i++)
        best_h = fmin(best_h, c->figures[i].tte_mean_h);
    c->bound = compare_bound_of(c->o, &w->trace, &w->presence, w->gpus, compare_cap(c->o), &w->zone, best_h);
    return 0;
}

/* --- output --------------------------------------------------------------------------------------- */

void compare_json_how(const struct compare_options *o, json_t *to)
{
    json_object_set_new(to, "power_cap", o->power_cap ? json_string(o->power_cap) : json_null());
    json_object_set_new(to, "watts_per_gpu", json_real(o->watts));
    json_object_set_new(to, "mode", json_string(o->weekly ? "weekly" : mode_word(o->mode)));
    json_object_set_new(to, "agreed", json_string(o->agreed ? "everybody" : "nobody"));
}

/* Of blend: how many weeks each mode was picked for. */
static void json_weeks(json_t *to, const struct figures *f)
{
    json_t *weeks = json_object();
    for (int m = 0; m < MODE_COUNT; m++)
        json_object_set_new(weeks, mode_word((enum mode)m), json_integer(f->mode_weeks[m]));
    json_object_set_new(to, "weeks_by_mode", weeks);
}

json_t *compare_json(const struct compare_policy *p, const struct figures *f, const struct billing *b)
{
    json_t *j = json_object();
    json_object_set_new(j, "policy", json_string(p->word));
    json_object_set_new(j, "jobs", json_integer(f->jobs));
#define REAL(name) json_object_set_new(j, #name, json_real(f->name))
    REAL(tte_mean_h); REAL(tte_p50_h); REAL(tte_p95_h);
    REAL(delay_mean_h); REAL(jct_mean_h); REAL(wait_mean_h);
    REAL(utilisation);
    json_object_set_new(j, "cost_per_kwh", b ? json_real(f->cost_per_kwh) : json_null());
    json_object_set_new(j, "currency", b ? json_string(b->tariff.currency) : json_null());
    REAL(off_hours_share); REAL(jain); REAL(worst_over_mean);
    json_object_set_new(j, "preemptions", json_integer(f->preemptions));
    json_object_set_new(j, "eta_p10_coverage", f->eta_n ? json_real(f->eta_p10_coverage) : json_null());
    json_object_set_new(j, "eta_p50_coverage", f->eta_n ? json_real(f->eta_p50_coverage) : json_null());
    json_object_set_new(j, "eta_p90_coverage", f->eta_n ? json_real(f->eta_p90_coverage) : json_null());
#define KNOWN(name, n) json_object_set_new(j, #name, f->n ? json_real(f->name) : json_null())
    KNOWN(eta_octaves, eta_n);
    KNOWN(eta_p90_least, eta_users); KNOWN(eta_p90_most, eta_users);
    KNOWN(run_p50_coverage, pinball_n); KNOWN(run_p90_coverage, pinball_n);
    KNOWN(pinball_p50, pinball_n); KNOWN(pinball_p90, pinball_n); KNOWN(pinball_last_two, pinball_n);
#undef KNOWN
    json_object_set_new(j, "eta_users", json_integer(f->eta_users));
    json_object_set_new(j, "eta_users_well", json_integer(f->eta_users_well));
    json_object_set_new(j, "pinball_jobs", json_integer(f->pinball_n));
    REAL(wall_s);
    REAL(tte_p90_h); REAL(delay_p50_h); REAL(delay_p90_h); REAL(delay_p95_h);
    REAL(gpu_h); REAL(lost_gpu_h); REAL(kwh);
    json_object_set_new(j, "cost", b ? json_real(f->cost) : json_null());
#undef REAL
    if (f->booked_peak_kw > 0) {
        json_object_set_new(j, "peak_kw", json_real(f->peak_kw));
        json_object_set_new(j, "booked_peak_kw", json_real(f->booked_peak_kw));
        json_object_set_new(j, "over_cap_h", json_real(f->over_cap_h));
        json_object_set_new(j, "over_booked", json_integer((json_int_t)f->over_booked));
    }
    json_object_set_new(j, "eta_jobs", json_integer(f->eta_n));
    json_object_set_new(j, "owners", json_integer(f->owners));
    json_object_set_new(j, "dropped", json_integer(f->dropped));
    json_object_set_new(j, "unfinished", json_integer(f->unfinished));
    json_object_set_new(j, "events", json_integer((json_int_t)f->events));
    json_object_set_new(j, "decisions", json_integer((json_int_t)f->decisions));
    if (p->policy == POLICY_BLEND)
        json_weeks(j, f);
    return j;
}

static const char *estimates_word(const struct compare_options *o, char text[32])
{
    static const char *const words[] = { "exact", "sigma", "limit", "history" };
    if (o->estimates != ESTIMATE_SIGMA)
        return words[o->estimates];
    snprintf(text, 32, "sigma:%g", o->sigma);
    return text;
}

static void print_json(const struct compare *c)
{
    const struct trace *t = &c->w.trace;
    json_t *j = json_object(), *bad = json_array(), *policies = json_array();
    char text[32];
    json_object_set_new(j, "trace", json_string(c->o->trace));
    json_object_set_new(j, "format", json_string(trace_format_word(c->w.format)));
    json_object_set_new(j, "team", c->o->team ? json_string(c->o->team) : json_null());
    json_object_set_new(j, "rows", json_integer((json_int_t)t->rows));
    json_object_set_new(j, "rows_other_teams", json_integer((json_int_t)t->other_teams));
    json_object_set_new(j, "rows_bad", json_integer((json_int_t)t->faults_n));
    for (uint32_t i = 0; i < t->faults_shown; i++)
        json_array_append_new(bad, json_string(t->faults[i]));
    json_object_set_new(j, "bad", bad);
    json_object_set_new(j, "jobs", json_integer((json_int_t)t->jobs_n));
    json_object_set_new(j, "users", json_integer((json_int_t)t->users_n));
    json_object_set_new(j, "gpus", json_integer(c->w.gpus));
    json_object_set_new(j, "zone", json_string(c->w.zone_name));
    json_object_set_new(j, "calendars", json_string(c->o->calendars));
    json_object_set_new(j, "calendars_own", json_integer(c->w.presence.inferred));
    json_object_set_new(j, "estimates", json_string(estimates_word(c->o, text)));
    json_object_set_new(j, "seed", json_integer((json_int_t)c->o->seed));
    compare_json_how(c->o, j);
    json_object_set_new(j, "tariff", c->w.billing ? json_string(c->w.billing->tariff.name) : json_null());
    for (uint32_t i = 0; i < c->o->policies_n; i++) {
        json_t *p = compare_json(&c->o->policies[i], &c->figures[i], c->w.billing);
        if (c->o->closed_loop)
            json_object_set_new(p, "results_per_person_week", json_real(c->results[i]));
        if (c->o->bound)
            json_object_set_new(p, c->o->closed_loop ? "results_over_best" : "tte_over_bound",
                                isnan(by_bound(c, i)) ? json_null() : json_real(by_bound(c, i)));
        json_array_append_new(policies, p);
    }
    if (c->o->bound && c->o->closed_loop) {
        json_object_set_new(j, "results_at_best", json_real(c->bound.results_per_person_week));
    } else if (c->o->bound) {
        json_object_set_new(j, "bound_h", json_real(c->bound.h));
        json_object_set_new(j, "bound_preemptive_h", json_real(c->bound.preemptive_h));
    }
    json_object_set_new(j, "policies", policies);
    json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(j);
}

/* A share, or "-" where nothing was forecast. */
static const char *share(bool of, double value, char text[16])
{
    snprintf(text, 16, "%.3f", value);
    return of ? text : "-";
}

void compare_put_head(const struct compare_options *o, const struct workload *w, enum lang lang, struct buf *out)
{
    char text[32];
    bool blend = false;
    for (uint32_t i = 0; i < o->policies_n; i++)
        blend |= o->policies[i].policy == POLICY_BLEND;
    buf_printf(out, trn(lang, "%zu job", "%zu jobs", w->trace.jobs_n), w->trace.jobs_n);
    buf_printf(out, trn(lang, " of %zu user", " of %zu users", w->trace.users_n), w->trace.users_n);
    buf_printf(out, trn(lang, ", %u GPU", ", %u GPUs", w->gpus), w->gpus);
    buf_printf(out, tr(lang, ", zone %s, calendars %s, estimates %s, seed %" PRIu64 "\n"), w->zone_name, o->calendars,
               estimates_word(o, text), o->seed);
    if (blend)
        buf_printf(out, tr(lang, "blend: mode %s, starts moved later of %s\n"), o->weekly ? "weekly" : mode_word(o->mode),
                   tr(lang, o->agreed ? N_("everybody") : N_("nobody")));
    if (o->power_cap)
        buf_printf(out, tr(lang, "power cap %s, a GPU takes %g W unless the trace says\n"), o->power_cap, o->watts);
}

static void print_head(const struct compare *c)
{
    struct buf out;
    buf_init(&out, HEAD_MAX);
    compare_put_head(c->o, &c->w, c->lang, &out);
    struct str s = buf_look(&out);
    fwrite(s.ptr, 1, s.len, stdout);
    buf_finish(&out);
}

static void print_table(const struct compare *c)
{
    print_head(c);
    if (c->o->bound)
        compare_print_bound(c->o, &c->bound, c->lang);
    printf("%-9s %7s %10s %9s %9s %12s %10s %11s %11s %12s %8s %15s %6s %15s %11s %16s %16s %6s%s%s%s\n", "policy",
           "jobs", "tte_mean_h", "tte_p50_h", "tte_p95_h", "delay_mean_h", "jct_mean_h", "wait_mean_h",
           "utilisation", "cost_per_kwh", "currency", "off_hours_share", "jain", "worst_over_mean",
           "preemptions", "eta_p50_coverage", "eta_p90_coverage", "wall_s",
           c->o->closed_loop ? " results_per_person_week" : "", c->o->power_cap ? " peak_kw over_cap_h" : "",
           !c->o->bound ? "" : c->o->closed_loop ? " results/best" : "    tte/bound");
    for (uint32_t i = 0; i < c->o->policies_n; i++) {
        const struct figures *f = &c->figures[i];
        char p50[16], p90[16], bound[16];
        printf("%-9s %7u %10.2f %9.2f %9.2f %12.2f %10.2f %11.2f %11.3f %12.2f %8s %15.3f %6.3f %15.2f %11u "
               "%16s %16s %6.2f", c->o->policies[i].word, f->jobs, f->tte_mean_h, f->tte_p50_h,
               f->tte_p95_h, f->delay_mean_h, f->jct_mean_h, f->wait_mean_h, f->utilisation,
               f->cost_per_kwh, c->w.billing ? c->w.billing->tariff.currency : "-", f->off_hours_share, f->jain,
               f->worst_over_mean, f->preemptions, share(f->eta_n > 0, f->eta_p50_coverage, p50),
               share(f->eta_n > 0, f->eta_p90_coverage, p90), f->wall_s);
        if (c->o->closed_loop)
            printf(" %23.2f", c->results[i]);
        if (c->o->power_cap)
            printf(" %7.2f %10.2f", f->peak_kw, f->over_cap_h);
        if (c->o->bound)
            printf(" %12s", share(!isnan(by_bound(c, i)), by_bound(c, i), bound));
        putchar('\n');
    }
    for (uint32_t i = 0; i < c->o->policies_n; i++) {
        uint32_t left = c->figures[i].dropped + c->figures[i].unfinished;
        if (left)
            printf(trn(c->lang, "%s: %u job passed its deadline or never ended, and is not in the means\n",
                       "%s: %u jobs passed their deadline or never ended, and are not in the means\n", left),
                   c->o->policies[i].word, left);
    }
}

int compare_run(const struct compare_options *o, enum lang lang)
{
    struct err err = { .translate = tr_of(lang) };
    struct compare *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->o = o;
    c->lang = lang;
    int r = workload_load(o, 0, 0, &c->w, &err);
    if (r == 0)
        workload_tell_faults(&c->w, lang);
    if (r == 0 && o->closed_loop)
        closed_of_trace(&c->w.trace, &c->w.presence, &c->plan);
    for (uint32_t i = 0; i < o->policies_n && r == 0; i++)
        r = run_one(c, i, &err);
    if (r == 0 && o->bound)
        r = find_bound(c, &err);
    if (r < 0)
        fprintf(stderr, "eoul sim: %s\n", err.text);
    else if (o->json)
        print_json(c);
    else
        print_table(c);
    closed_plan_finish(&c->plan);
    workload_finish(&c->w);
    free(c);
    return err_exit_status(r);
}
