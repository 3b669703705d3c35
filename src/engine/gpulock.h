/* gpulock.h - one lock file per GPU in a directory all users share.
 *
 * Whoever runs on a GPU holds flock() on DIRECTORY/UUID, for as long as it runs.  Supervisors do, so
 * the lock outlives the daemon; anybody else can (`flock /run/lock/eoul/GPU-... python train.py`).
 * Two daemons of two users on one machine thus never give out one GPU.
 *
 * The directory is $EOUL_LOCK_DIR, else /run/lock/eoul if /run/lock can be written, else
 * /tmp/eoul-lock; whoever comes first makes it with mode 1777, files have 0666.  An existing file is
 * opened without O_CREAT: fs.protected_regular refuses O_CREAT on another's file in a sticky
 * directory.  Symlinks and anything but a regular file are refused.  Advisory: a program that ignores
 * the lock is seen by the look at the GPU, not here.  The note inside (who, which job) is for people
 * and is believed by nobody.
 */
#ifndef EOUL_ENGINE_GPULOCK_H
#define EOUL_ENGINE_GPULOCK_H

#include <stdint.h>
#include <sys/types.h>

#define GPULOCK_NAME_MAX 80 /* a UUID or a declared name; other characters than [A-Za-z0-9._-] refused */

struct gpulock_holder {
    uid_t uid;
    pid_t pid;    /* the supervisor */
    uint32_t job;
};

/* Open (and make, if need be) the shared directory: a descriptor or a negative E_*. */
int gpulock_directory(void);
/* Take the lock without waiting: a descriptor that holds it until closed, E_BUSY if held by somebody
 * (*ret_holder then says who, as far as known; may be NULL), or another negative E_*. */
int gpulock_take(int dir_fd, const char *gpu, const struct gpulock_holder *self,
                 struct gpulock_holder *ret_holder);
/* Who holds it: 1 and the holder, 0 if nobody, negative E_*.  For a supervisor starting in that very
 * moment this look must not count: it never takes the lock. */
int gpulock_look(int dir_fd, const char *gpu, struct gpulock_holder *ret_holder);

#endif
