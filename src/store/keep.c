/* keep.c - what goes and when, the ballast, a check; see store.h and doc/data.md. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "store/internal.h"

/* --- ballast ----------------------------------------------------------------------------------- */

void store_ballast_free(struct store *s)
{
    unlinkat(s->dir_fd, STORE_BALLAST, 0);
    s->ballast = false;
}

int store_ballast_make(struct store *s)
{
    if (s->ballast)
        return 0;
    int fd = openat(s->dir_fd, STORE_BALLAST, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return io_from_errno(errno);
    int error = posix_fallocate(fd, 0, STORE_BALLAST_BYTES);
    io_close(&fd);
    if (error) {
        unlinkat(s->dir_fd, STORE_BALLAST, 0); /* a partial one would eat the last blocks */
        return io_from_errno(error);
    }
    s->ballast = true;
    return 0;
}

/* --- retention --------------------------------------------------------------------------------- */

/* Delete by a statement with (bound, rows); *more if it may have left some. */
static int keep_delete(struct store *s, enum statement which, int64_t bound, uint32_t rows, bool *more)
{
    sqlite3_stmt *st = store_st(s, which);
    if (!st)
        return s->failed;
    bind_i64(st, 1, bound);
    if (sqlite3_bind_parameter_count(st) > 1)
        bind_i64(st, 2, rows);
    int code = store_done(s, st);
    if (code == 0 && sqlite3_changes(s->db) >= (int)rows)
        *more = true;
    return code;
}

/* The newest snapshot that is older than the limit starts the kept range. */
static int keep_journal(struct store *s, usec_t until_at, uint32_t rows, bool *more)
{
    sqlite3_stmt *st = store_st(s, ST_KEEP_JOURNAL_UNTIL);
    if (!st)
        return s->failed;
    bind_i64(st, 1, until_at);
    int rc = sqlite3_step(st);
    int64_t seq = rc == SQLITE_ROW ? col_i64(st, 0) : 0;
    sqlite3_reset(st);
    if (rc != SQLITE_ROW)
        return store_fail(s, rc);
    if (seq == 0)
        return 0;
    bool left = false;
    int code = keep_delete(s, ST_KEEP_JOURNAL, seq, rows, &left);
    if (code == 0 && !left) /* only then may the snapshots go that the rows could start from */
        code = keep_delete(s, ST_KEEP_SNAPSHOT, seq, rows, &left);
    *more |= left;
    return code;
}

#define KEEP_ROWS_MAX 1000u

static int keep_jobs(struct store *s, const struct store_retention *r, usec_t now_at, uint32_t rows,
                     bool *more)
{
    uint64_t count = r->jobs_max ? store_jobs_count(s, 0, 0) : 0;
    uint64_t beyond = count > r->jobs_max && r->jobs_max ? count - r->jobs_max : 0;
    uint32_t ids[KEEP_ROWS_MAX];
    uint32_t n = 0;
    sqlite3_stmt *st = store_st(s, ST_KEEP_JOBS);
    if (!st)
        return s->failed;
    bind_i64(st, 1, rows);
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        if (n < beyond || (r->jobs_us && col_i64(st, 1) < now_at - r->jobs_us))
            ids[n++] = col_u32(st, 0);
    sqlite3_reset(st);
    if (rc != SQLITE_DONE)
        return store_fail(s, rc);
    bool ignored = false;
    for (uint32_t i = 0; i < n; i++) {
        int code = keep_delete(s, ST_KEEP_ATTEMPTS, ids[i], UINT32_MAX >> 1, &ignored);
        if (code == 0)
            code = keep_delete(s, ST_KEEP_RESULT, ids[i], UINT32_MAX >> 1, &ignored);
        if (code == 0)
            code = store_job_remove(s, ids[i]);
        if (code < 0)
            return code;
    }
    *more |= n == rows;
    return 0;
}

/* Requests none of whose jobs is left: neither ended (the statement asks) nor live (is_live). */
static int keep_requests(struct store *s, uint32_t rows, bool (*is_live)(uint32_t, void *),
                         void *data, bool *more)
{
    uint32_t ids[KEEP_ROWS_MAX];
    uint32_t n = 0;
    uint32_t seen = 0;
    uint32_t last = 0;
    do { /* live requests are passed over, however many stand in front */
        sqlite3_stmt *st = store_st(s, ST_KEEP_REQUESTS);
        if (!st)
            return s->failed;
        bind_i64(st, 1, last);
        bind_i64(st, 2, rows);
        int rc;
        for (seen = 0; (rc = sqlite3_step(st)) == SQLITE_ROW; seen++) {
            last = col_u32(st, 0);
            if (n < rows && !is_live(last, data))
                ids[n++] = last;
        }
        sqlite3_reset(st);
        if (rc != SQLITE_DONE)
            return store_fail(s, rc);
    } while (seen == rows && n < rows);
    bool ignored = false;
    for (uint32_t i = 0; i < n; i++) {
        int code = keep_delete(s, ST_KEEP_REQUEST_GO, ids[i], UINT32_MAX >> 1, &ignored);
        if (code < 0)
            return code;
    }
    *more |= n == rows;
    return 0;
}

int store_retain(struct store *s, const struct store_retention *r, usec_t now_at, uint32_t rows,
                 bool (*is_live)(uint32_t request, void *data), void *data, bool *ret_more)
{
    bool more = false;
    if (rows > KEEP_ROWS_MAX)
        rows = KEEP_ROWS_MAX;
    int code = store_begin(s);
    if (code == 0 && r->journal_us)
        code = keep_journal(s, now_at - r->journal_us, rows, &more);
    if (code == 0)
        code = keep_jobs(s, r, now_at, rows, &more);
    if (code == 0)
        code = keep_requests(s, rows, is_live, data, &more);
    if (code == 0 && r->jobs_us)
        code = keep_delete(s, ST_KEEP_TODOS, now_at - r->jobs_us, rows, &more);
    if (code == 0 && r->keys_us)
        code = keep_delete(s, ST_KEEP_KEYS, now_at - r->keys_us, rows, &more);
    if (code == 0 && r->met_us)
        code = keep_delete(s, ST_KEEP_MET, now_at - r->met_us, rows, &more);
    if (code == 0)
        code = keep_delete(s, ST_KEEP_ENV, rows, rows, &more);
    if (code == 0)
        code = store_notices_expire(s, now_at);
    s->env_last = 0; /* it may have gone */
    int committed = store_commit(s); /* what was deleted until something failed may go */
    if (code == 0)
        code = committed;
    if (code == 0)
        *ret_more = more;
    return code;
}

/* --- check ------------------------------------------------------------------------------------- */

int store_check(struct store *s, struct err *err)
{
    store_reset(s);
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    int code = 0;
    if (rc != SQLITE_ROW)
        code = err_set(err, E_CORRUPT, "the store cannot be read: %s", sqlite3_errmsg(s->db));
    else if (!str_is(col_str(st, 0), "ok"))
        code = err_set(err, E_CORRUPT, "the store is damaged: %.*s", STR_ARG(col_str(st, 0)));
    sqlite3_finalize(st);
    return code;
}
