/* data.c - all that is stored about somebody, for that person: GET /v1/me/data.
 *
 * What they said, when they could look in the last days as it was told then (daemon/passed.h), their calendars with every stretch
 * that is kept of them, their channels, what a rule refused to them, work by hand that they asked for or were asked for, how many
 * of their jobs are kept; and for how long what goes by itself stays.
 * Whoever runs the daemon sees it of sample people only, as with calendars.
 */
#include "daemon/calendars.h"
#include "daemon/passed.h"
#include "daemon/refusal.h"
#include "web/internal.h"

/* Live jobs of an owner. */
static uint64_t live_jobs(const struct core *core, person_no no)
{
    struct core_job job;
    uint64_t n = 0;
    for (job_id id = 0; core_job_after(core, id, &job); id = job.id)
        n += job.owner == no;
    return n;
}

static void put_jobs(struct json_out *j, struct daemon *d, person_no no)
{
    const struct config *config = daemon_config(d);
    out_key(j, "jobs");
    out_object(j);
    out_put_u64(j, "live", live_jobs(daemon_core(d), no));
    out_put_u64(j, "ended", store_jobs_count(daemon_store(d), no, 0));
    out_end(j);
    out_key(j, "kept");
    out_object(j);
    out_put_i64(j, "jobs_us", config->keep_jobs_us);
    out_put_i64(j, "logs_us", config->keep_logs_us);
    out_put_i64(j, "journal_us", config->keep_journal_us);
    out_end(j);
}

/* [from_at, until_at] each. */
static void put_passed(struct json_out *j, const struct daemon *d, person_no no)
{
    struct span known;
    const struct span *at = NULL;
    size_t n = 0;
    (void)passed_get(d, no, &known, &at, &n);
    out_key(j, "could_look");
    out_array(j);
    for (size_t i = 0; i < n; i++) {
        out_array(j);
        out_i64(j, at[i].from_at);
        out_i64(j, at[i].until_at);
        out_end(j);
    }
    out_end(j);
}

/* Whoever only looks has no number in the team; something may have been refused to them all the same. */
static void show_refusals(struct call *c)
{
    struct buf b;
    struct json_out j;
    web_start(&b, &j);
    refusals_put(&j, c->web, c->peer.uid);
    out_end(&j);
    web_reply_json(c->web, c->r, &b);
}

void data_show(struct call *c)
{
    struct daemon *d = c->web->daemon;
    struct buf b;
    struct json_out j;
    struct person p;
    person_no no;
    int code = web_whose(c, &no);
    if (code == 0 && !no && daemon_refusal_last(d, c->peer.uid)) {
        show_refusals(c);
        return;
    }
    if (code == 0 && !no)
        code = err_set(&c->err, E_NOT_FOUND, "Nothing is stored about you.");
    if (code < 0) {
        web_reply_error(c->web, c->r, &c->err, -1);
        return;
    }
    web_start(&b, &j);
    out_key(&j, "me");
    out_object(&j);
    team_write_me(c->web, no, c->r->lang, &j);
    out_end(&j);
    calendars_write(&j, c->web, no, c->r->lang, true);
    notify_write(&j, c->web, no, c->r->lang);
    feeds_write(&j, c->web, no);
    links_write(&j, c->web, no);
    code = todos_write_all(&j, c->web, no);
    put_passed(&j, d, no);
    if (people_get(daemon_people(d), no, &p) && p.uid == (int64_t)c->peer.uid)
        refusals_put(&j, c->web, c->peer.uid);
    put_jobs(&j, d, no);
    out_end(&j);
    if (code < 0) {
        buf_finish(&b);
        err_set(&c->err, code, "What is stored could not be read.");
        web_reply_error(c->web, c->r, &c->err, -1);
        return;
    }
    web_reply_json(c->web, c->r, &b);
}
