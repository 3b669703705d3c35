/* cmd_why.c - `eoul why`: why a job is where it is, and why something was refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/todo_text.h"

#define ASKED_BYTES 512

/* The daemon writes the sentences: in this terminal's time. */
static void put_zone(struct cli *cli, struct buf *path)
{
    if (getenv("TZ") && cli_zone(cli)) {
        buf_c(path, "?zone=");
        http_encode(path, str_of(cli->zone_name));
    }
}

static void put_sentences(struct cli *cli, const json_t *why)
{
    size_t n;
    json_t *sentence;
    json_array_foreach(json_object_get(why, "sentences"), n, sentence)
    {
        cli_clean(&cli->out, json_string_value(sentence));
        buf_char(&cli->out, '\n');
    }
}

/* --- refusals --------------------------------------------------------------------------------------- */

/* "r12"; jobs are plain numbers. */
static bool is_refusal(const char *word)
{
    uint64_t id;
    return word[0] == 'r' && str_u64(str_of(word + 1), &id) == 0;
}

/* "r12" or "last". */
static int explain_refusal(struct cli *cli, const struct args *args, const char *id)
{
    json_t *why = NULL;
    struct buf path;
    buf_init(&path, 512);
    buf_printf(&path, "/v1/refusals/%.20s/why", id);
    put_zone(cli, &path);
    int r = 0;
    if (args_flag(args, "json"))
        r = cli_print_json(cli, path.ptr);
    else
        r = cli_call(cli, "GET", path.ptr, NULL, &why);
    put_sentences(cli, why);
    json_decref(why);
    buf_finish(&path);
    return r;
}

static void put_list(struct cli *cli, const json_t *refusals)
{
    const struct column columns[] = {
        {tr(cli->lang, "REFUSED"), false, false}, {tr(cli->lang, "WHEN"), false, false},
        {tr(cli->lang, "TIMES"), true, false},    {tr(cli->lang, "WHAT WAS ASKED"), false, true},
    };
    struct table *t = table_create(columns, sizeof columns / sizeof columns[0]);
    size_t i;
    json_t *one;
    json_array_foreach(refusals, i, one)
    {
        char memory[ASKED_BYTES];
        struct buf text;
        buf_init_fixed(&text, memory, sizeof memory);
        buf_printf(&text, "r%lld", (long long)json_i64(one, "id"));
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        cli_when(cli, &text, json_i64(one, "last_at"));
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        buf_i64(&text, json_i64(one, "times"));
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        cli_clean(&text, json_text(one, "asked"));
        if (json_i64(one, "until_at") > 0) {
            buf_c(&text, " (");
            cli_when(cli, &text, json_i64(one, "from_at"));
            buf_c(&text, " - ");
            cli_when(cli, &text, json_i64(one, "until_at"));
            buf_char(&text, ')');
        }
        table_cell(t, buf_look(&text), PAINT_NONE);
    }
    table_finish(t, cli);
}

/* Of somebody else, for operators. */
static int list_of(struct cli *cli, const struct args *args, const char *person)
{
    json_t *said = NULL;
    struct buf path;
    buf_init(&path, HTTP_PATH_MAX - 64);
    buf_c(&path, "/v1/refusals?for=");
    http_encode(&path, str_of(person));
    int r = path.failed ? err_set(&cli->err, E_USAGE, "That name is too long.") : 0;
    if (r == 0)
        r = args_flag(args, "json") ? cli_print_json(cli, path.ptr) : cli_call(cli, "GET", path.ptr, NULL, &said);
    if (r == 0 && said && json_array_size(json_object_get(said, "refusals")) == 0)
        buf_printf(&cli->out, tr(cli->lang, "Nothing was refused to %s in the last seven days.\n"), person);
    else if (r == 0 && said)
        put_list(cli, json_object_get(said, "refusals"));
    json_decref(said);
    buf_finish(&path);
    return r;
}

/* The last one in words, and of more a list. */
static int explain_all(struct cli *cli, const struct args *args)
{
    json_t *said = NULL;
    if (args_flag(args, "json"))
        return cli_print_json(cli, "/v1/refusals");
    int r = cli_call(cli, "GET", "/v1/refusals", NULL, &said);
    const json_t *list = json_object_get(said, "refusals");
    if (r == 0 && json_array_size(list) == 0)
        buf_printf(&cli->out, "%s\n", tr(cli->lang, "Nothing was refused to you in the last seven days; \"eoul why JOB\" says why a "
                                                    "job is where it is."));
    else if (r == 0)
        r = explain_refusal(cli, args, "last");
    if (r == 0 && json_array_size(list) > 1) {
        buf_char(&cli->out, '\n');
        put_list(cli, list);
    }
    json_decref(said);
    return r;
}

/* --- jobs ------------------------------------------------------------------------------------------- */

static int explain_job(struct cli *cli, const struct args *args, int i)
{
    const char *id = args->rest[i];
    json_t *why = NULL;
    struct buf path;
    int r = cli_check_id(cli, id);
    buf_init(&path, 512);
    buf_printf(&path, "/v1/jobs/%.40s/why", id);
    put_zone(cli, &path);
    if (r == 0 && args_flag(args, "json")) {
        r = cli_print_json(cli, path.ptr);
    } else if (r == 0) {
        r = cli_call(cli, "GET", path.ptr, NULL, &why);
        if (r == 0)
            buf_c(&cli->out, i ? "\n" : "");
        else
            r = todo_instead(cli, id, false, r);
        put_sentences(cli, why);
    }
    json_decref(why);
    buf_finish(&path);
    return r;
}

static int run_why(struct cli *cli, struct args *args)
{
    bool last = args_flag(args, "last");
    const char *person = args_value(args, "for");
    if (person && (last || args->rest_n)) {
        err_set(&cli->err, E_USAGE, "\"eoul why --for NAME\" lists what was refused to somebody; \"eoul why r3\" says why.");
        return cli_fail(cli);
    }
    if (person)
        return list_of(cli, args, person) < 0 ? cli_fail(cli) : 0;
    int r = last && args->rest_n ? err_set(&cli->err, E_USAGE, "\"eoul why --last\" takes no words.") : 0;
    if (r == 0 && (last || args->rest_n == 0))
        r = last ? explain_refusal(cli, args, "last") : explain_all(cli, args);
    for (int i = 0; r == 0 && i < args->rest_n; i++) {
        if (!is_refusal(args->rest[i])) {
            r = explain_job(cli, args, i);
            continue;
        }
        buf_c(&cli->out, i && !args_flag(args, "json") ? "\n" : "");
        r = explain_refusal(cli, args, args->rest[i]);
    }
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt why_opts[] = {
    {"last", 0, NULL, N_("What was refused to you last.")},
    {"for", 0, "NAME", N_("List what was refused to this person (operators).")},
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {0},
};

const struct cmd cmd_why = {
    .name = "why",
    .group = "look",
    .usage = "[JOB|rN... | --last | --for NAME]",
    .opts = why_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_why,
    .summary = N_("Say why a job is where it is, or why something was refused, and what would change that."),
    .examples = (const char *const[]){"eoul why 12", N_("why job 12 waits"), "eoul why r3",
                                      N_("why the request with that number was refused"), "eoul why",
                                      N_("what was refused last, and before"), NULL},
    .more = N_("A request that a rule refuses (limits, urgent submits, reservations, the power cap, accounts, roles, the state of "
               "a job) gets a number, told with the refusal (of a job's state: with the job). For seven days it can be asked what bound, what changes that "
               "next, and what would be accepted now: the last 16 of each person, seen by that person and by operators."),
};
