/* request.h - what a supervisor is asked to run, as a sealed memfd.
 *
 * The daemon builds it (request_begin, request_add..., request_seal), the launcher only passes the
 * descriptor on, the supervisor reads it after it has the job's rights (request_read).
 *
 * Layout: struct request_head, then records of a uint32 length and `key NUL value`.  Numbers are
 * decimal text.  A key may repeat (argv, env, gpu); order counts.  An unknown key is refused: a
 * supervisor must not run half of what was meant.  The reader trusts nothing: bounds, NULs, counts
 * and seals are checked, and it never allocates (it points into the mapping).
 */
#ifndef EOUL_SUPERVISOR_REQUEST_H
#define EOUL_SUPERVISOR_REQUEST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/usec.h"

#define REQUEST_MAX       (16u << 20) /* whole request; Linux allows about 6 MiB of argv + env */
#define REQUEST_ARGV_MAX  65536u      /* strings in argv, and in env: bounds the pointer tables */
#define REQUEST_GPUS_MAX  64u
#define REQUEST_LIMITS_MAX 16u
#define REQUEST_MEET_MAX  100u        /* of a socket's name: 107 fit */
#define REQUEST_MAGIC     0x71726f65u
#define REQUEST_VERSION   1u

struct request_head {
    uint32_t magic;
    uint32_t version;
    uint32_t size;  /* of all records */
    uint32_t count; /* of records */
};

/* X(key) - every key there is.
 *   argv, env          one string each; env is NAME=VALUE (EOUL_JOB_ID, EOUL_ATTEMPT are added)
 *   script             text; written to the attempt directory and executed; argv[0] is then the
 *                      name shown, argv[1..] its arguments
 *   cwd                absolute directory
 *   stdin stdout stderr  paths with patterns already expanded, absolute or relative to cwd; empty or
 *                      missing: /dev/null; stdout and stderr equal: one file
 *   open               "append" or "truncate"
 *   umask nice oom_score  numbers (umask decimal)
 *   rlimit             "RESOURCE SOFT HARD", numbers
 *   limit_us grace_us  time limit (0 none), and the time between SIGTERM and SIGKILL
 *   warn               "SIGNO SECONDS_BEFORE MAIN_ONLY" (--signal=[B:]SIG@S)
 *   gpu                UUID of a GPU whose lock must be held
 *   output_max output_rate  bytes, bytes per second; 0 or missing: no cap
 *   result             a pattern of results in the output (spec/marks.h)
 *   before             path of eoul: run as `eoul code-check` just before the command, in its place and with
 *                      its output, for ten seconds at most; what comes of it changes nothing
 *   pty                "ROWS COLUMNS": 0 1 2 are a terminal of this size; stdin and stderr are not opened
 *   feed               "1": stdin comes from whoever is met; nobody there: it is empty
 *   order facts        system mode: the text that was asked for and what the scheduler adds (order.h), instead
 *                      of everything but env, which is then what was captured
 *   meet               "UID NAME": abstract socket (SOCK_SEQPACKET) on which a client of that user waits
 *                      for the start; it becomes a peer and gets the terminal or the input unasked
 */
#define REQUEST_KEY_LIST(X) \
    X(argv) X(env) X(script) X(cwd) X(stdin) X(stdout) X(stderr) X(open) X(umask) X(nice) \
    X(oom_score) X(rlimit) X(limit_us) X(grace_us) X(warn) X(gpu) X(output_max) X(output_rate) X(result) \
    X(pty) X(feed) X(meet) X(before) X(order) X(facts)

enum request_key {
#define X(key) REQUEST_##key,
    REQUEST_KEY_LIST(X)
#undef X
    REQUEST_KEY_COUNT
};

/* --- building (the daemon) -------------------------------------------------------------------- */
struct request_builder {
    struct buf bytes;
    uint32_t count;
};

void request_begin(struct request_builder *b);
void request_add(struct request_builder *b, enum request_key key, struct str value);
void request_add_c(struct request_builder *b, enum request_key key, const char *value);
void request_add_u64(struct request_builder *b, enum request_key key, uint64_t value);
/* A new sealed, close-on-exec memfd with everything added; the builder is emptied either way.
 * E_TOO_LARGE over REQUEST_MAX. */
int request_seal(struct request_builder *b, int *ret_fd);

/* --- reading (the supervisor) ------------------------------------------------------------------ */
struct request_limit {
    int resource;
    struct rlimit value;
};

struct request {
    const char *map;
    size_t map_size;
    const char **argv; /* NULL-terminated; in one anonymous mapping with env */
    const char **env;  /* NULL-terminated, with `env_spare` free places before the end */
    uint32_t argc;
    uint32_t envc;
    struct str script;
    const char *cwd;
    const char *stdin_path; /* NULL: /dev/null */
    const char *stdout_path;
    const char *stderr_path;
    int append;
    mode_t umask;
    int nice;
    int oom_score;
    usec_t limit_us;
    usec_t grace_us;
    int warn_signal; /* 0: none */
    usec_t warn_before_us;
    int warn_main_only;
    const char *gpus[REQUEST_GPUS_MAX];
    uint32_t gpu_n;
    struct request_limit limits[REQUEST_LIMITS_MAX];
    uint32_t limit_n;
    uint64_t output_max;
    uint64_t output_rate;
    const char *result; /* NULL: none */
    int pty;             /* has a terminal of pty_rows and pty_columns */
    unsigned short pty_rows;
    unsigned short pty_columns;
    int feed;
    const char *before;  /* NULL: nothing */
    struct str order, facts; /* "": this request is to be run as it is */
    const char *meet;    /* NULL: nobody waits */
    uid_t meet_uid;
};

#define REQUEST_ENV_SPARE 4u /* places for what the supervisor adds */

/* Map and check.  0, or E_CORRUPT / E_NEWER / E_TOO_LARGE / E_NO_MEMORY; pointers live until
 * request_finish. */
int request_read(int fd, struct request *ret);
void request_finish(struct request *r);

#endif
