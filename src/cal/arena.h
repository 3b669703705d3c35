/* arena.h - one block of memory from the caller, given out from the front.
 *
 * Whoever lends the block frees it, after everything in it is forgotten; nothing is freed singly.
 * arena_take gives zeroed, aligned memory or NULL when the block is used up.  Pure.
 */
#ifndef EOUL_CAL_ARENA_H
#define EOUL_CAL_ARENA_H

#include <stddef.h>
#include <string.h>

#include "base/str.h"

struct arena {
    char *memory;
    size_t size, used;
};

static inline void arena_init(struct arena *a, void *memory, size_t size)
{
    *a = (struct arena){ memory, size, 0 };
}

static inline void *arena_take(struct arena *a, size_t n, size_t each)
{
    size_t len, from = (a->used + 15) & ~(size_t)15;
    if (__builtin_mul_overflow(n, each, &len) || from > a->size || len > a->size - from)
        return NULL;
    a->used = from + len;
    return memset(a->memory + from, 0, len);
}

/* Where the next arena_take will be: the start of a list that grows while nothing else is taken. */
static inline void *arena_end(const struct arena *a)
{
    return a->memory + ((a->used + 15) & ~(size_t)15);
}

/* A copy of s that lives as long as the arena; an empty str when it is full. */
static inline struct str arena_str(struct arena *a, struct str s)
{
    char *copy = s.len ? arena_take(a, s.len, 1) : NULL;
    if (copy == NULL)
        return (struct str){ "", 0 };
    memcpy(copy, s.ptr, s.len);
    return (struct str){ copy, s.len };
}

#endif
