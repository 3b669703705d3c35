/* electric.c - see electric.h. */
#include "sim/electric.h"

#include <math.h>
#include <string.h>

#define LOOKED_AT 4     /* jobs of a plan: explaining each would be work squared */
#define SHARE     0.02  /* what may differ: seconds and watt-hours are cut ... */
#define LEAST     2000  /* ... two units of the currency, and a minute of the power at the highest price: minutes are
                         * priced by their middle */

void electric_event(struct invariant *v)
{
    if (v->ev->kind == EVENT_GPU) {
        v->watts_mw[v->ev->gpu.gpu] = v->ev->gpu.watts_mw;
        return;
    }
    const struct ev_tariff *e = &v->ev->tariff;
    v->rates_n = e->hour_milli ? e->rates_n : 0;
    v->gpu_mw = e->gpu_mw;
    if (v->rates_n)
        memcpy(v->rates, e->rates, v->rates_n * sizeof *e->rates);
}

static double price_at(const struct invariant *v, usec_t t)
{
    uint32_t i = v->rates_n;
    while (i > 1 && v->rates[i - 1].from_at > t)
        i--;
    return (double)v->rates[i - 1].kwh_milli;
}

static double cost(const struct invariant *v, double kw, usec_t from_at, usec_t us)
{
    double sum = 0;
    for (usec_t t = 0; t < us; t += USEC_PER_MIN)
        sum += price_at(v, from_at + t + USEC_PER_MIN / 2) * (double)usec_min(us - t, USEC_PER_MIN) / (double)USEC_PER_HOUR;
    return sum * kw;
}

static double power_kw(const struct invariant *v, uint32_t gpus, uint32_t type)
{
    double sum = 0, n = 0;
    for (uint32_t g = 0; g < CORE_GPUS_MAX; g++)
        if (v->gpus[g].known && (!type || v->gpus[g].type == type)) {
            sum += (double)(v->watts_mw[g] > 0 ? v->watts_mw[g] : v->gpu_mw) / 1e6;
            n++;
        }
    return n > 0 ? gpus * sum / n : gpus * (double)v->gpu_mw / 1e6;
}

static double minute(const struct invariant *v, double kw)
{
    double most = 0;
    for (uint32_t i = 0; i < v->rates_n; i++)
        most = fmax(most, fabs((double)v->rates[i].kwh_milli));
    return most * kw / 60;
}

static void compare(struct invariant *v, job_id job, const char *when, double said, double is, double minute_cost)
{
    if (fabs(said - is) > LEAST + SHARE * fabs(is) + minute_cost)
        verdict_break(v->verdict, "electricity", "job %u's electricity is said to cost %.0f %s and costs %.0f", job, said,
                      when, is);
}

void electric_plan(struct invariant *v, const struct core *core, const struct core_plan *plan)
{
    uint32_t looked = 0;
    for (uint32_t i = 0; i < plan->rows_n && looked < LOOKED_AT && v->rates_n; i++) {
        const struct plan_row *r = &plan->rows[i];
        const struct ledger_job *j = &v->jobs[r->job];
        struct explanation x;
        if (r->state != JOB_PENDING || r->start_at == USEC_NEVER || j->gpus == 0 || core_explain(core, r->job, plan, &x) < 0)
            continue;
        double kw = power_kw(v, j->gpus, j->gpu_type);
        looked++;
        if (fabs((double)x.power_mw / 1e6 - kw) > 2e-6 * j->gpus)
            verdict_break(v->verdict, "electricity", "job %u is said to take %.3f kW, and its GPUs take %.3f", r->job,
                          (double)x.power_mw / 1e6, kw);
        compare(v, r->job, "now", (double)x.now_cost_milli, cost(v, kw, plan->made_at, x.forecast.p50_us), minute(v, kw));
        compare(v, r->job, "then", (double)x.start_cost_milli, cost(v, kw, r->start_at, x.forecast.p50_us), minute(v, kw));
    }
}
