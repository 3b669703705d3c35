/* sandbox.h - eoul-probe shuts itself in when the driver's library is loaded and knows its devices.
 *
 * Always: no new rights, no core dump, not to be traced, few descriptors, no byte written to any file (a size limit of
 * 0), and callfilter.h without sockets; devices may still be opened, and the library may map and ask them what it
 * likes.  In system mode, where the daemon that asks is another user, also: of the file system only /proc, /sys, /dev
 * and libraries are there (Landlock), so neither a store nor anybody's home.  Not in personal mode: who is restricted by
 * Landlock may not read the environment of processes outside, which is how a job without a cgroup is known as ours.
 */
#ifndef EOUL_PROBE_SANDBOX_H
#define EOUL_PROBE_SANDBOX_H

#define SANDBOX_FILES_MAX 1024 /* 64 GPUs, several descriptors each */

/* 0: all that holds here; 1: something of it is not in this kernel; negative E_*: a limit could not be set. */
int sandbox_shut_in(void);

#endif
