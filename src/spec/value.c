/* value.c - see value.h.  The plain kinds; value_list.c has the ones with a grammar of their own. */
#include "spec/value.h"

#include <signal.h>
#include <string.h>

#include "base/utf8.h"
#include "spec/value_list.h"

struct shown value_show(struct str value)
{
    struct shown shown;
    char memory[512];
    struct buf clean;
    buf_init_fixed(&clean, memory, sizeof memory);
    utf8_clean(&clean, str_slice(value, 0, sizeof memory / 4));
    size_t len = clean.len;
    size_t most = sizeof shown.text - 4;
    if (len > most) {
        len = most;
        while (len > 0 && ((unsigned char)memory[len] & 0xC0) == 0x80)
            len--;
        memcpy(memory + len, "...", sizeof "...");
        len += 3;
    }
    memcpy(shown.text, memory, len);
    shown.text[len] = '\0';
    return shown;
}

#define SHOW(value) (value_show(value).text)

/* Digits only, whole. */
static int read_u32(struct str s, uint32_t max, uint32_t *ret)
{
    uint64_t value;
    if (str_u64(s, &value) < 0 || value > max)
        return E_INVALID;
    *ret = (uint32_t)value;
    return 0;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static size_t digits(struct str s)
{
    size_t n = 0;
    while (n < s.len && is_digit(s.ptr[n]))
        n++;
    return n;
}

/* --- words ------------------------------------------------------------------------------------ */

static int read_none(struct spec *spec, void *field, const struct option_def *def, struct str value,
                     struct err *err)
{
    (void)spec, (void)field, (void)def, (void)value, (void)err;
    return 0;
}

static void print_none(struct buf *out, const void *field, const struct option_def *def)
{
    (void)out, (void)field, (void)def;
}

/* Without a value, or with the one that print_flag writes. */
static int read_flag(struct spec *spec, void *field, const struct option_def *def, struct str value,
                     struct err *err)
{
    (void)spec, (void)def;
    if (value.len > 0 && !str_is_nocase(value, "yes"))
        return err_set(err, E_INVALID, "it takes no value, but \"%s\" was given", SHOW(value));
    *(bool *)field = true;
    return 0;
}

static void print_flag(struct buf *out, const void *field, const struct option_def *def)
{
    (void)field, (void)def;
    buf_c(out, "yes");
}

static int read_choice(struct spec *spec, void *field, const struct option_def *def,
                       struct str value, struct err *err)
{
    bool flag;
    int r = read_flag(spec, &flag, def, value, err);
    if (r == 0)
        *(uint8_t *)field = (uint8_t)def->number;
    return r;
}

struct word {
    const char *word;
    uint8_t value;
};

static int read_word(const struct word *words, size_t n, uint8_t *field, struct str value)
{
    for (size_t i = 0; i < n; i++) {
        if (str_is_nocase(value, words[i].word)) {
            *field = words[i].value;
            return 0;
        }
    }
    return E_INVALID;
}

/* The first word with that value is the canonical one. */
static void print_word(struct buf *out, const struct word *words, size_t n, uint8_t value)
{
    for (size_t i = 0; i < n; i++) {
        if (words[i].value == value) {
            buf_c(out, words[i].word);
            return;
        }
    }
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct word yes_no[] = { { "yes", SPEC_YES }, { "no", SPEC_NO } };

static int read_yes_no(struct spec *spec, void *field, const struct option_def *def,
                       struct str value, struct err *err)
{
    (void)spec, (void)def;
    if (read_word(yes_no, COUNT(yes_no), field, value) == 0)
        return 0;
    return err_set(err, E_INVALID, "\"%s\" is neither yes nor no", SHOW(value));
}

static void print_yes_no(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    print_word(out, yes_no, COUNT(yes_no), *(const uint8_t *)field);
}

/* Slurm looks at the first letter only; people write the words. */
static const struct word open_modes[] = {
    { "append", SPEC_OPEN_APPEND }, { "truncate", SPEC_OPEN_TRUNCATE },
    { "a", SPEC_OPEN_APPEND }, { "t", SPEC_OPEN_TRUNCATE },
};

static int read_open_mode(struct spec *spec, void *field, const struct option_def *def,
                          struct str value, struct err *err)
{
    (void)spec, (void)def;
    if (read_word(open_modes, COUNT(open_modes), field, value) == 0)
        return 0;
    return err_set(err, E_INVALID, "\"%s\" is no way to open a file; write append or truncate",
                   SHOW(value));
}

static void print_open_mode(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    print_word(out, open_modes, COUNT(open_modes), *(const uint8_t *)field);
}

static const struct word preempts[] = {
    { "never", SPEC_PREEMPT_NEVER }, { "requeue", SPEC_PREEMPT_REQUEUE },
    { "checkpoint", SPEC_PREEMPT_CHECKPOINT },
};

static int read_preempt(struct spec *spec, void *field, const struct option_def *def,
                        struct str value, struct err *err)
{
    (void)spec, (void)def;
    if (read_word(preempts, COUNT(preempts), field, value) == 0)
        return 0;
    return err_set(err, E_INVALID,
                   "\"%s\" is no way to make room; write never, requeue or checkpoint", SHOW(value));
}

static void print_preempt(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    print_word(out, preempts, COUNT(preempts), *(const uint8_t *)field);
}

static const struct word on_stalls[] = {
    { "warn", SPEC_STALL_WARN }, { "requeue", SPEC_STALL_REQUEUE }, { "fail", SPEC_STALL_FAIL },
};

static int read_on_stall(struct spec *spec, void *field, const struct option_def *def,
                         struct str value, struct err *err)
{
    (void)spec, (void)def;
    if (read_word(on_stalls, COUNT(on_stalls), field, value) == 0)
        return 0;
    return err_set(err, E_INVALID,
                   "\"%s\" is nothing to do with a job that hangs; write warn, requeue or fail",
                   SHOW(value));
}

static void print_on_stall(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    print_word(out, on_stalls, COUNT(on_stalls), *(const uint8_t *)field);
}

/* mcs and topo speak of clusters: the machine is taken whole. */
static const struct word exclusives[] = {
    { "", SPEC_EXCLUSIVE }, { "user", SPEC_EXCLUSIVE_USER }, { "yes", SPEC_EXCLUSIVE },
    { "mcs", SPEC_EXCLUSIVE }, { "topo", SPEC_EXCLUSIVE },
};

static int read_exclusive(struct spec *spec, void *field, const struct option_def *def,
                          struct str value, struct err *err)
{
    (void)spec, (void)def;
    if (read_word(exclusives, COUNT(exclusives), field, value) == 0)
        return 0;
    return err_set(err, E_INVALID, "\"%s\" is not known; write --exclusive or --exclusive=user",
                   SHOW(value));
}

static void print_exclusive(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    print_word(out, exclusives, COUNT(exclusives), *(const uint8_t *)field);
}

/* --- text ------------------------------------------------------------------------------------- */

static int read_line(struct spec *spec, struct str *field, struct str value, size_t max,
                     struct err *err)
{
    if (value.len == 0)
        return err_set(err, E_INVALID, "a value is missing");
    if (value.len > max)
        return err_set(err, E_TOO_LARGE, "the value has %zu bytes; at most %zu are possible",
                       value.len, max);
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < 0x20 || value.ptr[i] == 0x7F)
            return err_set(err, E_INVALID, "\"%s\" holds a control character", SHOW(value));
    int r = spec_copy(spec, value, field);
    return r < 0 ? err_set(err, r, "there is not enough memory for this request") : 0;
}

static int read_text(struct spec *spec, void *field, const struct option_def *def, struct str value,
                     struct err *err)
{
    (void)def;
    return read_line(spec, field, value, SPEC_TEXT_MAX, err);
}

static int read_name(struct spec *spec, void *field, const struct option_def *def, struct str value,
                     struct err *err)
{
    (void)def;
    return read_line(spec, field, value, SPEC_NAME_MAX, err);
}

static void print_text(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    buf_str(out, *(const struct str *)field);
}

static void print_name(struct buf *out, const void *field, const struct option_def *def)
{
    print_text(out, field, def);
}

static int copy_bytes(struct spec *spec, struct str value, struct str *ret, struct err *err)
{
    if (memchr(value.ptr ? value.ptr : "", '\0', value.len))
        return err_set(err, E_INVALID, "the value holds a NUL byte");
    int r = spec_copy(spec, value, ret);
    return r == E_TOO_LARGE
        ? err_set(err, r, "the request is too large; all its text together may have %u bytes",
                  SPEC_BYTES_MAX)
        : r < 0 ? err_set(err, r, "there is not enough memory for this request") : 0;
}

static int read_bytes(struct spec *spec, void *field, const struct option_def *def,
                      struct str value, struct err *err)
{
    (void)def;
    return copy_bytes(spec, value, field, err);
}

static void print_bytes(struct buf *out, const void *field, const struct option_def *def)
{
    print_text(out, field, def);
}

/* Lists grow by doubling; the row's number is how long they may become. */
static int read_list(struct spec *spec, void *field, const struct option_def *def, struct str value,
                     struct err *err)
{
    struct spec_list *list = field;
    if (list->n >= def->number)
        return err_set(err, E_TOO_LARGE, "there are more than %u of them", def->number);
    if ((list->n & (list->n - 1)) == 0) { /* full: 0, 1, 2, 4, ... */
        struct str *more = spec_alloc(spec, (list->n ? 2 * (size_t)list->n : 1) * sizeof *more);
        if (!more)
            return err_set(err, E_NO_MEMORY, "there is not enough memory for this request");
        if (list->n > 0)
            memcpy(more, list->item, list->n * sizeof *more);
        list->item = more;
    }
    int r = copy_bytes(spec, value, &list->item[list->n], err);
    if (r == 0)
        list->n++;
    return r;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static int read_between(void *field, struct str value, uint32_t min, uint32_t max, struct err *err)
{
    uint32_t number;
    if (read_u32(value, max, &number) < 0 || number < min)
        return err_set(err, E_INVALID, "\"%s\" is not a number from %u to %u", SHOW(value), min,
                       max);
    *(uint32_t *)field = number;
    return 0;
}

static int read_count(struct spec *spec, void *field, const struct option_def *def,
                      struct str value, struct err *err)
{
    (void)spec;
    return read_between(field, value, 1, def->number, err);
}

static int read_number(struct spec *spec, void *field, const struct option_def *def,
                       struct str value, struct err *err)
{
    (void)spec;
    return read_between(field, value, 0, def->number, err);
}

static void print_number(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    buf_u64(out, *(const uint32_t *)field);
}

static void print_count(struct buf *out, const void *field, const struct option_def *def)
{
    print_number(out, field, def);
}

static int read_octal(struct spec *spec, void *field, const struct option_def *def,
                      struct str value, struct err *err)
{
    (void)spec, (void)def;
    uint32_t mask = 0;
    bool ok = value.len > 0 && value.len <= 4;
    for (size_t i = 0; ok && i < value.len; i++) {
        ok = value.ptr[i] >= '0' && value.ptr[i] <= '7';
        mask = mask * 8 + (uint32_t)(value.ptr[i] - '0');
    }
    if (!ok || mask > 0777)
        return err_set(err, E_INVALID, "\"%s\" is not an octal number up to 0777", SHOW(value));
    *(uint32_t *)field = mask;
    return 0;
}

static void print_octal(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    uint32_t mask = *(const uint32_t *)field;
    for (int shift = 9; shift >= 0; shift -= 3)
        buf_char(out, (char)('0' + (mask >> shift & 7)));
}

#define NICE_DEFAULT 100        /* a bare --nice, as in Slurm */
#define NICE_MAX     2147483645 /* Slurm's range, both ways */

static int read_nice(struct spec *spec, void *field, const struct option_def *def, struct str value,
                     struct err *err)
{
    (void)spec, (void)def;
    int64_t nice = NICE_DEFAULT;
    if (value.len > 0 && (str_i64(value, &nice) < 0 || nice < -NICE_MAX || nice > NICE_MAX))
        return err_set(err, E_INVALID, "\"%s\" is not a whole number; write for example 100",
                       SHOW(value));
    *(int32_t *)field = (int32_t)nice;
    return 0;
}

static void print_nice(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    buf_i64(out, *(const int32_t *)field);
}

int value_read_mib(struct str value, uint64_t *ret_mib, struct err *err)
{
    size_t n = digits(value);
    struct str unit = str_slice(value, n, value.len);
    if (unit.len == 2 && (unit.ptr[1] == 'B' || unit.ptr[1] == 'b'))
        unit.len = 1; /* 64GB */
    uint64_t number;
    uint64_t scale = 1; /* in MiB */
    uint64_t shrink = 1;
    int r = str_u64(str_slice(value, 0, n), &number);
    if (unit.len == 0 || str_is_nocase(unit, "M"))
        scale = 1;
    else if (str_is_nocase(unit, "K"))
        shrink = 1024;
    else if (str_is_nocase(unit, "G"))
        scale = 1024;
    else if (str_is_nocase(unit, "T"))
        scale = 1024 * 1024;
    else
        r = E_INVALID;
    if (r < 0)
        return err_set(err, E_INVALID,
                       "\"%s\" is not an amount of memory; write for example 512M, 64G or 1T",
                       SHOW(value));
    if (number > SPEC_MIB_MAX * shrink / scale)
        return err_set(err, E_TOO_LARGE, "\"%s\" is more memory than any machine has", SHOW(value));
    *ret_mib = (number * scale + shrink - 1) / shrink; /* K is rounded up, as in Slurm */
    return 0;
}

static int read_mib(struct spec *spec, void *field, const struct option_def *def, struct str value,
                    struct err *err)
{
    (void)spec, (void)def;
    return value_read_mib(value, field, err);
}

static void print_mib(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    buf_u64(out, *(const uint64_t *)field);
    buf_char(out, 'M');
}

/* --- times ------------------------------------------------------------------------------------ */

/* Slurm's six forms: M, M:S, H:M:S, D-H, D-H:M, D-H:M:S.  Returns seconds, or -1. */
static int64_t read_clock(struct str value)
{
    struct str rest = value;
    uint64_t days = 0;
    ptrdiff_t dash = str_find(value, '-');
    if (dash >= 0) {
        if (str_u64(str_slice(value, 0, (size_t)dash), &days) < 0)
            return -1;
        rest = str_slice(value, (size_t)dash + 1, value.len);
    }
    uint64_t part[3] = { 0 };
    int n = 0;
    if (rest.len > 0 && rest.ptr[rest.len - 1] == ':')
        return -1;
    for (struct str piece; str_next(&rest, ':', &piece); n++)
        if (n == 3 || str_u64(piece, &part[n]) < 0)
            return -1;
    if (n == 0)
        return -1;
    const uint64_t most = (uint64_t)SPEC_TIME_MAX_US; /* far above: the caller compares */
    if (days > most || part[0] > most || part[1] > most || part[2] > most)
        return INT64_MAX;
    __int128 seconds;
    if (dash >= 0)
        seconds = (__int128)days * 86400 + (__int128)part[0] * 3600 + (__int128)part[1] * 60 + part[2];
    else if (n == 3)
        seconds = (__int128)part[0] * 3600 + (__int128)part[1] * 60 + part[2];
    else
        seconds = (__int128)part[0] * 60 + part[1];
    return seconds > INT64_MAX ? INT64_MAX : (int64_t)seconds;
}

int value_read_time(struct str value, usec_t *ret_us, struct err *err)
{
    if (str_is_nocase(value, "unlimited") || str_is_nocase(value, "infinite") ||
        str_is(value, "-1")) {
        *ret_us = USEC_NEVER;
        return 0;
    }
    int64_t seconds = read_clock(value);
    usec_t meant_us;
    if (seconds < 0 && value_read_length(value, &meant_us, NULL) == 0) {
        long long meant = (long long)(meant_us / USEC_PER_SEC);
        return err_set(err, E_INVALID, "\"%1$s\" is not how Slurm writes a time; write %2$lld:%3$02lld:%4$02lld for it",
                       SHOW(value), meant / 3600, meant / 60 % 60, meant % 60);
    }
    if (seconds < 0)
        return err_set(err, E_INVALID,
                       "\"%s\" is not a time; write minutes, HH:MM:SS or D-HH:MM:SS", SHOW(value));
    if (seconds > SPEC_TIME_MAX_US / USEC_PER_SEC)
        return err_set(err, E_TOO_LARGE,
                       "\"%s\" is more than ten years; write unlimited for no limit", SHOW(value));
    *ret_us = seconds == 0 ? USEC_NEVER : seconds * USEC_PER_SEC; /* 0 asks for no limit */
    return 0;
}

static int read_time(struct spec *spec, void *field, const struct option_def *def, struct str value,
                     struct err *err)
{
    (void)spec, (void)def;
    return value_read_time(value, field, err);
}

static void two_digits(struct buf *out, uint64_t value)
{
    if (value < 10)
        buf_char(out, '0');
    buf_u64(out, value);
}

void value_print_time(struct buf *out, usec_t us)
{
    if (us == USEC_NEVER) {
        buf_c(out, "UNLIMITED");
        return;
    }
    uint64_t seconds = (uint64_t)(us / USEC_PER_SEC);
    if (seconds >= 86400) {
        buf_u64(out, seconds / 86400);
        buf_char(out, '-');
    }
    two_digits(out, seconds % 86400 / 3600);
    buf_char(out, ':');
    two_digits(out, seconds % 3600 / 60);
    buf_char(out, ':');
    two_digits(out, seconds % 60);
}

static void print_time(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    value_print_time(out, *(const usec_t *)field);
}

static usec_t unit_us(char c)
{
    switch (c) {
    case 's': return USEC_PER_SEC;
    case 'm': return USEC_PER_MIN;
    case 'h': return USEC_PER_HOUR;
    case 'd': return USEC_PER_DAY;
    case 'w': return 7 * USEC_PER_DAY;
    default: return 0;
    }
}

int value_read_length(struct str value, usec_t *ret_us, struct err *err)
{
    struct str rest = value;
    __int128 sum = 0;
    usec_t last = USEC_NEVER;
    while (rest.len > 0) { /* 1h30m: units get smaller */
        size_t n = digits(rest);
        uint64_t number;
        usec_t unit = n < rest.len ? unit_us(rest.ptr[n]) : 0;
        if (str_u64(str_slice(rest, 0, n), &number) < 0 || unit == 0 || unit >= last)
            break;
        sum += (__int128)number * unit;
        last = unit;
        rest = str_slice(rest, n + 1, rest.len);
        if (sum > SPEC_TIME_MAX_US)
            return err_set(err, E_TOO_LARGE, "\"%s\" is more than ten years", SHOW(value));
    }
    if (rest.len > 0 || sum == 0)
        return err_set(err, E_INVALID,
                       "\"%s\" is not a length of time; write for example 20m, 6h or 1h30m",
                       SHOW(value));
    *ret_us = (usec_t)sum;
    return 0;
}

static int read_length(struct spec *spec, void *field, const struct option_def *def,
                       struct str value, struct err *err)
{
    (void)spec;
    if (value.len == 0 && def->arg == OPTION_MAY_ARG) {
        *(usec_t *)field = (usec_t)def->number * USEC_PER_SEC;
        return 0;
    }
    return value_read_length(value, field, err);
}

/* The largest unit that says it exactly; lengths are whole seconds. */
void value_print_length(struct buf *out, usec_t us)
{
    static const char units[] = "dhms";
    for (size_t i = 0; units[i]; i++) {
        if (us % unit_us(units[i]) == 0 || units[i] == 's') {
            buf_i64(out, us / unit_us(units[i]));
            buf_char(out, units[i]);
            return;
        }
    }
}

static void print_length(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    value_print_length(out, *(const usec_t *)field);
}

/* Slurm's units behind now+N: seconds if none. */
static usec_t begin_unit(struct str word)
{
    static const struct {
        const char *word;
        usec_t us;
    } units[] = {
        { "", USEC_PER_SEC },        { "s", USEC_PER_SEC },      { "second", USEC_PER_SEC },
        { "seconds", USEC_PER_SEC }, { "sec", USEC_PER_SEC },    { "m", USEC_PER_MIN },
        { "min", USEC_PER_MIN },     { "minute", USEC_PER_MIN }, { "minutes", USEC_PER_MIN },
        { "h", USEC_PER_HOUR },      { "hour", USEC_PER_HOUR },  { "hours", USEC_PER_HOUR },
        { "d", USEC_PER_DAY },       { "day", USEC_PER_DAY },    { "days", USEC_PER_DAY },
        { "w", 7 * USEC_PER_DAY },   { "week", 7 * USEC_PER_DAY }, { "weeks", 7 * USEC_PER_DAY },
    };
    for (size_t i = 0; i < COUNT(units); i++)
        if (str_is_nocase(word, units[i].word))
            return units[i].us;
    return 0;
}

int value_read_begin(struct str value, usec_t now_at, usec_t *ret_at, struct err *err)
{
    uint64_t number;
    if (value.len > 1 && value.ptr[0] == '@') {
        if (str_u64(str_slice(value, 1, value.len), &number) < 0 || number > UINT32_MAX * UINT64_C(4))
            return err_set(err, E_INVALID, "\"%s\" is not @ and seconds since 1970", SHOW(value));
        *ret_at = (usec_t)number * USEC_PER_SEC;
        return 0;
    }
    if (value.len < 3 || !str_is_nocase(str_slice(value, 0, 3), "now"))
        return E_UNSUPPORTED;
    struct str rest = str_trim(str_slice(value, 3, value.len));
    if (rest.len == 0) {
        *ret_at = now_at;
        return 0;
    }
    usec_t unit = 0;
    if (rest.ptr[0] == '+') {
        rest = str_trim(str_slice(rest, 1, rest.len));
        size_t n = digits(rest);
        if (str_u64(str_slice(rest, 0, n), &number) == 0)
            unit = begin_unit(str_trim(str_slice(rest, n, rest.len)));
    }
    if (unit == 0)
        return err_set(err, E_INVALID,
                       "\"%s\" is not a time; write for example now+30minutes or now+2hours",
                       SHOW(value));
    if (number > (uint64_t)(SPEC_TIME_MAX_US / unit))
        return err_set(err, E_TOO_LARGE, "\"%s\" is more than ten years", SHOW(value));
    *ret_at = usec_add(now_at, (usec_t)number * unit);
    return 0;
}

static int read_begin(struct spec *spec, void *field, const struct option_def *def,
                      struct str value, struct err *err)
{
    usec_t ignored;
    int r = value_read_begin(value, 0, &ignored, err);
    return r < 0 && r != E_UNSUPPORTED ? r : read_text(spec, field, def, value, err);
}

static void print_begin(struct buf *out, const void *field, const struct option_def *def)
{
    print_text(out, field, def);
}

/* --- small compounds -------------------------------------------------------------------------- */

/* N, N-M; Slurm also knows N-M:step and lists, which mean nothing on one machine. */
static int read_nodes(struct spec *spec, void *field, const struct option_def *def,
                      struct str value, struct err *err)
{
    (void)spec;
    struct spec_nodes nodes = { 0 };
    ptrdiff_t dash = str_find(value, '-');
    size_t end = dash < 0 ? value.len : (size_t)dash;
    if (read_u32(str_slice(value, 0, end), def->number, &nodes.min) < 0 || nodes.min == 0 ||
        (dash >= 0 &&
         (read_u32(str_slice(value, end + 1, value.len), def->number, &nodes.max) < 0 ||
          nodes.max < nodes.min)))
        return err_set(err, E_INVALID, "\"%s\" is not a number of machines; write 1", SHOW(value));
    *(struct spec_nodes *)field = nodes;
    return 0;
}

static void print_nodes(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    const struct spec_nodes *nodes = field;
    buf_u64(out, nodes->min);
    if (nodes->max > 0) {
        buf_char(out, '-');
        buf_u64(out, nodes->max);
    }
}

static const struct {
    const char *name;
    uint32_t number;
} signals[] = {
    { "HUP", SIGHUP },   { "INT", SIGINT },   { "QUIT", SIGQUIT }, { "ABRT", SIGABRT },
    { "KILL", SIGKILL }, { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "ALRM", SIGALRM },
    { "TERM", SIGTERM }, { "CONT", SIGCONT }, { "STOP", SIGSTOP }, { "TSTP", SIGTSTP },
    { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU }, { "URG", SIGURG },   { "XCPU", SIGXCPU },
    { "PIPE", SIGPIPE }, { "WINCH", SIGWINCH },
};

uint32_t value_signal_number(struct str name)
{
    uint32_t number;
    if (read_u32(name, 64, &number) == 0)
        return number;
    if (name.len > 3 && str_is_nocase(str_slice(name, 0, 3), "SIG"))
        name = str_slice(name, 3, name.len);
    for (size_t i = 0; i < COUNT(signals); i++)
        if (str_is_nocase(name, signals[i].name))
            return signals[i].number;
    return 0;
}

const char *value_signal_name(uint32_t number)
{
    for (size_t i = 0; i < COUNT(signals); i++)
        if (signals[i].number == number)
            return signals[i].name;
    return NULL;
}

#define SIGNAL_BEFORE_S   60    /* Slurm's default */
#define SIGNAL_BEFORE_MAX 65535 /* Slurm's largest */

static int read_signal(struct spec *spec, void *field, const struct option_def *def,
                       struct str value, struct err *err)
{
    (void)spec, (void)def;
    struct spec_signal s = { .before_s = SIGNAL_BEFORE_S };
    struct str rest = value;
    ptrdiff_t colon = str_find(rest, ':');
    if (colon >= 0) { /* R: is about reservations: nothing here to do differently */
        for (size_t i = 0; i < (size_t)colon; i++) {
            char c = rest.ptr[i];
            if (c == 'B' || c == 'b')
                s.batch = true;
            else if (c != 'R' && c != 'r')
                goto wrong;
        }
        rest = str_slice(rest, (size_t)colon + 1, rest.len);
    }
    ptrdiff_t at = str_find(rest, '@');
    if (at >= 0 &&
        read_u32(str_slice(rest, (size_t)at + 1, rest.len), SIGNAL_BEFORE_MAX, &s.before_s) < 0)
        goto wrong;
    s.number = value_signal_number(at < 0 ? rest : str_slice(rest, 0, (size_t)at));
    if (s.number == 0)
        goto wrong;
    *(struct spec_signal *)field = s;
    return 0;
wrong:
    return err_set(err, E_INVALID,
                   "\"%s\" is not a signal and a time; write for example USR1@120 or B:TERM@60",
                   SHOW(value));
}

static void print_signal(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    const struct spec_signal *s = field;
    if (s->batch)
        buf_c(out, "B:");
    const char *name = value_signal_name(s->number);
    if (name)
        buf_c(out, name);
    else
        buf_u64(out, s->number);
    buf_char(out, '@');
    buf_u64(out, s->before_s);
}

static int read_review(struct spec *spec, void *field, const struct option_def *def,
                       struct str value, struct err *err)
{
    (void)def;
    ptrdiff_t colon = -1;
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] == ':')
            colon = (ptrdiff_t)i; /* the last one: names may hold anything */
    if (colon <= 0)
        return err_set(err, E_INVALID,
                       "\"%s\" does not say who looks and for how long; write for example minji:20m",
                       SHOW(value));
    struct spec_review review;
    int r = value_read_length(str_slice(value, (size_t)colon + 1, value.len), &review.length_us, err);
    if (r < 0)
        return r;
    r = read_line(spec, &review.person, str_slice(value, 0, (size_t)colon), SPEC_NAME_MAX, err);
    if (r == 0)
        *(struct spec_review *)field = review;
    return r;
}

static void print_review(struct buf *out, const void *field, const struct option_def *def)
{
    (void)def;
    const struct spec_review *review = field;
    buf_str(out, review->person);
    buf_char(out, ':');
    value_print_length(out, review->length_us);
}

static int read_wrap(struct spec *spec, void *field, const struct option_def *def, struct str value,
                     struct err *err)
{
    (void)field, (void)def;
    return spec_set_wrap(spec, value, err);
}

/* --- the table -------------------------------------------------------------------------------- */

#define print_choice print_flag
#define print_list   print_none /* option_print_value prints lists item by item */
#define print_wrap   print_none /* its script is printed */

#define SIZE_none 0
#define SIZE_flag sizeof(bool)
#define SIZE_choice sizeof(uint8_t)
#define SIZE_yes_no sizeof(uint8_t)
#define SIZE_text sizeof(struct str)
#define SIZE_name sizeof(struct str)
#define SIZE_bytes sizeof(struct str)
#define SIZE_list sizeof(struct spec_list)
#define SIZE_count sizeof(uint32_t)
#define SIZE_number sizeof(uint32_t)
#define SIZE_octal sizeof(uint32_t)
#define SIZE_nice sizeof(int32_t)
#define SIZE_mib sizeof(uint64_t)
#define SIZE_time sizeof(usec_t)
#define SIZE_length sizeof(usec_t)
#define SIZE_begin sizeof(struct str)
#define SIZE_array sizeof(struct spec_array)
#define SIZE_deps sizeof(struct spec_deps)
#define SIZE_gpus sizeof(struct spec_gpus)
#define SIZE_gres sizeof(struct spec_gpus)
#define SIZE_nodes sizeof(struct spec_nodes)
#define SIZE_signal sizeof(struct spec_signal)
#define SIZE_mail sizeof(uint32_t)
#define SIZE_export sizeof(struct str)
#define SIZE_open_mode sizeof(uint8_t)
#define SIZE_preempt sizeof(uint8_t)
#define SIZE_on_stall sizeof(uint8_t)
#define SIZE_exclusive sizeof(uint8_t)
#define SIZE_review sizeof(struct spec_review)
#define SIZE_retry sizeof(struct spec_retry)
#define SIZE_share sizeof(uint32_t)
#define SIZE_after sizeof(struct spec_after)
#define SIZE_result sizeof(struct str)
#define SIZE_wrap 0

const struct value_type value_types[VALUE_KIND_COUNT] = {
#define X(constant, word) [constant] = { SIZE_##word, read_##word, print_##word },
    VALUE_KIND_LIST(X)
#undef X
};
