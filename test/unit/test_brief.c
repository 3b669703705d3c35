/* test_brief.c - the briefs: absences, what the night leaves empty, what needs whom, both languages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/prng.h"
#include "brief/brief.h"
#include "cal/zone_load.h"

#define H USEC_PER_HOUR
#define D USEC_PER_DAY
/* Thu 26 Nov 2026 00:00 in Seoul */
#define MIDNIGHT (((int64_t)1795618800) * USEC_PER_SEC)

static struct zone seoul;

static int load_zone(void **state)
{
    (void)state;
    return zone_load(STR("Asia/Seoul"), &seoul, NULL, NULL);
}

/* Thu and Fri 09-12, 13-18, then Mon 09. */
static const struct span week[] = {
    { MIDNIGHT + 9 * H, MIDNIGHT + 12 * H },
    { MIDNIGHT + 13 * H, MIDNIGHT + 18 * H },
    { MIDNIGHT + D + 9 * H, MIDNIGHT + D + 12 * H },
    { MIDNIGHT + D + 13 * H, MIDNIGHT + D + 18 * H },
    { MIDNIGHT + 4 * D + 9 * H, MIDNIGHT + 4 * D + 12 * H },
};

static void an_absence_is_a_night_or_a_weekend_and_no_lunch(void **state)
{
    struct span away;
    (void)state;
    assert_true(brief_absence(week, 5, MIDNIGHT + 11 * H, &away));
    assert_int_equal(away.from_at, MIDNIGHT + 18 * H);
    assert_int_equal(away.until_at, MIDNIGHT + D + 9 * H);
    assert_true(brief_absence(week, 5, MIDNIGHT + D + 17 * H, &away));
    assert_int_equal(away.until_at - away.from_at, 63 * H); /* Friday evening to Monday morning */
    assert_true(brief_absence(week, 5, MIDNIGHT + 20 * H, &away)); /* it is on */
    assert_int_equal(away.from_at, MIDNIGHT + 20 * H);
    assert_false(brief_absence(week, 0, MIDNIGHT, &away));
    assert_int_equal(away.until_at, MIDNIGHT + D);
}

static void the_morning_speaks_since_the_last_stretch(void **state)
{
    (void)state;
    assert_int_equal(brief_since(week, 5, MIDNIGHT + D + 9 * H), MIDNIGHT + 18 * H);
    assert_int_equal(brief_since(week, 5, MIDNIGHT + D + 14 * H), MIDNIGHT + 18 * H);
    assert_int_equal(brief_since(week, 5, MIDNIGHT + 4 * D + 10 * H), MIDNIGHT + D + 18 * H);
    assert_int_equal(brief_since(week, 5, MIDNIGHT + 2 * D), MIDNIGHT + D + 18 * H); /* Saturday */
    assert_true(brief_is_morning(week, 5, MIDNIGHT + D + 9 * H));
    assert_true(brief_is_morning(week, 5, MIDNIGHT + D + 12 * H + 1)); /* lunch of a day till six */
    assert_false(brief_is_morning(week, 5, MIDNIGHT + D + 17 * H));
    assert_false(brief_is_morning(week, 5, MIDNIGHT + 23 * H + H / 2));
}

/* A fortnight of any hours: each stretch has one morning and one evening, in hours, the evening at its end. */
static void briefs_come_once_a_stretch_and_in_hours(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct span look[60];
        struct brief_wish w = { true, true, 0, 0 };
        struct prng luck;
        size_t n = 0, stretches = 0, mornings = 0, evenings = 0;
        usec_t next_at, end_at = MIDNIGHT + 14 * D;
        prng_init(&luck, seed, 1);
        for (usec_t at = MIDNIGHT + 6 * H; n < 60 && at < end_at;) {
            look[n].from_at = at;
            at += 10 * USEC_PER_MIN + (usec_t)prng_below(&luck, 8 * (uint64_t)H);
            look[n++].until_at = at;
            bool gap = prng_below(&luck, 2);
            at += gap ? BRIEF_GAP_US + (usec_t)prng_below(&luck, 40 * (uint64_t)H)
                      : USEC_PER_MIN + (usec_t)prng_below(&luck, 2 * (uint64_t)H);
        }
        for (size_t i = 0; i < n; i++)
            stretches += i == 0 || look[i].from_at - look[i - 1].until_at >= BRIEF_GAP_US;
        for (usec_t now_at = MIDNIGHT; now_at != USEC_NEVER; now_at = next_at) {
            enum brief_kind kind = brief_due(&w, look, n, now_at, &next_at);
            assert_true(next_at > now_at);
            if (kind == BRIEF_NONE)
                continue;
            bool open = false;
            usec_t ends_at = 0;
            for (size_t i = 0; i < n; i++) {
                open |= look[i].from_at <= now_at && now_at + BRIEF_MARGIN_US <= look[i].until_at;
                if (look[i].until_at > now_at && (!ends_at || look[i].from_at - ends_at < BRIEF_GAP_US))
                    ends_at = look[i].until_at;
                else if (ends_at)
                    break;
            }
            assert_true(open);
            if (kind == BRIEF_EVENING)
                assert_true(ends_at - now_at <= BRIEF_BEFORE_US);
            *(kind == BRIEF_MORNING ? &mornings : &evenings) += 1;
            *(kind == BRIEF_MORNING ? &w.morning_at : &w.evening_at) = now_at;
            next_at = now_at + USEC_PER_SEC;
        }
        assert_true(mornings <= stretches && evenings <= stretches);
        assert_true(evenings + 1 >= stretches - stretches / 3); /* a gap may cover the last half hour */
        assert_int_equal(mornings, stretches);
    }
}

static const struct brief_job jobs[] = {
    { BRIEF_RUNS, true, "12", "train", "kim", "RUNNING", "None", 2, 1, 3, MIDNIGHT + 10 * H,
      MIDNIGHT + 27 * H, MIDNIGHT + 33 * H, 0, 0, 0, NULL },
    { BRIEF_WAITS, false, "13", "other", "lee", "PENDING", "Priority", 1, 0, 0, MIDNIGHT + 20 * H,
      MIDNIGHT + 22 * H, MIDNIGHT + 33 * H, 0, 0, 0, NULL },
    { BRIEF_WAITS, true, "14", "eval", "kim", "PENDING", "JobHeldUser", 2, 0, 0, 0, 0, 0, 3 * H, 0, 0,
      NULL },
    { BRIEF_WAITS, true, "15", "large", "kim", "PENDING", "JobHeldUser", 4, 0, 0, 0, 0, 0, 0, 0, 0, NULL },
    { BRIEF_ENDED, true, "9", "prep", "kim", "FAILED", "NonZeroExitCode", 1, 2, 1, MIDNIGHT + 13 * H,
      MIDNIGHT + 14 * H, 0, 0, 3, 0, "one\ntwo\nthree\nfour\nfive\nsix\nNo space left\n" },
    { BRIEF_ENDED, true, "8", "base", "kim", "COMPLETED", "None", 4, 1, 15, MIDNIGHT + 2 * H,
      MIDNIGHT + 8 * H, 0, 0, 0, 0, NULL },
};
static const struct brief_todo todos[] = {
    { 20, "label 200 images", MIDNIGHT + 33 * H, MIDNIGHT + 35 * H, 0, false, false, false, "" },
    { 21, "look at job 8 (base)", MIDNIGHT + 17 * H, MIDNIGHT + 18 * H, 0, false, false, true, "8" },
    { 22, "sort the disk", 0, 0, 0, true, false, false, "" },
};

static struct brief evening(enum lang lang)
{
    return (struct brief){ .lang = lang, .zone = &seoul, .now_at = MIDNIGHT + 17 * H,
                           .span = { MIDNIGHT + 18 * H, MIDNIGHT + 33 * H }, .gpus = 15, .jobs = jobs,
                           .jobs_n = 6, .todos = todos, .todos_n = 3 };
}

static void the_night_adds_up(void **state)
{
    struct brief b = evening(LANG_EN);
    struct brief_night night;
    (void)state;
    brief_night(&b, &night);
    assert_int_equal(night.gpus_n, 4);
    assert_int_equal(night.all_us, 60 * H);
    assert_int_equal(night.empty_us, 60 * H - 2 * 9 * H - 2 * H); /* train till 03:00, other 20-22 */
    assert_int_equal(night.busy_until_at[0], MIDNIGHT + 27 * H);
    assert_int_equal(night.busy_until_at[2], MIDNIGHT + 22 * H);
    assert_int_equal(night.busy_until_at[3], 0);
    assert_int_equal(night.free_us[1], 15 * H);
    assert_int_equal(night.free_us[2], 11 * H);
    assert_int_equal(night.free_us[4], 6 * H);
    assert_true(brief_fits(&night, &b, &jobs[2]));
    assert_true(brief_fits(&night, &b, &jobs[3])); /* nobody knows how long: said with the stretch */
    assert_false(brief_fits(&night, &b, &jobs[1]));
    struct brief_job longer = jobs[2];
    longer.limit_us = 11 * H + 1;
    assert_false(brief_fits(&night, &b, &longer));
    longer.gpus = 5;
    assert_false(brief_fits(&night, &b, &longer));
}

/* Whatever stands there: empty and taken add up, and more GPUs at once are never free for longer. */
static void any_night_adds_up(void **state)
{
    struct prng luck;
    (void)state;
    prng_init(&luck, 4711, 0);
    for (int round = 0; round < 300; round++) {
        struct brief_job some[40];
        struct brief_night night;
        struct brief b = evening(LANG_EN);
        b.jobs = some;
        b.jobs_n = prng_u64(&luck) % 40;
        b.gpus = prng_u64(&luck) & 0xff;
        for (size_t i = 0; i < b.jobs_n; i++) {
            usec_t start_at = MIDNIGHT + (usec_t)(prng_u64(&luck) % 40) * H;
            some[i] = (struct brief_job){
                .stage = (enum brief_stage)(prng_u64(&luck) % 3), .id = "1", .name = "x", .owner = "y",
                .state = "PENDING", .reason = "None", .gpus = (uint32_t)(prng_u64(&luck) % 5),
                .gpu_mask = prng_u64(&luck) % 2 ? prng_u64(&luck) & 0xff : 0, .start_at = start_at,
                .end_at = prng_u64(&luck) % 8 ? start_at + (usec_t)(prng_u64(&luck) % 20) * H : 0 };
        }
        brief_night(&b, &night);
        assert_in_range(night.empty_us, 0, night.all_us);
        assert_int_equal(night.all_us, 15 * H * __builtin_popcountll(b.gpus));
        for (uint32_t n = 1; n <= night.gpus_n; n++) {
            assert_in_range(night.free_us[n], 0, 15 * H);
            if (n > 1)
                assert_true(night.free_us[n] <= night.free_us[n - 1]);
        }
        for (int gpu = 0; gpu < BRIEF_GPUS_MAX; gpu++)
            assert_true(night.busy_until_at[gpu] == 0 ||
                        (night.busy_until_at[gpu] > b.span.from_at &&
                         night.busy_until_at[gpu] <= b.span.until_at));
    }
}

static void has(const struct buf *out, const char *what)
{
    if (!out->ptr || !strstr(out->ptr, what))
        fail_msg("\"%s\" is not in:\n%s", what, out->ptr ? out->ptr : "");
}

static void the_evening_says_it(void **state)
{
    struct buf out;
    struct brief b = evening(LANG_EN);
    (void)state;
    buf_init(&out, 1 << 16);
    brief_evening(&out, &b);
    has(&out, "You stop looking 18:00 and can look again tomorrow 09:00, 15h later.\n");
    has(&out, "  12 train: runs, done about tomorrow 03:00, seen tomorrow 09:00\n");
    has(&out, "1 job of others runs or starts until then.\n");
    has(&out, "  GPU 0: busy until tomorrow 03:00\n");
    has(&out, "  GPU 3: nothing planned\n");
    has(&out, "  40.0 of 60.0 GPU-hours are still empty.\n");
    has(&out, "  14 eval: is held; \"eoul release 14\" lets it start\n");
    has(&out, "  9 prep: failed 14:00 (exit code 3); \"eoul requeue 9\" tries it again\n");
    has(&out, "  22 sort the disk: somebody asks you for it; \"eoul todo accept 22\"");
    has(&out, "  14 eval: 2 GPUs are free together for up to 11h");
    has(&out, "  21 look at job 8 (base): planned 17:00\n");
    assert_null(strstr(out.ptr, "lee"));   /* what others are called is no part of it */
    assert_null(strstr(out.ptr, "other:"));
    buf_clear(&out);
    b = evening(LANG_KO);
    brief_evening(&out, &b);
    has(&out, "GPU 시간");
    has(&out, "내일 09:00");
    assert_null(strstr(out.ptr, "eoul requeue 9\" tries"));
    buf_finish(&out);
}

static void who_is_always_there_has_no_absence(void **state)
{
    struct buf out;
    struct span day;
    struct brief b = evening(LANG_EN);
    const struct span always = { b.now_at - D, b.now_at + 14 * D };
    (void)state;
    assert_false(brief_absence(&always, 1, b.now_at, &day));
    assert_true(day.from_at == b.now_at && day.until_at == b.now_at + D); /* and not the day behind what is known */
    b.span = day;
    b.always_here = true;
    buf_init(&out, 1 << 16);
    brief_evening(&out, &b);
    has(&out, "Nothing is known of when you cannot look; this is until tomorrow ");
    assert_null(strstr(out.ptr, "You stop looking"));
    buf_finish(&out);
}

/* A task that failed, those held behind it, one of them a row for several, and a task of another array. */
static void held_tasks_are_said_once(void **state)
{
    struct buf out;
    struct brief b = evening(LANG_EN);
    enum brief_first why;
    const struct brief_job held = { .stage = BRIEF_WAITS, .mine = true, .id = "15_4", .name = "sweep", .owner = "kim",
                                    .state = "PENDING", .reason = "JobHeldFailures" };
    struct brief_job some[] = { jobs[0], held, held, held, held };
    (void)state;
    for (size_t i = 0; i < b.jobs_n; i++) /* the one that failed */
        if (strcmp(b.jobs[i].id, "9") == 0)
            some[0] = b.jobs[i];
    some[0].id = "15_3";
    some[2].id = "15_[5-20]";
    some[2].tasks = 16;
    some[3].id = "150_1";
    some[4].id = "15_21";
    b.jobs = some;
    b.jobs_n = sizeof some / sizeof some[0];
    assert_int_equal(brief_alike(&b, 1), 18);
    assert_int_equal(brief_alike(&b, 2), 0);
    assert_int_equal(brief_alike(&b, 3), 1);
    assert_int_equal(brief_alike(&b, 4), 0);
    assert_int_equal(brief_held_behind(&b, &some[0]), 18);
    buf_init(&out, 1 << 16);
    brief_evening(&out, &b);
    has(&out, "  15 sweep: 18 tasks are held because others of the array failed alike; \"eoul release 15\" lets them start\n");
    has(&out, "  150_1 sweep: is held because tasks of its array failed alike; mend it, then \"eoul release 150_1\"\n");
    assert_null(strstr(out.ptr, "15_4"));
    buf_clear(&out);
    b.span = (struct span){ MIDNIGHT, b.now_at };
    assert_int_equal(brief_first(&b, &why), 0);
    assert_int_equal(why, BRIEF_FIRST_HOLDS);
    b.without_commands = true;
    brief_morning(&out, &b);
    has(&out, "  15_3 prep: it failed (exit code 3), and 18 tasks of its array are held until that is mended\n");
    has(&out, "Held\n  15 sweep: 18 tasks are held because others of the array failed alike\n");
    buf_finish(&out);
}

static void the_morning_says_it(void **state)
{
    struct buf out;
    struct brief b = evening(LANG_EN);
    enum brief_first why;
    (void)state;
    b.span = (struct span){ MIDNIGHT, b.now_at };
    buf_init(&out, 1 << 16);
    brief_morning(&out, &b);
    has(&out, ": 1 finished, 1 failed, 1 tried again.\n");
    has(&out, "Look first at\n  9 prep: it failed (exit code 3), and nothing tries it again by itself\n");
    has(&out, "    | three\n    | four\n    | five\n    | six\n    | No space left\n");
    assert_null(strstr(out.ptr, "| two"));
    has(&out, "  8 base: 08:00, after 6h");
    has(&out, "  9 prep: attempt 2 ended as said above\n");
    has(&out, "  12 train: done about tomorrow 03:00\n");
    /* without the failure, what somebody is to look at goes first; without a todo, what cost most */
    struct brief_job fine[] = { jobs[5], jobs[5] };
    fine[1].id = "7";
    fine[1].start_at -= H;
    b.jobs = fine;
    b.jobs_n = 2;
    assert_int_equal(brief_first(&b, &why), 0);
    assert_int_equal(why, BRIEF_FIRST_REVIEW);
    b.todos_n = 0;
    assert_int_equal(brief_first(&b, &why), 1);
    assert_int_equal(why, BRIEF_FIRST_LONGEST);
    buf_finish(&out);
}

/* Thursday; the line comes with the brief that looks back over a Monday, if there is anything to tell. */
static void once_a_week_it_says_what_agreeing_would_bring(void **state)
{
    struct buf out;
    struct brief b = evening(LANG_EN);
    (void)state;
    b.would = 12;
    b.right = 11;
    b.span = (struct span){ MIDNIGHT - 3 * D - H, MIDNIGHT - 3 * D + 9 * H }; /* Sunday 23:00 to Monday 09:00 */
    b.now_at = b.span.until_at;
    buf_init(&out, 1 << 16);
    brief_morning(&out, &b);
    has(&out, "\nHad you agreed to later starts, 12 of your last runs would have begun later; 11 of them you would have seen no "
              "later. \"eoul me defer yes\" agrees.\n");
    b.without_commands = true;
    buf_clear(&out);
    brief_morning(&out, &b);
    has(&out, "seen no later.\n");
    assert_null(strstr(out.ptr, "defer yes"));
    b.span.from_at = MIDNIGHT - 3 * D; /* Monday 00:00: the week had begun */
    buf_clear(&out);
    brief_morning(&out, &b);
    assert_null(strstr(out.ptr, "agreed"));
    b.span.from_at -= D;
    b.would = 0; /* they agreed, or there was nothing */
    buf_clear(&out);
    brief_morning(&out, &b);
    assert_null(strstr(out.ptr, "agreed"));
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absence_is_a_night_or_a_weekend_and_no_lunch),
        cmocka_unit_test(the_morning_speaks_since_the_last_stretch),
        cmocka_unit_test(briefs_come_once_a_stretch_and_in_hours),
        cmocka_unit_test(the_night_adds_up),
        cmocka_unit_test(any_night_adds_up),
        cmocka_unit_test(the_evening_says_it),
        cmocka_unit_test(who_is_always_there_has_no_absence),
        cmocka_unit_test(held_tasks_are_said_once),
        cmocka_unit_test(the_morning_says_it),
        cmocka_unit_test(once_a_week_it_says_what_agreeing_would_bring),
    };
    return cmocka_run_group_tests(tests, load_zone, NULL);
}
