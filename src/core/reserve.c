/* reserve.c - see reserve.h. */
#include "core/reserve.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "core/estimate.h"
#include "core/mutant.h"

#define ENDS_SOON_US (30 * USEC_PER_SEC) /* told to stop, or at its limit: gone by then */

/* --- keeping them ----------------------------------------------------------------------------- */

static bool overlap(const struct reservation *r, usec_t from_at, usec_t until_at)
{
    return r->from_at < until_at && from_at < r->until_at;
}

/* GPUs reserved at t, of this type or (0) of any. */
static uint32_t reserved_at(const struct core *c, usec_t t, uint32_t type)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->reservations_n; i++)
        if (overlap(&c->reservations[i], t, t + 1) && (!type || c->reservations[i].gpu_type == type))
            n += c->reservations[i].gpus;
    return n;
}

/* The most that are reserved at one time of a stretch: it begins with the stretch or with a reservation. */
static uint32_t most_reserved(const struct core *c, const struct ev_reserve *e, uint32_t type)
{
    uint32_t most = reserved_at(c, e->from_at, type);
    for (uint32_t i = 0; i < c->reservations_n; i++) {
        const struct reservation *r = &c->reservations[i];
        uint32_t n = r->from_at > e->from_at && r->from_at < e->until_at ? reserved_at(c, r->from_at, type) : 0;
        most = n > most ? n : most;
    }
    return most;
}

/* When the first of them is over; one of the list is there. */
static usec_t first_over(const struct core *c)
{
    usec_t at = USEC_NEVER;
    for (uint32_t i = 0; i < c->reservations_n; i++)
        at = usec_min(at, c->reservations[i].until_at);
    return at;
}

int reserve_check(const struct core *c, const struct ev_reserve *e, struct err *err)
{
    uint32_t all = room_gpus(&c->known, 0);
    if (e->reservation <= c->last_reservation)
        return err_set(err, E_EXISTS, "Reservation number %u is not greater than %u, the last one.", e->reservation,
                       c->last_reservation);
    if (e->person < 1 || e->person > CORE_PERSONS_MAX)
        return err_set(err, E_INVALID, "Person number %u is not within 1 to %d.", e->person, CORE_PERSONS_MAX);
    if (e->from_at >= e->until_at || e->until_at <= c->now_at)
        return err_set(err, E_INVALID, "A reservation must end after it begins, and not be over already.");
    if (e->until_at - e->from_at > RESERVE_LENGTH_MAX_US)
        return err_by_rule(err, err_set(err, E_TOO_LARGE, "A reservation is at most %d days long.",
                                        (int)(RESERVE_LENGTH_MAX_US / USEC_PER_DAY)),
                           (struct err_rule){ .rule = REFUSED_RESERVE_LENGTH, .limit = RESERVE_LENGTH_MAX_US,
                                              .need = e->until_at - e->from_at });
    if (e->gpus < 1 || e->gpu_type > TYPES_MAX)
        return err_set(err, E_INVALID, "A reservation is of at least one GPU, of a model that there is.");
    if (c->reservations_n == RESERVATIONS_MAX)
        return err_by_rule(err, err_set(err, E_TOO_LARGE, "There are %d reservations already; remove one first.",
                                        RESERVATIONS_MAX),
                           (struct err_rule){ .rule = REFUSED_RESERVATIONS, .limit = RESERVATIONS_MAX, .used = RESERVATIONS_MAX,
                                              .need = 1, .change_at = first_over(c) });
    if (e->gpus > room_gpus(&c->known, e->gpu_type))
        return err_by_rule(err, err_set(err, E_TOO_LARGE, "There are only %u such GPUs to reserve.",
                                        room_gpus(&c->known, e->gpu_type)),
                           (struct err_rule){ .rule = REFUSED_GPUS, .limit = room_gpus(&c->known, e->gpu_type), .need = e->gpus });
    if (e->gpus + most_reserved(c, e, 0) > all ||
        (e->gpu_type && e->gpus + most_reserved(c, e, e->gpu_type) > room_gpus(&c->known, e->gpu_type)))
        return err_by_rule(err, err_set(err, E_LIMIT, "Of the %u GPUs %u are reserved in that time already.",
                                        e->gpu_type ? room_gpus(&c->known, e->gpu_type) : all, most_reserved(c, e, e->gpu_type)),
                           (struct err_rule){ .rule = REFUSED_RESERVED,
                                              .limit = e->gpu_type ? room_gpus(&c->known, e->gpu_type) : all,
                                              .used = most_reserved(c, e, e->gpu_type), .need = e->gpus });
    return 0;
}

void reserve_apply(struct core *c, const struct ev_reserve *e)
{
    c->reservations[c->reservations_n++] = (struct reservation){
        .id = e->reservation, .person = e->person, .gpus = e->gpus, .gpu_type = e->gpu_type, .from_at = e->from_at,
        .until_at = e->until_at, .name0 = e->name0, .name1 = e->name1, .name2 = e->name2, .name3 = e->name3 };
    c->last_reservation = e->reservation;
}

static uint32_t find(const struct core *c, uint32_t id)
{
    for (uint32_t i = 0; i < c->reservations_n; i++)
        if (c->reservations[i].id == id)
            return i;
    return NONE;
}

int reserve_check_remove(const struct core *c, const struct ev_unreserve *e, struct err *err)
{
    if (find(c, e->reservation) == NONE)
        return err_set(err, E_NOT_FOUND, "There is no reservation %u.", e->reservation);
    return 0;
}

static void drop(struct core *c, uint32_t at)
{
    c->reservations_n--;
    memmove(c->reservations + at, c->reservations + at + 1, (c->reservations_n - at) * sizeof c->reservations[0]);
    memset(&c->reservations[c->reservations_n], 0, sizeof c->reservations[0]);
}

void reserve_apply_remove(struct core *c, const struct ev_unreserve *e) { drop(c, find(c, e->reservation)); }

void reserve_tick(struct core *c)
{
    for (uint32_t i = c->reservations_n; i-- > 0;) {
        c->reservations[i].begun |= c->reservations[i].from_at <= c->now_at;
        if (c->reservations[i].until_at <= c->now_at)
            drop(c, i);
    }
}

usec_t reserve_due(const struct core *c)
{
    usec_t due_at = USEC_NEVER;
    for (uint32_t i = 0; i < c->reservations_n; i++) {
        const struct reservation *r = &c->reservations[i];
        due_at = usec_min(due_at, r->begun ? r->until_at : r->from_at);
    }
    return due_at;
}

/* Old journals keep their hashes: nothing while there never was one. */
uint64_t reserve_hash(const struct core *c, uint64_t h)
{
    if (c->last_reservation == 0)
        return h;
    h = hash_mix(h, (uint64_t)c->last_reservation << 32 | c->reservations_n);
    for (uint32_t i = 0; i < c->reservations_n; i++) {
        const struct reservation *r = &c->reservations[i];
#define F(type, name) h = hash_mix(h, (uint64_t)r->name);
        RESERVATION_FIELDS(F)
#undef F
    }
    return h;
}

bool reserve_enter(struct core *c, const struct reservation *r)
{
    bool sound = c->reservations_n < RESERVATIONS_MAX && r->id > 0 && r->id <= c->last_reservation && r->person >= 1 &&
                 r->person <= CORE_PERSONS_MAX && r->from_at < r->until_at && r->gpus >= 1 &&
                 r->gpus <= CORE_GPUS_MAX && r->gpu_type <= TYPES_MAX &&
                 (c->reservations_n == 0 || c->reservations[c->reservations_n - 1].id < r->id);
    if (sound)
        c->reservations[c->reservations_n++] = *r;
    return sound;
}

uint32_t core_reservations_n(const struct core *c) { return c->reservations_n; }

bool core_reservation_get(const struct core *c, uint32_t at, struct reservation *ret)
{
    if (at < c->reservations_n)
        *ret = c->reservations[at];
    return at < c->reservations_n;
}

uint32_t core_last_reservation(const struct core *c) { return c->last_reservation; }

/* --- what is held ----------------------------------------------------------------------------- */

usec_t reserve_gone_at(const struct core *c, const struct job *j, usec_t now_at, usec_t boot_at)
{
    usec_t ran_us = usec_max(boot_at - j->start_boot_at, 0);
    if (j->state == JOB_COMPLETING)
        return usec_add(now_at, ENDS_SOON_US);
    usec_t limit_us = job_limit(j), whole_us = limit_us ? limit_us : estimate_forecast(c, j, ran_us, NULL).p90_us;
    return usec_add(now_at, usec_max(whole_us - ran_us, ENDS_SOON_US));
}

/* GPUs of these types, counted for the reservations of their person one after another: first for those that name a
 * type, as in missing(), so that what only they can use is not counted for one that takes any. */
static void count_own(const struct core *c, struct reserve_edge *e, uint32_t owner, uint64_t types)
{
    struct room left = { types, 0, 0, 0 };
    for (int any = 0; any < 2; any++)
        for (uint32_t i = 0; i < c->reservations_n; i++) {
            const struct reservation *r = &c->reservations[i];
            if (r->person != owner || !(e->active >> i & 1) || (r->gpu_type == 0) != any)
                continue;
            uint32_t open = r->gpus - e->used[i], have = room_gpus(&left, r->gpu_type);
            struct needs take = { (uint8_t)(open < have ? open : have), (uint8_t)r->gpu_type, 0, 0, 0 };
            if (take.gpus == 0)
                continue;
            e->used[i] = (uint8_t)(e->used[i] + take.gpus);
            room_take(&left, &take, NULL);
        }
}

/* What cannot be held although it should: first those that name a type, then the others. */
static uint32_t missing(const struct core *c, const struct reserve_edge *e)
{
    struct room room = e->room;
    uint32_t n = 0;
    for (int any = 0; any < 2; any++)
        for (uint32_t i = 0; i < c->reservations_n; i++) {
            const struct reservation *r = &c->reservations[i];
            if (!(e->active >> i & 1) || (r->gpu_type == 0) != any)
                continue;
            uint32_t hold = r->gpus - e->used[i], there = room_gpus(&room, r->gpu_type);
            struct needs take = { (uint8_t)(hold < there ? hold : there), (uint8_t)r->gpu_type, 0, 0, 0 };
            n += hold - take.gpus;
            if (take.gpus)
                room_take(&room, &take, NULL);
        }
    return n;
}

/* At most what is there: GPUs may have gone from under running jobs.  Returns what was. */
static uint64_t lose(struct room *room, uint64_t types)
{
    struct room most = { types, 0, 0, 0 };
    most = room_least(room, &most);
    room->gpus -= most.gpus;
    return most.gpus;
}

static void edge_make(const struct core *c, struct reserve_edge *e, usec_t at, usec_t now_at, usec_t boot_at)
{
    *e = (struct reserve_edge){ .at = at, .room = { c->up.gpus, 0, 0, 0 } };
    for (uint32_t i = 0; i < c->reservations_n; i++)
        if (overlap(&c->reservations[i], at, at + 1))
            e->active |= UINT32_C(1) << i;
    for (uint32_t i = 0; i < c->busy_n; i++) {
        const struct job *j = &jobs_of(c)[busy_of(c)[i]];
        if (j->gpus == 0 || reserve_gone_at(c, j, now_at, boot_at) <= at)
            continue;
        uint64_t types = capacity_of_job(c, j).gpus;
        lose(&e->room, types);
        count_own(c, e, j->owner, types);
    }
}

void reserve_look(const struct core *c, usec_t now_at, usec_t boot_at, struct reserve_view *ret)
{
    ret->n = 0;
    for (uint32_t i = 0; i < c->reservations_n; i++) {
        const struct reservation *r = &c->reservations[i];
        usec_t at = usec_max(r->from_at, now_at);
        bool known = false;
        for (uint32_t k = 0; k < ret->n; k++)
            known |= ret->edges[k].at == at;
        if (!known && r->until_at > now_at)
            edge_make(c, &ret->edges[ret->n++], at, now_at, boot_at);
    }
}

void reserve_started(const struct core *c, struct reserve_view *v, uint32_t owner, uint64_t types, usec_t ends_at)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (v->edges[i].at >= ends_at)
            continue;
        /* a claim has at this time what is free by then: what others still hold is not its owner's yet */
        count_own(c, &v->edges[i], owner, lose(&v->edges[i].room, types));
    }
}

/* Is anything held at this edge for somebody else? */
static bool held_for_others(const struct core *c, const struct reserve_edge *e, uint32_t owner)
{
    for (uint32_t i = 0; i < c->reservations_n; i++)
        if ((e->active >> i & 1) && c->reservations[i].person != owner)
            return true;
    return false;
}

bool reserve_blocks(const struct core *c, const struct reserve_view *v, uint32_t owner, uint64_t types, usec_t ends_at)
{
    for (uint32_t i = 0; i < v->n && types && !MUTANT(c, MUTANT_RESERVE); i++) {
        if (v->edges[i].at >= ends_at)
            continue;
        struct reserve_edge with = v->edges[i];
        struct room takes = { types, 0, 0, 0 };
        bool short_of = !room_holds(&with.room, &takes); /* promised to somebody else already */
        lose(&with.room, types);
        count_own(c, &with, owner, types);
        if (missing(c, &with) > missing(c, &v->edges[i]) || (short_of && held_for_others(c, &with, owner)))
            return true;
    }
    return false;
}

void reserve_spare(const struct core *c, const struct reserve_view *v, uint32_t owner, usec_t ends_at, struct room *room)
{
    for (uint32_t i = 0; i < v->n; i++) {
        const struct reserve_edge *e = &v->edges[i];
        struct room spare = { e->room.gpus, room->cpus, room->mem_mib, room->watts };
        if (e->at >= ends_at)
            continue;
        for (uint32_t k = 0; k < c->reservations_n; k++) {
            const struct reservation *r = &c->reservations[k];
            if (!r->gpu_type || r->person == owner || !(e->active >> k & 1))
                continue;
            uint32_t hold = r->gpus - e->used[k], there = room_type(&spare, r->gpu_type);
            spare.gpus -= (uint64_t)(hold < there ? hold : there) << (8 * (r->gpu_type - 1));
        }
        *room = room_least(room, &spare);
    }
}

uint64_t reserve_own_first(const struct core *c, const struct reserve_view *v, uint32_t owner,
                           const struct needs *needs, struct room room)
{
    uint64_t types = 0, more = 0;
    uint32_t left = needs->gpus;
    for (uint32_t i = 0; i < v->n; i++)
        for (uint32_t k = 0; k < c->reservations_n && left; k++) {
            const struct reservation *r = &c->reservations[k];
            if (!r->gpu_type || r->person != owner || !(v->edges[i].active >> k & 1))
                continue;
            uint32_t own = r->gpus - v->edges[i].used[k], there = room_type(&room, r->gpu_type);
            own = own < there ? own : there;
            struct needs take = { (uint8_t)(own < left ? own : left), (uint8_t)r->gpu_type, 0, 0, 0 };
            if (take.gpus == 0)
                continue;
            room_take(&room, &take, &more);
            types += more;
            left -= take.gpus;
        }
    struct needs rest = { (uint8_t)left, 0, 0, 0, 0 };
    if (left) {
        room_take(&room, &rest, &more);
        types += more;
    }
    return types;
}

bool reserve_serves(const struct core *c, uint32_t owner, uint32_t gpus, usec_t now_at)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < c->reservations_n; i++)
        if (c->reservations[i].person == owner && overlap(&c->reservations[i], now_at, now_at + 1))
            held += c->reservations[i].gpus;
    return gpus && held && c->persons[owner].gpus + gpus <= held;
}

bool reserve_owns(const struct core *c, uint32_t person)
{
    for (uint32_t i = 0; i < c->reservations_n; i++)
        if (c->reservations[i].person == person)
            return true;
    return false;
}

void reserve_cut(const struct core *c, struct profile *p)
{
    usec_t now_at = p->points[0].at;
    for (uint32_t i = 0; i < c->reservations_n; i++) {
        const struct reservation *r = &c->reservations[i];
        usec_t from_at = usec_max(r->from_at, now_at);
        if (r->until_at <= now_at)
            continue;
        uint32_t from = profile_cut(p, from_at), until = profile_cut(p, r->until_at);
        for (uint32_t at = from; at < until; at++) {
            uint32_t there = room_gpus(&p->points[at].room, r->gpu_type), own = c->persons[r->person].gpus;
            uint32_t hold = r->from_at > now_at || own == 0 ? r->gpus : own < r->gpus ? r->gpus - own : 0;
            struct needs take = { (uint8_t)(hold < there ? hold : there), (uint8_t)r->gpu_type, 0, 0, 0 };
            if (take.gpus)
                room_take(&p->points[at].room, &take, NULL);
        }
    }
}

uint32_t reserve_reason(const struct core *c, const struct job *j, usec_t length_us, usec_t now_at, usec_t boot_at,
                        usec_t *ret_until_at)
{
    struct reserve_view v;
    struct room room = c->up;
    struct needs needs = { j->gpus, j->gpu_type, 0, 0, 0 };
    uint64_t types = 0;
    uint32_t found = NONE;
    *ret_until_at = now_at;
    if (c->reservations_n == 0 || !room_fits(&room, &needs))
        return NONE;
    room_take(&room, &needs, &types);
    reserve_look(c, now_at, boot_at, &v);
    /* After the end of each in turn: the first at which none is in the way. */
    for (uint32_t tries = 0; tries <= c->reservations_n; tries++) {
        if (!reserve_blocks(c, &v, j->owner, types, usec_add(*ret_until_at, length_us)))
            return found;
        uint32_t first = NONE;
        for (uint32_t i = 0; i < c->reservations_n; i++)
            if (c->reservations[i].person != j->owner && c->reservations[i].until_at > *ret_until_at &&
                (first == NONE || c->reservations[i].until_at < c->reservations[first].until_at))
                first = i;
        if (first == NONE)
            return found;
        found = found == NONE ? first : found;
        *ret_until_at = c->reservations[first].until_at;
        reserve_look(c, *ret_until_at, usec_add(boot_at, *ret_until_at - now_at), &v);
    }
    return found;
}
