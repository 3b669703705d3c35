/* graph.c - see graph.h. */
#include "core/graph.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "core/job.h"
#include "core/queue.h"
#include "core/share.h"
#include "core/todo.h"

/* --- arrays ----------------------------------------------------------------------------------- */

uint64_t array_hash(const struct array *a)
{
    uint64_t h = hash_mix(hash_mix('a', a->id), (uint64_t)a->max << 32 | a->failed);
    if (a->counted) /* as before there was such a thing, where it is not */
        h = hash_mix(h, a->counted);
    if (a->hold_after == 0) /* likewise */
        return h;
    return hash_mix(hash_mix(h, (uint64_t)a->hold_after << 32 | a->alike_n), a->alike);
}
void array_open(struct core *c, uint32_t array) { c->sum -= array_hash(&arrays_of(c)[array]); }
void array_close(struct core *c, uint32_t array) { c->sum += array_hash(&arrays_of(c)[array]); }

/* Tasks have consecutive ids from the array's own on, so its first live task is the first live job
 * from there. */
uint32_t array_find(const struct core *c, uint32_t id)
{
    uint32_t place = id ? job_place_after(c, id - 1) : c->by_id_n;
    if (place >= c->by_id_n)
        return NONE;
    const struct job *j = &jobs_of(c)[ids_of(c)[place].slot];
    return j->array_id == id ? j->array : NONE;
}

uint32_t array_of(const struct core *c, job_id id)
{
    uint32_t slot = job_find(c, id);
    return slot != NONE ? jobs_of(c)[slot].array : array_find(c, id);
}

uint32_t array_add(struct core *c, uint32_t id, uint32_t max)
{
    struct array *arrays = arrays_of(c);
    uint32_t at = c->arrays_free;
    if (at != NONE) {
        c->arrays_free = arrays[at].next;
    } else {
        assert(c->arrays_used < c->arrays_max);
        at = c->arrays_used++;
    }
    arrays[at] =
        (struct array){.id = id, .max = max, .deps = NONE, .dependents = NONE, .next = NONE};
    c->arrays_n++;
    array_close(c, at);
    return at;
}

void array_free_if_done(struct core *c, uint32_t array)
{
    struct array *a = &arrays_of(c)[array];
    if (a->live > 0)
        return;
    graph_drop(c, array, WAITER_ARRAY);
    assert(a->dependents == NONE && a->busy == 0 && a->unstarted == 0);
    array_open(c, array);
    a->id = 0;
    a->next = c->arrays_free;
    c->arrays_free = array;
    c->arrays_n--;
}

/* --- conditions ------------------------------------------------------------------------------- */

static uint32_t waiter_id(const struct core *c, const struct dep_node *n)
{
    return n->waiter_kind == WAITER_ARRAY ? arrays_of(c)[n->waiter].id
         : n->waiter_kind == WAITER_TODO ? todos_of(c)[n->waiter].id
                                         : jobs_of(c)[n->waiter].id;
}

uint64_t node_hash(const struct core *c, const struct dep_node *n)
{
    uint64_t h = hash_mix('d', (uint64_t)waiter_id(c, n) << 32 | n->target);
    h = hash_mix(h, (uint64_t)n->kind | (uint64_t)n->scope << 8 | (uint64_t)n->state << 16 |
                        (uint64_t)n->waiter_kind << 24 | (uint64_t)n->group << 32);
    return hash_mix(hash_mix(h, n->delay_s), (uint64_t)n->due_boot_at);
}

/* The head of the list of those that wait for this target; NULL if it is not live. */
static uint32_t *target_list(struct core *c, const struct dep_node *n)
{
    if (n->state == NODE_DELAY)
        return &c->delays;
    uint32_t at = n->scope ? array_find(c, n->target) : job_find(c, n->target);
    if (at == NONE && !n->scope && (at = todo_find(c, n->target)) != NONE)
        return &todos_of(c)[at].dependents;
    if (at == NONE)
        return NULL;
    return n->scope ? &arrays_of(c)[at].dependents : &jobs_of(c)[at].dependents;
}

/* What a todo holds up is part of its place in the plan. */
static void target_note(struct core *c, const struct dep_node *n)
{
    c->todos_stale |= c->todos_n && !n->scope && todo_find(c, n->target) != NONE;
}

static void target_link(struct core *c, uint32_t node)
{
    struct dep_node *deps = deps_of(c), *n = &deps[node];
    uint32_t *head = target_list(c, n);
    assert(head);
    target_note(c, n);
    n->prev_of_target = NONE;
    n->next_of_target = *head;
    if (*head != NONE)
        deps[*head].prev_of_target = node;
    *head = node;
}

static void target_unlink(struct core *c, uint32_t node)
{
    struct dep_node *deps = deps_of(c), *n = &deps[node];
    if (n->state != NODE_WAIT && n->state != NODE_DELAY)
        return;
    target_note(c, n);
    if (n->prev_of_target != NONE) {
        deps[n->prev_of_target].next_of_target = n->next_of_target;
    } else {
        uint32_t *head = target_list(c, n);
        assert(head && *head == node);
        *head = n->next_of_target;
    }
    if (n->next_of_target != NONE)
        deps[n->next_of_target].prev_of_target = n->prev_of_target;
    n->prev_of_target = n->next_of_target = NONE;
}

static uint32_t *waiter_deps(struct core *c, uint32_t waiter, enum waiter_kind kind)
{
    return kind == WAITER_ARRAY ? &arrays_of(c)[waiter].deps
         : kind == WAITER_TODO ? &todos_of(c)[waiter].deps
                               : &jobs_of(c)[waiter].deps;
}

static uint8_t *waiter_state(struct core *c, uint32_t waiter, enum waiter_kind kind)
{
    return kind == WAITER_ARRAY ? &arrays_of(c)[waiter].dep_state
         : kind == WAITER_TODO ? &todos_of(c)[waiter].dep_state
                               : &jobs_of(c)[waiter].dep_state;
}

static job_id waits_for(const struct core *c, uint32_t node)
{
    for (; node != NONE; node = deps_of(c)[node].next_of_waiter) {
        const struct dep_node *n = &deps_of(c)[node];
        if (n->state == NODE_WAIT || n->state == NODE_DELAY)
            return n->target;
    }
    return 0;
}

struct waited graph_waited(const struct core *c, const struct job *j)
{
    uint32_t node = j->dep_state != DEPS_MET || j->array == NONE ? j->deps : arrays_of(c)[j->array].deps;
    for (; node != NONE; node = deps_of(c)[node].next_of_waiter) {
        const struct dep_node *n = &deps_of(c)[node];
        if (n->state == NODE_WAIT || n->state == NODE_DELAY)
            return (struct waited){ n->target, n->scope != 0, n->kind == DEP_AFTER,
                                    n->state == NODE_DELAY ? n->due_boot_at : 0 };
    }
    return (struct waited){ 0 };
}

job_id graph_todo_waits_for(const struct core *c, const struct todo *t)
{
    return waits_for(c, t->deps);
}

/* Tell the queue: one job, or every task of the array.  Todos are planned anew. */
static void waiter_update(struct core *c, uint32_t waiter, enum waiter_kind kind)
{
    c->todos_stale |= kind == WAITER_TODO;
    if (kind == WAITER_JOB)
        share_let_in(c, waiter);
    if (kind != WAITER_ARRAY)
        return;
    const struct id_entry *ids = ids_of(c);
    uint32_t id = arrays_of(c)[waiter].id;
    for (uint32_t at = job_place_after(c, id - 1); at < c->by_id_n; at++) {
        if (ids[at].slot == NONE)
            continue;
        if (jobs_of(c)[ids[at].slot].array != waiter)
            break;
        share_let_in(c, ids[at].slot);
    }
}

void graph_drop(struct core *c, uint32_t waiter, enum waiter_kind kind)
{
    struct dep_node *deps = deps_of(c);
    uint32_t *head = waiter_deps(c, waiter, kind);
    while (*head != NONE) {
        uint32_t node = *head;
        c->sum -= node_hash(c, &deps[node]);
        target_unlink(c, node);
        *head = deps[node].next_of_waiter;
        deps[node].waiter = c->deps_free;
        c->deps_free = node;
        c->deps_n--;
    }
}

/* "and" over groups of "or" over their conditions.  Groups are numbered 0.. by graph_add. */
enum dep_state graph_state(const struct core *c, uint32_t node)
{
    const struct dep_node *deps = deps_of(c);
    uint64_t met[CORE_DEPS_MAX / 64 + 1] = { 0 }, open[CORE_DEPS_MAX / 64 + 1] = { 0 };
    uint32_t groups = 0;
    enum dep_state all = DEPS_MET;
    for (; node != NONE; node = deps[node].next_of_waiter) {
        const struct dep_node *n = &deps[node];
        uint64_t bit = UINT64_C(1) << (n->group % 64);
        if (n->group + 1u > groups)
            groups = n->group + 1u;
        if (n->state == NODE_MET)
            met[n->group / 64] |= bit;
        else if (n->state != NODE_NEVER)
            open[n->group / 64] |= bit;
    }
    for (uint32_t g = 0; g < groups; g++) {
        if (met[g / 64] >> (g % 64) & 1)
            continue;
        if (!(open[g / 64] >> (g % 64) & 1))
            return DEPS_NEVER;
        all = DEPS_WAIT;
    }
    return all;
}

void graph_judge(struct core *c, uint32_t waiter, enum waiter_kind kind)
{
    enum dep_state state = graph_state(c, *waiter_deps(c, waiter, kind));
    uint8_t *kept = waiter_state(c, waiter, kind);
    if (state == DEPS_MET)
        graph_drop(c, waiter, kind);
    if (*kept == state)
        return;
    *kept = (uint8_t)state;
    waiter_update(c, waiter, kind);
}

static uint32_t node_new(struct core *c)
{
    uint32_t at = c->deps_free;
    if (at != NONE) {
        c->deps_free = deps_of(c)[at].waiter;
    } else {
        assert(c->deps_used < c->limits.deps);
        at = c->deps_used++;
    }
    c->deps_n++;
    return at;
}

void graph_enter(struct core *c, const struct dep_node *saved)
{
    uint32_t at = node_new(c), *head = waiter_deps(c, saved->waiter, (enum waiter_kind)saved->waiter_kind);
    struct dep_node *n = &deps_of(c)[at];
    *n = *saved;
    n->next_of_waiter = *head;
    n->next_of_target = n->prev_of_target = NONE;
    *head = at;
    if (n->state == NODE_WAIT || n->state == NODE_DELAY)
        target_link(c, at);
    c->sum += node_hash(c, n);
}

/* Decide a condition that waited.  Its waiter is judged by the caller's loop afterwards. */
static void node_to(struct core *c, uint32_t node, enum node_state to, usec_t due_boot_at)
{
    struct dep_node *n = &deps_of(c)[node];
    target_unlink(c, node);
    c->sum -= node_hash(c, n);
    n->state = (uint8_t)to;
    n->due_boot_at = due_boot_at;
    c->sum += node_hash(c, n);
    if (to == NODE_DELAY)
        target_link(c, node);
}

static enum node_state by_outcome(enum dep_kind kind, enum dep_outcome outcome)
{
    switch (outcome) {
    case DEP_OK:     return kind == DEP_AFTERNOTOK ? NODE_NEVER : NODE_MET;
    case DEP_NOT_OK: return kind == DEP_AFTEROK ? NODE_NEVER : NODE_MET;
    case DEP_UNKNOWN: /* it was, and nobody knows how it ended: never guess success or failure */
        return kind == DEP_AFTEROK || kind == DEP_AFTERNOTOK ? NODE_NEVER : NODE_MET;
    case DEP_LIVE: case DEP_OUTCOME_COUNT: break;
    }
    return NODE_WAIT;
}

/* What is known of a live target already: it may have started, an array may have failed tasks. */
static void node_first_look(struct core *c, uint32_t node)
{
    struct dep_node *n = &deps_of(c)[node];
    usec_t started_boot_at = INT64_MIN;
    if (n->state != NODE_WAIT)
        return;
    if (n->scope) {
        const struct array *a = &arrays_of(c)[array_find(c, n->target)];
        if (n->kind == DEP_AFTEROK && a->failed > 0)
            node_to(c, node, NODE_NEVER, 0);
        if (n->kind == DEP_AFTER && a->unstarted == 0)
            started_boot_at = c->now_boot_at; /* when its last task did is not kept: from now */
    } else if (job_find(c, n->target) != NONE) { /* a todo that is live has not begun */
        const struct job *j = &jobs_of(c)[job_find(c, n->target)];
        if (n->kind == DEP_AFTER && j->start_at &&
            (j->state == JOB_RUNNING || j->state == JOB_COMPLETING))
            started_boot_at = j->start_boot_at;
    }
    if (started_boot_at == INT64_MIN)
        return;
    usec_t due = usec_add(started_boot_at, (usec_t)n->delay_s * USEC_PER_SEC);
    node_to(c, node, due <= c->now_boot_at ? NODE_MET : NODE_DELAY,
            due <= c->now_boot_at ? 0 : due);
}

/* The first group number no condition of the list has. */
static uint32_t groups_end(const struct core *c, uint32_t node)
{
    uint32_t end = 0;
    for (; node != NONE; node = deps_of(c)[node].next_of_waiter)
        if (deps_of(c)[node].group + 1u > end)
            end = deps_of(c)[node].group + 1u;
    return end;
}

void graph_add(struct core *c, uint32_t waiter, enum waiter_kind kind, const struct dep *deps,
               uint32_t n)
{
    uint32_t first = groups_end(c, *waiter_deps(c, waiter, kind));
    for (uint32_t i = 0; i < n; i++) {
        /* renumbered in order of appearance, so that graph_state may count them */
        uint32_t group = first;
        for (uint32_t k = 0; k < i; k++) {
            bool again = false;
            for (uint32_t m = 0; m < k; m++)
                again |= deps[m].group == deps[k].group;
            if (deps[k].group == deps[i].group)
                break;
            group += !again;
        }
        struct dep_node node = {.waiter = waiter,
                                .target = deps[i].job,
                                .delay_s = deps[i].delay_s,
                                .group = (uint16_t)group,
                                .kind = (uint8_t)deps[i].kind,
                                .scope = (uint8_t)deps[i].scope,
                                .waiter_kind = (uint8_t)kind,
                                .state = (uint8_t)by_outcome((enum dep_kind)deps[i].kind,
                                                             (enum dep_outcome)deps[i].outcome)};
        graph_enter(c, &node);
        node_first_look(c, *waiter_deps(c, waiter, kind));
    }
    graph_judge(c, waiter, kind);
}

/* Walk the conditions on a target; `decide` says what each becomes. */
struct news {
    bool started, ended, ok, never_ran;
    const struct array *array; /* the target is this array */
};

static enum node_state news_for(const struct news *news, const struct dep_node *n)
{
    const struct array *a = news->array;
    bool all_ended = a ? a->live == 0 : news->ended;
    bool any_failed = a ? a->failed > 0 : !news->ok;
    switch ((enum dep_kind)n->kind) {
    case DEP_AFTER:
        if (a ? a->unstarted > 0 : !(news->started || news->ended))
            return NODE_WAIT;
        /* of an array somebody else may have begun a moment before the last one ended unrun */
        return n->delay_s && (a || !news->never_ran) ? NODE_DELAY : NODE_MET;
    case DEP_AFTEROK:
        if (news->ended && any_failed)
            return NODE_NEVER;
        return all_ended ? NODE_MET : NODE_WAIT;
    case DEP_AFTERNOTOK:
        return !all_ended ? NODE_WAIT : any_failed ? NODE_MET : NODE_NEVER;
    case DEP_AFTERANY:
        return all_ended ? NODE_MET : NODE_WAIT;
    case DEP_KIND_COUNT: break;
    }
    return NODE_WAIT;
}

static void tell(struct core *c, uint32_t node, const struct news *news)
{
    while (node != NONE) {
        struct dep_node *n = &deps_of(c)[node];
        uint32_t next = n->next_of_target, waiter = n->waiter;
        enum waiter_kind kind = (enum waiter_kind)n->waiter_kind;
        enum node_state to = news_for(news, n);
        if (to != NODE_WAIT) {
            node_to(c, node, to, to == NODE_DELAY
                    ? usec_add(c->now_boot_at, (usec_t)n->delay_s * USEC_PER_SEC) : 0);
            /* Judging may drop all conditions of this waiter, the next in the list among them. */
            while (next != NONE && deps_of(c)[next].waiter == waiter &&
                   deps_of(c)[next].waiter_kind == kind) {
                struct dep_node *same = &deps_of(c)[next];
                uint32_t after = same->next_of_target;
                enum node_state same_to = news_for(news, same);
                if (same_to != NODE_WAIT)
                    node_to(c, next, same_to, same_to == NODE_DELAY
                            ? usec_add(c->now_boot_at, (usec_t)same->delay_s * USEC_PER_SEC) : 0);
                next = after;
            }
            graph_judge(c, waiter, kind);
        }
        node = next;
    }
}

void graph_started(struct core *c, uint32_t slot)
{
    const struct job *j = &jobs_of(c)[slot];
    tell(c, j->dependents, &(struct news){ .started = true });
    if (j->array != NONE)
        tell(c, arrays_of(c)[j->array].dependents,
             &(struct news){ .started = true, .array = &arrays_of(c)[j->array] });
}

void graph_ended(struct core *c, uint32_t slot, bool never_ran)
{
    const struct job *j = &jobs_of(c)[slot];
    struct news news = { .ended = true, .ok = j->state == JOB_COMPLETED, .never_ran = never_ran };
    tell(c, j->dependents, &news);
    assert(j->dependents == NONE);
    if (j->array != NONE) {
        news.array = &arrays_of(c)[j->array];
        tell(c, news.array->dependents, &news);
    }
}

void graph_todo_ended(struct core *c, uint32_t todo, bool done)
{
    const struct todo *t = &todos_of(c)[todo];
    tell(c, t->dependents, &(struct news){ .started = true, .ended = true, .ok = done });
    assert(t->dependents == NONE);
}

void graph_delays(struct core *c, usec_t boot_at)
{
    uint32_t node = c->delays;
    while (node != NONE) {
        struct dep_node *n = &deps_of(c)[node];
        if (n->due_boot_at > boot_at) {
            node = n->next_of_target;
            continue;
        }
        uint32_t waiter = n->waiter;
        enum waiter_kind kind = (enum waiter_kind)n->waiter_kind;
        node_to(c, node, NODE_MET, 0);
        graph_judge(c, waiter, kind);
        node = c->delays; /* judging may have dropped others: begin again, each pass decides one */
    }
}

usec_t graph_next_delay(const struct core *c)
{
    usec_t next = USEC_NEVER;
    for (uint32_t node = c->delays; node != NONE; node = deps_of(c)[node].next_of_target)
        next = usec_min(next, deps_of(c)[node].due_boot_at);
    return next;
}

void graph_shift_delays(struct core *c, usec_t by)
{
    for (uint32_t node = c->delays; node != NONE; node = deps_of(c)[node].next_of_target) {
        struct dep_node *n = &deps_of(c)[node];
        c->sum -= node_hash(c, n);
        n->due_boot_at += by;
        c->sum += node_hash(c, n);
    }
}

/* --- may it be? ------------------------------------------------------------------------------- */

int graph_check(const struct core *c, const struct dep *deps, uint32_t n, uint32_t array,
                struct err *err)
{
    if (n > CORE_DEPS_MAX)
        return err_by_rule(err, err_set(err, E_TOO_LARGE, "A job can wait for at most %u others; this one names %u.",
                                        CORE_DEPS_MAX, n),
                           (struct err_rule){ .rule = REFUSED_CONDITIONS, .limit = CORE_DEPS_MAX, .need = n });
    for (uint32_t i = 0; i < n; i++) {
        const struct dep *d = &deps[i];
        if (d->kind >= DEP_KIND_COUNT || d->outcome >= DEP_OUTCOME_COUNT || d->scope > 1)
            return err_set(err, E_INVALID, "Dependency %u is of no known kind.", i + 1);
        if (d->scope && array && d->job == array)
            return err_by_rule(err, err_set(err, E_INVALID, "Array %u cannot wait for itself.", array),
                               (struct err_rule){ .rule = REFUSED_CIRCLE, .need = array });
        if (d->outcome != DEP_LIVE)
            continue;
        if (d->scope ? array_find(c, d->job) == NONE
                     : job_find(c, d->job) == NONE && todo_find(c, d->job) == NONE)
            return err_set(err, E_NOT_FOUND,
                           "Job %u, which this one should wait for, is not in the "
                           "queue.",
                           d->job);
    }
    return 0;
}

/* What a walk against the arrows has met: jobs and todos by id, arrays by their first id. */
#define WALK_MAX 512 /* longer chains cannot be asked for circles and are refused */
struct walk {
    struct before met[WALK_MAX];
    uint32_t n;
    bool full;
};

static void walk_meet(struct walk *w, uint32_t id, uint32_t scope)
{
    for (uint32_t i = 0; i < w->n; i++)
        if (w->met[i].job == id && w->met[i].scope == scope)
            return;
    if (w->n == WALK_MAX)
        w->full = true;
    else
        w->met[w->n++] = (struct before){ id, scope };
}

static void walk_list(const struct core *c, struct walk *w, uint32_t node)
{
    for (; node != NONE; node = deps_of(c)[node].next_of_waiter)
        if (deps_of(c)[node].state == NODE_WAIT)
            walk_meet(w, deps_of(c)[node].target, deps_of(c)[node].scope);
}

/* Everything that the i-th met waits for.  An array waits for what any of its tasks waits for. */
static void walk_on(const struct core *c, struct walk *w, uint32_t i)
{
    struct before at = w->met[i];
    uint32_t slot = at.scope ? NONE : job_find(c, at.job);
    uint32_t todo = at.scope ? NONE : todo_find(c, at.job);
    uint32_t array = at.scope ? array_find(c, at.job) : slot != NONE ? jobs_of(c)[slot].array : NONE;
    if (slot != NONE)
        walk_list(c, w, jobs_of(c)[slot].deps);
    if (todo != NONE)
        walk_list(c, w, todos_of(c)[todo].deps);
    if (array != NONE)
        walk_list(c, w, arrays_of(c)[array].deps);
    if (!at.scope || array == NONE)
        return;
    for (uint32_t place = job_place_after(c, at.job - 1); place < c->by_id_n && !w->full; place++) {
        uint32_t task = ids_of(c)[place].slot;
        if (task != NONE && jobs_of(c)[task].array != array)
            break;
        if (task != NONE)
            walk_list(c, w, jobs_of(c)[task].deps);
    }
}

/* Does the walk meet what is to wait: the very thing, an array it is a task of, or one of its
 * tasks? */
static bool walk_meets(const struct core *c, const struct walk *w, const struct before *b)
{
    uint32_t array = b->scope ? b->job : 0, slot = b->scope ? NONE : job_find(c, b->job);
    if (slot != NONE)
        array = jobs_of(c)[slot].array_id;
    for (uint32_t i = 0; i < w->n; i++) {
        const struct before *met = &w->met[i];
        uint32_t met_slot = met->scope ? NONE : job_find(c, met->job);
        if (met->job == b->job && met->scope == b->scope)
            return true;
        if (met->scope && array && met->job == array)
            return true;
        if (b->scope && met_slot != NONE && jobs_of(c)[met_slot].array_id == b->job)
            return true;
    }
    return false;
}

static int before_ready(const struct core *c, const struct before *b, struct err *err)
{
    uint32_t slot = b->scope ? NONE : job_find(c, b->job), first = NONE;
    uint32_t todo = b->scope ? NONE : todo_find(c, b->job);
    uint32_t array = b->scope ? array_find(c, b->job) : NONE;
    if (b->scope > 1 || (slot == NONE && todo == NONE && array == NONE))
        return err_set(err, E_NOT_FOUND, "There is no waiting job or open todo %u that could wait "
                       "for this.", b->job);
    if (slot != NONE) {
        first = jobs_of(c)[slot].deps;
        if (jobs_of(c)[slot].state != JOB_PENDING)
            return err_set(err, E_STATE, "Job %u is %s already; it cannot wait for this any more.",
                           b->job, job_state_word((enum job_state)jobs_of(c)[slot].state));
    } else if (todo != NONE) {
        first = todos_of(c)[todo].deps;
        if (todos_of(c)[todo].next_who && todos_of(c)[todo].next_from_at <= c->now_at)
            return err_set(err, E_STATE, "Todo %u is under way; it cannot wait for this any more.",
                           b->job);
    } else {
        first = arrays_of(c)[array].deps;
        if (arrays_of(c)[array].unstarted < arrays_of(c)[array].live)
            return err_set(err, E_STATE, "Array %u has begun already; it cannot wait for this any "
                           "more.", b->job);
    }
    if (groups_end(c, first) + 1 >= CORE_DEPS_MAX)
        return err_set(err, E_TOO_LARGE, "%u waits for %u others already; that is the most.",
                       b->job, CORE_DEPS_MAX);
    return 0;
}

int graph_check_before(const struct core *c, const struct ev_todo_add *ev, struct err *err)
{
    struct walk w;
    w.n = 0;
    w.full = false;
    if (ev->before_n > CORE_DEPS_MAX)
        return err_set(err, E_TOO_LARGE, "A todo can stand before at most %u others.",
                       CORE_DEPS_MAX);
    for (uint32_t i = 0; i < ev->before_n; i++) {
        int r = before_ready(c, &ev->before[i], err);
        if (r < 0)
            return r;
    }
    if (ev->before_n == 0 || ev->deps_n == 0)
        return 0;
    for (uint32_t i = 0; i < ev->deps_n; i++)
        if (ev->deps[i].outcome == DEP_LIVE)
            walk_meet(&w, ev->deps[i].job, ev->deps[i].scope);
    for (uint32_t i = 0; i < w.n && !w.full; i++)
        walk_on(c, &w, i);
    if (w.full)
        return err_set(err, E_TOO_LARGE, "What this todo comes after waits for more than %u others; "
                       "that is too many to look for circles.", WALK_MAX);
    for (uint32_t i = 0; i < ev->before_n; i++)
        if (walk_meets(c, &w, &ev->before[i]))
            return err_by_rule(err, err_set(err, E_INVALID, "%u must come both before and after this todo; leave one "
                                            "of the two out.", ev->before[i].job),
                               (struct err_rule){ .rule = REFUSED_CIRCLE, .need = ev->before[i].job });
    return 0;
}

/* --- singletons ------------------------------------------------------------------------------- */
/* Counted once at submit and kept: rare enough that a walk over the live jobs is cheaper than an
 * index every job would pay for. */

static bool same_name(const struct job *a, const struct job *b)
{
    return a->owner == b->owner && a->name_key == b->name_key;
}

uint32_t graph_singles(const struct core *c, const struct job *j)
{
    const struct id_entry *ids = ids_of(c);
    uint32_t n = 0;
    for (uint32_t at = 0; at < c->by_id_n && ids[at].id < j->id; at++)
        n += ids[at].slot != NONE && same_name(&jobs_of(c)[ids[at].slot], j);
    return n;
}

void graph_singles_shift(struct core *c, const struct job *j, int32_t by)
{
    const struct id_entry *ids = ids_of(c);
    if (c->singletons_n == 0)
        return;
    for (uint32_t at = job_place_after(c, j->id); at < c->by_id_n; at++) {
        if (ids[at].slot == NONE)
            continue;
        struct job *other = &jobs_of(c)[ids[at].slot];
        if (other->state != JOB_PENDING || !(other->flags & JOB_SINGLETON) || !same_name(other, j))
            continue;
        job_open(c, other);
        other->singles += (uint32_t)by;
        job_close(c, other);
        share_let_in(c, ids[at].slot);
    }
}
