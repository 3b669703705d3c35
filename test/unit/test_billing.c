/* test_billing.c - what a kWh costs at an instant: holidays, zones, and tariffs that are not whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cal/civil.h"
#include "cal/zone_load.h"
#include "energy/billing.h"
#include "energy/powercap.h"
#include "i18n/tr.h"

static struct zone zone_of(const char *name)
{
    struct zone z;
    struct err err = { 0 };
    assert_int_equal(zone_load(str_of(name), &z, NULL, &err), 0);
    return z;
}

/* Seconds of a local time. */
static int64_t at(const struct zone *z, int year, int month, int day, int hour)
{
    return zone_edge_utc_s(z, civil_day(year, month, day) * CIVIL_DAY_S + hour * 3600);
}

/* A day inside Chuseok and one inside Seollal, a substitute holiday and a temporary one, each a weekday, beside the same
 * weekday of another week. */
static void holidays_bill_as_sundays(void **state)
{
    (void)state;
    struct err err = { 0 };
    struct billing *b = NULL;
    struct zone seoul = zone_of("Asia/Seoul");
    static const struct { int year, month, day, hour; int64_t milli; } cases[] = {
        { 2024, 9, 16, 14, 0 }, { 2024, 9, 18, 14, 0 }, /* Chuseok: before the first date, its prices */
        { 2026, 2, 16, 14, 0 }, { 2026, 2, 17, 14, 0 }, { 2026, 2, 18, 14, 0 }, /* Seollal */
        { 2026, 9, 24, 14, 0 }, { 2026, 9, 25, 14, 0 }, /* Chuseok */
        { 2026, 3, 2, 14, 0 },  /* in place of 1 March, a Sunday */
        { 2024, 10, 1, 14, 1 }, /* temporary: a working day to the tariff */
        { 2026, 9, 23, 14, 1 }, { 2026, 9, 28, 14, 1 }, { 2026, 2, 19, 14, 1 },
    };
    assert_int_equal(billing_load(BILLING_BUILT_IN, &b, &err), 0);
    assert_string_equal(b->trouble, "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t date = (uint32_t)(cases[i].year * 10000 + cases[i].month * 100 + cases[i].day);
        uint32_t weekday = (uint32_t)civil_weekday(civil_day(cases[i].year, cases[i].month, cases[i].day));
        int64_t t = at(&seoul, cases[i].year, cases[i].month, cases[i].day, cases[i].hour);
        int64_t sunday = tariff_milli(&b->tariff, date, 6, (uint32_t)cases[i].hour);
        int64_t own = tariff_milli(&b->tariff, date, weekday, (uint32_t)cases[i].hour);
        assert_true(own > sunday);
        assert_int_equal(billing_milli(b, &seoul, t), cases[i].milli ? own : sunday);
    }
    billing_destroy(b);
}

/* Steps, and the price of each quarter of an hour asked for alone, are the same, across changes of the clock too. */
static void steps_follow_the_clock(void **state)
{
    (void)state;
    struct err err = { 0 };
    static const struct { const char *zone; int month, day, days; } cases[] = {
        { "Europe/Berlin", 3, 27, 4 }, { "Europe/Berlin", 10, 23, 4 }, { "Asia/Kolkata", 6, 1, 3 },
        { "Australia/Lord_Howe", 4, 3, 4 }, { "Asia/Seoul", 9, 21, 7 },
    };
    struct billing *b = NULL;
    assert_int_equal(billing_load(BILLING_BUILT_IN, &b, &err), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct zone z = zone_of(cases[i].zone);
        struct tariff_step at_[256];
        struct tariff_steps steps = { at_, 0, 256 };
        int64_t from = at(&z, 2026, cases[i].month, cases[i].day, 0), until = from + cases[i].days * CIVIL_DAY_S;
        assert_int_equal(billing_steps(b, &z, from, until, &steps), until);
        for (int64_t t = from; t < until; t += 300) {
            uint32_t k = steps.n;
            while (k > 1 && at_[k - 1].from_s > t)
                k--;
            assert_int_equal(at_[k - 1].price_milli, billing_milli(b, &z, t));
        }
        for (uint32_t k = 1; k < steps.n; k++) /* they begin at whole local hours */
            assert_int_equal(zone_to_local_s(&z, at_[k].from_s) % 3600, 0);
    }
    billing_destroy(b);
}

/* The night of 29 March has 23 hours in Berlin, that of 25 October 25. */
static void a_night_is_as_long_as_it_is(void **state)
{
    (void)state;
    struct err err = { 0 };
    struct billing *b = calloc(1, sizeof *b);
    struct zone berlin = zone_of("Europe/Berlin");
    static const struct { int month, day, hours; } cases[] = { { 3, 28, 7 }, { 3, 29, 8 }, { 10, 24, 9 }, { 6, 1, 8 } };
    assert_non_null(b);
    buf_init(&b->text, 16);
    assert_int_equal(tariff_parse(str_of("currency EUR\nfrom 2026-01-01\n1-12 daily 0-24 0.3\n1-12 daily 22-06 0.2\n"),
                                  &b->tariff, &err), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t t = at(&berlin, 2026, cases[i].month, cases[i].day, 12);
        int cheap = 0;
        for (int q = 0; q < 24 * 4; q++, t += 900)
            cheap += billing_milli(b, &berlin, t) == 200;
        assert_int_equal(cheap, 4 * cases[i].hours);
    }
    billing_destroy(b);
}

static void the_list_of_holidays_may_end(void **state)
{
    (void)state;
    struct err err = { 0 };
    struct billing *b = NULL;
    struct zone seoul = zone_of("Asia/Seoul");
    assert_int_equal(billing_load(BILLING_BUILT_IN, &b, &err), 0);
    billing_check_holidays(b, &seoul, at(&seoul, 2027, 1, 1, 0), NULL);
    assert_string_equal(b->trouble, "");
    billing_check_holidays(b, &seoul, at(&seoul, 2027, 1, 1, 1), NULL);
    assert_string_equal(b->trouble, "The list of public holidays (KR) ends with 2026-12-31; later ones are billed as their "
                                    "weekdays.");
    billing_destroy(b);
}

/* What is wrong with each, in one sentence, in both languages. */
static void tariffs_that_are_not_whole(void **state)
{
    (void)state;
#define HEAD "currency EUR\nfrom 2026-01-01\n"
    static const struct { const char *text, *says; } cases[] = {
        { HEAD "1-12 daily 22-08 1\n1-12 daily 8-21 2\n", "has no price for month 1, mon, 21:00." },
        { HEAD "1-11 daily 0-24 1\n", "has no price for month 12, mon, 00:00." },
        { HEAD "1-12 mon-sat 0-24 1\n", "has no price for month 1, sun, 00:00." },
        { HEAD "1-12 daily 0-24 1\nfrom 2026-07-01\n7-6 mon-fri 0-24 1\n", "The tariff from 2026-07-01 has no price" },
        { HEAD "1-13 daily 0-24 1\n", "Line 3 of the tariff should be" },
        { HEAD "summer daily 0-24 1\n", "Line 3 of the tariff should be" },
        { HEAD "1-12 daily 0-25 1\n", "Line 3 of the tariff should be" },
        { HEAD "1-12 daily 0-24 cheap\n", "Line 3 of the tariff should be" },
        { HEAD "1-12 daily 0-24 100000.001\n", "Line 3 of the tariff: a kWh costs at most 100000" },
        { HEAD "1-12 daily 0-24 -200000\n", "Line 3 of the tariff: a kWh costs at most 100000" },
        { HEAD "6-8 mon-fri 8-15 2\n1-12 daily 0-24 1\n", "Line 3 of the tariff has no effect: line 4 gives" },
        { HEAD "1-12 daily 0-24 1\n6 mon 8-10 2\n6 mon 8-9 3\n6 mon 9-10 3\n", "Line 4 of the tariff has no effect: line 6" },
        { "currency EUR\nfrom 2026-02-30\n1-12 daily 0-24 1\n", "Line 2 of the tariff: \"from\" needs a date" },
        { HEAD "1-12 daily 0-24 1\nfrom 2025-01-01\n1-12 daily 0-24 1\n", "Line 4 of the tariff: its date is not after" },
        { "currency EUR\n1-12 daily 0-24 1\n", "Line 2 of the tariff: a \"from DATE\" must come before prices." },
        { "from 2026-01-01\n1-12 daily 0-24 1\n", "A tariff needs a line \"currency\"" },
        { "", "A tariff needs a line \"currency\"" },
    };
    static struct tariff t;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = { 0 }, korean = { .translate = tr_of(LANG_KO) };
        assert_true(tariff_parse(str_of(cases[i].text), &t, &err) < 0);
        if (!strstr(err.text, cases[i].says))
            fail_msg("\"%s\" should say \"%s\"", err.text, cases[i].says);
        assert_true(tariff_parse(str_of(cases[i].text), &t, &korean) < 0);
        assert_string_not_equal(korean.text, err.text);
    }
}

/* Exceptions that leave the general line some hour are as they should be, also when they overlap. */
static void later_lines_win(void **state)
{
    (void)state;
    struct err err = { 0 };
    static struct tariff t;
    assert_int_equal(tariff_parse(str_of("currency EUR\nfrom 2026-01-01\n1-12 daily 0-24 1\n6-8 mon-fri 8-15 2\n"
                                         "6-8 mon-fri 12-18 3\n"), &t, &err), 0);
    assert_int_equal(tariff_milli(&t, 20260701, 2, 11), 2000);
    assert_int_equal(tariff_milli(&t, 20260701, 2, 12), 3000);
    assert_int_equal(tariff_milli(&t, 20260701, 2, 18), 1000);
    assert_int_equal(tariff_milli(&t, 20260901, 1, 12), 1000);
}

static void a_file_that_is_not_there(void **state)
{
    (void)state;
    struct err err = { 0 };
    struct billing *b = NULL;
    assert_true(billing_load("/nowhere/at-all", &b, &err) < 0);
    assert_null(b);
    assert_string_equal(err.text, "The tariff \"/nowhere/at-all\" cannot be opened: No such file or directory.");
}

/* A cap on power, as it is written. */
static void caps_by_hour(void **state)
{
    (void)state;
    struct err err = { 0 };
    struct powercap p;
    struct zone seoul = zone_of("Asia/Seoul");
    static const struct { int day, hour; int64_t w; } cases[] = { /* 1 June 2026 is a Monday */
        { 1, 9, 6000 }, { 1, 10, 4000 }, { 1, 12, 6000 }, { 1, 13, 4000 }, { 1, 23, 3500 }, { 2, 1, 3500 }, { 2, 2, 6000 },
        { 6, 11, 6000 },
    };
    assert_int_equal(powercap_parse(str_of("6 kW; 4kW Mon-Fri 10:00-12:00,13:00-18:00; 3.5 kW Mon 22:00-02:00"), &p, &err), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(powercap_mw(&p, &seoul, at(&seoul, 2026, 6, cases[i].day, cases[i].hour)), cases[i].w * 1000);
    struct tariff_step steps_[64];
    struct tariff_steps steps = { steps_, 0, 64 };
    int64_t from = at(&seoul, 2026, 6, 1, 0);
    assert_int_equal(powercap_steps(&p, &seoul, from, from + CIVIL_DAY_S, &steps), from + CIVIL_DAY_S);
    assert_int_equal(steps.n, 6);
    assert_int_equal(steps_[1].from_s, from + 10 * 3600);
    assert_int_equal(powercap_parse(str_of("4500 W"), &p, &err), 0);
    assert_int_equal(p.base_mw, 4500000);
    static const char *const wrong[] = { "", "6", "kW", "6 kVA", "0 W", "1001 kW", "6 kW Mon 10-12", "6 kW; 4 kW",
                                         "6 kW; Mon 10-12", "6 kW; 4 kW Mon 10", "-6 kW", "6.1234 kW" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err korean = { .translate = tr_of(LANG_KO) };
        err.text[0] = '\0';
        assert_true(powercap_parse(str_of(wrong[i]), &p, &err) < 0);
        assert_true(powercap_parse(str_of(wrong[i]), &p, &korean) < 0);
        assert_true(err.text[0] && strcmp(err.text, korean.text) != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holidays_bill_as_sundays),
        cmocka_unit_test(steps_follow_the_clock),
        cmocka_unit_test(a_night_is_as_long_as_it_is),
        cmocka_unit_test(the_list_of_holidays_may_end),
        cmocka_unit_test(tariffs_that_are_not_whole),
        cmocka_unit_test(later_lines_win),
        cmocka_unit_test(a_file_that_is_not_there),
        cmocka_unit_test(caps_by_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
