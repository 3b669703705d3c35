/* figures.h - what a run came to: waiting of people, use of GPUs, price of electricity, fairness.
 *
 * Hours are means over the jobs that ended; a job whose deadline passed while it waited is counted apart.
 *
 *     tte       from submit until the owner can look at the result
 *     delay     tte minus what it would be had the job started at once
 *     jct       from submit to end;  wait: from submit to the first start
 *     utilisation       share of the GPUs' hours in use between the first and the last submit
 *     off_hours_share   share of the hours in use that lie outside Monday to Friday 9 to 18 local
 *     jain              Jain's index over the owners' mean delays; worst_over_mean: the worst of them by the
 *                       mean of all jobs' delays.  Owners with at least FIGURES_JOBS_MIN jobs count
 *     cost_per_kwh      money for a kWh, weighed by when the GPUs drew it
 *     eta_p10 to p90    share of the looked-at jobs that ended by the P10 (P50, P90) told at their submit; eta_octaves: how often
 *                       the time from the submit to the P10 doubles until the P90, mean
 *     pinball           loss of a forecast run time, of natural logarithms: short by x costs q x, long by x (1 - q) x.
 *                       pinball_last_two takes the mean of the user's last two runs for the P50; both count the jobs whose
 *                       user had one
 */
#ifndef EOUL_SIM_FIGURES_H
#define EOUL_SIM_FIGURES_H

#include "energy/billing.h"
#include "energy/powercap.h"
#include "sim/drive.h"

#define FIGURES_JOBS_MIN 10
#define FIGURES_ETA_MIN  200 /* looked-at jobs of a user whose own coverage is told */
#define FIGURES_HOURS    168 /* of a local week, Monday first */

struct figures {
    uint32_t jobs, dropped, unfinished, preemptions;
    double tte_mean_h, tte_p50_h, tte_p90_h, tte_p95_h;
    double delay_mean_h, delay_p50_h, delay_p90_h, delay_p95_h;
    double jct_mean_h, wait_mean_h;
    double utilisation, off_hours_share;
    double gpu_h, lost_gpu_h;      /* in use; of it work done again or restarts */
    double kwh, cost, cost_per_kwh; /* money in the tariff's currency */
    double jain, worst_over_mean;
    uint32_t owners;               /* those counted in jain */
    double eta_p10_coverage, eta_p50_coverage, eta_p90_coverage, eta_octaves;
    uint32_t eta_n;
    uint32_t eta_users, eta_users_well; /* with FIGURES_ETA_MIN jobs; of them those with 80 to 97 % by their P90 */
    double eta_p90_least, eta_p90_most; /* coverage of these users' P90: the worst off both ways */
    double run_p50_coverage, run_p90_coverage, pinball_p50, pinball_p90, pinball_last_two;
    uint32_t pinball_n;
    uint64_t events, decisions;    /* of the core */
    uint32_t off_hours_ends;       /* results that came while their owner was away: nobody was called */
    double busy_by_hour[FIGURES_HOURS]; /* mean share of the GPUs in use at that hour of the week */
    uint32_t mode_weeks[MODE_COUNT]; /* drive_result's */
    double peak_kw, booked_peak_kw; /* under a power cap: the most that was drawn, and booked, at once */
    double over_cap_h;             /* more was drawn than the cap */
    uint64_t over_booked;          /* drive_result's */
    double wall_s;
};

struct figures_options {
    const struct zone *zone;
    const struct billing *billing; /* NULL: no cost */
    double gpu_watts;            /* of a GPU in use; of jobs that tell none */
    const struct powercap *cap;  /* NULL: none */
    uint32_t gpus;
    usec_t from_at;              /* jobs submitted before are not counted; 0: all are */
    usec_t until_at;             /* utilisation ends here; 0: at the last submit */
};

/* When the owner of such a job can look at what comes at t, in truth. */
usec_t figures_seen_at(const struct presence *p, const struct trace_job *w, usec_t t);

void figures_make(const struct drive_result *run, const struct presence *presence,
                  const struct figures_options *options, struct figures *ret);

#endif
