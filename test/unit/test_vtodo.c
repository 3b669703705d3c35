/* test_vtodo.c - a CalDAV resource as a todo, and ticked: what is taken, what stays byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cal/civil.h"
#include "cal/vtodo.h"
#include "cal/zone_load.h"

#define HEAD "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n"
#define FOOT "END:VCALENDAR\r\n"
#define TODO(lines) HEAD "BEGIN:VTODO\r\nUID:u1@example.org\r\nDTSTAMP:20261101T000000Z\r\n" lines "END:VTODO\r\n" FOOT

static char memory[CAL_MEMORY];
static struct zone seoul;
static struct zone_cache zones;

static usec_t at(int year, int month, int day, int hour, int minute)
{
    return civil_local_s((struct civil){ year, month, day, hour, minute, 0 }) * USEC_PER_SEC;
}

static struct vtodo read_text(struct str text)
{
    const struct cal_settings settings = { .window = { 0, INT64_MAX }, .zone = &seoul,
                                           .find_zone = zone_cache_find, .find_data = &zones };
    struct vtodo t;
    assert_int_equal(vtodo_read(text, &settings, memory, sizeof memory, &t), 0);
    return t;
}

static struct vtodo read_c(const char *text)
{
    return read_text(str_of(text));
}

static void what_is_taken(void **state)
{
    (void)state;
    struct vtodo t = read_c(TODO("SUMMARY:Label 200 images\\, the rest\\nlater\r\nDUE;TZID=Asia/Seoul:20261130T180000\r\n"
                                 "DTSTART;TZID=Asia/Seoul:20261125T090000\r\nESTIMATED-DURATION:PT2H\r\n"
                                 "PERCENT-COMPLETE:25\r\nSTATUS:IN-PROCESS\r\nPRIORITY:1\r\n"));
    assert_int_equal(t.state, VTODO_OPEN);
    assert_string_equal(t.title, "Label 200 images, the rest later");
    assert_int_equal(t.due_at, at(2026, 11, 30, 9, 0));
    assert_int_equal(t.begin_at, at(2026, 11, 25, 0, 0));
    assert_int_equal(t.takes_us, 2 * USEC_PER_HOUR);
    assert_int_equal(t.percent, 25);
    assert_false(t.has_issue || t.secret);
    assert_true(t.id == read_c(TODO("SUMMARY:other\r\n")).id);
    assert_false(t.id == read_c(HEAD "BEGIN:VTODO\r\nUID:u2\r\nEND:VTODO\r\n" FOOT).id);
}

/* What each line means for the times. */
static void times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        usec_t begin_at, due_at, takes_us;
    } cases[] = { /* 15:00 UTC is midnight in Seoul */
        { TODO("DUE;VALUE=DATE:20261130\r\n"), 0, 1796050800000000, 0 },
        { TODO("DUE:20261130T000000Z\r\n"), 0, 1795996800000000, 0 },
        { TODO("DUE:20261130T090000\r\n"), 0, 1795996800000000, 0 },
        { TODO("DTSTART:20261130T000000Z\r\nDURATION:PT90M\r\n"), 1795996800000000, 1796002200000000, 5400000000 },
        { TODO("DTSTART:20261130T000000Z\r\nDURATION:P2D\r\n"), 1795996800000000, 1796169600000000, 0 },
        { TODO("DURATION:PT45M\r\n"), 0, 0, 2700000000 },
        { TODO("DTSTART:20261130T000000Z\r\nDUE:20261130T000000Z\r\n"), 0, 1795996800000000, 0 },
        { TODO("DTSTART;VALUE=DATE:20261130\r\nDUE;VALUE=DATE:20261130\r\n"), 1795964400000000, 1796050800000000, 0 },
        { TODO("DTSTART;VALUE=DATE:20261130\r\n"), 1795964400000000, 0, 0 },
        { TODO("DUE;TZID=Europe/Berlin:20261130T090000\r\n"), 0, 1796025600000000, 0 },
        { TODO("DUE;TZID=Korea Standard Time:20261130T090000\r\n"), 0, 1795996800000000, 0 },
        { TODO("BEGIN:VALARM\r\nTRIGGER:-PT5M\r\nDURATION:PT1H\r\nEND:VALARM\r\n"), 0, 0, 0 },
        { TODO("DUE:00010101T000000Z\r\n"), 0, 0, 0 },
        { TODO("DURATION:-PT1H\r\n"), 0, 0, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vtodo t = read_c(cases[i].text);
        if (t.state != VTODO_OPEN || t.begin_at != cases[i].begin_at || t.due_at != cases[i].due_at ||
            t.takes_us != cases[i].takes_us || t.has_issue)
            fail_msg("case %zu: state %d begin %lld due %lld takes %lld issue %d", i, t.state,
                     (long long)t.begin_at, (long long)t.due_at, (long long)t.takes_us, t.has_issue);
    }
    /* An embedded zone nobody else knows; one that nobody knows at all is said. */
    struct vtodo t = read_c(HEAD "BEGIN:VTIMEZONE\r\nTZID:Mars\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
                            "TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0200\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
                            "BEGIN:VTODO\r\nUID:1\r\nDUE;TZID=Mars:20261130T090000\r\nEND:VTODO\r\n" FOOT);
    assert_int_equal(t.due_at, at(2026, 11, 30, 7, 0));
    assert_false(t.has_issue);
    t = read_c(TODO("DUE;TZID=Venus:20261130T090000\r\n"));
    assert_true(t.has_issue && t.issue == CAL_ISSUE_ZONE);
    assert_string_equal(t.detail, "Venus");
    assert_int_equal(t.due_at, at(2026, 11, 30, 0, 0));
    t = read_c(TODO("DUE:tomorrow\r\n"));
    assert_true(t.state == VTODO_OPEN && t.has_issue && t.issue == CAL_ISSUE_TIME && t.due_at == 0);
}

static void states(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum vtodo_state state;
    } cases[] = {
        { TODO("STATUS:NEEDS-ACTION\r\n"), VTODO_OPEN }, { TODO("STATUS:completed\r\n"), VTODO_DONE },
        { TODO("STATUS:CANCELLED\r\n"), VTODO_CANCELLED }, { TODO("COMPLETED:20261101T000000Z\r\n"), VTODO_DONE },
        { TODO("PERCENT-COMPLETE:100\r\n"), VTODO_DONE },
        { TODO("STATUS:NEEDS-ACTION\r\nCOMPLETED:20261101T000000Z\r\n"), VTODO_OPEN },
        { TODO("BEGIN:VALARM\r\nSTATUS:COMPLETED\r\nEND:VALARM\r\n"), VTODO_OPEN },
        { TODO("RRULE:FREQ=DAILY\r\n"), VTODO_REFUSED }, { TODO("RDATE:20261101T000000Z\r\n"), VTODO_REFUSED },
        { TODO("RRULE:\r\n"), VTODO_OPEN },
        { HEAD "BEGIN:VTODO\r\nSUMMARY:x\r\nEND:VTODO\r\n" FOOT, VTODO_REFUSED },
        { HEAD "BEGIN:VTODO\r\nUID:1\r\nEND:VTODO\r\nBEGIN:VTODO\r\nUID:1\r\nEND:VTODO\r\n" FOOT, VTODO_REFUSED },
        { HEAD "BEGIN:VTODO\r\nUID:1\r\n" FOOT, VTODO_REFUSED }, { HEAD "BEGIN:VTODO\r\nUID:1\r\n", VTODO_REFUSED },
        { HEAD "BEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\n" FOOT, VTODO_NONE }, { HEAD FOOT, VTODO_NONE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (read_c(cases[i].text).state != cases[i].state)
            fail_msg("case %zu: state %d", i, read_c(cases[i].text).state);
    assert_int_equal(read_c(TODO("RECURRENCE-ID:20261101T000000Z\r\n")).issue, CAL_ISSUE_REPEATS);
    struct vtodo t;
    const struct cal_settings settings = { .zone = &seoul };
    assert_int_equal(vtodo_read(STR("Dear all"), &settings, memory, sizeof memory, &t), E_INVALID);
}

/* Folded inside a character, as programs do; cut between characters; private ones give none. */
static void titles(void **state)
{
    (void)state;
    struct vtodo t = read_c(TODO("SUMMARY;LANGUAGE=ko:이미지 \xeb\xa0\r\n \x88이블 200\r\n  장\r\n"));
    assert_string_equal(t.title, "이미지 레이블 200 장");
    t = read_c(TODO("SUMMARY:a\x1b[31mb\\;c\\\\d\tE\xff\r\n"));
    assert_string_equal(t.title, "a\xef\xbf\xbd[31mb;c\\d E\xef\xbf\xbd");
    char text[4096];
    int n = snprintf(text, sizeof text, HEAD "BEGIN:VTODO\r\nUID:1\r\nSUMMARY:x");
    for (int i = 0; i < 100; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "가");
    snprintf(text + n, sizeof text - (size_t)n, "\r\nEND:VTODO\r\n" FOOT);
    t = read_c(text);
    assert_int_equal(strlen(t.title), 199);
    assert_string_equal(t.title + 196, "가");
    static const char *const secret[] = { TODO("SUMMARY:canary\r\nCLASS:PRIVATE\r\n"),
                                          TODO("CLASS:CONFIDENTIAL\r\nSUMMARY:canary\r\n"),
                                          TODO("CLASS:X-MINE\r\nSUMMARY:can\r\n ary\r\n") };
    for (size_t i = 0; i < 3; i++) {
        t = read_c(secret[i]);
        assert_true(t.secret && t.title[0] == '\0');
        for (size_t k = 0; k + 6 < VTODO_MEMORY; k++)
            assert_int_not_equal(memcmp(memory + k, "canary", 6), 0);
    }
    assert_false(read_c(TODO("CLASS:public\r\nSUMMARY:x\r\n")).secret);
}

static char ticked_memory[1 << 16];

static const char *ticked(const char *text, int want)
{
    struct buf out;
    buf_init_fixed(&out, ticked_memory, sizeof ticked_memory);
    assert_int_equal(vtodo_tick(str_of(text), at(2026, 11, 26, 1, 2), at(2026, 11, 26, 3, 4), memory,
                                sizeof memory, &out), want);
    assert_int_equal(out.failed, 0);
    return want ? "" : out.ptr;
}

#define DONE_LINES(nl) "STATUS:COMPLETED" nl "COMPLETED:20261126T010200Z" nl "PERCENT-COMPLETE:100" nl \
                       "LAST-MODIFIED:20261126T030400Z" nl "DTSTAMP:20261126T030400Z" nl

static void ticking(void **state)
{
    (void)state;
    /* Every kind of line end; what is missing comes before the alarm; all else stays. */
    assert_string_equal(ticked("\xef\xbb\xbf" "BEGIN:VCALENDAR\nX-A:b\nBEGIN:VTODO\nUID:1\nX-Y;Z=\"a:b\":c\nBEGIN:VALARM\n"
                               "STATUS:x\nEND:VALARM\nEND:VTODO\nEND:VCALENDAR", 0),
                        "\xef\xbb\xbf" "BEGIN:VCALENDAR\nX-A:b\nBEGIN:VTODO\nUID:1\nX-Y;Z=\"a:b\":c\n" DONE_LINES("\n")
                        "SEQUENCE:1\nBEGIN:VALARM\nSTATUS:x\nEND:VALARM\nEND:VTODO\nEND:VCALENDAR");
    assert_string_equal(ticked("BEGIN:VCALENDAR\rBEGIN:VTODO\rUID:1\rEND:VTODO\rEND:VCALENDAR\r", 0),
                        "BEGIN:VCALENDAR\rBEGIN:VTODO\rUID:1\r" DONE_LINES("\r") "SEQUENCE:1\rEND:VTODO\rEND:VCALENDAR\r");
    /* In their places, once each, folded or not; a VTIMEZONE and the VTODO's neighbours are not touched. */
    assert_string_equal(
        ticked(HEAD "BEGIN:VTIMEZONE\r\nTZID:M\r\nLAST-MODIFIED:20200101T000000Z\r\nEND:VTIMEZONE\r\nBEGIN:VTODO\r\n"
               "sta\r\n tus;X=1:NEEDS-\r\n ACTION\r\nUID:1\r\nSUMMARY:\xeb\xa0\r\n \x88 STATUS:\r\n x\r\nSEQUENCE:41\r\nSTATUS:IN-PROCESS\r\n"
               "DTSTAMP:20200101T000000Z\r\nEND:VTODO\r\n" FOOT, 0),
        HEAD "BEGIN:VTIMEZONE\r\nTZID:M\r\nLAST-MODIFIED:20200101T000000Z\r\nEND:VTIMEZONE\r\nBEGIN:VTODO\r\n"
        "STATUS:COMPLETED\r\nUID:1\r\nSUMMARY:\xeb\xa0\r\n \x88 STATUS:\r\n x\r\nSEQUENCE:42\r\nDTSTAMP:20261126T030400Z\r\n"
        "COMPLETED:20261126T010200Z\r\nPERCENT-COMPLETE:100\r\nLAST-MODIFIED:20261126T030400Z\r\nEND:VTODO\r\n" FOOT);
    /* Somebody else's number stays. */
    assert_string_equal(ticked(HEAD "BEGIN:VTODO\r\nUID:1\r\nSEQUENCE:3\r\nORGANIZER:mailto:a@b\r\nEND:VTODO\r\n" FOOT, 0),
                        HEAD "BEGIN:VTODO\r\nUID:1\r\nSEQUENCE:3\r\nORGANIZER:mailto:a@b\r\n" DONE_LINES("\r\n")
                        "END:VTODO\r\n" FOOT);
    ticked(TODO("STATUS:COMPLETED\r\n"), E_STATE);
    ticked(TODO("STATUS:CANCELLED\r\n"), E_STATE);
    ticked(TODO("RRULE:FREQ=DAILY\r\n"), E_INVALID);
    ticked(HEAD "BEGIN:VTODO\r\nUID:1\r\n", E_INVALID);
    ticked(HEAD FOOT, E_INVALID);
    struct vtodo t = read_c(ticked(TODO("SUMMARY:x\r\nPERCENT-COMPLETE:50\r\n"), 0));
    assert_int_equal(t.state, VTODO_DONE);
}

static void little_room(void **state)
{
    (void)state;
    struct buf out;
    char room[64];
    struct vtodo t;
    const struct cal_settings settings = { .zone = &seoul };
    buf_init_fixed(&out, room, sizeof room);
    assert_int_equal(vtodo_tick(STR(TODO("")), 1, 1, memory, sizeof memory, &out), 0);
    assert_int_not_equal(out.failed, 0);
    assert_int_equal(vtodo_tick(STR(TODO("")), 1, 1, memory, 100, &out), E_TOO_LARGE);
    assert_int_equal(vtodo_read(STR(TODO("")), &settings, memory, 100, &t), E_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken), cmocka_unit_test(times), cmocka_unit_test(states),
        cmocka_unit_test(titles), cmocka_unit_test(ticking), cmocka_unit_test(little_room),
    };
    zone_cache_init(&zones);
    if (zone_load(STR("Asia/Seoul"), &seoul, NULL, NULL) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zone_cache_finish(&zones);
    return failed;
}
