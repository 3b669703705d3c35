/* test_i18n.c - languages, particles, columns, lengths and dates; and that the catalogue's check
 * refuses what it must (a good tree is checked by `po check` itself). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "base/err.h"
#include "i18n/particle.h"
#include "i18n/text.h"
#include "i18n/tr.h"
#include "i18n/width.h"

static void sentences_come_in_the_language_asked_for(void **state)
{
    (void)state;
    assert_string_equal(tr(LANG_KO, "no limit"), "제한 없음");
    assert_string_equal(tr(LANG_EN, "no limit"), "no limit");
    const char *unknown = "a sentence that no catalogue has";
    assert_string_equal(tr(LANG_KO, unknown), unknown);
    assert_string_equal(trn(LANG_EN, "one", "many", 1), "one");
    assert_string_equal(trn(LANG_EN, "one", "many", 0), "many");
    struct err err = { .translate = tr_of(LANG_KO) };
    const char *format = "no limit";
    err_set(&err, E_INVALID, "%s", format);
    assert_string_equal(err.text, "no limit");
    err_set(&err, E_INVALID, "no limit");
    assert_string_equal(err.text, "제한 없음");
}

static void the_environment_chooses_as_gettext_would(void **state)
{
    (void)state;
    static const struct {
        const char *lc_all, *lc_messages, *lang, *language;
        enum lang expect;
    } cases[] = {
        { NULL, NULL, NULL, NULL, LANG_EN },
        { NULL, NULL, NULL, "ko", LANG_EN }, /* C never does */
        { NULL, NULL, "C", "ko", LANG_EN },
        { "POSIX", NULL, "ko_KR.UTF-8", "ko", LANG_EN },
        { NULL, NULL, "C.UTF-8", "ko", LANG_KO },
        { NULL, NULL, "C.UTF-8", NULL, LANG_EN },
        { NULL, NULL, "ko_KR.UTF-8", NULL, LANG_KO },
        { NULL, NULL, "ko_KR.utf8", "", LANG_KO },
        { "", "", "ko_KR", NULL, LANG_KO },
        { NULL, "ko_KR.UTF-8", "en_US.UTF-8", NULL, LANG_KO },
        { "en_US.UTF-8", "ko_KR.UTF-8", "ko_KR.UTF-8", NULL, LANG_EN },
        { NULL, NULL, "ko_KR.UTF-8", "en:ko", LANG_EN },
        { NULL, NULL, "en_US.UTF-8", "fr:ko_KR:en", LANG_KO },
        { NULL, NULL, "ko_KR.eucKR", NULL, LANG_EN },
        { NULL, NULL, "de_DE.UTF-8@euro", NULL, LANG_EN },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(lang_from_env(cases[i].lc_all, cases[i].lc_messages, cases[i].lang,
                                       cases[i].language), cases[i].expect);
}

static void the_accept_language_header_chooses(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum lang expect;
    } cases[] = {
        { "", LANG_EN }, { "ko", LANG_KO }, { "ko-KR,ko;q=0.9,en-US;q=0.8", LANG_KO },
        { "en-US,en;q=0.9,ko;q=0.8", LANG_EN }, { "fr, ko;q=0.1", LANG_KO },
        { "en;q=0.5, ko;q=0.75", LANG_KO }, { "ko;q=0", LANG_EN }, { "ko;q=x,*", LANG_EN },
        { "en;q=0.001,ko;q=1.000", LANG_KO }, { "ko;q=1.0000000000000000", LANG_EN },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(lang_from_accept(str_of(cases[i].header), LANG_EN), cases[i].expect);
    assert_int_equal(lang_from_accept(STR("de"), LANG_KO), LANG_KO);
}

static void particles_follow_the_sound(void **state)
{
    (void)state;
    static const struct {
        const char *word, *eul, *euro;
    } cases[] = {
        { "작업", "을", "으로" },  { "나라", "를", "로" },     { "서울", "을", "로" },
        { "김하늘", "을", "로" },  { "3", "을", "으로" },      { "12", "를", "로" },
        { "10", "을", "으로" },    { "7", "을", "로" },        { "GPU", "를", "로" },
        { "CPU 8", "을", "로" },   { "train", "을", "으로" },  { "node", "를", "로" },
        { "file", "을", "로" },    { "job", "을", "으로" },    { "resnet", "을", "으로" },
        { "\"작업\"", "을", "으로" }, { "train.py", "를", "로" }, { "(a100)", "을", "으로" },
        { "가\xcc\x81", "를", "로" }, { "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xab", "을", "으로" },
        { "\xe1\x84\x80\xe1\x85\xa1", "를", "로" }, { "50%", "를", "로" }, { "", "를", "로" },
        { "--", "를", "로" }, { "DL", "을", "로" }, { "\xff", "를", "로" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str word = str_of(cases[i].word);
        if (strcmp(ko_particle(word, PARTICLE_EUL), cases[i].eul) != 0)
            fail_msg("\"%s\" takes %s", cases[i].word, cases[i].eul);
        if (strcmp(ko_particle(word, PARTICLE_EURO), cases[i].euro) != 0)
            fail_msg("\"%s\" takes %s", cases[i].word, cases[i].euro);
    }
    char memory[256];
    struct buf b;
    buf_init_fixed(&b, memory, sizeof memory);
    ko_particles(&b, STR("작업 12{은} \"train\"{을} GPU{으로} {lr} 돌립니다{"));
    assert_string_equal(b.ptr, "작업 12는 \"train\"을 GPU로 {lr} 돌립니다{");
}

static void columns_are_counted_as_a_terminal_does(void **state)
{
    (void)state;
    assert_int_equal(width_of(STR("abc")), 3);
    assert_int_equal(width_of(STR("가나다 12")), 9);
    assert_int_equal(width_of(STR("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab")), 2); /* 한, decomposed */
    assert_int_equal(width_of(STR("e\xcc\x81")), 1);
    assert_int_equal(width_of(STR("🙂")), 2);
    assert_int_equal(width_of(STR("\xff")), 1);
    char memory[256];
    struct buf b;
    static const struct {
        const char *text;
        size_t columns;
        const char *left;
    } cells[] = {
        { "작업", 6, "작업  " }, { "작업 이름", 6, "작업 …" }, { "작업이름", 5, "작업…" },
        { "작업이름", 4, "작… " }, { "abc", 3, "abc" }, { "abcd", 3, "ab…" }, { "abcd", 0, "" },
        { "가", 1, "…" },
    };
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        buf_init_fixed(&b, memory, sizeof memory);
        memory[0] = '\0';
        width_cell(&b, str_of(cells[i].text), cells[i].columns, WIDTH_LEFT);
        assert_string_equal(memory, cells[i].left);
    }
    buf_init_fixed(&b, memory, sizeof memory);
    width_cell(&b, STR("가1"), 5, WIDTH_RIGHT);
    assert_string_equal(memory, "  가1");
}

/* glibc's tables are another reading of the same standard: they must agree on what eoul shows. */
static void columns_agree_with_the_c_library(void **state)
{
    (void)state;
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!utf8)
        skip();
    locale_t old = uselocale(utf8);
    static const uint32_t ranges[][2] = {
        { 0x20, 0x7E }, { 0xC0, 0x24F }, { 0x300, 0x36F }, { 0x1100, 0x11FF }, { 0x2500, 0x257F },
        { 0x3041, 0x30FF }, { 0x3131, 0x318E }, { 0x4E00, 0x9FFF }, { 0xAC00, 0xD7A3 },
        { 0xFF01, 0xFF60 }, { 0x1F600, 0x1F64F }, { 0x20000, 0x2A6D6 },
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        for (uint32_t c = ranges[i][0]; c <= ranges[i][1]; c++)
            if (wcwidth((wchar_t)c) >= 0 && (int)width_char(c) != wcwidth((wchar_t)c))
                fail_msg("U+%04X: %u columns here, %d there", c, width_char(c), wcwidth((wchar_t)c));
    uselocale(old);
    freelocale(utf8);
}

static void lengths_numbers_and_money_read_well(void **state)
{
    (void)state;
    char memory[256];
    struct buf b;
#define SAYS(call, expect) \
    buf_init_fixed(&b, memory, sizeof memory); \
    call; \
    assert_string_equal(memory, expect)
    usec_t h = USEC_PER_HOUR, m = USEC_PER_MIN, s = USEC_PER_SEC;
    SAYS(text_duration(&b, LANG_EN, h + 20 * m + 59 * s), "1h 20m");
    SAYS(text_duration(&b, LANG_KO, h + 20 * m + 59 * s), "1시간 20분");
    SAYS(text_duration(&b, LANG_KO, 2 * USEC_PER_DAY), "2일");
    SAYS(text_duration(&b, LANG_EN, 51 * h + m), "2d 3h");
    SAYS(text_duration(&b, LANG_EN, 999), "0s");
    SAYS(text_duration(&b, LANG_KO, -90 * s), "-1분 30초");
    SAYS(text_duration(&b, LANG_KO, USEC_NEVER), "제한 없음");
    SAYS(text_number(&b, 1234567), "1,234,567");
    SAYS(text_number(&b, -100), "-100");
    SAYS(text_number(&b, INT64_MIN), "-9,223,372,036,854,775,808");
    SAYS(text_krw(&b, LANG_KO, 1234499), "1,234원");
    SAYS(text_krw(&b, LANG_EN, 1234500), "1,235 won");
    SAYS(text_mib(&b, 512), "512 MiB");
    SAYS(text_mib(&b, 1536), "1.5 GiB");
    usec_t at = 1795478700 * USEC_PER_SEC; /* 2026-11-24 00:05 UTC */
    int32_t kst = 9 * 3600;
    SAYS(text_when(&b, LANG_KO, at, kst, TEXT_FULL), "2026년 11월 24일 (화) 09:05");
    SAYS(text_when(&b, LANG_EN, at, kst, TEXT_DATE_TIME), "Tue 24 Nov 09:05");
    SAYS(text_when(&b, LANG_KO, at, kst, TEXT_DAY_TIME), "화 09:05");
    SAYS(text_when(&b, LANG_EN, at, -3600, TEXT_DAY_TIME), "Mon 23:05");
    SAYS(text_when(&b, LANG_KO, at, 0, TEXT_DATE), "11월 24일 (화)");
    SAYS(text_when(&b, LANG_EN, at, 0, TEXT_TIME), "00:05");
    SAYS(text_when(&b, LANG_EN, -1, 0, TEXT_FULL), "Wed 31 Dec 1969 23:59");
#undef SAYS
    /* Every day of 400 years, against the C library. */
    for (int64_t day = -50000; day < 100000; day++) {
        time_t t = (time_t)(day * 86400 + 12345);
        struct tm tm;
        gmtime_r(&t, &tm);
        struct text_civil c = text_civil_of(t * USEC_PER_SEC, 0);
        if (c.year != tm.tm_year + 1900 || c.month != tm.tm_mon + 1 || c.day != tm.tm_mday ||
            c.weekday != tm.tm_wday || c.hour != tm.tm_hour || c.second != tm.tm_sec)
            fail_msg("day %lld", (long long)day);
    }
}

static void put(const char *dir, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* Exit status of `po check` over one source file and a catalogue. */
static int check(const char *source, const char *catalogue)
{
    char dir[] = "/tmp/eoul-po-XXXXXX";
    assert_non_null(mkdtemp(dir));
    put(dir, "a.c", source);
    put(dir, "ko.po", catalogue);
    char po[256];
    snprintf(po, sizeof po, "%s/ko.po", dir);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
            _exit(99);
        execl(PO_PROGRAM, "po", "check", po, dir, (char *)NULL);
        _exit(98);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    unlink(po);
    snprintf(po, sizeof po, "%s/a.c", dir);
    unlink(po);
    rmdir(dir);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}

static void the_check_of_the_catalogue_can_fail(void **state)
{
    (void)state;
    const char *good = "msgid \"%d of %s\"\nmsgstr \"%2$s의 %1$d\"\n";
    assert_int_equal(check("x = tr(lang, \"%d of \" /* both */ \"%s\");", good), 0);
    assert_int_equal(check("err_set(err, f(a, b), x ? \"%d of %s\" : NULL, 1, \"no\");", good), 0);
    assert_int_equal(check("err_set(err, E, strcmp(a, \"z\") ? N_(\"%d of %s\") : s);", good), 0);
    assert_int_equal(check("// tr(l, \"other\")\n/* N_(\"x\") */ char q = '\"'; N_(\"%d of %s\")", good), 0);
    assert_int_equal(check("N_(\"%d of %s\"); err_set(err, E, \"--%s=%.*s: %zu\", a);", good), 0);
    assert_int_equal(check("x = tr(lang, \"%d of %s!\");", good), 1);  /* missing */
    assert_int_equal(check("int x;", good), 1);                        /* unused */
    assert_int_equal(check("err_wrap(err, \"%d\");", "msgid \"%d\"\nmsgstr \"%s\"\n"), 1);
    assert_int_equal(check("err_wrap(err, \"%d %s\");", "msgid \"%d %s\"\nmsgstr \"%s %d\"\n"), 1);
    assert_int_equal(check("err_wrap(err, \"%d %s\");", "msgid \"%d %s\"\nmsgstr \"%1$d\"\n"), 1);
    assert_int_equal(check("N_(\"a\")", "msgid \"a\"\nmsgstr \"\"\n"), 1);
    assert_int_equal(check("N_(\"a\")", "msgid \"a\"\nmsgstr \"b\"\nmsgid \"a\"\nmsgstr \"c\"\n"), 1);
    assert_int_equal(check("N_(\"a\")", "msgid \"a\"\nmsgstr \"b\"\nmsgid \"a\"\nmsgstr \"b\"\n"), 0);
    assert_int_equal(check("N_(\"a\")", "msgid \"a\"\nmsgstr \"b\"\n\"c\"\n"), 1);
    assert_int_equal(check("N_(\"%\" PRIu64 \" x\")", "msgid \"%lu x\"\nmsgstr \"%lu\"\n"), 0);
    const char *plural = "msgid \"%d job\"\nmsgid_plural \"%d jobs\"\nmsgstr[0] \"작업 %d개\"\n";
    assert_int_equal(check("trn(l, \"%d job\", \"%d jobs\", n)", plural), 0);
    assert_int_equal(check("trn(l, \"%d job\", \"%d works\", n)", plural), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_come_in_the_language_asked_for),
        cmocka_unit_test(the_environment_chooses_as_gettext_would),
        cmocka_unit_test(the_accept_language_header_chooses),
        cmocka_unit_test(particles_follow_the_sound),
        cmocka_unit_test(columns_are_counted_as_a_terminal_does),
        cmocka_unit_test(columns_agree_with_the_c_library),
        cmocka_unit_test(lengths_numbers_and_money_read_well),
        cmocka_unit_test(the_check_of_the_catalogue_can_fail),
    };
    return cmocka_run_group_tests_name("i18n", tests, NULL, NULL);
}
