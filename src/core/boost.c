/* boost.c - see boost.h. */
#include "core/boost.h"

#include <string.h>

#include "base/hash.h"
#include "core/each.h"
#include "core/mutant.h"
#include "core/queue.h"

static bool is_of(const struct boost *b, enum boost_kind kind, uint32_t target)
{
    return b->kind == (uint32_t)kind && b->target == target;
}

/* Of a job or array that lives, or of a person or account. */
static bool target_lives(const struct core *c, uint32_t kind, uint32_t target)
{
    switch ((enum boost_kind)kind) {
    case BOOST_JOB: return job_find(c, target) != NONE;
    case BOOST_ARRAY: return array_find(c, target) != NONE;
    case BOOST_PERSON: return target >= 1 && target <= CORE_PERSONS_MAX;
    case BOOST_ACCOUNT: return target >= 1 && target <= ACCOUNTS_MAX;
    case BOOST_KIND_COUNT: break;
    }
    return false;
}

int boost_check(const struct core *c, const struct ev_boost *e, usec_t now_at, struct err *err)
{
    if (e->boost <= c->last_boost)
        return err_set(err, E_EXISTS, "Boost number %u is not greater than %u, the last one.", e->boost, c->last_boost);
    if (e->kind >= BOOST_KIND_COUNT || !target_lives(c, e->kind, e->target))
        return err_set(err, E_NOT_FOUND, "There is no job, person or account number %u to be boosted.", e->target);
    if ((e->by < 1 || e->by > CORE_PERSONS_MAX || !e->reason0) && !MUTANT(c, MUTANT_BOOST_MUTE))
        return err_set(err, E_INVALID, "A boost has somebody who gives it, and a reason.");
    if (e->until_at <= now_at || e->until_at > usec_add(now_at, BOOST_LENGTH_MAX_US)) {
        int code = err_set(err, E_INVALID, "A boost ends later than now, and within %d days.",
                           (int)(BOOST_LENGTH_MAX_US / USEC_PER_DAY));
        return e->until_at <= now_at ? code
               : err_by_rule(err, code, (struct err_rule){ .rule = REFUSED_BOOST_LENGTH, .limit = BOOST_LENGTH_MAX_US,
                                                           .need = e->until_at - now_at });
    }
    if (c->boosts_n == BOOSTS_MAX)
        return err_by_rule(err, err_set(err, E_TOO_LARGE, "There are %d boosts already; end one first.", BOOSTS_MAX),
                           (struct err_rule){ .rule = REFUSED_BOOSTS, .limit = BOOSTS_MAX, .used = BOOSTS_MAX, .need = 1,
                                              .change_at = boost_due(c) });
    for (uint32_t i = 0; i < c->boosts_n; i++)
        if (is_of(&c->boosts[i], (enum boost_kind)e->kind, e->target))
            return err_by_rule(err, err_set(err, E_EXISTS, "Boost %u is of this already; end it first.", c->boosts[i].id),
                               (struct err_rule){ .rule = REFUSED_BOOSTED, .used = c->boosts[i].id,
                                                  .change_at = c->boosts[i].until_at });
    return 0;
}

static void hang_job(struct core *c, uint32_t slot)
{
    if (slot == NONE || jobs_of(c)[slot].state != JOB_PENDING)
        return;
    queue_leave(c, slot);
    queue_update(c, slot);
}

/* The jobs it names change their class. */
static void hang_anew(struct core *c, const struct boost *b)
{
    if (b->kind == BOOST_JOB)
        hang_job(c, job_find(c, b->target));
    struct each e = { .array = b->kind == BOOST_ARRAY ? array_find(c, b->target) : NONE, .id = b->target - 1 };
    while (e.array != NONE && each_next(c, &e))
        hang_job(c, e.slot);
}

void boost_apply(struct core *c, const struct ev_boost *e)
{
    struct boost b = { .id = e->boost, .kind = e->kind, .target = e->target, .by = e->by, .from_at = c->now_at,
                       .until_at = e->until_at };
#define F(type, name) b.name = e->name;
    BOOST_REASON(F)
#undef F
    c->boosts[c->boosts_n++] = b;
    c->last_boost = e->boost;
    hang_anew(c, &b);
}

static uint32_t find(const struct core *c, uint32_t id)
{
    for (uint32_t i = 0; i < c->boosts_n; i++)
        if (c->boosts[i].id == id)
            return i;
    return NONE;
}

int boost_check_remove(const struct core *c, const struct ev_unboost *e, struct err *err)
{
    if (find(c, e->boost) == NONE)
        return err_set(err, E_NOT_FOUND, "There is no boost %u.", e->boost);
    return 0;
}

static void drop(struct core *c, uint32_t at)
{
    struct boost was = c->boosts[at];
    c->boosts_n--;
    memmove(c->boosts + at, c->boosts + at + 1, (c->boosts_n - at) * sizeof c->boosts[0]);
    memset(&c->boosts[c->boosts_n], 0, sizeof c->boosts[0]);
    hang_anew(c, &was);
}

void boost_apply_remove(struct core *c, const struct ev_unboost *e) { drop(c, find(c, e->boost)); }

static bool holds(const struct core *c, const struct boost *b, usec_t now_at)
{
    return b->until_at > now_at || MUTANT(c, MUTANT_BOOST_ENDLESS);
}

void boost_tick(struct core *c)
{
    for (uint32_t i = c->boosts_n; i-- > 0;)
        if (!holds(c, &c->boosts[i], c->now_at) || !target_lives(c, c->boosts[i].kind, c->boosts[i].target))
            drop(c, i);
}

usec_t boost_due(const struct core *c)
{
    usec_t due_at = USEC_NEVER;
    for (uint32_t i = 0; i < c->boosts_n && !MUTANT(c, MUTANT_BOOST_ENDLESS); i++)
        due_at = usec_min(due_at, c->boosts[i].until_at);
    return due_at;
}

bool boost_names(const struct core *c, const struct job *j)
{
    for (uint32_t i = 0; i < c->boosts_n; i++)
        if (is_of(&c->boosts[i], BOOST_JOB, j->id) || (j->array_id && is_of(&c->boosts[i], BOOST_ARRAY, j->array_id)))
            return true;
    return false;
}

bool boost_of_account(const struct core *c, uint32_t account, usec_t now_at)
{
    for (uint32_t i = 0; account && i < c->boosts_n; i++)
        if (is_of(&c->boosts[i], BOOST_ACCOUNT, account) && holds(c, &c->boosts[i], now_at))
            return true;
    return false;
}

bool boost_stands(const struct core *c, const struct class_key *key, uint32_t id, usec_t now_at)
{
    for (uint32_t i = 0; i < c->boosts_n && !MUTANT(c, MUTANT_BOOST_LAST); i++) {
        const struct boost *b = &c->boosts[i];
        bool of = is_of(b, BOOST_PERSON, key->owner) || is_of(b, BOOST_ACCOUNT, key->account) || (key->boosted && is_of(b, BOOST_JOB, id)) ||
                  (key->boosted && key->array_id && is_of(b, BOOST_ARRAY, key->array_id));
        if (of && holds(c, b, now_at))
            return true;
    }
    return false;
}

/* Old journals keep their hashes: nothing while there never was one. */
uint64_t boost_hash(const struct core *c, uint64_t h)
{
    if (c->last_boost == 0)
        return h;
    h = hash_mix(h ^ 'b', (uint64_t)c->last_boost << 32 | c->boosts_n);
    for (uint32_t i = 0; i < c->boosts_n; i++) {
        const struct boost *b = &c->boosts[i];
#define F(type, name) h = hash_mix(h, (uint64_t)b->name);
        BOOST_FIELDS(F)
#undef F
    }
    return h;
}

bool boost_enter(struct core *c, const struct boost *b)
{
    bool sound = c->boosts_n < BOOSTS_MAX && b->id > 0 && b->id <= c->last_boost && b->kind < BOOST_KIND_COUNT &&
                 b->target > 0 && b->by >= 1 && b->by <= CORE_PERSONS_MAX && b->reason0 && b->from_at < b->until_at &&
                 (c->boosts_n == 0 || c->boosts[c->boosts_n - 1].id < b->id);
    if (sound)
        c->boosts[c->boosts_n++] = *b;
    return sound;
}

uint32_t core_boosts_n(const struct core *c) { return c->boosts_n; }

bool core_boost_get(const struct core *c, uint32_t at, struct boost *ret)
{
    if (at < c->boosts_n)
        *ret = c->boosts[at];
    return at < c->boosts_n;
}

uint32_t core_last_boost(const struct core *c) { return c->last_boost; }

uint32_t core_boost_of(const struct core *c, job_id id, usec_t now_at)
{
    uint32_t slot = job_find(c, id);
    const struct job *j = slot == NONE ? NULL : &jobs_of(c)[slot];
    for (uint32_t i = 0; j && i < c->boosts_n; i++) {
        const struct boost *b = &c->boosts[i];
        if (holds(c, b, now_at) && (is_of(b, BOOST_JOB, j->id) || is_of(b, BOOST_PERSON, j->owner) ||
                                    is_of(b, BOOST_ACCOUNT, j->account) || (j->array_id && is_of(b, BOOST_ARRAY, j->array_id))))
            return i;
    }
    return CORE_NO_BOOST;
}
