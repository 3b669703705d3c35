/* why_say.h - a sentence of an explanation, and its parts: what why.c and why_started.c share.  Nobody else includes it. */
#ifndef EOUL_DAEMON_WHY_SAY_H
#define EOUL_DAEMON_WHY_SAY_H

#include "daemon/why.h"

#define WHY_ODDS_RUNS 30 /* with fewer runs behind a forecast no odds are told */
#define WHY_LATER_US (15 * USEC_PER_MIN) /* of later than a planned start less is not worth a word */
#define MONEY_LEAST_MILLI 1000 /* nor is less than one of the currency */
#define WHY_PART_MAX 160 /* a time, a length, a name inside a sentence */

struct why {
    enum lang lang;
    const struct explanation *x;
    const struct why_facts *f;
    struct json_out *j;
};

struct why_part {
    char text[WHY_PART_MAX];
};

bool why_is_time(usec_t at);
struct why_part why_at(const struct why *w, usec_t at);
struct why_part why_length(const struct why *w, usec_t length_us);
struct why_part why_about(const struct why *w, usec_t length_us);   /* of a forecast */
struct why_part why_money(const struct why *w, int64_t milli);      /* there is a currency */
struct why_part why_job(const char *id, struct str called);

/* One whole sentence, already translated. */
void why_say(const struct why *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- of what has started (why_started.c) ---------------------------------------------------------- */

void why_say_gave_way(const struct why *w);
void why_say_got_way(const struct why *w);
void why_say_running(const struct why *w);
void why_say_ended(const struct why *w);

#endif
