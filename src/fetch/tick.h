/* tick.h - a todo is done: the resource at a CalDAV server is written again, ticked.
 *
 *     GET ──▶ vtodo_tick ──▶ PUT, If-Match: the ETag of these bytes ──2xx──▶ done
 *      ▲                                  ╰─412: somebody else was faster ─╮
 *      ╰───────────────────────────── once more ◀──────────────────────────╯
 *
 * Nothing is written over a change that was not seen; without an ETag nothing is written at all.  Asking
 * again after an answer that got lost finds the todo done, and is done.
 */
#ifndef EOUL_FETCH_TICK_H
#define EOUL_FETCH_TICK_H

#include "base/usec.h"
#include "fetch/http.h"

/* like: url, user, password, home.  memory: CAL_MEMORY.  TROUBLE_NONE: it is done there, or gone. *detail is the
 * status of TROUBLE_HTTP. */
enum trouble tick_resource(struct http *h, const struct http_ask *like, usec_t done_at, void *memory, long *detail);

#endif
