/* people.h - the team: who they are, which language they read, when they can look.
 *
 * A person is a Unix user who came by, somebody the configuration names, or (personal mode) a sample
 * person made by --for.  Each has a number for good, kept in the store.  What a person said about
 * themself wins over the configuration, that over the defaults (look hours CONFIG_HOURS in the
 * system's zone).
 *
 * Look hours (a glance, by phone too) are apart from work hours, which are offered for todos and told to
 * the core as EVENT_OFFER: the weekly work hours minus leave, minus whatever a calendar says (tentative
 * too) with a buffer around it.  Focus hours make blocks of them that stay whole.  Who says no work hours
 * offers none: free time is not work time.
 *
 * When somebody can look is worked out here and told to the core as EVENT_AVAIL: weekly look hours in
 * their zone for PEOPLE_HORIZON_DAYS, minus away, minus what is busy or away in their calendars
 * (calendars.h; a tentative appointment leaves the phone in reach), plus here (a mark of presence is fresher than a
 * plan of absence).  It is told again when it changes, and daily so that the horizon moves along.
 * Marks that are over are deleted, not kept.
 *
 * Looking works any time; making and changing people only inside a turn of the daemon.  Owns its
 * memory; pointers handed out live until the next change of that person.
 */
#ifndef EOUL_DAEMON_PEOPLE_H
#define EOUL_DAEMON_PEOPLE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"
#include "cal/tzif.h"
#include "core/event.h"
#include "daemon/config.h"
#include "i18n/tr.h"

struct calendars;
struct daemon;
struct op;
struct people;

#define PEOPLE_HORIZON_DAYS 60
#define PEOPLE_LEAVES_MAX 32    /* absences that are not over */
#define PEOPLE_CAP_US_MAX (24 * USEC_PER_HOUR)
#define PEOPLE_BUFFER_US_MAX (4 * USEC_PER_HOUR)
#define PEOPLE_AWAY_US_MAX (400 * USEC_PER_DAY) /* a leave of a year; longer is a slip */
#define PEOPLE_HERE_US_MAX (7 * USEC_PER_DAY)
/* Windows of one person over the horizon and a day at each end, with both marks. */
#define PEOPLE_BUSY_MAX 1500 /* busy times within the horizon: 25 a day; more are drawn together */
#define PEOPLE_WINDOWS_MAX ((PEOPLE_HORIZON_DAYS + 3) * 8 + 4 + PEOPLE_BUSY_MAX)

/* Nobody is known before the first people_refresh, which reads the store; config is borrowed. */
int people_create(const struct config *config, struct people **ret, struct err *err);
void people_destroy(struct people *p); /* accepts NULL */
/* After the core was rebuilt from the store (full disk): forget, so that people_refresh reads again. */
void people_forget(struct people *p);

/* --- inside a turn ------------------------------------------------------------------------------ */

/* The person of a Unix user, made at first contact. */
int people_of_uid(struct people *p, struct daemon *d, uid_t uid, person_no *ret, struct err *err);
/* The person of this name, made if there is none (--for). */
int people_named(struct people *p, struct daemon *d, struct str name, person_no *ret,
                 struct err *err);

/* Whom an operation speaks for: who opened a link, else whoever --for names, else the peer. */
int people_of_op(struct people *p, struct daemon *d, const struct op *op, person_no *ret, struct err *err);

struct person_change { /* has_*: said; the others stay */
    bool has_lang, has_zone, has_hours, has_away_from, has_away_until, has_here_until;
    bool has_work, has_focus, has_cap, has_buffer, has_defer;
    bool forget;                                        /* forget.c does it; nothing else is read */
    struct str handover;                                /* handover.c does it; nothing else is read */
    struct str lang, zone, hours, work, focus;          /* empty: back to what would be without */
    struct str deputy;                                  /* of this absence; empty: nobody */
    usec_t away_from_at, away_until_at, here_until_at;  /* from 0: now; until 0: no mark */
    usec_t cap_us, buffer_us;                           /* negative: back to what would be without */
    bool defer;                                         /* starts may be moved later inside their slack */
};
/* OP_ME: op->me.change of op->for_person or the peer.  Refusals change nothing. */
int people_change(struct people *p, struct daemon *d, const struct op *op, struct err *err);
/* All this person said is as if never said. */
int people_unsay(struct people *p, struct daemon *d, person_no no, struct err *err);

/* In a turn: the core hears when this person can look, and works, from now on. */
int people_tell_windows(struct people *p, struct daemon *d, person_no no, struct err *err);

/* Another configuration holds, which is borrowed: nobody is forgotten, those it names are made known, and the core hears
 * what has changed of everybody.  people_check: would there be room for those who are new?  people_use: nothing is told
 * (people_forget is on its way, or was). */
int people_configure(struct people *p, struct daemon *d, const struct config *config, struct err *err);
int people_check(const struct people *p, const struct config *config, struct err *err);
void people_use(struct people *p, const struct config *config);

/* Wall time at which people_refresh has something to do; 0 before the first. */
usec_t people_due(const struct people *p);
int people_refresh(struct people *p, struct daemon *d, struct err *err);

/* --- looking ------------------------------------------------------------------------------------ */

struct person {
    person_no no;
    int64_t uid;               /* -1: no Unix user */
    const char *name;
    enum lang lang;
    bool lang_known;           /* false: nobody said; use the request's */
    const char *zone_name;
    const char *zone_from;     /* as hours_from; "default": the machine's */
    const struct zone *zone;
    const char *hours;         /* as text */
    const char *hours_from;    /* "set", "configured" or "default" */
    const char *work, *focus;  /* as text; "none" */
    const char *work_from;     /* as hours_from */
    usec_t cap_us, buffer_us;  /* hands-on time planned a day; free time around events */
    usec_t away_from_at, away_until_at; /* the absence that is on or the next; 0: none */
    usec_t here_until_at;      /* 0: none */
    uint32_t leaves_n;
    bool defer;                /* agreed that starts are moved later inside their slack */
};
struct person_leave {
    usec_t from_at, until_at;
    person_no deputy;          /* looks at results meanwhile; 0: nobody */
};
bool people_leave(const struct people *p, person_no no, uint32_t i, struct person_leave *ret);
uint32_t people_n(const struct people *p); /* numbers are 1 .. n */
bool people_get(const struct people *p, person_no no, struct person *ret);
/* What they may have, as the core is told it.  There must be such a person. */
void people_limits(const struct people *p, person_no no, struct ev_person *ret);
const char *people_name(const struct people *p, person_no no); /* "?" for nobody */
person_no people_find_uid(const struct people *p, uid_t uid);      /* 0: not yet known */
person_no people_find_name(const struct people *p, struct str name);
/* The zone of the machine, for who has none of their own. */
const struct zone *people_system_zone(const struct people *p);
const char *people_system_zone_name(const struct people *p);

/* The calendars of everybody (calendars.h). */
struct calendars *people_calendars(const struct people *p);

/* Windows of a person in [from_at, until_at), sorted, disjoint; out has room for PEOPLE_WINDOWS_MAX.
 * until_at - from_at is at most the horizon and two days. */
int people_windows(const struct people *p, person_no no, struct span range, struct span *out,
                   size_t *ret_n);
/* The same of any time, without the mark of presence: what is known of the past is what was planned. */
int people_planned(const struct people *p, person_no no, struct span range, struct span *out, size_t *ret_n);
/* Stretches a person offers for hands-on work in the range; the same memory. */
int people_offers(const struct people *p, person_no no, struct span range, struct offer *out,
                  size_t *ret_n);
/* The local day of an instant, counted from 1970. */
int64_t people_local_day(const struct zone *zone, usec_t at);

#endif
