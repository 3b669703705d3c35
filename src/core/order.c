/* order.c - see order.h. */
#include "core/order.h"

#include <assert.h>
#include <string.h>

#include "core/dispatch.h"
#include "core/run.h"

/* --- the treap -------------------------------------------------------------------------------- */

/* No two are alike: each step can be undone. */
static uint32_t priority(uint32_t at)
{
    at = (at ^ at >> 16) * 0x85ebca6bu;
    at = (at ^ at >> 13) * 0xc2b2ae35u;
    return at ^ at >> 16;
}

static bool before(const struct core *c, uint32_t a, uint32_t b)
{
    const struct job_class *x = &classes_of(c)[a], *y = &classes_of(c)[b];
    if (x->view.place != y->view.place)
        return x->view.place < y->view.place;
    if (x->view.place != PLACE_OF(TIER_BEFORE_ALL) && x->view.value != y->view.value)
        return x->view.value > y->view.value;
    if (x->head_submit_at != y->head_submit_at)
        return x->head_submit_at < y->head_submit_at;
    return x->head_id < y->head_id;
}

/* Whole seconds, never more than t: sums are bounds, what they let pass is looked at exactly. */
static uint32_t seconds(usec_t t)
{
    usec_t s = usec_max(t, 0) / USEC_PER_SEC;
    return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

uint8_t order_late_code(usec_t late_us)
{
    uint64_t x = (uint64_t)usec_max(late_us, 0) >> 16;
    if (x < 8)
        return (uint8_t)x;
    uint32_t top = 63 - (uint32_t)__builtin_clzll(x), code = (top - 2) * 8 + (uint32_t)(x >> (top - 3) & 7);
    return code < UINT8_MAX ? (uint8_t)code : UINT8_MAX - 1;
}

uint32_t order_width(uint32_t width)
{
    uint32_t octave = width ? 32 - (uint32_t)__builtin_clz(width) : 0;
    return octave < ORDER_WIDTHS ? octave : ORDER_WIDTHS - 1;
}

static struct order_node own_node(const struct core *c, uint32_t at)
{
    const struct job_class *k = &classes_of(c)[at];
    uint32_t width = order_width(c->order.known.gpus ? k->key.gpus : k->key.cpus); /* of the machine it was made for */
    struct order_node own = {
        .gpus = k->key.gpus, .cpus = k->key.cpus & ORDER_CPUS_MASK, .keeps = k->key.preempt == PREEMPT_CHECKPOINT,
        .mem_mib = k->key.mem_mib,
        .submit_s = k->view.place == PLACE_OF(TIER_BEFORE_ALL) ? UINT32_MAX : seconds(k->head_submit_at) };
    memset(own.late, UINT8_MAX, sizeof own.late);
    own.late[width] = order_late_code(k->view.node_us[NODES - 1]);
    return own;
}

static void add_up(struct order_node *n, const struct order_node *child)
{
    n->gpus = child->gpus < n->gpus ? child->gpus : n->gpus;
    n->cpus = child->cpus < n->cpus ? child->cpus : n->cpus;
    n->keeps |= child->keeps;
    n->mem_mib = child->mem_mib < n->mem_mib ? child->mem_mib : n->mem_mib;
    n->submit_s = child->submit_s < n->submit_s ? child->submit_s : n->submit_s;
    for (int i = 0; i < ORDER_WIDTHS; i++)
        n->late[i] = child->late[i] < n->late[i] ? child->late[i] : n->late[i];
}

static struct order_node node_sums(const struct core *c, uint32_t at)
{
    const struct order_node *nodes = order_nodes(c);
    struct order_node n = own_node(c, at);
    n.left = nodes[at].left;
    n.right = nodes[at].right;
    if (n.left != NONE)
        add_up(&n, &nodes[n.left]);
    if (n.right != NONE)
        add_up(&n, &nodes[n.right]);
    return n;
}

static void renew(struct core *c, uint32_t at) { order_nodes(c)[at] = node_sums(c, at); }

/* Those of the subtree that stand before `at`, and those behind it. */
static void split(struct core *c, uint32_t root, uint32_t at, uint32_t *ret_left, uint32_t *ret_right)
{
    struct order_node *nodes = order_nodes(c);
    if (root == NONE) {
        *ret_left = *ret_right = NONE;
        return;
    }
    uint32_t rest;
    if (before(c, root, at)) {
        split(c, nodes[root].right, at, &rest, ret_right);
        nodes[root].right = rest;
        *ret_left = root;
    } else {
        split(c, nodes[root].left, at, ret_left, &rest);
        nodes[root].left = rest;
        *ret_right = root;
    }
    renew(c, root);
}

static uint32_t join(struct core *c, uint32_t left, uint32_t right)
{
    struct order_node *nodes = order_nodes(c);
    if (left == NONE || right == NONE)
        return left == NONE ? right : left;
    uint32_t root = priority(left) > priority(right) ? left : right;
    if (root == left)
        nodes[left].right = join(c, nodes[left].right, right);
    else
        nodes[right].left = join(c, left, nodes[right].left);
    renew(c, root);
    return root;
}

static uint32_t enter(struct core *c, uint32_t root, uint32_t at)
{
    struct order_node *nodes = order_nodes(c);
    if (root == NONE || priority(at) > priority(root)) {
        uint32_t left, right;
        split(c, root, at, &left, &right);
        nodes[at].left = left;
        nodes[at].right = right;
        root = at;
    } else if (before(c, at, root)) {
        nodes[root].left = enter(c, nodes[root].left, at);
    } else {
        nodes[root].right = enter(c, nodes[root].right, at);
    }
    renew(c, root);
    return root;
}

static uint32_t leave(struct core *c, uint32_t root, uint32_t at)
{
    struct order_node *nodes = order_nodes(c);
    assert(root != NONE);
    if (root == at)
        return join(c, nodes[at].left, nodes[at].right);
    if (before(c, at, root))
        nodes[root].left = leave(c, nodes[root].left, at);
    else
        nodes[root].right = leave(c, nodes[root].right, at);
    renew(c, root);
    return root;
}

/* The class that has waited longest of those under their age. */
static void oldest(const struct core *c, uint32_t root, uint32_t *best)
{
    while (root != NONE) {
        const struct order_node *n = &order_nodes(c)[root], *nodes = order_nodes(c);
        const struct job_class *k = &classes_of(c)[root];
        if (*best != NONE && (usec_t)n->submit_s * USEC_PER_SEC >= classes_of(c)[*best].head_submit_at)
            return;
        if (k->view.place != PLACE_OF(TIER_BEFORE_ALL) &&
            (*best == NONE || k->head_submit_at < classes_of(c)[*best].head_submit_at))
            *best = root;
        bool left = n->right == NONE || (n->left != NONE && nodes[n->left].submit_s <= nodes[n->right].submit_s);
        oldest(c, left ? n->left : n->right, best);
        root = left ? n->right : n->left;
    }
}

usec_t order_next_to_age(struct core *c, usec_t until_at)
{
    uint32_t best = NONE;
    if (c->order.oldest_at >= until_at)
        return USEC_NEVER;
    oldest(c, c->order.root, &best);
    c->order.oldest_at = best == NONE ? USEC_NEVER : classes_of(c)[best].head_submit_at;
    return c->order.oldest_at;
}

/* --- new and in order ------------------------------------------------------------------------- */

static void swap_live(struct core *c, uint32_t a, uint32_t b)
{
    uint32_t *live = classes_live_of(c), x = live[a], y = live[b];
    live[a] = y;
    live[b] = x;
    classes_of(c)[y].live_at = a;
    classes_of(c)[x].live_at = b;
}

void order_came(struct core *c, uint32_t class)
{
    const struct class_key *key = &classes_of(c)[class].key;
    swap_live(c, classes_of(c)[class].live_at, c->order.new_n++);
    c->order.first_n += key->first_seq != 0;
    c->order.untold_n += key->estimate_us == 0;
    c->order.watched_n += key->presence_steps != 0;
    c->order.limited_n += key->limit_us != 0;
}

void order_touch(struct core *c, uint32_t class)
{
    struct job_class *k = &classes_of(c)[class];
    if (!k->view.place)
        return;
    c->order.root = leave(c, c->order.root, class);
    c->order.area -= (unsigned __int128)k->view.area * k->n;
    k->view.place = 0;
    swap_live(c, k->live_at, c->order.new_n++);
}

void order_goes(struct core *c, uint32_t class)
{
    const struct class_key *key = &classes_of(c)[class].key;
    assert(!classes_of(c)[class].view.place);
    c->order.first_n -= key->first_seq != 0;
    c->order.untold_n -= key->estimate_us == 0;
    c->order.watched_n -= key->presence_steps != 0;
    c->order.limited_n -= key->limit_us != 0;
    swap_live(c, classes_of(c)[class].live_at, --c->order.new_n);
    swap_live(c, classes_of(c)[class].live_at, --c->classes_n);
}

void order_drop(struct core *c)
{
    struct order *o = &c->order;
    for (uint32_t i = o->new_n; i < c->classes_n; i++)
        classes_of(c)[classes_live_of(c)[i]].view.place = 0;
    o->new_n = c->classes_n;
    o->root = NONE;
    o->oldest_at = USEC_NEVER;
    o->area = 0;
    o->said_n = o->looked_n = 0;
}

/* --- reasons ---------------------------------------------------------------------------------- */

static void say_usual(struct core *c, uint32_t class)
{
    struct job_class *k = &classes_of(c)[class];
    struct needs needs = class_needs(c, &k->key);
    enum reason reason = dispatch_impossible(c, &needs);
    k->view.reason = (uint8_t)(reason == REASON_NONE ? REASON_PRIORITY : reason);
}

void order_said(struct core *c, uint32_t class)
{
    struct order *o = &c->order;
    if (o->said_n < ORDER_SAID_MAX)
        o->said[o->said_n] = class;
    o->said_n++; /* one too many: the next decision asks all of them anew */
}

/* What the last decision said of some stands no more. */
static void unsay(struct core *c)
{
    struct order *o = &c->order;
    bool all = o->said_n > ORDER_SAID_MAX;
    for (uint32_t i = o->new_n; i < c->classes_n && all; i++)
        say_usual(c, classes_live_of(c)[i]);
    for (uint32_t i = 0; i < o->said_n && !all; i++)
        if (classes_of(c)[o->said[i]].view.place)
            say_usual(c, o->said[i]);
    o->said_n = 0;
}

/* --- getting ready ---------------------------------------------------------------------------- */

/* Places that move with the clock, or by what others do, are not kept. */
static bool may_keep(const struct core *c, const struct policy_ctx *ctx)
{
    if (ctx->ops->uses_index || ctx->ops->shares || c->reservations_n || c->boosts_n || c->order.first_n ||
        power_capped(c))
        return false;
    for (uint32_t i = 0; i < c->busy_n && c->settings.preempt; i++)
        if (jobs_of(c)[busy_of(c)[i]].first_seq)
            return false;
    return true;
}

static bool same_room(const struct room *a, const struct room *b)
{
    return a->gpus == b->gpus && a->cpus == b->cpus && a->mem_mib == b->mem_mib;
}

/* Run times that are told and taken at their word are not news when others end. */
static bool is_told(const struct core *c, const struct class_key *key)
{
    return c->settings.estimates == ESTIMATES_TOLD && key->estimate_us > 0;
}

/* Those whose forecast there is news of leave. */
static void touch_stale(struct core *c, const struct policy_ctx *ctx)
{
    struct order *o = &c->order;
    if (o->epoch == core_epoch(c) && o->version == c->version)
        return;
    o->epoch = core_epoch(c);
    o->version = c->version;
    if (c->settings.estimates == ESTIMATES_TOLD && o->untold_n == 0)
        return;
    /* One that leaves changes places with the first in order, which has been looked at or is itself. */
    for (uint32_t i = o->new_n; i < c->classes_n; i++) {
        const struct job_class *k = &classes_of(c)[classes_live_of(c)[i]];
        if (!is_told(c, &k->key) && policy_is_stale(ctx, &k->view))
            order_touch(c, classes_live_of(c)[i]);
    }
}

static void touch_aged(struct core *c, const struct policy_ctx *ctx)
{
    while (c->order.root != NONE && dispatch_aged(ctx, c->order.oldest_at)) {
        uint32_t best = NONE;
        oldest(c, c->order.root, &best);
        c->order.oldest_at = best == NONE ? USEC_NEVER : classes_of(c)[best].head_submit_at;
        if (best != NONE && dispatch_aged(ctx, c->order.oldest_at))
            order_touch(c, best);
    }
}

static void enter_class(struct core *c, struct policy_ctx *ctx, uint32_t class)
{
    struct job_class *k = &classes_of(c)[class];
    policy_forecast(ctx, &k->key, &k->view);
    policy_value(ctx, &k->key, &k->view);
    say_usual(c, class);
    struct order_key key = dispatch_key(ctx, &k->view, k->head, NULL);
    k->view.place = (uint8_t)PLACE_OF(key.tier);
    if (key.tier != TIER_BEFORE_ALL)
        c->order.oldest_at = usec_min(c->order.oldest_at, k->head_submit_at);
    c->order.area += (unsigned __int128)k->view.area * k->n;
    c->order.root = enter(c, c->order.root, class);
    swap_live(c, k->live_at, --c->order.new_n);
}

/* Keys of a decision by the kept order: the next of classes that began, and runners; below the nodes. */
static bool keys_suffice(const struct core *c)
{
    size_t room = (c->order_at.at - c->keys_at.at) / sizeof(struct order_key);
    return (size_t)(c->classes_n < ORDER_NEXT_MAX ? c->classes_n : ORDER_NEXT_MAX) + c->busy_n <= room;
}

bool order_ready(struct core *c, struct policy_ctx *ctx)
{
    struct order *o = &c->order;
    if (!may_keep(c, ctx) || !keys_suffice(c)) {
        order_drop(c);
        return false;
    }
    if (o->renew_epoch != c->renew_epoch || ctx->now_at < o->now_at || !same_room(&o->up, &c->up) ||
        !same_room(&o->known, &c->known))
        order_drop(c);
    o->renew_epoch = c->renew_epoch;
    o->now_at = ctx->now_at;
    o->up = c->up;
    o->known = c->known;
    touch_stale(c, ctx);
    touch_aged(c, ctx);
    unsay(c);
    if (o->new_n > ORDER_STEP + c->classes_n / ORDER_PART && o->looked_n < ORDER_LOOKS) {
        uint32_t looked_n = o->looked_n + 1;
        order_drop(c);
        o->looked_n = looked_n;
        return false;
    }
    o->looked_n = 0;
    while (o->new_n > 0)
        enter_class(c, ctx, classes_live_of(c)[o->new_n - 1]);
    return true;
}

/* --- checking --------------------------------------------------------------------------------- */

static const char *node_broken(const struct core *c, uint32_t root, uint32_t *last, uint32_t *n,
                               unsigned __int128 *area)
{
    const char *broken = NULL;
    if (root == NONE)
        return NULL;
    const struct order_node *node = &order_nodes(c)[root];
    const struct job_class *k = &classes_of(c)[root];
    struct order_node sums = node_sums(c, root);
    if ((broken = node_broken(c, node->left, last, n, area)))
        return broken;
    if (*last != NONE && !before(c, *last, root))
        return "Classes are kept in a wrong order.";
    if (!k->view.place || k->live_at < c->order.new_n)
        return "A class is in the kept order that should not be.";
    if (node->gpus != sums.gpus || node->cpus != sums.cpus || node->keeps != sums.keeps ||
        node->mem_mib != sums.mem_mib || node->submit_s != sums.submit_s ||
        memcmp(node->late, sums.late, sizeof sums.late) != 0)
        return "What is known of a part of the kept order is wrong.";
    *last = root;
    ++*n;
    *area += (unsigned __int128)k->view.area * k->n;
    return node_broken(c, node->right, last, n, area);
}

const char *order_broken(const struct core *c)
{
    uint32_t last = NONE, n = 0, first_n = 0, untold_n = 0, watched_n = 0, limited_n = 0;
    unsigned __int128 area = 0;
    const char *broken = node_broken(c, c->order.root, &last, &n, &area);
    for (uint32_t i = 0; i < c->classes_n; i++) {
        const struct job_class *k = &classes_of(c)[classes_live_of(c)[i]];
        first_n += k->key.first_seq != 0;
        untold_n += k->key.estimate_us == 0;
        watched_n += k->key.presence_steps != 0;
        limited_n += k->key.limit_us != 0;
        if (k->live_at != i || (i < c->order.new_n && k->view.place))
            return "The list of classes is torn.";
    }
    if (broken)
        return broken;
    if (n != c->classes_n - c->order.new_n || area != c->order.area || first_n != c->order.first_n ||
        untold_n != c->order.untold_n || watched_n != c->order.watched_n || limited_n != c->order.limited_n)
        return "The kept order is miscounted.";
    return NULL;
}
