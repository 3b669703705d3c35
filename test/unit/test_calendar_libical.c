/* test_calendar_libical.c - generated rules through our stepper and through libical 3.0 (test/lib/rules.h).
 *
 * Each disagreement prints the rule; there is a seed, so the same rules come every time.  The fuzz target
 * fuzz_rrule asks the same without end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "cal/ics.h"
#include "test/lib/rules.h"

#define RULES 8000

static void show(const struct rules_case *c)
{
    char when[3][24];
    struct buf w;
    unsigned i = 0;
    while (i < c->n && i < c->m && c->ours[i] == c->theirs[i])
        i++;
    const int64_t values[3] = { c->start_s, i < c->n ? c->ours[i] : 0, i < c->m ? c->theirs[i] : 0 };
    for (int k = 0; k < 3; k++) {
        buf_init_fixed(&w, when[k], 24);
        ics_print_when(&w, (struct ics_when){ values[k], ICS_FLOATING });
    }
    print_error("%s from %s: value %u is %s here (%u), %s there (%u)\n", c->text, when[0], i, when[1], c->n,
                when[2], c->m);
}

static void generated_rules_agree_with_libical(void **state)
{
    (void)state;
    struct prng prng;
    struct rule_luck luck = { .prng = &prng };
    unsigned differ = 0, compared = 0;
    const char *seed = getenv("EOUL_RULES_SEED"); /* make night: others */
    prng_init(&prng, seed ? strtoull(seed, NULL, 10) : 20261124, 0);
    for (int round = 0; round < RULES; round++) {
        struct rules_case c;
        const char *wrong = rules_compare(&luck, &c);
        compared += c.compared;
        if (wrong && differ++ < 20)
            show(&c);
    }
    print_message("%u rules compared, %u differ\n", compared, differ);
    assert_true(compared > RULES / 2);
    assert_int_equal(differ, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(generated_rules_agree_with_libical) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
