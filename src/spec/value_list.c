/* value_list.c - see value_list.h. */
#include "spec/value_list.h"

#include <stdlib.h>
#include <string.h>

#include "spec/environ.h"
#include "spec/value.h"

#define SHOW(value) (value_show(value).text)
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static int read_u32(struct str s, uint32_t max, uint32_t *ret)
{
    uint64_t value;
    if (str_u64(s, &value) < 0 || value > max)
        return E_INVALID;
    *ret = (uint32_t)value;
    return 0;
}

static int no_memory(struct err *err)
{
    return err_set(err, E_NO_MEMORY, "there is not enough memory for this request");
}

/* --- array ------------------------------------------------------------------------------------ */

#define ARRAY_TEXT_MAX (1u << 20) /* 100,000 indices of up to 7 digits, and their commas */

/* "3", "0-9", "0-30:5" */
static int read_range(struct str piece, struct spec_range *ret, struct err *err)
{
    struct str rest = piece;
    struct str step = STR("1");
    ptrdiff_t colon = str_find(rest, ':');
    if (colon >= 0) {
        step = str_slice(rest, (size_t)colon + 1, rest.len);
        rest = str_slice(rest, 0, (size_t)colon);
    }
    ptrdiff_t dash = str_find(rest, '-');
    struct str from = dash < 0 ? rest : str_slice(rest, 0, (size_t)dash);
    struct str until = dash < 0 ? rest : str_slice(rest, (size_t)dash + 1, rest.len);
    struct spec_range r;
    if (read_u32(from, UINT32_MAX, &r.from) < 0 || read_u32(until, UINT32_MAX, &r.until) < 0 ||
        read_u32(step, UINT32_MAX, &r.step) < 0 || r.step == 0 || (colon >= 0 && dash < 0))
        return err_set(err, E_INVALID,
                       "\"%s\" is not a range of array indices; write for example 0-9, 1,3,5 or 0-30:5%%4",
                       SHOW(piece));
    if (r.until < r.from)
        return err_set(err, E_INVALID, "the range \"%s\" ends before it begins", SHOW(piece));
    if (r.until > SPEC_ARRAY_INDEX_MAX)
        return err_set(err, E_TOO_LARGE, "the index %u is too large; array indices go up to %u",
                       r.until, SPEC_ARRAY_INDEX_MAX);
    r.until = r.from + (r.until - r.from) / r.step * r.step; /* the last one hit */
    if (r.until == r.from)
        r.step = 1;
    *ret = r;
    return 0;
}

static uint32_t range_tasks(const struct spec_range *r)
{
    return (r->until - r->from) / r->step + 1;
}

static int too_many(uint64_t tasks, struct err *err)
{
    return err_set(err, E_TOO_LARGE, "it asks for %llu tasks; an array can have at most %u",
                   (unsigned long long)tasks, SPEC_ARRAY_MAX);
}

static bool bit(const uint8_t *map, uint32_t i)
{
    return map[i / 8] >> i % 8 & 1;
}

static uint32_t next_bit(const uint8_t *map, uint32_t i, uint32_t last)
{
    while (i <= last && !bit(map, i))
        i++;
    return i;
}

/* Overlapping or unsorted ranges become a set and then ranges again: greedy runs of equal distance.
 * A run of two that are not neighbours is left to the next run, so reading the result changes nothing. */
static int normalise(struct spec *spec, struct spec_array *array, struct err *err)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < array->range_n; i++)
        if (array->range[i].until > last)
            last = array->range[i].until;
    uint8_t *map = calloc(1, last / 8 + 1);
    if (!map)
        return no_memory(err);
    uint32_t tasks = 0;
    for (uint32_t i = 0; i < array->range_n; i++) {
        const struct spec_range *r = &array->range[i];
        for (uint32_t k = r->from; k <= r->until; k += r->step) {
            tasks += !bit(map, k);
            map[k / 8] |= (uint8_t)(1u << k % 8);
        }
    }
    int result = 0;
    if (tasks > SPEC_ARRAY_MAX) {
        result = too_many(tasks, err);
        goto out;
    }
    array->range = spec_alloc(spec, tasks * sizeof *array->range); /* at most one each */
    if (!array->range) {
        result = no_memory(err);
        goto out;
    }
    array->range_n = 0;
    array->tasks = tasks;
    for (uint32_t a = next_bit(map, 0, last); a <= last;) {
        struct spec_range r = { a, a, 1 };
        uint32_t b = next_bit(map, a + 1, last);
        uint32_t step = b - a;
        uint32_t c = b <= last ? next_bit(map, b + 1, last) : b;
        if (b <= last && (step == 1 || (c <= last && c - b == step))) {
            r.step = step;
            do {
                r.until = b;
                b = next_bit(map, b + 1, last);
            } while (b <= last && b - r.until == step);
        }
        array->range[array->range_n++] = r;
        a = b;
    }
out:
    free(map);
    return result;
}

int read_array(struct spec *spec, void *field, const struct option_def *def, struct str value,
               struct err *err)
{
    (void)def;
    struct spec_array array = { 0 };
    struct str rest = value;
    if (value.len > ARRAY_TEXT_MAX)
        return err_set(err, E_TOO_LARGE, "the value has %zu bytes; at most %zu are possible",
                       value.len, (size_t)ARRAY_TEXT_MAX);
    ptrdiff_t percent = str_find(rest, '%');
    if (percent >= 0) {
        struct str max = str_slice(rest, (size_t)percent + 1, rest.len);
        if (read_u32(max, UINT32_MAX, &array.max) < 0 || array.max == 0)
            return err_set(err, E_INVALID,
                           "\"%s\" is not how many may run at once; write for example 0-30%%4",
                           SHOW(max));
        rest = str_slice(rest, 0, (size_t)percent);
    }
    if (rest.len > 2 && rest.ptr[0] == '[' && rest.ptr[rest.len - 1] == ']')
        rest = str_slice(rest, 1, rest.len - 1); /* as squeue shows them */
    uint64_t pieces = 1;
    for (size_t i = 0; i < rest.len; i++)
        pieces += rest.ptr[i] == ',';
    if (pieces > SPEC_ARRAY_MAX)
        return too_many(pieces, err);
    array.range = spec_alloc(spec, pieces * sizeof *array.range);
    if (!array.range)
        return no_memory(err);
    bool sorted = true;
    uint64_t tasks = 0;
    bool empty = rest.len == 0 || rest.ptr[rest.len - 1] == ',';
    for (struct str piece; empty || str_next(&rest, ',', &piece);) {
        struct spec_range *r = &array.range[array.range_n];
        int e = read_range(empty ? value : piece, r, err);
        if (e < 0)
            return e;
        sorted = sorted && (array.range_n == 0 || r[-1].until < r->from);
        tasks += range_tasks(r);
        array.range_n++;
        if (range_tasks(r) > SPEC_ARRAY_MAX || (sorted && tasks > SPEC_ARRAY_MAX))
            return too_many(tasks, err);
    }
    array.tasks = (uint32_t)tasks;
    if (!sorted) {
        int e = normalise(spec, &array, err);
        if (e < 0)
            return e;
    }
    *(struct spec_array *)field = array;
    return 0;
}

void print_array(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    const struct spec_array *array = field;
    for (uint32_t i = 0; i < array->range_n; i++) {
        const struct spec_range *r = &array->range[i];
        if (i > 0)
            buf_char(out, ',');
        buf_u64(out, r->from);
        if (r->until != r->from) {
            buf_char(out, '-');
            buf_u64(out, r->until);
        }
        if (r->step > 1) {
            buf_char(out, ':');
            buf_u64(out, r->step);
        }
    }
    if (array->max > 0) {
        buf_char(out, '%');
        buf_u64(out, array->max);
    }
}

/* --- dependencies ----------------------------------------------------------------------------- */

static const char *const dep_words[] = {
#define X(constant, word) word,
    SPEC_DEP_LIST(X)
#undef X
};
_Static_assert(COUNT(dep_words) == SPEC_DEP_KIND_COUNT, "one word a kind");

static int bad_dep(struct str piece, struct err *err)
{
    return err_set(err, E_INVALID,
                   "\"%s\" is not a dependency; write for example afterok:12, afterany:12:13 or singleton",
                   SHOW(piece));
}

/* "12", "12_3", "12+5" (minutes, only behind "after") */
static int read_dep_job(struct str job, uint32_t kind, struct str piece, struct spec_dep *ret,
                        struct err *err)
{
    struct spec_dep dep = { .kind = kind, .task = -1 };
    ptrdiff_t plus = str_find(job, '+');
    if (plus >= 0) {
        if (kind != SPEC_AFTER ||
            read_u32(str_slice(job, (size_t)plus + 1, job.len), 60 * 24 * 3660, &dep.delay_min) < 0)
            return err_set(err, E_INVALID,
                           "\"%s\": +MINUTES can only stand behind after:, for example after:12+30",
                           SHOW(piece));
        job = str_slice(job, 0, (size_t)plus);
    }
    ptrdiff_t line = str_find(job, '_');
    if (line >= 0) {
        uint32_t task;
        struct str index = str_slice(job, (size_t)line + 1, job.len);
        if (str_is(index, "*"))
            dep.task = -1; /* the whole array, as squeue writes it */
        else if (read_u32(index, SPEC_ARRAY_INDEX_MAX, &task) < 0)
            return bad_dep(piece, err);
        else
            dep.task = task;
        job = str_slice(job, 0, (size_t)line);
    }
    if (read_u32(job, UINT32_MAX, &dep.job) < 0 || dep.job == 0)
        return bad_dep(piece, err);
    *ret = dep;
    return 0;
}

static int read_dep(struct str piece, struct spec_deps *deps, struct err *err)
{
    struct str rest = piece;
    struct str word;
    if (piece.len == 0 || piece.ptr[piece.len - 1] == ':' || !str_next(&rest, ':', &word))
        return bad_dep(piece, err);
    uint32_t kind = 0;
    while (kind < SPEC_DEP_KIND_COUNT && !str_is_nocase(word, dep_words[kind]))
        kind++;
    uint32_t number;
    if (kind == SPEC_DEP_KIND_COUNT && read_u32(word, UINT32_MAX, &number) == 0)
        return err_set(err, E_INVALID,
                       "\"%s\" does not say which end of the job to wait for; write afterok:%u",
                       SHOW(piece), number);
    if (kind == SPEC_DEP_KIND_COUNT || (kind == SPEC_SINGLETON) != (rest.len == 0))
        return bad_dep(piece, err);
    bool once = kind == SPEC_SINGLETON;
    struct str job;
    while (once || str_next(&rest, ':', &job)) {
        if (deps->n == SPEC_DEPS_MAX)
            return err_set(err, E_TOO_LARGE, "a job can wait for at most %u others", SPEC_DEPS_MAX);
        struct spec_dep *dep = &deps->dep[deps->n];
        if (once) {
            *dep = (struct spec_dep){ .kind = kind, .task = -1 };
            once = false;
        } else {
            int r = read_dep_job(job, kind, piece, dep, err);
            if (r < 0)
                return r;
        }
        deps->n++;
    }
    return 0;
}

int read_deps(struct spec *spec, void *field, const struct option_def *def, struct str value,
              struct err *err)
{
    (void)def;
    struct spec_dep found[SPEC_DEPS_MAX];
    struct spec_deps deps = { .dep = found };
    deps.any = str_find(value, '?') >= 0;
    if (deps.any && str_find(value, ',') >= 0)
        return err_set(err, E_INVALID,
                       "\"%s\" mixes \",\" (all of them) and \"?\" (any of them); use one", SHOW(value));
    struct str rest = value;
    char separator = deps.any ? '?' : ',';
    if (value.len == 0 || value.ptr[value.len - 1] == separator)
        return bad_dep(value, err);
    for (struct str piece; str_next(&rest, separator, &piece);) {
        int r = read_dep(piece, &deps, err);
        if (r < 0)
            return r;
    }
    deps.dep = spec_alloc(spec, deps.n * sizeof *deps.dep);
    if (!deps.dep)
        return no_memory(err);
    memcpy(deps.dep, found, deps.n * sizeof *deps.dep);
    *(struct spec_deps *)field = deps;
    return 0;
}

void print_deps(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    const struct spec_deps *deps = field;
    for (uint32_t i = 0; i < deps->n; i++) {
        const struct spec_dep *dep = &deps->dep[i];
        if (i > 0)
            buf_char(out, deps->any ? '?' : ',');
        buf_c(out, dep_words[dep->kind]);
        if (dep->kind == SPEC_SINGLETON)
            continue;
        buf_char(out, ':');
        buf_u64(out, dep->job);
        if (dep->task >= 0) {
            buf_char(out, '_');
            buf_i64(out, dep->task);
        }
        if (dep->delay_min > 0) {
            buf_char(out, '+');
            buf_u64(out, dep->delay_min);
        }
    }
}

/* --- GPUs ------------------------------------------------------------------------------------- */

static bool is_type(struct str type)
{
    for (size_t i = 0; i < type.len; i++) {
        char c = type.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-' || c == '.'))
            return false;
    }
    return type.len > 0 && type.len <= 64 && type.ptr[0] != '-';
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

/* "2", "a100:2", "a100"; `whole` is what the person wrote. */
static int read_gpu_count(struct spec *spec, struct str value, struct str whole,
                          struct spec_gpus *ret, struct err *err)
{
    struct spec_gpus gpus = { .n = 1 };
    ptrdiff_t colon = str_find(value, ':');
    struct str n = colon < 0 ? value : str_slice(value, (size_t)colon + 1, value.len);
    struct str type = colon < 0 ? STR("") : str_slice(value, 0, (size_t)colon);
    bool number = n.len > 0 && n.ptr[0] >= '0' && n.ptr[0] <= '9' &&
        str_find(n, ':') < 0 && read_u32(n, UINT32_MAX, &gpus.n) == 0;
    if (!number && colon < 0 && all_digits(value))
        return err_set(err, E_TOO_LARGE, "\"%s\" is more GPUs than any machine has", SHOW(whole));
    if (!number && colon < 0 && is_type(value)) {
        type = value; /* one of that type */
        number = true;
    }
    if (!number || (colon >= 0 && !is_type(type)))
        return err_set(err, E_INVALID,
                       "\"%s\" is not a number of GPUs; write for example 2 or a100:2", SHOW(whole));
    if (gpus.n > SPEC_GPUS_MAX)
        return err_set(err, E_TOO_LARGE, "%u GPUs are more than any machine has", gpus.n);
    if (spec_copy(spec, type, &gpus.type) < 0)
        return no_memory(err);
    *ret = gpus;
    return 0;
}

static int two_types(struct str value, struct err *err)
{
    return err_set(err, E_INVALID,
                   "\"%s\" asks for two kinds at once; a job gets GPUs of one type", SHOW(value));
}

int read_gpus(struct spec *spec, void *field, const struct option_def *def, struct str value,
              struct err *err)
{
    (void)def;
    if (str_find(value, ',') >= 0)
        return two_types(value, err);
    return read_gpu_count(spec, value, value, field, err);
}

void print_gpus(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    const struct spec_gpus *gpus = field;
    if (gpus->type.len > 0) {
        buf_str(out, gpus->type);
        buf_char(out, ':');
    }
    buf_u64(out, gpus->n);
}

int read_gres(struct spec *spec, void *field, const struct option_def *def, struct str value,
              struct err *err)
{
    (void)def;
    if (str_is_nocase(value, "none")) {
        *(struct spec_gpus *)field = (struct spec_gpus){ 0 };
        return 0;
    }
    if (str_find(value, ',') >= 0)
        return two_types(value, err);
    struct str rest = value;
    if (str_starts(rest, "gres:") || str_starts(rest, "gres/"))
        rest = str_slice(rest, 5, rest.len);
    struct str name = STR("");
    if (!str_next(&rest, ':', &name) || !str_is(name, "gpu"))
        return err_set(err, E_INVALID,
                       "\"%s\" is not something to give out here; write gpu:2 or gpu:a100:2",
                       SHOW(value));
    return read_gpu_count(spec, value.len == 3 ? STR("1") : rest, value, field, err);
}

void print_gres(struct buf *out, const void *field, const struct option_def *def)
{
    buf_c(out, "gpu:");
    print_gpus(out, field, def);
}

/* --- mail ------------------------------------------------------------------------------------- */

static const char *const mail_words[] = {
#define X(constant, word) word,
    SPEC_MAIL_LIST(X)
#undef X
};
_Static_assert(COUNT(mail_words) == SPEC_MAIL_COUNT && SPEC_MAIL_COUNT < 32, "one bit a word");

int read_mail(struct spec *spec, void *field, const struct option_def *def, struct str value,
              struct err *err)
{
    (void)spec, (void)def;
    uint32_t mask = 0;
    struct str rest = value;
    for (struct str piece; str_next(&rest, ',', &piece);) {
        piece = str_trim(piece);
        uint32_t i = 0;
        while (i < SPEC_MAIL_COUNT && !str_is_nocase(piece, mail_words[i]))
            i++;
        if (i < SPEC_MAIL_COUNT)
            mask |= 1u << i;
        else if (str_is_nocase(piece, "ALL"))
            mask |= 1u << SPEC_MAIL_BEGIN | 1u << SPEC_MAIL_END | 1u << SPEC_MAIL_FAIL |
                1u << SPEC_MAIL_REQUEUE | 1u << SPEC_MAIL_INVALID_DEPEND | 1u << SPEC_MAIL_STAGE_OUT;
        else
            return err_set(err, E_INVALID,
                           "\"%s\" is not an occasion for mail; write for example BEGIN,END,FAIL or ALL",
                           SHOW(piece));
    }
    if (mask & 1u << SPEC_MAIL_NONE)
        mask = 1u << SPEC_MAIL_NONE; /* it beats the others, as in Slurm */
    if (mask == 0)
        return err_set(err, E_INVALID, "a value is missing");
    *(uint32_t *)field = mask;
    return 0;
}

void print_mail(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    uint32_t mask = *(const uint32_t *)field;
    bool first = true;
    for (uint32_t i = 0; i < SPEC_MAIL_COUNT; i++) {
        if (!(mask >> i & 1))
            continue;
        if (!first)
            buf_char(out, ',');
        buf_c(out, mail_words[i]);
        first = false;
    }
}

/* --- export ----------------------------------------------------------------------------------- */

int read_export(struct spec *spec, void *field, const struct option_def *def, struct str value,
                struct err *err)
{
    (void)def;
    struct str rest = value;
    struct environ_item item;
    unsigned words = 0;
    unsigned items = 0;
    int r;
    while ((r = environ_next(&rest, &item)) > 0) {
        items++;
        words += item.word == ENVIRON_NONE || item.word == ENVIRON_NIL;
    }
    if (r < 0)
        return err_set(err, E_INVALID,
                       "\"%s\" is not a list of variables; write for example ALL, NONE or ALL,SEED=3",
                       SHOW(value));
    if (items == 0)
        return err_set(err, E_INVALID, "a value is missing");
    if (words > 0 && items > 1)
        return err_set(err, E_INVALID, "\"%s\" says NONE or NIL and more; they stand alone",
                       SHOW(value));
    if (value.len > ENVIRON_BYTES_MAX)
        return err_set(err, E_TOO_LARGE, "the value has %zu bytes; at most %zu are possible",
                       value.len, (size_t)ENVIRON_BYTES_MAX);
    if (memchr(value.ptr, '\0', value.len))
        return err_set(err, E_INVALID, "the value holds a NUL byte");
    return spec_copy(spec, value, field) < 0 ? no_memory(err) : 0;
}

void print_export(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    buf_str(out, *(const struct str *)field);
}
