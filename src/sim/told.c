/* told.c - see told.h. */
#include "sim/told.h"

#include <stdlib.h>
#include <string.h>

#include "sim/timer.h"

#define BREAK(t, rule, ...) verdict_break((t)->verdict, rule, __VA_ARGS__)
#define LEFT_US        (30 * USEC_PER_SEC) /* of look hours: a delivery takes less */
#define SHORT_GAP_US   (5 * USEC_PER_HOUR) /* no absence yet (brief.h says why) */
#define MORNING_US     (3 * USEC_PER_HOUR)
#define EVENING_US     (30 * USEC_PER_MIN)
#define KEPT_US        (30 * USEC_PER_DAY)
#define DAYS_BACK      8
#define DAYS_AHEAD     3 /* the outbox rests for an hour at most */
#define DAY_S          INT64_C(86400)
#define FIRST_AGAIN_US (30 * USEC_PER_SEC)

void told_finish(struct told *t)
{
    for (uint32_t i = 0; i < t->channels_n; i++)
        free(t->channels[i].waits);
    free(t->jobs);
    free(t->message.items);
    memset(t, 0, sizeof *t);
}

void told_channel_add(struct told *t, person_no person, const char *page, bool morning, bool evening)
{
    if (t->channels_n == TOLD_CHANNELS_MAX || person > TOLD_PERSONS_MAX)
        abort();
    t->channels[t->channels_n++] = (struct told_channel){ .person = person, .page = page, .morning = morning,
                                                          .evening = evening };
}

/* --- raw hours ------------------------------------------------------------------------------------ */

static int64_t floor_day(int64_t local_s)
{
    return local_s / DAY_S - (local_s % DAY_S < 0);
}

static unsigned weekday_of(int64_t day) /* of days since 1970; Monday is 0 */
{
    return (unsigned)(((day + 3) % 7 + 7) % 7);
}

/* By the clock on the person's wall: does one of their stretches hold this minute, and are they not away? */
static bool looks_at(const struct told_person *p, usec_t at)
{
    if (!p->zone)
        return false;
    int64_t local_s = zone_to_local_s(p->zone, at / USEC_PER_SEC - (at % USEC_PER_SEC < 0));
    int64_t day = floor_day(local_s), second = local_s - day * DAY_S;
    for (size_t i = 0; i < p->away_n; i++)
        if (p->away[i].from_at <= at && at < p->away[i].until_at)
            return false;
    for (int back = 0; back < 2; back++) { /* a stretch may end on the next day */
        unsigned w = weekday_of(day - back);
        for (unsigned i = 0; i < p->hours.day[w].n; i++) {
            struct hours_span s = p->hours.day[w].span[i];
            if (s.from_min * 60 <= second + back * DAY_S && second + back * DAY_S < s.until_min * 60)
                return true;
        }
    }
    return false;
}

static void span_add(struct told_person *p, struct span s)
{
    struct span *last = p->spans_n ? &p->spans[p->spans_n - 1] : NULL;
    if (last && last->until_at >= s.from_at) {
        last->until_at = usec_max(last->until_at, s.until_at);
        return;
    }
    if (p->spans_n == TOLD_SPANS_MAX)
        abort();
    p->spans[p->spans_n++] = s;
}

static void take_away(struct told_person *p, struct span gone)
{
    struct span kept[TOLD_SPANS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < p->spans_n; i++) {
        struct span s = p->spans[i];
        struct span before = { s.from_at, usec_min(s.until_at, gone.from_at) };
        struct span behind = { usec_max(s.from_at, gone.until_at), s.until_at };
        if (n + 2 > TOLD_SPANS_MAX)
            abort();
        if (before.from_at < before.until_at)
            kept[n++] = before;
        if (behind.from_at < behind.until_at)
            kept[n++] = behind;
    }
    memcpy(p->spans, kept, n * sizeof *kept);
    p->spans_n = n;
}

/* Look hours around now, day by day. */
static void make_spans(struct told_person *p, usec_t now_at)
{
    int64_t today = p->zone ? floor_day(zone_to_local_s(p->zone, now_at / USEC_PER_SEC)) : 0;
    if (p->made && p->day == today)
        return;
    p->made = true;
    p->day = today;
    p->spans_n = 0;
    for (int64_t day = today - DAYS_BACK; p->zone && day <= today + DAYS_AHEAD; day++) {
        unsigned w = weekday_of(day);
        for (unsigned i = 0; i < p->hours.day[w].n; i++) {
            struct hours_span s = p->hours.day[w].span[i];
            span_add(p, (struct span){ zone_edge_utc_s(p->zone, day * DAY_S + s.from_min * 60) * USEC_PER_SEC,
                                       zone_edge_utc_s(p->zone, day * DAY_S + s.until_min * 60) * USEC_PER_SEC });
        }
    }
    for (size_t i = 0; i < p->away_n; i++)
        take_away(p, p->away[i]);
}

/* The first instant from `at` on from which they look for long enough. */
static usec_t first_chance(const struct told_person *p, usec_t at)
{
    for (size_t i = 0; i < p->spans_n; i++) {
        usec_t from_at = usec_max(p->spans[i].from_at, at);
        if (p->spans[i].until_at - from_at >= LEFT_US)
            return from_at;
    }
    return USEC_NEVER;
}

/* The stretch around `at`, lunches and meetings included; false: an absence is on. */
static bool stretch_of(const struct told_person *p, usec_t at, struct span *ret)
{
    bool any = false;
    for (size_t i = 0; i < p->spans_n; i++) {
        struct span s = p->spans[i];
        if (any && s.from_at - ret->until_at < SHORT_GAP_US) {
            ret->until_at = s.until_at;
            continue;
        }
        if (any && ret->from_at <= at && at < ret->until_at)
            return true;
        *ret = s;
        any = true;
    }
    return any && ret->from_at <= at && at < ret->until_at;
}

void told_hours(struct told *t, person_no person, const struct zone *zone, const struct hours *hours,
                const struct span *away, size_t away_n)
{
    struct told_person *p = &t->persons[person];
    if (away_n > TOLD_AWAY_MAX)
        abort();
    bool same = p->zone == zone && p->away_n == away_n && memcmp(&p->hours, hours, sizeof *hours) == 0;
    p->zone = zone;
    p->hours = *hours;
    p->away_n = away_n;
    if (away_n)
        memcpy(p->away, away, away_n * sizeof *away);
    if (same)
        return;
    p->made = false;
    p->version++;
    t->version++;
}

void told_jumped(struct told *t, usec_t by_us)
{
    t->version++;
    for (uint32_t i = 0; i <= TOLD_PERSONS_MAX; i++) {
        t->persons[i].made = false;
        t->persons[i].version++;
    }
    for (uint32_t i = 0; i < t->channels_n; i++) { /* said by the other clock: an hour at most */
        struct told_channel *c = &t->channels[i];
        c->early_at = 0;
        c->stale_at = usec_max(c->stale_at, c->late_at);
        c->late_at = 0;
        c->brief_late_at += by_us;
    }
}

void told_restarted(struct told *t)
{
    for (uint32_t i = 0; i < t->channels_n; i++)
        if (t->channels[i].brief_troubles)
            t->channels[i].early_at = 0; /* a wait for a brief is of the daemon that ran */
}

/* --- what is to be told ---------------------------------------------------------------------------- */

static void note_job(struct told *t, job_id id, uint32_t person, uint32_t array, uint32_t array_n)
{
    size_t old = t->jobs_size;
    t->jobs = sim_grow(t->jobs, &t->jobs_size, id + 1, sizeof *t->jobs);
    if (t->jobs_size > old)
        memset(t->jobs + old, 0, (t->jobs_size - old) * sizeof *t->jobs);
    t->jobs[id].person = person;
    t->jobs[id].array = array;
    t->jobs[id].array_n = array_n;
}

/* The message with entries that is on its way to this channel: nothing can be added to it.  0: none. */
static uint64_t under_way(const struct told *t, uint32_t channel)
{
    const struct told_message *m = &t->message;
    return m->active && m->channel == channel && !m->brief ? m->number : 0;
}

static void owe(struct told *t, uint32_t person, enum notice_kind kind, uint32_t of, usec_t wall_at)
{
    for (uint32_t i = 0; i < t->channels_n; i++) {
        struct told_channel *c = &t->channels[i];
        if (c->person != person)
            continue;
        uint64_t during = under_way(t, i);
        size_t k = 0;
        while (k < c->waits_n && (c->waits[k].kind != kind || c->waits[k].of != of || c->waits[k].during != during))
            k++;
        if (k == c->waits_n) {
            c->waits = sim_grow(c->waits, &c->waits_size, k + 1, sizeof *c->waits);
            c->waits[c->waits_n++] = (struct told_group){
                .kind = kind, .of = of, .during = during, .page = strstr(c->page, notice_kind_word(kind)) != NULL };
        }
        c->waits[k].n++;
        c->waits[k].made_at = wall_at;
    }
}

static void owe_event(struct told *t, const struct core_event *ev, usec_t wall_at)
{
    if (ev->kind == EVENT_SUBMIT) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < ev->submit.tasks_n; i++)
            n += (ev->submit.tasks[i].until - ev->submit.tasks[i].from) / ev->submit.tasks[i].step + 1;
        uint32_t array_n = ev->submit.attempt && t->jobs[ev->submit.job].array ? t->jobs[ev->submit.job].array_n : n;
        for (uint32_t i = 0; i < (n ? n : 1); i++)
            note_job(t, ev->submit.job + i, ev->submit.owner, ev->submit.array, array_n);
    } else if (ev->kind == EVENT_SET && ev->set.field == SET_OWNER) {
        uint32_t array = ev->set.scope ? t->jobs[ev->set.job].array : 0;
        for (uint32_t i = 0; i < (array ? t->jobs[ev->set.job].array_n : 1); i++)
            t->jobs[(array ? array : ev->set.job) + i].person = (uint32_t)ev->set.value;
    } else if (ev->kind == EVENT_TODO_ADD) {
        note_job(t, ev->todo_add.todo, ev->todo_add.by, 0, 0);
        for (uint32_t i = 0; i < ev->todo_add.who_n; i++)
            if (ev->todo_add.who[i].n != ev->todo_add.by)
                owe(t, ev->todo_add.who[i].n, NOTICE_ASKED, ev->todo_add.todo, wall_at);
    } else if (ev->kind == EVENT_TODO_SET && ev->todo_set.field == TODO_SET_WHO) {
        if (ev->todo_set.value != t->jobs[ev->todo_set.todo].person)
            owe(t, (uint32_t)ev->todo_set.value, NOTICE_ASKED, ev->todo_set.todo, wall_at);
    }
}

void told_committed(struct told *t, const struct core_event *ev, const struct core_update *updates, uint32_t n,
                    usec_t wall_at)
{
    if (t->channels_n == 0)
        return;
    owe_event(t, ev, wall_at);
    for (uint32_t i = 0; i < n; i++) {
        const struct core_update *u = &updates[i];
        uint32_t owner = u->job < t->jobs_size ? t->jobs[u->job].person : 0;
        uint32_t array = u->job < t->jobs_size ? t->jobs[u->job].array : 0;
        if (u->kind == UPDATE_TODO && u->value != owner)
            owe(t, owner, u->to == TODO_DONE ? NOTICE_TICKED : NOTICE_DROPPED, u->job, wall_at);
        if (u->kind != UPDATE_STATE)
            continue;
        bool held = u->to == JOB_PENDING && (u->reason == REASON_HELD_FAILURES || u->reason == REASON_HELD_CANARY);
        if (held || (u->to != JOB_CANCELLED && job_state_is_final((enum job_state)u->to)))
            owe(t, owner, held ? NOTICE_HELD : u->to == JOB_COMPLETED ? NOTICE_DONE : NOTICE_FAILED,
                array ? array : u->job, wall_at);
    }
}

/* --- what comes ------------------------------------------------------------------------------------ */

static uint32_t waiting_of(const struct told_channel *c, bool pages)
{
    uint32_t n = 0;
    for (size_t i = 0; i < c->waits_n; i++)
        n += c->waits[i].page == pages ? c->waits[i].n : 0;
    return n;
}

/* Until when it may wait after a trouble.  What another clock said may be kept for an hour, when that time comes. */
static usec_t wait_until(const struct told_channel *c, usec_t now_at)
{
    bool stale = c->stale_at > now_at && c->stale_at <= now_at + USEC_PER_HOUR;
    return usec_max(usec_max(usec_max(c->late_at, c->brief_late_at), now_at), stale ? c->stale_at : 0);
}

/* The brief that a channel should have had by now. */
static enum brief_kind brief_owed(struct told *t, const struct told_channel *c, usec_t now_at)
{
    const struct told_person *p = &t->persons[c->person];
    struct span s;
    if ((!c->morning && !c->evening) || first_chance(p, now_at) != now_at || !stretch_of(p, now_at, &s))
        return BRIEF_NONE;
    bool had[BRIEF_EVENING + 1]; /* in this stretch; by a clock that ran far ahead is not at all */
    for (int kind = 0; kind <= BRIEF_EVENING; kind++)
        had[kind] = c->told_at[kind] >= s.from_at && c->told_at[kind] <= now_at + USEC_PER_HOUR;
    if (c->evening && now_at >= s.until_at - EVENING_US && !had[BRIEF_EVENING])
        return BRIEF_EVENING;
    return c->morning && now_at - s.from_at < MORNING_US && !had[BRIEF_MORNING] ? BRIEF_MORNING : BRIEF_NONE;
}

/* Others' messages leave while this one could: each channel has its turn. */
static void pass_over(struct told *t, uint32_t sent, usec_t now_at)
{
    for (uint32_t i = 0; i < t->channels_n; i++) {
        struct told_channel *c = &t->channels[i];
        struct told_person *p = &t->persons[c->person];
        make_spans(p, now_at);
        usec_t at = wait_until(c, now_at);
        bool could = i != sent && at == now_at &&
                     (waiting_of(c, true) || (waiting_of(c, false) && first_chance(p, now_at) == now_at));
        c->passed_over = could ? c->passed_over + 1 : 0;
        if (c->passed_over > t->channels_n)
            BREAK(t, "notice-late", "%u messages went to others while channel %u of person %u had one to send",
                  c->passed_over, i, c->person);
    }
}

void told_leaves(struct told *t, uint32_t channel, bool only_pages, enum brief_kind brief, usec_t wall_at)
{
    struct told_channel *c = &t->channels[channel];
    struct told_person *p = &t->persons[c->person];
    struct told_message *m = &t->message;
    struct span s;
    make_spans(p, wall_at);
    m->active = true;
    m->number++;
    m->channel = channel;
    m->brief = brief;
    m->only_pages = only_pages;
    m->version = t->version;
    m->items_n = 0;
    for (size_t i = 0; i < c->waits_n && !brief; i++) {
        if (only_pages && !c->waits[i].page)
            continue;
        m->items = sim_grow(m->items, &m->items_size, m->items_n + 1, sizeof *m->items);
        m->items[m->items_n++] = c->waits[i];
    }
    if (wall_at < c->early_at)
        BREAK(t, "notice-again", "channel %u of person %u is tried %ld s before it may be", channel, c->person,
              (long)((c->early_at - wall_at) / USEC_PER_SEC));
    if (brief && c->told_version[brief] == p->version && c->told_at[brief] && stretch_of(p, wall_at, &s) &&
        s.from_at <= c->told_at[brief] && c->told_at[brief] < s.until_at)
        BREAK(t, "notice-twice", "person %u is sent a second brief of the %s", c->person,
              brief == BRIEF_MORNING ? "morning" : "evening");
    pass_over(t, channel, wall_at);
}

/* So many of alike, in however many groups they are. */
static uint32_t count_alike(const struct told_group *all, size_t n, const struct told_group *one)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += all[i].kind == one->kind && all[i].of == one->of ? all[i].n : 0;
    return sum;
}

static const struct told_group *find_alike(const struct told_group *all, size_t n, const struct told_group *one)
{
    for (size_t i = 0; i < n; i++)
        if (all[i].kind == one->kind && all[i].of == one->of)
            return &all[i];
    return NULL;
}

void told_arrives(struct told *t, const struct told_group *items, size_t n, usec_t wall_at)
{
    const struct told_message *m = &t->message;
    person_no person = t->channels[m->channel].person;
    /* When hours change or the clock is set while it is on its way, nobody can help it. */
    if (!m->only_pages && m->version == t->version && !looks_at(&t->persons[person], wall_at))
        BREAK(t, "notice-hours", "person %u is told something at a time they do not look", person);
    t->briefs += m->brief != BRIEF_NONE;
    for (size_t i = 0; i < m->items_n; i++) {
        uint32_t owed_n = count_alike(m->items, m->items_n, &m->items[i]), came = count_alike(items, n, &m->items[i]);
        if (came < owed_n)
            BREAK(t, "notice-lost", "person %u is to be told \"%s\" of %u %u times, and the message has %u", person,
                  notice_kind_word((enum notice_kind)m->items[i].kind), m->items[i].of, owed_n, came);
    }
    for (size_t k = 0; k < n; k++) {
        const struct told_group *owed = find_alike(m->items, m->items_n, &items[k]);
        t->told += items[k].n;
        if (count_alike(items, n, &items[k]) > count_alike(m->items, m->items_n, &items[k]))
            BREAK(t, "notice-twice", "person %u is told \"%s\" of %u once more", person,
                  notice_kind_word((enum notice_kind)items[k].kind), items[k].of);
        if (m->only_pages && owed && !owed->page)
            BREAK(t, "notice-hours", "person %u did not ask to be told \"%s\" at any time", person,
                  notice_kind_word((enum notice_kind)items[k].kind));
    }
}

/* What is a month old goes: it is in the history.  Of alike, each group by its own last. */
static void expire(struct told *t, usec_t wall_at)
{
    for (uint32_t i = 0; i < t->channels_n; i++) {
        struct told_channel *c = &t->channels[i];
        size_t kept = 0;
        for (size_t k = 0; k < c->waits_n; k++)
            if (c->waits[k].n > 0 && c->waits[k].made_at + KEPT_US > wall_at)
                c->waits[kept++] = c->waits[k];
        c->waits_n = kept;
    }
}

void told_answered(struct told *t, bool heard, bool ok, usec_t said_us, usec_t wall_at)
{
    struct told_message *m = &t->message;
    struct told_channel *c = &t->channels[m->channel];
    m->active = false;
    if (!heard)
        return;
    if (!ok) {
        uint32_t *tries = m->brief ? &c->brief_troubles : &c->troubles;
        usec_t grown_us = *tries < 7 ? FIRST_AGAIN_US << *tries : USEC_PER_HOUR;
        usec_t least_us = usec_min(said_us ? said_us : FIRST_AGAIN_US, USEC_PER_HOUR);
        c->early_at = wall_at + least_us;
        *(m->brief ? &c->brief_late_at : &c->late_at) =
            wall_at + (said_us ? least_us : usec_min(grown_us, USEC_PER_HOUR));
        if (!m->brief)
            c->stale_at = 0;
        ++*tries;
        size_t waited = c->waits_n;
        expire(t, wall_at);
        if (c->waits_n < waited)
            c->early_at = 0; /* what was refused may be what went */
        return;
    }
    for (size_t i = 0; i < m->items_n; i++)
        for (size_t k = 0; k < c->waits_n; k++)
            if (c->waits[k].kind == m->items[i].kind && c->waits[k].of == m->items[i].of &&
                c->waits[k].during == m->items[i].during)
                c->waits[k].n -= m->items[i].n; /* nothing came to it since */
    if (m->brief) {
        c->told_at[m->brief] = wall_at;
        c->told_version[m->brief] = t->persons[c->person].version;
        c->brief_troubles = 0;
        c->brief_late_at = 0;
    }
    expire(t, wall_at);
    c->troubles = 0;
    c->early_at = c->late_at = c->stale_at = 0;
}

/* Would this channel have something to send while the outbox rests? */
static void judge_rest(struct told *t, uint32_t i, usec_t now_at, usec_t next_at)
{
    struct told_channel *c = &t->channels[i];
    struct told_person *p = &t->persons[c->person];
    make_spans(p, now_at);
    usec_t from_at = wait_until(c, now_at), chance_at = USEC_NEVER;
    if (waiting_of(c, true))
        chance_at = from_at;
    else if (waiting_of(c, false))
        chance_at = first_chance(p, from_at);
    if (usec_add(chance_at, USEC_PER_SEC) < next_at)
        BREAK(t, "notice-late", "person %u could be told %u things on channel %u in %ld s, and the next look is in %ld s",
              c->person, waiting_of(c, true) + waiting_of(c, false), i, (long)((chance_at - now_at) / USEC_PER_SEC),
              (long)(next_at == USEC_NEVER ? -1 : (next_at - now_at) / USEC_PER_SEC));
    usec_t last_at = next_at == USEC_NEVER ? now_at : next_at - USEC_PER_SEC - 1;
    enum brief_kind owed = from_at <= last_at ? brief_owed(t, c, from_at) : BRIEF_NONE;
    for (size_t k = 0; k < p->spans_n && !owed; k++) /* it begins to be owed where a stretch does, or nears its end */
        for (int end = 0; end < 2 && !owed; end++) {
            usec_t at = end ? p->spans[k].until_at - EVENING_US : p->spans[k].from_at;
            if (at > from_at && at <= last_at)
                owed = brief_owed(t, c, at);
        }
    if (owed)
        BREAK(t, "notice-late", "person %u should have the brief of the %s on channel %u, and the next look is in %ld s",
              c->person, owed == BRIEF_MORNING ? "morning" : "evening", i, (long)((next_at - now_at) / USEC_PER_SEC));
}

void told_rests(struct told *t, const uint32_t *waiting, usec_t wall_at, usec_t next_at)
{
    for (uint32_t i = 0; i < t->channels_n; i++) {
        const struct told_channel *c = &t->channels[i];
        uint32_t owed = waiting_of(c, true) + waiting_of(c, false);
        if (waiting[i] != owed)
            BREAK(t, waiting[i] < owed ? "notice-lost" : "notice-twice",
                  "channel %u of person %u says that %u things wait; %u are still to be told", i, c->person,
                  waiting[i], owed);
        judge_rest(t, i, wall_at, next_at);
    }
}
