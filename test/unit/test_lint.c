/* test_lint.c - what eoul lint says about scripts: test/tables/lint.txt, and files that no table can
 * hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "i18n/tr.h"
#include "spec/lint.h"
#include "test/lib/table.h"

static void add_finding(void *data, const struct lint_finding *f)
{
    static const char *const effects[] = { "ignored", "refused", "otherwise", "here" };
    struct buf *out = data;
    if (out->len > 0)
        buf_c(out, " ;; ");
    buf_u64(out, f->line);
    buf_char(out, ' ');
    buf_c(out, effects[f->effect]);
    buf_c(out, ": ");
    buf_str(out, f->text);
    if (f->meant.len > 0) {
        buf_c(out, " | ");
        buf_str(out, f->meant);
    }
}

/* A table's left side as a script. */
static void script_of(struct buf *out, struct str left)
{
    bool whole = left.len > 0 && left.ptr[0] == '!';
    if (!whole)
        buf_c(out, "#!/bin/sh\n");
    for (size_t i = whole ? 1 : 2; i < left.len; i++) {
        bool escape = left.ptr[i] == '\\' && i + 1 < left.len;
        if (escape)
            i++;
        buf_char(out, escape && left.ptr[i] == 'n' ? '\n' : left.ptr[i]);
    }
    if (!whole)
        buf_c(out, "\ntrue\n");
}

static void each_script(void *show, unsigned line, struct str left, struct str right)
{
    struct buf script, got;
    buf_init(&script, 65536);
    buf_init(&got, 65536);
    script_of(&script, left);
    unsigned n = lint_script(buf_look(&script), NULL, add_finding, &got);
    if (n == 0)
        buf_c(&got, "nothing");
    if (show)
        printf("%.*s => %.*s\n", STR_ARG(left), STR_ARG(buf_look(&got)));
    else if (!str_eq(buf_look(&got), right))
        fail_msg("lint.txt:%u: %.*s\n  expected %.*s\n  got      %.*s", line, STR_ARG(left),
                 STR_ARG(right), STR_ARG(buf_look(&got)));
    buf_finish(&script);
    buf_finish(&got);
}

static void scripts_are_explained_as_the_table_says(void **state)
{
    (void)state;
    table_each("lint.txt", 60, each_script, NULL);
}

static struct str linted(struct buf *got, struct str text, const char *(*translate)(const char *))
{
    buf_clear(got);
    lint_script(text, translate, add_finding, got);
    return buf_look(got);
}

static void odd_files_get_one_sentence(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 65536);
    struct str s = linted(&got, STR("#!/bin/sh\r\n#SBATCH --time=5\r\ntrue\r\n"), NULL);
    assert_non_null(strstr(s.ptr, "0 refused: line 1 of the script ends as on Windows"));
    assert_null(strstr(s.ptr, ";;")); /* the directive itself is fine */
    s = linted(&got, STR("\xEF\xBB\xBF#!/bin/sh\n#SBATCH --time=5\n"), NULL);
    assert_non_null(strstr(s.ptr, "byte order mark"));
    assert_null(strstr(s.ptr, ";;"));
    s = linted(&got, STR("#!/bin/sh\nx\0y\n"), NULL);
    assert_non_null(strstr(s.ptr, "line 2 of the script holds a NUL byte"));
    s = linted(&got, STR("#!/bin/sh\n#SBATCH -J a b\x1b[31m\xff\n"), NULL);
    assert_non_null(strstr(s.ptr, "| #SBATCH --job-name="));
    assert_null(memchr(s.ptr, '\x1b', s.len));
    assert_true(utf8_valid(s));
    size_t size = 10 << 20;
    char *big = malloc(size);
    assert_non_null(big);
    memset(big, '\n', size);
    memcpy(big, "#!/bin/sh\n", 10);
    unsigned n = lint_script((struct str){ big, size }, NULL, add_finding, &got);
    assert_int_equal(n, 1);
    for (size_t i = 10; i < size; i++)
        big[i] = "#SBATCH -c 4\n"[(i - 10) % 13];
    assert_int_equal(lint_script((struct str){ big, 4 << 20 }, NULL, add_finding, &got), 1000);
    free(big);
    s = linted(&got, STR("#!/bin/sh\n# SBATCH --time=5\n"), tr_ko);
    assert_non_null(strstr(s.ptr, "주석"));
    buf_finish(&got);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--show") == 0) {
        table_each("lint.txt", 0, each_script, argv);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_are_explained_as_the_table_says),
        cmocka_unit_test(odd_files_get_one_sentence),
    };
    return cmocka_run_group_tests_name("lint", tests, NULL, NULL);
}
