/* buf.h - bytes being built, born with their maximum.
 *
 * A buf either grows on the heap up to `max` (buf_init) or fills memory the caller lends
 * (buf_init_fixed: no allocation, usable by pure code).  The first failure sticks: later additions do
 * nothing and buf_finish-time code checks b->failed once (E_TOO_LARGE or E_NO_MEMORY), so building
 * reads straight down.  b->ptr is always NUL-terminated after a successful addition (the NUL is not
 * counted in len).  buf_finish frees what buf_init's buf grew and accepts NULL or a zeroed buf;
 * buf_clear keeps the memory for reuse.
 */
#ifndef EOUL_BASE_BUF_H
#define EOUL_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf {
    char *ptr;
    size_t len;
    size_t size;  /* bytes at ptr */
    size_t max;   /* len never exceeds this */
    int failed;   /* 0, E_TOO_LARGE or E_NO_MEMORY */
    bool fixed;
};

void buf_init(struct buf *b, size_t max);
void buf_init_fixed(struct buf *b, void *memory, size_t size);
void buf_finish(struct buf *b);
void buf_clear(struct buf *b);

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_str(struct buf *b, struct str s);
void buf_c(struct buf *b, const char *c_string);
void buf_char(struct buf *b, char c);
void buf_u64(struct buf *b, uint64_t value);
void buf_i64(struct buf *b, int64_t value);
void buf_hex64(struct buf *b, uint64_t value); /* 16 digits */
/* printf; not for pure code (locale, and a libc call the purity check refuses). */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* Room for `len` more bytes at the end, to be written by the caller and counted by buf_added;
 * NULL if there is none. */
void *buf_reserve(struct buf *b, size_t len);
void buf_added(struct buf *b, size_t len);

/* Drop `len` bytes from the front. */
void buf_consume(struct buf *b, size_t len);

struct str buf_look(const struct buf *b); /* valid until the next change */

#endif
