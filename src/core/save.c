/* save.c - a core as text, by field names, and back.
 *
 *     eoul-core 1                              version of this form
 *     limits jobs=... deps=... spans=... groups=... todos=... offers=...
 *     head, settings, gpu, rates, rate, power, cap, team, reservation, boost, account, used, person, array, job, todo, dep, group: one
 *                                              record a line, zeros left
 *     end hash=...                             core_hash of what was saved
 *
 * An array stands before its first live task, conditions after all jobs.  Only state is saved; what
 * is derived (state.h) is rebuilt, and the hash at the end proves the two alike.  A record or field
 * this build does not know is E_NEWER, damage is E_CORRUPT.
 */
#include <assert.h>
#include <string.h>

#include "core/avail.h"
#include "core/band.h"
#include "core/boost.h"
#include "core/capacity.h"
#include "core/estimate.h"
#include "core/graph.h"
#include "core/job.h"
#include "core/offer.h"
#include "core/person.h"
#include "core/queue.h"
#include "core/power.h"
#include "core/quota.h"
#include "core/rates.h"
#include "core/reserve.h"
#include "core/retry.h"
#include "core/todo.h"

/* --- columns of a record ---------------------------------------------------------------------- */

enum shape { SHAPE_U, SHAPE_I, SHAPE_SAMPLES };
struct column {
    const char *name;
    uint16_t offset;
    uint8_t size, shape;
};

#define SHAPE_OF(type) _Generic((type)0, bool: SHAPE_U, uint8_t: SHAPE_U, uint16_t: SHAPE_U, \
    uint32_t: SHAPE_U, uint64_t: SHAPE_U, int32_t: SHAPE_I, int64_t: SHAPE_I)
#define COLUMN(type, name) { #name, offsetof(self, name), sizeof(type), SHAPE_OF(type) },
#define SAMPLES(name) { #name, offsetof(self, name), sizeof(struct samples), SHAPE_SAMPLES },
#define END { NULL, 0, 0, 0 }
/* A record's columns, in a function so that each can name its own struct. */
#define COLUMNS(record, type, ...) \
    static const struct column *columns_##record(void) \
    { \
        typedef type self; \
        static const struct column columns[] = { __VA_ARGS__ END }; \
        _Static_assert(sizeof(self) <= UINT16_MAX, "offsets fit"); \
        return columns; \
    }

struct saved_head {
    usec_t now_at, now_boot_at, shown_at, again_at, unwatched_at;
    uint64_t decisions, mem_mib;
    uint32_t cpus, last_id, first_seq, group_seq, w_level, closed, quiet, settings_known, todos_stale,
        last_reservation, last_boost;
};
#define HEAD_FIELDS(F) \
    F(usec_t, now_at) F(usec_t, now_boot_at) F(usec_t, shown_at) F(usec_t, again_at) \
    F(usec_t, unwatched_at) \
    F(uint64_t, decisions) F(uint64_t, mem_mib) F(uint32_t, cpus) F(uint32_t, last_id) \
    F(uint32_t, first_seq) F(uint32_t, group_seq) F(uint32_t, w_level) F(uint32_t, closed) \
    F(uint32_t, quiet) F(uint32_t, settings_known) F(uint32_t, todos_stale) F(uint32_t, last_reservation) \
    F(uint32_t, last_boost)
struct saved_gpu { uint32_t gpu, type, state; int64_t watts_mw; };
struct saved_team {
    uint32_t hits_n;
    uint64_t hits0, hits1, hits2, hits3;
    struct samples samples, shown, off50, off90;
};
struct saved_waits { uint32_t size; struct samples older, newer; };
struct saved_person {
    uint32_t person, known, running_max, gpus_max, queued_max, weight_milli, failed_n;
    usec_t until_at, offer_until_at, cap_us, worked_us;
    int64_t worked_day, daily_day;
    uint32_t defer, fair_milli, hits_n, moved_n, missed_n, would_n, would_right_n;
    uint64_t hits0, hits1, hits2, hits3;
    int64_t share_step;
    uint64_t share_gpu_us, share_delay_us, share_results;
    usec_t urgent0, urgent1, urgent2, urgent3, urgent4, urgent5, urgent6, urgent7;
    uint32_t urgent_n, quota_hours, quota_days;
    struct samples samples, shown, daily, off50, off90;
};
struct saved_account { uint32_t account, gpus_max, quota_hours, quota_days; };
struct saved_used { uint32_t person, account; uint32_t gpu_cs; int64_t day; };
struct saved_array { uint32_t id, max, failed, hold_after, alike_n, alike, counted; };
struct saved_dep {
    uint32_t waiter, of_array /* enum waiter_kind; named when there were two */;
    uint32_t target, delay_s, group, kind, scope, state;
    usec_t due_boot_at;
};
struct saved_group {
    uint64_t key;
    uint32_t used_seq, failed_n, watts_n, watts0, watts1, watts2, watts3, watts4, watts5, watts6, watts7, watts8, watts9;
    uint32_t unshown, unproven;
    struct samples samples;
};
_Static_assert(POWER_SAMPLES == 10, "as many columns");
struct saved_offer { uint32_t person; usec_t from_at, until_at; int64_t day, focus; };
struct saved_window { uint32_t person; usec_t from_at, until_at; };
struct saved_rates { usec_t until_at; int64_t hour_milli, gpu_mw; };
struct saved_power { usec_t until_at; };
struct saved_end { uint64_t hash; };

COLUMNS(limits, struct core_limits,
        COLUMN(uint32_t, jobs) COLUMN(uint32_t, deps) COLUMN(uint32_t, spans)
            COLUMN(uint32_t, groups) COLUMN(uint32_t, todos) COLUMN(uint32_t, offers))
COLUMNS(head, struct saved_head, HEAD_FIELDS(COLUMN))
COLUMNS(settings, struct ev_settings, EV_SETTINGS(COLUMN, COLUMN))
COLUMNS(gpu, struct saved_gpu, COLUMN(uint32_t, gpu) COLUMN(uint32_t, type) COLUMN(uint32_t, state)
        COLUMN(int64_t, watts_mw))
#define HITS_COLUMNS COLUMN(uint32_t, hits_n) COLUMN(uint64_t, hits0) COLUMN(uint64_t, hits1) COLUMN(uint64_t, hits2) \
    COLUMN(uint64_t, hits3)
#define HITS_SAVE(hits) .hits_n = (hits).n, .hits0 = (hits).word[0], .hits1 = (hits).word[1], \
    .hits2 = (hits).word[2], .hits3 = (hits).word[3]
#define HITS_OF(saved) ((struct hits){ (saved).hits_n, { (saved).hits0, (saved).hits1, (saved).hits2, (saved).hits3 } })
COLUMNS(team, struct saved_team, HITS_COLUMNS SAMPLES(samples) SAMPLES(shown) SAMPLES(off50) SAMPLES(off90))
COLUMNS(waits, struct saved_waits, COLUMN(uint32_t, size) SAMPLES(older) SAMPLES(newer))
COLUMNS(person, struct saved_person, COLUMN(uint32_t, person) COLUMN(uint32_t, known)
        COLUMN(uint32_t, running_max) COLUMN(uint32_t, gpus_max) COLUMN(uint32_t, queued_max)
        COLUMN(uint32_t, weight_milli) COLUMN(uint32_t, failed_n) COLUMN(usec_t, until_at)
        COLUMN(usec_t, offer_until_at) COLUMN(usec_t, cap_us) COLUMN(usec_t, worked_us)
        COLUMN(int64_t, worked_day) COLUMN(int64_t, daily_day) COLUMN(uint32_t, defer)
        COLUMN(uint32_t, fair_milli) HITS_COLUMNS COLUMN(uint32_t, moved_n) COLUMN(uint32_t, missed_n)
        COLUMN(uint32_t, would_n) COLUMN(uint32_t, would_right_n)
        COLUMN(int64_t, share_step) COLUMN(uint64_t, share_gpu_us) COLUMN(uint64_t, share_delay_us)
        COLUMN(uint64_t, share_results) COLUMN(uint32_t, urgent_n) COLUMN(usec_t, urgent0)
        COLUMN(usec_t, urgent1) COLUMN(usec_t, urgent2) COLUMN(usec_t, urgent3) COLUMN(usec_t, urgent4)
        COLUMN(usec_t, urgent5) COLUMN(usec_t, urgent6) COLUMN(usec_t, urgent7) COLUMN(uint32_t, quota_hours)
        COLUMN(uint32_t, quota_days) SAMPLES(samples) SAMPLES(shown) SAMPLES(daily) SAMPLES(off50)
        SAMPLES(off90))
COLUMNS(offer, struct saved_offer, COLUMN(uint32_t, person) COLUMN(usec_t, from_at)
        COLUMN(usec_t, until_at) COLUMN(int64_t, day) COLUMN(int64_t, focus))
COLUMNS(todo, struct todo, TODO_FIELDS(COLUMN))
COLUMNS(window, struct saved_window, COLUMN(uint32_t, person) COLUMN(usec_t, from_at)
        COLUMN(usec_t, until_at))
COLUMNS(array, struct saved_array,
        COLUMN(uint32_t, id) COLUMN(uint32_t, max) COLUMN(uint32_t, failed)
            COLUMN(uint32_t, hold_after) COLUMN(uint32_t, alike_n) COLUMN(uint32_t, alike)
            COLUMN(uint32_t, counted))
COLUMNS(job, struct job, JOB_FIELDS(COLUMN) JOB_FIELDS_LATER(COLUMN))
COLUMNS(dep, struct saved_dep,
        COLUMN(uint32_t, waiter) COLUMN(uint32_t, of_array) COLUMN(uint32_t, target)
            COLUMN(uint32_t, delay_s) COLUMN(uint32_t, group) COLUMN(uint32_t, kind)
                COLUMN(uint32_t, scope) COLUMN(uint32_t, state) COLUMN(usec_t, due_boot_at))
COLUMNS(group, struct saved_group, COLUMN(uint64_t, key) COLUMN(uint32_t, used_seq)
        COLUMN(uint32_t, failed_n) COLUMN(uint32_t, watts_n) COLUMN(uint32_t, watts0) COLUMN(uint32_t, watts1)
        COLUMN(uint32_t, watts2) COLUMN(uint32_t, watts3) COLUMN(uint32_t, watts4) COLUMN(uint32_t, watts5)
        COLUMN(uint32_t, watts6) COLUMN(uint32_t, watts7) COLUMN(uint32_t, watts8) COLUMN(uint32_t, watts9)
        COLUMN(uint32_t, unshown) COLUMN(uint32_t, unproven) SAMPLES(samples))
COLUMNS(reservation, struct reservation, RESERVATION_FIELDS(COLUMN))
COLUMNS(account, struct saved_account, COLUMN(uint32_t, account) COLUMN(uint32_t, gpus_max)
        COLUMN(uint32_t, quota_hours) COLUMN(uint32_t, quota_days))
COLUMNS(used, struct saved_used, COLUMN(uint32_t, person) COLUMN(uint32_t, account) COLUMN(int64_t, day)
        COLUMN(uint32_t, gpu_cs))
COLUMNS(boost, struct boost, BOOST_FIELDS(COLUMN))
COLUMNS(rates, struct saved_rates, COLUMN(usec_t, until_at) COLUMN(int64_t, hour_milli) COLUMN(int64_t, gpu_mw))
COLUMNS(rate, struct rate, COLUMN(usec_t, from_at) COLUMN(int64_t, kwh_milli))
COLUMNS(power, struct saved_power, COLUMN(usec_t, until_at))
COLUMNS(cap, struct cap, COLUMN(usec_t, from_at) COLUMN(int64_t, mw))
COLUMNS(end, struct saved_end, COLUMN(uint64_t, hash))

/* The value, sign-extended where it has one. */
static uint64_t column_get(const struct column *col, const void *record)
{
    const char *at = (const char *)record + col->offset;
    uint64_t value = 0;
    memcpy(&value, at, col->size); /* little-endian, as everywhere eoul runs */
    if (col->shape == SHAPE_I && col->size == 4)
        return (uint64_t)(int64_t)(int32_t)value;
    return value;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "column_get reads the low bytes first");

static bool column_set(const struct column *col, void *record, uint64_t value)
{
    char *at = (char *)record + col->offset;
    memcpy(at, &value, col->size);
    return column_get(col, record) == value; /* false: it did not fit */
}

static void samples_print(struct buf *out, const char *name, const struct samples *s)
{
    if (s->n == 0)
        return;
    buf_char(out, ' ');
    buf_c(out, name);
    for (uint32_t i = 0; i < s->n; i++) {
        buf_char(out, i ? ',' : '=');
        buf_i64(out, s->log[i]);
    }
}

static void record_print(struct buf *out, const char *word, const struct column *col,
                         const void *record)
{
    buf_c(out, word);
    for (; col->name; col++) {
        if (col->shape == SHAPE_SAMPLES) {
            samples_print(out, col->name, (const void *)((const char *)record + col->offset));
            continue;
        }
        uint64_t value = column_get(col, record);
        if (value == 0)
            continue;
        buf_char(out, ' ');
        buf_c(out, col->name);
        buf_char(out, '=');
        if (col->shape == SHAPE_I)
            buf_i64(out, (int64_t)value);
        else
            buf_u64(out, value);
    }
    buf_char(out, '\n');
}

/* --- saving ----------------------------------------------------------------------------------- */

static void save_people(const struct core *c, struct buf *out)
{
    for (uint32_t i = 0; i <= CORE_PERSONS_MAX; i++) {
        const struct person *p = &c->persons[i];
        if (person_hash(c, i) == 0)
            continue;
        struct saved_person s = {
            .person = i, .known = p->known, .running_max = p->running_max, .gpus_max = p->gpus_max,
            .queued_max = p->queued_max, .weight_milli = p->weight_milli, .failed_n = p->failed_n,
            .until_at = p->until_at, .offer_until_at = p->offer_until_at, .cap_us = p->cap_us,
            .worked_us = p->worked_us, .worked_day = p->worked_day, .daily_day = p->daily_day, .defer = p->defer,
            .fair_milli = p->fair_milli, HITS_SAVE(p->hits), .moved_n = p->moved_n, .missed_n = p->missed_n,
            .would_n = p->would_n, .would_right_n = p->would_right_n,
            .share_step = p->share.step, .share_gpu_us = p->share.gpu_us, .share_delay_us = p->share.delay_us,
            .share_results = p->share.results, .urgent_n = p->urgent.n, .urgent0 = p->urgent.at[0],
            .urgent1 = p->urgent.at[1], .urgent2 = p->urgent.at[2], .urgent3 = p->urgent.at[3],
            .urgent4 = p->urgent.at[4], .urgent5 = p->urgent.at[5], .urgent6 = p->urgent.at[6],
            .urgent7 = p->urgent.at[7], .quota_hours = p->quota.hours, .quota_days = p->quota.days,
            .samples = p->samples, .shown = p->shown, .daily = p->daily, .off50 = p->off.p50, .off90 = p->off.p90 };
        record_print(out, "person", columns_person(), &s);
        for (uint32_t w = 0; w < p->spans_n; w++) {
            const struct span *span = &spans_of(c)[p->spans_at + w];
            struct saved_window sw = { i, span->from_at, span->until_at };
            record_print(out, "window", columns_window(), &sw);
        }
        for (uint32_t w = 0; w < p->offers_n; w++) {
            const struct offer *o = &offers_of(c)[p->offers_at + w];
            struct saved_offer so = { i, o->from_at, o->until_at, o->day, o->focus };
            record_print(out, "offer", columns_offer(), &so);
        }
    }
}

/* Days that are zero, too: the last one is told by the last line. */
static void save_usage(const struct usage *u, uint32_t person, uint32_t account, struct buf *out)
{
    for (int64_t day = u->day - QUOTA_DAYS_MAX + 1; u->day && day <= u->day; day++) {
        struct saved_used s = { person, account, u->gpu_cs[(uint64_t)day % QUOTA_DAYS_MAX], day };
        if (s.gpu_cs || day == u->day)
            record_print(out, "used", columns_used(), &s);
    }
}

static void save_accounts(const struct core *c, struct buf *out)
{
    for (uint32_t i = 1; i <= ACCOUNTS_MAX; i++) {
        const struct account *a = &c->accounts[i];
        struct saved_account s = { i, a->gpus_max, a->quota.hours, a->quota.days };
        if (!a->known)
            continue;
        record_print(out, "account", columns_account(), &s);
        save_usage(&a->usage, 0, i, out);
    }
    for (uint32_t i = 1; i <= CORE_PERSONS_MAX; i++)
        save_usage(&c->persons[i].usage, i, 0, out);
}

static void save_deps(const struct core *c, struct buf *out, uint32_t id, uint32_t of_array,
                      uint32_t node)
{
    for (; node != NONE; node = deps_of(c)[node].next_of_waiter) {
        const struct dep_node *n = &deps_of(c)[node];
        struct saved_dep s = {id,      of_array, n->target, n->delay_s,    n->group,
                              n->kind, n->scope, n->state,  n->due_boot_at};
        record_print(out, "dep", columns_dep(), &s);
    }
}

static void save_jobs(const struct core *c, struct buf *out)
{
    uint32_t array = NONE;
    for (uint32_t at = 0; at < c->by_id_n; at++) {
        if (ids_of(c)[at].slot == NONE)
            continue;
        const struct job *j = &jobs_of(c)[ids_of(c)[at].slot];
        if (j->array != NONE && j->array != array) {
            const struct array *a = &arrays_of(c)[j->array];
            struct saved_array s = { a->id, a->max, a->failed, a->hold_after, a->alike_n, a->alike,
                                     a->counted };
            record_print(out, "array", columns_array(), &s);
        }
        array = j->array;
        record_print(out, "job", columns_job(), j);
    }
    for (uint32_t i = 0; i < c->todos_n; i++)
        record_print(out, "todo", columns_todo(), &todos_of(c)[todo_ids_of(c)[i]]);
    for (uint32_t at = 0; at < c->by_id_n; at++)
        if (ids_of(c)[at].slot != NONE)
            save_deps(c, out, ids_of(c)[at].id, WAITER_JOB, jobs_of(c)[ids_of(c)[at].slot].deps);
    for (uint32_t i = 0; i < c->arrays_used; i++)
        if (arrays_of(c)[i].id)
            save_deps(c, out, arrays_of(c)[i].id, WAITER_ARRAY, arrays_of(c)[i].deps);
    for (uint32_t i = 0; i < c->todos_n; i++) {
        const struct todo *t = &todos_of(c)[todo_ids_of(c)[i]];
        save_deps(c, out, t->id, WAITER_TODO, t->deps);
    }
}

static void save_rates(const struct core *c, struct buf *out)
{
    struct saved_rates s = { c->rates.until_at, c->rates.hour_milli, c->rates.gpu_mw };
    if (c->rates.n == 0 && c->rates.hour_milli == 0) /* as before anybody had told any */
        return;
    record_print(out, "rates", columns_rates(), &s);
    for (uint32_t i = 0; i < c->rates.n; i++)
        record_print(out, "rate", columns_rate(), &c->rates.at[i]);
}

static void save_power(const struct core *c, struct buf *out)
{
    struct saved_power s = { c->caps.until_at };
    if (c->caps.n == 0)
        return;
    record_print(out, "power", columns_power(), &s);
    for (uint32_t i = 0; i < c->caps.n; i++)
        record_print(out, "cap", columns_cap(), &c->caps.at[i]);
}

static void save_group(const struct group *g, struct buf *out)
{
    const uint32_t *w = g->power.w;
    struct saved_group s = { g->key, g->used_seq, g->failed_n, g->power.n, w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7],
                             w[8], w[9], g->unshown, g->unproven, g->samples };
    if (g->key)
        record_print(out, "group", columns_group(), &s);
}

void core_save(const struct core *c, struct buf *out)
{
    struct saved_head h = { 0 };
    struct saved_team team = { HITS_SAVE(c->hits), .samples = c->team, .shown = c->team_shown, .off50 = c->off.p50,
                               .off90 = c->off.p90 };
    struct saved_end end = { core_hash(c) };
#define F(type, name) h.name = (type)c->name;
    HEAD_FIELDS(F)
#undef F
    buf_c(out, "eoul-core ");
    buf_u64(out, CORE_VERSION);
    buf_char(out, '\n');
    record_print(out, "limits", columns_limits(), &c->limits);
    record_print(out, "head", columns_head(), &h);
    record_print(out, "settings", columns_settings(), &c->settings);
    for (uint32_t i = 0; i < CORE_GPUS_MAX; i++) {
        struct saved_gpu g = { i, c->gpus[i].type, c->gpus[i].state, c->gpus[i].watts_mw };
        if (c->gpus[i].known)
            record_print(out, "gpu", columns_gpu(), &g);
    }
    save_rates(c, out);
    save_power(c, out);
    record_print(out, "team", columns_team(), &team);
    for (uint32_t i = 0; i < BAND_SIZES; i++) {
        struct saved_waits s = { i, c->waits[i].older, c->waits[i].newer };
        if (s.newer.n)
            record_print(out, "waits", columns_waits(), &s);
    }
    for (uint32_t i = 0; i < c->reservations_n; i++)
        record_print(out, "reservation", columns_reservation(), &c->reservations[i]);
    for (uint32_t i = 0; i < c->boosts_n; i++)
        record_print(out, "boost", columns_boost(), &c->boosts[i]);
    save_people(c, out);
    save_accounts(c, out);
    save_jobs(c, out);
    for (uint32_t i = 0; i < c->groups_used; i++)
        save_group(&groups_of(c)[i], out);
    record_print(out, "end", columns_end(), &end);
}

/* --- loading ---------------------------------------------------------------------------------- */

static int corrupt(struct err *err)
{
    return err_set(err, E_CORRUPT,
                   "The saved queue is damaged; restore it from a backup or from the "
                   "journal.");
}

static int newer(struct err *err, struct str word)
{
    return err_set(err, E_NEWER,
                   "The saved queue holds \"%.*s\", which this eoul does not know; a newer "
                   "one wrote it.",
                   STR_ARG(str_slice(word, 0, 40)));
}

static int samples_parse(struct str text, struct samples *s)
{
    struct str piece;
    int64_t value;
    while (str_next(&text, ',', &piece)) {
        if (s->n == SAMPLES_OWN || str_i64(piece, &value) < 0 || value < INT16_MIN ||
            value > INT16_MAX)
            return E_CORRUPT;
        s->log[s->n++] = (int16_t)value;
    }
    return 0;
}

/* Fields come in the table's order, so each search begins behind the last found. */
static int record_parse(struct str rest, const struct column *columns, void *record,
                        struct err *err)
{
    const struct column *next = columns;
    struct str word;
    while (str_next(&rest, ' ', &word)) {
        ptrdiff_t equals = str_find(word, '=');
        if (equals <= 0)
            return corrupt(err);
        struct str name = str_slice(word, 0, (size_t)equals),
                   text = str_slice(word, (size_t)equals + 1, word.len);
        const struct column *col = next;
        while (col->name && !str_is(name, col->name))
            col++;
        if (!col->name) {
            for (col = columns; col->name && !str_is(name, col->name); col++)
                ;
            return col->name ? corrupt(err) : newer(err, name);
        }
        next = col + 1;
        uint64_t value = 0;
        int64_t with_sign;
        int r = 0;
        if (col->shape == SHAPE_SAMPLES)
            r = samples_parse(text, (void *)((char *)record + col->offset));
        else if (col->shape == SHAPE_U)
            r = str_u64(text, &value);
        else if ((r = str_i64(text, &with_sign)) == 0)
            value = (uint64_t)with_sign;
        if (r < 0 || (col->shape != SHAPE_SAMPLES && !column_set(col, record, value)))
            return corrupt(err);
    }
    return 0;
}

struct loading {
    struct core *c;
    uint32_t array; /* slot of the array whose tasks follow */
    bool ended;
    bool todos_stale; /* as saved: entering records touches it */
};

static int load_head(struct loading *l, struct str rest, struct err *err)
{
    struct core *c = l->c;
    struct saved_head h = { 0 };
    int r = record_parse(rest, columns_head(), &h, err);
    if (r < 0)
        return r;
    c->now_at = h.now_at;
    c->now_boot_at = h.now_boot_at;
    c->shown_at = h.shown_at;
    c->again_at = h.again_at;
    c->unwatched_at = h.unwatched_at;
    c->decisions = h.decisions;
    c->mem_mib = h.mem_mib;
    c->cpus = h.cpus;
    c->last_id = h.last_id;
    c->first_seq = h.first_seq;
    c->group_seq = h.group_seq;
    c->w_level = h.w_level;
    c->closed = h.closed != 0;
    c->quiet = h.quiet != 0;
    c->settings_known = h.settings_known != 0;
    l->todos_stale = h.todos_stale != 0;
    c->last_reservation = h.last_reservation;
    c->last_boost = h.last_boost;
    return h.w_level > 64 ? corrupt(err) : 0;
}

static int load_gpu(struct core *c, struct str rest, struct err *err)
{
    struct saved_gpu g = { 0 };
    int r = record_parse(rest, columns_gpu(), &g, err);
    if (r < 0)
        return r;
    if (g.gpu >= CORE_GPUS_MAX || g.type < 1 || g.type > TYPES_MAX || g.state >= GPU_STATE_COUNT ||
        c->gpus[g.gpu].known)
        return corrupt(err);
    c->gpus[g.gpu] = (struct gpu){ g.type, (uint8_t)g.state, true, g.watts_mw, NONE };
    c->sum += gpu_hash(c, g.gpu);
    return 0;
}

static int load_person(struct core *c, struct str rest, struct err *err)
{
    struct saved_person s = { 0 };
    int r = record_parse(rest, columns_person(), &s, err);
    if (r < 0)
        return r;
    if (s.person > CORE_PERSONS_MAX || s.hits_n > HITS_MAX || s.urgent_n > URGENT_MAX)
        return corrupt(err);
    struct person *p = &c->persons[s.person];
    p->known = s.known != 0;
    p->running_max = s.running_max;
    p->gpus_max = s.gpus_max;
    p->queued_max = s.queued_max;
    p->weight_milli = s.weight_milli;
    p->defer = s.defer != 0;
    p->fair_milli = s.fair_milli;
    p->hits = HITS_OF(s);
    p->moved_n = s.moved_n;
    p->missed_n = s.missed_n;
    p->would_n = s.would_n;
    p->would_right_n = s.would_right_n;
    p->share = (struct share){ s.share_step, s.share_gpu_us, s.share_delay_us, s.share_results };
    p->urgent = (struct urgent){ s.urgent_n, { s.urgent0, s.urgent1, s.urgent2, s.urgent3, s.urgent4, s.urgent5,
                                               s.urgent6, s.urgent7 } };
    p->quota = (struct quota){ s.quota_hours, s.quota_days };
    if (p->quota.hours)
        quota_stale(c, &p->up);
    p->daily = s.daily;
    p->daily_day = s.daily_day;
    p->failed_n = s.failed_n;
    p->until_at = s.until_at;
    p->offer_until_at = s.offer_until_at;
    p->cap_us = s.cap_us;
    p->worked_us = s.worked_us;
    p->worked_day = s.worked_day;
    p->samples = s.samples;
    p->shown = s.shown;
    p->off.p50 = s.off50;
    p->off.p90 = s.off90;
    p->spans_at = c->spans_used;
    person_changed(c, s.person);
    return 0;
}

/* Windows follow their person, so each person's lie together at the end of the table. */
static int load_window(struct core *c, struct str rest, struct err *err)
{
    struct saved_window s = { 0 };
    int r = record_parse(rest, columns_window(), &s, err);
    if (r < 0)
        return r;
    if (s.person > CORE_PERSONS_MAX || s.from_at >= s.until_at || c->spans_used >= c->limits.spans)
        return corrupt(err);
    struct person *p = &c->persons[s.person];
    if (p->spans_at + p->spans_n != c->spans_used ||
        (p->spans_n && spans_of(c)[c->spans_used - 1].until_at > s.from_at))
        return corrupt(err);
    spans_of(c)[c->spans_used++] = (struct span){ s.from_at, s.until_at };
    p->spans_n = ++p->spans_room;
    c->spans_n++;
    person_changed(c, s.person);
    return 0;
}

static int load_offer(struct core *c, struct str rest, struct err *err)
{
    struct saved_offer s = { 0 };
    int r = record_parse(rest, columns_offer(), &s, err);
    if (r < 0)
        return r;
    const struct offer o = { s.from_at, s.until_at, s.day, s.focus };
    if (s.person > CORE_PERSONS_MAX || o.from_at >= o.until_at || o.focus < 0 || o.focus > 1 ||
        !offer_enter(c, s.person, &o))
        return corrupt(err);
    person_changed(c, s.person);
    return 0;
}

static int load_todo(struct core *c, struct str rest, struct err *err)
{
    struct todo saved = { 0 };
    int r = record_parse(rest, columns_todo(), &saved, err);
    if (r < 0)
        return r;
    return todo_enter(c, &saved) ? 0 : corrupt(err);
}

static int load_reservation(struct core *c, struct str rest, struct err *err)
{
    struct reservation saved = { 0 };
    int r = record_parse(rest, columns_reservation(), &saved, err);
    if (r < 0)
        return r;
    return reserve_enter(c, &saved) ? 0 : corrupt(err);
}

static int load_account(struct core *c, struct str rest, struct err *err)
{
    struct saved_account s = { 0 };
    int r = record_parse(rest, columns_account(), &s, err);
    if (r < 0)
        return r;
    const struct ev_account e = { .account = s.account, .gpus_max = s.gpus_max, .quota_hours = s.quota_hours,
                                  .quota_days = s.quota_days };
    if (quota_check(&e, NULL) < 0 || c->accounts[s.account].known)
        return corrupt(err);
    quota_account(c, &e);
    return 0;
}

static int load_used(struct core *c, struct str rest, struct err *err)
{
    struct saved_used s = { 0 };
    int r = record_parse(rest, columns_used(), &s, err);
    if (r < 0)
        return r;
    if (s.person > CORE_PERSONS_MAX || s.account > ACCOUNTS_MAX || (s.person == 0) == (s.account == 0) ||
        (s.account && !c->accounts[s.account].known))
        return corrupt(err);
    struct usage *u = s.person ? &c->persons[s.person].usage : &c->accounts[s.account].usage;
    if (s.day <= u->day)
        return corrupt(err);
    u->day = s.day;
    u->gpu_cs[(uint64_t)s.day % QUOTA_DAYS_MAX] = s.gpu_cs;
    if (s.person)
        person_changed(c, s.person);
    else
        account_changed(c, s.account);
    return 0;
}

static int load_boost(struct core *c, struct str rest, struct err *err)
{
    struct boost saved = { 0 };
    int r = record_parse(rest, columns_boost(), &saved, err);
    if (r < 0)
        return r;
    return boost_enter(c, &saved) ? 0 : corrupt(err);
}

static int load_rates(struct core *c, struct str rest, struct err *err)
{
    struct saved_rates s = { 0 };
    int r = record_parse(rest, columns_rates(), &s, err);
    if (r < 0)
        return r;
    struct ev_tariff e = { .until_at = s.until_at, .hour_milli = s.hour_milli, .gpu_mw = s.gpu_mw };
    if (c->rates.n > 0 || rates_check(&e, NULL) < 0)
        return corrupt(err);
    rates_apply(c, &e);
    return 0;
}

static int load_rate(struct core *c, struct str rest, struct err *err)
{
    struct rate rate = { 0 };
    int r = record_parse(rest, columns_rate(), &rate, err);
    if (r < 0)
        return r;
    return rates_enter(c, &rate) ? 0 : corrupt(err);
}

static int load_power(struct core *c, struct str rest, struct err *err)
{
    struct saved_power s = { 0 };
    int r = record_parse(rest, columns_power(), &s, err);
    if (r < 0)
        return r;
    if (c->caps.n > 0)
        return corrupt(err);
    c->caps.until_at = s.until_at;
    return 0;
}

static int load_cap(struct core *c, struct str rest, struct err *err)
{
    struct cap cap = { 0 };
    int r = record_parse(rest, columns_cap(), &cap, err);
    if (r < 0)
        return r;
    return power_enter(c, &cap) ? 0 : corrupt(err);
}

static int load_array(struct loading *l, struct str rest, struct err *err)
{
    struct saved_array s = { 0 };
    int r = record_parse(rest, columns_array(), &s, err);
    if (r < 0)
        return r;
    if (s.id == 0 || l->c->arrays_n >= l->c->arrays_max)
        return corrupt(err);
    l->array = array_add(l->c, s.id, s.max);
    array_open(l->c, l->array);
    struct array *a = &arrays_of(l->c)[l->array];
    a->failed = s.failed;
    a->hold_after = s.hold_after;
    a->alike_n = s.alike_n;
    a->alike = s.alike;
    a->counted = s.counted;
    array_close(l->c, l->array);
    return 0;
}

static bool job_sound(const struct loading *l, const struct job *j)
{
    const struct core *c = l->c;
    bool busy = job_is_busy(j);
    if (j->id == 0 || c->jobs_n >= c->limits.jobs || job_place_after(c, j->id - 1) < c->by_id_n)
        return false;
    if ((j->state != JOB_PENDING && !busy) || j->owner > CORE_PERSONS_MAX || j->owner == 0 ||
        j->gpus > CORE_GPUS_MAX || j->gpu_type > TYPES_MAX || j->cpus == 0 ||
        j->intent > STOP_PREEMPT || j->account > ACCOUNTS_MAX || !retry_sound(j))
        return false;
    if (j->array_id && (l->array == NONE || arrays_of(c)[l->array].id != j->array_id))
        return false;
    if (busy ? __builtin_popcountll(j->gpu_mask) != j->gpus : j->gpu_mask != 0)
        return false;
    for (uint64_t mask = j->gpu_mask; mask; mask &= mask - 1)
        if (!c->gpus[__builtin_ctzll(mask)].known || c->gpus[__builtin_ctzll(mask)].job != NONE)
            return false;
    return true;
}

static int load_job(struct loading *l, struct str rest, struct err *err)
{
    struct core *c = l->c;
    struct job saved = { 0 };
    uint32_t last_id = c->last_id;
    int r = record_parse(rest, columns_job(), &saved, err);
    if (r < 0)
        return r;
    if (!job_sound(l, &saved))
        return corrupt(err);
    uint32_t slot = job_add(c, saved.id);
    struct job *j = &jobs_of(c)[slot];
    c->last_id = last_id;
#define F(type, name) j->name = saved.name;
    JOB_FIELDS(F)
    JOB_FIELDS_LATER(F)
#undef F
    j->state = JOB_PENDING;
    if (saved.state != JOB_PENDING)
        job_to(c, slot, (enum job_state)saved.state);
    else
        job_timers(c, slot);
    for (uint64_t mask = j->gpu_mask; mask; mask &= mask - 1)
        c->gpus[__builtin_ctzll(mask)].job = slot;
    if (j->array_id) {
        struct array *a = &arrays_of(c)[l->array];
        j->array = l->array;
        a->live++;
        a->busy += job_is_busy(j);
        a->unstarted += !(j->flags & JOBX_RAN);
    }
    job_close(c, j);
    return 0;
}

static int load_dep(struct core *c, struct str rest, struct err *err)
{
    struct saved_dep s = { 0 };
    int r = record_parse(rest, columns_dep(), &s, err);
    if (r < 0)
        return r;
    uint32_t waiter = s.of_array == WAITER_ARRAY ? array_find(c, s.waiter)
                    : s.of_array == WAITER_TODO ? todo_find(c, s.waiter) : job_find(c, s.waiter);
    bool waits = s.state == NODE_WAIT;
    if (waiter == NONE || s.kind >= DEP_KIND_COUNT || s.scope > 1 || s.of_array >= WAITER_COUNT ||
        s.state > NODE_NEVER || s.group >= CORE_DEPS_MAX || c->deps_n >= c->limits.deps ||
        (waits && (s.scope ? array_find(c, s.target) == NONE
                           : job_find(c, s.target) == NONE && todo_find(c, s.target) == NONE)))
        return corrupt(err);
    graph_enter(c, &(struct dep_node){
        .waiter = waiter, .target = s.target, .due_boot_at = s.due_boot_at, .delay_s = s.delay_s,
        .group = (uint16_t)s.group, .kind = (uint8_t)s.kind, .scope = (uint8_t)s.scope,
        .state = (uint8_t)s.state, .waiter_kind = (uint8_t)s.of_array });
    return 0;
}

static int load_group(struct core *c, struct str rest, struct err *err)
{
    struct saved_group s = { 0 };
    int r = record_parse(rest, columns_group(), &s, err);
    if (r < 0)
        return r;
    if (s.watts_n > POWER_SAMPLES || s.unshown > SAMPLES_LIMIT || s.unshown > s.samples.n || s.unproven > 1 || s.key == 0 || c->groups_used >= c->limits.groups || estimate_find(c, s.key) != NONE)
        return corrupt(err);
    struct group *g = estimate_enter(c, s.key);
    g->used_seq = s.used_seq;
    g->failed_n = s.failed_n;
    g->unshown = s.unshown;
    g->unproven = s.unproven;
    g->samples = s.samples;
    g->power = (struct power_samples){ s.watts_n, { s.watts0, s.watts1, s.watts2, s.watts3, s.watts4, s.watts5, s.watts6,
                                                    s.watts7, s.watts8, s.watts9 } };
    c->sum += group_hash(g);
    return 0;
}

/* What is derived: rooms, judged conditions, who stands in line. */
static void load_derived(struct core *c)
{
    estimate_renew(c);
    capacity_count(c);
    for (uint32_t at = 0; at < c->by_id_n; at++)
        if (ids_of(c)[at].slot != NONE)
            graph_judge(c, ids_of(c)[at].slot, WAITER_JOB);
    for (uint32_t i = 0; i < c->arrays_used; i++)
        if (arrays_of(c)[i].id)
            graph_judge(c, i, WAITER_ARRAY);
    for (uint32_t i = 0; i < c->todos_n; i++)
        graph_judge(c, todo_ids_of(c)[i], WAITER_TODO);
    for (uint32_t at = 0; at < c->by_id_n; at++)
        if (ids_of(c)[at].slot != NONE)
            queue_update(c, ids_of(c)[at].slot);
}

static int load_end(struct loading *l, struct str rest, struct err *err)
{
    struct saved_end s = { 0 };
    int r = record_parse(rest, columns_end(), &s, err);
    if (r < 0)
        return r;
    load_derived(l->c);
    l->c->todos_stale = l->todos_stale;
    l->ended = true;
    return core_hash(l->c) == s.hash && !core_broken(l->c) ? 0 : corrupt(err);
}

static int load_team(struct core *c, struct str rest, struct err *err)
{
    struct saved_team t = { 0 };
    int r = record_parse(rest, columns_team(), &t, err);
    if (r == 0 && t.hits_n > HITS_MAX)
        return corrupt(err);
    if (r == 0) {
        c->team = t.samples;
        c->team_shown = t.shown;
        c->hits = HITS_OF(t);
        c->sum -= band_hash(c);
        c->off.p50 = t.off50;
        c->off.p90 = t.off90;
        c->sum += band_hash(c);
    }
    return r;
}

static int load_waits(struct core *c, struct str rest, struct err *err)
{
    struct saved_waits s = { 0 };
    int r = record_parse(rest, columns_waits(), &s, err);
    if (r < 0)
        return r;
    if (s.size >= BAND_SIZES || s.newer.n == 0 || (s.older.n && s.newer.n < SAMPLES_OWN))
        return corrupt(err);
    c->sum -= band_hash(c);
    c->waits[s.size].older = s.older;
    c->waits[s.size].newer = s.newer;
    c->sum += band_hash(c);
    return 0;
}

static int load_line(struct loading *l, struct str line, struct err *err)
{
    struct core *c = l->c;
    struct str word, rest = line;
    if (l->ended || !str_next(&rest, ' ', &word))
        return corrupt(err);
    if (str_is(word, "job"))
        return load_job(l, rest, err);
    if (str_is(word, "array"))
        return load_array(l, rest, err);
    if (str_is(word, "dep"))
        return load_dep(c, rest, err);
    if (str_is(word, "window"))
        return load_window(c, rest, err);
    if (str_is(word, "offer"))
        return load_offer(c, rest, err);
    if (str_is(word, "todo"))
        return load_todo(c, rest, err);
    if (str_is(word, "reservation"))
        return load_reservation(c, rest, err);
    if (str_is(word, "account"))
        return load_account(c, rest, err);
    if (str_is(word, "used"))
        return load_used(c, rest, err);
    if (str_is(word, "boost"))
        return load_boost(c, rest, err);
    if (str_is(word, "rates"))
        return load_rates(c, rest, err);
    if (str_is(word, "rate"))
        return load_rate(c, rest, err);
    if (str_is(word, "power"))
        return load_power(c, rest, err);
    if (str_is(word, "cap"))
        return load_cap(c, rest, err);
    if (str_is(word, "person"))
        return load_person(c, rest, err);
    if (str_is(word, "group"))
        return load_group(c, rest, err);
    if (str_is(word, "gpu"))
        return load_gpu(c, rest, err);
    if (str_is(word, "team"))
        return load_team(c, rest, err);
    if (str_is(word, "waits"))
        return load_waits(c, rest, err);
    if (str_is(word, "head"))
        return load_head(l, rest, err);
    if (str_is(word, "settings"))
        return record_parse(rest, columns_settings(), &c->settings, err);
    if (str_is(word, "end"))
        return load_end(l, rest, err);
    return newer(err, word);
}

int core_load_limits(struct str saved, struct core_limits *ret_limits, struct err *err)
{
    struct str line, word;
    struct core_limits limits = { 0 };
    uint64_t version;
    if (!str_next(&saved, '\n', &line) || !str_next(&line, ' ', &word) ||
        !str_is(word, "eoul-core") || str_u64(line, &version) < 0)
        return corrupt(err);
    if (version > CORE_VERSION)
        return err_set(err, E_NEWER,
                       "The saved queue was written by a newer eoul (form %llu; this one "
                       "knows up to %d).",
                       (unsigned long long)version, CORE_VERSION);
    if (!str_next(&saved, '\n', &line) || !str_next(&line, ' ', &word) || !str_is(word, "limits"))
        return corrupt(err);
    int r = record_parse(line, columns_limits(), &limits, err);
    if (r < 0)
        return r;
    if (limits.jobs == 0 || limits.jobs > CORE_JOBS_MAX || limits.groups == 0 ||
        limits.todos > CORE_TODOS_MAX)
        return corrupt(err);
    *ret_limits = limits;
    return 0;
}

int core_load(struct core *fresh, struct str saved, struct err *err)
{
    struct core_limits limits;
    struct loading l = { fresh, NONE, false, false };
    struct str line;
    assert(fresh->jobs_n == 0 && fresh->decisions == 0);
    int r = core_load_limits(saved, &limits, err);
    if (r < 0)
        return r;
    if (limits.jobs > fresh->limits.jobs || limits.deps > fresh->limits.deps ||
        limits.spans > fresh->limits.spans || limits.todos > fresh->limits.todos ||
        limits.offers > fresh->limits.offers || limits.groups != fresh->limits.groups)
        return err_set(err, E_FULL, "The queue's memory is not of the saved queue's limits.");
    str_next(&saved, '\n', &line);
    str_next(&saved, '\n', &line);
    while (str_next(&saved, '\n', &line)) {
        r = load_line(&l, line, err);
        if (r < 0)
            return r;
    }
    band_renew(fresh);
    return l.ended ? 0 : corrupt(err);
}
