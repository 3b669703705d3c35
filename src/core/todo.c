/* todo.c - see todo.h. */
#include "core/todo.h"

#include <assert.h>

#include "base/hash.h"
#include "core/graph.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/offer.h"
#include "core/person.h"
#include "core/todo_plan.h"

#define TAKES_US_MAX (400 * USEC_PER_HOUR) /* ten weeks of full days: longer is a project */
#define OVERRUN_SHARE 4                    /* of its length: what one that ran over is given again */

/* --- the table -------------------------------------------------------------------------------- */

uint32_t todo_place_after(const struct core *c, job_id after)
{
    uint32_t low = 0, high = c->todos_n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (todos_of(c)[todo_ids_of(c)[middle]].id <= after)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t todo_find(const struct core *c, job_id id)
{
    uint32_t at = id ? todo_place_after(c, id - 1) : c->todos_n;
    uint32_t slot = at < c->todos_n ? todo_ids_of(c)[at] : NONE;
    return slot != NONE && todos_of(c)[slot].id == id ? slot : NONE;
}

uint32_t todo_who(const struct todo *t, uint32_t i)
{
    return (uint32_t)((i < 4 ? t->who_low : t->who_high) >> (16 * (i % 4)) & UINT16_MAX);
}

static void who_add(struct todo *t, uint32_t person)
{
    *(t->who_n < 4 ? &t->who_low : &t->who_high) |= (uint64_t)person << (16 * (t->who_n % 4));
    t->who_n++;
}

static void who_set(struct todo *t, uint32_t person)
{
    t->who_low = t->who_high = 0;
    t->who_n = 0;
    who_add(t, person);
}

static bool who_has(const struct todo *t, uint32_t person)
{
    for (uint32_t i = 0; i < t->who_n; i++)
        if (todo_who(t, i) == person)
            return true;
    return false;
}

static void who_remove(struct todo *t, uint32_t person)
{
    struct todo old = *t;
    t->who_low = t->who_high = 0;
    t->who_n = 0;
    for (uint32_t i = 0; i < old.who_n; i++)
        if (todo_who(&old, i) != person)
            who_add(t, todo_who(&old, i));
}

uint64_t todo_hash(const struct todo *t)
{
    uint64_t h = 't';
#define F(type, name) h = hash_mix(h, (uint64_t)t->name);
    TODO_FIELDS(F)
#undef F
    return h;
}

void todo_open(struct core *c, const struct todo *t) { c->sum -= todo_hash(t); }
void todo_close(struct core *c, const struct todo *t) { c->sum += todo_hash(t); }

/* A zeroed record under `id`, the greatest so far or (load) in order; todo_close is the caller's. */
static uint32_t todo_new(struct core *c, job_id id)
{
    uint32_t slot = c->todos_free;
    if (slot != NONE) {
        c->todos_free = todos_of(c)[slot].dependents;
    } else {
        assert(c->todos_used < c->limits.todos);
        slot = c->todos_used++;
    }
    todos_of(c)[slot] = (struct todo){ .id = id, .deps = NONE, .dependents = NONE };
    todo_ids_of(c)[c->todos_n++] = slot;
    c->todos_stale = true;
    return slot;
}

static void todo_free(struct core *c, uint32_t slot)
{
    uint32_t *ids = todo_ids_of(c), at = todo_place_after(c, todos_of(c)[slot].id - 1);
    assert(at < c->todos_n && ids[at] == slot);
    c->todos_n--;
    for (; at < c->todos_n; at++)
        ids[at] = ids[at + 1];
    todos_of(c)[slot].dependents = c->todos_free;
    c->todos_free = slot;
    c->todos_stale = true;
}

bool todo_enter(struct core *c, const struct todo *saved)
{
    uint32_t last = c->todos_n ? todos_of(c)[todo_ids_of(c)[c->todos_n - 1]].id : 0;
    if (c->todos_n >= c->limits.todos || saved->id <= last || saved->who_n > TODO_WHO_MAX ||
        saved->takes_us <= 0 || saved->min_chunk_us <= 0 || saved->worked_us < 0 ||
        saved->pin_who > CORE_PERSONS_MAX || saved->next_who > CORE_PERSONS_MAX ||
        job_find(c, saved->id) != NONE)
        return false;
    for (uint32_t i = 0; i < saved->who_n; i++)
        if (todo_who(saved, i) < 1 || todo_who(saved, i) > CORE_PERSONS_MAX)
            return false;
    struct todo *t = &todos_of(c)[todo_new(c, saved->id)];
#define F(type, name) t->name = saved->name;
    TODO_FIELDS(F)
#undef F
    todo_close(c, t);
    return true;
}

/* --- how it stands ---------------------------------------------------------------------------- */

static usec_t left_of(const struct todo *t, usec_t worked_us)
{
    usec_t more = t->takes_us / OVERRUN_SHARE, left = t->takes_us - worked_us;
    more = usec_max(more - more % TODO_STEP_US, TODO_STEP_US);
    return left >= usec_min(TODO_STEP_US, t->takes_us) ? left : more;
}

/* Another todo's pin at this person's time cuts a piece under way, as the end of the offered
 * stretch does. */
static usec_t cut_by_pins(const struct core *c, const struct todo *t, usec_t now_at, usec_t until_at)
{
    for (uint32_t i = 0; i < c->todos_n; i++) {
        const struct todo *other = &todos_of(c)[todo_ids_of(c)[i]];
        if (other == t || !other->pin_at || other->pin_who != t->next_who ||
            !(other->flags & TODO_ACCEPTED))
            continue;
        usec_t end_at = usec_add(other->pin_at, left_of(other, other->worked_us));
        if (other->pin_at < until_at && end_at > now_at)
            until_at = usec_min(until_at, other->pin_at);
    }
    return until_at;
}

struct todo_now todo_now(const struct core *c, const struct todo *t, usec_t now_at)
{
    struct todo_now s = { .worked_us = t->worked_us };
    if (t->next_who && t->next_from_at <= now_at) {
        usec_t until_at = t->next_until_at;
        bool stays = t->pin_at && t->pin_who == t->next_who && t->flags & TODO_ACCEPTED;
        if (until_at > now_at && !stays) {
            const struct offer *o = offer_at(c, t->next_who, now_at);
            until_at = o ? usec_min(until_at, o->until_at) : now_at;
            until_at = cut_by_pins(c, t, now_at, until_at);
        }
        s.who = t->next_who;
        s.day = t->next_day;
        if (until_at > now_at) {
            s.from_at = t->next_from_at;
            s.until_at = until_at;
        } else {
            s.passed_us = usec_max(usec_max(until_at, t->next_from_at) - t->next_from_at, 0);
            s.worked_us += s.passed_us;
        }
    }
    s.left_us = left_of(t, s.worked_us);
    return s;
}

/* --- check ------------------------------------------------------------------------------------ */

static int check_person(uint32_t person, struct err *err)
{
    if (person >= 1 && person <= CORE_PERSONS_MAX)
        return 0;
    return err_set(err, E_INVALID, "Person number %u is not within 1 to %d.", person,
                   CORE_PERSONS_MAX);
}

static int check_who(const struct ev_todo_add *e, struct err *err)
{
    int r = check_person(e->by, err);
    if (r < 0)
        return r;
    if (e->who_n < 1 || e->who_n > TODO_WHO_MAX)
        return err_set(err, E_INVALID, "A todo is offered to 1 to %d people, not %u.", TODO_WHO_MAX,
                       e->who_n);
    for (uint32_t i = 0; i < e->who_n; i++) {
        r = check_person(e->who[i].n, err);
        if (r < 0)
            return r;
        for (uint32_t k = 0; k < i; k++)
            if (e->who[k].n == e->who[i].n)
                return err_set(err, E_INVALID, "A todo names each person once.");
    }
    return 0;
}

static int check_lengths(usec_t takes_us, usec_t min_chunk_us, struct err *err)
{
    if (takes_us <= 0 || takes_us > TAKES_US_MAX)
        return err_set(err, E_INVALID, "A todo takes more than nothing and at most %d hours.",
                       (int)(TAKES_US_MAX / USEC_PER_HOUR));
    if (min_chunk_us <= 0 || min_chunk_us > takes_us ||
        takes_us > CORE_CHUNKS_MAX * min_chunk_us)
        return err_set(err, E_INVALID, "A todo is cut into at most %d pieces; make the smallest "
                       "piece longer.", CORE_CHUNKS_MAX);
    return 0;
}

static int check_add(const struct core *c, const struct ev_todo_add *e, struct err *err)
{
    int r;
    if (!c->settings_known)
        return err_set(err, E_STATE, "Settings must come before the first todo.");
    if (e->todo <= c->last_id || e->todo == UINT32_MAX)
        return err_set(err, E_EXISTS, "Todo number %u is not greater than %u, the last one.", e->todo,
                       c->last_id);
    if ((r = check_who(e, err)) < 0 || (r = check_lengths(e->takes_us, e->min_chunk_us, err)) < 0)
        return r;
    if (e->not_before_at < 0 || e->deadline_at < 0 || e->at_at < 0 ||
        e->flags & ~(uint32_t)TODO_FLAGS_ALL)
        return err_set(err, E_INVALID, "The todo's times or flags are unknown.");
    if ((r = graph_check(c, e->deps, e->deps_n, 0, err)) < 0 ||
        (r = graph_check_before(c, e, err)) < 0)
        return r;
    if (c->todos_n >= CORE_TODOS_MAX)
        return err_set(err, E_TOO_LARGE, "There are %d open todos; that is the most.",
                       CORE_TODOS_MAX);
    if (c->todos_n >= c->limits.todos || c->deps_n + e->deps_n + e->before_n > c->limits.deps)
        return err_set(err, E_FULL, "The memory for todos must grow first.");
    return 0;
}

static int check_set(const struct core *c, const struct ev_todo_set *e, struct err *err)
{
    const struct todo *t = &todos_of(c)[todo_find(c, e->todo)];
    switch (e->field < TODO_FIELD_COUNT ? (enum todo_field)e->field : TODO_FIELD_COUNT) {
    case TODO_SET_TAKES_US:
        return check_lengths(e->value, usec_min(t->min_chunk_us, usec_max(e->value, 1)), err);
    case TODO_SET_MIN_CHUNK_US: return check_lengths(t->takes_us, e->value, err);
    case TODO_SET_DEADLINE_AT: case TODO_SET_NOT_BEFORE_AT:
        return e->value >= 0 ? 0 : err_set(err, E_INVALID, "An instant cannot be negative.");
    case TODO_SET_WHO:
        return check_person(e->value < 0 || e->value > CORE_PERSONS_MAX ? 0 : (uint32_t)e->value,
                            err);
    case TODO_SET_WORKED_US:
        if (e->value >= 0 && e->value <= TAKES_US_MAX)
            return 0;
        return err_set(err, E_INVALID, "Worked time is 0 to %d hours.",
                       (int)(TAKES_US_MAX / USEC_PER_HOUR));
    case TODO_FIELD_COUNT: break;
    }
    return err_set(err, E_INVALID, "A todo has no field number %u.", e->field);
}

/* Who answers for a todo must be one who was asked. */
static int check_answer(const struct core *c, uint32_t todo, uint32_t by, struct err *err)
{
    if (who_has(&todos_of(c)[todo_find(c, todo)], by))
        return 0;
    return err_set(err, E_DENIED, "Todo %u is somebody else's.", todo);
}

static int check_move(const struct core *c, const struct ev_todo_move *e, struct err *err)
{
    int r = check_answer(c, e->todo, e->by, err);
    const struct todo *t = &todos_of(c)[todo_find(c, e->todo)];
    if (r < 0 || e->at_at == 0)
        return r;
    if (e->at_at < 0)
        return err_set(err, E_INVALID, "An instant cannot be negative.");
    usec_t until_at = usec_add(e->at_at, todo_now(c, t, c->now_at).left_us);
    for (uint32_t i = 0; i < c->todos_n; i++) {
        const struct todo *other = &todos_of(c)[todo_ids_of(c)[i]];
        if (other == t || !other->pin_at || other->pin_who != e->by ||
            !(other->flags & TODO_ACCEPTED))
            continue;
        usec_t end_at = usec_add(other->pin_at, todo_now(c, other, c->now_at).left_us);
        if (other->pin_at < until_at && end_at > e->at_at)
            return err_set(err, E_STATE, "Todo %u was moved to that time already.", other->id);
    }
    return 0;
}

int todo_check(const struct core *c, const struct core_event *ev, struct err *err)
{
    if (ev->kind == EVENT_TODO_ADD)
        return check_add(c, &ev->todo_add, err);
    /* Every other event about a todo begins with its number. */
    if (todo_find(c, ev->todo_done.todo) == NONE)
        return err_set(err, E_NOT_FOUND, "There is no open todo %u.", ev->todo_done.todo);
    switch (ev->kind) {
    case EVENT_TODO_ACCEPT: return check_answer(c, ev->todo_accept.todo, ev->todo_accept.by, err);
    case EVENT_TODO_DECLINE: return check_answer(c, ev->todo_decline.todo, ev->todo_decline.by, err);
    case EVENT_TODO_SNOOZE:
        if (ev->todo_snooze.until_at < 0)
            return err_set(err, E_INVALID, "An instant cannot be negative.");
        return check_answer(c, ev->todo_snooze.todo, ev->todo_snooze.by, err);
    case EVENT_TODO_MOVE: return check_move(c, &ev->todo_move, err);
    case EVENT_TODO_SET: return check_set(c, &ev->todo_set, err);
    default: return check_person(ev->todo_done.by, err);
    }
}
_Static_assert(offsetof(struct ev_todo_done, todo) == 0 && offsetof(struct ev_todo_drop, todo) == 0 &&
               offsetof(struct ev_todo_accept, todo) == 0 &&
               offsetof(struct ev_todo_decline, todo) == 0 &&
               offsetof(struct ev_todo_snooze, todo) == 0 &&
               offsetof(struct ev_todo_move, todo) == 0 && offsetof(struct ev_todo_set, todo) == 0,
               "todo_check reads the number of any of them");

/* --- apply ------------------------------------------------------------------------------------ */

static void apply_add(struct core *c, const struct ev_todo_add *e)
{
    uint32_t slot = todo_new(c, e->todo);
    struct todo *t = &todos_of(c)[slot];
    bool own = e->who_n == 1 && e->who[0].n == e->by;
    t->by = (uint16_t)e->by;
    t->flags = (uint8_t)(e->flags | (own ? TODO_ACCEPTED : 0));
    for (uint32_t i = 0; i < e->who_n; i++)
        who_add(t, e->who[i].n);
    t->added_at = c->now_at;
    t->takes_us = e->takes_us;
    t->min_chunk_us = e->min_chunk_us;
    t->not_before_at = e->not_before_at;
    t->deadline_at = e->deadline_at;
    t->pin_at = e->at_at;
    t->pin_day = e->at_at ? e->at_day : 0;
    t->pin_who = (uint16_t)(e->at_at && e->who_n == 1 ? e->who[0].n : 0);
    todo_close(c, t);
    c->last_id = e->todo;
    graph_add(c, slot, WAITER_TODO, e->deps, e->deps_n);
    for (uint32_t i = 0; i < e->before_n; i++) {
        const struct before *b = &e->before[i];
        const struct dep on_this = { .kind = DEP_AFTEROK, .job = e->todo };
        uint32_t job = b->scope ? NONE : job_find(c, b->job);
        if (b->scope)
            graph_add(c, array_find(c, b->job), WAITER_ARRAY, &on_this, 1);
        else if (job != NONE)
            graph_add(c, job, WAITER_JOB, &on_this, 1);
        else
            graph_add(c, todo_find(c, b->job), WAITER_TODO, &on_this, 1);
    }
}

/* What passed of a piece counts for its person's day. */
static void credit(struct core *c, uint32_t person, int64_t day, usec_t passed_us)
{
    struct person *p = &c->persons[person];
    if (passed_us <= 0 || (p->worked_us && day < p->worked_day))
        return;
    if (day != p->worked_day)
        p->worked_us = 0;
    p->worked_day = day;
    p->worked_us += passed_us;
    person_changed(c, person);
}

static void forget_next(struct todo *t)
{
    t->next_from_at = t->next_until_at = 0;
    t->next_day = 0;
    t->next_who = 0;
}

/* A piece under way ends here: by a `done`, or because its person or the time says so. */
static void end_piece(struct core *c, struct todo *t)
{
    struct todo_now s = todo_now(c, t, c->now_at);
    usec_t passed_us = s.until_at ? c->now_at - s.from_at : s.passed_us;
    if (passed_us > 0)
        credit(c, s.who, s.day, passed_us);
    t->worked_us += usec_max(passed_us, 0);
    forget_next(t);
}

static void end(struct core *c, uint32_t slot, enum todo_state to, enum todo_wait why, uint32_t by,
                struct out *out)
{
    struct todo *t = &todos_of(c)[slot];
    assert(out->n < out->max);
    out->at[out->n++] = (struct core_update){ .kind = UPDATE_TODO, .from = TODO_OPEN,
                                              .to = (uint8_t)to, .reason = (uint8_t)why,
                                              .job = t->id, .value = by };
    if (MUTANT(c, MUTANT_TODO_THERE) && to == TODO_DONE)
        return;
    todo_open(c, t);
    end_piece(c, t);
    graph_drop(c, slot, WAITER_TODO);
    graph_todo_ended(c, slot, to == TODO_DONE);
    todo_free(c, slot);
}

static void apply_set(struct todo *t, const struct ev_todo_set *e)
{
    switch ((enum todo_field)e->field) {
    case TODO_SET_TAKES_US:
        t->takes_us = e->value;
        t->min_chunk_us = usec_min(t->min_chunk_us, e->value);
        break;
    case TODO_SET_MIN_CHUNK_US: t->min_chunk_us = e->value; break;
    case TODO_SET_DEADLINE_AT: t->deadline_at = e->value; break;
    case TODO_SET_NOT_BEFORE_AT: t->not_before_at = e->value; break;
    case TODO_SET_WHO:
        who_set(t, (uint32_t)e->value);
        t->flags = (uint8_t)(t->flags & ~TODO_ACCEPTED);
        t->flags |= e->value == t->by ? TODO_ACCEPTED : 0;
        t->pin_at = t->pin_day = 0;
        t->pin_who = 0;
        break;
    case TODO_SET_WORKED_US: t->worked_us = e->value; break;
    case TODO_FIELD_COUNT: break;
    }
}

/* What becomes of a todo that stays open: by its person's word. */
static void answer(struct core *c, struct todo *t, const struct core_event *ev)
{
    uint32_t by = ev->todo_done.by;
    switch (ev->kind) {
    case EVENT_TODO_ACCEPT:
        who_set(t, by);
        t->flags |= TODO_ACCEPTED;
        t->pin_who = (uint16_t)(t->pin_at ? by : 0);
        if (t->next_who && t->next_who != by)
            end_piece(c, t);
        break;
    case EVENT_TODO_DECLINE:
        if (t->next_who == by)
            end_piece(c, t);
        who_remove(t, by);
        t->flags = (uint8_t)(t->flags & ~TODO_ACCEPTED);
        if (t->pin_who == by)
            t->pin_at = t->pin_day = t->pin_who = 0;
        break;
    case EVENT_TODO_SNOOZE:
        end_piece(c, t);
        t->not_before_at = ev->todo_snooze.until_at;
        t->pin_at = t->pin_day = 0;
        t->pin_who = 0;
        break;
    case EVENT_TODO_MOVE:
        end_piece(c, t);
        t->pin_at = ev->todo_move.at_at;
        t->pin_day = t->pin_at ? ev->todo_move.at_day : 0;
        t->pin_who = (uint16_t)(t->pin_at ? by : 0);
        if (t->pin_at) {
            who_set(t, by);
            t->flags |= TODO_ACCEPTED;
        }
        break;
    default:
        end_piece(c, t);
        apply_set(t, &ev->todo_set);
    }
}

void todo_apply(struct core *c, const struct core_event *ev, struct out *out)
{
    c->todos_stale = true;
    if (ev->kind == EVENT_TODO_ADD) {
        apply_add(c, &ev->todo_add);
        return;
    }
    uint32_t slot = todo_find(c, ev->todo_done.todo);
    if (ev->kind == EVENT_TODO_DONE || ev->kind == EVENT_TODO_DROP) {
        end(c, slot, ev->kind == EVENT_TODO_DONE ? TODO_DONE : TODO_DROPPED, TODO_WAIT_NONE,
            ev->todo_done.by, out);
        return;
    }
    struct todo *t = &todos_of(c)[slot];
    if (MUTANT(c, MUTANT_TODO_ASKED) && ev->kind == EVENT_TODO_DECLINE)
        return;
    todo_open(c, t);
    answer(c, t, ev);
    todo_close(c, t);
}

/* --- deciding --------------------------------------------------------------------------------- */

/* What time has done since the last decision. */
static void settle(struct core *c, struct out *out)
{
    for (uint32_t i = c->todos_n; i-- > 0;) {
        uint32_t slot = todo_ids_of(c)[i];
        struct todo *t = &todos_of(c)[slot];
        if (t->flags & TODO_REVIEW && t->dep_state == DEPS_NEVER) {
            end(c, slot, TODO_DROPPED, TODO_WAIT_NEVER, 0, out);
            continue;
        }
        struct todo_now s = todo_now(c, t, c->now_at);
        usec_t pin_end_at = t->pin_at ? usec_add(t->pin_at, s.left_us + s.passed_us) : USEC_NEVER;
        bool piece_over = t->next_who && t->next_from_at <= c->now_at && !s.until_at;
        bool pin_over = t->pin_at && (piece_over || pin_end_at <= c->now_at);
        bool cut = s.until_at && s.until_at != t->next_until_at;
        if (!piece_over && !pin_over && !cut)
            continue;
        todo_open(c, t);
        if (piece_over)
            end_piece(c, t);
        if (cut)
            t->next_until_at = s.until_at;
        if (pin_over)
            t->pin_at = t->pin_day = t->pin_who = 0;
        todo_close(c, t);
    }
}

/* Keep each todo's next piece of the plan. */
static void keep(struct core *c, const struct todo_plan *p)
{
    for (uint32_t i = 0; i < c->todos_n; i++) {
        struct todo *t = &todos_of(c)[todo_ids_of(c)[i]];
        const struct todo_row *row = todo_plan_first(p, i);
        t->wait = (uint8_t)p->waits[i];
        bool ready = row && (t->dep_state == DEPS_MET || MUTANT(c, MUTANT_TODO_EARLY));
        usec_t from_at = ready ? row->from_at : 0, until_at = ready ? row->until_at : 0;
        if (ready && from_at < c->now_at && !row->under_way) /* a pin whose time came before it could begin */
            from_at = c->now_at;
        if (ready ? t->next_who == row->person && t->next_from_at == from_at &&
                        t->next_until_at == until_at && t->next_day == row->day
                  : !t->next_who)
            continue;
        todo_open(c, t);
        t->next_from_at = from_at;
        t->next_until_at = until_at;
        t->next_day = ready ? row->day : 0;
        t->next_who = ready ? row->person : 0;
        todo_close(c, t);
    }
}

void todo_decide(struct core *c, struct out *out)
{
    struct todo_plan p;
    if (!c->todos_stale && todo_due(c) > c->now_at)
        return;
    settle(c, out);
    todo_plan_begin(&p, c, c->now_at, (char *)c + c->todo_work_at.at, c->limits.todos);
    todo_plan_ready(&p);
    keep(c, &p);
    c->todos_stale = false;
}

/* Nothing is done at the beginning of a piece: time alone puts it under way. */
usec_t todo_due(const struct core *c)
{
    usec_t due = USEC_NEVER;
    for (uint32_t i = 0; i < c->todos_n; i++) {
        const struct todo *t = &todos_of(c)[todo_ids_of(c)[i]];
        if (t->next_who)
            due = usec_min(due, t->next_until_at);
        else if (t->pin_at)
            due = usec_min(due, usec_add(t->pin_at, left_of(t, t->worked_us)));
    }
    return due;
}
