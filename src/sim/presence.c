/* presence.c - windows of people from hours, calendars, or their habits.
 *
 * Habits (infer).  A user's day counts as active when they submitted on it.  With at least DAYS_MIN active
 * days the person has a pattern: the weekdays on which at least a quarter of the weeks between their first and
 * last day was active (never less than a third of the busiest weekday's count), from the early tenth of the
 * days' first submits to the late tenth of the days' last ones and half an hour, at least HOURS_MIN.  A day
 * begins at 05:00, so that a submit after midnight belongs to the evening before.  Who submits less often has
 * office hours.  The pattern is one for the whole trace: it is a calendar, not a forecast of each day.
 */
#include "sim/presence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "cal/expand.h"
#include "cal/habit.h"
#include "cal/spans.h"
#include "cal/zone_load.h"
#include "sim/timer.h"

#define OFFICE_HOURS   "Mon-Fri 09:00-18:00"
#define FILE_BYTES_MAX CAL_BYTES_MAX

/* --- windows -------------------------------------------------------------------------------------- */

static size_t first_after(const struct windows *w, usec_t t) /* first that ends after t */
{
    size_t low = 0, high = w->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (w->spans[middle].until_at <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

usec_t presence_eyes(const struct windows *w, usec_t until_at, usec_t t)
{
    if (w->always || t >= until_at)
        return t;
    size_t at = first_after(w, t);
    return at == w->n ? until_at : usec_min(usec_max(t, w->spans[at].from_at), until_at);
}

bool presence_there(const struct windows *w, usec_t until_at, usec_t t)
{
    return presence_eyes(w, until_at, t) == t;
}

usec_t presence_until(const struct windows *w, usec_t until_at, usec_t t)
{
    if (w->always || t >= until_at)
        return USEC_NEVER;
    size_t at = first_after(w, t);
    return at == w->n || w->spans[at].from_at > t ? t : w->spans[at].until_at;
}

usec_t presence_after(const struct windows *w, usec_t until_at, usec_t t, usec_t there_us)
{
    for (;;) {
        t = presence_eyes(w, until_at, t);
        usec_t until = presence_until(w, until_at, t);
        if (until == USEC_NEVER || until - t >= there_us)
            return t + there_us;
        there_us -= until - t;
        t = until;
    }
}

static struct span *room(size_t n)
{
    struct span *p = calloc(n + 1, sizeof(*p));
    if (!p)
        abort();
    return p;
}

void presence_of_hours(struct windows *ret, const struct hours *hours, const struct zone *zone,
                       const struct span *away, size_t away_n, usec_t from_at, usec_t until_at)
{
    size_t cap = ((size_t)((until_at - from_at) / USEC_PER_DAY) + 3) * HOURS_SPANS_MAX, n = 0, out_n = 0;
    struct span *open = room(cap), *gone = room(away_n), *out = room(cap + away_n);
    /* Piece by piece: one expansion covers ten years at most. */
    for (usec_t at = from_at; at < until_at;) {
        usec_t to = usec_min(until_at, at + (HOURS_DAYS_MAX - 10) * USEC_PER_DAY);
        size_t more = 0;
        if (hours_expand(hours, zone, (struct span){ at, to }, open + n, cap - n, &more) < 0)
            abort();
        n += more;
        at = to;
    }
    n = spans_normalise(open, n);
    if (away_n)
        memcpy(gone, away, away_n * sizeof(*away));
    away_n = spans_normalise(gone, away_n);
    if (spans_subtract(open, n, gone, away_n, out, cap + away_n, &out_n) < 0)
        abort();
    *ret = (struct windows){ .spans = out, .n = out_n };
    free(open);
    free(gone);
}

static void hours_of(struct str text, struct hours *ret)
{
    if (hours_parse(text, ret, NULL) < 0)
        abort();
}

/* --- habits --------------------------------------------------------------------------------------- */

struct days {
    struct habit_day *at;
    size_t n, size;
};

static struct days *days_of_users(const struct trace *t, const struct zone *zone)
{
    struct days *days = calloc(t->users_n + 1, sizeof(*days));
    if (!days)
        abort();
    for (size_t i = 0; i < t->jobs_n; i++) { /* by submit: a user's days come in order */
        struct days *d = &days[t->jobs[i].user];
        d->at = sim_grow(d->at, &d->size, d->n + 1, sizeof(*d->at));
        habit_note(d->at, &d->n, zone, t->jobs[i].submit_at);
    }
    return days;
}

static void infer(const struct trace *t, const struct presence_options *o, struct presence *p)
{
    struct days *days = days_of_users(t, o->zone);
    struct hours office, own;
    hours_of(STR(OFFICE_HOURS), &office);
    for (size_t u = 0; u < t->users_n; u++) {
        bool known = habit_hours(days[u].at, days[u].n, &own);
        p->inferred += known;
        p->assumed += !known;
        presence_of_hours(&p->known[u], known ? &own : &office, o->zone, NULL, 0, p->from_at,
                          p->until_at);
        free(days[u].at);
    }
    free(days);
}

/* --- a journal ------------------------------------------------------------------------------------ */

/* Behind what was told they are there, as in the core. */
static void told(const struct trace *t, const struct presence_options *o, struct presence *p)
{
    struct hours office;
    usec_t until_at = 0;
    hours_of(STR(OFFICE_HOURS), &office);
    for (size_t u = 0; u < t->users_n; u++)
        until_at = usec_max(until_at, t->users[u].look_until_at);
    p->until_at = until_at > p->from_at ? usec_min(p->until_at, until_at) : p->until_at;
    for (size_t u = 0; u < t->users_n; u++) {
        const struct trace_user *user = &t->users[u];
        p->inferred += user->look != NULL;
        p->assumed += user->look == NULL;
        if (!user->look) {
            presence_of_hours(&p->known[u], &office, o->zone, NULL, 0, p->from_at, p->until_at);
            continue;
        }
        p->known[u] = (struct windows){ .spans = room(user->look_n), .n = user->look_n };
        if (user->look_n)
            memcpy(p->known[u].spans, user->look, user->look_n * sizeof(struct span));
        p->known[u].n = spans_normalise(p->known[u].spans, user->look_n);
    }
}

/* --- a directory ---------------------------------------------------------------------------------- */

struct calendars {
    int fd;
    const char *dir;
    struct zone_cache zones;
    void *memory;
};

/* 0: there is none; 1: read. */
static int file_of(struct calendars *c, const char *user, const char *suffix, struct buf *out,
                   char path[300], struct err *err)
{
    buf_clear(out);
    snprintf(path, 300, "%.200s.%s", user, suffix);
    if (strchr(user, '/') || user[0] == '.')
        return 0;
    int r = io_read_file(c->fd, path, out);
    if (r == E_NOT_FOUND)
        return 0;
    if (r < 0)
        return err_set(err, r, "\"%s/%s\" cannot be read: %s.", c->dir, path, strerror(errno));
    return 1;
}

static int busy_of(struct calendars *c, struct str bytes, const char *path,
                   const struct presence_options *o, struct span window, struct span **ret,
                   size_t *ret_n, struct err *err)
{
    struct cal_expansion e;
    struct cal_settings settings = { .window = window, .zone = o->zone,
                                     .find_zone = zone_cache_find, .find_data = &c->zones };
    struct err why = { .translate = err ? err->translate : NULL };
    if (!c->memory && !(c->memory = malloc(CAL_MEMORY)))
        return err_set(err, E_NO_MEMORY, "There is no memory to read calendars.");
    int r = cal_expand(bytes, &settings, c->memory, CAL_MEMORY, &e, &why);
    if (r < 0)
        return err_set(err, r, "The calendar \"%s/%s\" cannot be used: %s", c->dir, path, why.text);
    *ret = room(e.n);
    return cal_busy_spans(&e, CAL_BUSY, *ret, e.n + 1, ret_n);
}

static int from_dir_one(struct calendars *c, const struct presence_options *o, const char *user,
                        struct presence *p, struct windows *ret, struct err *err)
{
    struct hours hours;
    struct buf bytes;
    struct span *busy = NULL;
    size_t busy_n = 0;
    char path[300];
    buf_init(&bytes, FILE_BYTES_MAX);
    hours_of(STR(OFFICE_HOURS), &hours);
    int r = file_of(c, user, "hours", &bytes, path, err), own = r > 0;
    if (r > 0) {
        struct err why = { .translate = err ? err->translate : NULL };
        r = hours_parse(str_trim(buf_look(&bytes)), &hours, &why);
        if (r < 0)
            err_set(err, r, "The hours in \"%s/%s\" cannot be used: %s", c->dir, path, why.text);
    }
    if (r >= 0 && (r = file_of(c, user, "ics", &bytes, path, err)) > 0) {
        own = 1;
        r = busy_of(c, buf_look(&bytes), path, o, (struct span){ p->from_at, p->until_at }, &busy,
                    &busy_n, err);
    }
    if (r >= 0)
        presence_of_hours(ret, &hours, o->zone, busy, busy_n, p->from_at, p->until_at);
    p->inferred += r >= 0 && own;
    p->assumed += r >= 0 && !own;
    free(busy);
    buf_finish(&bytes);
    return r < 0 ? r : 0;
}

static int from_dir(const struct trace *t, const struct presence_options *o, struct presence *p,
                    struct err *err)
{
    struct calendars c = { .dir = o->dir };
    int r = 0;
    c.fd = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c.fd < 0)
        return err_set(err, E_NOT_FOUND, "The calendars' directory \"%s\" cannot be opened: %m. "
                       "Or say office, infer or always.", o->dir);
    zone_cache_init(&c.zones);
    for (size_t u = 0; u < t->users_n && r == 0; u++)
        r = from_dir_one(&c, o, t->users[u].name, p, &p->known[u], err);
    zone_cache_finish(&c.zones);
    free(c.memory);
    io_close(&c.fd);
    if (r == 0 && p->inferred == 0)
        r = err_set(err, E_NOT_FOUND,
                    "In \"%s\" there is no USER.ics or USER.hours for any user of the trace; the first "
                    "user is \"%s\".", o->dir, t->users_n ? t->users[0].name : "?");
    return r;
}

/* --- all ------------------------------------------------------------------------------------------ */

void presence_add_sessions(const struct trace *t, struct presence *p)
{
    struct windows *truth = calloc(p->users_n + 1, sizeof(*truth));
    size_t *at = calloc(p->users_n + 1, sizeof(*at));
    if (!truth || !at)
        abort();
    for (size_t u = 0; u < p->users_n; u++) {
        truth[u].spans = room(p->known[u].n + t->users[u].jobs);
        truth[u].always = p->known[u].always;
        if (p->known[u].n)
            memcpy(truth[u].spans, p->known[u].spans, p->known[u].n * sizeof(struct span));
        at[u] = p->known[u].n;
    }
    for (size_t i = 0; i < t->jobs_n; i++) {
        const struct trace_job *j = &t->jobs[i];
        truth[j->user].spans[at[j->user]++] =
            (struct span){ j->submit_at, j->submit_at + PRESENCE_SUBMIT_US };
    }
    for (size_t u = 0; u < p->users_n; u++)
        truth[u].n = spans_normalise(truth[u].spans, at[u]);
    free(at);
    p->truth = truth;
}

/* Nobody's results can wait for somebody who never comes. */
static void never_there(const struct trace *t, struct presence *p)
{
    for (size_t u = 0; u < p->users_n; u++) {
        if (p->known[u].always || p->known[u].n > 0 || t->users[u].jobs == 0)
            continue;
        if (p->never++ == 0)
            p->never_first = (uint32_t)u;
        p->known[u].always = true;
    }
}

int presence_make(const struct trace *t, const struct presence_options *o, struct presence *ret,
                  struct err *err)
{
    struct presence p = { .users_n = t->users_n };
    struct hours office;
    int r = 0;
    p.known = calloc(t->users_n + 1, sizeof(*p.known));
    if (!p.known)
        abort();
    p.truth = p.known;
    p.from_at = t->jobs_n ? t->jobs[0].submit_at - 7 * USEC_PER_DAY : 0;
    p.until_at = usec_max(o->until_at, p.from_at + 7 * USEC_PER_DAY);
    switch (o->kind) {
    case PRESENCE_OFFICE:
        hours_of(STR(OFFICE_HOURS), &office);
        for (size_t u = 0; u < t->users_n; u++)
            presence_of_hours(&p.known[u], &office, o->zone, NULL, 0, p.from_at, p.until_at);
        break;
    case PRESENCE_ALWAYS:
        for (size_t u = 0; u < t->users_n; u++)
            p.known[u].always = true;
        break;
    case PRESENCE_TOLD: told(t, o, &p); break;
    case PRESENCE_INFER: infer(t, o, &p); break;
    case PRESENCE_DIR: r = from_dir(t, o, &p, err); break;
    }
    if (r == 0)
        never_there(t, &p);
    if (r == 0 && o->sessions)
        presence_add_sessions(t, &p);
    if (r < 0)
        presence_finish(&p);
    else
        *ret = p;
    return r;
}

void presence_finish(struct presence *p)
{
    for (size_t u = 0; u < p->users_n && p->known; u++)
        free(p->known[u].spans);
    if (p->truth != p->known) {
        for (size_t u = 0; u < p->users_n && p->truth; u++)
            free(p->truth[u].spans);
        free(p->truth);
    }
    free(p->known);
    *p = (struct presence){ 0 };
}
