/* problem.c - see problem.h. */
#include "schedule/problem.h"

#include <assert.h>
#include <string.h>

/* --- is it one? ------------------------------------------------------------------------------- */

static int check_counts(const struct schedule_input *in, struct err *err)
{
    if (in->tasks_n == 0)
        return err_set(err, E_INVALID, "There is no task to plan.");
    if (in->tasks_n > SCHEDULE_TASKS_MAX)
        return err_set(err, E_TOO_LARGE, "%u tasks are too many for one search; at most %u are possible.",
                       in->tasks_n, SCHEDULE_TASKS_MAX);
    if (in->resources_n > SCHEDULE_RESOURCES_MAX)
        return err_set(err, E_TOO_LARGE, "%u resources are too many; at most %u are possible.",
                       in->resources_n, SCHEDULE_RESOURCES_MAX);
    if (in->horizon < 0 || in->horizon > SCHEDULE_STEPS_MAX)
        return err_set(err, E_TOO_LARGE, "%d steps of time are too many; at most %d are possible.",
                       in->horizon, SCHEDULE_STEPS_MAX);
    return 0;
}

static int check_tasks(const struct schedule_input *in, struct err *err)
{
    for (uint32_t i = 0; i < in->tasks_n; i++) {
        if (in->lengths[i] < 0 || in->lengths[i] > in->horizon)
            return err_set(err, E_INVALID, "Task %u lasts %d steps; that must be 0 to %d.", i + 1,
                           in->lengths[i], in->horizon);
        if (in->releases && (in->releases[i] < 0 || in->releases[i] > in->horizon))
            return err_set(err, E_INVALID, "Task %u may start from step %d on; that must be 0 to %d.",
                           i + 1, in->releases[i], in->horizon);
    }
    for (uint32_t i = 0; i < in->links_n; i++)
        if (in->links[i].before >= in->tasks_n || in->links[i].after >= in->tasks_n)
            return err_set(err, E_INVALID, "Link %u names a task that is not there.", i + 1);
    return 0;
}

static int check_resources(const struct schedule_input *in, struct err *err)
{
    int32_t most[SCHEDULE_RESOURCES_MAX];
    const struct schedule_capacity *last = NULL;
    for (uint32_t r = 0; r < in->resources_n; r++)
        most[r] = -1;
    for (uint32_t i = 0; i < in->capacities_n; i++) {
        const struct schedule_capacity *c = &in->capacities[i];
        bool first = !last || last->resource != c->resource;
        if (c->resource >= in->resources_n || c->amount < 0 || c->amount > SCHEDULE_AMOUNT_MAX ||
            (first ? c->from != 0 || (last && c->resource < last->resource) : c->from <= last->from))
            return err_set(err, E_INVALID, "Capacity %u is out of range or out of order.", i + 1);
        if (c->amount > most[c->resource])
            most[c->resource] = c->amount;
        last = c;
    }
    for (uint32_t r = 0; r < in->resources_n; r++)
        if (most[r] < 0)
            return err_set(err, E_INVALID, "Nothing says how much there is of resource %u.", r + 1);
    for (uint32_t i = 0; i < in->demands_n; i++) {
        const struct schedule_demand *d = &in->demands[i];
        if (d->task >= in->tasks_n || d->resource >= in->resources_n || d->amount < 0)
            return err_set(err, E_INVALID, "Demand %u is out of range.", i + 1);
        if (d->amount > most[d->resource] && in->lengths[d->task] > 0)
            return err_set(err, E_INVALID,
                           "Task %u needs %d of resource %u, of which there are never more than %d.",
                           d->task + 1, d->amount, d->resource + 1, most[d->resource]);
    }
    return 0;
}

int problem_check(const struct schedule_input *in, struct err *err)
{
    int r = check_counts(in, err);
    if (r == 0)
        r = check_tasks(in, err);
    return r == 0 ? check_resources(in, err) : r;
}

/* --- lanes ------------------------------------------------------------------------------------ */

static uint32_t bits_of(uint32_t value) { return value ? 32 - (uint32_t)__builtin_clz(value) : 0; }

/* Where each resource's amount stands.  Returns the words used; first come, first placed. */
static uint32_t lanes_lay(const struct schedule_input *in, struct problem *p)
{
    int32_t most[SCHEDULE_RESOURCES_MAX] = { 0 };
    uint32_t word = 0, shift = 0;
    for (uint32_t i = 0; i < in->capacities_n; i++)
        if (in->capacities[i].amount > most[in->capacities[i].resource])
            most[in->capacities[i].resource] = in->capacities[i].amount;
    memset(p->guard, 0, sizeof p->guard);
    for (uint32_t r = 0; r < in->resources_n; r++) {
        uint32_t width = bits_of((uint32_t)most[r]) + 1;
        if (shift + width > 64) {
            word++;
            shift = 0;
        }
        if (word < SCHEDULE_WORDS_MAX) {
            p->lane_word[r] = (uint8_t)word;
            p->lane_shift[r] = (uint8_t)shift;
            p->guard[word] |= UINT64_C(1) << ((shift + width - 1) & 63);
        }
        shift += width;
    }
    return word + 1;
}

/* --- memory ----------------------------------------------------------------------------------- */

static void *take(char **at, size_t n, size_t each)
{
    void *here = *at;
    *at += (n * each + 7) / 8 * 8;
    return here;
}

/* Lay the arrays out from `block` (NULL: only count). */
static size_t lay(struct problem *p, const struct schedule_input *in, char *block)
{
    char *at = block;
    size_t n = in->tasks_n, m = in->resources_n, w = p->words_n;
    p->length = take(&at, n, sizeof *p->length);
    p->release = take(&at, n, sizeof *p->release);
    p->amount = take(&at, n * m, sizeof *p->amount);
    p->capacity = take(&at, m, sizeof *p->capacity);
    p->work = take(&at, m, sizeof *p->work);
    p->before_at = take(&at, n + 1, sizeof *p->before_at);
    p->after_at = take(&at, n + 1, sizeof *p->after_at);
    p->before = take(&at, in->links_n, sizeof *p->before);
    p->after = take(&at, in->links_n, sizeof *p->after);
    p->order = take(&at, n, sizeof *p->order);
    p->head = take(&at, n, sizeof *p->head);
    p->tail = take(&at, n, sizeof *p->tail);
    p->need = take(&at, n * w, sizeof *p->need);
    p->room = take(&at, (size_t)in->horizon * w, sizeof *p->room);
    return (size_t)(at - block);
}

size_t problem_size(const struct schedule_input *in)
{
    struct problem p = { 0 };
    p.words_n = lanes_lay(in, &p);
    /* Counted from a block that is there, so that no pointer is made from NULL. */
    char here[8];
    return lay(&p, in, here);
}

/* --- filling ---------------------------------------------------------------------------------- */

static void fill_links(struct problem *p, const struct schedule_input *in)
{
    memset(p->before_at, 0, (p->tasks_n + 1) * sizeof *p->before_at);
    memset(p->after_at, 0, (p->tasks_n + 1) * sizeof *p->after_at);
    for (uint32_t i = 0; i < in->links_n; i++) {
        p->before_at[in->links[i].after + 1]++;
        p->after_at[in->links[i].before + 1]++;
    }
    for (uint32_t i = 0; i < p->tasks_n; i++) {
        p->before_at[i + 1] += p->before_at[i];
        p->after_at[i + 1] += p->after_at[i];
    }
    /* Fill from the end of each part, so that the starts need not be kept apart. */
    for (uint32_t i = in->links_n; i-- > 0;) {
        p->before[--p->before_at[in->links[i].after + 1]] = (uint16_t)in->links[i].before;
        p->after[--p->after_at[in->links[i].before + 1]] = (uint16_t)in->links[i].after;
    }
    /* Entry i + 1 now holds the start of part i: move down by one. */
    memmove(p->before_at, p->before_at + 1, p->tasks_n * sizeof *p->before_at);
    memmove(p->after_at, p->after_at + 1, p->tasks_n * sizeof *p->after_at);
    p->before_at[p->tasks_n] = p->after_at[p->tasks_n] = in->links_n;
}

/* Kahn's order, the lower number first among those that are ready; false if links go round. */
static bool fill_order(struct problem *p)
{
    uint32_t done = 0, n = p->tasks_n;
    int32_t *waits = p->tail; /* as scratch */
    for (uint32_t i = 0; i < n; i++) {
        waits[i] = (int32_t)(p->before_at[i + 1] - p->before_at[i]);
        if (waits[i] == 0)
            p->order[done++] = (uint16_t)i;
    }
    for (uint32_t next = 0; next < done; next++) {
        uint32_t i = p->order[next];
        for (uint32_t k = p->after_at[i]; k < p->after_at[i + 1]; k++)
            if (--waits[p->after[k]] == 0)
                p->order[done++] = p->after[k];
    }
    return done == n;
}

/* False if a chain of links alone does not fit before the horizon. */
static bool fill_chains(struct problem *p)
{
    for (uint32_t k = 0; k < p->tasks_n; k++) {
        uint32_t i = p->order[k];
        int32_t head = p->release[i];
        for (uint32_t b = p->before_at[i]; b < p->before_at[i + 1]; b++) {
            int32_t end = p->head[p->before[b]] + p->length[p->before[b]];
            head = end > head ? end : head;
        }
        if (head > p->horizon - p->length[i])
            return false;
        p->head[i] = head;
    }
    for (uint32_t k = p->tasks_n; k-- > 0;) {
        uint32_t i = p->order[k];
        int32_t tail = 0;
        for (uint32_t a = p->after_at[i]; a < p->after_at[i + 1]; a++) {
            int32_t chain = p->length[p->after[a]] + p->tail[p->after[a]];
            tail = chain > tail ? chain : tail;
        }
        p->tail[i] = tail; /* at most the horizon: the same chain was walked from its other end */
    }
    return true;
}

static void fill_room(struct problem *p, const struct schedule_input *in)
{
    memset(p->room, 0, (size_t)p->horizon * p->words_n * sizeof *p->room);
    memset(p->capacity, 0, p->resources_n * sizeof *p->capacity);
    p->steady = true;
    for (uint32_t i = 0; i < in->capacities_n; i++) {
        const struct schedule_capacity *c = &in->capacities[i];
        bool last = i + 1 == in->capacities_n || in->capacities[i + 1].resource != c->resource;
        int32_t until = last ? p->horizon : in->capacities[i + 1].from;
        if (c->from > 0)
            p->steady = false;
        if (c->amount > p->capacity[c->resource])
            p->capacity[c->resource] = c->amount;
        uint64_t *word = p->room + p->lane_word[c->resource];
        for (int32_t t = c->from; t < until && t < p->horizon; t++)
            word[(size_t)t * p->words_n] |= (uint64_t)c->amount << p->lane_shift[c->resource];
    }
}

int problem_init(struct problem *p, const struct schedule_input *in, void *block, struct err *err)
{
    memset(p, 0, sizeof *p);
    p->words_n = lanes_lay(in, p);
    if (p->words_n > SCHEDULE_WORDS_MAX)
        return err_set(err, E_TOO_LARGE,
                       "The amounts of all resources together need %u words of 64 bits; at most %u are "
                       "possible. Count in larger units.", p->words_n, SCHEDULE_WORDS_MAX);
    p->tasks_n = in->tasks_n;
    p->resources_n = in->resources_n;
    p->horizon = in->horizon;
    lay(p, in, block);
    memcpy(p->length, in->lengths, p->tasks_n * sizeof *p->length);
    for (uint32_t i = 0; i < p->tasks_n; i++)
        p->release[i] = in->releases ? in->releases[i] : 0;
    memset(p->amount, 0, (size_t)p->tasks_n * p->resources_n * sizeof *p->amount);
    memset(p->work, 0, p->resources_n * sizeof *p->work);
    memset(p->need, 0, (size_t)p->tasks_n * p->words_n * sizeof *p->need);
    fill_room(p, in);
    for (uint32_t i = 0; i < in->demands_n; i++) {
        const struct schedule_demand *d = &in->demands[i];
        int32_t *amount = &p->amount[(size_t)d->task * p->resources_n + d->resource];
        if (p->length[d->task] == 0) /* it takes no time, so it takes no room */
            continue;
        if (d->amount > p->capacity[d->resource] - *amount)
            return err_set(err, E_INVALID,
                           "Task %u needs more of resource %u than the %d there are.", d->task + 1,
                           d->resource + 1, p->capacity[d->resource]);
        *amount += d->amount;
        p->need[(size_t)d->task * p->words_n + p->lane_word[d->resource]] +=
            (uint64_t)d->amount << p->lane_shift[d->resource];
        p->work[d->resource] += (int64_t)d->amount * p->length[d->task];
    }
    fill_links(p, in);
    if (!fill_order(p))
        return err_set(err, E_INVALID, "The tasks wait for each other in a circle.");
    if (!fill_chains(p))
        return err_set(err, E_INVALID, "Tasks that wait for each other need more than the %d steps there are.",
                       p->horizon);
    return 0;
}
