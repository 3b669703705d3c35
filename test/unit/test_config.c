/* test_config.c - eoul.yaml: what is taken, and the sentence for everything that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/prng.h"
#include "daemon/config_schema.h"
#include "test/lib/table.h"

static struct str unescape(struct str s, char *memory, size_t size)
{
    struct buf b;
    buf_init_fixed(&b, memory, size);
    for (size_t i = 0; i < s.len; i++) {
        char next = i + 1 < s.len ? s.ptr[i + 1] : '\0';
        if (s.ptr[i] == '\\' && (next == 'n' || next == 't')) {
            buf_char(&b, next == 'n' ? '\n' : '\t');
            i++;
        } else {
            buf_char(&b, s.ptr[i]);
        }
    }
    return buf_look(&b);
}

static unsigned judge(struct str yaml, enum lang lang, struct str want)
{
    struct config *c = NULL;
    struct err err = { .translate = tr_of(lang) };
    int code = config_parse(yaml, "eoul.yaml", &c, &err);
    const char *got = code == 0 ? "ok" : err.text;
    bool same = str_is(want, got) && (code == 0) == (c != NULL);
    if (!same)
        print_error("%.*s\n  wanted: %.*s\n  got:    %s\n", STR_ARG(yaml), STR_ARG(want), got);
    config_destroy(c);
    return !same;
}

static void one(void *data, unsigned line, struct str left, struct str right)
{
    unsigned *failures = data;
    char memory[1024];
    struct str yaml = unescape(left, memory, sizeof memory);
    struct str rest = right, english, korean;
    (void)line;
    assert_true(str_next(&rest, '|', &english));
    *failures += judge(yaml, LANG_EN, str_trim(english));
    if (str_next(&rest, '|', &korean))
        *failures += judge(yaml, LANG_KO, str_trim(korean));
    else
        assert_true(str_is(str_trim(english), "ok"));
}

static void sentences(void **state)
{
    unsigned failures = 0;
    (void)state;
    table_each("config.txt", 45, one, &failures);
    assert_int_equal(failures, 0);
}

static void all_settings(void **state)
{
    static const char yaml[] =
        "gpus:\n- {model: RTX 4090, count: 2, watts: 450}\n- model: A6000\n"
        "gpu_ids: index\ncpus: 32\nmemory: 128G\npolicy: easy\nmode: area\nzone: Europe/Berlin\n"
        "hours: Mon-Thu 8-16\nlang: ko\nlimits: {running: 8, gpus: 2, queued: 500}\n"
        "defaults: {time: 3h, grace: 10s, output: 2G, output_rate: 5M}\nretention: {journal: 5d, logs: 5d, jobs: 100d}\n"
        "people:\n- name: 민수\n  user: minsu\n  email: minsu@example.com\n  zone: Asia/Seoul\n"
        "  hours: 월-금 9시-18시\n  lang: ko\n  limits: {running: 2}\n- {name: Ada}\n";
    struct config *c = NULL;
    (void)state;
    assert_int_equal(config_parse(STR(yaml), "eoul.yaml", &c, NULL), 0);
    assert_true(c->gpus_given);
    assert_int_equal(c->gpus_n, 3);
    assert_int_equal(c->gpu_groups, 2);
    assert_string_equal(c->gpus[0].model, "RTX 4090");
    assert_int_equal(c->gpus[0].watts, 450);
    assert_int_equal(c->gpus[1].count, 1);
    assert_int_equal(c->gpu_ids, CONFIG_GPU_INDEX);
    assert_int_equal(c->cpus, 32);
    assert_int_equal(c->mem_mib, 128 * 1024);
    assert_int_equal(c->policy, POLICY_EASY);
    assert_true(c->mode_given && c->mode == MODE_AREA);
    assert_string_equal(c->zone, "Europe/Berlin");
    assert_string_equal(c->hours, "Mon-Thu 8-16");
    assert_true(c->lang_given && c->lang == LANG_KO);
    assert_int_equal(c->limits.queued, 500);
    assert_int_equal(c->guess_us, 3 * USEC_PER_HOUR);
    assert_int_equal(c->grace_us, 10 * USEC_PER_SEC);
    assert_int_equal(c->output_mib, 2048);
    assert_int_equal(c->output_rate_mib, 5);
    assert_int_equal(c->keep_journal_us, 5 * USEC_PER_DAY);
    assert_int_equal(c->keep_logs_us, 5 * USEC_PER_DAY);
    assert_int_equal(c->keep_jobs_us, 100 * USEC_PER_DAY);
    assert_int_equal(c->people_n, 2);
    assert_string_equal(c->people[0].user, "minsu");
    assert_int_equal(c->people[0].limits.running, 2);
    assert_string_equal(c->people[1].name, "Ada");
    assert_null(c->people[1].hours);
    config_destroy(c);
}

static void defaults(void **state)
{
    struct config *c = NULL;
    (void)state;
    assert_int_equal(config_parse(STR("# nothing\n"), "eoul.yaml", &c, NULL), 0);
    assert_false(c->gpus_given);
    assert_int_equal(c->policy, POLICY_BLEND);
    assert_false(c->mode_given);
    assert_string_equal(c->hours, CONFIG_HOURS);
    assert_int_equal(c->guess_us, USEC_PER_HOUR);
    config_destroy(c);
    assert_int_equal(config_parse(STR("gpus: 0"), "eoul.yaml", &c, NULL), 0);
    assert_true(c->gpus_given); /* none, and do not look for any */
    config_destroy(c);
}

static void files(void **state)
{
    char path[] = "/tmp/eoul-config-XXXXXX";
    struct config *c = NULL;
    struct err err = { 0 };
    (void)state;
    assert_int_equal(config_load("/nonexistent/eoul.yaml", &c, &err), E_NOT_FOUND);
    assert_string_equal(err.text, "There is no file /nonexistent/eoul.yaml.");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(config_load(path, &c, &err), 0); /* an empty file is the defaults */
    config_destroy(c);
    char block[4096];
    memset(block, '#', sizeof block);
    for (int i = 0; i < CONFIG_FILE_MAX / (int)sizeof block + 1; i++)
        assert_true(write(fd, block, sizeof block) == (ssize_t)sizeof block);
    assert_int_equal(config_load(path, &c, &err), E_TOO_LARGE);
    assert_non_null(strstr(err.text, "is larger than 256 KiB"));
    close(fd);
    unlink(path);
    assert_true(config_load("/tmp", &c, &err) < 0);
}

/* Whatever the bytes: an answer, and a sentence with it if it is no. */
static void any_text(void **state)
{
    static const char *const pieces[] = {
        "gpus", ": ", "\n", "- ", "[", "]", "{", "}", ",", "people", "name", "hours", "'", "\"", "  ",
        "4", "*a", "&a", "\t", "|", ">", "limits", "null", "~", "---", "...", "#", "\xff", "%", "!",
        "9-18", "zone", "\r", "?", "lang", "ko", "policy",
    };
    struct prng luck;
    (void)state;
    prng_init(&luck, 7, 7);
    for (int round = 0; round < 30000; round++) {
        char memory[256];
        struct buf b;
        struct config *c = NULL;
        struct err err = { 0 };
        buf_init_fixed(&b, memory, sizeof memory);
        for (uint64_t i = prng_below(&luck, 24); i > 0; i--)
            buf_c(&b, pieces[prng_below(&luck, sizeof pieces / sizeof pieces[0])]);
        int code = config_parse(buf_look(&b), "x", &c, &err);
        assert_true(code <= 0);
        if (code == 0) {
            assert_non_null(c);
        } else {
            assert_true(err.text[0] == 'x' && err.text[1] == ' ');
            if (str_starts(str_of(err.text), "x cannot be read")) /* libcyaml found what the check missed */
                fail_msg("%s\n%s", b.ptr, err.text);
        }
        config_destroy(c);
    }
}

static void sizes(void **state)
{
    uint64_t mib = 0;
    (void)state;
    assert_int_equal(config_size_mib(STR("512"), &mib), 0);
    assert_int_equal(mib, 512);
    assert_int_equal(config_size_mib(STR("2 TiB"), &mib), 0);
    assert_int_equal(mib, 2 << 20);
    assert_int_equal(config_size_mib(STR("G"), &mib), E_INVALID);
    assert_int_equal(config_size_mib(STR("1X"), &mib), E_INVALID);
    assert_int_equal(config_size_mib(STR("9999999999999T"), &mib), E_INVALID);
}

/* Every setting is in both manual pages, and what their examples say is accepted. */
static void manual_page(const char *name)
{
    char path[4096];
    struct buf page;
    buf_init(&page, 1 << 20);
    snprintf(path, sizeof path, "%s/../../man/%s", getenv("EOUL_TABLES"), name);
    assert_int_equal(io_read_file(AT_FDCWD, path, &page), 0);
    for (size_t i = 0; config_rule_at(i); i++) {
        const char *rule = config_rule_at(i)->path, *dot = strrchr(rule, '.');
        char key[64];
        snprintf(key, sizeof key, "*%s", dot ? dot + 1 : rule);
        snprintf(key + strcspn(key, "["), 2, "*"); /* a list of values is named as one */
        if (!strstr(page.ptr, key))
            fail_msg("%s does not speak of %s", name, rule);
    }
    char *from = strstr(page.ptr, "```\n");
    assert_non_null(from);
    char *until = strstr(from + 4, "```");
    assert_non_null(until);
    struct config *c = NULL;
    struct err err = { 0 };
    if (config_parse((struct str){ from + 4, (size_t)(until - from - 4) }, name, &c, &err) < 0)
        fail_msg("%s", err.text);
    config_destroy(c);
    buf_finish(&page);
}

static void manual_pages(void **state)
{
    (void)state;
    manual_page("eoul.yaml.5.scd");
    manual_page("ko/eoul.yaml.5.scd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences), cmocka_unit_test(all_settings), cmocka_unit_test(defaults),
        cmocka_unit_test(files), cmocka_unit_test(any_text), cmocka_unit_test(sizes), cmocka_unit_test(manual_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
