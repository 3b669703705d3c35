/* boosts.c - work that an operator put before others': to look at, to ask for, to end. */
#include "web/internal.h"

void boosts_of(struct web *web, const struct boost *b, const struct op_peer *peer, struct boost_view *ret)
{
    struct people *people = daemon_people(web->daemon);
    struct core_job job = { 0 };
    struct job_info info = { .uid = (uid_t)-1 };
    struct buf reason;
    static const char *const kinds[BOOST_KIND_COUNT] = { [BOOST_JOB] = "job", [BOOST_ARRAY] = "array",
                                                         [BOOST_PERSON] = "person", [BOOST_ACCOUNT] = "account" };
    bool of_jobs = b->kind == BOOST_JOB || b->kind == BOOST_ARRAY;
    *ret = (struct boost_view){ .kind = kinds[b->kind] };
    job_id first = b->target - 1;
    if (b->kind == BOOST_PERSON)
        job.owner = (person_no)b->target;
    else if (of_jobs && core_job_after(daemon_core(web->daemon), first, &job))
        daemon_job_info(web->daemon, job.id, &info);
    enum config_shown shown = daemon_shown(web->daemon, peer, of_jobs ? (int64_t)info.uid : -1, job.owner);
    bool known = shown != SHOWN_BUSY;
    if (shown == SHOWN_FULL && b->kind == BOOST_ACCOUNT)
        snprintf(ret->of, sizeof ret->of, "%s", daemon_account_name(web->daemon, b->target));
    else if (known && b->kind == BOOST_PERSON)
        snprintf(ret->of, sizeof ret->of, "%s", people_name(people, job.owner));
    else if (known && b->kind == BOOST_ARRAY)
        snprintf(ret->of, sizeof ret->of, "%u", b->target);
    else if (known && job.id == b->target)
        view_name_id(job.id, job.array_id, job.array_index, ret->of);
    ret->by = people_name(people, (person_no)b->by);
    buf_init_fixed(&reason, ret->reason, sizeof ret->reason);
    boost_reason(&reason, b);
    buf_char(&reason, '\0');
    ret->until_at = b->until_at;
}

void boosts_write_one(struct json_out *j, struct web *web, const struct boost *b, const struct op_peer *peer)
{
    struct boost_view v;
    boosts_of(web, b, peer, &v);
    out_object(j);
    out_put_u64(j, "id", b->id);
    out_put_c(j, "kind", v.kind);
    out_put_clean(j, "of", str_of(v.of));
    out_put_clean(j, "by", str_of(v.by));
    out_put_clean(j, "reason", str_of(v.reason));
    out_put_at(j, "from_at", b->from_at);
    out_put_at(j, "until_at", b->until_at);
    out_end(j);
}

void boosts_write(struct json_out *j, struct web *web, const struct op_peer *peer)
{
    struct boost b;
    out_key(j, "boosts");
    out_array(j);
    for (uint32_t i = 0; core_boost_get(daemon_core(web->daemon), i, &b); i++)
        if (b.until_at > daemon_now(web->daemon).wall_at) /* what is over goes at the next decision */
            boosts_write_one(j, web, &b, peer);
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
    boosts_write(&j, web, peer);
    out_end(&j);
    web_reply_json(web, r, &b);
}

void boosts_list(struct call *c) { reply_list(c->web, c->r, &c->peer, 0); }

static void answer_boost(struct web_op *o)
{
    if (o->op.result < 0) {
        op_refuse(o, -1);
        return;
    }
    reply_list(o->web, o->r, &o->op.peer, o->op.boost.ret_id);
    op_free(o);
}

static int take(struct call *c, struct web_op *o)
{
    enum { F_OF, F_REASON, F_UNTIL, F_COUNT };
    struct json_in_field f[F_COUNT] = {
        [F_OF] = { "of", JSON_IN_STR, true, NULL }, [F_REASON] = { "reason", JSON_IN_STR, true, NULL },
        [F_UNTIL] = { "until_at", JSON_IN_INT, true, NULL },
    };
    int code = json_in_object(o->body, "request", f, F_COUNT, &c->err);
    if (code == 0)
        o->boost = (struct boost_change){ .of = json_in_str(&f[F_OF]), .reason = json_in_str(&f[F_REASON]),
                                          .until_at = json_in_int(&f[F_UNTIL], 0) };
    return code;
}

void boosts_add(struct call *c)
{
    struct web_op *o = op_read(c, OP_BOOST, answer_boost, take);
    if (!o)
        return;
    o->op.boost.change = &o->boost;
    op_enqueue(o);
}

void boosts_action(struct call *c)
{
    struct web_op *o = op_read_remove(c, OP_BOOST, answer_boost);
    if (!o)
        return;
    o->boost = (struct boost_change){ .remove = true, .id = c->part[0] }; /* the path lives until its reply */
    o->op.boost.change = &o->boost;
    op_enqueue(o);
}
