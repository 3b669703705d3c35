/* policy.c - what all policies share; see policy.h. */
#include "core/policy.h"

#include <stddef.h>
#include <string.h>

#include "core/avail.h"
#include "core/capacity.h"
#include "core/estimate.h"

#define W_MIN_US  (15 * USEC_PER_MIN)
#define W_GRAIN   (20 * USEC_PER_SEC) /* W/10 and W/4 stay whole */
#define LEVELS    48                  /* 15 min x 1.25^48: 77 years */
#define AREA_UNIT 1000                /* milli-GPUs in a GPU */

static const char *const words[] = {
#define X(name, word) word,
    POLICY_LIST(X)
#undef X
};
_Static_assert(sizeof words / sizeof words[0] == POLICY_COUNT, "one word per policy");

const char *policy_word(enum policy policy)
{
    return (unsigned)policy < POLICY_COUNT ? words[policy] : "?";
}

int policy_parse(struct str word, enum policy *ret)
{
    for (unsigned i = 0; i < POLICY_COUNT; i++)
        if (str_is(word, words[i])) {
            *ret = (enum policy)i;
            return 0;
        }
    return E_INVALID;
}

const struct policy_ops *policy_ops_of(const struct core *c)
{
    switch ((enum policy)c->settings.policy) {
    case POLICY_BLEND: return &policy_blend;
    case POLICY_FIFO: return &policy_fifo;
    case POLICY_EASY: return &policy_easy;
    case POLICY_SJF: return &policy_sjf;
    case POLICY_SAF: return &policy_saf;
    case POLICY_SRSF: return &policy_srsf;
    case POLICY_LAS: return &policy_las;
    case POLICY_BOOKED: return &policy_booked;
    case POLICY_COUNT: break;
    }
    return &policy_blend;
}

/* --- backlog ---------------------------------------------------------------------------------- */

static usec_t level_us(uint32_t level)
{
    usec_t w = W_MIN_US;
    for (uint32_t i = 0; i < level; i++)
        w = w / 4 / W_GRAIN * W_GRAIN + w;
    return w;
}

static const int64_t starts_of_20[POLICY_STARTS] = { 0, 2, 5, 10, 20, 30, 40 };

void policy_starts(struct policy_ctx *ctx, usec_t w_us)
{
    ctx->w_us = w_us;
    for (int i = 0; i < POLICY_STARTS; i++)
        ctx->start_us[i] = w_us / 20 * starts_of_20[i];
    memset(ctx->base_at, 0, sizeof ctx->base_at);
}

static void level_set(struct policy_ctx *ctx, uint32_t level)
{
    if (level == ctx->level && ctx->w_us) /* bases are of the tick, and that of the step */
        return;
    ctx->level = level;
    policy_starts(ctx, level_us(level));
    ctx->tick_us = ctx->w_us < 75 * USEC_PER_MIN ? USEC_PER_MIN
                 : ctx->w_us < 225 * USEC_PER_MIN ? 5 * USEC_PER_MIN : 15 * USEC_PER_MIN;
    usec_t over = ctx->now_at % ctx->tick_us;
    ctx->tick_at = ctx->now_at - (over < 0 ? over + ctx->tick_us : over);
}

void policy_begin(struct policy_ctx *ctx, const struct core *c, usec_t now_at, usec_t boot_at)
{
    memset(ctx, 0, offsetof(struct policy_ctx, window));
    ctx->core = c;
    ctx->ops = policy_ops_of(c);
    ctx->now_at = now_at;
    ctx->boot_at = boot_at;
    level_set(ctx, c->w_level);
}

/* Keep the step while the backlog lies within a quarter of it either way; else the first step that
 * covers it. */
void policy_backlog(struct policy_ctx *ctx, unsigned __int128 area)
{
    const struct core *c = ctx->core;
    uint32_t gpus = room_gpus(&c->up, 0), level = 0;
    unsigned __int128 w = area / AREA_UNIT / (gpus ? gpus : c->cpus ? c->cpus : 1);
    unsigned __int128 kept = (unsigned __int128)level_us(c->w_level);
    if ((c->w_level == 0 || w * 5 >= kept * 4) && w * 4 <= kept * 5)
        level = c->w_level;
    else
        while (level < LEVELS && (unsigned __int128)level_us(level) < w)
            level++;
    level_set(ctx, level);
}

usec_t policy_next_tick(const struct policy_ctx *ctx) { return ctx->tick_at + ctx->tick_us; }

/* --- views ------------------------------------------------------------------------------------ */

uint32_t policy_width_milli(const struct core *c, uint32_t gpus, uint32_t cpus)
{
    uint32_t all = room_gpus(&c->known, 0);
    if (gpus)
        return gpus * AREA_UNIT;
    if (all == 0 || c->cpus == 0)
        return cpus * AREA_UNIT;
    uint64_t milli = (uint64_t)cpus * AREA_UNIT * all / c->cpus;
    return milli == 0 ? 1 : milli > UINT32_MAX ? UINT32_MAX : (uint32_t)milli;
}

void policy_area(const struct core *c, uint32_t gpus, uint32_t cpus, struct class_view *view)
{
    unsigned __int128 area = (unsigned __int128)view_mean_us(view) * policy_width_milli(c, gpus, cpus);
    view->area = area > INT64_MAX ? INT64_MAX : (int64_t)area;
}

void policy_forecast(const struct policy_ctx *ctx, const struct class_key *key,
                     struct class_view *view)
{
    const struct core *c = ctx->core;
    if (!policy_is_stale(ctx, view))
        return;
    struct forecast_nodes nodes;
    int64_t area = view->area;
    view->epoch = core_epoch(c);
    if (view->group == NONE || groups_of(c)[view->group].key != key->group_key)
        view->group = estimate_find(c, key->group_key);
    view->group_version = view->group == NONE ? 0 : groups_of(c)[view->group].version;
    estimate_nodes(c, &(struct ask){ key->owner, view->group, key->estimate_us,
                                     key->estimate_sd_milli, key->done_us, key->restart_us, key->limit_us },
                   ctx->deciding, &nodes);
    bool moved = false;
    for (int i = 0; i < NODES; i++) {
        usec_t node_us = key->limit_us ? usec_min(nodes.us[i], key->limit_us) : nodes.us[i];
        moved |= node_us != view->node_us[i];
        view->node_us[i] = node_us;
    }
    policy_area(c, key->gpus, key->cpus, view);
    if (moved || view->area != area)
        view->base_at = 0; /* its value is to be made anew */
}

/* base_at 0 marks a view without a value, so an instant of 0 is moved by one microsecond. */
usec_t policy_base(struct policy_ctx *ctx, uint32_t person)
{
    usec_t *base = &ctx->base_at[person];
    if (*base != 0)
        return *base;
    *base = ctx->ops->uses_index ? avail_last_edge(ctx->core, person, ctx->tick_at, ctx->now_at) : 1;
    *base = *base == 0 ? 1 : *base;
    for (int i = 0; i < POLICY_STARTS && ctx->ops->uses_index; i++)
        ctx->window[person][i] = avail_window(ctx->core, person, *base + ctx->start_us[i]);
    return *base;
}

void policy_value(struct policy_ctx *ctx, const struct class_key *key, struct class_view *view)
{
    const struct person *persons = ctx->core->persons;
    usec_t base_at = policy_base(ctx, key->eyes);
    uint32_t version = persons[key->owner].value_version; /* both only rise, and so does their sum */
    if (key->eyes != key->owner)
        version += persons[key->eyes].value_version;
    if (view->base_at == base_at && view->level == ctx->level && view->value_version == version)
        return;
    view->base_at = base_at;
    view->level = (uint8_t)ctx->level;
    view->value_version = version;
    view->value = ctx->ops->value(ctx, key, view);
}

uint32_t policy_share(const struct core *c)
{
    uint32_t people = 0, gpus = room_gpus(&c->known, 0);
    if (c->settings.booked_gpus)
        return c->settings.booked_gpus;
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++)
        people += c->persons[i].known || c->persons[i].spans_n > 0;
    return people == 0 ? gpus : gpus / people > 1 ? gpus / people : 1;
}

int64_t policy_nice(int64_t value, int32_t nice)
{
    if (nice == 0)
        return value;
    int64_t up = nice < 0 ? 100 - (int64_t)nice : 100, down = nice > 0 ? 100 + (int64_t)nice : 100;
    if (value < 0) { /* the policies of negative values: nicer is more negative */
        int64_t swap = up;
        up = down;
        down = swap;
    }
    __int128 scaled = (__int128)value * up / down;
    return scaled > INT64_MAX ? INT64_MAX : scaled < -INT64_MAX ? -INT64_MAX : (int64_t)scaled;
}
