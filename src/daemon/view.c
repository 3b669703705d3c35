/* view.c - see view.h. */
#include "daemon/view.h"
#include "daemon/accounts.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "daemon/people.h"

int view_init(struct view *v, struct daemon *d, const struct op_peer *peer, struct err *err)
{
    v->daemon = d;
    v->peer = peer;
    v->now_at = daemon_now(d).wall_at;
    int code = daemon_plan(d, &v->plan);
    return code < 0 ? err_set(err, code, "There is not enough memory for the whole plan.") : 0;
}

void view_name_id(job_id id, job_id array_id, uint32_t array_index, char ret[VIEW_NAME_ID_MAX])
{
    struct buf b;
    buf_init_fixed(&b, ret, VIEW_NAME_ID_MAX);
    buf_u64(&b, array_id ? array_id : id);
    if (array_id) {
        buf_char(&b, '_');
        buf_u64(&b, array_index);
    }
}

static usec_t known(usec_t at)
{
    return at == USEC_NEVER ? 0 : at;
}

/* An hour away, a minute's shift is no news; the grain is a sixteenth of the distance. */
static uint64_t coarse(usec_t at, usec_t now_at)
{
    usec_t grain = USEC_PER_MIN;
    usec_t distance = at > now_at ? at - now_at : now_at - at;
    if (at == USEC_NEVER)
        return 0;
    while (grain < distance / 16)
        grain *= 2;
    return (uint64_t)(at / grain);
}

static uint64_t version_of(const struct view *v, const struct plan_row *row, uint64_t journal,
                           uint32_t position)
{
    uint64_t digest = 0;
    if (row->state == JOB_PENDING) {
        digest = hash_mix(digest, position);
        digest = hash_mix(digest, row->reason);
        digest = hash_mix(digest, coarse(row->start_at, v->now_at));
    }
    return journal << 16 | (digest & 0xffff);
}

/* When its owner can look is not told either: it would say who that is. */
static void hide(struct view_row *row, enum config_shown shown)
{
    row->shown = shown;
    if (shown == SHOWN_FULL)
        return;
    row->name = (struct str){ 0 };
    row->account = "";
    if (shown == SHOWN_NO_NAMES)
        return;
    row->owner = row->submitter = ""; /* not NULL: there is a row */
    row->submit_at = row->begin_at = row->deadline_at = row->eyes_p10_at = row->eyes_at = row->eyes_late_at = 0;
    row->exit_code = row->signal = row->nice = 0;
    row->limit_us = row->watts_mw = 0;
    row->attempt = 0;
    row->terminal = false;
}

static void fill(const struct view *v, const struct plan_row *row, const struct core_job *job,
                 const struct job_info *info, uint32_t position, struct view_row *ret)
{
    const struct people *people = daemon_people(v->daemon);
    *ret = (struct view_row){
        .id = row->job, .array_id = job->array_id, .array_index = job->array_index,
        .name = str_of(info->name), .owner = people_name(people, info->owner),
        .submitter = people_name(people, info->submitter), .account = daemon_account_name(v->daemon, job->account),
        .state = str_of(job_state_word(row->state)), .reason = str_of(reason_word(row->reason)),
        .job_state = row->state, .gpus = job->gpus, .cpus = job->cpus, .mem_mib = job->mem_mib,
        .gpu_mask = row->state == JOB_PENDING ? 0 : job->gpu_mask, .position = position,
        .submit_at = job->submit_at, .begin_at = job->begin_at, .deadline_at = job->deadline_at,
        .start_at = known(row->start_at), .start_p10_at = known(row->start_p10_at),
        .start_p50_at = known(row->start_p50_at), .start_p90_at = known(row->start_p90_at), .samples = row->samples, .history_n = row->history_n,
        .eyes_p10_at = known(row->eyes_p10_at),
        .end_p10_at = known(row->end_p10_at), .end_p50_at = known(row->end_p50_at),
        .end_p90_at = known(row->end_p90_at), .eyes_at = known(row->eyes_at),
        .eyes_late_at = known(row->eyes_late_at), .nice = job->nice, .limit_us = job->limit_us,
        .attempt = job->attempt, .tasks = 1, .request = info->request,
        .version = version_of(v, row, info->version, position),
    };
    view_name_id(ret->id, ret->array_id, ret->array_index, ret->name_id);
    struct daemon_use use;
    ret->terminal = row->state == JOB_RUNNING && daemon_use(v->daemon, row->job, job->attempt, &use);
    if (ret->terminal) {
        ret->idle_us = use.idle_us;
        ret->attached = use.attached;
    }
    ret->eyes_p10_at = daemon_eyes_shown(v->daemon, v->peer, job, ret->eyes_p10_at, ret->end_p10_at);
    ret->eyes_at = daemon_eyes_shown(v->daemon, v->peer, job, ret->eyes_at, ret->end_p50_at);
    ret->eyes_late_at = daemon_eyes_shown(v->daemon, v->peer, job, ret->eyes_late_at, ret->end_p90_at);
    hide(ret, daemon_shown(v->daemon, v->peer, info->uid, info->owner));
}

/* --- tasks that stand together ------------------------------------------------------------------ */

struct group { /* "12_[3-9,11]" being written */
    struct buf text;
    uint32_t from, until; /* the run not yet written */
    bool cut;
};

static void write_run(struct group *g)
{
    char run[32];
    int n = g->from == g->until ? snprintf(run, sizeof run, "%u", g->from)
                                : snprintf(run, sizeof run, "%u-%u", g->from, g->until);
    if (g->cut || g->text.len + (size_t)n + sizeof ",...]" > VIEW_NAME_ID_MAX) {
        buf_c(&g->text, g->cut ? "" : "...,");
        g->cut = true;
        return;
    }
    buf_add(&g->text, run, (size_t)n);
    buf_char(&g->text, ',');
}

static bool same_group(const struct core_job *a, const struct core_job *b, const struct plan_row *x,
                       const struct plan_row *y)
{
    return a->array_id && a->array_id == b->array_id && y->state == JOB_PENDING &&
           x->reason == y->reason && a->attempt == b->attempt && a->limit_us == b->limit_us &&
           a->gpus == b->gpus && a->nice == b->nice && a->begin_at == b->begin_at;
}

static uint32_t gather(const struct view *v, uint32_t i, const struct core_job *first,
                       struct view_row *ret)
{
    const struct core *core = daemon_core(v->daemon);
    struct group g = { .from = first->array_index, .until = first->array_index };
    uint32_t n = 1;
    struct core_job next;
    const struct plan_row *rows = v->plan.rows;
    buf_init_fixed(&g.text, ret->name_id, VIEW_NAME_ID_MAX);
    buf_u64(&g.text, first->array_id);
    buf_c(&g.text, "_[");
    while (i + n < v->plan.rows_n && core_job_get(core, rows[i + n].job, &next) &&
           same_group(first, &next, &rows[i], &rows[i + n])) {
        struct job_info info;
        if (next.array_index == g.until + 1) {
            g.until++;
        } else {
            write_run(&g);
            g.from = g.until = next.array_index;
        }
        if (daemon_job_info(v->daemon, next.id, &info) && info.version << 16 > ret->version)
            ret->version = (info.version << 16) | (ret->version & 0xffff);
        n++;
    }
    if (n == 1) {
        view_name_id(first->id, first->array_id, first->array_index, ret->name_id);
        return 1;
    }
    write_run(&g);
    g.text.ptr[g.text.len - 1] = ']'; /* over the last comma */
    ret->tasks = n;
    return n;
}

uint32_t view_planned(const struct view *v, uint32_t i, bool all, uint32_t *waiting,
                      struct view_row *ret)
{
    const struct plan_row *row = &v->plan.rows[i];
    struct core_job job;
    struct job_info info;
    uint32_t position = row->state == JOB_PENDING ? *waiting + 1 : 0;
    uint32_t took = 1;
    /* Web code never runs while a job of the plan is being forgotten: both are there. */
    if (!core_job_get(daemon_core(v->daemon), row->job, &job) ||
        !daemon_job_info(v->daemon, row->job, &info)) {
        *ret = (struct view_row){ .id = row->job };
        return 1;
    }
    fill(v, row, &job, &info, position, ret);
    if (!all && position && job.array_id)
        took = gather(v, i, &job, ret);
    if (position)
        *waiting += took;
    return took;
}

uint32_t view_skip(const struct view *v, uint32_t i, bool all, uint32_t *waiting)
{
    const struct core *core = daemon_core(v->daemon);
    const struct plan_row *rows = v->plan.rows;
    struct core_job first, next;
    uint32_t n = 1;
    if (rows[i].state != JOB_PENDING)
        return 1;
    if (!all && core_job_get(core, rows[i].job, &first) && first.array_id)
        while (i + n < v->plan.rows_n && core_job_get(core, rows[i + n].job, &next) &&
               same_group(&first, &next, &rows[i], &rows[i + n]))
            n++;
    *waiting += n;
    return n;
}

bool view_live(const struct view *v, job_id id, struct view_row *ret)
{
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < v->plan.rows_n; i++) {
        if (v->plan.rows[i].job == id) {
            view_planned(v, i, true, &waiting, ret);
            return ret->owner != NULL;
        }
        waiting += v->plan.rows[i].state == JOB_PENDING;
    }
    return false;
}

void view_ended(const struct daemon *d, const struct op_peer *peer, const struct store_job *j, struct view_row *ret)
{
    const struct people *people = daemon_people((struct daemon *)d);
    struct person submitter = { .uid = -1 };
    *ret = (struct view_row){
        .id = j->id, .array_id = j->array_id, .array_index = j->array_index, .name = j->name,
        .owner = people_name(people, (person_no)j->owner),
        .submitter = people_name(people, (person_no)j->submitter), .state = j->state,
        .reason = j->reason, .job_state = JOB_COMPLETED, .gpus = j->gpus, .cpus = j->cpus,
        .mem_mib = j->mem_mib, .gpu_mask = j->gpu_mask, .submit_at = j->submit_at,
        .begin_at = j->begin_at, .deadline_at = j->deadline_at, .start_at = j->start_at,
        .end_at = j->end_at, .exit_code = j->exit_code, .signal = j->signal, .nice = j->nice,
        .limit_us = j->limit_us, .attempt = j->attempts, .tasks = 1, .request = j->request,
        .account = daemon_account_name(d, j->account), .watts_mw = j->watts_mw,
        .version = (uint64_t)j->end_at & (((uint64_t)1 << 53) - 1), /* ended rows change no more */
    };
    view_name_id(ret->id, ret->array_id, ret->array_index, ret->name_id);
    (void)people_get(people, (person_no)j->submitter, &submitter);
    hide(ret, daemon_shown(d, peer, submitter.uid, (person_no)j->owner));
}

/* --- writing ------------------------------------------------------------------------------------ */

void view_write_mask(struct json_out *j, const char *key, uint64_t mask)
{
    out_key(j, key);
    out_array(j);
    for (uint32_t i = 0; mask; i++, mask >>= 1)
        if (mask & 1)
            out_u64(j, i);
    out_end(j);
}

/* When somebody sits there is nobody else's business; that it is not used is. */
static void put_idle(struct json_out *j, const struct view_row *row)
{
    out_put_i64(j, "idle_us", row->idle_us - row->idle_us % VIEW_IDLE_GRAIN_US);
}

/* Most have none, and lists are long. */
static void put_account(struct json_out *j, const struct view_row *row)
{
    if (row->account && row->account[0])
        out_put_clean(j, "account", str_of(row->account));
}

/* A long list is mostly zeros and keys: what a table of jobs shows, and of that what is not 0. */
void view_write_brief(struct json_out *j, const struct view_row *row)
{
    const struct {
        const char *key;
        usec_t at;
    } times[] = { { "start_at", row->start_at }, { "end_p10_at", row->end_p10_at }, { "end_p50_at", row->end_p50_at },
                  { "end_p90_at", row->end_p90_at }, { "end_at", row->end_at }, { "eyes_at", row->eyes_at } };
    bool range = row->end_p10_at > 0 && row->end_p10_at != USEC_NEVER; /* the middle is then not shown */
    out_put_c(j, "name_id", row->name_id);
    out_put_clean(j, "name", row->name);
    out_put_clean(j, "owner", str_of(row->owner));
    put_account(j, row);
    out_put_str(j, "state", row->state);
    out_put_str(j, "reason", row->reason);
    if (row->gpus)
        out_put_u64(j, "gpus", row->gpus);
    if (row->gpu_mask)
        view_write_mask(j, "gpu_list", row->gpu_mask);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (times[i].at && !(range && i == 2))
            out_put_at(j, times[i].key, times[i].at);
    if (row->tasks > 1)
        out_put_u64(j, "tasks", row->tasks);
    if (row->terminal)
        put_idle(j, row);
}

void view_write(struct json_out *j, const struct view_row *row)
{
    out_put_u64(j, "id", row->id);
    out_put_c(j, "name_id", row->name_id);
    out_put_clean(j, "name", row->name);
    out_put_clean(j, "owner", str_of(row->owner));
    put_account(j, row);
    out_put_str(j, "state", row->state);
    out_put_str(j, "reason", row->reason);
    out_put_u64(j, "gpus", row->gpus);
    out_put_u64(j, "cpus", row->cpus);
    view_write_mask(j, "gpu_list", row->gpu_mask);
    out_put_u64(j, "position", row->position);
    out_put_at(j, "submit_at", row->submit_at);
    out_put_at(j, "start_at", row->start_at);
    out_put_at(j, "start_late_at", row->start_p90_at);
    out_put_at(j, "start_p10_at", row->start_p10_at);
    out_put_at(j, "start_p50_at", row->start_p50_at);
    out_put_at(j, "start_p90_at", row->start_p90_at);
    out_put_at(j, "end_p10_at", row->end_p10_at);
    out_put_at(j, "end_p50_at", row->end_p50_at);
    out_put_at(j, "end_p90_at", row->end_p90_at);
    out_put_at(j, "eyes_at", row->eyes_at);
    out_put_at(j, "eyes_late_at", row->eyes_late_at);
    out_put_at(j, "eyes_p10_at", row->eyes_p10_at);
    out_put_at(j, "eyes_p50_at", row->eyes_at);
    out_put_at(j, "eyes_p90_at", row->eyes_late_at);
    out_put_u64(j, "odds_samples", row->samples);
    out_put_u64(j, "odds_history_n", row->history_n);
    out_put_at(j, "end_at", row->end_at);
    out_put_i64(j, "exit_code", row->exit_code);
    out_put_i64(j, "signal", row->signal);
    out_put_i64(j, "limit_us", row->limit_us);
    out_put_u64(j, "attempt", row->attempt);
    out_put_u64(j, "tasks", row->tasks);
    out_put_i64(j, "watts_mw", row->watts_mw);
    if (row->terminal)
        put_idle(j, row);
    out_put_u64(j, "version", row->version);
}
