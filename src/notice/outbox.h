/* outbox.h - what leaves next: the decisions of the outbox, apart from its rows and processes.
 *
 * The daemon (daemon/notices.c) sends by these, and so does the simulated one (sim/outbox.c): what the ledger
 * of 1,000 team-weeks finds right there is what a person's phone sees.  No clock and no I/O.
 */
#ifndef EOUL_NOTICE_OUTBOX_H
#define EOUL_NOTICE_OUTBOX_H

#include "brief/brief.h"
#include "core/event.h"
#include "notice/notice.h"

#define NOTICE_EXPIRE_US (30 * USEC_PER_DAY) /* a long leave; what is older is in the history */
#define NOTICE_LOOK_US_MAX USEC_PER_HOUR     /* asleep at most: clocks are set, hours change */
#define NOTICE_DEDUPE_MAX 96

/* What its owner is told when a job comes to a state.  false: nothing. */
bool notice_of_job(const struct core_update *u, enum notice_kind *ret);
/* Is it one of a list's kinds, "job-done,job-failed"? */
bool notice_is_listed(struct str list, enum notice_kind kind);
/* What is told of alike becomes one row: of one kind, and of one array or todo.  sending: the last row of what
 * is under way on this channel, or 0; what happens meanwhile is a row of its own, for the other may have been
 * told when this one is added. */
void notice_dedupe(enum notice_kind kind, uint32_t of, uint64_t sending, char ret[NOTICE_DEDUPE_MAX]);

struct notice_view { /* one channel at this moment */
    struct notice_wait wait;   /* its not_before_at is of briefs too */
    struct brief_wish brief;
    const struct span *looked; /* look hours some days back, and on; sorted, disjoint */
    size_t looked_n;
};
struct notice_pick {
    uint32_t channel;
    enum brief_kind brief;     /* this, and no rows */
    bool only_pages;
};
struct notice_picking {
    uint32_t n, first;         /* channels, and whose turn it is */
    usec_t now_at;
    void *data;
    void (*view)(void *data, uint32_t channel, struct notice_view *ret);
};
/* The first channel from `first` on that has something to send now.  false: none has; *ret_next_at is when to
 * ask again, at most NOTICE_LOOK_US_MAX from now; USEC_NEVER: nothing is waited for. */
bool notice_pick(const struct notice_picking *p, struct notice_pick *ret, usec_t *ret_next_at);

#endif
