/* map.h - uint64 keys (never 0) to uint32 values: open addressing, linear probing.
 * Owns its table; map_finish frees it and accepts a zeroed map.  Iteration order is not offered, so
 * no decision can come to depend on it. */
#ifndef EOUL_BASE_MAP_H
#define EOUL_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map {
    uint64_t *keys; /* 0: empty */
    uint32_t *values;
    size_t used;
    size_t size; /* a power of two, or 0 */
};

int map_set(struct map *m, uint64_t key, uint32_t value); /* 0 or E_NO_MEMORY */
bool map_get(const struct map *m, uint64_t key, uint32_t *ret_value);
bool map_remove(struct map *m, uint64_t key);
void map_finish(struct map *m);

#endif
