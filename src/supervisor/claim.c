/* claim.c - see claim.h. */
#include "supervisor/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "supervisor/fault.h"

int claim_take(int dir_fd)
{
#ifdef EOUL_MUTANT_NO_CLAIM /* the torture test builds this once, to see that it is caught */
    (void)dir_fd;
    FAULT("claim-before");
    FAULT("claim-made");
    FAULT("claim-synced");
    return 0;
#else
    FAULT("claim-before");
    int r = 0;
    if (linkat(dir_fd, "lock", dir_fd, "claim", 0) < 0) {
        if (errno == EEXIST)
            return E_EXISTS;
        /* No lock file yet, or no hard links here: a file of its own, by the same name. */
        int fd = openat(dir_fd, "claim", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return io_from_errno(errno);
        r = io_fsync(fd);
        io_close(&fd);
    }
    FAULT("claim-made");
    if (r == 0)
        r = io_fsync_dir(dir_fd);
    FAULT("claim-synced");
    return r;
#endif
}
