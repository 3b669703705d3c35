/* policy_fifo.c - first come, first served; nobody overtakes.  Nice still orders. */
#include "core/policy.h"

static int64_t value(const struct policy_ctx *ctx, const struct class_key *key,
                     struct class_view *view)
{
    (void)ctx;
    (void)view;
    return -(int64_t)key->nice;
}

const struct policy_ops policy_fifo = { .overtakes = false, .value = value };
