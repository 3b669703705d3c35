/* decimal.h - exact decimal numbers as people write them: m x 10^e.
 *
 * Values of a sweep are text that a program will read, so 0..1:0.1 must give 0.3 and never
 * 0.30000000000000004.  At most 18 significant digits.  Pure.
 */
#ifndef EOUL_SPEC_DECIMAL_H
#define EOUL_SPEC_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct decimal {
    int64_t m;
    int32_t e;
    bool whole; /* written without a point or an exponent */
};

/* "3", "-0.5", "1e-4", ".5"; 0 or E_INVALID. */
int decimal_parse(struct str text, struct decimal *ret);
/* The shortest of the usual forms: 0.25, 1000, 1e-05. */
void decimal_print(struct buf *out, struct decimal d);
double decimal_double(struct decimal d);
/* Both over one power of ten; false: they are too far apart. */
bool decimal_align(struct decimal *a, struct decimal *b);

#endif
