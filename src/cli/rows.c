/* rows.c - see rows.h. */
#include "cli/rows.h"

#include <stddef.h>
#include <string.h>

#include "base/json_walk.h"

bool row_is(struct str json_text, const char *word)
{
    return json_text.len > 2 && str_is(str_slice(json_text, 1, json_text.len - 1), word);
}

static const struct field {
    struct str name;
    size_t at;
    bool text;
} fields[] = {
#define TEXT(name) { STR(#name), offsetof(struct row, name), true }
#define NUMBER(name) { STR(#name), offsetof(struct row, name), false }
    TEXT(name_id), TEXT(name), TEXT(owner), TEXT(account), TEXT(state), TEXT(reason), NUMBER(gpus), TEXT(gpu_list),
    NUMBER(start_at), NUMBER(end_p10_at), NUMBER(end_p50_at), NUMBER(end_p90_at), NUMBER(end_at),
    NUMBER(eyes_at), NUMBER(tasks), NUMBER(idle_us), NUMBER(exit_code), NUMBER(signal), NUMBER(id),
#undef TEXT
#undef NUMBER
};
#define FIELDS_N (sizeof fields / sizeof fields[0])

/* Rows have their members in about the order of the table: the search goes on where the last one ended. */
static void read_row(struct json_walk *w, struct row *row)
{
    struct str key, value;
    size_t next = 0;
    memset(row, 0, sizeof *row);
    for (json_walk_down(w); json_walk_next(w, &key) && json_walk_value(w, &value);) {
        for (size_t tries = 0; tries < FIELDS_N; tries++, next = (next + 1) % FIELDS_N)
            if (str_eq(fields[next].name, key))
                break;
        if (!str_eq(fields[next].name, key))
            continue;
        char *at = (char *)row + fields[next].at;
        if (fields[next].text)
            *(struct str *)at = value;
        else
            *(int64_t *)at = json_value_i64(value);
    }
}

/* Everything but the rows, put together as an object of its own. */
static void add_rest(struct buf *rest, struct str key, struct str value)
{
    buf_c(rest, rest->len ? ",\"" : "{\"");
    buf_str(rest, key);
    buf_c(rest, "\":");
    buf_str(rest, value);
}

int rows_get(struct cli *cli, const char *path, void (*each)(const struct row *row, void *data), void *data,
             json_t **ret_rest, uint64_t *ret_n)
{
    struct json_walk w;
    struct str body = { 0 }, key = { 0 }, value = { 0 };
    struct row row;
    struct buf rest;
    int code = cli_connect(cli);
    if (code == 0)
        (void)cli_zone(cli); /* which may ask the daemon, and the answer lies where the next one will */
    if (code == 0)
        code = cli_get(cli, path, &body);
    if (code < 0)
        return code;
    buf_init(&rest, HTTP_BODY_MAX);
    json_walk_begin(&w, body);
    *ret_n = 0;
    for (json_walk_down(&w); json_walk_next(&w, &key);) {
        if (str_is(key, "rows")) {
            for (json_walk_down(&w); json_walk_next(&w, NULL); ++*ret_n) {
                read_row(&w, &row);
                if (w.code == 0)
                    each(&row, data);
            }
        } else if (json_walk_value(&w, &value)) {
            add_rest(&rest, key, value);
            if (str_is(key, "now_at") && json_value_i64(value) > 0)
                cli->now_at = json_value_i64(value);
        }
    }
    buf_c(&rest, rest.len ? "}" : "{}");
    json_t *tree = json_walk_end(&w) == 0 && !rest.failed ? json_loadb(rest.ptr, rest.len, 0, NULL) : NULL;
    buf_finish(&rest);
    if (!tree)
        return err_set(&cli->err, E_CORRUPT, "The daemon's list is not JSON.");
    *ret_rest = tree;
    return 0;
}
