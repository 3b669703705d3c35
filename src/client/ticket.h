/* ticket.h - system mode, the submitter's side: asking the launcher for a ticket, and tickets as text.
 *
 * A ticket (launcher/ticket.h) says that this user asked for what has this hash.  It travels inside the job's
 * own text, as hexadecimal digits; it is of use to nobody but the launcher.
 */
#ifndef EOUL_CLIENT_TICKET_H
#define EOUL_CLIENT_TICKET_H

#include "base/buf.h"
#include "base/err.h"
#include "launcher/ticket.h"

#define TICKET_ANSWER_US (10 * USEC_PER_SEC) /* it answers in microseconds */

/* Where the launcher listens: EOUL_LAUNCHER, for tests and odd places, or TICKET_SOCKET. */
const char *ticket_socket(void);

/* Ask for one for `tasks` tasks of what has this hash. */
int ticket_get(const uint8_t hash[32], uint32_t tasks, struct ticket *ret, struct err *err);

void ticket_print(struct buf *out, const struct ticket *t);
int ticket_read(struct str text, struct ticket *ret); /* E_INVALID: not one */

#endif
