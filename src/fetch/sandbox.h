/* sandbox.h - eoul-fetch shuts itself in before it reads a foreign byte.
 *
 * For both: no new rights, no core dump, not to be traced, limits on memory, descriptors and
 * processor time of one file; a seccomp filter without execve, fork, ptrace, mounts, keys and the
 * like, and with nothing opened for writing.  FETCH_NETWORK reads of the file system only what names
 * and certificates need (Landlock, where the kernel has it) and makes only IP sockets, so it cannot
 * speak to eould's socket or any other local service; FETCH_FILES makes no sockets at all.
 *
 * What the kernel does not have is left out and said (sandbox_shut_in's return); the rest holds.
 */
#ifndef EOUL_FETCH_SANDBOX_H
#define EOUL_FETCH_SANDBOX_H

#include <stdbool.h>

#define SANDBOX_MEMORY_MAX (512ul << 20) /* address space: libraries, 29 MB of reader, answers */
#define SANDBOX_FILES_MAX 128

/* test_ca: a further file to read (http.h), or NULL.
 * 0: everything; 1: without Landlock; 2: without seccomp too; negative E_*: a limit could not be set,
 * or a reader of files would be shut out of all of them: nothing should be read, and another one may fare better. */
int sandbox_shut_in(bool network, const char *test_ca);

#endif
