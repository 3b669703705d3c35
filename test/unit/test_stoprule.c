/* Which points of a sweep are given up: the pure part of the stop rule. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "daemon/stoprule.h"

/* Values of points 1, 2, ...; who is to stop, worst first. */
static void worst_of(const double *values, uint32_t n, uint32_t share_ppm, bool maximize, const char *want)
{
    struct stop_point p[32];
    char got[256] = "";
    for (uint32_t i = 0; i < n; i++)
        p[i] = (struct stop_point){ i + 1, values[i] };
    uint32_t k = stoprule_worst(p, n, share_ppm, maximize);
    for (uint32_t i = 0; i < k; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%u", i ? " " : "", p[i].job);
    assert_string_equal(got, want);
}

static void the_worst_come_first(void **state)
{
    (void)state;
    worst_of((double[]){ 1, 2, 3, 4 }, 4, 500000, false, "4 3");
    worst_of((double[]){ 1, 2, 3, 4 }, 4, 500000, true, "1 2");
    worst_of((double[]){ 1, 2, 3, 4, 5 }, 5, 500000, false, "5 4");
    worst_of((double[]){ 1, 2, 3 }, 3, 900000, false, "");        /* too few to know what is usual */
    worst_of((double[]){ 1, 2, 3, 4 }, 4, 200000, false, "");     /* a fifth of four is nobody */
    worst_of((double[]){ 7, 7, 7, 7 }, 4, 500000, false, "4 3");  /* alike: the later ones */
    worst_of((double[]){ 1, NAN, INFINITY, 2 }, 4, 500000, false, "2 3");
    worst_of((double[]){ 1, NAN, -INFINITY, 2 }, 4, 500000, true, "2 3");
}

/* In whatever order they are given. */
static void order_does_not_matter(void **state)
{
    struct prng luck;
    (void)state;
    prng_init(&luck, 7, 1);
    for (int round = 0; round < 1000; round++) {
        struct stop_point a[20], b[20];
        uint32_t n = (uint32_t)(4 + prng_below(&luck, 17));
        for (uint32_t i = 0; i < n; i++)
            a[i] = b[n - 1 - i] = (struct stop_point){ i + 1, prng_below(&luck, 8) ? (double)prng_below(&luck, 5) : NAN };
        uint32_t share = (uint32_t)prng_below(&luck, 1000000);
        bool maximize = prng_below(&luck, 2);
        uint32_t k = stoprule_worst(a, n, share, maximize);
        assert_int_equal(k, stoprule_worst(b, n, share, maximize));
        assert_true(k < n);
        for (uint32_t i = 0; i < n; i++)
            assert_int_equal(a[i].job, b[i].job);
    }
}

static void values_by_name(void **state)
{
    struct str text;
    double v;
    (void)state;
    struct str two = STR("loss=0.5\nacc=0.9\nnote=x\n");
    assert_true(stoprule_value(two, STR("acc"), &text, &v) && v > 0.89 && v < 0.91);
    assert_true(stoprule_value(two, STR(""), &text, &v) && v > 0.49 && v < 0.51);
    assert_true(str_is(text, "0.5"));
    assert_false(stoprule_value(two, STR("note"), &text, &v));
    assert_false(stoprule_value(two, STR("los"), &text, &v));
    assert_false(stoprule_value(STR(""), STR(""), &text, &v));
    assert_true(stoprule_value(STR("a=-nan"), STR("a"), &text, &v) && v != v);
    assert_true(stoprule_value(STR("a=inf"), STR("a"), &text, &v) && v > 1e300);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_worst_come_first),
                                        cmocka_unit_test(order_does_not_matter), cmocka_unit_test(values_by_name) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
