/* cmd_cal.h - `eoul cal expand` and `eoul cal rrule`; argv[0] is "cal".  See cmd_cal.c. */
#ifndef EOUL_CLI_CMD_CAL_H
#define EOUL_CLI_CMD_CAL_H

#include <stdio.h>

/* Returns the exit status. */
int cmd_cal(int argc, char **argv, FILE *out, FILE *errors);

#endif
