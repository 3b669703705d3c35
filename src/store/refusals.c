/* refusals.c - rows of what was refused; how many are kept is whose they are to say (daemon/refusal.h). */
#include "store/internal.h"

int store_refusal_put(struct store *s, const struct store_refusal *r)
{
    return STORE_WRITE(s, ST_REFUSAL_PUT, num(r->id), num(r->uid), num(r->at), num(r->last_at), num(r->times),
                       text(r->operation), text(r->code), text(r->rule), num(r->limit), num(r->used), num(r->need),
                       num(r->change_at), num(r->person), num(r->job), num(r->tasks), num(r->gpus), text(r->model),
                       num(r->from_at), num(r->until_at), text(r->asked), text(r->sentence));
}

int store_refusal_remove(struct store *s, uint32_t id) { return STORE_WRITE(s, ST_REFUSAL_REMOVE, num(id)); }

int store_refusals_each(struct store *s, int (*row)(const struct store_refusal *r, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_REFUSALS);
    if (!st)
        return s->failed;
    int code = 0;
    while (store_next(s, st, &code)) {
        struct store_refusal r = {
            .id = col_u32(st, 0), .uid = col_u32(st, 1), .at = col_i64(st, 2), .last_at = col_i64(st, 3),
            .times = col_u32(st, 4), .operation = col_str(st, 5), .code = col_str(st, 6), .rule = col_str(st, 7),
            .limit = col_i64(st, 8), .used = col_i64(st, 9), .need = col_i64(st, 10), .change_at = col_i64(st, 11),
            .person = col_u32(st, 12), .job = col_u32(st, 13), .tasks = col_u32(st, 14), .gpus = col_u32(st, 15),
            .model = col_str(st, 16), .from_at = col_i64(st, 17), .until_at = col_i64(st, 18), .asked = col_str(st, 19),
            .sentence = col_str(st, 20),
        };
        code = row(&r, data);
    }
    return code;
}
