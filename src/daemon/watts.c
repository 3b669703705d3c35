/* watts.c - what running jobs take, as the probe sees it, for the power of the next like them.
 *
 * Of each running attempt the most that its GPUs took together is kept, smoothed over a minute: a contract counts a
 * quarter of an hour and a breaker bears a short peak, so one spike is no measure.  It goes into the journal with the
 * attempt's end.  Only what was seen since this daemon came up counts; 0 is "not known".
 */
#include "daemon/internal.h"

#define SMOOTH_US USEC_PER_MIN

/* All its GPUs together; -1: not known of every one. */
static int64_t taken_mw(const struct daemon *d, uint64_t mask)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < d->gpus_n && mask >> i; i++) {
        if (!(mask >> i & 1))
            continue;
        if (d->gpus[i].power_mw < 0)
            return -1;
        sum += d->gpus[i].power_mw;
    }
    return sum;
}

void watts_round(struct daemon *d)
{
    for (uint32_t i = 0; i < d->gpus_n && i < CORE_GPUS_MAX; i++) {
        struct core_gpu gpu;
        struct core_job job;
        struct watts *w = &d->watts[i];
        if (!core_gpu_get(d->core, i, &gpu) || !gpu.job || !core_job_get(d->core, gpu.job, &job) ||
            job.state != JOB_RUNNING || (uint32_t)__builtin_ctzll(job.gpu_mask) != i)
            continue; /* kept under the first of its GPUs */
        int64_t mw = taken_mw(d, job.gpu_mask);
        if (mw < 0)
            continue;
        if (w->job != job.id || w->attempt != job.attempt)
            *w = (struct watts){ .job = job.id, .attempt = job.attempt, .at = d->now.boot_at };
        usec_t since_us = usec_min(usec_max(d->now.boot_at - w->at, 0), SMOOTH_US);
        w->mean_mw += (mw - w->mean_mw) * (since_us / USEC_PER_MSEC) / (SMOOTH_US / USEC_PER_MSEC);
        w->at = d->now.boot_at;
        w->most_mw = w->mean_mw > w->most_mw ? w->mean_mw : w->most_mw;
    }
}

int64_t watts_most(const struct daemon *d, job_id job, uint32_t attempt)
{
    for (uint32_t i = 0; i < CORE_GPUS_MAX; i++)
        if (d->watts[i].job == job && d->watts[i].attempt == attempt)
            return d->watts[i].most_mw;
    return 0;
}
