/* map.c - see map.h.  Removal shifts back, so there are no tombstones to sweep. */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"

static size_t home(const struct map *m, uint64_t key) { return hash_u64(key) & (m->size - 1); }

static size_t seek(const struct map *m, uint64_t key)
{
    size_t at = home(m, key);
    while (m->keys[at] && m->keys[at] != key)
        at = (at + 1) & (m->size - 1);
    return at;
}

static int grow(struct map *m)
{
    struct map bigger = { .size = m->size ? m->size * 2 : 64 };
    bigger.keys = calloc(bigger.size, sizeof *bigger.keys);
    bigger.values = calloc(bigger.size, sizeof *bigger.values);
    if (!bigger.keys || !bigger.values) {
        map_finish(&bigger);
        return E_NO_MEMORY;
    }
    for (size_t i = 0; i < m->size; i++) {
        if (!m->keys[i])
            continue;
        size_t at = seek(&bigger, m->keys[i]);
        bigger.keys[at] = m->keys[i];
        bigger.values[at] = m->values[i];
    }
    bigger.used = m->used;
    struct map old = *m;
    *m = bigger;
    map_finish(&old);
    return 0;
}

int map_set(struct map *m, uint64_t key, uint32_t value)
{
    assert(key != 0);
    if ((m->used + 1) * 4 > m->size * 3) {
        int r = grow(m);
        if (r < 0)
            return r;
    }
    size_t at = seek(m, key);
    if (!m->keys[at]) {
        m->keys[at] = key;
        m->used++;
    }
    m->values[at] = value;
    return 0;
}

bool map_get(const struct map *m, uint64_t key, uint32_t *ret_value)
{
    if (!m->size || !key)
        return false;
    size_t at = seek(m, key);
    if (!m->keys[at])
        return false;
    *ret_value = m->values[at];
    return true;
}

bool map_remove(struct map *m, uint64_t key)
{
    if (!m->size || !key)
        return false;
    size_t hole = seek(m, key);
    if (!m->keys[hole])
        return false;
    for (size_t at = (hole + 1) & (m->size - 1); m->keys[at]; at = (at + 1) & (m->size - 1)) {
        size_t from = home(m, m->keys[at]);
        if (((at - from) & (m->size - 1)) < ((at - hole) & (m->size - 1)))
            continue;
        m->keys[hole] = m->keys[at];
        m->values[hole] = m->values[at];
        hole = at;
    }
    m->keys[hole] = 0;
    m->used--;
    return true;
}

void map_finish(struct map *m)
{
    if (!m)
        return;
    free(m->keys);
    free(m->values);
    *m = (struct map){ 0 };
}
