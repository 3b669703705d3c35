/* pattern.h - file names with Slurm's replacement symbols.
 *
 *     %% %   %A job id of the array   %a array index   %b array index modulo 10   %j job id
 *     %J job id (.step for steps)   %N host   %n node number (0)   %s step   %t rank (0)
 *     %u user   %x job name
 * A number between % and the letter pads numbers with zeros (at most 10 digits).  A backslash anywhere
 * switches all replacement off and is dropped, as in slurmstepd.  Other letters stay as written.
 * Without an array %a is 4294967294, as in Slurm, and %A the job id.
 *
 * Relative names are relative to the job's directory: the caller joins them.  Pure.
 */
#ifndef EOUL_SPEC_PATTERN_H
#define EOUL_SPEC_PATTERN_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define PATTERN_NO_ARRAY UINT32_C(4294967294)

struct pattern_facts {
    uint32_t job;         /* decimal id of this job or array task */
    uint32_t array_job;   /* id of its array; 0: none */
    uint32_t array_index;
    struct str host, user, name;
};

void pattern_expand(struct buf *out, struct str pattern, const struct pattern_facts *facts);

#endif
