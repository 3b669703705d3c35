/* web.h - the daemon's API: routes of doc/api.yaml over http.h, answered from daemon.h.
 *
 * Whatever changes something becomes a struct op and is answered in its `done`, after the turn's
 * commit; whatever only looks is answered at once.  Requests that wait (/wait) are parked until a
 * change concerns them: nothing here polls.
 *
 * Who asks is what the kernel said.  `for` lets the daemon's own user act for a sample person, outside
 * system mode only.  What only a submitter may see (argv, directory, environment, output) is shown to
 * whom daemon_may allows.
 */
#ifndef EOUL_WEB_WEB_H
#define EOUL_WEB_WEB_H

#include "base/err.h"
#include "daemon/daemon.h"
#include "loop/loop.h"

struct web;

int web_create(struct web **ret, struct daemon *d, struct loop *loop);
/* After the daemon's last turn: parked requests are closed, operations not done yet are forgotten. */
void web_destroy(struct web *web);

/* A client: a connected, non-blocking, close-on-exec stream socket, ours from now on. */
void web_take_connection(struct web *web, int fd, const struct op_peer *peer);
/* Push out what `done` answered. */
void web_before_sleep(struct web *web);

#endif
