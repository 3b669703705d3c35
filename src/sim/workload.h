/* workload.h - a trace, or the sample team, made ready to run: fitted to the machine, with calendars, zone and tariff. */
#ifndef EOUL_SIM_WORKLOAD_H
#define EOUL_SIM_WORKLOAD_H

#include "sim/compare.h"

/* In the place of a trace's name: a made-up office of twelve people on 16 GPUs (office.h), by o's seed. */
#define WORKLOAD_SAMPLE       "sample"
#define WORKLOAD_SAMPLE_WEEKS 6
#define WORKLOAD_SAMPLE_LOAD  0.7

struct workload {
    struct trace trace;
    enum trace_format format;
    struct zone zone;
    char zone_name[64];
    struct presence presence;
    struct billing *billing; /* NULL: electricity has no price */
    uint32_t gpus;       /* of the machine */
};

/* As `o` says.  `gpus` 0: o's, or what the trace says.  Jobs wider than the machine, and than `fit` GPUs (0: that
 * does not matter), are counted out.  On failure err has the sentence and *ret is finished. */
int workload_load(const struct compare_options *o, uint32_t gpus, uint32_t fit, struct workload *ret, struct err *err);
void workload_finish(struct workload *w);
bool workload_is_sample(const struct compare_options *o);
/* The rows that could not be used, on standard error. */
void workload_tell_faults(const struct workload *w, enum lang lang);
/* From the first submit, the trace's span in whole weeks, at least one. */
usec_t workload_weeks_until(const struct workload *w);

#endif
