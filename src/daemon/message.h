/* message.h - what was not as it should be with an attempt, kept as a code and its values.
 *
 * A store keeps one line of these forms, and whoever reads it is told in their own language:
 *
 *     =launch CAUSE STAGE ERRNO DETAIL     it never ran: words of wire.h, the detail as in struct wire_end
 *     =code WAS IS                         its code is not what was submitted
 *     anything else                        a sentence, from an older eoul or of a failure of eoul's own: told as it is
 *
 * Bytes of DETAIL are foreign: whoever shows them cleans them.
 */
#ifndef EOUL_DAEMON_MESSAGE_H
#define EOUL_DAEMON_MESSAGE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

void message_of_launch(struct buf *out, uint32_t cause, uint32_t stage, int error, const char *detail);
void message_of_code(struct buf *out, struct str was, struct str is);

/* The sentence, without a full stop if it is about a launch; translate as in struct err. */
void message_tell(struct buf *out, struct str kept, const char *(*translate)(const char *));

#endif
