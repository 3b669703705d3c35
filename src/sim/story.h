/* story.h - a made-up day that reads aloud, and whether it goes as told.
 *
 *     story  The night belongs to the long job
 *     team   mina Asia/Seoul  work Mon-Fri 09:00-18:00        gpus 1
 *     09:30  submit A by mina, 6h
 *     18:05  submit B by mina, 3h, limit 4h
 *     expect 09:30 A start       why: mina is here and the GPU is free
 *     expect 18:05 B start       why: nothing else waits
 *     expect finally B COMPLETED
 *
 * doc/simulator.md has every line.  A time without a day is on the day of the line of its kind before
 * it; the first day is Monday 2 March 2026 unless `starts` says otherwise; all times are in the zone
 * of the first person.  Lines that cannot be read are refused with their number and what would be
 * right.  Every invariant of the seeds is watched here too.
 */
#ifndef EOUL_SIM_STORY_H
#define EOUL_SIM_STORY_H

#include <stdio.h>

#include "base/err.h"
#include "base/usec.h"
#include "cal/tzif.h"
#include "core/core.h"
#include "cal/hours.h"

#define STORY_LINES_MAX   2000
#define STORY_BYTES_MAX   (1u << 20)
#define STORY_NAME_MAX    24
#define STORY_PEOPLE_MAX  32
#define STORY_JOBS_MAX    500
#define STORY_OPTS_DEPS   4
#define STORY_ACCOUNTS_MAX 8

struct story_options {
    FILE *trace; /* everything that happens, NULL: nobody reads it */
    FILE *out;   /* what did not go as told, a sentence each; NULL: stderr */
    uint32_t mutant;
};

struct story_result {
    uint32_t expects, failed;
    char first[512]; /* the first thing that did not go as told */
};

/* 0: read and told (failed says how it went).  E_INVALID: a line cannot be read. */
int story_run_text(const char *name, struct str text, const struct story_options *options,
                   struct story_result *ret, struct err *err);
int story_run_file(const char *path, const struct story_options *options, struct story_result *ret,
                   struct err *err);

/* --- what story_parse.c hands to story.c ---------------------------------------------------------- */

struct story_person {
    char name[STORY_NAME_MAX];
    struct zone zone;
    char hours[128];
    uint32_t running_max, gpus_max, queued_max;
};

struct story_job {
    char name[STORY_NAME_MAX];
    person_no owner, reviewer; /* reviewer 0: the owner looks */
    uint32_t account;          /* 0: none */
    usec_t run_us, limit_us, begin_at, deadline_at, backoff_us;
    uint32_t gpus, gpu_type, cpus, retries, flags, fails_n, dies_n, no_launch_n, array_max;
    uint64_t mem_mib, command_key;
    int32_t nice;
    struct range tasks; /* step 0: no array */
    struct { uint32_t kind, job; bool whole; uint32_t index; } deps[STORY_OPTS_DEPS];
    uint32_t deps_n;
};

enum story_act {
    ACT_SUBMIT, ACT_CANCEL, ACT_HOLD, ACT_RELEASE, ACT_REQUEUE, ACT_FIRST, ACT_SET,
    ACT_DRAIN_GPU, ACT_UNDRAIN_GPU, ACT_DRAIN_QUEUE, ACT_UNDRAIN_QUEUE, ACT_GPU_TAKEN, ACT_GPU_FREE,
    ACT_SUPERVISOR, ACT_DAEMON_DIES, ACT_CRASH, ACT_POWER, ACT_AWAY, ACT_WORKS, ACT_DISK_FULL,
    ACT_ACCOUNT,
};

struct story_target { /* A, or A_3 */
    uint32_t job;     /* of story.jobs */
    bool task;
    uint32_t index;
};

struct story_action {
    usec_t wall_at;
    enum story_act act;
    struct story_target target;
    uint32_t gpu, field, crash;
    int64_t value;
    person_no person;
    usec_t until_at;
    char hours[128];
    struct ev_account account;
    uint32_t line;
};

enum story_expect_kind { EXPECT_START, EXPECT_END, EXPECT_WAITS, EXPECT_IS, EXPECT_FINALLY,
                         EXPECT_SEEN };

struct story_expect {
    enum story_expect_kind kind;
    usec_t wall_at, grain_us;
    struct story_target target;
    bool on_gpu;
    uint32_t gpu, state, reason, attempts;
    bool attempts_given;
    uint32_t line;
    char why[200];
    /* what came of it */
    bool seen;
    uint32_t seen_state, seen_reason;
};

struct story {
    char title[160];
    int64_t first_day;    /* civil_day */
    uint32_t gpus, cpus;
    uint64_t mem_mib;
    enum policy policy;
    usec_t guess_us, age_us;
    struct story_person people[STORY_PEOPLE_MAX];
    uint32_t people_n;
    char accounts[STORY_ACCOUNTS_MAX][STORY_NAME_MAX]; /* by number less one */
    uint32_t accounts_n;
    struct story_job *jobs;
    uint32_t jobs_n;
    struct { person_no owner; uint64_t command_key; uint32_t gpus, times; usec_t run_us; } past[16];
    uint32_t past_n;
    struct story_action *actions;
    uint32_t actions_n;
    struct story_expect *expects;
    uint32_t expects_n;
    usec_t last_at;       /* of the last action or expectation */
};

int story_parse(struct str text, struct story *ret, struct err *err);
void story_finish(struct story *story);

#endif
