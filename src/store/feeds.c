/* feeds.c - rows of feeds: whose, and the hash of what opens each. */
#include "store/internal.h"

int store_feed_put(struct store *s, const struct store_feed *f)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, ST_FEED_PUT);
    if (!st)
        return s->failed;
    bind_i64(st, 1, f->person);
    bind_str(st, 2, f->name);
    bind_str(st, 3, f->hash);
    bind_i64(st, 4, f->busy);
    bind_i64(st, 5, f->add_at);
    return store_done(s, st);
}

int store_feed_remove(struct store *s, uint32_t person, struct str name)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, ST_FEED_REMOVE);
    if (!st)
        return s->failed;
    bind_i64(st, 1, person);
    bind_str(st, 2, name);
    return store_done(s, st);
}

static struct store_feed feed_of(sqlite3_stmt *st)
{
    return (struct store_feed){ .person = col_u32(st, 0), .name = col_str(st, 1), .hash = col_str(st, 2),
                                .busy = col_u32(st, 3) != 0, .add_at = col_i64(st, 4) };
}

int store_feed_find(struct store *s, struct str hash, struct store_feed *ret)
{
    sqlite3_stmt *st = store_st(s, ST_FEED_FIND);
    if (!st)
        return s->failed;
    bind_str(st, 1, hash);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        *ret = feed_of(st); /* lent until store_reset */
        s->lent = st;
        return 0;
    }
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? E_NOT_FOUND : store_fail(s, rc);
}

int store_feeds_each(struct store *s, int (*row)(const struct store_feed *f, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_FEEDS);
    if (!st)
        return s->failed;
    int code = 0;
    int rc = SQLITE_DONE;
    while (code >= 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_feed f = feed_of(st);
        code = row(&f, data);
    }
    sqlite3_reset(st);
    return code < 0 ? code : rc == SQLITE_DONE ? 0 : store_fail(s, rc);
}
