/* machine.h - the box of a made-up world: GPUs, processes, attempt directories, what goes wrong.
 *
 * It plays launcher, supervisor and engine together, on the attempt protocol (doc/attempts.md)
 * as the daemon sees it (engine/engine.h):
 *
 *     start ─▶ launching ─▶ running ─▶ ended        a start is taken once for each (job, attempt);
 *                 │            │  ╰──▶ lost           the directory is exclusive, as on a disk
 *                 ╰─▶ failed   ╰─ stop, time limit
 *
 * An attempt outlives the daemon.  Facts are said once while somebody listens and again to
 * machine_recover, until machine_forget.  What will become of an attempt (its fate: true run time,
 * exit code, a supervisor that dies) is known here alone; the shell passes it through unseen.
 *
 * It is also the witness: who really uses which GPU is kept apart from what the core believes, and
 * breaks the verdict when a GPU is used twice, an attempt starts twice or two attempts of a job meet.
 */
#ifndef EOUL_SIM_MACHINE_H
#define EOUL_SIM_MACHINE_H

#include <stdint.h>

#include "base/map.h"
#include "core/event.h"
#include "sim/timer.h"
#include "sim/verdict.h"

#define MACHINE_GPUS_MAX 64

enum fate_kind { FATE_EXITS, FATE_SIGNAL, FATE_OOM, FATE_NEVER_LAUNCHES, FATE_LOSES_SUPERVISOR };

struct fate {
    enum fate_kind kind;
    usec_t launch_us; /* from the request to the claim */
    usec_t run_us;    /* from the claim to its own end */
    usec_t grace_us;  /* how long it takes to die when told to */
    usec_t linger_us; /* processes of it that outlive supervisor or SIGKILL: quarantine; 0: none */
    bool resumes;     /* told to stop, it keeps its work: the next attempt does the rest */
    usec_t restart_us; /* ... and needs so much more for it */
    int32_t code;
};

enum fact_kind { FACT_STARTED, FACT_ENDED, FACT_START_FAILED, FACT_NEVER_STARTED, FACT_LOST,
                 FACT_RELEASED, FACT_GPU };

struct fact {
    enum fact_kind kind;
    job_id job;
    uint32_t attempt;
    uint32_t cause; /* enum end_cause */
    int32_t code, signal;
    bool quarantine;
    uint64_t gpus; /* RELEASED: those it had; FACT_GPU: those to look at again */
};

enum attempt_stage { AT_LAUNCHING, AT_RUNNING, AT_ENDED, AT_FAILED, AT_LOST, AT_NEVER };

struct attempt {
    job_id job;
    uint32_t number;
    enum attempt_stage stage;
    uint64_t gpus;
    struct fate fate;
    usec_t limit_us;
    usec_t claimed_boot_at;
    usec_t end_boot_at;     /* of the command; planned while it runs */
    usec_t stop_boot_at;    /* when it dies because it was told to; USEC_NEVER: not told */
    usec_t gone_boot_at;    /* when the last of its processes is gone */
    uint32_t claims;
    bool tree;              /* some process of it lives: its GPUs are in use */
    bool quarantine;
    bool forgotten;
    bool resumed;           /* run_us is the rest of a run and what its restart costs */
    usec_t kept_us;         /* work of it that the next attempt need not do */
    struct fact fact;       /* how it is over, for machine_recover */
};

struct machine {
    uint32_t gpus_n;
    struct timers timers;   /* what: index of the attempt */
    struct attempt *attempts;
    size_t attempts_n, attempts_size;
    struct map by_name;     /* job << 32 | attempt */
    uint32_t holder[MACHINE_GPUS_MAX]; /* attempt index + 1 whose processes use it */
    bool foreign[MACHINE_GPUS_MAX];
    bool gone[MACHINE_GPUS_MAX]; /* fallen off the bus */
    struct fact *facts;     /* a queue: facts[facts_at..facts_n) */
    size_t facts_at, facts_n, facts_size;
    bool heard;             /* somebody listens; facts said to nobody are lost */
    bool no_claim;          /* planted: the directory is not exclusive, recovery guesses */
    usec_t now_boot_at;
    struct verdict *verdict;
    uint64_t starts, failed, lost; /* counts for reports */
};

void machine_init(struct machine *m, uint32_t gpus_n, struct verdict *verdict);
void machine_finish(struct machine *m);

/* When something next happens by itself; USEC_NEVER.  machine_run makes all that is due happen. */
usec_t machine_due(const struct machine *m);
void machine_run(struct machine *m, usec_t boot_at);
bool machine_next(struct machine *m, struct fact *ret);
void machine_deaf(struct machine *m); /* the daemon died: what was said to it is gone */

/* The engine's calls.  machine_start: E_EXISTS if that attempt was ever started or buried. */
int machine_start(struct machine *m, job_id job, uint32_t attempt, uint64_t gpus, usec_t limit_us,
                  const struct fate *fate);
void machine_stop(struct machine *m, job_id job, uint32_t attempt);
void machine_limit(struct machine *m, job_id job, uint32_t attempt, usec_t limit_us);
void machine_recover(struct machine *m, job_id job, uint32_t attempt);
void machine_forget(struct machine *m, job_id job, uint32_t attempt);

/* What comes from outside. */
bool machine_kill_supervisor(struct machine *m, job_id job, uint32_t attempt);
void machine_foreign(struct machine *m, uint32_t gpu, bool taken);
/* Its job fails within a second, and none starts on it; nobody else's notices. */
void machine_gpu_gone(struct machine *m, uint32_t gpu, bool gone);
/* Nothing of the machine has gone on until `until_at`: work takes so much longer, time limits do not. */
void machine_suspend(struct machine *m, usec_t until_at);
void machine_power_cycle(struct machine *m); /* every process dies; directories stay */
const struct attempt *machine_find(const struct machine *m, job_id job, uint32_t attempt);

#endif
