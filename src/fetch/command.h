/* command.h - delivering one notice to a program of its reader's: what it is told comes on its stdin. */
#ifndef EOUL_FETCH_COMMAND_H
#define EOUL_FETCH_COMMAND_H

#include "base/buf.h"
#include "base/str.h"

#define COMMAND_SECONDS_MAX 20 /* the daemon gives a delivery 25 */

/* The fields of a FETCH_NOTICE (URL: the program, BODY: its input); the answer's go to `out`: TROUBLE, or STATUS,
 * the program's exit status, 128 + the signal that ended it.  The program gets no argument, a small environment
 * (HOME, PATH, LANG of the process), the root as its directory, stdout and stderr that go nowhere, and a process
 * group of its own, which is killed when its time is over or it has ended.
 *
 * This is the one place where eoul-fetch starts a program; it does so in a process that has no other task
 * (FETCH_COMMANDS), reads no foreign byte and is therefore not shut in. */
void command_run(struct str ask, struct buf *out);

#endif
