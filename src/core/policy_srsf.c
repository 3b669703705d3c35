/* policy_srsf.c - smallest remaining area first: saf, and what a job has done already counts for it.
 * With preemption the strongest order that knows nothing of people; the one blend is measured by. */
#include "core/policy.h"

static int64_t value(const struct policy_ctx *ctx, const struct class_key *key,
                     struct class_view *view)
{
    (void)ctx;
    return policy_nice(-view->area, key->nice); /* the area of the next attempt: the rest */
}

const struct policy_ops policy_srsf = { .overtakes = true, .value = value };
