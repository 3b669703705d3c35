/* passed.h - when people could look in the last seven days, as it was told then: what a replay of the week goes by (week.h).
 *
 * What is said of hours and absences is changed under the past: somebody's holiday of last week is over and gone, and hours of
 * a summer hold no more in autumn.  So what the core was told of a time (EVENT_AVAIL) is noted when that time has passed: before
 * it is told anew, and hourly.  A span goes when it ended CONFIG_PRESENCE_US ago, for nobody keeps for longer when people
 * were there (doc/data.md); one that goes on is cut there.
 *
 * Kept in STATE/passed, not in the store: its hourly copies would hold it for a day longer.  One line a person,
 *
 *     eoul-passed 1
 *     NUMBER SINCE UNTIL FROM UNTIL FROM UNTIL ...       (microseconds since 1970; nothing is known before SINCE)
 *
 * A file that is lost or cannot be read is as if nothing had been noted yet: the replay then takes the hours of today.
 */
#ifndef EOUL_DAEMON_PASSED_H
#define EOUL_DAEMON_PASSED_H

#include <stddef.h>

#include "base/err.h"
#include "base/usec.h"
#include "core/event.h"

#define PASSED_FILE      "passed" /* goes at a restore: numbers are others' then */
#define PASSED_SPANS_MAX 512u /* of one person: 64 a day; more are not noted */

struct daemon;
struct passed;

int passed_load(struct daemon *d, struct err *err);
void passed_finish(struct daemon *d);

/* What the core was told of this person until now has passed. */
void passed_note(struct daemon *d, person_no no);
/* Of everybody; what is too old goes, and what has changed is written. */
void passed_step(struct daemon *d);
void passed_forget(struct daemon *d, person_no no);

/* What is noted of them: [*ret_known) and the spans in it, sorted, disjoint, lent until the next call.  false: nothing. */
bool passed_get(const struct daemon *d, person_no no, struct span *ret_known, const struct span **ret_at, size_t *ret_n);

#endif
