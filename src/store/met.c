/* met.c - rows of what jobs met: GPUs in and out of use, a closed queue, reservations, boosts. */
#include "store/internal.h"

#define AT_ONCE (2 * STORE_MET_LOOK) /* rows that go in one turn, should there be more */

int store_met_add(struct store *s, const struct store_met *m)
{
    int code = STORE_WRITE(s, ST_MET_ADD, num(m->wall_at), num(m->until_at), text(m->what), text(m->line));
    bool look = code == 0 && sqlite3_last_insert_rowid(s->db) % STORE_MET_LOOK == 0;
    if (code == 0)
        code = STORE_WRITE(s, ST_MET_SAME_GO, text(m->what), num(AT_ONCE), num(STORE_MET_SAME_MAX));
    return look && code == 0 ? STORE_WRITE(s, ST_MET_GO, num(AT_ONCE), num(STORE_MET_MAX)) : code;
}

int store_met_each(struct store *s, int64_t *seq, uint32_t limit, int (*row)(const struct store_met *m, void *data),
                   void *data)
{
    sqlite3_stmt *st = store_st(s, ST_MET_EACH);
    int code = 0;
    if (!st)
        return s->failed;
    bind_i64(st, 1, *seq);
    bind_i64(st, 2, limit);
    while (store_next(s, st, &code)) {
        struct store_met m = { .wall_at = col_i64(st, 1), .until_at = col_i64(st, 2), .what = col_str(st, 3),
                               .line = col_str(st, 4) };
        *seq = col_i64(st, 0);
        code = row(&m, data);
    }
    return code;
}

int store_met_newest(struct store *s, uint32_t rows, int64_t *ret)
{
    sqlite3_stmt *st = store_st(s, ST_MET_NEWEST);
    int code = 0;
    if (!st)
        return s->failed;
    *ret = 0;
    bind_i64(st, 1, rows);
    while (store_next(s, st, &code))
        *ret = col_i64(st, 0);
    return code;
}
