/* cmd_boost.c - `eoul boost`: an operator puts work before others', with a reason and an end. */
#include <stdlib.h>
#include <string.h>

#include "cal/when.h"
#include "cli/boost_text.h"
#include "cli/cli.h"

#define TEXT_BYTES 512

void boost_of(struct cli *cli, struct buf *out, const json_t *b)
{
    const char *kind = json_text(b, "kind");
    if (!json_text(b, "of")[0]) {
        buf_c(out, tr(cli->lang, "somebody's work"));
        return;
    }
    buf_c(out, strcmp(kind, "person") == 0 ? "" : strcmp(kind, "account") == 0 ? tr(cli->lang, "account ") : tr(cli->lang, "job "));
    cli_clean(out, json_text(b, "of"));
}

void boost_told(struct cli *cli, struct buf *out, const json_t *b)
{
    char by_memory[128], when_memory[96], why_memory[TEXT_BYTES];
    struct buf by, when, why;
    buf_init_fixed(&by, by_memory, sizeof by_memory);
    buf_init_fixed(&when, when_memory, sizeof when_memory);
    buf_init_fixed(&why, why_memory, sizeof why_memory);
    cli_clean(&by, json_text(b, "by"));
    buf_char(&by, '\0');
    cli_when(cli, &when, json_i64(b, "until_at"));
    buf_char(&when, '\0');
    cli_clean(&why, json_text(b, "reason"));
    buf_char(&why, '\0');
    buf_printf(out, tr(cli->lang, "by %1$s until %2$s: %3$s"), by.failed ? "?" : by.ptr, when.failed ? "?" : when.ptr,
               why.failed ? "?" : why.ptr);
}

static void put_list(struct cli *cli, const json_t *boosts)
{
    const struct column columns[] = {
        {tr(cli->lang, "BOOST"), true, false}, {tr(cli->lang, "WHAT"), false, true}, {tr(cli->lang, "WHY"), false, true},
    };
    struct table *t = table_create(columns, sizeof columns / sizeof columns[0]);
    size_t i;
    json_t *b;
    json_array_foreach(boosts, i, b)
    {
        char memory[2 * TEXT_BYTES];
        struct buf text;
        buf_init_fixed(&text, memory, sizeof memory);
        buf_i64(&text, json_i64(b, "id"));
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        boost_of(cli, &text, b);
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        boost_told(cli, &text, b);
        table_cell(t, buf_look(&text), PAINT_NONE);
    }
    table_finish(t, cli);
}

static int put_answer(struct cli *cli, const json_t *said)
{
    char *dump = json_dumps(said, JSON_COMPACT);
    buf_printf(&cli->out, "%s\n", dump ? dump : "{}");
    free(dump);
    return 0;
}

/* An instant, or a length from now; of a day its end. */
static int until(struct cli *cli, const char *said, usec_t *ret)
{
    struct when when;
    usec_t length_us;
    struct err length = { .translate = cli->err.translate };
    if (when_parse_length(str_of(said), &length_us, &length) == 0) {
        *ret = usec_add(cli->now_at, length_us);
        return 0;
    }
    int r = when_parse(str_of(said), cli_zone(cli), cli->now_at, &when, &cli->err);
    if (r < 0)
        cli->err.code = E_USAGE;
    else
        *ret = when.until_at;
    return r;
}

static int boost_add(struct cli *cli, struct args *args)
{
    json_t *body = json_object(), *said = NULL, *b;
    const char *reason = args_value(args, "reason"), *end = args_value(args, "until");
    usec_t until_at = 0;
    size_t i;
    int r = args->rest_n == 1 && reason && end ? cli_connect(cli) /* its clock and the person's zone */
            : err_set(&cli->err, E_USAGE, "Say what, why and until when: eoul boost 12 --reason \"camera-ready on Friday\" "
                                          "--until \"fri 18:00\".");
    if (r == 0)
        r = until(cli, end, &until_at);
    if (r == 0) {
        json_object_set_new(body, "of", json_string(args->rest[0]));
        json_object_set_new(body, "reason", json_string(reason));
        json_object_set_new(body, "until_at", json_integer(until_at));
        r = cli_call(cli, "POST", "/v1/boosts", body, &said);
    }
    if (r == 0 && args_flag(args, "json"))
        put_answer(cli, said);
    else if (r == 0)
        json_array_foreach(json_object_get(said, "boosts"), i, b)
            if (json_i64(b, "id") == json_i64(said, "id")) {
                buf_printf(&cli->out, tr(cli->lang, "Boost %lld: "), (long long)json_i64(b, "id"));
                boost_of(cli, &cli->out, b);
                buf_char(&cli->out, ' ');
                boost_told(cli, &cli->out, b);
                buf_char(&cli->out, '\n');
            }
    json_decref(said);
    json_decref(body);
    return r;
}

static int boost_cancel(struct cli *cli, struct args *args, const char *id)
{
    struct buf path;
    json_t *body = json_object(), *said = NULL;
    buf_init(&path, 1024);
    buf_c(&path, "/v1/boosts/");
    http_encode(&path, str_slice(str_of(id), 0, 64));
    buf_c(&path, "/remove");
    int r = cli_connect(cli);
    if (r == 0)
        r = cli_call(cli, "POST", path.ptr, body, &said);
    if (r == 0 && args_flag(args, "json"))
        put_answer(cli, said);
    else if (r == 0)
        buf_printf(&cli->out, tr(cli->lang, "Boost %lld is over.\n"), (long long)json_i64(said, "id"));
    buf_finish(&path);
    json_decref(said);
    json_decref(body);
    return r;
}

/* --cancel 3; or of several, as reservations are taken back: remove 3 4. */
static int boost_cancel_all(struct cli *cli, struct args *args)
{
    const char *cancel = args_value(args, "cancel");
    int r = 0;
    if (cancel && args->rest_n)
        r = err_set(&cli->err, E_USAGE, "\"eoul boost --cancel 3\" takes a boost's number and no more.");
    else if (!cancel && args->rest_n < 2)
        r = err_set(&cli->err, E_USAGE, "Say which: eoul boost --cancel 3.");
    else if (cancel)
        r = boost_cancel(cli, args, cancel);
    for (int i = 1; r == 0 && i < args->rest_n; i++)
        r = boost_cancel(cli, args, args->rest[i]);
    return r;
}

static int boost_list(struct cli *cli, struct args *args)
{
    json_t *said = NULL;
    int r = args->rest_n > !args_flag(args, "list") ? err_set(&cli->err, E_USAGE, "\"eoul boost --list\" takes no words.")
                                                    : cli_connect(cli);
    if (r == 0 && args_flag(args, "json"))
        return cli_print_json(cli, "/v1/boosts");
    if (r == 0)
        r = cli_call(cli, "GET", "/v1/boosts", NULL, &said);
    if (r == 0 && json_array_size(json_object_get(said, "boosts")) == 0)
        buf_printf(&cli->out, "%s\n", tr(cli->lang, "Nothing is boosted."));
    else if (r == 0)
        put_list(cli, json_object_get(said, "boosts"));
    json_decref(said);
    return r;
}

static int run_boost(struct cli *cli, struct args *args)
{
    bool said = args_flag(args, "reason") || args_flag(args, "until");
    const char *verb = args->rest_n && !said ? args->rest[0] : ""; /* with a reason it is somebody's name */
    bool list = args_flag(args, "list") || strcmp(verb, "list") == 0 || (!args->rest_n && !said);
    int r = args_flag(args, "cancel") && args_flag(args, "list")
                ? err_set(&cli->err, E_USAGE, "--list only looks and --cancel takes one back: leave one of them out.")
            : args_flag(args, "cancel") || strcmp(verb, "remove") == 0 ? boost_cancel_all(cli, args)
            : list ? boost_list(cli, args) : boost_add(cli, args);
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt boost_opts[] = {
    {"reason", 0, "TEXT", N_("Why; everybody sees it.")},
    {"until", 0, "WHEN", N_("Ends then, or after so long (2h).")},
    {"list", 0, NULL, N_("What is boosted now, by whom, why and until when.")},
    {"cancel", 0, "N", N_("End this boost now.")},
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {0},
};

const struct cmd cmd_boost = {
    .name = "boost",
    .group = "work",
    .usage = "[JOB|PERSON|account:NAME --reason TEXT --until WHEN | --list | --cancel N]",
    .opts = boost_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_boost,
    .summary = N_("Put a job, a person's or a project's work before others' until some time (operators)."),
    .examples = (const char *const[]){"eoul boost 12 --reason \"camera-ready on Friday\" --until \"fri 18:00\"",
                                      N_("job 12, or all of array 12"), "eoul boost kim --reason demo --until 2h",
                                      N_("all of somebody's work"),
                                      "eoul boost account:vision --reason deadline --until fri", N_("all that is for a project"),
                                      "eoul boost", N_("what is boosted"),
                                      "eoul boost --cancel 3", N_("not needed after all"), NULL},
    .more = N_("What is boosted goes before urgent and all other work; only jobs over their age and those that GPUs are "
               "reserved for go before it. It ends by itself at its time, or with its job. Whoever is passed sees in "
               "\"eoul why\" who did it, why, and until when."),
};
