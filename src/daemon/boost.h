/* boost.h - `eoul boost`: OP_BOOST to events, and boosts as people see them (core/boost.h).
 *
 * Operators alone put work before others'; everybody sees who did, why and until when.  The reason travels in the event
 * (the core keeps its bytes), so the journal alone says all. */
#ifndef EOUL_DAEMON_BOOST_H
#define EOUL_DAEMON_BOOST_H

#include "base/buf.h"
#include "base/str.h"
#include "core/core.h"

struct daemon;
struct op;

struct boost_change {
    bool remove;
    struct str id;     /* of the one to end */
    struct str of;     /* "12", "12_3", a person's name, or "account:vision" */
    struct str reason; /* one line */
    usec_t until_at;
};

int boost_op(struct daemon *d, struct op *op); /* in a turn */
/* Appends why it was given. */
void boost_reason(struct buf *out, const struct boost *b);

#endif
