/* lint.c - see lint.h. */
#include "spec/lint.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "spec/option.h"
#include "spec/sbatch.h"
#include "spec/value.h"

#define LINE_MAX_BYTES 65536 /* of one directive that is looked into */
#define WORDS_MAX      256
#define FINDINGS_MAX   1000  /* nobody reads more; bounds the time a generated file takes */

struct lint {
    void (*found)(void *data, const struct lint_finding *finding);
    void *data;
    unsigned n;
    struct err say;          /* formats sentences in the reader's language */
    struct buf meant, clean;
    struct spec spec;        /* what the script asks for, as far as it can be read */
    unsigned first_command;  /* its line; 0: not yet */
    unsigned seen[SPEC_OPTIONS_MAX]; /* line on which each option stood */
};

#define SHOW(value) (value_show(value).text)

/* l->say holds the sentence, l->meant the better line. */
static void report(struct lint *l, unsigned line, enum lint_effect effect)
{
    struct lint_finding finding = { line, effect, str_of(l->say.text), STR("") };
    if (l->meant.len > 0 && l->meant.failed == 0) { /* the script's own bytes: make them safe to show */
        utf8_clean(&l->clean, buf_look(&l->meant));
        finding.meant = buf_look(&l->clean);
    }
    l->n++;
    l->found(l->data, &finding);
    buf_clear(&l->meant);
    buf_clear(&l->clean);
}

static struct str without_cr(struct str line)
{
    return line.len > 0 && line.ptr[line.len - 1] == '\r' ? str_slice(line, 0, line.len - 1) : line;
}

/* --- lines that only look like directives ----------------------------------------------------- */

/* A dash as keyboards, word processors and web pages write it; *ret_len bytes. */
static bool is_dash(struct str s, size_t *ret_len)
{
    if (s.len == 0)
        return false;
    struct str rest = s;
    int32_t c = utf8_next(&rest);
    *ret_len = s.len - rest.len;
    return c == '-' || (c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0xFE58 || c == 0xFE63 ||
        c == 0xFF0D;
}

enum typography { TYPED_DASH = 1, TYPED_QUOTE = 2, TYPED_SPACE = 4 };

/* The line with plain dashes, quotes and blanks is appended to l->meant; returns what was replaced. */
static int put_plain(struct lint *l, struct str line)
{
    int found = 0;
    bool word_start = true;
    while (line.len > 0) {
        const char *at = line.ptr;
        size_t n;
        bool dash = is_dash(line, &n);
        int32_t c = utf8_next(&line);
        bool first = word_start;
        word_start = c == ' ' || c == '\t' || c == 0xA0;
        if (dash && c != '-' && first) { /* one long dash stands for two: "—time"; but "–t", "––time" */
            bool letter = line.len > 1 && (line.ptr[1] == ' ' || line.ptr[1] == '=');
            buf_c(&l->meant, letter || is_dash(line, &n) ? "-" : "--");
            found |= TYPED_DASH;
        } else if (dash && c != '-') {
            buf_char(&l->meant, '-');
            found |= TYPED_DASH;
        } else if (c == 0x201C || c == 0x201D || c == 0x2018 || c == 0x2019) {
            buf_char(&l->meant, c <= 0x2019 ? '\'' : '"');
            found |= TYPED_QUOTE;
        } else if (c == 0xA0 || c == 0x3000 || c == 0x200B) {
            buf_char(&l->meant, ' ');
            found |= TYPED_SPACE;
        } else {
            buf_add(&l->meant, at, (size_t)(line.ptr - at));
        }
    }
    return found;
}

static bool looks_like_option(struct str s)
{
    size_t n;
    s = str_trim(s);
    return is_dash(s, &n);
}

/* Skip what may stand before the word SBATCH in a line that is only a comment: blanks, #, blanks. */
static struct str behind_marks(struct str line)
{
    size_t i = 0;
    while (i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t' || line.ptr[i] == '#'))
        i++;
    return str_slice(line, i, line.len);
}

/* A comment that was meant as a directive: "# SBATCH --time=5", "#SBTACH ...", "  #SBATCH ...". */
static void check_comment(struct lint *l, unsigned number, struct str line)
{
    struct str rest = behind_marks(line);
    size_t n = 0;
    while (n < rest.len && rest.ptr[n] != ' ' && rest.ptr[n] != '\t' && rest.ptr[n] != '-')
        n++;
    struct str word = str_slice(rest, 0, n);
    struct str options = str_slice(rest, n, rest.len);
    static const char *const words[] = { "SBATCH", "SBTACH", "SBACTH", "SBATHC", "SBTCH", "SBACH",
                                         "SABTCH", "BATCH", "SBATCH:", "SLURM", "SLRUM" };
    bool near = false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        near = near || str_is_nocase(word, words[i]);
    if (!near || !looks_like_option(options))
        return;
    if (str_starts(line, "##SBATCH")) {
        err_set(&l->say, 1, "\"##SBATCH\" is a comment, so this option does not count; fine if "
                "it is switched off on purpose");
    } else {
        err_set(&l->say, 1, "\"%s\" is a comment for Slurm, so this option does not count; a "
                "directive begins with \"#SBATCH\" in the first column",
                SHOW(str_slice(line, 0, (size_t)(word.ptr + word.len - line.ptr))));
    }
    buf_c(&l->meant, "#SBATCH ");
    put_plain(l, str_trim(options));
    report(l, number, LINT_IGNORED);
}

/* --- the bytes of a directive ----------------------------------------------------------------- */

static bool check_typography(struct lint *l, unsigned number, struct str line)
{
    int found = put_plain(l, line);
    if (found & TYPED_DASH) {
        err_set(&l->say, 1, "the line holds a long dash instead of \"--\", so Slurm sees no "
                "option in it and refuses the script (older versions dropped this and every later option)");
        report(l, number, LINT_REFUSED);
    } else if (found & TYPED_QUOTE) {
        err_set(&l->say, 1, "the line holds curly quotes, which Slurm takes as letters of the value");
        report(l, number, LINT_OTHERWISE);
    } else if (found & TYPED_SPACE) {
        err_set(&l->say, 1, "the line holds a blank that only looks like one, and Slurm does not "
                "split words there");
        report(l, number, LINT_OTHERWISE);
    }
    buf_clear(&l->meant);
    return found != 0;
}

/* "--comment=run#3": the rest is a comment, also in the middle of a word. */
static void check_hash(struct lint *l, unsigned number, struct str rest)
{
    char quote = '\0';
    for (size_t i = 0; i < rest.len; i++) {
        char c = rest.ptr[i];
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '\\') {
            i++;
        } else if (c == '#') {
            bool inside = i > 0 && rest.ptr[i - 1] != ' ' && rest.ptr[i - 1] != '\t';
            if (!inside)
                return; /* a trailing comment, as it should be */
            err_set(&l->say, 1, "an unquoted # begins a comment even inside a value, so \"%s\" "
                    "does not count; put the value in quotes",
                    SHOW(str_slice(rest, i, rest.len)));
            report(l, number, LINT_OTHERWISE);
            return;
        }
    }
}

/* --- values ----------------------------------------------------------------------------------- */

/* File name symbols that say what a variable was meant to say. */
static const char *symbol_for(struct str variable)
{
    static const char *const symbols[][2] = {
        { "SLURM_JOB_ID", "%j" },        { "SLURM_JOBID", "%j" },   { "SLURM_JOB_NAME", "%x" },
        { "SLURM_ARRAY_JOB_ID", "%A" },  { "SLURM_ARRAY_TASK_ID", "%a" }, { "USER", "%u" },
        { "LOGNAME", "%u" },             { "SLURM_JOB_USER", "%u" }, { "HOSTNAME", "%N" },
        { "SLURMD_NODENAME", "%N" },
    };
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++)
        if (str_is(variable, symbols[i][0]))
            return symbols[i][1];
    return NULL;
}

/* The name behind a $: "HOME" of "$HOME" and "${HOME}"; *ret_len is how much that is with the $. */
static struct str variable_at(struct str s, size_t *ret_len)
{
    size_t from = s.len > 1 && s.ptr[1] == '{' ? 2 : 1;
    size_t n = from;
    while (n < s.len && ((s.ptr[n] >= 'A' && s.ptr[n] <= 'Z') || (s.ptr[n] >= 'a' && s.ptr[n] <= 'z') ||
                         s.ptr[n] == '_' || (n > from && s.ptr[n] >= '0' && s.ptr[n] <= '9')))
        n++;
    *ret_len = n + (from == 2 && n < s.len && s.ptr[n] == '}');
    return str_slice(s, from, n);
}

static bool is_pattern(const struct option_def *def)
{
    return strcmp(def->name, "output") == 0 || strcmp(def->name, "error") == 0 ||
        strcmp(def->name, "input") == 0;
}

/* Nobody expands variables in directives.  --wrap and --export=A=$B alone would be read by a shell
 * later, but here they are not either. */
static void check_variables(struct lint *l, unsigned number, const struct option_def *def,
                            struct str value)
{
    bool known = true;
    struct str first = STR("");
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '`' || (value.ptr[i] == '$' && i + 1 < value.len && value.ptr[i + 1] == '(')) {
            first = str_slice(value, i, value.len);
            known = false;
            break;
        }
        if (value.ptr[i] != '$')
            continue;
        size_t len;
        struct str name = variable_at(str_slice(value, i, value.len), &len);
        if (name.len == 0)
            continue;
        if (first.len == 0)
            first = str_slice(value, i, i + len);
        known = known && is_pattern(def) && symbol_for(name);
    }
    if (first.len > 0) {
        if (known) { /* every one has a symbol */
            buf_c(&l->meant, "#SBATCH --");
            buf_c(&l->meant, def->name);
            buf_char(&l->meant, '=');
            for (size_t i = 0; i < value.len; i++) {
                size_t len = 1;
                struct str name = value.ptr[i] == '$'
                    ? variable_at(str_slice(value, i, value.len), &len) : STR("");
                if (name.len > 0)
                    buf_c(&l->meant, symbol_for(name));
                else
                    buf_char(&l->meant, value.ptr[i]);
                i += name.len > 0 ? len - 1 : 0;
            }
        }
        err_set(&l->say, 1, "--%s: nobody expands \"%s\" in a directive; Slurm takes it letter "
                "by letter, so write the value out or give it on the command line",
                def->name, SHOW(first));
        report(l, number, LINT_OTHERWISE);
    } else if (value.len > 0 && value.ptr[0] == '~' && (value.len == 1 || value.ptr[1] == '/')) {
        err_set(&l->say, 1, "--%s: nobody expands \"~\" in a directive; Slurm makes a directory "
                "of that name, so write the path out",
                def->name);
        report(l, number, LINT_OTHERWISE);
    }
}

/* --- words ------------------------------------------------------------------------------------ */

static void mean(struct lint *l, const char *before, struct str word, const char *behind)
{
    buf_c(&l->meant, "#SBATCH ");
    buf_c(&l->meant, before);
    buf_str(&l->meant, word);
    buf_c(&l->meant, behind);
}

/* How the words from `from` on would be one value of the option before them. */
static void suggest_quoted(struct lint *l, const struct option_def *def, struct str value,
                           const char *const *argv, uint32_t from, uint32_t n)
{
    mean(l, "--", str_of(def->name), "=\"");
    buf_str(&l->meant, value);
    for (uint32_t i = from; i < n && argv[i][0] != '-'; i++) {
        buf_char(&l->meant, ' ');
        buf_c(&l->meant, argv[i]);
    }
    buf_char(&l->meant, '"');
}

/* "--time = 5", "--time =5", "--time= 5": how Slurm splits it does not help; say the one thing. */
static void blank_around_equals(struct lint *l, unsigned number, struct str name, struct str value)
{
    err_set(&l->say, 1, "there must be no blank around the = of --%s; Slurm refuses the line", SHOW(name));
    mean(l, "--", name, "=");
    buf_str(&l->meant, value);
    report(l, number, LINT_REFUSED);
}

static bool is_unit(struct str word)
{
    return word.len <= 2 && word.len > 0 && strchr("KMGTkmgt", word.ptr[0]) &&
        (word.len == 1 || word.ptr[1] == 'B' || word.ptr[1] == 'b');
}

/* A word that is no option: a blank too many, a remark without #, forgotten dashes. */
static void check_stray(struct lint *l, unsigned number, const struct option_hit *before,
                        const char *const *argv, uint32_t i, uint32_t n)
{
    struct str word = str_of(argv[i]);
    const struct option_def *def = before->def;
    ptrdiff_t equals = str_find(word, '=');
    struct str name = str_slice(word, 0, equals < 0 ? word.len : (size_t)equals);
    if (word.ptr[0] == '(' || word.ptr[0] == '[' || word.ptr[0] == '<' || str_starts(word, "//")) {
        err_set(&l->say, 1, "\"%s\" is no comment for Slurm, which refuses the word; put # before a remark",
                SHOW(word));
    } else if (option_find(name)) {
        err_set(&l->say, 1, "\"%s\" has no dashes, so Slurm sees no option in it and refuses it", SHOW(word));
        mean(l, "--", word, "");
        if (equals < 0 && i + 1 < n && argv[i + 1][0] != '-')
            buf_char(&l->meant, '='), buf_c(&l->meant, argv[i + 1]);
    } else if (def && def->kind == VALUE_MIB && is_unit(word)) {
        err_set(&l->say, 1, "the value of --%s ends at the blank, and Slurm refuses \"%s\" "
                "behind it; write them together",
                def->name, SHOW(word));
        mean(l, "--", str_of(def->name), "=");
        buf_str(&l->meant, before->value);
        buf_str(&l->meant, word);
    } else if (def && (def->kind == VALUE_NAME || def->kind == VALUE_TEXT)) {
        err_set(&l->say, 1, "the value of --%s ends at the blank, and Slurm refuses \"%s\" "
                "behind it; put the value in quotes",
                def->name, SHOW(word));
        suggest_quoted(l, def, before->value, argv, i, n);
    } else {
        err_set(&l->say, 1, "\"%s\" is not an option; Slurm refuses it (older versions dropped "
                "it and every later option)",
                SHOW(word));
    }
    report(l, number, LINT_REFUSED);
}

static void check_option(struct lint *l, unsigned number, const struct option_hit *hit)
{
    const struct option_def *def = hit->def;
    unsigned *seen = &l->seen[def - option_table];
    check_variables(l, number, def, hit->value);
    if (*seen > 0 && def->support != OPTION_HINT) {
        err_set(&l->say, 1, "--%s stands on line %u too; the last one counts", def->name, *seen);
        report(l, number, LINT_OTHERWISE);
    }
    *seen = number;
    int r = option_apply(&l->spec, def, hit->value, SPEC_FROM_SCRIPT, 0, &l->say);
    if (r == 0)
        return;
    report(l, number, def->support == OPTION_REFUSED || r == E_TOO_LARGE ? LINT_HERE : LINT_REFUSED);
}

/* "-time=5": Slurm reads -t with the value "ime=5". */
static bool has_single_dash(struct lint *l, unsigned number, struct str word)
{
    if (word.len < 4 || word.ptr[0] != '-' || word.ptr[1] == '-')
        return false;
    struct str name = str_slice(word, 1, word.len);
    ptrdiff_t equals = str_find(name, '=');
    if (equals > 0)
        name = str_slice(name, 0, (size_t)equals);
    if (name.len < 3 || !option_find(name))
        return false;
    err_set(&l->say, 1, "\"-%s\" has one dash, so Slurm reads it as -%.1s and the rest as its "
            "value; write two",
            SHOW(name), name.ptr);
    mean(l, "-", word, "");
    report(l, number, LINT_OTHERWISE);
    return true;
}

/* The words behind one that was explained are part of it, up to the next option. */
static uint32_t skip_to_option(const char *const *argv, uint32_t i, uint32_t n)
{
    while (i < n && argv[i][0] != '-')
        i++;
    return i;
}

/* option_next refused argv[i], an unknown name or a missing value; l->say has its sentence. */
static void check_refused(struct lint *l, unsigned number, const char *const *argv, uint32_t i,
                          uint32_t n)
{
    struct str word = str_of(argv[i]);
    struct str name = str_slice(word, 2, word.len);
    if (i + 1 >= n && option_find(name)) {
        err_set(&l->say, 1, "\"%s\" needs a value; Slurm takes the first word of the next directive for it",
                SHOW(word));
        report(l, number, LINT_OTHERWISE);
        return;
    }
    ptrdiff_t equals = str_find(name, '=');
    struct str value = equals < 0 ? STR("") : str_slice(name, (size_t)equals, name.len);
    if (equals >= 0)
        name = str_slice(name, 0, (size_t)equals);
    const struct option_def *near = str_starts(word, "--") ? option_nearest(name) : NULL;
    if (near && !option_find(name)) {
        mean(l, "--", str_of(near->name), "");
        buf_str(&l->meant, value);
    }
    report(l, number, LINT_REFUSED);
}

/* One option that option_next read from argv[at] on.  True: it was set aside with a finding. */
static bool check_hit(struct lint *l, unsigned number, struct option_scan *scan, uint32_t at,
                      const struct option_hit *hit)
{
    struct str value = hit->value;
    bool apart = hit->has_value && scan->i == at + 2 && scan->argv[at + 1] == value.ptr;
    if (apart && str_starts(value, "=")) {
        bool alone = value.len == 1 && scan->i < scan->n;
        blank_around_equals(l, number, str_of(hit->def->name),
                            alone ? str_of(scan->argv[scan->i]) : str_slice(value, 1, value.len));
        scan->i = skip_to_option(scan->argv, scan->i, scan->n);
        return true;
    }
    if (apart && value.len > 1 && value.ptr[0] == '-' && hit->def->kind != VALUE_NICE) {
        err_set(&l->say, 1, "--%s needs a value, so Slurm takes \"%s\" for it", hit->def->name, SHOW(value));
        report(l, number, LINT_OTHERWISE);
        scan->i--; /* read it as the option it was meant to be */
        return true;
    }
    return false;
}

static void check_words(struct lint *l, unsigned number, const char *const *argv, uint32_t n)
{
    struct option_scan scan = { .argv = argv, .n = n };
    struct option_hit before = { 0 };
    while (scan.i < n) {
        struct option_hit hit;
        uint32_t at = scan.i;
        struct str word = str_of(argv[at]);
        struct str name = str_slice(word, 2, word.len > 1 ? word.len - 1 : 0);
        if (!scan.letters && has_single_dash(l, number, word)) {
            scan.i = skip_to_option(argv, at + 1, n);
            continue;
        }
        if (word.len > 3 && word.ptr[word.len - 1] == '=' && at + 1 < n && argv[at + 1][0] != '-' &&
            option_find(name)) {
            blank_around_equals(l, number, name, str_of(argv[at + 1]));
            scan.i = skip_to_option(argv, at + 1, n);
            continue;
        }
        int r = option_next(&scan, &hit, &l->say);
        if (r > 0) {
            bool aside = check_hit(l, number, &scan, at, &hit);
            before = aside ? (struct option_hit){ 0 } : hit;
            if (!aside)
                check_option(l, number, &hit);
            continue;
        }
        if (r == 0 && scan.i < n) /* also behind "--": Slurm stops there */
            check_stray(l, number, &before, argv, scan.i, n);
        else if (r < 0)
            check_refused(l, number, argv, at, n);
        scan.letters = NULL;
        scan.dashes = false;
        scan.i = skip_to_option(argv, (r == 0 ? scan.i : at) + 1, n);
        before = (struct option_hit){ 0 };
    }
}

static void check_directive(struct lint *l, unsigned number, struct str line, struct str rest)
{
    struct buf text;
    const char *argv[WORDS_MAX];
    size_t at[WORDS_MAX];
    uint32_t n = 0;
    if (rest.len > LINE_MAX_BYTES)
        rest = str_slice(rest, 0, LINE_MAX_BYTES);
    if (check_typography(l, number, line))
        return; /* what follows from it would only confuse */
    if (sbatch_is_hetjob(rest)) {
        err_set(&l->say, 1, "line %u asks for a second, different allocation (hetjob); eoul runs "
                "one per job, so submit two jobs",
                number);
        report(l, number, LINT_HERE);
        return;
    }
    check_hash(l, number, rest);
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '\\') {
        err_set(&l->say, 1, "a backslash does not continue a directive, and the next line is "
                "then read as a command; begin it with #SBATCH");
        report(l, number, LINT_OTHERWISE);
        rest = str_slice(rest, 0, rest.len - 1);
    }
    buf_init(&text, LINE_MAX_BYTES + WORDS_MAX);
    struct str left = rest;
    for (int r = 1; r > 0 && n < WORDS_MAX;) {
        at[n] = text.len;
        r = sbatch_word(&left, &text);
        if (r > 0)
            n++;
        if (r < 0) {
            err_set(&l->say, 1, "a quote is never closed, and Slurm refuses the line");
            report(l, number, LINT_REFUSED);
            n = 0;
        }
    }
    for (uint32_t i = 0; i < n; i++)
        argv[i] = text.ptr + at[i];
    if (text.failed == 0)
        check_words(l, number, argv, n);
    buf_finish(&text);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void check_late(struct lint *l, unsigned number, struct str rest)
{
    if (!looks_like_option(rest))
        return;
    err_set(&l->say, 1, "the first command stands on line %u; Slurm reads no directive behind "
            "it, so this option does not count",
            l->first_command);
    report(l, number, LINT_IGNORED);
}

static void check_together(struct lint *l)
{
    if (l->spec.array.range_n > 1 || (l->spec.array.range_n == 1 && l->spec.array.tasks > 1)) {
        struct str output = l->spec.output;
        bool apart = output.len == 0;
        for (size_t i = 0; i + 1 < output.len; i++) {
            size_t k = i + 1;
            while (k < output.len && output.ptr[k] >= '0' && output.ptr[k] <= '9')
                k++;
            apart = apart || (output.ptr[i] == '%' && k < output.len && strchr("ajJ", output.ptr[k]));
        }
        if (!apart && !str_is(output, "/dev/null")) {
            err_set(&l->say, 1, "all tasks of the array write to the one file \"%s\"; put %%a "
                    "into its name", SHOW(output));
            report(l, l->seen[option_find(STR("output")) - option_table], LINT_OTHERWISE);
        }
    }
    bool memory_twice = spec_has(&l->spec, "mem") + spec_has(&l->spec, "mem-per-cpu") +
        spec_has(&l->spec, "mem-per-gpu") > 1; /* the one contradiction that sbatch itself refuses */
    if (spec_check(&l->spec, NULL, &l->say) < 0)
        report(l, 0, memory_twice ? LINT_REFUSED : LINT_HERE);
}

unsigned lint_script(struct str text, const char *(*translate)(const char *format),
                     void (*found)(void *data, const struct lint_finding *finding), void *data)
{
    struct lint l = { .found = found, .data = data, .say = { .translate = translate } };
    buf_init(&l.meant, 4 * LINE_MAX_BYTES);
    buf_init(&l.clean, 12 * LINE_MAX_BYTES); /* each byte may become U+FFFD */
    spec_init(&l.spec);
    if (spec_set_script(&l.spec, STR("script"), text, &l.say) < 0) {
        bool too_large = l.say.code == E_TOO_LARGE;
        report(&l, 0, too_large ? LINT_HERE : LINT_REFUSED);
        l.spec.script = STR("?"); /* go on with the lines: something runs */
        if (too_large)
            text = STR("");
    }
    if (str_starts(text, "\xEF\xBB\xBF"))
        text = str_slice(text, 3, text.len);
    unsigned number = 0;
    for (struct str line, rest; l.n < FINDINGS_MAX && str_next(&text, '\n', &line);) {
        number++;
        line = without_cr(line);
        enum sbatch_line_kind kind = sbatch_line(line, &rest);
        if (kind == SBATCH_DIRECTIVE && l.first_command > 0)
            check_late(&l, number, rest);
        else if (kind == SBATCH_DIRECTIVE)
            check_directive(&l, number, line, rest);
        else if (kind == SBATCH_BLANK && l.first_command == 0)
            check_comment(&l, number, line);
        else if (kind == SBATCH_COMMAND && l.first_command == 0)
            l.first_command = number;
    }
    check_together(&l);
    spec_finish(&l.spec);
    buf_finish(&l.meant);
    buf_finish(&l.clean);
    return l.n;
}
