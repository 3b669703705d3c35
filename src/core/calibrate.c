/* calibrate.c - see calibrate.h. */
#include "core/calibrate.h"

#include <assert.h>

#include "base/hash.h"
#include "core/avail.h"
#include "core/defer.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/person.h"
#include "core/would.h"

#define MOVED_LEAST_US USEC_PER_MIN

/* Newest in the lowest bit of word 0; what leaves word 3 above the 200th is cut. */
static void hits_add(struct hits *hits, bool inside)
{
    for (int i = 3; i > 0; i--)
        hits->word[i] = hits->word[i] << 1 | hits->word[i - 1] >> 63;
    hits->word[0] = hits->word[0] << 1 | inside;
    hits->word[3] &= (UINT64_C(1) << (HITS_MAX - 192)) - 1;
    hits->n += hits->n < HITS_MAX;
}

/* Of the newest `last`. */
static uint32_t hits_inside(const struct hits *hits, uint32_t last)
{
    uint32_t inside = 0;
    for (uint32_t i = 0; i < 4 && last > 0; i++) {
        uint64_t mask = last >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << last) - 1;
        inside += (uint32_t)__builtin_popcountll(hits->word[i] & mask);
        last -= last >= 64 ? 64 : last;
    }
    return inside;
}

uint64_t calibrate_hash(uint64_t h, const struct hits *hits)
{
    h = hash_mix(h, hits->n);
    for (int i = 0; i < 4; i++)
        h = hash_mix(h, hits->word[i]);
    return h;
}

void calibrate_started(struct core *c, struct job *j, usec_t p90_us)
{
    usec_t s = usec_max(p90_us, 0) / USEC_PER_SEC + 1;
    j->promised_s = !c->settings.calibrate ? 0 : s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

static void moved(struct core *c, const struct job *j, usec_t ran_us)
{
    struct person *p = &c->persons[j->owner];
    usec_t deferred_at = usec_add(j->submit_at, ((usec_t)job_deferred_s(j) - 1) * USEC_PER_SEC);
    if (job_deferred_s(j) == 0 || j->start_at - deferred_at < MOVED_LEAST_US)
        return;
    usec_t seen_at = avail_job_eyes(c, j, c->now_at);
    usec_t otherwise_at = avail_job_eyes(c, j, usec_add(deferred_at, ran_us));
    p->moved_n += p->moved_n < UINT32_MAX;
    p->missed_n += seen_at > usec_add(otherwise_at, j->flex_us) && p->missed_n < UINT32_MAX;
}

void calibrate_ended(struct core *c, const struct job *j, usec_t ran_us, bool by_limit)
{
    usec_t promised_us = (usec_t)j->promised_s * USEC_PER_SEC;
    if (!c->settings.calibrate || j->promised_s == 0)
        return;
    bool inside = by_limit ? promised_us >= j->limit_us : ran_us <= promised_us;
    hits_add(&c->persons[j->owner].hits, inside);
    hits_add(&c->hits, inside);
    moved(c, j, ran_us);
    would_ended(c, j, ran_us);
    person_changed(c, j->owner);
}

void calibrate_deferred(struct core *c)
{
    if (!c->settings.calibrate || !c->settings.defer)
        return;
    for (uint32_t i = 0; i < c->classes_n; i++) {
        const struct job_class *class = &classes_of(c)[classes_live_of(c)[i]];
        struct job *j = &jobs_of(c)[class->head];
        usec_t waited_s = usec_max(c->now_at - j->submit_at, 0) / USEC_PER_SEC;
        if (class->view.reason != REASON_DEFERRED || job_deferred_s(j))
            continue;
        job_open(c, j);
        j->flags &= ~(uint32_t)JOBX_WOULD;
        j->deferred_s = waited_s >= UINT32_MAX ? UINT32_MAX : (uint32_t)waited_s + 1;
        job_close(c, j);
    }
}

bool calibrate_holds(const struct core *c, uint32_t person)
{
    const struct hits *hits = &c->persons[person].hits;
    uint32_t last = hits->n < CALIBRATE_LAST ? hits->n : CALIBRATE_LAST;
    return hits->n < CALIBRATE_LEAST || hits_inside(hits, last) * 100 >= last * CALIBRATE_HOLDS_PERCENT;
}

struct core_calibration core_calibration(const struct core *c, person_no person)
{
    const struct person *p = person && person <= CORE_PERSONS_MAX ? &c->persons[person] : NULL;
    const struct hits *hits = p ? &p->hits : &c->hits;
    assert(hits);
    return (struct core_calibration){ .scored = hits->n, .inside = hits_inside(hits, hits->n),
                                      .moved = p ? p->moved_n : 0, .missed = p ? p->missed_n : 0,
                                      .would = p ? p->would_n : 0, .right = p ? p->would_right_n : 0,
                                      .holds = !p || calibrate_holds(c, person) };
}
