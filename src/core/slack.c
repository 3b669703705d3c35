/* slack.c - see slack.h. */
#include "core/slack.h"

#include <string.h>

#include "core/avail.h"
#include "core/band.h"
#include "core/estimate.h"
#include "core/graph.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/offer.h"
#include "core/queue.h"
#include "core/todo.h"

enum { LIKELY, LATE, CASES };

/* Start or end of something behind the job: when, in both cases, and how much later the job could be before this moves. */
struct moment {
    usec_t at[CASES], room_us[CASES];
};

struct walk {
    const struct core *c;
    usec_t slack_us; /* the least so far */
    uint32_t nodes, depth;
};

static void behind(struct walk *w, uint32_t node, const struct moment *start, const struct moment *end);

static bool is_out(struct walk *w)
{
    if (++w->nodes > SLACK_NODES || w->depth > SLACK_DEPTH)
        w->slack_us = 0;
    return w->slack_us == 0;
}

static void not_before(struct moment *m, usec_t at)
{
    for (int i = 0; i < CASES; i++)
        if (m->at[i] < at) {
            m->room_us[i] = usec_add(m->room_us[i], at - m->at[i]);
            m->at[i] = at;
        }
}

static void later(struct moment *m, usec_t likely_us, usec_t late_us)
{
    m->at[LIKELY] = usec_add(m->at[LIKELY], likely_us);
    m->at[LATE] = usec_add(m->at[LATE], late_us);
}

/* It must be no later than that, in this case. */
static void bound(struct walk *w, const struct moment *m, int i, usec_t until_at)
{
    usec_t left_us = m->at[i] == USEC_NEVER ? 0 : usec_max(until_at - m->at[i], 0);
    w->slack_us = usec_min(w->slack_us, usec_add(m->room_us[i], left_us));
}

/* A run of this job that ends then: how long until it is seen, or due? */
static void seen(struct walk *w, const struct job *j, const struct moment *end)
{
    for (int i = 0; i < CASES; i++) {
        bound(w, end, i, avail_job_eyes(w->c, j, end->at[i]));
        if (j->deadline_at)
            bound(w, end, i, j->deadline_at);
    }
}

static void behind_job(struct walk *w, const struct job *j, struct moment start)
{
    struct forecast f = band_forecast(w->c, j, 0);
    if (j->begin_at && !(j->flags & JOBX_BEGUN))
        not_before(&start, j->begin_at);
    struct moment end = start;
    later(&end, f.p50_us, f.p90_us);
    seen(w, j, &end);
    if (slack_single(w->c, j))
        w->slack_us = 0;
    behind(w, j->dependents, &start, &end);
}

/* Has a task work behind it that the first has not, another reviewer, or anything else of its own? */
static bool is_apart(const struct core *c, const struct job *task, const struct class_key *first)
{
    struct class_key key = queue_class_key(c, task);
    return c->settings.slack != 1 && memcmp(&key, first, sizeof key) != 0;
}

/* Tasks are alike, or there is no slack; those that may not run together come in waves.  Whoever waits for one of them
 * waits for the last. */
static void behind_array(struct walk *w, const struct array *a, struct moment start)
{
    const struct core *c = w->c;
    uint32_t place = job_place_after(c, a->id - 1), waves = a->max ? (a->live + a->max - 1) / a->max : 1;
    const struct job *first = &jobs_of(c)[ids_of(c)[place].slot];
    struct forecast f = band_forecast(c, first, 0);
    struct class_key alike = queue_class_key(c, first);
    if (first->begin_at && !(first->flags & JOBX_BEGUN))
        not_before(&start, first->begin_at);
    struct moment end = start;
    for (uint32_t i = 0; i < waves && !is_out(w); i++) {
        start = end;
        later(&end, f.p50_us, f.p90_us);
        seen(w, first, &end);
    }
    for (; place < c->by_id_n && !is_out(w); place++) {
        uint32_t slot = ids_of(c)[place].slot;
        if (slot == NONE)
            continue;
        if (jobs_of(c)[slot].array_id != a->id)
            break;
        if (is_apart(c, &jobs_of(c)[slot], &alike) || slack_single(c, &jobs_of(c)[slot]))
            w->slack_us = 0;
        behind(w, jobs_of(c)[slot].dependents, &start, &end);
    }
    behind(w, a->dependents, &start, &end);
}

/* Until then nobody offers time for it, so that its pieces lie where they lay; where a pin stands, it stands. */
static void behind_todo(struct walk *w, const struct todo *t, struct moment ready)
{
    not_before(&ready, t->not_before_at);
    for (int i = 0; i < CASES; i++) {
        if (t->pin_at) {
            bound(w, &ready, i, t->pin_at);
            continue;
        }
        for (uint32_t who = 0; who < t->who_n; who++) {
            uint32_t n, at = offer_after(w->c, todo_who(t, who), ready.at[i]);
            const struct offer *o = offer_list(w->c, todo_who(t, who), &n);
            bound(w, &ready, i, at < n ? o[at].from_at : 0);
        }
    }
}

static void behind(struct walk *w, uint32_t node, const struct moment *start, const struct moment *end)
{
    w->depth++;
    for (; node != NONE && !is_out(w); node = deps_of(w->c)[node].next_of_target) {
        const struct dep_node *n = &deps_of(w->c)[node];
        struct moment ready = n->kind == DEP_AFTER ? *start : *end;
        usec_t delay_us = n->kind == DEP_AFTER ? (usec_t)n->delay_s * USEC_PER_SEC : 0;
        later(&ready, delay_us, delay_us);
        if (n->waiter_kind == WAITER_JOB)
            behind_job(w, &jobs_of(w->c)[n->waiter], ready);
        else if (n->waiter_kind == WAITER_ARRAY)
            behind_array(w, &arrays_of(w->c)[n->waiter], ready);
        else
            behind_todo(w, &todos_of(w->c)[n->waiter], ready);
    }
    w->depth--;
}

usec_t slack_until(const struct core *c, uint32_t slot, const struct slack_lengths *l, usec_t start_at)
{
    struct walk w = { .c = c, .slack_us = USEC_NEVER };
    struct moment start = { .at = { start_at, start_at } }, end = start;
    later(&end, l->p50_us, l->p90_us);
    if (!MUTANT(c, MUTANT_SLACK_LINK))
        behind(&w, jobs_of(c)[slot].dependents, &start, &end);
    return usec_add(start_at, w.slack_us);
}

/* `own`: of its name alone. */
static bool single_waits(const struct core *c, const struct job *j, bool own)
{
    const struct id_entry *ids = ids_of(c);
    for (uint32_t at = c->persons[j->owner].singletons ? job_place_after(c, j->id) : c->by_id_n; at < c->by_id_n; at++) {
        const struct job *other = ids[at].slot == NONE ? NULL : &jobs_of(c)[ids[at].slot];
        if (other && other->flags & JOB_SINGLETON && other->state == JOB_PENDING && other->owner == j->owner &&
            (!own || other->name_key == j->name_key))
            return true;
    }
    return false;
}

bool slack_single(const struct core *c, const struct job *j) { return single_waits(c, j, true); }

usec_t slack_until_all(const struct core *c, const struct job_class *class, const struct slack_lengths *l, usec_t start_at)
{
    usec_t until_at = USEC_NEVER;
    if (class->n > SLACK_MEMBERS || single_waits(c, &jobs_of(c)[class->head], false))
        return start_at;
    for (uint32_t slot = class->head; slot != NONE; slot = jobs_of(c)[slot].next)
        if (jobs_of(c)[slot].dependents != NONE)
            until_at = usec_min(until_at, slack_until(c, slot, l, start_at));
    return until_at;
}
