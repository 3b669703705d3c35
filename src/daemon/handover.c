/* handover.c - what a person was to look at and to do becomes another's, for good (OP_ME with `handover`).
 *
 * The results of their live jobs, and those they were to review, are looked at by the other; todos that they alone
 * were asked for are asked of the other, who may decline.  Jobs stay their owner's: files, limits and rights do
 * not change hands.  All of it or nothing, in one turn.
 */
#include "daemon/internal.h"

static int jobs_to(struct daemon *d, person_no from, person_no to, uint32_t *changed, struct err *err)
{
    struct core_job j;
    job_id array = 0;
    int code = 0;
    for (job_id id = 0; code == 0 && core_job_after(d->core, id, &j); id = j.id) {
        struct core_event ev = { .kind = EVENT_SET };
        if ((j.reviewer ? j.reviewer : j.owner) != from || (j.array_id && j.array_id == array))
            continue;
        array = j.array_id;
        ev.set = (struct ev_set){ .job = j.id, .scope = j.array_id != 0, .field = SET_REVIEWER,
                                  .value = to == j.owner ? 0 : to };
        code = daemon_event(d, &ev, err);
        *changed += code == 0;
    }
    return code;
}

int handover_op(struct daemon *d, struct op *op)
{
    struct str name = op->me.change->handover;
    person_no from = 0, to = people_find_name(d->people, name);
    int code = people_of_op(d->people, d, op, &from, &op->err);
    if (code == 0 && (!to || to == from))
        code = err_set(&op->err, E_NOT_FOUND, "Nobody else here is called \"%.*s\".",
                       STR_ARG(str_slice(name, 0, 64)));
    if (code == 0)
        code = state_mark(d, &op->err);
    if (code == 0)
        code = jobs_to(d, from, to, &op->changed, &op->err);
    if (code == 0)
        code = todos_handover(d, from, to, &op->changed, &op->err);
    if (d->marked_block && code < 0 && !d->broken)
        state_back(d);
    else if (d->marked_block)
        state_unmark(d);
    return code;
}
