/* cmd_queue.c - `eoul queue` and `eoul history`: jobs as rows. */
#include <string.h>

#include "base/json_walk.h"
#include "base/utf8.h"
#include "cal/format.h"
#include "cli/job.h"
#include "cli/rows.h"
#include "cli/todo_text.h"
#include "i18n/text.h"
#include "i18n/width.h"

#define SCREEN_ROWS 20   /* without a terminal's height: what one looks at */
#define WIDE_COLUMNS 110 /* from here on the reason has a column */
#define LIMIT_MAX 1000000
#define TODOS_SHOWN 8 /* of one's work by hand; "eoul todo" has all */

struct list { /* rows on their way into a table */
    struct cli *cli;
    struct table *table;
    bool wide;
    struct buf text, escaped; /* of one cell */
};

static void list_init(struct list *l, struct cli *cli, struct table *table, bool wide)
{
    *l = (struct list){ .cli = cli, .table = table, .wide = wide };
    buf_init(&l->text, 1 << 20);
    buf_init(&l->escaped, 1 << 20);
}

static void list_finish(struct list *l)
{
    buf_finish(&l->text);
    buf_finish(&l->escaped);
}

static void cell(struct list *l, enum paint paint)
{
    table_cell(l->table, l->text.failed ? STR("?") : buf_look(&l->text), paint);
    buf_clear(&l->text);
}

/* A name or an owner; the daemon leaves those empty that this reader is not to see. */
static struct str told(struct list *l, struct str json_text)
{
    struct str text = json_value_text(json_text, &l->escaped);
    return text.len ? text : STR("-");
}

static void clean_cell(struct list *l, struct str json_text, enum paint paint)
{
    utf8_clean(&l->text, json_value_text(json_text, &l->escaped));
    cell(l, paint);
}

/* "12_[40]": forty tasks that stand together. */
static void id_cell(struct list *l, const struct row *row)
{
    if (row->name_id.len > 2)
        buf_str(&l->text, json_value_text(row->name_id, &l->escaped));
    else
        buf_i64(&l->text, row->id);
    cell(l, PAINT_NONE);
}

static void name_cell(struct list *l, const struct row *row)
{
    utf8_clean(&l->text, told(l, row->name));
    if (row->tasks > 1)
        buf_printf(&l->text, l->cli->ascii ? " x%lld" : " ×%lld", (long long)row->tasks);
    cell(l, PAINT_NONE);
}

/* Who, and for which project: a column that is there if somebody has one. */
static void owner_cells(struct list *l, const struct row *row)
{
    utf8_clean(&l->text, told(l, row->owner));
    cell(l, PAINT_NONE);
    clean_cell(l, row->account, PAINT_NONE);
}

/* "#0,1": those it has; else how many it asks for, "2", or "-". */
static void gpus_cell(struct list *l, const struct row *row)
{
    for (size_t i = 0; i < row->gpu_list.len; i++) { /* "[0, 1]" */
        char c = row->gpu_list.ptr[i];
        if (c >= '0' && c <= '9' && l->text.len == 0)
            buf_char(&l->text, '#');
        if (c == ',' || (c >= '0' && c <= '9'))
            buf_char(&l->text, c);
    }
    if (l->text.len == 0 && row->gpus > 0)
        buf_i64(&l->text, row->gpus);
    else if (l->text.len == 0)
        buf_char(&l->text, '-');
    cell(l, PAINT_NONE);
}

static void when_cell(struct list *l, usec_t at, bool about)
{
    if (about && at > 0 && at != USEC_NEVER)
        buf_char(&l->text, '~');
    cli_when(l->cli, &l->text, at);
    cell(l, PAINT_NONE);
}

static void state_cell(struct list *l, const struct row *row)
{
    char word[32] = "";
    if (row->state.len > 2 && row->state.len - 2 < sizeof word)
        memcpy(word, row->state.ptr + 1, row->state.len - 2);
    clean_cell(l, row->state, paint_of_state(word));
}

/* Why it waits; or that its terminal is not used, which is what holds a GPU for nothing. */
static void reason_cell(struct list *l, const struct row *row)
{
    char length[64];
    struct buf idle;
    if (row->idle_us > 0) {
        buf_init_fixed(&idle, length, sizeof length);
        cli_length(l->cli, &idle, row->idle_us);
        buf_printf(&l->text, tr(l->cli->lang, "idle for %s"), length);
        cell(l, PAINT_YELLOW);
        return;
    }
    clean_cell(l, row_is(row->reason, "None") ? (struct str){ 0 } : row->reason, PAINT_DIM);
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

static void live_row(const struct row *row, void *data)
{
    struct list *l = data;
    const struct job_end end = { row->end_p10_at, row->end_p50_at, row->end_p90_at };
    bool waiting = row_is(row->state, "PENDING");
    id_cell(l, row);
    name_cell(l, row);
    owner_cells(l, row);
    gpus_cell(l, row);
    state_cell(l, row);
    when_cell(l, row->start_at, waiting);
    job_end_about(l->cli, &l->text, &end);
    cell(l, PAINT_NONE);
    when_cell(l, row->eyes_at, false);
    if (l->wide)
        reason_cell(l, row);
}

static struct table *live_table(struct cli *cli, bool wide)
{
    const struct column columns[] = {
        {tr(cli->lang, "JOB"), true, false},     {tr(cli->lang, "NAME"), false, true},
        {tr(cli->lang, "OWNER"), false, true},   {tr(cli->lang, "ACCOUNT"), false, true, true},
        {tr(cli->lang, "GPUS"), false, false},   {tr(cli->lang, "STATE"), false, false},
        {tr(cli->lang, "START"), true, false},
        {tr(cli->lang, "END"), true, false},     {tr(cli->lang, "SEEN"), true, false},
        {tr(cli->lang, "REASON"), false, false},
    };
    return table_create(columns, wide ? 10 : 9);
}

static void put_more(struct cli *cli, int64_t more)
{
    if (more <= 0)
        return;
    buf_printf(&cli->out,
               trn(cli->lang, "%lld more row; \"eoul queue --all\" shows every one.",
                   "%lld more rows; \"eoul queue --all\" shows every one.", (unsigned long long)more),
               (long long)more);
    buf_char(&cli->out, '\n');
}

/* The list at `path`; *ret_rest is what came beside it. */
static int put_live(struct cli *cli, const char *path, json_t **ret_rest)
{
    bool wide = cli->columns == 0 || cli->columns >= WIDE_COLUMNS;
    struct list l;
    uint64_t n = 0;
    list_init(&l, cli, live_table(cli, wide), wide);
    int r = rows_get(cli, path, live_row, &l, ret_rest, &n);
    list_finish(&l);
    if (r == 0)
        put_counts(cli, *ret_rest);
    if (r < 0 || n == 0) {
        table_drop(l.table);
        return r;
    }
    buf_char(&cli->out, '\n');
    table_finish(l.table, cli);
    put_more(cli, json_i64(*ret_rest, "rows_n") - (int64_t)n);
    return 0;
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
        buf_clear(&text);
        cli_clean(&text, json_text(todo, "person"));
        table_cell(t, text.failed ? STR("?") : buf_look(&text), PAINT_NONE);
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
    if (args_value(args, "account")) {
        buf_c(path, "&account=");
        http_encode(path, str_of(args_value(args, "account")));
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
        r = err_set(&cli->err, E_TOO_LARGE, "The name behind --owner or --account is too long.");
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
        r = put_live(cli, path.ptr, &list);
        if (r == 0 && !args_flag(args, "owner") && strcmp(state, "live") == 0)
            put_todos(cli, json_object_get(list, "todos"));
        json_decref(list);
    }
    buf_finish(&path);
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt queue_opts[] = {
    {"all", 'a', NULL, N_("Show every row, not just the first screen.")},
    {"me", 0, NULL, N_("Only my own jobs.")},
    {"owner", 'u', "PERSON", N_("Only this person's jobs.")},
    {"account", 'A', "NAME", N_("Only the jobs of this project.")},
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

static void ended_row(const struct row *row, void *data)
{
    struct list *l = data;
    id_cell(l, row);
    name_cell(l, row);
    owner_cells(l, row);
    state_cell(l, row);
    if (row->start_at > 0 && !row_is(row->reason, "JobLaunchFailure")) /* what never began has no code */
        buf_i64(&l->text, row->signal > 0 ? 128 + row->signal : row->exit_code);
    else
        buf_char(&l->text, '-');
    cell(l, PAINT_NONE);
    when_cell(l, row->start_at, false);
    when_cell(l, row->end_at, false);
    if (row->start_at > 0 && row->end_at >= row->start_at)
        cli_length(l->cli, &l->text, row->end_at - row->start_at);
    else
        buf_char(&l->text, '-');
    cell(l, PAINT_NONE);
}

static int put_ended(struct cli *cli, const char *path)
{
    const struct column columns[] = {
        {tr(cli->lang, "JOB"), true, false},   {tr(cli->lang, "NAME"), false, true},
        {tr(cli->lang, "OWNER"), false, true}, {tr(cli->lang, "ACCOUNT"), false, true, true},
        {tr(cli->lang, "STATE"), false, false}, {tr(cli->lang, "CODE"), true, false},
        {tr(cli->lang, "START"), true, false},
        {tr(cli->lang, "END"), true, false},   {tr(cli->lang, "TOOK"), true, false},
    };
    struct list l;
    json_t *rest = NULL;
    uint64_t n = 0;
    list_init(&l, cli, table_create(columns, 9), false);
    int r = rows_get(cli, path, ended_row, &l, &rest, &n);
    list_finish(&l);
    json_decref(rest);
    if (r < 0 || n == 0)
        table_drop(l.table);
    else
        table_finish(l.table, cli);
    if (r == 0 && n == 0)
        buf_printf(&cli->out, "%s\n", tr(cli->lang, "No job has ended yet."));
    return r;
}

static int run_history(struct cli *cli, struct args *args)
{
    struct buf path;
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
        r = put_ended(cli, path.ptr);
    }
    buf_finish(&path);
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt history_opts[] = {
    {"all", 'a', NULL, N_("Show every row, not just the first screen.")},
    {"me", 0, NULL, N_("Only my own jobs.")},
    {"owner", 'u', "PERSON", N_("Only this person's jobs.")},
    {"account", 'A', "NAME", N_("Only the jobs of this project.")},
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
