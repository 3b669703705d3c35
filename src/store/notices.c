/* notices.c - rows of channels and of what is still to be told on them. */
#include "store/internal.h"

int store_channel_put(struct store *s, const struct store_channel *c)
{
    return STORE_WRITE(s, ST_CHANNEL_PUT, num(c->person), text(c->name), text(c->kind), text(c->place),
                       text(c->page), num(c->add_at), text(c->trouble), num(c->trouble_at), text(c->brief),
                       num(c->morning_at), num(c->evening_at));
}

static int by_name(struct store *s, enum statement which, uint32_t person, struct str name)
{
    return STORE_WRITE(s, which, num(person), text(name));
}

int store_channel_remove(struct store *s, uint32_t person, struct str name)
{
    int code = by_name(s, ST_CHANNEL_REMOVE, person, name);
    return code < 0 ? code : by_name(s, ST_NOTICES_REMOVE, person, name);
}

int store_channels_each(struct store *s, int (*row)(const struct store_channel *c, void *data),
                        void *data)
{
    sqlite3_stmt *st = store_st(s, ST_CHANNELS);
    if (!st)
        return s->failed;
    int code = 0;
    while (store_next(s, st, &code)) {
        struct store_channel c = {
            .person = col_u32(st, 0), .name = col_str(st, 1), .kind = col_str(st, 2),
            .place = col_str(st, 3), .page = col_str(st, 4), .add_at = col_i64(st, 5),
            .trouble = col_str(st, 6), .trouble_at = col_i64(st, 7), .brief = col_str(st, 8),
            .morning_at = col_i64(st, 9), .evening_at = col_i64(st, 10),
        };
        code = row(&c, data);
    }
    return code;
}

int store_notice_add(struct store *s, const struct store_notice *n)
{
    return STORE_WRITE(s, ST_NOTICE_ADD, num(n->person), text(n->channel), text(n->kind), num(n->subject),
                       text(n->dedupe), num(n->page), num(n->made_at), num(n->expire_at));
}

int store_notices_waiting(struct store *s, int (*row)(const struct store_waiting *w, void *data),
                          void *data)
{
    sqlite3_stmt *st = store_st(s, ST_NOTICES_WAITING);
    if (!st)
        return s->failed;
    int code = 0;
    while (store_next(s, st, &code)) {
        struct store_waiting w = { .person = col_u32(st, 0), .channel = col_str(st, 1),
                                   .page = col_u32(st, 2) != 0, .n = col_u32(st, 3),
                                   .not_before_at = col_i64(st, 4) };
        code = row(&w, data);
    }
    return code;
}

int store_notices_each(struct store *s, uint32_t person, struct str channel, bool only_pages,
                       uint32_t limit, int (*row)(const struct store_notice *n, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_NOTICES);
    if (!st)
        return s->failed;
    bind_i64(st, 1, person);
    bind_str(st, 2, channel);
    bind_i64(st, 3, only_pages);
    bind_i64(st, 4, limit);
    int code = 0;
    while (store_next(s, st, &code)) {
        struct store_notice n = {
            .id = (uint64_t)col_i64(st, 0), .person = person, .channel = channel,
            .kind = col_str(st, 1), .subject = col_u32(st, 2), .n = col_u32(st, 3),
            .page = col_u32(st, 4) != 0, .made_at = col_i64(st, 5), .tries = col_u32(st, 6),
        };
        code = row(&n, data);
    }
    return code;
}

static int up_to(struct store *s, enum statement which, uint32_t person, struct str channel,
                 bool only_pages, uint64_t last, usec_t at)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, which);
    if (!st)
        return s->failed;
    bind_i64(st, 1, person);
    bind_str(st, 2, channel);
    bind_i64(st, 3, only_pages);
    bind_i64(st, 4, (int64_t)last);
    if (at)
        bind_i64(st, 5, at);
    return store_done(s, st);
}

int store_notices_told(struct store *s, uint32_t person, struct str channel, bool only_pages,
                       uint64_t last)
{
    return up_to(s, ST_NOTICES_TOLD, person, channel, only_pages, last, 0);
}

int store_notices_later(struct store *s, uint32_t person, struct str channel, bool only_pages,
                        uint64_t last, usec_t not_before_at)
{
    return up_to(s, ST_NOTICES_LATER, person, channel, only_pages, last, not_before_at);
}

int store_notices_free(struct store *s, uint32_t person, struct str channel)
{
    return by_name(s, ST_NOTICES_FREE, person, channel);
}

int store_notices_expire(struct store *s, usec_t now_at)
{
    return STORE_WRITE(s, ST_NOTICES_EXPIRE, num(now_at));
}
