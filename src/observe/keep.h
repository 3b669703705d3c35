/* keep.h - the recorder's state and one round of it: look, keep what may be kept, write it down.
 *
 * Written after every round, so that a kill at any instant loses at most the time since the last one: a run that has
 * ended is appended to its user's file first and leaves `open` then, and is not appended again if its name is there.
 */
#ifndef EOUL_OBSERVE_KEEP_H
#define EOUL_OBSERVE_KEEP_H

#include "observe/record.h"
#include "observe/sight.h"

struct keep {
    struct record record;
    struct record_about about;
    struct sight_source source;
    struct look look;
    struct runs runs;
    char boot[9];       /* the beginning of the boot id */
    int64_t trimmed_day;
    int failed;         /* the first E_* of this round's writing; 0 */
};

/* Take up what an earlier recorder left.  record must be open; about.every_us set. */
int keep_begin(struct keep *k, struct err *err);
/* One round.  E_UNAVAILABLE: nothing could be seen; other negative codes: it could not be written. */
int keep_round(struct keep *k, struct err *err);
void keep_finish(struct keep *k);

#endif
