/* state.h - how the core lies in its block.  Not public: only src/core includes it.
 *
 *     struct core | jobs | by_id | classes | class buckets | arrays | deps | spans | groups |
 *     group buckets | wall heap | boot heap | busy | three scratch tables of a decision |
 *     todos | todo ids | offers | scratch of planning todos
 *
 * Tables are reached by offset, records name each other by slot (index), so the block may be
 * copied. A table is touched only as far as it has been used (a high-water mark and a free list, no
 * clearing at start): a block sized for 100,000 jobs costs memory for those it holds.
 *
 * What is *state* (saved, hashed) and what is *derived* (rebuilt at load, never hashed) is said at
 * each field.  Decisions may depend on derived things only where they are functions of the state.
 *
 * The order jobs are taken in is total and a function of state and time alone:
 *     (tier, key descending, area ascending, submit_at, id)
 * policy.h says what they are.  Classes exist for speed only: pending, unblocked jobs that are alike
 * in everything a decision looks at (owner, forecast group, needs, limit, ...) hang in one list
 * ordered by (submit_at, id), so a decision looks at list heads.  How jobs are spread over classes
 * can never change a decision.
 */
#ifndef EOUL_CORE_STATE_H
#define EOUL_CORE_STATE_H

#include "core/core.h"

#define NONE UINT32_MAX /* no slot */

#define CORE_MAGIC   0x65306f756c636f72u
#define CORE_VERSION 1 /* of the saved form */

#define TYPES_MAX         8   /* GPU models: free counts by type are eight bytes in one word */
#define ARRAYS_SHARE      4   /* room for jobs/4 arrays; core_limits_for doubles jobs beyond */
#define IDS_DEAD_SHARE    8   /* of the ids so many are of jobs that have ended, before they are swept */
#define STOPS_MAX         64  /* jobs told to make way in one decision; further ones in the next */
#define CLAIMS_MAX        63  /* jobs that wait for them: each has a row of the decision */
#define STARTS_MAX        256 /* starts in one decision; the deadline asks for another at once */
#define DEPTH_MAX         64  /* plan_depth is cut here: bounds the rows kept of a decision */
#define LAST_ROWS_MAX     (STARTS_MAX + DEPTH_MAX)
#define SAMPLES_OWN       30
#define SAMPLES_LIMIT     15  /* of a person's runs under one time limit */
#define SAMPLES_PERSON    10  /* of a person's other work: fewer */
#define SAMPLES_TEAM      5   /* a handful */
#define POWER_SAMPLES     10  /* runs whose power a group remembers */
#define NODES             5   /* quantiles an index is averaged over: .1 .3 .5 .7 .9 */
#define GPU_BUSY_BACKOFF_US (5 * USEC_PER_SEC) /* after "gpu-busy": its EVENT_GPU comes meanwhile */
#define BACKOFF_FOLD_MAX  6   /* 2^6 = 64 fold */
#define CPUS_MAX          (1u << 20) /* sums of busy jobs stay in 31 bits */
#define MEM_MAX_MIB       (UINT32_MAX / 2)
#define PRESENCE_STEP_US  (5 * USEC_PER_MIN) /* presence ends are rounded up to this in the index */
#define PRESENCE_MAX_AT   (((1 << 26) - 1) * PRESENCE_STEP_US) /* 600 years: counted in 26 bits */

enum stop_intent { STOP_NONE, STOP_CANCEL, STOP_REQUEUE, STOP_RULE, STOP_PREEMPT };
enum dep_state { DEPS_MET, DEPS_WAIT, DEPS_NEVER };
enum {
    JOBX_BEGUN = 1 << 8, /* begin_at has passed once; a clock stepped back cannot unpass it */
    JOBX_RAN = 1 << 9,   /* some attempt of it has run */
    JOBX_HELD_FAILURES = 1 << 10, /* its JOB_HELD was set by its siblings' failures (siblings.h) */
    JOBX_CANARY = 1 << 11,      /* its present attempt is a canary (canary.h) */
    JOBX_PROVEN = 1 << 12,      /* its canary went well, or that of its array */
    JOBX_HELD_CANARY = 1 << 13, /* its JOB_HELD was set by a canary that failed */
    JOBX_WOULD = 1 << 14,       /* deferred_s is, in seconds from this start, the one its owner's word would have made (would.h) */
    JOBX_CANARIES_AT = 16,      /* from this bit on eight of flags count attempts that were canaries, no more than fit */
};

/* One list: fields of a job that are state.  Save, load and hash walk it.  F(type, name) */
#define JOB_FIELDS(F) \
    F(uint32_t, id) \
    F(uint32_t, array_id)      /* 0: none */ \
    F(uint32_t, array_index) \
    F(uint16_t, owner) F(uint16_t, submitter) \
    F(uint8_t, state) F(uint8_t, intent) \
    F(uint8_t, preempt) \
    F(uint8_t, gpus) F(uint8_t, gpu_type) \
    F(uint8_t, retries_used) \
    F(uint32_t, flags)         /* enum job_flags and JOBX_* */ \
    F(uint32_t, cpus) F(uint32_t, mem_mib) \
    F(usec_t, limit_us) F(usec_t, submit_at) F(usec_t, begin_at) F(usec_t, deadline_at) \
    F(int32_t, nice) \
    F(usec_t, start_at) F(usec_t, start_boot_at) F(usec_t, backoff_until_boot_at) \
    F(usec_t, backoff_us) \
    F(uint32_t, attempt) F(uint16_t, retries_left) /* RETRY_MAX at most */ \
    F(uint64_t, gpu_mask) F(uint64_t, command_key) F(uint64_t, name_key) \
    F(uint32_t, first_seq)     /* 0: never sent first; larger: sent first later */ \
    F(uint32_t, singles)       /* singleton: earlier live jobs of its owner and name */ \
    F(usec_t, restart_us) F(usec_t, flex_us) F(usec_t, canary_us) \
    F(uint32_t, watts_mw) F(uint16_t, reviewer) F(usec_t, review_us) F(uint32_t, done_ppm)

/* Fields that came later: the hash passes over zeros, so that stores from before keep theirs. */
#define JOB_FIELDS_LATER(F) \
    F(uint32_t, retry0) F(uint32_t, retry1) /* retry.h packs rules into them; 0: none */ \
    F(uint32_t, retry2) F(uint32_t, retry3) \
    F(usec_t, estimate_us) F(uint16_t, estimate_sd_milli) /* ESTIMATE_SD_MAX at most */ \
    F(usec_t, done_us)         /* work of earlier attempts that need not be done again */ \
    F(uint16_t, preempted_n)   /* how often it made way; no more is counted than fits */ \
    F(usec_t, stop_boot_at)    /* when it was told to make way */ \
    F(uint32_t, deferred_s)    /* 1 + seconds from its submit until its start was first moved later; 0: never; but see \
                                * JOBX_WOULD */ \
    F(uint32_t, promised_s)    /* P90 of this attempt's run when it started, rounded up (calibrate.h); before its first \
                                * attempt 1 + seconds it is to wait (band.h); 0: none */ \
    F(uint32_t, ready_s)       /* seconds from its submit until it could first have started (share.h) */ \
    F(uint32_t, booked_w)      /* what its present attempt takes of the power cap; 0: nothing, or there was none */ \
    F(uint8_t, account) \
    F(uint16_t, said_p50_log) F(uint16_t, said_p90_log) /* its present attempt's plain forecast (band.h); 0: none */

/* The lists above are in the order of the hash; a record is in the order of widths, without gaps. */
struct job {
    usec_t limit_us, submit_at, begin_at, deadline_at;
    usec_t start_at, start_boot_at, backoff_until_boot_at, backoff_us;
    uint64_t gpu_mask, command_key, name_key;
    usec_t restart_us, flex_us, canary_us, review_us, estimate_us, done_us, stop_boot_at;
    uint32_t watts_mw;
    uint32_t id, array_id, array_index, flags, cpus, mem_mib;
    int32_t nice;
    uint32_t attempt, first_seq, singles, done_ppm;
    uint32_t retry0, retry1, retry2, retry3, deferred_s, promised_s, ready_s, booked_w;
    /* derived */
    uint32_t array;      /* slot of its array */
    uint32_t deps;       /* its first condition; then struct dep_node.next_of_waiter */
    uint32_t dependents; /* first condition that waits for it */
    uint32_t class;      /* NONE: not in a class (blocked or not pending); free list: next free */
    uint32_t prev, next; /* in its class */
    uint32_t heap_wall, heap_boot; /* place in the timers, NONE: in none */
    /* state */
    uint16_t owner, submitter, reviewer, retries_left, estimate_sd_milli, preempted_n, said_p50_log, said_p90_log;
    uint8_t state, intent, preempt, gpus, gpu_type, retries_used, account;
    /* derived */
    uint8_t dep_state;   /* enum dep_state, from its conditions */
};
_Static_assert(sizeof(struct job) <= 280, "100,000 queued jobs in 80 MB, the daemon included");
#define F(type, name) \
    _Static_assert(_Generic(((struct job *)0)->name, type: 1, default: 0), "as the list says: " #name);
JOB_FIELDS(F)
JOB_FIELDS_LATER(F)
#undef F

struct id_entry { /* sorted by id; slot NONE: ended, to be swept (IDS_DEAD_SHARE) */
    uint32_t id;
    uint32_t slot;
};

/* One condition of a live job.  State. */
enum node_state { NODE_WAIT, NODE_DELAY, NODE_MET, NODE_NEVER };
enum waiter_kind { WAITER_JOB, WAITER_ARRAY, WAITER_TODO, WAITER_COUNT };
struct dep_node {
    uint32_t waiter; /* slot of a job, array or todo; free list: next free */
    uint32_t next_of_waiter;
    uint32_t next_of_target, prev_of_target; /* while NODE_WAIT in its target's list, while
                                              * NODE_DELAY in core.delays; NONE at the ends */
    uint32_t target;         /* job, todo or array id */
    usec_t due_boot_at;      /* NODE_DELAY */
    uint32_t delay_s;
    uint16_t group;
    uint8_t kind, scope, state;
    uint8_t waiter_kind; /* enum waiter_kind */
};

struct array {           /* live tasks of one submit */
    uint32_t id;         /* 0: free */
    uint32_t max;        /* state */
    uint32_t live;       /* derived: tasks not yet final */
    uint32_t busy;       /* derived: tasks CONFIGURING..COMPLETING */
    uint32_t unstarted;  /* derived: live tasks that never ran */
    uint32_t failed;     /* state: tasks that ended other than COMPLETED */
    uint32_t hold_after; /* state: siblings.h */
    uint32_t alike_n;    /* state: tasks in a row whose first failure was ... */
    uint32_t alike;      /* state: ... this one */
    uint32_t counted;    /* state: 1: a task of it was counted as a result (weight.h) */
    uint32_t deps;       /* conditions of all its tasks together */
    uint32_t dependents; /* first condition on the whole array */
    uint32_t next;       /* free list */
    uint8_t dep_state;   /* derived */
};

/* Run times as log2(us) x 512, newest last; see estimate.h. */
struct samples {
    uint16_t n;
    int16_t log[SAMPLES_OWN]; /* those from n on are 0 */
};

#define HITS_MAX 200
struct hits { /* the last scores of forecasts; calibrate.h */
    uint32_t n;
    uint64_t word[4];
};

struct off_runs { /* how far off forecasts of runs were, as logarithms; band.h */
    struct samples p50, p90;
    int16_t p50_log, p90_log; /* derived: by how much the next ones are moved */
};
#define BAND_SIZES 4
struct off_waits { /* ... and those of waits */
    struct samples older, newer;
    int16_t log[NODES];       /* derived: of the next ones */
};

struct forecast_nodes { /* of a whole run, not capped by any limit */
    usec_t us[NODES];
};

struct power_samples { /* what runs took, in W, newest last; power.h */
    uint32_t n;
    uint32_t w[POWER_SAMPLES]; /* those from n on are 0 */
};

struct forecast_memo { /* derived: pooled quantiles, and what they were made from */
    uint32_t shown_epoch, version; /* shown_epoch 0: nothing yet */
    uint32_t limit_version;        /* of the group of its limit; 0: there is none */
    struct forecast_nodes nodes;
};

/* Finished runs of one owner, command and width, or of one owner and time limit; state but for the cache. */
struct group {
    uint64_t key;        /* 0: free */
    uint32_t used_seq;   /* least goes when the table is full */
    uint32_t failed_n;   /* failures that are no runs; only told apart by stores, which hold their hash */
    uint32_t unshown;    /* of a time limit: so many of the newest do not count yet; at most SAMPLES_LIMIT */
    uint32_t unproven;   /* 1: all of its runs have failed */
    struct samples samples;
    struct power_samples power;
    uint32_t version;    /* derived: changes with the samples */
    uint32_t next;       /* bucket chain */
    struct forecast_memo memo;
};

/* A todo.  One list: fields that are state. */
#define TODO_FIELDS(F) \
    F(uint32_t, id) F(uint16_t, by) F(uint8_t, flags) F(uint8_t, who_n) \
    F(uint64_t, who_low) F(uint64_t, who_high) /* persons, 16 bits each; see todo_who */ \
    F(usec_t, added_at) F(usec_t, takes_us) F(usec_t, min_chunk_us) \
    F(usec_t, worked_us)       /* planned time that has passed */ \
    F(usec_t, not_before_at) F(usec_t, deadline_at) \
    F(usec_t, pin_at) F(int64_t, pin_day) F(uint16_t, pin_who) /* at_at 0: free */ \
    F(usec_t, next_from_at) F(usec_t, next_until_at) F(int64_t, next_day) F(uint16_t, next_who)
struct todo {
#define F(type, name) type name;
    TODO_FIELDS(F)
#undef F
    /* derived */
    uint8_t dep_state;   /* enum dep_state */
    uint8_t wait;        /* enum todo_wait, as of the last decision */
    uint32_t deps;       /* its first condition */
    uint32_t dependents; /* first condition that waits for it; free list: next free */
};

struct quota { /* GPU-hours in so many days; hours 0: none */
    uint32_t hours, days;
};
struct used_up { /* derived: is a quota of hours used up, as of the last event?  quota.c */
    bool known, is;
};
struct usage { /* GPU time by days; quota.h */
    int64_t day; /* the last; 0: none yet */
    uint32_t gpu_cs[QUOTA_DAYS_MAX], unused_; /* hundredths of a GPU-second: a day of 64 GPUs in 32 bits */
};

struct share { /* sums that fall by half every settings.half_life_us; share.h */
    int64_t step;            /* they are as of this step; 0: none yet */
    uint64_t gpu_us, delay_us, results;
};

#define URGENT_MAX 8 /* the last uses, and the most that may be allowed */
struct urgent { /* urgent.h */
    uint32_t n;
    usec_t at[URGENT_MAX]; /* oldest first; those from n on are 0 */
};

/* Tiers of the order; the first goes first. */
enum { TIER_BEFORE_ALL /* over its age, or GPUs are kept for it */, TIER_BOOSTED /* boost.h */, TIER_URGENT, TIER_OTHERS };

struct person {
    /* state */
    bool known;
    uint32_t running_max, gpus_max, queued_max, weight_milli;
    bool defer;              /* agreed that starts may be moved later */
    usec_t until_at;         /* windows are known until here */
    uint32_t failed_n;
    struct samples samples, shown; /* shown: what forecasts use, renewed on ticks (estimate.h) */
    struct samples daily;    /* results by day, the last on daily_day (weight.h); n 0: none yet */
    int64_t daily_day;
    uint32_t fair_milli;     /* weight from them, renewed on ticks; 0: 1000 */
    struct share share;
    struct urgent urgent;
    struct quota quota;
    struct usage usage;
    struct hits hits;
    struct off_runs off;
    uint32_t moved_n, missed_n; /* starts moved later; those that were seen later for it */
    uint32_t would_n, would_right_n; /* starts that would have been; those that would have been seen as soon (would.h) */
    usec_t offer_until_at, cap_us; /* offered hours are known until here (offer.h) */
    int64_t worked_day;      /* the last local day on which planned hands-on time passed, */
    usec_t worked_us;        /* and how much of it */
    /* derived */
    uint32_t offers_at, offers_n, offers_room; /* in the table of offers (contents are state) */
    uint32_t spans_at, spans_n, spans_room; /* its windows in the span table (contents are state) */
    uint32_t running, gpus, queued, singletons; /* singletons: those that wait */
    struct used_up up;
    uint32_t value_version; /* changes with its windows, its weight, settings and the machine */
    uint64_t hash;           /* its share of the core's sum; renewed by persons_settle */
    struct forecast_memo memo; /* of commands without history */
};

struct account {
    bool known;
    uint32_t gpus_max;
    struct quota quota;
    struct usage usage;
    /* derived */
    uint32_t gpus; /* of its jobs that have some */
    struct used_up up;
    uint64_t hash;
};

struct gpu {
    uint32_t type;
    uint8_t state;
    bool known;
    int64_t watts_mw;
    uint32_t job; /* derived: slot of who has it, NONE */
};

/* A class: see the head comment.  All derived. */
struct class_key {
    uint64_t group_key;
    usec_t limit_us;
    usec_t estimate_us, done_us, restart_us; /* restart_us: 0 without done_us */
    usec_t deadline_at;
    uint64_t flex_us : 44,                   /* FLEX_MAX_US stands for all above */
        told_w : 20;                         /* told power, rounded up to W */
    uint32_t presence_steps : 26, account : 6; /* steps: end of the presence its submit proved, rounded; 0: over, or none */
    uint32_t array_id;
    uint32_t first_seq;
    uint32_t cpus, mem_mib;
    int32_t nice;
    uint32_t owner : 9, eyes : 9, /* eyes: who looks at the result: its reviewer, else its owner */
        flags : 7,                /* those of JOB_NOW, JOB_URGENT and JOB_CLEAN_TREE */
        gpus : 7;
    uint32_t estimate_sd_milli : 13, /* ESTIMATE_SD_MAX stands for all above: no forecast tells them apart */
        gpu_type : 4, preempt : 2, boosted : 1,
        canary_s : 11, proven : 1;   /* the canary it still wants, 0: none; it had one that went well */
};
#define FLEX_MAX_US (100 * USEC_PER_DAY) /* nothing is known of when people look so late */
static inline usec_t class_presence_at(const struct class_key *key)
{
    return (usec_t)key->presence_steps * PRESENCE_STEP_US;
}
/* What the policies look at, and what it was made from: while that stands, so does the view. */
struct class_view {
    uint32_t epoch, group, group_version;                    /* of the forecast; epoch: core_epoch */
    uint32_t value_version;                                  /* of the value, with level and base_at */
    uint32_t weight_milli;  /* of its owner's wait beside others' */
    uint8_t level;
    uint8_t reason;         /* of the class's head, as the last decision (or this look) says */
    uint8_t place;          /* in the kept order (order.h): 1 + its tier; 0: not in it */
    usec_t base_at;
    usec_t node_us[NODES];  /* run time quantiles, capped by the limit */
    int64_t area;           /* milli-GPU x us, at least 1 */
    int64_t value;          /* the policy's key: larger first */
};
#define PLACE_OF(tier) ((tier) + 1)
static inline usec_t view_mean_us(const struct class_view *view)
{
    usec_t sum = 0;
    for (int i = 0; i < NODES; i++)
        sum += view->node_us[i];
    return usec_max(sum / NODES, 1);
}
struct job_class {
    struct class_key key;
    uint32_t head, tail, n; /* n 0: free */
    uint32_t head_id;       /* of its head, kept here: scanning classes need not touch jobs */
    usec_t head_submit_at;
    uint32_t chain;         /* hash bucket, or free list */
    uint32_t live_at;       /* its place in the list of classes in use */
    struct class_view view; /* a cache, but for the reason */
};
_Static_assert(sizeof(struct job_class) <= 208, "apart, each job has one");

struct room { /* what is there: GPUs by type, a byte each (type 1 lowest), CPUs, memory, watts under the cap */
    uint64_t gpus;
    int32_t cpus, mem_mib;
    int32_t watts; /* below 0 after a cap has fallen; 0 without one */
};

/* One class in the kept order: whom it stands above, and the least of it and of all below it (order.h). */
#define ORDER_CPUS_MASK ((1u << 21) - 1)
_Static_assert(CPUS_MAX <= ORDER_CPUS_MASK, "they fit the bits of a node");
/* 0, 1, 2 to 3, 4 to 7, ... 64 and more: GPUs, or CPUs where there are no GPUs.  Most jobs are as wide as a power of two:
 * from it on, so that those who have three free do not look at all who want four. */
#define ORDER_WIDTHS 8
struct order_node {
    uint32_t left, right;
    uint32_t gpus : 8, cpus : 21, keeps : 1, unused_ : 2; /* keeps: somebody keeps their work when making way */
    uint32_t mem_mib;
    uint32_t submit_s; /* of those that can still grow old */
    uint8_t late[ORDER_WIDTHS]; /* P90 of a run, by width: see order_late_code; UINT8_MAX: nobody that wide */
};
_Static_assert(sizeof(struct order_node) == 28, "one per job");
#define ORDER_SAID_MAX 512
struct order {
    unsigned __int128 area;     /* queued by those in it: milli-GPU x us */
    uint32_t root, new_n;
    uint32_t first_n, untold_n; /* classes in line that were sent first; that have no told length */
    uint32_t watched_n, limited_n; /* ... whose key has a presence; a time limit */
    uint32_t said_n, said[ORDER_SAID_MAX];
    uint32_t looked_n;          /* decisions that looked at all since it was dropped */
    usec_t oldest_at;           /* nobody in it that can still grow old was submitted before */
    usec_t now_at;              /* it is as of then, and of these: */
    uint32_t renew_epoch, epoch, version;
    struct room up, known;
};

struct needs { /* what a job takes of the machine */
    uint8_t gpus, gpu_type;
    uint32_t cpus, mem_mib;
    uint32_t watts; /* 0 without a power cap */
};

/* One candidate in the total order. */
struct order_key {
    int64_t value, area;
    usec_t submit_at;
    uint32_t id;        /* with a first_seq: of the job it goes before */
    uint32_t first_seq;
    uint32_t job;       /* slot */
    uint32_t class;
    uint32_t tier;      /* TIER_* */
    uint32_t own_id;
};

struct busy_end { /* a running job's expected end */
    usec_t at;
    uint32_t job; /* slot */
    uint32_t id;
};

#define RISES_MAX 256
struct rise_stretch { /* derived: lengths of runs whose sum is straight (rise.h) */
    usec_t base_at, w_us;       /* as of then, and of that backlog; 0: none */
    uint32_t person, version;   /* of whoever looks, and of their windows */
    usec_t from_us, until_us;   /* these lengths */
    usec_t ref_us;              /* one of them; of it: */
    int64_t seen_at, sum, slope;
    bool seen_moves;            /* with the length, one to one; the sum: by the slope */
};

struct search; /* scratch of a decision (search.h) */

struct table { size_t at; }; /* offset from the core */

struct core {
    uint64_t magic;
    size_t size;
    struct core_limits limits;
    uint32_t arrays_max, by_id_max, class_buckets, group_buckets;
    struct table jobs_at, by_id_at, classes_at, class_buckets_at, classes_live_at, arrays_at,
        deps_at, spans_at, groups_at, group_buckets_at, wall_at, boot_at, busy_at, keys_at, ends_at,
        search_at, marks_at,
        order_at, /* in the upper part of keys: see order.h */ todos_at, todo_ids_at, offers_at, todo_work_at;

    /* state */
    struct ev_settings settings;
    bool settings_known;
    uint32_t cpus;
    uint64_t mem_mib;
    bool closed;
    bool todos_stale;           /* something changed since todos were last planned */
    usec_t now_at, now_boot_at; /* times of the last event */
    uint64_t decisions;
    uint32_t last_id, first_seq, group_seq;
    uint32_t w_level;           /* backlog step of the index (policy.h) */
    usec_t shown_at;            /* tick at which `shown` samples were renewed */
    usec_t unwatched_at;        /* presences that ended by then are over for the index (queue.h) */
    usec_t again_at;            /* the last decision asked for another then */
    bool quiet;                 /* nothing has happened since the last decision */
    bool quotas_stale;          /* derived: somebody's used_up is not known */
    bool quotas_any;            /* derived, unless they are stale: somebody has a quota of hours */
    int64_t quotas_day;         /* derived: the day as of which the others are */
    struct gpu gpus[CORE_GPUS_MAX];
    struct person persons[CORE_PERSONS_MAX + 1];
    struct account accounts[ACCOUNTS_MAX + 1]; /* 0: none, never known */
    struct samples team, team_shown;
    struct hits hits;           /* of everybody's */
    struct off_runs off;
    struct off_waits waits[BAND_SIZES]; /* by GPU-hours asked for */
    struct reservation reservations[RESERVATIONS_MAX]; /* by id */
    uint32_t reservations_n, last_reservation;
    struct boost boosts[BOOSTS_MAX]; /* by id */
    uint32_t boosts_n, last_boost;
    struct rates {              /* what electricity costs (price.h); n 0: nobody has said */
        usec_t until_at;
        int64_t hour_milli, gpu_mw;
        struct rate at[CORE_RATES_MAX]; /* 0 from n on */
        uint32_t n;
    } rates;

    struct caps {               /* on power (power.h); n 0: none */
        usec_t until_at;
        struct cap at[CORE_CAPS_MAX]; /* 0 from n on */
        uint32_t n;
    } caps;

    /* derived */
    uint64_t sum;               /* of the hashes of all records, of persons as they were before they changed: */
    uint64_t persons_changed[CORE_PERSONS_MAX / 64 + 1]; /* bits */
    uint32_t jobs_n, jobs_used, jobs_free;
    uint32_t by_id_n, by_id_dead;
    uint32_t classes_n, classes_used, classes_free;
    uint32_t canaries_n;        /* classes that want a canary */
    uint32_t arrays_n, arrays_used, arrays_free;
    uint32_t deps_n, deps_used, deps_free;
    uint32_t spans_used, spans_n; /* used: high water; n: in use */
    uint32_t groups_used;
    uint32_t todos_n, todos_used, todos_free;
    uint32_t offers_used, offers_n;
    uint32_t wall_n, boot_n, busy_n;
    uint32_t delays;            /* first condition in NODE_DELAY */
    uint32_t state_n[JOB_STATE_COUNT];
    uint32_t held_n, singletons_n, deadlines_n;
    uint32_t version;           /* counter that versions of groups and persons are drawn from */
    uint32_t shown_epoch;       /* changes with shown samples, settings and the machine */
    uint32_t group_epoch;       /* changes when a group comes or goes */
    uint32_t renew_epoch;       /* changes with settings and the machine */
    bool waits_known;           /* enough of them to say how far off the next one is */
    struct order order;
    struct rise_stretch rises[RISES_MAX];
    struct room up, free;       /* of GPUs that are UP; free: now, but for watts (power_free_w) */
    uint32_t busy_w;            /* booked by busy jobs */
    struct room known;          /* of all GPUs but GONE ones */
    uint32_t mutant;            /* planted bug (mutant.h); 0 and unused in the real core */

    /* the last decision */
    uint64_t plan_number;
    usec_t plan_made_at;
    uint32_t plan_rows_n;
    struct plan_row plan_rows[LAST_ROWS_MAX];
};

/* The tables.  Constness is the caller's promise: looking functions take a const core and only
 * read. */
#define TABLE(name, type, table) \
    static inline type *name(const struct core *c) { return (type *)((char *)c + c->table.at); }
TABLE(jobs_of, struct job, jobs_at)
TABLE(ids_of, struct id_entry, by_id_at)
TABLE(classes_of, struct job_class, classes_at)
TABLE(class_buckets_of, uint32_t, class_buckets_at)
TABLE(classes_live_of, uint32_t, classes_live_at)
TABLE(arrays_of, struct array, arrays_at)
TABLE(deps_of, struct dep_node, deps_at)
TABLE(spans_of, struct span, spans_at)
TABLE(groups_of, struct group, groups_at)
TABLE(group_buckets_of, uint32_t, group_buckets_at)
TABLE(wall_heap_of, uint32_t, wall_at)
TABLE(boot_heap_of, uint32_t, boot_at)
/* Is there a search, or may starts be moved later?  Journals from before there was either replay as they were
 * decided. */
static inline bool core_looks_ahead(const struct core *c)
{
    return c->settings.search_moves || c->settings.defer;
}

/* What forecasts are made from: both only rise, and so does their sum. */
static inline uint32_t core_epoch(const struct core *c) { return c->shown_epoch + c->group_epoch; }

TABLE(busy_of, uint32_t, busy_at)
TABLE(keys_of, struct order_key, keys_at)
TABLE(ends_of, struct busy_end, ends_at)
TABLE(marks_of, uint8_t, marks_at)
TABLE(order_nodes, struct order_node, order_at) /* by class slot */
TABLE(search_of, struct search, search_at)
TABLE(todos_of, struct todo, todos_at)
TABLE(todo_ids_of, uint32_t, todo_ids_at) /* slots in the order of ids, todos_n of them */
TABLE(offers_of, struct offer, offers_at)
#undef TABLE

static inline bool job_is_busy(const struct job *j) /* holds GPUs, CPUs and memory */
{
    return j->state == JOB_CONFIGURING || j->state == JOB_RUNNING || j->state == JOB_COMPLETING;
}

/* 1 + seconds from its submit until its start was first moved later; 0: never. */
static inline uint32_t job_deferred_s(const struct job *j) { return j->flags & JOBX_WOULD ? 0 : j->deferred_s; }

/* What ends its present attempt, 0: nothing.  A canary is ended at its length. */
static inline usec_t job_limit(const struct job *j)
{
    return j->flags & JOBX_CANARY ? usec_min(j->canary_us, CORE_CANARY_MAX_US) : j->limit_us;
}

/* Updates being written by a step. */
struct out {
    struct core_update *at;
    uint32_t n, max;
};

/* Planted bugs are compiled into core_mutant only. */
#ifdef EOUL_MUTANTS
#define MUTANT(core, number) ((core)->mutant == (number))
#else
#define MUTANT(core, number) ((void)(core), false)
#endif

#endif
