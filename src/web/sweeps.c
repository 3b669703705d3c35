/* sweeps.c - GET /v1/sweeps/{id}: the points of a sweep (or the tasks of any array), each with its
 * values, state and what it last said of itself.
 *
 * Facts come from three places: live tasks from the core, ended ones and results from the store, the
 * newest results of running ones from the daemon's memory.  They are laid over one table by task.
 * Values and results are shown to whom arguments and output are.
 */
#include <stdlib.h>
#include <string.h>

#include "spec/option.h"
#include "spec/spec.h"
#include "spec/sweep.h"
#include "web/internal.h"

#define MARKS_TEXT_MAX   1280u /* of one job: supervisor/wire.h */
#define RESULT_NAMES_MAX 64u /* columns of results: more than jobs of one sweep can mean */

struct point {
    uint8_t state, reason;
    uint32_t attempt;
    usec_t start_at, end_at;
    int32_t exit_code, signal;
    int64_t done_ppm;
    char *text;             /* results; NULL: none */
};

struct table {
    struct web *web;
    job_id first;
    uint32_t n;
    struct point *points;
    int failed;
    uint32_t counts[JOB_STATE_COUNT], given_up, held;
};

/* --- gathering ---------------------------------------------------------------------------------- */

static struct point *point_of(struct table *t, job_id id)
{
    return id >= t->first && id - t->first < t->n ? &t->points[id - t->first] : NULL;
}

static void set_text(struct table *t, struct point *p, struct str text)
{
    free(p->text);
    p->text = text.len ? strndup(text.ptr, text.len) : NULL;
    if (text.len && !p->text)
        t->failed = E_NO_MEMORY;
}

static int take_result(const struct store_result *r, void *data)
{
    struct table *t = data;
    struct point *p = point_of(t, r->job);
    if (p) {
        set_text(t, p, r->text);
        p->done_ppm = r->done_ppm;
    }
    return 0;
}

static void take_marks(const struct daemon_marks *m, void *data)
{
    struct table *t = data;
    struct point *p = point_of(t, m->job);
    if (p) {
        set_text(t, p, m->text);
        p->done_ppm = m->done_ppm;
    }
}

static uint8_t reason_of(struct str word)
{
    for (int i = 0; i < REASON_COUNT; i++)
        if (str_is(word, reason_word((enum reason)i)))
            return (uint8_t)i;
    return REASON_NONE;
}

static uint8_t state_of(struct str word)
{
    for (int i = 0; i < JOB_STATE_COUNT; i++)
        if (str_is(word, job_state_word((enum job_state)i)))
            return (uint8_t)i;
    return JOB_NONE;
}

static int take_ended(const struct store_job *j, void *data)
{
    struct table *t = data;
    struct point *p = point_of(t, j->id);
    if (!p)
        return 0;
    p->state = state_of(j->state);
    p->reason = reason_of(j->reason);
    p->attempt = j->attempts;
    p->start_at = j->start_at;
    p->end_at = j->end_at;
    p->exit_code = j->exit_code;
    p->signal = j->signal;
    return 0;
}

static void take_live(struct table *t)
{
    const struct core *core = daemon_core(t->web->daemon);
    struct core_job j;
    for (job_id after = t->first - 1; core_job_after(core, after, &j); after = j.id) {
        struct point *p = point_of(t, j.id);
        if (!p)
            break;
        p->state = (uint8_t)j.state;
        p->reason = (uint8_t)j.reason;
        p->attempt = j.attempt;
        p->start_at = j.state == JOB_PENDING ? 0 : j.start_at;
        p->end_at = 0;
    }
}

/* What an earlier attempt said is not what the next one will. */
static void forget_earlier(struct table *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        struct point *p = &t->points[i];
        t->counts[p->state]++;
        t->given_up += p->reason == REASON_STOP_RULE && job_state_is_final((enum job_state)p->state);
        t->held += p->reason == REASON_HELD_FAILURES || p->reason == REASON_HELD_CANARY;
        if (p->state == JOB_PENDING)
            p->done_ppm = -1;
    }
}

static int gather(struct table *t, const struct job_ref *ref, struct err *err)
{
    struct daemon *d = t->web->daemon;
    t->first = ref->id;
    t->points = calloc(ref->tasks, sizeof *t->points);
    if (!t->points)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for this request.");
    t->n = ref->tasks;
    for (uint32_t i = 0; i < t->n; i++)
        t->points[i].done_ppm = -1;
    int code = store_jobs_of_request(daemon_store(d), ref->request, take_ended, t);
    if (code == 0 || code == E_NOT_FOUND)
        code = store_results_each(daemon_store(d), t->first, t->n, take_result, t);
    if (code < 0)
        return err_set(err, code, "The ended tasks of job %u cannot be read.", ref->id);
    take_live(t);
    daemon_marks_each(d, t->first, t->n, take_marks, t);
    forget_earlier(t);
    return t->failed ? err_set(err, t->failed, "There is not enough memory for this request.") : 0;
}

static void release(struct table *t)
{
    for (uint32_t i = 0; i < t->n; i++)
        free(t->points[i].text);
    free(t->points);
}

/* --- writing -------------------------------------------------------------------------------------- */

/* A string under a key that is foreign text. */
static void put_pair(struct json_out *j, struct str name, struct str value)
{
    char key[SWEEP_NAME_MAX + 1];
    struct buf b;
    buf_init_fixed(&b, key, sizeof key);
    buf_str(&b, str_slice(name, 0, SWEEP_NAME_MAX)); /* letters, digits, _ . - / only: no escapes */
    out_put_str(j, key, value);
}

static void put_point_values(struct json_out *j, const struct sweep *s, uint32_t index)
{
    out_key(j, "point");
    out_object(j);
    for (uint32_t i = 0; i < s->params_n && index < s->points; i++) {
        struct buf value;
        buf_init(&value, SPEC_TEXT_MAX + 1);
        sweep_value(s, i, index, &value);
        put_pair(j, s->param[i].name, buf_look(&value));
        buf_finish(&value);
    }
    out_end(j);
}

static void write_results(struct json_out *j, struct str text)
{
    struct str line;
    out_key(j, "results");
    out_object(j);
    while (str_next(&text, '\n', &line)) {
        ptrdiff_t equals = str_find(line, '=');
        if (equals > 0)
            put_pair(j, str_slice(line, 0, (size_t)equals), str_slice(line, (size_t)equals + 1, line.len));
    }
    out_end(j);
}

static void put_row(struct json_out *j, const struct table *t, uint32_t i, const struct spec *spec,
                    const struct sweep *s, bool may)
{
    const struct point *p = &t->points[i];
    char name_id[VIEW_NAME_ID_MAX];
    uint32_t index = spec_array_index(&spec->array, i);
    view_name_id(t->first + i, t->first, index, name_id);
    out_object(j);
    out_put_u64(j, "id", t->first + i);
    out_put_c(j, "name_id", name_id);
    out_put_u64(j, "index", index);
    if (may)
        put_point_values(j, s, index);
    out_put_c(j, "state", job_state_word((enum job_state)p->state));
    out_put_c(j, "reason", reason_word((enum reason)p->reason));
    out_put_u64(j, "attempt", p->attempt);
    out_put_i64(j, "done_ppm", p->done_ppm);
    if (may)
        write_results(j, str_of(p->text));
    out_put_at(j, "start_at", p->start_at);
    out_put_at(j, "end_at", p->end_at);
    out_put_i64(j, "exit_code", p->exit_code);
    out_put_i64(j, "signal", p->signal);
    out_end(j);
}

/* Names of results in the order they first come, for a table's columns. */
static void put_result_names(struct json_out *j, const struct table *t)
{
    struct str names[RESULT_NAMES_MAX], line;
    uint32_t n = 0;
    out_key(j, "results");
    out_array(j);
    for (uint32_t i = 0; i < t->n; i++) {
        struct str text = str_of(t->points[i].text);
        while (n < RESULT_NAMES_MAX && str_next(&text, '\n', &line)) {
            ptrdiff_t equals = str_find(line, '=');
            struct str name = str_slice(line, 0, equals < 0 ? 0 : (size_t)equals);
            uint32_t k = 0;
            while (k < n && !str_eq(names[k], name))
                k++;
            if (k < n || name.len == 0)
                continue;
            names[n++] = name;
            out_str(j, name);
        }
    }
    out_end(j);
}

static void put_option(struct json_out *j, const char *key, const struct spec *spec, const char *option)
{
    struct buf b;
    const struct option_def *def = option_find(str_of(option));
    buf_init(&b, 4096);
    if (def && spec_has(spec, option))
        option_print_value(&b, spec, def);
    out_put_str(j, key, buf_look(&b));
    buf_finish(&b);
}

/* What its author calls its values and what it is after: part of its name, as it were. */
static void put_aims(struct json_out *j, const struct spec *spec, const struct sweep *s)
{
    out_key(j, "params");
    out_array(j);
    for (uint32_t i = 0; i < s->params_n; i++)
        out_str(j, s->param[i].name);
    out_end(j);
    out_put_str(j, "minimize", spec->minimize);
    out_put_str(j, "maximize", spec->maximize);
    put_option(j, "stop_worst", spec, "stop-worst");
    put_option(j, "after", spec, "after");
}

static void put_head(struct json_out *j, const struct table *t, const struct spec *spec,
                     const struct sweep *s, bool may, bool named)
{
    static const struct spec unnamed = { 0 };
    static const struct sweep no_values = { 0 };
    out_put_u64(j, "id", t->first);
    out_put_clean(j, "name", named ? spec_name(spec) : (struct str){ 0 });
    out_put_at(j, "now_at", daemon_now(t->web->daemon).wall_at);
    out_put_u64(j, "points_n", t->n);
    put_aims(j, named ? spec : &unnamed, named ? s : &no_values);
    out_put_u64(j, "drawn", spec->random);
    out_put_u64(j, "random_seed", spec->random_seed);
    out_put_u64(j, "max_running", spec->array.max);
    out_put_u64(j, "hold_after", spec->hold_after);
    out_key(j, "states");
    out_object(j);
    for (int i = 0; i < JOB_STATE_COUNT; i++)
        if (t->counts[i])
            out_put_u64(j, job_state_word((enum job_state)i), t->counts[i]);
    out_end(j);
    out_put_u64(j, "given_up", t->given_up);
    out_put_u64(j, "held_failures", t->held);
    if (may)
        put_result_names(j, t);
}

static int write_sweep(struct call *c, struct json_out *j, const struct job_ref *ref, uint64_t after,
                       uint64_t limit)
{
    struct daemon *d = c->web->daemon;
    struct table t = { .web = c->web };
    struct store_request r;
    struct spec spec;
    struct sweep s = { 0 };
    bool may = false;
    enum config_shown shown = SHOWN_FULL;
    spec_init(&spec);
    int code = web_may_look(c->web, &c->peer, ref, &shown, &c->err);
    if (code < 0)
        return code;
    code = store_request_get(daemon_store(d), ref->request, &r);
    if (code < 0)
        return err_set(&c->err, code, "Job %u cannot be looked up.", ref->id);
    may = daemon_may(d, &c->peer, r.uid);
    code = spec_parse(&spec, r.spec, &c->err);
    store_reset(daemon_store(d));
    if (code == 0)
        code = sweep_open(&s, &spec, &c->err);
    if (code == 0)
        code = gather(&t, ref, &c->err);
    if (code == 0) {
        put_head(j, &t, &spec, &s, may, shown == SHOWN_FULL);
        out_key(j, "rows");
        out_array(j);
        for (uint64_t i = after; i < t.n && (limit == 0 || i - after < limit); i++)
            put_row(j, &t, (uint32_t)i, &spec, &s, may);
        out_end(j);
    }
    release(&t);
    sweep_close(&s);
    spec_finish(&spec);
    return code;
}

void sweeps_show(struct call *c)
{
    struct buf b;
    struct json_out j;
    struct job_ref ref = { 0 };
    uint64_t after = 0, limit = 0;
    web_start(&b, &j);
    int code = web_query_u64(c, "after", 0, SPEC_ARRAY_MAX, &after);
    if (code == 0)
        code = web_query_u64(c, "limit", 0, SPEC_ARRAY_MAX, &limit);
    if (code == 0)
        code = daemon_job_find(c->web->daemon, c->part[0], &ref, &c->err);
    if (code == 0 && !ref.whole_array)
        code = err_set(&c->err, E_INVALID, "Job %.*s is no sweep and no array.",
                       (int)(c->part[0].len < 32 ? c->part[0].len : 32), c->part[0].ptr);
    if (code == 0)
        code = write_sweep(c, &j, &ref, after, limit);
    out_end(&j);
    if (code == 0) {
        web_reply_json(c->web, c->r, &b);
        return;
    }
    buf_finish(&b);
    web_reply_error(c->web, c->r, &c->err, -1);
}

/* --- one task's part in other answers -------------------------------------------------------------- */

struct one {
    char text[MARKS_TEXT_MAX];
    int64_t done_ppm;
    usec_t stalled_at;
};

static void one_set(struct one *o, struct str text, int64_t done_ppm)
{
    struct buf b;
    buf_init_fixed(&b, o->text, sizeof o->text);
    buf_str(&b, text);
    o->done_ppm = done_ppm;
}

static int one_result(const struct store_result *r, void *data)
{
    one_set(data, r->text, r->done_ppm);
    return 0;
}

static void one_marks(const struct daemon_marks *m, void *data)
{
    one_set(data, m->text, m->done_ppm);
    ((struct one *)data)->stalled_at = m->stalled_at;
}

void sweeps_write_one(struct json_out *j, struct daemon *d, job_id id)
{
    struct one o = { .done_ppm = -1 };
    store_results_each(daemon_store(d), id, 1, one_result, &o);
    daemon_marks_each(d, id, 1, one_marks, &o);
    out_put_i64(j, "done_ppm", o.done_ppm);
    out_put_i64(j, "stalled_at", o.stalled_at);
    write_results(j, str_of(o.text));
}

void sweeps_write_point(struct json_out *j, const struct sweep *s, uint32_t index)
{
    put_point_values(j, s, index);
}
