/* compare.h - `eoul sim --trace`: one workload, several policies, what each comes to. */
#ifndef EOUL_SIM_COMPARE_H
#define EOUL_SIM_COMPARE_H

#include "i18n/tr.h"
#include "sim/figures.h"

#define COMPARE_POLICIES_MAX 16

struct workload;

struct compare_policy {
    char word[24];      /* as typed */
    enum policy policy;
    bool preempt;
};

enum compare_checkpoint { CHECKPOINT_TRACE, CHECKPOINT_NONE, CHECKPOINT_ALL, CHECKPOINT_SHARE,
                          CHECKPOINT_OVER };

struct compare_options {
    const char *trace, *team, *calendars, *zone, *tariff;
    double person_hour; /* the tariff counts in the plan, beside people at so much an hour; 0: it does not */
    enum trace_format format;
    bool format_given, json, sessions, closed_loop, no_eta, quiet;
    bool bound;             /* beside what can be had at best (bound.h), by so many steps */
    uint32_t bound_steps;
    uint32_t gpus;          /* 0: the trace's own */
    struct compare_policy policies[COMPARE_POLICIES_MAX];
    uint32_t policies_n;
    enum drive_estimates estimates;
    double sigma;
    enum mode mode;         /* of blend ... */
    bool weekly;            /* ... in the first week, and then picked anew each week (mode.h) */
    bool agreed;            /* everybody agreed that starts are moved later */
    enum compare_checkpoint checkpoint;
    double checkpoint_share;    /* of jobs, drawn by seed */
    usec_t checkpoint_over_us;  /* those told to run longer */
    double watts;               /* of a GPU in use */
    const char *power_cap;      /* as typed; NULL: none */
    struct powercap cap;        /* ... and what it means */
    double shake;               /* every run and submit a little other, by seed; 0: as they were */
    struct ev_settings settings;
    uint64_t seed;
};

void compare_defaults(struct compare_options *o);
/* One option of the command line and its value; false: not one of ours, or its value cannot be.
 * *ret_took says whether the value was used; err, where there is more to say than that. */
bool compare_option(struct compare_options *o, const char *name, const char *value, bool *ret_took, struct err *err);
/* "blend", "blend-np" (nobody makes way), "saf-p" (whoever may makes way). */
bool compare_policy_parse(struct str word, struct compare_policy *ret);
/* What no order could beat, in mean hours over all jobs of the trace; `best_h` is the least that a policy came to. */
struct compare_bound {
    double h, preemptive_h;
    double results_per_person_week; /* closed loop: if nobody ever waited; the first two are 0 then */
    double results_worst_over_mean; /* ... the person with the fewest, by the mean; of teams only */
};
struct compare_bound compare_bound_of(const struct compare_options *o, const struct trace *t, const struct presence *p,
                                      uint32_t gpus, const struct powercap *cap, const struct zone *zone, double best_h);
/* In the open loop time by the least there can be, in the closed loop results by the most; NAN: there is no bound, or jobs were
 * dropped or never ended, which the bound counts and the mean does not.  `jobs` is of the trace; interrupts: somebody may be
 * interrupted under this policy. */
double compare_by_bound(const struct compare_options *o, const struct compare_bound *b, size_t jobs, bool interrupts,
                        const struct figures *f, double results_per_person_week);
void compare_print_bound(const struct compare_options *o, const struct compare_bound *b, enum lang lang);
/* Prints a table or one JSON object; an exit status. */
int compare_run(const struct compare_options *o, enum lang lang);

/* --- for the other verbs -------------------------------------------------------------------------- */

/* Sets the jobs' checkpoint flags as asked. */
void compare_mark(struct trace *t, const struct compare_options *o);
/* Run times times a log-normal factor of that deviation, submits up to six minutes earlier or later for 0.1. */
void compare_shake(struct trace *t, double shake, uint64_t seed);
/* The tariff by name or file, "none" (*ret NULL), or NULL for the one built in. */
int compare_billing(const char *name, struct billing **ret, struct err *err);
struct json_t *compare_json(const struct compare_policy *p, const struct figures *f,
                            const struct billing *b);
/* What is run, in one line and what follows of it: jobs, machine, calendars, estimates, blend's mode, the power cap. */
void compare_put_head(const struct compare_options *o, const struct workload *w, enum lang lang, struct buf *out);
/* What jobs take together is bounded by it; NULL: by nothing. */
const struct powercap *compare_cap(const struct compare_options *o);
/* "mode" and "agreed", as blend was run; "power_cap" and "watts_per_gpu". */
void compare_json_how(const struct compare_options *o, struct json_t *to);

#endif
