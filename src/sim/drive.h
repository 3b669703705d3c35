/* drive.h - a workload through the queue's own decisions, in virtual time and without faults.
 *
 * The core here is the one `eould` links.  It is told what a daemon would tell it: settings, machine, people
 * and their windows (60 days ahead, renewed every 14), each submit when it happens, starts and ends.  How
 * long a job really runs reaches it as the ENDED event and in no other way; what it may know beforehand is
 * the estimate (drive_estimates).  With `double_after_at` every attempt that would end later runs twice as
 * long: nothing decided until then may change (test/unit/test_drive.c).
 *
 * Over 64 GPUs, the most a core knows one by one, jobs take slots of one pool instead; nothing else
 * changes but that POLICY_BOOKED is then not to be had.
 *
 * Of a journal that was read with what it told (trace_options.told), what people may have, and what jobs met, happens, too:
 * GPUs in and out of use, a closed queue, quotas, reservations, boosts of persons, projects and jobs (not of arrays, of which a
 * trace knows only the tasks).  A limit of GPUs lets in what ran once, however wide: it may have been raised for it, or lowered
 * since.  What can never start ends no run, but the run ends: 400 days after the last job ended or came.
 *
 * Open loop: the trace's jobs come when the trace says.  Closed loop: hooks->over tells of each end, and
 * drive_submit adds jobs; see closed.h.
 */
#ifndef EOUL_SIM_DRIVE_H
#define EOUL_SIM_DRIVE_H

#include "cal/tzif.h"
#include "core/core.h"
#include "core/mode.h"
#include "energy/billing.h"
#include "energy/powercap.h"
#include "sim/presence.h"
#include "sim/trace.h"

#define DRIVE_PERSONS_MAX (CORE_PERSONS_MAX - 1) /* one number is left for everyone else */

enum drive_estimates { ESTIMATE_EXACT, ESTIMATE_SIGMA, ESTIMATE_LIMIT, ESTIMATE_HISTORY };

struct drive_told {
    usec_t estimate_us;   /* 0: nothing */
    uint32_t estimate_sd_milli; /* of its natural logarithm */
    int64_t watts_mw;     /* 0: nothing, so full load */
};

struct drive_job {
    struct trace_job what;
    struct drive_told told;
    struct drive_told known; /* weekly, foresee: the forecast at its submit */
    uint32_t attempts, preemptions;
    usec_t start_at;      /* of the first attempt; 0: never */
    usec_t end_at;        /* 0: never ended well or badly */
    usec_t eta_p10_at, eta_p50_at, eta_p90_at; /* as of its submit; 0: not looked at */
    usec_t run_p50_us, run_p90_us; /* its length as forecast at its submit; 0: not looked at */
    usec_t last_two_us;   /* mean of the last two runs of its user that had ended by then; 0: there were none */
    bool dropped;         /* its deadline passed while it waited */
    /* under way */
    job_id id;            /* in the core; 0: not yet submitted */
    bool running;
    usec_t attempt_at, due_at;
    usec_t kept_us;       /* work that need not be done again */
    usec_t overhead_us;   /* of this attempt, before it does new work */
    usec_t breaks_us;     /* it fails after so long until its owner has mended it; 0: it is sound */
    bool canary;          /* this attempt is one */
};

struct drive_interval { /* GPUs in use */
    usec_t from_at, until_at;
    uint32_t job, gpus;
};

struct drive;
struct drive_hooks {
    void *user;
    /* The core is founded; jobs may be submitted. */
    void (*begin)(void *user, struct drive *d);
    /* A job is over at drive_now (not when it is only preempted). */
    void (*over)(void *user, struct drive *d, uint32_t job);
    /* Now and then, for a progress bar: jobs over, of how many known. */
    void (*progress)(void *user, size_t over, size_t known);
};

struct drive_options {
    enum policy policy;
    bool preempt;         /* jobs that allow it make way */
    uint32_t gpus;
    uint64_t seed;
    enum drive_estimates estimates;
    double sigma;         /* ESTIMATE_SIGMA: of the natural logarithm */
    bool no_eta;
    usec_t from_at;       /* when it begins; 0: at the first submit */
    usec_t until_at;      /* no event after it; 0: until everything has ended */
    usec_t double_after_at;
    enum mode mode;       /* of blend; with `weekly` in the first week */
    bool weekly;          /* ... picked anew each week by replaying the last four */
    bool foresee;         /* drive_job.known is filled in, as with `weekly` */
    bool agreed;          /* everybody agreed that starts are moved later */
    const struct drive_told *told; /* by job of the trace: what is known of its length and power, whatever `estimates`; NULL: as they say */
    const struct ev_settings *settings; /* NULL: CORE_SETTINGS_DEFAULT; policy, seed, preempt and estimates are above */
    const struct billing *billing; /* what the plan is told of electricity, in zone; NULL: nothing */
    const struct zone *zone;
    double person_hour;   /* what an hour of a person is worth, in the tariff's currency */
    double gpu_watts;
    const struct powercap *cap; /* on what jobs take together, in zone (capped.h); NULL: none */
    double early_fail;    /* so many of the jobs fail within their first minutes.  Their owner sees it when they look next,
                           * mends it in half an hour of their time and submits it again */
    usec_t canary_us;     /* every job asks for a canary of so long; 0: none does */
    bool check;           /* ask the core's own invariants after every decision (slow) */
};

struct drive_result {
    struct drive_job *jobs;
    size_t jobs_n;
    struct drive_interval *intervals;
    size_t intervals_n;
    usec_t from_at, until_at; /* first submit, last event */
    uint64_t events, decisions, preemptions, dropped;
    uint32_t booked_w_max; /* under a cap: the most that was booked at once */
    uint64_t over_booked;  /* decisions that started something and left more booked than the cap of then: never */
    uint32_t mode_weeks[MODE_COUNT]; /* weekly: whole weeks under each */
    uint64_t hash;        /* core_hash at the end */
    double wall_s;
};

/* The whole run.  `trace` holds at most DRIVE_PERSONS_MAX + 1 users and no job wider than the machine. */
int drive_run(const struct trace *trace, const struct presence *presence,
              const struct drive_options *options, const struct drive_hooks *hooks,
              struct drive_result *ret, struct err *err);
void drive_result_finish(struct drive_result *r);

/* --- inside hooks --------------------------------------------------------------------------------- */

usec_t drive_now(const struct drive *d);
const struct drive_job *drive_job_of(const struct drive *d, uint32_t job);
/* A further job; submit_at is now or later.  Returns its number. */
uint32_t drive_submit(struct drive *d, const struct trace_job *job);

#endif
