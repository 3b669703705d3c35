/* jobs.c - looking at jobs: the list, one job, why, the last output. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "cal/zone_load.h"
#include "daemon/why.h"
#include "web/internal.h"
#include "web/jobs_detail.h"

#define TAIL_MAX (64 * 1024)

static void refuse(struct call *c)
{
    web_reply_error(c->web, c->r, &c->err, -1);
}

/* --- the list --------------------------------------------------------------------------------------- */

struct list_query {
    bool pending, running, ended, all, brief, nobody; /* nobody: none is shown */
    person_no owner; /* 0: everybody */
    uint64_t limit;
    usec_t before_at;
};

static int read_state(struct call *c, struct list_query *q)
{
    struct str state = http_query(c->r, "state");
    if (!state.ptr || str_is(state, "live"))
        q->pending = q->running = true;
    else if (str_is(state, "pending"))
        q->pending = true;
    else if (str_is(state, "running"))
        q->running = true;
    else if (str_is(state, "ended"))
        q->ended = true;
    else
        return err_set(&c->err, E_INVALID,
                       "The parameter \"state\" must be live, pending, running or ended.");
    return 0;
}

static int read_list_query(struct call *c, struct list_query *q)
{
    struct str owner = http_query(c->r, "owner");
    struct str after = http_query(c->r, "after");
    uint64_t id = 0;
    int code = read_state(c, q);
    if (code == 0)
        code = web_query_u64(c, "limit", WEB_ROWS_DEFAULT, WEB_ROWS_MAX, &q->limit);
    if (code == 0)
        code = web_query_flag(c, "all", &q->all);
    if (code == 0)
        code = web_query_flag(c, "brief", &q->brief);
    if (code == 0)
        code = web_query_u64(c, "after", 0, UINT32_MAX, &id);
    if (code < 0)
        return code;
    if (q->limit == 0)
        q->limit = WEB_ROWS_MAX;
    if (owner.ptr) {
        q->owner = people_find_name(daemon_people(c->web->daemon), owner);
        if (!q->owner)
            return err_set(&c->err, E_NOT_FOUND, "Nobody of the team is called \"%.*s\".",
                           (int)(owner.len < 64 ? owner.len : 64), owner.ptr);
    }
    if (daemon_shown(c->web->daemon, &c->peer, -1, q->owner) == SHOWN_BUSY) {
        if (owner.ptr)
            return err_set(&c->err, E_DENIED, "Whose jobs are whose is not shown in this team; ask for your own.");
        /* How others' jobs ended is nobody's business: the ended ones are one's own. */
        q->owner = q->ended ? people_find_uid(daemon_people(c->web->daemon), c->peer.uid) : 0;
        q->nobody = q->ended && !q->owner;
    }
    q->before_at = USEC_NEVER;
    if (after.ptr) {
        struct store_job last;
        if (!q->ended || store_job_get(daemon_store(c->web->daemon), (uint32_t)id, &last) < 0)
            return err_set(&c->err, E_INVALID,
                           "The parameter \"after\" must be the id of an ended job, with state=ended.");
        q->before_at = last.end_at;
        store_reset(daemon_store(c->web->daemon));
    }
    return 0;
}

static void write_counts(struct json_out *j, const struct core *core)
{
    struct core_counts n = core_count(core);
    out_key(j, "counts");
    out_object(j);
    out_put_u64(j, "pending", n.pending);
    out_put_u64(j, "held", n.held);
    out_put_u64(j, "running", (uint64_t)n.starting + n.running + n.completing);
    out_end(j);
}

static bool wanted(const struct view *v, const struct list_query *q, const struct plan_row *row)
{
    struct job_info info;
    bool pending = row->state == JOB_PENDING;
    if (pending ? !q->pending : !q->running)
        return false;
    return !q->owner || (daemon_job_info(v->daemon, row->job, &info) && info.owner == q->owner);
}

static uint64_t write_live_rows(struct json_out *j, const struct view *v, const struct list_query *q)
{
    uint64_t rows = 0;
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < v->plan.rows_n;) {
        struct view_row row;
        bool want = wanted(v, q, &v->plan.rows[i]);
        if (!want || rows >= q->limit) { /* beyond the screen only their number matters */
            i += view_skip(v, i, q->all, &waiting);
            rows += want;
            continue;
        }
        i += view_planned(v, i, q->all, &waiting, &row);
        if (!row.owner)
            continue;
        rows++;
        out_object(j);
        (q->brief ? view_write_brief : view_write)(j, &row);
        out_end(j);
    }
    return rows;
}

struct ended_walk {
    struct json_out *j;
    struct daemon *daemon;
    const struct op_peer *peer;
};

static int write_ended_row(const struct store_job *job, void *data)
{
    struct ended_walk *w = data;
    struct view_row row;
    view_ended(w->daemon, w->peer, job, &row);
    out_object(w->j);
    view_write(w->j, &row);
    out_end(w->j);
    return w->j->out->failed ? E_TOO_LARGE : 0;
}

void jobs_list(struct call *c)
{
    struct daemon *d = c->web->daemon;
    struct list_query q = { 0 };
    struct view v = { 0 };
    struct buf b;
    struct json_out j;
    uint64_t rows_n = 0;
    int code = read_list_query(c, &q);
    if (code == 0 && !q.ended)
        code = view_init(&v, d, &c->peer, &c->err);
    if (code < 0) {
        refuse(c);
        return;
    }
    web_start(&b, &j);
    out_put_at(&j, "now_at", daemon_now(d).wall_at);
    write_counts(&j, daemon_core(d));
    out_key(&j, "rows");
    out_array(&j);
    if (q.ended && !q.nobody) {
        struct ended_walk walk = { &j, d, &c->peer };
        code = store_jobs_each(daemon_store(d), q.owner, q.before_at, (uint32_t)q.limit,
                               write_ended_row, &walk);
        rows_n = store_jobs_count(daemon_store(d), q.owner);
    } else if (!q.ended) {
        rows_n = write_live_rows(&j, &v, &q);
    }
    out_end(&j);
    out_put_u64(&j, "rows_n", rows_n);
    if (!q.ended)
        todos_write_plan(&j, c->web, &v.plan, people_find_uid(daemon_people(d), c->peer.uid), NULL);
    out_end(&j);
    if (code < 0 && !b.failed) {
        buf_finish(&b);
        err_set(&c->err, code, "The ended jobs could not be read from the store.");
        refuse(c);
        return;
    }
    web_reply_json(c->web, c->r, &b);
}

/* --- one job ------------------------------------------------------------------------------------------ */

void jobs_show(struct call *c)
{
    struct buf b;
    struct json_out j;
    web_start(&b, &j);
    int code = jobs_write(c->web, &c->peer, c->part[0], &j, &c->err);
    out_end(&j);
    if (code == 0) {
        web_reply_json(c->web, c->r, &b);
        return;
    }
    buf_finish(&b);
    refuse(c);
}

void jobs_tail(struct call *c)
{
    struct daemon *d = c->web->daemon;
    struct job_ref ref = { 0 };
    struct detail_request request = { 0 };
    struct buf b;
    uint64_t max = 0, total = 0;
    int code = web_query_u64(c, "bytes", TAIL_MAX, TAIL_MAX, &max);
    if (code == 0)
        code = daemon_job_find(d, c->part[0], &ref, &c->err);
    if (code == 0 && ref.whole_array)
        code = err_set(&c->err, E_INVALID,
                       "Job %u is an array; name one of its tasks, such as %u_1.", ref.id, ref.id);
    if (code == 0)
        code = detail_request_get(d, ref.id, &request, &c->err);
    if (code == 0 && !daemon_may(d, &c->peer, request.uid))
        code = err_set(&c->err, E_DENIED, "The output of job %u is for its submitter only.", ref.id);
    if (code < 0) {
        refuse(c);
        return;
    }
    buf_init(&b, TAIL_MAX);
    code = daemon_tail(d, ref.id, max, &b, &total);
    if (code < 0 && code != E_NOT_FOUND) { /* none yet, or no longer kept: an empty answer */
        buf_finish(&b);
        err_set(&c->err, code, "The last output of job %u cannot be read.", ref.id);
        refuse(c);
        return;
    }
    http_reply(c->r, 200, "text/plain; charset=utf-8", &b);
}

/* --- why ------------------------------------------------------------------------------------------------ */

/* The reader's own zone and language: the zone their terminal keeps (*own is filled), else theirs. */
static void reader_of(struct call *c, struct why_facts *f, struct zone *own)
{
    const struct people *people = daemon_people(c->web->daemon);
    struct str zone = http_query(c->r, "zone");
    char name[ZONE_NAME_MAX];
    struct person me;
    struct err ignored = { 0 };
    f->lang = c->r->lang;
    f->zone = people_system_zone(people);
    if (zone.len > 0 && zone_load(zone, own, name, &ignored) == 0) {
        f->zone = own;
        return;
    }
    if (people_get(people, people_find_uid(people, c->peer.uid), &me))
        f->zone = me.zone;
}

static void find_blocker(const struct view *v, job_id blocker, struct why_facts *f,
                         char text[VIEW_NAME_ID_MAX])
{
    struct core_job job;
    struct core_todo todo;
    struct job_info info;
    f->blocker_is_todo = blocker && core_todo_get(daemon_core(v->daemon), blocker, &todo);
    if (f->blocker_is_todo) {
        view_name_id(blocker, 0, 0, text);
        f->blocker_id = text;
        for (uint32_t i = 0; i < v->plan.todo_rows_n; i++)
            if (v->plan.todo_rows[i].todo == blocker) /* its last piece */
                f->blocker_end_at = v->plan.todo_rows[i].until_at;
        return;
    }
    if (!blocker || !core_job_get(daemon_core(v->daemon), blocker, &job))
        return;
    view_name_id(job.id, job.array_id, job.array_index, text);
    f->blocker_id = text;
    if (daemon_job_info(v->daemon, blocker, &info) &&
        daemon_shown(v->daemon, v->peer, info.uid, info.owner) == SHOWN_FULL)
        f->blocker_name = str_of(info.name);
    for (uint32_t i = 0; i < v->plan.rows_n; i++)
        if (v->plan.rows[i].job == blocker && v->plan.rows[i].end_p50_at != USEC_NEVER)
            f->blocker_end_at = v->plan.rows[i].end_p50_at;
}

static void find_reservation(const struct view *v, const struct explanation *x, struct why_facts *f, struct buf *name)
{
    struct reservation r;
    if (!x->reservation || !reserve_find(daemon_core(v->daemon), x->reservation, &r))
        return;
    enum config_shown shown = daemon_shown(v->daemon, v->peer, -1, (person_no)r.person);
    if (shown == SHOWN_FULL)
        reserve_name(name, &r);
    if (shown != SHOWN_BUSY)
        f->reservation_for = people_name(daemon_people(v->daemon), (person_no)r.person);
    f->reservation_name = buf_look(name);
    f->reservation_from_at = r.from_at;
    f->reservation_until_at = r.until_at;
}

static void reply_why(struct call *c, const struct explanation *x, const struct why_facts *f,
                      struct str reason)
{
    struct buf b;
    struct json_out j;
    web_start(&b, &j);
    out_put_u64(&j, "id", x->job);
    out_put_c(&j, "name_id", f->name_id);
    out_put_c(&j, "state", job_state_word(f->state));
    out_put_str(&j, "reason", reason);
    out_key(&j, "sentences");
    why_sentences(x, f, &j);
    out_key(&j, "numbers");
    why_numbers(x, f, &j);
    out_end(&j);
    web_reply_json(c->web, c->r, &b);
}

/* What others may know of whoever looks at the result. */
static void blur_eyes(const struct view *v, const struct core_job *job, struct explanation *x)
{
    x->eyes_at = daemon_eyes_shown(v->daemon, v->peer, job, x->eyes_at, x->end_p50_at);
    x->eyes_late_at = daemon_eyes_shown(v->daemon, v->peer, job, x->eyes_late_at, x->end_p90_at);
    x->now_eyes_at = daemon_eyes_shown(v->daemon, v->peer, job, x->now_eyes_at, 0);
    x->now_eyes_late_at = daemon_eyes_shown(v->daemon, v->peer, job, x->now_eyes_late_at, 0);
}

static bool why_live(struct call *c, const struct view *v, job_id id)
{
    struct view_row row;
    struct explanation x;
    struct core_job job;
    char blocker[VIEW_NAME_ID_MAX], kept_memory[RESERVE_NAME_MAX + 1];
    struct buf kept_as;
    struct zone own;
    if (!view_live(v, id, &row) ||
        core_explain(daemon_core(c->web->daemon), id, &v->plan, &x) < 0 ||
        !core_job_get(daemon_core(c->web->daemon), id, &job))
        return false;
    blur_eyes(v, &job, &x);
    struct why_facts f = { .now_at = v->now_at, .state = row.job_state, .name_id = row.name_id,
                           .owner = row.owner, .start_at = row.start_at,
                           .end_p10_at = row.end_p10_at, .attempt = row.attempt,
                           .limit_us = row.limit_us, .stalled_at = daemon_stalled_at(c->web->daemon, id) };
    struct core_counts machine = core_count(daemon_core(c->web->daemon));
    f.urgent = job.flags & JOB_URGENT && core_urgent(daemon_core(c->web->daemon), job.owner, v->now_at).most;
    f.currency = daemon_currency(c->web->daemon);
    f.cpus = machine.cpus_n;
    f.mem_mib = machine.mem_mib;
    reader_of(c, &f, &own);
    find_blocker(v, x.blocker, &f, blocker);
    buf_init_fixed(&kept_as, kept_memory, sizeof kept_memory);
    find_reservation(v, &x, &f, &kept_as);
    reply_why(c, &x, &f, str_of(reason_word(x.reason)));
    return true;
}

static enum job_state state_of(struct str word)
{
    for (int i = 0; i < JOB_STATE_COUNT; i++)
        if (str_is(word, job_state_word((enum job_state)i)))
            return (enum job_state)i;
    return JOB_NONE;
}

static enum reason reason_of(struct str word)
{
    for (int i = 0; i < REASON_COUNT; i++)
        if (str_is(word, reason_word((enum reason)i)))
            return (enum reason)i;
    return REASON_NONE;
}

static int keep_message(const struct store_attempt *a, void *data)
{
    buf_clear(data);
    buf_str(data, a->message);
    return 0;
}

/* What was in the way of the last attempt, for who may see it: it may name paths. */
static void find_message(struct call *c, job_id id, struct why_facts *f, struct buf *message)
{
    struct store_request request;
    struct daemon *d = c->web->daemon;
    if (store_request_get(daemon_store(d), id, &request) == 0 && daemon_may(d, &c->peer, request.uid) &&
        store_attempts_each(daemon_store(d), id, keep_message, message) == 0)
        f->launch_message = buf_look(message);
}

static bool why_ended(struct call *c, job_id id)
{
    struct store_job job;
    struct view_row row;
    struct zone own;
    if (store_job_get(daemon_store(c->web->daemon), id, &job) < 0)
        return false;
    view_ended(c->web->daemon, &c->peer, &job, &row);
    struct explanation x = { .job = id, .reason = reason_of(row.reason) };
    struct why_facts f = { .now_at = daemon_now(c->web->daemon).wall_at,
                           .state = state_of(row.state), .name_id = row.name_id,
                           .owner = row.owner, .start_at = row.start_at, .end_at = row.end_at,
                           .attempt = row.attempt, .exit_code = row.exit_code,
                           .signal = row.signal, .limit_us = row.limit_us };
    char word[64], memory[ERR_TEXT_MAX];
    struct buf reason, message;
    buf_init_fixed(&reason, word, sizeof word); /* the row of the store is gone at the next look-up */
    buf_str(&reason, row.reason);
    buf_init_fixed(&message, memory, sizeof memory);
    reader_of(c, &f, &own);
    if (x.reason == REASON_LAUNCH_FAILED)
        find_message(c, id, &f, &message);
    reply_why(c, &x, &f, buf_look(&reason));
    store_reset(daemon_store(c->web->daemon));
    return true;
}

/* Of an array: the first task in the plan that waits, else the first that lives, else the first. */
static job_id array_example(const struct view *v, const struct job_ref *ref)
{
    job_id live = 0;
    for (uint32_t i = 0; i < v->plan.rows_n; i++) {
        const struct plan_row *row = &v->plan.rows[i];
        if (row->job < ref->id || row->job - ref->id >= ref->tasks)
            continue;
        if (row->state == JOB_PENDING)
            return row->job;
        live = live ? live : row->job;
    }
    return live ? live : ref->id;
}

void jobs_why(struct call *c)
{
    struct view v = { 0 };
    struct job_ref ref = { 0 };
    enum config_shown shown;
    int code = daemon_job_find(c->web->daemon, c->part[0], &ref, &c->err);
    if (code == 0)
        code = web_may_look(c->web, &c->peer, &ref, &shown, &c->err);
    if (code == 0)
        code = view_init(&v, c->web->daemon, &c->peer, &c->err);
    if (code < 0) {
        refuse(c);
        return;
    }
    job_id id = ref.whole_array ? array_example(&v, &ref) : ref.id;
    if (why_live(c, &v, id) || why_ended(c, id))
        return;
    err_set(&c->err, E_NOT_FOUND, "Job %u is not known any more.", id);
    refuse(c);
}
