/* dispatch_walk.c - starts by the kept order (order.h): see run.h.
 *
 * The same decision as run_loop's: classes are met in the same order and asked the same questions.  Only those are
 * passed over that could neither start nor change what is answered to others: behind a reservation, in a subtree
 * whose least needs do not fit, or once somebody was refused (that deciding again may help is then known) whose
 * shortest run of each width that fits ends too late, and is too wide to fit beside the reserved job.
 */
#include "core/capacity.h"
#include "core/order.h"
#include "core/run.h"

struct walk {
    struct run *r;
    struct room first_pool;  /* who did not fit this waits for the reservation, whatever else keeps it */
    bool over;               /* no more starts in this decision */
    /* behind the reservation */
    bool narrowed;           /* ... of these widths and lengths somebody might start: */
    uint32_t widest, beside; /* in the pool, beside the reserved job */
    bool by_time;            /* ... gone before the reserved job comes */
    uint8_t late;
};

static uint32_t width_of_room(const struct core *c, const struct room *room)
{
    return order_width(c->known.gpus ? room_gpus(room, 0) : (uint32_t)(room->cpus > 0 ? room->cpus : 0));
}

/* Room and time only shrink from here on, room at each start. */
static void narrow(struct walk *w)
{
    const struct run *r = w->r;
    const struct core *c = r->ctx->core;
    usec_t left_us = r->d->reserved_at == USEC_NEVER ? USEC_NEVER : usec_max(r->d->reserved_at - r->ctx->now_at, 0);
    w->narrowed = true;
    w->widest = width_of_room(c, &r->pool);
    w->beside = width_of_room(c, &r->beside);
    if (r->bounded && width_of_room(c, &r->outlast) < w->beside)
        w->beside = width_of_room(c, &r->outlast);
    w->by_time = !r->bounded || c->order.limited_n > 0 || r->d->reserved_at == USEC_NEVER; /* bounded: by limits alone */
    w->late = left_us == USEC_NEVER ? UINT8_MAX - 1 : order_late_code(left_us);
}

/* Could anybody in the subtree start, or be the first to be refused? */
static bool hopeful(struct walk *w, const struct order_node *n)
{
    const struct run *r = w->r;
    struct needs least = { (uint8_t)n->gpus, 0, n->cpus, n->mem_mib, 0 };
    if (!r->blocked)
        return true;
    if (!room_fits(&r->pool, &least))
        return false;
    if (!r->refused)
        return true;
    if (r->quiet || !r->ctx->ops->overtakes)
        return false;
    if (!w->narrowed)
        narrow(w);
    if (n->keeps)
        return true;
    for (uint32_t i = 0; i <= w->widest; i++)
        if ((w->by_time && n->late[i] <= w->late) || (i <= w->beside && n->late[i] < UINT8_MAX))
            return true;
    return false;
}

/* The same of one class by itself, exactly: most of those on the way to others are not. */
static bool hopeful_alone(const struct walk *w, uint32_t at)
{
    struct run *r = w->r;
    struct needs needs = class_needs(r->ctx->core, &classes_of(r->ctx->core)[at].key);
    if (!r->blocked)
        return true;
    return room_fits(&r->pool, &needs) && (!r->refused || (!r->quiet && dispatch_backfills(r, at, &needs, false)));
}

/* One candidate's turn; those that began after it in its class stand in the heap of candidates. */
static void take(struct walk *w, const struct order_key *key, bool from_heap)
{
    struct run *r = w->r;
    bool start = dispatch_one(r, key);
    w->narrowed &= !start;
    if (r->d->again_at != USEC_NEVER)
        w->over = true;
    else if (from_heap)
        dispatch_advance(r, !start);
    else if (start)
        dispatch_enter_next(r, key);
}

static void take_heap(struct walk *w, const struct order_key *until)
{
    struct run *r = w->r;
    while (r->n > 0 && !w->over && (!until || dispatch_before(&r->s->keys[0], until))) {
        struct order_key key = r->s->keys[0];
        dispatch_runners(r, &key);
        take(w, &key, true);
    }
}

/* Whoever has no room: the first of them that nothing else keeps from starting gets the reservation. */
static void visit(struct walk *w, uint32_t at)
{
    struct run *r = w->r;
    const struct core *c = r->ctx->core;
    const struct job_class *class = &classes_of(c)[at];
    struct needs needs = class_needs(c, &class->key);
    if (dispatch_impossible(c, &needs) != REASON_NONE)
        return;
    struct order_key key = dispatch_key(r->ctx, &class->view, class->head, NULL);
    take_heap(w, &key);
    if (w->over)
        return;
    bool fitted = room_fits(&w->first_pool, &needs);
    if (fitted || r->blocked) {
        dispatch_runners(r, &key);
        take(w, &key, false);
        return;
    }
    const struct asks asks = { .owner = class->key.owner, .account = class->key.account, .gpus = class->key.gpus,
                               .array = jobs_of(c)[class->head].array };
    enum reason reason = dispatch_limited(c, &asks);
    if (reason != REASON_NONE) {
        dispatch_reason(r, at, reason);
        return;
    }
    dispatch_runners(r, &key);
    dispatch_reserve(r, &key);
}

static void walk(struct walk *w, uint32_t root)
{
    while (root != NONE && !w->over && hopeful(w, &order_nodes(w->r->ctx->core)[root])) {
        const struct order_node *n = &order_nodes(w->r->ctx->core)[root];
        walk(w, n->left);
        if (w->over)
            return;
        if (hopeful_alone(w, root))
            visit(w, root);
        root = n->right;
    }
}

void dispatch_walk(struct run *r)
{
    struct walk w = { .r = r, .first_pool = r->pool };
    walk(&w, r->ctx->core->order.root);
    take_heap(&w, NULL);
    if (!w.over)
        dispatch_runners(r, NULL);
}
