/* world.h - a made-up world around the real core: two clocks, people, a machine, a daemon, the loop.
 *
 * Boot time only goes forward and is the world's own; wall time is boot time plus an offset that may
 * be changed under everybody's feet (world_jump).  Things happen in the order of boot time, then of
 * asking; nothing else decides, so a world is the same every time it is run.
 *
 * What a job really does (struct fate) hangs at the operation that submitted it and is drawn from the
 * seed, the operation and the attempt: it does not change when something else in the world does, and
 * the core learns of it only when it has happened.
 *
 * Made by world_init, freed by world_finish.  Ops live as long as the world.
 */
#ifndef EOUL_SIM_WORLD_H
#define EOUL_SIM_WORLD_H

#include <stdio.h>

#include "cal/hours.h"
#include "cal/tzif.h"
#include "sim/luck.h"
#include "sim/outbox.h"
#include "sim/shell.h"

#define WORLD_HORIZON_US (14 * USEC_PER_DAY) /* windows are told so far ahead, and renewed daily */
#define WORLD_RETRY_US   (20 * USEC_PER_SEC) /* a client that gets no answer asks again */

struct world_op {
    struct op op;
    struct world *world;
    struct span *windows;   /* of an AVAIL */
    struct offer *offers;   /* of an OFFER */
    /* the truth about what it submits */
    struct fate fate;
    uint32_t fails_n;       /* the first attempts exit with 1 */
    uint32_t dies_n;        /* the first attempts lose their supervisor after half their time */
    uint32_t no_launch_n;   /* the first attempts never launch */
    bool sound;             /* no random trouble befalls it */
    /* its way */
    bool answered;
    bool once;              /* no client waits for the answer: it is not sent again */
    int result;
    job_id id;
    uint32_t sent_n;
    usec_t sent_boot_at;
};

struct world_person {
    char name[32];
    struct zone zone;
    struct hours hours;
    struct span *away; /* sorted by the order of saying */
    size_t away_n, away_size;
    bool offers;             /* says work hours at all */
    struct hours work, focus;
    usec_t cap_us;
};

/* Per mille of attempts that meet it. */
struct trouble {
    uint32_t exit_1, signal, oom, no_launch, lost, lingers, slow;
};

struct world_options {
    uint64_t seed;
    uint32_t mutant;
    enum shell_bug bug;
    bool no_journal;  /* long comparisons: no rows, no hashes, no crashes */
    bool no_check;    /* no invariants */
    FILE *trace;      /* everything that happens, NULL: nobody reads it */
    usec_t double_after_boot_at; /* runs that would end later take twice as long; 0: never */
    usec_t wall_at;   /* when it begins; 0: Monday 2 March 2026 00:00 UTC */
};

struct world {
    struct world_options options;
    struct prng luck;       /* the caller's; each stream its own */
    struct machine machine;
    struct shell shell;
    struct invariant invariant;
    struct verdict verdict;
    struct outbox outbox;   /* without channels: nobody is told anything */
    bool has_tariff;        /* electricity has made-up prices */
    bool has_cap;           /* and a made-up cap on power */
    usec_t boot_at, wall_offset_us;
    struct timers timers;
    void *user;
    void (*on_timer)(struct world *w, uint32_t kind, uint32_t what);
    void (*on_answer)(struct world *w, struct world_op *op);
    void (*on_commit)(struct world *w, const struct core_event *ev,
                      const struct core_update *updates, uint32_t n);
    struct world_op **ops;
    size_t ops_n, ops_size;
    struct world_person *people; /* person_no - 1 */
    size_t people_n, people_size;
    struct trouble trouble;
    usec_t down_us;         /* how long the daemon stays away after a crash */
    usec_t jumped_boot_at;  /* when the wall clock was last moved */
    usec_t up_boot_at;      /* when the daemon last came up */
    uint64_t looks;         /* sampled looks at the plan */
    uint64_t steps;
    uint64_t rows_unseen;   /* rows committed until double_after_boot_at */
};

void world_init(struct world *w, const struct world_options *options);
void world_finish(struct world *w);

usec_t world_wall(const struct world *w);
struct world_person *world_person_add(struct world *w, const char *name, const struct zone *zone,
                                      struct str hours);
/* The first turn: settings, machine, GPUs 0..n-1 (type_of may be NULL: all type 1), the people. */
void world_found(struct world *w, const struct ev_settings *settings, uint32_t cpus,
                 uint64_t mem_mib, uint32_t gpus_n, const uint32_t *types,
                 const struct ev_person *limits, size_t limits_n);

struct world_op *world_op_new(struct world *w, enum event_kind kind);
void world_send(struct world *w, struct world_op *op);
/* What a person's windows, and offered hours, are now; sent. */
void world_tell_hours(struct world *w, person_no person);
void world_away(struct world *w, person_no person, usec_t from_at, usec_t until_at);

/* Timers of the caller's; kinds below WORLD_KINDS are the world's own. */
enum { WORLD_TIMER_RETRY, WORLD_TIMER_RESTART, WORLD_TIMER_HOURS, WORLD_TIMER_LOOK, WORLD_KINDS };
void world_at(struct world *w, usec_t boot_at, uint32_t kind, uint32_t what);
void world_jump(struct world *w, usec_t delta_us);
void world_kill(struct world *w); /* the daemon; it comes back after down_us */

void world_suspend(struct world *w, usec_t for_us); /* both clocks go on, nothing else does */
void world_power(struct world *w); /* power failure: every process dies, the boot clock begins anew */

/* Let things happen until boot time `until_at`, or until something is broken (false). */
bool world_run(struct world *w, usec_t until_at);
/* Until nothing can happen by itself any more but the daily renewal, at most until then. */
bool world_settle(struct world *w, usec_t until_at);

/* What all that happened comes to: equal for equal runs. */
uint64_t world_digest(const struct world *w);
/* "Mon 09:30:00" in the zone of the first person. */
void world_clock(const struct world *w, usec_t wall_at, char ret[32]);

#endif
