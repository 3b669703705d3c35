/* brief.h - the evening's and the morning's brief: what a person should know before they stop looking,
 * and when they look again.
 *
 * Facts in, text out: jobs and todos as the plan has them, the person's look hours, nothing else.  All
 * strings are borrowed and already clean (no control characters).  No clock and no I/O: the same facts
 * give the same text.
 *
 * An absence is a gap of at least BRIEF_GAP_US between two stretches of look hours, so a night, a
 * weekend and a holiday are the same to it, only longer.  The evening speaks of the absence that is on
 * or comes next, the morning of what happened since the last stretch before it.
 */
#ifndef EOUL_BRIEF_BRIEF_H
#define EOUL_BRIEF_BRIEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/usec.h"
#include "cal/tzif.h"
#include "i18n/tr.h"

#define BRIEF_GAP_US    (5 * USEC_PER_HOUR) /* shorter ones are lunches and meetings */
#define BRIEF_GPUS_MAX  64
#define BRIEF_JOBS_MAX  1024 /* more are not looked at: what a screen of a team's plan holds */
#define BRIEF_LINES_MAX 12   /* jobs named in one part; the rest is a number */

enum brief_stage { BRIEF_WAITS, BRIEF_RUNS, BRIEF_ENDED };

struct brief_job {
    enum brief_stage stage;
    bool mine;
    const char *id, *name, *owner;
    const char *state, *reason; /* Slurm's words */
    uint32_t gpus, attempt;
    uint64_t gpu_mask;          /* those it has or shall have; 0: not known yet */
    usec_t start_at, end_at;    /* end: the median forecast while it is live; 0: not known */
    usec_t eyes_at;
    usec_t limit_us;            /* 0: none */
    int32_t exit_code, signal;
    const char *tail;           /* the last lines of its output; NULL: not known */
    uint32_t tasks;             /* of an array, where the row stands for several alike; 0 or 1: one */
    usec_t stalled_at;          /* it runs and seems to hang: since its last step; 0: it does not */
};

struct brief_todo {
    uint32_t id;
    const char *name;
    usec_t from_at, until_at;   /* its first piece; 0: no time yet */
    usec_t deadline_at;         /* 0: none */
    bool unanswered;            /* asked for by somebody else, neither accepted nor declined */
    bool stuck;                 /* nobody will do it as things stand */
    bool review;                /* of a job's result */
    const char *review_of;      /* that job; "" if none */
};

struct brief {
    enum lang lang;
    const struct zone *zone;    /* the reader's */
    usec_t now_at;
    bool without_commands;      /* its reader has no shell here: say what is, not what to type */
    struct span span;           /* evening: the absence; morning: since when, and now */
    bool always_here;           /* evening: no absence is known of; the span is the coming day */
    uint64_t gpus;              /* GPUs that work, bit by number */
    const struct brief_job *jobs;
    size_t jobs_n;
    const struct brief_todo *todos; /* of the person alone */
    size_t todos_n;
    /* morning: of the person's last starts, those that would have been moved later had they agreed, and of these those whose
     * result would have been seen no later.  Said in the first brief of a week only; 0: there is nothing to say, or they agreed */
    uint32_t would, right;
};

/* --- when --------------------------------------------------------------------------------------- */

/* The absence that is on at now_at or comes next.  `look` is sorted and disjoint, from now on.  false:
 * none is known; *ret_absence is then the coming day. */
bool brief_absence(const struct span *look, size_t n, usec_t now_at, struct span *ret_absence);
/* Since when the morning speaks: the end of the stretch before the last absence.  `looked` is sorted
 * and disjoint, some days up to now and beyond.  A day ago if there is none. */
usec_t brief_since(const struct span *looked, size_t n, usec_t now_at);
/* Is the morning's brief the one to show now: nearer to the begin of a stretch than to its end? */
bool brief_is_morning(const struct span *looked, size_t n, usec_t now_at);

/* As notices: the morning's when the person first looks after an absence, the evening's in the last
 * BRIEF_BEFORE_US before the next; each once a stretch, never outside look hours. */
#define BRIEF_BEFORE_US (30 * USEC_PER_MIN)
#define BRIEF_LATE_US   (3 * USEC_PER_HOUR)  /* later than that it is no morning any more */
#define BRIEF_MARGIN_US (30 * USEC_PER_SEC)  /* of look hours that must be left */
enum brief_kind { BRIEF_NONE, BRIEF_MORNING, BRIEF_EVENING };
struct brief_wish {
    bool morning, evening;
    usec_t morning_at, evening_at; /* when the last was told; 0: never */
};
/* Which is due now.  *ret_next_at: when to ask again; later than now_at. */
enum brief_kind brief_due(const struct brief_wish *wish, const struct span *looked, size_t n,
                          usec_t now_at, usec_t *ret_next_at);

/* --- what ---------------------------------------------------------------------------------------- */

struct brief_night {            /* GPUs over the span */
    uint32_t gpus_n;            /* that work */
    usec_t busy_until_at[BRIEF_GPUS_MAX]; /* by number: end of the last work in it; 0: none */
    usec_t all_us, empty_us;    /* GPU time */
    usec_t free_us[BRIEF_GPUS_MAX + 1];   /* longest stretch in which n GPUs are free at once */
};
void brief_night(const struct brief *b, struct brief_night *ret);

/* Why a job of mine needs a decision.  X(need, word) */
#define BRIEF_NEED_LIST(X) \
    X(BRIEF_NEED_NONE, "none") \
    X(BRIEF_NEED_RELEASE, "held")            /* nobody but its owner will start it */ \
    X(BRIEF_NEED_MEND, "held-failures")      /* its array failed alike so often that it was held */ \
    X(BRIEF_NEED_CANARY, "held-canary")      /* its canary failed, or that of its array */ \
    X(BRIEF_NEED_DROP, "never")              /* what it waits for can never come */ \
    X(BRIEF_NEED_SHRINK, "never-fits") \
    X(BRIEF_NEED_LOOK, "stalled")            /* it runs and does not get on */ \
    X(BRIEF_NEED_AGAIN, "failed")            /* in the span's day, and nothing tries it again */
enum brief_need {
#define X(need, word) need,
    BRIEF_NEED_LIST(X)
#undef X
    BRIEF_NEED_COUNT
};
enum brief_need brief_need(const struct brief_job *job);
const char *brief_need_word(enum brief_need need);
/* Tasks of one array that need the same decision are said once: the first stands for all.  How many it stands for, or 0:
 * another does, or nothing is to be decided. */
uint32_t brief_alike(const struct brief *b, size_t job);
/* How many tasks of mine were held because this one, which ended, and others of its array failed alike. */
uint32_t brief_held_behind(const struct brief *b, const struct brief_job *job);
/* Would it fit into the GPUs that stay empty, by its limit?  Only what is not planned there anyway. */
bool brief_fits(const struct brief_night *night, const struct brief *b, const struct brief_job *job);

/* Why a result is looked at first.  X(first, word) */
#define BRIEF_FIRST_LIST(X) \
    X(BRIEF_FIRST_NONE, "none") X(BRIEF_FIRST_HOLDS, "holds-others") X(BRIEF_FIRST_FAILED, "failed") \
    X(BRIEF_FIRST_REVIEW, "review") \
    X(BRIEF_FIRST_LONGEST, "most-gpu-time")
enum brief_first {
#define X(first, word) first,
    BRIEF_FIRST_LIST(X)
#undef X
    BRIEF_FIRST_COUNT
};
const char *brief_first_word(enum brief_first first);
/* What to look at first of what ended in the span: an index, or SIZE_MAX. */
size_t brief_first(const struct brief *b, enum brief_first *ret_why);

/* --- text ---------------------------------------------------------------------------------------- */

void brief_evening(struct buf *out, const struct brief *b);
void brief_morning(struct buf *out, const struct brief *b);

#endif
