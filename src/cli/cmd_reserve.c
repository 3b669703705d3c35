/* cmd_reserve.c - `eoul reserve`: GPUs kept free for somebody, listed, taken back. */
#include <stdlib.h>
#include <string.h>

#include "cal/format.h"
#include "cal/when.h"
#include "cli/cli.h"
#include "cli/reserve_text.h"

#define TEXT_BYTES 512

void reserve_when(struct cli *cli, struct buf *out, const json_t *r)
{
    struct span when = { json_i64(r, "from_at"), json_i64(r, "until_at") };
    cal_format_range(out, cli_zone(cli), cli->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH, CAL_SHORT, when, cli->now_at);
}

void reserve_put_list(struct cli *cli, const json_t *reservations)
{
    const struct column columns[] = {
        {tr(cli->lang, "RESERVATION"), true, false}, {tr(cli->lang, "NAME"), false, true},
        {tr(cli->lang, "WHO"), false, true},         {tr(cli->lang, "GPUS"), false, false},
        {tr(cli->lang, "WHEN"), false, false},
    };
    struct table *t = table_create(columns, sizeof columns / sizeof columns[0]);
    size_t i;
    json_t *r;
    json_array_foreach(reservations, i, r)
    {
        char memory[TEXT_BYTES];
        struct buf text;
        const char *model = json_text(r, "model");
        buf_init_fixed(&text, memory, sizeof memory);
        buf_i64(&text, json_i64(r, "id"));
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        cli_clean(&text, json_text(r, "name"));
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        cli_clean(&text, json_text(r, "person"));
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        buf_i64(&text, json_i64(r, "gpus"));
        if (model[0]) {
            buf_char(&text, ' ');
            cli_clean(&text, model);
        }
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        reserve_when(cli, &text, r);
        table_cell(t, buf_look(&text), json_is_true(json_object_get(r, "active")) ? PAINT_GREEN : PAINT_NONE);
    }
    table_finish(t, cli);
}

/* --- asking ------------------------------------------------------------------------------------- */

/* An instant, or a length that is counted from `from_at`.  Of a day its start, or with `end` its end. */
static int instant(struct cli *cli, const char *said, usec_t from_at, bool end, usec_t *ret)
{
    struct when when;
    usec_t length_us;
    struct err length = { .translate = cli->err.translate };
    if (end && when_parse_length(str_of(said), &length_us, &length) == 0) {
        *ret = usec_add(from_at, length_us);
        return 0;
    }
    int r = when_parse(str_of(said), cli_zone(cli), from_at, &when, &cli->err);
    if (r < 0) {
        cli->err.code = E_USAGE;
        return r;
    }
    *ret = end ? when.until_at : when.at;
    return 0;
}

static int put_times(struct cli *cli, const struct args *args, json_t *body)
{
    const char *from = args_value(args, "from"), *to = args_value(args, "to");
    usec_t from_at = cli->now_at, until_at = 0;
    int r = from ? instant(cli, from, cli->now_at, false, &from_at) : 0;
    if (r == 0)
        r = instant(cli, to, from_at, true, &until_at);
    if (r < 0)
        return r;
    if (from)
        json_object_set_new(body, "from_at", json_integer(from_at));
    json_object_set_new(body, "until_at", json_integer(until_at));
    return 0;
}

static int answer(struct cli *cli, const struct args *args, const json_t *said)
{
    const json_t *list = json_object_get(said, "reservations");
    size_t i;
    json_t *r;
    if (args_flag(args, "json")) {
        char *dump = json_dumps(said, JSON_COMPACT);
        buf_printf(&cli->out, "%s\n", dump ? dump : "{}");
        free(dump);
        return 0;
    }
    json_array_foreach(list, i, r)
    {
        char when_memory[TEXT_BYTES], who_memory[TEXT_BYTES];
        struct buf when, who;
        int64_t gpus = json_i64(r, "gpus");
        if (json_i64(r, "id") != json_i64(said, "id"))
            continue;
        buf_init_fixed(&when, when_memory, sizeof when_memory);
        buf_init_fixed(&who, who_memory, sizeof who_memory);
        reserve_when(cli, &when, r);
        buf_char(&when, '\0');
        cli_clean(&who, json_text(r, "person"));
        buf_char(&who, '\0');
        buf_printf(&cli->out,
                   trn(cli->lang, "Reservation %1$lld: %2$lld GPU is kept for %3$s, %4$s.",
                       "Reservation %1$lld: %2$lld GPUs are kept for %3$s, %4$s.", (size_t)gpus),
                   (long long)json_i64(r, "id"), (long long)gpus, who.failed ? "?" : who.ptr,
                   when.failed ? "?" : when.ptr);
        buf_char(&cli->out, '\n');
    }
    return 0;
}

static int reserve_add(struct cli *cli, struct args *args)
{
    json_t *body = json_object(), *said = NULL;
    int64_t gpus = 0;
    const char *name = args_value(args, "name"), *model = args_value(args, "model"), *as = args_value(args, "as");
    int r = args_flag(args, "gpus") && args_flag(args, "to")
                ? 0
                : err_set(&cli->err, E_USAGE, "Say how many and until when: eoul reserve --gpus 2 --from \"tue "
                                              "14:00\" --to 18:00.");
    if (r == 0)
        r = args_number(cli, args, "gpus", 0, 64, &gpus);
    json_object_set_new(body, "gpus", json_integer(gpus));
    if (name)
        json_object_set_new(body, "name", json_string(name));
    if (model)
        json_object_set_new(body, "model", json_string(model));
    if (as)
        json_object_set_new(body, "for", json_string(as));
    if (r == 0)
        r = cli_connect(cli); /* its clock and the person's zone */
    if (r == 0)
        r = put_times(cli, args, body);
    if (r == 0)
        r = cli_call(cli, "POST", "/v1/reservations", body, &said);
    if (r == 0)
        r = answer(cli, args, said);
    json_decref(said);
    json_decref(body);
    return r;
}

static int remove_one(struct cli *cli, struct args *args, const char *id)
{
    struct buf path;
    json_t *body = json_object(), *said = NULL;
    buf_init(&path, HTTP_PATH_MAX - 64);
    buf_c(&path, "/v1/reservations/");
    http_encode(&path, str_of(id));
    buf_c(&path, "/remove");
    int r = path.failed ? err_set(&cli->err, E_USAGE, "\"%.60s...\" is no reservation's number.", id)
                        : cli_call(cli, "POST", path.ptr, body, &said);
    if (r == 0 && args_flag(args, "json"))
        r = answer(cli, args, said);
    else if (r == 0)
        buf_printf(&cli->out, tr(cli->lang, "Reservation %lld is taken back.\n"), (long long)json_i64(said, "id"));
    buf_finish(&path);
    json_decref(said);
    json_decref(body);
    return r;
}

static int reserve_cancel(struct cli *cli, struct args *args)
{
    return args->rest_n ? err_set(&cli->err, E_USAGE, "\"eoul reserve --cancel 3\" takes a reservation's number and no more.")
                        : remove_one(cli, args, args_value(args, "cancel"));
}

/* The same of several: remove 3 4. */
static int reserve_remove(struct cli *cli, struct args *args)
{
    int r = args->rest_n > 1 ? 0 : err_set(&cli->err, E_USAGE, "Say which: eoul reserve --cancel 3.");
    for (int i = 1; i < args->rest_n && r == 0; i++)
        r = remove_one(cli, args, args->rest[i]);
    return r;
}

static int reserve_list(struct cli *cli, struct args *args)
{
    json_t *said = NULL;
    int r = args->rest_n > !args_flag(args, "list") ? err_set(&cli->err, E_USAGE, "\"eoul reserve --list\" takes no words.") : cli_connect(cli);
    if (r == 0 && args_flag(args, "json"))
        return cli_print_json(cli, "/v1/reservations");
    if (r == 0)
        r = cli_call(cli, "GET", "/v1/reservations", NULL, &said);
    if (r == 0 && json_array_size(json_object_get(said, "reservations")) == 0)
        buf_printf(&cli->out, "%s\n", tr(cli->lang, "Nothing is reserved."));
    else if (r == 0)
        reserve_put_list(cli, json_object_get(said, "reservations"));
    json_decref(said);
    return r;
}

static int run_reserve(struct cli *cli, struct args *args)
{
    const char *verb = args->rest_n ? args->rest[0] : args_flag(args, "gpus") || args_flag(args, "to") ||
                                      args_flag(args, "from") ? "add" : "list";
    int r;
    if (args_flag(args, "cancel") && args_flag(args, "list"))
        r = err_set(&cli->err, E_USAGE, "--list only looks and --cancel takes one back: leave one of them out.");
    else if (args_flag(args, "cancel"))
        r = reserve_cancel(cli, args);
    else if (args_flag(args, "list") || strcmp(verb, "list") == 0)
        r = reserve_list(cli, args);
    else if (strcmp(verb, "remove") == 0)
        r = reserve_remove(cli, args);
    else if (strcmp(verb, "add") == 0 && args->rest_n <= 1)
        r = reserve_add(cli, args);
    else
        r = err_set(&cli->err, E_USAGE, "\"eoul reserve\" has no \"%.60s\"; there are: --list, --gpus, --cancel.",
                    args->rest_n > 1 && strcmp(verb, "add") == 0 ? args->rest[1] : verb);
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt reserve_opts[] = {
    {"gpus", 0, "N", N_("How many GPUs.")},
    {"from", 0, "WHEN", N_("Begins then; without it, now.")},
    {"to", 0, "WHEN", N_("Ends then, or after so long (2h).")},
    {"name", 0, "TEXT", N_("What it is for; everybody sees it.")},
    {"model", 0, "MODEL", N_("GPUs of this model only.")},
    {"list", 0, NULL, N_("What is reserved, by whom and when.")},
    {"cancel", 0, "N", N_("Take this reservation back.")},
    {"as", 0, "PERSON", N_("Act as this person (personal mode only).")},
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {0},
};

const struct cmd cmd_reserve = {
    .name = "reserve",
    .group = "work",
    .usage = "[--gpus N [--from WHEN] --to WHEN [--name TEXT] | --list | --cancel N]",
    .opts = reserve_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_reserve,
    .summary = N_("Keep GPUs free for yourself at some time; list that, take it back."),
    .examples = (const char *const[]){"eoul reserve", N_("what is reserved"),
                                      "eoul reserve --gpus 2 --from \"tue 14:00\" --to 18:00 --name demo",
                                      N_("for a demonstration"), "eoul reserve --gpus 1 --to 2h",
                                      N_("from now on, for two hours"), "eoul reserve --cancel 3",
                                      N_("not needed after all"), NULL},
    .more = N_("In that time you have at least so many GPUs: what your own running jobs use counts, the rest is "
               "kept free, and your waiting jobs that fit go first. Other people's jobs that might still hold a "
               "GPU then do not start: by their time limit, or nine times in ten if they have none. What runs "
               "already is not stopped."),
};
