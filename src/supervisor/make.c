/* make.c - see make.h.
 *
 * The job's environment is what was captured at its submit, then what Slurm would tell it, then which
 * GPUs it has.  Later words of one name replace earlier ones, so that no name is there twice.
 * A task of a sweep gets its point's values wherever its request says {name} (spec/sweep.h).
 */
#include "supervisor/make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/hash.h"
#include "base/map.h"
#include "spec/environ.h"
#include "spec/pattern.h"
#include "spec/slurmenv.h"
#include "spec/sweep.h"

#define PATH_DEFAULT  "/usr/local/bin:/usr/bin:/bin" /* where nothing was captured */
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
    const struct make_facts *f;
    const struct spec *spec;
    struct str captured;
    struct request_builder *b;
    struct sweep sweep; /* no parameters: none */
    struct buf name;    /* the job's */
    struct map names;   /* hash of a variable's name: in `env` already, later ones are skipped */
    char cwd[SPEC_TEXT_MAX];
};

/* --- points ---------------------------------------------------------------------------------------- */

static void put_text(const struct making *m, struct buf *out, struct str text, enum sweep_use use)
{
    if (m->sweep.params_n)
        sweep_expand(&m->sweep, m->f->array_index, text, use, out);
    else
        buf_str(out, text);
}

static void add_text(struct making *m, enum request_key key, struct str text)
{
    struct buf out;
    if (!m->sweep.params_n) {
        request_add(m->b, key, text);
        return;
    }
    buf_init(&out, SPEC_BYTES_MAX);
    put_text(m, &out, text, SWEEP_TEXT);
    if (out.failed && !m->b->bytes.failed)
        m->b->bytes.failed = out.failed;
    request_add(m->b, key, buf_look(&out));
    buf_finish(&out);
}

/* What is told of the point: before everything else, so that it wins. */
static void point_environment(const struct making *m, struct buf *out)
{
    if (!m->sweep.params_n)
        return;
    sweep_environ(&m->sweep, m->f->array_index, m->spec->export_env, out);
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
    request_add(m->b, REQUEST_env, variable);
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

static void gpu_words(const struct making *m, struct buf *out, const char *name)
{
    buf_c(out, name);
    buf_char(out, '=');
    for (uint32_t i = 0; i < m->f->gpu_n; i++) {
        buf_c(out, i ? "," : "");
        if (m->f->gpu_words == MAKE_GPUS_BY_INDEX)
            buf_u64(out, m->f->gpu_index[i]);
        else
            buf_c(out, m->f->gpu_uuid[i]);
    }
    buf_char(out, '\0');
}

/* Told by UUID where the driver has one: indices move when a GPU falls off the bus.  A job without
 * GPUs sees none, so that it cannot sit down on another's by mistake. */
static void gpu_environment(const struct making *m, struct buf *out)
{
    if (m->f->gpu_words == MAKE_GPUS_UNSAID)
        return;
    gpu_words(m, out, "CUDA_VISIBLE_DEVICES");
    gpu_words(m, out, "ROCR_VISIBLE_DEVICES");
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
static int links_first(struct making *m)
{
    struct str path = STR(PATH_DEFAULT);
    struct buf text;
    if (!m->f->slurm_dir[0])
        return 0;
    captured_value(m->captured, "PATH", &path);
    buf_init(&text, ENVIRON_BYTES_MAX);
    buf_c(&text, "PATH=");
    buf_c(&text, m->f->slurm_dir);
    buf_char(&text, ':');
    buf_str(&text, path);
    int code = text.failed ? text.failed : add_variable(m, buf_look(&text));
    buf_finish(&text);
    return code;
}

/* Scripts from a cluster load modules.  Where there are none, that is a line in the job's output and not
 * a failure: bash takes functions from its environment. */
static int modules(struct making *m)
{
    static const char *const signs[] = { "BASH_FUNC_module%%", "MODULESHOME", "LMOD_CMD", "MODULEPATH" };
    struct str first, rest = m->spec->script, value;
    if (!str_next(&rest, '\n', &first) || first.len < 2 || first.ptr[0] != '#' ||
        !memmem(first.ptr, first.len, "sh", 2))
        return 0;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (captured_value(m->captured, signs[i], &value))
            return 0;
    int code = add_variable(m, STR("BASH_FUNC_module%%=() {  echo \"eoul: there are no environment modules on "
                                   "this machine; 'module $*' was passed over\" >&2\n}"));
    return code < 0 ? code : add_variable(m, STR("BASH_FUNC_ml%%=() {  module \"$@\"\n}"));
}

static int environment(struct making *m)
{
    const struct make_facts *f = m->f;
    struct buf told;
    struct slurmenv_facts facts = {
        .job = f->job, .array_job = f->array_job, .array_index = f->array_index,
        .restarts = f->restarts, .uid = f->uid, .gid = f->gid,
        .host = m->spec->submit_host.len ? m->spec->submit_host : str_of(f->host),
        .user = str_of(f->user), .cpus = f->cpus, .gpus = f->gpu_index, .gpus_n = f->gpu_n,
        .start_at = f->start_at, .end_at = f->limit_us ? usec_add(f->start_at, f->limit_us) : 0,
    };
    buf_init(&told, ENV_ADDED_MAX);
    point_environment(m, &told);
    gpu_environment(m, &told);
    slurmenv_make(&told, m->spec, &facts);
    if (f->canary_us) { /* a program may then do one step and exit, and need not save anything */
        buf_c(&told, "EOUL_CANARY=");
        buf_i64(&told, f->canary_us / USEC_PER_SEC);
        buf_char(&told, '\0');
    }
    int code = told.failed;
    if (code == 0)
        code = links_first(m);
    if (code == 0)
        code = modules(m);
    if (code == 0)
        code = add_block(m, buf_look(&told));
    if (code == 0)
        code = add_block(m, m->captured);
    if (code == 0)
        code = add_variable(m, STR("TMPDIR=/tmp")); /* unless the submitter has one, as in Slurm */
    buf_finish(&told);
    return code;
}

/* --- files --------------------------------------------------------------------------------------- */

static void add_path(struct making *m, enum request_key key, struct str pattern)
{
    if (pattern.len == 0)
        return;
    struct pattern_facts facts = { .job = m->f->job, .array_job = m->f->array_job,
                                   .array_index = m->f->array_index, .host = str_of(m->f->host),
                                   .user = str_of(m->f->user), .name = buf_look(&m->name) };
    struct buf path, own;
    buf_init(&path, 4 * SPEC_TEXT_MAX);
    buf_init(&own, 4 * SPEC_TEXT_MAX);
    put_text(m, &own, pattern, SWEEP_FILE);
    pattern_expand(&path, buf_look(&own), &facts);
    request_add(m->b, key, buf_look(&path));
    buf_finish(&own);
    buf_finish(&path);
}

/* A further run appends unless its owner said truncate: what the first one wrote is evidence.  What a canary wrote
 * is kept as its tail; the file is the run's. */
static void files(struct making *m)
{
    const struct spec *s = m->spec;
    struct str cwd = s->chdir.len ? s->chdir : s->submit_dir;
    if (cwd.len && cwd.ptr[0] != '/' && s->submit_dir.len) {
        struct buf path;
        buf_init_fixed(&path, m->cwd, sizeof m->cwd);
        buf_str(&path, s->submit_dir);
        buf_char(&path, '/');
        buf_str(&path, cwd);
        cwd = path.failed ? cwd : buf_look(&path);
    }
    request_add(m->b, REQUEST_cwd, cwd.len ? cwd : STR("/"));
    add_path(m, REQUEST_stdin, s->input);
    add_path(m, REQUEST_stdout, spec_output(s));
    add_path(m, REQUEST_stderr, s->error.len ? s->error : spec_output(s));
    bool append = s->open_mode == SPEC_OPEN_APPEND ||
                  (s->open_mode == SPEC_OPEN_DEFAULT && m->f->restarts > 0);
    request_add_c(m->b, REQUEST_open, append ? "append" : "truncate");
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
    for (uint32_t i = 0; i < m->spec->rlimits.n; i++) {
        struct str rest = m->spec->rlimits.item[i];
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
            request_add(m->b, REQUEST_rlimit, buf_look(&text));
        }
    }
}

static void program(struct making *m)
{
    const struct spec *s = m->spec;
    if (s->script.len) {
        if (s->wrapped) /* a command line in disguise; a script's braces are its own */
            add_text(m, REQUEST_script, s->script);
        else
            request_add(m->b, REQUEST_script, s->script);
        request_add(m->b, REQUEST_argv, s->script_name.len ? s->script_name : buf_look(&m->name));
    }
    for (uint32_t i = 0; i < s->argv.n; i++)
        add_text(m, REQUEST_argv, s->argv.item[i]);
}

/* A terminal, or input that a client brings; who asked for the job is who may meet it. */
static void terminal(struct making *m)
{
    const struct spec *s = m->spec;
    char memory[REQUEST_MEET_MAX + 32];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    if (s->pty) {
        buf_u64(&text, s->rows);
        buf_char(&text, ' ');
        buf_u64(&text, s->columns);
        request_add(m->b, REQUEST_pty, buf_look(&text));
    } else if (s->feed) {
        request_add_c(m->b, REQUEST_feed, "1");
    }
    if ((!s->pty && !s->feed) || s->meet.len == 0 || s->meet.len > REQUEST_MEET_MAX)
        return;
    buf_clear(&text);
    buf_u64(&text, m->f->uid);
    buf_char(&text, ' ');
    buf_str(&text, s->meet);
    request_add(m->b, REQUEST_meet, buf_look(&text));
}

static void numbers(struct making *m)
{
    const struct spec *s = m->spec;
    request_add_u64(m->b, REQUEST_umask, spec_has(s, "umask") || s->umask ? s->umask : 022);
    request_add_u64(m->b, REQUEST_limit_us, (uint64_t)m->f->limit_us);
    request_add_u64(m->b, REQUEST_grace_us, (uint64_t)m->f->grace_us);
    request_add_u64(m->b, REQUEST_output_max, m->f->output_max);
    request_add_u64(m->b, REQUEST_output_rate, m->f->output_rate);
    if (s->result.len)
        request_add(m->b, REQUEST_result, s->result);
    if (s->signal.number && !m->f->canary_us) { /* it is told of its own end, not of a trial's */
        char memory[64];
        struct buf text;
        buf_init_fixed(&text, memory, sizeof memory);
        buf_u64(&text, s->signal.number);
        buf_char(&text, ' ');
        buf_u64(&text, s->signal.before_s);
        buf_c(&text, s->signal.batch ? " 1" : " 0");
        request_add(m->b, REQUEST_warn, buf_look(&text));
    }
    for (uint32_t i = 0; i < m->f->gpu_n; i++)
        request_add_c(m->b, REQUEST_gpu, m->f->gpu_uuid[i]);
}

/* Whoever starts at once runs what was submitted.  Of a later start the code may be another: then it looks. */
static void look_at_code(const struct making *m)
{
    if (m->spec->code.len && !m->spec->snapshot && m->f->looks && m->f->before[0])
        request_add_c(m->b, REQUEST_before, m->f->before);
}

void make_before(const char *slurm_dir, char ret[MAKE_PATH_MAX])
{
    char path[MAKE_PATH_MAX], *real;
    ret[0] = '\0';
    if (!slurm_dir[0] || snprintf(path, sizeof path, "%s/sbatch", slurm_dir) >= (int)sizeof path)
        return;
    real = realpath(path, NULL); /* a link to eoul, wherever that is */
    if (real && strlen(real) < MAKE_PATH_MAX)
        memcpy(ret, real, strlen(real) + 1);
    free(real);
}

int make_request(const struct spec *spec, struct str environment_block, const struct make_facts *facts,
                 struct request_builder *b, struct err *err)
{
    struct making m = { .f = facts, .spec = spec, .captured = environment_block, .b = b };
    int code = spec->params.n ? sweep_open(&m.sweep, spec, err) : 0;
    if (code == 0) {
        buf_init(&m.name, SPEC_BYTES_MAX);
        put_text(&m, &m.name, spec_name(spec), SWEEP_TEXT);
        program(&m);
        files(&m);
        rlimits(&m);
        numbers(&m);
        terminal(&m);
        look_at_code(&m);
        code = environment(&m);
    }
    map_finish(&m.names);
    buf_finish(&m.name);
    sweep_close(&m.sweep);
    return code;
}
