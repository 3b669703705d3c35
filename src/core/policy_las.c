/* policy_las.c - least attained service first: whoever has had the least GPU time so far goes next.
 * Needs no forecasts: short jobs are found by letting everybody begin (Gu et al., "Tiresias", 2019).
 * Without preemption it is first come, first served. */
#include "core/policy.h"

static int64_t value(const struct policy_ctx *ctx, const struct class_key *key,
                     struct class_view *view)
{
    (void)view;
    __int128 had = (__int128)key->done_us * policy_width_milli(ctx->core, key->gpus, key->cpus);
    int64_t value = had > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)had;
    return policy_nice(-value, key->nice) - key->nice;
}

const struct policy_ops policy_las = { .overtakes = true, .value = value };
