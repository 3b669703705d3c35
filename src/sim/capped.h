/* capped.h - a workload under a power cap: what each job takes, which can never start, and what was drawn.
 *
 * What a job takes is what the trace says (`watts`), else so much a GPU.  The plan books what it knows: with run times told
 * (exact, sigma) the truth is told at the submit, as with --watts; else full load until runs of that owner, command and
 * width have ended, then the P90 of what the last ten took, as live.  So what is drawn may be more than what is
 * booked; the figures tell both.  Of a journal that is read with what it told, `watts` of the submit are told instead, and
 * of a week that is played again what was known of each job at its submit.
 */
#ifndef EOUL_SIM_CAPPED_H
#define EOUL_SIM_CAPPED_H

#include "energy/powercap.h"
#include "sim/drive.h"

/* "6" (kW), or as in eoul.yaml. */
int capped_parse(struct str text, struct powercap *ret, struct err *err);

int64_t capped_job_mw(const struct trace_job *j, double gpu_watts);
int64_t capped_most_mw(const struct powercap *cap);

/* Counts out the jobs that alone take more than the highest cap. */
void capped_fit(struct trace *t, const struct powercap *cap, double gpu_watts);

/* The cap as the core is told it, from the quarter of an hour before `at`; no more than a decision looks ahead. */
struct capped_steps {
    struct cap at[CORE_CAPS_MAX];
    uint32_t n;
    usec_t until_at;
};
void capped_steps(const struct powercap *cap, const struct zone *zone, usec_t at, struct capped_steps *ret);

/* What all jobs drew together: the most at once, and for how long it was more than the cap (NULL: 0). */
void capped_draw(const struct drive_result *run, double gpu_watts, const struct powercap *cap, const struct zone *zone,
                 double *ret_peak_kw, double *ret_over_h);

#endif
