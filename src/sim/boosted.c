/* boosted.c - see boosted.h. */
#include "sim/boosted.h"

#include <inttypes.h>
#include <string.h>

#define BREAK(v, rule, ...) verdict_break((v)->verdict, rule, __VA_ARGS__)

static void forget(struct invariant *v, uint32_t at)
{
    v->boosts_n--;
    memmove(v->boosts + at, v->boosts + at + 1, (v->boosts_n - at) * sizeof(*v->boosts));
}

void boosted_event(struct invariant *v)
{
    const struct ev_boost *e = &v->ev->boost;
    if (v->ev->kind == EVENT_UNBOOST) {
        for (uint32_t i = v->boosts_n; i-- > 0;)
            if (v->boosts[i].id == v->ev->unboost.boost)
                forget(v, i);
        return;
    }
    if (e->boost <= v->last_boost)
        BREAK(v, "id-new", "a boost got number %u although %u is taken", e->boost, v->last_boost);
    if (e->by == 0 || e->reason0 == 0 || e->until_at <= v->wall_at)
        BREAK(v, "boost-told", "boost %u has nobody who gave it, no reason, or no end ahead", e->boost);
    v->last_boost = e->boost;
    if (v->boosts_n == BOOSTS_MAX)
        BREAK(v, "id-new", "there are more boosts than there may be");
    else
        v->boosts[v->boosts_n++] = (struct boost){
            .id = e->boost, .kind = e->kind, .target = e->target, .by = e->by, .until_at = e->until_at };
}

static bool is_of(const struct boost *b, job_id id, const struct ledger_job *j)
{
    return (b->kind == BOOST_JOB && b->target == id) || (b->kind == BOOST_PERSON && b->target == j->owner) ||
           (b->kind == BOOST_ACCOUNT && j->account && b->target == j->account) ||
           (b->kind == BOOST_ARRAY && j->array && b->target == j->array);
}

static bool is_over(const struct invariant *v, const struct boost *b)
{
    bool of_jobs = b->kind == BOOST_JOB || b->kind == BOOST_ARRAY;
    for (job_id id = 1; of_jobs && id <= v->last_id; id++)
        if (v->jobs[id].known && !job_state_is_final(v->jobs[id].state) && is_of(b, id, &v->jobs[id]))
            return b->until_at <= v->wall_at;
    return of_jobs || b->until_at <= v->wall_at;
}

void boosted_tick(struct invariant *v)
{
    for (uint32_t i = v->boosts_n; i-- > 0;)
        if (is_over(v, &v->boosts[i]))
            forget(v, i);
}

bool boosted_stands(const struct invariant *v, job_id id, const struct ledger_job *j)
{
    for (uint32_t i = 0; i < v->boosts_n; i++)
        if (v->boosts[i].until_at > v->wall_at && is_of(&v->boosts[i], id, j))
            return true;
    return false;
}

void boosted_stepped(struct invariant *v, const struct core *core, usec_t wall_at)
{
    struct boost b;
    for (uint32_t i = 0; core_boost_get(core, i, &b); i++)
        if (b.until_at <= wall_at)
            BREAK(v, "boost-end", "boost %u ended %" PRId64 " s ago and is still kept at a decision", b.id,
                  (wall_at - b.until_at) / USEC_PER_SEC);
}

void boosted_recovered(struct invariant *v, const struct core *core)
{
    struct boost b;
    for (uint32_t i = 0; i < v->boosts_n || i < core_boosts_n(core); i++)
        if (!core_boost_get(core, i, &b) || i >= v->boosts_n || b.id != v->boosts[i].id ||
            b.kind != v->boosts[i].kind || b.target != v->boosts[i].target || b.until_at != v->boosts[i].until_at)
            BREAK(v, "recovered", "after a restart the boosts are not those that were given");
}
