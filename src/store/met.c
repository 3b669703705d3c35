/* met.c - rows of what jobs met: GPUs in and out of use, a closed queue, reservations, boosts. */
#include "store/internal.h"

int store_met_add(struct store *s, const struct store_met *m)
{
    return STORE_WRITE(s, ST_MET_ADD, num(m->wall_at), num(m->until_at), text(m->what), text(m->line));
}

int store_met_each(struct store *s, int (*row)(const struct store_met *m, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_MET_EACH);
    int code = 0;
    if (!st)
        return s->failed;
    while (store_next(s, st, &code)) {
        struct store_met m = { .wall_at = col_i64(st, 0), .until_at = col_i64(st, 1), .what = col_str(st, 2),
                               .line = col_str(st, 3) };
        code = row(&m, data);
    }
    return code;
}
