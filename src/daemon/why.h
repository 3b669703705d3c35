/* why.h - why a job is where it is, in sentences with the numbers they rest on.
 *
 * The core says a reason and numbers (struct explanation); here they become one to eight sentences in
 * the reader's language and zone: what binds, what would change that and when, what the plan expects,
 * what the waiting costs in time-to-eyes, and what the forecast rests on.  No sentence has a number
 * that why_numbers does not give as well (forecasts rounded by why_rough), so that a program, or a test, can check each of them.
 *
 * No I/O; memory is the caller's.
 */
#ifndef EOUL_DAEMON_WHY_H
#define EOUL_DAEMON_WHY_H

#include <stdbool.h>

#include "cal/tzif.h"
#include "core/core.h"
#include "i18n/tr.h"
#include "web/json_out.h"

#define WHY_SENTENCE_MAX 512 /* bytes */

#define WHY_BOOSTS_MAX 3 /* more nobody reads */

struct why_way {       /* one job made way for another; id NULL: none did */
    const char *id;    /* of the other */
    struct str name;   /* empty: not for the reader */
    usec_t at;         /* when it was gone; 0: it is making way now */
    usec_t ran_us;     /* what it had run then */
    uint32_t n;        /* jobs that did so */
};

struct why_facts { /* what the core does not know, or knows as a number only */
    enum lang lang;            /* of the reader */
    const struct zone *zone;   /* of the reader */
    usec_t now_at;
    enum job_state state;
    bool urgent;               /* it goes before all that is not */
    struct why_boost {         /* by an operator: of it, or of what stands before it */
        bool own;
        uint32_t id;
        const char *of;        /* "12", "kim"; empty: not to be said */
        bool of_person, of_account;
        const char *by, *reason;
        usec_t until_at;
    } boosts[WHY_BOOSTS_MAX];
    uint32_t boosts_n;
    enum canary_state canary;
    usec_t canary_us;
    struct why_refused {       /* the last change of it that was refused to the reader */
        uint32_t id;           /* 0: none */
        const char *asked;
        usec_t at;
    } refused;
    const char *name_id;       /* "12_3" */
    const char *owner;         /* a person's name */
    const char *account;       /* whose quota keeps it waiting; NULL: its owner's, or none */
    const char *blocker_id;    /* "9"; NULL: none or unknown */
    struct str blocker_name;
    bool blocker_is_todo;
    usec_t blocker_end_at;     /* P50 of the blocker's end; 0: unknown */
    usec_t start_at;           /* running and ended: actual */
    usec_t end_at;             /* ended: actual */
    usec_t end_p10_at;         /* running and waiting: forecast */
    usec_t stalled_at;         /* running and seems to hang: its last step; 0: it does not */
    uint32_t attempt;
    int32_t exit_code, signal; /* ended */
    struct str launch_message; /* its last attempt never ran: what was in the way, without a full stop, in the reader's
                                * language; empty: nothing was, or it is not for the reader */
    usec_t submit_at;
    bool has_trade;            /* running and ended: what its start rested on is known: */
    struct core_trade trade;
    struct why_way gave, got;  /* whom it made way for last, and who did for it */
    const struct core_weight *weight; /* of its owner, who reads; NULL: not for the reader, or it makes no difference */
    usec_t limit_us;
    const char *reservation_for; /* whose reservation is in the way; NULL: several, or none */
    struct str reservation_name;
    usec_t reservation_from_at, reservation_until_at;
    const char *currency;      /* of the tariff; NULL: there is none */
    uint32_t cpus;             /* of the machine, to give out */
    uint64_t mem_mib;
};

/* Forecast lengths are written as this: rounded to what is worth knowing. */
usec_t why_rough(usec_t length_us);

/* Writes one JSON array of strings. */
void why_sentences(const struct explanation *x, const struct why_facts *f, struct json_out *j);
/* Writes one JSON object. */
void why_numbers(const struct explanation *x, const struct why_facts *f, struct json_out *j);

#endif
