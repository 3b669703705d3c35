/* ops.c - what changes something: a request becomes a struct op and is answered when it is on disk.
 *
 * The request's JSON stays in memory until then because the op borrows from it.  A client that leaves
 * meanwhile changes nothing: what it asked for is done, the answer goes nowhere.
 */
#include <assert.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "web/internal.h"

/* --- one operation under way ---------------------------------------------------------------------- */

struct web_op *op_new(struct call *c, enum op_kind kind, void (*answer)(struct web_op *))
{
    struct web_op *o = calloc(1, sizeof *o);
    if (!o) {
        err_set(&c->err, E_NO_MEMORY, "There is not enough memory for this request.");
        return NULL;
    }
    o->op.kind = kind;
    o->op.peer = c->peer;
    o->op.err.translate = c->err.translate;
    o->web = c->web;
    o->r = c->r;
    o->answer = answer;
    return o;
}

/* A body of thousands of jobs is as many small pieces, which malloc keeps: a third of the daemon's
 * memory with 10,000 jobs waiting. */
#define LARGE_ITEMS 1000u

void op_free(struct web_op *o)
{
    if (!o)
        return;
    bool large = o->op.kind == OP_SUBMIT && o->op.submit.items_n >= LARGE_ITEMS;
    if (o->batch)
        batch_drop(o->batch);
    json_decref(o->body);
    buf_finish(&o->env);
    free(o->items);
    free(o->issues);
    free(o->busy);
    free(o->form);
    free(o);
    if (large)
        (void)malloc_trim(0);
}

static void op_unlink(struct web_op *o)
{
    *(o->previous ? &o->previous->next : &o->web->ops) = o->next;
    if (o->next)
        o->next->previous = o->previous;
    o->previous = o->next = NULL;
}

static void on_done(struct op *op, void *context)
{
    struct web_op *o = context;
    (void)op;
    op_unlink(o);
    if (o->op.result < 0 && o->op.err.code != o->op.result && !o->op.err.text[0])
        err_set(&o->op.err, o->op.result, "The daemon could not do this.");
    if (o->op.result == 0)
        waits_recheck(o->web);
    o->answer(o); /* replies, and frees or enqueues again */
}

void op_refuse(struct web_op *o, int64_t item)
{
    web_reply_refusal(o->web, o->r, &o->op.err, item, o->op.refusal);
    op_free(o);
}

int op_try_enqueue(struct web_op *o, struct err *err)
{
    o->op.done = on_done;
    o->op.context = o;
    int code = daemon_enqueue(o->web->daemon, &o->op);
    if (code < 0)
        return err_set(err, code, code == E_UNAVAILABLE
                           ? "The daemon is stopping; nothing was changed."
                           : "The daemon has too much to do at this moment; try again shortly.");
    o->next = o->web->ops;
    if (o->next)
        o->next->previous = o;
    o->web->ops = o;
    return 0;
}

void op_enqueue(struct web_op *o)
{
    if (op_try_enqueue(o, &o->op.err) < 0)
        op_refuse(o, -1);
}

void ops_drop_all(struct web *web)
{
    struct web_op *next;
    for (struct web_op *o = web->ops; o; o = next) {
        next = o->next;
        op_free(o);
    }
    web->ops = NULL;
}

/* A refusal before there was an operation. */
void op_refuse_call(struct call *c, struct web_op *o, int64_t item)
{
    op_free(o);
    web_reply_error(c->web, c->r, &c->err, item);
}

int op_make_token(struct web_op *o, struct err *err)
{
    static const char letters[] = "0123456789abcdef";
    uint8_t bytes[FEED_TOKEN_BYTES];
    _Static_assert(sizeof o->place > FEED_TOKEN_TEXT && sizeof o->hash == 65, "they fit");
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return err_set(err, E_IO, "The system gives no random numbers.");
    for (int i = 0; i < FEED_TOKEN_BYTES; i++) {
        o->place[2 * i] = letters[bytes[i] >> 4];
        o->place[2 * i + 1] = letters[bytes[i] & 15];
    }
    o->place[FEED_TOKEN_TEXT] = '\0';
    feeds_hash(str_of(o->place), o->hash);
    return 0;
}

int op_take_for(struct call *c, struct web_op *o, const struct json_in_field *field)
{
    struct str name = json_in_str(field);
    if (name.len == 0)
        return 0;
    o->op.for_person = name;
    return web_may_act_for(c->web, &c->peer, &c->err);
}

struct web_op *op_read(struct call *c, enum op_kind kind, void (*answer)(struct web_op *),
                       int (*take)(struct call *, struct web_op *))
{
    struct web_op *o = op_new(c, kind, answer);
    int code = o ? json_in_parse(c->r->body, &o->body, &c->err) : E_NO_MEMORY;
    if (code == 0)
        code = take ? take(c, o) : json_in_object(o->body, "request", NULL, 0, &c->err);
    if (code == 0)
        return o;
    op_refuse_call(c, o, -1);
    return NULL;
}

struct web_op *op_read_remove(struct call *c, enum op_kind kind, void (*answer)(struct web_op *))
{
    if (str_is(c->part[1], "remove"))
        return op_read(c, kind, answer, NULL);
    err_set(&c->err, E_NOT_FOUND, "There is no action \"%.*s\"; there are: %s.",
            (int)(c->part[1].len < 32 ? c->part[1].len : 32), c->part[1].ptr, "remove");
    op_refuse_call(c, NULL, -1);
    return NULL;
}

struct web_op *op_remove_or(struct call *c, enum op_kind kind, const char *other, void (*answer)(struct web_op *),
                            bool *ret_removes)
{
    struct json_in_field f[] = { { "for", JSON_IN_STR, false, NULL } };
    struct web_op *o = op_new(c, kind, answer);
    int code = o ? json_in_parse(c->r->body, &o->body, &c->err) : E_NO_MEMORY;
    char there_are[48];
    *ret_removes = str_is(c->part[1], "remove");
    snprintf(there_are, sizeof there_are, "remove, %s", other);
    if (code == 0 && !*ret_removes && !str_is(c->part[1], other))
        code = err_set(&c->err, E_NOT_FOUND, "There is no action \"%.*s\"; there are: %s.",
                       (int)(c->part[1].len < 32 ? c->part[1].len : 32), c->part[1].ptr, there_are);
    if (code == 0)
        code = json_in_object(o->body, "request", f, 1, &c->err);
    if (code == 0)
        code = op_take_for(c, o, &f[0]);
    if (code == 0)
        return o;
    op_refuse_call(c, o, -1);
    return NULL;
}

static void answer_changed(struct web_op *o)
{
    struct buf b;
    struct json_out j;
    if (o->op.result < 0) {
        op_refuse(o, -1);
        return;
    }
    web_start(&b, &j);
    out_put_u64(&j, "changed", o->op.changed);
    out_end(&j);
    web_reply_json(o->web, o->r, &b);
    op_free(o);
}

/* --- submit ------------------------------------------------------------------------------------------ */

static void write_warning(const struct web_op *o, struct json_out *j, job_id id)
{
    struct core_job job;
    const char *(*translate)(const char *) = o->op.err.translate;
    if (!core_job_get(daemon_core(o->web->daemon), id, &job))
        return;
    if (job.reason == REASON_NEVER_FITS)
        out_c(j, translate(N_("It asks for more than this machine has at present, so it waits until "
                               "that changes.")));
    else if (job.reason == REASON_QUEUE_CLOSED)
        out_c(j, translate(N_("The queue is drained; it waits until \"eoul undrain\".")));
}

/* The job is not there any more: what the plan said of it is. */
static void write_forecast(struct json_out *j, const struct op_forecast *f)
{
    out_key(j, "forecast");
    out_object(j);
    out_put_at(j, "start_at", f->start_at);
    out_put_at(j, "end_p10_at", f->end_p10_at);
    out_put_at(j, "end_p50_at", f->end_p50_at);
    out_put_at(j, "end_p90_at", f->end_p90_at);
    out_put_at(j, "eyes_at", f->eyes_at);
    out_put_c(j, "reason", reason_word((enum reason)f->reason));
    view_write_mask(j, "gpus", f->gpus);
    out_put_u64(j, "cpus", f->cpus);
    out_end(j);
}

static void answer_submit(struct web_op *o)
{
    struct buf b;
    struct json_out j;
    if (o->op.result < 0) {
        op_refuse(o, o->op.submit.items_n > 1 ? (int64_t)o->op.item : -1);
        return;
    }
    web_start(&b, &j);
    out_key(&j, "jobs");
    out_array(&j);
    for (uint32_t i = 0; i < o->op.submit.items_n; i++) {
        const struct op_item *item = &o->items[i];
        out_object(&j);
        out_put_u64(&j, "id", item->ret_id);
        out_put_u64(&j, "tasks", item->ret_tasks);
        out_put_u64(&j, "review", item->ret_review);
        out_key(&j, "warnings");
        out_array(&j);
        if (!o->op.submit.test)
            write_warning(o, &j, item->ret_id);
        out_end(&j);
        if (o->op.submit.test)
            write_forecast(&j, &item->ret_forecast);
        out_end(&j);
    }
    out_end(&j);
    out_put_bool(&j, "again", o->op.again);
    out_end(&j);
    web_reply_json(o->web, o->r, &b);
    op_free(o);
}

/* Append one environment as NAME=value strings each ended by NUL; *ret_len is its length. */
static int take_env(struct call *c, struct web_op *o, const json_t *list, const char *where,
                    size_t *ret_len)
{
    size_t before = o->env.len, i;
    json_t *value;
    json_array_foreach((json_t *)list, i, value) {
        const char *text = json_string_value(value);
        const char *sign = text ? strchr(text, '=') : NULL;
        if (!sign || sign == text)
            return err_set(&c->err, E_INVALID, "\"env\" in %s must be a list of NAME=value strings.",
                           where);
        buf_add(&o->env, text, json_string_length(value) + 1);
        if (o->env.len - before > OP_ENV_MAX)
            return err_set(&c->err, E_TOO_LARGE, "The environment of %s is larger than %u KiB.",
                           where, OP_ENV_MAX / 1024);
    }
    if (o->env.failed)
        return err_set(&c->err, E_NO_MEMORY, "There is not enough memory for this request.");
    *ret_len = o->env.len - before;
    return 0;
}

static int take_item(struct call *c, struct web_op *o, const json_t *object, size_t index,
                     bool *ret_env)
{
    struct json_in_field f[] = { { "spec", JSON_IN_STR, true, NULL },
                                 { "env", JSON_IN_ARRAY, false, NULL } };
    size_t len = 0;
    snprintf(o->where, sizeof o->where, "jobs[%zu]", index);
    int code = json_in_object(object, o->where, f, 2, &c->err);
    if (code == 0 && f[1].value)
        code = take_env(c, o, f[1].value, o->where, &len);
    if (code < 0)
        return code;
    o->items[index].spec = json_in_str(&f[0]);
    o->items[index].env.len = len;
    *ret_env = f[1].value != NULL;
    return 0;
}

/* The environments stand one after another in o->env, which may move while it grows: pointers are
 * set when it is whole. */
static int take_items(struct call *c, struct web_op *o, const json_t *list, int64_t *ret_item)
{
    size_t n = json_array_size(list), at = 0;
    if (n == 0 || n > OP_ITEMS_MAX)
        return err_set(&c->err, n ? E_TOO_LARGE : E_INVALID,
                       "One call submits from 1 to %u jobs; this has %zu.", OP_ITEMS_MAX, n);
    o->items = calloc(n, sizeof *o->items);
    bool *has_env = calloc(n, sizeof *has_env);
    int code = o->items && has_env ? 0
        : err_set(&c->err, E_NO_MEMORY, "There is not enough memory for this request.");
    buf_init(&o->env, HTTP_BODY_MAX);
    for (size_t i = 0; code == 0 && i < n; i++) {
        *ret_item = n > 1 ? (int64_t)i : -1;
        code = take_item(c, o, json_array_get(list, i), i, &has_env[i]);
    }
    for (size_t i = 0; code == 0 && i < n; i++) {
        if (!has_env[i])
            continue;
        o->items[i].env.ptr = o->env.ptr ? o->env.ptr + at : "";
        at += o->items[i].env.len;
    }
    free(has_env);
    o->op.submit.items = o->items;
    o->op.submit.items_n = (uint32_t)n;
    return code;
}

static int take_key(struct call *c, struct web_op *o, const struct json_in_field *field)
{
    struct str key = json_in_str(field);
    if (!field->value)
        return 0;
    bool right = key.len >= 1 && key.len <= OP_KEY_MAX;
    for (size_t i = 0; right && i < key.len; i++)
        right = key.ptr[i] > ' ' && key.ptr[i] <= '~';
    if (!right)
        return err_set(&c->err, E_INVALID,
                       "\"key\" must be 1 to %u printable ASCII characters without blanks.",
                       OP_KEY_MAX);
    o->op.submit.key = key;
    return 0;
}

void ops_submit(struct call *c)
{
    struct json_in_field f[] = { { "jobs", JSON_IN_ARRAY, true, NULL },
                                 { "key", JSON_IN_STR, false, NULL },
                                 { "for", JSON_IN_STR, false, NULL },
                                 { "test", JSON_IN_BOOL, false, NULL } };
    int64_t item = -1;
    struct web_op *o = op_new(c, OP_SUBMIT, answer_submit);
    int code = o ? json_in_parse(c->r->body, &o->body, &c->err) : E_NO_MEMORY;
    if (code == 0)
        code = json_in_object(o->body, "request", f, 4, &c->err);
    if (code == 0)
        code = take_key(c, o, &f[1]);
    if (code == 0)
        o->op.submit.test = json_in_true(&f[3]);
    if (code == 0)
        code = op_take_for(c, o, &f[2]);
    if (code == 0)
        code = take_items(c, o, f[0].value, &item);
    if (code < 0)
        op_refuse_call(c, o, item);
    else
        op_enqueue(o);
}

/* --- actions on jobs ----------------------------------------------------------------------------------- */

/* The fields of `set`; LEAST is the smallest right value. */
static const struct settable {
    const char *name;
    enum set_field field;
    int64_t least, most;
} settable[] = {
    { "limit_us", SET_LIMIT_US, 0, INT64_MAX - 1 },
    { "nice", SET_NICE, INT32_MIN / 2, INT32_MAX / 2 },
    { "begin_at", SET_BEGIN_AT, 0, INT64_MAX - 1 },
    { "deadline_at", SET_DEADLINE_AT, 0, INT64_MAX - 1 },
    { "array_max", SET_ARRAY_MAX, 0, UINT32_MAX },
    { "gpus", SET_GPUS, 0, CORE_GPUS_MAX },
    { "cpus", SET_CPUS, 1, UINT16_MAX },
    { "mem_mib", SET_MEM_MIB, 0, (int64_t)1 << 40 },
};
#define SETTABLE_N (sizeof settable / sizeof settable[0])

static const struct settable *settable_find(const char *name)
{
    for (size_t i = 0; i < SETTABLE_N; i++)
        if (strcmp(settable[i].name, name) == 0)
            return &settable[i];
    return NULL;
}

static int check_set(struct call *c, const json_t *fields)
{
    const char *name;
    json_t *value;
    struct json_in_field known[SETTABLE_N];
    if (json_object_size(fields) == 0)
        return err_set(&c->err, E_INVALID, "There is nothing to set; name a field such as nice.");
    for (size_t i = 0; i < SETTABLE_N; i++)
        known[i] = (struct json_in_field){ settable[i].name, JSON_IN_INT, false, NULL };
    int code = json_in_object(fields, "request", known, SETTABLE_N, &c->err);
    if (code < 0)
        return code;
    json_object_foreach((json_t *)fields, name, value) {
        const struct settable *s = settable_find(name);
        json_int_t n = json_integer_value(value);
        if (!s || json_is_null(value))
            return err_set(&c->err, E_INVALID, "\"%s\" in %s must be a whole number.", name,
                           "request");
        if (n < s->least || n > s->most)
            return err_set(&c->err, E_INVALID, "\"%s\" must lie between %lld and %lld.", name,
                           (long long)s->least, (long long)s->most);
    }
    return 0;
}

/* One operation sets one field; several run one after the other and stop at the first refusal. */
static void set_next(struct web_op *o)
{
    const struct settable *s = settable_find(json_object_iter_key(o->iterator));
    assert(s); /* check_set() knew every name */
    o->op.job.field = s->field;
    o->op.job.value = json_integer_value(json_object_iter_value(o->iterator));
    o->iterator = json_object_iter_next((json_t *)o->fields, o->iterator);
    op_enqueue(o);
}

static void answer_set(struct web_op *o)
{
    if (o->op.changed > o->changed)
        o->changed = o->op.changed;
    if (o->op.result == 0 && o->iterator) {
        o->op.changed = 0;
        set_next(o);
        return;
    }
    o->op.changed = o->changed;
    answer_changed(o);
}

static const struct action {
    const char *word;
    enum op_kind kind;
} actions[] = {
    { "cancel", OP_CANCEL }, { "hold", OP_HOLD }, { "release", OP_RELEASE },
    { "requeue", OP_REQUEUE }, { "set", OP_SET }, { "first", OP_FIRST },
    { "signal", OP_SIGNAL }, { "code", OP_CODE },
};

int ops_find_action(struct str word, enum op_kind *ret, struct err *err)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (str_is(word, actions[i].word))
            return *ret = actions[i].kind, 0;
    return err_set(err, E_NOT_FOUND,
                   "There is no action \"%.*s\"; there are: cancel, hold, release, requeue, set, first, signal, code.",
                   (int)(word.len < 32 ? word.len : 32), word.ptr);
}

static int copy_id(struct call *c, struct web_op *o)
{
    struct str id = c->part[0];
    if (id.len >= sizeof o->id)
        return err_set(&c->err, E_INVALID, "A job is named by its number, such as 12 or 12_3.");
    memcpy(o->id, id.ptr, id.len);
    return 0;
}

static int take_only(struct call *c, struct web_op *o)
{
    struct json_in_field f[] = { { "only", JSON_IN_STR, false, NULL } };
    int code = json_in_object(o->body, "request", f, 1, &c->err);
    if (code == 0 && f[0].value && !str_is(json_in_str(&f[0]), "failed"))
        code = err_set(&c->err, E_INVALID, "\"only\" must be \"failed\", or left out.");
    o->op.job.only_failed = code == 0 && f[0].value;
    return code;
}

#define CODE_TEXT_MAX 127u /* a commit, a sign and a hash have 81 */

/* {"signal": 10, "to": "main" | "tree" | "steps"} */
static int take_signal(struct call *c, struct web_op *o)
{
    static const char *const words[SIGNAL_WHOM_COUNT] = { [SIGNAL_MAIN] = "main", [SIGNAL_TREE] = "tree",
                                                          [SIGNAL_STEPS] = "steps" };
    struct json_in_field f[] = { { "signal", JSON_IN_INT, true, NULL }, { "to", JSON_IN_STR, false, NULL } };
    int code = json_in_object(o->body, "request", f, 2, &c->err);
    int64_t number = code == 0 ? json_in_int(&f[0], 0) : 0;
    uint32_t whom = 0;
    if (code == 0 && (number < 1 || number > SIGNAL_NUMBER_MAX))
        return err_set(&c->err, E_INVALID, "\"%s\" must lie between %lld and %lld.", "signal", 1LL,
                       (long long)SIGNAL_NUMBER_MAX);
    while (code == 0 && f[1].value && whom < SIGNAL_WHOM_COUNT && !str_is(json_in_str(&f[1]), words[whom]))
        whom++;
    if (code == 0 && whom == SIGNAL_WHOM_COUNT)
        return err_set(&c->err, E_INVALID, "\"to\" must be \"main\", \"tree\" or \"steps\" (or left out).");
    o->op.job.signal = (uint32_t)number;
    o->op.job.whom = f[1].value ? (enum signal_whom)whom : SIGNAL_STEPS;
    return code;
}

static int take_code(struct call *c, struct web_op *o)
{
    struct json_in_field f[] = { { "code", JSON_IN_STR, true, NULL } };
    int code = json_in_object(o->body, "request", f, 1, &c->err);
    struct str text = code == 0 ? json_in_str(&f[0]) : (struct str){ 0 };
    bool right = text.len <= CODE_TEXT_MAX;
    for (size_t i = 0; right && i < text.len; i++)
        right = text.ptr[i] > ' ' && text.ptr[i] <= '~';
    if (code == 0 && !right)
        return err_set(&c->err, E_INVALID, "\"code\" must be at most %u printable ASCII characters without blanks.",
                       CODE_TEXT_MAX);
    o->op.job.code = text;
    return code;
}

void ops_action(struct call *c)
{
    enum op_kind kind = OP_CANCEL;
    struct web_op *o = NULL;
    int code = ops_find_action(c->part[1], &kind, &c->err);
    if (code == 0) {
        o = op_new(c, kind, answer_changed);
        code = o ? copy_id(c, o) : E_NO_MEMORY;
    }
    if (code == 0)
        code = json_in_parse(c->r->body, &o->body, &c->err);
    if (code == 0)
        code = kind == OP_SET ? check_set(c, o->body)
             : kind == OP_REQUEUE ? take_only(c, o)
             : kind == OP_SIGNAL  ? take_signal(c, o)
             : kind == OP_CODE    ? take_code(c, o)
                                  : json_in_object(o->body, "request", NULL, 0, &c->err);
    if (code < 0 || !o) {
        op_refuse_call(c, o, -1);
        return;
    }
    o->op.job.id = str_of(o->id);
    if (kind != OP_SET) {
        op_enqueue(o);
        return;
    }
    o->answer = answer_set;
    o->fields = o->body;
    o->iterator = json_object_iter(o->body);
    set_next(o);
}

/* --- GPUs, the queue, the daemon, oneself ---------------------------------------------------------------- */

void ops_gpu(struct call *c)
{
    bool drain = str_is(c->part[1], "drain");
    struct web_op *o = NULL;
    int code = 0;
    if (!drain && !str_is(c->part[1], "undrain"))
        code = err_set(&c->err, E_NOT_FOUND, "There is no action \"%.*s\"; there are: drain, undrain.",
                       (int)(c->part[1].len < 32 ? c->part[1].len : 32), c->part[1].ptr);
    if (code == 0)
        o = op_new(c, drain ? OP_GPU_DRAIN : OP_GPU_UNDRAIN, answer_changed);
    if (code == 0)
        code = o ? json_in_parse(c->r->body, &o->body, &c->err) : E_NO_MEMORY;
    if (code == 0)
        code = json_in_object(o->body, "request", NULL, 0, &c->err);
    if (code < 0) {
        op_refuse_call(c, o, -1);
        return;
    }
    o->op.gpu.id = c->part[0]; /* the request's path lives until its reply */
    op_enqueue(o);
}

static int take_down(struct call *c, struct web_op *o)
{
    struct json_in_field f[] = { { "jobs", JSON_IN_STR, false, NULL } };
    int code = json_in_object(o->body, "request", f, 1, &c->err);
    if (code == 0 && f[0].value && !str_is(json_in_str(&f[0]), "cancel"))
        return err_set(&c->err, E_INVALID, "\"jobs\" must be \"cancel\", or left out.");
    o->op.down.cancel_jobs = f[0].value != NULL;
    return code;
}

void ops_down(struct call *c)
{
    struct web_op *o = op_read(c, OP_DOWN, answer_changed, take_down);
    if (o)
        op_enqueue(o);
}

static void put_settings(struct json_out *j, const char *key, uint64_t settings)
{
    out_key(j, key);
    out_array(j);
    for (uint32_t i = 0; config_setting(i); i++)
        if (settings >> i & 1)
            out_c(j, config_setting(i));
    out_end(j);
}

static void answer_reload(struct web_op *o)
{
    struct buf b;
    struct json_out j;
    if (o->op.result < 0) {
        op_refuse(o, -1);
        return;
    }
    web_start(&b, &j);
    out_put_clean(&j, "file", str_of(daemon_config_path(o->web->daemon)));
    put_settings(&j, "changed", o->op.reload.changed);
    put_settings(&j, "at_next_start", o->op.reload.at_start);
    out_end(&j);
    web_reply_json(o->web, o->r, &b);
    op_free(o);
}

void ops_reload(struct call *c)
{
    struct web_op *o = op_read(c, OP_RELOAD, answer_reload, NULL);
    if (o)
        op_enqueue(o);
}

static void answer_me(struct web_op *o)
{
    struct buf b;
    struct json_out j;
    const struct people *people = daemon_people(o->web->daemon);
    if (o->op.result < 0) {
        op_refuse(o, -1);
        return;
    }
    person_no no = o->op.for_person.len ? people_find_name(people, o->op.for_person)
                                        : people_find_uid(people, o->op.peer.uid);
    web_start(&b, &j);
    struct person changed;
    if (no && calendars_may(people, o->web->daemon, &o->op.peer, no, NULL) == 0)
        team_write_me(o->web, no, o->r->lang, &j);
    else if (people_get(people, no, &changed)) /* an operator may set hours, and sees no figures */
        out_put_clean(&j, "name", str_of(changed.name));
    out_end(&j);
    web_reply_json(o->web, o->r, &b);
    op_free(o);
}

static void take_change(struct person_change *to, const struct json_in_field *f)
{
    to->has_lang = f[1].value != NULL;
    to->lang = json_in_str(&f[1]);
    to->has_zone = f[2].value != NULL;
    to->zone = json_in_str(&f[2]);
    to->has_hours = f[3].value != NULL;
    to->hours = json_in_str(&f[3]);
    to->has_away_from = f[4].value != NULL;
    to->away_from_at = json_in_int(&f[4], 0);
    to->has_away_until = f[5].value != NULL;
    to->away_until_at = json_in_int(&f[5], 0);
    to->has_here_until = f[6].value != NULL;
    to->here_until_at = json_in_int(&f[6], 0);
    to->has_work = f[7].value != NULL;
    to->work = json_in_str(&f[7]);
    to->has_focus = f[8].value != NULL;
    to->focus = json_in_str(&f[8]);
    to->has_cap = f[9].value != NULL;
    to->cap_us = json_in_int(&f[9], 0);
    to->has_buffer = f[10].value != NULL;
    to->buffer_us = json_in_int(&f[10], 0);
    to->deputy = json_in_str(&f[11]);
    to->forget = json_in_true(&f[12]);
    to->has_defer = f[13].value != NULL;
    to->defer = json_in_true(&f[13]);
    to->handover = json_in_str(&f[14]);
}

void ops_me_change(struct call *c)
{
    struct json_in_field f[] = {
        { "for", JSON_IN_STR, false, NULL }, { "lang", JSON_IN_STR, false, NULL },
        { "zone", JSON_IN_STR, false, NULL }, { "hours", JSON_IN_STR, false, NULL },
        { "away_from_at", JSON_IN_INT, false, NULL }, { "away_until_at", JSON_IN_INT, false, NULL },
        { "here_until_at", JSON_IN_INT, false, NULL }, { "work", JSON_IN_STR, false, NULL },
        { "focus", JSON_IN_STR, false, NULL }, { "cap_us", JSON_IN_INT, false, NULL },
        { "buffer_us", JSON_IN_INT, false, NULL }, { "deputy", JSON_IN_STR, false, NULL },
        { "forget", JSON_IN_BOOL, false, NULL },
        { "defer", JSON_IN_BOOL, false, NULL }, { "handover", JSON_IN_STR, false, NULL },
    };
    struct web_op *o = op_new(c, OP_ME, answer_me);
    int code = o ? json_in_parse(c->r->body, &o->body, &c->err) : E_NO_MEMORY;
    if (code == 0)
        code = json_in_object(o->body, "request", f, sizeof f / sizeof f[0], &c->err);
    if (code == 0)
        code = op_take_for(c, o, &f[0]);
    if (code < 0) {
        op_refuse_call(c, o, -1);
        return;
    }
    take_change(&o->change, f);
    o->op.me.change = &o->change;
    op_enqueue(o);
}

void team_me(struct call *c)
{
    const struct people *people = daemon_people(c->web->daemon);
    struct str name = http_query(c->r, "for");
    struct buf b;
    struct json_out j;
    person_no no = name.len ? people_find_name(people, name) : people_find_uid(people, c->peer.uid);
    int code = name.len ? web_may_act_for(c->web, &c->peer, &c->err) : 0;
    if (code == 0 && name.len && !no)
        code = err_set(&c->err, E_NOT_FOUND, "Nobody of the team is called \"%.*s\".",
                       (int)(name.len < 64 ? name.len : 64), name.ptr);
    if (code == 0 && no)
        code = calendars_may(people, c->web->daemon, &c->peer, no, &c->err);
    if (code < 0) {
        op_refuse_call(c, NULL, -1);
        return;
    }
    if (!no) { /* first contact: an empty change makes the person */
        struct web_op *o = op_new(c, OP_ME, answer_me);
        if (!o) {
            op_refuse_call(c, NULL, -1);
            return;
        }
        o->op.me.change = &o->change;
        op_enqueue(o);
        return;
    }
    web_start(&b, &j);
    team_write_me(c->web, no, c->r->lang, &j);
    out_end(&j);
    web_reply_json(c->web, c->r, &b);
}
