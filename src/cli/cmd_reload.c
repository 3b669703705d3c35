/* cmd_reload.c - `eoul reload`: the daemon reads its eoul.yaml again, without a stop. */
#include "cli/cli.h"

/* "accounts, limits" */
static void words(struct buf *out, const json_t *settings)
{
    size_t i;
    json_t *s;
    json_array_foreach(settings, i, s)
    {
        buf_c(out, i ? ", " : "");
        cli_clean(out, json_string_value(s));
    }
    buf_char(out, '\0');
}

static void put_reload(struct cli *cli, const json_t *said)
{
    char changed_memory[512], start_memory[128], file_memory[PLACE_PATH_MAX];
    struct buf changed, start, file;
    buf_init_fixed(&changed, changed_memory, sizeof changed_memory);
    buf_init_fixed(&start, start_memory, sizeof start_memory);
    buf_init_fixed(&file, file_memory, sizeof file_memory);
    words(&changed, json_object_get(said, "changed"));
    words(&start, json_object_get(said, "at_next_start"));
    cli_clean(&file, json_text(said, "file"));
    buf_char(&file, '\0');
    const char *name = file.failed || file.len < 2 ? "eoul.yaml" : file_memory;
    if (changed.len > 1)
        buf_printf(&cli->out, tr(cli->lang, "%1$s holds from now on; changed: %2$s."), name, changed_memory);
    else
        buf_printf(&cli->out, tr(cli->lang, "%s has been read again; nothing that can change now is otherwise."), name);
    buf_char(&cli->out, '\n');
    if (start.len <= 1)
        return;
    buf_printf(&cli->out,
               cli->place.mode == PLACE_SYSTEM
                   ? tr(cli->lang, "At the next start of the daemon: %s (\"systemctl restart eould\"; running jobs go on).")
                   : tr(cli->lang, "At the next start of the daemon: %s (\"eoul down\", then \"eoul up\"; running jobs go on)."),
               start_memory);
    buf_char(&cli->out, '\n');
}

static int run_reload(struct cli *cli, struct args *args)
{
    json_t *said = NULL, *body = json_object();
    int r = args_operands(cli, args, 0, 0, "[--json]");
    if (r == 0)
        r = cli_call(cli, "POST", "/v1/reload", body, &said);
    if (r == 0 && args_flag(args, "json"))
        cli_put_json(cli, said);
    else if (r == 0)
        put_reload(cli, said);
    json_decref(said);
    json_decref(body);
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt reload_opts[] = {
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {0},
};

const struct cmd cmd_reload = {
    .name = "reload",
    .group = "keep",
    .usage = "[--json]",
    .opts = reload_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_reload,
    .summary = N_("Let a changed eoul.yaml hold, without a stop."),
    .examples = (const char *const[]){"eoul config check && eoul reload", N_("after every change of the file"), NULL},
    .more = N_("All of the file holds or, if anything in it is wrong, nothing of it: the sentence says what and where. GPUs and "
               "the port and address of feeds change at the next start only; the answer names them. The signal SIGHUP and "
               "\"systemctl reload eould\" do the same."),
};
