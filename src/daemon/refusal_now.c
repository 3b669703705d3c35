/* refusal_now.c - a rule that refused, asked again now: does it still, what would it let in, when does that change.
 *
 * Each rule is worked out from what anybody may look at (core.h), not from the check that refused: two ways to one number.
 */
#include "daemon/refusal.h"

#include <stdlib.h>
#include <unistd.h>

#include "daemon/internal.h"

#define OPERATORS_SHOWN 5u /* whoever is to be asked; more names help nobody */

/* --- jobs that wait -------------------------------------------------------------------------------------- */

static int earlier(const void *a, const void *b)
{
    usec_t x = *(const usec_t *)a, y = *(const usec_t *)b;
    return (x > y) - (x < y);
}

/* When `n` of the waiting jobs of this person have started, by the plan; 0: not known. */
static int starts_of(struct daemon *d, person_no person, uint64_t n, usec_t *ret_at)
{
    struct core_plan plan;
    struct core_job job;
    *ret_at = 0;
    int code = daemon_plan(d, &plan);
    usec_t *at = code == 0 ? calloc(plan.rows_n + 1u, sizeof *at) : NULL;
    uint32_t found = 0;
    if (!at)
        return code < 0 ? code : E_NO_MEMORY;
    for (uint32_t i = 0; i < plan.rows_n; i++)
        if (plan.rows[i].state == JOB_PENDING && plan.rows[i].start_at != USEC_NEVER &&
            core_job_get(d->core, plan.rows[i].job, &job) && job.owner == person)
            at[found++] = plan.rows[i].start_at;
    qsort(at, found, sizeof *at, earlier);
    if (n > 0 && n <= found)
        *ret_at = at[n - 1];
    free(at);
    return 0;
}

static int waiting(struct daemon *d, const struct refusal *r, struct refusal_now *n)
{
    struct core_waiting w = core_waiting(d->core, r->person);
    n->limit = w.most;
    n->used = w.n;
    n->most = w.most > w.n ? (int64_t)w.most - w.n : 0;
    n->passes = !w.most || r->rule.need <= n->most;
    n->never = !n->passes && r->rule.need > w.most;
    return n->passes || n->never ? 0 : starts_of(d, r->person, (uint64_t)(r->rule.need - n->most), &n->change_at);
}

/* --- GPUs -------------------------------------------------------------------------------------------------- */

/* Of a type that there are, whatever state they are in; 0: of any. */
static uint32_t gpus_there(const struct core *c, uint32_t type)
{
    struct core_gpu g;
    uint32_t n = 0;
    for (uint32_t i = 0; i < CORE_GPUS_MAX; i++)
        n += core_gpu_get(c, i, &g) && g.state != GPU_GONE && (!type || g.type == type);
    return n;
}

static uint32_t reserved_at(const struct core *c, usec_t at, uint32_t type)
{
    struct reservation r;
    uint32_t n = 0;
    for (uint32_t i = 0; core_reservation_get(c, i, &r); i++)
        n += r.from_at <= at && at < r.until_at && (!type || r.gpu_type == type) ? r.gpus : 0;
    return n;
}

/* How many more could be reserved from then for so long. */
static uint32_t reservable(const struct core *c, usec_t from_at, usec_t length_us, uint32_t type)
{
    uint32_t all = gpus_there(c, 0), of_type = type ? gpus_there(c, type) : all, least = of_type;
    struct reservation r;
    for (uint32_t i = 0;; i++) { /* the most is reserved at the beginning, or where another begins */
        bool is_start = i == 0;
        usec_t at = from_at;
        if (!is_start && !core_reservation_get(c, i - 1, &r))
            return least;
        if (!is_start)
            at = r.from_at;
        if (at < from_at || at >= usec_add(from_at, length_us))
            continue;
        uint32_t any = reserved_at(c, at, 0), same = type ? reserved_at(c, at, type) : any;
        uint32_t left = all > any ? all - any : 0, left_of_type = of_type > same ? of_type - same : 0;
        left = left < left_of_type ? left : left_of_type;
        least = left < least ? left : least;
    }
}

static void reserved(struct daemon *d, const struct refusal *r, struct refusal_now *n)
{
    uint32_t type = r->model[0] ? gpus_type_named(d, str_of(r->model)) : 0;
    usec_t length_us = r->until_at - r->from_at, now_at = daemon_now(d).wall_at;
    usec_t from_at = usec_max(r->from_at, now_at);
    struct reservation other;
    n->limit = gpus_there(d->core, type);
    n->most = reservable(d->core, from_at, length_us, type);
    n->used = n->limit > n->most ? n->limit - n->most : 0;
    n->passes = r->rule.need <= n->most;
    n->never = r->rule.need > n->limit;
    if (n->passes || n->never)
        return;
    for (uint32_t i = 0; core_reservation_get(d->core, i, &other); i++) /* one that is over makes the room */
        if (other.until_at > from_at && (!n->change_at || other.until_at < n->change_at) &&
            reservable(d->core, other.until_at, length_us, type) >= r->rule.need)
            n->change_at = other.until_at;
}

static void power(struct daemon *d, const struct refusal *r, struct refusal_now *n)
{
    struct ev_power p = core_power(d->core);
    for (uint32_t i = 0; i < p.caps_n; i++)
        n->limit = p.caps[i].mw / 1000 > n->limit ? p.caps[i].mw / 1000 : n->limit;
    n->passes = p.caps_n == 0 || r->rule.need <= n->limit;
    n->never = !n->passes;
    if (r->gpus > 1 && r->rule.need > 0 && r->rule.used == 1 + POWER_FULL) /* what was told or measured is of that many */
        n->most = n->limit * r->gpus / r->rule.need;
}

/* --- lists that are full ---------------------------------------------------------------------------------------- */

static void reservations(struct daemon *d, struct refusal_now *n)
{
    struct reservation r;
    n->limit = RESERVATIONS_MAX;
    n->used = core_reservations_n(d->core);
    for (uint32_t i = 0; core_reservation_get(d->core, i, &r); i++)
        n->change_at = n->change_at && n->change_at < r.until_at ? n->change_at : r.until_at;
    n->passes = n->used < n->limit;
}

static void boosts(struct daemon *d, const struct refusal *r, struct refusal_now *n)
{
    struct boost b;
    bool of_one = r->rule.rule == REFUSED_BOOSTED;
    n->limit = of_one ? 0 : BOOSTS_MAX;
    n->used = of_one ? 0 : core_boosts_n(d->core);
    for (uint32_t i = 0; core_boost_get(d->core, i, &b); i++) {
        if (of_one && b.id != r->rule.used)
            continue;
        n->used = of_one ? b.id : n->used;
        n->change_at = n->change_at && n->change_at < b.until_at ? n->change_at : b.until_at;
    }
    n->passes = of_one ? n->used == 0 : n->used < n->limit;
}

/* --- who one is --------------------------------------------------------------------------------------------------- */

static bool is_operator(const struct daemon *d, uid_t uid)
{
    const struct op_peer peer = { .uid = uid };
    return daemon_is_operator(d, &peer);
}

void daemon_operators(const struct daemon *d, struct buf *out)
{
    person_no own = people_find_uid(d->people, geteuid());
    if (!d->system) {
        buf_c(out, own ? people_name(d->people, own) : "");
        return;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->config->people_n && n < OPERATORS_SHOWN; i++)
        if (d->config->people[i].role_is == ROLE_OPERATOR)
            buf_printf(out, "%s%s", n++ ? ", " : "", d->config->people[i].name);
}

static void who(struct daemon *d, const struct refusal *r, struct refusal_now *n)
{
    struct core_job job;
    switch (r->rule.rule) {
    case REFUSED_ROLE: n->passes = roles_of(d, r->uid) != ROLE_VIEWER && roles_of(d, r->uid) != ROLE_NONE; break;
    case REFUSED_ADMIN_HOLD:
        n->passes = is_operator(d, r->uid) ||
                    (core_job_get(d->core, r->job, &job) && !(job.flags & JOB_HELD_ADMIN));
        break;
    case REFUSED_ACCOUNT:
        n->passes = daemon_account_may(d, (uint32_t)r->rule.need, people_name(d->people, r->person));
        break;
    default: n->passes = is_operator(d, r->uid);
    }
    n->never = !n->passes;
}

static void urgent(struct daemon *d, const struct refusal *r, struct refusal_now *n)
{
    struct core_urgent u = core_urgent(d->core, r->person, daemon_now(d).wall_at);
    n->limit = u.most;
    n->used = u.used;
    n->most = u.most > u.used ? u.most - u.used : 0;
    n->passes = u.used < u.most || !u.most;
    n->change_at = n->passes ? 0 : u.free_at;
}

static void queue(struct daemon *d, const struct refusal *r, struct refusal_now *n)
{
    n->limit = CORE_JOBS_MAX;
    n->used = core_jobs_n(d->core);
    n->most = n->limit - n->used;
    n->passes = r->rule.need <= n->most;
    n->never = r->rule.need > n->limit;
}

int daemon_refusal_now(struct daemon *d, const struct refusal *r, struct refusal_now *ret)
{
    *ret = (struct refusal_now){ .known = true, .most = -1 };
    switch ((enum refused)r->rule.rule) {
    case REFUSED_WAITING: return waiting(d, r, ret);
    case REFUSED_URGENT: urgent(d, r, ret); return 0;
    case REFUSED_POWER: power(d, r, ret); return 0;
    case REFUSED_RESERVED: reserved(d, r, ret); return 0;
    case REFUSED_RESERVATIONS: reservations(d, ret); return 0;
    case REFUSED_BOOSTS: case REFUSED_BOOSTED: boosts(d, r, ret); return 0;
    case REFUSED_QUEUE: queue(d, r, ret); return 0;
    case REFUSED_ROLE: case REFUSED_OPERATOR: case REFUSED_ACCOUNT: case REFUSED_ADMIN_HOLD: who(d, r, ret); return 0;
    case REFUSED_GPUS:
        ret->limit = gpus_there(d->core, r->model[0] ? gpus_type_named(d, str_of(r->model)) : 0);
        ret->most = ret->limit;
        ret->passes = r->rule.need <= ret->limit;
        ret->never = !ret->passes;
        return 0;
    case REFUSED_RESERVE_AHEAD:
        ret->change_at = r->rule.change_at;
        ret->passes = r->rule.change_at <= daemon_now(d).wall_at;
        return 0;
    case REFUSED_RESERVE_LENGTH: case REFUSED_BOOST_LENGTH: case REFUSED_ARRAY: case REFUSED_CONDITIONS: case REFUSED_RANGE:
        ret->limit = ret->most = r->rule.limit;
        ret->never = true;
        return 0;
    case REFUSED_NONE: case REFUSED_CIRCLE: case REFUSED_STATE: case REFUSED_OTHERS: case REFUSED_OTHER: case REFUSED_COUNT: break;
    }
    ret->known = false;
    return 0;
}
