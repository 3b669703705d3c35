/* defer.c - see defer.h. */
#include "core/defer.h"

#include "core/avail.h"
#include "core/band.h"
#include "core/calibrate.h"
#include "core/canary.h"
#include "core/estimate.h"

#define WIDTH_MAX_MILLI (CORE_GPUS_MAX * 1000) /* products stay in 63 bits: 10 days x 5 x 64 x 10 */

/* Does it start at all, as far as anybody knows, or will that be known while its owner is there? */
static bool starts(const struct core *c, const struct class_key *key, const struct class_view *view, usec_t now_at)
{
    return estimate_succeeded(c, view->group) || key->proven || canary_can(c, key, now_at);
}

static bool agreed(const struct core *c, const struct class_key *key)
{
    return c->persons[key->owner].defer || key->flex_us;
}

static bool is_sound(const struct core *c, const struct class_key *key, const struct class_view *view, usec_t now_at)
{
    return calibrate_holds(c, key->owner) && key->flags & JOB_CLEAN_TREE && starts(c, key, view, now_at);
}

bool defer_may(const struct core *c, const struct class_key *key, const struct class_view *view, usec_t now_at)
{
    if (!c->settings.defer || key->first_seq || key->flags & (JOB_NOW | JOB_URGENT))
        return false;
    return c->settings.defer > 1 || (agreed(c, key) && is_sound(c, key, view, now_at));
}

bool defer_would(const struct core *c, const struct class_key *key, const struct class_view *view, usec_t now_at)
{
    return c->settings.defer == 1 && !key->first_seq && !(key->flags & (JOB_NOW | JOB_URGENT)) && !agreed(c, key) &&
           is_sound(c, key, view, now_at);
}

/* The half hour after a submit counts for that job (avail.h); the key has its end. */
static usec_t eyes(const struct core *c, const struct class_key *key, usec_t t)
{
    return t < class_presence_at(key) ? t : avail_eyes(c, key->eyes, t);
}

/* Quantiles and windows are both sorted: one cursor, from the first window that ends after the start. */
int64_t defer_eyes(const struct core *c, const struct price_table *p, const struct class_key *key,
                   const struct class_view *view, usec_t start_at, uint32_t *window)
{
    const struct person *o = &c->persons[key->eyes];
    const struct span *w = spans_of(c) + o->spans_at;
    usec_t presence_at = class_presence_at(key);
    int64_t seen = 0;
    while (*window < o->spans_n && w[*window].until_at <= start_at)
        ++*window;
    uint32_t at = *window;
    for (int i = 0; i < NODES; i++) {
        usec_t end_at = start_at + view->node_us[i], eyes_at = end_at;
        while (at < o->spans_n && w[at].until_at <= end_at)
            at++;
        if (end_at >= presence_at && end_at < o->until_at)
            eyes_at = usec_min(at < o->spans_n ? usec_max(end_at, w[at].from_at) : o->until_at,
                               o->until_at);
        seen += eyes_at - p->from_at;
        if (key->deadline_at && end_at > key->deadline_at)
            seen += TARDY_WEIGHT * (end_at - key->deadline_at);
    }
    return seen;
}

/* What its GPUs' electricity costs, NODES times over. */
static int64_t electricity(const struct price_table *p, const struct class_key *key,
                           const struct class_view *view, usec_t start_at)
{
    int64_t used = 0, from = price_kw_until(p, start_at);
    if (!p->has_tariff || key->gpus == 0)
        return 0;
    for (int i = 0; i < NODES; i++)
        used += price_kw_until(p, start_at + view->node_us[i]) - from;
    return used / 1000 * (p->type_w[key->gpu_type] * key->gpus);
}

/* Presence over its run, NODES times over, times its width and the settings' price. */
static int64_t price(const struct core *c, const struct price_table *p, const struct class_key *key,
                     const struct class_view *view, usec_t start_at)
{
    int64_t used = 0, from = price_until(p, start_at);
    int64_t width = policy_width_milli(c, key->gpus, key->cpus);
    for (int i = 0; i < NODES; i++)
        used += price_until(p, start_at + view->node_us[i]) - from;
    return used * (usec_min(width, WIDTH_MAX_MILLI) * c->settings.price_milli / 1000) / 1000 +
           electricity(p, key, view, start_at);
}

int64_t defer_cost(const struct core *c, const struct price_table *p, const struct class_key *key,
                   const struct class_view *view, usec_t start_at, uint32_t *window)
{
    return defer_eyes(c, p, key, view, start_at, window) + price(c, p, key, view, start_at);
}

usec_t defer_until(const struct core *c, const struct class_key *key, const struct class_view *view,
                   usec_t start_at)
{
    usec_t late_us = band_p90(c, key, view);
    usec_t seen_at = eyes(c, key, start_at + late_us), flexed_at = usec_add(seen_at, (usec_t)key->flex_us);
    if (avail_eyes(c, key->eyes, flexed_at) > flexed_at) /* it falls into an absence: before that */
        flexed_at = usec_max(avail_last_edge(c, key->eyes, seen_at, flexed_at) - 1, seen_at);
    usec_t until_at = flexed_at - late_us;
    if (key->deadline_at)
        until_at = usec_min(until_at, key->deadline_at - late_us);
    return usec_max(usec_min(until_at, start_at + DEFER_MAX_US), start_at);
}

usec_t defer_best(const struct core *c, const struct price_table *p, const struct class_key *key,
                  const struct class_view *view, usec_t now_at, usec_t latest_at)
{
    usec_t best_at = now_at, until_at = usec_min(defer_until(c, key, view, now_at), latest_at);
    usec_t slot_at = price_next_slot(now_at);
    if (slot_at > until_at)
        return now_at;
    uint32_t window = avail_window(c, key->eyes, now_at);
    int64_t best = defer_cost(c, p, key, view, now_at, &window) - NODES * defer_least(p);
    for (; slot_at <= until_at; slot_at += PRICE_SLOT_US) {
        int64_t cost = defer_cost(c, p, key, view, slot_at, &window);
        if (cost < best) {
            best = cost;
            best_at = slot_at;
        }
    }
    return best_at;
}
