/* sbatch.c - see sbatch.h.
 *
 * Follows SchedMD/slurm, src/sbatch/opt.c (_opt_batch_script, read in the versions from 18.08 on) and
 * src/common (next_line, get_argument): which lines count, how words are split, that all words form
 * one vector for getopt_long with "+".
 */
#include "spec/sbatch.h"

#include <stdlib.h>

#include "spec/option.h"
#include "spec/value.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r';
}

enum sbatch_line_kind sbatch_line(struct str line, struct str *ret_rest)
{
    if (str_starts(line, "#SBATCH")) {
        *ret_rest = str_slice(line, 7, line.len);
        return SBATCH_DIRECTIVE;
    }
    size_t i = 0;
    while (i < line.len && is_space(line.ptr[i]))
        i++;
    return i == line.len || line.ptr[i] == '#' ? SBATCH_BLANK : SBATCH_COMMAND;
}

int sbatch_word(struct str *rest, struct buf *out)
{
    size_t i = 0;
    while (i < rest->len && is_space(rest->ptr[i]))
        i++;
    if (i == rest->len || rest->ptr[i] == '#') {
        *rest = STR("");
        return 0;
    }
    char quote = '\0';
    bool escaped = false;
    for (; i < rest->len; i++) {
        char c = rest->ptr[i];
        if (escaped) {
            buf_char(out, c);
            escaped = false;
        } else if (c == '\\') {
            escaped = true;
        } else if (quote != '\0') {
            if (c == quote)
                quote = '\0';
            else
                buf_char(out, c);
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (is_space(c) || c == '#') {
            break;
        } else {
            buf_char(out, c);
        }
    }
    if (quote != '\0')
        return E_INVALID;
    buf_char(out, '\0');
    *rest = str_slice(*rest, i, rest->len);
    return 1;
}

struct words { /* one vector over all directives, and the line each word stands on */
    struct buf text;
    const char **argv;
    size_t *at;      /* offset of each word in text; argv is made at the end */
    unsigned *line;
    uint32_t n;
};

static void words_finish(struct words *w)
{
    buf_finish(&w->text);
    free(w->argv);
    free(w->at);
    free(w->line);
}

static bool holds_nocase(struct str text, const char *word, size_t len)
{
    for (size_t i = 0; i + len <= text.len; i++)
        if (str_is_nocase(str_slice(text, i, i + len), word))
            return true;
    return false;
}

bool sbatch_is_hetjob(struct str rest)
{
    return holds_nocase(rest, "hetjob", 6) || holds_nocase(rest, "packjob", 7);
}

static int add_directive(struct words *w, struct str rest, unsigned line, struct err *err)
{
    struct str whole = rest;
    if (sbatch_is_hetjob(rest))
        return err_set(err, E_UNSUPPORTED,
                       "line %u asks for a second, different allocation (hetjob); eoul runs one per job, so submit two jobs",
                       line);
    for (;;) {
        size_t at = w->text.len;
        int r = sbatch_word(&rest, &w->text);
        if (r < 0)
            return err_set(err, E_INVALID, "line %u: a quote in \"%s\" is never closed", line,
                           value_show(str_trim(whole)).text);
        if (w->text.failed < 0)
            return err_set(err, w->text.failed, "there is not enough memory for this request");
        if (r == 0)
            return 0;
        if (w->n == SBATCH_WORDS_MAX)
            return err_set(err, E_TOO_LARGE, "line %u: the directives have more than %u words", line,
                           SBATCH_WORDS_MAX);
        w->at[w->n] = at;
        w->line[w->n++] = line;
    }
}

static int collect(struct words *w, struct str text, struct err *err)
{
    unsigned number = 0;
    for (struct str line, rest; str_next(&text, '\n', &line);) {
        number++;
        enum sbatch_line_kind kind = sbatch_line(line, &rest);
        if (kind == SBATCH_COMMAND)
            break;
        int r = kind == SBATCH_DIRECTIVE ? add_directive(w, rest, number, err) : 0;
        if (r < 0)
            return r;
    }
    for (uint32_t i = 0; i < w->n; i++)
        w->argv[i] = w->text.ptr + w->at[i];
    return 0;
}

/* Put the line before a sentence of option_next, which knows none. */
static int at_line(unsigned line, int code, struct err *err)
{
    if (!err)
        return code;
    struct err said = *err;
    return err_set(err, code, "line %u: %s", line, said.text);
}

static int apply(struct spec *spec, const struct words *w, struct err *err)
{
    struct option_scan scan = { .argv = w->argv, .n = w->n };
    struct option_hit hit;
    for (;;) {
        unsigned line = scan.i < w->n ? w->line[scan.i] : 0;
        int r = option_next(&scan, &hit, err);
        if (r < 0)
            return at_line(line, r, err);
        if (r == 0)
            break;
        r = option_apply(spec, hit.def, hit.value, SPEC_FROM_SCRIPT, line, err);
        if (r < 0)
            return r;
    }
    if (scan.i < w->n)
        return err_set(err, E_INVALID,
                       "line %u: \"%s\" is not an option; options begin with - or --, and eoul lint says more",
                       w->line[scan.i], value_show(str_of(w->argv[scan.i])).text);
    return 0;
}

int sbatch_read(struct spec *spec, struct str name, struct str text, struct err *err)
{
    int r = spec_set_script(spec, name, text, err);
    if (r < 0)
        return r;
    struct words w = {
        .argv = calloc(SBATCH_WORDS_MAX, sizeof *w.argv),
        .at = calloc(SBATCH_WORDS_MAX, sizeof *w.at),
        .line = calloc(SBATCH_WORDS_MAX, sizeof *w.line),
    };
    buf_init(&w.text, SPEC_SCRIPT_MAX + SBATCH_WORDS_MAX);
    if (!w.argv || !w.at || !w.line) {
        r = E_NO_MEMORY;
        err_set(err, r, "there is not enough memory for this request");
    }
    if (r == 0)
        r = collect(&w, text, err);
    if (r == 0)
        r = apply(spec, &w, err);
    words_finish(&w);
    return r;
}
