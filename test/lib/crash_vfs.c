/* crash_vfs.c - see crash_vfs.h. */
#include "crash_vfs.h"
#include "vfs_pass.h"

#include <assert.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_MAX  8u
#define CALLS_MAX  4096u /* unsynced ones of a file */
#define SECTOR     512u

void (*crash_vfs_hook)(void *data);
void *crash_vfs_data;
bool crash_vfs_lies;

struct call {
    bool truncate;
    sqlite3_int64 at; /* or the new size */
    int n;
    unsigned char *bytes;
};
struct content {
    unsigned char *bytes;
    size_t n, size;
};
struct tracked {
    char name[128]; /* without its directory; empty: free */
    bool ever_synced;
    struct content synced;
    struct call calls[CALLS_MAX];
    uint32_t calls_n;
};
static struct tracked files[FILES_MAX];

struct crash_file {
    struct vfs_pass pass; /* first */
    struct tracked *tracked;
};
static sqlite3_vfs *real_vfs;

#define TRACKED(f) (((struct crash_file *)(f))->tracked)

static void hook(void)
{
    if (crash_vfs_hook)
        crash_vfs_hook(crash_vfs_data);
}

static void content_size(struct content *c, size_t n)
{
    if (n > c->size) {
        c->bytes = realloc(c->bytes, 2 * n);
        assert(c->bytes);
        c->size = 2 * n;
    }
    if (n > c->n)
        memset(c->bytes + c->n, 0, n - c->n);
    c->n = n;
}

static void apply(struct content *c, const struct call *call, int n)
{
    if (call->truncate) {
        content_size(c, (size_t)call->at);
        return;
    }
    if (n == 0)
        return; /* torn before its first sector */
    size_t end = (size_t)call->at + (size_t)n;
    if (end > c->n)
        content_size(c, end);
    memcpy(c->bytes + call->at, call->bytes, (size_t)n);
}

static void forget_calls(struct tracked *t)
{
    for (uint32_t i = 0; i < t->calls_n; i++)
        free(t->calls[i].bytes);
    t->calls_n = 0;
}

void crash_vfs_reset(void)
{
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        forget_calls(&files[i]);
        free(files[i].synced.bytes);
        memset(&files[i], 0, sizeof files[i]);
    }
    crash_vfs_hook = NULL;
    crash_vfs_lies = false;
}

static struct tracked *track(const char *path)
{
    const char *name = path ? strrchr(path, '/') : NULL;
    struct tracked *empty = NULL;
    name = name ? name + 1 : path ? path : "temporary";
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
        if (!files[i].name[0] && !empty)
            empty = &files[i];
    }
    assert(empty);
    snprintf(empty->name, sizeof empty->name, "%s", name);
    return empty;
}

static void remember(struct tracked *t, const struct call *call)
{
    assert(t->calls_n < CALLS_MAX);
    t->calls[t->calls_n] = *call;
    if (!call->truncate) {
        unsigned char *copy = malloc((size_t)call->n);
        assert(copy);
        memcpy(copy, call->bytes, (size_t)call->n);
        t->calls[t->calls_n].bytes = copy;
    }
    t->calls_n++;
}

/* --- what a disk may hold -------------------------------------------------------------------------- */

static void image_of(const struct tracked *t, int dir_fd, struct prng *luck)
{
    struct content c = { 0 };
    uint32_t order[CALLS_MAX], n = 0, mode = (uint32_t)prng_below(luck, 4);
    if (!t->ever_synced && t->calls_n && mode == 0)
        return; /* its name was never safe */
    content_size(&c, t->synced.n);
    if (t->synced.n)
        memcpy(c.bytes, t->synced.bytes, t->synced.n);
    for (uint32_t i = 0; i < t->calls_n; i++)
        if (mode == 1 || (mode > 1 && prng_below(luck, 2)))
            order[n++] = i;
    for (uint32_t i = n; mode == 3 && i > 1; i--) { /* reordered */
        uint32_t k = (uint32_t)prng_below(luck, i), swap = order[i - 1];
        order[i - 1] = order[k];
        order[k] = swap;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct call *call = &t->calls[order[i]];
        uint32_t sectors = call->truncate ? 0 : (uint32_t)call->n / SECTOR;
        bool torn = mode > 1 && prng_below(luck, 4) == 0;
        apply(&c, call, torn && sectors ? (int)(prng_below(luck, sectors + 1) * SECTOR) : call->n);
        if (torn && sectors && prng_below(luck, 2)) { /* one sector of it is neither old nor new */
            size_t at = (size_t)call->at + prng_below(luck, sectors) * SECTOR;
            if (at + SECTOR > c.n)
                content_size(&c, at + SECTOR);
            for (size_t b = 0; b < SECTOR; b++)
                c.bytes[at + b] = (unsigned char)prng_u64(luck);
        }
    }
    int fd = openat(dir_fd, t->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert(fd >= 0);
    for (size_t done = 0; done < c.n;) {
        ssize_t w = write(fd, c.bytes + done, c.n - done);
        assert(w > 0);
        done += (size_t)w;
    }
    close(fd);
    free(c.bytes);
}

void crash_image(const char *to_dir, struct prng *luck)
{
    int dir_fd = open(to_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert(dir_fd >= 0);
    for (uint32_t i = 0; i < FILES_MAX; i++)
        if (files[i].name[0])
            image_of(&files[i], dir_fd, luck);
    close(dir_fd);
}

/* --- the file methods ------------------------------------------------------------------------------ */

static int f_close(sqlite3_file *f)
{
    return REAL(f)->pMethods ? REAL(f)->pMethods->xClose(REAL(f)) : SQLITE_OK;
}
static int f_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    return REAL(f)->pMethods->xRead(REAL(f), to, n, at);
}
static int f_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    hook();
    remember(TRACKED(f), &(struct call){ .at = at, .n = n, .bytes = (unsigned char *)(uintptr_t)from });
    return REAL(f)->pMethods->xWrite(REAL(f), from, n, at);
}
static int f_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    hook();
    remember(TRACKED(f), &(struct call){ .truncate = true, .at = size });
    return REAL(f)->pMethods->xTruncate(REAL(f), size);
}
static int f_sync(sqlite3_file *f, int flags)
{
    struct tracked *t = TRACKED(f);
    (void)flags;
    hook();
    if (crash_vfs_lies)
        return SQLITE_OK;
    for (uint32_t i = 0; i < t->calls_n; i++)
        apply(&t->synced, &t->calls[i], t->calls[i].n);
    t->ever_synced = true;
    forget_calls(t);
    return SQLITE_OK; /* the real disk need not be waited for: what it holds is never looked at */
}

static const sqlite3_io_methods methods = {
    .iVersion = 1, .xClose = f_close, .xRead = f_read, .xWrite = f_write, .xTruncate = f_truncate,
    .xSync = f_sync,
    VFS_PASS_METHODS,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct crash_file *file = (struct crash_file *)f;
    (void)vfs;
    file->pass.real = (sqlite3_file *)(file + 1);
    file->pass.real->pMethods = NULL;
    file->tracked = track(name);
    int rc = real_vfs->xOpen(real_vfs, name, file->pass.real, flags, out);
    f->pMethods = rc == SQLITE_OK ? &methods : NULL;
    return rc;
}

/* A directory entry that goes is taken to be gone at once. */
static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    struct tracked *t = track(name);
    (void)vfs;
    hook();
    forget_calls(t);
    free(t->synced.bytes);
    memset(t, 0, sizeof *t);
    return real_vfs->xDelete(real_vfs, name, sync_dir);
}

void crash_vfs_register(void)
{
    static sqlite3_vfs vfs;
    if (vfs.zName)
        return;
    real_vfs = sqlite3_vfs_find(NULL);
    assert(real_vfs);
    vfs = *real_vfs;
    vfs.zName = CRASH_VFS;
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct crash_file) + real_vfs->szOsFile;
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    int rc = sqlite3_vfs_register(&vfs, 0);
    assert(rc == SQLITE_OK);
    (void)rc;
}
