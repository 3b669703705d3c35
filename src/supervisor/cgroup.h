/* cgroup.h - a place for the cgroups of attempts, if this process may make any.
 * They are made below the launcher's own cgroup (v2): the one place where systemd or a container lets
 * us, if it delegated at all.  $EOUL_NO_CGROUP set: none.
 *
 * $EOUL_CGROUP names another one, of jobs alone: only there are memory, processes and CPUs limited (guard.h).  Those
 * controllers need a cgroup without processes of its own; in the launcher's, systemd could not start the next launcher
 * while jobs are there (before its version 254).  The packaged unit eoul-jobs.service is such a place. */
#ifndef EOUL_SUPERVISOR_CGROUP_H
#define EOUL_SUPERVISOR_CGROUP_H

#include <stdint.h>

#include "supervisor/guard.h"
#include <sys/types.h>

#define CGROUP_PATH_MAX 200 /* with the name of an attempt it must fit struct wire_head */

struct cgroup_place {
    char path[CGROUP_PATH_MAX];
    uint32_t guards; /* GUARD_*; 0: there is no place */
};
/* Find a place and try it out (make one, run a process in it, remove it).  A negative E_*: there is none. */
int cgroup_find(struct cgroup_place *ret);
/* Make the cgroup of an attempt, kept to its bounds: its descriptor and path, or a negative E_* with
 * errno and an empty path. */
int cgroup_make(const struct cgroup_place *p, const uint8_t uuid[16], const struct guard_bounds *b, char ret_path[256]);
/* System mode: PLACE/eoul-UUID/{supervisor,job}, so that a supervisor without rights may start its job in `job`
 * and kill it there.  *ret_above_fd: where the supervisor is to live. */
int cgroup_make_for(const struct cgroup_place *p, const uint8_t uuid[16], uid_t uid, const struct guard_bounds *b,
                    char ret_path[256], int *ret_above_fd);
void cgroup_above(char path[256]);   /* from .../job to what stands above it */
void cgroup_remove(const char *path); /* all three, and whoever hides there */

#endif
