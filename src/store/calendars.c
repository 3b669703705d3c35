/* calendars.c - rows of calendars: whose, from where, how old, and when their owner is busy. */
#include "store/internal.h"

int store_calendar_put(struct store *s, const struct store_calendar *c)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, ST_CALENDAR_PUT);
    if (!st)
        return s->failed;
    bind_i64(st, 1, c->person);
    bind_str(st, 2, c->name);
    bind_str(st, 3, c->kind);
    bind_str(st, 4, c->place);
    bind_str(st, 5, c->self);
    bind_i64(st, 6, c->read_at);
    bind_i64(st, 7, c->tried_at);
    bind_str(st, 8, c->trouble);
    bind_i64(st, 9, c->until_at);
    bind_i64(st, 10, c->events);
    bind_i64(st, 11, c->issues_n);
    bind_str(st, 12, c->issues);
    bind_str(st, 13, c->marks);
    bind_str(st, 14, c->busy);
    return store_done(s, st);
}

int store_calendar_tried(struct store *s, uint32_t person, struct str name, usec_t read_at,
                         usec_t tried_at, struct str trouble, struct str marks)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, ST_CALENDAR_TRIED);
    if (!st)
        return s->failed;
    bind_i64(st, 1, read_at);
    bind_i64(st, 2, tried_at);
    bind_str(st, 3, trouble);
    bind_str(st, 4, marks);
    bind_i64(st, 5, person);
    bind_str(st, 6, name);
    return store_done(s, st);
}

int store_calendar_remove(struct store *s, uint32_t person, struct str name)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, ST_CALENDAR_REMOVE);
    if (!st)
        return s->failed;
    bind_i64(st, 1, person);
    bind_str(st, 2, name);
    return store_done(s, st);
}

int store_calendars_each(struct store *s, int (*row)(const struct store_calendar *c, void *data),
                         void *data)
{
    sqlite3_stmt *st = store_st(s, ST_CALENDARS);
    if (!st)
        return s->failed;
    int code = 0;
    int rc = SQLITE_DONE;
    while (code >= 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_calendar c = {
            .person = col_u32(st, 0), .name = col_str(st, 1), .kind = col_str(st, 2),
            .place = col_str(st, 3), .self = col_str(st, 4), .read_at = col_i64(st, 5),
            .tried_at = col_i64(st, 6), .trouble = col_str(st, 7), .until_at = col_i64(st, 8),
            .events = col_u32(st, 9), .issues_n = col_u32(st, 10), .issues = col_str(st, 11),
            .marks = col_str(st, 12), .busy = col_str(st, 13),
        };
        code = row(&c, data);
    }
    sqlite3_reset(st);
    return code < 0 ? code : rc == SQLITE_DONE ? 0 : store_fail(s, rc);
}
