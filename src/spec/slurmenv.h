/* slurmenv.h - what a job is told about itself: the SLURM_* variables that scripts read.
 *
 * Names and conditions are Slurm's: SLURM_NTASKS and SLURM_NPROCS only if --ntasks* was given,
 * SLURM_CPUS_PER_TASK only with -c, SLURM_MEM_PER_* and SLURM_GPUS* as they were asked for,
 * SLURM_RESTART_COUNT only after a restart, SLURM_JOB_END_TIME only with a time limit.  Ids are
 * decimal.  One machine: one node with number 0, and the script is rank 0 on it.
 * CUDA_VISIBLE_DEVICES and its like are the engine's to set: they need UUIDs.  Pure.
 */
#ifndef EOUL_SPEC_SLURMENV_H
#define EOUL_SPEC_SLURMENV_H

#include "base/buf.h"
#include "spec/spec.h"

struct slurmenv_facts { /* of one attempt */
    uint32_t job;          /* its own id; of an array task too */
    uint32_t array_job;    /* 0: not an array task */
    uint32_t array_index;
    uint32_t restarts;     /* runs before this one: canaries are none */
    uint32_t uid, gid;
    struct str host, user;
    struct str tmpdir;     /* "": leave TMPDIR as it is */
    uint32_t cpus;         /* given to it */
    const uint32_t *gpus;  /* indices given to it */
    uint32_t gpus_n;
    usec_t start_at;
    usec_t end_at;         /* when its time limit ends it; 0 or USEC_NEVER: none */
};

/* Append "NAME=value" strings, each with its NUL. */
void slurmenv_make(struct buf *out, const struct spec *spec, const struct slurmenv_facts *facts);

#endif
