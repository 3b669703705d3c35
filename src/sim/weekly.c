/* weekly.c - see weekly.h. */
#include "sim/weekly.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cal/civil.h"
#include "i18n/text.h"
#include "i18n/width.h"
#include "sim/wants.h"
#include "sim/workload.h"

/* --- the weeks -------------------------------------------------------------------------------------- */

usec_t weekly_end(const struct zone *zone, usec_t at)
{
    return zone_week_s(zone, floor_div(at, USEC_PER_SEC)) * USEC_PER_SEC;
}

/* Weeks are local: one in which the clock changes has an hour more or less. */
static usec_t week_before(const struct zone *zone, usec_t until_at)
{
    return weekly_end(zone, until_at - USEC_PER_HOUR);
}

static void add_up(struct weekly *w)
{
    for (uint32_t i = 0; i < MODE_WEEKS; i++) {
        const struct mode_week *s = &w->week[i].score;
        w->weeks += s->jobs > 0;
        w->jobs += s->jobs;
        for (int m = 0; m < MODE_COUNT && s->jobs > 0; m++)
            for (int day = 0; day < 7; day++)
                w->seen_h[m] += s->seen_h[m][day];
    }
    for (int m = 0; m < MODE_COUNT && w->jobs > 0; m++)
        w->seen_h[m] /= w->jobs;
}

/* What was found out of that week when it was over; NULL: nothing. */
static const struct weekly_week *known_of(const struct weekly_known *known, usec_t until_at)
{
    for (uint32_t i = 0; i < known->n; i++)
        if (known->week[i].until_at == until_at)
            return &known->week[i];
    return NULL;
}

int weekly_weigh(const struct trace *trace, const struct presence *presence, const struct drive_options *options,
                 const struct weekly_known *known, usec_t until_at, struct weekly *ret, struct err *err)
{
    struct drive_options o = *options;
    struct drive_result run;
    struct mode_choice choice = { .mode = options->mode };
    o.weekly = false;
    o.no_eta = o.foresee = true;
    o.until_at = until_at;
    *ret = (struct weekly){ .now = options->mode, .until_at = until_at };
    int r = drive_run(trace, presence, &o, NULL, &run, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < run.jobs_n; i++)
        if (run.jobs[i].what.end_at && run.jobs[i].what.submit_at < until_at)
            run.jobs[i].end_at = run.jobs[i].what.end_at;
    ret->week[MODE_WEEKS - 1].until_at = until_at;
    for (uint32_t i = MODE_WEEKS - 1; i > 0; i--)
        ret->week[i - 1].until_at = week_before(o.zone, ret->week[i].until_at);
    for (uint32_t i = 0; i < MODE_WEEKS && r == 0; i++) {
        struct weekly_week *w = &ret->week[i];
        const struct weekly_week *was = known_of(known, w->until_at);
        if (was)
            w->score = was->score;
        else
            r = mode_play(run.jobs, run.jobs_n, trace, presence, &o, w->until_at, &w->score, err);
        mode_note(&choice, &w->score);
    }
    drive_result_finish(&run);
    add_up(ret);
    (void)mode_pick(&choice);
    ret->best = choice.mode;
    return r;
}

/* --- the answer ------------------------------------------------------------------------------------- */

static json_t *seen_json(const double seen_h[MODE_COUNT])
{
    json_t *j = json_object();
    for (int m = 0; m < MODE_COUNT; m++)
        json_object_set_new(j, mode_word((enum mode)m), json_real(seen_h[m]));
    return j;
}

/* Sums over what was submitted on each day: what --week takes. */
static json_t *days_json(const struct mode_week *w)
{
    json_t *j = json_object();
    for (int m = 0; m < MODE_COUNT; m++) {
        json_t *days = json_array();
        for (int day = 0; day < 7; day++)
            json_array_append_new(days, json_real(w->jobs ? w->seen_h[m][day] : 0));
        json_object_set_new(j, mode_word((enum mode)m), days);
    }
    return j;
}

static void week_mean(const struct mode_week *w, double ret_h[MODE_COUNT])
{
    for (int m = 0; m < MODE_COUNT; m++) {
        ret_h[m] = 0;
        for (int day = 0; day < 7 && w->jobs > 0; day++)
            ret_h[m] += w->seen_h[m][day] / w->jobs;
    }
}

static void print_json(const struct weekly *w)
{
    json_t *j = json_object(), *weeks = json_array();
    json_object_set_new(j, "mode", json_string(mode_word(w->best)));
    json_object_set_new(j, "in_use", json_string(mode_word(w->now)));
    json_object_set_new(j, "until_at", json_integer(w->until_at));
    json_object_set_new(j, "weeks", json_integer(w->weeks));
    json_object_set_new(j, "results", json_integer(w->jobs));
    json_object_set_new(j, "seen_h", seen_json(w->seen_h));
    for (uint32_t i = 0; i < MODE_WEEKS; i++) {
        double h[MODE_COUNT];
        json_t *week = json_object();
        week_mean(&w->week[i].score, h);
        json_object_set_new(week, "until_at", json_integer(w->week[i].until_at));
        json_object_set_new(week, "results", json_integer(w->week[i].score.jobs));
        json_object_set_new(week, "seen_h", seen_json(h));
        json_object_set_new(week, "days_h", days_json(&w->week[i].score));
        json_array_append_new(weeks, week);
    }
    json_object_set_new(j, "by_week", weeks);
    json_dumpf(j, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(j);
}

/* "Sun 22 Nov": the day before the Monday on which a week ends. */
static void put_day(struct buf *out, const struct zone *zone, usec_t until_at, enum lang lang)
{
    usec_t at = until_at - USEC_PER_HOUR;
    text_when(out, lang, at, zone_offset_s(zone, at / USEC_PER_SEC), TEXT_DATE);
}

#define FIRST_COLUMNS 24 /* a date in either language */
#define COLUMNS       10

static void cell(struct buf *out, const char *text)
{
    width_cell(out, str_of(text), COLUMNS, WIDTH_RIGHT);
}

static void put_row(struct buf *out, const char *first, const double h[MODE_COUNT], uint32_t jobs)
{
    char text[24];
    width_cell(out, str_of(first), FIRST_COLUMNS, WIDTH_LEFT);
    for (int m = 0; m < MODE_COUNT; m++) {
        snprintf(text, sizeof text, "%.2f", h[m]);
        cell(out, jobs ? text : "-");
    }
    snprintf(text, sizeof text, "%u", jobs);
    cell(out, text);
    buf_char(out, '\n');
}

static void put_weeks(const struct weekly *w, const struct zone *zone, enum lang lang, struct buf *out)
{
    width_cell(out, str_of(tr(lang, "week to")), FIRST_COLUMNS, WIDTH_LEFT);
    for (int m = 0; m < MODE_COUNT; m++)
        cell(out, mode_word((enum mode)m));
    cell(out, tr(lang, "results"));
    buf_char(out, '\n');
    for (uint32_t i = 0; i < MODE_WEEKS; i++) {
        char memory[64];
        struct buf day;
        double h[MODE_COUNT];
        buf_init_fixed(&day, memory, sizeof memory);
        put_day(&day, zone, w->week[i].until_at, lang);
        week_mean(&w->week[i].score, h);
        put_row(out, day.ptr, h, w->week[i].score.jobs);
    }
    put_row(out, tr(lang, "all"), w->seen_h, w->jobs);
}

static void print_table(const struct weekly *w, const struct zone *zone, enum lang lang)
{
    char memory[4096];
    struct buf out;
    buf_init_fixed(&out, memory, sizeof memory);
    put_weeks(w, zone, lang, &out);
    printf("%s\n%s", tr(lang, "Mean time until seen, in hours, of what was submitted in each week, had it been run in each mode:"),
           out.ptr);
    if (w->weeks == 0)
        printf(tr(lang, "Too little history: none of these weeks has %d results. Nothing is known against %s.\n"), MODE_JOBS_MIN,
               mode_word(w->now));
    else if (w->best == w->now)
        printf(tr(lang, "%s stays: no other mode is better by more than 1 %% and by more than chance.\n"), mode_word(w->now));
    else
        printf(tr(lang, "%s instead of %s: better by more than 1 %% and by more than chance.\n"), mode_word(w->best),
               mode_word(w->now));
}

/* --- the command line ------------------------------------------------------------------------------- */

static int usage(enum lang lang, FILE *out)
{
    fprintf(out, "%s", tr(lang,
        "Examples:\n"
        "  eoul whatif mode                          the last four weeks of the running daemon's own jobs\n"
        "  eoul sim mode --trace jobs.csv --gpus 16  those of somebody's log\n"
        "\n"
        "  --mode M          the mode in use: later, plan or area (later)\n"
        "  --until N         the weeks end at or before this instant, in seconds since 1970 (the log's last end)\n"
        "  --week TEXT       what --json said of an earlier week, which is then not played again: its end in seconds since\n"
        "                    1970, its results, and for each mode the sums of seven days in thousandths of hours, with\n"
        "                    colons between them; up to four times\n"
        "  --json            for programs; and --estimates, --calendars, --agreed, --checkpoint, --tariff,\n"
        "                    --person-hour, --power-cap, --zone, --set as eoul sim. Of a journal also --calendars told\n"));
    return out == stdout ? 0 : 2;
}

static bool seconds(const char *value, usec_t *ret)
{
    uint64_t n;
    if (!value || str_u64(str_of(value), &n) < 0 || n > 253402300800u)
        return false;
    *ret = (usec_t)n * USEC_PER_SEC;
    return true;
}

static bool whole(struct str *rest, uint64_t max, uint64_t *ret)
{
    struct str word;
    return str_next(rest, ':', &word) && str_u64(word, ret) == 0 && *ret <= max;
}

#define DAY_MH_MAX 1000000000000u

static bool known_week(const char *value, struct weekly_known *known)
{
    struct str rest = value ? str_of(value) : (struct str){ 0 };
    struct weekly_week w = { 0 };
    uint64_t until_s, jobs, mh;
    if (known->n == MODE_WEEKS || !whole(&rest, 253402300800u, &until_s) || !whole(&rest, UINT32_MAX, &jobs))
        return false;
    w.until_at = (usec_t)until_s * USEC_PER_SEC;
    w.score.jobs = (uint32_t)jobs;
    for (int m = 0; m < MODE_COUNT; m++)
        for (int day = 0; day < 7; day++) {
            if (!whole(&rest, DAY_MH_MAX, &mh))
                return false;
            w.score.seen_h[m][day] = (double)mh / 1000;
        }
    known->week[known->n++] = w;
    return rest.len == 0;
}

/* 0 to go on, else an exit status plus one. */
static int parse(int argc, char **argv, enum lang lang, struct compare_options *o, struct weekly_known *ret_known,
                 usec_t *ret_until_at)
{
    struct err err = { .translate = tr_of(lang) };
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *equals = strchr(word, '='), *value = i + 1 < argc ? argv[i + 1] : NULL;
        char name[32];
        bool joined = equals && (size_t)(equals - word) < sizeof name, took = true;
        if (strcmp(word, "--help") == 0)
            return 1 + usage(lang, stdout);
        snprintf(name, sizeof name, "%.*s", joined ? (int)(equals - word) : (int)sizeof name - 1, word);
        value = joined ? equals + 1 : value;
        err_clear(&err);
        bool known = strcmp(name, "--until") == 0 ? seconds(value, ret_until_at)
                     : strcmp(name, "--week") == 0 ? known_week(value, ret_known)
                     : strcmp(name, "--trace") == 0 || strcmp(name, "--from") == 0 ? (o->trace = value) != NULL
                                                    : compare_option(o, name, value, &took, &err);
        if (!known || o->bound) {
            if (known)
                wants_elsewhere(name, "eoul sim", &err);
            wants_complain(name, value, lang, &err);
            fprintf(stderr, tr(lang, "eoul sim mode: %s See \"eoul sim mode --help\".\n"), err.text);
            return 1 + 2;
        }
        i += took && !joined;
    }
    return o->trace ? 0 : 1 + usage(lang, stderr);
}

static usec_t last_end(const struct trace *t)
{
    usec_t at = 0;
    for (size_t i = 0; i < t->jobs_n; i++) {
        const struct trace_job *j = &t->jobs[i];
        at = usec_max(at, j->end_at ? j->end_at : j->submit_at + j->run_us);
    }
    return at;
}

/* What is later than the weeks is not part of the log. */
static void cut(struct trace *t, usec_t until_at)
{
    while (t->jobs_n > 0 && t->jobs[t->jobs_n - 1].submit_at >= until_at)
        t->jobs_n--;
}

static int weigh(const struct compare_options *o, struct workload *w, const struct weekly_known *known, usec_t until_at,
                 struct weekly *ret, struct err *err)
{
    struct drive_options d = { .policy = POLICY_BLEND, .preempt = o->settings.preempt, .gpus = w->gpus, .seed = o->seed,
        .estimates = o->estimates, .sigma = o->sigma, .mode = o->mode, .agreed = o->agreed, .settings = &o->settings,
        .billing = w->billing, .zone = &w->zone, .person_hour = o->person_hour, .gpu_watts = o->watts, .cap = compare_cap(o) };
    until_at = weekly_end(&w->zone, until_at ? until_at : last_end(&w->trace));
    cut(&w->trace, until_at);
    *ret = (struct weekly){ .now = o->mode, .best = o->mode, .until_at = until_at };
    if (w->trace.jobs_n == 0 && strcmp(o->trace, "-") == 0) /* a daemon's history, handed on */
        return err_set(err, E_NOT_FOUND, "No whole week (to a Sunday) with jobs is over yet, so there is nothing to compare.");
    return w->trace.jobs_n ? weekly_weigh(&w->trace, &w->presence, &d, known, until_at, ret, err)
                           : err_set(err, E_NOT_FOUND, "\"%s\" has no job before the end of a whole week.", o->trace);
}

int weekly_main(int argc, char **argv, enum lang lang)
{
    struct compare_options o;
    struct err err = { .translate = tr_of(lang) };
    struct workload w;
    struct weekly answer;
    struct weekly_known known = { 0 };
    usec_t until_at = 0;
    compare_defaults(&o);
    int status = parse(argc, argv, lang, &o, &known, &until_at);
    if (status)
        return status - 1;
    int r = workload_load(&o, 0, 0, &w, &err);
    if (r == 0) {
        workload_tell_faults(&w, lang);
        r = weigh(&o, &w, &known, until_at, &answer, &err);
        if (r == 0 && o.json)
            print_json(&answer);
        else if (r == 0)
            print_table(&answer, &w.zone, lang);
        workload_finish(&w);
    }
    if (r < 0)
        fprintf(stderr, "eoul sim mode: %s\n", err.text);
    return err_exit_status(r);
}
