/* main.c - `eoul VERB ...`: find the verb, read its options, run it.
 *
 * Starts in about a millisecond: static, no locale, no NSS, nothing read before the verb is known.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/cli.h"
#include "cli/slurm.h"

extern const struct cmd cmd_run, cmd_submit, cmd_shell, cmd_attach, cmd_logs, cmd_wait, cmd_cancel, cmd_hold, cmd_release,
    cmd_requeue, cmd_set, cmd_first, cmd_sweep, cmd_reserve, cmd_boost, cmd_queue, cmd_history, cmd_show, cmd_why, cmd_plan, cmd_brief, cmd_gpus,
    cmd_me, cmd_away, cmd_here, cmd_todo, cmd_people, cmd_sim, cmd_whatif, cmd_observe, cmd_cal_verb, cmd_lint, cmd_up, cmd_down, cmd_status,
    cmd_doctor, cmd_drain, cmd_undrain, cmd_config, cmd_reload, cmd_backup, cmd_restore, cmd_help, cmd_completion,
    cmd_code_check;

/* In the order of help. */
const struct cmd *const cmds[] = {
    &cmd_run,        &cmd_submit,  &cmd_shell,   &cmd_attach,   &cmd_logs,     &cmd_wait,    &cmd_cancel, &cmd_hold,
    &cmd_release,    &cmd_requeue, &cmd_set,      &cmd_first,   &cmd_sweep,   &cmd_reserve, &cmd_boost, &cmd_queue,  &cmd_history,
    &cmd_show,       &cmd_why,     &cmd_plan,     &cmd_brief,    &cmd_gpus,    &cmd_me,     &cmd_away,
    &cmd_here,       &cmd_todo,    &cmd_people, &cmd_lint,    &cmd_cal_verb, &cmd_whatif, &cmd_observe, &cmd_sim,     &cmd_up,     &cmd_down,
    &cmd_status,     &cmd_doctor,  &cmd_drain,    &cmd_undrain, &cmd_config, &cmd_reload, &cmd_backup, &cmd_restore, &cmd_help,
    &cmd_completion, &cmd_code_check, NULL,
};

#define VERBS_MAX 128

/* What fingers know from Slurm, tmux and the shell, and what it is called here. */
static const char *from_habit(const char *typed)
{
    static const struct { const char *habit, *verb; } known[] = {
        {"sbatch", "submit"}, {"qsub", "submit"},  {"squeue", "queue"},    {"qstat", "queue"},    {"jobs", "queue"},
        {"ls", "queue"},      {"list", "queue"},   {"ps", "queue"},        {"list-sessions", "queue"},
        {"scancel", "cancel"}, {"qdel", "cancel"}, {"kill", "cancel"},     {"kill-session", "cancel"}, {"rm", "cancel"},
        {"srun", "run"},      {"exec", "run"},     {"salloc", "shell"},    {"new", "shell"},      {"new-session", "shell"},
        {"attach-session", "attach"}, {"tail", "logs"}, {"log", "logs"},   {"cat", "logs"},       {"output", "logs"},
        {"sacct", "history"}, {"seff", "show"},    {"scontrol", "show"},   {"info", "show"},      {"sinfo", "gpus"},
        {"nvidia-smi", "gpus"}, {"start", "up"},   {"stop", "down"}, {"reconfigure", "reload"},       {"whoami", "me"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].habit, typed) == 0)
            return known[i].verb;
    return NULL;
}

static int unknown_verb(struct cli *cli, const char *typed)
{
    const char *words[VERBS_MAX];
    size_t n = 0;
    for (const struct cmd *const *c = cmds; *c && n < VERBS_MAX; c++)
        if (!((*c)->flags & CMD_HIDDEN))
            words[n++] = (*c)->name;
    const char *habit = from_habit(typed), *meant = habit ? habit : nearest(typed, words, n);
    struct buf shown;
    buf_init(&shown, 1024);
    cli_clean(&shown, typed);
    if (meant)
        err_set(&cli->err, E_USAGE,
                "\"%1$.60s\" is not a verb of eoul; did you mean \"eoul %2$s\"?",
                shown.ptr ? shown.ptr : "", meant);
    else
        err_set(&cli->err, E_USAGE, "\"%.60s\" is not a verb of eoul; \"eoul help\" lists them.",
                shown.ptr ? shown.ptr : "");
    buf_finish(&shown);
    return cli_fail(cli);
}

static int run_help(struct cli *cli, struct args *args)
{
    if (args->rest_n == 0)
        return help_all(cli);
    if (args_operands(cli, args, 0, 1, "[VERB]") < 0)
        return cli_fail(cli);
    const struct cmd *cmd = cmd_find(args->rest[0]);
    return cmd ? help_cmd(cli, cmd) : unknown_verb(cli, args->rest[0]);
}

const struct cmd cmd_help = {
    .name = "help",
    .group = "keep",
    .usage = "[VERB]",
    .run = run_help,
    .summary = N_("Show what eoul can do, or one verb with examples."),
    .examples = (const char *const[]){"eoul help submit", N_("every option of submit"), NULL},
};

static int run_completion(struct cli *cli, struct args *args)
{
    if (args_operands(cli, args, 0, 1, "[bash]") < 0)
        return cli_fail(cli);
    if (args->rest_n == 1 && strcmp(args->rest[0], "bash") != 0) {
        err_set(&cli->err, E_USAGE, "There is completion for bash only.");
        return cli_fail(cli);
    }
    return completion_bash(cli);
}

const struct cmd cmd_completion = {
    .name = "completion",
    .group = "keep",
    .usage = "[bash]",
    .run = run_completion,
    .flags = CMD_HIDDEN,
    .summary = N_("Print shell completion for bash."),
    .examples = (const char *const[]){"eval \"$(eoul completion)\"",
                                      N_("complete verbs and options in this shell"), NULL},
};

static int run_cmd(struct cli *cli, const struct cmd *cmd, int argc, char **argv)
{
    struct args args;
    bool help = false;
    cli->cmd = cmd;
    if (cmd->flags & CMD_RAW) {
        args = (struct args){.cmd = cmd, .rest = argv, .rest_n = argc, .dashes_at = -1};
    } else {
        int r = args_parse(cli, cmd, argc, argv, &args, &help);
        if (r < 0)
            return cli_fail(cli);
    }
    return help ? help_cmd(cli, cmd) : cmd->run(cli, &args);
}

/* Words before the verb: --version, --help, and the options every verb takes.  Returns how many
 * words they are, or a negative E_*. */
static int leading_options(struct cli *cli, int argc, char **argv, bool *ret_version,
                           bool *ret_help)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0) {
            *ret_version = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *ret_help = true;
        } else if (strcmp(argv[i], "--ascii") == 0) {
            cli->ascii = true;
        } else if (strcmp(argv[i], "--lang") == 0 || strncmp(argv[i], "--lang=", 7) == 0) {
            const char *value = argv[i][6] == '=' ? argv[i] + 7 : i + 1 < argc ? argv[++i] : "";
            if (lang_parse(str_of(value), &cli->lang) < 0)
                return err_set(&cli->err, E_USAGE, "--lang is \"%s\"; it can be en or ko.", value);
            cli->err.translate = tr_of(cli->lang);
        } else {
            return err_set(
                &cli->err, E_USAGE,
                "%s is no option before the verb; write it behind, as in \"eoul submit %s\".",
                argv[i], argv[i]);
        }
    }
    return i - 1;
}

/* Something may hold 0, 1 and 2 closed; a socket must not become standard output. */
static void hold_standard_fds(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= 2);
    io_close(&fd);
}

static int finish(struct cli *cli, int status)
{
    if (cli_flush(cli) < 0)
        status = cli_fail(cli);
    http_close(&cli->http);
    buf_finish(&cli->out);
    return status;
}

int main(int argc, char **argv)
{
    static struct cli cli; /* zeroed; a zone and an error are too large to clear twice */
    bool version = false, help = false;
    hold_standard_fds();
    cli.program = "eoul";
    cli.lang =
        lang_from_env(getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"), getenv("LANGUAGE"));
    cli.err.translate = tr_of(cli.lang);
    if (argc == 2 && strcmp(argv[1], "--version") == 0 && !slurm_named(argv[0]))
        return io_write_all(STDOUT_FILENO, "eoul " EOUL_VERSION "\n", sizeof "eoul " EOUL_VERSION) <
               0;
    screen_init(&cli, false);
    int status;
    if (slurm_main(&cli, argc, argv, &status))
        return finish(&cli, status);
    int n = leading_options(&cli, argc, argv, &version, &help);
    if (n < 0) {
        status = cli_fail(&cli);
    } else if (version) {
        buf_c(&cli.out, "eoul " EOUL_VERSION "\n");
        status = 0;
    } else if (help || n + 1 >= argc) {
        help_all(&cli);
        status = help ? 0 : CLI_USAGE;
    } else {
        const struct cmd *cmd = cmd_find(argv[n + 1]);
        status =
            cmd ? run_cmd(&cli, cmd, argc - n - 2, argv + n + 2) : unknown_verb(&cli, argv[n + 1]);
    }
    return finish(&cli, status);
}
