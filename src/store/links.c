/* links.c - rows of links: whose page the token with this hash opens, and which answers were given. */
#include "store/internal.h"

int store_link_add(struct store *s, const struct store_link *l)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, ST_LINK_ADD);
    if (!st)
        return s->failed;
    bind_i64(st, 1, l->person);
    bind_str(st, 2, l->hash);
    bind_i64(st, 3, l->add_at);
    return store_done(s, st);
}

static int by_number(struct store *s, enum statement which, int64_t number)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, which);
    if (!st)
        return s->failed;
    bind_i64(st, 1, number);
    return store_done(s, st);
}

int store_link_remove(struct store *s, uint64_t id)
{
    return by_number(s, ST_LINK_REMOVE, (int64_t)id);
}

static struct store_link link_of(sqlite3_stmt *st)
{
    return (struct store_link){ .id = col_u64(st, 0), .person = col_u32(st, 1), .hash = col_str(st, 2),
                                .add_at = col_i64(st, 3) };
}

int store_link_find(struct store *s, struct str hash, struct store_link *ret)
{
    sqlite3_stmt *st = store_st(s, ST_LINK_FIND);
    if (!st)
        return s->failed;
    bind_str(st, 1, hash);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        *ret = link_of(st); /* lent until store_reset */
        s->lent = st;
        return 0;
    }
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? E_NOT_FOUND : store_fail(s, rc);
}

int store_links_each(struct store *s, int (*row)(const struct store_link *l, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_LINKS);
    if (!st)
        return s->failed;
    int code = 0;
    int rc = SQLITE_DONE;
    while (code >= 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_link l = link_of(st);
        code = row(&l, data);
    }
    sqlite3_reset(st);
    return code < 0 ? code : rc == SQLITE_DONE ? 0 : store_fail(s, rc);
}

int store_tap_put(struct store *s, struct str hash, usec_t expire_at)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, ST_TAP_PUT);
    if (!st)
        return s->failed;
    bind_str(st, 1, hash);
    bind_i64(st, 2, expire_at);
    return store_done(s, st);
}

int store_tap_find(struct store *s, struct str hash)
{
    sqlite3_stmt *st = store_st(s, ST_TAP_FIND);
    if (!st)
        return s->failed;
    bind_str(st, 1, hash);
    int rc = sqlite3_step(st);
    sqlite3_reset(st);
    return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? E_NOT_FOUND : store_fail(s, rc);
}

int store_taps_expire(struct store *s, usec_t now_at)
{
    return by_number(s, ST_TAPS_EXPIRE, now_at);
}
