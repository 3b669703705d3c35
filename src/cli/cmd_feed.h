/* cmd_feed.h - `eoul me feed ...`, a part of the verb me. */
#ifndef EOUL_CLI_CMD_FEED_H
#define EOUL_CLI_CMD_FEED_H

#include "cli/cli.h"

/* args->rest[0] is "feed".  0, or E_* with cli->err. */
int feed_verb(struct cli *cli, const struct args *args);

#endif
