/* cmd_people.c - `eoul people`: links for people without an account on this machine. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static void put_links(struct cli *cli, const json_t *answer)
{
    const struct column columns[] = { { tr(cli->lang, "LINK"), true, false },
                                      { tr(cli->lang, "PERSON"), false, true },
                                      { tr(cli->lang, "MADE"), false, false } };
    const json_t *links = json_object_get(answer, "links");
    struct table *t = json_array_size(links) ? table_create(columns, 3) : NULL;
    size_t i;
    json_t *one;
    if (!t) {
        buf_printf(&cli->out, "%s\n", tr(cli->lang, "There is no link; \"eoul people invite NAME\" makes one."));
        return;
    }
    json_array_foreach(links, i, one)
    {
        char memory[512];
        struct buf text;
        buf_init_fixed(&text, memory, sizeof memory);
        buf_i64(&text, json_i64(one, "id"));
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        cli_clean(&text, json_text(one, "person"));
        table_cell(t, buf_look(&text), PAINT_NONE);
        buf_clear(&text);
        cli_when(cli, &text, json_i64(one, "add_at"));
        table_cell(t, buf_look(&text), PAINT_NONE);
    }
    table_finish(t, cli);
}

static int put_answer(struct cli *cli, const struct args *args, const json_t *answer)
{
    if (args_flag(args, "json")) {
        cli_put_json(cli, answer);
    } else if (json_text(answer, "url")[0]) {
        cli_clean(&cli->out, json_text(answer, "url"));
        buf_char(&cli->out, '\n');
        cli_say(cli, "%s", tr(cli->lang, "Whoever has this address opens that person's page, and it is shown this "
                                         "once: send it to them alone. \"eoul people revoke\" closes it."));
    } else if (args->rest_n > 0 && strcmp(args->rest[0], "revoke") == 0) {
        buf_printf(&cli->out, "%s\n", tr(cli->lang, "That link opens nothing any more."));
    } else {
        put_links(cli, answer);
    }
    return 0;
}

static int run_people(struct cli *cli, struct args *args)
{
    const char *verb = args->rest_n > 0 ? args->rest[0] : "list";
    bool list = strcmp(verb, "list") == 0, invite = strcmp(verb, "invite") == 0,
         revoke = strcmp(verb, "revoke") == 0;
    struct buf path;
    json_t *answer = NULL, *body = json_object();
    int code = 0;
    buf_init(&path, HTTP_PATH_MAX - 64);
    buf_c(&path, "/v1/links");
    if (!((list && args->rest_n <= 1) || (invite && args->rest_n <= 2) || (revoke && args->rest_n == 2)))
        code = err_set(&cli->err, E_USAGE, "Write \"eoul people list\", \"invite [NAME]\" or \"revoke N\".");
    if (code == 0 && invite && args->rest_n == 2)
        json_object_set_new(body, "for", json_string(args->rest[1]));
    if (code == 0 && revoke) {
        buf_char(&path, '/');
        http_encode(&path, str_of(args->rest[1]));
        buf_c(&path, "/remove");
    }
    if (code == 0 && path.failed)
        code = err_set(&cli->err, E_USAGE, "That name is too long.");
    if (code == 0)
        code = cli_connect(cli);
    if (code == 0)
        code = cli_call(cli, list ? "GET" : "POST", path.ptr, list ? NULL : body, &answer);
    if (code == 0)
        code = put_answer(cli, args, answer);
    json_decref(answer);
    json_decref(body);
    buf_finish(&path);
    return code < 0 ? cli_fail(cli) : 0;
}

static const struct opt people_opts[] = {
    { "json", 0, NULL, N_("Print the daemon's answer as JSON.") },
    { 0 },
};

const struct cmd cmd_people = {
    .name = "people",
    .group = "people",
    .usage = "[list | invite [NAME] | revoke N]",
    .opts = people_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_people,
    .summary = N_("Let people without an account see and answer what concerns them, by a link."),
    .examples =
        (const char *const[]){ "eoul people invite annotator", N_("a page of their own, for a phone"),
                               "eoul people invite", N_("my own"), "eoul people list", N_("which links there are"),
                               "eoul people revoke 3", N_("that one opens nothing any more"), NULL },
    .more = N_("A link opens its person's todos, hours, brief and calendar, and nothing else. It needs \"feeds\" and "
               "\"address\" in eoul.yaml and a TLS proxy in front (doc/links.md). With it, notices carry answers to tap. "
               "Whoever has a Unix account makes their own links; whoever runs the daemon makes those of the others."),
};
