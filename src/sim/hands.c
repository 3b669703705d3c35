/* hands.c - see hands.h. */
#include "sim/hands.h"

#include <stdlib.h>
#include <string.h>

#include "sim/invariant.h"
#include "sim/timer.h"

#define BREAK(v, rule, ...) verdict_break((v)->verdict, rule, __VA_ARGS__)

void hands_finish(struct hands *h)
{
    for (int i = 0; i <= CORE_PERSONS_MAX; i++)
        free(h->offers[i].at);
    free(h->todos);
    memset(h, 0, sizeof(*h));
}

static struct hands_todo *todo_of(struct invariant *v, job_id id)
{
    struct hands *h = &v->hands;
    return id < h->todos_size && h->todos[id].state != TODO_NONE ? &h->todos[id] : NULL;
}

const struct hands_todo *hands_of(const struct invariant *v, job_id id)
{
    const struct hands *h = &v->hands;
    return id < h->todos_size && h->todos[id].state != TODO_NONE ? &h->todos[id] : NULL;
}

static bool asked(const struct hands_todo *t, uint32_t person)
{
    for (uint32_t i = 0; i < t->who_n; i++)
        if (t->who[i] == person)
            return true;
    return false;
}

/* Put there by hand, also when a clock that stepped back brings it again. */
static bool by_hand(const struct hands_todo *t, usec_t from_at)
{
    return t->pin_at == from_at && t->flags & TODO_ACCEPTED;
}

static bool pinned(const struct hands_todo *t)
{
    return t->pin_at && t->flags & TODO_ACCEPTED && !t->pin_begun;
}

/* --- what was said -------------------------------------------------------------------------------- */

static void note_offer(struct invariant *v, const struct ev_offer *e)
{
    struct hands_offers *o = &v->hands.offers[e->person];
    free(o->at);
    o->at = calloc(e->windows_n + 1, sizeof(*o->at));
    if (!o->at)
        abort();
    if (e->windows_n)
        memcpy(o->at, e->windows, e->windows_n * sizeof(*o->at));
    o->n = e->windows_n;
    o->cap_us = e->cap_us;
}

static void note_add(struct invariant *v, const struct ev_todo_add *e)
{
    struct hands *h = &v->hands;
    size_t old = h->todos_size;
    h->todos = sim_grow(h->todos, &h->todos_size, e->todo + 1, sizeof(*h->todos));
    if (h->todos_size > old)
        memset(h->todos + old, 0, (h->todos_size - old) * sizeof(*h->todos));
    struct hands_todo *t = &h->todos[e->todo];
    *t = (struct hands_todo){ .state = TODO_OPEN, .who_n = e->who_n, .by = e->by, .flags = e->flags,
                              .takes_us = e->takes_us, .min_chunk_us = e->min_chunk_us,
                              .not_before_at = e->not_before_at, .pin_at = e->at_at };
    for (uint32_t i = 0; i < e->who_n; i++)
        t->who[i] = e->who[i].n;
    if (e->who_n == 1 && e->who[0].n == e->by)
        t->flags |= TODO_ACCEPTED;
    t->pin_who = e->at_at && e->who_n == 1 ? e->who[0].n : 0;
    h->live++;
}

static void decline(struct hands_todo *t, uint32_t by)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->who_n; i++)
        if (t->who[i] != by)
            t->who[n++] = t->who[i];
    t->who_n = n;
    t->flags &= ~(uint32_t)TODO_ACCEPTED;
    if (t->pin_who == by)
        t->pin_at = t->pin_who = 0;
}

static void note_set(struct hands_todo *t, const struct ev_todo_set *e)
{
    switch ((enum todo_field)e->field) {
    case TODO_SET_TAKES_US: t->takes_us = e->value; break;
    case TODO_SET_MIN_CHUNK_US: t->min_chunk_us = e->value; break;
    case TODO_SET_NOT_BEFORE_AT: t->not_before_at = e->value; break;
    case TODO_SET_WHO:
        t->who[0] = (uint32_t)e->value;
        t->who_n = 1;
        t->flags = (t->flags & ~(uint32_t)TODO_ACCEPTED) |
                   (t->who[0] == t->by ? (uint32_t)TODO_ACCEPTED : 0);
        t->pin_at = t->pin_who = 0;
        break;
    case TODO_SET_DEADLINE_AT: case TODO_SET_WORKED_US: case TODO_FIELD_COUNT: break;
    }
}

static void answered(struct hands_todo *t, const struct core_event *ev)
{
    uint32_t by = ev->todo_done.by;
    switch (ev->kind) {
    case EVENT_TODO_ACCEPT:
        t->who[0] = by;
        t->who_n = 1;
        t->flags |= TODO_ACCEPTED;
        t->pin_who = t->pin_at ? by : 0;
        break;
    case EVENT_TODO_DECLINE: decline(t, by); break;
    case EVENT_TODO_SNOOZE:
        t->not_before_at = ev->todo_snooze.until_at;
        t->pin_at = t->pin_who = 0;
        break;
    case EVENT_TODO_MOVE:
        t->pin_at = ev->todo_move.at_at;
        t->pin_who = t->pin_at ? by : 0;
        t->pin_begun = false;
        if (!t->pin_at)
            break;
        t->who[0] = by;
        t->who_n = 1;
        t->flags |= TODO_ACCEPTED;
        break;
    case EVENT_TODO_SET: note_set(t, &ev->todo_set); break;
    default: break;
    }
}

void hands_event(struct invariant *v, const struct core_event *ev)
{
    switch (ev->kind) {
    case EVENT_OFFER: note_offer(v, &ev->offer); break;
    case EVENT_TODO_ADD: note_add(v, &ev->todo_add); break;
    case EVENT_TODO_ACCEPT: case EVENT_TODO_DECLINE: case EVENT_TODO_SNOOZE: case EVENT_TODO_MOVE:
    case EVENT_TODO_SET: {
        struct hands_todo *t = todo_of(v, ev->todo_done.todo);
        if (!t || t->state != TODO_OPEN)
            BREAK(v, "todo-there", "\"%s\" of todo %u was taken, which is not open",
                  event_word(ev->kind), ev->todo_done.todo);
        else
            answered(t, ev);
        break;
    }
    default: break;
    }
}

void hands_update(struct invariant *v, const struct core_update *u)
{
    struct hands_todo *t = todo_of(v, u->job);
    const struct core_event *ev = v->ev;
    bool said = (ev->kind == EVENT_TODO_DONE || ev->kind == EVENT_TODO_DROP) &&
                ev->todo_done.todo == u->job;
    if (!t || t->state != TODO_OPEN) {
        BREAK(v, "transition", "todo %u ends and is not open", u->job);
        return;
    }
    if (u->to == TODO_DONE && !(said && ev->kind == EVENT_TODO_DONE))
        BREAK(v, "honest-end", "todo %u is called done by \"%s\"", u->job, event_word(ev->kind));
    if (u->to == TODO_DROPPED && !said && !(ev->kind == EVENT_DECIDE && t->flags & TODO_REVIEW))
        BREAK(v, "honest-end", "todo %u is dropped by \"%s\"", u->job, event_word(ev->kind));
    t->state = (enum todo_state)u->to;
    t->end_boot_at = v->boot_at;
    v->hands.live--;
}

/* --- where it lies -------------------------------------------------------------------------------- */

/* The one stretch it lies in; NULL: it sticks out. */
static const struct offer *stretch(const struct invariant *v, uint32_t person, usec_t from_at,
                                   usec_t until_at)
{
    const struct hands_offers *o = &v->hands.offers[person];
    for (uint32_t i = 0; i < o->n; i++)
        if (o->at[i].from_at <= from_at && until_at <= o->at[i].until_at)
            return &o->at[i];
    return NULL;
}

/* A piece that is still to come. */
static void judge_piece(struct invariant *v, job_id id, const struct hands_todo *t, uint32_t person,
                        usec_t from_at, usec_t until_at)
{
    if (by_hand(t, from_at))
        return;
    if (pinned(t)) {
        if (from_at != t->pin_at)
            BREAK(v, "todo-pin", "todo %u was moved by hand and lies elsewhere", id);
        return;
    }
    if (!stretch(v, person, from_at, until_at))
        BREAK(v, "todo-hours", "todo %u lies where person %u offers nothing", id, person);
    if (from_at < t->not_before_at && !(t->pin_at && t->pin_at == from_at))
        BREAK(v, "todo-hours", "todo %u lies before it may", id);
}

struct piece {
    job_id id;
    uint32_t person;
    usec_t from_at, until_at;
    int64_t day;
    bool fixed; /* under way, or put there by hand: the cap does not move it */
};

/* Of one person no two overlap, and a day that holds a piece the plan was free to move keeps its cap. */
static void judge_together(struct invariant *v, const struct piece *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        usec_t day_us = 0, cap_us = v->hands.offers[p[i].person].cap_us;
        for (size_t k = 0; k < n; k++) {
            if (p[k].person != p[i].person)
                continue;
            if (k != i && p[k].from_at < p[i].until_at && p[i].from_at < p[k].until_at)
                BREAK(v, "todo-overlap", "person %u has todos %u and %u at one time", p[i].person,
                      p[i].id, p[k].id);
            day_us += p[k].day == p[i].day ? p[k].until_at - p[k].from_at : 0;
        }
        if (cap_us && !p[i].fixed && day_us > cap_us)
            BREAK(v, "todo-cap", "person %u has %ld minutes of todos on a day; %ld are the cap",
                  p[i].person, (long)(day_us / USEC_PER_MIN), (long)(cap_us / USEC_PER_MIN));
    }
}

static int64_t day_of(const struct invariant *v, uint32_t person, usec_t from_at, int64_t otherwise)
{
    const struct offer *o = stretch(v, person, from_at, from_at + 1);
    return o ? o->day : otherwise;
}

void hands_turned(struct invariant *v, const struct core *core, usec_t wall_at)
{
    struct core_todo c;
    struct piece *pieces = NULL;
    size_t n = 0, size = 0;
    uint32_t live = 0;
    for (job_id id = 0; core_todo_after(core, id, &c); id = c.id) {
        struct hands_todo *t = todo_of(v, c.id);
        live++;
        if (t)
            t->pin_begun |= t->pin_at && t->pin_at <= wall_at;
        if (!t || t->state != TODO_OPEN) {
            BREAK(v, "todo-there", "the core has todo %u open, which is not", c.id);
            continue;
        }
        if (!c.next_who)
            continue;
        v->hands.pieces++;
        bool under_way = c.next_from_at <= wall_at;
        if (!asked(t, c.next_who))
            BREAK(v, "todo-asked", "todo %u is planned for person %u, who was not asked or declined",
                  c.id, c.next_who);
        if (!under_way)
            judge_piece(v, c.id, t, c.next_who, c.next_from_at, c.next_until_at);
        if (!under_way && !invariant_todo_ready(v, c.id))
            BREAK(v, "todo-dependency", "todo %u has a time before what it waits for", c.id);
        pieces = sim_grow(pieces, &size, n + 1, sizeof(*pieces));
        pieces[n++] = (struct piece){ c.id, c.next_who, c.next_from_at, c.next_until_at,
                                      day_of(v, c.next_who, c.next_from_at, -(int64_t)c.id),
                                      under_way || by_hand(t, c.next_from_at) };
    }
    if (live != v->hands.live)
        BREAK(v, "todo-there", "the core has %u todos open; there are %u", live, v->hands.live);
    judge_together(v, pieces, n);
    free(pieces);
}

void hands_plan(struct invariant *v, const struct core_plan *plan, usec_t wall_at)
{
    struct piece *pieces = NULL;
    size_t n = 0, size = 0;
    for (uint32_t i = 0; i < plan->todo_rows_n; i++) {
        const struct todo_row *r = &plan->todo_rows[i];
        const struct hands_todo *t = hands_of(v, r->todo);
        if (!t || r->from_at >= r->until_at || r->late_until_at < r->until_at) {
            BREAK(v, "plan", "the plan's piece of todo %u makes no sense", r->todo);
            continue;
        }
        v->hands.pieces++;
        bool under_way = r->under_way || r->from_at <= wall_at;
        if (!under_way)
            judge_piece(v, r->todo, t, r->person, r->from_at, r->until_at);
        pieces = sim_grow(pieces, &size, n + 1, sizeof(*pieces));
        pieces[n++] = (struct piece){ r->todo, r->person, r->from_at, r->until_at, r->day,
                                      under_way || by_hand(t, r->from_at) };
        const struct offer *o = stretch(v, r->person, r->from_at, r->until_at);
        for (uint32_t k = 0; o && o->focus && !under_way && !pinned(t) && k < plan->todo_rows_n; k++) {
            const struct todo_row *other = &plan->todo_rows[k];
            if (k != i && other->person == r->person && other->from_at < o->until_at &&
                o->from_at < other->until_at)
                BREAK(v, "todo-focus", "todos %u and %u share a focus block", r->todo, other->todo);
        }
    }
    judge_together(v, pieces, n);
    free(pieces);
}

void hands_recovered(struct invariant *v, const struct core *core)
{
    if (core_todos_n(core) != v->hands.live)
        BREAK(v, "recovered", "after a restart %u todos are open; it were %u", core_todos_n(core),
              v->hands.live);
}
