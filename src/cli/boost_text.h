/* boost_text.h - boosts as people read them. */
#ifndef EOUL_CLI_BOOST_TEXT_H
#define EOUL_CLI_BOOST_TEXT_H

#include "cli/cli.h"

/* Of what: "job 12", "kim". */
void boost_of(struct cli *cli, struct buf *out, const json_t *boost);
/* "by kim until Fri 18:00: camera-ready" */
void boost_told(struct cli *cli, struct buf *out, const json_t *boost);

#endif
