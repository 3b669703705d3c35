/* feeds.c - rows of feeds: whose, and the hash of what opens each. */
#include "store/internal.h"

int store_feed_put(struct store *s, const struct store_feed *f)
{
    return STORE_WRITE(s, ST_FEED_PUT, num(f->person), text(f->name), text(f->hash), num(f->busy),
                       num(f->add_at));
}

int store_feed_remove(struct store *s, uint32_t person, struct str name)
{
    return STORE_WRITE(s, ST_FEED_REMOVE, num(person), text(name));
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
    int code = store_lend(s, st);
    if (code == 0)
        *ret = feed_of(st);
    return code;
}

int store_feeds_each(struct store *s, int (*row)(const struct store_feed *f, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_FEEDS);
    if (!st)
        return s->failed;
    int code = 0;
    while (store_next(s, st, &code)) {
        struct store_feed f = feed_of(st);
        code = row(&f, data);
    }
    return code;
}
