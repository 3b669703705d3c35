/* people.c - see people.h. */
#include "daemon/people.h"

#include <assert.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cal/civil.h"
#include "cal/hours.h"
#include "cal/spans.h"
#include "cal/zone_load.h"
#include "core/core.h"
#include "daemon/calendars.h"
#include "daemon/daemon.h"
#include "store/store.h"

#define REFRESH_US USEC_PER_DAY

struct member {
    int64_t uid;
    char name[CONFIG_NAME_MAX + 1];
    /* what they said: empty where they did not */
    char lang[8];
    char zone[ZONE_NAME_MAX];
    char hours[HOURS_TEXT_MAX + 1];
    char work[HOURS_TEXT_MAX + 1];
    char focus[HOURS_TEXT_MAX + 1];
    struct person_leave leaves[PEOPLE_LEAVES_MAX]; /* sorted, disjoint */
    uint32_t leaves_n;
    usec_t here_until_at;
    usec_t cap_us, buffer_us; /* 0 and -1: not said */
    bool defer;
    const struct config_person *configured; /* NULL: not in the configuration */
    /* what holds */
    struct hours look, offered, blocks;
    const struct zone *tz;
    const char *zone_shown;
};

struct people {
    const struct config *config;
    struct zone_cache zones;
    struct zone system_zone;
    char system_name[ZONE_NAME_MAX];
    struct member *members[CORE_PERSONS_MAX + 1]; /* by number; [0] unused */
    uint32_t n;
    usec_t refreshed_at; /* 0: not since start */
    struct calendars *calendars;
};

/* --- making ------------------------------------------------------------------------------------- */

int people_create(const struct config *config, struct people **ret, struct err *err)
{
    struct people *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for the team's people.");
    if (calendars_create(&p->calendars) < 0) {
        free(p);
        return err_set(err, E_NO_MEMORY, "There is not enough memory for the team's people.");
    }
    p->config = config;
    zone_cache_init(&p->zones);
    if (zone_load_system(&p->system_zone, p->system_name, NULL) < 0)
        zone_init_fixed(&p->system_zone, 0); /* an unreadable /etc/localtime: as if it said UTC */
    if (!p->system_name[0])
        snprintf(p->system_name, sizeof p->system_name, "UTC");
    *ret = p;
    return 0;
}

void people_forget(struct people *p)
{
    for (uint32_t i = 1; i <= p->n; i++)
        free(p->members[i]);
    p->n = 0;
    p->refreshed_at = 0;
    calendars_forget(p->calendars);
}

void people_destroy(struct people *p)
{
    if (!p)
        return;
    people_forget(p);
    calendars_destroy(p->calendars);
    zone_cache_finish(&p->zones);
    free(p);
}

/* --- what holds for a person ---------------------------------------------------------------------- */

static const char *hours_of(const struct people *p, const struct member *m)
{
    if (m->hours[0])
        return m->hours;
    return m->configured && m->configured->hours ? m->configured->hours : p->config->hours;
}

static const char *work_of(const struct people *p, const struct member *m)
{
    if (m->work[0])
        return m->work;
    return m->configured && m->configured->work ? m->configured->work : p->config->work;
}

static const char *zone_name_of(const struct people *p, const struct member *m)
{
    if (m->zone[0])
        return m->zone;
    if (m->configured && m->configured->zone)
        return m->configured->zone;
    return p->config->zone ? p->config->zone : p->system_name;
}

/* Zone data may vanish with an upgrade of the system, hours come from a file: what cannot be read
 * now falls back to the defaults rather than making a person unknown. */
static void settle(struct people *p, struct member *m)
{
    m->zone_shown = zone_name_of(p, m);
    m->tz = zone_cache_find(&p->zones, str_of(m->zone_shown));
    if (!m->tz) {
        m->tz = &p->system_zone;
        m->zone_shown = p->system_name;
    }
    /* Work hours that cannot be read are none: nothing is taken that was not offered. */
    if (hours_parse(str_of(work_of(p, m)), &m->offered, NULL) < 0)
        memset(&m->offered, 0, sizeof m->offered);
    if (!m->focus[0] || hours_parse(str_of(m->focus), &m->blocks, NULL) < 0)
        memset(&m->blocks, 0, sizeof m->blocks);
    if (hours_parse(str_of(hours_of(p, m)), &m->look, NULL) == 0)
        return;
    int code = hours_parse(STR(CONFIG_HOURS), &m->look, NULL);
    assert(code == 0); /* our own words */
    (void)code;
}

static const struct config_person *configured_as(const struct people *p, struct str name,
                                                 const char *user)
{
    for (uint32_t i = 0; i < p->config->people_n; i++) {
        const struct config_person *c = &p->config->people[i];
        const char *login = c->user ? c->user : c->name;
        if (user ? strcmp(login, user) == 0 : str_is(name, c->name))
            return c;
    }
    return NULL;
}

static struct member *add_member(struct people *p, person_no no, struct str name, struct err *err)
{
    if (no == 0 || no > CORE_PERSONS_MAX || no != p->n + 1) {
        err_set(err, E_TOO_LARGE, "The team has %d people already; that is the most.",
                CORE_PERSONS_MAX);
        return NULL;
    }
    struct member *m = calloc(1, sizeof *m);
    if (!m) {
        err_set(err, E_NO_MEMORY, "There is not enough memory for another person.");
        return NULL;
    }
    m->uid = -1;
    m->buffer_us = -1;
    snprintf(m->name, sizeof m->name, "%.*s", STR_ARG(str_slice(name, 0, CONFIG_NAME_MAX)));
    m->configured = configured_as(p, str_of(m->name), NULL);
    p->members[no] = m;
    p->n = no;
    settle(p, m);
    return m;
}

static void remove_last(struct people *p)
{
    free(p->members[p->n]);
    p->members[p->n--] = NULL;
}

/* --- store and core ----------------------------------------------------------------------------- */

#define LEAVES_TEXT_MAX (PEOPLE_LEAVES_MAX * 48)

/* "from/until/deputy,..." */
static void leaves_print(struct buf *out, const struct member *m)
{
    for (uint32_t i = 0; i < m->leaves_n; i++) {
        if (i)
            buf_char(out, ',');
        buf_i64(out, m->leaves[i].from_at);
        buf_char(out, '/');
        buf_i64(out, m->leaves[i].until_at);
        buf_char(out, '/');
        buf_u64(out, m->leaves[i].deputy);
    }
}

static void leaves_read(struct str text, struct member *m)
{
    struct str one, from, until, deputy;
    while (text.len && m->leaves_n < PEOPLE_LEAVES_MAX && str_next(&text, ',', &one)) {
        struct person_leave *l = &m->leaves[m->leaves_n];
        uint64_t no = 0;
        if (str_next(&one, '/', &from) && str_next(&one, '/', &until) &&
            str_next(&one, '/', &deputy) && str_i64(from, &l->from_at) == 0 &&
            str_i64(until, &l->until_at) == 0 && str_u64(deputy, &no) == 0) {
            l->deputy = (person_no)no;
            m->leaves_n++;
        }
    }
}

static int save(struct daemon *d, person_no no, const struct member *m)
{
    char memory[LEAVES_TEXT_MAX];
    struct buf leaves;
    buf_init_fixed(&leaves, memory, sizeof memory);
    leaves_print(&leaves, m);
    const struct store_person row = {
        .no = no, .uid = m->uid, .name = str_of(m->name), .lang = str_of(m->lang),
        .zone = str_of(m->zone), .hours = str_of(m->hours), .work = str_of(m->work),
        .focus = str_of(m->focus), .leaves = buf_look(&leaves), .here_until_at = m->here_until_at,
        .cap_us = m->cap_us, .buffer_us = m->buffer_us, .defer = m->defer,
    };
    return store_person_put(daemon_store(d), &row);
}

void people_limits(const struct people *p, person_no no, struct ev_person *ret)
{
    const struct member *m = p->members[no];
    struct config_limits limits = p->config->limits;
    if (m->configured) {
        const struct config_limits *own = &m->configured->limits;
        limits.running = own->running ? own->running : limits.running;
        limits.gpus = own->gpus ? own->gpus : limits.gpus;
        limits.queued = own->queued ? own->queued : limits.queued;
        limits.days = own->gpu_hours ? own->days : limits.days;
        limits.gpu_hours = own->gpu_hours ? own->gpu_hours : limits.gpu_hours;
    }
    *ret = (struct ev_person){ .person = no, .running_max = limits.running,
                               .gpus_max = limits.gpus, .queued_max = limits.queued,
                               .weight_milli = 1000, .defer = m->defer, .quota_hours = limits.gpu_hours,
                               .quota_days = !limits.gpu_hours ? 0 : limits.days ? limits.days : CONFIG_QUOTA_DAYS };
}

static int tell_limits(struct people *p, struct daemon *d, person_no no, struct err *err)
{
    struct core_event ev = { .kind = EVENT_PERSON };
    people_limits(p, no, &ev.person);
    return daemon_event(d, &ev, err);
}

/* From a day ago: a window that is open now keeps its true start, so the event does not change with
 * the minute it is made in. */
static struct span told_range(const struct daemon *d)
{
    usec_t now_at = daemon_now(d).wall_at;
    struct span range = { now_at - now_at % USEC_PER_DAY - USEC_PER_DAY, 0 };
    range.until_at = range.from_at + (PEOPLE_HORIZON_DAYS + 1) * USEC_PER_DAY;
    return range;
}

/* Somebody else looks while this person is away: their windows inside the absence count as this
 * person's for the plan, and are shown to nobody. */
static int add_deputies(const struct people *p, person_no no, struct span range, struct span *windows,
                        size_t *n)
{
    const struct member *m = p->members[no];
    for (uint32_t i = 0; i < m->leaves_n; i++) {
        struct span theirs[PEOPLE_WINDOWS_MAX], inside[PEOPLE_WINDOWS_MAX], all[PEOPLE_WINDOWS_MAX];
        const struct person_leave *l = &m->leaves[i];
        const struct span leave = { l->from_at, l->until_at };
        size_t theirs_n = 0, inside_n = 0, all_n = 0;
        if (!l->deputy || l->deputy == no || l->from_at >= range.until_at ||
            people_windows(p, l->deputy, range, theirs, &theirs_n) < 0)
            continue;
        int code = spans_intersect(theirs, theirs_n, &leave, 1, inside, PEOPLE_WINDOWS_MAX, &inside_n);
        if (code == 0)
            code = spans_union(windows, *n, inside, inside_n, all, PEOPLE_WINDOWS_MAX, &all_n);
        if (code < 0)
            return code;
        memcpy(windows, all, all_n * sizeof *all);
        *n = all_n;
    }
    return 0;
}

static int tell_look(struct people *p, struct daemon *d, person_no no, struct err *err)
{
    struct span windows[PEOPLE_WINDOWS_MAX];
    size_t n = 0;
    struct span range = told_range(d);
    int code = people_windows(p, no, range, windows, &n);
    if (code == 0)
        code = add_deputies(p, no, range, windows, &n);
    if (code < 0)
        return err_set(err, code, "The hours of \"%s\" are too many to plan with; write fewer.",
                       p->members[no]->name);
    struct core_event ev = { .kind = EVENT_AVAIL };
    ev.avail = (struct ev_avail){ .person = no, .until_at = range.until_at, .windows = windows,
                                  .windows_n = (uint32_t)n };
    return daemon_event(d, &ev, err);
}

/* Nothing is said of who offers nothing and never did. */
static int tell_offers(struct people *p, struct daemon *d, person_no no, struct err *err)
{
    struct offer offers[PEOPLE_WINDOWS_MAX];
    size_t n = 0;
    struct span range = told_range(d);
    struct person me;
    uint32_t known_n = 0;
    usec_t known_cap_us = 0;
    int code = people_offers(p, no, range, offers, &n);
    if (code < 0)
        return err_set(err, code, "The hours of \"%s\" are too many to plan with; write fewer.",
                       p->members[no]->name);
    (void)core_offers(daemon_core(d), no, &known_n, &known_cap_us);
    if (n == 0 && known_n == 0 && known_cap_us == 0)
        return 0;
    if (!people_get(p, no, &me))
        return E_NOT_FOUND;
    struct core_event ev = { .kind = EVENT_OFFER };
    ev.offer = (struct ev_offer){ .person = no, .until_at = range.until_at, .cap_us = me.cap_us,
                                  .windows = offers, .windows_n = (uint32_t)n };
    return daemon_event(d, &ev, err);
}

int people_tell_windows(struct people *p, struct daemon *d, person_no no, struct err *err)
{
    int code = tell_look(p, d, no, err);
    if (code == 0)
        code = tell_offers(p, d, no, err);
    for (uint32_t i = 1; i <= p->n && code == 0; i++) { /* whose deputy this is */
        const struct member *m = p->members[i];
        bool deputy = false;
        for (uint32_t k = 0; k < m->leaves_n; k++)
            deputy |= m->leaves[k].deputy == no;
        if (deputy && i != no)
            code = tell_look(p, d, (person_no)i, err);
    }
    return code;
}

static int tell(struct people *p, struct daemon *d, person_no no, struct err *err)
{
    int code = tell_limits(p, d, no, err);
    return code < 0 ? code : people_tell_windows(p, d, no, err);
}

static int introduce(struct people *p, struct daemon *d, struct str name, int64_t uid,
                     const struct config_person *configured, person_no *ret, struct err *err)
{
    struct member *m = add_member(p, (person_no)(p->n + 1), name, err);
    if (!m)
        return err ? err->code : E_TOO_LARGE;
    m->uid = uid;
    if (configured)
        m->configured = configured;
    settle(p, m);
    person_no no = (person_no)p->n;
    int code = save(d, no, m);
    if (code == 0)
        code = tell(p, d, no, err);
    else
        err_set(err, code, "A new person could not be stored.");
    if (code < 0) {
        remove_last(p);
        return code;
    }
    *ret = no;
    return 0;
}

static bool login_of(uid_t uid, char *ret, size_t size)
{
    char memory[4096];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(uid, &entry, memory, sizeof memory, &found) != 0 || !found)
        return snprintf(ret, size, "uid%u", (unsigned)uid) > 0;
    return snprintf(ret, size, "%s", entry.pw_name) > 0;
}

int people_of_uid(struct people *p, struct daemon *d, uid_t uid, person_no *ret, struct err *err)
{
    char login[CONFIG_NAME_MAX + 1];
    person_no no = people_find_uid(p, uid);
    if (no) {
        *ret = no;
        return 0;
    }
    login_of(uid, login, sizeof login);
    const struct config_person *configured = configured_as(p, (struct str){ 0 }, login);
    struct str name = str_of(configured ? configured->name : login);
    no = people_find_name(p, name);
    if (!no)
        return introduce(p, d, name, uid, configured, ret, err);
    if (p->members[no]->uid != -1) { /* an old user's name under a new number: two people */
        char unlike[CONFIG_NAME_MAX + 1];
        snprintf(unlike, sizeof unlike, "uid%u", (unsigned)uid);
        return introduce(p, d, str_of(unlike), uid, NULL, ret, err);
    }
    p->members[no]->uid = uid; /* was known by name only */
    int code = save(d, no, p->members[no]);
    if (code < 0) {
        p->members[no]->uid = -1;
        return err_set(err, code, "A new person could not be stored.");
    }
    *ret = no;
    return 0;
}

int people_named(struct people *p, struct daemon *d, struct str name, person_no *ret,
                 struct err *err)
{
    person_no no = people_find_name(p, name);
    if (no) {
        *ret = no;
        return 0;
    }
    if (!config_name_ok(name))
        return err_set(err, E_INVALID,
                       "A person's name must be 1 to %d bytes without / : , or control characters.",
                       CONFIG_NAME_MAX);
    return introduce(p, d, name, -1, NULL, ret, err);
}

/* --- changing ------------------------------------------------------------------------------------ */

static int copy_text(char *to, size_t size, struct str s)
{
    if (s.len >= size)
        return E_TOO_LARGE;
    if (s.len)
        memcpy(to, s.ptr, s.len);
    to[s.len] = '\0';
    return 0;
}

static int change_words(struct people *p, struct member *m, const struct person_change *c,
                        struct err *err)
{
    enum lang lang;
    struct hours look;
    if (c->has_lang && c->lang.len && lang_parse(c->lang, &lang) < 0)
        return err_set(err, E_INVALID, "The language must be en or ko.");
    if (c->has_zone && c->zone.len &&
        (c->zone.len >= ZONE_NAME_MAX || !zone_cache_find(&p->zones, c->zone)))
        return err_set(err, E_INVALID,
                       "\"%.*s\" is no time zone of this machine; write one such as Asia/Seoul.",
                       (int)(c->zone.len < 64 ? c->zone.len : 64), c->zone.ptr);
    const struct str said[] = { c->hours, c->work, c->focus };
    const bool has[] = { c->has_hours, c->has_work, c->has_focus };
    for (size_t i = 0; i < 3; i++) {
        int code = has[i] && said[i].len ? hours_parse(said[i], &look, err) : 0;
        if (code < 0)
            return code;
        if (has[i] && said[i].len > HOURS_TEXT_MAX)
            return err_set(err, E_TOO_LARGE, "Hours may have %d bytes.", HOURS_TEXT_MAX);
    }
    if (c->has_lang)
        copy_text(m->lang, sizeof m->lang, c->lang.len ? str_of(lang_word(lang)) : c->lang);
    if (c->has_zone)
        copy_text(m->zone, sizeof m->zone, c->zone);
    if (c->has_hours)
        copy_text(m->hours, sizeof m->hours, c->hours);
    if (c->has_work)
        copy_text(m->work, sizeof m->work, c->work);
    if (c->has_focus)
        copy_text(m->focus, sizeof m->focus, c->focus);
    return 0;
}

static int change_lengths(struct member *m, const struct person_change *c, struct err *err)
{
    if (c->has_cap && (c->cap_us == 0 || c->cap_us > PEOPLE_CAP_US_MAX))
        return err_set(err, E_INVALID, "A day's cap is more than nothing and at most %d hours; who wants "
                       "no todos offers no work hours.", (int)(PEOPLE_CAP_US_MAX / USEC_PER_HOUR));
    if (c->has_buffer && c->buffer_us > PEOPLE_BUFFER_US_MAX)
        return err_set(err, E_INVALID, "The time kept free around events is at most %d hours.",
                       (int)(PEOPLE_BUFFER_US_MAX / USEC_PER_HOUR));
    if (c->has_cap)
        m->cap_us = c->cap_us < 0 ? 0 : c->cap_us;
    if (c->has_buffer)
        m->buffer_us = c->buffer_us < 0 ? -1 : c->buffer_us;
    if (c->has_defer)
        m->defer = c->defer;
    return 0;
}

/* --- absences ----------------------------------------------------------------------------------- */

static void leave_remove(struct member *m, uint32_t i)
{
    memmove(&m->leaves[i], &m->leaves[i + 1], (--m->leaves_n - i) * sizeof m->leaves[0]);
}

/* The one that is on ends; if none is, the next is called off. */
static void leave_end(struct member *m)
{
    if (m->leaves_n)
        leave_remove(m, 0); /* those that are over are gone: the first is on, or the next */
}

/* Joined with those it touches. */
static int leave_add(struct member *m, struct person_leave l, struct err *err)
{
    uint32_t at = 0;
    for (uint32_t i = m->leaves_n; i-- > 0;) {
        const struct person_leave *old = &m->leaves[i];
        if (old->until_at < l.from_at || l.until_at < old->from_at)
            continue;
        l.from_at = usec_min(l.from_at, old->from_at);
        l.until_at = usec_max(l.until_at, old->until_at);
        leave_remove(m, i);
    }
    if (m->leaves_n == PEOPLE_LEAVES_MAX)
        return err_set(err, E_TOO_LARGE, "At most %d absences are kept ahead.", PEOPLE_LEAVES_MAX);
    while (at < m->leaves_n && m->leaves[at].from_at < l.from_at)
        at++;
    memmove(&m->leaves[at + 1], &m->leaves[at], (m->leaves_n++ - at) * sizeof l);
    m->leaves[at] = l;
    return 0;
}

static int change_marks(struct member *m, const struct person_change *c, person_no deputy,
                        usec_t now_at, struct err *err)
{
    if (c->has_away_from && !c->has_away_until)
        return err_set(err, E_INVALID,
                       "\"away_from_at\" needs \"away_until_at\": say until when.");
    if (c->has_away_until && c->away_until_at == 0) {
        leave_end(m);
    } else if (c->has_away_until) {
        usec_t from_at = c->has_away_from && c->away_from_at ? c->away_from_at : now_at;
        if (c->away_until_at <= now_at || c->away_until_at <= from_at)
            return err_set(err, E_INVALID,
                           "The end of an absence must lie after its start and after now.");
        if (c->away_until_at - now_at > PEOPLE_AWAY_US_MAX)
            return err_set(err, E_INVALID, "An absence may end at most %d days from now.",
                           (int)(PEOPLE_AWAY_US_MAX / USEC_PER_DAY));
        int code = leave_add(m, (struct person_leave){ from_at, c->away_until_at, deputy }, err);
        if (code < 0)
            return code;
        if (from_at <= now_at)
            m->here_until_at = 0; /* who goes is no longer here */
    }
    if (c->has_here_until && c->here_until_at == 0) {
        m->here_until_at = 0;
    } else if (c->has_here_until) {
        if (c->here_until_at <= now_at || c->here_until_at - now_at > PEOPLE_HERE_US_MAX)
            return err_set(err, E_INVALID, "\"here\" must end after now and within %d days.",
                           (int)(PEOPLE_HERE_US_MAX / USEC_PER_DAY));
        m->here_until_at = c->here_until_at;
        if (m->leaves_n && m->leaves[0].from_at <= now_at)
            leave_end(m); /* back early */
    }
    return 0;
}

static bool change_is_empty(const struct person_change *c)
{
    return !c->has_lang && !c->has_zone && !c->has_hours && !c->has_away_from &&
           !c->has_away_until && !c->has_here_until && !c->has_work && !c->has_focus && !c->has_cap &&
           !c->has_buffer && !c->has_defer;
}

int people_unsay(struct people *p, struct daemon *d, person_no no, struct err *err)
{
    struct member *m = p->members[no];
    struct member before = *m;
    m->lang[0] = m->zone[0] = m->hours[0] = m->work[0] = m->focus[0] = '\0';
    m->leaves_n = 0;
    m->here_until_at = m->cap_us = 0;
    m->buffer_us = -1;
    m->defer = false;
    settle(p, m);
    int code = save(d, no, m);
    code = code < 0 ? err_set(err, code, "The change could not be stored.")
                    : tell(p, d, no, err);
    if (code < 0) {
        *m = before;
        settle(p, m);
        (void)save(d, no, m);
    }
    return code;
}

int people_of_op(struct people *p, struct daemon *d, const struct op *op, person_no *ret, struct err *err)
{
    if (op->by_link) {
        *ret = op->by_link;
        return 0;
    }
    return op->for_person.len ? people_named(p, d, op->for_person, ret, err)
                              : people_of_uid(p, d, op->peer.uid, ret, err);
}

int people_change(struct people *p, struct daemon *d, const struct op *op, struct err *err)
{
    person_no no;
    const struct person_change *c = op->me.change;
    int code = people_of_op(p, d, op, &no, err);
    if (code < 0 || change_is_empty(c))
        return code;
    struct member *m = p->members[no];
    struct member before = *m;
    person_no deputy = c->deputy.len ? people_find_name(p, c->deputy) : 0;
    if (c->deputy.len && (!deputy || deputy == no))
        return err_set(err, E_NOT_FOUND, "Nobody else here is called \"%.*s\".",
                       STR_ARG(str_slice(c->deputy, 0, 64)));
    code = change_words(p, m, c, err);
    if (code == 0)
        code = change_lengths(m, c, err);
    if (code == 0)
        code = change_marks(m, c, deputy, daemon_now(d).wall_at, err);
    if (code == 0) {
        settle(p, m);
        code = save(d, no, m);
        if (code < 0)
            err_set(err, code, "The change could not be stored.");
    }
    if (code == 0 && c->has_zone)
        calendars_zone_changed(p, no);
    if (code == 0)
        code = c->has_defer ? tell(p, d, no, err) : people_tell_windows(p, d, no, err);
    if (code < 0) {
        *m = before;
        settle(p, m);
        (void)save(d, no, m); /* the row as it was, if it can still be written at all */
    }
    return code;
}

/* --- refreshing ---------------------------------------------------------------------------------- */

usec_t people_due(const struct people *p)
{
    if (p->refreshed_at == 0)
        return 0;
    usec_t due = p->refreshed_at + REFRESH_US;
    for (uint32_t i = 1; i <= p->n; i++) {
        const struct member *m = p->members[i];
        if (m->leaves_n)
            due = usec_min(due, m->leaves[0].until_at);
        if (m->here_until_at)
            due = usec_min(due, m->here_until_at);
    }
    return due;
}

struct reading {
    struct people *people;
    struct err *err;
};

static int read_row(const struct store_person *row, void *data)
{
    struct reading *r = data;
    struct people *p = r->people;
    struct member *m = add_member(p, (person_no)row->no, row->name, r->err);
    if (!m)
        return E_CORRUPT;
    m->uid = row->uid;
    copy_text(m->lang, sizeof m->lang, row->lang);
    copy_text(m->zone, sizeof m->zone, row->zone);
    copy_text(m->hours, sizeof m->hours, row->hours);
    copy_text(m->work, sizeof m->work, row->work);
    copy_text(m->focus, sizeof m->focus, row->focus);
    leaves_read(row->leaves, m);
    m->here_until_at = row->here_until_at;
    m->cap_us = row->cap_us;
    m->buffer_us = row->buffer_us;
    m->defer = row->defer;
    settle(p, m);
    return 0;
}

static int introduce_configured(struct people *p, struct daemon *d, struct err *err)
{
    person_no no;
    int code = 0;
    for (uint32_t i = 0; i < p->config->people_n && code == 0; i++) {
        struct str name = str_of(p->config->people[i].name);
        code = people_find_name(p, name) ? 0 : introduce(p, d, name, -1, &p->config->people[i], &no, err);
    }
    return code;
}

static int read_all(struct people *p, struct daemon *d, struct err *err)
{
    struct reading r = { p, err };
    int code = store_persons_each(daemon_store(d), read_row, &r);
    if (code == 0)
        code = calendars_load(p->calendars, d, err);
    return code < 0 ? code : introduce_configured(p, d, err);
}

/* Marks that are over are forgotten: where somebody was is nobody's business afterwards. */
static int drop_old_marks(struct people *p, struct daemon *d, usec_t now_at)
{
    for (uint32_t i = 1; i <= p->n; i++) {
        struct member *m = p->members[i];
        bool away_over = m->leaves_n && m->leaves[0].until_at <= now_at;
        bool here_over = m->here_until_at && m->here_until_at <= now_at;
        while (m->leaves_n && m->leaves[0].until_at <= now_at)
            leave_remove(m, 0);
        if (here_over)
            m->here_until_at = 0;
        int code = away_over || here_over ? save(d, (person_no)i, m) : 0;
        if (code < 0)
            return code;
    }
    return 0;
}

int people_refresh(struct people *p, struct daemon *d, struct err *err)
{
    usec_t now_at = daemon_now(d).wall_at;
    bool first = p->refreshed_at == 0;
    bool all = first || now_at >= p->refreshed_at + REFRESH_US || now_at < p->refreshed_at;
    int code = first && p->n == 0 ? read_all(p, d, err) : 0;
    if (code == 0)
        code = drop_old_marks(p, d, now_at);
    for (uint32_t i = 1; all && code == 0 && i <= p->n; i++)
        code = tell(p, d, (person_no)i, err);
    if (code == 0 && all)
        p->refreshed_at = now_at;
    return code;
}

void people_use(struct people *p, const struct config *config)
{
    p->config = config;
    for (uint32_t i = 1; i <= p->n; i++) {
        const struct zone *was = p->members[i]->tz;
        p->members[i]->configured = configured_as(p, str_of(p->members[i]->name), NULL);
        settle(p, p->members[i]);
        if (p->members[i]->tz != was)
            calendars_zone_changed(p, (person_no)i);
    }
}

int people_check(const struct people *p, const struct config *config, struct err *err)
{
    uint32_t n = p->n;
    for (uint32_t i = 0; i < config->people_n; i++)
        if (!people_find_name(p, str_of(config->people[i].name)) && n++ == CORE_PERSONS_MAX)
            return err_set(err, E_TOO_LARGE, "The team has %d people already; that is the most.", CORE_PERSONS_MAX);
    return 0;
}

int people_configure(struct people *p, struct daemon *d, const struct config *config, struct err *err)
{
    people_use(p, config);
    int code = p->n ? introduce_configured(p, d, err) : 0; /* whoever forgot everybody reads all of it */
    p->refreshed_at = 0;
    return code < 0 ? code : people_refresh(p, d, err);
}

/* --- looking ------------------------------------------------------------------------------------- */

uint32_t people_n(const struct people *p)
{
    return p->n;
}

static const struct member *member(const struct people *p, person_no no)
{
    return no >= 1 && no <= p->n ? p->members[no] : NULL;
}

bool people_get(const struct people *p, person_no no, struct person *ret)
{
    const struct member *m = member(p, no);
    if (!m)
        return false;
    const char *lang = m->lang[0] ? m->lang : m->configured ? m->configured->lang : NULL;
    *ret = (struct person){
        .no = no, .uid = m->uid, .name = m->name, .lang = p->config->lang,
        .lang_known = p->config->lang_given, .zone_name = m->zone_shown, .zone = m->tz,
        .zone_from = m->zone[0] ? "set"
            : p->config->zone || (m->configured && m->configured->zone) ? "configured" : "default",
        .hours = hours_of(p, m),
        .hours_from = m->hours[0] ? "set"
            : m->configured && m->configured->hours ? "configured" : "default",
        .work = work_of(p, m), .focus = m->focus[0] ? m->focus : "none",
        .work_from = m->work[0] ? "set" : m->configured && m->configured->work ? "configured"
            : "default",
        .cap_us = m->cap_us ? m->cap_us : p->config->cap_us,
        .buffer_us = m->buffer_us >= 0 ? m->buffer_us : p->config->buffer_us,
        .away_from_at = m->leaves_n ? m->leaves[0].from_at : 0,
        .away_until_at = m->leaves_n ? m->leaves[0].until_at : 0,
        .here_until_at = m->here_until_at, .leaves_n = m->leaves_n, .defer = m->defer,
    };
    if (lang && lang_parse(str_of(lang), &ret->lang) == 0)
        ret->lang_known = true;
    return true;
}

bool people_leave(const struct people *p, person_no no, uint32_t i, struct person_leave *ret)
{
    const struct member *m = member(p, no);
    if (!m || i >= m->leaves_n)
        return false;
    *ret = m->leaves[i];
    return true;
}

const char *people_name(const struct people *p, person_no no)
{
    const struct member *m = member(p, no);
    return m ? m->name : "?";
}

person_no people_find_uid(const struct people *p, uid_t uid)
{
    for (uint32_t i = 1; i <= p->n; i++)
        if (p->members[i]->uid == (int64_t)uid)
            return (person_no)i;
    return 0;
}

person_no people_find_name(const struct people *p, struct str name)
{
    for (uint32_t i = 1; i <= p->n; i++)
        if (str_is(name, p->members[i]->name))
            return (person_no)i;
    return 0;
}

const struct zone *people_system_zone(const struct people *p)
{
    return &p->system_zone;
}

const char *people_system_zone_name(const struct people *p)
{
    return p->system_name;
}

struct calendars *people_calendars(const struct people *p)
{
    return p->calendars;
}

static size_t leave_spans(const struct member *m, struct span out[PEOPLE_LEAVES_MAX])
{
    for (uint32_t i = 0; i < m->leaves_n; i++)
        out[i] = (struct span){ m->leaves[i].from_at, m->leaves[i].until_at };
    return m->leaves_n;
}

int people_planned(const struct people *p, person_no no, struct span range, struct span *out, size_t *ret_n)
{
    struct span look[PEOPLE_WINDOWS_MAX], rest[PEOPLE_WINDOWS_MAX], busy[PEOPLE_BUSY_MAX];
    const struct member *m = member(p, no);
    size_t n = 0;
    if (!m)
        return E_NOT_FOUND;
    int code = hours_expand(&m->look, m->tz, range, look, PEOPLE_WINDOWS_MAX - PEOPLE_BUSY_MAX - 4, &n);
    if (code < 0)
        return code;
    struct span away[PEOPLE_LEAVES_MAX];
    size_t away_n = leave_spans(m, away);
    code = spans_subtract(look, n, away, away_n, rest, PEOPLE_WINDOWS_MAX, &n);
    if (code < 0)
        return code;
    size_t busy_n = calendars_busy(p->calendars, no, range, CAL_BUSY, busy, PEOPLE_BUSY_MAX);
    return spans_subtract(rest, n, busy, busy_n, out, PEOPLE_WINDOWS_MAX - 2, ret_n);
}

int people_windows(const struct people *p, person_no no, struct span range, struct span *out,
                   size_t *ret_n)
{
    struct span look[PEOPLE_WINDOWS_MAX];
    const struct member *m = member(p, no);
    size_t n = 0;
    if (!m)
        return E_NOT_FOUND;
    int code = people_planned(p, no, range, look, &n);
    if (code < 0)
        return code;
    struct span here = { range.from_at, usec_min(m->here_until_at, range.until_at) };
    bool is_here = m->here_until_at != 0 && here.from_at < here.until_at;
    return spans_union(look, n, &here, is_here, out, PEOPLE_WINDOWS_MAX, ret_n);
}

/* --- offered hours -------------------------------------------------------------------------------- */

int64_t people_local_day(const struct zone *zone, usec_t at)
{
    return civil_day_of(zone_to_local_s(zone, at / USEC_PER_SEC));
}

/* Time kept free before and after each event. */
static size_t widen(struct span *busy, size_t n, usec_t by_us)
{
    for (size_t i = 0; i < n; i++) {
        busy[i].from_at -= by_us;
        busy[i].until_at += by_us;
    }
    return spans_normalise(busy, n);
}

/* A stretch belongs to one local day: one that goes on after midnight becomes two. */
static int by_day(const struct zone *zone, struct span s, bool focus, struct offer *out, size_t *n)
{
    while (s.from_at < s.until_at) {
        int64_t day = people_local_day(zone, s.from_at);
        usec_t midnight_at = zone_edge_utc_s(zone, (day + 1) * CIVIL_DAY_S) * USEC_PER_SEC;
        usec_t until_at = midnight_at > s.from_at ? usec_min(s.until_at, midnight_at) : s.until_at;
        if (*n == PEOPLE_WINDOWS_MAX)
            return E_FULL;
        out[(*n)++] = (struct offer){ s.from_at, until_at, day, focus };
        s.from_at = until_at;
    }
    return 0;
}

/* Windows inside focus blocks and those outside, back in order. */
static int merge(const struct zone *zone, const struct span *plain, size_t plain_n,
                 const struct span *focus, size_t focus_n, struct offer *out, size_t *ret_n)
{
    size_t n = 0, i = 0, k = 0;
    int code = 0;
    while (code == 0 && (i < plain_n || k < focus_n)) {
        bool from_focus = i == plain_n || (k < focus_n && focus[k].from_at < plain[i].from_at);
        code = by_day(zone, from_focus ? focus[k++] : plain[i++], from_focus, out, &n);
    }
    *ret_n = n;
    return code;
}

int people_offers(const struct people *p, person_no no, struct span range, struct offer *out,
                  size_t *ret_n)
{
    struct span a[PEOPLE_WINDOWS_MAX], b[PEOPLE_WINDOWS_MAX], c[PEOPLE_WINDOWS_MAX];
    struct span busy[PEOPLE_BUSY_MAX], away[PEOPLE_LEAVES_MAX];
    const struct member *m = member(p, no);
    struct person me;
    size_t n = 0, blocks_n = 0, plain_n = 0, focus_n = 0;
    if (!m || !people_get(p, no, &me))
        return E_NOT_FOUND;
    int code = hours_expand(&m->offered, m->tz, range, a, PEOPLE_WINDOWS_MAX / 4, &n);
    size_t away_n = leave_spans(m, away);
    if (code == 0)
        code = spans_subtract(a, n, away, away_n, b, PEOPLE_WINDOWS_MAX / 3, &n);
    size_t busy_n = calendars_busy(p->calendars, no, range, CAL_SOFT, busy, PEOPLE_BUSY_MAX / 2);
    busy_n = widen(busy, busy_n, me.buffer_us);
    if (code == 0)
        code = spans_subtract(b, n, busy, busy_n, a, PEOPLE_WINDOWS_MAX, &n);
    if (code == 0)
        code = hours_expand(&m->blocks, m->tz, range, b, PEOPLE_WINDOWS_MAX / 4, &blocks_n);
    if (code == 0)
        code = spans_subtract(a, n, b, blocks_n, c, PEOPLE_WINDOWS_MAX / 2, &plain_n);
    if (code < 0)
        return code;
    /* c holds the plain ones; what is left of a lies in blocks */
    struct span inside[PEOPLE_WINDOWS_MAX];
    code = spans_intersect(a, n, b, blocks_n, inside, PEOPLE_WINDOWS_MAX / 2, &focus_n);
    return code < 0 ? code : merge(m->tz, c, plain_n, inside, focus_n, out, ret_n);
}
