/* reserve.h - `eoul reserve`: OP_RESERVE to events, and reservations as people see them.
 *
 * Anybody of the team may keep GPUs for themself; everybody sees for whom, when, how many and the name.  Who asked, or
 * whoever runs the daemon, takes one back.  The name travels in the event (the core keeps its bytes), so the journal
 * alone says all. */
#ifndef EOUL_DAEMON_RESERVE_H
#define EOUL_DAEMON_RESERVE_H

#include "base/buf.h"
#include "base/str.h"
#include "core/core.h"

#define RESERVE_NAME_MAX 32 /* bytes: four numbers of an event */

struct daemon;
struct op;

struct reserve_change {
    bool remove;
    struct str id;            /* of the one to remove */
    uint32_t gpus;
    struct str model, name;   /* may be empty */
    usec_t from_at, until_at; /* from_at 0: now */
};

int reserve_op(struct daemon *d, struct op *op); /* in a turn */
/* Appends its name, which may be empty. */
void reserve_name(struct buf *out, const struct reservation *r);
/* The reservation of this number; false: there is none. */
bool reserve_find(const struct core *core, uint32_t id, struct reservation *ret);

#endif
