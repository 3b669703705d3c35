/* room.h - will the disk that a job writes to last through the night?
 *
 * A job's supervisor says how much is free where its output goes (struct wire_tail); the daemon never
 * touches a directory of a person's, which might hang.  From two looks, `window_us` or more apart, comes
 * the rate at which it goes, whoever it is that writes (checkpoints are the larger part, and not output);
 * if that leaves nothing within ROOM_HORIZON_US, or less than ROOM_LEAST_MIB is left, it is worth telling
 * somebody before the night.  A disk that gets emptier starts the count anew.
 *
 * What it cannot see: a job that prints nothing (its supervisor looks when there is output), one that
 * has not started, and checkpoints that go to another file system than the output.  Pure.
 */
#ifndef EOUL_DAEMON_ROOM_H
#define EOUL_DAEMON_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"

#define ROOM_HORIZON_US (16 * USEC_PER_HOUR)  /* from the evening until somebody is back */
#define ROOM_WINDOW_US  (10 * USEC_PER_MIN)
#define ROOM_LEAST_MIB  1024u
#define ROOM_DROP_MIB   16u /* less than that in a window is no rate */

struct room_watch { /* zeroed to begin with */
    uint32_t mib;          /* free at the last look */
    usec_t from_boot_at, middle_boot_at; /* two earlier ones; 0: none */
    uint32_t from_mib, middle_mib;
    usec_t left_us;        /* until it is full, at the rate since `from`; 0: longer than the horizon */
};

void room_seen(struct room_watch *r, uint32_t mib, usec_t window_us, usec_t boot_at);
/* Worth telling? */
bool room_short(const struct room_watch *r);

#endif
