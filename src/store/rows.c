/* rows.c - requests, environments, submit keys, people, GPUs, small things; see store.h. */
#include <string.h>

#include "base/hash.h"
#include "store/internal.h"

/* --- requests ---------------------------------------------------------------------------------- */

int store_request_add(struct store *s, const struct store_request *r)
{
    return STORE_WRITE(s, ST_REQUEST_ADD, num(r->id), num(r->tasks), num(r->array), num(r->call),
                       num(r->uid), num(r->gid), num(r->owner), num(r->submitter), num(r->submit_at),
                       num(r->env), text(r->name), text(r->ranges), text(r->spec));
}

int store_request_last(struct store *s, uint32_t *ret)
{
    sqlite3_stmt *st = store_st(s, ST_REQUEST_LAST);
    if (!st)
        return s->failed;
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *ret = (uint32_t)col_u64(st, 0);
    sqlite3_reset(st);
    return rc == SQLITE_ROW ? 0 : store_fail(s, rc);
}

int store_request_get(struct store *s, uint32_t id, struct store_request *ret)
{
    sqlite3_stmt *st = store_st(s, ST_REQUEST_GET);
    if (!st)
        return s->failed;
    bind_i64(st, 1, id);
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW || id - col_u32(st, 0) >= col_u32(st, 1)) {
        sqlite3_reset(st);
        return rc == SQLITE_ROW || rc == SQLITE_DONE ? E_NOT_FOUND : store_fail(s, rc);
    }
    *ret = (struct store_request){
        .id = col_u32(st, 0), .tasks = col_u32(st, 1), .array = col_i64(st, 2) != 0,
        .call = col_u32(st, 3), .uid = col_u32(st, 4), .gid = col_u32(st, 5),
        .owner = col_u32(st, 6), .submitter = col_u32(st, 7), .submit_at = col_i64(st, 8),
        .env = col_i64(st, 9), .name = col_str(st, 10), .ranges = col_str(st, 11),
        .spec = col_str(st, 12),
    };
    s->lent = st;
    return 0;
}

/* --- environments ------------------------------------------------------------------------------ */

static int env_find(struct store *s, uint64_t hash, struct str block, int64_t *ret)
{
    sqlite3_stmt *st = store_st(s, ST_ENV_FIND);
    if (!st)
        return s->failed;
    bind_u64(st, 1, hash);
    bind_blob(st, 2, block);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *ret = col_i64(st, 0);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? E_NOT_FOUND : store_fail(s, rc);
}

/* The hash only finds; the bytes decide, so that nobody can craft his way to another's environment. */
int store_env_put(struct store *s, struct str block, int64_t *ret_env)
{
    if (s->failed)
        return s->failed;
    uint64_t hash = hash_bytes(block.len, block.ptr, block.len);
    if (s->env_last && s->env_last_hash == hash && str_eq(buf_look(&s->env_last_block), block)) {
        *ret_env = s->env_last;
        return 0;
    }
    int64_t id = 0;
    int code = env_find(s, hash, block, &id);
    if (code == E_NOT_FOUND) {
        sqlite3_stmt *st = store_st(s, ST_ENV_ADD);
        if (!st)
            return s->failed;
        bind_u64(st, 1, hash);
        bind_blob(st, 2, block);
        code = store_done(s, st);
        id = sqlite3_last_insert_rowid(s->db);
    }
    if (code < 0)
        return code;
    buf_clear(&s->env_last_block);
    buf_str(&s->env_last_block, block);
    s->env_last = s->env_last_block.failed ? 0 : id;
    s->env_last_hash = hash;
    *ret_env = id;
    return 0;
}

int store_env_get(struct store *s, int64_t env, struct buf *out)
{
    if (env == 0)
        return 0;
    sqlite3_stmt *st = store_st(s, ST_ENV_GET);
    if (!st)
        return s->failed;
    bind_i64(st, 1, env);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        buf_str(out, col_str(st, 0));
    sqlite3_reset(st);
    if (rc == SQLITE_ROW)
        return out->failed;
    return rc == SQLITE_DONE ? E_NOT_FOUND : store_fail(s, rc);
}

/* --- submit keys ------------------------------------------------------------------------------- */

int store_key_add(struct store *s, uint32_t uid, struct str key, uint32_t call, uint64_t digest,
                  usec_t wall_at)
{
    if (s->failed)
        return s->failed;
    sqlite3_stmt *st = store_st(s, ST_KEY_ADD);
    if (!st)
        return s->failed;
    bind_i64(st, 1, uid);
    bind_str(st, 2, key);
    bind_i64(st, 3, call);
    bind_u64(st, 4, digest);
    bind_i64(st, 5, wall_at);
    return store_done(s, st);
}

int store_key_get(struct store *s, uint32_t uid, struct str key, uint32_t *ret_call,
                  uint64_t *ret_digest)
{
    sqlite3_stmt *st = store_st(s, ST_KEY_GET);
    if (!st)
        return s->failed;
    bind_i64(st, 1, uid);
    bind_str(st, 2, key);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        *ret_call = col_u32(st, 0);
        *ret_digest = col_u64(st, 1);
    }
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? E_NOT_FOUND : store_fail(s, rc);
}

int store_call_each(struct store *s, uint32_t call,
                    int (*item)(uint32_t id, uint32_t tasks, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_CALL_EACH);
    if (!st)
        return s->failed;
    bind_i64(st, 1, call);
    int code = 0;
    int rc = SQLITE_DONE;
    while (code >= 0 && (rc = sqlite3_step(st)) == SQLITE_ROW && col_u32(st, 2) == call)
        code = item(col_u32(st, 0), col_u32(st, 1), data);
    sqlite3_reset(st);
    if (code < 0)
        return code;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_fail(s, rc);
}

/* --- people and GPUs --------------------------------------------------------------------------- */

int store_person_put(struct store *s, const struct store_person *p)
{
    return STORE_WRITE(s, ST_PERSON_PUT, num(p->no), num(p->uid), text(p->name), text(p->lang),
                       text(p->zone), text(p->hours), text(p->work), text(p->focus), text(p->leaves),
                       num(p->here_until_at), num(p->cap_us), num(p->buffer_us), num(p->defer));
}

int store_persons_each(struct store *s, int (*row)(const struct store_person *p, void *data),
                       void *data)
{
    sqlite3_stmt *st = store_st(s, ST_PERSONS);
    if (!st)
        return s->failed;
    int code = 0;
    while (store_next(s, st, &code)) {
        struct store_person p = {
            .no = col_u32(st, 0), .uid = col_i64(st, 1), .name = col_str(st, 2),
            .lang = col_str(st, 3), .zone = col_str(st, 4), .hours = col_str(st, 5),
            .work = col_str(st, 6), .focus = col_str(st, 7), .leaves = col_str(st, 8),
            .here_until_at = col_i64(st, 9), .cap_us = col_i64(st, 10), .buffer_us = col_i64(st, 11),
            .defer = col_i64(st, 12) != 0,
        };
        code = row(&p, data);
    }
    return code;
}

int store_gpu_put(struct store *s, const struct store_gpu *g)
{
    return STORE_WRITE(s, ST_GPU_PUT, num(g->no), num(g->type), num(g->drained), text(g->uuid),
                       text(g->model));
}

int store_gpus_each(struct store *s, int (*row)(const struct store_gpu *g, void *data), void *data)
{
    sqlite3_stmt *st = store_st(s, ST_GPUS);
    if (!st)
        return s->failed;
    int code = 0;
    while (store_next(s, st, &code)) {
        struct store_gpu g = { .no = col_u32(st, 0), .type = col_u32(st, 1),
                               .drained = col_i64(st, 2) != 0, .uuid = col_str(st, 3),
                               .model = col_str(st, 4) };
        code = row(&g, data);
    }
    return code;
}

/* --- small things ------------------------------------------------------------------------------ */

int store_meta_put(struct store *s, const char *key, struct str value)
{
    return STORE_WRITE(s, ST_META_PUT, text(str_of(key)), text(value));
}

int store_meta_get(struct store *s, const char *key, struct buf *out)
{
    sqlite3_stmt *st = store_st(s, ST_META_GET);
    if (!st)
        return s->failed;
    bind_str(st, 1, str_of(key));
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        buf_str(out, col_str(st, 0));
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    if (rc == SQLITE_ROW)
        return out->failed;
    return rc == SQLITE_DONE ? E_NOT_FOUND : store_fail(s, rc);
}
