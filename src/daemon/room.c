/* room.c - see room.h. */
#include "daemon/room.h"

void room_seen(struct room_watch *r, uint32_t mib, usec_t window_us, usec_t boot_at)
{
    r->left_us = 0;
    r->mib = mib;
    if (!r->from_boot_at || mib > r->from_mib) {
        r->from_boot_at = boot_at;
        r->from_mib = mib;
        r->middle_boot_at = 0;
        return;
    }
    usec_t span_us = boot_at - r->from_boot_at;
    if (span_us >= window_us && !r->middle_boot_at) {
        r->middle_boot_at = boot_at;
        r->middle_mib = mib;
    }
    if (span_us >= window_us && mib + ROOM_DROP_MIB <= r->from_mib) {
        __int128 left_us = (__int128)mib * span_us / (r->from_mib - mib);
        r->left_us = left_us <= ROOM_HORIZON_US ? usec_max((usec_t)left_us, 1) : 0;
    }
    if (span_us >= 2 * window_us && r->middle_boot_at) {
        r->from_boot_at = r->middle_boot_at;
        r->from_mib = r->middle_mib;
        r->middle_boot_at = boot_at;
        r->middle_mib = mib;
    }
}

bool room_short(const struct room_watch *r)
{
    return r->from_boot_at && (r->left_us > 0 || r->mib < ROOM_LEAST_MIB);
}
