/* lists.c - rows of todos that stand in a CalDAV list: which todo is which, and what the list is to be told. */
#include "store/internal.h"

int store_listed_put(struct store *s, const struct store_listed *l)
{
    return STORE_WRITE(s, ST_LISTED_PUT, num(l->person), text(l->list), num((int64_t)l->item), num(l->todo),
                       text(l->state), num(l->begin_at), num(l->due_at), num(l->takes_us), num(l->done_at),
                       num(l->tries), num(l->next_at), text(l->trouble));
}

int store_listed_remove(struct store *s, uint32_t person, struct str list, uint64_t item)
{
    return STORE_WRITE(s, ST_LISTED_REMOVE, num(person), text(list), num((int64_t)item));
}

static struct store_listed listed_of(sqlite3_stmt *st)
{
    return (struct store_listed){
        .person = col_u32(st, 0), .list = col_str(st, 1), .item = col_u64(st, 2), .todo = col_u32(st, 3),
        .state = col_str(st, 4), .begin_at = col_i64(st, 5), .due_at = col_i64(st, 6), .takes_us = col_i64(st, 7),
        .done_at = col_i64(st, 8), .tries = col_u32(st, 9), .next_at = col_i64(st, 10), .trouble = col_str(st, 11),
    };
}

int store_listed_of_todo(struct store *s, uint32_t todo, struct store_listed *ret)
{
    sqlite3_stmt *st = store_st(s, ST_LISTED_OF_TODO);
    if (!st)
        return s->failed;
    bind_i64(st, 1, todo);
    int code = store_lend(s, st);
    if (code == 0)
        *ret = listed_of(st);
    return code;
}

int store_listed_each(struct store *s, uint32_t person, struct str list,
                      int (*row)(const struct store_listed *l, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_LISTED);
    if (!st)
        return s->failed;
    bind_i64(st, 1, person);
    bind_str(st, 2, list);
    int code = 0;
    while (store_next(s, st, &code)) {
        struct store_listed l = listed_of(st);
        code = row(&l, data);
    }
    return code;
}
