/* rise.c - see rise.h. */
#include "core/rise.h"

#define STEPS (POLICY_STARTS - 1)
const int64_t rise_inverse_60[STEPS] = { 600, 240, 120, 60, 40, 30 };

/* Whose windows, and lengths of runs for which what was found holds. */
struct look {
    const struct span *first, *last;
    usec_t until_at, presence_at;
    usec_t from_us, until_us;
};

static void narrow(struct look *l, usec_t from_us, usec_t until_us)
{
    l->from_us = usec_max(l->from_us, from_us);
    l->until_us = usec_min(l->until_us, until_us);
}

/* When an end at start_at + run_us is seen; *ret_moves: it is when it is, and would move with it.  w: their first
 * window that ends after the start. */
static usec_t seen(struct look *l, usec_t start_at, usec_t run_us, const struct span *w, bool *ret_moves)
{
    usec_t t = start_at + run_us;
    *ret_moves = true;
    if (t >= l->until_at) { /* a long backlog reaches behind all that is known of their windows */
        narrow(l, l->until_at - start_at, USEC_NEVER);
        return t;
    }
    if (t < l->presence_at) {
        narrow(l, 0, l->presence_at - start_at);
        return t;
    }
    while (w < l->last && w->until_at <= t)
        w++;
    usec_t before_at = w > l->first ? usec_max(w[-1].until_at, l->presence_at) : l->presence_at;
    usec_t from_at = w < l->last ? usec_min(w->from_at, l->until_at) : l->until_at;
    if (t < from_at) {
        narrow(l, before_at - start_at, from_at - start_at);
        *ret_moves = false;
        return from_at;
    }
    narrow(l, usec_max(from_at, l->presence_at) - start_at, usec_min(w->until_at, l->until_at) - start_at);
    return t;
}

static struct rise_stretch stretch_make(const struct policy_ctx *ctx, uint32_t person, usec_t base_at, usec_t presence_at,
                                        usec_t run_us)
{
    const struct person *p = &ctx->core->persons[person];
    const struct span *w = spans_of(ctx->core) + p->spans_at;
    const uint32_t *first = ctx->window[person];
    struct look look = { w, w + p->spans_n, p->until_at, presence_at, 0, USEC_NEVER };
    bool now_moves, moves;
    int64_t now_at = seen(&look, base_at, run_us, w + first[0], &now_moves), sum = 0, slope = 0;
    for (int i = 0; i < STEPS; i++) {
        int64_t later_at = seen(&look, base_at + ctx->start_us[i + 1], run_us, w + first[i + 1], &moves);
        sum += (later_at - now_at) * rise_inverse_60[i];
        slope += (moves - now_moves) * rise_inverse_60[i];
    }
    return (struct rise_stretch){
        .base_at = base_at, .person = person, .w_us = ctx->w_us, .version = p->value_version,
        .from_us = look.from_us, .until_us = look.until_us, .ref_us = run_us,
        .seen_at = now_at, .seen_moves = now_moves, .sum = sum, .slope = slope };
}

/* Lengths within half an hour are likely of one stretch. */
static uint32_t place(uint32_t person, usec_t run_us)
{
    return (person * 29 + (uint32_t)((uint64_t)run_us >> 31)) % RISES_MAX;
}

/* Not kept: whoever only looks writes nothing, and presence is of single jobs. */
static struct rise rise_alone(const struct policy_ctx *ctx, uint32_t person, usec_t base_at, usec_t presence_at,
                              usec_t run_us)
{
    struct rise_stretch own = stretch_make(ctx, person, base_at, presence_at, run_us);
    return (struct rise){ own.seen_at, own.sum };
}

struct rise rise_of_run(const struct policy_ctx *ctx, uint32_t person, usec_t base_at, usec_t presence_at, usec_t run_us)
{
    struct rise_stretch *s = &((struct core *)ctx->core)->rises[place(person, run_us)];
    if (presence_at || !ctx->deciding)
        return rise_alone(ctx, person, base_at, presence_at, run_us);
    if (s->person != person || s->base_at != base_at || s->w_us != ctx->w_us ||
        s->version != ctx->core->persons[person].value_version || run_us < s->from_us || run_us >= s->until_us)
        *s = stretch_make(ctx, person, base_at, 0, run_us);
    usec_t more_us = run_us - s->ref_us;
    return (struct rise){ s->seen_at + (s->seen_moves ? more_us : 0), s->sum + s->slope * more_us };
}
