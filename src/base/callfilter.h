/* callfilter.h - a process gives up most of the kernel (seccomp): no execve, fork, ptrace, mounts, keys, signals to
 * others and the like, no file made, removed, renamed or opened for writing, and no sockets.  Threads stay possible. */
#ifndef EOUL_BASE_CALLFILTER_H
#define EOUL_BASE_CALLFILTER_H

#include <stdbool.h>

#define CALLS_OUTSIDE 1u /* IP sockets may be made and connected; none accepts */
#define CALLS_DEVICES 2u /* what is there may be opened for writing too, as a driver's library must; nothing made */

/* For all threads of the process, for ever; PR_SET_NO_NEW_PRIVS must be set.  false: this kernel or machine has none. */
bool callfilter_set(unsigned calls);

#endif
