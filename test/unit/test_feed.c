/* test_feed.c - feeds: read back by our own reader (and by libical, where it is there), what stays and what
 * changes from one writing to the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_LIBICAL
#include <libical/ical.h>
#endif

#include "base/prng.h"
#include "base/utf8.h"
#include "cal/expand.h"
#include "cal/zone_load.h"
#include "feed/feed.h"

#define H USEC_PER_HOUR
#define NOW (((int64_t)1795618800) * USEC_PER_SEC)
#define LONG "아주 긴 제목; 쉼표, 역슬래시 \\ 그리고\n새 줄이 있는 일정의 이름은 한 줄에 들어가지 않습니다"

static const struct feed_event two[] = {
    { "todo-12-1.x@eoul", "label 200 images", "", "https://x.example/a,b;c", NOW + 9 * H, NOW + 11 * H, true },
    { "run-13.x@eoul", LONG, "", "", NOW + 18 * H, NOW + 30 * H, false },
};

static void write_now(struct buf *out, const struct feed_event *events, size_t n, usec_t now_at,
                      struct str old, bool changes)
{
    const struct feed f = { "eoul", now_at, events, n };
    bool changed;
    struct err err = { 0 };
    buf_init(out, FEED_BYTES_MAX);
    assert_int_equal(feed_write(out, &f, old, &changed, &err), 0);
    assert_int_equal(changed, changes);
}

static size_t count(const struct buf *b, const char *what)
{
    size_t n = 0;
    for (const char *at = b->ptr; at && (at = strstr(at, what)); at++)
        n++;
    return n;
}

/* What everybody who reads it relies on. */
static void is_well_formed(struct str s)
{
    struct str line;
    assert_true(utf8_valid(s));
    while (s.len && str_next(&s, '\n', &line)) {
        if (line.len == 0)
            continue;
        assert_int_equal(line.ptr[line.len - 1], '\r');
        assert_true(line.len - 1 <= 75);
        assert_true(utf8_valid(line)); /* no character is cut */
    }
}

static void our_own_reader_sees_the_same(struct str s, const struct feed_event *events, size_t n)
{
    struct zone utc;
    struct cal_expansion e;
    struct err err = { 0 };
    void *memory = malloc(CAL_MEMORY);
    assert_int_equal(zone_load(STR("UTC"), &utc, NULL, NULL), 0);
    const struct cal_settings settings = { .window = { NOW - 100 * 24 * H, NOW + 300 * 24 * H }, .zone = &utc };
    assert_int_equal(cal_expand(s, &settings, memory, CAL_MEMORY, &e, &err), 0);
    assert_int_equal(e.n_issues, 0);
    assert_int_equal(e.n, n);
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        for (size_t k = 0; k < e.n; k++)
            found |= str_is(e.occurrences[k].uid, events[i].uid) &&
                     e.occurrences[k].from_at == events[i].from_at &&
                     e.occurrences[k].until_at == events[i].until_at &&
                     e.occurrences[k].busy == (events[i].busy ? CAL_BUSY : CAL_FREE);
        assert_true(found);
    }
    free(memory);
}

#ifdef HAVE_LIBICAL
static void libical_sees_the_same(const char *text, const struct feed_event *events, size_t n)
{
    icalcomponent *all = icalparser_parse_string(text);
    size_t seen = 0;
    assert_non_null(all);
    assert_int_equal(icalcomponent_count_errors(all), 0);
    for (icalcomponent *c = icalcomponent_get_first_component(all, ICAL_VEVENT_COMPONENT); c;
         c = icalcomponent_get_next_component(all, ICAL_VEVENT_COMPONENT)) {
        const char *uid = icalcomponent_get_uid(c), *summary = icalcomponent_get_summary(c);
        for (size_t i = 0; i < n; i++) {
            if (strcmp(uid, events[i].uid) != 0)
                continue;
            seen++;
            assert_string_equal(summary ? summary : "", events[i].title);
            assert_int_equal(icaltime_as_timet(icalcomponent_get_dtstart(c)), events[i].from_at / USEC_PER_SEC);
            assert_int_equal(icaltime_as_timet(icalcomponent_get_dtend(c)), events[i].until_at / USEC_PER_SEC);
        }
    }
    assert_int_equal(seen, n);
    icalcomponent_free(all);
}
#endif

static void others_read_what_we_wrote(void **state)
{
    struct prng luck;
    (void)state;
    prng_init(&luck, 99, 0);
    for (int round = 0; round < 60; round++) {
        static const char *const pieces[] = { "학습", "😀", ";", ",", "\\", "\n", "a", "la bel", ":", "\"", "é" };
        struct feed_event events[20];
        char uids[20][FEED_UID_MAX], titles[20][700];
        size_t n = round == 0 ? 2 : (size_t)prng_below(&luck, 20);
        struct buf out;
        for (size_t i = 0; i < n; i++) {
            titles[i][0] = '\0';
            for (uint64_t k = prng_below(&luck, 60); k > 0; k--)
                strcat(titles[i], pieces[prng_below(&luck, 11)]); /* 60 pieces of at most 6 bytes */
            snprintf(uids[i], sizeof uids[i], "run-%zu.0123456789abcdef@eoul", i);
            usec_t from_at = NOW + (int64_t)prng_below(&luck, 30 * 86400) * USEC_PER_SEC;
            events[i] = (struct feed_event){ uids[i], titles[i], "", "", from_at,
                                             from_at + (int64_t)(1 + prng_below(&luck, 86400)) * USEC_PER_SEC,
                                             prng_below(&luck, 2) };
        }
        if (round == 0)
            memcpy(events, two, sizeof two);
        write_now(&out, events, n, NOW, STR(""), true);
        is_well_formed(buf_look(&out));
        our_own_reader_sees_the_same(buf_look(&out), events, n);
#ifdef HAVE_LIBICAL
        libical_sees_the_same(out.ptr, events, n);
#endif
        buf_finish(&out);
    }
}

static void the_same_plan_gives_the_same_bytes(void **state)
{
    struct buf first, second, third;
    (void)state;
    write_now(&first, two, 2, NOW, STR(""), true);
    write_now(&second, two, 2, NOW + 3 * H, buf_look(&first), false);
    assert_string_equal(first.ptr, second.ptr);
    struct feed_event moved[] = { two[0], two[1] };
    moved[0].from_at += H;
    write_now(&third, moved, 2, NOW + 4 * H, buf_look(&second), true);
    assert_int_equal(count(&third, "SEQUENCE:1\r\n"), 1);
    assert_int_equal(count(&third, "SEQUENCE:0\r\n"), 1);
    assert_int_equal(count(&third, "BEGIN:VEVENT\r\n"), 2);
    buf_finish(&first);
    buf_finish(&second);
    buf_finish(&third);
}

static void what_is_taken_back_is_cancelled_for_a_week(void **state)
{
    struct buf first, gone, later, over, again;
    (void)state;
    write_now(&first, two, 2, NOW, STR(""), true);
    write_now(&gone, two, 1, NOW + H, buf_look(&first), true); /* the run is not planned any more */
    assert_int_equal(count(&gone, "STATUS:CANCELLED\r\n"), 1);
    assert_int_equal(count(&gone, "SEQUENCE:1\r\n"), 1);
    our_own_reader_sees_the_same(buf_look(&gone), two, 1);
    write_now(&again, two, 2, NOW + 2 * H, buf_look(&gone), true); /* and planned again */
    assert_int_equal(count(&again, "STATUS:CANCELLED\r\n"), 0);
    assert_int_equal(count(&again, "SEQUENCE:2\r\n"), 1);
    write_now(&later, two, 1, NOW + H + FEED_KEEP_US - 1, buf_look(&gone), false);
    write_now(&over, two, 1, NOW + H + FEED_KEEP_US, buf_look(&gone), true);
    assert_int_equal(count(&over, "STATUS:CANCELLED\r\n"), 0);
    buf_finish(&first);
    buf_finish(&gone);
    buf_finish(&later);
    buf_finish(&over);
    buf_finish(&again);
}

static void what_is_over_stays_for_a_week(void **state)
{
    struct buf first, second, third;
    usec_t end_at = two[0].until_at;
    (void)state;
    write_now(&first, two, 1, NOW, STR(""), true);
    write_now(&second, NULL, 0, end_at + FEED_KEEP_US - USEC_PER_SEC, buf_look(&first), false);
    write_now(&third, NULL, 0, end_at + FEED_KEEP_US, buf_look(&first), true);
    assert_int_equal(count(&third, "BEGIN:VEVENT"), 0);
    buf_finish(&first);
    buf_finish(&second);
    buf_finish(&third);
}

/* Somebody's own calendar is not overwritten, and a damaged feed is written anew. */
static void what_lies_there_is_looked_at(void **state)
{
    const struct feed f = { "eoul", NOW, two, 2 };
    struct buf out, whole;
    struct err err = { 0 };
    bool changed;
    (void)state;
    buf_init(&out, FEED_BYTES_MAX);
    assert_int_equal(feed_write(&out, &f, STR("BEGIN:VCALENDAR\r\nPRODID:mine\r\n"), &changed, &err), E_STATE);
    assert_int_equal(out.len, 0);
    write_now(&whole, two, 2, NOW, STR(""), true);
    for (size_t len = 60; len < whole.len; len += 7) {
        struct buf mended;
        write_now(&mended, two, 2, NOW, str_slice(buf_look(&whole), 0, len), true);
        our_own_reader_sees_the_same(buf_look(&mended), two, 2);
        buf_finish(&mended);
    }
    buf_finish(&whole);
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_read_what_we_wrote),
        cmocka_unit_test(the_same_plan_gives_the_same_bytes),
        cmocka_unit_test(what_is_taken_back_is_cancelled_for_a_week),
        cmocka_unit_test(what_is_over_stays_for_a_week),
        cmocka_unit_test(what_lies_there_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
