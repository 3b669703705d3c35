/* rules.h - recurrence rules made by luck, through our stepper and through libical 3.0.
 *
 * The two were written apart, so what both say is likely right.  Asked is only what libical 3.0 can be trusted
 * with: rules_make() leaves out, and says why, where it is known to be wrong or where the standard leaves a choice
 * (doc/calendars.md).  Luck is a seeded generator (unit test) or a fuzzer's bytes.
 */
#ifndef EOUL_TEST_RULES_H
#define EOUL_TEST_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/prng.h"

#define RULES_VALUES 30

struct rule_luck {
    struct prng *prng; /* NULL: the bytes, and zeros behind them */
    const uint8_t *bytes;
    size_t left;
};
uint64_t rule_below(struct rule_luck *l, uint64_t n);

struct rules_case {
    char text[512];
    int64_t start_s;
    int64_t ours[RULES_VALUES], theirs[RULES_VALUES];
    unsigned n, m;  /* values of each */
    bool compared;  /* false: it gives nothing, or is over the budget of steps */
};

void rules_make(struct rule_luck *luck, struct buf *b);
/* NULL: both say the same, or there was nothing to compare; else what is wrong, in a word. */
const char *rules_compare(struct rule_luck *luck, struct rules_case *ret);

#endif
