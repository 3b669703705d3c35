/* me_data.c - see me_data.h.
 *
 * What is stored is shown with how long it stays: a promise that can be checked.  Of calendars every stretch
 * is counted here and listed by --json.
 */
#include "cli/me_data.h"

#include "cal/format.h"
#include "cli/todo_text.h"
#include "i18n/text.h"
#include "i18n/width.h"

#define LABEL_COLUMNS 16
#define TEXT_BYTES 2048

static void line(struct cli *cli, const char *label, const char *value)
{
    if (!value[0])
        return;
    width_cell(&cli->out, str_of(label), LABEL_COLUMNS, WIDTH_LEFT);
    buf_char(&cli->out, ' ');
    cli_clean(&cli->out, value);
    buf_char(&cli->out, '\n');
}

static void length_line(struct cli *cli, const char *label, usec_t length_us)
{
    char memory[96];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    cli_length(cli, &text, length_us);
    line(cli, label, text.failed ? "?" : memory);
}

static void put_said(struct cli *cli, const json_t *me)
{
    const json_t *leaves = json_object_get(me, "leaves");
    size_t i;
    json_t *leave;
    buf_printf(&cli->out, "%s\n", tr(cli->lang, "What I said, or is assumed"));
    line(cli, tr(cli->lang, "name"), json_text(me, "name"));
    line(cli, tr(cli->lang, "language"), json_text(me, "lang"));
    line(cli, tr(cli->lang, "time zone"), json_text(me, "zone"));
    line(cli, tr(cli->lang, "look hours"), json_text(me, "hours"));
    line(cli, tr(cli->lang, "work hours"), json_text(me, "work"));
    line(cli, tr(cli->lang, "focus blocks"), json_text(me, "focus"));
    length_line(cli, tr(cli->lang, "todos a day"), json_i64(me, "cap_us"));
    length_line(cli, tr(cli->lang, "event buffer"), json_i64(me, "buffer_us"));
    if (json_is_true(json_object_get(me, "defer")))
        line(cli, tr(cli->lang, "later starts"), tr(cli->lang, "yes"));
    json_array_foreach(leaves, i, leave)
    {
        char memory[192];
        struct buf text;
        struct span span = {json_integer_value(json_array_get(leave, 0)),
                            json_integer_value(json_array_get(leave, 1))};
        buf_init_fixed(&text, memory, sizeof memory);
        cal_format_range(&text, cli_zone(cli), cli->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH,
                         CAL_FULL, span, cli->now_at);
        line(cli, i == 0 ? tr(cli->lang, "away") : "", text.failed ? "?" : memory);
    }
    if (json_i64(me, "here_until_at") > 0) {
        char memory[128];
        struct buf text;
        buf_init_fixed(&text, memory, sizeof memory);
        cli_when(cli, &text, json_i64(me, "here_until_at"));
        line(cli, tr(cli->lang, "here until"), text.failed ? "?" : memory);
    }
}

static void put_calendars(struct cli *cli, const json_t *calendars)
{
    size_t i;
    json_t *one;
    if (json_array_size(calendars) == 0)
        return;
    buf_printf(&cli->out, "\n%s\n", tr(cli->lang, "Calendars: where they are, and when I am busy; nothing else of "
                                                  "them"));
    json_array_foreach(calendars, i, one)
    {
        size_t n = json_array_size(json_object_get(one, "busy"));
        char memory[TEXT_BYTES];
        struct buf text;
        buf_init_fixed(&text, memory, sizeof memory);
        cli_clean(&text, json_text(one, "place"));
        buf_c(&text, "  ");
        buf_printf(&text, trn(cli->lang, "%zu stretch of time", "%zu stretches of time", n), n);
        line(cli, json_text(one, "name"), text.failed ? "?" : memory);
    }
}

static void put_channels(struct cli *cli, const json_t *channels)
{
    size_t i;
    json_t *one;
    if (json_array_size(channels) > 0)
        buf_printf(&cli->out, "\n%s\n", tr(cli->lang, "Where I am told what happened"));
    json_array_foreach(channels, i, one)
    {
        char memory[TEXT_BYTES];
        struct buf text;
        buf_init_fixed(&text, memory, sizeof memory);
        buf_printf(&text, "%s  %s", json_text(one, "kind"), json_text(one, "place"));
        line(cli, json_text(one, "name"), text.failed ? "?" : memory);
    }
}

static void put_todos(struct cli *cli, const json_t *todos)
{
    size_t i;
    json_t *todo;
    if (json_array_size(todos) == 0)
        return;
    buf_printf(&cli->out, "\n%s\n", tr(cli->lang, "Work by hand that I asked for, or was asked for"));
    json_array_foreach(todos, i, todo)
    {
        char number[32];
        struct buf text;
        buf_init_fixed(&text, number, sizeof number);
        buf_printf(&text, "%lld %s", (long long)json_i64(todo, "id"), json_text(todo, "state"));
        width_cell(&cli->out, buf_look(&text), LABEL_COLUMNS, WIDTH_LEFT);
        buf_char(&cli->out, ' ');
        todo_name(cli, &cli->out, todo);
        if (json_text(todo, "link")[0]) {
            buf_c(&cli->out, "  ");
            cli_clean(&cli->out, json_text(todo, "link"));
        }
        buf_char(&cli->out, '\n');
    }
}

/* Presence as it was, and what was asked for in vain: lists that --json has whole. */
static void put_last_days(struct cli *cli, const json_t *data)
{
    size_t looked = json_array_size(json_object_get(data, "could_look")), refused = json_array_size(json_object_get(data, "refusals"));
    char memory[128];
    struct buf text;
    if (looked + refused == 0)
        return;
    buf_printf(&cli->out, "\n%s\n", tr(cli->lang, "Of the last seven days"));
    buf_init_fixed(&text, memory, sizeof memory);
    if (looked) {
        buf_printf(&text, trn(cli->lang, "%zu stretch of time", "%zu stretches of time", looked), looked);
        line(cli, tr(cli->lang, "could look"), text.failed ? "?" : memory);
    }
    buf_clear(&text);
    if (refused) {
        buf_printf(&text, trn(cli->lang, "%zu request (\"eoul why\" lists it)", "%zu requests (\"eoul why\" lists them)", refused), refused);
        line(cli, tr(cli->lang, "refused to me"), text.failed ? "?" : memory);
    }
}

/* What a person cannot delete alone, and when it goes. */
static void put_jobs(struct cli *cli, const json_t *data)
{
    const json_t *jobs = json_object_get(data, "jobs"), *kept = json_object_get(data, "kept");
    char memory[96];
    struct buf text;
    buf_printf(&cli->out, "\n%s\n", tr(cli->lang, "Jobs (\"eoul queue --me\", \"eoul history --me\")"));
    buf_init_fixed(&text, memory, sizeof memory);
    buf_printf(&text, "%lld", (long long)json_i64(jobs, "live"));
    line(cli, tr(cli->lang, "not ended"), memory);
    buf_clear(&text);
    buf_printf(&text, "%lld", (long long)json_i64(jobs, "ended"));
    line(cli, tr(cli->lang, "ended"), memory);
    buf_printf(&cli->out, "\n%s\n", tr(cli->lang, "Goes by itself after"));
    length_line(cli, tr(cli->lang, "jobs, todos"), json_i64(kept, "jobs_us"));
    length_line(cli, tr(cli->lang, "last output"), json_i64(kept, "logs_us"));
    length_line(cli, tr(cli->lang, "when I was here"), json_i64(kept, "journal_us"));
    buf_printf(&cli->out, "\n%s\n",
               tr(cli->lang, "\"eoul me data delete\" deletes what I said, my calendars and channels, what was refused to me, and what I called work by "
                             "hand that is over."));
}

static int path_of(struct cli *cli, struct buf *path, const char *person)
{
    buf_init(path, HTTP_PATH_MAX - 64);
    buf_c(path, "/v1/me/data");
    if (person) {
        buf_c(path, "?for=");
        http_encode(path, str_of(person));
    }
    return path->failed ? err_set(&cli->err, E_USAGE, "That name is too long.") : cli_connect(cli);
}

int me_data(struct cli *cli, const char *person, bool json)
{
    struct buf path;
    json_t *data = NULL;
    int r = path_of(cli, &path, person);
    if (r == 0 && json) {
        r = cli_print_json(cli, path.ptr);
    } else if (r == 0 && (r = cli_call(cli, "GET", path.ptr, NULL, &data)) == 0) {
        cli_zone(cli);
        if (json_object_get(data, "me"))
            put_said(cli, json_object_get(data, "me"));
        put_calendars(cli, json_object_get(data, "calendars"));
        put_channels(cli, json_object_get(data, "channels"));
        put_todos(cli, json_object_get(data, "todos"));
        put_last_days(cli, data);
        if (json_object_get(data, "jobs"))
            put_jobs(cli, data);
    }
    json_decref(data);
    buf_finish(&path);
    return r;
}

int me_data_delete(struct cli *cli, const char *person)
{
    json_t *me = NULL, *body = json_object();
    json_object_set_new(body, "forget", json_true());
    if (person)
        json_object_set_new(body, "for", json_string(person));
    int r = cli_call(cli, "POST", "/v1/me", body, &me);
    if (r == 0)
        buf_printf(&cli->out, "%s\n",
                   tr(cli->lang, "Deleted: what I said, my calendars and channels and how they are opened, what was refused to me, and what I called work "
                                 "by hand that is over. Jobs stay; the team's numbers come from them. Copies of the "
                                 "store (the last 24) and the journal keep their state until they go."));
    json_decref(me);
    json_decref(body);
    return r;
}
