/* capped.c - see capped.h. */
#include "sim/capped.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define AHEAD_US   (14 * USEC_PER_DAY) /* as the daemon tells it: a lower cap further ahead stops no start of today */
#define QUARTER_US (15 * USEC_PER_MIN)

int capped_parse(struct str text, struct powercap *ret, struct err *err)
{
    char with_unit[32];
    struct str s = str_trim(text);
    bool bare = s.len > 0 && s.len < sizeof(with_unit) - 3;
    for (size_t i = 0; i < s.len; i++)
        bare = bare && (s.ptr[i] == '.' || (s.ptr[i] >= '0' && s.ptr[i] <= '9'));
    if (!bare)
        return powercap_parse(text, ret, err);
    snprintf(with_unit, sizeof(with_unit), "%.*s kW", (int)s.len, s.ptr);
    return powercap_parse(str_of(with_unit), ret, err);
}

int64_t capped_job_mw(const struct trace_job *j, double gpu_watts)
{
    return j->watts_mw ? j->watts_mw : llround(gpu_watts * 1000) * j->gpus;
}

int64_t capped_most_mw(const struct powercap *cap)
{
    int64_t most = cap->base_mw;
    for (uint32_t i = 0; i < cap->n; i++)
        most = cap->part[i].mw > most ? cap->part[i].mw : most;
    return most;
}

/* In whole watts, as the core counts: a job's are rounded up, the cap's down. */
static int64_t whole_w(int64_t mw) { return (mw + 999) / 1000; }

void capped_fit(struct trace *t, const struct powercap *cap, double gpu_watts)
{
    int64_t most_w = capped_most_mw(cap) / 1000;
    size_t kept = 0;
    for (size_t i = 0; i < t->jobs_n; i++) {
        const struct trace_job *j = &t->jobs[i];
        int64_t w = whole_w(capped_job_mw(j, gpu_watts));
        if (w > most_w) {
            t->users[j->user].jobs--;
            trace_bad(t, err_set(&t->say, E_TOO_LARGE, "Line %u takes %" PRId64 " W; the power cap is %" PRId64 " W, so it could "
                                 "never start.", j->line, w, most_w));
        } else {
            t->jobs[kept++] = *j;
        }
    }
    t->jobs_n = kept;
}

void capped_steps(const struct powercap *cap, const struct zone *zone, usec_t at, struct capped_steps *ret)
{
    struct tariff_step steps[CORE_CAPS_MAX];
    struct tariff_steps s = { steps, 0, CORE_CAPS_MAX };
    usec_t from_at = at / QUARTER_US * QUARTER_US;
    ret->until_at = powercap_steps(cap, zone, from_at / USEC_PER_SEC, (from_at + AHEAD_US) / USEC_PER_SEC, &s) * USEC_PER_SEC;
    ret->n = s.n;
    for (uint32_t i = 0; i < s.n; i++)
        ret->at[i] = (struct cap){ steps[i].from_s * USEC_PER_SEC, steps[i].price_milli };
}

/* --- what was drawn ------------------------------------------------------------------------------- */

struct change {
    usec_t at;
    int64_t mw;
};

static int by_time(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->mw < y->mw ? -1 : x->mw > y->mw; /* who ends makes room for who starts */
}

/* Of [from_at, until_at), at so much. */
static usec_t over_us(const struct powercap *cap, const struct zone *zone, int64_t mw, usec_t from_at, usec_t until_at)
{
    usec_t sum = 0;
    for (usec_t at = from_at, next; at < until_at; at = next) {
        next = cap->n ? usec_min((at / QUARTER_US + 1) * QUARTER_US, until_at) : until_at;
        sum += mw > powercap_mw(cap, zone, at / USEC_PER_SEC) ? next - at : 0;
    }
    return sum;
}

void capped_draw(const struct drive_result *run, double gpu_watts, const struct powercap *cap, const struct zone *zone,
                 double *ret_peak_kw, double *ret_over_h)
{
    struct change *changes = calloc(2 * run->intervals_n + 1, sizeof(*changes));
    int64_t mw = 0, peak_mw = 0, least_mw = cap ? cap->base_mw : 0;
    usec_t sum_us = 0;
    size_t n = 0;
    if (!changes)
        abort();
    for (uint32_t i = 0; cap && i < cap->n; i++)
        least_mw = cap->part[i].mw < least_mw ? cap->part[i].mw : least_mw;
    for (size_t i = 0; i < run->intervals_n; i++) {
        const struct drive_interval *v = &run->intervals[i];
        int64_t takes_mw = capped_job_mw(&run->jobs[v->job].what, gpu_watts);
        if (v->until_at <= v->from_at)
            continue;
        changes[n++] = (struct change){ v->from_at, takes_mw };
        changes[n++] = (struct change){ v->until_at, -takes_mw };
    }
    qsort(changes, n, sizeof(*changes), by_time);
    for (size_t i = 0; i < n; i++) {
        mw += changes[i].mw;
        if (i + 1 == n || changes[i + 1].at == changes[i].at)
            continue;
        peak_mw = mw > peak_mw ? mw : peak_mw;
        if (cap && mw > least_mw)
            sum_us += over_us(cap, zone, mw, changes[i].at, changes[i + 1].at);
    }
    free(changes);
    *ret_peak_kw = (double)peak_mw / 1e6;
    *ret_over_h = (double)sum_us / (double)USEC_PER_HOUR;
}
