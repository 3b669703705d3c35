/* plan_picture.h - `eoul plan --svg FILE` and `--html FILE`. */
#ifndef EOUL_CLI_PLAN_PICTURE_H
#define EOUL_CLI_PLAN_PICTURE_H

#include "cli/cli.h"

/* Draw GET /v1/plan's answer into `path` ("-": standard output).  0, or E_* with a sentence in cli->err. */
int plan_picture(struct cli *cli, const json_t *plan, bool html, const char *path);

#endif
