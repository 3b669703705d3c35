/* store.c - transactions, statements and what a failure means; see store.h. */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "store/internal.h"

#define WAL_PAGES_LONG 1000 /* 4 MiB: worth moving into the database, as SQLite's own default */
#define WAL_FRAME      (4096 + 24)
#define WAL_ROOM       ((WAL_PAGES_LONG + 200) * WAL_FRAME) /* and the turn that makes it long */
#define ZEROS          (64 * 1024)

static const char *const sql[ST_COUNT] = {
#define X(name, text) [ST_##name] = text,
    STATEMENT_LIST(X)
#undef X
};

/* A write over quota is the same clean failure as a full disk (pager and log only look at the code,
 * and nothing of the transaction is valid without its last frame), but SQLite has no word for it. */
static int code_of(struct store *s, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK: case SQLITE_ROW: case SQLITE_DONE: return 0;
    case SQLITE_FULL: return E_NO_SPACE;
    case SQLITE_BUSY: case SQLITE_LOCKED: return E_BUSY;
    case SQLITE_CORRUPT: case SQLITE_NOTADB: return E_CORRUPT;
    case SQLITE_NOMEM: return E_NO_MEMORY;
    case SQLITE_TOOBIG: return E_TOO_LARGE;
    case SQLITE_CANTOPEN: case SQLITE_READONLY: case SQLITE_PERM: case SQLITE_AUTH: return E_IO;
    case SQLITE_IOERR:
        if (rc == SQLITE_IOERR_WRITE && s->db && sqlite3_system_errno(s->db) == EDQUOT)
            return E_NO_SPACE;
        return E_IO;
    default: return E_INTERNAL;
    }
}

int store_fail_with(struct store *s, int code)
{
    if (code < 0 && !s->failed)
        s->failed = code;
    return code;
}

int store_fail(struct store *s, int rc)
{
    return store_fail_with(s, code_of(s, rc));
}

int store_failed(const struct store *s) { return s->failed; }

const char *store_last_error(const struct store *s)
{
    return s && s->db ? sqlite3_errmsg(s->db) : "no database";
}

void store_reset(struct store *s)
{
    if (s->lent)
        sqlite3_reset(s->lent);
    s->lent = NULL;
}

sqlite3_stmt *store_st(struct store *s, enum statement which)
{
    store_reset(s);
    if (!s->st[which]) {
        int rc = sqlite3_prepare_v3(s->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, &s->st[which],
                                    NULL);
        if (rc != SQLITE_OK) {
            store_fail(s, rc);
            return NULL;
        }
    }
    return s->st[which];
}

int store_done(struct store *s, sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);
    while (rc == SQLITE_ROW)
        rc = sqlite3_step(st);
    int reset = sqlite3_reset(st);
    sqlite3_clear_bindings(st); /* they borrow */
    if (rc != SQLITE_DONE)
        return store_fail(s, rc);
    return reset == SQLITE_OK ? 0 : store_fail(s, reset);
}

int store_write(struct store *s, enum statement which, const struct bound *values, int n)
{
    sqlite3_stmt *st = s->failed ? NULL : store_st(s, which);
    if (!st)
        return s->failed;
    for (int i = 0; i < n; i++)
        if (values[i].text.ptr)
            bind_str(st, i + 1, values[i].text);
        else
            bind_i64(st, i + 1, values[i].number);
    return store_done(s, st);
}

bool store_next(struct store *s, sqlite3_stmt *st, int *code)
{
    int rc = *code < 0 ? SQLITE_DONE : sqlite3_step(st);
    if (rc == SQLITE_ROW)
        return true;
    sqlite3_reset(st);
    if (*code >= 0)
        *code = rc == SQLITE_DONE ? 0 : store_fail(s, rc);
    return false;
}

int store_lend(struct store *s, sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        s->lent = st;
        return 0;
    }
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? E_NOT_FOUND : store_fail(s, rc);
}

int store_run(struct store *s, enum statement which)
{
    sqlite3_stmt *st = store_st(s, which);
    return st ? store_done(s, st) : s->failed;
}

bool store_in_transaction(const struct store *s) { return !sqlite3_get_autocommit(s->db); }

int store_begin(struct store *s)
{
    assert(!store_in_transaction(s));
    s->failed = 0;
    s->journal_seq = s->journal_seq_committed;
    return store_run(s, ST_BEGIN);
}

int store_commit(struct store *s)
{
    assert(!s->failed || s->failed < 0);
    if (s->failed) {
        int code = s->failed;
        store_rollback(s);
        return code;
    }
    int code = store_run(s, ST_COMMIT);
    if (code == E_NO_SPACE)
        store_rollback(s);
    if (code < 0)
        return code; /* anything else: the caller aborts, so nothing is touched any more */
    s->journal_seq_committed = s->journal_seq;
    return 0;
}

void store_rollback(struct store *s)
{
    if (store_in_transaction(s)) /* SQLite may have rolled back by itself */
        store_run(s, ST_ROLLBACK);
    s->failed = 0;
    s->journal_seq = s->journal_seq_committed;
    s->env_last = 0; /* it may be one that was rolled back */
}

int store_mark(struct store *s)
{
    s->journal_seq_marked = s->journal_seq;
    return s->failed ? s->failed : store_run(s, ST_MARK);
}

int store_back(struct store *s)
{
    if (s->failed)
        return s->failed; /* the whole transaction will go */
    s->journal_seq = s->journal_seq_marked;
    s->env_last = 0;
    int code = store_run(s, ST_BACK);
    return code < 0 ? code : store_run(s, ST_UNMARK);
}

int store_unmark(struct store *s)
{
    return s->failed ? s->failed : store_run(s, ST_UNMARK);
}

/* A commit that makes the log's file longer waits for the file system's own journal too, and for whatever
 * others have in it; one that writes over what is there does not.  What lies behind the last commit is
 * never read: the first frame with a wrong checksum ends the log. */
int store_log_room(struct store *s)
{
    sqlite3_file *log = NULL;
    sqlite3_int64 size = 0;
    assert(!store_in_transaction(s));
    if (sqlite3_file_control(s->db, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK || !log ||
        !log->pMethods || log->pMethods->xFileSize(log, &size) != SQLITE_OK || size >= WAL_ROOM)
        return 0;
    char *zeros = calloc(1, ZEROS);
    int rc = zeros ? SQLITE_OK : SQLITE_NOMEM;
    for (; rc == SQLITE_OK && size < WAL_ROOM; size += ZEROS)
        rc = log->pMethods->xWrite(log, zeros, ZEROS, size);
    free(zeros);
    return rc == SQLITE_OK ? 0 : code_of(s, rc);
}

/* Only our own moment is allowed to checkpoint: the automatic one runs inside COMMIT, makes people
 * wait for its fsyncs and swallows their failure. */
int store_tidy(struct store *s)
{
    assert(!store_in_transaction(s));
    if (s->wal_pages < WAL_PAGES_LONG)
        return 0;
    store_reset(s);
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    s->wal_pages = 0;
    int code = rc == SQLITE_OK ? 0 : code_of(s, rc);
    return code == E_NO_SPACE || code == E_BUSY ? 0 : code; /* the log keeps it; later */
}
