/* request.c - what a supervisor is asked to run: a stored request and one attempt's facts, as a
 * sealed memfd (supervisor/request.h).
 *
 * The job's environment is what was captured at its submit, then what Slurm would tell it, then which
 * GPUs it has.  Later words of one name replace earlier ones, so that no name is there twice.
 * A task of a sweep gets its point's values wherever its request says {name} (spec/sweep.h).
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "daemon/internal.h"
#include "spec/pattern.h"
#include "spec/slurmenv.h"
#include "spec/spec.h"
#include "spec/sweep.h"
#include "supervisor/request.h"

#define PATH_DEFAULT  "/usr/local/bin:/usr/bin:/bin" /* where nothing was captured */
#define CODE_LATE_US  (10 * USEC_PER_SEC) /* a start so long after the submit looks whether its code is the same */
#define ENV_ADDED_MAX (1u << 20) /* what we add to an environment */

static const struct {
    const char *name;
    int resource;
} rlimit_names[] = {
    { "cpu", RLIMIT_CPU }, { "fsize", RLIMIT_FSIZE }, { "data", RLIMIT_DATA },
    { "stack", RLIMIT_STACK }, { "core", RLIMIT_CORE }, { "rss", RLIMIT_RSS },
    { "nproc", RLIMIT_NPROC }, { "nofile", RLIMIT_NOFILE }, { "memlock", RLIMIT_MEMLOCK },
    { "as", RLIMIT_AS }, { "locks", RLIMIT_LOCKS }, { "sigpending", RLIMIT_SIGPENDING },
    { "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE }, { "rtprio", RLIMIT_RTPRIO },
    { "rttime", RLIMIT_RTTIME },
};

struct making {
    struct daemon *d;
    struct request_builder b;
    struct spec spec;
    struct sweep sweep;     /* no parameters: none */
    struct buf name;        /* the job's */
    struct core_job job;
    struct store_request r; /* numbers only: its strings are not kept */
    struct buf env;
    struct map names;       /* hash of a variable's name: in `env` already, later ones are skipped */
    char user[64], host[256];
    char cwd[SPEC_TEXT_MAX];
};

/* --- points ---------------------------------------------------------------------------------------- */

static void put_text(const struct making *m, struct buf *out, struct str text, enum sweep_use use)
{
    if (m->sweep.params_n)
        sweep_expand(&m->sweep, m->job.array_index, text, use, out);
    else
        buf_str(out, text);
}

static void add_text(struct making *m, enum request_key key, struct str text)
{
    struct buf out;
    if (!m->sweep.params_n) {
        request_add(&m->b, key, text);
        return;
    }
    buf_init(&out, SPEC_BYTES_MAX);
    put_text(m, &out, text, SWEEP_TEXT);
    if (out.failed && !m->b.bytes.failed)
        m->b.bytes.failed = out.failed;
    request_add(&m->b, key, buf_look(&out));
    buf_finish(&out);
}

/* What is told of the point: before everything else, so that it wins. */
static void point_environment(const struct making *m, struct buf *out)
{
    if (!m->sweep.params_n)
        return;
    sweep_environ(&m->sweep, m->job.array_index, m->spec.export_env, out);
    buf_c(out, "SLURM_JOB_NAME=");
    buf_str(out, buf_look(&m->name));
    buf_char(out, '\0');
}

/* --- environment --------------------------------------------------------------------------------- */

/* The first of a name wins; 64 bits of hash are enough where a collision would cost one variable. */
static int add_variable(struct making *m, struct str variable)
{
    ptrdiff_t equals = str_find(variable, '=');
    if (equals <= 0)
        return 0;
    uint64_t key = hash_bytes(1, variable.ptr, (size_t)equals);
    uint32_t there;
    if (map_get(&m->names, key ? key : 1, &there))
        return 0;
    request_add(&m->b, REQUEST_env, variable);
    return map_set(&m->names, key ? key : 1, 1);
}

static int add_block(struct making *m, struct str block)
{
    struct str variable;
    int code = 0;
    while (code == 0 && str_next(&block, '\0', &variable))
        if (variable.len)
            code = add_variable(m, variable);
    return code;
}

static void gpu_words(struct making *m, struct buf *out, const char *name, bool by_index)
{
    buf_c(out, name);
    buf_char(out, '=');
    bool first = true;
    for (uint32_t i = 0; i < m->d->gpus_n; i++) {
        if (!(m->job.gpu_mask >> i & 1))
            continue;
        if (!first)
            buf_char(out, ',');
        first = false;
        if (by_index)
            buf_u64(out, m->d->gpus[i].index);
        else
            buf_c(out, m->d->gpus[i].uuid);
    }
    buf_char(out, '\0');
}

/* Told by UUID where the driver has one: indices move when a GPU falls off the bus.  A job without
 * GPUs sees none, so that it cannot sit down on another's by mistake. */
static void gpu_environment(struct making *m, struct buf *out)
{
    struct daemon *d = m->d;
    if (d->gpus_n == 0)
        return;
    bool by_index = strcmp(d->gpu_source, "nvml") != 0 || d->config->gpu_ids == CONFIG_GPU_INDEX;
    gpu_words(m, out, "CUDA_VISIBLE_DEVICES", by_index);
    gpu_words(m, out, "ROCR_VISIBLE_DEVICES", by_index);
    buf_add(out, "CUDA_DEVICE_ORDER=PCI_BUS_ID", sizeof "CUDA_DEVICE_ORDER=PCI_BUS_ID");
}

/* The value of a variable in a block of them; false: it is not there. */
static bool captured_value(struct str block, const char *name, struct str *ret)
{
    struct str variable, word;
    while (str_next(&block, '\0', &variable)) {
        ptrdiff_t equals = str_find(variable, '=');
        word = equals > 0 ? str_slice(variable, 0, (size_t)equals) : (struct str){ 0 };
        if (equals > 0 && str_is(word, name)) {
            *ret = str_slice(variable, (size_t)equals + 1, variable.len);
            return true;
        }
    }
    return false;
}

/* A job's srun, sbatch and squeue are ours, also where a real Slurm is installed. */
static int links_first(struct making *m, struct str captured)
{
    struct str path = STR(PATH_DEFAULT);
    struct buf text;
    if (!m->d->slurm_dir[0])
        return 0;
    captured_value(captured, "PATH", &path);
    buf_init(&text, OP_ENV_MAX);
    buf_c(&text, "PATH=");
    buf_c(&text, m->d->slurm_dir);
    buf_char(&text, ':');
    buf_str(&text, path);
    int code = text.failed ? text.failed : add_variable(m, buf_look(&text));
    buf_finish(&text);
    return code;
}

/* Scripts from a cluster load modules.  Where there are none, that is a line in the job's output and not
 * a failure: bash takes functions from its environment. */
static int modules(struct making *m, struct str captured)
{
    static const char *const signs[] = { "BASH_FUNC_module%%", "MODULESHOME", "LMOD_CMD", "MODULEPATH" };
    struct str first, rest = m->spec.script, value;
    if (!str_next(&rest, '\n', &first) || first.len < 2 || first.ptr[0] != '#' ||
        !memmem(first.ptr, first.len, "sh", 2))
        return 0;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (captured_value(captured, signs[i], &value))
            return 0;
    int code = add_variable(m, STR("BASH_FUNC_module%%=() {  echo \"eoul: there are no environment modules on "
                                   "this machine; 'module $*' was passed over\" >&2\n}"));
    return code < 0 ? code : add_variable(m, STR("BASH_FUNC_ml%%=() {  module \"$@\"\n}"));
}

static int environment(struct making *m)
{
    struct daemon *d = m->d;
    struct buf told;
    struct buf captured;
    uint32_t indices[CORE_GPUS_MAX];
    struct slurmenv_facts facts = {
        .job = m->job.id, .array_job = m->job.array_id, .array_index = m->job.array_index,
        .restarts = m->job.attempt ? m->job.attempt - 1 : 0, .uid = m->r.uid, .gid = m->r.gid,
        .host = m->spec.submit_host.len ? m->spec.submit_host : str_of(m->host),
        .user = str_of(m->user), .cpus = m->job.cpus, .gpus = indices, .start_at = d->now.wall_at,
        .end_at = m->job.limit_us ? usec_add(d->now.wall_at, m->job.limit_us) : 0,
    };
    for (uint32_t i = 0; i < d->gpus_n; i++)
        if (m->job.gpu_mask >> i & 1)
            indices[facts.gpus_n++] = d->gpus[i].index;
    buf_init(&told, ENV_ADDED_MAX);
    buf_init(&captured, OP_ENV_MAX);
    point_environment(m, &told);
    gpu_environment(m, &told);
    slurmenv_make(&told, &m->spec, &facts);
    int code = told.failed;
    if (code == 0)
        code = store_env_get(d->store, m->r.env, &captured);
    if (code == 0)
        code = links_first(m, buf_look(&captured));
    if (code == 0)
        code = modules(m, buf_look(&captured));
    if (code == 0)
        code = add_block(m, buf_look(&told));
    if (code == 0)
        code = add_block(m, buf_look(&captured));
    if (code == 0)
        code = add_variable(m, STR("TMPDIR=/tmp")); /* unless the submitter has one, as in Slurm */
    buf_finish(&told);
    buf_finish(&captured);
    return code;
}

/* --- files --------------------------------------------------------------------------------------- */

static void add_path(struct making *m, enum request_key key, struct str pattern)
{
    if (pattern.len == 0)
        return;
    struct pattern_facts facts = { .job = m->job.id, .array_job = m->job.array_id,
                                   .array_index = m->job.array_index, .host = str_of(m->host),
                                   .user = str_of(m->user), .name = buf_look(&m->name) };
    struct buf path, own;
    buf_init(&path, 4 * SPEC_TEXT_MAX);
    buf_init(&own, 4 * SPEC_TEXT_MAX);
    put_text(m, &own, pattern, SWEEP_FILE);
    pattern_expand(&path, buf_look(&own), &facts);
    request_add(&m->b, key, buf_look(&path));
    buf_finish(&own);
    buf_finish(&path);
}

/* A further attempt appends unless its owner said truncate: what the first one wrote is evidence. */
static void files(struct making *m)
{
    const struct spec *s = &m->spec;
    struct str cwd = s->chdir.len ? s->chdir : s->submit_dir;
    if (cwd.len && cwd.ptr[0] != '/' && s->submit_dir.len) {
        struct buf path;
        buf_init_fixed(&path, m->cwd, sizeof m->cwd);
        buf_str(&path, s->submit_dir);
        buf_char(&path, '/');
        buf_str(&path, cwd);
        cwd = path.failed ? cwd : buf_look(&path);
    }
    request_add(&m->b, REQUEST_cwd, cwd.len ? cwd : STR("/"));
    add_path(m, REQUEST_stdin, s->input);
    add_path(m, REQUEST_stdout, spec_output(s));
    add_path(m, REQUEST_stderr, s->error.len ? s->error : spec_output(s));
    bool append = s->open_mode == SPEC_OPEN_APPEND ||
                  (s->open_mode == SPEC_OPEN_DEFAULT && m->job.attempt > 1);
    request_add_c(&m->b, REQUEST_open, append ? "append" : "truncate");
}

/* --- the rest ------------------------------------------------------------------------------------ */

static void add_limit_word(struct buf *out, struct str word)
{
    uint64_t value;
    buf_char(out, ' ');
    if (str_u64(word, &value) == 0)
        buf_u64(out, value);
    else
        buf_u64(out, (uint64_t)RLIM_INFINITY);
}

static void rlimits(struct making *m)
{
    for (uint32_t i = 0; i < m->spec.rlimits.n; i++) {
        struct str rest = m->spec.rlimits.item[i];
        struct str name, soft, hard;
        if (!str_next(&rest, ':', &name) || !str_next(&rest, ':', &soft) ||
            !str_next(&rest, ':', &hard))
            continue;
        for (size_t k = 0; k < sizeof rlimit_names / sizeof rlimit_names[0]; k++) {
            char memory[96];
            struct buf text;
            if (!str_is(name, rlimit_names[k].name))
                continue;
            buf_init_fixed(&text, memory, sizeof memory);
            buf_i64(&text, rlimit_names[k].resource);
            add_limit_word(&text, soft);
            add_limit_word(&text, hard);
            request_add(&m->b, REQUEST_rlimit, buf_look(&text));
        }
    }
}

static void program(struct making *m)
{
    const struct spec *s = &m->spec;
    if (s->script.len) {
        if (s->wrapped) /* a command line in disguise; a script's braces are its own */
            add_text(m, REQUEST_script, s->script);
        else
            request_add(&m->b, REQUEST_script, s->script);
        request_add(&m->b, REQUEST_argv, s->script_name.len ? s->script_name : buf_look(&m->name));
    }
    for (uint32_t i = 0; i < s->argv.n; i++)
        add_text(m, REQUEST_argv, s->argv.item[i]);
}

/* A terminal, or input that a client brings; who asked for the job is who may meet it. */
static void terminal(struct making *m)
{
    const struct spec *s = &m->spec;
    char memory[REQUEST_MEET_MAX + 32];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    if (s->pty) {
        buf_u64(&text, s->rows);
        buf_char(&text, ' ');
        buf_u64(&text, s->columns);
        request_add(&m->b, REQUEST_pty, buf_look(&text));
    } else if (s->feed) {
        request_add_c(&m->b, REQUEST_feed, "1");
    }
    if ((!s->pty && !s->feed) || s->meet.len == 0 || s->meet.len > REQUEST_MEET_MAX)
        return;
    buf_clear(&text);
    buf_u64(&text, m->r.uid);
    buf_char(&text, ' ');
    buf_str(&text, s->meet);
    request_add(&m->b, REQUEST_meet, buf_look(&text));
}

static void numbers(struct making *m)
{
    const struct spec *s = &m->spec;
    request_add_u64(&m->b, REQUEST_umask, spec_has(s, "umask") || s->umask ? s->umask : 022);
    request_add_u64(&m->b, REQUEST_limit_us, (uint64_t)m->job.limit_us);
    request_add_u64(&m->b, REQUEST_grace_us, (uint64_t)m->d->config->grace_us);
    if (s->result.len)
        request_add(&m->b, REQUEST_result, s->result);
    if (s->signal.number) {
        char memory[64];
        struct buf text;
        buf_init_fixed(&text, memory, sizeof memory);
        buf_u64(&text, s->signal.number);
        buf_char(&text, ' ');
        buf_u64(&text, s->signal.before_s);
        buf_c(&text, s->signal.batch ? " 1" : " 0");
        request_add(&m->b, REQUEST_warn, buf_look(&text));
    }
    for (uint32_t i = 0; i < m->d->gpus_n; i++)
        if (m->job.gpu_mask >> i & 1)
            request_add_c(&m->b, REQUEST_gpu, m->d->gpus[i].uuid);
}

/* Whoever starts at once runs what was submitted.  Of a later start the code may be another: then it looks. */
static void look_at_code(struct making *m)
{
    usec_t late_us = getenv("EOUL_HURRY") ? CODE_LATE_US / 20 : CODE_LATE_US;
    char program[sizeof m->d->slurm_dir + 8], *real;
    if (m->spec.code.len == 0 || m->spec.snapshot || !m->d->slurm_dir[0] ||
        m->d->now.wall_at - m->r.submit_at < late_us)
        return;
    snprintf(program, sizeof program, "%s/sbatch", m->d->slurm_dir); /* a link to eoul, wherever that is */
    real = realpath(program, NULL);
    if (real)
        request_add_c(&m->b, REQUEST_before, real);
    free(real);
}

static void user_name(struct making *m)
{
    struct passwd entry, *found = NULL;
    char memory[4096];
    struct buf out;
    buf_init_fixed(&out, m->user, sizeof m->user);
    if (getpwuid_r(m->r.uid, &entry, memory, sizeof memory, &found) == 0 && found)
        buf_c(&out, entry.pw_name);
    else
        buf_u64(&out, m->r.uid);
    if (gethostname(m->host, sizeof m->host - 1) < 0)
        m->host[0] = '\0';
    char *dot = strchr(m->host, '.');
    if (dot)
        *dot = '\0';
}

int request_of_attempt(struct daemon *d, uint32_t job, uint64_t gpus, int *ret_fd, struct err *err)
{
    struct making m = { .d = d };
    if (!core_job_get(d->core, job, &m.job))
        return err_set(err, E_NOT_FOUND, "job %u is not live", job);
    m.job.gpu_mask = gpus;
    request_begin(&m.b);
    spec_init(&m.spec);
    int code = store_request_get(d->store, job, &m.r);
    if (code == 0)
        code = spec_parse(&m.spec, m.r.spec, err);
    if (code == 0 && m.spec.params.n)
        code = sweep_open(&m.sweep, &m.spec, err);
    if (code == 0) {
        buf_init(&m.name, SPEC_BYTES_MAX);
        put_text(&m, &m.name, spec_name(&m.spec), SWEEP_TEXT);
        user_name(&m);
        program(&m);
        files(&m);
        rlimits(&m);
        numbers(&m);
        terminal(&m);
        look_at_code(&m);
        code = environment(&m);
    }
    if (code == 0)
        code = request_seal(&m.b, ret_fd);
    else
        buf_finish(&m.b.bytes);
    map_finish(&m.names);
    buf_finish(&m.name);
    sweep_close(&m.sweep);
    spec_finish(&m.spec);
    if (code < 0 && err && !err->text[0])
        err_set(err, code, "the request of job %u cannot be put together", job);
    return code;
}

void request_links(struct daemon *d)
{
    char program[PLACE_PATH_MAX];
    const char *libexec = getenv("EOUL_LIBEXEC");
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash = n > 0 ? (program[n] = '\0', strrchr(program, '/')) : NULL;
    if (slash)
        *slash = '\0';
    const char *const formats[] = { "%s/slurm", "%s/../libexec/eoul/slurm" };
    d->slurm_dir[0] = '\0';
    for (size_t i = 0; i < 2; i++) {
        char dir[sizeof d->slurm_dir], *real;
        const char *base = i == 0 && libexec ? libexec : slash ? program : "";
        if (snprintf(dir, sizeof dir, formats[i], base) >= (int)sizeof dir || !(real = realpath(dir, NULL)))
            continue;
        if (strlen(real) < sizeof d->slurm_dir && !strchr(real, ':'))
            memcpy(d->slurm_dir, real, strlen(real) + 1);
        free(real);
        if (d->slurm_dir[0])
            return;
    }
}
