/* joint_referee.h - is this a schedule of that week, and what does it cost?  Asked of the file's own bytes.
 *
 * Written apart from joint.c and schedule/ and sharing nothing with them: no tables, every step walked
 * through, every rule from the file's lines.
 */
#ifndef EOUL_SIM_JOINT_REFEREE_H
#define EOUL_SIM_JOINT_REFEREE_H

#include "base/err.h"
#include "base/str.h"

/* start[n]: a start for each task of the file, in its order.  0 and the cost in 1/60000 won, or E_INVALID
 * with the first rule that is broken (tasks counted from 1). */
int joint_referee_judge(struct str text, const int32_t *start, uint32_t n, int64_t *ret_cost,
                        struct err *err);

#endif
