/* reserve.c - see reserve.h. */
#include "daemon/reserve.h"

#include <string.h>

#include "base/utf8.h"
#include "daemon/internal.h"

#define AHEAD_MAX_US (366 * USEC_PER_DAY) /* a year: later nobody remembers it */

void reserve_name(struct buf *out, const struct reservation *r)
{
    const uint64_t parts[] = { r->name0, r->name1, r->name2, r->name3 };
    char bytes[RESERVE_NAME_MAX];
    memcpy(bytes, parts, sizeof bytes);
    buf_add(out, bytes, strnlen(bytes, sizeof bytes));
}

bool reserve_find(const struct core *core, uint32_t id, struct reservation *ret)
{
    for (uint32_t i = 0; core_reservation_get(core, i, ret); i++)
        if (ret->id == id)
            return true;
    return false;
}

static int check_times(const struct reserve_change *c, usec_t now_at, struct err *err)
{
    if (c->until_at <= now_at)
        return err_set(err, E_INVALID, "That time is already over.");
    if (c->from_at > usec_add(now_at, AHEAD_MAX_US))
        return err_by_rule(err, err_set(err, E_TOO_LARGE, "GPUs can be reserved at most a year ahead."),
                           (struct err_rule){ .rule = REFUSED_RESERVE_AHEAD, .limit = AHEAD_MAX_US, .need = c->from_at - now_at,
                                              .change_at = c->from_at - AHEAD_MAX_US });
    if (c->from_at && c->until_at <= c->from_at)
        return err_set(err, E_INVALID, "A reservation must end after it begins.");
    return 0;
}

static int add(struct daemon *d, struct op *op, person_no whom)
{
    const struct reserve_change *c = op->reserve.change;
    struct core_event ev = { .kind = EVENT_RESERVE };
    uint64_t parts[4] = { 0 };
    uint32_t type = c->model.len ? gpus_type_named(d, c->model) : 0;
    int code = check_times(c, d->now.wall_at, &op->err);
    if (code < 0)
        return code;
    if (d->gpus_n == 0)
        return err_set(&op->err, E_NOT_FOUND, "This machine has no GPU to reserve.");
    if (c->model.len && !type)
        return err_set(&op->err, E_NOT_FOUND, "No GPU here is called \"%.*s\"; \"eoul gpus\" shows their models.",
                       STR_ARG(str_slice(c->model, 0, 64)));
    if (c->name.len > RESERVE_NAME_MAX || !utf8_valid(c->name) || str_find(c->name, '\n') >= 0)
        return err_set(&op->err, E_INVALID, "A reservation's name is one line of at most %d bytes.", RESERVE_NAME_MAX);
    if (c->name.ptr && c->name.len)
        memcpy(parts, c->name.ptr, c->name.len);
    ev.reserve = (struct ev_reserve){
        .reservation = core_last_reservation(d->core) + 1, .person = whom, .gpus = c->gpus, .gpu_type = type,
        .from_at = c->from_at ? c->from_at : d->now.wall_at, .until_at = c->until_at, .name0 = parts[0],
        .name1 = parts[1], .name2 = parts[2], .name3 = parts[3] };
    code = daemon_event(d, &ev, &op->err);
    op->reserve.ret_id = ev.reserve.reservation;
    return code;
}

static int take_back(struct daemon *d, struct op *op, person_no who)
{
    const struct reserve_change *c = op->reserve.change;
    struct core_event ev = { .kind = EVENT_UNRESERVE };
    struct reservation r;
    uint64_t id = 0;
    if (str_u64(c->id, &id) < 0 || id > UINT32_MAX || !reserve_find(d->core, (uint32_t)id, &r))
        return err_set(&op->err, E_NOT_FOUND, "There is no reservation \"%.*s\"; \"eoul reserve\" lists them.",
                       STR_ARG(str_slice(c->id, 0, 32)));
    if (r.person != who && !daemon_is_operator(d, &op->peer))
        return err_by_rule(&op->err, err_set(&op->err, E_DENIED, "Reservation %u is somebody else's.", r.id),
                           (struct err_rule){ .rule = REFUSED_OTHERS });
    ev.unreserve = (struct ev_unreserve){ .reservation = r.id, .by = who };
    op->reserve.ret_id = r.id;
    return daemon_event(d, &ev, &op->err);
}

int reserve_op(struct daemon *d, struct op *op)
{
    person_no who = 0;
    int code = op->for_person.len ? people_named(d->people, d, op->for_person, &who, &op->err)
                                  : people_of_uid(d->people, d, op->peer.uid, &who, &op->err);
    if (code == 0)
        code = op->reserve.change->remove ? take_back(d, op, who) : add(d, op, who);
    op->changed = code == 0;
    return code;
}
