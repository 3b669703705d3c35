/* bound.c - see bound.h. */
#include "sim/bound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/capped.h"

#define SLOT_US (30 * USEC_PER_MIN)
#define HOUR    ((double)USEC_PER_HOUR)

/* One thing that there is so much of: GPUs, or kW. */
struct slots {
    usec_t from_at;
    size_t n;
    double *room;  /* how much there is, by slot */
    double *price; /* of one for the whole slot, in us of waiting */
    double *sum;   /* running sum of prices: sum[i] is of slots before i */
    double *use;   /* in use, mean over the slot, at the present choices */
};

struct market {
    struct slots gpus, kw; /* kw.n 0: no cap */
};

struct job {
    usec_t submit_at, run_us;
    uint32_t gpus;
    double kw;
    const struct windows *w;
};

/* Integral of the price of one from the first slot to t. */
static double paid_until(const struct slots *s, usec_t t)
{
    if (t <= s->from_at)
        return 0;
    size_t at = (size_t)((t - s->from_at) / SLOT_US);
    if (at >= s->n)
        return s->sum[s->n];
    return s->sum[at] + s->price[at] * ((double)((t - s->from_at) % SLOT_US) / (double)SLOT_US);
}

/* Looking for windows at rising instants: `at` is the first window that ends after the last one asked for. */
struct cursor {
    const struct job *job;
    usec_t until_at;
    size_t at;
};

static size_t window_after(const struct windows *w, usec_t t)
{
    size_t low = 0, high = w->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (w->spans[middle].until_at <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static inline usec_t eyes(const struct cursor *c, size_t at, usec_t t)
{
    const struct windows *w = c->job->w;
    if (w->always || t >= c->until_at || (t >= c->job->submit_at && t < c->job->submit_at + PRESENCE_SUBMIT_US))
        return t;
    while (at < w->n && w->spans[at].until_at <= t)
        at++;
    return at == w->n ? c->until_at : usec_min(usec_max(t, w->spans[at].from_at), c->until_at);
}

struct best {
    double cost;
    usec_t start_at;
};

/* What the job pays from a start to its end. */
static inline double pays(const struct market *m, const struct job *j, usec_t start_at)
{
    double us = j->gpus * (paid_until(&m->gpus, start_at + j->run_us) - paid_until(&m->gpus, start_at));
    return m->kw.n ? us + j->kw * (paid_until(&m->kw, start_at + j->run_us) - paid_until(&m->kw, start_at)) : us;
}

static inline void try_start(const struct market *s, const struct job *j, usec_t start_at, double seen_us,
                             struct best *best)
{
    if (start_at < j->submit_at || seen_us >= best->cost)
        return;
    double cost = seen_us + pays(s, j, start_at);
    if (cost < best->cost)
        *best = (struct best){ cost, start_at };
}

static inline void try_both(const struct market *s, const struct cursor *c, usec_t start_at, struct best *best)
{
    const struct job *j = c->job;
    if (start_at >= j->submit_at)
        try_start(s, j, start_at, (double)(eyes(c, c->at, start_at + j->run_us) - j->submit_at), best);
}

/* Starts whose end is an edge of the owner's windows in (from_at, until_at].  Looking exactly when a window closes
 * counts as looking: the limit from the left. */
static void try_edges(const struct market *s, const struct cursor *c, usec_t from_at, usec_t until_at, struct best *best)
{
    const struct job *j = c->job;
    for (size_t i = c->at; i < j->w->n && j->w->spans[i].from_at <= until_at; i++) {
        usec_t open = j->w->spans[i].from_at, close = j->w->spans[i].until_at;
        if (open > from_at)
            try_both(s, c, open - j->run_us, best);
        if (close > from_at && close <= until_at)
            try_start(s, j, close - j->run_us, (double)(close - j->submit_at), best);
    }
}

/* The cheapest start.  Corners in the order of time; what waiting alone would cost ends the search. */
static struct best cheapest(const struct market *s, const struct job *j, usec_t until_at)
{
    struct best best = { INFINITY, j->submit_at };
    struct cursor c = { j, until_at, window_after(j->w, j->submit_at) };
    usec_t skew = j->run_us % SLOT_US;
    try_both(s, &c, j->submit_at, &best);
    try_start(s, j, j->submit_at + PRESENCE_SUBMIT_US - j->run_us, (double)PRESENCE_SUBMIT_US, &best);
    for (usec_t at = j->submit_at - (j->submit_at - s->gpus.from_at) % SLOT_US;; at += SLOT_US) {
        usec_t end_at = usec_max(at, j->submit_at) + j->run_us;
        while (c.at < j->w->n && j->w->spans[c.at].until_at <= end_at)
            c.at++;
        if ((double)(eyes(&c, c.at, end_at) - j->submit_at) >= best.cost)
            return best;
        try_both(s, &c, at, &best);
        try_both(s, &c, at + SLOT_US - skew, &best); /* its end on the grid */
        if (!j->w->always)
            try_edges(s, &c, at + j->run_us, at + j->run_us + SLOT_US, &best);
    }
}

static void occupy(const struct slots *s, usec_t from_at, usec_t until_at, double amount)
{
    size_t a = (size_t)(usec_max(from_at - s->from_at, 0) / SLOT_US);
    for (size_t i = a; i < s->n; i++) {
        usec_t at = s->from_at + (usec_t)i * SLOT_US;
        if (at >= until_at)
            return;
        usec_t in = usec_min(until_at, at + SLOT_US) - usec_max(from_at, at);
        s->use[i] += amount * (double)in / (double)SLOT_US;
    }
}

/* --- preemptive ----------------------------------------------------------------------------------- */

struct heap { /* of slots that are bought: the dearest on top */
    double *price;
    uint32_t *slot;
    size_t n;
};

static void heap_push(struct heap *h, double price, uint32_t slot)
{
    size_t i = h->n++;
    while (i > 0 && h->price[(i - 1) / 2] < price) {
        h->price[i] = h->price[(i - 1) / 2];
        h->slot[i] = h->slot[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->price[i] = price;
    h->slot[i] = slot;
}

static void heap_replace(struct heap *h, double price, uint32_t slot)
{
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->n)
            break;
        if (child + 1 < h->n && h->price[child + 1] > h->price[child])
            child++;
        if (h->price[child] <= price)
            break;
        h->price[i] = h->price[child];
        h->slot[i] = h->slot[child];
        i = child;
    }
    h->price[i] = price;
    h->slot[i] = slot;
}

/* The cheapest `run_us` of slots before each completion.  Generous where it must be one-sided: the slot of the
 * submit and the slot of the completion may be used whole, and the result is seen as if it came at that slot's
 * beginning (or when the work can be done at the earliest, if that is later). */
static double cheapest_preemptive(const struct market *m, const struct job *j, usec_t until_at, struct heap *h,
                                  struct heap *kept)
{
    const struct slots *s = &m->gpus;
    size_t first = (size_t)((j->submit_at - s->from_at) / SLOT_US);
    size_t whole = (size_t)((j->run_us + SLOT_US - 1) / SLOT_US);
    double part = (double)j->run_us / (double)SLOT_US - (double)(whole - 1); /* of the dearest slot that is bought */
    double sum = 0, best = INFINITY, each_kw = j->kw / j->gpus; /* beside a GPU */
    struct cursor c = { j, until_at, window_after(j->w, j->submit_at) };
    h->n = kept->n = 0;
    for (size_t k = first; k < s->n + whole; k++) {
        usec_t at = usec_max(s->from_at + (usec_t)k * SLOT_US, j->submit_at + j->run_us);
        double price = k < s->n ? s->price[k] : 0;
        if (m->kw.n && k < s->n)
            price += each_kw * m->kw.price[k];
        while (c.at < j->w->n && j->w->spans[c.at].until_at <= at)
            c.at++;
        double seen = (double)(eyes(&c, c.at, at) - j->submit_at);
        if (seen >= best)
            break;
        if (h->n < whole) {
            heap_push(h, price, (uint32_t)k);
            sum += price;
        } else if (price < h->price[0]) {
            sum += price - h->price[0];
            heap_replace(h, price, (uint32_t)k);
        } else if (k > first + whole) {
            continue; /* as dear as before and later: no better */
        }
        if (h->n < whole)
            continue;
        double cost = seen + j->gpus * (sum - (1 - part) * h->price[0]);
        if (cost < best) {
            best = cost;
            kept->n = h->n;
            memcpy(kept->price, h->price, h->n * sizeof(*h->price));
            memcpy(kept->slot, h->slot, h->n * sizeof(*h->slot));
        }
    }
    for (size_t i = 0; i < kept->n; i++) {
        if (kept->slot[i] >= s->n)
            continue;
        s->use[kept->slot[i]] += j->gpus * (i == 0 ? part : 1);
        if (m->kw.n)
            m->kw.use[kept->slot[i]] += j->kw * (i == 0 ? part : 1);
    }
    return best;
}

/* --- subgradient ---------------------------------------------------------------------------------- */

/* What all that there is would cost. */
static double begin(struct slots *s)
{
    double all = 0;
    s->sum[0] = 0;
    for (size_t i = 0; i < s->n; i++) {
        s->sum[i + 1] = s->sum[i] + s->price[i];
        all += s->room[i] * s->price[i];
        s->use[i] = 0;
    }
    return all;
}

static double evaluate(struct market *m, const struct job *jobs, size_t n, usec_t until_at,
                       const struct bound_options *o, struct heap *h, struct heap *kept)
{
    double total = 0, all = begin(&m->gpus) + (m->kw.n ? begin(&m->kw) : 0);
    for (size_t i = 0; i < n; i++) {
        if (o->preemptive) {
            total += cheapest_preemptive(m, &jobs[i], until_at, h, kept);
            continue;
        }
        struct best best = cheapest(m, &jobs[i], until_at);
        total += best.cost;
        occupy(&m->gpus, best.start_at, best.start_at + jobs[i].run_us, jobs[i].gpus);
        if (m->kw.n)
            occupy(&m->kw, best.start_at, best.start_at + jobs[i].run_us, jobs[i].kw);
    }
    return total - all;
}

/* How far the use is from what there is, where that counts.  Of each thing by its own measure: a kW is not a GPU. */
static double norm_of(const struct slots *s, double unit)
{
    double norm = 0;
    for (size_t i = 0; i < s->n; i++) {
        double over = (s->use[i] - s->room[i]) * unit;
        if (over > 0 || s->price[i] > 0)
            norm += over * over;
    }
    return norm;
}

static void move(struct slots *s, double size, double unit)
{
    for (size_t i = 0; i < s->n; i++) {
        s->price[i] += size * unit * unit * (s->use[i] - s->room[i]);
        s->price[i] = s->price[i] > 0 ? s->price[i] : 0;
    }
}

static void *zeroed(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (!p)
        abort();
    return p;
}

static void slots_init(struct slots *s, usec_t from_at, size_t n)
{
    *s = (struct slots){ .from_at = from_at, .n = n, .room = zeroed(n + 1, sizeof(double)),
                         .price = zeroed(n + 1, sizeof(double)), .sum = zeroed(n + 2, sizeof(double)),
                         .use = zeroed(n + 1, sizeof(double)) };
}

static void slots_finish(struct slots *s)
{
    free(s->room);
    free(s->price);
    free(s->sum);
    free(s->use);
}

static void market_make(struct market *m, const struct bound_options *o, usec_t from_at, size_t n)
{
    *m = (struct market){ 0 };
    slots_init(&m->gpus, from_at, n);
    for (size_t i = 0; i < n; i++)
        m->gpus.room[i] = o->gpus;
    if (!o->cap)
        return;
    slots_init(&m->kw, from_at, n);
    for (size_t i = 0; i < n; i++) { /* a cap changes with a quarter of an hour at most */
        int64_t at_s = (from_at + (usec_t)i * SLOT_US) / USEC_PER_SEC;
        int64_t first = powercap_mw(o->cap, o->zone, at_s), second = powercap_mw(o->cap, o->zone, at_s + 900);
        m->kw.room[i] = (double)(first > second ? first : second) / 1e6;
    }
}

static double improve(struct market *m, const struct job *jobs, size_t jobs_n, usec_t longest_us, usec_t until_at,
                      const struct bound_options *o)
{
    size_t room = (size_t)(longest_us / SLOT_US) + 2;
    struct heap h = { zeroed(room, sizeof(double)), zeroed(room, sizeof(uint32_t)), 0 };
    struct heap kept = { zeroed(room, sizeof(double)), zeroed(room, sizeof(uint32_t)), 0 };
    double best = -INFINITY, theta = 1, unit = m->kw.n && m->kw.room[0] > 0 ? o->gpus / m->kw.room[0] : 1;
    uint32_t stale = 0;
    for (uint32_t step = 0; step <= o->steps; step++) {
        double value = evaluate(m, jobs, jobs_n, until_at, o, &h, &kept);
        stale = value > best * (best > 0 ? 1.00001 : 1) ? 0 : stale + 1;
        best = value > best ? value : best;
        if (stale >= 12) {
            theta *= 0.7;
            stale = 0;
        }
        double norm = norm_of(&m->gpus, 1) + norm_of(&m->kw, unit);
        if (norm <= 0)
            break;
        double size = theta * (o->target_us - value) / norm;
        move(&m->gpus, size, 1);
        move(&m->kw, size, unit);
    }
    free(h.price);
    free(h.slot);
    free(kept.price);
    free(kept.slot);
    return best;
}

double bound_tte_h(const struct trace *t, const struct presence *p, const struct bound_options *o)
{
    struct market m;
    struct job *jobs = zeroed(t->jobs_n + 1, sizeof(*jobs));
    double area = 0;
    usec_t last_at = 0, longest_us = 0;
    if (t->jobs_n == 0) {
        free(jobs);
        return 0;
    }
    for (size_t i = 0; i < t->jobs_n; i++) {
        const struct trace_job *w = &t->jobs[i];
        jobs[i] = (struct job){ w->submit_at, w->run_us, w->gpus, (double)capped_job_mw(w, o->gpu_watts) / 1e6, &p->truth[w->user] };
        area += (double)w->run_us * w->gpus;
        last_at = usec_max(last_at, w->submit_at);
        longest_us = usec_max(longest_us, w->run_us);
    }
    usec_t from_at = t->jobs[0].submit_at - t->jobs[0].submit_at % SLOT_US;
    market_make(&m, o, from_at, (size_t)((last_at - from_at + (usec_t)(area / o->gpus / 2) + 14 * USEC_PER_DAY) / SLOT_US));
    double best = improve(&m, jobs, t->jobs_n, longest_us, p->until_at, o);
    free(jobs);
    slots_finish(&m.gpus);
    slots_finish(&m.kw);
    return best / (double)t->jobs_n / HOUR;
}
