/* code.h - the state of the code a job will run: written down at submit, or frozen.
 *
 * Every submit records it (`eoul show` has it): in a git work tree the commit, and behind a "+" the hash of
 * what differs from it; elsewhere the hash of the files that the command names.  A tree without
 * differences is marked clean: only such a job, or a frozen one, may later be deferred.
 *
 * --snapshot freezes the tree: a git work tree of its own holding the commit, the changes and the files
 * git does not know but does not ignore; without git a copy of the directory.  It lies in
 * STATE/snapshots/NAME/tree, the job runs in there, its output files stay where they would have been.
 * The daemon takes it away when the last job of the submit has ended (daemon/snapshots.c).
 * Limits: CODE_BYTES_MAX, CODE_FILES_MAX of what must be copied.  Absolute paths in a command still point
 * to the original; submodules are as the commit has them, empty.
 */
#ifndef EOUL_CLI_CODE_H
#define EOUL_CLI_CODE_H

#include "cli/cli.h"
#include "spec/spec.h"

#define CODE_BYTES_MAX (512ull << 20) /* copied per snapshot: the state directory's disk is not a backup */
#define CODE_FILES_MAX 50000u
#define CODE_NAME_MAX  40

/* spec->chdir is set (an absolute path).  Never refuses: what cannot be told is left out. */
void code_record(struct cli *cli, struct spec *spec);

/* spec->snapshot: make it; chdir, output, error and input of the spec are changed; *ret_name is for code_keep.
 * On failure nothing is left behind. */
int code_freeze(struct cli *cli, struct spec *spec, char ret_name[CODE_NAME_MAX]);

/* The submit was answered: the snapshot belongs to these jobs.  Without this it goes after a day. */
void code_keep(struct cli *cli, const char *name, uint32_t first_job, uint32_t tasks);
/* The submit was refused. */
void code_drop(struct cli *cli, const char *name);

#endif
