/* journal.c - every event in order, snapshots of the core, and both as text; see store.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "store/internal.h"

#define EXPORT_CHUNK (1u << 20) /* written to the file at once */

int store_journal_add(struct store *s, struct str line, usec_t wall_at, uint64_t hash,
                      uint64_t *ret_seq)
{
    if (s->failed)
        return s->failed;
    if (line.len > STORE_LINE_MAX)
        return store_fail_with(s, E_TOO_LARGE);
    sqlite3_stmt *st = store_st(s, ST_JOURNAL_ADD);
    if (!st)
        return s->failed;
    bind_u64(st, 1, s->journal_seq + 1);
    bind_i64(st, 2, wall_at);
    bind_u64(st, 3, hash);
    bind_str(st, 4, line);
    int code = store_done(s, st);
    if (code < 0)
        return code;
    *ret_seq = ++s->journal_seq;
    return 0;
}

uint64_t store_journal_last(const struct store *s) { return s->journal_seq; }

int store_journal_each(struct store *s, uint64_t after,
                       int (*row)(const struct store_journal_row *row, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_JOURNAL_EACH);
    if (!st)
        return s->failed;
    bind_u64(st, 1, after);
    int code = 0;
    int rc = SQLITE_DONE;
    while (code >= 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_journal_row r = { .seq = col_u64(st, 0), .wall_at = col_i64(st, 1),
                                       .hash = col_u64(st, 2), .line = col_str(st, 3) };
        code = row(&r, data);
    }
    sqlite3_reset(st);
    if (code < 0)
        return code;
    return rc == SQLITE_DONE ? 0 : store_fail(s, rc);
}

int store_snapshot_add(struct store *s, const struct store_snapshot *snapshot)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, ST_SNAPSHOT_ADD);
    if (!st)
        return s->failed;
    bind_u64(st, 1, snapshot->seq);
    bind_i64(st, 2, snapshot->wall_at);
    bind_u64(st, 3, snapshot->hash);
    bind_blob(st, 4, snapshot->text);
    return store_done(s, st);
}

static int snapshot_row(struct store *s, sqlite3_stmt *st, struct store_snapshot *ret)
{
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW) {
        sqlite3_reset(st);
        return rc == SQLITE_DONE ? E_NOT_FOUND : store_fail(s, rc);
    }
    ret->seq = col_u64(st, 0);
    ret->wall_at = col_i64(st, 1);
    ret->hash = col_u64(st, 2);
    ret->text = col_str(st, 3);
    s->lent = st;
    return 0;
}

int store_snapshot_get(struct store *s, uint64_t before, struct store_snapshot *ret)
{
    sqlite3_stmt *st = store_st(s, ST_SNAPSHOT_GET);
    if (!st)
        return s->failed;
    bind_i64(st, 1, before == 0 || before > INT64_MAX ? INT64_MAX : (int64_t)before);
    return snapshot_row(s, st, ret);
}

/* The first row the journal still has; 0: it is empty. */
static int first_row(struct store *s, uint64_t *ret)
{
    sqlite3_stmt *st = store_st(s, ST_JOURNAL_FIRST);
    if (!st)
        return s->failed;
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *ret = col_u64(st, 0);
    sqlite3_reset(st);
    return rc == SQLITE_ROW ? 0 : store_fail(s, rc);
}

struct export {
    int fd;
    struct buf text;
};

static int export_flush(struct export *e)
{
    if (e->text.failed)
        return e->text.failed;
    int code = io_write_all(e->fd, e->text.ptr, e->text.len);
    buf_clear(&e->text);
    return code;
}

static int export_row(const struct store_journal_row *row, void *data)
{
    struct export *e = data;
    buf_u64(&e->text, row->seq);
    buf_char(&e->text, ' ');
    buf_hex64(&e->text, row->hash);
    buf_char(&e->text, ' ');
    buf_str(&e->text, row->line);
    buf_char(&e->text, '\n');
    return e->text.len >= EXPORT_CHUNK ? export_flush(e) : 0;
}

/* The oldest snapshot is only in the way while the journal still has its first event. */
static int export_start(struct store *s, struct export *e, bool whole, uint64_t *ret_after)
{
    struct store_snapshot snapshot = {0};
    sqlite3_stmt *st;
    uint64_t first = 0;
    int code = first_row(s, &first);
    *ret_after = 0;
    if (code < 0 || (whole && first == 1))
        return code;
    if (whole) {
        st = store_st(s, ST_SNAPSHOT_FIRST);
        code = st ? snapshot_row(s, st, &snapshot) : s->failed;
    } else {
        code = store_snapshot_get(s, 0, &snapshot);
    }
    if (code == E_NOT_FOUND)
        return 0;
    if (code < 0)
        return code;
    buf_c(&e->text, "snapshot ");
    buf_u64(&e->text, snapshot.seq);
    buf_char(&e->text, ' ');
    buf_hex64(&e->text, snapshot.hash);
    buf_char(&e->text, ' ');
    buf_u64(&e->text, snapshot.text.len);
    buf_char(&e->text, '\n');
    code = export_flush(e);
    if (code == 0)
        code = io_write_all(e->fd, snapshot.text.ptr, snapshot.text.len);
    buf_char(&e->text, '\n');
    *ret_after = snapshot.seq;
    store_reset(s);
    return code;
}

int store_journal_export(struct store *s, int fd, bool whole, struct err *err)
{
    struct export e = { .fd = fd };
    buf_init(&e.text, EXPORT_CHUNK + STORE_LINE_MAX + 64);
    buf_c(&e.text, "eoul-journal 1\n");
    uint64_t after = 0;
    int code = export_start(s, &e, whole, &after);
    if (code == 0)
        code = store_journal_each(s, after, export_row, &e);
    if (code == 0)
        code = export_flush(&e);
    buf_finish(&e.text);
    if (code < 0)
        return err_set(err, code, "cannot write the journal: %s",
                       s->failed ? store_last_error(s) : strerror(errno));
    return 0;
}
