/* rows.h - the daemon's lists of jobs (doc/api.yaml: Rows), read row by row.
 *
 * A list may have 100,000 rows; a tree of them all would cost more than showing them.  What stands beside the
 * rows is small and comes as a tree.
 */
#ifndef EOUL_CLI_ROWS_H
#define EOUL_CLI_ROWS_H

#include "cli/cli.h"

/* Texts are slices of the answer, as JSON (json_value_text reads them), valid during the call; what a row
 * lacks is empty or 0. */
struct row {
    struct str name_id, name, owner, account, state, reason, gpu_list;
    int64_t id, gpus, tasks, idle_us, exit_code, signal;
    usec_t start_at, end_at, end_p10_at, end_p50_at, end_p90_at, eyes_at;
};

/* GET path; `each` is called for every row, with cli->now_at and the reader's zone already known; *ret_rest
 * (the caller's) is the answer without its rows, *ret_n how many there were. */
int rows_get(struct cli *cli, const char *path, void (*each)(const struct row *row, void *data), void *data,
             json_t **ret_rest, uint64_t *ret_n);

bool row_is(struct str json_text, const char *word); /* a word that nothing escapes */

#endif
