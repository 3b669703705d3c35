/* spec.c - see spec.h: memory, the program, what follows from the options. */
#include "spec/spec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "spec/option.h"
#include "spec/sweep.h"
#include "spec/value.h"

#define CHUNK_SIZE 4096
#define ALIGNMENT  _Alignof(max_align_t)

struct spec_chunk {
    struct spec_chunk *next;
    size_t used, size; /* bytes of memory[] */
    _Alignas(max_align_t) char memory[];
};

void spec_init(struct spec *spec)
{
    memset(spec, 0, sizeof *spec);
}

void spec_finish(struct spec *spec)
{
    if (!spec)
        return;
    for (struct spec_chunk *chunk = spec->chunks; chunk;) {
        struct spec_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    memset(spec, 0, sizeof *spec);
}

void *spec_alloc(struct spec *spec, size_t size)
{
    if (size > SPEC_BYTES_MAX || spec->bytes + size > SPEC_BYTES_MAX)
        return NULL;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct spec_chunk *chunk = spec->chunks;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = malloc(sizeof *chunk + room);
        if (!chunk)
            return NULL;
        *chunk = (struct spec_chunk){ .size = room, .next = spec->chunks };
        spec->chunks = chunk;
    }
    void *memory = chunk->memory + chunk->used;
    chunk->used += size;
    spec->bytes += size;
    return memory;
}

int spec_copy(struct spec *spec, struct str text, struct str *ret)
{
    char *copy = spec_alloc(spec, text.len + 1);
    if (!copy)
        return spec->bytes + text.len + 1 > SPEC_BYTES_MAX ? E_TOO_LARGE : E_NO_MEMORY;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0'; /* handy in a debugger; the length is what counts */
    *ret = (struct str){ copy, text.len };
    return 0;
}

static const char *in_language(const struct err *err, const char *msgid)
{
    return err && err->translate ? err->translate(msgid) : msgid;
}

void spec_note(struct spec *spec, const struct err *err, unsigned line, const char *format, ...)
{
    if (spec->notes_n >= SPEC_NOTES_MAX)
        return;
    if (!spec->notes)
        spec->notes = spec_alloc(spec, SPEC_NOTES_MAX * sizeof *spec->notes);
    if (!spec->notes)
        return; /* a warning less */
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, format);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int len = vsnprintf(text, sizeof text, in_language(err, format), args);
#pragma GCC diagnostic pop
    va_end(args);
    size_t n = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    while (n > 0 && !utf8_valid((struct str){ text, n }))
        n--; /* cut inside a character */
    struct spec_note *note = &spec->notes[spec->notes_n];
    if (spec_copy(spec, (struct str){ text, n }, &note->text) == 0) {
        note->line = line;
        spec->notes_n++;
    }
}

/* --- the program ------------------------------------------------------------------------------ */

static void mark(struct spec *spec, const char *captured)
{
    for (uint32_t i = 0; i < option_table_n; i++)
        if (option_table[i].support == OPTION_CAPTURED && strcmp(option_table[i].name, captured) == 0)
            spec->source[i] = SPEC_FROM_COMMAND;
}

static int out_of_room(int code, struct err *err)
{
    return code == E_TOO_LARGE
        ? err_set(err, code, "the request is too large; all its text together may have %u bytes",
                  SPEC_BYTES_MAX)
        : err_set(err, code, "there is not enough memory for this request");
}

int spec_set_argv(struct spec *spec, const char *const *argv, uint32_t n, struct err *err)
{
    if (n > SPEC_ARGV_MAX)
        return err_set(err, E_TOO_LARGE, "a command can have at most %u arguments; this one has %u",
                       SPEC_ARGV_MAX, n);
    if (n > 0 && spec->script.len == 0 && argv[0][0] == '\0')
        return err_set(err, E_INVALID, "the name of the program is empty");
    struct str *item = spec_alloc(spec, (n ? n : 1) * sizeof *item);
    if (!item)
        return out_of_room(spec->bytes + n * sizeof *item > SPEC_BYTES_MAX ? E_TOO_LARGE
                                                                           : E_NO_MEMORY, err);
    for (uint32_t i = 0; i < n; i++) {
        int r = spec_copy(spec, str_of(argv[i]), &item[i]);
        if (r < 0)
            return out_of_room(r, err);
    }
    spec->argv = (struct spec_list){ item, n };
    if (n > 0)
        mark(spec, "argv");
    return 0;
}

static bool is_blank(struct str text)
{
    return str_trim(text).len == 0;
}

/* What sbatch refuses too, each with what to do about it. */
static int check_script(struct str text, struct err *err)
{
    if (text.len > SPEC_SCRIPT_MAX)
        return err_set(err, E_TOO_LARGE,
                       "the script has %zu bytes; at most %u are possible, so keep data in files of its own",
                       text.len, SPEC_SCRIPT_MAX);
    if (is_blank(text))
        return err_set(err, E_INVALID, "the script is empty");
    if (str_starts(text, "\xEF\xBB\xBF"))
        return err_set(err, E_INVALID,
                       "the script begins with a byte order mark, so its first line is not read "
                       "as \"#!\"; remove it with: sed -i '1s/^\\xEF\\xBB\\xBF//' FILE");
    const char *nul = memchr(text.ptr, '\0', text.len);
    unsigned line = 1;
    size_t until = nul ? (size_t)(nul - text.ptr) : text.len;
    for (size_t i = 0; i < until; i++) {
        if (text.ptr[i] != '\n')
            continue;
        if (i > 0 && text.ptr[i - 1] == '\r')
            return err_set(err, E_INVALID,
                           "line %u of the script ends as on Windows (CR LF), which shells "
                           "misread; convert it with: sed -i 's/\\r$//' FILE",
                           line);
        line++;
    }
    if (nul)
        return err_set(err, E_INVALID, "line %u of the script holds a NUL byte; it is not a text file",
                       line);
    if (!str_starts(text, "#!"))
        return err_set(err, E_INVALID,
                       "the first line of the script must say what runs it, for example #!/bin/bash");
    return 0;
}

static int set_script(struct spec *spec, struct str name, struct str text, struct err *err)
{
    int r = spec_copy(spec, text, &spec->script);
    if (r == 0)
        r = spec_copy(spec, name, &spec->script_name);
    if (r < 0)
        return out_of_room(r, err);
    mark(spec, "script");
    if (name.len > 0)
        mark(spec, "script-name");
    return 0;
}

int spec_set_script(struct spec *spec, struct str name, struct str text, struct err *err)
{
    if (spec->script.len > 0)
        return err_set(err, E_USAGE, "there are two programs to run, a script and --wrap; give one");
    int r = check_script(text, err);
    return r < 0 ? r : set_script(spec, name, text, err);
}

int spec_set_wrap(struct spec *spec, struct str command, struct err *err)
{
    if (spec->script.len > 0 && !spec->wrapped)
        return err_set(err, E_USAGE, "there are two programs to run, a script and --wrap; give one");
    if (is_blank(command))
        return err_set(err, E_INVALID, "a value is missing");
    struct buf text;
    buf_init(&text, SPEC_SCRIPT_MAX);
    buf_c(&text, "#!/bin/sh\n# made from --wrap\n");
    buf_str(&text, command);
    buf_char(&text, '\n');
    int r = text.failed == E_TOO_LARGE
        ? err_set(err, E_TOO_LARGE, "the command has %zu bytes; at most %u are possible", command.len,
                  SPEC_SCRIPT_MAX)
        : text.failed < 0 ? out_of_room(text.failed, err) : check_script(buf_look(&text), err);
    if (r == 0)
        r = set_script(spec, STR(""), buf_look(&text), err);
    if (r == 0) {
        spec->wrapped = true;
        mark(spec, "wrapped");
    }
    buf_finish(&text);
    return r;
}

/* --- what follows ----------------------------------------------------------------------------- */

bool spec_has(const struct spec *spec, const char *option)
{
    for (uint32_t i = 0; i < option_table_n; i++)
        if (strcmp(option_table[i].name, option) == 0)
            return spec->source[i] != SPEC_UNSET;
    return false;
}

static int contradict(const char *one, const char *other, struct err *err)
{
    return err_set(err, E_INVALID, "--%s and --%s contradict each other; give one of them", one, other);
}

static int check_pairs(const struct spec *spec, struct err *err)
{
    static const char *const pairs[][2] = {
        { "mem", "mem-per-cpu" },   { "mem", "mem-per-gpu" }, { "mem-per-cpu", "mem-per-gpu" },
        { "cpus-per-task", "cpus-per-gpu" }, { "now", "flex" }, { "now", "canary" },
        { "array", "pty" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (spec_has(spec, pairs[i][0]) && spec_has(spec, pairs[i][1]))
            return contradict(pairs[i][0], pairs[i][1], err);
    if (spec->preempt == SPEC_PREEMPT_REQUEUE && spec->requeue == SPEC_REQUEUE_NO)
        return contradict("preempt=requeue", "no-requeue", err);
    if (spec->nodes.min > 1)
        return err_set(err, E_UNSUPPORTED,
                       "--nodes=%u: eoul runs a job on one machine; ask for 1, or for several "
                       "through a Slurm cluster",
                       spec->nodes.min);
    if (spec->canary_us > SPEC_CANARY_MAX_US)
        return err_set(err, E_TOO_LARGE, "--canary is a short trial, at most 30m; the job itself runs as long as it needs");
    if (spec->time_us > 0 && spec->time_min_us > spec->time_us)
        return err_set(err, E_INVALID, "--time-min is longer than --time; it must not be");
    return 0;
}

/* Several options may say how many GPUs; they must agree. */
static int need_gpus(const struct spec *spec, struct spec_need *need, struct err *err)
{
    const struct {
        const char *name;
        const struct spec_gpus *gpus;
        uint32_t times;
    } said[] = {
        { "gpus", &spec->gpus, 1 },
        { "gres", &spec->gres_gpus, 1 },
        { "gpus-per-node", &spec->gpus_per_node, 1 },
        { "gpus-per-task", &spec->gpus_per_task, need->tasks },
    };
    const char *first = NULL;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        if (!spec_has(spec, said[i].name))
            continue;
        uint64_t n = (uint64_t)said[i].gpus->n * said[i].times;
        if (n > SPEC_GPUS_MAX)
            return err_set(err, E_TOO_LARGE, "%llu GPUs are more than any machine has",
                           (unsigned long long)n);
        if (first && n != need->gpus)
            return err_set(err, E_INVALID,
                           "--%s asks for %u GPUs and --%s for %llu; say it once", first, need->gpus,
                           said[i].name, (unsigned long long)n);
        struct str type = said[i].gpus->type;
        if (type.len > 0 && need->gpu_type.len > 0 && !str_eq(type, need->gpu_type))
            return err_set(err, E_INVALID,
                           "the options ask for GPUs of type %s and of type %s; a job gets one type",
                           value_show(need->gpu_type).text, value_show(type).text);
        if (type.len > 0)
            need->gpu_type = type;
        need->gpus = (uint32_t)n;
        first = said[i].name;
    }
    return 0;
}

static int need_tasks(const struct spec *spec, struct spec_need *need, struct err *err)
{
    bool said = true;
    need->tasks = 1;
    if (spec->ntasks > 0)
        need->tasks = spec->ntasks;
    else if (spec->ntasks_per_node > 0)
        need->tasks = spec->ntasks_per_node;
    else
        said = false;
    int r = need_gpus(spec, need, err);
    if (r < 0 || spec->ntasks_per_gpu == 0)
        return r;
    if (!said && need->gpus > 0) {
        if ((uint64_t)spec->ntasks_per_gpu * need->gpus > SPEC_CPUS_MAX)
            return err_set(err, E_TOO_LARGE, "--ntasks-per-gpu asks for more than %u tasks",
                           SPEC_CPUS_MAX);
        need->tasks = spec->ntasks_per_gpu * need->gpus;
    } else if (said && need->gpus == 0) {
        need->gpus = (need->tasks + spec->ntasks_per_gpu - 1) / spec->ntasks_per_gpu;
    } else if (!said) {
        return err_set(err, E_INVALID, "--%s needs GPUs; add for example --gpus=1", "ntasks-per-gpu");
    }
    return 0;
}

static int need_cpus_and_memory(const struct spec *spec, struct spec_need *need, struct err *err)
{
    if (need->gpus == 0 && spec->cpus_per_gpu > 0)
        return err_set(err, E_INVALID, "--%s needs GPUs; add for example --gpus=1", "cpus-per-gpu");
    if (need->gpus == 0 && spec->mem_per_gpu_mib > 0)
        return err_set(err, E_INVALID, "--%s needs GPUs; add for example --gpus=1", "mem-per-gpu");
    uint64_t cpus = (uint64_t)need->tasks * (spec->cpus_per_task ? spec->cpus_per_task : 1);
    uint64_t by_gpu = (uint64_t)need->gpus * spec->cpus_per_gpu;
    if (spec->overcommit)
        cpus = 1;
    if (by_gpu > cpus)
        cpus = by_gpu;
    if (spec->mincpus > cpus)
        cpus = spec->mincpus;
    if (cpus > SPEC_CPUS_MAX)
        return err_set(err, E_TOO_LARGE, "the job asks for %llu CPUs; at most %u are possible",
                       (unsigned long long)cpus, SPEC_CPUS_MAX);
    need->cpus = (uint32_t)cpus;
    need->mem_mib = spec->mem_mib;
    if (spec->mem_per_cpu_mib > 0)
        need->mem_mib = spec->mem_per_cpu_mib * cpus;
    if (spec->mem_per_gpu_mib > 0)
        need->mem_mib = spec->mem_per_gpu_mib * need->gpus;
    if (need->mem_mib > SPEC_MIB_MAX)
        return err_set(err, E_TOO_LARGE, "the job asks for more memory than any machine has");
    need->all_mem = spec_has(spec, "mem") && spec->mem_mib == 0;
    need->all_cpus = spec->exclusive == SPEC_EXCLUSIVE;
    need->all_gpus = need->all_cpus;
    return 0;
}

int spec_check(const struct spec *spec, struct spec_need *ret_need, struct err *err)
{
    struct spec_need need = { .array_tasks = spec->array.range_n ? spec->array.tasks : 1 };
    if (spec->script.len == 0 && spec->argv.n == 0)
        return err_set(err, E_USAGE,
                       "there is nothing to run; give a script, --wrap=COMMAND or -- COMMAND");
    if (spec->wrapped && spec->argv.n > 0)
        return err_set(err, E_USAGE, "--wrap takes no arguments behind it; put them into the command");
    int r = check_pairs(spec, err);
    if (r == 0)
        r = need_tasks(spec, &need, err);
    if (r == 0)
        r = need_cpus_and_memory(spec, &need, err);
    if (r == 0)
        r = sweep_check(spec, err);
    if (r == 0 && ret_need)
        *ret_need = need;
    return r;
}

static struct str base_name(struct str path)
{
    for (size_t i = path.len; i > 0; i--)
        if (path.ptr[i - 1] == '/' && i < path.len)
            return str_slice(path, i, path.len);
    return path;
}

struct str spec_name(const struct spec *spec)
{
    struct str name = spec->job_name;
    if (name.len == 0 && spec->wrapped)
        name = STR("wrap");
    if (name.len == 0 && spec->script.len > 0)
        name = spec->script_name.len > 0 ? base_name(spec->script_name) : STR("sbatch");
    if (name.len == 0 && spec->argv.n > 0)
        name = base_name(spec->argv.item[0]);
    return name.len > SPEC_NAME_MAX ? str_slice(name, 0, SPEC_NAME_MAX) : name;
}

struct str spec_output(const struct spec *spec)
{
    if (spec->output.len > 0)
        return spec->output;
    return spec->array.range_n > 0 ? STR("slurm-%A_%a.out") : STR("slurm-%j.out");
}

uint32_t spec_array_index(const struct spec_array *array, uint32_t i)
{
    for (uint32_t k = 0; k < array->range_n; k++) {
        const struct spec_range *r = &array->range[k];
        uint32_t n = (r->until - r->from) / r->step + 1;
        if (i < n)
            return r->from + i * r->step;
        i -= n;
    }
    return 0;
}

int spec_begin(const struct spec *spec, usec_t now_at, usec_t *ret_at, struct err *err)
{
    if (spec->begin.len == 0) {
        *ret_at = 0;
        return 0;
    }
    return value_read_begin(spec->begin, now_at, ret_at, err);
}

/* The first two words of a --wrap command stand for it, as the first two of an argv do. */
static struct str wrapped_words(const struct spec *spec)
{
    struct str text = spec->script;
    for (int line = 0; line < 2; line++) {
        ptrdiff_t end = str_find(text, '\n');
        text = str_slice(text, (size_t)(end + 1), text.len);
    }
    text = str_trim(text);
    size_t n = 0;
    for (int words = 0; n < text.len; n++)
        if ((text.ptr[n] == ' ' || text.ptr[n] == '\n') && ++words == 2)
            break;
    return str_slice(text, 0, n);
}

uint64_t spec_command_key(const struct spec *spec)
{
    uint64_t hash = 1;
    if (spec->wrapped) {
        struct str words = wrapped_words(spec);
        return hash_bytes(hash, words.ptr, words.len);
    }
    if (spec->script.len > 0) {
        struct str name = base_name(spec->script_name);
        if (name.len == 0)
            name = spec_name(spec);
        return hash_bytes(hash, name.ptr, name.len);
    }
    for (uint32_t i = 0; i < spec->argv.n && i < 2; i++) {
        hash = hash_bytes(hash, spec->argv.item[i].ptr, spec->argv.item[i].len);
        hash = hash_mix(hash, i);
    }
    return hash;
}

uint64_t spec_name_key(const struct spec *spec)
{
    struct str name = spec_name(spec);
    return hash_bytes(2, name.ptr, name.len);
}
