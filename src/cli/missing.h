/* missing.h - what a job would not find at its start: said at submit, while somebody is there to read it.  Warnings, no
 * more: an earlier job may make it in time. */
#ifndef EOUL_CLI_MISSING_H
#define EOUL_CLI_MISSING_H

#include "cli/cli.h"
#include "spec/spec.h"

/* Notes in the spec (spec_note): directories of --output and --error that are not there; they are not made, as in Slurm. */
void missing_directories(struct cli *cli, struct spec *spec);
/* The program of an argv; `env` is the environment that the job gets, "NAME=value\0...", for its PATH. */
void missing_program(struct cli *cli, struct spec *spec, struct str env);

#endif
