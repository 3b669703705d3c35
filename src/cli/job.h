/* job.h - what several verbs say about one job, from its JSON (doc/api.yaml: Row, Job). */
#ifndef EOUL_CLI_JOB_H
#define EOUL_CLI_JOB_H

#include "cli/cli.h"

/* "12" or "12_3"; valid as long as the JSON. */
const char *job_name_id(const json_t *job, char memory[32]);
bool job_is_over(const json_t *job);
bool job_is_waiting(const json_t *job);
bool job_never_began(const json_t *job); /* over, because it could not be started: it has no exit code */
bool job_went_well(const json_t *job); /* over, and COMPLETED */
/* The code a shell would have got: 0-255, 128 + signal; CLI_OWN_FAILURE if it never ran. */
int job_exit_status(const json_t *job);

/* "#0,1": those it has; else how many it asks for, "2", or "-". */
void job_gpus(struct buf *out, const json_t *job);
struct job_end { /* of a job that is not over; 0 or USEC_NEVER: not known */
    usec_t p10_at, p50_at, p90_at;
};
/* "13:40", or "13:10-15:10" when P10 and P90 differ; "-" when nobody knows. */
void job_end_about(struct cli *cli, struct buf *out, const struct job_end *end);
/* The same, or when it ended. */
/* "Wed 01:10-03:20" */
void job_between(struct cli *cli, struct buf *out, usec_t early_at, usec_t late_at);
void job_end(struct cli *cli, struct buf *out, const json_t *job);
/* One sentence: where it stands and what is expected. */
void job_sentence(struct cli *cli, struct buf *out, const json_t *job);
/* One sentence on how it ended. */
void job_ending(struct cli *cli, struct buf *out, const json_t *job);

/* GET /v1/jobs/ID; *ret is the caller's. */
int job_get(struct cli *cli, const char *id, json_t **ret);
/* Ask to be told when the row changes (http_send; answer by cli_answer). */
int job_watch(struct cli *cli, const char *id, const json_t *job);
#define JOB_WATCH_S 60 /* a long poll; the answer comes at the latest then */
#define JOB_WATCH_US ((JOB_WATCH_S + 30) * USEC_PER_SEC)

#endif
