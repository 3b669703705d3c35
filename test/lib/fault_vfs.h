/* fault_vfs.h - an SQLite VFS that fails on command: the k-th write, sync or truncate.
 *
 * It stands on the default VFS.  Its file methods are version 1: no shared memory, no memory mapping,
 * so a store that opens on it proves that it needs neither.
 */
#ifndef EOUL_TEST_FAULT_VFS_H
#define EOUL_TEST_FAULT_VFS_H

#include <stdint.h>

#define FAULT_VFS "eoul-fault"

enum { FAULT_WRITE = 1, FAULT_SYNC = 2, FAULT_TRUNCATE = 4, FAULT_ANY = 7 };

struct fault_plan {
    uint32_t kinds;     /* which calls count */
    uint32_t countdown; /* the call that fails (1: the next); 0: none */
    int rc;             /* with this, e.g. SQLITE_FULL */
    uint32_t times;     /* so many calls in a row; 0: once, UINT32_MAX: from then on */
    uint32_t calls;     /* counted so far */
    uint32_t failed;    /* made to fail so far */
};
extern struct fault_plan fault_plan;

void fault_vfs_register(void);

#endif
