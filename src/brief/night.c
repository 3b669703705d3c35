/* night.c - when a person is away, and what the GPUs do meanwhile; see brief.h.  Whole numbers only. */
#include "brief/brief.h"

#include <stdlib.h>
#include <string.h>

/* --- when --------------------------------------------------------------------------------------- */

bool brief_absence(const struct span *look, size_t n, usec_t now_at, struct span *ret_absence)
{
    usec_t from_at = now_at; /* of the gap that is looked at */
    for (size_t i = 0; i < n; i++) {
        if (look[i].until_at <= now_at)
            continue;
        if (look[i].from_at - from_at >= BRIEF_GAP_US) {
            *ret_absence = (struct span){ from_at, look[i].from_at };
            return true;
        }
        from_at = look[i].until_at;
    }
    *ret_absence = (struct span){ now_at, now_at + USEC_PER_DAY };
    return false;
}

/* The stretch that is on, or the last before now: gaps shorter than an absence do not end it. */
static bool last_stretch(const struct span *looked, size_t n, usec_t now_at, size_t *ret_first,
                         struct span *ret)
{
    bool found = false;
    for (size_t i = 0; i < n && looked[i].from_at <= now_at; i++) {
        if (!found || looked[i].from_at - ret->until_at >= BRIEF_GAP_US) {
            *ret_first = i;
            ret->from_at = looked[i].from_at;
        }
        ret->until_at = looked[i].until_at;
        found = true;
    }
    return found;
}

usec_t brief_since(const struct span *looked, size_t n, usec_t now_at)
{
    struct span stretch = { 0 };
    size_t first = 0;
    if (!last_stretch(looked, n, now_at, &first, &stretch))
        return now_at - USEC_PER_DAY;
    if (now_at - stretch.until_at >= BRIEF_GAP_US)
        return stretch.until_at; /* away, and asking all the same */
    return first > 0 ? looked[first - 1].until_at : now_at - USEC_PER_DAY;
}

/* The whole stretch that now is in, short gaps included; false: an absence is on. */
static bool stretch_now(const struct span *looked, size_t n, usec_t now_at, struct span *ret)
{
    size_t first = 0;
    if (!last_stretch(looked, n, now_at, &first, ret))
        return false;
    bool open = now_at < ret->until_at;
    for (size_t i = 0; i < n; i++)
        if (looked[i].from_at > now_at && looked[i].from_at - ret->until_at < BRIEF_GAP_US) {
            ret->until_at = looked[i].until_at;
            open = true;
        }
    return open || now_at - ret->until_at < BRIEF_GAP_US;
}

bool brief_is_morning(const struct span *looked, size_t n, usec_t now_at)
{
    struct span stretch = { 0 };
    return stretch_now(looked, n, now_at, &stretch) &&
           now_at - stretch.from_at < stretch.until_at - now_at;
}

/* Can the person look now, and for a while? */
static bool can_look(const struct span *looked, size_t n, usec_t now_at)
{
    for (size_t i = 0; i < n; i++)
        if (looked[i].from_at <= now_at && looked[i].until_at - now_at >= BRIEF_MARGIN_US)
            return true;
    return false;
}

/* Was it told in this stretch?  What lies ahead was said by a clock that was wrong. */
static bool told_since(usec_t told_at, usec_t from_at, usec_t now_at)
{
    return told_at >= from_at && told_at <= now_at + USEC_PER_HOUR;
}

enum brief_kind brief_due(const struct brief_wish *wish, const struct span *looked, size_t n,
                          usec_t now_at, usec_t *ret_next_at)
{
    struct span stretch = { 0 };
    *ret_next_at = USEC_NEVER;
    for (size_t i = 0; i < n && *ret_next_at == USEC_NEVER; i++)
        if (looked[i].from_at > now_at)
            *ret_next_at = looked[i].from_at;
    if (!stretch_now(looked, n, now_at, &stretch))
        return BRIEF_NONE;
    usec_t evening_at = usec_max(stretch.until_at - BRIEF_BEFORE_US, stretch.from_at);
    if (evening_at > now_at)
        *ret_next_at = usec_min(*ret_next_at, evening_at);
    if (!can_look(looked, n, now_at))
        return BRIEF_NONE;
    if (wish->evening && now_at >= evening_at && !told_since(wish->evening_at, stretch.from_at, now_at))
        return BRIEF_EVENING;
    return wish->morning && now_at - stretch.from_at < BRIEF_LATE_US &&
                   !told_since(wish->morning_at, stretch.from_at, now_at)
               ? BRIEF_MORNING : BRIEF_NONE;
}

/* --- GPUs over the span ----------------------------------------------------------------------------- */

struct stay { /* of a job on its GPUs, cut to the span */
    struct span span;
    uint64_t mask;
};

/* GPUs on which nothing stands in that time. */
static uint64_t idle_in(uint64_t gpus, const struct stay *stays, size_t n, struct span span)
{
    for (size_t i = 0; i < n; i++)
        if (stays[i].span.from_at < span.until_at && span.from_at < stays[i].span.until_at)
            gpus &= ~stays[i].mask;
    return gpus;
}

static uint64_t lowest(uint64_t mask, uint32_t n)
{
    uint64_t taken = 0;
    for (; n > 0 && mask; n--) {
        taken |= mask & -mask;
        mask &= mask - 1;
    }
    return taken;
}

/* Where jobs stand in the span.  Those that have no GPU yet get what is idle then; there is always
 * enough in a plan that holds, and where there is not, they are drawn on fewer. */
static size_t stays_of(const struct brief *b, struct stay stays[BRIEF_JOBS_MAX])
{
    size_t n = 0;
    for (int named = 1; named >= 0; named--)
        for (size_t i = 0; i < b->jobs_n && n < BRIEF_JOBS_MAX; i++) {
            const struct brief_job *j = &b->jobs[i];
            bool open = j->stage == BRIEF_RUNS && j->end_at <= b->now_at; /* over its forecast, or none */
            struct span span = { usec_max(j->start_at, b->span.from_at),
                                 usec_min(open || !j->end_at ? b->span.until_at : j->end_at,
                                          b->span.until_at) };
            if (j->stage == BRIEF_ENDED || j->gpus == 0 || j->start_at <= 0 ||
                (j->gpu_mask != 0) != named || span.from_at >= span.until_at)
                continue;
            uint64_t mask = j->gpu_mask ? j->gpu_mask
                                        : lowest(idle_in(b->gpus, stays, n, span), j->gpus);
            if (mask & b->gpus)
                stays[n++] = (struct stay){ span, mask & b->gpus };
        }
    return n;
}

static int by_time(const void *a, const void *b)
{
    const usec_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Edges at which the number of free GPUs may change, the span's own included; sorted. */
static size_t edges_of(const struct brief *b, const struct stay *stays, size_t n,
                       usec_t edges[2 * BRIEF_JOBS_MAX + 2])
{
    size_t edges_n = 0;
    edges[edges_n++] = b->span.from_at;
    edges[edges_n++] = b->span.until_at;
    for (size_t i = 0; i < n; i++) {
        edges[edges_n++] = stays[i].span.from_at;
        edges[edges_n++] = stays[i].span.until_at;
    }
    qsort(edges, edges_n, sizeof edges[0], by_time);
    return edges_n;
}

void brief_night(const struct brief *b, struct brief_night *ret)
{
    struct stay stays[BRIEF_JOBS_MAX];
    usec_t edges[2 * BRIEF_JOBS_MAX + 2], run_us[BRIEF_GPUS_MAX + 1] = { 0 };
    *ret = (struct brief_night){ .gpus_n = (uint32_t)__builtin_popcountll(b->gpus) };
    size_t n = stays_of(b, stays);
    for (size_t i = 0; i < n; i++)
        for (uint32_t gpu = 0; gpu < BRIEF_GPUS_MAX; gpu++)
            if (stays[i].mask >> gpu & 1)
                ret->busy_until_at[gpu] = usec_max(ret->busy_until_at[gpu], stays[i].span.until_at);
    size_t edges_n = edges_of(b, stays, n, edges);
    for (size_t i = 0; i + 1 < edges_n; i++) {
        usec_t length_us = edges[i + 1] - edges[i];
        struct span piece = { edges[i], edges[i + 1] };
        if (length_us <= 0)
            continue;
        uint32_t idle = (uint32_t)__builtin_popcountll(idle_in(b->gpus, stays, n, piece));
        ret->all_us += length_us * ret->gpus_n;
        ret->empty_us += length_us * idle;
        for (uint32_t k = 1; k <= ret->gpus_n; k++) {
            run_us[k] = k <= idle ? run_us[k] + length_us : 0;
            ret->free_us[k] = usec_max(ret->free_us[k], run_us[k]);
        }
    }
}

/* --- what needs whom -------------------------------------------------------------------------------- */

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

enum brief_need brief_need(const struct brief_job *job)
{
    if (!job->mine)
        return BRIEF_NEED_NONE;
    if (job->stage == BRIEF_RUNS)
        return job->stalled_at ? BRIEF_NEED_LOOK : BRIEF_NEED_NONE;
    if (job->stage == BRIEF_ENDED)
        return is(job->state, "COMPLETED") || is(job->state, "CANCELLED") ? BRIEF_NEED_NONE
                                                                          : BRIEF_NEED_AGAIN;
    if (is(job->reason, "JobHeldUser"))
        return BRIEF_NEED_RELEASE;
    if (is(job->reason, "JobHeldFailures"))
        return BRIEF_NEED_MEND;
    if (is(job->reason, "JobHeldCanary"))
        return BRIEF_NEED_CANARY;
    if (is(job->reason, "DependencyNeverSatisfied"))
        return BRIEF_NEED_DROP;
    return is(job->reason, "BadConstraints") ? BRIEF_NEED_SHRINK : BRIEF_NEED_NONE;
}

const char *brief_need_word(enum brief_need need)
{
    static const char *const words[] = {
#define X(need, word) [need] = word,
        BRIEF_NEED_LIST(X)
#undef X
    };
    _Static_assert(sizeof words / sizeof words[0] == BRIEF_NEED_COUNT, "one word each");
    return words[need];
}

bool brief_fits(const struct brief_night *night, const struct brief *b, const struct brief_job *job)
{
    enum brief_need need = brief_need(job);
    if (need != BRIEF_NEED_RELEASE && need != BRIEF_NEED_AGAIN && need != BRIEF_NEED_MEND &&
        need != BRIEF_NEED_CANARY)
        return false;
    if (job->gpus == 0 || job->gpus > night->gpus_n || night->free_us[job->gpus] <= 0)
        return false;
    (void)b;
    if (is(job->reason, "JobLaunchFailure")) /* it cannot run as it is, tonight or ever */
        return false;
    return job->limit_us == 0 || job->limit_us <= night->free_us[job->gpus];
}

const char *brief_first_word(enum brief_first first)
{
    static const char *const words[] = {
#define X(first, word) [first] = word,
        BRIEF_FIRST_LIST(X)
#undef X
    };
    _Static_assert(sizeof words / sizeof words[0] == BRIEF_FIRST_COUNT, "one word each");
    return words[first];
}

static bool reviewed(const struct brief *b, const struct brief_job *job)
{
    for (size_t i = 0; i < b->todos_n; i++)
        if (b->todos[i].review && is(b->todos[i].review_of, job->id))
            return true;
    return false;
}

/* "15" of "15_4" and "15_[4-9]"; 0: no task of an array. */
static size_t array_len(const struct brief_job *job)
{
    const char *end = strchr(job->id, '_');
    return end ? (size_t)(end - job->id) : 0;
}

static bool same_array(const struct brief_job *a, const struct brief_job *b)
{
    size_t len = array_len(a);
    return len > 0 && len == array_len(b) && memcmp(a->id, b->id, len) == 0;
}

uint32_t brief_alike(const struct brief *b, size_t job)
{
    const struct brief_job *j = &b->jobs[job];
    enum brief_need need = brief_need(j);
    if (need == BRIEF_NEED_NONE)
        return 0;
    uint32_t n = j->tasks > 1 ? j->tasks : 1;
    if (need == BRIEF_NEED_AGAIN || need == BRIEF_NEED_LOOK) /* each in its own way */
        return n;
    for (size_t i = 0; i < b->jobs_n; i++) {
        const struct brief_job *other = &b->jobs[i];
        if (i == job || !same_array(j, other) || brief_need(other) != need)
            continue;
        if (i < job)
            return 0;
        n += other->tasks > 1 ? other->tasks : 1;
    }
    return n;
}

uint32_t brief_held_behind(const struct brief *b, const struct brief_job *job)
{
    uint32_t n = 0;
    for (size_t i = 0; i < b->jobs_n; i++)
        if (brief_need(&b->jobs[i]) == BRIEF_NEED_MEND && same_array(job, &b->jobs[i]))
            n += b->jobs[i].tasks > 1 ? b->jobs[i].tasks : 1;
    return n;
}

/* Failures first, because nothing goes on by itself behind them, and before them those behind which other tasks wait; then what somebody was asked to
 * look at; then what cost most.  Among equals the larger GPU time, then the earlier one in the list. */
size_t brief_first(const struct brief *b, enum brief_first *ret_why)
{
    static const int weight[] = { [BRIEF_FIRST_NONE] = 0, [BRIEF_FIRST_HOLDS] = 4, [BRIEF_FIRST_FAILED] = 3,
                                  [BRIEF_FIRST_REVIEW] = 2, [BRIEF_FIRST_LONGEST] = 1 };
    size_t best = SIZE_MAX;
    usec_t best_us = -1;
    *ret_why = BRIEF_FIRST_NONE;
    for (size_t i = 0; i < b->jobs_n; i++) {
        const struct brief_job *j = &b->jobs[i];
        if (!j->mine || j->stage != BRIEF_ENDED || j->end_at < b->span.from_at ||
            is(j->state, "CANCELLED"))
            continue;
        bool failed = brief_need(j) == BRIEF_NEED_AGAIN;
        enum brief_first why = failed && brief_held_behind(b, j) ? BRIEF_FIRST_HOLDS
                               : failed                          ? BRIEF_FIRST_FAILED
                               : reviewed(b, j)                  ? BRIEF_FIRST_REVIEW
                                                                 : BRIEF_FIRST_LONGEST;
        usec_t cost_us = j->start_at > 0 ? (j->end_at - j->start_at) * (j->gpus ? j->gpus : 1) : 0;
        if (weight[why] > weight[*ret_why] || (why == *ret_why && cost_us > best_us)) {
            best = i;
            best_us = cost_us;
            *ret_why = why;
        }
    }
    return best;
}
