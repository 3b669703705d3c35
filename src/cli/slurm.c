/* slurm.c - see slurm.h: the table of names, their options, and those that are a verb of eoul's own. */
#include "cli/slurm.h"

#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cal/civil.h"

int slurm_verb(struct cli *cli, const char *verb, int argc, char **argv)
{
    const struct cmd *cmd = cmd_find(verb);
    struct args args;
    bool help = false;
    if (!cmd) {
        err_set(&cli->err, E_UNSUPPORTED, "This eoul has no \"%s\".", verb);
        return cli_fail(cli);
    }
    cli->cmd = cmd;
    if (cmd->flags & CMD_RAW)
        args = (struct args){.cmd = cmd, .rest = argv, .rest_n = argc, .dashes_at = -1};
    else if (args_parse(cli, cmd, argc, argv, &args, &help) < 0)
        return cli_fail(cli);
    return help ? help_cmd(cli, cmd) : cmd->run(cli, &args);
}

/* --- options --------------------------------------------------------------------------------------- */

static int find_long(const struct slurm_opt *opts, struct str name)
{
    int near = -1, n = 0;
    for (int i = 0; opts[i].name; i++) {
        struct str full = str_of(opts[i].name);
        if (str_is(name, opts[i].name))
            return i;
        if (full.len > name.len && memcmp(full.ptr, name.ptr, name.len) == 0) {
            near = i;
            n++;
        }
    }
    return n == 1 ? near : -1; /* a beginning, as getopt_long takes it */
}

static int find_letter(const struct slurm_opt *opts, char letter)
{
    for (int i = 0; opts[i].name; i++)
        if (opts[i].letter == letter)
            return i;
    return -1;
}

static int unknown(struct cli *cli, const char *word)
{
    return err_set(&cli->err, E_USAGE, "This %s has no option \"%s\".", cli->program, word);
}

/* The letters of one word: flags, then perhaps one with a value.  Returns how many words it took. */
static int take_letters(struct cli *cli, struct slurm_args *a, const char *word, const char *next)
{
    for (const char *p = word + 1; *p; p++) {
        int i = find_letter(a->opts, *p);
        if (i < 0)
            return unknown(cli, word);
        if (!a->opts[i].arg) {
            a->value[i] = "";
            continue;
        }
        if (!p[1] && !next)
            return err_set(&cli->err, E_USAGE, "\"%s\" needs a value.", word);
        a->value[i] = p[1] ? p + 1 : next;
        return p[1] ? 1 : 2;
    }
    return 1;
}

static int take_long(struct cli *cli, struct slurm_args *a, const char *word, const char *next)
{
    struct str name = str_of(word + 2);
    ptrdiff_t equals = str_find(name, '=');
    int i = find_long(a->opts, equals < 0 ? name : str_slice(name, 0, (size_t)equals));
    if (i < 0)
        return unknown(cli, word);
    if (!a->opts[i].arg) {
        a->value[i] = "";
        return 1;
    }
    if (equals < 0 && !next)
        return err_set(&cli->err, E_USAGE, "\"%s\" needs a value.", word);
    a->value[i] = equals < 0 ? next : word + 2 + equals + 1;
    return equals < 0 ? 2 : 1;
}

int slurm_args(struct cli *cli, const struct slurm_opt *opts, bool stop, int argc, char **argv,
               struct slurm_args *ret)
{
    struct slurm_args a = {.opts = opts, .rest = argv};
    int i = 0;
    while (i < argc) {
        const char *word = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(word, "--") == 0) {
            i++;
            break;
        }
        if (word[0] != '-' || !word[1]) {
            if (stop)
                break;
            argv[a.rest_n++] = argv[i++]; /* never ahead of what is read */
            continue;
        }
        int n = word[1] == '-' ? take_long(cli, &a, word, next) : take_letters(cli, &a, word, next);
        if (n < 0)
            return n;
        i += n;
    }
    if (stop) {
        a.rest = argv + i;
        a.rest_n = argc - i;
    } else {
        while (i < argc)
            argv[a.rest_n++] = argv[i++];
    }
    *ret = a;
    return 0;
}

const char *slurm_value(const struct slurm_args *a, const char *name)
{
    for (int i = 0; a->opts[i].name; i++)
        if (strcmp(a->opts[i].name, name) == 0)
            return a->value[i];
    return NULL;
}

/* --- times ----------------------------------------------------------------------------------------- */

void slurm_time(struct cli *cli, struct buf *out, usec_t at)
{
    if (at <= 0 || at == USEC_NEVER) {
        buf_c(out, "N/A");
        return;
    }
    struct civil c = civil_from_local_s(zone_to_local_s(cli_zone(cli), at / USEC_PER_SEC));
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute, c.second);
}

void slurm_length(struct buf *out, usec_t length_us, bool hours)
{
    long long s = length_us > 0 ? (long long)(length_us / USEC_PER_SEC) : 0;
    if (s >= CIVIL_DAY_S)
        buf_printf(out, "%lld-%02lld:%02lld:%02lld", s / 86400, s / 3600 % 24, s / 60 % 60, s % 60);
    else if (hours)
        buf_printf(out, "%02lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else if (s >= 3600)
        buf_printf(out, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        buf_printf(out, "%lld:%02lld", s / 60, s % 60);
}

/* --- the names ------------------------------------------------------------------------------------- */

static int slurm_sbatch(struct cli *cli, int argc, char **argv)
{
    return slurm_verb(cli, "submit", argc, argv);
}

/* An allocation here is a job that runs a shell, or the command given. */
static int slurm_salloc(struct cli *cli, int argc, char **argv)
{
    return slurm_verb(cli, cmd_find("shell") ? "shell" : "run", argc, argv);
}

static const struct {
    const char *name;
    int (*run)(struct cli *cli, int argc, char **argv);
} names[] = {
    {"sbatch", slurm_sbatch},     {"squeue", slurm_squeue}, {"scancel", slurm_scancel},
    {"srun", slurm_srun},         {"salloc", slurm_salloc}, {"sinfo", slurm_sinfo},
    {"sacct", slurm_sacct},       {"seff", slurm_seff},     {"scontrol", slurm_scontrol},
};

#define NAMES_N (sizeof names / sizeof names[0])

/* NAMES_N: none of them. */
static size_t find_name(const char *argv0)
{
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
    const char *name = slash ? slash + 1 : argv0 ? argv0 : "";
    size_t i = 0;
    while (i < NAMES_N && strcmp(name, names[i].name) != 0)
        i++;
    return i;
}

bool slurm_named(const char *argv0) { return find_name(argv0) < NAMES_N; }

bool slurm_main(struct cli *cli, int argc, char **argv, int *ret_status)
{
    size_t i = find_name(argc > 0 ? argv[0] : NULL);
    if (i == NAMES_N)
        return false;
    cli->program = names[i].name;
    cli->lang = LANG_EN; /* what a program may read stays as Slurm says it */
    cli->err.translate = tr_of(cli->lang);
    if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        buf_c(&cli->out, "slurm 22.05.8 (eoul " EOUL_VERSION ")\n");
        *ret_status = 0;
    } else {
        *ret_status = names[i].run(cli, argc - 1, argv + 1);
    }
    return true;
}
