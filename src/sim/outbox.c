/* outbox.c - see outbox.h. */
#include "sim/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "cal/spans.h"
#include "sim/timer.h"

#define LOOKED_BACK_US  (6 * USEC_PER_DAY)
#define LOOKED_AHEAD_US (14 * USEC_PER_DAY)
#define HANGS_US        (25 * USEC_PER_SEC) /* then the daemon ends its sender */
#define DOWN_US         (3 * USEC_PER_HOUR) /* a service that is down is down for so long */

void outbox_init(struct outbox *o, uint64_t seed, enum shell_bug bug, struct verdict *verdict)
{
    *o = (struct outbox){ .seed = seed, .bug = bug, .due_boot_at = USEC_NEVER };
    o->told.verdict = verdict;
    prng_init(&o->luck, seed, LUCK_NOTICE);
}

void outbox_finish(struct outbox *o)
{
    told_finish(&o->told);
    for (int i = 0; i <= TOLD_PERSONS_MAX; i++)
        free(o->persons[i].away);
    free(o->rows);
    free(o->owners);
    memset(o, 0, sizeof *o);
}

void outbox_channel(struct outbox *o, const struct outbox_channel *c)
{
    told_channel_add(&o->told, c->person, c->page, c->morning, c->evening);
    o->channels[o->channels_n++] = *c;
}

void outbox_hours(struct outbox *o, person_no person, const struct zone *zone, const struct hours *hours,
                  const struct span *away, size_t away_n)
{
    struct outbox_person *p = person <= TOLD_PERSONS_MAX ? &o->persons[person] : NULL;
    if (!p || o->channels_n == 0)
        return;
    told_hours(&o->told, person, zone, hours, away, away_n);
    p->zone = zone;
    p->hours = *hours;
    free(p->away);
    p->away = calloc(away_n + 1, sizeof *p->away);
    if (!p->away)
        abort();
    if (away_n)
        memcpy(p->away, away, away_n * sizeof *away);
    p->away_n = away_n;
    p->looked_in = (struct span){ 0 };
    o->look = true;
}

/* --- rows ------------------------------------------------------------------------------------------ */

static void add_row(struct outbox *o, uint32_t channel, enum notice_kind kind, uint32_t of, usec_t wall_at)
{
    const struct outbox_channel *c = &o->channels[channel];
    bool sending = o->sending.active && o->sending.pick.channel == channel && !o->sending.pick.brief;
    char dedupe[NOTICE_DEDUPE_MAX];
    notice_dedupe(kind, of, sending ? o->sending.last : 0, dedupe);
    uint64_t alike = hash_bytes(channel, dedupe, strlen(dedupe));
    struct outbox_row *r = NULL;
    for (size_t i = 0; i < o->rows_n && !r; i++)
        r = o->rows[i].channel == channel && o->rows[i].alike == alike ? &o->rows[i] : NULL;
    if (!r) {
        o->rows = sim_grow(o->rows, &o->rows_size, o->rows_n + 1, sizeof *o->rows);
        r = &o->rows[o->rows_n++];
        *r = (struct outbox_row){ .alike = alike, .channel = channel, .kind = kind, .of = of,
                                  .page = notice_is_listed(str_of(c->page), kind) };
    }
    r->id = ++o->last_id;
    r->n++;
    r->made_at = wall_at;
    r->expire_at = wall_at + NOTICE_EXPIRE_US;
}

static void add_rows(struct outbox *o, uint32_t person, enum notice_kind kind, uint32_t of, usec_t wall_at)
{
    for (uint32_t i = 0; i < o->channels_n; i++)
        if (o->channels[i].person == person)
            add_row(o, i, kind, of, wall_at);
    o->look = true;
}

static struct outbox_owner *owner(struct outbox *o, job_id id)
{
    size_t old = o->owners_size;
    o->owners = sim_grow(o->owners, &o->owners_size, id + 1, sizeof *o->owners);
    if (o->owners_size > old)
        memset(o->owners + old, 0, (o->owners_size - old) * sizeof *o->owners);
    return &o->owners[id];
}

static void note_submit(struct outbox *o, const struct ev_submit *e)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->tasks_n; i++)
        n += (e->tasks[i].until - e->tasks[i].from) / e->tasks[i].step + 1;
    for (uint32_t i = 0; i < (n ? n : 1); i++) {
        struct outbox_owner *w = owner(o, e->job + i);
        *w = (struct outbox_owner){ e->owner, e->array, e->attempt && w->array ? w->array_n : n };
    }
}

static void note_owner(struct outbox *o, const struct ev_set *e)
{
    const struct outbox_owner was = *owner(o, e->job);
    bool all = e->scope && was.array;
    for (uint32_t i = 0; i < (all ? was.array_n : 1); i++)
        owner(o, (all ? was.array : e->job) + i)->person = (uint32_t)e->value;
}

static void take_update(struct outbox *o, const struct core_update *u, usec_t wall_at)
{
    const struct outbox_owner w = *owner(o, u->job);
    enum notice_kind kind;
    if (u->kind == UPDATE_STATE && notice_of_job(u, &kind))
        add_rows(o, w.person, kind, w.array ? w.array : u->job, wall_at);
    if (u->kind == UPDATE_TODO && w.person != u->value)
        add_rows(o, w.person, u->to == TODO_DONE ? NOTICE_TICKED : NOTICE_DROPPED, u->job, wall_at);
}

void outbox_committed(struct outbox *o, const struct core_event *ev, const struct core_update *updates, uint32_t n,
                      usec_t wall_at)
{
    if (o->channels_n == 0)
        return;
    told_committed(&o->told, ev, updates, n, wall_at);
    if (ev->kind == EVENT_SUBMIT)
        note_submit(o, &ev->submit);
    if (ev->kind == EVENT_SET && ev->set.field == SET_OWNER)
        note_owner(o, &ev->set);
    if (ev->kind == EVENT_TODO_ADD) {
        *owner(o, ev->todo_add.todo) = (struct outbox_owner){ .person = ev->todo_add.by };
        for (uint32_t i = 0; i < ev->todo_add.who_n; i++)
            if (ev->todo_add.who[i].n != ev->todo_add.by)
                add_rows(o, ev->todo_add.who[i].n, NOTICE_ASKED, ev->todo_add.todo, wall_at);
    }
    if (ev->kind == EVENT_TODO_SET && ev->todo_set.field == TODO_SET_WHO &&
        ev->todo_set.value != owner(o, ev->todo_set.todo)->person)
        add_rows(o, (uint32_t)ev->todo_set.value, NOTICE_ASKED, ev->todo_set.todo, wall_at);
    for (uint32_t i = 0; i < n; i++)
        take_update(o, &updates[i], wall_at);
}

/* --- what leaves ----------------------------------------------------------------------------------- */

static usec_t wall(const struct outbox *o)
{
    return o->boot_at + o->wall_offset_us;
}

/* Is this row in the message under way? */
static bool is_sent(const struct outbox *o, const struct outbox_row *r)
{
    return r->channel == o->sending.pick.channel && r->id <= o->sending.last && !o->sending.pick.brief &&
           (r->page || !o->sending.only_pages);
}

/* As people_windows of the daemon: hours minus absences.  Made once a day; what lies behind does no harm. */
static void make_looked(struct outbox_person *p, usec_t now_at)
{
    struct span open[OUTBOX_LOOKED_MAX], away[TOLD_AWAY_MAX];
    struct span around = { now_at - LOOKED_BACK_US, now_at + LOOKED_AHEAD_US };
    size_t n = 0;
    if (p->looked_in.from_at <= now_at && now_at < p->looked_in.until_at)
        return;
    p->looked_in = (struct span){ now_at, now_at + USEC_PER_DAY };
    p->looked_n = 0;
    if (!p->zone)
        return;
    if (p->away_n)
        memcpy(away, p->away, p->away_n * sizeof *away);
    size_t away_n = spans_normalise(away, p->away_n);
    if (hours_expand(&p->hours, p->zone, around, open, OUTBOX_LOOKED_MAX, &n) < 0 ||
        spans_subtract(open, n, away, away_n, p->looked, OUTBOX_LOOKED_MAX, &p->looked_n) < 0)
        abort();
}

static void view(void *data, uint32_t i, struct notice_view *ret)
{
    struct outbox *o = data;
    const struct outbox_channel *c = &o->channels[i];
    struct outbox_person *p = &o->persons[c->person];
    usec_t brief_wait_us = usec_max(c->brief_again_boot_at - o->boot_at, 0);
    make_looked(p, wall(o));
    *ret = (struct notice_view){ .looked = p->looked, .looked_n = p->looked_n,
                                 .brief = { c->morning, c->evening, c->morning_at, c->evening_at } };
    usec_t not_before_at = wall(o) + brief_wait_us;
    for (size_t k = 0; k < o->rows_n; k++) {
        const struct outbox_row *r = &o->rows[k];
        if (r->channel != i)
            continue;
        *(r->page ? &ret->wait.pages : &ret->wait.others) = true;
        not_before_at = usec_max(not_before_at, notice_hold_at(r->not_before_at, wall(o)));
    }
    ret->wait.not_before_at = o->bug == BUG_NOTICE_AGAIN ? 0 : not_before_at;
}

/* What becomes of the message: drawn by its number and, for a service that is down, by the hour. */
static void draw_service(struct outbox *o)
{
    struct prng p;
    prng_init(&p, hash_mix(o->seed, ++o->messages), LUCK_NOTICE);
    uint64_t spell = hash_mix(hash_mix(o->seed, o->sending.pick.channel), (uint64_t)(o->boot_at / DOWN_US));
    uint32_t roll = spell % 12 == 0 ? 930 : (uint32_t)prng_below(&p, 1000);
    usec_t takes_us = luck_between(&p, 20000, 900000);
    o->sending.arrive_boot_at = o->boot_at + takes_us / 2;
    o->sending.answer_boot_at = o->boot_at + takes_us;
    o->sending.said_us = 0;
    o->sending.ok = roll < 900 || o->sound;
    if (o->sending.ok)
        return;
    bool hangs = roll < 920;
    if (hangs)
        o->sending.answer_boot_at = o->boot_at + HANGS_US;
    if (!hangs || luck_chance(&p, 500)) /* at times it has come all the same */
        o->sending.arrive_boot_at = !hangs && luck_chance(&p, 300) ? o->sending.arrive_boot_at : USEC_NEVER;
    if (!hangs && luck_chance(&p, 500))
        o->sending.said_us = luck_between(&p, 1, 7200) * USEC_PER_SEC;
}

static void send_off(struct outbox *o, const struct notice_pick *pick)
{
    const struct outbox_channel *c = &o->channels[pick->channel];
    o->sending.active = true;
    o->sending.arrived = false;
    o->sending.pick = *pick;
    o->sending.only_pages = pick->only_pages;
    o->sending.last = o->last_id;
    o->sending.tries = pick->brief ? c->brief_tries : 0;
    for (size_t i = 0; i < o->rows_n; i++)
        if (is_sent(o, &o->rows[i]) && o->rows[i].tries > o->sending.tries)
            o->sending.tries = o->rows[i].tries;
    draw_service(o);
    told_leaves(&o->told, pick->channel, pick->only_pages, pick->brief, wall(o));
}

static void arrive(struct outbox *o)
{
    struct told_group *items = NULL;
    size_t n = 0, size = 0;
    o->sending.arrived = true;
    for (size_t i = 0; i < o->rows_n; i++) {
        const struct outbox_row *r = &o->rows[i];
        if (!is_sent(o, r))
            continue;
        items = sim_grow(items, &size, n + 1, sizeof *items);
        items[n++] = (struct told_group){ .kind = r->kind, .of = r->of, .n = r->n, .page = r->page };
    }
    told_arrives(&o->told, items, n, wall(o));
    free(items);
}

static void expire(struct outbox *o)
{
    size_t kept = 0;
    for (size_t i = 0; i < o->rows_n; i++)
        if (o->rows[i].expire_at > wall(o))
            o->rows[kept++] = o->rows[i];
    o->rows_n = kept;
}

/* The answer is on the disk: rows that came go, others wait.  As `told` of the daemon and the store's statements. */
static void take_answer(struct outbox *o)
{
    struct outbox_channel *c = &o->channels[o->sending.pick.channel];
    enum brief_kind brief = o->sending.pick.brief;
    bool ok = o->sending.ok;
    usec_t again_us = notice_again_us(o->sending.tries, o->sending.said_us);
    size_t kept = 0;
    for (size_t i = 0; i < o->rows_n; i++) {
        struct outbox_row *r = &o->rows[i];
        bool sent = is_sent(o, r);
        if (sent && ((ok && o->bug != BUG_NOTICE_TWICE) || (!ok && o->bug == BUG_NOTICE_LOST)))
            continue;
        bool here = r->channel == o->sending.pick.channel;
        if (here && ok) {
            r->not_before_at = 0;
            r->tries = 0;
        } else if (here && !brief) {
            r->not_before_at = wall(o) + again_us;
            r->tries += sent;
        }
        o->rows[kept++] = *r;
    }
    o->rows_n = kept;
    if (brief && ok)
        *(brief == BRIEF_MORNING ? &c->morning_at : &c->evening_at) = wall(o);
    if (brief) {
        c->brief_tries = ok ? 0 : c->brief_tries + 1;
        c->brief_again_boot_at = ok ? 0 : o->boot_at + again_us;
    }
    expire(o);
    told_answered(&o->told, true, ok, o->sending.said_us, wall(o));
}

/* --- the loop -------------------------------------------------------------------------------------- */

static void look(struct outbox *o)
{
    const struct notice_picking all = { .n = o->channels_n, .first = o->turn, .now_at = wall(o), .data = o,
                                        .view = view };
    struct notice_pick pick;
    usec_t next_at;
    uint32_t waiting[TOLD_CHANNELS_MAX] = { 0 };
    o->look = false;
    if (o->bug == BUG_NOTICE_HOURS)
        for (uint32_t i = 1; i <= TOLD_PERSONS_MAX; i++) { /* always there */
            o->persons[i].looked[0] = (struct span){ wall(o) - USEC_PER_DAY, wall(o) + USEC_PER_DAY };
            o->persons[i].looked_n = 1;
            o->persons[i].looked_in = (struct span){ 0, USEC_NEVER };
        }
    if (notice_pick(&all, &pick, &next_at)) {
        o->turn = pick.channel + 1;
        send_off(o, &pick);
        return;
    }
    if (o->bug == BUG_NOTICE_LATE)
        next_at = usec_add(next_at, 10 * USEC_PER_MIN);
    o->due_boot_at = next_at == USEC_NEVER ? USEC_NEVER : o->boot_at + (next_at - wall(o));
    for (size_t i = 0; i < o->rows_n; i++)
        waiting[o->rows[i].channel] += o->rows[i].n;
    told_rests(&o->told, waiting, wall(o), next_at);
}

static usec_t next_boot_at(const struct outbox *o)
{
    if (o->sending.active)
        return o->sending.arrived ? o->sending.answer_boot_at
                                  : usec_min(o->sending.arrive_boot_at, o->sending.answer_boot_at);
    return o->look ? o->boot_at : o->due_boot_at;
}

static void begin(struct outbox *o, bool up, usec_t wall_offset_us)
{
    if (o->wall_offset_us != wall_offset_us) {
        told_jumped(&o->told, wall_offset_us - o->wall_offset_us);
        o->wall_offset_us = wall_offset_us;
        for (uint32_t i = 0; i <= TOLD_PERSONS_MAX; i++)
            o->persons[i].looked_in = (struct span){ 0 };
        o->look = true; /* the daemon has a timer that ends when the clock is set */
    }
    if (up && !o->up) {
        told_restarted(&o->told);
        for (uint32_t i = 0; i < o->channels_n; i++)
            o->channels[i].brief_tries = 0, o->channels[i].brief_again_boot_at = 0;
        o->look = true;
    }
    if (!up && o->sending.active) { /* with the daemon; what had arrived comes again */
        told_answered(&o->told, false, false, 0, wall(o));
        o->sending.active = false;
    }
    o->up = up;
}

void outbox_run(struct outbox *o, bool up, usec_t until_boot_at, usec_t wall_offset_us)
{
    if (o->channels_n == 0)
        return;
    begin(o, up, wall_offset_us);
    while (o->up && !o->told.verdict->broken) {
        usec_t at = next_boot_at(o);
        if (at > until_boot_at)
            break;
        o->boot_at = usec_max(o->boot_at, at);
        if (!o->sending.active) {
            look(o);
        } else if (!o->sending.arrived && o->sending.arrive_boot_at <= o->boot_at) {
            arrive(o);
        } else {
            take_answer(o);
            o->sending.active = false;
            o->look = true;
        }
    }
    o->boot_at = usec_max(o->boot_at, until_boot_at);
}
