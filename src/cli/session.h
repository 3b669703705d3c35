/* session.h - this terminal, joined to a job's.
 *
 * What the job prints goes to our terminal, what is typed here goes to the job, and the job's window has
 * our size.  Our terminal is in raw mode meanwhile: every key is the job's, Ctrl-C and Ctrl-Z too; only the
 * detach key (term/key.h) is ours.  However it ends, by the key, the job's end, a signal or the loss of the
 * supervisor, the terminal is brought out of what the job had switched on and gets its modes back; SIGKILL
 * alone is not survived that way.  SIGTSTP stops us in good order, SIGCONT goes on.  The job does not depend
 * on us, nor do we on the daemon.
 */
#ifndef EOUL_CLI_SESSION_H
#define EOUL_CLI_SESSION_H

#include "cli/cli.h"
#include "supervisor/wire.h"
#include "term/key.h"

enum session_end {
    SESSION_LEFT,    /* the detach key, or a signal that asked us to go */
    SESSION_HUNG_UP, /* our terminal is gone */
    SESSION_OVER,    /* the attempt ended: struct wire_end says how */
    SESSION_LOST,    /* its supervisor went without a word */
};

struct session_options {
    int ctl_fd;      /* to the supervisor; borrowed */
    bool asks;       /* it is to be asked for the terminal; else it gives it unasked */
    struct key key;
};

/* 0 and *ret, with *ret_end after SESSION_OVER; or a negative E_* with a sentence: not attached. */
int session_run(struct cli *cli, const char *id, const struct session_options *o, enum session_end *ret,
                struct wire_end *ret_end);

/* Can a session be held here: are input and output a terminal, and are we in its foreground? */
bool session_is_possible(void);
/* Rows and columns of our terminal; 0: not known. */
void session_size(uint16_t *ret_rows, uint16_t *ret_columns);
/* What --detach-key, or EOUL_DETACH_KEY, says; NULL: not given. */
int session_key(struct cli *cli, const char *given, struct key *ret);

#endif
