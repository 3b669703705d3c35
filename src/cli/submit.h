/* submit.h - what `submit`, `sweep`, `run` and `shell` have in common. */
#ifndef EOUL_CLI_SUBMIT_H
#define EOUL_CLI_SUBMIT_H

#include "cli/cli.h"
#include "cli/request.h"

/* Read, send and say.  sweep: it must be one; with --test-only its points are shown instead. */
int submit_verb(struct cli *cli, struct args *args, bool sweep);

/* What the daemon remarked on the jobs of its answer; whose rights they run with, where that may surprise. */
void submit_say_warnings(struct cli *cli, const json_t *jobs);
void submit_say_whose(struct cli *cli, const struct request *r);
/* --test-only: what the plan says of each job of the answer, and that nothing was submitted. */
void submit_say_test(struct cli *cli, const json_t *answer);
/* Until all of them have ended: the first exit status that is not 0, or -1 with a sentence. */
int submit_wait_for_all(struct cli *cli, const json_t *answer);

/* The points that a request's canonical text means, as a table (cmd_sweep.c). */
int sweep_put_points(struct cli *cli, struct str spec_text);

#endif
