/* jobs.c - looking at jobs: the list, one job, why, the last output. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/utf8.h"
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
    uint32_t account; /* 0: any, or none */
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
    struct str account = http_query(c->r, "account");
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
    if (account.ptr) {
        if (daemon_shown(c->web->daemon, &c->peer, -1, q->owner) != SHOWN_FULL) /* one's own are, with owner */
            return err_set(&c->err, E_DENIED, "Whose jobs are for which account is not shown in this team.");
        q->account = daemon_account_find(c->web->daemon, account);
        if (!q->account)
            return daemon_account_refuse(c->web->daemon, account, &c->err);
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
    struct core_job job;
    bool pending = row->state == JOB_PENDING;
    if (pending ? !q->pending : !q->running)
        return false;
    if (q->account && (!core_job_get(daemon_core(v->daemon), row->job, &job) || job.account != q->account))
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
        code = store_jobs_each(daemon_store(d), q.owner, q.account, q.before_at, (uint32_t)q.limit,
                               write_ended_row, &walk);
        rows_n = store_jobs_count(daemon_store(d), q.owner, q.account);
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
