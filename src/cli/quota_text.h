/* quota_text.h - what a project or a person has of what they may, as people read it. */
#ifndef EOUL_CLI_QUOTA_TEXT_H
#define EOUL_CLI_QUOTA_TEXT_H

#include "cli/cli.h"

/* "vision, 1 of 3 GPUs, 40 of 500 GPU-hours in 30 days", and when more comes back of what is used up. */
void quota_told(struct cli *cli, struct buf *out, const char *whose, const json_t *quota);

#endif
