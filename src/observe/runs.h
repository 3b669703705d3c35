/* runs.h - what is seen on GPUs, made into runs.
 *
 * The driver lists processes; people start runs.  Processes of one user are one run if they are of one attempt of
 * eoul, of one process group (a command line), or have one parent that is no session's first process and began
 * within RUN_TOGETHER_US of each other (torchrun starts a worker a GPU, each in a session of its own; two kernels of
 * one notebook server are begun at different times).  A run begins when its first process did, has as many GPUs as
 * were seen in use at once, and ends between the last round that saw it and the first that did not.
 *
 * Pure: sightings in, ended runs out.  A round in which a GPU's processes cannot be listed ends nothing on that GPU.
 * Whoever asks decides which users' processes are passed in at all.
 */
#ifndef EOUL_OBSERVE_RUNS_H
#define EOUL_OBSERVE_RUNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"

#define RUNS_MAX        1024 /* at once; each uses a GPU, and 64 GPUs are looked at */
#define RUN_TOGETHER_US (60 * USEC_PER_SEC)
#define RUN_WORD_MAX    16   /* of the program's name, as the kernel keeps it */

struct sight { /* one process on one GPU */
    uint32_t uid;
    int32_t pid, parent, group; /* parent 0: it tells nothing (init, or a shell) */
    uint64_t ticks;             /* start time: with pid its name until the next boot */
    uint32_t gpu;
    usec_t start_at;            /* wall */
    char attempt[40];           /* of eoul; "" */
    char command[RUN_WORD_MAX];
};

struct run {
    uint32_t uid;
    int32_t pid, parent, group; /* of its first process */
    uint64_t ticks;
    usec_t start_at, newest_at; /* of its first process, and of the last that joined */
    usec_t seen_at;             /* the last round that saw it */
    uint64_t gpus;              /* in that round */
    uint32_t gpus_n;            /* most at once */
    uint64_t watts_mw_sum;      /* of the rounds that knew the power of all its GPUs */
    uint32_t watts_n;
    char attempt[40];
    char command[RUN_WORD_MAX];
    bool seen;                  /* by the round under way */
};

struct runs {
    struct run at[RUNS_MAX];
    uint32_t n;
    uint32_t dropped; /* sightings beyond RUNS_MAX: counted, never in silence */
};

struct round {
    usec_t now_at;
    const struct sight *sights;
    uint32_t sights_n;
    uint64_t blind;            /* GPUs whose processes could not be listed */
    int64_t gpu_mw[64];        /* -1: not known */
};

/* ended(run, end_at, data) for each run that is over; it is gone from the table then. */
typedef void runs_ended(const struct run *run, usec_t end_at, void *data);
void runs_round(struct runs *runs, const struct round *round, runs_ended *ended, void *data);

/* Runs of an earlier observer: those whose first process is gone have ended when they were last seen. */
void runs_resume(struct runs *runs, bool (*alive)(const struct run *run, void *data), runs_ended *ended, void *data);
/* Forget everything of that user: they have left. */
void runs_forget(struct runs *runs, uint32_t uid);
/* Mean power of all its GPUs; 0: not known. */
int64_t run_mean_mw(const struct run *run);

#endif
