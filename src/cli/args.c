/* args.c - options and operands of a verb, by its table.
 *
 * --name value, --name=value, -n value, -nvalue, several flags behind one dash; "--" ends options;
 * an option may also stand behind operands, except for verbs that take a command (CMD_JOB_OPTS),
 * where the first operand ends the options as with srun and nohup.
 */
#include <string.h>

#include "cli/cli.h"
#include "i18n/width.h"

const struct opt common_opts[] = {
    {"help", 'h', NULL, N_("Show this help.")},
    {"lang", 0, "LANG", N_("Speak this language: en or ko. Without it LANG and LANGUAGE decide.")},
    {"ascii", 0, NULL, N_("Draw with ASCII characters only.")},
    {0},
};

#define NEAREST_WORD_MAX 32

/* Levenshtein distance with swaps of neighbours (optimal string alignment), bounded in length. */
static unsigned distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > NEAREST_WORD_MAX || m > NEAREST_WORD_MAX)
        return NEAREST_WORD_MAX;
    unsigned d[NEAREST_WORD_MAX + 1][NEAREST_WORD_MAX + 1];
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = (unsigned)(i + j);
                continue;
            }
            unsigned cost = a[i - 1] != b[j - 1];
            unsigned least = d[i - 1][j - 1] + cost;
            if (d[i - 1][j] + 1 < least)
                least = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < least)
                least = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < least)
                least = d[i - 2][j - 2] + 1;
            d[i][j] = least;
        }
    return d[n][m];
}

const char *nearest(const char *typed, const char *const *words, size_t words_n)
{
    const char *best = NULL;
    unsigned best_distance = (unsigned)(strlen(typed) + 2) / 3;
    for (size_t i = 0; i < words_n; i++) {
        unsigned d = distance(typed, words[i]);
        if (d < best_distance || (d == best_distance && !best)) {
            best = words[i];
            best_distance = d;
        }
    }
    return best;
}

/* --- parsing ---------------------------------------------------------------------------------- */

static const struct opt *find_long(const struct opt *opts, struct str name)
{
    for (const struct opt *o = opts; o && o->name; o++)
        if (str_is(name, o->name))
            return o;
    return NULL;
}

static const struct opt *find_letter(const struct opt *opts, char letter)
{
    for (const struct opt *o = opts; o && o->name; o++)
        if (o->letter == letter)
            return o;
    return NULL;
}

/* The same under another verb's name: who has written "eoul boost --until" writes "eoul reserve --until". */
static const char *other_word(const struct cmd *cmd, struct str name)
{
    static const struct { const char *typed, *meant; } pairs[] = {
        {"until", "to"}, {"to", "until"}, {"user", "owner"}, {"person", "for"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (str_is(name, pairs[i].typed) && find_long(cmd->opts, str_of(pairs[i].meant)))
            return pairs[i].meant;
    return NULL;
}

static int unknown_option(struct cli *cli, const struct cmd *cmd, struct str name)
{
    const char *words[2 * CLI_OPTS_MAX];
    size_t n = 0;
    char typed[NEAREST_WORD_MAX + 1];
    for (const struct opt *o = cmd->opts; o && o->name && n < CLI_OPTS_MAX; o++)
        words[n++] = o->name;
    for (const struct opt *o = common_opts; o->name; o++)
        words[n++] = o->name;
    snprintf(typed, sizeof typed, "%.*s", STR_ARG(str_slice(name, 0, NEAREST_WORD_MAX)));
    const char *meant = other_word(cmd, name);
    if (!meant && name.len <= NEAREST_WORD_MAX)
        meant = nearest(typed, words, n);
    struct buf shown;
    buf_init(&shown, 256);
    cli_clean(&shown, typed);
    int r =
        meant
            ? err_set(&cli->err, E_USAGE,
                      "\"eoul %1$s\" has no option --%2$s; did you mean --%3$s?", cmd->name,
                      shown.ptr ? shown.ptr : "", meant)
            : err_set(&cli->err, E_USAGE,
                      "\"eoul %1$s\" has no option --%2$s; \"eoul help %1$s\" lists those it has.",
                      cmd->name, shown.ptr ? shown.ptr : "");
    buf_finish(&shown);
    return r;
}

/* Common options act at once; a verb's own are noted. */
static int take(struct cli *cli, struct args *args, const struct opt *o, const char *value,
                bool *ret_help)
{
    if (find_long(args->cmd->opts, str_of(o->name)) == o) { /* by name: tables may lie side by side in memory */
        args->values[o - args->cmd->opts] = value;
        return 0;
    }
    if (strcmp(o->name, "help") == 0) {
        *ret_help = true;
        return 0;
    }
    if (strcmp(o->name, "ascii") == 0) {
        cli->ascii = true;
        return 0;
    }
    if (lang_parse(str_of(value), &cli->lang) < 0)
        return err_set(&cli->err, E_USAGE, "--lang is \"%s\"; it can be en or ko.", value);
    cli->err.translate = tr_of(cli->lang);
    return 0;
}

static int take_long(struct cli *cli, struct args *args, int argc, char **argv, int *at,
                     bool *ret_help)
{
    struct str whole = str_of(argv[*at] + 2);
    ptrdiff_t equals = str_find(whole, '=');
    struct str name = equals < 0 ? whole : str_slice(whole, 0, (size_t)equals);
    const struct opt *o = find_long(args->cmd->opts, name);
    if (!o)
        o = find_long(common_opts, name);
    if (!o)
        return unknown_option(cli, args->cmd, name);
    if (!o->arg && equals >= 0)
        return err_set(&cli->err, E_USAGE, "--%s takes no value.", o->name);
    if (!o->arg)
        return take(cli, args, o, "", ret_help);
    if (equals >= 0)
        return take(cli, args, o, whole.ptr + equals + 1, ret_help);
    if (*at + 1 >= argc)
        return err_set(&cli->err, E_USAGE, "--%1$s needs a value: --%1$s %2$s.", o->name, o->arg);
    *at += 1;
    return take(cli, args, o, argv[*at], ret_help);
}

static int take_letters(struct cli *cli, struct args *args, int argc, char **argv, int *at,
                        bool *ret_help)
{
    for (const char *c = argv[*at] + 1; *c; c++) {
        const struct opt *o = find_letter(args->cmd->opts, *c);
        if (!o)
            o = find_letter(common_opts, *c);
        if (!o) {
            char shown = *c > ' ' && *c < 127 ? *c : '?';
            return err_set(
                &cli->err, E_USAGE,
                "\"eoul %1$s\" has no option -%2$c; \"eoul help %1$s\" lists those it has.",
                args->cmd->name, shown);
        }
        if (!o->arg) {
            int r = take(cli, args, o, "", ret_help);
            if (r < 0)
                return r;
            continue;
        }
        if (c[1])
            return take(cli, args, o, c + 1, ret_help);
        if (*at + 1 >= argc)
            return err_set(&cli->err, E_USAGE, "-%1$c needs a value: -%1$c %2$s.", o->letter,
                           o->arg);
        *at += 1;
        return take(cli, args, o, argv[*at], ret_help);
    }
    return 0;
}

int args_parse(struct cli *cli, const struct cmd *cmd, int argc, char **argv, struct args *ret,
               bool *ret_help)
{
    *ret = (struct args){.cmd = cmd, .rest = argv, .dashes_at = -1};
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        int r = 0;
        if (strcmp(word, "--") == 0) {
            ret->dashes_at = ret->rest_n;
            for (i++; i < argc; i++)
                ret->rest[ret->rest_n++] = argv[i];
            break;
        }
        if (word[0] == '-' && word[1] == '-')
            r = take_long(cli, ret, argc, argv, &i, ret_help);
        else if (word[0] == '-' && word[1])
            r = take_letters(cli, ret, argc, argv, &i, ret_help);
        else
            ret->rest[ret->rest_n++] = argv[i]; /* never overtakes i: operands move to the front */
        if (r < 0)
            return r;
    }
    return 0;
}

const char *args_value(const struct args *args, const char *name)
{
    const struct opt *o = find_long(args->cmd->opts, str_of(name));
    return o ? args->values[o - args->cmd->opts] : NULL;
}

bool args_flag(const struct args *args, const char *name)
{
    return args_value(args, name) != NULL;
}

int args_number(struct cli *cli, const struct args *args, const char *name, int64_t otherwise,
                int64_t max, int64_t *ret)
{
    const char *value = args_value(args, name);
    uint64_t number;
    if (!value) {
        *ret = otherwise;
        return 0;
    }
    if (str_u64(str_of(value), &number) < 0 || number > (uint64_t)max)
        return err_set(&cli->err, E_USAGE,
                       "--%1$s is \"%2$s\"; it must be a number from 0 to %3$lld.", name, value,
                       (long long)max);
    *ret = (int64_t)number;
    return 0;
}

int args_operands(struct cli *cli, const struct args *args, int min, int max, const char *what)
{
    if (args->rest_n < min)
        return err_set(&cli->err, E_USAGE, "\"eoul %1$s\" needs more: eoul %1$s %2$s",
                       args->cmd->name, what);
    if (max >= 0 && args->rest_n > max)
        return err_set(
            &cli->err, E_USAGE,
            "\"eoul %1$s\" does not know what to do with \"%2$s\"; it is used as: eoul %1$s %3$s",
            args->cmd->name, args->rest[max], what);
    return 0;
}
