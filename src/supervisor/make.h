/* make.h - from what somebody asked for (a spec and the environment captured with it) and the facts of one
 * attempt to what a supervisor runs: argv, environment, directory, files, limits.
 *
 * One function for two places.  In personal mode the daemon makes the request.  In system mode it may not be
 * believed: the supervisor, with the rights of the job's user, makes it again from the very bytes that user
 * signed (order.h), and takes from the daemon only facts that are the scheduler's to say.
 *
 * Everything is borrowed.  make_request is pure but for memory: no clock, no files.
 */
#ifndef EOUL_SUPERVISOR_MAKE_H
#define EOUL_SUPERVISOR_MAKE_H

#include "base/err.h"
#include "base/usec.h"
#include "spec/spec.h"
#include "supervisor/request.h"

enum make_gpus { /* how a job is told which GPUs it has */
    MAKE_GPUS_UNSAID,   /* this machine has none */
    MAKE_GPUS_BY_UUID,
    MAKE_GPUS_BY_INDEX,
    MAKE_GPUS_COUNT
};

struct make_facts {
    uint32_t job, array_job; /* array_job 0: no array */
    uint32_t array_index;
    uint32_t attempt;        /* from 1 */
    uint32_t restarts;       /* of them so many were runs before this one; the others were canaries */
    usec_t canary_us;        /* it is a canary, so long; 0: a run */
    uint32_t cpus;
    uid_t uid;
    gid_t gid;
    usec_t start_at;         /* wall */
    usec_t limit_us;         /* 0: none */
    usec_t grace_us;
    uint64_t output_max, output_rate; /* bytes, bytes a second; 0: no bound */
    uint32_t looks;          /* 1: the submit was long ago, so it looks whether its code is the same */
    enum make_gpus gpu_words;
    const uint32_t *gpu_index;
    const char *const *gpu_uuid;
    uint32_t gpu_n;
    const char *user, *host; /* names, for patterns and SLURM_* */
    const char *slurm_dir;   /* first in PATH; "": none */
    const char *before;      /* path of eoul, to look with; "": not known */
};

#define MAKE_PATH_MAX 1024
/* The path of eoul from the directory of its links by Slurm's names; "" if there is none. */
void make_before(const char *slurm_dir, char ret[MAKE_PATH_MAX]);

/* Adds everything to a begun builder; the caller seals it. */
int make_request(const struct spec *spec, struct str environment_block, const struct make_facts *facts,
                 struct request_builder *b, struct err *err);

#endif
