/* request.c - see request.h. */
#include "supervisor/request.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

static const char *const key_names[REQUEST_KEY_COUNT] = {
#define X(key) [REQUEST_##key] = #key,
    REQUEST_KEY_LIST(X)
#undef X
};

/* --- building --------------------------------------------------------------------------------- */

void request_begin(struct request_builder *b)
{
    buf_init(&b->bytes, REQUEST_MAX);
    b->count = 0;
    struct request_head head = { 0 };
    buf_add(&b->bytes, &head, sizeof head);
}

void request_add(struct request_builder *b, enum request_key key, struct str value)
{
    size_t name = strlen(key_names[key]) + 1;
    if (value.len > REQUEST_MAX) {
        b->bytes.failed = E_TOO_LARGE;
        return;
    }
    uint32_t len = (uint32_t)(name + value.len + 1);
    buf_add(&b->bytes, &len, sizeof len);
    buf_add(&b->bytes, key_names[key], name);
    buf_str(&b->bytes, value);
    buf_add(&b->bytes, "", 1); /* values end in NUL, so that the reader can point at them */
    b->count++;
}

void request_add_c(struct request_builder *b, enum request_key key, const char *value)
{
    request_add(b, key, str_of(value));
}

void request_add_u64(struct request_builder *b, enum request_key key, uint64_t value)
{
    char digits[24];
    struct buf d;
    buf_init_fixed(&d, digits, sizeof digits);
    buf_u64(&d, value);
    request_add(b, key, buf_look(&d));
}

int request_seal(struct request_builder *b, int *ret_fd)
{
    int fd = -1;
    int r = b->bytes.failed;
    if (r)
        goto out;
    struct request_head head = {
        .magic = REQUEST_MAGIC, .version = REQUEST_VERSION,
        .size = (uint32_t)(b->bytes.len - sizeof head), .count = b->count,
    };
    memcpy(b->bytes.ptr, &head, sizeof head);
    fd = memfd_create("eoul-request", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        r = io_from_errno(errno);
        goto out;
    }
    r = io_write_all(fd, b->bytes.ptr, b->bytes.len);
    if (r == 0 && fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) < 0)
        r = io_from_errno(errno);
    if (r == 0) {
        *ret_fd = fd;
        fd = -1;
    }
out:
    io_close(&fd);
    buf_finish(&b->bytes);
    b->count = 0;
    return r;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A record as it lies in the mapping; value has a NUL behind it and none within. */
struct record {
    enum request_key key;
    struct str value;
};

static int next_record(struct str *rest, struct record *ret)
{
    uint32_t len;
    if (rest->len < sizeof len)
        return E_CORRUPT;
    memcpy(&len, rest->ptr, sizeof len);
    if (len > rest->len - sizeof len)
        return E_CORRUPT;
    const char *at = rest->ptr + sizeof len;
    const char *name_end = memchr(at, 0, len);
    if (!name_end || name_end == at + len - 1 || at[len - 1] != 0)
        return E_CORRUPT;
    int key = 0;
    while (key < REQUEST_KEY_COUNT && strcmp(key_names[key], at) != 0)
        key++;
    if (key == REQUEST_KEY_COUNT)
        return E_NEWER; /* running half of what was meant would be wrong */
    ret->key = (enum request_key)key;
    ret->value.ptr = name_end + 1;
    ret->value.len = (size_t)(at + len - 1 - (name_end + 1));
    /* A script may hold any byte but NUL too: execve could not pass it on, nor sh read it. */
    if (memchr(ret->value.ptr, 0, ret->value.len))
        return E_CORRUPT;
    *rest = (struct str){ at + len, rest->len - sizeof len - len };
    return 0;
}

static int number(struct str s, int64_t low, int64_t high, int64_t *ret)
{
    int64_t n;
    if (str_i64(s, &n) < 0 || n < low || n > high)
        return E_CORRUPT;
    *ret = n;
    return 0;
}

static int take_limit(struct request *r, struct str value)
{
    struct str piece;
    uint64_t part[3];
    for (int i = 0; i < 3; i++)
        if (!str_next(&value, ' ', &piece) || str_u64(piece, &part[i]) < 0)
            return E_CORRUPT;
    if (value.len || part[0] >= RLIM_NLIMITS || part[1] > part[2])
        return E_CORRUPT;
    if (r->limit_n == REQUEST_LIMITS_MAX)
        return E_TOO_LARGE;
    struct request_limit *l = &r->limits[r->limit_n++];
    l->resource = (int)part[0];
    l->value.rlim_cur = part[1];
    l->value.rlim_max = part[2];
    return 0;
}

static int take_warn(struct request *r, struct str value)
{
    struct str piece;
    int64_t part[3];
    static const int64_t high[3] = { 64, 10000000, 1 };
    for (int i = 0; i < 3; i++)
        if (!str_next(&value, ' ', &piece) || number(piece, 0, high[i], &part[i]) < 0)
            return E_CORRUPT;
    r->warn_signal = (int)part[0];
    r->warn_before_us = part[1] * USEC_PER_SEC;
    r->warn_main_only = (int)part[2];
    return value.len ? E_CORRUPT : 0;
}

static int take_pty(struct request *r, struct str value)
{
    struct str piece;
    int64_t part[2];
    for (int i = 0; i < 2; i++)
        if (!str_next(&value, ' ', &piece) || number(piece, 0, UINT16_MAX, &part[i]) < 0)
            return E_CORRUPT;
    r->pty = 1;
    r->pty_rows = (unsigned short)part[0];
    r->pty_columns = (unsigned short)part[1];
    return value.len ? E_CORRUPT : 0;
}

static int take_meet(struct request *r, struct str value)
{
    struct str uid;
    int64_t n;
    if (!str_next(&value, ' ', &uid) || number(uid, 0, UINT32_MAX - 1, &n) < 0 || value.len == 0 ||
        value.len > REQUEST_MEET_MAX)
        return E_CORRUPT;
    r->meet_uid = (uid_t)n;
    r->meet = value.ptr; /* the rest of the record, with its NUL */
    return 0;
}

static int take_number(struct request *r, enum request_key key, struct str value)
{
    int64_t n = 0;
    int e = 0;
    switch (key) {
    case REQUEST_umask:
        e = number(value, 0, 0777, &n);
        r->umask = (mode_t)n;
        return e;
    case REQUEST_nice:
        e = number(value, -20, 19, &n);
        r->nice = (int)n;
        return e;
    case REQUEST_oom_score:
        e = number(value, -1000, 1000, &n);
        r->oom_score = (int)n;
        return e;
    case REQUEST_limit_us: return number(value, 0, INT64_MAX / 4, &r->limit_us);
    case REQUEST_grace_us: return number(value, 0, INT64_MAX / 4, &r->grace_us);
    case REQUEST_output_max: return str_u64(value, &r->output_max);
    case REQUEST_output_rate: return str_u64(value, &r->output_rate);
    default: return E_INTERNAL;
    }
}

static const char *path_or_null(struct str value) { return value.len ? value.ptr : NULL; }

static int take_record(struct request *r, const struct record *record)
{
    struct str v = record->value;
    switch (record->key) {
    case REQUEST_argv: r->argv[r->argc++] = v.ptr; return 0; /* room was counted before */
    case REQUEST_env: r->env[r->envc++] = v.ptr; return 0;
    case REQUEST_script: r->script = v; return 0;
    case REQUEST_cwd: r->cwd = v.ptr; return v.ptr[0] == '/' ? 0 : E_CORRUPT;
    case REQUEST_stdin: r->stdin_path = path_or_null(v); return 0;
    case REQUEST_stdout: r->stdout_path = path_or_null(v); return 0;
    case REQUEST_stderr: r->stderr_path = path_or_null(v); return 0;
    case REQUEST_open:
        r->append = str_is(v, "append");
        return r->append || str_is(v, "truncate") ? 0 : E_CORRUPT;
    case REQUEST_rlimit: return take_limit(r, v);
    case REQUEST_warn: return take_warn(r, v);
    case REQUEST_pty: return take_pty(r, v);
    case REQUEST_meet: return take_meet(r, v);
    case REQUEST_feed: r->feed = str_is(v, "1"); return r->feed ? 0 : E_CORRUPT;
    case REQUEST_gpu:
        if (r->gpu_n == REQUEST_GPUS_MAX)
            return E_TOO_LARGE;
        r->gpus[r->gpu_n++] = v.ptr;
        return v.len ? 0 : E_CORRUPT;
    case REQUEST_result: r->result = v.ptr; return 0;
    case REQUEST_order: r->order = v; return v.len ? 0 : E_CORRUPT;
    case REQUEST_facts: r->facts = v; return v.len ? 0 : E_CORRUPT;
    case REQUEST_before: r->before = v.ptr; return 0;
    default: return take_number(r, record->key, v);
    }
}

static int map_request(int fd, struct request *r, struct str *ret_records, uint32_t *ret_count)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0)
        return E_CORRUPT;
    if (st.st_size < (off_t)sizeof(struct request_head))
        return E_CORRUPT;
    if (st.st_size > (off_t)(REQUEST_MAX + sizeof(struct request_head)))
        return E_TOO_LARGE;
    r->map_size = (size_t)st.st_size;
    void *map = mmap(NULL, r->map_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return E_NO_MEMORY;
    r->map = map;
    struct request_head head;
    memcpy(&head, r->map, sizeof head);
    if (head.magic != REQUEST_MAGIC || head.size != r->map_size - sizeof head)
        return E_CORRUPT;
    if (head.version != REQUEST_VERSION)
        return E_NEWER;
    *ret_records = (struct str){ r->map + sizeof head, head.size };
    *ret_count = head.count;
    return 0;
}

int request_read(int fd, struct request *ret)
{
    struct request r = { .umask = 022, .grace_us = 30 * USEC_PER_SEC };
    struct str records = { 0 };
    uint32_t count = 0;
    int e = map_request(fd, &r, &records, &count);

    uint32_t argc = 0, envc = 0, orders = 0;
    struct record record;
    struct str rest = records;
    for (uint32_t i = 0; e == 0 && i < count; i++) {
        e = next_record(&rest, &record);
        argc += e == 0 && record.key == REQUEST_argv;
        envc += e == 0 && record.key == REQUEST_env;
        orders += e == 0 && (record.key == REQUEST_order || record.key == REQUEST_facts);
    }
    /* An order has its two parts and the environment, and nothing that could be run unsigned. */
    if (e == 0 && (rest.len || (orders ? orders != 2 || envc + orders != count : argc == 0)))
        e = E_CORRUPT;
    if (e == 0 && (argc > REQUEST_ARGV_MAX || envc > REQUEST_ARGV_MAX))
        e = E_TOO_LARGE;
    if (e == 0) {
        /* argv gets two places before it: "/bin/sh", "-" for a script without a #! line. */
        size_t places = 2 + argc + 1 + envc + REQUEST_ENV_SPARE + 1;
        const char **table = mmap(NULL, places * sizeof *table, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (table == MAP_FAILED) {
            e = E_NO_MEMORY;
        } else {
            r.argv = table + 2;
            r.env = r.argv + argc + 1;
        }
    }
    rest = records;
    for (uint32_t i = 0; e == 0 && i < count; i++) {
        e = next_record(&rest, &record);
        if (e == 0)
            e = take_record(&r, &record);
    }
    if (e == 0 && (orders ? !r.order.len || !r.facts.len : !r.cwd))
        e = E_CORRUPT;
    if (e < 0) {
        request_finish(&r);
        return e;
    }
    *ret = r;
    return 0;
}

void request_finish(struct request *r)
{
    if (!r)
        return;
    if (r->argv) {
        const char **table = r->argv - 2;
        size_t places = (size_t)(r->env - table) + r->envc + REQUEST_ENV_SPARE + 1;
        munmap(table, places * sizeof *table);
    }
    if (r->map)
        munmap((void *)(uintptr_t)r->map, r->map_size);
    *r = (struct request){ 0 };
}
