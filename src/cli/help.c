/* help.c - help and completion from the tables of verbs and options. */
#include <string.h>

#include "cli/cli.h"
#include "i18n/width.h"
#include "spec/option.h"

#define OPTION_COLUMN 28 /* where the explanations begin */

static const struct {
    const char *group;
    const char *title;
} groups[] = {
    {"work", N_("Work:")},   {"look", N_("Look:")}, {"people", N_("People:")},
    {"think", N_("Think:")}, {"keep", N_("Keep:")},
};

const struct cmd *cmd_find(const char *name)
{
    for (const struct cmd *const *c = cmds; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

/* Words at `indent`, broken before the terminal's edge. */
static void put_wrapped(struct cli *cli, const char *text, size_t indent, size_t at)
{
    size_t edge = cli->columns > 0 && cli->columns < 100 ? (size_t)cli->columns : 100;
    struct str rest = str_of(text), word;
    bool first = true;
    while (str_next(&rest, ' ', &word)) {
        size_t width = width_of(word);
        if (!first && at + 1 + width > edge) {
            buf_char(&cli->out, '\n');
            for (at = 0; at < indent; at++)
                buf_char(&cli->out, ' ');
        } else if (!first) {
            buf_char(&cli->out, ' ');
            at++;
        }
        buf_str(&cli->out, word);
        at += width;
        first = false;
    }
    buf_char(&cli->out, '\n');
}

static void put_line(struct cli *cli, const char *left, const char *help, size_t column)
{
    buf_c(&cli->out, "  ");
    buf_c(&cli->out, left);
    size_t at = 2 + width_of(str_of(left));
    if (at + 2 > column) {
        buf_char(&cli->out, '\n');
        at = 0;
    }
    for (; at < column; at++)
        buf_char(&cli->out, ' ');
    put_wrapped(cli, help, column, column);
}

int help_all(struct cli *cli)
{
    struct buf *out = &cli->out;
    buf_c(out, tr(cli->lang,
                  "eoul makes one plan of a team's GPUs, its people's hours and its electricity."));
    buf_c(out, "\n\n  eoul run -- python train.py            ");
    buf_c(out, tr(cli->lang, "run it when a GPU is free, and follow it"));
    buf_c(out, "\n  eoul submit --gpus 2 train.sbatch      ");
    buf_c(out, tr(cli->lang, "leave it in the queue (Slurm scripts as they are)"));
    buf_c(out, "\n  eoul queue                             ");
    buf_c(out, tr(cli->lang, "see what runs, what waits and when it will be done"));
    buf_c(out, "\n  eoul why 12                            ");
    buf_c(out, tr(cli->lang, "hear why job 12 waits"));
    buf_c(out, "\n\n");
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        buf_c(out, paint_on(cli, PAINT_BOLD));
        buf_c(out, tr(cli->lang, groups[g].title));
        buf_c(out, paint_off(cli));
        buf_char(out, '\n');
        for (const struct cmd *const *c = cmds; *c; c++)
            if (!((*c)->flags & CMD_HIDDEN) && strcmp((*c)->group, groups[g].group) == 0)
                put_line(cli, (*c)->name, tr(cli->lang, (*c)->summary), 14);
    }
    buf_char(out, '\n');
    buf_c(out, tr(cli->lang, "\"eoul help VERB\" shows examples and every option of a verb."));
    buf_char(out, '\n');
    return 0;
}

static void put_option(struct cli *cli, char letter, const char *name, const char *arg,
                       const char *help)
{
    char left[64];
    snprintf(left, sizeof left, "%s--%s%s%s",
             letter ? (char[]){'-', letter, ',', ' ', '\0'} : "    ", name, arg ? " " : "",
             arg ? arg : "");
    put_line(cli, left, help, OPTION_COLUMN);
}

static void put_opts(struct cli *cli, const struct opt *opts)
{
    for (const struct opt *o = opts; o && o->name; o++)
        put_option(cli, o->letter, o->name, o->arg, tr(cli->lang, o->help));
}

static void put_heading(struct cli *cli, const char *heading)
{
    buf_char(&cli->out, '\n');
    buf_c(&cli->out, paint_on(cli, PAINT_BOLD));
    buf_c(&cli->out, heading);
    buf_c(&cli->out, paint_off(cli));
    buf_char(&cli->out, '\n');
}

static void put_job_options(struct cli *cli)
{
    put_heading(cli, tr(cli->lang, "Options of a job (Slurm's names where Slurm has them):"));
    for (uint32_t i = 0; i < option_table_n; i++) {
        const struct option_def *d = &option_table[i];
        if (d->support == OPTION_OK || d->support == OPTION_OWN || d->support == OPTION_REQUEST)
            put_option(cli, d->letter, d->name, d->arg == OPTION_NO_ARG ? NULL : d->value,
                       tr(cli->lang, d->help));
    }
}

int help_cmd(struct cli *cli, const struct cmd *cmd)
{
    struct buf *out = &cli->out;
    size_t longest = 0;
    buf_c(out, tr(cli->lang, cmd->summary));
    buf_c(out, "\n\n");
    for (const char *const *e = cmd->examples; e && *e; e += 2)
        longest = width_of(str_of(*e)) > longest ? width_of(str_of(*e)) : longest;
    for (const char *const *e = cmd->examples; e && *e; e += 2)
        put_line(cli, *e, tr(cli->lang, e[1]), longest < 44 ? longest + 5 : 48);
    buf_char(out, '\n');
    buf_printf(out, tr(cli->lang, "Usage: eoul %1$s %2$s"), cmd->name, cmd->usage);
    buf_char(out, '\n');
    if (cmd->flags & CMD_JOB_OPTS)
        put_job_options(cli);
    put_heading(cli, tr(cli->lang, "Options:"));
    put_opts(cli, cmd->opts);
    put_opts(cli, common_opts);
    if (cmd->more) {
        buf_char(out, '\n');
        put_wrapped(cli, tr(cli->lang, cmd->more), 0, 0);
    }
    return 0;
}

/* --- completion
 * ----------------------------------------------------------------------------------- */

int completion_bash(struct cli *cli)
{
    struct buf *out = &cli->out;
    buf_c(out, "# bash completion of eoul; made by \"eoul completion\"\n_eoul()\n{\n"
               "    local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} options=\n"
               "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W \"");
    for (const struct cmd *const *c = cmds; *c; c++)
        if (!((*c)->flags & CMD_HIDDEN))
            buf_printf(out, "%s ", (*c)->name);
    buf_c(out, "\" -- \"$word\"))\n        return\n    fi\n    case $verb in\n");
    for (const struct cmd *const *c = cmds; *c; c++) {
        buf_printf(out, "    %s) options=\"", (*c)->name);
        for (const struct opt *o = (*c)->opts; o && o->name; o++)
            buf_printf(out, "--%s ", o->name);
        for (uint32_t i = 0; i < option_table_n && ((*c)->flags & CMD_JOB_OPTS); i++) {
            uint8_t s = option_table[i].support;
            if (s == OPTION_OK || s == OPTION_OWN || s == OPTION_REQUEST)
                buf_printf(out, "--%s ", option_table[i].name);
        }
        for (const struct opt *o = common_opts; o->name; o++)
            buf_printf(out, "--%s ", o->name);
        buf_c(out, "\" ;;\n");
    }
    buf_c(out, "    esac\n    case $word in\n    -*) COMPREPLY=($(compgen -W \"$options\" -- "
               "\"$word\")) ;;\n"
               "    *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n    esac\n}\ncomplete -o "
               "filenames -F _eoul eoul\n");
    return 0;
}
