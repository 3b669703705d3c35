/* block.c - the core's memory: how big, how laid out, how moved to a bigger block. */
#include <assert.h>
#include <string.h>

#include "core/estimate.h"
#include "core/mutant.h"
#include "core/order.h"
#include "core/queue.h"
#include "core/search.h"
#include "core/state.h"
#include "core/todo_plan.h"

#define BUCKETS_MIN 64

static uint32_t power_of_two(uint32_t at_least)
{
    uint32_t n = BUCKETS_MIN;
    while (n < at_least)
        n *= 2;
    return n;
}

static size_t place(struct table *table, size_t *at, size_t item, size_t n)
{
    table->at = *at;
    *at += (item * n + 15) / 16 * 16;
    return *at;
}

/* Fill in where everything goes; returns the size of the whole. */
static size_t layout(struct core *c, const struct core_limits *limits)
{
    size_t at = (sizeof *c + 15) / 16 * 16, jobs = limits->jobs;
    c->limits = *limits;
    c->arrays_max = limits->jobs / ARRAYS_SHARE + 1;
    c->by_id_max = limits->jobs + limits->jobs / IDS_DEAD_SHARE + 128; /* see ids_sweep */
    c->class_buckets = power_of_two(limits->jobs / 2);
    c->group_buckets = power_of_two(limits->groups);
    place(&c->jobs_at, &at, sizeof(struct job), jobs);
    place(&c->by_id_at, &at, sizeof(struct id_entry), c->by_id_max);
    place(&c->classes_at, &at, sizeof(struct job_class), jobs);
    place(&c->class_buckets_at, &at, sizeof(uint32_t), c->class_buckets);
    place(&c->classes_live_at, &at, sizeof(uint32_t), jobs);
    place(&c->arrays_at, &at, sizeof(struct array), c->arrays_max);
    place(&c->deps_at, &at, sizeof(struct dep_node), limits->deps);
    place(&c->spans_at, &at, sizeof(struct span), limits->spans);
    place(&c->groups_at, &at, sizeof(struct group), limits->groups);
    place(&c->group_buckets_at, &at, sizeof(uint32_t), c->group_buckets);
    place(&c->wall_at, &at, sizeof(uint32_t), jobs);
    place(&c->boot_at, &at, sizeof(uint32_t), jobs);
    place(&c->busy_at, &at, sizeof(uint32_t), jobs);
    place(&c->keys_at, &at, sizeof(struct order_key), jobs);
    c->order_at.at = at - jobs * sizeof(struct order_node); /* a kept order leaves few keys (order.h) */
    place(&c->ends_at, &at, sizeof(struct busy_end), jobs);
    place(&c->marks_at, &at, sizeof(uint8_t), jobs);
    place(&c->search_at, &at, sizeof(struct search), 1);
    place(&c->todos_at, &at, sizeof(struct todo), limits->todos);
    place(&c->todo_ids_at, &at, sizeof(uint32_t), limits->todos);
    place(&c->offers_at, &at, sizeof(struct offer), limits->offers);
    place(&c->todo_work_at, &at, 1, todo_plan_size(limits->todos));
    c->size = at;
    return at;
}

size_t core_size(const struct core_limits *limits)
{
    /* layout() fills in a core's head; a copy of it on the stack keeps one layout for both uses. */
    _Static_assert(sizeof(struct core) <= 320 * 1024, "a head that a stack can hold");
    struct core c;
    return layout(&c, limits);
}

struct core *core_init(void *block, size_t size, const struct core_limits *limits)
{
    struct core *c = block;
    assert((uintptr_t)block % 16 == 0);
    assert(limits->jobs > 0 && limits->jobs <= CORE_JOBS_MAX && limits->groups > 0);
    memset(c, 0, sizeof *c);
    size_t needed = layout(c, limits);
    assert(needed <= size);
    c->magic = CORE_MAGIC;
    c->jobs_free = c->classes_free = c->arrays_free = c->deps_free = NONE;
    c->todos_free = c->order.root = NONE;
    c->order.oldest_at = USEC_NEVER;
    c->delays = NONE;
    c->shown_epoch = 1; /* 0 marks what was never made */
    c->again_at = USEC_NEVER;
    for (uint32_t i = 0; i < CORE_GPUS_MAX; i++)
        c->gpus[i].job = NONE;
    memset(class_buckets_of(c), 0xff, c->class_buckets * sizeof(uint32_t));
    memset(group_buckets_of(c), 0xff, c->group_buckets * sizeof(uint32_t));
    estimate_renew(c);
    return c;
}

struct core *core_grow(void *block, size_t size, const struct core_limits *limits,
                       const struct core *old)
{
    struct core *c = block;
    assert((uintptr_t)block % 16 == 0);
    assert(old->magic == CORE_MAGIC);
    assert(limits->jobs >= old->limits.jobs && limits->deps >= old->limits.deps);
    assert(limits->spans >= old->limits.spans && limits->groups >= old->limits.groups);
    assert(limits->todos >= old->limits.todos && limits->offers >= old->limits.offers);
    memcpy(c, old, sizeof *c);
    size_t needed = layout(c, limits);
    assert(needed <= size);
    memcpy(jobs_of(c), jobs_of(old), old->jobs_used * sizeof(struct job));
    memcpy(ids_of(c), ids_of(old), old->by_id_n * sizeof(struct id_entry));
    memcpy(classes_of(c), classes_of(old), old->classes_used * sizeof(struct job_class));
    memcpy(classes_live_of(c), classes_live_of(old), old->classes_n * sizeof(uint32_t));
    memcpy(arrays_of(c), arrays_of(old), old->arrays_used * sizeof(struct array));
    memcpy(deps_of(c), deps_of(old), old->deps_used * sizeof(struct dep_node));
    memcpy(spans_of(c), spans_of(old), old->spans_used * sizeof(struct span));
    memcpy(groups_of(c), groups_of(old), old->groups_used * sizeof(struct group));
    memcpy(wall_heap_of(c), wall_heap_of(old), old->wall_n * sizeof(uint32_t));
    memcpy(boot_heap_of(c), boot_heap_of(old), old->boot_n * sizeof(uint32_t));
    memcpy(busy_of(c), busy_of(old), old->busy_n * sizeof(uint32_t));
    memcpy(todos_of(c), todos_of(old), old->todos_used * sizeof(struct todo));
    memcpy(todo_ids_of(c), todo_ids_of(old), old->todos_n * sizeof(uint32_t));
    memcpy(offers_of(c), offers_of(old), old->offers_used * sizeof(struct offer));
    order_drop(c);
    c->order.looked_n = ORDER_LOOKS; /* nothing else is new */
    queue_rehash(c);
    estimate_rehash(c);
    return c;
}

static uint32_t grown(uint32_t have, uint64_t need)
{
    uint64_t n = have;
    while (n < need)
        n *= 2;
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

struct core_limits core_limits_for(const struct core *core, const struct core_event *ev)
{
    struct core_limits l = core->limits;
    if (ev->kind == EVENT_AVAIL) {
        uint64_t need = (uint64_t)core->spans_n + ev->avail.windows_n;
        l.spans = grown(l.spans ? l.spans : 64, need);
    } else if (ev->kind == EVENT_OFFER) {
        l.offers = grown(l.offers ? l.offers : 64, (uint64_t)core->offers_n + ev->offer.windows_n);
    } else if (ev->kind == EVENT_TODO_ADD) {
        l.todos = grown(l.todos ? l.todos : 16, core->todos_n + UINT64_C(1));
        l.deps = grown(l.deps ? l.deps : 64,
                       (uint64_t)core->deps_n + ev->todo_add.deps_n + ev->todo_add.before_n);
    } else if (ev->kind == EVENT_SUBMIT) {
        uint64_t tasks = 1;
        for (uint32_t i = 0; i < ev->submit.tasks_n; i++) {
            const struct range *r = &ev->submit.tasks[i];
            if (r->step && r->from <= r->until)
                tasks += (r->until - r->from) / r->step + 1;
        }
        l.jobs = grown(l.jobs, core->jobs_n + tasks);
        while (l.jobs / ARRAYS_SHARE + 1 <= core->arrays_n && l.jobs < CORE_JOBS_MAX)
            l.jobs *= 2;
        if (l.jobs > CORE_JOBS_MAX)
            l.jobs = CORE_JOBS_MAX;
        l.deps = grown(l.deps ? l.deps : 64, (uint64_t)core->deps_n + ev->submit.deps_n);
    }
    return l;
}

#ifdef EOUL_MUTANTS
void core_mutant_set(struct core *core, enum mutant mutant) { core->mutant = mutant; }
#endif
