/* links.c - rows of links: whose page the token with this hash opens, and which answers were given. */
#include "store/internal.h"

int store_link_add(struct store *s, const struct store_link *l)
{
    return STORE_WRITE(s, ST_LINK_ADD, num(l->person), text(l->hash), num(l->add_at));
}

int store_link_remove(struct store *s, uint64_t id)
{
    return STORE_WRITE(s, ST_LINK_REMOVE, num((int64_t)id));
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
    int code = store_lend(s, st);
    if (code == 0)
        *ret = link_of(st);
    return code;
}

int store_links_each(struct store *s, int (*row)(const struct store_link *l, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_LINKS);
    if (!st)
        return s->failed;
    int code = 0;
    while (store_next(s, st, &code)) {
        struct store_link l = link_of(st);
        code = row(&l, data);
    }
    return code;
}

int store_tap_put(struct store *s, struct str hash, usec_t expire_at)
{
    return STORE_WRITE(s, ST_TAP_PUT, text(hash), num(expire_at));
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
    return STORE_WRITE(s, ST_TAPS_EXPIRE, num(now_at));
}
