/* fault_vfs.c - see fault_vfs.h. */
#include "fault_vfs.h"
#include "vfs_pass.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

struct fault_plan fault_plan;

static sqlite3_vfs *real_vfs;

static bool fails(uint32_t kind)
{
    struct fault_plan *p = &fault_plan;
    if (!(p->kinds & kind))
        return false;
    p->calls++;
    if (p->countdown == 0 || p->calls < p->countdown)
        return false;
    uint32_t times = p->times ? p->times : 1;
    if (times != UINT32_MAX && p->calls >= p->countdown + times)
        return false;
    p->failed++;
    return true;
}

static int f_close(sqlite3_file *f)
{
    return REAL(f)->pMethods ? REAL(f)->pMethods->xClose(REAL(f)) : SQLITE_OK;
}
static int f_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    return REAL(f)->pMethods->xRead(REAL(f), to, n, at);
}
/* Half of what was to be written gets there: a full disk tears too. */
static int f_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    if (!fails(FAULT_WRITE))
        return REAL(f)->pMethods->xWrite(REAL(f), from, n, at);
    REAL(f)->pMethods->xWrite(REAL(f), from, n / 2, at);
    return fault_plan.rc;
}
static int f_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return fails(FAULT_TRUNCATE) ? fault_plan.rc : REAL(f)->pMethods->xTruncate(REAL(f), size);
}
static int f_sync(sqlite3_file *f, int flags)
{
    return fails(FAULT_SYNC) ? fault_plan.rc : REAL(f)->pMethods->xSync(REAL(f), flags);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1, .xClose = f_close, .xRead = f_read, .xWrite = f_write, .xTruncate = f_truncate,
    .xSync = f_sync,
    VFS_PASS_METHODS,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct vfs_pass *file = (struct vfs_pass *)f;
    (void)vfs;
    file->real = (sqlite3_file *)(file + 1);
    file->real->pMethods = NULL;
    int rc = real_vfs->xOpen(real_vfs, name, file->real, flags, out);
    f->pMethods = rc == SQLITE_OK ? &methods : NULL;
    return rc;
}

void fault_vfs_register(void)
{
    static sqlite3_vfs vfs;
    if (vfs.zName)
        return;
    real_vfs = sqlite3_vfs_find(NULL);
    assert(real_vfs);
    vfs = *real_vfs;
    vfs.zName = FAULT_VFS;
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct vfs_pass) + real_vfs->szOsFile;
    vfs.xOpen = vfs_open;
    int rc = sqlite3_vfs_register(&vfs, 0);
    assert(rc == SQLITE_OK);
    (void)rc;
}
