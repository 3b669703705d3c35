/* nvml.c - see nvml.h. */
#include "probe/nvml.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIST_MAX 1024u      /* processes asked for in one list */
#define STRIDE_MAX 32u
#define SENTINEL 0xa5       /* what memory holds that the driver did not write */
#define PID_MAX (1u << 22)  /* the kernel's own limit */
#define INSTANCES_MAX 64u   /* MIG instance numbers are small, or ~0 for none */

int nvml_open(struct nvml *n, const char *path, const char **ret_why)
{
    *n = (struct nvml){ .library = dlopen(path, RTLD_NOW | RTLD_LOCAL) };
    if (!n->library) {
        *ret_why = dlerror();
        return -1;
    }
    /* dlsym returns an object pointer; POSIX wants it to be taken over this way. */
#define X(field, symbol, arguments) \
    do { \
        void *found = dlsym(n->library, symbol); \
        memcpy(&n->field, &found, sizeof found); \
    } while (0);
    NVML_LIST(X)
#undef X
    *ret_why = NULL;
    return 0;
}

/* One entry at its place for a stride of 16, 24 or 32 bytes: pid, memory, and from 24 on two instance
 * numbers. */
static void take(const unsigned char *at, struct nvml_process *ret)
{
    uint32_t pid;
    memcpy(&pid, at, sizeof pid);
    ret->pid = pid;
    memcpy(&ret->memory, at + 8, sizeof ret->memory);
}

static bool plausible(const unsigned char *at, unsigned stride, uint64_t memory_total)
{
    struct nvml_process p;
    take(at, &p);
    if (p.pid == 0 || p.pid > PID_MAX)
        return false;
    if (p.memory != NVML_UNKNOWN_MEMORY && memory_total && p.memory > memory_total)
        return false;
    if (stride >= 24) {
        uint32_t instance[2];
        memcpy(instance, at + 16, sizeof instance);
        for (int i = 0; i < 2; i++)
            if (instance[i] != UINT32_MAX && instance[i] > INSTANCES_MAX)
                return false;
    }
    return true;
}

static bool all_plausible(const unsigned char *bytes, unsigned n, unsigned stride, uint64_t total)
{
    for (unsigned i = 0; i < n; i++)
        if (!plausible(bytes + (size_t)i * stride, stride, total))
            return false;
    return true;
}

/* How far apart entries are: what the driver wrote says it (every layout ends in a written field), and
 * the entries must make sense at that distance.  0: cannot be told. */
static unsigned find_stride(const unsigned char *bytes, size_t size, unsigned n, uint64_t total)
{
    static const unsigned strides[] = { 24, 32, 16 };
    size_t written = size;
    while (written > 0 && bytes[written - 1] == SENTINEL)
        written--;
    unsigned found = 0, candidates = 0;
    for (size_t i = 0; i < sizeof strides / sizeof strides[0]; i++) {
        size_t end = (size_t)n * strides[i];
        /* The last bytes may look unwritten by chance: up to a field short, never longer. */
        if (written > end || written + 8 <= end || !all_plausible(bytes, n, strides[i], total))
            continue;
        found = strides[i];
        candidates++;
    }
    return candidates == 1 ? found : 0;
}

static unsigned add(struct nvml_process *list, unsigned n, unsigned max, const struct nvml_process *p,
                    bool *ret_more)
{
    for (unsigned i = 0; i < n; i++)
        if (list[i].pid == p->pid)
            return n;
    if (n == max) {
        *ret_more = true;
        return n;
    }
    list[n] = *p;
    return n + 1;
}

/* One list by the first of its names that works: entries added to ret, or -1. */
static int one_list(int (*const calls[3])(nvml_device, unsigned *, void *), nvml_device device,
                    uint64_t total, struct nvml_process *ret, unsigned have, unsigned max,
                    bool *ret_more)
{
    static unsigned char bytes[(LIST_MAX + 1) * STRIDE_MAX]; /* room for the largest layout */
    for (int v = 0; v < 3; v++) {
        if (!calls[v])
            continue;
        unsigned n = LIST_MAX;
        memset(bytes, SENTINEL, sizeof bytes);
        int r = calls[v](device, &n, bytes);
        if (r == NVML_NOT_SUPPORTED)
            continue;
        if (r == NVML_INSUFFICIENT_SIZE) {
            *ret_more = true;
            return -1;
        }
        if (r != NVML_OK || n > LIST_MAX)
            return -1;
        if (n == 0)
            return (int)have;
        unsigned stride = find_stride(bytes, sizeof bytes, n, total);
        if (stride == 0)
            continue; /* perhaps another name gives something that makes sense */
        for (unsigned i = 0; i < n; i++) {
            struct nvml_process p;
            take(bytes + (size_t)i * stride, &p);
            have = add(ret, have, max, &p, ret_more);
        }
        return (int)have;
    }
    return -1;
}

int nvml_processes(const struct nvml *n, nvml_device device, uint64_t memory_total,
                   struct nvml_process *ret, unsigned max, bool *ret_more)
{
    int (*const compute[3])(nvml_device, unsigned *, void *) = { n->compute_v3, n->compute_v2,
                                                                 n->compute_v1 };
    int (*const graphics[3])(nvml_device, unsigned *, void *) = { n->graphics_v3, n->graphics_v2,
                                                                  n->graphics_v1 };
    *ret_more = false;
    int have = one_list(compute, device, memory_total, ret, 0, max, ret_more);
    if (have < 0)
        return -1;
    /* Graphics is a bonus: a machine without it says "not supported". */
    int both = one_list(graphics, device, memory_total, ret, (unsigned)have, max, ret_more);
    return both < 0 ? have : both;
}
