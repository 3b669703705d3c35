/* switched.c - see switched.h. */
#include "sim/switched.h"

#include <stdlib.h>

#include "sim/timer.h"

#define BREAK(v, rule, ...) verdict_break((v)->verdict, rule, __VA_ARGS__)
#define CLOCK_SET_US USEC_PER_SEC /* less is the clock's own going */

/* Is nothing another but what a mode fills in? */
static bool is_switch(const struct ev_settings *was, const struct ev_settings *is)
{
    struct ev_settings same = *is;
    bool all = true;
    same.policy = was->policy;
    same.defer = was->defer;
#define F(type, name) all &= same.name == was->name;
    EV_SETTINGS(F, F)
#undef F
    return all;
}

static void plan_of(const struct core *core, const struct core_event *ev, void **ret_scratch, struct core_plan *ret)
{
    size_t size = core_plan_size(core);
    *ret_scratch = aligned_alloc(16, (size + 15) & ~(size_t)15);
    if (!*ret_scratch)
        abort();
    if (core_plan(core, ev->wall_at, ev->boot_at, *ret_scratch, size, ret) < 0)
        *ret = (struct core_plan){ 0 };
}

static const struct ledger_moved *moved_of(const struct ledger_moved *list, size_t n, job_id id)
{
    for (size_t i = n; i > 0; i--)
        if (list[i - 1].job == id)
            return &list[i - 1];
    return NULL;
}

static usec_t length_us(const struct core *core, job_id id)
{
    struct forecast f = { 0 };
    core_forecast(core, id, 0, &f);
    return f.p90_us;
}

void switched_before(struct invariant *v, const struct core *core, const struct core_event *ev)
{
    struct core_plan plan;
    void *scratch;
    v->switched.pure = v->switched.known && ev->wall_at == v->switched.stepped_at && is_switch(&v->switched.settings, &ev->settings);
    if (!v->switched.pure)
        return;
    plan_of(core, ev, &scratch, &plan);
    v->switched.rows = sim_grow(v->switched.rows, &v->switched.rows_size, plan.rows_n + 1, sizeof *v->switched.rows);
    v->switched.late_us = sim_grow(v->switched.late_us, &v->switched.late_size, plan.rows_n + 1, sizeof *v->switched.late_us);
    v->switched.rows_n = plan.rows_n;
    v->switched.moved_n = 0;
    for (uint32_t i = 0; i < plan.rows_n; i++) {
        const struct plan_row *r = &plan.rows[i];
        struct explanation e;
        v->switched.rows[i] = *r;
        v->switched.late_us[i] = length_us(core, r->job);
        const struct ledger_job *j = r->state == JOB_PENDING ? invariant_job(v, r->job) : NULL;
        if (!j || core_explain(core, r->job, &plan, &e) < 0 || !e.moved_from_at)
            continue;
        v->switched.moved = sim_grow(v->switched.moved, &v->switched.moved_size, v->switched.moved_n + 1,
                                     sizeof *v->switched.moved);
        v->switched.moved[v->switched.moved_n++] = (struct ledger_moved){ r->job, j->attempt, e.moved_from_at };
    }
    free(scratch);
}

/* What runs: the same GPUs, the same word of its end. */
static bool row_same(const struct plan_row *a, const struct plan_row *b)
{
    return a->job == b->job && a->state == b->state && a->start_at == b->start_at && a->gpu_mask == b->gpu_mask &&
           a->end_p10_at == b->end_p10_at && a->end_p50_at == b->end_p50_at && a->end_p90_at == b->end_p90_at &&
           a->eyes_at == b->eyes_at && a->eyes_late_at == b->eyes_late_at;
}

static const struct plan_row *row_of(const struct core_plan *plan, job_id id)
{
    for (uint32_t i = 0; i < plan->rows_n; i++)
        if (plan->rows[i].job == id)
            return &plan->rows[i];
    return NULL;
}

void switched_after(struct invariant *v, const struct core *core, const struct core_event *ev, uint32_t n)
{
    struct core_plan plan;
    void *scratch;
    bool pure = v->switched.pure;
    v->switched.settings = ev->settings;
    v->switched.known = true;
    v->switched.pure = false;
    if (n)
        BREAK(v, "mode-switch", "settings by themselves start, stop or change %u jobs", n);
    if (!pure)
        return;
    plan_of(core, ev, &scratch, &plan);
    for (size_t i = 0; i < v->switched.rows_n; i++) {
        const struct plan_row *was = &v->switched.rows[i], *is = row_of(&plan, was->job);
        if (!is)
            BREAK(v, "mode-switch", "job %u is not in the plan after a switch of mode", was->job);
        else if (ledger_busy(was->state) && !row_same(was, is))
            BREAK(v, "mode-switch", "job %u runs, and what was told of its end is another after a switch of mode", was->job);
        else if (length_us(core, was->job) != v->switched.late_us[i])
            BREAK(v, "mode-switch", "the run time of job %u is forecast another after a switch of mode", was->job);
    }
    free(scratch);
}

/* --- starts ------------------------------------------------------------------------------------------- */

void switched_started(struct invariant *v, const struct core *core, const struct core_update *start)
{
    struct core_trade t = { 0 };
    if (start->value || !core_trade(core, start, &t)) /* a canary has no word of its own */
        return;
    v->switched.said = sim_grow(v->switched.said, &v->switched.said_size, v->switched.said_n + 1, sizeof *v->switched.said);
    v->switched.said[v->switched.said_n++] = (struct ledger_moved){ start->job, start->attempt, t.moved_from_at };
}

void switched_begun(struct invariant *v, job_id id, const struct ledger_job *j)
{
    const struct ledger_moved *said = moved_of(v->switched.said, v->switched.said_n, id);
    const struct ledger_moved *was = moved_of(v->switched.moved, v->switched.moved_n, id);
    bool steady = v->switched.steady_boot_at <= j->submit_boot_at;
    if (!said || !steady)
        return;
    if (!v->switched.moves && said->from_at && said->from_at > v->switched.still_boot_at + v->switched.off_us)
        BREAK(v, "mode", "job %u starts moved, which it first was in a mode that moves nobody's start", id);
    if (was && was->attempt == j->attempt && j->submit_boot_at <= v->switched.at_boot_at && said->from_at != was->from_at)
        BREAK(v, "mode-switch", "job %u was moved before a switch of mode, and starts as if it had not been", id);
}

void switched_event(struct invariant *v)
{
    bool moves = v->ev->settings.defer != 0;
    if (v->switched.moves && !moves)
        v->switched.still_boot_at = v->boot_at;
    v->switched.moves = moves;
    v->switched.at_boot_at = v->boot_at;
    v->switched.undecided = true;
}

void switched_decided(struct invariant *v)
{
    usec_t off_us = v->wall_at - v->boot_at, by_us = off_us - v->switched.off_us;
    if (by_us > CLOCK_SET_US || by_us < -CLOCK_SET_US)
        v->switched.steady_boot_at = v->boot_at;
    v->switched.off_us = off_us;
    v->switched.undecided = false;
    v->switched.said_n = 0;
}

/* --- looking ------------------------------------------------------------------------------------------ */

void switched_plan(struct invariant *v, const struct core_plan *plan)
{
    for (uint32_t i = 0; i < plan->rows_n && !v->switched.moves && !v->switched.undecided; i++) {
        const struct plan_row *r = &plan->rows[i];
        if (r->moved_to_at || r->reason == REASON_DEFERRED)
            BREAK(v, "mode", "job %u is to start later, in a mode that moves nobody's start", r->job);
    }
}

void switched_finish(struct invariant *v)
{
    free(v->switched.rows);
    free(v->switched.late_us);
    free(v->switched.moved);
    free(v->switched.said);
}
