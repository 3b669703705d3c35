/* value_sweep.c - see value_list.h: retries by cause, and the values of a sweep's rules. */
#include "spec/value_list.h"

#include <string.h>

#include "base/utf8.h"
#include "spec/decimal.h"
#include "spec/marks.h"
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

/* --- retries ---------------------------------------------------------------------------------- */

static const char *const retry_words[] = {
#define X(constant, word) word,
    SPEC_RETRY_LIST(X)
#undef X
};
_Static_assert(COUNT(retry_words) == SPEC_RETRY_CAUSE_COUNT, "one word a cause");

static int bad_retry(struct str value, const struct option_def *def, struct err *err)
{
    return err_set(err, E_INVALID,
                   "\"%s\" is not a number of retries up to %u; write for example 3, 3:10m or "
                   "75=5,oom=0,node=3:10m",
                   SHOW(value), def->number);
}

/* What a rule is about: an exit code, a signal's name, or exit signal oom node time launch. */
static bool read_retry_cause(struct str word, struct spec_retry_rule *ret)
{
    uint32_t code;
    for (uint32_t i = 0; i < SPEC_RETRY_CAUSE_COUNT; i++)
        if (str_is_nocase(word, retry_words[i])) {
            ret->cause = (uint8_t)i;
            return true;
        }
    bool number = word.len > 0 && word.ptr[0] >= '0' && word.ptr[0] <= '9';
    ret->cause = number ? SPEC_RETRY_EXIT : SPEC_RETRY_SIGNAL;
    code = number ? 0 : value_signal_number(word);
    if (code == 0 && str_starts(word, "SIG")) /* SIG11: one that has no name here */
        code = value_signal_number(str_slice(word, 3, word.len));
    if (number && read_u32(word, 255, &code) < 0)
        return false;
    ret->code = (uint8_t)code;
    return code > 0;
}

static int read_retry_item(struct spec_retry *retry, struct str item, const struct option_def *def,
                           struct err *err)
{
    struct spec_retry_rule rule = { 0 };
    ptrdiff_t equals = str_find(item, '=');
    if (equals < 0)
        return read_u32(item, def->number, &retry->n) < 0 ? bad_retry(item, def, err) : 0;
    if (!read_retry_cause(str_slice(item, 0, (size_t)equals), &rule) ||
        read_u32(str_slice(item, (size_t)equals + 1, item.len), def->number, &rule.n) < 0)
        return bad_retry(item, def, err);
    for (uint32_t i = 0; i < retry->rules_n; i++)
        if (retry->rule[i].cause == rule.cause && retry->rule[i].code == rule.code)
            return err_set(err, E_INVALID, "\"%s\" is said twice", SHOW(item));
    if (retry->rules_n == SPEC_RETRY_RULES_MAX)
        return err_set(err, E_TOO_LARGE, "there are more than %u causes", SPEC_RETRY_RULES_MAX);
    retry->rule[retry->rules_n++] = rule;
    return 0;
}

int read_retry(struct spec *spec, void *field, const struct option_def *def,
                      struct str value, struct err *err)
{
    (void)spec;
    struct spec_retry retry = { 0 };
    ptrdiff_t colon = str_find(value, ':');
    struct str items = colon < 0 ? value : str_slice(value, 0, (size_t)colon), item;
    if (items.len == 0 || items.ptr[items.len - 1] == ',')
        return bad_retry(value, def, err);
    while (str_next(&items, ',', &item)) {
        int r = read_retry_item(&retry, item, def, err);
        if (r < 0)
            return r;
    }
    if (colon >= 0) {
        int r = value_read_length(str_slice(value, (size_t)colon + 1, value.len),
                                  &retry.backoff_us, err);
        if (r < 0)
            return r;
    }
    *(struct spec_retry *)field = retry;
    return 0;
}

static void print_retry_rule(struct buf *out, const struct spec_retry_rule *rule)
{
    const char *name = rule->cause == SPEC_RETRY_SIGNAL ? value_signal_name(rule->code) : NULL;
    if (rule->code == 0)
        buf_c(out, retry_words[rule->cause]);
    else if (name)
        buf_c(out, name);
    else {
        buf_c(out, rule->cause == SPEC_RETRY_SIGNAL ? "SIG" : "");
        buf_u64(out, rule->code);
    }
    buf_char(out, '=');
    buf_u64(out, rule->n);
}

void print_retry(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    const struct spec_retry *retry = field;
    if (retry->n > 0 || retry->rules_n == 0)
        buf_u64(out, retry->n);
    for (uint32_t i = 0; i < retry->rules_n; i++) {
        if (i > 0 || retry->n > 0)
            buf_char(out, ',');
        print_retry_rule(out, &retry->rule[i]);
    }
    if (retry->backoff_us > 0) {
        buf_char(out, ':');
        value_print_length(out, retry->backoff_us);
    }
}

/* --- of sweeps --------------------------------------------------------------------------------- */

#define MILLION 1000000

/* 0.5 or 50%, as parts of a million; 0: neither, or not between 0 and 1. */
static uint32_t share_of(struct str value, bool percent_only)
{
    struct decimal d;
    bool percent = value.len > 0 && value.ptr[value.len - 1] == '%';
    if ((percent_only && !percent) || decimal_parse(str_slice(value, 0, value.len - percent), &d) < 0)
        return 0;
    double share = decimal_double(d) / (percent ? 100 : 1);
    return share >= 1e-6 && share < 1 ? (uint32_t)(share * MILLION + 0.5) : 0;
}

static void print_percent(struct buf *out, uint32_t ppm)
{
    decimal_print(out, (struct decimal){ .m = ppm, .e = -4 });
    buf_char(out, '%');
}

int read_share(struct spec *spec, void *field, const struct option_def *def, struct str value,
                      struct err *err)
{
    (void)spec, (void)def;
    uint32_t ppm = share_of(value, false);
    if (ppm == 0 || ppm >= MILLION)
        return err_set(err, E_INVALID, "\"%s\" is not a share between 0 and 1; write for example 0.5 or 50%%",
                       SHOW(value));
    *(uint32_t *)field = ppm;
    return 0;
}

void print_share(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    print_percent(out, *(const uint32_t *)field);
}

int read_after(struct spec *spec, void *field, const struct option_def *def, struct str value,
                      struct err *err)
{
    (void)spec, (void)def;
    struct spec_after after = { .ppm = share_of(value, true) };
    uint64_t job;
    if (after.ppm == 0 && str_u64(value, &job) == 0)
        return err_set(err, E_INVALID,
                       "\"%s\" is neither a part of a run nor a time; write for example 10%% or 10m (to wait for job "
                       "%llu write --dependency afterok:%llu)", SHOW(value), (unsigned long long)job, (unsigned long long)job);
    if (after.ppm == 0 && value_read_length(value, &after.us, NULL) < 0)
        return err_set(err, E_INVALID,
                       "\"%s\" is neither a part of a run nor a time; write for example 10%% or 10m",
                       SHOW(value));
    *(struct spec_after *)field = after;
    return 0;
}

void print_after(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    const struct spec_after *after = field;
    if (after->ppm)
        print_percent(out, after->ppm);
    else
        value_print_length(out, after->us);
}

int read_result(struct spec *spec, void *field, const struct option_def *def, struct str value,
                       struct err *err)
{
    (void)def;
    int r = marks_pattern_check(value, err);
    if (r < 0)
        return r;
    if (!utf8_valid(value) || memchr(value.ptr, '\n', value.len))
        return err_set(err, E_INVALID, "a pattern for results is one line of UTF-8 text");
    r = spec_copy(spec, value, field);
    return r < 0 ? err_set(err, r, "there is not enough memory for this request") : 0;
}

void print_result(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    buf_str(out, *(const struct str *)field);
}
