/* cmd_sweep.c - `eoul sweep`: many runs of one command over values of its parameters.
 *
 *     eoul sweep --param lr=1e-3,1e-4 --param seed=1..5 -- python train.py --lr {lr} --seed {seed}
 *     eoul sweep show 12 [--all] [--by NAME] [--json]
 *     eoul sweep rerun 12 --failed
 *
 * A sweep is an array: cancel, hold, release, logs and the rest take its number and 12_3.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/job.h"
#include "cli/submit.h"
#include "spec/marks.h"
#include "spec/sweep.h"

#define ROWS_MAX    20 /* the best, unless --all */
#define PARAMS_MAX  7  /* columns: what fits beside state and results; --json has all */
#define RESULTS_MAX 4

/* --- points before there is a sweep --------------------------------------------------------------- */

static void put_points_table(struct cli *cli, const struct sweep *s)
{
    struct column columns[PARAMS_MAX + 1] = {{tr(cli->lang, "POINT"), true, false}};
    char names[PARAMS_MAX][SWEEP_NAME_MAX + 1];
    size_t n = 1;
    for (uint32_t i = 0; i < s->params_n && i < PARAMS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "%.*s", STR_ARG(s->param[i].name));
        columns[n++] = (struct column){names[i], false, true};
    }
    struct table *t = table_create(columns, n);
    for (uint32_t point = 0; point < s->points; point++) {
        char memory[16];
        struct buf value, clean;
        snprintf(memory, sizeof memory, "%u", point);
        table_cell(t, str_of(memory), PAINT_NONE);
        for (uint32_t i = 0; i + 1 < n; i++) {
            buf_init(&value, SPEC_TEXT_MAX + 1);
            buf_init(&clean, 4 * SPEC_TEXT_MAX);
            sweep_value(s, i, point, &value);
            cli_clean(&clean, value.ptr ? value.ptr : "");
            table_cell(t, buf_look(&clean), PAINT_NONE);
            buf_finish(&value);
            buf_finish(&clean);
        }
    }
    table_finish(t, cli);
}

int sweep_put_points(struct cli *cli, struct str spec_text)
{
    struct spec spec;
    struct sweep s;
    spec_init(&spec);
    int code = spec_parse(&spec, spec_text, &cli->err);
    if (code == 0)
        code = sweep_open(&s, &spec, &cli->err);
    if (code == 0) {
        put_points_table(cli, &s);
        sweep_close(&s);
    }
    spec_finish(&spec);
    return code;
}

/* --- show ------------------------------------------------------------------------------------------- */

struct shown { /* a row and what it is ordered by */
    const json_t *row;
    double value;
    bool known;
    size_t place;
};

static int by_value(const void *a, const void *b)
{
    const struct shown *x = a, *y = b;
    if (x->known != y->known)
        return x->known ? -1 : 1;
    if (x->known && x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}


/* What rows are ordered by, best first: what was asked for, else the compared result. */
struct order {
    const char *name; /* NULL: as they are numbered */
    const char *part; /* "results" or "point" */
    bool larger_first;
};

static int order_of(struct cli *cli, const struct args *args, const json_t *sweep, struct order *ret)
{
    const char *by = args_value(args, "by"), *maximize = json_text(sweep, "maximize");
    const char *minimize = json_text(sweep, "minimize");
    const json_t *results = json_object_get(sweep, "results"), *params = json_object_get(sweep, "params");
    const char *first = json_string_value(json_array_get(results, 0));
    *ret = (struct order){by ? by : maximize[0] ? maximize : minimize[0] ? minimize : first, "point", false};
    ret->larger_first = ret->name && strcmp(ret->name, maximize) == 0;
    if (by && strcmp(by, "index") == 0)
        ret->name = NULL;
    size_t i;
    json_t *name;
    bool known = !by || !ret->name;
    json_array_foreach(params, i, name) known = known || strcmp(by, json_string_value(name)) == 0;
    json_array_foreach(results, i, name)
    {
        bool this = ret->name && strcmp(ret->name, json_string_value(name)) == 0;
        ret->part = this ? "results" : ret->part;
        known = known || this;
    }
    return known ? 0 : err_set(&cli->err, E_USAGE,
                               "--by is \"%s\"; it can be \"index\", a parameter or a result.", by);
}

static struct shown *sorted_rows(const json_t *sweep, const struct order *order, size_t *ret_n)
{
    const json_t *rows = json_object_get(sweep, "rows");
    size_t i;
    json_t *row;
    struct shown *all = calloc(json_array_size(rows) + 1, sizeof *all);
    *ret_n = 0;
    json_array_foreach(rows, i, row)
    {
        if (!all)
            break;
        const char *text =
            order->name
                ? json_string_value(json_object_get(json_object_get(row, order->part), order->name))
                : NULL;
        struct shown *s = &all[(*ret_n)++];
        *s = (struct shown){.row = row, .place = i};
        s->known = text && marks_number(str_of(text), &s->value) && s->value == s->value;
        s->value = order->larger_first ? -s->value : s->value;
    }
    if (all && order->name)
        qsort(all, *ret_n, sizeof *all, by_value);
    return all;
}

static void put_count(struct cli *cli, bool *first, int64_t n, const char *text)
{
    if (n == 0)
        return;
    buf_c(&cli->out, *first ? ": " : ", ");
    *first = false;
    buf_printf(&cli->out, "%lld %s", (long long)n, text);
}

static void put_head(struct cli *cli, const json_t *sweep)
{
    const json_t *states = json_object_get(sweep, "states");
    int64_t given_up = json_i64(sweep, "given_up"), held = json_i64(sweep, "held_failures");
    int64_t bad = json_i64(states, "FAILED") + json_i64(states, "TIMEOUT") +
                  json_i64(states, "OUT_OF_MEMORY") + json_i64(states, "NODE_FAIL") +
                  json_i64(states, "DEADLINE");
    bool first = true;
    long long id = (long long)json_i64(sweep, "id"), points = (long long)json_i64(sweep, "points_n");
    buf_printf(&cli->out, tr(cli->lang, "Sweep %lld, "), id);
    cli_clean(&cli->out, json_text(sweep, "name"));
    buf_c(&cli->out, ", ");
    buf_printf(&cli->out, trn(cli->lang, "%lld point", "%lld points", (uint64_t)points), points);
    put_count(cli, &first, json_i64(states, "COMPLETED"), tr(cli->lang, "done"));
    put_count(cli, &first,
              json_i64(states, "RUNNING") + json_i64(states, "CONFIGURING") +
                  json_i64(states, "COMPLETING"),
              tr(cli->lang, "running"));
    put_count(cli, &first, json_i64(states, "PENDING"), tr(cli->lang, "waiting"));
    put_count(cli, &first, given_up, tr(cli->lang, "given up by the stop rule"));
    put_count(cli, &first, json_i64(states, "CANCELLED") - given_up, tr(cli->lang, "cancelled"));
    put_count(cli, &first, bad, tr(cli->lang, "failed"));
    buf_c(&cli->out, ".\n");
    if (held) {
        buf_printf(&cli->out,
                   tr(cli->lang, "%1$lld points are held: %2$lld failed alike in a row. When what they "
                                 "failed of is mended, \"eoul release %3$lld\" lets them go on."),
                   (long long)held, (long long)json_i64(sweep, "hold_after"), id);
        buf_char(&cli->out, '\n');
    }
    if (bad) {
        buf_printf(&cli->out, tr(cli->lang, "\"eoul sweep rerun %lld --failed\" runs what failed again."),
                   id);
        buf_char(&cli->out, '\n');
    }
    buf_char(&cli->out, '\n');
}

static void cell_text(struct table *t, const char *foreign, enum paint paint)
{
    struct buf clean;
    buf_init(&clean, 64 * 1024);
    cli_clean(&clean, foreign ? foreign : "");
    table_cell(t, buf_look(&clean), paint);
    buf_finish(&clean);
}

/* Why it failed, in a word: "code 3", "SIGKILL", TIMEOUT. */
static void cell_state(struct cli *cli, struct table *t, const json_t *row)
{
    const char *state = json_text(row, "state"), *reason = json_text(row, "reason");
    int64_t number = json_i64(row, "signal");
    const char *name = number > 0 ? sigabbrev_np((int)number) : NULL;
    struct buf text;
    buf_init(&text, 256);
    if (strcmp(state, "FAILED") == 0 && number > 0)
        buf_printf(&text, "FAILED SIG%s", name ? name : "?");
    else if (strcmp(state, "FAILED") == 0 && strcmp(reason, "NonZeroExitCode") == 0)
        buf_printf(&text, tr(cli->lang, "FAILED code %lld"), (long long)json_i64(row, "exit_code"));
    else if (strcmp(reason, "SweepStopRule") == 0)
        buf_c(&text, tr(cli->lang, "given up"));
    else if (strcmp(reason, "JobHeldFailures") == 0 || strcmp(reason, "JobHeldCanary") == 0)
        buf_c(&text, tr(cli->lang, "held"));
    else
        buf_c(&text, state);
    table_cell(t, buf_look(&text), paint_of_state(state));
    buf_finish(&text);
}

static void cell_done(struct table *t, const json_t *row)
{
    char text[32] = "";
    int64_t done_ppm = json_i64(row, "done_ppm");
    if (strcmp(json_text(row, "state"), "COMPLETED") != 0 && done_ppm >= 0)
        snprintf(text, sizeof text, "%lld%%", (long long)(done_ppm / 10000));
    table_cell(t, str_of(text), PAINT_NONE);
}

static void cell_took(struct cli *cli, struct table *t, const json_t *row)
{
    struct buf text;
    usec_t start_at = json_i64(row, "start_at"), end_at = json_i64(row, "end_at");
    buf_init(&text, 64);
    if (start_at > 0)
        cli_length(cli, &text, usec_max((end_at > 0 ? end_at : cli->now_at) - start_at, 0));
    table_cell(t, buf_look(&text), PAINT_NONE);
    buf_finish(&text);
}

static void put_table(struct cli *cli, const json_t *sweep, const struct shown *all, size_t n)
{
    const json_t *params = json_object_get(sweep, "params"), *results = json_object_get(sweep, "results");
    struct column columns[PARAMS_MAX + RESULTS_MAX + 4];
    const char *names[PARAMS_MAX + RESULTS_MAX];
    size_t columns_n = 0, names_n = 0, i;
    json_t *name;
    columns[columns_n++] = (struct column){tr(cli->lang, "JOB"), true, false};
    json_array_foreach(params, i, name) if (i < PARAMS_MAX) names[names_n++] = json_string_value(name);
    json_array_foreach(results, i, name) if (i < RESULTS_MAX) names[names_n++] = json_string_value(name);
    for (i = 0; i < names_n; i++)
        columns[columns_n++] = (struct column){names[i], false, true};
    columns[columns_n++] = (struct column){tr(cli->lang, "STATE"), false, false};
    columns[columns_n++] = (struct column){tr(cli->lang, "DONE"), true, false};
    columns[columns_n++] = (struct column){tr(cli->lang, "TOOK"), true, false};
    struct table *t = table_create(columns, columns_n);
    size_t params_n = json_array_size(params) < PARAMS_MAX ? json_array_size(params) : PARAMS_MAX;
    for (size_t k = 0; k < n && t; k++) {
        const json_t *row = all[k].row;
        cell_text(t, json_text(row, "name_id"), PAINT_NONE);
        for (i = 0; i < names_n; i++)
            cell_text(t, json_string_value(json_object_get(
                             json_object_get(row, i < params_n ? "point" : "results"), names[i])),
                      i < params_n ? PAINT_NONE : PAINT_BOLD);
        cell_state(cli, t, row);
        cell_done(t, row);
        cell_took(cli, t, row);
    }
    table_finish(t, cli);
}

static int put_sweep(struct cli *cli, const struct args *args, const json_t *sweep)
{
    struct order order;
    size_t n = 0;
    int code = order_of(cli, args, sweep, &order);
    if (code < 0)
        return code;
    struct shown *all = sorted_rows(sweep, &order, &n);
    if (!all)
        return err_set(&cli->err, E_NO_MEMORY, "There is not enough memory for this request.");
    size_t shown = args_flag(args, "all") || n <= ROWS_MAX ? n : ROWS_MAX;
    put_head(cli, sweep);
    put_table(cli, sweep, all, shown);
    if (shown < n) {
        buf_printf(&cli->out,
                   trn(cli->lang, "%lld more point; --all shows every one.",
                       "%lld more points; --all shows every one.", (uint64_t)(n - shown)),
                   (long long)(n - shown));
        buf_char(&cli->out, '\n');
    }
    free(all);
    return 0;
}

static const struct opt show_opts[] = {
    {"all", 0, NULL, N_("Every point, not only the best twenty.")},
    {"by", 0, "NAME", N_("Order by this result or parameter, or by \"index\".")},
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {0},
};

static int run_show(struct cli *cli, struct args *args)
{
    char path[64];
    json_t *sweep = NULL;
    int code = args_operands(cli, args, 1, 1, "SWEEP");
    if (code == 0)
        code = cli_check_id(cli, args->rest[0]);
    if (code < 0)
        return cli_fail(cli);
    snprintf(path, sizeof path, "/v1/sweeps/%.40s", args->rest[0]);
    if (args_flag(args, "json"))
        return cli_print_json(cli, path) < 0 ? cli_fail(cli) : 0;
    code = cli_call(cli, "GET", path, NULL, &sweep);
    if (code == 0) {
        cli_zone(cli);
        code = put_sweep(cli, args, sweep);
    }
    json_decref(sweep);
    return code < 0 ? cli_fail(cli) : 0;
}

static const struct cmd sweep_show = {
    .name = "sweep show",
    .usage = "SWEEP",
    .opts = show_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_show,
    .summary = N_("Show the points of a sweep, the best first: values, state, results."),
    .examples = (const char *const[]){"eoul sweep show 12", N_("the twenty best points of sweep 12"),
                                      "eoul sweep show 12 --all --by seed", N_("every point, by its seed"),
                                      NULL},
};

/* --- rerun ------------------------------------------------------------------------------------------ */

static const struct opt rerun_opts[] = {
    {"failed", 0, NULL, N_("What failed: exit code, signal, memory, time limit, lost.")},
    {"json", 0, NULL, N_("Print the answer as JSON.")},
    {0},
};

static int run_rerun(struct cli *cli, struct args *args)
{
    char path[80];
    json_t *answer = NULL, *body = NULL;
    int code = args_operands(cli, args, 1, 1, "SWEEP --failed");
    if (code == 0)
        code = cli_check_id(cli, args->rest[0]);
    if (code == 0 && !args_flag(args, "failed"))
        code = err_set(&cli->err, E_USAGE,
                       "Say what to run again: --failed, or \"eoul requeue %1$s_3\" for one point.",
                       args->rest[0]);
    if (code == 0) {
        body = json_pack("{s:s}", "only", "failed");
        snprintf(path, sizeof path, "/v1/jobs/%.40s/requeue", args->rest[0]);
        code = cli_call(cli, "POST", path, body, &answer);
    }
    if (code == 0 && args_flag(args, "json")) {
        buf_printf(&cli->out, "{\"changed\":%lld}\n", (long long)json_i64(answer, "changed"));
    } else if (code == 0) {
        long long n = (long long)json_i64(answer, "changed");
        buf_printf(&cli->out, trn(cli->lang, "%lld point runs again.", "%lld points run again.", (uint64_t)n),
                   n);
        buf_char(&cli->out, '\n');
    }
    json_decref(body);
    json_decref(answer);
    return code < 0 ? cli_fail(cli) : 0;
}

static const struct cmd sweep_rerun = {
    .name = "sweep rerun",
    .usage = "SWEEP --failed",
    .opts = rerun_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_rerun,
    .summary = N_("Run again what failed of a sweep, under the same numbers and with the same values."),
    .examples = (const char *const[]){"eoul sweep rerun 12 --failed",
                                      N_("the failed points of sweep 12; the others stay as they are"), NULL},
};

/* --- the verb --------------------------------------------------------------------------------------- */

static int run_part(struct cli *cli, const struct cmd *part, struct args *args)
{
    struct args own;
    bool help = false;
    cli->cmd = part;
    if (args_parse(cli, part, args->rest_n - 1, args->rest + 1, &own, &help) < 0)
        return cli_fail(cli);
    return help ? help_cmd(cli, part) : part->run(cli, &own);
}

static int run_sweep(struct cli *cli, struct args *args)
{
    if (args->rest_n > 0 && strcmp(args->rest[0], "show") == 0)
        return run_part(cli, &sweep_show, args);
    if (args->rest_n > 0 && strcmp(args->rest[0], "rerun") == 0)
        return run_part(cli, &sweep_rerun, args);
    return submit_verb(cli, args, true);
}

static const struct opt sweep_opts[] = {
    {"json", 0, NULL, N_("Print the answer as JSON.")},
    {0},
};

const struct cmd cmd_sweep = {
    .name = "sweep",
    .group = "work",
    .usage = "--param NAME=VALUES... [OPTION...] SCRIPT|-- COMMAND | show SWEEP | rerun SWEEP --failed",
    .summary = N_("Run a command once for each combination of values, and compare the results."),
    .examples =
        (const char *const[]){
            "eoul sweep --param lr=1e-3,1e-4 --param seed=1..5 -- python train.py --lr {lr} --seed {seed}",
            N_("ten points; values stand in braces"),
            "eoul sweep --param 'lr=1e-5..1e-1:log' --random 20 --max-running 4 -- ./train.sh {lr}",
            N_("twenty drawn points, four at once"),
            "eoul sweep --param n=1..8 --minimize loss --stop-worst 0.5 --after 10% -- ./train.sh {n}",
            N_("give up the worse half at a tenth of the run"), "eoul sweep show 12",
            N_("points, states and results of sweep 12, the best first"), "eoul sweep rerun 12 --failed",
            N_("run only what failed again"), NULL},
    .opts = sweep_opts,
    .flags = CMD_RAW | CMD_STARTS_DAEMON | CMD_JOB_OPTS,
    .run = run_sweep,
    .more = N_("Values are texts by commas, or ranges: 1..5, 0..1:0.25 (a step), 1e-5..1e-1:*10 (a factor), "
               "1..1000:log4 and 0..1:lin11 (so many). With --random also 0.0..1.0 and 1e-5..1e-1:log. "
               "{lr} is replaced in arguments, --job-name, --output and --export; the job has it as "
               "EOUL_PARAM_lr too. A job tells its result by printing \"eoul:result loss=0.12\" and its progress "
               "by \"eoul:progress 0.42\"; bars of tqdm and lines such as \"step 300/1000\" are understood."),
};
