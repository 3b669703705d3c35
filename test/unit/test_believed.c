/* A clock that is wrong for a while deletes nothing; one that stays is believed in the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/believed.h"

#define H USEC_PER_HOUR
#define D USEC_PER_DAY
#define YEAR (365 * D)
#define START (20000 * D) /* 2024, and a machine that has run for three days */
#define BOOT (3 * D)

static void small_steps_are_followed(void **state)
{
    struct believed b;
    (void)state;
    believed_begin(&b, START - 7 * D, START, BOOT);
    assert_true(believed_now(&b, START + H, BOOT + H) == START + H);
    assert_true(believed_now(&b, START + 3 * H, BOOT + 2 * H) == START + 3 * H); /* an hour forward */
    assert_true(believed_now(&b, START + 2 * H, BOOT + 3 * H) == START + 2 * H); /* and back */
}

static void a_wrong_hour_deletes_nothing(void **state)
{
    struct believed b;
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        believed_begin(&b, START, START, BOOT);
        for (int h = 1; h < 12; h++)
            assert_true(believed_now(&b, START + sign * YEAR + h * H, BOOT + h * H) == START + h * H);
        assert_true(believed_now(&b, START + 12 * H, BOOT + 12 * H) == START + 12 * H); /* it is right again */
        assert_true(believed_now(&b, START + sign * YEAR + 13 * H, BOOT + 13 * H) == START + 13 * H);
        assert_true(believed_now(&b, START + 2 * sign * YEAR + 20 * H, BOOT + 20 * H) == START + 20 * H); /* another */
        assert_true(believed_now(&b, START + 2 * sign * YEAR + 31 * H, BOOT + 31 * H) == START + 31 * H);
        assert_true(believed_now(&b, START + 2 * sign * YEAR + 32 * H, BOOT + 32 * H) == START + 2 * sign * YEAR + 32 * H);
    }
}

static void a_start_far_from_the_last_event_is_doubted(void **state)
{
    struct believed b;
    (void)state;
    believed_begin(&b, 0, START, BOOT); /* nothing to compare with */
    assert_true(believed_now(&b, START + H, BOOT + H) == START + H);
    believed_begin(&b, START, START + YEAR, BOOT);
    assert_true(believed_now(&b, START + YEAR + H, BOOT + H) == START + H);
    assert_true(believed_now(&b, START + YEAR + 12 * H, BOOT + 12 * H) == START + 12 * H);
    assert_true(believed_now(&b, START + YEAR + 13 * H, BOOT + 13 * H) == START + YEAR + 13 * H); /* it was off so long */
    believed_begin(&b, START, START - YEAR, BOOT); /* a battery that is empty */
    assert_true(believed_now(&b, START - YEAR + H, BOOT + H) == START - YEAR + H);
    assert_true(believed_now(&b, START + 2 * H, BOOT + 2 * H) == START - YEAR + 2 * H); /* the network knows, and is doubted */
    assert_true(believed_now(&b, START + 14 * H, BOOT + 14 * H) == START + 14 * H);
    believed_begin(&b, START + YEAR, START, BOOT); /* something was written while the clock was ahead */
    assert_true(believed_now(&b, START + H, BOOT + H) == START + H);
}

/* What people are told meanwhile. */
static void a_doubt_is_told_until_it_is_over(void **state)
{
    struct believed b;
    (void)state;
    believed_begin(&b, START, START, BOOT);
    assert_true(believed_doubt_us(&b, START + 5 * H, BOOT + 4 * H) == 0); /* an hour is none */
    for (int sign = -1; sign <= 1; sign += 2) {
        believed_begin(&b, START, START, BOOT);
        assert_true(believed_doubt_us(&b, START + sign * YEAR + H, BOOT + H) == sign * YEAR); /* at once */
        for (int h = 1; h < 13; h++) {
            (void)believed_now(&b, START + sign * YEAR + h * H, BOOT + h * H);
            assert_true(believed_doubt_us(&b, START + sign * YEAR + h * H, BOOT + h * H) == sign * YEAR);
            assert_true(believed_doubt_us(&b, START + h * H, BOOT + h * H) == 0); /* it was set right */
        }
        (void)believed_now(&b, START + sign * YEAR + 13 * H, BOOT + 13 * H);
        assert_true(believed_doubt_us(&b, START + sign * YEAR + 14 * H, BOOT + 14 * H) == 0); /* it was right */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_steps_are_followed),
        cmocka_unit_test(a_wrong_hour_deletes_nothing),
        cmocka_unit_test(a_start_far_from_the_last_event_is_doubted),
        cmocka_unit_test(a_doubt_is_told_until_it_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
