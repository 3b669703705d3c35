/* cgroup.h - a place for the cgroups of attempts, if this process may make any.
 * They are made below the launcher's own cgroup (v2): the one place where systemd or a container lets
 * us, if it delegated at all.  $EOUL_NO_CGROUP set: none. */
#ifndef EOUL_SUPERVISOR_CGROUP_H
#define EOUL_SUPERVISOR_CGROUP_H

#include <stdint.h>
#include <sys/types.h>

#define CGROUP_PATH_MAX 200 /* with the name of an attempt it must fit struct wire_head */

/* Find a place and try it out (make one, run a process in it, remove it).  0 and the path, or a
 * negative E_*. */
int cgroup_find(char ret_path[CGROUP_PATH_MAX]);
/* Make the cgroup of an attempt: its descriptor and path, or a negative E_*. */
int cgroup_make(const char *place, const uint8_t uuid[16], char ret_path[256]);
/* System mode: PLACE/eoul-UUID/{supervisor,job}, so that a supervisor without rights may start its job in `job`
 * and kill it there.  *ret_above_fd: where the supervisor is to live. */
int cgroup_make_for(const char *place, const uint8_t uuid[16], uid_t uid, char ret_path[256], int *ret_above_fd);
void cgroup_above(char path[256]);   /* from .../job to what stands above it */
void cgroup_remove(const char *path); /* all three, and whoever hides there */

#endif
