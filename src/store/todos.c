/* todos.c - rows of todos: what they are called, who was asked, how they ended. */
#include "store/internal.h"

int store_todo_add(struct store *s, const struct store_todo *t)
{
    return STORE_WRITE(s, ST_TODO_ADD, num(t->id), num(t->asker), text(t->who), text(t->title),
                       text(t->link), num(t->review_of), num(t->takes_us), num(t->add_at));
}

int store_todo_title(struct store *s, uint32_t id, struct str title)
{
    return STORE_WRITE(s, ST_TODO_TITLE, num(id), text(title));
}

int store_todo_end(struct store *s, uint32_t id, struct str state, struct str reason, usec_t end_at,
                   uint32_t by)
{
    return STORE_WRITE(s, ST_TODO_END, num(id), text(state), text(reason), num(end_at), num(by));
}

static struct store_todo todo_of(sqlite3_stmt *st)
{
    return (struct store_todo){
        .id = col_u32(st, 0), .asker = col_u32(st, 1), .who = col_str(st, 2), .title = col_str(st, 3),
        .link = col_str(st, 4), .review_of = col_u32(st, 5), .takes_us = col_i64(st, 6),
        .add_at = col_i64(st, 7), .state = col_str(st, 8), .reason = col_str(st, 9),
        .end_at = col_i64(st, 10), .end_by = col_u32(st, 11),
    };
}

int store_todo_get(struct store *s, uint32_t id, struct store_todo *ret)
{
    sqlite3_stmt *st = store_st(s, ST_TODO_GET);
    if (!st)
        return s->failed;
    bind_i64(st, 1, id);
    int code = store_lend(s, st);
    if (code == 0)
        *ret = todo_of(st);
    return code;
}

int store_todos_ended(struct store *s, uint32_t limit,
                      int (*row)(const struct store_todo *t, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_TODOS_ENDED);
    if (!st)
        return s->failed;
    bind_i64(st, 1, limit);
    int code = 0;
    while (store_next(s, st, &code)) {
        struct store_todo t = todo_of(st);
        code = row(&t, data);
    }
    return code;
}

int store_todo_forget(struct store *s, uint32_t id)
{
    return STORE_WRITE(s, ST_TODO_FORGET, num(id));
}

int store_todos_unname(struct store *s, uint32_t asker)
{
    return STORE_WRITE(s, ST_TODOS_UNNAME, num(asker));
}
