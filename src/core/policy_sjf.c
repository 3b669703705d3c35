/* policy_sjf.c - shortest expected run first. */
#include "core/policy.h"

static int64_t value(const struct policy_ctx *ctx, const struct class_key *key,
                     struct class_view *view)
{
    (void)ctx;
    return policy_nice(-view_mean_us(view), key->nice);
}

const struct policy_ops policy_sjf = { .overtakes = true, .value = value };
