/* sweep_make.c - see sweep.h: from what was written to what is kept. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/prng.h"
#include "spec/decimal.h"
#include "spec/option.h"
#include "spec/sweep.h"
#include "spec/value.h"

#define STREAM_POINTS 1 /* of the seed: which points; its others: each drawn parameter's values */

static int no_memory(struct err *err)
{
    return err_set(err, E_NO_MEMORY, "there is not enough memory for this request");
}

/* --- numbers that are not exact: six digits, as printf's %g ----------------------------------------- */

static double at_share(const struct sweep_piece *p, double share)
{
    double a = decimal_double((struct decimal){ .m = p->from, .e = p->e });
    double b = decimal_double((struct decimal){ .m = p->until, .e = p->e });
    bool is_log = p->kind == SWEEP_LOG || p->kind == SWEEP_DRAW_LOG;
    return is_log ? exp(log(a) + share * (log(b) - log(a))) : a + share * (b - a);
}

static void put_double(struct buf *out, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.6g", value);
    buf_c(out, text);
}

static void put_spread(struct buf *out, const struct sweep_piece *p, uint64_t i)
{
    if (i == 0 || i + 1 == p->n)
        decimal_print(out, (struct decimal){ .m = i ? p->until : p->from, .e = p->e });
    else
        put_double(out, at_share(p, (double)i / (double)(p->n - 1)));
}

static void put_drawn(struct buf *out, const struct sweep_piece *p, struct prng *luck)
{
    put_double(out, at_share(p, (double)(prng_u64(luck) >> 11) * 0x1p-53));
}

/* The text of one value, not quoted. */
static void put_any(struct buf *out, const struct sweep_piece *p, uint64_t i, struct prng *luck)
{
    if (p->kind == SWEEP_DRAW || p->kind == SWEEP_DRAW_LOG)
        put_drawn(out, p, luck);
    else if (p->kind == SWEEP_LIN || p->kind == SWEEP_LOG)
        put_spread(out, p, i);
    else
        sweep_put_piece(p, i, out);
}

/* --- keeping ---------------------------------------------------------------------------------------- */

/* Replace the spec's parameters by these texts. */
static int keep(struct spec *spec, struct str *items, uint32_t n)
{
    struct str *kept = spec_alloc(spec, n * sizeof *kept);
    int r = kept ? 0 : E_NO_MEMORY;
    for (uint32_t i = 0; i < n && r == 0; i++)
        r = spec_copy(spec, items[i], &kept[i]);
    if (r == 0)
        spec->params = (struct spec_list){ kept, n };
    return r;
}

static void put_literal_of(struct buf *out, const struct sweep_piece *p, uint64_t i, struct prng *luck)
{
    char memory[SPEC_TEXT_MAX + 1];
    struct buf value;
    buf_init_fixed(&value, memory, sizeof memory);
    put_any(&value, p, i, luck);
    if (value.failed && !out->failed)
        out->failed = E_TOO_LARGE;
    sweep_put_literal(out, buf_look(&value));
}

static void put_steps(struct buf *out, const struct sweep_piece *p)
{
    decimal_print(out, (struct decimal){ .m = p->from, .e = p->e });
    buf_c(out, "..");
    decimal_print(out, (struct decimal){ .m = p->until, .e = p->e });
    buf_char(out, ':');
    decimal_print(out, (struct decimal){ .m = p->step, .e = p->e });
}

/* The texts of a grid: stepped ranges stay ranges, what is not exact becomes what it came to. */
static void put_grid_values(struct buf *out, const struct sweep_param *p)
{
    for (uint32_t i = 0; i < p->pieces_n; i++) {
        const struct sweep_piece *piece = &p->piece[i];
        if (piece->kind == SWEEP_STEPS) {
            buf_c(out, i ? "," : "");
            put_steps(out, piece);
            continue;
        }
        for (uint64_t k = 0; k < piece->n; k++) {
            buf_c(out, i || k ? "," : "");
            put_literal_of(out, piece, k, NULL);
        }
    }
}

static const struct sweep_piece *drawn_piece(const struct sweep_param *p)
{
    for (uint32_t i = 0; i < p->pieces_n; i++)
        if (p->piece[i].kind == SWEEP_DRAW || p->piece[i].kind == SWEEP_DRAW_LOG)
            return &p->piece[i];
    return NULL;
}

static int too_many(uint64_t points, struct err *err)
{
    if (points == UINT64_MAX)
        return err_set(err, E_TOO_LARGE,
                       "the sweep has more points than can be counted; at most %llu are possible, so give fewer "
                       "values, or draw some with --random=20", (unsigned long long)SWEEP_POINTS_MAX);
    return err_set(err, E_TOO_LARGE,
                   "the sweep has %llu points; at most %llu are possible, so give fewer values, or draw some "
                   "with --random=20", (unsigned long long)points, (unsigned long long)SWEEP_POINTS_MAX);
}

static int make_grid(struct spec *spec, const struct sweep *sweep, struct buf text[], struct err *err)
{
    (void)spec;
    for (uint32_t i = 0; i < sweep->params_n; i++)
        if (drawn_piece(&sweep->param[i]))
            return err_set(err, E_INVALID,
                           "--param=%.*s is a range without steps; write for example 0..1:0.25, or draw points "
                           "with --random=20", STR_ARG(sweep->param[i].name));
    if (sweep->points > SWEEP_POINTS_MAX)
        return too_many(sweep->points, err);
    for (uint32_t i = 0; i < sweep->params_n; i++)
        put_grid_values(&text[i], &sweep->param[i]);
    return 0;
}

/* --- drawing ---------------------------------------------------------------------------------------- */

/* `n` different numbers below `all`, in an order of luck. */
static int draw_grid_points(uint64_t *ret, uint32_t n, uint64_t all, struct prng *luck)
{
    if (all <= 2 * (uint64_t)n) { /* shuffle them all (Fisher and Yates) and take the first */
        uint64_t *every = malloc(all * sizeof *every);
        if (!every)
            return E_NO_MEMORY;
        for (uint64_t i = 0; i < all; i++)
            every[i] = i;
        for (uint32_t i = 0; i < n; i++) {
            uint64_t k = i + prng_below(luck, all - i), swap = every[i];
            every[i] = every[k];
            every[k] = swap;
            ret[i] = every[i];
        }
        free(every);
        return 0;
    }
    struct map seen = { 0 };
    int r = 0;
    for (uint32_t i = 0, there; i < n && r == 0;) {
        uint64_t k = prng_below(luck, all);
        if (map_get(&seen, k + 1, &there))
            continue;
        r = map_set(&seen, k + 1, 1);
        ret[i++] = k;
    }
    map_finish(&seen);
    return r;
}

static void put_nth(struct buf *out, const struct sweep_param *p, uint64_t i, struct prng *luck)
{
    const struct sweep_piece *piece = sweep_piece_at(p, i);
    put_literal_of(out, piece, i - piece->before, luck);
}

/* One list for each parameter.  Where every value can be listed the points are different ones. */
static int make_drawn(struct spec *spec, const struct sweep *sweep, struct buf text[], struct err *err)
{
    struct prng luck;
    bool listed = true;
    for (uint32_t i = 0; i < sweep->params_n; i++)
        listed = listed && !drawn_piece(&sweep->param[i]);
    prng_init(&luck, spec->random_seed, STREAM_POINTS);
    if (listed && sweep->points < spec->random)
        spec->random = (uint32_t)sweep->points; /* there are no more */
    uint64_t *points = calloc((size_t)spec->random + 1, sizeof *points);
    if (!points)
        return no_memory(err);
    int r = 0;
    if (sweep->points == UINT64_MAX)
        r = too_many(sweep->points, err);
    else if (listed)
        r = draw_grid_points(points, spec->random, sweep->points, &luck);
    for (uint32_t k = 0; k < spec->random && !listed && r == 0; k++)
        points[k] = prng_below(&luck, sweep->points);
    uint64_t below = 1;
    for (uint32_t i = sweep->params_n; i-- > 0 && r == 0;) {
        const struct sweep_param *p = &sweep->param[i];
        struct prng own;
        prng_init(&own, spec->random_seed, STREAM_POINTS + 1 + i);
        for (uint32_t k = 0; k < spec->random; k++) {
            buf_c(&text[i], k ? "," : "");
            put_nth(&text[i], p, points[k] / below % p->values_n, &own);
        }
        below *= p->values_n;
    }
    free(points);
    return r == E_NO_MEMORY ? no_memory(err) : r;
}

/* --- the whole -------------------------------------------------------------------------------------- */

static int set_number(struct spec *spec, const char *option, uint64_t value, struct err *err)
{
    char memory[24];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_u64(&text, value);
    return option_apply(spec, option_find(str_of(option)), buf_look(&text), SPEC_FROM_COMMAND, 0, err);
}

static int set_array(struct spec *spec, uint64_t points, struct err *err)
{
    char memory[64];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_c(&text, "0-");
    buf_u64(&text, points - 1);
    if (spec->max_running) {
        buf_char(&text, '%');
        buf_u64(&text, spec->max_running);
    }
    return option_apply(spec, option_find(STR("array")), buf_look(&text), SPEC_FROM_COMMAND, 0, err);
}

static int make(struct spec *spec, struct sweep *sweep, struct err *err)
{
    struct buf text[SWEEP_PARAMS_MAX];
    struct str items[SWEEP_PARAMS_MAX];
    int r = 0;
    for (uint32_t i = 0; i < sweep->params_n; i++) {
        buf_init(&text[i], SPEC_BYTES_MAX);
        buf_str(&text[i], sweep->param[i].name);
        buf_char(&text[i], '=');
    }
    r = spec->random ? make_drawn(spec, sweep, text, err) : make_grid(spec, sweep, text, err);
    for (uint32_t i = 0; i < sweep->params_n && r == 0; i++) {
        items[i] = buf_look(&text[i]);
        r = text[i].failed;
    }
    uint32_t n = sweep->params_n;
    if (r == 0)
        r = keep(spec, items, n);
    for (uint32_t i = 0; i < n; i++)
        buf_finish(&text[i]);
    if (r < 0 && (!err || !err->text[0]))
        err_set(err, r, "the values of the sweep are larger than can be kept; draw fewer points");
    return r;
}

/* "{seed}" or "--seed={seed}" of a parameter that there is not: most likely forgotten.  Braces within a longer word
 * may be anything, and are left alone. */
static void note_forgotten(struct spec *spec, const struct sweep *sweep, struct err *err)
{
    for (uint32_t i = 0; i < spec->argv.n; i++) {
        struct str word = spec->argv.item[i], name;
        ptrdiff_t equals = str_find(word, '=');
        if (equals >= 0)
            word = str_slice(word, (size_t)equals + 1, word.len);
        if (word.len < 3 || word.ptr[0] != '{' || word.ptr[word.len - 1] != '}')
            continue;
        name = str_slice(word, 1, word.len - 1);
        bool known = false, plain = name.len <= SWEEP_NAME_MAX;
        for (size_t k = 0; k < name.len && plain; k++)
            plain = name.ptr[k] == '_' || (name.ptr[k] >= 'a' && name.ptr[k] <= 'z') ||
                (name.ptr[k] >= 'A' && name.ptr[k] <= 'Z') || (k > 0 && name.ptr[k] >= '0' && name.ptr[k] <= '9');
        for (uint32_t k = 0; k < sweep->params_n && !known; k++)
            known = str_eq(sweep->param[k].name, name);
        if (plain && !known)
            spec_note(spec, err, 0, N_("{%s} in the command is none of the parameters and stays as it is; did you forget "
                                       "--param %s=...?"), value_show(name).text, value_show(name).text);
    }
}

int sweep_settle(struct spec *spec, uint32_t seed, struct err *err)
{
    struct sweep sweep = { 0 };
    if (spec->max_running && spec->array.range_n && !spec->params.n)
        spec->array.max = spec->max_running;
    if (spec->params.n == 0)
        return 0;
    if (spec->array.range_n)
        return err_set(err, E_INVALID, "--%s and --%s contradict each other; give one of them", "param",
                       "array");
    int r = 0;
    if (spec->random && !spec_has(spec, "random-seed"))
        r = set_number(spec, "random-seed", seed, err);
    if (r == 0)
        r = sweep_open(&sweep, spec, err);
    if (r < 0)
        return r;
    r = make(spec, &sweep, err);
    if (r == 0)
        r = set_array(spec, spec->random ? spec->random : sweep.points, err);
    if (r == 0 && !spec_has(spec, "hold-after"))
        r = set_number(spec, "hold-after", SWEEP_HOLD_AFTER, err);
    for (uint32_t i = 0; i < sweep.params_n && r == 0; i++)
        if (!sweep_is_used(&sweep, i, spec))
            spec_note(spec, err, 0, N_("{%s} stands nowhere in the command; the job finds its value in "
                                       "EOUL_PARAM_%s."), value_show(sweep.param[i].name).text,
                      value_show(sweep.param[i].name).text);
    if (r == 0)
        note_forgotten(spec, &sweep, err);
    if (r == 0 && spec->stop_worst_ppm && !spec->minimize.len && !spec->maximize.len)
        spec_note(spec, err, 0, N_("Points are compared by the first result they print, the smaller the better; "
                                   "--minimize NAME or --maximize NAME says which."));
    sweep_close(&sweep);
    return r;
}

static int only_with(const struct spec *spec, const char *option, const char *other, struct err *err)
{
    return spec_has(spec, option)
        ? err_set(err, E_INVALID, "--%s means something only with --%s", option, other) : 0;
}

static int check_points(const struct spec *spec, struct err *err)
{
    struct sweep sweep = { 0 };
    int r = sweep_open(&sweep, spec, err);
    if (r < 0)
        return r;
    if (spec->array.range_n == 0 || spec->array.range[spec->array.range_n - 1].until >= sweep.points)
        r = err_set(err, E_INVALID, "a sweep's array must be among its points, 0-%llu",
                    (unsigned long long)(sweep.points ? sweep.points - 1 : 0));
    for (uint32_t i = 0; i < sweep.params_n && r == 0; i++) {
        const struct sweep_param *p = &sweep.param[i];
        for (uint32_t k = 0; k < p->pieces_n && r == 0; k++)
            if (p->piece[k].kind != SWEEP_LITERAL && (p->piece[k].kind != SWEEP_STEPS || sweep.columns))
                r = err_set(err, E_INVALID, "the values of \"%.*s\" are not settled yet", STR_ARG(p->name));
        if (r == 0 && sweep.columns && p->values_n != sweep.points)
            r = err_set(err, E_INVALID, "\"%.*s\" has %llu values for %llu points", STR_ARG(p->name),
                        (unsigned long long)p->values_n, (unsigned long long)sweep.points);
    }
    sweep_close(&sweep);
    return r;
}

int sweep_check(const struct spec *spec, struct err *err)
{
    static const char *const of_sweeps[] = { "grid", "random", "random-seed", "stop-worst", "after" };
    int r = 0;
    for (size_t i = 0; i < sizeof of_sweeps / sizeof of_sweeps[0] && !spec->params.n && r == 0; i++)
        r = only_with(spec, of_sweeps[i], "param", err);
    if (r == 0 && !spec->array.range_n) {
        r = only_with(spec, "hold-after", "array", err);
        if (r == 0)
            r = only_with(spec, "max-running", "array", err);
    }
    if (r == 0 && !spec->random)
        r = only_with(spec, "random-seed", "random", err);
    if (r == 0 && spec->grid && spec->random)
        r = err_set(err, E_INVALID, "--%s and --%s contradict each other; give one of them", "grid",
                    "random");
    if (r == 0 && spec->minimize.len && spec->maximize.len)
        r = err_set(err, E_INVALID, "--%s and --%s contradict each other; give one of them", "minimize",
                    "maximize");
    if (r == 0 && spec_has(spec, "stop-worst") != spec_has(spec, "after"))
        r = err_set(err, E_INVALID, "--stop-worst and --after go together: --stop-worst=0.5 --after=10%%");
    return r == 0 && spec->params.n ? check_points(spec, err) : r;
}
