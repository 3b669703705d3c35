/* observe.h - what other verbs say and use of the record of `eoul observe` (src/observe/record.h). */
#ifndef EOUL_CLI_OBSERVE_H
#define EOUL_CLI_OBSERVE_H

#include "cli/cli.h"

/* A line if somebody records here, and whether the reader is in it. */
void observe_announce(struct cli *cli);
/* All runs of the record as CSV, and how many GPUs it knows; refuses who may not read them all. */
int observe_trace(struct cli *cli, struct buf *csv, int64_t *ret_gpus);

#endif
