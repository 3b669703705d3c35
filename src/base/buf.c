/* buf.c - the part of buf.h that needs no printf; see buf_print.c for the rest. */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define BUF_FIRST 256 /* first heap block; doubling from here wastes at most half */

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

void buf_init_fixed(struct buf *b, void *memory, size_t size)
{
    *b = (struct buf){ .ptr = memory, .size = size, .max = size ? size - 1 : 0, .fixed = true };
    if (size)
        b->ptr[0] = '\0';
}

void buf_finish(struct buf *b)
{
    if (!b)
        return;
    if (!b->fixed)
        free(b->ptr);
    *b = (struct buf){ 0 };
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = 0;
    if (b->ptr && b->size)
        b->ptr[0] = '\0';
}

void *buf_reserve(struct buf *b, size_t len)
{
    if (b->failed)
        return NULL;
    if (len > b->max || b->len > b->max - len) {
        b->failed = E_TOO_LARGE;
        return NULL;
    }
    size_t needed = b->len + len + 1;
    if (needed > b->size) {
        size_t size = b->size ? b->size : BUF_FIRST;
        while (size < needed)
            size *= 2;
        char *grown = realloc(b->ptr, size); /* never reached when fixed: max < size */
        if (!grown) {
            b->failed = E_NO_MEMORY;
            return NULL;
        }
        b->ptr = grown;
        b->size = size;
    }
    return b->ptr + b->len;
}

void buf_added(struct buf *b, size_t len)
{
    b->len += len;
    b->ptr[b->len] = '\0';
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    char *at = buf_reserve(b, len);
    if (!at)
        return;
    if (len)
        memcpy(at, bytes, len);
    buf_added(b, len);
}

void buf_str(struct buf *b, struct str s) { buf_add(b, s.ptr, s.len); }
void buf_c(struct buf *b, const char *c_string) { buf_add(b, c_string, strlen(c_string)); }
void buf_char(struct buf *b, char c) { buf_add(b, &c, 1); }

void buf_u64(struct buf *b, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    buf_add(b, digits + at, sizeof digits - at);
}

void buf_i64(struct buf *b, int64_t value)
{
    if (value < 0) {
        buf_char(b, '-');
        buf_u64(b, 0 - (uint64_t)value);
    } else {
        buf_u64(b, (uint64_t)value);
    }
}

void buf_hex64(struct buf *b, uint64_t value)
{
    char digits[16];
    for (size_t i = 16; i-- > 0; value >>= 4)
        digits[i] = "0123456789abcdef"[value & 15];
    buf_add(b, digits, sizeof digits);
}

void buf_consume(struct buf *b, size_t len)
{
    if (len > b->len)
        len = b->len;
    if (len == 0)
        return;
    memmove(b->ptr, b->ptr + len, b->len - len);
    b->len -= len;
    b->ptr[b->len] = '\0';
}

struct str buf_look(const struct buf *b)
{
    return (struct str){ b->ptr ? b->ptr : "", b->len };
}
