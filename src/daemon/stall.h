/* stall.h - does a running job still get on?
 *
 * A step is a change of how far the job says it is (spec/marks.h: eoul:progress, epochs and steps, bars).
 * Anything else it prints is none: a thread that goes on saying "alive" while the work hangs moves nothing.
 * A job is taken to hang when
 *
 *     it has made STALL_STEPS steps, so that there is an interval to go by;
 *     none has come for STALL_FOLD times the longest interval so far, and for `least_us`; and
 *     for STALL_IDLE_US its processes have used less than STALL_CPU_PPM of one CPU, and its GPUs, if it
 *     has any, were seen at less than STALL_GPU_PERCENT at each look.
 *
 * What cannot be measured (GPUs without a driver that tells, no process to be seen) is taken as at work:
 * better a night lost than a sound run stopped.  So a job that spins while it hangs (some collective
 * operations do) is not found, nor one that never says how far it is, nor one that made no step since the
 * daemon started.  Pure, but for stall_cpu.
 */
#ifndef EOUL_DAEMON_STALL_H
#define EOUL_DAEMON_STALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"

#define STALL_STEPS       3u
#define STALL_FOLD        4
#define STALL_LEAST_US    (10 * USEC_PER_MIN) /* a checkpoint on a slow disk, a long validation */
#define STALL_IDLE_US     USEC_PER_MIN
#define STALL_CPU_PPM     50000               /* a heartbeat, a progress bar that redraws itself */
#define STALL_GPU_PERCENT 2
#define STALL_ATTEMPTS_MAX 4u                 /* --on-stall=requeue: the fourth that hangs fails */

struct stall { /* zeroed to begin with */
    uint32_t done_ppm, steps;
    usec_t step_boot_at, longest_us;
    usec_t cpu_boot_at;  /* when cpu_us was measured; 0: not */
    int64_t cpu_us;
    usec_t idle_boot_at; /* idle since; 0: it is not, or nobody knows */
};

/* It says it is that far now. */
void stall_step(struct stall *s, uint32_t done_ppm, usec_t boot_at);
/* When it is time to look what its processes do, if no step comes before. */
usec_t stall_overdue_at(const struct stall *s, usec_t least_us);
/* Is it? */
bool stall_overdue(const struct stall *s, usec_t least_us, usec_t boot_at);
/* They have used so much CPU in all (-1: unknown), its GPUs are at rest.  True: it hangs. */
bool stall_hangs(struct stall *s, int64_t cpu_us, bool gpus_idle, usec_t idle_us, usec_t boot_at);

/* CPU time used so far by the processes of the attempt in this directory, or -1. */
int64_t stall_cpu(int dir_fd);

#endif
