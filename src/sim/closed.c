/* closed.c - see closed.h. */
#include "sim/closed.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/luck.h"
#include "sim/timer.h"

#define BATCH_GAP_US (10 * USEC_PER_MIN)
#define BETWEEN_US   USEC_PER_SEC         /* from one job of a batch to the next */

void closed_plan_finish(struct closed_plan *plan)
{
    free(plan->jobs);
    free(plan->batches);
    free(plan->chains);
    *plan = (struct closed_plan){ 0 };
}

/* --- from a trace --------------------------------------------------------------------------------- */

/* How long somebody is there between two instants. */
static usec_t there_between(const struct windows *w, usec_t end_at, usec_t from_at, usec_t until_at)
{
    usec_t sum = 0;
    while (from_at < until_at) {
        usec_t at = presence_eyes(w, end_at, from_at), close = presence_until(w, end_at, at);
        if (at >= until_at)
            break;
        sum += usec_min(close, until_at) - at;
        if (close >= until_at)
            break;
        from_at = close;
    }
    return sum;
}

struct open_chain {
    usec_t seen_at;   /* of its last batch */
    uint32_t chain;
};

struct own { /* one user's chains while they are found */
    struct open_chain open[CHAINS_MAX];
    uint32_t n;
};

struct found { /* a batch with its chain, before they are laid out by chain */
    struct closed_batch batch;
    uint32_t chain;
};

/* The chain that became free last before `at`; another one; or, of too many, the one that is free first. */
static struct open_chain *chain_for(struct own *own, usec_t at)
{
    struct open_chain *best = NULL, *soonest = NULL;
    for (uint32_t i = 0; i < own->n; i++) {
        struct open_chain *c = &own->open[i];
        if (c->seen_at <= at && (!best || c->seen_at > best->seen_at))
            best = c;
        if (!soonest || c->seen_at < soonest->seen_at)
            soonest = c;
    }
    return best ? best : own->n < CHAINS_MAX ? NULL : soonest;
}

/* Jobs of user u, in order: places ret_from[u] to ret_from[u + 1]. */
static uint32_t *by_user(const struct trace *t, uint32_t **ret_from)
{
    uint32_t *from = calloc(t->users_n + 2, sizeof(*from)), *order = calloc(t->jobs_n + 1, sizeof(*order));
    if (!from || !order)
        abort();
    for (size_t i = 0; i < t->jobs_n; i++)
        from[t->jobs[i].user + 2]++;
    for (size_t u = 2; u < t->users_n + 2; u++)
        from[u] += from[u - 1];
    for (size_t i = 0; i < t->jobs_n; i++)
        order[from[t->jobs[i].user + 1]++] = (uint32_t)i;
    *ret_from = from;
    return order;
}

static void user_batches(const struct trace *t, const struct presence *p, const uint32_t *jobs, uint32_t n,
                         struct closed_plan *plan, struct found **found, size_t *found_n, size_t *found_size)
{
    struct own own = { .n = 0 };
    uint32_t user = n ? t->jobs[jobs[0]].user : 0;
    const struct windows *w = &p->truth[user];
    for (uint32_t i = 0, next; i < n; i = next) {
        usec_t at = t->jobs[jobs[i]].submit_at, last = at, seen_at = at;
        struct closed_batch b = { .first = (uint32_t)plan->jobs_n };
        for (next = i; next < n && t->jobs[jobs[next]].submit_at - last <= BATCH_GAP_US; next++) {
            const struct trace_job *j = &t->jobs[jobs[next]];
            plan->jobs = sim_grow(plan->jobs, &plan->jobs_size, plan->jobs_n + 1, sizeof(*plan->jobs));
            plan->jobs[plan->jobs_n] = *j;
            plan->jobs[plan->jobs_n++].submit_at = j->submit_at - at;
            last = j->submit_at;
            seen_at = usec_max(seen_at, presence_eyes(w, p->until_at, j->submit_at + j->run_us));
        }
        b.n = (uint32_t)plan->jobs_n - b.first;
        struct open_chain *c = chain_for(&own, at);
        if (!c) {
            c = &own.open[own.n++];
            c->chain = (uint32_t)plan->chains_n;
            plan->chains = sim_grow(plan->chains, &plan->chains_size, plan->chains_n + 1, sizeof(*plan->chains));
            plan->chains[plan->chains_n++] = (struct closed_chain){ .user = user, .first_at = at };
        } else if (c->seen_at < at) {
            b.think_us = there_between(w, p->until_at, c->seen_at, at);
        }
        c->seen_at = seen_at;
        assert(plan->chains); /* c was found among those made */
        plan->chains[c->chain].n++;
        *found = sim_grow(*found, found_size, *found_n + 1, sizeof(**found));
        (*found)[(*found_n)++] = (struct found){ b, c->chain };
    }
    /* A chain that is through begins again when the trace would have: what lies after its last result and before
     * its first submit is thought too. */
    usec_t begin_at = t->jobs[0].submit_at, end_at = t->jobs[t->jobs_n - 1].submit_at;
    for (uint32_t i = 0; i < own.n; i++) {
        struct closed_chain *c = &plan->chains[own.open[i].chain];
        c->again_us = there_between(w, p->until_at, own.open[i].seen_at, end_at)
                      + there_between(w, p->until_at, begin_at, c->first_at);
        c->again_us = usec_max(c->again_us, USEC_PER_MIN);
    }
}

void closed_of_trace(const struct trace *t, const struct presence *p, struct closed_plan *ret)
{
    struct found *found = NULL;
    size_t n = 0, size = 0;
    uint32_t *from, *order = by_user(t, &from), at = 0;
    *ret = (struct closed_plan){ 0 };
    for (size_t u = 0; u < t->users_n; u++)
        user_batches(t, p, order + from[u], from[u + 1] - from[u], ret, &found, &n, &size);
    ret->batches = calloc(n + 1, sizeof(*ret->batches));
    uint32_t *next = calloc(ret->chains_n + 1, sizeof(*next));
    if (!ret->batches || !next)
        abort();
    ret->batches_n = n;
    for (size_t i = 0; i < ret->chains_n; i++) {
        ret->chains[i].first = next[i] = at;
        at += ret->chains[i].n;
    }
    for (size_t i = 0; i < n; i++)
        ret->batches[next[found[i].chain]++] = found[i].batch;
    free(next);
    free(found);
    free(from);
    free(order);
}

/* --- from an office ------------------------------------------------------------------------------- */

/* The office's own submissions, dealt out: a batch is what one person submitted within ten minutes, think times are
 * drawn.  What the open loop asked for in all is more than enough to go round. */
void closed_of_office(const struct office_options *o, const struct office *office, struct closed_plan *ret)
{
    struct presence always = { .users_n = office->trace.users_n, .until_at = office->presence.until_at };
    struct closed_plan all;
    struct prng p;
    always.truth = always.known = calloc(office->trace.users_n + 1, sizeof(*always.known));
    if (!always.known)
        abort();
    for (size_t u = 0; u < always.users_n; u++)
        always.known[u].always = true;
    closed_of_trace(&office->trace, &always, &all);
    free(always.known);
    /* Chains anew: the batches of each person, CHAINS_OFFICE by turns. */
    *ret = (struct closed_plan){ .jobs = all.jobs, .jobs_n = all.jobs_n };
    ret->batches = calloc(all.batches_n + 1, sizeof(*ret->batches));
    ret->chains = calloc(office->people * CHAINS_OFFICE + 1, sizeof(*ret->chains));
    if (!ret->batches || !ret->chains)
        abort();
    prng_init(&p, o->seed, LUCK_CLIENT);
    for (uint32_t u = 0; u < office->people; u++) {
        for (uint32_t k = 0; k < CHAINS_OFFICE; k++) {
            uint32_t turn = 0;
            usec_t at = presence_after(&office->presence.truth[u], office->presence.until_at,
                                       office->trace.jobs[0].submit_at, luck_between(&p, 0, 4 * USEC_PER_HOUR));
            struct closed_chain chain = { .user = u, .first = (uint32_t)ret->batches_n, .first_at = at };
            for (size_t c = 0; c < all.chains_n; c++) {
                if (all.chains[c].user != u)
                    continue;
                for (uint32_t b = 0; b < all.chains[c].n; b++, turn++) {
                    if (turn % CHAINS_OFFICE != k)
                        continue;
                    struct closed_batch *to = &ret->batches[ret->batches_n++];
                    *to = all.batches[all.chains[c].first + b];
                    to->think_us = luck_lognormal(&p, USEC_PER_HOUR, 1.0);
                    chain.again_us = to->think_us;
                    chain.n++;
                }
            }
            if (chain.n)
                ret->chains[ret->chains_n++] = chain;
        }
    }
    free(all.batches);
    free(all.chains);
}

/* --- the loop ------------------------------------------------------------------------------------- */

struct going {
    uint32_t next, outstanding;
    usec_t seen_at;
};

struct loop {
    const struct closed_plan *plan;
    const struct presence *presence;
    usec_t until_at;
    struct going *going;     /* by chain */
    uint32_t *chain_of;      /* by job of the run */
    size_t chain_of_size;
    uint64_t *seen;          /* by user */
};

static void next_batch(struct loop *l, struct drive *d, uint32_t chain, usec_t at)
{
    const struct closed_chain *c = &l->plan->chains[chain];
    struct going *g = &l->going[chain];
    const struct closed_batch *b = &l->plan->batches[c->first + g->next];
    if (at >= l->until_at)
        return;
    g->next = (g->next + 1) % c->n;
    g->outstanding = b->n;
    g->seen_at = at;
    for (uint32_t i = 0; i < b->n; i++) {
        struct trace_job job = l->plan->jobs[b->first + i];
        job.submit_at += at;
        uint32_t number = drive_submit(d, &job);
        l->chain_of = sim_grow(l->chain_of, &l->chain_of_size, (size_t)number + 1, sizeof(*l->chain_of));
        l->chain_of[number] = chain;
    }
}

static void begin(void *user, struct drive *d)
{
    struct loop *l = user;
    for (uint32_t i = 0; i < l->plan->chains_n; i++)
        next_batch(l, d, i, usec_max(l->plan->chains[i].first_at, drive_now(d)));
}

static void over(void *user, struct drive *d, uint32_t job)
{
    struct loop *l = user;
    const struct drive_job *j = drive_job_of(d, job);
    uint32_t chain = l->chain_of[job];
    const struct closed_chain *c = &l->plan->chains[chain];
    struct going *g = &l->going[chain];
    const struct windows *w = &l->presence->truth[c->user];
    usec_t now = drive_now(d), seen_at = now;
    if (now >= j->what.submit_at + PRESENCE_SUBMIT_US)
        seen_at = presence_eyes(w, l->presence->until_at, now);
    if (!j->dropped && seen_at < l->until_at)
        l->seen[c->user]++;
    g->seen_at = usec_max(g->seen_at, seen_at);
    if (--g->outstanding == 0) {
        usec_t think_us = g->next ? l->plan->batches[c->first + g->next].think_us : c->again_us;
        next_batch(l, d, chain, presence_after(w, l->presence->until_at, g->seen_at, think_us));
    }
}

static void results(const struct loop *l, const struct trace *t, usec_t from_at, struct closed_result *ret)
{
    double squares = 0, worst = -1;
    size_t people = 0;
    bool *works = calloc(t->users_n + 1, sizeof(*works));
    if (!works)
        abort();
    for (size_t i = 0; i < l->plan->chains_n; i++)
        works[l->plan->chains[i].user] = true;
    for (size_t u = 0; u < t->users_n; u++) {
        double n = (double)l->seen[u];
        if (!works[u])
            continue;
        people++;
        ret->seen += l->seen[u];
        squares += n * n;
        worst = worst < 0 || n < worst ? n : worst;
    }
    free(works);
    double sum = (double)ret->seen, weeks = (double)(l->until_at - from_at) / (7.0 * (double)USEC_PER_DAY);
    ret->results_per_person_week = people ? sum / (double)people / weeks : 0;
    ret->results_worst_over_mean = sum > 0 ? worst * (double)people / sum : 1;
    ret->results_jain = squares > 0 ? sum * sum / ((double)people * squares) : 1;
}

int closed_run(const struct closed_plan *plan, const struct trace *t, const struct presence *p,
               const struct drive_options *o, usec_t from_at, usec_t until_at, struct closed_result *ret,
               struct err *err)
{
    struct loop l = { .plan = plan, .presence = p, .until_at = until_at };
    struct drive_options options = *o;
    struct trace people = *t; /* the users without their jobs; borrowed */
    struct drive_hooks hooks = { .user = &l, .begin = begin, .over = over };
    *ret = (struct closed_result){ 0 };
    people.jobs_n = 0;
    options.from_at = from_at;
    options.until_at = until_at;
    l.going = calloc(plan->chains_n + 1, sizeof(*l.going));
    l.seen = calloc(t->users_n + 1, sizeof(*l.seen));
    if (!l.going || !l.seen)
        abort();
    int r = drive_run(&people, p, &options, &hooks, &ret->run, err);
    if (r == 0)
        results(&l, t, from_at, ret);
    ret->by_user = l.seen;
    ret->users_n = t->users_n;
    if (r < 0)
        closed_result_finish(ret);
    free(l.going);
    free(l.chain_of);
    return r;
}

void closed_result_finish(struct closed_result *r)
{
    drive_result_finish(&r->run);
    free(r->by_user);
    *r = (struct closed_result){ 0 };
}

/* Enough for the widest batch of every chain at once; 0: more than can be simulated. */
static uint32_t gpus_for_all(const struct closed_plan *plan)
{
    uint64_t all = 0;
    for (size_t c = 0; c < plan->chains_n; c++) {
        uint64_t widest = 0;
        for (uint32_t b = 0; b < plan->chains[c].n; b++) {
            const struct closed_batch *batch = &plan->batches[plan->chains[c].first + b];
            uint64_t gpus = 0;
            for (uint32_t i = 0; i < batch->n; i++)
                gpus += plan->jobs[batch->first + i].gpus;
            widest = gpus > widest ? gpus : widest;
        }
        all += widest;
    }
    return all <= TRACE_GPUS_MAX ? (uint32_t)all : 0;
}

int closed_at_best(const struct closed_plan *plan, const struct trace *t, const struct presence *p, usec_t from_at,
                   usec_t until_at, struct closed_result *ret, struct err *err)
{
    struct ev_settings settings = CORE_SETTINGS_DEFAULT;
    struct drive_options d = { .policy = POLICY_FIFO, .gpus = gpus_for_all(plan), .estimates = ESTIMATE_EXACT, .no_eta = true,
                               .settings = &settings };
    if (plan->chains_n && d.gpus == 0)
        return err_set(err, E_TOO_LARGE, "So many GPUs that nobody ever waits are more than %u: leave out --bound.", TRACE_GPUS_MAX);
    return closed_run(plan, t, p, &d, from_at, until_at, ret, err);
}

double closed_worst_share(const struct closed_result *r, const struct closed_result *best)
{
    double worst = INFINITY;
    for (size_t u = 0; u < r->users_n && u < best->users_n; u++)
        if (best->by_user[u])
            worst = fmin(worst, (double)r->by_user[u] / (double)best->by_user[u]);
    return r->seen && isfinite(worst) ? worst * (double)best->seen / (double)r->seen : NAN;
}
