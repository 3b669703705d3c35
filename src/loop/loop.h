/* loop.h - one thread waits for everything: descriptors, timers, signals, children.
 *
 * Each wake-up reads the clocks once (loop_now) and every callback of that turn sees the same two
 * instants.  After all ready callbacks and timers have run, and before sleeping again, the
 * before-sleep hook runs: the daemon's turn ends there (one commit, then the answers).  The hook may
 * make more work; as long as it returns true the loop does not sleep.
 *
 * Timers count on the boot clock (suspend included).  A step of the wall clock calls the clock hook,
 * so that whoever waits for a wall time can set its timer anew.  No globals;
 * callbacks get their void *.  Watches and timers live in the caller's memory and must be removed
 * before that memory goes; removing inside any callback is safe.
 */
#ifndef EOUL_LOOP_LOOP_H
#define EOUL_LOOP_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"

struct loop;

struct loop_now {
    usec_t wall_at;
    usec_t boot_at;
};

#define LOOP_READ  1u
#define LOOP_WRITE 2u
#define LOOP_HANGUP 4u /* reported always; ask for it to hear of a half-close (EPOLLRDHUP) too */
#define LOOP_PRI   8u

struct loop_watch { /* private but for reading fd */
    int fd;
    uint32_t interest;
    void (*ready)(struct loop_watch *w, uint32_t events, void *data);
    void *data;
    struct loop *loop;   /* NULL: not watched */
};

struct loop_timer { /* private */
    usec_t boot_at;
    uint32_t place;      /* in the heap, from 1; 0: not set */
    void (*fire)(struct loop_timer *t, void *data);
    void *data;
};

int loop_create(struct loop **ret);
void loop_destroy(struct loop *l); /* accepts NULL */

/* Run until loop_quit; returns its code, or a negative E_* if waiting itself fails. */
int loop_run(struct loop *l);
void loop_quit(struct loop *l, int code);
struct loop_now loop_now(const struct loop *l); /* the turn's instant; before loop_run, that of loop_create */

/* Watch a descriptor (not owned).  pidfds are watched with LOOP_READ. */
int loop_watch_add(struct loop *l, struct loop_watch *w, int fd, uint32_t interest,
                   void (*ready)(struct loop_watch *, uint32_t, void *), void *data);
int loop_watch_set(struct loop_watch *w, uint32_t interest);
void loop_watch_remove(struct loop_watch *w); /* accepts one that is not watched */

/* (Re)set a timer; fires once, in the first turn at or after boot_at. */
int loop_timer_set(struct loop *l, struct loop_timer *t, usec_t boot_at,
                   void (*fire)(struct loop_timer *, void *), void *data);
void loop_timer_cancel(struct loop *l, struct loop_timer *t);

/* Block the signal and hear of it in turn instead (signalfd).  At most one hook per signal. */
int loop_signal(struct loop *l, int signo, void (*caught)(int signo, void *data), void *data);

/* true: there is more to do, do not sleep. */
void loop_before_sleep(struct loop *l, bool (*hook)(struct loop *, void *), void *data);
void loop_on_clock_step(struct loop *l, void (*hook)(struct loop *, void *), void *data);

#endif
