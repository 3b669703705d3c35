/* option.c - see option.h. */
#include "spec/option.h"

#include <string.h>

#include "spec/value.h"

#define SHOW(value) (value_show(value).text)

/* --- finding ---------------------------------------------------------------------------------- */

static bool is_option(const struct option_def *def)
{
    return def->support != OPTION_CAPTURED;
}

static bool is_named(const struct option_def *def, struct str name)
{
    return str_is(name, def->name) || (def->alias && str_is(name, def->alias));
}

const struct option_def *option_find(struct str name)
{
    for (uint32_t i = 0; i < option_table_n; i++)
        if (is_option(&option_table[i]) && is_named(&option_table[i], name))
            return &option_table[i];
    return NULL;
}

#define NEAREST_NAME_MAX 32

/* Edits between two names, transpositions too (Damerau 1964, the restricted form); a wrong guess is
 * worse than none, so the caller asks for few. */
static unsigned distance(struct str a, struct str b)
{
    unsigned row[3][NEAREST_NAME_MAX + 1];
    if (a.len > NEAREST_NAME_MAX || b.len > NEAREST_NAME_MAX)
        return NEAREST_NAME_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *now = row[i % 3];
        const unsigned *up = row[(i + 2) % 3];
        const unsigned *up2 = row[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = a.ptr[i - 1] == b.ptr[j - 1];
            unsigned best = up[j - 1] + !same;
            if (up[j] + 1 < best)
                best = up[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1] &&
                up2[j - 2] + 1 < best)
                best = up2[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[a.len % 3][b.len];
}

const struct option_def *option_nearest(struct str name)
{
    char plain[NEAREST_NAME_MAX];
    if (name.len > sizeof plain || name.len < 2)
        return NULL;
    for (size_t i = 0; i < name.len; i++) { /* cpus_per_task, Time */
        char c = name.ptr[i];
        plain[i] = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    struct str asked = { plain, name.len };
    const struct option_def *found = NULL;
    unsigned best = name.len <= 4 ? 2 : 3; /* at most 1 edit for short names, 2 for longer ones */
    for (uint32_t i = 0; i < option_table_n; i++) {
        const struct option_def *def = &option_table[i];
        if (!is_option(def))
            continue;
        unsigned d = distance(asked, str_of(def->name));
        if (d < best) {
            best = d;
            found = def;
        }
    }
    return found;
}

/* As getopt_long: an exact name, else the only option that begins so.  eoul's own are not meant by a
 * short form, but make it ambiguous: --pre must not quietly be --prefer to who thinks of --preempt. */
static int find_long(const struct option_scan *scan, struct str name, const struct option_def **ret,
                     struct err *err)
{
    for (uint32_t i = 0; i < scan->extra_n; i++) {
        if (is_named(&scan->extra[i], name)) {
            *ret = &scan->extra[i];
            return 0;
        }
    }
    *ret = option_find(name);
    if (*ret)
        return 0;
    const struct option_def *second = NULL;
    for (uint32_t i = 0; i < option_table_n && name.len > 0; i++) {
        const struct option_def *def = &option_table[i];
        bool begins = name.len < strlen(def->name) && memcmp(def->name, name.ptr, name.len) == 0;
        if (!begins || !is_option(def))
            continue;
        if (!*ret)
            *ret = def;
        else if (!second)
            second = def;
    }
    if (second)
        return err_set(err, E_USAGE, "--%s could be --%s or --%s; write it out", SHOW(name),
                       (*ret)->name, second->name);
    if (*ret && (*ret)->support != OPTION_OWN)
        return 0;
    const struct option_def *near = *ret ? *ret : option_nearest(name);
    return near
        ? err_set(err, E_USAGE, "there is no option --%s; did you mean --%s?", SHOW(name), near->name)
        : err_set(err, E_USAGE, "there is no option --%s; see eoul help submit", SHOW(name));
}

static const struct option_def *find_letter(const struct option_scan *scan, char letter)
{
    for (uint32_t i = 0; i < scan->extra_n; i++)
        if (scan->extra[i].letter == letter)
            return &scan->extra[i];
    for (uint32_t i = 0; i < option_table_n; i++)
        if (option_table[i].letter == letter)
            return &option_table[i];
    return NULL;
}

/* --- scanning --------------------------------------------------------------------------------- */

static int missing_value(const struct option_def *def, struct err *err)
{
    return err_set(err, E_USAGE, "--%s needs a value, for example --%s=%s", def->name, def->name,
                   def->value ? def->value : "VALUE");
}

static int next_long(struct option_scan *scan, struct str arg, struct option_hit *ret,
                     struct err *err)
{
    struct option_hit hit = { 0 };
    ptrdiff_t equals = str_find(arg, '=');
    int r = find_long(scan, str_slice(arg, 0, equals < 0 ? arg.len : (size_t)equals), &hit.def, err);
    if (r < 0)
        return r;
    if (equals >= 0) {
        hit.value = str_slice(arg, (size_t)equals + 1, arg.len);
        hit.has_value = true;
        if (hit.def->arg == OPTION_NO_ARG)
            return err_set(err, E_USAGE, "--%s takes no value, but \"%s\" was given",
                           hit.def->name, SHOW(hit.value));
        if (hit.def->arg == OPTION_ARG && hit.value.len == 0)
            return missing_value(hit.def, err);
    }
    scan->i++;
    if (hit.def->arg == OPTION_ARG && !hit.has_value) {
        if (scan->i >= scan->n)
            return missing_value(hit.def, err);
        hit.value = str_of(scan->argv[scan->i++]);
        hit.has_value = true;
    }
    *ret = hit;
    return 1;
}

/* One letter of "-Hc32"; scan->letters is not empty. */
static int next_letter(struct option_scan *scan, struct option_hit *ret, struct err *err)
{
    char letter = *scan->letters;
    struct option_hit hit = { .def = find_letter(scan, letter) };
    if (!hit.def) {
        struct str word = str_of(scan->argv[scan->i] + 1);
        ptrdiff_t equals = str_find(word, '=');
        struct str name = str_slice(word, 0, equals < 0 ? word.len : (size_t)equals);
        const struct option_def *near = name.len > 1 ? option_nearest(name) : NULL;
        char text[2] = { letter >= 0x20 && letter < 0x7F ? letter : '?', '\0' };
        return near
            ? err_set(err, E_USAGE, "there is no option -%s; did you mean --%s?", SHOW(name),
                      near->name)
            : err_set(err, E_USAGE, "there is no option -%s; see eoul help submit", text);
    }
    scan->letters++;
    if (hit.def->arg == OPTION_ARG) {
        hit.value = str_of(scan->letters);
        if (hit.value.len == 0) {
            if (scan->i + 1 >= scan->n)
                return missing_value(hit.def, err);
            hit.value = str_of(scan->argv[++scan->i]);
        }
        hit.has_value = true;
        scan->letters = "";
    } else if (hit.def->arg == OPTION_MAY_ARG && *scan->letters) { /* -kVALUE, never -k VALUE */
        hit.value = str_of(scan->letters);
        hit.has_value = true;
        scan->letters = "";
    }
    if (!*scan->letters) {
        scan->letters = NULL;
        scan->i++;
    }
    *ret = hit;
    return 1;
}

int option_next(struct option_scan *scan, struct option_hit *ret, struct err *err)
{
    if (scan->letters)
        return next_letter(scan, ret, err);
    if (scan->dashes || scan->i >= scan->n)
        return 0;
    struct str arg = str_of(scan->argv[scan->i]);
    if (str_is(arg, "--")) {
        scan->dashes = true;
        scan->i++;
        return 0;
    }
    if (str_starts(arg, "--"))
        return next_long(scan, str_slice(arg, 2, arg.len), ret, err);
    if (arg.len < 2 || arg.ptr[0] != '-')
        return 0; /* the script, or "-" for standard input */
    scan->letters = arg.ptr + 1;
    return next_letter(scan, ret, err);
}

/* --- applying --------------------------------------------------------------------------------- */

static void *field_of(struct spec *spec, const struct option_def *def)
{
    return (char *)spec + def->offset;
}

static uint8_t *source_of(struct spec *spec, const struct option_def *def)
{
    return &spec->source[def - option_table];
}

static bool has_field(const struct option_def *def)
{
    return value_types[def->kind].size > 0;
}

/* Forget what weaker sources said in this option's group, and what the same source said through
 * another name of the same field.  False: a stronger one spoke, this one does not count. */
static bool take_over(struct spec *spec, const struct option_def *def, enum spec_source source)
{
    bool clear[SPEC_OPTIONS_MAX] = { false };
    for (uint32_t i = 0; i < option_table_n; i++) {
        const struct option_def *other = &option_table[i];
        uint8_t has = spec->source[i];
        bool same = other == def;
        if (has == SPEC_UNSET || (!same && (def->group == 0 || other->group != def->group)))
            continue;
        if (has > source)
            return false;
        clear[i] = has < source || same || (has_field(other) && other->offset == def->offset);
    }
    for (uint32_t i = 0; i < option_table_n; i++) {
        if (!clear[i] || option_table[i].kind == VALUE_LIST)
            continue;
        memset(field_of(spec, &option_table[i]), 0, value_types[option_table[i].kind].size);
        spec->source[i] = SPEC_UNSET;
    }
    return true;
}

/* Name the option, its value and the line before what value.c said. */
static int blame(const struct option_def *def, struct str value, unsigned line, int code,
                 struct err *err)
{
    if (!err)
        return code;
    char said[ERR_TEXT_MAX];
    memcpy(said, err->text, sizeof said);
    if (value.len == 0 && line == 0)
        return err_set(err, code, "--%s: %s", def->name, said);
    if (value.len == 0)
        return err_set(err, code, "line %u: --%s: %s", line, def->name, said);
    if (line == 0)
        return err_set(err, code, "--%s=%s: %s", def->name, SHOW(value), said);
    return err_set(err, code, "line %u: --%s=%s: %s", line, def->name, SHOW(value), said);
}

static const char *in_language(const struct err *err, const char *msgid)
{
    return err && err->translate ? err->translate(msgid) : msgid;
}

int option_apply(struct spec *spec, const struct option_def *def, struct str value,
                 enum spec_source source, unsigned line, struct err *err)
{
    if (def->support == OPTION_REFUSED) {
        err_set(err, E_UNSUPPORTED, "%s", in_language(err, def->help));
        return blame(def, value, line, E_UNSUPPORTED, err);
    }
    if (!take_over(spec, def, source))
        return 0;
    int r = value_types[def->kind].read(spec, field_of(spec, def), def, value, err);
    if (r < 0)
        return blame(def, value, line, r, err);
    *source_of(spec, def) = (uint8_t)source;
    if (def->support == OPTION_HINT && source != SPEC_FROM_ENVIRONMENT)
        spec_note(spec, err, line, N_("--%s has no effect here: %s"), def->name,
                  in_language(err, def->help));
    return 0;
}

/* A flag's variable counts when it is there: empty, "yes" or a number that is not 0, as in Slurm. */
static bool env_flag_is_set(struct str value)
{
    int64_t number;
    if (value.len == 0 || str_is_nocase(value, "yes"))
        return true;
    return str_i64(value, &number) == 0 && number != 0;
}

int option_apply_environment(struct spec *spec, const char *const *envp, struct err *err)
{
    for (; *envp; envp++) {
        struct str entry = str_of(*envp);
        if (!str_starts(entry, "SBATCH_"))
            continue;
        ptrdiff_t equals = str_find(entry, '=');
        if (equals < 0)
            continue;
        struct str name = str_slice(entry, 0, (size_t)equals);
        struct str value = str_slice(entry, (size_t)equals + 1, entry.len);
        for (uint32_t i = 0; i < option_table_n; i++) {
            const struct option_def *def = &option_table[i];
            if (!def->env || !str_is(name, def->env))
                continue;
            if (def->arg == OPTION_NO_ARG && !env_flag_is_set(value))
                continue;
            if (def->arg == OPTION_NO_ARG)
                value = STR("");
            int r = option_apply(spec, def, value, SPEC_FROM_ENVIRONMENT, 0, err);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

int option_apply_all(struct spec *spec, struct option_scan *scan, struct err *err)
{
    struct option_hit hit = { 0 };
    int r;
    while ((r = option_next(scan, &hit, err)) > 0) {
        r = option_apply(spec, hit.def, hit.value, SPEC_FROM_COMMAND, 0, err);
        if (r < 0)
            return r;
    }
    return r;
}

void option_print_value(struct buf *out, const struct spec *spec, const struct option_def *def)
{
    value_types[def->kind].print(out, (const char *)spec + def->offset, def);
}
