/* policy_booked.c - what a team does with a list on the wall: everybody has GPUs of their own.
 *
 * A person's jobs run in order of arrival on that person's share (dispatch.c asks policy_share); a job
 * that is wider than the share borrows, once nothing else of its owner runs and the machine has room.
 * Idle GPUs of others are not used otherwise. */
#include "core/policy.h"

static int64_t value(const struct policy_ctx *ctx, const struct class_key *key,
                     struct class_view *view)
{
    (void)ctx;
    (void)view;
    return -(int64_t)key->nice;
}

const struct policy_ops policy_booked = { .overtakes = true, .shares = true, .value = value };
