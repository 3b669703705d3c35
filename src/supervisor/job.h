/* job.h - from a request to a running process.
 *
 * The child does, in this order and nothing else: leave our signal mask and dispositions, own session
 * (with its terminal, if it has one), limits, umask, nice, working directory, descriptors 0 1 2 (and the `alive` lock where there is no
 * cgroup), close the rest, a look at the code if that was asked for, exec.  We stand still meanwhile
 * (CLONE_VFORK); the first step that fails is left with its stage and errno in memory that both have.  The
 * child has all our memory (CLONE_VM) unless it looks at the code: copying page tables and then the pages
 * that both write to is most of what a fork costs.
 */
#ifndef EOUL_SUPERVISOR_JOB_H
#define EOUL_SUPERVISOR_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/request.h"

struct job_setup {
    const struct request *request;
    uint32_t job;
    const char *uuid;      /* as text */
    const char *script;    /* path of the script written for it, or NULL */
    int cwd_fd;
    int stdin_fd;
    int stdout_fd;
    int stderr_fd;
    int cgroup_fd;         /* -1: none */
    int alive_fd;          /* -1: none; else the job inherits it */
    bool is_pty;           /* stdin_fd is a terminal, to become the controlling one */
};

struct job_failure {
    uint32_t stage; /* enum attempt_stage; 0: none */
    int32_t error;
};

/* Run it: the pid, its pidfd, and 0; or -1 with the failure.  Waits until the command is executed. */
int job_start(const struct job_setup *s, pid_t *ret_pid, int *ret_pidfd, struct job_failure *failure);

#endif
