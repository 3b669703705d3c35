/* calendars.c - rows of calendars: whose, from where, how old, and when their owner is busy. */
#include "store/internal.h"

int store_calendar_put(struct store *s, const struct store_calendar *c)
{
    return STORE_WRITE(s, ST_CALENDAR_PUT, num(c->person), text(c->name), text(c->kind), text(c->place),
                       text(c->self), num(c->read_at), num(c->tried_at), text(c->trouble), num(c->until_at),
                       num(c->events), num(c->issues_n), text(c->issues), text(c->marks), text(c->busy),
                       num(c->takes_us));
}

int store_calendar_tried(struct store *s, uint32_t person, struct str name, usec_t read_at,
                         usec_t tried_at, struct str trouble, struct str marks)
{
    return STORE_WRITE(s, ST_CALENDAR_TRIED, num(read_at), num(tried_at), text(trouble), text(marks),
                       num(person), text(name));
}

int store_calendar_remove(struct store *s, uint32_t person, struct str name)
{
    return STORE_WRITE(s, ST_CALENDAR_REMOVE, num(person), text(name));
}

int store_calendars_each(struct store *s, int (*row)(const struct store_calendar *c, void *data),
                         void *data)
{
    sqlite3_stmt *st = store_st(s, ST_CALENDARS);
    if (!st)
        return s->failed;
    int code = 0;
    while (store_next(s, st, &code)) {
        struct store_calendar c = {
            .person = col_u32(st, 0), .name = col_str(st, 1), .kind = col_str(st, 2),
            .place = col_str(st, 3), .self = col_str(st, 4), .read_at = col_i64(st, 5),
            .tried_at = col_i64(st, 6), .trouble = col_str(st, 7), .until_at = col_i64(st, 8),
            .events = col_u32(st, 9), .issues_n = col_u32(st, 10), .issues = col_str(st, 11),
            .marks = col_str(st, 12), .busy = col_str(st, 13), .takes_us = col_i64(st, 14),
        };
        code = row(&c, data);
    }
    return code;
}
