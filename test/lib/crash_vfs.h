/* crash_vfs.h - an SQLite VFS that remembers what was written since the last sync, and can make what a disk
 * may hold after the power went.
 *
 * It stands on the default VFS; what goes through it is on the real disk at once.  Beside that it keeps, for
 * each file, the content at its last sync and the writes and truncations since.  crash_image writes, into
 * another directory, what could be there after a power cut at this moment: of the unsynced calls of each
 * file any subset, in any order, a write possibly torn at a sector of 512 bytes or filled with garbage.
 * A file that was never synced may be missing.  What was synced is there.
 */
#ifndef EOUL_TEST_CRASH_VFS_H
#define EOUL_TEST_CRASH_VFS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prng.h"

#define CRASH_VFS "eoul-crash"

void crash_vfs_register(void);
/* Forget every file: a new world begins. */
void crash_vfs_reset(void);
/* Called before each write, truncation and sync. */
extern void (*crash_vfs_hook)(void *data);
extern void *crash_vfs_data;
/* A sync that is answered and does nothing: a planted bug of the disk. */
extern bool crash_vfs_lies;

void crash_image(const char *to_dir, struct prng *luck);

#endif
