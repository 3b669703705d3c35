/* me_data.h - `eoul me data`: all that is stored about me, and its deletion. */
#ifndef EOUL_CLI_ME_DATA_H
#define EOUL_CLI_ME_DATA_H

#include "cli/cli.h"

/* Shows it.  0, or E_* with a sentence in cli->err. */
int me_data(struct cli *cli, const char *person, bool json);
/* Deletes what I said of myself, my calendars, and what I called things that are over. */
int me_data_delete(struct cli *cli, const char *person);

#endif
