/* refusal.h - what was refused to somebody, kept for a while to be explained: `eoul why r12`.
 *
 * A request in good order that a rule of the team refuses (limits, quotas, roles, reservations, the state of a job;
 * src/core/refused.h) is written down: who asked for what, when, which rule, and the numbers it compared.  What is
 * malformed, or names what does not exist, is not: its sentence says all there is.
 *
 * Of each Unix user the last REFUSALS_OF_ONE are kept, for REFUSALS_US at most; the user and operators may read them.  What is
 * older is shown to nobody, and goes from the store at the next turn, at least hourly, by the time that is believed.  One
 * that is equal to an earlier one is counted there.  So a loop of refused submits takes one row, and a loop of different ones
 * sixteen.
 *
 * They are written with a turn's commit, but no more often than once in REFUSALS_WRITE_US: a refusal changes nothing, and must not
 * cost others a sync.  The first after a quiet second is on disk before it is told; of what follows within that second a
 * crash may lose the number.  On a full disk they are kept in memory only.
 *
 *     run_op ─ refused ─▶ refusals_note        in memory, its number in the answer
 *     turn   ─ before COMMIT ─▶ refusals_write if due
 *            ─ committed / rolled back ─▶ refusals_committed / refusals_rolled_back
 */
#ifndef EOUL_DAEMON_REFUSAL_H
#define EOUL_DAEMON_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "core/core.h"
#include "base/usec.h"

#define REFUSALS_OF_ONE    16u                /* more nobody asks about */
#define REFUSALS_MAX       4096u              /* of all users: the oldest go; three megabytes */
#define REFUSALS_US        (7 * USEC_PER_DAY) /* as long as the journal */
#define REFUSALS_WRITE_US  USEC_PER_SEC
#define REFUSAL_ASKED_MAX  240u               /* bytes: three lines of a terminal */
#define REFUSAL_MODEL_MAX  96u

struct daemon;
struct op;
struct op_peer;
struct refusals;

struct refusal {
    uint32_t id;            /* told as r12 */
    uid_t uid;              /* who asked */
    usec_t at, last_at;     /* the first time and the last */
    uint32_t times;
    uint8_t operation;      /* enum op_kind */
    int code;
    struct err_rule rule;   /* rule.rule: enum refused, not REFUSED_NONE */
    person_no person;       /* for whom; 0: not known here yet */
    job_id job;             /* of which job (first of `tasks`), or todo; 0: none */
    uint32_t tasks;
    uint32_t gpus;          /* asked for */
    char model[REFUSAL_MODEL_MAX];
    usec_t from_at, until_at; /* of a reservation */
    char asked[REFUSAL_ASKED_MAX + 1]; /* "eoul submit --gpus=9 train.sh" */
    char sentence[ERR_TEXT_MAX];       /* as it was told, in the language of who asked */
};

/* Reading: borrowed until the next turn. */
const struct refusal *daemon_refusal(const struct daemon *d, uint32_t id); /* NULL: none */
const struct refusal *daemon_refusal_last(const struct daemon *d, uid_t uid);
const struct refusal *daemon_refusal_of_job(const struct daemon *d, uid_t uid, job_id job); /* the last */
/* The refusals of a user, the newest first: the one at `i`. */
const struct refusal *daemon_refusal_at(const struct daemon *d, uid_t uid, uint32_t i);

/* The same rule, asked now.  It promises no more than this rule: others may still refuse. */
struct refusal_now {
    bool known;        /* the rule has something to say of now */
    bool passes;       /* it would not refuse this any more */
    bool never;        /* nothing that happens by itself makes it pass */
    int64_t limit, used;
    int64_t most;      /* so much would be accepted; -1: not a number */
    usec_t change_at;  /* when it is expected to pass, if nothing else is asked for meanwhile; 0: not known */
};
int daemon_refusal_now(struct daemon *d, const struct refusal *r, struct refusal_now *ret);

/* --- inside a turn -------------------------------------------------------------------------------- */
int refusals_load(struct daemon *d, struct err *err);
/* op->result < 0 and op->err says why.  Sets op->refusal, or leaves it 0 where it is not to be kept. */
void refusals_note(struct daemon *d, struct op *op);
/* `eoul me data delete`: those of a user, or with NULL those that were asked for this person.  How many there were. */
uint32_t refusals_forget(struct daemon *d, const uid_t *uid, person_no person);
bool refusals_wait(const struct daemon *d); /* for a turn that writes them */
usec_t refusals_due(const struct daemon *d); /* boot time of that; USEC_NEVER */
int refusals_write(struct daemon *d);
void refusals_committed(struct daemon *d);
void refusals_rolled_back(struct daemon *d);
void refusals_flush(struct daemon *d); /* at the end, outside a turn */
void refusals_finish(struct daemon *d);

#endif
