/* outbox.h - the notices of a made-up daemon: rows in its store, one message at a time, services that fail.
 *
 *     committed event, updates ─▶ a row for each channel of whom it concerns
 *     rows ─▶ notice_pick (src/notice: what the real daemon sends by) ─▶ a service: arrives, refuses, hangs
 *                                                                        ╰─▶ rows go, or wait
 *
 * It runs between the steps of the world, by the world's clocks, and changes nothing else in it: what happens to
 * jobs is the same with and without.  Rows, and what was told, survive a crash; what is under way does not.
 * The ledger (told.h) sees what services get and what the outbox says that it waits for, nothing more.
 */
#ifndef EOUL_SIM_OUTBOX_H
#define EOUL_SIM_OUTBOX_H

#include "cal/hours.h"
#include "notice/outbox.h"
#include "sim/luck.h"
#include "sim/shell.h"
#include "sim/told.h"

#define OUTBOX_LOOKED_MAX 512

struct outbox_row {
    uint64_t id, alike; /* alike: hash of notice_dedupe */
    uint32_t channel, kind, of, n, tries;
    bool page;
    usec_t made_at, not_before_at, expire_at;
};

struct outbox_channel {
    person_no person;
    const char *page; /* kinds that may come at any time */
    bool morning, evening;
    usec_t morning_at, evening_at;  /* told; in the store */
    uint32_t brief_tries;           /* of the daemon that runs */
    usec_t brief_again_boot_at;
};

struct outbox_person { /* as the daemon was told last */
    const struct zone *zone; /* NULL: nothing yet */
    struct hours hours;
    struct span *away;
    size_t away_n;
    struct span looked[OUTBOX_LOOKED_MAX];
    size_t looked_n;
    struct span looked_in; /* until when and from when `looked` is good; empty: make it again */
};

struct outbox_owner { /* by job */
    uint32_t person, array, array_n;
};

struct outbox {
    struct told told;        /* the ledger */
    struct prng luck;
    uint64_t seed;
    enum shell_bug bug;
    bool sound;              /* services work */
    struct outbox_channel channels[TOLD_CHANNELS_MAX];
    uint32_t channels_n;
    struct outbox_row *rows;
    size_t rows_n, rows_size;
    uint64_t last_id;
    struct outbox_owner *owners;
    size_t owners_size;
    struct outbox_person persons[TOLD_PERSONS_MAX + 1];
    /* the running daemon */
    bool up, look;
    uint32_t turn;
    usec_t boot_at, due_boot_at, wall_offset_us;
    struct { /* the message under way */
        bool active, only_pages, arrived;
        struct notice_pick pick;
        uint64_t last;
        uint32_t tries;
        usec_t arrive_boot_at;  /* USEC_NEVER: never */
        usec_t answer_boot_at;
        bool ok;
        usec_t said_us;         /* Retry-After */
    } sending;
    uint64_t messages;
};

void outbox_init(struct outbox *o, uint64_t seed, enum shell_bug bug, struct verdict *verdict);
void outbox_finish(struct outbox *o);
void outbox_channel(struct outbox *o, const struct outbox_channel *c);
/* A person's hours are these from now on; borrowed: the zone. */
void outbox_hours(struct outbox *o, person_no person, const struct zone *zone, const struct hours *hours,
                  const struct span *away, size_t away_n);
/* An event is on the disk. */
void outbox_committed(struct outbox *o, const struct core_event *ev, const struct core_update *updates, uint32_t n,
                      usec_t wall_at);
/* Everything until then on the boot clock; wall time is that plus the offset. */
void outbox_run(struct outbox *o, bool up, usec_t until_boot_at, usec_t wall_offset_us);

#endif
