/* vfs_pass.h - what the tests' file layers hand on to the real one unchanged.
 *
 * A layer's file begins with a struct vfs_pass; its table of methods takes these for whatever it does not
 * spoil itself.
 */
#ifndef EOUL_TEST_VFS_PASS_H
#define EOUL_TEST_VFS_PASS_H

#include <sqlite3.h>

struct vfs_pass {
    sqlite3_file base;
    sqlite3_file *real; /* in the same memory, behind the layer's own */
};

#define REAL(f) (((struct vfs_pass *)(f))->real)

static int pass_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return REAL(f)->pMethods->xFileSize(REAL(f), size);
}
static int pass_lock(sqlite3_file *f, int level) { return REAL(f)->pMethods->xLock(REAL(f), level); }
static int pass_unlock(sqlite3_file *f, int level) { return REAL(f)->pMethods->xUnlock(REAL(f), level); }
static int pass_reserved(sqlite3_file *f, int *ret)
{
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), ret);
}
static int pass_control(sqlite3_file *f, int op, void *arg)
{
    return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}
static int pass_sector(sqlite3_file *f) { return REAL(f)->pMethods->xSectorSize(REAL(f)); }
static int pass_device(sqlite3_file *f)
{
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

#define VFS_PASS_METHODS \
    .xFileSize = pass_size, .xLock = pass_lock, .xUnlock = pass_unlock, .xCheckReservedLock = pass_reserved, \
    .xFileControl = pass_control, .xSectorSize = pass_sector, .xDeviceCharacteristics = pass_device

#endif
