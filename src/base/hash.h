/* hash.h - 64-bit mixing for tables and for the running hash of the core.
 * Finaliser of SplitMix64/MurmurHash3; FNV-1a style feeding.  Not cryptographic: a journal's hash
 * tells an accident, not an attacker.  Pure. */
#ifndef EOUL_BASE_HASH_H
#define EOUL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t hash_u64(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline uint64_t hash_mix(uint64_t hash, uint64_t value)
{
    return hash_u64(hash ^ (value + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2)));
}

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len);

/* For megabytes, in pieces: four sums side by side, as XXH64 has them (its rounds, not its result).  Every
 * piece but the last must be a multiple of HASH_LONG_STEP bytes. */
#define HASH_LONG_STEP 32
struct hash_long { /* zeroed: ready */
    uint64_t sum[4];
    uint64_t len;
    uint64_t tail; /* of what is behind the last whole step */
};
void hash_long_add(struct hash_long *h, const void *bytes, size_t len);
uint64_t hash_long_end(const struct hash_long *h, uint64_t hash);

#endif
