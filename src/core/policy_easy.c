/* policy_easy.c - first come, first served, with a reservation for the first that does not fit and
 * backfill that does not delay it (Lifka, "The ANL/IBM SP scheduling system", 1995). */
#include "core/policy.h"

static int64_t value(const struct policy_ctx *ctx, const struct class_key *key,
                     struct class_view *view)
{
    (void)ctx;
    (void)view;
    return -(int64_t)key->nice;
}

const struct policy_ops policy_easy = { .overtakes = true, .value = value };
