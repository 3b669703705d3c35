/* fuzz_rrule.c - recurrence rules made of the fuzzer's bytes: our stepper and libical 3.0 must say the same. */
#include <stdio.h>
#include <stdlib.h>

#include "test/lib/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rule_luck luck = { .bytes = data, .left = size };
    struct rules_case c;
    const char *wrong = rules_compare(&luck, &c);
    if (!wrong)
        return 0;
    fprintf(stderr, "%s: %s from %lld: %u values here, %u there\n", wrong, c.text, (long long)c.start_s, c.n, c.m);
    abort();
}
