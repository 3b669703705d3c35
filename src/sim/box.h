/* box.h - a core and the block it lives in.
 *
 * core_box_step is what every shell does with an event: ask core_check, grow the block if that is what
 * it says, step.  The box owns the block and the room for updates; updates are lent until the next
 * step.  core_box_finish accepts a zeroed box.
 */
#ifndef EOUL_SIM_BOX_H
#define EOUL_SIM_BOX_H

#include "core/core.h"

struct core_box {
    struct core *core; /* NULL: not open */
    void *block;
    struct core_limits limits;
    struct core_update *updates;
    size_t updates_size;
    uint32_t mutant; /* planted bug, set before opening; 0: none */
};

extern const struct core_limits BOX_SMALL; /* where a core starts when nothing is known: grows early */

void core_box_init(struct core_box *box, const struct core_limits *limits);
/* From core_save's text. */
int core_box_load(struct core_box *box, struct str saved, struct err *err);
void core_box_finish(struct core_box *box);

/* core_check, growing the block while that is the answer. */
int core_box_check(struct core_box *box, const struct core_event *ev, struct err *err);
/* After a check that said yes. */
const struct core_update *core_box_step(struct core_box *box, const struct core_event *ev,
                                        uint32_t *ret_n);

bool core_box_has_mutants(void);

#endif
