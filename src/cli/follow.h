/* follow.h - stay with a job until it ends: its output as it is written, where it stands meanwhile.
 *
 * The output files are read directly, with inotify, so that following costs the daemon nothing;
 * their end is known because the daemon says "over" only after the supervisor has written
 * everything.  When a file cannot be read here (another user's, another machine's), the daemon's
 * tail is shown at the end. The daemon may restart meanwhile: the job does not notice, and neither
 * does who follows it.
 *
 * Ctrl-C while following what `run` started: first time says what can be done; a second time
 * cancels the job and stays until it has ended; a third time leaves.  Without a terminal the first
 * one cancels. Ctrl-\ (SIGQUIT) leaves the job running, as do SIGHUP and SIGTERM.  `logs -f` and
 * `wait` only leave.
 */
#ifndef EOUL_CLI_FOLLOW_H
#define EOUL_CLI_FOLLOW_H

#include "cli/cli.h"
#include "cli/meet.h"

/* What salloc says of its job, once each, in Slurm's words: programs wait for them. */
struct allocation {
    bool pending, granted;
};
void allocation_say(struct cli *cli, struct allocation *a, const char *id, bool waits); /* cmd_run.c */

struct follow_options {
    bool output;  /* copy its output */
    bool once;    /* what is there now, then return (logs without -f) */
    bool cancels; /* Ctrl-C may cancel it (run) */
    bool quiet;   /* no line about its place and end */
    int64_t
        lines;  /* >= 0: begin so many lines before the end of what is there; -1: from the start */
    int stream; /* 0: both; 1: output only; 2: errors only */
    struct meet *meet; /* whoever runs it comes here, or NULL.  With `feeds` it brings the job's input, to which
                        * ours is copied; else following ends with meet->came_fd, for a session */
    bool feeds;
    struct allocation *allocation; /* or NULL */
};

/* *ret_job: the job when it ended (the caller's), or NULL if *ret_left or somebody came.  0 or a negative E_*. */
int follow_job(struct cli *cli, const char *id, const struct follow_options *o, json_t **ret_job,
               bool *ret_left);

#endif
