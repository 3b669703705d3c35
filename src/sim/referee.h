/* referee.h - is this a schedule of that file?  Asked of the file's own bytes.
 *
 * Written apart from psplib.c and schedule/ and sharing nothing with them: it reads the file in its own
 * way, and adds up what is in use at every step from the starts alone.  A mistake in the reader or in
 * the packed arithmetic of the search therefore does not excuse itself.
 */
#ifndef EOUL_SIM_REFEREE_H
#define EOUL_SIM_REFEREE_H

#include "base/err.h"
#include "base/str.h"

/* start[n]: a start for each job of the file, in its order.  0 and the makespan, or E_INVALID with the
 * first rule that is broken (jobs and resources counted from 1, as in the file). */
int referee_judge(struct str text, const int32_t *start, uint32_t n, int32_t *ret_makespan,
                  struct err *err);

#endif
