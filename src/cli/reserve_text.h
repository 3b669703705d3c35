/* reserve_text.h - reservations as people read them. */
#ifndef EOUL_CLI_RESERVE_TEXT_H
#define EOUL_CLI_RESERVE_TEXT_H

#include "cli/cli.h"

/* "Tue 14:00-18:00" */
void reserve_when(struct cli *cli, struct buf *out, const json_t *reservation);
/* A table of the daemon's "reservations". */
void reserve_put_list(struct cli *cli, const json_t *reservations);

#endif
