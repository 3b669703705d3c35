/* cmd_notify.h - `eoul me notify ...`, a part of the verb me. */
#ifndef EOUL_CLI_CMD_NOTIFY_H
#define EOUL_CLI_CMD_NOTIFY_H

#include "cli/cli.h"

/* args->rest[0] is "notify".  0 done, 1 a test did not arrive (said), or E_* with cli->err. */
int notify_verb(struct cli *cli, const struct args *args);

#endif
