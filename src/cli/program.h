/* program.h - run another program by argv and read what it says; never a shell. */
#ifndef EOUL_CLI_PROGRAM_H
#define EOUL_CLI_PROGRAM_H

#include <stdbool.h>

#include "base/buf.h"
#include "cli/cli.h"

/* Feeds `input`, collects standard output in `out` (may be NULL: dropped), standard error is
 * dropped. The exit status, or -1 if it could not be run or a signal ended it. */
int program_run(const char *const *argv, struct str input, struct buf *out);
/* Is there such a program on PATH? */
bool program_exists(const char *name);
/* Replace this process by the program `name` beside this one (or in ../libexec/eoul).  Returns only
 * on failure, with a sentence in cli->err. */
int program_become(struct cli *cli, const char *name, char *const *argv);

#endif
