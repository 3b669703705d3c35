/* believed.c - see believed.h. */
#include "daemon/believed.h"

static bool near(usec_t a, usec_t b, usec_t within_us)
{
    return a <= b ? b - a <= within_us : a - b <= within_us;
}

void believed_begin(struct believed *b, usec_t last_at, usec_t wall_at, usec_t boot_at)
{
    bool gap = last_at != 0 && wall_at > last_at + BELIEVED_GAP_US;
    *b = (struct believed){ .offset_us = (gap ? last_at : wall_at) - boot_at };
}

usec_t believed_now(struct believed *b, usec_t wall_at, usec_t boot_at)
{
    usec_t offset_us = wall_at - boot_at;
    if (!near(offset_us, b->offset_us, BELIEVED_STEP_US)) {
        if (b->since_at == 0 || !near(offset_us, b->other_us, BELIEVED_STEP_US)) {
            b->other_us = offset_us;
            b->since_at = boot_at;
        }
        if (boot_at - b->since_at < BELIEVED_AFTER_US)
            return b->offset_us + boot_at;
    }
    b->offset_us = offset_us;
    b->since_at = 0;
    return wall_at;
}

usec_t believed_doubt_us(const struct believed *b, usec_t wall_at, usec_t boot_at)
{
    usec_t offset_us = wall_at - boot_at;
    return near(offset_us, b->offset_us, BELIEVED_STEP_US) ? 0 : offset_us - b->offset_us;
}
