/* urgent.c - see urgent.h. */
#include "core/urgent.h"

#include <string.h>

#include "base/hash.h"
#include "core/mutant.h"
#include "core/person.h"

/* Uses that count at `now_at`; a clock that went back lets all of them count. */
static uint32_t used(const struct urgent *u, usec_t now_at)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < u->n; i++)
        n += usec_add(u->at[i], URGENT_WEEK_US) > now_at;
    return n;
}

/* A request of its own: neither a further task of an array nor an ended job asked to run again. */
static bool counts(const struct core *c, const struct ev_submit *e)
{
    return urgent_stands(c, e->flags) && e->attempt == 0 && (e->array == 0 || e->array == e->job);
}

int urgent_check(const struct core *c, const struct ev_submit *e, usec_t now_at, struct err *err)
{
    const struct urgent *u = &c->persons[e->owner].urgent;
    uint32_t most = c->settings.urgent_week;
    if (!counts(c, e) || used(u, now_at) < most || MUTANT(c, MUTANT_URGENT_COUNT))
        return 0;
    return err_by_rule(err, err_set(err, E_LIMIT,
                                    "This person has used --urgent %u times in seven days, which is all there is; "
                                    "\"eoul status\" says when the next one is free.  Without --urgent the job is taken.", most),
                       (struct err_rule){ .rule = REFUSED_URGENT, .limit = most, .used = used(u, now_at), .need = 1,
                                          .change_at = core_urgent(c, (person_no)e->owner, now_at).free_at });
}

void urgent_apply(struct core *c, const struct ev_submit *e)
{
    struct urgent *u = &c->persons[e->owner].urgent;
    if (!counts(c, e))
        return;
    if (u->n == URGENT_MAX)
        memmove(u->at, u->at + 1, --u->n * sizeof *u->at);
    u->at[u->n++] = c->now_at;
    person_changed(c, e->owner);
}

uint64_t urgent_hash(uint64_t h, const struct urgent *u)
{
    for (uint32_t i = 0; i < u->n; i++)
        h = hash_mix(h, (uint64_t)u->at[i]);
    return h;
}

struct core_urgent core_urgent(const struct core *c, person_no person, usec_t now_at)
{
    struct core_urgent ret = { .most = c->settings.urgent_week };
    if (person > CORE_PERSONS_MAX)
        return ret;
    const struct urgent *u = &c->persons[person].urgent;
    ret.used = used(u, now_at);
    /* The oldest that counts is free first, but of those above what is allowed now. */
    for (uint32_t i = 0, over = ret.used; ret.most && i < u->n; i++) {
        usec_t free_at = usec_add(u->at[i], URGENT_WEEK_US);
        if (free_at > now_at && over-- <= ret.most) {
            ret.free_at = free_at;
            break;
        }
    }
    return ret;
}
