/* trace.h - somebody's workload: who asked for how many GPUs when, and how long it really ran.
 *
 * Read from a file of one of the formats below (doc/simulator.md), made up by office.h, or taken from a
 * live journal.  A row that makes no sense is counted and the first ten are kept as sentences with their
 * line; the rest goes on.  Nothing is dropped without being counted.
 *
 *     csv      submit,runtime,gpus,user[,limit,checkpoint,deadline,command,team,watts]: by name, any order
 *     swf      Standard Workload Format, processors taken as GPUs
 *     philly   timestamp,duration,num_gpus,gpu_time,cluster: a cluster is a team and, without users, one user
 *     openb    pods of the Alibaba GPU trace: a part of a GPU is a whole one, pods without GPU are counted out
 *     sacct    sacct --parsable2, with any of its fields by name
 *     journal  eould --export-journal, or eoul sim --export
 *
 * Local times without an offset are read in the zone of the caller.  trace_finish frees all.
 */
#ifndef EOUL_SIM_TRACE_H
#define EOUL_SIM_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "base/usec.h"
#include "cal/tzif.h"
#include "core/event.h"

#define TRACE_FAULTS_SHOWN 10
#define TRACE_BYTES_MAX    ((size_t)1 << 30) /* a file, unpacked: a year of a busy site is 100 MB */
#define TRACE_JOBS_MAX     5000000u          /* rows kept: 100 bytes each */
#define TRACE_GPUS_MAX     100000u           /* one job; wider is a slip of the file */
#define TRACE_RUN_MAX_US   (3650 * USEC_PER_DAY)
/* "Seconds from a Monday 00:00 local" count from this one: 2 March 2026. */
#define TRACE_MONDAY_DAY   20514

enum trace_format { TRACE_CSV, TRACE_SWF, TRACE_PHILLY, TRACE_OPENB, TRACE_SACCT, TRACE_JOURNAL,
                    TRACE_FORMAT_COUNT };

struct trace_job {
    usec_t submit_at;     /* UTC */
    usec_t run_us;        /* of the whole job, without interruptions */
    usec_t limit_us;      /* 0: none */
    usec_t deadline_at;   /* 0: none */
    uint64_t command;     /* equal for runs of one program; 0: not told */
    uint32_t user;        /* trace.users */
    uint32_t gpus;
    uint32_t line;        /* of the file; 0: made up */
    bool checkpoint;      /* may be interrupted and goes on where it was */
    bool failed;          /* it did not end well */
    bool stays;           /* its start was not to be moved later, whoever agreed */
    usec_t end_at;        /* when it really ended; 0: not told */
    usec_t restart_us;    /* cost of going on; 0: the settings' */
    int64_t watts_mw;     /* of all its GPUs together: what it took (of a journal whose end does not tell: what was said); 0: not told */
    int64_t said_mw;      /* told: what its owner said at the submit; 0: nothing */
    uint32_t account;     /* a journal's: the project it is for; 0: none */
    uint32_t id;          /* a journal's number for it */
};

struct trace_user {
    char *name;
    uint32_t jobs;
    struct span *look;    /* told: windows in which they could look, sorted, disjoint; NULL: not told */
    size_t look_n, look_size;
    usec_t look_until_at; /* ... known until here */
    struct ev_person limits; /* told: what they may have; person is the journal's number, 0: none */
};

struct trace_met { /* told: what happened to the machine, to projects and in the queue */
    usec_t at, until_at;  /* 0: it holds until the next of its kind */
    uint32_t order;       /* in the journal */
    struct core_event ev; /* with the journal's numbers of jobs and persons; none has lists */
};

struct trace {
    struct trace_job *jobs; /* by submit, then line */
    size_t jobs_n, jobs_size;
    struct trace_user *users;
    size_t users_n, users_size;
    struct map user_of;     /* hash of a name -> place + 1 */
    uint64_t rows;          /* seen, good or bad */
    uint64_t faults_n;
    char *faults[TRACE_FAULTS_SHOWN];
    uint32_t faults_shown;
    uint64_t other_teams;   /* rows of teams that were not asked for */
    struct trace_met *met;  /* in order of time */
    size_t met_n, met_size;
    bool told;              /* read with trace_options.told */
    uint32_t gpus_hint;     /* what the file says of its machine; 0: nothing */
    char zone_name[64];     /* what the file says of its zone; empty: nothing */
    struct err say;         /* makes their sentences */
};

struct trace_options {
    enum trace_format format;
    const struct zone *zone; /* local times; NULL: the file's own where it has one, else UTC */
    struct str team;         /* empty: all */
    bool told;               /* journal: also what it was told of people: when they can look, what they may have, and whose
                              * starts may move; and what jobs met */
};

const char *trace_format_word(enum trace_format format);
int trace_format_parse(struct str word, enum trace_format *ret);

/* A file's text, "-" for standard input; gzip is unpacked.  `out` was made with TRACE_BYTES_MAX. */
int trace_slurp(const char *path, struct buf *out, struct err *err);
enum trace_format trace_guess(struct str text);
/* Fails when it is not of this format at all, or when no job is left; `name` is for sentences. */
int trace_read(struct str text, const char *name, const struct trace_options *options,
               struct trace *ret, struct err *err);
void trace_finish(struct trace *t);

/* --- for readers and makers ----------------------------------------------------------------------- */

uint32_t trace_user(struct trace *t, struct str name);
struct trace_job *trace_add(struct trace *t); /* zeroed; valid until the next */
/* Counts a bad row and keeps the sentence that err_set(&t->say, ...) has just made; returns false:
 *     return trace_bad(t, err_set(&t->say, E_INVALID, "Line %u ...", line)); */
bool trace_bad(struct trace *t, int code);
void trace_sort(struct trace *t);
/* Is there a job that may be asked to make way? */
bool trace_interrupts(const struct trace *t);
/* Counts out what `gpus` cannot run: called once the machine is known. */
void trace_fit(struct trace *t, uint32_t gpus);
/* The n users with most jobs keep their names; the others become one more. */
void trace_fold_users(struct trace *t, size_t n);

/* Two instants in local time or with an offset, or seconds: see trace_field.c. */
bool trace_when(struct str s, const struct zone *zone, usec_t *ret);
bool trace_seconds(struct str s, usec_t *ret); /* "12", "3.5", "1-02:03:04", "02:03"; not negative */

/* One reader a format; all take the text after unpacking. */
int trace_read_table(struct trace *t, struct str text, const struct trace_options *o,
                     struct err *err);
int trace_read_swf(struct trace *t, struct str text, const struct trace_options *o, struct err *err);
int trace_read_journal(struct trace *t, struct str text, const struct trace_options *o,
                       struct err *err);

#endif
