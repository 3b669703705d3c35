/* doctor.h - what the files of `eoul doctor` share: one line a check.
 *
 * cmd_doctor.c looks at this person's machine, doctor_team.c at what the daemon says of its jobs and of this person's
 * calendars and channels, doctor_system.c at system mode: places, units, launcher. */
#ifndef EOUL_CLI_DOCTOR_H
#define EOUL_CLI_DOCTOR_H

#include <stdbool.h>

#include "cli/cli.h"

enum grade { GOOD, NOTE, BAD };

struct doctor {
    struct cli *cli;
    bool json;
    json_t *checks;
    int bad;
    bool guards_said; /* by a daemon that answered: what its jobs are kept to */
};

/* `what` is a word of at most eight letters; the sentence says how to mend it. */
__attribute__((format(printf, 4, 5))) void doctor_say(struct doctor *d, enum grade grade, const char *what,
                                                      const char *sentence, ...);
void doctor_space(struct doctor *d, const char *path); /* of the file system that holds it */

/* With a connection and what GET /v1/status answered. */
void doctor_guards(struct doctor *d, const json_t *status);
void doctor_calendars(struct doctor *d);
void doctor_notices(struct doctor *d);
void doctor_slurm(struct doctor *d);

/* System mode, where it is set up or in use; as root a little more. */
void doctor_system(struct doctor *d);

#endif
