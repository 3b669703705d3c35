/* test_draw.c - the plan's picture: complete, escaped, on time, and something to look at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "draw/picture.h"

#define H USEC_PER_HOUR

static const struct picture_lane lanes[] = {
    { .label = { "GPU 0", 5 }, .note = { "RTX 4090", 8 } },
    { .label = { "GPU 1", 5 }, .note = { "RTX 4090", 8 } },
    { .label = { "김민아", 9 }, .note = { "Asia/Seoul", 10 }, .person = true, .owner = 0 },
    { .label = { "Ana <b>", 7 }, .note = { "Europe/Lisbon", 13 }, .person = true, .owner = 1 },
};
static const struct picture_bar bars[] = {
    { 0, 1 * H, 3 * H, 4 * H, 6 * H, 0, true, false, { "한글 이름이 아주 긴 작업", 34 }, { "12: 4 h", 7 } },
    { 1, 2 * H, 10 * H, 12 * H, 15 * H, 1, false, false, { "overnight & <script>", 20 }, { "13", 2 } },
    { 0, 8 * H, 9 * H, 9 * H + H / 2, 11 * H, 0, false, false, { "x", 1 }, { "14", 2 } },
};
static const struct picture_window windows[] = { { 2, { 0, 3 * H } }, { 2, { 15 * H, 24 * H } },
                                                 { 3, { 3 * H, 8 * H } } };
static const struct picture_eyes eyes[] = { { 2, 15 * H, { "12 is seen", 10 } } };
static const struct picture_tick ticks[] = { { 6 * H, { "00:00", 5 }, true }, { 12 * H, { "06:00", 5 }, false } };
static const struct span nights[] = { { 4 * H, 13 * H } };
static const struct str owners[] = { { "김민아", 9 }, { "Ana", 3 } };

static struct picture sample(void)
{
    return (struct picture){
        .title = STR("Plan"), .subtitle = STR("Tue 24 Nov"), .now_label = STR("now"),
        .from_at = 0, .until_at = 24 * H, .now_at = 2 * H, .lanes = lanes, .lanes_n = 4,
        .bars = bars, .bars_n = 3, .windows = windows, .windows_n = 3, .eyes = eyes, .eyes_n = 1,
        .ticks = ticks, .ticks_n = 2, .nights = nights, .nights_n = 1, .owners = owners, .owners_n = 2,
        .legend_planned = STR("planned"), .legend_running = STR("running"), .legend_eyes = STR("seen"),
    };
}

static size_t count(const char *in, const char *what)
{
    size_t n = 0;
    for (const char *at = in; (at = strstr(at, what)); at++)
        n++;
    return n;
}

static void foreign_names_stay_text(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, PICTURE_MAX);
    struct picture p = sample();
    picture_html(&b, &p, STR("ko"));
    assert_int_equal(b.failed, 0);
    assert_null(strstr(b.ptr, "<script"));
    assert_null(strstr(b.ptr, "<b>"));
    assert_non_null(strstr(b.ptr, "overnight &amp; &lt;script&gt;"));
    assert_non_null(strstr(b.ptr, "김민아"));
    assert_true(utf8_valid(buf_look(&b)));
    assert_int_equal(count(b.ptr, "<g>"), count(b.ptr, "</g>") - count(b.ptr, "<g transform"));
    const char *keep = getenv("EOUL_TEST_PICTURE"); /* to look at it */
    if (keep) {
        FILE *file = fopen(keep, "w");
        buf_clear(&b);
        picture_svg(&b, &p);
        fwrite(b.ptr, 1, b.len, file);
        fclose(file);
    }
    buf_finish(&b);
}

static void a_bar_stands_at_its_time(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, PICTURE_MAX);
    struct picture p = sample();
    picture_svg(&b, &p);
    /* 1080 px are 24 h: the first bar runs from 1 h (132 + 45) for 5 h (225 px) in the first lane. */
    assert_non_null(strstr(b.ptr, "<rect x=\"177\" y=\"97\" width=\"225\" height=\"24\" rx=\"4\""));
    assert_int_equal(count(b.ptr, "stroke-dasharray=\"4 3\"/>\n"), 0);
    assert_int_equal(count(b.ptr, "<linearGradient"), 3);
    buf_finish(&b);
}

/* A todo's length is what is planned: nothing fades, and it stands between the windows' edges. */
static void a_todo_stands_in_its_persons_lane(void **state)
{
    (void)state;
    static const struct picture_bar todo[] = {
        { 2, 1 * H, 2 * H, 2 * H, 2 * H, 0, false, true, { "라벨링", 9 }, { "20", 2 } },
    };
    struct buf b;
    buf_init(&b, PICTURE_MAX);
    struct picture p = sample();
    p.bars = todo;
    p.bars_n = 1;
    picture_svg(&b, &p);
    assert_int_equal(count(b.ptr, "<linearGradient"), 0);
    /* lane 2 begins at 92 + 2 * 34 + 26 */
    assert_non_null(strstr(b.ptr, "<rect x=\"177\" y=\"191\" width=\"45\" height=\"24\" rx=\"4\" fill=\"#"));
    assert_null(strstr(b.ptr, ">todo<"));
    p.legend_todo = STR("todo");
    buf_clear(&b);
    picture_svg(&b, &p);
    assert_non_null(strstr(b.ptr, ">todo<"));
    buf_finish(&b);
}

static void what_lies_outside_is_left_out(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, PICTURE_MAX);
    struct picture p = sample();
    p.from_at = 12 * H;
    p.until_at = 36 * H;
    p.now_at = 2 * H;
    picture_svg(&b, &p);
    assert_null(strstr(b.ptr, "class=\"now\""));
    assert_null(strstr(b.ptr, ">12: 4 h<"));
    assert_non_null(strstr(b.ptr, ">13<")); /* its late end is inside */
    buf_finish(&b);
}

static void a_full_buffer_is_said(void **state)
{
    (void)state;
    struct buf b;
    struct picture p = sample();
    for (size_t max = 0; max < 3000; max += 97) {
        buf_init(&b, max);
        picture_svg(&b, &p);
        assert_int_equal(b.failed, E_TOO_LARGE);
        assert_true(b.len <= max);
        buf_finish(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(foreign_names_stay_text),
        cmocka_unit_test(a_bar_stands_at_its_time),
        cmocka_unit_test(a_todo_stands_in_its_persons_lane),
        cmocka_unit_test(what_lies_outside_is_left_out),
        cmocka_unit_test(a_full_buffer_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
