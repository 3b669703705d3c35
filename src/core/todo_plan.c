/* todo_plan.c - see todo_plan.h. */
#include "core/todo_plan.h"

#include <assert.h>

#include "core/estimate.h"
#include "core/job.h"
#include "core/mutant.h"
#include "core/offer.h"
#include "core/policy.h"

#define BEHIND_DEPTH 4  /* how far a look at what waits goes */
#define BEHIND_NODES 64 /* ... and how wide: bounds a plan's work; the rest counts as nothing */

/* --- memory ----------------------------------------------------------------------------------- */

static size_t part(size_t *at, size_t item, size_t n)
{
    size_t here = *at;
    *at += (item * n + 15) / 16 * 16;
    return here;
}

static size_t layout(struct todo_plan *p, char *base, uint32_t todos)
{
    size_t at = 0;
    uint32_t pieces_max = todos * TODO_PARTS_MAX;
    size_t pieces = part(&at, sizeof(struct todo_piece), pieces_max);
    size_t order = part(&at, sizeof(struct todo_order), todos);
    size_t firsts = part(&at, sizeof(uint32_t), todos);
    size_t ends = part(&at, sizeof(usec_t), todos);
    size_t waits = part(&at, sizeof(enum todo_wait), todos);
    if (p) {
        p->pieces = (struct todo_piece *)(base + pieces);
        p->pieces_max = pieces_max;
        p->order = (struct todo_order *)(base + order);
        p->firsts = (uint32_t *)(base + firsts);
        p->ends_at = (usec_t *)(base + ends);
        p->waits = (enum todo_wait *)(base + waits);
    }
    return at;
}

size_t todo_plan_size(uint32_t todos)
{
    return layout(NULL, NULL, todos);
}

static const struct todo *todo_at(const struct core *c, uint32_t at)
{
    return &todos_of(c)[todo_ids_of(c)[at]];
}

/* --- a person's time -------------------------------------------------------------------------- */

static usec_t step_up(usec_t t)
{
    return t % TODO_STEP_US ? t + TODO_STEP_US - t % TODO_STEP_US : t;
}

/* First piece of a person that ends after t; NONE. */
static uint32_t piece_after(const struct todo_plan *p, uint32_t person, usec_t t)
{
    uint32_t at = p->heads[person];
    while (at != NONE && p->pieces[at].row.until_at <= t)
        at = p->pieces[at].next;
    return at;
}

static bool taken(const struct todo_plan *p, uint32_t person, usec_t from_at, usec_t until_at)
{
    uint32_t at = piece_after(p, person, from_at);
    return at != NONE && p->pieces[at].row.from_at < until_at;
}

static void piece_enter(struct todo_plan *p, const struct todo_row *row, uint32_t at)
{
    uint32_t *link = &p->heads[row->person], *own = &p->firsts[at];
    assert(p->pieces_n < p->pieces_max);
    while (*link != NONE && p->pieces[*link].row.from_at <= row->from_at)
        link = &p->pieces[*link].next;
    while (*own != NONE && p->pieces[*own].row.from_at <= row->from_at)
        own = &p->pieces[*own].next_of_todo;
    p->pieces[p->pieces_n] = (struct todo_piece){ *row, *link, *own };
    *link = *own = p->pieces_n++;
}

/* Back to what stands fast: pieces beyond the first n go. */
static void pieces_cut(struct todo_plan *p, uint32_t n)
{
    for (uint32_t person = 0; person <= CORE_PERSONS_MAX; person++)
        for (uint32_t *link = &p->heads[person]; *link != NONE;)
            if (*link >= n)
                *link = p->pieces[*link].next;
            else
                link = &p->pieces[*link].next;
    for (uint32_t at = 0; at < p->c->todos_n; at++)
        for (uint32_t *link = &p->firsts[at]; *link != NONE;)
            if (*link >= n)
                *link = p->pieces[*link].next_of_todo;
            else
                link = &p->pieces[*link].next_of_todo;
    p->pieces_n = n;
}

/* --- pieces for one todo ---------------------------------------------------------------------- */

struct finding { /* the pieces of one todo in one person's time */
    const struct todo_plan *plan;
    const struct todo *t;
    uint32_t person;
    usec_t left_us, least_us;
    struct todo_row row[TODO_PARTS_MAX];
    uint32_t n;
    bool full;
};

static usec_t cap_left(const struct finding *f, int64_t day)
{
    const struct todo_plan *p = f->plan;
    const struct person *who = &p->c->persons[f->person];
    usec_t left_us = who->cap_us;
    if (left_us == 0 || MUTANT(p->c, MUTANT_TODO_CAP))
        return USEC_NEVER;
    if (who->worked_day == day)
        left_us -= who->worked_us;
    for (uint32_t at = p->heads[f->person]; at != NONE; at = p->pieces[at].next)
        if (p->pieces[at].row.day == day)
            left_us -= p->pieces[at].row.until_at - p->pieces[at].row.from_at;
    for (uint32_t i = 0; i < f->n; i++)
        if (f->row[i].day == day)
            left_us -= f->row[i].until_at - f->row[i].from_at;
    return usec_max(left_us, 0);
}

/* How much of `room` a piece takes: all that is left, or a part that leaves a part; 0: none. */
static usec_t piece_length(const struct finding *f, usec_t room_us)
{
    usec_t take = room_us;
    if (room_us >= f->left_us)
        return f->left_us;
    if (f->left_us - take < f->least_us)
        take = f->left_us - f->least_us;
    take -= take % TODO_STEP_US;
    return take >= f->least_us && f->left_us - take >= f->least_us ? take : 0;
}

static bool finding_add(struct finding *f, usec_t from_at, usec_t length_us, int64_t day)
{
    if (f->n == TODO_PARTS_MAX) {
        f->full = true;
        return false;
    }
    f->row[f->n++] = (struct todo_row){ .todo = f->t->id, .person = (person_no)f->person,
                                        .from_at = from_at, .until_at = from_at + length_us,
                                        .day = day };
    f->left_us -= length_us;
    return f->left_us > 0;
}

/* A focus block stays whole: only for one that fills at least half of it. */
static void find_in_focus(struct finding *f, const struct offer *o, usec_t from_at)
{
    usec_t start_at = step_up(from_at);
    if (start_at >= o->until_at || taken(f->plan, f->person, o->from_at, o->until_at))
        return;
    usec_t room_us = o->until_at - start_at;
    usec_t take_us = piece_length(f, usec_min(room_us, cap_left(f, o->day)));
    if (take_us > 0 && 2 * take_us >= o->until_at - o->from_at)
        finding_add(f, start_at, take_us, o->day);
}

/* Around the pieces that are there. */
static void find_in_stretch(struct finding *f, const struct offer *o, usec_t from_at)
{
    const struct todo_plan *p = f->plan;
    usec_t cursor = step_up(from_at), cap_us = cap_left(f, o->day), until_at = o->until_at;
    uint32_t at = piece_after(p, f->person, cursor);
    if (MUTANT(p->c, MUTANT_TODO_OVERLAP))
        at = NONE;
    if (MUTANT(p->c, MUTANT_TODO_HOURS))
        until_at = usec_add(until_at, 30 * USEC_PER_MIN);
    while (cursor < until_at && cap_us > 0) {
        usec_t gap_until_at = at == NONE ? until_at : usec_min(until_at, p->pieces[at].row.from_at);
        usec_t take_us = gap_until_at > cursor
            ? piece_length(f, usec_min(gap_until_at - cursor, cap_us)) : 0;
        if (take_us > 0) {
            if (!finding_add(f, cursor, take_us, o->day))
                return;
            cap_us = cap_us == USEC_NEVER ? cap_us : cap_us - take_us;
        }
        if (at == NONE)
            return;
        cursor = step_up(usec_max(cursor, p->pieces[at].row.until_at));
        at = p->pieces[at].next;
    }
}

/* From then on; true if all that is left found a time. */
static bool find(struct finding *f, usec_t from_at)
{
    uint32_t n, at = offer_after(f->plan->c, f->person, from_at);
    const struct offer *o = offer_list(f->plan->c, f->person, &n);
    for (; at < n && f->left_us > 0 && !f->full; at++) {
        if (o[at].focus && !MUTANT(f->plan->c, MUTANT_TODO_FOCUS))
            find_in_focus(f, &o[at], usec_max(o[at].from_at, from_at));
        else
            find_in_stretch(f, &o[at], usec_max(o[at].from_at, from_at));
    }
    return f->left_us == 0;
}

static void finding_keep(struct todo_plan *p, uint32_t at, const struct finding *f)
{
    for (uint32_t i = 0; i < f->n; i++) {
        struct todo_row row = f->row[i];
        row.asked = !(f->t->flags & TODO_ACCEPTED);
        piece_enter(p, &row, at);
    }
    p->ends_at[at] = f->row[f->n - 1].until_at;
    p->waits[at] = TODO_WAIT_NONE;
}

/* The piece under way, if there is one, belongs to one person; what is left goes on there. */
static usec_t place(struct todo_plan *p, uint32_t at, usec_t from_at)
{
    const struct core *c = p->c;
    const struct todo *t = todo_at(c, at);
    struct todo_now s = todo_now(c, t, p->now_at);
    struct finding best, f;
    best.n = 0;
    usec_t left_us = s.left_us - (s.until_at ? s.until_at - s.from_at : 0);
    if (left_us <= 0) /* the piece under way is all */
        return p->ends_at[at];
    from_at = usec_max(usec_max(from_at, t->not_before_at), s.until_at ? s.until_at : p->now_at);
    uint32_t offers_n = 0;
    for (uint32_t i = 0; i < t->who_n; i++) {
        f = (struct finding){ .plan = p, .t = t, .person = todo_who(t, i), .left_us = left_us,
                              .least_us = usec_min(t->min_chunk_us, left_us) };
        offers_n += c->persons[f.person].offers_n > offer_after(c, f.person, from_at);
        if (s.until_at && f.person != s.who)
            continue;
        if (find(&f, from_at) &&
            (best.n == 0 || f.row[f.n - 1].until_at < best.row[best.n - 1].until_at))
            best = f;
    }
    if (best.n)
        finding_keep(p, at, &best);
    else
        p->waits[at] = offers_n ? TODO_WAIT_ROOM : TODO_WAIT_HOURS;
    if (!best.n)
        p->ends_at[at] = USEC_NEVER;
    return p->ends_at[at];
}

/* --- what stands fast ------------------------------------------------------------------------- */

static void place_under_way(struct todo_plan *p, uint32_t at)
{
    const struct todo *t = todo_at(p->c, at);
    struct todo_now s = todo_now(p->c, t, p->now_at);
    if (!s.until_at)
        return;
    const struct todo_row row = { .todo = t->id, .person = (person_no)s.who, .under_way = true,
                                  .pinned = t->pin_at != 0, .from_at = s.from_at,
                                  .until_at = s.until_at, .day = s.day,
                                  .asked = !(t->flags & TODO_ACCEPTED) };
    piece_enter(p, &row, at);
    p->ends_at[at] = s.until_at;
    p->waits[at] = TODO_WAIT_NONE;
}

/* May somebody be held to a time others chose?  Inside what they offer, and within the cap. */
static bool pin_holds(const struct todo_plan *p, const struct todo *t, uint32_t person, usec_t left_us)
{
    usec_t until_at = usec_add(t->pin_at, left_us);
    const struct offer *o = offer_at(p->c, person, t->pin_at);
    const struct finding f = { .plan = p, .person = person };
    if (taken(p, person, t->pin_at, until_at))
        return false;
    if (t->flags & TODO_ACCEPTED)
        return true;
    return t->pin_at >= t->not_before_at && o && until_at <= o->until_at && !o->focus && left_us <= cap_left(&f, o->day);
}

static void place_pin(struct todo_plan *p, uint32_t at, bool accepted)
{
    const struct core *c = p->c;
    const struct todo *t = todo_at(c, at);
    struct todo_now s = todo_now(c, t, p->now_at);
    if (!t->pin_at || s.until_at || accepted != !!(t->flags & TODO_ACCEPTED) ||
        MUTANT(c, MUTANT_TODO_PIN))
        return;
    p->waits[at] = t->flags & TODO_ACCEPTED ? TODO_WAIT_ROOM : TODO_WAIT_ACCEPT;
    for (uint32_t i = 0; i < t->who_n; i++) {
        uint32_t person = todo_who(t, i);
        const struct offer *o = offer_at(c, person, t->pin_at);
        if (!pin_holds(p, t, person, s.left_us))
            continue;
        const struct todo_row row = { .todo = t->id, .person = (person_no)person, .pinned = true,
                                      .from_at = t->pin_at,
                                      .until_at = usec_add(t->pin_at, s.left_us),
                                      .day = o ? o->day : t->pin_day, .asked = !accepted };
        piece_enter(p, &row, at);
        p->ends_at[at] = row.until_at;
        p->waits[at] = TODO_WAIT_NONE;
        return;
    }
}

/* --- order ------------------------------------------------------------------------------------ */

struct behind { /* what waits for a todo */
    __int128 area; /* milli-GPU x us */
    usec_t deadline_at;
    uint32_t nodes;
};

static void look_behind(const struct core *c, uint32_t node, uint32_t depth, struct behind *b);

static void behind_job(const struct core *c, const struct job *j, uint32_t n, uint32_t depth,
                       struct behind *b)
{
    usec_t length_us = estimate_forecast(c, j, 0, NULL).p50_us;
    b->area += (__int128)policy_width_milli(c, j->gpus, j->cpus) * length_us * n;
    if (j->deadline_at)
        b->deadline_at = usec_min(b->deadline_at, j->deadline_at - length_us);
    look_behind(c, j->dependents, depth + 1, b);
}

static void look_behind(const struct core *c, uint32_t node, uint32_t depth, struct behind *b)
{
    for (; node != NONE && depth < BEHIND_DEPTH; node = deps_of(c)[node].next_of_target) {
        const struct dep_node *n = &deps_of(c)[node];
        if (b->nodes++ >= BEHIND_NODES)
            return; /* too much to look at: see order_of */
        if (n->waiter_kind == WAITER_JOB) {
            behind_job(c, &jobs_of(c)[n->waiter], 1, depth, b);
        } else if (n->waiter_kind == WAITER_ARRAY) {
            const struct array *a = &arrays_of(c)[n->waiter];
            uint32_t place = job_place_after(c, a->id - 1);
            behind_job(c, &jobs_of(c)[ids_of(c)[place].slot], a->live, depth, b);
            look_behind(c, a->dependents, depth + 1, b);
        } else {
            const struct todo *t = &todos_of(c)[n->waiter];
            if (t->deadline_at)
                b->deadline_at = usec_min(b->deadline_at, t->deadline_at - t->takes_us);
            look_behind(c, t->dependents, depth + 1, b);
        }
    }
}

static struct todo_order order_of(const struct todo_plan *p, uint32_t at)
{
    const struct todo *t = todo_at(p->c, at);
    struct behind b = { 0, t->deadline_at ? t->deadline_at : USEC_NEVER, 0 };
    usec_t left_us = todo_now(p->c, t, p->now_at).left_us;
    look_behind(p->c, t->dependents, 0, &b);
    /* Which of too many were looked at depends on how lists lie in memory, so none counts but as much. */
    if (b.nodes > BEHIND_NODES) {
        b.area = INT64_MAX;
        b.deadline_at = t->deadline_at ? t->deadline_at : USEC_NEVER;
    }
    __int128 held_up = b.area / usec_max(left_us / USEC_PER_MIN, 1);
    return (struct todo_order){ held_up > INT64_MAX ? INT64_MAX : (int64_t)held_up, b.deadline_at,
                                t->id, at };
}

static bool order_before(const struct todo_order *a, const struct todo_order *b, bool by_deadline)
{
    if (by_deadline && a->deadline_at != b->deadline_at)
        return a->deadline_at < b->deadline_at;
    if (a->held_up != b->held_up)
        return a->held_up > b->held_up;
    return a->deadline_at != b->deadline_at ? a->deadline_at < b->deadline_at : a->id < b->id;
}

/* Insertion: mostly in order already, and there are hundreds, not thousands. */
static void order_sort(struct todo_plan *p, bool by_deadline)
{
    for (uint32_t i = 1; i < p->order_n; i++) {
        struct todo_order one = p->order[i];
        uint32_t k = i;
        for (; k > 0 && order_before(&one, &p->order[k - 1], by_deadline); k--)
            p->order[k] = p->order[k - 1];
        p->order[k] = one;
    }
}

/* --- the plan --------------------------------------------------------------------------------- */

static enum todo_wait first_look(const struct core *c, const struct todo *t)
{
    if (t->who_n == 0)
        return TODO_WAIT_DECLINED;
    if (MUTANT(c, MUTANT_TODO_EARLY) && t->dep_state != DEPS_MET)
        return TODO_WAIT_NONE;
    return t->dep_state == DEPS_NEVER  ? TODO_WAIT_NEVER
           : t->dep_state == DEPS_WAIT ? TODO_WAIT_DEPENDENCY
                                       : TODO_WAIT_NONE;
}

void todo_plan_begin(struct todo_plan *p, const struct core *c, usec_t now_at, char *memory,
                     uint32_t todos)
{
    assert(c->todos_n <= todos);
    layout(p, memory, todos);
    p->c = c;
    p->now_at = now_at;
    p->pieces_n = p->order_n = 0;
    for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++)
        p->heads[i] = NONE;
    for (uint32_t at = 0; at < c->todos_n; at++) {
        p->waits[at] = first_look(c, todo_at(c, at));
        p->ends_at[at] = USEC_NEVER;
        p->firsts[at] = NONE;
        place_under_way(p, at);
    }
    for (uint32_t at = 0; at < c->todos_n; at++)
        place_pin(p, at, true);
    for (uint32_t at = 0; at < c->todos_n; at++)
        place_pin(p, at, false);
    p->fixed_n = p->pieces_n;
}

/* Place all in order; how many deadlines are missed. */
static uint32_t run(struct todo_plan *p)
{
    uint32_t missed = 0;
    for (uint32_t i = 0; i < p->order_n; i++) {
        const struct todo_order *o = &p->order[i];
        usec_t end_at = place(p, o->at, p->now_at);
        missed += o->deadline_at != USEC_NEVER && end_at > o->deadline_at;
    }
    return missed;
}

void todo_plan_ready(struct todo_plan *p)
{
    const struct core *c = p->c;
    for (uint32_t at = 0; at < c->todos_n; at++) {
        const struct todo *t = todo_at(c, at);
        bool pinned = t->pin_at && !MUTANT(c, MUTANT_TODO_PIN);
        if (first_look(c, t) == TODO_WAIT_NONE && (!pinned || todo_now(c, t, p->now_at).until_at))
            p->order[p->order_n++] = order_of(p, at);
    }
    order_sort(p, false);
    uint32_t missed = run(p);
    if (missed == 0)
        return;
    pieces_cut(p, p->fixed_n);
    order_sort(p, true);
    if (run(p) < missed)
        return;
    pieces_cut(p, p->fixed_n);
    order_sort(p, false);
    run(p);
}

usec_t todo_plan_waiting(struct todo_plan *p, uint32_t at, usec_t from_at)
{
    const struct todo *t = todo_at(p->c, at);
    if (t->who_n == 0 || t->dep_state == DEPS_NEVER)
        return USEC_NEVER;
    if (t->pin_at) /* there, or nowhere until that time has passed */
        return p->ends_at[at];
    enum todo_wait wait = p->waits[at];
    usec_t end_at = place(p, at, from_at);
    if (end_at != USEC_NEVER)
        p->waits[at] = wait;
    return end_at;
}

const struct todo_row *todo_plan_first(const struct todo_plan *p, uint32_t at)
{
    return p->firsts[at] == NONE ? NULL : &p->pieces[p->firsts[at]].row;
}

uint32_t todo_plan_rows(const struct todo_plan *p, uint32_t at, struct todo_row *out)
{
    uint32_t n = 0;
    for (uint32_t i = p->firsts[at]; i != NONE; i = p->pieces[i].next_of_todo)
        out[n++] = p->pieces[i].row;
    for (uint32_t i = 0; i < n; i++) {
        out[i].part = (uint8_t)(i + 1);
        out[i].parts = (uint8_t)n;
    }
    return n;
}
