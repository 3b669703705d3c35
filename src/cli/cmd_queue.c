/* cmd_queue.c - `eoul queue` and `eoul history`: jobs as rows. */
#include <string.h>

#include "cal/format.h"
#include "cli/job.h"
#include "cli/todo_text.h"
#include "i18n/text.h"
#include "i18n/width.h"

#define SCREEN_ROWS 20   /* without a terminal's height: what one looks at */
#define WIDE_COLUMNS 110 /* from here on the reason has a column */
#define LIMIT_MAX 1000000
#define TODOS_SHOWN 8 /* of one's work by hand; "eoul todo" has all */

static void clean_cell(struct table *t, const char *foreign, enum paint paint)
{
    char memory[1024];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    cli_clean(&text, foreign);
    table_cell(t, text.failed ? STR("?") : buf_look(&text), paint);
}

/* "12_[40]": forty tasks that stand together. */
static void id_cell(struct table *t, const json_t *row)
{
    char memory[64], id[32];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_c(&text, job_name_id(row, id));
    table_cell(t, buf_look(&text), PAINT_NONE);
}

static void name_cell(struct cli *cli, struct table *t, const json_t *row)
{
    char memory[1200];
    struct buf text;
    int64_t tasks = json_i64(row, "tasks");
    buf_init_fixed(&text, memory, sizeof memory);
    cli_clean(&text, json_text(row, "name"));
    if (tasks > 1)
        buf_printf(&text, cli->ascii ? " x%lld" : " ×%lld", (long long)tasks);
    table_cell(t, text.failed ? STR("?") : buf_look(&text), PAINT_NONE);
}

static void when_cell(struct cli *cli, struct table *t, usec_t at, bool about)
{
    char memory[96];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    if (about && at > 0 && at != USEC_NEVER)
        buf_char(&text, '~');
    cli_when(cli, &text, at);
    table_cell(t, buf_look(&text), PAINT_NONE);
}

/* Why it waits; or that its terminal is not used, which is what holds a GPU for nothing. */
static void reason_cell(struct cli *cli, struct table *t, const json_t *row)
{
    char memory[160], length[64];
    struct buf text, idle;
    const char *reason = json_text(row, "reason");
    int64_t idle_us = json_i64(row, "idle_us");
    buf_init_fixed(&text, memory, sizeof memory);
    buf_init_fixed(&idle, length, sizeof length);
    if (idle_us > 0) {
        cli_length(cli, &idle, idle_us);
        buf_printf(&text, tr(cli->lang, "idle for %s"), idle.ptr);
        table_cell(t, buf_look(&text), PAINT_YELLOW);
        return;
    }
    clean_cell(t, strcmp(reason, "None") == 0 ? "" : reason, PAINT_DIM);
}

static void put_counts(struct cli *cli, const json_t *list)
{
    const json_t *counts = json_object_get(list, "counts");
    char memory[96];
    struct buf now;
    buf_printf(&cli->out, tr(cli->lang, "%1$lld running, %2$lld waiting, %3$lld held"),
               (long long)json_i64(counts, "running"), (long long)json_waiting(counts),
               (long long)json_i64(counts, "held"));
    buf_init_fixed(&now, memory, sizeof memory);
    text_when(&now, cli->lang, cli->now_at,
              zone_offset_s(cli_zone(cli), cli->now_at / USEC_PER_SEC), TEXT_DATE_TIME);
    buf_c(&cli->out, cli->ascii ? " - " : " · ");
    buf_str(&cli->out, buf_look(&now));
    buf_char(&cli->out, '\n');
}

static void live_row(struct cli *cli, struct table *t, const json_t *row, bool wide)
{
    const char *state = json_text(row, "state");
    char memory[160];
    struct buf text;
    bool waiting = job_is_waiting(row);
    id_cell(t, row);
    name_cell(cli, t, row);
    clean_cell(t, json_text(row, "owner"), PAINT_NONE);
    buf_init_fixed(&text, memory, sizeof memory);
    job_gpus(&text, row);
    table_cell(t, buf_look(&text), PAINT_NONE);
    clean_cell(t, state, paint_of_state(state));
    when_cell(cli, t, json_i64(row, "start_at"), waiting);
    buf_clear(&text);
    job_end(cli, &text, row);
    table_cell(t, buf_look(&text), PAINT_NONE);
    when_cell(cli, t, json_i64(row, "eyes_at"), false);
    if (wide)
        reason_cell(cli, t, row);
}

static void put_live(struct cli *cli, const json_t *list)
{
    bool wide = cli->columns == 0 || cli->columns >= WIDE_COLUMNS;
    const struct column columns[] = {
        {tr(cli->lang, "JOB"), true, false},     {tr(cli->lang, "NAME"), false, true},
        {tr(cli->lang, "OWNER"), false, true},   {tr(cli->lang, "GPUS"), false, false},
        {tr(cli->lang, "STATE"), false, false},  {tr(cli->lang, "START"), true, false},
        {tr(cli->lang, "END"), true, false},     {tr(cli->lang, "SEEN"), true, false},
        {tr(cli->lang, "REASON"), false, false},
    };
    const json_t *rows = json_object_get(list, "rows");
    struct table *t = table_create(columns, wide ? 9 : 8);
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) live_row(cli, t, row, wide);
    table_finish(t, cli);
    int64_t more = json_i64(list, "rows_n") - (int64_t)json_array_size(rows);
    if (more > 0) {
        buf_printf(&cli->out,
                   trn(cli->lang, "%lld more row; \"eoul queue --all\" shows every one.",
                       "%lld more rows; \"eoul queue --all\" shows every one.",
                       (unsigned long long)more),
                   (long long)more);
        buf_char(&cli->out, '\n');
    }
}

/* One's work by hand that has a time, and what one asked others for: a row each, with its next piece. */
static void put_todos(struct cli *cli, const json_t *todos)
{
    const struct column columns[] = {
        {tr(cli->lang, "TODO"), true, false},
        {tr(cli->lang, "WHAT"), false, true},
        {tr(cli->lang, "WHO"), false, true},
        {tr(cli->lang, "WHEN"), false, false},
    };
    if (json_array_size(todos) == 0)
        return;
    struct table *t = table_create(columns, 4);
    int64_t last = 0;
    size_t i, n = 0;
    json_t *todo;
    json_array_foreach(todos, i, todo)
    {
        char memory[1200];
        struct buf text;
        struct span when = {json_i64(todo, "from_at"), json_i64(todo, "until_at")};
        if (json_i64(todo, "id") == last) /* another piece of it */
            continue;
        last = json_i64(todo, "id");
        if (n++ >= TODOS_SHOWN)
            continue;
        buf_init_fixed(&text, memory, sizeof memory);
        buf_i64(&text, last);
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        todo_name(cli, &text, todo);
        table_cell(t, text.failed ? STR("?") : buf_look(&text), PAINT_NONE);
        clean_cell(t, json_text(todo, "person"), PAINT_NONE);
        buf_clear(&text);
        cal_format_range(&text, cli_zone(cli), cli->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH,
                         CAL_SHORT, when, cli->now_at);
        table_cell(t, buf_look(&text),
                   json_is_true(json_object_get(todo, "under_way")) ? PAINT_GREEN : PAINT_NONE);
    }
    buf_char(&cli->out, '\n');
    table_finish(t, cli);
    if (n > TODOS_SHOWN) {
        buf_printf(&cli->out,
                   trn(cli->lang, "%zu more todo; \"eoul todo\" shows every one.",
                       "%zu more todos; \"eoul todo\" shows every one.", n - TODOS_SHOWN),
                   n - TODOS_SHOWN);
        buf_char(&cli->out, '\n');
    }
}

static int owner_query(struct cli *cli, struct buf *path, const struct args *args)
{
    const char *owner = args_value(args, "owner");
    if (args_flag(args, "me")) {
        json_t *me;
        int r = cli_call(cli, "GET", "/v1/me", NULL, &me);
        if (r < 0)
            return r;
        buf_c(path, "&owner=");
        http_encode(path, str_of(json_text(me, "name")));
        json_decref(me);
    } else if (owner) {
        buf_c(path, "&owner=");
        http_encode(path, str_of(owner));
    }
    return 0;
}

static int list_path(struct cli *cli, struct buf *path, const struct args *args, const char *state,
                     int64_t limit)
{
    buf_printf(path, "/v1/jobs?state=%s&limit=%lld", state, (long long)limit);
    int r = cli_connect(cli);
    if (r == 0)
        r = owner_query(cli, path, args);
    if (r == 0 && path->failed)
        r = err_set(&cli->err, E_TOO_LARGE, "The name behind --owner is too long.");
    return r;
}

static int run_queue(struct cli *cli, struct args *args)
{
    struct buf path;
    json_t *list = NULL;
    int64_t limit = 0;
    const char *state = args_flag(args, "waiting")   ? "pending"
                        : args_flag(args, "running") ? "running"
                                                     : "live";
    int r = args_operands(cli, args, 0, 0, "[OPTION...]");
    if (r == 0)
        r = args_number(cli, args, "limit", args_flag(args, "all") ? 0 : SCREEN_ROWS, LIMIT_MAX,
                        &limit);
    if (r < 0)
        return cli_fail(cli);
    buf_init(&path, HTTP_PATH_MAX - 64);
    r = list_path(cli, &path, args, state, limit);
    if (r == 0 && args_flag(args, "json")) {
        r = cli_print_json(cli, path.ptr);
    } else if (r == 0) {
        buf_c(&path, "&brief=1");
        r = cli_call(cli, "GET", path.ptr, NULL, &list);
        if (r == 0) {
            put_counts(cli, list);
            if (json_array_size(json_object_get(list, "rows")) > 0) {
                buf_char(&cli->out, '\n');
                put_live(cli, list);
            }
            if (!args_flag(args, "owner") && strcmp(state, "live") == 0)
                put_todos(cli, json_object_get(list, "todos"));
        }
        /* the list is not freed: with 100,000 rows that takes as long as printing them, and the
         * program ends now */
    }
    buf_finish(&path);
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt queue_opts[] = {
    {"all", 'a', NULL, N_("Show every row, not just the first screen.")},
    {"me", 0, NULL, N_("Only my own jobs.")},
    {"owner", 'u', "PERSON", N_("Only this person's jobs.")},
    {"running", 0, NULL, N_("Only those that run.")},
    {"waiting", 0, NULL, N_("Only those that wait.")},
    {"limit", 'n', "N", N_("At most so many rows; 0 means all.")},
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {0},
};

const struct cmd cmd_queue = {
    .name = "queue",
    .group = "look",
    .usage = "[OPTION...]",
    .opts = queue_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_queue,
    .summary = N_("Show what runs and what waits, in the order of the plan."),
    .examples = (const char *const[]){"eoul queue", N_("a screen of it"), "eoul queue --me --all",
                                      N_("all my own jobs"), NULL},
    .more = N_("START and END are the plan's: a mark ~ means about, two times are the likely range "
               "(in one of ten cases it is "
               "earlier, in one later). SEEN is when the owner can look at the result. Below stands my work "
               "by hand, and what I asked others for, where it has a time."),
};

/* --- history
 * ---------------------------------------------------------------------------------------- */

static void put_ended(struct cli *cli, const json_t *list)
{
    const struct column columns[] = {
        {tr(cli->lang, "JOB"), true, false},   {tr(cli->lang, "NAME"), false, true},
        {tr(cli->lang, "OWNER"), false, true}, {tr(cli->lang, "STATE"), false, false},
        {tr(cli->lang, "CODE"), true, false},  {tr(cli->lang, "START"), true, false},
        {tr(cli->lang, "END"), true, false},   {tr(cli->lang, "TOOK"), true, false},
    };
    struct table *t = table_create(columns, 8);
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(list, "rows"), i, row)
    {
        const char *state = json_text(row, "state");
        usec_t start_at = json_i64(row, "start_at"), end_at = json_i64(row, "end_at");
        char memory[96];
        struct buf text;
        id_cell(t, row);
        name_cell(cli, t, row);
        clean_cell(t, json_text(row, "owner"), PAINT_NONE);
        clean_cell(t, state, paint_of_state(state));
        buf_init_fixed(&text, memory, sizeof memory);
        buf_i64(&text, json_i64(row, "signal") > 0 ? 128 + json_i64(row, "signal")
                                                   : json_i64(row, "exit_code"));
        table_cell(t, start_at > 0 && !job_never_began(row) ? buf_look(&text) : STR("-"), PAINT_NONE);
        when_cell(cli, t, start_at, false);
        when_cell(cli, t, end_at, false);
        buf_clear(&text);
        if (start_at > 0 && end_at >= start_at)
            cli_length(cli, &text, end_at - start_at);
        else
            buf_char(&text, '-');
        table_cell(t, buf_look(&text), PAINT_NONE);
    }
    table_finish(t, cli);
}

static int run_history(struct cli *cli, struct args *args)
{
    struct buf path;
    json_t *list = NULL;
    int64_t limit = 0;
    int r = args_operands(cli, args, 0, 0, "[OPTION...]");
    if (r == 0)
        r = args_number(cli, args, "limit", args_flag(args, "all") ? 0 : SCREEN_ROWS, LIMIT_MAX,
                        &limit);
    if (r < 0)
        return cli_fail(cli);
    buf_init(&path, HTTP_PATH_MAX - 64);
    r = list_path(cli, &path, args, "ended", limit);
    if (r == 0 && args_flag(args, "json")) {
        r = cli_print_json(cli, path.ptr);
    } else if (r == 0) {
        r = cli_call(cli, "GET", path.ptr, NULL, &list);
        if (r == 0) {
            cli_zone(cli);
            if (json_array_size(json_object_get(list, "rows")) > 0)
                put_ended(cli, list);
            else
                buf_printf(&cli->out, "%s\n", tr(cli->lang, "No job has ended yet."));
        }
        json_decref(list);
    }
    buf_finish(&path);
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt history_opts[] = {
    {"all", 'a', NULL, N_("Show every row, not just the first screen.")},
    {"me", 0, NULL, N_("Only my own jobs.")},
    {"owner", 'u', "PERSON", N_("Only this person's jobs.")},
    {"limit", 'n', "N", N_("At most so many rows; 0 means all.")},
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {0},
};

const struct cmd cmd_history = {
    .name = "history",
    .group = "look",
    .usage = "[OPTION...]",
    .opts = history_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_history,
    .summary = N_("Show jobs that have ended, the last one first."),
    .examples = (const char *const[]){"eoul history", N_("the last twenty"),
                                      "eoul history --me -n 100", N_("my last hundred"), NULL},
};
