/* hash.c - see hash.h. */
#include "base/hash.h"

#include <string.h>

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    hash = hash_mix(hash, len);
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        hash = hash_mix(hash, word);
    }
    uint64_t tail = 0;
    for (size_t i = 0; i < len; i++)
        tail |= (uint64_t)at[i] << (8 * i);
    return hash_mix(hash, tail);
}

void hash_long_add(struct hash_long *h, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t word[4];
    h->len += len;
    for (; len >= HASH_LONG_STEP; at += HASH_LONG_STEP, len -= HASH_LONG_STEP) {
        memcpy(word, at, sizeof word);
        for (int i = 0; i < 4; i++) {
            uint64_t sum = h->sum[i] + word[i] * 0xc2b2ae3d27d4eb4fu;
            h->sum[i] = (sum << 31 | sum >> 33) * 0x9e3779b185ebca87u;
        }
    }
    if (len)
        h->tail = hash_bytes(1, at, len);
}

uint64_t hash_long_end(const struct hash_long *h, uint64_t hash)
{
    hash = hash_mix(hash, h->len);
    for (int i = 0; i < 4; i++)
        hash = hash_mix(hash, h->sum[i]);
    return hash_mix(hash, h->tail);
}
