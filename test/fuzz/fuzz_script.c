/* fuzz_script.c - job requests from outside: scripts, command lines, canonical texts.
 *
 * The first byte says what the rest is.  Whatever is accepted must print as valid UTF-8, read back and
 * print the same, and give a job its variables; whatever is refused must say why in one sentence on
 * one line.  lint reads every script too.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "i18n/tr.h"
#include "spec/environ.h"
#include "spec/lint.h"
#include "spec/option.h"
#include "spec/pattern.h"
#include "spec/sbatch.h"
#include "spec/slurmenv.h"

#define WORDS_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static void check_sentence(const struct err *err)
{
    must(err->text[0] != '\0');
    must(strchr(err->text, '\n') == NULL);
    must(utf8_valid(str_of(err->text)));
}

static void check_round_trip(const struct spec *spec)
{
    struct buf first, second;
    buf_init(&first, SPEC_PRINT_MAX);
    buf_init(&second, SPEC_PRINT_MAX);
    struct spec again;
    spec_init(&again);
    struct err err = { 0 };
    spec_print(&first, spec);
    must(first.failed == 0 && utf8_valid(buf_look(&first)));
    must(spec_parse(&again, buf_look(&first), &err) == 0);
    spec_print(&second, &again);
    must(str_eq(buf_look(&first), buf_look(&second)));
    must(spec_command_key(spec) == spec_command_key(&again));
    must(spec_name_key(spec) == spec_name_key(&again));
    spec_finish(&again);
    buf_finish(&first);
    buf_finish(&second);
}

static void use(const struct spec *spec)
{
    struct spec_need need;
    struct err err = { 0 };
    if (spec_check(spec, &need, &err) < 0) {
        check_sentence(&err);
        return;
    }
    must(need.cpus >= 1 && need.tasks >= 1 && need.array_tasks <= SPEC_ARRAY_MAX);
    struct slurmenv_facts facts = { .job = 2, .array_job = 1, .array_index = 3, .host = STR("box") };
    struct pattern_facts names = { .job = 2, .host = STR("box"), .name = spec_name(spec) };
    static const char *const envp[] = { "HOME=/", "A=1", NULL };
    struct buf out;
    buf_init(&out, 2 * ENVIRON_BYTES_MAX);
    slurmenv_make(&out, spec, &facts);
    environ_make(&out, spec->export_env, envp, NULL);
    pattern_expand(&out, spec_output(spec), &names);
    buf_finish(&out);
}

static void found(void *data, const struct lint_finding *finding)
{
    struct err err = { 0 };
    (void)data;
    memcpy(err.text, finding->text.ptr, finding->text.len);
    check_sentence(&err);
}

static uint32_t words_of(struct str text, struct buf *out, const char **argv)
{
    size_t at[WORDS_MAX];
    uint32_t n = 0;
    while (n < WORDS_MAX) {
        at[n] = out->len;
        if (sbatch_word(&text, out) <= 0)
            break;
        n++;
    }
    for (uint32_t i = 0; i < n; i++)
        argv[i] = out->ptr + at[i];
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str text = { (const char *)data + 1, size - 1 };
    struct spec spec;
    spec_init(&spec);
    struct err err = { .translate = data[0] & 1 ? tr_ko : NULL };
    struct buf words;
    buf_init(&words, 1 << 20);
    const char *argv[WORDS_MAX];
    int r;
    if (data[0] % 8 < 4) {
        r = sbatch_read(&spec, STR("x.sbatch"), text, &err);
        lint_script(text, err.translate, found, NULL);
    } else if (data[0] % 8 < 6) {
        struct option_scan scan = { .argv = argv, .n = words_of(text, &words, argv) };
        r = option_apply_all(&spec, &scan, &err);
        if (r == 0)
            r = spec_set_argv(&spec, argv + scan.i, scan.n - scan.i, &err);
    } else {
        r = spec_parse(&spec, text, &err);
    }
    if (r < 0) {
        check_sentence(&err);
    } else {
        check_round_trip(&spec);
        use(&spec);
    }
    spec_finish(&spec);
    buf_finish(&words);
    return 0;
}
