/* quota.c - see quota.h. */
#include "core/quota.h"

#include <string.h>

#include "base/hash.h"
#include "core/mutant.h"
#include "core/person.h"

int quota_check_hours(uint32_t hours, uint32_t days, struct err *err)
{
    if (days > QUOTA_DAYS_MAX || (hours && !days))
        return err_set(err, E_INVALID, "A quota of GPU-hours is of 1 to %d days.", QUOTA_DAYS_MAX);
    return 0;
}

int quota_check(const struct ev_account *e, struct err *err)
{
    if (e->account < 1 || e->account > ACCOUNTS_MAX)
        return err_set(err, E_INVALID, "Account number %u is not within 1 to %d.", e->account, ACCOUNTS_MAX);
    return quota_check_hours(e->quota_hours, e->quota_days, err);
}

void quota_account(struct core *c, const struct ev_account *e)
{
    struct account *a = &c->accounts[e->account];
    a->known = true;
    a->gpus_max = e->gpus_max;
    a->quota = (struct quota){ e->quota_hours, e->quota_days };
    quota_stale(c, &a->up);
    account_changed(c, e->account);
}

/* --- GPU time by days ------------------------------------------------------------------------- */

#define UNIT_US (USEC_PER_SEC / 100)

static uint32_t *day_of(struct usage *u, int64_t day) { return &u->gpu_cs[(uint64_t)day % QUOTA_DAYS_MAX]; }

/* Days that have begun since hold nothing yet. */
static void go_on(struct usage *u, int64_t day)
{
    uint64_t sum = 0;
    if (day < u->day - 1 && day >= QUOTA_DAYS_MAX) { /* a clock that was wrong: all of it is of today, and goes from there */
        for (uint32_t i = 0; i < QUOTA_DAYS_MAX; i++)
            sum += u->gpu_cs[i];
        memset(u->gpu_cs, 0, sizeof u->gpu_cs);
        *day_of(u, day) = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
        u->day = day;
    }
    if (day <= u->day)
        return;
    if (day - u->day >= QUOTA_DAYS_MAX)
        memset(u->gpu_cs, 0, sizeof u->gpu_cs);
    for (int64_t d = u->day + 1; d <= day && day - u->day < QUOTA_DAYS_MAX; d++)
        *day_of(u, d) = 0;
    u->day = day;
}

static void add_run(struct usage *u, usec_t from_at, usec_t until_at, uint32_t gpus)
{
    int64_t last = until_at / USEC_PER_DAY;
    if (last < QUOTA_DAYS_MAX) /* 1970: a clock that is not set */
        return;
    go_on(u, last);
    last = last < u->day ? u->day : last; /* the clock went back: it is of today */
    for (int64_t day = last; day > last - QUOTA_DAYS_MAX && from_at < until_at; day--) {
        usec_t begins_at = day == last && last > until_at / USEC_PER_DAY ? from_at
                                                                         : usec_max(from_at, day * USEC_PER_DAY);
        uint64_t sum = *day_of(u, day) + (uint64_t)((until_at - begins_at) / UNIT_US) * gpus;
        *day_of(u, day) = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
        until_at = begins_at;
    }
}

static usec_t ran_us(const struct core *c, const struct job *j)
{
    return usec_min(usec_max(c->now_boot_at - j->start_boot_at, 0), QUOTA_DAYS_MAX * USEC_PER_DAY);
}

static bool counts(const struct job *j) { return j->gpus && (j->state == JOB_RUNNING || j->state == JOB_COMPLETING); }

void quota_used(struct core *c, const struct job *j)
{
    if (!counts(j))
        return;
    usec_t from_at = c->now_at - ran_us(c, j);
    if (c->persons[j->owner].quota.hours) {
        add_run(&c->persons[j->owner].usage, from_at, c->now_at, j->gpus);
        quota_stale(c, &c->persons[j->owner].up);
        person_changed(c, j->owner);
    }
    if (j->account && c->accounts[j->account].quota.hours) {
        add_run(&c->accounts[j->account].usage, from_at, c->now_at, j->gpus);
        quota_stale(c, &c->accounts[j->account].up);
        account_changed(c, j->account);
    }
}

/* In the days of this quota, what runs now included: owner or account 0 stands for any. */
static uint64_t used_us(const struct core *c, const struct quota *q, struct usage u, uint32_t owner, uint32_t account)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < c->busy_n; i++) {
        const struct job *j = &jobs_of(c)[busy_of(c)[i]];
        if (counts(j) && (owner ? j->owner == owner : j->account == account))
            add_run(&u, c->now_at - ran_us(c, j), c->now_at, j->gpus);
    }
    go_on(&u, c->now_at / USEC_PER_DAY);
    for (int64_t day = u.day; day > u.day - (int64_t)q->days; day--)
        sum += *day_of(&u, day);
    return sum * UNIT_US;
}

static bool used_up_now(const struct core *c, const struct quota *q, const struct usage *u, uint32_t owner, uint32_t account)
{
    return q->hours && used_us(c, q, *u, owner, account) >= (uint64_t)q->hours * USEC_PER_HOUR;
}

static bool person_used_up(const struct core *c, uint32_t i)
{
    const struct person *p = &c->persons[i];
    return p->quota.hours && !MUTANT(c, MUTANT_QUOTA_HOURS) &&
           (p->up.known ? p->up.is : used_up_now(c, &p->quota, &p->usage, i, 0));
}

static bool account_used_up(const struct core *c, uint32_t i)
{
    const struct account *a = &c->accounts[i];
    return i && a->quota.hours && !MUTANT(c, MUTANT_QUOTA_HOURS) &&
           (a->up.known ? a->up.is : used_up_now(c, &a->quota, &a->usage, 0, i));
}

/* --- asked of every job in line: found out once an event ----------------------------------------- */

void quota_stale(struct core *c, struct used_up *up)
{
    up->known = false;
    c->quotas_stale = true;
}

static void know_person(struct core *c, uint32_t i)
{
    struct person *p = &c->persons[i];
    if (p->quota.hours && !p->up.known)
        p->up = (struct used_up){ true, used_up_now(c, &p->quota, &p->usage, i, 0) };
}

static void know_account(struct core *c, uint32_t i)
{
    struct account *a = &c->accounts[i];
    if (a->quota.hours && !a->up.known)
        a->up = (struct used_up){ true, used_up_now(c, &a->quota, &a->usage, 0, i) };
}

void quota_know(struct core *c)
{
    if (!c->quotas_stale)
        return;
    c->quotas_any = false;
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++) {
        know_person(c, i);
        c->quotas_any |= c->persons[i].quota.hours != 0;
    }
    for (uint32_t i = 1; i <= ACCOUNTS_MAX; i++) {
        know_account(c, i);
        c->quotas_any |= c->accounts[i].quota.hours != 0;
    }
    c->quotas_stale = false;
}

/* Most teams have none, and are not asked for them at each event. */
static bool nobody_has_any(const struct core *c) { return !c->quotas_any && !c->quotas_stale; }

/* Who has something running uses more as time passes; another day changes it for all. */
void quota_tick(struct core *c)
{
    int64_t day = c->now_at / USEC_PER_DAY;
    if (nobody_has_any(c)) {
        c->quotas_day = day;
        return;
    }
    for (uint32_t i = 1; day != c->quotas_day && i <= CORE_PERSONS_MAX; i++)
        c->persons[i].up.known = false;
    for (uint32_t i = 1; day != c->quotas_day && i <= ACCOUNTS_MAX; i++)
        c->accounts[i].up.known = false;
    c->quotas_stale |= day != c->quotas_day;
    c->quotas_day = day;
    for (uint32_t i = 0; i < c->busy_n; i++) {
        const struct job *j = &jobs_of(c)[busy_of(c)[i]];
        c->persons[j->owner].up.known = c->accounts[j->account].up.known = false;
    }
    for (uint32_t i = 0; i < c->busy_n; i++) {
        know_person(c, jobs_of(c)[busy_of(c)[i]].owner);
        know_account(c, jobs_of(c)[busy_of(c)[i]].account);
    }
    quota_know(c);
}

bool quota_known_well(const struct core *c)
{
    bool well = true;
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX && well; i++) {
        const struct person *p = &c->persons[i];
        well = !p->up.known || !p->quota.hours || p->up.is == used_up_now(c, &p->quota, &p->usage, i, 0);
    }
    for (uint32_t i = 1; i <= ACCOUNTS_MAX && well; i++) {
        const struct account *a = &c->accounts[i];
        well = !a->up.known || !a->quota.hours || a->up.is == used_up_now(c, &a->quota, &a->usage, 0, i);
    }
    return well;
}

enum reason quota_limited(const struct core *c, uint32_t owner, uint32_t account, uint32_t gpus, uint32_t more_gpus)
{
    const struct account *a = &c->accounts[account];
    if (gpus == 0)
        return REASON_NONE;
    if (account && a->gpus_max && !MUTANT(c, MUTANT_ACCOUNT_GPUS) && a->gpus + more_gpus + gpus > a->gpus_max)
        return REASON_ACCOUNT_GPUS;
    if (account_used_up(c, account) || person_used_up(c, owner))
        return REASON_QUOTA_HOURS;
    return REASON_NONE;
}

/* The day on which enough of what was used counts no more, if nothing more is used. */
static usec_t free_at(const struct core *c, const struct quota *q, struct usage u, uint32_t owner, uint32_t account)
{
    uint64_t most = (uint64_t)q->hours * USEC_PER_HOUR, sum = used_us(c, q, u, owner, account);
    go_on(&u, c->now_at / USEC_PER_DAY);
    if (q->hours == 0 || sum < most)
        return 0;
    for (int64_t day = u.day - (int64_t)q->days + 1; day <= u.day; day++) {
        uint64_t us = (uint64_t)*day_of(&u, day) * UNIT_US;
        sum -= us < sum ? us : sum;
        if (sum < most)
            return (day + (int64_t)q->days) * USEC_PER_DAY;
    }
    return (u.day + (int64_t)q->days) * USEC_PER_DAY; /* what runs now counts in days that are not told apart here */
}

usec_t quota_free_at(const struct core *c, uint32_t owner, uint32_t account)
{
    const struct person *p = &c->persons[owner];
    const struct account *a = &c->accounts[account];
    return usec_max(account ? free_at(c, &a->quota, a->usage, 0, account) : 0,
                    free_at(c, &p->quota, p->usage, owner, 0));
}

usec_t quota_due(const struct core *c)
{
    usec_t next_at = (c->now_at / USEC_PER_DAY + 1) * USEC_PER_DAY;
    if (c->state_n[JOB_PENDING] == 0 || nobody_has_any(c))
        return USEC_NEVER;
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++)
        if (c->persons[i].queued && person_used_up(c, i))
            return next_at;
    for (uint32_t i = 1; i <= ACCOUNTS_MAX; i++)
        if (account_used_up(c, i))
            return next_at;
    return USEC_NEVER;
}

/* --- records ---------------------------------------------------------------------------------- */

bool quota_is_used(const struct usage *u) { return u->day != 0; }

uint64_t quota_usage_hash(uint64_t h, const struct usage *u)
{
    return hash_bytes(hash_mix(h, (uint64_t)u->day), u->gpu_cs, sizeof u->gpu_cs);
}

uint64_t account_hash(const struct core *c, uint32_t account)
{
    const struct account *a = &c->accounts[account];
    if (!a->known)
        return 0;
    uint64_t h = hash_mix(hash_mix('A', account), a->gpus_max);
    h = hash_mix(h, (uint64_t)a->quota.hours << 32 | a->quota.days);
    return quota_is_used(&a->usage) ? quota_usage_hash(h, &a->usage) : h;
}

void account_changed(struct core *c, uint32_t account)
{
    struct account *a = &c->accounts[account];
    c->sum -= a->hash;
    a->hash = account_hash(c, account);
    c->sum += a->hash;
}

/* --- looking ---------------------------------------------------------------------------------- */

struct core_quota core_account_quota(const struct core *c, uint32_t account)
{
    struct core_quota ret = { 0 };
    if (account < 1 || account > ACCOUNTS_MAX || !c->accounts[account].known)
        return ret;
    const struct account *a = &c->accounts[account];
    ret = (struct core_quota){ .gpus_max = a->gpus_max, .gpus = a->gpus, .hours = a->quota.hours, .days = a->quota.days };
    if (a->quota.hours) {
        ret.used_us = (usec_t)used_us(c, &a->quota, a->usage, 0, account);
        ret.free_at = free_at(c, &a->quota, a->usage, 0, account);
    }
    return ret;
}

struct core_quota core_person_quota(const struct core *c, person_no person)
{
    struct core_quota ret = { 0 };
    if (person > CORE_PERSONS_MAX)
        return ret;
    const struct person *p = &c->persons[person];
    ret = (struct core_quota){ .gpus_max = p->gpus_max, .gpus = p->gpus, .hours = p->quota.hours, .days = p->quota.days };
    if (p->quota.hours) {
        ret.used_us = (usec_t)used_us(c, &p->quota, p->usage, person, 0);
        ret.free_at = free_at(c, &p->quota, p->usage, person, 0);
    }
    return ret;
}
