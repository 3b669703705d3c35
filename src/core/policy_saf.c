/* policy_saf.c - smallest expected area (GPUs x run time) first: the one to compare with. */
#include "core/policy.h"

static int64_t value(const struct policy_ctx *ctx, const struct class_key *key,
                     struct class_view *view)
{
    (void)ctx;
    return policy_nice(-view->area, key->nice);
}

const struct policy_ops policy_saf = { .overtakes = true, .value = value };
