/* cmd_lint.c - `eoul lint` (src/spec/lint.h) and `eoul cal` (cmd_cal.h) in the table of verbs. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/cli.h"
#include "cli/cmd_cal.h"
#include "spec/lint.h"
#include "spec/spec.h"

#define LINT_BYTES_MAX (2 * SPEC_SCRIPT_MAX) /* a script over the limit is still worth a sentence  \
                                              */

struct finding_list {
    struct cli *cli;
    const char *file;
    json_t *json; /* NULL: for people */
};

static const char *const effects[] = {N_("ignored"), N_("refused"), N_("read otherwise"),
                                      N_("different here")};
static const char *const effect_words[] = {"ignored", "refused", "otherwise", "here"};

static void on_finding(void *data, const struct lint_finding *finding)
{
    struct finding_list *list = data;
    struct cli *cli = list->cli;
    if (list->json) {
        json_t *f = json_object();
        json_object_set_new(f, "file", json_string(list->file));
        json_object_set_new(f, "line", json_integer(finding->line));
        json_object_set_new(f, "effect", json_string(effect_words[finding->effect]));
        json_object_set_new(
            f, "sentence",
            json_stringn(finding->text.ptr ? finding->text.ptr : "", finding->text.len));
        json_object_set_new(
            f, "meant",
            json_stringn(finding->meant.ptr ? finding->meant.ptr : "", finding->meant.len));
        json_array_append_new(list->json, f);
        return;
    }
    cli_clean(&cli->out, list->file);
    if (finding->line > 0)
        buf_printf(&cli->out, ":%u", finding->line);
    buf_printf(&cli->out, ": %s%s%s: ",
               paint_on(cli, finding->effect == LINT_HERE ? PAINT_CYAN : PAINT_YELLOW),
               tr(cli->lang, effects[finding->effect]), paint_off(cli));
    buf_str(&cli->out, finding->text);
    buf_char(&cli->out, '\n');
    if (finding->meant.len > 0) {
        buf_c(&cli->out, "    ");
        buf_str(&cli->out, finding->meant);
        buf_char(&cli->out, '\n');
    }
}

static int lint_file(struct cli *cli, const char *file, struct finding_list *list, unsigned *found)
{
    struct buf text;
    int fd =
        strcmp(file, "-") == 0 ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_set(&cli->err, io_from_errno(errno), "The script \"%s\" cannot be opened: %s.",
                       file, strerror(errno));
    buf_init(&text, LINT_BYTES_MAX);
    int r = io_read_to_end(fd, &text);
    if (r < 0)
        err_set(&cli->err, r,
                r == E_TOO_LARGE ? "The script \"%s\" is too large to be one (%s)."
                                 : "The script \"%s\" cannot be read: %s.",
                file, r == E_TOO_LARGE ? "> 8 MiB" : strerror(errno));
    close(fd);
    list->file = file;
    if (r == 0)
        *found += lint_script(buf_look(&text), cli->err.translate, on_finding, list);
    buf_finish(&text);
    return r;
}

static int run_lint(struct cli *cli, struct args *args)
{
    struct finding_list list = {.cli = cli, .json = args_flag(args, "json") ? json_array() : NULL};
    unsigned found = 0;
    int r = args_operands(cli, args, 1, -1, "SCRIPT...");
    for (int i = 0; r == 0 && i < args->rest_n; i++)
        r = lint_file(cli, args->rest[i], &list, &found);
    if (r == 0 && list.json) {
        cli_put_json(cli, list.json);
    } else if (r == 0 && found == 0) {
        buf_printf(&cli->out, "%s\n", tr(cli->lang, "Nothing to remark."));
    }
    json_decref(list.json);
    return r < 0 ? cli_fail(cli) : found > 0 ? CLI_FAILED : 0;
}

static const struct opt lint_opts[] = {
    {"json", 0, NULL, N_("Print the findings as JSON.")},
    {0},
};

const struct cmd cmd_lint = {
    .name = "lint",
    .group = "think",
    .usage = "SCRIPT...",
    .opts = lint_opts,
    .run = run_lint,
    .summary = N_("Name the lines of a Slurm script that Slurm would drop or misread."),
    .examples = (const char *const[]){"eoul lint train.sbatch",
                                      N_("exit code 1 if there is something to remark"), NULL},
};

/* --- cal
 * -------------------------------------------------------------------------------------------- */

static int run_cal(struct cli *cli, struct args *args)
{
    char **argv = args->rest - 1; /* main's argv has the verb there */
    for (int i = 0; i < args->rest_n; i++)
        if (strcmp(args->rest[i], "--help") == 0 || strcmp(args->rest[i], "-h") == 0)
            return help_cmd(cli, args->cmd);
    argv[0] = "cal";
    int status = cmd_cal(args->rest_n + 1, argv, stdout, stderr);
    if (fflush(stdout) != 0)
        status = status ? status : CLI_FAILED;
    return status;
}

const struct cmd cmd_cal_verb = {
    .name = "cal",
    .group = "think",
    .usage = "expand FILE --from DATE --to DATE [--zone ZONE] [--json] | rrule RULE ...",
    .flags = CMD_RAW,
    .run = run_cal,
    .summary = N_("Show how a calendar file is understood."),
    .examples = (const char *const[]){"eoul cal expand work.ics --from 2026-11-24 --to 2026-12-01",
                                      N_("each occurrence of that week"), NULL},
};
