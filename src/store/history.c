/* history.c - attempts and ended jobs; see store.h. */
#include <string.h>

#include "store/internal.h"

static const char *const attempt_words[ATTEMPT_STATE_COUNT] = {
#define X(word) [ATTEMPT_##word] = #word,
    STORE_ATTEMPT_STATES(X)
#undef X
};

const char *store_attempt_word(enum store_attempt_state state)
{
    return state < ATTEMPT_STATE_COUNT ? attempt_words[state] : "?";
}

int store_attempt_add(struct store *s, const struct store_attempt *a)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, ST_ATTEMPT_ADD);
    if (!st)
        return s->failed;
    bind_i64(st, 1, a->job);
    bind_i64(st, 2, a->number);
    bind_blob(st, 3, (struct str){ (const char *)a->uuid, sizeof a->uuid });
    bind_u64(st, 4, a->gpus);
    bind_i64(st, 5, a->decided_at);
    bind_i64(st, 6, a->plan_start_at);
    bind_str(st, 7, a->trade);
    bind_i64(st, 8, a->canary_us);
    return store_done(s, st);
}

int store_attempt_running(struct store *s, uint32_t job, uint32_t number, usec_t start_at)
{
    return STORE_WRITE(s, ST_ATTEMPT_RUNNING, num(job), num(number), num(start_at));
}

int store_attempt_end(struct store *s, const struct store_attempt *a)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, ST_ATTEMPT_END);
    if (!st)
        return s->failed;
    bind_i64(st, 1, a->job);
    bind_i64(st, 2, a->number);
    bind_str(st, 3, str_of(store_attempt_word(a->state)));
    bind_i64(st, 4, a->open);
    bind_i64(st, 5, a->start_at);
    bind_i64(st, 6, a->end_at);
    bind_i64(st, 7, a->exit_code);
    bind_i64(st, 8, a->signal);
    bind_i64(st, 9, a->user_us);
    bind_i64(st, 10, a->system_us);
    bind_i64(st, 11, a->rss_max_kib);
    bind_u64(st, 12, a->output_bytes);
    bind_u64(st, 13, a->output_lost);
    bind_str(st, 14, a->cause);
    bind_str(st, 15, a->message);
    return store_done(s, st);
}

int store_attempt_note(struct store *s, uint32_t job, uint32_t number, struct str message)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, ST_ATTEMPT_NOTE);
    if (!st)
        return s->failed;
    bind_i64(st, 1, job);
    bind_i64(st, 2, number);
    bind_str(st, 3, message);
    return store_done(s, st);
}

int store_attempt_way(struct store *s, uint32_t job, uint32_t number, uint32_t way_for)
{
    return STORE_WRITE(s, ST_ATTEMPT_WAY, num(job), num(number), num(way_for));
}

int store_attempt_close(struct store *s, uint32_t job, uint32_t number)
{
    return STORE_WRITE(s, ST_ATTEMPT_CLOSE, num(job), num(number));
}

static enum store_attempt_state state_of(struct str word)
{
    for (int i = 0; i < ATTEMPT_STATE_COUNT; i++)
        if (str_is(word, attempt_words[i]))
            return (enum store_attempt_state)i;
    return ATTEMPT_LOST; /* written by nobody we know: honest, and the engine is still asked */
}

static int attempts_walk(struct store *s, sqlite3_stmt *st,
                         int (*row)(const struct store_attempt *a, void *data), void *data)
{
    int code = 0;
    while (store_next(s, st, &code)) {
        struct store_attempt a = {
            .job = col_u32(st, 0), .number = col_u32(st, 1), .state = state_of(col_str(st, 3)),
            .open = col_i64(st, 4) != 0, .gpus = col_u64(st, 5), .decided_at = col_i64(st, 6),
            .plan_start_at = col_i64(st, 7), .start_at = col_i64(st, 8), .end_at = col_i64(st, 9),
            .exit_code = col_i32(st, 10), .signal = col_i32(st, 11), .user_us = col_i64(st, 12),
            .system_us = col_i64(st, 13), .rss_max_kib = col_i64(st, 14),
            .output_bytes = col_u64(st, 15), .output_lost = col_u64(st, 16),
            .cause = col_str(st, 17), .message = col_str(st, 18), .trade = col_str(st, 19),
            .way_for = col_u32(st, 20), .canary_us = col_i64(st, 21),
        };
        struct str uuid = col_str(st, 2);
        if (uuid.len == sizeof a.uuid)
            memcpy(a.uuid, uuid.ptr, sizeof a.uuid);
        code = row(&a, data);
    }
    return code;
}

int store_attempts_each(struct store *s, uint32_t job,
                        int (*row)(const struct store_attempt *a, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_ATTEMPTS_OF);
    if (!st)
        return s->failed;
    bind_i64(st, 1, job);
    return attempts_walk(s, st, row, data);
}

int store_attempts_way(struct store *s, uint32_t way_for,
                       int (*row)(const struct store_attempt *a, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_ATTEMPTS_WAY);
    if (!st)
        return s->failed;
    bind_i64(st, 1, way_for);
    return attempts_walk(s, st, row, data);
}

int store_attempts_open(struct store *s,
                        int (*row)(const struct store_attempt *a, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_ATTEMPTS_OPEN);
    return st ? attempts_walk(s, st, row, data) : s->failed;
}

/* --- ended jobs -------------------------------------------------------------------------------- */

int store_job_put(struct store *s, const struct store_job *j)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, ST_JOB_PUT);
    if (!st)
        return s->failed;
    bind_i64(st, 1, j->id);
    bind_i64(st, 2, j->request);
    bind_i64(st, 3, j->array_index);
    bind_i64(st, 4, j->owner);
    bind_i64(st, 5, j->submitter);
    bind_str(st, 6, j->state);
    bind_str(st, 7, j->reason);
    bind_i64(st, 8, j->attempts);
    bind_i64(st, 9, j->gpus);
    bind_i64(st, 10, j->cpus);
    bind_u64(st, 11, j->gpu_mask);
    bind_u64(st, 12, j->mem_mib);
    bind_i64(st, 13, j->nice);
    bind_i64(st, 14, j->submit_at);
    bind_i64(st, 15, j->begin_at);
    bind_i64(st, 16, j->deadline_at);
    bind_i64(st, 17, j->start_at);
    bind_i64(st, 18, j->end_at);
    bind_i64(st, 19, j->limit_us);
    bind_i64(st, 20, j->exit_code);
    bind_i64(st, 21, j->signal);
    bind_i64(st, 22, j->account);
    bind_i64(st, 23, j->watts_mw);
    return store_done(s, st);
}

int store_job_remove(struct store *s, uint32_t id)
{
    return STORE_WRITE(s, ST_JOB_REMOVE, num(id));
}

static struct store_job job_of(sqlite3_stmt *st)
{
    return (struct store_job){
        .id = col_u32(st, 0), .request = col_u32(st, 1),
        .array_id = col_i64(st, 2) ? col_u32(st, 1) : 0, .array_index = col_u32(st, 3),
        .owner = col_u32(st, 4), .submitter = col_u32(st, 5), .state = col_str(st, 6),
        .reason = col_str(st, 7), .attempts = col_u32(st, 8), .gpus = col_u32(st, 9),
        .cpus = col_u32(st, 10), .gpu_mask = col_u64(st, 11), .mem_mib = col_u64(st, 12),
        .nice = col_i32(st, 13), .submit_at = col_i64(st, 14), .begin_at = col_i64(st, 15),
        .deadline_at = col_i64(st, 16), .start_at = col_i64(st, 17), .end_at = col_i64(st, 18),
        .limit_us = col_i64(st, 19), .exit_code = col_i32(st, 20), .signal = col_i32(st, 21),
        .name = col_str(st, 22), .account = col_u32(st, 23), .watts_mw = col_i64(st, 24),
    };
}

int store_job_get(struct store *s, uint32_t id, struct store_job *ret)
{
    sqlite3_stmt *st = store_st(s, ST_JOB_GET);
    if (!st)
        return s->failed;
    bind_i64(st, 1, id);
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW) {
        sqlite3_reset(st);
        return rc == SQLITE_DONE ? E_NOT_FOUND : store_fail(s, rc);
    }
    *ret = job_of(st);
    s->lent = st;
    return 0;
}

static int jobs_walk(struct store *s, sqlite3_stmt *st,
                     int (*row)(const struct store_job *j, void *data), void *data)
{
    int code = 0;
    while (store_next(s, st, &code)) {
        struct store_job j = job_of(st);
        code = row(&j, data);
    }
    return code;
}

int store_jobs_each(struct store *s, uint32_t owner, uint32_t account, usec_t before_at, uint32_t limit,
                    int (*row)(const struct store_job *j, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, owner ? ST_JOBS_OWNER : ST_JOBS_ALL);
    if (!st)
        return s->failed;
    bind_i64(st, 1, before_at);
    bind_i64(st, 2, limit ? (int64_t)limit : -1);
    if (owner)
        bind_i64(st, 3, owner);
    bind_i64(st, 4, account);
    return jobs_walk(s, st, row, data);
}

int store_jobs_of_request(struct store *s, uint32_t request,
                          int (*row)(const struct store_job *j, void *data), void *data)
{
    struct store_request r;
    int code = store_request_get(s, request, &r);
    if (code < 0)
        return code;
    uint32_t id = r.id;
    uint32_t tasks = r.tasks;
    sqlite3_stmt *st = store_st(s, ST_JOBS_REQUEST); /* takes back r */
    if (!st)
        return s->failed;
    bind_i64(st, 1, id);
    bind_i64(st, 2, tasks);
    return jobs_walk(s, st, row, data);
}

uint64_t store_jobs_count(struct store *s, uint32_t owner, uint32_t account)
{
    sqlite3_stmt *st = store_st(s, account ? ST_JOBS_COUNT_ACCOUNT : owner ? ST_JOBS_COUNT_OWNER : ST_JOBS_COUNT);
    if (!st)
        return 0;
    if (owner || account)
        bind_i64(st, 1, owner);
    if (account)
        bind_i64(st, 2, account);
    uint64_t n = sqlite3_step(st) == SQLITE_ROW ? col_u64(st, 0) : 0;
    sqlite3_reset(st);
    return n;
}

/* --- what jobs say of themselves ---------------------------------------------------------------- */

int store_result_put(struct store *s, const struct store_result *r)
{
    return STORE_WRITE(s, ST_RESULT_PUT, num(r->job), num(r->attempt), num(r->at), num(r->done_ppm),
                       text(r->text), text(r->rung));
}

int store_results_each(struct store *s, uint32_t from, uint32_t n,
                       int (*row)(const struct store_result *r, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_RESULTS_EACH);
    if (!st)
        return s->failed;
    bind_i64(st, 1, from);
    bind_i64(st, 2, n);
    int rc = SQLITE_DONE, code = 0;
    while (code == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_result r = {
            .job = col_u32(st, 0), .attempt = col_u32(st, 1), .at = col_i64(st, 2),
            .done_ppm = col_i64(st, 3), .text = col_str(st, 4), .rung = col_str(st, 5),
        };
        code = row(&r, data);
    }
    sqlite3_reset(st);
    return code < 0 || rc == SQLITE_DONE ? code : store_fail(s, rc);
}
