/* told.h - the ledger of notices: what every person is to be told, what came, and when.
 *
 * Kept from committed events and from what services got, by raw hours: local time, weekdays and absences, worked out
 * here and not by what the outbox plans with.  Rules (doc/simulator.md): notice-hours, notice-late, notice-twice,
 * notice-lost, notice-again.  An hours' change counts from when the daemon has committed it.
 */
#ifndef EOUL_SIM_TOLD_H
#define EOUL_SIM_TOLD_H

#include "brief/brief.h"
#include "cal/hours.h"
#include "core/core.h"
#include "notice/notice.h"
#include "sim/verdict.h"

#define TOLD_CHANNELS_MAX 20
#define TOLD_PERSONS_MAX 10
#define TOLD_AWAY_MAX 64
#define TOLD_SPANS_MAX 512

/* Of alike, still to be told; one entry in a message.  What comes about while a message is on its way cannot be added to what
 * that one tells, and is a group of its own: it has its own month. */
struct told_group {
    uint32_t kind, of, n;
    bool page;
    uint64_t during; /* told_message.number of that message; 0: none was */
    usec_t made_at; /* the last of them */
};

struct told_channel {
    person_no person;
    const char *page;
    bool morning, evening;
    struct told_group *waits;
    size_t waits_n, waits_size;
    usec_t told_at[BRIEF_EVENING + 1]; /* by kind of brief; 0: never */
    uint32_t told_version[BRIEF_EVENING + 1];
    /* after a trouble: not before, and at the latest from then on */
    usec_t early_at, late_at, stale_at; /* stale: said by a clock that was set since */
    usec_t brief_late_at;               /* a brief's wait goes by the boot clock */
    uint32_t troubles, brief_troubles;
    uint32_t passed_over; /* messages to others that left while this had something to send */
};

struct told_person {
    const struct zone *zone; /* NULL: nothing was said */
    struct hours hours;
    struct span away[TOLD_AWAY_MAX];
    size_t away_n;
    uint32_t version;        /* of hours, and of the clock */
    struct span spans[TOLD_SPANS_MAX]; /* of look hours, around `day` */
    size_t spans_n;
    int64_t day;
    bool made;
};

struct told_message { /* the last that left */
    bool active;     /* on its way */
    uint64_t number; /* 1, 2, ... */
    uint32_t channel;
    enum brief_kind brief;
    bool only_pages;
    struct told_group *items;
    size_t items_n, items_size;
    uint64_t version;
};

struct told {
    struct verdict *verdict;
    struct told_channel channels[TOLD_CHANNELS_MAX];
    uint32_t channels_n;
    struct told_person persons[TOLD_PERSONS_MAX + 1];
    struct { uint32_t person, array, array_n; } *jobs; /* by number: the owner; of a todo who asked for it */
    size_t jobs_size;
    struct told_message message;
    uint64_t version;    /* every change of hours and clock */
    uint64_t told, briefs; /* entries and briefs that came */
};

void told_finish(struct told *t);
void told_channel_add(struct told *t, person_no person, const char *page, bool morning, bool evening);
void told_hours(struct told *t, person_no person, const struct zone *zone, const struct hours *hours,
                const struct span *away, size_t away_n);
void told_jumped(struct told *t, usec_t by_us); /* the wall clock was set */
void told_restarted(struct told *t);            /* the daemon */
void told_committed(struct told *t, const struct core_event *ev, const struct core_update *updates, uint32_t n,
                    usec_t wall_at);

/* A message leaves, comes to the service (with these entries), is answered.  heard: the daemon has the answer on its
 * disk; if not, all of it is to come again. */
void told_leaves(struct told *t, uint32_t channel, bool only_pages, enum brief_kind brief, usec_t wall_at);
void told_arrives(struct told *t, const struct told_group *items, size_t n, usec_t wall_at);
void told_answered(struct told *t, bool heard, bool ok, usec_t said_us, usec_t wall_at);
/* The outbox has nothing to send before next_at, and says that so much waits on each channel. */
void told_rests(struct told *t, const uint32_t *waiting, usec_t wall_at, usec_t next_at);

#endif
