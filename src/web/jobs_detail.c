/* jobs_detail.c - see jobs_detail.h and jobs_write in internal.h. */
#include "daemon/message.h"
#include "web/jobs_detail.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "spec/option.h"
#include "spec/pattern.h"
#include "spec/spec.h"
#include "spec/sweep.h"
#include "web/internal.h"

#define LAST_LINE_BYTES 4096 /* enough for a progress bar's line */

int detail_request_get(struct daemon *d, job_id id, struct detail_request *ret, struct err *err)
{
    struct store_request row;
    int code = store_request_get(daemon_store(d), id, &row);
    if (code < 0)
        return err_set(err, code, "Job %u is not known.", id);
    ret->id = row.id;
    ret->uid = row.uid;
    store_reset(daemon_store(d));
    return 0;
}

/* --- what was asked for -------------------------------------------------------------------------------- */

/* What a request says of one of its tasks: of a sweep's, with its values in place of the {names}. */
struct said {
    const struct sweep *sweep; /* NULL: as it was written */
    uint32_t point;
};

static void expand(const struct said *said, struct str text, enum sweep_use use, struct buf *out)
{
    if (said->sweep)
        sweep_expand(said->sweep, said->point, text, use, out);
    else
        buf_str(out, text);
}

static void put_list(struct json_out *j, const char *key, const struct spec_list *list,
                     const struct said *said)
{
    out_key(j, key);
    out_array(j);
    for (uint32_t i = 0; i < list->n; i++) {
        struct buf text;
        buf_init(&text, SPEC_BYTES_MAX);
        expand(said, list->item[i], SWEEP_TEXT, &text);
        out_str(j, buf_look(&text));
        buf_finish(&text);
    }
    out_end(j);
}

static void put_path(struct json_out *j, const char *key, struct str written, const struct said *said,
                     const struct pattern_facts *facts, struct str directory)
{
    char memory[PATH_MAX + 256], own[PATH_MAX + 256];
    struct buf path, expanded;
    buf_init_fixed(&path, memory, sizeof memory);
    buf_init_fixed(&expanded, own, sizeof own);
    expand(said, written, SWEEP_FILE, &expanded);
    struct str pattern = buf_look(&expanded);
    if (pattern.len && pattern.ptr[0] != '/') {
        buf_str(&path, directory);
        buf_char(&path, '/');
    }
    pattern_expand(&path, pattern, facts);
    out_put_str(j, key, buf_look(&path));
}

static struct str login_of(uid_t uid, char *memory, size_t size)
{
    struct passwd entry, *found = NULL;
    if (getpwuid_r(uid, &entry, memory, size, &found) != 0 || !found)
        return (struct str){ 0 };
    return str_of(entry.pw_name);
}

static void put_paths(struct json_out *j, const struct spec *spec, const struct said *said,
                      const struct view_row *row, uid_t uid)
{
    char name[2 * SPEC_NAME_MAX];
    struct buf job_name;
    buf_init_fixed(&job_name, name, sizeof name);
    expand(said, spec_name(spec), SWEEP_TEXT, &job_name);
    char host[HOST_NAME_MAX + 1] = "", memory[4096];
    if (gethostname(host, sizeof host - 1) < 0)
        host[0] = '\0';
    const struct pattern_facts facts = {
        .job = row->id, .array_job = row->array_id, .array_index = row->array_index,
        .host = str_slice(str_of(host), 0, strcspn(host, ".")),
        .user = login_of(uid, memory, sizeof memory), .name = buf_look(&job_name),
    };
    put_path(j, "stdout", spec_output(spec), said, &facts, spec->chdir);
    put_path(j, "stderr", spec->error.len ? spec->error : spec_output(spec), said, &facts, spec->chdir);
}

static void put_dependencies(struct json_out *j, const struct spec *spec)
{
    struct buf b;
    const struct option_def *def = option_find(STR("dependency"));
    buf_init(&b, 64 * 1024);
    if (def && spec->deps.n)
        option_print_value(&b, spec, def);
    out_put_str(j, "dependencies", buf_look(&b));
    buf_finish(&b);
}

/* What only the submitter may see. */
static void put_private(struct json_out *j, const struct spec *spec, struct str text,
                        const struct view_row *row, uid_t uid)
{
    struct sweep sweep = { 0 };
    struct said said = { .point = row->array_index };
    if (spec->params.n && row->tasks == 1 && sweep_open(&sweep, spec, NULL) == 0 &&
        said.point < sweep.points)
        said.sweep = &sweep;
    if (said.sweep)
        sweeps_write_point(j, &sweep, said.point);
    put_list(j, "argv", &spec->argv, &said);
    out_put_bool(j, "script", spec->script.len > 0);
    out_put_str(j, "cwd", spec->chdir);
    out_put_str(j, "code", spec->code);
    put_paths(j, spec, &said, row, uid);
    out_put_str(j, "spec", text);
    sweep_close(&sweep);
}

static int put_request(struct json_out *j, struct daemon *d, const struct view_row *row,
                       const struct op_peer *peer, bool *ret_may, struct err *err)
{
    struct store_request request;
    struct spec spec;
    int code = store_request_get(daemon_store(d), row->id, &request);
    if (code < 0)
        return err_set(err, code, "The request of job %u cannot be read.", row->id);
    *ret_may = daemon_may(d, peer, request.uid);
    spec_init(&spec);
    code = spec_parse(&spec, request.spec, err);
    if (code == 0) {
        put_dependencies(j, &spec);
        out_put_bool(j, "pty", spec.pty);
        if (*ret_may)
            put_private(j, &spec, request.spec, row, request.uid);
    }
    spec_finish(&spec);
    store_reset(daemon_store(d));
    return code;
}

/* --- attempts -------------------------------------------------------------------------------------------- */

struct attempt_walk {
    struct json_out *j;
    bool may;
    const char *(*translate)(const char *);
};

/* It may name paths: for its submitter, in the language asked for. */
static void put_message(const struct attempt_walk *w, struct str kept)
{
    char memory[ERR_TEXT_MAX];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    if (w->may)
        message_tell(&text, kept, w->translate);
    out_put_clean(w->j, "message", buf_look(&text));
}

static int put_attempt(const struct store_attempt *a, void *data)
{
    const struct attempt_walk *w = data;
    out_object(w->j);
    out_put_u64(w->j, "number", a->number);
    out_put_c(w->j, "state", store_attempt_word(a->state));
    if (a->canary_us)
        out_put_i64(w->j, "canary_us", a->canary_us);
    out_put_at(w->j, "start_at", a->start_at);
    out_put_at(w->j, "end_at", a->end_at);
    out_put_i64(w->j, "exit_code", a->exit_code);
    out_put_i64(w->j, "signal", a->signal);
    out_put_str(w->j, "cause", a->cause);
    put_message(w, a->message);
    view_write_mask(w->j, "gpus", a->gpus);
    out_put_i64(w->j, "user_us", a->user_us);
    out_put_i64(w->j, "system_us", a->system_us);
    out_put_i64(w->j, "rss_max_kib", a->rss_max_kib);
    out_put_u64(w->j, "output_bytes", a->output_bytes);
    out_put_u64(w->j, "output_lost", a->output_lost);
    out_end(w->j);
    return 0;
}

static int put_attempts(struct json_out *j, struct daemon *d, job_id id, bool may, struct err *err)
{
    struct attempt_walk walk = { j, may, err->translate };
    out_key(j, "attempts");
    out_array(j);
    int code = store_attempts_each(daemon_store(d), id, put_attempt, &walk);
    out_end(j);
    return code < 0 ? err_set(err, code, "The attempts of job %u cannot be read.", id) : 0;
}

/* The last line that is complete; carriage returns of progress bars end one too. */
static struct str last_line(struct str text)
{
    size_t until = text.len, from;
    while (until > 0 && text.ptr[until - 1] != '\n' && text.ptr[until - 1] != '\r')
        until--;
    while (until > 0 && (text.ptr[until - 1] == '\n' || text.ptr[until - 1] == '\r'))
        until--;
    for (from = until; from > 0 && text.ptr[from - 1] != '\n' && text.ptr[from - 1] != '\r';)
        from--;
    return str_slice(text, from, until);
}

static void put_last_line(struct json_out *j, struct daemon *d, job_id id)
{
    struct buf b;
    uint64_t total;
    buf_init(&b, LAST_LINE_BYTES);
    if (daemon_tail(d, id, LAST_LINE_BYTES, &b, &total) < 0)
        buf_clear(&b);
    out_put_clean(j, "last_line", last_line(buf_look(&b)));
    buf_finish(&b);
}

/* --- one job or a whole array ----------------------------------------------------------------------------- */

static void put_common(struct json_out *j, struct daemon *d, const struct view_row *row, bool ended)
{
    view_write(j, row);
    out_put_at(j, "now_at", daemon_now(d).wall_at);
    out_put_bool(j, "ended", ended);
    out_put_u64(j, "array_id", row->array_id);
    out_put_u64(j, "array_index", row->array_index);
    out_put_clean(j, "submitter", str_of(row->submitter));
    out_put_at(j, "begin_at", row->begin_at);
    out_put_at(j, "deadline_at", row->deadline_at);
    out_put_u64(j, "mem_mib", row->mem_mib);
    out_put_i64(j, "nice", row->nice);
}

/* By an operator, if it is boosted; with `array` all of it. */
static void put_boost(struct json_out *j, struct web *web, const struct view *v, job_id id, bool array,
                      const struct op_peer *peer)
{
    const struct core *core = daemon_core(v->daemon);
    struct boost boost;
    if (!core_boost_get(core, core_boost_of(core, id, v->now_at), &boost) || (array && boost.kind == BOOST_JOB))
        return;
    out_key(j, "boost");
    boosts_write_one(j, web, &boost, peer);
}

static int write_one(struct json_out *j, struct web *web, const struct view *v, job_id id, const struct op_peer *peer,
                     struct err *err)
{
    struct daemon *d = v->daemon;
    struct store_job ended;
    struct view_row row;
    char name[256];
    bool may = false;
    bool live = view_live(v, id, &row);
    if (!live) {
        int code = store_job_get(daemon_store(d), id, &ended);
        if (code < 0)
            return err_set(err, code, "Job %u is not known any more.", id);
        view_ended(d, peer, &ended, &row);
        row.name = str_slice(row.name, 0, sizeof name); /* keep it over the next look-up */
        if (row.name.len)
            memcpy(name, row.name.ptr, row.name.len);
        row.name.ptr = name;
    }
    put_common(j, d, &row, !live);
    struct core_job job;
    if (live && row.shown != SHOWN_BUSY && core_job_get(daemon_core(d), id, &job) && job.reviewer)
        out_put_clean(j, "reviewer", str_of(people_name(daemon_people(d), job.reviewer)));
    put_boost(j, web, v, live ? id : 0, false, peer);
    if (live && row.shown != SHOWN_BUSY && core_job_get(daemon_core(d), id, &job) && job.canary != CANARY_NONE) {
        static const char *const words[] = { "none", "wanted", "running", "passed", "failed" };
        out_put_i64(j, "canary_us", job.canary_us);
        out_put_c(j, "canary", words[job.canary]);
    }
    if (!live)
        store_reset(daemon_store(d));
    int code = put_request(j, d, &row, peer, &may, err);
    if (code == 0)
        code = put_attempts(j, d, id, may, err);
    if (code == 0 && live)
        team_write_guards(j, d);
    if (code == 0 && may && row.terminal) {
        out_key(j, "terminal");
        out_object(j);
        out_put_u64(j, "attached", row.attached);
        out_put_i64(j, "idle_us", row.idle_us);
        out_end(j);
    }
    if (code == 0 && may && row.attempt > 0) {
        put_last_line(j, d, id);
        sweeps_write_one(j, d, id);
    }
    return code;
}

/* A whole array as one row: what its tasks have in common, how many are in which state, and as a
 * whole the state that matters most. */
struct whole {
    struct view_row row; /* of its first task met */
    bool any;
    uint32_t counts[JOB_STATE_COUNT];
    uint32_t live;
    uint32_t given_up; /* CANCELLED by their sweep's rule: as good as COMPLETED for the whole */
    int32_t exit_code, signal;
    usec_t start_at, end_at, eyes_at, eyes_late_at, end_p50_at, end_p90_at;
    uint64_t version;
    char name[256];
    char reason[64]; /* copied as the name is: an ended task's text goes with the store's row */
};

static enum job_state state_of(struct str word)
{
    for (int i = 0; i < JOB_STATE_COUNT; i++)
        if (str_is(word, job_state_word((enum job_state)i)))
            return (enum job_state)i;
    return JOB_NONE;
}

static void add_task(struct whole *w, const struct view_row *row)
{
    if (!w->any) {
        w->row = *row;
        w->any = true;
        snprintf(w->name, sizeof w->name, "%.*s", STR_ARG(str_slice(row->name, 0, sizeof w->name - 1)));
        snprintf(w->reason, sizeof w->reason, "%.*s",
                 STR_ARG(str_slice(row->reason, 0, sizeof w->reason - 1)));
    }
    enum job_state state = state_of(row->state);
    w->counts[state]++;
    w->given_up += state == JOB_CANCELLED && str_is(row->reason, reason_word(REASON_STOP_RULE));
    if (row->start_at && (!w->start_at || row->start_at < w->start_at))
        w->start_at = row->start_at;
    w->end_at = usec_max(w->end_at, row->end_at);
    w->eyes_at = usec_max(w->eyes_at, row->eyes_at);
    w->eyes_late_at = usec_max(w->eyes_late_at, row->eyes_late_at);
    w->end_p50_at = usec_max(w->end_p50_at, row->end_p50_at);
    w->end_p90_at = usec_max(w->end_p90_at, row->end_p90_at);
    w->version = row->version > w->version ? row->version : w->version;
    if (str_is(row->reason, reason_word(REASON_STOP_RULE)))
        return; /* told to end: how it did is nobody's failure */
    w->exit_code = row->exit_code > w->exit_code ? row->exit_code : w->exit_code;
    w->signal = row->signal ? row->signal : w->signal;
}

struct whole_walk {
    struct whole *whole;
    struct daemon *daemon;
    const struct op_peer *peer;
};

static int add_ended_task(const struct store_job *job, void *data)
{
    struct whole_walk *walk = data;
    struct view_row row;
    view_ended(walk->daemon, walk->peer, job, &row);
    row.version = 0; /* counted through the number of the living */
    add_task(walk->whole, &row);
    return 0;
}

static int gather_array(const struct view *v, const struct job_ref *ref, struct whole *w,
                        struct err *err)
{
    uint32_t waiting = 0;
    struct whole_walk walk = { w, v->daemon, v->peer };
    for (uint32_t i = 0; i < v->plan.rows_n; i++) {
        struct view_row row;
        job_id id = v->plan.rows[i].job;
        if (id < ref->id || id - ref->id >= ref->tasks) {
            waiting += v->plan.rows[i].state == JOB_PENDING;
            continue;
        }
        view_planned(v, i, true, &waiting, &row);
        if (!row.owner)
            continue;
        add_task(w, &row);
        w->live++;
    }
    int code = store_jobs_of_request(daemon_store(v->daemon), ref->request, add_ended_task, &walk);
    if (code < 0)
        return err_set(err, code, "The ended tasks of job %u cannot be read.", ref->id);
    if (!w->any)
        return err_set(err, E_NOT_FOUND, "Job %u is not known any more.", ref->id);
    w->row.name = str_of(w->name);
    w->row.reason = str_of(w->reason);
    return 0;
}

/* Running if any runs, waiting if any waits, else the worst end of all. */
static enum job_state whole_state(const struct whole *w)
{
    static const enum job_state order[] = {
        JOB_RUNNING, JOB_COMPLETING, JOB_CONFIGURING, JOB_PENDING, JOB_NODE_FAIL, JOB_OUT_OF_MEMORY,
        JOB_TIMEOUT, JOB_FAILED, JOB_DEADLINE, JOB_CANCELLED, JOB_COMPLETED,
    };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (w->counts[order[i]] > (order[i] == JOB_CANCELLED ? w->given_up : 0))
            return order[i];
    return w->given_up ? JOB_COMPLETED : JOB_NONE;
}

/* Live tasks change their versions, ended ones their number. */
static uint64_t whole_version(const struct whole *w)
{
    uint64_t digest = 0;
    for (int i = 0; i < JOB_STATE_COUNT; i++)
        digest = hash_mix(digest, w->counts[i]);
    return (w->version & ~(uint64_t)0xffff) | ((w->version ^ digest) & 0xffff);
}

static int write_array(struct json_out *j, struct web *web, const struct view *v, const struct job_ref *ref,
                       const struct op_peer *peer, struct err *err)
{
    struct whole w = { 0 };
    bool may = false;
    int code = gather_array(v, ref, &w, err);
    if (code < 0)
        return code;
    struct view_row row = w.row;
    enum job_state state = whole_state(&w);
    row.id = ref->id;
    snprintf(row.name_id, sizeof row.name_id, "%u", row.array_id ? row.array_id : ref->id);
    row.state = str_of(job_state_word(state));
    row.tasks = ref->tasks;
    row.start_at = w.start_at;
    row.end_at = w.live ? 0 : w.end_at;
    row.eyes_at = w.eyes_at;
    row.start_p10_at = row.start_p50_at = row.start_p90_at = row.eyes_p10_at = 0; /* odds are of each task */
    row.eyes_late_at = w.eyes_late_at;
    row.samples = row.history_n = 0;
    row.end_p50_at = w.end_p50_at;
    row.end_p90_at = w.end_p90_at;
    row.exit_code = w.exit_code;
    row.signal = w.signal;
    row.version = whole_version(&w);
    row.gpu_mask = 0;
    put_common(j, v->daemon, &row, w.live == 0);
    struct core_job first = { 0 };
    if (core_job_after(daemon_core(v->daemon), ref->id - 1, &first) && first.id < ref->id + ref->tasks)
        put_boost(j, web, v, first.id, true, peer);
    out_key(j, "states");
    out_object(j);
    for (int i = 0; i < JOB_STATE_COUNT; i++)
        if (w.counts[i])
            out_put_u64(j, job_state_word((enum job_state)i), w.counts[i]);
    out_end(j);
    row.id = w.row.id;
    return put_request(j, v->daemon, &row, peer, &may, err);
}

int jobs_write(struct web *web, const struct op_peer *peer, struct str id, struct json_out *j,
               struct err *err)
{
    struct view v = { 0 };
    struct job_ref ref = { 0 };
    enum config_shown shown;
    int code = daemon_job_find(web->daemon, id, &ref, err);
    if (code == 0)
        code = web_may_look(web, peer, &ref, &shown, err);
    if (code == 0)
        code = view_init(&v, web->daemon, peer, err);
    if (code < 0)
        return code;
    return ref.whole_array ? write_array(j, web, &v, &ref, peer, err)
                           : write_one(j, web, &v, ref.id, peer, err);
}

int jobs_glance(struct web *web, const struct job_ref *ref, struct jobs_glance *ret, struct err *err)
{
    struct view v;
    struct view_row row;
    struct store_job ended;
    int code = view_init(&v, web->daemon, NULL, err); /* states and versions only */
    if (code < 0)
        return code;
    if (ref->whole_array) {
        struct whole w = { 0 };
        code = gather_array(&v, ref, &w, err);
        if (code == 0)
            *ret = (struct jobs_glance){ .ended = w.live == 0, .version = whole_version(&w) };
        return code;
    }
    if (view_live(&v, ref->id, &row)) {
        *ret = (struct jobs_glance){ .ended = false, .version = row.version };
        return 0;
    }
    code = store_job_get(daemon_store(web->daemon), ref->id, &ended);
    if (code < 0)
        return err_set(err, code, "Job %u is not known any more.", ref->id);
    view_ended(web->daemon, NULL, &ended, &row);
    *ret = (struct jobs_glance){ .ended = true, .version = row.version };
    store_reset(daemon_store(web->daemon));
    return 0;
}
