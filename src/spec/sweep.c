/* sweep.c - see sweep.h: reading parameters, the value of a point, text with {names} in it. */
#include "spec/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "spec/decimal.h"
#include "spec/environ.h"
#include "spec/value.h"

#define SHOW(value) (value_show(value).text)
#define FACTOR_MAX  1000u          /* values of one A..B:*F: each is made from the one before */
#define SPREAD_MAX  SPEC_ARRAY_MAX /* values of one A..B:linN */
#define PIECES_MAX  SPEC_ARRAY_MAX /* in one parameter: more could not be points */

/* --- one piece -------------------------------------------------------------------------------- */

static int wrong_piece(struct str piece, struct err *err)
{
    return err_set(err, E_INVALID,
                   "\"%s\" is not a range; write 1..5, 0..1:0.25, 1e-5..1e-1:*10 or 1..1000:log4, or quote "
                   "it", SHOW(piece));
}

static int read_steps(struct str text, struct decimal a, struct decimal b, struct decimal step,
                      struct sweep_piece *p, struct err *err)
{
    struct decimal s = step;
    if (!decimal_align(&a, &b) || !decimal_align(&a, &s) || !decimal_align(&b, &s) ||
        !decimal_align(&a, &b))
        return err_set(err, E_INVALID, "the range \"%s\" has more digits than can be kept", SHOW(text));
    if (s.m == 0 || (b.m > a.m && s.m < 0) || (b.m < a.m && s.m > 0))
        return err_set(err, E_INVALID, "the range \"%s\" never comes to its end", SHOW(text));
    *p = (struct sweep_piece){ .kind = SWEEP_STEPS, .from = a.m, .until = b.m, .step = s.m, .e = a.e };
    p->n = (uint64_t)(((__int128)b.m - a.m) / s.m) + 1;
    return 0;
}

/* --- A..B:*F: exact while 15 digits suffice, then rounded to them --- */

static struct decimal times(struct decimal d, const struct sweep_piece *p)
{
    __int128 m = (__int128)d.m * p->step;
    d.e += p->step_e;
    while (m > 999999999999999 || m < -999999999999999) {
        m = (m + (m < 0 ? -5 : 5)) / 10;
        d.e++;
    }
    d.m = (int64_t)m;
    return d;
}

static bool beyond(struct decimal d, double until, bool up)
{
    double value = decimal_double(d), slack = (until < 0 ? -until : until) * 1e-12;
    return up ? value > until + slack : value < until - slack;
}

static int read_factor(struct str text, struct decimal a, struct decimal b, struct decimal f,
                       struct sweep_piece *p, struct err *err)
{
    double from = decimal_double(a), until = decimal_double(b), factor = decimal_double(f);
    if (factor <= 0 || factor == 1 || from == 0 || until == 0 || (from < 0) != (until < 0) ||
        ((from < 0 ? -until > -from : until > from) != (factor > 1) && from != until))
        return err_set(err, E_INVALID, "the range \"%s\" never comes to its end", SHOW(text));
    *p = (struct sweep_piece){ .kind = SWEEP_FACTOR, .from = a.m, .e = a.e, .step = f.m, .step_e = f.e };
    for (struct decimal d = a; !beyond(d, until, until >= from); d = times(d, p))
        if (++p->n > FACTOR_MAX)
            return err_set(err, E_TOO_LARGE, "the range \"%s\" has more than %u values", SHOW(text),
                           FACTOR_MAX);
    return 0;
}

/* lin5, log5, log */
static int read_spread(struct str text, struct decimal a, struct decimal b, struct str how,
                       struct sweep_piece *p, struct err *err)
{
    bool is_log = str_starts(how, "log");
    struct str number = str_slice(how, 3, how.len);
    uint64_t n = 1;
    if (is_log && (a.m <= 0 || b.m <= 0))
        return err_set(err, E_INVALID, "the range \"%s\" cannot be logarithmic: it reaches 0 or less",
                       SHOW(text));
    if (!decimal_align(&a, &b))
        return err_set(err, E_INVALID, "the range \"%s\" has more digits than can be kept", SHOW(text));
    if (number.len > 0 && (str_u64(number, &n) < 0 || n < 2))
        return wrong_piece(text, err);
    if (number.len == 0 && !is_log)
        return wrong_piece(text, err);
    if (n > SPREAD_MAX)
        return err_set(err, E_TOO_LARGE, "the range \"%s\" has more than %u values", SHOW(text),
                       SPREAD_MAX);
    *p = (struct sweep_piece){ .n = n, .from = a.m, .until = b.m, .e = a.e };
    p->kind = number.len == 0 ? SWEEP_DRAW_LOG : is_log ? SWEEP_LOG : SWEEP_LIN;
    return 0;
}

/* A range if it begins as one: NUMBER..; else a text (../data is one). */
static int read_bare(struct str text, struct sweep_piece *p, struct err *err)
{
    size_t dots = 0;
    struct decimal a, b, step = { .m = 1 };
    while (dots + 1 < text.len && !(text.ptr[dots] == '.' && text.ptr[dots + 1] == '.'))
        dots++;
    if (dots + 1 >= text.len || decimal_parse(str_slice(text, 0, dots), &a) < 0) {
        *p = (struct sweep_piece){ .kind = SWEEP_LITERAL, .n = 1, .text = text };
        return 0;
    }
    struct str rest = str_slice(text, dots + 2, text.len), until;
    ptrdiff_t colon = str_find(rest, ':');
    until = str_slice(rest, 0, colon < 0 ? rest.len : (size_t)colon);
    if (decimal_parse(until, &b) < 0)
        return wrong_piece(text, err);
    if (colon < 0 && a.whole && b.whole) {
        step.m = a.m <= b.m ? 1 : -1;
        return read_steps(text, a, b, step, p, err);
    }
    if (colon < 0) {
        if (!decimal_align(&a, &b))
            return wrong_piece(text, err);
        *p = (struct sweep_piece){ .kind = SWEEP_DRAW, .n = 1, .from = a.m, .until = b.m, .e = a.e };
        return 0;
    }
    struct str how = str_slice(rest, (size_t)colon + 1, rest.len);
    if (str_starts(how, "log") || str_starts(how, "lin"))
        return read_spread(text, a, b, how, p, err);
    if (str_starts(how, "*"))
        return decimal_parse(str_slice(how, 1, how.len), &step) < 0
            ? wrong_piece(text, err) : read_factor(text, a, b, step, p, err);
    return decimal_parse(how, &step) < 0 ? wrong_piece(text, err)
                                         : read_steps(text, a, b, step, p, err);
}

/* Take one value off the front, with its comma. */
static int next_piece(struct str *rest, struct sweep_piece *p, struct err *err)
{
    struct str s = *rest;
    size_t i = 0;
    while (i < s.len && s.ptr[i] == ' ')
        i++;
    char quote = i < s.len && (s.ptr[i] == '"' || s.ptr[i] == '\'') ? s.ptr[i] : '\0';
    size_t from = i;
    if (quote) {
        for (i++; i < s.len; i++)
            if (s.ptr[i] == quote && i + 1 < s.len && s.ptr[i + 1] == quote)
                i++;
            else if (s.ptr[i] == quote)
                break;
        size_t end = i + 1;
        while (end < s.len && s.ptr[end] == ' ')
            end++;
        if (i >= s.len || (end < s.len && s.ptr[end] != ','))
            return err_set(err, E_INVALID, "the quotes of \"%s\" do not end where the value does",
                           SHOW(str_slice(s, from, s.len)));
        *p = (struct sweep_piece){ .kind = SWEEP_LITERAL, .n = 1, .quote = quote,
                                   .text = str_slice(s, from + 1, i) };
        *rest = str_slice(s, end, s.len); /* the comma is still there */
    } else {
        while (i < s.len && s.ptr[i] != ',')
            i++;
        struct str text = str_trim(str_slice(s, from, i));
        *rest = str_slice(s, i, s.len);
        if (text.len == 0)
            return err_set(err, E_INVALID, "a value is missing between two commas; write '' for an empty one");
        int r = read_bare(text, p, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* --- one parameter ---------------------------------------------------------------------------- */

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '.' || c == '-')))
            return false;
    }
    return s.len > 0 && s.len <= SWEEP_NAME_MAX;
}

static int read_values(struct sweep_param *p, struct str values, struct err *err)
{
    size_t size = 1;
    for (size_t i = 0; i < values.len; i++)
        size += values.ptr[i] == ',';
    if (size > PIECES_MAX)
        return err_set(err, E_TOO_LARGE, "%zu values are more than the %u points a sweep can have", size,
                       PIECES_MAX);
    p->piece = calloc(size, sizeof *p->piece);
    if (!p->piece)
        return err_set(err, E_NO_MEMORY, "there is not enough memory for this request");
    for (;;) {
        struct sweep_piece *piece = &p->piece[p->pieces_n];
        int r = next_piece(&values, piece, err);
        if (r < 0)
            return r;
        p->pieces_n++;
        piece->before = p->values_n;
        if (__builtin_add_overflow(p->values_n, piece->n, &p->values_n))
            p->values_n = UINT64_MAX;
        if (values.len == 0)
            return 0;
        values = str_slice(values, 1, values.len);
    }
}

static int read_param(struct sweep *sweep, struct str text, struct err *err)
{
    ptrdiff_t equals = str_find(text, '=');
    struct str name = str_trim(str_slice(text, 0, equals < 0 ? 0 : (size_t)equals));
    uint32_t at = 0;
    if (equals < 0 || !is_name(name))
        return err_set(err, E_INVALID,
                       "--param=%s: it must be a name and its values, for example lr=1e-3,1e-4 or seed=1..5",
                       SHOW(text));
    while (at < sweep->params_n && !str_eq(sweep->param[at].name, name))
        at++;
    if (at == SWEEP_PARAMS_MAX)
        return err_set(err, E_TOO_LARGE, "a sweep can have at most %u parameters", SWEEP_PARAMS_MAX);
    if (at < sweep->params_n) /* said again: the later one counts, as the command line over a script */
        free(sweep->param[at].piece);
    else
        sweep->params_n++;
    sweep->param[at] = (struct sweep_param){ .name = name };
    struct err why = { .translate = err ? err->translate : NULL };
    int r = read_values(&sweep->param[at], str_slice(text, (size_t)equals + 1, text.len), &why);
    return r < 0 ? err_set(err, r, "--param=%s: %s", SHOW(text), why.text) : 0;
}

int sweep_open(struct sweep *sweep, const struct spec *spec, struct err *err)
{
    *sweep = (struct sweep){ .columns = spec->random > 0 && spec->array.range_n > 0 };
    int r = 0;
    for (uint32_t i = 0; i < spec->params.n && r == 0; i++)
        r = read_param(sweep, spec->params.item[i], err);
    if (r < 0) {
        sweep_close(sweep);
        return r;
    }
    sweep->points = sweep->params_n ? 1 : 0;
    for (uint32_t i = 0; i < sweep->params_n; i++)
        if (__builtin_mul_overflow(sweep->points, sweep->param[i].values_n, &sweep->points))
            sweep->points = UINT64_MAX;
    if (sweep->columns)
        sweep->points = spec->random;
    return 0;
}

void sweep_close(struct sweep *sweep)
{
    if (!sweep)
        return;
    for (uint32_t i = 0; i < sweep->params_n; i++)
        free(sweep->param[i].piece);
    *sweep = (struct sweep){ 0 };
}

/* --- values ----------------------------------------------------------------------------------- */

void sweep_put_literal(struct buf *out, struct str text)
{
    bool plain = text.len > 0 && text.ptr[0] != '\'' && text.ptr[0] != '"' && text.ptr[0] != ' ' &&
        text.ptr[text.len - 1] != ' ' && str_find(text, ',') < 0;
    for (size_t i = 1; i < text.len; i++)
        plain = plain && !(text.ptr[i] == '.' && text.ptr[i - 1] == '.');
    if (plain) {
        buf_str(out, text);
        return;
    }
    buf_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            buf_char(out, '\'');
        buf_char(out, text.ptr[i]);
    }
    buf_char(out, '\'');
}

void sweep_put_piece(const struct sweep_piece *p, uint64_t i, struct buf *out)
{
    if (p->kind == SWEEP_LITERAL) {
        for (size_t k = 0; k < p->text.len; k++) {
            buf_char(out, p->text.ptr[k]);
            k += p->quote && p->text.ptr[k] == p->quote; /* doubled in quotes */
        }
        return;
    }
    struct decimal d = { .m = p->from, .e = p->e };
    if (p->kind == SWEEP_FACTOR)
        while (i-- > 0)
            d = times(d, p);
    else
        d.m = (int64_t)(p->from + (__int128)p->step * (int64_t)i);
    decimal_print(out, d);
}

const struct sweep_piece *sweep_piece_at(const struct sweep_param *p, uint64_t i)
{
    uint32_t low = 0, high = p->pieces_n;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (p->piece[middle].before <= i)
            low = middle;
        else
            high = middle;
    }
    return &p->piece[low];
}

void sweep_value(const struct sweep *sweep, uint32_t param, uint32_t point, struct buf *out)
{
    uint64_t i = point;
    if (!sweep->columns) {
        for (uint32_t k = sweep->params_n - 1; k > param; k--)
            i /= sweep->param[k].values_n;
        i %= sweep->param[param].values_n;
    }
    const struct sweep_piece *piece = sweep_piece_at(&sweep->param[param], i);
    sweep_put_piece(piece, i - piece->before, out);
}

/* --- text ------------------------------------------------------------------------------------- */

static uint32_t find_param(const struct sweep *sweep, struct str name)
{
    uint32_t i = 0;
    while (i < sweep->params_n && !str_eq(sweep->param[i].name, name))
        i++;
    return i;
}

/* The parameter whose {name} stands at `at`; params_n: none.  *ret_len: of what is in the braces. */
static uint32_t brace_at(const struct sweep *sweep, struct str text, size_t at, size_t *ret_len)
{
    const char *end = text.ptr[at] == '{' ? memchr(text.ptr + at, '}', text.len - at) : NULL;
    if (!end || (at > 0 && text.ptr[at - 1] == '$'))
        return sweep->params_n;
    *ret_len = (size_t)(end - text.ptr) - at - 1;
    return find_param(sweep, str_slice(text, at + 1, at + 1 + *ret_len));
}

static void put_value(const struct sweep *sweep, uint32_t param, uint32_t point, enum sweep_use use,
                      struct buf *out)
{
    size_t from = out->len;
    sweep_value(sweep, param, point, out);
    for (size_t i = from; use == SWEEP_FILE && !out->failed && i < out->len; i++) {
        if (out->ptr[i] == '/' || out->ptr[i] == '\\') /* pattern.h: a backslash switches symbols off */
            out->ptr[i] = '_';
        if (out->ptr[i] != '%')
            continue;
        buf_char(out, '%'); /* make room, then shift: a literal % */
        if (!out->failed)
            memmove(out->ptr + i + 1, out->ptr + i, out->len - i - 1);
        i++;
    }
}

void sweep_expand(const struct sweep *sweep, uint32_t point, struct str text, enum sweep_use use,
                  struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        size_t len = 0;
        bool twice = i + 1 < text.len && text.ptr[i] == '{' && text.ptr[i + 1] == '{';
        uint32_t param = brace_at(sweep, text, i + twice, &len);
        size_t end = i + twice + 1 + len; /* of the first closing brace */
        if (param == sweep->params_n) {
            buf_char(out, text.ptr[i]);
        } else if (twice && end + 1 < text.len && text.ptr[end + 1] == '}') {
            buf_str(out, str_slice(text, i + 1, end + 1));
            i = end + 1;
        } else if (twice) {
            buf_char(out, '{'); /* {{lr} is a brace and a value */
        } else {
            put_value(sweep, param, point, use, out);
            i = end;
        }
    }
}

static void put_variable_name(struct buf *out, struct str name)
{
    buf_c(out, "EOUL_PARAM_");
    for (size_t i = 0; i < name.len; i++)
        buf_char(out, name.ptr[i] == '.' || name.ptr[i] == '-' ? '_' : name.ptr[i]);
}

void sweep_environ(const struct sweep *sweep, uint32_t point, struct str export_env, struct buf *out)
{
    struct environ_item item;
    for (uint32_t i = 0; i < sweep->params_n; i++) {
        put_variable_name(out, sweep->param[i].name);
        buf_char(out, '=');
        sweep_value(sweep, i, point, out);
        buf_char(out, '\0');
    }
    while (environ_next(&export_env, &item) > 0) {
        if (!item.has_value || str_find(item.value, '{') < 0)
            continue;
        buf_str(out, item.name);
        buf_char(out, '=');
        sweep_expand(sweep, point, item.value, SWEEP_TEXT, out);
        buf_char(out, '\0');
    }
}

static bool holds(struct str text, struct str what)
{
    return what.len > 0 && text.len > 0 && memmem(text.ptr, text.len, what.ptr, what.len) != NULL;
}

bool sweep_is_used(const struct sweep *sweep, uint32_t param, const struct spec *spec)
{
    char memory[2 * SWEEP_NAME_MAX + 64];
    struct buf brace, variable;
    struct str name = sweep->param[param].name;
    buf_init_fixed(&brace, memory, SWEEP_NAME_MAX + 8);
    buf_char(&brace, '{');
    buf_str(&brace, name);
    buf_char(&brace, '}');
    buf_init_fixed(&variable, memory + SWEEP_NAME_MAX + 8, sizeof memory - SWEEP_NAME_MAX - 8);
    put_variable_name(&variable, name);
    const struct str texts[] = { spec->job_name, spec->output, spec->error, spec->input,
                                 spec->export_env, spec->script };
    bool used = false;
    for (uint32_t i = 0; i < spec->argv.n && !used; i++)
        used = holds(spec->argv.item[i], buf_look(&brace)) ||
            holds(spec->argv.item[i], buf_look(&variable));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !used; i++)
        used = holds(texts[i], buf_look(&brace)) || holds(texts[i], buf_look(&variable));
    return used;
}
