/* test_spec.c - job requests: options in all spellings, the canonical text, file patterns, the
 * environment.  Most cases are in test/tables/options.txt: "command line => canonical text", or
 * "! sentence"; warnings stand behind ~.  Every accepted case is also printed, read back and printed again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/utf8.h"
#include "spec/environ.h"
#include "spec/option.h"
#include "spec/pattern.h"
#include "spec/sbatch.h"
#include "spec/slurmenv.h"
#include "spec/spec.h"
#include "spec/value.h"
#include "test/lib/table.h"

#define WORDS_MAX 64

/* The words of a table line; quotes as in directives.  Returns how many. */
static uint32_t split(struct str line, struct buf *text, const char **argv)
{
    size_t at[WORDS_MAX];
    uint32_t n = 0;
    for (;;) {
        size_t from = text->len;
        int r = sbatch_word(&line, text);
        assert_true(r >= 0);
        if (r == 0)
            break;
        assert_true(n < WORDS_MAX);
        at[n++] = from;
    }
    for (uint32_t i = 0; i < n; i++)
        argv[i] = text->ptr + at[i];
    return n;
}

/* Options, then the program if one follows; "true" runs otherwise. */
static int read_command(struct spec *spec, const char **argv, uint32_t n, struct err *err)
{
    struct option_scan scan = { .argv = argv, .n = n };
    int r = option_apply_all(spec, &scan, err);
    static const char *const nothing[] = { "true" };
    if (r == 0 && scan.i < n)
        r = spec_set_argv(spec, argv + scan.i, n - scan.i, err);
    else if (r == 0 && spec->script.len == 0)
        r = spec_set_argv(spec, nothing, 1, err);
    return r < 0 ? r : spec_check(spec, NULL, err);
}

static void assert_round_trip(unsigned line, const struct spec *spec)
{
    struct buf first, second;
    buf_init(&first, SPEC_PRINT_MAX);
    buf_init(&second, SPEC_PRINT_MAX);
    struct spec again;
    spec_init(&again);
    struct err err = { 0 };
    spec_print(&first, spec);
    assert_int_equal(first.failed, 0);
    if (spec_parse(&again, buf_look(&first), &err) < 0)
        fail_msg("line %u: read back: %s", line, err.text);
    spec_print(&second, &again);
    if (!str_eq(buf_look(&first), buf_look(&second)))
        fail_msg("line %u: printed \"%s\", then \"%s\"", line, first.ptr, second.ptr);
    spec_finish(&again);
    buf_finish(&first);
    buf_finish(&second);
}

/* The canonical text on one line, without the "true" of the tests; notes behind it. */
static void describe(struct buf *out, const struct spec *spec)
{
    struct buf text;
    buf_init(&text, SPEC_PRINT_MAX);
    spec_print(&text, spec);
    struct str rest = buf_look(&text);
    for (struct str line; str_next(&rest, '\n', &line);) {
        if (str_is(line, "argv=true"))
            continue;
        if (out->len > 0)
            buf_c(out, "; ");
        buf_str(out, line);
    }
    for (uint32_t i = 0; i < spec->notes_n; i++) {
        buf_c(out, out->len > 0 ? "; ~ " : "~ ");
        buf_str(out, spec->notes[i].text);
    }
    buf_finish(&text);
}

static void each_option(void *data, unsigned line, struct str left, struct str right)
{
    (void)data;
    const char *argv[WORDS_MAX];
    struct buf text, got;
    buf_init(&text, 65536);
    buf_init(&got, 1 << 20);
    uint32_t n = split(left, &text, argv);
    struct spec spec;
    spec_init(&spec);
    struct err err = { 0 };
    int r = read_command(&spec, argv, n, &err);
    if (r < 0) {
        assert_int_equal(r, err.code);
        buf_c(&got, "! ");
        buf_c(&got, err.text);
    } else {
        describe(&got, &spec);
        assert_round_trip(line, &spec);
    }
    if (got.len == 0)
        buf_c(&got, "nothing");
    if (data)
        printf("%.*s => %.*s\n", STR_ARG(left), STR_ARG(buf_look(&got)));
    else if (!str_eq(buf_look(&got), right))
        fail_msg("options.txt:%u: %.*s\n  expected %.*s\n  got      %.*s", line, STR_ARG(left),
                 STR_ARG(right), (int)got.len, got.ptr ? got.ptr : "");
    spec_finish(&spec);
    buf_finish(&text);
    buf_finish(&got);
}

static void options_mean_what_the_table_says(void **state)
{
    (void)state;
    table_each("options.txt", 150, each_option, NULL);
}

/* --- scripts ---------------------------------------------------------------------------------- */

static bool has_line(struct str text, struct str line)
{
    for (struct str one; str_next(&text, '\n', &one);)
        if (str_eq(one, line))
            return true;
    return false;
}

static bool has_note(const struct spec *spec, struct str part)
{
    for (uint32_t i = 0; i < spec->notes_n; i++)
        if (memmem(spec->notes[i].text.ptr, spec->notes[i].text.len, part.ptr, part.len))
            return true;
    return false;
}

/* The rest of the i-th line "#: word rest" of a script; false: there are not so many. */
static bool remark(struct str text, const char *word, unsigned i, struct str *ret)
{
    char start[32];
    snprintf(start, sizeof start, "#: %s ", word);
    for (struct str line; str_next(&text, '\n', &line);) {
        if (str_starts(line, start) && i-- == 0) {
            *ret = str_slice(line, strlen(start), line.len);
            return true;
        }
    }
    return false;
}

static void check_script(const char *name, struct str text)
{
    const char *argv[WORDS_MAX];
    struct buf words, canon;
    buf_init(&words, 65536);
    buf_init(&canon, SPEC_PRINT_MAX);
    struct spec spec;
    spec_init(&spec);
    struct err err = { 0 };
    struct str rest, refused = { 0 };
    struct option_scan scan = { .argv = argv };
    if (remark(text, "submit", 0, &rest))
        scan.n = split(rest, &words, argv);
    int r = option_apply_all(&spec, &scan, &err);
    if (r == 0)
        r = sbatch_read(&spec, str_of(name), text, &err);
    buf_clear(&words);
    if (r == 0 && remark(text, "arguments", 0, &rest))
        r = spec_set_argv(&spec, argv, split(rest, &words, argv), &err);
    if (r == 0)
        r = spec_check(&spec, NULL, &err);
    if (remark(text, "refused", 0, &refused)) {
        if (r == 0 || !str_is(refused, err.text))
            fail_msg("%s: expected the refusal \"%.*s\", got \"%s\"", name, STR_ARG(refused),
                     r < 0 ? err.text : "no refusal");
    } else if (r < 0) {
        fail_msg("%s: %s", name, err.text);
    } else {
        spec_print(&canon, &spec);
        for (unsigned i = 0; remark(text, "canon", i, &rest); i++)
            if (!has_line(buf_look(&canon), rest))
                fail_msg("%s: no line \"%.*s\" in:\n%s", name, STR_ARG(rest), canon.ptr);
        for (unsigned i = 0; remark(text, "not", i, &rest); i++)
            if (has_line(buf_look(&canon), rest))
                fail_msg("%s: a line \"%.*s\"", name, STR_ARG(rest));
        for (unsigned i = 0; remark(text, "warn", i, &rest); i++)
            if (!has_note(&spec, rest))
                fail_msg("%s: no warning \"%.*s\"", name, STR_ARG(rest));
        if (!remark(text, "warn", 0, &rest) && spec.notes_n > 0)
            fail_msg("%s: a warning nobody expects: %.*s", name, STR_ARG(spec.notes[0].text));
        assert_round_trip(0, &spec);
    }
    spec_finish(&spec);
    buf_finish(&words);
    buf_finish(&canon);
}

static void scripts_are_read_as_sbatch_reads_them(void **state)
{
    (void)state;
    const char *folder = getenv("EOUL_SCRIPTS");
    assert_non_null(folder);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    unsigned n = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct str name = str_of(entry->d_name);
        if (name.len < 8 || !str_is(str_slice(name, name.len - 7, name.len), ".sbatch"))
            continue;
        struct buf text;
        buf_init(&text, 65536);
        int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(io_read_to_end(fd, &text), 0);
        close(fd);
        check_script(entry->d_name, buf_look(&text));
        buf_finish(&text);
        n++;
    }
    closedir(dir);
    assert_true(n >= 60);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void refuses(struct str text, const char *sentence)
{
    struct spec spec;
    spec_init(&spec);
    struct err err = { 0 };
    double start = seconds();
    assert_true(sbatch_read(&spec, STR("x.sbatch"), text, &err) < 0);
    assert_true(seconds() - start < 0.2);
    assert_non_null(strstr(err.text, sentence));
    spec_finish(&spec);
}

static void odd_scripts_get_one_sentence_at_once(void **state)
{
    (void)state;
    size_t size = 10 << 20;
    char *big = malloc(size);
    assert_non_null(big);
    memset(big, 'x', size);
    memcpy(big, "#!/bin/sh\n", 10);
    refuses((struct str){ big, size }, "the script has 10485760 bytes; at most 4194304");
    for (size_t i = 10; i < size; i++)
        big[i] = "#SBATCH -c 4\n"[(i - 10) % 13];
    refuses((struct str){ big, SPEC_SCRIPT_MAX }, "the directives have more than 4096 words");
    free(big);
    refuses(STR(""), "the script is empty");
    refuses(STR("  \n\n"), "the script is empty");
    refuses(STR("echo hi\n"), "the first line of the script must say what runs it");
    refuses(STR("#!/bin/sh\necho hi\r\n"), "line 2 of the script ends as on Windows");
    refuses(STR("\xEF\xBB\xBF#!/bin/sh\n"), "byte order mark");
    refuses(STR("#!/bin/sh\n\n\0"), "line 3 of the script holds a NUL byte");
    refuses(STR("#!/bin/sh\n#SBATCH --time=x\n"), "line 2: --time=x: \"x\" is not a time");
    refuses(STR("#!/bin/sh\n#SBATCH --output\n"), "line 2: --output needs a value");
    refuses(STR("#!/bin/sh\n#SBATCH -Z\n"), "line 2: there is no option -Z");
    struct spec spec;
    spec_init(&spec);
    struct err err = { 0 };
    /* A carriage return inside a line is nobody's business but the shell's. */
    assert_int_equal(sbatch_read(&spec, STR("x"), STR("#!/bin/sh\nprintf 'a\rb\\n'\n"), &err), 0);
    assert_int_equal(spec_set_script(&spec, STR("y"), STR("#!/bin/sh\n"), &err), E_USAGE);
    spec_finish(&spec);
}

/* --- sources ---------------------------------------------------------------------------------- */

static void the_stronger_source_wins_whatever_comes_first(void **state)
{
    (void)state;
    static const char *const envp[] = { "SBATCH_TIMELIMIT=20", "SBATCH_REQUEUE=", "SBATCH_GRES=gpu:1",
                                        "SBATCH_EXCLUSIVE=user", "SBATCH_WAIT=no", "PATH=/bin",
                                        "SBATCH_JOB_NAME=env", NULL };
    static const char *const argv[] = { "-J", "command", "--gpus=3" };
    struct str script = STR("#!/bin/sh\n#SBATCH -t 10 -J script --no-requeue --gpus=2 --mem=1G\n");
    for (int order = 0; order < 2; order++) {
        struct spec spec;
        spec_init(&spec);
        struct err err = { 0 };
        struct option_scan scan = { .argv = argv, .n = 3 };
        if (order == 0)
            assert_int_equal(option_apply_all(&spec, &scan, &err), 0);
        assert_int_equal(sbatch_read(&spec, STR("a/b.sbatch"), script, &err), 0);
        assert_int_equal(option_apply_environment(&spec, envp, &err), 0);
        if (order == 1)
            assert_int_equal(option_apply_all(&spec, &scan, &err), 0);
        struct spec_need need;
        assert_int_equal(spec_check(&spec, &need, &err), 0);
        assert_true(str_is(spec.job_name, "command"));
        assert_int_equal(spec.time_us, 20 * USEC_PER_MIN);
        assert_int_equal(spec.requeue, SPEC_REQUEUE_YES);
        assert_int_equal(need.gpus, 3);
        assert_false(spec_has(&spec, "gres"));
        assert_int_equal(need.mem_mib, 1024);
        assert_int_equal(spec.exclusive, SPEC_EXCLUSIVE_USER);
        assert_false(spec.wait);
        spec_finish(&spec);
    }
}

static struct spec_need need_of(const char *line)
{
    const char *argv[WORDS_MAX];
    struct buf text;
    buf_init(&text, 65536);
    struct spec spec;
    spec_init(&spec);
    struct err err = { 0 };
    struct spec_need need = { 0 };
    uint32_t n = split(str_of(line), &text, argv);
    assert_int_equal(read_command(&spec, argv, n, &err), 0);
    assert_int_equal(spec_check(&spec, &need, &err), 0);
    need.gpu_type = STR("");
    spec_finish(&spec);
    buf_finish(&text);
    return need;
}

static void what_a_job_needs_follows_from_its_options(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        uint32_t gpus, cpus, tasks;
        uint64_t mem;
    } cases[] = {
        { "", 0, 1, 1, 0 },
        { "-c 8", 0, 8, 1, 0 },
        { "-n 4 -c 2", 0, 8, 4, 0 },
        { "--ntasks-per-node=4 -c 2", 0, 8, 4, 0 },
        { "-n 4 --ntasks-per-node=4", 0, 4, 4, 0 },
        { "--gpus=2 --cpus-per-gpu=8", 2, 16, 1, 0 },
        { "-n 4 --gpus-per-task=1 -c 2", 4, 8, 4, 0 },
        { "--gres=gpu:2 --mem-per-gpu=10G", 2, 1, 1, 20480 },
        { "-c 4 --mem-per-cpu=2G", 0, 4, 1, 8192 },
        { "--ntasks-per-gpu=2 --gpus=3", 3, 6, 6, 0 },
        { "--ntasks-per-gpu=2 -n 5", 3, 5, 5, 0 },
        { "-n 16 -O", 0, 1, 16, 0 },
        { "--mincpus=12 -c 2 --mem=3G", 0, 12, 1, 3072 },
        { "--gpus=0 -c 2", 0, 2, 1, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct spec_need need = need_of(cases[i].line);
        if (need.gpus != cases[i].gpus || need.cpus != cases[i].cpus ||
            need.tasks != cases[i].tasks || need.mem_mib != cases[i].mem)
            fail_msg("\"%s\" needs %u GPUs, %u CPUs, %u tasks, %llu MiB", cases[i].line, need.gpus,
                     need.cpus, need.tasks, (unsigned long long)need.mem_mib);
    }
    assert_true(need_of("--exclusive").all_cpus);
    assert_false(need_of("--exclusive=user").all_cpus);
    assert_true(need_of("--mem=0").all_mem);
    assert_int_equal(need_of("--array=0-9:3").array_tasks, 4);
    assert_int_equal(need_of("").array_tasks, 1);
}

static void names_and_keys_follow_the_program(void **state)
{
    (void)state;
    static const char *const a[] = { "/usr/bin/python", "train.py", "--lr", "1" };
    static const char *const b[] = { "/usr/bin/python", "train.py", "--lr", "2" };
    static const char *const c[] = { "/usr/bin/python", "eval.py" };
    struct spec s[5];
    struct err err = { 0 };
    for (int i = 0; i < 5; i++)
        spec_init(&s[i]);
    assert_int_equal(spec_set_argv(&s[0], a, 4, &err), 0);
    assert_int_equal(spec_set_argv(&s[1], b, 4, &err), 0);
    assert_int_equal(spec_set_argv(&s[2], c, 2, &err), 0);
    assert_int_equal(spec_set_wrap(&s[3], STR("python train.py --lr 3"), &err), 0);
    assert_int_equal(spec_set_script(&s[4], STR("jobs/train.sbatch"), STR("#!/bin/sh\n"), &err), 0);
    assert_true(str_is(spec_name(&s[0]), "python"));
    assert_true(str_is(spec_name(&s[3]), "wrap"));
    assert_true(str_is(spec_name(&s[4]), "train.sbatch"));
    assert_true(spec_command_key(&s[0]) == spec_command_key(&s[1]));
    assert_true(spec_command_key(&s[0]) != spec_command_key(&s[2]));
    assert_true(spec_name_key(&s[0]) == spec_name_key(&s[2]));
    assert_true(spec_name_key(&s[0]) != spec_name_key(&s[4]));
    uint64_t wrapped = spec_command_key(&s[3]);
    assert_int_equal(spec_set_wrap(&s[3], STR("python train.py --lr 4"), &err), 0);
    assert_true(spec_command_key(&s[3]) == wrapped);
    assert_int_equal(spec_set_wrap(&s[3], STR("python eval.py"), &err), 0);
    assert_true(spec_command_key(&s[3]) != wrapped);
    assert_true(str_is(spec_output(&s[0]), "slurm-%j.out"));
    for (int i = 0; i < 5; i++)
        spec_finish(&s[i]);
}

static void begin_is_read_where_no_calendar_is_needed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        usec_t at; /* seconds after now; -1: for the calendar */
    } cases[] = { { "now", 0 }, { "now+90", 90 }, { "now+2hours", 7200 }, { "NOW + 1 week", 604800 },
                  { "16:00", -1 }, { "tomorrow", -1 }, { "@1000000500", 500 } };
    usec_t now_at = 1000000000 * USEC_PER_SEC;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct spec spec;
        spec_init(&spec);
        spec.begin = str_of(cases[i].text);
        usec_t at = 7;
        struct err err = { 0 };
        int r = spec_begin(&spec, now_at, &at, &err);
        if (cases[i].at < 0)
            assert_int_equal(r, E_UNSUPPORTED);
        else
            assert_int_equal(at, now_at + cases[i].at * USEC_PER_SEC);
    }
}

/* --- what a job is told ----------------------------------------------------------------------- */

/* The value of a variable in a block of NUL-ended strings; NULL: not there; twice is an error. */
static const char *variable(const struct buf *block, const char *name)
{
    const char *found = NULL;
    size_t len = strlen(name);
    for (size_t i = 0; i < block->len; i += strlen(block->ptr + i) + 1) {
        if (strncmp(block->ptr + i, name, len) == 0 && block->ptr[i + len] == '=') {
            assert_null(found);
            found = block->ptr + i + len + 1;
        }
    }
    return found;
}

static void told(struct buf *out, const char *line, const struct slurmenv_facts *facts)
{
    const char *argv[WORDS_MAX];
    struct buf text;
    buf_init(&text, 65536);
    buf_clear(out);
    struct spec spec;
    spec_init(&spec);
    struct err err = { 0 };
    uint32_t n = split(str_of(line), &text, argv);
    assert_int_equal(read_command(&spec, argv, n, &err), 0);
    spec.submit_dir = STR("/data");
    slurmenv_make(out, &spec, facts);
    spec_finish(&spec);
    buf_finish(&text);
}

static void a_job_is_told_what_slurm_would_tell_it(void **state)
{
    (void)state;
    static const uint32_t gpus[] = { 2, 5 };
    struct slurmenv_facts facts = {
        .job = 4711, .uid = 1000, .gid = 100, .host = STR("box"), .user = STR("minji"),
        .cpus = 8, .start_at = 1795478700 * USEC_PER_SEC, .end_at = USEC_NEVER,
    };
    struct buf out;
    buf_init(&out, 65536);
    told(&out, "", &facts);
    static const char *const unset[] = {
        "SLURM_NTASKS", "SLURM_NPROCS", "SLURM_CPUS_PER_TASK", "SLURM_NTASKS_PER_NODE",
        "SLURM_JOB_END_TIME", "SLURM_RESTART_COUNT", "SLURM_GPUS", "SLURM_JOB_GPUS",
        "SLURM_GPUS_ON_NODE", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_MEM_PER_NODE",
        "SLURM_JOB_ACCOUNT", "SLURM_OVERCOMMIT", "ENVIRONMENT", "TMPDIR",
    };
    for (size_t i = 0; i < sizeof unset / sizeof unset[0]; i++)
        if (variable(&out, unset[i]))
            fail_msg("%s is set", unset[i]);
    static const char *const set[][2] = {
        { "SLURM_JOB_ID", "4711" }, { "SLURM_JOBID", "4711" }, { "SLURM_JOB_NAME", "true" },
        { "SLURM_JOB_NODELIST", "box" }, { "SLURM_NODELIST", "box" }, { "SLURM_NNODES", "1" },
        { "SLURM_JOB_NUM_NODES", "1" }, { "SLURM_SUBMIT_DIR", "/data" },
        { "SLURM_SUBMIT_HOST", "box" }, { "SLURM_PROCID", "0" }, { "SLURM_LOCALID", "0" },
        { "SLURM_NODEID", "0" }, { "SLURM_JOB_START_TIME", "1795478700" },
        { "SLURM_CPUS_ON_NODE", "8" }, { "SLURM_JOB_CPUS_PER_NODE", "8" },
        { "SLURM_JOB_USER", "minji" }, { "SLURM_JOB_UID", "1000" }, { "SLURMD_NODENAME", "box" },
        { "SLURM_TASKS_PER_NODE", "1" }, { "SLURM_JOB_PARTITION", "eoul" },
        { "HOSTNAME", "box" },
    };
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++) {
        const char *value = variable(&out, set[i][0]);
        if (!value || strcmp(value, set[i][1]) != 0)
            fail_msg("%s is %s", set[i][0], value ? value : "not set");
    }
    facts.gpus = gpus;
    facts.gpus_n = 2;
    facts.end_at = facts.start_at + USEC_PER_HOUR;
    facts.restarts = 2;
    facts.array_job = 4700;
    facts.array_index = 10;
    facts.tmpdir = STR("/tmp/x");
    told(&out, "-n 2 -c 4 --gpus=a100:2 --mem=8G -a 0-10:5 -t 60 -A vision -d afterok:3 --export=NONE "
               "--ntasks-per-node=2 --wrap=true", &facts);
    static const char *const more[][2] = {
        { "SLURM_NTASKS", "2" }, { "SLURM_NPROCS", "2" }, { "SLURM_CPUS_PER_TASK", "4" },
        { "SLURM_NTASKS_PER_NODE", "2" }, { "SLURM_JOB_END_TIME", "1795482300" },
        { "SLURM_RESTART_COUNT", "2" }, { "SLURM_GPUS", "a100:2" }, { "SLURM_JOB_GPUS", "2,5" },
        { "SLURM_GPUS_ON_NODE", "2" }, { "SLURM_ARRAY_JOB_ID", "4700" },
        { "SLURM_ARRAY_TASK_ID", "10" }, { "SLURM_ARRAY_TASK_COUNT", "3" },
        { "SLURM_ARRAY_TASK_MIN", "0" }, { "SLURM_ARRAY_TASK_MAX", "10" },
        { "SLURM_ARRAY_TASK_STEP", "5" }, { "SLURM_MEM_PER_NODE", "8192" },
        { "SLURM_JOB_ACCOUNT", "vision" }, { "SLURM_JOB_DEPENDENCY", "afterok:3" },
        { "SLURM_EXPORT_ENV", "NONE" }, { "ENVIRONMENT", "BATCH" }, { "TMPDIR", "/tmp/x" },
    };
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        const char *value = variable(&out, more[i][0]);
        if (!value || strcmp(value, more[i][1]) != 0)
            fail_msg("%s is %s", more[i][0], value ? value : "not set");
    }
    facts.gpus_n = 0;
    told(&out, "--gpus=2 --cpus-per-gpu=1 --open-mode=append", &facts);
    assert_string_equal(variable(&out, "SLURM_TASKS_PER_NODE"), "2"); /* as many as fit on the CPUs */
    assert_null(variable(&out, "SLURM_NTASKS"));
    assert_string_equal(variable(&out, "SLURM_OPEN_MODE"), "a");
    buf_finish(&out);
}

static void the_environment_is_what_export_says(void **state)
{
    (void)state;
    static const char *const envp[] = {
        "HOME=/home/minji", "PATH=/opt/bin:/bin", "SEED=1", "SLURM_JOB_ID=9", "SLURM_NTASKS=4",
        "CUDA_VISIBLE_DEVICES=0", "EMPTY=", "broken", "=x", "LANG=ko_KR.UTF-8", NULL };
    static const struct {
        const char *export_env, *name, *value;
    } cases[] = {
        { "", "SEED", "1" }, { "ALL", "SEED", "1" }, { "", "SLURM_JOB_ID", NULL },
        { "", "SLURM_NTASKS", NULL }, { "", "CUDA_VISIBLE_DEVICES", NULL }, { "", "EMPTY", "" },
        { "NONE", "SEED", NULL }, { "NONE", "HOME", "/home/minji" }, { "NONE", "LANG", "ko_KR.UTF-8" },
        { "NONE", "PATH", "/usr/local/bin:/usr/bin:/bin" }, { "NIL", "HOME", NULL },
        { "SEED", "SEED", "1" }, { "SEED", "HOME", "/home/minji" }, { "PATH", "PATH", "/opt/bin:/bin" },
        { "ALL,SEED=7", "SEED", "7" }, { "SEED=7", "EMPTY", NULL }, { "MISSING", "MISSING", NULL },
        { "ALL,A=1,A=2", "A", "2" }, { "ALL,LIST='1,2'", "LIST", "1,2" }, { "ALL,E=", "E", "" },
        { "ALL,CUDA_VISIBLE_DEVICES=1", "CUDA_VISIBLE_DEVICES", "1" },
    };
    struct buf out;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_init(&out, ENVIRON_BYTES_MAX);
        struct err err = { 0 };
        assert_int_equal(environ_make(&out, str_of(cases[i].export_env), envp, &err), 0);
        const char *value = variable(&out, cases[i].name);
        if ((value == NULL) != (cases[i].value == NULL) ||
            (value && strcmp(value, cases[i].value) != 0))
            fail_msg("--export=%s: %s is %s", cases[i].export_env, cases[i].name,
                     value ? value : "not set");
        buf_finish(&out);
    }
    char *huge = malloc(ENVIRON_BYTES_MAX + 3);
    assert_non_null(huge);
    memset(huge, 'x', ENVIRON_BYTES_MAX + 2);
    memcpy(huge, "X=", 2);
    huge[ENVIRON_BYTES_MAX + 2] = '\0';
    const char *const big[] = { huge, NULL };
    struct err err = { 0 };
    buf_init(&out, ENVIRON_BYTES_MAX);
    assert_int_equal(environ_make(&out, STR(""), big, &err), E_TOO_LARGE);
    assert_non_null(strstr(err.text, "--export="));
    buf_finish(&out);
    free(huge);
}

static void file_patterns_expand_as_in_slurm(void **state)
{
    (void)state;
    struct pattern_facts single = { .job = 4711, .host = STR("box"), .user = STR("minji"),
                                    .name = STR("train") };
    struct pattern_facts task = single;
    task.array_job = 4700;
    task.array_index = 11;
    static const struct {
        const char *pattern, *single, *task;
    } cases[] = {
        { "slurm-%j.out", "slurm-4711.out", "slurm-4711.out" },
        { "%A_%a", "4711_4294967294", "4700_11" },
        { "%4a-%8j-%2A", "4294967294-00004711-4711", "0011-00004711-4700" },
        { "%b", "4", "1" },
        { "%x-%u-%N", "train-minji-box", "train-minji-box" },
        { "100%%-%j", "100%-4711", "100%-4711" },
        { "%n%t-%s-%J", "00-batch-4711", "00-batch-4711" },
        { "\\%j", "%j", "%j" },
        { "a\\b%j", "ab%j", "ab%j" },
        { "%z%", "%z%", "%z%" },
        { "%99j", "0000004711", "0000004711" },
        { "%12", "%12", "%12" },
        { "", "", "" },
    };
    char memory[256];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf b;
        buf_init_fixed(&b, memory, sizeof memory);
        memory[0] = '\0';
        pattern_expand(&b, str_of(cases[i].pattern), &single);
        assert_string_equal(memory, cases[i].single);
        buf_init_fixed(&b, memory, sizeof memory);
        memory[0] = '\0';
        pattern_expand(&b, str_of(cases[i].pattern), &task);
        assert_string_equal(memory, cases[i].task);
    }
}

/* --- the canonical text ----------------------------------------------------------------------- */

static void texts_from_elsewhere_are_refused_or_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        { "", 0 },
        { "argv=true\n", 0 },
        { "argv=true", 0 },
        { "job-name=a\\nb\n", E_INVALID },        /* a control character in a name */
        { "argv=a\\nb\\t\\\\\\x01\n", 0 },
        { "argv=\\xff\\x00\n", E_INVALID },       /* a NUL cannot be in an argument */
        { "argv=\\xff\n", 0 },
        { "argv=\\q\n", E_CORRUPT },
        { "argv=\\x1\n", E_CORRUPT },
        { "time\n", E_CORRUPT },
        { "=5\n", E_CORRUPT },
        { "time=5\ntime=6\n", E_CORRUPT },
        { "time=x\n", E_INVALID },
        { "teleport=yes\n", E_NEWER },
        { "wait=yes\n", E_NEWER },                /* of a request: never in a job's text */
        { "licenses=x\n", E_NEWER },
        { "script=#!/bin/sh\\ntrue\\n\n", 0 },
        { "umask=022\nrlimit=nofile:1:2\nrlimit=core:0:0\npty=yes\nrows=24\ncolumns=80\n", 0 },
        { "umask=999\n", E_INVALID },
        { "umask=1777\n", E_INVALID },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct spec spec;
        spec_init(&spec);
        struct err err = { 0 };
        int r = spec_parse(&spec, str_of(cases[i].text), &err);
        if (r != cases[i].code)
            fail_msg("\"%s\": %d %s", cases[i].text, r, err.text);
        if (r == 0)
            assert_round_trip((unsigned)i, &spec);
        else
            assert_true(err.text[0] != '\0');
        spec_finish(&spec);
    }
}

static void bytes_that_are_not_text_survive(void **state)
{
    (void)state;
    static const char *const argv[] = { "prog", "\xff\xfe", "a\nb\\n", "", "\x7f\x1b[31m", "한글" };
    struct spec spec, again;
    spec_init(&spec);
    spec_init(&again);
    struct err err = { 0 };
    assert_int_equal(spec_set_argv(&spec, argv, 6, &err), 0);
    struct buf text;
    buf_init(&text, SPEC_PRINT_MAX);
    spec_print(&text, &spec);
    assert_true(utf8_valid(buf_look(&text)));
    assert_int_equal(spec_parse(&again, buf_look(&text), &err), 0);
    assert_int_equal(again.argv.n, 6);
    for (int i = 0; i < 6; i++)
        assert_true(str_is(again.argv.item[i], argv[i]));
    buf_finish(&text);
    spec_finish(&spec);
    spec_finish(&again);
}

static void the_largest_array_and_request_stay_quick(void **state)
{
    (void)state;
    struct spec spec;
    spec_init(&spec);
    struct err err = { 0 };
    double start = seconds();
    const struct option_def *array = option_find(STR("array"));
    assert_int_equal(option_apply(&spec, array, STR("0-99999:7,0-99999:11,3-99999:13"), SPEC_FROM_COMMAND,
                                  0, &err), 0);
    assert_true(spec.array.tasks > 20000);
    uint32_t last = 0;
    for (uint32_t i = 1; i < 1000; i++) {
        uint32_t index = spec_array_index(&spec.array, i);
        assert_true(index > last && (index % 7 == 0 || index % 11 == 0 || index % 13 == 3));
        last = index;
    }
    assert_round_trip(0, &spec);
    assert_true(seconds() - start < 0.5);
    spec_finish(&spec);
}

/* doc/slurm.md says of every option what becomes of it, with the words of the table. */
static void the_page_about_slurm_has_every_option(void **state)
{
    (void)state;
    const char *name = getenv("EOUL_SLURM_PAGE");
    assert_non_null(name);
    struct buf page;
    buf_init(&page, 1 << 20);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(io_read_to_end(fd, &page), 0);
    close(fd);
    static const char *const heads[] = {
        [OPTION_OK] = "\n## Options that mean", [OPTION_OWN] = "\n## eoul's own",
        [OPTION_HINT] = "\n## Accepted with", [OPTION_REFUSED] = "\n## Refused",
        [OPTION_REQUEST] = "\n## Options of the request",
    };
    for (uint32_t i = 0; i < option_table_n; i++) {
        const struct option_def *def = &option_table[i];
        if (def->support == OPTION_CAPTURED)
            continue;
        const char *part = strstr(page.ptr, heads[def->support]);
        assert_non_null(part);
        const char *end = strstr(part + 1, "\n## ");
        char row[256], text[256];
        snprintf(row, sizeof row, "\n| `--%s`", def->name);
        snprintf(text, sizeof text, "| %s |\n", def->help);
        const char *at = strstr(part, row);
        const char *help = at ? strstr(at, text) : NULL;
        if (!at || at > end || !help || memchr(at + 1, '\n', (size_t)(help - at - 1)))
            fail_msg("doc/slurm.md lacks --%s: %s", def->name, def->help);
    }
    buf_finish(&page);
}

/* `test_spec --show` prints the table as it is now, to look at before it becomes the expectation. */
int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--show") == 0) {
        table_each("options.txt", 0, each_option, argv);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_mean_what_the_table_says),
        cmocka_unit_test(scripts_are_read_as_sbatch_reads_them),
        cmocka_unit_test(odd_scripts_get_one_sentence_at_once),
        cmocka_unit_test(the_stronger_source_wins_whatever_comes_first),
        cmocka_unit_test(what_a_job_needs_follows_from_its_options),
        cmocka_unit_test(names_and_keys_follow_the_program),
        cmocka_unit_test(begin_is_read_where_no_calendar_is_needed),
        cmocka_unit_test(a_job_is_told_what_slurm_would_tell_it),
        cmocka_unit_test(the_environment_is_what_export_says),
        cmocka_unit_test(file_patterns_expand_as_in_slurm),
        cmocka_unit_test(texts_from_elsewhere_are_refused_or_understood),
        cmocka_unit_test(bytes_that_are_not_text_survive),
        cmocka_unit_test(the_largest_array_and_request_stay_quick),
        cmocka_unit_test(the_page_about_slurm_has_every_option),
    };
    return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
