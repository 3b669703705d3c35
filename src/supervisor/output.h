/* output.h - from the job's pipes to its files, and the last bytes kept for the daemon.
 *
 * The files are opened with the user's rights before the claim, without truncating: an attempt that
 * loses its claim must not empty the file of the one that runs.  output_begin truncates after it.
 * When a file cannot be written (disk full, cap) the job is not stopped: bytes are counted as lost, and
 * once writing works again a line in the file says how many are missing.  A rate cap slows the job down
 * instead (its pipe fills), so it loses nothing.
 *
 * The tail is a ring in the attempt's `lock` file, written with what is passed on and only as far as there
 * was output: a job that says little costs little.  If the disk is too full for it, it is marked as not to
 * be read until it could be written again as a whole.
 *
 * Every byte is also read for what the job says of itself (spec/marks.h); that is kept beside the ring,
 * in the reserved part of the file.
 */
#ifndef EOUL_SUPERVISOR_OUTPUT_H
#define EOUL_SUPERVISOR_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"
#include "supervisor/request.h"
#include "supervisor/wire.h"

struct output_sink { /* one file */
    int fd;
    bool regular;
    uint64_t written;
    uint64_t gap;  /* bytes lost since the last that was written */
    int gap_error;
};

struct terminal;

struct output {
    struct output_sink sinks[2]; /* stdout; stderr if it has a file of its own */
    int pipes[2];                /* our ends; -1: closed or not used */
    int job_ends[2];             /* the job's ends, closed once it runs */
    bool joined;                 /* stderr goes to the sink of stdout */
    int record_fd;   /* `lock`, not ours to close */
    uint32_t marks_written; /* version of the marks in the file */
    bool tail_broken; /* something of the ring is not in the file */
    struct terminal *terminal; /* gets a copy of what it prints; NULL: pipes */
    uint64_t total;
    uint64_t lost;
    uint64_t max;
    uint64_t rate;
    usec_t pause_until_boot_at;  /* rate cap: do not read before; 0: read */
    usec_t window_at;
    uint64_t window_bytes;
    usec_t room_at;   /* when the room left was looked at */
    uint32_t free_mib1;
};

/* Open files and pipes; record_fd is `lock`.  With a terminal its master takes the place of the pipes.  On
 * failure *ret_stage is STAGE_STDOUT or STAGE_STDERR and errno says why. */
int output_open(struct output *o, const struct request *r, struct terminal *terminal, int cwd_fd,
                int record_fd, uint32_t *ret_stage);
/* After the claim: truncate what is to be truncated.  The job's descriptors are job_ends. */
int output_begin(struct output *o, const struct request *r, uint32_t *ret_stage);
/* The job has its ends: close ours. */
void output_started(struct output *o);
/* Read what is there from pipe 0 or 1 and pass it on; closes the pipe at its end. */
void output_pump(struct output *o, int which, usec_t boot_at);
/* The job is gone: take what is still in the pipes, say what was lost. */
void output_finish(struct output *o);

#endif
