/* http.h - one HTTP/1.1 connection to the daemon's Unix socket (RFC 9112), bounded.
 *
 * Requests go out whole, one at a time; the answer is read whole into the connection's own buffer
 * and is valid until the next request.  Bodies come with Content-Length or chunked.  Everything has
 * a maximum: head, body and the time a daemon may take.  A request and its answer may be parted
 * (http_send, http_receive), so that a caller can poll http_fd() together with a file and a signal.
 *
 * After any failure the connection is closed; http_connect makes a new one.  Whether a request that
 * got no answer took effect is not known here: submits carry a key and may simply be sent again.
 *
 * The connection owns its buffers; http_close frees them and accepts a zeroed struct.
 */
#ifndef EOUL_CLIENT_HTTP_H
#define EOUL_CLIENT_HTTP_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"
#include "client/place.h"

#define HTTP_HEAD_MAX (16 * 1024)         /* our own daemon's heads are some 200 bytes */
#define HTTP_BODY_MAX (256 * 1024 * 1024) /* a million rows of a queue, with room */
#define HTTP_PATH_MAX 1024
#define HTTP_ANSWER_US (30 * USEC_PER_SEC) /* a turn of the daemon is milliseconds */
#define HTTP_CONNECT_US (5 * USEC_PER_SEC) /* a full backlog */

struct http {
    int fd; /* -1 or, in a zeroed struct, 0 with open == false: closed */
    bool open;
    bool head_only;
    char lang[8];    /* Accept-Language */
    struct buf in;   /* what has arrived, from the first byte of the answer */
    struct buf body; /* a chunked body put together */
};

struct http_answer {
    int status;
    struct str body; /* in the connection's buffers */
};

/* E_NOT_FOUND: nobody has a socket there; E_UNAVAILABLE: it is there but nobody listens; E_DENIED.
 * The listener must be the owner of the place: this user, root, the system's or the team's. */
int http_connect(const struct place *p, const char *lang, struct http *ret, struct err *err);
void http_close(struct http *h);

/* body.ptr NULL: none.  `timeout_us` of receive counts from the call. */
int http_send(struct http *h, const char *method, const char *path, struct str body,
              struct err *err);
int http_receive(struct http *h, usec_t timeout_us, struct http_answer *ret, struct err *err);
int http_call(struct http *h, const char *method, const char *path, struct str body,
              struct http_answer *ret, struct err *err);
static inline int http_fd(const struct http *h)
{
    return h->open ? h->fd : -1;
}

/* Add one path segment or query value, percent-encoded (RFC 3986 unreserved stays). */
void http_encode(struct buf *out, struct str value);

#endif
