/* value_list.h - the kinds of values that are lists with a grammar of their own; part of value.h. */
#ifndef EOUL_SPEC_VALUE_LIST_H
#define EOUL_SPEC_VALUE_LIST_H

#include "spec/option.h"

#define VALUE_LIST_KINDS(X) \
    X(array) X(deps) X(gpus) X(gres) X(mail) X(export) X(retry) \
    X(share) X(after) X(result)
#define X(word) \
    int read_##word(struct spec *spec, void *field, const struct option_def *def, \
                    struct str value, struct err *err); \
    void print_##word(struct buf *out, const void *field, const struct option_def *def);
VALUE_LIST_KINDS(X)
#undef X

#endif
