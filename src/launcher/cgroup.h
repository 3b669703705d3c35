/* cgroup.h - a place for the cgroups of attempts, if this process may make any.
 * They are made below the launcher's own cgroup (v2): the one place where systemd or a container lets
 * us, if it delegated at all.  $EOUL_NO_CGROUP set: none. */
#ifndef EOUL_LAUNCHER_CGROUP_H
#define EOUL_LAUNCHER_CGROUP_H

#include <stdint.h>

#define CGROUP_PATH_MAX 200 /* with the name of an attempt it must fit struct wire_head */

/* Find a place and try it out (make one, run a process in it, remove it).  0 and the path, or a
 * negative E_*. */
int cgroup_find(char ret_path[CGROUP_PATH_MAX]);
/* Make the cgroup of an attempt: its descriptor and path, or a negative E_*. */
int cgroup_make(const char *place, const uint8_t uuid[16], char ret_path[256]);

#endif
