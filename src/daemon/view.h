/* view.h - jobs as rows: the core's facts, the plan's times, the words of the request.
 *
 * A row is put together on the stack from borrowed parts and written at once.  Times that are not
 * known are 0.  Nothing here shows what only the submitter may see (argv, environment, directory,
 * output): jobs_detail.c in web/ asks daemon_may for that.  Of a job that is not the looker's, what the team's
 * configuration does not show (privacy.c) is empty or 0 in the row before anybody reads it.
 *
 * Order and position are the plan's: running first, then in the order jobs are taken.  Waiting tasks
 * of one array that follow each other and wait for the same are one row (`tasks` of them, name_id
 * "12_[3-9,11]") unless the caller wants all.
 *
 * version: any change of it means that the row may look different.  It holds the journal number of
 * the last change of the job itself and, below, a few bits of its place in the plan, coarse enough
 * that a plan that only shifts by a hair counts as the same.
 */
#ifndef EOUL_DAEMON_VIEW_H
#define EOUL_DAEMON_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"
#include "daemon/config.h"
#include "daemon/daemon.h"
#include "store/store.h"
#include "web/json_out.h"

#define VIEW_IDLE_GRAIN_US (15 * USEC_PER_MIN) /* of what all may know of the use of a terminal */
#define VIEW_NAME_ID_MAX 64 /* longer lists of tasks end in "..." */

struct view_row {
    job_id id;              /* the first job of the row */
    job_id array_id;        /* 0: no array */
    uint32_t array_index;
    char name_id[VIEW_NAME_ID_MAX];
    struct str name;
    const char *owner, *submitter;
    const char *account;    /* "": none, or not to be seen */
    struct str state, reason;
    enum job_state job_state;
    uint32_t gpus, cpus;
    uint64_t mem_mib;
    uint64_t gpu_mask;
    uint32_t position;      /* 1..; 0: not waiting in line */
    usec_t submit_at, begin_at, deadline_at;
    usec_t start_at, start_p10_at, start_p50_at, start_p90_at, end_p10_at, end_p50_at, end_p90_at;
    usec_t eyes_p10_at, eyes_at, eyes_late_at;
    uint32_t samples;       /* that these odds rest on; 0: on the plan's two passes */
    uint32_t history_n;     /* ... and, with samples, finished runs */
    usec_t end_at;
    int32_t exit_code, signal, nice;
    usec_t limit_us;
    uint32_t attempt;
    uint32_t tasks;
    bool terminal;          /* it runs and has one: */
    usec_t idle_us;         /* since somebody typed there or it printed; for its submitter's eyes */
    uint32_t attached;
    int64_t watts_mw;       /* ended: what its GPUs took at most, together; 0: not known */
    uint32_t request;
    enum config_shown shown; /* how much of it is in the row */
    uint64_t version;
};

/* What lists of one moment share: the plan, and who looks at it (borrowed; NULL: the daemon, for its own
 * purposes). */
struct view {
    struct daemon *daemon;
    const struct op_peer *peer;
    struct core_plan plan;
    usec_t now_at;
};
int view_init(struct view *v, struct daemon *d, const struct op_peer *peer, struct err *err);

/* Row of the plan at index i (and of the waiting tasks that stand with it unless `all`): how many plan
 * rows it took, at least 1.  `waiting` counts the waiting jobs met so far; start with 0. */
uint32_t view_planned(const struct view *v, uint32_t i, bool all, uint32_t *waiting,
                      struct view_row *ret);
/* The same without looking: what a list does beyond its last row, to know how many there are. */
uint32_t view_skip(const struct view *v, uint32_t i, bool all, uint32_t *waiting);
/* One live job by its id, position included; O(plan). */
bool view_live(const struct view *v, job_id id, struct view_row *ret);
/* An ended job; strings are borrowed from *j. */
void view_ended(const struct daemon *d, const struct op_peer *peer, const struct store_job *j, struct view_row *ret);

/* "12" or "12_3" */
void view_name_id(job_id id, job_id array_id, uint32_t array_index, char ret[VIEW_NAME_ID_MAX]);

/* The fields of a Row, inside an object that the caller opened. */
void view_write(struct json_out *j, const struct view_row *row);
void view_write_brief(struct json_out *j, const struct view_row *row);
void view_write_mask(struct json_out *j, const char *key, uint64_t mask);

#endif
