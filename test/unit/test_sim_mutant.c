/* test_sim_mutant.c - a journal written by the sound core, recomputed by one with a planted bug: the
 * replay must say where they part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/mutant.h"
#include "sim/replay.h"
#include "sim/week.h"

#define SEEDS 20 /* so many journals at most until a planted bug shows */

static char *journal_of(uint64_t seed, size_t *ret_len)
{
    char *text = NULL;
    struct week_result result;
    FILE *out = open_memstream(&text, ret_len);
    struct week_options week = { .seed = seed, .journal = out };
    assert_true(week_run(&week, &result));
    assert_int_equal(fclose(out), 0);
    return text;
}

static void every_planted_bug_fails_the_replay(void **state)
{
    bool caught[MUTANT_BY_ITSELF_MAX + 1] = { false };
    uint32_t missed = MUTANT_BY_ITSELF_MAX;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS && missed; seed++) {
        size_t len;
        char *text = journal_of(seed, &len);
        for (uint32_t m = 0; m <= MUTANT_BY_ITSELF_MAX; m++) {
            struct err err = { 0 };
            struct replay_result result;
            if (caught[m] || m == MUTANT_START_TWICE)
                continue;
            int r = replay_text((struct str){ text, len }, m, &result, &err);
            if (m == MUTANT_NONE) {
                assert_int_equal(r, 0);
            } else if (r < 0) {
                assert_true(result.seq > 0);
                caught[m] = true;
                missed--;
            }
        }
        free(text);
    }
    /* a start announced twice changes no state and so no hash: the rule start-once has it instead */
    assert_int_equal(missed, 1);
    assert_false(caught[MUTANT_START_TWICE]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_planted_bug_fails_the_replay) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
