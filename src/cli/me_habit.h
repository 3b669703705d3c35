/* me_habit.h - `eoul me hours suggest`: which hours my own submits suggest.  Nothing is set, and nothing learned unasked. */
#ifndef EOUL_CLI_ME_HABIT_H
#define EOUL_CLI_ME_HABIT_H

#include "cli/cli.h"

int me_habit(struct cli *cli, const char *person, bool json);

#endif
