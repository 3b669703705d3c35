/* attempt.h - looking at an attempt's directory: words, exit record, tail of the output.
 *
 * Reading only, layouts in supervisor/wire.h; nothing here decides or changes anything.  attempts_fd is the directory
 * STATE/attempts.  A file that is missing, short, damaged or newer is an error, never a guess.
 */
#ifndef EOUL_ENGINE_ATTEMPT_H
#define EOUL_ENGINE_ATTEMPT_H

#include <stdbool.h>

#include "base/buf.h"
#include "supervisor/wire.h"

#define ATTEMPT_NAME_MAX 24 /* "4294967295.4294967295" */

void attempt_uuid(const uint8_t uuid[16], char ret[37]); /* as text: EOUL_ATTEMPT */
void attempt_name(uint32_t job, uint32_t attempt, char ret[ATTEMPT_NAME_MAX]);
/* Open STATE/attempts/JOB.ATTEMPT: a descriptor or E_NOT_FOUND... */
int attempt_open(int attempts_fd, uint32_t job, uint32_t attempt);

/* All take the attempt's own directory. */
int attempt_read_head(int dir_fd, struct wire_head *ret);
int attempt_read_exit(int dir_fd, struct wire_exit *ret);
int attempt_read_status(int dir_fd, struct wire_status *ret);
bool attempt_locked(int dir_fd);  /* a supervisor lives: never disturbs it (F_OFD_GETLK) */
bool attempt_claimed(int dir_fd);
bool attempt_alive_held(int dir_fd); /* without a cgroup: a process of it has its inherited lock */

/* The last output, at most max bytes, appended to out; *ret_total counts all output so far. */
int attempt_read_tail(int dir_fd, size_t max, struct buf *out, uint64_t *ret_total);

/* What it last said of itself; E_NOT_FOUND: nothing. */
int attempt_read_marks(int dir_fd, struct wire_marks *ret);

/* Free MiB where its output goes, as its supervisor saw it last; E_NOT_FOUND: not known. */
int attempt_read_room(int dir_fd, uint32_t *ret_mib);

const char *attempt_cause_word(uint32_t cause);
const char *attempt_stage_word(uint32_t stage);
const char *attempt_phase_word(uint32_t phase);

/* One sentence for an attempt that never ran: stage, errno and detail as in struct wire_end. */
struct err;
void attempt_explain(uint32_t cause, uint32_t stage, int error, const char *detail, struct err *err);

#endif
