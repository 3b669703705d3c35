/* me_week.h - `eoul me week`: the coming seven days as a picture. */
#ifndef EOUL_CLI_ME_WEEK_H
#define EOUL_CLI_ME_WEEK_H

#include "cli/cli.h"

/* When I can look, what I offer, what is planned into it.  0, or E_* with a sentence in cli->err. */
int me_week(struct cli *cli, const char *person);

#endif
