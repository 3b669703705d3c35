/* batch.c - one action on many jobs: an operation each, all of one turn, so one commit and one answer.
 *
 * Each job is judged for itself: one that refuses does not keep the others from it, and the answer
 * names it.  The operations borrow their ids from the request's body, which the batch keeps.
 */
#include <stdlib.h>
#include <string.h>

#include "web/internal.h"

struct batch {
    struct web *web;
    struct http_request *r;
    json_t *body;
    uint32_t left;    /* operations not done, and one for whoever is still adding them */
    uint32_t changed;
    bool given_up;    /* the daemon goes: nobody is answered */
    struct buf answer;
    struct json_out j; /* its "refused" array is open */
};

static void step(struct batch *b)
{
    if (--b->left > 0)
        return;
    out_end(&b->j);
    out_put_u64(&b->j, "changed", b->changed);
    out_end(&b->j);
    if (b->given_up)
        buf_finish(&b->answer);
    else
        web_reply_json(b->web, b->r, &b->answer);
    json_decref(b->body);
    free(b);
}

void batch_drop(struct batch *b)
{
    b->given_up = true;
    step(b);
}

static void refused(struct batch *b, struct str id, const struct err *err)
{
    out_object(&b->j);
    out_put_str(&b->j, "id", id);
    out_key(&b->j, "error");
    out_object(&b->j);
    out_put_c(&b->j, "code", err_word(err->code));
    out_put_clean(&b->j, "message", str_of(err->text));
    out_end(&b->j);
    out_end(&b->j);
}

static void answer_one(struct web_op *o)
{
    struct batch *b = o->batch;
    if (o->op.result < 0)
        refused(b, o->op.job.id, &o->op.err);
    else
        b->changed += o->op.changed;
    o->batch = NULL;
    op_free(o);
    step(b);
}

static void add(struct batch *b, struct call *c, enum op_kind kind, struct str id, bool only_failed)
{
    struct err err = { .translate = c->err.translate };
    struct web_op *o = op_new(c, kind, answer_one);
    int code = o ? 0 : err_set(&err, E_NO_MEMORY, "There is not enough memory for this request.");
    if (code == 0) {
        o->op.of_many = true;
        o->op.job.id = id;
        o->op.job.only_failed = only_failed;
        code = op_try_enqueue(o, &err);
    }
    if (code < 0) {
        op_free(o);
        refused(b, id, &err);
        return;
    }
    o->batch = b;
    b->left++;
}

static int check_ids(struct call *c, const json_t *ids)
{
    size_t n = json_array_size(ids), i;
    json_t *id;
    if (n == 0 || n > BATCH_IDS_MAX)
        return err_set(&c->err, n ? E_TOO_LARGE : E_INVALID, "One call is about 1 to %u jobs; this has %zu.",
                       BATCH_IDS_MAX, n);
    json_array_foreach((json_t *)ids, i, id)
        if (!json_is_string(id) || json_string_length(id) == 0 || json_string_length(id) >= WEB_ID_MAX)
            return err_set(&c->err, E_INVALID, "\"ids\" must be a list of job numbers as texts, such as \"12\" or \"12_3\".");
    return 0;
}

void batch_action(struct call *c)
{
    struct json_in_field f[] = { { "action", JSON_IN_STR, true, NULL },
                                 { "ids", JSON_IN_ARRAY, true, NULL },
                                 { "only", JSON_IN_STR, false, NULL } };
    enum op_kind kind = OP_CANCEL;
    json_t *body = NULL, *id;
    size_t i;
    int code = json_in_parse(c->r->body, &body, &c->err);
    if (code == 0)
        code = json_in_object(body, "request", f, 3, &c->err);
    if (code == 0)
        code = ops_find_action(json_in_str(&f[0]), &kind, &c->err);
    if (code == 0 && kind == OP_SET)
        code = err_set(&c->err, E_INVALID, "Fields are set one job at a time: POST /v1/jobs/ID/set.");
    if (code == 0 && (kind == OP_SIGNAL || kind == OP_CODE))
        code = err_set(&c->err, E_INVALID, "That is said of one job at a time: POST /v1/jobs/ID/%s.", op_word(kind));
    if (code == 0 && f[2].value && (kind != OP_REQUEUE || !str_is(json_in_str(&f[2]), "failed")))
        code = err_set(&c->err, E_INVALID, "\"only\" goes with requeue, and must be \"failed\".");
    if (code == 0)
        code = check_ids(c, f[1].value);
    struct batch *b = code == 0 ? calloc(1, sizeof *b) : NULL;
    if (code == 0 && !b)
        err_set(&c->err, E_NO_MEMORY, "There is not enough memory for this request.");
    if (!b) {
        json_decref(body);
        op_refuse_call(c, NULL, -1);
        return;
    }
    *b = (struct batch){ .web = c->web, .r = c->r, .body = body, .left = 1 };
    web_start(&b->answer, &b->j);
    out_key(&b->j, "refused");
    out_array(&b->j);
    json_array_foreach((json_t *)f[1].value, i, id)
        add(b, c, kind, (struct str){ json_string_value(id), json_string_length(id) }, f[2].value != NULL);
    step(b);
}
