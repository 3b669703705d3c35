/* queue.c - see queue.h. */
#include "core/queue.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "core/avail.h"
#include "core/boost.h"
#include "core/canary.h"
#include "core/dispatch.h"
#include "core/estimate.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/order.h"

enum reason queue_blocked(const struct core *c, const struct job *j)
{
    uint32_t deps = j->dep_state;
    if (j->array != NONE && arrays_of(c)[j->array].dep_state > deps)
        deps = arrays_of(c)[j->array].dep_state;
    if (j->flags & JOB_HELD_ADMIN && !MUTANT(c, MUTANT_HOLD))
        return REASON_HELD_ADMIN;
    if (j->flags & JOB_HELD && !MUTANT(c, MUTANT_HOLD))
        return j->flags & JOBX_HELD_CANARY     ? REASON_HELD_CANARY
             : j->flags & JOBX_HELD_FAILURES ? REASON_HELD_FAILURES : REASON_HELD_USER;
    if (deps == DEPS_NEVER)
        return REASON_DEPENDENCY_NEVER;
    if (deps == DEPS_WAIT && !MUTANT(c, MUTANT_DEPENDENCY))
        return REASON_DEPENDENCY;
    if (j->singles > 0 && !MUTANT(c, MUTANT_SINGLETON))
        return REASON_SINGLETON;
    if (j->begin_at && !(j->flags & JOBX_BEGUN) && !MUTANT(c, MUTANT_BEGIN))
        return REASON_BEGIN_TIME;
    if (j->backoff_until_boot_at)
        return REASON_BACKOFF;
    return REASON_NONE;
}

enum reason queue_reason(const struct core *c, const struct job *j)
{
    if (j->flags & JOBX_CANARY && j->state != JOB_COMPLETING)
        return REASON_CANARY;
    if (j->state == JOB_CONFIGURING)
        return REASON_STARTING;
    if (j->state == JOB_COMPLETING)
        return j->intent == STOP_REQUEUE ? REASON_REQUEUED
             : j->intent == STOP_RULE ? REASON_STOP_RULE
             : j->intent == STOP_PREEMPT ? REASON_PREEMPTED : REASON_CANCELLED;
    if (j->state != JOB_PENDING)
        return REASON_NONE;
    enum reason blocked = queue_blocked(c, j);
    if (blocked != REASON_NONE)
        return blocked;
    if (c->closed)
        return REASON_QUEUE_CLOSED;
    if (j->class == NONE)
        return REASON_NONE;
    const struct job_class *class = &classes_of(c)[j->class];
    /* A limit may have been reached by the last decision's own starts. */
    const struct asks asks = { .owner = j->owner, .account = j->account, .gpus = j->gpus, .array = j->array };
    enum reason limit = dispatch_limited(c, &asks);
    if (limit != REASON_NONE)
        return limit;
    if ((class->view.reason == REASON_RESOURCES || class->view.reason == REASON_POWER) && &jobs_of(c)[class->head] != j)
        return REASON_PRIORITY;
    return (enum reason)class->view.reason;
}

struct class_key queue_class_key(const struct core *c, const struct job *j)
{
    usec_t presence = avail_presence_until(c, j);
    uint32_t steps = presence > 0 ? (uint32_t)((usec_min(presence, PRESENCE_MAX_AT) - 1) / PRESENCE_STEP_US + 1) : 0;
    if (steps * PRESENCE_STEP_US <= c->unwatched_at || !policy_ops_of(c)->uses_index)
        steps = 0; /* over, or nobody asks */
    return (struct class_key){
        .group_key = estimate_key(j->owner, j->command_key, j->gpus),
        .limit_us = j->limit_us, .presence_steps = steps & ((1u << 26) - 1), .array_id = j->array_id,
        .first_seq = j->first_seq, .cpus = j->cpus, .mem_mib = j->mem_mib, .nice = j->nice,
        .owner = j->owner & 511u, .eyes = avail_whose(j) & 511u, .gpus = j->gpus & 127u, .gpu_type = j->gpu_type & 15u,
        .estimate_us = j->estimate_us, .estimate_sd_milli = j->estimate_sd_milli & 8191u,
        .done_us = j->done_us, .restart_us = estimate_restart_us(c, j), .preempt = j->preempt & 3u,
        .boosted = boost_names(c, j), .account = j->account & 63u, .deadline_at = j->deadline_at,
        .flex_us = (uint64_t)usec_min(usec_max(j->flex_us, 0), FLEX_MAX_US) & ((UINT64_C(1) << 44) - 1),
        .told_w = (uint64_t)(j->watts_mw + 999) / 1000 & ((1u << 20) - 1),
        .canary_s = canary_wants(c, j) & 2047u, .proven = (j->flags & JOBX_PROVEN) != 0,
        .flags = j->flags & (JOB_NOW | JOB_URGENT | JOB_CLEAN_TREE) };
}
_Static_assert(sizeof(struct class_key) == 88, "no padding: keys are compared and hashed as bytes");
_Static_assert(CORE_PERSONS_MAX <= 511 && PREEMPT_COUNT <= 4 && CORE_GPUS_MAX <= 127 && TYPES_MAX <= 15 && ACCOUNTS_MAX <= 63 &&
                   ESTIMATE_SD_MAX <= 8191 && CORE_CANARY_MAX_US / USEC_PER_SEC <= 2047, "they fit the bits of a key");

static uint32_t *bucket_of(struct core *c, const struct class_key *key)
{
    return &class_buckets_of(c)[hash_bytes(0, key, sizeof *key) & (c->class_buckets - 1)];
}

static void class_chain(struct core *c, uint32_t at)
{
    uint32_t *bucket = bucket_of(c, &classes_of(c)[at].key);
    classes_of(c)[at].chain = *bucket;
    *bucket = at;
}

static void class_unchain(struct core *c, uint32_t at)
{
    uint32_t *link = bucket_of(c, &classes_of(c)[at].key);
    while (*link != at)
        link = &classes_of(c)[*link].chain;
    *link = classes_of(c)[at].chain;
}

void queue_rehash(struct core *c)
{
    memset(class_buckets_of(c), 0xff, c->class_buckets * sizeof(uint32_t));
    for (uint32_t i = 0; i < c->classes_n; i++) {
        class_chain(c, classes_live_of(c)[i]);
    }
}

static uint32_t class_find(struct core *c, const struct class_key *key)
{
    uint32_t at = *bucket_of(c, key);
    while (at != NONE && memcmp(&classes_of(c)[at].key, key, sizeof *key) != 0)
        at = classes_of(c)[at].chain;
    return at;
}

static uint32_t class_enter(struct core *c, const struct class_key *key)
{
    struct job_class *classes = classes_of(c);
    uint32_t at = class_find(c, key);
    if (at != NONE)
        return at;
    at = c->classes_free;
    if (at != NONE) {
        c->classes_free = classes[at].chain;
    } else {
        assert(c->classes_used < c->limits.jobs);
        at = c->classes_used++;
    }
    memset(&classes[at], 0, sizeof classes[at]);
    classes[at].key = *key;
    c->canaries_n += key->canary_s != 0;
    classes[at].head = classes[at].tail = NONE;
    classes[at].view.epoch = core_epoch(c) - 1; /* nothing is made yet */
    classes[at].view.group = NONE;
    classes[at].live_at = c->classes_n;
    classes_live_of(c)[c->classes_n++] = at;
    class_chain(c, at);
    order_came(c, at);
    return at;
}

static void class_free(struct core *c, uint32_t at)
{
    struct job_class *classes = classes_of(c);
    c->canaries_n -= classes[at].key.canary_s != 0;
    class_unchain(c, at);
    order_goes(c, at);
    classes[at].chain = c->classes_free;
    c->classes_free = at;
}

static bool before(const struct job *a, const struct job *b)
{
    return a->submit_at != b->submit_at ? a->submit_at < b->submit_at : a->id < b->id;
}

static void head_note(struct core *c, struct job_class *class)
{
    if (class->head == NONE)
        return;
    class->head_id = jobs_of(c)[class->head].id;
    class->head_submit_at = jobs_of(c)[class->head].submit_at;
}

/* Most arrive last; a retry goes near the front: walk from the nearer end. */
static void class_link(struct core *c, struct job_class *class, uint32_t slot)
{
    struct job *jobs = jobs_of(c);
    uint32_t prev = class->tail, next = NONE;
    order_touch(c, (uint32_t)(class - classes_of(c)));
    if (prev != NONE && before(&jobs[slot], &jobs[prev])) {
        uint32_t id = jobs[slot].id, first = jobs[class->head].id, last = jobs[class->tail].id;
        if (id < first || id - first < last - id) {
            next = class->head;
            while (before(&jobs[next], &jobs[slot]))
                next = jobs[next].next;
            prev = jobs[next].prev;
        } else {
            while (prev != NONE && before(&jobs[slot], &jobs[prev])) {
                next = prev;
                prev = jobs[prev].prev;
            }
        }
    }
    jobs[slot].prev = prev;
    jobs[slot].next = next;
    *(prev == NONE ? &class->head : &jobs[prev].next) = slot;
    *(next == NONE ? &class->tail : &jobs[next].prev) = slot;
    class->n++;
    head_note(c, class);
}

void queue_leave(struct core *c, uint32_t slot)
{
    struct job *jobs = jobs_of(c), *j = &jobs[slot];
    if (j->class == NONE)
        return;
    struct job_class *class = &classes_of(c)[j->class];
    order_touch(c, j->class);
    *(j->prev == NONE ? &class->head : &jobs[j->prev].next) = j->next;
    *(j->next == NONE ? &class->tail : &jobs[j->next].prev) = j->prev;
    head_note(c, class);
    if (--class->n == 0)
        class_free(c, j->class);
    j->class = j->prev = j->next = NONE;
}

void queue_update(struct core *c, uint32_t slot)
{
    struct job *j = &jobs_of(c)[slot];
    bool in_line = j->state == JOB_PENDING && queue_blocked(c, j) == REASON_NONE;
    if (!in_line) {
        queue_leave(c, slot);
    } else if (j->class == NONE) {
        struct class_key key = queue_class_key(c, j);
        j->class = class_enter(c, &key);
        class_link(c, &classes_of(c)[j->class], slot);
    }
}

void queue_unwatch(struct core *c, usec_t until_at)
{
    struct job *jobs = jobs_of(c);
    struct job_class *classes = classes_of(c);
    if (until_at < c->unwatched_at + PRESENCE_STEP_US)
        return;
    c->unwatched_at = until_at - until_at % PRESENCE_STEP_US;
    if (c->order.watched_n == 0)
        return;
    /* A freed class is replaced by the last one: walk from the end, so that none is passed over. */
    for (uint32_t i = c->classes_n; i-- > 0;) {
        uint32_t at = classes_live_of(c)[i], to;
        struct class_key key = classes[at].key;
        if (key.presence_steps == 0 || class_presence_at(&key) > c->unwatched_at)
            continue;
        key.presence_steps = 0;
        to = class_find(c, &key);
        if (to == NONE) { /* the first of its kind: rename it as it stands */
            class_unchain(c, at);
            classes[at].key = key;
            class_chain(c, at);
            c->order.watched_n--;
            continue;
        }
        for (uint32_t slot = classes[at].head, next; slot != NONE; slot = next) {
            next = jobs[slot].next;
            jobs[slot].class = to;
            class_link(c, &classes[to], slot);
        }
        classes[at].n = 0;
        class_free(c, at);
    }
}
