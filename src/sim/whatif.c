/* whatif.c - see whatif.h. */
#include "sim/whatif.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "sim/closed.h"
#include "sim/progress.h"
#include "sim/wants.h"
#include "sim/workload.h"

#define YEAR_H (365.25 * 24)
#define SHORT_US      (14 * USEC_PER_DAY)
#define SVG_BYTES_MAX (4u << 20)

/* --- options -------------------------------------------------------------------------------------- */

static bool number(const char *value, double low, double high, double *ret)
{
    usec_t milli; /* a decimal number, read as seconds are */
    if (!trace_seconds(str_of(value), &milli))
        return false;
    *ret = (double)milli / 1e6;
    return *ret >= low && *ret <= high;
}

/* "+2,+4" or "18,20" */
static bool gpus_of(struct whatif_options *o, struct str text)
{
    struct str piece;
    o->gpus_n = 0;
    while (str_next(&text, ',', &piece)) {
        uint64_t n;
        piece = str_trim(piece);
        bool more = piece.len > 0 && piece.ptr[0] == '+';
        if (o->gpus_n == WHATIF_GPUS_MAX || str_u64(more ? str_slice(piece, 1, piece.len) : piece, &n) < 0
            || n > TRACE_GPUS_MAX || (!more && n == 0))
            return false;
        o->gpus[o->gpus_n].more = more;
        o->gpus[o->gpus_n++].n = (uint32_t)n;
    }
    return o->gpus_n > 0;
}

static bool own_option(struct whatif_options *o, const char *name, const char *value, struct err *err)
{
    uint64_t n;
    if (!value)
        return false;
    if (strcmp(name, "--gpus") == 0)
        return gpus_of(o, str_of(value));
    if (strcmp(name, "--have") == 0) {
        bool fits = str_u64(str_of(value), &n) == 0 && n >= 1 && n <= TRACE_GPUS_MAX;
        o->have = fits ? (uint32_t)n : 0;
        return fits;
    }
    if (strcmp(name, "--goal") == 0)
        return goal_parse(str_of(value), &o->goal, err) == 0;
    if (strcmp(name, "--svg") == 0)
        return (o->svg = value)[0] != '\0';
    if (strcmp(name, "--gpu-price") == 0)
        return number(value, 0, 1e11, &o->gpu_price);
    if (strcmp(name, "--gpu-years") == 0)
        return number(value, 0.1, 50, &o->gpu_years);
    return false;
}

/* --- one option ----------------------------------------------------------------------------------- */

struct whatif {
    const struct whatif_options *o;
    struct workload w;
    struct closed_plan plan;
    struct whatif_row rows[WHATIF_OPTIONS_MAX];
    uint32_t rows_n;
    struct whatif_row uncapped; /* the first of them without the power cap, if there is one */
    struct progress progress;
};

static double value_of(const struct goal *g, const struct whatif_row *r)
{
    const struct figures *f = &r->f;
    const double delay[] = { f->delay_mean_h, f->delay_p50_h, f->delay_p90_h, f->delay_p95_h };
    const double tte[] = { f->tte_mean_h, f->tte_p50_h, f->tte_p90_h, f->tte_p95_h };
    switch (g->what) {
    case GOAL_DELAY: return delay[g->of];
    case GOAL_TTE: return tte[g->of];
    case GOAL_WAIT: return f->wait_mean_h;
    case GOAL_RESULTS: return r->results;
    case GOAL_UTILISATION: return f->utilisation;
    }
    return 0;
}

static int run_row(struct whatif *x, struct whatif_row *row, uint32_t have, const struct powercap *cap, struct err *err)
{
    const struct compare_options *c = x->o->compare;
    const struct workload *w = &x->w;
    struct drive_options d = { .policy = row->policy.policy, .preempt = row->policy.preempt, .gpus = row->gpus,
        .seed = c->seed, .estimates = c->estimates, .sigma = c->sigma,
        .mode = c->mode, .weekly = c->weekly, .agreed = c->agreed, .no_eta = true, .settings = &c->settings,
        .billing = w->billing, .zone = &w->zone, .person_hour = c->person_hour,
        .gpu_watts = c->watts, .cap = cap };
    struct figures_options f = { .zone = &w->zone, .billing = w->billing, .gpu_watts = c->watts, .cap = cap,
                                 .gpus = row->gpus };
    struct drive_hooks hooks = { .user = &x->progress, .progress = progress_jobs };
    struct drive_result run;
    struct closed_result closed;
    int r = drive_run(&w->trace, &w->presence, &d, &hooks, &run, err);
    if (r < 0)
        return r;
    figures_make(&run, &w->presence, &f, &row->f);
    drive_result_finish(&run);
    usec_t from_at = w->trace.jobs[0].submit_at, until_at = workload_weeks_until(w);
    r = closed_run(&x->plan, &w->trace, &w->presence, &d, from_at, until_at, &closed, err);
    if (r < 0)
        return r;
    row->results = closed.results_per_person_week;
    drive_result_finish(&closed.run);
    double years = (double)(until_at - from_at) / (double)USEC_PER_HOUR / YEAR_H;
    row->kwh_year = row->f.kwh / years;
    row->power_year = row->f.cost / years;
    row->gpus_year = row->gpus > have ? (row->gpus - have) * x->o->gpu_price / x->o->gpu_years : 0;
    for (int h = 0; h < FIGURES_HOURS; h++)
        row->busy_by_hour[h % 24] += row->f.busy_by_hour[h] / 7;
    const struct goal *g = &x->o->goal;
    row->goal_value = value_of(g, row);
    row->reaches = g->given && (g->below ? row->goal_value < g->value : row->goal_value > g->value);
    return 0;
}

/* --- all ------------------------------------------------------------------------------------------ */

static void add_rows(struct whatif *x, uint32_t gpus)
{
    for (uint32_t i = 0; i < x->rows_n; i++)
        if (x->rows[i].gpus == gpus)
            return;
    for (uint32_t p = 0; p < x->o->compare->policies_n && x->rows_n < WHATIF_OPTIONS_MAX; p++)
        x->rows[x->rows_n++] = (struct whatif_row){ .gpus = gpus, .policy = x->o->compare->policies[p] };
}

static int cheapest(const struct whatif *x)
{
    int best = -1;
    for (uint32_t i = 0; i < x->rows_n; i++) {
        const struct whatif_row *r = &x->rows[i];
        if (r->reaches && (best < 0 || r->gpus_year + r->power_year
                                       < x->rows[best].gpus_year + x->rows[best].power_year))
            best = (int)i;
    }
    return best;
}

static int nearest(const struct whatif *x)
{
    const struct goal *g = &x->o->goal;
    uint32_t best = 0;
    for (uint32_t i = 1; i < x->rows_n; i++)
        if (g->below ? x->rows[i].goal_value < x->rows[best].goal_value : x->rows[i].goal_value > x->rows[best].goal_value)
            best = i;
    return (int)best;
}

static void print_json(const struct whatif *x, int best)
{
    json_t *j = json_object(), *rows = json_array();
    const struct billing *billing = x->w.billing;
    json_object_set_new(j, "jobs", json_integer((json_int_t)x->w.trace.jobs_n));
    json_object_set_new(j, "users", json_integer((json_int_t)x->w.trace.users_n));
    json_object_set_new(j, "rows_bad", json_integer((json_int_t)x->w.trace.faults_n));
    json_object_set_new(j, "goal", x->o->goal.given ? json_string(x->o->goal.text) : json_null());
    json_object_set_new(j, "power_cap", x->o->compare->power_cap ? json_string(x->o->compare->power_cap) : json_null());
    json_object_set_new(j, "tte_mean_h_without_cap",
                        x->o->compare->power_cap ? json_real(x->uncapped.f.tte_mean_h) : json_null());
    json_object_set_new(j, "cheapest", best >= 0 ? json_integer(best) : json_null());
    for (uint32_t i = 0; i < x->rows_n; i++) {
        const struct whatif_row *r = &x->rows[i];
        json_t *row = compare_json(&r->policy, &r->f, billing), *hours = json_array();
        json_object_set_new(row, "gpus", json_integer(r->gpus));
        json_object_set_new(row, "results_per_person_week", json_real(r->results));
        json_object_set_new(row, "kwh_per_year", json_real(r->kwh_year));
        json_object_set_new(row, "power_cost_per_year", billing ? json_real(r->power_year) : json_null());
        json_object_set_new(row, "gpu_cost_per_year", json_real(r->gpus_year));
        json_object_set_new(row, "off_hours_interruptions", json_integer(0)); /* whatif.h */
        json_object_set_new(row, "results_that_wait_for_their_owner", json_integer(r->f.off_hours_ends));
        json_object_set_new(row, "goal_value", x->o->goal.given ? json_real(r->goal_value) : json_null());
        json_object_set_new(row, "reaches_goal", x->o->goal.given ? json_boolean(r->reaches) : json_null());
        for (int h = 0; h < 24; h++)
            json_array_append_new(hours, json_real(r->busy_by_hour[h]));
        json_object_set_new(row, "utilisation_by_hour", hours);
        json_array_append_new(rows, row);
    }
    json_object_set_new(j, "options", rows);
    json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(j);
}

static int put_svg(const struct whatif_table *table, const char *path, enum lang lang, struct err *err)
{
    struct buf svg;
    buf_init(&svg, SVG_BYTES_MAX);
    whatif_draw_svg(table, lang, &svg);
    struct str s = buf_look(&svg);
    FILE *f = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    bool written = f && fwrite(s.ptr, 1, s.len, f) == s.len && fflush(f) == 0;
    if (f && f != stdout)
        written = fclose(f) == 0 && written;
    buf_finish(&svg);
    return written ? 0 : err_set(err, io_from_errno(errno), "\"%s\" cannot be written: %s", path, strerror(errno));
}

static void print_text(const struct whatif *x, const struct whatif_table *table, enum lang lang)
{
    struct buf out;
    const char *chars = getenv("LC_ALL");
    chars = chars && chars[0] ? chars : getenv("LC_CTYPE");
    chars = chars && chars[0] ? chars : getenv("LANG");
    bool ascii = !chars || !(strstr(chars, "UTF-8") || strstr(chars, "utf8") || strstr(chars, "UTF8"));
    buf_init(&out, SVG_BYTES_MAX);
    compare_put_head(x->o->compare, &x->w, lang, &out);
    buf_char(&out, '\n');
    whatif_draw_text(table, lang, ascii, &out);
    struct str s = buf_look(&out);
    fwrite(s.ptr, 1, s.len, stdout);
    fflush(stdout);
    buf_finish(&out);
}

static int answer(const struct whatif *x, enum lang lang, struct err *err)
{
    struct whatif_table table = { .rows = x->rows, .rows_n = x->rows_n, .goal = &x->o->goal,
        .agreed = x->o->compare->agreed, .power_cap = x->o->compare->power_cap, .uncapped = &x->uncapped,
        .currency = x->w.billing ? x->w.billing->tariff.currency : "KRW", .best = cheapest(x), .nearest = nearest(x), .jobs_n = x->w.trace.jobs_n };
    if (x->o->compare->json)
        print_json(x, table.best);
    else if (!x->o->svg || strcmp(x->o->svg, "-") != 0)
        print_text(x, &table, lang);
    return x->o->svg ? put_svg(&table, x->o->svg, lang, err) : 0; /* last: what was reckoned is told anyway */
}

/* Before minutes are spent: could the picture be written?  Nothing that is there is touched. */
static int writable(const char *path, struct err *err)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (strcmp(path, "-") == 0 || (there && access(path, W_OK) == 0 && !S_ISDIR(st.st_mode)))
        return 0;
    int fd = there ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int error = there && S_ISDIR(st.st_mode) ? EISDIR : errno;
    if (fd < 0)
        return err_set(err, io_from_errno(error), "\"%s\" cannot be written: %s", path, strerror(error));
    io_close(&fd);
    (void)unlink(path);
    return 0;
}

int whatif_run(const struct whatif_options *o, enum lang lang)
{
    struct err err = { .translate = tr_of(lang) };
    struct whatif *x = calloc(1, sizeof(*x));
    if (!x)
        abort();
    x->o = o;
    const struct powercap *cap = compare_cap(o->compare);
    int r = o->svg ? writable(o->svg, &err) : 0;
    /* Every option runs the same jobs: those that the smallest machine has room for. */
    uint32_t fit = 0;
    for (uint32_t i = 0; i < o->gpus_n; i++)
        if (!o->gpus[i].more && (fit == 0 || o->gpus[i].n < fit))
            fit = o->gpus[i].n;
    if (r == 0)
        r = workload_load(o->compare, o->have, fit, &x->w, &err);
    if (r == 0) {
        workload_tell_faults(&x->w, lang);
        closed_of_trace(&x->w.trace, &x->w.presence, &x->plan);
        add_rows(x, x->w.gpus);
        for (uint32_t i = 0; i < o->gpus_n; i++)
            add_rows(x, o->gpus[i].more ? x->w.gpus + o->gpus[i].n : o->gpus[i].n);
    }
    for (uint32_t i = 0; i < x->rows_n && r == 0; i++) {
        progress_begin(&x->progress, o->compare->quiet || o->compare->json, x->rows[i].policy.word, i, x->rows_n);
        r = run_row(x, &x->rows[i], x->w.gpus, cap, &err);
        progress_end(&x->progress);
    }
    if (cap && r == 0) { /* what the cap costs */
        x->uncapped = (struct whatif_row){ .gpus = x->rows[0].gpus, .policy = x->rows[0].policy };
        r = run_row(x, &x->uncapped, x->w.gpus, NULL, &err);
    }
    if (r == 0)
        r = answer(x, lang, &err);
    if (r < 0)
        fprintf(stderr, "eoul whatif: %s\n", err.text);
    if (r < 0 && access(o->compare->trace, F_OK) < 0 && !workload_is_sample(o->compare))
        fprintf(stderr, "%s\n", tr(lang, "After --from comes mine, observed, sample or a file."));
    else if (r == 0 && x->w.trace.jobs[x->w.trace.jobs_n - 1].submit_at - x->w.trace.jobs[0].submit_at < SHORT_US)
        fprintf(stderr, "%s\n", tr(lang, "This log covers less than two weeks: take the figures as a hint."));
    closed_plan_finish(&x->plan);
    workload_finish(&x->w);
    free(x);
    return err_exit_status(r);
}

static int usage(enum lang lang, FILE *out)
{
    fprintf(out, "%s", tr(lang,
        "Examples:\n"
        "  eoul whatif --gpus +2,+4 --policy blend,easy     this team's own jobs, on more GPUs or in another order\n"
        "  eoul whatif --goal \"p90 eyes delay < 4h\"        the cheapest way to get there\n"
        "  eoul whatif --from jobs.csv --have 16 --gpus +2  somebody else's\n"
        "  eoul whatif --from sample --policy booked,blend --gpus +2\n"
        "                                                   two more GPUs, or the nights? of a made-up team\n"
        "  eoul whatif --from sample --power-cap \"3 kW; 2.4 kW Mon-Fri 10:00-18:00\"\n"
        "                                                   what a breaker, or a contract, costs in waiting\n"
        "  eoul whatif --gpus +2 --svg picture.svg          the answer as a picture\n"
        "\n"
        "  --from FILE       mine (the running daemon's history), observed (what eoul observe recorded), sample (a made-up office of twelve on 16 GPUs),\n"
        "                    or a trace of any format of eoul sim\n"
        "  --gpus +2,18      two more, eighteen; the GPUs there are always come first\n"
        "  --have N          GPUs there are, if neither daemon nor trace says\n"
        "  --policy P,P      the first on the GPUs there are is what others are compared with\n"
        "  --goal TEXT       mean, p50, p90 or p95 of delay, time to eyes or wait; results; utilisation\n"
        "  --gpu-price N     of one GPU (50,000,000), lasting --gpu-years N (4)\n"
        "  --svg FILE, --json, and --estimates, --mode, --agreed, --calendars, --checkpoint, --tariff, --watts, --power-cap,\n"
        "                    --zone as eoul sim\n"));
    return out == stdout ? 0 : 2;
}

int whatif_main(int argc, char **argv, enum lang lang)
{
    struct compare_options c;
    struct whatif_options o = { .compare = &c, .gpu_price = 50e6, .gpu_years = 4 };
    struct err err = { .translate = tr_of(lang) };
    bool took;
    compare_defaults(&c);
    c.policies_n = 2; /* what most teams have, and this one */
    (void)compare_policy_parse(STR("easy"), &c.policies[0]);
    (void)compare_policy_parse(STR("blend"), &c.policies[1]);
    for (int i = 1; i < argc; i++) {
        char name[32];
        const char *word = argv[i] ? argv[i] : "", *equals = strchr(word, '=');
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(word, "--help") == 0)
            return usage(lang, stdout);
        bool joined = equals && (size_t)(equals - word) < sizeof(name);
        snprintf(name, sizeof(name), "%.*s", joined ? (int)(equals - word) : (int)sizeof(name) - 1, word);
        value = joined ? equals + 1 : value;
        err_clear(&err);
        if (strcmp(name, "--from") == 0 && value) {
            c.trace = value;
            took = true;
        } else if (own_option(&o, name, value, &err)) {
            took = true;
        } else if (strcmp(name, "--gpus") == 0 || !compare_option(&c, name, value, &took, &err) || (joined && !took)) {
            wants_complain(name, value, lang, &err);
            fprintf(stderr, tr(lang, "eoul whatif: %s See \"eoul whatif --help\".\n"), err.text);
            return 2;
        }
        i += took && !joined;
    }
    if (!c.trace)
        return usage(lang, stderr);
    if (c.bound) {
        wants_elsewhere("--bound", "eoul sim", &err);
        fprintf(stderr, tr(lang, "eoul whatif: %s See \"eoul whatif --help\".\n"), err.text);
        return 2;
    }
    return whatif_run(&o, lang);
}
