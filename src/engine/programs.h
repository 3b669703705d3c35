/* programs.h - where eoul's programs are, and what those that the daemon starts may know of its environment. */
#ifndef EOUL_ENGINE_PROGRAMS_H
#define EOUL_ENGINE_PROGRAMS_H

#include <stddef.h>

#define PROGRAMS_ENV_MAX 64 /* variables passed on */

/* `given`, or beside this program, as they are built, or where they are installed; the last one if they are nowhere. */
int programs_directory(const char *given, char *ret, size_t size);

/* Our own settings.  Not the names of an attempt, if this daemon was itself started in a job: they would count as its
 * processes.  The strings are the environment's; ends with NULL. */
void programs_environment(char *ret[PROGRAMS_ENV_MAX + 1]);

#endif
