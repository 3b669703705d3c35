/* spec.h - one job as somebody asked for it: everything `submit`, a #SBATCH script or `--from` can say.
 *
 * A spec is filled from three sources: the lines of a script, SBATCH_* variables, the command line.
 * The stronger source wins, as in Slurm (option.h holds the one table of options for all of them).
 * What the client saw at submit (directory, umask, limits, state of the code) is recorded in it too.
 * The environment is not part of it (environ.h): it is large and the same for many jobs.
 *
 *     spec_init(&spec);
 *     ... option_apply() for each option, spec_set_argv() or spec_set_script() ...
 *     spec_check(&spec, &need, &err)       contradictions; what it needs of the machine
 *     spec_print(&out, &spec)              the canonical text that goes to the daemon and the store
 *     spec_parse(&again, text, &err)       and back: prints the same
 *     spec_finish(&spec);
 *
 * Canonical text: one `key=value` a line in the order of the table; the keys are option names; \\ \n
 * \r \t and \xHH stand for backslash, control characters and bytes that are not UTF-8, so the text is
 * always one valid UTF-8 string.  Keys that this build does not know are refused (E_NEWER).
 *
 * Ownership: a spec owns copies of all text in it; spec_finish frees them and accepts a zeroed spec.
 * Pure: no clock, no files, no environment; it allocates (within SPEC_BYTES_MAX).
 */
#ifndef EOUL_SPEC_SPEC_H
#define EOUL_SPEC_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"

#define SPEC_SCRIPT_MAX (4u << 20)  /* bytes; Slurm's own limit (max_script_size); it is stored per job */
#define SPEC_BYTES_MAX  (8u << 20)  /* all text of one spec: script, arguments, options */
#define SPEC_PRINT_MAX  (36u << 20) /* canonical text: every byte of it may need \xHH */
#define SPEC_TEXT_MAX   4095        /* one option's value: the longest path */
#define SPEC_NAME_MAX   256         /* job name: shown in every list, part of file names */
#define SPEC_ARGV_MAX   65536       /* arguments; their bytes fall under SPEC_BYTES_MAX */
#define SPEC_ARRAY_MAX  100000      /* tasks in one array: the core's limit */
#define SPEC_ARRAY_INDEX_MAX 4000000 /* Slurm's largest MaxArraySize; bounds a bit map of 500 kB */
#define SPEC_DEPS_MAX   256         /* conditions: the core's limit */
#define SPEC_GPUS_MAX   4096        /* parsed; what the machine has is the daemon's to know */
#define SPEC_CPUS_MAX   65536
#define SPEC_MIB_MAX    (UINT64_C(1) << 30) /* a pebibyte */
#define SPEC_NOTES_MAX  32          /* warnings kept; the rest would not be read */
#define SPEC_CANARY_MAX_US (30 * USEC_PER_MIN) /* as in core/state.h: longer is no trial */
#define SPEC_TIME_MAX_US (3660 * USEC_PER_DAY) /* ten years */
#define SPEC_OPTIONS_MAX 192        /* rows of the option table */

/* Where a value came from; larger wins. */
enum spec_source { SPEC_UNSET, SPEC_FROM_SCRIPT, SPEC_FROM_ENVIRONMENT, SPEC_FROM_COMMAND };

struct spec_list {
    struct str *item;
    uint32_t n;
};

struct spec_range { /* from, from + step, ... <= until; step >= 1 */
    uint32_t from;
    uint32_t until;
    uint32_t step;
};

struct spec_array {
    struct spec_range *range; /* sorted; no index twice */
    uint32_t range_n;         /* 0: not an array */
    uint32_t tasks;
    uint32_t max;             /* %N: so many at once; 0: any */
};

#define SPEC_DEP_LIST(X) \
    X(SPEC_AFTER, "after") X(SPEC_AFTEROK, "afterok") X(SPEC_AFTERNOTOK, "afternotok") \
    X(SPEC_AFTERANY, "afterany") X(SPEC_AFTERCORR, "aftercorr") X(SPEC_SINGLETON, "singleton")
enum spec_dep_kind {
#define X(constant, word) constant,
    SPEC_DEP_LIST(X)
#undef X
    SPEC_DEP_KIND_COUNT
};

struct spec_dep {
    uint32_t kind;      /* enum spec_dep_kind */
    uint32_t job;       /* 0: SPEC_SINGLETON */
    int64_t task;       /* array index, or -1: the whole job or array */
    uint32_t delay_min; /* SPEC_AFTER: minutes after its start */
};
struct spec_deps {
    struct spec_dep *dep;
    uint32_t n;
    bool any; /* '?': one of them is enough; else all */
};

struct spec_gpus {
    uint32_t n;
    struct str type; /* "": any */
};

struct spec_nodes {
    uint32_t min, max; /* max 0: as min */
};

struct spec_signal { /* --signal=[B:]SIG[@seconds] */
    uint32_t number;
    uint32_t before_s;
    bool batch; /* to the script only; else to its children only, as Slurm does */
};

struct spec_review {
    struct str person;
    usec_t length_us;
};

#define SPEC_RETRY_RULES_MAX 4 /* the core's limit */
#define SPEC_RETRY_LIST(X) \
    X(SPEC_RETRY_EXIT, "exit") X(SPEC_RETRY_SIGNAL, "signal") X(SPEC_RETRY_OOM, "oom") \
    X(SPEC_RETRY_NODE, "node") X(SPEC_RETRY_TIME, "time") X(SPEC_RETRY_LAUNCH, "launch")
enum spec_retry_cause {
#define X(constant, word) constant,
    SPEC_RETRY_LIST(X)
#undef X
    SPEC_RETRY_CAUSE_COUNT
};
struct spec_retry_rule {
    uint8_t cause;     /* enum spec_retry_cause */
    uint8_t code;      /* of exit or signal: only this one; 0: any */
    uint32_t n;
};
struct spec_retry {
    uint32_t n;        /* of whatever has no rule */
    struct spec_retry_rule rule[SPEC_RETRY_RULES_MAX];
    uint32_t rules_n;
    usec_t backoff_us; /* 0: the default */
};

struct spec_after { /* when a point of a sweep is first judged: one of the two */
    uint32_t ppm;   /* of its run */
    usec_t us;      /* since its start */
};

enum spec_open_mode { SPEC_OPEN_DEFAULT, SPEC_OPEN_TRUNCATE, SPEC_OPEN_APPEND };
enum spec_requeue { SPEC_REQUEUE_DEFAULT, SPEC_REQUEUE_NO, SPEC_REQUEUE_YES };
enum spec_preempt { SPEC_PREEMPT_DEFAULT, SPEC_PREEMPT_NEVER, SPEC_PREEMPT_REQUEUE,
                    SPEC_PREEMPT_CHECKPOINT };
enum spec_stall { SPEC_STALL_DEFAULT, SPEC_STALL_WARN, SPEC_STALL_REQUEUE, SPEC_STALL_FAIL };
enum spec_exclusive { SPEC_SHARED, SPEC_EXCLUSIVE, SPEC_EXCLUSIVE_USER };
enum spec_yes_no { SPEC_DEFAULT, SPEC_NO, SPEC_YES };

/* Slurm's words; ALL is BEGIN, END, FAIL, REQUEUE, INVALID_DEPEND and STAGE_OUT. */
#define SPEC_MAIL_LIST(X) \
    X(SPEC_MAIL_NONE, "NONE") X(SPEC_MAIL_BEGIN, "BEGIN") X(SPEC_MAIL_END, "END") \
    X(SPEC_MAIL_FAIL, "FAIL") X(SPEC_MAIL_REQUEUE, "REQUEUE") \
    X(SPEC_MAIL_INVALID_DEPEND, "INVALID_DEPEND") X(SPEC_MAIL_STAGE_OUT, "STAGE_OUT") \
    X(SPEC_MAIL_TIME_LIMIT, "TIME_LIMIT") X(SPEC_MAIL_TIME_LIMIT_90, "TIME_LIMIT_90") \
    X(SPEC_MAIL_TIME_LIMIT_80, "TIME_LIMIT_80") X(SPEC_MAIL_TIME_LIMIT_50, "TIME_LIMIT_50") \
    X(SPEC_MAIL_ARRAY_TASKS, "ARRAY_TASKS")
enum spec_mail { /* bit numbers of mail_type */
#define X(constant, word) constant,
    SPEC_MAIL_LIST(X)
#undef X
    SPEC_MAIL_COUNT
};

struct spec_note { /* a warning, in the language of the err given to the call that made it */
    unsigned line; /* of the script; 0: command line */
    struct str text;
};

struct spec_chunk; /* spec.c */

struct spec {
    /* --- what runs: argv, or a script with arguments --- */
    struct spec_list argv;        /* argv[0] is the program; with a script: the script's arguments */
    struct str script;            /* whole text, "#!" and all; empty: argv is the program */
    struct str script_name;       /* as it was given; "" for standard input and --wrap */
    bool wrapped;                 /* the script was made from --wrap */

    /* --- Slurm's options that mean something here --- */
    struct str job_name;
    struct str chdir;             /* working directory */
    struct str output, error, input; /* patterns (pattern.h) */
    uint8_t open_mode;            /* enum spec_open_mode */
    struct str export_env;        /* --export as written, valid (environ.h); empty: ALL */
    usec_t time_us, time_min_us;  /* 0: not said; USEC_NEVER: unlimited */
    struct spec_gpus gpus;        /* --gpus: the whole job */
    struct spec_gpus gres_gpus;   /* --gres=gpu...: per node */
    struct spec_gpus gpus_per_node, gpus_per_task;
    uint32_t cpus_per_task, cpus_per_gpu, mincpus;
    uint32_t ntasks, ntasks_per_node, ntasks_per_gpu;
    struct spec_nodes nodes;
    uint64_t mem_mib;             /* --mem; set and 0: all memory */
    uint64_t mem_per_cpu_mib, mem_per_gpu_mib;
    uint8_t exclusive;            /* enum spec_exclusive */
    bool overcommit;
    struct spec_array array;
    struct spec_deps deps;
    uint8_t kill_on_invalid_dep;  /* enum spec_yes_no */
    struct str begin, deadline;   /* as written; spec_begin() reads the forms that need no calendar */
    int32_t nice;
    bool hold;
    uint8_t requeue;              /* enum spec_requeue */
    struct spec_signal signal;
    uint32_t mail_type;           /* 1 << enum spec_mail */
    struct str mail_user;
    struct str comment, account, partition, qos, constraint, reservation;

    /* --- eoul's own --- */
    uint8_t preempt;              /* enum spec_preempt */
    uint8_t on_stall;             /* enum spec_stall; default: warn */
    struct spec_review review;
    struct str reviewer;
    uint32_t watts;               /* of all its GPUs together; 0: not said */
    usec_t canary_us, flex_us; /* canary_us: at most SPEC_CANARY_MAX_US */
    bool now, urgent, snapshot;
    struct spec_retry retry;

    /* --- sweeps (sweep.h) --- */
    struct spec_list params;      /* "lr=1e-3,1e-4"; none: no sweep */
    bool grid;
    uint32_t random, random_seed; /* so many points are drawn; 0: the whole grid */
    uint32_t max_running;
    struct str minimize, maximize; /* the result that points are compared by, and which way */
    struct str result;            /* a pattern of the job's own output (marks.h) */
    uint32_t stop_worst_ppm;      /* give up so many of the points ... */
    struct spec_after after;      /* ... once they are there; both or neither */
    uint32_t hold_after;          /* failures alike in a row hold the rest of an array; 0: never */

    /* --- of the request rather than the job; not in the canonical text --- */
    struct str for_person, key;
    bool wait, parsable, test_only, quiet, verbose;

    /* --- what the client saw at submit --- */
    struct str submit_dir, submit_host;
    uint32_t umask;
    struct spec_list rlimits;     /* "nofile:1024:4096", "core:0:unlimited" */
    struct str code;              /* state of the tree it runs: git commit and hash of the diff */
    bool code_clean;
    bool pty;                     /* it gets a terminal, of this size */
    uint32_t rows, columns;
    bool feed;                    /* its standard input comes from the client ... */
    struct str meet;              /* ... that waits for the start on this abstract socket */
    struct str ticket;            /* system mode: the proof that its user asked for it (client/ticket.h) */

    uint8_t source[SPEC_OPTIONS_MAX]; /* enum spec_source, by row of the option table */
    struct spec_note *notes;
    uint32_t notes_n;
    struct spec_chunk *chunks;    /* memory of all the above */
    size_t bytes;                 /* taken of SPEC_BYTES_MAX */
};

void spec_init(struct spec *spec);
void spec_finish(struct spec *spec);

/* Text and memory that live as long as the spec; NULL / E_NO_MEMORY / E_TOO_LARGE. */
void *spec_alloc(struct spec *spec, size_t size);
int spec_copy(struct spec *spec, struct str text, struct str *ret);

/* The program.  Each refuses what cannot run, in one sentence. */
int spec_set_argv(struct spec *spec, const char *const *argv, uint32_t n, struct err *err);
/* Checks the text as sbatch does (empty, no "#!", NUL, CRLF, BOM, size), does not read its directives:
 * sbatch.h does. */
int spec_set_script(struct spec *spec, struct str name, struct str text, struct err *err);
/* --wrap: a script of one command. */
int spec_set_wrap(struct spec *spec, struct str command, struct err *err);

/* Was this option given (by its long name)? */
bool spec_has(const struct spec *spec, const char *option);

/* What the job asks of the machine. */
struct spec_need {
    uint32_t gpus;
    struct str gpu_type;  /* "": any; borrowed from the spec */
    uint32_t cpus;        /* at least 1 */
    uint32_t tasks;       /* ranks on this node: SLURM_NTASKS, 1 if none were asked for */
    uint64_t mem_mib;     /* 0: not said */
    bool all_cpus;        /* --exclusive: nobody else at the same time ... */
    bool all_gpus;        /* ... and, as in Slurm, every GPU, whatever --gpus says */
    bool all_mem;         /* --mem=0 */
    uint32_t array_tasks; /* 1: no array */
};
/* Options that contradict each other, more than one node, nothing to run.  `need` may be NULL. */
int spec_check(const struct spec *spec, struct spec_need *need, struct err *err);

/* The name it goes by: --job-name, else the script's file name, "wrap", or the program's. */
struct str spec_name(const struct spec *spec);
/* --output, or Slurm's default for it. */
struct str spec_output(const struct spec *spec);
/* The i-th index of the array, i < array.tasks. */
uint32_t spec_array_index(const struct spec_array *array, uint32_t i);

/* --begin in the forms that need no zone: "now", "now+N[seconds|minutes|hours|days|weeks]", "@UNIX".
 * *ret_at is 0 when there is none.  E_UNSUPPORTED: cal/when.h must read it. */
int spec_begin(const struct spec *spec, usec_t now_at, usec_t *ret_at, struct err *err);

/* Hashes for the core: runs of one command are one history (the script's file name, or the program
 * and its first argument: "python train.py"); jobs of one name are one singleton. */
uint64_t spec_command_key(const struct spec *spec);
uint64_t spec_name_key(const struct spec *spec);

/* A warning kept in the spec; format is an N_() sentence, translated as err says. */
void spec_note(struct spec *spec, const struct err *err, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void spec_print(struct buf *out, const struct spec *spec);
/* What its user signs in system mode: the same without what the scheduler may decide (times, limits of time,
 * rank, hold) and without the ticket itself. */
void spec_print_order(struct buf *out, const struct spec *spec);
/* SHA-256 of that and of the environment (NAME=value strings, each ended by NUL).  E_NO_MEMORY, E_TOO_LARGE. */
int spec_order_hash(const struct spec *spec, struct str environment_block, uint8_t ret_hash[32]);
int spec_parse(struct spec *empty, struct str text, struct err *err);

#endif
