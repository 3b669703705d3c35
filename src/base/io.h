/* io.h - system calls said once, with EINTR, short counts and close-on-exec dealt with.
 * Not for the core.  All return 0 or more on success and a negative E_* on failure, errno kept. */
#ifndef EOUL_BASE_IO_H
#define EOUL_BASE_IO_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/usec.h"

int io_from_errno(int error);                               /* ENOSPC -> E_NO_SPACE and so on */
int io_write_all(int fd, const void *bytes, size_t len);
int io_pwrite_all(int fd, const void *bytes, size_t len, off_t at);
int io_read_to_end(int fd, struct buf *out);                /* until EOF; E_TOO_LARGE over out->max */
int io_read_file(int dir_fd, const char *path, struct buf *out); /* O_NOFOLLOW */
/* Write a file so that it is there whole or not at all: temporary name, fsync, rename, fsync of the
 * directory. */
int io_replace_file(int dir_fd, const char *name, const void *bytes, size_t len, mode_t mode);
int io_fsync(int fd);
int io_fsync_dir(int dir_fd);
void io_close(int *fd); /* closes if >= 0, sets -1, keeps errno */

usec_t io_wall_now(void); /* CLOCK_REALTIME */
usec_t io_boot_now(void); /* CLOCK_BOOTTIME */

/* Start of an identity that survives pid reuse: boot id as text, start time of a process in clock
 * ticks since boot (from /proc/PID/stat). */
int io_boot_id(char ret_id[37]);
int io_start_time(pid_t pid, unsigned long long *ret_ticks);

#endif
