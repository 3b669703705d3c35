/* record.h - the folder in which the use of GPUs is recorded, and who may do what in it.
 *
 *     DIR/            0755, of whoever records (the recorder); /var/tmp/eoul-observe, or $EOUL_OBSERVE
 *     DIR/about       0644: since when, how often, how many GPUs, process, GPU-time by week.  No person is in it.
 *     DIR/consent/    1777: a file named after a user id, owned by that user and with one sentence in it, agrees.  The
 *                     kernel says whose it is: nobody can agree for another; its owner or the recorder may take it away.
 *     DIR/runs/UID    0600 of the recorder, and by an access list readable by that user: their runs as CSV
 *     DIR/open        0600: runs under way, so that a recorder that was killed goes on where it was
 *
 * Of whoever has not agreed nothing is kept but their part of the week's sum of GPU-time of all such people, which
 * says how much of the use a record covers.  Whoever leaves is deleted.  A file of runs has RECORD_FILE_MAX bytes at
 * most and goes back RECORD_KEEP_US; older rows go first.
 *
 * One line of CSV is one write: a recorder that is killed leaves whole lines, and a torn one (power) is cut off when
 * the next begins.  The last column names the run, so that none is written twice.
 */
#ifndef EOUL_OBSERVE_RECORD_H
#define EOUL_OBSERVE_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/usec.h"

#define RECORD_PLACE     "/var/tmp/eoul-observe"
#define RECORD_HEADER    "submit,runtime,gpus,user,command,watts,run\n"
#define RECORD_FILE_MAX  (2u << 20) /* of one person: some 20,000 runs */
#define RECORD_KEEP_US   (13 * 7 * USEC_PER_DAY)
#define RECORD_PEOPLE_MAX 256
#define RECORD_WEEKS     14 /* of totals */
#define RECORD_EVERY_MIN_US USEC_PER_SEC
#define RECORD_EVERY_MAX_US USEC_PER_HOUR

struct record_week {
    int64_t monday;  /* days since 1970, UTC */
    int64_t named_s; /* GPU-seconds of those who agreed */
    int64_t others_s;
};

struct record_about {
    usec_t since_at, every_us, round_at; /* round_at: the last look */
    int64_t gpus, pid;
    uint64_t ticks; /* start time of that process */
    struct record_week weeks[RECORD_WEEKS]; /* newest last; monday 0: none */
};

struct record {
    int fd;         /* of the folder; -1: not open */
    uid_t owner;    /* who records */
    char path[512];
};

/* Open it; with `make` it is made if it is not there.  E_NOT_FOUND without a sentence if there is none;
 * E_DENIED if its maker has left it open to others. */
int record_open(struct record *r, bool make, struct err *err);
void record_close(struct record *r);

int record_about_read(const struct record *r, struct record_about *ret);
int record_about_write(const struct record *r, const struct record_about *about);
/* Is the process of that number still the one that began then, and not over? */
bool record_lives(pid_t pid, uint64_t ticks);
/* Does that recorder still run?  By its pid, start time and user. */
bool record_runs(const struct record *r, const struct record_about *about);

/* Who has agreed, in the order of their numbers; returns how many. */
uint32_t record_people(const struct record *r, uid_t ret[RECORD_PEOPLE_MAX]);
bool record_agreed(const struct record *r, uid_t uid, usec_t *ret_since_at);
int record_join(const struct record *r, uid_t uid, struct err *err);
int record_leave(const struct record *r, uid_t uid, struct err *err);

/* Add that user's runs, without the header; E_DENIED if they are not ours to read, 0 if there are none. */
int record_rows(const struct record *r, uid_t uid, struct buf *out);

/* --- the recorder's ---------------------------------------------------------------------------------- */

int record_append(const struct record *r, uid_t uid, struct str row);
/* Cut a torn line, rows from before `from_at`, and what is over half of the size if it is full. */
int record_trim(const struct record *r, uid_t uid, usec_t from_at);
/* Delete the runs of everybody who has not agreed. */
void record_forget(const struct record *r);
/* Is a run of that name there? */
bool record_has(const struct record *r, uid_t uid, struct str name);

#endif
