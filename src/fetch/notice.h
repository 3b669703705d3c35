/* notice.h - delivering one notice: a POST, or a mail. */
#ifndef EOUL_FETCH_NOTICE_H
#define EOUL_FETCH_NOTICE_H

#include "base/buf.h"
#include "base/str.h"
#include "fetch/http.h"

/* The fields of a FETCH_NOTICE; the answer's fields go to `out`: TROUBLE (none: there was an answer),
 * STATUS, RETRY_AFTER_S, and BODY, the first bytes of what was answered. */
void notice_send(struct str ask, struct http *http, struct buf *out);

#endif
