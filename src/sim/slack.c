/* slack.c - see slack.h. */
#include "sim/slack.h"

#include "sim/explained.h"
#include "sim/timer.h"

#define DEPTH_MAX 8
#define LOOKED_AT 8 /* of so many jobs of a plan one's last good start */

#define BREAK(v, rule, ...) verdict_break((v)->verdict, rule, __VA_ARGS__)

/* One thing on the way, as it would be if the start were not moved, and as it would be if it is. */
struct pair {
    usec_t start_at[2], end_at[2];
};

struct look {
    struct invariant *v;
    const struct core *core;
    const struct core_plan *plan;
    job_id moved;
    bool late;
};

static usec_t length(const struct look *l, job_id id)
{
    struct forecast f = { 0 };
    core_forecast(l->core, id, 0, &f);
    return l->late ? f.p90_us : f.p50_us;
}

/* The only condition of its kind through which it waits for that target; NULL: there is none, or an alternative to it. */
static const struct dep *waits_for(const struct invariant *v, const struct ledger_job *j, job_id target)
{
    const struct dep *found = NULL;
    for (uint32_t i = 0; i < j->deps_n; i++) {
        const struct dep *d = &v->deps[j->deps_at + i];
        if (!d->scope && d->job == target && d->outcome == DEP_LIVE)
            found = d;
    }
    for (uint32_t i = 0; found && i < j->deps_n; i++) {
        const struct dep *d = &v->deps[j->deps_at + i];
        if (d != found && d->group == found->group)
            return NULL;
    }
    return found;
}

static void ready(const struct dep *d, const struct pair *of, usec_t begin_at, usec_t ret[2])
{
    for (int i = 0; i < 2; i++) {
        ret[i] = d->kind == DEP_AFTER ? of->start_at[i] + (usec_t)d->delay_s * USEC_PER_SEC : of->end_at[i];
        ret[i] = ret[i] < begin_at ? begin_at : ret[i];
    }
}

static void judge_todos(const struct look *l, job_id target, const struct pair *of)
{
    struct invariant *v = l->v;
    for (job_id id = target + 1; id <= v->last_id; id++) {
        const struct hands_todo *t = hands_of(v, id);
        const struct dep *d = t && t->state == TODO_OPEN ? waits_for(v, &v->jobs[id], target) : NULL;
        usec_t at[2];
        if (!d || t->pin_at)
            continue;
        ready(d, of, t->not_before_at, at);
        for (uint32_t w = 0; w < t->who_n; w++) {
            const struct hands_offers *o = &v->hands.offers[t->who[w]];
            for (uint32_t i = 0; i < o->n; i++)
                if (at[1] > at[0] && o->at[i].until_at > at[0] && o->at[i].from_at < at[1])
                    BREAK(v, "slack", "job %u is moved, and todo %u misses time that person %u offers for it", l->moved, id,
                          t->who[w]);
        }
    }
}

static void judge_behind(const struct look *l, job_id target, const struct pair *of, uint32_t depth)
{
    struct invariant *v = l->v;
    const struct ledger_job *t = invariant_job(v, target);
    if (depth > DEPTH_MAX || !t || t->ever_started || t->ever_ok || t->ever_bad)
        return;
    judge_todos(l, target, of);
    for (uint32_t i = 0; i < l->plan->rows_n; i++) {
        job_id id = l->plan->rows[i].job;
        const struct ledger_job *j = l->plan->rows[i].reason == REASON_DEPENDENCY ? invariant_job(v, id) : NULL;
        const struct dep *d = j ? waits_for(v, j, target) : NULL;
        struct pair p;
        if (!d)
            continue;
        ready(d, of, j->begun ? 0 : j->begin_at, p.start_at);
        for (int k = 0; k < 2; k++)
            p.end_at[k] = p.start_at[k] + length(l, id);
        usec_t was_at = explained_job_eyes(v, id, p.end_at[0]), is_at = explained_job_eyes(v, id, p.end_at[1]);
        if (was_at != is_at)
            BREAK(v, "slack", "job %u is moved, and job %u, which waits for it, is seen %lld s later for that%s", l->moved, id,
                  (long long)((is_at - was_at) / USEC_PER_SEC), l->late ? " nine times in ten" : "");
        judge_behind(l, id, &p, depth + 1);
    }
}

bool slack_waited_for(struct invariant *v, job_id id)
{
    for (job_id i = id + 1; i <= v->last_id; i++) {
        const struct ledger_job *j = &v->jobs[i];
        const struct hands_todo *t = hands_of(v, i);
        if (t ? t->state != TODO_OPEN : !j->known || job_state_is_final(j->state))
            continue;
        for (uint32_t k = 0; k < j->deps_n; k++)
            if (v->deps[j->deps_at + k].job == id)
                return true;
    }
    return false;
}

static void judge_last_good(struct invariant *v, const struct core *core, const struct core_plan *plan, const struct plan_row *r)
{
    struct explanation e;
    struct look l = { v, core, plan, r->job, false };
    if (r->state != JOB_PENDING || core_explain(core, r->job, plan, &e) < 0 || e.last_good_at == USEC_NEVER ||
        e.last_good_at <= e.start_at || !slack_waited_for(v, r->job))
        return;
    usec_t length_us = length(&l, r->job);
    struct pair p = { { e.start_at, e.last_good_at }, { e.start_at + length_us, e.last_good_at + length_us } };
    judge_behind(&l, r->job, &p, 0);
}

void slack_plan(struct invariant *v, const struct core *core, const struct core_plan *plan)
{
    for (uint32_t i = 0; i < plan->rows_n; i++) {
        const struct plan_row *r = &plan->rows[i];
        const struct ledger_job *j = r->moved_to_at ? invariant_job(v, r->job) : NULL;
        if (i % LOOKED_AT == plan->rows_n % LOOKED_AT)
            judge_last_good(v, core, plan, r);
        if (!j)
            continue;
        if (r->moved_from_at < plan->made_at || r->moved_to_at <= r->moved_from_at || r->start_at < r->moved_to_at)
            BREAK(v, "slack", "job %u is moved from before now, or not to later", r->job);
        for (int late = 0; late < 2; late++) {
            struct look l = { v, core, plan, r->job, late != 0 };
            usec_t length_us = length(&l, r->job);
            struct pair p = { { r->moved_from_at, r->moved_to_at },
                              { r->moved_from_at + length_us, r->moved_to_at + length_us } };
            if (late && !j->flex && !explained_presence_over(v, r->job) &&
                explained_job_eyes(v, r->job, p.end_at[0]) != explained_job_eyes(v, r->job, p.end_at[1]))
                BREAK(v, "slack", "job %u is moved, and is seen later for that nine times in ten", r->job);
            judge_behind(&l, r->job, &p, 0);
        }
    }
}

/* What is said at a decision is judged when it is committed: the submit may be of the same turn. */
void slack_started(struct invariant *v, const struct core *core, const struct core_update *start)
{
    struct core_trade t = { 0 };
    v->would = sim_grow(v->would, &v->would_size, start->job + 1, sizeof *v->would);
    if (!core_trade(core, start, &t))
        t.would_at = 0;
    v->would[start->job] = (struct span){ t.would_at, t.end_p90_at };
}

void slack_begun(struct invariant *v, job_id id, const struct ledger_job *j)
{
    usec_t would_at = id < v->would_size ? v->would[id].from_at : 0;
    explained_would(v, id, would_at ? would_at - v->wall_at : 0);
    if (!would_at)
        return;
    usec_t end_at = v->would[id].until_at, later_us = would_at - v->wall_at;
    if (v->defer != 1 || v->persons[j->owner].defer || j->flex || !(j->flags & JOB_CLEAN_TREE) ||
        j->flags & (JOB_NOW | JOB_URGENT | JOB_FIRST) || j->array_n || later_us <= 0)
        BREAK(v, "would", "job %u is said to have been moved later with its owner's word, and would not have been", id);
    else if (!explained_presence_over(v, id) && explained_job_eyes(v, id, end_at) != explained_job_eyes(v, id, end_at + later_us))
        BREAK(v, "would", "job %u is said to have been moved to where it is seen later nine times in ten", id);
}
