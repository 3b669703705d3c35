/* cmd_plan.c - `eoul plan`: the plan of this moment as a picture in the terminal. */
#include <stdlib.h>
#include <string.h>

#include "cal/format.h"
#include "cli/job.h"
#include "cli/plan_picture.h"
#include "cli/reserve_text.h"
#include "cli/timeline.h"
#include "cli/todo_text.h"
#include "i18n/text.h"
#include "i18n/width.h"

#define PLAN_ROWS 400 /* jobs asked for: more do not fit a screen of two days */
#define BARS_MAX 2048
#define LABELS_BYTES (256 * 1024)
#define CPU_LANES 8 /* lanes for jobs without GPUs */
#define PEOPLE_MAX 24
#define LOOKS_MAX 4096
#define TODOS_MAX 256 /* pieces of work by hand: 50 people with a few each within two days */
#define LISTED_MAX 12 /* jobs in the list below the picture, and todos below that */

struct picture {
    struct cli *cli;
    struct timeline t;
    struct timeline_bar bars[BARS_MAX];
    struct timeline_bar todos[TODOS_MAX];
    struct timeline_row people[PEOPLE_MAX];
    struct span looks[LOOKS_MAX];
    size_t looks_n;
    struct buf text; /* all labels; fixed, so pointers stay */
    char text_memory[LABELS_BYTES];
    int64_t gpu_number[TIMELINE_LANES_MAX];
    uint32_t gpus_n;
    size_t not_drawn;
};

static const char *keep(struct picture *p, const struct buf *text)
{
    const char *at = p->text.ptr + p->text.len;
    if (text->failed || p->text.len + text->len + 1 >= sizeof p->text_memory)
        return "";
    buf_add(&p->text, text->ptr, text->len);
    buf_char(&p->text, '\0');
    return at;
}

static const char *label_of(struct picture *p, const json_t *row)
{
    char memory[1200], id[32];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_c(&text, job_name_id(row, id));
    buf_char(&text, ' ');
    cli_clean(&text, json_told(row, "name"));
    return keep(p, &text);
}

static void add_gpus(struct picture *p, const json_t *gpus)
{
    size_t i;
    json_t *gpu;
    json_array_foreach(gpus, i, gpu)
    {
        char memory[64];
        struct buf text;
        const char *state = json_text(gpu, "state");
        if (p->gpus_n >= TIMELINE_LANES_MAX - CPU_LANES)
            break;
        buf_init_fixed(&text, memory, sizeof memory);
        buf_printf(&text, "GPU %lld", (long long)json_i64(gpu, "gpu"));
        if (state[0] && strcmp(state, "up") != 0)
            buf_char(&text, '!'); /* what is wrong with it is said below */
        p->gpu_number[p->gpus_n] = json_i64(gpu, "gpu");
        p->t.lane_names[p->gpus_n++] = keep(p, &text);
    }
    p->t.lanes_n = p->gpus_n;
}

static struct timeline_bar *new_bar(struct picture *p, const json_t *row, const char *label)
{
    usec_t start_at = json_i64(row, "start_at"), end_at = json_i64(row, "end_p50_at"),
           late_at = json_i64(row, "end_p90_at");
    if (start_at <= 0 || start_at == USEC_NEVER || p->t.bars_n >= BARS_MAX)
        return NULL;
    bool running = !job_is_waiting(row);
    if (end_at <= start_at)
        end_at = usec_add(start_at, USEC_PER_HOUR); /* nobody knows: drawn as an hour */
    if (running && end_at < p->t.now_at)
        end_at = p->t.now_at + USEC_PER_MIN; /* over its estimate, and still there */
    struct timeline_bar *bar = &p->bars[p->t.bars_n++];
    *bar = (struct timeline_bar){.lane = UINT32_MAX,
                                 .from_at = start_at,
                                 .until_at = end_at,
                                 .late_at = usec_max(late_at, end_at),
                                 .running = running,
                                 .label = label};
    return bar;
}

/* One bar for each GPU it has; where the plan names none, the first free lanes. */
static void add_job(struct picture *p, const json_t *row)
{
    const json_t *list = json_object_get(row, "gpu_list");
    const char *label = label_of(p, row);
    int64_t wanted = json_i64(row, "gpus");
    if (json_array_size(list) > 0) {
        for (size_t i = 0; i < json_array_size(list); i++)
            for (uint32_t lane = 0; lane < p->gpus_n; lane++)
                if (p->gpu_number[lane] == json_integer_value(json_array_get(list, i))) {
                    struct timeline_bar *bar = new_bar(p, row, label);
                    if (bar)
                        bar->lane = lane;
                }
        return;
    }
    uint32_t from = wanted > 0 ? 0 : p->gpus_n, lanes = wanted > 0 ? p->gpus_n : CPU_LANES;
    for (int64_t i = 0; i < (wanted > 0 ? wanted : 1); i++) {
        struct timeline_bar *bar = new_bar(p, row, label);
        if (!bar || !timeline_place(p->bars, p->t.bars_n, p->t.bars_n - 1, from, lanes)) {
            if (bar)
                p->t.bars_n--;
            p->not_drawn++;
            return;
        }
    }
}

static void name_cpu_lanes(struct picture *p)
{
    uint32_t used = p->gpus_n;
    for (size_t i = 0; i < p->t.bars_n; i++)
        if (p->bars[i].lane != UINT32_MAX && p->bars[i].lane >= used)
            used = p->bars[i].lane + 1;
    if (used == 0)
        used = 1; /* a machine at rest still has a lane */
    for (uint32_t lane = p->gpus_n; lane < used; lane++)
        p->t.lane_names[lane] = lane == p->gpus_n ? "CPU" : "";
    p->t.lanes_n = used;
}

static void add_people(struct picture *p, const json_t *people)
{
    size_t i, k;
    json_t *person, *look;
    json_array_foreach(people, i, person)
    {
        if (p->t.people_n >= PEOPLE_MAX)
            break;
        char memory[512];
        struct buf text;
        struct timeline_row *row = &p->people[p->t.people_n++];
        buf_init_fixed(&text, memory, sizeof memory);
        cli_clean(&text, json_text(person, "name"));
        *row = (struct timeline_row){.name = keep(p, &text), .look = p->looks + p->looks_n};
        json_array_foreach(json_object_get(person, "look"), k, look)
        {
            if (p->looks_n >= LOOKS_MAX)
                break;
            p->looks[p->looks_n++] = (struct span){json_integer_value(json_array_get(look, 0)),
                                                   json_integer_value(json_array_get(look, 1))};
            row->look_n++;
        }
    }
}

/* Somebody's row; their name as the daemon wrote it. */
static bool person_row(const struct picture *p, const char *name, uint32_t *ret)
{
    char memory[512];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    cli_clean(&text, name);
    for (uint32_t i = 0; i < p->t.people_n; i++)
        if (str_is(buf_look(&text), p->people[i].name)) {
            *ret = i;
            return true;
        }
    return false;
}

static void add_todos(struct picture *p, const json_t *todos)
{
    size_t i;
    json_t *todo;
    json_array_foreach(todos, i, todo)
    {
        char memory[1200];
        struct buf text;
        struct timeline_bar *bar = &p->todos[p->t.todos_n];
        uint32_t lane = 0;
        if (p->t.todos_n == TODOS_MAX || !person_row(p, json_text(todo, "person"), &lane))
            continue;
        buf_init_fixed(&text, memory, sizeof memory);
        todo_name(p->cli, &text, todo);
        *bar = (struct timeline_bar){.lane = lane,
                                     .from_at = json_i64(todo, "from_at"),
                                     .until_at = json_i64(todo, "until_at"),
                                     .late_at = json_i64(todo, "until_at"),
                                     .running = json_is_true(json_object_get(todo, "under_way")),
                                     .hands_on = true,
                                     .label = keep(p, &text)};
        p->t.todos_n++;
    }
}

static int by_start(const void *a, const void *b)
{
    const struct timeline_bar *x = a, *y = b;
    return x->from_at < y->from_at ? -1 : x->from_at > y->from_at;
}

static void put_list(struct cli *cli, const json_t *rows)
{
    const struct column columns[] = {
        {tr(cli->lang, "JOB"), true, false},   {tr(cli->lang, "NAME"), false, true},
        {tr(cli->lang, "OWNER"), false, true}, {tr(cli->lang, "GPUS"), false, false},
        {tr(cli->lang, "START"), true, false}, {tr(cli->lang, "END"), true, false},
        {tr(cli->lang, "SEEN"), true, false},
    };
    struct table *t = table_create(columns, 7);
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        char memory[1200], id[32];
        struct buf text;
        if (i >= LISTED_MAX)
            break;
        table_cell(t, str_of(job_name_id(row, id)), PAINT_NONE);
        buf_init_fixed(&text, memory, sizeof memory);
        cli_clean(&text, json_told(row, "name"));
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        cli_clean(&text, json_told(row, "owner"));
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        job_gpus(&text, row);
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        cli_when(cli, &text, json_i64(row, "start_at"));
        table_cell(t, buf_look(&text), job_is_waiting(row) ? PAINT_NONE : PAINT_GREEN);
        buf_clear(&text);
        job_end(cli, &text, row);
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        cli_when(cli, &text, json_i64(row, "eyes_at"));
        table_cell(t, buf_look(&text), PAINT_NONE);
    }
    table_finish(t, cli);
}

/* Pieces of work by hand, in time; what lies behind the picture too, for a while. */
static void put_todos(struct cli *cli, const json_t *todos)
{
    const struct column columns[] = {
        {tr(cli->lang, "TODO"), true, false},
        {tr(cli->lang, "WHAT"), false, true},
        {tr(cli->lang, "WHO"), false, true},
        {tr(cli->lang, "WHEN"), false, false},
    };
    struct table *t = table_create(columns, 4);
    size_t i;
    json_t *todo;
    json_array_foreach(todos, i, todo)
    {
        char memory[1200];
        struct buf text;
        struct span when = {json_i64(todo, "from_at"), json_i64(todo, "until_at")};
        if (i >= LISTED_MAX)
            break;
        buf_init_fixed(&text, memory, sizeof memory);
        buf_i64(&text, json_i64(todo, "id"));
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        todo_name(cli, &text, todo);
        table_cell(t, text.failed ? STR("?") : buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        cli_clean(&text, json_text(todo, "person"));
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        cal_format_range(&text, cli_zone(cli), cli->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH,
                         CAL_SHORT, when, cli->now_at);
        table_cell(t, buf_look(&text),
                   json_is_true(json_object_get(todo, "under_way")) ? PAINT_GREEN : PAINT_NONE);
    }
    table_finish(t, cli);
}

static void put_odd_gpus(struct cli *cli, const json_t *gpus)
{
    size_t i;
    json_t *gpu;
    json_array_foreach(gpus, i, gpu)
    {
        const char *state = json_text(gpu, "state"), *user = json_text(gpu, "foreign_user");
        if (!state[0] || strcmp(state, "up") == 0)
            continue;
        buf_printf(&cli->out, "GPU %lld: %s", (long long)json_i64(gpu, "gpu"), state);
        if (user[0]) {
            buf_c(&cli->out, " (");
            cli_clean(&cli->out, user);
            buf_char(&cli->out, ')');
        }
        buf_char(&cli->out, '\n');
    }
}

static void draw(struct cli *cli, const json_t *plan)
{
    struct picture *p = calloc(1, sizeof *p);
    const json_t *rows = json_object_get(plan, "rows"), *todos = json_object_get(plan, "todos");
    size_t i;
    json_t *row;
    if (!p) {
        cli->out.failed = E_NO_MEMORY;
        return;
    }
    p->cli = cli;
    buf_init_fixed(&p->text, p->text_memory, sizeof p->text_memory);
    p->t = (struct timeline){.lang = cli->lang,
                             .ascii = cli->ascii,
                             .color = cli->color,
                             .bars = p->bars,
                             .people = p->people,
                             .todos = p->todos,
                             .columns = cli->columns > 0 ? cli->columns : 100,
                             .zone = cli_zone(cli),
                             .now_at = cli->now_at};
    timeline_span(&p->t);
    add_gpus(p, json_object_get(plan, "gpus"));
    json_array_foreach(rows, i, row) add_job(p, row);
    qsort(p->bars, p->t.bars_n, sizeof p->bars[0], by_start);
    name_cpu_lanes(p);
    add_people(p, json_object_get(plan, "people"));
    add_todos(p, todos);

    char memory[64];
    struct buf now;
    buf_init_fixed(&now, memory, sizeof memory);
    text_when(&now, cli->lang, cli->now_at, zone_offset_s(p->t.zone, cli->now_at / USEC_PER_SEC),
              TEXT_DATE_TIME);
    buf_printf(&cli->out, tr(cli->lang, "Plan %1$lld, %2$s (%3$s)"),
               (long long)json_i64(plan, "number"), now.ptr, cli->zone_name);
    buf_c(&cli->out, "\n\n");
    timeline_draw(&cli->out, &p->t);
    put_odd_gpus(cli, json_object_get(plan, "gpus"));
    if (p->not_drawn > 0)
        buf_printf(&cli->out,
                   trn(cli->lang,
                       "%zu job has no place in the picture; \"eoul queue --all\" shows it.",
                       "%zu jobs have no place in the picture; \"eoul queue --all\" shows them.",
                       p->not_drawn),
                   p->not_drawn);
    if (p->not_drawn > 0)
        buf_char(&cli->out, '\n');
    if (json_array_size(rows) > 0) {
        buf_char(&cli->out, '\n');
        put_list(cli, rows);
    }
    if (json_array_size(todos) > 0) {
        buf_char(&cli->out, '\n');
        put_todos(cli, todos);
    }
    if (json_array_size(json_object_get(plan, "reservations")) > 0) {
        buf_char(&cli->out, '\n');
        reserve_put_list(cli, json_object_get(plan, "reservations"));
    }
    free(p);
}

/* To the files that were asked for, else to the terminal. */
static int show(struct cli *cli, struct args *args, const json_t *plan)
{
    const char *svg = args_value(args, "svg"), *html = args_value(args, "html");
    int r = 0;
    if (!svg && !html)
        draw(cli, plan);
    if (svg)
        r = plan_picture(cli, plan, false, svg);
    if (html && r == 0)
        r = plan_picture(cli, plan, true, html);
    return r;
}

static int run_plan(struct cli *cli, struct args *args)
{
    char path[64];
    json_t *plan = NULL;
    int r = args_operands(cli, args, 0, 0, "[OPTION...]");
    snprintf(path, sizeof path, "/v1/plan?limit=%d", PLAN_ROWS);
    if (r == 0)
        r = cli_connect(cli);
    if (r == 0 && args_flag(args, "json")) {
        r = cli_print_json(cli, path);
    } else if (r == 0) {
        r = cli_call(cli, "GET", path, NULL, &plan);
        if (r == 0)
            r = show(cli, args, plan);
        json_decref(plan);
    }
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt plan_opts[] = {
    {"svg", 0, "FILE", N_("Draw it into FILE as a picture (-: standard output).")},
    {"html", 0, "FILE", N_("Draw it into FILE as one page that needs nothing else.")},
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {0},
};

const struct cmd cmd_plan = {
    .name = "plan",
    .group = "look",
    .usage = "[OPTION...]",
    .opts = plan_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_plan,
    .summary = N_("Draw the plan: GPUs, tonight and tomorrow, and when their owners can look."),
    .examples =
        (const char *const[]){"eoul plan", N_("the plan of this moment"), "eoul plan --ascii",
                              N_("without line-drawing characters"), "eoul plan --html plan.html",
                              N_("a picture to look at or pass on"), NULL},
};
