/* cmd_calendar.h - `eoul me calendar ...`, a part of the verb me. */
#ifndef EOUL_CLI_CMD_CALENDAR_H
#define EOUL_CLI_CMD_CALENDAR_H

#include "cli/cli.h"

/* args->rest[0] is "calendar".  0 done, 1 done in part (said), or E_* with cli->err. */
int calendar_verb(struct cli *cli, const struct args *args);

#endif
