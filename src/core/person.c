/* person.c - see person.h.  The core's hash is a sum of record hashes plus the head's: a step
 * touches a few records, and whoever asks for it pays for those only. */
#include "core/person.h"

#include <string.h>

#include "base/hash.h"
#include "core/boost.h"
#include "core/band.h"
#include "core/calibrate.h"
#include "core/quota.h"
#include "core/reserve.h"
#include "core/share.h"
#include "core/urgent.h"

static uint64_t samples_hash(uint64_t h, const struct samples *s)
{
    return hash_bytes(h, s, sizeof *s);
}

static bool offers_anything(const struct person *p)
{
    return p->offers_n || p->offer_until_at || p->cap_us || p->worked_us || p->worked_day;
}

/* Things that came later leave the hash alone while there are none: old journals keep theirs. */
static bool counts_results(const struct person *p)
{
    return p->daily.n || p->fair_milli || p->defer || p->hits.n || p->off.p50.n || p->share.step || p->urgent.n ||
           p->quota.hours || quota_is_used(&p->usage);
}

static uint64_t offers_hash(const struct core *c, const struct person *p, uint64_t h)
{
    if (!offers_anything(p))
        return h;
    h = hash_mix(hash_mix(h, (uint64_t)p->offer_until_at), (uint64_t)p->cap_us);
    h = hash_mix(hash_mix(h, (uint64_t)p->worked_day), (uint64_t)p->worked_us);
    return hash_bytes(h, offers_of(c) + p->offers_at, p->offers_n * sizeof(struct offer));
}

uint64_t person_hash(const struct core *c, uint32_t person)
{
    const struct person *p = &c->persons[person];
    static const struct samples none;
    if (!p->known && p->spans_n == 0 && p->until_at == 0 && p->failed_n == 0 && p->samples.n == 0 &&
        memcmp(&p->shown, &none, sizeof none) == 0 && !offers_anything(p) &&
        !counts_results(p))
        return 0;
    uint64_t h = hash_mix('p', person);
    h = hash_mix(hash_mix(h, (uint64_t)p->running_max << 32 | p->gpus_max),
                 (uint64_t)p->queued_max << 32 | p->weight_milli);
    h = hash_mix(hash_mix(h, (uint64_t)p->until_at), (uint64_t)p->failed_n << 1 | p->known);
    h = samples_hash(samples_hash(h, &p->samples), &p->shown);
    h = hash_bytes(h, spans_of(c) + p->spans_at, p->spans_n * sizeof(struct span));
    h = offers_hash(c, p, h);
    if (!counts_results(p))
        return h;
    h = hash_mix(hash_mix(h, (uint64_t)p->daily_day), (uint64_t)p->fair_milli << 1 | p->defer);
    if (p->hits.n) /* scored; only then can anything have been moved */
        h = hash_mix(calibrate_hash(h, &p->hits), (uint64_t)p->moved_n << 32 | p->missed_n);
    h = band_hash_person(h, p);
    if (p->would_n)
        h = hash_mix(h ^ 'w', (uint64_t)p->would_n << 32 | p->would_right_n);
    if (p->share.step)
        h = share_hash(h, &p->share);
    h = urgent_hash(h, &p->urgent);
    if (p->quota.hours)
        h = hash_mix(h ^ 'q', (uint64_t)p->quota.hours << 32 | p->quota.days);
    if (quota_is_used(&p->usage))
        h = quota_usage_hash(h, &p->usage);
    return samples_hash(h, &p->daily);
}

/* One event changes some persons several times, and whoever simulates asks for no hash: worked out when it is asked for. */
void person_changed(struct core *c, uint32_t person) { c->persons_changed[person / 64] |= UINT64_C(1) << person % 64; }

void persons_settle(struct core *c)
{
    for (uint32_t i = 0; i < sizeof c->persons_changed / sizeof c->persons_changed[0]; i++)
        for (; c->persons_changed[i]; c->persons_changed[i] &= c->persons_changed[i] - 1) {
            uint32_t person = i * 64 + (uint32_t)__builtin_ctzll(c->persons_changed[i]);
            struct person *p = &c->persons[person];
            c->sum -= p->hash;
            p->hash = person_hash(c, person);
            c->sum += p->hash;
        }
}

uint64_t gpu_hash(const struct core *c, uint32_t gpu)
{
    const struct gpu *g = &c->gpus[gpu];
    if (!g->known)
        return 0;
    return hash_mix(hash_mix(hash_mix('u', gpu), (uint64_t)g->type << 8 | g->state),
                    (uint64_t)g->watts_mw);
}

/* Old journals keep their hashes: the first settings are always hashed, those that came with preemption
 * if any of them is set, later ones each where it is. */
#define SETTINGS_FIRST   6
#define SETTINGS_PREEMPT 14

uint64_t head_hash(const struct core *c)
{
    uint64_t h = CORE_VERSION, place = 0, second = 0;
#define F(type, name) \
    if (place++ < SETTINGS_PREEMPT && place > SETTINGS_FIRST) \
        second |= (uint64_t)c->settings.name;
    EV_SETTINGS(F, F)
#undef F
    place = 0;
#define F(type, name) \
    if (++place <= SETTINGS_FIRST || (place <= SETTINGS_PREEMPT ? second : (uint64_t)c->settings.name)) \
        h = hash_mix(h ^ (place > SETTINGS_PREEMPT ? place : 0), (uint64_t)c->settings.name);
    EV_SETTINGS(F, F)
#undef F
    h = hash_mix(h, c->settings_known | (uint64_t)c->closed << 1 | (uint64_t)c->todos_stale << 2 |
                        (uint64_t)c->quiet << 3 | (uint64_t)c->cpus << 32);
    h = hash_mix(hash_mix(h, c->mem_mib), (uint64_t)c->now_at);
    h = hash_mix(hash_mix(h, (uint64_t)c->now_boot_at), c->decisions);
    h = hash_mix(hash_mix(h, (uint64_t)c->last_id << 32 | c->first_seq),
                 (uint64_t)c->group_seq << 32 | c->w_level);
    h = hash_mix(hash_mix(h, (uint64_t)c->shown_at), (uint64_t)c->again_at);
    h = hash_mix(h, (uint64_t)c->unwatched_at);
    h = hash_mix(h, c->limits.groups); /* decides which history goes when the table is full */
    h = boost_hash(c, reserve_hash(c, h));
    if (c->hits.n)
        h = calibrate_hash(h, &c->hits);
    return samples_hash(samples_hash(h, &c->team), &c->team_shown);
}
