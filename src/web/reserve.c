/* reserve.c - GPUs that are kept for somebody: to look at, to ask for, to give back. */
#include "web/internal.h"

static void put_one(struct json_out *j, struct web *web, const struct reservation *r, const struct op_peer *peer)
{
    char memory[RESERVE_NAME_MAX + 1];
    struct buf name;
    usec_t now_at = daemon_now(web->daemon).wall_at;
    buf_init_fixed(&name, memory, sizeof memory);
    person_no me = people_find_uid(daemon_people(web->daemon), peer->uid);
    enum config_shown shown = daemon_shown(web->daemon, peer, -1, (person_no)r->person);
    if (shown == SHOWN_FULL)
        reserve_name(&name, r);
    out_put_u64(j, "id", r->id);
    out_put_clean(j, "name", buf_look(&name));
    out_put_clean(j, "person", shown == SHOWN_BUSY ? (struct str){ 0 }
                                   : str_of(people_name(daemon_people(web->daemon), (person_no)r->person)));
    out_put_bool(j, "mine", r->person == me);
    out_put_u64(j, "gpus", r->gpus);
    out_put_c(j, "model", r->gpu_type ? daemon_gpu_model(web->daemon, r->gpu_type) : "");
    out_put_at(j, "from_at", r->from_at);
    out_put_at(j, "until_at", r->until_at);
    out_put_bool(j, "active", r->from_at <= now_at && now_at < r->until_at);
}

void reserve_write(struct json_out *j, struct web *web, const struct op_peer *peer)
{
    struct reservation r;
    out_key(j, "reservations");
    out_array(j);
    for (uint32_t i = 0; core_reservation_get(daemon_core(web->daemon), i, &r); i++) {
        if (r.until_at <= daemon_now(web->daemon).wall_at)
            continue; /* goes at the next decision */
        out_object(j);
        put_one(j, web, &r, peer);
        out_end(j);
    }
    out_end(j);
}

static void reply_list(struct web *web, struct http_request *r, const struct op_peer *peer, uint32_t id)
{
    struct buf b;
    struct json_out j;
    web_start(&b, &j);
    out_put_at(&j, "now_at", daemon_now(web->daemon).wall_at);
    if (id)
        out_put_u64(&j, "id", id);
    reserve_write(&j, web, peer);
    out_end(&j);
    web_reply_json(web, r, &b);
}

void reserve_list(struct call *c) { reply_list(c->web, c->r, &c->peer, 0); }

static void answer_reserve(struct web_op *o)
{
    if (o->op.result < 0) {
        op_refuse(o, -1);
        return;
    }
    reply_list(o->web, o->r, &o->op.peer, o->op.reserve.ret_id);
    op_free(o);
}

static int take(struct call *c, struct web_op *o)
{
    enum { F_FOR, F_GPUS, F_MODEL, F_NAME, F_FROM, F_UNTIL, F_COUNT };
    struct json_in_field f[F_COUNT] = {
        [F_FOR] = { "for", JSON_IN_STR, false, NULL }, [F_GPUS] = { "gpus", JSON_IN_INT, true, NULL },
        [F_MODEL] = { "model", JSON_IN_STR, false, NULL }, [F_NAME] = { "name", JSON_IN_STR, false, NULL },
        [F_FROM] = { "from_at", JSON_IN_INT, false, NULL }, [F_UNTIL] = { "until_at", JSON_IN_INT, true, NULL },
    };
    int code = json_in_object(o->body, "request", f, F_COUNT, &c->err);
    if (code == 0)
        code = op_take_for(c, o, &f[F_FOR]);
    if (code < 0)
        return code;
    int64_t gpus = json_in_int(&f[F_GPUS], 0);
    if (gpus < 1 || gpus > CORE_GPUS_MAX)
        return err_set(&c->err, E_INVALID, "\"gpus\" must be a whole number from 1 to %d.", CORE_GPUS_MAX);
    o->reserve = (struct reserve_change){
        .gpus = (uint32_t)gpus, .model = json_in_str(&f[F_MODEL]), .name = json_in_str(&f[F_NAME]),
        .from_at = json_in_int(&f[F_FROM], 0), .until_at = json_in_int(&f[F_UNTIL], 0) };
    return 0;
}

void reserve_add(struct call *c)
{
    struct web_op *o = op_read(c, OP_RESERVE, answer_reserve, take);
    if (!o)
        return;
    o->op.reserve.change = &o->reserve;
    op_enqueue(o);
}

void reserve_action(struct call *c)
{
    struct web_op *o = op_read_remove(c, OP_RESERVE, answer_reserve);
    if (!o)
        return;
    o->reserve = (struct reserve_change){ .remove = true, .id = c->part[0] }; /* the path lives until its reply */
    o->op.reserve.change = &o->reserve;
    op_enqueue(o);
}
