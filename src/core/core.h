/* core.h - the decisions: event in, updates out.
 *
 * The core is pure: no clock, I/O, allocation, floats, callbacks or globals.  Time and luck arrive in
 * events.  The daemon and the simulator link these very objects.
 *
 *     core_check(core, ev)   may refuse, changes nothing
 *     core_step(core, ev)    changes, cannot fail
 *
 * A turn is any number of events and then one EVENT_DECIDE, which starts jobs.  Every other event
 * only records a fact and its direct consequences (a final state, a dependency met or broken).
 *
 * Memory is one block from the caller holding indices only, so it may be copied or moved to a bigger
 * block with core_grow.  core_check returns E_FULL when an event needs a bigger one.
 *
 * core_hash covers every field that a later decision can depend on: two cores that agree on it
 * behave alike.  core_save and core_load keep a core across restarts by field names.
 */
#ifndef EOUL_CORE_CORE_H
#define EOUL_CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/event.h"
#include "core/refused.h"

struct core; /* lives in the caller's block */

#define CORE_GPUS_MAX    64     /* one mask word: the largest team eoul is made for */
#define CORE_PERSONS_MAX 256    /* 50 people, and room for those who left */
#define CORE_JOBS_MAX    300000 /* live jobs; 100,000 queued is a measured figure */
#define CORE_ARRAY_MAX   100000 /* tasks in one array */
#define CORE_DEPS_MAX    256    /* conditions in one submit: bounds the check at each ending */
#define CORE_TODOS_MAX   4096   /* live todos: 50 people with eighty each; planning is linear in it */
#define RESERVATIONS_MAX 32     /* a bit each in a word */
#define RESERVE_LENGTH_MAX_US (31 * USEC_PER_DAY)
#define ACCOUNTS_MAX     63     /* six bits of a class's key */
#define QUOTA_DAYS_MAX   31     /* GPU-hours are kept by days so far back */
#define BOOSTS_MAX       32     /* they mean something only while they are few */
#define BOOST_LENGTH_MAX_US (31 * USEC_PER_DAY)
#define CORE_RATES_MAX   512    /* steps of a tariff: 20 days of hourly prices */
#define CORE_CAPS_MAX    64     /* steps of a power cap: two weeks of four a day */
#define CORE_CHUNKS_MAX  16     /* pieces one todo may be cut into */
#define CORE_CANARY_MAX_US (30 * USEC_PER_MIN) /* longer is no trial */

/* The order jobs are taken in.  All reserve for the first that does not fit and backfill behind it
 * (EASY), but POLICY_FIFO, which never overtakes. */
#define POLICY_LIST(X) \
    X(POLICY_BLEND, "blend") /* doc/planner.md: index by time-to-eyes */ \
    X(POLICY_FIFO, "fifo") X(POLICY_EASY, "easy") X(POLICY_SJF, "sjf") X(POLICY_SAF, "saf") \
    X(POLICY_SRSF, "srsf")     /* smallest remaining area first: saf that counts what is done */ \
    X(POLICY_LAS, "las")       /* least GPU time had so far first; needs no estimates */ \
    X(POLICY_BOOKED, "booked") /* everybody has GPUs of their own, in order of arrival */
enum policy {
#define X(name, word) name,
    POLICY_LIST(X)
#undef X
    POLICY_COUNT
};
const char *policy_word(enum policy policy);

/* Settings that a team may begin with; a shell fills in its seed and what it was told otherwise. */
#define CORE_SETTINGS_DEFAULT \
    ((struct ev_settings){ .policy = POLICY_BLEND, .plan_depth = 32, \
        .presence_us = 30 * USEC_PER_MIN, .runtime_guess_us = 30 * USEC_PER_MIN, \
        .age_us = 14 * USEC_PER_DAY, .preempt = 1, .advantage_milli = 1400, \
        .quantum_us = 10 * USEC_PER_MIN, .restart_us = 2 * USEC_PER_MIN, .defer = 1, \
        .price_milli = 400, .search_window = 32, .search_moves = 48, .bounded = 1, \
        .calibrate = 2, .half_life_us = 28 * USEC_PER_DAY, .fair_delay_milli = 1500, \
        .fair_gpu_milli = 500, .canary = 1, .slack = 2, .would = 1, .pool = 1, .odds = 64 })
int policy_parse(struct str word, enum policy *ret);

struct core_limits {   /* what a block must hold */
    uint32_t jobs;     /* live jobs */
    uint32_t deps;     /* dependency conditions of live jobs */
    uint32_t spans;    /* availability windows, all persons together */
    uint32_t groups;   /* run time history groups kept; the least recently used go */
    uint32_t todos;    /* live todos */
    uint32_t offers;   /* stretches of offered time, all persons together */
};

/* What a live core begins with.  A replay from the first row must begin with as many groups: they
 * decide which history is forgotten first. */
#define CORE_FIRST_GROUPS 512u
#define CORE_FIRST_LIMITS \
    ((struct core_limits){ .jobs = 1024, .deps = 512, .spans = 4096, .groups = CORE_FIRST_GROUPS })

size_t core_size(const struct core_limits *limits);
/* Make an empty core in `block` (aligned to 16, core_size bytes). */
struct core *core_init(void *block, size_t size, const struct core_limits *limits);
/* Copy `old` into a bigger block; every limit >= old's.  The old block is then the caller's again. */
struct core *core_grow(void *block, size_t size, const struct core_limits *limits,
                       const struct core *old);
/* Limits that let `ev` in: at least doubled where it did not fit. */
struct core_limits core_limits_for(const struct core *core, const struct core_event *ev);

/* 0, or E_FULL (grow and ask again), E_INVALID, E_NOT_FOUND, E_STATE, E_LIMIT, E_TOO_LARGE with a
 * sentence. */
int core_check(const struct core *core, const struct core_event *ev, struct err *err);

/* Updates go to out[0..max); max >= core_updates_max(core, ev).  Returns how many.  Asserts that
 * core_check(core, ev) is 0 (debug builds and the simulator really ask it). */
uint32_t core_updates_max(const struct core *core, const struct core_event *ev);
uint32_t core_step(struct core *core, const struct core_event *ev, struct core_update *out,
                   uint32_t max);

/* When EVENT_DECIDE is next worth sending if nothing else happens, on either clock; USEC_NEVER if
 * not at all. */
void core_deadline(const struct core *core, usec_t *ret_wall_at, usec_t *ret_boot_at);

uint64_t core_hash(const struct core *core);

/* Text by field names, one record a line. */
void core_save(const struct core *core, struct buf *out);
int core_load_limits(struct str saved, struct core_limits *ret_limits, struct err *err);
int core_load(struct core *fresh, struct str saved, struct err *err); /* E_NEWER, E_CORRUPT */

/* --- looking: never changes what a decision sees ---------------------------------------------- */

/* Where a job stands with its canary (canary.h). */
enum canary_state { CANARY_NONE, CANARY_WANTED, CANARY_RUNS, CANARY_PASSED, CANARY_FAILED };

struct core_job { /* a copy */
    job_id id;
    job_id array_id;       /* 0: not an array task */
    uint32_t array_index;
    uint32_t array_max;
    person_no owner, submitter;
    person_no reviewer;    /* who looks at its result; 0: the owner */
    uint32_t account;      /* 0: none */
    enum job_state state;
    enum reason reason;    /* of the wait, as of the last decision */
    uint32_t flags;
    uint32_t gpus, gpu_type, cpus;
    uint64_t mem_mib;
    usec_t limit_us;       /* of its present attempt: a canary's is its length */
    int32_t nice;
    usec_t submit_at, begin_at, deadline_at;
    usec_t start_at;       /* CONFIGURING: when decided; RUNNING and later: when it began to run */
    usec_t start_boot_at;
    usec_t backoff_until_boot_at;
    uint32_t attempt;      /* attempts made, the present one included */
    uint32_t retries_left;
    uint64_t gpu_mask;
    uint64_t command_key, name_key;
    usec_t canary_us;      /* asked for; 0: none */
    uint32_t canaries_n;   /* of its attempts, the present one included */
    enum canary_state canary;
};

uint32_t core_jobs_n(const struct core *core);
bool core_job_get(const struct core *core, job_id id, struct core_job *ret);
/* Live jobs in id order: the first with id > after; false at the end.  Final jobs are not live. */
bool core_job_after(const struct core *core, job_id after, struct core_job *ret);
job_id core_last_id(const struct core *core); /* greatest id ever submitted; 0: none */

struct core_counts {
    uint32_t pending, held, starting, running, completing; /* held ones are pending too */
    uint32_t gpus_n, gpus_up, gpus_busy;
    uint32_t cpus_n, cpus_busy;
    uint64_t mem_mib, mem_busy_mib;
};
struct core_counts core_count(const struct core *core);

struct core_gpu {
    uint32_t type;
    enum gpu_state state;
    job_id job; /* 0: free */
    int64_t watts_mw;
};
bool core_gpu_get(const struct core *core, uint32_t gpu, struct core_gpu *ret);

/* The plan: a row for every live job in the order jobs are taken, running ones first.  A decision
 * places plan_depth rows and starts those whose start is now; core_plan places all the rest the same
 * way, deciding nothing. */
struct plan_row {
    job_id job;
    uint32_t number;        /* of the row, stable within one plan; START updates name it */
    enum job_state state;
    enum reason reason;
    usec_t start_at;        /* running: when it began; else planned with run times at P50;
                             * USEC_NEVER: held, blocked or never fits */
    usec_t start_p10_at, start_p50_at; /* sampled: told; else start_at */
    usec_t start_p90_at;    /* sampled, or planned with run times at P90 */
    usec_t end_p10_at, end_p50_at, end_p90_at;
    usec_t eyes_at;         /* when its owner sees a result that comes at end_p50_at */
    usec_t eyes_p10_at;     /* ... at end_p10_at */
    usec_t eyes_late_at;    /* ... at end_p90_at */
    uint16_t history_n;     /* with samples: finished runs that its own run's rest on */
    uint16_t samples;       /* its odds are of so many (odds.h); 0: of two passes, with run times at P50 and at P90 */
    usec_t moved_from_at, moved_to_at; /* its start is moved later inside its slack: from when it would fit, to when it
                             * would rather; start_at is later still if there is no room then.  0: it is not moved */
    uint64_t gpu_mask;      /* planned or actual GPUs */
    int64_t index;          /* what it was ordered by; larger first; comparable within one plan */
};
/* A piece of a todo in its person's time.  Todos without a time have no row; core_todo says why. */
struct todo_row {
    job_id todo;
    person_no person;
    uint8_t part, parts;    /* 1.. of so many */
    bool pinned;            /* put there by hand */
    bool under_way;         /* its time is now */
    bool asked;             /* its person has not said yes yet */
    usec_t from_at, until_at;
    usec_t late_until_at;   /* its end if what it waits for ends at P90; USEC_NEVER: unknown */
    int64_t day;
};
/* What odds rest on, for who checks them: of each job sampled, when it starts and how long it then runs, as it was
 * drawn and as it is told.  All three: job * samples_n + sample. */
struct core_odds_job {
    job_id job;
    uint32_t slot, row;
    bool canary;           /* what runs is one */
    bool told;             /* its row says what the samples do */
    bool waits_for_room;   /* ... widened by how much longer others waited (band.h) */
};
struct core_odds {
    uint32_t samples_n, jobs_n, busy_n; /* the first busy_n of the jobs run already */
    const struct core_odds_job *jobs;
    const usec_t *start_at, *run_us, *told_us;
};
struct core_plan {
    uint64_t number;        /* decisions made so far */
    usec_t made_at;
    uint32_t rows_n;
    const struct plan_row *rows;
    uint32_t todo_rows_n;   /* by todo, then in time; those of core_plan only */
    const struct todo_row *todo_rows;
    size_t kept;            /* of core_plan's scratch: the rows lie in so many first bytes of it */
    struct core_odds odds;  /* of core_plan_odds, in its scratch behind that */
};
/* The plan of this moment.  `scratch` is core_plan_size(core) bytes of the caller's; rows live there, at its
 * beginning: what lies behind ret->kept bytes is the caller's again. */
size_t core_plan_size(const struct core *core);
int core_plan(const struct core *core, usec_t wall_at, usec_t boot_at, void *scratch, size_t size,
              struct core_plan *ret);
/* The same plan with odds from samples (odds.h) where these are taken; a few ms more. */
struct core_odds_ask {
    job_id first, last; /* of whom; 0, 0: of all */
};
int core_plan_odds(const struct core *core, usec_t wall_at, usec_t boot_at, const struct core_odds_ask *ask, void *scratch,
                   size_t size, struct core_plan *ret);
/* The rows of the last decision (those it started and those it reserved for), valid until the next
 * step.  rows[update.plan_row].start_at is the decision's own time for every START. */
struct core_plan core_last_plan(const struct core *core);

/* First instant >= t at which the person can look (availability only; the 30 minutes after a submit
 * count for that job alone and are part of its rows). */
usec_t core_eyes_at(const struct core *core, person_no person, usec_t t);
/* End of the window that holds t; t itself if the person is absent then. */
usec_t core_present_until(const struct core *core, person_no person, usec_t t);

/* GPUs kept free for somebody (reserve.h).  Those that are over go at the next decision. */
#define RESERVATION_FIELDS(F) \
    F(uint32_t, id) F(uint32_t, person) F(uint32_t, gpus) F(uint32_t, gpu_type) /* 0: any */ \
    F(usec_t, from_at) F(usec_t, until_at) F(uint32_t, begun) /* a decision has seen it begin */ \
    F(uint64_t, name0) F(uint64_t, name1) F(uint64_t, name2) F(uint64_t, name3) /* bytes, padded with 0 */
struct reservation {
#define F(type, name) type name;
    RESERVATION_FIELDS(F)
#undef F
};
uint32_t core_reservations_n(const struct core *core);
bool core_reservation_get(const struct core *core, uint32_t at, struct reservation *ret); /* in the order of ids */
uint32_t core_last_reservation(const struct core *core); /* greatest number ever given; 0: none */

/* What an account, or a person, may have and has (quota.h). */
struct core_quota {
    uint32_t gpus_max, gpus; /* at once, now; gpus_max 0: no quota */
    uint32_t hours, days;    /* GPU-hours in the last so many days (UTC); hours 0: no quota */
    usec_t used_us;          /* GPU time of those days, what runs now included */
    usec_t free_at;          /* used up: when enough of it counts no more, if nothing more is used; 0: it is not */
};
struct core_quota core_account_quota(const struct core *core, uint32_t account);
struct core_quota core_person_quota(const struct core *core, person_no person);

/* Jobs of a person that wait, and how many may; most 0: any number. */
struct core_waiting {
    uint32_t n, most;
};
struct core_waiting core_waiting(const struct core *core, person_no person);

/* Work that an operator put before others' (boost.h).  What is over goes at the next decision. */
#define BOOST_FIELDS(F) \
    F(uint32_t, id) F(uint32_t, kind) F(uint32_t, target) F(uint32_t, by) F(usec_t, from_at) F(usec_t, until_at) \
    BOOST_REASON(F)
struct boost {
#define F(type, name) type name;
    BOOST_FIELDS(F)
#undef F
};
uint32_t core_boosts_n(const struct core *core);
bool core_boost_get(const struct core *core, uint32_t at, struct boost *ret); /* in the order of ids */
uint32_t core_last_boost(const struct core *core); /* greatest number ever given; 0: none */
/* The place of a boost that this live job has at that time. */
#define CORE_NO_BOOST UINT32_MAX
uint32_t core_boost_of(const struct core *core, job_id id, usec_t now_at);

/* --- hands-on work (todo.h) ------------------------------------------------------------------- */

struct core_todo { /* a copy */
    job_id id;
    person_no by;
    person_no who[TODO_WHO_MAX]; /* any one of these */
    uint32_t who_n;
    uint32_t flags;              /* enum todo_flags */
    enum todo_wait wait;         /* as of the last decision */
    job_id blocker;              /* what it waits for; 0 */
    usec_t added_at, takes_us, min_chunk_us;
    usec_t left_us;              /* expected to be still needed */
    usec_t not_before_at, deadline_at;
    usec_t pin_at;               /* put there by hand; 0: free */
    usec_t next_from_at, next_until_at; /* its next piece, as decided; 0: none */
    person_no next_who;
};
uint32_t core_todos_n(const struct core *core);
bool core_todo_get(const struct core *core, job_id id, struct core_todo *ret);
bool core_todo_after(const struct core *core, job_id after, struct core_todo *ret);
/* Offered time of a person, sorted; borrowed until the next step. */
const struct offer *core_offers(const struct core *core, person_no person, uint32_t *ret_n,
                                usec_t *ret_cap_us);

/* What electricity costs, as last told (EVENT_TARIFF); lent until the next step.  rates_n 0: nobody has said. */
struct ev_tariff core_tariff(const struct core *core);

/* The most that jobs may take together, as last told (EVENT_POWER); lent until the next step.  caps_n 0: no cap. */
struct ev_power core_power(const struct core *core);
/* What a job takes: booked if it runs, else expected of its next attempt. */
enum power_source { POWER_FULL /* what its GPUs take at full load */, POWER_HISTORY, POWER_TOLD };
struct core_watts {
    uint32_t w;
    enum power_source source; /* of a job that runs: of its next attempt */
};
bool core_watts(const struct core *core, job_id job, struct core_watts *ret);
/* What jobs have booked and others take, of the cap at that instant; all 0 without one. */
struct core_power_use {
    uint32_t cap_w, booked_w, foreign_w;
};
struct core_power_use core_power_use(const struct core *core, usec_t at);

/* Run time forecast of a job given how long it has run already: remaining life is conditioned on it.
 * Lengths are of this attempt; work kept from earlier ones makes it shorter. */
enum forecast_source { FORECAST_OWN, FORECAST_PERSON, FORECAST_TEAM, FORECAST_GUESS,
                       FORECAST_TOLD, FORECAST_PROGRESS /* how far it says it is */, FORECAST_LIMIT /* its owner's runs of its limit */ };
struct forecast {
    usec_t p10_us, p50_us, p90_us;
    uint32_t history_n;           /* finished runs it rests on */
    enum forecast_source source;  /* what says most: the narrowest group that had any */
    uint32_t source_n;            /* those of that group; the rest are of wider ones and count less, or of none */
};
bool core_forecast(const struct core *core, job_id job, usec_t ran_us, struct forecast *ret);

/* Has this person's command ended well before, with so many GPUs, as far as is remembered? */
bool core_succeeded(const struct core *core, person_no owner, uint64_t command_key, uint32_t gpus);

/* How forecasts came true, of a person, or (0) of the team: the last 200 at most (calibrate.h). */
struct core_calibration {
    uint32_t scored, inside; /* ended by the P90 that was forecast when they started */
    uint32_t moved, missed;  /* of a person: starts moved later, and seen later than otherwise for it */
    uint32_t would, right;   /* ... that would have been, had they agreed, and seen as soon as they were */
    bool holds;              /* starts may be moved later, as far as forecasts go */
};
struct core_calibration core_calibration(const struct core *core, person_no person);

/* Urgent submits of a person in the last seven days (urgent.h). */
#define URGENT_WEEK_US (7 * USEC_PER_DAY)
struct core_urgent {
    uint32_t used, most; /* most 0: they are not counted */
    usec_t free_at;      /* when one more is free again; 0: nothing is used */
};
struct core_urgent core_urgent(const struct core *core, person_no person, usec_t now_at);

/* How much a person's wait counts, and what of (weight.h): the person's own business.  Factors are in thousandths: one of
 * 1000 changes nothing.  The sums are as of the last tick (estimate.h) or ending. */
struct core_weight {
    bool counts;             /* the policy asks for it */
    uint32_t all_milli;      /* own x fair */
    uint32_t own_milli;      /* as configured */
    uint32_t fair_milli;     /* as of the last tick: the three below, between a fifth and five */
    uint32_t results_milli, delay_milli, gpu_milli;
    uint32_t hours_milli;    /* part of the powers of delay and GPU time that the person's hours leave */
    uint32_t results;        /* in 28 days */
    uint64_t team_results_milli; /* the mean of those who had any, in thousandths */
    uint64_t delay_us, team_delay_us; /* of a result, mean; own ones joined by ten of the team's mean */
    uint64_t gpu_us, team_gpu_us; /* GPU time, halved every half-life; the mean of those who had any */
};
struct core_weight core_weight(const struct core *core, person_no person);

/* Why is this job where it is: a reason and its numbers, no text. */
struct explanation {
    enum reason reason;
    job_id job;
    uint32_t position;       /* 1: next in line; 0: not in line */
    job_id blocker;          /* whose end (start, state) it waits for, or makes the room; 0: none or many */
    uint32_t blocker_tasks;  /* it depends on an array: how many of its tasks have not ended (blocker: the last); 0: no array */
    bool blocker_starts;     /* it depends on the blocker's start, not its end ... */
    bool blocker_started;    /* ... which has been; change_at is that and the delay asked for */
    usec_t change_at;        /* when what it waits for is expected (wall); USEC_NEVER: unknown */
    uint32_t need_gpus, free_gpus, up_gpus; /* of its type: asked, free now, usable at all */
    uint32_t need_cpus, free_cpus;
    uint64_t need_mem_mib, free_mem_mib;
    uint32_t need_w, used_w, cap_w; /* under a power cap: asked, in use by jobs and others, at most now; else 0 */
    uint32_t limit, used;    /* for limits: allowed, in use (of GPU-hours, whole ones) */
    uint32_t account;        /* whose quota it is; 0: its owner's */
    uint32_t quota_days;
    uint32_t reservation;    /* REASON_RESERVED: which is in the way; 0: several */
    usec_t start_at, start_p10_at, start_p50_at, start_p90_at, end_p50_at, end_p90_at, eyes_at, eyes_late_at; /* its plan row's */
    uint32_t samples;        /* ... which rests on so many; 0: on the plan's two passes */
    usec_t now_eyes_at;      /* eyes had it started now: eyes_at minus this is the cost of waiting */
    usec_t now_eyes_late_at; /* the same at its P90 */
    int64_t power_mw;        /* of its GPUs, where a tariff is known and it has a start; 0: neither cost is known */
    int64_t now_cost_milli, start_cost_milli; /* electricity of a run of P50 from now, and from start_at */
    uint32_t passed;         /* jobs submitted after it that run, or are in line before it */
    bool aged;               /* it has waited so long that it goes first (settings.age_us) ... */
    usec_t aged_at;          /* ... from then on; USEC_NEVER: nothing ages */
    usec_t moved_from_at;    /* deferred: when it could have begun, to the second; 0: not known */
    uint32_t freed_gpus;     /* ... so many of its GPUs run work of others now that began since, and had no room otherwise */
    usec_t last_good_at;     /* the latest start that is seen at eyes_at; USEC_NEVER: unknown, others wait for
                             * its array, or a namesake for it */
    usec_t deadline_at;      /* 0: none */
    usec_t last_start_at;    /* the latest start that keeps the deadline at P90; USEC_NEVER: it has none */
    uint32_t drained_gpus, foreign_gpus, quarantined_gpus; /* of its type, not up */
    uint32_t made_way;       /* how often it made way for others */
    usec_t kept_us, restart_us; /* work of earlier attempts that is kept; what its next start costs for it */
    struct forecast forecast;
};
int core_explain(const struct core *core, job_id job, const struct core_plan *plan,
                 struct explanation *ret);

/* What a start of the last decision rests on, for who asks afterwards: nothing of it is kept by the core. */
#define TRADE_LOOKS 4096 /* live jobs that are looked at for `passed`, the oldest first: bounds a turn's work */
struct core_trade {
    usec_t ready_at;         /* when it could first have started, to the second */
    usec_t moved_from_at;    /* when its start was first moved later; 0: it was not */
    usec_t end_p50_at, end_p90_at, eyes_at, eyes_late_at; /* as forecast then */
    uint32_t history_n;      /* finished runs that rests on */
    uint32_t passed;         /* jobs submitted before it that could start but for room, and wait on */
    int64_t cost_milli, moved_cost_milli; /* electricity of a run of P50 from its start, and from moved_from_at; both 0: not
                              * known, or it was not moved (but cost_milli, if would_cost_milli is known) */
    usec_t would_at;         /* its owner has not agreed to later starts; the one it would have had; 0: this one */
    int64_t would_cost_milli; /* electricity from then; 0: not known */
};
bool core_trade(const struct core *core, const struct core_update *start, struct core_trade *ret);

/* Every invariant of doc/events.md: NULL if all hold, else a static sentence.  O(live jobs). */
const char *core_broken(const struct core *core);
/* All but that the running hash is that of the records: to make that anew takes longer than all others, and once it is
 * wrong it stays wrong, so that whoever asks after each event need not ask it each time. */
const char *core_broken_but_hash(const struct core *core);

#endif
