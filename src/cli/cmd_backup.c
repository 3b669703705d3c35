/* cmd_backup.c - `eoul backup` and `eoul restore`: the store as one file, and back again. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/program.h"

/* The daemon has a working directory of its own, so it is told an absolute path. */
static int absolute(struct cli *cli, const char *said, char *ret, size_t size)
{
    char here[PATH_MAX] = "";
    int n;
    if (said[0] != '/' && !getcwd(here, sizeof here))
        return err_set(&cli->err, io_from_errno(errno), "The working directory cannot be found: %s.",
                       strerror(errno));
    n = said[0] == '/' ? snprintf(ret, size, "%s", said) : snprintf(ret, size, "%s/%s", here, said);
    return n < 0 || (size_t)n >= size
               ? err_set(&cli->err, E_TOO_LARGE, "The path \"%s\" is too long.", said)
               : 0;
}

static int run_backup(struct cli *cli, struct args *args)
{
    char path[PATH_MAX];
    json_t *answer = NULL, *body = json_object();
    int r = args_operands(cli, args, 1, 1, "FILE");
    if (r == 0)
        r = absolute(cli, args->rest[0], path, sizeof path);
    if (r == 0) {
        json_object_set_new(body, "path", json_string(path));
        r = cli_call(cli, "POST", "/v1/backup", body, &answer);
    }
    if (r == 0)
        buf_printf(&cli->out, tr(cli->lang, "%1$s holds the whole store (%2$lld KiB).\n"), path,
                   (long long)(json_i64(answer, "bytes") / 1024));
    json_decref(answer);
    json_decref(body);
    return r < 0 ? cli_fail(cli) : 0;
}

const struct cmd cmd_backup = {
    .name = "backup",
    .group = "keep",
    .usage = "FILE",
    .flags = CMD_NEEDS_DAEMON,
    .run = run_backup,
    .summary = N_("Copy everything the daemon knows to a file, while it runs."),
    .examples = (const char *const[]){"eoul backup /backup/eoul-monday.db",
                                      N_("whole and on the disk, or not there at all"), NULL},
};

static int run_restore(struct cli *cli, struct args *args)
{
    char path[PATH_MAX];
    int r = args_operands(cli, args, 1, 1, "FILE");
    if (r == 0)
        r = absolute(cli, args->rest[0], path, sizeof path);
    if (r == 0) {
        char *argv[] = {"eould", "--restore", path, NULL};
        program_become(cli, "eould", argv);
    }
    return cli_fail(cli);
}

const struct cmd cmd_restore = {
    .name = "restore",
    .group = "keep",
    .usage = "FILE",
    .run = run_restore,
    .summary = N_("Go back to a copy, while no daemon runs; jobs that wait in it come back held."),
    .examples =
        (const char *const[]){"eoul down && eoul restore /backup/eoul-monday.db && eoul up",
                              N_("then look at \"eoul queue\", and \"eoul release\" what may run"), NULL},
};
