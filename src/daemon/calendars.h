/* calendars.h - the calendars of each person: where they come from, how old the copy is, when busy.
 *
 * What is kept of a calendar is a list of busy stretches (cal/busy.h), never titles, places or people;
 * whoever read the calendar (the command line, eoul-fetch) has left those behind.  A calendar that
 * cannot be read any more keeps its last good copy, and says how old it is and what the trouble was.
 *
 *     put (by the command) ─▶ copy ◀── read (fetch.c: when due, or asked for) ◀── add
 *                               ╰── trouble: the copy stays, its age shows; tried again, less and less often
 *
 * A calendar belongs to its owner.  Somebody else may act for a person only if that person has no
 * Unix user of their own (sample people of personal mode), and then only who runs the daemon.
 *
 * Part of the people (people.h), which owns the memory; pointers handed out live until the next
 * change of that person's calendars.
 */
#ifndef EOUL_DAEMON_CALENDARS_H
#define EOUL_DAEMON_CALENDARS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"
#include "cal/busy.h"
#include "cal/expand.h"
#include "core/event.h"
#include "daemon/lists.h"

struct calendars;
struct daemon;
struct op;
struct op_peer;
struct people;

#define CALENDARS_MAX 16           /* of one person */
#define CALENDAR_PERSON_BUSY_MAX 20000 /* stretches of all of one person: 480 KB */
#define CALENDAR_AHEAD_US (800 * USEC_PER_DAY) /* nothing later is taken */

#define CALENDAR_SECRET_MAX 2048 /* a whole address; or user, or password */

/* X(kind, word).  What each may be read by: files by a process without network, the others by one
 * without files. */
#define CALENDAR_KIND_LIST(X) \
    X(CALENDAR_FILE, "file") X(CALENDAR_DIRECTORY, "directory") X(CALENDAR_URL, "url") \
    X(CALENDAR_CALDAV, "caldav") X(CALENDAR_HOLIDAYS, "holidays") \
    X(CALENDAR_TODOS, "todos") /* a list on a CalDAV server: lists.h */
enum calendar_kind {
#define X(kind, word) kind,
    CALENDAR_KIND_LIST(X)
#undef X
    CALENDAR_KINDS
};
const char *calendar_kind_word(enum calendar_kind kind);
bool calendar_kind_read(struct str word, enum calendar_kind *ret);

struct calendar_issue {
    enum cal_issue_code code;
    uint32_t line;
    struct str detail; /* the name of a zone; may be empty */
};

struct calendar_secrets { /* what opens it; in a file of mode 0600 only (credentials.c) */
    struct str url, user, password;
};

enum calendar_action {
    CALENDAR_PUT,     /* its contents, read by the command */
    CALENDAR_ADD,     /* where it is; eoul-fetch reads it */
    CALENDAR_REMOVE,
    CALENDAR_REFRESH, /* read it again now */
    CALENDAR_READ,    /* of fetch.c only: what came of reading it */
};

struct calendar_change { /* OP_CALENDAR */
    enum calendar_action action;
    struct str name;
    enum calendar_kind kind; /* PUT, ADD; also the next two */
    struct str place, self;
    struct calendar_secrets secrets; /* ADD */
    usec_t takes_us; /* ADD of CALENDAR_TODOS: of a todo that does not say; 0: LIST_TAKES_US */
    /* READ: whose, which (the number it was asked with), and how it went */
    person_no person;
    uint64_t asked;
    struct str trouble, marks; /* trouble: the copy stays */
    bool same;                 /* nothing changed */
    /* PUT, and READ without trouble or same */
    usec_t until_at;    /* the copy is whole until here */
    uint32_t events, issues_n;
    const struct calendar_issue *issues;
    size_t listed_n;
    const struct busy *busy;
    size_t busy_n;
    /* READ of CALENDAR_TODOS; `over` is sorted: the IDs of what is done; ticked: with `same` too */
    const struct list_item *items;
    size_t items_n;
    const uint64_t *over;
    size_t over_n;
    const struct list_ticked *ticked;
    size_t ticked_n;
};

/* Can this be a calendar's name?  As a person's (config_name_ok), at most CALENDAR_NAME_MAX bytes. */
bool calendar_name_ok(struct str name);

/* --- for people.c ------------------------------------------------------------------------------- */
int calendars_create(struct calendars **ret);
void calendars_destroy(struct calendars *c); /* accepts NULL */
void calendars_forget(struct calendars *c);
int calendars_load(struct calendars *c, struct daemon *d, struct err *err);
/* When the person's calendars say at least `least` in `range`: sorted, disjoint, at most `cap` (>= 8)
 * spans.  If there are more, the shortest gaps are closed. */
size_t calendars_busy(const struct calendars *c, person_no no, struct span range, enum cal_busy least,
                      struct span *out, size_t cap);

/* Floating and all-day times mean something else now: read them again, whole. */
void calendars_zone_changed(struct people *p, person_no no);

/* --- in a turn ---------------------------------------------------------------------------------- */
/* OP_CALENDAR.  A refusal changes nothing. */
int calendars_change(struct people *p, struct daemon *d, const struct op *op, struct err *err);

/* Every calendar of a person, and how it is opened. */
int calendars_remove_all(struct people *p, struct daemon *d, person_no no, struct err *err);

/* --- for lists.c -------------------------------------------------------------------------------- */

/* Something is to be ticked in it, at once. */
void calendars_tick(struct people *p, struct daemon *d, person_no no, const char *name);

/* --- for fetch.c -------------------------------------------------------------------------------- */

/* The next calendar that somebody else must read, over the network or not, and when it is due (wall
 * time; 0: now).  false: there is none. */
struct calendar_due {
    person_no person;
    const char *name;
    usec_t due_at;
};
bool calendars_due(const struct people *p, bool network, struct calendar_due *ret);
/* It is being asked for; returns the number that its CALENDAR_READ must carry (0: it is gone). */
uint64_t calendars_ask(struct people *p, person_no no, const char *name);
void calendars_ask_again(struct people *p); /* whoever was asked is gone: nobody is being read */

/* --- credentials.c ------------------------------------------------------------------------------ */
int credentials_put(struct daemon *d, person_no no, struct str name,
                    const struct calendar_secrets *secrets);
/* Texts live in *memory, which the caller finishes (and which is wiped). E_NOT_FOUND. */
int credentials_get(struct daemon *d, person_no no, struct str name, struct buf *memory,
                    struct calendar_secrets *ret);
void credentials_remove(struct daemon *d, person_no no, struct str name);
/* At a start: those of calendars that are not there any more. */
void credentials_sweep(struct daemon *d, const struct people *p);

/* --- looking ------------------------------------------------------------------------------------ */

/* May this peer see and change the calendars of this person?  0, or E_DENIED with a sentence. */
int calendars_may(const struct people *p, const struct daemon *d, const struct op_peer *peer,
                  person_no no, struct err *err);

struct calendar {
    const char *name, *place, *self, *trouble, *marks;
    const char *issues; /* a line each: WORD LINE DETAIL */
    enum calendar_kind kind;
    usec_t read_at, tried_at, until_at;
    uint32_t events, issues_n;
    const struct busy *busy;
    size_t busy_n;
    usec_t takes_us;      /* CALENDAR_TODOS */
    uint32_t ticks_n;     /* done here, not known there */
    const char *tick_trouble; /* of the last try of one of them; may be empty */
    bool reading; /* asked for, or about to be */
};
uint32_t calendars_n(const struct people *p, person_no no);
/* In the order of their names. */
bool calendars_get(const struct people *p, person_no no, uint32_t i, struct calendar *ret);

#endif
