/* order.c - see order.h. */
#include "supervisor/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "client/place.h"

/* The facts as text: these numbers in this order, then "INDEX UUID" of each GPU, then the bounds of the output;
 * blanks between all.  A daemon from before there were bounds, still up while new programs are put in place, ends with
 * the GPUs. */
#define FACTS_LIST(X) \
    X(job) X(array_job) X(array_index) X(attempt) X(restarts) X(canary_us) X(cpus) X(start_at) X(limit_us) X(grace_us) X(looks) X(gpu_words) X(gpu_n)
enum {
#define X(name) FACT_##name,
    FACTS_LIST(X)
#undef X
    FACT_COUNT
};
#define FACTS_MAX 16384 /* 64 GPUs with names of 95 bytes */
#define GPU_NAME_MAX 95 /* as the daemon keeps them */

/* --- the daemon's side ----------------------------------------------------------------------------- */

int order_request(const struct spec *spec, struct str environment_block, const struct make_facts *facts,
                  struct request_builder *b)
{
    struct buf text;
    struct str variable;
    buf_init(&text, SPEC_PRINT_MAX);
    spec_print(&text, spec);
    int code = text.failed;
    request_add(b, REQUEST_order, buf_look(&text));
    buf_finish(&text);
    while (str_next(&environment_block, '\0', &variable))
        request_add(b, REQUEST_env, variable);
    buf_init(&text, FACTS_MAX);
#define X(name) buf_printf(&text, "%lld ", (long long)facts->name);
    FACTS_LIST(X)
#undef X
    for (uint32_t i = 0; i < facts->gpu_n; i++)
        buf_printf(&text, "%u %s ", facts->gpu_index[i], facts->gpu_uuid[i]);
    buf_printf(&text, "%llu %llu ", (unsigned long long)facts->output_max, (unsigned long long)facts->output_rate);
    code = code ? code : text.failed;
    request_add(b, REQUEST_facts, buf_look(&text));
    buf_finish(&text);
    return code;
}

/* --- the supervisor's side -------------------------------------------------------------------------- */

struct taking {
    struct spec spec;
    struct buf env;
    struct buf words; /* names of GPUs, each ended by NUL */
    struct make_facts facts;
    uint32_t index[REQUEST_GPUS_MAX];
    const char *uuid[REQUEST_GPUS_MAX];
    char user[64], host[256], slurm_dir[PLACE_PATH_MAX], before[MAKE_PATH_MAX];
};

static int number(struct str *rest, int64_t max, int64_t *ret)
{
    struct str word;
    return str_next(rest, ' ', &word) && str_i64(word, ret) == 0 && *ret >= 0 && *ret <= max ? 0 : E_CORRUPT;
}

/* A name goes into the environment and names a lock file: letters, digits, "-", "_", "." and nothing else. */
static bool is_gpu_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return name.len > 0 && name.len <= GPU_NAME_MAX && name.ptr[0] != '.';
}

static int take_bounds(struct taking *t, struct str rest)
{
    int64_t max, rate;
    if (rest.len == 0)
        return 0;
    if (number(&rest, INT64_MAX, &max) < 0 || number(&rest, INT64_MAX, &rate) < 0 || rest.len)
        return E_CORRUPT;
    t->facts.output_max = (uint64_t)max;
    t->facts.output_rate = (uint64_t)rate;
    return 0;
}

static int take_gpus(struct taking *t, struct str rest, uint32_t n)
{
    struct str name;
    size_t at[REQUEST_GPUS_MAX];
    int64_t index;
    for (uint32_t i = 0; i < n; i++) {
        if (number(&rest, UINT16_MAX, &index) < 0 || !str_next(&rest, ' ', &name) || !is_gpu_name(name))
            return E_CORRUPT;
        t->index[i] = (uint32_t)index;
        at[i] = t->words.len;
        buf_str(&t->words, name);
        buf_char(&t->words, '\0');
    }
    if (t->words.failed)
        return t->words.failed;
    for (uint32_t i = 0; i < n; i++)
        t->uuid[i] = t->words.ptr + at[i];
    return take_bounds(t, rest);
}

static int take_facts(struct taking *t, struct str text)
{
    static const int64_t max[FACT_COUNT] = {
        [FACT_job] = UINT32_MAX, [FACT_array_job] = UINT32_MAX, [FACT_array_index] = UINT32_MAX,
        [FACT_attempt] = UINT32_MAX, [FACT_restarts] = UINT32_MAX, [FACT_canary_us] = SPEC_CANARY_MAX_US, [FACT_cpus] = SPEC_CPUS_MAX, [FACT_start_at] = INT64_MAX / 4,
        [FACT_limit_us] = INT64_MAX / 4, [FACT_grace_us] = INT64_MAX / 4,
        [FACT_looks] = 1,
        [FACT_gpu_words] = MAKE_GPUS_COUNT - 1, [FACT_gpu_n] = REQUEST_GPUS_MAX,
    };
    int64_t n[FACT_COUNT];
    for (int i = 0; i < FACT_COUNT; i++)
        if (number(&text, max[i], &n[i]) < 0)
            return E_CORRUPT;
    t->facts = (struct make_facts){
        .job = (uint32_t)n[FACT_job], .array_job = (uint32_t)n[FACT_array_job],
        .array_index = (uint32_t)n[FACT_array_index], .attempt = (uint32_t)n[FACT_attempt],
        .restarts = (uint32_t)n[FACT_restarts], .canary_us = n[FACT_canary_us],
        .cpus = (uint32_t)n[FACT_cpus], .start_at = n[FACT_start_at], .limit_us = n[FACT_limit_us],
        .grace_us = n[FACT_grace_us], .looks = (uint32_t)n[FACT_looks], .gpu_words = (enum make_gpus)n[FACT_gpu_words],
        .gpu_n = (uint32_t)n[FACT_gpu_n], .gpu_index = t->index, .gpu_uuid = t->uuid,
        .uid = getuid(), .gid = getgid(), .user = t->user, .host = t->host, .slurm_dir = t->slurm_dir, .before = t->before,
    };
    return take_gpus(t, text, t->facts.gpu_n);
}

/* What a daemon could lie about, seen from here: who we are and where our programs lie. */
static void look_around(struct taking *t)
{
    char program[PLACE_PATH_MAX];
    place_user_name("/etc/passwd", getuid(), t->user, sizeof t->user);
    if (gethostname(t->host, sizeof t->host - 1) < 0)
        t->host[0] = '\0';
    t->host[strcspn(t->host, ".")] = '\0';
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - sizeof "/slurm");
    char *slash = n > 0 ? (program[n] = '\0', strrchr(program, '/')) : NULL;
    if (!slash)
        return;
    memcpy(slash, "/slurm", sizeof "/slurm");
    if (access(program, X_OK) == 0 && !strchr(program, ':'))
        memcpy(t->slurm_dir, program, strlen(program) + 1);
    make_before(t->slurm_dir, t->before);
}

static int check_signed(struct taking *t, const struct order_terms *terms, struct err *err)
{
    uint8_t hash[32];
    const struct spec_array *array = &t->spec.array;
    int code = spec_order_hash(&t->spec, buf_look(&t->env), hash);
    if (code < 0)
        return code;
    if (memcmp(hash, terms->hash, sizeof hash) != 0)
        return err_set(err, E_DENIED, "it is not what its user asked for");
    bool is_task = t->facts.array_job != 0;
    if (is_task != (array->range_n != 0) || terms->task >= (is_task ? array->tasks : 1) ||
        (is_task && t->facts.array_index != spec_array_index(array, terms->task)))
        return err_set(err, E_DENIED, "its user asked for no such task");
    return 0;
}

static int remake(struct taking *t, struct request *ret, struct err *err)
{
    struct request_builder b;
    int fd = -1;
    request_begin(&b);
    int code = make_request(&t->spec, buf_look(&t->env), &t->facts, &b, err);
    if (code == 0)
        code = request_seal(&b, &fd);
    else
        buf_finish(&b.bytes);
    if (code == 0)
        code = request_read(fd, ret);
    io_close(&fd);
    return code;
}

int order_take(struct request *r, const struct order_terms *terms, struct err *err)
{
    struct taking *t = calloc(1, sizeof *t);
    struct request made;
    if (!t)
        return E_NO_MEMORY;
    spec_init(&t->spec);
    buf_init(&t->env, REQUEST_MAX);
    buf_init(&t->words, FACTS_MAX);
    for (uint32_t i = 0; i < r->envc; i++)
        buf_add(&t->env, r->env[i], strlen(r->env[i]) + 1);
    int code = r->order.len ? t->env.failed : err_set(err, E_DENIED, "it is not an order");
    if (code == 0)
        code = take_facts(t, r->facts);
    if (code == 0)
        code = spec_parse(&t->spec, r->order, err);
    if (code == 0)
        code = check_signed(t, terms, err);
    look_around(t);
    if (code == 0)
        code = remake(t, &made, err);
    if (code == 0) {
        request_finish(r);
        *r = made;
    }
    buf_finish(&t->words);
    buf_finish(&t->env);
    spec_finish(&t->spec);
    free(t);
    return code;
}
