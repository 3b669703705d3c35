/* refusal_say.h - a refusal explained in sentences with the numbers they rest on.
 *
 * What was asked and when; the rule with what it compared; what has become of it, or when that changes next; what would be
 * accepted instead.  In the reader's language and zone.  No sentence has a number that refusal_numbers does not give as well.
 *
 * No I/O; memory is the caller's.
 */
#ifndef EOUL_DAEMON_REFUSAL_SAY_H
#define EOUL_DAEMON_REFUSAL_SAY_H

#include "daemon/refusal.h"
#include "daemon/why.h"

struct refusal_facts {
    struct why_facts reader;  /* lang, zone, now_at; the rest is empty */
    struct refusal_now now;
    const char *person;       /* for whom it was asked */
    struct str operators;     /* names, "kim, lee"; empty: not known */
    const char *account;      /* that it asked for; "": none */
    struct str accounts;      /* that the person may use; empty: none */
    const char *job_state;    /* of the job now, as in lists; NULL: none */
    struct core_urgent urgent; /* of the person; most 0: not counted */
};

void refusal_sentences(const struct refusal *r, const struct refusal_facts *f, struct json_out *j); /* an array of strings */
void refusal_numbers(const struct refusal *r, const struct refusal_facts *f, struct json_out *j);   /* an object */

#endif
