/* prng.h - seeded luck: SplitMix64 for seeding, xoshiro256** for the stream.
 * Source of both: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2021).
 * Pure and portable: the same seed and stream give the same numbers everywhere.  Not for secrets. */
#ifndef EOUL_BASE_PRNG_H
#define EOUL_BASE_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t s[4];
};

void prng_init(struct prng *p, uint64_t seed, uint64_t stream);
uint64_t prng_u64(struct prng *p);
/* Uniform in [0, bound); bound > 0; unbiased (Lemire 2019). */
uint64_t prng_below(struct prng *p, uint64_t bound);

#endif
