/* sha256.h - SHA-256 (FIPS 180-4) and HMAC (RFC 2104) over it: signing what leaves, and keeping only the
 * hash of what is secret.  Not for passwords, which want a slow hash. */
#ifndef EOUL_BASE_SHA256_H
#define EOUL_BASE_SHA256_H

#include <stdint.h>

#include "base/str.h"

#define SHA256_BYTES 32
#define SHA256_HEX (2 * SHA256_BYTES + 1)

struct sha256 {
    uint32_t h[8];
    uint64_t len; /* bytes so far */
    uint8_t block[64];
};
void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, struct str bytes);
void sha256_end(struct sha256 *s, uint8_t ret[SHA256_BYTES]);

void hmac_sha256(struct str key, struct str message, uint8_t ret[SHA256_BYTES]);
/* 64 small letters and a NUL. */
void sha256_hex(const uint8_t digest[SHA256_BYTES], char ret[SHA256_HEX]);

#endif
