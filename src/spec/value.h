/* value.h - the values options take: how each kind is read, printed and refused.
 *
 * read() writes the field only on success and leaves a sentence that says what is wrong with the value
 * and what would be right; the caller puts the option's name (and line) before it.  print() writes
 * what read() reads back to the same field.  Pure.
 */
#ifndef EOUL_SPEC_VALUE_H
#define EOUL_SPEC_VALUE_H

#include "spec/option.h"

#define VALUE_KIND_LIST(X) \
    X(VALUE_NONE, none)         /* not stored */ \
    X(VALUE_FLAG, flag)         /* bool */ \
    X(VALUE_CHOICE, choice)     /* uint8_t := number of the row */ \
    X(VALUE_YES_NO, yes_no)     /* enum spec_yes_no */ \
    X(VALUE_TEXT, text)         /* struct str, up to SPEC_TEXT_MAX, no control characters */ \
    X(VALUE_NAME, name)         /* struct str, up to SPEC_NAME_MAX */ \
    X(VALUE_BYTES, bytes)       /* struct str, anything but NUL (the script) */ \
    X(VALUE_LIST, list)         /* struct spec_list; each reading adds one */ \
    X(VALUE_COUNT, count)       /* uint32_t, 1..number */ \
    X(VALUE_NUMBER, number)     /* uint32_t, 0..number */ \
    X(VALUE_OCTAL, octal)       /* uint32_t, 0..0777 */ \
    X(VALUE_NICE, nice) \
    X(VALUE_MIB, mib)           /* 64G, 512M, 2048 (MiB) */ \
    X(VALUE_TIME, time)         /* 90, 1:30:00, 2-12, unlimited */ \
    X(VALUE_LENGTH, length)     /* 20m, 6h, 1h30m */ \
    X(VALUE_BEGIN, begin)       /* text; now... is checked */ \
    X(VALUE_ARRAY, array) \
    X(VALUE_DEPS, deps) \
    X(VALUE_GPUS, gpus)         /* 2, a100:2 */ \
    X(VALUE_GRES, gres)         /* gpu:2, gpu:a100:2 */ \
    X(VALUE_NODES, nodes) \
    X(VALUE_SIGNAL, signal) \
    X(VALUE_MAIL, mail) \
    X(VALUE_EXPORT, export) \
    X(VALUE_OPEN_MODE, open_mode) \
    X(VALUE_PREEMPT, preempt) \
    X(VALUE_ON_STALL, on_stall) \
    X(VALUE_EXCLUSIVE, exclusive) \
    X(VALUE_REVIEW, review)     /* PERSON:20m */ \
    X(VALUE_RETRY, retry)       /* 3, 3:10m, 75=5,oom=0:1m */ \
    X(VALUE_SHARE, share)       /* 0.5, 50%: parts of a million */ \
    X(VALUE_AFTER, after)       /* 10%, 10m */ \
    X(VALUE_RESULT, result)     /* a pattern of marks.h */ \
    X(VALUE_WRAP, wrap)         /* makes a script */
enum value_kind {
#define X(constant, word) constant,
    VALUE_KIND_LIST(X)
#undef X
    VALUE_KIND_COUNT
};

struct value_type {
    size_t size; /* of the field */
    int (*read)(struct spec *spec, void *field, const struct option_def *def, struct str value,
                struct err *err);
    void (*print)(struct buf *out, const void *field, const struct option_def *def);
};
extern const struct value_type value_types[VALUE_KIND_COUNT];

/* A value in a sentence: cleaned for a terminal and cut. */
struct shown {
    char text[64 + 4];
};
struct shown value_show(struct str value);

int value_read_time(struct str value, usec_t *ret_us, struct err *err);
int value_read_length(struct str value, usec_t *ret_us, struct err *err);
int value_read_mib(struct str value, uint64_t *ret_mib, struct err *err);
void value_print_time(struct buf *out, usec_t us);
void value_print_length(struct buf *out, usec_t us); /* whole seconds, in the largest exact unit */
/* "now", "now+2hours", "@1795478700"; E_UNSUPPORTED without a sentence for anything else. */
int value_read_begin(struct str value, usec_t now_at, usec_t *ret_at, struct err *err);

/* Signal by name ("USR1", "SIGUSR1") or number; 0 if there is none of that name. */
uint32_t value_signal_number(struct str name);
const char *value_signal_name(uint32_t number); /* "USR1"; NULL: none that is known here */

#endif
