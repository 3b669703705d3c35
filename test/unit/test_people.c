/* test_people.c - when people can look: zones, changes of the clock, away, here; who they are.
 *
 * The daemon and the store are the fakes below: a row kept in memory, events recorded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cal/spans.h"
#include "cal/when.h"
#include "daemon/calendars.h"
#include "daemon/daemon.h"
#include "daemon/people.h"

/* --- fakes ---------------------------------------------------------------------------------------------- */

#define ROWS_MAX 16

struct row {
    struct store_person p;
    char name[80], lang[8], zone[80], hours[256], work[256], focus[256], leaves[2000];
};

struct calendar_row {
    struct store_calendar c; /* person 0: removed */
    char name[80], kind[16], place[80], trouble[40], issues[400];
    char *busy;
};

struct daemon {
    usec_t now_at;
    struct row rows[ROWS_MAX + 1];
    uint32_t rows_n;
    struct calendar_row calendars[ROWS_MAX];
    uint32_t calendars_n;
    int secrets;
    unsigned avail_events, person_events, offer_events;
    struct ev_offer offer;
    struct offer offers[PEOPLE_WINDOWS_MAX];
    struct ev_avail avail;
    struct ev_person person;
    struct span windows[PEOPLE_WINDOWS_MAX];
    int fail; /* what the next write or event returns */
};

struct store *daemon_store(struct daemon *d)
{
    return (struct store *)d;
}

struct loop_now daemon_now(const struct daemon *d)
{
    return (struct loop_now){ .wall_at = d->now_at, .boot_at = 1 };
}

/* Nobody offers anything until a test's daemon_event says so. */
const struct core *daemon_core(const struct daemon *d)
{
    const struct core_limits limits = { .jobs = 1, .groups = 1 };
    static void *block;
    (void)d;
    if (!block)
        block = aligned_alloc(16, (core_size(&limits) + 15) / 16 * 16);
    assert_non_null(block);
    return core_init(block, core_size(&limits), &limits);
}

int daemon_event(struct daemon *d, struct core_event *ev, struct err *err)
{
    if (d->fail)
        return err_set(err, d->fail, "planted");
    if (ev->kind == EVENT_OFFER) {
        d->offer = ev->offer;
        assert_true(ev->offer.windows_n <= PEOPLE_WINDOWS_MAX);
        memcpy(d->offers, ev->offer.windows, ev->offer.windows_n * sizeof(struct offer));
        d->offer.windows = d->offers;
        d->offer_events++;
        return 0;
    }
    if (ev->kind == EVENT_AVAIL) {
        d->avail = ev->avail;
        assert_true(ev->avail.windows_n <= PEOPLE_WINDOWS_MAX);
        memcpy(d->windows, ev->avail.windows, ev->avail.windows_n * sizeof(struct span));
        d->avail.windows = d->windows;
        assert_true(spans_is_normal(d->windows, d->avail.windows_n));
        d->avail_events++;
    } else {
        assert_int_equal(ev->kind, EVENT_PERSON);
        d->person = ev->person;
        d->person_events++;
    }
    return 0;
}

static void keep(char *to, size_t size, struct str s, struct str *ret)
{
    snprintf(to, size, "%.*s", STR_ARG(s));
    *ret = str_of(to);
}

int store_person_put(struct store *s, const struct store_person *p)
{
    struct daemon *d = (struct daemon *)s;
    if (d->fail)
        return d->fail;
    assert_true(p->no >= 1 && p->no <= ROWS_MAX);
    struct row *row = &d->rows[p->no];
    row->p = *p;
    keep(row->name, sizeof row->name, p->name, &row->p.name);
    keep(row->lang, sizeof row->lang, p->lang, &row->p.lang);
    keep(row->zone, sizeof row->zone, p->zone, &row->p.zone);
    keep(row->hours, sizeof row->hours, p->hours, &row->p.hours);
    keep(row->work, sizeof row->work, p->work, &row->p.work);
    keep(row->focus, sizeof row->focus, p->focus, &row->p.focus);
    keep(row->leaves, sizeof row->leaves, p->leaves, &row->p.leaves);
    if (p->no > d->rows_n)
        d->rows_n = p->no;
    return 0;
}

int store_persons_each(struct store *s, int (*row)(const struct store_person *p, void *data), void *data)
{
    struct daemon *d = (struct daemon *)s;
    for (uint32_t i = 1; i <= d->rows_n; i++) {
        int code = row(&d->rows[i].p, data);
        if (code < 0)
            return code;
    }
    return 0;
}

/* No test here has a list of todos. */
int lists_read(struct daemon *d, const struct calendar_change *c, usec_t takes_us, bool *ret_room, struct err *err)
{
    (void)d, (void)c, (void)takes_us, (void)err;
    *ret_room = true;
    fail();
    return 0;
}

int lists_remove(struct daemon *d, person_no no, struct str name, struct err *err)
{
    (void)d, (void)no, (void)name, (void)err;
    fail();
    return 0;
}

int lists_waiting(struct daemon *d, person_no no, struct str name, struct list_waiting *ret)
{
    (void)d, (void)no, (void)name;
    *ret = (struct list_waiting){ 0 };
    fail();
    return 0;
}

static struct calendar_row *calendar_row(struct daemon *d, uint32_t person, struct str name)
{
    for (uint32_t i = 0; i < d->calendars_n; i++)
        if (d->calendars[i].c.person == person && str_is(name, d->calendars[i].name))
            return &d->calendars[i];
    return NULL;
}

int store_calendar_put(struct store *s, const struct store_calendar *c)
{
    struct daemon *d = (struct daemon *)s;
    if (d->fail)
        return d->fail;
    struct calendar_row *row = calendar_row(d, c->person, c->name);
    if (!row) {
        assert_true(d->calendars_n < ROWS_MAX);
        row = &d->calendars[d->calendars_n++];
    }
    row->c = *c;
    keep(row->name, sizeof row->name, c->name, &row->c.name);
    keep(row->kind, sizeof row->kind, c->kind, &row->c.kind);
    keep(row->place, sizeof row->place, c->place, &row->c.place);
    keep(row->trouble, sizeof row->trouble, c->trouble, &row->c.trouble);
    keep(row->issues, sizeof row->issues, c->issues, &row->c.issues);
    free(row->busy);
    row->busy = strndup(c->busy.ptr ? c->busy.ptr : "", c->busy.len);
    row->c.busy = str_of(row->busy);
    row->c.self = row->c.marks = (struct str){ "", 0 };
    return 0;
}

int store_calendar_remove(struct store *s, uint32_t person, struct str name)
{
    struct daemon *d = (struct daemon *)s;
    struct calendar_row *row = calendar_row(d, person, name);
    if (d->fail)
        return d->fail;
    if (row)
        row->c.person = 0;
    return 0;
}

int store_calendars_each(struct store *s, int (*row)(const struct store_calendar *c, void *data),
                         void *data)
{
    struct daemon *d = (struct daemon *)s;
    for (uint32_t i = 0; i < d->calendars_n; i++) {
        int code = d->calendars[i].c.person ? row(&d->calendars[i].c, data) : 0;
        if (code < 0)
            return code;
    }
    return 0;
}

int store_calendar_tried(struct store *s, uint32_t person, struct str name, usec_t read_at,
                         usec_t tried_at, struct str trouble, struct str marks)
{
    struct daemon *d = (struct daemon *)s;
    struct calendar_row *row = calendar_row(d, person, name);
    (void)marks;
    assert_non_null(row);
    row->c.read_at = read_at;
    row->c.tried_at = tried_at;
    keep(row->trouble, sizeof row->trouble, trouble, &row->c.trouble);
    return d->fail;
}

int credentials_put(struct daemon *d, person_no no, struct str name,
                    const struct calendar_secrets *secrets)
{
    (void)no, (void)name, (void)secrets;
    d->secrets++;
    return d->fail;
}

void credentials_remove(struct daemon *d, person_no no, struct str name)
{
    (void)no, (void)name;
    d->secrets--;
}

bool daemon_is_operator(const struct daemon *d, const struct op_peer *peer)
{
    (void)d;
    return peer->uid == getuid();
}

/* --- scenes ----------------------------------------------------------------------------------------------- */

static usec_t at(const char *text) /* UTC */
{
    struct zone utc;
    struct when w;
    zone_init_fixed(&utc, 0);
    assert_int_equal(when_parse(str_of(text), &utc, 0, &w, NULL), 0);
    return w.at;
}

struct scene {
    struct daemon d;
    struct config *config;
    struct people *p;
    person_no me;
};

static void begin(struct scene *s, const char *yaml, const char *now)
{
    struct err err = { 0 };
    memset(s, 0, sizeof *s);
    s->d.now_at = at(now);
    if (config_parse(str_of(yaml), "eoul.yaml", &s->config, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(people_create(s->config, &s->p, NULL), 0);
    assert_int_equal(people_due(s->p), 0);
    assert_int_equal(people_refresh(s->p, &s->d, NULL), 0);
}

static void end(struct scene *s)
{
    people_destroy(s->p);
    config_destroy(s->config);
    for (uint32_t i = 0; i < s->d.calendars_n; i++)
        free(s->d.calendars[i].busy);
}

static int change(struct scene *s, struct person_change c, const char *for_person, struct err *err)
{
    struct op op = { .kind = OP_ME, .peer = { .uid = getuid() },
                     .for_person = str_of(for_person), .me = { &c } };
    return people_change(s->p, &s->d, &op, err);
}

/* Is `name` there at that instant, as the core was told last? */
static bool told(const struct scene *s, const char *when)
{
    return spans_contain(s->d.windows, s->d.avail.windows_n, at(when));
}

#define SAY_HOURS(text) (struct person_change){ .has_hours = true, .hours = STR(text) }

static void defaults_are_weekdays_in_the_team_zone(void **state)
{
    struct scene s;
    struct person me;
    (void)state;
    begin(&s, "zone: Asia/Seoul\n", "2026-11-24T00:00:00Z"); /* Tue 09:00 in Seoul */
    assert_int_equal(change(&s, (struct person_change){ 0 }, NULL, NULL), 0);
    assert_int_equal(people_n(s.p), 1);
    assert_true(people_get(s.p, people_find_uid(s.p, getuid()), &me));
    assert_string_equal(me.hours_from, "default");
    assert_string_equal(me.zone_name, "Asia/Seoul");
    assert_false(me.lang_known);
    assert_true(told(&s, "2026-11-24T00:00:00Z"));
    assert_false(told(&s, "2026-11-24T09:00:00Z"));  /* 18:00 */
    assert_true(told(&s, "2026-11-24T08:59:59Z"));
    assert_false(told(&s, "2026-11-28T03:00:00Z"));  /* Saturday */
    assert_true(told(&s, "2027-01-20T03:00:00Z"));   /* 57 days on */
    assert_true(s.d.avail.until_at >= s.d.now_at + 59 * USEC_PER_DAY);
    end(&s);
}

static void clock_changes(void **state)
{
    struct scene s;
    (void)state;
    /* Berlin leaves summer time on Sunday 25 October 2026: 09:00 is 07:00 UTC before, 08:00 after. */
    begin(&s, "zone: Europe/Berlin\n", "2026-10-20T12:00:00Z");
    assert_int_equal(change(&s, (struct person_change){ 0 }, NULL, NULL), 0);
    assert_true(told(&s, "2026-10-23T07:00:00Z"));
    assert_false(told(&s, "2026-10-23T06:59:59Z"));
    assert_false(told(&s, "2026-10-26T07:59:59Z"));
    assert_true(told(&s, "2026-10-26T08:00:00Z"));
    /* A night shift across the change is an hour longer. */
    assert_int_equal(change(&s, SAY_HOURS("Sat 22:00-06:00"), NULL, NULL), 0);
    assert_true(told(&s, "2026-10-24T20:00:00Z"));
    assert_true(told(&s, "2026-10-25T04:59:59Z"));
    assert_false(told(&s, "2026-10-25T05:00:00Z"));
    end(&s);
    /* And it comes back on 29 March 2026: hours inside the gap end at the jump. */
    begin(&s, "zone: Europe/Berlin\nhours: Sun 01:00-02:30\n", "2026-03-20T12:00:00Z");
    assert_int_equal(change(&s, (struct person_change){ 0 }, NULL, NULL), 0);
    assert_true(told(&s, "2026-03-29T00:30:00Z"));
    assert_false(told(&s, "2026-03-29T01:00:00Z"));
    end(&s);
}

static void away_and_here(void **state)
{
    struct scene s;
    struct person me;
    struct err err = { 0 };
    (void)state;
    begin(&s, "zone: UTC\n", "2026-11-24T10:00:00Z");
    struct person_change c = { .has_away_until = true, .away_until_at = at("2026-11-26T12:00:00Z") };
    assert_int_equal(change(&s, c, NULL, NULL), 0);
    assert_false(told(&s, "2026-11-24T11:00:00Z"));
    assert_false(told(&s, "2026-11-26T11:59:59Z"));
    assert_true(told(&s, "2026-11-26T12:00:00Z"));
    /* Here, although away: present, and the absence is over. */
    c = (struct person_change){ .has_here_until = true, .here_until_at = at("2026-11-24T23:00:00Z") };
    assert_int_equal(change(&s, c, NULL, NULL), 0);
    assert_true(told(&s, "2026-11-24T22:00:00Z"));
    assert_false(told(&s, "2026-11-24T23:00:00Z"));
    assert_true(told(&s, "2026-11-25T11:00:00Z"));
    /* A later absence leaves the mark of today alone. */
    c = (struct person_change){ .has_away_from = true, .has_away_until = true,
                                .away_from_at = at("2026-12-01T00:00:00Z"),
                                .away_until_at = at("2026-12-03T00:00:00Z") };
    assert_int_equal(change(&s, c, NULL, NULL), 0);
    assert_true(told(&s, "2026-11-24T22:00:00Z"));
    assert_true(told(&s, "2026-11-30T10:00:00Z"));
    assert_false(told(&s, "2026-12-01T10:00:00Z"));
    assert_true(told(&s, "2026-12-03T10:00:00Z"));
    /* Marks that are over are forgotten at the time that people_due names. */
    assert_int_equal(people_due(s.p), at("2026-11-24T23:00:00Z"));
    s.d.now_at = at("2026-11-24T23:00:00Z");
    assert_int_equal(people_refresh(s.p, &s.d, NULL), 0);
    assert_true(people_get(s.p, 1, &me));
    assert_int_equal(me.here_until_at, 0);
    assert_int_equal(s.d.rows[1].p.here_until_at, 0);
    assert_int_equal(me.away_until_at, at("2026-12-03T00:00:00Z"));
    /* Refusals change nothing. */
    struct ev_avail before = s.d.avail;
    c = (struct person_change){ .has_away_until = true, .away_until_at = s.d.now_at - 1 };
    assert_int_equal(change(&s, c, NULL, &err), E_INVALID);
    c = (struct person_change){ .has_away_from = true, .away_from_at = s.d.now_at + 1 };
    assert_int_equal(change(&s, c, NULL, &err), E_INVALID);
    assert_string_equal(err.text, "\"away_from_at\" needs \"away_until_at\": say until when.");
    c = (struct person_change){ .has_here_until = true,
                                .here_until_at = s.d.now_at + 8 * USEC_PER_DAY };
    assert_int_equal(change(&s, c, NULL, &err), E_INVALID);
    assert_true(people_get(s.p, 1, &me));
    assert_int_equal(me.away_until_at, at("2026-12-03T00:00:00Z"));
    assert_int_equal(s.d.avail.until_at, before.until_at);
    end(&s);
}

static void words(void **state)
{
    struct scene s;
    struct person me;
    struct err err = { 0 };
    (void)state;
    begin(&s, "zone: UTC\n", "2026-11-24T10:00:00Z");
    struct person_change c = { .has_hours = true, .hours = STR("월-금 22시-24시"), .has_zone = true,
                               .zone = STR("Asia/Seoul"), .has_lang = true, .lang = STR("ko_KR") };
    assert_int_equal(change(&s, c, NULL, NULL), 0);
    assert_true(people_get(s.p, 1, &me));
    assert_true(me.lang_known && me.lang == LANG_KO);
    assert_string_equal(me.zone_name, "Asia/Seoul");
    assert_string_equal(me.hours_from, "set");
    assert_string_equal(s.d.rows[1].lang, "ko");
    assert_true(told(&s, "2026-11-24T13:00:00Z"));
    assert_false(told(&s, "2026-11-24T15:00:00Z"));
    /* One wrong word among right ones: nothing is taken. */
    c = (struct person_change){ .has_hours = true, .hours = STR("Mon 9-10"), .has_zone = true,
                                .zone = STR("Mars/Olympus") };
    assert_int_equal(change(&s, c, NULL, &err), E_INVALID);
    assert_string_equal(err.text, "\"Mars/Olympus\" is no time zone of this machine; write one such "
                                  "as Asia/Seoul.");
    assert_int_equal(change(&s, SAY_HOURS("whenever"), NULL, &err), E_INVALID);
    assert_true(people_get(s.p, 1, &me));
    assert_string_equal(me.hours, "월-금 22시-24시");
    /* Empty: back to what would be without. */
    c = (struct person_change){ .has_hours = true, .has_zone = true, .has_lang = true };
    assert_int_equal(change(&s, c, NULL, NULL), 0);
    assert_true(people_get(s.p, 1, &me));
    assert_string_equal(me.hours_from, "default");
    assert_string_equal(me.zone_name, "UTC");
    assert_false(me.lang_known);
    /* No hours at all: never there. */
    assert_int_equal(change(&s, SAY_HOURS("none"), NULL, NULL), 0);
    assert_int_equal(s.d.avail.windows_n, 0);
    end(&s);
}

static void who_is_who(void **state)
{
    struct scene s;
    struct person someone;
    struct err err = { 0 };
    char yaml[512];
    (void)state;
    snprintf(yaml, sizeof yaml,
             "limits: {running: 4}\npeople:\n- {name: Ada, hours: Mon 9-10, limits: {gpus: 2}}\n"
             "- {name: 민수, user: %s, lang: ko}\n", getpwuid(getuid()) ? getpwuid(getuid())->pw_name : "?");
    begin(&s, yaml, "2026-11-24T10:00:00Z");
    assert_int_equal(people_n(s.p), 2);
    assert_int_equal(s.d.rows_n, 2);
    assert_int_equal(people_find_uid(s.p, getuid()), 0);
    /* The Unix user the configuration names is that person. */
    assert_int_equal(change(&s, (struct person_change){ 0 }, NULL, NULL), 0);
    assert_int_equal(people_n(s.p), 2);
    assert_int_equal(people_find_uid(s.p, getuid()), 2);
    assert_string_equal(people_name(s.p, 2), "민수");
    assert_int_equal(s.d.rows[2].p.uid, getuid());
    /* A sample person, made once. */
    uint32_t n = people_n(s.p);
    assert_int_equal(change(&s, SAY_HOURS("Sun 9-10"), "bob", NULL), 0);
    assert_int_equal(change(&s, SAY_HOURS("Sun 9-11"), "bob", NULL), 0);
    assert_int_equal(people_n(s.p), n + 1);
    assert_true(people_get(s.p, people_find_name(s.p, STR("bob")), &someone));
    assert_int_equal(someone.uid, -1);
    assert_int_equal(s.d.person.running_max, 4);
    assert_int_equal(s.d.person.gpus_max, 0);
    assert_int_equal(change(&s, (struct person_change){ 0 }, "a/b", &err), E_INVALID);
    assert_string_equal(people_name(s.p, 99), "?");
    assert_false(people_get(s.p, 0, &someone));
    /* A store that refuses leaves nobody behind. */
    n = people_n(s.p);
    s.d.fail = E_NO_SPACE;
    assert_int_equal(change(&s, (struct person_change){ 0 }, "carol", &err), E_NO_SPACE);
    assert_int_equal(people_n(s.p), n);
    s.d.fail = 0;
    end(&s);
}

static void again_after_restart(void **state)
{
    struct scene s;
    struct person me;
    (void)state;
    begin(&s, "zone: UTC\n", "2026-11-24T10:00:00Z");
    struct person_change c = { .has_hours = true, .hours = STR("Tue 20-21"), .has_away_until = true,
                               .away_until_at = at("2026-11-30T00:00:00Z") };
    assert_int_equal(change(&s, c, NULL, NULL), 0);
    assert_int_equal(change(&s, SAY_HOURS("Wed 1-2"), "bob", NULL), 0);
    /* Somebody else on the machine, known by name before, keeps the number. */
    people_forget(s.p);
    assert_int_equal(people_n(s.p), 0);
    unsigned before = s.d.avail_events;
    assert_int_equal(people_refresh(s.p, &s.d, NULL), 0);
    assert_int_equal(people_n(s.p), 2);
    assert_int_equal(s.d.avail_events, before + 2);
    assert_true(people_get(s.p, people_find_uid(s.p, getuid()), &me));
    assert_string_equal(me.hours, "Tue 20-21");
    assert_int_equal(me.away_until_at, at("2026-11-30T00:00:00Z"));
    /* Told again daily, with a horizon that moved. */
    usec_t until_at = s.d.avail.until_at;
    s.d.now_at += USEC_PER_HOUR;
    before = s.d.avail_events;
    assert_int_equal(people_refresh(s.p, &s.d, NULL), 0);
    assert_int_equal(s.d.avail_events, before);
    s.d.now_at = people_due(s.p);
    assert_int_equal(people_refresh(s.p, &s.d, NULL), 0);
    assert_int_equal(s.d.avail_events, before + 2);
    assert_int_equal(s.d.avail.until_at, until_at + USEC_PER_DAY);
    end(&s);
}

/* --- calendars -------------------------------------------------------------------------------------------- */

static int calendar(struct scene *s, struct calendar_change c, uid_t uid, const char *for_person,
                    struct err *err)
{
    struct op op = { .kind = OP_CALENDAR, .peer = { .uid = uid }, .for_person = str_of(for_person),
                     .calendar = { &c } };
    return calendars_change(s->p, &s->d, &op, err);
}

static struct calendar_change put(struct scene *s, const char *name, const struct busy *busy, size_t n)
{
    return (struct calendar_change){ .action = CALENDAR_PUT, .name = str_of(name),
                                     .place = STR("/cal.ics"), .busy = busy, .busy_n = n,
                                     .until_at = s->d.now_at + 400 * USEC_PER_DAY, .events = 7 };
}

static void a_calendar_takes_its_times_out(void **state)
{
    struct scene s;
    struct calendar c;
    (void)state;
    begin(&s, "zone: Asia/Seoul\npeople:\n  - name: mina\n", "2026-11-25T00:00:00Z");
    const struct busy busy[] = {
        { at("2026-11-25T01:00:00Z"), at("2026-11-25T02:00:00Z"), CAL_BUSY },
        { at("2026-11-25T03:00:00Z"), at("2026-11-25T04:00:00Z"), CAL_SOFT },
        { at("2026-11-26T00:00:00Z"), at("2026-11-27T00:00:00Z"), CAL_AWAY },
    };
    assert_int_equal(calendar(&s, put(&s, "work", busy, 3), getuid(), "mina", NULL), 0);
    assert_true(told(&s, "2026-11-25T00:30:00Z"));
    assert_false(told(&s, "2026-11-25T01:30:00Z"));
    assert_true(told(&s, "2026-11-25T03:30:00Z")); /* tentative: the phone is in reach */
    assert_false(told(&s, "2026-11-26T03:00:00Z"));
    assert_true(told(&s, "2026-11-27T03:00:00Z"));
    person_no mina = people_find_name(s.p, STR("mina"));
    assert_true(calendars_get(s.p, mina, 0, &c));
    assert_int_equal(c.events, 7);
    assert_int_equal(c.read_at, s.d.now_at);
    /* Presence is fresher than a calendar. */
    s.d.now_at = at("2026-11-26T01:00:00Z");
    assert_int_equal(change(&s, (struct person_change){ .has_here_until = true,
                                .here_until_at = at("2026-11-26T02:00:00Z") }, "mina", NULL), 0);
    assert_true(told(&s, "2026-11-26T01:30:00Z"));
    assert_false(told(&s, "2026-11-26T02:30:00Z"));
    /* The same again tells the core nothing new; another content does; taken out, all is as before. */
    unsigned before = s.d.avail_events;
    assert_int_equal(calendar(&s, put(&s, "work", busy, 3), getuid(), "mina", NULL), 0);
    assert_int_equal(s.d.avail_events, before);
    assert_int_equal(calendar(&s, put(&s, "work", busy, 1), getuid(), "mina", NULL), 0);
    assert_int_equal(s.d.avail_events, before + 1);
    assert_true(told(&s, "2026-11-26T03:00:00Z"));
    assert_int_equal(calendar(&s, (struct calendar_change){ .action = CALENDAR_REMOVE, .name = STR("work") },
                              getuid(), "mina", NULL), 0);
    assert_true(told(&s, "2026-11-25T01:30:00Z"));
    assert_int_equal(calendars_n(s.p, mina), 0);
    end(&s);
}

static void several_calendars_and_a_restart(void **state)
{
    struct scene s;
    struct calendar c;
    (void)state;
    begin(&s, "people:\n  - name: mina\n", "2026-11-25T00:00:00Z");
    const struct busy one = { at("2026-11-25T10:00:00Z"), at("2026-11-25T11:00:00Z"), CAL_BUSY };
    const struct busy two = { at("2026-11-25T10:30:00Z"), at("2026-11-25T12:00:00Z"), CAL_BUSY };
    const struct calendar_issue issue = { CAL_ISSUE_ZONE, 12, STR("Mars/Olympus") };
    struct calendar_change with_issue = put(&s, "b", &two, 1);
    with_issue.issues = &issue;
    with_issue.listed_n = with_issue.issues_n = 1;
    assert_int_equal(calendar(&s, with_issue, getuid(), "mina", NULL), 0);
    assert_int_equal(calendar(&s, put(&s, "a", &one, 1), getuid(), "mina", NULL), 0);
    person_no mina = people_find_name(s.p, STR("mina"));
    people_forget(s.p);
    assert_int_equal(people_refresh(s.p, &s.d, NULL), 0);
    assert_int_equal(calendars_n(s.p, mina), 2);
    assert_true(calendars_get(s.p, mina, 0, &c));
    assert_string_equal(c.name, "a"); /* in the order of names */
    assert_true(calendars_get(s.p, mina, 1, &c));
    assert_string_equal(c.issues, "unknown-zone 12 Mars/Olympus\n");
    assert_int_equal(c.busy_n, 1);
    assert_false(told(&s, "2026-11-25T10:15:00Z"));
    assert_false(told(&s, "2026-11-25T11:45:00Z"));
    assert_true(told(&s, "2026-11-25T12:15:00Z"));
    /* A damaged row is set aside and says so; the other calendar still counts. */
    s.d.calendars[0].c.busy = STR("17/x");
    people_forget(s.p);
    assert_int_equal(people_refresh(s.p, &s.d, NULL), 0);
    assert_true(calendars_get(s.p, mina, 1, &c));
    assert_string_equal(c.trouble, "damaged");
    assert_false(told(&s, "2026-11-25T10:15:00Z"));
    end(&s);
}

static void a_refused_calendar_changes_nothing(void **state)
{
    struct scene s;
    struct err err = { 0 };
    (void)state;
    begin(&s, "people:\n  - name: mina\n", "2026-11-25T00:00:00Z");
    const struct busy good = { at("2026-11-25T10:00:00Z"), at("2026-11-25T11:00:00Z"), CAL_BUSY };
    const struct busy backwards = { good.until_at, good.from_at, CAL_BUSY };
    const struct busy twice[] = { good, good };
    struct calendar_change c = put(&s, "work", &backwards, 1);
    assert_int_equal(calendar(&s, c, getuid(), "mina", &err), E_INVALID);
    assert_int_equal(calendar(&s, put(&s, "work", twice, 2), getuid(), "mina", &err), E_INVALID);
    assert_int_equal(calendar(&s, put(&s, "a/b", &good, 1), getuid(), "mina", &err), E_INVALID);
    c = put(&s, "work", &good, 1);
    c.until_at = s.d.now_at;
    assert_int_equal(calendar(&s, c, getuid(), "mina", &err), E_INVALID);
    c.action = CALENDAR_REMOVE;
    assert_int_equal(calendar(&s, c, getuid(), "mina", &err), E_NOT_FOUND);
    assert_int_equal(s.d.calendars_n, 0);
    for (int i = 0; i < CALENDARS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%d", i);
        if (i < ROWS_MAX)
            assert_int_equal(calendar(&s, put(&s, name, &good, 1), getuid(), "mina", &err), 0);
    }
    assert_int_equal(calendar(&s, put(&s, "one more", &good, 1), getuid(), "mina", &err), E_LIMIT);
    /* The disk is full: what was there stays. */
    s.d.fail = E_NO_SPACE;
    assert_int_equal(calendar(&s, put(&s, "c0", NULL, 0), getuid(), "mina", &err), E_NO_SPACE);
    s.d.fail = 0;
    struct calendar kept;
    assert_true(calendars_get(s.p, people_find_name(s.p, STR("mina")), 0, &kept));
    assert_int_equal(kept.busy_n, 1);
    end(&s);
}

static void a_calendar_belongs_to_its_owner(void **state)
{
    struct scene s;
    struct err err = { 0 };
    person_no other;
    (void)state;
    begin(&s, "people:\n  - name: mina\n", "2026-11-25T00:00:00Z");
    const struct busy busy = { at("2026-11-25T10:00:00Z"), at("2026-11-25T11:00:00Z"), CAL_BUSY };
    assert_int_equal(people_of_uid(s.p, &s.d, getuid() + 4321, &other, NULL), 0);
    const char *name = people_name(s.p, other);
    const struct op_peer me = { .uid = getuid() }, them = { .uid = getuid() + 4321 };
    assert_int_equal(calendar(&s, put(&s, "work", &busy, 1), them.uid, "", NULL), 0);
    assert_int_equal(calendar(&s, put(&s, "work", NULL, 0), me.uid, name, &err), E_DENIED);
    assert_int_equal(calendar(&s, put(&s, "work", NULL, 0), them.uid, "mina", &err), E_DENIED);
    assert_int_equal(calendars_may(s.p, &s.d, &me, other, &err), E_DENIED);
    assert_int_equal(calendars_may(s.p, &s.d, &them, other, &err), 0);
    assert_int_equal(calendars_may(s.p, &s.d, &me, people_find_name(s.p, STR("mina")), &err), 0);
    assert_int_equal(calendars_may(s.p, &s.d, &them, people_find_name(s.p, STR("mina")), &err), E_DENIED);
    assert_int_equal(calendars_n(s.p, other), 1);
    end(&s);
}

/* A place that eoul-fetch reads: due, asked, answered; trouble keeps the copy and tries less often. */
static void a_place_is_read_when_due(void **state)
{
    struct scene s;
    struct calendar_due due;
    struct calendar c;
    (void)state;
    begin(&s, "people:\n  - name: mina\n", "2026-11-25T00:00:00Z");
    const struct busy busy = { at("2026-11-25T10:00:00Z"), at("2026-11-25T11:00:00Z"), CAL_BUSY };
    struct calendar_change add = { .action = CALENDAR_ADD, .name = STR("feed"), .kind = CALENDAR_URL,
                                   .place = STR("https://example.org/..."),
                                   .secrets = { .url = STR("https://example.org/secret.ics") } };
    assert_false(calendars_due(s.p, true, &due));
    assert_int_equal(calendar(&s, add, getuid(), "mina", NULL), 0);
    assert_int_equal(s.d.secrets, 1);
    person_no mina = people_find_name(s.p, STR("mina"));
    assert_false(calendars_due(s.p, false, &due));
    assert_true(calendars_due(s.p, true, &due));
    assert_int_equal(due.person, mina);
    assert_int_equal(due.due_at, 0);
    struct calendar_change read = put(&s, "feed", &busy, 1);
    read.action = CALENDAR_READ;
    read.person = mina;
    read.marks = STR("one");
    read.asked = calendars_ask(s.p, mina, "feed");
    assert_true(read.asked > 0);
    assert_false(calendars_due(s.p, true, &due)); /* it is being read */
    assert_int_equal(calendar(&s, read, getuid(), "", NULL), 0);
    assert_false(told(&s, "2026-11-25T10:30:00Z"));
    assert_true(calendars_due(s.p, true, &due));
    assert_int_equal(due.due_at, s.d.now_at + USEC_PER_HOUR);
    /* An answer nobody asked for any more changes nothing. */
    read.busy_n = 0;
    assert_int_equal(calendar(&s, read, getuid(), "", NULL), 0);
    assert_false(told(&s, "2026-11-25T10:30:00Z"));
    /* Trouble: the copy stays with its age, the next tries come less and less often. */
    usec_t read_at = s.d.now_at, gap_us = 0;
    for (int i = 0; i < 12; i++) {
        assert_true(calendars_due(s.p, true, &due));
        assert_true(due.due_at - s.d.now_at >= gap_us || i == 1);
        gap_us = due.due_at - s.d.now_at;
        s.d.now_at = due.due_at;
        struct calendar_change failed = { .action = CALENDAR_READ, .name = STR("feed"), .person = mina,
                                          .trouble = STR("http 503"),
                                          .asked = calendars_ask(s.p, mina, "feed") };
        assert_int_equal(calendar(&s, failed, getuid(), "", NULL), 0);
        assert_true(calendars_get(s.p, mina, 0, &c));
        assert_string_equal(c.trouble, "http 503");
        assert_int_equal(c.busy_n, 1);
        assert_int_equal(c.read_at, read_at);
    }
    assert_int_equal(gap_us, 6 * USEC_PER_HOUR);
    /* Nothing changed: as good as read. */
    struct calendar_change same = { .action = CALENDAR_READ, .name = STR("feed"), .person = mina,
                                    .same = true, .marks = STR("one"),
                                    .asked = calendars_ask(s.p, mina, "feed") };
    assert_int_equal(calendar(&s, same, getuid(), "", NULL), 0);
    assert_true(calendars_get(s.p, mina, 0, &c));
    assert_string_equal(c.trouble, "");
    assert_int_equal(c.read_at, s.d.now_at);
    /* Another zone: all of it again, at once. */
    assert_int_equal(change(&s, (struct person_change){ .has_zone = true, .zone = STR("Asia/Tokyo") },
                            "mina", NULL), 0);
    assert_true(calendars_due(s.p, true, &due));
    assert_int_equal(due.due_at, 0);
    assert_true(calendars_get(s.p, mina, 0, &c));
    assert_string_equal(c.marks, "");
    assert_int_equal(calendar(&s, (struct calendar_change){ .action = CALENDAR_REMOVE, .name = STR("feed") },
                              getuid(), "mina", NULL), 0);
    assert_int_equal(s.d.secrets, 0);
    assert_false(calendars_due(s.p, true, &due));
    end(&s);
}

/* The daemon reads files with the rights of whoever runs it, so only theirs. */
static void others_files_are_not_read(void **state)
{
    struct scene s;
    struct calendar_due due;
    (void)state;
    begin(&s, "people:\n  - name: mina\n", "2026-11-25T00:00:00Z");
    struct calendar_change add = { .action = CALENDAR_ADD, .name = STR("x"), .kind = CALENDAR_DIRECTORY,
                                   .place = STR("/home/owner/private") };
    assert_int_equal(calendar(&s, add, getuid() + 4321, "", NULL), 0);
    assert_false(calendars_due(s.p, false, &due));
    assert_int_equal(calendar(&s, add, getuid(), "mina", NULL), 0);
    assert_true(calendars_due(s.p, false, &due));
    assert_int_equal(due.person, people_find_name(s.p, STR("mina")));
    end(&s);
}

/* More appointments than the plan can hold apart: busier than they are, never freer. */
static void a_dense_calendar(void **state)
{
    static struct busy busy[8000];
    struct scene s;
    (void)state;
    begin(&s, "hours: Mon-Sun 00:00-24:00\npeople:\n  - name: mina\n", "2026-11-25T00:00:00Z");
    for (int i = 0; i < 8000; i++) {
        busy[i].from_at = s.d.now_at + i * 10 * USEC_PER_MIN;
        busy[i].until_at = busy[i].from_at + 3 * USEC_PER_MIN;
        busy[i].kind = CAL_BUSY;
    }
    assert_int_equal(calendar(&s, put(&s, "work", busy, 8000), getuid(), "mina", NULL), 0);
    for (int i = 0; i < 8000; i += 7)
        assert_false(spans_contain(s.d.windows, s.d.avail.windows_n, busy[i].from_at));
    assert_true(spans_contain(s.d.windows, s.d.avail.windows_n, at("2026-11-24T12:00:00Z")));
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_calendar_takes_its_times_out),
        cmocka_unit_test(several_calendars_and_a_restart),
        cmocka_unit_test(a_refused_calendar_changes_nothing),
        cmocka_unit_test(a_calendar_belongs_to_its_owner), cmocka_unit_test(a_dense_calendar),
        cmocka_unit_test(a_place_is_read_when_due), cmocka_unit_test(others_files_are_not_read),
        cmocka_unit_test(defaults_are_weekdays_in_the_team_zone), cmocka_unit_test(clock_changes),
        cmocka_unit_test(away_and_here), cmocka_unit_test(words), cmocka_unit_test(who_is_who),
        cmocka_unit_test(again_after_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
